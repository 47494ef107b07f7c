//! One person in two counties: found by a hash that counties make and the hub cannot.

use super::people::{BRANCH, NUMBER, affiliation, joined, member, read, refused, visit};
use huiliu_core::model::RecordId;
use huiliu_replica::commands::Request;
use huiliu_replica::commands::reports::Wanted;
use huiliu_tests::harness::world::{HUB, World};

/// The ids that the findings of a replica name for a rule, list by list.
pub(super) fn found(world: &mut World, name: &str, division: &str, rule: &str) -> Vec<Vec<String>> {
    let wanted = Wanted { name: "findings".into(), division: Some(division.into()), as_of: None, file: None };
    let report = world.ask(name, "审核", None, &Request::Report(wanted)).json;
    let rows = report["rows"].as_array().unwrap().iter().filter(|row| row["rule"] == rule);
    let ids = |row: &serde_json::Value| {
        let records = row["records"].as_array().unwrap().iter();
        let mut ids: Vec<String> = records.map(|it| it["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    rows.map(ids).collect()
}

/// Everybody meets the hub until nobody has anything more to hand on.
fn meet(world: &mut World, times: usize) {
    for _ in 0..times {
        for name in ["haishu", "yuyao", "yuehu"] {
            visit(world, name);
        }
    }
}

/// Asks for another match key; the exit code.
fn replace(world: &mut World, name: &str) -> u8 {
    world.ask(name, "审核", None, &Request::MatchKeyReplace).exit
}

/// How it stands with the match key.
fn state(world: &mut World, name: &str) -> String {
    world.ask(name, "审核", None, &Request::Status).json["match_key"].as_str().unwrap().to_owned()
}

/// How many people the hub's findings compare with nobody.
fn unmatched(world: &mut World) -> u64 {
    let wanted = Wanted { name: "findings".into(), division: None, as_of: None, file: None };
    world.ask(HUB, "审核", None, &Request::Report(wanted)).json["unmatched"].as_u64().unwrap()
}

/// Two counties each have a record of one person.
fn two_of_one(world: &mut World) -> [RecordId; 2] {
    let first = world.make("haishu", "person", &member());
    let mut elsewhere = member();
    elsewhere.retain(|(name, _)| *name != "division");
    elsewhere.push(("division", "330281001"));
    [first, world.make("yuyao", "person", &elsewhere)]
}

#[test]
fn a_person_with_a_record_in_two_counties_is_found_by_the_hub_that_cannot_read_the_number() {
    let mut world = joined();
    let both = two_of_one(&mut world);
    let mut expected = both.map(|id| id.to_string()).to_vec();
    expected.sort();
    // One visit of each is enough: a county that is told that both are level has been answered for the key it lacks.
    meet(&mut world, 1);
    let matches = both.map(|id| read(&mut world, HUB, id, "id_match"));
    assert!(matches[0].is_some() && matches[0] == matches[1], "{matches:?}");
    assert_eq!(found(&mut world, HUB, "3302", "SAME_PERSON"), [expected]);
    assert_eq!(read(&mut world, HUB, both[0], "id_number").as_deref(), Some("密封"));
    assert!(world.replica(HUB).people_numbered(NUMBER).unwrap().is_empty());
    assert!(world.violations.is_empty(), "{:?}", world.violations);
}

#[test]
fn counties_that_draw_a_match_key_at_once_and_one_that_comes_late_use_the_one_the_hub_names() {
    let mut world = joined();
    let both = two_of_one(&mut world);
    world.join("jiangbei", "330205");
    let mut third = member();
    third.retain(|(name, _)| *name != "division");
    third.push(("division", "330205"));
    let third = world.make("jiangbei", "person", &third);
    meet(&mut world, 4);
    for name in ["jiangbei", "haishu", "jiangbei", "jiangbei"] {
        visit(&mut world, name);
    }
    let matches = [both[0], both[1], third].map(|id| read(&mut world, HUB, id, "id_match").unwrap());
    assert!(matches.iter().all(|hash| *hash == matches[0]), "{matches:?}");
}

#[test]
fn a_match_key_that_is_lost_is_replaced_by_another_countys_and_all_is_written_anew() {
    let mut world = joined();
    let both = two_of_one(&mut world);
    meet(&mut world, 4);
    let before = read(&mut world, HUB, both[0], "id_match").unwrap();
    assert_eq!(replace(&mut world, HUB), 4);
    assert_eq!(replace(&mut world, "yuehu"), 4, "a township keeps none");
    assert_eq!(state(&mut world, "yuyao"), "here");
    assert_eq!(replace(&mut world, "yuyao"), 0);
    assert_eq!((state(&mut world, "yuyao"), replace(&mut world, "yuyao")), ("offered".to_owned(), 0));
    assert_eq!(unmatched(&mut world), 0);
    visit(&mut world, "yuyao");
    assert_eq!(unmatched(&mut world), 1, "the hub's findings say that one is compared with nobody yet");
    meet(&mut world, 4);
    assert_eq!(["yuyao", "haishu"].map(|name| state(&mut world, name)), ["here", "here"]);
    assert_eq!(unmatched(&mut world), 0);
    let after = both.map(|id| read(&mut world, HUB, id, "id_match").unwrap());
    assert_eq!(after[0], after[1]);
    assert_ne!(after[0], before);
    assert_ne!(after[0].split_once(':').unwrap().0, before.split_once(':').unwrap().0, "another key");
}

#[test]
fn a_key_that_is_replaced_reaches_who_is_connected_all_the_time() {
    let mut world = joined();
    let both = two_of_one(&mut world);
    meet(&mut world, 2);
    for name in ["haishu", "yuyao"] {
        world.connect(name);
    }
    world.settle();
    assert_eq!(replace(&mut world, "yuyao"), 0);
    for name in ["yuyao", "haishu", "yuyao"] {
        world.settle();
        world.match_people(name);
    }
    assert_eq!(["yuyao", "haishu"].map(|name| state(&mut world, name)), ["here", "here"]);
    let named = world.replica(HUB).named_match_key();
    for id in both {
        let hash = read(&mut world, HUB, id, "id_match").unwrap();
        assert_eq!(huiliu_core::sync::seal::matched_under(&hash), named, "{id}");
    }
}

#[test]
fn a_number_is_matched_later_where_no_key_is_and_never_kept_as_a_reference() {
    let mut world = joined();
    // A township saves it: the hash is its county's to write.
    let id = world.make("yuehu", "person", &member());
    assert_eq!(read(&mut world, "yuehu", id, "id_match"), None);
    meet(&mut world, 4);
    let hash = read(&mut world, "haishu", id, "id_match").unwrap();
    // Another edit in the township leaves it; another number takes it away, until the county has made the new one.
    world.set("yuehu", id, &[("phone", "00011112222"), ("id_number", NUMBER)]);
    assert_eq!(read(&mut world, "yuehu", id, "id_match").as_ref(), Some(&hash));
    world.set("yuehu", id, &[("id_number", "330299197906150023")]);
    assert_eq!(read(&mut world, "yuehu", id, "id_match"), None);
    meet(&mut world, 2);
    let other = read(&mut world, "haishu", id, "id_match").unwrap();
    assert_ne!(other, hash);
    refused(&mut world, "haishu", &affiliation(BRANCH[0].1));
}
