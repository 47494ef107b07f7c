//! Records that are the same by their natural key: made apart from one another, or by an edit. Nothing stops them from
//! coming, so people are told.

use crate::error::ReplicaError;
use crate::people::People;
use crate::reads::Purpose;
use crate::replica::Replica;
use huiliu_core::model::dictionary::Kind;
use huiliu_core::model::{Fields, RecordId};
use huiliu_store::keys;
use std::collections::BTreeMap;

/// The bytes of a record id at the end of a key.
const ID: usize = 16;

impl Replica {
    /// The living records, others than `id`, that are the same as one of these fields.
    pub fn twins(
        &self,
        kind: &'static Kind,
        fields: &Fields,
        id: &RecordId,
    ) -> Result<Vec<RecordId>, ReplicaError> {
        let near = self.row(kind, id)?.map_or(self.division(), |row| row.division);
        let mut same = self.find_same(kind, fields, near)?;
        same.retain(|other| other != id);
        Ok(same)
    }

    /// The living records of a kind that are the same, group by group.
    pub fn duplicates(&self, kind: &Kind) -> Result<Vec<Vec<RecordId>>, ReplicaError> {
        if kind.same_by_secret().is_some() {
            return self.with_people(People::twins);
        }
        // All natural keys of the kind begin like the empty one, but for its end.
        let mut all = keys::naturals(kind.id, "");
        all.pop();
        let (mut groups, mut open, mut last) = (Vec::new(), Vec::new(), Vec::new());
        self.index.each(&all, &[], |found, ()| {
            let (key, id) = found.split_at(found.len().saturating_sub(ID));
            if key != last {
                groups.push(std::mem::take(&mut open));
                last = key.to_vec();
            }
            open.extend(id.try_into().ok().map(RecordId));
            true
        })?;
        groups.push(open);
        groups.retain(|group| group.len() > 1);
        Ok(groups)
    }

    /// What makes a kind's deleted records the same as another: the latest made of each, and why it was deleted.
    pub fn deleted_keys(&self, kind: &Kind) -> Result<BTreeMap<String, (RecordId, String)>, ReplicaError> {
        let mut deleted = Vec::new();
        self.each_row_ever(kind, |id, row| {
            deleted.extend(row.deleted.map(|reason| (id, row.fields, row.division, reason)));
            true
        })?;
        let mut keys = BTreeMap::new();
        for (id, fields, division, reason) in deleted {
            let fields = self.opened(kind, &id, &fields, Some(&Purpose::Comparing));
            keys.extend(self.identity_of(kind, &fields, division)?.map(|key| (key, (id, reason))));
        }
        Ok(keys)
    }
}
