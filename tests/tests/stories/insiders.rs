//! Joined devices that stay within their grants and want more: what the hub does by itself goes no further than the
//! grant of whoever made it do so.

use super::matching::found;
use super::people::{BRANCH, joined, member, read, visit};
use super::{READERS, hostile};
use huiliu_core::model::{Fields, RecordId, Sensitivity, Value};
use huiliu_core::sync::entry::payload_hash;
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::message::{Message, encode};
use huiliu_core::sync::person_keys::Keys;
use huiliu_core::sync::seal::{Carried, DivisionKey, Key, matched_under, open_value, seal_to, wrap};
use huiliu_core::sync::{EntryKind, FeedId, Head, Incarnation, Origin, birth};
use huiliu_replica::{RecordEdit, ReplicaError};
use huiliu_tests::harness::adversary::plain_batch;
use huiliu_tests::harness::world::{HUB, World, form};

const TOWNS: [&str; 3] = ["haishu", "yuehu", "gulou"];

/// A city with two townships of haishu's.
fn townships() -> World {
    let mut world = joined();
    world.join("gulou", "330203005");
    visit(&mut world, "gulou");
    world
}

fn level(world: &mut World) {
    for name in TOWNS.into_iter().chain(["yuyao"]).cycle().take(8) {
        visit(world, name);
    }
}

fn branch(town: &str) -> Vec<(&'static str, String)> {
    let with = |(field, value): &(&'static str, &str)| match *field {
        "division" => (*field, town.to_owned()),
        "full_name" => (*field, "第一支部".to_owned()),
        _ => (*field, (*value).to_owned()),
    };
    BRANCH.iter().map(with).collect()
}

fn make(world: &mut World, name: &str, kind: &str, fields: &[(&str, String)]) -> RecordId {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(field, value)| (*field, value.as_str())).collect();
    world.make(name, kind, &fields)
}

fn owner(world: &mut World, name: &str, kind: &str, id: RecordId) -> Option<String> {
    let kind = huiliu_core::model::dictionary::kind(kind).unwrap();
    world.replica(name).row(kind, &id).unwrap().map(|row| row.division.to_string())
}

fn offers(world: &mut World, name: &str, kind: &str) -> Vec<(RecordId, String)> {
    let kind = huiliu_core::model::dictionary::kind(kind).unwrap();
    let division = world.replica(name).division();
    let offers = world.replica(name).offers(kind, division).unwrap();
    offers.into_iter().map(|(id, _, to)| (id, to.to_string())).collect()
}

#[test]
fn a_name_that_two_townships_use_means_each_ones_own_wherever_it_is_looked_at() {
    let mut world = townships();
    // The organization names its branch before that is there.
    let organization = [&READERS[..], &[("town_code", "330203004"), ("build_mode", "SOLO")]].concat();
    let id = world.create("yuehu", &organization);
    world.set("yuehu", id, &[("party_org", "第一支部")]);
    let mut person = member();
    person.push(("party_org", "第一支部"));
    world.make("yuehu", "person", &person);
    let first = make(&mut world, "yuehu", "party_org", &branch("330203004"));
    make(&mut world, "gulou", "party_org", &branch("330203005"));
    level(&mut world);
    for name in ["yuehu", "haishu", HUB] {
        let small = found(&mut world, name, "330203004", "SMALL_BRANCH");
        assert_eq!(small, [[first.to_string()]], "{name}");
        assert_eq!(found(&mut world, name, "330203004", "WIDE_JOINT_BRANCH").len(), 0, "{name}");
    }
}

