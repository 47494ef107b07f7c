//! The oracles: what must hold after each crash, and when all is healed.

use super::journals::{Sequences, named_edit};
use super::play::Play;
use super::reference::{Claims, Edit, EditId, is_conflict};
use crate::harness::watch::may_see;
use crate::harness::world::{HUB, IndexFound};
use huiliu_core::documents::DELETED;
use huiliu_core::model::{KindId, RecordId, Value, dictionary};
use huiliu_core::sync::Hash;
use huiliu_store::keys::Stay;
use huiliu_store::rows::{ChangeRow, Row, Waiting, WaitingRow};
use huiliu_store::{Working, keys};
use std::collections::{BTreeMap, BTreeSet};

impl Play {
    /// Everybody comes up, connects and becomes level; then everything is compared.
    pub fn heal(&mut self) {
        self.calm();
        for name in self.names.clone() {
            if self.world.machines[name].disk.is_crashed() {
                self.crash(name);
            }
            self.make_sound(name);
            if self.world.runs(name) {
                // A machine that was about to crash does so no more.
                self.commit(name);
                self.crash(name);
            }
            self.restart(name, IndexFound::Same);
            self.mend(name);
        }
        if !self.failures.is_empty() {
            return;
        }
        for name in &self.names.clone()[1..] {
            self.world.connect(name);
        }
        self.deliver_again();
        self.world.settle();
        self.give_up_holes();
        if self.people {
            self.hand_on_keys();
            self.replace_match_key();
        }
        self.absorb();
        self.failures.append(&mut self.world.violations);
    }

    /// Compares everything with the model and with each other.
    pub fn check_all(&mut self, seed: u64) {
        (self.parted, self.differing) = (false, false);
        self.check_misjudged();
        self.check_days();
        self.count_third_branches();
        self.check_level();
        let mut sequences = Sequences::new();
        for name in self.names.clone() {
            self.check_records(name);
            self.check_saved_at_author(name);
            // A revoked machine that was set back keeps its own branch: nobody tells it of another any more.
            let apart = self.card.is_some() && self.world.revoked.contains(name);
            let mut its_own = Sequences::new();
            self.check_journal(name, if apart { &mut its_own } else { &mut sequences });
            self.check_waiting(name);
            self.check_mended(name);
        }
        self.check_saved_everywhere();
        self.check_winners();
        self.check_places();
        self.check_conflicts();
        self.check_figures(seed);
        self.check_findings();
        self.check_affiliations();
        self.check_matches();
        self.check_match_keys();
        self.check_read();
        self.check_sealed();
        if self.failures.is_empty() {
            // A rebuild costs as much as the schedule: two of five, drawn by the seed.
            let count = self.names.len();
            let first = seed as usize % count;
            for at in [first, first + 1 + seed as usize / count % (count - 1)] {
                self.check_rebuild(self.names[at % count]);
            }
        }
    }

    /// No index was ever found wrong beside a peer's: what was mended was not computed right before.
    fn check_mended(&mut self, name: &'static str) {
        let replica = self.world.machines[name].replica.as_ref();
        let mended = replica.map_or(0, |replica| replica.mended().expect("the index reads"));
        if mended > 0 {
            self.fail(format!("{name}: the index was wrong {mended} times"));
        }
    }

    /// What a replica said is saved is in its journal.
    pub(super) fn check_saved_at_author(&mut self, name: &'static str) {
        if !self.world.runs(name) {
            return;
        }
        let (holding, none) = (self.holding(name), BTreeSet::new());
        let promised = self.promised.get(name).unwrap_or(&none);
        // What follows a change that its author must write again is a draft until then.
        let mut missing = promised.difference(&holding.all).peekable();
        let drafts = if missing.peek().is_some() { self.drafts_at(name) } else { BTreeSet::new() };
        let lost = missing.find(|id| !drafts.contains(id)).map(|id| (*id, &self.model.edits[id]));
        if let Some((id, edit)) = lost {
            let what = format!("{name} has lost e{id} of {}, which it had said is saved", edit.record);
            self.fail(what);
        }
    }

