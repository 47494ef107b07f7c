//! Disks that fail, and their repair: a journal or a witness with other bytes than were written, and what its machine,
//! the index and the others still have.

use super::journals::edit_of;
use super::play::Play;
use super::reference::EditId;
use crate::harness::world::{Called, HUB, IndexFound};
use huiliu_core::sync::EntryKind;
use huiliu_core::sync::ledger::Sum;
use huiliu_store::memory::MemoryDisk;
use huiliu_store::{Disk, Found, Journal};
use std::collections::BTreeSet;

/// The smallest piece of a disk that goes bad at once.
const SECTOR: usize = 512;

impl Play {
    /// Bytes of a machine's journal or witness go bad while it is down. It comes up, with its index or without, and is
    /// repaired, now or at the end; without an index nothing can be repaired from it.
    pub(super) fn damage(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        self.crash(name);
        self.world.machine(name).disk.restart(|unsynced| rng.usize(..=unsynced));
        (self.parted, self.world.parted) = (true, true);
        self.damaged.insert(name);
        let disk = self.world.machines[name].disk.clone();
        if rng.u8(..8) == 0 {
            disk.damage("witness", |bytes| spoil(bytes, 0, rng));
        } else {
            let segments = disk.list("journal").unwrap_or_default();
            let segment = &segments[rng.usize(..segments.len())];
            // A hub that has lost whom it has granted what hears nobody who could tell it: that takes a backup.
            let spared = |length: usize| if name == HUB { length / 2 } else { 8 };
            disk.damage(&format!("journal/{segment}"), |bytes| spoil(bytes, spared(bytes.len()), rng));
        }
        let machine = self.world.machine(name);
        machine.acknowledged.clear();
        machine.old_index = None;
        let found = if rng.bool() { IndexFound::Same } else { IndexFound::Empty };
        let intact = durable_edits(&disk);
        if let Err(error) = self.world.start_with(name, found) {
            return self.fail(format!("{name} does not open a damaged journal: {error}"));
        }
        if found == IndexFound::Same || rng.bool() {
            self.mend(name);
        }
        self.lose(name, &intact);
        self.came_up(name);
        self.check_sums(name, "after a repair");
        self.count("damaged");
    }

    /// What a machine has no more and nobody else has either is forgotten; the rest it owes.
    fn lose(&mut self, name: &'static str, intact: &BTreeSet<EditId>) {
        let here = self.holding(name).all;
        let mut elsewhere = BTreeSet::new();
        for other in self.names.iter().filter(|other| **other != name) {
            elsewhere.extend(durable_edits(&self.world.machines[other].disk));
        }
        let promised = self.promised.entry(name).or_default();
        let missing: BTreeSet<EditId> = promised.difference(&here).copied().collect();
        promised.retain(|id| here.contains(id));
        let gone = |id| missing.contains(&id) && !intact.contains(&id) && !elsewhere.contains(&id);
        let count = missing.iter().filter(|id| gone(**id)).count() as u64;
        *self.tally.entry("lost with a disk").or_default() += count;
        self.model.give_up(gone);
    }

    /// A person runs `repair`.
    pub(super) fn mend(&mut self, name: &'static str) {
        if !self.damaged.contains(name) {
            return;
        }
        match self.world.call(name, |replica, now| replica.mend(|_, _| {}, now)) {
            Called::Done(mended) if mended.moved => self.world.start_over(name),
            Called::Done(_) | Called::Down => {}
            Called::Refused(error) => self.fail(format!("{name} cannot be mended: {error}")),
        }
    }

    /// Everybody has given what they have: what is still missing nobody has.
    pub(super) fn give_up_holes(&mut self) {
        for name in self.names.clone() {
            self.check_sums(name, "before holes are given up");
        }
        for name in self.damaged.clone() {
            if let Called::Refused(error) = self.world.call(name, |replica, now| replica.give_up_holes(now)) {
                self.fail(format!("{name} cannot give up what nobody has: {error}"));
            }
            self.check_sums(name, "after it has given up its holes");
        }
        if !self.damaged.is_empty() {
            self.world.collect_all();
            self.world.settle();
        }
    }
}

/// The edits in a journal that a power cut and a look at every entry leave.
fn durable_edits(disk: &MemoryDisk) -> BTreeSet<EditId> {
    let image = disk.image();
    image.restart(|_| 0);
    let mut edits = BTreeSet::new();
    if let Ok((journal, _)) = Journal::open_to_read(Box::new(image)) {
        let looked = journal.inspect(|found| {
            let Found::Run(run, _) = found else { return };
            let envelopes = run.entries.iter().filter(|entry| entry.kind == EntryKind::EDIT);
            edits.extend(envelopes.filter_map(|entry| edit_of(entry.envelope.as_ref()?)));
        });
        looked.expect("a disk in memory reads");
    }
    edits
}

/// One bit, one sector of zeros, one sector of another place, or an end that is missing.
fn spoil(bytes: &mut Vec<u8>, spared: usize, rng: &mut fastrand::Rng) {
    if bytes.len() <= spared {
        return;
    }
    let at = rng.usize(spared..bytes.len());
    let sector = at..(at + SECTOR).min(bytes.len());
    match rng.u8(..4) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes[sector].fill(0),
        2 => {
            let from = rng.usize(..=bytes.len() - sector.len());
            bytes.copy_within(from..from + sector.len(), at);
        }
        _ => bytes.truncate(at),
    }
}

impl Play {
    /// The sum of every channel is that of its records.
    pub(super) fn check_sums(&mut self, name: &'static str, when: &str) {
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return };
        let mut wrong = Vec::new();
        for channel in replica.shared_channels() {
            let records = replica.records_in(channel).expect("the index reads");
            let sum =
                records.iter().fold(Sum::default(), |sum, (id, heads)| sum.plus(Sum::of_record(id, heads)));
            if sum != replica.ledger().sum(channel) {
                wrong.push(format!("{name}'s sum of {channel} is not that of its records {when}"));
            }
        }
        self.failures.extend(wrong);
    }
}
