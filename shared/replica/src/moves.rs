//! Moving: the home hub alone moves a record, and does what the stays call for, whatever it did before. An arrival in
//! the new channel comes first, a departure from the old one after it, and what was still written in the old one is
//! carried after the record with its author's signature. A hub that goes down in between goes on where it was.

use crate::error::ReplicaError;
use crate::judge::why_not;
use crate::legal::allowed;
use crate::repeats::Contents;
use crate::replica::{Replica, Role};
use crate::stays::{applied, newest};
use huiliu_core::documents::{Document, gate};
use huiliu_core::model::dictionary::{self, Kind};
use huiliu_core::model::{Channel, DivisionCode, Fields, KindId, RecordId};
use huiliu_core::sync::control::{self, Arrived, Carried, Left, Written, reason};
use huiliu_core::sync::{Entry, EntryKind, Envelope, Hash, carry};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ChangeState, Stands, StayRow, Waiting};
use std::collections::{BTreeMap, BTreeSet};

/// The largest payload of an entry that is no edit, a moved record's history: it must fit a frame when it is relayed.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 3 * 1024 * 1024;
/// The largest run of the hub's: such a payload with its envelope and its point.
pub(crate) const MAX_HUB_RUN_BYTES: usize = MAX_PAYLOAD_BYTES + 64 * 1024;

impl Replica {
    /// Where a record with these fields belongs, if that is not where it is: only within the home hub's tree.
    pub(crate) fn belongs_elsewhere(
        &self,
        kind: &'static Kind,
        fields: &Fields,
        channel: Channel,
    ) -> Result<Option<DivisionCode>, ReplicaError> {
        let owner = self.owner_of(kind, fields, channel.division)?;
        Ok(owner.filter(|owner| kind.name != "division" && self.channel_of(kind, *owner) != channel))
    }

    /// As [`Replica::belongs_elsewhere`], for a record as it is. What is deleted goes after nothing: nobody finds it by
    /// what it names. It goes when it is restored.
    pub(crate) fn goes_to(
        &self,
        kind: &'static Kind,
        document: &Document,
        channel: Channel,
    ) -> Result<Option<DivisionCode>, ReplicaError> {
        let stays = kind.lies_with().is_some() && document.deleted().is_some();
        if stays { Ok(None) } else { self.belongs_elsewhere(kind, &document.fields(), channel) }
    }

    /// Whether a division lies in the home hub's tree.
    pub(crate) fn is_in_tree(&self, division: DivisionCode) -> bool {
        self.divisions.is_within(division, self.home.hub)
    }

    /// Hub: remembers to look after a record that has ever moved, or of which something lies in several places.
    pub(crate) fn look_where_it_lives(&mut self, id: &RecordId, stays: &[StayRow]) {
        let several = stays.len() > 1 || stays.iter().any(|stay| stay.epoch > 0 || stay.has_ended());
        if several && self.role() == Role::Hub {
            self.unsettle(*id);
        }
    }

    /// Hub: a record may have to move, or something of it may have to be carried; with the next commit.
    pub(crate) fn unsettle(&mut self, id: RecordId) {
        self.unsettled.insert(id);
        self.index.put(keys::unsettled(&id), &());
    }

    /// Reads what the index knows of records that may have to move.
    pub(crate) fn load_unsettled(&mut self) -> Result<(), ReplicaError> {
        let listed = self.index.list::<()>(&keys::all_unsettled())?;
        self.unsettled =
            listed.into_iter().filter_map(|(key, ())| Some(RecordId(key.try_into().ok()?))).collect();
        Ok(())
    }

