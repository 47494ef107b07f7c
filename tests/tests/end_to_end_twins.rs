//! One name, two histories: a node's directory that was copied, a hub's that was set back, a node's that is the same
//! image every morning. Nothing that was said to be saved or received is lost, and all go on working.

use huiliu_tests::harness::folders::copy;
use huiliu_tests::harness::lists::{TOWNS, list_csv, uscc};
use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;

/// Sets a directory back to a copy of it.
fn set_back(site: &Site, image: &Path) {
    std::fs::remove_dir_all(&site.data).expect("a directory is removed");
    copy(image, &site.data);
}

/// What somebody was told to be saved: a field of a record and its value.
struct Saved(String, &'static str, String);

/// Saves an edit and remembers it.
#[track_caller]
fn save(site: &Site, saved: &mut Vec<Saved>, id: &str, field: &'static str, value: &str) {
    site.good(&["record", "set", id, &format!("{field}={value}")]);
    saved.push(Saved(id.to_owned(), field, value.to_owned()));
}

/// Makes a record and remembers it.
#[track_caller]
fn make(site: &Site, saved: &mut Vec<Saved>, number: usize) {
    let name = format!("新登记第{number}号协会");
    let code = format!("uscc={}", uscc("330203", number));
    let id = site.create(&[&format!("name={name}"), "org_type=ST", &code]);
    saved.push(Saved(id, "name", name));
}

/// Every edit is there: as the value of its field, or as one that waits for somebody to choose.
#[track_caller]
fn assert_nothing_lost(site: &Site, saved: &[Saved]) {
    let conflicts = site.good(&["conflict", "list"])["conflicts"].to_string();
    let is_there = |Saved(id, field, value): &&Saved| {
        site.field(id, field) == value.as_str()
            || conflicts.contains(id.as_str()) && conflicts.contains(value.as_str())
    };
    let lost: Vec<String> = saved
        .iter()
        .filter(|one| !is_there(one))
        .map(|Saved(id, field, value)| format!("{id} {field}={value}"))
        .collect();
    if lost.is_empty() {
        return;
    }
    let histories = saved.iter().filter(|one| !is_there(one)).map(|one| {
        let said = site.run(&["record", "show", &one.0, "--history"]);
        format!("{}\n{}", said.json["record"], said.json["changes"])
    });
    let histories: Vec<String> = histories.collect();
    panic!(
        "{}: {} of {} lost: {lost:#?}\n{}\n{}\n{}\n{conflicts}",
        site.data.display(),
        lost.len(),
        saved.len(),
        histories.join("\n"),
        site.status(),
        site.run(&["quarantine", "list"]).out,
    );
}

#[track_caller]
fn assert_whole(site: &Site) -> Json {
    assert_eq!(site.good(&["verify"])["ok"], true, "{}", site.data.display());
    let status = site.status();
    assert_eq!(status["pending"], 0, "{}: {status}", site.data.display());
    status
}

#[track_caller]
fn assert_level(sites: &[&Site], hub: &Site) {
    assert_whole(hub);
    for site in sites {
        assert_whole(site);
        assert_equal_fingerprints(site, hub);
    }
}

fn told(site: &Site) -> bool {
    site.status()["notice"].as_str().is_some_and(|notice| notice.contains("恢复") || notice.contains("复制"))
}

fn ids(site: &Site) -> Vec<String> {
    site.organizations().iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_copied_node_and_its_original_both_go_on_and_nothing_is_lost() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("名录.csv", list_csv("330203", 0..1000, &TOWNS).as_bytes());
    haishu.good(&["import", &list, "--kind", "social_org"]);
    haishu.sync();
    let twin = Site { data: city.path("twin"), ..haishu.clone() };
    copy(&haishu.data, &twin.data);
    let ids = ids(&haishu);

    let mut saved = Vec::new();
    for turn in 0..2 {
        let at = |n: usize| &ids[turn * 40 + n];
        for n in 0..8 {
            // The same field of the same record, other fields of one record, and records of their own.
            save(&haishu, &mut saved, at(n), "address", &format!("原机第{turn}次{n}号"));
            save(&twin, &mut saved, at(n), "address", &format!("副本第{turn}次{n}号"));
            save(&haishu, &mut saved, at(8 + n), "grade", &format!("{}A", 1 + n % 5));
            save(&twin, &mut saved, at(8 + n), "supervising_unit", &format!("副本第{turn}次{n}局"));
            save(&haishu, &mut saved, at(16 + n), "address", &format!("原机独改第{turn}次{n}号"));
            save(&twin, &mut saved, at(24 + n), "address", &format!("副本独改第{turn}次{n}号"));
            make(&haishu, &mut saved, 2000 + turn * 100 + n);
            make(&twin, &mut saved, 3000 + turn * 100 + n);
        }
        for site in [&haishu, &twin] {
            site.sync();
            assert_nothing_lost(&city.hub, if site.data == twin.data { &saved } else { &[] });
        }
        assert!(told(&haishu) || told(&twin), "nobody is told");
    }
    haishu.sync();
    twin.sync();
    for site in [&haishu, &twin, &city.hub] {
        assert_eq!(site.status()["records"]["social_org"], 1000 + 32, "{}", site.data.display());
        assert_nothing_lost(site, &saved);
    }
    assert_level(&[&haishu, &twin], &city.hub);
    assert!(
        city.hub.status()["conflicts"].as_u64() >= Some(16),
        "the same fields, set apart, wait for a choice"
    );
}

#[test]
fn a_hub_set_back_to_before_a_revocation_knows_of_it_again() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuyao = city.join("yuyao", "330281");
    let yuehu = city.join("yuehu", "330203004");
    let first = city.file("一.csv", list_csv("330203", 0..200, &TOWNS).as_bytes());
    haishu.good(&["import", &first, "--kind", "social_org"]);
    haishu.sync();
    yuehu.sync();
    city.stop_hub();
    let image = city.path("image");
    copy(&city.hub.data, &image);
    city.start_hub();

    city.hub.good(&["node", "revoke", "yuyao"]);
    let second = city.file("二.csv", list_csv("330203", 200..700, &TOWNS).as_bytes());
    haishu.good(&["import", &second, "--kind", "social_org"]);
    haishu.sync();
    let mut saved = Vec::new();
    let of_hub = ids(&city.hub);
    for n in 0..5 {
        save(&city.hub, &mut saved, &of_hub[n * 4], "supervising_unit", &format!("市级第{n}局"));
        save(&yuehu, &mut saved, &of_hub[n * 4], "address", &format!("月湖第{n}号"));
    }
    yuehu.sync();
    haishu.sync();
    yuehu.sync();
    let before = city.hub.status();
    let listed = city.hub.organizations();
    city.stop_hub();
    set_back(&city.hub, &image);
    city.start_hub();
    assert_eq!(city.hub.status()["records"]["social_org"], 200, "set back");

    for _ in 0..2 {
        haishu.sync();
        yuehu.sync();
    }
    let after = city.hub.status();
    let nodes = city.hub.good(&["node", "show", "yuyao"]);
    assert_eq!(nodes["node"]["state"], "revoked", "{nodes}");
    assert_eq!(yuyao.run(&["sync"]).code, 4, "and it is refused");
    assert_eq!(after["records"], before["records"]);
    assert_eq!(city.hub.organizations(), listed);
    for channel in ["own/330203/open", "own/330203004/open"] {
        assert_eq!(after["fingerprint"][channel], before["fingerprint"][channel], "{channel}");
    }
    for site in [&city.hub, &haishu, &yuehu] {
        assert_nothing_lost(site, &saved[..if site.data == yuehu.data { 0 } else { saved.len() }]);
    }
    assert_level(&[&haishu, &yuehu], &city.hub);

    // Everybody's work counts from here on: the hub's own, that of its nodes, a grant.
    save(&city.hub, &mut saved, &of_hub[1], "supervising_unit", "市级新局");
    save(&haishu, &mut saved, &of_hub[2], "address", "海曙新址");
    haishu.sync();
    let beilun = city.join("beilun", "330206");
    yuehu.sync();
    haishu.sync();
    assert_nothing_lost(&city.hub, &saved);
    assert_nothing_lost(&haishu, &saved);
    assert_level(&[&haishu, &yuehu, &beilun], &city.hub);
}