#[test]
fn what_a_township_gives_to_another_is_an_offer_until_the_county_accepts_it() {
    let mut world = townships();
    let organization = [&READERS[..], &[("town_code", "330203004")]].concat();
    let id = world.create("yuehu", &organization);
    level(&mut world);
    world.set("yuehu", id, &[("town_code", "330203005")]);
    level(&mut world);
    for name in ["yuehu", "haishu", HUB] {
        assert_eq!(owner(&mut world, name, "social_org", id).as_deref(), Some("330203004"), "{name}");
        assert_eq!(offers(&mut world, name, "social_org"), [(id, "330203005".to_owned())], "{name}");
        let listed = found(&mut world, name, "330203004", "OFFERED_ELSEWHERE");
        assert_eq!(listed, [[id.to_string()]], "{name}");
    }
    assert_eq!(owner(&mut world, "gulou", "social_org", id), None);
    // Who offers it cannot accept it too.
    let accepted = world.save("yuehu", &RecordEdit::Accept { id });
    assert!(matches!(accepted, Err(ReplicaError::OutsideGrant(_))), "{accepted:?}");
    // Another edit of the county's is no acceptance.
    world.set("haishu", id, &[("address", "偃月街一号")]);
    level(&mut world);
    assert_eq!(owner(&mut world, HUB, "social_org", id).as_deref(), Some("330203004"));
    world.save("haishu", &RecordEdit::Accept { id }).unwrap();
    level(&mut world);
    for name in ["gulou", "haishu", HUB] {
        assert_eq!(owner(&mut world, name, "social_org", id).as_deref(), Some("330203005"), "{name}");
        assert_eq!(offers(&mut world, name, "social_org"), [], "{name}");
    }
    assert_eq!(owner(&mut world, "yuehu", "social_org", id), None);
}

#[test]
fn what_lies_with_a_record_that_its_author_may_not_write_stays_with_its_author() {
    let mut world = townships();
    let person = world.make("yuehu", "person", &member());
    let theirs = make(&mut world, "gulou", "party_org", &branch("330203005"));
    level(&mut world);
    let fields = form(&[("person", &person.to_string()), ("party_org", "第一支部")]);
    let wish = RecordEdit::New { kind: "affiliation".into(), fields, owner: None, strict: false };
    let guessed = world.save("yuehu", &wish).unwrap().id();
    let before = found(&mut world, "gulou", "330203005", "SMALL_BRANCH");
    level(&mut world);
    // It tells its author nothing, and changes nothing where the branch is.
    for name in ["yuehu", "haishu", HUB] {
        assert_eq!(owner(&mut world, name, "affiliation", guessed).as_deref(), Some("330203004"), "{name}");
    }
    assert_eq!(owner(&mut world, "gulou", "affiliation", guessed), None);
    assert_eq!(found(&mut world, "gulou", "330203005", "SMALL_BRANCH"), before);
    for division in ["330203004", "330203005"] {
        let hubs = found(&mut world, HUB, division, "OFFERED_ELSEWHERE");
        assert_eq!(hubs, Vec::<Vec<String>>::new(), "{division} alone does not see both");
    }
    let listed = found(&mut world, "haishu", "330203", "OFFERED_ELSEWHERE");
    assert_eq!(listed, [[guessed.to_string()]]);
    assert_eq!(found(&mut world, HUB, "330203", "OFFERED_ELSEWHERE"), listed);
    // What lies with the branch since it was there goes with it, whoever has written it.
    world.save("haishu", &RecordEdit::Accept { id: guessed }).unwrap();
    level(&mut world);
    assert_eq!(owner(&mut world, "gulou", "affiliation", guessed).as_deref(), Some("330203005"));
    world.set("haishu", theirs, &[("division", "330203004")]);
    level(&mut world);
    assert_eq!(owner(&mut world, "yuehu", "affiliation", guessed).as_deref(), Some("330203004"));
}

/// Keys that a device hands the hub.
fn hand(world: &mut World, name: &'static str, keys: &Keys) {
    let hub = world.machines[HUB].key().public();
    let mut random = [0; 32];
    world.rng.fill(&mut random);
    let sealed = seal_to(&hub, random, &keys.encode()).unwrap();
    world.connect(name);
    world.settle();
    world.inject(name, HUB, encode(&Message::Keys(sealed)));
    world.settle();
    world.cut(name);
}

