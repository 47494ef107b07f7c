//! Workbooks and lists that somebody made to do harm, imported beside a service: each is refused with one sentence, and
//! the service goes on and holds no more memory than before.

use huiliu_tests::bench::usage::Meter;
use huiliu_tests::harness::lists::{TOWNS, list_csv};
use huiliu_tests::harness::process::City;
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const SPREADSHEET: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// A workbook of one sheet, part by part.
fn workbook(sheet: &str, strings: &str, styles: &str) -> Vec<u8> {
    let relation = |n: usize, what: &str, file: &str| {
        format!("<Relationship Id=\"rId{n}\" Type=\"{RELATIONS}/{what}\" Target=\"{file}\"/>")
    };
    let relations =
        |all: &str| format!("<Relationships xmlns=\"{PACKAGE}/relationships\">{all}</Relationships>");
    let inside = [
        relation(1, "worksheet", "worksheets/sheet1.xml"),
        relation(2, "sharedStrings", "sharedStrings.xml"),
        relation(3, "styles", "styles.xml"),
    ];
    let parts = [
        ("[Content_Types].xml", format!("<Types xmlns=\"{PACKAGE}/content-types\"/>")),
        ("_rels/.rels", relations(&relation(1, "officeDocument", "xl/workbook.xml"))),
        ("xl/_rels/workbook.xml.rels", relations(&inside.concat())),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{SPREADSHEET}\" xmlns:r=\"{RELATIONS}\"><sheets>\
                 <sheet name=\"名录\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        ("xl/sharedStrings.xml", format!("<sst xmlns=\"{SPREADSHEET}\">{strings}</sst>")),
        ("xl/styles.xml", format!("<styleSheet xmlns=\"{SPREADSHEET}\">{styles}</styleSheet>")),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{SPREADSHEET}\"><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ];
    let mut book = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        book.start_file(name, SimpleFileOptions::default()).unwrap();
        book.write_all(text.as_bytes()).unwrap();
    }
    book.finish().unwrap().into_inner()
}

const HEAD: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>名称</t></is></c>\
                    <c r=\"B1\" t=\"inlineStr\"><is><t>类型</t></is></c></row>";

/// So many rows whose one cell names the first of the shared strings.
fn repeated(rows: usize) -> String {
    let rows = (2..rows + 2).map(|n| format!("<row r=\"{n}\"><c r=\"A{n}\" t=\"s\"><v>0</v></c></row>"));
    HEAD.to_owned() + &rows.collect::<String>()
}

fn string(length: usize) -> String {
    format!("<si><t>{}</t></si>", "A".repeat(length))
}

/// Each format of a cell gets a font of its own, and with it the font's long name.
fn fonts(name: usize, formats: usize) -> String {
    let font = format!("<font><name val=\"{}\"/></font>", "A".repeat(name));
    let formats = "<xf numFmtId=\"0\" fontId=\"0\"/>".repeat(formats);
    format!("<fonts>{font}</fonts><cellXfs>{formats}</cellXfs>")
}

#[test]
fn a_workbook_that_bursts_ends_nobody_but_its_reader() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let good = city.file("名录.csv", list_csv("330203", 0..20, &TOWNS).as_bytes());
    haishu.good(&["import", &good, "--kind", "social_org"]);
    let before = haishu.status()["frontier"].clone();

    let honest = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>甲</t></is></c></row>";
    let honest = HEAD.to_owned() + honest;
    let bombs = [
        ("一串.xlsx", workbook(&repeated(12_000), &string(1 << 20), ""), "超过 32767 字"),
        ("许多.xlsx", workbook(&repeated(12_000), &string(30_000), ""), "超过 256 MB"),
        (
            "样式.xlsx",
            workbook(&honest, "", &format!("<cellXfs>{}</cellXfs>", "<xf/>".repeat(9_000_000))),
            "异常庞大",
        ),
        ("字体.xlsx", workbook(&honest, "", &fonts(1 << 20, 50_000)), "已中止读取，没有导入任何内容"),
        ("空格.csv", wide_rows(100_000), "单元格数超过上限"),
    ];
    for (name, bytes, expected) in bombs {
        let file = city.file(name, &bytes);
        let meter = Meter::of(service.running.pid());
        let said = haishu.run(&["import", &file, "--kind", "social_org"]).sentence(1);
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(
            haishu.status()["frontier"],
            before,
            "{name}: nothing was written, and the service answers"
        );
        let peak = meter.read().peak_megabytes;
        assert!(peak < 400.0 + bytes.len() as f64 / 250_000.0, "{name}: the service held {peak} MB");
        let english = haishu.run(&["--lang", "en", "import", &file, "--kind", "social_org"]).sentence(1);
        assert!(english.is_ascii() || english.contains(name), "{english}");
    }
    // Without a service it is the same sentence.
    let file = city.path("字体.xlsx");
    service.stop();
    let said = haishu.run(&["import", file.to_str().unwrap(), "--kind", "social_org"]).sentence(1);
    assert!(said.contains("已中止读取"), "{said}");
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

/// Rows of 998 empty cells with something at their end.
fn wide_rows(rows: usize) -> Vec<u8> {
    let row = format!("甲,ST{}x\n", ",".repeat(998));
    format!("名称,类型\n{}", row.repeat(rows)).into_bytes()
}
