//! Writing again. A change that counts nowhere, because its feed forked, or because what it follows was refused, is
//! written again by its author's replica: the same values, seen from where the author saw the record, under a new
//! branch, so that no (actor, sequence number) is used twice and nobody's later value is overruled. What cannot be
//! written again becomes a draft.

use crate::error::ReplicaError;
use crate::legal::{lowest_edition, was_ever_allowed};
use crate::repeats::{
    Contents, Standing, is_final, is_makers, is_written_again, origin_of, overtaken, said_first, unborn,
};
use crate::replica::{Replica, Role};
use huiliu_core::documents::{Document, Verdict, gate, inspect, writes};
use huiliu_core::model::RecordId;
use huiliu_core::sync::control::{self, Draft, reason};
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::{Entry, EntryKind, Envelope, FeedId, Hash, birth};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ChangeState, Stands, Waiting, WaitingRow};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a change that is to be written again.
enum Again {
    Written(Box<Entry>),
    /// Nothing is left of it to write.
    SaysNothing,
    /// The record is full.
    TooLarge,
    Cannot,
}

impl Replica {
    /// Stages again these changes of a record, which this replica wrote where they `stood` and which will not count, or
    /// do not. Changes that are `gone` are about to be taken out. `why` they do not count where they stood.
    /// `given_up`: what is not here nobody has, and nothing waits for it any more.
    pub(crate) fn write_again(
        &mut self,
        stood: &Stay,
        changes: &BTreeSet<Hash>,
        gone: &BTreeSet<Hash>,
        why: u16,
        now: u64,
        given_up: bool,
    ) -> Result<(), ReplicaError> {
        let stay = if given_up { &self.home_of(stood)? } else { stood };
        let Some((epoch, ended)) = self.stay_row(stay)?.map(|row| (row.epoch, row.has_ended())) else {
            return Ok(());
        };
        let mut rows = self.change_rows(stay)?;
        self.fill_raw(stay, &mut rows)?;
        if stay != stood {
            let mut strayed = self.entry_rows(stood)?;
            self.fill_raw(stood, &mut strayed)?;
            rows.extend(strayed);
        }
        let mut known = self.document(stay)?;
        let mut replaced: BTreeMap<Hash, Hash> = BTreeMap::new();
        let here = |row: &&ChangeRow| row.is_entry() && changes.contains(&row.hash);
        let mut again: Vec<&ChangeRow> = rows.iter().filter(here).collect();
        // Its own time puts a change after what its author had seen.
        again.sort_by_key(|row| row.envelope.stamp.at);
        let mut branch = None;
        let (mut lost, mut drafted) = (self.lost(&rows)?, BTreeSet::new());
        let without: BTreeSet<Hash> = gone.union(changes).copied().collect();
        for row in again {
            let standing = Standing { rows: &rows, gone: &without, replaced: &replaced, lost: &lost };
            let follows = if given_up { self.had_seen(row, stay, &standing) } else { row.deps.clone() };
            let rootless = !row.deps.is_empty() && standing.of(&follows).is_some_and(|all| all.is_empty());
            let may = why == reason::FORKED || row.envelope.origin.is_none();
            // Where nothing is left of a record only its maker can begin it again.
            let may = may && (!rootless || is_makers(row));
            let seen = standing.seen(&follows, &known).filter(|_| may);
            let written = match seen {
                Some(seen) => {
                    // Only now: a hub begins no incarnation in which nothing will be written.
                    self.begin_writing(now);
                    let first = branch.map_or_else(|| self.free_branch(&stay.record), Ok)?;
                    self.again(row, seen, *branch.insert(first), stay, epoch)
                }
                None => Again::Cannot,
            };
            match written {
                Again::SaysNothing => {
                    lost.insert(row.hash);
                    if given_up {
                        // It changed what is lost, and says nothing without it: that is for a person to see.
                        self.keep_draft(row, why, now)?;
                    }
                }
                Again::Written(mut entry) => {
                    known.add(&entry.payload)?;
                    replaced.insert(row.hash, payload_hash(&entry));
                    branch = branch.map(|branch| branch + 1);
                    let stamp = self.stamp(&row.envelope.stamp.who, now);
                    entry.envelope.iter_mut().for_each(|envelope| envelope.stamp = stamp.clone());
                    self.staged_records.insert(stay.record);
                    self.staged.entry(stay.channel).or_default().push(*entry);
                }
                // It would be refused once more, and so would all that follows it.
                Again::TooLarge => {
                    drafted.insert(row.hash);
                    self.keep_draft(row, Verdict::TooLarge.code(), now)?;
                }
                // What follows something that is only where this replica may not see it nobody can write here.
                Again::Cannot
                    if gone.contains(&row.hash)
                        || !may
                        || ended
                        || row.deps.iter().any(|dep| drafted.contains(dep)) =>
                {
                    drafted.insert(row.hash);
                    self.keep_draft(row, why, now)?;
                }
                // It waits where it stands, until what it follows has been written again.
                Again::Cannot => {}
            }
        }
        Ok(())
    }

