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

/// So many are kept of one key for one device, each from another device.
const MOST_CARRIED: usize = 32;

/// A key that is wrapped or sealed to a device has fewer bytes: what has more is none, and would fill frames.
const MOST_SEALED_BYTES: usize = 128;

/// What a replica knows of keys.
#[derive(Default)]
pub(crate) struct Keychain {
    file: Keyring,
    city: Option<Key>,
    matches: BTreeMap<KeyId, Key>,
    divisions: BTreeMap<KeyId, DivisionKey>,
    /// Several of one name, if several devices have sealed it: whoever opens them sees which holds what it says.
    carried: BTreeMap<(DeviceId, KeyId), Vec<Carried>>,
    /// Which device has brought one of them since the start.
    brought: BTreeSet<(DeviceId, DeviceId, KeyId)>,
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
                let known = self.carried.entry((carried.device, carried.key)).or_default();
                let fits = carried.bytes.len() <= MOST_SEALED_BYTES && known.len() < MOST_CARRIED;
                let is_new = fits && !known.contains(carried);
                known.extend(is_new.then(|| carried.clone()));
                is_new
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

    /// Takes in a key that is to be kept; false if it is known.
    pub(crate) fn keep(&mut self, kept: Kept) -> bool {
        let is_new = self.learn(&kept);
        if is_new {
            if !matches!(kept, Kept::Handed) {
                self.unsent.push(kept.clone());
            }
            self.unsaved.push(kept);
        }
        is_new
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

    /// One of the match keys, for a seeded bug.
    pub(crate) fn any_match_key(&self) -> Option<&Key> {
        self.matches.values().next()
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

    /// The keys of a record that can be opened here: whatever opens a value may have sealed it.
    pub(crate) fn keys_of(&self, record: &RecordId, class: Sensitivity) -> Vec<Key> {
        let wraps = self.wraps.get(&(*record, class)).into_iter().flatten();
        wraps.filter_map(|wrap| self.opened(wrap)).collect::<BTreeSet<Key>>().into_iter().collect()
    }

    /// The key in a wrap, if what it lies under is here.
    pub(crate) fn opened(&self, wrap: &Wrap) -> Option<Key> {
        let under = self.divisions.get(&wrap.under)?;
        seal::unwrap(&under.key, wrap)
    }

    /// The keys of a record that lie under keys of a division, as far as they can be opened here.
    pub(crate) fn keys_under(
        &self,
        record: &RecordId,
        class: Sensitivity,
        division: DivisionCode,
    ) -> BTreeSet<Key> {
        let wraps = self.wraps.get(&(*record, class)).into_iter().flatten();
        wraps.filter(|wrap| wrap.division == division).filter_map(|wrap| self.opened(wrap)).collect()
    }

    /// The wraps of a record's keys.
    pub(crate) fn wraps_of(&self, record: &RecordId) -> impl Iterator<Item = &Wrap> {
        let classes = [Sensitivity::Personal, Sensitivity::Secret];
        classes.into_iter().flat_map(|class| self.wraps.get(&(*record, class)).into_iter().flatten())
    }

    /// Whether several keys of a record's are known for the same fields.
    pub(crate) fn has_several(&self, record: &RecordId) -> bool {
        let classes = [Sensitivity::Personal, Sensitivity::Secret];
        classes.into_iter().any(|class| self.wraps.get(&(*record, class)).is_some_and(|all| all.len() > 1))
    }

    /// The division keys that are carried for a device.
    pub(crate) fn carried_for(&self, device: &DeviceId) -> impl Iterator<Item = &Carried> {
        let device = *device;
        self.carried.values().flatten().filter(move |carried| carried.device == device)
    }

    /// Whether a division key has been sealed to a device.
    pub(crate) fn is_carried(&self, device: &DeviceId, key: &KeyId) -> bool {
        self.carried.get(&(*device, *key)).is_some_and(|known| !known.is_empty())
    }

    /// Whether `peer` brings a key for a device under this name for the first time: nobody fills the places of others.
    pub(crate) fn brings(&mut self, peer: DeviceId, carried: &Carried) -> bool {
        self.brought.insert((peer, carried.device, carried.key))
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

    /// The key that seals fields of a record owned by a division: the one that lies under the division's key, else the
    /// one that came with the record from where it has been, else a new one. What others have wrapped for the record
    /// where it has never been seals nothing.
    pub(crate) fn person_key(
        &mut self,
        record: &RecordId,
        class: Sensitivity,
        division: DivisionCode,
    ) -> Result<Key, ReplicaError> {
        let planted = self.has_bug("sealed under any key of the record");
        let any = || self.keychain.keys_of(record, class).into_iter().next().filter(|_| planted);
        // Of several, drawn apart, always the same.
        let own = || self.keychain.keys_under(record, class, division).into_iter().next();
        if let Some(key) = any().or_else(own) {
            return Ok(key);
        }
        let came_with_it = self.keys_from_stays(record, class)?.pop_first();
        let key = came_with_it.unwrap_or_else(|| self.draw_key());
        let under = self.division_key(division, class);
        self.keychain.keep(Kept::Wrap(seal::wrap(&under, record, &key)));
        Ok(key)
    }

    /// The keys of a record that lie under keys of the divisions where it is or has been.
    pub(crate) fn keys_from_stays(
        &self,
        record: &RecordId,
        class: Sensitivity,
    ) -> Result<BTreeSet<Key>, ReplicaError> {
        let places = self.stays(record)?.into_iter().map(|stay| stay.channel.division);
        Ok(places.flat_map(|place| self.keychain.keys_under(record, class, place)).collect())
    }

    /// Whether a wrap is one of a record that is or has been in its division, or of which nothing is here yet.
    pub(crate) fn is_in_place(&self, wrap: &Wrap) -> Result<bool, ReplicaError> {
        let stays = self.stays(&wrap.record)?;
        Ok(stays.is_empty() || stays.iter().any(|stay| stay.channel.division == wrap.division))
    }
}
