//! Replicas that were restored, cloned or rolled back, and what becomes of what they wrote.

use super::{READERS, city};
use huiliu_core::model::Value;
use huiliu_core::sync::control::Beginning;
use huiliu_core::sync::{EntryKind, Incarnation};
use huiliu_tests::harness::world::{HUB, World};

const OTHERS: [&str; 3] = ["address", "legal_rep_name", "supervising_unit"];

/// The machine is copied while it stands still; both go on.
fn halves(world: &mut World, name: &'static str, twin: &'static str) {
    world.go_down(name);
    world.clone_machine(name, twin);
    world.start(name).unwrap();
    world.start(twin).unwrap();
}

/// A filed community organization, which needs no code.
fn filed(name: &str) -> [(&str, &str); 3] {
    [("name", name), ("org_type", "BA"), ("registration_authority", "330203")]
}

fn text(world: &mut World, name: &str, id: huiliu_core::model::RecordId, field: &str) -> String {
    match world.field(name, id, field) {
        Some(Value::Text(text)) => text,
        other => format!("{other:?}"),
    }
}

#[test]
fn both_halves_of_a_cloned_replica_keep_all_they_wrote() {
    let mut world = city();
    let ids: Vec<_> = ["甲社", "乙社", "丙社"].map(|name| world.create("haishu", &filed(name))).into();
    world.connect("haishu");
    world.settle();
    halves(&mut world, "haishu", "haishu2");
    let mut made = Vec::new();
    for name in ["haishu", "haishu2"] {
        for (at, id) in ids.iter().enumerate() {
            world.set(name, *id, &[(OTHERS[at], &format!("{name}写于{at}"))]);
        }
        made.push(world.create(name, &filed("新设社")));
        world.set(name, made[made.len() - 1], &[("address", name)]);
    }
    for _ in 0..2 {
        for name in ["haishu", "haishu2"] {
            world.connect(name);
            world.settle();
            assert!(world.level[name], "{name}");
            world.cut(name);
        }
    }
    for name in [HUB, "haishu", "haishu2"] {
        for (at, id) in ids.iter().enumerate() {
            let conflicts = world.replica(name).conflicts_of(id).unwrap();
            assert_eq!(conflicts.len(), 1, "{name} lists both values of {}", OTHERS[at]);
            assert_eq!(conflicts[0].claims.len(), 2);
        }
        for (id, maker) in made.iter().zip(["haishu", "haishu2"]) {
            assert_eq!(text(&mut world, name, *id, "address"), maker, "{name}");
        }
    }
    assert_eq!(world.replica("haishu2").notice(), Some(Beginning::SeenElsewhere), "the person is told");
    assert_ne!(world.replica("haishu").incarnation(), world.replica("haishu2").incarnation());
    for name in ["haishu", "haishu2"] {
        world.set(name, ids[0], &[("grid_id", "一网格")]);
        world.connect(name);
        world.settle();
        assert_eq!(world.replica(name).pending(), 0, "{name} goes on working");
        world.cut(name);
    }
}

#[test]
fn the_hub_says_once_which_branch_of_a_forked_feed_counts() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    halves(&mut world, "haishu", "haishu2");
    for name in ["haishu", "haishu2"] {
        world.set(name, id, &[("address", name)]);
        world.connect(name);
        world.settle();
        world.cut(name);
    }
    let entries = world.runs_of(HUB).into_iter().flat_map(|run| run.entries);
    assert_eq!(entries.filter(|entry| entry.kind == EntryKind::FORK).count(), 1);
    assert!(world.replica(HUB).quarantined().unwrap().is_empty());
    assert!(world.replica("haishu2").quarantined().unwrap().is_empty());
}

#[test]
fn a_replica_set_back_to_an_image_fills_in_and_goes_on() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    let image = world.machines["haishu"].disk.image();
    let before = world.replica("haishu").incarnation();
    world.set("haishu", id, &[("address", "月湖")]);
    world.settle();
    world.set_back("haishu", image);
    // It does not know yet, and writes on.
    world.set("haishu", id, &[("legal_rep_name", "甲某")]);
    world.connect("haishu");
    world.settle();
    for name in [HUB, "haishu"] {
        assert_eq!(text(&mut world, name, id, "address"), "月湖", "{name}");
        assert_eq!(text(&mut world, name, id, "legal_rep_name"), "甲某", "{name}");
    }
    assert_ne!(world.replica("haishu").incarnation(), before);
    assert!(world.level["haishu"]);
    // What the journal says is what was made of it.
    world.start_over("haishu");
    assert_eq!(text(&mut world, "haishu", id, "legal_rep_name"), "甲某");
    world.connect("haishu");
    world.settle();
    assert!(world.level["haishu"]);
}

