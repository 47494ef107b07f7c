//! How much goes out at a time. A batch takes about two seconds of the link as its acknowledgements measure it: short
//! enough that a cut costs little and news need not wait long, long enough that the line is never idle.

use crate::sync::feed::FeedId;
use std::collections::{BTreeMap, VecDeque};

/// How many bytes may be under way unacknowledged, as a receiver says in each Ack.
pub(super) const CREDIT_BYTES: u32 = 4 * 1024 * 1024;
/// The sizes between which batches move.
const BATCH_BYTES: (usize, usize) = (4 * 1024, 1024 * 1024);
/// The size with which a session begins with a peer of which nothing is known.
pub const START_BYTES: usize = 64 * 1024;
/// How long a batch should take, in milliseconds.
const BATCH_MILLIS: u64 = 2000;
/// However small they are, no more batches are under way; their Acks wait in somebody's memory.
const MOST_UNDER_WAY: usize = 32;

/// A batch that was sent and is not acknowledged yet.
#[derive(Debug)]
struct Sent {
    /// Its size on the wire.
    wire: usize,
    /// What was read for it, before anything was left out or compressed: what `batch_bytes` counts.
    read: usize,
    /// When.
    at: u64,
    heads: Vec<(FeedId, u64)>,
}

/// The sending side's measure of its link.
#[derive(Debug)]
pub(super) struct Pace {
    batch_bytes: usize,
    credit: usize,
    under_way: VecDeque<Sent>,
    /// When the last Ack came: until then the line was busy with the batch before.
    acknowledged_at: u64,
}

impl Pace {
    /// Begins with batches of this size.
    pub(super) fn new(batch_bytes: usize) -> Self {
        let batch_bytes = batch_bytes.clamp(BATCH_BYTES.0, BATCH_BYTES.1);
        Self { batch_bytes, credit: CREDIT_BYTES as usize, under_way: VecDeque::new(), acknowledged_at: 0 }
    }

    /// About how much the next batch may hold, if one may go out now. Two under way keep the line busy; a receiver that
    /// has no room left still gets one at a time, else nobody would ever learn that it has room again.
    pub(super) fn room(&self) -> Option<usize> {
        if self.under_way.is_empty() {
            return Some(self.batch_bytes);
        }
        let (wire, read) =
            self.under_way.iter().fold((0, 0), |sum, sent| (sum.0 + sent.wire, sum.1 + sent.read));
        let left = self.credit.saturating_sub(wire);
        let may = left > 0 && read < 2 * self.batch_bytes && self.under_way.len() < MOST_UNDER_WAY;
        may.then(|| self.batch_bytes.min(left).max(BATCH_BYTES.0))
    }

    /// A batch goes out.
    pub(super) fn sent(&mut self, wire: usize, read: usize, heads: Vec<(FeedId, u64)>, now: u64) {
        self.under_way.push_back(Sent { wire, read, at: now, heads });
    }

    /// The batch that has been under way longest has been answered; where its feeds would stand there.
    pub(super) fn acknowledged(&mut self, credit: u32, now: u64) -> Vec<(FeedId, u64)> {
        self.credit = credit as usize;
        let Some(sent) = self.under_way.pop_front() else { return Vec::new() };
        let took = now.saturating_sub(sent.at.max(self.acknowledged_at));
        self.acknowledged_at = now;
        let fits = sent.read.saturating_mul(BATCH_MILLIS as usize) / took.max(1) as usize;
        let next = if took > BATCH_MILLIS {
            fits
        } else if 2 * sent.read >= self.batch_bytes {
            fits.clamp(self.batch_bytes, 2 * self.batch_bytes)
        } else {
            // A small one measures the way there and back, not the width of the line.
            self.batch_bytes
        };
        self.batch_bytes = next.clamp(BATCH_BYTES.0, BATCH_BYTES.1);
        sent.heads
    }

    /// Whether everything sent is acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Where the feeds will stand that are under way.
    pub(super) fn on_the_way(&self) -> BTreeMap<FeedId, u64> {
        let mut heads: BTreeMap<FeedId, u64> = BTreeMap::new();
        for (feed, number) in self.under_way.iter().flat_map(|sent| &sent.heads) {
            let head = heads.entry(*feed).or_default();
            *head = (*head).max(*number);
        }
        heads
    }

