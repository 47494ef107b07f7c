//! The tree of divisions: one edition of the published table (GB/T 2260, GB/T 10114) with its amendments.
//!
//! The tree is data with dates and successors and never a code prefix: divisions merge and split (江东区 330204 into
//! 鄞州区, 2016), and a registration code keeps the old number for life. Memory: about 2 MB for 44,703 divisions.

mod edition;
mod names;
mod sample;

pub use edition::{EditionFault, EditionRow, write_edition};

use super::dates::Date;
use super::ids::{DivisionCode, Level};
use super::value::{Fields, Value};
use super::values::list::items;
use std::collections::{BTreeMap, BTreeSet};

/// The tree of one edition with its amendments. Cheap to ask, never changed: an amendment makes a new one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Divisions {
    edition: String,
    /// Sorted by number; `nodes[i]` belongs to `codes[i]`.
    codes: Vec<DivisionCode>,
    nodes: Vec<Node>,
    names: String,
    /// Only divisions with dates or successors.
    history: BTreeMap<DivisionCode, History>,
    /// Node numbers by name.
    by_name: Vec<u32>,
    /// Node numbers by parent, then code.
    by_parent: Vec<u32>,
    /// Retired divisions by successor.
    retired_into: BTreeMap<DivisionCode, Vec<DivisionCode>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Node {
    start: u32,
    length: u32,
    parent: Option<DivisionCode>,
}

/// Since when and until when a division is in force, and what came after it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The first day; none if the edition does not say.
    pub valid_from: Option<Date>,
    /// The day it ended; none while in force.
    pub valid_to: Option<Date>,
    /// Where its area went.
    pub successors: Vec<DivisionCode>,
}

/// What a row of the table, or a `division` record, says of one division.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DivisionRecordData {
    /// Its code; the number of digits is the level.
    pub code: DivisionCode,
    /// The first day, if known.
    pub valid_from: Option<Date>,
    /// The day it ended, if it did.
    pub valid_to: Option<Date>,
    /// Its name (海曙区).
    pub name: String,
    /// The division above; none means the one that the digits name.
    pub parent: Option<DivisionCode>,
    /// Where its area went.
    pub successors: Vec<DivisionCode>,
}

impl DivisionRecordData {
    /// What a `division` record says, if it has a code and a name.
    pub fn from_fields(fields: &Fields) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::text);
        let code = |text: &str| text.parse::<DivisionCode>().ok();
        Some(Self {
            code: code(text("code")?)?,
            valid_from: text("valid_from").and_then(|day| day.parse().ok()),
            valid_to: text("valid_to").and_then(|day| day.parse().ok()),
            name: text("name")?.to_owned(),
            parent: text("parent").and_then(code),
            successors: text("successor")
                .map(|list| items(list).filter_map(code).collect())
                .unwrap_or_default(),
        })
    }
}

impl Divisions {
    /// The name of the edition, a day: 2023-06-30.
    pub fn edition(&self) -> &str {
        &self.edition
    }

    /// How many divisions the tree knows, retired ones too.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether the tree knows nothing.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Every code, by number.
    pub fn codes(&self) -> &[DivisionCode] {
        &self.codes
    }

    /// All that is known of a division.
    pub fn get(&self, code: DivisionCode) -> Option<DivisionRecordData> {
        let (name, parent) = (self.name(code)?.to_owned(), self.parent(code));
        let History { valid_from, valid_to, successors } =
            self.history.get(&code).cloned().unwrap_or_default();
        Some(DivisionRecordData { code, valid_from, valid_to, name, parent, successors })
    }

    /// Whether the tree knows the code, in force or retired.
    pub fn contains(&self, code: DivisionCode) -> bool {
        self.index(code).is_some()
    }

    /// The name: 月湖街道.
    pub fn name(&self, code: DivisionCode) -> Option<&str> {
        self.index(code).map(|at| self.name_at(at))
    }

