//! Whose entries count where. Built from the home hub's entries in its control channel and nothing else.
//!
//! Scope is decided in O(log n) from a feed's name and the grant its point names: never from content, never by
//! loading documents, without dates.

use super::control::{Grant, Registry, Revoke, decode};
use super::entry::{Entry, EntryKind};
use super::feed::{FeedId, Incarnation};
use super::keys::{DeviceId, Hash, PublicKey};
use crate::model::{Channel, Class, DivisionCode};
use std::collections::BTreeMap;

/// What a replica knows of grants and revocations.
#[derive(Clone, Debug)]
pub struct Authority {
    root: PublicKey,
    control: Channel,
    grants: BTreeMap<Hash, Grant>,
    /// The newest grant of each device, by the order in which the hub wrote them.
    current: BTreeMap<DeviceId, Hash>,
    revoked: BTreeMap<DeviceId, Revocation>,
    registry: Option<Registry>,
}

/// A device's grants have ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// The last number that counts, by feed; numbers are only ever raised.
    pub last: BTreeMap<(Incarnation, Channel), u64>,
    /// Why.
    pub reason: String,
}

/// Whether an author's run may enter a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It may; its point must be signed with this key.
    Granted(PublicKey),
    /// The grant it names is not known here yet: the run waits with its sender.
    Unknown,
    /// The author may not write there.
    OutOfScope,
}

impl Authority {
    /// The authority of the tree whose hub has the key `root` and the division `hub`.
    pub fn new(root: PublicKey, hub: DivisionCode) -> Self {
        Self {
            root,
            control: Channel::published(hub, Class::Open),
            grants: BTreeMap::new(),
            current: BTreeMap::new(),
            revoked: BTreeMap::new(),
            registry: None,
        }
    }

    /// The home hub's device.
    pub fn root(&self) -> DeviceId {
        self.root.device()
    }

    /// The channel in which grants, revocations and the registry are written.
    pub fn control(&self) -> Channel {
        self.control
    }

    /// Whether `feed` is one that speaks for the hub about devices.
    pub fn is_control(&self, feed: &FeedId) -> bool {
        feed.channel == self.control && feed.device == self.root()
    }

    /// Takes in one entry of a control feed, with its hash. Entries add up in any order, but for the newest grant of
    /// a device, which follows the order of the feed.
    pub fn learn(&mut self, hash: Hash, entry: &Entry) {
        match entry.kind {
            EntryKind::GRANT => {
                if let Some(grant) = decode::<Grant>(&entry.payload) {
                    self.current.insert(grant.key.device(), hash);
                    self.grants.insert(hash, grant);
                }
            }
            EntryKind::REVOKE => {
                if let Some(revoke) = decode::<Revoke>(&entry.payload) {
                    let held = self.revoked.entry(revoke.device).or_insert_with(|| Revocation {
                        last: BTreeMap::new(),
                        reason: revoke.reason.clone(),
                    });
                    for (incarnation, channel, number) in revoke.last {
                        let last = held.last.entry((incarnation, channel)).or_default();
                        *last = number.max(*last);
                    }
                }
            }
            EntryKind::REGISTRY => {
                if let (None, Some(registry)) = (&self.registry, decode(&entry.payload)) {
                    self.registry = Some(registry);
                }
            }
            _ => {}
        }
    }

    /// Whether a run of `feed` whose point names `grant` may enter.
    pub fn admit(&self, feed: &FeedId, grant: &Hash) -> Admission {
        if self.is_control(feed) {
            return Admission::Granted(self.root.clone());
        }
        match self.grants.get(grant) {
            // The root needs nobody's grant. Its own can be lost with a disk on which what it wrote under it was not.
            None if feed.device == self.root() && feed.channel.is_shared() => {
                Admission::Granted(self.root.clone())
            }
            None => Admission::Unknown,
            Some(grant) if grant.key.device() == feed.device && grant.may_write(feed.channel) => {
                Admission::Granted(grant.key.clone())
            }
            Some(_) => Admission::OutOfScope,
        }
    }

    /// Whether an entry was written after its device's grant had ended.
    pub fn is_after_revocation(&self, feed: &FeedId, number: u64) -> bool {
        self.revoked.get(&feed.device).is_some_and(|revocation| {
            number > revocation.last.get(&(feed.incarnation, feed.channel)).copied().unwrap_or(0)
        })
    }

    /// The revocation of a device, if there is one.
    pub fn revocation(&self, device: &DeviceId) -> Option<&Revocation> {
        self.revoked.get(device)
    }

    /// The grant a device has now, with its hash; none if it never had one or it was revoked.
    pub fn grant_of(&self, device: &DeviceId) -> Option<(Hash, &Grant)> {
        if self.revoked.contains_key(device) {
            return None;
        }
        self.last_grant_of(device)
    }

    /// The newest grant a device ever had, revoked or not: tells whose device it is.
    pub fn last_grant_of(&self, device: &DeviceId) -> Option<(Hash, &Grant)> {
        let hash = self.current.get(device)?;
        Some((*hash, self.grants.get(hash)?))
    }

