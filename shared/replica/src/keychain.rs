//! The keys a replica holds: the city's, divisions', and people's as they are wrapped. What is new is durable in the key
//! file before anything that it seals is called saved or received.

use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use huiliu_core::model::{DivisionCode, RecordId, Sensitivity};
use huiliu_core::sync::DeviceId;
use huiliu_core::sync::person_keys::Kept;
use huiliu_core::sync::seal::{self, Carried, DivisionKey, Key, KeyId, Wrap};
use huiliu_store::{Disk, Keyring};
use std::collections::{BTreeMap, BTreeSet};

/// So many wraps of one record's key under the keys of one division are kept: a hostile device may send many.
const MOST_WRAPS: usize = 8;

/// A key that is wrapped or sealed to a device has fewer bytes: what has more is none, and would fill frames.
const MOST_SEALED_BYTES: usize = 128;

/// What a replica knows of keys.
#[derive(Default)]
pub(crate) struct Keychain {
    file: Keyring,
    city: Option<Key>,
    matches: BTreeMap<KeyId, Key>,
    divisions: BTreeMap<KeyId, DivisionKey>,
    carried: BTreeMap<(DeviceId, KeyId), Carried>,
    wraps: BTreeMap<(RecordId, Sensitivity), BTreeSet<Wrap>>,
    /// What the hub has not been handed yet.
    unsent: Vec<Kept>,
    /// What is not in the file yet.
    unsaved: Vec<Kept>,
}

impl Keychain {
    /// What the key file holds.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Self, ReplicaError> {
        let (file, pieces) = Keyring::read(disk)?;
        let mut keychain = Self { file, ..Self::default() };
        for piece in pieces.iter().filter_map(|piece| postcard::from_bytes(piece).ok()) {
            match piece {
                Kept::Handed => keychain.unsent.clear(),
                kept => {
                    keychain.learn(&kept);
                    keychain.unsent.push(kept);
                }
            }
        }
        Ok(keychain)
    }

    /// Makes all that was read durable, before anything is sealed with it.
    pub(crate) fn make_sure(&mut self, disk: &mut dyn Disk) -> Result<(), ReplicaError> {
        Ok(self.file.make_sure(disk)?)
    }

    /// Up to where in the key file lies what is kept.
    pub(crate) fn saved_until(&self) -> u64 {
        self.file.length()
    }

    /// Takes in a key; false if it is known.
    fn learn(&mut self, kept: &Kept) -> bool {
        match kept {
            Kept::City(key) => self.city.replace(key.clone()).as_ref() != Some(key),
            Kept::Division(key) => self.divisions.insert(key.key.id(), key.clone()).is_none(),
            Kept::Match(key) => self.matches.insert(key.id(), key.clone()).is_none(),
            Kept::Carried(carried) => {
                let place = (carried.device, carried.key);
                carried.bytes.len() <= MOST_SEALED_BYTES
                    && self.carried.insert(place, carried.clone()).is_none()
            }
            Kept::Wrap(wrap) => {
                if wrap.bytes.len() > MOST_SEALED_BYTES {
                    return false;
                }
                let wraps = self.wraps.entry((wrap.record, wrap.class)).or_default();
                let many = wraps.iter().filter(|other| other.division == wrap.division).count();
                many < MOST_WRAPS && wraps.insert(wrap.clone())
            }
            Kept::Handed => true,
        }
    }

    /// Takes in a key that is to be kept.
    pub(crate) fn keep(&mut self, kept: Kept) {
        if self.learn(&kept) {
            if !matches!(kept, Kept::Handed) {
                self.unsent.push(kept.clone());
            }
            self.unsaved.push(kept);
        }
    }

    /// Makes durable what is new.
    pub(crate) fn save(&mut self, disk: &mut dyn Disk) -> Result<(), ReplicaError> {
        let pieces: Vec<Vec<u8>> = self
            .unsaved
            .iter()
            .map(|kept| postcard::to_allocvec(kept).expect("keys have a postcard form"))
            .collect();
        self.file.append(disk, &pieces)?;
        self.unsaved.clear();
        Ok(())
    }

    /// The city's key.
    pub(crate) fn city(&self) -> Option<&Key> {
        self.city.as_ref()
    }

    /// A match key by its name.
    pub(crate) fn match_key(&self, id: &KeyId) -> Option<&Key> {
        self.matches.get(id)
    }

    /// A division's key by its name.
    pub(crate) fn division_key(&self, id: &KeyId) -> Option<&DivisionKey> {
        self.divisions.get(id)
    }

    /// The key under which a division's people are wrapped here: of several, drawn apart, always the same.
    pub(crate) fn key_of(&self, division: DivisionCode, class: Sensitivity) -> Option<&DivisionKey> {
        self.divisions.values().find(|key| key.division == division && key.class == class)
    }

    /// Every division key.
    pub(crate) fn division_keys(&self) -> impl Iterator<Item = &DivisionKey> {
        self.divisions.values()
    }

    /// The keys of a record that can be opened here. Of several, drawn apart, the first seals.
    pub(crate) fn keys_of(&self, record: &RecordId, class: Sensitivity) -> Vec<Key> {
        let wraps = self.wraps.get(&(*record, class)).into_iter().flatten();
        let opened = wraps.filter_map(|wrap| seal::unwrap(&self.divisions.get(&wrap.under)?.key, wrap));
        opened.collect::<BTreeSet<Key>>().into_iter().collect()
    }

    /// The wraps of a record's keys.
    pub(crate) fn wraps_of(&self, record: &RecordId) -> impl Iterator<Item = &Wrap> {
        let classes = [Sensitivity::Personal, Sensitivity::Secret];
        classes.into_iter().flat_map(|class| self.wraps.get(&(*record, class)).into_iter().flatten())
    }

    /// Whether a record's key lies under a key of a division.
    pub(crate) fn is_under(&self, record: &RecordId, class: Sensitivity, division: DivisionCode) -> bool {
        let mut wraps = self.wraps.get(&(*record, class)).into_iter().flatten();
        wraps.any(|wrap| wrap.division == division)
    }

    /// The division keys that are carried for a device.
    pub(crate) fn carried_for(&self, device: &DeviceId) -> impl Iterator<Item = &Carried> {
        let device = *device;
        self.carried.values().filter(move |carried| carried.device == device)
    }

    /// Whether a division key has been sealed to a device.
    pub(crate) fn is_carried(&self, device: &DeviceId, key: &KeyId) -> bool {
        self.carried.contains_key(&(*device, *key))
    }

    /// The names of division keys under which something lies that is not here.
    pub(crate) fn missing_keys(&self) -> BTreeSet<KeyId> {
        let under = self.wraps.values().flatten().map(|wrap| wrap.under);
        under.filter(|id| !self.divisions.contains_key(id)).collect()
    }

    /// These may not have come.
    pub(crate) fn unsend(&mut self, kept: Vec<Kept>) {
        self.unsent.extend(kept);
    }

    /// Where the unsaved keys end, for [`Keychain::forget_since`].
    pub(crate) fn mark(&self) -> usize {
        self.unsaved.len()
    }

    /// Forgets keys that were drawn for a rehearsal and never saved.
    pub(crate) fn forget_since(&mut self, mark: usize) {
        // What was saved meanwhile stays.
        for kept in self.unsaved.drain(mark.min(self.unsaved.len())..) {
            match &kept {
                Kept::Division(key) => {
                    self.divisions.remove(&key.key.id());
                }
                Kept::Wrap(wrap) => {
                    if let Some(wraps) = self.wraps.get_mut(&(wrap.record, wrap.class)) {
                        wraps.remove(wrap);
                    }
                }
                Kept::City(_) | Kept::Match(_) | Kept::Carried(_) | Kept::Handed => {}
            }
            self.unsent.retain(|other| *other != kept);
        }
    }

    /// Whether there is something that the hub has not been handed yet.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// What the hub has not been handed yet.
    pub(crate) fn take_unsent(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.unsent)
    }
}

