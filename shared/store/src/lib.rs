//! What a replica keeps on its disk.
//!
//! The [`journal`] is the truth: append-only segments of checksummed entries, durable before anything is called
//! saved or received, with a [`witness`] of its end beside it. The [`index`] is a cache in sled that can be deleted
//! at any time: it is computed from the journal by the replica, and remembers how far it has come. This is the only
//! crate that names sled and the only one that opens data files; both sit behind narrow traits ([`Disk`],
//! [`Index`]) with in-memory twins for simulation.

pub mod cache;
pub mod directory;
pub mod disk;
mod error;
pub mod files;
mod frame;
pub mod index;
pub mod journal;
pub mod keyring;
pub mod keys;
pub mod memory;
pub mod rows;
pub mod witness;

pub use directory::Directory;
pub use disk::Disk;
pub use error::StoreError;
pub use index::{Index, Working};
pub use journal::{Damage, Found, Journal, Position, Span};
pub use keyring::Keyring;
