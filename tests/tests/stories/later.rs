//! What comes is durable and acknowledged first, and applied when nothing else waits: nobody may notice but by the time
//! it takes.

use super::people::{joined, member};
use super::{READERS, city};
use huiliu_core::model::RecordId;
use huiliu_core::sync::message::{Message, decode};
use huiliu_replica::{Effect, Replica};
use huiliu_tests::harness::world::{HUB, World};

/// Rows after which the index is committed.
const ROWS: usize = 20;

/// A hub that applies later, and what haishu has sent it: acknowledged and not applied.
fn acknowledged() -> (World, Vec<RecordId>) {
    acknowledged_in(city())
}

fn acknowledged_in(mut world: World) -> (World, Vec<RecordId>) {
    let made = (0..40).map(|n| {
        let name = format!("江北区合唱团{n}");
        world.create("haishu", &[("name", &name), ("org_type", "BA"), ("registration_authority", "330203")])
    });
    let made: Vec<RecordId> = made.collect();
    world.replica(HUB).apply_later(ROWS);
    world.connect("haishu");
    let all = |world: &World| world.machines["haishu"].replica.as_ref().map(Replica::pending) == Some(0);
    for _ in 0..200 {
        if all(&world) {
            break;
        }
        world.flow(1);
    }
    assert!(all(&world), "the hub has acknowledged everything");
    (world, made)
}

fn is_behind(world: &World) -> bool {
    world.machines[HUB].replica.as_ref().is_some_and(Replica::is_behind)
}

fn shown(world: &mut World, made: &[RecordId]) -> usize {
    made.iter().filter(|id| world.field(HUB, **id, "name").is_some()).count()
}

/// The power goes at the hub while something is not applied: all is there when it is up, and once.
fn has_all_after_a_power_cut(world: &mut World, made: &[RecordId]) {
    assert!(is_behind(world));
    world.go_down(HUB);
    world.machines[HUB].disk.restart(|_| 0);
    world.start(HUB).unwrap();
    assert_eq!(shown(world, made), made.len());
    world.connect("haishu");
    world.settle();
    assert!(world.level["haishu"], "equal sums: each counts once");
}

#[test]
fn what_is_acknowledged_before_it_is_applied_is_there_after_a_power_cut() {
    let (mut world, made) = acknowledged();
    assert!(is_behind(&world), "and has not applied it");
    world.go_down(HUB);
    world.machines[HUB].disk.restart(|_| 0);
    world.start(HUB).unwrap();
    assert_eq!(shown(&mut world, &made), made.len());
    let incarnation = world.replica("haishu").incarnation();
    world.connect("haishu");
    world.settle();
    assert!(world.level["haishu"]);
    assert_eq!(world.replica("haishu").incarnation(), incarnation, "nothing was lost");
}

#[test]
fn a_power_cut_while_it_is_applied_costs_nothing_and_applies_nothing_twice() {
    let (mut world, made) = acknowledged();
    let now = world.now;
    let hub = world.machine(HUB).replica.as_mut().unwrap();
    // Enough for the index to be committed in between, and not for all.
    hub.apply_some(8).unwrap();
    while hub.poll(now).unwrap().is_some() {}
    has_all_after_a_power_cut(&mut world, &made);
}

#[test]
fn nothing_is_called_equal_before_all_that_came_is_applied() {
    let (mut world, made) = acknowledged();
    assert!(!world.level["haishu"], "the hub says nothing of sums it has not computed");
    let joined = world.replica("haishu").verified_at();
    world.settle();
    assert!(world.replica("haishu").verified_at() > joined);
    assert!(world.level["haishu"]);
    assert!(!is_behind(&world));
    assert_eq!(shown(&mut world, &made), made.len());
}

#[test]
fn who_waits_is_told_how_much_is_left_and_that_it_shrinks() {
    let (mut world, made) = acknowledged();
    let mut told = Vec::new();
    while is_behind(&world) {
        let hub = world.lagging(HUB);
        hub.apply_some(4).unwrap();
        hub.say_working();
        world.flow(1);
        told.extend(world.works.remove("haishu"));
    }
    assert!(told.len() > 3 && told.is_sorted_by(|before, after| before > after), "{told:?}");
    world.settle();
    assert!(world.level["haishu"]);
    assert_eq!(shown(&mut world, &made), made.len());
}

