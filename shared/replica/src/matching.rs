//! Whether two counties have one person: each county's devices write a keyed hash of the identity number beside it, under
//! a match key that the counties hold and the hub does not. The hub carries the key, sealed to county devices, and
//! compares hashes; a hash of a number it cannot make.
//!
//! A county device that keeps numbers and finds no key draws one and offers its name in its county's channel. The hub
//! names the first offer it takes up, and that one alone counts until it names another. Until a county has the key, saving
//! works; what is missing is written when the key has come.

use crate::edit::{Outcome, RecordEdit};
use crate::error::ReplicaError;
use crate::reads::Purpose;
use crate::replica::{Replica, Role};
use huiliu_core::documents::Verdict;
use huiliu_core::model::dictionary;
use huiliu_core::model::{Channel, Class, DivisionCode, Fields, Level, RecordId, Value};
use huiliu_core::sync::control::{self, MatchChosen, MatchOffered};
use huiliu_core::sync::person_keys::Kept;
use huiliu_core::sync::seal::{Carried, Key, KeyId, match_of, matched_under, seal_to};
use huiliu_core::sync::{DeviceId, Entry, EntryKind, FeedId, PublicKey};
use std::collections::BTreeMap;

/// Which match key counts, as the hub and the counties have said.
#[derive(Default)]
pub(crate) struct Matching {
    /// What counties have offered: the key's name and the one it shall replace.
    offers: BTreeMap<KeyId, (DivisionCode, Option<KeyId>)>,
    /// What the hub has named, in the order of its stamps.
    chosen: BTreeMap<(u64, KeyId), DivisionCode>,
}

/// How it stands at a county with the match key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MatchKey {
    /// The hub has named none yet: the first county that keeps a number offers one.
    Unnamed,
    /// This county has offered one in place of the one that counts, and waits for the hub.
    Offered,
    /// The one that counts has not come yet.
    Missing,
    /// The one that counts is here.
    Here,
}

/// So many hashes are written at a time.
const MOST_AT_ONCE: usize = 500;

impl Matching {
    /// The key that counts.
    pub(crate) fn current(&self) -> Option<KeyId> {
        self.chosen.keys().next_back().map(|(_, key)| *key)
    }

    /// Takes in an offer that stands in a county's channel. One that replaces another key than the one that counts when it
    /// comes is none: else a county could have key after key taken up that nobody holds.
    fn offered(&mut self, county: DivisionCode, offer: &MatchOffered) {
        if offer.replaces.is_some() && offer.replaces != self.current() {
            return;
        }
        self.offers.entry(offer.key).or_insert((county, offer.replaces));
    }

    /// Takes in the hub's choice.
    fn chose(&mut self, at: u64, choice: &MatchChosen) {
        self.chosen.insert((at, choice.key), choice.county);
    }

    /// Hub: the offer to take up. The first, and then those that replace the one that counts.
    fn wanted(&self) -> Option<MatchChosen> {
        let current = self.current();
        let mut fitting = self.offers.iter().filter(|(key, (_, replaces))| {
            *replaces == current && !self.chosen.keys().any(|(_, chosen)| chosen == *key)
        });
        fitting.next().map(|(key, (county, _))| MatchChosen { key: *key, county: *county })
    }

    /// Whether a county waits for the hub to choose.
    fn has_offer_of(&self, county: DivisionCode, replaces: Option<KeyId>) -> bool {
        let is_open = |key: &KeyId| !self.chosen.keys().any(|(_, chosen)| chosen == key);
        self.offers.iter().any(|(key, offer)| *offer == (county, replaces) && is_open(key))
    }
}

impl Replica {
    /// The county whose match keys this replica holds: only a county's own devices write hashes.
    fn matching_county(&self) -> Option<DivisionCode> {
        let is_county = self.role() == Role::Node && self.division().level() == Level::County;
        is_county.then(|| self.division())
    }

    /// How it stands with the match key; `None` where none is kept, in townships and at the hub.
    pub fn match_key_state(&self) -> Option<MatchKey> {
        let county = self.matching_county()?;
        Some(match self.matching.current() {
            None => MatchKey::Unnamed,
            Some(current) if self.matching.has_offer_of(county, Some(current)) => MatchKey::Offered,
            Some(current) if self.keychain.match_key(&current).is_some() => MatchKey::Here,
            Some(_) => MatchKey::Missing,
        })
    }

    /// The name of the match key that counts, as the hub has said.
    pub fn named_match_key(&self) -> Option<KeyId> {
        self.matching.current()
    }

