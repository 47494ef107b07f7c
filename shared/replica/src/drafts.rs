//! Drafts: changes that count nowhere and that no replica can write again by itself. They are kept for a person, who
//! writes them again, as they are or corrected, or lets them go; of an author who is gone, whoever may write the record.

use crate::edit::{Outcome, RecordEdit};
use crate::error::ReplicaError;
use crate::repeats::{Contents, is_written_again, origin_of};
use crate::replica::Replica;
use huiliu_core::documents::writes;
use huiliu_core::model::{Fields, RecordId, dictionary};
use huiliu_core::sync::control::{self, Draft, Note, reason};
use huiliu_core::sync::{Entry, EntryKind, Hash};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::WaitingRow;
use std::collections::BTreeSet;

impl Replica {
    /// The drafts that were ever kept here.
    pub(crate) fn drafts_ever(&self) -> Result<Vec<Draft>, ReplicaError> {
        let held = self.locals(EntryKind::DRAFT)?;
        Ok(held.iter().filter_map(|entry| control::decode(&entry.payload)).collect())
    }

    /// The drafts that nobody has written again or given up, oldest first.
    pub fn drafts(&self) -> Result<Vec<Draft>, ReplicaError> {
        let done = self.done_drafts()?;
        let mut drafts = Vec::new();
        for draft in self.drafts_ever()? {
            let record = draft.entry.envelope.as_ref().map_or(RecordId::NIL, |envelope| envelope.record);
            let change = draft.origin.change;
            if !done.contains(&change) && !Contents::of(&self.change_rows_ever(&record)?).has_draft(&draft) {
                drafts.push(draft);
            }
        }
        Ok(drafts)
    }

    fn done_drafts(&self) -> Result<BTreeSet<Hash>, ReplicaError> {
        let notes = self.locals(EntryKind::NOTE)?;
        let done = notes.iter().filter_map(|note| match control::decode(&note.payload) {
            Some(Note::DraftDone { change }) => Some(change),
            _ => None,
        });
        Ok(done.collect())
    }

    /// Refused changes of others in records that this replica may write, which a person can adopt if their author is
    /// gone: each as the draft it would be.
    pub fn adoptable(&self) -> Result<Vec<Draft>, ReplicaError> {
        let mut found = Vec::new();
        let mut stays: BTreeSet<Stay> = BTreeSet::new();
        self.index.each(&keys::all_waiting(), &[], |_, row: WaitingRow| {
            let stay = Stay { record: row.record, channel: row.feed.channel };
            stays.extend(row.waiting.is_none().then_some(stay));
            true
        })?;
        let done = self.done_drafts()?;
        for stay in stays {
            let mut rows = self.change_rows(&stay)?;
            self.fill_raw(&stay, &mut rows)?;
            let ever = self.change_rows_ever(&stay.record)?;
            for row in rows.iter().filter(|row| !done.contains(&row.hash)) {
                let why = self.index.get::<u16>(&keys::refused(&row.feed, row.number))?;
                let theirs = row.feed.device != self.device() && self.own_grant(row.feed.channel).is_ok();
                if let (Some(why), true) = (why, theirs && !is_written_again(&ever, row))
                    && why != reason::REPEATED
                {
                    let envelope = Some(row.envelope.clone());
                    let entry = Entry { kind: EntryKind::EDIT, envelope, payload: row.raw.clone() };
                    found.push(Draft { origin: origin_of(row), entry, reason: why });
                }
            }
        }
        Ok(found)
    }

    /// What a draft would write; nothing if its bytes are no change that can be read.
    pub fn wishes_of(draft: &Draft) -> Fields {
        writes(&draft.entry.payload).unwrap_or_default()
    }

    /// Writes a draft again as a new edit of the record as it is now, with these fields instead of its own where given;
    /// one whose record never came to be makes it. Saved after [`Replica::commit`].
    pub fn retry(
        &mut self,
        draft: &Draft,
        instead: &Fields,
        who: &str,
        now: u64,
    ) -> Result<Outcome, ReplicaError> {
        let envelope = draft.entry.envelope.as_ref();
        let envelope = envelope.ok_or(ReplicaError::NoSuchRecord(RecordId::NIL))?;
        let mut fields = Self::wishes_of(draft);
        fields.extend(instead.clone());
        let here = self.current_stay(&envelope.record)?.is_some();
        let edit = match dictionary::kind_by_id(envelope.kind) {
            _ if here => RecordEdit::Set { id: envelope.record, fields },
            Some(kind) => {
                let owner = Some(draft.origin.feed.channel.division);
                RecordEdit::New { kind: kind.name.into(), fields, owner, strict: true }
            }
            None => return Err(ReplicaError::NoSuchRecord(envelope.record)),
        };
        let outcome = self.edit(&edit, who, now)?;
        // Of two people who adopt the same, one counts.
        for entry in self.staged.values_mut().flatten().filter(|entry| entry.kind == EntryKind::EDIT) {
            let staged = entry.envelope.iter_mut().filter(|staged| staged.record == envelope.record);
            staged.for_each(|staged| staged.origin = Some(draft.origin.clone()));
        }
        self.let_go(draft, who, now);
        Ok(outcome)
    }

    /// A draft is of no use any more. It stays in the notebook and is listed no longer, after [`Replica::commit`].
    pub fn let_go(&mut self, draft: &Draft, who: &str, now: u64) {
        self.note(&Note::DraftDone { change: draft.origin.change }, who, now);
    }
}
