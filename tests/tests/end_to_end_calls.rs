//! A program killed before each of the system calls by which it changes its directory, one after the other.
//!
//! strace counts the calls of a thread. The engine's thread makes every call that matters; of what sled's own threads
//! do to the index, which is a cache, only the first of each kind is reached.

use huiliu_tests::harness::folders::copy;
use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Said, Site, assert_equal_fingerprints, until};
use huiliu_tests::harness::strace::{CALLS, Log, can_trace, kill_at, paths_below};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// No command makes so many calls of one kind.
const MANY: usize = 60;

/// It opens after the kill, nothing that was durable is missing, every entry holds.
#[track_caller]
fn reopened(site: &Site, at: &str) -> Json {
    let status = site.status();
    assert!(status["notice"].is_null(), "{at}: {status}");
    assert_eq!(site.good(&["verify"])["ok"], true, "{at}");
    status
}

/// Tries `with` for every call of every kind at these paths, until it is not killed any more; how many kills that made.
fn at_every_call(paths: &BTreeSet<String>, mut killed: impl FnMut(&str, &[String]) -> bool) -> usize {
    let mut kills = 0;
    for call in CALLS {
        let unharmed = (1..MANY).find(|nth| {
            let harmed = killed(&format!("{call} {nth}"), &kill_at(call, *nth, paths));
            kills += usize::from(harmed);
            !harmed
        });
        assert!(unharmed.is_some(), "{call} has no end");
    }
    kills
}

fn was_killed(said: &Said) -> bool {
    assert!(said.code == 0 || said.code == -1, "neither whole nor killed: {} {}", said.out, said.err);
    said.code == -1
}

#[test]
fn a_record_is_whole_or_not_there_whichever_call_the_node_dies_at() {
    if !can_trace() {
        return;
    }
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let code = format!("uscc={}", uscc("330203", 1));
    let new = ["record", "new", "social_org", "name=月湖书画社", "org_type=ST", &code, "address=偃月街一号"];
    let at = Site { data: city.path("image"), ..haishu.clone() };
    let fresh = || {
        let _ = std::fs::remove_dir_all(&at.data);
        copy(&haishu.data, &at.data);
    };
    let log = Log::at(city.path("calls"));
    fresh();
    log.finish(log.of(&at, &CALLS, &[]).start(&new)).good();
    let paths = paths_below(&at.data, &log);
    assert!(paths.iter().any(|path| path.ends_with("00000001.seg")), "{paths:?}");

    let (mut there, mut gone) = (0, 0);
    let kills = at_every_call(&paths, |call, options| {
        fresh();
        let said = log.finish(log.of(&at, &CALLS, options).start(&new));
        reopened(&at, call);
        let held = at.organizations();
        match held.as_slice() {
            [] => assert!(was_killed(&said), "{call}: said to be saved, and gone"),
            [record] => {
                let fields = &record["fields"];
                assert_eq!(
                    (&fields["name"], &fields["address"]),
                    (&"月湖书画社".into(), &"偃月街一号".into())
                );
                assert!(said.code != 0 || said.json["id"] == record["id"], "{call}");
            }
            more => panic!("{call}: {} records", more.len()),
        }
        there += held.len();
        gone += usize::from(held.is_empty());
        // It can be written at once, whatever was left.
        at.create(&["name=又一个", "org_type=BA"]);
        was_killed(&said)
    });
    assert!(kills > 12 && there > 2 && gone > 2, "{kills} kills, {there} there, {gone} not");
    eprintln!("record new: killed at {kills} calls: {gone} times not there, else whole; none lost");
}

#[test]
fn a_sync_may_die_at_any_call_of_the_node() {
    if !can_trace() {
        return;
    }
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = haishu.create(&["name=月湖书画社", "org_type=BA"]);
    let log = Log::at(city.path("calls"));
    log.finish(log.of(&haishu, &CALLS, &[]).start(&["sync"])).good();
    let paths = paths_below(&haishu.data, &log);
    let kills = at_every_call(&paths, |call, options| {
        let address = format!("死于 {call}");
        haishu.good(&["record", "set", &id, &format!("address={address}")]);
        let said = log.finish(log.of(&haishu, &CALLS, options).start(&["sync"]));
        let status = reopened(&haishu, call);
        assert_eq!(haishu.field(&id, "address"), address, "{call}");
        if status["pending"] == 0 {
            assert_eq!(city.hub.field(&id, "address"), address, "{call}: received, says the node");
        } else {
            assert!(was_killed(&said), "{call}: a sync that went well leaves nothing: {status}");
        }
        haishu.sync();
        assert_eq!(haishu.status()["pending"], 0, "{call}");
        assert_equal_fingerprints(&haishu, &city.hub);
        was_killed(&said)
    });
    assert!(kills > 8, "{kills}");
    eprintln!("sync: killed at {kills} calls of the node, none lost");
}

