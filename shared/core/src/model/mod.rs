//! Layer 1: divisions, record kinds, the dictionary and the rules. Plain data, `std` and `serde` only.

pub mod channel;
pub mod ids;
pub mod value;

pub use channel::{Channel, Class, Scope};
pub use ids::{Digest, DivisionCode, Hlc, KindId, RecordId};
pub use value::{Fields, Value};
