//! How large a record may become: what would pass it is refused where it is written, the hub refuses what comes from a
//! program that does not ask, and what has counted once counts for ever.

use super::{READERS, city};
use huiliu_core::documents::Verdict;
use huiliu_core::model::{RecordId, Value};
use huiliu_replica::{RecordEdit, ReplicaError};
use huiliu_tests::harness::world::{HUB, World, form};

/// A program from before records had a largest size, or one that does not care.
const CARELESS: &str = "records of any size are taken";

/// A record of the township's that the county has made.
fn shared(world: &mut World) -> RecordId {
    let mut fields = READERS.to_vec();
    fields.push(("town_code", "330203004"));
    let id = world.create("haishu", &fields);
    for name in ["yuehu", "haishu"] {
        world.connect(name);
    }
    world.settle();
    id
}

fn save(world: &mut World, name: &str, edit: &RecordEdit) -> Result<(), ReplicaError> {
    let now = world.now;
    let replica = world.replica(name);
    replica.edit(edit, "经办", now)?;
    replica.commit().map(drop)
}

fn write(world: &mut World, name: &str, id: RecordId, n: usize) -> Result<(), ReplicaError> {
    let address = format!("{n:06}{}", "路".repeat(190));
    save(world, name, &RecordEdit::Set { id, fields: form(&[("address", &address)]) })
}

/// Somebody changes a record so often; how often until it was full.
fn fill(world: &mut World, name: &str, id: RecordId, times: usize) -> usize {
    (0..times).find(|n| write(world, name, id, *n).is_err()).unwrap_or(times)
}

/// Both connect, and become level with the hub.
fn are_level(world: &mut World) {
    for name in ["haishu", "yuehu"] {
        world.connect(name);
    }
    world.settle();
    assert!(world.level["haishu"] && world.level["yuehu"]);
}

fn is_full(outcome: Result<(), ReplicaError>) -> bool {
    matches!(outcome, Err(ReplicaError::Gate(Verdict::TooLarge)))
}

#[test]
fn a_full_record_takes_no_more_edits_but_from_above_and_can_be_deleted() {
    let mut world = city();
    let id = shared(&mut world);
    let times = fill(&mut world, "yuehu", id, 2000);
    assert!((200..1000).contains(&times), "{times}");
    let before = world.replica("yuehu").pending();
    assert!(is_full(write(&mut world, "yuehu", id, times)));
    assert_eq!(world.replica("yuehu").pending(), before, "nothing of it is journaled");
    world.settle();
    // The county has the last 16 KiB, until they are used up too.
    let above = fill(&mut world, "haishu", id, 2000);
    assert!((5..100).contains(&above), "{above}");
    world.settle();
    assert!(is_full(write(&mut world, "haishu", id, above)));
    assert_eq!(world.field(HUB, id, "address"), world.field("haishu", id, "address"));
    for name in ["yuehu", "haishu"] {
        assert!(world.level[name], "{name}");
        assert!(world.replica(name).drafts().unwrap().is_empty(), "the hub has taken all that was saved");
    }
}

#[test]
fn what_two_have_filled_apart_is_settled_from_above_and_can_be_deleted() {
    let mut world = city();
    world.join("yuehu2", "330203004");
    let id = shared(&mut world);
    world.connect("yuehu2");
    world.settle();
    world.cut("yuehu2");
    world.cut("yuehu");
    for name in ["yuehu", "yuehu2"] {
        assert_eq!(fill(&mut world, name, id, 300), 300, "{name}");
        world.connect(name);
        world.settle();
    }
    assert!(is_full(write(&mut world, "yuehu", id, 301)));
    let from_above = RecordEdit::Set { id, fields: form(&[("address", "月湖一号")]) };
    save(&mut world, "haishu", &from_above).unwrap();
    world.settle();
    save(&mut world, "yuehu2", &RecordEdit::Delete { id, reason: "记录已满".into() }).unwrap();
    world.settle();
    for name in ["haishu", "yuehu", "yuehu2", HUB] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("月湖一号")), "{name}");
        assert!(world.replica(name).drafts().unwrap().is_empty(), "{name}: the hub has taken all of it");
    }
}

