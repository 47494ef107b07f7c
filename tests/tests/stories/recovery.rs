//! Damage, and what a replica makes of it: what is lost is told, nothing is written under a number twice, and what
//! somebody still has comes back.

use super::{READERS, city};
use huiliu_core::model::{Channel, RecordId, Value};
use huiliu_core::sync::control::Beginning;
use huiliu_core::sync::{EntryKind, Run};
use huiliu_replica::inspect::Inspected;
use huiliu_replica::{Edition, Home, Parts, Replica, ReplicaError};
use huiliu_store::memory::{MemoryDisk, MemoryIndex};
use huiliu_store::{Disk, Found, Journal, Span, StoreError};
use huiliu_tests::harness::world::{HUB, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn haishus() -> Channel {
    "own/330203/open".parse().unwrap()
}

/// A filed community organization, which needs no code.
fn filed(name: &str) -> [(&str, &str); 3] {
    [("name", name), ("org_type", "BA"), ("registration_authority", "330203")]
}

fn runs(disk: &MemoryDisk) -> Vec<(Run, Span)> {
    let (journal, _) = Journal::open_to_read(Box::new(disk.image())).unwrap();
    let mut runs = Vec::new();
    journal
        .inspect(|found| {
            if let Found::Run(run, span) = found {
                runs.push((run, span));
            }
        })
        .unwrap();
    runs
}

/// The runs of a channel with edits in them, in order.
fn edits(disk: &MemoryDisk) -> Vec<(Run, Span)> {
    let mut found = runs(disk);
    found.retain(|(run, _)| run.feed.channel == haishus() && run.entries[0].kind == EntryKind::EDIT);
    found
}

fn flip(disk: &MemoryDisk, span: Span) {
    let mut disk = disk.clone();
    let (name, at) = (format!("journal/{:08}.seg", span.at.segment), span.at.offset + 40);
    let byte = disk.read(&name, at, 1).unwrap()[0];
    disk.write(&name, at, &[byte ^ 0x10]).unwrap();
}

fn segment(disk: &MemoryDisk) -> Vec<u8> {
    disk.read("journal/00000001.seg", 0, 1 << 24).unwrap()
}

fn inspected(world: &mut World, name: &str) -> Inspected {
    world.replica(name).inspect().unwrap()
}

fn mend(world: &mut World, name: &'static str) -> (u64, bool) {
    let now = world.now;
    let mended = world.replica(name).mend(|_, _| {}, now).unwrap();
    if mended.moved {
        world.start_over(name);
    }
    (mended.repaired, mended.moved)
}

fn visit(world: &mut World, name: &'static str) {
    world.connect(name);
    world.settle();
    world.cut(name);
}

fn names(world: &mut World, name: &str, ids: &[RecordId]) -> Vec<Option<Value>> {
    ids.iter().map(|id| world.field(name, *id, "name")).collect()
}

#[test]
fn what_lies_behind_a_hole_joins_when_the_hub_fills_it() {
    let mut world = city();
    let ids = ["甲社", "乙社", "丙社", "丁社"].map(|name| world.create("haishu", &filed(name)));
    visit(&mut world, "haishu");
    let disk = world.machine("haishu").disk.clone();
    let all = edits(&disk);
    flip(&disk, all[1].1);
    let incarnation = world.replica("haishu").incarnation();
    world.start_over("haishu");
    assert_ne!(world.replica("haishu").incarnation(), incarnation, "no number may be used twice");
    assert_eq!(world.replica("haishu").notice(), Some(Beginning::LostTail));
    assert_eq!(world.replica("haishu").verified_at(), None, "nothing looks healthy");
    assert_eq!(
        world.replica("haishu").damaged().unwrap(),
        2,
        "the edit, and the point that nothing proves now"
    );
    assert_eq!(world.replica("haishu").holes(), [(all[1].0.feed, all[1].0.first)]);
    assert_eq!(names(&mut world, "haishu", &ids)[1..], [None, None, None]);
    visit(&mut world, "haishu");
    assert!(world.level["haishu"]);
    assert_eq!(names(&mut world, "haishu", &ids), names(&mut world, HUB, &ids));
    assert!(world.replica("haishu").holes().is_empty());
    let after = edits(&disk);
    let numbers: BTreeSet<u64> = after.iter().map(|(run, _)| run.first).collect();
    assert_eq!((after.len(), numbers.len()), (4, 4), "what lay behind the hole was stored no second time");
    let fingerprint = world.replica("haishu").ledger().fingerprint(haishus());
    world.start_over("haishu");
    assert_eq!(world.replica("haishu").ledger().fingerprint(haishus()), fingerprint);
    mend(&mut world, "haishu");
    assert!(inspected(&mut world, "haishu").damaged.is_empty());
    assert_eq!(world.replica("haishu").ledger().fingerprint(haishus()), fingerprint);
    assert_eq!(world.replica("haishu").damaged().unwrap(), 0);
}

#[test]
fn the_index_mends_the_journal_byte_for_byte() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    (0..20).for_each(|n| world.set("haishu", id, &[("address", &format!("月湖{n}号"))]));
    visit(&mut world, "haishu");
    let disk = world.machine("haishu").disk.clone();
    let (sound, all) = (segment(&disk), runs(&disk));
    let own = world.replica("haishu").device();
    // Edits in a snapshot and behind it, notes, grants: all of it can be computed again.
    for (run, span) in all.iter().filter(|(run, _)| run.feed.device == own || run.first == 1) {
        flip(&disk, *span);
        let named = inspected(&mut world, "haishu").damaged;
        let numbers: Vec<u64> = named.iter().filter_map(|one| one.entry).map(|(_, number)| number).collect();
        assert_eq!(numbers, (run.first..=run.last()).collect::<Vec<_>>(), "every entry is named: {named:?}");
        assert_eq!(mend(&mut world, "haishu"), (run.entries.len() as u64, false));
        let frames =
            |bytes: &[u8]| runs(&image_of(bytes)).into_iter().map(|(run, _)| run).collect::<Vec<_>>();
        assert!(frames(&segment(&disk)) == frames(&sound), "entry {} of {}", run.first, run.feed);
        assert!(inspected(&mut world, "haishu").damaged.is_empty());
    }
    visit(&mut world, "haishu");
    assert!(world.level["haishu"]);
}

