//! Applying: what the journal says, put into index and ledger. The same for own and foreign entries, on receipt and on
//! rebuild; what it does depends on the journal alone.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::documents::inspect;
use huiliu_core::model::{Channel, RecordId};
use huiliu_core::sync::control::{self, Fork, Note, Refusal, Revoke};
use huiliu_core::sync::entry::entry_hash;
use huiliu_core::sync::{DeviceId, Entry, EntryKind, Envelope, FeedId, Hash, Run, birth};
use huiliu_store::keys;
use huiliu_store::rows::{ChangeRow, ChangeState, ControlRow, LocalRow, RecordRow, Waiting, WaitingRow};
use std::collections::BTreeSet;

impl Replica {
    /// Applies a run that is registered; `previous` is the chain hash before it.
    pub(crate) fn apply_run(&mut self, run: &Run, previous: Hash) -> Result<(), ReplicaError> {
        let mut hash = previous;
        for (number, entry) in (run.first..).zip(&run.entries) {
            if self.authority().is_control(&run.feed) {
                hash = entry_hash(&run.feed, number, &hash, entry);
                self.apply_control(&run.feed, number, entry, hash)?;
            }
            self.apply_entry(&run.feed, number, entry)?;
        }
        Ok(())
    }

    fn apply_entry(&mut self, feed: &FeedId, number: u64, entry: &Entry) -> Result<(), ReplicaError> {
        match (entry.kind, &entry.envelope) {
            (EntryKind::EDIT, Some(envelope)) => self.apply_edit(feed, number, envelope, &entry.payload),
            (EntryKind::REFUSAL, _) => self.apply_refusal(feed, entry),
            (EntryKind::CLOSED, _) => {
                self.apply_closed(feed, entry);
                Ok(())
            }
            (EntryKind::FORK, _) if feed.device == self.home.root.device() => {
                if let Some(fork) = control::decode::<Fork>(&entry.payload) {
                    let forked = FeedId { device: fork.device, incarnation: fork.incarnation, ..*feed };
                    self.index.put(keys::fork(&forked, fork.number), &fork.hash);
                }
                Ok(())
            }
            (EntryKind::POINT | EntryKind::GRANT | EntryKind::REVOKE | EntryKind::REGISTRY, _) => Ok(()),
            _ if !feed.channel.is_shared() => {
                let no = self.feeds.get(feed).copied().unwrap_or_default();
                self.index.put(keys::local(entry.kind, no, number), &LocalRow { entry: entry.clone() });
                match control::decode(&entry.payload) {
                    Some(Note::Rewound { feed, after }) if entry.kind == EntryKind::NOTE => {
                        self.take_out(&feed, after)
                    }
                    _ => Ok(()),
                }
            }
            // Of a newer version, or of an issue that this version does not know yet.
            _ => {
                self.wait(feed, number, RecordId::NIL, Some(Waiting::Upgrade));
                Ok(())
            }
        }
    }

    fn apply_control(
        &mut self,
        feed: &FeedId,
        number: u64,
        entry: &Entry,
        hash: Hash,
    ) -> Result<(), ReplicaError> {
        if !matches!(entry.kind, EntryKind::GRANT | EntryKind::REVOKE | EntryKind::REGISTRY) {
            return Ok(());
        }
        self.authority_mut().learn(hash, entry);
        let no = self.feeds.get(feed).copied().unwrap_or_default();
        self.index.put(keys::control(no, number), &ControlRow { hash, entry: entry.clone() });
        match control::decode::<Revoke>(&entry.payload) {
            Some(revoke) if entry.kind == EntryKind::REVOKE => self.review(revoke.device),
            _ => Ok(()),
        }
    }

    /// A device's grants have ended, or its last number was raised: its entries are looked at again.
    fn review(&mut self, device: DeviceId) -> Result<(), ReplicaError> {
        let feeds: Vec<FeedId> = self.feeds.keys().filter(|feed| feed.device == device).copied().collect();
        let mut records = BTreeSet::new();
        for feed in feeds {
            let head = self.ledger.head(&feed).number;
            let mut number = 1;
            while number <= head {
                let Some(row) = self.run_row(&feed, number)? else { break };
                number = row.head.number + 1;
                let Some(run) = self.read_run(row.span)? else { continue };
                for (number, entry) in (run.first..).zip(&run.entries) {
                    let after = self.authority().is_after_revocation(&feed, number);
                    let counts = !self.ledger.is_unapplied(&feed, number);
                    if let Some(envelope) = &entry.envelope
                        && entry.kind == EntryKind::EDIT
                        && after == counts
                    {
                        records.insert(envelope.record);
                    }
                }
            }
        }
        records.into_iter().try_for_each(|record| self.evaluate_anew(&record))
    }