#[test]
fn a_computer_that_is_the_same_image_every_day_is_told_so_and_costs_little() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("名录.csv", list_csv("330203", 0..80, &TOWNS).as_bytes());
    haishu.good(&["import", &list, "--kind", "social_org"]);
    haishu.sync();
    let image = city.path("image");
    copy(&haishu.data, &image);
    let feeds = || -> BTreeSet<String> {
        city.hub.status()["frontier"].as_object().expect("a frontier").keys().cloned().collect()
    };
    let of_yuehu = haishu.organizations().into_iter().filter(|record| record["division"] == "330203004");
    let ids: Vec<String> = of_yuehu.map(|record| record["id"].as_str().expect("an id").to_owned()).collect();
    let device = haishu.status()["replica"].as_str().expect("a name").to_owned();
    let (mut saved, mut known) = (Vec::new(), feeds());
    for day in 0..4 {
        if day > 0 {
            set_back(&haishu, &image);
        }
        // In the morning one edit before anything has been fetched, and after the first sync some more; all in one
        // township's channel and in the county's own, which are two feeds of an incarnation.
        save(&haishu, &mut saved, &ids[day * 4], "address", &format!("第{day}天早上"));
        haishu.sync();
        assert_eq!(told(&haishu), day > 0, "day {day}: {}", haishu.status());
        for n in 1..4 {
            save(&haishu, &mut saved, &ids[day * 4 + n], "address", &format!("第{day}天之{n}"));
        }
        make(&haishu, &mut saved, 2000 + day);
        haishu.sync();
        assert_nothing_lost(&haishu, &saved);
        assert_nothing_lost(&city.hub, &saved);
        assert_level(&[&haishu], &city.hub);
        let now = feeds();
        let fresh: Vec<&String> = now.difference(&known).collect();
        eprintln!("day {day}: the hub knows {} feeds, new {fresh:?}", now.len());
        // Two of the day's own incarnation; and once the hub's own, in which it says that a name has two histories.
        let own = fresh.iter().filter(|feed| feed.contains(&device)).count();
        assert!(own <= 2 && fresh.len() - own <= usize::from(day == 1), "day {day}: {fresh:?}");
        known = now;
    }
}
