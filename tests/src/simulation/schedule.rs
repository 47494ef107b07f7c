//! Schedules: steps drawn from a seed. A step carries its own chance, so that leaving one out does not change what the
//! others try.

use crate::harness::network::Weather;
use crate::harness::world::HUB;

/// The replicas of every schedule, with their divisions: the hub, two counties, a township of each.
pub const REPLICAS: [(&str, &str); 5] = [
    (HUB, "3302"),
    ("haishu", "330203"),
    ("lizhou", "330281001"),
    ("yuehu", "330203004"),
    ("yuyao", "330281"),
];

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// Somebody makes a record.
    Create,
    /// Somebody sets one or several fields.
    Set,
    /// The same field of one record is set on several replicas.
    Contend,
    /// Somebody settles a conflict.
    Settle,
    /// Somebody deletes a record.
    Delete,
    /// Somebody gives a record another owner.
    Move,
    /// Several edits are staged, something may happen, then they are committed together.
    Batch,
    /// Somebody tries to write where the grant does not reach.
    Trespass,
    /// A node dials.
    Connect,
    /// A connection breaks at some byte.
    Cut,
    /// Some frames arrive.
    Flow,
    /// Time passes.
    Pass,
    /// A machine crashes now.
    Crash,
    /// A machine will crash after some more disk operations.
    CrashSoon,
    /// A machine that is down comes up, with its index, an older one or none.
    Restart,
    /// The hub crashes.
    HubCrash,
    /// The present index is kept, to be found again after a crash.
    KeepIndex,
    /// The present disk is kept, to be put back.
    KeepImage,
    /// A node is set back to the disk that was kept.
    SetBack,
    /// The hub is.
    HubSetBack,
    /// A node's machine is copied, and both go on.
    Clone,
    /// Bytes of a machine's journal or witness are changed; it goes down and is repaired.
    Damage,
    /// A disk is full after some more operations, or fails to sync, until its machine starts again.
    Fill,
    /// A clock jumps.
    Clock,
    /// A node remembers what the hub holds.
    Remember,
    /// The hub revokes a device; a second time, it lets more of it count.
    Revoke,
    /// A device signs entries for a channel it may not write.
    Forge,
    /// A device signs entries that the gate must refuse.
    Spoil,
    /// An edit comes to the hub before the one it follows.
    Overtake,
    /// Bytes of frames under way are changed.
    Tamper,
    /// Somebody's run is changed, or shown to one who may not see it.
    Replay,
    /// A device's runs, or the hub's word on it, come to somebody by another way than its own session.
    Bundle,
    /// A machine with a restore card: a day's work, and in the morning it is what it was on the first day.
    Morning,
    /// A machine comes up with another program: one whose gate is unsound, one from before moves, or the sound one.
    Replace,
    /// A newer program's edit comes, with a field or beside an entry that nobody else knows.
    Newer,
    /// A node greets the hub with other protocol versions.
    Greet,
    /// A person is put into the list, or a branch is founded.
    Enrol,
    /// A person is received into a branch, and leaves another.
    Affiliate,
    /// A person works at an organization.
    Engage,
    /// A joined device tries what its grant should not give it.
    Pry,
    /// Somebody accepts a record that is offered to a place of theirs.
    Accept,
    /// A sync of a machine's fails, after some more; what it should have written no later sync writes.
    FailSync,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What happens.
    pub op: Op,
    /// All its chance.
    pub salt: u64,
}

/// What a schedule is made of, beside steps.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The seed it was drawn from.
    pub seed: u64,
    /// What the network does.
    pub weather: Weather,
    /// The steps.
    pub steps: Vec<Step>,
    /// Replicas apply what comes later than they acknowledge it.
    pub late: bool,
    /// A machine that comes up has not always lost its power: its program may have been killed alone.
    pub kills: bool,
}

