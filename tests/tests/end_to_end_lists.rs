//! What an import says of rows that are odd, double, or refused, and what it makes of records that are here already.

use huiliu_tests::harness::lists::{LIST_HEADER, list_csv, list_row, uscc};
use huiliu_tests::harness::process::{City, Site};
use serde_json::Value as Json;

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let lines = std::iter::once(header.join(",")).chain(rows.iter().map(|row| row.join(",")));
    lines.map(|line| line + "\n").collect()
}

fn import(site: &Site, file: &str) -> Json {
    site.good(&["import", file, "--kind", "social_org"])
}

#[test]
fn a_report_of_refused_rows_is_put_right_and_imported_again() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let mut rows: Vec<Vec<String>> = (0..6).map(|n| list_row("330203", n, &["月湖街道"])).collect();
    rows[1][1] = "公司".into();
    rows[3][5] = "2018-02-30".into();
    rows[3][1] = "企业".into();
    let mut header = LIST_HEADER.to_vec();
    header.push("备用栏");
    rows.iter_mut().for_each(|row| row.push("留着".into()));
    let file = city.file("名录.csv", table(&header, &rows).as_bytes());
    for name in ["未导入.csv", "未导入.xlsx"] {
        let report = city.path(name);
        let report = report.to_str().unwrap();
        haishu.run(&["import", &file, "--kind", "social_org", "--report", report]).with(3);
        let again = haishu.run(&["import", report, "--kind", "social_org", "--dry-run"]).with(3);
        assert_eq!((&again["same"], &again["refused"].as_array().unwrap().len()), (&0.into(), &3), "{again}");
        let warnings = again["warnings"].to_string();
        assert!(warnings.contains("备用栏") && !warnings.contains("原因"), "{warnings}");
    }
    // A clerk mends the cells and leaves the rest of the report as it is.
    let report = std::fs::read_to_string(city.path("未导入.csv")).unwrap();
    assert!(report.lines().next().unwrap().ends_with("备用栏,行号,原因,处理办法"), "{report}");
    let mended =
        report.replace(",公司,", ",社团,").replace(",企业,", ",社团,").replace("2018-02-30", "2018-02-28");
    let mended = city.file("改好.csv", mended.as_bytes());
    assert_eq!(import(&haishu, &mended)["created"], 2);
    assert_eq!(haishu.organizations().len(), 6);
}

#[test]
fn where_a_report_cannot_be_written_nothing_is_imported() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let file = city.file("名录.csv", list_csv("330203", 0..3, &[""]).as_bytes());
    let frontier = haishu.status()["frontier"].clone();
    for (report, code) in [("没有的文件夹/未导入.csv", 1), ("未导入.pdf", 2), ("未导入", 2)] {
        let report = city.path(report);
        let arguments = ["import", &file, "--kind", "social_org", "--report", report.to_str().unwrap()];
        haishu.run(&arguments).sentence(code);
        assert!(!report.exists());
    }
    std::fs::create_dir(city.path("文件夹.csv")).unwrap();
    let folder = city.path("文件夹.csv");
    haishu.run(&["import", &file, "--kind", "social_org", "--report", folder.to_str().unwrap()]).sentence(1);
    // A link is not written through, wherever it leads.
    let link = city.path("链接.csv");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    haishu.run(&["import", &file, "--kind", "social_org", "--report", link.to_str().unwrap()]).sentence(1);
    assert_eq!(haishu.status()["frontier"], frontier);
}

#[test]
fn what_the_dictionary_finds_odd_is_said_and_saved() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    // The code of another type than the one written.
    let code = format!("uscc={}", uscc("330203", 1));
    let odd = ["record", "new", "social_org", "name=甲", "org_type=JJ", &code];
    let made = haishu.good(&odd);
    assert!(made["warnings"][0].as_str().unwrap().contains("类型"), "{made}");
    let id = made["id"].as_str().unwrap();
    assert!(haishu.good(&["record", "set", id, "address=月湖"])["warnings"][0].is_string());
    assert!(haishu.talk(&["record", "set", id, "address=南门"]).out.contains("请留意"));
    assert_eq!(haishu.good(&["record", "set", id, "org_type=ST"])["warnings"], serde_json::json!([]));
    let mut row = list_row("330203", 2, &["月湖街道"]);
    row[1] = "基金会".into();
    let file = city.file("名录.csv", table(&LIST_HEADER, &[row]).as_bytes());
    let imported = import(&haishu, &file);
    let warning = imported["warnings"][0].as_str().unwrap();
    assert!(warning.contains("第 2 行") && warning.contains("类型"), "{warning}");
}

