//! Stays: what each channel says of a record. A record lives in one place; where it has moved, the channel it left and
//! the one it came to each hold a stay of it. A stay follows from the entries of its channel alone: what its author
//! wrote there, and what the hub says came, went or was carried. The record as people see it is its current stay.

use crate::error::ReplicaError;
use crate::legal::was_ever_allowed;
use crate::repeats::is_adopted;
use crate::replica::Replica;
use huiliu_core::documents::{Document, check_saved, inspect};
use huiliu_core::model::{Channel, DictionaryEdition, KindId, RecordId};
use huiliu_core::sync::control::{self, Arrived, Carried, Left, Written, reason};
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::{Admission, Entry, EntryKind, Envelope, FeedId, Hash, birth, carry};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ChangeState, Departure, Move, MoveRow, Stands, StayRow, Waiting};
use std::collections::{BTreeMap, BTreeSet};

/// The stay that says where a record is: the one of the highest rank, unless the record has left it too.
pub(crate) fn current(stays: &[StayRow]) -> Option<&StayRow> {
    newest(stays).filter(|stay| !stay.has_ended())
}

/// The stay of the highest rank of which anything has come.
pub(crate) fn newest(stays: &[StayRow]) -> Option<&StayRow> {
    stays.iter().filter(|stay| !stay.heads.is_empty()).max_by_key(|stay| stay.rank())
}

/// An edit as a change of a stay, not decided yet.
pub(crate) fn change_row(
    feed: &FeedId,
    number: u64,
    (envelope, edition): (&Envelope, DictionaryEdition),
    raw: &[u8],
    stands: Stands,
) -> ChangeRow {
    let actor = birth::actor(&feed.device, &feed.incarnation, envelope.branch);
    let maker = match &envelope.origin {
        Some(origin) => birth::actor(&origin.feed.device, &origin.feed.incarnation, origin.branch),
        None => actor,
    };
    // What does not parse follows nothing, and the gate says the rest.
    let info = inspect(raw).ok();
    let hash = payload_hash(&Entry { kind: EntryKind::EDIT, envelope: None, payload: raw.to_vec() });
    ChangeRow {
        hash,
        deps: info.as_ref().map(|info| info.deps.clone()).unwrap_or_default(),
        feed: *feed,
        number,
        envelope: envelope.clone(),
        edition,
        stands,
        is_authors: info.as_ref().is_none_or(|info| info.actor == actor),
        is_birth: birth::is_made_by(&envelope.record, &maker)
            && info.is_some_and(|info| info.deps.is_empty()),
        state: ChangeState::Waiting(Waiting::Dependency),
        raw: raw.to_vec(),
    }
}

impl Replica {
    /// The stays of a record; none if nothing of it is here.
    pub fn stays(&self, id: &RecordId) -> Result<Vec<StayRow>, ReplicaError> {
        Ok(self.index.list(&keys::stays_of(id))?.into_iter().map(|(_, stay)| stay).collect())
    }

    /// Where a record is, as far as it can be seen from here.
    pub(crate) fn current_stay(&self, id: &RecordId) -> Result<Option<StayRow>, ReplicaError> {
        Ok(current(&self.stays(id)?).cloned())
    }

    /// The stay in which a record lives now; the error says where the record went, or that there is none.
    pub fn whereabouts(&self, id: &RecordId) -> Result<StayRow, ReplicaError> {
        let stays = self.stays(id)?;
        let left = newest(&stays).and_then(|stay| stay.left);
        match (current(&stays), left.or(stays.iter().filter_map(|stay| stay.left).max())) {
            (Some(stay), _) => Ok(stay.clone()),
            (None, Some(left)) => Err(ReplicaError::HasMoved { id: *id, to: left.to.division }),
            (None, None) => Err(ReplicaError::NoSuchRecord(*id)),
        }
    }

    /// A stay's row.
    pub(crate) fn stay_row(&self, stay: &Stay) -> Result<Option<StayRow>, ReplicaError> {
        Ok(self.index.get(&keys::stay(stay))?)
    }

    /// The changes of a stay that stand by entries of its channel, in order of arrival.
    pub(crate) fn entry_rows(&self, stay: &Stay) -> Result<Vec<ChangeRow>, ReplicaError> {
        Ok(self.index.list(&keys::changes(stay))?.into_iter().map(|(_, row)| row).collect())
    }

    /// The changes of a stay: those of entries, and after them those that came with the record.
    pub(crate) fn change_rows(&self, stay: &Stay) -> Result<Vec<ChangeRow>, ReplicaError> {
        let mut rows = self.entry_rows(stay)?;
        let epoch = self.stay_row(stay)?.map_or(0, |stay| stay.epoch);
        let counted: BTreeSet<Hash> = applied(&rows);
        let history = self.written(stay, epoch)?.into_values();
        rows.extend(history.filter(|written| !counted.contains(&written.change)).map(history_row));
        self.fill_words(stay, &mut rows)?;
        Ok(rows)
    }

