//! What the tests share: a seeded world of simulated replicas, random schedules over it, the real binaries, bad bytes,
//! and what measures.

pub mod bench;
pub mod fuzz;
pub mod golden;
pub mod harness;
pub mod simulation;
