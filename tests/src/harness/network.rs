//! The network between nodes and hub: frames under way in virtual time, links that break at any byte, and, in hostile
//! weather, frames lost, doubled and overtaken. A watchdog cuts a link that stalls and dials again, as the programs do.

use super::world::{Called, HUB, Machine, World};
use huiliu_replica::{Effect, Replica, SessionId};
use std::collections::BTreeMap;

/// After so many milliseconds without a frame on a link that is not level, the watchdog cuts it and dials again.
const STALL_MS: u64 = 10_000;
/// So often in a row it does so before the world gives up.
const MAX_REDIALS: usize = 60;

/// What the network does to frames; chances are in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The longest way, in milliseconds.
    pub delay: u64,
    /// How many frames vanish on a link that stays up: no real transport does that, and nothing unsafe may follow.
    pub lost: u16,
    /// How many arrive twice.
    pub doubled: u16,
    /// How many arrive at any time, before or after others.
    pub overtaken: u16,
}

impl Default for Weather {
    fn default() -> Self {
        Self { delay: 1, lost: 0, doubled: 0, overtaken: 0 }
    }
}

impl Weather {
    /// Whether frames arrive once, in order, or not at all.
    pub fn is_fair(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.overtaken == 0
    }
}

/// Frames on their way in one direction, by time of arrival and order of sending.
#[derive(Default)]
pub(super) struct Lane {
    frames: BTreeMap<(u64, u64), Vec<u8>>,
    sent: u64,
    newest: u64,
}

/// A connection between a node and the hub.
pub(super) struct Link {
    pub(super) session: SessionId,
    /// Names the session's feeds; said in Hello.
    pub(super) salt: Option<[u8; 8]>,
    to_hub: Lane,
    to_node: Lane,
    /// When something last arrived.
    moved_at: u64,
    /// Frames that the peer did not send were put on it.
    pub(super) tampered: bool,
}

impl Lane {
    fn send(&mut self, frame: Vec<u8>, now: u64, weather: &Weather, rng: &mut fastrand::Rng) {
        let chance = |rng: &mut fastrand::Rng, of: u16| of > 0 && rng.u16(..1000) < of;
        if chance(rng, weather.lost) {
            return;
        }
        let delay = rng.u64(1..=weather.delay);
        let overtaken = chance(rng, weather.overtaken);
        let at = if overtaken { now + delay + rng.u64(..2000) } else { self.newest.max(now + delay) };
        if !overtaken {
            self.newest = at;
        }
        if chance(rng, weather.doubled) {
            self.sent += 1;
            self.frames.insert((at + rng.u64(..500), self.sent), frame.clone());
        }
        self.sent += 1;
        self.frames.insert((at, self.sent), frame);
    }

    /// What still comes out of a connection that breaks after so many bytes of what is under way: whole frames only.
    fn break_after(&mut self, mut bytes: usize) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        for frame in std::mem::take(&mut self.frames).into_values() {
            if frame.len() > bytes {
                break;
            }
            bytes -= frame.len();
            whole.push(frame);
        }
        whole
    }

    fn bytes(&self) -> usize {
        self.frames.values().map(Vec::len).sum()
    }
}

impl World {
    /// A node dials the hub.
    pub fn connect(&mut self, name: &'static str) {
        self.cut(name);
        if !self.runs(name) || !self.runs(HUB) {
            return;
        }
        let session = self.next_session;
        self.next_session += 1;
        let device = self.lagging(name).device();
        self.lagging(name).dial(session);
        self.lagging(HUB).listen(session, device);
        let (to_hub, to_node) = (Lane::default(), Lane::default());
        let link = Link { session, salt: None, to_hub, to_node, moved_at: self.now, tampered: false };
        self.links.insert(name, link);
        self.level.insert(name, false);
    }

