use super::*;
use crate::model::DictionaryEdition;
use crate::model::dictionary::{Owner, kind, kind_by_id, kinds};

/// A synthetic organization of 海曙区, without faults.
fn whole() -> Fields {
    let texts = [
        ("uscc", "51330203XT0000014A"),
        ("name", "宁波市海曙区测试协会"),
        ("org_type", "ST"),
        ("status", "NORMAL"),
        ("registration_authority", "330203"),
        ("town_code", "330203004"),
    ];
    texts.iter().map(|(name, text)| ((*name).to_owned(), Value::of(*text))).collect()
}

fn with(changes: &[(&str, Value)]) -> Fields {
    let mut fields = whole();
    fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    fields
}

fn check(fields: &Fields) -> Vec<(Option<&'static str>, Severity, Trouble)> {
    let problems = kind("social_org").unwrap().check(fields, &Divisions::sample());
    problems.into_iter().map(|p| (p.field.map(|f| f.name), p.severity, p.trouble)).collect()
}

#[test]
fn kinds_have_numbers_and_names_of_their_own() {
    for kind_ in kinds() {
        assert!(std::ptr::eq(kind(kind_.name).unwrap(), kind_by_id(kind_.id).unwrap()));
        for (at, field) in kind_.fields.iter().enumerate() {
            assert!(is_identifier(field.name));
            assert!(
                !kind_.fields[..at]
                    .iter()
                    .any(|other| other.name == field.name || other.label == field.label)
            );
        }
    }
    assert!(kind("nothing").is_none());
}

#[test]
fn management_follows_type_and_supervising_unit_until_somebody_chooses() {
    let kind = kind("social_org").unwrap();
    let fields = |pairs: &[(&str, &str)]| -> Fields {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), Value::of(*text))).collect()
    };
    let mode = |before: &[(&str, &str)], change: &[(&str, &str)]| {
        let followed = kind.follow(&fields(before), &fields(change));
        assert!(followed.keys().all(|name| name == "management_mode"));
        followed.get("management_mode").and_then(Value::text).map(str::to_owned)
    };
    let direct = [("org_type", "ST"), ("management_mode", "DIRECT")];
    let unit = [("supervising_unit", "区文化局")];
    assert_eq!(mode(&direct, &unit).as_deref(), Some("DUAL"));
    assert_eq!(mode(&direct, &[("org_type", "BA")]).as_deref(), Some("FILED"));
    assert_eq!(mode(&direct, &[("address", "某处")]), None);
    assert_eq!(mode(&direct, &[unit[0], ("management_mode", "DIRECT")]), None, "the row says it");
    let chosen = [("org_type", "ST"), unit[0], ("management_mode", "DIRECT")];
    assert_eq!(mode(&chosen, &[("supervising_unit", "市文化局")]), None, "a person said it");
    let none = Fields::from([("supervising_unit".to_owned(), Value::Null)]);
    let dual = fields(&[("org_type", "ST"), unit[0], ("management_mode", "DUAL")]);
    assert_eq!(kind.follow(&dual, &none), fields(&[("management_mode", "DIRECT")]));
}

#[test]
fn a_whole_record_has_no_problem() {
    assert_eq!(check(&whole()), []);
}

#[test]
fn what_must_be_there() {
    let errors = check(&Fields::new());
    let missing: Vec<_> =
        errors.iter().map(|(field, severity, trouble)| (field.unwrap(), *severity, trouble)).collect();
    let error = Severity::Error;
    assert_eq!(
        missing,
        [
            ("uscc", error, &Trouble::Missing),
            ("name", error, &Trouble::Missing),
            ("org_type", error, &Trouble::Missing)
        ]
    );
    // A filed community organization has no credit code.
    assert_eq!(check(&with(&[("uscc", Value::Null), ("org_type", Value::of("BA"))])), []);
}

#[test]
fn rules_across_fields() {
    let only = |changes: &[(&str, Value)]| match check(&with(changes)).as_slice() {
        [(field, severity, trouble)] => (field.unwrap(), *severity, trouble.clone()),
        other => panic!("{other:?}"),
    };
    let order = [("cert_from", Value::of("2023-01-01")), ("cert_to", Value::of("2022-12-31"))];
    assert_eq!(only(&order), ("cert_to", Severity::Error, Trouble::CertOrder));
    let elsewhere = [("town_code", Value::of("330281100"))];
    assert_eq!(
        only(&elsewhere),
        ("town_code", Severity::Warning, Trouble::TownOutside { authority: "宁波市海曙区".into() })
    );
    assert_eq!(check(&with(&[elsewhere[0].clone(), ("town_outside", Value::Bool(true))])), []);
    let other = [("registration_authority", Value::of("3302"))];
    let (found, expected) = ("330203".to_owned(), "330200".to_owned());
    assert_eq!(only(&other), ("uscc", Severity::Warning, Trouble::UsccAuthority { found, expected }));
    let foundation = [("org_type", Value::of("JJ"))];
    let (found, expected) = ("51".to_owned(), "53".to_owned());
    assert_eq!(only(&foundation), ("uscc", Severity::Warning, Trouble::UsccType { found, expected }));
    let few = [("person_members", Value::Int(20)), ("unit_members", Value::Int(10))];
    assert_eq!(only(&few), ("person_members", Severity::Warning, Trouble::FewFounders));
    let negative = [("staff_full", Value::Int(-1))];
    assert!(matches!(only(&negative), ("staff_full", Severity::Error, Trouble::OutOfRange { .. })));
    let wrong = [("charity", Value::of("yes"))];
    assert_eq!(only(&wrong), ("charity", Severity::Error, Trouble::WrongType));
}

