//! Where members belong: each to one branch, some to that of the organization in which they work and most to another
//! (DOMAIN 0, 2: 一方隶属), and who leads the branches.

use super::city::{Affiliation, City, Post, Purpose, earlier};
use super::numbers::Numbers;
use super::staffing::is_member;
use huiliu_core::model::Date;

/// So many of 1,000 members of a covered organization belong there.
const AT_HOME: usize = 450;
/// From so many full members on a branch has a committee (DOMAIN 2.4).
const COMMITTEE_FROM: usize = 7;

/// Gives every member who works somewhere one current affiliation.
pub(super) fn belong(city: &mut City) {
    let mut numbers = Numbers::of(city.order.seed, "belonging");
    let mut home = vec![None; city.persons.len()];
    // The first engagement of each is the one that the recipe gave; what came later is a second place.
    for engagement in &city.engagements {
        home[engagement.person].get_or_insert(engagement.organization);
    }
    let outside = outside(city);
    // How many belong to each of ours: the first three of every branch do, so that it is one.
    let mut belong = vec![0_usize; city.party_orgs.len()];
    let mut made = Vec::new();
    for (person, one) in city.persons.iter().enumerate().filter(|(_, one)| is_member(one)) {
        let own = home[person].and_then(|at| city.organizations[at].covered).map(|(own, _)| own);
        let kept = own.filter(|own| {
            let is_branch = matches!(city.party_orgs[*own].kind, "BRANCH" | "JOINT_BRANCH");
            let founds = is_branch && belong[*own] < 3 && one.kind == "FULL";
            founds || !is_branch || numbers.chance(AT_HOME)
        });
        let party_org = match kept {
            Some(own) => {
                belong[own] += usize::from(one.kind == "FULL");
                branch_of(city, own, belong[own])
            }
            None => some_outside(&outside[one.folder], one.town, &mut numbers),
        };
        let Some(party_org) = party_org else { continue };
        let from =
            one.full.or(one.joined).unwrap_or(city.order.as_of).max(city.party_orgs[party_org].founded);
        let from = from.days().min(city.order.as_of.days() - 1);
        let from = Date::from_days(numbers.between(from, city.order.as_of.days() - 1));
        made.push(Affiliation { person, party_org, from: from.unwrap_or(city.order.as_of) });
    }
    city.affiliations.extend(made);
}

/// A committee or general branch has its members in its branches.
fn branch_of(city: &City, own: usize, turn: usize) -> Option<usize> {
    // They were founded right after it.
    let below = (own + 1..city.party_orgs.len()).take_while(|at| city.party_orgs[*at].superior == Some(own));
    let below: Vec<usize> = below.collect();
    if below.is_empty() { Some(own) } else { below.get(turn % below.len()).copied() }
}

/// The branches of offices and communities of each folder, with their townships.
fn outside(city: &City) -> Vec<Vec<(usize, Option<usize>)>> {
    let mut outside = vec![Vec::new(); city.places.folders.len()];
    for (at, one) in city.party_orgs.iter().enumerate().filter(|(_, one)| one.purpose == Purpose::Outside) {
        outside[one.folder].push((at, one.town));
    }
    outside
}

/// Where somebody belongs who does not where they work: mostly in the township, else anywhere in the county.
fn some_outside(
    outside: &[(usize, Option<usize>)],
    town: Option<usize>,
    numbers: &mut Numbers,
) -> Option<usize> {
    let near: Vec<usize> = outside.iter().filter(|(_, at)| *at == town).map(|(at, _)| *at).collect();
    if near.is_empty() || numbers.chance(250) {
        return outside.get(numbers.below(outside.len().max(1))).map(|(at, _)| *at);
    }
    Some(*numbers.pick(&near))
}

/// A secretary for each of ours; with seven full members a committee of three, else at times a deputy.
pub(super) fn lead(city: &mut City) {
    let mut numbers = Numbers::of(city.order.seed, "posts");
    let mut members = vec![Vec::new(); city.party_orgs.len()];
    for one in city.affiliations.iter().filter(|one| city.persons[one.person].kind == "FULL") {
        members[one.party_org].push(one.person);
    }
    let mut made = Vec::new();
    for (party_org, one) in city.party_orgs.iter().enumerate().filter(|(_, one)| one.purpose == Purpose::Ours)
    {
        // Whoever leads the whole belongs to one of its branches.
        let below = branch_of(city, party_org, 0).unwrap_or(party_org);
        let members = &members[below];
        let mut roles = vec!["SECRETARY"];
        match members.len() {
            COMMITTEE_FROM.. => roles.extend(["ORGANIZATION", "PUBLICITY"]),
            _ if numbers.chance(300) => roles.push("DEPUTY"),
            _ => {}
        }
        for (role, person) in roles.into_iter().zip(members) {
            made.push(Post { person: *person, party_org, role, from: one.elected });
        }
    }
    city.posts = made;
}

/// A member who is sent to others and works in no organization belongs to an office.
pub(super) fn belong_outside(city: &mut City, person: usize, numbers: &mut Numbers) {
    let one = &city.persons[person];
    let outside = outside_of(city, one.folder);
    let from = one.full.unwrap_or(city.order.as_of);
    let party_org = outside.get(numbers.below(outside.len().max(1))).copied();
    let from = from.min(earlier(city.order.as_of, 1));
    city.affiliations.extend(party_org.map(|party_org| Affiliation { person, party_org, from }));
}

fn outside_of(city: &City, folder: usize) -> Vec<usize> {
    let is_outside = |at: &usize| {
        let one = &city.party_orgs[*at];
        one.folder == folder && one.purpose == Purpose::Outside
    };
    (0..city.party_orgs.len()).filter(is_outside).collect()
}

/// For each engagement whether it is a 供职党员's: a member who works there and belongs elsewhere (DOMAIN 0, 2).
pub(super) fn serving(city: &City) -> Vec<bool> {
    let mut belongs = vec![None; city.persons.len()];
    for one in &city.affiliations {
        belongs[one.person] = Some(one.party_org);
    }
    let at_home = |person: usize, organization: usize| {
        let own = city.organizations[organization].covered.map(|(own, _)| own);
        let branch: Option<usize> = belongs[person];
        let above = branch.and_then(|branch| city.party_orgs[branch].superior);
        own.is_some() && (branch == own || above == own)
    };
    let all = city.engagements.iter();
    all.map(|one| is_member(&city.persons[one.person]) && !at_home(one.person, one.organization)).collect()
}
