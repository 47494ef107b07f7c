//! People, the branches they belong to and the organizations they work at: made, changed, and moved from branch to
//! branch. What is sealed the model takes as it was written; that it is read where it may be is an oracle of its own.

use super::holdings::Holding;
use super::people::Wish;
use super::play::{Play, Staged};
use super::reference::EditId;
use super::schedule::REPLICAS;
use crate::harness::watch::may_see;
use crate::harness::world::HUB;
use huiliu_core::documents::writes;
use huiliu_core::model::check_characters::citizen_check;
use huiliu_core::model::rules::affiliation::formal;
use huiliu_core::model::{Channel, Class, Date, Fields, Kind, Level, RecordId, Value, dictionary};
use huiliu_core::sync::seal::matched_under;
use huiliu_replica::RecordEdit;
use huiliu_replica::matching::MatchKey;
use huiliu_replica::reads::Purpose;
use huiliu_store::rows::Row;
use std::collections::BTreeMap;

/// The kinds whose records name others, are sealed, or lie where others lie.
pub(super) const KINDS: [&str; 4] = ["party_org", "person", "affiliation", "engagement"];
/// With these every phone and every identity number begins that somebody writes here.
pub(super) const CANARIES: [&str; 2] = ["000998", "330299"];
/// The days on which a formal affiliation is asked for.
const DAYS: [(u16, u8, u8); 3] = [(2001, 1, 1), (2015, 6, 30), (2040, 1, 1)];

/// An identity number that nobody has: area 330299 is not given out.
fn citizen_id(edit: EditId) -> String {
    let first =
        format!("330299{}{:02}{:02}{:03}", 1950 + edit % 50, 1 + edit % 12, 1 + edit % 28, edit % 1000);
    let last = citizen_check(&first).expect("seventeen digits");
    format!("{first}{last}")
}

fn day(edit: EditId) -> Value {
    Value::of(format!("20{:02}-{:02}-{:02}", edit % 40, 1 + edit % 12, 1 + edit % 28))
}

fn month(edit: EditId) -> Value {
    Value::of(format!("19{:02}-{:02}", 10 + edit % 80, 1 + edit % 12))
}

/// After every first day.
fn last_day(edit: EditId) -> Value {
    Value::of(format!("20{:02}-{:02}-{:02}", 40 + edit % 50, 1 + edit % 12, 1 + edit % 28))
}

