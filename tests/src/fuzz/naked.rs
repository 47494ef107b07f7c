//! What Automerge does with mutants when no gate stands before it: where it panics, what it takes in and never loads
//! again, and what enters one record and breaks another. One small mutant of each is kept for the corpus.

use super::honest::{allowed, record};
use super::specimens::Specimen;
use super::watch::{last_place, take_panics};
use super::{Target, change};
use automerge::{Automerge, Change};
use huiliu_core::documents::{BadChange, Document, gate, inspect};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many mutants of seed 1 are looked at.
const MUTANTS: u64 = 60_000;
/// Of what has no place of its own, so many are kept.
const OF_EACH: usize = 3;

/// What came of a change without a gate.
enum Naked {
    /// It was refused in time.
    Refused,
    /// It was taken, saved and loaded.
    Taken,
    /// It was taken; what was saved then does not load, or is another.
    Poison,
}

fn take(before: &Automerge, raw: &[u8]) -> Naked {
    let Ok(change) = Change::from_bytes(raw.to_vec()) else { return Naked::Refused };
    let mut doc = before.clone();
    if doc.apply_changes([change]).is_err() {
        return Naked::Refused;
    }
    match Automerge::load(&doc.save_nocompress()) {
        Ok(loaded) if loaded.get_heads() == doc.get_heads() => Naked::Taken,
        _ => Naked::Poison,
    }
}

/// The smallest mutants of each way in which a change breaks what has no gate.
pub fn broken() -> Vec<Specimen> {
    let target = change::Changes::new();
    let before = record();
    let naked = Automerge::load(&before.save()).expect("an honest record loads");
    let mut kept: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for number in 0..MUTANTS {
        let raw = target.mutant(1, number);
        // What the caps keep out is not shown to Automerge at all: it might not come back.
        if inspect(&raw) == Err(BadChange::TooLarge) {
            continue;
        }
        if let Some(way) = way(&before, &naked, &raw) {
            let most = if way.starts_with("panic") { 1 } else { OF_EACH };
            let those = kept.entry(way).or_default();
            those.push(raw);
            those.sort_by_key(|raw| (raw.len(), raw.clone()));
            those.dedup();
            those.truncate(most);
        }
    }
    take_panics();
    let named = |(way, raws): (String, Vec<Vec<u8>>)| {
        raws.into_iter().enumerate().map(move |(at, raw)| (format!("{way}-{at}"), raw))
    };
    kept.into_iter().flat_map(named).collect()
}

/// How a change breaks something, if it does.
fn way(before: &Document, naked: &Automerge, raw: &[u8]) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| take(naked, raw))) {
        Err(_) => Some(format!("panic-{}", last_place().replace(['/', ':'], "-").replace(".rs", ""))),
        Ok(Naked::Refused) => None,
        Ok(Naked::Poison) => Some("poison".into()),
        Ok(Naked::Taken) if !flat(before, raw) => None,
        Ok(Naked::Taken) => gate(before.clone(), raw, allowed).is_err().then(|| "enters-here-only".into()),
    }
}

/// Whether the change writes nothing but what the dictionary allows.
fn flat(before: &Document, raw: &[u8]) -> bool {
    let mut document = before.clone();
    let added = document.add(raw).is_ok();
    added && document.fields().iter().all(|(field, value)| allowed(field, value))
}
