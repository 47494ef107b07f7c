//! The harness.

pub mod adversary;
pub mod network;
pub mod process;
pub mod watch;
pub mod world;
