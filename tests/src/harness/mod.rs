//! The harness.

pub mod acts;
pub mod adversary;
pub mod folders;
pub mod lists;
pub mod network;
pub mod pages;
pub mod power;
pub mod process;
pub mod strace;
pub mod strangers;
pub mod watch;
pub mod world;
