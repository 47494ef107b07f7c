//! The rows of the index.

use crate::{Position, Span};
use huiliu_core::model::{Channel, DivisionCode, Fields, Hlc, KindId, RecordId};
use huiliu_core::sync::{Entry, Envelope, FeedId, Hash, Head};
use serde::{Deserialize, Serialize};

/// The format, and how far into the journal the index has come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// See `keys::FORMAT`.
    pub format: u32,
    /// Everything before this position is in the index.
    pub applied: Position,
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

/// A record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordRow {
    /// Its kind.
    pub kind: KindId,
    /// The channel it lives in.
    pub channel: Channel,
    /// How often it has moved.
    pub epoch: u32,
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

/// Whether a change counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChangeState {
    /// It is in the record.
    Applied,
    /// It waits.
    Waiting(Waiting),
    /// The home hub has refused it, or one it depends on.
    Refused,
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
}

/// A change of a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeRow {
    /// Its hash.
    pub hash: Hash,
    /// The changes it follows.
    pub deps: Vec<Hash>,
    /// The feed of its entry.
    pub feed: FeedId,
    /// The number of its entry.
    pub number: u64,
    /// Its envelope.
    pub envelope: Envelope,
    /// Whether the Automerge actor is the one that its entry's device, incarnation and branch make.
    pub is_authors: bool,
    /// For the first change of a record: it is made by whom the record's id says.
    pub is_birth: bool,
    /// Whether it counts.
    pub state: ChangeState,
    /// Its bytes; empty once it is in the snapshot.
    pub raw: Vec<u8>,
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
