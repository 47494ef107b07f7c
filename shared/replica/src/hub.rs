//! What a hub says of its tree: its founding, grants, revocations.

use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::model::{Class, DivisionCode};
use huiliu_core::sync::control::{self, Grant, Registry, Revoke};
use huiliu_core::sync::{DeviceId, EntryKind, PublicKey};

impl Replica {
    /// The hub's first entries: the registry's edition and the hub's own grant. Does nothing a second time.
    pub fn found(&mut self, name: &str, edition: Registry, who: &str, now: u64) -> Result<(), ReplicaError> {
        if self.authority().grant_of(&self.device()).is_some() {
            return Ok(());
        }
        self.draw_city_key();
        let control = self.authority().control();
        let stamp = self.stamp(who, now);
        self.stage_entry(control, EntryKind::REGISTRY, stamp, control::encode(&edition));
        self.grant(self.key.public(), self.home.division, name, who, now)
    }

    /// Grants a device the subtree of a division, and says so at once to everybody.
    pub fn grant(
        &mut self,
        key: PublicKey,
        division: DivisionCode,
        name: &str,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let grant = self.grant_for(key, division, name);
        self.control_entry(EntryKind::GRANT, control::encode(&grant), who, now)
    }

    /// The grant of a device of a division, by the tree as it is now.
    pub(crate) fn grant_for(&self, key: PublicKey, division: DivisionCode, name: &str) -> Grant {
        let mut subtree = self.divisions.subtree(division);
        let mut above = self.divisions.ancestors(division);
        subtree.sort();
        above.sort();
        Grant {
            key,
            division,
            name: name.to_owned(),
            subtree,
            above,
            classes: vec![Class::Open, Class::People],
        }
    }

    /// Ends a device's grants: what is held of it here counts, later entries wait for a review.
    pub fn revoke(
        &mut self,
        device: DeviceId,
        reason: &str,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let held = self.ledger.heads().filter(|(feed, _)| feed.device == device && feed.channel.is_shared());
        let last = held.map(|(feed, head)| (feed.incarnation, feed.channel, head.number)).collect();
        let revoke = Revoke { device, last, reason: reason.to_owned() };
        self.control_entry(EntryKind::REVOKE, control::encode(&revoke), who, now)
    }

    fn control_entry(
        &mut self,
        kind: EntryKind,
        payload: Vec<u8>,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let control = self.authority().control();
        self.own_grant(control)?;
        let stamp = self.stamp(who, now);
        self.stage_entry(control, kind, stamp, payload);
        self.commit().map(|_| ())
    }
}
