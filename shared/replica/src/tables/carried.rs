//! A table, or why there is none, as bytes from the process that reads tables to the one that asked. Texts that cells
//! share cross once and are shared again on the other side.

use super::read::{Cell, Row, Table, TableFault};
use huiliu_core::model::Date;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

/// What comes first: the headers and how many rows follow.
type Head = Result<(Vec<String>, u32), TableFault>;
/// The number of a row and its cells.
type Line<'a> = (u32, Vec<Carried<'a>>);

#[derive(Serialize, Deserialize)]
enum Carried<'a> {
    Empty,
    Text(&'a str),
    /// A text that comes again, by its place among those.
    Shared(&'a str),
    Again(u32),
    Number(f64),
    /// Days since 1970.
    Date(i64),
    Bool(bool),
    Failed,
}

/// Writes what became of a file.
pub(crate) fn write(read: &Result<Table, TableFault>, to: &mut impl Write) -> io::Result<()> {
    let head: Head = match read {
        Ok(table) => Ok((table.headers.clone(), table.rows.len() as u32)),
        Err(fault) => Err(fault.clone()),
    };
    put(&head, to)?;
    let mut shared = HashMap::new();
    for row in read.iter().flat_map(|table| &table.rows) {
        let cells = row.cells.iter().map(|cell| carried(cell, &mut shared)).collect();
        put::<Line<'_>>(&(row.number, cells), to)?;
    }
    to.flush()
}

/// Reads what [`write()`] wrote; `None` if it is not whole.
pub(crate) fn read(bytes: &[u8]) -> Option<Result<Table, TableFault>> {
    let (head, mut rest) = postcard::take_from_bytes::<Head>(bytes).ok()?;
    let (headers, count) = match head {
        Ok(head) => head,
        Err(fault) => return Some(Err(fault)),
    };
    let (mut rows, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let ((number, line), after) = postcard::take_from_bytes::<Line<'_>>(rest).ok()?;
        rest = after;
        let cells = line.into_iter().map(|cell| arrived(cell, &mut shared)).collect::<Option<_>>()?;
        rows.push(Row { number, cells });
    }
    Some(Ok(Table { headers, rows }))
}

fn put<T: Serialize>(value: &T, to: &mut impl Write) -> io::Result<()> {
    to.write_all(&postcard::to_allocvec(value).map_err(io::Error::other)?)
}

/// `shared` holds the places of texts by where they lie.
fn carried<'a>(cell: &'a Cell, shared: &mut HashMap<*const u8, u32>) -> Carried<'a> {
    match cell {
        Cell::Empty => Carried::Empty,
        Cell::Text(text) if Arc::strong_count(text) == 1 => Carried::Text(text),
        Cell::Text(text) => {
            let place = shared.len() as u32;
            match *shared.entry(text.as_ptr()).or_insert(place) {
                first if first == place => Carried::Shared(text),
                again => Carried::Again(again),
            }
        }
        Cell::Number(number) => Carried::Number(*number),
        Cell::Date(date) => Carried::Date(date.days()),
        Cell::Bool(yes) => Carried::Bool(*yes),
        Cell::Failed => Carried::Failed,
    }
}

fn arrived(cell: Carried<'_>, shared: &mut Vec<Arc<str>>) -> Option<Cell> {
    Some(match cell {
        Carried::Empty => Cell::Empty,
        Carried::Text(text) => Cell::Text(text.into()),
        Carried::Shared(text) => {
            shared.push(text.into());
            Cell::Text(shared.last()?.clone())
        }
        Carried::Again(place) => Cell::Text(shared.get(place as usize)?.clone()),
        Carried::Number(number) => Cell::Number(number),
        Carried::Date(days) => Cell::Date(Date::from_days(days)?),
        Carried::Bool(yes) => Cell::Bool(yes),
        Carried::Failed => Cell::Failed,
    })
}
