//! Programs that differ. What one could not read, or its gate let wait, the next that opens the replica looks at
//! again: nobody else will ever say anything more of an entry that the hub lets count.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::sync::{DeviceId, FeedId, Hash};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{Waiting, WaitingRow};
use std::collections::{BTreeMap, BTreeSet};

/// Simulated: a program whose gate is wrong about some changes, see [`misjudges`].
pub const UNSOUND_GATE: &str = "unsound gate";
/// Simulated: a program that is older than moves, and knows no Arrived, Left or Carried.
pub const BEFORE_MOVES: &str = "before moves";

/// Whether an unsound gate of this device is wrong about a change: one in six, other ones on each device.
pub fn misjudges(device: &DeviceId, change: &Hash) -> bool {
    Hash::of(&[b"unsound gate", &device.0, &change.0]).0[0] < 43
}

impl Replica {
    /// Looks again at what waits for a newer program, or for the hub's word where the gate here had said no.
    pub(crate) fn look_again(&mut self) -> Result<(), ReplicaError> {
        let mut waiting: BTreeMap<Stay, BTreeSet<(FeedId, u64)>> = BTreeMap::new();
        self.index.each(&keys::all_waiting(), &[], |_, row: WaitingRow| {
            if matches!(row.waiting, Some(Waiting::Judgement(_) | Waiting::Upgrade)) {
                let stay = Stay { record: row.record, channel: row.feed.channel };
                waiting.entry(stay).or_default().insert((row.feed, row.number));
            }
            true
        })?;
        for (stay, mut entries) in waiting {
            for change in self.entry_rows(&stay)? {
                if entries.remove(&change.place()) {
                    self.stale.entry(stay).or_default();
                }
            }
            for (feed, number) in entries {
                let Some(entry) = self.entry_at(&feed, number)? else { continue };
                // Entries of other kinds add up in any order, so this one may come after those that it preceded.
                self.count_entry(&feed, number);
                self.apply_entry(&feed, number, &entry, self.edition_at(&feed, number)?)?;
            }
        }
        self.evaluate_stale()
    }
}
