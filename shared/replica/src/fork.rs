//! Feeds with two branches. A replica that was restored or cloned writes under one name what another of that name
//! does not have. The hub keeps the branch it accepted first and says so in a Fork entry; whoever holds another goes
//! back to where the two part, and what its author had written there is written again in a new incarnation.

use crate::apply::stay_of;
use crate::error::ReplicaError;
use crate::replica::{Replica, Role};
use huiliu_core::sync::control::{self, Beginning, Fork, Note, Refusal, reason};
use huiliu_core::sync::entry::entry_hash;
use huiliu_core::sync::feed::check_run;
use huiliu_core::sync::message::Compare;
use huiliu_core::sync::{Authority, DeviceId, EntryKind, FeedId, Hash, Head, PublicKey, Run};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ControlRow, FeedRow, MoveRow, RunRow, WaitingRow};
use std::collections::{BTreeMap, BTreeSet};

/// Where one feed is asked about, so many of its newest points are told.
pub(crate) const POINTS_EACH: usize = 32;

impl Replica {
    /// Where a feed stood at one of its points; number 0 is before the first entry.
    pub(crate) fn point(&self, feed: &FeedId, number: u64) -> Result<Option<Head>, ReplicaError> {
        if number == 0 {
            return Ok(Some(Head::START));
        }
        let Some(no) = self.feeds.get(feed) else { return Ok(None) };
        Ok(self.index.get::<RunRow>(&keys::run(*no, number))?.map(|row| row.head))
    }

    /// The question where the branches of these feeds part. Of each so many of the newest points are told, and older
    /// ones ever further apart.
    pub(crate) fn chains(&self, feeds: &BTreeSet<FeedId>, each: usize) -> Result<Compare, ReplicaError> {
        let chains = feeds.iter().map(|feed| Ok((*feed, self.points(feed, each)?)));
        Ok(Compare::Chains(chains.collect::<Result<_, ReplicaError>>()?))
    }

    fn points(&self, feed: &FeedId, each: usize) -> Result<Vec<(u64, Hash)>, ReplicaError> {
        let Some(no) = self.feeds.get(feed) else { return Ok(Vec::new()) };
        let runs = self.index.list::<RunRow>(&keys::runs(*no))?;
        let newest_first = runs.iter().rev().enumerate();
        let told = newest_first.filter(|(back, _)| *back < each || back.is_power_of_two());
        Ok(told.map(|(_, (_, row))| (row.head.number, row.head.hash)).collect())
    }

    /// Whether a run is the stretch of its feed that is held here, and not another of the same numbers.
    pub(crate) fn is_same(&self, run: &Run) -> Result<bool, ReplicaError> {
        let ends = (self.point(&run.feed, run.first - 1)?, self.point(&run.feed, run.last())?);
        let (Some(before), Some(after)) = ends else { return Ok(false) };
        Ok(hashes(run, before.hash).last() == Some(&after.hash))
    }

    /// The home hub's word on a run that its author signed although other entries of these numbers are here.
    pub(crate) fn fork(&self, author: &PublicKey, run: &Run) -> Result<Option<Fork>, ReplicaError> {
        let Some(before) = self.point(&run.feed, run.first - 1)? else { return Ok(None) };
        if self.role() != Role::Hub || check_run(author, &before, run).is_err() {
            return Ok(None);
        }
        let mut ours = before.hash;
        for (number, theirs) in (run.first..).zip(hashes(run, before.hash)) {
            let Some(entry) = self.entry_at(&run.feed, number)? else { break };
            ours = entry_hash(&run.feed, number, &ours, &entry);
            if ours != theirs {
                let (device, incarnation) = (run.feed.device, run.feed.incarnation);
                let known = self.index.get::<Hash>(&keys::fork(&run.feed, number))?.is_some();
                return Ok((!known).then_some(Fork { device, incarnation, number, hash: ours }));
            }
        }
        Ok(None)
    }

