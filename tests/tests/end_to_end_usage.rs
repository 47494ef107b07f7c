//! What a person mistypes, and what scripts rely on: exit codes and one JSON object at each of them.

use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Site};

#[test]
fn what_makes_no_sense_ends_with_2_and_an_object() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let code = format!("uscc={}", uscc("330203", 1));
    let id = haishu.create(&["name=试验协会", "org_type=ST", &code]);
    let frontier = haishu.status()["frontier"].clone();
    let id = id.as_str();
    let senseless: [&[&str]; 36] = [
        &[],
        &["recrod", "list"],
        &["record"],
        &["record", "list"],
        &["record", "list", "no_such_kind"],
        &["record", "list", "social_org", "--division", "331"],
        &["record", "list", "social_org", "--division", "330299"],
        &["record", "list", "social_org", "--where", "name"],
        &["record", "list", "social_org", "--where", "colour=red"],
        &["record", "list", "social_org", "--limit", "many"],
        &["record", "list", "social_org", "--limit", "0"],
        &["record", "list", "social_org", "--where", "uscc=51330203XT0000014B"],
        &["record", "list", "social_org", "--where", "town_code=999999999"],
        &["record", "list", "social_org", "--where", "founded_on=2018-02-30"],
        &["record", "new", "social_org", "name=甲", "name=乙", "org_type=BA"],
        &["record", "set", id, "address=甲", "住所=乙"],
        &["record", "delete", id, "--reason", ""],
        &["serve", "--web", "0.0.0.0:0"],
        &["record", "show"],
        &["record", "show", "不是编号"],
        &["record", "new", "no_such_kind", "name=甲"],
        &["record", "new", "social_org", "name"],
        &["record", "new", "social_org", "colour=red"],
        &["record", "new", "social_org", "--division", "海曙", "name=甲"],
        &[
            "record",
            "new",
            "social_org",
            "--division",
            "330203005",
            "name=甲",
            "org_type=BA",
            "town_code=330203004",
        ],
        &["record", "set", id],
        &["record", "set", id, "name"],
        &["record", "set", id, "colour=red"],
        &["record", "set", "不是编号", "name=乙"],
        &["record", "delete", id],
        &["conflict", "resolve", id, "colour", "--take", "1"],
        &["conflict", "resolve", id, "name", "--take", "1", "--value", "x"],
        &["import"],
        &["export", "social_org"],
        &["export", "no_such_kind", "-o", "/tmp/never.csv"],
        &["status", "--lang", "fr"],
    ];
    for arguments in senseless {
        let said = haishu.run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(
            said.json["error"].as_str().is_some_and(|why| !why.is_empty()),
            "{arguments:?}: {}",
            said.out
        );
    }
    for arguments in [
        &["invite"][..],
        &["invite", "--division", "9"],
        &["invite", "--division", "440100"],
        &["invite", "--division", "330203", "--ttl", "soon"],
        &["invite", "--division", "330203", "--ttl", "0"],
        &["invite", "--division", "330203", "--ttl", "18446744073709551615"],
        &["invite", "--division", "330203", "--ttl", "213503982334601d"],
        &["invite", "--division", "330203", "--ttl", "4000d"],
        &["node", "revoke", "haishu", "--reason", " "],
        &["demo", "--organizations", "0"],
        &["serve", "--listen", "127.0.0.1:0", "--web", "[::]:0"],
        &["invite", "--division", "330203", "--advertise", "nowhere"],
        &["sync"],
        &["join", "x"],
    ] {
        assert_eq!(city.hub.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(haishu.status()["frontier"], frontier, "nothing was written");
}

#[test]
fn what_is_not_here_ends_with_1() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let nobody = "01a2025e-6a3f-7000-a465-d6559c3e0d90";
    for arguments in [
        &["record", "show", nobody][..],
        &["record", "set", nobody, "name=甲"],
        &["record", "delete", nobody, "--reason", "误录"],
        &["conflict", "show", nobody],
        &["conflict", "resolve", nobody, "name", "--take", "1"],
    ] {
        haishu.run(arguments).sentence(1);
    }
    // A form that is not complete is not saved, and every problem is named at once.
    let sentence = haishu.run(&["record", "new", "social_org", "address=某处"]).sentence(1);
    for label in ["名称", "类型"] {
        assert!(sentence.contains(label), "{sentence}");
    }
    let id = haishu.create(&["name=试验协会", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    assert!(haishu.run(&["record", "set", &id, "founded_on=2018-02-30"]).sentence(1).contains("日期"));
    assert!(
        haishu.run(&["record", "set", &id, "registration_authority=330106"]).sentence(1).contains("西湖"),
        "no record leaves the city's tree"
    );
    assert!(haishu.run(&["record", "set", &id, "name="]).sentence(1).contains("名称"));
    assert_eq!(haishu.good(&["record", "set", &id, "name=试验协会"])["outcome"], "same");
    assert_eq!(haishu.status()["records"]["social_org"], 1);
}

#[test]
fn a_directory_without_a_replica_says_how_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let node = Site::node(folder.path().join("没有"));
    for arguments in [
        &["status"][..],
        &["sync"],
        &["verify"],
        &["serve", "--web", "127.0.0.1:0"],
        &["record", "list", "social_org"],
        &["record", "new", "social_org", "name=甲"],
        &["conflict", "list"],
    ] {
        assert!(node.run(arguments).sentence(4).contains("join"), "{arguments:?}");
    }
    assert!(!node.data.exists(), "asking makes nothing");
    assert_eq!(node.good(&["version"])["v"], 1);
    assert_eq!(Site::hub(folder.path().join("也没有")).run(&["invite", "--division", "330203"]).code, 4);
}

#[test]
fn a_hub_begins_once_in_an_empty_directory() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Site::hub(folder.path().join("市级 数据"));
    for division in ["", "33020", "999999", "宁波"] {
        assert_eq!(hub.run(&["init", "--division", division]).code, 2, "{division}");
    }
    assert!(!hub.data.exists());
    std::fs::create_dir(&hub.data).unwrap();
    let founded = hub.good(&["init", "--division", "3302", "--name", "宁波汇流"]);
    assert_eq!((&founded["division"], &founded["name"]), (&"3302".into(), &"宁波汇流".into()));
    assert_eq!(hub.run(&["init", "--division", "3302"]).code, 1);
    assert!(
        hub.run(&["invite", "--division", "330203"]).sentence(2).contains("serve"),
        "no address is known yet"
    );
    hub.good(&["invite", "--division", "330203", "--advertise", "hub.example.cn:7443"]);
    let busy = folder.path().join("别的");
    std::fs::create_dir(&busy).unwrap();
    std::fs::write(busy.join("报表.txt"), "别人的文件").unwrap();
    assert!(Site::hub(&busy).run(&["init", "--division", "3302"]).sentence(1).contains("空目录"));
    assert_eq!(std::fs::read_dir(&busy).unwrap().count(), 1);
    // The wrong program for a directory says which is right.
    assert!(
        Site::node(&hub.data).run(&["status"]).sentence(2).contains("huiliu-node")
            || Site::node(&hub.data).run(&["status"]).sentence(2).contains("huiliu-hub")
    );
}

