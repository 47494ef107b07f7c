//! Disks that fail, and their repair: a journal or a witness with other bytes than were written, and what the index
//! still has.

use super::lost::durable_edits;
use super::play::Play;
use crate::harness::world::{Called, HUB, IndexFound};
use huiliu_core::sync::ledger::Sum;
use huiliu_store::memory::MemoryDisk;
use huiliu_store::rows::Meta;
use huiliu_store::{Disk, Journal, Position, Working, keys};

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
        let file = if rng.u8(..8) == 0 {
            "witness".to_owned()
        } else {
            let segments = disk.list("journal").unwrap_or_default();
            format!("journal/{}", segments[rng.usize(..segments.len())])
        };
        let spared = if file == "witness" { 0 } else { 8 };
        let (mut how, end) = (String::new(), end_of(&disk));
        disk.damage(&file, |bytes| how = spoil(bytes, spared, rng));
        let machine = self.world.machine(name);
        let index = Working::new(Box::new(machine.index.clone()));
        let knows = index.get::<Meta>(&keys::meta()).expect("the index reads").map(|meta| meta.applied);
        machine.acknowledged.clear();
        machine.old_index = None;
        let found = if rng.bool() { IndexFound::Same } else { IndexFound::Empty };
        let (intact, disk_then) = (durable_edits(&disk), disk.image());
        self.tell(|| format!("  {file} of {name}: {how}, index {found:?}, in the journal {intact:?}"));
        if let Err(error) = self.world.start_with(name, found) {
            return self.fail(format!("{name} does not open a damaged journal: {error}"));
        }
        if found == IndexFound::Same || rng.bool() {
            self.mend(name);
        }
        self.starts += 1;
        // What was not said to be saved and can be read is there, be it behind a hole.
        self.find_again(name, &intact);
        let here = self.holding(name).all;
        self.tell(|| format!("  {name} has {here:?}"));
        // The index of a hub does not hold whole what it says of others, and one that is ahead of the journal is no witness
        // of anything: else every edit is mended from it, up to where it had come.
        if found == IndexFound::Same && name != HUB && end_of(&disk_then) == end && knows == end {
            self.check_saved_at_author(name);
        }
        self.promised.entry(name).or_default().retain(|id| here.contains(id));
        self.came_up(name);
        self.check_sums(name, "after a repair");
        self.count("damaged");
    }

    /// A hub that has lost its own grant with its disk may not say what follows from its journal, and remembers nothing
    /// as done before it has said it: its index waits for the node that brings the grant back.
    pub(super) fn has_lost_its_grant(&self, name: &str) -> bool {
        let replica = self.world.machines[name].replica.as_ref().filter(|_| self.damaged.contains(name));
        replica.is_some_and(|replica| {
            let authority = replica.ledger().authority.as_ref();
            name == HUB && authority.is_some_and(|known| known.grant_of(&replica.device()).is_none())
        })
    }

    /// A person runs `repair`.
    pub(super) fn mend(&mut self, name: &'static str) {
        if !self.damaged.contains(name) {
            return;
        }
        match self.world.call(name, |replica, now| replica.mend(|_, _| {}, now)) {
            Called::Done(mended) => {
                self.tell(|| format!("  {name}: {mended:?}"));
                if mended.moved {
                    self.world.start_over(name);
                }
            }
            Called::Down => {}
            Called::Refused(error) => self.fail(format!("{name} cannot be mended: {error}")),
        }
    }
}

/// Where the journal of a disk ends.
fn end_of(disk: &MemoryDisk) -> Option<Position> {
    Journal::open_to_read(Box::new(disk.image())).ok().map(|(journal, _)| journal.end())
}

/// One bit, one sector of zeros, one sector of another place, or an end that is missing. Says which.
fn spoil(bytes: &mut Vec<u8>, spared: usize, rng: &mut fastrand::Rng) -> String {
    if bytes.len() <= spared {
        return "nothing to spoil".into();
    }
    let at = rng.usize(spared..bytes.len());
    let sector = at..(at + SECTOR).min(bytes.len());
    let length = bytes.len();
    let how = match rng.u8(..4) {
        0 => {
            bytes[at] ^= 1 << rng.u8(..8);
            "a bit flipped"
        }
        1 => {
            bytes[sector].fill(0);
            "zeros"
        }
        2 => {
            let from = rng.usize(..=length - sector.len());
            bytes.copy_within(from..from + sector.len(), at);
            "bytes of another place"
        }
        _ => {
            bytes.truncate(at);
            "cut off"
        }
    };
    format!("{how} at {at} of {length}")
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
