//! Reports as workbooks: sheets of rows, with cells that lead to the rows behind a figure.

use crate::tables::WriteFault;
use rust_xlsxwriter::{Format, Url, Workbook};

/// One sheet.
pub(super) struct Sheet {
    /// Its name.
    pub(super) name: String,
    /// Lines above the table: what it counts, as of when, by which rules.
    pub(super) notes: Vec<String>,
    /// The header.
    pub(super) head: Vec<String>,
    /// The rows.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Clone)]
pub(super) enum Cell {
    /// Nothing, or a text.
    Text(String),
    /// A count.
    Count(i64),
    /// A share of 0 to 1.
    Rate(Option<f64>),
    /// A count that leads to a row, from 0 below the header, of another sheet.
    Leads(i64, String, usize),
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl Sheet {
    /// The row, from 1, at which the header stands.
    fn head_row(&self) -> usize {
        self.notes.len() + 1
    }
}

/// Writes sheets as a workbook.
pub(super) fn workbook(sheets: &[Sheet]) -> Result<Vec<u8>, WriteFault> {
    let (bold, share) = (Format::new().set_bold(), Format::new().set_num_format("0.0%"));
    let text = Format::new().set_num_format("@");
    let mut book = Workbook::new();
    for sheet in sheets {
        let page = book.add_worksheet().set_name(&sheet.name)?;
        for (at, note) in (0_u32..).zip(&sheet.notes) {
            page.write_string(at, 0, note)?;
        }
        let head = u32::try_from(sheet.notes.len()).unwrap_or_default();
        for (column, title) in (0_u16..).zip(&sheet.head) {
            page.set_column_width(column, if title.chars().count() > 5 { 20.0 } else { 14.0 })?;
            page.write_string_with_format(head, column, title, &bold)?;
        }
        page.set_freeze_panes(head + 1, 0)?;
        for (at, row) in (head + 1..).zip(&sheet.rows) {
            for (column, cell) in (0_u16..).zip(row) {
                match cell {
                    Cell::Text(content) if content.is_empty() => {}
                    Cell::Text(content) => {
                        page.write_string_with_format(at, column, content, &text)?;
                    }
                    Cell::Count(count) => {
                        page.write_number(at, column, *count as f64)?;
                    }
                    Cell::Rate(None) => {}
                    Cell::Rate(Some(rate)) => {
                        page.write_number_with_format(at, column, *rate, &share)?;
                    }
                    Cell::Leads(count, to, row) => {
                        let below = sheets.iter().find(|sheet| sheet.name == *to).map_or(1, Sheet::head_row);
                        let url = Url::new(format!("internal:'{to}'!A{}", below + row + 1));
                        page.write_url(at, column, url)?;
                        page.write_number(at, column, *count as f64)?;
                    }
                }
            }
        }
        if let (Ok(last), Ok(columns)) = (u32::try_from(sheet.rows.len()), u16::try_from(sheet.head.len()))
            && last > 0
            && columns > 0
        {
            page.autofilter(head, 0, head + last, columns - 1)?;
        }
    }
    Ok(book.save_to_buffer()?)
}
