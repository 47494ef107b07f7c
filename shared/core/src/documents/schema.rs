//! How a record lies in its document. The only file with Automerge key names that are not dictionary fields.

use crate::model::Value;
use automerge::ScalarValue;

/// The root key of a tombstone: the reason for which the record was deleted, absent or empty while it lives.
pub const DELETED: &str = "_deleted";

/// The longest root key a document may carry: far above any dictionary field.
pub(super) const MAX_KEY_BYTES: usize = 64;

/// The longest text a field may hold.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A field's value as Automerge keeps it.
pub(super) fn to_scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(yes) => ScalarValue::Boolean(*yes),
        Value::Int(number) => ScalarValue::Int(*number),
        Value::Text(text) => ScalarValue::Str(text.as_str().into()),
        Value::Sealed(bytes) => ScalarValue::Bytes(bytes.clone()),
    }
}

/// The value Automerge keeps, if it is one that a field can hold.
pub(super) fn from_automerge(value: &automerge::Value<'_>) -> Option<Value> {
    match value {
        automerge::Value::Scalar(scalar) => match scalar.as_ref() {
            ScalarValue::Null => Some(Value::Null),
            ScalarValue::Boolean(yes) => Some(Value::Bool(*yes)),
            ScalarValue::Int(number) => Some(Value::Int(*number)),
            ScalarValue::Str(text) => Some(Value::of(text.as_str())),
            ScalarValue::Bytes(bytes) => Some(Value::Sealed(bytes.clone())),
            _ => None,
        },
        automerge::Value::Object(_) => None,
    }
}

/// Whether a root key looks like a field: a newer version may know fields that this one does not.
pub(super) fn is_field_name(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= MAX_KEY_BYTES
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
