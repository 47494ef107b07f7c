//! What a table row says it was made from: which record, and in which state.

use super::ids::{Digest, RecordId};
use std::fmt;
use std::str::FromStr;

/// Crockford's digits: none looks like another, and a spreadsheet takes them for text.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// So many characters has one.
const CHARACTERS: usize = 26;

/// The version of a record that stands in a row of an exported table: 26 characters of ten bytes of the record's id and
/// six of a hash of its heads. Two rows of one record have the same version if nothing was written in between.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowVersion {
    record: [u8; 10],
    state: [u8; 6],
}

impl RowVersion {
    /// The version of a record with these heads, in any order. The record is told by the end of its id, which is random;
    /// its beginning is a time.
    pub fn of(record: &RecordId, heads: &[Digest]) -> Self {
        let mut sorted = heads.to_vec();
        sorted.sort();
        let bytes: Vec<u8> = sorted.iter().flat_map(|head| head.0).collect();
        let hash = Digest::of(&[b"huiliu row version", &bytes]);
        let mut version = Self { record: [0; 10], state: [0; 6] };
        version.record.copy_from_slice(&record.0[6..]);
        version.state.copy_from_slice(&hash.0[..6]);
        version
    }

    /// Whether it is a version of this record, whatever its state.
    pub fn is_of(&self, record: &RecordId) -> bool {
        self.record == record.0[6..]
    }
}

impl fmt::Display for RowVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 16];
        bytes[..10].copy_from_slice(&self.record);
        bytes[10..].copy_from_slice(&self.state);
        let number = u128::from_be_bytes(bytes);
        // 26 digits of five bits hold 130: the first is below eight.
        let digit = |at: usize| DIGITS[(number >> (5 * (CHARACTERS - 1 - at)) & 31) as usize];
        (0..CHARACTERS).try_for_each(|at| write!(f, "{}", char::from(digit(at))))
    }
}

/// A text that is no row version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRowVersion;

impl fmt::Display for NoRowVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a row version")
    }
}

impl std::error::Error for NoRowVersion {}

impl FromStr for RowVersion {
    type Err = NoRowVersion;

    /// Small letters are taken too; O, I and L are what they look like.
    fn from_str(text: &str) -> Result<Self, NoRowVersion> {
        let text = text.trim();
        if text.len() != CHARACTERS {
            return Err(NoRowVersion);
        }
        let mut number: u128 = 0;
        for byte in text.bytes().map(|byte| byte.to_ascii_uppercase()) {
            let byte = match byte {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let digit = DIGITS.iter().position(|digit| *digit == byte).ok_or(NoRowVersion)? as u128;
            if number >> 123 != 0 {
                return Err(NoRowVersion);
            }
            number = number << 5 | digit;
        }
        let bytes = number.to_be_bytes();
        let mut version = Self { record: [0; 10], state: [0; 6] };
        version.record.copy_from_slice(&bytes[..10]);
        version.state.copy_from_slice(&bytes[10..]);
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Digest {
        Digest([n; 32])
    }

    #[test]
    fn a_version_reads_back_and_tells_record_and_state() {
        for n in 0..=255_u8 {
            let record = RecordId([n; 16]);
            let version = RowVersion::of(&record, &[digest(1), digest(n)]);
            let text = version.to_string();
            assert_eq!((text.len(), text.parse()), (CHARACTERS, Ok(version)));
            assert_eq!(text.to_lowercase().parse(), Ok(version));
            assert!(version.is_of(&record) && !version.is_of(&RecordId([n.wrapping_add(1); 16])));
            assert_eq!(version, RowVersion::of(&record, &[digest(n), digest(1)]), "heads have no order");
            assert_ne!(version, RowVersion::of(&record, &[digest(n.wrapping_add(2))]));
        }
    }

    #[test]
    fn a_version_is_the_same_for_ever() {
        let text = RowVersion::of(&RecordId([0xa5; 16]), &[digest(7)]).to_string();
        assert_eq!(text, "55MPJTB9D5MPJTB9A8XTSCK2FX");
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in
            ["", "55MPJTB9D5MPJTB9D5D83Z9NK", "U5MPJTB9D5MPJTB9D5D83Z9NKC", "Z5MPJTB9D5MPJTB9D5D83Z9NKC"]
        {
            assert_eq!(text.parse::<RowVersion>(), Err(NoRowVersion), "{text}");
        }
    }
}
