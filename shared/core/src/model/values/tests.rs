use super::*;
use crate::model::dictionary::{Kind, kind};
use crate::model::messages::Trouble;

fn social_org() -> &'static Kind {
    kind("social_org").unwrap()
}

fn reading(source: Source, divisions: &Divisions) -> Reading<'_> {
    Reading { source, divisions, near: "330203".parse().ok() }
}

fn import(name: &str, text: &str) -> Result<Value, Trouble> {
    let divisions = Divisions::sample();
    read(social_org().field(name).unwrap(), text, None, &reading(Source::Import, &divisions))
}

#[test]
fn dates_in_every_hand() {
    for text in [
        "2018-05-21",
        "2018.5.21",
        "2018/5/21",
        "2018年5月21日",
        "20180521",
        "２０１８年５月２１日",
        " 2018-5-21　",
        "2018-05-21 00:00:00",
        "2018/5/21 0:00:00",
    ] {
        assert_eq!(import("founded_on", text), Ok(Value::of("2018-05-21")), "{text}");
    }
    for text in [
        "2018-02-30",
        "2018年5月",
        "18-5-21",
        "2018-05-21-01",
        "20181321",
        "五月",
        "99999999999999999999",
        "2018--21",
    ] {
        assert_eq!(import("founded_on", text), Err(Trouble::NotADate), "{text}");
    }
}

#[test]
fn a_text_stands_on_one_line() {
    for text in ["海曙区 读书会", "海曙区\n读书会", "海曙区\r\n 读书会", "海曙区 \t\n\t读书会\n"]
    {
        assert_eq!(import("name", text), Ok(Value::of("海曙区 读书会")), "{text:?}");
    }
}

#[test]
fn nothing_in_every_hand() {
    for text in ["", " ", "　", "无", "—", "——", "空", "-", "/", "暂无", "\u{feff}"] {
        assert_eq!(import("supervising_unit", text), Ok(Value::Null), "{text}");
    }
}

#[test]
fn money_is_exact_and_its_unit_is_known() {
    let divisions = Divisions::sample();
    let field = social_org().field("capital").unwrap();
    for (text, fen) in [
        ("3", 3_000_000),
        ("3万元", 3_000_000),
        ("３万元", 3_000_000),
        ("3.0", 3_000_000),
        ("30000元", 3_000_000),
        ("30,000元", 3_000_000),
        ("人民币3万元整", 3_000_000),
        ("0.5万", 500_000),
        ("0.0001", 100),
        ("12.34元", 1_234),
        ("1亿元", 10_000_000_000),
        ("5分", 5),
    ] {
        assert_eq!(import("capital", text), Ok(Value::Int(fen)), "{text}");
        let shown = show(field, &Value::Int(fen), &divisions, Lang::Zh);
        assert_eq!(import("capital", &shown), Ok(Value::Int(fen)), "{shown}");
    }
    for text in [
        "三万",
        "-3",
        "3.00000001",
        "1e5",
        "0.001元",
        "99999999999999999999",
        "9999999999999999999亿元",
        "万元",
    ] {
        assert_eq!(import("capital", text), Err(Trouble::NotMoney), "{text}");
    }
    let command = |text| read(field, text, None, &reading(Source::Command, &divisions));
    assert_eq!(command("3000000"), Ok(Value::Int(3_000_000)));
    assert_eq!(command("3万元"), Ok(Value::Int(3_000_000)));
    assert_eq!(command("0.5"), Err(Trouble::NotMoney));
    assert_eq!(show(field, &Value::Int(3_000_000), &divisions, Lang::Zh), "3万元");
    assert_eq!(show(field, &Value::Int(1), &divisions, Lang::Zh), "0.000001万元");
}

#[test]
fn codes_by_code_label_and_synonym() {
    for text in [
        "MF",
        "mf",
        "ＭＦ",
        "社会服务机构",
        "民非",
        "民办非企业单位",
        " 民办非企业单位 ",
        "社会服务机构（民办非企业单位）",
    ] {
        assert_eq!(import("org_type", text), Ok(Value::of("MF")), "{text}");
    }
    assert_eq!(import("status", "正常"), Ok(Value::of("NORMAL")));
    assert_eq!(import("grade", "AAAA"), Ok(Value::of("4A")));
    assert_eq!(import("build_mode", "联合"), Ok(Value::of("JOINT")));
    let Err(trouble) = import("org_type", "公司") else { panic!("公司 is no type") };
    assert!(trouble.remedy(Lang::Zh).contains("社会团体、社会服务机构、基金会"));
}

