//! What a person reads who asks without --json: tables with the office's labels, names for places, Beijing time.

use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Site};

#[track_caller]
fn told(site: &Site, arguments: &[&str]) -> String {
    let said = site.talk(arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
    said.out
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "“{part}” is not in:\n{text}");
    }
    let raw = ["null", "{\"", "_authority", "_deleted", "own/", "published/"];
    assert!(!raw.iter().any(|part| text.contains(part)), "not for people:\n{text}");
    let stops = ["。。", "。；", "。）", "；。", "..", ".)", ".;"];
    assert!(!stops.iter().any(|part| text.contains(part)), "two stops:\n{text}");
}

#[test]
fn lists_are_tables_that_a_clerk_can_read() {
    let city = City::found();
    let (haishu, yuehu) = (city.join("海曙区民政局", "330203"), city.join("月湖街道党群中心", "330203004"));
    let code = uscc("330203", 1);
    let uscc = format!("uscc={code}");
    let id = haishu.create(&["name=测试协会", "org_type=ST", &uscc, "town_code=月湖街道", "capital=3000000"]);
    let id = id.as_str();
    let list = told(&haishu, &["record", "list", "social_org"]);
    has(
        &list,
        &["编号", "名称", "统一社会信用代码", "归属", "测试协会", &code, "宁波市海曙区月湖街道", "共 1 条"],
    );
    let list = told(&haishu, &["record", "list", "social_org", "--lang", "en"]);
    has(&list, &["credit code", "owner", "association", "1 in all"]);

    haishu.good(&["record", "set", id, "capital=3050000"]);
    let shown = told(&haishu, &["record", "show", id, "--history"]);
    has(
        &shown,
        &["归属", "宁波市海曙区月湖街道", "注册资金：3万元 → 3.05万元", "名称：（空） → 测试协会", "经办人"],
    );
    let (name, status) = (shown.find("名称").unwrap(), shown.find("状态").unwrap());
    assert!(name < status, "in the order of the form:\n{shown}");

    haishu.sync();
    yuehu.sync();
    assert!(told(&haishu, &["conflict", "list"]).contains("没有待处理的冲突"));
    haishu.good(&["record", "set", id, "name=区里的名"]);
    yuehu.good(&["record", "set", id, "name=街道的名"]);
    haishu.sync();
    yuehu.sync();
    let list = told(&yuehu, &["conflict", "list"]);
    has(&list, &["社会组织", "“名称”，原值：测试协会", "区里的名", "街道的名", "月湖街道党群中心", "--take"]);
    has(&told(&yuehu, &["conflict", "list", "--lang", "en"]), &["“name”, before: 测试协会", "--take"]);
    has(&told(&yuehu, &["record", "show", id]), &["“名称”有 2 个值待选定"]);

    let list = told(&city.hub, &["node", "list"]);
    has(
        &list,
        &["设备", "单位", "状态", "最近联系", "月湖街道党群中心", "宁波市海曙区月湖街道 330203004", "已加入"],
    );
    has(&told(&city.hub, &["node", "list", "--lang", "en"]), &["device", "last heard", "joined"]);
    has(&told(&city.hub, &["node", "show", "海曙区民政局"]), &["设备", "状态", "最近核对"]);
    let invited = told(&city.hub, &["invite", "--division", "330281"]);
    has(&invited, &["宁波市余姚市的邀请码", "北京时间", "huiliu-node join"]);
    assert!(
        invited.trim_end().lines().last().unwrap().starts_with("HL1."),
        "the ticket has a line of its own"
    );
}

#[test]
fn no_label_stands_twice_in_a_status() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    for site in [&city.hub, &haishu] {
        for lang in ["zh", "en"] {
            let text = told(site, &["status", "--lang", lang]);
            let mut labels: Vec<&str> = text.lines().map(|line| line.split("  ").next().unwrap()).collect();
            let count = labels.len();
            labels.sort_unstable();
            labels.dedup();
            assert_eq!(labels.len(), count, "{text}");
        }
    }
}

#[test]
fn what_is_refused_is_said_in_words_of_the_office() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuyao = ["record", "new", "social_org", "--division", "330281", "name=别处的", "org_type=BA"];
    has(&haishu.run(&yuyao).sentence(4), &["宁波市余姚市", "授权范围"]);
    let fresh = ["record", "new", "division", "code=330203098", "name=望春街道"];
    has(&haishu.run(&fresh).sentence(4), &["市级"]);
    let sentence = haishu.run(&["record", "new", "social_org"]).sentence(1);
    assert!(!sentence.contains("。；"), "{sentence}");
    let sentence = haishu.run(&["record", "list", "social_org", "--where", "类型=公司"]).sentence(2);
    has(&sentence, &["条件", "类型", "社会团体"]);
    assert!(!sentence.contains("没有保存"), "nothing was to be saved: {sentence}");
    haishu.run(&["quarantine", "show", "3"]).sentence(1);
    let said = haishu.talk(&["--lang", "en", "record", "new", "social_org", "name=x", "org_type=firm"]);
    assert!(said.err.contains("foundation") && !said.err.contains("基金会"), "{}", said.err);

    let rows = "名称,类型,登记管理机关\n甲,公司,330203\n乙,备案,余姚市民政局\n";
    let mut table = rows.to_owned();
    for n in 0..60 {
        table += &format!("第{n}家,没有的类型,330203\n");
    }
    for (name, content) in
        [("无列.csv", "类型,住所\n社团,某处\n"), ("空.csv", ""), ("两列.csv", "名称,类型,组织名称\n")]
    {
        let file = city.file(name, content.as_bytes());
        for lang in ["zh", "en"] {
            let said = haishu.talk(&["--lang", lang, "import", &file, "--kind", "social_org"]);
            has(&said.err, &[name]);
        }
    }
    let file = city.file("有误.csv", table.as_bytes());
    let said = haishu.talk(&["import", &file, "--kind", "social_org"]);
    assert_eq!(said.code, 3);
    has(
        &said.out,
        &["第 2 行不能导入，类型“公司”：", "第 3 行不能导入：该行归属宁波市余姚市", "另有 32 处", "--report"],
    );
}
