//! Committing: what was staged is signed, appended, applied and synced, and only then told to anybody.

use crate::error::ReplicaError;
use crate::exchange::Effect;
use crate::legal::lowest_edition;
use crate::put_off::PutOff;
use crate::replica::{Replica, Role};
use huiliu_core::model::{Channel, DictionaryEdition, RecordId};
use huiliu_core::sync::control::{self, Note};
use huiliu_core::sync::feed::{Point, into_stretches, sign_run_of};
use huiliu_core::sync::{Entry, EntryKind, FeedId, Hash, Head, Run};
use huiliu_store::rows::{FeedRow, Meta, RunRow};
use huiliu_store::{Span, StoreError, keys};

impl Replica {
    /// Makes everything staged durable; then it is applied and told to the sessions. Returns the stretches written:
    /// feed, first and last number. Nothing staged costs nothing. What may not be written any more, because the grant
    /// ended meanwhile, is forgotten, and the error says why.
    pub fn commit(&mut self) -> Result<Vec<(FeedId, u64, u64)>, ReplicaError> {
        if self.is_read_only() {
            // What had been staged went with the write that failed.
            self.abandon();
            return Err(StoreError::Poisoned.into());
        }
        let written = self.commit_granted()?;
        if std::mem::take(&mut self.interrupted) {
            return Err(ReplicaError::Interrupted);
        }
        // What a hub that has lost its own grant must still say is said when a node has brought that back.
        let forgotten = |entry: &Entry| !entry.kind.is_hubs();
        let refused = self.staged.iter().find(|(_, entries)| entries.iter().any(forgotten));
        if let Some(channel) = refused.map(|(channel, _)| *channel) {
            let mut kept = std::mem::take(&mut self.staged);
            self.abandon();
            kept.values_mut().for_each(|entries| entries.retain(|entry| !forgotten(entry)));
            kept.retain(|_, entries| !entries.is_empty());
            self.staged = kept;
            self.own_grant(channel)?;
        }
        Ok(written)
    }

    /// Commits an import's group with a note of where its rows stand, in one append.
    pub(crate) fn commit_import(&mut self, id: RecordId, who: &str, now: u64) -> Result<(), ReplicaError> {
        let mut runs = self.sign_granted(|channel| channel.is_shared());
        if !runs.is_empty() {
            let spans = runs.iter().map(|run| (run.feed, run.first, run.last())).collect();
            self.note(&Note::Imported { id, spans }, who, now);
            runs.extend(self.sign_granted(|channel| !channel.is_shared()));
            self.keep(runs)?;
        }
        self.commit().map(|_| ())
    }

    /// Commits what is staged, the notebook's entries first: they say what must be taken out before the rest counts.
    pub(crate) fn commit_notebook_first(&mut self) -> Result<(), ReplicaError> {
        let mut runs = self.sign_granted(|channel| !channel.is_shared());
        runs.extend(self.sign_granted(|_| true));
        self.keep(runs)?;
        self.commit_granted().map(|_| ())
    }

    /// Commits what may be written, and leaves the rest staged: whoever staged it is told when they commit.
    pub(crate) fn commit_granted(&mut self) -> Result<Vec<(FeedId, u64, u64)>, ReplicaError> {
        let mut written = Vec::new();
        // Applying may stage again: a hub writes its refusals, an author what depended on something refused.
        loop {
            self.answer_refusals()?;
            self.close_old_feeds();
            self.choose_match_key();
            self.settle_moves()?;
            let runs = self.sign_granted(|_| true);
            if runs.is_empty() {
                break;
            }
            written.extend(runs.iter().map(|run| (run.feed, run.first, run.last())));
            self.keep(runs)?;
        }
        if self.staged.is_empty() {
            self.abandon();
        }
        if self.tree_changed {
            self.amend_divisions()?;
            self.refresh_grants()?;
        }
        if !self.grouping {
            self.flush()?;
        }
        Ok(written)
    }

    /// From now on commits are durable only after [`Replica::flush`], which the caller calls before it tells anybody:
    /// commands and batches that come together then share one fdatasync.
    pub fn group_commits(&mut self) {
        self.grouping = true;
    }