    /// A replica shows what follows from the edits it holds: rows, deletions, how many fields are in conflict.
    pub(super) fn check_records(&mut self, name: &'static str) {
        let index = Working::new(Box::new(self.world.machines[name].index.clone()));
        let conflicts: BTreeMap<Vec<u8>, u32> =
            index.list(&keys::conflicts()).expect("the index reads").into_iter().collect();
        let expected = self.records_at(name);
        let mut wrong = Vec::new();
        let mut rows = all_rows(&index);
        for (id, counted) in &expected {
            let row = rows.remove(id);
            let fields = self.model.fields(counted);
            let open = fields.values().filter(|claims| is_conflict(claims)).count() as u32;
            let listed = conflicts.get(id.0.as_slice()).copied().unwrap_or(0);
            if open != listed {
                wrong.push(format!("{name} lists {listed} conflicts of {id}, {open} are open"));
                wrong.push(format!(
                    "  of the edits {counted:?}; read again: {:?}; of {}",
                    self.listed_conflicts(name, id),
                    changes_in_words(&index, id)
                ));
            }
            match row {
                None => wrong.push(format!("{name} does not show {id}, of {}", changes_in_words(&index, id))),
                Some(row) => wrong.extend(
                    compare(&fields, &row)
                        .map(|what| format!("{name}, {id}: {what}\n  of {}", changes_in_words(&index, id))),
                ),
            }
        }
        wrong.extend(rows.keys().map(|id| format!("{name} shows {id}, which nobody made")));
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// All links level, nothing pending, equal fingerprints in every channel that hub and node share.
    fn check_level(&mut self) {
        let mut wrong = Vec::new();
        for name in &self.names.clone()[1..] {
            if self.world.level.get(name) != Some(&true) {
                wrong.push(format!("{name} is not level with the hub"));
            }
            let revoked = self.world.revoked.contains(name);
            let machine = &self.world.machines[name];
            let hub = self.world.machines[HUB].replica.as_ref();
            let (Some(node), Some(hub)) = (machine.replica.as_ref(), hub) else { continue };
            let channels: BTreeSet<_> =
                node.ledger().heads().chain(hub.ledger().heads()).map(|(feed, _)| feed.channel).collect();
            let control = self.control();
            for channel in channels {
                let shared = channel.is_shared()
                    && may_see(machine.division, channel)
                    && (!revoked || channel == control);
                if shared && node.ledger().fingerprint(channel) != hub.ledger().fingerprint(channel) {
                    wrong.push(format!("{name} and hub differ in {channel}"));
                }
            }
            if !revoked && node.pending() > 0 {
                wrong.push(format!("{name} has {} pending", node.pending()));
            }
        }
        self.failures.extend(wrong);
    }

    /// What was saved is wherever it may be seen; what a revoked device wrote is where its author is.
    fn check_saved_everywhere(&mut self) {
        let drafts: BTreeSet<EditId> = self.names.iter().flat_map(|name| self.drafts_at(name)).collect();
        let everybody: Vec<BTreeSet<EditId>> = self.names.iter().map(|name| self.holding(name).all).collect();
        // What was never said to be saved, or on a machine that was set back since, may be gone. What only somebody else
        // had seen, on a branch that does not count, is a draft there.
        let lost = |id| everybody.iter().all(|held| !held.contains(&id));
        let may = |id, edit: &Edit| !edit.saved || drafts.contains(id);
        let gone = self.model.edits.iter().filter(|(id, edit)| may(id, edit) && lost(**id));
        let gone: BTreeSet<EditId> = gone.map(|(id, _)| *id).collect();
        self.model.forget(|id| gone.contains(&id));
        // What moved with its record before the hub was set back may be there alone.
        let moved = self.holding(HUB).moved;
        let moved =
            |id: EditId, edit: &Edit| moved.get(&edit.record).is_some_and(|shown| shown.contains(&id));
        for (at, name) in self.names.clone().into_iter().enumerate() {
            if self.world.revoked.contains(name) {
                continue;
            }
            let division = self.world.machines[name].division;
            let missing = self.model.edits.iter().find(|(id, edit)| {
                let author = self.world.machines[edit.author].key().device();
                let revoked =
                    self.world.revoked.iter().any(|name| self.world.machines[name].key().device() == author);
                let seen = everybody[at].contains(id) || moved(**id, edit);
                may_see(division, edit.channel) && !revoked && !seen
            });
            if let Some((id, edit)) = missing {
                let what = format!("e{id} of {} has not come to {name}", edit.record);
                self.fail(what);
            }
        }
    }

    pub(super) fn drafts_at(&self, name: &str) -> BTreeSet<EditId> {
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return BTreeSet::new() };
        let drafts = replica.drafts().expect("the drafts read");
        drafts.iter().filter_map(|draft| named_edit(&draft.entry.envelope.as_ref()?.stamp.who)).collect()
    }

