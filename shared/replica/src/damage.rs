//! Damage of the journal, as a running replica meets it: what it costs is left out and remembered, what it may have
//! cost begins a new incarnation, and everything else goes on.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::Scope;
use huiliu_core::sync::{DeviceId, FeedId, Incarnation, Run};
use huiliu_store::{Damage, Position, Span, StoreError, keys};
use std::collections::BTreeSet;

/// Whether a damaged journal may have lost entries that this replica wrote under its present incarnation: then the
/// next number of a feed cannot be known, and must not be used.
pub(crate) struct Doubt {
    device: DeviceId,
    /// Own incarnations of which the notebook has been seen.
    begun: BTreeSet<Incarnation>,
    /// Damage after which nothing has been seen yet but what the newest incarnation began with, in the same append.
    fresh: bool,
    /// Damage since the newest incarnation began.
    pub(crate) is_open: bool,
}

impl Doubt {
    pub(crate) fn new(replica: &Replica) -> Self {
        let device = replica.key.device();
        let own = replica.feeds.keys().filter(|feed| feed.device == device);
        let begun = own.filter(|feed| feed.channel.scope == Scope::Local).map(|feed| feed.incarnation);
        Self { device, begun: begun.collect(), fresh: false, is_open: false }
    }

    pub(crate) fn damage(&mut self) {
        (self.fresh, self.is_open) = (true, true);
    }

    pub(crate) fn run(&mut self, run: &Run) {
        let own = run.feed.device == self.device;
        let beginning = own && !self.begun.contains(&run.feed.incarnation);
        // A notebook is never received: its first run is where the incarnation began, after all damage before it.
        if beginning && run.feed.channel.scope == Scope::Local {
            self.is_open &= self.fresh;
            self.begun.insert(run.feed.incarnation);
        }
        self.fresh &= beginning;
    }
}

impl Replica {
    /// Reads the run of a feed that begins with a number; `None` if it is damaged or does not lie there, which is
    /// remembered. Nobody who does not need it is kept from the rest.
    pub(crate) fn read_run(
        &self,
        feed: &FeedId,
        first: u64,
        span: Span,
    ) -> Result<Option<Run>, ReplicaError> {
        match self.journal.read(feed, first, span) {
            Ok(run) => Ok(Some(run)),
            Err(StoreError::Damaged { segment, offset, reason }) => {
                tracing::error!(segment, offset, reason, "an entry is damaged");
                self.unread.borrow_mut().insert(span.at, 1);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Notes damage found while catching up.
    pub(crate) fn note_damage(&mut self, damage: &Damage) {
        tracing::error!(damage.segment, damage.offset, damage.reason, "the journal is damaged");
        let segment = damage.segment.trim_end_matches(".seg").parse().unwrap_or_default();
        self.index.put(keys::damaged(Position { segment, offset: damage.offset }), &1_u64);
    }

    /// Puts damage that was met while reading beside what is known.
    pub(crate) fn note_unread(&mut self) {
        for (at, entries) in self.unread.take() {
            self.index.put(keys::damaged(at), &entries);
        }
    }

    /// How many places of the journal are known to be damaged.
    pub fn damaged(&self) -> Result<usize, ReplicaError> {
        Ok(self.index.list::<u64>(&keys::all_damaged())?.len() + self.unread.borrow().len())
    }

    /// Something was lost: nobody may read that all is well before a peer has said so again.
    pub(crate) fn forget_verified(&mut self) -> Result<(), ReplicaError> {
        self.verified_at = None;
        self.peers.values_mut().for_each(|peer| peer.verified_at = None);
        self.save_synced()
    }
}
