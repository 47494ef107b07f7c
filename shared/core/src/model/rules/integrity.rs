//! What cannot be right, or may not be, across records: plain data, each with the rule that found it. Nothing is changed
//! by a finding; people settle it.
//!
//! No sentence repeats what names a person: the records' ids tell who is meant to those who may read them.

mod graph;

pub use graph::superior_cycles;

use super::affiliation::current;
use super::{day, text};
use crate::model::dates::Date;
use crate::model::ids::RecordId;
use crate::model::messages::RuleSay;
use crate::model::value::{Fields, Value};
use std::collections::BTreeMap;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// It may be right; somebody should look.
    Warning,
    /// It cannot be right, and figures may be wrong until it is settled.
    Fault,
}

/// A rule about several records, or about one and the day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Two organizations with one credit code.
    SameCreditCode,
    /// Two records of one person.
    SamePerson,
    /// Perhaps two records of one person.
    DoubtfulPerson,
    /// A person with two current affiliations.
    TwoAffiliations,
    /// 超期未换届.
    OverdueElection,
    /// A joint branch of too many units.
    WideJointBranch,
    /// A branch of too few full members.
    SmallBranch,
    /// A branch of too many.
    LargeBranch,
    /// Party organizations that are each other's superiors.
    SuperiorCycle,
    /// A record that names an owner to whom its author may not give it.
    OfferedElsewhere,
}

/// Something found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// By which rule.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// Which records, by id.
    pub records: Vec<RecordId>,
    /// What is wrong.
    pub why: RuleSay,
}

impl Rule {
    /// What programs read.
    pub fn name(self) -> &'static str {
        match self {
            Self::SameCreditCode => "SAME_CREDIT_CODE",
            Self::SamePerson => "SAME_PERSON",
            Self::DoubtfulPerson => "DOUBTFUL_PERSON",
            Self::TwoAffiliations => "TWO_AFFILIATIONS",
            Self::OverdueElection => "OVERDUE_ELECTION",
            Self::WideJointBranch => "WIDE_JOINT_BRANCH",
            Self::SmallBranch => "SMALL_BRANCH",
            Self::LargeBranch => "LARGE_BRANCH",
            Self::SuperiorCycle => "SUPERIOR_CYCLE",
            Self::OfferedElsewhere => "OFFERED_ELSEWHERE",
        }
    }

    /// What people read.
    pub fn say(self) -> RuleSay {
        match self {
            Self::SameCreditCode => RuleSay::SameCreditCode,
            Self::SamePerson => RuleSay::SamePerson,
            Self::DoubtfulPerson => RuleSay::DoubtfulPerson,
            Self::TwoAffiliations => RuleSay::TwoAffiliations,
            Self::OverdueElection => RuleSay::OverdueElection,
            Self::WideJointBranch => RuleSay::WideJointBranch,
            Self::SmallBranch => RuleSay::SmallBranch,
            Self::LargeBranch => RuleSay::LargeBranch,
            Self::SuperiorCycle => RuleSay::SuperiorCycle,
            Self::OfferedElsewhere => RuleSay::OfferedElsewhere,
        }
    }
}

/// Organizations with the same credit code, which is one organization's for life (DOMAIN 2.2: unique).
pub fn same_credit_code(organizations: &[(RecordId, &str)]) -> Vec<Finding> {
    let shared = groups(organizations.iter().copied());
    let finding = |(uscc, records): (&str, Vec<RecordId>)| {
        let why = RuleSay::WhySameCreditCode { count: records.len(), uscc: uscc.to_owned() };
        Finding { rule: Rule::SameCreditCode, severity: Severity::Fault, records, why }
    };
    shared.into_iter().map(finding).collect()
}

/// Records of the same person: their `id_match` is the same, which tells the key too (DOMAIN 2.5).
pub fn same_person(people: &[(RecordId, &str)]) -> Vec<Finding> {
    let finding = |records: Vec<RecordId>| {
        let why = RuleSay::WhySamePerson { count: records.len() };
        Finding { rule: Rule::SamePerson, severity: Severity::Fault, records, why }
    };
    groups(people.iter().copied()).into_values().map(finding).collect()
}

/// What tells a person where there is no identity number. Sealed in documents: the caller opened it, and nothing here
/// repeats it.
#[derive(Clone, Copy, Debug)]
pub struct Likeness<'a> {
    /// The person's record.
    pub id: RecordId,
    /// The name.
    pub name: &'a str,
    /// The month of birth, 1985-01.
    pub birth_ym: &'a str,
    /// The division the record names.
    pub division: &'a str,
    /// Whether the record has an identity number.
    pub has_number: bool,
}

