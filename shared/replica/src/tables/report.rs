//! The report of refused rows: the rows themselves, to put right and import again, and why they were refused.

use super::Format;
use super::columns::is_reports;
use super::read::{Cell, Table};
use super::rows::Refusal;
use super::write::{Out, WriteFault, csv_table, fill};
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::{Lang, TableSay};
use rust_xlsxwriter::{Format as CellFormat, Workbook};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Writes the refused rows of a table: its own columns as they stand, then row, reason and remedy, which an import
/// ignores. What was refused in one row stands in its one line.
///
/// # Errors
/// [`WriteFault`].
pub fn report(
    format: Format,
    kind: &Kind,
    table: &Table,
    lines: &[Line],
    lang: Lang,
) -> Result<Vec<u8>, WriteFault> {
    // A report that is imported again and refused again does not grow.
    let own: Vec<(usize, &String)> =
        table.headers.iter().enumerate().filter(|(_, header)| !is_reports(header)).collect();
    let added = [TableSay::Row, TableSay::Reason, TableSay::Remedy];
    let header = own.iter().map(|(_, header)| Out::text(header.as_str()));
    let header: Vec<Out> = header.chain(added.iter().map(|head| Out::Text(head.text(lang)))).collect();
    let mut by_row: BTreeMap<u32, Vec<&Line>> = BTreeMap::new();
    lines.iter().for_each(|line| by_row.entry(line.row).or_default().push(line));
    let refused = table.rows.iter().filter_map(|row| Some((row, by_row.get(&row.number)?)));
    let rows = refused.map(|(row, lines)| {
        let cells = own.iter().map(|(at, _)| row.cells.get(*at).map_or(Out::text(""), out));
        let each = |text: &dyn Fn(&Line) -> String| {
            let all: Vec<String> = lines.iter().map(|line| text(line)).collect();
            Out::Text(all.join(lang.pick("；", "; ")))
        };
        let reason = |line: &Line| match line.title(kind, lang) {
            title if title.is_empty() => line.reason.clone(),
            title => format!("{title}{}{}", lang.pick("：", ": "), line.reason),
        };
        let why = [Out::Number(row.number.into()), each(&reason), each(&|line| line.remedy.clone())];
        // Cells beyond the header stay beyond it, so that the row is refused again while they are there.
        let beyond = row.cells.iter().skip(table.headers.len()).map(out);
        cells.chain(why).chain(beyond).collect::<Vec<Out>>()
    });
    let rows = std::iter::once(header).chain(rows);
    match format {
        Format::Csv => csv_table(rows),
        Format::Xlsx => {
            let mut book = Workbook::new();
            let sheet = book.add_worksheet().set_name(TableSay::ReportSheet.text(lang))?;
            let text = CellFormat::new().set_num_format("@");
            for column in (0_u16..).take(own.len()) {
                sheet.set_column_width(column, 18.0)?;
                sheet.set_column_format(column, &text)?;
            }
            for (column, width) in (own.len() as u16..).zip([8.0, 50.0, 50.0]) {
                sheet.set_column_width(column, width)?;
            }
            sheet.set_freeze_panes(1, 0)?;
            fill(sheet, rows)?;
            Ok(book.save_to_buffer()?)
        }
    }
}

/// A cell as it stands in the list: what was a number stays one, so that a code that lost digits is refused again.
fn out(cell: &Cell) -> Out {
    match cell {
        Cell::Empty => Out::text(""),
        Cell::Text(text) => Out::text(&**text),
        Cell::Number(number) => Out::Real(*number),
        Cell::Date(date) => Out::Text(date.to_string()),
        Cell::Bool(yes) => Out::text(if *yes { "是" } else { "否" }),
        Cell::Failed => Out::text("#N/A"),
    }
}
