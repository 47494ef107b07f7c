//! The form of `answers.json`: what must come of importing a made-up city, so that an import and its reports can be
//! compared with it cell by cell.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// All that is known of a city. Identity numbers in it are synthetic and nobody's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Answers {
    /// The version of this form: 1.
    pub v: u8,
    /// The order.
    pub seed: u64,
    /// The order.
    pub division: String,
    /// The order.
    pub organizations: usize,
    /// The order: the day of all that is counted here.
    pub as_of: String,
    /// The city in figures.
    pub figures: Figures,
    /// By the division of each folder.
    pub folders: BTreeMap<String, FolderAnswers>,
    /// Every row that must be refused for what is written in it.
    pub refused: Vec<Refused>,
    /// Every row that must be refused because it names somebody whose own row is.
    pub unknown: Vec<Refused>,
    /// Every row that is taken otherwise than it is written.
    pub mended: Vec<Mended>,
    /// Organizations that must have a Party organization and have none (应建未建).
    pub gaps: Vec<Gap>,
    /// People who stand in the tables of two counties.
    pub duplicates: Vec<Duplicate>,
    /// Organizations that share their name.
    pub same_names: Vec<SameName>,
    /// Party organizations that have not elected in time.
    pub overdue: Vec<Overdue>,
    /// Organizations with two supervising units in one cell.
    pub two_supervisors: Vec<Odd>,
    /// Organizations with a township of another county, which is taken with a warning.
    pub recoded_towns: Vec<Odd>,
}

/// The city in figures, refused rows included.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Figures {
    /// By type.
    pub associations: usize,
    /// By type.
    pub institutions: usize,
    /// By type.
    pub foundations: usize,
    /// Full and probationary members who work in an organization.
    pub members: usize,
    /// Of these who belong to the full-time staff.
    pub full_time_members: usize,
    /// Organizations to which the recipe gives three members or more.
    pub with_three_members: usize,
    /// Party organizations of social organizations.
    pub party_orgs: usize,
    /// Branches of offices and communities.
    pub outside_branches: usize,
    /// Townships.
    pub towns: usize,
    /// Townships whose center is open.
    pub towns_with_center: usize,
}

/// One folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FolderAnswers {
    /// 宁波市海曙区.
    pub name: String,
    /// By kind.
    pub kinds: BTreeMap<String, KindAnswers>,
    /// Of the organizations that this authority registers.
    pub coverage_by_authority: Coverage,
    /// Of the organizations whose records lie here: what the city registers lies where its township is.
    pub coverage_by_place: Coverage,
}

/// One table, imported first at a replica that has nothing else but the other tables of its folder.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct KindAnswers {
    /// The file.
    pub file: String,
    /// Rows below the header.
    pub rows: usize,
    /// Records that are made.
    pub created: usize,
    /// Rows that are refused.
    pub refused: usize,
    /// Rows that are taken otherwise than written.
    pub mended: usize,
    /// Cells that are written otherwise than an export would.
    pub odd_cells: usize,
    /// References whose record does not come, by field.
    pub open: BTreeMap<String, usize>,
}

/// What a report of coverage says (DOMAIN 2.11).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Coverage {
    /// Organizations in good standing that were not refused.
    pub base: usize,
    /// With a Party organization of their own.
    pub solo: usize,
    /// With one together with others.
    pub joint: usize,
    /// Both.
    pub organization: usize,
    /// Those, and where an instructor or liaison is active on the day.
    pub work: usize,
    /// Must have one by either rule.
    pub required: usize,
    /// Must have one and have none.
    pub gaps: usize,
}

/// A row that must be refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Refused {
    /// The file.
    pub file: String,
    /// As people see it: the header is row 1.
    pub row: u32,
    /// The field.
    pub field: &'static str,
    /// The reason, by its name in the catalogue of troubles.
    pub reason: &'static str,
}

/// A row that is taken as it was meant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Mended {
    /// The file.
    pub file: String,
    /// As people see it.
    pub row: u32,
    /// The field.
    pub field: &'static str,
    /// What stands there.
    pub written: String,
    /// What was meant.
    pub taken: String,
}

/// 应建未建.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// The authority.
    pub county: String,
    /// The organization.
    pub uscc: String,
    /// The organization.
    pub name: String,
    /// `SOLO_REQUIRED` (N5b), `BRANCH_REGULATIONS` (支部工作条例), or both.
    pub rules: Vec<&'static str>,
    /// Full members of the full-time staff.
    pub full_time_full: usize,
    /// Full members who work there.
    pub full: usize,
}

/// One person, two counties. The second gives work but no affiliation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Duplicate {
    /// Synthetic.
    pub id_number: String,
    /// The first folder and the second.
    pub counties: [String; 2],
}

/// One name, two organizations.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SameName {
    /// The folder.
    pub county: String,
    /// The name.
    pub name: String,
    /// The codes.
    pub usccs: [String; 2],
}

/// An election that is due.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Overdue {
    /// The folder.
    pub county: String,
    /// The Party organization.
    pub full_name: String,
    /// The day that has passed.
    pub term_end: String,
}

/// An organization with something odd, and what stands there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Odd {
    /// The folder.
    pub county: String,
    /// The organization.
    pub uscc: String,
    /// What stands in the cell.
    pub value: String,
}

impl Answers {
    /// Those of some folders only.
    pub fn only(mut self, folders: &BTreeSet<String>) -> Self {
        let of_file = |file: &str| file.split_once('/').is_some_and(|(folder, _)| folders.contains(folder));
        self.folders.retain(|folder, _| folders.contains(folder));
        self.refused.retain(|one| of_file(&one.file));
        self.unknown.retain(|one| of_file(&one.file));
        self.mended.retain(|one| of_file(&one.file));
        self.gaps.retain(|one| folders.contains(&one.county));
        self.duplicates.retain(|one| one.counties.iter().all(|county| folders.contains(county)));
        self.same_names.retain(|one| folders.contains(&one.county));
        self.overdue.retain(|one| folders.contains(&one.county));
        self.two_supervisors.retain(|one| folders.contains(&one.county));
        self.recoded_towns.retain(|one| folders.contains(&one.county));
        self
    }
}
