//! The harness.

pub mod network;
pub mod watch;
pub mod world;
