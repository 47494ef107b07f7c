//! The oracles: what must hold after each crash, and when all is healed.

use super::play::Play;
use super::reference::{Claims, EditId, is_conflict};
use super::schedule::REPLICAS;
use crate::harness::watch::may_see;
use crate::harness::world::{HUB, IndexFound};
use huiliu_core::documents::{DELETED, inspect};
use huiliu_core::model::{Hlc, KindId, RecordId, Value, dictionary};
use huiliu_core::sync::control::{self, Refusal};
use huiliu_core::sync::{DeviceId, EntryKind, FeedId, Hash};
use huiliu_store::memory::MemoryIndex;
use huiliu_store::rows::{RecordRow, Row, Waiting, WaitingRow};
use huiliu_store::{Found, Journal, Position, StoreError, Working, keys};
use std::collections::{BTreeMap, BTreeSet};

/// What has been seen of Automerge's (actor, sequence number) in a record, over all replicas.
type Sequences = BTreeMap<(RecordId, [u8; 16], u64), Hash>;

impl Play {
    /// Everybody comes up, connects and becomes level; then everything is compared.
    pub fn heal(&mut self) {
        self.calm();
        for (name, _) in REPLICAS {
            if self.world.machines[name].disk.is_crashed() {
                self.crash(name);
            }
            if self.world.runs(name) {
                // A machine that was about to crash does so no more.
                self.commit(name);
                self.crash(name);
            }
            self.restart(name, IndexFound::Same);
        }
        if !self.failures.is_empty() {
            return;
        }
        for (name, _) in &REPLICAS[1..] {
            self.world.connect(name);
        }
        self.world.settle();
        self.absorb();
        self.failures.append(&mut self.world.violations);
    }

    /// Compares everything with the model and with each other.
    pub fn check_all(&mut self, seed: u64) {
        self.check_level();
        let mut sequences = Sequences::new();
        for (name, _) in REPLICAS {
            self.check_records(name);
            self.check_saved_at_author(name);
            self.check_journal(name, &mut sequences);
            self.check_waiting(name);
        }
        self.check_saved_everywhere();
        self.check_winners();
        self.check_conflicts();
        if self.failures.is_empty() {
            // A rebuild costs as much as the schedule: two of five, drawn by the seed.
            let first = seed as usize % REPLICAS.len();
            for at in [first, first + 1 + seed as usize / REPLICAS.len() % (REPLICAS.len() - 1)] {
                self.check_rebuild(REPLICAS[at % REPLICAS.len()].0);
            }
        }
    }

