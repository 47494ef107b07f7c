//! The edition of the table of divisions: the one this program carries, and one fetched from a peer.
//!
//! The hub's feed names an edition by its SHA-256, so every replica of a tree judges by the same table, whatever its
//! program carries. The hash is over the canonical text, not over the packed bytes.

use super::keys::Hash;
use crate::model::divisions::{Divisions, EditionFault};
use std::fmt;
use std::io::Read;
use std::sync::{Arc, OnceLock};

/// The edition that every program carries, packed with zstd; see `data/README.md`.
static SHIPPED: &[u8] = include_bytes!("../../data/divisions-2023-06-30.zst");

/// The longest packed edition that is taken from a peer, in bytes.
pub const LARGEST_PACKED: usize = 2 << 20;
/// The longest text of an edition, in bytes.
pub const LARGEST_TEXT: usize = 16 << 20;

/// An edition of the table of divisions.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Its day: 2023-06-30.
    pub name: String,
    /// SHA-256 over its canonical text.
    pub sha256: Hash,
    /// The tree.
    pub divisions: Arc<Divisions>,
    /// The packed bytes, as they travel.
    pub packed: Arc<[u8]>,
}

/// Why bytes are no edition. Whose fault: the sender's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegistryFault {
    /// Larger than [`LARGEST_PACKED`] or [`LARGEST_TEXT`].
    TooLarge,
    /// Not zstd, or not UTF-8 inside.
    Packing,
    /// The text is no edition.
    Text(EditionFault),
}

impl fmt::Display for RegistryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the edition is too large"),
            Self::Packing => write!(f, "the edition cannot be unpacked"),
            Self::Text(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for RegistryFault {}

/// The edition this program carries. The first call unpacks it (some 30 ms), later ones are free.
pub fn shipped() -> &'static Edition {
    static EDITION: OnceLock<Edition> = OnceLock::new();
    EDITION.get_or_init(|| {
        // A program whose own table does not read was built wrongly; the test below keeps that from being released.
        parse(SHIPPED).expect("the edition in the program is whole")
    })
}

/// Unpacks and reads an edition from bytes of a peer. The caller compares `sha256` with the one the hub named.
///
/// # Errors
/// [`RegistryFault`]; never more than [`LARGEST_TEXT`] is unpacked.
pub fn parse(packed: &[u8]) -> Result<Edition, RegistryFault> {
    if packed.len() > LARGEST_PACKED {
        return Err(RegistryFault::TooLarge);
    }
    let mut bytes = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(|_| RegistryFault::Packing)?;
    let mut capped = decoder.take(LARGEST_TEXT as u64 + 1);
    capped.read_to_end(&mut bytes).map_err(|_| RegistryFault::Packing)?;
    if bytes.len() > LARGEST_TEXT {
        return Err(RegistryFault::TooLarge);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| RegistryFault::Packing)?;
    let divisions = Divisions::parse(text).map_err(RegistryFault::Text)?;
    Ok(Edition {
        name: divisions.edition().to_owned(),
        sha256: Hash::of(&[text.as_bytes()]),
        divisions: Arc::new(divisions),
        packed: packed.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{DivisionCode, Level};

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    fn count(tree: &Divisions, top: Option<&str>, level: Level) -> usize {
        let all = top.map_or_else(|| tree.codes().to_vec(), |top| tree.subtree(code(top)));
        all.iter().filter(|code| code.level() == level && !tree.is_retired(**code)).count()
    }

    #[test]
    fn the_shipped_edition_is_the_published_one() {
        let edition = shipped();
        let tree = &edition.divisions;
        assert_eq!(edition.name, "2023-06-30");
        let counts = [Level::Province, Level::City, Level::County, Level::Township]
            .map(|level| count(tree, None, level));
        assert_eq!(counts, [31, 342, 2_978, 41_352]);
        // Ningbo and Qinghai, as published.
        assert_eq!(
            (count(tree, Some("3302"), Level::County), count(tree, Some("3302"), Level::Township)),
            (10, 162)
        );
        assert_eq!(count(tree, Some("63"), Level::Township), 422);
        assert_eq!(tree.successors(code("330283")), [code("330213")]);
        assert!(edition.packed.len() < 300_000);
        assert_eq!(
            edition.sha256.to_string(),
            "4b25ae69b0d4c9082b49559740828e87ae54e3ca5693d2618fa0a43f58665907"
        );
    }

    #[test]
    fn every_division_is_found_by_its_full_name() {
        let tree = &shipped().divisions;
        let mut confused = Vec::new();
        for top in tree.codes().iter().filter(|code| code.level() <= Level::County) {
            let name = tree.full_name(*top).unwrap();
            let above = tree.parent(*top).and_then(|parent| tree.full_name(parent));
            // 北京市市辖区 is no place, and 东莞市 means the city.
            if above.as_ref() == Some(&name) || tree.name(*top).is_some_and(|own| !name.ends_with(own)) {
                continue;
            }
            let found = tree.find_at(&name, None, Level::Province..=Level::County);
            if found != [*top] {
                confused.push((name, found));
            }
        }
        assert_eq!(confused, []);
        assert_eq!(tree.full_name(code("110101")).unwrap(), "北京市东城区");
        assert_eq!(tree.full_name(code("441900003")).unwrap(), "东莞市东城街道");
        assert_eq!(tree.full_name(code("659001")).unwrap(), "新疆维吾尔自治区石河子市");
    }

    #[test]
    fn names_that_many_places_share_are_told_apart_by_nearness() {
        let tree = &shipped().divisions;
        let near = |name: &str| tree.find_near(name, code("330203"), Level::Province..=Level::County);
        assert_eq!(near("江北区民政局"), [code("330205")]);
        assert_eq!(near("宁波市民政局"), [code("3302")]);
        assert_eq!(near("江东区民政局"), [code("330204")]);
        assert!(tree.find_by_name("江北区", None).len() > 1);
    }

    #[test]
    fn foreign_bytes_are_refused_within_bounds() {
        assert_eq!(parse(b"no zstd").unwrap_err(), RegistryFault::Packing);
        assert_eq!(parse(&SHIPPED[..1_000]).unwrap_err(), RegistryFault::Packing);
        assert_eq!(parse(&vec![0; LARGEST_PACKED + 1]).unwrap_err(), RegistryFault::TooLarge);
        let bomb = zstd::encode_all(&vec![b'1'; LARGEST_TEXT + 2][..], 1).unwrap();
        assert_eq!(parse(&bomb).unwrap_err(), RegistryFault::TooLarge);
        let other = zstd::encode_all(&b"something else"[..], 1).unwrap();
        assert_eq!(parse(&other).unwrap_err(), RegistryFault::Text(EditionFault::Header));
        let latin = zstd::encode_all(&b"\xff\xfe"[..], 1).unwrap();
        assert_eq!(parse(&latin).unwrap_err(), RegistryFault::Packing);
        assert!(parse(&[]).is_err());
    }
}
