//! The same field edited differently on county and hub while apart.

use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, assert_equal_fingerprints};

#[test]
fn one_conflict_on_both_with_every_value_and_gone_on_both_when_one_has_chosen() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let code = format!("uscc={}", uscc("330203", 1));
    let fields = ["name=甬江读书会", "org_type=ST", &code, "legal_rep_name=甲某", "sector=CULTURE"];
    let id = haishu.create(&fields);
    haishu.sync();
    city.stop_hub();
    haishu.good(&["--as", "王经办", "record", "set", &id, "legal_rep_name=乙某", "address=月湖", "grade=3A"]);
    city.hub.good(&[
        "--as",
        "陈科长",
        "record",
        "set",
        &id,
        "legal_rep_name=丙某",
        "supervising_unit=市文化局",
        "grade=3A",
    ]);
    city.start_hub();
    haishu.sync();

    let mut seen = Vec::new();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.status()["conflicts"], 1);
        let list = site.good(&["conflict", "list"]);
        let conflicts = list["conflicts"].as_array().unwrap();
        assert_eq!(conflicts.len(), 1, "equal concurrent values are no conflict: {list}");
        let one = &conflicts[0];
        assert_eq!(
            (&one["record"], &one["kind"], &one["field"]),
            (&id.as_str().into(), &"social_org".into(), &"legal_rep_name".into())
        );
        assert_eq!(one["previous"], "甲某");
        let mut values: Vec<[String; 4]> = Vec::new();
        for value in one["values"].as_array().unwrap() {
            assert!(value["at"].as_str().unwrap().ends_with('Z') && value["n"].is_number());
            values.push(
                ["value", "by", "device", "division"]
                    .map(|key| value[key].as_str().unwrap_or_default().to_owned()),
            );
        }
        values.sort();
        assert_eq!(values.len(), 2);
        assert_eq!(
            (values[0][0].as_str(), values[0][1].as_str(), values[0][3].as_str()),
            ("丙某", "陈科长", "3302")
        );
        assert_eq!(values[1], ["乙某", "王经办", "haishu", "330203"]);
        assert_eq!(site.field(&id, "address"), "月湖", "merged");
        assert_eq!(site.field(&id, "supervising_unit"), "市文化局", "merged");
        assert_eq!(site.field(&id, "grade"), "3A");
        assert_eq!(site.good(&["conflict", "show", &id])["conflicts"], list["conflicts"]);
        seen.push((list, site.field(&id, "legal_rep_name")));
    }
    assert_eq!(seen[0], seen[1], "the same numbers, times and the same value until somebody chooses");

    // Forms saved on other fields, and on the field as it stands, leave the conflict as it is.
    let winner = seen[0].1.as_str().unwrap().to_owned();
    haishu.good(&["record", "set", &id, "address=月湖街道一号"]);
    haishu.good(&["record", "set", &id, "staff_full=3", &format!("legal_rep_name={winner}")]);
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.good(&["conflict", "list"]), seen[0].0);
        assert_eq!(site.field(&id, "staff_full"), 3);
    }

    let values = seen[0].0["conflicts"][0]["values"].as_array().unwrap().clone();
    let lost = values.iter().find(|value| value["value"] != winner.as_str()).unwrap();
    let number = lost["n"].to_string();
    city.hub.good(&["--as", "陈科长", "conflict", "resolve", &id, "legal_rep_name", "--take", &number]);
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.good(&["conflict", "list"])["conflicts"].as_array().unwrap().len(), 0);
        assert_eq!(site.status()["conflicts"], 0);
        assert_eq!(site.field(&id, "legal_rep_name"), lost["value"]);
    }
    let again = haishu.run(&["conflict", "resolve", &id, "legal_rep_name", "--take", "1"]);
    assert!(again.sentence(1).contains("没有"));
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[test]
fn resolved_with_a_third_value_and_by_label() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = haishu.create(&["name=甬江读书会", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.sync();
    city.stop_hub();
    haishu.good(&["record", "set", &id, "address=月湖"]);
    city.hub.good(&["record", "set", &id, "address=南门"]);
    city.start_hub();
    haishu.sync();
    assert_eq!(haishu.run(&["conflict", "resolve", &id, "address", "--take", "3"]).code, 2);
    assert_eq!(haishu.run(&["conflict", "resolve", &id, "address"]).code, 2);
    haishu.good(&["conflict", "resolve", &id, "住所", "--value", "鼓楼"]);
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.status()["conflicts"], 0);
        assert_eq!(site.field(&id, "address"), "鼓楼");
    }
}

#[test]
fn deleted_on_one_and_edited_on_the_other_nothing_vanishes() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let id = haishu.create(&["name=甬江读书会", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.sync();
    city.stop_hub();
    haishu.good(&["record", "delete", &id, "--reason", "已注销"]);
    city.hub.good(&["record", "set", &id, "address=南门"]);
    city.start_hub();
    haishu.sync();
    for site in [&haishu, &city.hub] {
        let shown = site.good(&["record", "show", &id, "--history"]);
        assert_eq!(shown["record"]["deleted"], "已注销");
        assert_eq!(shown["record"]["fields"]["address"], "南门", "the edit is kept beside it");
        assert!(site.organizations().is_empty());
    }
    assert_equal_fingerprints(&haishu, &city.hub);
}
