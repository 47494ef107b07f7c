//! What the tests share: a seeded world of simulated replicas, random schedules over it, the real binaries, and bad
//! bytes.

pub mod fuzz;
pub mod harness;
pub mod simulation;
