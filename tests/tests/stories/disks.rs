//! A disk that takes nothing more: what was saved is shown and served, and nothing more is said to be saved.

use super::{READERS, city};
use huiliu_core::model::Value;
use huiliu_replica::RecordEdit;
use huiliu_tests::harness::world::{HUB, form};

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
