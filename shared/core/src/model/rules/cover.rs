//! How a Party organization covers an organization (DOMAIN 2.4, 组建方式), told by the organization's own record: the
//! Party organization it names and how that is formed.

use super::text;
use crate::model::messages::RuleSay;
use crate::model::value::Fields;

/// How an organization is covered. Only alone or jointly is it 组织覆盖 (DOMAIN 2.11: units, not branches).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cover {
    /// It has a Party organization of its own.
    Solo,
    /// It shares one with others.
    Joint,
    /// Its members are attached to somebody else's (挂靠): named, yet not 组织覆盖.
    Attached,
    /// Members meet here while their affiliation stays elsewhere (兼合式): named, yet not 组织覆盖.
    DualFit,
    /// A work group of the Party (N12): 工作覆盖, not 组织覆盖. The dictionary has no such way of forming yet; a line
    /// `WORK_GROUP` 党的工作小组 in its table of them is all that is missing.
    WorkGroup,
    /// A Party organization is named, but not how it covers this unit: not 组织覆盖 until somebody says.
    Unstated,
    /// None is named.
    Nothing,
}

impl Cover {
    /// What an organization's record says.
    pub fn of(organization: &Fields) -> Self {
        if text(organization, "party_org").is_none() {
            return Self::Nothing;
        }
        match text(organization, "build_mode") {
            Some("SOLO") => Self::Solo,
            Some("JOINT") => Self::Joint,
            Some("ATTACHED") => Self::Attached,
            Some("DUAL_FIT") => Self::DualFit,
            Some("WORK_GROUP") => Self::WorkGroup,
            _ => Self::Unstated,
        }
    }

    /// Whether it is 组织覆盖.
    pub fn is_organization(self) -> bool {
        matches!(self, Self::Solo | Self::Joint)
    }

    /// What people read.
    pub fn say(self) -> RuleSay {
        match self {
            Self::Solo => RuleSay::CoverSolo,
            Self::Joint => RuleSay::CoverJoint,
            Self::Attached => RuleSay::CoverAttached,
            Self::DualFit => RuleSay::CoverDualFit,
            Self::WorkGroup => RuleSay::CoverWorkGroup,
            Self::Unstated => RuleSay::CoverUnstated,
            Self::Nothing => RuleSay::CoverNothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::fields;
    use super::*;
    use crate::model::kinds::social_org_codes::BUILD_MODES;

    #[test]
    fn only_alone_and_jointly_are_organization_coverage() {
        let cover = |mode: &str| Cover::of(&fields(&[("party_org", "name:某支部"), ("build_mode", mode)]));
        let modes: Vec<(&str, Cover)> =
            BUILD_MODES.codes.iter().map(|mode| (mode.code, cover(mode.code))).collect();
        assert!(modes.iter().all(|(_, cover)| *cover != Cover::Unstated), "every code is read: {modes:?}");
        let covering: Vec<&str> =
            modes.iter().filter(|(_, cover)| cover.is_organization()).map(|(code, _)| *code).collect();
        assert_eq!(covering, ["SOLO", "JOINT"]);
        assert_eq!(cover(""), Cover::Unstated);
        assert_eq!(Cover::of(&fields(&[("build_mode", "SOLO")])), Cover::Nothing, "who covers it?");
    }
}