    /// The hub has other branches of these feeds: each is the same up to the number given. What follows here is taken
    /// out, and what this replica wrote there is written again, in one append. Whether there was any.
    pub(crate) fn rewind(
        &mut self,
        common: &[(FeedId, u64)],
        why: u16,
        now: u64,
    ) -> Result<bool, ReplicaError> {
        self.drop_staged_edits();
        self.commit_granted()?;
        let mut losing: BTreeMap<FeedId, u64> = BTreeMap::new();
        for (feed, after) in common.iter().filter(|(feed, _)| feed.channel.is_shared()) {
            if *after < self.ledger.head(feed).number && self.point(feed, *after)?.is_some() {
                losing.insert(*feed, *after);
            }
        }
        if losing.is_empty() {
            return Ok(false);
        }
        if losing.keys().any(|feed| self.is_present_own(feed)) {
            self.draw_incarnation(Beginning::SeenElsewhere, now);
        }
        for (feed, after) in &losing {
            self.note(&Note::Rewound { feed: *feed, after: *after }, "huiliu", now);
            if let Some(known) = self.acknowledged.get_mut(feed) {
                *known = (*known).min(*after);
            }
        }
        for (stay, gone) in self.changes_after(&losing)? {
            let rows = self.change_rows(&stay)?;
            let again = own_among(&rows, &gone, &self.device());
            if self.has_bug("losing branch not written again") {
                continue;
            }
            self.keep_drafts(&stay, gone.difference(&again), why, now)?;
            self.write_again(&stay, &again, &gone, why, now, false)?;
        }
        self.commit_notebook_first()?;
        Ok(true)
    }

    /// The changes that their authors wrote after these numbers of these feeds, by stay.
    pub(crate) fn changes_after(
        &self,
        after: &BTreeMap<FeedId, u64>,
    ) -> Result<BTreeMap<Stay, BTreeSet<Hash>>, ReplicaError> {
        let mut found: BTreeMap<Stay, BTreeSet<Hash>> = BTreeMap::new();
        self.index.each(&keys::all_changes(), &[], |key, row: ChangeRow| {
            let goes = row.is_entry() && after.get(&row.feed).is_some_and(|after| row.number > *after);
            if let (Some(stay), true) = (stay_of(key, &row.feed), goes) {
                found.entry(stay).or_default().insert(row.hash);
            }
            true
        })?;
        Ok(found)
    }

    /// Takes the entries of a feed after a number out of index and ledger, as if they had never come.
    pub(crate) fn take_out(&mut self, feed: &FeedId, after: u64) -> Result<(), ReplicaError> {
        self.drop_parked(feed, after);
        // Of a feed of which nothing came before a hole, only what was brought back from behind it is here.
        if let Some(no) = self.feeds.get(feed).copied() {
            let Some(head) = self.point(feed, after)? else { return Ok(()) };
            self.take_out_runs(feed, no, head)?;
        }
        for (_, waiting) in self.index.list::<WaitingRow>(&keys::waiting_of(feed))? {
            if waiting.number > after {
                self.count_entry(feed, waiting.number);
            }
        }
        let mut stays: BTreeSet<Stay> = BTreeSet::new();
        self.index.each(&keys::all_changes(), &[], |key, row: ChangeRow| {
            let (stood, number) = row.place();
            stays.extend(stay_of(key, &stood).filter(|_| stood == *feed && number > after));
            true
        })?;
        self.index.each(&keys::all_moves(), &[], |key, row: MoveRow| {
            stays.extend(stay_of(key, feed).filter(|_| row.feed == *feed && row.number > after));
            true
        })?;
        stays.iter().try_for_each(|stay| self.take_out_of(stay, feed, after))
    }

    /// The feed ends at `head` again.
    fn take_out_runs(&mut self, feed: &FeedId, no: u32, head: Head) -> Result<(), ReplicaError> {
        let after = head.number;
        let rows = self.index.list::<RunRow>(&keys::runs(no))?;
        let gone: Vec<RunRow> =
            rows.into_iter().map(|(_, row)| row).filter(|row| row.head.number > after).collect();
        if feed.device == self.home.root.device() {
            self.take_out_hubs(feed, after, &gone)?;
        }
        for row in &gone {
            self.index.remove(keys::run(no, row.head.number));
        }
        self.ledger.rewind(*feed, head);
        self.index.put(keys::feed(no), &FeedRow { id: *feed, head });
        Ok(())
    }

    fn take_out_of(&mut self, stay: &Stay, feed: &FeedId, after: u64) -> Result<(), ReplicaError> {
        let Some(mut record) = self.stay_row(stay)? else { return Ok(()) };
        let mut rows = self.entry_rows(stay)?;
        self.fill_raw(stay, &mut rows)?;
        for at in 0..record.changes {
            self.index.remove(keys::change(stay, at));
        }
        let goes = |(stood, number): (FeedId, u64)| stood == *feed && number > after;
        for row in rows.extract_if(.., |row| goes(row.place())) {
            let (feed, number) = row.place();
            self.count_entry(&feed, number);
        }
        for (at, row) in (0..).zip(&rows) {
            self.index.put(keys::change(stay, at), row);
        }
        self.index.remove(keys::snapshot(stay));
        for (key, row) in self.index.list::<MoveRow>(&keys::moves(stay))? {
            if goes((row.feed, row.number)) {
                self.index.remove([keys::moves(stay), key].concat());
            }
        }
        record.changes = rows.len() as u32;
        self.index.put(keys::stay(stay), &record);
        self.stand_anew(stay, record.kind)?;
        if rows.is_empty() && self.index.list::<MoveRow>(&keys::moves(stay))?.is_empty() {
            // As if nothing of it had ever come.
            self.index.remove(keys::stay(stay));
        }
        Ok(())
    }

