//! A record lives in one place: what moves it, what is carried after it, and what a hub that went down makes of it.

use super::{READERS, city, spoiled_run};
use huiliu_core::model::{Channel, RecordId, Value};
use huiliu_core::sync::EntryKind;
use huiliu_replica::{RecordEdit, Replica, ReplicaError};
use huiliu_store::memory::MemoryIndex;
use huiliu_tests::harness::world::{HUB, World, form};

const NODES: [&str; 5] = ["haishu", "yuyao", "yuehu", "gulou", "lizhou"];
const YUEHU: (&str, &str) = ("town_code", "330203004");
const GULOU: (&str, &str) = ("town_code", "330203005");

/// Two counties, two townships of haishu's and one of yuyao's.
fn townships() -> World {
    let mut world = city();
    world.join("gulou", "330203005");
    world.join("lizhou", "330281001");
    world
}

/// An organization of yuehu's, which everybody has who may see it.
fn made(world: &mut World) -> RecordId {
    let mut fields = READERS.to_vec();
    fields.push(YUEHU);
    let id = world.create("yuehu", &fields);
    level(world);
    id
}

fn visit(world: &mut World, name: &'static str) {
    world.connect(name);
    world.settle();
    world.cut(name);
}

/// Everybody visits the hub until all is told; then all that share a channel say the same of it.
fn level(world: &mut World) {
    for name in NODES.into_iter().chain(NODES) {
        visit(world, name);
    }
    for name in NODES {
        assert_eq!(world.replica(name).pending(), 0, "{name}");
        assert_eq!(world.replica(name).waiting().unwrap(), 0, "{name}");
        assert!(world.level[name], "{name}");
        assert_eq!(prints(world, name, name), prints(world, HUB, name), "{name}");
    }
    assert_eq!(world.replica(HUB).waiting().unwrap(), 0);
}

/// The fingerprints at a replica of the channels that a node holds.
fn prints(world: &mut World, at: &str, of: &str) -> Vec<(Channel, String)> {
    let channels = world.replica(of).shared_channels();
    let ledger = world.replica(at).ledger();
    channels.into_iter().map(|channel| (channel, format!("{:?}", ledger.fingerprint(channel)))).collect()
}

/// Who has the record in a list.
fn holders(world: &mut World, id: RecordId) -> Vec<&'static str> {
    let has = |world: &mut World, name: &str| {
        let replica = world.replica(name);
        let mut found = 0;
        let kind = huiliu_core::model::dictionary::kind("social_org").unwrap();
        replica
            .each_row_ever(kind, |other, _| {
                found += u32::from(other == id);
                true
            })
            .unwrap();
        assert_eq!(replica.counts().unwrap()["social_org"], u64::from(found), "{name}");
        found == 1
    };
    [HUB].into_iter().chain(NODES).filter(|name| has(world, name)).collect()
}

fn history(world: &mut World, name: &str, id: RecordId) -> Vec<(String, u64)> {
    let history = world.replica(name).history(&id).unwrap();
    history.into_iter().map(|(_, author)| (author.stamp.who, author.stamp.at.millis())).collect()
}

fn went_to(world: &mut World, name: &str, id: RecordId) -> String {
    match world.replica(name).kind_here(&id) {
        Err(ReplicaError::HasMoved { to, .. }) => to.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

/// As the journal alone says it.
fn is_rebuilt(world: &mut World, name: &str) {
    let (rebuilt, _): (Replica, MemoryIndex) = world.rebuilt(name).unwrap();
    let kind = huiliu_core::model::dictionary::kind("social_org").unwrap();
    let rows = |replica: &Replica| {
        let mut rows = Vec::new();
        replica
            .each_row_ever(kind, |id, row| {
                rows.push((id, row));
                true
            })
            .unwrap();
        let told = |id: &RecordId| replica.history(id).unwrap().len();
        rows.into_iter().map(|(id, row)| (id, row, told(&id))).collect::<Vec<_>>()
    };
    let replica = world.replica(name);
    assert_eq!(rows(replica), rows(&rebuilt), "{name}");
    for channel in replica.shared_channels() {
        assert_eq!(replica.ledger().fingerprint(channel), rebuilt.ledger().fingerprint(channel), "{name}");
    }
    assert_eq!(replica.counts().unwrap(), rebuilt.counts().unwrap(), "{name}");
}

fn are_rebuilt(world: &mut World) {
    [HUB].into_iter().chain(NODES).for_each(|name| is_rebuilt(world, name));
}

#[test]
fn a_record_whose_township_changes_moves_with_its_whole_history() {
    let mut world = townships();
    let id = made(&mut world);
    world.set("yuehu", id, &[("address", "偃月街一号")]);
    level(&mut world);
    let before = history(&mut world, "yuehu", id);
    world.set("haishu", id, &[GULOU]);
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "gulou"]);
    assert_eq!(went_to(&mut world, "yuehu", id), "330203005");
    let edit = RecordEdit::Set { id, fields: form(&[("address", "不在这里了")]) };
    assert!(matches!(world.save("yuehu", &edit), Err(ReplicaError::HasMoved { .. })));
    let after = history(&mut world, "gulou", id);
    assert_eq!(after[..2], before[..]);
    assert_eq!(after[2].0, "haishu");
    assert_eq!(history(&mut world, HUB, id), after);
    assert_eq!(world.field("gulou", id, "address"), Some(Value::of("偃月街一号")));
    world.set("gulou", id, &[("address", "鼓楼街二号")]);
    world.set("haishu", id, &[("legal_rep_name", "甲某")]);
    level(&mut world);
    for name in [HUB, "haishu", "gulou"] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("鼓楼街二号")), "{name}");
        assert_eq!(world.field(name, id, "legal_rep_name"), Some(Value::of("甲某")), "{name}");
    }
    are_rebuilt(&mut world);
}

