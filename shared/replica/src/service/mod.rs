//! Running a replica: the engine on its own thread, the dialer that keeps it level with the hub, the local interface,
//! and the data directory's settings. The only part of this crate that knows tokio.

pub mod cli;
pub mod cli_record;
pub mod client;
mod connections;
pub mod dial;
pub mod engine;
pub mod home;
pub mod join;
pub mod local;
mod log;
mod mend;
pub mod opening;
pub mod output;
mod page;
mod pulse;
pub(crate) mod reader;
pub mod serve;
pub mod time;
mod turns;
mod unix;
pub mod usage;
mod visit;

pub use dial::{Dialing, SyncOutcome};
pub use engine::{Engine, SessionEvent};
pub use home::{Failure, Settings};
