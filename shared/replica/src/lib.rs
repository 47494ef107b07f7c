//! The engine that nodes and hubs run: [`Replica`] is synchronous, takes time and randomness as arguments, and is the
//! same under QUIC, a local command and the simulator.
//!
//! The way of one edit: `edit` makes one change and passes it through the gate, `commit` signs, appends and syncs,
//! `apply` puts what the journal says into the index, `project` keeps rows and counts, `exchange` tells the sessions.
//! What comes from elsewhere enters by `receive` and then goes the same way.

mod again;
mod apply;
mod arrived;
mod caps;
mod closed;
pub mod commands;
mod commit;
mod damage;
mod differences;
mod drafts;
mod duplicates;
mod edit;
mod error;
mod evaluate;
mod exchange;
pub mod figures;
mod fork;
pub mod generator;
mod handing;
pub mod hub;
pub mod inspect;
mod judge;
mod keychain;
mod legal;
pub mod matching;
mod membership;
mod moves;
mod offers;
mod open;
mod parked;
mod people;
mod project;
mod put_off;
pub mod reads;
mod receive;
mod references;
pub mod repair;
mod repeats;
mod replica;
mod sealing;
mod serve_peer;
pub mod service;
pub mod standing;
mod stays;
mod successive;
pub mod tables;
pub mod tickets;
mod tree;
pub mod upgrade;
pub mod view;
pub mod waits;
pub mod withheld;

pub use edit::{Outcome, RecordEdit};
pub use error::ReplicaError;
pub use exchange::{Effect, SessionId};
pub use open::{Edition, Entropy, Home, Parts};
pub use replica::{Replica, Role};
