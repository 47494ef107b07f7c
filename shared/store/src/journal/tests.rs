//! What the journal promises about bytes that were cut, bent or never finished.

use super::*;
use crate::memory::MemoryDisk;
use huiliu_core::model::Hlc;
use huiliu_core::sync::feed::{Head, sign_run};
use huiliu_core::sync::{DeviceKey, Entry, EntryKind, Envelope, Hash, Incarnation, Stamp};

fn runs(count: u8) -> Vec<Run> {
    let haishu = DeviceKey::from_seed([1; 32]);
    let channel = "own/330203/open".parse().unwrap();
    let feed = FeedId { channel, device: haishu.device(), incarnation: Incarnation([1; 8]) };
    let stamp = Stamp { who: "经办".into(), at: Hlc(1) };
    let mut head = Head::START;
    let mut all = Vec::new();
    for n in 0..count {
        let envelope = Some(Envelope::of_no_record(stamp.clone()));
        let entry = Entry { kind: EntryKind::NOTE, envelope, payload: vec![n; 20] };
        let (run, next) = sign_run(&haishu, Hash::ZERO, feed, &head, vec![entry.clone(), entry]);
        head = next;
        all.push(run);
    }
    all
}

fn read_all(journal: &Journal) -> (Vec<Run>, Vec<Damage>) {
    let (mut seen, mut damage) = (Vec::new(), Vec::new());
    let walked: Result<(), StoreError> = journal.scan(Position::default(), |found| {
        match found {
            Found::Run(run, span) => {
                assert_eq!(journal.read(&run.feed, run.first, span).unwrap(), run);
                seen.push(run);
            }
            Found::Damaged(one) => damage.push(one),
        }
        Ok(())
    });
    walked.unwrap();
    (seen, damage)
}

fn journal_on(disk: &MemoryDisk) -> (Journal, Tail) {
    Journal::open(Box::new(disk.clone())).unwrap()
}

#[test]
fn what_was_synced_survives_and_half_an_append_does_not() {
    let runs = runs(3);
    for kept in 0..400 {
        let disk = MemoryDisk::default();
        let (mut journal, _) = journal_on(&disk);
        journal.append(&runs[..1]).unwrap();
        journal.sync().unwrap();
        journal.append(&runs[1..]).unwrap();
        drop(journal);
        disk.restart(|unsynced| kept.min(unsynced));
        let (journal, tail) = journal_on(&disk);
        let (seen, damage) = read_all(&journal);
        assert!(damage.is_empty() && !tail.lost, "{kept}: {damage:?}");
        assert!(seen.len() == 1 || seen.len() == 3, "an append is whole or gone, kept {kept}");
        assert_eq!(seen, runs[..seen.len()]);
    }
}

#[test]
fn a_lost_durable_tail_is_noticed() {
    let runs = runs(2);
    let disk = MemoryDisk::default();
    let (mut journal, _) = journal_on(&disk);
    for run in &runs {
        journal.append(std::slice::from_ref(run)).unwrap();
        journal.sync().unwrap();
    }
    let end = journal.end();
    drop(journal);
    disk.clone().truncate("journal/00000001.seg", end.offset - 37).unwrap();
    let (mut journal, tail) = journal_on(&disk);
    assert!(tail.lost && tail.cut_bytes > 0);
    assert_eq!(read_all(&journal).0, runs[..1]);
    journal.append(&runs[1..]).unwrap();
    journal.sync().unwrap();
    assert_eq!(read_all(&journal).0, runs);
}

#[test]
fn damage_in_the_middle_is_named_and_costs_one_run() {
    let runs = runs(5);
    let clean = MemoryDisk::default();
    let (mut journal, _) = journal_on(&clean);
    let spans = journal.append(&runs).unwrap();
    journal.sync().unwrap();
    for offset in spans[2].at.offset..spans[3].at.offset {
        let mut disk = clean.image();
        let byte = disk.read("journal/00000001.seg", offset, 1).unwrap()[0];
        disk.write("journal/00000001.seg", offset, &[byte ^ 0x10]).unwrap();
        let (journal, tail) = journal_on(&disk);
        let (seen, damage) = read_all(&journal);
        assert!(!tail.lost);
        assert!(seen == [&runs[..2], &runs[3..]].concat(), "offset {offset}");
        assert!(!damage.is_empty(), "offset {offset}");
    }
}

#[test]
fn a_failed_write_closes_the_journal() {
    let runs = runs(2);
    let disk = MemoryDisk::default();
    let (mut journal, _) = journal_on(&disk);
    disk.crash_after(0);
    assert!(journal.append(&runs[..1]).is_err());
    disk.restart(|_| 0);
    assert!(matches!(journal.append(&runs[..1]), Err(StoreError::Poisoned)));
    assert!(matches!(journal.sync(), Err(StoreError::Poisoned)));
}

