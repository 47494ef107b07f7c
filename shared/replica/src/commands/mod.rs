//! The commands of both programs: a request in, an answer out, the same beside a running service and without one.

pub mod audit;
pub mod conflicts;
pub mod exports;
pub mod find;
pub mod history;
pub mod imports;
pub mod match_key;
pub mod nodes;
pub mod offers;
pub mod quarantine;
pub mod reading;
pub mod records;
pub mod reports;
pub mod request;
pub mod status;
pub mod verify;
pub mod words;

pub use request::{Answer, Context, Listing, Request, run};
