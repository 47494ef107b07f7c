//! The adversary: devices that sign what they may not, or what the gate must refuse; and frames that are changed or
//! shown to the wrong replica on their way. And the hub's answer, which is to revoke.

use super::play::Play;
use super::reference::{Edit, Revocation};
use super::values;
use crate::harness::adversary::plain_batch;
use crate::harness::watch::may_see;
use crate::harness::world::{Called, HUB};
use huiliu_core::documents::Document;
use huiliu_core::model::{Channel, Class, Fields, Hlc, KindId, RecordId, Value};
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::{Entry, EntryKind, Envelope, FeedId, Head, Incarnation, Origin, Run, Stamp, birth};
use std::collections::BTreeMap;

/// What a device forges it writes in an incarnation of its own, one feed a channel.
#[derive(Default)]
pub struct Forger {
    heads: BTreeMap<Channel, Head>,
    pub(super) runs: BTreeMap<Channel, Vec<Run>>,
    made: u16,
}

const ORGANIZATION: KindId = KindId(2);

fn forged_feed(play: &Play, name: &str, channel: Channel) -> FeedId {
    FeedId {
        channel,
        device: play.world.machines[name].key().device(),
        incarnation: Incarnation([0xbad; 8].map(|b: u16| b as u8)),
    }
}

fn envelope(record: RecordId) -> Envelope {
    let stamp = Stamp { who: "forger".into(), at: Hlc(1 << 16) };
    Envelope { record, kind: ORGANIZATION, ..Envelope::of_no_record(stamp) }
}

impl Play {
    /// A device signs an entry for a channel its grant does not cover, or of a kind that only the hub may write.
    pub(super) fn forge(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let own = self.world.machines[name].division;
        let foreign = ["3302", "330203", "330281", "330203004", "330281001"];
        let channels: Vec<Channel> = foreign
            .iter()
            .map(|code| Channel::own(code.parse().expect("a code"), Class::Open))
            .filter(|channel| !may_see(own, *channel))
            .chain([self.control()])
            .collect();
        let channel = channels[rng.usize(..channels.len())];
        let entry = if rng.bool() {
            let revoke = huiliu_core::sync::control::Revoke {
                device: self.world.machines["yuyao"].key().device(),
                last: Vec::new(),
                reason: "forged".into(),
            };
            let payload = huiliu_core::sync::control::encode(&revoke);
            Entry { kind: EntryKind::REVOKE, envelope: Some(envelope(RecordId::NIL)), payload }
        } else {
            self.forged_creation(name, channel, rng)
        };
        self.deliver_forged(name, channel, vec![entry]);
        self.count("forged");
    }

    fn forged_id(&mut self, name: &'static str, channel: Channel) -> ([u8; 16], RecordId) {
        let feed = forged_feed(self, name, channel);
        let actor = birth::actor(&feed.device, &feed.incarnation, 0);
        let forger = self.forgers.entry(name).or_default();
        forger.made += 1;
        (actor, birth::record_id(&actor, 1_790_000_000_000, forger.made))
    }

    fn forged_creation(&mut self, name: &'static str, channel: Channel, rng: &mut fastrand::Rng) -> Entry {
        let (actor, id) = self.forged_id(name, channel);
        let fields = values::organization("330203", None, 0, rng);
        let payload = Document::empty().edit(actor, &fields, &[]).expect("fields are written");
        Entry { kind: EntryKind::EDIT, envelope: Some(envelope(id)), payload }
    }

    /// A device signs entries within its scope that the gate must refuse, and some that depend on these.
    pub(super) fn spoil(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        let own = self.world.machines[name].division;
        let channel = Channel::own(own, Class::Open);
        let wrong = || Fields::from([("staff_full".to_owned(), Value::of("many"))]);
        let entries = match rng.u8(..7) {
            0 => {
                let mut entry = self.forged_creation(name, channel, rng);
                entry.payload = vec![rng.u8(..); rng.usize(1..60)];
                vec![entry]
            }
            1 => {
                // An id that somebody else made.
                let mut entry = self.forged_creation(name, channel, rng);
                entry.envelope = Some(envelope(RecordId([rng.u8(..); 16])));
                vec![entry]
            }
            2 => {
                let (actor, id) = self.forged_id(name, channel);
                let payload = Document::empty().edit(actor, &wrong(), &[]).expect("fields are written");
                vec![Entry { kind: EntryKind::EDIT, envelope: Some(envelope(id)), payload }]
            }
            // A division of its own, which would widen its grant.
            5 => {
                let mut entry = self.forged_creation(name, channel, rng);
                entry.envelope.iter_mut().for_each(|envelope| envelope.kind = KindId(1));
                vec![entry]
            }
            // A change under another device's name, which would take the number of that device's next.
            6 => {
                let Some((id, _)) = self.some_place(name, rng) else { return };
                let channel = self.model.records[&id].channel;
                let other = self.names[rng.usize(..self.names.len())];
                let replica = |name: &str| self.world.machines[name].replica.as_ref();
                let (Some(here), Some(there)) = (replica(name), replica(other)) else { return };
                let (Ok(mut document), false) = (here.load_document(&id), channel == self.control()) else {
                    return;
                };
                let actor = birth::actor(&there.device(), &there.incarnation(), 0);
                let fields = Fields::from([("address".to_owned(), Value::of("冒名"))]);
                let Some(payload) = document.edit(actor, &fields, &[]) else { return };
                let entry = Entry { kind: EntryKind::EDIT, envelope: Some(envelope(id)), payload };
                self.deliver_forged(name, channel, vec![entry]);
                return self.count("spoiled");
            }
            variant => return self.spoil_record(name, if variant == 3 { None } else { Some(channel) }, rng),
        };
        self.deliver_forged(name, channel, entries);
        self.count("spoiled");
    }

