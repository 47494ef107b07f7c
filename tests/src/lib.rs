//! What the tests share: a seeded world of simulated replicas, and the real binaries.

pub mod harness;
