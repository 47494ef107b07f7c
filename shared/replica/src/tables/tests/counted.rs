//! What a table may hold is counted over all its cells, in both formats alike, and what is equal is kept once.

use super::hostile::{HEAD_ROW, sheet, workbook};
use super::*;
use crate::tables::read::{Cell, LONGEST_TEXT, MOST_CELLS, MOST_TEXT, Table};
use std::sync::Arc;

fn trouble(bytes: &[u8]) -> Trouble {
    read(bytes, social_org()).unwrap_err().trouble
}

fn inline(row: usize, column: char, text: &str) -> String {
    format!("<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// The same list in both formats.
fn both(rows: &[[&str; 3]]) -> [Table; 2] {
    let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    let csv = format!("名称,类型,地址\n{}\n", lines.join("\n"));
    let cells = |n: usize, row: &[&str; 3]| {
        let cells = row.iter().zip('A'..).map(|(text, column)| inline(n, column, text)).collect::<String>();
        format!("<row r=\"{n}\">{cells}</row>")
    };
    let body: String = (2..).zip(rows).map(|(n, row)| cells(n, row)).collect();
    let head = cells(1, &["名称", "类型", "地址"]);
    [csv.into_bytes(), sheet(&(head + &body))].map(|bytes| read(&bytes, social_org()).unwrap())
}

#[test]
fn equal_texts_are_one_and_empty_ends_are_none_in_both_formats() {
    let [csv, xlsx] = both(&[["甲", "ST", "月湖"], ["乙", "ST", ""], ["丙", "", ""], ["丁", "　", "ST"]]);
    assert_eq!(csv, xlsx);
    assert_eq!(csv.rows.iter().map(|row| row.cells.len()).collect::<Vec<_>>(), [3, 2, 1, 3]);
    for table in [&csv, &xlsx] {
        let of = |row: usize, column: usize| match &table.rows[row].cells[column] {
            Cell::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        assert!(Arc::ptr_eq(&of(0, 1), &of(1, 1)) && Arc::ptr_eq(&of(0, 1), &of(3, 2)));
        assert_eq!(table.rows[3].cells[1], Cell::Empty, "blanks alone say nothing");
    }
}

#[test]
fn empty_cells_on_the_left_count_and_those_at_the_end_do_not() {
    let rows = MOST_CELLS / 999 + 1;
    let at_the_end = format!("名称,类型\n{}", format!("甲{}\n", ",".repeat(998)).repeat(rows));
    let table = read(at_the_end.as_bytes(), social_org()).unwrap();
    assert_eq!((table.rows.len(), table.rows[0].cells.len()), (rows, 1));
    let on_the_left = format!("名称,类型\n{}", format!("{}x\n", ",".repeat(998)).repeat(rows));
    assert_eq!(trouble(on_the_left.as_bytes()), Trouble::TooManyCells { max: MOST_CELLS });
}

#[test]
fn a_text_is_as_long_as_a_spreadsheet_keeps_and_no_longer() {
    for (length, fits) in [(LONGEST_TEXT, true), (LONGEST_TEXT + 1, false)] {
        let text = "字".repeat(length);
        let csv = format!("名称,类型,备注\n甲,ST,\"{text}\"\n").into_bytes();
        let xlsx = sheet(&format!("{HEAD_ROW}<row r=\"2\">{}</row>", inline(2, 'A', &text)));
        for bytes in [csv, xlsx] {
            match read(&bytes, social_org()) {
                Ok(table) => assert!(fits && table.rows.len() == 1),
                Err(fault) => {
                    assert!(!fits && fault.trouble == Trouble::LongText { max: LONGEST_TEXT });
                    assert_eq!(fault.row, Some(2));
                }
            }
        }
    }
    // What a quote that never closes swallows is too long as well, but that is not what is wrong with it.
    let open = format!("名称,类型\n甲,\"ST\n{}", "乙,ST\n".repeat(100_000));
    let fault = read(open.as_bytes(), social_org()).unwrap_err();
    assert_eq!((fault.trouble, fault.row), (Trouble::UnclosedQuote, Some(2)));
}

#[test]
fn one_text_that_is_repeated_is_counted_every_time() {
    let book = |rows: usize| {
        let rows: String = (2..rows + 2)
            .map(|n| format!("<row r=\"{n}\"><c r=\"A{n}\" t=\"s\"><v>0</v></c></row>"))
            .collect();
        let sheet = format!(
            "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>\
             {HEAD_ROW}{rows}</sheetData></worksheet>"
        );
        let strings = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(30_000));
        let parts = [("xl/worksheets/sheet1.xml", sheet), ("xl/sharedStrings.xml", strings)];
        workbook(&parts.each_ref().map(|(name, part)| (*name, part.as_bytes())))
    };
    assert_eq!(read(&book(5_000), social_org()).unwrap().rows.len(), 5_000);
    assert_eq!(trouble(&book(10_000)), Trouble::TooMuchText { megabytes: MOST_TEXT >> 20 });
}

#[test]
fn a_styles_part_has_no_more_tags_than_a_workbook_has_formats() {
    let styles = |formats: usize| {
        let formats = "<xf/>".repeat(formats);
        let part = format!("<styleSheet><cellXfs>{formats}</cellXfs></styleSheet>");
        workbook(&[("xl/styles.xml", part.as_bytes())])
    };
    assert!(read(&styles(65_490), social_org()).is_ok());
    let bomb = styles(9_000_000);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    assert_eq!(trouble(&bomb), Trouble::Bomb);
}

#[test]
fn a_table_crosses_to_another_process_and_is_the_same() {
    let table = Table {
        headers: ["名称", "", "类型"].map(str::to_owned).to_vec(),
        rows: Vec::from_iter((0..3000).map(|n| Row {
            number: n + 2,
            cells: vec![
                Cell::Text(format!("第{n}号").into()),
                Cell::Empty,
                Cell::Number(f64::from(n) / 3.0),
                Cell::Date(Date::from_days(i64::from(n)).unwrap()),
                Cell::Bool(n % 2 == 0),
                Cell::Failed,
            ],
        })),
    };
    let [shared, _] = both(&[["甲", "ST", "月湖"], ["乙", "ST", "月湖"], ["丙", "ST", ""]]);
    let fault = TableFault { row: Some(7), trouble: Trouble::UnclosedQuote };
    for read in [Ok(table), Ok(shared), Err(fault)] {
        let mut bytes = Vec::new();
        carried::write(&read, &mut bytes).unwrap();
        assert_eq!(carried::read(&bytes), Some(read.clone()));
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            assert!(carried::read(&bytes[..cut]).is_none_or(|less| less != read), "{cut}");
        }
        if let Ok(table) = carried::read(&bytes).unwrap()
            && let [Cell::Text(one), Cell::Text(other)] =
                [0, 1].map(|row: usize| table.rows[row].cells[2].clone())
        {
            assert!(Arc::ptr_eq(&one, &other), "what was one text stays one");
        }
    }
}