fn image_of(bytes: &[u8]) -> MemoryDisk {
    let mut disk = MemoryDisk::default();
    disk.replace("journal/00000001.seg", bytes).unwrap();
    disk
}

#[test]
fn a_damaged_run_ends_its_feed_for_a_peer_and_no_other() {
    let mut world = city();
    let ids = ["甲社", "乙社"].map(|name| world.create("haishu", &filed(name)));
    visit(&mut world, "haishu");
    let other =
        world.create(HUB, &[("name", "市属社"), ("org_type", "BA"), ("registration_authority", "330203")]);
    let disk = world.machine(HUB).disk.clone();
    let of_haishu = edits(&disk)
        .into_iter()
        .find(|(run, _)| run.entries[0].envelope.as_ref().is_some_and(|envelope| envelope.record == ids[1]));
    flip(&disk, of_haishu.unwrap().1);
    world.join("haishu2", "330203");
    assert_eq!(names(&mut world, "haishu2", &ids), [Some(Value::of("甲社")), None]);
    assert_eq!(world.field("haishu2", other, "name"), Some(Value::of("市属社")), "other feeds go on");
    assert!(!world.level["haishu2"], "and nobody calls it level");
    assert_eq!(world.replica(HUB).damaged().unwrap(), 1, "it is remembered");
    assert!(world.replica(HUB).history(&ids[1]).is_ok());
    assert!(mend(&mut world, HUB).0 > 0);
    visit(&mut world, "haishu2");
    assert!(world.level["haishu2"]);
}

