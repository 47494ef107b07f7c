//! One entry in a segment: magic bytes, length, checksum, flags, body. Each names its feed and number itself, so that
//! damage to one costs no other.

use huiliu_core::sync::{Entry, FeedId};
use serde::{Deserialize, Serialize};

/// Begins every frame; a reader that has lost its way looks for it.
const MAGIC: [u8; 4] = *b"HLE1";
/// Magic bytes, length (u32 LE), CRC-32 (u32 LE) over flags and body, flags.
pub(crate) const HEADER_BYTES: usize = 13;
/// No entry is larger; a longer length is damage.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
/// The last frame of an append: what comes after the last of these was never acknowledged.
pub(crate) const ENDS_APPEND: u8 = 1;
/// The first frame of a run: where a reader can begin again after damage.
pub(crate) const BEGINS_RUN: u8 = 2;

/// An entry at its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub(crate) feed: FeedId,
    pub(crate) number: u64,
    pub(crate) entry: Entry,
}

/// A frame that was read.
pub(crate) struct Frame {
    pub(crate) placed: Placed,
    pub(crate) flags: u8,
    /// Its length in the file, header included.
    pub(crate) bytes: usize,
}

/// Adds the frame of an entry to `out`.
pub(crate) fn write(out: &mut Vec<u8>, placed: &Placed, flags: u8) {
    let body = postcard::to_allocvec(placed).expect("entries have a postcard form");
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&[flags]);
    checksum.update(&body);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&checksum.finalize().to_le_bytes());
    out.push(flags);
    out.extend_from_slice(&body);
}

/// Reads the frame at the beginning of `bytes`, or says what is wrong with it.
pub(crate) fn read(bytes: &[u8]) -> Result<Frame, &'static str> {
    let header = bytes.get(..HEADER_BYTES).ok_or("the file ends inside an entry")?;
    if header[..4] != MAGIC {
        return Err("no entry begins here");
    }
    let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("4 bytes"));
    let length = word(4) as usize;
    if length > MAX_BODY_BYTES {
        return Err("the entry's length is not believable");
    }
    let body = bytes.get(HEADER_BYTES..HEADER_BYTES + length).ok_or("the file ends inside an entry")?;
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&header[12..]);
    checksum.update(body);
    if checksum.finalize() != word(8) {
        return Err("the entry's checksum does not hold");
    }
    let placed = postcard::from_bytes(body).map_err(|_| "the entry does not decode")?;
    Ok(Frame { placed, flags: header[12], bytes: HEADER_BYTES + length })
}

/// The offset of the next intact frame after the beginning of `bytes`, if there is one.
pub(crate) fn find_next(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len().saturating_sub(HEADER_BYTES))
        .find(|at| bytes[*at..].starts_with(&MAGIC) && read(&bytes[*at..]).is_ok())
}
