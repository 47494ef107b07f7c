//! Who speaks the protocol and says what it likes, or does not speak it at all: refused or cut off, and nobody else is
//! disturbed.

use huiliu_core::documents::Document;
use huiliu_core::model::{Fields, Value};
use huiliu_core::model::{Hlc, KindId, RecordId};
use huiliu_core::sync::control::reason;
use huiliu_core::sync::feed::{Head, sign_run};
use huiliu_core::sync::message::Tag;
use huiliu_core::sync::message::{self, Hello, Message, VERSIONS};
use huiliu_core::sync::{DeviceKey, Entry, EntryKind, FeedId, Hash, Incarnation, Run, birth, wire};
use huiliu_core::sync::{Envelope, Stamp};
use huiliu_link::identity::load_key_file;
use huiliu_link::{Connection, Credential, Dialer, FrameStream, LinkError, Purpose};
use huiliu_replica::Role;
use huiliu_replica::service::home;
use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, LIMIT, Site, assert_equal_fingerprints, until};
use huiliu_tests::harness::strangers::endpoint;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A program of somebody who has a joined node's files: it speaks the protocol and says what it likes.
struct Forger {
    key: DeviceKey,
    grant: Hash,
    incarnation: Incarnation,
    credential: Credential,
    hub: huiliu_core::sync::DeviceId,
    address: String,
}

impl Forger {
    fn with_the_files_of(node: &Site, address: &str) -> Self {
        let key = load_key_file(&node.data.join("device.key")).unwrap();
        let certificate = std::fs::read(node.data.join("device.crt")).unwrap();
        let opened = home::open(&node.data, Role::Node).unwrap();
        let ledger = opened.replica.ledger();
        let (grant, _) = ledger.authority.as_ref().unwrap().grant_of(&key.device()).unwrap();
        Self {
            credential: Credential::new(certificate, &key),
            grant,
            incarnation: Incarnation([0xee; 8]),
            hub: opened.settings.hub_key().device(),
            key,
            address: address.to_owned(),
        }
    }

    async fn connect(&self) -> (Dialer, Connection, FrameStream) {
        let dialer = Dialer::new(self.hub, Some(&self.credential)).unwrap();
        let connection = dialer.connect(std::slice::from_ref(&self.address), LIMIT).await.unwrap();
        let stream = connection.open(Purpose::Session).await.unwrap();
        (dialer, connection, stream)
    }

    fn hello(&self) -> Vec<u8> {
        message::encode(&Message::Hello(Hello {
            versions: VERSIONS,
            features: 0,
            device: self.key.device(),
            incarnation: self.incarnation,
            salt: [3; 8],
            combined: huiliu_core::sync::ledger::Combined { digest: [0; 16], sums: [0; 16] },
            frontier: Some(Vec::new()),
            folded: None,
            pending: 1,
        }))
    }

    /// A new organization in a channel, signed as it should be.
    fn run(&self, channel: &str, kind: EntryKind) -> Run {
        self.run_with(channel, kind, &[("name", "越权的协会")])
    }

    fn run_with(&self, channel: &str, kind: EntryKind, fields: &[(&str, &str)]) -> Run {
        let feed = FeedId {
            channel: channel.parse().unwrap(),
            device: self.key.device(),
            incarnation: self.incarnation,
        };
        let actor = birth::actor(&feed.device, &feed.incarnation, 0);
        let record: RecordId = birth::record_id(&actor, 1_790_000_000_000, 1);
        let fields: Fields =
            fields.iter().map(|(field, value)| ((*field).to_owned(), Value::of(*value))).collect();
        let payload = Document::empty().edit(actor, &fields, &[]).unwrap();
        let stamp = Stamp { who: "某人".into(), at: Hlc(1 << 20) };
        let envelope = Envelope { record, kind: KindId(2), ..Envelope::of_no_record(stamp) };
        let entry = Entry { kind, envelope: Some(envelope), payload };
        sign_run(&self.key, self.grant, feed, &Head::START, vec![entry]).0
    }

