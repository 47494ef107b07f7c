//! The record kinds, one file per kind or family. A new kind is a file here and a line in `KINDS`.

pub mod codes;
pub mod division;
mod instructors;
mod membership;
mod party_org;
mod person;
mod service_center;
pub mod social_org;
pub mod social_org_codes;

use super::dates::Date;
use super::dictionary::{Field, FieldType, Kind};
use super::ids::{DivisionCode, KindId, Level};
use super::value::{Fields, Value};
use super::values::text::{compact, plain};

static KINDS: [Kind; 10] = [
    division::KIND,
    social_org::KIND,
    party_org::KIND,
    person::KIND,
    membership::AFFILIATION,
    membership::ENGAGEMENT,
    membership::POST,
    instructors::INSTRUCTOR,
    instructors::ASSIGNMENT,
    service_center::KIND,
];

/// Every kind, in the order of their numbers.
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The kind of a name: `social_org`.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The kind that a word means: its name, its label or its English label. Case and blanks do not matter.
pub fn kind_of_word(word: &str) -> Option<&'static Kind> {
    let word = plain(word);
    KINDS.iter().find(|kind| [kind.name, kind.label, kind.label_en].iter().any(|name| plain(name) == word))
}

/// The kind of a number.
pub fn kind_by_id(id: KindId) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.id == id)
}

/// The text of a field, if it has one.
fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::text)
}

/// The day of a field, if it has one.
fn date_in(fields: &Fields, name: &str) -> Option<Date> {
    text(fields, name).and_then(|date| date.parse().ok())
}

/// For kinds that no other record names but by their id.
fn no_key(_: &Fields) -> Vec<String> {
    Vec::new()
}

/// The division a field names, if it is a code.
fn division_in(fields: &Fields, name: &str) -> Option<DivisionCode> {
    text(fields, name).and_then(|code| code.parse().ok())
}

/// A name as part of a natural key: widths and blanks do not make another organization.
fn key_text(name: &str) -> String {
    compact(name).to_uppercase()
}

/// A division of any of the levels from `highest` down to `lowest`.
const fn division_field(highest: Level, lowest: Level, within: Option<&'static str>) -> FieldType {
    FieldType::Division { highest, lowest, within }
}

/// The codes that the dictionary gives a new record of a kind where nothing was written.
fn fixed_defaults(fields: &[Field], given: &Fields) -> Fields {
    let missing = fields.iter().filter(|field| given.get(field.name).is_none_or(Value::is_null));
    missing.filter_map(|field| Some((field.name.to_owned(), Value::of(field.default?)))).collect()
}
