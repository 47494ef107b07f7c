mod counted;
mod hostile;

use super::report::Line;
use super::*;
use huiliu_core::model::dictionary::kind;
use huiliu_core::model::values::{Reading, Source};
use huiliu_core::model::{Date, Divisions, Fields, Kind, Lang, Trouble, Value};
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook};

fn social_org() -> &'static Kind {
    kind("social_org").unwrap()
}

/// Reads a whole file as a county would: the columns, and what became of each row.
fn import(bytes: &[u8]) -> Result<(Columns, Vec<Outcome>), TableFault> {
    let table = read(bytes, social_org())?;
    let columns = Columns::of(&table.headers, social_org())?;
    let divisions = Divisions::sample();
    let reading = Reading { source: Source::Import, divisions: &divisions, near: "330203".parse().ok() };
    let outcomes = table.rows.iter().map(|row| read_row(row, &columns, social_org(), &reading)).collect();
    Ok((columns, outcomes))
}

fn taken(bytes: &[u8]) -> Vec<Taken> {
    let one = |outcome| match outcome {
        Outcome::Taken(taken) => taken,
        other => panic!("{other:?}"),
    };
    import(bytes).unwrap().1.into_iter().map(one).collect()
}

fn refused(bytes: &[u8]) -> Vec<Refusal> {
    let some = |outcome| match outcome {
        Outcome::Refused(refusals) => refusals,
        _ => Vec::new(),
    };
    import(bytes).unwrap().1.into_iter().flat_map(some).collect()
}

const LIST: &str = "\
宁波市海曙区社会组织名录,,,,,,,,\r
统计时间：2018年5月,,,,,,,,\r
序号,社会组织名称,统一社会信用代码,社会组织类型,登记管理机关,所在乡镇街道,成立登记日期,注册资金,业务主管单位,备用栏\r
1,海曙区测试协会 ,５１330203xt0000014a,社团,海曙区民政局,月湖,2018.5.21,3,无,甲\r
\r
2,\"海曙区
测试基金会\",53330200XT0000030E,基金会,330203,330203005,20180521,30000元,某局,\r
";

#[test]
fn a_list_of_the_office_is_read_in_every_encoding_and_separator() {
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(LIST.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let files: [Vec<u8>; 6] = [
        LIST.as_bytes().to_vec(),
        format!("\u{feff}{LIST}").into_bytes(),
        encoding_rs::GB18030.encode(LIST).0.into_owned(),
        LIST.replace(',', "\t").into_bytes(),
        LIST.replace(',', ";").replace("\r\n", "\r").into_bytes(),
        utf16,
    ];
    for (at, file) in files.iter().enumerate() {
        let (columns, _) = import(file).unwrap();
        assert_eq!(columns.unknown, ["备用栏"], "file {at}");
        let rows = taken(file);
        // As Excel counts: titles, header, blank line; a line break within a cell is no row.
        assert_eq!(rows.iter().map(|row| row.row).collect::<Vec<_>>(), [4, 6], "file {at}");
        let text =
            |row: usize, name: &str| rows[row].fields.get(name).and_then(Value::text).map(str::to_owned);
        assert_eq!(text(0, "name").unwrap(), "海曙区测试协会");
        assert_eq!(text(0, "uscc").unwrap(), "51330203XT0000014A");
        assert_eq!(text(0, "org_type").unwrap(), "ST");
        assert_eq!(text(0, "registration_authority").unwrap(), "330203");
        assert_eq!(text(0, "town_code").unwrap(), "330203004");
        assert_eq!(text(0, "founded_on").unwrap(), "2018-05-21");
        assert_eq!(rows[0].fields["capital"], Value::Int(3_000_000));
        assert_eq!(rows[0].fields["supervising_unit"], Value::Null);
        assert_eq!(text(1, "name").unwrap(), "海曙区 测试基金会");
        assert_eq!(rows[1].fields["capital"], Value::Int(3_000_000));
        assert_eq!(rows[0].defaults["management_mode"], Value::of("DIRECT"));
        assert_eq!(rows[1].defaults["management_mode"], Value::of("DUAL"));
        assert_eq!(rows[0].defaults["status"], Value::of("NORMAL"));
        assert!(!rows[0].fields.contains_key("status"));
    }
}

#[test]
fn a_workbook_of_the_office_is_read() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let date = CellFormat::new().set_num_format("yyyy-mm-dd");
    sheet.merge_range(0, 0, 0, 8, "海曙区社会组织名录", &CellFormat::new()).unwrap();
    for (column, head) in (0_u16..).zip([
        "名称*",
        "类型",
        "统一社会信用代码",
        "证书有效期",
        "",
        "专职人数",
        "注册资金（万元）",
        "是否慈善组织",
        "成立登记日期",
    ]) {
        sheet.write_string(1, column, head).unwrap();
    }
    sheet.write_string(2, 3, "起").unwrap();
    sheet.write_string(2, 4, "止").unwrap();
    sheet.write_string(3, 0, "海曙区测试协会").unwrap();
    sheet.write_string(3, 1, "ST").unwrap();
    sheet.write_string(3, 2, "51330203XT0000014A").unwrap();
    sheet.write_datetime_with_format(3, 3, ExcelDateTime::from_ymd(2018, 5, 21).unwrap(), &date).unwrap();
    sheet.write_number(3, 4, 45_000).unwrap();
    sheet.write_number(3, 5, 12).unwrap();
    sheet.write_number(3, 6, 0.1 + 0.2).unwrap();
    sheet.write_boolean(3, 7, true).unwrap();
    sheet.write_formula(3, 8, rust_xlsxwriter::Formula::new("=DATE(2018,5,21)").set_result("43241")).unwrap();
    let rows = taken(&book.save_to_buffer().unwrap());
    assert_eq!(rows.len(), 1);
    let fields = &rows[0].fields;
    assert_eq!((rows[0].row, fields["cert_from"].text()), (4, Some("2018-05-21")));
    assert_eq!(fields["cert_to"].text(), Date::from_excel(45_000.0).map(|d| d.to_string()).as_deref());
    assert_eq!(fields["staff_full"], Value::Int(12));
    assert_eq!(fields["capital"], Value::Int(300_000));
    assert_eq!(fields["charity"], Value::Bool(true));
    assert_eq!(fields["founded_on"].text(), Some("2018-05-21"));
}

