//! Fields to tables: exports that read back the same.

use super::rows::plain_number;
use super::{Format, guard};
use huiliu_core::model::values::show_exact;
use huiliu_core::model::{Divisions, Field, FieldType, Fields, Kind, Value};
use rust_xlsxwriter::{Format as CellFormat, Workbook, Worksheet, XlsxError};
use std::fmt;

/// The most characters of a cell, and the most rows of a sheet, that Excel takes.
const LONGEST_CELL: usize = 32_767;
const MOST_ROWS: usize = 1_048_575;

/// Why a table could not be written.
#[derive(Debug)]
pub enum WriteFault {
    /// More rows than a workbook takes; csv has no such limit.
    TooManyRows,
    /// The writer of workbooks failed: a fault of this program.
    Workbook(XlsxError),
    /// The writer of csv failed: a fault of this program.
    Csv(csv::Error),
}

impl fmt::Display for WriteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRows => write!(f, "more than {MOST_ROWS} rows do not fit into a workbook"),
            Self::Workbook(fault) => fault.fmt(f),
            Self::Csv(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for WriteFault {}

impl From<XlsxError> for WriteFault {
    fn from(fault: XlsxError) -> Self {
        Self::Workbook(fault)
    }
}

impl From<csv::Error> for WriteFault {
    fn from(fault: csv::Error) -> Self {
        Self::Csv(fault)
    }
}

/// Writes records as a table with Chinese headers: labels for codes, names for divisions, 3万元 for money.
///
/// `fields` are the columns; the caller leaves out what the reader may not see.
///
/// # Errors
/// [`WriteFault`].
pub fn export<'a>(
    format: Format,
    kind: &'static Kind,
    fields: &[&'static Field],
    records: impl IntoIterator<Item = &'a Fields>,
    divisions: &Divisions,
) -> Result<Vec<u8>, WriteFault> {
    let header = fields.iter().map(|field| Out::text(field.label)).collect();
    let row = |record: &'a Fields| fields.iter().map(|field| out(field, record, divisions)).collect();
    let rows = std::iter::once(header).chain(records.into_iter().map(row));
    match format {
        Format::Csv => csv_table(rows),
        Format::Xlsx => workbook(Workbook::new(), kind, fields, rows),
    }
}

/// The bytes of a workbook with one sheet of records; the first row is the header.
pub(crate) fn workbook(
    mut book: Workbook,
    kind: &'static Kind,
    fields: &[&'static Field],
    rows: impl Iterator<Item = Vec<Out>>,
) -> Result<Vec<u8>, WriteFault> {
    let sheet = book.add_worksheet().set_name(kind.label)?;
    lay_out(sheet, fields)?;
    fill(sheet, rows)?;
    Ok(book.save_to_buffer()?)
}

/// What goes into a cell.
pub(crate) enum Out {
    Text(String),
    Number(i64),
    /// As a list had it.
    Real(f64),
}

impl Out {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

fn out(field: &'static Field, record: &Fields, divisions: &Divisions) -> Out {
    match (field.ty, record.get(field.name)) {
        (_, None | Some(Value::Null)) => Out::text(""),
        // Counts are numbers, so that a column can be summed; 15 digits is what a cell holds.
        (FieldType::Int { .. }, Some(Value::Int(count))) if count.unsigned_abs() < 1_000_000_000_000_000 => {
            Out::Number(*count)
        }
        (_, Some(value)) => Out::Text(show_exact(field, value, record, divisions)),
    }
}

/// Column widths, the text format of every column that is no number, and the header's freeze.
pub(super) fn lay_out(sheet: &mut Worksheet, fields: &[&'static Field]) -> Result<(), WriteFault> {
    let text = CellFormat::new().set_num_format("@");
    for (column, field) in (0_u16..).zip(fields) {
        let width = match field.ty {
            FieldType::Uscc | FieldType::CitizenId => 22.0,
            FieldType::Text { .. } | FieldType::Ref(_) => 28.0,
            FieldType::Division { .. } => 18.0,
            _ => 14.0,
        };
        sheet.set_column_width(column, width)?;
        if !matches!(field.ty, FieldType::Int { .. }) {
            sheet.set_column_format(column, &text)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

/// Fills a sheet, the first row in bold. Every text is a text cell, whatever it begins with.
pub(super) fn fill(sheet: &mut Worksheet, rows: impl Iterator<Item = Vec<Out>>) -> Result<(), WriteFault> {
    let (bold, text) = (CellFormat::new().set_bold(), CellFormat::new().set_num_format("@"));
    for (at, row) in rows.enumerate() {
        let number = u32::try_from(at).ok().filter(|_| at <= MOST_ROWS).ok_or(WriteFault::TooManyRows)?;
        for (column, cell) in (0_u16..).zip(row) {
            match cell {
                Out::Text(content) if content.is_empty() => {}
                Out::Text(content) => {
                    let format = if at == 0 { &bold } else { &text };
                    sheet.write_string_with_format(
                        number,
                        column,
                        cut(&guard::for_workbook(&content)),
                        format,
                    )?;
                }
                Out::Number(count) => {
                    sheet.write_number(number, column, count as f64)?;
                }
                Out::Real(real) => {
                    sheet.write_number(number, column, real)?;
                }
            }
        }
    }
    Ok(())
}

/// What Excel takes of a text; nothing that a field of the dictionary allows is longer.
fn cut(text: &str) -> String {
    let mut left = LONGEST_CELL;
    let fits = |c: &char| {
        left = left.saturating_sub(c.len_utf16());
        left > 0
    };
    text.chars().take_while(fits).collect()
}

/// Writes csv in UTF-8 with a byte order mark, which Excel needs to see that it is UTF-8.
pub(crate) fn csv_table(rows: impl Iterator<Item = Vec<Out>>) -> Result<Vec<u8>, WriteFault> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    // A refused row may have more cells than its list has columns.
    let mut writer =
        csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(&mut bytes);
    for row in rows {
        let cells = row.into_iter().map(|cell| match cell {
            Out::Text(text) => guard::for_csv(&text),
            Out::Number(count) => count.to_string(),
            Out::Real(real) => plain_number(real),
        });
        writer.write_record(cells)?;
    }
    writer.flush().map_err(csv::Error::from)?;
    drop(writer);
    Ok(bytes)
}
