//! What Huiliu promises, told with named replicas in the simulated world.

mod closed;
mod differences;
mod disks;
mod drafts;
mod forks;
mod full;
mod hostile;
mod insiders;
mod later;
mod matching;
mod moves;
mod people;
mod programs;
mod reads;
mod recovery;
mod sending;
mod tickets;
mod waits;

use huiliu_core::model::{Fields, Hlc, KindId, RecordId, Value};
use huiliu_core::sync::feed::sign_run;
use huiliu_core::sync::{Entry, EntryKind, Envelope, FeedId, Head, Incarnation, Stamp, birth};
use huiliu_replica::{RecordEdit, ReplicaError};
use huiliu_tests::harness::adversary::plain_batch;
use huiliu_tests::harness::world::{HUB, World, form};

const READERS: [(&str, &str); 4] = [
    ("name", "海曙区甬江读书会"),
    ("org_type", "ST"),
    ("uscc", "51330203XT0000014A"),
    ("registration_authority", "330203"),
];

fn city() -> World {
    let mut world = World::new(1);
    world.join("haishu", "330203");
    world.join("yuyao", "330281");
    world.join("yuehu", "330203004");
    world
}

#[test]
fn one_edit_reaches_the_hub_and_nobody_it_does_not_concern() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    for node in ["haishu", "yuyao", "yuehu"] {
        world.connect(node);
    }
    world.settle();
    assert_eq!(world.field(HUB, id, "name"), Some(Value::of("海曙区甬江读书会")));
    assert_eq!(world.field("yuyao", id, "name"), None);
    assert_eq!(world.field("yuehu", id, "name"), None, "a township sees only its own");
    assert_eq!(world.level.values().copied().collect::<Vec<_>>(), [true; 3]);
    assert_eq!(world.replica("haishu").pending(), 0);
}

#[test]
fn the_township_gets_its_own_record_and_edits_it_in_turn() {
    let mut world = city();
    let mut fields = READERS.to_vec();
    fields.push(("town_code", "330203004"));
    let id = world.create("haishu", &fields);
    for node in ["haishu", "yuehu"] {
        world.connect(node);
    }
    world.settle();
    assert_eq!(world.field("yuehu", id, "name"), Some(Value::of("海曙区甬江读书会")));
    world.set("yuehu", id, &[("address", "月湖街道偃月街一号")]);
    world.settle();
    assert_eq!(world.field("haishu", id, "address"), Some(Value::of("月湖街道偃月街一号")), "pushed at once");
    assert_eq!(world.field(HUB, id, "address"), Some(Value::of("月湖街道偃月街一号")));
}

#[test]
fn the_same_field_edited_apart_is_one_conflict_on_both_until_one_resolves_it() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    world.cut("haishu");
    world.set("haishu", id, &[("legal_rep_name", "甲某"), ("address", "月湖")]);
    world.set(HUB, id, &[("legal_rep_name", "乙某"), ("supervising_unit", "宁波市文化局")]);
    world.connect("haishu");
    world.settle();
    for name in [HUB, "haishu"] {
        let conflicts = world.replica(name).conflicts_of(&id).unwrap();
        assert_eq!(conflicts.len(), 1, "{name}");
        assert_eq!(conflicts[0].field, "legal_rep_name");
        assert_eq!(world.field(name, id, "address"), Some(Value::of("月湖")));
        assert_eq!(world.field(name, id, "supervising_unit"), Some(Value::of("宁波市文化局")));
        let authors: Vec<String> = conflicts[0]
            .claims
            .iter()
            .map(|claim| world.replica(name).author_of(&id, &claim.change).unwrap().unwrap().stamp.who)
            .collect();
        assert!(authors.contains(&"haishu".to_owned()) && authors.contains(&HUB.to_owned()));
    }
    let edit = RecordEdit::Settle { id, field: "legal_rep_name".into(), value: Value::of("甲某") };
    world.save("haishu", &edit).unwrap();
    world.settle();
    for name in [HUB, "haishu"] {
        assert!(world.replica(name).conflicts_of(&id).unwrap().is_empty(), "{name}");
        assert_eq!(world.field(name, id, "legal_rep_name"), Some(Value::of("甲某")));
    }
}

