//! Keys on their way. A node hands the hub what it has drawn before the entries that need it; the hub hands a node the
//! keys of what it sends, before it sends it. Whoever lacks a key asks once a session is level.

use crate::error::ReplicaError;
use crate::exchange::{Effect, SessionId};
use crate::replica::{Replica, Role};
use huiliu_core::documents::inspect;
use huiliu_core::model::{Channel, Class, RecordId, Sensitivity, Value, dictionary};
use huiliu_core::sync::message::{self, Message};
use huiliu_core::sync::person_keys::{Kept, Keys, MOST_KEYS, Wants};
use huiliu_core::sync::seal::{self, Carried, DivisionKey, KeyId, Wrap, open_with, seal_to};
use huiliu_core::sync::session::Session;
use huiliu_core::sync::{DeviceId, Entry, EntryKind, PublicKey, Run};
use std::collections::BTreeSet;

impl Replica {
    /// Hands over, before a batch: on a node all that the hub has not been handed, on a hub the keys of the records
    /// that begin or arrive in these runs, and of those of which another key may have come since.
    pub(crate) fn hand_keys(
        &mut self,
        id: SessionId,
        session: &Session,
        runs: &[Run],
    ) -> Result<(), ReplicaError> {
        match self.role() {
            Role::Node => self.hand_unsent(id, session).map(|_| ()),
            Role::Hub => {
                let has_several = |entry: &Entry| {
                    entry.envelope.as_ref().is_some_and(|it| self.keychain.has_several(&it.record))
                };
                let needs = |entry: &&Entry| match entry.kind {
                    EntryKind::ARRIVED => true,
                    EntryKind::EDIT => {
                        inspect(&entry.payload).is_ok_and(|info| info.deps.is_empty()) || has_several(entry)
                    }
                    _ => false,
                };
                let entries = runs.iter().filter(|run| run.feed.channel.class == Class::People);
                let entries = entries.flat_map(|run| &run.entries).filter(needs);
                let records: BTreeSet<RecordId> =
                    entries.filter_map(|entry| entry.envelope.as_ref()).map(|it| it.record).collect();
                self.hand_wraps(id, session, records)
            }
        }
    }

    /// Node: hands the hub what is new here, and division keys to devices that may hold them since. Whether there was any.
    pub(crate) fn hand_unsent(&mut self, id: SessionId, session: &Session) -> Result<bool, ReplicaError> {
        self.carry_for_devices();
        self.save_keys()?;
        let unsent = self.keychain.take_unsent();
        if unsent.is_empty() {
            return Ok(false);
        }
        for part in unsent.chunks(MOST_KEYS) {
            let mut keys = Keys::default();
            for kept in part {
                match kept {
                    Kept::Division(key) if key.class == Sensitivity::Personal => {
                        keys.divisions.push(key.clone())
                    }
                    Kept::Carried(carried) => keys.carried.push(carried.clone()),
                    Kept::Wrap(wrap) => keys.wraps.push(wrap.clone()),
                    _ => {}
                }
            }
            self.send_keys(id, session.peer(), &keys);
        }
        self.handed.entry(id).or_default().extend(unsent);
        Ok(true)
    }

    /// Node: what was handed over in a session is the hub's once both are level. The note of it covers all that is kept
    /// before it: while something was drawn since, or is on its way in another session, it waits for the next level, and
    /// a program that ends before hands some keys a second time.
    pub(crate) fn keys_arrived(&mut self, id: SessionId) -> Result<(), ReplicaError> {
        let has_arrived = self.handed.remove(&id).is_some();
        if has_arrived && self.handed.is_empty() && !self.keychain.has_unsent() {
            self.keychain.keep(Kept::Handed);
            self.save_keys()?;
        }
        Ok(())
    }

    /// Node: a session is gone, and nobody knows whether what was handed over in it has come.
    pub(crate) fn keys_came_back(&mut self, id: SessionId) {
        let unsure = self.handed.remove(&id).unwrap_or_default();
        self.keychain.unsend(unsure);
    }

