//! What an edit of a person brings with it: the affiliation that a table names in the person's own row, and the copies
//! of the person's kind in what names the person, so that figures need no look at the person.

use crate::edit::RecordEdit;
use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::dictionary::{self, Field, Kind};
use huiliu_core::model::{DivisionCode, Fields, Problem, RecordId, Trouble, Value};

impl Replica {
    /// The branch for which an affiliation is to be made, because a person's row names it and there is none yet. Asked
    /// before anything is staged: an edit that is refused leaves nothing of itself behind.
    pub(crate) fn wanted_affiliation(
        &self,
        kind: &'static Kind,
        person: &RecordId,
        owner: DivisionCode,
        fields: &Fields,
    ) -> Result<Option<String>, ReplicaError> {
        let named = kind.field("party_org").filter(|field| field.import_only);
        let Some((field, Value::Text(branch))) = named.zip(named.and_then(|field| fields.get(field.name)))
        else {
            return Ok(None);
        };
        let words = std::iter::once(person.to_string()).chain(kind.aliases(fields)).collect();
        let meant = self.branch_meant(Some(branch), owner)?;
        let mut others = false;
        for (_, row) in self.affiliations_naming(words, Some(person))?.into_iter().filter(is_current) {
            if self.branch_meant(row.get("party_org").and_then(Value::text), owner)? == meant {
                return Ok(None);
            }
            others = true;
        }
        if others { Err(elsewhere(Some(field))) } else { Ok(Some(branch.clone())) }
    }

    /// Stages a person's affiliation to a branch.
    pub(crate) fn affiliate(
        &mut self,
        person: &RecordId,
        branch: String,
        owner: DivisionCode,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let (person, branch) = (Value::Text(person.to_string()), Value::Text(branch));
        let fields = Fields::from([("person".to_owned(), person), ("party_org".to_owned(), branch)]);
        let wish = RecordEdit::New { kind: "affiliation".into(), fields, owner: Some(owner), strict: false };
        self.stage_wish(&wish, who, now).map(|_| ())
    }

    /// Count once: while a member belongs to one branch, no second affiliation begins. `own`: the affiliation that is
    /// being changed, if it is one. Two that are begun apart from one another both stand, and the rules name one.
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
        let Some((people, reference)) = dictionary::kind("person").zip(named) else { return Ok(()) };
        let others = match self.resolve(people, reference, owner)? {
            Some(person) => self.affiliations_of(&person)?,
            None => self.affiliations_naming(vec![reference.to_owned()], None)?,
        };
        match others.iter().any(|other| Some(&other.0) != own && is_current(other)) {
            true => Err(elsewhere(kind.field("party_org"))),
            false => Ok(()),
        }
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
        let fields = self.row(kind, person)?.map(|row| row.fields).unwrap_or_default();
        let words = std::iter::once(person.to_string()).chain(kind.aliases(&fields)).collect();
        self.affiliations_naming(words, Some(person))
    }

    /// The affiliations that name a person by one of these words, and, where it can be told, mean this one.
    fn affiliations_naming(
        &self,
        words: Vec<String>,
        person: Option<&RecordId>,
    ) -> Result<Vec<(RecordId, Fields)>, ReplicaError> {
        let Some(kind) = dictionary::kind("affiliation") else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for word in words {
            for id in self.naming(kind, "person", &word)? {
                let Some(row) = self.row(kind, &id)?.filter(|row| row.deleted.is_none()) else { continue };
                let meant = self.means(kind, &row, "person")?;
                if meant.as_ref().zip(person).is_none_or(|(meant, person)| meant == person) {
                    found.push((id, row.fields));
                }
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
        // Nobody copies from most kinds, and their records may be named by many.
        let copied = |of: &'static Kind| {
            of.fields.iter().filter(move |field| {
                let named = field.copied_from.and_then(|by| of.field(by)).and_then(Field::target);
                named == Some(kind.name) && change.contains_key(field.name)
            })
        };
        if dictionary::kinds().iter().all(|of| copied(of).next().is_none()) {
            return Ok(());
        }
        let here = self.row(kind, id)?.is_some();
        let referrers = if here { self.referrers(kind, id)? } else { self.referrers_of(kind, id, change)? };
        for (other, by) in referrers {
            let copies: Fields =
                copied(other).map(|field| (field.name.to_owned(), change[field.name].clone())).collect();
            if copies.is_empty() {
                continue;
            }
            let Some(row) = self.row(other, &by)?.filter(|row| row.deleted.is_none()) else { continue };
            if self.own_grant(self.channel_of(other, row.division)).is_err() {
                continue;
            }
            match self.stage_wish(&RecordEdit::Set { id: by, fields: copies }, who, now) {
                // A copy in a record that is not whole cannot be written, and is no reason against this edit.
                Ok(_) | Err(ReplicaError::Problems(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether an affiliation has not ended.
fn is_current((_, fields): &(RecordId, Fields)) -> bool {
    fields.get("to").is_none_or(Value::is_null)
}

fn elsewhere(field: Option<&'static Field>) -> ReplicaError {
    ReplicaError::Problems(vec![Problem::error(field, Trouble::ElsewhereAffiliated)])
}
