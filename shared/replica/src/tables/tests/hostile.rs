//! Files that nobody should open: each gives one clear fault or refused rows, never a panic, never much memory.

use super::*;
use std::io::Write;
use zip::write::SimpleFileOptions;

const HEAD: &str = "名称,类型,统一社会信用代码\n";

/// A workbook whose parts are given; what is not given is taken from an honest one.
pub(super) fn workbook(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let honest = template(Format::Xlsx, social_org(), Lang::Zh).unwrap();
    let mut from = zip::ZipArchive::new(std::io::Cursor::new(honest)).unwrap();
    let mut to = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let names: Vec<String> = from.file_names().map(|name| name.unwrap().to_string()).collect();
    for name in names {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut from.by_name(&name).unwrap(), &mut bytes).unwrap();
        let given = parts.iter().find(|(part, _)| *part == name).map_or(bytes.as_slice(), |(_, bytes)| bytes);
        to.start_file(name, SimpleFileOptions::default()).unwrap();
        to.write_all(given).unwrap();
    }
    to.finish().unwrap().into_inner()
}

pub(super) fn sheet(data: &str) -> Vec<u8> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{data}</sheetData></worksheet>"
    );
    workbook(&[("xl/worksheets/sheet1.xml", xml.as_bytes())])
}

pub(super) const HEAD_ROW: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>名称</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>类型</t></is></c></row>";

fn hostile_texts() -> Vec<Vec<u8>> {
    let text = |body: &str| format!("{HEAD}{body}").into_bytes();
    vec![
        Vec::new(),
        b"\xef\xbb\xbf".to_vec(),
        b"\xff\xfe".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"\xfe\xff\xd8\x00".to_vec(),
        b"\0".to_vec(),
        vec![0; 100_000],
        vec![0xff; 100_000],
        vec![0x81; 99_999],
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(),
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(),
        b"<html><table><tr><td>x</td></tr></table></html>".to_vec(),
        b"\"".to_vec(),
        "\"".repeat(99_999).into_bytes(),
        vec![b'\n'; 1_000_000],
        vec![b'\r'; 1_000_000],
        vec![b','; 1_000_000],
        [HEAD.as_bytes(), &vec![b','; 1_000_000]].concat(),
        text(&"甲".repeat(1_000_000)),
        text("\"甲,ST,x\n"),
        text("甲\"乙,ST,x\n"),
        text("甲\0,ST,x\n"),
        text("甲,ST,\u{202e}x\n"),
        text("=cmd|'/c calc'!A0,ST,x\n"),
        text("甲,ST,99999999999999999999999999999999999999999\n"),
        text("甲,ST,1e999\n"),
        text("甲,ST,NaN\n"),
        text("甲,ST,-0\n"),
        text("甲,ST,５１３３０２０３ＸＴ００００\n"),
        text("甲,ST,18446744073709551616\n"),
        text(",,x\n"),
        text("\"\",\"\",\"x\"\n"),
        text("甲,ST,\"51330203XT0000014B\"\"\"\n"),
        text("甲,ST\n"),
        text("甲,ST,x,y,z\n"),
        text(&"甲,ST,x\n".repeat(3)),
        "名称,名称,类型\n甲,乙,ST\n".as_bytes().to_vec(),
        "名称;类型,统一社会信用代码\n".as_bytes().to_vec(),
        "﷽,\u{200b},𠮷\n".as_bytes().to_vec(),
        HEAD.as_bytes()[..HEAD.len() - 8].to_vec(),
    ]
}

