//! Reading a replica: what status, lists and pages show.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::documents::{DELETED, FieldConflict};
use huiliu_core::model::dictionary::{Kind, kinds};
use huiliu_core::model::{Channel, DivisionCode, RecordId, Scope};
use huiliu_core::sync::{Entry, EntryKind, FeedId, Hash, Stamp};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, LocalRow, Row, RunRow, StayRow};
use std::collections::BTreeMap;

/// The file beside the journal that remembers what the hub holds; a cache that only costs a wrong count when lost.
const SYNCED: &str = "synced";

/// Who wrote a change, and where.
#[derive(Clone, Debug)]
pub struct Author {
    /// The person and the time.
    pub stamp: Stamp,
    /// The feed of the entry.
    pub feed: FeedId,
    /// What the device is called, if its grant is known.
    pub device_name: Option<String>,
    /// Whose device it is.
    pub division: Option<DivisionCode>,
}

impl Replica {
    /// Living records by kind.
    pub fn counts(&self) -> Result<BTreeMap<&'static str, u64>, ReplicaError> {
        kinds()
            .iter()
            .map(|kind| Ok((kind.name, self.index.get(&keys::count(kind.id))?.unwrap_or(0))))
            .collect()
    }

    /// Entries of shared channels that the hub is not known to hold; 0 on a hub.
    pub fn pending(&self) -> u64 {
        if self.role() == crate::Role::Hub {
            return 0;
        }
        let shared = self.feeds.iter().filter(|(feed, _)| feed.channel.is_shared());
        shared
            .map(|(feed, no)| {
                let after = self.acknowledged.get(feed).copied().unwrap_or(0);
                let mut entries = 0;
                let counted =
                    self.index.each(&keys::runs(*no), &(after + 1).to_be_bytes(), |key, row: RunRow| {
                        // The point that ends a run is not an entry that anybody made.
                        entries += u64::from_be_bytes(key.try_into().unwrap_or_default()) - row.first;
                        true
                    });
                counted.map_or(0, |()| entries)
            })
            .sum()
    }

    /// Open conflicts: records and how many fields of each.
    pub fn conflicted(&self) -> Result<Vec<(RecordId, u32)>, ReplicaError> {
        let found = self.index.list::<u32>(&keys::conflicts())?;
        Ok(found
            .into_iter()
            .filter_map(|(id, fields)| Some((RecordId(id.try_into().ok()?), fields)))
            .collect())
    }

    /// The open conflicts of a record.
    pub fn conflicts_of(&self, id: &RecordId) -> Result<Vec<FieldConflict>, ReplicaError> {
        Ok(self.document_of(id)?.conflicts())
    }

    /// When a session last ended with equal fingerprints, milliseconds since 1970 UTC.
    pub fn verified_at(&self) -> Option<u64> {
        self.verified_at
    }

    /// What is remembered of other replicas.
    pub fn peers(&self) -> &BTreeMap<huiliu_core::sync::DeviceId, crate::replica::Peer> {
        &self.peers
    }

    /// The kind of a record, if there is one.
    pub fn kind_of(&self, id: &RecordId) -> Result<Option<(&'static Kind, StayRow)>, ReplicaError> {
        let Some(stay) = self.current_stay(id)? else { return Ok(None) };
        Ok(huiliu_core::model::dictionary::kind_by_id(stay.kind).map(|kind| (kind, stay)))
    }

    /// The kind of a record that is here; the error says where it went, or that there is none.
    pub fn kind_here(&self, id: &RecordId) -> Result<&'static Kind, ReplicaError> {
        let kind = huiliu_core::model::dictionary::kind_by_id(self.whereabouts(id)?.kind);
        kind.ok_or(ReplicaError::NoSuchRecord(*id))
    }

    /// Every living record of a kind, in order of making, until `each` says false.
    pub fn each_row(
        &self,
        kind: &Kind,
        mut each: impl FnMut(RecordId, Row) -> bool,
    ) -> Result<(), ReplicaError> {
        self.each_row_ever(kind, |id, row| row.deleted.is_some() || each(id, row))
    }

    /// Every record of a kind, the deleted ones too, in order of making, until `each` says false.
    pub fn each_row_ever(
        &self,
        kind: &Kind,
        mut each: impl FnMut(RecordId, Row) -> bool,
    ) -> Result<(), ReplicaError> {
        let row = |id: &[u8], row| id.try_into().map_or(true, |id| each(RecordId(id), row));
        Ok(self.index.each(&keys::rows(kind.id), &[], row)?)
    }

    /// Who deleted a record, as everybody sees it, if it is deleted.
    pub fn deleted_by(&self, id: &RecordId) -> Result<Option<Author>, ReplicaError> {
        match self.document_of(id)?.written_by(DELETED) {
            Some(change) => self.author_of(id, &change),
            None => Ok(None),
        }
    }

    /// The changes of a record that count, oldest first, each with its author.
    pub fn history(&self, id: &RecordId) -> Result<Vec<(Hash, Author)>, ReplicaError> {
        let rows = self.rows_of(id)?;
        let order = self.document_of(id)?.history();
        let mut by_hash: BTreeMap<Hash, &ChangeRow> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_authors) {
            by_hash.entry(row.hash).or_insert(row);
        }
        let mut history = Vec::new();
        for (hash, ..) in order {
            if let Some(row) = by_hash.get(&hash) {
                history.push((hash, self.author(row)));
            }
        }
        Ok(history)
    }

    /// Who wrote a change of a record.
    pub fn author_of(&self, id: &RecordId, change: &Hash) -> Result<Option<Author>, ReplicaError> {
        let rows = self.rows_of(id)?;
        Ok(rows.iter().find(|row| row.hash == *change && row.is_authors).map(|row| self.author(row)))
    }

    /// The changes of a record where it is.
    fn rows_of(&self, id: &RecordId) -> Result<Vec<ChangeRow>, ReplicaError> {
        match self.current_stay(id)? {
            Some(stay) => self.change_rows(&Stay { record: *id, channel: stay.channel }),
            None => Ok(Vec::new()),
        }
    }

    fn author(&self, row: &ChangeRow) -> Author {
        let grant = self.authority().last_grant_of(&row.feed.device);
        Author {
            stamp: row.envelope.stamp.clone(),
            feed: row.feed,
            device_name: grant.map(|(_, grant)| grant.name.clone()),
            division: grant.map(|(_, grant)| grant.division),
        }
    }

    /// One document's fields before and after each of its changes need its states: the document itself.
    pub fn load_document(&self, id: &RecordId) -> Result<huiliu_core::documents::Document, ReplicaError> {
        self.document_of(id)
    }

    /// The shared channels in which something is held.
    pub fn shared_channels(&self) -> Vec<Channel> {
        let mut channels: Vec<Channel> = self.ledger.heads().map(|(feed, _)| feed.channel).collect();
        channels.dedup();
        channels.retain(|channel| channel.scope != Scope::Local);
        channels
    }

    /// Remembers, durably, what the hub holds and when all was equal.
    pub fn save_synced(&mut self) -> Result<(), ReplicaError> {
        let remembered = (&self.acknowledged, self.verified_at, &self.peers);
        let bytes = postcard::to_allocvec(&remembered).expect("maps have a postcard form");
        Ok(self.journal.disk().replace(SYNCED, &bytes)?)
    }

    /// Reads what [`Replica::save_synced`] wrote, as far as it is there.
    pub(crate) fn read_synced(&mut self) -> Result<(), ReplicaError> {
        let disk = self.journal.disk();
        if let Some(length) = disk.length(SYNCED)? {
            let bytes = disk.read(SYNCED, 0, length as usize)?;
            if let Ok((acknowledged, verified_at, peers)) = postcard::from_bytes(&bytes) {
                (self.acknowledged, self.verified_at, self.peers) = (acknowledged, verified_at, peers);
            }
        }
        self.read_standing()
    }
}

