//! Should-build (应建), the rule of three, in both its versions (DOMAIN 0, finding 3): who counts differs, so every answer
//! says which version fired. 预备 never counts, and 以上 includes three.

use super::base::{Exclusion, Options};
use super::cover::Cover;
use super::facts::Facts;
use super::period::Period;
use super::{is_true, text};
use crate::model::dates::Date;
use crate::model::messages::RuleSay;
use crate::model::value::Fields;

/// So many full members oblige to build.
pub const THREE: u32 = 3;

/// A version of the rule of three.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// N5b: three full members among the full-time staff, then a Party organization of its own, first of all.
    FullTime,
    /// 支部工作条例: three full members who work in the unit, full time or not.
    Working,
}

/// What one version says of an organization on a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Which version.
    pub version: Version,
    /// How many people count for it.
    pub count: u32,
    /// 应建未建: it fires, the organization is in the base, and no Party organization covers it.
    pub gap: bool,
}

/// What both versions say of an organization on a day, and what they go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Building {
    /// Why it is not in the base, if it is not: then nothing is a gap.
    pub exclusion: Option<Exclusion>,
    /// How it is covered. 挂靠 and 兼合 name a Party organization, but leave the gap open.
    pub cover: Cover,
    /// By the full-time staff.
    pub full_time: Verdict,
    /// By all who work there.
    pub working: Verdict,
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::FullTime, Self::Working];

    /// What people read.
    pub fn say(self) -> RuleSay {
        match self {
            Self::FullTime => RuleSay::ThreeFullTime,
            Self::Working => RuleSay::ThreeWorking,
        }
    }
}

impl Verdict {
    /// Whether the version fires.
    pub fn fires(&self) -> bool {
        self.count >= THREE
    }

    /// Why it fires or not, in a sentence: 专职工作人员中有3名正式党员.
    pub fn why(&self) -> RuleSay {
        match self.version {
            Version::FullTime => RuleSay::CountFullTime { count: self.count },
            Version::Working => RuleSay::CountWorking { count: self.count },
        }
    }
}

impl Building {
    /// Both versions.
    pub fn verdicts(&self) -> [Verdict; 2] {
        [self.full_time, self.working]
    }
}

/// What both versions of the rule of three say on a day.
///
/// The kind of member has no date in an engagement: who is 正式 now is taken to have been so all the while.
pub fn assess(facts: &Facts<'_>, on: Date, options: Options) -> Building {
    let (exclusion, cover) = (facts.exclusion(on, options), facts.cover());
    let verdict = |version| {
        let count = facts.staff.count(version, on);
        let open = exclusion.is_none() && !cover.is_organization();
        Verdict { version, count, gap: open && count >= THREE }
    };
    Building { exclusion, cover, full_time: verdict(Version::FullTime), working: verdict(Version::Working) }
}

/// Since when a version has fired without interruption on a day, by the engagements' own days; none if it does not fire,
/// or if it fired before every day that is written down, so that nobody knows.
///
/// Apart from [`assess`], which tallies ask on every day of an organization: this goes back through all of them.
pub fn since(facts: &Facts<'_>, version: Version, on: Date) -> Option<Date> {
    facts.staff.since(version, on)
}

/// The full members who work at an organization, by person.
#[derive(Clone, Debug)]
pub(super) struct Staff<'a>(Vec<Engaged<'a>>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Engaged<'a> {
    person: &'a str,
    full_time: bool,
    from: Option<Date>,
    to: Option<Date>,
}

impl<'a> Staff<'a> {
    /// Of engagements those of full members. One that names nobody counts nobody.
    pub(super) fn of(engagements: impl IntoIterator<Item = &'a Fields>) -> Self {
        let full = |fields: &&Fields| text(fields, "member_kind") == Some("FULL");
        let read = |fields: &'a Fields| {
            let Period { from, to } = Period::of(fields);
            Some(Engaged {
                person: text(fields, "person")?,
                full_time: is_true(fields, "full_time"),
                from,
                to,
            })
        };
        let mut staff: Vec<Engaged<'a>> = engagements.into_iter().filter(full).filter_map(read).collect();
        staff.sort();
        Self(staff)
    }

    /// How many people count on a day, each once, however many engagements they have.
    pub(super) fn count(&self, version: Version, on: Date) -> u32 {
        let counts = |one: &&Engaged<'_>| {
            (version == Version::Working || one.full_time)
                && Period { from: one.from, to: one.to }.contains(on)
        };
        let (mut count, mut last) = (0, None);
        for person in self.0.iter().filter(counts).map(|one| one.person) {
            count += u32::from(last != Some(person));
            last = Some(person);
        }
        count
    }

    fn since(&self, version: Version, on: Date) -> Option<Date> {
        let mut days: Vec<Date> = self.days().filter(|day| *day <= on).collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        let fires = |day: &Date| self.count(version, *day) >= THREE;
        let run = days.iter().take_while(|day| fires(day)).count();
        let ever = run == days.len() && fires(&Date::FIRST);
        days.get(run.checked_sub(1)?).copied().filter(|_| !ever)
    }

    /// The days on which somebody comes or goes.
    pub(super) fn days(&self) -> impl Iterator<Item = Date> + '_ {
        self.0.iter().flat_map(|one| Period { from: one.from, to: one.to }.days())
    }
}

#[cfg(test)]
mod tests;