fn flip(disk: &MemoryDisk, offset: u64, mask: u8) {
    let mut disk = disk.clone();
    let byte = disk.read("journal/00000001.seg", offset, 1).unwrap()[0];
    disk.write("journal/00000001.seg", offset, &[byte ^ mask]).unwrap();
}

fn written(count: u8) -> (MemoryDisk, Vec<Run>, Vec<Span>) {
    let (disk, runs) = (MemoryDisk::default(), runs(count));
    let (mut journal, _) = journal_on(&disk);
    let mut spans = Vec::new();
    for run in &runs {
        spans.extend(journal.append(std::slice::from_ref(run)).unwrap());
        journal.sync().unwrap();
    }
    (disk, runs, spans)
}

#[test]
fn a_damaged_header_costs_no_entry() {
    for bit in 0..64 {
        let (disk, runs, _) = written(3);
        flip(&disk, bit / 8, 1 << (bit % 8));
        let (journal, tail) = journal_on(&disk);
        let (seen, damage) = read_all(&journal);
        assert_eq!(seen, runs, "bit {bit}");
        assert_eq!((tail, damage.len(), damage[0].offset), (Tail::default(), 1, 0), "bit {bit}");
    }
}

#[test]
fn a_newer_format_is_left_alone() {
    let (disk, _, _) = written(1);
    disk.clone().write("journal/00000001.seg", 7, &[2]).unwrap();
    assert!(matches!(Journal::open(Box::new(disk.clone())), Err(StoreError::TooNew(_))));
    let (journal, _) = Journal::open_to_read(Box::new(disk)).unwrap();
    assert!(!read_all(&journal).1.is_empty(), "verify names it and goes on");
}

#[test]
fn what_is_cut_off_is_kept_if_it_was_durable_or_can_be_read() {
    let (disk, runs, spans) = written(3);
    // The mark of the last append is bent: the entries before it are intact, and all had been durable.
    flip(&disk, spans[2].at.offset + u64::from(spans[2].bytes) - 4, 1);
    let before = disk.read("journal/00000001.seg", 0, 1 << 20).unwrap();
    let (reading, tail) = Journal::open_to_read(Box::new(disk.clone())).unwrap();
    let lost = reading.lost_end().unwrap().expect("the end is missing");
    assert!(tail.lost && lost.offset == spans[2].at.offset && lost.entry.is_some());
    assert_eq!(disk.read("journal/00000001.seg", 0, 1 << 20).unwrap(), before, "reading changes nothing");
    for _ in 0..2 {
        let (journal, tail) = journal_on(&disk);
        assert!(tail.lost);
        assert_eq!(read_all(&journal).0, runs[..2]);
    }
    let kept = disk.list("damaged").unwrap();
    assert_eq!(kept.len(), 1, "kept once: {kept:?}");
    let kept = disk.read(&format!("damaged/{}", kept[0]), 0, 1 << 20).unwrap();
    assert_eq!(kept, before[spans[2].at.offset as usize..]);
}

#[test]
fn a_segment_written_anew_reads_and_goes_on() {
    let (disk, runs, spans) = written(5);
    flip(&disk, spans[2].at.offset + 20, 1);
    let (mut journal, _) = journal_on(&disk);
    assert_eq!(journal.rewrite(1, &runs).unwrap(), spans, "the same bytes lie in the same place");
    assert_eq!(read_all(&journal), (runs.clone(), Vec::new()));
    assert_eq!(disk.list("damaged").unwrap().len(), 1, "the original is kept");
    drop(journal);
    let (journal, tail) = journal_on(&disk);
    assert_eq!(tail, Tail::default());
    assert_eq!(read_all(&journal).0, runs);
}

#[test]
fn a_missing_segment_is_named() {
    let (disk, runs, _) = written(2);
    let (mut journal, _) = journal_on(&disk);
    journal.end = Position { segment: 3, offset: 0 };
    journal.append(&runs[..1]).unwrap();
    journal.sync().unwrap();
    let (seen, damage) = read_all(&journal);
    assert_eq!((seen.len(), damage.len()), (3, 1));
    assert_eq!(damage[0].segment, "00000002.seg");
}

#[test]
fn of_an_unsynced_append_whose_middle_is_missing_nothing_counts() {
    let runs = runs(3);
    let disk = MemoryDisk::default();
    let (mut journal, _) = journal_on(&disk);
    journal.append(&runs[..1]).unwrap();
    journal.sync().unwrap();
    let spans = journal.append(&runs[1..]).unwrap();
    drop(journal);
    // The power went: the end of the append reached the disk, a sector in its middle did not.
    disk.clone().write("journal/00000001.seg", spans[0].at.offset + 20, &[0; 40]).unwrap();
    let (journal, tail) = journal_on(&disk);
    let (seen, damage) = read_all(&journal);
    assert_eq!(seen, runs[..1]);
    assert!(damage.is_empty() && !tail.lost, "nobody was told that it is saved: {damage:?}");
}

