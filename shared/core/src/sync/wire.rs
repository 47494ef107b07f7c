//! Batches as bytes: runs of several feeds, what the receiver can compute left out, zstd over the whole.
//!
//! Left out of an edit: magic bytes, checksum, chunk length and actor of its change, and its dependency where that is
//! one earlier change of the same feed, which is then named by how many entries it lies back. Left out of a point:
//! the grant, where it is the one of the feed's point before. The receiver computes all of it again, and the chain
//! hash under the author's signature says whether it came out the same.

use super::birth;
use super::chunk::{Chunk, assemble};
use super::entry::{Entry, EntryKind, Envelope};
use super::feed::{FeedId, MAX_RUN_ENTRIES, Point, Run};
use super::keys::Hash;
use super::message::Tag;
use crate::model::{DictionaryEdition, RecordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;

/// No batch inflates to more than this, nor to more than [`MAX_RATIO`] times its size and a little.
pub const MAX_INFLATED_BYTES: usize = 64 * 1024 * 1024;
/// No batch has more runs or names more feeds, nor more entries in all: what is small on the wire is not small here.
const MAX_RUNS: usize = 16 * 1024;
const MAX_ENTRIES: usize = 64 * 1024;
/// The largest believable ratio of a batch.
pub const MAX_RATIO: usize = 50;
/// Batches below this are not worth compressing.
const SMALL_BYTES: usize = 200;
/// zstd's level: 3 costs nothing beside hashing, 9 saves another tenth.
const LEVEL: i32 = 3;

/// How the bytes after the first are packed. Numbers are never reused; 2 is reserved for a shared dictionary.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Body {
    feeds: Vec<FeedName>,
    runs: Vec<WireRun>,
}

#[derive(Serialize, Deserialize)]
enum FeedName {
    Tag(Tag),
    Full(FeedId),
}

#[derive(Serialize, Deserialize)]
struct WireRun {
    feed: u32,
    first: u64,
    entries: Vec<WireEntry>,
}

#[derive(Serialize, Deserialize)]
struct WireEntry {
    kind: EntryKind,
    envelope: Option<Envelope>,
    payload: Payload,
}

#[derive(Serialize, Deserialize)]
enum Payload {
    Whole(Vec<u8>),
    /// A change without what can be computed; `back` entries lie between it and its dependency, 0 if it has none.
    Change {
        back: u64,
        rest: Vec<u8>,
    },
    /// A point of the first edition.
    Point {
        grant: Option<Hash>,
        signature: Vec<u8>,
    },
    /// A point of a later edition. Sent to those alone who speak [`super::message::WITH_EDITIONS`].
    LaterPoint {
        grant: Option<Hash>,
        signature: Vec<u8>,
        edition: DictionaryEdition,
    },
}

/// Bytes that are no batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadBatch {
    /// Would inflate over the caps.
    #[error("the batch would inflate too much")]
    TooLarge,
    /// Does not parse.
    #[error("the batch does not parse")]
    Malformed,
    /// Names a feed or an earlier change that is not here.
    #[error("the batch refers to something that is not here")]
    Dangling,
}

/// What the sender knows when it encodes.
pub trait Sending {
    /// The feed's tag, if the receiver knows the feed.
    fn tag(&self, feed: &FeedId) -> Option<Tag>;
    /// The grant named by the feed's point at `number`, which the receiver holds or gets earlier in the batch.
    fn grant_at(&self, feed: &FeedId, number: u64) -> Option<Hash>;
    /// The number at which `change` of `record` stands in `feed`.
    fn number_of(&self, feed: &FeedId, record: &RecordId, change: &Hash) -> Option<u64>;
}

/// What the receiver knows when it decodes.
pub trait Receiving {
    /// The feed of a tag.
    fn feed(&self, tag: &Tag) -> Option<FeedId>;
    /// The grant named by the feed's point at `number`, or by the last one held if that is not here.
    fn grant_at(&self, feed: &FeedId, number: u64) -> Option<Hash>;
    /// The hash of the change at `number` of `feed`.
    fn change_at(&self, feed: &FeedId, number: u64) -> Option<Hash>;
}

/// Encodes runs, which must be in an order that keeps dependencies first.
pub fn encode(runs: &[Run], sending: &impl Sending) -> Vec<u8> {
    let mut feeds: Vec<FeedId> = runs.iter().map(|run| run.feed).collect();
    feeds.sort();
    feeds.dedup();
    let runs = runs
        .iter()
        .map(|run| WireRun {
            feed: feeds.binary_search(&run.feed).expect("listed above") as u32,
            first: run.first,
            entries: encode_entries(run, sending),
        })
        .collect();
    let feeds =
        feeds.iter().map(|feed| sending.tag(feed).map_or(FeedName::Full(*feed), FeedName::Tag)).collect();
    pack(&postcard::to_allocvec(&Body { feeds, runs }).expect("batches have a postcard form"))
}