    /// Seals the secret keys that are here to the devices that may hold them and have not got them.
    fn carry_for_devices(&mut self) {
        let secret = self.keychain.division_keys().filter(|key| key.class == Sensitivity::Secret);
        let secret: Vec<DivisionKey> = secret.cloned().collect();
        let me = self.device();
        let devices: Vec<(DeviceId, PublicKey, _)> = self
            .authority()
            .devices()
            .filter(|(device, _)| **device != me)
            .map(|(device, grant)| (*device, grant.key.clone(), grant.division))
            .collect();
        self.carry_match_key(&devices);
        for key in &secret {
            let name = key.key.id();
            for (device, public, division) in &devices {
                let may = self.may_hold_secrets(*division, key.division);
                if !may || self.keychain.is_carried(device, &name) {
                    continue;
                }
                let mut random = [0; 32];
                (self.entropy)(&mut random);
                if let Some(bytes) = seal_to(public, random, &key.key.0) {
                    let (division, class) = (key.division, key.class);
                    let carried = Carried { device: *device, division, class, key: name, bytes };
                    self.keychain.keep(Kept::Carried(carried));
                }
            }
        }
    }

    /// Hub: hands a device the wrapped keys of records, and the division keys they lie under, as far as it may hold them.
    fn hand_wraps(
        &mut self,
        id: SessionId,
        session: &Session,
        records: BTreeSet<RecordId>,
    ) -> Result<(), ReplicaError> {
        let mut wraps: Vec<Wrap> = Vec::new();
        for wrap in records.iter().flat_map(|record| self.keychain.wraps_of(record)) {
            wraps.extend(self.is_in_place(wrap)?.then(|| wrap.clone()));
        }
        if wraps.is_empty() {
            return Ok(());
        }
        self.save_keys()?;
        let under: BTreeSet<KeyId> = wraps.iter().map(|wrap| wrap.under).collect();
        for (at, part) in wraps.chunks(MOST_KEYS).enumerate() {
            let mut keys = Keys { wraps: part.to_vec(), ..Keys::default() };
            if at == 0 {
                self.put_division_keys(&mut keys, session.peer(), &under);
            }
            self.send_keys(id, session.peer(), &keys);
        }
        Ok(())
    }

    /// The keys of these names that a device may hold.
    fn put_division_keys(&self, keys: &mut Keys, device: DeviceId, names: &BTreeSet<KeyId>) {
        let held = names.iter().filter_map(|name| self.keychain.division_key(name));
        let may = |key: &&DivisionKey| {
            let channel = Channel::own(key.division, Class::People);
            key.class == Sensitivity::Personal && self.ledger.may_read(&device, channel)
        };
        keys.divisions.extend(held.filter(may).cloned());
        keys.carried.extend(self.keychain.carried_for(&device).filter(|it| names.contains(&it.key)).cloned());
    }

    /// Node: asks for the keys that are lacking here, once in a session and once more when another match key counts.
    /// Whether there was anything to ask for.
    pub(crate) fn ask_for_keys(&mut self, id: SessionId, session: &Session) -> Result<bool, ReplicaError> {
        let matching = self.missing_match_key();
        if self.asked_keys.insert(id, matching) == Some(matching) {
            return Ok(false);
        }
        let missing = self.keychain.missing_keys();
        let wants = Wants {
            city: false,
            divisions: matching.into_iter().chain(missing).take(MOST_KEYS).collect(),
            records: self.keyless()?,
        };
        let asks = wants != Wants::default();
        self.send_keys(id, session.peer(), &Keys { wants, ..Keys::default() });
        Ok(asks)
    }

    /// Records with a sealed field for which no key is wrapped under their owner's key.
    fn keyless(&self) -> Result<Vec<RecordId>, ReplicaError> {
        let mut found = Vec::new();
        for kind in dictionary::kinds().iter().filter(|kind| kind.fields.iter().any(|it| it.is_sealed())) {
            self.each_row(kind, |id, row| {
                let lacks = row.fields.iter().any(|(name, value)| {
                    let class = kind.field(name).map_or(Sensitivity::Personal, |field| field.sensitivity);
                    let may = class == Sensitivity::Personal
                        || self.may_hold_secrets(self.home.division, row.division);
                    let mut wraps = self.keychain.wraps_of(&id);
                    let wrapped = wraps.any(|wrap| wrap.class == class && wrap.division == row.division);
                    matches!(value, Value::Sealed(_)) && may && !wrapped
                });
                found.extend(lacks.then_some(id));
                found.len() < MOST_KEYS
            })?;
        }
        Ok(found)
    }

    fn send_keys(&mut self, id: SessionId, peer: DeviceId, keys: &Keys) {
        let known = self.authority().last_grant_of(&peer).map(|(_, grant)| grant.key.clone());
        let root = &self.home.root;
        let public = if root.device() == peer { Some(root.clone()) } else { known };
        let mut random = [0; 32];
        (self.entropy)(&mut random);
        let clear = keys.encode();
        if let Some(sealed) = public.filter(|_| !keys.is_empty()).and_then(|it| seal_to(&it, random, &clear))
        {
            self.effects.push_back(Effect::Frame(id, message::encode(&Message::Keys(sealed))));
        }
    }

