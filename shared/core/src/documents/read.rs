//! Reading never fails: what this version cannot read is left out, and the gate has refused it long before.

use super::schema::{self, DELETED};
use super::{Actor, Document};
use crate::model::{Digest, Fields, Value};
use automerge::{ROOT, ReadDoc};

impl Document {
    /// The fields as everybody sees them until somebody settles a conflict: Automerge's winner of each.
    pub fn fields(&self) -> Fields {
        self.doc
            .map_range(ROOT, ..)
            .filter(|item| item.key != DELETED)
            .filter_map(|item| {
                let value = schema::from_automerge(&item.value.clone().into())?;
                (!value.is_null()).then(|| (item.key.to_string(), value))
            })
            .collect()
    }

    /// The reason for which the record was deleted, if it was.
    pub fn deleted(&self) -> Option<String> {
        match self.get(DELETED) {
            Value::Text(reason) => Some(reason),
            _ => None,
        }
    }

    /// One field's value; `Null` if it was never written or emptied.
    pub fn get(&self, field: &str) -> Value {
        let found = self.doc.get(ROOT, field).ok().flatten();
        found.and_then(|(value, _)| schema::from_automerge(&value)).unwrap_or(Value::Null)
    }

    /// The change that wrote a field's value as everybody sees it; its entry tells who and when.
    pub fn written_by(&self, field: &str) -> Option<Digest> {
        let (_, id) = self.doc.get(ROOT, field).ok().flatten()?;
        self.doc.hash_for_opid(&id).map(|hash| Digest(hash.0))
    }

    /// One field's value as it was at `heads`.
    pub fn get_at(&self, field: &str, heads: &[Digest]) -> Value {
        let heads: Vec<_> = heads.iter().map(|head| automerge::ChangeHash(head.0)).collect();
        let found = self.doc.get_at(ROOT, field, &heads).ok().flatten();
        found.and_then(|(value, _)| schema::from_automerge(&value)).unwrap_or(Value::Null)
    }

    /// The hashes of the newest changes, sorted.
    pub fn heads(&self) -> Vec<Digest> {
        let mut heads: Vec<Digest> = self.doc.get_heads().iter().map(|head| Digest(head.0)).collect();
        heads.sort();
        heads
    }

    /// The changes in an order that keeps dependencies first: hash, dependencies and author of each.
    pub fn history(&self) -> Vec<(Digest, Vec<Digest>, Actor)> {
        self.doc
            .get_changes_meta(&[])
            .iter()
            .map(|meta| {
                let actor = meta.actor.to_bytes().try_into().unwrap_or_default();
                (Digest(meta.hash.0), meta.deps.iter().map(|dep| Digest(dep.0)).collect(), actor)
            })
            .collect()
    }

    /// The names of all fields ever written, the tombstone among them.
    pub fn written(&self) -> Vec<String> {
        self.doc.keys(ROOT).collect()
    }
}
