//! The harness.

pub mod adversary;
pub mod network;
pub mod watch;
pub mod world;
