//! Applying later. Where the caller wants it, edits that come are made durable and acknowledged first, and applied when
//! nothing more urgent waits: the link that is up now may be gone in a minute. What is held and not applied yet follows
//! from the journal, so that a start goes on where the program ended.

use crate::error::ReplicaError;
use crate::exchange::Effect;
use crate::replica::Replica;
use huiliu_core::model::DictionaryEdition;
use huiliu_core::sync::{DeviceId, EntryKind, FeedId, Hash, Run};
use huiliu_store::{Position, Span};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

/// With so many entries waiting no more batches are taken: whoever asks for something waits for them, and so does the next
/// start.
pub(crate) const MOST_WAITING: usize = 32_768;

/// What is held and not applied. A run of each device is applied in turn, so that who sends little never waits for who
/// sends much; what follows something that is not applied yet waits for it in its record, as it does when it comes early.
#[derive(Default)]
pub(crate) struct Arrived {
    /// The runs of each device, in order of the journal.
    runs: BTreeMap<DeviceId, VecDeque<ArrivedRun>>,
    /// Whose run was applied last, and whether only in part.
    last: Option<DeviceId>,
    within_run: bool,
    /// How many entries are not applied.
    pub(crate) entries: usize,
    /// Where what has arrived ends in the journal.
    end: Position,
    /// Where the runs lie that are applied already, behind others that are not.
    pub(crate) ahead: BTreeSet<Position>,
}

impl Arrived {
    /// Whether a run is applied in part.
    pub(crate) fn is_within_run(&self) -> bool {
        self.within_run
    }

    /// Whose run is next: the same device's until it is done, then the next one's.
    fn next(&self) -> Option<(DeviceId, &ArrivedRun)> {
        let first = match (self.last, self.within_run) {
            (Some(last), true) => Bound::Included(last),
            (Some(last), false) => Bound::Excluded(last),
            (None, _) => Bound::Unbounded,
        };
        let next = self.runs.range((first, Bound::Unbounded)).next().or_else(|| self.runs.iter().next());
        next.and_then(|(device, runs)| Some((*device, runs.front()?)))
    }

    /// So many entries of a device's first run are done; gives back up to where in the journal all is, if the run is.
    fn done(&mut self, device: DeviceId, until: usize) -> Option<Position> {
        let Entry::Occupied(mut runs) = self.runs.entry(device) else { return None };
        let run = runs.get_mut().front_mut()?;
        self.entries -= until - run.done;
        run.done = until;
        self.last = Some(device);
        self.within_run = until < run.entries;
        if self.within_run {
            return None;
        }
        self.ahead.insert(run.span.at);
        runs.get_mut().pop_front();
        if runs.get().is_empty() {
            runs.remove();
        }
        let first = self.runs.values().filter_map(VecDeque::front).map(|run| run.span.at).min();
        let applied = first.unwrap_or(self.end);
        self.ahead.retain(|at| *at >= applied);
        Some(applied)
    }
}

struct ArrivedRun {
    feed: FeedId,
    first: u64,
    span: Span,
    entries: usize,
    /// So many of them are applied: a run on a large record takes seconds, and others wait meanwhile.
    done: usize,
}

impl Replica {
    /// From now on edits that come are applied by [`Replica::apply_some`], which the caller calls when nothing else is to
    /// be done. Before it asks or writes anything it calls [`Replica::apply_arrived`]. Meanwhile the index is committed
    /// whenever so many of its rows have changed.
    pub fn apply_later(&mut self, index_rows: usize) {
        self.defers = true;
        self.index_rows = index_rows;
    }

    /// Whether something is held that is not applied yet.
    pub fn is_behind(&self) -> bool {
        !self.arrived.runs.is_empty()
    }

    /// Whether runs can wait to be applied: edits of others, and nothing but edits. Whatever else comes may decide what
    /// is admitted next, or undo what came before.
    pub(crate) fn may_wait(&self, runs: &[Run]) -> bool {
        let plain = |run: &Run| {
            let edits = run.entries.iter().all(|it| matches!(it.kind, EntryKind::EDIT | EntryKind::POINT));
            edits && run.feed.device != self.device()
        };
        let room = self.arrived.entries < MOST_WAITING;
        self.defers && room && self.parked.is_empty() && runs.iter().all(plain)
    }

