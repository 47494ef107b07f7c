//! Segments of a journal, and signed points: what a disk or a relay may have changed.

use super::mutate::{mutate, pick, rng_of};
use super::{Fate, Target, honest};
use huiliu_core::sync::feed::{Point, check_run};
use huiliu_core::sync::{Head, Run, control};
use huiliu_store::memory::MemoryDisk;
use huiliu_store::{Damage, Disk, Found, Journal, Position, StoreError};

const SEGMENT: &str = "journal/00000001.seg";
/// `HLJOURN` and the version.
const SEGMENT_MAGIC: usize = 8;
/// Magic bytes, length, checksum, flags.
const HEADER: usize = 13;

/// Journals of one segment.
pub struct Segments {
    runs: Vec<Run>,
    segment: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

impl Default for Segments {
    fn default() -> Self {
        Self::new()
    }
}

fn disk_with(segment: &[u8]) -> MemoryDisk {
    let mut disk = MemoryDisk::default();
    disk.replace(SEGMENT, segment).expect("memory takes every file");
    disk
}

fn bytes_of(disk: &MemoryDisk) -> Result<Vec<u8>, StoreError> {
    let length = disk.length(SEGMENT)?.unwrap_or(0);
    disk.read(SEGMENT, 0, length as usize)
}

/// A frame's checksum made right for its flags and body, and its length too.
fn mended(mut frame: Vec<u8>) -> Vec<u8> {
    if frame.len() >= HEADER {
        let length = (frame.len() - HEADER) as u32;
        frame[4..8].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32fast::hash(&frame[12..]);
        frame[8..12].copy_from_slice(&checksum.to_le_bytes());
    }
    frame
}

fn frames_of(segment: &[u8]) -> Vec<Vec<u8>> {
    let (mut frames, mut rest) = (Vec::new(), &segment[SEGMENT_MAGIC..]);
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
        let (frame, after) = rest.split_at(HEADER + length);
        frames.push(frame.to_vec());
        rest = after;
    }
    frames
}

/// What a walk through a journal shows.
type Walk = (Vec<Run>, Vec<Damage>);

fn walk(journal: &Journal) -> Result<Walk, StoreError> {
    let (mut runs, mut damages) = (Vec::new(), Vec::new());
    journal.scan(Position::default(), |found| {
        match found {
            Found::Damaged(damage) => damages.push(damage),
            Found::Run(run, span) => {
                let again = journal.read(&run.feed, run.first, span)?;
                if again == run {
                    runs.push(run);
                } else {
                    return Err(StoreError::Poisoned);
                }
            }
        }
        Ok(())
    })?;
    Ok((runs, damages))
}

impl Segments {
    /// The honest feed in one segment, a few runs an append.
    pub fn new() -> Self {
        let runs = honest::runs();
        let disk = MemoryDisk::default();
        let (mut journal, _) = Journal::open(Box::new(disk.clone())).expect("a new journal opens");
        for append in runs.chunks(2) {
            journal.append(append).expect("memory takes every append");
        }
        journal.sync().expect("memory syncs");
        let segment = bytes_of(&disk).expect("memory reads");
        Self { runs, frames: frames_of(&segment), segment }
    }

    fn check(&self, bytes: &[u8]) -> Result<Fate, StoreError> {
        let disk = disk_with(bytes);
        let (shown, damaged) = {
            let (journal, _) = Journal::open_to_read(Box::new(disk.clone()))?;
            let _ = journal.lost_end()?;
            walk(&journal)?
        };
        if bytes_of(&disk)? != bytes {
            return Ok(Fate::Refused("BROKEN: opening to read has changed the segment".into()));
        }
        let (mut journal, _) = match Journal::open(Box::new(disk.clone())) {
            Err(StoreError::TooNew(what)) => return Ok(Fate::refused(what)),
            opened => opened?,
        };
        if walk(&journal)? != (shown.clone(), damaged.clone()) {
            return Ok(Fate::Refused("BROKEN: opened to write it shows something else".into()));
        }
        // What is written after the damage is there, and opening again finds nothing more to cut.
        journal.append(&self.runs[..1])?;
        journal.sync()?;
        let (again, tail) = Journal::open(Box::new(disk))?;
        let (after, _) = walk(&again)?;
        if tail.cut_bytes > 0 || tail.lost || after.last() != self.runs.first() {
            return Ok(Fate::Refused("BROKEN: what was written after the damage is not there".into()));
        }
        if after.len() != shown.len() + 1 {
            return Ok(Fate::Refused("BROKEN: a run has gone, or come, with the next append".into()));
        }
        Ok(match damaged.first() {
            Some(damage) => Fate::refused(damage.reason),
            None => Fate::Accepted,
        })
    }
}

