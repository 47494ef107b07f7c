//! Finding the records that differ although both sides hold the same entries: an incident, told apart from "not level
//! yet" by equal digests. Channels, then 256 ranges of ids, then records; what differs is rebuilt from the journal.

use super::feed::FeedId;
use super::keys::Hash;
use super::ledger::{Fingerprint, Sum};
use super::message::{Common, Compare, RecordHeads};
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