    /// Whether something was committed since the last flush.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.journal.is_unsynced()
    }

    /// Makes durable what was committed since the last flush. On failure nothing of it may be called saved: the
    /// journal takes nothing more until restart, sessions end, and reading shows what was saved before.
    pub fn flush(&mut self) -> Result<(), ReplicaError> {
        // Keys that were wrapped anew for a record that moved.
        self.save_keys()?;
        if !self.journal.is_unsynced() {
            return Ok(());
        }
        let flushed = self.journal.sync().map_err(Into::into).and_then(|()| self.save_index());
        if flushed.is_err() {
            self.fall_back()?;
        }
        flushed
    }

    /// After a write that failed nothing that was not durable before is told to anybody or shown.
    pub(crate) fn fall_back(&mut self) -> Result<(), ReplicaError> {
        self.sessions.clear();
        self.put_off = PutOff::default();
        self.effects.clear();
        self.abandon();
        self.hold_what_was_saved()
    }

    /// Forgets what was staged.
    pub(crate) fn abandon(&mut self) {
        // The note of a hub's new incarnation may be among it.
        self.has_written &= self.staged.is_empty();
        self.staged.clear();
        self.staged_records.clear();
        self.gated.clear();
    }

    /// Appends runs and applies them; they are durable after [`Replica::flush`], and before that nobody is told.
    pub(crate) fn keep(&mut self, runs: Vec<Run>) -> Result<(), ReplicaError> {
        let was_closed = self.is_read_only();
        self.save_keys()?;
        let waits = self.may_wait(&runs);
        if !waits {
            self.apply_all()?;
        }
        let placed = self.place(&runs);
        if placed.is_err() && !was_closed {
            // What was appended before it in the same commit is no more durable than this.
            self.fall_back()?;
        }
        let spans = placed?;
        let mut before = Vec::with_capacity(runs.len());
        for (run, span) in runs.iter().zip(spans) {
            let previous = self.register_held(run, span).unwrap_or_default();
            if waits {
                self.leave_for_later(run, span);
            }
            before.push(previous);
        }
        if waits {
            return Ok(());
        }
        for run in &runs {
            self.note_refusals(run);
        }
        if self.has_bug("index position saved before rows") {
            self.journal.sync()?;
            self.applied = self.journal.end();
            self.save_index()?;
        }
        for (run, previous) in runs.iter().zip(before) {
            self.apply_run(run, previous)?;
        }
        if !self.parked.is_empty() {
            runs.iter().try_for_each(|run| self.join_parked(&run.feed))?;
        }
        self.evaluate_stale()?;
        self.applied = self.journal.end();
        if runs.iter().any(|run| run.feed.channel.is_shared()) {
            self.effects.push_back(Effect::Grew);
        }
        Ok(())
    }

    /// Signs what is staged in these channels and may be written.
    fn sign_granted(&mut self, which: impl Fn(&Channel) -> bool) -> Vec<Run> {
        let mut runs = Vec::new();
        if self.staged.keys().any(|channel| channel.is_shared()) {
            self.begin_writing(0);
        }
        for (channel, entries) in std::mem::take(&mut self.staged) {
            if !which(&channel) {
                self.staged.insert(channel, entries);
                continue;
            }
            let Ok(grant) = self.own_grant(channel) else {
                self.staged.insert(channel, entries);
                continue;
            };
            let feed = FeedId { channel, device: self.device(), incarnation: self.incarnation() };
            let mut head = self.ledger.head(&feed);
            for (edition, entries) in by_edition(entries) {
                for stretch in into_stretches(entries) {
                    let (run, next) = sign_run_of(edition, &self.key, grant, feed, &head, stretch);
                    head = next;
                    runs.push(run);
                }
            }
        }
        runs
    }

    /// The grant under which this replica writes in a channel.
    pub(crate) fn own_grant(&self, channel: Channel) -> Result<Hash, ReplicaError> {
        if !channel.is_shared() {
            return Ok(Hash::ZERO);
        }
        let device = self.device();
        match self.authority().grant_of(&device) {
            Some((hash, grant)) if grant.may_write(channel) || self.has_bug("scope ignored") => Ok(hash),
            // The first entries of the tree: the hub grants itself.
            None if self.role() == Role::Hub && channel == self.authority().control() => Ok(Hash::ZERO),
            None => Err(ReplicaError::NotJoined),
            Some(_) => Err(ReplicaError::OutsideGrant(channel)),
        }
    }

    /// Notes in ledger and index that a run is held, and gives back the chain hash before it; `None` if it does not
    /// continue its feed and was not noted before without being applied. One behind a hole is parked, but in the
    /// notebook: nobody else has what was lost there, and what is left goes on without it.
    pub(crate) fn register_held(&mut self, run: &Run, span: Span) -> Option<Hash> {
        let before = self.ledger.head(&run.feed);
        let behind_hole = run.first > before.number + 1;
        if behind_hole && run.feed.channel.is_shared() {
            self.park(run, span);
            return None;
        }
        if run.first <= before.number {
            return self.before_registered(run, span);
        }
        let mut hash = before.hash;
        for (number, entry) in (run.first..).zip(&run.entries) {
            hash = huiliu_core::sync::entry::entry_hash(&run.feed, number, &hash, entry);
        }
        let point = run.entries.last().and_then(|entry| control::decode::<Point>(&entry.payload));
        let nobody = || Point { grant: Hash::ZERO, signature: Vec::new(), edition: DictionaryEdition::FIRST };
        let Point { grant, signature, edition } = point.unwrap_or_else(nobody);
        let head = Head { number: run.last(), hash, grant };
        self.ledger.advance(run.feed, head);
        let next = self.feeds.len() as u32;
        let number = *self.feeds.entry(run.feed).or_insert(next);
        if number == next {
            self.note_new_feed(&run.feed);
        }
        self.index.put(keys::feed(number), &FeedRow { id: run.feed, head });
        let row = RunRow { first: run.first, span, head, signature, edition };
        self.index.put(keys::run(number, run.last()), &row);
        Some(before.hash)
    }

    /// Commits the index, with how far it has come; never ahead of what is durable in the journal. A judgement or a move
    /// that is staged and not written holds it back: an index that has come past what calls for it would never look
    /// again.
    pub(crate) fn save_index(&mut self) -> Result<(), ReplicaError> {
        if self.journal.is_unsynced() {
            return Ok(());
        }
        // While something waits to be applied, rows are committed when there are enough of them, and never in the middle of a
        // run: the next start would apply its first entries twice.
        let early = self.is_behind() && self.index.pending() < self.index_rows;
        if early || self.arrived.is_within_run() {
            return Ok(());
        }
        // After a write that failed what is shown is not saved.
        if self.is_read_only() && !self.is_opened_to_read() {
            return Ok(());
        }
        let judged = |entry: &Entry| entry.kind == EntryKind::REFUSAL || is_move(entry.kind);
        if self.staged.values().flatten().any(judged) {
            return Ok(());
        }
        self.note_unread();
        let held = self.journal.durable();
        let meta = Meta { format: keys::FORMAT, applied: self.applied, held, clock: self.clock };
        self.index.put(keys::meta(), &meta);
        match &self.arrived.ahead {
            ahead if ahead.is_empty() => self.index.remove(keys::ahead()),
            ahead => self.index.put(keys::ahead(), ahead),
        }
        let committed = self.index.commit();
        if committed.is_err() {
            // The rows are lost and the position must not pass them: the next start computes them from the journal.
            self.journal.close();
        }
        Ok(committed?)
    }

    /// Reads the entry at a number of a feed.
    pub(crate) fn entry_at(&self, feed: &FeedId, number: u64) -> Result<Option<Entry>, ReplicaError> {
        Ok(self.run_at(feed, number)?.and_then(|run| {
            let at = usize::try_from(number.checked_sub(run.first)?).ok()?;
            run.entries.into_iter().nth(at)
        }))
    }

    /// Reads the run in which a number of a feed lies; `None` if there is none, or it is damaged.
    pub(crate) fn run_at(&self, feed: &FeedId, number: u64) -> Result<Option<Run>, ReplicaError> {
        let row = self.run_row(feed, number)?;
        Ok(row.map(|row| self.read_run(feed, row.first, row.span)).transpose()?.flatten())
    }

    /// The edition of the dictionary that the run at a number of a feed names.
    pub(crate) fn edition_at(&self, feed: &FeedId, number: u64) -> Result<DictionaryEdition, ReplicaError> {
        Ok(self.run_row(feed, number)?.map_or(DictionaryEdition::FIRST, |row| row.edition))
    }

    /// The row of the run in which a number of a feed lies.
    pub(crate) fn run_row(&self, feed: &FeedId, number: u64) -> Result<Option<RunRow>, ReplicaError> {
        let Some(no) = self.feeds.get(feed) else { return Ok(None) };
        let mut found: Option<RunRow> = None;
        self.index.each(&keys::runs(*no), &number.to_be_bytes(), |_, row| {
            found = Some(row);
            false
        })?;
        Ok(found)
    }

    /// Takes in the refusals of a run before anything is applied, so that they are obeyed wherever they stand.
    pub(crate) fn note_refusals(&mut self, run: &Run) {
        if run.feed.device != self.home.root.device() {
            return;
        }
        for entry in run.entries.iter().filter(|entry| entry.kind == EntryKind::REFUSAL) {
            self.note_refusal(run.feed.channel, entry);
        }
    }
}

/// Entries cut where the lowest edition of the dictionary under which they are legal changes.
fn by_edition(entries: Vec<Entry>) -> Vec<(DictionaryEdition, Vec<Entry>)> {
    let mut parts: Vec<(DictionaryEdition, Vec<Entry>)> = Vec::new();
    for entry in entries {
        let edition = lowest_edition(&entry);
        match parts.last_mut() {
            Some((last, part)) if *last == edition => part.push(entry),
            _ => parts.push((edition, vec![entry])),
        }
    }
    parts
}

/// Whether an entry is part of a record's move.
fn is_move(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::ARRIVED | EntryKind::LEFT | EntryKind::CARRIED)
}
