//! A joined device that stays within its grant and wants more: it names what it may not see, wraps keys for people of
//! others, carries noise under the names of keys, and says that it repeats what another wrote. And those above, who
//! accept what is offered to a place of theirs.

use super::members::kind_of;
use super::people::Wish;
use super::play::Play;
use super::values;
use crate::harness::watch::may_see;
use crate::harness::world::HUB;
use huiliu_core::model::{Channel, RecordId, Sensitivity, Value};
use huiliu_core::sync::Origin;
use huiliu_core::sync::message::{Message, encode};
use huiliu_core::sync::person_keys::Keys;
use huiliu_core::sync::seal::{Carried, DivisionKey, Key, KeyId, matched_under, seal_to, wrap};
use huiliu_replica::RecordEdit;
use huiliu_store::rows::ChangeRow;
use huiliu_store::{Working, keys};

/// The kinds that people offer to other owners.
const OFFERED: [&str; 5] = ["social_org", "party_org", "person", "affiliation", "engagement"];

impl Play {
    /// An insider tries one thing.
    pub(super) fn pry(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        match rng.u8(..6) {
            0 | 1 => self.name_elsewhere(name, rng),
            2 | 3 => self.plant_key(name, rng),
            4 => self.speak_for_another(name, rng),
            _ => self.carry_noise(name, rng),
        }
        self.count("pried");
    }

    /// A member of a branch, or somebody at work, of which only the name or number is known and not whose it is.
    fn name_elsewhere(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let people = self.shown(name, "person");
        let Some((person, _)) = rng.choice(&people) else { return };
        let person = ("person".to_owned(), Value::of(person.to_string()));
        let wish = if rng.bool() {
            let branch = Value::of(format!("name:中共第{}支部", rng.u8(..4)));
            let from =
                Value::of(format!("20{:02}-01-{:02}", self.next_edit / 28 % 40, 1 + self.next_edit % 28));
            let named = [("party_org".to_owned(), branch), ("from".to_owned(), from)];
            self.wish(name, "affiliation", named.into_iter().chain([person]).collect())
        } else {
            let authority = *rng.choice(&["3302", "330203", "330281"]).unwrap_or(&"3302");
            let code = Value::of(format!("uscc:{}", values::uscc(authority, rng.u32(..3))));
            let full_time = ("full_time".to_owned(), Value::Bool(rng.bool()));
            let post = ("post".to_owned(), Value::of(format!("干事{}", self.next_edit)));
            let named = [("social_org".to_owned(), code), full_time, post];
            self.wish(name, "engagement", named.into_iter().chain([person]).collect())
        };
        if self.stage(name, wish) {
            self.commit(name);
            self.count("named elsewhere");
        }
    }

    /// The ids of people are known to who has ever had their record, or an engagement that names them.
    fn somebody(&self, rng: &mut fastrand::Rng) -> Option<RecordId> {
        let people = self.model.records.iter().filter(|(_, record)| record.kind == "person");
        let ids: Vec<RecordId> = people.map(|(id, _)| *id).collect();
        rng.choice(&ids).copied()
    }

    fn plant_key(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let Some(record) = self.somebody(rng) else { return };
        let class = if rng.bool() { Sensitivity::Personal } else { Sensitivity::Secret };
        let (mut under, mut key) = ([0; 32], [0; 32]);
        rng.fill(&mut under);
        // Low and high: of several the lowest or the highest might be taken.
        key[0] = rng.u8(..);
        let under = DivisionKey { division: self.world.machines[name].division, class, key: Key(under) };
        let wraps = vec![wrap(&under, &record, &Key(key))];
        let divisions = if class == Sensitivity::Personal { vec![under] } else { Vec::new() };
        self.hand(name, &Keys { divisions, wraps, ..Keys::default() }, rng);
    }

    fn carry_noise(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let known = self
            .shown(HUB, "person")
            .into_iter()
            .find_map(|(_, row)| row.fields.get("id_match").and_then(Value::text).and_then(matched_under));
        let to = self.names[rng.usize(..self.names.len())];
        self.carry(name, to, known.unwrap_or([rng.u8(..); 8]), rng);
    }

    /// Somebody hands the hub noise under the name of a match key, for another device.
    pub(super) fn carry(
        &mut self,
        name: &'static str,
        to: &'static str,
        key: KeyId,
        rng: &mut fastrand::Rng,
    ) {
        let to = self.world.machines[to].key();
        let Some(bytes) = seal_to(&to.public(), [rng.u8(..); 32], &[rng.u8(..); 32]) else { return };
        let (device, division) = (to.device(), self.world.machines[name].division);
        let noise = Carried { device, division, class: Sensitivity::Open, key, bytes };
        self.hand(name, &Keys { carried: vec![noise], ..Keys::default() }, rng);
    }

    fn hand(&mut self, name: &'static str, keys: &Keys, rng: &mut fastrand::Rng) {
        if !self.world.is_connected(name) || self.world.revoked.contains(name) {
            return;
        }
        let mut random = [0; 32];
        rng.fill(&mut random);
        let hub = self.world.machines[HUB].key().public();
        if let Some(sealed) = seal_to(&hub, random, &keys.encode()) {
            self.world.inject(name, HUB, encode(&Message::Keys(sealed)));
        }
    }

    /// An edit that says it repeats another device's, and writes something else.
    fn speak_for_another(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let own = self.world.machines[name].key().device();
        let index = Working::new(Box::new(self.world.machines[name].index.clone()));
        let mut chance = rng.fork();
        let origin = |record: &RecordId| {
            let all = [keys::all_changes(), record.0.to_vec()].concat();
            let rows = index.list::<ChangeRow>(&all).expect("the index reads").into_iter();
            let theirs: Vec<ChangeRow> =
                rows.map(|(_, row)| row).filter(|row| row.feed.device != own).collect();
            chance.choice(&theirs).map(|row| Origin {
                feed: row.feed,
                number: row.number,
                branch: row.envelope.branch,
                change: row.hash,
            })
        };
        if self.write_elsewhere(name, "address", Vec::new(), origin, rng).is_some() {
            self.count("spoken for");
        }
    }

    /// Somebody who may write at both ends accepts what is offered.
    pub(super) fn accept(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        self.commit(name);
        let own = self.world.machines[name].division;
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return };
        let mut offers: Vec<(&'static str, RecordId)> = Vec::new();
        for kind in OFFERED {
            let listed = replica.offers(kind_of(kind), own).expect("the index reads");
            let ours =
                listed.into_iter().filter(|(_, _, to)| may_see(own, Channel::own(*to, kind_of(kind).class)));
            offers.extend(ours.map(|(id, ..)| (kind, id)));
        }
        let Some((kind, record)) = rng.choice(&offers).copied() else { return };
        let row = replica.row(kind_of(kind), &record).expect("the index reads");
        let fields = row.map(|row| row.fields).unwrap_or_default();
        let named = kind_of(kind).owner_fields().iter();
        let writes =
            named.filter_map(|field| Some(((*field).to_owned(), fields.get(*field)?.clone()))).collect();
        let (id, channel) = (self.new_edit(), self.place_of(name, &record));
        let edit = RecordEdit::Accept { id: record };
        if self.stage(name, Wish { id, record: Some(record), kind, channel, writes, edit }) {
            self.commit(name);
            self.count("accepted");
        }
    }
}
