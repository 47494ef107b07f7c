//! The way by hand, with the real programs: found, invite, join, import while the hub is away, sync, look at both.

use huiliu_tests::harness::lists::{TOWNS, list_csv, uscc};
use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints, until};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Records as a sorted map from id to everything said of them.
fn by_id(records: &[Json]) -> BTreeMap<String, Json> {
    records.iter().map(|record| (record["id"].as_str().unwrap().to_owned(), record.clone())).collect()
}

/// What is the same whether a service runs or not.
fn lasting(status: &Json) -> Json {
    let mut status = status.clone();
    for passing in ["transport", "trouble", "peers", "verified_at", "notice"] {
        status[passing] = Json::Null;
    }
    status
}

#[test]
fn five_hundred_organizations_imported_while_the_hub_is_away() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuehu = city.join("yuehu", "330203004");
    city.stop_hub();

    let list = city.file("海曙区名录.csv", list_csv("330203", 0..500, &TOWNS).as_bytes());
    let import = haishu.good(&["--as", "王经办", "import", &list, "--kind", "social_org"]);
    for (key, count) in [("created", 500), ("changed", 0), ("same", 0)] {
        assert_eq!(import[key], count, "{import}");
    }
    assert!(import["id"].is_string() && import["refused"].as_array().is_some_and(Vec::is_empty), "{import}");

    let silent = haishu.run(&["sync"]);
    let pending = silent.json["pending"].as_u64().unwrap_or(0);
    assert!(pending >= 500, "{}", silent.json);
    assert!(silent.sentence(5).contains("连不上"));
    assert_eq!(haishu.status()["pending"], pending);

    city.start_hub();
    haishu.sync();
    // At once: what the node's sync returned on is what the hub answers.
    let at_hub = city.hub.organizations();
    assert_eq!(at_hub.len(), 500);
    assert_eq!(by_id(&at_hub), by_id(&haishu.organizations()));
    yuehu.sync();

    let of_yuehu = yuehu.organizations();
    assert_eq!(of_yuehu.len(), 125, "its own and no other");
    let wanted: BTreeMap<String, Json> =
        by_id(&at_hub).into_iter().filter(|(_, record)| record["division"] == "330203004").collect();
    assert_eq!(by_id(&of_yuehu), wanted);
    assert_eq!(
        city.hub.good(&["record", "list", "social_org", "--division", "330203004"])["records"]
            .as_array()
            .unwrap()
            .len(),
        125
    );

    assert!(assert_equal_fingerprints(&haishu, &city.hub) > 4, "townships, county, published");
    assert!(assert_equal_fingerprints(&yuehu, &city.hub) > 0);
    for site in [&haishu, &yuehu, &city.hub] {
        let status = site.status();
        assert_eq!(status["pending"], 0, "{status}");
        assert_eq!(status["conflicts"], 0, "{status}");
        assert_eq!(status["quarantined"], 0, "{status}");
        assert!(status["verified_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{status}");
        assert_eq!(site.good(&["verify"])["ok"], true);
    }
    assert_eq!(yuehu.status()["records"]["social_org"], 125);
    assert_eq!(haishu.status()["records"]["social_org"], 500);
    assert_eq!(city.hub.status()["records"]["social_org"], 500);
}

#[test]
fn the_same_answers_with_and_without_a_service() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let mut ids = Vec::new();
    for n in 0..3 {
        let (name, code) = (format!("name=试验{n}号协会"), format!("uscc={}", uscc("330203", n)));
        ids.push(haishu.create(&[&name, "org_type=社会团体", &code, "town_code=月湖街道"]));
    }
    haishu.good(&["--as", "李经办", "record", "set", &ids[0], "address=偃月街一号"]);
    haishu.good(&["record", "delete", &ids[2], "--reason", "重复录入"]);
    haishu.sync();

    let questions: [&[&str]; 10] = [
        &["status"],
        &["verify"],
        &["record", "list", "social_org"],
        &["record", "list", "social_org", "--where", "address=偃月街一号"],
        &["record", "show", &ids[0], "--history"],
        &["record", "show", &ids[2]],
        &["conflict", "list"],
        &["quarantine", "list"],
        &["sync", "plan"],
        &["version"],
    ];
    let ask = |site: &Site| -> Vec<Json> {
        let skip = if site.program.ends_with("huiliu-hub") { 8 } else { 99 };
        let asked = questions.iter().enumerate().filter(|(at, _)| *at != skip);
        asked.map(|(_, question)| lasting(&site.good(question))).collect()
    };
    let alone = ask(&haishu);
    let hub_beside = ask(&city.hub);
    let service = haishu.serve();
    until("the node to be level", || (haishu.status()["transport"] == "QUIC").then_some(()));
    let beside = ask(&haishu);
    assert_eq!(alone, beside);
    service.stop();
    city.stop_hub();
    assert_eq!(hub_beside, ask(&city.hub));
    assert_eq!(alone[0]["records"]["social_org"], 2, "{}", alone[0]);

    // Refusals are the same too.
    for refused in [
        &["record", "show", "no-id"][..],
        &["record", "list", "nothing"],
        &["record", "new", "social_org", "colour=red"],
        &["record", "set", &ids[2], "address=已删除"],
        &["conflict", "resolve", &ids[0], "name", "--take", "1"],
    ] {
        let alone = haishu.run(refused);
        let service = haishu.serve();
        let beside = haishu.run(refused);
        service.stop();
        assert_eq!((alone.code, &alone.json), (beside.code, &beside.json), "{refused:?}");
        assert_ne!(alone.code, 0, "{refused:?}");
    }
}