    /// Every change that some replica holds.
    fn changes_somewhere(&self) -> BTreeSet<Hash> {
        let indexes = self.names.iter().map(|name| self.world.machines[name].index.clone());
        let rows = indexes.flat_map(|index| {
            let index = Working::new(Box::new(index));
            index.list::<ChangeRow>(&keys::all_changes()).expect("the index reads")
        });
        rows.map(|(_, change)| change.hash).collect()
    }

    /// The winner of every field is the same everywhere.
    fn check_winners(&mut self) {
        let rows = |name: &str| all_rows(&Working::new(Box::new(self.world.machines[name].index.clone())));
        let hub = rows(HUB);
        let mut wrong = Vec::new();
        for name in self.names[1..].iter().filter(|name| !self.world.revoked.contains(*name)) {
            for (id, row) in rows(name) {
                if hub.get(&id) != Some(&row) {
                    wrong.push(format!("{name} and hub show {id} differently"));
                }
            }
        }
        self.failures.extend(wrong);
    }

    /// The list of a record's conflicts names each claim with its author, everywhere the same.
    fn check_conflicts(&mut self) {
        let mut wrong = Vec::new();
        for name in self.names.clone() {
            let index = Working::new(Box::new(self.world.machines[name].index.clone()));
            for (id, counted) in self.records_at(name) {
                let fields = self.model.fields(&counted);
                let expected: BTreeMap<String, BTreeSet<(EditId, Value)>> = fields
                    .into_iter()
                    .filter(|(_, claims)| is_conflict(claims))
                    .map(|(field, claims)| (field.to_owned(), claims.into_iter().collect()))
                    .collect();
                let listed = self.listed_conflicts(name, &id);
                if !expected.is_empty() && listed != expected {
                    wrong.push(format!("{name} lists {listed:?} as conflicts of {id}, not {expected:?}"));
                    wrong.push(format!("  of {}", changes_in_words(&index, &id)));
                }
            }
        }
        self.failures.extend(wrong);
    }

    fn listed_conflicts(&self, name: &str, id: &RecordId) -> BTreeMap<String, BTreeSet<(EditId, Value)>> {
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return BTreeMap::new() };
        let conflicts = replica.conflicts_of(id).unwrap_or_default();
        let claims = |claims: &[huiliu_core::documents::Claim]| {
            let named = claims.iter().map(|claim| {
                let author = replica.author_of(id, &claim.change).ok().flatten();
                (author.and_then(|author| named_edit(&author.stamp.who)).unwrap_or(0), claim.value.clone())
            });
            named.collect()
        };
        conflicts.into_iter().map(|conflict| (conflict.field.clone(), claims(&conflict.claims))).collect()
    }

    /// When all is healed nothing waits for an entry that exists, nor for a judgement.
    fn check_waiting(&mut self, name: &'static str) {
        if self.world.revoked.contains(name) {
            return;
        }
        let index = Working::new(Box::new(self.world.machines[name].index.clone()));
        let waiting = index.list::<WaitingRow>(&keys::all_waiting()).expect("the index reads");
        let somewhere = self.changes_somewhere();
        let stuck = waiting.into_iter().map(|(_, row)| row).find(|row| match row.waiting {
            // Of a program that nobody has yet.
            Some(Waiting::Upgrade) if self.newer.contains(&row.feed) && row.record == RecordId::NIL => false,
            Some(Waiting::Judgement(_) | Waiting::Upgrade) => true,
            // What follows a change that nobody has any more, or never had, may wait for ever.
            Some(Waiting::Dependency) => {
                let stay = Stay { record: row.record, channel: row.feed.channel };
                let rows = index.list::<ChangeRow>(&keys::changes(&stay)).expect("the index reads");
                let here: BTreeSet<Hash> = rows.iter().map(|(_, change)| change.hash).collect();
                let mut missing =
                    rows.iter().flat_map(|(_, change)| &change.deps).filter(|dep| !here.contains(*dep));
                self.world.revoked.is_empty() && missing.all(|dep| somewhere.contains(dep))
            }
            _ => false,
        });
        if let Some(row) = stuck {
            let (number, feed, waiting) = (row.number, row.feed, row.waiting);
            let changes = changes_in_words(&index, &row.record);
            self.fail(format!("at {name} {number} of {feed} waits: {waiting:?} in {changes}"));
        }
    }
}

