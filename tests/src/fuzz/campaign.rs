//! Many mutants, and what they cost.

use super::watch::{last_place, memory, take_panics};
use super::{Fate, Target};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often [`Target::rest`] is called: after so many mutants.
const STRETCH: u64 = 100;

/// What came of a campaign against one target.
#[derive(Default)]
pub struct Tally {
    /// How many mutants were put to it.
    pub mutants: u64,
    /// How many it let in.
    pub accepted: u64,
    /// How many it refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Panics that were caught inside, by place.
    pub panics: BTreeMap<String, u64>,
    /// The slowest mutant, and its number.
    pub slowest: (Duration, u64),
    /// By how much the process has grown beyond what it held in the beginning, in kB, and the mutant that did it.
    pub growth: (u64, u64),
    /// How long it took.
    pub took: Duration,
}

/// A mutant that broke something.
#[derive(Debug)]
pub struct Broken {
    /// Its number.
    pub number: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What must never be.
    pub what: String,
}

/// Puts bytes to a target; a panic that comes out of it is as bad as any other violation.
pub fn judge(target: &mut dyn Target, bytes: &[u8]) -> Result<Fate, String> {
    contained(|| target.judge(bytes))
}

fn contained<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let acted = catch_unwind(AssertUnwindSafe(act));
    acted.unwrap_or_else(|panic| Err(format!("a panic, perhaps at {}: {}", last_place(), words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

/// Puts the mutants `from` up to `to` of a seed to a target, until one breaks something. `at` tells which one is being
/// looked at.
pub fn campaign(
    target: &mut dyn Target,
    seed: u64,
    (from, to): (u64, u64),
    at: &AtomicU64,
) -> (Tally, Option<Broken>) {
    let began = Instant::now();
    let (mut most, held) = memory();
    take_panics();
    let mut tally = Tally::default();
    let mut broken = None;
    for number in from..to {
        at.store(number, Ordering::Relaxed);
        let bytes = target.mutant(seed, number);
        let start = Instant::now();
        let mut fate = judge(target, &bytes);
        tally.slowest = tally.slowest.max((start.elapsed(), number));
        if fate.is_ok() && (number + 1 - from).is_multiple_of(STRETCH) {
            fate = contained(|| target.rest()).and(fate);
        }
        let (now, _) = memory();
        if now > most {
            (most, tally.growth) = (now, (now.saturating_sub(held), number));
        }
        tally.mutants += 1;
        match fate {
            Ok(Fate::Accepted) => tally.accepted += 1,
            Ok(Fate::Refused(why)) => *tally.refused.entry(why).or_default() += 1,
            Err(what) => {
                broken = Some(Broken { number, bytes, what });
                break;
            }
        }
    }
    if broken.is_none()
        && let Err(what) = contained(|| target.rest())
    {
        broken = Some(Broken { number: to, bytes: Vec::new(), what });
    }
    tally.panics = take_panics();
    tally.took = began.elapsed();
    (tally, broken)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panics: u64 = self.panics.values().sum();
        let refused: u64 = self.refused.values().sum();
        write!(f, "{} mutants, {} accepted, {refused} refused, ", self.mutants, self.accepted)?;
        write!(f, "{panics} panics caught at {} places, ", self.panics.len())?;
        write!(f, "slowest {:.1?} (mutant {}), ", self.slowest.0, self.slowest.1)?;
        write!(f, "grew {} MB (mutant {}), ", self.growth.0 / 1024, self.growth.1)?;
        write!(f, "{:.0} a second", self.mutants as f64 / self.took.as_secs_f64())?;
        for (why, count) in &self.refused {
            write!(f, "\n  {count:>8}  {why}")?;
        }
        for (place, count) in &self.panics {
            write!(f, "\n  {count:>8}  panic at {place}")?;
        }
        Ok(())
    }
}
