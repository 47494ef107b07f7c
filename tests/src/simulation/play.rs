//! Playing a schedule: each step done in the world, what was saved told to the model, and what crashes hold checked.

use super::forge::Forger;
use super::reference::{Edit, EditId, Reference, is_conflict};
use super::schedule::{Op, REPLICAS, Schedule, Step};
use super::values;
use crate::harness::network::Weather;
use crate::harness::world::{Called, HUB, Image, IndexFound, World};
use huiliu_core::documents::DELETED;
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{Channel, Class, Fields, RecordId, Value};
use huiliu_core::sync::FeedId;
use huiliu_replica::{RecordEdit, ReplicaError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An edit that was made and not yet said to be saved.
pub(super) struct Staged {
    pub(super) id: EditId,
    pub(super) edit: Edit,
    pub(super) kind: &'static str,
}

/// An edit as somebody wants it, before the replica has said yes.
struct Wish {
    id: EditId,
    record: Option<RecordId>,
    kind: &'static str,
    channel: Channel,
    writes: BTreeMap<String, Value>,
    edit: RecordEdit,
}

/// Where schedules begin: everybody has joined and is level.
pub struct Beginning {
    image: Image,
    divisions: Arc<Divisions>,
}

/// A schedule under way.
pub struct Play {
    /// The system.
    pub world: World,
    /// The model.
    pub model: Reference,
    /// Edits made and not yet saved, by replica.
    pub(super) staged: BTreeMap<&'static str, Vec<Staged>>,
    /// Edits whose machine went down before it said anything.
    pub(super) unsure: BTreeMap<&'static str, Vec<Staged>>,
    pub(super) forgers: BTreeMap<&'static str, Forger>,
    pub(super) next_edit: EditId,
    weather: Weather,
    /// What happened, if somebody wants to read it.
    pub trace: Option<Vec<String>>,
    /// What must not have been.
    pub failures: Vec<String>,
    /// How often each thing happened.
    pub tally: BTreeMap<&'static str, u64>,
}

impl Beginning {
    /// Founds the hub, lets everybody join, and keeps the disks.
    pub fn new() -> Self {
        let mut world = World::new(1);
        for (name, division) in REPLICAS.iter().filter(|(name, _)| *name != HUB) {
            world.join(name, division);
        }
        world.settle();
        Self { image: world.image(), divisions: Arc::new(Divisions::sample()) }
    }
}

impl Default for Beginning {
    fn default() -> Self {
        Self::new()
    }
}

impl Play {
    /// A schedule about to begin, with these bugs in every replica.
    pub fn new(beginning: &Beginning, schedule: &Schedule, bugs: &BTreeSet<&'static str>) -> Self {
        let mut world = World::from_image(&beginning.image, &beginning.divisions, schedule.seed, bugs);
        world.weather = schedule.weather;
        if bugs.contains("acknowledged before fsync") {
            world.machines.values().for_each(|machine| machine.disk.ignore_sync());
        }
        Self {
            world,
            model: Reference::default(),
            staged: BTreeMap::new(),
            unsure: BTreeMap::new(),
            forgers: BTreeMap::new(),
            next_edit: 1,
            weather: schedule.weather,
            trace: None,
            failures: Vec::new(),
            tally: BTreeMap::new(),
        }
    }

    /// Does one step.
    pub fn step(&mut self, step: &Step) {
        let mut rng = fastrand::Rng::with_seed(step.salt);
        self.world.rng = rng.fork();
        let name = REPLICAS[rng.usize(..REPLICAS.len())].0;
        self.act(step.op, name, &mut rng);
        self.absorb();
        self.failures.append(&mut self.world.violations);
    }

    fn act(&mut self, op: Op, name: &'static str, rng: &mut fastrand::Rng) {
        let node = REPLICAS[rng.usize(1..REPLICAS.len())].0;
        match op {
            Op::Create => self.create(name, rng),
            Op::Set => self.set(name, rng),
            Op::Contend => self.contend(rng),
            Op::Settle => self.settle_conflict(name, rng),
            Op::Delete => self.delete(name, rng),
            Op::Batch => self.batch(name, rng),
            Op::Trespass => self.trespass(node, rng),
            Op::Connect if !self.world.is_connected(node) => self.world.connect(node),
            Op::Connect => self.world.flow(3),
            Op::Cut => self.world.cut_at_any_byte(node),
            Op::Flow => self.world.flow(rng.usize(1..16)),
            Op::Pass => {
                let longest = *rng.choice(&[50, 2_000, 60_000, 86_400_000]).unwrap_or(&50);
                self.world.pass(rng.u64(1..=longest));
            }
            Op::Crash => self.crash(name),
            Op::HubCrash => self.crash(HUB),
            Op::CrashSoon => self.world.machines[name].disk.crash_after(rng.u32(..30)),
            Op::Restart => self.restart_one(rng),
            Op::KeepIndex => {
                let machine = self.world.machine(name);
                machine.old_index = Some(machine.index.image());
            }
            Op::Clock => {
                let years = 10 * 365 * 86_400_000;
                let skew = *rng.choice(&[0, -3_600_000, 3_600_000, years, -years]).unwrap_or(&0);
                self.world.machine(name).skew = skew;
            }
            Op::Remember => drop(self.world.call(node, |replica, _| replica.save_synced())),
            Op::Revoke => self.revoke(node),
            Op::Forge => self.forge(node, rng),
            Op::Spoil => self.spoil(node, rng),
            Op::Tamper => self.tamper(node, rng),
            Op::Replay => self.replay(node, rng),
        }
        self.tell(|| format!("{op:?} {name}/{node}"));
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(super) fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    /// How far a replica holds each feed; nothing if it does not run.
    pub(super) fn held(&self, name: &str) -> BTreeMap<FeedId, u64> {
        let replica = self.world.machines[name].replica.as_ref();
        let heads = replica.map(|replica| replica.ledger().heads().map(|(feed, head)| (*feed, head.number)));
        heads.into_iter().flatten().collect()
    }

    /// The records a replica has, by the model.
    pub(super) fn records_at(&self, name: &str) -> Vec<(RecordId, Vec<EditId>)> {
        let held = self.held(name);
        self.model.records_at(&|feed| held.get(feed).copied().unwrap_or(0))
    }

    fn new_edit(&mut self) -> EditId {
        self.next_edit += 1;
        self.next_edit - 1
    }

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

    fn create(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
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

    pub(super) fn control(&self) -> Channel {
        Channel::published("3302".parse().expect("a code"), Class::Open)
    }

    /// A node makes a record elsewhere: it must be told no.
    fn trespass(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
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

    /// A record of a replica; the newest more often.
    pub(super) fn some_record(&self, name: &str, rng: &mut fastrand::Rng) -> Option<(RecordId, Vec<EditId>)> {
        let mut records = self.records_at(name);
        if records.is_empty() {
            return None;
        }
        let back = rng.usize(..records.len());
        let back = rng.usize(..=back);
        Some(records.swap_remove(records.len() - 1 - back))
    }

    fn set(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
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
        let known = &self.model.records[&record];
        let (kind, channel) = (known.kind, known.channel);
        let mut fields = Fields::new();
        if kind == "division" {
            fields.insert("name".into(), Value::of(format!("第{id}镇")));
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
        fields.retain(|field, _| !is_staged || !matches!(field.as_str(), "grade" | "charity"));
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
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return fields.clone() };
        let kind = huiliu_core::model::dictionary::kind(kind).expect("a kind of the simulation");
        let row = replica.row(kind, &record).ok().flatten();
        let shown =
            |field: &str| row.as_ref().and_then(|row| row.fields.get(field)).cloned().unwrap_or(Value::Null);
        fields
            .iter()
            .filter(|(field, value)| shown(field) != **value)
            .map(|(f, v)| (f.clone(), v.clone()))
            .collect()
    }

    fn contend(&mut self, rng: &mut fastrand::Rng) {
        let name = REPLICAS[rng.usize(..REPLICAS.len())].0;
        let Some((record, _)) = self.some_record(name, rng) else { return };
        let field = values::field(rng);
        for (name, _) in REPLICAS {
            let there = self.records_at(name).iter().any(|(id, _)| *id == record);
            let may = name == HUB || self.model.records[&record].kind != "division";
            if there && may && rng.u8(..4) > 0 && self.stage_set(name, record, Some(field), rng) {
                self.commit(name);
            }
        }
    }

    fn settle_conflict(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let open = |play: &Self, counted: &[EditId]| -> Vec<(String, Vec<Value>)> {
            let fields = play.model.fields(counted);
            let open = fields.into_iter().filter(|(_, claims)| is_conflict(claims));
            open.map(|(field, claims)| (field.to_owned(), claims.into_iter().map(|claim| claim.1).collect()))
                .collect()
        };
        let may =
            |play: &Self, record: &RecordId| name == HUB || play.model.records[record].kind != "division";
        let all: Vec<(RecordId, Vec<(String, Vec<Value>)>)> = self
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
            0 => values::value(field, id, rng),
            _ => claimed[rng.usize(..claimed.len())].clone(),
        };
        let known = &self.model.records[record];
        let wish = Wish {
            id,
            record: Some(*record),
            kind: known.kind,
            channel: known.channel,
            writes: Fields::from([(field.clone(), value.clone())]),
            edit: RecordEdit::Settle { id: *record, field: field.clone(), value },
        };
        self.count("settled");
        if self.stage(name, wish) {
            self.commit(name);
        }
    }

    fn delete(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let Some((record, _)) = self.some_record(name, rng) else { return };
        let id = self.new_edit();
        let known = &self.model.records[&record];
        let reason = format!("重复{id}");
        let wish = Wish {
            id,
            record: Some(record),
            kind: known.kind,
            channel: known.channel,
            writes: Fields::from([(DELETED.to_owned(), Value::of(reason.as_str()))]),
            edit: RecordEdit::Delete { id: record, reason },
        };
        if self.stage(name, wish) {
            self.commit(name);
        }
    }

    /// Several edits under one fdatasync; frames may arrive between them and the commit.
    fn batch(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
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
    fn stage(&mut self, name: &'static str, wish: Wish) -> bool {
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
        let Some(replica) = self.world.machines[name].replica.as_ref() else { return false };
        let feed =
            FeedId { channel: wish.channel, device: replica.device(), incarnation: replica.incarnation() };
        let before =
            self.staged.get(name).map_or(0, |all| all.iter().filter(|one| one.edit.feed == feed).count());
        let number = replica.ledger().head(&feed).number + 1 + before as u64;
        let held = self.held(name);
        let seen = match wish.record.map(|record| &self.model.records[&record]) {
            Some(record) => self.model.counted(record, &|feed| held.get(feed).copied().unwrap_or(0)),
            None => Vec::new(),
        };
        let edit = Edit { record: outcome.id(), feed, number, writes: wish.writes, seen, saved: false };
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
            Called::Refused(error) => {
                self.staged.remove(name);
                if !self.world.revoked.contains(name) {
                    self.fail(format!("{name} cannot commit: {error}"));
                }
            }
        }
    }

    /// Tells the model what has become durable.
    pub(super) fn absorb(&mut self) {
        for (name, _) in REPLICAS {
            let Some(staged) = self.staged.remove(name) else { continue };
            if !self.world.runs(name) {
                self.unsure.entry(name).or_default().extend(staged);
                continue;
            }
            let held = self.held(name);
            let (durable, waiting): (Vec<Staged>, Vec<Staged>) = staged
                .into_iter()
                .partition(|one| held.get(&one.edit.feed).is_some_and(|head| *head >= one.edit.number));
            for one in durable {
                self.count("saved");
                self.model.add(one.id, Edit { saved: true, ..one.edit }, one.kind);
            }
            if !waiting.is_empty() {
                self.staged.insert(name, waiting);
            }
        }
    }

    pub(super) fn crash(&mut self, name: &'static str) {
        if self.world.runs(name) {
            self.world.go_down(name);
            self.absorb();
        }
    }

    /// A machine that is down, if there is one, comes up.
    fn restart_one(&mut self, rng: &mut fastrand::Rng) {
        let down: Vec<&'static str> =
            REPLICAS.iter().map(|one| one.0).filter(|name| !self.world.runs(name)).collect();
        if down.is_empty() {
            return;
        }
        let name = down[rng.usize(..down.len())];
        let found = match rng.u8(..6) {
            0 => IndexFound::Empty,
            1 | 2 => IndexFound::Older,
            _ => IndexFound::Same,
        };
        if rng.u8(..5) == 0 {
            // It may crash again while it opens.
            self.start_crashing(name, found, rng.u32(..6));
        } else {
            self.restart(name, found);
        }
    }

    fn start_crashing(&mut self, name: &'static str, found: IndexFound, after: u32) {
        let mut rng = self.world.rng.fork();
        self.world.machine(name).disk.restart(|unsynced| rng.usize(..=unsynced));
        self.world.machine(name).disk.crash_after(after);
        match self.world.start_with(name, found) {
            Ok(()) => self.came_up(name),
            Err(_) if self.world.machines[name].disk.is_crashed() => {}
            Err(error) => self.fail(format!("{name} does not open: {error}")),
        }
    }

    /// A machine comes up; what it had saved and promised must be there.
    pub(super) fn restart(&mut self, name: &'static str, found: IndexFound) {
        self.absorb();
        match self.world.restart(name, found) {
            Ok(()) => self.came_up(name),
            Err(error) => self.fail(format!("{name} does not reopen: {error}")),
        }
    }

    fn came_up(&mut self, name: &'static str) {
        self.count("restarted");
        let held = self.held(name);
        for one in self.unsure.remove(name).unwrap_or_default() {
            if held.get(&one.edit.feed).is_some_and(|head| *head >= one.edit.number) {
                self.model.add(one.id, one.edit, one.kind);
            }
        }
        self.world.hold_promises(name);
        self.check_saved_at_author(name);
        self.check_records(name);
    }

    /// Calm weather for the end.
    pub(super) fn calm(&mut self) {
        self.world.weather = Weather::default();
        self.tell(|| "the weather is calm, everybody comes up and connects".into());
    }

    /// Whether the network was fair all the time.
    pub fn was_fair(&self) -> bool {
        self.weather.is_fair()
    }
}
