//! A record whose township changes, as the county and both townships see it.

use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints};
use serde_json::Value as Json;

fn ids(site: &Site) -> Vec<String> {
    site.organizations().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn history(site: &Site, id: &str) -> Vec<(Json, Json)> {
    let shown = site.good(&["record", "show", id, "--history"]);
    let history = shown["changes"].as_array();
    history.unwrap().iter().map(|one| (one["by"].clone(), one["at"].clone())).collect()
}

#[test]
fn a_record_given_to_another_township_is_in_its_list_and_no_more_in_the_first() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let (yuehu, gulou) = (city.join("yuehu", "330203004"), city.join("gulou", "330203005"));
    let code = format!("uscc={}", uscc("330203", 1));
    let id = yuehu.create(&["name=甬江读书会", "org_type=ST", &code]);
    yuehu.sync();
    haishu.sync();
    // The township works offline; the county moves the record meanwhile.
    yuehu.good(&["--as", "月湖经办", "record", "set", &id, "address=偃月街一号"]);
    haishu.good(&["--as", "区经办", "record", "set", &id, "town_code=330203005"]);
    for site in [&haishu, &gulou, &yuehu, &gulou, &haishu] {
        site.sync();
    }
    assert_eq!(ids(&yuehu), Vec::<String>::new());
    assert_eq!(yuehu.status()["records"]["social_org"], 0, "{}", yuehu.status());
    for site in [&city.hub, &haishu, &gulou] {
        assert_eq!(ids(site), [id.as_str()]);
        assert_eq!(site.field(&id, "address"), "偃月街一号", "written before it was known there");
        let by: Vec<Json> = history(site, &id).into_iter().map(|(by, _)| by).collect();
        assert_eq!(by.len(), 3, "{by:?}");
        assert!(by.contains(&"月湖经办".into()) && by.contains(&"区经办".into()), "{by:?}");
    }
    assert_eq!(history(&gulou, &id), history(&city.hub, &id));
    for arguments in [
        &["record", "show", &id][..],
        &["record", "set", &id, "address=不在这里"],
        &["record", "delete", &id, "--reason", "重复"],
        &["conflict", "show", &id],
    ] {
        let told = yuehu.run(arguments).sentence(1);
        assert!(told.contains("已转到") && told.contains("330203005"), "{told}");
    }
    gulou.good(&["record", "set", &id, "legal_rep_name=甲某"]);
    for site in [&gulou, &haishu, &yuehu] {
        site.sync();
        assert_eq!(site.status()["pending"], 0);
        assert_equal_fingerprints(site, &city.hub);
    }
    assert_eq!(haishu.field(&id, "legal_rep_name"), "甲某");
    yuehu.good(&["verify"]);
    city.hub.good(&["verify"]);
}

#[test]
fn an_import_that_names_another_township_moves_the_record() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let gulou = city.join("gulou", "330203005");
    let code = uscc("330203", 1);
    let id = haishu.create(&["name=甬江读书会", "org_type=ST", &format!("uscc={code}")]);
    let table = format!(
        "名称,类型,统一社会信用代码,登记管理机关,所在乡级\n甬江读书会,社会团体,{code},海曙区,鼓楼街道\n"
    );
    let file = city.file("名录.csv", table.as_bytes());
    let said = haishu.good(&["import", &file, "--kind", "social_org"]);
    assert_eq!((&said["changed"], &said["created"]), (&1.into(), &0.into()), "{said}");
    for site in [&haishu, &gulou, &haishu] {
        site.sync();
    }
    for site in [&city.hub, &haishu, &gulou] {
        assert_eq!(ids(site), [id.as_str()]);
    }
    assert_equal_fingerprints(&gulou, &city.hub);
}
