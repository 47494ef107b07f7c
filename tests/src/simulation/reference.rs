//! The model: what must come of the edits that were saved. It knows edits, what each had seen, and who holds what; it
//! shares no code with the engine.

use huiliu_core::model::{Channel, RecordId, Value};
use huiliu_core::sync::{DeviceId, FeedId};
use std::collections::{BTreeMap, BTreeSet};

/// An edit's number in the model, in order of making; its author writes it into the stamp.
pub type EditId = u32;

/// The edits that a replica holds, wherever they stand, and that no revocation it knows of leaves out.
pub type Held<'a> = &'a dyn Fn(EditId) -> bool;

/// One saved edit.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The record.
    pub record: RecordId,
    /// The machine it was made on.
    pub author: &'static str,
    /// The channel it was written in.
    pub channel: Channel,
    /// What it writes.
    pub writes: BTreeMap<String, Value>,
    /// The edits of the record that its author saw, all of them, sorted.
    pub seen: Vec<EditId>,
    /// "Saved" was said, and nobody has set back the machine since; without it the edit may be there or not.
    pub saved: bool,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The kind's name.
    pub kind: &'static str,
    /// Where it lives.
    pub channel: Channel,
    /// Its edits, in order of making.
    pub edits: Vec<EditId>,
}

/// The hub has ended a device's grants.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Whose.
    pub device: DeviceId,
    /// What still counts.
    pub last: BTreeMap<FeedId, u64>,
    /// Where the hub said so.
    pub said: (FeedId, u64),
}

/// The values of a field that nobody has seen replaced: more than one distinct is a conflict.
pub type Claims = Vec<(EditId, Value)>;

/// All that was saved.
#[derive(Default)]
pub struct Reference {
    /// The edits.
    pub edits: BTreeMap<EditId, Edit>,
    /// The records.
    pub records: BTreeMap<RecordId, Record>,
    /// Edits that count nowhere any more: lost with disks, or a draft because what they had seen is. Their bytes may
    /// still lie in a journal.
    pub given_up: BTreeSet<EditId>,
    /// The revocations; a later one for the same device may let more count.
    pub revocations: Vec<Revocation>,
}

impl Reference {
    /// Adds an edit that is durable at its author.
    pub fn add(&mut self, id: EditId, edit: Edit, kind: &'static str) {
        let channel = edit.channel;
        let record = self.records.entry(edit.record).or_insert(Record { kind, channel, edits: Vec::new() });
        let at = record.edits.partition_point(|other| *other < id);
        record.edits.insert(at, id);
        self.edits.insert(id, edit);
    }

    /// The edits of a record that count for a replica: it holds them, no revocation it knows of ends before them, and
    /// all they had seen counts too.
    pub fn counted(&self, record: &Record, held: Held<'_>) -> Vec<EditId> {
        let mut counted: Vec<EditId> = Vec::new();
        for id in &record.edits {
            let edit = &self.edits[id];
            if held(*id) && edit.seen.iter().all(|seen| counted.binary_search(seen).is_ok()) {
                counted.push(*id);
            }
        }
        counted
    }

    /// Whether an entry was written after its device's grants had ended, as far as somebody knows who holds the hub's
    /// feeds up to these numbers.
    pub fn is_revoked(&self, feed: &FeedId, number: u64, heads: &BTreeMap<FeedId, u64>) -> bool {
        let mut last = None;
        for revocation in self.revocations.iter().filter(|one| one.device == feed.device) {
            if heads.get(&revocation.said.0).is_some_and(|head| *head >= revocation.said.1) {
                let counts = revocation.last.get(feed).copied().unwrap_or(0);
                last = Some(counts.max(last.unwrap_or(0)));
            }
        }
        last.is_some_and(|last| number > last)
    }

    /// Edits are given up: what followed them stands without them. Gives back what did.
    pub fn give_up(&mut self, gone: impl Fn(EditId) -> bool) -> BTreeSet<EditId> {
        let follows = |edit: &Edit| edit.seen.iter().any(|id| gone(*id));
        let bereft = self.edits.iter().filter(|(id, edit)| !gone(**id) && follows(edit));
        let bereft = bereft.map(|(id, _)| *id).collect();
        self.given_up.extend(self.edits.keys().filter(|id| gone(**id)));
        self.edits.values_mut().for_each(|edit| edit.seen.retain(|id| !gone(*id)));
        self.forget(gone);
        bereft
    }

    /// Forgets edits that are nowhere any more.
    pub fn forget(&mut self, gone: impl Fn(EditId) -> bool) {
        self.edits.retain(|id, _| !gone(*id));
        self.records.values_mut().for_each(|record| record.edits.retain(|id| !gone(*id)));
    }

    /// The fields of a record when these edits count: each with the values that none of them had seen when writing.
    pub fn fields(&self, counted: &[EditId]) -> BTreeMap<&str, Claims> {
        let mut fields: BTreeMap<&str, Claims> = BTreeMap::new();
        for id in counted {
            let edit = &self.edits[id];
            for (field, value) in &edit.writes {
                let claims = fields.entry(field).or_default();
                claims.retain(|(other, _)| edit.seen.binary_search(other).is_err());
                claims.push((*id, value.clone()));
            }
        }
        fields
    }

    /// The records a replica has, with these edits of each, whatever they had seen.
    pub fn listed_at(&self, held: Held<'_>) -> Vec<(RecordId, Vec<EditId>)> {
        let held = |record: &Record| record.edits.iter().copied().filter(|id| held(*id)).collect();
        let all = self.records.iter().map(|(id, record)| (*id, held(record)));
        all.filter(|(_, held): &(RecordId, Vec<EditId>)| !held.is_empty()).collect()
    }

    /// The records a replica has, with what counts of each.
    pub fn records_at(&self, held: Held<'_>) -> Vec<(RecordId, Vec<EditId>)> {
        let all = self.records.iter().map(|(id, record)| (*id, self.counted(record, held)));
        all.filter(|(_, counted)| !counted.is_empty()).collect()
    }
}

/// Whether claims are a conflict: people disagree.
pub fn is_conflict(claims: &Claims) -> bool {
    claims.iter().any(|(_, value)| *value != claims[0].1)
}
