//! `service_center` 社会组织服务中心(党群服务中心) (DOMAIN 2.5, N10).

use super::codes::{CENTER_CHECKS, CENTER_LEVELS, CENTER_STATUSES, LEGAL_FORMS};
use super::{division_field, division_in, fixed_defaults, no_key, text};
use crate::model::channel::Class;
use crate::model::dictionary::{Field, FieldType, Identity, Kind, Owns, Rules};
use crate::model::ids::{KindId, Level};
use crate::model::value::{Fields, Value};

const FIELDS: &[Field] =
    &[
        Field::new("name", "名称", "name", FieldType::Text { max: 100 }).also(&["中心名称"]).required(),
        Field::new("level", "层级", "level", FieldType::Code(&CENTER_LEVELS)).also(&["级别"]).required(),
        Field::new("town_code", "所在乡级", "place", division_field(Level::City, Level::Township, None))
            .also(&["所在乡镇街道", "所在区划", "所属区划"]),
        Field::new("legal_form", "法人形式", "legal form", FieldType::Code(&LEGAL_FORMS)),
        Field::new("uscc", "统一社会信用代码", "credit code", FieldType::Uscc).also(&["信用代码"]),
        Field::new("opened_on", "建成日期", "opened on", FieldType::Date).also(&["建成时间", "启用日期"]),
        Field::new("status", "状态", "status", FieldType::Code(&CENTER_STATUSES)),
        Field::new("checks", "标准化项目", "standards met", FieldType::Codes(&CENTER_CHECKS)),
    ];

pub(super) const KIND: Kind = Kind {
    id: KindId(10),
    name: "service_center",
    label: "社会组织服务中心",
    label_en: "service center",
    class: Class::Open,
    fields: FIELDS,
    rules: Rules {
        owner: Owns::Named(&["town_code"], |fields, _| division_in(fields, "town_code")),
        identity: Identity::Key(|fields| {
            let place = text(fields, "town_code").unwrap_or_default();
            Some(format!("{place}/{}", text(fields, "level")?))
        }),
        aliases: no_key,
        defaults: |fields, place, _| {
            let mut missing = fixed_defaults(FIELDS, fields);
            let empty = |name: &str| fields.get(name).is_none_or(Value::is_null);
            if let Some(place) = place.filter(|place| place.level() <= Level::Township && empty("town_code"))
            {
                missing.insert("town_code".to_owned(), Value::of(place.to_string()));
            }
            if empty("status") {
                let status = if empty("opened_on") { "PLANNED" } else { "OPEN" };
                missing.insert("status".to_owned(), Value::of(status));
            }
            missing
        },
        derived: |_| Fields::new(),
        check: |_, _, _, _| {},
    },
};
