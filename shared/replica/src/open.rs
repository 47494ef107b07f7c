//! Opening: the journal's tail into the index, grants known again, and a new incarnation where something had been
//! lost.

use crate::arrived::Arrived;
use crate::damage::Doubt;
use crate::error::ReplicaError;
use crate::keychain::Keychain;
use crate::matching::Matching;
use crate::put_off::PutOff;
use crate::replica::{Replica, Role};
use crate::tickets::TicketBook;
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{Channel, DivisionCode, Hlc, Scope};
use huiliu_core::sync::control::{self, Beginning, Note, reason};
use huiliu_core::sync::ledger::Sum;
use huiliu_core::sync::{
    Authority, DeviceKey, Entry, EntryKind, Envelope, FeedId, Hash, Incarnation, Ledger, PublicKey, Run,
    Stamp,
};
use huiliu_store::journal::Tail;
use huiliu_store::keys::Stay;
use huiliu_store::rows::{ControlRow, FeedRow, MatchRow, Meta, WaitingRow};
use huiliu_store::{Disk, Found, Index, Journal, Position, Span, StoreError, Working, keys};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// While catching up, the index is committed when so many rows have changed.
pub(crate) const INDEX_ROWS: usize = 4000;

/// Where random bytes come from: the system, or a seed in simulation.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// Where a replica belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    /// Whose replica it is.
    pub division: DivisionCode,
    /// The home hub's public key, pinned: the root of all grants.
    pub root: PublicKey,
    /// The home hub's division.
    pub hub: DivisionCode,
}

/// An edition of the division registry.
#[derive(Clone, Debug)]
pub struct Edition {
    /// SHA-256 of its text.
    pub sha256: Hash,
    /// The tree.
    pub divisions: Arc<Divisions>,
}

/// What a replica is put together from.
pub struct Parts {
    /// Its files.
    pub disk: Box<dyn Disk>,
    /// Its index, which may be empty or old.
    pub index: Box<dyn Index>,
    /// Its device key.
    pub key: DeviceKey,
    /// Where it belongs.
    pub home: Home,
    /// The edition of the division registry that the program carries.
    pub edition: Edition,
    /// Where random bytes come from.
    pub entropy: Entropy,
    /// Seeded bugs, for the test of the tests, and what makes a simulated program another: see [`crate::upgrade`]. Empty
    /// in a program.
    pub bugs: BTreeSet<&'static str>,
}

impl Replica {
    /// Opens a replica. `now` is milliseconds since 1970 UTC.
    pub fn open(parts: Parts, now: u64) -> Result<Self, ReplicaError> {
        let (mut replica, tail) = Self::put_together(parts, Journal::open_with)?;
        if !replica.has_bug("what the page cache holds taken for durable") {
            replica.keychain.make_sure(replica.journal.disk())?;
        }
        let index_lost = replica.load_index()?;
        replica.read_synced()?;
        replica.catch_up(replica.journal.end())?;
        replica.look_again()?;
        replica.begin(tail, index_lost, now)?;
        replica.load_quarantine()?;
        replica.amend_divisions()?;
        replica.refresh_grants()?;
        // A hub that went down between an entry and its refusal, or within a move, goes on now. One that has lost its
        // own grant does so when a node has brought that back, and opens until then to hear it.
        replica.commit_granted()?;
        replica.save_index()?;
        Ok(replica)
    }

    /// Opens a replica to read it, on a disk that takes nothing: everything can be looked at and exported, and nothing
    /// is written, not even that an incarnation should begin.
    pub fn open_to_read(parts: Parts) -> Result<Self, ReplicaError> {
        let (mut replica, tail) = Self::put_together(parts, |disk, _| Journal::open_to_read(disk))?;
        replica.load_index()?;
        replica.read_synced()?;
        // What is there and not known to be durable cannot be made so here: it is not shown as saved.
        replica.catch_up(replica.journal.durable())?;
        replica.abandon();
        if tail.lost {
            replica.verified_at = None;
        }
        replica.ledger.incarnation = replica.newest_incarnation().unwrap_or(replica.ledger.incarnation);
        replica.load_quarantine()?;
        replica.amend_divisions()?;
        Ok(replica)
    }