    /// Puts the bytes back into changes among which somebody repeats what another device wrote: they are compared word
    /// for word. That is rare.
    pub(crate) fn fill_words(&self, stay: &Stay, rows: &mut [ChangeRow]) -> Result<(), ReplicaError> {
        if rows.iter().any(is_adopted) { self.fill_raw(stay, rows) } else { Ok(()) }
    }

    /// The changes of all stays of a record.
    pub(crate) fn change_rows_ever(&self, id: &RecordId) -> Result<Vec<ChangeRow>, ReplicaError> {
        let mut rows = Vec::new();
        for stay in self.stays(id)? {
            rows.extend(self.change_rows(&Stay { record: *id, channel: stay.channel })?);
        }
        Ok(rows)
    }

    fn arrivals(&self, stay: &Stay, epoch: u32) -> Result<Vec<Arrived>, ReplicaError> {
        if epoch == 0 {
            return Ok(Vec::new());
        }
        let moves = self.index.list::<MoveRow>(&keys::moves(stay))?.into_iter();
        let arrivals = moves.filter_map(|(_, row)| match row.what {
            Move::Arrived(arrived) if row.epoch == epoch => Some(arrived),
            _ => None,
        });
        Ok(arrivals.collect())
    }

    /// Who wrote what came with a record.
    pub(crate) fn written(&self, stay: &Stay, epoch: u32) -> Result<BTreeMap<Hash, Written>, ReplicaError> {
        let arrivals = self.arrivals(stay, epoch)?.into_iter();
        let written = arrivals.flat_map(|arrived| arrived.changes);
        Ok(written.map(|written| (written.change, written)).collect())
    }

    /// The record as it arrived. A hub that was set back may have moved it twice: then all that came counts.
    pub(crate) fn base(&self, stay: &Stay, epoch: u32) -> Result<Option<Document>, ReplicaError> {
        let mut base: Option<Document> = None;
        for arrived in self.arrivals(stay, epoch)? {
            let came = Document::load(Some(&arrived.history), [])?;
            match &mut base {
                None => base = Some(came),
                Some(base) => came.changes().iter().try_for_each(|raw| base.add(raw))?,
            }
        }
        Ok(base)
    }

    /// Loads a stay as it is: snapshot, or what arrived, and what was applied since.
    pub(crate) fn document(&self, stay: &Stay) -> Result<Document, ReplicaError> {
        let snapshot: Option<Vec<u8>> = self.index.get(&keys::snapshot(stay))?;
        let snapshot = match (snapshot, self.stay_row(stay)?) {
            (None, Some(row)) => self.base(stay, row.epoch)?.map(|base| base.save()),
            (snapshot, _) => snapshot,
        };
        let rows = self.entry_rows(stay)?;
        let since = rows.iter().filter(|row| row.state == ChangeState::Applied && !row.raw.is_empty());
        Ok(Document::load(snapshot.as_deref(), since.map(|row| row.raw.as_slice()))?)
    }

    /// Loads a record as people see it; an empty one if it is not here.
    pub(crate) fn document_of(&self, id: &RecordId) -> Result<Document, ReplicaError> {
        match self.current_stay(id)? {
            Some(stay) => self.document(&Stay { record: *id, channel: stay.channel }),
            None => Ok(Document::empty()),
        }
    }

    /// Puts the bytes back into changes that are in the snapshot; what the snapshot has not, the journal has.
    pub(crate) fn fill_raw(&self, stay: &Stay, rows: &mut [ChangeRow]) -> Result<(), ReplicaError> {
        if rows.iter().all(|row| !row.raw.is_empty()) {
            return Ok(());
        }
        let by_hash: BTreeMap<Hash, Vec<u8>> = self
            .document(stay)?
            .changes()
            .into_iter()
            .map(|payload| {
                let entry = Entry { kind: EntryKind::EDIT, envelope: None, payload };
                (payload_hash(&entry), entry.payload)
            })
            .collect();
        for row in rows.iter_mut().filter(|row| row.raw.is_empty()) {
            row.raw = match by_hash.get(&row.hash) {
                Some(raw) => raw.clone(),
                None => self.entry_at(&row.feed, row.number)?.map(|entry| entry.payload).unwrap_or_default(),
            };
        }
        Ok(())
    }
}

