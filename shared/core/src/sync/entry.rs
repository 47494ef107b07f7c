//! Entries: what a feed is made of, and the hash that chains them.

use super::feed::FeedId;
use super::keys::{Hash, Suite};
use crate::model::{Hlc, KindId, RecordId};
use serde::{Deserialize, Serialize};

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
    /// A county device offers a match key by its name.
    pub const MATCH_OFFERED: Self = Self(13);
    /// The hub names the match key that counts.
    pub const MATCH_CHOSEN: Self = Self(14);
    /// Local: something that did not enter, and why.
    pub const QUARANTINED: Self = Self(64);
    /// Local: a refused edit kept as a draft.
    pub const DRAFT: Self = Self(65);
    /// Local: an import began.
    pub const IMPORT: Self = Self(66);
    /// Local: anything else worth remembering.
    pub const NOTE: Self = Self(67);

    /// Whether this version knows what it is.
    pub fn is_known(self) -> bool {
        (Self::EDIT.0..=Self::MATCH_CHOSEN.0).contains(&self.0)
            || (Self::QUARANTINED.0..=Self::NOTE.0).contains(&self.0)
    }

    /// Whether it stands in a replica's own notebook and nowhere else.
    pub fn is_local(self) -> bool {
        self.0 >= Self::QUARANTINED.0
    }

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
                | Self::MATCH_CHOSEN
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
    /// Its change: of a forked feed two entries have the same number.
    pub change: Hash,
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

/// The longest name of a person in a stamp, in bytes.
pub const MAX_WHO_BYTES: usize = 256;
/// The longest purpose, in bytes.
pub const MAX_PURPOSE_BYTES: usize = 1024;
/// The most changes an entry may settle.
pub const MAX_SETTLES: usize = 256;

impl Envelope {
    /// Whether nothing in it is longer than an honest author's: payloads have caps of their own.
    pub fn fits(&self) -> bool {
        self.stamp.who.len() <= MAX_WHO_BYTES
            && self.purpose.as_ref().is_none_or(|purpose| purpose.len() <= MAX_PURPOSE_BYTES)
            && self.settles.len() <= MAX_SETTLES
    }

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

impl Entry {
    /// How many bytes envelope and payload have when they are written down.
    pub fn encoded_bytes(&self) -> usize {
        let envelope = self.envelope.as_ref().map(postcard::experimental::serialized_size);
        envelope.and_then(Result::ok).unwrap_or(0) + self.payload.len()
    }
}

/// The hash of an entry at its place.
pub fn entry_hash(feed: &FeedId, number: u64, previous: &Hash, entry: &Entry) -> Hash {
    chain_hash(feed, number, previous, (entry.kind, entry.envelope.as_ref()), &payload_hash(entry))
}

/// As [`entry_hash`], of an entry of whose payload only the hash is known.
pub fn chain_hash(
    feed: &FeedId,
    number: u64,
    previous: &Hash,
    (kind, envelope): (EntryKind, Option<&Envelope>),
    payload: &Hash,
) -> Hash {
    let envelope = match envelope {
        Some(envelope) => postcard::to_allocvec(envelope).expect("an envelope has a postcard form"),
        None => Vec::new(),
    };
    Hash::of(&[
        b"huiliu entry",
        &[Suite::Ed25519Sha256.number()],
        &feed.bytes(),
        &number.to_be_bytes(),
        &previous.0,
        &[kind.0],
        &(envelope.len() as u32).to_be_bytes(),
        &envelope,
        &payload.0,
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
