//! `export` and `template`.

use crate::Replica;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{division_of, kind_of};
use crate::service::home::Failure;
use crate::tables::{self, Format};
use huiliu_core::model::Fields;
use huiliu_core::model::messages::Say;
use serde_json::json;

/// Writes the living records of a kind, of a division and below it if one is given, as a table.
pub fn export(
    replica: &Replica,
    kind: &str,
    file: &str,
    division: Option<&str>,
    context: &Context,
) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let division = division.map(|text| division_of(replica, text)).transpose()?;
    let mut records: Vec<Fields> = Vec::new();
    replica.each_row(kind, |_, row| {
        if division.is_none_or(|above| replica.divisions().is_within(row.division, above)) {
            records.push(row.fields);
        }
        true
    })?;
    let fields: Vec<_> = kind.typed_fields().collect();
    let written = tables::export(format_of(file)?, kind, &fields, records.iter(), replica.divisions());
    let bytes = written.map_err(|fault| cannot_write(file, fault))?;
    let say = Say::Wrote { file: file.to_owned(), rows: records.len() };
    let json = json!({ "v": 1, "file": file, "rows": records.len() });
    Ok(Answer { exit: 0, json, text: say.text(context.lang()), file: Some(bytes) })
}

/// Writes an empty table of a kind, with its code tables and notes.
pub fn template(kind: &str, file: &str, context: &Context) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let written = tables::template(format_of(file)?, kind, context.lang());
    let bytes = written.map_err(|fault| cannot_write(file, fault))?;
    let say = Say::WroteTemplate { file: file.to_owned() };
    Ok(Answer {
        exit: 0,
        json: json!({ "v": 1, "file": file }),
        text: say.text(context.lang()),
        file: Some(bytes),
    })
}

pub(crate) fn format_of(file: &str) -> Result<Format, Failure> {
    Format::of(file).ok_or_else(|| Failure::new(2, Say::TableEnding { file: file.to_owned() }))
}

pub(super) fn cannot_write(file: &str, fault: impl std::fmt::Display) -> Failure {
    Failure::new(1, Say::CannotWrite { file: file.to_owned(), why: fault.to_string() })
}
