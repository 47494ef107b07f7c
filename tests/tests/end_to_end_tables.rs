//! Tables in and out with the real programs: every encoding, refusals a clerk can act on, killed imports, round trips.

use huiliu_tests::harness::lists::{LIST_HEADER, TOWNS, list_csv, list_row, uscc};
use huiliu_tests::harness::process::{City, Site, until};
use rust_xlsxwriter::Workbook;
use serde_json::Value as Json;
use std::collections::BTreeSet;

fn counts(import: &Json) -> [u64; 4] {
    let refused = import["refused"].as_array().unwrap().iter().map(|one| one["row"].as_u64().unwrap());
    let rows: BTreeSet<u64> = refused.collect();
    let count = |key: &str| import[key].as_u64().unwrap();
    [count("created"), count("changed"), count("same"), rows.len() as u64]
}

fn import(site: &Site, file: &str) -> Json {
    site.good(&["import", file, "--kind", "social_org"])
}

fn workbook(rows: &[Vec<String>]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (at, row) in (0_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(row) {
            sheet.write_string(at, column, cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

fn header() -> Vec<String> {
    LIST_HEADER.iter().map(|label| (*label).to_owned()).collect()
}

#[test]
fn a_list_in_every_form_is_the_same_list() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let text = list_csv("330203", 0..40, &TOWNS);
    let rows: Vec<Vec<String>> =
        std::iter::once(header()).chain((0..40).map(|n| list_row("330203", n, &TOWNS))).collect();
    let files = [
        city.file("名录 一.csv", format!("\u{feff}{text}").as_bytes()),
        city.file("二.csv", &encoding_rs::GB18030.encode(&text).0),
        city.file("三.csv", text.replace('\n', "\r\n").as_bytes()),
        city.file("四.xlsx", &workbook(&rows)),
    ];

    let before = haishu.status();
    let rehearsed = haishu.good(&["import", &files[0], "--kind", "social_org", "--dry-run"]);
    assert_eq!(counts(&rehearsed), [40, 0, 0, 0]);
    assert_eq!(haishu.status()["frontier"], before["frontier"], "nothing was written");
    assert!(haishu.organizations().is_empty());

    assert_eq!(counts(&import(&haishu, &files[0])), [40, 0, 0, 0]);
    let organizations = haishu.organizations();
    let frontier = haishu.status()["frontier"].clone();
    for file in &files {
        assert_eq!(counts(&import(&haishu, file)), [0, 0, 40, 0], "{file}");
        assert_eq!(haishu.status()["frontier"], frontier, "what is the same is not written again");
    }
    assert_eq!(haishu.organizations(), organizations);
    let service = haishu.serve();
    assert_eq!(counts(&import(&haishu, &files[1])), [0, 0, 40, 0]);
    service.stop();

    let fresh = city.file("改.csv", text.replace("试验第7号读书会", "试验第7号书画社").as_bytes());
    assert_eq!(counts(&import(&haishu, &fresh)), [0, 1, 39, 0]);
    let found = haishu.good(&["record", "list", "social_org", "--where", "name=试验第7号书画社"]);
    assert_eq!(found["records"].as_array().unwrap().len(), 1);
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

#[test]
fn rows_that_cannot_be_taken_are_named_and_the_others_are_taken() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let mut rows: Vec<Vec<String>> = (0..10).map(|n| list_row("330203", n, &TOWNS)).collect();
    let check = uscc("330203", 1).chars().last().unwrap();
    let wrong = if check == '0' { '1' } else { '0' };
    rows[1][2].replace_range(17.., &wrong.to_string());
    rows[2][1] = "公司".into();
    rows[3][5] = "2018-02-30".into();
    rows[4][4] = "没有这条街道".into();
    rows[5][3] = "余姚市民政局".into();
    rows[5][4] = String::new();
    rows[6][0] = String::new();
    let text: Vec<String> = std::iter::once(header()).chain(rows).map(|row| row.join(",")).collect();
    let file = city.file("有误.csv", format!("{}\n", text.join("\n")).as_bytes());

    for report in ["未导入.csv", "未导入.xlsx"] {
        let report = city.path(report);
        let said =
            haishu.run(&["import", &file, "--kind", "social_org", "--report", report.to_str().unwrap()]);
        let json = said.with(3);
        assert_eq!(counts(&json)[3], 6, "{json}");
        assert_eq!(counts(&json).iter().sum::<u64>(), 10, "{json}");
        let refused = json["refused"].as_array().unwrap();
        let named: Vec<(u64, &str)> = refused
            .iter()
            .map(|one| (one["row"].as_u64().unwrap(), one["field"].as_str().unwrap()))
            .collect();
        assert_eq!(
            named,
            [(3, "uscc"), (4, "org_type"), (5, "founded_on"), (6, "town_code"), (7, ""), (8, "name")],
            "as Excel counts, the header being row 1: {json}"
        );
        for one in refused {
            assert!(one["value"].is_string() && !one["reason"].as_str().unwrap().is_empty(), "{one}");
            assert!(!one["remedy"].as_str().unwrap().is_empty(), "{one}");
        }
        assert!(refused[0]["reason"].as_str().unwrap().contains(check), "{}", refused[0]);
        assert!(refused[4]["reason"].as_str().unwrap().contains("余姚"), "outside the grant: {}", refused[4]);
        let written = std::fs::read(&report).unwrap();
        assert!(written.len() > 100);
    }
    assert_eq!(haishu.organizations().len(), 4);
    let report = std::fs::read_to_string(city.path("未导入.csv")).unwrap();
    assert_eq!(report.lines().count(), 7, "{report}");
    assert!(report.contains("行号") && report.contains("处理办法"), "{report}");
    // Without a fault the report says so by having no rows.
    let good = city.file("无误.csv", list_csv("330203", 20..22, &TOWNS).as_bytes());
    let report = city.path("空.csv");
    haishu.good(&["import", &good, "--kind", "social_org", "--report", report.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&report).unwrap().lines().count(), 1);
}

#[test]
fn a_number_in_a_code_column_is_refused_before_it_does_harm() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, label) in (0_u16..).zip(["名称", "类型", "统一社会信用代码", "登记管理机关"])
    {
        sheet.write_string(0, column, label).unwrap();
    }
    sheet.write_string(1, 0, "数字格式的协会").unwrap();
    sheet.write_string(1, 1, "社会团体").unwrap();
    sheet.write_number(1, 2, 5.133_020_300_000_001e17).unwrap();
    sheet.write_number(1, 3, 330_203).unwrap();
    let file = city.file("数字.xlsx", &book.save_to_buffer().unwrap());
    let json = haishu.run(&["import", &file, "--kind", "social_org"]).with(3);
    let refused = json["refused"].as_array().unwrap();
    assert!(
        refused
            .iter()
            .any(|one| one["field"] == "uscc" && one["reason"].as_str().unwrap().contains("数字格式")),
        "{json}"
    );
    assert!(haishu.organizations().is_empty());
}

#[test]
fn files_that_are_no_tables_are_refused_and_nothing_is_written() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let before = haishu.status();
    let files = [
        city.file("空.csv", b""),
        city.file("没有名称.csv", "类型,住所\n社会团体,某处\n".as_bytes()),
        city.file("两列.csv", "名称,组织名称,类型\n甲,乙,社会团体\n".as_bytes()),
        city.file("图片.xlsx", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        city.file("坏.xlsx", &workbook(&[header()])[..200]),
        city.file("旧.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on"),
        city.path("没有这个文件.csv").to_str().unwrap().to_owned(),
        city.folder.path().to_str().unwrap().to_owned(),
    ];
    for file in &files {
        let said = haishu.run(&["import", file, "--kind", "social_org"]);
        assert!(said.code == 1 || said.code == 2, "{file}: {}", said.code);
        assert!(
            said.json["error"].as_str().is_some_and(|sentence| !sentence.is_empty()),
            "{file}: {}",
            said.json
        );
    }
    assert_eq!(haishu.status()["frontier"], before["frontier"]);
    let good = city.file("好.csv", list_csv("330203", 0..3, &TOWNS).as_bytes());
    assert_eq!(haishu.run(&["import", &good, "--kind", "no_such_kind"]).code, 2);
    assert_eq!(haishu.run(&["import", &good]).code, 2);
    assert_eq!(haishu.run(&["import", &good, "--kind", "social_org", "--division", "999999"]).code, 2);
    assert!(haishu.organizations().is_empty());
}

/// The numbers of the made-up organizations that a site holds; they must be the first ones of the list.
#[track_caller]
fn prefix(site: &Site) -> usize {
    let organizations = site.organizations();
    let number = |record: &Json| -> usize {
        let name = record["fields"]["name"].as_str().unwrap();
        name.trim_start_matches("试验第").trim_end_matches("号读书会").parse().unwrap()
    };
    let numbers: BTreeSet<usize> = organizations.iter().map(number).collect();
    assert_eq!(numbers.len(), organizations.len(), "no row twice");
    assert_eq!(numbers, (0..numbers.len()).collect(), "a prefix of the list");
    numbers.len()
}

fn journal_bytes(site: &Site) -> u64 {
    site.segments().iter().map(|path| std::fs::metadata(path).unwrap().len()).sum()
}

const LONG: usize = 3000;

#[test]
fn an_import_killed_at_any_moment_leaves_a_prefix_and_is_finished_by_the_same_file() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("长名录.csv", list_csv("330203", 0..LONG, &TOWNS).as_bytes());
    let mut rng = fastrand::Rng::with_seed(20_261_122);
    let mut done = 0;
    for _ in 0..5 {
        let kill_at = journal_bytes(&haishu) + rng.u64(..250_000);
        let mut running = haishu.start(&["import", &list, "--kind", "social_org"]);
        until("the import to have written enough", || {
            (running.has_ended() || journal_bytes(&haishu) >= kill_at).then_some(())
        });
        running.kill();
        let now = prefix(&haishu);
        assert!(now >= done, "what was there stays");
        done = now;
        assert_eq!(haishu.good(&["verify"])["ok"], true);
    }
    let finished = import(&haishu, &list);
    assert_eq!(counts(&finished), [(LONG - done) as u64, 0, done as u64, 0]);
    assert_eq!(prefix(&haishu), LONG);
    assert_eq!(counts(&import(&haishu, &list)), [0, 0, LONG as u64, 0]);
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), LONG);
}

