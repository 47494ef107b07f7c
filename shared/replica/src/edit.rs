//! Editing: a form or an import row becomes one change, which passes the dictionary and the gate and is staged.

use crate::error::ReplicaError;
use crate::legal::was_ever_allowed;
use crate::reads::Purpose;
use crate::replica::Replica;
use crate::stays::applied;
use huiliu_core::documents::{Actor, DELETED, Document, Verdict, gate};
use huiliu_core::model::dictionary::{self, Kind};
use huiliu_core::model::{Channel, DivisionCode, FieldType, Fields, Hlc, RecordId, Value};
use huiliu_core::sync::entry::{MAX_SETTLES, payload_hash};
use huiliu_core::sync::{Entry, EntryKind, Envelope, Hash, birth};
use huiliu_store::keys::Stay;
use huiliu_store::rows::{Row, StayRow};

/// What a person wants of a record.
#[derive(Clone, Debug)]
pub enum RecordEdit {
    /// Make it, with these fields; owned by `owner` where the fields name nobody.
    New {
        /// The kind's name.
        kind: String,
        /// The fields.
        fields: Fields,
        /// The owner if the fields name none.
        owner: Option<DivisionCode>,
        /// A person makes one record: fields that name another owner than the one said, or a record that is here
        /// already, are errors. An import decides both by itself.
        strict: bool,
    },
    /// Change these fields; an emptied one is `Null`.
    Set {
        /// The record.
        id: RecordId,
        /// The fields.
        fields: Fields,
    },
    /// Settle one field's open conflict with a value.
    Settle {
        /// The record.
        id: RecordId,
        /// The field.
        field: String,
        /// The value that shall be.
        value: Value,
    },
    /// Delete it.
    Delete {
        /// The record.
        id: RecordId,
        /// Why.
        reason: String,
    },
    /// Bring a deleted one back.
    Restore {
        /// The record.
        id: RecordId,
    },
    /// Take it over for the owner that its fields name.
    Accept {
        /// The record.
        id: RecordId,
    },
}

/// What came of an edit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A new record.
    Created(RecordId),
    /// A changed record.
    Changed(RecordId),
    /// Everything is already so; nothing was written.
    Same(RecordId),
}

impl Outcome {
    /// The record.
    pub fn id(&self) -> RecordId {
        match self {
            Self::Created(id) | Self::Changed(id) | Self::Same(id) => *id,
        }
    }
}

impl Replica {
    /// Checks an edit and stages it; it is saved after [`Replica::commit`]. What is refused leaves nothing behind.
    pub fn edit(&mut self, edit: &RecordEdit, who: &str, now: u64) -> Result<Outcome, ReplicaError> {
        if self.missing_edition().is_some() {
            return Err(ReplicaError::RegistryMissing);
        }
        self.begin_writing(now);
        self.stage_wish(edit, who, now)
    }

    /// As [`Replica::edit`], for a rehearsal that abandons what was staged: nothing at all is written.
    pub(crate) fn imagine(
        &mut self,
        edit: &RecordEdit,
        who: &str,
        now: u64,
    ) -> Result<Outcome, ReplicaError> {
        if self.missing_edition().is_some() {
            return Err(ReplicaError::RegistryMissing);
        }
        let mark = self.keychain.mark();
        let outcome = self.stage_wish(edit, who, now);
        self.abandon();
        self.keychain.forget_since(mark);
        outcome
    }

    pub(crate) fn stage_wish(
        &mut self,
        edit: &RecordEdit,
        who: &str,
        now: u64,
    ) -> Result<Outcome, ReplicaError> {
        match edit {
            RecordEdit::New { kind, fields, owner, strict } => {
                self.create(kind, fields, *owner, *strict, who, now)
            }
            RecordEdit::Set { id, fields } => self.change(id, fields, &[], who, now),
            RecordEdit::Settle { id, field, value } => {
                let fields = Fields::from([(field.clone(), value.clone())]);
                self.change(id, &fields, &[field], who, now)
            }
            RecordEdit::Delete { id, reason } => {
                let fields = Fields::from([(DELETED.to_owned(), Value::of(reason.as_str()))]);
                self.change(id, &fields, &[], who, now)
            }
            RecordEdit::Restore { id } => {
                let fields = Fields::from([(DELETED.to_owned(), Value::Null)]);
                self.change(id, &fields, &[], who, now)
            }
            RecordEdit::Accept { id } => self.accept(id, who, now),
        }
    }

