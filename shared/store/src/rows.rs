//! The rows of the index.

use crate::{Position, Span};
use huiliu_core::model::{Channel, DictionaryEdition, DivisionCode, Fields, Hlc, KindId, RecordId};
use huiliu_core::sync::control::Arrived;
use huiliu_core::sync::{Entry, Envelope, FeedId, Hash, Head};
use serde::{Deserialize, Serialize};

/// The format, and how far into the journal the index has come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// See `keys::FORMAT`.
    pub format: u32,
    /// Everything before this position is in the index.
    pub applied: Position,
    /// Every run before this position is registered; those from `applied` on are still to be applied.
    pub held: Position,
    /// The latest time seen.
    pub clock: Hlc,
}

/// A feed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeedRow {
    /// Its name.
    pub id: FeedId,
    /// Where it stands.
    pub head: Head,
}

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRow {
    /// The number of its first entry.
    pub first: u64,
    /// Where it lies.
    pub span: Span,
    /// Where the feed stands after it.
    pub head: Head,
    /// What its point is signed with: all else of a run can be computed from the rows of its entries.
    pub signature: Vec<u8>,
    /// The edition of the dictionary that its point names.
    pub edition: DictionaryEdition,
}

/// A run that is here and does not continue its feed: what comes before it was lost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ParkedRow {
    /// Its feed.
    pub feed: FeedId,
    /// The number of its first entry.
    pub first: u64,
    /// Where it lies.
    pub span: Span,
}

/// A stay: what one channel says of a record. It follows from the entries of that channel alone, so that replicas
/// which see other channels beside it come to the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StayRow {
    /// The record's kind.
    pub kind: KindId,
    /// The channel.
    pub channel: Channel,
    /// The epoch of its newest arrival here; 0 if it was made here and has not moved since.
    pub epoch: u32,
    /// The newest epoch that the hub says has ended here, and where the record went.
    pub left: Option<Departure>,
    /// The newest changes that count, sorted; none while its first change has not come.
    pub heads: Vec<Hash>,
    /// How many changes have come for it, waiting and refused ones included.
    pub changes: u32,
    /// How many of these do not count.
    pub unapplied: u32,
    /// How many count and are not in the snapshot.
    pub unsnapped: u32,
    /// Whether a change has come that repeats another: then of each the others have to be looked at.
    pub repeated: bool,
}

/// A record has left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Departure {
    /// The epoch that has ended.
    pub epoch: u32,
    /// Where it went.
    pub to: Channel,
}

impl StayRow {
    /// Whether the record has left, and not come back.
    pub fn has_ended(&self) -> bool {
        self.left.is_some_and(|left| left.epoch >= self.epoch)
    }

    /// What the stay adds to its channel's sum: nothing when the record has left.
    pub fn shown(&self) -> &[Hash] {
        if self.has_ended() { &[] } else { &self.heads }
    }

    /// Whether nothing waits any more in an epoch: it has ended here, or gone before a newer arrival.
    pub fn is_settled(&self, epoch: u32) -> bool {
        epoch < self.epoch || self.left.is_some_and(|left| epoch <= left.epoch)
    }

    /// Of a record's stays the one with the highest rank says where it is.
    pub fn rank(&self) -> (u32, Channel) {
        (self.epoch, self.channel)
    }
}

/// What the hub has said of a record's move.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoveRow {
    /// The feed of the entry.
    pub feed: FeedId,
    /// Its number.
    pub number: u64,
    /// The epoch that begins or has ended.
    pub epoch: u32,
    /// Which.
    pub what: Move,
}

/// A move, seen from one channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Move {
    /// The record came.
    Arrived(Arrived),
    /// It went.
    Left(Channel),
}

/// Whether a change counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChangeState {
    /// It is in the record.
    Applied,
    /// It waits.
    Waiting(Waiting),
    /// The home hub has refused it, or one it depends on.
    Refused,
    /// It came after its record had gone and come back: the hub carries it.
    Late,
}

/// What an entry waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Waiting {
    /// A change it depends on.
    Dependency,
    /// The home hub's judgement: the gate here said no, for this reason.
    Judgement(u16),
    /// A review: it was written after its device's grant had ended.
    Review,
    /// A newer version of the program.
    Upgrade,
    /// The repair of the journal: its bytes are damaged here.
    Repair,
    /// The arrival of its record: it was written in an epoch that has not begun here yet.
    Arrival,
}

/// By what a change stands in a stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stands {
    /// By the entry that its author wrote in this channel.
    Entry,
    /// By an entry of the hub's, which carried it here.
    Carried {
        /// The hub's feed.
        feed: FeedId,
        /// The number of its entry.
        number: u64,
        /// The epoch into which it was carried.
        epoch: u32,
    },
    /// By the history with which the record arrived. Never stored as a row: the arrival has it.
    History,
}

/// A change of a record, in one stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeRow {
    /// Its hash.
    pub hash: Hash,
    /// The changes it follows.
    pub deps: Vec<Hash>,
    /// The feed its author wrote it in.
    pub feed: FeedId,
    /// Its number there.
    pub number: u64,
    /// Its envelope there.
    pub envelope: Envelope,
    /// The edition of the dictionary that its run names.
    pub edition: DictionaryEdition,
    /// By what it stands here.
    pub stands: Stands,
    /// Whether the Automerge actor is the one that its entry's device, incarnation and branch make.
    pub is_authors: bool,
    /// For the first change of a record: it is made by whom the record's id says.
    pub is_birth: bool,
    /// Whether it counts.
    pub state: ChangeState,
    /// Its bytes; empty once it is in the snapshot.
    pub raw: Vec<u8>,
}

impl ChangeRow {
    /// The entry of this channel by which it stands.
    pub fn place(&self) -> (FeedId, u64) {
        match self.stands {
            Stands::Carried { feed, number, .. } => (feed, number),
            Stands::Entry | Stands::History => (self.feed, self.number),
        }
    }

    /// The epoch in which it stands.
    pub fn epoch(&self) -> u32 {
        match self.stands {
            Stands::Carried { epoch, .. } => epoch,
            Stands::Entry | Stands::History => self.envelope.epoch,
        }
    }

    /// Whether its author wrote it in this channel.
    pub fn is_entry(&self) -> bool {
        self.stands == Stands::Entry
    }
}

/// A record as lists and reports read it: the winner of every field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The owner.
    pub division: DivisionCode,
    /// The fields.
    pub fields: Fields,
    /// The reason for which it was deleted, if it was.
    pub deleted: Option<String>,
}

/// What a record adds to the figures of the division that owns it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tallied {
    /// The owner.
    pub division: DivisionCode,
    /// Cell, the day from which it counts, and by how much.
    pub contributions: Vec<(u8, i32, i32)>,
}

/// A local entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalRow {
    /// The entry.
    pub entry: Entry,
}

/// A control entry, kept so that grants are known at once on opening.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ControlRow {
    /// The entry's hash.
    pub hash: Hash,
    /// The entry.
    pub entry: Entry,
}

/// An entry about match keys, kept so that the key that counts is known at once on opening.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MatchRow {
    /// Its feed.
    pub feed: FeedId,
    /// The entry.
    pub entry: Entry,
}

/// A waiting entry, by what it belongs to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WaitingRow {
    /// The feed of the entry.
    pub feed: FeedId,
    /// Its number.
    pub number: u64,
    /// The record, or none.
    pub record: RecordId,
    /// What for; none if it is refused and waits for nothing.
    pub waiting: Option<Waiting>,
}
