//! The small names everything else is built from.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A division code as its decimal number: 33, 3302, 330203, 330203004 or a 12-digit village.
///
/// Codes never begin with 0, so the number and the text name the same division.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DivisionCode(u64);

/// How high in the tree a division stands; told by the length of its code (GB/T 2260, GB/T 10114).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// 2 digits.
    Province,
    /// 4 digits.
    City,
    /// 6 digits.
    County,
    /// 9 digits.
    Township,
    /// 12 digits.
    Village,
}

impl DivisionCode {
    /// The code as a number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The code from its number, if the number of digits is that of a level.
    pub fn from_number(number: u64) -> Option<Self> {
        let code = Self(number);
        matches!(code.digits(), 2 | 4 | 6 | 9 | 12).then_some(code)
    }

    /// The level, told by the number of digits.
    pub fn level(self) -> Level {
        match self.digits() {
            2 => Level::Province,
            4 => Level::City,
            6 => Level::County,
            9 => Level::Township,
            _ => Level::Village,
        }
    }

    fn digits(self) -> u32 {
        self.0.checked_ilog10().map_or(0, |n| n + 1)
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A text that is no code or no id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadId(pub String);

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a code or id: {}", self.0)
    }
}

impl std::error::Error for BadId {}

impl FromStr for DivisionCode {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') && text.len() <= 12;
        let number = if digits { text.parse().ok() } else { None };
        number.and_then(Self::from_number).ok_or_else(|| BadId(text.to_owned()))
    }
}

/// A record's name for ever: a UUIDv7 whose last 62 bits are bound to its creator (see `documents::birth`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// The id of no record: what control entries carry.
    pub const NIL: Self = Self([0; 16]);
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for RecordId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId(text.to_owned());
        let hex: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        if hex.len() != 32 {
            return Err(bad());
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

/// The number of a record kind in entries and keys. Never reused; the dictionary names them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct KindId(pub u16);

/// A hybrid logical time: milliseconds since 1970 UTC in the high 48 bits, a counter in the low 16.
///
/// It never runs backwards on one replica, whatever its clock does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The next time after `self` when the clock says `now_ms`.
    pub fn next(self, now_ms: u64) -> Self {
        Self((now_ms << 16).max(self.0 + 1))
    }

    /// Milliseconds since 1970 UTC.
    pub fn millis(self) -> u64 {
        self.0 >> 16
    }
}

/// A SHA-256: of an entry, an Automerge change, a file. `sync::keys` computes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// What entry 1 of a feed follows.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_digits() {
        for text in ["33", "3302", "330203", "330203004", "330203004001"] {
            assert_eq!(text.parse::<DivisionCode>().unwrap().to_string(), text);
        }
        for text in ["", "0", "3", "330", "033", "33020", "33020300", "3302030040011", "33a2", "３３"] {
            assert!(text.parse::<DivisionCode>().is_err(), "{text}");
        }
        assert_eq!("330203".parse::<DivisionCode>().unwrap().level(), Level::County);
    }

    #[test]
    fn a_record_id_prints_as_uuid() {
        let id = RecordId(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "30313233-3435-3637-3839-616263646566");
        assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        assert!("30313233-3435".parse::<RecordId>().is_err());
        assert!("30313233-3435-3637-3839-61626364656é".parse::<RecordId>().is_err());
    }

    #[test]
    fn time_never_runs_backwards() {
        let first = Hlc::default().next(1_000);
        let second = first.next(10);
        assert!(second > first);
        assert_eq!(second.millis(), 1_000);
        assert_eq!(second.next(2_000).millis(), 2_000);
    }
}
