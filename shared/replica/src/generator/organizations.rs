//! The organizations of the city, in the shares of DOMAIN 4.1.

use super::city::{Order, Organization, earlier};
use super::members::sizes;
use super::numbers::Numbers;
use super::places::{Folder, Places};
use super::synthetic_codes::synthetic_uscc;
use super::words::{ROADS, SECTORS, brand, person_name};
use huiliu_core::model::Date;
use std::collections::BTreeSet;

/// Associations, service institutions and foundations of the city's own registry and of the counties' (DOMAIN 4.1).
const CITY_FORMS: [usize; 3] = [603, 400, 36];
const COUNTY_FORMS: [usize; 3] = [2_024, 7_128, 33];

const STATUSES: [&str; 4] = ["NORMAL", "DEREGISTERED", "WITHDRAWN", "REVOKED"];
const STATUS_SHARES: [usize; 4] = [977, 12, 7, 4];

const GRADES: [&str; 5] = ["1A", "2A", "3A", "4A", "5A"];
const ANNUAL_RESULTS: [&str; 4] = ["PASS", "BASIC", "NOT_FILED", "FAIL"];

/// 1 万元 in fen.
const TEN_THOUSAND: i64 = 1_000_000;

/// Makes them, folder by folder.
pub(super) fn organizations(order: &Order, places: &Places) -> Vec<Organization> {
    let mut numbers = Numbers::of(order.seed, "organizations");
    let mut sizes = sizes(order.organizations, &mut numbers).into_iter();
    let mut statuses = numbers.deal(&STATUS_SHARES, order.organizations).into_iter();
    let (city, counties): (Vec<usize>, Vec<usize>) =
        (0..places.folders.len()).partition(|folder| places.is_city(*folder));
    let of = |folders: &[usize]| folders.iter().map(|at| places.folders[*at].organizations).sum();
    let mut forms = numbers.deal(&COUNTY_FORMS, of(&counties));
    forms.extend(numbers.deal(&CITY_FORMS, of(&city)));
    let mut forms = forms.into_iter();
    let mut names = BTreeSet::new();
    let mut made = Vec::new();
    for (at, folder) in places.folders.iter().enumerate() {
        for _ in 0..folder.organizations {
            let form = forms.next().unwrap_or(1) as u8 + 1;
            let mut one = organization(order, places, at, form, made.len() as u32 + 1, &mut numbers);
            one.name = new_name(folder, form, one.sector, &mut names, &mut numbers);
            one.members = sizes.next().unwrap_or(0);
            one.status = STATUSES[statuses.next().unwrap_or(0)];
            one.staff = staff(one.members, &mut numbers);
            made.push(one);
        }
    }
    made
}

fn organization(
    order: &Order,
    places: &Places,
    at: usize,
    form: u8,
    number: u32,
    numbers: &mut Numbers,
) -> Organization {
    let folder = &places.folders[at];
    let town = places.some_town(at, numbers);
    let shares = SECTORS.each_ref().map(|sector| sector.shares[usize::from(form) - 1]);
    let sector = numbers.weighted(&shares);
    let founded = founding_day(order.as_of, form, numbers);
    let before = folder.before.iter().find(|(_, ended)| founded < *ended);
    let authority = before.filter(|_| numbers.chance(400)).map_or(folder.division, |(code, _)| *code);
    let legal_rep = person_name(1 + u8::from(numbers.chance(300)), numbers);
    Organization {
        folder: at,
        town,
        form,
        uscc: synthetic_uscc(form, authority, number),
        name: String::new(),
        sector,
        status: "NORMAL",
        legal_rep,
        founded,
        certificate: certificate(order.as_of, founded, numbers),
        capital: capital(form, numbers),
        address: address(places, at, town, numbers),
        supervisor: numbers.chance(780).then(|| format!("{}{}", folder.short, SECTORS[sector].bureau)),
        staff: (0, 0),
        founders: (form == 1).then(|| (numbers.below(60), 50 + numbers.below(250))),
        charity: form == 3 || numbers.chance(15),
        grade: numbers.chance(220).then(|| GRADES[numbers.weighted(&[1, 2, 10, 5, 2])]),
        annual_result: numbers.chance(940).then(|| ANNUAL_RESULTS[numbers.weighted(&[90, 5, 4, 1])]),
        members: 0,
        covered: None,
        recoded: None,
        name_shared: false,
    }
}

/// More of them late than early: of two days the later one. Foundations are registered since 2004.
fn founding_day(as_of: Date, form: u8, numbers: &mut Numbers) -> Date {
    let first = if form == 3 { 2004 } else { 1991 };
    let first = Date::new(first, 6, 1).map_or(0, Date::days);
    let last = (as_of.days() - 60).max(first);
    let day = numbers.between(first, last).max(numbers.between(first, last));
    Date::from_days(day).unwrap_or(as_of)
}

/// Five years from the founding or from the last time it was renewed; not all are in time.
fn certificate(as_of: Date, founded: Date, numbers: &mut Numbers) -> (Date, Date) {
    let from = earlier(as_of, numbers.between(30, 1_860)).max(founded);
    (from, from.plus_years(5).map_or(from, |end| earlier(end, 1)))
}

/// 3万元 and more for an association or institution, 200万元 and more for a foundation; some to the 0.5万元.
fn capital(form: u8, numbers: &mut Numbers) -> i64 {
    let (least, most) = match form {
        1 => (3, 10),
        2 => (3, 120),
        _ => (200, 2_000),
    };
    let half = if numbers.chance(100) { TEN_THOUSAND / 2 } else { 0 };
    numbers.between(least, most) * TEN_THOUSAND + half
}

fn address(places: &Places, at: usize, town: Option<usize>, numbers: &mut Numbers) -> String {
    let town = town.map(|town| &places.towns[town]);
    // What the city registers lies in a county all the same.
    let county = town.map_or(&places.folders[at], |town| &places.folders[town.county]);
    let town = town.map_or("", |town| town.name.as_str());
    format!("{}{town}{}路{}号", county.name, numbers.pick(&ROADS), numbers.between(1, 999))
}

/// About ten people to each Party member (DOMAIN 4.1: 9.1 and 10.4 %), and some where there is none.
fn staff(members: usize, numbers: &mut Numbers) -> (usize, usize) {
    let full = if members == 0 { numbers.below(12) } else { members * 3 + numbers.below(members * 14) };
    (full, numbers.below(8))
}

/// Place, own name, field and form, as the rules for names have it; never one that is taken.
fn new_name(
    folder: &Folder,
    form: u8,
    sector: usize,
    names: &mut BTreeSet<String>,
    numbers: &mut Numbers,
) -> String {
    let sector = &SECTORS[sector];
    let forms = match form {
        1 => sector.associations,
        2 => sector.institutions,
        _ => sector.foundations,
    };
    let mut tries = 0;
    loop {
        let own = if form == 1 && tries == 0 && numbers.chance(300) { String::new() } else { brand(numbers) };
        let ordinal = if tries > 8 { format!("第{tries}") } else { String::new() };
        let name = format!("{}{own}{ordinal}{}", folder.name, numbers.pick(forms));
        if names.insert(name.clone()) {
            return name;
        }
        tries += 1;
    }
}
