//! Rows to fields: what was written, or why it was refused.

use super::columns::Columns;
use super::read::{Cell, Row};
use huiliu_core::model::dictionary::Required;
use huiliu_core::model::values::text::compact;
use huiliu_core::model::values::{Reading, read_fields};
use huiliu_core::model::{Date, Field, FieldType, Fields, Kind, Lang, Problem, TableSay, Trouble, Value};

/// The longest value that a refusal repeats, in characters.
const LONGEST_ECHO: usize = 100;

/// One thing for which a row was refused.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The row as the person sees it.
    pub row: u32,
    /// The field; none for the row as a whole.
    pub field: Option<&'static Field>,
    /// What was written there, if it may be repeated; shortened.
    pub value: Option<String>,
    /// Reason and remedy.
    pub trouble: Trouble,
}

impl Refusal {
    /// The value for people: never that of a personal or secret field.
    pub fn shown_value(&self, lang: Lang) -> String {
        match (&self.value, self.field) {
            (Some(value), _) => value.clone(),
            (None, Some(field)) if !field.may_echo() => TableSay::NotShown.text(lang),
            (None, _) => String::new(),
        }
    }
}

/// A row that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Taken {
    /// The row as the person sees it.
    pub row: u32,
    /// What was written. An empty cell says nothing; 无 or — empties the field (`Null`).
    pub fields: Fields,
    /// What a NEW record gets besides; not for a record that exists.
    pub defaults: Fields,
    /// What was not read as it was written.
    pub mended: Vec<Problem>,
    /// What is odd about it as a new record, but taken.
    pub odd: Vec<Problem>,
}

/// What became of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Nothing is written in it.
    Empty,
    /// It was read.
    Taken(Taken),
    /// It was not, for every one of these.
    Refused(Vec<Refusal>),
}

