//! What replicas hold: edits by their authors' stamps, and which of them count where.

use super::journals::edit_of;
use super::members;
use super::play::Play;
use super::reference::EditId;
use huiliu_core::model::{Channel, RecordId};
use huiliu_core::sync::{FeedId, Hash};
use huiliu_store::rows::ChangeState;
use std::collections::{BTreeMap, BTreeSet};

/// The edits a replica holds.
#[derive(Clone, Default)]
pub(super) struct Holding {
    /// All of them.
    pub(super) all: BTreeSet<EditId>,
    /// Those that no revocation it knows of leaves out.
    pub(super) standing: BTreeSet<EditId>,
    /// Those that count there, by its own word.
    pub(super) applied: BTreeSet<EditId>,
    /// Of each record that has moved, as far as is known there, those that count where it is: none if that is elsewhere.
    pub(super) moved: BTreeMap<RecordId, BTreeSet<EditId>>,
    /// The changes that the edits became.
    pub(super) changes: BTreeMap<EditId, Hash>,
}

impl Play {
    /// How far a replica holds each feed; nothing if it does not run.
    pub(super) fn held(&self, name: &str) -> BTreeMap<FeedId, u64> {
        let replica = self.world.machines[name].replica.as_ref();
        let heads = replica.map(|replica| replica.ledger().heads().map(|(feed, head)| (*feed, head.number)));
        heads.into_iter().flatten().collect()
    }

    /// The edits a replica holds, by their authors' stamps; nothing if it does not run.
    pub(super) fn holding(&self, name: &'static str) -> Holding {
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return Holding::default() };
        let now = (replica.journal_end(), self.starts, self.model.revocations.len());
        if let Some((then, holding)) = self.seen.borrow().get(name)
            && *then == now
            // What a full disk did not take was looked at before that was known.
            && !self.world.machines[name].disk.is_failing()
        {
            return holding.clone();
        }
        let (heads, mut holding) = (self.held(name), Holding::default());
        let mut newest: BTreeMap<RecordId, (u32, Channel)> = BTreeMap::new();
        let mut several = BTreeSet::new();
        let looked = replica.each_change(|stay, row| {
            let record = row.envelope.record;
            if stay.epoch > 0 || stay.left.is_some() {
                several.insert(record);
            }
            if newest.get(&record).is_none_or(|rank| *rank < stay.rank()) && !stay.heads.is_empty() {
                newest.insert(record, stay.rank());
                holding.moved.insert(record, BTreeSet::new());
            }
            let Some(named) = edit_of(&row.envelope) else { return };
            holding.changes.insert(named, row.hash);
            let same = self.same.get(&row.hash);
            for id in same.into_iter().flatten().copied().chain([named]) {
                if row.state == ChangeState::Applied
                    && newest.get(&record) == Some(&stay.rank())
                    && !stay.has_ended()
                {
                    holding.moved.entry(record).or_default().insert(id);
                }
                holding.all.insert(id);
                if row.state == ChangeState::Applied {
                    holding.applied.insert(id);
                }
                if !self.model.is_revoked(&row.feed, row.number, &heads) {
                    holding.standing.insert(id);
                }
            }
        });
        looked.expect("the index reads");
        holding.moved.retain(|record, _| several.contains(record));
        for record in several {
            holding.moved.entry(record).or_default();
        }
        self.seen.borrow_mut().insert(name, (now, holding.clone()));
        holding
    }

    /// The edits that the model takes for counting at a replica. Between a fork and its mending a replica can hold an
    /// edit as it was written first and another that has seen it as it was written again: then its own word is taken.
    pub(super) fn counting<'a>(&self, holding: &'a Holding) -> &'a BTreeSet<EditId> {
        if self.parted || self.differing { &holding.applied } else { &holding.standing }
    }

    /// The records a replica has, by the model.
    pub(super) fn records_at(&self, name: &'static str) -> Vec<(RecordId, Vec<EditId>)> {
        let holding = self.holding(name);
        let counting = self.counting(&holding);
        let records = if self.differing {
            self.model.listed_at(&|id| counting.contains(&id))
        } else {
            self.model.records_at(&|id| counting.contains(&id))
        };
        let mut records: BTreeMap<RecordId, Vec<EditId>> = records.into_iter().collect();
        // Where a record is, and what has been carried there so far, is the hub's word.
        for (record, shown) in &holding.moved {
            records.remove(record);
            let known: Vec<EditId> =
                shown.iter().copied().filter(|id| self.model.edits.contains_key(id)).collect();
            if !known.is_empty() {
                records.insert(*record, known);
            }
        }
        records.into_iter().collect()
    }

    /// An organization or a division of a replica: who forges writes their fields.
    pub(super) fn some_place(
        &self,
        name: &'static str,
        rng: &mut fastrand::Rng,
    ) -> Option<(RecordId, Vec<EditId>)> {
        let found = self.some_record(name, rng)?;
        (!members::KINDS.contains(&self.model.records[&found.0].kind)).then_some(found)
    }

    /// A record of a replica; the newest more often.
    pub(super) fn some_record(
        &self,
        name: &'static str,
        rng: &mut fastrand::Rng,
    ) -> Option<(RecordId, Vec<EditId>)> {
        let mut records = self.records_at(name);
        if records.is_empty() {
            return None;
        }
        let back = rng.usize(..records.len());
        let back = rng.usize(..=back);
        Some(records.swap_remove(records.len() - 1 - back))
    }
}
