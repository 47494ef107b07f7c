//! The city as records: what each row of each table says, before it is written in the way of some clerk.

use super::city::{City, Organization};
use super::numbers::Numbers;
use super::words::SECTORS;
use huiliu_core::model::{Date, DivisionCode, Fields, Value};

/// The kinds that a city has tables of, in the order in which they are best imported.
pub const KINDS: [&str; 9] = [
    "party_org",
    "social_org",
    "person",
    "affiliation",
    "engagement",
    "post",
    "instructor",
    "instructor_assignment",
    "service_center",
];

/// The rows of a kind in a folder, by their place in the city's list.
pub(super) fn rows(city: &City, kind: &str, folder: usize) -> Vec<usize> {
    let person = |at: usize| city.persons[at].folder;
    let all = |many: usize, of: &dyn Fn(usize) -> usize| (0..many).filter(|at| of(*at) == folder).collect();
    match kind {
        "party_org" => all(city.party_orgs.len(), &|at| city.party_orgs[at].folder),
        "social_org" => all(city.organizations.len(), &|at| city.folder_of(at)),
        "person" => all(city.persons.len(), &person),
        "affiliation" => all(city.affiliations.len(), &|at| person(city.affiliations[at].person)),
        "engagement" => all(city.engagements.len(), &|at| city.folder_of(city.engagements[at].organization)),
        "post" => all(city.posts.len(), &|at| city.party_orgs[city.posts[at].party_org].folder),
        "instructor" => all(city.instructors.len(), &|at| person(city.instructors[at].person)),
        "instructor_assignment" => {
            all(city.assignments.len(), &|at| city.folder_of(city.assignments[at].organization))
        }
        "service_center" => all(city.centers.len(), &|at| city.centers[at].folder),
        _ => Vec::new(),
    }
}

/// The records that a row names, by kind and place.
pub(super) fn named(city: &City, kind: &str, at: usize) -> Vec<(&'static str, &'static str, usize)> {
    match kind {
        "party_org" => {
            let above = city.party_orgs[at].superior;
            above.map(|above| ("superior_id", "party_org", above)).into_iter().collect()
        }
        "social_org" => {
            let covered = city.organizations[at].covered;
            covered.map(|(by, _)| ("party_org", "party_org", by)).into_iter().collect()
        }
        "affiliation" => {
            let one = &city.affiliations[at];
            vec![("person", "person", one.person), ("party_org", "party_org", one.party_org)]
        }
        "engagement" => {
            let one = &city.engagements[at];
            vec![("person", "person", one.person), ("social_org", "social_org", one.organization)]
        }
        "post" => {
            let one = &city.posts[at];
            vec![("person", "person", one.person), ("party_org", "party_org", one.party_org)]
        }
        "instructor" => vec![("person", "person", city.instructors[at].person)],
        "instructor_assignment" => {
            let one = &city.assignments[at];
            vec![("instructor", "instructor", one.instructor), ("social_org", "social_org", one.organization)]
        }
        _ => Vec::new(),
    }
}

/// What a row says. People are named by their identity number, organizations mostly by their credit code, some by name.
pub(super) fn fields(city: &City, kind: &str, at: usize, serving: &[bool], numbers: &mut Numbers) -> Fields {
    let mut row = Row::default();
    for (field, kind, named) in named(city, kind, at) {
        row.text(field, &name_of(city, kind, named, numbers));
    }
    match kind {
        "party_org" => party_org(city, at, &mut row),
        "social_org" => social_org(city, at, &mut row),
        "person" => person(city, at, &mut row),
        "affiliation" => row.day("from", city.affiliations[at].from),
        "engagement" => engagement(city, at, serving[at], &mut row),
        "post" => {
            row.text("role", city.posts[at].role);
            row.day("from", city.posts[at].from);
        }
        "instructor" => {
            let one = &city.instructors[at];
            row.texts(&[("role", one.role), ("source", one.source), ("appointed_by", &one.appointed_by)]);
            row.day("from", one.from);
            row.some_day("to", one.to);
        }
        "instructor_assignment" => {
            let one = &city.assignments[at];
            row.text("status", one.status);
            row.day("from", one.from);
            row.some_day("to", one.to);
        }
        _ => service_center(city, at, &mut row),
    }
    row.fields
}

fn name_of(city: &City, kind: &str, at: usize, numbers: &mut Numbers) -> String {
    match kind {
        "party_org" => city.party_orgs[at].name.clone(),
        "social_org" => {
            let one = &city.organizations[at];
            if !one.name_shared && numbers.chance(150) { one.name.clone() } else { one.uscc.clone() }
        }
        "instructor" => city.persons[city.instructors[at].person].id_number.clone(),
        _ => city.persons[at].id_number.clone(),
    }
}

#[derive(Default)]
struct Row {
    fields: Fields,
}

impl Row {
    fn text(&mut self, name: &str, text: &str) {
        self.fields.insert(name.to_owned(), Value::of(text));
    }

    fn texts(&mut self, all: &[(&str, &str)]) {
        all.iter().filter(|(_, text)| !text.is_empty()).for_each(|(name, text)| self.text(name, text));
    }