    /// On top of an honest record: a wrong type, and a good change that has seen it, which its author must write again;
    /// or a change in a channel where the record does not live.
    fn spoil_record(&mut self, name: &'static str, elsewhere: Option<Channel>, rng: &mut fastrand::Rng) {
        let Some((record, seen)) = self.some_place(name, rng) else { return };
        let (kind, home) = (self.model.records[&record].kind, self.model.records[&record].channel);
        // Where records move the other channel may be the one it has moved to, and the change is only late there.
        let elsewhere = elsewhere.filter(|_| !self.moves);
        let replica = self.world.machines[name].replica.as_ref();
        let Some(mut document) = replica.and_then(|replica| replica.load_document(&record).ok()) else {
            return;
        };
        let channel = elsewhere.unwrap_or(home);
        if home == self.control() {
            return;
        }
        let feed = forged_feed(self, name, channel);
        let actor = birth::actor(&feed.device, &feed.incarnation, 0);
        let id = self.new_edit();
        let wrong = Fields::from([("staff_full".to_owned(), Value::of("many"))]);
        let good = Fields::from([("address".to_owned(), Value::of(format!("随之{id}")))]);
        let Some(first) = document.edit(actor, if channel == home { &wrong } else { &good }, &[]) else {
            return;
        };
        // What is written again of it names the edit.
        let stamp = Stamp { who: format!("s{id}"), at: Hlc(2 << 16) };
        let named = Some(Envelope { stamp, ..envelope(record) });
        let mut entries = Vec::new();
        if channel == home {
            let Some(payload) = document.edit(actor, &good, &[]) else { return };
            entries.push(Entry { kind: EntryKind::EDIT, envelope: Some(envelope(record)), payload: first });
            entries.push(Entry { kind: EntryKind::EDIT, envelope: named, payload });
        } else {
            entries.push(Entry { kind: EntryKind::EDIT, envelope: named, payload: first });
        }
        if self.deliver_forged(name, channel, entries).is_some() {
            let edit = Edit { record, author: name, channel: home, writes: good, seen, saved: false };
            self.model.add(id, edit, kind);
        }
        self.count("spoiled");
    }

    /// Signs what was forged and puts it on the forger's own link, with all it forged there before.
    fn deliver_forged(
        &mut self,
        name: &'static str,
        channel: Channel,
        entries: Vec<Entry>,
    ) -> Option<(FeedId, u64)> {
        if !self.world.is_connected(name) || self.world.revoked.contains(name) {
            return None;
        }
        let replica = self.world.machines[name].replica.as_ref()?;
        let device = replica.device();
        let (grant, _) = replica.ledger().authority.as_ref()?.grant_of(&device)?;
        let key = self.world.machines[name].key();
        let feed = forged_feed(self, name, channel);
        let forger = self.forgers.entry(name).or_default();
        let head = forger.heads.entry(channel).or_insert(Head::START);
        let (run, next) = sign_run(&key, grant, feed, head, entries);
        *head = next;
        let first = run.first;
        let runs = forger.runs.entry(channel).or_default();
        runs.push(run);
        let batch = plain_batch(runs);
        self.world.inject(name, HUB, batch);
        Some((feed, first))
    }

    /// An edit that its author signed elsewhere comes to the hub, perhaps before the edits it follows, which are still
    /// where it was made. It must wait for them, and then count.
    pub(super) fn overtake(&mut self, name: &'static str, rng: &mut fastrand::Rng) {
        if self.write_elsewhere(name, "address", Vec::new(), |_| None, rng).is_some() {
            self.count("overtaken");
        }
    }

