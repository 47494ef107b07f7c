//! What a field can hold, and a record's fields.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of one field. The dictionary says which of these a field takes.
///
/// Dates are `Text` in ISO form (2018-05-21), codes are `Text`, money is `Int` in fen, an emptied field is `Null`. What
/// the dictionary calls personal or secret lies in documents and rows `Sealed`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Value {
    /// Nothing is known.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A count, or money in fen.
    Int(i64),
    /// Text, a code, a date.
    Text(String),
    /// A value sealed under a person's key: see `sync::seal`.
    Sealed(Vec<u8>),
}

impl Value {
    /// Whether the field is empty.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text value.
    pub fn of(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// A record's fields by name. A field that is absent and one that is `Null` mean the same to a reader.
pub type Fields = BTreeMap<String, Value>;
