//! Where people belong and where they work (DOMAIN 2.5): `affiliation` 组织关系, `engagement` 任职, `post` 党内任职.

use super::codes::{MEMBER_KINDS, POST_ROLES};
use super::{date_in, fixed_defaults, no_key};
use crate::model::channel::Class;
use crate::model::check::Problem;
use crate::model::dictionary::{Field, FieldType, Identity, Kind, Owns, Rules};
use crate::model::divisions::Divisions;
use crate::model::ids::KindId;
use crate::model::messages::Trouble;
use crate::model::value::Fields;

const PERSON: FieldType = FieldType::Ref("person");

const AFFILIATION_FIELDS: &[Field] = &[
    Field::new("person", "党员", "member", PERSON)
        .also(&["党员姓名", "姓名", "公民身份号码", "身份证号"])
        .required(),
    Field::new("party_org", "所在党组织", "branch", FieldType::Ref("party_org"))
        .also(&["党组织", "所在党支部", "所在支部"])
        .required(),
    Field::new("from", "转入日期", "from", FieldType::Date).also(&["转入时间"]),
    Field::new("to", "转出日期", "to", FieldType::Date).also(&["转出时间"]),
    // Written here so that a figure of the branch's division needs no look at the person, who may lie elsewhere.
    Field::new("name", "姓名（抄录）", "name, copied", FieldType::Text { max: 50 })
        .personal()
        .copied_from("person"),
    Field::new("member_kind", "人员类别", "kind of member", FieldType::Code(&MEMBER_KINDS))
        .also(&["党员类别"])
        .copied_from("person"),
    Field::new("joined_on", "入党日期", "joined on", FieldType::Date).copied_from("person"),
    Field::new("full_on", "转正日期", "full member on", FieldType::Date).copied_from("person"),
];

/// A member's formal affiliation: at most one is current (count once). It lies with the branch.
pub(super) const AFFILIATION: Kind = Kind {
    id: KindId(5),
    name: "affiliation",
    label: "组织关系",
    label_en: "affiliation",
    class: Class::People,
    fields: AFFILIATION_FIELDS,
    rules: Rules {
        owner: Owns::With("party_org"),
        identity: Identity::Same(&["person", "party_org"]),
        aliases: no_key,
        defaults: |fields, _, _| fixed_defaults(AFFILIATION_FIELDS, fields),
        derived: |_| Fields::new(),
        check: period,
    },
};

const ENGAGEMENT_FIELDS: &[Field] = &[
    Field::new("person", "人员", "person", PERSON)
        .also(&["姓名", "人员姓名", "党员姓名", "公民身份号码", "身份证号"])
        .required(),
    Field::new("social_org", "供职单位", "works at", FieldType::Ref("social_org"))
        .also(&["社会组织", "社会组织名称", "任职单位", "统一社会信用代码"])
        .required(),
    // Written here so that a figure of the organization's division needs no look at a person's record.
    Field::new("member_kind", "人员类别", "kind of member", FieldType::Code(&MEMBER_KINDS))
        .also(&["党员类别"])
        .copied_from("person"),
    Field::new("full_time", "专职", "full time", FieldType::Bool).also(&["是否专职", "专职/兼职"]),
    Field::new("post", "职务", "post", FieldType::Text { max: 60 }).also(&["社会组织职务"]),
    Field::new("from", "任职日期", "from", FieldType::Date).also(&["任职时间", "到岗日期"]),
    Field::new("to", "离任日期", "to", FieldType::Date).also(&["离任时间", "离岗日期"]),
    Field::new("serving", "供职党员", "serving member", FieldType::Bool).also(&["是否供职党员"]),
];

/// Somebody works at an organization, wherever the affiliation is.
pub(super) const ENGAGEMENT: Kind = Kind {
    id: KindId(6),
    name: "engagement",
    label: "任职",
    label_en: "engagement",
    class: Class::People,
    fields: ENGAGEMENT_FIELDS,
    rules: Rules {
        owner: Owns::With("social_org"),
        identity: Identity::Same(&["person", "social_org"]),
        aliases: no_key,
        defaults: |fields, _, _| fixed_defaults(ENGAGEMENT_FIELDS, fields),
        derived: |_| Fields::new(),
        check: period,
    },
};

const POST_FIELDS: &[Field] = &[
    Field::new("person", "姓名", "person", PERSON)
        .also(&["党员", "人员", "公民身份号码", "身份证号"])
        .required(),
    Field::new("party_org", "党组织", "Party organization", FieldType::Ref("party_org"))
        .also(&["所在党组织", "任职党组织"])
        .required(),
    Field::new("role", "党内职务", "role", FieldType::Code(&POST_ROLES)).also(&["职务"]).required(),
    Field::new("from", "任职日期", "from", FieldType::Date).also(&["任职时间"]),
    Field::new("to", "免职日期", "to", FieldType::Date).also(&["免职时间", "离任日期"]),
];

/// Somebody is secretary, deputy or member of a Party organization's committee.
pub(super) const POST: Kind = Kind {
    id: KindId(7),
    name: "post",
    label: "党内任职",
    label_en: "post",
    class: Class::People,
    fields: POST_FIELDS,
    rules: Rules {
        owner: Owns::With("party_org"),
        identity: Identity::Same(&["person", "party_org", "role"]),
        aliases: no_key,
        defaults: |fields, _, _| fixed_defaults(POST_FIELDS, fields),
        derived: |_| Fields::new(),
        check: period,
    },
};

/// What ends does not end before it begins.
pub(super) fn period(kind: &'static Kind, fields: &Fields, _: &Divisions, problems: &mut Vec<Problem>) {
    if date_in(fields, "from").zip(date_in(fields, "to")).is_some_and(|(from, to)| to < from) {
        problems.push(Problem::error(kind.field("to"), Trouble::PeriodOrder));
    }
}
