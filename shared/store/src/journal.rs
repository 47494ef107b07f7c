//! The journal: append-only segments of entries, the truth of a replica.
//!
//! An append writes whole runs (entries up to a signed point) one after the other and marks its last frame; after
//! [`Journal::sync`] it is durable. What follows the last mark at the end of the newest segment was never
//! acknowledged and is cut off on opening; damage before an intact entry is something else, and is reported.

use crate::frame::{self, Placed};
use crate::witness::Witness;
use crate::{Disk, StoreError};
use huiliu_core::sync::{EntryKind, FeedId, Run};
use serde::{Deserialize, Serialize};

/// Segments begin with it; the last byte is the format's version.
const SEGMENT_MAGIC: [u8; 8] = *b"HLJOURN\x01";
/// No append begins in a segment that is longer.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// A place in the journal. Positions sort in order of writing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// The number of the segment, from 1.
    pub segment: u32,
    /// Bytes from the beginning of its file.
    pub offset: u64,
}

/// Where a run lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Its first byte.
    pub at: Position,
    /// Its length.
    pub bytes: u32,
}

/// Bytes that are not what was written there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The segment's file name.
    pub segment: String,
    /// Where in the file.
    pub offset: u64,
    /// The feed and number of the entry, if they can be told.
    pub entry: Option<(FeedId, u64)>,
    /// What is wrong.
    pub reason: &'static str,
}

/// What a walk through the journal finds.
#[derive(Debug)]
pub enum Found {
    /// A run and where it lies.
    Run(Run, Span),
    /// Damage before an intact entry.
    Damaged(Damage),
}

/// What opening found at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tail {
    /// Bytes cut off because their append had not been finished.
    pub cut_bytes: u64,
    /// Something that had been durable is missing: the witness has seen a later end.
    pub lost: bool,
}

/// The journal of a replica.
pub struct Journal {
    disk: Box<dyn Disk>,
    witness: Witness,
    end: Position,
    /// Something was appended since the last sync.
    unsynced: bool,
    /// A write or sync has failed: nobody can know what the disk kept.
    poisoned: bool,
}

fn file_name(segment: u32) -> String {
    format!("{segment:08}.seg")
}

fn path(segment: u32) -> String {
    format!("journal/{}", file_name(segment))
}

impl Journal {
    /// Opens the journal of a disk, creating it if there is none, and cuts off an append that was not finished.
    pub fn open(disk: Box<dyn Disk>) -> Result<(Self, Tail), StoreError> {
        let newest = segments(&*disk)?.last().copied();
        let witness = Witness::read(&*disk)?;
        let mut journal = Self { disk, witness, end: Position::default(), unsynced: false, poisoned: false };
        let mut tail = Tail::default();
        if let Some(segment) = newest {
            tail.cut_bytes = journal.find_end(segment)?;
        }
        tail.lost = journal.witness.end() > journal.end;
        Ok((journal, tail))
    }

    /// Finds the end of the last whole append in the newest segment, and cuts off what follows.
    fn find_end(&mut self, segment: u32) -> Result<u64, StoreError> {
        let bytes = self.read_segment(segment)?;
        if bytes.len() < SEGMENT_MAGIC.len() || !bytes.starts_with(&SEGMENT_MAGIC[..7]) {
            // The machine went down while the segment was being made; nothing in it was acknowledged.
            self.end = Position { segment, offset: 0 };
        } else {
            let mut whole = SEGMENT_MAGIC.len();
            walk(&bytes, SEGMENT_MAGIC.len(), |at, frame| {
                if let Ok(frame) = frame
                    && frame.flags & frame::ENDS_APPEND != 0
                {
                    whole = at + frame.bytes;
                }
            });
            self.end = Position { segment, offset: whole as u64 };
        }
        let beyond = bytes.len() as u64 - self.end.offset;
        if beyond > 0 {
            self.disk.truncate(&path(segment), self.end.offset)?;
        }
        Ok(beyond)
    }