/// What a power cut leaves of a disk now, opened to be read.
fn after_power_cut(disk: &MemoryDisk) -> Vec<Run> {
    let image = disk.image();
    image.restart(|_| 0);
    read_all(&journal_on(&image).0).0
}

#[test]
fn what_a_killed_program_had_not_synced_is_durable_before_it_counts() {
    let (disk, first, _) = written(1);
    let more = runs(3);
    let (mut journal, _) = journal_on(&disk);
    journal.append(&more[1..2]).unwrap();
    drop(journal);
    disk.revive();
    assert_eq!(after_power_cut(&disk), first, "killed between write and sync");
    let (reading, _) = Journal::open_to_read(Box::new(disk.clone())).unwrap();
    assert!(reading.durable() < reading.end(), "who only reads cannot make it durable");
    let (mut journal, tail) = journal_on(&disk);
    assert_eq!((tail, journal.durable()), (Tail::default(), journal.end()));
    assert_eq!(after_power_cut(&disk), more[..2]);
    journal.append(&more[2..]).unwrap();
    journal.sync().unwrap();
    assert_eq!(after_power_cut(&disk), more);
    drop(journal);
    let before = disk.operations();
    drop(journal_on(&disk));
    assert_eq!(disk.operations(), before, "a start after an end in order writes nothing");
}

#[test]
fn what_a_failed_sync_left_is_let_go_or_written_anew() {
    for can_be_cut in [true, false] {
        let (disk, first, _) = written(1);
        let more = runs(2);
        let (mut journal, _) = journal_on(&disk);
        journal.append(&more[1..]).unwrap();
        disk.fail_sync_after(0);
        if !can_be_cut {
            disk.fill_after(1);
        }
        assert!(journal.sync().is_err());
        assert!(matches!(journal.sync(), Err(StoreError::Poisoned)));
        drop(journal);
        disk.revive();
        // The pages are clean by now: a sync alone would go well and write nothing.
        let (journal, tail) = journal_on(&disk);
        let there = read_all(&journal).0;
        assert_eq!(
            there,
            more[..if can_be_cut { 1 } else { 2 }],
            "said not to be saved, and gone if it could be"
        );
        assert_eq!(after_power_cut(&disk), there, "whatever is there is durable");
        assert!(!tail.lost && there.starts_with(&first));
    }
}

#[test]
fn a_witness_that_is_missing_or_ahead_proves_nothing() {
    for ahead in [false, true] {
        let (mut disk, _, _) = written(1);
        let more = runs(3);
        if ahead {
            // A loss has been seen, and what was written after it was not synced.
            let (mut journal, _) = journal_on(&disk);
            journal.append(&more[1..]).unwrap();
            journal.sync().unwrap();
            let durable = journal.end();
            drop(journal);
            disk.truncate("journal/00000001.seg", durable.offset - 1).unwrap();
            assert!(journal_on(&disk).1.lost);
        } else {
            disk.truncate("witness", 0).unwrap();
        }
        let (mut journal, _) = journal_on(&disk);
        journal.append(&more[1..2]).unwrap();
        drop(journal);
        disk.revive();
        assert_eq!(journal_on(&disk).1.lost, ahead, "a loss is told until something durable follows it");
        assert_eq!(after_power_cut(&disk), more[..2]);
    }
}

#[test]
fn a_segment_begun_and_not_synced_is_written_anew_whole() {
    let (disk, first, _) = written(1);
    let more = runs(2);
    let (mut journal, _) = journal_on(&disk);
    // As if the first were full.
    journal.end.segment = 2;
    journal.end.offset = 0;
    journal.append(&more[1..]).unwrap();
    drop(journal);
    disk.revive();
    assert_eq!(after_power_cut(&disk), first);
    assert!(!journal_on(&disk).1.lost);
    assert_eq!(after_power_cut(&disk), more);
}

#[test]
fn a_place_that_holds_another_run_is_damage() {
    let (disk, runs, spans) = written(3);
    let (journal, _) = journal_on(&disk);
    let read = |run: &Run, span: Span| journal.read(&run.feed, run.first, span);
    assert_eq!(read(&runs[1], spans[1]).unwrap(), runs[1]);
    let both = Span { bytes: spans[1].bytes + spans[2].bytes, ..spans[1] };
    assert_eq!(read(&runs[1], both).unwrap().entries.len(), 6, "they follow each other");
    let stranger = FeedId { incarnation: Incarnation([2; 8]), ..runs[1].feed };
    for wrong in [read(&runs[0], spans[1]), read(&runs[2], spans[1]), journal.read(&stranger, 4, spans[1])] {
        assert!(matches!(wrong, Err(StoreError::Damaged { .. })), "{wrong:?}");
    }
}
