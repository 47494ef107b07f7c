//! A world of simulated replicas: real engines on disks in memory, a network of frames, one virtual clock, one seed.
//!
//! Replicas have names and tests read as stories: haishu and yuyao are counties, yuehu a township of haishu's.

pub use super::acts::form;
use super::network::{Link, Weather};
use huiliu_core::model::DivisionCode;
use huiliu_core::model::divisions::Divisions;
use huiliu_core::sync::control::Registry;
use huiliu_core::sync::{DeviceKey, FeedId, Hash};
use huiliu_replica::upgrade::{BEFORE_MOVES, UNSOUND_GATE};
use huiliu_replica::{Edition, Entropy, Home, Parts, Replica, ReplicaError, SessionId};
use huiliu_store::memory::{MemoryDisk, MemoryIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The hub's name in every world.
pub const HUB: &str = "hub";
/// Its division.
pub const HUB_DIVISION: &str = "3302";

/// In a world where replicas apply later they commit their index after so many rows, not after thousands.
const LATE_ROWS: usize = 20;

/// A replica's machine: what survives a crash, and the engine while it runs.
pub struct Machine {
    /// Its disk.
    pub disk: MemoryDisk,
    /// Its index.
    pub index: MemoryIndex,
    /// The index as it once was, for a rollback.
    pub old_index: Option<MemoryIndex>,
    seed: u8,
    /// Whose it is.
    pub division: DivisionCode,
    /// The engine, while the machine runs.
    pub replica: Option<Replica>,
    /// Seeded bugs.
    pub bugs: BTreeSet<&'static str>,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// What it has told others is durable there.
    pub acknowledged: BTreeMap<FeedId, u64>,
}

/// Which index a machine finds when it comes up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexFound {
    /// As it was.
    Same,
    /// As it was some time ago.
    Older,
    /// None.
    Empty,
}

/// What came of calling a replica.
#[derive(Debug)]
pub enum Called<T> {
    /// It did it.
    Done(T),
    /// It said no, and goes on running.
    Refused(ReplicaError),
    /// Its machine crashed meanwhile, or does not run.
    Down,
}

/// Everything durable of a world at rest, from which others begin.
pub struct Image {
    now: u64,
    next_session: SessionId,
    machines: BTreeMap<&'static str, (MemoryDisk, MemoryIndex, u8, DivisionCode)>,
}

impl Image {
    /// A machine's disk.
    pub fn disk(&self, name: &str) -> MemoryDisk {
        self.machines[name].0.image()
    }
}