    /// An edit of one field that its author signs in its other incarnation, after these entries; the feed. `origin`: what
    /// it says it repeats.
    pub(super) fn write_elsewhere(
        &mut self,
        name: &'static str,
        field: &str,
        mut entries: Vec<Entry>,
        origin: impl FnOnce(&RecordId) -> Option<Origin>,
        rng: &mut fastrand::Rng,
    ) -> Option<FeedId> {
        let (record, seen) = self.some_place(name, rng)?;
        let (kind, channel) = (self.model.records[&record].kind, self.model.records[&record].channel);
        let replica = self.world.machines[name].replica.as_ref();
        let mut document = replica.and_then(|replica| replica.load_document(&record).ok())?;
        if channel == self.control() {
            return None;
        }
        let id = self.new_edit();
        let feed = forged_feed(self, name, channel);
        let writes = Fields::from([(field.to_owned(), values::value(field, id, rng))]);
        // Each in a branch of its own: its author does not see what it has written elsewhere.
        let actor = birth::actor(&feed.device, &feed.incarnation, id);
        let payload = document.edit(actor, &writes, &[]).expect("no other edit has this value");
        let stamp = Stamp { who: format!("e{id}"), at: Hlc(u64::from(id) << 16) };
        let envelope = Envelope {
            record,
            kind: ORGANIZATION,
            branch: id,
            origin: origin(&record),
            ..Envelope::of_no_record(stamp)
        };
        entries.push(Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload });
        self.deliver_forged(name, channel, entries)?;
        self.model.add(id, Edit { record, author: name, channel, writes, seen, saved: false }, kind);
        Some(feed)
    }

    /// Brings to the hub again what was signed elsewhere and lost on its way.
    pub(super) fn deliver_again(&mut self) {
        let held = self.held(HUB);
        for (name, forger) in &self.forgers {
            let at_hub =
                |channel: &Channel| held.get(&forged_feed(self, name, *channel)).copied().unwrap_or(0);
            let lost = forger
                .runs
                .iter()
                .filter(|(channel, _)| may_see(self.world.machines[name].division, **channel));
            let lost =
                lost.filter(|(channel, runs)| runs.last().is_some_and(|run| run.last() > at_hub(channel)));
            let batches: Vec<Vec<u8>> = lost.map(|(_, runs)| plain_batch(runs)).collect();
            if !self.world.revoked.contains(name) {
                batches.into_iter().for_each(|batch| self.world.inject(name, HUB, batch));
            }
        }
    }

    /// A byte of every batch under way on a link, in one direction, is changed.
    pub(super) fn tamper(&mut self, node: &'static str, rng: &mut fastrand::Rng) {
        let to = if rng.bool() { HUB } else { node };
        let mut chance = rng.fork();
        self.world.tamper(node, to, |frame| {
            let at = chance.usize(..frame.len());
            frame[at] ^= 1 << chance.u8(..8);
        });
        self.count("tampered");
    }

    /// A run of somebody's journal is shown to a replica again: as it is, perhaps to one that may not see it, or with
    /// something changed.
    pub(super) fn replay(&mut self, node: &'static str, rng: &mut fastrand::Rng) {
        let from = self.names[rng.usize(..self.names.len())];
        // What is on the disk of a machine that is down nobody has read yet.
        let may = self.world.is_connected(node) && self.world.runs(from);
        let mut runs = if may { self.world.runs_of(from) } else { Vec::new() };
        if runs.is_empty() {
            return;
        }
        let mut run = runs.swap_remove(rng.usize(..runs.len()));
        let at = rng.usize(..run.entries.len());
        match rng.u8(..6) {
            0 => run.first += 1,
            1 => run.entries[at].payload.push(0),
            2 => drop(run.entries.remove(at)),
            3 => run.entries[at].envelope.iter_mut().for_each(|envelope| envelope.stamp.who.push('x')),
            _ => {}
        }
        let to = if rng.bool() { HUB } else { node };
        self.world.inject(node, to, plain_batch(&[run]));
        self.count("replayed");
    }

    /// The hub ends a device's grants; if it had, it lets all count that has come meanwhile.
    pub(super) fn revoke(&mut self, node: &'static str) {
        // One device in a schedule, so that something goes on.
        let node = self.world.revoked.first().copied().unwrap_or(node);
        if !self.world.runs(HUB) {
            return;
        }
        self.commit(HUB);
        self.world.collect_all();
        let device = self.world.machines[node].key().device();
        let Some(hub) = self.world.machines[HUB].replica.as_ref() else { return };
        let heads =
            hub.ledger().heads().filter(|(feed, _)| feed.device == device && feed.channel.is_shared());
        let last = heads.map(|(feed, head)| (*feed, head.number)).collect();
        self.revoking = Some((node, last));
        let revoked = self.world.call(HUB, |hub, now| hub.revoke(device, "旧机停用", "市级管理员", now));
        match revoked {
            Called::Done(()) => self.learn_revocation(),
            Called::Refused(error) => self.fail(format!("the hub cannot revoke: {error}")),
            // Whether the entry survived the crash shows when the hub is up again.
            Called::Down => {}
        }
    }

    /// Tells the model of a revocation that the hub's journal has, wherever it stands there.
    pub(super) fn learn_revocation(&mut self) {
        let Some((node, last)) = self.revoking.take() else { return };
        let device = self.world.machines[node].key().device();
        for run in self.world.runs_of(HUB).iter().filter(|run| run.feed.channel == self.control()) {
            for (number, _) in (run.first..).zip(&run.entries).filter(|(_, e)| e.kind == EntryKind::REVOKE) {
                let said = (run.feed, number);
                if self.model.revocations.iter().all(|known| known.said != said) {
                    self.model.revocations.push(Revocation { device, last, said });
                    self.world.revoked.insert(node);
                    return self.count("revoked");
                }
            }
        }
    }
}