#[test]
fn writes_outside_the_grant_end_with_4() {
    let city = City::found();
    let yuehu = city.join("yuehu", "330203004");
    let code = |n: usize| format!("uscc={}", uscc("330203", n));
    let own = yuehu.create(&["name=月湖的", "org_type=ST", &code(1)]);
    let shown = yuehu.good(&["record", "show", &own]);
    assert_eq!(shown["record"]["division"], "330203004", "what a township makes is its own");
    for outside in ["town_code=330203005", "registration_authority=3302", "registration_authority=330281"] {
        let said =
            yuehu.run(&["record", "new", "social_org", "name=别处的", "org_type=ST", &code(2), outside]);
        assert_eq!(said.code, 4, "{outside}: {}", said.json);
    }
    let said = yuehu.run(&[
        "record",
        "new",
        "social_org",
        "--division",
        "330281",
        "name=别处的",
        "org_type=ST",
        &code(3),
    ]);
    assert_eq!(said.code, 4, "{}", said.json);
    assert_eq!(yuehu.organizations().len(), 1);
    yuehu.sync();
    assert_eq!(city.hub.organizations().len(), 1);
}

#[test]
fn the_owner_is_what_the_fields_name_else_the_division_given_else_ones_own() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let code = |n: usize| format!("uscc={}", uscc("330203", n));
    let owner = |site: &Site, arguments: &[&str]| -> String {
        let made = site.good(&[&["record", "new", "social_org"], arguments].concat());
        let shown = site.good(&["record", "show", made["id"].as_str().unwrap()]);
        shown["record"]["division"].as_str().unwrap().to_owned()
    };
    assert_eq!(owner(&haishu, &["name=一", "org_type=ST", &code(1)]), "330203");
    assert_eq!(owner(&haishu, &["name=二", "org_type=ST", &code(2), "town_code=月湖街道"]), "330203004");
    assert_eq!(owner(&haishu, &["--division", "330203005", "name=三", "org_type=ST", &code(3)]), "330203005");
    assert_eq!(
        owner(
            &haishu,
            &["--division", "330203004", "name=四", "org_type=ST", &code(4), "town_code=330203004"]
        ),
        "330203004"
    );
    let yuyao = format!("uscc={}", uscc("330281", 5));
    assert_eq!(owner(&city.hub, &["--division", "330281", "name=五", "org_type=ST", &yuyao]), "330281");
    let city_level = format!("uscc={}", uscc("330200", 6));
    assert_eq!(owner(&city.hub, &["name=六", "org_type=ST", &city_level]), "3302");
}

