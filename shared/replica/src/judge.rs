//! Judging: whether a change counts where it stands. What decides is its place, its author and the gate; the order is that
//! of the lines below. The hub's no is a Refusal; everybody else waits for it.

use crate::error::ReplicaError;
use crate::legal::allowed;
use crate::replica::{Replica, Role};
use crate::upgrade::{UNSOUND_GATE, misjudges};
use huiliu_core::documents::{Document, Gated, Verdict, gate, inspect};
use huiliu_core::model::dictionary;
use huiliu_core::sync::control::{self, Refusal, reason};
use huiliu_core::sync::{EntryKind, FeedId};
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::{ChangeRow, StayRow, Waiting};
use std::cmp::Ordering;

/// What is decided about one change.
pub(crate) enum Decision {
    Counts(Box<Gated>),
    /// It is in the record already.
    Known,
    /// It is of an epoch that is over.
    Late,
    Waits(Waiting),
    Refused,
}

/// What a change finds in its record.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// What it follows counts.
    pub(crate) known: bool,
    /// What it repeats counts already, itself or as another repeats it.
    pub(crate) repeats: bool,
    /// It has not been judged before.
    pub(crate) is_new: bool,
}

impl Replica {
    /// Decides about one change. `before`: the record before it, loaded here if not given.
    pub(crate) fn decide(
        &mut self,
        stay: &Stay,
        record: &mut StayRow,
        row: &ChangeRow,
        seen: Seen,
        before: Option<&Document>,
    ) -> Result<Decision, ReplicaError> {
        let (feed, number) = row.place();
        if self.index.get::<u16>(&keys::refused(&feed, number))?.is_some() {
            return Ok(Decision::Refused);
        }
        // Nobody is judged by bytes that could not be read.
        if row.raw.is_empty() {
            return Ok(Decision::Waits(Waiting::Repair));
        }
        match row.epoch().cmp(&record.epoch) {
            Ordering::Less => return Ok(Decision::Late),
            Ordering::Equal => {}
            Ordering::Greater => return Ok(Decision::Waits(Waiting::Arrival)),
        }
        if self.authority().is_after_revocation(&row.feed, row.number) && !self.has_bug("revocation ignored")
        {
            return Ok(Decision::Waits(Waiting::Review));
        }
        let known = dictionary::kind_by_id(row.envelope.kind).filter(|_| row.edition.is_known());
        let Some(kind) = known else { return Ok(Decision::Waits(Waiting::Upgrade)) };
        if !row.is_authors && !self.has_bug("another's actor accepted") {
            return Ok(self.judge(row, reason::NOT_ITS_AUTHOR));
        }
        // Of a change and what repeats it the hub takes the first it sees, be it the repetition.
        if seen.repeats {
            return Ok(self.judge(row, reason::REPEATED));
        }
        if !seen.known && !self.has_bug("applied without its dependency") {
            return Ok(Decision::Waits(Waiting::Dependency));
        }
        let is_first = record.heads.is_empty();
        // Divisions are the hub's word alone: a division record elsewhere would widen its author's own grant.
        if stay.channel != self.channel_of(kind, stay.channel.division) {
            return Ok(self.judge(row, reason::OTHER_CHANNEL));
        }
        if !is_first && row.envelope.kind != record.kind {
            return Ok(self.judge(row, reason::OTHER_KIND));
        }
        if is_first && !(row.is_birth && self.may_repeat(stay, row)?) {
            return Ok(self.judge(row, reason::NOT_ITS_MAKER));
        }
        if is_first && self.is_born_elsewhere(stay)? {
            return Ok(self.judge(row, reason::OTHER_CHANNEL));
        }
        // What came between staging and committing is not in what the gate saw then.
        let staged = self.gated.remove(&row.hash);
        let before = || before.map_or_else(|| self.document(stay), |document| Ok(document.clone()));
        let gated = match staged {
            Some((heads, gated)) if heads == record.heads => Ok(gated),
            _ => {
                let gated =
                    gate(before()?, &row.raw, |field, value| allowed(kind.id, field, value, row.edition));
                let unsound = self.has_bug(UNSOUND_GATE) && misjudges(&self.device(), &row.hash);
                if unsound { gated.and(Err(Verdict::WouldNotLoad)) } else { gated }
            }
        };
        let asks = self.asks_for_cap(seen.is_new);
        Ok(match gated {
            Ok(gated) if asks && self.is_too_large_with(stay, &feed.device, &row.raw, &gated) => {
                self.judge(row, Verdict::TooLarge.code())
            }
            Ok(gated) => {
                if is_first {
                    record.kind = kind.id;
                }
                Decision::Counts(Box::new(gated))
            }
            Err(verdict) => {
                let why = why_not(&before()?, &row.raw, verdict);
                self.judge(row, why)
            }
        })
    }

    /// Whether a change may stand for its origin: the same device's, or one that is lost or does not count.
    fn may_repeat(&self, stay: &Stay, row: &ChangeRow) -> Result<bool, ReplicaError> {
        let Some(origin) = &row.envelope.origin else { return Ok(true) };
        Ok(origin.feed.device == row.feed.device
            || self.change_rows(stay)?.iter().all(|other| other.hash != origin.change)
            || self.index.get::<u16>(&keys::refused(&origin.feed, origin.number))?.is_some()
            || self.authority().is_after_revocation(&origin.feed, origin.number))
    }

    /// The gate has said no. The home hub writes a Refusal; everybody else waits for it.
    fn judge(&mut self, row: &ChangeRow, reason: u16) -> Decision {
        if self.role() != Role::Hub {
            if self.has_bug("gate failure of a node taken for final") {
                return Decision::Refused;
            }
            return Decision::Waits(Waiting::Judgement(reason));
        }
        let (feed, number) = row.place();
        self.refuse(&feed, number, reason);
        Decision::Refused
    }

    /// Hub: an entry counts nowhere, for everybody and for ever.
    pub(crate) fn refuse(&mut self, feed: &FeedId, number: u64, reason: u16) {
        let refusal = Refusal { device: feed.device, incarnation: feed.incarnation, number, reason };
        let stamp = self.stamp("huiliu", 0);
        self.stage_entry(feed.channel, EntryKind::REFUSAL, stamp, control::encode(&refusal));
        self.index.put(keys::refused(feed, number), &reason);
    }
}

/// Why a change does not count that the gate keeps out of a record. Where a copied replica has written there under the
/// same number, in another channel before the record moved, its author writes it again.
pub(crate) fn why_not(document: &Document, raw: &[u8], verdict: Verdict) -> u16 {
    let forked = inspect(raw).is_ok_and(|info| {
        let before = document.history().into_iter().filter(|(_, _, actor)| *actor == info.actor);
        info.seq <= before.count() as u64
    });
    if forked { reason::FORKED } else { verdict.code() }
}
