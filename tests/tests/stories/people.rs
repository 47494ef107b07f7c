//! Who somebody is: sealed on every disk, read where the keys are; and records that name others, in whatever order they
//! come.

use super::{READERS, city};
use huiliu_core::model::rules::cells::Cell;
use huiliu_core::model::{RecordId, Value};
use huiliu_replica::commands::Request;
use huiliu_replica::commands::reports::Wanted;
use huiliu_replica::{RecordEdit, ReplicaError};
use huiliu_tests::harness::world::{HUB, World, form};

const NAME: &str = "测试欧阳";
const PHONE: &str = "00099887766";
pub(super) const NUMBER: &str = "330299198501010019";
const USCC: &str = "51330203XT0000014A";

pub(super) const BRANCH: [(&str, &str); 6] = [
    ("full_name", "中共海曙区甬江读书会支部委员会"),
    ("org_kind", "BRANCH"),
    ("division", "330203004"),
    ("approved_by", "月湖街道党工委"),
    ("approval_doc", "月党〔2018〕1号"),
    ("approved_on", "2018-05-21"),
];

pub(super) fn member() -> Vec<(&'static str, &'static str)> {
    vec![
        ("name", NAME),
        ("phone", PHONE),
        ("id_number", NUMBER),
        ("member_kind", "FULL"),
        ("division", "330203004"),
    ]
}

/// A city whose nodes have been level with the hub once, as after joining.
pub(super) fn joined() -> World {
    let mut world = city();
    for name in ["haishu", "yuyao", "yuehu"] {
        visit(&mut world, name);
    }
    world
}

pub(super) fn visit(world: &mut World, name: &'static str) {
    world.connect(name);
    world.settle();
    world.match_people(name);
    world.cut(name);
}

