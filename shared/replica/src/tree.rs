//! The tree of divisions a replica judges by: the edition that the hub named, and the hub's amendments to it, which are
//! division records.

use crate::error::ReplicaError;
use crate::open::Edition;
use crate::replica::{Replica, Role};
use huiliu_core::model::dictionary;
use huiliu_core::model::divisions::DivisionRecordData;
use huiliu_core::sync::control::{self, Grant};
use huiliu_core::sync::{EntryKind, Hash};

impl Replica {
    /// The edition that the tree uses, if it is not the one at hand: until it has come, nothing is written that needs
    /// it.
    pub fn missing_edition(&self) -> Option<Hash> {
        let named = self.authority().registry().map(|registry| registry.sha256);
        named.filter(|named| *named != self.edition.sha256)
    }

    /// Takes the edition that the tree uses.
    pub fn set_edition(&mut self, edition: Edition) -> Result<(), ReplicaError> {
        self.edition = edition;
        self.amend_divisions()
    }

    /// Puts the hub's amendments into the edition.
    pub(crate) fn amend_divisions(&mut self) -> Result<(), ReplicaError> {
        self.tree_changed = false;
        let mut amendments = Vec::new();
        if let Some(kind) = dictionary::kind("division") {
            self.each_row(kind, |_, row| {
                amendments.extend(DivisionRecordData::from_fields(&row.fields));
                true
            })?;
        }
        self.divisions = match amendments.is_empty() {
            true => self.edition.divisions.clone(),
            false => self.edition.divisions.with_amendments(amendments).into(),
        };
        Ok(())
    }

    /// Hub: devices whose subtree has changed are granted it anew; older grants go on counting for what they cover.
    pub(crate) fn refresh_grants(&mut self) -> Result<(), ReplicaError> {
        if self.role() != Role::Hub || self.missing_edition().is_some() {
            return Ok(());
        }
        let devices =
            self.authority().devices().filter(|(device, _)| self.authority().grant_of(device).is_some());
        let held: Vec<Grant> = devices.map(|(_, grant)| grant.clone()).collect();
        for grant in held {
            let fresh = self.grant_for(grant.key.clone(), grant.division, &grant.name);
            if fresh != grant {
                let stamp = self.stamp("huiliu", 0);
                self.stage_entry(
                    self.authority().control(),
                    EntryKind::GRANT,
                    stamp,
                    control::encode(&fresh),
                );
            }
        }
        if self.staged.is_empty() { Ok(()) } else { self.commit().map(|_| ()) }
    }
}