    /// Hub: whether a record was made in another channel too. Only the first of two counts.
    pub(crate) fn is_born_elsewhere(&self, stay: &Stay) -> Result<bool, ReplicaError> {
        if self.role() != Role::Hub {
            return Ok(false);
        }
        for other in self.stays(&stay.record)?.iter().filter(|other| other.channel != stay.channel) {
            let rows = self.entry_rows(&Stay { channel: other.channel, ..*stay })?;
            let born = |row: &ChangeRow| {
                row.is_entry()
                    && row.deps.is_empty()
                    && matches!(row.state, ChangeState::Applied | ChangeState::Late)
            };
            if rows.iter().any(born) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hub: stages what the stays of records call for. Applying it may call for more.
    pub(crate) fn settle_moves(&mut self) -> Result<(), ReplicaError> {
        for id in std::mem::take(&mut self.unsettled) {
            self.index.remove(keys::unsettled(&id));
            let stays = self.stays(&id)?;
            self.refuse_strays(&id, &stays)?;
            let Some(newest) = newest(&stays).cloned() else { continue };
            let Some(kind) = dictionary::kind_by_id(newest.kind) else { continue };
            let home = Stay { record: id, channel: newest.channel };
            let epoch = stays.iter().map(|stay| stay.epoch.max(stay.left.map_or(0, |left| left.epoch)));
            let epoch = epoch.max().unwrap_or(0) + 1;
            if let Some(left) = newest.left.filter(|_| newest.has_ended()) {
                // Where it went has forgotten it: a hub that was set back had not seen the arrival.
                let document = self.document(&home)?;
                let owner = self.owner_of(kind, &document.fields(), home.channel.division)?;
                let owner =
                    owner.map(|owner| self.channel_of(kind, owner)).filter(|to| self.may_move_to(*to));
                let given = owner.map(|to| self.is_given(&home, kind, &document, to)).transpose()?;
                let to = owner.filter(|_| given == Some(true)).unwrap_or(left.to);
                self.stage_arrival(&home, kind, to, epoch)?;
                continue;
            }
            let others = stays.iter().filter(|stay| stay.channel != newest.channel && !stay.has_ended());
            let others: Vec<&StayRow> = others.collect();
            let ever = if others.is_empty() { Vec::new() } else { self.change_rows_ever(&id)? };
            for old in others {
                let told = self.has_bug("departure not told");
                if !told && (!old.heads.is_empty() || has_lived(&ever, old.channel)) {
                    let left = control::encode(&Left { to: newest.channel });
                    self.stage_move(EntryKind::LEFT, old.channel, &id, kind.id, old.epoch, left);
                }
            }
            if self.stage_carried(&home, &newest, &stays)? {
                continue;
            }
            let document = self.document(&home)?;
            let owner = self.goes_to(kind, &document, newest.channel)?;
            if let Some(to) = owner.map(|owner| self.channel_of(kind, owner))
                && self.may_move_to(to)
                && self.is_given(&home, kind, &document, to)?
            {
                self.stage_arrival(&home, kind, to, epoch)?;
            }
        }
        Ok(())
    }

    fn may_move_to(&self, to: Channel) -> bool {
        self.is_in_tree(to.division) && self.own_grant(to).is_ok()
    }

    fn stage_move(
        &mut self,
        kind: EntryKind,
        channel: Channel,
        id: &RecordId,
        of: KindId,
        epoch: u32,
        payload: Vec<u8>,
    ) {
        let stamp = self.stamp("huiliu", 0);
        let envelope = Envelope { record: *id, kind: of, epoch, ..Envelope::of_no_record(stamp) };
        let entry = Entry { kind, envelope: Some(envelope), payload };
        self.staged.entry(channel).or_default().push(entry);
    }

    /// A record goes into another channel with its whole history, unless that is too large to travel.
    fn stage_arrival(
        &mut self,
        from: &Stay,
        kind: &Kind,
        to: Channel,
        epoch: u32,
    ) -> Result<(), ReplicaError> {
        let document = self.document(from)?;
        let rows = self.change_rows(from)?;
        let mut changes = Vec::new();
        for (change, ..) in document.history() {
            let counts = |row: &&ChangeRow| row.hash == change && row.state == ChangeState::Applied;
            let Some(row) = rows.iter().find(counts) else { return Ok(()) };
            let (feed, number, envelope) = (row.feed, row.number, row.envelope.clone());
            changes.push(Written { change, feed, number, envelope });
        }
        let arrived = Arrived { from: from.channel, history: document.save(), changes };
        let payload = control::encode(&arrived);
        if payload.len() <= MAX_PAYLOAD_BYTES {
            self.stage_move(EntryKind::ARRIVED, to, &from.record, kind.id, epoch, payload);
        }
        Ok(())
    }

    /// Carries into the record where it is what has been written where it was. Whether there was any.
    fn stage_carried(
        &mut self,
        home: &Stay,
        newest: &StayRow,
        stays: &[StayRow],
    ) -> Result<bool, ReplicaError> {
        let mut open: Vec<ChangeRow> = Vec::new();
        for stay in stays {
            let mut rows = self.change_rows(&Stay { channel: stay.channel, ..*home })?;
            if stay.channel != home.channel && stay.epoch > 0 {
                self.fill_history(&Stay { channel: stay.channel, ..*home }, &mut rows)?;
            }
            let counts = |state| match state {
                ChangeState::Late => true,
                ChangeState::Applied | ChangeState::Waiting(Waiting::Dependency) => {
                    stay.channel != home.channel
                }
                _ => false,
            };
            open.extend(rows.into_iter().filter(|row| counts(row.state)));
        }
        let rows = self.change_rows(home)?;
        let (mut known, mut counted) = (applied(&rows), Contents::of(&rows));
        open.retain(|row| !known.contains(&row.hash) && !self.has_bug("late edit not carried"));
        if open.is_empty() {
            return Ok(false);
        }
        let mut document = self.document(home)?;
        let (mut staged, mut unproved) = (false, BTreeSet::new());
        while let Some(at) = open.iter().position(|row| row.deps.iter().all(|dep| known.contains(dep))) {
            let row = open.swap_remove(at);
            let refused = self.index.get::<u16>(&keys::refused(&row.feed, row.number))?.is_some();
            let revoked = self.authority().is_after_revocation(&row.feed, row.number);
            if known.contains(&row.hash) || refused || revoked || was_carried(&rows, &row, newest.epoch) {
                continue;
            }
            let Some(carried) = self.proved(&row)? else {
                unproved.extend((!counted.has(&row)).then_some(row.hash));
                continue;
            };
            match judge_late(&row, &carried.edit.payload, newest, &counted, &document) {
                Ok(after) => {
                    let payload = control::encode(&carried);
                    self.stage_move(
                        EntryKind::CARRIED,
                        home.channel,
                        &home.record,
                        newest.kind,
                        newest.epoch,
                        payload,
                    );
                    known.insert(row.hash);
                    counted.add(&row);
                    document = after;
                }
                Err(why) => self.refuse(&row.feed, row.number, why),
            }
            staged = true;
        }
        for old in stays.iter().filter(|old| old.channel != home.channel && old.epoch > 0) {
            staged |= self.stage_return(home, newest, old, &unproved, &mut document)?;
        }
        Ok(staged)
    }

    /// What came with a record to where it is no longer, and whose entries are lost with a disk: no signature can carry
    /// it, but the hub has said that it came, and says so again where the record is. `document`: the record there.
    /// Whether there was any.
    fn stage_return(
        &mut self,
        home: &Stay,
        newest: &StayRow,
        old: &StayRow,
        unproved: &BTreeSet<Hash>,
        document: &mut Document,
    ) -> Result<bool, ReplicaError> {
        let from = Stay { channel: old.channel, ..*home };
        let mut written = self.written(&from, old.epoch)?;
        let lost: Vec<Hash> =
            unproved.iter().filter(|change| written.contains_key(change)).copied().collect();
        let came = if lost.is_empty() { None } else { self.base(&from, old.epoch)? };
        // With what it follows: what arrives is whole.
        let Some(part) = came.and_then(|came| came.at(&lost)) else { return Ok(false) };
        let mut with = document.clone();
        if !part.changes().iter().all(|raw| with.add(raw).is_ok()) {
            return Ok(false);
        }
        let told: BTreeSet<Hash> = part.history().into_iter().map(|(change, ..)| change).collect();
        written.retain(|change, _| told.contains(change));
        let changes = written.into_values().collect();
        let arrived = Arrived { from: old.channel, history: part.save(), changes };
        self.stage_move(
            EntryKind::ARRIVED,
            home.channel,
            &home.record,
            newest.kind,
            newest.epoch,
            control::encode(&arrived),
        );
        *document = with;
        Ok(true)
    }

    /// A change with its author's signature: from its feed, or, where that is lost, as it was carried before.
    fn proved(&self, row: &ChangeRow) -> Result<Option<Carried>, ReplicaError> {
        if let Some(run) = self.run_at(&row.feed, row.number)?
            && let Some(before) = self.point(&row.feed, run.first - 1)?
        {
            return Ok(carry::take(&run, before.hash, row.number));
        }
        let Stands::Carried { feed, number, .. } = row.stands else { return Ok(None) };
        Ok(self.entry_at(&feed, number)?.and_then(|entry| control::decode(&entry.payload)))
    }

    /// Puts into changes that came with a record what they follow.
    fn fill_history(&self, stay: &Stay, rows: &mut [ChangeRow]) -> Result<(), ReplicaError> {
        let mut follows: BTreeMap<Hash, Vec<Hash>> =
            self.document(stay)?.history().into_iter().map(|(change, deps, _)| (change, deps)).collect();
        for row in rows.iter_mut().filter(|row| row.stands == Stands::History) {
            row.deps = follows.remove(&row.hash).unwrap_or_default();
        }
        Ok(())
    }

    /// What was written in a channel in which the record has never lived, although it follows what is known elsewhere.
    fn refuse_strays(&mut self, id: &RecordId, stays: &[StayRow]) -> Result<(), ReplicaError> {
        let strays = |stay: &&StayRow| stay.heads.is_empty() && stay.epoch == 0 && stay.left.is_none();
        if stays.len() < 2 || !stays.iter().any(|stay| strays(&stay)) {
            return Ok(());
        }
        let ever = self.change_rows_ever(id)?;
        let known = applied(&ever);
        for stay in stays.iter().filter(strays) {
            let lived = has_lived(&ever, stay.channel);
            let rows = self.entry_rows(&Stay { record: *id, channel: stay.channel })?;
            let follows = |row: &&ChangeRow| {
                row.state == ChangeState::Waiting(Waiting::Dependency)
                    && row.deps.iter().all(|dep| known.contains(dep))
            };
            for row in rows.iter().filter(|_| !lived).filter(follows) {
                self.refuse(&row.feed, row.number, reason::OTHER_CHANNEL);
            }
        }
        Ok(())
    }
}

/// Whether something that counts of a record was written in a channel: then it has been there.
fn has_lived(ever: &[ChangeRow], channel: Channel) -> bool {
    ever.iter().any(|row| row.state == ChangeState::Applied && row.feed.channel == channel)
}

/// Whether a change was carried into an epoch, whatever came of it there.
fn was_carried(rows: &[ChangeRow], change: &ChangeRow, into: u32) -> bool {
    let carried = |stands| matches!(stands, Stands::Carried { epoch, .. } if epoch == into);
    rows.iter().any(|row| row.hash == change.hash && carried(row.stands))
}

/// The hub's word on a late edit: the record with it, or the reason why it may not count.
fn judge_late(
    row: &ChangeRow,
    raw: &[u8],
    newest: &StayRow,
    counted: &Contents,
    document: &Document,
) -> Result<Document, u16> {
    if !row.is_authors {
        return Err(reason::NOT_ITS_AUTHOR);
    }
    if counted.has(row) {
        return Err(reason::REPEATED);
    }
    if row.deps.is_empty() {
        return Err(reason::OTHER_CHANNEL);
    }
    if row.envelope.kind != newest.kind {
        return Err(reason::OTHER_KIND);
    }
    let gated = gate(document.clone(), raw, |field, value| allowed(newest.kind, field, value, row.edition));
    gated.map(|gated| gated.document).map_err(|verdict| why_not(document, raw, verdict))
}