    /// What a replica said is saved is in its journal.
    pub(super) fn check_saved_at_author(&mut self, name: &'static str) {
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return };
        let device = replica.device();
        let held = self.held(name);
        let lost = self.model.edits.iter().find(|(_, edit)| {
            edit.saved
                && edit.feed.device == device
                && held.get(&edit.feed).is_none_or(|head| *head < edit.number)
        });
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
            let listed = conflicts.get(&id.0.to_vec()).copied().unwrap_or(0);
            if open != listed {
                wrong.push(format!("{name} lists {listed} conflicts of {id}, {open} are open"));
            }
            match row {
                None => wrong.push(format!("{name} does not show {id}")),
                Some(row) => wrong.extend(compare(&fields, &row).map(|what| format!("{name}, {id}: {what}"))),
            }
        }
        wrong.extend(rows.keys().map(|id| format!("{name} shows {id}, which nobody made")));
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// All links level, nothing pending, equal fingerprints in every channel that hub and node share.
    fn check_level(&mut self) {
        let mut wrong = Vec::new();
        for (name, _) in &REPLICAS[1..] {
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
        let revoked: BTreeSet<DeviceId> =
            self.world.revoked.iter().map(|name| self.world.machines[name].key().device()).collect();
        for (name, _) in REPLICAS {
            if self.world.revoked.contains(name) {
                continue;
            }
            let (held, division) = (self.held(name), self.world.machines[name].division);
            let missing = self.model.edits.iter().find(|(_, edit)| {
                let may = may_see(division, edit.feed.channel) && !revoked.contains(&edit.feed.device);
                may && held.get(&edit.feed).is_none_or(|head| *head < edit.number)
            });
            if let Some((id, edit)) = missing {
                let what = format!("e{id} of {} has not come to {name}", edit.record);
                self.fail(what);
            }
        }
    }

    /// The winner of every field is the same everywhere.
    fn check_winners(&mut self) {
        let rows = |name: &str| all_rows(&Working::new(Box::new(self.world.machines[name].index.clone())));
        let hub = rows(HUB);
        let mut wrong = Vec::new();
        for (name, _) in REPLICAS[1..].iter().filter(|(name, _)| !self.world.revoked.contains(name)) {
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
        for (name, _) in REPLICAS {
            for (id, counted) in self.records_at(name) {
                let fields = self.model.fields(&counted);
                let expected: BTreeMap<String, BTreeSet<(EditId, Value)>> = fields
                    .into_iter()
                    .filter(|(_, claims)| is_conflict(claims))
                    .map(|(field, claims)| (field.to_owned(), claims.into_iter().collect()))
                    .collect();
                if !expected.is_empty() && self.listed_conflicts(name, &id) != expected {
                    wrong.push(format!("{name} lists other conflicts of {id} than {expected:?}"));
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
                (author.and_then(|author| edit_of(&author.stamp.who)).unwrap_or(0), claim.value.clone())
            });
            named.collect()
        };
        conflicts.into_iter().map(|conflict| (conflict.field.clone(), claims(&conflict.claims))).collect()
    }

    /// The journal is whole, and says what the model knows: no damage, no number, refusal or (actor, sequence) twice,
    /// times that only rise.
    fn check_journal(&mut self, name: &'static str, sequences: &mut Sequences) {
        let machine = &self.world.machines[name];
        let me = machine.key().device();
        let (journal, _) = Journal::open(Box::new(machine.disk.image())).expect("the journal opens");
        let mut wrong = Vec::new();
        let mut next: BTreeMap<FeedId, u64> = BTreeMap::new();
        let mut refusals: BTreeSet<(FeedId, u64)> = BTreeSet::new();
        let mut newest: BTreeMap<FeedId, Hlc> = BTreeMap::new();
        let by_place: BTreeMap<(FeedId, u64), EditId> =
            self.model.edits.iter().map(|(id, edit)| ((edit.feed, edit.number), *id)).collect();
        let scanned: Result<(), StoreError> = journal.scan(Position::default(), |found| {
            let run = match found {
                Found::Run(run, _) => run,
                Found::Damaged(damage) => {
                    wrong.push(format!("{name}'s journal is damaged: {damage:?}"));
                    return Ok(());
                }
            };
            let due = next.entry(run.feed).or_insert(1);
            if run.first != *due {
                wrong.push(format!("{name}'s journal has {} of {} instead of {due}", run.first, run.feed));
            }
            *due = run.last() + 1;
            for (number, entry) in (run.first..).zip(&run.entries) {
                let Some(envelope) = &entry.envelope else { continue };
                let forged = edit_of(&envelope.stamp.who).is_none() && entry.kind == EntryKind::EDIT;
                let before =
                    newest.insert(run.feed, envelope.stamp.at).filter(|_| run.feed.device == me && !forged);
                if before.is_some_and(|before| before >= envelope.stamp.at) {
                    wrong.push(format!("{name}'s time runs backwards at {number} of {}", run.feed));
                }
                match entry.kind {
                    EntryKind::EDIT => {
                        let known = by_place.get(&(run.feed, number)).copied();
                        if edit_of(&envelope.stamp.who) != known {
                            wrong.push(format!("{name} holds {:?} where {known:?} was", envelope.stamp.who));
                        }
                        if let (Some(_), Ok(info)) = (known, inspect(&entry.payload)) {
                            let key = (envelope.record, info.actor, info.seq);
                            if *sequences.entry(key).or_insert(info.hash) != info.hash {
                                wrong.push(format!(
                                    "{name}: (actor, {}) twice in {}",
                                    info.seq, envelope.record
                                ));
                            }
                        }
                    }
                    EntryKind::REFUSAL => {
                        if let Some(refusal) = control::decode::<Refusal>(&entry.payload) {
                            let channel = run.feed.channel;
                            let feed =
                                FeedId { channel, device: refusal.device, incarnation: refusal.incarnation };
                            if by_place.contains_key(&(feed, refusal.number)) {
                                wrong.push(format!(
                                    "{} of {feed} was refused, reason {}",
                                    refusal.number, refusal.reason
                                ));
                            }
                            if !refusals.insert((feed, refusal.number)) {
                                wrong.push(format!("{} of {feed} was refused twice", refusal.number));
                            }
                        }
                    }
                    _ => {}
                }
            }
            Ok(())
        });
        if let Err(error) = scanned {
            wrong.push(format!("{name}'s journal does not read: {error}"));
        }
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// When all is healed nothing waits for an entry that exists, nor for a judgement.
    fn check_waiting(&mut self, name: &'static str) {
        if self.world.revoked.contains(name) {
            return;
        }
        let index = Working::new(Box::new(self.world.machines[name].index.clone()));
        let waiting = index.list::<WaitingRow>(&keys::all_waiting()).expect("the index reads");
        let stuck = waiting.into_iter().map(|(_, row)| row).find(|row| match row.waiting {
            Some(Waiting::Judgement(_) | Waiting::Upgrade) => true,
            Some(Waiting::Dependency) => self.world.revoked.is_empty(),
            _ => false,
        });
        if let Some(row) = stuck {
            self.fail(format!("at {name} {} of {} waits: {:?}", row.number, row.feed, row.waiting));
        }
    }

    /// The index computed from the journal alone is the one that was kept up to date.
    fn check_rebuild(&mut self, name: &'static str) {
        let (rebuilt, index) = match self.world.rebuilt(name) {
            Ok(rebuilt) => rebuilt,
            Err(error) => return self.fail(format!("{name} cannot be rebuilt: {error}")),
        };
        drop(rebuilt);
        let mut wrong = Vec::new();
        let (kept, fresh) = (tables(&self.world.machines[name].index), tables(&index));
        for (table, rows) in &kept {
            for (key, row) in rows {
                if fresh.get(table).and_then(|rows| rows.get(key)) != Some(row) {
                    wrong.push(format!("{name}: {table} of {key} is not what a rebuild gives"));
                }
            }
        }
        for (table, rows) in &fresh {
            let missing =
                rows.keys().filter(|key| kept.get(table).is_none_or(|rows| !rows.contains_key(*key)));
            wrong.extend(missing.map(|key| format!("{name}: a rebuild also gives {table} of {key}")));
        }
        self.failures.extend(wrong.into_iter().take(3));
    }
}

/// The edit that a stamp names.
fn edit_of(who: &str) -> Option<EditId> {
    who.strip_prefix('e')?.parse().ok()
}

/// Every row of every kind, deleted ones included.
fn all_rows(index: &Working) -> BTreeMap<RecordId, Row> {
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
    let unknown = row.fields.keys().find(|field| !fields.contains_key(field.as_str()));
    let deleted = row.deleted.is_some() && !fields.contains_key(DELETED);
    unknown
        .map(|field| format!("{field} was never written"))
        .or(deleted.then(|| "it was never deleted".into()))
}

/// The tables whose content follows from the journal, for comparison: rows, natural keys, counts, conflicts, sums, heads,
/// records, what waits.
fn tables(index: &MemoryIndex) -> BTreeMap<&'static str, BTreeMap<String, String>> {
    let index = Working::new(Box::new(index.clone()));
    let mut tables: BTreeMap<&'static str, BTreeMap<String, String>> = BTreeMap::new();
    let mut put = |table, key: String, row: String| drop(tables.entry(table).or_default().insert(key, row));
    for (id, row) in all_rows(&index) {
        put("the row", id.to_string(), format!("{row:?}"));
    }
    let records = index.list::<RecordRow>(&keys::records()).expect("the index reads");
    for (id, row) in records {
        let state = (row.kind, row.channel, row.heads, row.changes, row.unapplied);
        put("the heads", format!("{:?}", RecordId(id.try_into().unwrap_or_default())), format!("{state:?}"));
    }
    for (id, fields) in index.list::<u32>(&keys::conflicts()).expect("the index reads") {
        put("the conflicts", format!("{id:?}"), fields.to_string());
    }
    for (channel, sum) in
        index.list::<huiliu_core::sync::ledger::Sum>(&keys::sums()).expect("the index reads")
    {
        put("the sum", String::from_utf8_lossy(&channel).into_owned(), format!("{sum:?}"));
    }
    for (kind, count) in index.list::<u64>(&keys::counts()).expect("the index reads") {
        put("the count", format!("{kind:?}"), count.to_string());
    }
    for kind in dictionary::kinds() {
        let naturals =
            index.list::<()>(&[keys::naturals(kind.id, "")[..3].to_vec()].concat()).expect("the index reads");
        naturals.into_iter().for_each(|(key, ())| put("the natural key", format!("{key:?}"), String::new()));
    }
    for (_, row) in index.list::<WaitingRow>(&keys::all_waiting()).expect("the index reads") {
        put("the waiting entry", format!("{} of {}", row.number, row.feed), String::new());
    }
    for (number, row) in index.list::<huiliu_store::rows::FeedRow>(&keys::feeds()).expect("the index reads") {
        put("the feed", format!("{number:?}"), format!("{row:?}"));
    }
    tables
}
