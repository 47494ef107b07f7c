//! Records that are deleted and brought back, and records that are here twice.

use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints};

fn organization(n: usize) -> [String; 3] {
    [format!("name=试验第{n}号协会"), "org_type=ST".into(), format!("uscc={}", uscc("330203", n))]
}

fn create(site: &Site, n: usize) -> String {
    let fields = organization(n);
    site.create(&fields.each_ref().map(String::as_str))
}

#[test]
fn a_deleted_record_says_so_and_comes_back_as_it_was() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = create(&haishu, 1);
    let before = haishu.good(&["record", "show", &id])["record"]["fields"].clone();
    for empty in ["", "  ", "\n"] {
        haishu.run(&["record", "delete", &id, "--reason", empty]).sentence(2);
    }
    haishu.good(&["--as", "王经办", "record", "delete", &id, "--reason", "重复登记"]);
    let told = |text: &str| {
        for part in ["王经办", "重复登记", "record restore", &id] {
            assert!(text.contains(part), "“{part}” is not in: {text}");
        }
    };
    told(&haishu.run(&["record", "set", &id, "address=月湖"]).sentence(1));
    told(&haishu.talk(&["record", "show", &id]).out);
    let shown = haishu.good(&["record", "show", &id]);
    assert_eq!(
        (&shown["record"]["deleted"], &shown["record"]["deleted_by"]),
        (&"重复登记".into(), &"王经办".into())
    );
    assert_eq!(haishu.good(&["record", "list", "social_org"])["deleted"], 1);
    assert!(haishu.talk(&["record", "list", "social_org"]).out.contains("另有 1 条已删除"));
    let list = haishu.good(&["record", "list", "social_org", "--deleted"]);
    assert_eq!(
        (&list["records"][0]["id"], &list["records"][0]["deleted"]),
        (&id.as_str().into(), &"重复登记".into())
    );
    haishu.sync();

    assert_eq!(city.hub.good(&["--as", "陈科长", "record", "restore", &id])["outcome"], "changed");
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.organizations().len(), 1);
        assert_eq!(site.good(&["record", "show", &id])["record"]["fields"], before);
        assert!(site.good(&["record", "show", &id])["record"]["deleted"].is_null());
        assert_eq!(site.good(&["record", "restore", &id])["outcome"], "same");
    }
    haishu.good(&["record", "set", &id, "address=月湖"]);
    haishu.run(&["record", "restore", "01a2025e-6a3f-7000-a465-d6559c3e0d90"]).sentence(1);

    // Made anew meanwhile: the old one would be its double.
    haishu.good(&["record", "delete", &id, "--reason", "误录"]);
    let fields = organization(1);
    let again = ["record", "new", "social_org", &fields[0], &fields[1], &fields[2]];
    let made = haishu.good(&again);
    assert!(made["warnings"].to_string().contains(&id), "the deleted one is named: {made}");
    assert!(haishu.run(&["record", "restore", &id]).sentence(1).contains(made["id"].as_str().unwrap()));
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

#[test]
fn deleted_for_two_reasons_or_deleted_against_restored_waits_for_a_choice() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = create(&haishu, 1);
    haishu.sync();
    city.stop_hub();
    haishu.good(&["record", "delete", &id, "--reason", "已注销"]);
    city.hub.good(&["record", "delete", &id, "--reason", "重复登记"]);
    city.start_hub();
    haishu.sync();
    for site in [&haishu, &city.hub] {
        let list = site.good(&["conflict", "list"]);
        assert_eq!(list["conflicts"][0]["field"], "deleted", "{list}");
        assert_eq!(list["conflicts"][0]["values"].as_array().unwrap().len(), 2);
        assert!(site.talk(&["conflict", "show", &id]).out.contains("“删除”"));
        assert!(site.talk(&["--lang", "en", "conflict", "show", &id]).out.contains("“deleted”"));
    }
    haishu.run(&["conflict", "resolve", &id, "deleted", "--take", "3"]).sentence(2);
    haishu.good(&["conflict", "resolve", &id, "deleted", "--take", "2"]);
    haishu.sync();
    assert_eq!(city.hub.status()["conflicts"], 0);
    assert!(city.hub.organizations().is_empty());

    city.stop_hub();
    haishu.good(&["record", "restore", &id]);
    city.hub.good(&["record", "delete", &id, "--reason", "确已注销"]);
    city.start_hub();
    haishu.sync();
    assert_eq!(city.hub.status()["conflicts"], 1);
    haishu.good(&["conflict", "resolve", &id, "删除", "--value", ""]);
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.status()["conflicts"], 0);
        assert_eq!(site.organizations().len(), 1, "an empty value: it lives");
    }
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[test]
fn a_code_stands_for_one_organization_and_two_that_came_apart_are_seen() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let (first, second) = (create(&haishu, 1), create(&haishu, 2));
    let taken = format!("uscc={}", uscc("330203", 1));
    let sentence = haishu.run(&["record", "set", &second, &taken]).sentence(1);
    assert!(sentence.contains(&first), "{sentence}");
    assert_eq!(haishu.field(&second, "uscc"), uscc("330203", 2).as_str());
    assert_eq!(haishu.status()["duplicates"], 0);
    haishu.sync();

    city.stop_hub();
    let here = create(&haishu, 3);
    let [name, org_type, code] = organization(3);
    let there = city.hub.create(&["--division", "330203", &name, &org_type, &code]);
    city.start_hub();
    haishu.sync();
    for (site, own, other) in [(&haishu, &here, &there), (&city.hub, &there, &here)] {
        assert_eq!(site.status()["duplicates"], 1);
        assert!(site.talk(&["status"]).out.contains("--duplicates"));
        let shown = site.good(&["record", "show", own]);
        assert_eq!(shown["record"]["duplicates"][0], other.as_str());
        assert!(site.talk(&["record", "show", own]).out.contains(other.as_str()));
        let list = site.good(&["record", "list", "social_org", "--duplicates"]);
        assert_eq!(list["records"].as_array().unwrap().len(), 2, "{list}");
    }
    haishu.good(&["record", "delete", &there, "--reason", "重复登记"]);
    assert_eq!(haishu.status()["duplicates"], 0);
}
