//! `report findings`: what cannot be right across records, or may not be (core/model/rules/integrity), with the records
//! in which people settle it. It reads what the division and those below it own and nothing else, so that a county and
//! the hub find the same in the county.

use super::{Records, Report, within};
use crate::Replica;
use crate::commands::reading::record_title;
use crate::commands::request::Context;
use crate::commands::words::place;
use crate::service::home::Failure;
use huiliu_core::model::dictionary::{self, Kind, kind};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::rules::affiliation::{counted, formal};
use huiliu_core::model::rules::integrity::{self, Finding, Likeness, Severity};
use huiliu_core::model::rules::{RULES, cells};
use huiliu_core::model::{Date, DivisionCode, Fields, Level, RecordId, Value};
use huiliu_core::sync::seal::matched_under;
use huiliu_store::rows::Row;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

pub(super) fn findings(
    replica: &mut Replica,
    division: DivisionCode,
    on: Date,
    context: &Context,
) -> Result<Report, Failure> {
    let lang = context.lang();
    let mut found = Reading::of(replica, division)?.findings(replica, on)?;
    found.sort_by(|(_, a), (_, b)| (b.severity, a.rule, &a.records).cmp(&(a.severity, b.rule, &b.records)));
    let faults = found.iter().filter(|(_, finding)| finding.severity == Severity::Fault).count();
    let warnings = found.len() - faults;
    let mut note =
        Say::FindingsNote { as_of: on.to_string(), rules: RULES.to_owned(), faults, warnings }.text(lang);
    let unmatched = unmatched(replica, division)?;
    if let Some(count) = unmatched.filter(|count| *count > 0) {
        note += &format!("\n{}", Say::UnmatchedPeople { count }.text(lang));
    }
    let heads =
        [Say::HeadSeverity, Say::HeadFinding, Say::HeadKind, Say::HeadOwner, Say::HeadRecords, Say::HeadWhy];
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for (kind, finding) in &found {
        let involved = involved(replica, kind, finding)?;
        rows.push(json_of(kind, finding, &involved, lang));
        lines.push(line_of(replica, kind, finding, &involved, lang));
    }
    let json = json!({
        "v": 1,
        "division": division.to_string(),
        "as_of": on.to_string(),
        "rules": RULES,
        "faults": faults,
        "warnings": warnings,
        "unmatched": unmatched,
        "rows": rows,
    });
    Ok(Report::of_one_table(json, &Say::SheetFindings, note, &heads, lines, lang))
}

/// How many people with an identity number are compared with nobody, because no hash under the present match key stands
/// beside it; asked where counties are compared, above them.
fn unmatched(replica: &Replica, division: DivisionCode) -> Result<Option<usize>, Failure> {
    if division.level() >= Level::County {
        return Ok(None);
    }
    let named = replica.named_match_key();
    let has_number = |row: &Row| row.fields.get("id_number").is_some_and(|number| !number.is_null());
    let compared = |row: &Row| {
        let hash = row.fields.get("id_match").and_then(Value::text);
        named.is_some() && hash.and_then(matched_under) == named
    };
    let people = within(replica, of_name("person"), division)?;
    Ok(Some(people.iter().filter(|(_, row)| has_number(row) && !compared(row)).count()))
}