#[test]
fn a_record_moves_to_another_county_and_is_gone_from_the_first() {
    let mut world = townships();
    let id = made(&mut world);
    world.set("haishu", id, &[("registration_authority", "330281"), ("town_code", "330281001")]);
    level(&mut world);
    // Haishu may not write there: the city accepts it.
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "yuehu"]);
    world.save(HUB, &RecordEdit::Accept { id }).unwrap();
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "yuyao", "lizhou"]);
    for name in ["haishu", "yuehu"] {
        assert_eq!(went_to(&mut world, name, id), "330281001", "{name}");
    }
    assert_eq!(history(&mut world, "lizhou", id).len(), 3);
    are_rebuilt(&mut world);
}

#[test]
fn an_edit_may_not_take_a_record_out_of_the_tree() {
    let mut world = townships();
    let id = made(&mut world);
    let mut fields = form(&[("registration_authority", "33")]);
    fields.insert("town_code".to_owned(), Value::Null);
    let edit = RecordEdit::Set { id, fields };
    let told = world.save("haishu", &edit);
    assert!(matches!(told, Err(ReplicaError::OwnerOutside { .. })), "{told:?}");
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "yuehu"]);
}

#[test]
fn a_late_edit_is_carried_after_its_record_with_its_authors_name() {
    let mut world = townships();
    let id = made(&mut world);
    world.set("yuehu", id, &[("address", "离线时改的"), ("legal_rep_name", "乙某")]);
    world.set("yuehu", id, &[("legal_rep_name", "丙某")]);
    world.set("haishu", id, &[GULOU]);
    visit(&mut world, "haishu");
    visit(&mut world, "gulou");
    world.set("gulou", id, &[("grid_id", "鼓楼一格")]);
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "gulou"]);
    for name in [HUB, "haishu", "gulou"] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("离线时改的")), "{name}");
        assert_eq!(world.field(name, id, "legal_rep_name"), Some(Value::of("丙某")), "{name}");
        assert_eq!(world.field(name, id, "grid_id"), Some(Value::of("鼓楼一格")), "{name}");
    }
    let whose: Vec<String> = history(&mut world, "gulou", id).into_iter().map(|(who, _)| who).collect();
    assert_eq!(whose.iter().filter(|who| *who == "yuehu").count(), 3);
    assert_eq!(whose.len(), 5, "nothing is there twice");
    are_rebuilt(&mut world);
}

#[test]
fn a_field_edited_in_both_places_is_a_conflict_where_the_record_is() {
    let mut world = townships();
    let id = made(&mut world);
    world.set("yuehu", id, &[("address", "旧地址改")]);
    world.set("haishu", id, &[GULOU]);
    visit(&mut world, "haishu");
    visit(&mut world, "gulou");
    world.set("gulou", id, &[("address", "新地址改")]);
    level(&mut world);
    for name in [HUB, "haishu", "gulou"] {
        let conflicts = world.replica(name).conflicts_of(&id).unwrap();
        assert_eq!(conflicts.len(), 1, "{name}");
        let authors: Vec<String> = conflicts[0]
            .claims
            .iter()
            .map(|claim| world.replica(name).author_of(&id, &claim.change).unwrap().unwrap().stamp.who)
            .collect();
        assert!(authors.contains(&"yuehu".to_owned()) && authors.contains(&"gulou".to_owned()), "{name}");
        assert_eq!(world.replica(name).conflicted().unwrap(), [(id, 1)], "{name}");
    }
    let settle = RecordEdit::Settle { id, field: "address".into(), value: Value::of("旧地址改") };
    world.save("gulou", &settle).unwrap();
    level(&mut world);
    assert!(world.replica(HUB).conflicts_of(&id).unwrap().is_empty());
}