#[test]
fn a_full_record_can_be_deleted_where_it_was_filled() {
    let mut world = city();
    let id = shared(&mut world);
    let times = fill(&mut world, "yuehu", id, 2000);
    assert!(is_full(write(&mut world, "yuehu", id, times)));
    save(&mut world, "yuehu", &RecordEdit::Delete { id, reason: "记录已满".into() }).unwrap();
    world.settle();
    assert!(world.level["yuehu"]);
    let row = |world: &mut World, name: &str| world.field(name, id, "deleted");
    assert_eq!(row(&mut world, HUB), row(&mut world, "yuehu"));
    assert!(world.replica("yuehu").drafts().unwrap().is_empty());
}

#[test]
fn the_hub_refuses_what_a_careless_program_wrote_too_large_and_says_the_same_when_it_computes_again() {
    let mut world = city();
    let id = shared(&mut world);
    let times = fill(&mut world, "yuehu", id, 2000);
    world.machine("yuehu").bugs.insert(CARELESS);
    world.start_over("yuehu");
    world.connect("yuehu");
    for n in 0..3 {
        write(&mut world, "yuehu", id, times + n).unwrap();
    }
    world.settle();
    let drafts = world.replica("yuehu").drafts().unwrap().len();
    assert!((1..=3).contains(&drafts), "{drafts}");
    let address = world.field(HUB, id, "address");
    assert!(address.is_some() && address != Some(Value::of("")));
    for name in [HUB, "haishu", "yuehu"] {
        assert_eq!(world.field(name, id, "address"), address, "{name}");
        world.start_over(name);
        assert_eq!(world.field(name, id, "address"), address, "{name}, computed again");
    }
    are_level(&mut world);
    assert_eq!(world.replica("yuehu").drafts().unwrap().len(), drafts);
}

#[test]
fn what_was_written_beyond_the_limit_is_answered_once_and_kept_as_drafts() {
    let mut world = city();
    let id = shared(&mut world);
    let times = fill(&mut world, "yuehu", id, 2000);
    world.settle();
    world.machine("yuehu").bugs.insert(CARELESS);
    world.start_over("yuehu");
    world.cut("yuehu");
    for n in 0..40 {
        write(&mut world, "yuehu", id, times + n).unwrap();
    }
    // The program is replaced by one that asks, and comes back.
    world.machine("yuehu").bugs.clear();
    world.start_over("yuehu");
    let written = own_entries(&mut world, "yuehu");
    are_level(&mut world);
    let drafts = world.replica("yuehu").drafts().unwrap().len();
    assert!((38..=40).contains(&drafts), "{drafts}");
    assert_eq!(own_entries(&mut world, "yuehu"), written, "nothing is written again to be refused again");
}

/// How many entries a replica has written for others.
fn own_entries(world: &mut World, name: &str) -> u64 {
    let replica = world.replica(name);
    let own = replica.device();
    let shared = |feed: &huiliu_core::sync::FeedId| feed.device == own && feed.channel.is_shared();
    replica.ledger().heads().filter(|(feed, _)| shared(feed)).map(|(_, head)| head.number).sum()
}

#[test]
fn what_counted_before_records_had_a_largest_size_counts_for_ever() {
    let mut world = city();
    for name in [HUB, "haishu", "yuehu"] {
        world.machine(name).bugs.insert(CARELESS);
        world.start_over(name);
    }
    let id = shared(&mut world);
    assert_eq!(fill(&mut world, "yuehu", id, 600), 600);
    world.settle();
    let address = world.field(HUB, id, "address");
    for name in [HUB, "haishu", "yuehu"] {
        world.machine(name).bugs.clear();
        world.start_over(name);
        assert_eq!(world.field(name, id, "address"), address, "{name}, computed again");
    }
    are_level(&mut world);
    assert!(world.replica("yuehu").drafts().unwrap().is_empty());
    assert!(is_full(write(&mut world, "yuehu", id, 601)), "and grows no further");
}