/// Records that are alike in name, month of birth and division (DOMAIN 2.2, natural keys: listed as doubtful). Where all
/// of them have identity numbers, these tell whether they are one person.
pub fn doubtful_person(people: &[Likeness<'_>]) -> Vec<Finding> {
    let known = people.iter().filter(|one| !one.name.is_empty() && !one.birth_ym.is_empty());
    let mut alike: BTreeMap<(&str, &str, &str), Vec<&Likeness<'_>>> = BTreeMap::new();
    for one in known {
        alike.entry((one.name, one.birth_ym, one.division)).or_default().push(one);
    }
    let doubtful = alike.into_values().filter(|alike| alike.iter().any(|one| !one.has_number));
    let ids = doubtful.map(|alike| distinct(alike.into_iter().map(|one| one.id)));
    let finding = |records: Vec<RecordId>| {
        let why = RuleSay::WhyDoubtfulPerson { count: records.len() };
        Finding { rule: Rule::DoubtfulPerson, severity: Severity::Warning, records, why }
    };
    ids.filter(|records| records.len() > 1).map(finding).collect()
}

/// A person's affiliations that are current on a day, if more than one is (DOMAIN 2.5: at most one). The one that counts
/// stands first.
pub fn two_affiliations(affiliations: &[(RecordId, &Fields)], on: Date) -> Option<Finding> {
    let records = current(affiliations, on);
    let why = RuleSay::WhyTwoAffiliations { count: records.len() };
    let several = records.len() > 1;
    several.then_some(Finding { rule: Rule::TwoAffiliations, severity: Severity::Fault, records, why })
}

/// A record that names another owner and waits to be accepted there. `to`: what people call that owner.
pub fn offered_elsewhere(id: RecordId, to: String) -> Finding {
    let why = RuleSay::WhyOfferedElsewhere { to };
    Finding { rule: Rule::OfferedElsewhere, severity: Severity::Warning, records: vec![id], why }
}

/// A Party organization whose term is over on a day (DOMAIN 2.4). One that holds no elections has no term; one that was
/// dissolved needs none.
pub fn overdue_election(id: RecordId, party_org: &Fields, on: Date) -> Option<Finding> {
    if is_dissolved(party_org, on) || party_org.get("can_elect") == Some(&Value::Bool(false)) {
        return None;
    }
    let end = day(party_org, "term_end").or_else(|| {
        let Some(Value::Int(years)) = party_org.get("term_years") else { return None };
        day(party_org, "elected_on")?.plus_years(u16::try_from(*years).ok()?)
    });
    let end = end.filter(|end| *end < on)?;
    let why = RuleSay::WhyOverdueElection { end: end.to_string(), days: on.days() - end.days() };
    Some(Finding { rule: Rule::OverdueElection, severity: Severity::Warning, records: vec![id], why })
}

/// So many units a joint branch covers at most, as a rule (DOMAIN 2.4: 一般不超过5).
pub const JOINT_UNITS: usize = 5;
/// So many full members a branch has at least.
pub const LEAST_MEMBERS: usize = 3;
/// So many it has at most, as a rule.
pub const MOST_MEMBERS: usize = 50;

/// A branch that covers too many units, or has too few or too many full members on a day (DOMAIN 2.4, 人数门槛). With a document of
/// approval it may be right; without one it cannot.
pub fn branch_size(
    id: RecordId,
    party_org: &Fields,
    units: usize,
    full_members: usize,
    on: Date,
) -> Vec<Finding> {
    if is_dissolved(party_org, on) {
        return Vec::new();
    }
    let kind = text(party_org, "org_kind");
    let joint = kind == Some("JOINT_BRANCH") || text(party_org, "build_mode") == Some("JOINT");
    let branch = matches!(kind, Some("BRANCH" | "JOINT_BRANCH"));
    let document = text(party_org, "approval_doc");
    let severity = if document.is_some() { Severity::Warning } else { Severity::Fault };
    let finding = |rule, severity, why| Finding { rule, severity, records: vec![id], why };
    let mut found = Vec::new();
    if joint && units > JOINT_UNITS {
        let why = RuleSay::WhyWideJointBranch { units, most: JOINT_UNITS };
        found.push(finding(Rule::WideJointBranch, Severity::Warning, why));
    }
    if branch && full_members < LEAST_MEMBERS {
        let why = RuleSay::WhySmallBranch { found: full_members, least: LEAST_MEMBERS };
        found.push(finding(Rule::SmallBranch, severity, why));
    }
    if branch && full_members > MOST_MEMBERS {
        let why = RuleSay::WhyLargeBranch { found: full_members, most: MOST_MEMBERS };
        found.push(finding(Rule::LargeBranch, severity, why));
    }
    found
}

fn is_dissolved(party_org: &Fields, on: Date) -> bool {
    day(party_org, "dissolved_on").is_some_and(|day| day <= on)
}

/// Records by what they share, where two or more do; an empty text is shared by nobody.
fn groups<'a>(records: impl IntoIterator<Item = (RecordId, &'a str)>) -> BTreeMap<&'a str, Vec<RecordId>> {
    let mut found: BTreeMap<&str, Vec<RecordId>> = BTreeMap::new();
    for (id, shared) in records.into_iter().filter(|(_, shared)| !shared.is_empty()) {
        found.entry(shared).or_default().push(id);
    }
    let sorted = found.into_iter().map(|(shared, records)| (shared, distinct(records)));
    sorted.filter(|(_, records)| records.len() > 1).collect()
}

/// By id, each once.
fn distinct(records: impl IntoIterator<Item = RecordId>) -> Vec<RecordId> {
    let mut records: Vec<RecordId> = records.into_iter().collect();
    records.sort_unstable();
    records.dedup();
    records
}

#[cfg(test)]
mod tests;
