//! The Keys message: keys on their way, never inside entries. The whole message is sealed to its receiver.

use super::seal::{Carried, DivisionKey, Key, KeyId, Wrap};
use crate::model::RecordId;
use serde::{Deserialize, Serialize};

/// So many keys travel in one message at most: it stays below the cap of small frames.
pub const MOST_KEYS: usize = 1000;

/// Keys that one replica hands another, and what it asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Keys {
    /// The city's key, under which older programs hash identity numbers. From the hub.
    pub city: Option<Key>,
    /// Division keys that the receiver may hold.
    pub divisions: Vec<DivisionKey>,
    /// Division keys for other devices.
    pub carried: Vec<Carried>,
    /// People's keys, as they are wrapped.
    pub wraps: Vec<Wrap>,
    /// What the sender lacks.
    pub wants: Wants,
}

/// What a replica lacks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Wants {
    /// The city's key.
    pub city: bool,
    /// Division keys, by their names.
    pub divisions: Vec<KeyId>,
    /// Records of which fields are sealed and no key is here.
    pub records: Vec<RecordId>,
}

impl Keys {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The bytes that a Keys message seals.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("keys have a postcard form")
    }
}

/// A piece of a replica's key file. Numbers are never reused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kept {
    /// The city's key.
    City(Key),
    /// A division's key.
    Division(DivisionKey),
    /// A division's key for another device.
    Carried(Carried),
    /// A person's key.
    Wrap(Wrap),
    /// The hub has been handed everything before this.
    Handed,
    /// A match key, see [`super::seal::match_of`].
    Match(Key),
}
