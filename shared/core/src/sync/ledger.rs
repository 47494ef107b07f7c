//! What a replica holds, as numbers: heads of feeds, what is present but not applied, sums of records. Enough to tell
//! two replicas apart or level without loading a document.

use super::authority::Authority;
use super::feed::{FeedId, Head, Incarnation};
use super::keys::{DeviceId, Hash};
use crate::model::{Channel, RecordId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A sum mod 2^256 of record hashes: the order in which records change does not matter, and one change costs one
/// subtraction and one addition.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Sum([u64; 4]);

impl Sum {
    /// The term of one record: H(id, sorted heads); nothing for a record without changes.
    pub fn of_record(id: &RecordId, heads: &[Hash]) -> Self {
        if heads.is_empty() {
            return Self::default();
        }
        let heads: Vec<u8> = heads.iter().flat_map(|head| head.0).collect();
        let hash = Hash::of(&[b"huiliu record state", &id.0, &heads]);
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(hash.0.chunks(8)) {
            *word = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        }
        Self(words)
    }

    /// `self + other`.
    pub fn plus(self, other: Self) -> Self {
        let mut carry = false;
        let mut sum = [0; 4];
        for ((out, a), b) in sum.iter_mut().zip(self.0).zip(other.0) {
            let (partial, first) = a.overflowing_add(b);
            let (total, second) = partial.overflowing_add(u64::from(carry));
            carry = first || second;
            *out = total;
        }
        Self(sum)
    }

    /// `self - other`.
    pub fn minus(self, other: Self) -> Self {
        let complement = Self(other.0.map(|word| !word)).plus(Self([1, 0, 0, 0]));
        self.plus(complement)
    }

    /// 32 bytes, little-endian.
    pub fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (out, word) in bytes.chunks_mut(8).zip(self.0) {
            out.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// A channel's fingerprint. Sums are compared only when the digests are equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Over the frontier and the entries present but not applied.
    pub digest: Hash,
    /// Over the records.
    pub sum: Sum,
}

/// The fingerprints of all channels two replicas share, folded: what Hello and Done carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Combined {
    /// The first 16 bytes of a hash over the digests.
    pub digest: [u8; 16],
    /// The first 16 bytes of a hash over the sums.
    pub sums: [u8; 16],
}

/// What a replica holds.
#[derive(Debug)]
pub struct Ledger {
    /// This replica's device.
    pub device: DeviceId,
    /// Its present incarnation.
    pub incarnation: Incarnation,
    /// Grants and revocations; none before joining.
    pub authority: Option<Authority>,
    /// Something is held that is not applied yet: the sums are not those of what is held.
    pub behind: bool,
    heads: BTreeMap<FeedId, Head>,
    sums: BTreeMap<Channel, Sum>,
    unapplied: BTreeMap<Channel, BTreeSet<(FeedId, u64)>>,
    /// Where the hub has closed feeds: number and hash.
    closed: BTreeMap<FeedId, (u64, Hash)>,
}

impl Ledger {
    /// A replica that holds nothing.
    pub fn new(device: DeviceId, incarnation: Incarnation) -> Self {
        Self {
            device,
            incarnation,
            authority: None,
            behind: false,
            heads: BTreeMap::new(),
            sums: BTreeMap::new(),
            unapplied: BTreeMap::new(),
            closed: BTreeMap::new(),
        }
    }

    /// Where a feed stands here.
    pub fn head(&self, feed: &FeedId) -> Head {
        self.heads.get(feed).copied().unwrap_or(Head::START)
    }

    /// Every feed held, in order of channel.
    pub fn heads(&self) -> impl Iterator<Item = (&FeedId, &Head)> {
        self.heads.iter()
    }

    /// A feed has grown.
    pub fn advance(&mut self, feed: FeedId, head: Head) {
        self.heads.insert(feed, head);
    }

    /// A feed has lost what followed `head`.
    pub fn rewind(&mut self, feed: FeedId, head: Head) {
        if head.number == 0 {
            self.heads.remove(&feed);
        } else {
            self.heads.insert(feed, head);
        }
    }

    /// The hub has closed a feed at a number. Says whether that is news.
    pub fn close(&mut self, feed: FeedId, last: u64, hash: Hash) -> bool {
        let news = self.closed.get(&feed).is_none_or(|(before, _)| *before < last);
        if news {
            self.closed.insert(feed, (last, hash));
        }
        news
    }

    /// Whether a feed is closed just where it stands here.
    pub fn is_folded(&self, feed: &FeedId) -> bool {
        let head = self.head(feed);
        head.number > 0 && self.closed.get(feed) == Some(&(head.number, head.hash))
    }

    /// The folded feeds that `device` may see, with their last numbers, and one digest of them all: who comes to the same
    /// digest holds the same. None where none is.
    pub fn folded_for(&self, device: &DeviceId) -> Option<(BTreeMap<FeedId, u64>, [u8; 16])> {
        let (mut folded, mut bytes) = (BTreeMap::new(), Vec::new());
        let visible = self.closed.iter().filter(|(feed, _)| self.may_read(device, feed.channel));
        for (feed, (last, hash)) in visible.filter(|(feed, _)| self.is_folded(feed)) {
            folded.insert(*feed, *last);
            bytes.extend_from_slice(&feed.bytes());
            bytes.extend_from_slice(&last.to_be_bytes());
            bytes.extend_from_slice(&hash.0);
        }
        let digest = Hash::of(&[b"huiliu folded", &bytes]).0[..16].try_into().expect("16 of 32 bytes");
        (!folded.is_empty()).then_some((folded, digest))
    }

    /// A record's heads have changed from `before` to `after`.
    pub fn change_record(&mut self, channel: Channel, id: &RecordId, before: &[Hash], after: &[Hash]) {
        let sum = self.sums.entry(channel).or_default();
        *sum = sum.minus(Sum::of_record(id, before)).plus(Sum::of_record(id, after));
    }

    /// Sets a channel's sum as it was stored.
    pub fn restore_sum(&mut self, channel: Channel, sum: Sum) {
        self.sums.insert(channel, sum);
    }

    /// A channel's sum.
    pub fn sum(&self, channel: Channel) -> Sum {
        self.sums.get(&channel).copied().unwrap_or_default()
    }

    /// An entry is present but does not count (it waits or is refused), or counts again.
    pub fn set_unapplied(&mut self, feed: FeedId, number: u64, unapplied: bool) {
        let list = self.unapplied.entry(feed.channel).or_default();
        if unapplied {
            list.insert((feed, number));
        } else {
            list.remove(&(feed, number));
        }
    }

    /// Whether an entry is present but does not count.
    pub fn is_unapplied(&self, feed: &FeedId, number: u64) -> bool {
        self.unapplied.get(&feed.channel).is_some_and(|list| list.contains(&(*feed, number)))
    }

    /// Whether `device` may see a channel. Before joining nobody may see anything but the notebook's owner.
    pub fn may_read(&self, device: &DeviceId, channel: Channel) -> bool {
        channel.is_shared() && self.authority.as_ref().is_some_and(|a| a.may_read(device, channel))
    }

    /// The shared channels in which something is held and which `device` may see.
    pub fn channels_for(&self, device: &DeviceId) -> Vec<Channel> {
        let mut channels: Vec<Channel> = self.heads.keys().map(|feed| feed.channel).collect();
        channels.dedup();
        channels.retain(|channel| self.may_read(device, *channel));
        channels
    }

    /// A channel's fingerprint.
    pub fn fingerprint(&self, channel: Channel) -> Fingerprint {
        let mut frontier = Vec::new();
        for (feed, head) in self.feeds_of(channel) {
            frontier.extend_from_slice(&feed.bytes());
            frontier.extend_from_slice(&head.number.to_be_bytes());
            frontier.extend_from_slice(&head.hash.0);
        }
        let mut unapplied = Vec::new();
        for (feed, number) in self.unapplied.get(&channel).into_iter().flatten() {
            unapplied.extend_from_slice(&feed.bytes());
            unapplied.extend_from_slice(&number.to_be_bytes());
        }
        let length = (frontier.len() as u64).to_be_bytes();
        let digest = Hash::of(&[b"huiliu frontier", &length, &frontier, &unapplied]);
        Fingerprint { digest, sum: self.sum(channel) }
    }

    /// The feeds of one channel.
    pub fn feeds_of(&self, channel: Channel) -> impl Iterator<Item = (&FeedId, &Head)> {
        let lowest = FeedId { channel, device: DeviceId([0; 32]), incarnation: Incarnation([0; 8]) };
        self.heads.range(lowest..).take_while(move |(feed, _)| feed.channel == channel)
    }

    /// The fingerprints of all channels that `device` may see, folded into one.
    pub fn combined_for(&self, device: &DeviceId) -> Combined {
        let (mut digests, mut sums) = (Vec::new(), Vec::new());
        for channel in self.channels_for(device) {
            let fingerprint = self.fingerprint(channel);
            digests.extend_from_slice(&fingerprint.digest.0);
            sums.extend_from_slice(&fingerprint.sum.bytes());
        }
        let fold = |bytes: &[u8]| Hash::of(&[bytes]).0[..16].try_into().expect("16 of 32 bytes");
        Combined { digest: fold(&digests), sums: fold(&sums) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_forget_the_order() {
        let term = |n: u8| Sum::of_record(&RecordId([n; 16]), &[Hash([n; 32])]);
        let forwards = (0..200).fold(Sum::default(), |sum, n| sum.plus(term(n)));
        let backwards = (0..200).rev().fold(Sum::default(), |sum, n| sum.plus(term(n)));
        assert_eq!(forwards, backwards);
        let emptied = (0..200).fold(forwards, |sum, n| sum.minus(term(n)));
        assert_eq!(emptied, Sum::default());
        assert_eq!(Sum::default().minus(term(1)).plus(term(1)), Sum::default());
    }
}
