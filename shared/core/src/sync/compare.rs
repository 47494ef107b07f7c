//! Finding the records that differ although both sides hold the same entries: an incident, told apart from "not level
//! yet" by equal digests. Channels, then 256 ranges of ids, then records; what differs is rebuilt from the journal.

use super::feed::FeedId;
use super::keys::Hash;
use super::ledger::{Fingerprint, Sum};
use super::message::{Common, Compare, MAX_SMALL_FRAME_BYTES, RecordHeads};
use crate::model::{Channel, RecordId};
use std::collections::BTreeMap;

/// So many ranges are looked into at once; the next comparison finds the others.
const MAX_RANGES: usize = 16;

/// What a replica can list of itself.
pub trait Listing {
    /// The fingerprint of a channel both may see; `None` for any other.
    fn fingerprint(&self, channel: Channel) -> Option<Fingerprint>;
    /// The records of a channel with their heads, sorted.
    fn records(&self, channel: Channel) -> Vec<RecordHeads>;
    /// The chain hash at a point of a feed, if there is a point.
    fn point(&self, feed: &FeedId, number: u64) -> Option<Hash>;
    /// Where a feed ends: number and chain hash.
    fn head(&self, feed: &FeedId) -> (u64, Hash);
}

/// One step: what to answer, and which records of which channel to rebuild here.
#[derive(Debug, Default)]
pub struct Step {
    /// To be sent back.
    pub reply: Option<Compare>,
    /// To be rebuilt from the journal.
    pub mend: Vec<RecordId>,
    /// Feeds of which the peer has another branch: the last point that both have.
    pub common: Vec<(FeedId, u64)>,
}

/// Answers the other side's step.
pub fn step(theirs: Compare, listing: &impl Listing) -> Step {
    match theirs {
        Compare::Channels(channels) => {
            let differs = channels.into_iter().find(|(channel, theirs)| {
                listing
                    .fingerprint(*channel)
                    .is_some_and(|o| o.digest == theirs.digest && o.sum != theirs.sum)
            });
            let reply = differs.map(|(channel, _)| Compare::Ranges(channel, sums(&listing.records(channel))));
            Step { reply, ..Step::default() }
        }
        Compare::Ranges(channel, theirs) if listing.fingerprint(channel).is_some() => {
            let records = listing.records(channel);
            let ours = sums(&records);
            let differs = |range: &u8| theirs.get(usize::from(*range)) != ours.get(usize::from(*range));
            let ranges: Vec<u8> = (0..=255).filter(differs).take(MAX_RANGES).collect();
            let records = within(records, &ranges);
            Step { reply: Some(Compare::Records(channel, ranges, records)), ..Step::default() }
        }
        Compare::Records(channel, ranges, theirs)
            if listing.fingerprint(channel).is_some() && ranges.len() <= MAX_RANGES =>
        {
            let ours = within(listing.records(channel), &ranges);
            let mend = differing(&ours, &theirs);
            Step { reply: Some(Compare::Answer(channel, ranges, ours)), mend, ..Step::default() }
        }
        Compare::Answer(channel, ranges, theirs) if listing.fingerprint(channel).is_some() => {
            let mend = differing(&within(listing.records(channel), &ranges), &theirs);
            Step { mend, ..Step::default() }
        }
        Compare::Chains(chains) => {
            let shared = chains.into_iter().filter(|(feed, _)| listing.fingerprint(feed.channel).is_some());
            let common = shared.map(|(feed, points)| {
                let same = points.iter().find(|(number, hash)| listing.point(&feed, *number) == Some(*hash));
                let number = |point: Option<&(u64, Hash)>| point.map_or(0, |(number, _)| *number);
                let (asked, same) = (number(points.first()), number(same));
                Common { feed, asked, same, head: listing.head(&feed) }
            });
            Step { reply: Some(Compare::Common(common.collect())), ..Step::default() }
        }
        Compare::Common(common) => {
            let parted = common.into_iter().filter(|common| has_parted(common, listing));
            Step { common: parted.map(|common| (common.feed, common.same)).collect(), ..Step::default() }
        }
        _ => Step::default(),
    }
}

impl Compare {
    /// The step as messages that each fit a frame: lists are told in parts. Of one range with more records than fit, which
    /// nobody's ids make by chance, nothing is told.
    pub fn in_parts(self) -> Vec<Self> {
        // The message around it adds a byte.
        let fits =
            postcard::experimental::serialized_size(&self).is_ok_and(|size| size < MAX_SMALL_FRAME_BYTES);
        if fits {
            return vec![self];
        }
        let halves = match self {
            Self::Channels(list) => halves(list).map(|[a, b]| [Self::Channels(a), Self::Channels(b)]),
            Self::Chains(list) => halves(list).map(|[a, b]| [Self::Chains(a), Self::Chains(b)]),
            Self::Common(list) => halves(list).map(|[a, b]| [Self::Common(a), Self::Common(b)]),
            Self::Records(channel, ranges, records) => {
                by_range(ranges, records).map(|halves| halves.map(|(a, b)| Self::Records(channel, a, b)))
            }
            Self::Answer(channel, ranges, records) => {
                by_range(ranges, records).map(|halves| halves.map(|(a, b)| Self::Answer(channel, a, b)))
            }
            // 256 sums of 32 bytes always fit, but for what a hostile peer made us repeat.
            Self::Ranges(..) => None,
        };
        halves.into_iter().flatten().flat_map(Self::in_parts).collect()
    }
}

