//! Tables in and out: what clerks keep in .xlsx and .csv becomes fields, and fields become tables. Pure over bytes.
//!
//! In: [`mod@read`] (bytes to cells), [`columns`] (headers to fields), [`rows`] (cells to fields or refusals).
//! Out: [`mod@write`] (exports), [`mod@template`] (an empty table with notes), [`mod@report`] (the rows that were refused).
//! What is written here reads back the same, in both formats.

pub(crate) mod carried;
mod cells;
pub mod columns;
pub mod guard;
pub mod read;
pub mod report;
pub mod rows;
pub mod template;
mod text;
mod workbook;
pub mod write;

pub use columns::Columns;
pub use read::{Cell, Row, Table, TableFault, read};
pub use report::report;
pub use rows::{Outcome, Refusal, Taken, read_row};
pub use template::template;
pub use write::{WriteFault, export};

/// The two formats of tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A workbook of Excel and WPS.
    Xlsx,
    /// Text in UTF-8 with a byte order mark, commas between.
    Csv,
}

impl Format {
    /// The format that a file name asks for; `None` if it ends neither in .xlsx nor in .csv.
    pub fn of(file_name: &str) -> Option<Self> {
        let name = file_name.to_lowercase();
        match name.rsplit_once('.')?.1 {
            "xlsx" => Some(Self::Xlsx),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
