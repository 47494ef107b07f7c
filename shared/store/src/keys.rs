//! The keys of the index. The first byte is the table; what follows sorts as it is read.

use crate::Position;
use huiliu_core::model::{Channel, DivisionCode, KindId, RecordId};
use huiliu_core::sync::{EntryKind, FeedId};

/// Bumped whenever rows or their meaning change: the index is then computed again.
pub const FORMAT: u32 = 11;

const META: u8 = b'M';
const FEED: u8 = b'F';
const RUN: u8 = b'R';
const STAY: u8 = b'D';
const CHANGE: u8 = b'C';
const SNAPSHOT: u8 = b'S';
const ROW: u8 = b'P';
const NATURAL: u8 = b'N';
const WAITING: u8 = b'W';
const REFUSED: u8 = b'X';
const SUM: u8 = b'U';
const COUNT: u8 = b'K';
const CONFLICT: u8 = b'Z';
const LOCAL: u8 = b'L';
const CONTROL: u8 = b'G';
const FORK: u8 = b'Y';
const PARKED: u8 = b'H';
const DAMAGED: u8 = b'B';
const DOUBT: u8 = b'E';
const CLOSED: u8 = b'V';
const MOVE: u8 = b'A';
const ALIAS: u8 = b'I';
const REFERENCE: u8 = b'Q';
const TALLY: u8 = b'T';
const TALLIED: u8 = b'J';
const UNCOUNTED: u8 = b'O';
const UNSETTLED: u8 = b'$';
const MATCHING: u8 = b'%';
const AHEAD: u8 = b'&';

/// Where a record has lived, or lives: what is known of it in one channel. Nearly every record has one stay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stay {
    /// The record.
    pub record: RecordId,
    /// The channel.
    pub channel: Channel,
}

impl Stay {
    fn key(&self, table: u8) -> Vec<u8> {
        [&[table][..], &self.record.0, &self.channel.bytes()].concat()
    }
}

/// The format, and how far into the journal the index has come.
pub fn meta() -> Vec<u8> {
    vec![META]
}

/// The runs that are in the index although they lie behind the position up to which it has come.
pub fn ahead() -> Vec<u8> {
    vec![AHEAD]
}

/// The entries about match keys.
pub fn all_matching() -> Vec<u8> {
    vec![MATCHING]
}

/// One of them.
pub fn matching(feed: u32, number: u64) -> Vec<u8> {
    [&[MATCHING][..], &feed.to_be_bytes(), &number.to_be_bytes()].concat()
}

/// All feeds by their number here.
pub fn feeds() -> Vec<u8> {
    vec![FEED]
}

/// One feed.
pub fn feed(number: u32) -> Vec<u8> {
    [&[FEED][..], &number.to_be_bytes()].concat()
}

/// The runs of a feed.
pub fn runs(feed: u32) -> Vec<u8> {
    [&[RUN][..], &feed.to_be_bytes()].concat()
}

/// One run, by its last entry: the run of entry n is the first at or after n.
pub fn run(feed: u32, last: u64) -> Vec<u8> {
    [&[RUN][..], &feed.to_be_bytes(), &last.to_be_bytes()].concat()
}

/// All stays, by record.
pub fn stays() -> Vec<u8> {
    vec![STAY]
}

/// The stays of a record.
pub fn stays_of(id: &RecordId) -> Vec<u8> {
    [&[STAY][..], &id.0].concat()
}

/// One stay.
pub fn stay(stay: &Stay) -> Vec<u8> {
    stay.key(STAY)
}

/// What the hub has said of the moves of all records, by record.
pub fn all_moves() -> Vec<u8> {
    vec![MOVE]
}

/// What the hub has said of the moves into and out of a stay.
pub fn moves(stay: &Stay) -> Vec<u8> {
    stay.key(MOVE)
}

/// One move, by the entry that says so.
pub fn moved(stay: &Stay, feed: &FeedId, number: u64) -> Vec<u8> {
    [moves(stay), feed.bytes().to_vec(), number.to_be_bytes().to_vec()].concat()
}

/// All parked runs.
pub fn all_parked() -> Vec<u8> {
    vec![PARKED]
}

/// A run that is here and does not continue its feed, by its first entry.
pub fn parked(feed: &FeedId, first: u64) -> Vec<u8> {
    [&[PARKED][..], &feed.bytes(), &first.to_be_bytes()].concat()
}

/// All places of the journal known to be damaged.
pub fn all_damaged() -> Vec<u8> {
    vec![DAMAGED]
}

/// A place of the journal that is damaged.
pub fn damaged(at: Position) -> Vec<u8> {
    [&[DAMAGED][..], &at.segment.to_be_bytes(), &at.offset.to_be_bytes()].concat()
}

/// Whether the journal may have lost entries of the present incarnation, and no other has begun yet.
pub fn doubt() -> Vec<u8> {
    vec![DOUBT]
}

/// All changes, by record.
pub fn all_changes() -> Vec<u8> {
    vec![CHANGE]
}

/// The changes of a stay in order of arrival.
pub fn changes(stay: &Stay) -> Vec<u8> {
    stay.key(CHANGE)
}

/// One change.
pub fn change(stay: &Stay, at: u32) -> Vec<u8> {
    [changes(stay), at.to_be_bytes().to_vec()].concat()
}

/// A stay's snapshot.
pub fn snapshot(stay: &Stay) -> Vec<u8> {
    stay.key(SNAPSHOT)
}

/// The rows of a kind.
pub fn rows(kind: KindId) -> Vec<u8> {
    [&[ROW][..], &kind.0.to_be_bytes()].concat()
}

/// One row.
pub fn row(kind: KindId, id: &RecordId) -> Vec<u8> {
    [&[ROW][..], &kind.0.to_be_bytes(), &id.0].concat()
}