/// Reads one row and checks it by the dictionary, as the new record it might be.
pub fn read_row(row: &Row, columns: &Columns, kind: &'static Kind, reading: &Reading<'_>) -> Outcome {
    if row.is_empty() {
        return Outcome::Empty;
    }
    let mut refused: Vec<(Option<&'static Field>, Trouble)> = Vec::new();
    if row.cells.iter().skip(columns.len()).any(|cell| !cell.is_empty()) {
        refused.push((None, Trouble::RowShape));
    }
    let mut given: Vec<(&'static Field, String)> = Vec::new();
    for (at, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        let Some(field) = columns.field(at) else { continue };
        match cell_text(cell, field) {
            Ok(text) => given.push((field, text)),
            Err(trouble) => refused.push((Some(field), trouble)),
        }
    }
    let texts: Vec<(&'static Field, &str)> =
        given.iter().map(|(field, text)| (*field, text.as_str())).collect();
    let (fields, problems) = read_fields(kind, &texts, reading);
    let (unread, mended): (Vec<Problem>, Vec<Problem>) = problems.into_iter().partition(Problem::is_error);
    refused.extend(unread.into_iter().map(|problem| (problem.field, problem.trouble)));

    let defaults = kind.defaults(&fields, reading.near, reading.divisions);
    let mut whole = fields.clone();
    whole.extend(defaults.clone());
    let (errors, odd): (Vec<Problem>, Vec<Problem>) =
        kind.check(&whole, reading.divisions).into_iter().partition(Problem::is_error);
    for problem in errors {
        // A field that could not be read is not missing as well, nor is one that it might have excused.
        let excuse = problem.field.and_then(|field| match (&problem.trouble, field.required) {
            (Trouble::Missing, Required::Unless { field, .. }) => kind.field(field),
            _ => None,
        });
        if !refused.iter().any(|(field, _)| *field == problem.field || (excuse.is_some() && *field == excuse))
        {
            refused.push((problem.field, problem.trouble));
        }
    }
    if refused.is_empty() {
        return Outcome::Taken(Taken { row: row.number, fields, defaults, mended, odd });
    }
    let refusal = |(field, trouble): (Option<&'static Field>, Trouble)| {
        let value = field.filter(|field| field.may_echo()).and_then(|field| written(row, columns, field));
        Refusal { row: row.number, field, value, trouble }
    };
    Outcome::Refused(refused.into_iter().map(refusal).collect())
}

/// What stands in the cell of a field, shortened, on one line.
fn written(row: &Row, columns: &Columns, field: &'static Field) -> Option<String> {
    let at = (0..columns.len()).find(|at| columns.field(*at) == Some(field))?;
    let text = match row.cells.get(at)? {
        Cell::Empty => return None,
        Cell::Text(text) => text.to_string(),
        Cell::Number(number) => plain_number(*number),
        Cell::Date(date) => date.to_string(),
        Cell::Bool(yes) => if *yes { "TRUE" } else { "FALSE" }.to_owned(),
        Cell::Failed => "#".to_owned(),
    };
    Some(text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_ECHO).collect())
}

/// What spreadsheets show for formulas that failed.
const FAILED: [&str; 7] = ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"];

/// A cell as the text that `values::read` takes for the field.
fn cell_text(cell: &Cell, field: &Field) -> Result<String, Trouble> {
    match (cell, field.ty) {
        (Cell::Empty, _) => Ok(String::new()),
        (Cell::Failed, _) => Err(Trouble::FormulaError),
        // What becomes of a failed formula in csv, and in a report of refused rows.
        (Cell::Text(text), _) if FAILED.contains(&&**text) => Err(Trouble::FormulaError),
        (Cell::Number(_), ty) if holds_codes(ty) => Err(Trouble::NumberInCodeColumn),
        (Cell::Text(text), ty) if holds_codes(ty) && is_scientific(text) => Err(Trouble::NumberInCodeColumn),
        (Cell::Text(text), FieldType::Date) => Ok(serial_text(text).unwrap_or_else(|| text.to_string())),
        (Cell::Text(text), _) => Ok(text.to_string()),
        (Cell::Date(date), FieldType::Date | FieldType::Month) => Ok(date.to_string()),
        (Cell::Date(_), _) => Err(Trouble::DateInWrongColumn),
        (Cell::Bool(yes), FieldType::Bool) => Ok(if *yes { "是" } else { "否" }.to_owned()),
        (Cell::Bool(yes), _) => Ok(if *yes { "TRUE" } else { "FALSE" }.to_owned()),
        (Cell::Number(number), FieldType::Date) => {
            Ok(Date::from_excel(number.floor())
                .map_or_else(|| plain_number(*number), |date| date.to_string()))
        }
        (Cell::Number(number), FieldType::Money) => Ok(money_number(*number)),
        // Beyond 15 digits a number has lost some, and nobody sees which.
        (Cell::Number(number), FieldType::Int { .. }) => Ok(plain_number(*number)),
        (Cell::Number(number), _) if number.abs() >= 1e15 => Err(Trouble::NumberInCodeColumn),
        (Cell::Number(number), _) => Ok(plain_number(*number)),
    }
}

/// Whether a column holds codes. A code is no number: as one it loses zeros in front, and digits beyond the fifteenth,
/// and nobody sees which; so the whole column has to be text, whatever the one cell looks like.
fn holds_codes(ty: FieldType) -> bool {
    matches!(
        ty,
        FieldType::Uscc
            | FieldType::CitizenId
            | FieldType::Code(_)
            | FieldType::Codes(_)
            | FieldType::Division { .. }
            | FieldType::NewDivision
            | FieldType::Divisions
    )
}

/// 5.13302E+17: what Excel makes of a code of digits when it saves csv.
fn is_scientific(text: &str) -> bool {
    let text = compact(text).to_uppercase();
    let Some((number, power)) = text.split_once("E+") else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits(number) && digits(power)
}

/// A serial number that a csv shows instead of a day: 43241.
fn serial_text(text: &str) -> Option<String> {
    let text = compact(text);
    let serial = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    let serial = if serial { text.parse().ok() } else { None };
    serial.and_then(Date::from_excel).map(|date| date.to_string())
}

/// A number as people write it, never scientific up to 15 digits.
pub(super) fn plain_number(number: f64) -> String {
    let readable = number == 0.0 || (1e-9..1e15).contains(&number.abs());
    if readable { number.to_string() } else { format!("{number:e}") }
}

/// An amount in 万元 to the fen, where floating point left dust behind it (0.1 + 0.2).
fn money_number(number: f64) -> String {
    let exact = format!("{number:.6}");
    let close =
        exact.parse::<f64>().is_ok_and(|rounded| (rounded - number).abs() <= 1e-9 * number.abs().max(1.0));
    if close && number.abs() < 1e12 { exact } else { plain_number(number) }
}

/// The fields of a taken row as a new record has them.
pub fn as_new(taken: &Taken) -> Fields {
    let mut whole = taken.fields.clone();
    whole.extend(taken.defaults.clone());
    whole.retain(|_, value| *value != Value::Null);
    whole
}