#[test]
fn a_hub_may_die_at_any_call_of_its_receiving() {
    if !can_trace() {
        return;
    }
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = haishu.create(&["name=月湖书画社", "org_type=BA"]);
    let log = Log::at(city.path("calls"));
    let pid = |city: &City| city.service.as_ref().expect("the hub serves").ready["pid"].to_string();
    log.attach(&pid(&city), &CALLS, &[]);
    haishu.sync();
    city.stop_hub();
    let paths = paths_below(&city.hub.data, &log);
    assert!(paths.iter().any(|path| path.ends_with("00000001.seg")), "{paths:?}");
    city.start_hub();
    let kills = at_every_call(&paths, |call, options| {
        let address = format!("死于 {call}");
        haishu.good(&["record", "set", &id, &format!("address={address}")]);
        log.attach(&pid(&city), &CALLS, options);
        let said = haishu.run(&["sync"]);
        // Killed after its last word it may still be ending.
        let mut hub = city.service.take().expect("the hub served");
        let dead = until("the hub to be dead or to serve on", || {
            if hub.running.has_ended() {
                return Some(true);
            }
            city.hub.run(&["status"]).json["transport"].is_null().then_some(false)
        });
        assert!(dead || said.code == 0, "{call}: {}", said.json);
        // Without a shutdown in order, which would make calls of its own.
        hub.kill();
        reopened(&city.hub, call);
        if haishu.status()["pending"] == 0 {
            assert_eq!(city.hub.field(&id, "address"), address, "{call}: received, says the node");
        } else {
            assert_ne!(said.code, 0, "{call}");
        }
        city.start_hub();
        haishu.sync();
        assert_eq!(city.hub.field(&id, "address"), address, "{call}");
        assert_equal_fingerprints(&haishu, &city.hub);
        dead
    });
    assert!(kills > 5, "{kills}");
    eprintln!("receiving: killed at {kills} calls of the hub, none lost");
}

#[test]
fn a_founding_and_a_joining_go_on_whichever_call_they_died_at() {
    if !can_trace() {
        return;
    }
    let city = City::found();
    let log = Log::at(city.path("calls"));
    let hub = Site::hub(city.path("founded"));
    let init = ["init", "--division", "3302"];
    log.finish(log.of(&hub, &CALLS, &[]).start(&init)).good();
    let founding = at_every_call(&paths_below(&hub.data, &log), |call, options| {
        let _ = std::fs::remove_dir_all(&hub.data);
        let said = log.finish(log.of(&hub, &CALLS, options).start(&init));
        if hub.run(&["status"]).code != 0 {
            assert!(was_killed(&said), "{call}: said to be founded");
            hub.good(&init);
        }
        reopened(&hub, call);
        was_killed(&said)
    });

    let node = Site::node(city.path("haishu"));
    log.finish(log.of(&node, &CALLS, &[]).start(&["join", &city.invite("330203")])).good();
    let joining = at_every_call(&paths_below(&node.data, &log), |call, options| {
        let _ = std::fs::remove_dir_all(&node.data);
        let ticket = city.invite("330203");
        let said = log.finish(log.of(&node, &CALLS, options).start(&["join", &ticket]));
        if node.run(&["status"]).code != 0 {
            assert!(was_killed(&said), "{call}: said to have joined");
            node.good(&["join", &ticket]);
        }
        node.sync();
        reopened(&node, call);
        node.create(&["name=读书会", "org_type=BA"]);
        was_killed(&said)
    });
    assert!(founding > 15 && joining > 15, "{founding} {joining}");
    eprintln!("killed at {founding} calls of a founding, {joining} of a joining: each went on");
}
