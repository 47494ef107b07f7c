//! The power goes: of what a program had not made durable a disk may keep anything. Whatever it kept, the program opens
//! the directory again, every entry in it holds, and all that it had said to be saved or received is there.
//!
//! Forty images of each, or as many as `HUILIU_IMAGES` says; the seed of each is its number.

use huiliu_tests::harness::lists::{TOWNS, list_csv, uscc};
use huiliu_tests::harness::power::Recording;
use huiliu_tests::harness::process::{City, Running, Site};
use huiliu_tests::harness::strace::{CALLS, Log, can_trace, fail_at, kill_at};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SEGMENT: &str = "journal/00000001.seg";

fn images() -> u64 {
    let images =
        std::env::var("HUILIU_IMAGES").ok().map(|images| images.parse().expect("HUILIU_IMAGES is a number"));
    images.unwrap_or(40)
}

/// What has been said, and from which moment on it must be true.
enum Said {
    /// The directory holds a replica.
    Begun,
    /// A record has a value in a field.
    Saved(String, &'static str, String),
    /// So many records are here.
    Records(usize),
    /// A device has joined or was revoked.
    Node(String, &'static str),
}

/// A program at work below a recorded folder.
struct Witnessed {
    site: Site,
    recording: Recording,
    logs: PathBuf,
    commands: usize,
    said: Vec<(usize, Said)>,
}

impl Witnessed {
    fn new(site: Site, logs: PathBuf) -> Self {
        let recording = Recording::below(site.data.parent().expect("a folder above"));
        std::fs::create_dir_all(&logs).expect("a folder for logs");
        Self { site, recording, logs, commands: 0, said: Vec::new() }
    }

    fn next_log(&mut self) -> PathBuf {
        self.commands += 1;
        self.logs.join(format!("{}.log", self.commands))
    }

    fn traced(&self, log: &Path) -> Site {
        Log::at(log).of(&self.site, &CALLS, &Recording::options())
    }

    /// Runs a command that must go well; what it answers is said at the moment that is given back.
    fn good(&mut self, arguments: &[&str]) -> (Json, usize) {
        let log = self.next_log();
        let running: Running = self.traced(&log).start(arguments);
        let answer = Log::at(&log).finish(running).good();
        (answer, self.recording.follow(&log))
    }

    /// Runs a command to which something happens; whether it ended in order.
    fn harmed(&mut self, harm: &[String], arguments: &[&str]) -> bool {
        let log = self.next_log();
        let options = [Recording::options(), harm.to_vec()].concat();
        let running = Log::at(&log).of(&self.site, &CALLS, &options).start(arguments);
        let said = Log::at(&log).finish(running);
        self.recording.follow(&log);
        said.code == 0
    }

    /// Runs a command that is killed when it syncs for the `nth` time; whether it was.
    fn killed_at_sync(&mut self, call: &str, nth: usize, arguments: &[&str]) -> bool {
        !self.harmed(&kill_at(call, nth, &BTreeSet::new()), arguments)
    }

    /// How many organizations are shown now.
    fn shown(&mut self) -> usize {
        let (listed, _) = self.good(&["record", "list", "social_org"]);
        listed["records"].as_array().expect("a list").len()
    }

    /// How many organizations a power cut would leave now.
    fn sure(&self, folder: &Path) -> usize {
        let image = folder.join("image");
        std::fs::create_dir(&image).expect("a folder is made");
        self.recording.what_is_sure(&image);
        let left =
            Site { data: image.join(self.site.data.file_name().expect("a name")), ..self.site.clone() };
        let records = left.organizations().len();
        assert_eq!(left.good(&["verify"])["ok"], true);
        std::fs::remove_dir_all(&image).expect("a folder is removed");
        records
    }

    /// Whether the end of the journal can be read and would be gone after a power cut.
    fn has_unsure_end(&self) -> bool {
        let name = self.site.data.file_name().expect("a name").display();
        let sure = self.recording.sure_bytes(usize::MAX, &format!("{name}/{SEGMENT}"));
        self.site.data.join(SEGMENT).metadata().is_ok_and(|meta| meta.len() > sure as u64)
    }

    fn create(&mut self, number: usize) -> String {
        let name = format!("第{number}号协会");
        let code = format!("uscc={}", uscc("330203", number));
        let (made, moment) =
            self.good(&["record", "new", "social_org", &format!("name={name}"), "org_type=ST", &code]);
        let id = made["id"].as_str().expect("an id").to_owned();
        self.said.push((moment, Said::Saved(id.clone(), "name", name)));
        id
    }

    fn set(&mut self, id: &str, field: &'static str, value: &str) {
        let (_, moment) = self.good(&["record", "set", id, &format!("{field}={value}")]);
        self.said.push((moment, Said::Saved(id.to_owned(), field, value.to_owned())));
    }
}

/// What is not true that had been said before the moment.
fn broken(site: &Site, said: &[(usize, Said)], moment: usize) -> Vec<String> {
    let records: BTreeMap<String, Json> = site
        .organizations()
        .into_iter()
        .map(|record| (record["id"].as_str().expect("an id").to_owned(), record["fields"].clone()))
        .collect();
    let nodes = if site.program.ends_with("huiliu-hub") { site.good(&["node", "list"]) } else { Json::Null };
    let nodes = nodes["nodes"].as_array().cloned().unwrap_or_default();
    let is_broken = |said: &Said| match said {
        Said::Begun => None,
        Said::Saved(id, field, value) => {
            let holds = records.get(id).is_some_and(|fields| fields[*field] == value.as_str());
            (!holds).then(|| format!("{id} {field}={value}"))
        }
        Said::Records(count) => {
            (records.len() < *count).then(|| format!("{} of {count} records", records.len()))
        }
        Said::Node(name, state) => {
            let node = nodes.iter().find(|node| node["name"] == name.as_str());
            let state_now = node.map(|node| node["state"] == "revoked");
            (state_now.is_none() || state_now == Some(false) && *state == "revoked")
                .then(|| format!("{name} {state}"))
        }
    };
    said.iter().filter(|(from, _)| *from <= moment).filter_map(|(_, said)| is_broken(said)).collect()
}

/// Opens images with the real program. `begin` begins again where nothing had been said to have begun.
fn replay(witnessed: &Witnessed, folder: &Path, begin: impl Fn(&Site)) {
    let (mut opened, mut begun_again, mut torn, mut wrong) = (0, 0, 0, Vec::new());
    let name = witnessed.site.data.file_name().expect("a name");
    for seed in 0..images() {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = folder.join(format!("image-{seed}"));
        std::fs::create_dir(&world).expect("a folder is made");
        let moment = witnessed.recording.moment(&mut rng);
        let kept = witnessed.recording.image(moment, &mut rng, &world);
        let site = Site { data: world.join(name), ..witnessed.site.clone() };
        let has_begun =
            witnessed.said.iter().any(|(from, said)| *from <= moment && matches!(said, Said::Begun));
        let status = site.run(&["status"]);
        if !has_begun && status.code == 4 {
            begin(&site);
            begun_again += 1;
        } else if status.code != 0 {
            wrong.push(format!("image {seed} ({kept}): does not open: {}{}", status.out, status.err));
            continue;
        } else {
            opened += 1;
            if !status.json["notice"].is_null() {
                wrong.push(format!("image {seed} ({kept}): {}", status.json["notice"]));
            }
        }
        // At most the end that was never sure may be told to be damaged.
        let verified = site.run(&["verify"]);
        let damaged = verified.json["damaged"].as_array().cloned().unwrap_or_default();
        let was_sure = |one: &&Json| {
            let segment = one["segment"].as_str().expect("a segment");
            let name = format!("{}/journal/{segment}", name.display());
            one["offset"].as_u64() < Some(witnessed.recording.sure_bytes(moment, &name) as u64)
        };
        torn += usize::from(verified.code == 7);
        if let Some(one) = damaged.iter().find(was_sure) {
            wrong.push(format!("image {seed} ({kept}): {one}"));
        }
        if !matches!(verified.code, 0 | 7) {
            wrong.push(format!("image {seed} ({kept}): {}", verified.out));
        }
        let lost = broken(&site, &witnessed.said, moment);
        if !lost.is_empty() {
            wrong.push(format!("image {seed} ({kept}): lost: {lost:?}"));
        }
        std::fs::remove_dir_all(&world).expect("a folder is removed");
    }
    eprintln!(
        "{}: {opened} images opened, {begun_again} begun again, {torn} with an unfinished end",
        name.display()
    );
    assert!(opened > images() as usize / 2, "most moments lie behind the beginning");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_node_whose_power_went_has_all_it_called_saved() {
    if !can_trace() {
        return;
    }
    let city = City::found();
    std::fs::create_dir(city.path("world")).unwrap();
    let mut haishu = Witnessed::new(Site::node(city.path("world/haishu")), city.path("logs"));
    let (_, joined) = haishu.good(&["join", &city.invite("330203"), "--name", "haishu"]);
    haishu.said.push((joined, Said::Begun));
    let first = haishu.create(9001);
    haishu.set(&first, "address", "偃月街一号");
    let list = city.file("名录.csv", list_csv("330203", 0..300, &TOWNS).as_bytes());
    let (_, imported) = haishu.good(&["import", &list, "--kind", "social_org"]);
    haishu.said.push((imported, Said::Records(301)));
    haishu.good(&["sync"]);
    let second = haishu.create(9002);
    haishu.set(&first, "grade", "3A");
    haishu.good(&["sync"]);
    haishu.set(&second, "address", "月湖东路二号");
    replay(&haishu, &city.path("world"), |site| drop(site.good(&["join", &city.invite("330203")])));
}

#[test]
fn a_hub_whose_power_went_has_all_it_acknowledged() {
    if !can_trace() {
        return;
    }
    let city = City::found();
    std::fs::create_dir(city.path("world")).unwrap();
    let mut hub = Witnessed::new(Site::hub(city.path("world/second")), city.path("logs"));
    let (_, founded) = hub.good(&["init", "--division", "3302"]);
    hub.said.push((founded, Said::Begun));
    let log = hub.next_log();
    let service = hub.traced(&log).serve();
    let join = |name: &str, division: &str| {
        let invited = hub.site.good(&["invite", "--division", division]);
        let node = Site::node(city.path(name));
        node.good(&["join", invited["ticket"].as_str().expect("a ticket"), "--name", name]);
        node
    };
    let (haishu, yuyao) = (join("haishu", "330203"), join("yuyao", "330281"));
    let moment = hub.recording.follow(&log);
    hub.said.push((moment, Said::Node("haishu".into(), "active")));
    let id = haishu.create(&["name=月湖书画社", "org_type=BA"]);
    haishu.sync();
    let moment = hub.recording.follow(&log);
    hub.said.push((moment, Said::Saved(id.clone(), "name", "月湖书画社".into())));
    let list = city.file("名录.csv", list_csv("330203", 0..300, &TOWNS).as_bytes());
    haishu.good(&["import", &list, "--kind", "social_org"]);
    haishu.sync();
    let moment = hub.recording.follow(&log);
    hub.said.push((moment, Said::Records(301)));
    hub.site.good(&["record", "set", &id, "supervising_unit=市文化局"]);
    let moment = hub.recording.follow(&log);
    hub.said.push((moment, Said::Saved(id.clone(), "supervising_unit", "市文化局".into())));
    hub.site.good(&["node", "revoke", "yuyao"]);
    let moment = hub.recording.follow(&log);
    hub.said.push((moment, Said::Node("yuyao".into(), "revoked")));
    assert_eq!(yuyao.run(&["sync"]).code, 4);
    haishu.create(&["name=又一个", "org_type=BA"]);
    haishu.sync();
    let moment = hub.recording.follow(&log);
    hub.said.push((moment, Said::Records(302)));
    service.stop();
    hub.recording.follow(&log);
    replay(&hub, &city.path("world"), |site| drop(site.good(&["init", "--division", "3302"])));
}

#[test]
fn what_a_killed_beginning_left_unsure_is_made_sure_by_the_next() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let init = ["init", "--division", "3302"];
    let mut killed = 0;
    for (call, nth) in ["fsync", "fdatasync"].iter().flat_map(|call| (1..12).map(move |nth| (*call, nth))) {
        let (world, image) = (folder.path().join(format!("{call}-{nth}")), folder.path().join("image"));
        std::fs::create_dir(&world).unwrap();
        std::fs::create_dir(&image).unwrap();
        let mut hub = Witnessed::new(Site::hub(world.join("hub")), folder.path().join("logs"));
        if hub.killed_at_sync(call, nth, &init) {
            killed += 1;
            if hub.site.run(&["status"]).code == 4 {
                hub.good(&init);
            }
        }
        let id = hub.create(9001);
        hub.set(&id, "address", "偃月街一号");
        hub.recording.what_is_sure(&image);
        let left = Site { data: image.join("hub"), ..hub.site.clone() };
        assert_eq!(broken(&left, &hub.said, usize::MAX), Vec::<String>::new(), "killed at {call} {nth}");
        assert_eq!(left.good(&["verify"])["ok"], true);
        std::fs::remove_dir_all(&image).unwrap();
    }
    assert!(killed > 6, "{killed}");
    eprintln!("{killed} beginnings killed, and then the power went");
}

/// What is told to a person after a sync that failed or never came is there after a power cut. Says how often the end of
/// the journal was unsure meanwhile, and how often what was not said to be saved was there and was not.
fn told_after(harm: impl Fn(usize) -> Vec<String>) -> (usize, usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (mut unsure, mut there, mut gone) = (0, 0, 0);
    for nth in 1..5 {
        let world = folder.path().join(format!("{nth}"));
        std::fs::create_dir(&world).unwrap();
        let mut hub = Witnessed::new(Site::hub(world.join("hub")), folder.path().join("logs"));
        hub.good(&["init", "--division", "3302"]);
        hub.create(9001);
        let new = ["record", "new", "social_org", "name=月湖书画社", "org_type=BA"];
        let ended_in_order = hub.harmed(&harm(nth), &new);
        unsure += usize::from(hub.has_unsure_end());
        let shown = hub.shown();
        assert_eq!(hub.sure(folder.path()), shown, "{nth}: shown, and gone with the power");
        assert!(shown == 2 || !ended_in_order, "{nth}: said to be saved");
        there += usize::from(!ended_in_order && shown == 2);
        gone += usize::from(!ended_in_order && shown == 1);
        hub.create(9002);
        assert_eq!(hub.sure(folder.path()), shown + 1, "{nth}: what was shown, and what was saved after it");
    }
    (unsure, there, gone)
}

#[test]
fn what_is_shown_after_a_sync_that_never_came_or_failed_is_not_gone_with_the_power() {
    if !can_trace() {
        return;
    }
    let (unsure, there, _) = told_after(|nth| kill_at("fdatasync", nth, &BTreeSet::new()));
    assert!(unsure > 0 && there > 0, "killed between write and sync: {unsure}, {there}");
    // What is said not to be saved is gone, where the disk lets it go.
    let (_, _, gone) = told_after(|nth| fail_at("fdatasync", Some(nth)));
    assert!(gone > 0, "{gone}");
    let neither = |nth| [fail_at("fdatasync", Some(nth)), fail_at("ftruncate", None)].concat();
    let (unsure, there, _) = told_after(neither);
    assert!(unsure > 0 && there > 0, "a sync failed and the end could not be cut: {unsure}, {there}");
}

#[test]
fn a_hub_killed_before_its_sync_acknowledges_nothing_before_the_next_has_made_it() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Witnessed::new(Site::hub(folder.path().join("world/hub")), folder.path().join("logs"));
    std::fs::create_dir(folder.path().join("world")).unwrap();
    hub.good(&["init", "--division", "3302"]);
    let log = hub.next_log();
    let service = hub.traced(&log).serve();
    let address = service.listen().to_owned();
    let invited = hub.site.good(&["invite", "--division", "330203"]);
    let haishu = Site::node(folder.path().join("haishu"));
    haishu.good(&["join", invited["ticket"].as_str().expect("a ticket"), "--name", "haishu"]);
    service.stop();
    hub.recording.follow(&log);
    let mut unsure = 0;
    for nth in 1..4 {
        haishu.create(&[&format!("name=第{nth}号读书会"), "org_type=BA"]);
        let log = hub.next_log();
        let options = [Recording::options(), kill_at("fdatasync", nth, &BTreeSet::new())].concat();
        let service = Log::at(&log).of(&hub.site, &CALLS, &options).serve_at(&address);
        let said = haishu.run(&["sync"]);
        service.kill();
        hub.recording.follow(&log);
        let was_unsure = hub.has_unsure_end();
        unsure += usize::from(was_unsure);
        assert!(!was_unsure || said.code != 0, "{nth}: {}", said.out);
        // It is up again, and hears of nothing that it does not have.
        let log = hub.next_log();
        let calls = [&CALLS[..], &["sendto", "sendmsg", "sendmmsg"]].concat();
        let service = Log::at(&log).of(&hub.site, &calls, &Recording::options()).serve_at(&address);
        haishu.sync();
        hub.recording.follow(&log);
        assert_eq!(haishu.status()["pending"], 0);
        assert_eq!(hub.sure(folder.path()), nth, "acknowledged, and gone with the power");
        let text = Log::at(&log).text();
        let segment: String = SEGMENT.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        let first = |what: &dyn Fn(&str) -> bool| text.lines().position(what).expect("the call is made");
        let synced = |line: &str| line.contains("fdatasync(") && line.contains(&segment);
        let sent = |line: &str| line.contains(" send");
        assert!(!was_unsure || first(&synced) < first(&sent), "{nth}: made durable before anything is said");
        service.stop();
        hub.recording.follow(&log);
    }
    assert!(unsure > 0, "no kill came between a write and its sync");
}