/// The world.
pub struct World {
    /// All chance comes from here.
    pub rng: fastrand::Rng,
    /// Milliseconds since 1970 UTC.
    pub now: u64,
    /// The machines by name.
    pub machines: BTreeMap<&'static str, Machine>,
    pub(super) links: BTreeMap<&'static str, Link>,
    pub(super) next_session: SessionId,
    divisions: Arc<Divisions>,
    /// What the network does to frames.
    pub weather: Weather,
    /// Replicas on which something was done since their effects were last taken.
    pub(super) touched: BTreeSet<&'static str>,
    /// The last verdict of each node's session: whether both said the same.
    pub level: BTreeMap<&'static str, bool>,
    /// How many entries the hub last said it has to apply, by the node it told.
    pub works: BTreeMap<&'static str, u64>,
    /// Entries refused at their receiver, by the node they came from.
    pub refused: Vec<(&'static str, u16)>,
    /// Devices revoked, by name: what may still be sent to them is the control channel.
    pub revoked: BTreeSet<&'static str>,
    /// What must stand in no frame in clear.
    pub canaries: Vec<Vec<u8>>,
    /// What the watch has seen that must never be.
    pub violations: Vec<String>,
    /// Some machine was copied or set back.
    pub parted: bool,
    /// Replicas apply what comes later, and chance says when; none: at once.
    pub(super) late: Option<fastrand::Rng>,
    /// How often a stalled link was cut and dialled again.
    pub redialled: u64,
}

fn code(text: &str) -> DivisionCode {
    text.parse().expect("a division code")
}

impl World {
    /// A world without machines.
    fn empty(seed: u64, divisions: Arc<Divisions>) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            now: 1_790_000_000_000,
            machines: BTreeMap::new(),
            links: BTreeMap::new(),
            next_session: 1,
            divisions,
            weather: Weather::default(),
            touched: BTreeSet::new(),
            level: BTreeMap::new(),
            works: BTreeMap::new(),
            refused: Vec::new(),
            revoked: BTreeSet::new(),
            canaries: Vec::new(),
            violations: Vec::new(),
            redialled: 0,
            parted: false,
            late: None,
        }
    }

    /// A hub for 3302 and nothing else.
    pub fn new(seed: u64) -> Self {
        let mut world = Self::empty(seed, Arc::new(Divisions::sample()));
        world.add(HUB, 1, HUB_DIVISION);
        world.start(HUB).expect("a new hub opens");
        let edition = Registry { edition: "sample".into(), sha256: Hash::ZERO };
        let now = world.now;
        world.replica(HUB).found("宁波市", edition, "市级管理员", now).expect("a new hub is founded");
        world
    }

    /// What is durable of this world, which must be at rest.
    pub fn image(&self) -> Image {
        let machines = self.machines.iter().map(|(name, machine)| {
            (*name, (machine.disk.image(), machine.index.image(), machine.seed, machine.division))
        });
        Image { now: self.now, next_session: self.next_session, machines: machines.collect() }
    }

    /// A world that begins where `image` was taken, with these bugs in every replica.
    pub fn from_image(
        image: &Image,
        divisions: &Arc<Divisions>,
        seed: u64,
        bugs: &BTreeSet<&'static str>,
        late: bool,
    ) -> Self {
        let mut world = Self::empty(seed, divisions.clone());
        world.late = late.then(|| fastrand::Rng::with_seed(!seed));
        (world.now, world.next_session) = (image.now, image.next_session);
        for (name, (disk, index, seed, division)) in &image.machines {
            let machine = Machine::new(disk.image(), index.image(), *seed, *division, bugs.clone());
            world.machines.insert(name, machine);
            world.start(name).expect("what was at rest opens");
        }
        world
    }

    fn add(&mut self, name: &'static str, seed: u8, division: &str) {
        let (disk, index) = (MemoryDisk::default(), MemoryIndex::default());
        self.machines.insert(name, Machine::new(disk, index, seed, code(division), BTreeSet::new()));
    }

    /// A node of a division joins: granted by the hub, level with it once, and not connected any more.
    pub fn join(&mut self, name: &'static str, division: &str) {
        let seed = self.machines.len() as u8 + 1;
        self.add(name, seed, division);
        let key = DeviceKey::from_seed([seed; 32]).public();
        let now = self.now;
        self.replica(HUB).grant(key, code(division), name, "市级管理员", now).expect("the hub grants");
        self.start(name).expect("a new node opens");
        self.connect(name);
        self.settle();
        self.cut(name);
    }

    /// Starts a machine that does not run.
    pub fn start(&mut self, name: &'static str) -> Result<(), ReplicaError> {
        let mut entropy_rng = self.rng.fork();
        let now = self.time_at(name);
        let machine = self.machine(name);
        let entropy: Entropy = Box::new(move |bytes| entropy_rng.fill(bytes));
        let parts = machine.parts(entropy, machine.disk.clone(), machine.index.on(&machine.disk));
        let mut replica = Replica::open(Parts { edition: self.edition(), ..parts }, now)?;
        if self.late.is_some() {
            replica.apply_later(LATE_ROWS);
        }
        self.machine(name).replica = Some(replica);
        self.touched.insert(name);
        Ok(())
    }

    /// Opens a copy of a machine's disk with an empty index and no bugs: what the journal alone says.
    pub fn rebuilt(&self, name: &str) -> Result<(Replica, MemoryIndex), ReplicaError> {
        let machine = &self.machines[name];
        let index = MemoryIndex::default();
        let mut parts = machine.parts(Box::new(|bytes| bytes.fill(7)), machine.disk.image(), index.clone());
        parts.bugs.clear();
        let replica = Replica::open(Parts { edition: self.edition(), ..parts }, self.now)?;
        Ok((replica, index))
    }

    fn edition(&self) -> Edition {
        Edition { sha256: Hash::ZERO, divisions: self.divisions.clone() }
    }

    /// What a machine's clock shows.
    pub fn time_at(&self, name: &str) -> u64 {
        self.now.saturating_add_signed(self.machines[name].skew)
    }

    /// A machine.
    pub fn machine(&mut self, name: &str) -> &mut Machine {
        self.machines.get_mut(name).expect("a machine of that name")
    }

    /// A running replica, with everything applied that has come.
    pub fn replica(&mut self, name: &str) -> &mut Replica {
        let replica = self.lagging(name);
        replica.apply_arrived().expect("what has come can be applied");
        replica
    }

    /// A running replica as it is.
    pub fn lagging(&mut self, name: &str) -> &mut Replica {
        let (name, machine) = self.machines.iter_mut().find(|(known, _)| **known == name).expect("its name");
        self.touched.insert(name);
        machine.replica.as_mut().expect("the machine runs")
    }

    /// Calls a replica with its own time, once it has applied what has come, and takes its machine down if it crashes
    /// meanwhile.
    pub fn call<T>(
        &mut self,
        name: &'static str,
        call: impl FnOnce(&mut Replica, u64) -> Result<T, ReplicaError>,
    ) -> Called<T> {
        self.call_lagging(name, |replica, now| {
            replica.apply_arrived()?;
            call(replica, now)
        })
    }

    /// Calls a replica as it is.
    pub(super) fn call_lagging<T>(
        &mut self,
        name: &'static str,
        call: impl FnOnce(&mut Replica, u64) -> Result<T, ReplicaError>,
    ) -> Called<T> {
        let now = self.time_at(name);
        self.touched.insert(name);
        let Some(replica) = self.machine(name).replica.as_mut() else { return Called::Down };
        let result = call(replica, now);
        if self.machine(name).disk.is_crashed() {
            self.go_down(name);
            return Called::Down;
        }
        match result {
            Ok(done) => Called::Done(done),
            Err(error) => Called::Refused(error),
        }
    }

    /// Whether a machine runs.
    pub fn runs(&self, name: &str) -> bool {
        self.machines[name].replica.is_some()
    }

    /// A node that is level with its hub writes what counties compare, as its caller lets it, and both become level again.
    pub fn match_people(&mut self, name: &'static str) {
        while let Called::Done(true) = self.call(name, Replica::match_people) {
            self.settle();
        }
    }

    /// The machine stops, wherever it was.
    pub fn go_down(&mut self, name: &'static str) {
        let broken: Vec<&'static str> =
            if name == HUB { self.links.keys().copied().collect() } else { vec![name] };
        self.machine(name).replica = None;
        broken.into_iter().for_each(|node| self.cut(node));
    }

    /// A machine that is down comes up; of what was not synced, chance decides. Fails if it crashes again while it
    /// opens.
    pub fn restart(&mut self, name: &'static str, found: IndexFound) -> Result<(), ReplicaError> {
        let mut rng = self.rng.fork();
        self.machine(name).disk.restart(|unsynced| rng.usize(..=unsynced));
        self.start_with(name, found)
    }

    /// A program that was killed starts again on a machine that went on.
    pub fn revive(&mut self, name: &'static str, found: IndexFound) -> Result<(), ReplicaError> {
        self.machine(name).disk.revive();
        self.start_with(name, found)
    }

    /// Starts a machine that does not run, with the index it finds.
    pub fn start_with(&mut self, name: &'static str, found: IndexFound) -> Result<(), ReplicaError> {
        let machine = self.machine(name);
        match (found, &machine.old_index) {
            (IndexFound::Same, _) | (IndexFound::Older, None) => {}
            (IndexFound::Older, Some(old)) => machine.index = old.image(),
            (IndexFound::Empty, _) => machine.index = MemoryIndex::default(),
        }
        self.start(name)
    }

    /// The disk of a machine that stands still is copied into another, which is then the same device.
    pub fn clone_machine(&mut self, name: &str, twin: &'static str) {
        let machine = &self.machines[name];
        let (disk, index) = (machine.disk.image(), machine.index.image());
        let mut copy = Machine::new(disk, index, machine.seed, machine.division, machine.bugs.clone());
        // No two clocks are the same.
        copy.skew = machine.skew + 7;
        self.machines.insert(twin, copy);
        self.parted = true;
    }

    /// The machine is set back to an image of its disk, and comes up; its index is computed again.
    pub fn set_back(&mut self, name: &'static str, image: MemoryDisk) {
        self.go_down(name);
        self.parted = true;
        self.machine(name).disk = image;
        self.start_over(name);
    }

    /// The machine goes down and comes up without its index.
    pub fn start_over(&mut self, name: &'static str) {
        self.go_down(name);
        self.machine(name).index = MemoryIndex::default();
        self.start(name).expect("every replica reopens");
    }

    /// The machine goes down and comes up again; of what was not synced, chance decides.
    pub fn crash(&mut self, name: &'static str) {
        self.go_down(name);
        self.restart(name, IndexFound::Same).expect("every replica reopens");
    }
}

