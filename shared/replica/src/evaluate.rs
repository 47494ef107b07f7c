//! Which changes of a record count: a function of the changes held, the refusals, the revocations and the gate.

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use huiliu_core::documents::{Document, Gated, gate};
use huiliu_core::model::{Channel, KindId, RecordId, Value, dictionary};
use huiliu_core::sync::control::{self, Refusal, reason};
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::{Entry, EntryKind, Hash};
use huiliu_store::keys;
use huiliu_store::rows::{ChangeRow, ChangeState, RecordRow, Waiting};
use std::collections::{BTreeMap, BTreeSet};

/// After so many changes since the last one, a snapshot is made: loading a longer log costs more than making one.
const SNAPSHOT_EVERY: u32 = 16;

/// What is decided about one change.
enum Decision {
    Counts(Box<Gated>),
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
}

/// What tells a change and its repetitions from all others.
pub(crate) fn content(row: &ChangeRow) -> Hash {
    row.envelope.origin.as_ref().map_or(row.hash, |origin| origin.change)
}

/// The contents that count.
pub(crate) fn contents(rows: &[ChangeRow]) -> BTreeSet<Hash> {
    rows.iter().filter(|row| row.state == ChangeState::Applied).map(content).collect()
}

impl Replica {
    /// Evaluates the newest change of a record of which nothing else waits.
    pub(crate) fn evaluate_one(
        &mut self,
        id: &RecordId,
        mut record: RecordRow,
        at: u32,
        mut row: ChangeRow,
    ) -> Result<(), ReplicaError> {
        let before = (record.channel, record.heads.clone());
        // The heads tell that what the change follows is there; only an older dependency needs the list.
        let known = row.deps.iter().all(|dep| before.1.contains(dep)) || {
            let all = self.change_rows(id)?;
            let applied: BTreeSet<Hash> =
                all.iter().filter(|row| row.state == ChangeState::Applied).map(|row| row.hash).collect();
            row.deps.iter().all(|dep| applied.contains(dep))
        };
        let repeats = record.repeated && contents(&self.change_rows(id)?).contains(&content(&row));
        let decision = self.decide(id, &mut record, &row, Seen { known, repeats }, None)?;
        let gated = self.settle(id, &mut row, decision, &mut record)?;
        if let Some(gated) = gated {
            record.heads = gated.document.heads();
            if record.unsnapped >= SNAPSHOT_EVERY {
                let mut rows = self.change_rows(id)?;
                rows[at as usize] = row;
                return self.finish(id, &record.heads.clone(), &before, record, rows, Some(gated));
            }
            self.index.put(keys::change(id, at), &row);
            return self.finish(id, &record.heads.clone(), &before, record, Vec::new(), Some(gated));
        }
        self.index.put(keys::change(id, at), &row);
        self.index.put(keys::record(id), &record);
        Ok(())
    }

    /// Evaluates what waits in a record.
    pub(crate) fn evaluate(&mut self, id: &RecordId) -> Result<(), ReplicaError> {
        self.evaluate_from(id, false)
    }

    /// Evaluates all changes of a record as if none had been applied: after a refusal, a revocation, or to mend.
    pub(crate) fn evaluate_anew(&mut self, id: &RecordId) -> Result<(), ReplicaError> {
        self.evaluate_from(id, true)
    }

    fn evaluate_from(&mut self, id: &RecordId, anew: bool) -> Result<(), ReplicaError> {
        let Some(mut record) = self.record_row(id)? else { return Ok(()) };
        let before = (record.channel, record.heads.clone());
        let mut rows = self.change_rows(id)?;
        if anew {
            self.fill_raw(id, &mut rows)?;
            record.heads.clear();
            record.unsnapped = 0;
            record.unapplied = rows.len() as u32;
            for row in &mut rows {
                row.state = ChangeState::Waiting(Waiting::Dependency);
                self.wait(&row.feed.clone(), row.number, *id, Some(Waiting::Dependency));
            }
            self.index.remove(keys::snapshot(id));
        }
        let mut applied: BTreeSet<Hash> =
            rows.iter().filter(|row| row.state == ChangeState::Applied).map(|row| row.hash).collect();
        let mut counted = contents(&rows);
        let mut last: Option<Gated> = None;
        loop {
            let mut progress = false;
            for row in rows.iter_mut().filter(|row| row.state != ChangeState::Applied) {
                let known = row.deps.iter().all(|dep| applied.contains(dep));
                let document = match &last {
                    Some(gated) => Some(Document::load(Some(&gated.saved), [])?),
                    None if anew => Some(Document::empty()),
                    None => None,
                };
                let repeats = counted.contains(&content(row));
                let decision = self.decide(id, &mut record, row, Seen { known, repeats }, document)?;
                if let Some(gated) = self.settle(id, row, decision, &mut record)? {
                    applied.insert(row.hash);
                    counted.insert(content(row));
                    record.heads = gated.document.heads();
                    last = Some(gated);
                    progress = true;
                }
            }
            if !progress {
                break;
            }
        }
        self.refuse_dependents(id, &mut rows);
        let heads = record.heads.clone();
        for (at, row) in (0..).zip(&rows) {
            self.index.put(keys::change(id, at), row);
        }
        if last.is_some() || anew {
            let stale = anew && self.has_bug("sum not updated on re-evaluation");
            let before = if stale { (record.channel, heads.clone()) } else { before };
            return self.finish(id, &heads, &before, record, rows, last);
        }
        self.index.put(keys::record(id), &record);
        Ok(())
    }

