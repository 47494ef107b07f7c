//! What repeats what: rules about the changes of a record that do not count where they stand, of its rows alone.

use crate::evaluate::{content, contents};
use crate::stays::applied;
use huiliu_core::documents::Document;
use huiliu_core::sync::control::reason;
use huiliu_core::sync::{Hash, Origin, birth};
use huiliu_store::rows::{ChangeRow, ChangeState, Waiting};
use std::collections::{BTreeMap, BTreeSet};

/// Of a record whose first edit is lost, the changes that have nothing left to stand on.
pub(crate) fn unborn(rows: &[ChangeRow], lost: &BTreeSet<Hash>) -> BTreeSet<Hash> {
    let first = rows.iter().filter(|row| row.deps.is_empty() && lost.contains(&row.hash));
    let mut unborn: BTreeSet<Hash> = first.map(|row| row.hash).collect();
    let follows = |row: &ChangeRow, unborn: &BTreeSet<Hash>| {
        !row.deps.is_empty() && row.deps.iter().all(|dep| unborn.contains(dep))
    };
    while let Some(row) = rows
        .iter()
        .find(|row| row.state == ChangeState::Refused && !unborn.contains(&row.hash) && follows(row, &unborn))
    {
        unborn.insert(row.hash);
    }
    unborn
}

/// Whether a change, be it as its origin, is of who made its record.
pub(crate) fn is_makers(row: &ChangeRow) -> bool {
    let Origin { feed, branch, .. } = origin_of(row);
    birth::is_made_by(&row.envelope.record, &birth::actor(&feed.device, &feed.incarnation, branch))
}

/// Whether a change was refused for what it is, and not for where it stood.
pub(crate) fn is_final(why: u16) -> bool {
    !matches!(why, reason::REPEATED | reason::FORKED)
}

/// The changes that wait where they stand for what will not come, because it counts as others repeat it: whoever wrote
/// them writes them again. Which of two that say the same counts the hub decides: before its word nothing is overtaken.
pub(crate) fn overtaken(rows: &[ChangeRow]) -> BTreeSet<Hash> {
    let (applied, counted) = (applied(rows), contents(rows));
    let known: BTreeMap<Hash, &ChangeRow> = rows.iter().map(|row| (row.hash, row)).collect();
    let repeated = |dep: &Hash| match known.get(dep) {
        Some(row) if matches!(row.state, ChangeState::Waiting(Waiting::Judgement(_))) => false,
        row => counted.contains(&row.map_or(*dep, |row| content(row))),
    };
    let waits = rows.iter().filter(|row| row.state == ChangeState::Waiting(Waiting::Dependency));
    let overtaken = waits.filter(|row| row.deps.iter().all(|dep| applied.contains(dep) || repeated(dep)));
    overtaken.map(|row| row.hash).collect()
}

/// Whether the content of a change stands elsewhere in the record, in any of its stays, where it counts or may still
/// count.
pub(crate) fn is_written_again(rows: &[ChangeRow], row: &ChangeRow) -> bool {
    let mut others = rows.iter().filter(|other| {
        other.hash != row.hash && other.state != ChangeState::Refused && content(other) == content(row)
    });
    let Some(first) = others.next() else { return false };
    let overtaken = overtaken(rows);
    [first].into_iter().chain(others).any(|other| !overtaken.contains(&other.hash))
}

/// What a change written again names as its origin: the first that had its content.
pub(crate) fn origin_of(row: &ChangeRow) -> Origin {
    row.envelope.origin.clone().unwrap_or(Origin {
        feed: row.feed,
        number: row.number,
        branch: row.envelope.branch,
        change: row.hash,
    })
}

/// What stands for changes that do not count.
pub(crate) struct Standing<'a> {
    pub(crate) rows: &'a [ChangeRow],
    /// Will not count.
    pub(crate) gone: &'a BTreeSet<Hash>,
    /// Just written again.
    pub(crate) replaced: &'a BTreeMap<Hash, Hash>,
    /// Will never be written again.
    pub(crate) lost: &'a BTreeSet<Hash>,
}

impl Standing<'_> {
    /// The record as the author of a change saw it who followed `deps`; `None` while something of that is missing.
    pub(crate) fn seen(&self, deps: &[Hash], known: &Document) -> Option<Document> {
        let standing = self.of(deps)?;
        (standing.is_empty() == deps.is_empty()).then(|| known.at(&standing)).flatten()
    }

    /// The changes that count in place of these: themselves, what repeats them, or what they followed if they are lost.
    pub(crate) fn of(&self, deps: &[Hash]) -> Option<Vec<Hash>> {
        let (mut standing, mut open, mut seen) = (BTreeSet::new(), deps.to_vec(), BTreeSet::new());
        while let Some(hash) = open.pop() {
            if !seen.insert(hash) {
                continue;
            }
            let row = self.rows.iter().find(|row| row.hash == hash);
            let counts =
                |row: &&ChangeRow| row.state == ChangeState::Applied && !self.gone.contains(&row.hash);
            let content = row.map_or(hash, content);
            let repeats = |row: &&ChangeRow| self::content(row) == content && counts(row);
            if row.as_ref().is_some_and(counts) {
                standing.insert(hash);
            } else if let Some(new) = self.replaced.get(&hash) {
                standing.insert(*new);
            } else if let Some(repeating) = self.rows.iter().find(repeats) {
                standing.insert(repeating.hash);
            } else {
                open.extend(row.filter(|row| self.lost.contains(&row.hash))?.deps.iter().copied());
            }
        }
        Some(standing.into_iter().collect())
    }
}
