//! What an import says before it is one, and what it says besides: rehearsals, mended codes, tables without rows.

use huiliu_tests::harness::lists::{LIST_HEADER, list_row, uscc};
use huiliu_tests::harness::process::{City, Site};
use serde_json::Value as Json;

/// What an import counted and refused; a rehearsal must give the same.
fn outcome(json: &Json) -> (Vec<u64>, Json, Json) {
    let counts = ["created", "changed", "same"].map(|key| json[key].as_u64().unwrap());
    (counts.to_vec(), json["refused"].clone(), json["warnings"].clone())
}

fn table(rows: &[Vec<String>]) -> String {
    let mut text = LIST_HEADER.join(",");
    for row in rows {
        text.push('\n');
        text.push_str(&row.join(","));
    }
    text + "\n"
}

#[track_caller]
fn rehearsed_and_done(city: &City, site: &Site, rows: &[Vec<String>]) -> (Vec<u64>, Json, Json) {
    let file = city.file("名录.csv", table(rows).as_bytes());
    let before = site.status()["frontier"].clone();
    let rehearsed = site.run(&["import", &file, "--kind", "social_org", "--dry-run"]);
    assert_eq!(site.status()["frontier"], before, "a rehearsal writes nothing");
    let done = site.run(&["import", &file, "--kind", "social_org"]);
    assert_eq!(rehearsed.code, done.code, "{}\n{}", rehearsed.json, done.json);
    assert_eq!(outcome(&rehearsed.json), outcome(&done.json), "{}", table(rows));
    outcome(&done.json)
}

#[test]
fn a_rehearsal_counts_what_the_import_counts() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let row = |n: usize, change: &[(usize, &str)]| {
        let mut row = list_row("330203", n, &["月湖街道"]);
        for (column, text) in change {
            row[*column] = (*text).to_owned();
        }
        row
    };
    // Refused, then good under the same code; made, renamed, which is refused, changed, the same, changed back; moved
    // and moved back.
    let rows = [
        row(1, &[(3, "330281"), (4, "")]),
        row(1, &[]),
        row(2, &[]),
        row(2, &[(0, "改名的读书会")]),
        row(2, &[(6, "改了的住所")]),
        row(2, &[(6, "")]),
        row(2, &[]),
        row(2, &[(4, "南门街道")]),
        row(2, &[]),
    ];
    let (counts, refused, _) = rehearsed_and_done(&city, &haishu, &rows);
    assert_eq!(counts, [2, 4, 1], "{refused}");
    let refused: Vec<u64> =
        refused.as_array().unwrap().iter().map(|one| one["row"].as_u64().unwrap()).collect();
    assert_eq!(refused, [2, 5]);
    // And lists that nobody thought of, over records that are here by now.
    let mut rng = fastrand::Rng::with_seed(20_261_124);
    for _ in 0..12 {
        let some = |rng: &mut fastrand::Rng, texts: &[&str]| texts[rng.usize(..texts.len())].to_owned();
        let rows: Vec<Vec<String>> = (0..rng.usize(2..12))
            .map(|_| {
                let mut row = row(rng.usize(..5), &[]);
                row[0] = some(&mut rng, &["甲读书会", "乙读书会", "丙 读书会"]);
                row[1] = some(&mut rng, &["社团", "备案", "基金会"]);
                row[2] = if rng.u8(..3) == 0 { some(&mut rng, &["无", ""]) } else { row[2].clone() };
                row[3] = some(&mut rng, &["330203", "330203", "330203", "330281", ""]);
                row[4] = some(&mut rng, &["月湖街道", "月湖街道", "南门街道", "—", ""]);
                row[6] = some(&mut rng, &["一号", "二号", "无", ""]);
                row
            })
            .collect();
        rehearsed_and_done(&city, &haishu, &rows);
    }
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

#[test]
fn a_rehearsal_at_a_hub_that_was_just_started_writes_nothing() {
    let mut city = City::found();
    city.stop_hub();
    let file = city.file("名录.csv", table(&[list_row("330203", 1, &["月湖街道"])]).as_bytes());
    let rehearse = ["import", &file, "--kind", "social_org", "--dry-run"];
    let journal = |city: &City| -> Vec<Vec<u8>> {
        city.hub.segments().iter().map(|path| std::fs::read(path).unwrap()).collect()
    };
    let (before, incarnation) = (journal(&city), city.hub.status()["incarnation"].clone());
    assert_eq!(city.hub.good(&rehearse)["created"], 1);
    assert_eq!(journal(&city), before);
    city.start_hub();
    let before = journal(&city);
    assert_eq!(city.hub.good(&rehearse)["created"], 1);
    assert_eq!(journal(&city), before, "nor beside its service");
    assert_eq!(city.hub.status()["incarnation"], incarnation);
}

#[test]
fn a_code_with_letters_for_digits_is_imported_and_said() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let meant = uscc("330203", 1);
    let written = meant.replacen('0', "O", 2);
    let mut row = list_row("330203", 1, &["月湖街道"]);
    row[2] = written.clone();
    let (counts, _, warnings) = rehearsed_and_done(&city, &haishu, &[row.clone()]);
    assert_eq!(counts, [1, 0, 0]);
    let warning = warnings[0].as_str().unwrap();
    assert!(["第 2 行", &written, &meant].iter().all(|part| warning.contains(*part)), "{warning}");
    assert_eq!(haishu.organizations()[0]["fields"]["uscc"], meant.as_str());
    assert_eq!(rehearsed_and_done(&city, &haishu, &[row]).0, [0, 0, 1], "it is the same organization");
    // A form asks instead of deciding.
    let (other, code) = (uscc("330203", 2), "name=别的");
    let typed = format!("uscc={}", other.replacen('0', "O", 1));
    let sentence = haishu.run(&["record", "new", "social_org", code, "org_type=ST", &typed]).sentence(1);
    assert!(sentence.contains(&other), "{sentence}");
}

#[test]
fn a_table_without_rows_says_so_and_a_kind_goes_by_its_label() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let (counts, _, warnings) = rehearsed_and_done(&city, &haishu, &[]);
    assert_eq!(counts, [0, 0, 0]);
    assert!(warnings[0].as_str().unwrap().contains("表头下面没有数据"), "{warnings}");
    let file = city.file("名录.csv", table(&[list_row("330203", 1, &["月湖街道"])]).as_bytes());
    let report = city.path("未导入.csv");
    let report = report.to_str().unwrap();
    assert_eq!(haishu.good(&["import", &file, "--kind", "社会组织", "--report", report])["created"], 1);
    assert_eq!(haishu.good(&["record", "list", "社会组织"])["records"].as_array().unwrap().len(), 1);
    let out = city.path("导出.csv");
    assert_eq!(haishu.good(&["export", "社会组织", "-o", out.to_str().unwrap()])["rows"], 1);
    let sentence = haishu.run(&["record", "list", "社团"]).sentence(2);
    assert!(sentence.contains("社会组织") && sentence.contains("social_org"), "{sentence}");
}
