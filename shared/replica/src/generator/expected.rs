//! What is known of a city: figures, what every table must give, who is covered.

use super::answers::{
    Answers, Coverage, Duplicate, Figures, FolderAnswers, Gap, KindAnswers, Odd, Overdue, Refused, SameName,
};
use super::city::{City, Purpose};
use super::faults::Faults;
use super::records::{named, rows};
use super::rules::{cared_for, is_base, strengths};
use super::sheets::{Known, Sheet};
use super::staffing::is_member;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a city when its tables are written.
pub(super) fn answers(
    city: &City,
    faults: &Faults,
    gaps: &[usize],
    duplicates: &[(usize, usize)],
    sheets: &[(Sheet, Known)],
) -> Answers {
    let code = |folder: usize| city.places.folders[folder].division.to_string();
    let strengths = strengths(city);
    let gap = |at: &usize| {
        let (one, strength) = (&city.organizations[*at], strengths[*at]);
        let (uscc, name, rules) = (one.uscc.clone(), one.name.clone(), strength.rules());
        let county = code(one.folder);
        Gap { county, uscc, name, rules, full_time_full: strength.full_time_full, full: strength.full }
    };
    let duplicate = |(first, second): &(usize, usize)| {
        let (first, second) = (&city.persons[*first], &city.persons[*second]);
        Duplicate { id_number: first.id_number.clone(), counties: [code(first.folder), code(second.folder)] }
    };
    let same_name = |(first, second): &(usize, usize)| {
        let (one, other) = (&city.organizations[*first], &city.organizations[*second]);
        let usccs = [one.uscc.clone(), other.uscc.clone()];
        SameName { county: code(one.folder), name: one.name.clone(), usccs }
    };
    let odd = |at: &usize, value: Option<String>| {
        let one = &city.organizations[*at];
        Odd { county: code(one.folder), uscc: one.uscc.clone(), value: value.unwrap_or_default() }
    };
    let supervisors = |at: &usize| odd(at, city.organizations[*at].supervisor.clone());
    let town = |at: &usize| odd(at, city.organizations[*at].recoded.map(|town| town.to_string()));
    Answers {
        v: 1,
        seed: city.order.seed,
        division: city.order.division.to_string(),
        organizations: city.order.organizations,
        as_of: city.order.as_of.to_string(),
        figures: figures(city),
        folders: folders(city, faults, sheets),
        refused: sheets.iter().flat_map(|(_, known)| known.refused.iter().cloned()).collect(),
        unknown: sheets.iter().flat_map(|(sheet, _)| unknown(city, faults, sheet)).collect(),
        mended: sheets.iter().flat_map(|(_, known)| known.mended.iter().cloned()).collect(),
        gaps: gaps.iter().map(gap).collect(),
        duplicates: duplicates.iter().map(duplicate).collect(),
        same_names: faults.same_names.iter().map(same_name).collect(),
        overdue: overdue(city, faults),
        two_supervisors: faults.two_supervisors.iter().map(supervisors).collect(),
        recoded_towns: faults.recoded.iter().map(town).collect(),
    }
}

fn overdue(city: &City, faults: &Faults) -> Vec<Overdue> {
    let all = city.party_orgs.iter().enumerate();
    let late = all.filter(|(at, one)| one.term_end() < city.order.as_of && !faults.refuses("party_org", *at));
    late.map(|(_, one)| Overdue {
        county: city.places.folders[one.folder].division.to_string(),
        full_name: one.name.clone(),
        term_end: one.term_end().to_string(),
    })
    .collect()
}

fn folders(city: &City, faults: &Faults, sheets: &[(Sheet, Known)]) -> BTreeMap<String, FolderAnswers> {
    let mut folders = BTreeMap::new();
    let authority: Vec<usize> = city.organizations.iter().map(|one| one.folder).collect();
    let place: Vec<usize> = (0..city.organizations.len()).map(|at| place(city, at)).collect();
    let by_authority = coverage(city, faults, &authority);
    let by_place = coverage(city, faults, &place);
    for (at, folder) in city.places.folders.iter().enumerate() {
        let code = folder.division.to_string();
        let own = sheets.iter().filter(|(sheet, _)| sheet.folder == code);
        let kinds =
            own.map(|(sheet, known)| (sheet.kind.name.to_owned(), table(city, faults, at, sheet, known)));
        let answers = FolderAnswers {
            name: folder.name.clone(),
            kinds: kinds.collect(),
            coverage_by_authority: by_authority[at].clone(),
            coverage_by_place: by_place[at].clone(),
        };
        folders.insert(code, answers);
    }
    folders
}