/// The records of a natural key.
pub fn naturals(kind: KindId, key: &str) -> Vec<u8> {
    [&[NATURAL][..], &kind.0.to_be_bytes(), key.as_bytes(), &[0]].concat()
}

/// One record under a natural key.
pub fn natural(kind: KindId, key: &str, id: &RecordId) -> Vec<u8> {
    [naturals(kind, key), id.0.to_vec()].concat()
}

/// The records of a kind that have an alias.
pub fn aliases(kind: KindId, alias: &str) -> Vec<u8> {
    [&[ALIAS][..], &kind.0.to_be_bytes(), alias.as_bytes(), &[0]].concat()
}

/// One record under an alias.
pub fn alias(kind: KindId, alias: &str, id: &RecordId) -> Vec<u8> {
    [aliases(kind, alias), id.0.to_vec()].concat()
}

/// The records that name a record of a kind in this way, by id or alias.
pub fn references(kind: KindId, reference: &str) -> Vec<u8> {
    [&[REFERENCE][..], &kind.0.to_be_bytes(), reference.as_bytes(), &[0]].concat()
}

/// One record, of the kind `by`, that names another so.
pub fn reference(kind: KindId, reference: &str, by: KindId, id: &RecordId) -> Vec<u8> {
    [references(kind, reference), by.0.to_be_bytes().to_vec(), id.0.to_vec()].concat()
}

/// All tallies.
pub fn tallies() -> Vec<u8> {
    vec![TALLY]
}

/// How many more of a division's records count in a cell from a day on.
pub fn tally(division: DivisionCode, cell: u8, day: i32) -> Vec<u8> {
    let day = (day as u32) ^ (1 << 31);
    [&[TALLY][..], &division.number().to_be_bytes(), &[cell], &day.to_be_bytes()].concat()
}

/// Division, cell and day of a tally, from its key without the table.
pub fn of_tally(key: &[u8]) -> Option<(DivisionCode, u8, i32)> {
    let (division, rest) = key.split_at_checked(8)?;
    let (cell, day) = rest.split_first()?;
    let day = u32::from_be_bytes(day.try_into().ok()?) ^ (1 << 31);
    let division = DivisionCode::from_number(u64::from_be_bytes(division.try_into().ok()?))?;
    Some((division, *cell, day as i32))
}

/// What a record adds to the tallies.
pub fn tallied(id: &RecordId) -> Vec<u8> {
    [&[TALLIED][..], &id.0].concat()
}

/// All records that may add something else to the tallies by now.
pub fn all_uncounted() -> Vec<u8> {
    vec![UNCOUNTED]
}

/// One of them.
pub fn uncounted(id: &RecordId) -> Vec<u8> {
    [&[UNCOUNTED][..], &id.0].concat()
}

/// All records that may have to move.
pub fn all_unsettled() -> Vec<u8> {
    vec![UNSETTLED]
}

/// One of them.
pub fn unsettled(id: &RecordId) -> Vec<u8> {
    [&[UNSETTLED][..], &id.0].concat()
}

/// All waiting entries.
pub fn all_waiting() -> Vec<u8> {
    vec![WAITING]
}

/// The waiting entries of a feed.
pub fn waiting_of(feed: &FeedId) -> Vec<u8> {
    [&[WAITING][..], &feed.bytes()].concat()
}

/// The entry of a forked feed that counts.
pub fn fork(feed: &FeedId, number: u64) -> Vec<u8> {
    [&[FORK][..], &feed.bytes(), &number.to_be_bytes()].concat()
}

/// All closed feeds, by name.
pub fn all_closed() -> Vec<u8> {
    vec![CLOSED]
}

/// Where the hub has closed a feed.
pub fn closed(feed: &FeedId) -> Vec<u8> {
    [&[CLOSED][..], &feed.bytes()].concat()
}

/// A waiting entry.
pub fn waiting(feed: &FeedId, number: u64) -> Vec<u8> {
    [&[WAITING][..], &feed.bytes(), &number.to_be_bytes()].concat()
}

/// A refused entry, here already or not.
pub fn refused(feed: &FeedId, number: u64) -> Vec<u8> {
    [&[REFUSED][..], &feed.bytes(), &number.to_be_bytes()].concat()
}

/// All channel sums.
pub fn sums() -> Vec<u8> {
    vec![SUM]
}

/// A channel's sum.
pub fn sum(channel: Channel) -> Vec<u8> {
    [&[SUM][..], channel.to_string().as_bytes()].concat()
}

/// All counts.
pub fn counts() -> Vec<u8> {
    vec![COUNT]
}

/// How many records of a kind live.
pub fn count(kind: KindId) -> Vec<u8> {
    [&[COUNT][..], &kind.0.to_be_bytes()].concat()
}

/// All records with open conflicts.
pub fn conflicts() -> Vec<u8> {
    vec![CONFLICT]
}

/// One record with open conflicts.
pub fn conflict(id: &RecordId) -> Vec<u8> {
    [&[CONFLICT][..], &id.0].concat()
}

/// The local entries of a kind, in order of writing.
pub fn locals(kind: EntryKind) -> Vec<u8> {
    vec![LOCAL, kind.0]
}

/// One local entry, by the number of its feed here and its own.
pub fn local(kind: EntryKind, feed: u32, number: u64) -> Vec<u8> {
    [&[LOCAL, kind.0][..], &feed.to_be_bytes(), &number.to_be_bytes()].concat()
}

/// All control entries, in order of arrival.
pub fn all_control() -> Vec<u8> {
    vec![CONTROL]
}

/// One control entry.
pub fn control(feed: u32, number: u64) -> Vec<u8> {
    [&[CONTROL][..], &feed.to_be_bytes(), &number.to_be_bytes()].concat()
}
