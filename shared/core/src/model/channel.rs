//! Channels: who may see a record.

use super::ids::{BadId, DivisionCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which way a channel reaches in the tree of divisions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// The division and everyone above it: facts flow up.
    Own,
    /// The division and everyone below it: decisions flow down.
    Published,
    /// A replica's own notebook; never sent.
    Local,
}

/// Whether the records of a channel name or describe one person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Class {
    /// Everything else.
    Open,
    /// Kinds that name or describe one person.
    People,
}

/// One channel. Channels live for ever; a merged division's successor is granted the old ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Channel {
    /// Which way it reaches.
    pub scope: Scope,
    /// Whose it is.
    pub division: DivisionCode,
    /// What it holds.
    pub class: Class,
}

impl Channel {
    /// `own/D` of a class.
    pub const fn own(division: DivisionCode, class: Class) -> Self {
        Self { scope: Scope::Own, division, class }
    }

    /// `published/D` of a class.
    pub const fn published(division: DivisionCode, class: Class) -> Self {
        Self { scope: Scope::Published, division, class }
    }

    /// The notebook of a replica of `division`.
    pub const fn local(division: DivisionCode) -> Self {
        Self { scope: Scope::Local, division, class: Class::Open }
    }

    /// 10 bytes that name it in hashes and keys: scope, class, division.
    pub fn bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[0] = match self.scope {
            Scope::Own => 1,
            Scope::Published => 2,
            Scope::Local => 3,
        };
        bytes[1] = match self.class {
            Class::Open => 1,
            Class::People => 2,
        };
        bytes[2..].copy_from_slice(&self.division.number().to_be_bytes());
        bytes
    }

    /// Whether entries of this channel ever leave the replica.
    pub fn is_shared(self) -> bool {
        self.scope != Scope::Local
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Own => "own",
            Scope::Published => "published",
            Scope::Local => "local",
        };
        let class = match self.class {
            Class::Open => "open",
            Class::People => "people",
        };
        write!(f, "{scope}/{}/{class}", self.division)
    }
}

impl FromStr for Channel {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId(text.to_owned());
        let mut parts = text.split('/');
        let scope = match parts.next() {
            Some("own") => Scope::Own,
            Some("published") => Scope::Published,
            Some("local") => Scope::Local,
            _ => return Err(bad()),
        };
        let division = parts.next().ok_or_else(bad)?.parse()?;
        let class = match parts.next() {
            Some("open") => Class::Open,
            Some("people") => Class::People,
            _ => return Err(bad()),
        };
        if parts.next().is_some() { Err(bad()) } else { Ok(Self { scope, division, class }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_print_and_parse() {
        for text in ["own/330203004/open", "published/3302/open", "own/330203/people", "local/3302/open"] {
            assert_eq!(text.parse::<Channel>().unwrap().to_string(), text);
        }
        for text in ["own/330203004", "mine/3302/open", "own/x/open", "own/3302/open/x"] {
            assert!(text.parse::<Channel>().is_err(), "{text}");
        }
    }
}