/// How often each operation comes, in the usual schedule.
const USUAL: [(Op, u32); 42] = [
    (Op::Create, 22),
    (Op::Set, 40),
    (Op::Contend, 10),
    (Op::Settle, 8),
    (Op::Delete, 3),
    (Op::Batch, 10),
    (Op::Trespass, 2),
    (Op::Connect, 26),
    (Op::Cut, 12),
    (Op::Flow, 40),
    (Op::Pass, 14),
    (Op::Crash, 3),
    (Op::CrashSoon, 6),
    (Op::Restart, 14),
    (Op::HubCrash, 2),
    (Op::KeepIndex, 3),
    (Op::Clock, 2),
    (Op::Remember, 3),
    (Op::Revoke, 0),
    (Op::Forge, 2),
    (Op::Spoil, 3),
    (Op::Tamper, 0),
    (Op::Replay, 0),
    (Op::Overtake, 0),
    (Op::KeepImage, 0),
    (Op::SetBack, 0),
    (Op::HubSetBack, 0),
    (Op::Clone, 0),
    (Op::Move, 0),
    (Op::Damage, 0),
    (Op::Fill, 0),
    (Op::Bundle, 0),
    (Op::Morning, 0),
    (Op::Replace, 0),
    (Op::Newer, 0),
    (Op::Greet, 0),
    (Op::Enrol, 0),
    (Op::Affiliate, 0),
    (Op::Engage, 0),
    (Op::FailSync, 0),
    (Op::Pry, 0),
    (Op::Accept, 0),
];

/// In a quarter of the schedules records move. Which they are leaves seeds that were kept before there were moves as
/// they were.
fn moves(seed: u64) -> bool {
    matches!(seed % 16, 3 | 7 | 10 | 11)
}

/// In one of twenty-four schedules disks change what was written. Which they are leaves every other seed what it was.
fn damages(seed: u64) -> bool {
    seed % 24 == 15
}

/// The shape of schedules: some are rough, some hostile, and in some the hub revokes devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// As the usual weights say, on a fair network.
    Usual,
    /// Machines crash all the time.
    Rough,
    /// The network loses, doubles and reorders frames.
    Stormy,
    /// People forge, spoil, tamper and replay.
    Hostile,
    /// The hub revokes devices.
    Revoking,
    /// Machines are copied, and set back to what they were.
    Restoring,
    /// Disks are full, or fail to sync.
    Failing,
    /// The hub revokes devices, and runs come by bundle.
    Bundling,
    /// A machine has a restore card.
    Reverting,
    /// The gates of some programs are unsound.
    Misjudging,
    /// Programs are older or newer than others.
    Aging,
    /// Runs come by bundle, a machine has a restore card and programs are newer, all in one.
    Mingling,
    /// Disks change what was written, or are full.
    Damaging,
    /// Programs are killed and machines crash all the time, and disks fail to sync.
    Killing,
    /// A joined device tries all the time what it should not get.
    Prying,
}

const SHAPES: [Shape; 10] = [
    Shape::Usual,
    Shape::Usual,
    Shape::Usual,
    Shape::Rough,
    Shape::Rough,
    Shape::Stormy,
    Shape::Hostile,
    Shape::Revoking,
    Shape::Restoring,
    Shape::Restoring,
];

/// What happens while there are people: nobody forges, and nobody's grant ends.
const PEOPLED: [Shape; 8] = [
    Shape::Usual,
    Shape::Usual,
    Shape::Usual,
    Shape::Rough,
    Shape::Rough,
    Shape::Stormy,
    Shape::Failing,
    Shape::Restoring,
];

impl Schedule {
    /// The schedule of a seed.
    pub fn of(seed: u64) -> Self {
        match seed {
            _ if seed % 5 == 2 => Self::with_people(seed),
            _ if seed % 7 == 4 => Self::with_kills(seed),
            _ if seed % 11 == 6 => Self::with_insiders(seed),
            _ => Self::without_people(seed),
        }
    }

    /// The schedule of a seed, with organizations and divisions alone: what it was before there were people.
    pub fn without_people(seed: u64) -> Self {
        if damages(seed) {
            return Self::with_damage(seed);
        }
        let mut rng = fastrand::Rng::with_seed(seed);
        let shape = SHAPES[rng.usize(..SHAPES.len())];
        Self::drawn(seed, Shape::later(seed).unwrap_or(shape), false, &mut rng)
    }

    /// A schedule of a seed with people, branches and who belongs and works where.
    pub fn with_people(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let shape = PEOPLED[rng.usize(..PEOPLED.len())];
        Self::drawn(seed, shape, true, &mut rng)
    }

    /// A schedule of a seed in which disks change what was written on them.
    pub fn with_damage(seed: u64) -> Self {
        Self::drawn(seed, Shape::Damaging, false, &mut fastrand::Rng::with_seed(seed))
    }

    /// A schedule of a seed in which programs are killed on machines that go on; in a third of them there are people.
    pub fn with_kills(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self { kills: true, ..Self::drawn(seed, Shape::Killing, seed.is_multiple_of(3), &mut rng) }
    }