#[test]
fn what_was_saved_survives_a_crash_and_the_index_is_computed_again() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.crash("haishu");
    assert_eq!(world.field("haishu", id, "name"), Some(Value::of("海曙区甬江读书会")));
    let before = world.replica("haishu").ledger().fingerprint("own/330203/open".parse().unwrap());
    world.machine("haishu").index = huiliu_store::memory::MemoryIndex::default();
    world.crash("haishu");
    let after = world.replica("haishu").ledger().fingerprint("own/330203/open".parse().unwrap());
    assert_eq!(before, after);
    assert_eq!(world.field("haishu", id, "name"), Some(Value::of("海曙区甬江读书会")));
    world.connect("haishu");
    world.settle();
    assert_eq!(world.field(HUB, id, "name"), Some(Value::of("海曙区甬江读书会")));
}

#[test]
fn a_revoked_device_is_read_no_more() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    world.cut("haishu");
    let (device, now) = (world.replica("haishu").device(), world.now);
    world.set("haishu", id, &[("address", "撤销之后")]);
    world.replica(HUB).revoke(device, "旧机停用", "市级管理员", now).unwrap();
    world.connect("haishu");
    world.settle();
    assert_eq!(world.field(HUB, id, "address"), None, "written after its grant had ended");
    assert_eq!(
        world.field(HUB, id, "name"),
        Some(Value::of("海曙区甬江读书会")),
        "what counted still counts"
    );
}

#[test]
fn what_came_from_the_hub_is_not_pending() {
    let mut world = city();
    let mut fields = READERS.to_vec();
    fields.push(("town_code", "330203004"));
    let id = world.create("yuehu", &fields);
    for node in ["yuehu", "haishu"] {
        world.connect(node);
        world.settle();
    }
    assert!(world.field("haishu", id, "name").is_some());
    assert_eq!(world.replica("haishu").pending(), 0);
}

#[test]
fn no_record_id_is_given_twice_though_the_clock_ran_backwards() {
    let mut world = city();
    world.machine("haishu").skew = -10 * 365 * 86_400_000;
    let edit = |name: &str| RecordEdit::New {
        kind: "social_org".into(),
        fields: form(&[("name", name), READERS[1], READERS[2], READERS[3]]),
        owner: None,
        strict: false,
    };
    let mut ids = Vec::new();
    for name in ["甲社", "乙社", "丙社"] {
        let now = world.time_at("haishu");
        let replica = world.replica("haishu");
        ids.push(replica.edit(&edit(name), "经办", now).unwrap().id());
        replica.commit().unwrap();
        world.crash("haishu");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn what_arrives_while_an_edit_is_not_saved_yet_is_not_hidden_by_it() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    world.set(HUB, id, &[("address", "月湖")]);
    let now = world.now;
    let edit = RecordEdit::Set { id, fields: form(&[("legal_rep_name", "甲某")]) };
    world.replica("haishu").edit(&edit, "经办", now).unwrap();
    world.settle();
    world.replica("haishu").commit().unwrap();
    world.settle();
    for name in [HUB, "haishu"] {
        assert_eq!(world.field(name, id, "address"), Some(Value::of("月湖")), "{name}");
        assert_eq!(world.field(name, id, "legal_rep_name"), Some(Value::of("甲某")), "{name}");
    }
    assert!(world.level["haishu"]);
}

#[test]
fn who_chooses_the_winner_is_not_overruled_in_silence_by_who_chooses_otherwise() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    world.cut("haishu");
    world.set("haishu", id, &[("address", "月湖")]);
    world.set(HUB, id, &[("address", "鼓楼")]);
    world.connect("haishu");
    world.settle();
    world.cut("haishu");
    for (name, value) in [(HUB, "月湖"), ("haishu", "鼓楼")] {
        let settle = RecordEdit::Settle { id, field: "address".into(), value: Value::of(value) };
        world.save(name, &settle).unwrap();
        assert!(world.replica(name).conflicts_of(&id).unwrap().is_empty());
    }
    world.connect("haishu");
    world.settle();
    for name in [HUB, "haishu"] {
        let conflicts = world.replica(name).conflicts_of(&id).unwrap();
        assert_eq!(conflicts.len(), 1, "{name}: two people chose differently");
        assert_eq!(conflicts[0].claims.len(), 2);
    }
}