impl Target for Segments {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let mut frames = self.frames.clone();
        for _ in 0..rng.usize(1..=2) {
            let at = rng.usize(..frames.len());
            match rng.u8(..8) {
                // What is in an entry, under a checksum that holds.
                0..4 => {
                    let begin = HEADER.min(frames[at].len());
                    let mut body = frames[at].split_off(begin);
                    mutate(&mut body, &self.frames, &mut rng);
                    frames[at].extend(body);
                    frames[at] = mended(std::mem::take(&mut frames[at]));
                }
                4 => {
                    frames[at][12..].first_mut().into_iter().for_each(|flags| *flags = rng.u8(..));
                    frames[at] = mended(std::mem::take(&mut frames[at]));
                }
                5 => drop(frames.remove(at)),
                6 => frames.insert(at, pick(&mut rng, &self.frames).clone()),
                // An entry within an entry: what a reader that has lost its way may take for one.
                _ => {
                    let inner = pick(&mut rng, &self.frames).clone();
                    let to = rng.usize(HEADER..=frames[at].len().max(HEADER)).min(frames[at].len());
                    drop(frames[at].splice(to..to, inner));
                }
            }
        }
        let mut bytes = self.segment[..SEGMENT_MAGIC].to_vec();
        frames.iter().for_each(|frame| bytes.extend_from_slice(frame));
        if rng.u8(..3) == 0 {
            mutate(&mut bytes, &self.frames, &mut rng);
        }
        bytes
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        vec![self.segment.clone()]
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        match self.check(bytes) {
            Ok(Fate::Refused(why)) if why.starts_with("BROKEN") => Err(why),
            Ok(fate) => Ok(fate),
            Err(error) => Err(format!("the journal of a damaged segment fails: {error}")),
        }
    }
}

/// The last entry of a run, as a relay may have changed it.
pub struct Points {
    run: Run,
    point: Vec<u8>,
}

impl Default for Points {
    fn default() -> Self {
        Self::new()
    }
}

impl Points {
    /// The first run of the honest feed.
    pub fn new() -> Self {
        let run = honest::runs().swap_remove(0);
        let point = run.entries.last().expect("a run ends with a point").payload.clone();
        Self { run, point }
    }
}

impl Target for Points {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let mut bytes = self.point.clone();
        // Half of them are another writing of the same point: what a signature may not notice.
        if rng.bool() {
            match rng.u8(..3) {
                0 => bytes.extend((0..rng.usize(1..4)).map(|_| rng.u8(..))),
                1 => drop(bytes.splice(32..33, [bytes[32] | 0x80, 0])),
                _ => bytes[95] = bytes[95].wrapping_add(0x10),
            }
            return bytes;
        }
        mutate(&mut bytes, std::slice::from_ref(&self.point), &mut rng);
        bytes
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        vec![self.point.clone()]
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        let mut run = self.run.clone();
        run.entries.last_mut().expect("a run ends with a point").payload = bytes.to_vec();
        let read: Option<Point> = control::decode(bytes);
        match check_run(&honest::author().public(), &Head::START, &run) {
            Ok(_) if bytes != self.point => {
                Err(format!("the signature holds for another point than the author's: {read:?}"))
            }
            Ok(_) => Ok(Fate::Accepted),
            Err(error) => Ok(Fate::refused(error)),
        }
    }
}