impl Replica {
    /// The hub says that a record has come or gone, or carries an edit after it.
    pub(crate) fn apply_move(
        &mut self,
        feed: &FeedId,
        number: u64,
        entry: &Entry,
        envelope: &Envelope,
    ) -> Result<(), ReplicaError> {
        let stay = Stay { record: envelope.record, channel: feed.channel };
        let waiting = match entry.kind {
            EntryKind::ARRIVED => match control::decode::<Arrived>(&entry.payload) {
                Some(arrived) => match check_arrived(envelope, &arrived) {
                    Ok(()) => return self.moved(&stay, feed, number, envelope, Move::Arrived(arrived)),
                    Err(why) => Waiting::Judgement(why),
                },
                None => Waiting::Upgrade,
            },
            EntryKind::LEFT => match control::decode::<Left>(&entry.payload) {
                Some(left) => return self.moved(&stay, feed, number, envelope, Move::Left(left.to)),
                None => Waiting::Upgrade,
            },
            _ => match control::decode::<Carried>(&entry.payload) {
                Some(carried) if self.is_carried(envelope, &carried) => {
                    let edit = carried.edit.envelope.as_ref().unwrap_or(envelope);
                    let stands = Stands::Carried { feed: *feed, number, epoch: envelope.epoch };
                    let (feed, number) = (carried.feed, carried.number);
                    let written = (edit, carried.point.edition);
                    let row = change_row(&feed, number, written, &carried.edit.payload, stands);
                    return self.apply_change(&stay, row);
                }
                Some(_) => Waiting::Judgement(reason::BAD_SIGNATURE),
                None => Waiting::Upgrade,
            },
        };
        self.wait(feed, number, envelope.record, Some(waiting));
        Ok(())
    }

    /// Whether what the hub carried is an edit of this record, and of who it says.
    fn is_carried(&self, envelope: &Envelope, carried: &Carried) -> bool {
        let same = carried.edit.envelope.as_ref().is_some_and(|edit| edit.record == envelope.record);
        match self.authority().admit(&carried.feed, &carried.point.grant) {
            Admission::Granted(author) => same && carry::is_proved(carried, &author),
            _ => false,
        }
    }

    fn moved(
        &mut self,
        stay: &Stay,
        feed: &FeedId,
        number: u64,
        envelope: &Envelope,
        what: Move,
    ) -> Result<(), ReplicaError> {
        let row = MoveRow { feed: *feed, number, epoch: envelope.epoch, what };
        self.index.put(keys::moved(stay, feed, number), &row);
        self.stand_anew(stay, envelope.kind)
    }

    /// What the hub has said of a stay has changed: everything in it is looked at again.
    pub(crate) fn stand_anew(&mut self, stay: &Stay, kind: KindId) -> Result<(), ReplicaError> {
        let mut row = self.stay_row(stay)?.unwrap_or_else(|| new_stay(kind, stay.channel));
        let before = row.shown().to_vec();
        let moves: Vec<MoveRow> =
            self.index.list(&keys::moves(stay))?.into_iter().map(|(_, row)| row).collect();
        let arrivals = moves.iter().filter(|row| matches!(row.what, Move::Arrived(_)));
        row.epoch = arrivals.map(|row| row.epoch).max().unwrap_or(0);
        let departures = moves.iter().filter_map(|row| match row.what {
            Move::Left(to) => Some(Departure { epoch: row.epoch, to }),
            Move::Arrived(_) => None,
        });
        row.left = departures.max();
        self.index.put(keys::stay(stay), &row);
        self.evaluate_from(stay, row, &before, true)
    }
}

/// A stay of which nothing has come yet.
pub(crate) fn new_stay(kind: KindId, channel: Channel) -> StayRow {
    StayRow {
        kind,
        channel,
        epoch: 0,
        left: None,
        heads: Vec::new(),
        changes: 0,
        unapplied: 0,
        unsnapped: 0,
        repeated: false,
    }
}

/// The changes that count.
pub(crate) fn applied(rows: &[ChangeRow]) -> BTreeSet<Hash> {
    rows.iter().filter(|row| row.state == ChangeState::Applied).map(|row| row.hash).collect()
}

/// Whether a record that arrived loads, and who wrote each of its changes is told.
fn check_arrived(envelope: &Envelope, arrived: &Arrived) -> Result<(), u16> {
    let document =
        check_saved(&arrived.history, |field, value| was_ever_allowed(envelope.kind, field, value));
    let document = document.map_err(|verdict| verdict.code())?;
    let told: BTreeSet<Hash> = arrived.changes.iter().map(|written| written.change).collect();
    let whole = document.history().iter().all(|(change, ..)| told.contains(change));
    if whole && told.len() == document.history().len() { Ok(()) } else { Err(reason::BAD_SHAPE) }
}

/// What a change that came with its record looks like beside the others.
pub(crate) fn history_row(written: Written) -> ChangeRow {
    ChangeRow {
        hash: written.change,
        deps: Vec::new(),
        feed: written.feed,
        number: written.number,
        envelope: written.envelope,
        edition: DictionaryEdition::FIRST,
        stands: Stands::History,
        is_authors: true,
        is_birth: false,
        state: ChangeState::Applied,
        raw: Vec::new(),
    }
}
