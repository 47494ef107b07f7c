//! Bad changes signed by an honest device and brought to a hub, while others go on working: a whole world of replicas,
//! in which every mutant is refused or counts, and nobody notices.

use super::chunk::{Parts, mutate_change};
use super::honest::{self, ORGANIZATION, next_changes};
use super::mutate::{pick, rng_of};
use super::{Fate, Target};
use crate::harness::adversary::plain_batch;
use crate::harness::world::{HUB, World};
use huiliu_core::documents::{Document, inspect};
use huiliu_core::model::{Hlc, RecordId, Value};
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::{Entry, EntryKind, Envelope, FeedId, Hash, Incarnation, Stamp, birth};
use huiliu_replica::Replica;
use huiliu_store::{Working, keys};
use std::collections::BTreeSet;

/// The device whose key signs the mutants, and a county that has nothing to do with it.
const FORGER: &str = "haishu";
const BYSTANDER: &str = "yuyao";
/// So many records are attacked in turn.
const RECORDS: usize = 16;
/// After so many mutants the world begins anew: each entry of a record costs a look at all that were refused before.
const LIFETIME: u64 = 250;

/// A city with two counties, and records of one of them under attack. An item is the actor branch of the change (u32
/// LE), which also says which record it is for, and the change.
pub struct Hub {
    world: World,
    victims: Vec<Victim>,
    untouched: [RecordId; 2],
    known: BTreeSet<Hash>,
    delivered: u64,
    rounds: u32,
}

struct Victim {
    id: RecordId,
    next: Vec<Vec<u8>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

fn form<'a>(name: &'a str, authority: &'a str) -> [(&'a str, &'a str); 3] {
    [("name", name), ("org_type", "BA"), ("town_code", authority)]
}

impl Hub {
    /// The city at rest, everybody connected.
    pub fn new() -> Self {
        let mut world = World::new(1);
        world.join(FORGER, "330203");
        world.join(BYSTANDER, "330281");
        let mut ids = Vec::new();
        for number in 0..=RECORDS {
            let name = format!("海曙第{number}社");
            ids.push(world.create(FORGER, &form(&name, "330203004")));
        }
        let calm = world.create(BYSTANDER, &form("余姚第一社", "330281001"));
        for name in [FORGER, BYSTANDER] {
            world.connect(name);
        }
        world.settle();
        // Everybody edits, at the hub too and without having seen each other: there are conflicts.
        for (at, id) in ids.iter().enumerate() {
            for round in 0..6 {
                let address = format!("月湖街道{at}-{round}号");
                world.set(FORGER, *id, &[("address", &address)]);
                world.set(HUB, *id, &[(["name", "address"][round % 2], &format!("甲{at}-{round}"))]);
                if round % 3 == 1 {
                    world.settle();
                }
            }
        }
        world.settle();
        let untouched = [ids.pop().expect("one more than the victims"), calm];
        let mut known = BTreeSet::new();
        let mut victims = Vec::new();
        for id in ids {
            let document = world.replica(HUB).load_document(&id).expect("an honest record loads");
            known.extend(document.history().into_iter().map(|(hash, _, _)| hash));
            victims.push(Victim { id, next: next_changes(&document) });
        }
        Self { world, victims, untouched, known, delivered: 0, rounds: 0 }
    }

    fn feed(&self) -> FeedId {
        let channel = "own/330203004/open".parse().expect("a channel");
        let device = self.world.machines[FORGER].key().device();
        FeedId { channel, device, incarnation: Incarnation([0xbd; 8]) }
    }

