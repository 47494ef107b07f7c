//! What earlier programs wrote: stores open and become level, frames are answered, answers keep their shapes.

use huiliu_core::sync::message::{Message, Welcome, decode};
use huiliu_replica::service::opening;
use huiliu_replica::{Effect, Role};
use huiliu_tests::golden::{Answer, answers, folder, frames, missing, unpack};
use huiliu_tests::harness::process::{Site, assert_equal_fingerprints};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// Every generation that was ever kept.
const GENERATIONS: [&str; 1] = ["first"];
/// Fields that are shown no more: what only programs compare is nobody's to read.
const SHOWN_NO_MORE: [&str; 1] = ["id_hash"];
/// When the kept frames were exchanged.
const NOW: u64 = 1_793_491_200_000;

/// The stores of a generation, in a folder of their own.
fn stores(generation: &str) -> (tempfile::TempDir, BTreeMap<&'static str, Site>) {
    let place = tempfile::tempdir().unwrap();
    unpack(&folder(generation).join("stores.zip"), place.path()).unwrap();
    let sites = [
        ("hub", Site::hub(place.path().join("hub"))),
        ("haishu", Site::node(place.path().join("haishu"))),
        ("yuehu", Site::node(place.path().join("yuehu"))),
    ];
    (place, sites.into())
}

fn words(answer: &Answer) -> Vec<&str> {
    answer.arguments.iter().map(String::as_str).collect()
}

#[test]
fn every_answer_of_an_earlier_program_keeps_its_shape() {
    for generation in GENERATIONS {
        let (_place, sites) = stores(generation);
        for answer in answers(generation) {
            let now = sites[answer.site.as_str()].run(&words(&answer)).json;
            let mut gone = missing(&answer.json, &now, "");
            gone.retain(|path| !SHOWN_NO_MORE.iter().any(|field| path.contains(field)));
            assert!(gone.is_empty(), "{generation}: {} {:?}: {gone:?}\n{now}", answer.site, answer.arguments);
        }
    }
}

/// The records of a kept or a new list by their ids.
fn records(list: &Json) -> BTreeMap<&str, &Json> {
    let records = list["records"].as_array().unwrap().iter();
    records.map(|record| (record["id"].as_str().unwrap(), record)).collect()
}

#[test]
fn a_store_of_an_earlier_program_opens_with_every_record_as_it_was() {
    for generation in GENERATIONS {
        let (_place, sites) = stores(generation);
        for answer in answers(generation).iter().filter(|answer| answer.arguments[0] == "record") {
            let now = sites[answer.site.as_str()].good(&words(answer));
            let (kept, now) = (records(&answer.json), records(&now));
            assert_eq!(
                kept.keys().collect::<Vec<_>>(),
                now.keys().collect::<Vec<_>>(),
                "{generation} {answer:?}"
            );
            for (id, record) in kept {
                let fields = record["fields"].as_object().unwrap().iter();
                for (field, value) in fields.filter(|(field, _)| !SHOWN_NO_MORE.contains(&field.as_str())) {
                    assert_eq!(&now[id]["fields"][field], value, "{generation}: {field} of {record}");
                }
            }
        }
        for site in sites.values() {
            assert_eq!(site.good(&["verify"])["ok"], true);
        }
    }
}

/// The hub's port of those days may be somebody else's today.
fn dials(node: &Site, address: &str) {
    let settings = node.data.join("settings.json");
    let mut told: Json = serde_json::from_slice(&std::fs::read(&settings).unwrap()).unwrap();
    told["hub"]["addresses"] = [address].into();
    std::fs::write(&settings, told.to_string()).unwrap();
}

#[test]
fn replicas_with_stores_of_an_earlier_program_become_level() {
    for generation in GENERATIONS {
        let (_place, sites) = stores(generation);
        let (hub, haishu, yuehu) = (&sites["hub"], &sites["haishu"], &sites["yuehu"]);
        assert!(haishu.status()["pending"].as_u64().unwrap() > 0, "haishu had not sent everything");
        let service = hub.serve();
        for node in [haishu, yuehu] {
            dials(node, service.listen());
        }
        for node in [haishu, yuehu, haishu, yuehu, haishu] {
            node.sync();
        }
        for node in [haishu, yuehu] {
            assert_eq!(node.status()["pending"], 0);
            assert_equal_fingerprints(node, hub);
        }
    }
}

#[test]
fn the_frames_of_an_earlier_program_are_answered() {
    for generation in GENERATIONS {
        let (place, _) = stores(generation);
        let open = |name: &str, role| opening::open(&Path::new(place.path()).join(name), role).unwrap();
        let caller = open("haishu", Role::Node).replica.device();
        let mut hub = open("hub", Role::Hub).replica;
        hub.listen(1, caller);
        let mut answers = Vec::new();
        for frame in frames(generation) {
            hub.frame(1, frame, NOW).unwrap();
            while let Some(effect) = hub.poll(NOW).unwrap() {
                match effect {
                    Effect::Frame(_, frame) => answers.push(decode(&frame).unwrap()),
                    Effect::Close(_, why) => panic!("{generation}: the hub hangs up: {why:?}"),
                    _ => {}
                }
            }
        }
        let welcomed = |message: &Message| matches!(message, Message::Welcome(Welcome::Send { .. }));
        assert!(answers.iter().any(welcomed), "{generation}: {answers:?}");
        let acknowledged =
            |message: &Message| matches!(message, Message::Ack(ack) if !ack.frontier.is_empty());
        assert!(answers.iter().any(acknowledged), "{generation}: {answers:?}");
    }
}