/// The folder in whose division an organization's record lies: that of its township, if that is its authority's.
fn place(city: &City, at: usize) -> usize {
    let one = &city.organizations[at];
    let town = one.town.filter(|_| one.recoded.is_none());
    town.map_or(one.folder, |town| city.places.towns[town].county)
}

/// The field of a row that names somebody whose own row is refused: nobody's number is kept as a reference.
fn nobody(city: &City, faults: &Faults, kind: &str, at: usize) -> Option<&'static str> {
    let is_refused = |target: &str, at: usize| match target {
        "person" => faults.refuses("person", at),
        "instructor" => {
            faults.refuses("instructor", at) || faults.refuses("person", city.instructors[at].person)
        }
        _ => false,
    };
    let named = named(city, kind, at).into_iter().find(|(_, target, named)| is_refused(target, *named));
    named.map(|(field, ..)| field)
}

/// The rows that are refused for that alone.
fn unknown(city: &City, faults: &Faults, sheet: &Sheet) -> Vec<Refused> {
    let (kind, mut unknown) = (sheet.kind.name, Vec::new());
    let folder = city.places.folders.iter().position(|one| one.division.to_string() == sheet.folder);
    for (row, at) in folder.map(|folder| rows(city, kind, folder)).into_iter().flatten().enumerate() {
        if let Some(field) = nobody(city, faults, kind, at).filter(|_| !faults.refuses(kind, at)) {
            let file = format!("{}.csv", sheet.path());
            unknown.push(Refused { file, row: row as u32 + 2, field, reason: "ReferenceUnknown" });
        }
    }
    unknown
}

fn table(city: &City, faults: &Faults, folder: usize, sheet: &Sheet, known: &Known) -> KindAnswers {
    let kind = sheet.kind.name;
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    let created = |at: &usize| !faults.refuses(kind, *at) && nobody(city, faults, kind, *at).is_none();
    for at in rows(city, kind, folder).into_iter().filter(created) {
        for (field, target, named) in named(city, kind, at) {
            *open.entry(field.to_owned()).or_default() += usize::from(faults.refuses(target, named));
        }
    }
    KindAnswers {
        file: format!("{}.csv", sheet.path()),
        rows: sheet.rows(),
        created: sheet.rows() - known.refused.len() - unknown(city, faults, sheet).len(),
        refused: known.refused.len(),
        mended: known.mended.len(),
        odd_cells: known.odd_cells,
        open,
    }
}

/// The coverage of each group of organizations.
fn coverage(city: &City, faults: &Faults, groups: &[usize]) -> Vec<Coverage> {
    let mut coverage = vec![Coverage::default(); city.places.folders.len()];
    let (cared_for, strengths) = (cared_for(city), strengths(city));
    for (at, one) in city.organizations.iter().enumerate() {
        if !is_base(city, at) || faults.refuses("social_org", at) {
            continue;
        }
        let cell = &mut coverage[groups[at]];
        cell.base += 1;
        match one.covered {
            Some((_, "SOLO")) => cell.solo += 1,
            Some(_) => cell.joint += 1,
            None => {}
        }
        cell.organization += usize::from(one.covered.is_some());
        cell.work += usize::from(one.covered.is_some() || cared_for.contains(&at));
        let required = !strengths[at].rules().is_empty();
        cell.required += usize::from(required);
        cell.gaps += usize::from(required && one.covered.is_none());
    }
    coverage
}

fn figures(city: &City) -> Figures {
    let form = |form: u8| city.organizations.iter().filter(|one| one.form == form).count();
    let mut counted = BTreeSet::new();
    let mut figures = Figures {
        associations: form(1),
        institutions: form(2),
        foundations: form(3),
        with_three_members: city.organizations.iter().filter(|one| one.members >= 3).count(),
        towns: city.places.towns.len(),
        towns_with_center: city
            .centers
            .iter()
            .filter(|one| one.level == "TOWN" && one.status == "OPEN")
            .count(),
        ..Figures::default()
    };
    // The first engagement of each is where the recipe put them.
    let members = city.engagements.iter().filter(|one| is_member(&city.persons[one.person]));
    for one in members.filter(|one| counted.insert(&city.persons[one.person].id_number)) {
        figures.members += 1;
        figures.full_time_members += usize::from(one.full_time);
    }
    let purpose = |purpose| city.party_orgs.iter().filter(|one| one.purpose == purpose).count();
    figures.party_orgs = purpose(Purpose::Ours);
    figures.outside_branches = purpose(Purpose::Outside);
    figures
}
