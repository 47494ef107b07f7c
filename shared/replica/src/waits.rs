//! Ending a wait. What follows a change that nobody has, names an epoch that nobody opened, or is of a kind that nobody
//! knows, waits, and keeps its county from being called verified. Mostly what it waits for comes; where it never will, a
//! person at the hub ends the wait with a refusal, which everybody obeys and whose author gets a draft.

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use huiliu_core::sync::control::reason;
use huiliu_store::keys;
use huiliu_store::rows::{Waiting, WaitingRow};

impl Replica {
    /// What is here and waits, of others; what only waits for this machine's own repair left out.
    pub fn waits(&self) -> Result<Vec<WaitingRow>, ReplicaError> {
        let (mut waits, hub) = (Vec::new(), self.home.root.device());
        self.index.each(&keys::all_waiting(), &[], |_, row: WaitingRow| {
            let open = !matches!(row.waiting, None | Some(Waiting::Repair));
            waits.extend((open && row.feed.device != hub).then_some(row));
            true
        })?;
        Ok(waits)
    }

    /// Hub: refuses an entry that waits, with the next commit. False if it waits no more, or this is no hub.
    pub fn end_wait(&mut self, row: &WaitingRow) -> Result<bool, ReplicaError> {
        let is_it = |one: &WaitingRow| (one.feed, one.number) == (row.feed, row.number);
        let waits = self.role() == Role::Hub && self.waits()?.iter().any(is_it);
        if waits {
            self.refuse(&row.feed, row.number, reason::GIVEN_UP);
        }
        Ok(waits)
    }
}