    fn create(
        &mut self,
        kind: &str,
        given: &Fields,
        owner: Option<DivisionCode>,
        strict: bool,
        who: &str,
        now: u64,
    ) -> Result<Outcome, ReplicaError> {
        let kind = dictionary::kind(kind).ok_or_else(|| ReplicaError::NoSuchKind(kind.to_owned()))?;
        let place = owner.or(Some(self.home.division));
        let mut fields = given.clone();
        fields.retain(|_, value| !value.is_null());
        fields.extend(kind.defaults(&fields, place, &self.divisions));
        let mut fields = self.prepare(kind, &fields, place.unwrap_or(self.home.division))?;
        fields.retain(|_, value| !value.is_null());
        let near = owner.unwrap_or(self.home.division);
        let owner = match (self.owner_of(kind, &fields, near)?, owner) {
            (Some(named), Some(given)) if named != given && strict => {
                return Err(ReplicaError::OtherOwner { named, given });
            }
            (Some(named), _) => named,
            (None, given) => given.unwrap_or(self.home.division),
        };
        fields.extend(self.copies(kind, &fields, owner)?);
        self.check(kind, &fields)?;
        if strict && let Some(here) = self.find_same(kind, &fields, owner)?.first() {
            return Err(ReplicaError::Duplicate(*here));
        }
        self.check_once(kind, None, &fields, owner)?;
        self.check_above(kind, None, &fields, &fields, owner)?;
        let channel = self.channel_of(kind, owner);
        self.own_grant(channel)?;
        let actor = birth::actor(&self.device(), &self.incarnation(), 0);
        let id = self.mint(&actor, now);
        let branch = self.wanted_affiliation(kind, &id, owner, &fields)?;
        let mut document = Document::empty();
        let kept = self.sealed(kind, &id, owner, &fields)?;
        let Some(raw) = document.edit(actor, &kept, &[]) else {
            return Ok(Outcome::Same(id));
        };
        let stay = Stay { record: id, channel };
        self.stage_edit(&stay, kind, 0, 0, raw, Vec::new(), Document::empty(), who, now)?;
        if let Some(branch) = branch {
            self.affiliate(&id, branch, owner, who, now)?;
        }
        self.copy_on(kind, &id, &fields, who, now)?;
        Ok(Outcome::Created(id))
    }

    /// A record id that was never given out: milliseconds and 12 bits, random because a copy of this replica, which does
    /// not know yet that it is one, may make a record in the same millisecond.
    pub(crate) fn mint(&mut self, actor: &Actor, now: u64) -> RecordId {
        let mut random = [0; 2];
        (self.entropy)(&mut random);
        let random = u64::from(u16::from_le_bytes(random) & 0xfff);
        self.minted = (self.minted + 1 + random).max(now << 12 | random);
        // After a restart ids go on from the clock: it must not stay behind them, whatever the machine's clock says.
        self.clock = self.clock.max(Hlc((self.minted >> 12) << 16));
        birth::record_id(actor, self.minted >> 12, (self.minted & 0xfff) as u16)
    }

    /// The channel of a new record.
    pub(crate) fn channel_of(&self, kind: &Kind, owner: DivisionCode) -> Channel {
        // Divisions are decided by the hub and read by everybody below.
        if kind.name == "division" { self.authority().control() } else { Channel::own(owner, kind.class) }
    }