#[test]
fn two_that_move_a_record_to_different_places_move_it_to_one() {
    for first in ["haishu", "yuehu"] {
        let mut world = townships();
        let id = made(&mut world);
        world.set("haishu", id, &[GULOU]);
        world.set("yuehu", id, &[("town_code", "330203100")]);
        visit(&mut world, first);
        visit(&mut world, "gulou");
        level(&mut world);
        let town = world.field(HUB, id, "town_code").unwrap();
        let at_gulou = town == Value::of("330203005");
        let holders = holders(&mut world, id);
        // Where yuehu wants it yuehu may not write: it stays where haishu has brought it, or where it was.
        let moved = at_gulou || first == "haishu";
        assert_eq!(holders.contains(&"gulou"), moved, "{first} first");
        assert_eq!(holders.contains(&"yuehu"), !moved, "{first} first");
        assert_eq!(world.replica(HUB).conflicts_of(&id).unwrap().len(), 1, "{first} first");
        are_rebuilt(&mut world);
    }
}

#[test]
fn a_record_moves_there_and_back_with_what_was_edited_in_between() {
    let mut world = townships();
    let id = made(&mut world);
    // Written before it left, and told after it has come back.
    world.set("yuehu", id, &[("grid_id", "月湖三格")]);
    world.set("haishu", id, &[GULOU]);
    visit(&mut world, "haishu");
    visit(&mut world, "gulou");
    world.set("gulou", id, &[("address", "鼓楼街二号")]);
    visit(&mut world, "gulou");
    visit(&mut world, "haishu");
    world.set("haishu", id, &[YUEHU]);
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "yuehu"]);
    for name in [HUB, "haishu", "yuehu"] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("鼓楼街二号")), "{name}");
        assert_eq!(world.field(name, id, "grid_id"), Some(Value::of("月湖三格")), "{name}");
    }
    world.set("yuehu", id, &[("grid_id", "月湖四格")]);
    world.set("yuehu", id, &[("legal_rep_name", "丁某")]);
    level(&mut world);
    assert_eq!(world.field(HUB, id, "grid_id"), Some(Value::of("月湖四格")));
    assert_eq!(went_to(&mut world, "gulou", id), "330203004");
    are_rebuilt(&mut world);
}

#[test]
fn a_late_edit_that_the_gate_refuses_becomes_its_authors_draft() {
    let mut world = townships();
    let id = made(&mut world);
    world.set("haishu", id, &[GULOU]);
    let spoiled = spoiled_run(&mut world, "yuehu", "own/330203004/open", id);
    level(&mut world);
    world.connect("yuehu");
    world.inject("yuehu", HUB, spoiled);
    world.settle();
    world.cut("yuehu");
    level(&mut world);
    assert_eq!(world.field("gulou", id, "staff_full"), None);
    let drafts = world.replica("yuehu").drafts().unwrap();
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].entry.envelope.as_ref().unwrap().stamp.who, "forger");
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "gulou"]);
    are_rebuilt(&mut world);
}

#[test]
fn a_hub_that_goes_down_within_a_move_ends_it_when_it_is_up() {
    for operations in 0..14 {
        let mut world = townships();
        let id = made(&mut world);
        world.set("yuehu", id, &[("address", "离线时改的")]);
        world.set("haishu", id, &[GULOU]);
        world.connect("haishu");
        world.machines[HUB].disk.crash_after(operations);
        world.settle();
        world.crash(HUB);
        visit(&mut world, "yuehu");
        level(&mut world);
        assert_eq!(holders(&mut world, id), [HUB, "haishu", "gulou"], "{operations}");
        assert_eq!(world.field("gulou", id, "address"), Some(Value::of("离线时改的")), "{operations}");
        let entries: Vec<_> = world.runs_of(HUB).into_iter().flat_map(|run| run.entries).collect();
        for kind in [EntryKind::ARRIVED, EntryKind::LEFT] {
            let written = entries.iter().filter(|entry| entry.kind == kind).count();
            assert_eq!(written, 1, "{kind:?} after {operations} operations");
        }
        are_rebuilt(&mut world);
    }
}

