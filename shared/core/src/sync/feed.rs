//! Feeds: who wrote what, in which order, provably.
//!
//! A feed is the append-only journal of one incarnation of one device in one channel. Its entries are numbered from 1
//! without gaps; each entry's hash covers the one before; a signed point says that all before it is the author's.
//! Between two points stands a [`Run`], the unit that is sent, acknowledged and applied.

use super::keys::{DeviceId, DeviceKey, Hash, PublicKey, Suite};
use crate::model::{Channel, Class, Hlc, KindId, RecordId, Scope};
use serde::{Deserialize, Serialize};
use std::fmt;

/// At most so many entries stand between two signed points.
pub const MAX_RUN_ENTRIES: usize = 256;
/// At most so many payload bytes stand between two signed points, unless one entry alone has more.
pub const MAX_RUN_BYTES: usize = 16 * 1024;

/// Eight random bytes drawn when a replica begins, or begins again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub [u8; 8]);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The name of a feed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FeedId {
    /// Where: first in the order, so that a channel's feeds lie together.
    pub channel: Channel,
    /// Who.
    pub device: DeviceId,
    /// Since when.
    pub incarnation: Incarnation,
}

impl FeedId {
    /// 50 bytes that name the feed in hashes: channel (scope, class, division), device, incarnation.
    pub fn bytes(&self) -> [u8; 50] {
        let mut bytes = [0; 50];
        bytes[0] = match self.channel.scope {
            Scope::Own => 1,
            Scope::Published => 2,
            Scope::Local => 3,
        };
        bytes[1] = match self.channel.class {
            Class::Open => 1,
            Class::People => 2,
        };
        bytes[2..10].copy_from_slice(&self.channel.division.number().to_be_bytes());
        bytes[10..42].copy_from_slice(&self.device.0);
        bytes[42..].copy_from_slice(&self.incarnation.0);
        bytes
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}.{}", self.channel, self.device, self.incarnation)
    }
}

/// What an entry is. Numbers are never reused; one that this version does not know is kept and waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct EntryKind(pub u8);

impl EntryKind {
    /// A saved form or import row: one Automerge change.
    pub const EDIT: Self = Self(1);
    /// A signed point.
    pub const POINT: Self = Self(2);
    /// The hub lets a device read and write.
    pub const GRANT: Self = Self(3);
    /// The hub ends a device's grants.
    pub const REVOKE: Self = Self(4);
    /// The hub's gate refuses an entry, for everybody and for ever.
    pub const REFUSAL: Self = Self(5);
    /// The hub names the branch of a forked feed that counts.
    pub const FORK: Self = Self(6);
    /// The hub closes a feed at a number.
    pub const CLOSED: Self = Self(7);
    /// A record has moved here.
    pub const ARRIVED: Self = Self(8);
    /// A record has moved away.
    pub const LEFT: Self = Self(9);
    /// A late edit of an older epoch, carried after its record.
    pub const CARRIED: Self = Self(10);
    /// A person is forgotten.
    pub const ERASE: Self = Self(11);
    /// The hub names the edition of the division registry.
    pub const REGISTRY: Self = Self(12);
    /// Local: something that did not enter, and why.
    pub const QUARANTINED: Self = Self(64);
    /// Local: a refused edit kept as a draft.
    pub const DRAFT: Self = Self(65);
    /// Local: an import began.
    pub const IMPORT: Self = Self(66);
    /// Local: anything else worth remembering.
    pub const NOTE: Self = Self(67);

    /// Whether only the home hub may write it in a shared channel.
    pub fn is_hubs(self) -> bool {
        matches!(
            self,
            Self::GRANT
                | Self::REVOKE
                | Self::REFUSAL
                | Self::FORK
                | Self::CLOSED
                | Self::ARRIVED
                | Self::LEFT
                | Self::CARRIED
                | Self::REGISTRY
        )
    }
}

/// Who acted, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// The person, as the replica knows them.
    pub who: String,
    /// When.
    pub at: Hlc,
}