#[test]
fn a_code_for_life_keeps_the_number_of_a_retired_division() {
    // 51330204XT…: registered by 江东区, which went into 鄞州区.
    let body = "51330204XT0000014";
    let uscc = format!("{body}{}", crate::model::check_characters::uscc_check(body).unwrap());
    let successor = [
        ("uscc", Value::of(uscc.clone())),
        ("registration_authority", Value::of("330212")),
        ("town_code", Value::Null),
    ];
    assert_eq!(check(&with(&successor)), []);
    let retired = [
        ("uscc", Value::of(uscc)),
        ("registration_authority", Value::of("330204")),
        ("town_code", Value::Null),
    ];
    let (on, successors) = ("2016-09-14".to_owned(), "宁波市鄞州区（330212）".to_owned());
    assert_eq!(
        check(&with(&retired)),
        [(Some("registration_authority"), Severity::Warning, Trouble::RetiredDivision { on, successors })]
    );
}

#[test]
fn the_owner_is_the_township_within_the_authority() {
    let (kind, tree) = (kind("social_org").unwrap(), Divisions::sample());
    let owner = |fields: &Fields| match kind.owner(fields, &tree) {
        Owner::Division(code) => Some(code.to_string()),
        _ => None,
    };
    assert_eq!(owner(&whole()).as_deref(), Some("330203004"));
    assert_eq!(owner(&with(&[("town_code", Value::of("330281100"))])).as_deref(), Some("330203"));
    assert_eq!(owner(&with(&[("town_code", Value::Null)])).as_deref(), Some("330203"));
    assert_eq!(owner(&with(&[("registration_authority", Value::of("3302"))])).as_deref(), Some("330203004"));
    assert_eq!(owner(&with(&[("registration_authority", Value::Null)])), None);
}

#[test]
fn natural_keys_see_through_widths() {
    let kind = kind("social_org").unwrap();
    assert_eq!(kind.natural_key(&whole()).as_deref(), Some("uscc:51330203XT0000014A"));
    let named = |name: &str| kind.natural_key(&with(&[("uscc", Value::Null), ("name", Value::of(name))]));
    assert_eq!(named("海曙（a）社"), named("海曙 (A) 社"));
    assert_eq!(kind.natural_key(&Fields::new()), None);
}

#[test]
fn a_new_record_gets_what_nobody_wrote() {
    let (kind, tree) = (kind("social_org").unwrap(), Divisions::sample());
    let place = "330203004".parse().ok();
    let defaults = kind.defaults(&Fields::new(), place, &tree);
    let text = |name: &str| defaults.get(name).and_then(Value::text);
    assert_eq!((text("status"), text("management_mode")), (Some("NORMAL"), Some("DIRECT")));
    assert_eq!((text("registration_authority"), text("town_code")), (Some("330203"), Some("330203004")));
    let supervised = with(&[("supervising_unit", Value::of("某局"))]);
    let defaults = kind.defaults(&supervised, place, &tree);
    assert_eq!(defaults.into_iter().collect::<Vec<_>>(), [("management_mode".to_owned(), Value::of("DUAL"))]);
}

#[test]
fn the_gate_checks_types_and_tolerates_newer_fields() {
    let kind = kind("social_org").unwrap();
    let check = |name: &str, value: Value| kind.check_types(name, &value, DictionaryEdition::NEWEST);
    assert_eq!(check("name", Value::of("甲")), Ok(()));
    assert_eq!(check("name", Value::Null), Ok(()));
    assert_eq!(check("org_type", Value::of("NEWER")), Ok(()));
    assert_eq!(check("field_of_2030", Value::Bool(true)), Ok(()));
    assert_eq!(check("capital", Value::of("3万元")), Err(TypeProblem::Type));
    assert_eq!(check("name", Value::Int(3)), Err(TypeProblem::Type));
    assert_eq!(check("name", Value::of("长".repeat(30_000))), Err(TypeProblem::Long));
    assert_eq!(check("org_type", Value::of("X".repeat(65))), Err(TypeProblem::Long));
    for name in ["", "Name", "名称", "a b", "_x", "9a", "a\0", &"a".repeat(65)] {
        assert_eq!(check(name, Value::Null), Err(TypeProblem::Name), "{name}");
    }
}

#[test]
fn a_division_record_says_what_it_must() {
    let kind = kind("division").unwrap();
    let fields = |pairs: &[(&str, &str)]| -> Fields {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), Value::of(*text))).collect()
    };
    let good = fields(&[("code", "330213"), ("name", "奉化区"), ("level", "COUNTY"), ("parent", "3302")]);
    assert_eq!(kind.check(&good, &Divisions::sample()), []);
    assert_eq!(kind.natural_key(&good).as_deref(), Some("code:330213"));
    let bad = fields(&[
        ("code", "330213"),
        ("name", "奉化区"),
        ("level", "CITY"),
        ("parent", "330203"),
        ("successor", "330212"),
    ]);
    let troubles: Vec<Trouble> =
        kind.check(&bad, &Divisions::sample()).into_iter().map(|p| p.trouble).collect();
    assert_eq!(
        troubles,
        [
            Trouble::LevelOfCode { expected: "县级".into(), expected_en: "county".into() },
            Trouble::ParentHigher,
            Trouble::SuccessorWithoutEnd
        ]
    );
}
