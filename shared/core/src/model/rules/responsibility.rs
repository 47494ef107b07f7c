//! The responsible body (责任主体, N4): the decision table of DOMAIN 1.2, from the top down, the first hit wins.
//!
//! The table may be overruled with a reason and a document. No field holds that today. It would come in as fields of
//! `social_org` (责任主体, 指定依据, 指定文号) read before R1, as a rule of its own that names the document; its dates, as
//! those of every other answer here, are those of the record's own changes.

use super::{base::is_normal, division, is_true, text};
use crate::model::dictionary::kind;
use crate::model::divisions::Divisions;
use crate::model::ids::{DivisionCode, Level};
use crate::model::messages::RuleSay;
use crate::model::value::{Fields, Value};

/// A row of the decision table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// An industry association that is being decoupled, or has been: by a document's own table.
    R1,
    /// Dual management: the supervising unit's Party organization.
    R2,
    /// The Party organization of the place.
    R3,
    /// The comprehensive committee takes what nobody else does.
    R4,
}

/// Which kind of body is responsible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BodyKind {
    /// The Party organization of a supervising unit, or its industry committee.
    Supervising,
    /// A local Party organization: the (work) committee of a township.
    Local,
    /// 综合党委.
    Comprehensive,
    /// 行业党委.
    Industry,
    /// 待定: the document's table has no row for it yet.
    Pending,
}

/// The responsible body of an organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// Which kind.
    pub kind: BodyKind,
    /// What people call it: 宁波市海曙区综合党委.
    pub title: RuleSay,
    /// Where it stands; of a supervising unit, where the organization is registered.
    pub division: Option<DivisionCode>,
    /// Whether title and division say all that is to be said. What is not settled belongs on a worklist
    /// (无主体/争议清单).
    pub settled: bool,
}

/// An answer of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Responsibility {
    /// The row that fired.
    pub rule: Rule,
    /// Who.
    pub body: Body,
    /// Why.
    pub why: RuleSay,
}

/// What R1 goes by: 甬组通〔2017〕18号, whose text is not at hand, so that a person writes down what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// The document's number.
    pub document: String,
    /// By the level of the registration authority which kind of body it names. A level without a row is 待定.
    pub decoupled: Vec<(Level, BodyKind)>,
}

impl Default for Parameters {
    /// What DOMAIN 1.2 proposes until somebody reads the document: the comprehensive committee of the same level, so
    /// that there is no gap (先立后破).
    fn default() -> Self {
        let levels = [Level::Province, Level::City, Level::County];
        Self {
            document: "甬组通〔2017〕18号".to_owned(),
            decoupled: levels.map(|level| (level, BodyKind::Comprehensive)).to_vec(),
        }
    }
}

impl Rule {
    /// What people read.
    pub fn say(self) -> RuleSay {
        match self {
            Self::R1 => RuleSay::RuleDecoupled,
            Self::R2 => RuleSay::RuleDual,
            Self::R3 => RuleSay::RuleLocal,
            Self::R4 => RuleSay::RuleComprehensive,
        }
    }
}

impl Body {
    /// How high it stands.
    pub fn level(&self) -> Option<Level> {
        self.division.map(DivisionCode::level)
    }
}