    /// A schedule of a seed with people, where joined devices try what their grants should not give them, and records are
    /// offered and accepted.
    pub fn with_insiders(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let shape = [Shape::Usual, Shape::Usual, Shape::Prying, Shape::Rough, Shape::Stormy][rng.usize(..5)];
        let mut weights = Self::weights(seed, shape, true);
        for (op, weight) in &mut weights {
            match op {
                Op::Pry => *weight = if shape == Shape::Prying { 30 } else { 12 },
                Op::Accept => *weight = 6,
                Op::Move => *weight = 10,
                _ => {}
            }
        }
        Self::drawn_of(seed, shape, weights, &mut rng)
    }

    fn drawn(seed: u64, shape: Shape, people: bool, rng: &mut fastrand::Rng) -> Self {
        Self::drawn_of(seed, shape, Self::weights(seed, shape, people), rng)
    }

    fn weights(seed: u64, shape: Shape, people: bool) -> [(Op, u32); USUAL.len()] {
        let mut weights = USUAL;
        for (op, weight) in &mut weights {
            *weight = shape.weight(*op, *weight);
            if *op == Op::Move && moves(seed) {
                *weight = 10;
            }
            match op {
                Op::Enrol if people => *weight = 30,
                Op::Affiliate if people => *weight = 24,
                Op::Engage if people => *weight = 12,
                _ => {}
            }
        }
        weights
    }

    fn drawn_of(seed: u64, shape: Shape, weights: [(Op, u32); USUAL.len()], rng: &mut fastrand::Rng) -> Self {
        let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let steps = (0..rng.usize(200..=240))
            .map(|_| {
                let mut at = rng.u32(..total);
                let op = weights.iter().find(|(_, weight)| match at.checked_sub(*weight) {
                    Some(rest) => {
                        at = rest;
                        false
                    }
                    None => true,
                });
                Step { op: op.map_or(Op::Flow, |found| found.0), salt: rng.u64(..) }
            })
            .collect();
        Self { seed, weather: shape.weather(rng), steps, late: seed % 3 == 1, kills: false }
    }

    /// The same with replicas that apply what comes at once, or later.
    pub fn applied(self, late: bool) -> Self {
        Self { late, ..self }
    }
}

impl Shape {
    /// The shapes that came later have classes of seeds of their own, so that the others, and seeds that were kept, stay
    /// what they were.
    fn later(seed: u64) -> Option<Self> {
        match seed % 40 {
            2 => Some(Self::Reverting),
            3 => Some(Self::Aging),
            16 => Some(Self::Mingling),
            17 => Some(Self::Bundling),
            25 => Some(Self::Misjudging),
            _ => (seed % 6 == 5).then_some(Self::Failing),
        }
    }

    fn weight(self, op: Op, usual: u32) -> u32 {
        match (self, op) {
            (
                Self::Rough | Self::Killing,
                Op::Crash | Op::CrashSoon | Op::HubCrash | Op::KeepIndex | Op::Restart,
            ) => usual * 3,
            (Self::Killing, Op::FailSync) => 6,
            (Self::Hostile, Op::Forge | Op::Spoil) => usual * 5,
            (Self::Hostile, Op::Tamper | Op::Replay | Op::Overtake) => 8,
            (Self::Revoking, Op::Revoke) => 4,
            (Self::Failing, Op::Fill) => 4,
            (Self::Bundling, Op::Revoke) => 3,
            (Self::Bundling, Op::Bundle) => 14,
            (Self::Reverting, Op::Morning) => 9,
            (Self::Misjudging, Op::Replace) => 9,
            (Self::Aging, Op::Replace | Op::Newer | Op::Greet) => 6,
            (Self::Mingling, Op::Revoke) => 1,
            (Self::Mingling, Op::Bundle | Op::Morning | Op::Newer) => 5,
            (Self::Mingling, Op::Greet) => 2,
            (Self::Damaging, Op::Damage | Op::Fill) => 4,
            (Self::Restoring, Op::KeepImage) => 12,
            (Self::Restoring, Op::SetBack) => 5,
            (Self::Restoring, Op::HubSetBack | Op::Clone) => 2,
            _ => usual,
        }
    }

    fn weather(self, rng: &mut fastrand::Rng) -> Weather {
        let delay = *rng.choice(&[1, 20, 300]).unwrap_or(&1);
        if self == Self::Stormy {
            Weather { delay, lost: rng.u16(..120), doubled: rng.u16(..120), overtaken: rng.u16(..200) }
        } else {
            Weather { delay, ..Weather::default() }
        }
    }
}
