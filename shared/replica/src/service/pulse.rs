//! The sign of life of an engine at work: who waits for it is told every second that it works and how much is left,
//! however long its present piece of work takes. An engine that ends no piece of work for long hangs, and says nothing.

use huiliu_core::sync::session::working;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often those who wait are told.
const BEAT: Duration = Duration::from_secs(1);
/// One piece of work that takes longer is no work any more: the disk does not answer.
const LONGEST: Duration = Duration::from_secs(60);
/// A connection with less room has enough to send: what it sends is a sign of life too.
const ROOM: usize = 128;

/// What the engine says of itself.
#[derive(Default)]
struct Said {
    /// Since when it has been at its present turn.
    since: Option<Instant>,
    /// How many entries wait to be applied.
    waiting: usize,
    /// The ways to those who wait.
    ways: Vec<mpsc::Sender<Vec<u8>>>,
}

/// The engine's end. Nobody is told anything any more when it is gone.
pub(super) struct Pulse {
    said: Arc<Mutex<Said>>,
    _alive: Sender<()>,
}

impl Pulse {
    /// Begins to beat.
    pub(super) fn start() -> Self {
        let said = Arc::new(Mutex::new(Said::default()));
        let (alive, ended) = channel();
        let told = said.clone();
        let beat = move || {
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                told.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).tell(Instant::now());
            }
        };
        let thread = std::thread::Builder::new().name("pulse".into()).spawn(beat);
        thread.expect("a thread can be started");
        Self { said, _alive: alive }
    }

    /// A turn begins.
    pub(super) fn begins(&self) {
        self.said().since = Some(Instant::now());
    }

    /// A turn has ended: so many entries are left, and these wait.
    pub(super) fn ends(&self, waiting: usize, ways: Vec<mpsc::Sender<Vec<u8>>>) {
        *self.said() = Said { since: None, waiting, ways };
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Said {
    fn tell(&self, now: Instant) {
        let lasts = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let works = self.waiting > 0 || lasts >= BEAT;
        if !works || lasts >= LONGEST {
            return;
        }
        for way in self.ways.iter().filter(|way| way.capacity() >= ROOM) {
            // A connection that has ended needs no telling.
            let _ = way.try_send(working(self.waiting as u64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody who waits is told when the engine has been at its turn for so many seconds.
    fn told(waiting: usize, seconds: Option<u64>, room: usize) -> usize {
        let (way, mut told) = mpsc::channel(room);
        let now = Instant::now();
        let began = seconds.map(|seconds| (now, now + Duration::from_secs(seconds)));
        let said = Said { since: began.map(|(since, _)| since), waiting, ways: vec![way] };
        said.tell(began.map_or(now, |(_, later)| later));
        std::iter::from_fn(|| told.try_recv().ok()).count()
    }

    #[test]
    fn who_waits_is_told_while_work_goes_on_and_not_when_it_hangs() {
        assert_eq!(told(0, None, 256), 0, "nothing is to be done");
        assert_eq!(told(0, Some(0), 256), 0, "nor does what is done at once take long");
        assert_eq!(told(7, None, 256), 1, "between two slices");
        assert_eq!(told(0, Some(20), 256), 1, "a batch that takes long");
        assert_eq!(told(7, Some(61), 256), 0, "the disk does not answer");
        assert_eq!(told(7, None, 100), 0, "there is enough to be sent");
    }
}
