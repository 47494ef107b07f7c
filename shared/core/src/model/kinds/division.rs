//! `division` 行政区划: a later change of the tree (GB/T 2260, GB/T 10114); see `divisions` for the tree itself.

use super::{division_field, division_in, fixed_defaults, no_key, text};
use crate::model::channel::Class;
use crate::model::check::Problem;
use crate::model::dictionary::{Code, CodeTable, Field, FieldType, Identity, Kind, Owns, Rules};
use crate::model::divisions::Divisions;
use crate::model::ids::{KindId, Level};
use crate::model::messages::{Lang, Trouble};
use crate::model::value::Fields;

/// The levels, by the names of their codes.
pub static LEVELS: CodeTable = CodeTable {
    label: "区划层级",
    codes: &[
        Code { code: "PROVINCE", label: "省级", label_en: "province", synonyms: &["省"] },
        Code { code: "CITY", label: "地级", label_en: "city", synonyms: &["市", "市级", "地市级"] },
        Code { code: "COUNTY", label: "县级", label_en: "county", synonyms: &["县", "区", "区县级"] },
        Code {
            code: "TOWNSHIP",
            label: "乡级",
            label_en: "township",
            synonyms: &["乡镇级", "乡镇", "街道", "镇", "乡"],
        },
        Code {
            code: "VILLAGE", label: "村级", label_en: "village", synonyms: &["村", "社区", "村居"]
        },
    ],
};

/// 城乡分类代码, from the statistical classification of town and country.
pub static URBAN_RURAL: CodeTable = CodeTable {
    label: "城乡分类",
    codes: &[
        Code { code: "111", label: "主城区", label_en: "main urban area", synonyms: &[] },
        Code { code: "112", label: "城乡结合区", label_en: "urban fringe", synonyms: &[] },
        Code { code: "121", label: "镇中心区", label_en: "town centre", synonyms: &[] },
        Code { code: "122", label: "镇乡结合区", label_en: "town fringe", synonyms: &[] },
        Code { code: "123", label: "特殊区域", label_en: "special area", synonyms: &[] },
        Code { code: "210", label: "乡中心区", label_en: "township centre", synonyms: &[] },
        Code { code: "220", label: "村庄", label_en: "village", synonyms: &[] },
    ],
};

const FIELDS: &[Field] = &[
    Field::new("code", "代码", "code", FieldType::NewDivision).also(&["区划代码", "行政区划代码"]).required(),
    Field::new("name", "名称", "name", FieldType::Text { max: 60 })
        .also(&["区划名称", "行政区划名称"])
        .required(),
    Field::new("level", "层级", "level", FieldType::Code(&LEVELS)).also(&["级别"]),
    Field::new("parent", "上级区划", "parent", division_field(Level::Province, Level::Township, None))
        .also(&["上级", "上级代码"]),
    Field::new("urban_rural", "城乡分类", "urban or rural", FieldType::Code(&URBAN_RURAL))
        .also(&["城乡分类代码"]),
    Field::new("valid_from", "有效期起", "valid from", FieldType::Date).also(&["设立日期"]),
    Field::new("valid_to", "有效期止", "valid to", FieldType::Date)
        .also(&["撤销日期", "retired_on"])
        .ends("valid_from"),
    Field::new("successor", "继任区划", "successors", FieldType::Divisions).also(&["继任", "并入"]),
];

pub(super) const KIND: Kind = Kind {
    id: KindId(1),
    name: "division",
    label: "行政区划",
    label_en: "division",
    class: Class::Open,
    fields: FIELDS,
    rules: Rules {
        // It names a place, not an owner: it belongs to whoever keeps the table.
        owner: Owns::Named(&[], |_, _| None),
        identity: Identity::Key(|fields| text(fields, "code").map(|code| format!("code:{code}"))),
        aliases: no_key,
        defaults: |fields, _, _| fixed_defaults(FIELDS, fields),
        derived: |_| Fields::new(),
        check,
    },
};

/// The code of a level in [`LEVELS`].
pub fn level_code(level: Level) -> &'static str {
    match level {
        Level::Province => "PROVINCE",
        Level::City => "CITY",
        Level::County => "COUNTY",
        Level::Township => "TOWNSHIP",
        Level::Village => "VILLAGE",
    }
}

/// What people call a level.
pub fn level_label(level: Level, lang: Lang) -> &'static str {
    LEVELS.get(level_code(level)).map_or("", |entry| lang.pick(entry.label, entry.label_en))
}

fn check(kind: &'static Kind, fields: &Fields, _: &Divisions, problems: &mut Vec<Problem>) {
    let Some(code) = division_in(fields, "code") else { return };
    let expected = level_code(code.level());
    if text(fields, "level").is_some_and(|level| level != expected) {
        let [expected, expected_en] =
            [Lang::Zh, Lang::En].map(|lang| level_label(code.level(), lang).to_owned());
        problems.push(Problem::error(kind.field("level"), Trouble::LevelOfCode { expected, expected_en }));
    }
    if division_in(fields, "parent").is_some_and(|parent| parent.level() >= code.level()) {
        problems.push(Problem::error(kind.field("parent"), Trouble::ParentHigher));
    }
    let (from, to) = (text(fields, "valid_from"), text(fields, "valid_to"));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        problems.push(Problem::error(kind.field("valid_to"), Trouble::PeriodOrder));
    }
    if to.is_none() && text(fields, "successor").is_some() {
        problems.push(Problem::error(kind.field("successor"), Trouble::SuccessorWithoutEnd));
    }
}
