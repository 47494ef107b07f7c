//! Applying: what the journal says, put into index and ledger. The same for own and foreign entries, on receipt and on
//! rebuild; what it does depends on the journal alone.

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use crate::stays::{change_row, new_stay};
use crate::upgrade::BEFORE_MOVES;
use huiliu_core::model::{Channel, DictionaryEdition, RecordId};
use huiliu_core::sync::control::{self, Fork, Note, Refusal, Revoke, reason};
use huiliu_core::sync::entry::entry_hash;
use huiliu_core::sync::{DeviceId, Entry, EntryKind, Envelope, FeedId, Hash, Run};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{
    ChangeRow, ChangeState, ControlRow, LocalRow, MatchRow, Stands, Waiting, WaitingRow,
};
use std::collections::BTreeSet;

impl Replica {
    /// Applies a run that is registered; `previous` is the chain hash before it.
    pub(crate) fn apply_run(&mut self, run: &Run, previous: Hash) -> Result<(), ReplicaError> {
        let (mut hash, edition) = (previous, run.edition());
        for (number, entry) in (run.first..).zip(&run.entries) {
            if self.authority().is_control(&run.feed) {
                hash = entry_hash(&run.feed, number, &hash, entry);
                self.apply_control(&run.feed, number, entry, hash)?;
            }
            self.apply_entry(&run.feed, number, entry, edition)?;
        }
        Ok(())
    }