/// A finding, with the kind of the records that it names.
type Found = (&'static Kind, Finding);

/// What a division and those below it own, as far as rules across records ask for it.
struct Reading {
    division: DivisionCode,
    organizations: Records,
    /// Opened: a doubtful person is told by name and month of birth.
    people: Vec<(RecordId, Fields)>,
    /// Each person's, ended ones too.
    affiliations: BTreeMap<RecordId, Records>,
    party_orgs: Records,
}

impl Reading {
    fn of(replica: &Replica, division: DivisionCode) -> Result<Self, Failure> {
        let (people, affiliation) = (of_name("person"), of_name("affiliation"));
        let opened = |(id, row): (RecordId, Row)| (id, replica.opened(people, &id, &row.fields, None));
        let mut affiliations: BTreeMap<RecordId, Records> = BTreeMap::new();
        for (id, row) in within(replica, affiliation, division)? {
            // Whose record lies elsewhere is told by its id alone, which is the same for whoever sees more.
            let elsewhere = || said(&row.fields, "person").parse().ok();
            if let Some(person) =
                replica.means_within(affiliation, &row, "person", division)?.or_else(elsewhere)
            {
                affiliations.entry(person).or_default().push((id, row));
            }
        }
        Ok(Self {
            division,
            organizations: within(replica, of_name("social_org"), division)?,
            people: within(replica, people, division)?.into_iter().map(opened).collect(),
            affiliations,
            party_orgs: within(replica, of_name("party_org"), division)?,
        })
    }

    fn findings(&self, replica: &Replica, on: Date) -> Result<Vec<Found>, Failure> {
        let of = |name, found: Vec<Finding>| {
            let kind = of_name(name);
            found.into_iter().map(move |finding| (kind, finding))
        };
        let codes = self.organizations.iter().map(|(id, row)| (*id, said(&row.fields, "uscc")));
        let hashes = self.people.iter().map(|(id, fields)| (*id, said(fields, "id_match")));
        let mut found = Vec::new();
        found.extend(of("social_org", integrity::same_credit_code(&codes.collect::<Vec<_>>())));
        found.extend(of("person", integrity::same_person(&hashes.collect::<Vec<_>>())));
        found.extend(of("person", integrity::doubtful_person(&self.likenesses())));
        for own in self.affiliations.values() {
            let several = integrity::two_affiliations(&fields_of(own), on);
            found.extend(of("affiliation", several.into_iter().collect()));
        }
        found.extend(of("party_org", self.of_party_orgs(replica, on)?));
        for kind in dictionary::kinds() {
            for (id, _, to) in replica.offers(kind, self.division)? {
                found.push((kind, integrity::offered_elsewhere(id, place(replica, to))));
            }
        }
        Ok(found)
    }

    fn likenesses(&self) -> Vec<Likeness<'_>> {
        let mut found = Vec::new();
        for (id, fields) in &self.people {
            found.push(Likeness {
                id: *id,
                name: said(fields, "name"),
                birth_ym: said(fields, "birth_ym"),
                division: said(fields, "division"),
                has_number: fields.get("id_number").is_some_and(|number| !number.is_null()),
            });
        }
        found
    }

    fn of_party_orgs(&self, replica: &Replica, on: Date) -> Result<Vec<Finding>, Failure> {
        let (kind, members) = (of_name("party_org"), self.full_members(replica, on)?);
        let units = self.units(replica)?;
        let (mut superiors, mut found) = (Vec::new(), Vec::new());
        for (id, row) in &self.party_orgs {
            superiors.push((*id, replica.means_within(kind, row, "superior_id", self.division)?));
            found.extend(integrity::overdue_election(*id, &row.fields, on));
            // A branch that covers no organization, a community's, has members of whom nothing is kept here; and where
            // no member has been entered yet, no branch is too small for that.
            if let Some(units) = units.get(id).filter(|_| !members.is_empty()) {
                let members = members.get(id).copied().unwrap_or(0);
                found.extend(integrity::branch_size(*id, &row.fields, *units, members, on));
            }
        }
        found.extend(integrity::superior_cycles(&superiors));
        Ok(found)
    }

    /// The full members of each branch on a day, each person by the one formal affiliation. What decides stands in the
    /// affiliation, which lies with the branch; one from before it had copies is looked up in the person's record, if
    /// that lies here.
    fn full_members(&self, replica: &Replica, on: Date) -> Result<BTreeMap<RecordId, usize>, Failure> {
        let kind = of_name("affiliation");
        let people: BTreeMap<RecordId, &Fields> =
            self.people.iter().map(|(id, fields)| (*id, fields)).collect();
        let mut members = BTreeMap::new();
        for (person, own) in &self.affiliations {
            let counts = formal(&fields_of(own), on);
            let Some((_, row)) = own.iter().find(|(id, _)| Some(*id) == counts) else { continue };
            let copied = row.fields.contains_key("member_kind").then_some(&row.fields);
            let deciding = copied.or_else(|| people.get(person).copied());
            if deciding.and_then(|fields| counted(fields, on)) != Some(cells::Cell::MembersFull) {
                continue;
            }
            if let Some(branch) = replica.means_within(kind, row, "party_org", self.division)? {
                *members.entry(branch).or_default() += 1;
            }
        }
        Ok(members)
    }

    /// So many organizations name each branch as the one that covers them.
    fn units(&self, replica: &Replica) -> Result<BTreeMap<RecordId, usize>, Failure> {
        let kind = of_name("social_org");
        let mut units = BTreeMap::new();
        for (_, row) in &self.organizations {
            if let Some(branch) = replica.means_within(kind, row, "party_org", self.division)? {
                *units.entry(branch).or_default() += 1;
            }
        }
        Ok(units)
    }
}

/// A record that a finding names: its id, its owner, what people call it.
type Involved = (RecordId, DivisionCode, String);

fn involved(replica: &Replica, kind: &'static Kind, finding: &Finding) -> Result<Vec<Involved>, Failure> {
    let mut involved = Vec::new();
    for id in &finding.records {
        let Some(row) = replica.row(kind, id)? else { continue };
        // Who is affiliated says more than that it is an affiliation.
        let person = if kind.name == "affiliation" { replica.means(kind, &row, "person")? } else { None };
        let title = match person {
            Some(person) => record_title(replica, of_name("person"), person),
            None => record_title(replica, kind, *id),
        };
        involved.push((*id, row.division, title.unwrap_or_else(|| id.to_string())));
    }
    Ok(involved)
}

fn json_of(kind: &Kind, finding: &Finding, involved: &[Involved], lang: Lang) -> Json {
    let severity = match finding.severity {
        Severity::Fault => "FAULT",
        Severity::Warning => "WARNING",
    };
    let record = |(id, division, title): &Involved| {
        let (id, division) = (id.to_string(), division.to_string());
        json!({ "id": id, "division": division, "title": title })
    };
    json!({
        "rule": finding.rule.name(),
        "severity": severity,
        "kind": kind.name,
        "records": involved.iter().map(record).collect::<Vec<_>>(),
        "why": finding.why.text(lang),
    })
}

fn line_of(
    replica: &Replica,
    kind: &Kind,
    finding: &Finding,
    involved: &[Involved],
    lang: Lang,
) -> Vec<String> {
    let todo = match finding.severity {
        Severity::Fault => Say::FindingFault,
        Severity::Warning => Say::FindingWarning,
    };
    let mut places: Vec<String> = involved.iter().map(|(_, division, _)| place(replica, *division)).collect();
    places.dedup();
    let records = involved.iter().map(|(id, _, title)| format!("{title} {id}"));
    vec![
        todo.text(lang),
        finding.rule.say().text(lang),
        lang.pick(kind.label, kind.label_en).to_owned(),
        places.join("、"),
        records.collect::<Vec<_>>().join("；"),
        finding.why.text(lang),
    ]
}

fn of_name(name: &str) -> &'static Kind {
    kind(name).expect("the dictionary has the kinds of the city")
}

/// A text field, empty if it is not filled in.
fn said<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::text).unwrap_or_default()
}

fn fields_of(records: &Records) -> Vec<(RecordId, &Fields)> {
    records.iter().map(|(id, row)| (*id, &row.fields)).collect()
}