fn fields(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Fields {
    pairs.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

/// What somebody changes in a record of one of these kinds.
pub(super) fn change(kind: &str, edit: EditId, rng: &mut fastrand::Rng) -> Fields {
    let text = |what: &str| Value::of(format!("{what}{edit}"));
    let choices = match kind {
        "party_org" => {
            [("approval_doc", text("月党")), ("approved_by", text("党工委")), ("founded_on", day(edit))]
        }
        // What others copy is told in stories: an edit of it is one of several records.
        "person" => [("phone", text("000998")), ("birth_ym", month(edit)), ("phone", text("0009980"))],
        "affiliation" => [0, 1, 2].map(|nth| ("from", day(3 * edit + nth))),
        _ => {
            [("post", text("干事")), ("from", day(edit)), ("full_time", Value::Bool(edit.is_multiple_of(2)))]
        }
    };
    let count = rng.usize(1..=2);
    fields((0..count).map(|_| choices[rng.usize(..choices.len())].clone()))
}

impl Play {
    /// Where a replica makes people and branches.
    fn some_division(&self, name: &str, rng: &mut fastrand::Rng) -> String {
        let own = self.world.machines[name].division.to_string();
        let all = ["330203", "330203004", "330281", "330281001"];
        let below: Vec<&str> = all.into_iter().filter(|division| division.starts_with(&own)).collect();
        rng.choice(&below).map_or(own.clone(), |division| (*division).to_owned())
    }

    pub(super) fn wish(&mut self, name: &'static str, kind: &'static str, fields: Fields) -> Wish {
        let class = dictionary::kind(kind).expect("a kind of the dictionary").class;
        let place = self.world.machines[name].division;
        let edit = RecordEdit::New { kind: kind.into(), fields: fields.clone(), owner: None, strict: false };
        let id = self.new_edit();
        Wish { id, record: None, kind, channel: Channel::own(place, class), writes: fields, edit }
    }

    /// Somebody comes into the list of people, or a branch is founded.
    pub(super) fn enrol(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let division = self.some_division(name, rng);
        let edit = self.next_edit;
        let wish = if rng.u8(..3) == 0 {
            let given = [
                ("division", Value::of(division)),
                ("full_name", Value::of(format!("中共第{}支部", edit % 4))),
                ("org_kind", Value::of("BRANCH")),
                ("approved_by", Value::of("党工委")),
                ("approval_doc", Value::of(format!("月党{edit}号"))),
                ("approved_on", Value::of("2018-05-21")),
            ];
            self.wish(name, "party_org", fields(given))
        } else {
            let kind = if edit.is_multiple_of(3) { "PROB" } else { "FULL" };
            let mut given = fields([
                ("division", Value::of(division)),
                ("name", Value::of(format!("甲{edit}"))),
                ("member_kind", Value::of(kind)),
                ("joined_on", day(edit)),
            ]);
            // Whose number is known: now and then two people write the same one. The hub cannot write it.
            if name != HUB && rng.bool() {
                given.insert("id_number".to_owned(), Value::of(citizen_id(edit / 2)));
            }
            self.wish(name, "person", given)
        };
        if self.stage(name, wish) {
            self.commit(name);
            self.count("enrolled");
        }
    }

    /// A person is received into a branch; who belongs to another leaves that first.
    pub(super) fn affiliate(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let (people, branches) = (self.shown(name, "person"), self.shown(name, "party_org"));
        let (Some((person, _)), Some((branch, _))) = (rng.choice(&people), rng.choice(&branches)) else {
            return;
        };
        let edit = self.next_edit;
        for (old, fields_of) in self.affiliations(name, person) {
            if fields_of.get("to").is_none_or(Value::is_null) {
                let id = self.new_edit();
                let (channel, left) = (self.place_of(name, &old), fields([("to", last_day(edit))]));
                let wish = RecordEdit::Set { id: old, fields: left.clone() };
                let wish =
                    Wish { id, record: Some(old), kind: "affiliation", channel, writes: left, edit: wish };
                if !self.stage(name, wish) {
                    return;
                }
                self.count("left a branch");
            }
        }
        let given = fields([
            ("person", Value::of(person.to_string())),
            ("party_org", Value::of(branch.to_string())),
            ("from", day(edit)),
        ]);
        let wish = self.wish(name, "affiliation", given);
        if self.stage(name, wish) {
            self.count("received into a branch");
        }
        self.commit(name);
    }

    /// A person works at an organization.
    pub(super) fn engage(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let (people, organizations) = (self.shown(name, "person"), self.shown(name, "social_org"));
        let (Some((person, _)), Some((organization, _))) = (rng.choice(&people), rng.choice(&organizations))
        else {
            return;
        };
        let full_time = rng.bool();
        let given = fields([
            ("person", Value::of(person.to_string())),
            ("social_org", Value::of(organization.to_string())),
            ("full_time", Value::Bool(full_time)),
            ("post", Value::of(format!("干事{}", self.next_edit))),
        ]);
        let wish = self.wish(name, "engagement", given);
        if self.stage(name, wish) {
            self.commit(name);
            self.count("engaged");
        }
    }

    /// The living records of a kind that a replica shows.
    pub(super) fn shown(&self, name: &str, kind: &'static str) -> Vec<(RecordId, Row)> {
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return Vec::new() };
        let mut shown = Vec::new();
        let looked = replica.each_row(kind_of(kind), |id, row| {
            shown.extend(row.deleted.is_none().then_some((id, row)));
            true
        });
        looked.expect("the index reads");
        shown
    }

    pub(super) fn affiliations(&self, name: &str, person: &RecordId) -> Vec<(RecordId, Fields)> {
        let replica = self.world.machines[name].replica.as_ref();
        replica.map(|replica| replica.affiliations_of(person).expect("the index reads")).unwrap_or_default()
    }

    /// Where there are people, what an edit wrote is taken as it stands in the journal: sealed, with what was derived and
    /// copied, and references by the records that they mean.
    pub(super) fn as_written(&self, name: &str, one: &mut Staged, holding: &Holding) {
        let Some(change) = holding.changes.get(&one.id).filter(|_| self.people) else { return };
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return };
        let found = replica.raw_change(&one.edit.record, change).expect("the index reads");
        if let Some((channel, raw)) = found {
            one.edit.channel = channel;
            one.edit.writes = writes(&raw).expect("a change that was saved");
        }
    }

    /// Count once: of the affiliations of a person with branches of a division, whoever sees that division takes the same
    /// for the formal one, and it is the one that the rule names.
    pub(super) fn check_affiliations(&mut self) {
        let mut wrong = Vec::new();
        for (year, month, day) in DAYS {
            let on = Date::new(year, month, day).expect("a day of the calendar");
            let mut said: BTreeMap<(&str, String), (&str, Option<RecordId>)> = BTreeMap::new();
            for name in self.names.iter().filter(|name| !self.world.revoked.contains(*name)) {
                let own = self.world.machines[name].division.to_string();
                for (_, division) in REPLICAS.iter().filter(|(_, division)| division.starts_with(&own)) {
                    for (person, found) in self.affiliated_in(name, division) {
                        let listed: Vec<(RecordId, &Fields)> =
                            found.iter().map(|(id, it)| (*id, it)).collect();
                        let one = formal(&listed, on);
                        if one != newest(&found, &on.to_string()) {
                            wrong.push(format!("{name} takes {one:?} for formal of {found:?} on {on}"));
                        }
                        let place = (*division, person.clone());
                        let (first, other) = said.entry(place).or_insert((*name, one));
                        if *other != one {
                            wrong.push(format!(
                                "on {on} {person} belongs in {division} by {other:?} at {first}, by {one:?} at {name}"
                            ));
                        }
                    }
                }
            }
        }
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// The affiliations that lie in a division and below it, as a replica shows them, by the person they name.
    fn affiliated_in(&self, name: &str, division: &str) -> BTreeMap<String, Vec<(RecordId, Fields)>> {
        let mut by_person: BTreeMap<String, Vec<(RecordId, Fields)>> = BTreeMap::new();
        for (id, row) in self.shown(name, "affiliation") {
            let person = row.fields.get("person").and_then(Value::text).unwrap_or_default().to_owned();
            if row.division.to_string().starts_with(division) {
                by_person.entry(person).or_default().push((id, row.fields));
            }
        }
        by_person
    }

    /// What stays in the county goes from the county to the hub for its townships, and to them when they next come.
    pub(super) fn hand_on_keys(&mut self) {
        for name in self.names.clone().into_iter().skip(1).cycle().take(2 * (self.names.len() - 1)) {
            self.world.connect(name);
            self.world.settle();
            self.world.match_people(name);
        }
    }

    /// A county replaces the match key, in some schedules, and all meet once more. Before they do somebody else hands the
    /// hub noise under the new key's name.
    pub(super) fn replace_match_key(&mut self) {
        let counties = self.counties();
        let Some(name) = counties.get(self.next_edit as usize % 3 * counties.len()).copied() else { return };
        self.world.call(name, |replica, now| replica.offer_match_key(now));
        self.world.connect(name);
        self.world.settle();
        let named = self.world.machines[HUB].replica.as_ref().and_then(|replica| replica.named_match_key());
        let mut rng = fastrand::Rng::with_seed(u64::from(self.next_edit));
        for liar in self.names.clone() {
            if liar != HUB {
                self.world.connect(liar);
            }
            for to in counties.iter().filter(|to| ![name, liar].contains(*to) && ![HUB, name].contains(&liar))
            {
                named.iter().for_each(|key| self.carry(liar, to, *key, &mut rng));
            }
        }
        self.world.settle();
        self.hand_on_keys();
        self.count("match key replaced");
    }

    /// The counties' nodes that may still speak.
    fn counties(&self) -> Vec<&'static str> {
        let county = |name: &&&'static str| self.world.machines[**name].division.level() == Level::County;
        let speaks = |name: &&&'static str| !self.world.revoked.contains(**name) && self.world.runs(name);
        self.names.iter().filter(county).filter(speaks).copied().collect()
    }

    /// Where one county has the key that the hub has named all have it, and no hash is left under another.
    pub(super) fn check_match_keys(&mut self) {
        let counties = self.counties();
        let state = |name: &&str| self.world.machines[*name].replica.as_ref()?.match_key_state();
        if !counties.iter().any(|name| state(name) == Some(MatchKey::Here)) {
            return;
        }
        let named = self.world.machines[HUB].replica.as_ref().and_then(|replica| replica.named_match_key());
        let mut wrong = Vec::new();
        for name in &counties {
            if state(name) != Some(MatchKey::Here) {
                wrong.push(format!("{name} has no match key: {:?}", state(name)));
            }
            let own = self.world.machines[name].division;
            let people = self.shown(name, "person").into_iter();
            let old = people.filter(|(_, row)| may_see(own, Channel::own(row.division, Class::People)));
            wrong.extend(old.filter_map(|(id, row)| {
                let hash = row.fields.get("id_match").and_then(Value::text)?;
                (matched_under(hash) != named).then(|| format!("{id} keeps {hash} at {name}"))
            }));
        }
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// Of two records with hashes of one key, the hashes are the same if and only if the numbers are; and no record keeps
    /// the hash of a number that it no longer has.
    pub(super) fn check_matches(&mut self) {
        let mut told: Vec<(RecordId, String, String)> = Vec::new();
        for name in self.names.iter().filter(|name| **name != HUB) {
            let Some(replica) = self.world.machines[name].replica.as_ref() else { continue };
            for (id, row) in self.shown(name, "person") {
                let Some(hash) = row.fields.get("id_match").and_then(Value::text) else { continue };
                let number = row.fields.get("id_number").unwrap_or(&Value::Null);
                let open = replica.open_field(
                    kind_of("person"),
                    &id,
                    "id_number",
                    number,
                    Some(&Purpose::Comparing),
                );
                match open {
                    Value::Text(number) => told.push((id, hash.to_owned(), number)),
                    Value::Sealed(_) => {}
                    _ => told.push((id, hash.to_owned(), String::new())),
                }
            }
        }
        let key = |hash: &str| hash.split_once(':').map(|(key, _)| key.to_owned());
        let mut wrong = Vec::new();
        for (at, (one, hash, number)) in told.iter().enumerate() {
            let others = told[at + 1..].iter().filter(|(_, other, _)| key(other) == key(hash));
            for (other, other_hash, other_number) in others {
                if (hash == other_hash) != (number == other_number) {
                    wrong.push(format!("{one} and {other} are matched by {hash} and {other_hash}"));
                }
            }
        }
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// Phones and identity numbers stand in clear on no disk.
    pub(super) fn check_sealed(&mut self) {
        for name in self.names.clone() {
            for canary in CANARIES {
                let disk = &self.world.machines[name].disk;
                let mut files = disk.files_with(canary.as_bytes());
                files
                    .extend(self.world.machines[name].index.holds(canary.as_bytes()).then(|| "index".into()));
                if !files.is_empty() {
                    self.fail(format!("{name} has {canary} in clear in {files:?}"));
                }
            }
        }
    }

    /// Names are read wherever their record is, numbers in the county and below, while it has not moved: these keys stay
    /// in their county. Where a disk was lost or set back, keys may have gone with it.
    pub(super) fn check_read(&mut self) {
        let whole = self.card.is_none() && self.damaged.is_empty() && !self.world.parted && self.was_fair();
        if !whole || !self.world.revoked.is_empty() {
            return;
        }
        let mut wrong = Vec::new();
        let kind = kind_of("person");
        for name in &self.names {
            let Some(replica) = self.world.machines[name].replica.as_ref() else { continue };
            for (id, row) in self.shown(name, "person") {
                let stays = replica.stays(&id).expect("the index reads");
                let moved = stays.len() > 1 || stays.iter().any(|stay| stay.epoch > 0);
                for field in ["name", "phone", "id_number"] {
                    let Some(value) = row.fields.get(field) else { continue };
                    let read = matches!(
                        replica.open_field(kind, &id, field, value, Some(&Purpose::Comparing)),
                        Value::Text(_)
                    );
                    let may = field != "id_number" || *name != HUB;
                    if read != may && !(moved && field == "id_number") {
                        let can = if read { "reads" } else { "does not read" };
                        wrong.push(format!("{name} {can} {field} of {id}"));
                    }
                }
            }
        }
        self.failures.extend(wrong.into_iter().take(3));
    }
}

pub(super) fn kind_of(name: &str) -> &'static Kind {
    dictionary::kind(name).expect("a kind of the dictionary")
}

/// The rule once more, in other words: of those that have begun by a day and not ended, the one that began last; of those
/// that began on one day the lowest id. Dates are text and sort as such.
fn newest(affiliations: &[(RecordId, Fields)], on: &str) -> Option<RecordId> {
    let text = |fields: &Fields, name: &str| fields.get(name).and_then(Value::text).map(str::to_owned);
    let mut current: Vec<(String, RecordId)> = Vec::new();
    for (id, fields) in affiliations {
        let from = text(fields, "from").unwrap_or_default();
        let ended = text(fields, "to").is_some_and(|to| to.as_str() <= on);
        if from.as_str() <= on && !ended {
            current.push((from, *id));
        }
    }
    let last = current.iter().map(|(from, _)| from.clone()).max()?;
    current.into_iter().filter(|(from, _)| *from == last).map(|(_, id)| id).min()
}
