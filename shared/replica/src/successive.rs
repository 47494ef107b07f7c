//! Successive changes. Whoever saves a record often, or comes with a week's work, sends changes of which each follows the
//! one before: they are judged as one run, since to judge one costs a save and a load of all the record.

use crate::error::ReplicaError;
use crate::legal::allowed;
use crate::repeats::Contents;
use crate::replica::Replica;
use huiliu_core::documents::{Document, Gated, gate_successive};
use huiliu_core::model::dictionary::{self, Kind};
use huiliu_core::sync::Hash;
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, ChangeState, StayRow};
use std::collections::BTreeSet;

/// What has come to count while a stay is evaluated.
pub(crate) struct SoFar {
    /// What later changes may follow.
    pub(crate) known: BTreeSet<Hash>,
    pub(crate) counted: Contents,
    /// The record as it was before, and as it is if anything has come to count.
    pub(crate) current: Document,
    pub(crate) last: Option<Gated>,
    /// Its changes have not been judged before.
    pub(crate) is_new: bool,
}

impl SoFar {
    pub(crate) fn document(&self) -> &Document {
        self.last.as_ref().map_or(&self.current, |gated| &gated.document)
    }
}

impl Replica {
    /// How many of the changes that come first in `rows` are plain successors of what counts, and let in at once; with the
    /// record after them. `None` if the first is to be looked at alone.
    pub(crate) fn let_in_successive(
        &self,
        stay: &Stay,
        record: &StayRow,
        rows: &[ChangeRow],
        so_far: &SoFar,
    ) -> Result<Option<(usize, Gated)>, ReplicaError> {
        let Some(kind) = self.plain_kind(stay, record) else { return Ok(None) };
        let (before, asks) = (so_far.document(), self.asks_for_cap(so_far.is_new));
        let (mut chain, mut heads): (Vec<&[u8]>, Vec<Hash>) = (Vec::new(), before.heads());
        let mut entering: BTreeSet<Hash> = BTreeSet::new();
        for row in rows {
            // Who wrote something of it before names that too.
            let is_known = |dep: &Hash| so_far.known.contains(dep) || entering.contains(dep);
            let follows = heads.iter().all(|head| row.deps.contains(head)) && row.deps.iter().all(is_known);
            let same = row.edition == rows[0].edition;
            if !(follows && same && self.is_plain(record, row)? && !so_far.counted.has(row)) {
                break;
            }
            chain.push(&row.raw);
            heads = vec![row.hash];
            entering.insert(row.hash);
        }
        // Where one of them breaks something, fewer are tried.
        while chain.len() > 1 {
            let legal = |field: &str, value: &_| allowed(kind.id, field, value, rows[0].edition);
            let gated = gate_successive(before.clone(), &chain, legal);
            if let Some(gated) = gated.filter(|gated| !asks || self.has_room(gated)) {
                return Ok(Some((chain.len(), gated)));
            }
            chain.truncate(chain.len() / 2);
        }
        Ok(None)
    }

    /// The kind of a record whose changes can be plain: it has begun, and lies where its kind does.
    fn plain_kind(&self, stay: &Stay, record: &StayRow) -> Option<&'static Kind> {
        let kind = dictionary::kind_by_id(record.kind).filter(|_| !record.heads.is_empty())?;
        (stay.channel == self.channel_of(kind, stay.channel.division)).then_some(kind)
    }

    /// Whether the gate alone decides about a change that follows what counts.
    fn is_plain(&self, record: &StayRow, row: &ChangeRow) -> Result<bool, ReplicaError> {
        let (feed, number) = row.place();
        let plain = row.state != ChangeState::Applied
            && row.is_authors
            // Who repeats something may repeat what stands before it in the same run.
            && row.envelope.origin.is_none()
            && !row.raw.is_empty()
            && row.epoch() == record.epoch
            && row.envelope.kind == record.kind
            && row.edition.is_known()
            && !self.authority().is_after_revocation(&row.feed, row.number);
        Ok(plain && self.index.get::<u16>(&keys::refused(&feed, number))?.is_none())
    }
}