    /// Offers runs and gives back the reasons for which they are refused.
    async fn offer(&self, runs: &[Run]) -> Vec<u16> {
        let (dialer, connection, mut stream) = self.connect().await;
        stream.send(self.hello()).await.unwrap();
        stream.send(message::encode(&Message::Batch(wire::encode(runs, &Whole)))).await.unwrap();
        let mut reasons = Vec::new();
        loop {
            let frame = tokio::time::timeout(LIMIT, stream.recv()).await.expect("an answer");
            match message::decode(&frame.unwrap().expect("the session goes on")).unwrap() {
                Message::Refused(refused) => reasons.extend(refused.iter().map(|one| one.reason)),
                Message::Ack(_) => break,
                _ => {}
            }
        }
        connection.close(0, "");
        dialer.shutdown().await;
        reasons
    }
}

/// A sender that leaves nothing out.
struct Whole;

impl wire::Sending for Whole {
    fn tag(&self, _: &FeedId) -> Option<Tag> {
        None
    }
    fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        None
    }
    fn number_of(&self, _: &FeedId, _: &RecordId, _: &Hash) -> Option<u64> {
        None
    }
}

fn quarantined(hub: &Site) -> Vec<(String, u64)> {
    let list = hub.good(&["quarantine", "list"]);
    let list = list["quarantined"].as_array().unwrap();
    list.iter()
        .map(|one| (one["channel"].as_str().unwrap().to_owned(), one["reason"].as_u64().unwrap()))
        .collect()
}

#[tokio::test]
async fn entries_out_of_scope_are_refused_quarantined_and_change_nothing() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuyao = city.join("yuyao", "330281");
    let before = city.hub.status();
    let forger = Forger::with_the_files_of(&haishu, city.address());

    // Another county's, the city's own, the hub's decisions, and what only the hub may write in one's own channel.
    let offers = [
        ("own/330205/open", EntryKind::EDIT, reason::OUT_OF_SCOPE),
        ("own/3302/open", EntryKind::EDIT, reason::OUT_OF_SCOPE),
        ("published/3302/open", EntryKind::GRANT, reason::OUT_OF_SCOPE),
        ("own/330203/open", EntryKind::REFUSAL, reason::NOT_THE_HUB),
    ];
    for (channel, kind, reason) in offers {
        assert_eq!(forger.offer(&[forger.run(channel, kind)]).await, [reason], "{channel}");
    }
    let mut unsigned = forger.run("own/330203/open", EntryKind::EDIT);
    unsigned.entries[0].envelope.as_mut().unwrap().stamp.who.push('x');
    assert_eq!(forger.offer(&[unsigned]).await, [reason::BAD_SIGNATURE]);

    let held: Vec<(String, u64)> = quarantined(&city.hub);
    let wanted = offers.iter().map(|(channel, _, reason)| ((*channel).to_owned(), u64::from(*reason)));
    let wanted: Vec<_> =
        wanted.chain([("own/330203/open".to_owned(), u64::from(reason::BAD_SIGNATURE))]).collect();
    assert_eq!(held, wanted);
    let after = city.hub.status();
    assert_eq!(before["fingerprint"], after["fingerprint"]);
    assert_eq!(before["frontier"], after["frontier"]);
    assert_eq!(before["records"], after["records"]);
    assert_eq!(after["quarantined"], 5);
    let shown = city.hub.good(&["quarantine", "show", "1"]);
    assert!(shown["quarantined"][0]["why"].as_str().is_some_and(|why| why.contains("授权")), "{shown}");
    assert_eq!(city.hub.good(&["verify"])["ok"], true);

    // The honest program of the same node goes on as if nothing had been.
    haishu.create(&["name=海曙的", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.sync();
    yuyao.sync();
    assert_eq!(city.hub.organizations().len(), 1);
    assert_equal_fingerprints(&haishu, &city.hub);
}

/// Runs of entries of a kind that no program knows, one after another in a feed, of bytes that nothing can pack.
fn noisy_runs(forger: &Forger, channel: &str, sizes: &[&[usize]]) -> Vec<Run> {
    let mut rng = fastrand::Rng::with_seed(7);
    let (device, incarnation) = (forger.key.device(), forger.incarnation);
    let feed = FeedId { channel: channel.parse().unwrap(), device, incarnation };
    let mut head = Head::START;
    let mut runs = Vec::new();
    for sizes in sizes {
        let entries = sizes.iter().map(|size| {
            let mut payload = vec![0; *size];
            rng.fill(&mut payload);
            let stamp = Stamp { who: "某人".into(), at: Hlc(1 << 20) };
            Entry { kind: EntryKind(60), envelope: Some(Envelope::of_no_record(stamp)), payload }
        });
        let (run, next) = sign_run(&forger.key, forger.grant, feed, &head, entries.collect());
        head = next;
        runs.push(run);
    }
    runs
}

/// Once small runs before one whose frame alone just fits made a frame that nobody may send: the county of the township
/// that had sent them came to nothing any more.
#[tokio::test]
async fn two_legal_looking_uploads_of_a_township_cut_its_county_off_from_nothing() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuehu = city.join("yuehu", "330203004");
    let forger = Forger::with_the_files_of(&yuehu, city.address());
    let mut sizes = vec![&[600][..]; 9];
    let large = [1_048_000, 1_048_000, 1_048_000, 1_048_000];
    sizes.push(&large);
    let runs = noisy_runs(&forger, "own/330203004/open", &sizes);
    let (small, large) = runs.split_at(9);
    assert!(wire::encode(large, &Whole).len() > message::MAX_FRAME_BYTES - 8_000, "it fills a frame");
    assert!(forger.offer(small).await.is_empty(), "small ones are taken");
    assert_eq!(forger.offer(large).await, [reason::BAD_SHAPE]);
    let new = ["record", "new", "social_org", "--division", "330203", "name=甬江合唱团", "org_type=BA"];
    city.hub.good(&new);
    haishu.sync();
    let joined = city.join("haishu2", "330203");
    joined.sync();
    // It hears of the other.
    haishu.sync();
    for county in [&haishu, &joined] {
        assert_eq!(county.organizations().len(), 1);
        assert_equal_fingerprints(county, &city.hub);
    }
}

