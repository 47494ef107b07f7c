//! The projection: rows, natural keys, counts and the list of conflicts, changed by difference (old row, new row).

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use crate::stays::current;
use huiliu_core::documents::Document;
use huiliu_core::model::{KindId, RecordId, dictionary};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{Row, StayRow};

impl Replica {
    /// Brings the projection of a record up to date after one of its stays has changed, of which this is the document.
    pub(crate) fn project_from(
        &mut self,
        stay: &Stay,
        document: Option<Document>,
    ) -> Result<(), ReplicaError> {
        let (id, stays) = (&stay.record, self.stays(&stay.record)?);
        let Some(here) = stays.iter().find(|row| row.channel == stay.channel) else { return Ok(()) };
        let shown = current(&stays).unwrap_or(here);
        for other in stays.iter().filter(|other| other.kind != shown.kind) {
            self.project(id, other, None)?;
        }
        let document = match document {
            _ if shown.has_ended() => None,
            document if shown.channel == here.channel => document,
            _ => Some(self.document(&Stay { record: *id, channel: shown.channel })?),
        };
        self.project(id, shown, document.as_ref())?;
        if self.role() == Role::Hub
            && let (Some(document), Some(kind)) = (&document, dictionary::kind_by_id(shown.kind))
            && self.belongs_elsewhere(kind, &document.fields(), shown.channel).is_some()
        {
            self.unsettled.insert(*id);
        }
        self.look_where_it_lives(id)
    }

    /// Brings the projection of a record up to date; `None`: nothing of it counts any more.
    fn project(
        &mut self,
        id: &RecordId,
        record: &StayRow,
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
            match count {
                0 => self.index.remove(keys::count(record.kind)),
                some => self.index.put(keys::count(record.kind), &some),
            }
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
