use super::*;

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

fn codes(list: &[&str]) -> Vec<DivisionCode> {
    list.iter().map(|text| code(text)).collect()
}

#[test]
fn the_sample_tells_names_and_places() {
    let tree = Divisions::sample();
    assert_eq!(tree.len(), 20);
    assert_eq!(tree.edition(), "2023-06-30");
    assert_eq!(tree.full_name(code("330203004")).unwrap(), "宁波市海曙区月湖街道");
    assert_eq!(tree.full_name(code("3302")).unwrap(), "宁波市");
    assert_eq!(tree.full_name(code("33")).unwrap(), "浙江省");
    assert_eq!(tree.parent(code("330203004")), Some(code("330203")));
    assert_eq!(tree.ancestors(code("330203004")), codes(&["330203", "3302", "33"]));
    assert_eq!(tree.children(code("3302")), codes(&["330203", "330205", "330212", "330281"]));
    assert_eq!(tree.provinces(), codes(&["33"]));
    assert_eq!(tree.name(code("330299")), None);
}

#[test]
fn a_retired_division_lies_within_its_successor() {
    let tree = Divisions::sample();
    let (old, new) = (code("330204"), code("330212"));
    assert_eq!(tree.retired_on(old).unwrap().to_string(), "2016-09-14");
    assert_eq!(tree.successors(old), [new]);
    assert_eq!(tree.predecessors(new), [old]);
    assert!(tree.is_within(old, new) && tree.is_within(old, code("3302")) && tree.is_within(old, old));
    assert!(!tree.is_within(new, old) && !tree.is_within(old, code("330203")));
    assert!(!tree.is_within(code("3302"), code("330203")));
    assert_eq!(tree.subtree(new), codes(&["330212", "330204", "330212100"]));
    assert!(!tree.children(code("3302")).contains(&old));
}

#[test]
fn the_subtree_is_what_lies_within() {
    let tree = Divisions::sample();
    for top in tree.codes() {
        let mut within: Vec<_> =
            tree.codes().iter().copied().filter(|code| tree.is_within(*code, *top)).collect();
        let mut subtree = tree.subtree(*top);
        within.sort();
        subtree.sort();
        assert_eq!(subtree, within, "{top}");
    }
}

#[test]
fn names_of_every_habit_are_found() {
    let tree = Divisions::sample();
    let within = Some(code("330203"));
    for (name, expected) in [
        ("月湖街道", "330203004"),
        ("月湖", "330203004"),
        ("海曙区月湖街道", "330203004"),
        ("宁波市海曙区月湖街道", "330203004"),
        ("浙江省宁波市海曙区月湖街道", "330203004"),
        ("宁波海曙月湖", "330203004"),
        ("月湖街道办事处", "330203004"),
        ("高桥镇人民政府", "330203100"),
        ("龙观乡", "330203200"),
        ("海曙区民政局", "330203"),
        ("宁波市海曙区民政局", "330203"),
        ("宁波市海曙区委社会工作部", "330203"),
        ("海曙", "330203"),
    ] {
        assert_eq!(tree.find_by_name(name, within), codes(&[expected]), "{name}");
    }
    assert_eq!(tree.find_by_name("宁波市民政局", None), codes(&["3302"]));
    assert_eq!(tree.find_by_name("浙江省民政厅", None), codes(&["33"]));
    assert_eq!(tree.find_by_name("江东区民政局", None), codes(&["330204"]));
    let all = Level::Province..=Level::Village;
    assert_eq!(tree.find_near("宁波市民政局", code("330203004"), all), codes(&["3302"]));
    for name in
        ["", "民政局", "区", "余姚市月湖街道", "海曙区月湖街道月湖街道", "不存在", &"长".repeat(10_000)]
    {
        assert_eq!(tree.find_by_name(name, None), [], "{name}");
    }
    assert_eq!(tree.find_by_name("临山镇", within), []);
}