    /// The name with those above it, from the city down: 宁波市海曙区月湖街道.
    ///
    /// Stand-ins that are no places (市辖区, 省直辖县级行政区划) give way to the province.
    pub fn full_name(&self, code: DivisionCode) -> Option<String> {
        let mut path = self.ancestors(code);
        path.reverse();
        path.push(code);
        let mut names: Vec<(Level, &str)> = Vec::new();
        for step in path {
            let name = self.name(step)?;
            if !is_stand_in(name) && names.last().is_none_or(|(_, last)| *last != name) {
                names.push((step.level(), name));
            }
        }
        // 浙江省 goes without saying before 宁波市, but stays where no city stands between.
        let city = names.get(1).is_some_and(|(level, _)| *level == Level::City);
        Some(names.iter().skip(usize::from(city)).map(|(_, name)| *name).collect())
    }

    /// The division directly above.
    pub fn parent(&self, code: DivisionCode) -> Option<DivisionCode> {
        self.index(code).and_then(|at| self.nodes.get(at)).and_then(|node| node.parent)
    }

    /// All divisions above, nearest first.
    pub fn ancestors(&self, code: DivisionCode) -> Vec<DivisionCode> {
        // Ends: a parent always has fewer digits (`build` sees to it).
        std::iter::successors(self.parent(code), |above| self.parent(*above)).collect()
    }

    /// Whether `code` is `ancestor`, or lies under it in the tree, or went into something that does.
    ///
    /// A division that was split lies within each of its successors until its records are given new owners.
    pub fn is_within(&self, code: DivisionCode, ancestor: DivisionCode) -> bool {
        let mut seen = Vec::new();
        let mut waiting = vec![code];
        while let Some(code) = waiting.pop() {
            if code == ancestor {
                return true;
            }
            if !seen.contains(&code) {
                seen.push(code);
                waiting.extend(self.parent(code));
                waiting.extend(self.successors(code));
            }
        }
        false
    }

