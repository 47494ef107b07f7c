//! Layer 1: divisions, record kinds, the dictionary and the rules. Plain data, `std` and `serde` only.

pub mod channel;
pub mod check;
pub mod check_characters;
pub mod code_table;
pub mod dates;
pub mod dictionary;
pub mod divisions;
pub mod editions;
pub mod ids;
pub mod kinds;
pub mod messages;
pub mod row_version;
pub mod rules;
pub mod value;
pub mod values;

pub use channel::{Channel, Class, Scope};
pub use check::{Problem, Severity, TypeProblem};
pub use dates::Date;
pub use dictionary::{Field, FieldType, Kind, Required, Sensitivity};
pub use divisions::Divisions;
pub use editions::DictionaryEdition;
pub use ids::{Digest, DivisionCode, Hlc, KindId, Level, RecordId};
pub use messages::{Lang, TableSay, Trouble};
pub use row_version::RowVersion;
pub use value::{Fields, Value};
