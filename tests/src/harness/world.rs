//! A world of simulated replicas: real engines on disks in memory, a network of frames, one virtual clock, one seed.
//!
//! Replicas have names and tests read as stories: haishu and yuyao are counties, yuehu a township of haishu's.

use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{DivisionCode, Fields, RecordId, Value};
use huiliu_core::sync::control::Registry;
use huiliu_core::sync::{DeviceKey, Hash};
use huiliu_replica::{Effect, Entropy, Home, Outcome, Parts, RecordEdit, Replica, ReplicaError, SessionId};
use huiliu_store::memory::{MemoryDisk, MemoryIndex};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The hub's name in every world.
pub const HUB: &str = "hub";

/// A replica's machine: what survives a crash, and the engine while it runs.
pub struct Machine {
    /// Its disk.
    pub disk: MemoryDisk,
    /// Its index.
    pub index: MemoryIndex,
    seed: u8,
    division: DivisionCode,
    /// The engine, while the machine runs.
    pub replica: Option<Replica>,
    /// Seeded bugs.
    pub bugs: BTreeSet<&'static str>,
}

/// A connection between a node and the hub.
struct Link {
    session: SessionId,
    to_hub: VecDeque<Vec<u8>>,
    to_node: VecDeque<Vec<u8>>,
}

