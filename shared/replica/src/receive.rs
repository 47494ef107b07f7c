//! Receiving: a batch's claims checked against chains, signatures, grants and scope, made durable, applied. What may
//! not enter a channel goes into the quarantine and is answered; what only came too early is left with its sender.

use crate::error::ReplicaError;
use crate::fork::ends_feed;
use crate::moves::{MAX_HUB_RUN_BYTES, MAX_PAYLOAD_BYTES};
use crate::replica::Replica;
use crate::serve_peer::Reading;
use huiliu_core::documents::change::MAX_CHANGE_BYTES;
use huiliu_core::sync::control::{self, Beginning, Quarantined, reason};
use huiliu_core::sync::entry::entry_hash;
use huiliu_core::sync::feed::{BadRun, MAX_ENCODED_BYTES, MAX_UNKNOWN_BYTES, check_run, run_grant};
use huiliu_core::sync::message::Refused;
use huiliu_core::sync::session::Session;
use huiliu_core::sync::{Admission, DeviceId, EntryKind, FeedId, Hash, Head, Run, wire};
use std::collections::{BTreeMap, BTreeSet};

/// The quarantine holds at most so many things, and of each at most so many bytes.
const MAX_QUARANTINED: usize = 1000;
const MAX_QUARANTINED_BYTES: usize = 4096;
/// A batch of which so many runs are refused is not looked at any further: honest peers are refused a run or two.
const MAX_REFUSED: usize = 256;

/// A clock that is further ahead of ours is not followed.
const MAX_AHEAD_MS: u64 = 15 * 60 * 1000;

/// What came.
pub(crate) enum Came {
    /// A batch; what may enter is durable.
    Taken(Received),
    /// A batch that can be judged when all that came before it is applied; nothing of it was kept.
    Early,
    /// These bytes are no batch.
    Nonsense,
}

/// What came of a batch.
#[derive(Default)]
pub(crate) struct Received {
    /// Where its feeds stand.
    pub(crate) heads: Vec<(FeedId, u64)>,
    /// What will never be taken.
    pub(crate) refused: Vec<Refused>,
    /// Feeds of which the hub seems to have another branch than we.
    pub(crate) doubtful: BTreeSet<FeedId>,
}

/// What is decided about a run.
enum Intake {
    Take(Head),
    /// Already here.
    Held,
    /// Something it needs has not come yet.
    Early,
    /// The home hub has another branch of the feed, or bytes were changed on their way.
    Doubt,
    Refuse(u16),
}

