//! What an edit of a person brings with it: the affiliation that a table names in the person's own row, and the copies
//! of the person's kind in what names the person, so that figures need no look at the person.

use crate::edit::RecordEdit;
use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::dictionary::{self, Kind};
use huiliu_core::model::{DivisionCode, Fields, Problem, RecordId, Trouble, Value};

impl Replica {
    /// Makes the affiliation that a person's row names, unless it is there. Whether it was made.
    pub(crate) fn affiliate(
        &mut self,
        kind: &'static Kind,
        person: &RecordId,
        owner: DivisionCode,
        fields: &Fields,
        who: &str,
        now: u64,
    ) -> Result<bool, ReplicaError> {
        let named = kind.field("party_org").filter(|field| field.import_only);
        let Some((field, Value::Text(branch))) = named.zip(named.and_then(|field| fields.get(field.name)))
        else {
            return Ok(false);
        };
        for (_, row) in self.affiliations_of(person)? {
            if row.get("to").is_some_and(|to| !to.is_null()) {
                continue;
            }
            let there = row.get("party_org").and_then(Value::text);
            if self.branch_meant(there, owner)? == self.branch_meant(Some(branch), owner)? {
                return Ok(false);
            }
            let trouble = Trouble::ElsewhereAffiliated;
            return Err(ReplicaError::Problems(vec![Problem::error(Some(field), trouble)]));
        }
        let (person, branch) = (Value::Text(person.to_string()), Value::Text(branch.clone()));
        let fields = Fields::from([("person".to_owned(), person), ("party_org".to_owned(), branch)]);
        let wish = RecordEdit::New { kind: "affiliation".into(), fields, owner: Some(owner), strict: false };
        self.stage_wish(&wish, who, now)?;
        Ok(true)
    }

    /// Count once: while a member belongs to one branch, no second affiliation begins. `own`: the affiliation that is
    /// being changed, if it is one. What two replicas begin apart from one another is found and shown.
    pub(crate) fn check_once(
        &self,
        kind: &'static Kind,
        own: Option<&RecordId>,
        fields: &Fields,
        owner: DivisionCode,
    ) -> Result<(), ReplicaError> {
        if kind.name != "affiliation" || fields.get("to").is_some_and(|to| !to.is_null()) {
            return Ok(());
        }
        let named = fields.get("person").and_then(Value::text);
        let Some((person, reference)) = dictionary::kind("person").zip(named) else { return Ok(()) };
        let Some(person) = self.resolve(person, reference, owner)? else { return Ok(()) };
        let current = |row: &Fields| row.get("to").is_none_or(Value::is_null);
        let others = self.affiliations_of(&person)?;
        if others.iter().any(|(id, row)| Some(id) != own && current(row)) {
            let (field, trouble) = (kind.field("party_org"), Trouble::ElsewhereAffiliated);
            return Err(ReplicaError::Problems(vec![Problem::error(field, trouble)]));
        }
        Ok(())
    }

    /// The record a reference to a branch means, or the reference.
    fn branch_meant(
        &self,
        reference: Option<&str>,
        near: DivisionCode,
    ) -> Result<Option<String>, ReplicaError> {
        let Some((reference, kind)) = reference.zip(dictionary::kind("party_org")) else { return Ok(None) };
        let id = self.resolve(kind, reference, near)?;
        Ok(Some(id.map_or_else(|| reference.to_owned(), |id| id.to_string())))
    }

    /// A person's affiliations, ended ones too.
    pub fn affiliations_of(&self, person: &RecordId) -> Result<Vec<(RecordId, Fields)>, ReplicaError> {
        let Some(kind) = dictionary::kind("person") else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (other, id) in self.referrers(kind, person)? {
            if other.name == "affiliation"
                && let Some(row) = self.row(other, &id)?.filter(|row| row.deleted.is_none())
                && self.means(other, &row, "person")?.as_ref() == Some(person)
            {
                found.push((id, row.fields));
            }
        }
        Ok(found)
    }

    /// Writes on what a change of a record says, or a new one, in the copies that others keep of it, as far as they may
    /// be written here.
    pub(crate) fn copy_on(
        &mut self,
        kind: &'static Kind,
        id: &RecordId,
        change: &Fields,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let here = self.row(kind, id)?.is_some();
        let referrers = if here { self.referrers(kind, id)? } else { self.referrers_of(kind, id, change)? };
        for (other, by) in referrers {
            let copied = other.fields.iter().filter(|field| {
                let named = field.copied_from.and_then(|by| other.field(by)).and_then(|it| it.target());
                named == Some(kind.name) && change.contains_key(field.name)
            });
            let copies: Fields =
                copied.map(|field| (field.name.to_owned(), change[field.name].clone())).collect();
            let Some(row) = self.row(other, &by)?.filter(|_| !copies.is_empty()) else { continue };
            let channel = self.channel_of(other, row.division);
            if self.own_grant(channel).is_ok() && row.deleted.is_none() {
                self.stage_wish(&RecordEdit::Set { id: by, fields: copies }, who, now)?;
            }
        }
        Ok(())
    }
}