    fn day(&mut self, name: &str, day: Date) {
        self.text(name, &day.to_string());
    }

    fn some_day(&mut self, name: &str, day: Option<Date>) {
        day.into_iter().for_each(|day| self.day(name, day));
    }

    fn count(&mut self, name: &str, count: usize) {
        self.fields.insert(name.to_owned(), Value::Int(count as i64));
    }

    fn yes(&mut self, name: &str, yes: bool) {
        self.fields.insert(name.to_owned(), Value::Bool(yes));
    }
}

fn place(city: &City, folder: usize, town: Option<usize>) -> DivisionCode {
    town.map_or(city.places.folders[folder].division, |town| city.places.towns[town].code)
}

fn social_org(city: &City, at: usize, row: &mut Row) {
    let one = &city.organizations[at];
    let authority = city.places.folders[one.folder].division.to_string();
    let town = one.recoded.or(one.town.map(|town| city.places.towns[town].code));
    row.texts(&[
        ("uscc", &one.uscc),
        ("name", &one.name),
        ("org_type", ["ST", "MF", "JJ"][usize::from(one.form) - 1]),
        ("sector", SECTORS[one.sector].code),
        ("registration_authority", &authority),
        ("management_mode", if one.supervisor.is_some() { "DUAL" } else { "DIRECT" }),
        ("supervising_unit", one.supervisor.as_deref().unwrap_or_default()),
        ("legal_rep_name", &one.legal_rep),
        ("address", &one.address),
        ("grade", one.grade.unwrap_or_default()),
        ("annual_result", one.annual_result.unwrap_or_default()),
        ("status", one.status),
        ("build_mode", one.covered.map_or("", |(_, mode)| mode)),
        ("town_code", &town.map_or_else(String::new, |town| town.to_string())),
    ]);
    row.day("founded_on", one.founded);
    row.day("cert_from", one.certificate.0);
    row.day("cert_to", one.certificate.1);
    row.fields.insert("capital".to_owned(), Value::Int(one.capital));
    row.count("staff_full", one.staff.0);
    row.count("staff_part", one.staff.1);
    row.yes("charity", one.charity);
    if let Some((units, persons)) = one.founders {
        row.count("unit_members", units);
        row.count("person_members", persons);
    }
    kind_of_organization(one, row);
}

/// What associations have that others do not, and the other way round.
fn kind_of_organization(one: &Organization, row: &mut Row) {
    let is_business = SECTORS[one.sector].code == "BUSINESS";
    match one.form {
        1 => {
            row.yes("industry_association", is_business);
            row.text("sub_type", if is_business { "INDUSTRY" } else { "UNION" });
            row.text("decoupling_status", if is_business { "DONE" } else { "NA" });
        }
        2 => row.text("sub_type", "LEGAL_PERSON"),
        _ => row.text("sub_type", "NON_PUBLIC"),
    }
}

fn party_org(city: &City, at: usize, row: &mut Row) {
    let one = &city.party_orgs[at];
    row.texts(&[
        ("division", &place(city, one.folder, one.town).to_string()),
        ("full_name", &one.name),
        ("org_kind", one.kind),
        ("build_mode", one.build_mode.unwrap_or_default()),
        ("approved_by", &one.approved_by),
        ("approval_doc", &one.approval_doc),
    ]);
    row.day("approved_on", one.approved);
    row.day("founded_on", one.founded);
    row.day("elected_on", one.elected);
    row.day("term_end", one.term_end());
    row.count("term_years", usize::from(one.term_years));
}

fn person(city: &City, at: usize, row: &mut Row) {
    let one = &city.persons[at];
    // Whom the city lists it keeps itself: a number that lies in a county it could not read.
    let town = one.town.filter(|_| !city.places.is_city(one.folder));
    row.texts(&[
        ("name", &one.name),
        ("id_number", &one.id_number),
        ("sex", if one.sex == 1 { "1" } else { "2" }),
        ("birth_ym", &format!("{:04}-{:02}", one.birth.year(), one.birth.month())),
        ("ethnicity", one.ethnicity),
        ("education", one.education),
        ("phone", &one.phone),
        ("member_kind", one.kind),
        ("status", "ACTIVE"),
        ("division", &place(city, one.folder, town).to_string()),
    ]);
    row.some_day("joined_on", one.joined);
    row.some_day("full_on", one.full);
}

fn engagement(city: &City, at: usize, serving: bool, row: &mut Row) {
    let one = &city.engagements[at];
    row.texts(&[("member_kind", city.persons[one.person].kind), ("post", one.post)]);
    row.yes("full_time", one.full_time);
    row.day("from", one.from);
    row.some_day("to", one.to);
    row.yes("serving", serving);
}

fn service_center(city: &City, at: usize, row: &mut Row) {
    let one = &city.centers[at];
    row.texts(&[
        ("name", &one.name),
        ("level", one.level),
        ("town_code", &one.place.to_string()),
        ("legal_form", one.legal_form),
        ("uscc", one.uscc.as_deref().unwrap_or_default()),
        ("status", one.status),
        ("checks", &one.checks),
    ]);
    row.some_day("opened_on", one.opened);
}
