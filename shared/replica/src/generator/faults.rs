//! What is wrong in the tables, on purpose and known (DOMAIN 4.1): rows that must be refused, one that is mended, and what
//! is odd but taken. What is wrong with a row never changes who must have a Party organization.

use super::city::{City, Purpose};
use super::numbers::{Numbers, permille};
use super::words::SECTORS;
use std::collections::{BTreeMap, BTreeSet};

/// One thing that is wrong with a row, in a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The last character of a credit code or identity number does not check.
    Check(&'static str),
    /// A character of it is missing.
    Short(&'static str),
    /// O stands for 0: taken as it was meant.
    Lookalike(&'static str),
    /// Nothing stands where something must.
    Empty(&'static str),
    /// A day that the calendar does not have.
    NoDay(&'static str),
    /// A word that the code table does not have.
    NoWord(&'static str),
    /// The end, in this field, lies before the beginning, in the other.
    EndsEarly(&'static str, &'static str),
}

/// The rows that are not as they should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// By kind and place in its list.
    pub(super) rows: BTreeMap<(&'static str, usize), Fault>,
    /// Organizations with two supervising units in the cell.
    pub(super) two_supervisors: Vec<usize>,
    /// Organizations with a township of another county.
    pub(super) recoded: Vec<usize>,
    /// Organizations that have the name of another.
    pub(super) same_names: Vec<(usize, usize)>,
}

impl Faults {
    /// Whether a row must be refused.
    pub(super) fn refuses(&self, kind: &'static str, at: usize) -> bool {
        self.rows.get(&(kind, at)).is_some_and(|fault| !matches!(fault, Fault::Lookalike(_)))
    }

    /// The faults in turn, for rows of a kind.
    fn put(&mut self, kind: &'static str, rows: &[usize], faults: &[Fault]) {
        for (row, fault) in rows.iter().zip(faults.iter().cycle()) {
            self.rows.insert((kind, *row), *fault);
        }
    }
}

/// Chooses them, and changes what is odd in the city itself.
pub(super) fn inject(city: &mut City, gaps: &[usize], duplicates: &[(usize, usize)]) -> Faults {
    let mut numbers = Numbers::of(city.order.seed, "faults");
    let mut faults = Faults::default();
    let open: BTreeSet<usize> = gaps.iter().copied().collect();
    let all: Vec<usize> = (0..city.organizations.len()).filter(|at| !open.contains(at)).collect();
    let many = city.organizations.len();
    let (bad, alike) = (permille(many, 10), permille(many, 5));
    let other = permille(many, 4).max(5.min(many / 20));
    let mut chosen = all;
    numbers.shuffle(&mut chosen);
    chosen.truncate(bad + alike + other);
    let (bad, rest) = chosen.split_at(bad.min(chosen.len()));
    let (alike, other) = rest.split_at(alike.min(rest.len()));
    faults.put("social_org", bad, &[Fault::Check("uscc")]);
    faults.put("social_org", alike, &[Fault::Lookalike("uscc")]);
    let others = [
        Fault::Empty("name"),
        Fault::NoDay("founded_on"),
        Fault::NoWord("org_type"),
        Fault::Short("uscc"),
        Fault::EndsEarly("cert_to", "cert_from"),
    ];
    faults.put("social_org", other, &others);
    odd(city, &mut faults, &open, &mut numbers);
    party(city, &mut faults, &mut numbers);
    people(city, &mut faults, &open, duplicates, &mut numbers);
    faults
}

/// Two supervisors, townships of another county, names that two have.
fn odd(city: &mut City, faults: &mut Faults, gaps: &BTreeSet<usize>, numbers: &mut Numbers) {
    let many = city.organizations.len();
    let sound = |at: &usize| !faults.rows.contains_key(&("social_org", *at));
    let sound: Vec<usize> = (0..many).filter(sound).collect();
    let supervised = |at: &usize| city.organizations[*at].supervisor.is_some();
    let supervised: Vec<usize> = sound.iter().copied().filter(supervised).collect();
    faults.two_supervisors = numbers.some(&supervised, permille(many, 10));
    for at in &faults.two_supervisors {
        let one = &mut city.organizations[*at];
        let second = SECTORS[(one.sector + 1) % SECTORS.len()].bureau;
        let place = &city.places.folders[one.folder].short;
        one.supervisor = one.supervisor.take().map(|first| format!("{first}、{place}{second}"));
    }
    let elsewhere = |at: usize| {
        let folder = city.organizations[at].folder;
        let towns = city.places.towns.iter();
        towns.filter(|town| town.county != folder).map(|town| town.code).collect::<Vec<_>>()
    };
    let of_counties = |at: &usize| !city.places.is_city(city.organizations[*at].folder);
    let of_counties: Vec<usize> = sound.iter().copied().filter(of_counties).collect();
    let mut recoded = Vec::new();
    for at in numbers.some(&of_counties, permille(many, 5)) {
        let towns = elsewhere(at);
        if !towns.is_empty() {
            recoded.push((at, *numbers.pick(&towns)));
        }
    }
    for (at, town) in &recoded {
        city.organizations[*at].recoded = Some(*town);
    }
    faults.recoded = recoded.into_iter().map(|(at, _)| at).collect();
    let nameless = |at: &usize| city.organizations[*at].covered.is_none() && !gaps.contains(at);
    let nameless: Vec<usize> = sound.iter().copied().filter(nameless).collect();
    let mut pairs = Vec::new();
    for at in numbers.some(&nameless, permille(many, 3)) {
        let near = |other: &&usize| {
            city.organizations[**other].folder == city.organizations[at].folder && **other != at
        };
        let first = sound.iter().filter(near).find(|other| !city.organizations[**other].name_shared).copied();
        let Some(first) = first.filter(|_| !city.organizations[at].name_shared) else { continue };
        city.organizations[at].name = city.organizations[first].name.clone();
        city.organizations[at].name_shared = true;
        city.organizations[first].name_shared = true;
        pairs.push((first, at));
    }
    faults.same_names = pairs;
}

fn party(city: &City, faults: &mut Faults, numbers: &mut Numbers) {
    let many = city.party_orgs.len();
    let plain = |at: &usize| city.party_orgs[*at].purpose != Purpose::Above;
    let plain: Vec<usize> = (0..many).filter(plain).collect();
    let mut chosen = numbers.some(&plain, permille(many, 5).max(4.min(many / 10)));
    numbers.shuffle(&mut chosen);
    let kinds = [
        Fault::NoDay("approved_on"),
        Fault::NoWord("org_kind"),
        Fault::Empty("approval_doc"),
        Fault::EndsEarly("term_end", "elected_on"),
    ];
    faults.put("party_org", &chosen, &kinds);
}

/// People, where they work and where they belong: only where it makes no gap nor closes one.
fn people(
    city: &City,
    faults: &mut Faults,
    gaps: &BTreeSet<usize>,
    duplicates: &[(usize, usize)],
    numbers: &mut Numbers,
) {
    let mut spared: BTreeSet<usize> = city.instructors.iter().map(|one| one.person).collect();
    spared.extend(duplicates.iter().flat_map(|(first, second)| [*first, *second]));
    let covered = |organization: usize| city.organizations[organization].covered.is_some();
    let minor = |organization: usize| covered(organization) || city.organizations[organization].members < 3;
    for one in
        city.engagements.iter().filter(|one| gaps.contains(&one.organization) || !minor(one.organization))
    {
        spared.insert(one.person);
    }
    let rows: Vec<usize> = (0..city.persons.len()).filter(|at| !spared.contains(at)).collect();
    let full = |at: &usize| city.persons[*at].full.is_some();
    let full: Vec<usize> = rows.into_iter().filter(full).collect();
    let mut chosen = numbers.some(&full, permille(city.persons.len(), 4).max(5.min(full.len() / 10)));
    numbers.shuffle(&mut chosen);
    let kinds = [
        Fault::Check("id_number"),
        Fault::Short("id_number"),
        Fault::Empty("name"),
        Fault::NoWord("member_kind"),
        Fault::EndsEarly("full_on", "joined_on"),
    ];
    faults.put("person", &chosen, &kinds);
    let rows: Vec<usize> =
        (0..city.engagements.len()).filter(|at| covered(city.engagements[*at].organization)).collect();
    let chosen = numbers.some(&rows, permille(city.engagements.len(), 2));
    faults.put("engagement", &chosen, &[Fault::NoDay("from"), Fault::NoWord("member_kind")]);
    let rows: Vec<usize> = (0..city.affiliations.len()).collect();
    let chosen = numbers.some(&rows, permille(rows.len(), 1));
    faults.put("affiliation", &chosen, &[Fault::NoDay("from")]);
}

impl Fault {
    /// The field for which the row is refused, and the reason, as the catalogue of troubles names it.
    pub(super) fn refusal(self) -> (&'static str, &'static str) {
        match self {
            Self::Check(field) if field == "uscc" => (field, "UsccCheck"),
            Self::Check(field) => (field, "CitizenCheck"),
            Self::Short(field) if field == "uscc" => (field, "UsccLength"),
            Self::Short(field) => (field, "CitizenLength"),
            Self::Lookalike(field) => (field, "UsccMended"),
            Self::Empty(field) => (field, "Missing"),
            Self::NoDay(field) => (field, "NotADate"),
            Self::NoWord(field) => (field, "UnknownCode"),
            Self::EndsEarly(field, "cert_from") => (field, "CertOrder"),
            Self::EndsEarly(field, "joined_on") => (field, "FullBeforeJoined"),
            Self::EndsEarly(field, _) => (field, "PeriodOrder"),
        }
    }
}
