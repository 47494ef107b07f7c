//! The payloads of all entries that are not edits. Postcard forms; every kind is decided here, also those that a
//! later version fills with life. A new field is a new kind number, never a changed struct.

use super::entry::{Entry, EntryKind, Envelope, Origin};
use super::feed::{FeedId, Incarnation, Point};
use super::keys::{DeviceId, Hash, PublicKey};
use super::seal::KeyId;
use crate::model::{Channel, Class, DivisionCode, RecordId, Scope};
use serde::{Deserialize, Serialize};

/// GRANT: a device may read and write `own/D` and `published/D` for every D in `subtree`, and read `published/D` for
/// every D in `above`, in the listed classes. Divisions are sorted, so that scope is decided by a search, never by
/// the tree or by content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The device.
    pub key: PublicKey,
    /// Whose device it is.
    pub division: DivisionCode,
    /// What people call it.
    pub name: String,
    /// The division and all below it, sorted.
    pub subtree: Vec<DivisionCode>,
    /// The divisions above it, sorted.
    pub above: Vec<DivisionCode>,
    /// The classes covered.
    pub classes: Vec<Class>,
}

impl Grant {
    /// Whether the device may write in `channel`.
    pub fn may_write(&self, channel: Channel) -> bool {
        channel.is_shared() && self.covers(channel.class, &self.subtree, channel.division)
    }

    /// Whether the device may see `channel`.
    pub fn may_read(&self, channel: Channel) -> bool {
        self.may_write(channel)
            || channel.scope == Scope::Published && self.covers(channel.class, &self.above, channel.division)
    }

    fn covers(&self, class: Class, divisions: &[DivisionCode], division: DivisionCode) -> bool {
        self.classes.contains(&class) && divisions.binary_search(&division).is_ok()
    }
}

/// REVOKE: the device's entries count up to the numbers listed; a feed not listed does not count. A later Revoke may
/// raise a number, never lower it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revoke {
    /// The device.
    pub device: DeviceId,
    /// The last number that counts, by feed.
    pub last: Vec<(Incarnation, Channel, u64)>,
    /// Why, for people.
    pub reason: String,
}

/// REGISTRY: the edition of the division registry this tree uses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registry {
    /// The edition's name.
    pub edition: String,
    /// SHA-256 of its uncompressed text.
    pub sha256: Hash,
}

/// MATCH_OFFERED: a device of the county in whose channel it stands holds a match key of this name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MatchOffered {
    /// The key's name.
    pub key: KeyId,
    /// The key that it shall take the place of, because that was lost or stolen; none for the first.
    pub replaces: Option<KeyId>,
}

/// MATCH_CHOSEN: this match key counts from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MatchChosen {
    /// The key's name.
    pub key: KeyId,
    /// Whose offer it was.
    pub county: DivisionCode,
}

/// REFUSAL: the entry `number` of that device's feed in this channel, and all that depends on it, is left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Whose entry.
    pub device: DeviceId,
    /// Of which incarnation.
    pub incarnation: Incarnation,
    /// Which.
    pub number: u64,
    /// Why: see `documents::Verdict::code` and [`reason`].
    pub reason: u16,
}

/// FORK: of the feed's branches the one with this entry counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fork {
    /// Whose feed.
    pub device: DeviceId,
    /// Of which incarnation.
    pub incarnation: Incarnation,
    /// The first number at which the branches differ.
    pub number: u64,
    /// The hash of the entry that counts.
    pub hash: Hash,
}

/// CLOSED: nothing is expected to follow in that feed. While it stands there it folds into one digest with its like, so
/// that nobody's Hello grows with incarnations that are over; what follows nevertheless counts as ever and unfolds it.
/// Of several the one with the highest number counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// Whose feed.
    pub device: DeviceId,
    /// Of which incarnation.
    pub incarnation: Incarnation,
    /// Its last number.
    pub last: u64,
    /// The hash there.
    pub hash: Hash,
}

/// ARRIVED: the record lives in this channel from the envelope's epoch on, with its whole history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Arrived {
    /// Where it was.
    pub from: Channel,
    /// The saved document, nothing left out.
    pub history: Vec<u8>,
    /// Who wrote each change of the history, and when: the receiver may not see where it was written.
    pub changes: Vec<Written>,
}

/// A change as its author wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Written {
    /// Its hash.
    pub change: Hash,
    /// The feed it was written in.
    pub feed: FeedId,
    /// Its number there.
    pub number: u64,
    /// Its envelope there.
    pub envelope: Envelope,
}

/// LEFT: the record has moved to another channel; the envelope's epoch is the one that has ended here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Left {
    /// Where it is now.
    pub to: Channel,
}

/// CARRIED: an edit of an older epoch that came after its record had moved, with its author's signature: see
/// [`super::carry`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    /// The feed the edit was written in.
    pub feed: FeedId,
    /// Its number there.
    pub number: u64,
    /// The chain hash before it.
    pub previous: Hash,
    /// The edit.
    pub edit: Entry,
    /// What stands between it and the point that signs it, without payloads: they concern other records.
    pub between: Vec<Bare>,
    /// The point.
    pub point: Point,
}

/// As much of an entry as the chain needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bare {
    /// What it is.
    pub kind: EntryKind,
    /// Its envelope.
    pub envelope: Option<Envelope>,
    /// The hash that stands for its payload.
    pub payload: Hash,
}

