//! When to dial again. Pure: the caller brings the random number and does the waiting.

use std::time::Duration;

/// The first reconnect after a good connection is spread over this time, so that the nodes of a city do not
/// all return in the second in which their hub restarts.
const FIRST_SPREAD: Duration = Duration::from_secs(5);
/// The base of the second attempt; each further one doubles it.
const FIRST_STEP: Duration = Duration::from_secs(1);
/// No base grows beyond this.
const CAP: Duration = Duration::from_secs(60);

/// Counts failures in a row and says how long to wait before the next attempt.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait now. `jitter` is a fresh random number from 0 to 1 (others are clamped).
    pub fn next_delay(&mut self, jitter: f64) -> Duration {
        let wait = delay(self.failures, jitter);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// A connection was good: begin again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success, for the status page.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// The wait before the attempt after `failures` failures in a row.
///
/// First the cap, then the jitter: a long outage must not line all nodes up at exactly 60 s. The first wait
/// lies in 0..5 s; later ones in half to the whole of 1, 2, 4 … 60 s.
pub fn delay(failures: u32, jitter: f64) -> Duration {
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.5 };
    match failures {
        0 => FIRST_SPREAD.mul_f64(jitter),
        n => {
            let doubled = FIRST_STEP.saturating_mul(1 << (n - 1).min(16));
            doubled.min(CAP).mul_f64(0.5 + jitter / 2.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_no_further() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..10).map(|_| backoff.next_delay(1.0).as_secs()).collect();
        assert_eq!(waits, [5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(delay(u32::MAX, 1.0), CAP);
    }

    #[test]
    fn jitter_spreads_even_the_capped_wait() {
        assert_eq!(delay(0, 0.0), Duration::ZERO);
        assert_eq!(delay(30, 0.0), Duration::from_secs(30));
        assert_eq!(delay(30, 0.5), Duration::from_secs(45));
        assert_eq!(delay(3, f64::NAN), Duration::from_secs(3));
        assert_eq!(delay(3, -7.0), Duration::from_secs(2));
        assert_eq!(delay(3, 7.0), Duration::from_secs(4));
    }

    #[test]
    fn success_begins_again() {
        let mut backoff = Backoff::default();
        let waits = (0..5).map(|_| backoff.next_delay(0.5));
        assert_eq!(waits.count(), 5);
        assert_eq!(backoff.failures(), 5);
        backoff.reset();
        assert!(backoff.next_delay(0.9) < FIRST_SPREAD);
    }
}
