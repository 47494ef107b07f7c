//! A made-up city, imported as clerks do it: counts as its answers say, refusals just its mistakes, figures the same at
//! hub and county, and who somebody is nowhere in clear.

use huiliu_replica::generator::KINDS;
use huiliu_tests::harness::pages::page;
use huiliu_tests::harness::process::{City, Site};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Makes up a city of so many organizations, in csv and xlsx.
fn made_up(city: &City, organizations: &str) -> Json {
    let out = city.path("made");
    let out = out.to_str().expect("a path of characters");
    let order = [
        "generate",
        "--division",
        "3302",
        "--organizations",
        organizations,
        "--seed",
        "6",
        "--xlsx",
        "-o",
        out,
    ];
    city.hub.good(&order);
    serde_json::from_slice(&std::fs::read(city.path("made/answers.json")).unwrap()).unwrap()
}

/// Imports a table and gives the answer, refusals and all.
fn import(site: &Site, file: &Path, kind: &str) -> Json {
    let said = site.run(&["import", file.to_str().unwrap(), "--kind", kind]);
    assert!(matches!(said.code, 0 | 3), "{kind}: {}", said.err);
    said.json
}

fn refused_rows(answer: &Json) -> BTreeSet<u64> {
    answer["refused"].as_array().unwrap().iter().map(|one| one["row"].as_u64().unwrap()).collect()
}

/// A county's tables, each in its own way, against the answers.
fn import_county(site: &Site, code: &str, answers: &Json, prepare: impl Fn(&str) -> std::path::PathBuf) {
    let mut expected: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let refused = ["refused", "unknown"].into_iter().flat_map(|list| answers[list].as_array().unwrap());
    for one in refused {
        let (folder, file) = one["file"].as_str().unwrap().split_once('/').unwrap();
        if folder == code {
            let kind = file.trim_end_matches(".csv");
            expected.entry(kind).or_default().insert(one["row"].as_u64().unwrap());
        }
    }
    for kind in KINDS {
        let answer = import(site, &prepare(kind), kind);
        let known = &answers["folders"][code]["kinds"][kind];
        assert_eq!(answer["created"], known["created"], "{code} {kind}: {answer}");
        assert_eq!(refused_rows(&answer), expected.remove(kind).unwrap_or_default(), "{code} {kind}");
        for one in answer["refused"].as_array().unwrap() {
            assert!(!one["remedy"].as_str().unwrap().is_empty(), "{one}");
        }
    }
}