#[test]
fn every_code_of_every_table_reads_back_and_means_one_thing() {
    for kind in crate::model::dictionary::kinds() {
        for field in kind.fields {
            let Some(table) = field.codes() else { continue };
            for entry in table.codes {
                for word in [entry.code, entry.label, entry.label_en].iter().chain(entry.synonyms) {
                    assert_eq!(table.find(word).map(|e| e.code), Some(entry.code), "{} {word}", field.name);
                }
            }
        }
    }
}

#[test]
fn every_header_means_one_field() {
    for kind in crate::model::dictionary::kinds() {
        for field in kind.fields {
            for word in [field.name, field.label, field.label_en].iter().chain(field.synonyms) {
                assert_eq!(kind.field_by_label(word).map(|f| f.name), Some(field.name), "{word}");
                assert_eq!(kind.field_by_label(&format!(" {word}：*")).map(|f| f.name), Some(field.name));
            }
        }
        assert_eq!(kind.field_by_label(""), None);
        assert_eq!(kind.field_by_label("()"), None);
    }
    assert_eq!(social_org().field_by_label("注册资金（万元）").map(|f| f.name), Some("capital"));
    assert_eq!(social_org().field_by_label("（万元）"), None);
}

#[test]
fn divisions_by_code_name_and_office() {
    for text in [
        "330203",
        "３３０２０３",
        "330203000000",
        "海曙区",
        "海曙区民政局",
        "宁波市海曙区民政局",
        "浙江省宁波市海曙区",
    ] {
        assert_eq!(import("registration_authority", text), Ok(Value::of("330203")), "{text}");
    }
    assert_eq!(import("registration_authority", "330200"), Ok(Value::of("3302")));
    assert!(matches!(import("registration_authority", "330203004"), Err(Trouble::DivisionLevel { .. })));
    assert_eq!(import("registration_authority", "330299"), Err(Trouble::UnknownDivision));
    assert_eq!(import("registration_authority", "某某局"), Err(Trouble::UnknownDivision));
    // A retired division is taken: the full check warns.
    assert_eq!(import("registration_authority", "江东区民政局"), Ok(Value::of("330204")));
}

#[test]
fn a_township_is_looked_for_within_the_authority() {
    let divisions = Divisions::sample();
    let (town, authority) =
        (social_org().field("town_code").unwrap(), social_org().field("registration_authority"));
    let read_both = |place: &'static str, office: &'static str| {
        read_fields(
            social_org(),
            &[(town, place), (authority.unwrap(), office)],
            &reading(Source::Import, &divisions),
        )
    };
    let (fields, problems) = read_both("月湖街道", "海曙区民政局");
    assert_eq!((fields["town_code"].text(), problems.len()), (Some("330203004"), 0));
    let (fields, problems) = read_both("临山镇", "海曙区民政局");
    assert_eq!(fields.get("town_code"), None);
    assert_eq!(problems[0].reason(Lang::Zh), "在宁波市海曙区范围内找不到这个行政区划");
    let (fields, problems) = read_both("330281100", "330203");
    assert_eq!((fields["town_code"].text(), problems.len()), (Some("330281100"), 0));
    let value = &fields["town_code"];
    assert_eq!(show_exact(town, value, &fields, &divisions), "330281100");
}

#[test]
fn credit_codes_are_read_tolerantly_and_checked_strictly() {
    for text in
        ["51330203XT0000014A", "51330203xt0000014a", " ５１330203XT0000014Ａ ", "51330203-XT0000014-A"]
    {
        assert_eq!(import("uscc", text), Ok(Value::of("51330203XT0000014A")), "{text}");
    }
    let Err(trouble) = import("uscc", "5133O203XT0000014A") else { panic!("O stands for 0") };
    assert_eq!(trouble.remedy(Lang::Zh), "应为 51330203XT0000014A，请核对后改正");
    assert_eq!(import("uscc", "51330203XT0000014B"), Err(Trouble::UsccCheck { expected: 'A' }));
    assert_eq!(import("uscc", "5.1330203E+17"), Err(Trouble::UsccLength { found: 13 }));
}

