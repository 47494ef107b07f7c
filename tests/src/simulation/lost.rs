//! What is lost with disks: what nobody has any more is forgotten, exactly that, and what had been written on top of it
//! stands without it or is a draft.

use super::journals::named_edit;
use super::play::Play;
use super::reference::EditId;
use crate::harness::world::{Called, HUB};
use huiliu_core::model::RecordId;
use huiliu_core::sync::control::{self, Arrived, Carried, Draft};
use huiliu_core::sync::{DeviceId, Entry, EntryKind, Envelope, Hash};
use huiliu_store::memory::MemoryDisk;
use huiliu_store::{Found, Journal};
use std::collections::{BTreeMap, BTreeSet};

impl Play {
    /// Nodes have given the hub back what they hold of its grants; those that nobody holds any more are in the backup
    /// that its operator made when the last node had joined.
    fn restore_grants(&mut self) {
        let Some(hub) = self.world.machines[HUB].replica.as_ref() else { return };
        let Some(authority) = hub.ledger().authority.as_ref() else { return };
        let granted = |name: &&'static str| authority.last_grant_of(&self.device_of(name)).is_some();
        if self.names.iter().all(granted) {
            return;
        }
        let (backup, _) = Journal::open_to_read(Box::new(self.backup.image())).expect("a backup opens");
        if let Called::Refused(error) = self.world.call(HUB, |hub, _| hub.take_from(&backup)) {
            return self.fail(format!("the hub takes nothing from its backup: {error}"));
        }
        self.count("grants from a backup");
        for name in &self.names.clone()[1..] {
            self.world.connect(name);
        }
        self.world.settle();
    }

    /// Everybody has given what they have: what is still missing nobody has.
    pub(super) fn give_up_holes(&mut self) {
        if self.damaged.is_empty() {
            return;
        }
        self.restore_grants();
        let bereft = self.forget_lost();
        for name in self.names.clone() {
            self.check_sums(name, "before holes are given up");
        }
        // The hub last, when its nodes have been heard.
        let nodes = self.damaged.iter().filter(|name| **name != HUB);
        let hub = self.damaged.get(HUB);
        for name in nodes.chain(hub).copied().collect::<Vec<_>>() {
            let holes = self.world.machines[name].replica.as_ref().map(|replica| replica.holes());
            self.tell(|| format!("  {name} has holes {holes:?}"));
            if let Called::Refused(error) = self.world.call(name, |replica, now| replica.give_up_holes(now)) {
                self.fail(format!("{name} cannot give up what nobody has: {error}"));
            }
            self.check_sums(name, "after it has given up its holes");
            self.world.collect_all();
            self.world.settle();
        }
        self.see_what_stands(&bereft);
    }

    fn device_of(&self, name: &str) -> DeviceId {
        self.world.machines[name].key().device()
    }

    /// What nobody has any more cannot be asked of anybody: it is forgotten. Nobody has what no replica holds and its
    /// author has not even behind a hole; what only others have behind a hole that nobody can fill has no proof. Gives
    /// back the edits whose authors had seen some of it.
    fn forget_lost(&mut self) -> BTreeSet<EditId> {
        let mut somewhere: BTreeSet<EditId> = BTreeSet::new();
        for name in self.names.clone() {
            let device = self.device_of(name);
            let author = |id: &EditId| self.model.edits.get(id).map(|edit| self.device_of(edit.author));
            let readable = durable_edits(&self.world.machines[name].disk);
            somewhere.extend(readable.iter().filter(|id| author(id) == Some(device)));
            somewhere.extend(self.drafts_at(name));
            somewhere.extend(self.holding(name).all);
        }
        // A forger keeps what it has made in its head.
        let forged = self.forgers.values().flat_map(|forger| forger.runs.values().flatten());
        let forged = forged.flat_map(|run| run.entries.iter().flat_map(envelopes_in));
        somewhere.extend(forged.filter_map(|envelope| named_edit(&envelope.stamp.who)));
        let lost: BTreeSet<EditId> =
            self.model.edits.keys().copied().filter(|id| !somewhere.contains(id)).collect();
        self.tell(|| format!("lost for good: {lost:?}"));
        *self.tally.entry("lost with a disk").or_default() += lost.len() as u64;
        self.model.give_up(|id| lost.contains(&id))
    }