#[test]
fn what_nobody_has_is_given_up_and_what_followed_is_written_again() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    visit(&mut world, "haishu");
    world.set("haishu", id, &[("address", "一号")]);
    world.set("haishu", id, &[("legal_rep_name", "甲某")]);
    world.set("haishu", id, &[("supervising_unit", "文化局")]);
    let later = world.create("haishu", &filed("后设社"));
    let disk = world.machine("haishu").disk.clone();
    flip(&disk, edits(&disk)[1].1);
    world.start_over("haishu");
    mend(&mut world, "haishu");
    visit(&mut world, "haishu");
    assert_eq!(world.replica("haishu").holes().len(), 1, "the hub has nothing of it");
    let now = world.now;
    assert_eq!(world.replica("haishu").give_up_holes(now).unwrap(), 3);
    visit(&mut world, "haishu");
    assert!(world.level["haishu"]);
    for name in ["haishu", HUB] {
        assert_eq!(world.field(name, id, "legal_rep_name"), Some(Value::of("甲某")), "{name}");
        assert_eq!(world.field(name, id, "supervising_unit"), Some(Value::of("文化局")), "{name}");
        assert_eq!(world.field(name, id, "name"), Some(Value::of("海曙区甬江读书会")), "{name}");
        assert_eq!(world.field(name, later, "name"), Some(Value::of("后设社")), "{name}");
        assert!(world.replica(name).conflicts_of(&id).unwrap().is_empty(), "{name}");
    }
    let found = inspected(&mut world, "haishu");
    assert!(
        found.damaged.is_empty() && !found.holes.is_empty(),
        "a hole that is known is no damage: {found:?}"
    );
    let fingerprint = world.replica("haishu").ledger().fingerprint(haishus());
    world.start_over("haishu");
    assert_eq!(world.replica("haishu").ledger().fingerprint(haishus()), fingerprint);
    assert!(world.replica("haishu").holes().is_empty());
}

#[test]
fn what_followed_the_lost_beginning_of_a_feed_is_written_again_once() {
    let mut world = city();
    let id = world.create(HUB, &READERS);
    visit(&mut world, "haishu");
    world.create("haishu", &filed("先设社"));
    world.set("haishu", id, &[("legal_rep_name", "甲某")]);
    let disk = world.machine("haishu").disk.clone();
    flip(&disk, edits(&disk)[1].1);
    world.start_over("haishu");
    mend(&mut world, "haishu");
    visit(&mut world, "haishu");
    let now = world.now;
    assert_eq!(world.replica("haishu").give_up_holes(now).unwrap(), 1);
    for _ in 0..2 {
        visit(&mut world, "haishu");
        assert!(world.level["haishu"]);
        for name in ["haishu", HUB] {
            assert_eq!(world.field(name, id, "legal_rep_name"), Some(Value::of("甲某")), "{name}");
            assert_eq!(world.replica(name).history(&id).unwrap().len(), 2, "{name}");
        }
    }
}

#[test]
fn no_number_is_used_twice_when_the_last_run_of_a_feed_is_damaged() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    world.set("haishu", id, &[("address", "最后一笔")]);
    visit(&mut world, "haishu");
    world.set(HUB, id, &[("legal_rep_name", "乙某")]);
    visit(&mut world, "haishu");
    let disk = world.machine("haishu").disk.clone();
    flip(&disk, edits(&disk)[1].1);
    world.start_over("haishu");
    let began = world.replica("haishu").incarnation();
    world.set("haishu", id, &[("grid_id", "一网格")]);
    visit(&mut world, "haishu");
    assert!(world.level["haishu"] && world.refused.is_empty(), "{:?}", world.refused);
    assert_eq!(world.field("haishu", id, "address"), Some(Value::of("最后一笔")));
    assert_eq!(world.field(HUB, id, "grid_id"), Some(Value::of("一网格")));
    world.start_over("haishu");
    assert_eq!(world.replica("haishu").incarnation(), began, "old damage begins nothing anew");
}

