//! Bytes to cells: a workbook or a text table, with the rows that stand above its header cut off.

use super::columns::find_header;
use super::{text, workbook};
use huiliu_core::model::{Date, Kind, Lang, Trouble};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The largest file that is opened, in bytes.
pub const LARGEST_FILE: usize = 256 << 20;
/// The most rows of a table.
pub const MOST_ROWS: usize = 500_000;
/// The most columns of a table.
pub const MOST_COLUMNS: usize = 1_000;
/// The most cells of a table; empty ones count where something stands to the right of them.
pub const MOST_CELLS: usize = 5_000_000;
/// The most text of all cells together, in bytes, however often one text is repeated.
pub const MOST_TEXT: usize = 256 << 20;
/// The longest text of a cell, in characters: no spreadsheet keeps a longer one.
pub const LONGEST_TEXT: usize = 32_767;

/// One cell.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text, as it stands in the file; cells that say the same share it.
    Text(Arc<str>),
    /// A number; a code in such a cell may have lost digits.
    Number(f64),
    /// A day.
    Date(Date),
    /// Yes or no.
    Bool(bool),
    /// A formula that failed (#REF!).
    Failed,
}

impl Cell {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.chars().all(huiliu_core::model::values::text::is_blank),
            _ => false,
        }
    }
}

/// One row.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Row {
    /// Its number as a person sees it in Excel: from 1, header included.
    pub number: u32,
    /// Its cells, from the first column; shorter than the header if the rest is empty.
    pub cells: Vec<Cell>,
}

impl Row {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(Cell::is_empty)
    }
}

/// A table: its headers and what stands below.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// The headers, one for each column; empty where there is none.
    pub headers: Vec<String>,
    /// The rows below the header that are not empty.
    pub rows: Vec<Row>,
}

/// Why a file is no table that can be imported: one sentence, one remedy.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TableFault {
    /// The row, if it is one row's fault.
    pub row: Option<u32>,
    /// Reason and remedy.
    pub trouble: Trouble,
}

impl From<Trouble> for TableFault {
    fn from(trouble: Trouble) -> Self {
        Self { row: None, trouble }
    }
}

impl TableFault {
    /// All of it in one line.
    pub fn sentence(&self, lang: Lang) -> String {
        let (reason, remedy) = (self.trouble.reason(lang), self.trouble.remedy(lang));
        match (self.row, lang) {
            (Some(row), Lang::Zh) => format!("第{row}行：{reason}。{remedy}。"),
            (None, Lang::Zh) => format!("{reason}。{remedy}。"),
            (Some(row), Lang::En) => format!("row {row}: {reason}; {remedy}."),
            (None, Lang::En) => format!("{reason}; {remedy}."),
        }
    }
}

/// Reads a table of records of a kind. The bytes decide what it is, not the file's name.
///
/// Programs call it in a child process of theirs (service/reader): what reads workbooks is code of others.
///
/// The header is the first row in which two cells or more are known labels of the kind; titles above it are skipped.
///
/// # Errors
/// One [`TableFault`] for the whole file. Whatever the bytes are, this neither panics nor takes memory beyond its caps.
pub fn read(bytes: &[u8], kind: &'static Kind) -> Result<Table, TableFault> {
    if bytes.len() > LARGEST_FILE {
        return Err(Trouble::FileTooLarge { megabytes: LARGEST_FILE >> 20 }.into());
    }
    match bytes {
        [b'P', b'K', ..] => workbook::read(bytes, kind),
        // The container of encrypted workbooks and of .xls.
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(Trouble::Locked.into()),
        _ => text::read(bytes, kind),
    }
}

/// Cuts the header off a grid; `None` if it has no header of the kind.
pub(super) fn table_of(grid: Vec<Row>, kind: &'static Kind) -> Option<Table> {
    let (headers, below) = find_header(&grid, kind)?;
    let rows = grid.into_iter().skip(below).filter(|row| !row.is_empty()).collect();
    Some(Table { headers, rows })
}

/// The fault of a file without a header.
pub(super) fn no_header(kind: &'static Kind) -> TableFault {
    let expected: Vec<&str> = kind.fields.iter().take(4).map(|field| field.label).collect();
    Trouble::NoHeader { expected: expected.join("、") }.into()
}