    /// Leaves a registered run to be applied.
    pub(crate) fn leave_for_later(&mut self, run: &Run, span: Span) {
        let entries = run.entries.len();
        let (feed, first) = (run.feed, run.first);
        let runs = self.arrived.runs.entry(feed.device).or_default();
        runs.push_back(ArrivedRun { feed, first, span, entries, done: 0 });
        self.arrived.entries += entries;
        self.arrived.end = span.end();
        self.ledger.behind = !self.has_bug("verdict before all is applied");
    }

    /// Applies everything that is held, and writes what follows from it.
    pub fn apply_arrived(&mut self) -> Result<(), ReplicaError> {
        while self.is_behind() {
            self.apply_some(MOST_WAITING)?;
        }
        Ok(())
    }

    /// Applies everything that is held; what follows from it is written with the next commit.
    pub(crate) fn apply_all(&mut self) -> Result<(), ReplicaError> {
        while self.is_behind() {
            self.apply_or_fall_back(MOST_WAITING)?;
            self.save_applied()?;
        }
        Ok(())
    }

    /// Applies about so many of the entries that wait to be applied. When all are, the sessions hear of it.
    pub fn apply_some(&mut self, entries: usize) -> Result<(), ReplicaError> {
        if !self.is_behind() {
            return Ok(());
        }
        self.apply_or_fall_back(entries)?;
        if !self.is_behind() {
            self.commit_granted()?;
        }
        self.save_applied()
    }

    /// Commits the index. It is never ahead of the journal, so what came last must be durable when rows become many.
    fn save_applied(&mut self) -> Result<(), ReplicaError> {
        if self.index.pending() > self.index_rows && !self.arrived.is_within_run() {
            self.flush()?;
        }
        let saved = self.save_index();
        if saved.is_err() {
            // The rows are lost.
            self.fall_back()?;
        }
        saved
    }

    fn apply_or_fall_back(&mut self, entries: usize) -> Result<(), ReplicaError> {
        if let Err(error) = self.apply_slice(entries) {
            // What is half applied must not be saved: the next start applies it again.
            self.journal.close();
            self.fall_back()?;
            return Err(error);
        }
        Ok(())
    }

    fn apply_slice(&mut self, entries: usize) -> Result<(), ReplicaError> {
        let mut left = entries.max(1);
        while let (true, Some((device, next))) = (left > 0, self.arrived.next()) {
            let ArrivedRun { feed, first, span, entries, done } = *next;
            // What was damaged since is noted, and mended like all other damage.
            let read = self.read_run(&feed, first, span)?;
            let until = if read.is_some() { entries.min(done.saturating_add(left)) } else { entries };
            for (number, entry) in
                (first..).zip(read.iter().flat_map(|run| &run.entries)).take(until).skip(done)
            {
                let edition = read.as_ref().map_or(DictionaryEdition::FIRST, Run::edition);
                self.apply_entry(&feed, number, entry, edition)?;
            }
            left = left.saturating_sub(until - done);
            let Some(applied) = self.arrived.done(device, until) else { break };
            self.applied = applied;
            if self.index.pending() > self.index_rows {
                break;
            }
        }
        self.ledger.behind = self.is_behind();
        if !self.is_behind() {
            self.effects.push_back(Effect::Grew);
        }
        // The records of a run are looked at once, when all of it is there.
        if self.arrived.is_within_run() { Ok(()) } else { self.evaluate_stale() }
    }

    /// The chain hash before a run that is registered where it lies: the program had ended before it was applied.
    pub(crate) fn before_registered(&self, run: &Run, span: Span) -> Option<Hash> {
        if self.has_bug("never applied after a restart") {
            return None;
        }
        let row = self.run_row(&run.feed, run.last()).ok()??;
        let before = self.point(&run.feed, run.first - 1).ok()??;
        let ahead =
            self.arrived.ahead.contains(&span.at) && !self.has_bug("what was applied ahead is applied again");
        let is_applied = span.at < self.applied || ahead;
        (row.span == span && !is_applied).then_some(before.hash)
    }
}