    /// The match key that counts, if it is here.
    pub(crate) fn match_key(&self) -> Option<&Key> {
        self.matching_county()?;
        let current = self.matching.current()?;
        if self.has_bug("a county matches under any key it has") {
            return self.keychain.any_match_key();
        }
        self.keychain.match_key(&current)
    }

    /// The name of the match key that counts and is to be here and is not.
    pub(crate) fn missing_match_key(&self) -> Option<KeyId> {
        self.matching_county()?;
        self.matching.current().filter(|key| self.keychain.match_key(key).is_none())
    }

    /// What is written beside an identity number: its hash, or nothing as long as no key is here. `owner`: whose record.
    pub(crate) fn match_for(&self, number: &Value, owner: DivisionCode) -> Value {
        let county = self.matching_county().filter(|county| self.county_of(owner) == *county);
        match (number, self.match_key().filter(|_| county.is_some())) {
            (Value::Text(number), Some(key)) => Value::Text(match_of(key, number)),
            _ => Value::Null,
        }
    }

    /// An offer or a choice has come.
    pub(crate) fn apply_matching(&mut self, feed: &FeedId, entry: &Entry) {
        let at = entry.envelope.as_ref().map_or(0, |envelope| envelope.stamp.at.0);
        match entry.kind {
            EntryKind::MATCH_OFFERED => {
                let offer = control::decode::<MatchOffered>(&entry.payload);
                let of_county = feed.channel.division.level() == Level::County
                    && self
                        .authority()
                        .last_grant_of(&feed.device)
                        .is_some_and(|(_, grant)| grant.division == feed.channel.division);
                if let Some(offer) = offer.filter(|_| of_county) {
                    self.matching.offered(feed.channel.division, &offer);
                }
            }
            _ if self.authority().is_control(feed) => {
                if let Some(choice) = control::decode::<MatchChosen>(&entry.payload) {
                    self.matching.chose(at, &choice);
                }
            }
            _ => {}
        }
    }

    /// Hub: takes up an offer, with the next commit.
    pub(crate) fn choose_match_key(&mut self) {
        if self.role() != Role::Hub {
            return;
        }
        let control = self.authority().control();
        let staged = self.staged.get(&control).into_iter().flatten();
        let is_staged = staged.into_iter().any(|entry| entry.kind == EntryKind::MATCH_CHOSEN);
        let wanted = self.matching.wanted();
        if let Some(choice) = wanted.filter(|_| !is_staged && self.own_grant(control).is_ok()) {
            let stamp = self.stamp("huiliu", 0);
            self.stage_entry(control, EntryKind::MATCH_CHOSEN, stamp, control::encode(&choice));
        }
    }

    /// County: draws a match key and offers it, to be the first or in place of the one that counts.
    pub fn offer_match_key(&mut self, now: u64) -> Result<(), ReplicaError> {
        let Some(county) = self.matching_county() else { return Ok(()) };
        let channel = Channel::own(county, Class::Open);
        self.own_grant(channel)?;
        let (key, replaces) = (self.draw_key(), self.matching.current());
        let offer = MatchOffered { key: key.id(), replaces };
        self.keychain.keep(Kept::Match(key));
        let stamp = self.stamp("huiliu", now);
        self.stage_entry(channel, EntryKind::MATCH_OFFERED, stamp, control::encode(&offer));
        self.commit_granted().map(|_| ())
    }

    /// County, level with the hub: offers a key if there is none, and writes the hashes that are missing. Whether anything
    /// was written: the caller, who knows when both are level, then waits until they are once more.
    pub fn match_people(&mut self, now: u64) -> Result<bool, ReplicaError> {
        // What somebody has staged is theirs to commit: this waits for another visit.
        let staged = self.staged.values().flatten().any(|entry| entry.kind == EntryKind::EDIT);
        let may = !self.is_read_only() && !staged;
        let Some(county) = self.matching_county().filter(|_| may) else { return Ok(false) };
        if self.matching.current().is_none() {
            let waits = self.matching.has_offer_of(county, None) || !self.has_numbers()?;
            if !waits {
                self.offer_match_key(now)?;
            }
            return Ok(!waits);
        }
        let mut wrote = false;
        for (id, hash) in self.unmatched()? {
            let fields = Fields::from([("id_match".to_owned(), Value::Text(hash))]);
            match self.stage_wish(&RecordEdit::Set { id, fields }, "huiliu", now) {
                Ok(outcome) => wrote |= matches!(outcome, Outcome::Changed(_)),
                // A record that is not whole is somebody's to mend, and no reason to stop here.
                Err(ReplicaError::Problems(_) | ReplicaError::Gate(Verdict::TooLarge)) => {}
                Err(error) => return Err(error),
            }
        }
        self.commit_granted()?;
        Ok(wrote)
    }