#[test]
fn a_hub_that_goes_down_between_an_entry_and_its_refusal_writes_the_refusal_when_it_is_up() {
    for operations in 0..12 {
        let mut world = city();
        let id = world.create("haishu", &READERS);
        world.connect("haishu");
        world.settle();
        let spoiled = spoiled_run(&mut world, "haishu", "own/330203/open", id);
        world.inject("haishu", HUB, spoiled);
        world.machines[HUB].disk.crash_after(operations);
        world.settle();
        world.crash(HUB);
        world.connect("haishu");
        world.settle();
        let spoiled = spoiled_run(&mut world, "haishu", "own/330203/open", id);
        world.inject("haishu", HUB, spoiled);
        world.settle();
        let channel = "own/330203/open".parse().unwrap();
        let runs = world.runs_of(HUB);
        let refusals = runs.iter().filter(|run| run.feed.channel == channel).flat_map(|run| &run.entries);
        let refusals = refusals.filter(|entry| entry.kind == EntryKind::REFUSAL).count();
        assert_eq!(refusals, 1, "a crash after {operations} operations");
    }
}

#[test]
fn an_edit_that_is_not_saved_yet_when_the_grant_ends_is_not_said_to_be_saved() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    let now = world.now;
    let edit = RecordEdit::Set { id, fields: form(&[("address", "撤销之后")]) };
    world.replica("haishu").edit(&edit, "经办", now).unwrap();
    let device = world.replica("haishu").device();
    world.replica(HUB).revoke(device, "旧机停用", "市级管理员", now).unwrap();
    world.settle();
    assert!(matches!(world.replica("haishu").commit(), Err(ReplicaError::NotJoined)));
    assert!(world.replica("haishu").commit().unwrap().is_empty());
    assert_eq!(world.field("haishu", id, "address"), None);
}

#[test]
fn a_relay_that_changes_any_byte_of_an_edit_is_refused_and_the_edit_still_counts() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    world.cut("haishu");
    world.set("haishu", id, &[("address", "月湖")]);
    let mut run = world.runs_of("haishu").pop().unwrap();
    // The magic bytes of the change are not in its hash.
    run.entries[0].payload[0] ^= 1;
    world.connect("yuyao");
    world.inject("yuyao", HUB, plain_batch(&[run]));
    world.settle();
    assert_eq!(world.field(HUB, id, "address"), None);
    world.connect("haishu");
    world.settle();
    assert_eq!(world.field(HUB, id, "address"), Some(Value::of("月湖")));
}

#[test]
fn a_restored_hub_gets_again_what_it_had_acknowledged() {
    let mut world = city();
    let backup = (world.machines[HUB].disk.image(), world.machines[HUB].index.image());
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    world.replica("haishu").save_synced().unwrap();
    world.cut("haishu");
    world.go_down(HUB);
    (world.machine(HUB).disk, world.machine(HUB).index) = backup;
    world.start(HUB).unwrap();
    world.set("haishu", id, &[("address", "月湖")]);
    world.connect("haishu");
    world.settle();
    assert_eq!(world.field(HUB, id, "address"), Some(Value::of("月湖")));
    assert_eq!((world.replica("haishu").pending(), world.redialled), (0, 0));
}

#[test]
fn what_is_saved_while_the_hub_answers_is_pending_until_it_is_there() {
    let mut world = city();
    world.connect("haishu");
    world.settle();
    world.connect("haishu");
    world.collect_all();
    // The hub's answer is about the Hello; the edit that follows it goes down with the link.
    world.weather.lost = 1000;
    let id = world.create("haishu", &READERS);
    world.collect_all();
    world.weather.lost = 0;
    world.flow(2);
    assert!(world.replica("haishu").pending() > 0);
    world.connect("haishu");
    world.settle();
    assert!(world.field(HUB, id, "name").is_some());
    assert_eq!(world.replica("haishu").pending(), 0);
}

