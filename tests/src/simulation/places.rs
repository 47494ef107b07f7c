//! Where records are when all is healed: in one place, with all that was ever saved of them; and that nothing has come
//! to a place by the hand of somebody who may not write there.

use super::oracles::all_rows;
use super::play::Play;
use super::reference::{Edit, EditId, Record};
use crate::harness::watch::may_see;
use crate::harness::world::HUB;
use huiliu_core::documents::writes;
use huiliu_core::model::{Channel, Class, DivisionCode, RecordId, Value, dictionary};
use huiliu_core::sync::DeviceId;
use huiliu_store::keys::Stay;
use huiliu_store::rows::{ChangeRow, ChangeState, Row, StayRow};
use huiliu_store::{Working, keys};
use std::collections::{BTreeMap, BTreeSet};

/// The fields that say whose an organization is.
const OWNERS: [&str; 2] = ["registration_authority", "town_code"];

impl Play {
    /// A record is in one list of everybody who may see its place, and in nobody else's.
    pub(super) fn check_places(&mut self) {
        let rows = |name: &str| all_rows(&Working::new(Box::new(self.world.machines[name].index.clone())));
        let held: BTreeMap<&str, BTreeMap<RecordId, Row>> =
            self.names.iter().map(|name| (*name, rows(name))).collect();
        let hub = self.holding(HUB);
        // What follows something that its author may not see any more its author has as a draft.
        let drafts: BTreeSet<EditId> = self.names.iter().flat_map(|name| self.drafts_at(name)).collect();
        let mut wrong = Vec::new();
        for (id, record) in self.model.records.iter().filter(|(_, record)| record.kind == "social_org") {
            let Some(row) = held[HUB].get(id) else { continue };
            let place = Channel::own(row.division, Class::Open);
            if let Some(owner) = owner(row).filter(|owner| *owner != row.division)
                && self.is_given(record, row, owner)
            {
                wrong.push(format!("{id} is given to {owner} and stays at {place}"));
            }
            let Some(at_hub) = hub.moved.get(id) else { continue };
            let stands = |id| hub.standing.contains(&id) && (at_hub.contains(&id) || !drafts.contains(&id));
            let all: BTreeSet<EditId> = self.model.counted(record, &stands).into_iter().collect();
            if *at_hub != all {
                wrong.push(format!("the hub shows {at_hub:?} of {id} at {place}, not {all:?}"));
            }
            for name in self.names[1..].iter().filter(|name| !self.world.revoked.contains(*name)) {
                let sees = may_see(self.world.machines[name].division, place);
                let shown = self.holding(name).moved.get(id).cloned().unwrap_or_default();
                if sees != held[name].contains_key(id) || sees && shown != all {
                    wrong.push(format!("{name} shows {shown:?} of {id}, which is at {place} with {all:?}"));
                }
            }
        }
        self.failures.extend(wrong.into_iter().take(3));
        self.check_rights();
    }

    /// Whether a record belongs to an owner by the word of people who may write there and where it is: whatever names that
    /// owner now was there from the beginning and nowhere since, or was written by nobody else.
    fn is_given(&self, record: &Record, row: &Row, owner: DivisionCode) -> bool {
        let Some(first) = record.edits.first().map(|id| &self.model.edits[id]) else { return false };
        let begun_here = record.edits.iter().all(|id| self.model.edits[id].channel == first.channel);
        let by_right = |edit: &Edit| {
            let may =
                |place| may_see(self.world.machines[edit.author].division, Channel::own(place, Class::Open));
            may(owner) && may(row.division)
        };
        begun_here
            && OWNERS.iter().all(|field| {
                let now = row.fields.get(*field).unwrap_or(&Value::Null);
                let said = |edit: &Edit| edit.writes.get(*field).unwrap_or(&Value::Null) == now;
                let names = |edit: &&Edit| edit.writes.contains_key(*field) && said(edit);
                let mut naming =
                    record.edits[1..].iter().map(|id| &self.model.edits[id]).filter(names).peekable();
                // Said once more, it is the later word that names it. Where the very first edit is lost, what is left
                // began nothing: only a beginning says of what type the organization is.
                let begins = first.writes.contains_key("org_type");
                if naming.peek().is_none() { begins && said(first) } else { naming.all(by_right) }
            })
    }

