//! Puts mutants to everything that reads bytes: `fuzz --target change --mutants 200000 --seed 1`, or one file again:
//! `fuzz --target change --one FILE`. `fuzz --write-corpus` makes `tests/corpus` anew.

use huiliu_tests::fuzz::campaign::{Broken, Tally, campaign, judge};
use huiliu_tests::fuzz::{TARGETS, corpus, target, watch};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const USAGE: &str = "fuzz [--target frame|batch|entry|point|ticket|change|hub|all] [--mutants N] [--seed S] \
                     [--from N] [--one FILE] [--write-corpus]";
/// Of `all`, the hub gets one in so many: it is a whole world.
const HUB_SHARE: u64 = 20;
/// A mutant that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

struct Wanted {
    targets: Vec<&'static str>,
    mutants: u64,
    from: u64,
    seed: u64,
    one: Option<PathBuf>,
    write_corpus: bool,
}

fn wanted() -> Option<Wanted> {
    let mut wanted = Wanted {
        targets: TARGETS.to_vec(),
        mutants: 10_000,
        from: 0,
        seed: 1,
        one: None,
        write_corpus: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next()?.parse::<u64>().ok();
        match argument.as_str() {
            "--mutants" => wanted.mutants = number()?,
            "--from" => wanted.from = number()?,
            "--seed" => wanted.seed = number()?,
            "--one" => wanted.one = Some(arguments.next()?.into()),
            "--write-corpus" => wanted.write_corpus = true,
            "--target" => {
                let name = arguments.next()?;
                if name != "all" {
                    wanted.targets = vec![TARGETS.into_iter().find(|target| *target == name)?];
                }
            }
            _ => return None,
        }
    }
    Some(wanted)
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let Some(wanted) = wanted() else {
        say(USAGE);
        return ExitCode::from(2);
    };
    watch::listen();
    let done = match &wanted.one {
        Some(file) => one(&wanted, file),
        None if wanted.write_corpus => {
            corpus::write().map_err(|e| format!("the corpus cannot be written: {e}"))
        }
        None => wanted.targets.iter().try_for_each(|name| run(&wanted, name)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            say(&what);
            ExitCode::FAILURE
        }
    }
}

fn one(wanted: &Wanted, file: &PathBuf) -> Result<(), String> {
    let bytes = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    for name in &wanted.targets {
        let mut target = target(name).ok_or("no such target")?;
        let fate = judge(&mut *target, &bytes).map_err(|what| format!("{name}: BROKEN: {what}"))?;
        say(&format!("{name}: {fate:?}, panics caught: {:?}", watch::take_panics()));
    }
    Ok(())
}

/// A campaign against one target. Something that never comes back is told by the thread that waits for it.
fn run(wanted: &Wanted, name: &'static str) -> Result<(), String> {
    let share = if name == "hub" && wanted.targets.len() > 1 { HUB_SHARE } else { 1 };
    let to = wanted.from + wanted.mutants / share;
    let (seed, from, at) = (wanted.seed, wanted.from, AtomicU64::new(wanted.from));
    let (tally, broken) = std::thread::scope(|scope| {
        let campaign = scope.spawn(|| {
            let mut target = target(name).expect("a name of the list");
            campaign(&mut *target, seed, (from, to), &at)
        });
        let mut last = (u64::MAX, Duration::ZERO);
        while !campaign.is_finished() {
            std::thread::sleep(Duration::from_millis(50));
            let now = at.load(Ordering::Relaxed);
            last =
                if now == last.0 { (now, last.1 + Duration::from_millis(50)) } else { (now, Duration::ZERO) };
            if last.1 > PATIENCE {
                let bytes = target(name).expect("a name of the list").mutant(seed, now);
                say(&keep(name, seed, &Broken { number: now, bytes, what: "it hangs".into() }));
                std::process::exit(1);
            }
        }
        campaign.join().expect("a campaign catches every panic")
    });
    tell(name, seed, &tally);
    broken.map_or(Ok(()), |broken| Err(keep(name, seed, &broken)))
}

fn tell(name: &str, seed: u64, tally: &Tally) {
    say(&format!("{name}, seed {seed}: {tally}"));
}

/// Saves the mutant that broke something, and says how to see it again.
fn keep(name: &str, seed: u64, broken: &Broken) -> String {
    let Broken { number, bytes, what } = broken;
    let file = std::env::temp_dir().join(format!("fuzz-{name}-{seed}-{number}.bin"));
    let saved = std::fs::write(&file, bytes);
    let saved = saved.map_or_else(|e| format!("could not be saved: {e}"), |()| file.display().to_string());
    format!("{name}, seed {seed}, mutant {number}, {} bytes: BROKEN: {what}\n  {saved}", bytes.len())
}