    /// Whether a node's connection stands.
    pub fn is_connected(&self, name: &str) -> bool {
        self.links.contains_key(name)
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

    /// A node's connection breaks at some byte: the frame under way there is lost, and all after it.
    pub fn cut_at_any_byte(&mut self, name: &'static str) {
        let Some(link) = self.links.get_mut(name) else { return };
        let up = link.to_hub.break_after(self.rng.usize(..=link.to_hub.bytes()));
        let down = link.to_node.break_after(self.rng.usize(..=link.to_node.bytes()));
        up.into_iter().for_each(|frame| self.arrive(name, HUB, frame));
        down.into_iter().for_each(|frame| self.arrive(name, name, frame));
        self.cut(name);
    }

    /// Puts a frame on a link that its sender never sent.
    pub fn inject(&mut self, node: &'static str, to: &'static str, frame: Vec<u8>) {
        let (now, fair) = (self.now, Weather::default());
        if let Some(link) = self.links.get_mut(node) {
            link.tampered = true;
            let lane = if to == HUB { &mut link.to_hub } else { &mut link.to_node };
            lane.send(frame, now, &fair, &mut self.rng);
        }
    }

    /// Changes the frames under way to one end of a link.
    pub fn tamper(&mut self, node: &'static str, to: &'static str, mut change: impl FnMut(&mut Vec<u8>)) {
        if let Some(link) = self.links.get_mut(node) {
            link.tampered = true;
            let lane = if to == HUB { &mut link.to_hub } else { &mut link.to_node };
            lane.frames.values_mut().for_each(&mut change);
        }
    }

    /// Lets everything that is under way arrive until nothing moves any more and every link is level.
    pub fn settle(&mut self) {
        for _ in 0..MAX_REDIALS {
            let mut steps = 0;
            while self.step() {
                steps += 1;
                assert!(steps < 100_000, "the world does not come to rest");
            }
            self.now += STALL_MS + 1;
            if !self.watch_stalls() || !self.violations.is_empty() {
                return;
            }
        }
        let uneven: Vec<_> = self.links.keys().filter(|name| self.level.get(*name) != Some(&true)).collect();
        self.violations
            .push(format!("after {MAX_REDIALS} redials the links of {uneven:?} are still not level"));
    }

    /// Moves one thing; false if nothing moves.
    pub fn step(&mut self) -> bool {
        let collected = self.collect_all();
        self.deliver_before(u64::MAX) || collected || self.catch_up()
    }

    /// Lets every replica apply what has come; whether there was anything.
    pub fn catch_up(&mut self) -> bool {
        let behind = |machine: &Machine| machine.replica.as_ref().is_some_and(Replica::is_behind);
        let names = self.machines.iter().filter(|(_, machine)| behind(machine)).map(|(name, _)| *name);
        let names: Vec<&'static str> = names.collect();
        names.iter().for_each(|name| self.apply(name, usize::MAX));
        if !names.is_empty() {
            self.collect_all();
        }
        !names.is_empty()
    }

    fn apply(&mut self, name: &'static str, entries: usize) {
        let sliced = |replica: &mut Replica, _| {
            replica.apply_some(entries)?;
            replica.say_working();
            Ok(())
        };
        match self.call_lagging(name, sliced) {
            Called::Refused(error) if !self.machines[name].disk.is_failing() => {
                self.violations.push(format!("{name} cannot apply what it holds: {error}"));
            }
            _ => {}
        }
    }

    /// Whether a replica applies something now: one that applies later does so when chance says.
    fn applies_now(&mut self, name: &str) -> Option<usize> {
        let behind = self.machines[name].replica.as_ref().is_some_and(Replica::is_behind);
        let late = self.late.as_mut().filter(|_| behind)?;
        (late.u8(..4) == 0).then(|| late.usize(1..8))
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&mut self, millis: u64) {
        let until = self.now + millis;
        loop {
            self.collect_all();
            if !self.deliver_before(until) && !self.catch_up() {
                break;
            }
        }
        self.now = until;
        self.watch_stalls();
    }

    /// Lets so many frames arrive, if there are as many.
    pub fn flow(&mut self, frames: usize) {
        for _ in 0..frames {
            if !self.step() {
                return;
            }
        }
    }

    /// Cuts and dials again what stands still without being level; whether there was any.
    fn watch_stalls(&mut self) -> bool {
        let stalled = |link: &Link, now| {
            now > link.moved_at + STALL_MS && link.to_hub.bytes() + link.to_node.bytes() == 0
        };
        let now = self.now;
        let found: Vec<(&'static str, bool)> = self
            .links
            .iter()
            .filter(|(name, link)| stalled(link, now) && self.level.get(*name) != Some(&true))
            .map(|(name, link)| (*name, link.tampered))
            .collect();
        for (name, tampered) in &found {
            // Who cannot store says nothing.
            if [*name, HUB].iter().any(|end| self.machines[end].disk.is_failing()) {
                continue;
            }
            // Where branches part, a session may end its questions without an answer; the next one asks again.
            // Who cannot apply what the other can is not level with it.
            let usual = self.machines[name].is_usual() && self.machines[HUB].is_usual();
            if !tampered && !self.parted && usual && self.weather.is_fair() {
                self.violations.push(format!("the session of {name} stalls on a fair link"));
            }
            self.redialled += 1;
            self.connect(name);
        }
        !found.is_empty()
    }

    /// Takes every replica's effects, as its caller must after each call.
    pub fn collect_all(&mut self) -> bool {
        let mut moved = false;
        while let Some(name) = self.touched.pop_first() {
            moved |= self.collect(name);
        }
        moved
    }

    /// Takes a replica's effects and puts its frames on their way.
    fn collect(&mut self, name: &'static str) -> bool {
        let mut moved = false;
        while self.runs(name) {
            let effect = match self.call_lagging(name, |replica, now| replica.poll(now)) {
                Called::Done(Some(effect)) => effect,
                Called::Done(None) => match self.applies_now(name) {
                    Some(entries) => {
                        self.apply(name, entries);
                        continue;
                    }
                    None => break,
                },
                Called::Down => break,
                Called::Refused(_) if self.machines[name].disk.is_failing() => break,
                Called::Refused(error) => {
                    self.violations.push(format!("{name} cannot go on: {error}"));
                    break;
                }
            };
            moved = true;
            self.take(name, effect);
        }
        self.touched.remove(name);
        moved
    }

    fn take(&mut self, name: &'static str, effect: Effect) {
        let session = match &effect {
            Effect::Frame(session, _)
            | Effect::Level(session, _)
            | Effect::Refused(session, _)
            | Effect::Withheld(session, ..)
            | Effect::PeerWorks(session, _)
            | Effect::Close(session, _) => *session,
            Effect::Grew => return,
        };
        let Some(node) = self.node_of(session) else { return };
        match effect {
            Effect::Frame(_, frame) => {
                self.hold_durable(name);
                self.look_at(node, name, &frame);
                let Some(link) = self.links.get_mut(node) else { return };
                let lane = if name == HUB { &mut link.to_node } else { &mut link.to_hub };
                lane.send(frame, self.now, &self.weather, &mut self.rng);
            }
            Effect::Level(_, verified) if name != HUB => drop(self.level.insert(node, verified)),
            Effect::Refused(_, list) => self.refused.extend(list.iter().map(|one| (name, one.2))),
            Effect::PeerWorks(_, waiting) => drop(self.works.insert(node, waiting)),
            Effect::Close(..) => self.cut(node),
            _ => {}
        }
    }

    fn node_of(&self, session: SessionId) -> Option<&'static str> {
        self.links.iter().find(|(_, link)| link.session == session).map(|(name, _)| *name)
    }

    /// Delivers the frame that arrives next, if it does so by `until`.
    fn deliver_before(&mut self, until: u64) -> bool {
        let next = |lane: &Lane| lane.frames.keys().next().copied();
        let lanes = self
            .links
            .iter()
            .flat_map(|(node, link)| [(next(&link.to_hub), *node, HUB), (next(&link.to_node), *node, *node)]);
        let first = lanes.filter_map(|(key, node, to)| Some((key?, node, to))).min();
        let Some((key, node, to)) = first.filter(|first| first.0.0 <= until) else { return false };
        self.now = self.now.max(key.0);
        let now = self.now;
        let Some(link) = self.links.get_mut(node) else { return false };
        link.moved_at = now;
        let lane = if to == HUB { &mut link.to_hub } else { &mut link.to_node };
        if let Some(frame) = lane.frames.remove(&key) {
            self.arrive(node, to, frame);
            self.collect_all();
        }
        true
    }

    /// A frame of a node's link arrives at one end.
    fn arrive(&mut self, node: &'static str, to: &'static str, frame: Vec<u8>) {
        let Some(session) = self.links.get(node).map(|link| link.session) else { return };
        let handed = self.call_lagging(to, |replica, now| replica.frame(session, frame, now));
        if let Called::Refused(error) = handed {
            // A replica whose grant has just ended cannot commit what a person had not saved yet.
            if !self.revoked.contains(to) && !self.machines[to].disk.is_failing() {
                self.violations.push(format!("{to} fails on a frame: {error}"));
            }
            self.cut(node);
        }
        self.hold_scope(to);
    }
}
