//! `record list | show | new | set | delete`.

use crate::commands::history;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{
    aligned, division_of, field_of, fields_of, id_of, json_fields, kind_of, label, listing, not_saved, place,
    shown, value_of,
};
use crate::service::home::Failure;
use crate::{Outcome, RecordEdit, Replica};
use huiliu_core::model::dictionary::{Field, Kind, Required};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::{Fields, RecordId, Value};
use huiliu_store::rows::Row;
use serde_json::{Value as Json, json};

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
        let value = value_of(replica, field, text, &Fields::new()).map_err(|problem| {
            let (zh, en) = (problem.sentence(Lang::Zh), problem.sentence(Lang::En));
            Failure::new(2, Say::BadFilterValue { zh, en })
        })?;
        wanted.push((field.name, value));
    }
    let within = |row: &Row| division.is_none_or(|above| replica.divisions().is_within(row.division, above));
    let holds = |row: &Row| {
        wanted.iter().all(|(field, value)| row.fields.get(*field).unwrap_or(&Value::Null) == value)
    };
    let lang = context.lang();
    let columns: Vec<&Field> = kind.fields.iter().filter(|field| field.required != Required::No).collect();
    let (mut list, mut lines) = (Vec::new(), Vec::new());
    replica.each_row(kind, |id, row| {
        if within(&row) && holds(&row) {
            let cell = |field: &&Field| {
                row.fields
                    .get(field.name)
                    .map_or(String::new(), |v| shown(replica, kind, field.name, v, lang))
            };
            let mut line: Vec<String> = std::iter::once(id.to_string()).collect();
            line.extend(columns.iter().map(cell));
            line.push(place(replica, row.division));
            lines.push(line);
            list.push(json_record(kind, &id, &row));
        }
        limit.is_none_or(|limit| list.len() < limit)
    })?;
    let labels = columns.iter().map(|field| Say::Told { text: field.title(lang).to_owned() });
    let heads: Vec<Say> =
        std::iter::once(Say::HeadId).chain(labels).chain(std::iter::once(Say::HeadOwner)).collect();
    Ok(Answer::good(json!({ "v": 1, "records": list }), listing(&heads, lines, lang)))
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
    let mut text = format!("{} {id}\n{}", kind.title(lang), aligned(&lines_of(replica, kind, &row, lang)));
    if let Some(reason) = &row.deleted {
        text += &format!("\n{}", Say::IsDeleted { reason: reason.clone() }.text(lang));
    }
    for conflict in replica.conflicts_of(&id)? {
        let (field, count) = (label(kind, &conflict.field, lang), conflict.claims.len());
        text += &format!("\n{}", Say::HasConflict { field, count }.text(lang));
    }
    let mut json = json!({ "v": 1, "record": record });
    if history {
        let changes = history::changes(replica, &id)?;
        text += &format!("\n\n{}", history::text(replica, kind, &changes, lang));
        json["changes"] = changes.iter().map(history::Change::json).collect();
    }
    Ok(Answer::good(json, text))
}

/// What a record says, in the order of forms; fields of a newer version come last.
fn lines_of(replica: &Replica, kind: &'static Kind, row: &Row, lang: Lang) -> Vec<Vec<String>> {
    let newer = row.fields.keys().map(String::as_str).filter(|name| kind.field(name).is_none());
    let names = kind.fields.iter().map(|field| field.name).chain(newer);
    let mut lines = vec![vec![Say::HeadOwner.text(lang), place(replica, row.division)]];
    lines.extend(names.filter_map(|name| {
        let value = row.fields.get(name)?;
        Some(vec![label(kind, name, lang), shown(replica, kind, name, value, lang)])
    }));
    lines
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
        let value = value_of(replica, field, text, &known).map_err(|problem| not_saved(&[problem]))?;
        fields.insert(field.name.to_owned(), value);
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