#[test]
fn a_city_is_imported_as_its_answers_say_and_its_figures_are_the_same_everywhere() {
    let city = City::found();
    let answers = made_up(&city, "500");
    let haishu = city.join("haishu", "330203");
    let yuyao = city.join("yuyao", "330281");
    let table = |code: &str, kind: &str, ending: &str| city.path(&format!("made/{code}/{kind}.{ending}"));

    // One county's office still writes GB18030, the other keeps workbooks.
    import_county(&haishu, "330203", &answers, |kind| {
        let text = std::fs::read_to_string(table("330203", kind, "csv")).unwrap();
        let (bytes, _, _) = encoding_rs::GB18030.encode(text.trim_start_matches('\u{feff}'));
        city.file(&format!("国标-{kind}.csv"), &bytes).into()
    });
    import_county(&yuyao, "330281", &answers, |kind| table("330281", kind, "xlsx"));

    // Undone, and imported again.
    let answer = import(&haishu, &table("330203", "service_center", "csv"), "service_center");
    assert_eq!(answer["created"], 0, "the same rows in another encoding are the same: {answer}");
    let again = city.file("补录.csv", "名称,类型\n月湖第二读书会,备案\n".as_bytes());
    let before = haishu.status()["records"]["social_org"].clone();
    let made = haishu.good(&["import", &again, "--kind", "social_org"]);
    let id = made["id"].as_str().unwrap();
    assert_eq!(haishu.good(&["import", "undo", id, "--dry-run"])["deleted"], 1);
    assert_eq!(haishu.good(&["import", "undo", id])["deleted"], 1);
    assert_eq!(haishu.status()["records"]["social_org"], before);
    assert_eq!(haishu.good(&["import", &again, "--kind", "social_org"])["created"], 1);

    // What is exported comes back as the same, secrets shown or not.
    for purpose in [&[][..], &["--purpose", "核对"]] {
        let people = city.path("人员.csv");
        haishu.good(&[purpose, &["export", "person", "-o", people.to_str().unwrap()]].concat());
        let answer = haishu.good(&["import", people.to_str().unwrap(), "--kind", "person"]);
        let changes = (&answer["created"], &answer["changed"], answer["refused"].as_array().map(Vec::len));
        assert_eq!(changes, (&Json::from(0), &Json::from(0), Some(0)), "{purpose:?}: {answer}");
    }

    // What names a record that was refused stays open, and is listed.
    let mut open = 0;
    for kind in KINDS {
        open += haishu.good(&["record", "list", kind, "--open"])["records"].as_array().unwrap().len();
    }
    let known = answers["folders"]["330203"]["kinds"].as_object().unwrap().values();
    let known: u64 =
        known.flat_map(|kind| kind["open"].as_object().unwrap().values()).filter_map(Json::as_u64).sum();
    assert_eq!(open as u64, known);

    // The second county gets the first one's match key in its visit; the first then hears of what the second wrote.
    haishu.sync();
    yuyao.sync();
    let as_of = answers["as_of"].as_str().unwrap();
    for (site, code) in [(&haishu, "330203"), (&yuyao, "330281")] {
        let own = site.good(&["report", "coverage", "--as-of", as_of]);
        let at_hub = city.hub.good(&["report", "coverage", "--division", code, "--as-of", as_of]);
        assert_eq!(own["rows"], at_hub["rows"], "cell by cell");
        let known = &answers["folders"][code]["coverage_by_authority"];
        let row = &own["rows"][0];
        assert_eq!(row["base"], known["base"], "{row}");
        assert_eq!(row["organization"]["numerator"], known["organization"], "{row}");
        assert_eq!(row["work"]["numerator"], known["work"], "{row}");
        let listed = site.good(&["report", "gaps", "--as-of", as_of]);
        let found: BTreeSet<&str> =
            listed["rows"].as_array().unwrap().iter().map(|row| row["uscc"].as_str().unwrap()).collect();
        let gaps = answers["gaps"].as_array().unwrap().iter().filter(|gap| gap["county"] == code);
        assert_eq!(found, gaps.map(|gap| gap["uscc"].as_str().unwrap()).collect(), "{code}");
        let book = city.path("覆盖.xlsx");
        site.good(&["report", "coverage", "--as-of", as_of, "-o", book.to_str().unwrap()]);
        assert!(book.metadata().unwrap().len() > 5_000);
        assert!(site.good(&["report", "responsibility"])["rows"].as_array().unwrap().len() > 10);
    }

    what_cannot_be_right(&city, &answers, [(&haishu, "330203"), (&yuyao, "330281")]);

    // One page of the hub: its nodes, where it listens, and the same figures.
    let service = city.service.as_ref().expect("the hub serves");
    let page = page(service);
    for part in ["宁波市海曙区", "haishu", "yuyao", "覆盖情况", "规则 2018-14.1", service.listen()]
    {
        assert!(page.contains(part), "{part} is not on the hub's page:\n{page}");
    }
    assert!(!page.contains("没有监听"));

    // By its name, its code, and the initials of its name.
    let first = &haishu.good(&["record", "list", "social_org", "--limit", "1"])["records"][0];
    let (name, uscc) = (first["fields"]["name"].as_str().unwrap(), first["fields"]["uscc"].as_str().unwrap());
    for text in [name, uscc] {
        let found = haishu.good(&["find", text]);
        assert_eq!(found["records"][0]["id"], first["id"], "{text}");
    }
    assert!(!haishu.good(&["find", "hsq"])["records"].as_array().unwrap().is_empty());

    nobody_is_told(&city, &[&haishu, &yuyao]);
}

/// The findings are the mistakes that were made on purpose: those of a county are the same there and at the hub, and who
/// stands in two counties is found at the hub alone.
fn what_cannot_be_right(city: &City, answers: &Json, sites: [(&Site, &str); 2]) {
    let as_of = answers["as_of"].as_str().unwrap();
    let ordered = ["report", "findings", "--as-of", as_of];
    let of_rule = |found: &Json, rule: &str| -> Vec<Json> {
        let rows = found["rows"].as_array().unwrap().iter();
        rows.filter(|row| row["rule"] == rule).cloned().collect()
    };
    let mut late = 0;
    for (site, code) in sites {
        let own = site.good(&ordered);
        assert_eq!(own, city.hub.good(&[&ordered[..], &["--division", code]].concat()), "{code}");
        assert!(of_rule(&own, "SAME_PERSON").is_empty(), "{own}");
        let overdue = of_rule(&own, "OVERDUE_ELECTION");
        let names: BTreeSet<&str> =
            overdue.iter().map(|row| row["records"][0]["title"].as_str().unwrap()).collect();
        let known = answers["overdue"].as_array().unwrap().iter().filter(|one| one["county"] == code);
        assert_eq!(names, known.map(|one| one["full_name"].as_str().unwrap()).collect(), "{code}");
        late += names.len();
    }
    assert_eq!(late, 1, "one branch of the two counties has not elected in time");
    let twice = of_rule(&city.hub.good(&ordered), "SAME_PERSON");
    let known = answers["duplicates"].as_array().unwrap().iter().filter(|one| {
        let counties = one["counties"].as_array().unwrap();
        counties.iter().all(|county| sites.iter().any(|(_, code)| county == code))
    });
    assert_eq!((twice.len(), known.count()), (2, 2), "{twice:?}");
    for row in &twice {
        let counties = row["records"].as_array().unwrap().iter().map(|record| record["division"].as_str());
        let counties: BTreeSet<&str> = counties.map(|code| &code.unwrap()[..6]).collect();
        assert_eq!(counties, sites.iter().map(|(_, code)| *code).collect(), "{row}");
    }
}

