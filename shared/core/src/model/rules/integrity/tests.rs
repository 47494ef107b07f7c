use super::super::sample::{Chance, date, fields, id};
use super::*;
use crate::model::messages::Lang;

fn rules(findings: &[Finding]) -> Vec<(Rule, Severity, Vec<RecordId>)> {
    findings.iter().map(|one| (one.rule, one.severity, one.records.clone())).collect()
}

#[test]
fn one_credit_code_is_one_organization() {
    let code = "51330203XT0000014A";
    let found = same_credit_code(&[
        (id(3), code),
        (id(1), code),
        (id(2), "52330206XT00000570"),
        (id(4), ""),
        (id(5), ""),
    ]);
    assert_eq!(rules(&found), [(Rule::SameCreditCode, Severity::Fault, vec![id(1), id(3)])]);
    assert!(found[0].why.text(Lang::Zh).contains(code), "a credit code is public");
    assert_eq!(same_credit_code(&[(id(1), code), (id(1), code)]), [], "the same record twice");
}

#[test]
fn one_hash_is_one_person_and_is_not_repeated() {
    let found = same_person(&[(id(2), "5f"), (id(1), "5f"), (id(3), "60"), (id(4), "")]);
    assert_eq!(rules(&found), [(Rule::SamePerson, Severity::Fault, vec![id(1), id(2)])]);
    assert!(!found[0].why.text(Lang::Zh).contains("5f"));
}

#[test]
fn alike_is_doubtful_unless_numbers_tell_them_apart() {
    let one = |number, name, has_number| Likeness {
        id: id(number),
        name,
        birth_ym: "1985-01",
        division: "330203004",
        has_number,
    };
    let found = doubtful_person(&[
        one(1, "张三", true),
        one(2, "张三", false),
        one(3, "李四", true),
        one(4, "李四", true),
    ]);
    assert_eq!(rules(&found), [(Rule::DoubtfulPerson, Severity::Warning, vec![id(1), id(2)])]);
    assert!(!found[0].why.text(Lang::Zh).contains("张三"));
    let unborn = Likeness { birth_ym: "", ..one(1, "张三", false) };
    assert_eq!(doubtful_person(&[unborn, Likeness { id: id(2), ..unborn }]), [], "not enough is known");
    let elsewhere = Likeness { id: id(2), division: "330203005", ..one(1, "张三", false) };
    assert_eq!(doubtful_person(&[one(1, "张三", false), elsewhere]), []);
}

#[test]
fn two_current_affiliations_are_found_and_the_one_that_counts_is_first() {
    let (old, new) = (fields(&[("from", "2010-01-01")]), fields(&[("from", "2018-05-21")]));
    let both = [(id(1), &old), (id(2), &new)];
    let found = two_affiliations(&both, date("2018-06-01")).unwrap();
    assert_eq!(rules(&[found]), [(Rule::TwoAffiliations, Severity::Fault, vec![id(2), id(1)])]);
    assert_eq!(two_affiliations(&both, date("2018-05-20")), None);
}

#[test]
fn a_term_that_is_over_calls_for_an_election() {
    let overdue = |pairs: &[(&str, &str)], on| overdue_election(id(1), &fields(pairs), date(on));
    let branch = [("org_kind", "BRANCH"), ("term_end", "2021-05-21")];
    assert_eq!(overdue(&branch, "2021-05-21"), None);
    let found = overdue(&branch, "2021-05-31").unwrap();
    assert_eq!(found.why, RuleSay::WhyOverdueElection { end: "2021-05-21".into(), days: 10 });
    assert_eq!(overdue(&[("dissolved_on", "2021-01-01"), branch[1]], "2021-05-31"), None);
    assert_eq!(overdue(&[("org_kind", "BRANCH")], "2021-05-31"), None, "no term is known");

    let mut elected = fields(&[("elected_on", "2018-05-21")]);
    elected.insert("term_years".into(), Value::Int(3));
    assert!(overdue_election(id(1), &elected, date("2021-05-22")).is_some());
    elected.insert("can_elect".into(), Value::Bool(false));
    assert_eq!(overdue_election(id(1), &elected, date("2021-05-22")), None, "a temporary branch has no term");
}

#[test]
fn sizes_of_branches_have_edges() {
    let size = |kind, units, members, doc| {
        let branch = fields(&[("org_kind", kind), ("approval_doc", doc)]);
        branch_size(id(1), &branch, units, members, date("2020-01-01"))
            .into_iter()
            .map(|one| (one.rule, one.severity))
            .collect::<Vec<_>>()
    };
    let doc = "甬综党〔2018〕1号";
    assert_eq!(size("JOINT_BRANCH", 5, 3, doc), []);
    assert_eq!(size("JOINT_BRANCH", 6, 50, doc), [(Rule::WideJointBranch, Severity::Warning)]);
    assert_eq!(size("BRANCH", 1, 2, doc), [(Rule::SmallBranch, Severity::Warning)]);
    assert_eq!(size("BRANCH", 1, 2, ""), [(Rule::SmallBranch, Severity::Fault)]);
    assert_eq!(size("BRANCH", 9, 51, doc), [(Rule::LargeBranch, Severity::Warning)]);
    assert_eq!(size("COMMITTEE", 1, 2, doc), [], "its members are in its branches");
    assert_eq!(size("TEMP_BRANCH", 1, 2, doc), []);
    let dissolved = fields(&[("org_kind", "BRANCH"), ("dissolved_on", "2020-01-01")]);
    let on = |day| branch_size(id(1), &dissolved, 1, 0, date(day)).len();
    assert_eq!((on("2019-12-31"), on("2020-01-01")), (1, 0), "a dissolved one needs no members");
}

#[test]
fn superiors_that_lead_back_are_found_once() {
    let up = |from: u8, to: u8| (id(from), Some(id(to)));
    let found = superior_cycles(&[up(1, 2), up(4, 3), up(2, 4), up(3, 2), up(6, 6), (id(5), None), up(7, 9)]);
    let fault = |records| (Rule::SuperiorCycle, Severity::Fault, records);
    assert_eq!(rules(&found), [fault(vec![id(2), id(4), id(3)]), fault(vec![id(6)])]);
    assert_eq!(superior_cycles(&[up(1, 2), up(2, 3), (id(3), None)]), []);
}

/// Whoever meets itself again on the way up is in a ring that is found, and nobody else is.
#[test]
fn superiors_agree_with_walking_up_from_each() {
    for seed in 0..500 {
        let mut chance = Chance::new(seed);
        let count = 1 + chance.below(9) as u8;
        let orgs: Vec<(RecordId, Option<RecordId>)> = (0..count)
            .map(|at| (id(at), (chance.below(4) > 0).then(|| id(chance.below(u64::from(count)) as u8))))
            .collect();
        let up = |from: RecordId| orgs.iter().find(|(id, _)| *id == from).and_then(|(_, superior)| *superior);
        let returns = |start: RecordId| {
            std::iter::successors(up(start), |at| up(*at)).take(orgs.len()).any(|at| at == start)
        };
        let expected: Vec<RecordId> = orgs.iter().map(|(id, _)| *id).filter(|id| returns(*id)).collect();
        let found = distinct(superior_cycles(&orgs).into_iter().flat_map(|one| one.records));
        assert_eq!(found, expected, "seed {seed}");
    }
}