pub(super) fn read(world: &mut World, name: &str, id: RecordId, field: &str) -> Option<String> {
    match world.field(name, id, field)? {
        Value::Text(text) => Some(text),
        Value::Sealed(_) => Some("密封".to_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_somebody_is_is_read_where_it_may_be_and_stands_nowhere_in_clear() {
    let mut world = joined();
    world.canaries = [NAME, PHONE, NUMBER].map(|canary| canary.as_bytes().to_vec()).to_vec();
    let id = world.make("haishu", "person", &member());
    for name in ["haishu", "yuyao", "yuehu"] {
        visit(&mut world, name);
    }
    assert_eq!(world.violations, Vec::<String>::new(), "nor on the wire");
    for (name, who, number) in [
        ("haishu", Some(NAME), Some(NUMBER)),
        (HUB, Some(NAME), Some("密封")),
        ("yuehu", Some(NAME), Some(NUMBER)),
        ("yuyao", None, None),
    ] {
        assert_eq!(read(&mut world, name, id, "name").as_deref(), who, "{name}");
        assert_eq!(read(&mut world, name, id, "id_number").as_deref(), number, "{name}");
    }
    // Figures need no key.
    assert_eq!(read(&mut world, HUB, id, "member_kind").as_deref(), Some("FULL"));
    for name in [HUB, "haishu", "yuehu", "yuyao"] {
        for canary in [NAME, PHONE, NUMBER] {
            let files = world.machine(name).disk.files_with(canary.as_bytes());
            assert!(files.is_empty(), "{name} has {canary} in {files:?}");
        }
        world.crash(name);
    }
    assert_eq!(read(&mut world, "yuehu", id, "id_number").as_deref(), Some(NUMBER), "after a restart too");
}

#[test]
fn what_the_county_wrote_before_the_township_joined_is_read_there_once_both_have_met_the_hub() {
    let mut world = joined();
    let mut fields = member();
    fields.retain(|(name, _)| *name != "division");
    fields.push(("division", "330203005"));
    let id = world.make("haishu", "person", &fields);
    visit(&mut world, "haishu");
    world.join("gulou", "330203005");
    visit(&mut world, "gulou");
    assert_eq!(read(&mut world, "gulou", id, "name").as_deref(), Some(NAME), "the hub holds that key");
    assert_eq!(read(&mut world, "gulou", id, "id_number").as_deref(), Some("密封"), "and not this one");
    for name in ["haishu", "haishu", "gulou"] {
        visit(&mut world, name);
    }
    assert_eq!(read(&mut world, "gulou", id, "id_number").as_deref(), Some(NUMBER));
}

#[test]
fn what_a_township_writes_its_county_reads_and_the_hub_does_not() {
    let mut world = joined();
    let id = world.make("yuehu", "person", &member());
    for name in ["yuehu", "yuehu", "haishu"] {
        visit(&mut world, name);
    }
    assert_eq!(read(&mut world, "haishu", id, "id_number").as_deref(), Some(NUMBER));
    assert_eq!(read(&mut world, HUB, id, "id_number").as_deref(), Some("密封"));
    let wish = RecordEdit::Set { id, fields: form(&[("id_number", "330299197906150023")]) };
    assert!(
        matches!(world.save(HUB, &wish), Err(ReplicaError::Problems(_))),
        "the hub cannot write it either"
    );
}

#[test]
fn equal_values_written_apart_are_no_conflict_and_others_are_one() {
    let mut world = joined();
    let id = world.make("haishu", "person", &member());
    for name in ["haishu", "yuehu"] {
        visit(&mut world, name);
    }
    for name in ["haishu", "yuehu"] {
        world.set(name, id, &[("phone", "00011112222")]);
    }
    world.set("haishu", id, &[("education", "20")]);
    world.set("yuehu", id, &[("education", "30")]);
    for name in ["haishu", "yuehu", "haishu"] {
        visit(&mut world, name);
    }
    let conflicts = world.replica("haishu").conflicts_of(&id).unwrap();
    let fields: Vec<&str> = conflicts.iter().map(|conflict| conflict.field.as_str()).collect();
    assert_eq!(fields, ["education"]);
}

#[test]
fn what_names_others_may_come_before_them_and_follows_where_they_lie() {
    let mut world = joined();
    let mut person = member();
    person.push(("party_org", BRANCH[0].1));
    let id = world.make("haishu", "person", &person);
    let engagement = [("person", NUMBER), ("social_org", USCC), ("full_time", "true")];
    let mut fields = form(&engagement);
    fields.insert("full_time".into(), Value::Bool(true));
    let wish = RecordEdit::New { kind: "engagement".into(), fields, owner: None, strict: false };
    let engaged = world.save("haishu", &wish).unwrap().id();
    let kind = huiliu_core::model::dictionary::kind("engagement").unwrap();
    assert_eq!(world.replica("haishu").open_references(kind).unwrap().len(), 1);

    let mut organization = READERS.to_vec();
    organization.extend([("town_code", "330203004"), ("party_org", BRANCH[0].1), ("build_mode", "SOLO")]);
    world.create("haishu", &organization);
    world.make("haishu", "party_org", &BRANCH);
    assert!(world.replica("haishu").open_references(kind).unwrap().is_empty());
    assert_eq!(read(&mut world, "haishu", engaged, "member_kind").as_deref(), Some("FULL"), "copied");

    for name in ["haishu", "yuehu", "haishu"] {
        visit(&mut world, name);
    }
    let affiliations = world.replica("yuehu").affiliations_of(&id).unwrap();
    assert_eq!(affiliations.len(), 1, "the row named a branch, and the affiliation lies with it");
    assert_eq!(read(&mut world, "yuehu", engaged, "member_kind").as_deref(), Some("FULL"));

    world.set("yuehu", id, &[("member_kind", "PROB")]);
    assert_eq!(
        read(&mut world, "yuehu", engaged, "member_kind").as_deref(),
        Some("PROB"),
        "the copy follows"
    );
}

#[test]
fn who_belongs_to_one_branch_is_not_imported_into_another() {
    let mut world = joined();
    world.make("haishu", "party_org", &BRANCH);
    let mut person = member();
    person.push(("party_org", BRANCH[0].1));
    let id = world.make("haishu", "person", &person);
    let other =
        RecordEdit::Set { id, fields: form(&[("party_org", "中共海曙区另一支部委员会")]) };
    assert!(matches!(world.save("haishu", &other), Err(ReplicaError::Problems(_))));
    let same = RecordEdit::Set { id, fields: form(&[("party_org", BRANCH[0].1)]) };
    world.save("haishu", &same).unwrap();
    assert_eq!(world.replica("haishu").affiliations_of(&id).unwrap().len(), 1);
}

/// An edit that is refused, and whatever it may have left staged committed with the next.
pub(super) fn refused(world: &mut World, name: &str, edit: &RecordEdit) {
    assert!(matches!(world.save(name, edit), Err(ReplicaError::Problems(_))), "{edit:?}");
    world.replica(name).commit().unwrap();
}

pub(super) fn affiliation(branch: &str) -> RecordEdit {
    let fields = form(&[("person", NUMBER), ("party_org", branch)]);
    RecordEdit::New { kind: "affiliation".into(), fields, owner: None, strict: false }
}

#[test]
fn who_is_not_known_by_the_number_is_affiliated_with_nobody() {
    let mut world = joined();
    refused(&mut world, "haishu", &affiliation(BRANCH[0].1));
    let mut person = member();
    person.push(("party_org", BRANCH[0].1));
    let id = world.make("haishu", "person", &person);
    assert_eq!(world.replica("haishu").affiliations_of(&id).unwrap().len(), 1);
    refused(&mut world, "haishu", &affiliation("中共海曙区另一支部委员会"));
}

#[test]
fn what_a_branch_must_know_of_its_members_stands_in_their_affiliations() {
    let mut world = joined();
    let id = world.make("haishu", "person", &member());
    let mut elsewhere = BRANCH.to_vec();
    elsewhere[2].1 = "330203005";
    world.join("gulou", "330203005");
    world.make("haishu", "party_org", &elsewhere);
    let joined_it = world.save("haishu", &affiliation(BRANCH[0].1)).unwrap().id();
    for name in ["haishu", "gulou", "haishu", "gulou"] {
        visit(&mut world, name);
    }
    // The person lies in another township, and the branch reads who its member is.
    assert_eq!(read(&mut world, "gulou", id, "name"), None);
    assert_eq!(read(&mut world, "gulou", joined_it, "name").as_deref(), Some(NAME));
    assert_eq!(read(&mut world, "gulou", joined_it, "member_kind").as_deref(), Some("FULL"));
    assert_eq!(read(&mut world, "yuehu", joined_it, "name"), None, "it lies with the branch");
    world.set("haishu", id, &[("member_kind", "PROB"), ("name", "测试司马")]);
    for name in ["haishu", "gulou"] {
        visit(&mut world, name);
    }
    assert_eq!(read(&mut world, "gulou", joined_it, "member_kind").as_deref(), Some("PROB"), "copies follow");
    assert_eq!(read(&mut world, "gulou", joined_it, "name").as_deref(), Some("测试司马"));
}

#[test]
fn an_edit_that_is_refused_leaves_nothing_of_itself_behind() {
    let mut world = joined();
    let id = world.make("haishu", "person", &member());
    let wrong = [("party_org", BRANCH[0].1), ("joined_on", "2020-01-01"), ("full_on", "2019-01-01")];
    refused(&mut world, "haishu", &RecordEdit::Set { id, fields: form(&wrong) });
    assert!(world.replica("haishu").affiliations_of(&id).unwrap().is_empty());

    world.save("haishu", &affiliation(BRANCH[0].1)).unwrap();
    let people = world.replica("haishu").counts().unwrap()["person"];
    let mut other = member();
    other.retain(|(name, _)| *name != "id_number");
    other.extend([("id_number", "330299197906150023"), ("party_org", BRANCH[0].1)]);
    world.make("haishu", "person", &other);
    assert_eq!(world.replica("haishu").counts().unwrap()["person"], people + 1);
}

#[test]
fn a_second_affiliation_does_not_come_back_either() {
    let mut world = joined();
    let id = world.make("haishu", "person", &member());
    let first = world.save("haishu", &affiliation(BRANCH[0].1)).unwrap().id();
    world.save("haishu", &RecordEdit::Delete { id: first, reason: "登记有误".into() }).unwrap();
    world.save("haishu", &affiliation("中共海曙区另一支部委员会")).unwrap();
    refused(&mut world, "haishu", &RecordEdit::Restore { id: first });
    assert_eq!(world.replica("haishu").affiliations_of(&id).unwrap().len(), 1);
}

#[test]
fn who_moves_to_another_county_is_read_there_but_the_number_is_not() {
    let mut world = joined();
    let id = world.make("haishu", "person", &member());
    visit(&mut world, "haishu");
    world.set("haishu", id, &[("division", "330281001")]);
    visit(&mut world, "haishu");
    world.save(HUB, &RecordEdit::Accept { id }).unwrap();
    for name in ["haishu", "yuyao", "yuyao"] {
        visit(&mut world, name);
    }
    assert_eq!(read(&mut world, "yuyao", id, "name").as_deref(), Some(NAME));
    assert_eq!(read(&mut world, "yuyao", id, "id_number").as_deref(), Some("密封"), "a known limit");
    assert_eq!(read(&mut world, "haishu", id, "name"), None);
    // Whoever has the card enters it again.
    world.set("yuyao", id, &[("id_number", NUMBER)]);
    for name in ["yuyao", "haishu"] {
        visit(&mut world, name);
    }
    assert_eq!(read(&mut world, "yuyao", id, "id_number").as_deref(), Some(NUMBER));
    assert_eq!(read(&mut world, HUB, id, "id_number").as_deref(), Some("密封"));
}

#[test]
fn who_has_moved_away_makes_no_figure_of_the_hub_differ_from_the_countys() {
    let mut world = joined();
    let mut organization = READERS.to_vec();
    organization.push(("town_code", "330203004"));
    world.create("haishu", &organization);
    let id = world.make("haishu", "person", &member());
    let engage = |world: &mut World, person: &str| {
        let mut fields = form(&[("person", person), ("social_org", USCC), ("member_kind", "FULL")]);
        fields.insert("full_time".into(), Value::Bool(true));
        let wish = RecordEdit::New { kind: "engagement".into(), fields, owner: None, strict: false };
        world.save("haishu", &wish).unwrap();
    };
    let mut other = member();
    other.retain(|(name, _)| !matches!(*name, "id_number" | "name"));
    other.extend([("name", "测试乙"), ("id_number", "330299197906150023")]);
    world.make("haishu", "person", &other);
    other.extend([("name", "测试丙"), ("id_number", "330299198811110031")]);
    let third = world.make("haishu", "person", &other);
    engage(&mut world, &id.to_string());
    engage(&mut world, "330299197906150023");
    engage(&mut world, &third.to_string());
    visit(&mut world, "haishu");
    world.set("haishu", id, &[("division", "330281001")]);
    visit(&mut world, "haishu");
    world.save(HUB, &RecordEdit::Accept { id }).unwrap();
    for name in ["haishu", "yuyao", "haishu"] {
        visit(&mut world, name);
    }
    // Who has moved away is still engaged here: three for the county, and so for the hub, which knows more.
    for name in ["haishu", "yuehu"] {
        visit(&mut world, name);
    }
    let (on, town) = ("2040-01-01".parse().unwrap(), "330203004".parse().unwrap());
    for name in ["yuehu", "haishu", HUB] {
        let counts = world.replica(name).tallies(on).unwrap()[&town];
        assert_eq!(counts.get(Cell::RequiredFullTime), 1, "{name}");
        assert_eq!(world.replica(name).recounted(on).unwrap()[&town], counts, "{name}");
    }
}

#[test]
fn what_two_did_apart_and_cannot_both_be_is_found_the_same_at_county_township_and_hub() {
    let mut world = joined();
    let person = world.make("haishu", "person", &member());
    let mut upper = BRANCH;
    upper[0].1 = "中共海曙区总支部委员会";
    let branches = [&BRANCH, &upper].map(|branch| world.make("haishu", "party_org", branch));
    for name in ["haishu", "yuehu"] {
        visit(&mut world, name);
    }
    // Each makes the other's branch the superior of its own, and takes the member into another branch.
    let joins = |branch: RecordId, from: &str| {
        let named = [person, branch].map(|id| id.to_string());
        let fields = form(&[("person", &named[0]), ("party_org", &named[1]), ("from", from)]);
        RecordEdit::New { kind: "affiliation".into(), fields, owner: None, strict: false }
    };
    let mut affiliations = Vec::new();
    for (name, own, other, from) in [("haishu", 0, 1, "2020-01-01"), ("yuehu", 1, 0, "2021-01-01")] {
        world.set(name, branches[own], &[("superior_id", &branches[other].to_string())]);
        affiliations.push(world.save(name, &joins(branches[own], from)).unwrap().id().to_string());
    }
    for name in ["haishu", "yuehu", "haishu"] {
        visit(&mut world, name);
    }
    let wanted =
        Wanted { name: "findings".into(), division: Some("330203004".into()), as_of: None, file: None };
    let mut ring = branches.map(|id| id.to_string()).to_vec();
    ring.sort();
    // The affiliation that began last is the one that counts, and stands first.
    affiliations.reverse();
    for name in [HUB, "haishu", "yuehu"] {
        let found = world.ask(name, "审核", None, &Request::Report(wanted.clone())).json;
        let ids = |row: &serde_json::Value| {
            let records = row["records"].as_array().unwrap().iter();
            records.map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let told: Vec<_> = found["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["rule"].as_str().unwrap(), ids(row)))
            .collect();
        let expected = [("TWO_AFFILIATIONS", affiliations.clone()), ("SUPERIOR_CYCLE", ring.clone())];
        assert_eq!(told, expected, "{name}");
        assert_eq!(found["rows"][0]["records"][0]["title"], NAME, "{name}");
    }
}

#[test]
fn no_party_organization_is_made_its_own_superior() {
    let mut world = joined();
    let named = |name: &'static str, superior: &'static str| {
        let mut fields = BRANCH.to_vec();
        fields[0].1 = name;
        fields.push(("superior_id", superior));
        fields
    };
    let (upper, middle, lower) =
        ("中共海曙区总支部委员会", "中共海曙区第二支部委员会", "中共海曙区第三支部委员会");
    let new = |name, superior| {
        let fields = form(&named(name, superior));
        RecordEdit::New { kind: "party_org".into(), fields, owner: None, strict: false }
    };
    refused(&mut world, "haishu", &new(upper, upper));
    let top = world.make("haishu", "party_org", &named(upper, ""));
    world.make("haishu", "party_org", &named(middle, upper));
    let low = world.make("haishu", "party_org", &named(lower, middle));
    for superior in [upper, middle, lower] {
        refused(
            &mut world,
            "haishu",
            &RecordEdit::Set { id: top, fields: form(&[("superior_id", superior)]) },
        );
    }
    // Of two that name one another, the one that closes the ring is refused, though it was named before it was here.
    world.make("haishu", "party_org", &named("中共甲支部委员会", "中共乙支部委员会"));
    refused(&mut world, "haishu", &new("中共乙支部委员会", "中共甲支部委员会"));
    world.save("haishu", &RecordEdit::Set { id: low, fields: form(&[("superior_id", upper)]) }).unwrap();
}