impl Machine {
    fn new(
        disk: MemoryDisk,
        index: MemoryIndex,
        seed: u8,
        division: DivisionCode,
        bugs: BTreeSet<&'static str>,
    ) -> Self {
        Self {
            disk,
            index,
            old_index: None,
            seed,
            division,
            replica: None,
            bugs,
            skew: 0,
            acknowledged: BTreeMap::new(),
        }
    }

    /// Whether its program is the one that all have in the end.
    pub fn is_usual(&self) -> bool {
        !self.bugs.contains(UNSOUND_GATE) && !self.bugs.contains(BEFORE_MOVES)
    }

    /// Its device key.
    pub fn key(&self) -> DeviceKey {
        DeviceKey::from_seed([self.seed; 32])
    }

    /// What its replica is put together from; the caller gives the registry.
    fn parts(&self, entropy: Entropy, disk: MemoryDisk, index: MemoryIndex) -> Parts {
        let root = DeviceKey::from_seed([1; 32]).public();
        let home = Home { division: self.division, root, hub: code(HUB_DIVISION) };
        Parts {
            disk: Box::new(disk),
            index: Box::new(index),
            key: self.key(),
            home,
            edition: Edition { sha256: Hash::ZERO, divisions: Arc::default() },
            entropy,
            bugs: self.bugs.clone(),
        }
    }
}