#[test]
fn amendments_add_up_in_any_order() {
    let change = |code_: &str, name: &str, parent: Option<&str>, ended: Option<&str>, after: &[&str]| {
        DivisionRecordData {
            code: code(code_),
            valid_from: None,
            valid_to: ended.map(|day| day.parse().unwrap()),
            name: name.to_owned(),
            parent: parent.map(code),
            successors: codes(after),
        }
    };
    let changes = vec![
        change("330282", "慈溪市", None, None, &[]),
        change("330282001", "浒山街道", Some("330282"), None, &[]),
        change("330203100", "高桥镇", None, Some("2024-01-01"), &["330203004"]),
        change("330205001", "外滩街道", Some("330203"), None, &[]),
        change("330299001", "无处街道", None, None, &[]),
        change("330205003", "孔浦街道", Some("330205103"), None, &[]),
        change("3302", "宁波市", Some("330203"), None, &[]),
    ];
    let tree = Divisions::sample().with_amendments(changes.clone());
    assert_eq!(tree, Divisions::sample().with_amendments(changes.into_iter().rev()));
    assert_eq!(tree.full_name(code("330282001")).unwrap(), "宁波市慈溪市浒山街道");
    // Moved in the tree, whatever its digits say.
    assert!(
        tree.is_within(code("330205001"), code("330203"))
            && !tree.is_within(code("330205001"), code("330205"))
    );
    assert!(tree.is_retired(code("330203100")) && tree.is_within(code("330203100"), code("330203004")));
    // No place in the tree; a parent that stands no higher; a circle.
    assert!(!tree.contains(code("330299001")));
    assert_eq!(tree.parent(code("330205003")), Some(code("330205")));
    assert_eq!(tree.parent(code("3302")), Some(code("33")));
    assert_eq!(tree.is_retired(code("330204")), Divisions::sample().is_retired(code("330204")));
}

#[test]
fn successors_in_a_circle_end() {
    let circle = |from: &str, to: &str| DivisionRecordData {
        code: code(from),
        valid_from: None,
        valid_to: "2024-01-01".parse().ok(),
        name: "甲".to_owned(),
        parent: None,
        successors: codes(&[to]),
    };
    let tree = Divisions::sample().with_amendments([circle("330203", "330205"), circle("330205", "330203")]);
    assert!(tree.is_within(code("330203"), code("330205")));
    assert!(!tree.is_within(code("330203"), code("330281")));
    assert_eq!(tree.subtree(code("330203")).len(), 11);
}

#[test]
fn an_edition_reads_as_it_was_written() {
    let tree = Divisions::sample();
    let rows = |tree: &Divisions| tree.codes().iter().map(|code| tree.get(*code).unwrap()).collect();
    let text = write_edition("2023-06-30", rows(&tree));
    assert!(text.contains("\n330204,江东区,,2016-09-14,330212\n"));
    assert_eq!(Divisions::parse(&text).unwrap(), tree);
    let moved = tree.with_amendments([DivisionRecordData {
        parent: Some(code("330203")),
        ..tree.get(code("330205001")).unwrap()
    }]);
    let text = write_edition("2023-06-30", rows(&moved));
    assert!(text.contains("\n330205001,外滩街道,330203\n"));
    assert_eq!(Divisions::parse(&text).unwrap(), moved);
}

#[test]
fn a_text_that_is_no_edition_is_refused() {
    let head = "huiliu divisions 1,2023-06-30\n";
    assert_eq!(Divisions::parse(""), Err(EditionFault::Header));
    assert_eq!(Divisions::parse("huiliu divisions 9,x\n"), Err(EditionFault::Header));
    for (body, line) in [
        ("33", 2),
        ("33,浙江省\n330203,海曙区", 3),
        ("33,浙江省\n3302,宁波市,3302", 3),
        ("33,浙江省,,,,", 2),
        ("33,浙江省,,2016-02-30", 2),
        ("33,浙江省,,2016-02-28,x", 2),
        ("\0,\0", 2),
    ] {
        assert_eq!(Divisions::parse(&format!("{head}{body}")), Err(EditionFault::Line(line)), "{body}");
    }
    assert_eq!(Divisions::parse(&format!("{head}33,甲\n33,乙")), Err(EditionFault::Twice(code("33"))));
}