    /// The end: where the next append will begin, unless it begins a segment.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Whether something was appended since the last [`Journal::sync`].
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Whether a failed write has closed the journal until restart.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Takes nothing more until restart.
    pub fn close(&mut self) {
        self.poisoned = true;
    }

    /// Writes runs after the end; they are durable only after [`Journal::sync`]. Returns where each lies.
    pub fn append(&mut self, runs: &[Run]) -> Result<Vec<Span>, StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned);
        }
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let appended = self.write(runs);
        self.poisoned = appended.is_err();
        appended
    }

    fn write(&mut self, runs: &[Run]) -> Result<Vec<Span>, StoreError> {
        if self.end.segment == 0 || self.end.offset >= SEGMENT_BYTES {
            // The older segment is never written again: make all of it durable first.
            self.sync_segment()?;
            self.end = Position { segment: self.end.segment + 1, offset: 0 };
        }
        let mut bytes = Vec::new();
        if self.end.offset == 0 {
            bytes.extend_from_slice(&SEGMENT_MAGIC);
        }
        let mut spans = Vec::with_capacity(runs.len());
        for (at, run) in runs.iter().enumerate() {
            let from = bytes.len();
            let is_last_run = at + 1 == runs.len();
            for (number, entry) in (run.first..).zip(&run.entries) {
                let placed = Placed { feed: run.feed, number, entry: entry.clone() };
                let begins = if number == run.first { frame::BEGINS_RUN } else { 0 };
                let ends = if is_last_run && number == run.last() { frame::ENDS_APPEND } else { 0 };
                frame::write(&mut bytes, &placed, begins | ends);
            }
            let offset = self.end.offset + from as u64;
            let at = Position { segment: self.end.segment, offset };
            spans.push(Span { at, bytes: (bytes.len() - from) as u32 });
        }
        self.disk.write(&path(self.end.segment), self.end.offset, &bytes)?;
        self.end.offset += bytes.len() as u64;
        self.unsynced = true;
        Ok(spans)
    }

    /// Makes everything appended durable: only after this "saved" and "received" may be said.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned);
        }
        let synced = self.sync_segment();
        self.poisoned = synced.is_err();
        synced
    }

    fn sync_segment(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.unsynced) {
            self.disk.sync(&path(self.end.segment))?;
            self.witness.see(&mut *self.disk, self.end)?;
        }
        Ok(())
    }

    /// Reads one run.
    pub fn read(&self, span: Span) -> Result<Run, StoreError> {
        let bytes = self.disk.read(&path(span.at.segment), span.at.offset, span.bytes as usize)?;
        let mut run: Option<Run> = None;
        let mut damage = None;
        walk(&bytes, 0, |at, frame| match frame {
            Ok(frame) => {
                let Placed { feed, number, entry } = frame.placed;
                run.get_or_insert_with(|| Run { feed, first: number, entries: Vec::new() })
                    .entries
                    .push(entry);
            }
            Err(reason) => damage = damage.or(Some((at, reason))),
        });
        match (run, damage) {
            (Some(run), None) => Ok(run),
            (_, damage) => {
                let (at, reason) = damage.unwrap_or((0, "the entries are missing"));
                let segment = file_name(span.at.segment);
                Err(StoreError::Damaged { segment, offset: span.at.offset + at as u64, reason })
            }
        }
    }

    /// Walks from a position to the end and shows every run and every damage. A run with a damaged entry inside is
    /// shown as damage only. Stops at the first error of `each`.
    pub fn scan<E: From<StoreError>>(
        &self,
        from: Position,
        mut each: impl FnMut(Found) -> Result<(), E>,
    ) -> Result<(), E> {
        for segment in segments(&*self.disk)? {
            if segment < from.segment || segment > self.end.segment {
                continue;
            }
            let bytes = self.read_segment(segment)?;
            let begin = if segment == from.segment { from.offset as usize } else { 0 };
            if begin < SEGMENT_MAGIC.len() && !bytes.starts_with(&SEGMENT_MAGIC) {
                if bytes.len() >= 8 && bytes[..7] == SEGMENT_MAGIC[..7] {
                    return Err(StoreError::TooNew(format!("journal format {}", bytes[7])).into());
                }
                if !bytes.is_empty() {
                    let reason = "the segment does not begin as one";
                    each(Found::Damaged(Damage {
                        segment: file_name(segment),
                        offset: 0,
                        entry: None,
                        reason,
                    }))?;
                }
            }
            let mut found = Vec::new();
            gather(segment, &bytes, begin.max(SEGMENT_MAGIC.len()), &mut found);
            found.into_iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    fn read_segment(&self, segment: u32) -> Result<Vec<u8>, StoreError> {
        let name = path(segment);
        let length = self.disk.length(&name)?.unwrap_or(0);
        self.disk.read(&name, 0, length as usize)
    }

    /// The disk below, for the files beside the journal.
    pub fn disk(&mut self) -> &mut dyn Disk {
        &mut *self.disk
    }
}

/// The numbers of the segments there are.
fn segments(disk: &dyn Disk) -> Result<Vec<u32>, StoreError> {
    let names = disk.list("journal")?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect())
}

