//! Time: clocks that jump, and a machine with a restore card: every morning it is what it was on the day on which the
//! card was set, and what was written on the days between is under its name at the hub alone.

use super::play::Play;
use crate::harness::world::HUB;
use huiliu_core::model::Channel;
use huiliu_core::sync::{DeviceId, Incarnation};
use std::collections::{BTreeMap, BTreeSet};

/// The hub closes feeds of one device in one channel when there are more.
const MOST_OPEN: usize = 4;
/// From so many incarnations on that it knows nothing of, a machine says that it is set back again and again.
const OFTEN: usize = 3;

/// The machine that has the card.
pub(super) struct Card {
    machine: &'static str,
    /// The incarnation on the card.
    first: Incarnation,
    /// Those that began after it and ended with a morning.
    lost: BTreeSet<Incarnation>,
}

/// The longest jump of a clock.
const TEN_YEARS: i64 = 10 * 365 * 86_400_000;

impl Play {
    /// A machine's clock is right, or wrong by an hour or by ten years, either way.
    pub(super) fn jump(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let skew = *rng.choice(&[0, -3_600_000, 3_600_000, TEN_YEARS, -TEN_YEARS]).unwrap_or(&0);
        self.world.machine(name).skew = skew;
        if skew.abs() == TEN_YEARS {
            self.count(if skew > 0 { "ten years on" } else { "ten years back" });
        }
    }

    /// The first morning sets the card; each other one ends a day of work.
    pub(super) fn morning(&mut self, node: &'static str, rng: &mut fastrand::Rng) {
        let Some(name) = self.card.as_ref().map(|card| card.machine) else {
            self.keep_image(node);
            let replica = self.world.machines[node].replica.as_ref();
            let first = replica.map(|replica| replica.incarnation()).filter(|_| self.has_image(node));
            self.card = first.map(|first| Card { machine: node, first, lost: BTreeSet::new() });
            return;
        };
        self.work(name, rng);
        let present = self.world.machines[name].replica.as_ref().map(|replica| replica.incarnation());
        if let Some(card) = &mut self.card {
            card.lost.extend(present.filter(|present| *present != card.first));
        }
        self.set_back(name, rng.bool());
        self.world.pass(rng.u64(1..=86_400_000));
        self.count("a morning");
    }

    /// People write something; what they wrote may reach the hub before the day ends.
    fn work(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        self.create(name, rng);
        if !self.world.is_connected(name) {
            self.world.connect(name);
        }
        self.world.flow(rng.usize(0..24));
        self.set(name, rng);
        self.world.flow(rng.usize(0..24));
    }

    /// The person is told, once it has happened often; and however often it has, no more feeds stay open than the rule
    /// says, at the hub and at everybody who is level with it.
    pub(super) fn check_days(&mut self) {
        let Some(card) = &self.card else { return };
        let machine = &self.world.machines[card.machine];
        let device = machine.key().device();
        let known: BTreeSet<Incarnation> =
            self.held(HUB).keys().filter(|feed| feed.device == device).map(|feed| feed.incarnation).collect();
        let lost = card.lost.intersection(&known).count();
        let told = machine.replica.as_ref().and_then(|replica| replica.set_back_often()).unwrap_or(0);
        let revoked = self.world.revoked.contains(card.machine);
        let mut wrong = Vec::new();
        if lost >= OFTEN && told < lost && !revoked {
            wrong.push(format!("{} was set back {lost} times and speaks of {told}", card.machine));
        }
        for name in self.names.iter().filter(|name| !self.world.revoked.contains(*name)) {
            let most = self.open_feeds(name).into_iter().max_by_key(|(_, open)| *open);
            wrong.extend(most.filter(|(_, open)| *open > MOST_OPEN).map(|((channel, device), open)| {
                format!("{name} has {open} open feeds of {device} in {channel}")
            }));
        }
        if lost >= OFTEN {
            self.count("set back often");
        }
        self.failures.extend(wrong);
    }

    /// Counts the replicas that have gone back from a losing branch of somebody else's feed.
    pub(super) fn count_third_branches(&mut self) {
        for name in self.names.clone() {
            let own = self.world.machines[name].key().device();
            if self.world.rewound(name).iter().any(|feed| feed.device != own) {
                self.count("another's losing branch taken out");
            }
        }
    }

    /// How many feeds of each device in each channel a Hello would name.
    fn open_feeds(&self, name: &str) -> BTreeMap<(Channel, DeviceId), usize> {
        let mut open: BTreeMap<(Channel, DeviceId), usize> = BTreeMap::new();
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return open };
        let heads = replica.ledger().heads().map(|(feed, _)| feed).filter(|feed| feed.channel.is_shared());
        for feed in heads.filter(|feed| !replica.ledger().is_folded(feed)) {
            *open.entry((feed.channel, feed.device)).or_default() += 1;
        }
        open
    }
}
