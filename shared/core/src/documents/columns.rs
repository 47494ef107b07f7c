//! How many rows a change says its columns have, counted before Automerge sees it.
//!
//! A column says "so many times the same value" in a few bytes, and Automerge's parser makes every one of them: a change
//! of a hundred bytes keeps it busy for years, or fills the memory, and an allocation that fails ends the process.
//! The format: automerge.org/automerge-binary-format-spec.

use super::schema::MAX_KEY_BYTES;

/// The most rows of one column, and the most other actors. An honest change has a row for each field it writes, and one
/// for each concurrent value it settles.
const MAX_ROWS: u64 = 16 * 1024;

/// The offset of a change's length: after magic bytes, checksum and type.
const LENGTH: usize = 9;

/// How a column is written: the last four bits of its number.
const GROUP: u64 = 0;
const BOOLEAN: u64 = 4;
const TEXT: u64 = 5;
const RAW: u64 = 7;

/// Whether the columns of a change can be read, none has more rows than [`MAX_ROWS`], and no key is longer than a
/// field's name.
pub(super) fn are_short(raw: &[u8]) -> bool {
    raw.get(LENGTH..).and_then(longest).is_some_and(|rows| rows <= MAX_ROWS)
}

/// The rows of the longest column, or the number of other actors if that is more.
fn longest(rest: &[u8]) -> Option<u64> {
    let (_, rest) = take_leb(rest)?;
    let (deps, rest) = take_leb(rest)?;
    let rest = rest.get(usize::try_from(deps).ok()?.checked_mul(32)?..)?;
    let (_, rest) = take_bytes(rest)?;
    // Sequence number, first operation and time.
    let rest = skip_leb(skip_leb(skip_leb(rest)?)?)?;
    let (_, rest) = take_bytes(rest)?;
    let (others, mut rest) = take_leb(rest)?;
    for _ in 0..others {
        (_, rest) = take_bytes(rest)?;
    }
    // The numbers and lengths of all columns stand before the first.
    let (columns, mut heads) = take_leb(rest)?;
    let mut data = heads;
    for _ in 0..columns {
        data = skip_leb(skip_leb(data)?)?;
    }
    let mut most = others;
    for _ in 0..columns {
        let (column, length, bytes);
        (column, heads) = take_leb(heads)?;
        (length, heads) = take_leb(heads)?;
        (bytes, data) = data.split_at_checked(usize::try_from(length).ok()?)?;
        most = most.max(rows(column & 15, bytes)?);
    }
    Some(most)
}

/// The rows of a column; a group counts as many as it has members.
fn rows(kind: u64, bytes: &[u8]) -> Option<u64> {
    match kind {
        RAW => Some(0),
        BOOLEAN => turns(bytes),
        _ => runs(kind, bytes),
    }
}

/// Booleans are counts of no and yes in turn.
fn turns(mut bytes: &[u8]) -> Option<u64> {
    let mut rows = 0_u64;
    while !bytes.is_empty() {
        let count;
        (count, bytes) = take_leb(bytes)?;
        rows = rows.saturating_add(count);
    }
    Some(rows)
}

/// All else is runs: so many times a value, so many values (a negative count), or 0 and so many times nothing.
fn runs(kind: u64, mut bytes: &[u8]) -> Option<u64> {
    let mut rows = 0_u64;
    while !bytes.is_empty() {
        let (count, value);
        (count, bytes) = take_signed(bytes)?;
        if count > 0 {
            (value, bytes) = take_value(kind, bytes)?;
            rows = rows.saturating_add(count.unsigned_abs().saturating_mul(value));
        } else if count == 0 {
            (value, bytes) = take_leb(bytes)?;
            rows = rows.saturating_add(value);
        }
        for _ in count..0 {
            let value;
            (value, bytes) = take_value(kind, bytes)?;
            rows = rows.saturating_add(value);
        }
    }
    Some(rows)
}

/// How many rows one value of a column stands for, and what follows it.
fn take_value(kind: u64, bytes: &[u8]) -> Option<(u64, &[u8])> {
    match kind {
        GROUP => take_leb(bytes).map(|(members, rest)| (members.max(1), rest)),
        // A thousand rows of a key of a megabyte are a change of a megabyte, and a gigabyte in Automerge.
        TEXT => take_bytes(bytes).filter(|(key, _)| key.len() <= MAX_KEY_BYTES).map(|(_, rest)| (1, rest)),
        _ => skip_leb(bytes).map(|rest| (1, rest)),
    }
}

fn take_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take_leb(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

fn skip_leb(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    Some(&bytes[length..])
}

/// An unsigned LEB128 number at the beginning, and what follows it.
pub(crate) fn take_leb(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let rest = skip_leb(bytes)?;
    let written = &bytes[..bytes.len() - rest.len()];
    // Nine bytes hold 63 bits, the tenth has one.
    if written.get(9).is_some_and(|last| *last > 1) {
        return None;
    }
    let value = written.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, rest))
}

/// A signed LEB128 number.
fn take_signed(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let rest = skip_leb(bytes)?;
    let written = &bytes[..bytes.len() - rest.len()];
    if written.get(9).is_some_and(|last| !matches!(last, 0 | 0x7f)) {
        return None;
    }
    let sign = if written.last()? & 0x40 == 0 { 0 } else { -1 };
    let value = written.iter().rev().fold(sign, |value, byte| value << 7 | i64::from(byte & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        assert_eq!(take_leb(&[0xe5, 0x8e, 0x26, 7]), Some((624_485, &[7][..])));
        assert_eq!(take_signed(&[0xc0, 0xbb, 0x78]), Some((-123_456, &[][..])));
        assert_eq!(take_signed(&[0x7f]), Some((-1, &[][..])));
        let most = [&[0xff; 9][..], &[1]].concat();
        assert_eq!(take_leb(&most), Some((u64::MAX, &[][..])));
        assert_eq!(take_leb(&[&[0xff; 9][..], &[2]].concat()), None);
        assert_eq!(take_leb(&[0x80; 12]), None);
        assert_eq!(take_signed(&[&[0x80; 9][..], &[0x7f]].concat()), Some((i64::MIN, &[][..])));
    }

    #[test]
    fn rows_are_counted_without_making_them() {
        assert_eq!(rows(2, &[3, 1, 0x7e, 5, 6, 0, 4]), Some(3 + 2 + 4));
        assert_eq!(rows(TEXT, &[3, 1, b'a', 0x7f, 1, b'b']), Some(4));
        assert_eq!(rows(GROUP, &[2, 5, 0x7f, 0]), Some(11));
        assert_eq!(rows(BOOLEAN, &[1, 2, 3]), Some(6));
        assert_eq!(rows(RAW, &[0xff; 100]), Some(0));
        let endless = [&[0xff; 8][..], &[0x3f, 0x7f]].concat();
        assert!(rows(GROUP, &endless).is_some_and(|rows| rows > MAX_ROWS));
        assert_eq!(rows(2, &[0x40, 1, 2]), None, "fewer values than it says");
        assert_eq!(rows(TEXT, &[&[1, 65][..], &[b'k'; 65]].concat()), None, "no field has such a name");
    }
}
