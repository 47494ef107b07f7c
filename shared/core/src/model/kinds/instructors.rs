//! Who is sent where no branch can be yet (DOMAIN 2.5, N5c): `instructor` 党建指导员(联络员), `instructor_assignment`
//! 联系安排.

use super::codes::{ASSIGNMENT_STATUSES, INSTRUCTOR_ROLES, INSTRUCTOR_SOURCES};
use super::membership::period;
use super::{fixed_defaults, no_key};
use crate::model::channel::Class;
use crate::model::dictionary::{Field, FieldType, Identity, Kind, Owns, Rules};
use crate::model::ids::KindId;
use crate::model::value::Fields;

const INSTRUCTOR_FIELDS: &[Field] = &[
    Field::new("person", "姓名", "person", FieldType::Ref("person"))
        .also(&["指导员", "指导员姓名", "党员", "人员", "公民身份号码", "身份证号"])
        .required(),
    Field::new("role", "身份", "role", FieldType::Code(&INSTRUCTOR_ROLES)).or("INSTRUCTOR"),
    Field::new("source", "来源", "source", FieldType::Code(&INSTRUCTOR_SOURCES)).also(&["选派来源"]),
    Field::new("appointed_by", "选派单位", "appointed by", FieldType::Text { max: 100 }),
    Field::new("from", "选派日期", "from", FieldType::Date).also(&["选派时间"]),
    Field::new("to", "期满日期", "to", FieldType::Date).also(&["期满时间"]),
];

/// An instructor or liaison.
pub(super) const INSTRUCTOR: Kind = Kind {
    id: KindId(8),
    name: "instructor",
    label: "党建指导员",
    label_en: "instructor",
    class: Class::People,
    fields: INSTRUCTOR_FIELDS,
    rules: Rules {
        owner: Owns::With("person"),
        identity: Identity::Same(&["person"]),
        aliases: no_key,
        defaults: |fields, _, _| fixed_defaults(INSTRUCTOR_FIELDS, fields),
        derived: |_| Fields::new(),
        check: period,
    },
};

const ASSIGNMENT_FIELDS: &[Field] = &[
    Field::new("instructor", "指导员", "instructor", FieldType::Ref("instructor"))
        .also(&["党建指导员", "指导员姓名", "姓名", "公民身份号码", "身份证号"])
        .required(),
    Field::new("social_org", "联系单位", "organization", FieldType::Ref("social_org"))
        .also(&["社会组织", "社会组织名称", "统一社会信用代码"])
        .required(),
    Field::new("from", "联系起始日期", "from", FieldType::Date).also(&["起始日期", "联系日期"]),
    Field::new("to", "联系截止日期", "to", FieldType::Date).also(&["截止日期", "结束日期"]),
    Field::new("status", "状态", "status", FieldType::Code(&ASSIGNMENT_STATUSES)).or("ACTIVE"),
];

/// An instructor looks after an organization; active ones count for work coverage.
pub(super) const ASSIGNMENT: Kind = Kind {
    id: KindId(9),
    name: "instructor_assignment",
    label: "联系安排",
    label_en: "instructor assignment",
    class: Class::People,
    fields: ASSIGNMENT_FIELDS,
    rules: Rules {
        owner: Owns::With("social_org"),
        identity: Identity::Same(&["instructor", "social_org"]),
        aliases: no_key,
        defaults: |fields, _, _| fixed_defaults(ASSIGNMENT_FIELDS, fields),
        derived: |_| Fields::new(),
        check: period,
    },
};