    /// Grants, revocations and refusals that stood on a branch of the hub's own.
    fn take_out_hubs(&mut self, feed: &FeedId, after: u64, gone: &[RunRow]) -> Result<(), ReplicaError> {
        for row in gone {
            let Some(run) = self.read_run(feed, row.first, row.span)? else { continue };
            for (_, entry) in (run.first..).zip(&run.entries).filter(|(number, _)| *number > after) {
                if let (EntryKind::REFUSAL, Some(refusal)) =
                    (entry.kind, control::decode::<Refusal>(&entry.payload))
                {
                    let refused =
                        FeedId { device: refusal.device, incarnation: refusal.incarnation, ..*feed };
                    self.index.remove(keys::refused(&refused, refusal.number));
                }
            }
        }
        if self.authority().is_control(feed) {
            let no = self.feeds.get(feed).copied().unwrap_or_default();
            let mut authority = Authority::new(self.home.root.clone(), self.home.hub);
            for (key, row) in self.index.list::<ControlRow>(&keys::all_control())? {
                if key.starts_with(&no.to_be_bytes()) && key[4..] > after.to_be_bytes()[..] {
                    self.index.remove([keys::all_control(), key].concat());
                } else {
                    authority.learn(row.hash, &row.entry);
                }
            }
            *self.authority_mut() = authority;
        }
        Ok(())
    }

    /// The peer holds our own feed up to a point. One that we do not have: this replica was restored, cloned or rolled
    /// back, and begins a new incarnation at once; the old feed fills in like any other. One that is not ours: the
    /// feed has two branches, and the answer is the question where they part.
    pub(crate) fn seen_under_our_name(
        &mut self,
        feed: &FeedId,
        number: u64,
        hash: &Hash,
        now: u64,
    ) -> Result<Option<Compare>, ReplicaError> {
        if number > self.ledger.head(feed).number {
            if self.is_present_own(feed) {
                self.begin_again(Beginning::SeenElsewhere, now)?;
            }
            return Ok(None);
        }
        if self.point(feed, number)?.is_some_and(|head| head.hash == *hash) {
            let known = self.acknowledged.entry(*feed).or_default();
            *known = (*known).max(number);
            return Ok(None);
        }
        self.chains(&BTreeSet::from([*feed]), POINTS_EACH).map(Some)
    }
}

/// The changes of a device that will not count when some are gone, its own among them and its own that follow any, but
/// for those that follow another's: these wait until that is written again.
fn own_among(rows: &[ChangeRow], gone: &BTreeSet<Hash>, device: &DeviceId) -> BTreeSet<Hash> {
    let theirs = rows.iter().filter(|row| gone.contains(&row.hash) && row.feed.device != *device);
    let theirs = with_followers(rows, theirs.map(|row| row.hash).collect());
    let own = rows.iter().filter(|row| row.feed.device == *device && !theirs.contains(&row.hash));
    let all = with_followers(rows, gone.clone());
    own.map(|row| row.hash).filter(|hash| all.contains(hash)).collect()
}

/// These changes and all that follow them.
fn with_followers(rows: &[ChangeRow], mut changes: BTreeSet<Hash>) -> BTreeSet<Hash> {
    let follows = |row: &ChangeRow, changes: &BTreeSet<Hash>| {
        !changes.contains(&row.hash) && row.deps.iter().any(|dep| changes.contains(dep))
    };
    while let Some(row) = rows.iter().find(|row| follows(row, &changes)) {
        changes.insert(row.hash);
    }
    changes
}

/// The chain hash after each entry of a run.
fn hashes(run: &Run, before: Hash) -> Vec<Hash> {
    let mut hash = before;
    let numbered = (run.first..).zip(&run.entries);
    numbered
        .map(|(number, entry)| {
            hash = entry_hash(&run.feed, number, &hash, entry);
            hash
        })
        .collect()
}

/// Whether the hub's answer about an entry ends its feed there, so that what follows is written elsewhere.
pub(crate) fn ends_feed(why: u16) -> bool {
    matches!(why, reason::OUT_OF_SCOPE | reason::BAD_SHAPE | reason::NOT_THE_HUB)
}