    /// Remembers a refusal, whether its entry is here or not.
    pub(crate) fn note_refusal(&mut self, channel: Channel, entry: &Entry) {
        if let Some(refusal) = control::decode::<Refusal>(&entry.payload) {
            let feed = FeedId { channel, device: refusal.device, incarnation: refusal.incarnation };
            self.index.put(keys::refused(&feed, refusal.number), &refusal.reason);
        }
    }

    /// A refused change, and all that depends on it, is left out of its record.
    fn apply_refusal(&mut self, feed: &FeedId, entry: &Entry) -> Result<(), ReplicaError> {
        let Some(refusal) = control::decode::<Refusal>(&entry.payload) else { return Ok(()) };
        if feed.device != self.home.root.device() {
            return Ok(());
        }
        let refused =
            FeedId { channel: feed.channel, device: refusal.device, incarnation: refusal.incarnation };
        let held = self.ledger.head(&refused).number >= refusal.number;
        match if held { self.entry_at(&refused, refusal.number)? } else { None } {
            Some(Entry { envelope: Some(envelope), .. })
                if self.is_evaluated(&refused, refusal.number)? =>
            {
                self.evaluate_anew(&envelope.record)
            }
            _ => Ok(()),
        }
    }

    /// Whether an edit has come as far as its record: not while it stands later in the run that is being applied.
    fn is_evaluated(&self, feed: &FeedId, number: u64) -> Result<bool, ReplicaError> {
        let Some(Entry { envelope: Some(envelope), .. }) = self.entry_at(feed, number)? else {
            return Ok(false);
        };
        let rows = self.index.list::<ChangeRow>(&keys::changes(&envelope.record))?;
        Ok(rows.iter().any(|(_, row)| row.feed == *feed && row.number == number))
    }

    /// Adds an edit's change to its record and sees whether it counts.
    pub(crate) fn apply_edit(
        &mut self,
        feed: &FeedId,
        number: u64,
        envelope: &Envelope,
        raw: &[u8],
    ) -> Result<(), ReplicaError> {
        let id = envelope.record;
        let mut record = self.record_row(&id)?.unwrap_or(RecordRow {
            kind: envelope.kind,
            channel: feed.channel,
            epoch: envelope.epoch,
            heads: Vec::new(),
            changes: 0,
            unapplied: 0,
            unsnapped: 0,
            repeated: false,
        });
        let actor = birth::actor(&feed.device, &feed.incarnation, envelope.branch);
        let maker = match &envelope.origin {
            Some(origin) => birth::actor(&origin.feed.device, &origin.feed.incarnation, origin.branch),
            None => actor,
        };
        // What does not parse follows nothing, and the gate says the rest.
        let info = inspect(raw).ok();
        let row = ChangeRow {
            hash: huiliu_core::sync::entry::payload_hash(&Entry {
                kind: EntryKind::EDIT,
                envelope: None,
                payload: raw.to_vec(),
            }),
            deps: info.as_ref().map(|info| info.deps.clone()).unwrap_or_default(),
            feed: *feed,
            number,
            envelope: envelope.clone(),
            is_authors: info.as_ref().is_none_or(|info| info.actor == actor),
            is_birth: birth::is_made_by(&id, &maker) && info.is_some_and(|info| info.deps.is_empty()),
            state: ChangeState::Waiting(Waiting::Dependency),
            raw: raw.to_vec(),
        };
        let at = record.changes;
        record.changes += 1;
        record.unapplied += 1;
        record.repeated |= envelope.origin.is_some();
        let alone = record.unapplied == 1;
        self.index.put(keys::change(&id, at), &row);
        self.index.put(keys::record(&id), &record);
        self.wait(feed, number, id, Some(Waiting::Dependency));
        // The usual case, a change that follows what is there while nothing waits, needs no look at the others.
        if alone { self.evaluate_one(&id, record, at, row) } else { self.evaluate(&id) }
    }

    /// An entry is present and does not count: it waits, or it is refused (`None`).
    pub(crate) fn wait(&mut self, feed: &FeedId, number: u64, record: RecordId, waiting: Option<Waiting>) {
        self.ledger.set_unapplied(*feed, number, true);
        let row = WaitingRow { feed: *feed, number, record, waiting };
        self.index.put(keys::waiting(feed, number), &row);
    }

    /// An entry counts.
    pub(crate) fn count_entry(&mut self, feed: &FeedId, number: u64) {
        self.ledger.set_unapplied(*feed, number, false);
        self.index.remove(keys::waiting(feed, number));
    }

    /// A record's row.
    pub(crate) fn record_row(&self, id: &RecordId) -> Result<Option<RecordRow>, ReplicaError> {
        Ok(self.index.get(&keys::record(id))?)
    }
}
