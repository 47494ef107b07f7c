//! The projection: rows, natural keys, counts and the list of conflicts, changed by difference (old row, new row).

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use crate::stays::current;
use huiliu_core::documents::Document;
use huiliu_core::model::{Fields, Kind, KindId, RecordId, dictionary};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{Row, StayRow};
use std::collections::BTreeSet;

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
            && self.goes_to(kind, document, shown.channel)?.is_some()
        {
            self.unsettle(*id);
        }
        self.look_where_it_lives(id, &stays);
        Ok(())
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
        let (before, after) =
            (names_of(record.kind, id, old.as_ref()), names_of(record.kind, id, new.as_ref()));
        before.difference(&after).for_each(|key| self.index.remove(key.clone()));
        after.difference(&before).for_each(|key| self.index.put(key.clone(), &()));
        self.tree_changed |= dictionary::kind_by_id(record.kind).is_some_and(|kind| kind.name == "division");
        let conflicts = document.map_or(0, |document| document.conflicts().len() as u32);
        match conflicts {
            0 if old.is_none() => {}
            0 => self.index.remove(keys::conflict(id)),
            some => self.index.put(keys::conflict(id), &some),
        }
        let moved = old.as_ref().map(|row| row.division) != new.as_ref().map(|row| row.division);
        let fields = new.as_ref().map(|row| row.fields.clone()).unwrap_or_default();
        let (same, shown) = (old == new, new.clone());
        match new {
            Some(row) if old.as_ref() == Some(&row) => {}
            Some(row) => self.index.put(keys::row(record.kind, id), &row),
            None => self.index.remove(keys::row(record.kind, id)),
        }
        if dictionary::kind_by_id(record.kind).is_some_and(Kind::is_sealed) {
            if let Some(kind) = dictionary::kind_by_id(record.kind) {
                self.keep_people(kind, id, shown.as_ref());
            }
            if moved && lives {
                self.wrap_for_owner(id, record.channel.division)?;
            }
        }
        if let Some(kind) = dictionary::kind_by_id(record.kind).filter(|_| !same) {
            self.count_again(kind, id, [old.as_ref(), shown.as_ref()])?;
        }
        if moved && self.role() == Role::Hub {
            self.look_after_companions(record.kind, id, &fields)?;
        }
        Ok(())
    }

    /// Hub: a record has come or moved, and those that lie with it may have to follow.
    fn look_after_companions(
        &mut self,
        kind: KindId,
        id: &RecordId,
        fields: &Fields,
    ) -> Result<(), ReplicaError> {
        let Some(kind) = dictionary::kind_by_id(kind) else { return Ok(()) };
        let companions = self.referrers_of(kind, id, fields)?;
        let follows = companions.into_iter().filter(|(other, _)| other.lies_with().is_some());
        follows.for_each(|(_, id)| self.unsettle(id));
        Ok(())
    }
}

fn is_alive(row: Option<&Row>) -> bool {
    row.is_some_and(|row| row.deleted.is_none())
}

/// The keys under which a record is found: natural key, aliases, and what it names. A deleted one gives them free.
fn names_of(kind: KindId, id: &RecordId, row: Option<&Row>) -> BTreeSet<Vec<u8>> {
    let Some(row) = row.filter(|row| row.deleted.is_none()) else { return BTreeSet::new() };
    let Some(kind) = dictionary::kind_by_id(kind) else { return BTreeSet::new() };
    let natural = kind.natural_key(&row.fields).map(|key| keys::natural(kind.id, &key, id));
    let aliases = kind.aliases(&row.fields);
    let aliases = aliases.iter().map(|alias| keys::alias(kind.id, alias, id));
    let references = kind.fields.iter().filter_map(|field| {
        let target = field.target().and_then(dictionary::kind)?;
        Some(keys::reference(target.id, row.fields.get(field.name)?.text()?, kind.id, id))
    });
    natural.into_iter().chain(aliases).chain(references).collect()
}
