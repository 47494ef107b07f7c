//! Figures kept by difference: everything about one record that figures count, as a list of days on which it begins or
//! ends to count in a cell.
//!
//! Sums of these lists by division, cell and day answer any date by a sum up to it. When a record changes, what it gave
//! before is taken out and what it gives now is put in ([`change`]), so that a tally equals a recount by construction:
//! both ask the same rules.

use super::affiliation::counted;
use super::base::Options;
use super::cells::{Cell, Counts};
use super::coverage::standing;
use super::facts::Facts;
use crate::model::dates::Date;
use crate::model::value::Fields;
use std::collections::{BTreeMap, BTreeSet};

/// The day of what counted before every day.
pub const ALWAYS: i32 = i32::MIN;

/// From a day on, one more or fewer counts in a cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Contribution {
    /// Where.
    pub cell: Cell,
    /// Days since 1970-01-01, or [`ALWAYS`].
    pub day: i32,
    /// How many more; fewer, if negative. Never zero.
    pub delta: i32,
}

/// What an organization gives to the figures, by cell and day.
///
/// Work: the days in its records, times its engagements.
pub fn contributions(facts: &Facts<'_>, options: Options) -> Vec<Contribution> {
    by_difference(facts.days(), |on| standing(facts, on, options).cells())
}

/// What a `person` record gives: a member of the branch in whose division it lies.
pub fn person_contributions(person: &Fields) -> Vec<Contribution> {
    let days = ["joined_on", "full_on"].into_iter().filter_map(|name| super::day(person, name)).collect();
    by_difference(days, |on| counted(person, on).into_iter().collect())
}

/// What is to be added to a tally when a record that gave `old` gives `new`, by cell and day.
pub fn change(old: &[Contribution], new: &[Contribution]) -> Vec<Contribution> {
    let mut sums: BTreeMap<(Cell, i32), i32> = BTreeMap::new();
    for (contributions, sign) in [(old, -1), (new, 1)] {
        for one in contributions {
            *sums.entry((one.cell, one.day)).or_default() += sign * one.delta;
        }
    }
    let sums = sums.into_iter().filter(|(_, delta)| *delta != 0);
    sums.map(|((cell, day), delta)| Contribution { cell, day, delta }).collect()
}

/// How many count in a cell on a day (days since 1970-01-01), by the sums of its deltas by day.
pub fn value_at(deltas: impl IntoIterator<Item = (i32, i64)>, day: i32) -> i64 {
    deltas.into_iter().filter(|(since, _)| *since <= day).map(|(_, delta)| delta).sum()
}

/// What contributions amount to on a day.
pub fn counts_at<'a>(contributions: impl IntoIterator<Item = &'a Contribution>, on: Date) -> Counts {
    let mut counts = Counts::default();
    for one in contributions.into_iter().filter(|one| one.day <= number(on)) {
        counts.count(one.cell, i64::from(one.delta));
    }
    counts
}

/// Days since 1970-01-01 as tallies number them: 1900 to 2199 are -25,567 to 84,005.
pub fn number(day: Date) -> i32 {
    i32::try_from(day.days()).unwrap_or(ALWAYS)
}

/// Where the cells of a record differ from those of the day before. They may differ on `days` only.
fn by_difference(days: BTreeSet<Date>, cells_on: impl Fn(Date) -> BTreeSet<Cell>) -> Vec<Contribution> {
    let mut found = Vec::new();
    let mut before = BTreeSet::new();
    // Nothing lies before the first day of all, so what holds then always did.
    let later = days.into_iter().filter(|day| *day > Date::FIRST);
    for (day, on) in std::iter::once((ALWAYS, Date::FIRST)).chain(later.map(|day| (number(day), day))) {
        let now = cells_on(on);
        found.extend(now.difference(&before).map(|cell| Contribution { cell: *cell, day, delta: 1 }));
        found.extend(before.difference(&now).map(|cell| Contribution { cell: *cell, day, delta: -1 }));
        before = now;
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests;
