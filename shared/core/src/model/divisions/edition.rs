//! The canonical text of an edition: what its SHA-256 is over, and what travels.
//!
//! ```text
//! huiliu divisions 1,2023-06-30
//! 330203,海曙区
//! 330204,江东区,,2016-09-14,330212
//! ```
//! Columns: code, name, parent (only where it is not the one the digits name), the day it ended, successors joined by
//! a blank. Empty columns at the end are left out. Lines are sorted by code as text, each ends with a line feed.

use super::{DivisionRecordData, Divisions, digits_parent};
use crate::model::dates::Date;
use crate::model::ids::DivisionCode;
use std::collections::BTreeMap;
use std::fmt;

const HEADER: &str = "huiliu divisions 1,";

/// One row of an edition.
pub type EditionRow = DivisionRecordData;

/// Why a text is no edition. Whose fault: whoever made or sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EditionFault {
    /// The first line is not that of an edition this version reads.
    Header,
    /// A line that cannot be read, or whose parent is missing or no higher than itself.
    Line(usize),
    /// A code that stands twice.
    Twice(DivisionCode),
}

impl fmt::Display for EditionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => write!(f, "not an edition of the table of divisions"),
            Self::Line(line) => write!(f, "line {line} of the edition is wrong"),
            Self::Twice(code) => write!(f, "{code} stands twice in the edition"),
        }
    }
}

impl std::error::Error for EditionFault {}

impl Divisions {
    /// Reads an edition from its canonical text. 44,703 rows take some 30 ms.
    ///
    /// # Errors
    /// [`EditionFault`]; nothing is read then.
    pub fn parse(text: &str) -> Result<Self, EditionFault> {
        let mut lines = text.lines();
        let edition = lines.next().and_then(|line| line.strip_prefix(HEADER)).ok_or(EditionFault::Header)?;
        edition.parse::<Date>().map_err(|_| EditionFault::Header)?;
        let mut rows = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            let row = parse_row(line).ok_or(EditionFault::Line(at + 2))?;
            // Parents stand before their children, because a shorter text sorts first.
            let placed = match row.parent {
                None => true,
                Some(above) => rows.contains_key(&above) && above.level() < row.code.level(),
            };
            let code = row.code;
            if !placed {
                return Err(EditionFault::Line(at + 2));
            }
            if rows.insert(code, row).is_some() {
                return Err(EditionFault::Twice(code));
            }
        }
        Ok(Self::build(edition, rows.into_values()))
    }
}

fn parse_row(line: &str) -> Option<EditionRow> {
    let mut columns = line.split(',');
    let mut next = || columns.next().unwrap_or_default();
    let code: DivisionCode = next().parse().ok()?;
    let name = next();
    let parent = match next() {
        "" => digits_parent(code),
        parent => Some(parent.parse().ok()?),
    };
    let valid_to = match next() {
        "" => None,
        day => Some(day.parse().ok()?),
    };
    let successors = next().split(' ').filter(|s| !s.is_empty());
    let successors = successors.map(|s| s.parse().ok()).collect::<Option<Vec<DivisionCode>>>()?;
    let whole = columns.next().is_none() && !name.is_empty() && name.len() <= 200;
    whole.then(|| EditionRow { code, valid_from: None, valid_to, name: name.to_owned(), parent, successors })
}

/// Writes the canonical text of an edition. `edition` is its day, 2023-06-30.
pub fn write_edition(edition: &str, mut rows: Vec<EditionRow>) -> String {
    rows.sort_by_key(|row| row.code.to_string());
    let mut text = format!("{HEADER}{edition}\n");
    for row in rows {
        let parent = row.parent.filter(|_| row.parent != digits_parent(row.code)).map(|p| p.to_string());
        let ended = row.valid_to.map(|day| day.to_string()).unwrap_or_default();
        let successors: Vec<String> = row.successors.iter().map(ToString::to_string).collect();
        let name = row.name.replace(',', "，");
        let line =
            format!("{},{name},{},{ended},{}", row.code, parent.unwrap_or_default(), successors.join(" "));
        text.push_str(line.trim_end_matches(','));
        text.push('\n');
    }
    text
}
