//! Layer 3: feeds, grants, judging and the session, as state machines over bytes. Imports `model` and `documents`.

pub mod keys;
pub mod registry;