impl Replica {
    /// Checks a batch and makes what may enter durable.
    pub(crate) fn receive(
        &mut self,
        session: &Session,
        batch: &[u8],
        now: u64,
    ) -> Result<Came, ReplicaError> {
        let runs = match wire::decode(batch, &Reading { replica: self, session }) {
            Ok(runs) => runs,
            // A reference to what is not here can follow from something left with its sender: it is sent again.
            Err(wire::BadBatch::Dangling) => return Ok(Came::Taken(Received::default())),
            Err(_) => return Ok(Came::Nonsense),
        };
        // What decides about others, and what is noted about a run that is refused, comes after all that came before it.
        let behind = self.is_behind();
        if behind && !self.may_wait(&runs) {
            return Ok(Came::Early);
        }
        let mut heads: BTreeMap<FeedId, Head> = BTreeMap::new();
        let (mut take, mut held, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut doubtful = BTreeSet::new();
        let from_hub = session.peer() == self.home.root.device();
        for run in runs {
            let head = heads.get(&run.feed).copied().unwrap_or(self.ledger.head(&run.feed));
            match self.intake(&run, &head, from_hub)? {
                Intake::Take(next) => {
                    self.learn_early(&run, &head);
                    self.follow_clock(&run, now);
                    heads.insert(run.feed, next);
                    take.push(run);
                }
                Intake::Held => held.push((run.feed, run.last())),
                Intake::Early => {}
                Intake::Doubt => drop(doubtful.insert(run.feed)),
                Intake::Refuse(_) if behind => return Ok(Came::Early),
                Intake::Refuse(_) if refused.len() >= MAX_REFUSED => return Ok(Came::Nonsense),
                Intake::Refuse(reason) => {
                    refused.push(Refused { feed: run.feed, number: run.first, reason });
                    if !self.word_on_fork(&run, reason, now)? {
                        self.quarantine(&run, reason, session.peer(), now);
                    }
                }
            }
        }
        if self.has_bug("signed point skipped") {
            take.iter_mut().for_each(|run: &mut Run| drop(run.entries.pop()));
        }
        let unknown_own = take.iter().any(|run| self.is_present_own(&run.feed));
        if !take.is_empty() {
            self.keep(take)?;
            if self.has_bug("acknowledged before stored") {
                held.extend(heads.into_iter().map(|(feed, head)| (feed, head.number)));
                return Ok(Came::Taken(Received { heads: held, refused, doubtful }));
            }
        }
        if unknown_own {
            self.begin_again(Beginning::SeenElsewhere, now)?;
        }
        // Quarantine entries stand before the answer, and so do refusals by the gate, if it has looked already.
        if !self.is_behind() || !refused.is_empty() {
            self.commit_granted()?;
        }
        held.extend(heads.into_iter().map(|(feed, head)| (feed, head.number)));
        Ok(Came::Taken(Received { heads: held, refused, doubtful }))
    }

    /// Whether a feed is the one this replica is writing.
    pub(crate) fn is_present_own(&self, feed: &FeedId) -> bool {
        feed.device == self.device() && feed.incarnation == self.incarnation()
    }

    fn intake(&self, run: &Run, head: &Head, from_hub: bool) -> Result<Intake, ReplicaError> {
        let is_old = run.last() <= head.number && !self.has_bug("duplicate applied twice");
        if is_old && self.is_same(run)? {
            return Ok(Intake::Held);
        }
        Ok(self.judge_run(run, head, from_hub))
    }

    fn judge_run(&self, run: &Run, head: &Head, from_hub: bool) -> Intake {
        if !self.ledger.may_read(&self.device(), run.feed.channel) && !self.has_bug("scope ignored") {
            // Before its own grant has come a replica may see the control channel alone: the rest is only early.
            let knows_itself = self.authority().grant_of(&self.device()).is_some();
            return if knows_itself { Intake::Refuse(reason::OUT_OF_SCOPE) } else { Intake::Early };
        }
        let Ok(grant) = run_grant(run) else { return Intake::Refuse(reason::BAD_SHAPE) };
        let author = match self.authority().admit(&run.feed, &grant) {
            Admission::Granted(author) => author,
            Admission::Unknown => return Intake::Early,
            Admission::OutOfScope if self.has_bug("scope ignored") => {
                match self.authority().last_grant_of(&run.feed.device) {
                    Some((_, grant)) => grant.key.clone(),
                    None => return Intake::Early,
                }
            }
            Admission::OutOfScope => return Intake::Refuse(reason::OUT_OF_SCOPE),
        };
        if let Some(reason) = self.wrong_entry(run) {
            return Intake::Refuse(reason);
        }
        match check_run(&author, head, run) {
            Ok(next) => Intake::Take(next),
            _ if from_hub && head.number > 0 && run.first <= head.number + 1 => Intake::Doubt,
            // Other entries of these numbers are here.
            _ if run.first <= head.number => Intake::Refuse(reason::FORKED),
            Err(BadRun::Gap) => Intake::Early,
            Err(BadRun::Shape) => Intake::Refuse(reason::BAD_SHAPE),
            // The same author's signature over another chain is a fork; which of the two it is, the hub decides.
            Err(BadRun::Signature) if head.number > 0 => Intake::Refuse(reason::FORKED),
            Err(BadRun::Signature) => Intake::Refuse(reason::BAD_SIGNATURE),
        }
    }

    /// The home hub says of a feed with two branches which one counts; whether these are two branches.
    fn word_on_fork(&mut self, run: &Run, why: u16, now: u64) -> Result<bool, ReplicaError> {
        let grant = run_grant(run).unwrap_or(Hash::ZERO);
        let Admission::Granted(author) = self.authority().admit(&run.feed, &grant) else { return Ok(false) };
        let fork = if why == reason::FORKED { self.fork(&author, run)? } else { None };
        if let Some(fork) = &fork {
            let stamp = self.stamp("huiliu", now);
            self.stage_entry(run.feed.channel, EntryKind::FORK, stamp, control::encode(fork));
        }
        Ok(fork.is_some())
    }

    /// Whether a run is larger than anybody takes, all of it counted, envelopes included. Who takes a run must be able to
    /// send it on, and who sends one asks the same.
    pub(crate) fn is_too_large(&self, run: &Run) -> bool {
        let strange = run.entries.iter().any(|entry| !entry.kind.is_known());
        let most = match (strange, run.feed.device == self.home.root.device()) {
            (true, _) => MAX_UNKNOWN_BYTES,
            (_, true) => MAX_HUB_RUN_BYTES,
            (_, false) => MAX_ENCODED_BYTES,
        };
        run.encoded_bytes() > most
    }

    /// The reason for which an entry of the run may not stand where it stands.
    fn wrong_entry(&self, run: &Run) -> Option<u16> {
        let is_root = run.feed.device == self.home.root.device();
        if self.is_too_large(run) && !self.has_bug("runs of any size are taken") {
            return Some(reason::BAD_SHAPE);
        }
        run.entries.iter().find_map(|entry| {
            let cap = if entry.kind == EntryKind::EDIT { MAX_CHANGE_BYTES } else { MAX_PAYLOAD_BYTES };
            let empty = entry.kind == EntryKind::EDIT && entry.payload.is_empty();
            if entry.payload.len() > cap || empty || entry.kind.is_local() {
                Some(reason::BAD_SHAPE)
            } else if entry.kind.is_hubs() && !is_root {
                Some(reason::NOT_THE_HUB)
            } else {
                None
            }
        })
    }

    /// What is written after seeing an entry is stamped after it, unless its author's clock is far ahead of ours.
    fn follow_clock(&mut self, run: &Run, now: u64) {
        let stamps = run.entries.iter().filter_map(|entry| Some(entry.envelope.as_ref()?.stamp.at));
        let believable = stamps.filter(|at| at.millis() <= now + MAX_AHEAD_MS);
        self.clock = believable.max().map_or(self.clock, |at| at.max(self.clock));
    }

    /// Grants count for the runs after them in the same batch.
    fn learn_early(&mut self, run: &Run, head: &Head) {
        if self.authority().is_control(&run.feed) {
            let mut hash = head.hash;
            for (number, entry) in (run.first..).zip(&run.entries) {
                hash = entry_hash(&run.feed, number, &hash, entry);
                self.authority_mut().learn(hash, entry);
            }
        }
    }

    /// Notes what was refused, once and within bounds.
    fn quarantine(&mut self, run: &Run, reason: u16, peer: DeviceId, now: u64) {
        let mut bytes = run.entries.first().map(|entry| entry.payload.clone()).unwrap_or_default();
        bytes.truncate(MAX_QUARANTINED_BYTES);
        let quarantined = Quarantined { ours: false, feed: run.feed, number: run.first, reason, peer, bytes };
        self.note_quarantined(&quarantined, now);
    }

    /// The peer will never take these entries of ours. Gives back feeds of which it has another branch, and whether feeds
    /// stand elsewhere now.
    pub(crate) fn refused_there(
        &mut self,
        refused: &[Refused],
        peer: DeviceId,
        now: u64,
    ) -> Result<(BTreeSet<FeedId>, bool), ReplicaError> {
        let (mut forked, mut ended) = (BTreeSet::new(), Vec::new());
        for Refused { feed, number, reason } in refused {
            if *reason == reason::FORKED && peer == self.home.root.device() {
                forked.insert(*feed);
                continue;
            }
            // What it has acknowledged it has: then the refusal is of something that was changed on its way.
            let held = self.acknowledged.get(feed).is_some_and(|held| *held >= *number);
            let ours = feed.device == self.device() && peer == self.home.root.device();
            if ours && !held && ends_feed(*reason) {
                ended.extend(self.point_before(feed, *number)?.map(|after| (*feed, after, *reason)));
            }
            let quarantined = Quarantined {
                ours: true,
                feed: *feed,
                number: *number,
                reason: *reason,
                peer,
                bytes: Vec::new(),
            };
            self.note_quarantined(&quarantined, now);
        }
        self.commit_granted()?;
        let mut rewound = false;
        for (feed, after, why) in ended {
            rewound |= self.rewind(&[(feed, after)], why, now)?;
        }
        Ok((forked, rewound))
    }

    /// The last point of a feed before a number.
    fn point_before(&self, feed: &FeedId, number: u64) -> Result<Option<u64>, ReplicaError> {
        let run = self.run_at(feed, number)?;
        Ok(run.map(|run| run.first - 1))
    }

    fn note_quarantined(&mut self, quarantined: &Quarantined, now: u64) {
        let Quarantined { ours, feed, number, reason, .. } = *quarantined;
        if self.quarantine.len() < MAX_QUARANTINED && self.quarantine.insert((ours, feed, number, reason)) {
            self.stage_local(EntryKind::QUARANTINED, control::encode(quarantined), "huiliu", now);
        }
    }

    /// Reads what the quarantine holds, to be told apart from what comes.
    pub(crate) fn load_quarantine(&mut self) -> Result<(), ReplicaError> {
        let held = self.quarantined()?;
        self.quarantine = held.iter().map(|one| (one.ours, one.feed, one.number, one.reason)).collect();
        Ok(())
    }

    /// What is in the quarantine, oldest first.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, ReplicaError> {
        let held = self.locals(EntryKind::QUARANTINED)?;
        Ok(held.iter().filter_map(|entry| control::decode(&entry.payload)).collect())
    }
}
