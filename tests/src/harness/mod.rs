//! The harness.

pub mod process;
pub mod world;