#[test]
fn a_list_may_write_letters_for_digits_and_a_form_may_not() {
    let divisions = Divisions::sample();
    let field = social_org().field("uscc").unwrap();
    let read = |text: &str, source| {
        let (fields, problems) = read_fields(social_org(), &[(field, text)], &reading(source, &divisions));
        (fields.get("uscc").cloned(), problems)
    };
    let meant = Value::of("51330203XT0000014A");
    for text in ["5133O203XT0000014A", "5I33O2O3XTOOOOOI4A", "5133o203xt0000014a", "S13302O3XT0000014A"] {
        let (value, problems) = read(text, Source::Import);
        assert_eq!(value.as_ref(), Some(&meant), "{text}");
        let sentence = problems[0].sentence(Lang::Zh);
        assert!(!problems[0].is_error() && problems.len() == 1, "{sentence}");
        assert!(sentence.contains(text) && sentence.contains("51330203XT0000014A"), "{sentence}");
        for source in [Source::Form, Source::Command] {
            let (value, problems) = read(text, source);
            assert_eq!((value, problems[0].is_error()), (None, true), "a person is asked");
        }
    }
    // A letter is no excuse for a code that does not check.
    let (value, problems) = read("5133O203XT0000014B", Source::Import);
    assert_eq!((value, problems[0].is_error()), (None, true));
}

#[test]
fn a_period_in_one_cell_fills_two_fields() {
    let divisions = Divisions::sample();
    let field = social_org().field_by_label("证书有效期").unwrap();
    for text in ["2018-05-21至2023-05-20", "自2018年5月21日至2023年5月20日", "2018.05.21 ~ 2023.05.20"]
    {
        let (fields, problems) =
            read_fields(social_org(), &[(field, text)], &reading(Source::Import, &divisions));
        assert_eq!(problems, []);
        assert_eq!(
            (fields["cert_from"].text(), fields["cert_to"].text()),
            (Some("2018-05-21"), Some("2023-05-20"))
        );
    }
}

#[test]
fn counts_and_answers() {
    for (text, count) in [("12", 12), ("１２人", 12), ("12.0", 12), ("1,200", 1_200), ("0", 0)] {
        assert_eq!(import("staff_full", text), Ok(Value::Int(count)), "{text}");
    }
    assert!(matches!(import("staff_full", "-3"), Err(Trouble::OutOfRange { .. })));
    for text in ["十二", "1.5", "99999999999999999999", "12abc"] {
        assert_eq!(import("staff_full", text), Err(Trouble::NotANumber), "{text}");
    }
    assert_eq!(import("charity", "是"), Ok(Value::Bool(true)));
    assert_eq!(import("charity", "否"), Ok(Value::Bool(false)));
    assert_eq!(import("charity", "也许"), Err(Trouble::NotYesNo));
    assert_eq!(import("name", "甬\0协会"), Err(Trouble::Invisible));
    assert!(matches!(import("name", &"长".repeat(101)), Err(Trouble::TooLong { max: 100, found: 101 })));
}

#[test]
fn no_text_makes_reading_panic() {
    let divisions = Divisions::sample();
    let hostile = [
        "\0",
        "\u{202e}",
        "𠮷",
        "'",
        "=1+1",
        "（",
        "）",
        "．．．",
        "－",
        "年月日",
        "至",
        "1至",
        "万",
        "é".repeat(99).as_str(),
    ]
    .map(str::to_owned);
    for kind in crate::model::dictionary::kinds() {
        for field in kind.fields {
            for text in &hostile {
                for source in [Source::Command, Source::Form, Source::Import] {
                    let given = [(field, text.as_str())];
                    let (fields, _) = read_fields(kind, &given, &reading(source, &divisions));
                    kind.check(&fields, &divisions);
                }
            }
        }
    }
}