    /// A record that an edit follows, with where it lives: it must be here, and this replica may write it. An edit that is
    /// staged already is committed first.
    pub(crate) fn open_to_edit(
        &mut self,
        id: &RecordId,
    ) -> Result<(StayRow, Stay, &'static Kind, Document), ReplicaError> {
        if self.staged_records.contains(id) {
            self.commit_granted()?;
        }
        let record = self.whereabouts(id)?;
        let stay = Stay { record: *id, channel: record.channel };
        let kind = dictionary::kind_by_id(record.kind).ok_or(ReplicaError::NoSuchRecord(*id))?;
        self.own_grant(record.channel)?;
        let document = self.document(&stay)?;
        Ok((record, stay, kind, document))
    }

    fn change(
        &mut self,
        id: &RecordId,
        fields: &Fields,
        settles: &[&str],
        who: &str,
        now: u64,
    ) -> Result<Outcome, ReplicaError> {
        let (record, stay, kind, mut document) = self.open_to_edit(id)?;
        let mut settled: Vec<Hash> = Vec::new();
        for field in settles {
            let conflict = document.conflict(field);
            let conflict = conflict.ok_or_else(|| ReplicaError::NoConflict((*field).to_owned()))?;
            settled.extend(conflict.claims.iter().map(|claim| claim.change));
            settled.truncate(MAX_SETTLES);
        }
        let owner = record.channel.division;
        let given = self.prepare(kind, fields, owner)?;
        let wanted = self.wanted_affiliation(kind, id, owner, &given)?;
        let before = self.opened(kind, id, &document.fields(), Some(&Purpose::Comparing));
        let given = without_same_hashes(kind, &before, given);
        let given = match settles.is_empty() {
            true => self.without_same_references(kind, &before, given, owner)?,
            false => given,
        };
        let merged = self.merged(kind, record.channel, before, &given)?;
        let restored = given.get(DELETED) == Some(&Value::Null);
        if restored || given.keys().any(|name| matches!(name.as_str(), "to" | "person")) {
            self.check_once(kind, Some(id), &merged, owner)?;
        }
        self.check_above(kind, Some(id), &given, &merged, owner)?;
        let branch = self.branch_for(&stay)?;
        let actor = birth::actor(&self.device(), &self.incarnation(), branch);
        let every: Vec<&str> = merged.keys().map(String::as_str).collect();
        let (fields, settles) = if self.has_bug("losing value dropped") {
            (&merged, every.as_slice())
        } else {
            (&given, settles)
        };
        let fields = &self.sealed(kind, id, owner, fields)?;
        let before = document.clone();
        let raw = document.edit(actor, fields, settles);
        let outcome =
            if raw.is_some() || wanted.is_some() { Outcome::Changed(*id) } else { Outcome::Same(*id) };
        if let Some(raw) = raw {
            self.stage_edit(&stay, kind, record.epoch, branch, raw, settled, before, who, now)?;
            self.copy_on(kind, id, &given, who, now)?;
        }
        if let Some(branch) = wanted {
            self.affiliate(id, branch, owner, who, now)?;
        }
        Ok(outcome)
    }

    /// What a change would make of a record that has these fields `before`: the fields after it, none if all would stay
    /// as it is. A rehearsed import asks this for rows whose record an earlier row has made or changed.
    pub fn rehearse(
        &self,
        kind: &'static Kind,
        channel: Channel,
        before: &Fields,
        fields: &Fields,
    ) -> Result<Option<Fields>, ReplicaError> {
        self.own_grant(channel)?;
        let fields = self.without_same_references(kind, before, fields.clone(), channel.division)?;
        let after = self.merged(kind, channel, before.clone(), &fields)?;
        Ok((after != *before).then_some(after))
    }

