//! SIGKILL at any moment of a large import and of the sync after it: what was said to be saved or received is there.
//!
//! Three kills of each kind, or as many as `HUILIU_KILLS` says. The moments are seeded: a share of the bytes that the
//! journal is going to grow by, and a short while more, so that they fall between two writes as well as into one.

use huiliu_tests::harness::lists::{TOWNS, list_csv, uscc};
use huiliu_tests::harness::process::{City, Running, Site, assert_equal_fingerprints, until};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const ROWS: usize = 10_000;
/// Somewhat less than a row takes in a journal, so that no moment lies behind the end of an import.
const ROW_BYTES: u64 = 340;

fn rounds() -> std::ops::Range<u64> {
    let kills =
        std::env::var("HUILIU_KILLS").ok().map(|kills| kills.parse().expect("HUILIU_KILLS is a number"));
    0..kills.unwrap_or(3)
}

fn journal_bytes(site: &Site) -> u64 {
    site.segments().iter().map(|path| path.metadata().map_or(0, |meta| meta.len())).sum()
}

/// Waits for the seeded moment in which `growing` has written some share of an import of all rows more than `before`.
fn await_moment(rng: &mut fastrand::Rng, growing: &Site, before: u64, watched: &mut Running) {
    let share = rng.u64(..ROWS as u64 * ROW_BYTES);
    until("the moment of a kill", || {
        (watched.has_ended() || journal_bytes(growing) > before + share).then_some(())
    });
    std::thread::sleep(Duration::from_micros(rng.u64(..120_000)));
}

/// The rows that an import has said to be done: its last line of progress.
fn rows_told(stderr: &str) -> usize {
    let told = stderr.lines().filter_map(|line| line.strip_suffix(&format!("/{ROWS}"))?.parse().ok());
    told.max().unwrap_or(0)
}

/// The first answer after a kill: it opens, says nothing of a loss, and every entry holds.
fn reopened(site: &Site, slowest: &mut Duration) -> Json {
    let begun = Instant::now();
    let status = site.status();
    *slowest = begun.elapsed().max(*slowest);
    assert!(status["notice"].is_null(), "nothing that was durable is lost by a kill: {status}");
    assert_eq!(site.good(&["verify"])["ok"], true);
    status
}

/// Exactly the first so many rows of the list are here.
fn assert_prefix(site: &Site, rows: usize) {
    let name = |record: Json| record["fields"]["name"].as_str().expect("a name").to_owned();
    let held: BTreeSet<String> = site.organizations().into_iter().map(name).collect();
    let wanted: BTreeSet<String> = (0..rows).map(|n| format!("试验第{n}号读书会")).collect();
    assert!(held == wanted, "{} of {rows} rows", held.intersection(&wanted).count());
}

/// How many records a replica has.
fn records(status: &Json) -> u64 {
    status["records"]["social_org"].as_u64().unwrap_or(0)
}

/// The records that a node knows to be received. Every entry that it has to send makes one.
fn acknowledged(status: &Json) -> u64 {
    records(status) - status["pending"].as_u64().expect("a count")
}

/// After everything: level, equal, whole.
fn assert_level(node: &Site, hub: &Site, records: usize) {
    for site in [node, hub] {
        let status = site.status();
        assert_eq!((&status["pending"], &status["conflicts"]), (&0.into(), &0.into()), "{status}");
        assert_eq!(status["records"]["social_org"], records, "{status}");
        assert_eq!(site.good(&["verify"])["ok"], true);
    }
    assert_equal_fingerprints(node, hub);
}

#[test]
fn a_node_killed_in_an_import_and_in_the_sync_after_it_has_all_it_called_saved() {
    let (mut cut_short, mut slowest) = (0, Duration::ZERO);
    for round in rounds() {
        let mut rng = fastrand::Rng::with_seed(1000 + round);
        let city = City::found();
        let haishu = city.join("haishu", "330203");
        let incarnation = haishu.status()["incarnation"].clone();
        let list = city.file("名录.csv", list_csv("330203", 0..ROWS, &TOWNS).as_bytes());

        let mut import = haishu.start(&["import", &list, "--kind", "social_org"]);
        await_moment(&mut rng, &haishu, journal_bytes(&haishu), &mut import);
        let said = import.kill();
        let told = rows_told(&said.err);
        let status = reopened(&haishu, &mut slowest);
        let held = records(&status) as usize;
        assert!(held >= told, "round {round}: {told} rows were said to be done, {held} are here");
        assert_eq!(status["incarnation"], incarnation);
        assert_prefix(&haishu, held);
        cut_short += usize::from(held < ROWS);
        let again = haishu.good(&["import", &list, "--kind", "social_org"]);
        assert_eq!((&again["same"], &again["created"]), (&held.into(), &(ROWS - held).into()), "{round}");

        let mut sync = haishu.start(&["sync"]);
        await_moment(&mut rng, &city.hub, journal_bytes(&city.hub), &mut sync);
        let answer = sync.kill();
        let status = reopened(&haishu, &mut slowest);
        assert_prefix(&haishu, ROWS);
        let pending = status["pending"].as_u64().expect("a count");
        assert!(answer.code != 0 || pending == 0, "a sync that went well left nothing: {status}");
        haishu.sync();
        assert_level(&haishu, &city.hub, ROWS);
    }
    assert!(cut_short > 0, "no kill came before its import ended");
    eprintln!(
        "node: {} imports ({cut_short} cut short) and syncs killed, slowest start {slowest:?}",
        rounds().end
    );
}

