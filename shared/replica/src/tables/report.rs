//! The report of refused rows: what to put right before importing again.

use super::Format;
use super::rows::Refusal;
use super::write::{Out, WriteFault, csv_table, fill};
use huiliu_core::model::{Lang, TableSay};
use rust_xlsxwriter::Workbook;

/// Writes the refusals as a table: row, column, value, reason, remedy. Values that may not be repeated are not.
///
/// # Errors
/// [`WriteFault`].
pub fn report(format: Format, refusals: &[Refusal], lang: Lang) -> Result<Vec<u8>, WriteFault> {
    let heads = [TableSay::Row, TableSay::ColumnName, TableSay::Content, TableSay::Reason, TableSay::Remedy];
    let header = heads.iter().map(|head| Out::Text(head.text(lang))).collect();
    let line = |refusal: &Refusal| {
        vec![
            Out::Number(refusal.row.into()),
            Out::text(refusal.field.map_or("", |field| field.title(lang))),
            Out::Text(refusal.shown_value(lang)),
            Out::Text(refusal.trouble.reason(lang)),
            Out::Text(refusal.trouble.remedy(lang)),
        ]
    };
    let rows = std::iter::once(header).chain(refusals.iter().map(line));
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
