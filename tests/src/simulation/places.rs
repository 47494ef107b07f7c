//! Where records are when all is healed: in the one place that their fields name, with all that was ever saved of them.

use super::oracles::all_rows;
use super::play::Play;
use super::reference::EditId;
use crate::harness::watch::may_see;
use crate::harness::world::HUB;
use huiliu_core::model::{Channel, Class, RecordId, Value};
use huiliu_store::Working;
use huiliu_store::rows::Row;
use std::collections::{BTreeMap, BTreeSet};

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
            let Some(owner) = owner(row) else { continue };
            let place = Channel::own(owner, Class::Open);
            if !hub.moved.contains_key(id) && record.channel != place {
                wrong.push(format!("{id} belongs to {place} and has not moved"));
            }
            let Some(at_hub) = hub.moved.get(id) else { continue };
            let stands = |id| hub.standing.contains(&id) && (at_hub.contains(&id) || !drafts.contains(&id));
            let all: BTreeSet<EditId> = self.model.counted(record, &stands).into_iter().collect();
            if row.division != owner || *at_hub != all {
                wrong.push(format!(
                    "the hub shows {at_hub:?} of {id} at {}, not {all:?} at {owner}",
                    row.division
                ));
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
    }
}

/// The township if it lies under the authority, else the authority: by their digits.
fn owner(row: &Row) -> Option<huiliu_core::model::DivisionCode> {
    let text = |field: &str| row.fields.get(field).and_then(Value::text);
    let authority = text("registration_authority")?;
    text("town_code").filter(|town| town.starts_with(authority)).unwrap_or(authority).parse().ok()
}