#[test]
fn a_service_killed_beside_an_import_has_all_it_answered() {
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    for round in rounds() {
        let mut rng = fastrand::Rng::with_seed(2000 + round);
        let city = City::found();
        let haishu = city.join("haishu", "330203");
        let list = city.file("名录.csv", list_csv("330203", 0..ROWS, &TOWNS).as_bytes());
        let mut service = haishu.serve();
        let before = journal_bytes(&haishu);
        let import = haishu.start(&["import", &list, "--kind", "social_org"]);
        // A clerk goes on making records while the list comes in.
        let clerk = std::thread::spawn({
            let haishu = haishu.clone();
            move || -> Vec<(String, usize)> {
                let make = |n: usize| {
                    let code = format!("uscc={}", uscc("330203", ROWS + n));
                    let name = format!("name=窗口第{n}号协会");
                    let said =
                        haishu.start(&["record", "new", "social_org", &name, "org_type=ST", &code]).finish();
                    (said.code == 0).then(|| (said.json["id"].as_str().expect("an id").to_owned(), n))
                };
                // Each is asked for afterwards, which takes longer than making it.
                (0..200).map_while(make).collect()
            }
        });
        await_moment(&mut rng, &haishu, before, &mut service.running);
        service.kill();
        let made = clerk.join().expect("the clerk's work ends");
        let told = rows_told(&import.finish().err);
        let status = reopened(&haishu, &mut slowest);
        for (id, n) in &made {
            assert_eq!(
                haishu.field(id, "name"),
                format!("窗口第{n}号协会"),
                "round {round}: said to be saved"
            );
        }
        let held = records(&status) as usize;
        assert!(
            held >= told + made.len(),
            "round {round}: {told} rows and {} records, here {held}",
            made.len()
        );
        answered += made.len();
        let (received, at_hub) = (acknowledged(&status), records(&city.hub.status()));
        assert!(at_hub >= received, "round {round}: {received} acknowledged, {at_hub} held");
        haishu.good(&["import", &list, "--kind", "social_org"]);
        haishu.sync();
        let clerks = haishu.organizations().len() - ROWS;
        assert!(clerks == made.len() || clerks == made.len() + 1, "one more may have been under way");
        assert_level(&haishu, &city.hub, ROWS + clerks);
    }
    assert!(answered > 0, "nobody was answered");
    eprintln!("service: {} killed, {answered} records answered, slowest start {slowest:?}", rounds().end);
}

#[test]
fn a_hub_killed_while_it_receives_has_all_it_acknowledged() {
    let (mut under_way, mut slowest) = (0, Duration::ZERO);
    for round in rounds() {
        let mut rng = fastrand::Rng::with_seed(3000 + round);
        let mut city = City::found();
        let haishu = city.join("haishu", "330203");
        let list = city.file("名录.csv", list_csv("330203", 0..ROWS, &TOWNS).as_bytes());
        // Once while the list comes in at a node that sends as it goes, once in the sync of a node that was away.
        let at_once = round % 2 == 0;
        if !at_once {
            haishu.good(&["import", &list, "--kind", "social_org"]);
        }
        let service = haishu.serve();
        let import = at_once.then(|| haishu.start(&["import", &list, "--kind", "social_org"]));
        let before = journal_bytes(&city.hub);
        let mut hub = city.service.take().expect("the hub serves");
        await_moment(&mut rng, &city.hub, before, &mut hub.running);
        hub.kill();
        if let Some(import) = import {
            assert_eq!(import.finish().with(0)["created"], ROWS, "a node needs no hub to import");
        }
        // What the node believes to be received, after the hub has died.
        service.stop();
        let status = haishu.status();
        let received = acknowledged(&status);
        let held = records(&reopened(&city.hub, &mut slowest));
        assert!(held >= received, "round {round}: {received} acknowledged, {held} held");
        under_way += usize::from(held > 0 && held < ROWS as u64);
        city.start_hub();
        haishu.sync();
        assert_level(&haishu, &city.hub, ROWS);
    }
    assert!(under_way > 0, "no kill came into the middle");
    eprintln!("hub: {} killed, {under_way} amid receiving, slowest start {slowest:?}", rounds().end);
}
