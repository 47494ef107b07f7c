//! Putting off. While what has come is being applied, whatever looks at what is applied waits until all is, and everybody
//! else goes on; so no call applies more than a slice, and whoever waits is told how much is left. Batches are put off
//! too, while too much waits, and while somebody waits for all: else new ones would keep them waiting for ever.

use crate::arrived::MOST_WAITING;
use crate::exchange::{Effect, SessionId};
use crate::replica::Replica;
use huiliu_core::sync::session::{Output, working};
use std::collections::{BTreeSet, VecDeque};

/// Whose next step is put off.
#[derive(Default)]
pub(crate) struct PutOff {
    /// Sessions that go on when all that came is applied.
    for_all: BTreeSet<SessionId>,
    /// Sessions with a batch that is taken when there is room for it, the one that has waited longest first.
    for_room: VecDeque<SessionId>,
    /// The caller waits for all too.
    caller: bool,
}

impl PutOff {
    fn wait_for_room(&mut self, id: SessionId) {
        if !self.for_room.contains(&id) {
            self.for_room.push_back(id);
        }
    }

    fn has_room(&mut self, id: SessionId) {
        self.for_room.retain(|waiting| *waiting != id);
    }
}

impl Replica {
    /// How many entries are held and not applied yet.
    pub fn waiting_to_apply(&self) -> usize {
        self.arrived.entries
    }

    /// Whether a session can take in nothing more now: frames that come for it may be kept until it can.
    pub fn is_held_up(&self, id: SessionId) -> bool {
        self.put_off.for_all.contains(&id) || self.put_off.for_room.contains(&id)
    }

    /// The caller waits until all that came is applied, or no more: meanwhile no batches are taken.
    pub fn take_no_batches(&mut self, caller_waits: bool) {
        self.put_off.caller = caller_waits;
    }

    /// The sessions whose peers wait for this replica. Callers tell them about every second that it works, while it does.
    pub fn waited_for(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.iter().filter(|(_, session)| session.is_waited_for()).map(|(id, _)| *id)
    }

    /// Tells them between two calls how many entries wait to be applied, if any do.
    pub fn say_working(&mut self) {
        if self.is_behind() {
            let frame = working(self.waiting_to_apply() as u64);
            let told: Vec<Effect> = self.waited_for().map(|id| Effect::Frame(id, frame.clone())).collect();
            self.effects.extend(told);
        }
    }

    /// Whether what a session wants must wait; it is tried again by [`Replica::let_on`].
    pub(crate) fn puts_off(&mut self, id: SessionId, output: &Output) -> bool {
        match output {
            // What these say or do follows from what is held; all else looks at what is applied.
            Output::Send(_)
            | Output::Load { .. }
            | Output::Holds { .. }
            | Output::Acknowledged(_)
            | Output::Pending(_)
            | Output::PeerWorks(_)
            | Output::Withheld(_)
            | Output::WithheldThere(_)
            | Output::Close(_) => false,
            // So does this, but where it makes the replica begin anew.
            Output::SeenUnderOurName(feed, number, _)
                if !self.is_present_own(feed) || *number <= self.ledger.head(feed).number =>
            {
                false
            }
            Output::Store(_) if !self.put_off.for_all.contains(&id) => {
                let waits = self.defers && (self.waiting_to_apply() >= MOST_WAITING || self.somebody_waits());
                match waits {
                    true => self.put_off.wait_for_room(id),
                    false => self.put_off.has_room(id),
                }
                waits
            }
            _ if self.is_behind() => self.wait_for_all(id),
            _ => false,
        }
    }

    /// A session goes on when all that came is applied.
    pub(crate) fn wait_for_all(&mut self, id: SessionId) -> bool {
        self.put_off.for_all.insert(id);
        true
    }

    fn somebody_waits(&self) -> bool {
        self.put_off.caller || !self.put_off.for_all.is_empty()
    }

    /// Sessions that have ended wait for nothing.
    pub(crate) fn waits_no_more(&mut self, id: SessionId) {
        self.put_off.for_all.remove(&id);
        self.put_off.has_room(id);
    }

    /// Lets those go on who can: first who has waited for all, then, one after another, those with batches.
    pub(crate) fn let_on(&mut self) {
        if !self.is_behind() {
            // Who must wait once more says so again: nobody is waited for who wants nothing any more.
            self.unheard.append(&mut self.put_off.for_all);
        }
        if self.waiting_to_apply() < MOST_WAITING && !self.somebody_waits() {
            self.unheard.extend(self.put_off.for_room.pop_front());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_just_had_room_stands_behind_those_who_wait() {
        let mut put_off = PutOff::default();
        for id in [3, 1, 2, 3] {
            put_off.wait_for_room(id);
        }
        let first = put_off.for_room.pop_front().unwrap();
        assert_eq!(first, 3, "whatever its number");
        put_off.wait_for_room(first);
        put_off.has_room(1);
        assert_eq!(put_off.for_room, [2, 3]);
    }
}
