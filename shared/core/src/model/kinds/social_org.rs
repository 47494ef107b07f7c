//! `social_org` 社会组织: an organization registered or filed with a civil-affairs authority.

use super::social_org_codes::{
    ANNUAL_RESULTS, BUILD_MODES, DECOUPLING, GRADES, MANAGEMENT_MODES, ORG_TYPES, SECTORS, STATUSES,
    SUB_TYPES,
};
use super::{division_field, division_in, fixed_defaults, key_text, text};
use crate::model::channel::Class;
use crate::model::check::Problem;
use crate::model::dictionary::{Field, FieldType, Identity, Kind, Owns, Rules};
use crate::model::divisions::Divisions;
use crate::model::ids::{DivisionCode, KindId, Level};
use crate::model::messages::Trouble;
use crate::model::value::{Fields, Value};

const TEXT: FieldType = FieldType::Text { max: 100 };
const COUNT: FieldType = FieldType::Int { min: 0, max: 10_000_000 };
const AUTHORITY: FieldType = division_field(Level::Province, Level::County, None);
const TOWN: FieldType = division_field(Level::Township, Level::Township, Some("registration_authority"));

const FIELDS: &[Field] =
    &[
        Field::new("uscc", "统一社会信用代码", "credit code", FieldType::Uscc)
            .also(&["社会信用代码", "信用代码", "统一代码", "统一信用代码"])
            .required_unless("org_type", "BA"),
        Field::new("name", "名称", "name", TEXT)
            .also(&["社会组织名称", "组织名称", "单位名称", "机构名称"])
            .required(),
        Field::new("former_names", "曾用名", "former names", FieldType::Text { max: 400 }).also(&["原名称"]),
        Field::new("org_type", "类型", "type", FieldType::Code(&ORG_TYPES))
            .also(&["社会组织类型", "组织类型", "登记类型"])
            .required(),
        Field::new("sub_type", "子类", "subtype", FieldType::Code(&SUB_TYPES))
            .also(&["社会组织子类", "类别"]),
        Field::new("industry_association", "行业协会商会", "industry association", FieldType::Bool)
            .also(&["是否行业协会商会"]),
        Field::new("sector", "行业分类", "sector", FieldType::Code(&SECTORS)).also(&[
            "行业",
            "所属行业",
            "活动领域",
        ]),
        Field::new("registration_authority", "登记管理机关", "registration authority", AUTHORITY).also(&[
            "登记机关",
            "登记单位",
            "发证机关",
        ]),
        Field::new("management_mode", "管理体制", "management", FieldType::Code(&MANAGEMENT_MODES))
            .also(&["管理方式", "登记方式"]),
        Field::new("supervising_unit", "业务主管单位", "supervising unit", TEXT)
            .also(&["主管单位", "业务主管部门"]),
        Field::new("decoupling_status", "脱钩状态", "decoupling", FieldType::Code(&DECOUPLING))
            .also(&["脱钩情况"]),
        Field::new("decoupled_on", "脱钩日期", "decoupled on", FieldType::Date),
        Field::new("decoupling_doc", "脱钩文号", "decoupling document", TEXT).also(&["脱钩文件"]),
        Field::new("legal_rep_name", "法定代表人", "legal representative", FieldType::Text { max: 50 })
            .also(&["法人代表", "法定代表人姓名", "负责人"]),
        Field::new("founded_on", "成立登记日期", "registered on", FieldType::Date).also(&[
            "成立日期",
            "登记日期",
            "成立时间",
            "成立登记时间",
            "批准日期",
        ]),
        Field::new("cert_from", "证书有效期起", "certificate from", FieldType::Date).also(&[
            "证书有效期自",
            "有效期起",
            "有效期自",
            "证书有效期开始",
            "证书有效期（起）",
            "证书有效期（自）",
            "发证日期",
        ]),
        Field::new("cert_to", "证书有效期止", "certificate to", FieldType::Date)
            .also(&[
                "证书有效期",
                "证书有效期至",
                "证书有效期自至",
                "有效期止",
                "有效期至",
                "有效期限",
                "证书有效期结束",
                "证书有效期（止）",
                "证书有效期（至）",
            ])
            .ends("cert_from"),
        Field::new("capital", "注册资金", "capital", FieldType::Money).also(&[
            "注册资本",
            "开办资金",
            "原始基金",
            "活动资金",
        ]),
        Field::new("address", "住所", "address", FieldType::Text { max: 200 }).also(&[
            "地址",
            "住址",
            "注册地址",
            "登记住所",
        ]),
        Field::new("town_code", "所在乡级", "township", TOWN).also(&[
            "所在乡镇街道",
            "乡镇街道",
            "所属乡镇街道",
            "所在街道",
            "所在乡镇",
            "所在镇街",
            "所在镇（街道）",
            "所属街道",
        ]),
        Field::new("town_outside", "跨区域住所", "address in another area", FieldType::Bool),
        Field::new("grid_id", "网格", "grid", FieldType::Text { max: 60 }).also(&["所在网格", "网格编号"]),
        Field::new("staff_full", "专职人数", "full-time staff", COUNT).also(&[
            "专职",
            "专职工作人员数",
            "专职工作人员",
            "专职从业人数",
            "专职人员数",
        ]),
        Field::new("staff_part", "兼职人数", "part-time staff", COUNT).also(&[
            "兼职",
            "兼职工作人员数",
            "兼职工作人员",
            "兼职从业人数",
            "兼职人员数",
        ]),
        Field::new("unit_members", "单位会员数", "unit members", COUNT).also(&["单位会员", "单位会员数量"]),
        Field::new("person_members", "个人会员数", "personal members", COUNT)
            .also(&["个人会员", "个人会员数量"]),
        Field::new("charity", "是否慈善组织", "charity", FieldType::Bool).also(&["慈善组织"]),
        Field::new("grade", "评估等级", "grade", FieldType::Code(&GRADES)).also(&["等级", "评估结果"]),
        Field::new("annual_result", "年检结论", "annual inspection", FieldType::Code(&ANNUAL_RESULTS))
            .also(&["年检/年报结论", "年报结论", "年检结果", "年度检查结论"]),
        Field::new("status", "状态", "status", FieldType::Code(&STATUSES))
            .also(&["登记状态", "社会组织状态"])
            .or("NORMAL"),
        Field::new("abnormal_listed", "活动异常名录", "listed as abnormal", FieldType::Bool)
            .also(&["是否列入活动异常名录", "列入活动异常名录"]),
        Field::new("charter_party_clause", "党建入章程", "Party clause in the charter", FieldType::Date)
            .also(&["党建入章程日期", "党建写入章程日期"]),
        Field::new("party_org", "党组织", "Party organization", FieldType::Ref("party_org"))
            .also(&["所在党组织", "党组织名称"]),
        Field::new("build_mode", "组建方式", "how it is covered", FieldType::Code(&BUILD_MODES))
            .also(&["党组织组建方式"]),
    ];

