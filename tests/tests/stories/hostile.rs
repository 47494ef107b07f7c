//! Devices that sign what their program would never make.

use super::{READERS, city};
use huiliu_core::documents::Document;
use huiliu_core::model::{Hlc, KindId, RecordId, Value};
use huiliu_core::sync::control::reason;
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::message::{Message, encode};
use huiliu_core::sync::{Entry, EntryKind, Envelope, FeedId, Head, Incarnation, Origin, Stamp, birth};
use huiliu_tests::harness::adversary::plain_batch;
use huiliu_tests::harness::world::{HUB, World, form};

#[test]
fn an_entry_too_large_for_the_journal_is_refused_before_it_gets_there() {
    let mut world = city();
    let key = world.machines["haishu"].key();
    let channel = "own/330203/open".parse().unwrap();
    let feed = FeedId { channel, device: key.device(), incarnation: Incarnation([9; 8]) };
    let (grant, _) = world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&key.device()).unwrap();
    // Compressed it is a frame like others, it inflates less than fifty times, and its payload is within every cap.
    let piece = |_| format!("{:032x}{}", world.rng.u128(..), "a".repeat(480));
    let stamp = Stamp { who: (0..40_000).map(piece).collect(), at: Hlc(1) };
    let envelope = Some(Envelope::of_no_record(stamp));
    let entry = Entry { kind: EntryKind::EDIT, envelope, payload: Vec::new() };
    let (run, _) = sign_run(&key, grant, feed, &Head::START, vec![entry]);
    world.connect("haishu");
    world.settle();
    world.inject("haishu", HUB, plain_batch(&[run]));
    world.settle();
    assert_eq!(world.replica(HUB).ledger().head(&feed).number, 0);
    assert_eq!(world.replica(HUB).quarantined().unwrap()[0].reason, reason::BAD_SHAPE);
}

#[test]
fn a_batch_of_refused_changes_costs_some_looks_at_each_change_of_the_record() {
    const BATCH: u32 = 100;
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    let document = world.replica(HUB).load_document(&id).unwrap();
    let key = world.machines["haishu"].key();
    let feed = smuggled_feed(&world, "haishu", "own/330203/open");
    let (grant, _) = world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&key.device()).unwrap();
    let wrong = form(&[("staff_full", "many")]);
    for batch in 0..8 {
        let entries = (batch * BATCH..(batch + 1) * BATCH).map(|branch| {
            let actor = birth::actor(&feed.device, &feed.incarnation, branch);
            let payload = document.clone().edit(actor, &wrong, &[]).unwrap();
            let mut entry = smuggled_edit(id, 2, payload);
            entry.envelope.as_mut().unwrap().branch = branch;
            entry
        });
        let head = world.replica(HUB).ledger().head(&feed);
        let (run, _) = sign_run(&key, grant, feed, &head, entries.collect());
        let before = world.machines[HUB].index.looks();
        world.inject("haishu", HUB, plain_batch(&[run]));
        world.settle();
        let (looks, changes) = (world.machines[HUB].index.looks() - before, (batch + 1) * BATCH);
        let head = world.replica(HUB).ledger().head(&feed).number;
        assert!(head >= u64::from(changes), "the hub holds {head} entries of {changes}");
        assert!(looks < 60 * u64::from(changes), "{looks} looks at {changes} changes");
    }
    assert_eq!(world.field(HUB, id, "staff_full"), None);
    assert_eq!(world.field("haishu", id, "staff_full"), None);
    assert!(world.level["haishu"]);
}

#[test]
fn what_repeats_an_edit_of_the_same_run_counts_as_little_as_one_that_comes_later() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    let feed = smuggled_feed(&world, "haishu", "own/330203/open");
    let actor = birth::actor(&feed.device, &feed.incarnation, 0);
    let mut document = world.replica(HUB).load_document(&id).unwrap();
    let mut entries: Vec<Entry> = ["月湖街道", "鼓楼街道", "南门街道"]
        .map(|address| document.edit(actor, &form(&[("address", address)]), &[]).unwrap())
        .map(|payload| smuggled_edit(id, 2, payload))
        .to_vec();
    let change = payload_hash(&entries[1]);
    entries[2].envelope.as_mut().unwrap().origin = Some(Origin { feed, number: 2, branch: 0, change });
    smuggle_run(&mut world, "haishu", "own/330203/open", entries);
    for name in [HUB, "haishu"] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("鼓楼街道")), "{name}");
        world.start_over(name);
        assert_eq!(world.field(name, id, "address"), Some(Value::of("鼓楼街道")), "{name}, computed again");
    }
}

