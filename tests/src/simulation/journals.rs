//! What the journals say: they are whole, nothing stands in them twice, and the index computed from them alone is the
//! one that was kept up to date.

use super::oracles::all_rows;
use super::play::Play;
use super::programs::is_misjudged;
use super::reference::EditId;
use crate::harness::world::HUB;
use huiliu_core::documents::inspect;
use huiliu_core::model::{Hlc, RecordId, dictionary};
use huiliu_core::sync::control::{self, Note, Refusal, reason};
use huiliu_core::sync::ledger::Sum;
use huiliu_core::sync::{DeviceId, Entry, EntryKind, Envelope, FeedId, Hash, Run};
use huiliu_store::memory::MemoryIndex;
use huiliu_store::rows::{FeedRow, StayRow, WaitingRow};
use huiliu_store::{Found, Journal, Position, StoreError, Working, keys};
use std::collections::{BTreeMap, BTreeSet};

/// What has been seen of Automerge's (actor, sequence number) in a record, over all replicas.
pub(super) type Sequences = BTreeMap<Sequence, Hash>;

/// Automerge's name of a change: record, actor and sequence number.
type Sequence = (RecordId, [u8; 16], u64);
/// An entry's place.
type Place = (FeedId, u64);

impl Play {
    /// The journal is whole, and says what the model knows: no damage, no number, refusal or (actor, sequence) twice,
    /// times that only rise.
    pub(super) fn check_journal(&mut self, name: &'static str, sequences: &mut Sequences) {
        let machine = &self.world.machines[name];
        let (journal, _) = Journal::open(Box::new(machine.disk.image())).expect("the journal opens");
        let mut reading = Reading {
            name,
            me: machine.key().device(),
            was_damaged: self.damaged.contains(name),
            known: self
                .model
                .edits
                .keys()
                .chain(&self.misjudged)
                .chain(&self.model.given_up)
                .copied()
                .collect(),
            hub: self.world.machines[HUB].key().device(),
            given_up: self.model.given_up.clone(),
            entries: BTreeMap::new(),
            next: BTreeMap::new(),
            newest: BTreeMap::new(),
            refusals: BTreeSet::new(),
            wrong: Vec::new(),
        };
        let scanned: Result<(), StoreError> = journal.scan(Position::default(), |found| {
            match found {
                Found::Run(run, _) => reading.run(&run),
                Found::Damaged(damage) => {
                    reading.wrong.push(format!("{name}'s journal is damaged: {damage:?}"))
                }
            }
            Ok(())
        });
        reading.finish(sequences);
        let mut wrong = reading.wrong;
        wrong.extend(scanned.err().map(|error| format!("{name}'s journal does not read: {error}")));
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// The index computed from the journal alone is the one that was kept up to date.
    pub(super) fn check_rebuild(&mut self, name: &'static str) {
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
                rows.iter().filter(|(key, _)| kept.get(table).is_none_or(|rows| !rows.contains_key(*key)));
            wrong.extend(
                missing.map(|(key, row)| format!("{name}: a rebuild also gives {table} of {key}: {row}")),
            );
        }
        self.failures.extend(wrong.into_iter().take(3));
    }
}

/// An edit in a journal.
struct Standing {
    edit: Option<EditId>,
    sequence: Option<(Sequence, Hash)>,
}

/// What a walk through one journal remembers.
struct Reading {
    name: &'static str,
    me: DeviceId,
    /// Then what fills a hole stands after what lies behind it.
    was_damaged: bool,
    known: BTreeSet<EditId>,
    /// Whose gate may have been unsound.
    hub: DeviceId,
    /// Those that count nowhere any more, refused or not.
    given_up: BTreeSet<EditId>,
    /// What stands in each feed: who wrote it, and of an edit the record, actor and sequence number.
    entries: BTreeMap<(FeedId, u64), Standing>,
    next: BTreeMap<FeedId, u64>,
    newest: BTreeMap<FeedId, Hlc>,
    refusals: BTreeSet<(Place, Place, u16)>,
    wrong: Vec<String>,
}

impl Reading {
    fn run(&mut self, run: &Run) {
        let due = self.next.insert(run.feed, run.last() + 1).unwrap_or(1);
        if run.first != due && !self.was_damaged {
            self.wrong
                .push(format!("{}'s journal has {} of {} instead of {due}", self.name, run.first, run.feed));
        }
        for (number, entry) in (run.first..).zip(&run.entries) {
            let Some(envelope) = &entry.envelope else { continue };
            let forged = edit_of(envelope).is_none() && entry.kind == EntryKind::EDIT;
            let before = self.newest.insert(run.feed, envelope.stamp.at);
            if run.feed.device == self.me
                && !self.was_damaged
                && !forged
                && before.is_some_and(|before| before >= envelope.stamp.at)
            {
                self.wrong.push(format!("{}'s time runs backwards at {number} of {}", self.name, run.feed));
            }
            match entry.kind {
                EntryKind::EDIT => self.edit(run, number, entry, envelope),
                EntryKind::REFUSAL => self.refusal(run, number, entry),
                EntryKind::NOTE => self.note(entry),
                _ => {}
            }
        }
    }

