//! The end of the journal, found on opening. What was never acknowledged is cut off; nothing that had been durable, and
//! nothing that can still be read, goes without a copy. What is whole and not known to be durable is made so first.

use super::scan::{segments, walk};
use super::{Damage, Journal, Position, SEGMENT_MAGIC, Tail, WITNESS, file_name, is_newer, path, set_aside};
use crate::frame::{self, Placed};
use crate::witness::Witness;
use crate::{Disk, StoreError};
use std::collections::BTreeSet;

impl Journal {
    /// Opens the journal of a disk, creating it if there is none, cuts off an append that was not finished, and makes
    /// all of the rest durable.
    pub fn open(disk: Box<dyn Disk>) -> Result<(Self, Tail), StoreError> {
        Self::open_with(disk, &BTreeSet::new())
    }

    /// The same with seeded bugs, for the test of the tests.
    pub fn open_with(disk: Box<dyn Disk>, bugs: &BTreeSet<&'static str>) -> Result<(Self, Tail), StoreError> {
        let (mut journal, tail, beyond) = Self::find(disk, false)?;
        journal.syncs_again = bugs.contains("synced again after a failed sync");
        journal.cut_off(&beyond)?;
        let was_unsure =
            !bugs.contains("what the page cache holds taken for durable") && journal.write_anew()?;
        journal.durable = journal.end;
        // Only the witness tells damage before its end from an append that was not finished: a power cut must not take
        // it. A loss it has seen must be found again until something has been written after it.
        if tail.damaged_before || was_unsure && !tail.lost {
            let end = journal.end.max(journal.witness.end());
            journal.witness.keep(&mut *journal.disk, end)?;
        }
        Ok((journal, tail))
    }

    /// Opens the journal of a disk to read it: changes nothing there, takes nothing, and shows what can be read
    /// whatever is damaged. Known to be durable is only what the witness has seen; a copy without one is taken as it is.
    pub fn open_to_read(disk: Box<dyn Disk>) -> Result<(Self, Tail), StoreError> {
        let (mut journal, tail, _) = Self::find(disk, true)?;
        let seen = Some(journal.witness.end()).filter(|seen| *seen > Position::default());
        journal.durable = seen.map_or(journal.end, |seen| seen.min(journal.end));
        Ok((journal, tail))
    }

    fn find(disk: Box<dyn Disk>, reads_only: bool) -> Result<(Self, Tail, Vec<u8>), StoreError> {
        let newest = segments(&*disk)?.last().copied();
        let witness = Witness::read(&*disk, WITNESS)?;
        let mut journal = Self {
            disk,
            witness,
            end: Position::default(),
            durable: Position::default(),
            unsynced: false,
            poisoned: reads_only,
            reads_only,
            syncs_again: false,
        };
        let (beyond, damaged_before) =
            newest.map_or(Ok((Vec::new(), false)), |segment| journal.find_end(segment))?;
        let lost = journal.witness.end() > journal.end;
        Ok((journal, Tail { cut_bytes: beyond.len() as u64, lost, damaged_before }, beyond))
    }

    /// Finds the end of the last whole append in the newest segment, and gives back what follows, and whether
    /// something before the end that the witness has seen is damaged.
    fn find_end(&mut self, segment: u32) -> Result<(Vec<u8>, bool), StoreError> {
        let mut bytes = match self.read_segment(segment) {
            Err(_) if self.reads_only => Vec::new(),
            read => read?,
        };
        if is_newer(&bytes) && !self.reads_only {
            return Err(StoreError::TooNew(format!("journal format {}", bytes[7])));
        }
        let (mut whole, mut intact, mut torn) = (SEGMENT_MAGIC.len(), false, false);
        let mut damaged = false;
        let sure = self.witness.end();
        walk(&bytes, SEGMENT_MAGIC.len(), |at, frame| match frame {
            Ok(frame) => {
                intact = true;
                if frame.flags & frame::ENDS_APPEND != 0 && !torn {
                    whole = at + frame.bytes;
                }
            }
            // Of an append that was never synced a disk may keep the end and not the middle: none of it counts.
            Err(_) if Position { segment, offset: at as u64 } >= sure => torn = true,
            Err(_) => damaged = true,
        });
        // A segment that does not begin as one and holds nothing was being made when the machine went down. One that
        // holds something has a damaged header, and its entries count.
        let begun = bytes.starts_with(&SEGMENT_MAGIC) || intact;
        let end = if begun { whole.min(bytes.len()) } else { 0 };
        self.end = Position { segment, offset: end as u64 };
        Ok((bytes.split_off(end), damaged))
    }

    /// Cuts off what follows the end. What had been durable, or can be read, is kept beside first: the rule that calls
    /// it unfinished may be wrong about damaged bytes.
    fn cut_off(&mut self, beyond: &[u8]) -> Result<(), StoreError> {
        if beyond.is_empty() {
            return Ok(());
        }
        let durable = self.witness.end() > self.end;
        if durable || first_intact(beyond).is_some() {
            let name = format!("{}-from-{}", file_name(self.end.segment), self.end.offset);
            set_aside(&mut *self.disk, &name, beyond)?;
        }
        self.disk.truncate(&path(self.end.segment), self.end.offset)
    }

    /// Writes anew, durably, what the witness has not seen to be durable; whether there was anything. Its writer was
    /// killed before its sync, or that failed: then the system takes the pages for clean, and a later sync writes only
    /// what was written after. The same bytes go to the same place, so that whoever dies in the middle of this loses
    /// nothing that had been durable behind a witness that was not. Older segments need none of it: each was durable
    /// before the next began.
    fn write_anew(&mut self) -> Result<bool, StoreError> {
        let (seen, end) = (self.witness.end(), self.end);
        let sees_end = seen.segment == end.segment && seen <= end;
        let from = if sees_end { seen.offset } else { 0 };
        if from == end.offset {
            return Ok(false);
        }
        let name = path(end.segment);
        let bytes = self.disk.read(&name, from, (end.offset - from) as usize)?;
        self.disk.write(&name, from, &bytes)?;
        self.disk.sync(&name)?;
        Ok(true)
    }

    /// For a journal opened to read: what had been durable beyond its end, as damage, if there was anything.
    pub fn lost_end(&self) -> Result<Option<Damage>, StoreError> {
        if self.witness.end() <= self.end {
            return Ok(None);
        }
        let from = self.end.offset;
        let beyond = self.disk.read(&path(self.end.segment), from, super::SEGMENT_BYTES as usize * 2);
        let first = first_intact(&beyond.unwrap_or_default());
        Ok(Some(Damage {
            segment: file_name(self.end.segment.max(1)),
            offset: from,
            entry: first.map(|placed| (placed.feed, placed.number)),
            reason: "the end of the journal is cut off or damaged",
        }))
    }
}

/// The first entry that can be read.
fn first_intact(bytes: &[u8]) -> Option<Placed> {
    let mut first = None;
    walk(bytes, 0, |_, frame| {
        if let (None, Ok(frame)) = (&first, frame) {
            first = Some(frame.placed);
        }
    });
    first
}