    /// Decides about one change. `document`: the record before it, loaded here if not given.
    fn decide(
        &mut self,
        id: &RecordId,
        record: &mut RecordRow,
        row: &ChangeRow,
        seen: Seen,
        document: Option<Document>,
    ) -> Result<Decision, ReplicaError> {
        if self.index.get::<u16>(&keys::refused(&row.feed, row.number))?.is_some() {
            return Ok(Decision::Refused);
        }
        // Nobody is judged by bytes that could not be read.
        if row.raw.is_empty() {
            return Ok(Decision::Waits(Waiting::Repair));
        }
        if self.authority().is_after_revocation(&row.feed, row.number) && !self.has_bug("revocation ignored")
        {
            return Ok(Decision::Waits(Waiting::Review));
        }
        let Some(kind) = dictionary::kind_by_id(row.envelope.kind) else {
            return Ok(Decision::Waits(Waiting::Upgrade));
        };
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
        if !is_first && row.feed.channel != record.channel {
            return Ok(self.judge(row, reason::OTHER_CHANNEL));
        }
        // Divisions are the hub's word alone: a division record elsewhere would widen its author's own grant.
        if row.feed.channel != self.channel_of(kind, row.feed.channel.division) {
            return Ok(self.judge(row, reason::OTHER_CHANNEL));
        }
        if !is_first && row.envelope.kind != record.kind {
            return Ok(self.judge(row, reason::OTHER_KIND));
        }
        if is_first && !(row.is_birth && self.may_repeat(id, row)?) {
            return Ok(self.judge(row, reason::NOT_ITS_MAKER));
        }
        // What came between staging and committing is not in what the gate saw then.
        let gated = match self.gated.remove(&row.hash) {
            Some((heads, gated)) if heads == record.heads => Ok(gated),
            _ => {
                let document = match document {
                    Some(document) => document,
                    None => self.document(id)?,
                };
                gate(document, &row.raw, |field, value| allowed(kind.id, field, value))
            }
        };
        Ok(match gated {
            Ok(gated) => {
                if is_first {
                    record.channel = row.feed.channel;
                    record.kind = kind.id;
                }
                Decision::Counts(Box::new(gated))
            }
            Err(verdict) => self.judge(row, verdict.code()),
        })
    }

    /// Whether a change may stand for its origin: the same device's, or one that is lost or does not count.
    fn may_repeat(&self, id: &RecordId, row: &ChangeRow) -> Result<bool, ReplicaError> {
        let Some(origin) = &row.envelope.origin else { return Ok(true) };
        Ok(origin.feed.device == row.feed.device
            || self.change_rows(id)?.iter().all(|other| other.hash != origin.change)
            || self.index.get::<u16>(&keys::refused(&origin.feed, origin.number))?.is_some()
            || self.authority().is_after_revocation(&origin.feed, origin.number))
    }

    /// The gate has said no. The home hub writes a Refusal; everybody else waits for it.
    fn judge(&mut self, row: &ChangeRow, reason: u16) -> Decision {
        if self.role() != Role::Hub {
            return Decision::Waits(Waiting::Judgement(reason));
        }
        let refusal = Refusal {
            device: row.feed.device,
            incarnation: row.feed.incarnation,
            number: row.number,
            reason,
        };
        let stamp = self.stamp("huiliu", 0);
        self.stage_entry(row.feed.channel, EntryKind::REFUSAL, stamp, control::encode(&refusal));
        self.index.put(keys::refused(&row.feed, row.number), &reason);
        Decision::Refused
    }

