//! `conflict list | show | resolve`.

use crate::commands::reading;
use crate::commands::records::{reason_of, save};
use crate::commands::request::{Answer, Context};
use crate::commands::words::{aligned, field_of, id_of, json_of, label, moment, not_saved, shown, value_of};
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use crate::{RecordEdit, Replica};
use huiliu_core::documents::DELETED;
use huiliu_core::model::Value;
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::values::list;
use serde_json::json;

/// Lists open conflicts, of one record or of all: every value with person, device, division and time, and the
/// previous one.
pub fn list(replica: &Replica, only: Option<&str>, context: &Context) -> Result<Answer, Failure> {
    let lang = context.lang();
    let records = match only {
        Some(id) => {
            let id = id_of(id)?;
            replica.kind_here(&id)?;
            vec![id]
        }
        None => replica.conflicted()?.into_iter().map(|(id, _)| id).collect(),
    };
    let (mut conflicts, mut lines) = (Vec::new(), Vec::new());
    for id in records {
        let Some((kind, _)) = replica.kind_of(&id)? else { continue };
        let read = |field: &str, value: &Value| reading::value_of(replica, kind, &id, field, value, context);
        for conflict in replica.conflicts_of(&id)? {
            let previous = read(&conflict.field, &conflict.previous);
            let named = replica.row(kind, &id)?.and_then(|row| row.fields.get("name").cloned());
            let name = named.map(|name| read("name", &name));
            let name = name.map_or(String::new(), |name| shown(replica, kind, "name", &name, lang));
            let record = Say::RecordNamed { kind: kind.title(lang).to_owned(), name, id: id.to_string() };
            let record = record.text(lang);
            lines.push(
                Say::ConflictOf {
                    record,
                    field: label(kind, &conflict.field, lang),
                    previous: match &previous {
                        Value::Null if conflict.field != DELETED => Say::ValueEmpty.text(lang),
                        previous => shown(replica, kind, &conflict.field, previous, lang),
                    },
                }
                .text(lang),
            );
            let (mut values, mut rows) = (Vec::new(), Vec::new());
            for (n, claim) in (1..).zip(&conflict.claims) {
                let author = replica.author_of(&id, &claim.change)?;
                let value = read(&conflict.field, &claim.value);
                let at = author.as_ref().map(|author| rfc3339(author.stamp.at.millis()));
                let by = author.as_ref().map(|author| author.stamp.who.clone());
                let device = author.as_ref().and_then(|author| author.device_name.clone());
                let division =
                    author.as_ref().and_then(|author| author.division).map(|code| code.to_string());
                rows.push(vec![
                    format!("  {n}"),
                    shown(replica, kind, &conflict.field, &value, lang),
                    by.clone().unwrap_or_default(),
                    device.clone().unwrap_or_default(),
                    author.as_ref().map(|author| moment(author.stamp.at.millis())).unwrap_or_default(),
                ]);
                let value = json_of(&value);
                values.push(json!({
                    "n": n, "value": value, "by": by, "device": device, "division": division, "at": at,
                }));
            }
            lines.push(aligned(&rows));
            let lists = conflict.claims.iter().filter_map(|claim| claim.value.text());
            let union = kind.field(&conflict.field).filter(|it| it.is_list()).map(|_| list::union(lists));
            if let Some(union) = &union {
                let value = shown(replica, kind, &conflict.field, &Value::of(union.as_str()), lang);
                lines.push(Say::UnionOffered { value, union: union.clone() }.text(lang));
            }
            let field = if conflict.field == DELETED { "deleted" } else { &conflict.field };
            conflicts.push(json!({
                "record": id.to_string(),
                "kind": kind.name,
                "field": field,
                "values": values,
                "union": union,
                "previous": json_of(&previous),
            }));
        }
    }
    let end = if lines.is_empty() { Say::NoConflicts } else { Say::HowToResolve };
    lines.push(end.text(lang));
    let text = lines.join("\n");
    Ok(Answer::good(json!({ "v": 1, "conflicts": conflicts }), text))
}

/// Settles one field's conflict: with the value of a number in the list, or with another.
pub fn resolve(
    replica: &mut Replica,
    id: &str,
    field: &str,
    take: Option<usize>,
    value: Option<&str>,
    context: &Context,
) -> Result<Answer, Failure> {
    let id = id_of(id)?;
    let kind = replica.kind_here(&id)?;
    let deletion = field == "deleted"
        || [Lang::Zh, Lang::En].map(|lang| Say::LabelDeleted.text(lang)).contains(&field.to_owned());
    let name = if deletion { DELETED } else { field_of(kind, field)?.name };
    let conflicts = replica.conflicts_of(&id)?;
    let open = conflicts.into_iter().find(|conflict| conflict.field == name);
    let open = open.ok_or_else(|| Failure::new(1, Say::NoConflict { field: field.to_owned() }))?;
    let chosen = match (take, value) {
        (Some(n), _) => {
            let claim = n.checked_sub(1).and_then(|at| open.claims.get(at));
            let claim = claim.ok_or_else(|| Failure::new(2, Say::NoSuchValue { n: n.to_string() }))?;
            claim.value.clone()
        }
        // The reason for a deletion; none: the record lives.
        (None, text) if deletion => match text.unwrap_or_default() {
            "" => Value::Null,
            reason => Value::Text(reason_of(reason)?),
        },
        (None, text) => {
            let known = replica.row(kind, &id)?.map(|row| row.fields).unwrap_or_default();
            let read = value_of(replica, field_of(kind, field)?, text.unwrap_or_default(), &known);
            read.map_err(|problem| not_saved(&[problem]))?
        }
    };
    let edit = RecordEdit::Settle { id, field: name.to_owned(), value: chosen };
    let mut answer = save(replica, &edit, context)?;
    answer.text = Say::Settled { field: label(kind, name, context.lang()) }.text(context.lang());
    Ok(answer)
}
