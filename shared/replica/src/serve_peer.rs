//! Reading for a peer: the runs it lacks, in order of the journal, encoded; and what decoding its batches needs.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::{DictionaryEdition, RecordId};
use huiliu_core::sync::control::reason;
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::message::{MAX_FRAME_BYTES, Refused, Tag};
use huiliu_core::sync::session::Session;
use huiliu_core::sync::{EntryKind, FeedId, Hash, Run, wire};
use huiliu_store::keys::Stay;
use huiliu_store::rows::{ChangeRow, RunRow};
use huiliu_store::{Position, Span, keys};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What was loaded for a peer.
#[derive(Default)]
pub(crate) struct Loaded {
    /// The batch to be sent; empty if there is nothing.
    pub(crate) batch: Vec<u8>,
    /// How many bytes of the journal are in it.
    pub(crate) read: usize,
    /// Where its feeds then stand.
    pub(crate) heads: Vec<(FeedId, u64)>,
    /// The first run of each feed that ends here for the peer, and why.
    pub(crate) withheld: Vec<Refused>,
    /// The runs in it, for whom they concern.
    pub(crate) runs: Vec<Run>,
}

/// A batch is not larger when it is packed: the message around it takes the rest of the frame.
const MOST_PACKED_BYTES: usize = MAX_FRAME_BYTES - 16;

/// A run that can be sent next: control channel first, then in order of the journal, which keeps dependencies first. Its
/// place, and its first and last number.
type Candidate = (bool, Position, usize, Span, (u64, u64));

impl Replica {
    /// Loads runs for a peer: of each feed those after a number, about `bytes` in all, and never more than a frame holds.
    /// Feeds that end here for the peer, because their next run is damaged or cannot be sent, are named; the others go
    /// on.
    pub(crate) fn load(
        &self,
        session: &Session,
        wants: &[(FeedId, u64, bool)],
        bytes: usize,
    ) -> Result<Loaded, ReplicaError> {
        let mut candidates: BTreeSet<Candidate> = BTreeSet::new();
        let mut loaded = Loaded::default();
        let mut withhold = |feed, after: u64, reason| {
            loaded.withheld.push(Refused { feed, number: after + 1, reason });
        };
        for (at, (feed, after, _)) in wants.iter().enumerate() {
            match self.candidate(at, feed, *after)? {
                Some(candidate) => drop(candidates.insert(candidate)),
                // The index has lost it: whoever wants it must not ask for ever.
                None => withhold(*feed, *after, reason::DAMAGED),
            }
        }
        let (mut runs, mut sizes): (Vec<Run>, Vec<usize>) = (Vec::new(), Vec::new());
        while let Some((_, _, at, span, (first, last))) = candidates.pop_first() {
            let feed = wants[at].0;
            let Some(run) = self.read_run(&feed, first, span)? else {
                withhold(feed, first - 1, reason::DAMAGED);
                continue;
            };
            if self.is_too_large(&run) {
                withhold(feed, run.first - 1, reason::TOO_LARGE_TO_SEND);
                continue;
            }
            if run.edition() != DictionaryEdition::FIRST && !session.knows_editions() {
                withhold(feed, run.first - 1, reason::NEEDS_NEWER);
                continue;
            }
            let size: usize = sizes.iter().sum();
            let next = span.bytes as usize;
            // A large run goes in a batch of its own.
            if !runs.is_empty() && size + next > MOST_PACKED_BYTES {
                break;
            }
            runs.push(run);
            sizes.push(next);
            if size + next >= bytes {
                break;
            }
            candidates.extend(self.candidate(at, &feed, last)?);
        }
        let known = wants.iter().filter(|want| want.2).map(|want| want.0).collect();
        let writing = Writing { replica: self, session, known, numbers: RefCell::default() };
        let mut batch = wire::encode(&runs, &writing);
        // What counts is the packed frame: a run that is too large even alone ends its feed for the peer.
        while batch.len() > MOST_PACKED_BYTES {
            let Some(run) = runs.pop() else { break };
            sizes.pop();
            if runs.is_empty() {
                withhold(run.feed, run.first - 1, reason::TOO_LARGE_TO_SEND);
            }
            batch = wire::encode(&runs, &writing);
        }
        let mut heads: BTreeMap<FeedId, u64> = BTreeMap::new();
        for run in &runs {
            heads.insert(run.feed, run.last());
        }
        Ok(Loaded { batch, read: sizes.iter().sum(), heads: heads.into_iter().collect(), runs, ..loaded })
    }

