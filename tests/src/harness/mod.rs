//! The harness.

pub mod world;