fn hostile_workbooks() -> Vec<Vec<u8>> {
    let honest = template(Format::Xlsx, social_org(), Lang::Zh).unwrap();
    let strings = |count: &str| {
        let xml = format!("<?xml version=\"1.0\"?><sst uniqueCount=\"{count}\"><si><t>名称</t></si></sst>");
        workbook(&[("xl/sharedStrings.xml", xml.as_bytes())])
    };
    let row = |cell: &str| {
        sheet(&format!(
            "{HEAD_ROW}<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>甲</t></is></c>{cell}</row>"
        ))
    };
    let mut flipped = honest.clone();
    flipped.iter_mut().skip(200).step_by(37).for_each(|byte| *byte ^= 0x55);
    let mut wrong_directory = honest.clone();
    let end = wrong_directory.len() - 6;
    wrong_directory[end..].fill(0xff);
    vec![
        b"PK".to_vec(),
        b"PK\x03\x04".to_vec(),
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
        honest[..honest.len() / 2].to_vec(),
        honest[..honest.len() - 10].to_vec(),
        honest[..60].to_vec(),
        flipped,
        wrong_directory,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(),
        strings("4294967295"),
        strings("999999999999999"),
        strings("18446744073709551615"),
        workbook(&[("xl/workbook.xml", b"<workbook/>")]),
        workbook(&[("xl/workbook.xml", b"not xml")]),
        workbook(&[("xl/worksheets/sheet1.xml", b"\0\0\0")]),
        workbook(&[("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\"")]),
        sheet("<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>"),
        sheet("<row r=\"4294967295\"><c r=\"ZZZZZZZZ99999999999\"><v>1</v></c></row>"),
        sheet("<row r=\"0\"><c r=\"A0\"><v>1</v></c></row>"),
        sheet("<row r=\"-1\"><c r=\"\"><v>1</v></c></row>"),
        row("<c r=\"B2\" t=\"s\"><v>999999999</v></c>"),
        row("<c r=\"B2\"><v>1e999</v></c>"),
        row("<c r=\"B2\"><v>999999999999999999999999999999</v></c>"),
        row("<c r=\"B2\" t=\"e\"><v>#REF!</v></c>"),
        row("<c r=\"B2\" t=\"d\"><v>年</v></c>"),
        row("<c r=\"B2\" t=\"nonsense\"><v>x</v></c>"),
        row("<c r=\"AAAA2\"><v>1</v></c>"),
        sheet(HEAD_ROW),
    ]
}

#[test]
fn hostile_files_give_one_fault_or_refused_rows() {
    let files: Vec<Vec<u8>> = hostile_texts().into_iter().chain(hostile_workbooks()).collect();
    assert!(files.len() >= 60, "{}", files.len());
    for (at, file) in files.iter().enumerate() {
        match import(file) {
            Err(fault) => {
                let sentence = fault.sentence(Lang::Zh);
                assert!(sentence.ends_with('。') && sentence.chars().count() < 300, "{at}: {sentence}");
            }
            Ok((_, outcomes)) => {
                assert!(!outcomes.iter().any(|o| matches!(o, Outcome::Taken(_))), "{at}: {outcomes:?}");
            }
        }
    }
}

#[test]
fn bombs_are_not_opened() {
    let zeros = vec![b' '; 80 << 20];
    let bomb = workbook(&[("xl/worksheets/sheet1.xml", &zeros)]);
    assert!(bomb.len() < 2 << 20);
    assert_eq!(import(&bomb).unwrap_err().trouble, Trouble::Bomb);
    // The same bomb with a lie about its size in every header.
    let mut lie = bomb.clone();
    let size = u32::try_from(zeros.len()).unwrap().to_le_bytes();
    for at in 0..lie.len() - 4 {
        if lie[at..at + 4] == size {
            lie[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
        }
    }
    assert_ne!(lie, bomb);
    assert!(matches!(import(&lie).unwrap_err().trouble, Trouble::Bomb | Trouble::DamagedWorkbook));
    let strings = b"<sst uniqueCount = '4294967295'><si/></sst>";
    assert_eq!(import(&workbook(&[("xl/sharedStrings.xml", strings)])).unwrap_err().trouble, Trouble::Bomb);
}

#[test]
fn caps_are_said_by_name() {
    let wide = import(&vec![b','; 2_000]).unwrap_err();
    assert!(wide.sentence(Lang::Zh).contains("列数超过上限（1000）"));
    let far = sheet(&format!("{HEAD_ROW}<row r=\"2\"><c r=\"XFD2\"><v>1</v></c></row>"));
    assert!(import(&far).unwrap_err().sentence(Lang::Zh).contains("列数"));
    assert_eq!(import(b"\xd0\xcf\x11\xe0").unwrap_err().trouble, Trouble::Locked);
    assert_eq!(import(b"\xff\0\xff\0").unwrap_err().trouble, Trouble::NulBytes);
}

#[test]
fn any_cut_of_an_honest_file_is_survived() {
    let honest = export(
        Format::Xlsx,
        social_org(),
        &social_org().typed_fields().collect::<Vec<_>>(),
        &records(),
        &Divisions::sample(),
    );
    let honest = honest.unwrap();
    for end in (0..honest.len()).step_by(101) {
        assert!(import(&honest[..end]).is_err());
    }
    for at in (0..honest.len()).step_by(53) {
        let mut broken = honest.clone();
        broken[at] ^= 0x41;
        let _ = import(&broken);
    }
}