/// The one responsible body of an organization; `None` once its registration is no longer in force.
pub fn responsible(
    organization: &Fields,
    divisions: &Divisions,
    parameters: &Parameters,
) -> Option<Responsibility> {
    if !is_normal(organization) {
        return None;
    }
    let authority = division(organization, "registration_authority").map(|place| in_force(place, divisions));
    let body = |kind, place| body(kind, place, organization, divisions);
    let answer = |rule, body, why| Some(Responsibility { rule, body, why });
    if is_decoupled(organization) {
        let row = authority.and_then(|place| {
            parameters.decoupled.iter().find(|(level, _)| *level == place.level()).map(|(_, kind)| *kind)
        });
        let why = RuleSay::WhyDecoupled { document: parameters.document.clone() };
        return answer(Rule::R1, body(row.unwrap_or(BodyKind::Pending), authority), why);
    }
    let town = township(organization, authority, divisions);
    match (management(organization, divisions).as_deref(), town) {
        (Some("DUAL"), _) => answer(Rule::R2, body(BodyKind::Supervising, authority), RuleSay::WhyDual),
        // A filed community organization is its grid's, even where nobody wrote down which (DOMAIN 1.2, invariants).
        (Some("FILED"), town) => {
            answer(Rule::R3, body(BodyKind::Local, town.or(authority)), RuleSay::WhyFiled)
        }
        (_, Some(town)) => answer(Rule::R3, body(BodyKind::Local, Some(town)), RuleSay::WhyLocal),
        (_, None) => answer(Rule::R4, body(BodyKind::Comprehensive, authority), RuleSay::WhyComprehensive),
    }
}

fn is_decoupled(organization: &Fields) -> bool {
    is_true(organization, "industry_association")
        && matches!(text(organization, "decoupling_status"), Some("IN_PROGRESS" | "DONE"))
}

/// Management as it is written down, else what the dictionary derives from type and supervising unit.
fn management(organization: &Fields, divisions: &Divisions) -> Option<String> {
    let written = text(organization, "management_mode").map(str::to_owned);
    written.or_else(|| {
        let derived = kind("social_org")?.defaults(organization, None, divisions);
        derived.get("management_mode").and_then(Value::text).map(str::to_owned)
    })
}

/// The township whose Party organization is clearly responsible, if one is.
///
/// Whether 党组织关系明确属地管理 holds has no field of its own. A township that lies under the registration authority
/// stands for it, as it does for who owns the record (DESIGN 1); an address in another area does not.
fn township(
    organization: &Fields,
    authority: Option<DivisionCode>,
    divisions: &Divisions,
) -> Option<DivisionCode> {
    let town = in_force(division(organization, "town_code")?, divisions);
    let outside = authority.is_some_and(|authority| !divisions.is_within(town, authority));
    let clear = divisions.contains(town) && !divisions.is_retired(town) && !outside;
    clear.then_some(town)
}

/// What a division has become: 江东区 is 鄞州区 since 2016. One that was split stays what it was.
fn in_force(place: DivisionCode, divisions: &Divisions) -> DivisionCode {
    let next = |place: &DivisionCode| match divisions.successors(*place) {
        [one] => Some(*one),
        _ => None,
    };
    // Nobody has changed more often; a table in which divisions follow one another in a ring must not hang a report.
    std::iter::successors(Some(place), next).take(8).last().unwrap_or(place)
}

fn body(
    kind: BodyKind,
    division: Option<DivisionCode>,
    organization: &Fields,
    divisions: &Divisions,
) -> Body {
    let place = division.map(|place| divisions.full_name(place).unwrap_or_else(|| place.to_string()));
    let title = match (kind, place) {
        (BodyKind::Pending, _) => RuleSay::BodyPending,
        (BodyKind::Supervising, _) => match text(organization, "supervising_unit") {
            Some(unit) => RuleSay::BodySupervising { unit: unit.to_owned() },
            None => RuleSay::BodySupervisingUnnamed,
        },
        (BodyKind::Local, Some(place)) => RuleSay::BodyLocal { place },
        (BodyKind::Local, None) => RuleSay::BodyLocalUnnamed,
        (BodyKind::Comprehensive, Some(place)) => RuleSay::BodyComprehensive { place },
        (BodyKind::Comprehensive, None) => RuleSay::BodyComprehensiveUnnamed,
        (BodyKind::Industry, Some(place)) => RuleSay::BodyIndustry { place },
        (BodyKind::Industry, None) => RuleSay::BodyIndustryUnnamed,
    };
    let settled = match title {
        RuleSay::BodySupervising { .. } => true,
        RuleSay::BodySupervisingUnnamed => false,
        _ => kind != BodyKind::Pending && division.is_some(),
    };
    Body { kind, title, division, settled }
}

#[cfg(test)]
mod tests;
