//! Concurrent values of one field, listed until a person has chosen. Equal values are no conflict.

use super::{Document, schema};
use crate::model::{Digest, Value};
use automerge::{ROOT, ReadDoc};

/// One of the values that were written to a field at the same time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The value.
    pub value: Value,
    /// The change that wrote it; its entry tells person, device and time.
    pub change: Digest,
}

/// A field in which people disagree without having seen each other's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldConflict {
    /// The field's name.
    pub field: String,
    /// Every value, the winner first, then in an order that is the same on every replica.
    pub claims: Vec<Claim>,
    /// What the field held before.
    pub previous: Value,
}

impl Document {
    /// The open conflicts, by field name.
    pub fn conflicts(&self) -> Vec<FieldConflict> {
        let several = self.doc.map_range(ROOT, ..).filter(|item| item.conflict);
        several.filter_map(|item| self.conflict(&item.key)).collect()
    }

    /// The open conflict of one field, if there is one.
    pub fn conflict(&self, field: &str) -> Option<FieldConflict> {
        let all = self.doc.get_all(ROOT, field).ok()?;
        if all.len() < 2 {
            return None;
        }
        let winner = self.get(field);
        let mut claims: Vec<Claim> = all
            .iter()
            .filter_map(|(value, id)| {
                let change = self.doc.hash_for_opid(id)?;
                Some(Claim { value: schema::from_automerge(value)?, change: Digest(change.0) })
            })
            .collect();
        claims.sort_by(|a, b| {
            (a.value != winner, &a.value, a.change).cmp(&(b.value != winner, &b.value, b.change))
        });
        if claims.iter().all(|claim| claim.value == winner) {
            return None;
        }
        let previous = self.previous(field, &claims);
        Some(FieldConflict { field: field.to_owned(), claims, previous })
    }

    /// What the field held where the earliest of the claims was written.
    fn previous(&self, field: &str, claims: &[Claim]) -> Value {
        let metas = claims
            .iter()
            .filter_map(|claim| self.doc.get_change_meta_by_hash(&automerge::ChangeHash(claim.change.0)));
        let earliest = metas.min_by_key(|meta| (meta.start_op, meta.hash));
        let deps: Vec<Digest> =
            earliest.map(|meta| meta.deps.iter().map(|dep| Digest(dep.0)).collect()).unwrap_or_default();
        if deps.is_empty() { Value::Null } else { self.get_at(field, &deps) }
    }
}
