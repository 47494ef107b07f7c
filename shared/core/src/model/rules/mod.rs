//! The rules of the field, over a record's fields and a date: pure and total, and each says which rule fired.
//!
//! They return outcomes, never errors: an empty field, a date that is none or a code of a newer version has an answer
//! too. [`facts`] gathers what the figures of one organization read; [`base`], [`cover`], [`building`] and [`coverage`]
//! decide about it at a date; [`cells`] and [`tally`] count that without looking at every organization again;
//! [`responsibility`], [`affiliation`] and [`integrity`] stand for themselves.
//!
//! What has no date in a record (status, management, how an organization is covered) is taken at every date as it is
//! now. What was said at an earlier time is what was published then (DOMAIN 2.11, snapshot law).

pub mod affiliation;
pub mod base;
pub mod building;
pub mod cells;
pub mod cover;
pub mod coverage;
pub mod facts;
pub mod integrity;
pub mod period;
pub mod responsibility;
pub mod tally;

#[cfg(test)]
mod sample;

pub use base::{Exclusion, Options};
pub use building::Version;
pub use cells::{Cell, Counts};
pub use cover::Cover;
pub use coverage::{Figures, Standing};
pub use facts::Facts;
pub use period::Period;

use super::dates::Date;
use super::dictionary::kind;
use super::ids::DivisionCode;
use super::value::{Fields, Value};

/// The version of the rules behind a figure (DOMAIN 0, finding 4: every rate prints it): document 14 of 2018, and how
/// often the reading of it was changed here. Change it with every rule that can change a figure.
pub const RULES: &str = "2018-14.1";

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::text).filter(|text| !text.is_empty())
}

fn day(fields: &Fields, name: &str) -> Option<Date> {
    text(fields, name).and_then(|day| day.parse().ok())
}

fn is_true(fields: &Fields, name: &str) -> bool {
    fields.get(name) == Some(&Value::Bool(true))
}

fn division(fields: &Fields, name: &str) -> Option<DivisionCode> {
    text(fields, name).and_then(|code| code.parse().ok())
}

/// The code of a field; where it is empty the one that the dictionary gives a new record.
fn code<'a>(kind_name: &str, fields: &'a Fields, name: &str) -> Option<&'a str> {
    text(fields, name).or_else(|| kind(kind_name)?.field(name)?.default)
}