#[tokio::test]
async fn what_the_hub_refuses_is_a_draft_until_a_person_writes_it_again() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let forger = Forger::with_the_files_of(&haishu, city.address());
    // An older program of this machine wrote a word where a number belongs.
    let fields = [
        ("name", "草稿社"),
        ("org_type", "BA"),
        ("registration_authority", "330203"),
        ("staff_full", "十二"),
    ];
    let run = forger.run_with("own/330203/open", EntryKind::EDIT, &fields);
    assert!(forger.offer(&[run]).await.is_empty(), "it may enter the channel, and counts nowhere");
    haishu.sync();
    assert!(city.hub.organizations().is_empty() && haishu.organizations().is_empty());
    assert_eq!(haishu.status()["drafts"], 1);
    let list = haishu.good(&["quarantine", "list"]);
    let draft = &list["quarantined"][0];
    assert_eq!((&draft["what"], &draft["by"]), (&"draft".into(), &"某人".into()), "{list}");
    assert_eq!(draft["fields"]["name"], "草稿社", "{list}");

    assert!(haishu.run(&["quarantine", "retry", "1"]).sentence(1).contains("专职"));
    assert_eq!(haishu.status()["drafts"], 1, "what is still wrong stays a draft");
    let saved = haishu.good(&["quarantine", "retry", "1", "staff_full=12"]);
    haishu.sync();
    let id = saved["id"].as_str().unwrap();
    for site in [&haishu, &city.hub] {
        assert_eq!((site.field(id, "name"), site.field(id, "staff_full")), ("草稿社".into(), 12.into()));
    }
    assert_eq!(haishu.status()["drafts"], 0);
    haishu.run(&["quarantine", "retry", "1"]).sentence(1);
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[tokio::test]
async fn garbage_from_a_joined_device_ends_its_session_and_nothing_else() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuyao = city.join("yuyao", "330281");
    let forger = Forger::with_the_files_of(&haishu, city.address());
    let service = yuyao.serve();
    let noise = |seed: u32, length: usize| -> Vec<u8> {
        (0..length as u32).map(|n| ((n ^ seed).wrapping_mul(2_654_435_761) >> 11) as u8).collect()
    };
    let mut frames: Vec<Vec<Vec<u8>>> = vec![
        vec![Vec::new()],
        vec![vec![0xff; 3]],
        vec![noise(1, 70_000)],
        // Over the cap of its kind, within that of a frame.
        vec![[vec![5], vec![0; 4 << 20 >> 1]].concat()],
        // Answers to questions nobody asked.
        vec![message::encode(&Message::Welcome(message::Welcome::Same))],
        vec![message::encode(&Message::Batch(noise(2, 4000)))],
        vec![forger.hello(), message::encode(&Message::Batch(noise(3, 4000)))],
        vec![forger.hello(), message::encode(&Message::Batch(bomb()))],
    ];
    frames.extend((10..20).map(|seed| vec![forger.hello(), noise(seed, 500)]));
    let mut told = 0;
    for sent in frames {
        let (dialer, connection, mut stream) = forger.connect().await;
        for frame in sent {
            // The hub may hang up before everything has left.
            let _ = stream.send(frame).await;
        }
        let ended = async {
            loop {
                match stream.recv().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            }
        };
        // Some garbage is only not understood and the session stays open; what counts is that the hub goes on.
        let ended = tokio::time::timeout(Duration::from_secs(1), ended).await;
        if let Ok(Some(LinkError::Refused { sentence, .. })) = ended {
            assert!(sentence.contains("无法识别"), "{sentence}");
            told += 1;
        }
        connection.close(0, "");
        dialer.shutdown().await;
    }
    assert!(told > 0, "nobody was told why");
    let id = yuyao.create(&["name=余姚的", "org_type=ST", &format!("uscc={}", uscc("330281", 1))]);
    until("the hub to go on", || (city.hub.field(&id, "name") == "余姚的").then_some(()));
    haishu.sync();
    service.stop();
    assert_eq!(city.hub.good(&["verify"])["ok"], true);
}

