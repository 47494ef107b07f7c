//! What waits for something that will never come: it keeps its county from being called verified, until somebody at the
//! hub ends the wait.

use super::hostile::{smuggle, smuggled_edit, smuggled_feed};
use super::{READERS, city};
use huiliu_core::model::{Hlc, RecordId};
use huiliu_core::sync::{Entry, EntryKind, Envelope, Stamp, birth};
use huiliu_replica::commands::Request;
use huiliu_tests::harness::world::{HUB, World, form};
use serde_json::Value as Json;

const CHANNEL: &str = "own/330203004/open";

/// What waits, as the quarantine lists it.
fn waiting(world: &mut World, name: &str) -> Vec<Json> {
    let listed = world.ask(name, "管理员", None, &Request::QuarantineList).json;
    let all = listed["quarantined"].as_array().unwrap().iter();
    all.filter(|one| one["what"] == "waiting").cloned().collect()
}

fn refuse(which: &str) -> Request {
    Request::QuarantineRefuse { which: which.to_owned() }
}

fn is_verified(world: &mut World, name: &'static str) -> bool {
    world.now += 60_000;
    world.connect(name);
    world.settle();
    let now = world.now;
    world.replica(name).verified_at().is_some_and(|at| at + 60_000 > now)
}

/// A change of a record that follows one which nobody will ever have.
fn orphan(world: &mut World, id: RecordId) -> Vec<u8> {
    let feed = smuggled_feed(world, "yuehu", CHANNEL);
    let mut document = world.replica("yuehu").load_document(&id).unwrap();
    let actor = |branch| birth::actor(&feed.device, &feed.incarnation, branch);
    document.edit(actor(1), &form(&[("address", "没有人有的")]), &[]).unwrap();
    document.edit(actor(2), &form(&[("address", "跟在后面的")]), &[]).unwrap()
}

#[test]
fn what_waits_for_ever_is_listed_at_the_hub_and_ended_there_for_everybody() {
    let mut world = city();
    let mut fields = READERS.to_vec();
    fields.push(("town_code", "330203004"));
    let id = world.create("haishu", &fields);
    assert!(is_verified(&mut world, "haishu") && is_verified(&mut world, "yuehu"));

    let (payload, beside) = (orphan(&mut world, id), orphan(&mut world, id));
    let mut orphaned = smuggled_edit(id, 2, payload);
    orphaned.envelope.as_mut().unwrap().branch = 2;
    let mut early = smuggled_edit(id, 2, beside);
    early.envelope.as_mut().unwrap().epoch = 7;
    let stamp = Stamp { who: "入侵者".into(), at: Hlc(1) };
    let envelope = Some(Envelope::of_no_record(stamp));
    let unheard = Entry { kind: EntryKind(40), envelope, payload: b"?".to_vec() };
    for entry in [orphaned, early, unheard] {
        smuggle(&mut world, "yuehu", CHANNEL, entry);
    }
    assert!(!is_verified(&mut world, "haishu"), "something waits");
    let listed = waiting(&mut world, HUB);
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert!(listed.iter().all(|one| one["device_name"] == "yuehu" && one["why"].is_string()), "{listed:?}");
    assert!(world.ask("haishu", "管理员", None, &Request::Status).text.contains("quarantine refuse"));

    // A county ends nothing.
    assert_eq!(world.ask("haishu", "管理员", None, &refuse("1")).exit, 4);
    for left in (0..3).rev() {
        let first = waiting(&mut world, HUB)[0].clone();
        let named =
            if left == 1 { first["n"].to_string() } else { first["code"].as_str().unwrap().to_owned() };
        assert_eq!(world.ask(HUB, "管理员", None, &refuse(&named)).exit, 0);
        assert_eq!(waiting(&mut world, HUB).len(), left);
    }
    assert_eq!(world.ask(HUB, "管理员", None, &refuse("00000000")).exit, 1, "nothing has this code");
    for name in ["haishu", "yuehu"] {
        assert!(is_verified(&mut world, name), "{name}");
        world.start_over(name);
        assert!(world.replica(name).waits().unwrap().is_empty(), "{name}, computed again");
        assert!(is_verified(&mut world, name), "{name}, computed again");
    }
    world.start_over(HUB);
    assert!(waiting(&mut world, HUB).is_empty());
    assert!(is_verified(&mut world, "haishu"));
}