    fn put_together(
        parts: Parts,
        open: impl FnOnce(Box<dyn Disk>, &BTreeSet<&'static str>) -> Result<(Journal, Tail), StoreError>,
    ) -> Result<(Self, Tail), ReplicaError> {
        let (journal, tail) = open(parts.disk, &parts.bugs)?;
        let device = parts.key.device();
        let authority = Authority::new(parts.home.root.clone(), parts.home.hub);
        let mut ledger = Ledger::new(device, Incarnation([0; 8]));
        ledger.authority = Some(authority);
        let mut replica = Self {
            key: parts.key,
            home: parts.home,
            journal,
            index: Working::new(parts.index),
            ledger,
            feeds: BTreeMap::new(),
            applied: Position::default(),
            arrived: Arrived::default(),
            recomputes: false,
            put_off: PutOff::default(),
            defers: false,
            index_rows: INDEX_ROWS,
            clock: Hlc::default(),
            minted: 0,
            divisions: parts.edition.divisions.clone(),
            edition: parts.edition,
            tree_changed: true,
            entropy: parts.entropy,
            staged: BTreeMap::new(),
            staged_records: BTreeSet::new(),
            grouping: false,
            unanswered: BTreeSet::new(),
            unsure: BTreeSet::new(),
            stale: BTreeMap::new(),
            judged: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            has_written: false,
            interrupted: false,
            gated: BTreeMap::new(),
            sessions: BTreeMap::new(),
            unheard: BTreeSet::new(),
            batch_sizes: BTreeMap::new(),
            effects: VecDeque::new(),
            acknowledged: BTreeMap::new(),
            verified_at: None,
            told_revoked: None,
            peers: BTreeMap::new(),
            quarantine: BTreeSet::new(),
            withheld: BTreeMap::new(),
            parked: BTreeMap::new(),
            crowded: BTreeSet::new(),
            unread: RefCell::default(),
            keychain: Keychain::default(),
            people: RefCell::new(None),
            matching: Matching::default(),
            tickets: TicketBook::default(),
            greeting: BTreeSet::new(),
            handed: BTreeMap::new(),
            asked_keys: BTreeMap::new(),
            bugs: parts.bugs,
        };
        replica.keychain = Keychain::read(replica.journal.disk())?;
        Ok((replica, tail))
    }

    /// Reads what the index knows; true if it knew of more than the journal has.
    fn load_index(&mut self) -> Result<bool, ReplicaError> {
        let meta: Option<Meta> = self.index.get(&keys::meta()).unwrap_or(None);
        let ahead = meta.is_some_and(|meta| meta.applied.max(meta.held) > self.journal.durable());
        match meta {
            Some(meta) if meta.format == keys::FORMAT && !ahead => {
                if self.load_rows(meta).is_err() {
                    self.forget_index()?;
                }
            }
            _ => self.forget_index()?,
        }
        Ok(ahead)
    }

    fn load_rows(&mut self, meta: Meta) -> Result<(), ReplicaError> {
        self.applied = meta.applied;
        self.clock = meta.clock;
        self.arrived.ahead = self.index.get(&keys::ahead())?.unwrap_or_default();
        for (key, row) in self.index.list::<FeedRow>(&keys::feeds())? {
            let number = u32::from_be_bytes(key.as_slice().try_into().unwrap_or_default());
            self.feeds.insert(row.id, number);
            self.ledger.rewind(row.id, row.head);
            // A hub may have gone down before it closed what this one has made too many.
            self.note_new_feed(&row.id);
        }
        for (channel, sum) in self.index.list::<Sum>(&keys::sums())? {
            let channel = std::str::from_utf8(&channel).ok().and_then(|text| text.parse::<Channel>().ok());
            if let Some(channel) = channel {
                self.ledger.restore_sum(channel, sum);
            }
        }
        for (_, row) in self.index.list::<ControlRow>(&keys::all_control())? {
            self.authority_mut().learn(row.hash, &row.entry);
        }
        for (_, row) in self.index.list::<WaitingRow>(&keys::all_waiting())? {
            self.ledger.set_unapplied(row.feed, row.number, true);
            let refused = keys::refused(&row.feed, row.number);
            if row.feed.device == self.device() && self.index.get(&refused)? == Some(reason::REPEATED) {
                self.unsure.insert(Stay { record: row.record, channel: row.feed.channel });
            }
        }
        for (_, row) in self.index.list::<MatchRow>(&keys::all_matching())? {
            self.apply_matching(&row.feed, &row.entry);
        }
        self.load_tickets()?;
        self.load_closed()?;
        self.load_unsettled()?;
        self.load_parked()
    }

    /// The index is a cache: it is computed again from the whole journal.
    fn forget_index(&mut self) -> Result<(), ReplicaError> {
        self.index.clear()?;
        self.forget_held();
        Ok(())
    }

    /// After a write that failed: what is held is what was saved before.
    pub(crate) fn hold_what_was_saved(&mut self) -> Result<(), ReplicaError> {
        self.index.discard();
        self.forget_held();
        if let Some(meta) = self.index.get(&keys::meta())? {
            self.load_rows(meta)?;
        }
        self.catch_up(self.journal.durable())
    }

    fn forget_held(&mut self) {
        self.feeds.clear();
        self.parked.clear();
        self.stale.clear();
        self.judged.clear();
        self.unsettled.clear();
        self.matching = Matching::default();
        self.forget_people();
        self.forget_tickets();
        self.arrived = Arrived::default();
        self.applied = Position::default();
        let incarnation = self.ledger.incarnation;
        let authority = Authority::new(self.home.root.clone(), self.home.hub);
        self.ledger = Ledger::new(self.key.device(), incarnation);
        self.ledger.authority = Some(authority);
    }

    /// Puts what the journal holds beyond the index, up to a position, into it. Refusals are read first: a rebuild obeys
    /// them instead of judging again.
    pub(crate) fn catch_up(&mut self, until: Position) -> Result<(), ReplicaError> {
        self.recomputes = true;
        let caught_up = self.compute_again(until);
        self.recomputes = false;
        caught_up
    }

    fn compute_again(&mut self, until: Position) -> Result<(), ReplicaError> {
        let mut places: Vec<(FeedId, u64, Span)> = Vec::new();
        let mut refusals: Vec<Run> = Vec::new();
        let (mut doubt, mut damaged) = (Doubt::new(self), Vec::new());
        self.journal.scan::<ReplicaError>(self.applied, |found| {
            match found {
                Found::Run(_, span) if span.at >= until => {}
                Found::Run(run, span) => {
                    doubt.run(&run);
                    places.push((run.feed, run.first, span));
                    if run.entries.iter().any(|entry| entry.kind == EntryKind::REFUSAL) {
                        refusals.push(run);
                    }
                }
                Found::Damaged(damage) => {
                    doubt.damage();
                    damaged.push(damage);
                }
            }
            Ok(())
        })?;
        damaged.iter().for_each(|damage| self.note_damage(damage));
        if doubt.is_open {
            // Stays until another incarnation has begun, be it after a crash in between.
            self.index.put(keys::doubt(), &true);
        }
        refusals.retain(|_| !self.has_bug("refusal not obeyed on rebuild"));
        refusals.iter().for_each(|run| self.note_refusals(run));
        for (feed, first, span) in places {
            let run = self.journal.read(&feed, first, span)?;
            let own = run.feed.device == self.key.device();
            for envelope in run.entries.iter().filter_map(|entry| entry.envelope.as_ref()).filter(|_| own) {
                self.clock = self.clock.max(envelope.stamp.at);
            }
            // After a hole the chain cannot be followed: what comes behind it is parked until the hole is filled.
            if let Some(previous) = self.register_held(&run, span) {
                self.apply_run(&run, previous)?;
                self.join_parked(&run.feed)?;
            }
            if self.index.pending() > self.index_rows {
                self.evaluate_stale()?;
                self.applied = span.end();
                self.save_index()?;
            }
        }
        self.evaluate_stale()?;
        self.applied = until;
        self.arrived.ahead.clear();
        self.save_index()
    }

    /// Finds the present incarnation, or begins one.
    fn begin(&mut self, tail: Tail, index_lost: bool, now: u64) -> Result<(), ReplicaError> {
        self.minted = (self.clock.millis() + 1) << 12;
        let newest = self.newest_incarnation();
        let device = self.key.device();
        let behind_hole = self
            .parked
            .keys()
            .any(|feed| feed.device == device && newest.is_some_and(|newest| feed.incarnation == newest));
        let in_doubt = self.index.get::<bool>(&keys::doubt())?.is_some();
        match newest {
            _ if tail.lost || index_lost || in_doubt || behind_hole => {
                self.forget_verified()?;
                self.index.remove(keys::doubt());
                self.begin_again(Beginning::LostTail, now)
            }
            Some(incarnation) => {
                self.ledger.incarnation = incarnation;
                Ok(())
            }
            None => self.begin_again(Beginning::New, now),
        }
    }

    /// The incarnation in which this replica wrote last.
    fn newest_incarnation(&self) -> Option<Incarnation> {
        let notebooks = self.feeds.iter().filter(|(feed, _)| feed.channel.scope == Scope::Local);
        notebooks.max_by_key(|(_, number)| **number).map(|(feed, _)| feed.incarnation)
    }

    /// Draws a new incarnation and notes it; from now on entries are written in new feeds.
    pub(crate) fn begin_again(&mut self, why: Beginning, now: u64) -> Result<(), ReplicaError> {
        self.draw_incarnation(why, now);
        self.commit_granted().map(|_| ())
    }

    /// A hub begins a new incarnation with what it writes first after a start.
    pub(crate) fn begin_writing(&mut self, now: u64) {
        if self.role() == Role::Hub && !self.has_written {
            self.draw_incarnation(Beginning::Started, now);
        }
    }

    /// Forgets staged edits: they were made under a name, or on a record, that is no longer this replica's alone. Nobody
    /// was told that they are saved, and whoever commits them is told to do it again.
    pub(crate) fn drop_staged_edits(&mut self) {
        let edits = self.staged.values().flatten().filter(|entry| entry.kind == EntryKind::EDIT).count();
        if edits > 0 {
            self.interrupted = true;
            self.staged
                .values_mut()
                .for_each(|entries| entries.retain(|entry| entry.kind != EntryKind::EDIT));
            self.staged.retain(|_, entries| !entries.is_empty());
            self.staged_records.clear();
            self.gated.clear();
        }
    }

    /// Draws a new incarnation; it begins with the next commit.
    pub(crate) fn draw_incarnation(&mut self, why: Beginning, now: u64) {
        self.drop_staged_edits();
        let mut bytes = [0; 8];
        (self.entropy)(&mut bytes);
        let incarnation = Incarnation(bytes);
        self.ledger.incarnation = incarnation;
        self.has_written = true;
        self.note(&Note::Began { incarnation, why }, "huiliu", now);
    }

    /// Writes something into the notebook, with the next commit.
    pub(crate) fn note(&mut self, note: &Note, who: &str, now: u64) {
        self.stage_local(EntryKind::NOTE, control::encode(note), who, now);
    }

    /// Stages a local entry.
    pub(crate) fn stage_local(&mut self, kind: EntryKind, payload: Vec<u8>, who: &str, now: u64) {
        let stamp = self.stamp(who, now);
        self.stage_entry(self.notebook(), kind, stamp, payload);
    }

    /// Stages an entry that is about no record.
    pub(crate) fn stage_entry(&mut self, channel: Channel, kind: EntryKind, stamp: Stamp, payload: Vec<u8>) {
        let envelope = Some(Envelope::of_no_record(stamp));
        self.staged.entry(channel).or_default().push(Entry { kind, envelope, payload });
    }

    pub(crate) fn authority(&self) -> &Authority {
        self.ledger.authority.as_ref().expect("set on opening")
    }

    pub(crate) fn authority_mut(&mut self) -> &mut Authority {
        self.ledger.authority.as_mut().expect("set on opening")
    }
}
