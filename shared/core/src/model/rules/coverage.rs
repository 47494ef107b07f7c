//! The three rates (DOMAIN 2.11) at a date: where one organization stands, and what a division's figures say.
//!
//! A rate never goes without its base, who was left out of it and why, the day and the version of the rules (DOMAIN 0,
//! finding 4).

use super::base::{Exclusion, Options};
use super::building::{Building, Version, assess};
use super::cells::{Cell, Counts};
use super::cover::Cover;
use super::facts::Facts;
use crate::model::dates::Date;
use crate::model::messages::RuleSay;
use std::collections::BTreeSet;

/// By which rule an organization has 工作覆盖; the first that holds, so that none counts twice.
///
/// 工青妇 (union, youth league, women's federation) belongs to the union of DOMAIN 2.11 too, but no field of the
/// dictionary tells of it yet. Whether an assignment is an instructor's or a liaison's stands in the instructor's
/// record, which may lie in another division; for the rate it is the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Work {
    /// 组织覆盖 is 工作覆盖 too.
    Organization,
    /// An instructor or a liaison looks after it.
    Instructor,
    /// It has a work group of the Party (N12).
    WorkGroup,
}

/// Where an organization stands on a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Whether it should have a Party organization, how it is covered, and why it is not in the base if it is not.
    pub building: Building,
    /// By what it has 工作覆盖, if it has.
    pub work: Option<Work>,
}

/// A numerator over its base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// How many.
    pub numerator: i64,
    /// Of how many.
    pub base: i64,
}

/// The figures of a division on a day.
#[derive(Clone, PartialEq, Debug)]
pub struct Figures {
    /// The day.
    pub as_of: Date,
    /// The version of the rules, with the choices that were made.
    pub rules: String,
    /// 基数.
    pub base: i64,
    /// Who is not in the base: how many for each reason, those with none left out.
    pub excluded: Vec<(Exclusion, i64)>,
    /// 组织覆盖率: alone and jointly, over the base. Units are counted, not branches.
    pub organization: Share,
    /// 单独组建率, over the base.
    pub solo: Share,
    /// 应建尽建率, the labelled variant of it: of those that should build by N5b, who has a Party organization of its own.
    pub solo_of_required: Share,
    /// 工作覆盖率.
    pub work: Share,
    /// 应建 and 应建未建 by each version: how many should build, and of these how many are not covered.
    pub gaps: [(Version, Share); 2],
}

impl Work {
    /// What people read.
    pub fn say(self) -> RuleSay {
        match self {
            Self::Organization => RuleSay::WorkOrganization,
            Self::Instructor => RuleSay::WorkInstructor,
            Self::WorkGroup => RuleSay::CoverWorkGroup,
        }
    }
}

/// Where an organization stands on a day.
pub fn standing(facts: &Facts<'_>, on: Date, options: Options) -> Standing {
    let work = if facts.cover().is_organization() {
        Some(Work::Organization)
    } else if facts.assigned.iter().any(|period| period.contains(on)) {
        Some(Work::Instructor)
    } else {
        (facts.cover() == Cover::WorkGroup).then_some(Work::WorkGroup)
    };
    Standing { building: assess(facts, on, options), work }
}

impl Standing {
    /// Why it is not in the base, if it is not.
    pub fn exclusion(&self) -> Option<Exclusion> {
        self.building.exclusion
    }

    /// The cells in which it counts. What is out of the base counts under its reason alone.
    pub fn cells(&self) -> BTreeSet<Cell> {
        if let Some(reason) = self.exclusion() {
            return BTreeSet::from([Cell::excluded(reason)]);
        }
        let mut cells = BTreeSet::from([Cell::Base]);
        match self.building.cover {
            Cover::Solo => cells.extend([Cell::Organization, Cell::Solo]),
            Cover::Joint => cells.extend([Cell::Organization, Cell::Joint]),
            _ => {}
        }
        cells.extend(self.work.map(|_| Cell::Work));
        for verdict in self.building.verdicts() {
            cells.extend(verdict.fires().then_some(Cell::required(verdict.version)));
            cells.extend(verdict.gap.then_some(Cell::gap(verdict.version)));
        }
        // Without this the variant could be above 1: who no longer has three may still have a branch.
        let solo = self.building.cover == Cover::Solo;
        cells.extend((solo && self.building.full_time.fires()).then_some(Cell::SoloRequired));
        cells
    }
}

impl Share {
    /// 0 to 1; none where there is nothing to divide by.
    pub fn rate(self) -> Option<f64> {
        (self.base > 0).then(|| self.numerator as f64 / self.base as f64)
    }
}

impl Figures {
    /// The figures that counts say.
    pub fn of(counts: &Counts, as_of: Date, options: Options) -> Self {
        let base = counts.get(Cell::Base);
        let share = |cell| Share { numerator: counts.get(cell), base };
        let excluded = Exclusion::ALL.map(|reason| (reason, counts.get(Cell::excluded(reason))));
        let required = |version| counts.get(Cell::required(version));
        let gap = |version| Share { numerator: counts.get(Cell::gap(version)), base: required(version) };
        Self {
            as_of,
            rules: options.rules(),
            base,
            excluded: excluded.into_iter().filter(|(_, count)| *count != 0).collect(),
            organization: share(Cell::Organization),
            solo: share(Cell::Solo),
            solo_of_required: Share {
                numerator: counts.get(Cell::SoloRequired),
                base: required(Version::FullTime),
            },
            work: share(Cell::Work),
            gaps: Version::ALL.map(|version| (version, gap(version))),
        }
    }

    /// How many are not in the base.
    pub fn excluded_in_all(&self) -> i64 {
        self.excluded.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests;
