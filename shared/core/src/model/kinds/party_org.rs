//! `party_org` 党组织 (DOMAIN 2.4): a Party organization, or a body above it.

use super::codes::PARTY_ORG_KINDS;
use super::social_org_codes::BUILD_MODES;
use super::{date_in, division_field, division_in, fixed_defaults, key_text, text};
use crate::model::channel::Class;
use crate::model::check::Problem;
use crate::model::dictionary::{Field, FieldType, Identity, Kind, Owns, Rules};
use crate::model::divisions::Divisions;
use crate::model::ids::{DivisionCode, KindId, Level};
use crate::model::messages::Trouble;
use crate::model::value::{Fields, Value};

const TEXT: FieldType = FieldType::Text { max: 100 };

const FIELDS: &[Field] = &[
    Field::new("division", "所属区划", "division", division_field(Level::Province, Level::Township, None))
        .also(&["所在区划", "隶属区划"])
        .required(),
    Field::new("full_name", "全称", "full name", TEXT).also(&["党组织名称", "党组织全称", "名称"]).required(),
    Field::new("org_kind", "类别", "kind", FieldType::Code(&PARTY_ORG_KINDS))
        .also(&["党组织类别", "组织类别"])
        .required(),
    Field::new("build_mode", "组建方式", "how it is formed", FieldType::Code(&BUILD_MODES))
        .also(&["党组织组建方式"]),
    Field::new("approved_by", "批复单位", "approved by", TEXT).also(&["批复机关", "审批单位"]).required(),
    Field::new("approval_doc", "批复文号", "approval document", TEXT).also(&["批准文号"]).required(),
    Field::new("approved_on", "批复日期", "approved on", FieldType::Date).also(&["批准日期"]).required(),
    Field::new("superior_id", "上级党组织", "superior", FieldType::Ref("party_org"))
        .also(&["上级", "隶属党组织"]),
    Field::new("founded_on", "成立日期", "founded on", FieldType::Date).also(&["成立时间"]),
    Field::new("dissolved_on", "撤销日期", "dissolved on", FieldType::Date).also(&["撤销时间"]),
    Field::new("reason", "撤销原因", "reason of dissolution", FieldType::Text { max: 200 }),
    Field::new("term_years", "任期年数", "term in years", FieldType::Int { min: 1, max: 10 }).also(&["任期"]),
    Field::new("elected_on", "选举日期", "elected on", FieldType::Date).also(&["换届日期", "当选日期"]),
    Field::new("term_end", "任期届满日期", "term ends on", FieldType::Date).also(&["届满日期", "任期届满"]),
    Field::new("can_admit", "可发展党员", "may admit members", FieldType::Bool),
    Field::new("can_collect_dues", "可收缴党费", "may collect dues", FieldType::Bool),
    Field::new("can_elect", "可选举换届", "may hold elections", FieldType::Bool),
];

pub(super) const KIND: Kind = Kind {
    id: KindId(3),
    name: "party_org",
    label: "党组织",
    label_en: "Party organization",
    class: Class::Open,
    fields: FIELDS,
    rules: Rules {
        owner: Owns::Named(&["division"], |fields, _| division_in(fields, "division")),
        identity: Identity::Key(|fields| {
            let name = key_text(text(fields, "full_name")?);
            Some(format!("name:{name}@{}", text(fields, "division").unwrap_or_default()))
        }),
        aliases: |fields| {
            text(fields, "full_name").map(|name| format!("name:{}", key_text(name))).into_iter().collect()
        },
        defaults,
        derived,
        check,
    },
};

/// The place where it is made, and what follows from its kind.
fn defaults(fields: &Fields, place: Option<DivisionCode>, _: &Divisions) -> Fields {
    let mut missing = fixed_defaults(FIELDS, fields);
    let empty = |name: &str| fields.get(name).is_none_or(Value::is_null);
    missing.extend(derived(fields).into_iter().filter(|(name, _)| empty(name)));
    // A township at the finest: a village is a field, not an owner.
    if let Some(place) = place.filter(|place| place.level() <= Level::Township && empty("division")) {
        missing.insert("division".to_owned(), Value::of(place.to_string()));
    }
    missing
}

/// 党委 5 years, others that elect 3, temporary and functional ones have no term and do not admit, collect or elect
/// (DOMAIN 2.4).
fn derived(fields: &Fields) -> Fields {
    let Some(kind) = text(fields, "org_kind") else { return Fields::new() };
    let is_limited = matches!(kind, "TEMP_BRANCH" | "FUNCTIONAL" | "WORK_GROUP" | "GROUP");
    let mut derived = Fields::new();
    for name in ["can_admit", "can_collect_dues", "can_elect"] {
        derived.insert(name.to_owned(), Value::Bool(!is_limited));
    }
    let years = match kind {
        "COMMITTEE" => 5,
        "GENERAL_BRANCH" | "BRANCH" | "JOINT_BRANCH" => 3,
        _ => return derived,
    };
    derived.insert("term_years".to_owned(), Value::Int(years));
    let years = match fields.get("term_years") {
        Some(Value::Int(chosen)) => *chosen,
        _ => years,
    };
    let end = date_in(fields, "elected_on").and_then(|date| date.plus_years(u16::try_from(years).ok()?));
    derived.extend(end.map(|end| ("term_end".to_owned(), Value::of(end.to_string()))));
    derived
}

fn check(kind: &'static Kind, fields: &Fields, _: &Divisions, problems: &mut Vec<Problem>) {
    let order = |first, then| date_in(fields, first).zip(date_in(fields, then)).is_some_and(|(a, b)| b < a);
    for (first, then) in [("founded_on", "dissolved_on"), ("elected_on", "term_end")] {
        if order(first, then) {
            problems.push(Problem::error(kind.field(then), Trouble::PeriodOrder));
        }
    }
}
