//! What one side holds and cannot send the other: named to both, so that nobody wonders why they do not become level.

use crate::exchange::{Effect, SessionId};
use crate::replica::Replica;
use huiliu_core::sync::message::Refused;
use huiliu_core::sync::{DeviceId, FeedId};

/// So many feeds are remembered: a peer may name any number.
const MOST_REMEMBERED: usize = 1000;

/// A feed that ends for a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Withheld {
    /// The other side.
    pub peer: DeviceId,
    /// Whether it is the other side that cannot send.
    pub there: bool,
    /// The feed.
    pub feed: FeedId,
    /// The first number that cannot be sent.
    pub number: u64,
    /// Why: see `control::reason`.
    pub reason: u16,
}

impl Replica {
    /// Remembers and tells what cannot be sent; `there`: the peer cannot send it.
    pub(crate) fn hear_withheld(&mut self, id: SessionId, peer: DeviceId, there: bool, list: &[Refused]) {
        for Refused { feed, number, reason } in list {
            if self.withheld.len() < MOST_REMEMBERED {
                self.withheld.insert((peer, there, *feed), (*number, *reason));
            }
            tracing::warn!(%feed, number, reason, there, "entries cannot be sent, and their feed ends there");
        }
        if let Some(first) = list.first() {
            self.effects.push_back(Effect::Withheld(id, list.len(), first.reason));
        }
    }

    /// Everything is equal on both sides: nothing is withheld from the peer, or by it, any more.
    pub(crate) fn nothing_withheld(&mut self, peer: DeviceId) {
        self.withheld.retain(|(other, ..), _| *other != peer);
    }

    /// What could not be sent since the program was started.
    pub fn withheld(&self) -> impl Iterator<Item = Withheld> {
        self.withheld.iter().map(|((peer, there, feed), (number, reason))| Withheld {
            peer: *peer,
            there: *there,
            feed: *feed,
            number: *number,
            reason: *reason,
        })
    }
}