#[test]
fn a_hub_set_back_to_a_copy_gets_revocation_and_refusal_back_from_its_nodes() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    for name in ["haishu", "yuyao"] {
        world.connect(name);
    }
    world.settle();
    let image = world.machines[HUB].disk.image();
    let yuehu = world.replica("yuehu").device();
    let now = world.now;
    world.replica(HUB).revoke(yuehu, "旧机停用", "市级管理员", now).unwrap();
    world.set("haishu", id, &[("address", "月湖")]);
    world.set(HUB, id, &[("legal_rep_name", "甲某")]);
    world.settle();
    world.set_back(HUB, image);
    // Before anybody calls, it writes: not where it had written what it has forgotten.
    world.set(HUB, id, &[("supervising_unit", "市民政局")]);
    let fresh = world.replica(HUB).incarnation();
    for name in ["haishu", "yuyao"] {
        world.connect(name);
    }
    world.settle();
    for name in [HUB, "haishu"] {
        let fields = ["address", "legal_rep_name", "supervising_unit"];
        let shown = fields.map(|field| text(&mut world, name, id, field));
        assert_eq!(shown, ["月湖", "甲某", "市民政局"], "{name}");
    }
    assert!(world.replica(HUB).ledger().authority.as_ref().unwrap().revocation(&yuehu).is_some());
    assert!(world.level["haishu"] && world.level["yuyao"]);
    assert_ne!(fresh, Incarnation([0; 8]));
    let runs = world.runs_of(HUB).into_iter().flat_map(|run| run.entries);
    assert_eq!(runs.filter(|entry| entry.kind == EntryKind::FORK).count(), 0);
}

#[test]
fn who_holds_the_losing_branch_gets_the_other_and_loses_nothing() {
    let mut world = city();
    let id = world.create("yuehu", &[("name", "月湖社"), ("org_type", "BA"), ("town_code", "330203004")]);
    for name in ["haishu", "yuehu"] {
        world.connect(name);
    }
    world.settle();
    world.cut("yuehu");
    let image = world.machines[HUB].disk.image();
    halves(&mut world, "yuehu", "yuehu2");
    for (name, twin) in [("yuehu", "甲"), ("yuehu2", "乙")] {
        world.set(name, id, &[("address", twin)]);
    }
    // The county sees the first half's branch; then the hub forgets it and sees the other half's first.
    world.connect("yuehu");
    world.settle();
    world.cut("yuehu");
    assert_eq!(text(&mut world, "haishu", id, "address"), "甲");
    world.cut("haishu");
    world.set_back(HUB, image);
    world.connect("yuehu2");
    world.settle();
    for _ in 0..2 {
        for name in ["haishu", "yuehu", "yuehu2"] {
            world.connect(name);
            world.settle();
            assert!(world.level[name], "{name}");
        }
    }
    for name in [HUB, "haishu", "yuehu", "yuehu2"] {
        let conflicts = world.replica(name).conflicts_of(&id).unwrap();
        assert_eq!(conflicts.len(), 1, "{name}");
        assert_eq!(conflicts[0].claims.len(), 2, "{name}");
    }
}

#[test]
fn a_hub_set_back_to_before_a_node_spoke_gets_everything_again() {
    let mut world = city();
    world.connect("haishu");
    let first = world.create("haishu", &filed("甲社"));
    let image = world.machines[HUB].disk.image();
    world.settle();
    world.replica("haishu").save_synced().unwrap();
    world.cut("haishu");
    world.set("haishu", first, &[("address", "海曙")]);
    world.create("haishu", &filed("乙社"));
    world.set_back(HUB, image);
    world.crash("haishu");
    world.connect("haishu");
    world.settle();
    assert!(world.violations.is_empty(), "{:?}", world.violations);
    assert!(world.level["haishu"]);
    assert_eq!(text(&mut world, HUB, first, "address"), "海曙");
}

#[test]
fn of_a_change_and_what_repeats_it_one_counts_whichever_the_hub_sees_first() {
    let mut world = city();
    let hub = world.machines[HUB].disk.image();
    let id = world.create("yuehu", &[("name", "月湖社"), ("org_type", "BA"), ("town_code", "330203004")]);
    world.connect("yuehu");
    world.settle();
    let image = world.machines["yuehu"].disk.image();
    world.set("yuehu", id, &[("address", "月湖")]);
    world.settle();
    world.set_back("yuehu", image);
    world.set("yuehu", id, &[("legal_rep_name", "甲某")]);
    halves(&mut world, "yuehu", "yuehu2");
    // One half learns that its feed has forked and writes its edit again; the other still has it as it was first.
    world.connect("yuehu");
    world.settle();
    world.cut("yuehu");
    world.set_back(HUB, hub);
    for name in ["yuehu", "yuehu2", "yuehu", "yuehu2"] {
        world.connect(name);
        world.settle();
        assert!(world.level[name], "{name}");
        world.cut(name);
    }
    for name in [HUB, "yuehu", "yuehu2"] {
        assert_eq!(text(&mut world, name, id, "legal_rep_name"), "甲某", "{name}");
    }
}
