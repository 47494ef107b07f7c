//! Text tables: UTF-8 with or without a byte order mark, GB18030, and the UTF-16 that Excel calls Unicode text;
//! commas, tabs or semicolons between the cells.

use super::guard;
use super::read::{
    Cell, MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Row, Table, TableFault, no_header, table_of, too_big,
};
use encoding_rs::{Encoding, GB18030};
use huiliu_core::model::{Kind, Trouble};

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

fn decode(bytes: &[u8]) -> Result<String, TableFault> {
    let text = match (Encoding::for_bom(bytes), std::str::from_utf8(bytes)) {
        (Some((encoding, mark)), _) => {
            let (text, failed) = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
            if failed {
                return Err(Trouble::BadEncoding.into());
            }
            text.into_owned()
        }
        (None, Ok(text)) => text.to_owned(),
        (None, Err(_)) if bytes.contains(&0) => return Err(Trouble::NulBytes.into()),
        (None, Err(_)) => {
            let (text, failed) = GB18030.decode_without_bom_handling(bytes);
            if failed {
                return Err(Trouble::BadEncoding.into());
            }
            text.into_owned()
        }
    };
    if text.contains('\0') { Err(Trouble::NulBytes.into()) } else { Ok(text) }
}

/// Splits a text into rows and cells (RFC 4180, tolerantly), at most `limit` rows of it.
///
/// Written here because the row numbers must be Excel's, blank lines and line breaks within cells included, and
/// because a quote that never closes must be told from a long cell: the csv crate does neither.
fn parse(text: &str, separator: char, limit: usize) -> Result<Vec<Row>, TableFault> {
    let mut grid = Grid { rows: Vec::new(), row: Row { number: 1, cells: Vec::new() }, cells: 0 };
    let mut cell = String::new();
    let mut quoted = None;
    let mut fresh = true;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted.is_some() => {
                if rest.next_if_eq(&'"').is_some() {
                    cell.push('"');
                } else {
                    quoted = None;
                }
            }
            c if quoted.is_some() => cell.push(c),
            '"' if fresh => {
                quoted = Some(grid.row.number);
                fresh = false;
            }
            c if c == separator => {
                grid.end_cell(&mut cell)?;
                fresh = true;
            }
            '\r' | '\n' => {
                if c == '\r' {
                    rest.next_if_eq(&'\n');
                }
                grid.end_cell(&mut cell)?;
                grid.end_row()?;
                fresh = true;
                if grid.row.number as usize > limit {
                    return Ok(grid.rows);
                }
            }
            c => {
                cell.push(c);
                fresh = false;
            }
        }
    }
    if quoted.is_some() {
        return Err(TableFault { row: quoted, trouble: Trouble::UnclosedQuote });
    }
    grid.end_cell(&mut cell)?;
    grid.end_row()?;
    Ok(grid.rows)
}

struct Grid {
    rows: Vec<Row>,
    row: Row,
    cells: usize,
}

impl Grid {
    fn end_cell(&mut self, cell: &mut String) -> Result<(), TableFault> {
        let text = std::mem::take(cell);
        let text = guard::strip(&text);
        self.row.cells.push(if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) });
        self.cells += usize::from(!text.is_empty());
        if self.row.cells.len() > MOST_COLUMNS {
            return Err(too_big("列数", MOST_COLUMNS));
        }
        if self.cells > MOST_CELLS { Err(too_big("单元格数", MOST_CELLS)) } else { Ok(()) }
    }

    fn end_row(&mut self) -> Result<(), TableFault> {
        let next = Row { number: self.row.number.saturating_add(1), cells: Vec::new() };
        let row = std::mem::replace(&mut self.row, next);
        if !row.is_empty() {
            self.rows.push(row);
        }
        if self.rows.len() > MOST_ROWS { Err(too_big("行数", MOST_ROWS)) } else { Ok(()) }
    }
}
