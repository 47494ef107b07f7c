//! Bad bytes: every file of the corpus, a few thousand mutants for each target, and bombs. The long campaign is
//! `fuzz --target all --mutants 200000`.

use huiliu_tests::fuzz::campaign::{campaign, judge};
use huiliu_tests::fuzz::{Fate, TARGETS, corpus, specimens, target, watch};
use std::io::Write;
use std::sync::atomic::AtomicU64;

/// Mutants of each target, about as long as each other.
const MUTANTS: [(&str, u64); 7] = [
    ("frame", 50_000),
    ("batch", 30_000),
    ("entry", 40_000),
    ("point", 40_000),
    ("ticket", 50_000),
    ("change", 6_000),
    ("hub", 200),
];

/// No item may cost more memory than this, in kB: what a frame and a record may be, a few times over.
const MOST_MEMORY: u64 = 200 * 1024;

/// What must be let in, of all that was made by patience: the rest of the corpus, but for the honest, is refused.
const HARMLESS: [&str; 1] = ["follows-twice"];

#[test]
fn what_once_broke_something_is_refused_and_what_is_honest_is_not() {
    watch::listen();
    for name in TARGETS.into_iter().filter(|name| *name != "hub") {
        let mut target = target(name).expect("a name of the list");
        let files = corpus::read(name).expect("the corpus is there");
        assert!(
            files.iter().any(|(file, _)| file.starts_with("honest")),
            "{name} has nothing to compare with"
        );
        for (file, bytes) in files {
            let fate = judge(&mut *target, &bytes).unwrap_or_else(|what| panic!("{name}/{file}: {what}"));
            let taken = file.starts_with("honest") || HARMLESS.contains(&file.as_str());
            assert_eq!(fate == Fate::Accepted, taken, "{name}/{file}: {fate:?}");
        }
    }
}

#[test]
fn no_mutant_stops_anybody_or_is_let_in_to_do_harm() {
    watch::listen();
    for (name, mutants) in MUTANTS {
        let mut target = target(name).expect("a name of the list");
        let (tally, broken) = campaign(&mut *target, 7, (0, mutants), &AtomicU64::new(0));
        let _ = writeln!(std::io::stderr(), "{name}: {tally}");
        if let Some(broken) = broken {
            panic!("{name}, seed 7, mutant {}: {}", broken.number, broken.what);
        }
        assert!(tally.accepted > 0 && tally.accepted < mutants, "{name}: nothing was told apart");
    }
}

#[test]
fn a_bomb_is_refused_and_costs_no_memory() {
    watch::listen();
    let mut bombs: Vec<(&str, String, Vec<u8>)> = Vec::new();
    for name in ["batch", "change"] {
        let files = corpus::read(name).expect("the corpus is there");
        let made = files.into_iter().filter(|(file, _)| !file.starts_with("honest"));
        bombs.extend(made.map(|(file, bytes)| (name, file, bytes)));
    }
    bombs.extend(specimens::large_changes().into_iter().map(|(file, bytes)| ("change", file, bytes)));
    for (name, file, bytes) in bombs {
        let mut target = target(name).expect("a name of the list");
        let (most, _) = watch::memory();
        let fate = judge(&mut *target, &bytes);
        assert!(fate.is_ok(), "{name}/{file}: {fate:?}");
        let grew = watch::memory().0 - most;
        assert!(grew < MOST_MEMORY, "{name}/{file}: {} MB", grew / 1024);
    }
}

#[test]
fn a_mutant_is_the_same_every_time() {
    for name in TARGETS {
        let (here, there) = (target(name).expect("a name"), target(name).expect("a name"));
        let same = (0..200).all(|number| here.mutant(3, number) == there.mutant(3, number));
        assert!(same, "{name}");
    }
}