/// ERASE: the person's record is forgotten; wins over anything, in any order, and never expires.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Erase {
    /// Why the law allows or demands it.
    pub basis: String,
    /// Who approved.
    pub approved_by: Vec<String>,
}

/// QUARANTINED (local): something that did not enter a channel, on the side that refused or the side that offered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quarantined {
    /// Whether this replica's own entry was refused elsewhere (else it refused another's).
    pub ours: bool,
    /// The feed it claims.
    pub feed: FeedId,
    /// The number it claims.
    pub number: u64,
    /// Why: see [`reason`].
    pub reason: u16,
    /// The device it came from or was refused by.
    pub peer: DeviceId,
    /// What was refused, as far as the bound allows; empty when it is ours.
    pub bytes: Vec<u8>,
}

/// DRAFT (local): an edit of this replica's that counts nowhere, kept for its author.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// Where it stood.
    pub origin: Origin,
    /// The entry.
    pub entry: Entry,
    /// Why it does not count.
    pub reason: u16,
}

/// IMPORT (local): an import began; each group of its rows comes with a [`Note::Imported`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Import {
    /// The import's id.
    pub id: RecordId,
    /// The kind of its rows.
    pub kind: String,
    /// The file's name.
    pub file: String,
    /// How many rows it has.
    pub rows: u64,
}

/// NOTE (local): what the replica must remember and nobody else needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Note {
    /// This incarnation began, for the reason given.
    Began {
        /// Which.
        incarnation: Incarnation,
        /// Why.
        why: Beginning,
    },
    /// A group of an import's rows was written, in the same append.
    Imported {
        /// The import.
        id: RecordId,
        /// The feeds written to, with the first and last number.
        spans: Vec<(FeedId, u64, u64)>,
    },
    /// Hub: a ticket was issued.
    TicketIssued {
        /// Its id.
        id: [u8; 8],
        /// SHA-256 of its secret.
        secret: Hash,
        /// For which division.
        division: DivisionCode,
        /// When it expires, seconds since 1970 UTC.
        expires: u64,
    },
    /// The entries of a feed after a number are no part of it any more: another branch of it counts.
    Rewound {
        /// The feed.
        feed: FeedId,
        /// The last number that both branches have.
        after: u64,
    },
    /// A draft was written again, or given up.
    DraftDone {
        /// Its change.
        change: Hash,
    },
    /// Hub: a ticket was used.
    TicketUsed {
        /// Its id.
        id: [u8; 8],
        /// By which device.
        device: DeviceId,
        /// What it called itself.
        name: String,
        /// When, milliseconds since 1970 UTC.
        at: u64,
    },
    /// What the index said of a channel was wrong beside a peer's and was computed anew.
    Mended {
        /// The channel.
        channel: Channel,
        /// The records that were wrong; none if only their sum was.
        records: Vec<RecordId>,
    },
    /// Somebody, the envelope says who, read secret fields.
    Read {
        /// What for.
        purpose: String,
        /// The command.
        what: String,
    },
    /// An import was undone.
    Undone {
        /// Which.
        id: RecordId,
    },
}

/// Why an incarnation began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Beginning {
    /// The replica is new.
    New,
    /// Its journal had lost entries that had been durable.
    LostTail,
    /// Another replica held an entry under its name that it did not have.
    SeenElsewhere,
    /// A hub has been started and writes for the first time since: one that was set back to an older copy does not
    /// know it, and must not use a number twice.
    Started,
}

/// Reason codes of Refused messages and quarantine; gate verdicts have 101 and up.
pub mod reason {
    /// The author has no grant for the channel.
    pub const OUT_OF_SCOPE: u16 = 1;
    /// The signature or the chain does not hold.
    pub const BAD_SIGNATURE: u16 = 2;
    /// Over a cap, or not a run.
    pub const BAD_SHAPE: u16 = 3;
    /// Another entry with this number is already here.
    pub const FORKED: u16 = 4;
    /// Only the home hub may write an entry of this kind.
    pub const NOT_THE_HUB: u16 = 5;
    /// The record's id was not made by the entry's author.
    pub const NOT_ITS_MAKER: u16 = 6;
    /// The record lives in another channel.
    pub const OTHER_CHANNEL: u16 = 7;
    /// The record is of another kind, or of a kind this version does not know.
    pub const OTHER_KIND: u16 = 8;
    /// Written after its device's grant ended.
    pub const REVOKED: u16 = 9;
    /// The change was not made by the entry's author.
    pub const NOT_ITS_AUTHOR: u16 = 10;
    /// What it repeats is there already.
    pub const REPEATED: u16 = 11;
    /// Of a draft: the first edit of its record was refused, so that the record never came to be.
    pub const UNBORN: u16 = 12;
    /// Held, and too large to be sent: somebody has made it so.
    pub const TOO_LARGE_TO_SEND: u16 = 13;
    /// Held, and not to be read by the program at the other end.
    pub const NEEDS_NEWER: u16 = 14;
    /// Held, and damaged on the disk there.
    pub const DAMAGED: u16 = 15;
    /// It waited for what will not come, and somebody at the hub has ended that.
    pub const GIVEN_UP: u16 = 16;
}

/// Reads a payload.
pub fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    postcard::from_bytes(payload).ok()
}

/// Writes a payload.
pub fn encode<T: Serialize>(payload: &T) -> Vec<u8> {
    postcard::to_allocvec(payload).expect("payloads have a postcard form")
}
