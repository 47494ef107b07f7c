//! Which changes of a stay count: a function of the entries of its channel, the refusals, the revocations and the gate.

use crate::error::ReplicaError;
use crate::legal::allowed;
use crate::repeats::{Contents, is_adopted, said_first};
use crate::replica::{Replica, Role};
use crate::stays::{applied, history_row};
use crate::upgrade::{UNSOUND_GATE, misjudges};
use huiliu_core::documents::{Document, Gated, Verdict, gate, inspect};
use huiliu_core::model::{Channel, dictionary};
use huiliu_core::sync::control::{self, Refusal, reason};
use huiliu_core::sync::ledger::Sum;
use huiliu_core::sync::{EntryKind, FeedId, Hash};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ChangeState, StayRow, Waiting};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// After so many changes since the last one, a snapshot is made: loading a longer log costs more than making one.
const SNAPSHOT_EVERY: u32 = 16;

/// What is decided about one change.
enum Decision {
    Counts(Box<Gated>),
    /// It is in the record already.
    Known,
    /// It is of an epoch that is over.
    Late,
    Waits(Waiting),
    Refused,
}

/// What a change finds in its record.
#[derive(Clone, Copy)]
struct Seen {
    /// What it follows counts.
    known: bool,
    /// What it repeats counts already, itself or as another repeats it.
    repeats: bool,
    /// It has not been judged before.
    is_new: bool,
}

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
        let trusts = self.has_bug("whoever repeats another stands for it");
        let mut changed = anew;
        loop {
            let mut progress = false;
            for row in rows.iter_mut().filter(|row| row.state != ChangeState::Applied) {
                // The bytes of another's change under one's own name make nobody its author.
                let (feed, number) = row.place();
                let refused = self.index.get::<u16>(&keys::refused(&feed, number))?.is_some();
                if known.contains(&row.hash) && row.is_authors && !refused {
                    // It came with the record, or by another entry.
                    self.settle(stay, row, Decision::Known, &record);
                    continue;
                }
                let seen = Seen {
                    known: row.deps.iter().all(|dep| known.contains(dep)),
                    repeats: counted.has(row) || trusts && counted.stands_for(&said_first(row)),
                    is_new: !anew,
                };
                let before = last.as_ref().map_or(&current, |gated| &gated.document);
                let decision = self.decide(stay, &mut record, row, seen, Some(before))?;
                if let Some(gated) = self.settle(stay, row, decision, &record) {
                    known.insert(row.hash);
                    counted.add(row);
                    record.unsnapped += 1;
                    record.heads = gated.document.heads();
                    last = Some(gated);
                    (progress, changed) = (true, true);
                }
            }
            if !progress {
                break;
            }
        }
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

    /// Decides about one change. `before`: the record before it, loaded here if not given.
    fn decide(
        &mut self,
        stay: &Stay,
        record: &mut StayRow,
        row: &ChangeRow,
        seen: Seen,
        before: Option<&Document>,
    ) -> Result<Decision, ReplicaError> {
        let (feed, number) = row.place();
        if self.index.get::<u16>(&keys::refused(&feed, number))?.is_some() {
            return Ok(Decision::Refused);
        }
        // Nobody is judged by bytes that could not be read.
        if row.raw.is_empty() {
            return Ok(Decision::Waits(Waiting::Repair));
        }
        match row.epoch().cmp(&record.epoch) {
            Ordering::Less => return Ok(Decision::Late),
            Ordering::Equal => {}
            Ordering::Greater => return Ok(Decision::Waits(Waiting::Arrival)),
        }
        if self.authority().is_after_revocation(&row.feed, row.number) && !self.has_bug("revocation ignored")
        {
            return Ok(Decision::Waits(Waiting::Review));
        }
        let known = dictionary::kind_by_id(row.envelope.kind).filter(|_| row.edition.is_known());
        let Some(kind) = known else { return Ok(Decision::Waits(Waiting::Upgrade)) };
        if !row.is_authors && !self.has_bug("another's actor accepted") {
            return Ok(self.judge(row, reason::NOT_ITS_AUTHOR));
        }
        // Of a change and what repeats it the hub takes the first it sees, be it the repetition.
        if seen.repeats {
            return Ok(self.judge(row, reason::REPEATED));
        }
        if !seen.known && !self.has_bug("applied without its dependency") {
            return Ok(Decision::Waits(Waiting::Dependency));
        }
        let is_first = record.heads.is_empty();
        // Divisions are the hub's word alone: a division record elsewhere would widen its author's own grant.
        if stay.channel != self.channel_of(kind, stay.channel.division) {
            return Ok(self.judge(row, reason::OTHER_CHANNEL));
        }
        if !is_first && row.envelope.kind != record.kind {
            return Ok(self.judge(row, reason::OTHER_KIND));
        }
        if is_first && !(row.is_birth && self.may_repeat(stay, row)?) {
            return Ok(self.judge(row, reason::NOT_ITS_MAKER));
        }
        if is_first && self.is_born_elsewhere(stay)? {
            return Ok(self.judge(row, reason::OTHER_CHANNEL));
        }
        // What came between staging and committing is not in what the gate saw then.
        let staged = self.gated.remove(&row.hash);
        let before = || before.map_or_else(|| self.document(stay), |document| Ok(document.clone()));
        let gated = match staged {
            Some((heads, gated)) if heads == record.heads => Ok(gated),
            _ => {
                let gated =
                    gate(before()?, &row.raw, |field, value| allowed(kind.id, field, value, row.edition));
                let unsound = self.has_bug(UNSOUND_GATE) && misjudges(&self.device(), &row.hash);
                if unsound { gated.and(Err(Verdict::WouldNotLoad)) } else { gated }
            }
        };
        // The hub asks this once, of what comes: what has counted stays, whatever is computed again.
        let asks = seen.is_new && !self.recomputes && self.role() == Role::Hub;
        Ok(match gated {
            Ok(gated) if asks && self.is_too_large_with(stay, &feed.device, &row.raw, &gated) => {
                self.judge(row, Verdict::TooLarge.code())
            }
            Ok(gated) => {
                if is_first {
                    record.kind = kind.id;
                }
                Decision::Counts(Box::new(gated))
            }
            Err(verdict) => {
                let why = why_not(&before()?, &row.raw, verdict);
                self.judge(row, why)
            }
        })
    }

    /// Whether a change may stand for its origin: the same device's, or one that is lost or does not count.
    fn may_repeat(&self, stay: &Stay, row: &ChangeRow) -> Result<bool, ReplicaError> {
        let Some(origin) = &row.envelope.origin else { return Ok(true) };
        Ok(origin.feed.device == row.feed.device
            || self.change_rows(stay)?.iter().all(|other| other.hash != origin.change)
            || self.index.get::<u16>(&keys::refused(&origin.feed, origin.number))?.is_some()
            || self.authority().is_after_revocation(&origin.feed, origin.number))
    }

    /// The gate has said no. The home hub writes a Refusal; everybody else waits for it.
    fn judge(&mut self, row: &ChangeRow, reason: u16) -> Decision {
        if self.role() != Role::Hub {
            if self.has_bug("gate failure of a node taken for final") {
                return Decision::Refused;
            }
            return Decision::Waits(Waiting::Judgement(reason));
        }
        let (feed, number) = row.place();
        self.refuse(&feed, number, reason);
        Decision::Refused
    }

    /// Hub: an entry counts nowhere, for everybody and for ever.
    pub(crate) fn refuse(&mut self, feed: &FeedId, number: u64, reason: u16) {
        let refusal = Refusal { device: feed.device, incarnation: feed.incarnation, number, reason };
        let stamp = self.stamp("huiliu", 0);
        self.stage_entry(feed.channel, EntryKind::REFUSAL, stamp, control::encode(&refusal));
        self.index.put(keys::refused(feed, number), &reason);
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

/// Why a change does not count that the gate keeps out of a record. Where a copied replica has written there under the
/// same number, in another channel before the record moved, its author writes it again.
pub(crate) fn why_not(document: &Document, raw: &[u8], verdict: Verdict) -> u16 {
    let forked = inspect(raw).is_ok_and(|info| {
        let before = document.history().into_iter().filter(|(_, _, actor)| *actor == info.actor);
        info.seq <= before.count() as u64
    });
    if forked { reason::FORKED } else { verdict.code() }
}
