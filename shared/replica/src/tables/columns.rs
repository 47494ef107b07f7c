//! Headers to fields: labels, synonyms and names, in any order.

use super::read::{Cell, Row};
use huiliu_core::model::dictionary::Required;
use huiliu_core::model::values::text::{is_blank, plain};
use huiliu_core::model::{Field, Kind, Lang, TableSay, Trouble};

/// How many rows are searched for the header.
const LOOK_AHEAD: usize = 50;

/// Which column holds which field.
#[derive(Clone, PartialEq, Debug)]
pub struct Columns {
    fields: Vec<Option<&'static Field>>,
    /// Headers that mean no field of the kind: to be named once and ignored.
    pub unknown: Vec<String>,
}

impl Columns {
    /// Reads the headers of a table.
    ///
    /// # Errors
    /// Two columns for one field, or no column for a field that every record must have.
    pub fn of(headers: &[String], kind: &'static Kind) -> Result<Self, Trouble> {
        let mut columns = Self { fields: Vec::new(), unknown: Vec::new() };
        let mut taken: Vec<(&str, &str)> = Vec::new();
        for header in headers {
            let field = kind.field_by_label(header);
            columns.fields.push(field);
            match field {
                Some(field) => {
                    if let Some((_, first)) = taken.iter().find(|(name, _)| *name == field.name) {
                        let (first, second) = (shown(first), shown(header));
                        return Err(Trouble::DoubleColumn { label: field.label.to_owned(), first, second });
                    }
                    taken.push((field.name, header));
                }
                None if is_ignored(header) => {}
                None => columns.unknown.push(shown(header)),
            }
        }
        let missing = kind.fields.iter().filter(|field| field.required == Required::Yes);
        let missing = missing.filter(|field| !taken.iter().any(|(name, _)| *name == field.name));
        let labels: Vec<&str> = missing.map(|field| field.label).collect();
        columns.unknown.dedup();
        if labels.is_empty() {
            Ok(columns)
        } else {
            Err(Trouble::MissingColumns { labels: labels.join("、") })
        }
    }

    /// The field of a column, from 0.
    pub fn field(&self, column: usize) -> Option<&'static Field> {
        self.fields.get(column).copied().flatten()
    }

    /// How many columns have a header.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether no column has a header.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// What to say of the columns that are ignored, if there are any.
    pub fn warning(&self) -> Option<Trouble> {
        let labels = self.unknown.join("、");
        (!self.unknown.is_empty()).then_some(Trouble::UnknownColumns { labels })
    }
}

/// Numbers of rows carry nothing, nor does what a report of refused rows adds.
fn is_ignored(header: &str) -> bool {
    matches!(plain(header).as_str(), "" | "序号" | "编号" | "no" | "no." | "#") || is_reports(header)
}

/// Whether a column was added by a report of refused rows, in either language.
pub(super) fn is_reports(header: &str) -> bool {
    let heads = [TableSay::Row, TableSay::Reason, TableSay::Remedy];
    let means = |head: &TableSay| [Lang::Zh, Lang::En].iter().any(|l| plain(&head.text(*l)) == plain(header));
    heads.iter().any(means)
}

/// A header as a sentence repeats it: on one line and not endless.
fn shown(header: &str) -> String {
    header.chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect()
}

/// Finds the header in a grid: the headers, and how many rows of the grid stand above the data.
///
/// A second header row below the first (证书有效期 over 起 and 止) is joined with it.
pub(super) fn find_header(grid: &[Row], kind: &'static Kind) -> Option<(Vec<String>, usize)> {
    let known = |cell: &&Cell| matches!(cell, Cell::Text(text) if kind.field_by_label(text).is_some());
    let at = grid.iter().take(LOOK_AHEAD).position(|row| row.cells.iter().filter(known).count() >= 2)?;
    let row = grid.get(at)?;
    let mut headers: Vec<String> = row.cells.iter().map(header_text).collect();
    while headers.last().is_some_and(String::is_empty) {
        headers.pop();
    }
    match grid.get(at + 1).and_then(|below| second_header(&headers, below, kind)) {
        Some(joined) => Some((joined, at + 2)),
        None => Some((headers, at + 1)),
    }
}

fn header_text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.trim_matches(is_blank).to_owned(),
        _ => String::new(),
    }
}

/// The headers joined with those of a second row, if every cell of that row is one.
fn second_header(headers: &[String], below: &Row, kind: &'static Kind) -> Option<Vec<String>> {
    let mut joined = headers.to_vec();
    let mut group = "";
    let mut found = 0;
    for (at, cell) in below.cells.iter().enumerate() {
        let own = headers.get(at).map_or("", String::as_str);
        group = if own.is_empty() { group } else { own };
        if cell.is_empty() {
            continue;
        }
        let part = header_text(cell);
        let both = format!("{group}{part}");
        let name = [both, part].into_iter().find(|name| kind.field_by_label(name).is_some())?;
        joined.resize(joined.len().max(at + 1), String::new());
        *joined.get_mut(at)? = name;
        found += 1;
    }
    (found > 0).then_some(joined)
}