    pub(crate) fn apply_entry(
        &mut self,
        feed: &FeedId,
        number: u64,
        entry: &Entry,
        edition: DictionaryEdition,
    ) -> Result<(), ReplicaError> {
        match (entry.kind, &entry.envelope) {
            (EntryKind::EDIT, Some(envelope)) => {
                self.apply_edit(feed, number, (envelope, edition), &entry.payload)
            }
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
            (EntryKind::ARRIVED | EntryKind::LEFT | EntryKind::CARRIED, Some(envelope))
                if feed.device == self.home.root.device() && !self.has_bug(BEFORE_MOVES) =>
            {
                self.apply_move(feed, number, entry, envelope)
            }
            (EntryKind::MATCH_OFFERED | EntryKind::MATCH_CHOSEN, _) if !self.has_bug(BEFORE_MOVES) => {
                let no = self.feeds.get(feed).copied().unwrap_or_default();
                let row = MatchRow { feed: *feed, entry: entry.clone() };
                self.index.put(keys::matching(no, number), &row);
                self.apply_matching(feed, entry);
                Ok(())
            }
            (EntryKind::POINT | EntryKind::GRANT | EntryKind::REVOKE | EntryKind::REGISTRY, _) => Ok(()),
            _ if !feed.channel.is_shared() => {
                let no = self.feeds.get(feed).copied().unwrap_or_default();
                self.index.put(keys::local(entry.kind, no, number), &LocalRow { entry: entry.clone() });
                self.learn_ticket(entry);
                match control::decode(&entry.payload) {
                    Some(Note::Rewound { feed, after }) if entry.kind == EntryKind::NOTE => {
                        self.take_out(&feed, after)
                    }
                    _ => Ok(()),
                }
            }
            // Of a newer version, or of an issue that this version does not know yet.
            _ => {
                let refused = self.index.get::<u16>(&keys::refused(feed, number))?.is_some();
                self.wait(feed, number, RecordId::NIL, (!refused).then_some(Waiting::Upgrade));
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
        // One that comes back after damage can be older than the tree.
        self.tree_changed |= self.role() == Role::Hub && entry.kind == EntryKind::GRANT;
        let no = self.feeds.get(feed).copied().unwrap_or_default();
        self.index.put(keys::control(no, number), &ControlRow { hash, entry: entry.clone() });
        match control::decode::<Revoke>(&entry.payload) {
            Some(revoke)
                if entry.kind == EntryKind::REVOKE
                    && !self.has_bug("what came before its revocation counts") =>
            {
                self.review(revoke.device)
            }
            _ if entry.kind == EntryKind::GRANT => self.prove_carried(),
            _ => Ok(()),
        }
    }

    /// A grant has come, perhaps back after damage: what the hub carried of an author unknown until then is looked at
    /// again.
    fn prove_carried(&mut self) -> Result<(), ReplicaError> {
        let mut open: Vec<(FeedId, u64)> = Vec::new();
        let hub = self.home.root.device();
        self.index.each(&keys::all_waiting(), &[], |_, row: WaitingRow| {
            let unproved = row.waiting == Some(Waiting::Judgement(reason::BAD_SIGNATURE));
            open.extend((unproved && row.feed.device == hub).then_some((row.feed, row.number)));
            true
        })?;
        for (feed, number) in open {
            let Some(entry) = self.entry_at(&feed, number)? else { continue };
            if let (EntryKind::CARRIED, Some(envelope)) = (entry.kind, &entry.envelope) {
                self.count_entry(&feed, number);
                self.apply_move(&feed, number, &entry, envelope)?;
            }
        }
        Ok(())
    }

    /// A device's grants have ended, or its last number was raised: its entries are looked at again.
    fn review(&mut self, device: DeviceId) -> Result<(), ReplicaError> {
        let mut stays = BTreeSet::new();
        self.index.each(&keys::all_changes(), &[], |key, row: ChangeRow| {
            let after = self.authority().is_after_revocation(&row.feed, row.number);
            let counts = row.state == ChangeState::Applied;
            if row.feed.device == device && after == counts {
                stays.extend(stay_of(key, &row.place().0));
            }
            true
        })?;
        stays.iter().try_for_each(|stay| self.evaluate_anew(stay))
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
        let entry = if held { self.entry_at(&refused, refusal.number)? } else { None };
        match entry {
            Some(Entry { kind: EntryKind::EDIT, envelope: Some(envelope), .. }) => {
                self.stale.insert(Stay { record: envelope.record, channel: feed.channel }, true);
            }
            // Of a kind that is not known here.
            Some(_) if self.ledger.is_unapplied(&refused, refusal.number) => {
                self.wait(&refused, refusal.number, RecordId::NIL, None);
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds an edit's change to its record and sees whether it counts.
    pub(crate) fn apply_edit(
        &mut self,
        feed: &FeedId,
        number: u64,
        (envelope, edition): (&Envelope, DictionaryEdition),
        raw: &[u8],
    ) -> Result<(), ReplicaError> {
        let stay = Stay { record: envelope.record, channel: feed.channel };
        self.apply_change(&stay, change_row(feed, number, (envelope, edition), raw, Stands::Entry))
    }

    /// Adds a change to a stay and sees whether it counts.
    pub(crate) fn apply_change(&mut self, stay: &Stay, row: ChangeRow) -> Result<(), ReplicaError> {
        let kind = row.envelope.kind;
        let mut record = self.stay_row(stay)?.unwrap_or_else(|| new_stay(kind, stay.channel));
        let at = record.changes;
        record.changes += 1;
        record.unapplied += 1;
        record.repeated |= row.envelope.origin.is_some();
        self.index.put(keys::change(stay, at), &row);
        self.index.put(keys::stay(stay), &record);
        // The usual case, a change that follows what is there while nothing waits, needs no look at the others.
        let simple = record.unapplied == 1 && record.epoch == 0 && row.is_entry();
        if simple && !self.stale.contains_key(stay) && self.judged.insert(*stay) {
            return self.evaluate_one(stay, record, at, row);
        }
        // The others are looked at once for all that comes together: a device that sends changes of one record by the
        // thousand, be they refused, must not make it slower for everybody with each of them.
        self.stale.entry(*stay).or_default();
        Ok(())
    }

    /// An entry is present and does not count: it waits, or it is refused (`None`).
    pub(crate) fn wait(&mut self, feed: &FeedId, number: u64, record: RecordId, waiting: Option<Waiting>) {
        self.ledger.set_unapplied(*feed, number, true);
        let row = WaitingRow { feed: *feed, number, record, waiting };
        self.index.put(keys::waiting(feed, number), &row);
    }

    /// An entry counts.
    pub(crate) fn count_entry(&mut self, feed: &FeedId, number: u64) {
        if self.ledger.is_unapplied(feed, number) {
            self.ledger.set_unapplied(*feed, number, false);
            self.index.remove(keys::waiting(feed, number));
        }
    }
}

/// The stay of a change or a move, from its key without the table, and a feed of its channel.
pub(crate) fn stay_of(key: &[u8], feed: &FeedId) -> Option<Stay> {
    let record = RecordId(key.get(..16)?.try_into().ok()?);
    Some(Stay { record, channel: feed.channel })
}