impl Replica {
    /// What a device is called.
    pub fn device_name(&self, device: &huiliu_core::sync::DeviceId) -> Option<String> {
        self.authority().last_grant_of(device).map(|(_, grant)| grant.name.clone())
    }

    /// The incarnation a device wrote in last, as far as is known here.
    pub fn newest_incarnation_of(
        &self,
        device: &huiliu_core::sync::DeviceId,
    ) -> Option<huiliu_core::sync::Incarnation> {
        let own = self.feeds.iter().filter(|(feed, _)| feed.device == *device);
        own.max_by_key(|(_, number)| **number).map(|(feed, _)| feed.incarnation)
    }

    /// Every change held of every record, wherever the record has been: stay and change.
    pub fn each_change(&self, mut each: impl FnMut(&StayRow, &ChangeRow)) -> Result<(), ReplicaError> {
        let stays = self.index.list::<StayRow>(&keys::stays())?;
        for (key, stay) in stays {
            let Some(record) = key.get(..16).and_then(|id| id.try_into().ok()).map(RecordId) else {
                continue;
            };
            let rows = self.change_rows(&Stay { record, channel: stay.channel })?;
            rows.iter().for_each(|row| each(&stay, row));
        }
        Ok(())
    }

    /// A change of a record that was written in one of its stays: the channel, and its bytes.
    pub fn raw_change(
        &self,
        id: &RecordId,
        change: &Hash,
    ) -> Result<Option<(Channel, Vec<u8>)>, ReplicaError> {
        for row in self.stays(id)? {
            let stay = Stay { record: *id, channel: row.channel };
            let mut rows = self.entry_rows(&stay)?;
            rows.retain(|row| row.hash == *change);
            self.fill_raw(&stay, &mut rows)?;
            if let Some(found) = rows.pop() {
                return Ok(Some((row.channel, found.raw)));
            }
        }
        Ok(None)
    }

    /// Where the journal ends.
    pub fn journal_end(&self) -> huiliu_store::Position {
        self.journal.end()
    }

    /// Up to where lies what is held, shown and told, in the journal and in the key file.
    pub fn held_until(&self) -> (huiliu_store::Position, u64) {
        let end = if self.is_read_only() { self.journal.durable() } else { self.journal.end() };
        (end, self.keychain.saved_until())
    }

    /// The notebook's entries of a kind, oldest first.
    pub(crate) fn locals(&self, kind: EntryKind) -> Result<Vec<Entry>, ReplicaError> {
        let rows = self.index.list::<LocalRow>(&keys::locals(kind))?;
        Ok(rows.into_iter().map(|(_, row)| row.entry).collect())
    }

    /// Whether a device has a session here now.
    pub fn is_connected(&self, device: &huiliu_core::sync::DeviceId) -> bool {
        self.sessions.values().any(|session| session.peer() == *device)
    }

    /// How many entries are present and wait (refused ones not counted).
    pub fn waiting(&self) -> Result<usize, ReplicaError> {
        let rows = self.index.list::<huiliu_store::rows::WaitingRow>(&keys::all_waiting())?;
        Ok(rows.iter().filter(|(_, row)| row.waiting.is_some()).count())
    }
}
