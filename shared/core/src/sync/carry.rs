//! An edit taken out of its feed with the proof of who wrote it: the chain from it to the point that signs it. Of what
//! stands between only hashes go along, since the reader may not be allowed to see those records.

use super::control::{Bare, Carried};
use super::entry::{EntryKind, Envelope, chain_hash, entry_hash, payload_hash};
use super::feed::{MAX_RUN_ENTRIES, Point, Run, point_message};
use super::keys::{Hash, PublicKey};

/// Takes the edit at `number` out of its run; `previous` is the chain hash before the run.
pub fn take(run: &Run, previous: Hash, number: u64) -> Option<Carried> {
    let at = usize::try_from(number.checked_sub(run.first)?).ok()?;
    let (point, entries) = run.entries.split_last()?;
    let edit = entries.get(at)?.clone();
    let point: Point = super::control::decode(&point.payload)?;
    let before = (run.first..).zip(&entries[..at]);
    let previous = before.fold(previous, |hash, (number, entry)| entry_hash(&run.feed, number, &hash, entry));
    let bare = |entry: &super::entry::Entry| Bare {
        kind: entry.kind,
        envelope: entry.envelope.clone(),
        payload: payload_hash(entry),
    };
    let between = entries[at + 1..].iter().map(bare).collect();
    Some(Carried { feed: run.feed, number, previous, edit, between, point })
}

/// Whether the holder of `author` signed the edit at the place it claims.
pub fn is_proved(carried: &Carried, author: &PublicKey) -> bool {
    let Carried { feed, number, previous, edit, between, point } = carried;
    let fits = edit.envelope.as_ref().is_some_and(Envelope::fits);
    if edit.kind != EntryKind::EDIT || !fits || between.len() >= MAX_RUN_ENTRIES || *number == 0 {
        return false;
    }
    let mut hash = entry_hash(feed, *number, previous, edit);
    let mut last = *number;
    for bare in between {
        let Some(next) = last.checked_add(1) else { return false };
        last = next;
        hash = chain_hash(feed, last, &hash, (bare.kind, bare.envelope.as_ref()), &bare.payload);
    }
    let Some(number) = last.checked_add(1) else { return false };
    let message = point_message(feed, number, &hash, &point.grant, point.edition);
    author.verify(&message, &point.signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hlc;
    use crate::sync::entry::{Entry, Stamp};
    use crate::sync::feed::{FeedId, Head, Incarnation, sign_run};
    use crate::sync::keys::DeviceKey;

    fn run(key: &DeviceKey) -> Run {
        let channel = "own/330203004/open".parse().unwrap();
        let feed = FeedId { channel, device: key.device(), incarnation: Incarnation([7; 8]) };
        let stamp = Stamp { who: "月湖经办".into(), at: Hlc(1 << 16) };
        let entry = |n: u8| Entry {
            kind: EntryKind::EDIT,
            envelope: Some(Envelope::of_no_record(stamp.clone())),
            payload: vec![n; 10],
        };
        let (_, head) = sign_run(key, Hash::ZERO, feed, &Head::START, vec![entry(9)]);
        sign_run(key, Hash::ZERO, feed, &head, (0..4).map(entry).collect()).0
    }

    #[test]
    fn an_edit_taken_out_of_its_feed_is_still_its_authors_and_shows_nothing_else() {
        let (yuehu, yuyao) = (DeviceKey::from_seed([1; 32]), DeviceKey::from_seed([2; 32]));
        let run = run(&yuehu);
        let before = {
            let (_, head) = sign_run(
                &yuehu,
                Hash::ZERO,
                run.feed,
                &Head::START,
                vec![Entry { payload: vec![9; 10], ..run.entries[0].clone() }],
            );
            head.hash
        };
        for number in run.first..run.last() {
            let carried = take(&run, before, number).unwrap();
            assert!(is_proved(&carried, &yuehu.public()), "{number}");
            assert!(!is_proved(&carried, &yuyao.public()));
            let mut bent = carried.clone();
            bent.edit.payload[0] ^= 1;
            assert!(!is_proved(&bent, &yuehu.public()));
            let mut bent = carried.clone();
            bent.edit.envelope.as_mut().unwrap().stamp.who.push('x');
            assert!(!is_proved(&bent, &yuehu.public()));
            let mut bent = carried.clone();
            bent.number += 1;
            assert!(!is_proved(&bent, &yuehu.public()));
            let mut bent = carried;
            bent.feed.channel = "own/330203005/open".parse().unwrap();
            assert!(!is_proved(&bent, &yuehu.public()));
        }
        assert!(take(&run, before, run.last()).is_none(), "a point is no edit");
        assert!(take(&run, before, run.first - 1).is_none());
    }
}
