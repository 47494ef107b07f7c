//! Layer 2: one Automerge document per record, flat scalars at the root, one change per saved form.
//! Imports `model` and automerge; nothing above this layer sees Automerge.
//!
//! [`Document`] reads and writes, [`conflict`] lists what people must settle, [`mod@gate`] decides what may enter.

pub mod change;
pub(crate) mod columns;
pub mod conflict;
pub mod gate;
mod read;
mod schema;
mod write;

pub use change::{BadChange, ChangeInfo, inspect, writes};
pub use conflict::{Claim, FieldConflict};
pub use gate::{Gated, Verdict, check_saved, gate, gate_successive};
pub use schema::DELETED;

use crate::model::Digest;
use automerge::Automerge;

/// The 16 bytes by which Automerge tells writers apart: one for each (device, incarnation, branch).
pub type Actor = [u8; 16];

/// One record, materialized. Kept only while something is done with it: some 18 KB each.
#[derive(Clone)]
pub struct Document {
    pub(crate) doc: Automerge,
}

/// Stored bytes that Automerge does not load: damage, since the gate let nothing unloadable in.
#[derive(Debug, thiserror::Error)]
#[error("stored record does not load: {0}")]
pub struct Unloadable(pub String);

impl Document {
    /// A record of which nothing is known yet.
    pub fn empty() -> Self {
        Self { doc: Automerge::new() }
    }

    /// A record from its snapshot and the raw changes after it, in an order that keeps dependencies first.
    pub fn load<'a>(
        snapshot: Option<&[u8]>,
        changes: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Unloadable> {
        let mut doc = match snapshot {
            Some(bytes) => Automerge::load(bytes).map_err(|e| Unloadable(e.to_string()))?,
            None => Automerge::new(),
        };
        let changes: Vec<automerge::Change> = changes
            .into_iter()
            .map(|raw| automerge::Change::from_bytes(raw.to_vec()))
            .collect::<Result<_, _>>()
            .map_err(|e| Unloadable(e.to_string()))?;
        if !changes.is_empty() {
            doc.apply_changes(changes).map_err(|e| Unloadable(e.to_string()))?;
        }
        Ok(Self { doc })
    }

    /// The record as it was at `heads`; `None` if one of them is not in it.
    pub fn at(&self, heads: &[Digest]) -> Option<Self> {
        let heads: Vec<_> = heads.iter().map(|head| automerge::ChangeHash(head.0)).collect();
        self.doc.fork_at(&heads).ok().map(|doc| Self { doc })
    }

    /// Adds a change that follows what is here.
    pub fn add(&mut self, raw: &[u8]) -> Result<(), Unloadable> {
        let change = automerge::Change::from_bytes(raw.to_vec()).map_err(|e| Unloadable(e.to_string()))?;
        self.doc.apply_changes([change]).map_err(|e| Unloadable(e.to_string()))
    }

    /// The compact bytes of the record with its whole history.
    pub fn save(&self) -> Vec<u8> {
        self.doc.save_nocompress()
    }

    /// Every change of the record as raw bytes, dependencies first.
    pub fn changes(&self) -> Vec<Vec<u8>> {
        self.doc.get_changes(&[]).iter().map(|change| change.raw_bytes().to_vec()).collect()
    }
}
