use super::super::sample::{Chance, date, days, engagement, fields};
use super::*;

/// The days to look at: those of the samples, and those around each on which something changes.
fn looked_at(contributions: &[Contribution]) -> impl Iterator<Item = Date> {
    let around = contributions.iter().flat_map(|one| {
        let day = i64::from(one.day);
        [day - 1, day, day + 1].into_iter().filter_map(Date::from_days)
    });
    days().into_iter().chain(around.collect::<Vec<_>>())
}

#[test]
fn what_counts_when_is_written_down_as_differences() {
    let organization = fields(&[("founded_on", "2018-05-21"), ("status", "NORMAL")]);
    let people = ["a", "b", "c"].map(|person| engagement(person, "FULL", true, "2018-06-01", "2018-09-01"));
    let sent = [fields(&[("status", "ACTIVE"), ("from", "2018-07-01")])];
    let facts = Facts::of(&organization, &people, &sent);
    let found = contributions(&facts, Options::default());
    let [founded, three, sent, two] =
        ["2018-05-21", "2018-06-01", "2018-07-01", "2018-09-01"].map(|day| number(date(day)));
    let one = |cell, day, delta| Contribution { cell, day, delta };
    let expected = [
        one(Cell::Base, founded, 1),
        one(Cell::NotFounded, ALWAYS, 1),
        one(Cell::NotFounded, founded, -1),
        one(Cell::Work, sent, 1),
        one(Cell::RequiredFullTime, three, 1),
        one(Cell::RequiredFullTime, two, -1),
        one(Cell::RequiredWorking, three, 1),
        one(Cell::RequiredWorking, two, -1),
        one(Cell::GapFullTime, three, 1),
        one(Cell::GapFullTime, two, -1),
        one(Cell::GapWorking, three, 1),
        one(Cell::GapWorking, two, -1),
    ];
    assert_eq!(found, expected);
    let gap =
        found.iter().filter(|one| one.cell == Cell::GapFullTime).map(|one| (one.day, i64::from(one.delta)));
    let gap: Vec<_> = gap.collect();
    let on = |day: i32| value_at(gap.iter().copied(), day);
    assert_eq!([three - 1, three, two - 1, two, ALWAYS].map(on), [0, 1, 1, 0, 0]);
}

#[test]
fn on_every_day_the_sum_of_differences_is_what_the_rules_say() {
    let mut changed = 0;
    for seed in 0..500 {
        let mut chance = Chance::new(seed);
        let (organization, engagements, assignments) =
            (chance.organization(), chance.engagements(), chance.assignments());
        let facts = Facts::of(&organization, &engagements, &assignments);
        let options = Options { with_filed: chance.below(2) == 0, without_young: chance.below(2) == 0 };
        let found = contributions(&facts, options);
        assert!(found.is_sorted() && found.iter().all(|one| one.delta != 0), "seed {seed}");
        assert!(
            found.windows(2).all(|two| (two[0].cell, two[0].day) != (two[1].cell, two[1].day)),
            "seed {seed}"
        );
        for on in looked_at(&found) {
            let recount: Counts = standing(&facts, on, options).cells().into_iter().collect();
            assert_eq!(counts_at(&found, on), recount, "seed {seed}, {on}");
        }
        changed += found.iter().filter(|one| one.day != ALWAYS).count();
    }
    assert!(changed > 500, "the samples change with time: {changed}");
}

#[test]
fn a_tally_that_was_changed_is_the_tally_of_what_is_now() {
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let mut drawn = || {
            let (organization, engagements, assignments) =
                (chance.organization(), chance.engagements(), chance.assignments());
            contributions(&Facts::of(&organization, &engagements, &assignments), Options::default())
        };
        let (old, new) = (drawn(), drawn());
        let change_ = change(&old, &new);
        assert!(change_.is_sorted() && change_.iter().all(|one| one.delta != 0));
        for on in looked_at(&old).chain(looked_at(&new)) {
            assert_eq!(counts_at(old.iter().chain(&change_), on), counts_at(&new, on), "seed {seed}, {on}");
        }
        assert_eq!(change(&new, &new), []);
        assert_eq!(change(&[], &new), new);
    }
}

#[test]
fn members_by_differences_are_what_the_rule_says() {
    for seed in 0..2_000 {
        let person = Chance::new(seed).person();
        let found = person_contributions(&person);
        for on in looked_at(&found) {
            let recount: Counts = counted(&person, on).into_iter().collect();
            assert_eq!(counts_at(&found, on), recount, "seed {seed}, {on}");
        }
    }
}
