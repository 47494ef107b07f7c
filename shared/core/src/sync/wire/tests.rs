//! What the wire leaves out comes out the same, and what is too much is refused.

use super::*;
use crate::documents::Document;
use crate::model::{Fields, Hlc, KindId, Value};
use crate::sync::entry::Stamp;
use crate::sync::feed::{Head, Incarnation, check_run, sign_run};
use crate::sync::keys::DeviceKey;

struct Nothing;

impl Sending for Nothing {
    fn tag(&self, _: &FeedId) -> Option<Tag> {
        None
    }
    fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        None
    }
    fn number_of(&self, _: &FeedId, _: &RecordId, _: &Hash) -> Option<u64> {
        Some(1)
    }
}

impl Receiving for Nothing {
    fn feed(&self, _: &Tag) -> Option<FeedId> {
        None
    }
    fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        None
    }
    fn change_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
        None
    }
}

fn form(name: &str) -> Fields {
    Fields::from([("name".into(), Value::of(name)), ("address".into(), Value::of("月湖街道一号"))])
}

/// A record made and then edited in one run.
fn two_edits() -> (DeviceKey, Run) {
    let haishu = DeviceKey::from_seed([1; 32]);
    let incarnation = Incarnation([3; 8]);
    let feed = FeedId { channel: "own/330203/open".parse().unwrap(), device: haishu.device(), incarnation };
    let actor = birth::actor(&feed.device, &incarnation, 0);
    let mut document = Document::empty();
    let entries = ["甬江读书会", "甬江读书社"].map(|name| {
        let envelope = Envelope {
            record: birth::record_id(&actor, 1, 1),
            kind: KindId(2),
            ..Envelope::of_no_record(Stamp { who: "经办".into(), at: Hlc(9) })
        };
        let payload = document.edit(actor, &form(name), &[]).unwrap();
        Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload }
    });
    let (run, _) = sign_run(&haishu, Hash([8; 32]), feed, &Head::START, entries.to_vec());
    (haishu, run)
}

#[test]
fn what_is_left_out_comes_out_the_same() {
    let (haishu, run) = two_edits();
    let bytes = encode(std::slice::from_ref(&run), &Nothing);
    let decoded = decode(&bytes, &Nothing).unwrap();
    assert_eq!(decoded, vec![run.clone()]);
    check_run(&haishu.public(), &Head::START, &decoded[0]).unwrap();
    let payloads: usize = run.entries.iter().map(|entry| entry.payload.len()).sum();
    assert!(bytes.len() < payloads, "{} of {payloads} bytes", bytes.len());
}

#[test]
fn a_wrong_reference_breaks_the_chain_and_nothing_else() {
    let (haishu, run) = two_edits();
    struct Lying;
    impl Sending for Lying {
        fn tag(&self, _: &FeedId) -> Option<Tag> {
            None
        }
        fn grant_at(&self, _: &FeedId, _: u64) -> Option<Hash> {
            Some(Hash([8; 32]))
        }
        fn number_of(&self, _: &FeedId, _: &RecordId, _: &Hash) -> Option<u64> {
            Some(1)
        }
    }
    let bytes = encode(std::slice::from_ref(&run), &Lying);
    assert_eq!(decode(&bytes, &Nothing), Err(BadBatch::Dangling), "the grant was said to be known");
    let mut bent = run;
    bent.entries[1].payload[40] ^= 1;
    let decoded = decode(&encode(std::slice::from_ref(&bent), &Nothing), &Nothing).unwrap();
    assert!(check_run(&haishu.public(), &Head::START, &decoded[0]).is_err());
}

#[test]
fn bent_bytes_never_panic() {
    let (_, run) = two_edits();
    let bytes = encode(std::slice::from_ref(&run), &Nothing);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << bit;
            if let Ok(decoded) = decode(&bent, &Nothing) {
                drop(decoded);
            }
        }
        assert!(decode(&bytes[..at], &Nothing).is_err());
    }
}

#[test]
fn what_is_too_much_alike_to_be_packed_comes_out_too() {
    let (_, mut run) = two_edits();
    run.entries[1].payload = vec![7; 3 << 20];
    assert_eq!(decode(&encode(std::slice::from_ref(&run), &Nothing), &Nothing), Ok(vec![run]));
}

#[test]
fn a_bomb_is_refused_before_it_fills_the_memory() {
    let bomb = [&[ZSTD], zstd::bulk::compress(&vec![0; 100 << 20], 3).unwrap().as_slice()].concat();
    assert_eq!(decode(&bomb, &Nothing), Err(BadBatch::TooLarge));
}
