//! Batches as the wire carries them, packed or not, and bombs.

use super::mutate::{mutate, pick, rng_of};
use super::{Fate, Target, honest};
use crate::harness::adversary::plain_wire;
use huiliu_core::model::RecordId;
use huiliu_core::sync::feed::check_run;
use huiliu_core::sync::message::Tag;
use huiliu_core::sync::wire::{MAX_RATIO, Receiving, Sending, decode, encode};
use huiliu_core::sync::{EntryKind, FeedId, Hash, Head, Run};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const TAG: Tag = [7; 5];

/// Batches of one author's feed.
pub struct Batches {
    runs: Vec<Run>,
    heads: Vec<Head>,
    bodies: Vec<Vec<u8>>,
}

/// What sender and receiver know of each other: the runs, as the receiver's index would have them.
struct Known<'a>(&'a [Run]);

impl Known<'_> {
    fn feed_of(&self) -> FeedId {
        self.0[0].feed
    }
}

impl Sending for Known<'_> {
    fn tag(&self, feed: &FeedId) -> Option<Tag> {
        (*feed == self.feed_of()).then_some(TAG)
    }
    fn grant_at(&self, _: &FeedId, number: u64) -> Option<Hash> {
        (number > 0).then_some(honest::GRANT)
    }
    fn number_of(&self, _: &FeedId, _: &RecordId, change: &Hash) -> Option<u64> {
        let placed = self.0.iter().flat_map(|run| (run.first..).zip(&run.entries));
        let mut edits = placed.filter(|(_, entry)| entry.kind == EntryKind::EDIT);
        edits.find(|(_, entry)| huiliu_core::sync::entry::payload_hash(entry) == *change).map(|found| found.0)
    }
}

impl Receiving for Known<'_> {
    fn feed(&self, tag: &Tag) -> Option<FeedId> {
        (*tag == TAG).then(|| self.feed_of())
    }
    fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        Some(honest::GRANT)
    }
    fn change_at(&self, feed: &FeedId, number: u64) -> Option<Hash> {
        let run =
            self.0.iter().find(|run| run.feed == *feed && (run.first..=run.last()).contains(&number))?;
        let entry = &run.entries[(number - run.first) as usize];
        (entry.kind == EntryKind::EDIT).then(|| huiliu_core::sync::entry::payload_hash(entry))
    }
}

/// A batch without the byte that says how it is packed, and unpacked.
fn body_of(batch: &[u8]) -> Vec<u8> {
    match batch.split_first() {
        Some((&ZSTD, packed)) => zstd::stream::decode_all(packed).expect("an honest batch unpacks"),
        Some((_, body)) => body.to_vec(),
        None => Vec::new(),
    }
}

/// A batch of this body, packed or not.
pub fn packed(body: &[u8], packs: bool) -> Vec<u8> {
    match packs {
        true => [&[ZSTD], zstd::bulk::compress(body, 3).expect("memory is compressed").as_slice()].concat(),
        false => [&[PLAIN], body].concat(),
    }
}

impl Default for Batches {
    fn default() -> Self {
        Self::new()
    }
}

impl Batches {
    /// Honest batches: one run, some, all; shortened as the wire does, and whole.
    pub fn new() -> Self {
        let runs = honest::runs();
        let mut heads = vec![Head::START];
        for run in &runs {
            let head = check_run(&honest::author().public(), heads.last().expect("the start"), run);
            heads.push(head.expect("an honest run continues its feed"));
        }
        let known = Known(&runs);
        let mut batches: Vec<Vec<u8>> =
            [&runs[..1], &runs[1..3], &runs[..]].iter().map(|some| encode(some, &known)).collect();
        batches.push(plain_wire(&runs));
        let bodies = batches.iter().map(|batch| body_of(batch)).collect();
        Self { runs, heads, bodies }
    }

    /// Nobody but the author can make a run that continues the feed.
    fn check_authorship(&self, run: &Run) -> Result<(), String> {
        let own = self.runs.iter().zip(&self.heads).find(|(own, _)| own.first == run.first);
        let head = own.map_or(Head::START, |(_, head)| *head);
        match check_run(&honest::author().public(), &head, run) {
            Ok(_) if own.is_none_or(|(own, _)| own != run) => {
                Err(format!("the signature holds for entries that the author never wrote: {run:?}"))
            }
            _ => Ok(()),
        }
    }
}

impl Target for Batches {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let mut body = pick(&mut rng, &self.bodies).clone();
        if rng.u8(..8) > 0 {
            mutate(&mut body, &self.bodies, &mut rng);
        }
        let mut bytes = packed(&body, rng.bool());
        if rng.u8(..4) == 0 {
            mutate(&mut bytes, &self.bodies, &mut rng);
        }
        bytes
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        self.bodies.iter().map(|body| packed(body, true)).collect()
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        let runs = match decode(bytes, &Known(&self.runs)) {
            Ok(runs) => runs,
            Err(error) => return Ok(Fate::refused(error)),
        };
        let entries: usize = runs.iter().map(|run| run.entries.len()).sum();
        let payloads: usize = runs.iter().flat_map(|run| &run.entries).map(|entry| entry.payload.len()).sum();
        // What the receiver adds to an entry is a change's header, or a point's grant.
        if payloads > bytes.len() * MAX_RATIO + 64 * 1024 + entries * 256 {
            return Err(format!("{} bytes became {payloads}", bytes.len()));
        }
        runs.iter().try_for_each(|run| self.check_authorship(run))?;
        let again = decode(&plain_wire(&runs), &Known(&self.runs));
        if again.as_ref() != Ok(&runs) {
            return Err(format!("the runs do not read again as they were read: {runs:?}, then {again:?}"));
        }
        Ok(Fate::Accepted)
    }
}
