//! What a session cannot send to its peer.

use super::super::control::reason;
use super::super::message::{Message, Refused, WITH_EDITIONS};
use super::{Output, Session};

impl Session {
    /// What cannot be sent is named to the peer, and its feeds end here for it: the others go on.
    pub(super) fn withhold(&mut self, withheld: Vec<Refused>) {
        // A peer that has not said yet what it speaks may well understand: what needs that is looked at again then.
        let waits = |one: &Refused| one.reason == reason::NEEDS_NEWER && !self.open;
        let (unsure, known): (Vec<_>, Vec<_>) = withheld.into_iter().partition(waits);
        self.unsure.extend(unsure.iter().map(|one| one.feed));
        self.refused.extend(known.iter().map(|one| one.feed));
        if known.is_empty() {
            return;
        }
        if self.speaks >= WITH_EDITIONS {
            self.send(Message::Withheld(known.clone()));
        }
        self.outputs.push_back(Output::Withheld(known));
    }
}
