//! Playing a schedule: each step done in the world, what was saved told to the model, and what crashes hold checked.

use super::days::Card;
use super::forge::Forger;
use super::holdings::Holding;
use super::members::CANARIES;
use super::reference::{Edit, EditId, Reference};
use super::schedule::{Op, REPLICAS, Schedule, Step};
use crate::harness::network::Weather;
use crate::harness::world::{HUB, Image, IndexFound, World};
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{Channel, Class};
use huiliu_core::sync::{FeedId, Hash};
use huiliu_store::Position;
use huiliu_store::memory::{MemoryDisk, MemoryIndex};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An edit that was made and not yet said to be saved.
pub(super) struct Staged {
    pub(super) id: EditId,
    pub(super) edit: Edit,
    pub(super) kind: &'static str,
}

/// When a replica was looked at: the end of its journal, starts so far, revocations so far.
pub(super) type Moment = (Position, u64, usize);

/// A machine's disk as it once was.
struct Kept {
    disk: MemoryDisk,
    index: MemoryIndex,
    edits: BTreeSet<EditId>,
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
    pub(super) revoking: Option<(&'static str, BTreeMap<FeedId, u64>)>,
    weather: Weather,
    /// Every machine there is: those of the schedule, and twins.
    pub(super) names: Vec<&'static str>,
    /// What each machine has said is saved, and must still have.
    pub(super) promised: BTreeMap<&'static str, BTreeSet<EditId>>,
    images: BTreeMap<&'static str, Kept>,
    /// The machine with a restore card, once there is one.
    pub(super) card: Option<Card>,
    /// The hub's disk when everybody had joined.
    pub(super) backup: MemoryDisk,
    /// What each replica held when last looked, and at which end of its journal.
    pub(super) seen: RefCell<BTreeMap<&'static str, (Moment, Holding)>>,
    /// The edits that became one change: one each, but where copies wrote the very same.
    pub(super) same: BTreeMap<Hash, BTreeSet<EditId>>,
    pub(super) starts: u64,
    /// Programs are killed in this schedule, and machines do not always lose their power with them.
    pub(super) kills: bool,
    /// There are people in this schedule.
    pub(super) people: bool,
    /// Records move in this schedule.
    pub(super) moves: bool,
    /// Some machine was copied or set back, and not all is healed.
    pub(super) parted: bool,
    /// Programs differ: until all is healed, each replica's own word is taken for what counts there.
    pub(super) differing: bool,
    /// Feeds in which an entry of a kind stands that no program knows.
    pub(super) newer: BTreeSet<FeedId>,
    /// Honest edits that the hub's gate has refused, and what nobody can write again without them.
    pub(super) misjudged: BTreeSet<EditId>,
    /// Machines whose journal was damaged.
    pub(super) damaged: BTreeSet<&'static str>,
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
        let mut world =
            World::from_image(&beginning.image, &beginning.divisions, schedule.seed, bugs, schedule.late);
        world.weather = schedule.weather;
        world.canaries = CANARIES.map(|canary| canary.as_bytes().to_vec()).to_vec();
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
            names: REPLICAS.map(|one| one.0).to_vec(),
            promised: BTreeMap::new(),
            images: BTreeMap::new(),
            card: None,
            backup: beginning.image.disk(HUB),
            seen: RefCell::default(),
            same: BTreeMap::new(),
            starts: 0,
            kills: schedule.kills,
            people: schedule.steps.iter().any(|step| step.op == Op::Enrol),
            moves: schedule.steps.iter().any(|step| step.op == Op::Move),
            parted: false,
            differing: schedule.steps.iter().any(|step| step.op == Op::Replace),
            newer: BTreeSet::new(),
            misjudged: BTreeSet::new(),
            damaged: BTreeSet::new(),
            trace: None,
            failures: Vec::new(),
            tally: BTreeMap::new(),
        }
    }

    /// Does one step.
    pub fn step(&mut self, step: &Step) {
        let mut rng = fastrand::Rng::with_seed(step.salt);
        self.world.rng = rng.fork();
        let name = self.names[rng.usize(..self.names.len())];
        self.act(step.op, name, &mut rng);
        self.world.collect_all();
        self.absorb();
        self.failures.append(&mut self.world.violations);
    }

    fn act(&mut self, op: Op, name: &'static str, rng: &mut fastrand::Rng) {
        let node = self.names[rng.usize(1..self.names.len())];
        match op {
            Op::Create => self.create(name, rng),
            Op::Set => self.set(name, rng),
            Op::Contend => self.contend(rng),
            Op::Settle => self.settle_conflict(name, rng),
            Op::Delete => self.delete(name, rng),
            Op::Move => self.move_record(name, rng),
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
            Op::KeepImage => self.keep_image(name),
            Op::SetBack => self.set_back(node, rng.bool()),
            Op::HubSetBack => self.set_back(HUB, rng.bool()),
            Op::Clone => self.clone_machine(node),
            Op::Damage => self.damage(name, rng),
            Op::Fill => self.world.machines[name].disk.fill_after(rng.u32(..8)),
            Op::FailSync => self.world.machines[name].disk.fail_sync_after(rng.u32(..4)),
            Op::Clock => self.jump(name, rng),
            Op::Remember => drop(self.world.call(node, |replica, _| replica.save_synced())),
            Op::Revoke => self.revoke(node),
            Op::Forge => self.forge(node, rng),
            Op::Spoil => self.spoil(node, rng),
            Op::Overtake => self.overtake(node, rng),
            Op::Tamper => self.tamper(node, rng),
            Op::Replay => self.replay(node, rng),
            Op::Bundle => self.bundle(node, rng),
            Op::Morning => self.morning(node, rng),
            Op::Replace => self.replace_program(name, rng),
            Op::Newer => self.newer(node, rng),
            Op::Greet => self.greet(node, rng),
            Op::Enrol => self.enrol(name, rng),
            Op::Affiliate => self.affiliate(name, rng),
            Op::Engage => self.engage(name, rng),
            Op::Pry => self.pry(node, rng),
            Op::Accept => self.accept(name, rng),
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

    pub(super) fn control(&self) -> Channel {
        Channel::published("3302".parse().expect("a code"), Class::Open)
    }

    pub(super) fn new_edit(&mut self) -> EditId {
        self.next_edit += 1;
        self.next_edit - 1
    }

    /// Tells the model what has become durable.
    pub(super) fn absorb(&mut self) {
        // Whoever looks, looks at what is applied.
        while self.world.catch_up() {}
        for name in self.names.clone() {
            self.world.hold_durable(name);
            let Some(staged) = self.staged.remove(name) else { continue };
            if !self.world.runs(name) {
                self.unsure.entry(name).or_default().extend(staged);
                continue;
            }
            let holding = self.holding(name);
            let (durable, waiting): (Vec<Staged>, Vec<Staged>) =
                staged.into_iter().partition(|one| holding.all.contains(&one.id));
            for mut one in durable {
                self.count("saved");
                self.as_written(name, &mut one, &holding);
                self.note_change(&holding, one.id);
                self.promised.entry(name).or_default().insert(one.id);
                self.model.add(one.id, Edit { saved: true, ..one.edit }, one.kind);
            }
            if !waiting.is_empty() {
                self.staged.insert(name, waiting);
            }
        }
    }

    /// Notes what an edit became: a machine and its copy can write the very same bytes, which are one change then.
    pub(super) fn note_change(&mut self, holding: &Holding, id: EditId) {
        let Some(change) = holding.changes.get(&id) else { return };
        let same = self.same.entry(*change).or_default();
        if same.insert(id) && same.len() > 1 {
            self.seen.borrow_mut().clear();
        }
    }

    /// A machine's disk is kept as it is now, to be put back some day.
    pub(super) fn keep_image(&mut self, name: &'static str) {
        self.commit(name);
        if self.world.runs(name) && !self.world.machines[name].disk.is_crashed() {
            let machine = &self.world.machines[name];
            let (disk, index) = (machine.disk.image(), machine.index.image());
            let edits = self.holding(name).all;
            self.images.insert(name, Kept { disk, index, edits });
        }
    }

    /// Whether a machine's disk was kept.
    pub(super) fn has_image(&self, name: &str) -> bool {
        self.images.contains_key(name)
    }

    /// A machine is set back to an image of its disk. What it had saved since and nobody else has is gone.
    pub(super) fn set_back(&mut self, name: &'static str, with_index: bool) {
        let Some(kept) = self.images.get(name) else { return };
        let (disk, index) = (kept.disk.image(), kept.index.image());
        (self.parted, self.world.parted) = (true, true);
        let edits = kept.edits.clone();
        self.crash(name);
        self.unsure.remove(name);
        let others: Vec<&'static str> = self.names.iter().copied().filter(|other| *other != name).collect();
        let elsewhere: BTreeSet<EditId> = others.iter().flat_map(|other| self.holding(other).all).collect();
        for (id, edit) in self.model.edits.iter_mut().filter(|(id, _)| !edits.contains(id)) {
            edit.saved &= elsewhere.contains(id);
        }
        self.promised.entry(name).or_default().retain(|id| edits.contains(id));
        let machine = self.world.machine(name);
        machine.acknowledged.clear();
        machine.disk = disk;
        machine.index = if with_index { index } else { MemoryIndex::default() };
        machine.old_index = None;
        match self.world.start(name) {
            Ok(()) => self.came_up(name),
            Err(error) => self.fail(format!("{name} does not open an image of itself: {error}")),
        }
        self.count("set back");
    }

    /// A machine that stands still is copied; both go on.
    fn clone_machine(&mut self, name: &'static str) {
        let Some(twin) = twin_of(name).filter(|twin| !self.names.contains(twin)) else { return };
        self.commit(name);
        if !self.world.runs(name) || self.world.machines[name].disk.is_crashed() {
            return;
        }
        self.world.go_down(name);
        self.absorb();
        self.world.clone_machine(name, twin);
        self.parted = true;
        self.names.push(twin);
        let promised = self.promised.get(name).cloned().unwrap_or_default();
        self.promised.insert(twin, promised);
        self.restart(name, IndexFound::Same);
        self.restart(twin, IndexFound::Same);
        self.count("cloned");
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

/// What a copy of a machine is called.
fn twin_of(name: &str) -> Option<&'static str> {
    match name {
        "haishu" => Some("haishu2"),
        "lizhou" => Some("lizhou2"),
        "yuehu" => Some("yuehu2"),
        "yuyao" => Some("yuyao2"),
        _ => None,
    }
}