impl Replica {
    /// Makes new keys durable, before whatever they seal. Where that fails, what was to be written with them is lost, as
    /// after a write of the journal that failed: nothing more is taken until restart, and what was saved is shown.
    pub(crate) fn save_keys(&mut self) -> Result<(), ReplicaError> {
        if self.role() == Role::Hub {
            // It hands nothing up: a node that lacks something asks.
            self.keychain.take_unsent();
        }
        let saved = self.keychain.save(self.journal.disk());
        if saved.is_err() && !self.is_read_only() {
            self.journal.close();
            self.fall_back()?;
        }
        saved
    }

    /// A new random key.
    pub(crate) fn draw_key(&mut self) -> Key {
        let mut bytes = [0; 32];
        (self.entropy)(&mut bytes);
        Key(bytes)
    }

    /// Hub: draws the city's key when the tree is founded.
    pub(crate) fn draw_city_key(&mut self) {
        if self.keychain.city().is_none() {
            let key = self.draw_key();
            self.keychain.keep(Kept::City(key));
        }
    }

    /// The division's key: the one that is here, or a new one.
    pub(crate) fn division_key(&mut self, division: DivisionCode, class: Sensitivity) -> DivisionKey {
        if let Some(key) = self.keychain.key_of(division, class) {
            return key.clone();
        }
        let key = DivisionKey { division, class, key: self.draw_key() };
        self.keychain.keep(Kept::Division(key.clone()));
        key
    }

    /// The key that seals fields of a record owned by a division: the record's own, or, for its first, a new one.
    pub(crate) fn person_key(
        &mut self,
        record: &RecordId,
        class: Sensitivity,
        division: DivisionCode,
    ) -> Key {
        if let Some(key) = self.keychain.keys_of(record, class).into_iter().next() {
            return key;
        }
        let (key, under) = (self.draw_key(), self.division_key(division, class));
        self.keychain.keep(Kept::Wrap(seal::wrap(&under, record, &key)));
        key
    }
}
