//! Programs that differ. What one could not read, or its gate let wait, the next that opens the replica looks at
//! again: nobody else will ever say anything more of an entry that the hub lets count.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::sync::{DeviceId, Hash};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{Waiting, WaitingRow};
use std::collections::BTreeSet;

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
        let mut stays: BTreeSet<Stay> = BTreeSet::new();
        for (_, row) in self.index.list::<WaitingRow>(&keys::all_waiting())? {
            if !matches!(row.waiting, Some(Waiting::Judgement(_) | Waiting::Upgrade)) {
                continue;
            }
            let stay = Stay { record: row.record, channel: row.feed.channel };
            let rows = self.entry_rows(&stay)?;
            if rows.iter().any(|change| change.place() == (row.feed, row.number)) {
                stays.insert(stay);
            } else if let Some(entry) = self.entry_at(&row.feed, row.number)? {
                // Entries of other kinds add up in any order, so this one may come after those that it preceded.
                self.count_entry(&row.feed, row.number);
                self.apply_entry(&row.feed, row.number, &entry)?;
            }
        }
        stays.iter().try_for_each(|stay| self.evaluate(stay))
    }
}