    /// Every division for which [`Self::is_within`] holds, `code` first, then by number; retired ones too.
    pub fn subtree(&self, code: DivisionCode) -> Vec<DivisionCode> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![code];
        while let Some(code) = waiting.pop() {
            if found.insert(code) {
                waiting.extend(self.under(Some(code)));
                waiting.extend(self.retired_into.get(&code).into_iter().flatten());
            }
        }
        found.remove(&code);
        std::iter::once(code).chain(found).collect()
    }

    /// The divisions in force directly below, by number.
    pub fn children(&self, code: DivisionCode) -> Vec<DivisionCode> {
        self.under(Some(code)).filter(|below| !self.is_retired(*below)).collect()
    }

    /// The provinces in force.
    pub fn provinces(&self) -> Vec<DivisionCode> {
        self.under(None).filter(|code| !self.is_retired(*code)).collect()
    }

    /// Where the area of a retired division went, as it was decided then; empty for one in force.
    pub fn successors(&self, code: DivisionCode) -> &[DivisionCode] {
        self.history.get(&code).map_or(&[], |history| &history.successors)
    }

    /// The retired divisions that became part of this one, directly.
    pub fn predecessors(&self, code: DivisionCode) -> &[DivisionCode] {
        self.retired_into.get(&code).map_or(&[], Vec::as_slice)
    }

    /// The day a division ended; none while it is in force or unknown.
    pub fn retired_on(&self, code: DivisionCode) -> Option<Date> {
        self.history.get(&code).and_then(|history| history.valid_to)
    }

    /// Whether the division has ended.
    pub fn is_retired(&self, code: DivisionCode) -> bool {
        self.retired_on(code).is_some()
    }

    /// This tree with later changes: new divisions, new names, ends and successors.
    ///
    /// The result does not depend on the order in which they come. A change whose parent is unknown or stands no
    /// higher than the division itself keeps the old parent, and a new division without a place in the tree is left out.
    pub fn with_amendments(&self, amendments: impl IntoIterator<Item = DivisionRecordData>) -> Self {
        let mut rows: BTreeMap<DivisionCode, DivisionRecordData> =
            self.codes.iter().filter_map(|code| Some((*code, self.get(*code)?))).collect();
        // Shorter codes first, so that a new county finds its new city.
        let sorted: BTreeSet<DivisionRecordData> = amendments.into_iter().collect();
        for change in sorted {
            let old = rows.get(&change.code);
            let parent = change.parent.or_else(|| old.map_or(digits_parent(change.code), |old| old.parent));
            let placed = match parent {
                None => change.code.level() == Level::Province,
                Some(above) => rows.contains_key(&above) && above.level() < change.code.level(),
            };
            let merged = DivisionRecordData {
                parent: if placed { parent } else { old.and_then(|old| old.parent) },
                valid_from: change.valid_from.or_else(|| old.and_then(|old| old.valid_from)),
                valid_to: change.valid_to.or_else(|| old.and_then(|old| old.valid_to)),
                successors: match old {
                    Some(old) if change.successors.is_empty() => old.successors.clone(),
                    _ => change.successors,
                },
                ..change
            };
            if placed || old.is_some() {
                rows.insert(merged.code, merged);
            }
        }
        Self::build(&self.edition, rows.into_values())
    }

    /// Builds the tree from rows sorted by code, each once, each parent present and higher.
    fn build(edition: &str, rows: impl Iterator<Item = DivisionRecordData>) -> Self {
        let mut tree = Self { edition: edition.to_owned(), ..Self::default() };
        for row in rows {
            let (start, length) = (tree.names.len() as u32, row.name.len() as u32);
            tree.names.push_str(&row.name);
            tree.codes.push(row.code);
            tree.nodes.push(Node { start, length, parent: row.parent });
            for successor in row.successors.iter().filter(|_| row.valid_to.is_some()) {
                tree.retired_into.entry(*successor).or_default().push(row.code);
            }
            if row.valid_from.is_some() || row.valid_to.is_some() {
                // A successor without an end would put a division in two places at once.
                let successors = if row.valid_to.is_some() { row.successors } else { Vec::new() };
                let history = History { valid_from: row.valid_from, valid_to: row.valid_to, successors };
                tree.history.insert(row.code, history);
            }
        }
        let mut order: Vec<u32> = (0..tree.codes.len() as u32).collect();
        order.sort_by_key(|at| tree.nodes.get(*at as usize).map(|node| node.parent));
        let mut by_name = order.clone();
        by_name.sort_by(|a, b| tree.name_at(*a as usize).cmp(tree.name_at(*b as usize)));
        tree.by_parent = order;
        tree.by_name = by_name;
        tree
    }

    fn under(&self, parent: Option<DivisionCode>) -> impl Iterator<Item = DivisionCode> + '_ {
        let of = |at: &u32| self.nodes.get(*at as usize).and_then(|node| node.parent);
        let start = self.by_parent.partition_point(|at| of(at) < parent);
        let rest = self.by_parent.get(start..).unwrap_or_default();
        rest.iter()
            .take_while(move |at| of(at) == parent)
            .filter_map(|at| self.codes.get(*at as usize).copied())
    }

    fn index(&self, code: DivisionCode) -> Option<usize> {
        self.codes.binary_search(&code).ok()
    }

    fn name_at(&self, at: usize) -> &str {
        let range = self.nodes.get(at).map(|node| node.start as usize..(node.start + node.length) as usize);
        range.and_then(|range| self.names.get(range)).unwrap_or_default()
    }
}

/// The division that the digits of a code name as its parent: right for most of an edition, never relied upon.
fn digits_parent(code: DivisionCode) -> Option<DivisionCode> {
    match code.level() {
        Level::Province => None,
        Level::City | Level::County => DivisionCode::from_number(code.number() / 100),
        Level::Township | Level::Village => DivisionCode::from_number(code.number() / 1_000),
    }
}

/// Names in the city column that are no cities: what lies under the province directly.
fn is_stand_in(name: &str) -> bool {
    matches!(name, "市辖区" | "县") || name.ends_with("直辖县级行政区划")
}

#[cfg(test)]
mod tests;
