//! What is durable when, seen from outside: the witness beside a journal says after each fdatasync how far it reaches,
//! and what lies before is read from the journal afterwards. Who is measured is not asked anything.

use huiliu_core::model::dictionary;
use huiliu_core::sync::EntryKind;
use huiliu_store::disk::RealDisk;
use huiliu_store::journal::WITNESS;
use huiliu_store::witness::Witness;
use huiliu_store::{Found, Journal, Position, StoreError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Written when a session ends: what the hub holds, and when both were found equal.
const SYNCED: &str = "synced";

/// Looks at a data directory again and again.
pub struct Watch {
    data: PathBuf,
    over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What was seen of a data directory, and when.
#[derive(Default)]
struct Seen {
    ends: Vec<(Instant, Position)>,
    synced: Vec<Instant>,
}

/// How many foreign edits were durable when.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Moments at which more had become durable, and how much it then was in all.
    pub points: Vec<(Instant, u64)>,
    /// When the program wrote down how it stands with its hub.
    pub synced: Vec<Instant>,
}

/// How far the journal of a data directory is durable; the beginning if there is none.
pub fn durable_end(data: &Path) -> Position {
    Witness::read(&RealDisk::new(data), WITNESS).map_or(Position::default(), |witness| witness.end())
}

/// Looks from now on, every so often, until more is durable than was; says when. `None` if nothing came within a limit.
pub fn growth(data: &Path, every: Duration, limit: Duration) -> JoinHandle<Option<Instant>> {
    let (data, before, begun) = (data.to_owned(), durable_end(data), Instant::now());
    std::thread::spawn(move || {
        while begun.elapsed() < limit {
            if durable_end(&data) > before {
                return Some(Instant::now());
            }
            std::thread::sleep(every);
        }
        None
    })
}

impl Watch {
    /// Begins to look, every so often.
    pub fn begin(data: &Path, every: Duration) -> Self {
        let (data, over) = (data.to_owned(), Arc::new(AtomicBool::new(false)));
        let (watched, stop) = (data.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            let synced = || std::fs::metadata(watched.join(SYNCED)).map(|meta| meta.ino()).ok();
            let mut file = synced();
            let mut seen = Seen { ends: vec![(Instant::now(), durable_end(&watched))], synced: Vec::new() };
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(every);
                let end = durable_end(&watched);
                if seen.ends.last().is_some_and(|last| end > last.1) {
                    seen.ends.push((Instant::now(), end));
                }
                let now = synced();
                if std::mem::replace(&mut file, now) != now {
                    seen.synced.push(Instant::now());
                }
            }
            seen
        });
        Self { data, over, thread }
    }

    /// Ends looking, and reads what had come to be durable: the edits of others, of social organizations.
    pub fn end(self, own_device: &str) -> Curve {
        self.over.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("looking does not fail");
        let ends = foreign_edits(&self.data, own_device);
        let count = |end: &Position| ends.partition_point(|edit| edit <= end) as u64;
        let mut points: Vec<(Instant, u64)> = seen.ends.iter().map(|(at, end)| (*at, count(end))).collect();
        points.dedup_by_key(|(_, count)| *count);
        Curve { points, synced: seen.synced }
    }
}

impl Curve {
    /// How many there are at the end.
    pub fn total(&self) -> u64 {
        self.points.last().map_or(0, |point| point.1)
    }

    /// How many came while it was looked.
    pub fn came(&self) -> u64 {
        self.total() - self.points.first().map_or(0, |point| point.1)
    }

    /// When the first of them were durable.
    pub fn first(&self) -> Option<Instant> {
        self.points.get(1).map(|point| point.0)
    }

    /// When all of them were durable.
    pub fn last(&self) -> Option<Instant> {
        self.points.last().filter(|_| self.points.len() > 1).map(|point| point.0)
    }

    /// When the program had written down that both are equal: after the last of them was durable.
    pub fn verified(&self) -> Option<Instant> {
        let last = self.last()?;
        self.synced.iter().copied().find(|at| *at >= last)
    }

    /// How fast each tenth of what came after the first batch was, a second. Fewer than six batches tell nothing.
    ///
    /// The first batch is left out: what comes before it is finding the hub.
    pub fn tenths(&self) -> Vec<f64> {
        let Some(arrivals) = self.points.get(1..).filter(|arrivals| arrivals.len() > 5) else {
            return Vec::new();
        };
        let (begun, from) = arrivals[0];
        let step = (self.total() - from) as f64 / 10.0;
        let seconds = |at: Instant| at.saturating_duration_since(begun).as_secs_f64();
        let when = |wanted: f64| {
            let after = arrivals.iter().position(|(_, count)| *count as f64 >= wanted);
            let after = after.unwrap_or(arrivals.len() - 1).max(1);
            let ((t0, n0), (t1, n1)) = (arrivals[after - 1], arrivals[after]);
            let part = (wanted - n0 as f64) / (n1 - n0) as f64;
            seconds(t0) + part * (seconds(t1) - seconds(t0))
        };
        let mark = |tenth: u32| when(from as f64 + f64::from(tenth) * step);
        (0..10).map(|tenth| step / (mark(tenth + 1) - mark(tenth)).max(1e-6)).collect()
    }
}

/// Where each edit of a social organization by another device ends in a journal, in order.
fn foreign_edits(data: &Path, own_device: &str) -> Vec<Position> {
    let kind = dictionary::kinds().iter().find(|kind| kind.name == "social_org");
    let kind = kind.expect("the dictionary has social organizations").id;
    let opened = Journal::open_to_read(Box::new(RealDisk::new(data)));
    let (journal, _) = opened.unwrap_or_else(|error| panic!("the journal of {}: {error}", data.display()));
    let mut ends = Vec::new();
    let scanned: Result<(), StoreError> = journal.scan(Position::default(), |found| {
        if let Found::Run(run, span) = found
            && run.feed.device.to_string() != own_device
        {
            let end = Position { offset: span.at.offset + u64::from(span.bytes), ..span.at };
            let edits = run.entries.iter().filter(|entry| {
                let of_kind = entry.envelope.as_ref().is_some_and(|envelope| envelope.kind == kind);
                entry.kind == EntryKind::EDIT && of_kind
            });
            ends.extend(edits.map(|_| end));
        }
        Ok(())
    });
    scanned.unwrap_or_else(|error| panic!("the journal of {} cannot be read: {error}", data.display()));
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_curve_has_ten_equal_tenths() {
        let begun = Instant::now();
        let at = |millis: u64, count: u64| (begun + Duration::from_millis(millis), count);
        let points = [at(0, 0)].into_iter().chain((0..=20).map(|n| at(100 + 10 * n, 50 + 50 * n)));
        let curve = Curve { points: points.collect(), ..Curve::default() };
        let tenths = curve.tenths();
        assert_eq!((tenths.len(), curve.came()), (10, 1050));
        assert!(tenths.iter().all(|speed| (speed - 5000.0).abs() < 1.0), "{tenths:?}");
    }

    #[test]
    fn a_curve_that_slows_down_says_so() {
        let begun = Instant::now();
        let at = |n: u64| (begun + Duration::from_millis(n * n), n * 100);
        let tenths = Curve { points: (0..=40).map(at).collect(), ..Curve::default() }.tenths();
        assert!(tenths[9] < tenths[0] / 5.0, "{tenths:?}");
    }
}
