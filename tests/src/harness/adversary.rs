//! What an adversary needs: any run as a frame, and the runs of any journal.

use super::world::World;
use huiliu_core::model::RecordId;
use huiliu_core::sync::control::{self, Note};
use huiliu_core::sync::message::{Message, Tag, encode};
use huiliu_core::sync::{EntryKind, FeedId, Hash, Run, wire};
use huiliu_store::{Found, Journal, Position, StoreError};
use std::collections::BTreeSet;

/// Every feed by its full name, every payload whole.
struct Plainly;

impl wire::Sending for Plainly {
    fn tag(&self, _: &FeedId) -> Option<Tag> {
        None
    }
    fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        None
    }
    fn number_of(&self, _: &FeedId, _: &RecordId, _: &Hash) -> Option<u64> {
        None
    }
}

/// These runs as the wire carries them, whatever is in them.
pub fn plain_wire(runs: &[Run]) -> Vec<u8> {
    wire::encode(runs, &Plainly)
}

/// A well-formed frame with these runs, whatever is in them.
pub fn plain_batch(runs: &[Run]) -> Vec<u8> {
    encode(&Message::Batch(plain_wire(runs)))
}

impl World {
    /// The feeds of which a machine has taken out what followed somewhere.
    pub fn rewound(&self, name: &str) -> BTreeSet<FeedId> {
        let entries = self.runs_of(name).into_iter().flat_map(|run| run.entries);
        let notes = entries.filter(|entry| entry.kind == EntryKind::NOTE);
        notes
            .filter_map(|note| match control::decode(&note.payload) {
                Some(Note::Rewound { feed, .. }) => Some(feed),
                _ => None,
            })
            .collect()
    }

    /// The runs in a machine's journal, in order of writing; damaged ones are left out.
    pub fn runs_of(&self, name: &str) -> Vec<Run> {
        let mut runs = Vec::new();
        let (journal, _) =
            Journal::open(Box::new(self.machines[name].disk.image())).expect("the journal opens");
        let scanned: Result<(), StoreError> = journal.scan(Position::default(), |found| {
            if let Found::Run(run, _) = found {
                runs.push(run);
            }
            Ok(())
        });
        scanned.expect("the journal reads");
        runs
    }
}
