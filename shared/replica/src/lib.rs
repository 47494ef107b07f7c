//! The engine that both programs run.

pub mod tables;
