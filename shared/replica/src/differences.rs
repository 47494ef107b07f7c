//! The search for what differs between sides that hold the same entries, and its mending: by the rule their records are
//! the same, so one of the two indexes is wrong. That is counted and told.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::{Channel, RecordId};
use huiliu_core::sync::compare::{self, Listing};
use huiliu_core::sync::control::{self, Note, reason};
use huiliu_core::sync::ledger::{Fingerprint, Sum};
use huiliu_core::sync::message::{Compare, RecordHeads};
use huiliu_core::sync::session::{Input, Session};
use huiliu_core::sync::{EntryKind, FeedId, Hash};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::StayRow;
use std::collections::BTreeMap;

impl Replica {
    /// Takes a step in the search for what differs, and mends it here.
    pub(crate) fn compare(
        &mut self,
        session: &Session,
        compare: Compare,
        now: u64,
    ) -> Result<Vec<Input>, ReplicaError> {
        let dialer = self.dialer_of(session);
        let mut channel = channel_of(&compare);
        let step = {
            let mut lists = BTreeMap::new();
            for channel in self.ledger.channels_for(&dialer) {
                lists.insert(channel, self.ledger.fingerprint(channel));
            }
            channel = channel.filter(|channel| lists.contains_key(channel));
            compare::step(compare, &Lists { replica: self, lists })
        };
        if let Some(channel) = channel.or(step.reply.as_ref().and_then(channel_of)) {
            self.mend_channel(channel, &step.mend, now)?;
        }
        // Only the hub says what counts of a feed.
        if session.peer() == self.home.root.device() && self.rewind(&step.common, reason::FORKED, now)? {
            return Ok(vec![Input::Anew(self.pending())]);
        }
        Ok(vec![Input::Compared(step.reply)])
    }

    /// Computes these records, and the channel's sum, anew from what is held; notes it if the index had been wrong.
    fn mend_channel(&mut self, channel: Channel, records: &[RecordId], now: u64) -> Result<(), ReplicaError> {
        let mut wrong = Vec::new();
        for record in records {
            let before = self.stays(record)?;
            for stay in &before {
                self.evaluate_anew(&Stay { record: *record, channel: stay.channel })?;
            }
            let heads = |rows: &[StayRow]| rows.iter().map(|row| row.shown().to_vec()).collect::<Vec<_>>();
            wrong.extend((heads(&before) != heads(&self.stays(record)?)).then_some(*record));
        }
        let terms = self.records_in(channel)?.into_iter().map(|(id, heads)| Sum::of_record(&id, &heads));
        let sum = terms.fold(Sum::default(), Sum::plus);
        let was_wrong = sum != self.ledger.sum(channel);
        if was_wrong {
            self.ledger.restore_sum(channel, sum);
            self.store_sum(channel);
        }
        if (was_wrong || !wrong.is_empty()) && !self.is_read_only() {
            self.note(&Note::Mended { channel, records: wrong }, "huiliu", now);
            self.commit_granted()?;
        }
        self.save_index()
    }

    /// How often the index was found wrong beside a peer's, and mended.
    pub fn mended(&self) -> Result<usize, ReplicaError> {
        let notes = self.locals(EntryKind::NOTE)?;
        let mended = |entry| matches!(control::decode(entry), Some(Note::Mended { .. }));
        Ok(notes.iter().filter(|entry| mended(&entry.payload)).count())
    }

    /// Every record of a channel with its heads, sorted.
    pub fn records_in(&self, channel: Channel) -> Result<Vec<RecordHeads>, ReplicaError> {
        let mut records = Vec::new();
        self.index.each(&keys::stays(), &[], |key, row: StayRow| {
            let id = key.get(..16).and_then(|id| id.try_into().ok()).map(RecordId);
            if let (Some(id), true) = (id, row.channel == channel && !row.shown().is_empty()) {
                records.push((id, row.heads));
            }
            true
        })?;
        Ok(records)
    }
}

struct Lists<'a> {
    replica: &'a Replica,
    lists: BTreeMap<Channel, Fingerprint>,
}

impl Listing for Lists<'_> {
    fn fingerprint(&self, channel: Channel) -> Option<Fingerprint> {
        self.lists.get(&channel).copied()
    }

    fn records(&self, channel: Channel) -> Vec<RecordHeads> {
        self.replica.records_in(channel).unwrap_or_default()
    }

    fn point(&self, feed: &FeedId, number: u64) -> Option<Hash> {
        self.replica.point(feed, number).ok().flatten().map(|head| head.hash)
    }

    fn head(&self, feed: &FeedId) -> (u64, Hash) {
        let head = self.replica.ledger.head(feed);
        (head.number, head.hash)
    }
}

/// The channel in which a step looks for what differs; the first step names all that both sides share.
fn channel_of(compare: &Compare) -> Option<Channel> {
    match compare {
        Compare::Ranges(channel, _) | Compare::Records(channel, ..) | Compare::Answer(channel, ..) => {
            Some(*channel)
        }
        Compare::Channels(_) | Compare::Chains(_) | Compare::Common(_) => None,
    }
}
