//! `person` 人员 (DOMAIN 2.5): a member, or somebody on the way to be one. Who it is, is sealed; what figures count,
//! the kind, the status and its dates, is open.

use super::codes::{EDUCATION, ETHNICITIES, MEMBER_KINDS, MEMBER_STATUSES, SEXES};
use super::{date_in, division_field, division_in, fixed_defaults, text};
use crate::model::channel::Class;
use crate::model::check::Problem;
use crate::model::dates::Date;
use crate::model::dictionary::{Field, FieldType, Identity, Kind, Owns, Rules, Sensitivity};
use crate::model::divisions::Divisions;
use crate::model::editions::{DictionaryEdition, Earlier, GateRule};
use crate::model::ids::{DivisionCode, KindId, Level};
use crate::model::messages::Trouble;
use crate::model::value::{Fields, Value};

/// Under the city's key, which the hub holds too: records from before editions have it.
const HASH: FieldType = FieldType::KeyedHash("id_number");

const FIELDS: &[Field] = &[
    Field::new("name", "姓名", "name", FieldType::Text { max: 50 })
        .also(&["党员姓名", "人员姓名"])
        .required()
        .personal(),
    Field::new("id_number", "公民身份号码", "identity number", FieldType::CitizenId)
        .also(&["身份证号", "身份证号码", "身份证", "公民身份证号码"])
        .secret(),
    Field::new("id_hash", "身份号码摘要", "hash of the identity number", HASH).retired(&[Earlier {
        last: DictionaryEdition::FIRST,
        rule: GateRule::Holds(HASH, Sensitivity::Open),
    }]),
    Field::new(
        "id_match",
        "身份号码比对码",
        "match of the identity number",
        FieldType::KeyedHash("id_number"),
    ),
    Field::new("sex", "性别", "sex", FieldType::Code(&SEXES)).personal(),
    Field::new("birth_ym", "出生年月", "month of birth", FieldType::Month)
        .also(&["出生日期", "出生年月日"])
        .personal(),
    Field::new("ethnicity", "民族", "ethnicity", FieldType::Code(&ETHNICITIES)).personal(),
    Field::new("education", "学历", "education", FieldType::Code(&EDUCATION))
        .also(&["最高学历", "文化程度"])
        .personal(),
    Field::new("phone", "联系电话", "phone", FieldType::Text { max: 40 })
        .also(&["电话", "手机", "手机号码", "联系方式"])
        .personal(),
    Field::new("member_kind", "人员类别", "kind of member", FieldType::Code(&MEMBER_KINDS))
        .also(&["党员类别"])
        .required(),
    Field::new("joined_on", "入党日期", "joined on", FieldType::Date).also(&["入党时间", "列为预备党员日期"]),
    Field::new("full_on", "转正日期", "full member on", FieldType::Date).also(&["转正时间"]),
    Field::new("status", "党员状态", "status", FieldType::Code(&MEMBER_STATUSES))
        .also(&["状态"])
        .or("ACTIVE"),
    Field::new("division", "所属区划", "division", division_field(Level::Province, Level::Township, None))
        .also(&["所在区划"]),
    Field::new("party_org", "所在党组织", "branch", FieldType::Ref("party_org"))
        .also(&["隶属党组织", "所在支部", "所在党支部", "党组织"])
        .import_only(),
];

pub(super) const KIND: Kind = Kind {
    id: KindId(4),
    name: "person",
    label: "人员",
    label_en: "person",
    class: Class::People,
    fields: FIELDS,
    rules: Rules {
        owner: Owns::Named(&["division"], |fields, _| division_in(fields, "division")),
        identity: Identity::SecretOrAlike("id_number", &["name", "birth_ym", "division"]),
        aliases: |fields| alias(fields).into_iter().collect(),
        defaults,
        derived: |_| Fields::new(),
        check,
    },
};

/// Records from before editions name a person by the hash of the identity number under the city's key.
fn alias(fields: &Fields) -> Option<String> {
    text(fields, "id_hash").map(|hash| format!("id:{hash}"))
}

/// The place where the record is made, and what the identity number says, so that nobody types it twice.
fn defaults(fields: &Fields, place: Option<DivisionCode>, _: &Divisions) -> Fields {
    let mut missing = fixed_defaults(FIELDS, fields);
    let empty = |name: &str| fields.get(name).is_none_or(Value::is_null);
    if let Some((birth, sex)) = text(fields, "id_number").and_then(told_by_number) {
        for (name, value) in [("birth_ym", birth), ("sex", sex)] {
            missing.extend(empty(name).then(|| (name.to_owned(), Value::Text(value))));
        }
    }
    if let Some(place) = place.filter(|place| place.level() <= Level::Township && empty("division")) {
        missing.insert("division".to_owned(), Value::of(place.to_string()));
    }
    missing
}

/// Month of birth and sex, as an identity number tells them (GB 11643).
fn told_by_number(number: &str) -> Option<(String, String)> {
    let (year, month) = (number.get(6..10)?, number.get(10..12)?);
    let order: u8 = number.get(16..17)?.parse().ok()?;
    Some((format!("{year}-{month}"), if order % 2 == 1 { "1" } else { "2" }.to_owned()))
}

fn check(kind: &'static Kind, fields: &Fields, _: &Divisions, problems: &mut Vec<Problem>) {
    let mut warn = |field: &str, trouble| problems.push(Problem::warning(kind.field(field), trouble));
    if let Some((birth, sex)) = text(fields, "id_number").and_then(told_by_number) {
        if text(fields, "birth_ym").is_some_and(|said| said != birth) {
            warn("birth_ym", Trouble::BirthOfNumber);
        }
        if text(fields, "sex").is_some_and(|said| matches!(said, "1" | "2") && said != sex) {
            warn("sex", Trouble::SexOfNumber);
        }
    }
    let (joined, full) = (date_in(fields, "joined_on"), date_in(fields, "full_on"));
    let birth = text(fields, "birth_ym").and_then(|month| format!("{month}-01").parse::<Date>().ok());
    if birth.and_then(|birth| birth.plus_years(18)).zip(joined).is_some_and(|(age, joined)| joined < age) {
        warn("joined_on", Trouble::JoinedYoung);
    }
    if let Some((joined, full)) = joined.zip(full) {
        if full < joined {
            problems.push(Problem::error(kind.field("full_on"), Trouble::FullBeforeJoined));
        } else if joined.plus_years(1).is_some_and(|year| full < year) {
            warn("full_on", Trouble::FullEarly);
        }
    }
    if text(fields, "member_kind") == Some("PROB") && full.is_some() {
        problems.push(Problem::warning(kind.field("full_on"), Trouble::FullOfProbationary));
    }
}
