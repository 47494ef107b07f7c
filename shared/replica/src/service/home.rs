//! The data directory: whose replica it is, and what can be wrong with it, as sentences and exit codes.

pub use crate::service::opening::{Opened, begin_in, lock, open, open_in};

use crate::standing::REVOKED;
use crate::{Edition, Home, Replica, ReplicaError, Role};
use huiliu_core::documents::Verdict;
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::model::{DivisionCode, Problem};
use huiliu_core::sync::{Hash, PublicKey, Suite, registry};
use huiliu_link::LinkError;
use huiliu_link::error::Fault;
use huiliu_store::{Directory, StoreError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SETTINGS: &str = "settings.json";
/// The device key's file.
pub const KEY: &str = "device.key";
/// The keys that open sealed fields.
pub const KEYRING: &str = huiliu_store::keyring::KEYRING;
/// The witness of the file of keys.
pub const KEYRING_WITNESS: &str = huiliu_store::keyring::KEYRING_WITNESS;
/// An edition of the division registry that the program does not carry, packed.
pub const REGISTRY: &str = "registry.zst";
/// The device's certificate.
pub const CERTIFICATE: &str = "device.crt";

/// What a data directory says of its replica. Nothing secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The format.
    pub v: u32,
    /// `hub` or `node`.
    pub role: String,
    /// Whose replica it is.
    pub division: DivisionCode,
    /// What people call it.
    pub name: String,
    /// The home hub.
    pub hub: HubSettings,
}

/// What is known of the home hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HubSettings {
    /// Its division.
    pub division: DivisionCode,
    /// What people call it.
    pub name: String,
    /// Its public key, Ed25519, in hexadecimal digits.
    pub key: String,
    /// Where it listens.
    pub addresses: Vec<String>,
}

/// Why a command stops: one sentence, and the exit code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: u8,
    /// The sentence.
    pub say: Say,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: u8, say: Say) -> Self {
        Self { exit, say }
    }

    /// The sentence.
    pub fn text(&self, lang: Lang) -> String {
        self.say.text(lang)
    }
}

impl Settings {
    /// Reads the settings of a directory; `None` if there is no replica.
    pub fn read(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join(SETTINGS);
        let unreadable =
            |why: String| Failure::new(1, Say::CannotRead { file: path.display().to_string(), why });
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| unreadable(e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unreadable(e.to_string())),
        }
    }

    /// Writes the settings of an open directory.
    pub fn write(&self, directory: &Directory) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(self).expect("settings have a JSON form");
        directory.disk().replace(SETTINGS, &bytes).map_err(|e| store_failure(&e))
    }

    /// The hub's public key.
    pub fn hub_key(&self) -> PublicKey {
        let bytes = (0..self.hub.key.len() / 2)
            .filter_map(|at| u8::from_str_radix(self.hub.key.get(2 * at..2 * at + 2)?, 16).ok());
        PublicKey { suite: Suite::Ed25519Sha256, bytes: bytes.collect() }
    }

    /// Whether this is a hub's directory.
    pub fn role(&self) -> Role {
        if self.role == "hub" { Role::Hub } else { Role::Node }
    }

    /// Where the replica belongs.
    pub fn home(&self) -> Home {
        Home { division: self.division, root: self.hub_key(), hub: self.hub.division }
    }
}

/// The directory is not that of a replica with this role.
pub(super) fn other_role(role: Role) -> Failure {
    Failure::new(2, if role == Role::Hub { Say::NotAHub } else { Say::NotANode })
}

/// Gives a replica the edition of the registry that its tree uses, if these bytes are it.
pub fn take_edition(replica: &mut Replica, packed: &[u8], wanted: &Hash) -> Result<bool, ReplicaError> {
    match registry::parse(packed) {
        Ok(edition) if edition.sha256 == *wanted => {
            let edition = Edition { sha256: edition.sha256, divisions: edition.divisions };
            replica.set_edition(edition)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The packed edition of the registry with this hash, if this directory or the program has it.
pub fn packed_edition(dir: &Path, wanted: &Hash) -> Option<Vec<u8>> {
    let shipped = registry::shipped();
    if shipped.sha256 == *wanted {
        return Some(shipped.packed.to_vec());
    }
    let packed = std::fs::read(dir.join(REGISTRY)).ok()?;
    registry::parse(&packed).ok().filter(|edition| edition.sha256 == *wanted).map(|_| packed)
}

/// The division registry that this program carries.
pub fn divisions() -> Arc<Divisions> {
    registry::shipped().divisions.clone()
}

/// A directory in which a replica may begin: it does not exist yet, or holds nothing but what an interrupted beginning
/// leaves behind, each file whole or still under its name with `.new`.
pub fn check_empty(dir: &Path, leftovers: &[&str]) -> Result<PathBuf, Failure> {
    let text = dir.display().to_string();
    match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(Failure::new(1, Say::CannotRead { file: text, why: e.to_string() })),
        Ok(_) if dir.join(SETTINGS).exists() => {
            return Err(Failure::new(1, Say::AlreadyInitialized { dir: text }));
        }
        Ok(entries) => {
            let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let left = |name: &str| {
                let whole = name.strip_suffix(".new").unwrap_or(name);
                leftovers.contains(&name)
                    || whole != name && (whole == SETTINGS || leftovers.contains(&whole))
            };
            if names.any(|name| !left(&name)) {
                return Err(Failure::new(1, Say::NotEmpty { dir: text }));
            }
        }
    }
    Ok(dir.to_owned())
}

/// The sentence and exit code of a failure of the store.
pub fn store_failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Io { .. } => Failure::new(1, Say::DiskFailed { what: error.to_string() }),
        StoreError::Poisoned => Failure::new(1, Say::ReadOnly),
        StoreError::Locked => Failure::new(6, Say::InUse { dir: String::new() }),
        StoreError::TooNew(what) => Failure::new(78, Say::TooNew { what: what.clone() }),
        StoreError::Damaged { segment, offset, .. } => {
            Failure::new(7, Say::Damaged { place: format!("{segment}:{offset}") })
        }
        StoreError::Index(what) => Failure::new(1, Say::IndexFailed { what: what.clone() }),
        StoreError::Crashed => Failure::new(1, Say::DiskFailed { what: error.to_string() }),
    }
}

