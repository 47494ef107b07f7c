//! `record show --history`: who changed what of a record, and when.

use crate::Replica;
use crate::commands::reading::value_of;
use crate::commands::request::Context;
use crate::commands::words::{json_of, label, moment, shown};
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use crate::view::Author;
use huiliu_core::documents::{DELETED, Document};
use huiliu_core::model::dictionary::{Field, Kind};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::{RecordId, Value};
use huiliu_core::sync::Hash;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// One change: its author, and each field it changed with the value before and after.
pub struct Change {
    author: Author,
    fields: Vec<(String, Value, Value)>,
}

impl Change {
    /// The change as scripts read it.
    pub fn json(&self) -> Json {
        let mut fields = Map::new();
        for (name, old, new) in &self.fields {
            let name = if name == DELETED { "deleted" } else { name };
            fields.insert(name.to_owned(), json!({ "old": json_of(old), "new": json_of(new) }));
        }
        json!({
            "at": rfc3339(self.author.stamp.at.millis()),
            "by": self.author.stamp.who,
            "device": self.author.device_name,
            "division": self.author.division.map(|division| division.to_string()),
            "fields": fields,
        })
    }
}

/// Every change of a record, oldest first.
pub fn changes(
    replica: &Replica,
    kind: &Kind,
    id: &RecordId,
    context: &Context,
) -> Result<Vec<Change>, Failure> {
    let read = |name: &str, value: &Value| value_of(replica, kind, id, name, value, context);
    let document = replica.load_document(id)?;
    let order = document.history();
    let mut changes = Vec::new();
    for (hash, author) in replica.history(id)? {
        let Some((_, deps, _)) = order.iter().find(|(change, ..)| *change == hash) else { continue };
        let fields = difference(&document, deps, &hash).into_iter();
        // What only programs compare is nobody's to read.
        let fields = fields.filter(|(name, ..)| kind.field(name).is_none_or(Field::is_typed));
        let fields = fields.map(|(name, old, new)| (read(&name, &old), read(&name, &new), name));
        changes.push(Change { author, fields: fields.map(|(old, new, name)| (name, old, new)).collect() });
    }
    Ok(changes)
}

/// What one change did to each field: the old and the new value.
fn difference(document: &Document, before: &[Hash], after: &Hash) -> Vec<(String, Value, Value)> {
    let names: BTreeSet<String> = document.written().into_iter().collect();
    let both = names.into_iter().map(|name| {
        let old = if before.is_empty() { Value::Null } else { document.get_at(&name, before) };
        let new = document.get_at(&name, &[*after]);
        (name, old, new)
    });
    both.filter(|(_, old, new)| old != new).collect()
}

/// The changes as people read them: a line for each, and below it what became of which field.
pub fn text(replica: &Replica, kind: &'static Kind, changes: &[Change], lang: Lang) -> String {
    let mut lines = Vec::new();
    for Change { author, fields } in changes {
        let device = author.device_name.clone().unwrap_or_default();
        lines.push(format!("{}  {}  {device}", moment(author.stamp.at.millis()), author.stamp.who));
        for (name, old, new) in fields {
            let value = |value: &Value| match value {
                Value::Null if name != DELETED => Say::ValueEmpty.text(lang),
                value => shown(replica, kind, name, value, lang),
            };
            let (field, old, new) = (label(kind, name, lang), value(old), value(new));
            lines.push(format!("    {}", Say::FieldChanged { field, old, new }.text(lang)));
        }
    }
    lines.join("\n")
}
