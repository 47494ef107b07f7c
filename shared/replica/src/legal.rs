//! What the dictionary says of the values that an entry writes, by the edition under which they were written.

use huiliu_core::documents::{DELETED, writes};
use huiliu_core::model::{DictionaryEdition, KindId, Value, dictionary};
use huiliu_core::sync::{Entry, EntryKind};

/// The word of an edition of the dictionary on a field. Fields that this version does not know are a newer version's.
pub(crate) fn allowed(kind: KindId, field: &str, value: &Value, edition: DictionaryEdition) -> bool {
    field == DELETED
        || dictionary::kind_by_id(kind).is_some_and(|kind| kind.check_types(field, value, edition).is_ok())
}

/// Whether some edition of the dictionary that this version knows allows it: what the hub has let count stays so.
pub(crate) fn was_ever_allowed(kind: KindId, field: &str, value: &Value) -> bool {
    field == DELETED || dictionary::kind_by_id(kind).is_some_and(|kind| kind.was_ever_legal(field, value))
}

/// The lowest edition of the dictionary under which an entry is legal: the first, unless its kind has known stricter
/// rules and these values need one. What passes no gate has none, and is signed as the newest.
pub(crate) fn lowest_edition(entry: &Entry) -> DictionaryEdition {
    let kind = entry.envelope.as_ref().and_then(|envelope| dictionary::kind_by_id(envelope.kind));
    let Some(kind) = kind.filter(|kind| entry.kind == EntryKind::EDIT && kind.has_history()) else {
        return DictionaryEdition::FIRST;
    };
    let Some(values) = writes(&entry.payload) else { return DictionaryEdition::NEWEST };
    let named =
        values.iter().filter(|(name, _)| *name != DELETED).map(|(name, value)| (name.as_str(), value));
    kind.lowest_edition(named).unwrap_or(DictionaryEdition::NEWEST)
}