    /// Every device that ever had a grant, with its newest.
    pub fn devices(&self) -> impl Iterator<Item = (&DeviceId, &Grant)> {
        self.current.iter().filter_map(|(device, hash)| Some((device, self.grants.get(hash)?)))
    }

    /// The edition of the division registry this tree uses.
    pub fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// Whether `device` may see `channel`. The control channel is everybody's in the tree.
    pub fn may_read(&self, device: &DeviceId, channel: Channel) -> bool {
        channel == self.control || self.grant_of(device).is_some_and(|(_, grant)| grant.may_read(channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hlc;
    use crate::sync::control::encode;
    use crate::sync::entry::{Envelope, Stamp};
    use crate::sync::keys::DeviceKey;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    fn entry(kind: EntryKind, payload: Vec<u8>) -> Entry {
        let stamp = Stamp { who: "hub".into(), at: Hlc(0) };
        Entry { kind, envelope: Some(Envelope::of_no_record(stamp)), payload }
    }

    fn haishu_grant(key: &DeviceKey) -> Entry {
        let grant = Grant {
            key: key.public(),
            division: code("330203"),
            name: "海曙区民政局".into(),
            subtree: vec![code("330203"), code("330203004")],
            above: vec![code("33"), code("3302")],
            classes: vec![Class::Open],
        };
        entry(EntryKind::GRANT, encode(&grant))
    }

    fn feed(key: &DeviceKey, channel: &str) -> FeedId {
        let incarnation = Incarnation([1; 8]);
        FeedId { channel: channel.parse().unwrap(), device: key.device(), incarnation }
    }

    #[test]
    fn a_grant_reaches_its_subtree_and_no_further() {
        let (hub, haishu) = (DeviceKey::from_seed([9; 32]), DeviceKey::from_seed([1; 32]));
        let mut authority = Authority::new(hub.public(), code("3302"));
        let name = Hash([5; 32]);
        assert_eq!(authority.admit(&feed(&haishu, "own/330203/open"), &name), Admission::Unknown);
        authority.learn(name, &haishu_grant(&haishu));
        for (channel, writes, reads) in [
            ("own/330203/open", true, true),
            ("own/330203004/open", true, true),
            ("published/330203004/open", true, true),
            ("published/3302/open", false, true),
            ("published/33/open", false, true),
            ("own/3302/open", false, false),
            ("own/330205/open", false, false),
            ("own/330203/people", false, false),
            ("local/330203/open", false, false),
        ] {
            let admitted = authority.admit(&feed(&haishu, channel), &name) != Admission::OutOfScope;
            assert_eq!(admitted, writes, "{channel}");
            assert_eq!(authority.may_read(&haishu.device(), channel.parse().unwrap()), reads, "{channel}");
        }
        let yuyao = DeviceKey::from_seed([2; 32]);
        let borrowed = authority.admit(&feed(&yuyao, "own/330203/open"), &name);
        assert_eq!(borrowed, Admission::OutOfScope, "a grant is for its own device");
    }

    #[test]
    fn the_root_needs_no_grant() {
        let (hub, haishu) = (DeviceKey::from_seed([9; 32]), DeviceKey::from_seed([1; 32]));
        let authority = Authority::new(hub.public(), code("3302"));
        let (lost, granted) = (Hash([5; 32]), Admission::Granted(hub.public()));
        assert_eq!(authority.admit(&feed(&hub, "own/330203/open"), &lost), granted);
        assert_eq!(authority.admit(&feed(&hub, "published/3302/open"), &lost), granted);
        assert_eq!(authority.admit(&feed(&hub, "local/3302/open"), &lost), Admission::Unknown);
        assert_eq!(authority.admit(&feed(&haishu, "own/330203/open"), &lost), Admission::Unknown);
    }

    #[test]
    fn a_revocation_is_raised_and_never_lowered() {
        let (hub, haishu) = (DeviceKey::from_seed([9; 32]), DeviceKey::from_seed([1; 32]));
        let mut authority = Authority::new(hub.public(), code("3302"));
        authority.learn(Hash([5; 32]), &haishu_grant(&haishu));
        let own = feed(&haishu, "own/330203/open");
        let revoke = |number| {
            let last = vec![(own.incarnation, own.channel, number)];
            entry(
                EntryKind::REVOKE,
                encode(&Revoke { device: haishu.device(), last, reason: "旧机停用".into() }),
            )
        };
        authority.learn(Hash([6; 32]), &revoke(4));
        assert!(!authority.is_after_revocation(&own, 4));
        assert!(authority.is_after_revocation(&own, 5));
        assert!(authority.is_after_revocation(&feed(&haishu, "own/330203004/open"), 1));
        authority.learn(Hash([7; 32]), &revoke(2));
        assert!(!authority.is_after_revocation(&own, 4));
        authority.learn(Hash([8; 32]), &revoke(9));
        assert!(!authority.is_after_revocation(&own, 9));
        assert!(authority.grant_of(&haishu.device()).is_none());
        assert!(!authority.may_read(&haishu.device(), own.channel));
    }
}
