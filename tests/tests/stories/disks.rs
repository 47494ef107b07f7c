//! A disk that takes nothing more: what was saved is shown and served, and nothing more is said to be saved.

use super::{READERS, city};
use huiliu_core::model::Value;
use huiliu_replica::RecordEdit;
use huiliu_store::Disk;
use huiliu_tests::harness::world::{HUB, IndexFound, World, form};

/// The power of a machine goes, and it comes up with what that leaves.
fn cut_power(world: &mut World, name: &'static str) {
    world.go_down(name);
    world.machines[name].disk.restart(|_| 0);
    world.start(name).unwrap();
}

#[test]
fn what_a_full_disk_did_not_take_is_not_said_to_be_saved_and_nothing_stands_still() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.set("haishu", id, &[("address", "月湖")]);
    let disk = world.machine("haishu").disk.clone();
    // The append is taken, the sync is not.
    disk.fill_after(1);
    let edit = RecordEdit::Set { id, fields: form(&[("address", "存不下")]) };
    assert!(world.save("haishu", &edit).is_err());
    assert_eq!(world.field("haishu", id, "address"), Some(Value::of("月湖")), "what was saved is shown");
    // Several edits before one commit: the second finds the first in the way and is told; so is who commits.
    let now = world.now;
    let replica = world.replica("haishu");
    assert!(replica.edit(&edit, "经办", now).is_err() || replica.commit().is_err());
    assert!(replica.commit().is_err());
    // What was saved still reaches the hub.
    world.connect("haishu");
    world.flow(50);
    assert_eq!(world.field(HUB, id, "address"), Some(Value::of("月湖")));
    world.crash("haishu");
    world.set("haishu", id, &[("address", "又能写了")]);
    world.connect("haishu");
    world.settle();
    assert!(world.level["haishu"]);
    assert_eq!(world.field(HUB, id, "address"), Some(Value::of("又能写了")));
}

#[test]
fn what_a_program_was_killed_over_is_durable_before_it_is_shown_or_told() {
    let mut world = city();
    // Appended, and killed before the sync that saves it.
    world.replica("haishu").group_commits();
    let id = world.create("haishu", &READERS);
    world.go_down("haishu");
    world.revive("haishu", IndexFound::Same).unwrap();
    world.hold_durable("haishu");
    assert_eq!(world.field("haishu", id, "name"), Some(Value::of("海曙区甬江读书会")), "it can be read");
    // The hub takes it, and is killed in the same way before it says so.
    let disk = world.machine(HUB).disk.clone();
    disk.crash_after(1);
    world.connect("haishu");
    while world.runs(HUB) {
        assert!(world.step(), "the record reaches the hub");
    }
    disk.revive();
    let written = disk.length("journal/00000001.seg").unwrap().unwrap();
    assert!(!disk.is_durable("journal/00000001.seg", written));
    world.revive(HUB, IndexFound::Empty).unwrap();
    world.hold_durable(HUB);
    world.connect("haishu");
    world.settle();
    assert_eq!(world.replica("haishu").pending(), 0, "acknowledged");
    for name in ["haishu", HUB] {
        cut_power(&mut world, name);
        assert_eq!(world.field(name, id, "name"), Some(Value::of("海曙区甬江读书会")), "{name}");
    }
    assert!(world.violations.is_empty(), "{:?}", world.violations);
}

#[test]
fn what_a_failed_sync_did_not_save_is_shown_and_sent_by_no_later_program() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    let disk = world.machine("haishu").disk.clone();
    disk.fail_sync_after(0);
    let edit = RecordEdit::Set { id, fields: form(&[("address", "没有存上")]) };
    assert!(world.save("haishu", &edit).is_err());
    world.go_down("haishu");
    world.revive("haishu", IndexFound::Same).unwrap();
    assert_eq!(world.field("haishu", id, "address"), None, "it was said not to be saved");
    world.set("haishu", id, &[("address", "再存一次")]);
    world.connect("haishu");
    world.settle();
    assert_eq!(world.replica("haishu").pending(), 0);
    cut_power(&mut world, "haishu");
    for name in ["haishu", HUB] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("再存一次")), "{name}");
    }
    assert!(world.violations.is_empty(), "{:?}", world.violations);
}