    /// The fields of a record after a change, which must be whole and have an owner in this tree.
    fn merged(
        &self,
        kind: &'static Kind,
        channel: Channel,
        before: Fields,
        change: &Fields,
    ) -> Result<Fields, ReplicaError> {
        let mut merged = before;
        for (field, value) in change.iter().filter(|(field, _)| *field != DELETED) {
            merged.insert(field.clone(), value.clone());
        }
        merged.retain(|_, value| !value.is_null());
        if !change.contains_key(DELETED) {
            self.check(kind, &merged)?;
            self.check_owner(kind, &merged, channel)?;
        }
        Ok(merged)
    }

    fn check(&self, kind: &'static Kind, fields: &Fields) -> Result<(), ReplicaError> {
        let mut problems = kind.check(fields, &self.divisions);
        problems.retain(|problem| problem.is_error());
        if problems.is_empty() { Ok(()) } else { Err(ReplicaError::Problems(problems)) }
    }

    /// Who gives a record another owner moves it; the home hub does that, within its tree.
    fn check_owner(
        &self,
        kind: &'static Kind,
        merged: &Fields,
        channel: Channel,
    ) -> Result<(), ReplicaError> {
        match self.belongs_elsewhere(kind, merged, channel)? {
            Some(to) if !self.is_in_tree(to) => {
                Err(ReplicaError::OwnerOutside { from: channel.division, to })
            }
            _ => Ok(()),
        }
    }

    /// The branch under which this incarnation goes on writing a record: a new one after a change of its own that does
    /// not count where the record is, so that no (actor, sequence number) is used twice.
    pub(crate) fn branch_for(&self, stay: &Stay) -> Result<u32, ReplicaError> {
        let (device, incarnation) = (self.device(), self.incarnation());
        let (rows, here) = (self.change_rows_ever(&stay.record)?, applied(&self.change_rows(stay)?));
        let own = || rows.iter().filter(|r| r.feed.device == device && r.feed.incarnation == incarnation);
        let newest = own().map(|row| row.envelope.branch).max().unwrap_or(0);
        let broken = own().any(|row| row.envelope.branch == newest && !here.contains(&row.hash));
        Ok(newest + u32::from(broken))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry")]
    pub(crate) fn stage_edit(
        &mut self,
        stay: &Stay,
        kind: &Kind,
        epoch: u32,
        branch: u32,
        raw: Vec<u8>,
        settles: Vec<Hash>,
        before: Document,
        who: &str,
        now: u64,
    ) -> Result<(), ReplicaError> {
        let heads = before.heads();
        let gated = gate(before, &raw, |field, value| was_ever_allowed(kind.id, field, value))?;
        if self.is_too_large_with(stay, &self.device(), &raw, &gated) {
            return Err(Verdict::TooLarge.into());
        }
        let envelope = Envelope {
            record: stay.record,
            kind: kind.id,
            epoch,
            branch,
            settles,
            ..Envelope::of_no_record(self.stamp(who, now))
        };
        let entry = Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload: raw };
        self.gated.insert(payload_hash(&entry), (heads, gated));
        self.staged_records.insert(stay.record);
        self.staged.entry(stay.channel).or_default().push(entry);
        Ok(())
    }

    /// The records that have a natural key.
    pub fn find_natural(&self, kind: &Kind, key: &str) -> Result<Vec<RecordId>, ReplicaError> {
        let found = self.index.list::<()>(&huiliu_store::keys::naturals(kind.id, key))?;
        Ok(found.into_iter().filter_map(|(id, ())| Some(RecordId(id.try_into().ok()?))).collect())
    }

    /// A record's row.
    pub fn row(&self, kind: &Kind, id: &RecordId) -> Result<Option<Row>, ReplicaError> {
        Ok(self.index.get(&huiliu_store::keys::row(kind.id, id))?)
    }
}

/// A change without the hashes of numbers that stay as they are.
fn without_same_hashes(kind: &Kind, before: &Fields, mut change: Fields) -> Fields {
    for field in kind.fields {
        if let FieldType::KeyedHash(of) = field.ty
            && before.get(of) == change.get(of)
        {
            change.remove(field.name);
        }
    }
    change
}