/// What tells who somebody is stands in clear in no file of hub and county; the county shows it, the hub what it may.
fn nobody_is_told(city: &City, sites: &[&Site]) {
    let shown = sites[0].good(&["--purpose", "核对", "record", "list", "person"]);
    let people = shown["records"].as_array().unwrap();
    let text = |person: &Json, field: &str| person["fields"][field].as_str().map(str::to_owned);
    let numbers: Vec<String> = people.iter().filter_map(|person| text(person, "id_number")).collect();
    assert!(numbers.len() > 20 && numbers.iter().all(|number| number.starts_with("330299")));
    let at_hub = city.hub.good(&["--purpose", "核对", "record", "list", "person"]);
    for person in at_hub["records"].as_array().unwrap() {
        assert_eq!(person["fields"]["id_number"], Json::Null, "the hub carries what it cannot open");
        assert!(person["fields"]["name"].is_string());
    }
    let masked = sites[0].good(&["record", "list", "person"]);
    assert!(masked["records"].as_array().unwrap().iter().all(|person| {
        text(person, "id_number").is_none_or(|number| number.starts_with("**************"))
    }));
    // A legal representative's name is public, and may be a member's too.
    let public = ["social_org", "party_org"].map(|kind| sites[0].good(&["record", "list", kind]).to_string());
    let elsewhere =
        ["social_org", "party_org"].map(|kind| city.hub.good(&["record", "list", kind]).to_string());
    let is_public = |name: &String| public.iter().chain(&elsewhere).any(|list| list.contains(name));
    let names = people.iter().filter_map(|it| text(it, "name")).filter(|name| !is_public(name));
    let canaries = people.iter().flat_map(|person| [text(person, "id_number"), text(person, "phone")]);
    let canaries: Vec<String> = canaries.flatten().chain(names).collect();
    for site in sites.iter().copied().chain([&city.hub]) {
        for (file, bytes) in all_files(&site.data) {
            for canary in &canaries {
                let found = bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
                assert!(!found, "{canary} stands in {}", file.display());
            }
        }
    }
}

fn all_files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(all_files(&path)),
            false => files.extend(std::fs::read(&path).ok().map(|bytes| (path.clone(), bytes))),
        }
    }
    files
}

#[test]
fn an_import_that_changed_records_is_undone_but_for_what_was_changed_since() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let table = |names: [&str; 3]| {
        let row = |(n, name): (usize, &str)| format!("{name},备案,{n}\n");
        format!("名称,类型,专职人数\n{}", names.into_iter().enumerate().map(row).collect::<String>())
    };
    let names = ["第一读书会", "第二读书会", "第三读书会"];
    let first = city.file("一.csv", table(names).as_bytes());
    haishu.good(&["import", &first, "--kind", "social_org"]);
    let second = city.file("二.csv", table(names).replace(",备案,", ",备案,1").as_bytes());
    let made = haishu.good(&["import", &second, "--kind", "social_org"]);
    assert_eq!(made["changed"], 3);
    let id = made["id"].as_str().unwrap();
    let find = |name: &str| haishu.good(&["find", name])["records"][0]["id"].as_str().unwrap().to_owned();
    let third = find(names[2]);
    haishu.good(&["record", "set", &third, "staff_full=77"]);

    let would = haishu.run(&["import", "undo", id, "--dry-run"]).with(3);
    assert_eq!(haishu.field(&find(names[0]), "staff_full"), 10, "a rehearsal writes nothing");
    let undone = haishu.run(&["import", "undo", id]).with(3);
    for answer in [would, undone] {
        assert_eq!((&answer["deleted"], &answer["restored"]), (&Json::from(0), &Json::from(2)), "{answer}");
        assert_eq!(answer["kept"], serde_json::json!([third]));
    }
    let values = names.map(|name| haishu.field(&find(name), "staff_full"));
    assert_eq!(values, [Json::from(0), Json::from(1), Json::from(77)]);
    let again = haishu.run(&["import", "undo", id]).json;
    assert_eq!((&again["deleted"], &again["restored"]), (&Json::from(0), &Json::from(0)), "once is enough");
}
