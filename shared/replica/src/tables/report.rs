//! The report of refused rows: what to put right before importing again.

use super::Format;
use super::rows::Refusal;
use super::write::{Out, WriteFault, csv_table, fill};
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::{Lang, TableSay};
use rust_xlsxwriter::Workbook;
use serde::{Deserialize, Serialize};

/// A refused row, or one of its troubles: as `import --json` prints it and the report writes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The row's number as the person sees it.
    pub row: u32,
    /// The field's name, or nothing if it is about the row.
    pub field: String,
    /// The value, or what stands for one that may not be repeated.
    pub value: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

impl Line {
    /// The line of a refusal.
    pub fn of(refusal: &Refusal, lang: Lang) -> Self {
        Self {
            row: refusal.row,
            field: refusal.field.map_or(String::new(), |field| field.name.to_owned()),
            value: refusal.shown_value(lang),
            reason: refusal.trouble.reason(lang),
            remedy: refusal.trouble.remedy(lang),
        }
    }

    /// What a clerk calls the field.
    pub fn title(&self, kind: &Kind, lang: Lang) -> String {
        kind.field(&self.field).map_or(self.field.as_str(), |field| field.title(lang)).to_owned()
    }
}

/// Writes refused rows as a table: row, column, value, reason, remedy. Values that may not be repeated are not.
///
/// # Errors
/// [`WriteFault`].
pub fn report(format: Format, kind: &Kind, lines: &[Line], lang: Lang) -> Result<Vec<u8>, WriteFault> {
    let heads = [TableSay::Row, TableSay::ColumnName, TableSay::Content, TableSay::Reason, TableSay::Remedy];
    let header = heads.iter().map(|head| Out::Text(head.text(lang))).collect();
    let line = |line: &Line| {
        vec![
            Out::Number(line.row.into()),
            Out::Text(line.title(kind, lang)),
            Out::Text(line.value.clone()),
            Out::Text(line.reason.clone()),
            Out::Text(line.remedy.clone()),
        ]
    };
    let rows = std::iter::once(header).chain(lines.iter().map(line));
    match format {
        Format::Csv => csv_table(rows),
        Format::Xlsx => {
            let mut book = Workbook::new();
            let sheet = book.add_worksheet().set_name(TableSay::ReportSheet.text(lang))?;
            for (column, width) in [(0, 8.0), (1, 20.0), (2, 28.0), (3, 40.0), (4, 50.0)] {
                sheet.set_column_width(column, width)?;
            }
            sheet.set_freeze_panes(1, 0)?;
            fill(sheet, rows)?;
            Ok(book.save_to_buffer()?)
        }
    }
}
