//! The journal: append-only segments of entries, the truth of a replica.
//!
//! An append writes whole runs (entries up to a signed point) one after the other and marks its last frame; after
//! [`Journal::sync`] it is durable. What follows the last mark at the end of the newest segment was never
//! acknowledged and is cut off on opening (`tail`); damage before an intact entry is something else, and is
//! reported (`scan`) until somebody mends it (`mend`). Whatever goes is kept in `damaged/` first, if it may have
//! been worth something. That something can be read does not say that it is durable: only a sync of this process
//! does, and the witness of one before.

mod mend;
mod scan;
mod tail;
#[cfg(test)]
mod tests;

pub use mend::set_aside;

use crate::frame::{self, Placed};
use crate::witness::Witness;
use crate::{Disk, StoreError};
use huiliu_core::sync::{FeedId, Run};
use serde::{Deserialize, Serialize};

/// Segments begin with it; the last byte is the format's version. Later versions: 2, 4, 6, never this one with a single
/// bit flipped, so that damage is told from a newer program's work.
const SEGMENT_MAGIC: [u8; 8] = *b"HLJOURN\x01";
/// The file of the journal's witness.
pub const WITNESS: &str = "witness";
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

impl Span {
    /// The first byte after it.
    pub fn end(&self) -> Position {
        Position { offset: self.at.offset + u64::from(self.bytes), ..self.at }
    }
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

/// The reason of a damaged header: it costs no entry.
pub const NO_HEADER: &str = "the segment does not begin as one";
/// The reason for which a segment is left alone: mending what this version does not know would harm it.
pub const NEWER: &str = "a newer version of the program wrote the segment";

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
    /// Something before the end that the witness has seen cannot be read.
    pub damaged_before: bool,
}

/// The journal of a replica.
pub struct Journal {
    disk: Box<dyn Disk>,
    witness: Witness,
    end: Position,
    durable: Position,
    /// Something was appended since the last sync.
    unsynced: bool,
    /// A write or sync has failed: nobody can know what the disk kept.
    poisoned: bool,
    /// Opened to look at: what is damaged there, down to a segment that cannot be read, must not keep anybody from the
    /// rest.
    reads_only: bool,
    /// A seeded bug, for the test of the tests: a sync that failed is tried once more.
    syncs_again: bool,
}

/// The file name of a segment.
pub fn file_name(segment: u32) -> String {
    format!("{segment:08}.seg")
}

fn path(segment: u32) -> String {
    format!("journal/{}", file_name(segment))
}

/// Whether these are the first bytes of a segment in a format that this version does not know.
fn is_newer(bytes: &[u8]) -> bool {
    let version = bytes.get(7).copied().unwrap_or(SEGMENT_MAGIC[7]);
    bytes.starts_with(&SEGMENT_MAGIC[..7]) && version > 1 && (version ^ SEGMENT_MAGIC[7]).count_ones() > 1
}

impl Journal {
    /// The end: where the next append will begin, unless it begins a segment.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Up to where it is known to be durable.
    pub fn durable(&self) -> Position {
        self.durable
    }

    /// Whether something was appended since the last [`Journal::sync`].
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Whether a failed write has closed the journal until restart.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Whether it was opened to be read alone.
    pub fn reads_only(&self) -> bool {
        self.reads_only
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
        if appended.is_err() {
            self.give_up();
        }
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
            encode(&mut bytes, run, at + 1 == runs.len());
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
        let mut synced = self.sync_segment();
        if synced.is_err() && self.syncs_again {
            self.unsynced = true;
            synced = self.sync_segment();
        }
        if synced.is_err() {
            self.give_up();
        }
        synced
    }

    /// After a write or sync that failed: nothing more is taken, and what is not durable goes, since it is said not to
    /// be saved. A disk that does not let it go keeps it for the next opening, which makes it durable before it counts.
    fn give_up(&mut self) {
        self.poisoned = true;
        let begun_here = self.durable.segment == self.end.segment;
        let end = if begun_here { self.durable } else { Position { offset: 0, ..self.end } };
        if self.disk.truncate(&path(end.segment), end.offset).is_ok() {
            self.end = end;
        }
    }

    fn sync_segment(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.unsynced) {
            self.disk.sync(&path(self.end.segment))?;
            self.durable = self.end;
            self.witness.see(&mut *self.disk, self.end)?;
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

/// Adds the frames of a run to `out`.
fn encode(out: &mut Vec<u8>, run: &Run, ends_append: bool) {
    for (number, entry) in (run.first..).zip(&run.entries) {
        let placed = Placed { feed: run.feed, number, entry: entry.clone() };
        let begins = if number == run.first { frame::BEGINS_RUN } else { 0 };
        let ends = if ends_append && number == run.last() { frame::ENDS_APPEND } else { 0 };
        frame::write(out, &placed, begins | ends);
    }
}