#[test]
fn every_fault_of_a_row_is_named_with_a_remedy() {
    let rows = "名称,类型,统一社会信用代码,成立登记日期,专职人数\n\
        甲,ST,51330203XT0000014B,2018-02-30,十\n\
        ,公司,5133O203XT0000014B,,\n\
        乙,BA,,,,,多\n\
        丙,ST,5.13302E+17,43241,\n";
    let refusals = refused(rows.as_bytes());
    let named: Vec<(u32, &str)> = refusals.iter().map(|r| (r.row, r.field.map_or("", |f| f.name))).collect();
    assert_eq!(
        named,
        [
            (2, "uscc"),
            (2, "founded_on"),
            (2, "staff_full"),
            (3, "org_type"),
            (3, "uscc"),
            (3, "name"),
            (4, ""),
            (5, "uscc")
        ]
    );
    assert_eq!(refusals[0].trouble.reason(Lang::Zh), "校验码不符，第18位应为 A");
    assert_eq!(refusals[0].value.as_deref(), Some("51330203XT0000014B"));
    assert_eq!(refusals[4].trouble, Trouble::UsccCharacter { position: 5, found: 'O' });
    assert_eq!(refusals[7].trouble, Trouble::NumberInCodeColumn);
    assert!(refusals[7].trouble.remedy(Lang::Zh).contains("文本"));
    let lines: Vec<Line> = refusals.iter().map(|refusal| Line::of(refusal, Lang::Zh)).collect();
    let table = read(rows.as_bytes(), social_org()).unwrap();
    let text = report(Format::Csv, social_org(), &table, &lines, Lang::Zh).unwrap();
    let head = "\u{feff}名称,类型,统一社会信用代码,成立登记日期,专职人数,行号,原因,处理办法\r\n\
                甲,ST,51330203XT0000014B,2018-02-30,十,2,统一社会信用代码：校验码不符";
    assert!(String::from_utf8(text).unwrap().starts_with(head));
    // The report is the list of what was refused: imported as it is, the same is refused, and it does not grow.
    for (format, lang) in [(Format::Csv, Lang::Zh), (Format::Csv, Lang::En), (Format::Xlsx, Lang::Zh)] {
        let file = report(format, social_org(), &table, &lines, lang).unwrap();
        let (columns, _) = import(&file).unwrap();
        assert_eq!(columns.warning(), None, "the columns that were added are ignored silently");
        let again = refused(&file);
        let told = |all: &[Refusal]| -> Vec<(Option<&'static str>, Trouble)> {
            all.iter().map(|one| (one.field.map(|field| field.name), one.trouble.clone())).collect()
        };
        assert_eq!(told(&again), told(&refusals), "{format:?}");
        let table = read(&file, social_org()).unwrap();
        let lines: Vec<Line> = again.iter().map(|refusal| Line::of(refusal, lang)).collect();
        let more = report(format, social_org(), &table, &lines, lang).unwrap();
        assert_eq!(read(&more, social_org()).unwrap().headers, table.headers);
    }
}

