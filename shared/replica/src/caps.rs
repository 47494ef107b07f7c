//! How large a record may become. Whoever judges a change loads and saves all of its record, so a large one is slow for
//! everybody. Asked where a change is written, and by the hub when it comes; what has counted once always counts, whatever
//! its record comes to, so that no rebuild refuses it.

use crate::replica::{Replica, Role};
use huiliu_core::documents::{DELETED, Gated, writes};
use huiliu_core::sync::DeviceId;
use huiliu_store::keys::Stay;

/// The largest record with its history, saved.
pub(crate) const MAX_RECORD_BYTES: usize = 256 * 1024;
/// The last of it is for those above the owner, and for deleting the record: one that somebody has filled up can still be
/// dealt with.
const RESERVED_BYTES: usize = 16 * 1024;

/// So many bytes of one edit from above are taken into a full record, and of one that deletes it.
const SMALL_BYTES: usize = 4 * 1024;
/// What several have written at once, each within the limit, comes to no more than this.
const MAX_TOGETHER_BYTES: usize = 4 * MAX_RECORD_BYTES;

impl Replica {
    /// Whether a record with a change in it is no larger than anybody may make it.
    pub(crate) fn has_room(&self, gated: &Gated) -> bool {
        let fits = gated.with_it <= MAX_RECORD_BYTES - RESERVED_BYTES;
        fits && gated.saved.len() <= MAX_TOGETHER_BYTES || self.has_bug("records of any size are taken")
    }

    /// Whether the cap is asked for: by the hub, once, of what comes. What has counted stays, whatever is computed again.
    pub(crate) fn asks_for_cap(&self, is_new: bool) -> bool {
        is_new && !self.recomputes && self.role() == Role::Hub
    }

    /// Whether a record is larger with a device's change than it may be.
    pub(crate) fn is_too_large_with(
        &self,
        stay: &Stay,
        author: &DeviceId,
        raw: &[u8],
        gated: &Gated,
    ) -> bool {
        if self.has_room(gated) {
            return false;
        }
        let together = gated.saved.len();
        let owner = stay.channel.division;
        let is_above = self.authority().last_grant_of(author).is_some_and(|(_, grant)| {
            grant.division != owner && self.divisions.is_within(owner, grant.division)
        });
        let deletes = || writes(raw).is_some_and(|fields| fields.keys().eq([DELETED]));
        let reserved = gated.with_it <= MAX_RECORD_BYTES && together <= MAX_TOGETHER_BYTES;
        // Only who wrote apart can have filled it beyond its limit: it can still be settled from above, and deleted.
        let was_beyond = gated.with_it.saturating_sub(raw.len()) > MAX_RECORD_BYTES + SMALL_BYTES;
        let is_small = raw.len() <= SMALL_BYTES && together <= MAX_TOGETHER_BYTES + RESERVED_BYTES;
        !((reserved || was_beyond && is_small) && (is_above || deletes()))
    }
}
