//! Plays random schedules: `simulate --schedules 10000 --from 1 --threads 2`, or one again: `simulate --seed 7`, made
//! short if it fails, or with all its steps: `--trace`.

use huiliu_tests::simulation::bugs::BUGS;
use huiliu_tests::simulation::campaign::{Failure, campaign, play_traced, tell};
use huiliu_tests::simulation::play::Beginning;
use huiliu_tests::simulation::schedule::Schedule;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "simulate [--seed N [--trace]] [--schedules N] [--from N] [--threads N] [--bug NAME] \
                     [--damage | --people | --kills | --insiders] [--all]";

struct Wanted {
    seed: Option<u64>,
    trace: bool,
    /// Goes on after a schedule that failed, and makes none short.
    all: bool,
    draw: fn(u64) -> Schedule,
    schedules: u64,
    from: u64,
    threads: u64,
    bugs: BTreeSet<&'static str>,
}

fn wanted() -> Option<Wanted> {
    let mut wanted = Wanted {
        seed: None,
        trace: false,
        all: false,
        draw: Schedule::of,
        schedules: 1000,
        from: 1,
        threads: 2,
        bugs: BTreeSet::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next()?.parse::<u64>().ok();
        match argument.as_str() {
            "--seed" => wanted.seed = Some(number()?),
            "--schedules" => wanted.schedules = number()?,
            "--from" => wanted.from = number()?,
            "--threads" => wanted.threads = number()?.max(1),
            "--trace" => wanted.trace = true,
            "--all" => wanted.all = true,
            "--damage" => wanted.draw = Schedule::with_damage,
            "--people" => wanted.draw = Schedule::with_people,
            "--insiders" => wanted.draw = Schedule::with_insiders,
            "--kills" => wanted.draw = Schedule::with_kills,
            "--bug" => {
                let name = arguments.next()?;
                wanted.bugs.insert(BUGS.into_iter().find(|bug| *bug == name)?);
            }
            _ => return None,
        }
    }
    Some(wanted)
}

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let Some(wanted) = wanted() else {
        let _ = writeln!(out, "{USAGE}");
        return ExitCode::from(2);
    };
    // A panic in a replica is a finding like any other, told once and in order.
    std::panic::set_hook(Box::new(|_| {}));
    let text = match wanted.seed {
        Some(seed) => replay(seed, &wanted),
        None if wanted.all => find_all(&wanted),
        None => run(&wanted),
    };
    let (code, text) = match text {
        Ok(text) => (ExitCode::SUCCESS, text),
        Err(text) => (ExitCode::FAILURE, text),
    };
    let _ = writeln!(out, "{text}");
    code
}

fn replay(seed: u64, wanted: &Wanted) -> Result<String, String> {
    let mut trace = wanted.trace.then(Vec::new);
    let schedule = (wanted.draw)(seed);
    let (oracles, _) = play_traced(&Beginning::new(), &schedule, &wanted.bugs, &mut trace);
    let steps = trace.unwrap_or_default().join("\n");
    if wanted.trace && !oracles.is_empty() {
        return Err(format!("{steps}\nseed {seed}: {}", oracles.join("\n")));
    }
    if oracles.is_empty() {
        return Ok(format!("{steps}\nseed {seed}: everything held"));
    }
    Err(format!("{steps}\n{}", tell(&Failure { seed, schedule, oracles, after: 1 }, &wanted.bugs)))
}

/// Every seed that fails.
fn find_all(wanted: &Wanted) -> Result<String, String> {
    let (mut from, end, mut failed) = (wanted.from, wanted.from + wanted.schedules, 0);
    let mut played = 0;
    while from < end {
        let (outcome, failure) = campaign(wanted.draw, from, end - from, wanted.threads, &wanted.bugs);
        played += outcome.schedules;
        let Some(failure) = failure else { break };
        let _ = writeln!(std::io::stderr(), "seed {}: {}", failure.seed, failure.oracles[0]);
        failed += 1;
        from = failure.seed + 1;
    }
    let said = format!("{played} schedules, {failed} failed");
    if failed == 0 { Ok(said) } else { Err(said) }
}

fn run(wanted: &Wanted) -> Result<String, String> {
    let began = Instant::now();
    let (outcome, failure) =
        campaign(wanted.draw, wanted.from, wanted.schedules, wanted.threads, &wanted.bugs);
    let seconds = began.elapsed().as_secs_f64();
    let figures = format!(
        "{} schedules in {seconds:.1} s, {:.1} a second, {:.1} simulated node-years\n{:?}",
        outcome.schedules,
        outcome.schedules as f64 / seconds,
        outcome.node_years(),
        outcome.tally
    );
    match failure {
        None => Ok(figures),
        Some(failure) => {
            // Making it short can take minutes.
            let _ = writeln!(std::io::stderr(), "seed {}: {}", failure.seed, failure.oracles.join("\n"));
            Err(format!("{}\n{figures}", tell(&failure, &wanted.bugs)))
        }
    }
}