    /// What a feed had after a number is no part of it any more.
    fn note(&mut self, entry: &Entry) {
        if let Some(Note::Rewound { feed, after }) = control::decode(&entry.payload) {
            self.next.insert(feed, after + 1);
            self.newest.remove(&feed);
            self.entries.retain(|(of, number), _| *of != feed || *number <= after);
            self.refusals.retain(|((of, number), ..)| *of != feed || *number <= after);
        }
    }

    fn edit(&mut self, run: &Run, number: u64, entry: &Entry, envelope: &Envelope) {
        let edit = edit_of(envelope);
        if let Some(id) = edit.filter(|id| !self.known.contains(id)) {
            self.wrong.push(format!("{} holds e{id}, which nobody made", self.name));
        }
        let sequence = edit.and_then(|_| inspect(&entry.payload).ok());
        let sequence = sequence.map(|info| ((envelope.record, info.actor, info.seq), info.hash));
        self.entries.insert((run.feed, number), Standing { edit, sequence });
    }

    fn refusal(&mut self, run: &Run, number: u64, entry: &Entry) {
        let Some(refusal) = control::decode::<Refusal>(&entry.payload) else { return };
        let channel = run.feed.channel;
        let feed = FeedId { channel, device: refusal.device, incarnation: refusal.incarnation };
        let again = self
            .refusals
            .iter()
            .any(|(by, refused, _)| by.0 == run.feed && *refused == (feed, refusal.number));
        self.refusals.insert(((run.feed, number), (feed, refusal.number), refusal.reason));
        if again && !self.was_damaged {
            self.wrong.push(format!("{} of {feed} was refused twice", refusal.number));
        }
    }

    /// No honest edit is refused, but one that repeats another, or that stands where a copy wrote another; but for
    /// those no (actor, sequence number) is used twice.
    fn finish(&mut self, sequences: &mut Sequences) {
        for (_, (feed, number), why) in &self.refusals {
            let standing = self.entries.get(&(*feed, *number));
            let standing = standing.filter(|one| one.edit.is_some_and(|id| !self.given_up.contains(&id)));
            let unsound =
                |standing: &Standing| is_misjudged(&self.hub, standing.sequence.map(|one| one.1), *why);
            let wrong = standing.is_some_and(|standing| !unsound(standing));
            if wrong && !matches!(*why, reason::REPEATED | reason::FORKED) {
                self.wrong.push(format!("{number} of {feed} was refused, reason {why}"));
            }
        }
        let forked = self.refusals.iter().filter(|(.., why)| *why == reason::FORKED);
        let forked: BTreeSet<Place> = forked.map(|(_, place, _)| *place).collect();
        let count = self.entries.iter().filter(|(place, _)| !forked.contains(*place));
        for (key, hash) in count.filter_map(|(_, standing)| standing.sequence) {
            if *sequences.entry(key).or_insert(hash) != hash {
                self.wrong.push(format!("{}: (actor, {}) twice in {}", self.name, key.2, key.0));
            }
        }
    }
}

/// The edit that an entry's author names; one that followed something refused counts where it is written again.
pub(super) fn edit_of(envelope: &Envelope) -> Option<EditId> {
    named_edit(&envelope.stamp.who)
        .filter(|_| envelope.stamp.who.starts_with('e') || envelope.origin.is_some())
}

/// The edit that a person's name stands for.
pub(super) fn named_edit(who: &str) -> Option<EditId> {
    who.strip_prefix(['e', 's'])?.parse().ok()
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
    for (stay, row) in index.list::<StayRow>(&keys::stays()).expect("the index reads") {
        let state = (row.kind, row.channel, row.epoch, row.left, row.heads, row.changes, row.unapplied);
        put("the stay", format!("{stay:?}"), format!("{state:?}"));
    }
    for (id, fields) in index.list::<u32>(&keys::conflicts()).expect("the index reads") {
        put("the conflicts", format!("{id:?}"), fields.to_string());
    }
    for (channel, sum) in index.list::<Sum>(&keys::sums()).expect("the index reads") {
        put("the sum", String::from_utf8_lossy(&channel).into_owned(), format!("{sum:?}"));
    }
    for (kind, count) in index.list::<u64>(&keys::counts()).expect("the index reads") {
        put("the count", format!("{kind:?}"), count.to_string());
    }
    for kind in dictionary::kinds() {
        let naturals = index.list::<()>(&keys::naturals(kind.id, "")[..3]).expect("the index reads");
        naturals.into_iter().for_each(|(key, ())| put("the natural key", format!("{key:?}"), String::new()));
    }
    for (_, row) in index.list::<WaitingRow>(&keys::all_waiting()).expect("the index reads") {
        put("the waiting entry", format!("{} of {}", row.number, row.feed), String::new());
    }
    for (number, row) in index.list::<FeedRow>(&keys::feeds()).expect("the index reads") {
        put("the feed", format!("{number:?}"), format!("{row:?}"));
    }
    tables
}