/// The entry that a re-authored one repeats. A second one for the same origin is ignored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The feed of the original.
    pub feed: FeedId,
    /// Its number there.
    pub number: u64,
    /// Its actor branch: a creation's record id is bound to it.
    pub branch: u32,
}

/// What everybody may know of an entry without reading its payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The record, or [`RecordId::NIL`].
    pub record: RecordId,
    /// The record's kind, or 0.
    pub kind: KindId,
    /// How often the record has moved.
    pub epoch: u32,
    /// The actor branch: with device and incarnation it names the Automerge actor.
    pub branch: u32,
    /// Who and when.
    pub stamp: Stamp,
    /// What it repeats.
    pub origin: Option<Origin>,
    /// For what purpose, where the law asks for one.
    pub purpose: Option<String>,
    /// The changes whose concurrent values it settles.
    pub settles: Vec<Hash>,
}

impl Envelope {
    /// The envelope of an entry that is about no record.
    pub fn of_no_record(stamp: Stamp) -> Self {
        Self {
            record: RecordId::NIL,
            kind: KindId(0),
            epoch: 0,
            branch: 0,
            stamp,
            origin: None,
            purpose: None,
            settles: Vec::new(),
        }
    }
}

/// One entry without its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Absent for points only.
    pub envelope: Option<Envelope>,
    /// An Automerge change for edits, else the postcard form of the kind's struct in `control`.
    pub payload: Vec<u8>,
}

/// The payload of a signed point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// The hash of the grant entry under which the author writes.
    pub grant: Hash,
    /// The author's signature over [`point_message`].
    pub signature: Vec<u8>,
}

/// Where a feed stands: the last signed point held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last entry, which is a point.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The grant it names.
    pub grant: Hash,
}

impl Head {
    /// Before the first entry.
    pub const START: Self = Self { number: 0, hash: Hash::ZERO, grant: Hash::ZERO };
}

/// A stretch of a feed that ends with a signed point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The feed.
    pub feed: FeedId,
    /// The number of the first entry.
    pub first: u64,
    /// The entries; the last is a point.
    pub entries: Vec<Entry>,
}

impl Run {
    /// The number of the last entry.
    pub fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }
}

/// Why a run does not continue a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadRun {
    /// It begins after what is held: something before it is missing.
    #[error("entries before it are missing")]
    Gap,
    /// It does not end with a point, or has one inside, or is longer than a run may be.
    #[error("it is not a run that ends with a signed point")]
    Shape,
    /// The signature is not the author's over this chain.
    #[error("the signature does not hold")]
    Signature,
}

/// The hash of an entry at its place.
pub fn entry_hash(feed: &FeedId, number: u64, previous: &Hash, entry: &Entry) -> Hash {
    let envelope = match &entry.envelope {
        Some(envelope) => postcard::to_allocvec(envelope).expect("an envelope has a postcard form"),
        None => Vec::new(),
    };
    Hash::of(&[
        b"huiliu entry",
        &[Suite::Ed25519Sha256.number()],
        &feed.bytes(),
        &number.to_be_bytes(),
        &previous.0,
        &[entry.kind.0],
        &(envelope.len() as u32).to_be_bytes(),
        &envelope,
        &payload_hash(entry).0,
    ])
}

/// The magic bytes of an Automerge chunk; the first four bytes of its hash follow them.
pub(super) const CHUNK_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// The hash that stands for an entry's payload: for an edit the Automerge change hash, which is the SHA-256 of the
/// chunk after magic bytes and checksum, so that one hash serves chain, elision and document. It stands for these
/// eight bytes too: where they are not the ones that follow from the rest, the hash is another.
pub fn payload_hash(entry: &Entry) -> Hash {
    if entry.kind == EntryKind::EDIT
        && let Some((header, chunk)) = entry.payload.split_at_checked(8)
    {
        let hash = Hash::of(&[chunk]);
        if header[..4] == CHUNK_MAGIC && header[4..] == hash.0[..4] {
            return hash;
        }
    }
    Hash::of(&[b"huiliu payload", &entry.payload])
}

