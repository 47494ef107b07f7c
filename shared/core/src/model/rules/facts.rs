//! What the figures of one organization read: its own record, and the engagements and assignments that lie with it
//! (DESIGN 1, record: a figure of a division reads only records owned in its subtree). Read once, asked for many days.

use super::base::{Exclusion, Options, Registration};
use super::building::Staff;
use super::code;
use super::cover::Cover;
use super::period::Period;
use crate::model::dates::Date;
use crate::model::value::Fields;
use std::collections::BTreeSet;

/// One organization, as the rules see it.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub(super) registration: Registration,
    pub(super) cover: Cover,
    pub(super) staff: Staff<'a>,
    /// When an instructor or a liaison looks after it.
    pub(super) assigned: Vec<Period>,
}

impl<'a> Facts<'a> {
    /// Reads an organization, all its engagements and all its instructor assignments, in any order.
    ///
    /// People are told apart by how engagements name them: name them by id, so that no alias makes two of one.
    pub fn of(
        organization: &Fields,
        engagements: impl IntoIterator<Item = &'a Fields>,
        assignments: impl IntoIterator<Item = &'a Fields>,
    ) -> Self {
        // An assignment that was ended is over, whatever its period says (DOMAIN 2.5).
        let active =
            |assignment: &&Fields| code("instructor_assignment", assignment, "status") == Some("ACTIVE");
        Self {
            registration: Registration::of(organization),
            cover: Cover::of(organization),
            staff: Staff::of(engagements),
            assigned: assignments.into_iter().filter(active).map(Period::of).collect(),
        }
    }

    /// How a Party organization covers it.
    pub fn cover(&self) -> Cover {
        self.cover
    }

    /// Why it is not in the base on a day; `None` if it is.
    pub fn exclusion(&self, on: Date, options: Options) -> Option<Exclusion> {
        self.registration.exclusion(on, options)
    }

    /// Every day on which an answer about it can change. Between two of them all rules say the same.
    pub fn days(&self) -> BTreeSet<Date> {
        let assigned = self.assigned.iter().flat_map(|period| period.days());
        self.registration.days().chain(self.staff.days()).chain(assigned).collect()
    }
}
