//! The base of every rate (DOMAIN 2.11): organizations in good standing that are legal persons, at a date. A rate means
//! nothing without it (DOMAIN 0, finding 4), so who is left out has one reason, and is counted under it.

use super::{RULES, code, day, text};
use crate::model::dates::Date;
use crate::model::messages::RuleSay;
use crate::model::value::Fields;

/// Why an organization is not in the base.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exclusion {
    /// It was founded after the date.
    NotFounded,
    /// It is withdrawn, deregistered or revoked. Being listed as abnormal is none of these: it stays in the base.
    NotNormal,
    /// It is filed and not registered (备案).
    Filed,
    /// A partnership or an individual's institution (民非 合伙、个体).
    NotLegalPerson,
    /// It is younger than six months, and [`Options::without_young`] leaves those out.
    Young,
}

/// How the base is drawn, where DOMAIN 2.11 leaves a choice. By default neither.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Filed organizations are in the base.
    pub with_filed: bool,
    /// Organizations younger than six months are not.
    pub without_young: bool,
}

impl Exclusion {
    /// Every reason, in the order in which they are asked: the first hit is the one.
    pub const ALL: [Self; 5] =
        [Self::NotFounded, Self::NotNormal, Self::Filed, Self::NotLegalPerson, Self::Young];

    /// What people read.
    pub fn say(self) -> RuleSay {
        match self {
            Self::NotFounded => RuleSay::NotFounded,
            Self::NotNormal => RuleSay::NotNormal,
            Self::Filed => RuleSay::Filed,
            Self::NotLegalPerson => RuleSay::NotLegalPerson,
            Self::Young => RuleSay::Young,
        }
    }
}

impl Options {
    /// The version of the rules with the choices made, as a report prints it: 2018-14.1+BA-6M.
    pub fn rules(self) -> String {
        let filed = if self.with_filed { "+BA" } else { "" };
        let young = if self.without_young { "-6M" } else { "" };
        format!("{RULES}{filed}{young}")
    }
}

/// Why an organization is not in the base on a day; `None` if it is.
///
/// 注销中 (being deregistered, an option of DOMAIN 2.11) is no code of the dictionary: such an organization is in the
/// base until it is deregistered.
pub fn exclusion(organization: &Fields, on: Date, options: Options) -> Option<Exclusion> {
    Registration::of(organization).exclusion(on, options)
}

/// What the base asks of an organization, read once for many days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registration {
    founded: Option<Date>,
    normal: bool,
    filed: bool,
    legal_person: bool,
}

impl Registration {
    pub(super) fn of(organization: &Fields) -> Self {
        Self {
            founded: day(organization, "founded_on"),
            normal: is_normal(organization),
            filed: is_filed(organization),
            legal_person: !matches!(text(organization, "sub_type"), Some("PARTNERSHIP" | "INDIVIDUAL")),
        }
    }

    pub(super) fn exclusion(self, on: Date, options: Options) -> Option<Exclusion> {
        let holds = |reason: &Exclusion| match reason {
            Exclusion::NotFounded => self.founded.is_some_and(|founded| on < founded),
            Exclusion::NotNormal => !self.normal,
            Exclusion::Filed => self.filed && !options.with_filed,
            Exclusion::NotLegalPerson => !self.legal_person,
            Exclusion::Young => options.without_young && self.is_young(on),
        };
        Exclusion::ALL.into_iter().find(holds)
    }

    /// The days on which its answer can change.
    pub(super) fn days(self) -> impl Iterator<Item = Date> {
        self.founded.into_iter().chain(self.grown())
    }

    fn grown(self) -> Option<Date> {
        self.founded.and_then(|founded| founded.plus_months(6))
    }

    fn is_young(self, on: Date) -> bool {
        self.founded.is_some() && self.grown().is_none_or(|grown| on < grown)
    }
}

/// Whether its registration is in force (DOMAIN 2.2: 正常 where nothing is said).
pub(super) fn is_normal(organization: &Fields) -> bool {
    code("social_org", organization, "status") == Some("NORMAL")
}

/// Whether it is filed and not registered, by its type or by its management.
fn is_filed(organization: &Fields) -> bool {
    text(organization, "org_type") == Some("BA") || text(organization, "management_mode") == Some("FILED")
}

#[cfg(test)]
mod tests {
    use super::super::sample::{date, fields};
    use super::*;
    use crate::model::value::Value;

    fn reason(pairs: &[(&str, &str)], on: &str, options: Options) -> Option<Exclusion> {
        exclusion(&fields(pairs), date(on), options)
    }

    #[test]
    fn each_is_left_out_for_one_reason_or_counts() {
        let reason = |pairs: &[(&str, &str)]| reason(pairs, "2018-05-21", Options::default());
        assert_eq!(reason(&[]), None, "nothing is said: in good standing, and as old as can be");
        assert_eq!(reason(&[("status", "NORMAL"), ("founded_on", "2018-05-21")]), None);
        assert_eq!(reason(&[("founded_on", "2018-05-22")]), Some(Exclusion::NotFounded));
        for status in ["WITHDRAWN", "DEREGISTERED", "REVOKED", "a code of a newer version"] {
            assert_eq!(reason(&[("status", status)]), Some(Exclusion::NotNormal));
        }
        assert_eq!(reason(&[("org_type", "BA")]), Some(Exclusion::Filed));
        assert_eq!(reason(&[("org_type", "MF"), ("management_mode", "FILED")]), Some(Exclusion::Filed));
        assert_eq!(
            reason(&[("org_type", "MF"), ("sub_type", "PARTNERSHIP")]),
            Some(Exclusion::NotLegalPerson)
        );
        assert_eq!(reason(&[("sub_type", "LEGAL_PERSON")]), None);
        assert_eq!(
            reason(&[("status", "REVOKED"), ("org_type", "BA")]),
            Some(Exclusion::NotNormal),
            "the first hit"
        );
    }

    #[test]
    fn an_abnormal_listing_leaves_it_in_the_base() {
        let mut listed = fields(&[("status", "NORMAL")]);
        listed.insert("abnormal_listed".into(), Value::Bool(true));
        assert_eq!(exclusion(&listed, date("2018-05-21"), Options::default()), None);
    }

    #[test]
    fn options_add_the_filed_and_take_out_the_young() {
        let young = Options { without_young: true, ..Options::default() };
        let founded = [("founded_on", "2018-08-31")];
        assert_eq!(reason(&founded, "2019-02-27", young), Some(Exclusion::Young));
        assert_eq!(reason(&founded, "2019-02-28", young), None, "six months later");
        assert_eq!(reason(&founded, "2019-02-27", Options::default()), None);
        assert_eq!(reason(&[], "2019-02-27", young), None, "nobody says that it is young");
        assert_eq!(reason(&[("founded_on", "2199-11-01")], "2199-12-31", young), Some(Exclusion::Young));

        let filed = Options { with_filed: true, ..Options::default() };
        assert_eq!(reason(&[("org_type", "BA")], "2018-05-21", filed), None);
        let both = Options { with_filed: true, without_young: true };
        assert_eq!([Options::default(), both].map(Options::rules), ["2018-14.1", "2018-14.1+BA-6M"]);
    }
}
