//! Who gives a record to whom. An edit that names another owner moves its record only as far as its author's own grant
//! reaches, at both ends. What reaches further is an offer: the record stays where it is, is listed, and moves when somebody
//! who may write at both ends accepts it, which is an edit like others. The hub does nothing that no grant covers.

use crate::edit::Outcome;
use crate::error::ReplicaError;
use crate::replica::Replica;
use huiliu_core::documents::Document;
use huiliu_core::model::dictionary::{self, Kind, Owner};
use huiliu_core::model::{Channel, DivisionCode, Fields, RecordId, Value};
use huiliu_core::sync::entry::MAX_SETTLES;
use huiliu_core::sync::{DeviceId, birth};
use huiliu_store::keys::Stay;
use huiliu_store::rows::{ChangeRow, ChangeState, StayRow};

impl Replica {
    /// Whether those who have named the owner of a record may write there and where it is, so that the hub moves it.
    pub(crate) fn is_given(
        &self,
        home: &Stay,
        kind: &'static Kind,
        document: &Document,
        to: Channel,
    ) -> Result<bool, ReplicaError> {
        let (rows, fields) = (self.change_rows(home)?, document.fields());
        let by_right = |field: &&str| {
            let change = document.written_by(field);
            let row = rows.iter().find(|row| Some(row.hash) == change);
            let may = row.is_some_and(|row| self.may_give(row, home.channel, to));
            may || self.has_bug("moved beyond the author's grant")
        };
        if let Some(field) = kind.lies_with() {
            let given = by_right(&field) && self.is_meant(kind, &fields, home)?;
            return Ok(given || self.has_gone_on(kind, &fields, home)?);
        }
        // What others have named does not count: then the record would be whose it was.
        let before = self.named_before(home, kind, &rows, document)?;
        let mut named = fields;
        for field in kind.owner_fields().iter().filter(|field| !by_right(field)) {
            named.remove(*field);
            named.extend(before.get(*field).map(|value| ((*field).to_owned(), value.clone())));
        }
        Ok(self.owner_of(kind, &named, home.channel.division)? == Some(to.division))
    }

    /// Whether the author of a change, and of what it repeats, may write at both ends of a move: who only might where the
    /// record was once gives it to nobody, and does not take it back.
    fn may_give(&self, row: &ChangeRow, from: Channel, to: Channel) -> bool {
        let origin = row.envelope.origin.as_ref().map(|origin| origin.feed.device);
        let may = |device: &DeviceId| {
            let grant = self.authority().last_grant_of(device);
            grant.is_some_and(|(_, grant)| grant.may_write(from) && grant.may_write(to))
        };
        may(&row.feed.device) && origin.as_ref().is_none_or(may)
    }

    /// Whether the record that another lies with is surely the one that is meant: named by its id, or made by somebody who
    /// may write where the other is. Anybody below may give a record of theirs a name or a number that is looked for.
    fn is_meant(&self, kind: &'static Kind, fields: &Fields, home: &Stay) -> Result<bool, ReplicaError> {
        let Owner::With { kind: with, reference } = kind.owner(fields, &self.divisions) else {
            return Ok(false);
        };
        if reference.parse::<RecordId>().is_ok() {
            return Ok(true);
        }
        let with = dictionary::kind(with).map(|with| self.resolve(with, reference, home.channel.division));
        let Some(id) = with.transpose()?.flatten() else { return Ok(false) };
        let Some(theirs) = self.current_stay(&id)? else { return Ok(false) };
        let theirs = Stay { record: id, channel: theirs.channel };
        let born = self.document(&theirs)?.history().into_iter().find(|(_, deps, _)| deps.is_empty());
        let rows = self.change_rows(&theirs)?;
        let maker = rows.iter().find(|row| born.as_ref().is_some_and(|(first, ..)| row.hash == *first));
        Ok(maker.is_some_and(|row| self.may_give(row, home.channel, theirs.channel)))
    }

    /// Whether what a record lies with, by its id, has been where the record is, and has gone on: then the record goes
    /// after it.
    fn has_gone_on(&self, kind: &'static Kind, fields: &Fields, home: &Stay) -> Result<bool, ReplicaError> {
        let Owner::With { reference, .. } = kind.owner(fields, &self.divisions) else { return Ok(false) };
        let Ok(id) = reference.parse::<RecordId>() else { return Ok(false) };
        let was_there = |stay: &StayRow| {
            let has_been = !stay.heads.is_empty() || stay.epoch > 0 || stay.left.is_some();
            has_been && stay.channel.division == home.channel.division
        };
        Ok(self.stays(&id)?.iter().any(was_there))
    }

