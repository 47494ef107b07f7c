//! The projection: rows, natural keys, counts and the list of conflicts, changed by difference (old row, new row).

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::documents::Document;
use huiliu_core::model::{KindId, RecordId, dictionary};
use huiliu_store::keys;
use huiliu_store::rows::{RecordRow, Row};

impl Replica {
    /// Brings the projection of a record up to date; `None`: nothing of it counts any more.
    pub(crate) fn project(
        &mut self,
        id: &RecordId,
        record: &RecordRow,
        document: Option<&Document>,
    ) -> Result<(), ReplicaError> {
        let old: Option<Row> = self.index.get(&keys::row(record.kind, id))?;
        let new = document.map(|document| Row {
            division: record.channel.division,
            fields: document.fields(),
            deleted: document.deleted(),
        });
        let (lived, lives) = (is_alive(old.as_ref()), is_alive(new.as_ref()));
        if lived != lives {
            let count: u64 = self.index.get(&keys::count(record.kind))?.unwrap_or(0);
            let count = if lives { count + 1 } else { count.saturating_sub(1) };
            self.index.put(keys::count(record.kind), &count);
        }
        let key_before = natural_key(record.kind, old.as_ref());
        let key_after = natural_key(record.kind, new.as_ref());
        if key_before != key_after {
            if let Some(key) = key_before {
                self.index.remove(keys::natural(record.kind, &key, id));
            }
            if let Some(key) = key_after {
                self.index.put(keys::natural(record.kind, &key, id), &());
            }
        }
        self.tree_changed |= dictionary::kind_by_id(record.kind).is_some_and(|kind| kind.name == "division");
        let conflicts = document.map_or(0, |document| document.conflicts().len() as u32);
        match conflicts {
            0 => self.index.remove(keys::conflict(id)),
            some => self.index.put(keys::conflict(id), &some),
        }
        match new {
            Some(row) if old.as_ref() == Some(&row) => {}
            Some(row) => self.index.put(keys::row(record.kind, id), &row),
            None => self.index.remove(keys::row(record.kind, id)),
        }
        Ok(())
    }
}

fn is_alive(row: Option<&Row>) -> bool {
    row.is_some_and(|row| row.deleted.is_none())
}

/// A deleted record gives its natural key free.
fn natural_key(kind: KindId, row: Option<&Row>) -> Option<String> {
    let row = row.filter(|row| row.deleted.is_none())?;
    dictionary::kind_by_id(kind)?.natural_key(&row.fields)
}