#[test]
fn every_object_has_the_keys_that_were_promised() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = haishu.create(&["name=试验协会", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.good(&["--as", "李经办", "record", "set", &id, "capital=3万元", "charity=是", "staff_full=12"]);
    haishu.sync();
    let has = |json: &Json, keys: &[&str]| {
        for key in keys {
            assert!(json.get(key).is_some(), "{key} is missing: {json}");
        }
    };
    let status_keys = [
        "v",
        "replica",
        "division",
        "incarnation",
        "records",
        "pending",
        "conflicts",
        "quarantined",
        "frontier",
        "fingerprint",
        "verified_at",
        "transport",
        "peers",
    ];
    has(&haishu.status(), &status_keys);
    let hub = city.hub.status();
    has(&hub, &status_keys);
    assert_eq!(hub["division"], "3302");
    assert_eq!(hub["pending"], 0);
    assert!(hub["frontier"].as_object().unwrap().values().all(Json::is_number), "{hub}");
    assert!(hub["fingerprint"]["own/330203/open"].is_string(), "{hub}");

    let listed = haishu.good(&["record", "list", "social_org"]);
    let record = &listed["records"][0];
    has(record, &["id", "kind", "division", "fields"]);
    assert_eq!(record["division"], "330203", "no township named: the authority's own");
    let shown = haishu.good(&["record", "show", &id, "--history"]);
    let fields = &shown["record"]["fields"];
    assert_eq!(fields["capital"], 3_000_000, "fen");
    assert_eq!(fields["charity"], true);
    assert_eq!(fields["staff_full"], 12);
    assert_eq!(fields["org_type"], "ST", "codes as codes");
    assert_eq!(fields["registration_authority"], "330203", "its division's county");
    let changes = shown["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[1]["by"], "李经办");
    assert_eq!(changes[1]["device"], "haishu");
    assert_eq!(changes[1]["fields"]["capital"], serde_json::json!({ "old": null, "new": 3_000_000 }));
    assert_eq!(changes[1]["fields"].as_object().unwrap().len(), 3, "only what was changed");
    has(&changes[0], &["at", "by", "device", "fields"]);

    let nodes = city.hub.good(&["node", "list"]);
    let node = &nodes["nodes"][0];
    has(node, &["device", "division", "name", "state", "incarnation", "last_seen", "pending"]);
    assert_eq!(
        (&node["name"], &node["division"], &node["state"]),
        (&"haishu".into(), &"330203".into(), &"active".into())
    );
    let verified = haishu.good(&["verify"]);
    has(&verified, &["v", "ok", "entries", "feeds", "damaged"]);
    assert!(verified["entries"].as_u64().unwrap() > 4);
}

#[test]
fn both_serving_an_edit_on_one_appears_on_the_others_it_concerns() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuehu = city.join("yuehu", "330203004");
    let yuyao = city.join("yuyao", "330281");
    let services = [&haishu, &yuehu, &yuyao].map(Site::serve);
    let code = format!("uscc={}", uscc("330203", 7));
    let id = haishu.create(&["name=月湖书画社", "org_type=ST", &code, "town_code=330203004"]);
    for site in [&city.hub, &yuehu] {
        until("the new record", || (site.field(&id, "name") == "月湖书画社").then_some(()));
    }
    yuehu.good(&["record", "set", &id, "address=偃月街一号"]);
    for site in [&city.hub, &haishu] {
        until("the township's edit", || (site.field(&id, "address") == "偃月街一号").then_some(()));
    }
    city.hub.good(&["record", "set", &id, "supervising_unit=宁波市文化局"]);
    for site in [&haishu, &yuehu] {
        until("the hub's edit", || (site.field(&id, "supervising_unit") == "宁波市文化局").then_some(()));
    }
    // What concerns the county alone goes no further.
    let own = haishu.create(&["name=海曙区商会", "org_type=ST", &format!("uscc={}", uscc("330203", 8))]);
    until("the county's record", || (city.hub.field(&own, "name") == "海曙区商会").then_some(()));
    yuehu.sync();
    yuyao.sync();
    assert_eq!(yuehu.organizations().len(), 1);
    assert!(yuyao.organizations().is_empty());
    haishu.sync();
    assert_equal_fingerprints(&haishu, &city.hub);
    assert_equal_fingerprints(&yuehu, &city.hub);
    services.into_iter().for_each(|service| service.stop());
}
