//! Programs that differ: what one lets wait or cannot read counts with the next, and what a gate refuses is lost to
//! nobody.

use super::{READERS, city};
use huiliu_core::model::check_characters::{organization_code_check, uscc_check};
use huiliu_core::model::{RecordId, Value};
use huiliu_core::sync::control::reason;
use huiliu_replica::upgrade::{BEFORE_MOVES, UNSOUND_GATE};
use huiliu_tests::harness::world::{HUB, World};

/// An organization of yuehu's; codes that begin with XT are never given out.
fn made(world: &mut World, at: &'static str, number: usize) -> RecordId {
    let body = format!("XT{number:06}");
    let first = format!("51330203{body}{}", organization_code_check(&body).unwrap());
    let uscc = format!("{first}{}", uscc_check(&first).unwrap());
    let mut fields = READERS.to_vec();
    fields[2].1 = &uscc;
    fields.push(("town_code", "330203004"));
    world.create(at, &fields)
}

/// A machine comes up with another program, or with the usual one again.
fn with_program(world: &mut World, name: &'static str, program: Option<&'static str>) {
    world.go_down(name);
    world.machine(name).bugs.clear();
    world.machine(name).bugs.extend(program);
    world.start(name).unwrap();
}

/// A node talks to the hub for a while, level or not.
fn visit(world: &mut World, name: &'static str) {
    world.connect(name);
    world.pass(8000);
    world.cut(name);
}

#[test]
fn what_an_unsound_gate_let_wait_counts_with_a_sound_one() {
    let mut world = city();
    let ids: Vec<RecordId> = (0..24).map(|number| made(&mut world, "haishu", number)).collect();
    visit(&mut world, "haishu");
    with_program(&mut world, "yuehu", Some(UNSOUND_GATE));
    visit(&mut world, "yuehu");
    let shown =
        |world: &mut World| ids.iter().filter(|id| world.field("yuehu", **id, "name").is_some()).count();
    assert!(shown(&mut world) < ids.len() && world.replica("yuehu").waiting().unwrap() > 0);
    with_program(&mut world, "yuehu", None);
    assert_eq!(shown(&mut world), ids.len(), "nobody says anything more of what the hub lets count");
    assert_eq!(world.replica("yuehu").waiting().unwrap(), 0);
}

#[test]
fn a_program_from_before_moves_loses_none_and_shows_them_when_it_is_newer() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    visit(&mut world, "haishu");
    with_program(&mut world, "yuehu", Some(BEFORE_MOVES));
    world.set("haishu", id, &[("town_code", "330203004")]);
    visit(&mut world, "haishu");
    visit(&mut world, "yuehu");
    assert_eq!(world.field("yuehu", id, "name"), None);
    assert!(world.replica("yuehu").waiting().unwrap() > 0);
    with_program(&mut world, "yuehu", None);
    assert_eq!(world.field("yuehu", id, "name"), Some(Value::of("海曙区甬江读书会")));
    assert_eq!(world.replica("yuehu").waiting().unwrap(), 0);
}

#[test]
fn what_followed_a_first_edit_that_was_refused_is_a_draft_too() {
    let mut world = city();
    let ids: Vec<RecordId> = (0..24).map(|number| made(&mut world, "haishu", number)).collect();
    for id in &ids {
        world.set("haishu", *id, &[("address", "月湖街道偃月街一号")]);
    }
    with_program(&mut world, HUB, Some(UNSOUND_GATE));
    visit(&mut world, "haishu");
    let gone: Vec<RecordId> =
        ids.into_iter().filter(|id| world.field("haishu", *id, "name").is_none()).collect();
    assert!(!gone.is_empty());
    let drafts = world.replica("haishu").drafts().unwrap();
    for id in gone {
        let of_it = drafts.iter().filter(|draft| draft.entry.envelope.as_ref().unwrap().record == id);
        let mut reasons: Vec<u16> = of_it.map(|draft| draft.reason).collect();
        reasons.sort_unstable();
        assert_eq!(reasons.len(), 2, "the first edit and what followed it");
        assert_eq!(reasons[0], reason::UNBORN);
    }
}