/// A list cut in two; `None` if it has no two items.
fn halves<T>(mut list: Vec<T>) -> Option<[Vec<T>; 2]> {
    let rest = list.split_off(list.len() / 2);
    (!list.is_empty()).then_some([list, rest])
}

/// Ranges cut in two, each half with its records.
fn by_range(ranges: Vec<u8>, records: Vec<RecordHeads>) -> Option<[(Vec<u8>, Vec<RecordHeads>); 2]> {
    let [first, second] = halves(ranges)?;
    let (theirs, others) = records.into_iter().partition(|(id, _)| first.contains(&range_of(id)));
    Some([(first, theirs), (second, others)])
}

/// Whether the answerer has another branch of a feed, and not only less of it, or more.
fn has_parted(common: &Common, listing: &impl Listing) -> bool {
    let (number, hash) = common.head;
    if number <= listing.head(&common.feed).0 {
        // On one chain its last point would be one of ours.
        number > 0 && listing.point(&common.feed, number) != Some(hash)
    } else {
        // It is beyond ours: on one chain it would know the newest that we asked about.
        common.same < common.asked
    }
}

/// The range of a record: the last byte of its id, which is evenly spread.
fn range_of(id: &RecordId) -> u8 {
    id.0[15]
}

fn sums(records: &[RecordHeads]) -> Vec<Sum> {
    let mut sums = vec![Sum::default(); 256];
    for (id, heads) in records {
        let sum = &mut sums[usize::from(range_of(id))];
        *sum = sum.plus(Sum::of_record(id, heads));
    }
    sums
}

fn within(records: Vec<RecordHeads>, ranges: &[u8]) -> Vec<RecordHeads> {
    records.into_iter().filter(|(id, _)| ranges.contains(&range_of(id))).collect()
}

/// Records of ours whose heads differ from theirs, or which they do not have.
fn differing(ours: &[RecordHeads], theirs: &[RecordHeads]) -> Vec<RecordId> {
    let theirs: BTreeMap<_, _> = theirs.iter().map(|(id, heads)| (id, heads)).collect();
    let ours_by_id: BTreeMap<_, _> = ours.iter().map(|(id, heads)| (id, heads)).collect();
    let mut differing: Vec<RecordId> =
        ours_by_id.iter().filter(|(id, heads)| theirs.get(*id) != Some(*heads)).map(|(id, _)| **id).collect();
    differing.extend(theirs.keys().filter(|id| !ours_by_id.contains_key(*id)).map(|id| **id));
    differing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::message::{Message, decode, encode};

    struct Replica(Vec<RecordHeads>);

    impl Listing for Replica {
        fn fingerprint(&self, _: Channel) -> Option<Fingerprint> {
            let sum = sums(&self.0).into_iter().fold(Sum::default(), Sum::plus);
            Some(Fingerprint { digest: Hash::ZERO, sum })
        }
        fn records(&self, _: Channel) -> Vec<RecordHeads> {
            self.0.clone()
        }
        fn point(&self, _: &FeedId, _: u64) -> Option<Hash> {
            None
        }
        fn head(&self, _: &FeedId) -> (u64, Hash) {
            (0, Hash::ZERO)
        }
    }

    #[test]
    fn long_lists_are_told_in_parts_that_each_decode() {
        let channel = "own/330203/open".parse().unwrap();
        let records: Vec<RecordHeads> = (0..20_000_u32)
            .map(|n| {
                let mut id = [0; 16];
                id[12..].copy_from_slice(&n.to_be_bytes());
                (RecordId(id), vec![Hash([n as u8; 32])])
            })
            .collect();
        let step =
            Compare::Records(channel, (0..16).collect(), within(records.clone(), &Vec::from_iter(0..16)));
        let parts = step.clone().in_parts();
        assert!(parts.len() == 1, "sixteen ranges of a city fit");
        let all: Vec<u8> = (0..=255).collect();
        let parts = Compare::Answer(channel, all.clone(), records.clone()).in_parts();
        assert!(parts.len() > 1);
        let mut told = (Vec::new(), Vec::new());
        for part in parts {
            let frame = encode(&Message::Compare(part));
            let Ok(Message::Compare(Compare::Answer(_, ranges, records))) = decode(&frame) else {
                panic!("a part is no message");
            };
            told.0.extend(ranges);
            told.1.extend(records);
        }
        told.1.sort();
        assert_eq!(told, (all, records));
        let one_range = vec![(RecordId([0; 16]), vec![Hash([0; 32]); 10_000])];
        assert_eq!(Compare::Answer(channel, vec![0], one_range).in_parts(), []);
    }

    #[test]
    fn the_one_record_that_differs_is_found_on_both_sides() {
        let record = |n: u16, head: u8| {
            let mut id = [0; 16];
            id[14..].copy_from_slice(&n.to_be_bytes());
            (RecordId(id), vec![Hash([head; 32])])
        };
        let hub = Replica((0..900).map(|n| record(n, 1)).collect());
        let haishu = Replica((0..900).map(|n| record(n, if n == 500 { 2 } else { 1 })).collect());
        let channel = "own/330203/open".parse().unwrap();
        let mut message = Compare::Channels(vec![(channel, haishu.fingerprint(channel).unwrap())]);
        let mut mended = Vec::new();
        for side in [&hub, &haishu, &hub, &haishu] {
            let step = step(message, side);
            mended.extend(step.mend);
            let Some(reply) = step.reply else { break };
            message = reply;
        }
        assert_eq!(mended, vec![record(500, 1).0; 2]);
    }
}
