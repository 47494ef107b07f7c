//! Values between people and documents: reading what is typed, showing what is stored.

pub mod list;
mod money;
mod read;
pub mod text;

pub use read::{Reading, Source, read, read_fields};

use super::dictionary::{Field, FieldType};
use super::divisions::Divisions;
use super::messages::Lang;
use super::value::{Fields, Value};

/// A value as people read it: 社会团体, 2018-05-21, 3万元, 是, 月湖街道. Empty text for nothing.
///
/// Reading the text again with the same field gives the same value, in Chinese and within one authority.
pub fn show(field: &Field, value: &Value, divisions: &Divisions, lang: Lang) -> String {
    match (field.ty, value) {
        (_, Value::Null) => String::new(),
        (_, Value::Bool(yes)) => {
            lang.pick(if *yes { "是" } else { "否" }, if *yes { "yes" } else { "no" }).to_owned()
        }
        (FieldType::Money, Value::Int(fen)) => money::show(*fen),
        (_, Value::Int(count)) => count.to_string(),
        (FieldType::Codes(table), Value::Text(codes)) => {
            let label = |code: &str| {
                table.get(code).map_or(code.to_owned(), |it| lang.pick(it.label, it.label_en).to_owned())
            };
            list::items(codes).map(label).collect::<Vec<_>>().join(lang.pick("、", ", "))
        }
        (_, Value::Sealed(_)) => lang.pick("密封待钥", "sealed, its key is not here").to_owned(),
        (FieldType::Code(table), Value::Text(code)) => {
            table.get(code).map_or(code.as_str(), |entry| lang.pick(entry.label, entry.label_en)).to_owned()
        }
        (FieldType::Division { within, .. }, Value::Text(code)) => {
            let parsed = code.parse().ok();
            let name = match within {
                Some(_) => parsed.and_then(|code| divisions.name(code)).map(str::to_owned),
                None => parsed.and_then(|code| divisions.full_name(code)),
            };
            name.unwrap_or_else(|| code.clone())
        }
        (_, Value::Text(text)) => text.clone(),
    }
}

/// A value as a table for exchange writes it: as [`show`] in Chinese wherever reading that gives the value again,
/// else as documents hold it (a code that this version does not know, a township outside the authority).
pub fn show_exact(field: &'static Field, value: &Value, fields: &Fields, divisions: &Divisions) -> String {
    let shown = show(field, value, divisions, Lang::Zh);
    let inside = match field.ty {
        FieldType::Division { within: Some(within), .. } => fields.get(within).and_then(Value::text),
        _ => None,
    };
    let reading = Reading { source: Source::Import, divisions, near: None };
    match (read(field, &shown, inside.and_then(|code| code.parse().ok()), &reading), value) {
        (Ok(again), value) if again == *value => shown,
        (_, Value::Text(text)) => text.clone(),
        _ => shown,
    }
}

#[cfg(test)]
mod tests;
