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

impl Replica {
    /// How many of the changes that come first in `rows` are plain successors of what counts, and let in at once; with the
    /// record after them. `None` if the first is to be looked at alone. `asks`: whether the cap of a record is asked for.
    pub(crate) fn let_in_successive(
        &self,
        stay: &Stay,
        record: &StayRow,
        rows: &[ChangeRow],
        counted: &Contents,
        before: &Document,
        asks: bool,
    ) -> Result<Option<(usize, Gated)>, ReplicaError> {
        let Some(kind) = self.plain_kind(stay, record) else { return Ok(None) };
        let (mut chain, mut heads): (Vec<&[u8]>, BTreeSet<Hash>) =
            (Vec::new(), before.heads().into_iter().collect());
        for row in rows {
            let follows = heads.len() == row.deps.len() && row.deps.iter().all(|dep| heads.contains(dep));
            let same = row.edition == rows[0].edition;
            if !(follows && same && self.is_plain(record, row)? && !counted.has(row)) {
                break;
            }
            chain.push(&row.raw);
            heads = BTreeSet::from([row.hash]);
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
            && !row.raw.is_empty()
            && row.epoch() == record.epoch
            && row.envelope.kind == record.kind
            && row.edition.is_known()
            && !self.authority().is_after_revocation(&row.feed, row.number);
        Ok(plain && self.index.get::<u16>(&keys::refused(&feed, number))?.is_none())
    }
}