/// A device signs an entry that its program would never make, and sends it to the hub.
pub(super) fn smuggle(world: &mut World, name: &'static str, channel: &str, entry: Entry) {
    smuggle_run(world, name, channel, vec![entry]);
}

fn smuggle_run(world: &mut World, name: &'static str, channel: &str, entries: Vec<Entry>) {
    let key = world.machines[name].key();
    let feed = smuggled_feed(world, name, channel);
    let (grant, _) = world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&key.device()).unwrap();
    let head = world.replica(HUB).ledger().head(&feed);
    let (run, _) = sign_run(&key, grant, feed, &head, entries);
    world.connect(name);
    world.settle();
    world.inject(name, HUB, plain_batch(&[run]));
    world.settle();
}

pub(super) fn smuggled_feed(world: &World, name: &str, channel: &str) -> FeedId {
    let device = world.machines[name].key().device();
    FeedId { channel: channel.parse().unwrap(), device, incarnation: Incarnation([9; 8]) }
}

pub(super) fn smuggled_edit(record: RecordId, kind: u16, payload: Vec<u8>) -> Entry {
    let envelope = Envelope {
        record,
        kind: KindId(kind),
        ..Envelope::of_no_record(Stamp { who: "入侵者".into(), at: Hlc(1) })
    };
    Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload }
}

#[test]
fn a_county_cannot_widen_its_grant_by_a_division_of_its_own() {
    let mut world = city();
    let feed = smuggled_feed(&world, "haishu", "own/330203/open");
    let actor = birth::actor(&feed.device, &feed.incarnation, 0);
    let id = birth::record_id(&actor, 1_790_000_000_000, 1);
    let fields = form(&[
        ("code", "330281002"),
        ("name", "梨洲街道"),
        ("level", "TOWNSHIP"),
        ("parent", "330203"),
        ("valid_from", "2026-01-01"),
    ]);
    let payload = Document::empty().edit(actor, &fields, &[]).unwrap();
    let before = world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&feed.device).unwrap().0;
    smuggle(&mut world, "haishu", "own/330203/open", smuggled_edit(id, 1, payload));
    let after = world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&feed.device).unwrap().0;
    assert_eq!(before, after, "the grant is the one it was");
    assert!(world.replica(HUB).kind_of(&id).unwrap().is_none(), "the record does not count");
    assert!(world.level["haishu"]);
}

#[test]
fn nobody_writes_under_the_name_of_another_device() {
    let mut world = city();
    let id = world.create("yuehu", &[("name", "月湖读书会"), ("org_type", "BA"), ("town_code", "330203004")]);
    for name in ["haishu", "yuehu"] {
        world.connect(name);
    }
    world.settle();
    // The township's next change, as its county would like it to be.
    let yuehu = world.replica("yuehu");
    let actor = birth::actor(&yuehu.device(), &yuehu.incarnation(), 0);
    let mut document = world.replica("haishu").load_document(&id).unwrap();
    let payload = document.edit(actor, &form(&[("address", "冒名")]), &[]).unwrap();
    smuggle(&mut world, "haishu", "own/330203004/open", smuggled_edit(id, 2, payload));
    world.connect("yuehu");
    world.set("yuehu", id, &[("address", "月湖街道")]);
    world.settle();
    for name in [HUB, "haishu", "yuehu"] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("月湖街道")), "{name}");
    }
    assert!(world.level["yuehu"] && world.level["haishu"]);
}

#[test]
fn what_is_small_on_the_wire_and_large_in_memory_is_no_batch() {
    // Postcard of a batch that names no feed and has so many runs of feed 0, first 1, without entries.
    let mut body = vec![0, 0x80, 0x80, 0x80, 0x04];
    body.extend([0, 1, 0].repeat(8 << 20));
    let packed = [vec![1], zstd::bulk::compress(&body, 3).unwrap()].concat();
    let mut world = city();
    world.connect("haishu");
    world.settle();
    world.inject("haishu", HUB, encode(&Message::Batch(packed)));
    world.settle();
    assert!(world.replica(HUB).quarantined().unwrap().is_empty());
    world.connect("haishu");
    world.settle();
    assert!(world.level["haishu"]);
}