#[test]
fn a_code_that_stands_twice_in_a_list_is_one_organization() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let row = |change: &[(usize, &str)]| {
        let mut row = list_row("330203", 1, &["月湖街道"]);
        change.iter().for_each(|(column, text)| row[*column] = (*text).to_owned());
        row
    };
    let rows = [row(&[]), row(&[(0, "另一家协会")]), row(&[(6, "别处一号")]), row(&[(6, "别处一号")])];
    let file = city.file("名录.csv", table(&LIST_HEADER, &rows).as_bytes());
    let said = haishu.run(&["import", &file, "--kind", "social_org"]).with(3);
    assert_eq!([&said["created"], &said["changed"], &said["same"]], [1, 1, 1], "{said}");
    let refused = said["refused"].as_array().unwrap();
    assert_eq!((refused.len(), &refused[0]["row"]), (1, &3.into()), "{said}");
    assert!(refused[0]["reason"].as_str().unwrap().contains("第 2 行"), "{said}");
    let warnings = said["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(["第 4 行", "第 2 行"].iter().all(|row| warnings[0].as_str().unwrap().contains(row)), "{said}");
    assert_eq!(haishu.organizations()[0]["fields"]["name"], "试验第1号读书会");
}

#[test]
fn what_was_deleted_here_comes_back_as_new_only_with_a_word() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let file = city.file("名录.csv", list_csv("330203", 0..3, &["月湖街道"]).as_bytes());
    import(&haishu, &file);
    let id = haishu.organizations()[1]["id"].as_str().unwrap().to_owned();
    haishu.good(&["record", "delete", &id, "--reason", "已注销"]);
    for dry_run in [true, false] {
        let mut arguments = vec!["import", &file, "--kind", "social_org"];
        arguments.extend(dry_run.then_some("--dry-run"));
        let imported = haishu.good(&arguments);
        assert_eq!((&imported["created"], &imported["same"]), (&1.into(), &2.into()));
        let warning = imported["warnings"][0].as_str().unwrap();
        assert!(
            ["第 3 行", &id, "已注销", "record restore"].iter().all(|part| warning.contains(part)),
            "{warning}"
        );
    }
}

#[test]
fn management_follows_what_a_list_says_unless_somebody_has_chosen() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let file = city.file("名录.csv", list_csv("330203", 0..4, &[""]).as_bytes());
    import(&haishu, &file);
    let ids: Vec<String> =
        haishu.organizations().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let mode = |n: usize| haishu.field(&ids[n], "management_mode");
    haishu.good(&["record", "set", &ids[1], "supervising_unit=区文化局", "management_mode=DIRECT"]);
    assert_eq!([mode(0), mode(1)], ["DIRECT", "DIRECT"]);
    let rows: Vec<Vec<String>> = (0..3)
        .map(|n| {
            let row = list_row("330203", n, &[""]);
            let mode = if n == 2 { "直接登记" } else { "" };
            vec![row[0].clone(), row[1].clone(), row[2].clone(), "区民政局".into(), mode.into()]
        })
        .collect();
    let header = ["名称", "类型", "统一社会信用代码", "业务主管单位", "管理体制"];
    let with_units = city.file("主管.csv", table(&header, &rows).as_bytes());
    assert_eq!(haishu.good(&["import", &with_units, "--kind", "social_org", "--dry-run"])["changed"], 3);
    assert_eq!(import(&haishu, &with_units)["changed"], 3);
    assert_eq!(mode(0), "DUAL", "it follows");
    assert_eq!(mode(1), "DIRECT", "somebody had chosen it");
    assert_eq!(mode(2), "DIRECT", "the list says it");
    assert_eq!(import(&haishu, &with_units)["same"], 3);
    haishu.good(&["record", "set", &ids[3], "org_type=BA"]);
    assert_eq!(mode(3), "FILED");
}