/// A batch with an entry of the node's that the gate must refuse, signed in an incarnation of its own.
fn spoiled_run(world: &mut World, name: &str, channel: &str, id: RecordId) -> Vec<u8> {
    let key = world.machines[name].key();
    let incarnation = Incarnation([0xad; 8]);
    let feed = FeedId { channel: channel.parse().unwrap(), device: key.device(), incarnation };
    let grant = world.replica(name).ledger().authority.as_ref().unwrap().grant_of(&key.device()).unwrap().0;
    let wrong = Fields::from([("staff_full".to_owned(), Value::of("many"))]);
    let mut document = world.replica(HUB).load_document(&id).unwrap();
    let payload = document.edit(birth::actor(&feed.device, &incarnation, 0), &wrong, &[]).unwrap();
    let stamp = Stamp { who: "forger".into(), at: Hlc(1) };
    let envelope = Envelope { record: id, kind: KindId(2), ..Envelope::of_no_record(stamp) };
    let entry = Entry { kind: EntryKind::EDIT, envelope: Some(envelope), payload };
    plain_batch(&[sign_run(&key, grant, feed, &Head::START, vec![entry]).0])
}

#[test]
fn nothing_is_called_verified_while_something_waits() {
    let mut world = city();
    world.join("haishu2", "330203");
    let id = world.create("haishu", &READERS);
    world.connect("haishu");
    world.settle();
    // Under way when the grant ends: the hub holds it, and it waits for a review.
    world.set("haishu", id, &[("address", "撤销之前刚写")]);
    world.collect_all();
    let (device, now) = (world.replica("haishu").device(), world.now);
    world.replica(HUB).revoke(device, "旧机停用", "市级管理员", now).unwrap();
    world.settle();
    assert!(world.replica(HUB).waiting().unwrap() > 0);
    let before = world.replica("haishu2").verified_at();
    world.connect("haishu2");
    world.settle();
    assert!(world.level["haishu2"], "both hold the same");
    assert_eq!(world.replica("haishu2").verified_at(), before, "and an entry of theirs waits");
}

#[test]
fn commits_that_come_together_share_one_fdatasync_and_are_told_after_it() {
    let mut world = city();
    world.replica("haishu").group_commits();
    let lost = world.create("haishu", &READERS);
    world.go_down("haishu");
    world.machines["haishu"].disk.restart(|_| 0);
    world.start("haishu").unwrap();
    assert_eq!(world.field("haishu", lost, "name"), None, "nobody was told that it is saved");

    world.replica("haishu").group_commits();
    let disk = world.machines["haishu"].disk.clone();
    let before = disk.operations();
    let both = [
        world.create("haishu", &READERS),
        world.create(
            "haishu",
            &[("name", "江北区合唱团"), ("org_type", "BA"), ("registration_authority", "330203")],
        ),
    ];
    let written = disk.operations() - before;
    world.replica("haishu").flush().unwrap();
    assert_eq!(written, 2, "two appends");
    let synced = disk.operations() - before - written;
    world.replica("haishu").flush().unwrap();
    assert_eq!(disk.operations() - before - written, synced, "nothing more to do");
    world.go_down("haishu");
    disk.restart(|_| 0);
    world.start("haishu").unwrap();
    assert!(both.iter().all(|id| world.field("haishu", *id, "name").is_some()));
}

#[test]
fn a_peer_hears_nothing_of_a_grouped_commit_before_it_is_durable() {
    let mut world = city();
    world.replica(HUB).group_commits();
    world.replica("haishu").group_commits();
    world.connect("haishu");
    world.settle();
    let id = world.create("haishu", &READERS);
    world.settle();
    for name in [HUB, "haishu"] {
        world.go_down(name);
        world.machines[name].disk.restart(|_| 0);
        world.start(name).unwrap();
        assert!(world.field(name, id, "name").is_some(), "{name}");
    }
}
