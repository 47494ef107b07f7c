//! Instructors and liaisons for organizations without a Party organization (N5c), and the service centers (N10).

use super::belonging::belong_outside;
use super::city::{Assignment, Center, City, Instructor, earlier};
use super::numbers::{Numbers, permille};
use super::people::People;
use super::rules::is_base;
use super::synthetic_codes::synthetic_uscc;
use huiliu_core::model::values::list;
use huiliu_core::model::{Date, DivisionCode};
use std::collections::BTreeSet;

/// So many of 1,000 organizations without a Party organization have somebody who looks after them.
const LOOKED_AFTER: usize = 300;
/// 86 instructors for 187 organizations (DOMAIN 4.1: 2.2 each).
const EACH: (usize, usize) = (86, 187);

const SOURCES: [&str; 4] = ["RETIRED_POST", "YOUNG", "PARTY_ORG", "RETIREE"];

/// Sends instructors to organizations, each to those of one folder.
pub(super) fn send(city: &mut City, people: &mut People) {
    let mut numbers = Numbers::of(city.order.seed, "instructors");
    let mut leaders = vec![Vec::new(); city.places.folders.len()];
    let mut known = BTreeSet::new();
    for post in city.posts.iter().filter(|post| known.insert(post.person)) {
        leaders[city.persons[post.person].folder].push(post.person);
    }
    for (folder, all) in city.by_folder().into_iter().enumerate() {
        let free = |at: &usize| is_base(city, *at) && city.organizations[*at].covered.is_none();
        let free: Vec<usize> = all.iter().copied().filter(free).collect();
        let mut wanted = numbers.some(&free, permille(free.len(), LOOKED_AFTER));
        // Some still come where there is a Party organization by now: no organization counts twice.
        let covered = |at: &usize| city.organizations[*at].covered.is_some();
        let covered: Vec<usize> = all.iter().copied().filter(covered).collect();
        wanted.extend(numbers.some(&covered, permille(covered.len(), 100)));
        let first = city.instructors.len();
        for _ in 0..(wanted.len() * EACH.0 / EACH.1).max(usize::from(!wanted.is_empty())) {
            let instructor = instructor(city, people, folder, &mut leaders[folder], &mut numbers);
            city.instructors.push(instructor);
        }
        let many = city.instructors.len() - first;
        for (turn, organization) in wanted.into_iter().enumerate() {
            let assignment = assignment(city, first + turn % many, organization, &mut numbers);
            city.assignments.push(assignment);
        }
    }
}

/// Somebody from an organization's branch, or a cadre who works in none of them.
fn instructor(
    city: &mut City,
    people: &mut People,
    folder: usize,
    leaders: &mut Vec<usize>,
    numbers: &mut Numbers,
) -> Instructor {
    let mut source = SOURCES[numbers.weighted(&[20, 25, 25, 30])];
    let leader = if source == "PARTY_ORG" { leaders.pop() } else { None };
    let person = match leader {
        Some(leader) => leader,
        None => {
            source = if source == "PARTY_ORG" { "RETIREE" } else { source };
            let town = city.places.folders[folder].towns.first().copied();
            let town = town.filter(|_| !city.places.is_city(folder));
            city.persons.push(people.person(folder, town, "FULL"));
            let person = city.persons.len() - 1;
            belong_outside(city, person, numbers);
            person
        }
    };
    let from = earlier(city.order.as_of, numbers.between(60, 1_400));
    Instructor {
        person,
        role: if numbers.chance(150) { "LIAISON" } else { "INSTRUCTOR" },
        source,
        appointed_by: format!("中共{}委组织部", city.places.folders[folder].name),
        from,
        to: numbers.chance(400).then(|| from.plus_years(5)).flatten(),
    }
}

/// Most are active on the day; some have ended, some said so too late, and some begin later.
fn assignment(city: &City, instructor: usize, organization: usize, numbers: &mut Numbers) -> Assignment {
    let day = city.order.as_of;
    let since = city.instructors[instructor].from.max(city.organizations[organization].founded);
    let since = Date::from_days(numbers.between(since.days(), day.days() - 1).max(0)).unwrap_or(day);
    let some_time_ago = earlier(day, numbers.between(1, (day.days() - since.days()).clamp(1, 200)));
    let (from, to, status) = match numbers.weighted(&[80, 10, 5, 3, 2]) {
        0 => (since, None, "ACTIVE"),
        1 => (since, since.plus_years(6), "ACTIVE"),
        2 => (since, Some(some_time_ago), "ENDED"),
        3 => (since, Some(some_time_ago), "ACTIVE"),
        _ => (earlier(day, -numbers.between(1, 60)), None, "ACTIVE"),
    };
    Assignment { instructor, organization, from, to, status }
}

/// A center for the city and each county, and for the stated share of townships: 45 % and some more are open (N10).
pub(super) fn centers(city: &mut City) {
    let mut numbers = Numbers::of(city.order.seed, "centers");
    let mut states = numbers.deal(&[46, 6, 5, 43], city.places.towns.len()).into_iter();
    for folder in 0..city.places.folders.len() {
        let at = city.places.folders[folder].clone();
        let is_city = city.places.is_city(folder);
        let (level, towns) = if is_city { ("CITY", Vec::new()) } else { ("COUNTY", at.towns.clone()) };
        let own = center(city, folder, (at.division, &at.short, level), Some("OPEN"), &mut numbers);
        city.centers.extend(own);
        for town in towns {
            let state = [Some("OPEN"), Some("BUILDING"), Some("PLANNED"), None][states.next().unwrap_or(3)];
            let (code, name) = (city.places.towns[town].code, city.places.towns[town].name.clone());
            let made = center(city, folder, (code, &name, "TOWN"), state, &mut numbers);
            city.centers.extend(made);
        }
    }
}

fn center(
    city: &City,
    folder: usize,
    (place, name, level): (DivisionCode, &str, &'static str),
    status: Option<&'static str>,
    numbers: &mut Numbers,
) -> Option<Center> {
    let status = status?;
    let is_open = status == "OPEN";
    let is_registered = is_open && numbers.chance(650);
    // Behind the organizations' own numbers.
    let number = (city.order.organizations + city.centers.len() + 1) as u32;
    let checks = ["REGISTERED", "STAFFED", "PROJECTS", "SIGN", "LAYOUT"];
    let has = |at: usize, numbers: &mut Numbers| if at == 0 { is_registered } else { numbers.chance(600) };
    let met: Vec<&str> =
        (0..checks.len()).filter(|at| has(*at, numbers)).map(|at| checks[at]).filter(|_| is_open).collect();
    Some(Center {
        folder,
        place,
        name: format!("{name}社会组织服务中心"),
        level,
        legal_form: if is_registered { "MF" } else { "NONE" },
        uscc: is_registered.then(|| synthetic_uscc(2, city.places.folders[folder].division, number)),
        opened: is_open.then(|| earlier(city.order.as_of, numbers.between(30, 2_800))),
        status,
        checks: list::joined(met),
    })
}
