//! `export` and `template`.

use crate::Replica;
use crate::commands::reading::{readable, title_of};
use crate::commands::request::{Answer, Context};
use crate::commands::words::{division_of, kind_of};
use crate::service::home::Failure;
use crate::tables::{self, Format};
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::messages::Say;
use huiliu_core::model::{Fields, RecordId, Sensitivity, Value};
use huiliu_store::rows::Row;
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
    let mut rows = Vec::new();
    replica.each_row(kind, |id, row| {
        if division.is_none_or(|above| replica.divisions().is_within(row.division, above)) {
            rows.push((id, row));
        }
        true
    })?;
    let mut records: Vec<Fields> = Vec::new();
    for (id, row) in rows {
        records.push(exported(replica, kind, &id, &row, context)?);
    }
    let fields: Vec<_> = kind.typed_fields().collect();
    let written = tables::export(format_of(file)?, kind, &fields, records.iter(), replica.divisions());
    let bytes = written.map_err(|fault| cannot_write(file, fault))?;
    let say = Say::Wrote { file: file.to_owned(), rows: records.len() };
    let json = json!({ "v": 1, "file": file, "rows": records.len() });
    Ok(Answer { exit: 0, json, text: say.text(context.lang()), file: Some(bytes) })
}

/// A record as a table has it: what names another record in the words by which an import finds it again.
fn exported(
    replica: &Replica,
    kind: &'static Kind,
    id: &RecordId,
    row: &Row,
    context: &Context,
) -> Result<Fields, Failure> {
    let mut fields = readable(replica, kind, id, &row.fields, context);
    // A masked number is none: an import would refuse it, while an empty cell says nothing.
    let masked = |name: &str| {
        let secret = kind.field(name).is_some_and(|field| field.sensitivity == Sensitivity::Secret);
        secret && context.noted.is_none()
    };
    fields.retain(|name, value| !matches!(value, Value::Sealed(_)) && !masked(name));
    for field in kind.fields.iter().filter(|field| field.target().is_some()) {
        let Some(Value::Text(text)) = fields.get(field.name) else { continue };
        let title = title_of(replica, field, row.division, text);
        let alias = replica.alias_in_words(kind, row, field.name)?;
        let words = alias
            .filter(|alias| *alias != title)
            .map_or(title.clone(), |alias| format!("{title}（{alias}）"));
        fields.insert(field.name.to_owned(), Value::Text(words));
    }
    Ok(fields)
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