#[test]
fn a_code_in_a_number_cell_is_refused() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, head) in (0_u16..).zip(["名称", "类型", "统一社会信用代码"]) {
        sheet.write_string(0, column, head).unwrap();
    }
    sheet.write_string(1, 0, "甲").unwrap();
    sheet.write_string(1, 1, "ST").unwrap();
    sheet.write_number(1, 2, 513_302_030_000_001_400.0).unwrap();
    for (column, head) in (3_u16..).zip(["登记管理机关", "所在乡级", "行业分类", "专职人数"])
    {
        sheet.write_string(0, column, head).unwrap();
    }
    // Exact, and refused all the same: the next cell of the column may not be.
    sheet.write_number(1, 3, 330_203).unwrap();
    sheet.write_number(1, 4, 330_203_004).unwrap();
    sheet.write_number(1, 5, 3).unwrap();
    sheet.write_number(1, 6, 12).unwrap();
    let refusals = refused(&book.save_to_buffer().unwrap());
    let named: Vec<&str> = refusals.iter().map(|one| one.field.map_or("", |field| field.name)).collect();
    assert_eq!(named, ["uscc", "registration_authority", "town_code", "sector"]);
    assert!(refusals.iter().all(|one| one.row == 2 && one.trouble == Trouble::NumberInCodeColumn));
    assert_eq!(refusals[2].value.as_deref(), Some("330203004"));
    let text = "名称,类型,所在乡级\n乙,BA,3.30203E+08\n";
    assert_eq!(refused(text.as_bytes())[0].trouble, Trouble::NumberInCodeColumn);
}

#[test]
fn a_code_is_not_missing_while_nobody_knows_whether_it_is_needed() {
    let refusals = refused("名称,类型,统一社会信用代码\n甲,公司,\n乙,社团,\n".as_bytes());
    let named: Vec<(u32, &str)> = refusals.iter().map(|r| (r.row, r.field.map_or("", |f| f.name))).collect();
    assert_eq!(named, [(2, "org_type"), (3, "uscc")]);
}

#[test]
fn letters_for_digits_in_a_code_are_taken_and_said() {
    let rows = taken("名称,类型,统一社会信用代码\n甲,ST,5133O203XT0000014A\n".as_bytes());
    assert_eq!(rows[0].fields["uscc"], Value::of("51330203XT0000014A"));
    let mended =
        Trouble::UsccMended { written: "5133O203XT0000014A".into(), taken: "51330203XT0000014A".into() };
    assert_eq!(rows[0].mended.iter().map(|one| &one.trouble).collect::<Vec<_>>(), [&mended]);
}

#[test]
fn secrets_are_never_repeated() {
    use huiliu_core::model::{Field, Sensitivity};
    let name = social_org().field("name").unwrap();
    for sensitivity in [Sensitivity::Personal, Sensitivity::Secret] {
        let field: &'static Field = Box::leak(Box::new(Field { sensitivity, ..*name }));
        let refusal = Refusal { row: 2, field: Some(field), value: None, trouble: Trouble::Missing };
        assert!(!field.may_echo());
        assert_eq!(refusal.shown_value(Lang::Zh), "（不显示）");
    }
}

#[test]
fn headers_that_cannot_be_used_give_one_sentence() {
    let fault = |text: &str| import(text.as_bytes()).unwrap_err().trouble;
    assert_eq!(fault("名称,统一社会信用代码\n甲,乙"), Trouble::MissingColumns { labels: "类型".into() });
    let (label, first, second) = ("名称".to_owned(), "名称".to_owned(), "社会组织名称".to_owned());
    assert_eq!(fault("名称,类型,社会组织名称\n甲,ST,乙"), Trouble::DoubleColumn { label, first, second });
    assert!(matches!(fault("甲,乙\n1,2"), Trouble::NoHeader { .. }));
    let unclosed = import("名称,类型\n甲,ST\n\"乙,ST\n丙,ST\n".as_bytes()).unwrap_err();
    assert_eq!((unclosed.row, unclosed.trouble), (Some(3), Trouble::UnclosedQuote));
    let (columns, _) = import("uscc,name,ORG_TYPE,序号,备注,备注\n".as_bytes()).unwrap();
    assert_eq!(columns.warning(), Some(Trouble::UnknownColumns { labels: "备注".into() }));
}

