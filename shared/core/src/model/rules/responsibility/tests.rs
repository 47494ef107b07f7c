use super::super::sample::{Chance, fields};
use super::*;
use crate::model::messages::Lang;

fn answer(pairs: &[(&str, &str)]) -> Responsibility {
    by(&Parameters::default(), pairs)
}

fn by(parameters: &Parameters, pairs: &[(&str, &str)]) -> Responsibility {
    let mut organization = fields(pairs);
    if organization.remove("association").is_some() {
        organization.insert("industry_association".into(), Value::Bool(true));
    }
    responsible(&organization, &Divisions::sample(), parameters).expect("it is active")
}

fn title(answer: &Responsibility) -> String {
    answer.body.title.text(Lang::Zh)
}

const HAISHU: (&str, &str) = ("registration_authority", "330203");
const YUEHU: (&str, &str) = ("town_code", "330203004");

#[test]
fn a_decoupled_association_goes_by_the_documents_table() {
    let decoupled = [
        HAISHU,
        YUEHU,
        ("association", "1"),
        ("decoupling_status", "DONE"),
        ("supervising_unit", "区商务局"),
    ];
    let found = answer(&decoupled);
    assert_eq!(
        (found.rule, found.body.kind, found.body.level()),
        (Rule::R1, BodyKind::Comprehensive, Some(Level::County))
    );
    assert_eq!(title(&found), "宁波市海曙区社会组织综合党委");
    assert!(found.why.text(Lang::Zh).contains("甬组通〔2017〕18号"));

    let industry =
        Parameters { decoupled: vec![(Level::County, BodyKind::Industry)], ..Parameters::default() };
    assert_eq!(title(&by(&industry, &decoupled)), "宁波市海曙区行业党委");
    let blank = Parameters { decoupled: Vec::new(), ..Parameters::default() };
    let pending = by(&blank, &decoupled);
    assert_eq!((pending.rule, pending.body.kind, pending.body.settled), (Rule::R1, BodyKind::Pending, false));
    assert_eq!(title(&pending), "待定");
}

#[test]
fn only_associations_that_are_being_decoupled_go_by_it() {
    let rule = |status| {
        answer(&[
            HAISHU,
            ("association", "1"),
            ("decoupling_status", status),
            ("supervising_unit", "区商务局"),
        ])
        .rule
    };
    assert_eq!(
        ["IN_PROGRESS", "DONE", "PENDING", "NA", ""].map(rule),
        [Rule::R1, Rule::R1, Rule::R2, Rule::R2, Rule::R2]
    );
    let other = answer(&[HAISHU, ("decoupling_status", "DONE"), ("supervising_unit", "区文化局")]);
    assert_eq!(other.rule, Rule::R2, "not an industry association");
}

#[test]
fn under_dual_management_the_supervising_units_party_organization() {
    let found = answer(&[HAISHU, YUEHU, ("management_mode", "DUAL"), ("supervising_unit", "海曙区文化局")]);
    assert_eq!((found.rule, found.body.kind, found.body.settled), (Rule::R2, BodyKind::Supervising, true));
    assert_eq!(title(&found), "海曙区文化局党组织或其行业党委");
    let derived = answer(&[HAISHU, YUEHU, ("org_type", "MF"), ("supervising_unit", "海曙区教育局")]);
    assert_eq!(derived.rule, Rule::R2, "a supervising unit means dual management");
    let unnamed = answer(&[HAISHU, YUEHU, ("management_mode", "DUAL")]);
    assert_eq!((unnamed.rule, unnamed.body.settled), (Rule::R2, false));
    let chosen =
        answer(&[HAISHU, YUEHU, ("management_mode", "DIRECT"), ("supervising_unit", "海曙区教育局")]);
    assert_eq!(chosen.rule, Rule::R3, "what a person chose stands");
}

#[test]
fn registered_directly_it_is_the_places_or_the_comprehensive_committees() {
    let town = answer(&[HAISHU, YUEHU, ("management_mode", "DIRECT")]);
    assert_eq!(
        (town.rule, town.body.kind, town.body.level()),
        (Rule::R3, BodyKind::Local, Some(Level::Township))
    );
    assert_eq!(title(&town), "宁波市海曙区月湖街道党（工）委");

    let nowhere = answer(&[HAISHU, ("management_mode", "DIRECT")]);
    assert_eq!(
        (nowhere.rule, nowhere.body.kind, nowhere.body.level()),
        (Rule::R4, BodyKind::Comprehensive, Some(Level::County))
    );
    let outside = answer(&[HAISHU, ("town_code", "330205001"), ("management_mode", "DIRECT")]);
    assert_eq!(outside.rule, Rule::R4, "an address in another county");
    let unknown = answer(&[HAISHU, ("town_code", "330203999"), ("management_mode", "DIRECT")]);
    assert_eq!(unknown.rule, Rule::R4);

    let city = answer(&[("registration_authority", "3302"), ("management_mode", "DIRECT")]);
    assert_eq!((title(&city).as_str(), city.body.level()), ("宁波市社会组织综合党委", Some(Level::City)));
    let merged = answer(&[("registration_authority", "330204"), ("management_mode", "DIRECT")]);
    assert_eq!(title(&merged), "宁波市鄞州区社会组织综合党委", "江东区 became part of it in 2016");
    let unsaid = answer(&[]);
    assert_eq!((unsaid.rule, unsaid.body.settled), (Rule::R4, false));
}

#[test]
fn filed_ones_are_the_places() {
    let filed = answer(&[HAISHU, YUEHU, ("org_type", "BA")]);
    assert_eq!((filed.rule, filed.why.clone()), (Rule::R3, RuleSay::WhyFiled));
    let no_town = answer(&[HAISHU, ("org_type", "BA")]);
    assert_eq!((no_town.rule, no_town.body.level()), (Rule::R3, Some(Level::County)));
    assert!(!answer(&[("org_type", "BA")]).body.settled);
}

#[test]
fn every_active_organization_has_exactly_one_and_no_other_has_any() {
    let divisions = Divisions::sample();
    for seed in 0..2_000 {
        let mut chance = Chance::new(seed);
        let mut organization = chance.organization();
        let drawn = fields(&[
            ("registration_authority", chance.pick(&["", "3302", "330203", "330204", "33", "no code"])),
            ("town_code", chance.pick(&["", "330203004", "330205001", "330203999", "3302"])),
            ("supervising_unit", chance.pick(&["", "区文化局"])),
            ("decoupling_status", chance.pick(&["", "DONE", "PENDING"])),
        ]);
        organization.extend(drawn);
        organization.insert("industry_association".into(), Value::Bool(chance.below(2) == 0));
        let found = responsible(&organization, &divisions, &Parameters::default());
        assert_eq!(found.is_some(), is_normal(&organization), "seed {seed}");
        if let Some(found) = found {
            let said = [found.body.title, found.why, found.rule.say()];
            assert!(said.iter().all(|say| !say.text(Lang::Zh).is_empty() && !say.text(Lang::En).is_empty()));
        }
    }
}
