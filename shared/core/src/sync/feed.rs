//! Feeds: who wrote what, in which order, provably.
//!
//! A feed is the append-only journal of one incarnation of one device in one channel. Its entries are numbered from 1
//! without gaps; each entry's hash covers the one before; a signed point says that all before it is the author's.
//! Between two points stands a [`Run`], the unit that is sent, acknowledged and applied.

use super::entry::{Entry, EntryKind, Envelope, entry_hash};
use super::keys::{DeviceId, DeviceKey, Hash, PublicKey, Suite};
use crate::model::{Channel, DictionaryEdition};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// At most so many entries stand between two signed points.
pub const MAX_RUN_ENTRIES: usize = 256;
/// At most so many payload bytes stand between two signed points, unless one entry alone has more.
pub const MAX_RUN_BYTES: usize = 16 * 1024;
/// At most so many bytes has a run of a node's, envelopes included.
pub const MAX_ENCODED_BYTES: usize = 1024 * 1024;
/// At most so many has one with an entry of a kind that is not known here: nobody knows yet what it is for.
pub const MAX_UNKNOWN_BYTES: usize = 64 * 1024;

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
        bytes[..10].copy_from_slice(&self.channel.bytes());
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

/// The payload of a signed point.
///
/// A point of the first edition is written as it was before there were editions: grant and signature. Of a later one the
/// number of the edition follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// The hash of the grant entry under which the author writes.
    pub grant: Hash,
    /// The author's signature over [`point_message`].
    pub signature: Vec<u8>,
    /// The lowest edition of the dictionary under which the entries of the run are legal.
    pub edition: DictionaryEdition,
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { grant, signature, edition } = self;
        match *edition {
            DictionaryEdition::FIRST => (grant, signature).serialize(serializer),
            later => (grant, signature, later).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Point;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a grant, a signature and perhaps an edition")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Point, A::Error> {
                let missing = |at| de::Error::invalid_length(at, &"a grant and a signature");
                let grant = parts.next_element()?.ok_or_else(|| missing(0))?;
                let signature = parts.next_element()?.ok_or_else(|| missing(1))?;
                // Where the bytes end here the point is of the first edition.
                let edition = parts.next_element().ok().flatten().unwrap_or(DictionaryEdition::FIRST);
                Ok(Point { grant, signature, edition })
            }
        }
        deserializer.deserialize_tuple(3, Parts)
    }
}

impl Point {
    /// The point that is written like this, and in no other way: the signature does not cover the point's own bytes and
    /// the chain does, so that a second writing of it would let a relay give the feed another chain than its author's.
    pub fn of(payload: &[u8]) -> Option<Self> {
        let point: Self = postcard::from_bytes(payload).ok()?;
        (point.bytes() == payload).then_some(point)
    }

