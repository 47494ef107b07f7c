//! Running many schedules, and making a failing one short.

use super::play::{Beginning, Play};
use super::schedule::{Schedule, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The schedules of kept seeds, one a line: the seed, before it `late` where replicas apply later than they acknowledge
/// and `damage` where disks change what was written on them, `people` where there are people or `kills` where programs
/// are killed, and behind it what was wrong.
pub fn kept(lines: &str) -> Vec<Schedule> {
    let schedule = |line: &str| {
        let (late, line) = line.strip_prefix("late ").map_or((false, line), |line| (true, line));
        let drawn = if let Some(line) = line.strip_prefix("damage ") {
            seed_of(line).map(Schedule::with_damage)
        } else if let Some(line) = line.strip_prefix("people ") {
            seed_of(line).map(Schedule::with_people)
        } else if let Some(line) = line.strip_prefix("insiders ") {
            seed_of(line).map(Schedule::with_insiders)
        } else if let Some(line) = line.strip_prefix("kills ") {
            seed_of(line).map(Schedule::with_kills)
        } else {
            seed_of(line).map(Schedule::without_people)
        };
        Some(drawn?.applied(late))
    };
    lines.lines().filter_map(schedule).collect()
}

fn seed_of(line: &str) -> Option<u64> {
    line.split_whitespace().next()?.parse().ok()
}

/// A schedule that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What was played.
    pub schedule: Schedule,
    /// What the oracles say, the first first.
    pub oracles: Vec<String>,
    /// After how many schedules of the campaign.
    pub after: u64,
}

/// What came of a schedule or of many.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many schedules were played.
    pub schedules: u64,
    /// Virtual milliseconds, each replica counted.
    pub replica_millis: u64,
    /// How often each thing happened.
    pub tally: BTreeMap<&'static str, u64>,
}

impl Outcome {
    /// Simulated years of one replica.
    pub fn node_years(&self) -> f64 {
        self.replica_millis as f64 / (365.25 * 86_400_000.0)
    }

    fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.replica_millis += other.replica_millis;
        for (what, times) in other.tally {
            *self.tally.entry(what).or_default() += times;
        }
    }
}

/// Plays a schedule to its end: what the oracles say, nothing if all held.
pub fn play(
    beginning: &Beginning,
    schedule: &Schedule,
    bugs: &BTreeSet<&'static str>,
) -> (Vec<String>, Outcome) {
    play_traced(beginning, schedule, bugs, &mut None)
}

/// Plays a schedule and writes down what happened.
pub fn play_traced(
    beginning: &Beginning,
    schedule: &Schedule,
    bugs: &BTreeSet<&'static str>,
    trace: &mut Option<Vec<String>>,
) -> (Vec<String>, Outcome) {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut play = Play::new(beginning, schedule, bugs);
        let began = play.world.now;
        play.trace = trace.take();
        for step in &schedule.steps {
            play.step(step);
            if !play.failures.is_empty() {
                break;
            }
        }
        if play.failures.is_empty() {
            play.heal();
        }
        if play.failures.is_empty() {
            play.check_all(schedule.seed);
        }
        *trace = play.trace.take();
        let replica_millis = (play.world.now - began) * play.world.machines.len() as u64;
        (play.failures, Outcome { schedules: 1, replica_millis, tally: play.tally })
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        (vec![format!("panic: {}", text.unwrap_or_default())], Outcome { schedules: 1, ..Outcome::default() })
    })
}

/// Plays the schedules that `draw` makes of the seeds `from..from + schedules` on so many threads; stops at the first
/// that fails.
pub fn campaign(
    draw: fn(u64) -> Schedule,
    from: u64,
    schedules: u64,
    threads: u64,
    bugs: &BTreeSet<&'static str>,
) -> (Outcome, Option<Failure>) {
    let beginning = Beginning::new();
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let (total, first) = (Mutex::new(Outcome::default()), Mutex::new(None::<Failure>));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut sum = Outcome::default();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    // Schedules before the failing one are still played, so that the answer is the same every time.
                    if at >= schedules || at > failed.load(Ordering::Relaxed) {
                        break;
                    }
                    let (oracles, outcome) = play(&beginning, &draw(from + at), bugs);
                    sum.add(outcome);
                    if !oracles.is_empty() {
                        failed.fetch_min(at, Ordering::Relaxed);
                        let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                        if first.as_ref().is_none_or(|failure| failure.seed > from + at) {
                            let (seed, schedule) = (from + at, draw(from + at));
                            *first = Some(Failure { seed, schedule, oracles, after: at + 1 });
                        }
                    }
                }
                total.lock().unwrap_or_else(PoisonError::into_inner).add(sum);
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    (total, first.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What kind of failure an oracle tells: its words without names and numbers.
fn sort_of(oracles: &[String]) -> Option<String> {
    let words = oracles.first()?.split(' ').filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
    let names = super::schedule::REPLICAS.map(|one| one.0);
    Some(words.filter(|word| !names.contains(word)).collect::<Vec<_>>().join(" "))
}

/// Leaves out every step without which the schedule still fails in the same way.
pub fn shrink(schedule: &Schedule, bugs: &BTreeSet<&'static str>) -> Schedule {
    let beginning = Beginning::new();
    let sort = sort_of(&play(&beginning, schedule, bugs).0);
    let fails = |steps: &[Step]| {
        let shorter = Schedule { steps: steps.to_vec(), ..schedule.clone() };
        sort_of(&play(&beginning, &shorter, bugs).0) == sort
    };
    let mut steps = schedule.steps.clone();
    let mut width = steps.len() / 2;
    while width > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut shorter = steps.clone();
            shorter.drain(at..(at + width).min(steps.len()));
            if fails(&shorter) { steps = shorter } else { at += width }
        }
        width /= 2;
    }
    Schedule { steps, ..schedule.clone() }
}

/// The story of a failure: seed, oracles, and what is left of its steps when those without part in it are left out.
pub fn tell(failure: &Failure, bugs: &BTreeSet<&'static str>) -> String {
    let short = shrink(&failure.schedule, bugs);
    let mut trace = Some(Vec::new());
    let (oracles, _) = play_traced(&Beginning::new(), &short, bugs, &mut trace);
    let steps = trace.unwrap_or_default().join("\n");
    format!(
        "seed {}\n{}\nshrunk to {} steps:\n{steps}\n{}",
        failure.seed,
        failure.oracles.join("\n"),
        short.steps.len(),
        oracles.join("\n")
    )
}
