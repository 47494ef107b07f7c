//! What people do at the replicas of a world: they save, read and ask, as they would at a form or a command line.

use super::world::World;
use huiliu_core::model::{Fields, RecordId, Value};
use huiliu_replica::commands::{Answer, Context, Request, run};
use huiliu_replica::reads::Purpose;
use huiliu_replica::{Outcome, RecordEdit, ReplicaError};

impl World {
    /// Saves an edit at a replica, as a person there would.
    pub fn save(&mut self, name: &str, edit: &RecordEdit) -> Result<Outcome, ReplicaError> {
        self.now += 1000;
        let now = self.now;
        let replica = self.replica(name);
        let outcome = replica.edit(edit, name, now)?;
        replica.commit()?;
        Ok(outcome)
    }

    /// Makes an organization at a replica.
    pub fn create(&mut self, name: &str, fields: &[(&str, &str)]) -> RecordId {
        self.make(name, "social_org", fields)
    }

    /// Makes a record of a kind at a replica.
    pub fn make(&mut self, name: &str, kind: &str, fields: &[(&str, &str)]) -> RecordId {
        let edit = RecordEdit::New { kind: kind.into(), fields: form(fields), owner: None, strict: false };
        self.save(name, &edit).expect("the record is saved").id()
    }

    /// Changes fields of a record at a replica.
    pub fn set(&mut self, name: &str, id: RecordId, fields: &[(&str, &str)]) {
        let edit = RecordEdit::Set { id, fields: form(fields) };
        self.save(name, &edit).expect("the change is saved");
    }

    /// One field of a record as its people read it; sealed if its key is not there.
    pub fn field(&mut self, name: &str, id: RecordId, field: &str) -> Option<Value> {
        let replica = self.replica(name);
        let (kind, _) = replica.kind_of(&id).expect("the index reads")?;
        let value = replica.row(kind, &id).expect("the index reads")?.fields.get(field).cloned()?;
        Some(replica.open_field(kind, &id, field, &value, Some(&Purpose::Comparing)))
    }

    /// Asks a replica for something, as a command does; for a purpose if one is said.
    pub fn ask(&mut self, name: &str, who: &str, purpose: Option<&str>, request: &Request) -> Answer {
        let (who, purpose, now) = (who.to_owned(), purpose.map(str::to_owned), self.now);
        let context = Context { who, english: false, purpose, noted: None, now, link: None };
        run(self.replica(name), request, &context)
    }
}

/// Fields as a person types them: everything is text here.
pub fn form(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(field, value)| ((*field).to_owned(), Value::of(*value))).collect()
}
