//! Layer 3: feeds, grants, judging and the session, as state machines over bytes. Imports `model` and `documents`.
//!
//! From the bottom up: [`keys`] (hashes, signatures), [`entry`] (what is chained), [`feed`] (feeds, runs, signed
//! points), [`control`] (what a hub says of devices, divisions, refusals and moves), [`carry`] (an edit with its
//! proof), [`authority`] (whose entries count where), [`ledger`] (what a replica holds, as numbers), [`message`] and
//! [`wire`] (bytes), [`seal`] and [`person_keys`] (what tells who somebody is, and the keys to it), [`session`] (two
//! replicas becoming level).

pub mod authority;
pub mod birth;
pub mod carry;
mod chunk;
pub mod compare;
pub mod control;
pub mod entry;
pub mod feed;
pub mod keys;
pub mod ledger;
pub mod message;
pub mod person_keys;
pub mod registry;
pub mod seal;
pub mod session;
pub mod wire;

pub use authority::{Admission, Authority};
pub use entry::{Entry, EntryKind, Envelope, Origin, Stamp};
pub use feed::{FeedId, Head, Incarnation, Run};
pub use keys::{DeviceId, DeviceKey, Hash, PublicKey, Suite};
pub use ledger::{Combined, Ledger};
