//! `record list | show | new | set | delete`.

use crate::commands::request::{Answer, Context};
use crate::commands::words::{
    aligned, division_of, field_of, fields_of, id_of, json_fields, json_of, kind_of, label, shown, value_of,
};
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use crate::{Outcome, RecordEdit, Replica};
use huiliu_core::documents::{DELETED, Document};
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::messages::Say;
use huiliu_core::model::{Fields, RecordId, Value};
use huiliu_core::sync::Hash;
use huiliu_store::rows::Row;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// Lists the records of a kind: of a division and all below it, and where fields hold values.
pub fn list(
    replica: &Replica,
    kind: &str,
    division: Option<&str>,
    conditions: &[String],
    limit: Option<usize>,
    context: &Context,
) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let division = division.map(|text| division_of(replica, text)).transpose()?;
    let mut wanted: Vec<(&'static str, Value)> = Vec::new();
    for condition in conditions {
        let bad = || Failure::new(2, Say::BadFilter { text: condition.clone() });
        let (name, text) = condition.split_once('=').ok_or_else(bad)?;
        let field = field_of(kind, name)?;
        wanted.push((field.name, value_of(replica, field, text, &Fields::new())?));
    }
    let within = |row: &Row| division.is_none_or(|above| replica.divisions().is_within(row.division, above));
    let holds = |row: &Row| {
        wanted.iter().all(|(field, value)| row.fields.get(*field).unwrap_or(&Value::Null) == value)
    };
    let (mut list, mut lines) = (Vec::new(), Vec::new());
    replica.each_row(kind, |id, row| {
        if within(&row) && holds(&row) {
            let name = row.fields.get("name").map(|v| shown(replica, kind, "name", v, context.lang()));
            lines.push(vec![id.to_string(), row.division.to_string(), name.unwrap_or_default()]);
            list.push(json_record(kind, &id, &row));
        }
        limit.is_none_or(|limit| list.len() < limit)
    })?;
    let text = if lines.is_empty() { Say::NothingHere.text(context.lang()) } else { aligned(&lines) };
    Ok(Answer::good(json!({ "v": 1, "records": list }), text))
}

fn json_record(kind: &Kind, id: &RecordId, row: &Row) -> Json {
    json!({
        "id": id.to_string(),
        "kind": kind.name,
        "division": row.division.to_string(),
        "fields": json_fields(&row.fields),
    })
}

/// Shows one record, with its history if asked.
pub fn show(replica: &Replica, id: &str, history: bool, context: &Context) -> Result<Answer, Failure> {
    let id = id_of(id)?;
    let absent = || Failure::new(1, Say::NoSuchRecord { id: id.to_string() });
    let (kind, _) = replica.kind_of(&id)?.ok_or_else(absent)?;
    let row = replica.row(kind, &id)?.ok_or_else(absent)?;
    let mut record = json_record(kind, &id, &row);
    if let Some(reason) = &row.deleted {
        record["deleted"] = Json::from(reason.as_str());
    }
    let lang = context.lang();
    let mut lines: Vec<Vec<String>> = row
        .fields
        .iter()
        .map(|(field, value)| vec![label(kind, field, lang), shown(replica, kind, field, value, lang)])
        .collect();
    let mut json = json!({ "v": 1, "record": record });
    if history {
        let changes = changes(replica, &id)?;
        for change in &changes {
            let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
            lines.push(vec![text("at"), text("by"), change["fields"].to_string()]);
        }
        json["changes"] = Json::from(changes);
    }
    Ok(Answer::good(json, format!("{} {id}\n{}", lang.pick(kind.label, kind.label_en), aligned(&lines))))
}

/// Every change with what each field was and became, oldest first.
fn changes(replica: &Replica, id: &RecordId) -> Result<Vec<Json>, Failure> {
    let document = replica.load_document(id)?;
    let order = document.history();
    let mut changes = Vec::new();
    for (hash, author) in replica.history(id)? {
        let Some((_, deps, _)) = order.iter().find(|(change, ..)| *change == hash) else { continue };
        changes.push(json!({
            "at": rfc3339(author.stamp.at.millis()),
            "by": author.stamp.who,
            "device": author.device_name,
            "division": author.division.map(|division| division.to_string()),
            "fields": difference(&document, deps, &hash),
        }));
    }
    Ok(changes)
}

/// What one change did to each field: the old and the new value.
fn difference(document: &Document, before: &[Hash], after: &Hash) -> Json {
    let names: BTreeSet<String> = document.written().into_iter().collect();
    let mut fields = Map::new();
    for name in names {
        let old = if before.is_empty() { Value::Null } else { document.get_at(&name, before) };
        let new = document.get_at(&name, &[*after]);
        if old != new {
            let name = if name == DELETED { "deleted".to_owned() } else { name };
            fields.insert(name, json!({ "old": json_of(&old), "new": json_of(&new) }));
        }
    }

    Json::Object(fields)
}

/// Makes a record.
pub fn new(
    replica: &mut Replica,
    kind: &str,
    division: Option<&str>,
    pairs: &[String],
    context: &Context,
) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let owner = division.map(|text| division_of(replica, text)).transpose()?;
    let fields = fields_of(replica, kind, pairs)?;
    save(replica, &RecordEdit::New { kind: kind.name.into(), fields, owner, strict: true }, context)
}

/// Changes a record.
pub fn set(replica: &mut Replica, id: &str, pairs: &[String], context: &Context) -> Result<Answer, Failure> {
    let id = id_of(id)?;
    let absent = || Failure::new(1, Say::NoSuchRecord { id: id.to_string() });
    let (kind, _) = replica.kind_of(&id)?.ok_or_else(absent)?;
    let row = replica.row(kind, &id)?.filter(|row| row.deleted.is_none()).ok_or_else(absent)?;
    // A name is looked for within what the record already says.
    let mut fields = Fields::new();
    for pair in pairs {
        let bad = || Failure::new(2, Say::BadPair { text: pair.clone() });
        let (name, text) = pair.split_once('=').ok_or_else(bad)?;
        let field = field_of(kind, name)?;
        let mut known = row.fields.clone();
        known.extend(fields.clone());
        fields.insert(field.name.to_owned(), value_of(replica, field, text, &known)?);
    }
    save(replica, &RecordEdit::Set { id, fields }, context)
}

/// Deletes a record: it leaves lists and counts, its history stays.
pub fn delete(replica: &mut Replica, id: &str, reason: &str, context: &Context) -> Result<Answer, Failure> {
    let id = id_of(id)?;
    let mut answer = save(replica, &RecordEdit::Delete { id, reason: reason.to_owned() }, context)?;
    answer.text = Say::Deleted { id: id.to_string() }.text(context.lang());
    Ok(answer)
}

/// Saves one edit durably.
pub(super) fn save(replica: &mut Replica, edit: &RecordEdit, context: &Context) -> Result<Answer, Failure> {
    let outcome = replica.edit(edit, &context.who, context.now)?;
    replica.commit()?;
    let id = outcome.id().to_string();
    let (word, say) = match outcome {
        Outcome::Created(_) => ("created", Say::Saved { id: id.clone() }),
        Outcome::Changed(_) => ("changed", Say::Saved { id: id.clone() }),
        Outcome::Same(_) => ("same", Say::NothingChanged { id: id.clone() }),
    };
    Ok(Answer::good(json!({ "v": 1, "id": id, "outcome": word }), say.text(context.lang())))
}