#[test]
fn a_key_wrapped_for_somebody_elses_record_seals_nothing() {
    for late in [false, true] {
        let mut world = townships();
        let id = world.make("yuehu", "person", &member());
        // Gulou knows the id, and wraps a key of its own for it, before the hub has heard of the record or after.
        let under = DivisionKey {
            division: "330203005".parse().unwrap(),
            class: Sensitivity::Personal,
            key: Key([7; 32]),
        };
        let keys = Keys {
            divisions: vec![under.clone()],
            wraps: vec![wrap(&under, &id, &Key([0; 32]))],
            ..Keys::default()
        };
        if late {
            level(&mut world);
        }
        hand(&mut world, "gulou", &keys);
        level(&mut world);
        world.set(HUB, id, &[("phone", "00011112222")]);
        level(&mut world);
        for name in ["yuehu", "haishu", HUB] {
            let phone = read(&mut world, name, id, "phone");
            assert_eq!(phone.as_deref(), Some("00011112222"), "{name}, late: {late}");
        }
        let kind = huiliu_core::model::dictionary::kind("person").unwrap();
        let row = world.replica(HUB).row(kind, &id).unwrap().unwrap();
        let Value::Sealed(bytes) = &row.fields["phone"] else { panic!("{row:?}") };
        let opened = open_value(&Key([0; 32]), &id, "phone", bytes);
        assert_eq!(opened, None, "the planted key opens it, late: {late}");
    }
}

#[test]
fn a_key_that_is_not_what_it_is_called_keeps_nobody_from_the_right_one() {
    let mut world = townships();
    let first = world.make("haishu", "person", &member());
    visit(&mut world, "haishu");
    let name = matched_under(&read(&mut world, HUB, first, "id_match").unwrap()).unwrap();
    // A county that joins later meets a device that hands the hub noise under the match key's name, for that county.
    world.join("jiangbei", "330205");
    let device = world.machines["jiangbei"].key();
    let bytes = seal_to(&device.public(), [3; 32], &[9; 32]).unwrap();
    let (device, division) = (device.device(), "330281".parse().unwrap());
    let noise = Carried { device, division, class: Sensitivity::Open, key: name, bytes };
    hand(&mut world, "yuyao", &Keys { carried: vec![noise], ..Keys::default() });
    let mut elsewhere = member();
    elsewhere.retain(|(name, _)| *name != "division");
    elsewhere.push(("division", "330205"));
    let second = world.make("jiangbei", "person", &elsewhere);
    for name in ["jiangbei", "haishu", "jiangbei"] {
        visit(&mut world, name);
    }
    let matches = [first, second].map(|id| read(&mut world, HUB, id, "id_match"));
    assert!(matches[0].is_some() && matches[0] == matches[1], "{matches:?}");
}

#[test]
fn nobody_speaks_for_another_by_naming_what_they_wrote() {
    // As what it was, or as if it had been written in the liar's own feed.
    speak_for_yuehu(false);
    speak_for_yuehu(true);
}

fn speak_for_yuehu(as_own: bool) {
    let mut world = townships();
    let organization = [&READERS[..], &[("town_code", "330203004")]].concat();
    let id = world.create("haishu", &organization);
    level(&mut world);
    // What yuehu has written follows something that the hub refuses: yuehu will write it again.
    let key = world.machines["yuehu"].key();
    let channel = "own/330203004/open".parse().unwrap();
    let feed = FeedId { channel, device: key.device(), incarnation: Incarnation([0xad; 8]) };
    let grant = world.replica(HUB).ledger().authority.as_ref().unwrap().grant_of(&key.device()).unwrap().0;
    let actor = birth::actor(&feed.device, &feed.incarnation, 0);
    let mut document = world.replica(HUB).load_document(&id).unwrap();
    let wrong = Fields::from([("staff_full".to_owned(), Value::of("many"))]);
    let good = form(&[("address", "月湖写的")]);
    let entries = [wrong, good].map(|fields| {
        let payload = document.edit(actor, &fields, &[]).unwrap();
        hostile::smuggled_edit(id, 2, payload)
    });
    let change = payload_hash(&entries[1]);
    let (run, _) = sign_run(&key, grant, feed, &Head::START, entries.to_vec());
    // A device of haishu's has heard of it, says that it repeats that, and writes something else.
    let mut document = world.replica("haishu").load_document(&id).unwrap();
    let theirs = hostile::smuggled_feed(&world, "haishu", "own/330203004/open");
    let actor = birth::actor(&theirs.device, &theirs.incarnation, 0);
    let payload = document.edit(actor, &form(&[("address", "别人的话")]), &[]).unwrap();
    let mut entry = hostile::smuggled_edit(id, 2, payload);
    let named = if as_own { theirs } else { feed };
    entry.envelope.as_mut().unwrap().origin = Some(Origin { feed: named, number: 2, branch: 0, change });
    hostile::smuggle(&mut world, "haishu", "own/330203004/open", entry);
    world.connect("yuehu");
    world.settle();
    world.inject("yuehu", HUB, plain_batch(&[run]));
    world.settle();
    level(&mut world);
    for name in ["yuehu", "haishu", HUB] {
        let conflict = world.replica(name).conflicts_of(&id).unwrap();
        let claimed = conflict.iter().flat_map(|conflict| &conflict.claims).map(|claim| claim.value.clone());
        let shown = claimed.chain(world.field(name, id, "address")).collect::<Vec<_>>();
        assert!(shown.contains(&Value::of("月湖写的")), "{name} shows {shown:?}");
        assert!(shown.contains(&Value::of("别人的话")), "{name} shows {shown:?}");
    }
    assert_eq!(world.replica("yuehu").waiting().unwrap(), 0);
    assert!(world.level["yuehu"] && world.level["haishu"]);
}