pub(super) const KIND: Kind = Kind {
    id: KindId(2),
    name: "social_org",
    label: "社会组织",
    label_en: "social organization",
    class: Class::Open,
    fields: FIELDS,
    rules: Rules {
        owner: Owns::Named(&["registration_authority", "town_code"], owner),
        identity: Identity::Key(natural_key),
        aliases,
        defaults,
        derived,
        check,
    },
};

/// The township named in it when that lies under its authority, else the authority's division.
fn owner(fields: &Fields, divisions: &Divisions) -> Option<DivisionCode> {
    let authority = division_in(fields, "registration_authority")?;
    let town = division_in(fields, "town_code").filter(|town| divisions.is_within(*town, authority));
    Some(town.unwrap_or(authority))
}

/// The credit code, else name and authority.
fn natural_key(fields: &Fields) -> Option<String> {
    if let Some(uscc) = text(fields, "uscc") {
        return Some(format!("uscc:{uscc}"));
    }
    let name = key_text(text(fields, "name")?);
    Some(format!("name:{name}@{}", text(fields, "registration_authority").unwrap_or_default()))
}

/// The credit code and the name.
fn aliases(fields: &Fields) -> Vec<String> {
    let uscc = text(fields, "uscc").map(|uscc| format!("uscc:{uscc}"));
    uscc.into_iter().chain(text(fields, "name").map(|name| format!("name:{}", key_text(name)))).collect()
}

