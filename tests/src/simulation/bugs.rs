//! The test of the tests: bugs that can be seeded into every replica, each of which the oracles must find.

use super::campaign::{Failure, campaign};
use super::schedule::Schedule;
use std::collections::BTreeSet;

/// The bugs: the engine, or the simulated disk, knows them by these names.
pub const BUGS: [&str; 30] = [
    "a county matches under any key it has",
    "acknowledged before fsync",
    "acknowledged before stored",
    "another's actor accepted",
    "applied without its dependency",
    "departure not told",
    "duplicate applied twice",
    "figures look outside their division",
    "gate failure of a node taken for final",
    "index position saved before rows",
    "late edit not carried",
    "losing branch not written again",
    "losing value dropped",
    "moved beyond the author's grant",
    "moved record keeps its sum",
    "never applied after a restart",
    "old feeds never closed",
    "refusal not obeyed on rebuild",
    "revocation ignored",
    "scope ignored",
    "sealed under any key of the record",
    "signed point skipped",
    "sum not updated on re-evaluation",
    "synced again after a failed sync",
    "time runs backwards",
    "verdict before all is applied",
    "what came before its revocation counts",
    "what the page cache holds taken for durable",
    "what was applied ahead is applied again",
    "whoever repeats another stands for it",
];

/// Those that show only where insiders try what they may not: played in such schedules alone.
const OF_INSIDERS: [&str; 4] = [
    "figures look outside their division",
    "moved beyond the author's grant",
    "sealed under any key of the record",
    "whoever repeats another stands for it",
];

/// Within so many schedules each must be found.
pub const WITHIN: u64 = 2000;

/// Plays schedules with a bug in every replica until the oracles find it.
pub fn hunt(bug: &'static str, threads: u64) -> Option<Failure> {
    let draw = if OF_INSIDERS.contains(&bug) { Schedule::with_insiders } else { Schedule::of };
    campaign(draw, 1, WITHIN, threads, &BTreeSet::from([bug])).1
}
