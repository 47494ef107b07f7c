//! The rule of three, in both versions, and who is covered: what a report of coverage must find (DOMAIN 2.11).

use super::city::{City, Engagement};
use std::collections::BTreeSet;

/// N5b of 2018: three full members among the full-time staff.
pub(super) const SOLO_REQUIRED: &str = "SOLO_REQUIRED";
/// 支部工作条例: three full members who work in the unit.
pub(super) const BRANCH_REGULATIONS: &str = "BRANCH_REGULATIONS";

/// The full members of an organization on the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Strength {
    pub(super) full: usize,
    pub(super) full_time_full: usize,
}

impl Strength {
    /// The versions of the rule by which it must have a Party organization: "三名以上" includes three.
    pub(super) fn rules(self) -> Vec<&'static str> {
        let fires = [(self.full_time_full, SOLO_REQUIRED), (self.full, BRANCH_REGULATIONS)];
        fires.into_iter().filter(|(count, _)| *count >= 3).map(|(_, rule)| rule).collect()
    }
}

/// The strength of every organization.
pub(super) fn strengths(city: &City) -> Vec<Strength> {
    let mut strengths = vec![Strength::default(); city.organizations.len()];
    let counts = |one: &&Engagement| city.is_current(one) && city.persons[one.person].kind == "FULL";
    for one in city.engagements.iter().filter(counts) {
        strengths[one.organization].full += 1;
        strengths[one.organization].full_time_full += usize::from(one.full_time);
    }
    strengths
}

/// Whether an organization counts in the base of a rate.
pub(super) fn is_base(city: &City, organization: usize) -> bool {
    city.organizations[organization].status == "NORMAL"
}

/// The organizations of which somebody takes care on the day.
pub(super) fn cared_for(city: &City) -> BTreeSet<usize> {
    let day = city.order.as_of;
    let active = city
        .assignments
        .iter()
        .filter(|one| one.status == "ACTIVE" && one.from <= day && one.to.is_none_or(|to| to >= day));
    active.map(|one| one.organization).collect()
}
