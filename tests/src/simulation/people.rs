//! People at their replicas: they make, set, settle and delete records, alone or in one commit, and are told no where
//! their grant ends. What they were promised goes into the model.

use super::members;
use super::play::{Play, Staged};
use super::reference::{Edit, EditId, is_conflict};
use super::values;
use crate::harness::world::{Called, HUB};
use huiliu_core::documents::DELETED;
use huiliu_core::model::{Channel, Class, Fields, RecordId, Trouble, Value};
use huiliu_replica::reads::Purpose;
use huiliu_replica::{RecordEdit, ReplicaError};
use std::collections::BTreeMap;

/// An edit as somebody wants it, before the replica has said yes.
pub(super) struct Wish {
    pub(super) id: EditId,
    pub(super) record: Option<RecordId>,
    pub(super) kind: &'static str,
    pub(super) channel: Channel,
    pub(super) writes: BTreeMap<String, Value>,
    pub(super) edit: RecordEdit,
}

impl Play {
    fn organization(&mut self, name: &'static str, rng: &mut fastrand::Rng) -> Wish {
        let id = self.new_edit();
        let division = self.world.machines[name].division.to_string();
        let places: Vec<(&str, Option<&str>)> = match division.len() {
            4 => vec![
                ("3302", None),
                ("330203", None),
                ("330203", Some("330203004")),
                ("330281", Some("330281001")),
            ],
            6 => vec![
                (division.as_str(), None),
                if division == "330203" {
                    ("330203", Some("330203004"))
                } else {
                    ("330281", Some("330281001"))
                },
            ],
            _ => vec![(&division[..6], Some(division.as_str()))],
        };
        let (authority, town) = places[rng.usize(..places.len())];
        let fields = values::organization(authority, town, id, rng);
        let owner = town.unwrap_or(authority).parse().expect("a code");
        Wish {
            id,
            record: None,
            kind: "social_org",
            channel: Channel::own(owner, Class::Open),
            writes: fields.clone(),
            edit: RecordEdit::New { kind: "social_org".into(), fields, owner: None, strict: false },
        }
    }

    pub(super) fn create(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let wish = if name == HUB && rng.u8(..10) == 0 {
            let id = self.new_edit();
            let fields = values::division(id);
            Wish {
                id,
                record: None,
                kind: "division",
                channel: self.control(),
                writes: fields.clone(),
                edit: RecordEdit::New { kind: "division".into(), fields, owner: None, strict: false },
            }
        } else {
            self.organization(name, rng)
        };
        if self.stage(name, wish) {
            self.commit(name);
        }
    }

    /// A node makes a record elsewhere: it must be told no.
    pub(super) fn trespass(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let id = self.new_edit();
        let own = self.world.machines[name].division.to_string();
        let foreign: Vec<&str> = ["3302", "330203", "330281"]
            .into_iter()
            .filter(|d| !own.starts_with(d) || own.len() > d.len())
            .collect();
        let fields = values::organization(foreign[rng.usize(..foreign.len())], None, id, rng);
        let edit = RecordEdit::New { kind: "social_org".into(), fields, owner: None, strict: false };
        if let Called::Done(outcome) =
            self.world.call(name, |replica, now| replica.edit(&edit, "trespasser", now))
        {
            self.fail(format!("{name} may make {outcome:?} outside its grant"));
        }
    }

    pub(super) fn set(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let Some((record, _)) = self.some_record(name, rng) else { return };
        if self.stage_set(name, record, None, rng) {
            self.commit(name);
        }
    }

    /// Stages a change of one or several fields, which may be given.
    fn stage_set(
        &mut self,
        name: &'static str,
        record: RecordId,
        field: Option<&'static str>,
        rng: &mut fastrand::Rng,
    ) -> bool {
        let id = self.new_edit();
        let (kind, channel) = (self.model.records[&record].kind, self.place_of(name, &record));
        let mut fields = Fields::new();
        if kind == "division" {
            fields.insert("name".into(), Value::of(format!("第{id}镇")));
        } else if members::KINDS.contains(&kind) {
            fields.extend(members::change(kind, id, rng));
        } else {
            for _ in 0..rng.usize(1..4) {
                let field = values::field(rng);
                fields.insert(field.into(), values::value(field, id, rng));
            }
            if let Some(field) = field {
                fields.insert(field.into(), values::value(field, id, rng));
            }
        }
        // An edit of a record with a staged edit commits that first, so only unheard-of values tell what it writes.
        let is_staged =
            self.staged.get(name).is_some_and(|all| all.iter().any(|one| one.edit.record == record));
        // What only repeats what stood before something that the hub refuses is not written again.
        let is_staged = is_staged || self.differing;
        fields.retain(|field, _| !is_staged || !matches!(field.as_str(), "grade" | "charity" | "full_time"));
        if kind == "social_org" && !is_staged {
            fields.extend(values::counted(id));
        }
        if fields.is_empty() {
            return false;
        }
        let writes = self.differing(name, record, kind, &fields);
        self.stage(
            name,
            Wish {
                id,
                record: Some(record),
                kind,
                channel,
                writes,
                edit: RecordEdit::Set { id: record, fields },
            },
        )
    }

