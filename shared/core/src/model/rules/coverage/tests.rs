use super::super::sample::{Chance, date, days, engagement, fields};
use super::*;
use crate::model::value::Fields;

fn stands(organization: &Fields, assignments: &[Fields], on: &str) -> Standing {
    standing(&Facts::of(organization, &[], assignments), date(on), Options::default())
}

#[test]
fn work_coverage_is_a_union_and_counts_none_twice() {
    let covered = |mode| fields(&[("party_org", "name:某支部"), ("build_mode", mode)]);
    let sent = [fields(&[("status", "ACTIVE"), ("from", "2018-06-01"), ("to", "2019-06-01")])];
    let work = |organization: &Fields, on| stands(organization, &sent, on).work;
    assert_eq!(work(&covered("SOLO"), "2018-07-01"), Some(Work::Organization));
    assert_eq!(work(&covered("JOINT"), "2018-01-01"), Some(Work::Organization));
    assert_eq!(work(&covered("ATTACHED"), "2018-07-01"), Some(Work::Instructor));
    assert_eq!(work(&Fields::new(), "2018-05-31"), None);
    assert_eq!(work(&Fields::new(), "2018-06-01"), Some(Work::Instructor));
    assert_eq!(work(&Fields::new(), "2019-06-01"), None, "over on its last day");
    assert_eq!(work(&covered("WORK_GROUP"), "2018-01-01"), Some(Work::WorkGroup));
    assert!(!stands(&covered("WORK_GROUP"), &[], "2018-07-01").cells().contains(&Cell::Organization));

    let both = stands(&covered("SOLO"), &sent, "2018-07-01").cells();
    assert_eq!(Vec::from_iter(both), [Cell::Base, Cell::Organization, Cell::Solo, Cell::Work]);
    let ended = [fields(&[("status", "ENDED"), ("from", "2018-06-01")])];
    assert_eq!(stands(&Fields::new(), &ended, "2018-07-01").work, None);
    let unsaid = [fields(&[("from", "2018-06-01")])];
    assert_eq!(
        stands(&Fields::new(), &unsaid, "2018-07-01").work,
        Some(Work::Instructor),
        "ACTIVE is the default"
    );
}

#[test]
fn who_is_out_of_the_base_counts_under_its_reason_alone() {
    let covered = [("party_org", "name:某支部"), ("build_mode", "SOLO"), ("status", "DEREGISTERED")];
    assert_eq!(Vec::from_iter(stands(&fields(&covered), &[], "2018-07-01").cells()), [Cell::NotNormal]);
}

/// A county of 213 organizations, 67 of them covered: 38 alone and 29 jointly (DOMAIN 4.1, a real county: 31 %).
#[test]
fn a_real_county() {
    let covered = |mode| fields(&[("party_org", "name:某支部"), ("build_mode", mode)]);
    let mut organizations: Vec<Fields> = Vec::new();
    organizations.extend(std::iter::repeat_n(covered("SOLO"), 38));
    organizations.extend(std::iter::repeat_n(covered("JOINT"), 29));
    organizations.extend(std::iter::repeat_n(covered("ATTACHED"), 6));
    organizations.extend(std::iter::repeat_n(Fields::new(), 140));
    organizations.extend(std::iter::repeat_n(fields(&[("org_type", "BA")]), 300));
    organizations.push(fields(&[("status", "REVOKED")]));
    let on = date("2018-02-28");
    let three = ["a", "b", "c"].map(|person| engagement(person, "FULL", true, "", ""));
    let sent = [fields(&[("status", "ACTIVE")])];
    let count = |(at, organization): (usize, &Fields)| -> Counts {
        // Every second has three full members, the last of the uncovered ones an instructor.
        let people = if at % 2 == 0 { &three[..] } else { &[] };
        let sent = if (200..213).contains(&at) { &sent[..] } else { &[] };
        standing(&Facts::of(organization, people, sent), on, Options::default()).cells().into_iter().collect()
    };
    let counts: Counts = organizations.iter().enumerate().map(count).sum();
    let figures = Figures::of(&counts, on, Options::default());
    assert_eq!(
        (figures.base, figures.organization, figures.rules.as_str()),
        (213, Share { numerator: 67, base: 213 }, "2018-14.1")
    );
    assert_eq!(figures.organization.rate().map(|rate| (rate * 100.0).round()), Some(31.0));
    assert_eq!(figures.solo, Share { numerator: 38, base: 213 });
    assert_eq!(figures.work, Share { numerator: 80, base: 213 });
    assert_eq!(figures.excluded, [(Exclusion::NotNormal, 1), (Exclusion::Filed, 300)]);
    assert_eq!(figures.excluded_in_all(), 301);
    // 107 should build; of these 19 have a branch of their own and 15 a joint one.
    assert_eq!(figures.solo_of_required, Share { numerator: 19, base: 107 });
    assert_eq!(figures.gaps, Version::ALL.map(|version| (version, Share { numerator: 73, base: 107 })));
}

#[test]
fn no_base_no_rate() {
    let figures = Figures::of(&Counts::default(), date("2018-05-21"), Options::default());
    assert_eq!(
        [figures.organization, figures.solo, figures.solo_of_required, figures.work].map(Share::rate),
        [None; 4]
    );
    assert!(figures.excluded.is_empty());
}

#[test]
fn a_county_is_the_sum_of_its_townships() {
    for seed in 0..50 {
        let mut chance = Chance::new(seed);
        let (mut county, mut towns, mut organizations) = (Counts::default(), [Counts::default(); 3], 0);
        let on = days()[chance.below(days().len() as u64) as usize];
        let options = Options { with_filed: chance.below(2) == 0, without_young: chance.below(2) == 0 };
        for _ in 0..chance.below(60) {
            let (organization, engagements, assignments) =
                (chance.organization(), chance.engagements(), chance.assignments());
            let facts = Facts::of(&organization, &engagements, &assignments);
            let counts: Counts = standing(&facts, on, options).cells().into_iter().collect();
            county += counts;
            towns[chance.below(3) as usize] += counts;
            organizations += 1;
        }
        assert_eq!(towns.into_iter().sum::<Counts>(), county, "seed {seed}");
        let figures = Figures::of(&county, on, options);
        assert_eq!(
            figures.base + figures.excluded_in_all(),
            organizations,
            "each is in the base or out of it"
        );
        assert_eq!(county.get(Cell::Solo) + county.get(Cell::Joint), figures.organization.numerator);
        assert!(figures.organization.numerator <= figures.work.numerator);
        let shares = [figures.organization, figures.solo, figures.solo_of_required, figures.work];
        let shares = shares.into_iter().chain(figures.gaps.map(|(_, share)| share));
        assert!(
            shares.filter_map(Share::rate).all(|rate| (0.0..=1.0).contains(&rate)),
            "seed {seed}: {figures:?}"
        );
    }
}
