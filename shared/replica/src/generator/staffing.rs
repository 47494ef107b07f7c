//! Who works where: members, those on the way to be members, who has left, who works at two places.

use super::city::{City, Engagement, Person};
use super::numbers::{Deck, Numbers, permille, split};
use super::people::People;
use super::words::POSTS;
use huiliu_core::model::Date;
use std::collections::BTreeSet;

/// Of 1,000 members so many are in their year of probation (24 join every year, DOMAIN 4.1).
const PROBATIONARY: [usize; 2] = [976, 24];
/// Of 16.4k members about 15k belong to the full-time staff (DOMAIN 4.1).
const FULL_TIME: [usize; 2] = [85, 915];
/// To 1,000 members so many candidates, activists and applicants.
const ON_THE_WAY: [(&str, usize); 3] = [("DEV", 30), ("ACTIVIST", 106), ("APPLICANT", 212)];

/// The members of every organization, and those on the way.
pub(super) fn staff(city: &mut City, people: &mut People) {
    let mut numbers = Numbers::of(city.order.seed, "staff");
    let (mut probationary, mut full_time) = (Deck::of(&PROBATIONARY), Deck::of(&FULL_TIME));
    let sizes: Vec<usize> = city.organizations.iter().map(|one| one.members).collect();
    let members: usize = sizes.iter().sum();
    let ways = ON_THE_WAY.map(|(kind, share)| (kind, split(permille(members, share), &sizes)));
    for (at, size) in sizes.iter().enumerate() {
        for _ in 0..*size {
            let kind = if probationary.draw(&mut numbers) == 1 { "PROB" } else { "FULL" };
            let full_time = full_time.draw(&mut numbers) == 1;
            engage(city, people, at, kind, full_time, &mut numbers);
        }
        for (kind, shares) in &ways {
            for _ in 0..shares[at] {
                engage(city, people, at, kind, true, &mut numbers);
            }
        }
    }
    leave(city, &mut numbers);
}

fn engage(
    city: &mut City,
    people: &mut People,
    organization: usize,
    kind: &'static str,
    full_time: bool,
    numbers: &mut Numbers,
) {
    let at = &city.organizations[organization];
    let person = people.person(at.folder, at.town, kind);
    let from = some_day(at.founded, &person, city.order.as_of, numbers);
    let post = *numbers.pick(POSTS);
    let one = Engagement { person: city.persons.len(), organization, full_time, post, from, to: None };
    city.persons.push(person);
    city.engagements.push(one);
}

/// A day after the organization was founded and the person was of age.
fn some_day(founded: Date, person: &Person, as_of: Date, numbers: &mut Numbers) -> Date {
    let of_age = person.birth.plus_years(18).map_or(0, Date::days);
    let first = founded.days().max(of_age).min(as_of.days() - 1);
    Date::from_days(numbers.between(first, as_of.days() - 1)).unwrap_or(founded)
}

/// One in fifty has left another place of the county: that counts nowhere.
fn leave(city: &mut City, numbers: &mut Numbers) {
    let of_folder = city.by_folder();
    for at in 0..city.engagements.len() {
        let Engagement { person, organization, .. } = city.engagements[at];
        let other = *numbers.pick(&of_folder[city.folder_of(organization)]);
        let of_age = city.persons[person].birth.plus_years(18).map_or(0, Date::days);
        let first = city.organizations[other].founded.days().max(of_age);
        let last = city.order.as_of.days() - 30;
        if !numbers.chance(20) || other == organization || first + 60 >= last {
            continue;
        }
        let from = numbers.between(first, last - 30);
        let to = Date::from_days(numbers.between(from + 1, last));
        let from = Date::from_days(from).unwrap_or(city.order.as_of);
        let post = *numbers.pick(POSTS);
        city.engagements.push(Engagement { person, organization: other, full_time: true, post, from, to });
    }
}

/// One in fifty members also works, part of the time, at another place of the county that has a Party organization.
pub(super) fn second_places(city: &mut City) {
    let mut numbers = Numbers::of(city.order.seed, "second places");
    let hosts = hosts(city);
    let mut pairs: BTreeSet<(usize, usize)> =
        city.engagements.iter().map(|one| (one.person, one.organization)).collect();
    for person in 0..city.persons.len() {
        let hosts = &hosts[city.persons[person].folder];
        if !is_member(&city.persons[person]) || hosts.is_empty() || !numbers.chance(20) {
            continue;
        }
        let organization = *numbers.pick(hosts);
        if pairs.insert((person, organization)) {
            work_beside(city, person, organization, &mut numbers);
        }
    }
}

/// Two of a hundred members stand in the tables of two counties, with one identity number (DOMAIN 4.1); at the second
/// they work part of the time, and belong to a branch at the first only. Gives both places of each in the list.
pub(super) fn duplicates(city: &mut City) -> Vec<(usize, usize)> {
    let mut numbers = Numbers::of(city.order.seed, "duplicates");
    let hosts = hosts(city);
    let counties: Vec<usize> = (0..city.places.folders.len())
        .filter(|folder| !city.places.is_city(*folder) && !hosts[*folder].is_empty())
        .collect();
    let works: BTreeSet<usize> = city.engagements.iter().map(|one| one.person).collect();
    let members: Vec<usize> = (0..city.persons.len())
        .filter(|at| works.contains(at) && is_member(&city.persons[*at]))
        .filter(|at| !city.places.is_city(city.persons[*at].folder))
        .collect();
    let mut made = Vec::new();
    for first in numbers.some(&members, permille(members.len(), 20)) {
        let others: Vec<usize> =
            counties.iter().copied().filter(|folder| *folder != city.persons[first].folder).collect();
        if others.is_empty() {
            return made;
        }
        let folder = *numbers.pick(&others);
        let organization = *numbers.pick(&hosts[folder]);
        let town = city.organizations[organization].town;
        let again = Person { folder, town, ..city.persons[first].clone() };
        let second = city.persons.len();
        city.persons.push(again);
        work_beside(city, second, organization, &mut numbers);
        made.push((first, second));
    }
    made
}

/// The organizations of each folder that are covered: whoever works there besides changes no gap.
fn hosts(city: &City) -> Vec<Vec<usize>> {
    let mut hosts = vec![Vec::new(); city.places.folders.len()];
    for (at, one) in city.organizations.iter().enumerate().filter(|(_, one)| one.covered.is_some()) {
        hosts[one.folder].push(at);
    }
    hosts
}

fn work_beside(city: &mut City, person: usize, organization: usize, numbers: &mut Numbers) {
    let founded = city.organizations[organization].founded;
    let from = some_day(founded, &city.persons[person], city.order.as_of, numbers);
    let post = *numbers.pick(POSTS);
    city.engagements.push(Engagement { person, organization, full_time: false, post, from, to: None });
}

/// Whether somebody is a member, in probation or full.
pub(super) fn is_member(person: &Person) -> bool {
    matches!(person.kind, "FULL" | "PROB")
}
