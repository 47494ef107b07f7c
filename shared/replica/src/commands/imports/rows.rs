//! What becomes of one row: a new record, a changed one, the same, or a refusal. A rehearsal counts the same without
//! writing.

use super::{Import, Seen};
use crate::commands::request::Context;
use crate::commands::words::{failure_of, place};
use crate::reads::Purpose;
use crate::service::home::Failure;
use crate::tables::report::Line;
use crate::tables::{self, Taken};
use crate::{Outcome, RecordEdit, Replica, ReplicaError};
use huiliu_core::documents::Verdict;
use huiliu_core::model::messages::Say;
use huiliu_core::model::values::text::compact;
use huiliu_core::model::{Channel, DivisionCode, Fields, Problem, RecordId, Sensitivity, Value};

/// The record of a row as it is before it.
struct Here {
    id: RecordId,
    channel: Channel,
    fields: Fields,
}

impl Import {
    /// Makes or changes the record of a row.
    pub(super) fn take(
        &mut self,
        replica: &mut Replica,
        mut taken: Taken,
        context: &Context,
    ) -> Result<(), Failure> {
        let near = self.division.unwrap_or(replica.division());
        match replica.prepare(self.kind, &taken.fields, near) {
            Ok(fields) => taken.fields = fields,
            refused => {
                return self.count(replica, taken.row, refused.map(|_| Outcome::Same(self.id)), context);
            }
        }
        self.leave_out_secrets(replica, &mut taken, near)?;
        let new = tables::rows::as_new(&taken);
        let key = replica.identity_of(self.kind, &new, near)?;
        let name = compact(new.get("name").and_then(Value::text).unwrap_or_default());
        let seen = key.as_ref().and_then(|key| self.seen.get(key));
        let first = seen.map(|seen| (seen.row, seen.name.clone()));
        if let Some((row, other)) = first.as_ref().filter(|(_, other)| *other != name) {
            let reason = Say::RowOtherName { first: *row, name: other.clone() };
            self.refuse(taken.row, &reason, &Say::RowOtherNameRemedy, context);
            return Ok(());
        }
        // A row further up may have made or changed the same record: it counts before this one is looked for.
        if first.is_some() && !self.dry_run {
            replica.commit_import(self.id, &context.who, context.now)?;
        }
        let here = match self.find(replica, key.as_deref(), &new)? {
            Ok(here) => here,
            Err(several) => {
                let ids: Vec<String> = several.iter().map(RecordId::to_string).collect();
                let reason = Say::RowTwice { ids: ids.join(", ") };
                self.refuse(taken.row, &reason, &Say::RowTwiceRemedy, context);
                return Ok(());
            }
        };
        let outcome = self.save(replica, &taken, here.as_ref(), key.as_ref(), context);
        if outcome.is_ok() {
            self.notice(replica, &taken, here.as_ref(), &outcome, (key.as_ref(), first.as_ref()), context);
            self.seen.extend(key.map(|key| (key, Seen { row: taken.row, name })));
        }
        self.count(replica, taken.row, outcome, context)
    }

    /// What is secret stays in the county: a hub that imports for one below keeps the hash of a number alone.
    fn leave_out_secrets(
        &mut self,
        replica: &Replica,
        taken: &mut Taken,
        near: DivisionCode,
    ) -> Result<(), Failure> {
        let secret =
            |name: &String| self.kind.field(name).is_some_and(|it| it.sensitivity == Sensitivity::Secret);
        if !taken.fields.keys().any(secret) {
            return Ok(());
        }
        let owner = replica.owner_of(self.kind, &tables::rows::as_new(taken), near)?.unwrap_or(near);
        if !replica.may_hold_secrets(replica.division(), owner) {
            let before = taken.fields.len();
            taken.fields.retain(|name, _| !secret(name));
            self.left_out += before - taken.fields.len();
        }
        Ok(())
    }

    /// The record of a natural key, as it would be by now in a rehearsal; the ids if there are several.
    fn find(
        &self,
        replica: &Replica,
        key: Option<&str>,
        new: &Fields,
    ) -> Result<Result<Option<Here>, Vec<RecordId>>, Failure> {
        let Some(key) = key else { return Ok(Ok(None)) };
        if let Some((channel, fields)) = self.rehearsed.get(key) {
            return Ok(Ok(Some(Here { id: self.id, channel: *channel, fields: fields.clone() })));
        }
        let near = self.division.unwrap_or(replica.division());
        let found = replica.find_same(self.kind, new, near)?;
        let [id] = found.as_slice() else {
            return Ok(if found.is_empty() { Ok(None) } else { Err(found) });
        };
        let (_, record) = replica.kind_of(id)?.ok_or(ReplicaError::NoSuchRecord(*id))?;
        let fields = replica.row(self.kind, id)?.map(|row| row.fields).unwrap_or_default();
        let fields = replica.opened(self.kind, id, &fields, Some(&Purpose::Comparing));
        Ok(Ok(Some(Here { id: *id, channel: record.channel, fields })))
    }

    /// What a row changes in its record: what it says, and what follows from that.
    fn change(&self, taken: &Taken, here: &Here) -> Fields {
        let mut change = self.kind.follow(&here.fields, &taken.fields);
        change.extend(taken.fields.clone());
        change
    }