#[test]
fn a_backup_fills_what_was_lost() {
    let mut world = city();
    let ids = ["甲社", "乙社", "丙社"].map(|name| world.create("haishu", &filed(name)));
    let disk = world.machine("haishu").disk.clone();
    let backup = disk.image();
    flip(&disk, edits(&disk)[1].1);
    world.start_over("haishu");
    mend(&mut world, "haishu");
    let (backup, _) = Journal::open_to_read(Box::new(backup)).unwrap();
    assert!(world.replica("haishu").take_from(&backup).unwrap() > 0);
    assert!(world.replica("haishu").holes().is_empty());
    assert_eq!(names(&mut world, "haishu", &ids).iter().flatten().count(), 3);
    assert!(inspected(&mut world, "haishu").damaged.is_empty());
}

/// A disk that can begin to fail.
struct Failing {
    disk: MemoryDisk,
    full: Arc<AtomicBool>,
    never_syncs: Arc<AtomicBool>,
}

impl Failing {
    fn check(flag: &AtomicBool, kind: std::io::ErrorKind) -> Result<(), StoreError> {
        if flag.load(Ordering::Relaxed) { Err(StoreError::io("write", kind.into())) } else { Ok(()) }
    }
}

impl Disk for Failing {
    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.disk.list(folder)
    }

    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.disk.length(name)
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        self.disk.read(name, offset, length)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        Self::check(&self.full, std::io::ErrorKind::StorageFull)?;
        self.disk.write(name, offset, bytes)
    }

    fn sync(&mut self, name: &str) -> Result<(), StoreError> {
        Self::check(&self.never_syncs, std::io::ErrorKind::Other)?;
        self.disk.sync(name)
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        self.disk.truncate(name, length)
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        Self::check(&self.full, std::io::ErrorKind::StorageFull)?;
        self.disk.replace(name, bytes)
    }
}

/// What haishu is put together from, on a disk that can fail: when it is full, and when it does not sync.
fn on_failing_disk(world: &mut World) -> (Parts, Arc<AtomicBool>, Arc<AtomicBool>) {
    let (full, never_syncs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let root = world.replica(HUB).key().public();
    let divisions = world.replica(HUB).divisions().clone();
    world.go_down("haishu");
    let machine = world.machine("haishu");
    let disk = Failing { disk: machine.disk.clone(), full: full.clone(), never_syncs: never_syncs.clone() };
    let parts = Parts {
        disk: Box::new(disk),
        index: Box::new(MemoryIndex::default()),
        key: machine.key(),
        home: Home { division: machine.division, root, hub: "3302".parse().unwrap() },
        edition: Edition { sha256: huiliu_core::sync::Hash::ZERO, divisions },
        entropy: Box::new(|bytes| bytes.fill(9)),
        bugs: BTreeSet::new(),
    };
    (parts, full, never_syncs)
}

fn address(text: &str, id: RecordId) -> huiliu_replica::RecordEdit {
    let fields = [("address".to_owned(), Value::of(text))].into();
    huiliu_replica::RecordEdit::Set { id, fields }
}

#[test]
fn a_failed_fsync_stops_saving_until_restart_and_reading_goes_on() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    let now = world.now;
    let (parts, _, never_syncs) = on_failing_disk(&mut world);
    let mut replica = Replica::open(parts, now).unwrap();
    never_syncs.store(true, Ordering::Relaxed);
    replica.edit(&address("没有存上", id), "经办", now).unwrap();
    assert!(replica.commit().is_err());
    assert!(replica.is_read_only());
    never_syncs.store(false, Ordering::Relaxed);
    // The disk is well again, and nobody knows what it kept.
    replica.edit(&address("也不能存", id), "经办", now).unwrap();
    assert!(matches!(replica.commit(), Err(ReplicaError::Store(StoreError::Poisoned))));
    let (kind, _) = replica.kind_of(&id).unwrap().unwrap();
    let row = replica.row(kind, &id).unwrap().unwrap();
    assert_eq!(row.fields.get("name"), Some(&Value::of("海曙区甬江读书会")));
    assert_eq!(row.fields.get("address"), None, "reading shows what was saved before");
    drop(replica);
    world.machine("haishu").disk.restart(|_| 0);
    world.start_over("haishu");
    world.set("haishu", id, &[("address", "重启之后")]);
    visit(&mut world, "haishu");
    assert!(world.level["haishu"]);
}