    /// The fields with which a record came to where it is, if they name that place or nobody.
    fn named_before(
        &self,
        home: &Stay,
        kind: &'static Kind,
        rows: &[ChangeRow],
        document: &Document,
    ) -> Result<Fields, ReplicaError> {
        let epoch = self.stay_row(home)?.map_or(0, |stay| stay.epoch);
        let born = |row: &&ChangeRow| row.is_birth && row.state == ChangeState::Applied;
        let first = rows.iter().find(born);
        let came = match self.base(home, epoch)? {
            Some(came) => Some(came),
            None => first.and_then(|row| document.at(&[row.hash])),
        };
        let fields = came.map(|came| came.fields()).unwrap_or_default();
        let named = self.owner_of(kind, &fields, home.channel.division)?;
        let here = named.is_none_or(|named| self.channel_of(kind, named) == home.channel);
        Ok(if here { fields } else { Fields::new() })
    }

    /// To whom a record is offered: its fields name another owner, and nobody has named it who may write at both ends.
    /// Asked of what `division` and those below it own, so that whoever sees more says the same.
    pub fn offered_to(
        &self,
        kind: &'static Kind,
        id: &RecordId,
        division: DivisionCode,
    ) -> Result<Option<DivisionCode>, ReplicaError> {
        let Some(row) = self.row(kind, id)?.filter(|row| row.deleted.is_none()) else { return Ok(None) };
        let channel = self.channel_of(kind, row.division);
        let to = self.belongs_elsewhere(kind, &row.fields, channel)?;
        // What a record lies with tells nobody where it is who does not see that anyway.
        let is_seen =
            |to: &DivisionCode| kind.lies_with().is_none() || self.divisions.is_within(*to, division);
        let Some(to) = to.filter(is_seen) else { return Ok(None) };
        let home = Stay { record: *id, channel };
        let given = self.is_given(&home, kind, &self.document(&home)?, self.channel_of(kind, to))?;
        Ok(Some(to).filter(|_| !given))
    }

    /// The living records of a kind that a division and those below it own and that are offered to others: whose each is,
    /// and to whom.
    pub fn offers(
        &self,
        kind: &'static Kind,
        division: DivisionCode,
    ) -> Result<Vec<(RecordId, DivisionCode, DivisionCode)>, ReplicaError> {
        let mut owners = Vec::new();
        self.each_row(kind, |id, row| {
            owners.extend(self.divisions.is_within(row.division, division).then_some((id, row.division)));
            true
        })?;
        let mut offers = Vec::new();
        for (id, from) in owners {
            offers.extend(self.offered_to(kind, &id, division)?.map(|to| (id, from, to)));
        }
        Ok(offers)
    }

    /// Stages the acceptance of an offer: whoever may write at both ends says once more what its author has named.
    pub(crate) fn accept(&mut self, id: &RecordId, who: &str, now: u64) -> Result<Outcome, ReplicaError> {
        let (record, stay, kind, mut document) = self.open_to_edit(id)?;
        let fields = document.fields();
        let Some(to) = self.belongs_elsewhere(kind, &fields, record.channel)? else {
            return Ok(Outcome::Same(*id));
        };
        self.own_grant(self.channel_of(kind, to))?;
        let said = |field: &&str| Some(((*field).to_owned(), fields.get(*field)?.clone()));
        let mut named: Fields = kind.owner_fields().iter().filter_map(said).collect();
        // From now on it is this record that is meant, whatever others are called.
        if let Owner::With { kind: with, reference } = kind.owner(&fields, &self.divisions)
            && let Some(with) = dictionary::kind(with)
            && let Some(id) = self.resolve(with, reference, record.channel.division)?
        {
            named.values_mut().for_each(|value| *value = Value::Text(id.to_string()));
        }
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        let claims = names.iter().filter_map(|field| document.conflict(field)).flat_map(|it| it.claims);
        let settled = claims.map(|claim| claim.change).take(MAX_SETTLES).collect();
        let branch = self.branch_for(&stay)?;
        let actor = birth::actor(&self.device(), &self.incarnation(), branch);
        let before = document.clone();
        let Some(raw) = document.edit(actor, &named, &names) else { return Ok(Outcome::Same(*id)) };
        self.stage_edit(&stay, kind, record.epoch, branch, raw, settled, before, who, now)?;
        Ok(Outcome::Changed(*id))
    }
}
