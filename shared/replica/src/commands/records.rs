//! `record list | show | new | set | delete | restore`.

use crate::commands::history;
use crate::commands::reading::readable;
use crate::commands::request::{Answer, Context, Listing};
use crate::commands::words::{
    MOST_REASON, aligned, division_of, field_of, fields_of, id_of, json_fields, kind_of, label, line,
    listing as listing_of, moment, not_saved, pairs_of, place, shown, shown_in, value_of,
};
use crate::reads::Purpose;
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use crate::{Outcome, RecordEdit, Replica};
use huiliu_core::model::dictionary::{Field, Kind, Required};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::{Fields, Problem, RecordId, Value};
use huiliu_store::rows::Row;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Lists the records of a kind: of a division and all below it, and where fields hold values; the living ones, unless
/// the deleted are asked for.
pub fn list(replica: &Replica, listing: &Listing, context: &Context) -> Result<Answer, Failure> {
    let (kind, lang) = (kind_of(&listing.kind)?, context.lang());
    let division = listing.division.as_deref().map(|text| division_of(replica, text)).transpose()?;
    let wanted = conditions(replica, kind, &listing.conditions)?;
    let within = |row: &Row| division.is_none_or(|above| replica.divisions().is_within(row.division, above));
    let holds = |fields: &Fields| {
        wanted.iter().all(|(field, value)| fields.get(*field).unwrap_or(&Value::Null) == value)
    };
    let twice: Option<BTreeSet<RecordId>> = match listing.duplicates {
        true => Some(replica.duplicates(kind)?.into_iter().flatten().collect()),
        false => None,
    };
    let open: Option<BTreeSet<RecordId>> = match listing.open {
        true => Some(replica.open_references(kind)?.into_iter().map(|(id, ..)| id).collect()),
        false => None,
    };
    let columns: Vec<&Field> = kind.fields.iter().filter(|field| field.required != Required::No).collect();
    let (mut list, mut lines, mut others) = (Vec::new(), Vec::new(), 0);
    replica.each_row_ever(kind, |id, mut row| {
        if !within(&row) {
            return true;
        }
        // Whole values are compared, secrets too; what is shown is as whoever asks may read it.
        let compared = match wanted.is_empty() {
            true => Fields::new(),
            false => replica.opened(kind, &id, &row.fields, Some(&Purpose::Comparing)),
        };
        row.fields = readable(replica, kind, &id, &row.fields, context);
        if !holds(&compared) || [&twice, &open].into_iter().flatten().any(|only| !only.contains(&id)) {
            return true;
        }
        if row.deleted.is_some() != listing.deleted {
            others += 1;
            return true;
        }
        let cell = |field: &&Field| {
            row.fields
                .get(field.name)
                .map_or(String::new(), |v| shown_in(replica, kind, &row, field.name, v, lang))
        };
        let mut line: Vec<String> = std::iter::once(id.to_string()).collect();
        line.extend(columns.iter().map(cell));
        line.push(place(replica, row.division));
        line.extend(row.deleted.clone());
        lines.push(line);
        list.push(json_record(kind, &id, &row));
        listing.limit.is_none_or(|limit| list.len() < limit)
    })?;
    let labels = columns.iter().map(|field| Say::Told { text: field.title(lang).to_owned() });
    let mut heads: Vec<Say> = std::iter::once(Say::HeadId).chain(labels).collect();
    heads.push(Say::HeadOwner);
    heads.extend(listing.deleted.then_some(Say::HeadDeleted));
    let (mut text, mut json) = (listing_of(&heads, lines, lang), json!({ "v": 1, "records": list }));
    if !listing.deleted && twice.is_none() && open.is_none() {
        json["deleted"] = Json::from(others);
        if others > 0 {
            text += &format!("\n{}", Say::AlsoDeleted { count: others }.text(lang));
        }
    }
    Ok(Answer::good(json, text))
}

/// FIELD=VALUE conditions.
fn conditions(
    replica: &Replica,
    kind: &'static Kind,
    conditions: &[String],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let mut wanted = Vec::new();
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
    Ok(wanted)
}

fn json_record(kind: &Kind, id: &RecordId, row: &Row) -> Json {
    let mut record = json!({
        "id": id.to_string(),
        "kind": kind.name,
        "division": row.division.to_string(),
        "fields": json_fields(&row.fields),
    });
    let sealed: Vec<&String> = row
        .fields
        .iter()
        .filter(|(_, value)| matches!(value, Value::Sealed(_)))
        .map(|(name, _)| name)
        .collect();
    if !sealed.is_empty() {
        record["sealed"] = json!(sealed);
    }
    if let Some(reason) = &row.deleted {
        record["deleted"] = Json::from(reason.as_str());
    }
    record
}