/// The sentence and exit code of a failure of the replica.
pub fn replica_failure(error: &ReplicaError) -> Failure {
    let name = |code: &DivisionCode| divisions().full_name(*code).unwrap_or_else(|| code.to_string());
    match error {
        ReplicaError::Store(error) => store_failure(error),
        ReplicaError::Unloadable(_) => Failure::new(7, Say::Damaged { place: error.to_string() }),
        ReplicaError::NotJoined => Failure::new(4, Say::NotJoined),
        ReplicaError::OutsideGrant(channel) => {
            Failure::new(4, Say::OutsideGrant { channel: channel.to_string() })
        }
        ReplicaError::RegistryMissing => Failure::new(4, Say::RegistryMissing),
        ReplicaError::Duplicate(id) => Failure::new(1, Say::DuplicateHere { id: id.to_string() }),
        ReplicaError::NoSuchRecord(id) => Failure::new(1, Say::NoSuchRecord { id: id.to_string() }),
        ReplicaError::NoSuchKind(kind) => {
            Failure::new(2, Say::NoSuchKind { kind: kind.clone(), known: kind_names() })
        }
        ReplicaError::Problems(problems) => problems_remain(problems),
        ReplicaError::Gate(Verdict::TooLarge) => Failure::new(1, Say::RecordFull),
        ReplicaError::Gate(verdict) => Failure::new(1, Say::GateSaysNo { why: verdict.to_string() }),
        ReplicaError::HasMoved { id, to } => {
            Failure::new(1, Say::HasMoved { id: id.to_string(), to: name(to), code: to.to_string() })
        }
        ReplicaError::OwnerOutside { from, to } => {
            Failure::new(1, Say::OwnerOutside { from: name(from), to: name(to) })
        }
        ReplicaError::OtherOwner { named, given } => {
            Failure::new(2, Say::OtherOwner { named: name(named), given: given.to_string() })
        }
        ReplicaError::Interrupted => Failure::new(1, Say::Interrupted),
        ReplicaError::NoConflict(field) => Failure::new(1, Say::NoConflict { field: field.clone() }),
    }
}

/// The sentence and exit code of a form that is not complete or not right: every problem at once.
pub(crate) fn problems_remain(problems: &[Problem]) -> Failure {
    let list = |lang: Lang, between: &str| {
        problems.iter().map(|problem| problem.sentence(lang)).collect::<Vec<_>>().join(between)
    };
    Failure::new(1, Say::ProblemsRemain { zh: list(Lang::Zh, "；"), en: list(Lang::En, "; ") })
}

/// The names of the kinds there are.
pub fn kind_names() -> String {
    let names: Vec<&str> = huiliu_core::model::dictionary::kinds().iter().map(|kind| kind.name).collect();
    names.join(", ")
}

/// The sentence and exit code of a failure of the link.
pub fn link_failure(error: &LinkError) -> Failure {
    match error {
        LinkError::WrongHub { .. } => Failure::new(4, Say::WrongHub),
        LinkError::Refused { sentence, code } => Failure::new(4, Say::refused(sentence, *code == REVOKED)),
        LinkError::AddressInUse(address) => {
            Failure::new(1, Say::AddressInUse { address: address.to_string() })
        }
        LinkError::KeyFile { path, problem } => {
            Failure::new(1, Say::CannotRead { file: path.clone(), why: problem.to_string() })
        }
        LinkError::Version(_) => Failure::new(4, Say::OddAnswer),
        error => match error.fault() {
            Fault::Unreachable => Failure::new(5, Say::HubSilent { pending: 0 }),
            Fault::Refused => Failure::new(4, Say::OddAnswer),
            Fault::Local => Failure::new(1, Say::CannotSend { what: error.to_string() }),
        },
    }
}
