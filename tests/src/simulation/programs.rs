//! Programs that differ: one whose gate is wrong now and then, one that is older than moves, one that is newer than all.

use super::journals::edit_of;
use super::play::Play;
use super::reference::EditId;
use crate::harness::world::{HUB, IndexFound};
use huiliu_core::documents::{Verdict, inspect};
use huiliu_core::model::Hlc;
use huiliu_core::sync::control::{self, Refusal};
use huiliu_core::sync::message::{Message, decode, encode};
use huiliu_core::sync::{DeviceId, Entry, EntryKind, Envelope, FeedId, Hash, Stamp};
use huiliu_replica::upgrade::{BEFORE_MOVES, UNSOUND_GATE, misjudges};
use std::collections::{BTreeMap, BTreeSet};

/// A field that no dictionary has yet.
const FIELD_OF_TOMORROW: &str = "volunteers_2027";
/// A kind of entry that no program knows yet.
const ENTRY_OF_TOMORROW: EntryKind = EntryKind(13);

/// Whether a refusal is the word of the hub's unsound gate.
pub(super) fn is_misjudged(hub: &DeviceId, change: Option<Hash>, why: u16) -> bool {
    why == Verdict::WouldNotLoad.code() && change.is_some_and(|change| misjudges(hub, &change))
}

impl Play {
    /// A machine comes up with another program, with its index or without.
    pub(super) fn replace_program(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let program = if self.moves { BEFORE_MOVES } else { UNSOUND_GATE };
        // A hub that does not know moves makes none.
        if self.moves && name == HUB {
            return;
        }
        self.crash(name);
        let bugs = &mut self.world.machine(name).bugs;
        let usual = bugs.remove(program);
        if !usual {
            bugs.insert(program);
        }
        self.count(match (usual, self.moves, name == HUB) {
            (true, ..) => "program made sound",
            (_, true, _) => "program from before moves",
            (_, _, true) => "unsound gate at the hub",
            _ => "unsound gate at a node",
        });
        self.restart(name, if rng.u8(..3) == 0 { IndexFound::Empty } else { IndexFound::Same });
    }

    /// A machine has the program that all have in the end, from its next start on.
    pub(super) fn make_sound(&mut self, name: &'static str) {
        let waits = self.waits_for_program(name);
        if waits.0 {
            self.count("waited for a newer program");
        }
        if waits.1 {
            self.count("waited for a judgement");
        }
        let bugs = &mut self.world.machine(name).bugs;
        bugs.remove(UNSOUND_GATE);
        bugs.remove(BEFORE_MOVES);
    }

    /// An edit of a field that nobody else knows, perhaps beside an entry that nobody knows: it counts everywhere, and
    /// the entry comes everywhere and waits.
    pub(super) fn newer(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let with_entry = rng.bool();
        let stamp = Stamp { who: "newer".into(), at: Hlc((u64::from(self.next_edit) << 16) - 1) };
        let unknown = Entry {
            kind: ENTRY_OF_TOMORROW,
            envelope: Some(Envelope::of_no_record(stamp)),
            payload: vec![rng.u8(..); 9],
        };
        let before = if with_entry { vec![unknown] } else { Vec::new() };
        if let Some(feed) = self.write_elsewhere(name, FIELD_OF_TOMORROW, before, |_| None, rng) {
            self.count("a field of tomorrow");
            if with_entry {
                self.count("an entry of tomorrow");
                self.newer.insert(feed);
            }
        }
    }

    /// A node greets the hub with versions of which the hub speaks one, or none: then it is told so and hangs up.
    pub(super) fn greet(&mut self, node: &'static str, rng: &mut fastrand::Rng) {
        self.world.connect(node);
        self.world.collect_all();
        let versions = if rng.bool() { (1, 9) } else { (8, 9) };
        let mut greeted = false;
        self.world.tamper(node, HUB, |frame| {
            if let Ok(Message::Hello(mut hello)) = decode(frame) {
                hello.versions = versions;
                *frame = encode(&Message::Hello(hello));
                greeted = true;
            }
        });
        if !greeted {
            return;
        }
        self.count(if versions.0 == 1 { "greeted by a newer program" } else { "greeted by one too new" });
        if versions.0 > 1 {
            self.world.flow(40);
            if self.world.is_connected(node) || self.world.level.get(node) == Some(&true) {
                self.fail(format!("{node} speaks no version of the hub's and its session goes on"));
            }
        }
    }

    /// Honest edits that an unsound gate of the hub's has refused bind everybody: they are drafts of their authors, and
    /// what followed stands without them. What followed a record's first edit is nowhere without it, and a draft too.
    pub(super) fn check_misjudged(&mut self) {
        let refused = self.refused_at_hub();
        let applied = self.holding(HUB).applied;
        let mut gone: BTreeSet<EditId> = refused.difference(&applied).copied().collect();
        gone.retain(|id| self.model.edits.contains_key(id));
        let unborn = self
            .model
            .records
            .values()
            .filter(|record| record.edits.first().is_some_and(|id| gone.contains(id)));
        let followers: Vec<EditId> = unborn.flat_map(|record| record.edits.iter().copied()).collect();
        gone.extend(followers);
        for id in &gone {
            let author = self.model.edits[id].author;
            if !self.drafts_at(author).contains(id) && self.holding(author).all.contains(id) {
                let record = self.model.edits[id].record;
                self.fail(format!("{author} has no draft of e{id} of {record}, which counts nowhere"));
            }
        }
        *self.tally.entry("honest edits refused").or_default() += gone.len() as u64;
        self.model.give_up(|id| gone.contains(&id));
        self.model.records.retain(|_, record| !record.edits.is_empty());
        self.misjudged = gone;
    }

    /// The edits of which the hub has refused an entry as its gate cannot have meant it.
    fn refused_at_hub(&self) -> BTreeSet<EditId> {
        let hub = self.world.machines[HUB].key().device();
        let mut edits: BTreeMap<(FeedId, u64), (EditId, Option<Hash>)> = BTreeMap::new();
        let mut refusals = Vec::new();
        for run in self.world.runs_of(HUB) {
            for (number, entry) in (run.first..).zip(&run.entries) {
                match (entry.kind, entry.envelope.as_ref().and_then(edit_of)) {
                    (EntryKind::EDIT, Some(id)) => {
                        let change = inspect(&entry.payload).ok().map(|info| info.hash);
                        edits.insert((run.feed, number), (id, change));
                    }
                    (EntryKind::REFUSAL, _) => {
                        let refusal = control::decode::<Refusal>(&entry.payload);
                        refusals.extend(refusal.map(|refusal| (run.feed.channel, refusal)));
                    }
                    _ => {}
                }
            }
        }
        let refused = refusals.into_iter().filter_map(|(channel, refusal)| {
            let feed = FeedId { channel, device: refusal.device, incarnation: refusal.incarnation };
            let (id, change) = edits.get(&(feed, refusal.number))?;
            is_misjudged(&hub, *change, refusal.reason).then_some(*id)
        });
        refused.collect()
    }
}