    /// Where a record is, if nothing of it counts any more in a stay that has been lost; else that stay.
    fn home_of(&self, stay: &Stay) -> Result<Stay, ReplicaError> {
        let is_lost = self.stay_row(stay)?.is_none_or(|row| row.heads.is_empty());
        let current = self.current_stay(&stay.record)?.filter(|_| is_lost);
        Ok(current.map_or(*stay, |row| Stay { channel: row.channel, ..*stay }))
    }

    /// What a change follows, or, where something of that is lost, what its author had certainly seen: how the record
    /// began or came, and what the same replica had written of it before. To follow more would overrule what nobody
    /// had seen.
    fn had_seen(&self, change: &ChangeRow, stay: &Stay, standing: &Standing<'_>) -> Vec<Hash> {
        let known = |dep: &Hash| standing.rows.iter().any(|row| row.hash == *dep);
        if change.deps.iter().all(known) {
            return change.deps.clone();
        }
        // A copy of this machine has no notebook here: what it wrote was not seen.
        let wrote_here = |row: &ChangeRow| {
            let notebook = FeedId { channel: self.notebook(), ..row.feed };
            row.feed.device == change.feed.device && self.feeds.contains_key(&notebook)
        };
        // What was written again on nothing began the record only for those who came after.
        let is_first = |row: &ChangeRow| row.is_entry() && row.deps.is_empty();
        let first = |hash: &Hash| standing.rows.iter().any(|row| row.hash == *hash && is_first(row));
        let arrived = change.epoch() > 0 && change.place().0.channel == stay.channel;
        let seen = |row: &&ChangeRow| {
            let began = is_first(row) && row.envelope.origin.as_ref().is_none_or(|it| first(&it.change));
            let came = arrived && row.stands == Stands::History;
            let before = wrote_here(row) && row.envelope.stamp.at < change.envelope.stamp.at;
            began || came || before
        };
        let rows = standing.rows.iter().filter(seen).map(|row| row.hash);
        let mut follows: Vec<Hash> = change.deps.iter().copied().filter(known).collect();
        follows.extend(rows.filter(|hash| *hash != change.hash && standing.of(&[*hash]).is_some()));
        follows
    }

    /// The changes of a record that count nowhere and that nobody will write again: the hub has refused them for what
    /// they are, as they stood first or as they were written again, or their record with its first edit.
    fn lost(&self, rows: &[ChangeRow]) -> Result<BTreeSet<Hash>, ReplicaError> {
        let mut lost = BTreeSet::new();
        for row in rows.iter().filter(|row| row.state == ChangeState::Refused) {
            let (feed, number) = row.place();
            let why = self.index.get::<u16>(&keys::refused(&feed, number))?;
            lost.extend(why.is_some_and(is_final).then_some(row.hash));
        }
        // What was refused written again would be refused each time.
        let mark = |row: &ChangeRow| (row.feed.device, said_first(row));
        let tried: BTreeSet<_> = rows.iter().filter(|row| lost.contains(&row.hash)).map(mark).collect();
        let again = rows.iter().filter(|row| row.state != ChangeState::Applied && tried.contains(&mark(row)));
        lost.extend(again.map(|row| row.hash));
        lost.extend(unborn(rows, &lost));
        Ok(lost)
    }