    /// The change that stands at a number of a feed whose run is damaged; the index knows it still.
    fn change_of(&self, feed: &FeedId, number: u64) -> Option<Hash> {
        let mut found = None;
        let looked = self.index.each(&keys::all_changes(), &[], |_, row: ChangeRow| {
            found = (row.feed == *feed && row.number == number).then_some(row.hash);
            found.is_none()
        });
        looked.ok().and(found)
    }

    /// The run of a feed that follows a number.
    fn candidate(&self, at: usize, feed: &FeedId, after: u64) -> Result<Option<Candidate>, ReplicaError> {
        let Some(no) = self.feeds.get(feed) else { return Ok(None) };
        let mut found = None;
        self.index.each(&keys::runs(*no), &(after + 1).to_be_bytes(), |key, row: RunRow| {
            let last = u64::from_be_bytes(key.try_into().unwrap_or_default());
            found = Some((!self.authority().is_control(feed), row.span.at, at, row.span, (row.first, last)));
            false
        })?;
        Ok(found)
    }
}

/// What encoding needs to know.
struct Writing<'a> {
    replica: &'a Replica,
    session: &'a Session,
    known: BTreeSet<FeedId>,
    /// Where the changes of the stays stand that were asked for: a record with many is listed once for a batch.
    numbers: RefCell<BTreeMap<Stay, Numbers>>,
}

/// The numbers of changes in their feeds.
type Numbers = BTreeMap<(FeedId, Hash), u64>;

impl wire::Sending for Writing<'_> {
    fn tag(&self, feed: &FeedId) -> Option<Tag> {
        self.known.contains(feed).then(|| self.session.tag(feed))
    }

    fn grant_at(&self, feed: &FeedId, number: u64) -> Option<Hash> {
        let no = self.replica.feeds.get(feed)?;
        if number == 0 {
            return None;
        }
        self.replica.index.get::<RunRow>(&keys::run(*no, number)).ok()?.map(|row| row.head.grant)
    }

    fn number_of(&self, feed: &FeedId, record: &RecordId, change: &Hash) -> Option<u64> {
        let stay = Stay { record: *record, channel: feed.channel };
        let mut numbers = self.numbers.borrow_mut();
        let listed = numbers.entry(stay).or_insert_with(|| {
            let rows = self.replica.change_rows(&stay).unwrap_or_default();
            rows.iter().rev().map(|row| ((row.feed, row.hash), row.number)).collect()
        });
        listed.get(&(*feed, *change)).copied()
    }
}

/// What decoding needs to know.
pub(crate) struct Reading<'a> {
    pub(crate) replica: &'a Replica,
    pub(crate) session: &'a Session,
}

impl wire::Receiving for Reading<'_> {
    fn feed(&self, tag: &Tag) -> Option<FeedId> {
        self.session.feed(tag)
    }

    fn grant_at(&self, feed: &FeedId, number: u64) -> Option<Hash> {
        let point = self.replica.point(feed, number).ok().flatten();
        let head = point.filter(|point| point.number > 0).unwrap_or_else(|| self.replica.ledger.head(feed));
        (head.number > 0).then_some(head.grant)
    }

    fn change_at(&self, feed: &FeedId, number: u64) -> Option<Hash> {
        let Some(run) = self.replica.run_at(feed, number).ok()? else {
            return self.replica.change_of(feed, number);
        };
        let entry = run.entries.get(usize::try_from(number.checked_sub(run.first)?).ok()?)?;
        (entry.kind == EntryKind::EDIT).then(|| payload_hash(entry))
    }
}