/// A small batch that would inflate to 200 MB.
fn bomb() -> Vec<u8> {
    let packed = zstd::bulk::compress(&vec![0; 200 << 20], 3).unwrap();
    [&[1], packed.as_slice()].concat()
}

#[test]
fn datagrams_of_noise_at_the_hubs_port_disturb_nobody() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..2000_u32 {
        let bytes: Vec<u8> =
            (0..1200_u32).map(|at| ((at ^ n).wrapping_mul(2_654_435_761) >> 9) as u8).collect();
        let length = (n as usize * 7) % 1200;
        let _ = socket.send_to(&bytes[..length], city.address());
    }
    haishu.create(&["name=海曙的", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), 1);
}

#[tokio::test]
async fn random_bytes_on_the_streams_of_strangers_disturb_nobody() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let address = city.address().parse().unwrap();
    let mut rng = fastrand::Rng::with_seed(5);
    let endpoint = endpoint(Ipv4Addr::LOCALHOST);
    for round in 0..40_usize {
        let connection = endpoint.connect(address, "huiliu-hub").unwrap().await.unwrap();
        for _ in 0..3 {
            // The purpose of a stream, a length, and what follows; or nothing that was ever agreed.
            let mut bytes: Vec<u8> = (0..rng.usize(..3000)).map(|_| rng.u8(..)).collect();
            if let Some(first) = bytes.first_mut() {
                *first = (round % 5) as u8;
            }
            if round % 3 == 0 && bytes.len() > 5 {
                bytes[1..5].copy_from_slice(&rng.u32(..).to_le_bytes());
            }
            // The hub may have closed by now, which is its right.
            let Ok((mut send, _receive)) = connection.open_bi().await else { break };
            let _ = send.write_all(&bytes).await;
            let _ = send.finish();
        }
        if round % 2 == 0 {
            connection.close(7_u32.into(), &[0xff; 20]);
        }
    }
    let id = haishu.create(&["name=照常", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    until("the hub to go on", || (city.hub.field(&id, "name") == "照常").then_some(()));
    city.join("yuyao", "330281").sync();
    assert_eq!(city.hub.good(&["node", "list"])["nodes"].as_array().unwrap().len(), 2);
    service.stop();
}