/// Every field of the kind filled in, with texts that would run, and one record that says nearly nothing.
fn records() -> Vec<Fields> {
    let divisions = Divisions::sample();
    let full = [
        ("uscc", Value::of("51330203XT0000014A")),
        ("name", Value::of("=HYPERLINK(\"x\",\"甲\")")),
        ("former_names", Value::of("=甲；=乙")),
        ("org_type", Value::of("ST")),
        ("sub_type", Value::of("INDUSTRY")),
        ("industry_association", Value::Bool(true)),
        ("sector", Value::of("OTHER")),
        ("registration_authority", Value::of("330203")),
        ("management_mode", Value::of("DUAL")),
        ("supervising_unit", Value::of("'=1+1")),
        ("decoupling_status", Value::of("NA")),
        ("decoupled_on", Value::of("2019-02-28")),
        ("decoupling_doc", Value::of("甬,\"民\"〔2019〕_x0041_号")),
        ("legal_rep_name", Value::of("@试")),
        ("founded_on", Value::of("2018-05-21")),
        ("cert_from", Value::of("2018-05-21")),
        ("cert_to", Value::of("2023-05-20")),
        ("capital", Value::Int(1_234_567)),
        ("address", Value::of("-月湖 1号")),
        ("town_code", Value::of("330281100")),
        ("town_outside", Value::Bool(true)),
        ("grid_id", Value::of("0012345678901234567890")),
        ("staff_full", Value::Int(12)),
        ("staff_part", Value::Int(0)),
        ("unit_members", Value::Int(30)),
        ("person_members", Value::Int(50)),
        ("charity", Value::Bool(false)),
        ("grade", Value::of("5A")),
        ("annual_result", Value::of("NOT_FILED")),
        ("status", Value::of("REVOKED")),
        ("abnormal_listed", Value::Bool(false)),
        ("charter_party_clause", Value::of("2020-01-01")),
        ("party_org", Value::of("＋中共测试支部")),
        ("build_mode", Value::of("DUAL_FIT")),
    ];
    let full: Fields = full.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(full.len(), social_org().fields.len(), "every field is tried");
    assert_eq!(social_org().check(&full, &divisions), []);
    let mut little = Fields::new();
    little.insert("name".to_owned(), Value::of("'乙"));
    little.insert("org_type".to_owned(), Value::of("BA"));
    little.insert("registration_authority".to_owned(), Value::of("3302"));
    little.insert("town_code".to_owned(), Value::of("330205103"));
    vec![full, little]
}

#[test]
fn what_is_exported_reads_back_the_same() {
    let (records, divisions) = (records(), Divisions::sample());
    for format in [Format::Csv, Format::Xlsx] {
        let fields = social_org().typed_fields().collect::<Vec<_>>();
        let file = export(format, social_org(), &fields, &records, &divisions).unwrap();
        let again: Vec<Fields> = taken(&file).into_iter().map(|row| row.fields).collect();
        assert_eq!(again, records, "{format:?}");
    }
}

#[test]
fn an_export_is_for_people_and_never_runs() {
    let (records, divisions) = (records(), Divisions::sample());
    let fields = social_org().typed_fields().collect::<Vec<_>>();
    let csv = export(Format::Csv, social_org(), &fields, &records, &divisions).unwrap();
    let text = String::from_utf8(csv).unwrap();
    assert!(text.starts_with("\u{feff}统一社会信用代码,名称,曾用名,类型,"));
    for part in
        ["社会团体", "宁波市海曙区", "1.234567万元", "\"'=HYPERLINK(", "慈城镇", "330281100", "兼合式"]
    {
        assert!(text.contains(part), "{part}");
    }
    let xlsx = export(Format::Xlsx, social_org(), &fields, &records, &divisions).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(xlsx)).unwrap();
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet)
        .unwrap();
    assert!(!sheet.contains("<f>"), "no cell is a formula");
}

#[test]
fn a_template_is_a_table_without_rows_that_can_be_filled_in() {
    for format in [Format::Csv, Format::Xlsx] {
        let file = template(format, social_org(), Lang::Zh).unwrap();
        let table = read(&file, social_org()).unwrap();
        let columns = Columns::of(&table.headers, social_org()).unwrap();
        assert_eq!((table.rows.len(), columns.len()), (0, social_org().fields.len()));
        assert_eq!(columns.warning(), None);
    }
    let file = template(Format::Xlsx, social_org(), Lang::Zh).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).unwrap();
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet)
        .unwrap();
    assert!(sheet.contains("<dataValidation type=\"list\"") && sheet.contains("填写说明"));
    for kind in huiliu_core::model::dictionary::kinds() {
        assert!(template(Format::Xlsx, kind, Lang::En).is_ok());
    }
}

#[test]
fn the_format_follows_the_name() {
    assert_eq!(Format::of("D:\\表.XLSX"), Some(Format::Xlsx));
    assert_eq!(Format::of("a.b.csv"), Some(Format::Csv));
    assert_eq!((Format::of("a.xls"), Format::of("xlsx")), (None, None));
}
