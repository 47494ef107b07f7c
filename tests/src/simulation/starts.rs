//! Machines that go down and come up: without power since, or with all that their programs had written, killed once more
//! while they open, and what must be there then.

use super::play::{Play, Staged};
use super::reference::EditId;
use crate::harness::world::{HUB, IndexFound};
use std::collections::BTreeSet;

impl Play {
    pub(super) fn crash(&mut self, name: &'static str) {
        if self.world.runs(name) {
            self.world.go_down(name);
            self.absorb();
        }
    }

    /// A machine that is down, if there is one, comes up.
    pub(super) fn restart_one(&mut self, rng: &mut fastrand::Rng) {
        let down: Vec<&'static str> =
            self.names.iter().copied().filter(|name| !self.world.runs(name)).collect();
        if down.is_empty() {
            return;
        }
        let name = down[rng.usize(..down.len())];
        let found = match rng.u8(..6) {
            0 => IndexFound::Empty,
            1 | 2 => IndexFound::Older,
            _ => IndexFound::Same,
        };
        // It may crash again while it opens.
        let crashing = (rng.u8(..5) == 0).then(|| rng.u32(..6));
        let had_power = self.kills && rng.bool();
        match crashing {
            Some(after) => self.start_crashing(name, found, had_power, after),
            None if had_power => self.revive(name, found),
            None => self.restart(name, found),
        }
    }

    fn start_crashing(&mut self, name: &'static str, found: IndexFound, had_power: bool, after: u32) {
        let mut rng = self.world.rng.fork();
        let disk = &self.world.machines[name].disk;
        if had_power {
            disk.revive()
        } else {
            disk.restart(|unsynced| rng.usize(..=unsynced))
        }
        disk.crash_after(after);
        match self.world.start_with(name, found) {
            Ok(()) => self.came_up(name),
            Err(_) if self.world.machines[name].disk.is_crashed() => {}
            Err(error) => self.fail(format!("{name} does not open: {error}")),
        }
    }

    /// A program that was killed starts again, where the machine did not lose its power.
    fn revive(&mut self, name: &'static str, found: IndexFound) {
        self.absorb();
        self.count("killed");
        match self.world.revive(name, found) {
            Ok(()) => self.came_up(name),
            Err(error) => self.fail(format!("{name} does not start again: {error}")),
        }
    }

    /// A machine comes up; what it had saved and promised must be there.
    pub(super) fn restart(&mut self, name: &'static str, found: IndexFound) {
        self.absorb();
        match self.world.restart(name, found) {
            Ok(()) => self.came_up(name),
            Err(error) => self.fail(format!("{name} does not reopen: {error}")),
        }
    }

    pub(super) fn came_up(&mut self, name: &'static str) {
        self.count("restarted");
        self.starts += 1;
        if name == HUB {
            self.learn_revocation();
        }
        if self.unsure.contains_key(name) {
            let held = self.holding(name).all;
            self.find_again(name, &held);
            self.unsure.remove(name);
        }
        self.world.hold_promises(name);
        self.check_saved_at_author(name);
        if !self.has_lost_its_grant(name) {
            self.check_records(name);
        }
    }

    /// Tells the model of those edits that are in the journal although nobody was told that they are saved.
    pub(super) fn find_again(&mut self, name: &'static str, held: &BTreeSet<EditId>) {
        let unsure = self.unsure.get_mut(name);
        let found: Vec<Staged> = unsure
            .map(|unsure| unsure.extract_if(.., |one| held.contains(&one.id)).collect())
            .unwrap_or_default();
        let holding = self.holding(name);
        for mut one in found {
            self.as_written(name, &mut one, &holding);
            self.note_change(&holding, one.id);
            self.model.add(one.id, one.edit, one.kind);
        }
    }
}
