//! Reading secrets. Nothing opens a secret field without a purpose, and what a person reads is noted first, durably, with
//! who and what for.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::RecordId;
use huiliu_core::model::dictionary::{self, Kind};
use huiliu_core::sync::EntryKind;
use huiliu_core::sync::control::{self, Note};

/// A reason to read secret values.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// A person reads them, and that is noted.
    Said(Noted),
    /// The program compares whole values with each other, or checks what is to be saved, and shows none of them.
    Comparing,
    /// The program shows the end of a value and hides the rest.
    Masking,
}

/// That a reading is noted, durably: only [`Replica::note_reading`] makes one.
#[derive(Clone, Debug)]
pub struct Noted(());

/// What somebody reads secrets in: a note keeps it as the words of the command.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The list of a kind.
    List(&'static Kind),
    /// A table of a kind.
    Export(&'static Kind),
    /// One record.
    Record(RecordId),
    /// The conflicts of all records.
    Conflicts,
    /// The conflicts of one record.
    ConflictsOf(RecordId),
}

/// A reading that was noted here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WasRead {
    /// When, milliseconds since 1970 UTC.
    pub at: u64,
    /// Who.
    pub who: String,
    /// What for.
    pub purpose: String,
    /// The command.
    pub what: String,
}

impl Reading {
    /// The words of the command.
    pub fn words(&self) -> String {
        match self {
            Self::List(kind) => format!("record list {}", kind.name),
            Self::Export(kind) => format!("export {}", kind.name),
            Self::Record(id) => format!("record show {id}"),
            Self::Conflicts => "conflict list".to_owned(),
            Self::ConflictsOf(id) => format!("conflict show {id}"),
        }
    }

    /// What a note's words say; a kind may stand there as its label.
    pub fn of_words(words: &str) -> Option<Self> {
        let (command, what) = words.rsplit_once(' ')?;
        Some(match command {
            "record list" => Self::List(dictionary::kind_of_word(what)?),
            "export" => Self::Export(dictionary::kind_of_word(what)?),
            "record show" => Self::Record(what.parse().ok()?),
            "conflict show" => Self::ConflictsOf(what.parse().ok()?),
            _ if words == "conflict list" => Self::Conflicts,
            _ => return None,
        })
    }

    /// Whether a record may have been in it; `kind`: its kind, if it is here.
    pub fn shows(&self, record: &RecordId, kind: Option<&Kind>) -> bool {
        match self {
            Self::List(listed) | Self::Export(listed) => kind.is_some_and(|kind| kind.id == listed.id),
            Self::Record(id) | Self::ConflictsOf(id) => id == record,
            Self::Conflicts => true,
        }
    }
}

impl Replica {
    /// Notes, durably, that somebody reads secrets for a purpose, before they see any.
    pub fn note_reading(
        &mut self,
        reading: &Reading,
        purpose: &str,
        who: &str,
        now: u64,
    ) -> Result<Noted, ReplicaError> {
        let (purpose, what) = (purpose.to_owned(), reading.words());
        self.note(&Note::Read { purpose, what }, who, now);
        self.commit()?;
        self.flush()?;
        Ok(Noted(()))
    }

    /// What was read here, newest first.
    pub fn readings(&self) -> Result<Vec<WasRead>, ReplicaError> {
        let mut readings = Vec::new();
        for entry in self.locals(EntryKind::NOTE)?.into_iter().rev() {
            let (Some(Note::Read { purpose, what }), Some(envelope)) =
                (control::decode(&entry.payload), entry.envelope)
            else {
                continue;
            };
            let (at, who) = (envelope.stamp.at.millis(), envelope.stamp.who);
            readings.push(WasRead { at, who, purpose, what });
        }
        Ok(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_from_its_note_and_from_those_of_before() {
        let person = dictionary::kind("person").unwrap();
        let id = RecordId([7; 16]);
        let told = |words: &str| Reading::of_words(words).map(|reading| reading.words());
        for reading in [
            Reading::List(person),
            Reading::Export(person),
            Reading::Record(id),
            Reading::Conflicts,
            Reading::ConflictsOf(id),
        ] {
            assert_eq!(told(&reading.words()), Some(reading.words()));
        }
        assert_eq!(told(&format!("record list {}", person.label)).as_deref(), Some("record list person"));
        for unknown in ["", "record show", "record show 1", "record list nothing", "something else"] {
            assert_eq!(told(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_record_may_have_been_seen_where_it_is_named_and_in_what_shows_all_of_its_kind() {
        let (person, org) = (dictionary::kind("person").unwrap(), dictionary::kind("social_org").unwrap());
        let (id, other) = (RecordId([7; 16]), RecordId([8; 16]));
        assert!(
            Reading::Record(id).shows(&id, Some(person)) && !Reading::Record(other).shows(&id, Some(person))
        );
        assert!(
            Reading::List(person).shows(&id, Some(person)) && !Reading::List(org).shows(&id, Some(person))
        );
        assert!(Reading::Conflicts.shows(&id, None) && !Reading::Export(person).shows(&id, None));
    }
}