impl Play {
    /// Whether something waits at a replica for a newer program, or for the hub's word.
    pub(super) fn waits_for_program(&self, name: &str) -> (bool, bool) {
        let index = Working::new(Box::new(self.world.machines[name].index.clone()));
        let rows = index.list::<WaitingRow>(&keys::all_waiting()).expect("the index reads");
        let waits =
            |what: fn(&Waiting) -> bool| rows.iter().any(|(_, row)| row.waiting.as_ref().is_some_and(what));
        (
            waits(|for_what| *for_what == Waiting::Upgrade),
            waits(|for_what| matches!(for_what, Waiting::Judgement(_))),
        )
    }
}

fn changes_in_words(index: &Working, id: &RecordId) -> String {
    let all = [keys::all_changes(), id.0.to_vec()].concat();
    let changes = index.list::<ChangeRow>(&all).expect("the index reads");
    changes.iter().map(|(_, row)| change_in_words(row)).collect::<Vec<_>>().join("; ")
}

fn change_in_words(row: &ChangeRow) -> String {
    let origin = row.envelope.origin.as_ref().map(|origin| origin.change);
    let (who, number, feed) = (&row.envelope.stamp.who, row.number, row.feed.incarnation);
    format!("{who} {:?} after {:?} at {number} of {feed} for {origin:?}: {:?}", row.hash, row.deps, row.state)
}

/// Every row of every kind, deleted ones included.
pub(super) fn all_rows(index: &Working) -> BTreeMap<RecordId, Row> {
    let kinds: Vec<KindId> = dictionary::kinds().iter().map(|kind| kind.id).collect();
    let rows =
        kinds.into_iter().flat_map(|kind| index.list::<Row>(&keys::rows(kind)).expect("the index reads"));
    rows.filter_map(|(id, row)| Some((RecordId(id.try_into().ok()?), row))).collect()
}

/// What is wrong with a row: every field must hold one of the values that stand.
fn compare(fields: &BTreeMap<&str, Claims>, row: &Row) -> Option<String> {
    for (field, claims) in fields {
        let shown = match (*field == DELETED, &row.deleted) {
            (true, Some(reason)) => Value::of(reason.as_str()),
            (true, None) => Value::Null,
            (false, _) => row.fields.get(*field).cloned().unwrap_or(Value::Null),
        };
        if !claims.iter().any(|(_, value)| *value == shown) {
            return Some(format!("{field} is {shown:?}, what stands is {claims:?}"));
        }
    }
    // Counties write the hashes of numbers by themselves: that they are the same has an oracle of its own.
    let known = |field: &str| field == "id_match" || fields.contains_key(field);
    let unknown = row.fields.keys().find(|field| !known(field.as_str()));
    let deleted = row.deleted.is_some() && !fields.contains_key(DELETED);
    unknown
        .map(|field| format!("{field} was never written"))
        .or(deleted.then(|| "it was never deleted".into()))
}