#[test]
fn a_service_killed_during_an_import_leaves_a_prefix_and_its_client_fails() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("长名录.csv", list_csv("330203", 0..LONG, &TOWNS).as_bytes());
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..3 {
        let service = haishu.serve();
        let kill_at = journal_bytes(&haishu) + rng.u64(..250_000);
        let mut client = haishu.start(&["import", &list, "--kind", "social_org"]);
        until("the import to have written enough", || {
            (client.has_ended() || journal_bytes(&haishu) >= kill_at).then_some(())
        });
        service.kill();
        let said = client.finish();
        assert!(said.code == 0 || said.code == 1, "{} {}", said.code, said.out);
        assert_eq!(said.json["v"], 1, "{}", said.out);
        prefix(&haishu);
        assert_eq!(haishu.good(&["verify"])["ok"], true);
    }
    // A client that is killed leaves its import to the service, which goes on.
    let service = haishu.serve();
    let here = prefix(&haishu);
    let before = journal_bytes(&haishu);
    let mut client = haishu.start(&["import", &list, "--kind", "social_org"]);
    until("the import to have begun", || {
        (client.has_ended() || journal_bytes(&haishu) > before).then_some(())
    });
    client.kill();
    let finished = import(&haishu, &list);
    assert_eq!(counts(&finished)[0] + counts(&finished)[2], LONG as u64);
    assert!(counts(&finished)[2] >= here as u64);
    assert_eq!(prefix(&haishu), LONG);
    service.stop();
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), LONG);
}

