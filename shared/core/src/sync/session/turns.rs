//! What goes into a session and what comes out of it.

use super::{Role, Session};
use crate::sync::feed::FeedId;
use crate::sync::keys::Hash;
use crate::sync::ledger::Combined;
use crate::sync::message::{Compare, Message, Refused, WITH_EDITIONS, encode};
use std::collections::BTreeMap;

/// What happens to a session.
#[derive(Debug)]
pub enum Input {
    /// A frame came.
    Frame(Vec<u8>),
    /// The replica holds more than before, through another session or its own people.
    Grew,
    /// The answer to [`Output::Load`]: an encoded batch and where its feeds then stand.
    Loaded {
        /// As `wire` encodes it; empty if nothing was to be had.
        batch: Vec<u8>,
        /// How many bytes of the journal went into it.
        read: usize,
        /// The last number of each feed in it.
        heads: Vec<(FeedId, u64)>,
    },
    /// What follows in these feeds cannot be sent, each for a reason: they end for the peer as long as the session lasts.
    Withheld(Vec<Refused>),
    /// The answer to [`Output::Store`]: durable and applied, but for what was refused.
    Stored {
        /// Where the feeds of the batch stand.
        heads: Vec<(FeedId, u64)>,
        /// What will never be taken.
        refused: Vec<Refused>,
    },
    /// The answer to [`Output::Compare`]: the step's reply, if it has one.
    Compared(Option<Compare>),
    /// The person wants to know that both are level.
    Ask,
    /// Something is to be compared.
    Say(Compare),
    /// Dialer: feeds stand elsewhere than the last Hello said; so many entries are pending.
    Anew(u64),
}

/// What a session wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a frame.
    Send(Vec<u8>),
    /// Read runs for the peer: of each feed those after the number, in order of the journal, about `bytes` in all.
    Load {
        /// Feed, number after which to begin, and whether the peer knows the feed's tag.
        wants: Vec<(FeedId, u64, bool)>,
        /// About how much.
        bytes: usize,
    },
    /// Check and keep a batch.
    Store(Vec<u8>),
    /// Keep keys, sealed to this device, before anything that came after them is acknowledged.
    Keys(Vec<u8>),
    /// The peer will never take these.
    RefusedThere(Vec<Refused>),
    /// The peer holds these and cannot send them.
    WithheldThere(Vec<Refused>),
    /// These cannot be sent to the peer.
    Withheld(Vec<Refused>),
    /// The peer works on what came: so many entries wait there to be applied.
    PeerWorks(u64),
    /// The peer holds our own feed up to here: number and hash of its last point, which may be new to us.
    SeenUnderOurName(FeedId, u64, Hash),
    /// The caller says how many entries it has not sent yet.
    Pending(u64),
    /// The peer holds so much and no more of the shared channels: a hub that was restored holds less than before.
    Holds {
        /// Up to which number of each feed.
        held: BTreeMap<FeedId, u64>,
        /// Digests have been compared; else only numbers have.
        proved: bool,
    },
    /// The peer holds these feeds up to here: it has said so, or sent them.
    Acknowledged(Vec<(FeedId, u64)>),
    /// Both have said Done; whether the fingerprints agree.
    Level(bool),
    /// Both hold the same entries, but records differ: take the next step of `compare`.
    Compare(Compare),
    /// Everything is exchanged by the numbers, and yet both do not hold the same: a feed may have two branches.
    Differs,
    /// Nothing more can be said.
    Close(Closing),
}

/// Why a session ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Closing {
    /// The peer sent what is no message, or one that has no place here.
    Nonsense,
    /// No protocol version in common; the peer's are given.
    Upgrade(u16, u16),
    /// The peer asks to come back in so many seconds.
    Busy(u32),
    /// The caller is not who its certificate says, or may not speak.
    Stranger,
}

/// What was so when a Hello was said: its answer is about that moment.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    pub(super) combined: Option<Combined>,
    /// What was held of the shared channels.
    pub(super) held: BTreeMap<FeedId, u64>,
    /// What was folded: the peer's answer leaves it out if it has come to the same.
    pub(super) folded: BTreeMap<FeedId, u64>,
    /// How many entries were pending.
    pub(super) pending: u64,
    /// What the peer was believed to hold.
    pub(super) believed: BTreeMap<FeedId, u64>,
}

impl Session {
    /// Gives back what cannot be done yet: it is the next thing to do again, and nothing overtakes it.
    pub fn put_back(&mut self, output: Output) {
        self.outputs.push_front(output);
    }

    /// Whether the peer is a caller who waits for what is done here, and understands [`working`].
    pub fn is_waited_for(&self) -> bool {
        self.role == Role::Listener && self.open && !self.level && self.speaks >= WITH_EDITIONS
    }
}

/// The frame that tells a caller who waits that what came is being worked on: so many entries wait to be applied. It may go
/// out between any two others.
pub fn working(waiting: u64) -> Vec<u8> {
    encode(&Message::Working(waiting))
}
