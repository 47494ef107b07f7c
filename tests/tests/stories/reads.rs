//! Who reads a secret says what for, and that is noted before anything is shown: who read what is known afterwards.

use super::people::{NUMBER, joined, member, visit};
use huiliu_core::model::RecordId;
use huiliu_replica::commands::{Listing, Request};
use huiliu_tests::harness::world::World;
use serde_json::Value as Json;

fn number(world: &mut World, name: &str, who: &str, purpose: Option<&str>, id: RecordId) -> Json {
    let request = Request::RecordShow { id: id.to_string(), history: false };
    world.ask(name, who, purpose, &request).json["record"]["fields"]["id_number"].clone()
}

/// By whom and what for, newest first.
fn reads(world: &mut World, name: &str, record: Option<RecordId>) -> Vec<(String, String, String)> {
    let request = Request::AuditReads { record: record.map(|id| id.to_string()) };
    let answer = world.ask(name, "审计", None, &request);
    let reads = answer.json["reads"].as_array().unwrap().iter();
    let text = |read: &Json, key: &str| read[key].as_str().unwrap().to_owned();
    reads.map(|read| (text(read, "by"), text(read, "purpose"), text(read, "what"))).collect()
}

fn told(by: &str, purpose: &str, what: String) -> (String, String, String) {
    (by.to_owned(), purpose.to_owned(), what)
}

#[test]
fn who_read_a_secret_and_what_for_is_known_after_a_power_loss() {
    let mut world = joined();
    let id = world.make("haishu", "person", &member());
    let mut other = member();
    other.retain(|(field, _)| !matches!(*field, "name" | "id_number"));
    other.extend([("name", "测试司马"), ("id_number", "330299197906150023")]);
    let other = world.make("haishu", "person", &other);

    assert_eq!(number(&mut world, "haishu", "经办甲", None, id), "**************0019");
    assert!(reads(&mut world, "haishu", None).is_empty(), "what is masked is not read");
    assert_eq!(number(&mut world, "haishu", "经办甲", Some("转接核对"), id), NUMBER);
    let list = Listing { kind: "人员".into(), ..Listing::default() };
    world.ask("haishu", "经办乙", Some("年报"), &Request::RecordList(list));
    let organizations = Listing { kind: "social_org".into(), ..Listing::default() };
    world.ask("haishu", "经办乙", Some("年报"), &Request::RecordList(organizations));

    // A number is looked for by the whole of it, and shows no other.
    for (wanted, there) in [(NUMBER, 1), ("330299199001010017", 0)] {
        let (kind, conditions) = ("person".to_owned(), vec![format!("id_number={wanted}")]);
        let list = Listing { kind, conditions, ..Listing::default() };
        let found = world.ask("haishu", "经办甲", None, &Request::RecordList(list)).json;
        assert_eq!(found["records"].as_array().map(Vec::len), Some(there), "{found}");
        assert!(!found.to_string().contains(NUMBER));
    }

    world.crash("haishu");
    let shown = told("经办甲", "转接核对", format!("record show {id}"));
    let listed = told("经办乙", "年报", "record list person".into());
    let beside = told("经办乙", "年报", "record list social_org".into());
    assert_eq!(reads(&mut world, "haishu", None), [beside, listed.clone(), shown.clone()]);
    assert_eq!(reads(&mut world, "haishu", Some(id)), [listed.clone(), shown]);
    assert_eq!(reads(&mut world, "haishu", Some(other)), [listed], "it was in the list");
    visit(&mut world, "haishu");
    assert!(reads(&mut world, "yuyao", None).is_empty(), "what was read here is nobody else's to know");
}
