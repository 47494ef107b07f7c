//! Superiors that lead back to where they began (DOMAIN 2.4: acyclic).

use super::{Finding, Rule, Severity};
use crate::model::ids::RecordId;
use crate::model::messages::RuleSay;
use std::collections::{BTreeMap, BTreeSet};

/// The rings among Party organizations and the superiors they name: each once, from its lowest id on upwards.
///
/// Who only stands under a ring is not in it. Linear in the number of organizations, however deep they stand.
pub fn superior_cycles(party_orgs: &[(RecordId, Option<RecordId>)]) -> Vec<Finding> {
    let superiors: BTreeMap<RecordId, RecordId> =
        party_orgs.iter().filter_map(|(id, superior)| Some((*id, (*superior)?))).collect();
    let (mut seen, mut rings) = (BTreeSet::new(), BTreeSet::new());
    for start in superiors.keys() {
        let (mut way, mut at) = (Vec::new(), Some(*start));
        while let Some(id) = at.filter(|id| seen.insert(*id)) {
            way.push(id);
            at = superiors.get(&id).copied();
        }
        // What was seen on an earlier way is not on this one: its ring, if it has one, is known.
        if let Some(begin) = at.and_then(|id| way.iter().position(|step| *step == id)) {
            let mut ring = way.split_off(begin);
            let lowest = ring.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
            ring.rotate_left(lowest);
            rings.insert(ring);
        }
    }
    let finding = |records: Vec<RecordId>| {
        let why = RuleSay::WhySuperiorCycle { count: records.len() };
        Finding { rule: Rule::SuperiorCycle, severity: Severity::Fault, records, why }
    };
    rings.into_iter().map(finding).collect()
}