/// A record, living or deleted.
fn found(replica: &Replica, id: &str) -> Result<(RecordId, &'static Kind, Row), Failure> {
    let id = id_of(id)?;
    let absent = || Failure::new(1, Say::NoSuchRecord { id: id.to_string() });
    let kind = replica.kind_here(&id)?;
    let row = replica.row(kind, &id)?.ok_or_else(absent)?;
    Ok((id, kind, row))
}

/// That a record is deleted: by whom, when, why, and how it comes back.
fn is_deleted(replica: &Replica, id: &RecordId, reason: &str) -> Result<Say, Failure> {
    let author = replica.deleted_by(id)?;
    let who = author.as_ref().map_or_else(|| "-".to_owned(), |author| author.stamp.who.clone());
    let at = author.map_or_else(|| "-".to_owned(), |author| moment(author.stamp.at.millis()));
    Ok(Say::IsDeleted { id: id.to_string(), who, at, reason: reason.to_owned() })
}

/// Shows one record, with its history if asked.
pub fn show(replica: &Replica, id: &str, history: bool, context: &Context) -> Result<Answer, Failure> {
    let (id, kind, mut row) = found(replica, id)?;
    let twins = replica.twins(kind, &row.fields, &id)?;
    row.fields = readable(replica, kind, &id, &row.fields, context);
    let (mut record, lang) = (json_record(kind, &id, &row), context.lang());
    let mut text = format!("{} {id}\n{}", kind.title(lang), aligned(&lines_of(replica, kind, &row, lang)));
    if let Some(reason) = &row.deleted {
        if let Some(author) = replica.deleted_by(&id)? {
            record["deleted_by"] = Json::from(author.stamp.who);
            record["deleted_at"] = Json::from(rfc3339(author.stamp.at.millis()));
        }
        text += &format!("\n{}", is_deleted(replica, &id, reason)?.text(lang));
    } else {
        let twins: Vec<String> = twins.iter().map(RecordId::to_string).collect();
        if !twins.is_empty() {
            text += &format!("\n{}", Say::HasTwins { ids: twins.join(", ") }.text(lang));
        }
        record["duplicates"] = Json::from(twins);
    }
    for conflict in replica.conflicts_of(&id)? {
        let (field, count) = (label(kind, &conflict.field, lang), conflict.claims.len());
        text += &format!("\n{}", Say::HasConflict { field, count }.text(lang));
    }
    let mut json = json!({ "v": 1, "record": record });
    if history {
        let changes = history::changes(replica, kind, &id, context)?;
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
        Some(vec![label(kind, name, lang), shown_in(replica, kind, row, name, value, lang)])
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
    let edit = RecordEdit::New { kind: kind.name.into(), fields, owner, strict: true };
    let (mut answer, id) = saved(replica, &edit, context)?;
    let mut notes = oddities(replica, kind, &id)?;
    let row = replica.row(kind, &id)?;
    let key = row.map(|row| replica.identity_of(kind, &row.fields, row.division)).transpose()?.flatten();
    if let Some(key) = key
        && let Some((before, reason)) = replica.deleted_keys(kind)?.remove(&key)
    {
        notes.push(Say::NewDeletedBefore { id: before.to_string(), reason });
    }
    note(&mut answer, &notes, context.lang());
    Ok(answer)
}

/// Changes a record.
pub fn set(replica: &mut Replica, id: &str, pairs: &[String], context: &Context) -> Result<Answer, Failure> {
    let (id, kind, mut row) = found(replica, id)?;
    row.fields = replica.opened(kind, &id, &row.fields, Some(&Purpose::Comparing));
    if let Some(reason) = &row.deleted {
        return Err(Failure::new(1, is_deleted(replica, &id, reason)?));
    }
    // A name is looked for within what the record already says.
    let mut fields = Fields::new();
    for (field, text) in pairs_of(kind, pairs)? {
        let mut known = row.fields.clone();
        known.extend(fields.clone());
        let value = value_of(replica, field, text, &known).map_err(|problem| not_saved(&[problem]))?;
        fields.insert(field.name.to_owned(), value);
    }
    let followed = kind.follow(&row.fields, &fields);
    fields.extend(followed.clone());
    let mut after = row.fields.clone();
    after.extend(fields.clone());
    after.retain(|_, value| !value.is_null());
    let fields = replica.prepare(kind, &fields, row.division)?;
    after.extend(fields.clone());
    let key = |fields| replica.identity_of(kind, fields, row.division);
    let other_key = key(&after)? != key(&row.fields)?;
    if let Some(twin) = replica.twins(kind, &after, &id)?.first().filter(|_| other_key) {
        return Err(Failure::new(1, Say::DuplicateWouldBe { id: twin.to_string() }));
    }
    let (mut answer, id) = saved(replica, &RecordEdit::Set { id, fields }, context)?;
    for (name, value) in &followed {
        let lang = context.lang();
        let (field, value) = (label(kind, name, lang), shown(replica, kind, name, value, lang));
        answer.text += &format!("\n{}", Say::Followed { field, value }.text(lang));
    }
    let notes = oddities(replica, kind, &id)?;
    note(&mut answer, &notes, context.lang());
    Ok(answer)
}

/// What is odd about a record, which is saved all the same: what the dictionary finds, and an owner who must accept it.
fn oddities(replica: &Replica, kind: &'static Kind, id: &RecordId) -> Result<Vec<Say>, Failure> {
    let Some(row) = replica.row(kind, id)? else { return Ok(Vec::new()) };
    let offered = replica.offered_to(kind, id, replica.division())?;
    let mut problems = {
        let opened = replica.opened(kind, id, &row.fields, Some(&Purpose::Comparing));
        kind.check(&opened, replica.divisions())
    };
    problems.retain(|problem| !problem.is_error());
    let both = |problem: &Problem| (problem.sentence(Lang::Zh), problem.sentence(Lang::En));
    let odd = problems.iter().map(both).map(|(zh, en)| Say::Odd { zh, en });
    Ok(odd.chain(offered.map(|to| Say::OfferedTo { to: place(replica, to) })).collect())
}

/// Puts notes below an answer's sentence and among its warnings.
fn note(answer: &mut Answer, notes: &[Say], lang: Lang) {
    answer.json["warnings"] = notes.iter().map(|note| note.text(lang)).collect();
    for odd in notes.iter().map(|note| note.text(lang)) {
        answer.text += &format!("\n{}", Say::Noted { odd }.text(lang));
    }
}

/// A reason that a person gives: one line that says something.
pub(super) fn reason_of(text: &str) -> Result<String, Failure> {
    line(text, MOST_REASON)
        .map_err(|why| Failure::new(2, Say::ReasonWrong { zh: why.text(Lang::Zh), en: why.text(Lang::En) }))
}

/// Deletes a record: it leaves lists and counts, its history stays.
pub fn delete(replica: &mut Replica, id: &str, reason: &str, context: &Context) -> Result<Answer, Failure> {
    let (id, reason) = (id_of(id)?, reason_of(reason)?);
    let mut answer = save(replica, &RecordEdit::Delete { id, reason }, context)?;
    answer.text = Say::Deleted { id: id.to_string() }.text(context.lang());
    Ok(answer)
}

/// Brings a deleted record back as it was, with what others have changed in it meanwhile.
pub fn restore(replica: &mut Replica, id: &str, context: &Context) -> Result<Answer, Failure> {
    let (id, kind, row) = found(replica, id)?;
    if row.deleted.is_none() {
        let json = json!({ "v": 1, "id": id.to_string(), "outcome": "same" });
        return Ok(Answer::good(json, Say::NotDeleted { id: id.to_string() }.text(context.lang())));
    }
    if let Some(twin) = replica.twins(kind, &row.fields, &id)?.first() {
        return Err(Failure::new(1, Say::DuplicateRestored { id: twin.to_string() }));
    }
    let mut answer = save(replica, &RecordEdit::Restore { id }, context)?;
    answer.text = Say::Restored { id: id.to_string() }.text(context.lang());
    Ok(answer)
}

/// Saves one edit durably.
pub(super) fn save(replica: &mut Replica, edit: &RecordEdit, context: &Context) -> Result<Answer, Failure> {
    saved(replica, edit, context).map(|(answer, _)| answer)
}

fn saved(replica: &mut Replica, edit: &RecordEdit, context: &Context) -> Result<(Answer, RecordId), Failure> {
    may_write(replica)?;
    let outcome = replica.edit(edit, &context.who, context.now)?;
    replica.commit()?;
    Ok((told(outcome, context), outcome.id()))
}

/// What a person is told of a saved edit.
pub(super) fn told(outcome: Outcome, context: &Context) -> Answer {
    let id = outcome.id().to_string();
    let (word, say) = match outcome {
        Outcome::Created(_) => ("created", Say::Saved { id: id.clone() }),
        Outcome::Changed(_) => ("changed", Say::Saved { id: id.clone() }),
        Outcome::Same(_) => ("same", Say::NothingChanged { id: id.clone() }),
    };
    Answer::good(json!({ "v": 1, "id": id, "outcome": word }), say.text(context.lang()))
}

/// Whether the hub still takes what is written here: work that nobody will ever get is not begun.
pub(super) fn may_write(replica: &Replica) -> Result<(), Failure> {
    match replica.revoked() {
        Some((zh, en)) => Err(Failure::new(4, Say::RevokedNotSaved { zh, en })),
        None => Ok(()),
    }
}
