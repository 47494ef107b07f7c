//! Workbooks: everything is measured before the reader of workbooks sees it, and its cells come as a stream, because
//! a file of a few kilobytes can claim a grid of seventeen billion cells.

use super::cells::Cells;
use super::read::{Cell, MOST_ROWS, Row, Table, TableFault, no_header, table_of};
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
/// The most tags of a styles part. A workbook has 65,490 formats of cells at most, and each is read into a structure that
/// is fifty times as large as the tag for it.
const MOST_STYLE_TAGS: u64 = 500_000;
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
        let mut part = Count { inner: part, bytes: 0, tags: 0, claims: Claims::default() };
        let room = most.saturating_sub(unpacked) + 1;
        std::io::copy(&mut part.by_ref().take(room), &mut std::io::sink()).map_err(|_| damaged())?;
        unpacked += part.bytes;
        if unpacked > most {
            return Err(Trouble::Bomb.into());
        }
        // Calamine makes room for as many strings as the part claims; five bytes is the shortest string.
        let claims_too_much = name.ends_with("sharedstrings.xml") && part.claims.largest > part.bytes / 5 + 1;
        if claims_too_much || name.ends_with("styles.xml") && part.tags > MOST_STYLE_TAGS {
            return Err(Trouble::Bomb.into());
        }
    }
    Ok(())
}

/// Counts what goes through it.
struct Count<R> {
    inner: R,
    bytes: u64,
    tags: u64,
    claims: Claims,
}

impl<R: Read> Read for Count<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        for byte in buffer.get(..count).unwrap_or_default() {
            self.tags += u64::from(*byte == b'<');
            self.claims.next(*byte);
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
    let (mut all, mut grid) = (Cells::default(), BTreeMap::<u32, Vec<Cell>>::new());
    while let Some(found) = reader.next_cell().map_err(damaged)? {
        let (row, column) = found.get_position();
        let at = |trouble| TableFault { row: Some(row.saturating_add(1)), trouble };
        let cell = cell_of(found.get_value(), &mut all).map_err(at)?;
        if !cell.is_empty() {
            all.put(grid.entry(row).or_default(), column as usize, cell).map_err(at)?;
        }
        if grid.len() > MOST_ROWS {
            return Err(Trouble::TooManyRows { max: MOST_ROWS }.into());
        }
    }
    Ok(grid.into_iter().map(|(row, cells)| Row { number: row.saturating_add(1), cells }).collect())
}

fn cell_of(value: &DataRef<'_>, all: &mut Cells) -> Result<Cell, Trouble> {
    Ok(match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::String(text) | DataRef::DurationIso(text) => all.text(text)?,
        DataRef::SharedString(text) => all.text(text)?,
        DataRef::Bool(yes) => Cell::Bool(*yes),
        DataRef::DateTime(time) => date_of(time),
        DataRef::DateTimeIso(text) => match text.get(..10).and_then(|day| day.parse().ok()) {
            Some(date) => Cell::Date(date),
            None => all.text(text)?,
        },
        DataRef::Error(_) => Cell::Failed,
    })
}

fn date_of(time: &ExcelDateTime) -> Cell {
    let number = Cell::Number(time.as_f64());
    if !time.is_datetime() || !time.as_f64().is_finite() {
        return number;
    }
    let (year, month, day, ..) = time.to_ymd_hms_milli();
    Date::new(year, month, day).map_or(number, Cell::Date)
}