    /// A change as it would be now.
    fn again(&self, row: &ChangeRow, seen: Document, branch: u32, stay: &Stay, epoch: u32) -> Again {
        let Some(fields) = writes(&row.raw).filter(|_| self.own_grant(stay.channel).is_ok()) else {
            return Again::Cannot;
        };
        let chosen: Vec<&str> = match row.envelope.settles.is_empty() {
            true => Vec::new(),
            false => fields.keys().map(String::as_str).collect(),
        };
        let actor = birth::actor(&self.device(), &self.incarnation(), branch);
        let mut document = seen.clone();
        let Some(payload) = document.edit(actor, &fields, &chosen) else { return Again::SaysNothing };
        let kind = row.envelope.kind;
        // What was legal when it was written first may be written again; its run names that edition.
        match gate(seen, &payload, |field, value| was_ever_allowed(kind, field, value)) {
            Ok(gated) if self.is_too_large_with(stay, &self.device(), &payload, &gated) => {
                return Again::TooLarge;
            }
            Ok(_) => {}
            Err(_) => return Again::Cannot,
        }
        let envelope = Envelope { epoch, branch, origin: Some(origin_of(row)), ..row.envelope.clone() };
        Again::Written(Box::new(Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload }))
    }

    /// A branch of this incarnation under which nothing of a record has been written or staged yet.
    fn free_branch(&self, id: &RecordId) -> Result<u32, ReplicaError> {
        let (device, incarnation, rows) = (self.device(), self.incarnation(), self.change_rows_ever(id)?);
        let own = rows.iter().filter(|row| (row.feed.device, row.feed.incarnation) == (device, incarnation));
        let staged = self.staged.values().flatten().filter_map(|entry| entry.envelope.as_ref());
        let staged = staged.filter(|envelope| envelope.record == *id).map(|envelope| envelope.branch);
        Ok(own.map(|row| row.envelope.branch).chain(staged).map(|branch| branch + 1).max().unwrap_or(0))
    }

    /// What another wrote on a losing branch its author writes again; in case the author is gone, it is kept here.
    pub(crate) fn keep_drafts<'a>(
        &mut self,
        stay: &Stay,
        changes: impl Iterator<Item = &'a Hash>,
        why: u16,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let changes: BTreeSet<Hash> = changes.copied().collect();
        if changes.is_empty() {
            return Ok(());
        }
        let mut rows = self.entry_rows(stay)?;
        self.fill_raw(stay, &mut rows)?;
        rows.iter()
            .filter(|row| row.is_entry() && changes.contains(&row.hash))
            .try_for_each(|row| self.keep_draft(row, why, now))
    }

    fn keep_draft(&mut self, row: &ChangeRow, why: u16, now: u64) -> Result<(), ReplicaError> {
        let origin = origin_of(row);
        if self.drafts_ever()?.iter().any(|draft| draft.origin.change == origin.change) {
            return Ok(());
        }
        let entry =
            Entry { kind: EntryKind::EDIT, envelope: Some(row.envelope.clone()), payload: row.raw.clone() };
        let draft = Draft { origin, entry, reason: why };
        self.stage_local(EntryKind::DRAFT, control::encode(&draft), "huiliu", now);
        Ok(())
    }

    /// Stages what follows from refusals: the refused change of our own becomes a draft, what depended on it is
    /// written again, and so is what follows a change that itself was written again. Nothing is answered twice.
    pub(crate) fn answer_refusals(&mut self) -> Result<(), ReplicaError> {
        self.answer(self.role() == Role::Hub)
    }

    /// This replica and the hub hold the same: what was refused as a repetition of what is not here either, because the
    /// hub was set back between its words, is written again.
    pub(crate) fn answer_unsure(&mut self) -> Result<(), ReplicaError> {
        self.unanswered.append(&mut self.unsure);
        self.answer(true)
    }

    /// `all_is_here`: whatever the hub holds for this replica has come.
    fn answer(&mut self, all_is_here: bool) -> Result<(), ReplicaError> {
        for stay in std::mem::take(&mut self.unanswered) {
            let mut rows = self.change_rows(&stay)?;
            self.fill_raw(&stay, &mut rows)?;
            let device = self.device();
            let ended = self.stay_row(&stay)?.is_some_and(|row| row.has_ended());
            let ever = self.change_rows_ever(&stay.record)?;
            let overtaken = overtaken(&rows);
            let (mut again, mut answered) = (BTreeSet::new(), BTreeSet::new());
            let lost = self.lost(&rows)?;
            let unborn = unborn(&rows, &lost);
            for row in rows.iter().filter(|row| row.is_entry() && row.feed.device == device) {
                if row.state != ChangeState::Refused && !overtaken.contains(&row.hash) {
                    continue;
                }
                match self.index.get::<u16>(&keys::refused(&row.feed, row.number))? {
                    Some(why) if is_final(why) => self.keep_draft(row, why, 0)?,
                    // The record that it follows never came to be.
                    None if unborn.contains(&row.hash) => self.keep_draft(row, reason::UNBORN, 0)?,
                    // As it was written again it is a draft.
                    _ if lost.contains(&row.hash) => {}
                    // Its record has gone where this replica may not see what it repeats.
                    Some(reason::REPEATED) if ended && self.role() == Role::Node => {}
                    _ if is_written_again(&ever, row) || !answered.insert(said_first(row)) => {}
                    // What it repeats counts at the hub, and may only not have come yet.
                    Some(reason::REPEATED) if !all_is_here => drop(self.unsure.insert(stay)),
                    // A hub that was set back may have preferred one of two first and the other then.
                    _ => drop(again.insert(row.hash)),
                }
            }
            if !again.is_empty() {
                self.write_again(&stay, &again, &BTreeSet::new(), reason::FORKED, 0, false)?;
            }
            let device = self.device();
            self.write_drafts(&stay, |draft| draft.origin.feed.device == device)?;
        }
        Ok(())
    }

    /// Adopts what others follow: a change that stood on a losing branch, which its author has not written again, and
    /// which an edit that counts nowhere else waits for. If the author writes it again after all, the hub takes one.
    pub(crate) fn adopt_followed(&mut self) -> Result<(), ReplicaError> {
        let mut stays: BTreeSet<Stay> = BTreeSet::new();
        self.index.each(&keys::all_waiting(), &[], |_, row: WaitingRow| {
            let stay = Stay { record: row.record, channel: row.feed.channel };
            stays.extend((row.waiting == Some(Waiting::Dependency)).then_some(stay));
            true
        })?;
        for stay in stays {
            let rows = self.change_rows(&stay)?;
            let mut followed: BTreeSet<Hash> = rows.iter().flat_map(|row| row.deps.iter().copied()).collect();
            // A draft that is followed may itself follow another.
            let mut drafts = self.drafts()?;
            while let Some(at) =
                drafts.iter().position(|draft| followed.contains(&payload_hash(&draft.entry)))
            {
                let draft = drafts.swap_remove(at);
                followed.extend(inspect(&draft.entry.payload).map(|info| info.deps).unwrap_or_default());
            }
            self.write_drafts(&stay, |draft| followed.contains(&payload_hash(&draft.entry)))?;
            self.adopt_refused(&stay, &rows, &followed)?;
        }
        self.commit_granted().map(|_| ())
    }

    /// Adopts what was refused with something it followed, and is itself followed by an edit of ours.
    fn adopt_refused(
        &mut self,
        stay: &Stay,
        rows: &[ChangeRow],
        followed: &BTreeSet<Hash>,
    ) -> Result<(), ReplicaError> {
        let ever = self.change_rows_ever(&stay.record)?;
        let (device, lost, counted) = (self.device(), self.lost(rows)?, Contents::of(&ever));
        let open = |row: &&ChangeRow| {
            let waits = matches!(row.state, ChangeState::Refused | ChangeState::Waiting(Waiting::Dependency));
            waits && !lost.contains(&row.hash) && !counted.has(row)
        };
        if !rows.iter().filter(open).any(|row| row.feed.device == device) {
            return Ok(());
        }
        let theirs = rows.iter().filter(open).filter(|row| row.feed.device != device);
        let theirs = theirs.filter(|row| followed.contains(&row.hash) && !is_written_again(&ever, row));
        let theirs: BTreeSet<Hash> = theirs.map(|row| row.hash).collect();
        if theirs.is_empty() {
            return Ok(());
        }
        self.write_again(stay, &theirs, &BTreeSet::new(), reason::FORKED, 0, false)
    }

    /// Writes again the next of those drafts of a record that only wait until what they follow was written again.
    fn write_drafts(&mut self, stay: &Stay, which: impl Fn(&Draft) -> bool) -> Result<(), ReplicaError> {
        let Some(epoch) = self.stay_row(stay)?.map(|row| row.epoch) else { return Ok(()) };
        let counted = Contents::of(&self.change_rows(stay)?);
        let drafts = self.drafts()?.into_iter();
        for draft in drafts.filter(|draft| draft.origin.feed.channel == stay.channel) {
            let Some(envelope) =
                draft.entry.envelope.clone().filter(|envelope| envelope.record == stay.record)
            else {
                continue;
            };
            let Ok(info) = inspect(&draft.entry.payload) else { continue };
            if draft.reason != reason::FORKED
                || !which(&draft)
                || !info.deps.iter().all(|dep| counted.stands_for(dep))
            {
                continue;
            }
            let rows = self.change_rows(stay)?;
            let ever = self.change_rows_ever(&stay.record)?;
            if Contents::of_all(&ever).has_draft(&draft) {
                continue;
            }
            let (gone, replaced, lost) = (BTreeSet::new(), BTreeMap::new(), self.lost(&rows)?);
            let standing = Standing { rows: &rows, gone: &gone, replaced: &replaced, lost: &lost };
            let Some(seen) = standing.seen(&info.deps, &self.document(stay)?) else { continue };
            let row = ChangeRow {
                hash: info.hash,
                deps: info.deps,
                feed: draft.origin.feed,
                number: draft.origin.number,
                edition: lowest_edition(&draft.entry),
                stands: Stands::Entry,
                is_authors: true,
                is_birth: false,
                state: ChangeState::Waiting(Waiting::Dependency),
                raw: draft.entry.payload.clone(),
                envelope: Envelope { origin: Some(draft.origin.clone()), ..envelope },
            };
            self.begin_writing(0);
            let branch = self.free_branch(&stay.record)?;
            if let Again::Written(mut entry) = self.again(&row, seen, branch, stay, epoch) {
                let stamp = self.stamp(&row.envelope.stamp.who, 0);
                entry.envelope.iter_mut().for_each(|envelope| envelope.stamp = stamp.clone());
                self.staged.entry(stay.channel).or_default().push(*entry);
                // The next of them sees this one, when it counts.
                return Ok(());
            }
        }
        Ok(())
    }
}