/// Status, management by type and supervising unit, and, where no authority was written, the county or city of the
/// place; a township where it is made becomes its township then, so that it owns what it makes.
fn defaults(fields: &Fields, place: Option<DivisionCode>, divisions: &Divisions) -> Fields {
    let mut missing = fixed_defaults(FIELDS, fields);
    let empty = |name: &str| fields.get(name).is_none_or(Value::is_null);
    missing.extend(derived(fields).into_iter().filter(|(name, _)| empty(name)));
    if let Some(place) = place.filter(|_| empty("registration_authority")) {
        let above = std::iter::once(place).chain(divisions.ancestors(place));
        if let Some(authority) = above.into_iter().find(|code| code.level() <= Level::County) {
            missing.insert("registration_authority".to_owned(), Value::of(authority.to_string()));
        }
        if place.level() == Level::Township && empty("town_code") {
            missing.insert("town_code".to_owned(), Value::of(place.to_string()));
        }
    }
    missing
}

/// Management: by what it is registered as, and whether a unit supervises it.
fn derived(fields: &Fields) -> Fields {
    let mode = match (text(fields, "org_type"), text(fields, "supervising_unit")) {
        (Some("BA"), _) => "FILED",
        (_, Some(_)) => "DUAL",
        (_, None) => "DIRECT",
    };
    Fields::from([("management_mode".to_owned(), Value::of(mode))])
}

fn check(kind: &'static Kind, fields: &Fields, divisions: &Divisions, problems: &mut Vec<Problem>) {
    let (from, to) = (text(fields, "cert_from"), text(fields, "cert_to"));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        problems.push(Problem::error(kind.field("cert_to"), Trouble::CertOrder));
    }
    let authority = division_in(fields, "registration_authority");
    if let Some(uscc) = text(fields, "uscc") {
        let warnings = [type_fits(uscc, fields), authority.and_then(|a| authority_fits(uscc, a, divisions))];
        let warnings = warnings.into_iter().flatten();
        problems.extend(warnings.map(|trouble| Problem::warning(kind.field("uscc"), trouble)));
    }
    let flagged = fields.get("town_outside") == Some(&Value::Bool(true));
    if let (Some(town), Some(authority), false) = (division_in(fields, "town_code"), authority, flagged)
        && !divisions.is_within(town, authority)
    {
        let authority = divisions.full_name(authority).unwrap_or_else(|| authority.to_string());
        problems.push(Problem::warning(kind.field("town_code"), Trouble::TownOutside { authority }));
    }
    if few_founders(fields) {
        problems.push(Problem::warning(kind.field("person_members"), Trouble::FewFounders));
    }
}

/// Positions 1 and 2 (GB 32100-2015): 5 civil affairs, then the type.
fn type_fits(uscc: &str, fields: &Fields) -> Option<Trouble> {
    let expected = match text(fields, "org_type")? {
        "ST" => "51",
        "MF" => "52",
        "JJ" => "53",
        "QT" => "59",
        _ => return None,
    };
    let found = uscc.get(..2)?.to_owned();
    (found != expected).then(|| Trouble::UsccType { found, expected: expected.to_owned() })
}

/// Positions 3 to 8 are the authority's code, or one that it had before: a credit code is for life.
fn authority_fits(uscc: &str, authority: DivisionCode, divisions: &Divisions) -> Option<Trouble> {
    let found = uscc.get(2..8)?.to_owned();
    let mut known = vec![authority];
    let mut at = 0;
    while let Some(code) = known.get(at).copied() {
        at += 1;
        let before = divisions.predecessors(code).iter().chain(divisions.successors(code));
        let new: Vec<DivisionCode> = before.filter(|code| !known.contains(code)).copied().collect();
        known.extend(new);
    }
    let padded = |code: &DivisionCode| format!("{:0<6}", code.to_string());
    let fits = known.iter().any(|code| padded(code) == found);
    (!fits).then(|| Trouble::UsccAuthority { found, expected: padded(&authority) })
}

/// 50 persons or 30 units, or 50 of both together (regulations on the registration of associations).
fn few_founders(fields: &Fields) -> bool {
    let count = |name: &str| match fields.get(name) {
        Some(Value::Int(count)) => Some(*count),
        _ => None,
    };
    let (persons, units) = (count("person_members"), count("unit_members"));
    let total = persons.unwrap_or(0).saturating_add(units.unwrap_or(0));
    let known = persons.is_some() && units.is_some();
    text(fields, "org_type") == Some("ST") && known && units.unwrap_or(0) < 30 && total < 50
}
