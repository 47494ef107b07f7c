//! Whoever sends checks what its receiver checks: what cannot be sent is named, and cuts nobody off.

use super::{READERS, city};
use huiliu_core::model::{Hlc, RecordId};
use huiliu_core::sync::control::reason;
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::message::MAX_FRAME_BYTES;
use huiliu_core::sync::{Entry, EntryKind, Envelope, FeedId, Hash, Head, Incarnation, Run, Stamp};
use huiliu_tests::harness::adversary::plain_batch;
use huiliu_tests::harness::world::{HUB, World};

/// A kind of entry that no program knows yet.
const OF_TOMORROW: EntryKind = EntryKind(60);

/// A device of yuehu's that signs what it likes: small runs, then a large one.
struct Insider {
    feed: FeedId,
    head: Head,
}

impl Insider {
    fn new(world: &World) -> Self {
        let device = world.machines["yuehu"].key().device();
        let channel = "own/330203004/open".parse().unwrap();
        Self { feed: FeedId { channel, device, incarnation: Incarnation([0xbb; 8]) }, head: Head::START }
    }

    fn run(&mut self, world: &mut World, entries: Vec<Entry>) -> Run {
        let key = world.machines["yuehu"].key();
        let grant =
            world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&key.device()).unwrap().0;
        let (run, head) = sign_run(&key, grant, self.feed, &self.head, entries);
        self.head = head;
        run
    }
}

fn entry(kind: EntryKind, payload: Vec<u8>, settles: Vec<Hash>) -> Entry {
    let stamp = Stamp { who: "入侵者".into(), at: Hlc(1) };
    let envelope = Envelope { record: RecordId([1; 16]), settles, ..Envelope::of_no_record(stamp) };
    Entry { kind, envelope: Some(envelope), payload }
}

/// Bytes that nothing can pack.
fn noise(world: &mut World, bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    world.rng.fill(&mut noise);
    noise
}

/// A run whose frame alone just fits: a large payload, and envelopes that settle many changes.
fn largest_run(world: &mut World, insider: &mut Insider) -> Run {
    let mut entries = vec![entry(OF_TOMORROW, noise(world, 3 << 20), Vec::new())];
    let mut size = 3 << 20;
    while size + 9_000 < MAX_FRAME_BYTES - 500 {
        let settles: Vec<Hash> = (0..256).map(|_| Hash(noise(world, 32).try_into().unwrap())).collect();
        entries.push(entry(OF_TOMORROW, Vec::new(), settles));
        size += 8_260;
    }
    insider.run(world, entries)
}

#[test]
fn a_run_that_is_too_large_to_be_sent_on_is_not_taken() {
    let mut world = city();
    let mut insider = Insider::new(&world);
    let large = largest_run(&mut world, &mut insider);
    world.connect("yuehu");
    world.settle();
    world.inject("yuehu", HUB, plain_batch(&[large]));
    world.settle();
    assert_eq!(world.replica(HUB).ledger().head(&insider.feed).number, 0);
    assert_eq!(world.replica(HUB).quarantined().unwrap()[0].reason, reason::BAD_SHAPE);
}

#[test]
fn a_run_too_large_to_send_that_is_held_already_ends_its_feed_and_cuts_nobody_off() {
    let mut world = city();
    world.join("county_pc", "330203");
    // The hub has taken it when its program did not look at the size of whole runs.
    world.machine(HUB).bugs.insert("runs of any size are taken");
    world.go_down(HUB);
    world.start(HUB).unwrap();
    let mut insider = Insider::new(&world);
    let small: Vec<Run> = (0..9)
        .map(|_| {
            let payload = noise(&mut world, 600);
            insider.run(&mut world, vec![entry(OF_TOMORROW, payload, Vec::new())])
        })
        .collect();
    let large = largest_run(&mut world, &mut insider);
    assert!(plain_batch(std::slice::from_ref(&large)).len() <= MAX_FRAME_BYTES);
    let held = large.first - 1;
    world.connect("yuehu");
    world.settle();
    world.inject("yuehu", HUB, plain_batch(&small));
    world.inject("yuehu", HUB, plain_batch(&[large]));
    world.flow(1000);
    assert!(world.replica(HUB).ledger().head(&insider.feed).number > held);
    world.machine(HUB).bugs.clear();
    world.go_down(HUB);
    world.start(HUB).unwrap();

    let there = world.create(HUB, &READERS);
    let here = world.create(
        "haishu",
        &[("name", "江北合唱团"), ("org_type", "BA"), ("registration_authority", "330203")],
    );
    for county in ["haishu", "county_pc"] {
        world.connect(county);
        world.flow(1000);
        assert!(world.violations.is_empty(), "{:?}", world.violations);
        assert!(world.is_connected(county), "the session goes on");
        assert_eq!(world.replica(county).ledger().head(&insider.feed).number, held, "what fits has come");
        let withheld: Vec<_> = world.replica(county).withheld().collect();
        assert_eq!(withheld.len(), 1, "the county is told: {withheld:?}");
        assert_eq!((withheld[0].number, withheld[0].there), (held + 1, true));
        assert_eq!(withheld[0].reason, reason::TOO_LARGE_TO_SEND);
        assert!(world.replica(HUB).withheld().any(|one| one.feed == insider.feed), "and so is the hub");
        assert!(world.field(county, there, "name").is_some());
    }
    assert!(world.field(HUB, here, "name").is_some());
    assert_eq!(world.replica("haishu").pending(), 0);
    // Both go on living on this connection.
    world.set(HUB, there, &[("address", "月湖街道一号")]);
    world.flow(1000);
    assert!(world.field("haishu", there, "address").is_some());
}
