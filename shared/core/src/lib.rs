//! What Huiliu is, without a disk, a socket, a clock or a die.
//!
//! Three layers, and imports point only up this list:
//! 1. [`model`]: divisions, record kinds, the dictionary and the rules. Plain data, `std` and `serde` only.
//! 2. [`documents`]: one Automerge document per record: reading, editing, conflicts and the gate.
//! 3. [`sync`]: feeds, grants, judging and the session, as state machines over bytes.
//!
//! Time and randomness are arguments everywhere; `clippy.toml` bans the calls that would fetch them.

pub mod documents;
pub mod model;
pub mod sync;
