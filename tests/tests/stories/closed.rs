//! Incarnations that are over, and what they cost: nothing in anybody's Hello.

use super::{READERS, city};
use huiliu_core::model::RecordId;
use huiliu_core::sync::EntryKind;
use huiliu_tests::harness::world::{HUB, World};

const DAYS: usize = 12;

/// How many feeds a Hello of this replica names.
fn named(world: &mut World, name: &str) -> usize {
    let replica = world.replica(name);
    let (device, ledger) = (replica.device(), replica.ledger());
    let shared = ledger.channels_for(&device);
    ledger.heads().filter(|(feed, _)| shared.contains(&feed.channel) && !ledger.is_folded(feed)).count()
}

fn visit(world: &mut World, name: &'static str) {
    world.connect(name);
    world.settle();
    assert!(world.level[name], "{name}");
    world.cut(name);
}

/// The same image every morning, one edit a day.
fn days(world: &mut World, id: RecordId) -> Vec<usize> {
    let image = world.machines["haishu"].disk.image();
    let day = |world: &mut World, n: usize| {
        world.set_back("haishu", image.image());
        visit(world, "haishu");
        world.set("haishu", id, &[("address", &format!("月湖{n}号"))]);
        visit(world, "haishu");
        named(world, "haishu")
    };
    (0..DAYS).map(|n| day(world, n)).collect()
}

#[test]
fn a_machine_set_back_every_day_is_told_and_bloats_no_hello() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    for name in ["haishu", "yuyao"] {
        visit(&mut world, name);
    }
    let at_yuyao = named(&mut world, "yuyao");
    let said = days(&mut world, id);
    assert!(world.replica("haishu").ledger().heads().count() > DAYS, "each day has its feed");
    assert!(said.iter().all(|named| *named <= said[0] + 4), "a Hello names no more of them: {said:?}");
    assert!(world.replica("haishu").set_back_often().is_some(), "the person is told");
    visit(&mut world, "yuyao");
    assert_eq!(named(&mut world, "yuyao"), at_yuyao, "nobody else is concerned");
    let changes = world.replica(HUB).history(&id).unwrap().len();
    assert_eq!(changes, DAYS + 1, "and no day's work is lost");
}

#[test]
fn a_hub_that_starts_often_bloats_no_hello() {
    let mut world = city();
    visit(&mut world, "yuyao");
    let before = named(&mut world, "yuyao");
    let yuehu = world.replica("yuehu").key().public();
    for n in 0..DAYS {
        world.start_over(HUB);
        let now = world.now;
        let division = "330203004".parse().unwrap();
        world.replica(HUB).grant(yuehu.clone(), division, &format!("月湖{n}"), "市级管理员", now).unwrap();
        visit(&mut world, "yuyao");
    }
    assert!(named(&mut world, "yuyao") <= before + 4);
    assert!(world.replica("yuyao").ledger().heads().count() > DAYS);
}

#[test]
fn what_follows_in_a_closed_feed_counts_as_ever() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    visit(&mut world, "haishu");
    // One half stays switched off while the other is set back again and again and its feeds are closed.
    world.go_down("haishu");
    world.clone_machine("haishu", "haishu2");
    world.start("haishu").unwrap();
    world.set("haishu", id, &[("legal_rep_name", "甲某")]);
    visit(&mut world, "haishu");
    days(&mut world, id);
    let closed = world.runs_of(HUB).into_iter().flat_map(|run| run.entries);
    assert!(closed.filter(|entry| entry.kind == EntryKind::CLOSED).count() > 0);
    world.start("haishu2").unwrap();
    world.set("haishu2", id, &[("supervising_unit", "区民政局")]);
    visit(&mut world, "haishu2");
    visit(&mut world, "haishu2");
    assert_eq!(world.field(HUB, id, "supervising_unit"), world.field("haishu2", id, "supervising_unit"));
    assert!(world.field(HUB, id, "supervising_unit").is_some());
    assert_eq!(world.replica("haishu2").pending(), 0);
}