#[test]
fn who_once_had_a_record_does_not_take_it_back() {
    let mut world = townships();
    let organization = [&READERS[..], &[("town_code", "330203004")]].concat();
    let id = world.create("yuehu", &organization);
    level(&mut world);
    world.set("haishu", id, &[("town_code", "330203005")]);
    for name in ["haishu", "gulou"] {
        visit(&mut world, name);
    }
    world.set("gulou", id, &[("address", "鼓楼写的")]);
    visit(&mut world, "gulou");
    // Yuehu has not heard of it, or says so, and writes last.
    world.set("yuehu", id, &[("town_code", "330203005")]);
    world.set("yuehu", id, &[("town_code", "330203004")]);
    level(&mut world);
    assert_eq!(owner(&mut world, HUB, "social_org", id).as_deref(), Some("330203005"));
    assert_eq!(owner(&mut world, "yuehu", "social_org", id), None);
    assert_eq!(offers(&mut world, "haishu", "social_org"), [(id, "330203004".to_owned())]);
}

#[test]
fn who_copies_a_change_does_not_become_its_author() {
    let mut world = townships();
    let organization = [&READERS[..], &[("town_code", "330203004")]].concat();
    let id = world.create("yuehu", &organization);
    level(&mut world);
    world.set("yuehu", id, &[("address", "月湖写的")]);
    visit(&mut world, "yuehu");
    let mut runs = world.runs_of("yuehu").into_iter().flat_map(|run| run.entries);
    let edit = runs.rfind(|entry| entry.kind == EntryKind::EDIT).unwrap();
    let copied = hostile::smuggled_edit(id, 2, edit.payload);
    hostile::smuggle(&mut world, "haishu", "own/330203004/open", copied);
    level(&mut world);
    for name in ["yuehu", "haishu", HUB] {
        let history = world.replica(name).history(&id).unwrap();
        let whose: Vec<String> = history.into_iter().map(|(_, author)| author.stamp.who).collect();
        assert_eq!(whose, ["yuehu", "yuehu"], "{name}");
        assert_eq!(world.field(name, id, "address"), Some(Value::of("月湖写的")), "{name}");
    }
    assert!(world.level["yuehu"] && world.level["haishu"]);
}

#[test]
fn who_registers_a_code_that_is_waited_for_gets_nothing_from_above() {
    let mut world = townships();
    let person = world.make("haishu", "person", &member());
    let fields = form(&[("person", &person.to_string()), ("social_org", READERS[2].1)]);
    let wish = RecordEdit::New { kind: "engagement".into(), fields, owner: None, strict: false };
    let waiting = world.save("haishu", &wish).unwrap().id();
    level(&mut world);
    world.create("gulou", &[&READERS[..], &[("town_code", "330203005")]].concat());
    level(&mut world);
    assert_eq!(owner(&mut world, HUB, "engagement", waiting).as_deref(), Some("330203"));
    assert_eq!(offers(&mut world, "haishu", "engagement"), [(waiting, "330203005".to_owned())]);
    world.save("haishu", &RecordEdit::Accept { id: waiting }).unwrap();
    level(&mut world);
    assert_eq!(
        owner(&mut world, HUB, "engagement", waiting).as_deref(),
        Some("330203005"),
        "not by its code"
    );
}