    /// What counts of a record somebody has written who may write where it is, or who might where it was; and it has come
    /// to each of its places by the word of somebody who may write there, or after what it lies with.
    fn check_rights(&mut self) {
        let index = Working::new(Box::new(self.world.machines[HUB].index.clone()));
        let devices: BTreeMap<DeviceId, DivisionCode> =
            self.world.machines.values().map(|it| (it.key().device(), it.division)).collect();
        let by_right = |row: &ChangeRow, channel: Channel| {
            devices.get(&row.feed.device).is_none_or(|division| may_see(*division, channel))
        };
        let mut wrong = Vec::new();
        for id in self.model.records.keys() {
            let stays: Vec<StayRow> = index
                .list(&keys::stays_of(id))
                .expect("the index reads")
                .into_iter()
                .map(|it| it.1)
                .collect();
            let mut changes: Vec<ChangeRow> = Vec::new();
            for stay in &stays {
                let stay = Stay { record: *id, channel: stay.channel };
                let rows = index.list::<ChangeRow>(&keys::changes(&stay)).expect("the index reads");
                changes.extend(rows.into_iter().map(|it| it.1));
            }
            let counts = |row: &&ChangeRow| row.state == ChangeState::Applied;
            for row in changes.iter().filter(counts) {
                if !stays.iter().any(|stay| by_right(row, stay.channel)) {
                    let (who, feed) = (&row.envelope.stamp.who, row.feed);
                    wrong.push(format!("{who} wrote {id} in {feed}, where its author may not"));
                }
            }
            for to in stays.iter().filter(|stay| stay.epoch > 0) {
                let Some(kind) = dictionary::kind_by_id(to.kind) else { continue };
                let names = |row: &&ChangeRow| {
                    // What lies in a snapshot has no bytes here: then anything of its author's will do.
                    let wrote = writes(&row.raw).filter(|_| !row.raw.is_empty());
                    wrote.is_none_or(|wrote| {
                        kind.owner_fields().iter().any(|field| wrote.contains_key(*field))
                    })
                };
                let given = changes.iter().filter(names).any(|row| by_right(row, to.channel));
                if !given && !self.went_after(&index, id, &stays, to) {
                    wrong.push(format!("{id} has come to {} by nobody's right", to.channel));
                }
            }
        }
        self.failures.extend(wrong.into_iter().take(3));
    }

    /// Whether what a record lies with has been at one of its other places and at this one.
    fn went_after(&self, index: &Working, id: &RecordId, stays: &[StayRow], to: &StayRow) -> bool {
        let Some(kind) = dictionary::kind_by_id(to.kind) else { return false };
        let row: Option<Row> = index.get(&keys::row(to.kind, id)).expect("the index reads");
        let field = kind.lies_with().and_then(|field| kind.field(field));
        let Some(field) = field else { return false };
        let named = row.as_ref().and_then(|row| row.fields.get(field.name)?.text());
        let named: Option<RecordId> = named.and_then(|text| text.parse().ok());
        let of = field.target().and_then(dictionary::kind);
        // What a name has meant when the record went nobody can tell afterwards: any that has gone there will do.
        let all = self.model.records.iter().filter(|(_, it)| of.is_some_and(|of| of.name == it.kind));
        let all: Vec<RecordId> = all.map(|(id, _)| *id).collect();
        let mut candidates = named.map_or(all, |id| vec![id]).into_iter();
        candidates.any(|with| has_gone(index, &with, stays, to))
    }
}

/// Whether a record has been where another came to, and at one of that one's other places.
fn has_gone(index: &Working, with: &RecordId, stays: &[StayRow], to: &StayRow) -> bool {
    let theirs = index.list::<StayRow>(&keys::stays_of(with)).expect("the index reads");
    let been = |division: DivisionCode| theirs.iter().any(|(_, stay)| stay.channel.division == division);
    been(to.channel.division)
        && stays.iter().any(|stay| stay.channel != to.channel && been(stay.channel.division))
}

/// The township if it lies under the authority, else the authority: by their digits.
fn owner(row: &Row) -> Option<DivisionCode> {
    let text = |field: &str| row.fields.get(field).and_then(Value::text);
    let authority = text("registration_authority")?;
    text("town_code").filter(|town| town.starts_with(authority)).unwrap_or(authority).parse().ok()
}
