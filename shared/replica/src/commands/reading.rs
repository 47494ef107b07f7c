//! What whoever asks may read: sealed fields opened, secret ones masked unless a purpose is given, and then noted.

use crate::Replica;
use crate::commands::request::{Context, Request};
use crate::commands::words::{id_of, kind_of};
use crate::reads::{Noted, Purpose, Reading};
use crate::service::home::Failure;
use huiliu_core::model::dictionary::{self, Field, Kind};
use huiliu_core::model::messages::Say;
use huiliu_core::model::{Fields, RecordId, Sensitivity, Value};

/// So many characters at the end of a secret are shown: enough to tell two people of one name apart.
const SHOWN: usize = 4;

/// A record's fields as whoever asks may read them.
pub fn readable(replica: &Replica, kind: &Kind, id: &RecordId, fields: &Fields, context: &Context) -> Fields {
    let read =
        |(name, value): (&String, &Value)| (name.clone(), value_of(replica, kind, id, name, value, context));
    // What only programs compare is nobody's to read.
    let is_shown = |name: &&String| kind.field(name).is_none_or(Field::is_typed);
    fields.iter().filter(|(name, _)| is_shown(name)).map(read).collect()
}

/// One field's value as whoever asks may read it.
pub fn value_of(
    replica: &Replica,
    kind: &Kind,
    id: &RecordId,
    name: &str,
    value: &Value,
    context: &Context,
) -> Value {
    let secret = kind.field(name).is_some_and(|field| field.sensitivity == Sensitivity::Secret);
    let purpose = context.noted.clone().map_or(Purpose::Masking, Purpose::Said);
    match replica.open_field(kind, id, name, value, Some(&purpose)) {
        Value::Text(text) if secret && matches!(purpose, Purpose::Masking) => Value::Text(masked(&text)),
        opened => opened,
    }
}

/// A secret with all but its end hidden.
fn masked(text: &str) -> String {
    let hidden = text.chars().count().saturating_sub(SHOWN);
    text.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }).collect()
}

/// What people call the record that a reference means; what is written where it is not here.
pub fn title_of(
    replica: &Replica,
    field: &Field,
    row_division: huiliu_core::model::DivisionCode,
    text: &str,
) -> String {
    let named = || {
        let kind = field.target().and_then(dictionary::kind)?;
        record_title(replica, kind, replica.resolve(kind, text, row_division).ok()??)
    };
    named().unwrap_or_else(|| text.to_owned())
}

/// What people call a record; none if it is not here or its name cannot be read.
pub fn record_title(replica: &Replica, mut kind: &'static Kind, mut id: RecordId) -> Option<String> {
    // An instructor is called as the person is.
    while let Some([by]) = kind.same_by() {
        let row = replica.row(kind, &id).ok()??;
        id = replica.means(kind, &row, by).ok()??;
        kind = kind.field(by).and_then(Field::target).and_then(dictionary::kind)?;
    }
    let row = replica.row(kind, &id).ok()??;
    let name = ["name", "full_name"].into_iter().find(|name| kind.field(name).is_some())?;
    match replica.open_field(kind, &id, name, row.fields.get(name)?, None) {
        Value::Text(name) => Some(name),
        _ => None,
    }
}

/// Notes, durably and before anything is shown, that somebody reads secrets for a purpose; nothing of what shows none.
pub fn note_reading(
    replica: &mut Replica,
    request: &Request,
    context: &Context,
) -> Result<Option<Noted>, Failure> {
    let (Some(purpose), Some(reading)) = (&context.purpose, reading_of(request)?) else { return Ok(None) };
    if replica.is_opened_to_read() {
        return Err(Failure::new(1, Say::PurposeNotNoted));
    }
    Ok(Some(replica.note_reading(&reading, purpose, &context.who, context.now)?))
}

/// What a request shows secrets of.
fn reading_of(request: &Request) -> Result<Option<Reading>, Failure> {
    Ok(Some(match request {
        Request::RecordList(listing) => Reading::List(kind_of(&listing.kind)?),
        Request::RecordShow { id, .. } => Reading::Record(id_of(id)?),
        Request::Export { kind, .. } => Reading::Export(kind_of(kind)?),
        Request::ConflictList => Reading::Conflicts,
        Request::ConflictShow { id } => Reading::ConflictsOf(id_of(id)?),
        _ => return Ok(None),
    }))
}
