//! Workbooks: everything is measured before the reader of workbooks sees it, and its cells come as a stream, because
//! a file of a few kilobytes can claim a grid of seventeen billion cells.

use super::guard;
use super::read::{
    Cell, MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Row, Table, TableFault, no_header, table_of, too_big,
};
use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxError};
use huiliu_core::model::{Date, Kind, Trouble};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use zip::ZipArchive;

/// The most that the parts of a workbook may unpack to, in bytes.
const LARGEST_UNPACKED: u64 = 512 << 20;
/// Below this size no ratio is suspicious: lists repeat themselves.
const SMALL: u64 = 64 << 20;
/// The most that packing can honestly save above that size.
const WORST_RATIO: u64 = 200;
/// The most parts of a workbook.
const MOST_PARTS: usize = 5_000;
/// The most sheets that are searched for a header.
const MOST_SHEETS: usize = 20;

pub(super) fn read(bytes: &[u8], kind: &'static Kind) -> Result<Table, TableFault> {
    measure(bytes)?;
    // Calamine is careful but not proved: a panic in it is the file's fault, not the program's end.
    catch_unwind(AssertUnwindSafe(|| read_sheets(bytes, kind)))
        .unwrap_or(Err(Trouble::DamagedWorkbook.into()))
}

/// Unpacks every part once, into nothing, to know what it costs; what the parts say of their own size proves nothing.
fn measure(bytes: &[u8]) -> Result<(), TableFault> {
    let damaged = || TableFault::from(Trouble::DamagedWorkbook);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    if archive.len() > MOST_PARTS {
        return Err(Trouble::Bomb.into());
    }
    let most = LARGEST_UNPACKED.min(SMALL.max(bytes.len() as u64 * WORST_RATIO));
    let mut unpacked = 0;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| damaged())?;
        if part.encrypted() {
            return Err(Trouble::Locked.into());
        }
        if part.size() > most {
            return Err(Trouble::Bomb.into());
        }
        let name = part.name().map_err(|_| damaged())?.to_lowercase();
        let shared_strings = name.ends_with("sharedstrings.xml");
        let mut part = Count { strings: shared_strings.then(Claims::default), bytes: 0, inner: part };
        let room = most.saturating_sub(unpacked) + 1;
        std::io::copy(&mut part.by_ref().take(room), &mut std::io::sink()).map_err(|_| damaged())?;
        unpacked += part.bytes;
        if unpacked > most {
            return Err(Trouble::Bomb.into());
        }
        // Calamine makes room for as many strings as the part claims; five bytes is the shortest string.
        if part.strings.is_some_and(|claims| claims.largest > part.bytes / 5 + 1) {
            return Err(Trouble::Bomb.into());
        }
    }
    Ok(())
}

struct Count<R> {
    inner: R,
    bytes: u64,
    strings: Option<Claims>,
}

impl<R: Read> Read for Count<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        if let Some(claims) = &mut self.strings {
            buffer.get(..count).unwrap_or_default().iter().for_each(|byte| claims.next(*byte));
        }
        Ok(count)
    }
}

/// Watches a stream for `uniqueCount="N"` and keeps the largest N.
#[derive(Default)]
struct Claims {
    matched: usize,
    number: Option<u64>,
    largest: u64,
}

impl Claims {
    fn next(&mut self, byte: u8) {
        const WORD: &[u8] = b"uniqueCount";
        match (self.number, byte) {
            (Some(number), b'0'..=b'9') => {
                self.number = Some(number.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
                self.largest = self.largest.max(self.number.unwrap_or_default());
            }
            (Some(0), b'=' | b'"' | b'\'' | b' ' | b'+' | b'\t' | b'\r' | b'\n') => {}
            _ => {
                self.number = None;
                let fits = WORD.get(self.matched) == Some(&byte);
                self.matched = if fits { self.matched + 1 } else { usize::from(WORD.first() == Some(&byte)) };
                if self.matched == WORD.len() {
                    self.matched = 0;
                    self.number = Some(0);
                }
            }
        }
    }
}

fn read_sheets(bytes: &[u8], kind: &'static Kind) -> Result<Table, TableFault> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| Trouble::DamagedWorkbook)?;
    for name in book.sheet_names().into_iter().take(MOST_SHEETS) {
        if let Some(table) = table_of(read_sheet(&mut book, &name)?, kind) {
            return Ok(table);
        }
    }
    Err(no_header(kind))
}

fn read_sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Row>, TableFault> {
    let damaged = |_| TableFault::from(Trouble::DamagedWorkbook);
    let mut reader = match book.worksheet_cells_reader(name) {
        Err(XlsxError::NotAWorksheet(_)) => return Ok(Vec::new()),
        reader => reader.map_err(damaged)?,
    };
    let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
    let mut count = 0;
    while let Some(found) = reader.next_cell().map_err(damaged)? {
        let (row, column) = found.get_position();
        let cell = cell_of(found.get_value());
        if cell.is_empty() {
            continue;
        }
        count += 1;
        if column as usize >= MOST_COLUMNS {
            return Err(too_big("列数", MOST_COLUMNS));
        }
        let cells = rows.entry(row).or_default();
        if cells.len() <= column as usize {
            // Empty cells on the left take room too.
            count += column as usize - cells.len();
            cells.resize(column as usize + 1, Cell::Empty);
        }
        if let Some(place) = cells.get_mut(column as usize) {
            *place = cell;
        }
        if count > MOST_CELLS {
            return Err(too_big("单元格数", MOST_CELLS));
        }
        if rows.len() > MOST_ROWS {
            return Err(too_big("行数", MOST_ROWS));
        }
    }
    Ok(rows.into_iter().map(|(row, cells)| Row { number: row.saturating_add(1), cells }).collect())
}

fn cell_of(value: &DataRef<'_>) -> Cell {
    let text = |text: &str| match guard::strip(text) {
        "" => Cell::Empty,
        text => Cell::Text(text.to_owned()),
    };
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::String(string) => text(string),
        DataRef::SharedString(string) => text(string),
        DataRef::Bool(yes) => Cell::Bool(*yes),
        DataRef::DateTime(time) => date_of(time),
        DataRef::DateTimeIso(string) => match string.get(..10).and_then(|day| day.parse().ok()) {
            Some(date) => Cell::Date(date),
            None => text(string),
        },
        DataRef::DurationIso(string) => text(string),
        DataRef::Error(_) => Cell::Failed,
    }
}

fn date_of(time: &ExcelDateTime) -> Cell {
    let number = Cell::Number(time.as_f64());
    if !time.is_datetime() || !time.as_f64().is_finite() {
        return number;
    }
    let (year, month, day, ..) = time.to_ymd_hms_milli();
    Date::new(year, month, day).map_or(number, Cell::Date)
}
