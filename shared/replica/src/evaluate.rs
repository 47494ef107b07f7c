//! Which changes of a stay count: a function of the entries of its channel, the refusals, the revocations and the gate.

use crate::error::ReplicaError;
use crate::judge::{Decision, Seen};
use crate::repeats::{Contents, is_adopted, said_first};
use crate::replica::Replica;
use crate::stays::{applied, history_row};
use crate::successive::SoFar;
use huiliu_core::documents::{Document, Gated};
use huiliu_core::model::Channel;
use huiliu_core::sync::Hash;
use huiliu_core::sync::ledger::Sum;
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ChangeState, StayRow, Waiting};
use std::collections::BTreeSet;

/// After so many changes since the last one, a snapshot is made: loading a longer log costs more than making one.
const SNAPSHOT_EVERY: u32 = 16;

/// Whether nothing more is to be decided about a change.
fn is_at_rest(row: &ChangeRow) -> bool {
    matches!(row.state, ChangeState::Applied | ChangeState::Late)
}

impl Replica {
    /// Evaluates the newest change of a stay of which nothing else waits.
    pub(crate) fn evaluate_one(
        &mut self,
        stay: &Stay,
        mut record: StayRow,
        at: u32,
        mut row: ChangeRow,
    ) -> Result<(), ReplicaError> {
        let before = record.shown().to_vec();
        // The heads tell that what the change follows is there; only an older dependency needs the list.
        let known = row.deps.iter().all(|dep| record.heads.contains(dep)) || {
            let applied = applied(&self.change_rows(stay)?);
            row.deps.iter().all(|dep| applied.contains(dep))
        };
        let trusts = self.has_bug("whoever repeats another stands for it");
        let has = |counted: &Contents| counted.has(&row) || trusts && counted.stands_for(&said_first(&row));
        let repeats = record.repeated && has(&Contents::of(&self.change_rows(stay)?));
        // Of a record of which nothing else is here there is nothing to load.
        let empty = (record.changes == 1).then(Document::empty);
        let decision =
            self.decide(stay, &mut record, &row, Seen { known, repeats, is_new: true }, empty.as_ref())?;
        let gated = self.settle(stay, &mut row, decision, &record);
        record.unapplied = u32::from(!is_at_rest(&row));
        if let Some(gated) = gated {
            record.unsnapped += 1;
            record.heads = gated.document.heads();
            if record.unsnapped >= SNAPSHOT_EVERY {
                let mut rows = self.entry_rows(stay)?;
                rows[at as usize] = row;
                return self.finish(stay, &before, record, rows, Some(gated));
            }
            self.index.put(keys::change(stay, at), &row);
            return self.finish(stay, &before, record, Vec::new(), Some(gated));
        }
        self.index.put(keys::change(stay, at), &row);
        self.index.put(keys::stay(stay), &record);
        let stays = self.stays(&stay.record)?;
        self.look_where_it_lives(&stay.record, &stays);
        Ok(())
    }

    /// Evaluates, once each, the stays in which something came that does not simply follow, or was refused.
    pub(crate) fn evaluate_stale(&mut self) -> Result<(), ReplicaError> {
        self.judged.clear();
        while let Some((stay, refused)) = self.stale.pop_first() {
            if refused && self.counts_refused(&stay)? {
                self.evaluate_anew(&stay)?;
            } else {
                self.evaluate(&stay)?;
            }
        }
        Ok(())
    }