#[test]
fn english_is_spoken_to_whoever_asks() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let said = haishu.talk(&["--lang", "en", "record", "show", "01a2025e-6a3f-7000-a465-d6559c3e0d90"]);
    assert_eq!(said.code, 1);
    assert!(said.err.is_ascii() && said.err.contains("no record"), "{}", said.err);
    let said = haishu.talk(&["--lang", "en", "record", "new", "social_org", "founded_on=2018-02-30"]);
    assert!(!said.err.contains("日期"), "{}", said.err);
    let said = haishu.talk(&["status"]);
    assert!(said.out.contains("海曙区") && said.out.contains("待上报"), "{}", said.out);
    assert!(haishu.talk(&["--help", "--lang", "en"]).out.contains("Usage: huiliu-node"));
    assert_eq!(haishu.talk(&["--help"]).code, 0);
}

#[test]
fn usage_is_explained_in_chinese() {
    let city = City::found();
    let help = city.hub.talk(&["record", "--help"]).out;
    for part in ["用法", "命令", "选项", "恢复已删除的记录", "数据目录", "显示用法"] {
        assert!(help.contains(part), "“{part}” is not in:\n{help}");
    }
    for (arguments, sentence) in [
        (&["recrod"][..], "没有“recrod”这个命令"),
        (&["status", "--colour"], "没有“--colour”这个选项"),
        (&["record", "delete", "x"], "缺少：--reason"),
        (&["invite", "--division", "330203", "--ttl", "soon"], "90s"),
        (&["--as", "", "status"], "不能为空"),
        (&["record"], "请写明要做什么"),
    ] {
        let said = city.hub.talk(arguments);
        assert_eq!(said.code, 2);
        assert!(said.err.lines().next().unwrap().contains(sentence), "{arguments:?}: {}", said.err);
        assert!(city.hub.run(arguments).sentence(2).contains(sentence));
        let english = city.hub.talk(&[&["--lang", "en"], arguments].concat());
        assert!(english.err.is_ascii(), "{}", english.err);
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let city = City::found();
    let full = |json: bool| {
        let mut command = std::process::Command::new(&city.hub.program);
        command.arg("--data").arg(&city.hub.data).args(json.then_some("--json")).arg("status");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        command.stdout(full).output().unwrap()
    };
    for json in [true, false] {
        let said = full(json);
        assert_eq!(said.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&said.stderr).contains("没有写出"));
    }
}

#[test]
fn a_ticket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let city = City::found();
    let path = city.path("海曙.ticket");
    std::fs::write(&path, "x".repeat(1000)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    city.hub.good(&["invite", "--division", "330203", "--out", path.to_str().unwrap()]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let ticket = std::fs::read_to_string(&path).unwrap();
    assert!(ticket.starts_with("HL1.") && ticket.lines().count() == 1, "{ticket}");
}