    fn save(
        &mut self,
        replica: &mut Replica,
        taken: &Taken,
        here: Option<&Here>,
        key: Option<&String>,
        context: &Context,
    ) -> Result<Outcome, ReplicaError> {
        let new = || RecordEdit::New {
            kind: self.kind.name.into(),
            fields: tables::rows::as_new(taken),
            owner: self.division,
            strict: false,
        };
        let change = here.map(|here| self.change(taken, here));
        let edit = match (here, &change) {
            (Some(here), Some(change)) => RecordEdit::Set { id: here.id, fields: change.clone() },
            _ => new(),
        };
        if !self.dry_run {
            return replica.edit(&edit, &context.who, context.now);
        }
        let (outcome, channel, after) = match (here, change) {
            (Some(here), Some(change)) => {
                let after = replica.rehearse(self.kind, here.channel, &here.fields, &change)?;
                let outcome =
                    if after.is_some() { Outcome::Changed(here.id) } else { Outcome::Same(here.id) };
                (outcome, here.channel, after.unwrap_or_else(|| here.fields.clone()))
            }
            _ => {
                let outcome = replica.imagine(&edit, &context.who, context.now)?;
                let fields = tables::rows::as_new(taken);
                let near = self.division.unwrap_or(replica.division());
                let owner = replica.owner_of(self.kind, &fields, near)?.or(self.division);
                (outcome, replica.channel_of(self.kind, owner.unwrap_or(replica.division())), fields)
            }
        };
        self.rehearsed.extend(key.map(|key| (key.clone(), (channel, after))));
        Ok(outcome)
    }

    /// Says what is odd about a row that was taken.
    fn notice(
        &mut self,
        replica: &Replica,
        taken: &Taken,
        here: Option<&Here>,
        outcome: &Result<Outcome, ReplicaError>,
        (key, first): (Option<&String>, Option<&(u32, String)>),
        context: &Context,
    ) {
        let (row, lang) = (taken.row, context.lang());
        let odd = match here {
            // What a record says already may make good, or odd, what the row alone does not tell.
            Some(here) => {
                let mut after = here.fields.clone();
                after.extend(self.change(taken, here));
                after.retain(|_, value| !value.is_null());
                let mut odd = self.kind.check(&after, replica.divisions());
                odd.retain(|problem| !problem.is_error());
                odd
            }
            None => taken.odd.clone(),
        };
        let sentence = |odd: &Problem| Say::RowOdd { row, odd: odd.sentence(lang) }.text(lang);
        self.warnings.extend(taken.mended.iter().chain(&odd).map(sentence));
        if let (Some(here), Some(_)) = (here, key.filter(|key| key.starts_with("alike:"))) {
            self.warnings.push(Say::RowAlike { row, id: here.id.to_string() }.text(lang));
        }
        match (outcome, first, key.and_then(|key| self.deleted.get(key))) {
            (Ok(Outcome::Changed(_)), Some((first, _)), _) => {
                self.warnings.push(Say::RowAgain { row, first: *first }.text(lang));
            }
            (Ok(Outcome::Created(_)), _, Some((id, reason))) => {
                let (id, reason) = (id.to_string(), reason.clone());
                self.warnings.push(Say::RowDeletedBefore { row, id, reason }.text(lang));
            }
            _ => {}
        }
    }

    fn count(
        &mut self,
        replica: &Replica,
        row: u32,
        outcome: Result<Outcome, ReplicaError>,
        context: &Context,
    ) -> Result<(), Failure> {
        let lang = context.lang();
        match outcome {
            Ok(Outcome::Created(_)) => self.created += 1,
            Ok(Outcome::Changed(_)) => self.changed += 1,
            Ok(Outcome::Same(_)) => self.same += 1,
            Err(ReplicaError::OutsideGrant(channel)) => {
                let reason = Say::RowOutside { owner: place(replica, channel.division) };
                self.refuse(row, &reason, &Say::RowOutsideRemedy, context);
            }
            Err(ReplicaError::OwnerOutside { from, to }) => {
                let reason = Say::RowOwner { from: place(replica, from), to: place(replica, to) };
                self.refuse(row, &reason, &Say::RowOwnerRemedy, context);
            }
            Err(ReplicaError::Problems(problems)) => {
                for problem in problems {
                    self.refused.push(Line {
                        row,
                        field: problem.field.map_or(String::new(), |field| field.name.to_owned()),
                        value: String::new(),
                        reason: problem.reason(lang),
                        remedy: problem.remedy(lang),
                    });
                }
            }
            Err(ReplicaError::Gate(Verdict::TooLarge)) => {
                self.refuse(row, &Say::RowFull, &Say::RowFullRemedy, context);
            }
            Err(ReplicaError::Gate(verdict)) => {
                let reason = Say::RowGate { why: verdict.to_string() };
                self.refuse(row, &reason, &Say::RowGateRemedy, context);
            }
            Err(error) => return Err(failure_of(&error)),
        }
        Ok(())
    }

    fn refuse(&mut self, row: u32, reason: &Say, remedy: &Say, context: &Context) {
        let (reason, remedy) = (reason.text(context.lang()), remedy.text(context.lang()));
        self.refused.push(Line { row, field: String::new(), value: String::new(), reason, remedy });
    }
}
