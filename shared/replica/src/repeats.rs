//! What repeats what: rules about the changes of a record that do not count where they stand, of its rows alone.

use crate::stays::applied;
use huiliu_core::documents::{Document, writes};
use huiliu_core::model::Digest;
use huiliu_core::sync::control::{Draft, reason};
use huiliu_core::sync::{DeviceId, Hash, Origin, birth};
use huiliu_store::rows::{ChangeRow, ChangeState, Waiting};
use std::collections::{BTreeMap, BTreeSet};

/// The change whose content a change has: itself, or the one it repeats.
pub(crate) fn said_first(row: &ChangeRow) -> Hash {
    row.envelope.origin.as_ref().map_or(row.hash, |origin| origin.change)
}

/// Whether a change repeats what another device wrote. Whoever signs it may have written anything: it stands for the
/// other only as far as it says the same.
pub(crate) fn is_adopted(row: &ChangeRow) -> bool {
    row.envelope.origin.as_ref().is_some_and(|origin| origin.feed.device != row.feed.device)
}

/// The words of a change; `None` if its bytes are not here.
fn words(raw: &[u8]) -> Option<Hash> {
    let fields = writes(raw).filter(|_| !raw.is_empty())?;
    Some(Digest::of(&[&postcard::to_allocvec(&fields).expect("fields have a postcard form")]))
}

/// What changes say that count. A device's own repetition stands for what that device has written, whatever it says; what
/// another has adopted stands for the same words alone. Whoever signs a change may name any other as its origin: of what
/// it says of others' nothing is believed.
pub(crate) struct Contents {
    own: BTreeSet<(DeviceId, Hash)>,
    said: BTreeSet<(Hash, Hash)>,
    /// What somebody repeats that another wrote.
    adopted: BTreeSet<Hash>,
}

impl Contents {
    /// Of these changes of a record, of those that count.
    pub(crate) fn of(rows: &[ChangeRow]) -> Self {
        Self::of_those(rows, |row| row.state == ChangeState::Applied)
    }

    /// Of all of these.
    pub(crate) fn of_all(rows: &[ChangeRow]) -> Self {
        Self::of_those(rows, |_| true)
    }

    fn of_those(rows: &[ChangeRow], which: impl Fn(&ChangeRow) -> bool) -> Self {
        let adopted = rows.iter().filter(|row| is_adopted(row)).map(said_first).collect();
        let mut contents = Self { own: BTreeSet::new(), said: BTreeSet::new(), adopted };
        rows.iter().filter(|row| which(row)).for_each(|row| contents.add(row));
        contents
    }

    /// One more counts.
    pub(crate) fn add(&mut self, row: &ChangeRow) {
        let change = said_first(row);
        if !is_adopted(row) {
            self.own.insert((row.feed.device, change));
        }
        if self.adopted.contains(&change) || is_adopted(row) {
            self.said.extend(words(&row.raw).map(|words| (change, words)));
        }
    }

    /// Whether what a change says counts already.
    pub(crate) fn has(&self, row: &ChangeRow) -> bool {
        let change = said_first(row);
        let own = !is_adopted(row) && self.own.contains(&(row.feed.device, change));
        own || self.has_words(change, &row.raw)
    }

    /// Whether what a draft says counts already.
    pub(crate) fn has_draft(&self, draft: &Draft) -> bool {
        let change = draft.origin.change;
        let own = self.own.contains(&(draft.origin.feed.device, change));
        own || self.has_words(change, &draft.entry.payload)
    }

    fn has_words(&self, change: Hash, raw: &[u8]) -> bool {
        let any = (change, Hash::ZERO)..;
        let may = self.said.range(any).next().is_some_and(|(of, _)| *of == change);
        may && words(raw).is_some_and(|words| self.said.contains(&(change, words)))
    }

    /// Whether a change, or one that repeats it, counts: what follows it can follow that.
    pub(crate) fn stands_for(&self, change: &Hash) -> bool {
        self.own.iter().any(|(_, of)| of == change) || self.said.iter().any(|(of, _)| of == change)
    }
}

/// Whether two changes say the same.
fn is_same(one: &ChangeRow, other: &ChangeRow) -> bool {
    let by_right = one.feed.device == other.feed.device && !is_adopted(one) && !is_adopted(other);
    said_first(one) == said_first(other)
        && (by_right || words(&one.raw).is_some_and(|said| words(&other.raw) == Some(said)))
}

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
    let (applied, counted) = (applied(rows), Contents::of(rows));
    let known: BTreeMap<Hash, &ChangeRow> = rows.iter().map(|row| (row.hash, row)).collect();
    let repeated = |dep: &Hash| match known.get(dep) {
        Some(row) if matches!(row.state, ChangeState::Waiting(Waiting::Judgement(_))) => false,
        Some(row) => counted.has(row),
        None => counted.stands_for(dep),
    };
    let waits = rows.iter().filter(|row| row.state == ChangeState::Waiting(Waiting::Dependency));
    let overtaken = waits.filter(|row| row.deps.iter().all(|dep| applied.contains(dep) || repeated(dep)));
    overtaken.map(|row| row.hash).collect()
}

/// Whether the content of a change stands elsewhere in the record, in any of its stays, where it counts or may still
/// count.
pub(crate) fn is_written_again(rows: &[ChangeRow], row: &ChangeRow) -> bool {
    let mut others = rows
        .iter()
        .filter(|other| other.hash != row.hash && other.state != ChangeState::Refused && is_same(other, row));
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
            let content = row.map_or(hash, said_first);
            let by_right = |other: &ChangeRow| {
                is_adopted(other) || row.is_none_or(|row| row.feed.device == other.feed.device)
            };
            let repeats = |row: &&ChangeRow| said_first(row) == content && by_right(row) && counts(row);
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