/// The world.
pub struct World {
    /// All chance comes from here.
    pub rng: fastrand::Rng,
    /// Milliseconds since 1970 UTC.
    pub now: u64,
    /// The machines by name.
    pub machines: BTreeMap<&'static str, Machine>,
    links: BTreeMap<&'static str, Link>,
    next_session: SessionId,
    divisions: Arc<Divisions>,
    /// The last verdict of each node's session: whether both said the same.
    pub level: BTreeMap<&'static str, bool>,
    /// Entries refused at their receiver, by the node they came from.
    pub refused: Vec<(&'static str, u16)>,
}

fn code(text: &str) -> DivisionCode {
    text.parse().expect("a division code")
}

impl World {
    /// A hub for 3302 and nothing else.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            rng: fastrand::Rng::with_seed(seed),
            now: 1_790_000_000_000,
            machines: BTreeMap::new(),
            links: BTreeMap::new(),
            next_session: 1,
            divisions: Arc::new(Divisions::sample()),
            level: BTreeMap::new(),
            refused: Vec::new(),
        };
        world.add(HUB, 1, "3302");
        world.start(HUB).expect("a new hub opens");
        let edition = Registry { edition: "sample".into(), sha256: Hash::ZERO };
        let now = world.now;
        world.replica(HUB).found("宁波市", edition, "市级管理员", now).expect("a new hub is founded");
        world
    }

    fn add(&mut self, name: &'static str, seed: u8, division: &str) {
        let machine = Machine {
            disk: MemoryDisk::default(),
            index: MemoryIndex::default(),
            seed,
            division: code(division),
            replica: None,
            bugs: BTreeSet::new(),
        };
        self.machines.insert(name, machine);
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
        let entropy_seed = self.rng.u64(..);
        let machine = &self.machines[name];
        let mut entropy_rng = fastrand::Rng::with_seed(entropy_seed);
        let entropy: Entropy = Box::new(move |bytes| entropy_rng.fill(bytes));
        let home = Home {
            division: machine.division,
            root: DeviceKey::from_seed([1; 32]).public(),
            hub: code("3302"),
        };
        let parts = Parts {
            disk: Box::new(machine.disk.clone()),
            index: Box::new(machine.index.clone()),
            key: DeviceKey::from_seed([machine.seed; 32]),
            home,
            edition: huiliu_replica::Edition { sha256: Hash::ZERO, divisions: self.divisions.clone() },
            entropy,
            bugs: machine.bugs.clone(),
        };
        let replica = Replica::open(parts, self.now)?;
        self.machine(name).replica = Some(replica);
        Ok(())
    }

    /// A machine.
    pub fn machine(&mut self, name: &str) -> &mut Machine {
        self.machines.get_mut(name).expect("a machine of that name")
    }

    /// A running replica.
    pub fn replica(&mut self, name: &str) -> &mut Replica {
        self.machine(name).replica.as_mut().expect("the machine runs")
    }

    /// Saves an edit at a replica, as a person there would.
    pub fn save(&mut self, name: &str, edit: &RecordEdit) -> Result<Outcome, ReplicaError> {
        self.now += 1000;
        let now = self.now;
        let replica = self.replica(name);
        let outcome = replica.edit(edit, name, now)?;
        replica.commit()?;
        Ok(outcome)
    }

    /// Makes an organization at a replica.
    pub fn create(&mut self, name: &str, fields: &[(&str, &str)]) -> RecordId {
        let edit =
            RecordEdit::New { kind: "social_org".into(), fields: form(fields), owner: None, strict: false };
        self.save(name, &edit).expect("the organization is saved").id()
    }

    /// Changes fields of a record at a replica.
    pub fn set(&mut self, name: &str, id: RecordId, fields: &[(&str, &str)]) {
        let edit = RecordEdit::Set { id, fields: form(fields) };
        self.save(name, &edit).expect("the change is saved");
    }

    /// A node dials the hub.
    pub fn connect(&mut self, name: &'static str) {
        self.cut(name);
        let session = self.next_session;
        self.next_session += 1;
        let device = self.replica(name).device();
        self.replica(name).dial(session);
        self.replica(HUB).listen(session, device);
        self.links.insert(name, Link { session, to_hub: VecDeque::new(), to_node: VecDeque::new() });
    }

    /// A node's connection breaks; what was under way is lost.
    pub fn cut(&mut self, name: &str) {
        if let Some(link) = self.links.remove(name) {
            for end in [name, HUB] {
                if let Some(replica) = self.machine(end).replica.as_mut() {
                    replica.hang_up(link.session);
                }
            }
        }
    }

    /// Lets everything that is under way arrive until nothing moves any more.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Moves one thing; false if nothing moves.
    pub fn step(&mut self) -> bool {
        let mut moved = false;
        for name in self.machines.keys().copied().collect::<Vec<_>>() {
            moved |= self.collect(name);
        }
        for name in self.links.keys().copied().collect::<Vec<_>>() {
            moved |= self.deliver(name);
        }
        moved
    }

    /// Takes a replica's effects and puts its frames on their way.
    fn collect(&mut self, name: &'static str) -> bool {
        let now = self.now;
        let mut moved = false;
        while let Some(replica) = self.machine(name).replica.as_mut() {
            let Ok(Some(effect)) = replica.poll(now) else { break };
            moved = true;
            let (session, node) = match &effect {
                Effect::Frame(session, _) | Effect::Level(session, _) | Effect::Refused(session, _) => {
                    (*session, self.node_of(*session))
                }
                Effect::Close(session, _) => (*session, self.node_of(*session)),
                Effect::Grew => continue,
            };
            let Some(node) = node else { continue };
            match effect {
                Effect::Frame(_, frame) => {
                    let link = self.links.get_mut(node).expect("found above");
                    if name == HUB { link.to_node.push_back(frame) } else { link.to_hub.push_back(frame) }
                }
                Effect::Level(_, verified) if name != HUB => drop(self.level.insert(node, verified)),
                Effect::Refused(_, list) => self.refused.extend(list.iter().map(|one| (name, one.2))),
                Effect::Close(..) => self.cut(node),
                _ => {}
            }
            let _ = session;
        }
        moved
    }

    fn node_of(&self, session: SessionId) -> Option<&'static str> {
        self.links.iter().find(|(_, link)| link.session == session).map(|(name, _)| *name)
    }

    /// Delivers one frame each way.
    fn deliver(&mut self, name: &'static str) -> bool {
        let Some(link) = self.links.get_mut(name) else { return false };
        let (session, up, down) = (link.session, link.to_hub.pop_front(), link.to_node.pop_front());
        let moved = up.is_some() || down.is_some();
        self.now += u64::from(moved);
        let now = self.now;
        for (end, frame) in [(HUB, up), (name, down)] {
            if let (Some(frame), Some(replica)) = (frame, self.machine(end).replica.as_mut())
                && replica.frame(session, frame, now).is_err()
            {
                self.cut(name);
            }
        }
        moved
    }

    /// The machine goes down and comes up again; of what was not synced, chance decides.
    pub fn crash(&mut self, name: &'static str) {
        if name == HUB {
            self.links.keys().copied().collect::<Vec<_>>().into_iter().for_each(|node| self.cut(node));
        } else {
            self.cut(name);
        }
        let mut rng = self.rng.fork();
        let machine = self.machine(name);
        machine.replica = None;
        machine.disk.restart(|unsynced| rng.usize(..=unsynced));
        self.start(name).expect("every replica reopens");
    }

    /// One field of a record as a replica sees it.
    pub fn field(&mut self, name: &str, id: RecordId, field: &str) -> Option<Value> {
        let replica = self.replica(name);
        let (kind, _) = replica.kind_of(&id).expect("the index reads")?;
        replica.row(kind, &id).expect("the index reads")?.fields.get(field).cloned()
    }
}

/// Fields as a person types them: everything is text here.
pub fn form(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(field, value)| ((*field).to_owned(), Value::of(*value))).collect()
}
