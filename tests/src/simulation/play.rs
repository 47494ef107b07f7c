//! Playing a schedule: each step done in the world, what was saved told to the model, and what crashes hold checked.

use super::forge::Forger;
use super::reference::{Edit, EditId, Reference, Revocation};
use super::schedule::{Op, REPLICAS, Schedule, Step};
use crate::harness::network::Weather;
use crate::harness::world::{HUB, Image, IndexFound, World};
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{Channel, Class, RecordId};
use huiliu_core::sync::FeedId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An edit that was made and not yet said to be saved.
pub(super) struct Staged {
    pub(super) id: EditId,
    pub(super) edit: Edit,
    pub(super) kind: &'static str,
}

/// Where schedules begin: everybody has joined and is level.
pub struct Beginning {
    image: Image,
    divisions: Arc<Divisions>,
}

/// A schedule under way.
pub struct Play {
    /// The system.
    pub world: World,
    /// The model.
    pub model: Reference,
    /// Edits made and not yet saved, by replica.
    pub(super) staged: BTreeMap<&'static str, Vec<Staged>>,
    /// Edits whose machine went down before it said anything.
    pub(super) unsure: BTreeMap<&'static str, Vec<Staged>>,
    pub(super) forgers: BTreeMap<&'static str, Forger>,
    pub(super) next_edit: EditId,
    /// A revocation that the hub has not said it has written, and whose.
    pub(super) revoking: Option<(&'static str, Revocation)>,
    weather: Weather,
    /// What happened, if somebody wants to read it.
    pub trace: Option<Vec<String>>,
    /// What must not have been.
    pub failures: Vec<String>,
    /// How often each thing happened.
    pub tally: BTreeMap<&'static str, u64>,
}

impl Beginning {
    /// Founds the hub, lets everybody join, and keeps the disks.
    pub fn new() -> Self {
        let mut world = World::new(1);
        for (name, division) in REPLICAS.iter().filter(|(name, _)| *name != HUB) {
            world.join(name, division);
        }
        world.settle();
        Self { image: world.image(), divisions: Arc::new(Divisions::sample()) }
    }
}

impl Default for Beginning {
    fn default() -> Self {
        Self::new()
    }
}

impl Play {
    /// A schedule about to begin, with these bugs in every replica.
    pub fn new(beginning: &Beginning, schedule: &Schedule, bugs: &BTreeSet<&'static str>) -> Self {
        let mut world = World::from_image(&beginning.image, &beginning.divisions, schedule.seed, bugs);
        world.weather = schedule.weather;
        if bugs.contains("acknowledged before fsync") {
            world.machines.values().for_each(|machine| machine.disk.ignore_sync());
        }
        Self {
            world,
            model: Reference::default(),
            staged: BTreeMap::new(),
            unsure: BTreeMap::new(),
            forgers: BTreeMap::new(),
            next_edit: 1,
            revoking: None,
            weather: schedule.weather,
            trace: None,
            failures: Vec::new(),
            tally: BTreeMap::new(),
        }
    }

    /// Does one step.
    pub fn step(&mut self, step: &Step) {
        let mut rng = fastrand::Rng::with_seed(step.salt);
        self.world.rng = rng.fork();
        let name = REPLICAS[rng.usize(..REPLICAS.len())].0;
        self.act(step.op, name, &mut rng);
        self.world.collect_all();
        self.absorb();
        self.failures.append(&mut self.world.violations);
    }