    /// The size with which the next session should begin: a line that breaks under a batch gets smaller ones.
    pub(super) fn next(&self) -> usize {
        if self.is_idle() { self.batch_bytes } else { (self.batch_bytes / 4).max(BATCH_BYTES.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line on which full batches go out as their sender's caller would send them.
    struct Line {
        pace: Pace,
        now: u64,
        free_at: u64,
        arrivals: VecDeque<u64>,
    }

    impl Line {
        /// Goes on until so many more are acknowledged, at so many bytes a second; gives back the size of the last.
        fn carry(&mut self, batches: usize, bytes_per_second: u64) -> usize {
            let mut last = 0;
            for _ in 0..batches {
                while let Some(size) = self.pace.room() {
                    last = size;
                    self.free_at = self.now.max(self.free_at) + size as u64 * 1000 / bytes_per_second;
                    self.arrivals.push_back(self.free_at);
                    self.pace.sent(size, size, Vec::new(), self.now);
                }
                self.now = self.now.max(self.arrivals.pop_front().expect("one is under way"));
                self.pace.acknowledged(CREDIT_BYTES, self.now);
            }
            last
        }
    }

    #[test]
    fn a_batch_comes_to_take_two_seconds_of_its_line() {
        let (pace, arrivals) = (Pace::new(START_BYTES), VecDeque::new());
        let mut line = Line { pace, now: 0, free_at: 0, arrivals };
        let narrow = line.carry(10, 12_500);
        assert!((20_000..=26_000).contains(&narrow), "100 kbit/s: {narrow}");
        assert_eq!(line.carry(20, 10_000_000), BATCH_BYTES.1);
        assert_eq!(line.carry(10, 1_000), BATCH_BYTES.0);
    }

    #[test]
    fn a_small_batch_says_nothing_of_the_width() {
        let mut pace = Pace::new(START_BYTES);
        for second in 1..100 {
            pace.sent(100, 300, Vec::new(), second * 1000);
            pace.acknowledged(CREDIT_BYTES, second * 1000 + 1);
        }
        assert_eq!(pace.room(), Some(START_BYTES));
    }

    #[test]
    fn after_a_cut_batches_begin_small() {
        let mut pace = Pace::new(1 << 20);
        assert_eq!(pace.next(), 1 << 20);
        pace.sent(1 << 20, 1 << 20, Vec::new(), 0);
        assert_eq!(pace.next(), 1 << 18);
        let again = (0..10).fold(pace.next(), |bytes, _| {
            let mut pace = Pace::new(bytes);
            pace.sent(bytes, bytes, Vec::new(), 0);
            pace.next()
        });
        assert_eq!(again, BATCH_BYTES.0);
    }

    #[test]
    fn the_receivers_credit_is_kept_to_and_never_the_end() {
        let mut pace = Pace::new(1 << 20);
        pace.sent(1000, 1000, Vec::new(), 0);
        pace.acknowledged(10_000, 1);
        assert_eq!(pace.room(), Some(1 << 20), "nothing is under way");
        pace.sent(9_000, 30_000, Vec::new(), 2);
        assert_eq!(pace.room(), Some(BATCH_BYTES.0));
        pace.sent(2_000, 4_000, Vec::new(), 2);
        assert_eq!(pace.room(), None);
        pace.acknowledged(0, 3);
        assert_eq!(pace.room(), None);
        pace.acknowledged(0, 4);
        assert!(pace.room().is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_does_no_harm() {
        let mut pace = Pace::new(START_BYTES);
        pace.sent(START_BYTES, START_BYTES, Vec::new(), 10_000);
        pace.acknowledged(CREDIT_BYTES, 5_000);
        pace.sent(START_BYTES, START_BYTES, Vec::new(), 5_000);
        pace.acknowledged(CREDIT_BYTES, 6_000);
        assert!(pace.room().is_some_and(|bytes| bytes >= START_BYTES));
    }
}
