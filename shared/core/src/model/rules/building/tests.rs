use super::super::sample::{Chance, date, days, engagement, fields};
use super::*;

fn open() -> Fields {
    fields(&[("org_type", "MF"), ("status", "NORMAL")])
}

fn assessed(organization: &Fields, engagements: &[Fields], on: &str) -> Building {
    assess(&Facts::of(organization, engagements, &[]), date(on), Options::default())
}

fn full_time_since(engagements: &[Fields], on: &str) -> Option<Date> {
    since(&Facts::of(&open(), engagements, &[]), Version::FullTime, date(on))
}

/// People who all come on a day and stay.
fn staff(who: &[(&str, &str, bool)]) -> Vec<Fields> {
    who.iter()
        .map(|(person, kind, full_time)| engagement(person, kind, *full_time, "2018-05-21", ""))
        .collect()
}

#[test]
fn three_are_enough_and_two_are_not() {
    let people = [("a", "FULL", true), ("b", "FULL", true), ("c", "FULL", true)];
    let three = assessed(&open(), &staff(&people), "2018-06-01");
    assert_eq!(
        three.verdicts().map(|verdict| (verdict.count, verdict.fires(), verdict.gap)),
        [(3, true, true); 2]
    );
    assert_eq!(full_time_since(&staff(&people), "2018-06-01"), Some(date("2018-05-21")));
    let two = assessed(&open(), &staff(&people[..2]), "2018-06-01");
    assert_eq!(
        two.verdicts().map(|verdict| (verdict.count, verdict.fires(), verdict.gap)),
        [(2, false, false); 2]
    );
    assert_eq!(full_time_since(&staff(&people[..2]), "2018-06-01"), None);
}

#[test]
fn probationary_members_and_candidates_do_not_count() {
    let people =
        [("a", "FULL", true), ("b", "FULL", true), ("c", "PROB", true), ("d", "DEV", true), ("e", "", true)];
    let found = assessed(&open(), &staff(&people), "2018-06-01");
    assert_eq!(found.verdicts().map(|verdict| verdict.count), [2, 2]);
}

#[test]
fn part_time_counts_for_the_regulations_and_not_for_the_city() {
    let people = [("a", "FULL", true), ("b", "FULL", true), ("c", "FULL", false)];
    let found = assessed(&open(), &staff(&people), "2018-06-01");
    assert_eq!((found.full_time.count, found.full_time.gap), (2, false));
    assert_eq!((found.working.count, found.working.gap), (3, true));
}

#[test]
fn a_person_counts_once() {
    let mut people =
        staff(&[("a", "FULL", true), ("b", "FULL", true), ("b", "FULL", false), ("", "FULL", true)]);
    people.push(engagement("a", "FULL", true, "2018-01-01", "2018-12-31"));
    let found = assessed(&open(), &people, "2018-06-01");
    assert_eq!(found.verdicts().map(|verdict| verdict.count), [2, 2], "and who is not named, not at all");
}

#[test]
fn since_begins_again_after_an_interruption() {
    let mut people = staff(&[("a", "FULL", true), ("b", "FULL", true)]);
    people.push(engagement("c", "FULL", true, "2018-06-01", "2018-07-01"));
    people.push(engagement("d", "FULL", true, "2018-06-15", "2018-08-01"));
    people.push(engagement("e", "FULL", true, "2018-09-01", ""));
    let since = |on| full_time_since(&people, on).map(|date| date.to_string());
    assert_eq!(since("2018-05-31"), None);
    assert_eq!(since("2018-07-31").as_deref(), Some("2018-06-01"), "one comes before the other leaves");
    assert_eq!(since("2018-08-01"), None, "over on the day of leaving");
    assert_eq!(since("2018-10-01").as_deref(), Some("2018-09-01"));

    let undated = [("a", ""), ("b", ""), ("c", ""), ("d", "2018-06-01")];
    let people = undated.map(|(person, from)| engagement(person, "FULL", true, from, ""));
    assert!(assessed(&open(), &people, "2018-07-01").full_time.fires());
    assert_eq!(full_time_since(&people, "2018-07-01"), None, "nobody knows");
    assert_eq!(full_time_since(&people[1..], "2018-07-01"), Some(date("2018-06-01")), "the third came then");
}

#[test]
fn attached_is_still_a_gap_and_who_is_out_of_the_base_has_none() {
    let people = staff(&[("a", "FULL", true), ("b", "FULL", true), ("c", "FULL", true)]);
    let gap = |pairs: &[(&str, &str)]| assessed(&fields(pairs), &people, "2018-06-01").full_time.gap;
    let covered = |mode| gap(&[("party_org", "name:某支部"), ("build_mode", mode)]);
    assert!(!covered("SOLO") && !covered("JOINT"));
    assert!(covered("ATTACHED") && covered("DUAL_FIT") && covered(""));
    assert!(gap(&[]) && !gap(&[("status", "DEREGISTERED")]) && !gap(&[("org_type", "BA")]));
}

#[test]
fn since_that_day_it_has_fired_every_day_and_not_on_the_day_before() {
    let (mut dated, mut ever) = (0, 0);
    for seed in 0..120 {
        let engagements = Chance::new(seed).engagements();
        let staff = Staff::of(&engagements);
        for version in Version::ALL {
            let fires = |day: &Date| staff.count(version, *day) >= THREE;
            for on in days() {
                let mut up_to = days().into_iter().filter(|day| *day <= on);
                match staff.since(version, on) {
                    Some(since) => {
                        dated += 1;
                        let before = since.days() - 1;
                        assert!(Date::from_days(before).is_some_and(|day| !fires(&day)), "seed {seed}, {on}");
                        assert!(
                            up_to.filter(|day| *day >= since).all(|day| fires(&day)),
                            "seed {seed}, {on}"
                        );
                    }
                    None if fires(&on) => {
                        ever += 1;
                        assert!(up_to.all(|day| fires(&day)), "seed {seed}, {on}");
                    }
                    None => {}
                }
            }
        }
    }
    assert!(dated > 300 && ever > 20, "{dated} and {ever}");
}
