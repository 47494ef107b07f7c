//! The key file: what opens the sealed fields. It lies beside the journal, never in it, so that a copy of the journal
//! tells nothing of who somebody is.

use crate::witness::Witness;
use crate::{Disk, Position, StoreError};

/// The file.
pub const KEYRING: &str = "keyring";
/// The file of its witness.
pub const KEYRING_WITNESS: &str = "keyring-witness";
const MAGIC: [u8; 8] = *b"HLKEYS\0\x01";
/// Length and checksum before each piece.
const HEAD: usize = 8;
/// No piece is longer.
const MAX_PIECE: usize = 64 * 1024;

/// Where the key file ends. The caller keeps what is in it.
#[derive(Debug)]
pub struct Keyring {
    length: u64,
    witness: Witness,
}

impl Default for Keyring {
    fn default() -> Self {
        Self { length: 0, witness: Witness::new(KEYRING_WITNESS) }
    }
}

impl Keyring {
    /// Reads the pieces of the file that are whole: what a crash left half-written was not told to anybody, and around
    /// damage the others are found by their checksums. Keys that are lost are asked for at the hub.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn read(disk: &dyn Disk) -> Result<(Self, Vec<Vec<u8>>), StoreError> {
        let witness = Witness::read(disk, KEYRING_WITNESS)?;
        let Some(length) = disk.length(KEYRING)? else {
            return Ok((Self { length: 0, witness }, Vec::new()));
        };
        let bytes = disk.read(KEYRING, 0, usize::try_from(length).unwrap_or(usize::MAX))?;
        let (mut rest, mut pieces, mut end) = (bytes.as_slice(), Vec::new(), 0);
        while !rest.is_empty() {
            match next(rest) {
                Some((piece, after)) => {
                    pieces.push(piece.to_vec());
                    rest = after;
                    end = bytes.len() - rest.len();
                }
                None => rest = &rest[1..],
            }
        }
        Ok((Self { length: end as u64, witness }, pieces))
    }

    /// Where it ends.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes anew, durably, what is not known to be durable, as the journal does with its end: before anything is sealed
    /// with a key in it.
    ///
    /// # Errors
    /// [`StoreError`]; no key may then be used.
    pub fn make_sure(&mut self, disk: &mut dyn Disk) -> Result<(), StoreError> {
        let seen = self.witness.end().offset;
        if seen == self.length || self.length == 0 {
            return Ok(());
        }
        let from = if seen < self.length { seen } else { 0 };
        let bytes = disk.read(KEYRING, from, (self.length - from) as usize)?;
        disk.write(KEYRING, from, &bytes)?;
        self.sync(disk, self.length)
    }

    fn sync(&mut self, disk: &mut dyn Disk, length: u64) -> Result<(), StoreError> {
        disk.sync(KEYRING)?;
        self.length = length;
        self.witness.see(disk, Position { segment: 0, offset: length })
    }

    /// Adds pieces, durably: before whatever they seal is called saved.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of it may then be used.
    pub fn append(&mut self, disk: &mut dyn Disk, pieces: &[Vec<u8>]) -> Result<(), StoreError> {
        if pieces.is_empty() {
            return Ok(());
        }
        let mut bytes = if self.length == 0 { MAGIC.to_vec() } else { Vec::new() };
        pieces.iter().for_each(|piece| put(&mut bytes, piece));
        disk.write(KEYRING, self.length, &bytes)?;
        self.sync(disk, self.length + bytes.len() as u64)
    }
}

fn put(bytes: &mut Vec<u8>, piece: &[u8]) {
    bytes.extend((piece.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(piece).to_le_bytes());
    bytes.extend(piece);
}

/// The first whole piece, and what follows it.
fn next(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let word = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let (length, checksum) = (word(0)? as usize, word(4)?);
    let (piece, rest) = rest.split_at_checked(length).filter(|_| (1..=MAX_PIECE).contains(&length))?;
    (crc32fast::hash(piece) == checksum).then_some((piece, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::memory::MemoryDisk;

    fn pieces(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn what_was_kept_is_read_again_and_half_a_piece_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = RealDisk::new(folder.path());
        let (mut ring, none) = Keyring::read(&disk).unwrap();
        assert!(none.is_empty());
        ring.append(&mut disk, &pieces(&["zhang", "li"])).unwrap();
        ring.append(&mut disk, &pieces(&["wang"])).unwrap();
        let whole = disk.length(KEYRING).unwrap().unwrap();
        for cut in 0..=whole {
            let bytes = disk.read(KEYRING, 0, cut as usize).unwrap();
            let mut torn = RealDisk::new(folder.path().join("torn"));
            std::fs::create_dir_all(folder.path().join("torn")).unwrap();
            torn.replace(KEYRING, &bytes).unwrap();
            let (mut ring, found) = Keyring::read(&torn).unwrap();
            assert!(pieces(&["zhang", "li", "wang"]).starts_with(&found), "cut at {cut}");
            ring.append(&mut torn, &pieces(&["zhao"])).unwrap();
            let (_, found) = Keyring::read(&torn).unwrap();
            assert_eq!(found.last().unwrap(), b"zhao", "cut at {cut}");
        }
    }

    #[test]
    fn keys_that_were_not_synced_are_durable_before_they_are_used() {
        let mut disk = MemoryDisk::default();
        let (mut ring, _) = Keyring::read(&disk).unwrap();
        ring.append(&mut disk, &pieces(&["zhang"])).unwrap();
        disk.fail_sync_after(0);
        assert!(ring.append(&mut disk, &pieces(&["li"])).is_err());
        let left = |disk: &MemoryDisk| {
            let image = disk.image();
            image.restart(|_| 0);
            Keyring::read(&image).unwrap().1
        };
        let (mut ring, found) = Keyring::read(&disk).unwrap();
        assert_eq!((found, left(&disk)), (pieces(&["zhang", "li"]), pieces(&["zhang"])));
        ring.make_sure(&mut disk).unwrap();
        assert_eq!(left(&disk), pieces(&["zhang", "li"]));
        let before = disk.operations();
        Keyring::read(&disk).unwrap().0.make_sure(&mut disk).unwrap();
        assert_eq!(disk.operations(), before, "a start after an end in order writes nothing");
    }

    #[test]
    fn a_flipped_byte_costs_one_piece() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = RealDisk::new(folder.path());
        let words = pieces(&["zhang", "li", "wang"]);
        Keyring::default().append(&mut disk, &words).unwrap();
        let whole = std::fs::read(folder.path().join(KEYRING)).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            disk.replace(KEYRING, &bytes).unwrap();
            let (_, found) = Keyring::read(&disk).unwrap();
            assert!(found.len() >= 2 && found.iter().all(|piece| words.contains(piece)), "byte {at}");
        }
    }
}