#[test]
fn a_hub_set_back_to_before_a_move_comes_to_one_place_again() {
    for order in [["gulou", "yuehu"], ["yuehu", "gulou"]] {
        for saw in [true, false] {
            let mut world = townships();
            let id = made(&mut world);
            let image = world.machines[HUB].disk.image();
            world.set("haishu", id, &[GULOU]);
            visit(&mut world, "haishu");
            visit(&mut world, "yuehu");
            if saw {
                visit(&mut world, "gulou");
                world.set("gulou", id, &[("address", "鼓楼街二号")]);
                visit(&mut world, "gulou");
            }
            world.set_back(HUB, image);
            for name in order {
                visit(&mut world, name);
            }
            level(&mut world);
            assert_eq!(holders(&mut world, id), [HUB, "haishu", "gulou"], "{order:?} {saw}");
            if saw {
                assert_eq!(world.field(HUB, id, "address"), Some(Value::of("鼓楼街二号")));
            }
            are_rebuilt(&mut world);
        }
    }
}

#[test]
fn what_a_hub_set_back_has_forgotten_comes_back_with_the_record_that_it_moved() {
    let mut world = townships();
    let id = made(&mut world);
    visit(&mut world, "gulou");
    let image = world.machines[HUB].disk.image();
    world.set("yuehu", id, &[GULOU]);
    visit(&mut world, "yuehu");
    // The hub's own word, in a place that nobody has seen since.
    world.set(HUB, id, &[("town_code", "330281001"), ("name", "海曙区改名读书会")]);
    world.set(HUB, id, &[YUEHU]);
    visit(&mut world, "yuehu");
    world.set("yuehu", id, &[("address", "月湖街二号")]);

    world.set_back(HUB, image);
    world.connect("haishu");
    world.settle();
    world.set("haishu", id, &[("town_code", "330281001"), ("legal_rep_name", "测试代表")]);
    world.settle();
    world.cut("haishu");
    // It has moved more often now than it had then.
    for place in [GULOU, ("town_code", "330281001"), GULOU] {
        world.set(HUB, id, &[place]);
    }
    level(&mut world);
    assert_eq!(world.field(HUB, id, "name"), Some(Value::of("海曙区改名读书会")));
    assert_eq!(world.field(HUB, id, "address"), Some(Value::of("月湖街二号")));
    assert_eq!(world.field(HUB, id, "legal_rep_name"), Some(Value::of("测试代表")));
    are_rebuilt(&mut world);
}

#[test]
fn what_a_revoked_device_wrote_late_is_not_carried() {
    let mut world = townships();
    let id = made(&mut world);
    world.connect("yuehu");
    world.settle();
    // Under way when the record moves and the grant ends.
    world.set("yuehu", id, &[("address", "撤销之前刚写")]);
    world.collect_all();
    world.set(HUB, id, &[GULOU]);
    let (device, now) = (world.replica("yuehu").device(), world.now);
    world.replica(HUB).revoke(device, "旧机停用", "市级管理员", now).unwrap();
    world.settle();
    visit(&mut world, "gulou");
    assert_eq!(world.field("gulou", id, "town_code"), Some(Value::of("330203005")));
    assert_eq!(world.field("gulou", id, "address"), None);
}

#[test]
fn an_imported_row_moves_its_record_too() {
    let mut world = townships();
    let id = made(&mut world);
    let mut fields = READERS.to_vec();
    fields.push(GULOU);
    let edit = RecordEdit::Set { id, fields: form(&fields) };
    world.save(HUB, &edit).unwrap();
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "gulou"]);
}

#[test]
fn a_division_that_is_merged_gives_its_channels_to_its_successor_and_nothing_moves() {
    let mut world = townships();
    let id = made(&mut world);
    let fields = form(&[
        ("code", "330203004"),
        ("name", "月湖街道"),
        ("level", "TOWNSHIP"),
        ("parent", "330203"),
        ("valid_to", "2026-09-30"),
        ("successor", "330203005"),
    ]);
    let merge = RecordEdit::New { kind: "division".into(), fields, owner: None, strict: true };
    world.save(HUB, &merge).unwrap();
    level(&mut world);
    assert_eq!(holders(&mut world, id), [HUB, "haishu", "yuehu", "gulou"]);
    world.set("gulou", id, &[("address", "鼓楼接管")]);
    level(&mut world);
    assert_eq!(world.field("yuehu", id, "address"), Some(Value::of("鼓楼接管")));
    let moves = world.runs_of(HUB).into_iter().flat_map(|run| run.entries);
    assert_eq!(moves.filter(|entry| entry.kind == EntryKind::ARRIVED).count(), 0);
    are_rebuilt(&mut world);
}
