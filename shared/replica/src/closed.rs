//! Feeds in which nothing more is expected: the hub closes them, so that they fold and nobody's Hello grows with
//! incarnations that are over. A hub begins one with every start, a PC that is set back to the same image every day
//! with every day.

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use huiliu_core::model::Channel;
use huiliu_core::sync::control::{self, Closed, Note};
use huiliu_core::sync::{DeviceId, Entry, EntryKind, FeedId, Hash, Incarnation};
use huiliu_store::keys;
use std::collections::BTreeSet;

/// With more feeds of one device in one channel than so many, the hub closes the oldest.
const MOST_OPEN: usize = 4;
/// So many it leaves open. The machine that writes one may go on: clones are two, and each keeps its own.
const LEFT_OPEN: usize = 2;
/// After so many incarnations that a replica knows nothing of, it is set back again and again, not just once.
const OFTEN: usize = 3;

impl Replica {
    /// A feed is new here: the hub looks at the others of its device and channel before it answers.
    pub(crate) fn note_new_feed(&mut self, feed: &FeedId) {
        if self.role() == Role::Hub && feed.channel.is_shared() {
            self.crowded.insert((feed.channel, feed.device));
        }
    }

    /// Closes what is over in the channels in which a feed has begun.
    pub(crate) fn close_old_feeds(&mut self) {
        for (channel, device) in std::mem::take(&mut self.crowded) {
            let open = self.open_feeds(channel, device);
            if open.len() <= MOST_OPEN || self.has_bug("old feeds never closed") {
                continue;
            }
            for feed in &open[..open.len() - LEFT_OPEN] {
                let (head, incarnation) = (self.ledger.head(feed), feed.incarnation);
                let closed = Closed { device, incarnation, last: head.number, hash: head.hash };
                let stamp = self.stamp("huiliu", 0);
                self.stage_entry(channel, EntryKind::CLOSED, stamp, control::encode(&closed));
            }
        }
    }

    /// The feeds of a device in a channel that are not folded, in order of arrival.
    fn open_feeds(&self, channel: Channel, device: DeviceId) -> Vec<FeedId> {
        let feeds = self.ledger.feeds_of(channel).map(|(feed, _)| *feed);
        let mut open: Vec<FeedId> =
            feeds.filter(|feed| feed.device == device && !self.ledger.is_folded(feed)).collect();
        open.sort_by_key(|feed| self.feeds.get(feed));
        open
    }

    /// The hub says where a feed ends.
    pub(crate) fn apply_closed(&mut self, feed: &FeedId, entry: &Entry) {
        if let Some(closed) = control::decode::<Closed>(&entry.payload)
            && feed.device == self.home.root.device()
        {
            let Closed { device, incarnation, last, hash } = closed;
            let over = FeedId { device, incarnation, ..*feed };
            if self.ledger.close(over, last, hash) {
                self.index.put(keys::closed(&over), &(over, last, hash));
            }
        }
    }

    /// Reads what the index knows of closed feeds.
    pub(crate) fn load_closed(&mut self) -> Result<(), ReplicaError> {
        for (_, (feed, last, hash)) in self.index.list::<(FeedId, u64, Hash)>(&keys::all_closed())? {
            self.ledger.close(feed, last, hash);
        }
        Ok(())
    }

    /// How often this machine has been set back to an older state, if that happens again and again: so many incarnations
    /// were written under its name that its own notebook knows nothing of.
    pub fn set_back_often(&self) -> Option<usize> {
        let notes = self.locals(EntryKind::NOTE).unwrap_or_default();
        let begun: BTreeSet<Incarnation> = notes
            .iter()
            .filter_map(|entry| match control::decode(&entry.payload) {
                Some(Note::Began { incarnation, .. }) => Some(incarnation),
                _ => None,
            })
            .collect();
        let own = self.ledger.heads().filter(|(feed, _)| feed.device == self.device());
        let unknown: BTreeSet<Incarnation> =
            own.map(|(feed, _)| feed.incarnation).filter(|own| !begun.contains(own)).collect();
        Some(unknown.len()).filter(|count| *count >= OFTEN)
    }
}