    /// The fields whose value is another than the one the person sees.
    fn differing(&mut self, name: &str, record: RecordId, kind: &str, fields: &Fields) -> Fields {
        // Whoever looks, looks at what is applied.
        while self.world.catch_up() {}
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return fields.clone() };
        let kind = huiliu_core::model::dictionary::kind(kind).expect("a kind of the simulation");
        let row = replica.row(kind, &record).ok().flatten();
        let opened = row.map(|row| replica.opened(kind, &record, &row.fields, Some(&Purpose::Comparing)));
        let shown = |field: &str| {
            opened.as_ref().and_then(|fields| fields.get(field)).cloned().unwrap_or(Value::Null)
        };
        fields
            .iter()
            .filter(|(field, value)| shown(field) != **value)
            .map(|(f, v)| (f.clone(), v.clone()))
            .collect()
    }

    /// Somebody gives an organization another authority and township.
    pub(super) fn move_record(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        self.commit(name);
        let Some((record, _)) = self.some_record(name, rng) else { return };
        let kind = self.model.records[&record].kind;
        // What lies with something else moves after it.
        if matches!(kind, "division" | "affiliation" | "engagement") {
            return;
        }
        let mut fields = values::place(rng);
        if members::KINDS.contains(&kind) {
            let town = fields.remove("town_code").filter(|town| !town.is_null());
            let place = town.or(fields.remove("registration_authority")).unwrap_or(Value::Null);
            fields = Fields::from([("division".to_owned(), place)]);
        }
        let (id, channel) = (self.new_edit(), self.place_of(name, &record));
        let writes = self.differing(name, record, kind, &fields);
        let edit = RecordEdit::Set { id: record, fields };
        if self.stage(name, Wish { id, record: Some(record), kind, channel, writes, edit }) {
            self.commit(name);
            self.count("moved");
        }
    }

    /// The channel in which a replica writes a record.
    pub(super) fn place_of(&self, name: &str, record: &RecordId) -> Channel {
        let replica = self.world.machines[name].replica.as_ref();
        let found = replica.and_then(|replica| replica.kind_of(record).ok().flatten());
        found.map_or(self.model.records[record].channel, |(_, stay)| stay.channel)
    }

    pub(super) fn contend(&mut self, rng: &mut fastrand::Rng) {
        let name = self.names[rng.usize(..self.names.len())];
        let Some((record, _)) = self.some_record(name, rng) else { return };
        let field = values::field(rng);
        for name in self.names.clone() {
            let there = self.records_at(name).iter().any(|(id, _)| *id == record);
            let may = name == HUB || self.model.records[&record].kind != "division";
            if there && may && rng.u8(..4) > 0 && self.stage_set(name, record, Some(field), rng) {
                self.commit(name);
            }
        }
    }

    pub(super) fn settle_conflict(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let open = |play: &Self, counted: &[EditId]| -> Vec<(String, Vec<Value>)> {
            let fields = play.model.fields(counted);
            let open = fields.into_iter().filter(|(_, claims)| is_conflict(claims));
            open.map(|(field, claims)| (field.to_owned(), claims.into_iter().map(|claim| claim.1).collect()))
                .collect()
        };
        let may =
            |play: &Self, record: &RecordId| name == HUB || play.model.records[record].kind != "division";
        let all: Vec<(RecordId, Claims)> = self
            .records_at(name)
            .into_iter()
            .map(|(record, counted)| (record, open(self, &counted)))
            .filter(|(record, open)| !open.is_empty() && may(self, record))
            .collect();
        if all.is_empty() {
            return;
        }
        let (record, fields) = &all[rng.usize(..all.len())];
        let (field, claimed) = &fields[rng.usize(..fields.len())];
        let id = self.new_edit();
        let value = match rng.u8(..3) {
            0 if field == DELETED => Value::of(format!("合并{id}")),
            _ if members::KINDS.contains(&self.model.records[record].kind) => {
                claimed[rng.usize(..claimed.len())].clone()
            }
            0 if !matches!(
                field.as_str(),
                "town_code" | "registration_authority" | "build_mode" | "party_org" | "founded_on"
            ) =>
            {
                values::value(field, id, rng)
            }
            _ => claimed[rng.usize(..claimed.len())].clone(),
        };
        let wish = Wish {
            id,
            record: Some(*record),
            kind: self.model.records[record].kind,
            channel: self.place_of(name, record),
            writes: Fields::from([(field.clone(), value.clone())]),
            edit: RecordEdit::Settle { id: *record, field: field.clone(), value },
        };
        self.count("settled");
        if self.stage(name, wish) {
            self.commit(name);
        }
    }

    pub(super) fn delete(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let Some((record, _)) = self.some_record(name, rng) else { return };
        let id = self.new_edit();
        let reason = format!("重复{id}");
        let wish = Wish {
            id,
            record: Some(record),
            kind: self.model.records[&record].kind,
            channel: self.place_of(name, &record),
            writes: Fields::from([(DELETED.to_owned(), Value::of(reason.as_str()))]),
            edit: RecordEdit::Delete { id: record, reason },
        };
        if self.stage(name, wish) {
            self.commit(name);
        }
    }

    /// Several edits under one fdatasync; frames may arrive between them and the commit.
    pub(super) fn batch(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        for _ in 0..rng.usize(2..7) {
            if rng.bool() {
                let wish = self.organization(name, rng);
                self.stage(name, wish);
            } else if let Some((record, _)) = self.some_record(name, rng) {
                self.stage_set(name, record, None, rng);
            }
            if rng.u8(..4) == 0 {
                self.world.flow(rng.usize(1..6));
                self.absorb();
            }
        }
        self.commit(name);
    }

    /// Asks a replica for an edit; true if it is staged.
    pub(super) fn stage(&mut self, name: &'static str, wish: Wish) -> bool {
        let author = format!("e{}", wish.id);
        let edit = wish.edit;
        let outcome = match self.world.call(name, |replica, now| replica.edit(&edit, &author, now)) {
            Called::Done(outcome) => outcome,
            Called::Down => return false,
            Called::Refused(error) => {
                self.refused_edit(name, wish.kind, &edit, &error);
                return false;
            }
        };
        self.absorb();
        if let huiliu_replica::Outcome::Same(_) = outcome {
            if !wish.writes.is_empty() {
                self.fail(format!("{name} says nothing changes in {edit:?}"));
            }
            return false;
        }
        let seen =
            wish.record.and_then(|record| self.records_at(name).into_iter().find(|(id, _)| *id == record));
        let seen = seen.map_or(Vec::new(), |(_, counted)| counted);
        let edit = Edit {
            record: outcome.id(),
            author: name,
            channel: wish.channel,
            writes: wish.writes,
            seen,
            saved: false,
        };
        self.tell(|| {
            format!("  {name} {author}: {} writes {:?} seeing {:?}", edit.record, edit.writes, edit.seen)
        });
        self.staged.entry(name).or_default().push(Staged { id: wish.id, edit, kind: wish.kind });
        true
    }

    /// The only good reasons to say no: the grant has ended, or never reached so far.
    fn refused_edit(&mut self, name: &'static str, kind: &str, edit: &RecordEdit, error: &ReplicaError) {
        let hubs = kind == "division" && name != HUB;
        match error {
            ReplicaError::OutsideGrant(_) if hubs => {}
            ReplicaError::NotJoined if self.world.revoked.contains(name) => {}
            // Its grant was lost with the disk, until the hub says it again.
            ReplicaError::NotJoined | ReplicaError::OutsideGrant(_) if self.damaged.contains(name) => {}
            ReplicaError::Store(_) if self.world.machines[name].disk.is_failing() => {}
            // Who belongs to a branch here is received into no second one; what cannot be read here is not written.
            ReplicaError::Problems(problems)
                if members::KINDS.contains(&kind)
                    && problems.iter().all(|problem| {
                        matches!(problem.trouble, Trouble::ElsewhereAffiliated | Trouble::SealedUnread)
                    }) =>
            {
                self.count("refused by a rule");
            }
            _ => self.fail(format!("{name} refuses {edit:?}: {error}")),
        }
    }

    /// Commits at a replica; what it had staged is saved then.
    pub(super) fn commit(&mut self, name: &'static str) {
        let committed = self.world.call(name, |replica, _| replica.commit());
        self.absorb();
        match committed {
            Called::Down => {}
            Called::Done(_) => {
                if let Some(lost) = self.staged.remove(name).and_then(|left| left.into_iter().next()) {
                    // A replica that learns of its revocation meanwhile must still not say that it has saved.
                    self.fail(format!("{name} said that e{} is saved and does not have it", lost.id));
                }
            }
            // What stood in a write that failed may be there when the machine starts again.
            Called::Refused(ReplicaError::Store(_)) if self.world.machines[name].disk.is_failing() => {
                let staged = self.staged.remove(name).unwrap_or_default();
                self.unsure.entry(name).or_default().extend(staged);
                self.count("not saved");
            }
            Called::Refused(error) => {
                self.staged.remove(name);
                let told = matches!(error, ReplicaError::Interrupted);
                if !told && !self.world.revoked.contains(name) {
                    self.fail(format!("{name} cannot commit: {error}"));
                }
            }
        }
    }
}

/// The values that stand in each field of a record.
type Claims = Vec<(String, Vec<Value>)>;