#[test]
fn what_is_exported_can_be_imported_and_is_the_same() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("名录.csv", list_csv("330203", 0..30, &TOWNS).as_bytes());
    import(&haishu, &list);
    let organizations = haishu.organizations();
    let id = organizations[0]["id"].as_str().unwrap();
    let fields = [
        "former_names=旧名一；旧名二",
        "sub_type=学术性",
        "sector=文化",
        "supervising_unit=海曙区文化局, 广电",
        "capital=3.05万元",
        "charity=是",
        "abnormal_listed=否",
        "grade=3A级",
        "staff_full=12",
        "cert_from=2018-05-21",
        "cert_to=2028-05-20",
        "address=偃月街\"一\"号",
    ];
    haishu.good(&[&["record", "set", id], &fields[..]].concat());
    let organizations = haishu.organizations();

    let fresh = City::found();
    for name in ["导出.csv", "导出.xlsx"] {
        let path = city.path(name);
        let path = path.to_str().unwrap();
        let exported = haishu.good(&["export", "social_org", "-o", path]);
        assert_eq!(exported["rows"], 30);
        assert_eq!(counts(&import(&haishu, path)), [0, 0, 30, 0], "{name}");
        let node = fresh.join(if name.ends_with("csv") { "csv" } else { "xlsx" }, "330203");
        assert_eq!(counts(&import(&node, path)), [30, 0, 0, 0], "{name}");
        let plain = |records: &[Json]| {
            let mut all: Vec<(String, Json)> = records
                .iter()
                .map(|one| (one["fields"]["uscc"].to_string(), one["fields"].clone()))
                .collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        assert_eq!(plain(&node.organizations()), plain(&organizations), "{name}");
    }
    let some = city.path("月湖.csv");
    let exported =
        haishu.good(&["export", "social_org", "-o", some.to_str().unwrap(), "--division", "330203004"]);
    assert_eq!(exported["rows"], 8);
    assert_eq!(haishu.run(&["export", "social_org", "-o", city.path("x.pdf").to_str().unwrap()]).code, 2);
    assert_eq!(
        haishu.run(&["export", "social_org", "-o", city.path("no/folder/x.csv").to_str().unwrap()]).code,
        1
    );
}

