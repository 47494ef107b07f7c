//! The witness: the last durable end of the journal, kept outside it, so that a lost tail is told from a clean end.
//!
//! Two slots written in turn; the newer intact one counts. It is written after the journal's fdatasync and not synced
//! itself: a witness that is behind sees less, one that is ahead cannot be.

use crate::{Disk, Position, StoreError};

const NAME: &str = "witness";
const SLOT_BYTES: usize = 2048;
/// Sequence (u64), segment (u32), offset (u64), CRC-32 of these, all LE.
const RECORD_BYTES: usize = 24;

/// The last end seen.
#[derive(Debug)]
pub struct Witness {
    sequence: u64,
    end: Position,
}

impl Witness {
    /// Reads the newer intact slot; a witness that is missing has seen nothing.
    pub fn read(disk: &dyn Disk) -> Result<Self, StoreError> {
        let mut newest = Self { sequence: 0, end: Position::default() };
        for slot in 0..2 {
            let there = disk.length(NAME)?.is_some();
            let bytes =
                if there { disk.read(NAME, (slot * SLOT_BYTES) as u64, RECORD_BYTES)? } else { Vec::new() };
            if let Some(seen) = Self::decode(&bytes)
                && seen.sequence > newest.sequence
            {
                newest = seen;
            }
        }
        Ok(newest)
    }

    /// Where the journal ended when it was last durable.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The journal is durable up to `end`.
    pub fn see(&mut self, disk: &mut dyn Disk, end: Position) -> Result<(), StoreError> {
        self.sequence += 1;
        self.end = end;
        let slot = (self.sequence % 2) as usize * SLOT_BYTES;
        disk.write(NAME, slot as u64, &self.encode())
    }

    /// Makes durable what has been seen, in both slots: whichever is torn later, the other still tells it.
    pub fn keep(&mut self, disk: &mut dyn Disk) -> Result<(), StoreError> {
        let end = self.end;
        self.see(disk, end)?;
        self.see(disk, end)?;
        disk.sync(NAME)
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

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_BYTES] = bytes.try_into().ok()?;
        let checksum = u32::from_le_bytes(bytes[20..].try_into().ok()?);
        if crc32fast::hash(&bytes[..20]) != checksum {
            return None;
        }
        let end = Position {
            segment: u32::from_le_bytes(bytes[8..12].try_into().ok()?),
            offset: u64::from_le_bytes(bytes[12..20].try_into().ok()?),
        };
        Some(Self { sequence: u64::from_le_bytes(bytes[..8].try_into().ok()?), end })
    }
}
