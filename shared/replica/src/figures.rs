//! Figures kept by difference: what one record contributes to them is remembered, and when it changes, or what names it
//! does, the old contributions are taken out and the new ones put in. Only what has changed since they were last asked
//! for is looked at; a recount of everything comes to the same.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::dictionary::{self, Kind};
use huiliu_core::model::rules::Options;
use huiliu_core::model::rules::cells::{Cell, Counts};
use huiliu_core::model::rules::facts::Facts;
use huiliu_core::model::rules::tally::{self, Contribution};
use huiliu_core::model::{Date, DivisionCode, Fields, RecordId, Value};
use huiliu_store::keys;
use huiliu_store::rows::{Row, Tallied};
use std::collections::BTreeMap;

/// What works at an organization, or looks after it, and stands in its figures.
#[derive(Default)]
pub struct Company {
    /// Engagements, each naming its person in one way.
    pub engagements: Vec<Fields>,
    /// Instructors' assignments.
    pub assignments: Vec<Fields>,
}

impl Replica {
    /// Remembers that a record's figures, or those of what it names, have to be looked at again.
    pub(crate) fn count_again(
        &mut self,
        kind: &'static Kind,
        id: &RecordId,
        rows: [Option<&Row>; 2],
    ) -> Result<(), ReplicaError> {
        match kind.name {
            "social_org" => {
                self.index.put(keys::uncounted(id), &());
                // Of several with one number or name the reference of an engagement may mean another now; not if all
                // that decides it is as it was.
                let decides = |row: &Row| (row.division, row.deleted.is_some(), kind.aliases(&row.fields));
                if rows[0].map(decides) == rows[1].map(decides) {
                    return Ok(());
                }
                for alias in rows.into_iter().flatten().flat_map(|row| kind.aliases(&row.fields)) {
                    for (other, ()) in self.index.list::<()>(&keys::aliases(kind.id, &alias))? {
                        if let Ok(other) = other.try_into() {
                            self.index.put(keys::uncounted(&RecordId(other)), &());
                        }
                    }
                }
            }
            "engagement" | "instructor_assignment" => {
                for row in rows.into_iter().flatten() {
                    if let Some(id) = self.means(kind, row, "social_org")? {
                        self.index.put(keys::uncounted(&id), &());
                    }
                }
            }
            // One person may be named in two ways until the record is here.
            "person" => {
                self.index.put(keys::uncounted(id), &());
                let fields = rows.into_iter().flatten().next_back().map(|row| row.fields.clone());
                for (other, by) in self.referrers_of(kind, id, &fields.unwrap_or_default())? {
                    if let Some(row) = self.row(other, &by)?
                        && let Some(id) = self.means(other, &row, "social_org")?
                    {
                        self.index.put(keys::uncounted(&id), &());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Brings the figures up to date.
    fn bring_figures_up(&mut self) -> Result<(), ReplicaError> {
        let open = self.index.list::<()>(&keys::all_uncounted())?;
        for (key, ()) in open {
            let Ok(id) = key.try_into().map(RecordId) else { continue };
            let new = self.contributions(&id)?;
            let old: Option<Tallied> = self.index.get(&keys::tallied(&id))?;
            let mut changes: BTreeMap<(DivisionCode, u8, i32), i64> = BTreeMap::new();
            for (tallied, sign) in old.iter().map(|old| (old, -1)).chain(new.iter().map(|new| (new, 1))) {
                for (cell, day, delta) in &tallied.contributions {
                    *changes.entry((tallied.division, *cell, *day)).or_default() += sign * i64::from(*delta);
                }
            }
            for ((division, cell, day), by) in changes.into_iter().filter(|(_, by)| *by != 0) {
                let key = keys::tally(division, cell, day);
                match self.index.get::<i64>(&key)?.unwrap_or(0) + by {
                    0 => self.index.remove(key),
                    sum => self.index.put(key, &sum),
                }
            }
            match new {
                Some(new) => self.index.put(keys::tallied(&id), &new),
                None => self.index.remove(keys::tallied(&id)),
            }
            self.index.remove(keys::uncounted(&id));
        }
        Ok(())
    }

    /// What a living record contributes.
    fn contributions(&self, id: &RecordId) -> Result<Option<Tallied>, ReplicaError> {
        for name in ["social_org", "person"] {
            let Some(kind) = dictionary::kind(name) else { continue };
            let Some(row) = self.row(kind, id)?.filter(|row| row.deleted.is_none()) else { continue };
            let contributions = match name {
                "person" => tally::person_contributions(&row.fields),
                _ => {
                    let company = self.company(kind, id)?;
                    tally::contributions(&company.facts(&row.fields), Options::default())
                }
            };
            let parts = contributions.into_iter();
            let parts = parts.map(|Contribution { cell, day, delta }| (cell.number(), day, delta)).collect();
            return Ok(Some(Tallied { division: row.division, contributions: parts }));
        }
        Ok(None)
    }

    /// Who works at an organization or looks after it, as far as its own division and those below it say so: whoever sees
    /// the organization's figures sees these.
    pub fn company(&self, kind: &'static Kind, id: &RecordId) -> Result<Company, ReplicaError> {
        let mut company = Company::default();
        let Some(owner) = self.row(kind, id)?.map(|row| row.division) else { return Ok(company) };
        for (other, by) in self.referrers(kind, id)? {
            let Some(row) = self.row(other, &by)?.filter(|row| row.deleted.is_none()) else { continue };
            let inside = self.divisions.is_within(row.division, owner);
            if !inside || self.means_within(other, &row, "social_org", owner)?.as_ref() != Some(id) {
                continue;
            }
            match other.name {
                "engagement" => {
                    let mut fields = row.fields.clone();
                    // Only people of the division: whoever sees its figures sees these, and the hub alone sees others.
                    if self.means_within(other, &row, "person", owner)?.is_some()
                        && let Some(alias) = self.alias_in_words(other, &row, "person")?
                    {
                        fields.insert("person".to_owned(), Value::Text(alias));
                    }
                    company.engagements.push(fields);
                }
                "instructor_assignment" => company.assignments.push(row.fields),
                _ => {}
            }
        }
        Ok(company)
    }

    /// The counts of each division that owns something, as of a day.
    pub fn tallies(&mut self, on: Date) -> Result<BTreeMap<DivisionCode, Counts>, ReplicaError> {
        self.bring_figures_up()?;
        let mut counts: BTreeMap<DivisionCode, Counts> = BTreeMap::new();
        let day = tally::number(on);
        self.index.each(&keys::tallies(), &[], |key, sum: i64| {
            if let Some((division, cell, from)) = keys::of_tally(key)
                && let Some(cell) = Cell::from_number(cell)
                && from <= day
            {
                counts.entry(division).or_default().count(cell, sum);
            }
            true
        })?;
        Ok(counts)
    }

    /// The same, counted from the records: what [`Replica::tallies`] must come to.
    pub fn recounted(&self, on: Date) -> Result<BTreeMap<DivisionCode, Counts>, ReplicaError> {
        let mut counts: BTreeMap<DivisionCode, Counts> = BTreeMap::new();
        for name in ["social_org", "person"] {
            let Some(kind) = dictionary::kind(name) else { continue };
            let mut ids = Vec::new();
            self.each_row(kind, |id, _| {
                ids.push(id);
                true
            })?;
            for id in ids {
                let Some(tallied) = self.contributions(&id)? else { continue };
                let day = tally::number(on);
                for (cell, from, delta) in tallied.contributions {
                    if let Some(cell) = Cell::from_number(cell).filter(|_| from <= day) {
                        counts.entry(tallied.division).or_default().count(cell, i64::from(delta));
                    }
                }
            }
        }
        Ok(counts)
    }
}

impl Company {
    /// What the rules ask of an organization with these fields.
    pub fn facts(&self, organization: &Fields) -> Facts<'_> {
        Facts::of(organization, &self.engagements, &self.assignments)
    }
}
