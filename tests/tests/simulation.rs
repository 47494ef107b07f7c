//! Random schedules over simulated replicas: 4,000 when `tests/run` runs everything (`HUILIU_TESTS=all`), 200 else, or
//! as many as `HUILIU_SCHEDULES` says.

use huiliu_tests::simulation::bugs::{BUGS, WITHIN, hunt};
use huiliu_tests::simulation::campaign::{campaign, kept, play, tell};
use huiliu_tests::simulation::play::Beginning;
use huiliu_tests::simulation::schedule::Schedule;
use std::collections::BTreeSet;
use std::time::Instant;

/// Seeds that once failed, one a line, with what was wrong.
const SEEDS: &str = include_str!("../seeds.txt");
const THREADS: u64 = 2;

fn how_many() -> u64 {
    let said = |name: &str| std::env::var(name).ok();
    let all = if said("HUILIU_TESTS").as_deref() == Some("all") { 3_000 } else { 200 };
    said("HUILIU_SCHEDULES").and_then(|text| text.parse().ok()).unwrap_or(all)
}

fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn random_schedules_hold_every_promise() {
    let beginning = Beginning::new();
    for schedule in kept(SEEDS) {
        let seed = schedule.seed;
        let (oracles, _) = play(&beginning, &schedule, &BTreeSet::new());
        assert!(oracles.is_empty(), "seed {seed} failed once and fails again: {oracles:?}");
    }
    let schedules = how_many();
    let began = Instant::now();
    let (outcome, failure) = campaign(Schedule::of, 1, schedules, THREADS, &BTreeSet::new());
    if let Some(failure) = failure {
        panic!("{}", tell(&failure, &BTreeSet::new()));
    }
    let seconds = began.elapsed().as_secs_f64();
    let (played, years) = (outcome.schedules, outcome.node_years());
    say(&format!(
        "{played} schedules in {seconds:.0} s, {years:.1} simulated node-years, {:?}",
        outcome.tally
    ));
}

#[test]
fn every_seeded_bug_is_found() {
    // The panics of replicas with bugs are findings; nobody needs to read them here.
    std::panic::set_hook(Box::new(|_| {}));
    let found = BUGS.map(|bug| (bug, hunt(bug, THREADS)));
    drop(std::panic::take_hook());
    for (bug, failure) in &found {
        let failure = failure.as_ref().unwrap_or_else(|| panic!("{bug}: not found in {WITHIN} schedules"));
        say(&format!("{bug}: found after {} schedules: {}", failure.after, failure.oracles[0]));
    }
}