#[test]
fn keys_wait_until_all_before_them_is_applied_and_hold_up_nobody_else() {
    let (mut world, made) = acknowledged_in(joined());
    let mut fields = member();
    fields.retain(|(name, _)| *name != "division");
    fields.push(("division", "330281001"));
    let member = world.make("yuyao", "person", &fields);
    world.connect("yuyao");
    // Whatever arrives meanwhile, nothing is applied but in slices.
    for _ in 0..40 {
        world.lagging(HUB).say_working();
        world.flow(1);
    }
    assert!(is_behind(&world), "the hub does not apply all at once for one who wants it");
    assert!(world.works["yuyao"] > 0, "who came later is told too");
    world.settle();
    assert!(world.level["haishu"] && world.level["yuyao"]);
    assert_eq!(shown(&mut world, &made), made.len());
    assert_eq!(shown(&mut world, &[member]), 1);
}

#[test]
fn a_run_that_is_half_applied_when_the_power_goes_is_applied_once() {
    for entries in [1, 3, 7] {
        let (mut world, made) = acknowledged();
        let now = world.now;
        while is_behind(&world) {
            let hub = world.lagging(HUB);
            hub.apply_some(entries).unwrap();
            while hub.poll(now).unwrap().is_some() {}
            if hub.waiting_to_apply() < 25 {
                break;
            }
        }
        has_all_after_a_power_cut(&mut world, &made);
    }
}

/// Whether a replica shows a record, as it is.
fn has(world: &mut World, name: &str, id: RecordId) -> bool {
    world.lagging(name).kind_of(&id).unwrap().is_some()
}

/// As [`acknowledged`]; and behind all that haishu has sent lies one record of yuyao's.
fn one_behind_many() -> (World, Vec<RecordId>, RecordId) {
    let (mut world, made) = acknowledged();
    let fields = [("name", "余姚市灯谜会"), ("org_type", "BA"), ("registration_authority", "330281")];
    let one = world.create("yuyao", &fields);
    world.connect("yuyao");
    for _ in 0..40 {
        world.lagging(HUB).say_working();
        world.flow(1);
    }
    assert_eq!(world.replica("yuyao").pending(), 0, "the hub has acknowledged it");
    assert!(!has(&mut world, HUB, one));
    (world, made, one)
}

#[test]
fn who_sends_little_does_not_wait_for_who_sends_much() {
    let (mut world, made, one) = one_behind_many();
    world.lagging(HUB).apply_some(6).unwrap();
    assert!(has(&mut world, HUB, one), "a run of each device in turn");
    let there = made.iter().filter(|id| has(&mut world, HUB, **id)).count();
    assert!((1..made.len() / 2).contains(&there), "{there}");
    world.settle();
    assert!(world.level["haishu"] && world.level["yuyao"]);
    assert_eq!(shown(&mut world, &made), made.len());
}

#[test]
fn what_was_applied_before_its_turn_is_applied_once_though_the_power_goes() {
    for slices in 1..8 {
        let (mut world, made, one) = one_behind_many();
        let now = world.now;
        for _ in 0..slices {
            let hub = world.lagging(HUB);
            hub.apply_some(6).unwrap();
            while hub.poll(now).unwrap().is_some() {}
        }
        assert!(is_behind(&world) && has(&mut world, HUB, one));
        world.go_down(HUB);
        world.machines[HUB].disk.restart(|_| 0);
        world.start(HUB).unwrap();
        assert_eq!(shown(&mut world, &made), made.len());
        assert_eq!(shown(&mut world, &[one]), 1);
        for node in ["haishu", "yuyao"] {
            world.connect(node);
        }
        world.settle();
        assert!(world.level["haishu"] && world.level["yuyao"], "equal sums: each counts once");
    }
}

#[test]
fn the_greeting_is_under_way_before_anything_else_is_made() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    let now = world.now;
    let replica = world.replica("haishu");
    while replica.poll(now).unwrap().is_some() {}
    replica.dial(1);
    let greeting = replica.poll(now).unwrap();
    assert!(matches!(greeting, Some(Effect::Frame(1, _))), "{greeting:?}");
    // Written while the greeting travels, it is in the first batch, which was not made before.
    world.set("haishu", id, &[("address", "月湖街一号")]);
    let replica = world.replica("haishu");
    let mut batches = 0;
    while let Some(effect) = replica.poll(now).unwrap() {
        let Effect::Frame(_, frame) = effect else { continue };
        batches += usize::from(matches!(decode(&frame), Ok(Message::Batch(_))));
    }
    assert_eq!(batches, 1);
}
