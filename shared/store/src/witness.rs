//! The witness: the last durable end of the journal, kept outside it, so that a lost tail is told from a clean end, and
//! what may not be durable from what is. The key file has one of its own.
//!
//! Two slots written in turn; the newer intact one counts. It is written after the fdatasync and not synced itself: a
//! witness that is behind sees less, one that is ahead cannot be.

use crate::{Disk, Position, StoreError};

const SLOT_BYTES: usize = 2048;
/// Sequence (u64), segment (u32), offset (u64), CRC-32 of these, all LE.
const RECORD_BYTES: usize = 24;

/// The last end seen.
#[derive(Debug)]
pub struct Witness {
    name: &'static str,
    sequence: u64,
    end: Position,
}

impl Witness {
    /// One in a file of this name that has seen nothing.
    pub fn new(name: &'static str) -> Self {
        Self { name, sequence: 0, end: Position::default() }
    }

    /// Reads the newer intact slot; a witness that is missing has seen nothing.
    pub fn read(disk: &dyn Disk, name: &'static str) -> Result<Self, StoreError> {
        let mut newest = Self::new(name);
        for slot in 0..2 {
            let there = disk.length(name)?.is_some();
            let bytes =
                if there { disk.read(name, (slot * SLOT_BYTES) as u64, RECORD_BYTES)? } else { Vec::new() };
            if let Some((sequence, end)) = decode(&bytes)
                && sequence > newest.sequence
            {
                newest = Self { name, sequence, end };
            }
        }
        Ok(newest)
    }

    /// Where the file that it watches ended when that was last durable.
    pub fn end(&self) -> Position {
        self.end
    }

    /// It is durable up to `end`.
    pub fn see(&mut self, disk: &mut dyn Disk, end: Position) -> Result<(), StoreError> {
        self.sequence += 1;
        self.end = end;
        let slot = (self.sequence % 2) as usize * SLOT_BYTES;
        disk.write(self.name, slot as u64, &self.encode())
    }

    /// It is durable up to `end`: says so durably, in both slots: whichever is torn later, the other still
    /// tells it.
    pub fn keep(&mut self, disk: &mut dyn Disk, end: Position) -> Result<(), StoreError> {
        self.see(disk, end)?;
        self.see(disk, end)?;
        disk.sync(self.name)
    }

    fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.end.segment.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.end.offset.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..20]);
        bytes[20..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// Sequence and end of a record that is whole.
fn decode(bytes: &[u8]) -> Option<(u64, Position)> {
    let bytes: &[u8; RECORD_BYTES] = bytes.try_into().ok()?;
    let checksum = u32::from_le_bytes(bytes[20..].try_into().ok()?);
    if crc32fast::hash(&bytes[..20]) != checksum {
        return None;
    }
    let end = Position {
        segment: u32::from_le_bytes(bytes[8..12].try_into().ok()?),
        offset: u64::from_le_bytes(bytes[12..20].try_into().ok()?),
    };
    Some((u64::from_le_bytes(bytes[..8].try_into().ok()?), end))
}