    /// The payload of an entry with this point.
    pub fn bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a point has a postcard form")
    }
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

    /// The edition of the dictionary under which its entries were written: the first, if it names none.
    pub fn edition(&self) -> DictionaryEdition {
        let point = self.entries.last().and_then(|point| Point::of(&point.payload));
        point.map_or(DictionaryEdition::FIRST, |point| point.edition)
    }

    /// How many bytes it has when everything of it is written down, envelopes included: what caps are about.
    pub fn encoded_bytes(&self) -> usize {
        self.entries.iter().map(Entry::encoded_bytes).sum()
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

/// What a point's signature covers: the whole chain before it by the previous hash, its own place, the grant, and the
/// edition if it is not the first.
pub fn point_message(
    feed: &FeedId,
    number: u64,
    previous: &Hash,
    grant: &Hash,
    edition: DictionaryEdition,
) -> Vec<u8> {
    let mut message = b"huiliu point".to_vec();
    message.push(Suite::Ed25519Sha256.number());
    message.extend_from_slice(&feed.bytes());
    message.extend_from_slice(&number.to_be_bytes());
    message.extend_from_slice(&previous.0);
    message.extend_from_slice(&grant.0);
    if edition != DictionaryEdition::FIRST {
        message.extend_from_slice(&edition.0.to_be_bytes());
    }
    message
}

/// Ends `entries`, which follow `head` and are legal under the first edition of the dictionary, with a signed point: the
/// run, and where the feed then stands.
///
/// # Panics
/// If `entries` is empty: a point alone says nothing.
pub fn sign_run(key: &DeviceKey, grant: Hash, feed: FeedId, head: &Head, entries: Vec<Entry>) -> (Run, Head) {
    sign_run_of(DictionaryEdition::FIRST, key, grant, feed, head, entries)
}

/// As [`sign_run`], of entries whose lowest edition is another.
///
/// # Panics
/// If `entries` is empty: a point alone says nothing.
pub fn sign_run_of(
    edition: DictionaryEdition,
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
    let signature = key.sign(&point_message(&feed, number, &hash, &grant, edition));
    let payload = Point { grant, signature, edition }.bytes();
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
        && before.iter().all(|entry| {
            entry.kind != EntryKind::POINT && entry.envelope.as_ref().is_some_and(Envelope::fits)
        });
    if !shaped {
        return Err(BadRun::Shape);
    }
    Point::of(&last.payload).ok_or(BadRun::Shape)
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
    let message = point_message(&run.feed, run.last(), &before_point, &point.grant, point.edition);
    if !author.verify(&message, &point.signature) {
        return Err(BadRun::Signature);
    }
    Ok(Head { number: run.last(), hash, grant: point.grant })
}

/// Cuts entries into stretches that each fit a run.
pub fn into_stretches(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut stretches: Vec<Vec<Entry>> = Vec::new();
    let (mut bytes, mut encoded) = (0, 0);
    for entry in entries {
        let (payload, whole) = (entry.payload.len(), entry.encoded_bytes());
        let fits = bytes + payload <= MAX_RUN_BYTES && encoded + whole <= MAX_UNKNOWN_BYTES;
        match stretches.last_mut() {
            Some(last) if last.len() < MAX_RUN_ENTRIES && fits => {
                bytes += payload;
                encoded += whole;
                last.push(entry);
            }
            _ => {
                // The first entry of a run does not count: one alone may have more than the limit.
                (bytes, encoded) = (0, 0);
                stretches.push(vec![entry]);
            }
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hlc;
    use crate::sync::entry::Stamp;

    fn feed(key: &DeviceKey) -> FeedId {
        FeedId {
            channel: "own/330203/open".parse().unwrap(),
            device: key.device(),
            incarnation: Incarnation([7; 8]),
        }
    }

    fn entries(count: usize) -> Vec<Entry> {
        let stamp = Stamp { who: "海曙经办".into(), at: Hlc(1 << 16) };
        let entry = |n: usize| Entry {
            kind: EntryKind::NOTE,
            envelope: Some(Envelope::of_no_record(stamp.clone())),
            payload: vec![n as u8; 10],
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn a_signed_run_continues_its_feed() {
        let haishu = DeviceKey::from_seed([1; 32]);
        let (first, head) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &Head::START, entries(3));
        let (second, _) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &head, entries(2));
        let seen = check_run(&haishu.public(), &Head::START, &first).unwrap();
        assert_eq!(seen, head);
        assert_eq!(seen.number, 4);
        assert_eq!(check_run(&haishu.public(), &seen, &second).unwrap().number, 7);
        assert_eq!(check_run(&haishu.public(), &Head::START, &second), Err(BadRun::Gap));
    }

    #[test]
    fn no_byte_of_a_change_can_be_altered() {
        let haishu = DeviceKey::from_seed([1; 32]);
        let fields = [("name".to_owned(), crate::model::Value::of("甬江读书会"))].into();
        let payload = crate::documents::Document::empty().edit([1; 16], &fields, &[]).unwrap();
        let stamp = Stamp { who: "经办".into(), at: Hlc(1) };
        let edit = Entry { kind: EntryKind::EDIT, envelope: Some(Envelope::of_no_record(stamp)), payload };
        let (run, _) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &Head::START, vec![edit]);
        for at in 0..run.entries[0].payload.len() {
            let mut bent = run.clone();
            bent.entries[0].payload[at] ^= 1;
            let checked = check_run(&haishu.public(), &Head::START, &bent);
            assert_eq!(checked, Err(BadRun::Signature), "byte {at}");
        }
    }

    #[test]
    fn whatever_is_changed_the_signature_no_longer_holds() {
        let haishu = DeviceKey::from_seed([1; 32]);
        let (run, _) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &Head::START, entries(3));
        let bend: [fn(&mut Run); 6] = [
            |run| run.entries[1].payload[0] ^= 1,
            |run| run.entries[0].envelope.as_mut().unwrap().stamp.who.push('x'),
            |run| run.entries[0].envelope.as_mut().unwrap().settles.push(Hash::ZERO),
            |run| run.entries.swap(0, 2),
            |run| drop(run.entries.remove(1)),
            |run| run.feed.channel = "own/330205/open".parse().unwrap(),
        ];
        for bend in bend {
            let mut bent = run.clone();
            bend(&mut bent);
            assert_eq!(check_run(&haishu.public(), &Head::START, &bent), Err(BadRun::Signature));
        }
        let yuyao = DeviceKey::from_seed([2; 32]);
        assert_eq!(check_run(&yuyao.public(), &Head::START, &run), Err(BadRun::Signature));
    }

    #[test]
    fn a_point_of_the_first_edition_is_written_as_before_there_were_editions() {
        let haishu = DeviceKey::from_seed([1; 32]);
        let (feed, start) = (feed(&haishu), Head::START);
        let (run, _) = sign_run(&haishu, Hash::ZERO, feed, &start, entries(1));
        let payload = &run.entries[1].payload;
        let (grant, signature): (Hash, Vec<u8>) = postcard::from_bytes(payload).unwrap();
        assert_eq!(postcard::to_allocvec(&(grant, &signature)).unwrap(), *payload);
        assert_eq!(Point::of(payload).unwrap().edition, DictionaryEdition::FIRST);
        let written_twice = postcard::to_allocvec(&(grant, &signature, DictionaryEdition::FIRST)).unwrap();
        assert_eq!(Point::of(&written_twice), None, "there is one way to write a point");
        let later = DictionaryEdition(7);
        let (run, _) = sign_run_of(later, &haishu, Hash::ZERO, feed, &start, entries(1));
        assert_eq!((run.edition(), check_run(&haishu.public(), &start, &run).is_ok()), (later, true));
        let mut bent = run.clone();
        let point = Point::of(&run.entries[1].payload).unwrap();
        bent.entries[1].payload = Point { edition: DictionaryEdition::FIRST, ..point }.bytes();
        let checked = check_run(&haishu.public(), &start, &bent);
        assert_eq!(checked, Err(BadRun::Signature), "the edition is signed too");
    }

    #[test]
    fn long_lists_are_cut_into_runs() {
        let cut = into_stretches(entries(600));
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 88]);
        let mut big = entries(3);
        big.iter_mut().for_each(|entry| entry.payload = vec![0; MAX_RUN_BYTES * 2]);
        assert_eq!(into_stretches(big).len(), 3);
        let mut settling = entries(MAX_RUN_ENTRIES);
        for entry in &mut settling {
            entry.envelope.as_mut().unwrap().settles = vec![Hash::ZERO; 256];
        }
        for stretch in into_stretches(settling) {
            let encoded: usize = stretch.iter().map(Entry::encoded_bytes).sum();
            assert!(encoded < MAX_ENCODED_BYTES, "envelopes count: {encoded}");
        }
    }
}