/// Shows every frame from `begin` on; after a damaged one goes on with the next that is intact.
fn walk(bytes: &[u8], begin: usize, mut each: impl FnMut(usize, Result<frame::Frame, &'static str>)) {
    let mut at = begin;
    while at < bytes.len() {
        match frame::read(&bytes[at..]) {
            Ok(frame) => {
                let next = at + frame.bytes;
                each(at, Ok(frame));
                at = next;
            }
            Err(reason) => {
                each(at, Err(reason));
                match frame::find_next(&bytes[at..]) {
                    Some(skip) => at += skip,
                    None => return,
                }
            }
        }
    }
}

const UNFINISHED: &str = "the run does not end with a signed point";

/// Puts frames together to runs.
fn gather(segment: u32, bytes: &[u8], begin: usize, found: &mut Vec<Found>) {
    let mut open: Option<(Run, usize)> = None;
    let damaged = |offset: usize, entry, reason| {
        Found::Damaged(Damage { segment: file_name(segment), offset: offset as u64, entry, reason })
    };
    walk(bytes, begin, |at, frame| {
        let frame = match frame {
            Ok(frame) => frame,
            Err(reason) => {
                let entry = open.take().map(|(run, _)| (run.feed, run.last() + 1));
                found.push(damaged(at, entry, reason));
                return;
            }
        };
        let Placed { feed, number, entry } = frame.placed;
        let continues = open.as_ref().is_some_and(|(run, _)| run.feed == feed && run.last() + 1 == number);
        if !continues && let Some((run, from)) = open.take() {
            found.push(damaged(from, Some((run.feed, run.first)), UNFINISHED));
        }
        if !continues && frame.flags & frame::BEGINS_RUN == 0 {
            // The rest of a run whose beginning is damaged: nothing proves it without what came before.
            found.push(damaged(at, Some((feed, number)), "an entry before it in its run is damaged"));
            return;
        }
        let ends = entry.kind == EntryKind::POINT;
        let (run, _) = open.get_or_insert_with(|| (Run { feed, first: number, entries: Vec::new() }, at));
        run.entries.push(entry);
        if ends && let Some((run, from)) = open.take() {
            let at_position = Position { segment, offset: from as u64 };
            found.push(Found::Run(run, Span { at: at_position, bytes: (at + frame.bytes - from) as u32 }));
        }
    });
    if let Some((run, from)) = open {
        found.push(damaged(from, Some((run.feed, run.first)), UNFINISHED));
    }
}

#[cfg(test)]
mod tests;