#[test]
fn a_template_filled_in_is_a_list() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let path = city.path("模板.csv");
    let path = path.to_str().unwrap();
    haishu.good(&["template", "social_org", "-o", path]);
    assert_eq!(counts(&import(&haishu, path)), [0; 4], "nothing below the header");
    let template = std::fs::read_to_string(path).unwrap();
    let head: Vec<&str> =
        template.lines().next().unwrap().trim_start_matches('\u{feff}').split(',').collect();
    let cell = |label: &&str| match label.trim_matches(['*', '"', '＊']) {
        "名称" => "按模板填的协会".to_owned(),
        "类型" => "社会团体".to_owned(),
        "统一社会信用代码" => uscc("330203", 77),
        "登记管理机关" => "海曙区".to_owned(),
        _ => String::new(),
    };
    let row: Vec<String> = head.iter().map(cell).collect();
    std::fs::write(path, format!("{}\n{}\n", head.join(","), row.join(","))).unwrap();
    assert_eq!(counts(&import(&haishu, path)), [1, 0, 0, 0]);
    assert_eq!(haishu.organizations()[0]["fields"]["name"], "按模板填的协会");
    let book = city.path("模板.xlsx");
    haishu.good(&["template", "social_org", "-o", book.to_str().unwrap()]);
    assert!(std::fs::read(book).unwrap().starts_with(b"PK"));
    assert_eq!(haishu.run(&["template", "nothing", "-o", path]).code, 2);
}

#[test]
fn the_hub_imports_a_citys_list_and_each_county_gets_its_own() {
    let city = City::found();
    let (haishu, yuyao) = (city.join("haishu", "330203"), city.join("yuyao", "330281"));
    let both =
        list_csv("330203", 0..20, &TOWNS) + list_csv("330281", 20..50, &[""]).split_once('\n').unwrap().1;
    let list = city.file("全市.csv", both.as_bytes());
    assert_eq!(counts(&import(&city.hub, &list)), [50, 0, 0, 0]);
    haishu.sync();
    yuyao.sync();
    assert_eq!(haishu.organizations().len(), 20);
    assert_eq!(yuyao.organizations().len(), 30);
    // The county's own run of the same list: its rows are the same, the others are not its to write.
    let said = haishu.run(&["import", &list, "--kind", "social_org"]).with(3);
    assert_eq!(counts(&said), [0, 0, 20, 30]);
    assert_eq!(haishu.status()["pending"], 0);
}