    /// What an edit that had seen something lost stands on now nobody can foretell: how much its author still knew of
    /// what it had seen. It is taken from the record, but must be less than its author had seen, never something else,
    /// which would be overruled unseen. Where it stands on nothing, somebody must have it as a draft, unless nobody was
    /// told that it is saved.
    fn see_what_stands(&mut self, bereft: &BTreeSet<EditId>) {
        let drafts: BTreeSet<EditId> = self.names.iter().flat_map(|name| self.drafts_at(name)).collect();
        let applied = self.holding(HUB).applied;
        for id in bereft {
            let Some(edit) = self.model.edits.get(id) else { continue };
            if !applied.contains(id) {
                if drafts.contains(id) || !edit.saved {
                    self.model.give_up(|other| other == *id);
                } else {
                    let what = format!("e{id} of {} followed what is lost and is nowhere", edit.record);
                    self.fail(what);
                }
                continue;
            }
            let stands_on = self.ancestors(*id, edit.record);
            let seen: Vec<EditId> =
                stands_on.into_iter().filter(|other| self.model.edits.contains_key(other)).collect();
            let unseen = seen.iter().find(|other| edit.seen.binary_search(other).is_err());
            if let Some(unseen) = unseen {
                let what = format!("e{id} was written again over e{unseen}, which its author had not seen");
                return self.fail(what);
            }
            self.model.edits.entry(*id).and_modify(|edit| edit.seen = seen);
        }
    }

    /// The edits that an edit follows in its record as the hub has it.
    fn ancestors(&self, id: EditId, record: RecordId) -> BTreeSet<EditId> {
        let Some(hub) = self.world.machines[HUB].replica.as_ref() else { return BTreeSet::new() };
        let history = hub.load_document(&record).map(|document| document.history()).unwrap_or_default();
        let authors = hub.history(&record).unwrap_or_default();
        let edits: BTreeMap<Hash, EditId> = authors
            .into_iter()
            .filter_map(|(change, author)| Some((change, named_edit(&author.stamp.who)?)))
            .collect();
        let mut open: Vec<Hash> =
            edits.iter().filter(|(_, edit)| **edit == id).map(|(change, _)| *change).collect();
        let mut found = BTreeSet::new();
        while let Some(change) = open.pop() {
            let deps = history.iter().filter(|(hash, ..)| *hash == change).flat_map(|(_, deps, _)| deps);
            open.extend(deps.filter(|dep| edits.get(dep).is_some_and(|edit| found.insert(*edit))));
        }
        found
    }
}

/// The edits in a journal that a power cut and a look at every entry leave: as their authors wrote them, as they came
/// with a record or were carried after it, and as drafts.
pub(super) fn durable_edits(disk: &MemoryDisk) -> BTreeSet<EditId> {
    let image = disk.image();
    image.restart(|_| 0);
    let mut edits = BTreeSet::new();
    if let Ok((journal, _)) = Journal::open_to_read(Box::new(image)) {
        let looked = journal.inspect(|found| {
            let Found::Run(run, _) = found else { return };
            let envelopes = run.entries.iter().flat_map(envelopes_in);
            edits.extend(envelopes.filter_map(|envelope| named_edit(&envelope.stamp.who)));
        });
        looked.expect("a disk in memory reads");
    }
    edits
}

/// The envelopes of the edits that an entry holds.
fn envelopes_in(entry: &Entry) -> Vec<Envelope> {
    match entry.kind {
        EntryKind::EDIT => entry.envelope.iter().cloned().collect(),
        EntryKind::ARRIVED => {
            let arrived = control::decode::<Arrived>(&entry.payload);
            arrived.into_iter().flat_map(|arrived| arrived.changes).map(|written| written.envelope).collect()
        }
        EntryKind::CARRIED => {
            let carried = control::decode::<Carried>(&entry.payload);
            carried.and_then(|carried| carried.edit.envelope).into_iter().collect()
        }
        EntryKind::DRAFT => {
            let draft = control::decode::<Draft>(&entry.payload);
            draft.and_then(|draft| draft.entry.envelope).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