/// What a point's signature covers: the whole chain before it by the previous hash, and its own place.
pub fn point_message(feed: &FeedId, number: u64, previous: &Hash, grant: &Hash) -> Vec<u8> {
    let mut message = b"huiliu point".to_vec();
    message.push(Suite::Ed25519Sha256.number());
    message.extend_from_slice(&feed.bytes());
    message.extend_from_slice(&number.to_be_bytes());
    message.extend_from_slice(&previous.0);
    message.extend_from_slice(&grant.0);
    message
}

/// Ends `entries`, which follow `head`, with a signed point: the run, and where the feed then stands.
///
/// # Panics
/// If `entries` is empty: a point alone says nothing.
pub fn sign_run(
    key: &DeviceKey,
    grant: Hash,
    feed: FeedId,
    head: &Head,
    mut entries: Vec<Entry>,
) -> (Run, Head) {
    assert!(!entries.is_empty(), "a run holds at least one entry");
    let first = head.number + 1;
    let mut hash = head.hash;
    for (number, entry) in (first..).zip(&entries) {
        hash = entry_hash(&feed, number, &hash, entry);
    }
    let number = first + entries.len() as u64;
    let signature = key.sign(&point_message(&feed, number, &hash, &grant));
    let payload = postcard::to_allocvec(&Point { grant, signature }).expect("a point has a postcard form");
    let point = Entry { kind: EntryKind::POINT, envelope: None, payload };
    let hash = entry_hash(&feed, number, &hash, &point);
    entries.push(point);
    (Run { feed, first, entries }, Head { number, hash, grant })
}

/// The grant that a run's point names, if the run has the shape of one.
pub fn run_grant(run: &Run) -> Result<Hash, BadRun> {
    Ok(run_point(run)?.grant)
}

fn run_point(run: &Run) -> Result<Point, BadRun> {
    let (last, before) = run.entries.split_last().ok_or(BadRun::Shape)?;
    let bytes: usize = before.iter().skip(1).map(|entry| entry.payload.len()).sum();
    let shaped = last.kind == EntryKind::POINT
        && last.envelope.is_none()
        && (1..=MAX_RUN_ENTRIES).contains(&before.len())
        && bytes <= MAX_RUN_BYTES
        && before.iter().all(|entry| entry.kind != EntryKind::POINT && entry.envelope.is_some());
    if !shaped {
        return Err(BadRun::Shape);
    }
    postcard::from_bytes(&last.payload).map_err(|_| BadRun::Shape)
}

/// Checks that `run` continues a feed at `head` and is signed by `author`: where the feed then stands.
pub fn check_run(author: &PublicKey, head: &Head, run: &Run) -> Result<Head, BadRun> {
    if run.first != head.number + 1 {
        return Err(BadRun::Gap);
    }
    let point = run_point(run)?;
    let mut hash = head.hash;
    let mut before_point = hash;
    for (number, entry) in (run.first..).zip(&run.entries) {
        before_point = hash;
        hash = entry_hash(&run.feed, number, &hash, entry);
    }
    let message = point_message(&run.feed, run.last(), &before_point, &point.grant);
    if !author.verify(&message, &point.signature) {
        return Err(BadRun::Signature);
    }
    Ok(Head { number: run.last(), hash, grant: point.grant })
}

/// Cuts entries into stretches that each fit a run.
pub fn into_stretches(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut stretches: Vec<Vec<Entry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = entry.payload.len();
        match stretches.last_mut() {
            Some(last) if last.len() < MAX_RUN_ENTRIES && bytes + size <= MAX_RUN_BYTES => {
                bytes += size;
                last.push(entry);
            }
            _ => {
                // The first entry of a run does not count: one alone may have more than the limit.
                bytes = 0;
                stretches.push(vec![entry]);
            }
        }
    }
    stretches
}

#[cfg(test)]
mod tests;