    fn act(&mut self, op: Op, name: &'static str, rng: &mut fastrand::Rng) {
        let node = REPLICAS[rng.usize(1..REPLICAS.len())].0;
        match op {
            Op::Create => self.create(name, rng),
            Op::Set => self.set(name, rng),
            Op::Contend => self.contend(rng),
            Op::Settle => self.settle_conflict(name, rng),
            Op::Delete => self.delete(name, rng),
            Op::Batch => self.batch(name, rng),
            Op::Trespass => self.trespass(node, rng),
            Op::Connect if !self.world.is_connected(node) => self.world.connect(node),
            Op::Connect => self.world.flow(3),
            Op::Cut => self.world.cut_at_any_byte(node),
            Op::Flow => self.world.flow(rng.usize(1..16)),
            Op::Pass => {
                let longest = *rng.choice(&[50, 2_000, 60_000, 86_400_000]).unwrap_or(&50);
                self.world.pass(rng.u64(1..=longest));
            }
            Op::Crash => self.crash(name),
            Op::HubCrash => self.crash(HUB),
            Op::CrashSoon => self.world.machines[name].disk.crash_after(rng.u32(..30)),
            Op::Restart => self.restart_one(rng),
            Op::KeepIndex => {
                let machine = self.world.machine(name);
                machine.old_index = Some(machine.index.image());
            }
            Op::Clock => {
                let years = 10 * 365 * 86_400_000;
                let skew = *rng.choice(&[0, -3_600_000, 3_600_000, years, -years]).unwrap_or(&0);
                self.world.machine(name).skew = skew;
            }
            Op::Remember => drop(self.world.call(node, |replica, _| replica.save_synced())),
            Op::Revoke => self.revoke(node),
            Op::Forge => self.forge(node, rng),
            Op::Spoil => self.spoil(node, rng),
            Op::Overtake => self.overtake(node, rng),
            Op::Tamper => self.tamper(node, rng),
            Op::Replay => self.replay(node, rng),
        }
        self.tell(|| format!("{op:?} {name}/{node}"));
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(super) fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    /// How far a replica holds each feed; nothing if it does not run.
    pub(super) fn held(&self, name: &str) -> BTreeMap<FeedId, u64> {
        let replica = self.world.machines[name].replica.as_ref();
        let heads = replica.map(|replica| replica.ledger().heads().map(|(feed, head)| (*feed, head.number)));
        heads.into_iter().flatten().collect()
    }

    /// The records a replica has, by the model.
    pub(super) fn records_at(&self, name: &str) -> Vec<(RecordId, Vec<EditId>)> {
        let held = self.held(name);
        self.model.records_at(&|feed| held.get(feed).copied().unwrap_or(0))
    }

    pub(super) fn control(&self) -> Channel {
        Channel::published("3302".parse().expect("a code"), Class::Open)
    }

    /// A record of a replica; the newest more often.
    pub(super) fn some_record(&self, name: &str, rng: &mut fastrand::Rng) -> Option<(RecordId, Vec<EditId>)> {
        let mut records = self.records_at(name);
        if records.is_empty() {
            return None;
        }
        let back = rng.usize(..records.len());
        let back = rng.usize(..=back);
        Some(records.swap_remove(records.len() - 1 - back))
    }

    pub(super) fn new_edit(&mut self) -> EditId {
        self.next_edit += 1;
        self.next_edit - 1
    }

    /// Tells the model what has become durable.
    pub(super) fn absorb(&mut self) {
        for (name, _) in REPLICAS {
            let Some(staged) = self.staged.remove(name) else { continue };
            if !self.world.runs(name) {
                self.unsure.entry(name).or_default().extend(staged);
                continue;
            }
            let held = self.held(name);
            let (durable, waiting): (Vec<Staged>, Vec<Staged>) = staged
                .into_iter()
                .partition(|one| held.get(&one.edit.feed).is_some_and(|head| *head >= one.edit.number));
            for one in durable {
                self.count("saved");
                self.model.add(one.id, Edit { saved: true, ..one.edit }, one.kind);
            }
            if !waiting.is_empty() {
                self.staged.insert(name, waiting);
            }
        }
    }

    pub(super) fn crash(&mut self, name: &'static str) {
        if self.world.runs(name) {
            self.world.go_down(name);
            self.absorb();
        }
    }

    /// A machine that is down, if there is one, comes up.
    fn restart_one(&mut self, rng: &mut fastrand::Rng) {
        let down: Vec<&'static str> =
            REPLICAS.iter().map(|one| one.0).filter(|name| !self.world.runs(name)).collect();
        if down.is_empty() {
            return;
        }
        let name = down[rng.usize(..down.len())];
        let found = match rng.u8(..6) {
            0 => IndexFound::Empty,
            1 | 2 => IndexFound::Older,
            _ => IndexFound::Same,
        };
        if rng.u8(..5) == 0 {
            // It may crash again while it opens.
            self.start_crashing(name, found, rng.u32(..6));
        } else {
            self.restart(name, found);
        }
    }

    fn start_crashing(&mut self, name: &'static str, found: IndexFound, after: u32) {
        let mut rng = self.world.rng.fork();
        self.world.machine(name).disk.restart(|unsynced| rng.usize(..=unsynced));
        self.world.machine(name).disk.crash_after(after);
        match self.world.start_with(name, found) {
            Ok(()) => self.came_up(name),
            Err(_) if self.world.machines[name].disk.is_crashed() => {}
            Err(error) => self.fail(format!("{name} does not open: {error}")),
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

    fn came_up(&mut self, name: &'static str) {
        self.count("restarted");
        if name == HUB {
            self.learn_revocation();
        }
        if let Some(unsure) = self.unsure.remove(name) {
            self.find_again(name, unsure);
        }
        self.world.hold_promises(name);
        self.check_saved_at_author(name);
        self.check_records(name);
    }

    /// Tells the model of those edits that are in the journal although nobody was told that they are saved.
    fn find_again(&mut self, name: &'static str, unsure: Vec<Staged>) {
        // At the number of a lost edit something else may stand by now.
        let runs = self.world.runs_of(name);
        for one in unsure {
            let run = runs
                .iter()
                .find(|run| run.feed == one.edit.feed && (run.first..=run.last()).contains(&one.edit.number));
            let entry = run.and_then(|run| run.entries.get((one.edit.number - run.first) as usize));
            let author = entry.and_then(|entry| entry.envelope.as_ref()).map(|envelope| &envelope.stamp.who);
            if author.is_some_and(|author| *author == format!("e{}", one.id)) {
                self.model.add(one.id, one.edit, one.kind);
            }
        }
    }

    /// Calm weather for the end.
    pub(super) fn calm(&mut self) {
        self.world.weather = Weather::default();
        self.tell(|| "the weather is calm, everybody comes up and connects".into());
    }

    /// Whether the network was fair all the time.
    pub fn was_fair(&self) -> bool {
        self.weather.is_fair()
    }
}
