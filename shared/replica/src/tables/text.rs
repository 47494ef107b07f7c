//! Text tables: UTF-8 with or without a byte order mark, GB18030, and the UTF-16 that Excel calls Unicode text;
//! commas, tabs or semicolons between the cells.

use super::cells::Cells;
use super::read::{Cell, LONGEST_TEXT, MOST_ROWS, Row, Table, TableFault, no_header, table_of};
use encoding_rs::{Encoding, GB18030};
use huiliu_core::model::{Kind, Trouble};
use std::borrow::Cow;

/// How many rows are looked at to find the header, and with it the separator.
const LOOK_AHEAD: usize = 60;

pub(super) fn read(bytes: &[u8], kind: &'static Kind) -> Result<Table, TableFault> {
    let text = decode(bytes)?;
    let has_header = |separator: &char| {
        let start = parse(&text, *separator, LOOK_AHEAD).map(|grid| table_of(grid, kind));
        matches!(start, Ok(Some(_)))
    };
    let separator = [',', '\t', ';'].into_iter().find(has_header);
    // A quote that never closes hides the header too; say that rather than that there is none.
    let grid = parse(&text, separator.unwrap_or(','), usize::MAX)?;
    table_of(grid, kind).ok_or_else(|| no_header(kind))
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, TableFault> {
    let text = match (Encoding::for_bom(bytes), std::str::from_utf8(bytes)) {
        (Some((encoding, mark)), _) => {
            let (text, failed) = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
            if failed {
                return Err(Trouble::BadEncoding.into());
            }
            text
        }
        (None, Ok(text)) => text.into(),
        (None, Err(_)) if bytes.contains(&0) => return Err(Trouble::NulBytes.into()),
        (None, Err(_)) => {
            let (text, failed) = GB18030.decode_without_bom_handling(bytes);
            if failed {
                return Err(Trouble::BadEncoding.into());
            }
            text
        }
    };
    if text.contains('\0') { Err(Trouble::NulBytes.into()) } else { Ok(text) }
}

/// Splits a text into rows and cells (RFC 4180, tolerantly), at most `limit` rows of it.
///
/// Written here because the row numbers must be Excel's, blank lines and line breaks within cells included, and
/// because a quote that never closes must be told from a long cell: the csv crate does neither.
fn parse(text: &str, separator: char, limit: usize) -> Result<Vec<Row>, TableFault> {
    let mut grid = Grid::default();
    let mut quoted = None;
    let mut fresh = true;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted.is_some() => {
                if rest.next_if_eq(&'"').is_some() {
                    grid.add('"');
                } else {
                    quoted = None;
                }
            }
            c if quoted.is_some() => grid.add(c),
            '"' if fresh => {
                quoted = Some(grid.number());
                fresh = false;
            }
            c if c == separator => {
                grid.end_cell()?;
                fresh = true;
            }
            '\r' | '\n' => {
                if c == '\r' {
                    rest.next_if_eq(&'\n');
                }
                grid.end_row()?;
                fresh = true;
                if grid.ended as usize >= limit {
                    return Ok(grid.rows);
                }
            }
            c => {
                grid.add(c);
                fresh = false;
            }
        }
    }
    if quoted.is_some() {
        return Err(TableFault { row: quoted, trouble: Trouble::UnclosedQuote });
    }
    grid.end_row()?;
    Ok(grid.rows)
}

/// What was read so far, and the row and the cell under way.
#[derive(Default)]
struct Grid {
    all: Cells,
    rows: Vec<Row>,
    ended: u32,
    row: Vec<Cell>,
    column: usize,
    cell: String,
}

impl Grid {
    /// The number of the row under way.
    fn number(&self) -> u32 {
        self.ended.saturating_add(1)
    }

    /// Of a cell that is too long so much is kept that it is seen to be: a quote that never closes may still be the
    /// reason.
    fn add(&mut self, c: char) {
        if self.cell.len() <= LONGEST_TEXT * size_of::<char>() {
            self.cell.push(c);
        }
    }

    fn end_cell(&mut self) -> Result<(), TableFault> {
        let cell = self.all.text(&self.cell);
        self.cell.clear();
        let put = cell.and_then(|cell| self.all.put(&mut self.row, self.column, cell));
        self.column += 1;
        put.map_err(|trouble| TableFault { row: Some(self.number()), trouble })
    }

    fn end_row(&mut self) -> Result<(), TableFault> {
        self.end_cell()?;
        let row = Row { number: self.number(), cells: std::mem::take(&mut self.row) };
        (self.ended, self.column) = (row.number, 0);
        if !row.cells.is_empty() {
            self.rows.push(row);
        }
        if self.rows.len() > MOST_ROWS {
            return Err(Trouble::TooManyRows { max: MOST_ROWS }.into());
        }
        Ok(())
    }
}