fn encode_entries(run: &Run, sending: &impl Sending) -> Vec<WireEntry> {
    (run.first..)
        .zip(&run.entries)
        .map(|(number, entry)| {
            let payload = match (entry.kind, &entry.envelope) {
                (EntryKind::EDIT, Some(envelope)) => {
                    elide(&run.feed, number, envelope, &entry.payload, sending)
                }
                (EntryKind::POINT, _) => elide_point(run, entry, sending),
                _ => None,
            };
            let payload = payload.unwrap_or_else(|| Payload::Whole(entry.payload.clone()));
            WireEntry { kind: entry.kind, envelope: entry.envelope.clone(), payload }
        })
        .collect()
}

fn elide_point(run: &Run, entry: &Entry, sending: &impl Sending) -> Option<Payload> {
    let point = Point::of(&entry.payload)?;
    let held = sending.grant_at(&run.feed, run.first - 1);
    let grant = (held != Some(point.grant)).then_some(point.grant);
    let Point { signature, edition, .. } = point;
    Some(match edition {
        DictionaryEdition::FIRST => Payload::Point { grant, signature },
        edition => Payload::LaterPoint { grant, signature, edition },
    })
}

/// Leaves out of a change what the receiver computes; `None` if it would not come out the same.
fn elide(
    feed: &FeedId,
    number: u64,
    envelope: &Envelope,
    raw: &[u8],
    sending: &impl Sending,
) -> Option<Payload> {
    let chunk = Chunk::parse(raw)?;
    let actor = birth::actor(&feed.device, &feed.incarnation, envelope.branch);
    let back = match chunk.deps {
        [] => 0,
        [dep] => number.checked_sub(sending.number_of(feed, &envelope.record, &Hash(*dep))?)?,
        _ => return None,
    };
    if chunk.actor != actor || (back == 0) != chunk.deps.is_empty() {
        return None;
    }
    let rest = chunk.rest.to_vec();
    (assemble(chunk.deps, &actor, &rest) == raw).then_some(Payload::Change { back, rest })
}

/// Decodes a batch into runs. Everything here is a claim: the caller checks chains and signatures.
pub fn decode(bytes: &[u8], receiving: &impl Receiving) -> Result<Vec<Run>, BadBatch> {
    let body = read_body(&unpack(bytes)?)?;
    let feeds = body
        .feeds
        .iter()
        .map(|name| match name {
            FeedName::Tag(tag) => receiving.feed(tag).ok_or(BadBatch::Dangling),
            FeedName::Full(feed) => Ok(*feed),
        })
        .collect::<Result<Vec<FeedId>, _>>()?;
    let mut seen = Seen { receiving, changes: BTreeMap::new(), grants: BTreeMap::new() };
    body.runs
        .into_iter()
        .map(|run| {
            let feed = *feeds.get(run.feed as usize).ok_or(BadBatch::Malformed)?;
            let last = run.first.checked_add(run.entries.len() as u64);
            if run.first == 0 || run.entries.is_empty() || last.is_none() {
                return Err(BadBatch::Malformed);
            }
            let first = run.first;
            let entries =
                (first..).zip(run.entries).map(|(number, entry)| seen.entry(&feed, first, number, entry));
            Ok(Run { feed, first, entries: entries.collect::<Result<_, _>>()? })
        })
        .collect()
}

/// Reads a [`Body`]; every count is looked at before anything is made of it.
fn read_body(bytes: &[u8]) -> Result<Body, BadBatch> {
    let (feeds, bytes) = take_list(bytes, MAX_RUNS)?;
    let (count, mut bytes) = take::<usize>(bytes)?;
    if count > MAX_RUNS {
        return Err(BadBatch::TooLarge);
    }
    let (mut runs, mut entries_left) = (Vec::new(), MAX_ENTRIES);
    for _ in 0..count {
        let ((feed, first), rest) = take(bytes)?;
        let (entries, rest) = take_list(rest, entries_left.min(MAX_RUN_ENTRIES + 1))?;
        entries_left -= entries.len();
        runs.push(WireRun { feed, first, entries });
        bytes = rest;
    }
    if bytes.is_empty() { Ok(Body { feeds, runs }) } else { Err(BadBatch::Malformed) }
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), BadBatch> {
    postcard::take_from_bytes(bytes).map_err(|_| BadBatch::Malformed)
}