#[test]
fn on_a_full_disk_everything_can_be_read_and_nothing_is_written() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    let now = world.now;
    let before = segment(&world.machine("haishu").disk);
    // An end that was lost would begin a new incarnation, which cannot be written.
    let mut disk = world.machine("haishu").disk.clone();
    let (parts, full, _) = on_failing_disk(&mut world);
    disk.truncate("journal/00000001.seg", before.len() as u64 - 7).unwrap();
    let cut = segment(&disk);
    full.store(true, Ordering::Relaxed);
    assert!(Replica::open(parts, now).is_err());
    assert_eq!(segment(&disk), cut, "what cannot be kept is not cut off");
    disk.write("journal/00000001.seg", 0, &before).unwrap();
    let (parts, full, _) = on_full_disk(&mut world);
    full.store(true, Ordering::Relaxed);
    let mut replica = Replica::open_to_read(parts).unwrap();
    assert!(replica.is_read_only() && replica.is_opened_to_read());
    assert_eq!(replica.counts().unwrap()["social_org"], 1);
    let (kind, _) = replica.kind_of(&id).unwrap().unwrap();
    assert!(replica.row(kind, &id).unwrap().is_some());
    replica.edit(&address("不能存", id), "经办", now).unwrap();
    assert!(matches!(replica.commit(), Err(ReplicaError::Store(StoreError::Poisoned))));
    assert_eq!(segment(&disk), before);
}

#[test]
fn an_index_that_points_to_another_run_is_taken_for_damage_and_mended() {
    let mut world = city();
    let ids = ["甲社", "乙社"].map(|name| world.create("haishu", &filed(name)));
    let disk = world.machine("haishu").disk.clone();
    let mut all: Vec<Run> = runs(&disk).into_iter().map(|(run, _)| run).collect();
    let both: Vec<usize> =
        (0..all.len()).filter(|at| edits(&disk).iter().any(|(run, _)| *run == all[*at])).collect();
    // A repair moved what lay there, and was killed before the index was forgotten.
    world.go_down("haishu");
    all.swap(both[0], both[1]);
    Journal::open(Box::new(disk.clone())).unwrap().0.rewrite(1, &all).unwrap();
    world.start("haishu").unwrap();
    visit(&mut world, "haishu");
    assert_eq!(names(&mut world, HUB, &ids), [None, None], "no run is sent for another");
    assert!(world.replica("haishu").damaged().unwrap() > 0);
    mend(&mut world, "haishu");
    visit(&mut world, "haishu");
    assert_eq!(names(&mut world, HUB, &ids), names(&mut world, "haishu", &ids));
    assert!(world.level["haishu"] && inspected(&mut world, "haishu").damaged.is_empty());
}

#[test]
fn what_was_not_synced_is_not_shown_where_it_cannot_be() {
    let mut world = city();
    let saved = world.create("haishu", &READERS);
    world.replica("haishu").group_commits();
    let unsaved = world.create("haishu", &filed("没有存上的社"));
    let now = world.now;
    let (parts, full, _) = on_failing_disk(&mut world);
    full.store(true, Ordering::Relaxed);
    assert!(Replica::open(parts, now).is_err());
    let (parts, _, _) = on_failing_disk(&mut world);
    let replica = Replica::open_to_read(parts).unwrap();
    assert!(replica.kind_of(&saved).unwrap().is_some());
    assert!(replica.kind_of(&unsaved).unwrap().is_none(), "the next power cut would take it");
}

fn on_full_disk(world: &mut World) -> (Parts, Arc<AtomicBool>, Arc<AtomicBool>) {
    world.start_over("haishu");
    on_failing_disk(world)
}
