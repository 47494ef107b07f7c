//! The tables of a city, row by row, and what must become of the rows.

use super::answers::{Mended, Refused};
use super::city::City;
use super::faults::{Fault, Faults};
use super::numbers::Numbers;
use super::records::{fields, rows};
use super::spelling::Hand;
use crate::tables::Format;
use crate::tables::write::{Out, WriteFault, csv_table, workbook};
use huiliu_core::model::{Date, Divisions, Field, FieldType, Fields, Kind, Value};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

/// One table.
pub struct Sheet {
    /// The division whose replica imports it, by which its folder is named.
    pub folder: String,
    /// The kind of its rows.
    pub kind: &'static Kind,
    pub(super) columns: Vec<&'static Field>,
    pub(super) rows: Vec<Vec<String>>,
    /// What each row means; only for tests, which read the rows again.
    #[cfg(test)]
    pub(super) meant: Vec<Fields>,
}

/// What is known of the rows of a table.
pub(super) struct Known {
    pub(super) refused: Vec<Refused>,
    pub(super) mended: Vec<Mended>,
    pub(super) odd_cells: usize,
}

impl Sheet {
    /// `330203/social_org`, without an ending.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder, self.kind.name)
    }

    /// How many rows it has below the header.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// [`WriteFault`]: too many rows for a workbook.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, WriteFault> {
        let header = self.columns.iter().map(|field| Out::text(field.label)).collect();
        let rows = self.rows.iter().map(|row| {
            let cells = self.columns.iter().zip(row);
            cells.map(|(field, text)| cell(field, text)).collect()
        });
        let rows = std::iter::once(header).chain(rows);
        match format {
            Format::Csv => csv_table(rows),
            Format::Xlsx => workbook(undated()?, self.kind, &self.columns, rows),
        }
    }
}

/// A workbook says when it was made, which would make other bytes of it every time.
fn undated() -> Result<Workbook, WriteFault> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_ymd(2026, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    Ok(book)
}

/// A count is a number where it is written as one.
fn cell(field: &Field, text: &str) -> Out {
    let digits = text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    match field.ty {
        FieldType::Int { .. } if digits => text.parse().map_or_else(|_| Out::text(text), Out::Number),
        _ => Out::text(text),
    }
}

/// Writes the table of a kind in a folder.
pub(super) fn sheet(
    city: &City,
    faults: &Faults,
    kind: &'static Kind,
    folder: usize,
    serving: &[bool],
    divisions: &Divisions,
) -> (Sheet, Known) {
    let division = city.places.folders[folder].division;
    let seed = city.order.seed;
    let mut hand = Hand::new(division, seed, divisions);
    let mut numbers = Numbers::of(seed ^ division.number(), kind.name);
    let columns: Vec<&'static Field> = kind.typed_fields().collect();
    let mut known = Known { refused: Vec::new(), mended: Vec::new(), odd_cells: 0 };
    let mut sheet = Sheet {
        folder: division.to_string(),
        kind,
        columns,
        rows: Vec::new(),
        #[cfg(test)]
        meant: Vec::new(),
    };
    for (row, at) in rows(city, kind.name, folder).into_iter().enumerate() {
        let meant = fields(city, kind.name, at, serving, &mut numbers);
        let fault = faults.rows.get(&(kind.name, at)).copied();
        let mut cells = Vec::with_capacity(sheet.columns.len());
        for field in &sheet.columns {
            let within = match field.ty {
                FieldType::Division { within: Some(within), .. } => meant.get(within).and_then(Value::text),
                _ => None,
            };
            let spoiled = fault.and_then(|fault| spoil(fault, field, &meant, row));
            cells.push(spoiled.unwrap_or_else(|| {
                let written = hand.write(field, meant.get(field.name), within);
                known.odd_cells += usize::from(written.odd);
                written.text
            }));
        }
        // The header is row 1.
        if let Some(fault) = fault {
            known.note(fault, format!("{}.csv", sheet.path()), row as u32 + 2, &meant);
        }
        sheet.rows.push(cells);
        #[cfg(test)]
        sheet.meant.push(meant);
    }
    (sheet, known)
}

/// The cell of the field that a fault is about.
fn spoil(fault: Fault, field: &Field, meant: &Fields, row: usize) -> Option<String> {
    let name = field.name;
    let text = meant.get(name).and_then(Value::text).unwrap_or_default();
    let day = |name: &str| meant.get(name).and_then(Value::text).and_then(|day| day.parse::<Date>().ok());
    match fault {
        Fault::Check(of) if of == name => {
            let (body, last) = text.split_at_checked(text.len().checked_sub(1)?)?;
            Some(format!("{body}{}", if last == "7" { '2' } else { '7' }))
        }
        Fault::Short(of) if of == name => text.get(..text.len().checked_sub(1)?).map(str::to_owned),
        Fault::Lookalike(of) if of == name => Some(lookalike(text)),
        Fault::Empty(of) if of == name => Some(String::new()),
        Fault::NoDay(of) if of == name => {
            let none = ["2021-02-30", "2019年13月1日", "2020.6.31", "201811", "待补"];
            none.get(row % none.len()).map(|none| (*none).to_owned())
        }
        Fault::NoWord(of) if of == name => {
            let none = ["见附件", "待核实", "？"];
            none.get(row % none.len()).map(|none| (*none).to_owned())
        }
        Fault::EndsEarly(of, begins) if of == name => {
            day(begins).and_then(|day| Date::from_days(day.days() - 40)).map(|day| day.to_string())
        }
        // Its beginning must be read for the end to be too early.
        Fault::EndsEarly(_, begins) if begins == name => day(begins).map(|day| day.to_string()),
        _ => None,
    }
}

impl Known {
    fn note(&mut self, fault: Fault, file: String, row: u32, meant: &Fields) {
        let (field, reason) = fault.refusal();
        if !matches!(fault, Fault::Lookalike(_)) {
            self.refused.push(Refused { file, row, field, reason });
            return;
        }
        let taken = meant.get(field).and_then(Value::text).unwrap_or_default().to_owned();
        self.mended.push(Mended { file, row, field, written: lookalike(&taken), taken });
    }
}

/// O for 0, as it is typed by whoever does not know that codes have no O.
fn lookalike(code: &str) -> String {
    code.replace('0', "O")
}