fn take_list<'a, T: Deserialize<'a>>(bytes: &'a [u8], most: usize) -> Result<(Vec<T>, &'a [u8]), BadBatch> {
    let (count, mut bytes) = take::<usize>(bytes)?;
    if count > most {
        return Err(BadBatch::TooLarge);
    }
    let mut list = Vec::new();
    for _ in 0..count {
        let (one, rest) = take(bytes)?;
        list.push(one);
        bytes = rest;
    }
    Ok((list, bytes))
}

/// What earlier entries of the batch add to what the receiver holds.
struct Seen<'a, R> {
    receiving: &'a R,
    changes: BTreeMap<(FeedId, u64), Hash>,
    /// By their points.
    grants: BTreeMap<(FeedId, u64), Hash>,
}

impl<R: Receiving> Seen<'_, R> {
    /// The entry at a number, in a run that begins at `first`.
    fn entry(&mut self, feed: &FeedId, first: u64, number: u64, entry: WireEntry) -> Result<Entry, BadBatch> {
        let payload = match entry.payload {
            Payload::Whole(bytes) => bytes,
            Payload::Change { back, rest } => {
                let envelope = entry.envelope.as_ref().ok_or(BadBatch::Malformed)?;
                let deps: Vec<[u8; 32]> = match back {
                    0 => Vec::new(),
                    _ => vec![self.change(feed, number.checked_sub(back).ok_or(BadBatch::Malformed)?)?.0],
                };
                let actor = birth::actor(&feed.device, &feed.incarnation, envelope.branch);
                assemble(&deps, &actor, &rest)
            }
            Payload::Point { grant, signature } => {
                let grant = self.grant(feed, first, number, grant)?;
                Point { grant, signature, edition: DictionaryEdition::FIRST }.bytes()
            }
            Payload::LaterPoint { grant, signature, edition } => {
                let grant = self.grant(feed, first, number, grant)?;
                Point { grant, signature, edition }.bytes()
            }
        };
        let entry = Entry { kind: entry.kind, envelope: entry.envelope, payload };
        if entry.kind == EntryKind::EDIT {
            self.changes.insert((*feed, number), super::entry::payload_hash(&entry));
        }
        Ok(entry)
    }

    /// The grant of the point at a number: the one that is told, else that of the point before.
    fn grant(
        &mut self,
        feed: &FeedId,
        first: u64,
        number: u64,
        told: Option<Hash>,
    ) -> Result<Hash, BadBatch> {
        // Not that of the newest point: a run can be sent again whose author's grant has been renewed since.
        let before = self.grants.get(&(*feed, first - 1)).copied();
        let before = before.or_else(|| self.receiving.grant_at(feed, first - 1));
        let grant = told.or(before).ok_or(BadBatch::Dangling)?;
        self.grants.insert((*feed, number), grant);
        Ok(grant)
    }

    fn change(&self, feed: &FeedId, number: u64) -> Result<Hash, BadBatch> {
        let held = self.changes.get(&(*feed, number)).copied();
        held.or_else(|| self.receiving.change_at(feed, number)).ok_or(BadBatch::Dangling)
    }
}

fn pack(body: &[u8]) -> Vec<u8> {
    if body.len() >= SMALL_BYTES
        && let Ok(packed) = zstd::bulk::compress(body, LEVEL)
        && packed.len() < body.len()
        && body.len() <= inflated_cap(&packed)
    {
        return [&[ZSTD], packed.as_slice()].concat();
    }
    [&[PLAIN], body].concat()
}

/// How much a receiver lets these bytes become. What is more alike than that travels as it is.
fn inflated_cap(packed: &[u8]) -> usize {
    MAX_INFLATED_BYTES.min(packed.len() * MAX_RATIO + 64 * 1024)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, BadBatch> {
    match bytes.split_first() {
        Some((&PLAIN, body)) => Ok(body.to_vec()),
        Some((&ZSTD, packed)) => {
            let cap = inflated_cap(packed);
            let decoder = zstd::stream::read::Decoder::new(packed).map_err(|_| BadBatch::Malformed)?;
            let mut body = Vec::new();
            decoder.take(cap as u64 + 1).read_to_end(&mut body).map_err(|_| BadBatch::Malformed)?;
            if body.len() > cap { Err(BadBatch::TooLarge) } else { Ok(body) }
        }
        _ => Err(BadBatch::Malformed),
    }
}

#[cfg(test)]
mod tests;