    /// Keys have come: they are durable before the entries that need them are acknowledged. False if it was no message.
    pub(crate) fn take_keys(
        &mut self,
        id: SessionId,
        session: &Session,
        sealed: &[u8],
    ) -> Result<bool, ReplicaError> {
        let opened = open_with(&self.key, sealed);
        let Some(keys) = opened.and_then(|clear| postcard::from_bytes::<Keys>(&clear).ok()) else {
            return Ok(false);
        };
        let from_hub = session.peer() == self.home.root.device();
        let (me, peer) = (self.device(), session.peer());
        if let Some(city) = keys.city.filter(|_| from_hub) {
            self.keychain.keep(Kept::City(city));
        }
        let may = |division| from_hub || self.ledger.may_read(&peer, Channel::own(division, Class::People));
        let mut wraps: Vec<Wrap> = Vec::new();
        for wrap in keys.wraps.into_iter().filter(|wrap| may(wrap.division)) {
            let placed = self.has_bug("sealed under any key of the record") || self.is_in_place(&wrap)?;
            wraps.extend(placed.then_some(wrap));
        }
        let divisions: Vec<DivisionKey> =
            keys.divisions.into_iter().filter(|key| may(key.division)).collect();
        let carried: Vec<Carried> = keys.carried.into_iter().filter(|it| may(it.division)).collect();
        for key in divisions {
            self.keychain.keep(Kept::Division(key));
        }
        let mut new = Vec::new();
        for carried in carried {
            if carried.device == me {
                let key = open_with(&self.key, &carried.bytes).and_then(|key| key.try_into().ok());
                // What is not the key that it is called is nothing.
                let Some(key) = key.map(seal::Key).filter(|key| key.id() == carried.key) else { continue };
                let (division, class) = (carried.division, carried.class);
                self.keychain.keep(match class {
                    Sensitivity::Open => Kept::Match(key),
                    _ => Kept::Division(DivisionKey { division, class, key }),
                });
            }
            if from_hub || self.keychain.brings(peer, &carried) {
                let is_new = self.keychain.keep(Kept::Carried(carried.clone()));
                new.extend(is_new.then_some(carried));
            }
        }
        for wrap in wraps {
            self.keychain.keep(Kept::Wrap(wrap));
        }
        self.forget_people();
        self.save_keys()?;
        self.hand_on(&new);
        self.answer_wants(id, session, &keys.wants)?;
        Ok(true)
    }

    /// Hub: hands the match key that counts to the devices for which it came and that have a session now: they may have
    /// asked before it was there. Other keys wait until they are asked for.
    fn hand_on(&mut self, carried: &[Carried]) {
        let named = self.named_match_key();
        let for_peer = |peer: DeviceId| {
            let theirs = carried.iter().filter(|one| one.device == peer && Some(one.key) == named);
            let theirs = theirs.cloned().collect();
            Keys { carried: theirs, ..Keys::default() }
        };
        let here = self.sessions.iter().map(|(id, session)| (*id, session.peer()));
        let all: Vec<(SessionId, DeviceId, Keys)> =
            here.filter(|_| self.role() == Role::Hub).map(|(id, peer)| (id, peer, for_peer(peer))).collect();
        all.iter().for_each(|(id, peer, keys)| self.send_keys(*id, *peer, keys));
    }

    /// Hub: answers what a node lacks, as far as it may have it.
    fn answer_wants(&mut self, id: SessionId, session: &Session, wants: &Wants) -> Result<(), ReplicaError> {
        let granted = self.authority().grant_of(&session.peer()).is_some();
        if self.role() != Role::Hub || !granted || *wants == Wants::default() {
            return Ok(());
        }
        let peer = session.peer();
        let city = self.keychain.city().filter(|_| wants.city).cloned();
        let mut keys = Keys { city, ..Keys::default() };
        self.put_division_keys(&mut keys, peer, &wants.divisions.iter().copied().collect());
        self.send_keys(id, session.peer(), &keys);
        let mut records = BTreeSet::new();
        for record in wants.records.iter().take(MOST_KEYS) {
            let stay = self.current_stay(record)?;
            let may = stay.is_some_and(|stay| self.ledger.may_read(&peer, stay.channel));
            records.extend(may.then_some(*record));
        }
        self.hand_wraps(id, session, records)
    }
}