    /// Whether anybody's identity number is kept here: else nothing is to be matched.
    fn has_numbers(&self) -> Result<bool, ReplicaError> {
        let Some(kind) = dictionary::kind("person") else { return Ok(false) };
        let mut found = false;
        self.each_row(kind, |_, row| {
            found = row.fields.get("id_number").is_some_and(|number| !number.is_null());
            !found
        })?;
        Ok(found)
    }

    /// The people of the county whose hash is missing, or under another key, with the hash.
    fn unmatched(&self) -> Result<Vec<(RecordId, String)>, ReplicaError> {
        let (Some(key), Some(kind)) = (self.match_key(), dictionary::kind("person")) else {
            return Ok(Vec::new());
        };
        let (name, mut found) = (key.id(), Vec::new());
        self.each_row(kind, |id, row| {
            let is_under = row.fields.get("id_match").and_then(Value::text).and_then(matched_under);
            let ours = self.county_of(row.division) == self.division();
            if let Some(number) = row.fields.get("id_number").filter(|_| ours && is_under != Some(name))
                && let Value::Text(number) =
                    self.open_field(kind, &id, "id_number", number, Some(&Purpose::Comparing))
            {
                found.push((id, match_of(key, &number)));
            }
            found.len() < MOST_AT_ONCE
        })?;
        Ok(found)
    }

    /// Seals the match key that counts, if it is here, to the county devices that have not got it.
    pub(crate) fn carry_match_key(&mut self, devices: &[(DeviceId, PublicKey, DivisionCode)]) {
        let Some(key) = self.match_key().cloned() else { return };
        let (county, name) = (self.division(), key.id());
        let counties = devices.iter().filter(|(_, _, division)| division.level() == Level::County);
        for (device, public, _) in counties {
            if self.keychain.is_carried(device, &name) {
                continue;
            }
            let mut random = [0; 32];
            (self.entropy)(&mut random);
            if let Some(bytes) = seal_to(public, random, &key.0) {
                let class = huiliu_core::model::Sensitivity::Open;
                let carried = Carried { device: *device, division: county, class, key: name, bytes };
                self.keychain.keep(Kept::Carried(carried));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn county(code: &str) -> DivisionCode {
        code.parse().unwrap()
    }

    fn take_up(matching: &mut Matching, at: u64) -> Option<KeyId> {
        let choice = matching.wanted()?;
        matching.chose(at, &choice);
        Some(choice.key)
    }

    #[test]
    fn of_two_offers_that_were_made_apart_one_counts() {
        let mut matching = Matching::default();
        matching.offered(county("330203"), &MatchOffered { key: [2; 8], replaces: None });
        assert_eq!(take_up(&mut matching, 1), Some([2; 8]));
        matching.offered(county("330281"), &MatchOffered { key: [1; 8], replaces: None });
        assert_eq!(take_up(&mut matching, 2), None, "the first alone counts");
        assert_eq!(matching.current(), Some([2; 8]));
    }

    #[test]
    fn of_a_chain_of_offers_that_come_at_once_one_is_taken_up() {
        let mut matching = Matching::default();
        let mut replaces = None;
        for key in 1..=5 {
            matching.offered(county("330203"), &MatchOffered { key: [key; 8], replaces });
            replaces = Some([key; 8]);
        }
        assert_eq!(take_up(&mut matching, 1), Some([1; 8]));
        assert_eq!(take_up(&mut matching, 2), None, "the others replaced what did not count when they came");
        // Who says the name of a key that was chosen before has offered none.
        matching.offered(county("330281"), &MatchOffered { key: [9; 8], replaces: Some([1; 8]) });
        assert_eq!(take_up(&mut matching, 3), Some([9; 8]));
        matching.offered(county("330281"), &MatchOffered { key: [1; 8], replaces: Some([9; 8]) });
        assert!(!matching.has_offer_of(county("330281"), Some([9; 8])));
    }

    #[test]
    fn a_key_that_is_lost_is_replaced_and_none_comes_back() {
        let mut matching = Matching::default();
        matching.offered(county("330203"), &MatchOffered { key: [2; 8], replaces: None });
        take_up(&mut matching, 1);
        matching.offered(county("330281"), &MatchOffered { key: [1; 8], replaces: Some([2; 8]) });
        assert_eq!(take_up(&mut matching, 2), Some([1; 8]));
        assert_eq!((matching.current(), take_up(&mut matching, 3)), (Some([1; 8]), None));
    }
}