    /// Whether a change counts in a stay although it is refused.
    fn counts_refused(&self, stay: &Stay) -> Result<bool, ReplicaError> {
        for row in self.entry_rows(stay)?.iter().filter(|row| row.state == ChangeState::Applied) {
            let (feed, number) = row.place();
            if self.index.get::<u16>(&keys::refused(&feed, number))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Evaluates what waits in a stay.
    fn evaluate(&mut self, stay: &Stay) -> Result<(), ReplicaError> {
        let Some(record) = self.stay_row(stay)? else { return Ok(()) };
        let before = record.shown().to_vec();
        self.evaluate_from(stay, record, &before, false)
    }

    /// Evaluates all changes of a stay as if none had been applied: after a refusal, a revocation, or to mend.
    pub(crate) fn evaluate_anew(&mut self, stay: &Stay) -> Result<(), ReplicaError> {
        let Some(record) = self.stay_row(stay)? else { return Ok(()) };
        let before = record.shown().to_vec();
        self.evaluate_from(stay, record, &before, true)
    }

    /// `before`: what the stay has in its channel's sum.
    pub(crate) fn evaluate_from(
        &mut self,
        stay: &Stay,
        mut record: StayRow,
        before: &[Hash],
        anew: bool,
    ) -> Result<(), ReplicaError> {
        let mut rows = self.entry_rows(stay)?;
        let mut last: Option<Gated> = None;
        let current = if anew { Document::empty() } else { self.document(stay)? };
        if anew {
            self.fill_raw(stay, &mut rows)?;
            let base = self.base(stay, record.epoch)?;
            record.heads = base.as_ref().map(Document::heads).unwrap_or_default();
            record.unsnapped = 0;
            rows.iter_mut().for_each(|row| row.state = ChangeState::Waiting(Waiting::Dependency));
            self.index.remove(keys::snapshot(stay));
            last = base.map(|document| {
                let saved = document.save();
                Gated { with_it: saved.len(), saved, document }
            });
        }
        let history = self.written(stay, record.epoch)?;
        let mut known: BTreeSet<Hash> = applied(&rows);
        known.extend(history.keys());
        let came: Vec<ChangeRow> = history.into_values().map(history_row).collect();
        let mut counted = match rows.iter().chain(&came).any(is_adopted) {
            true => {
                let mut all: Vec<ChangeRow> = rows.iter().chain(&came).cloned().collect();
                self.fill_raw(stay, &mut all)?;
                Contents::of(&all)
            }
            false => Contents::of(&rows),
        };
        came.iter().for_each(|row| counted.add(row));
        let mut so_far = SoFar { known, counted, current, last, is_new: !anew };
        let mut changed = anew;
        loop {
            let (mut progress, mut at) = (false, 0);
            while at < rows.len() {
                let (judged, gated) = self.judge_next(stay, &mut record, &mut rows[at..], &so_far)?;
                if let Some(gated) = gated {
                    for row in &rows[at..at + judged] {
                        so_far.known.insert(row.hash);
                        so_far.counted.add(row);
                    }
                    record.unsnapped += judged as u32;
                    record.heads = gated.document.heads();
                    so_far.last = Some(gated);
                    (progress, changed) = (true, true);
                }
                at += judged;
            }
            if !progress {
                break;
            }
        }
        let last = so_far.last;
        self.refuse_dependents(stay, &record, &mut rows);
        record.unapplied = rows.iter().filter(|row| !is_at_rest(row)).count() as u32;
        for (at, row) in (0..).zip(&rows) {
            self.index.put(keys::change(stay, at), row);
        }
        if changed {
            let stale = anew && self.has_bug("sum not updated on re-evaluation");
            let before = if stale { record.shown().to_vec() } else { before.to_vec() };
            return self.finish(stay, &before, record, rows, last);
        }
        self.index.put(keys::stay(stay), &record);
        let stays = self.stays(&stay.record)?;
        self.look_where_it_lives(&stay.record, &stays);
        Ok(())
    }

    /// Judges the first of these changes of a stay, and those that it may be judged with: how many, and the record after
    /// them if they have come to count.
    fn judge_next(
        &mut self,
        stay: &Stay,
        record: &mut StayRow,
        rows: &mut [ChangeRow],
        so_far: &SoFar,
    ) -> Result<(usize, Option<Gated>), ReplicaError> {
        if rows[0].state == ChangeState::Applied {
            return Ok((1, None));
        }
        // The bytes of another's change under one's own name make nobody its author.
        let (feed, number) = rows[0].place();
        let refused = self.index.get::<u16>(&keys::refused(&feed, number))?.is_some();
        if so_far.known.contains(&rows[0].hash) && rows[0].is_authors && !refused {
            // It came with the record, or by another entry.
            return Ok((1, self.settle(stay, &mut rows[0], Decision::Known, record)));
        }
        let counted = &so_far.counted;
        if let Some((several, gated)) = self.let_in_successive(stay, record, rows, so_far)? {
            for row in &mut rows[..several] {
                self.settle(stay, row, Decision::Known, record);
            }
            return Ok((several, Some(gated)));
        }
        let row = &mut rows[0];
        let trusts = self.has_bug("whoever repeats another stands for it");
        let seen = Seen {
            known: row.deps.iter().all(|dep| so_far.known.contains(dep)),
            repeats: counted.has(row) || trusts && counted.stands_for(&said_first(row)),
            is_new: so_far.is_new,
        };
        let decision = self.decide(stay, record, row, seen, Some(so_far.document()))?;
        Ok((1, self.settle(stay, row, decision, record)))
    }

    /// Writes down what was decided about a change; gives back the record if the change counts.
    fn settle(
        &mut self,
        stay: &Stay,
        row: &mut ChangeRow,
        decision: Decision,
        record: &StayRow,
    ) -> Option<Gated> {
        let (feed, number) = row.place();
        let own = row.is_entry() && feed.device == self.device();
        let (state, gated) = match decision {
            Decision::Counts(gated) => (ChangeState::Applied, Some(*gated)),
            Decision::Known => (ChangeState::Applied, None),
            Decision::Late => (ChangeState::Late, None),
            Decision::Waits(waiting) => (ChangeState::Waiting(waiting), None),
            Decision::Refused => (ChangeState::Refused, None),
        };
        row.state = state;
        let unanswered = match state {
            ChangeState::Applied => row.envelope.origin.is_some(),
            ChangeState::Waiting(waiting) => own && waiting == Waiting::Dependency,
            ChangeState::Refused => own,
            ChangeState::Late => false,
        };
        self.unanswered.extend(unanswered.then_some(*stay));
        match state {
            // In an epoch that is over nothing waits: what counts of it the hub carries.
            _ if record.is_settled(row.epoch()) => self.count_entry(&feed, number),
            ChangeState::Applied | ChangeState::Late => self.count_entry(&feed, number),
            ChangeState::Waiting(waiting) => self.wait(&feed, number, stay.record, Some(waiting)),
            ChangeState::Refused => self.wait(&feed, number, stay.record, None),
        }
        gated
    }

    /// What depends on a refused change is refused with it.
    fn refuse_dependents(&mut self, stay: &Stay, record: &StayRow, rows: &mut [ChangeRow]) {
        let mut refused: BTreeSet<Hash> =
            rows.iter().filter(|row| row.state == ChangeState::Refused).map(|row| row.hash).collect();
        while let Some(row) = rows.iter_mut().find(|row| {
            matches!(row.state, ChangeState::Waiting(_) | ChangeState::Late)
                && row.deps.iter().any(|dep| refused.contains(dep))
        }) {
            refused.insert(row.hash);
            self.settle(stay, row, Decision::Refused, record);
        }
    }

    /// Stores a stay whose applied changes are others than before: row, sum, snapshot, projection.
    fn finish(
        &mut self,
        stay: &Stay,
        before: &[Hash],
        mut record: StayRow,
        mut rows: Vec<ChangeRow>,
        gated: Option<Gated>,
    ) -> Result<(), ReplicaError> {
        let keeps = record.has_ended() && self.has_bug("moved record keeps its sum");
        let after = if keeps { &record.heads } else { record.shown() };
        self.ledger.change_record(stay.channel, &stay.record, before, after);
        self.store_sum(stay.channel);
        if let Some(gated) = &gated
            && record.unsnapped >= SNAPSHOT_EVERY
        {
            self.index.put(keys::snapshot(stay), &gated.saved);
            let in_snapshot = |row: &ChangeRow| row.state == ChangeState::Applied && !row.raw.is_empty();
            for (at, row) in (0..).zip(&mut rows).filter(|(_, row)| in_snapshot(row)) {
                row.raw.clear();
                self.index.put(keys::change(stay, at), row);
            }
            record.unsnapped = 0;
        }
        self.index.put(keys::stay(stay), &record);
        self.project_from(stay, gated.map(|gated| gated.document))
    }
}

impl Replica {
    /// Stores a channel's sum; a channel of which nothing counts has none, as after a rebuild.
    pub(crate) fn store_sum(&mut self, channel: Channel) {
        match self.ledger.sum(channel) {
            sum if sum == Sum::default() => self.index.remove(keys::sum(channel)),
            sum => self.index.put(keys::sum(channel), &sum),
        }
    }
}