    /// Signs an entry and puts it on its author's link: what the hub made of it.
    fn deliver(&mut self, branch: u32, payload: &[u8]) -> Result<Fate, String> {
        let id = self.victims[branch as usize % RECORDS].id;
        let info = inspect(payload).ok();
        if info.as_ref().is_some_and(|info| info.deps.iter().any(|dep| !self.known.contains(dep))) {
            // It would wait for ever, and rightly so; the world would never be level again.
            return Ok(Fate::refused("follows what nobody has: not sent"));
        }
        let feed = self.feed();
        let stamp = Stamp { who: "forger".into(), at: Hlc(self.world.now << 16) };
        let envelope = Envelope { record: id, kind: ORGANIZATION, branch, ..Envelope::of_no_record(stamp) };
        let entry = Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload: payload.to_vec() };
        let key = self.world.machines[FORGER].key();
        let hub = self.world.replica(HUB);
        let authority = hub.ledger().authority.as_ref().ok_or("the hub has no authority")?;
        let (grant, _) = authority.grant_of(&feed.device).ok_or("the forger has no grant")?;
        let head = hub.ledger().head(&feed);
        let (run, next) = sign_run(&key, grant, feed, &head, vec![entry]);
        let refused_before = self.world.refused.len();
        self.world.inject(FORGER, HUB, plain_batch(&[run]));
        self.world.settle();
        self.delivered += 1;
        self.look()?;
        if self.world.replica(HUB).ledger().head(&feed).number != next.number {
            let refused = self.world.refused.get(refused_before..).unwrap_or_default();
            let (_, reason) = refused.first().ok_or("the hub neither took the entry nor refused it")?;
            return Ok(Fate::Refused(format!("refused on receipt: {reason}")));
        }
        let index = Working::new(Box::new(self.world.machines[HUB].index.clone()));
        let reason = index.get::<u16>(&keys::refused(&feed, next.number - 1)).map_err(|e| e.to_string())?;
        match (reason, info) {
            (Some(reason), _) => Ok(Fate::Refused(format!("refused by the hub: {reason}"))),
            (None, Some(info)) => {
                let document = load(self.world.replica(HUB), &id)?;
                if !document.history().iter().any(|(hash, _, _)| *hash == info.hash) {
                    return Err("the change neither counts nor is it refused".into());
                }
                self.known.insert(info.hash);
                Ok(Fate::Accepted)
            }
            (None, None) => Err("what is no change was not refused".into()),
        }
    }

    /// Nothing has gone wrong in the world.
    fn look(&mut self) -> Result<(), String> {
        if !self.world.violations.is_empty() {
            return Err(self.world.violations.join("; "));
        }
        let down = [HUB, FORGER, BYSTANDER].into_iter().find(|name| !self.world.runs(name));
        down.map_or(Ok(()), |name| Err(format!("{name} is down")))
    }

    /// Every record loads and shows the same everywhere.
    fn check_records(&mut self) -> Result<(), String> {
        let victims = self.victims.iter().map(|victim| victim.id).chain([self.untouched[0]]);
        for id in victims.collect::<Vec<_>>() {
            let mut seen = Vec::new();
            for name in [HUB, FORGER] {
                let replica = self.world.replica(name);
                let document = load(replica, &id).map_err(|e| format!("{name}: {e}"))?;
                let again = Document::load(Some(&document.save()), [])
                    .map_err(|e| format!("{name}: {id} saved does not load: {e}"))?;
                if again.heads() != document.heads() || again.fields() != document.fields() {
                    return Err(format!("{name}: {id} saved and loaded is another"));
                }
                seen.push((document.heads(), document.fields(), document.conflicts()));
            }
            if seen[0] != seen[1] {
                return Err(format!("{id} is not the same at the hub and its author"));
            }
        }
        Ok(())
    }

    /// What the journal alone says is what the hub shows.
    fn check_rebuilt(&mut self) -> Result<(), String> {
        let (rebuilt, _) = self.world.rebuilt(HUB).map_err(|e| format!("the hub does not open anew: {e}"))?;
        for victim in &self.victims {
            let hub = self.world.machines[HUB].replica.as_ref().ok_or("the hub is down")?;
            let (now, then) = (load(hub, &victim.id)?, load(&rebuilt, &victim.id)?);
            if now.heads() != then.heads() || now.fields() != then.fields() {
                return Err(format!("{} is another after a rebuild", victim.id));
            }
        }
        Ok(())
    }
}

fn load(replica: &Replica, id: &RecordId) -> Result<Document, String> {
    replica.load_document(id).map_err(|e| format!("{id} does not load: {e}"))
}

impl Target for Hub {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let branch = number as u32;
        let victim = &self.victims[branch as usize % RECORDS];
        // The changes of a record as this branch of the forger would write them: the hub looks at the actor first.
        let actor = birth::actor(&self.feed().device, &self.feed().incarnation, branch);
        let ours = |raw: &[u8]| {
            let mut parts = Parts::of(raw)?;
            parts.actor = actor.to_vec();
            parts.seq = 1;
            Some(parts.bytes())
        };
        let honest = pick(&mut rng, &victim.next);
        let honest = ours(honest).unwrap_or_else(|| honest.clone());
        let mut change = mutate_change(&honest, &victim.next, &mut rng);
        if rng.u8(..4) > 0
            && let Some(mut parts) = Parts::of(&change)
        {
            parts.actor = actor.to_vec();
            change = parts.bytes();
        }
        [&branch.to_le_bytes()[..], &change].concat()
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        match bytes.split_first_chunk::<4>() {
            Some((branch, payload)) => self.deliver(u32::from_le_bytes(*branch), payload),
            None => Ok(Fate::refused("no branch")),
        }
    }

    fn rest(&mut self) -> Result<(), String> {
        self.rounds += 1;
        let value = honest::value("address", self.rounds);
        let text = match &value {
            Value::Text(text) => text.clone(),
            _ => return Err("an address is a text".into()),
        };
        for (name, id) in [FORGER, BYSTANDER].into_iter().zip(self.untouched) {
            self.world.set(name, id, &[("address", &text)]);
            self.world.settle();
            self.look()?;
            if self.world.field(HUB, id, "address").as_ref() != Some(&value) {
                return Err(format!("what {name} saved has not come to the hub"));
            }
            if self.world.level.get(name) != Some(&true) {
                return Err(format!("{name} and the hub are not level"));
            }
        }
        self.check_records()?;
        if self.delivered >= LIFETIME {
            self.check_rebuilt()?;
            *self = Self { rounds: self.rounds, ..Self::new() };
        }
        Ok(())
    }
}