    /// Writes down what was decided about a change; gives back the record if the change counts.
    fn settle(
        &mut self,
        id: &RecordId,
        row: &mut ChangeRow,
        decision: Decision,
        record: &mut RecordRow,
    ) -> Result<Option<Gated>, ReplicaError> {
        match decision {
            Decision::Counts(gated) => {
                row.state = ChangeState::Applied;
                self.unanswered.extend(row.envelope.origin.is_some().then_some(*id));
                record.unapplied -= 1;
                record.unsnapped += 1;
                self.count_entry(&row.feed, row.number);
                Ok(Some(*gated))
            }
            Decision::Waits(waiting) => {
                row.state = ChangeState::Waiting(waiting);
                let own = row.feed.device == self.device();
                self.unanswered.extend((own && waiting == Waiting::Dependency).then_some(*id));
                self.wait(&row.feed, row.number, *id, Some(waiting));
                Ok(None)
            }
            Decision::Refused => {
                row.state = ChangeState::Refused;
                self.unanswered.extend((row.feed.device == self.device()).then_some(*id));
                self.wait(&row.feed, row.number, *id, None);
                Ok(None)
            }
        }
    }

    /// What depends on a refused change is refused with it.
    fn refuse_dependents(&mut self, id: &RecordId, rows: &mut [ChangeRow]) {
        let mut refused: BTreeSet<Hash> =
            rows.iter().filter(|row| row.state == ChangeState::Refused).map(|row| row.hash).collect();
        while let Some(row) = rows.iter_mut().find(|row| {
            matches!(row.state, ChangeState::Waiting(_)) && row.deps.iter().any(|dep| refused.contains(dep))
        }) {
            row.state = ChangeState::Refused;
            self.unanswered.extend((row.feed.device == self.device()).then_some(*id));
            refused.insert(row.hash);
            let (feed, number) = (row.feed, row.number);
            self.wait(&feed, number, *id, None);
        }
    }

    /// Stores a record whose applied changes are others than before: row, sum, snapshot, projection.
    fn finish(
        &mut self,
        id: &RecordId,
        heads: &[Hash],
        before: &(Channel, Vec<Hash>),
        mut record: RecordRow,
        mut rows: Vec<ChangeRow>,
        gated: Option<Gated>,
    ) -> Result<(), ReplicaError> {
        // A record that was first taken for another channel's is in that one's sum.
        self.ledger.change_record(before.0, id, &before.1, &[]);
        self.ledger.change_record(record.channel, id, &[], heads);
        for channel in [before.0, record.channel] {
            self.index.put(keys::sum(channel), &self.ledger.sum(channel));
        }
        if let Some(gated) = &gated
            && record.unsnapped >= SNAPSHOT_EVERY
        {
            self.index.put(keys::snapshot(id), &gated.saved);
            for (at, row) in (0..).zip(&mut rows).filter(|(_, row)| row.state == ChangeState::Applied) {
                row.raw.clear();
                self.index.put(keys::change(id, at), row);
            }
            record.unsnapped = 0;
        }
        self.index.put(keys::record(id), &record);
        let document = gated.map(|gated| gated.document);
        self.project(id, &record, document.as_ref())
    }

    /// The changes of a record in order of arrival.
    pub(crate) fn change_rows(&self, id: &RecordId) -> Result<Vec<ChangeRow>, ReplicaError> {
        Ok(self.index.list(&keys::changes(id))?.into_iter().map(|(_, row)| row).collect())
    }

    /// Loads a record as it is: snapshot and what was applied since.
    pub(crate) fn document(&self, id: &RecordId) -> Result<Document, ReplicaError> {
        let snapshot: Option<Vec<u8>> = self.index.get(&keys::snapshot(id))?;
        let rows = self.change_rows(id)?;
        let since = rows.iter().filter(|row| row.state == ChangeState::Applied && !row.raw.is_empty());
        Ok(Document::load(snapshot.as_deref(), since.map(|row| row.raw.as_slice()))?)
    }

    /// Puts the bytes back into changes that are in the snapshot; what the snapshot has not, the journal has.
    pub(crate) fn fill_raw(&self, id: &RecordId, rows: &mut [ChangeRow]) -> Result<(), ReplicaError> {
        if rows.iter().all(|row| !row.raw.is_empty()) {
            return Ok(());
        }
        let by_hash: BTreeMap<Hash, Vec<u8>> = self
            .document(id)?
            .changes()
            .into_iter()
            .map(|payload| {
                let entry = Entry { kind: EntryKind::EDIT, envelope: None, payload };
                (payload_hash(&entry), entry.payload)
            })
            .collect();
        for row in rows.iter_mut().filter(|row| row.raw.is_empty()) {
            row.raw = match by_hash.get(&row.hash) {
                Some(raw) => raw.clone(),
                None => self.entry_at(&row.feed, row.number)?.map(|entry| entry.payload).unwrap_or_default(),
            };
        }
        Ok(())
    }
}

/// The dictionary's word on a field. Fields that this version does not know are a newer version's.
pub(crate) fn allowed(kind: KindId, field: &str, value: &Value) -> bool {
    field == huiliu_core::documents::DELETED
        || dictionary::kind_by_id(kind).is_some_and(|kind| kind.check_types(field, value).is_ok())
}
