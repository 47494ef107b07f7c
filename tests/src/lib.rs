//! What the tests share: a seeded world of simulated replicas, random schedules over it, and the real binaries.

pub mod harness;
pub mod simulation;
