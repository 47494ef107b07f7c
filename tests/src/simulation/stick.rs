//! Runs that come by another way than their author's session, as on a stick or from a neighbour: before or after what
//! the hub says of their author, in part, or with a gap.

use super::play::Play;
use crate::harness::adversary::plain_batch;
use crate::harness::watch::may_see;
use crate::harness::world::HUB;
use huiliu_core::sync::{EntryKind, Run};

impl Play {
    /// Somebody brings what a device has written, the hub's word on who may write, or both in either order. The device is
    /// the one that the hub has revoked, or any. What may not count after the hub's word does not, where it is known.
    pub(super) fn bundle(&mut self, node: &'static str, rng: &mut fastrand::Rng) {
        let anyone = self.names[rng.usize(1..self.names.len())];
        let author = self.world.revoked.first().copied().unwrap_or(anyone);
        let from = if rng.bool() { author } else { self.names[rng.usize(..self.names.len())] };
        let to = if rng.bool() { HUB } else { node };
        if to == author {
            return;
        }
        if !self.world.is_connected(node) {
            self.world.connect(node);
            self.world.flow(4);
        }
        self.commit(from);
        if !self.world.runs(from) {
            // What it was writing as it went down may be lost, and is in nobody's hands.
            return;
        }
        let mut runs = self.runs_by(author, from, to);
        // Captured earlier, or begun too late.
        runs.truncate(rng.usize(0..=runs.len()).max(1));
        if rng.u8(..4) == 0 {
            drop(runs.drain(..runs.len() / 2));
        }
        let word = self.runs_by(HUB, HUB, to).into_iter().filter(|run| run.feed.channel == self.control());
        let batch = match rng.u8(..4) {
            0 => word.chain(runs).collect(),
            1 => runs.into_iter().chain(word).collect(),
            _ => runs,
        };
        if !batch.is_empty() {
            self.tell_of_bundle(author, to, &batch);
            self.world.inject(node, to, plain_batch(&batch));
            self.world.flow(6);
            self.world.collect_all();
            self.absorb();
            if self.world.runs(to) {
                self.check_records(to);
            }
        }
    }

    /// What a device has written of what somebody may see, as a journal has it.
    fn runs_by(&self, author: &str, journal: &str, reader: &str) -> Vec<Run> {
        let (device, division) =
            (self.world.machines[author].key().device(), self.world.machines[reader].division);
        let mut runs = self.world.runs_of(journal);
        runs.retain(|run| {
            let feed = &run.feed;
            feed.device == device && feed.channel.is_shared() && may_see(division, feed.channel)
        });
        runs
    }

    /// Counts what a bundle holds.
    fn tell_of_bundle(&mut self, author: &str, to: &str, batch: &[Run]) {
        let (at_hub, held) = (self.held(HUB), self.held(to));
        let device = self.world.machines[author].key().device();
        let news = |run: &&Run| held.get(&run.feed).is_none_or(|head| *head < run.last());
        let late = |run: &Run| self.model.is_revoked(&run.feed, run.last(), &at_hub);
        let of_author = || batch.iter().filter(|run| run.feed.device == device);
        let is_word = |run: &Run| run.entries.iter().any(|entry| entry.kind == EntryKind::REVOKE);
        let happened = [
            ("bundled", true),
            ("bundled: new there", of_author().any(|run| news(&run))),
            ("bundled: after its author's end", of_author().any(late)),
            ("bundled: after its author's end and new there", of_author().any(|run| late(run) && news(&run))),
            (
                "bundled: before its author's end",
                !self.world.revoked.is_empty() && of_author().any(|run| !late(run)),
            ),
            ("bundled: the end itself, new there", batch.iter().any(|run| is_word(run) && news(&run))),
        ];
        happened.into_iter().filter(|(_, so)| *so).for_each(|(what, _)| self.count(what));
    }
}
