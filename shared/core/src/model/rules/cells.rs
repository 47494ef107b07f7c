//! What figures count, cell by cell: each organization or person counts in some of these at a date, by one each.

use super::base::Exclusion;
use super::building::Version;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// Something that is counted. The numbers stand in stored tallies: new ones are added at the end, none is reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Cell {
    /// Organizations in the base.
    Base = 0,
    /// Not in it: founded after the date.
    NotFounded = 1,
    /// Not in it: not in good standing.
    NotNormal = 2,
    /// Not in it: filed.
    Filed = 3,
    /// Not in it: no legal person.
    NotLegalPerson = 4,
    /// Not in it: younger than six months.
    Young = 5,
    /// Of the base, 组织覆盖: alone or jointly.
    Organization = 6,
    /// Of the base, with a Party organization of its own.
    Solo = 7,
    /// Of the base, covered jointly.
    Joint = 8,
    /// Of the base, 工作覆盖.
    Work = 9,
    /// Of the base, 应建 by the full-time staff (N5b).
    RequiredFullTime = 10,
    /// Of the base, 应建 by all who work there (支部工作条例).
    RequiredWorking = 11,
    /// Of those 应建 by N5b, not covered: 应建未建.
    GapFullTime = 12,
    /// Of those 应建 by the regulations, not covered.
    GapWorking = 13,
    /// Of those 应建 by N5b, with a Party organization of its own: 应建尽建.
    SoloRequired = 14,
    /// Full members, by their own records.
    MembersFull = 15,
    /// Probationary members.
    MembersProbationary = 16,
}

impl Cell {
    /// Every cell, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Base,
        Self::NotFounded,
        Self::NotNormal,
        Self::Filed,
        Self::NotLegalPerson,
        Self::Young,
        Self::Organization,
        Self::Solo,
        Self::Joint,
        Self::Work,
        Self::RequiredFullTime,
        Self::RequiredWorking,
        Self::GapFullTime,
        Self::GapWorking,
        Self::SoloRequired,
        Self::MembersFull,
        Self::MembersProbationary,
    ];

    /// Its number in stored tallies.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The cell of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Where those are counted who are out of the base for a reason.
    pub fn excluded(reason: Exclusion) -> Self {
        match reason {
            Exclusion::NotFounded => Self::NotFounded,
            Exclusion::NotNormal => Self::NotNormal,
            Exclusion::Filed => Self::Filed,
            Exclusion::NotLegalPerson => Self::NotLegalPerson,
            Exclusion::Young => Self::Young,
        }
    }

    /// Where those are counted who should build by a version of the rule of three.
    pub fn required(version: Version) -> Self {
        match version {
            Version::FullTime => Self::RequiredFullTime,
            Version::Working => Self::RequiredWorking,
        }
    }

    /// Where those of them are counted whom nothing covers.
    pub fn gap(version: Version) -> Self {
        match version {
            Version::FullTime => Self::GapFullTime,
            Version::Working => Self::GapWorking,
        }
    }
}

/// How many count in each cell. Those of a county are the sum of those of its townships and its own.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts([i64; Cell::ALL.len()]);

impl Counts {
    /// How many count in a cell.
    pub fn get(&self, cell: Cell) -> i64 {
        self.0.get(usize::from(cell.number())).copied().unwrap_or_default()
    }

    /// So many more count in a cell; fewer, if negative.
    pub fn count(&mut self, cell: Cell, by: i64) {
        if let Some(count) = self.0.get_mut(usize::from(cell.number())) {
            *count = count.saturating_add(by);
        }
    }
}

impl FromIterator<Cell> for Counts {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        let mut counts = Self::default();
        cells.into_iter().for_each(|cell| counts.count(cell, 1));
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        Cell::ALL.into_iter().for_each(|cell| self.count(cell, other.get(cell)));
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cells_are_for_ever() {
        for (at, cell) in Cell::ALL.into_iter().enumerate() {
            assert_eq!((usize::from(cell.number()), Cell::from_number(cell.number())), (at, Some(cell)));
        }
        let kept =
            [Cell::Base, Cell::Organization, Cell::Work, Cell::SoloRequired, Cell::MembersProbationary];
        assert_eq!(kept.map(Cell::number), [0, 6, 9, 14, 16]);
        assert_eq!(Cell::from_number(17), None);
        assert_eq!(Cell::from_number(u8::MAX), None);
    }

    #[test]
    fn counts_add_up_cell_by_cell() {
        let one: Counts = [Cell::Base, Cell::Work].into_iter().collect();
        let other: Counts = [Cell::Base, Cell::Base].into_iter().collect();
        let both: Counts = [one, other].into_iter().sum();
        assert_eq!([Cell::Base, Cell::Work, Cell::Solo].map(|cell| both.get(cell)), [3, 1, 0]);
        assert_eq!(one + other, other + one);
        let mut less = both;
        less.count(Cell::Base, -1);
        assert_eq!(less.get(Cell::Base), 2);
    }
}
