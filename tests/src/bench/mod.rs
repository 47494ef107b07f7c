//! Measures the real programs: what becoming level costs in seconds, bytes and round trips. It asserts nothing about
//! time; what does not work at all ends it with a sentence.
//!
//! A case takes programs, and gives back figures with the targets they are held against. The bytes are those of UDP
//! payloads that a relay sees; what is durable where is read from the witness and the journal, so that nobody who is
//! measured is asked anything meanwhile.

pub mod asking;
pub mod durable;
pub mod joins;
pub mod live;
pub mod pair;
pub mod relay;
pub mod report;
pub mod usage;
pub mod visits;
