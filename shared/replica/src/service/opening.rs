//! The ladder by which a data directory is opened: whole; with its index computed again; only to be read, where the disk
//! takes nothing; or not at all, with one sentence and exit code 78, where going on could only do harm.

use crate::service::home::{
    Failure, KEY, KEYRING, REGISTRY, Settings, divisions, link_failure, other_role, replica_failure,
    store_failure, take_edition,
};
use crate::service::time::now;
use crate::{Edition, Parts, Replica, ReplicaError, Role};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::sync::{DeviceKey, registry};
use huiliu_link::identity::{load_key_file, random};
use huiliu_store::memory::MemoryIndex;
use huiliu_store::{Directory, Index, StoreError, files};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A replica opened from its directory. The directory stays locked while this lives.
pub struct Opened {
    /// The lock.
    pub directory: Directory,
    /// The settings.
    pub settings: Settings,
    /// The replica.
    pub replica: Replica,
}

/// This program, if it is one of ours: it can be started to look at an index before it is opened here, or to read a
/// table.
pub(super) fn own_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.file_stem()?.to_str()?.starts_with("huiliu-").then_some(())?;
    // Under its name there may be a newer one by now, which a service that has not been restarted does not understand.
    let itself = PathBuf::from("/proc/self/exe");
    Some(if itself.exists() { itself } else { program })
}

/// Whether a journal lies in the directory: then there is something to lose.
fn has_journal(dir: &Path) -> bool {
    std::fs::read_dir(dir.join("journal")).is_ok_and(|mut segments| segments.next().is_some())
}

/// The end of the ladder: what is wrong, and nothing was changed. Without a journal it is an ordinary failure.
fn stop(dir: &Path, failure: Failure) -> Failure {
    if !has_journal(dir) {
        return failure;
    }
    let (zh, en) = (failure.say.text(Lang::Zh), failure.say.text(Lang::En));
    Failure::new(78, Say::CannotStart { zh, en })
}

/// Locks a directory and opens the replica in it, which must have the role.
pub fn open(dir: &Path, role: Role) -> Result<Opened, Failure> {
    let settings = Settings::read(dir).map_err(|failure| stop(dir, failure))?;
    let settings =
        settings.ok_or_else(|| Failure::new(4, Say::NoReplica { dir: dir.display().to_string() }))?;
    if settings.role() != role {
        return Err(other_role(role));
    }
    let key = || load_key_file(&dir.join(KEY)).map_err(|e| stop(dir, link_failure(&e)));
    let own = key()?;
    let opened = Directory::open(dir).map_err(ReplicaError::from);
    keys_are_closed(dir).map_err(|failure| stop(dir, failure))?;
    let opened = opened.and_then(|directory| {
        let replica = replica_in(&directory, &settings, own)?;
        Ok((replica, directory))
    });
    match opened {
        Ok((replica, directory)) => Ok(Opened { directory, settings, replica }),
        Err(error) if takes_nothing(&error) && has_journal(dir) => {
            tracing::warn!(%error, "the disk takes nothing: opened to be read");
            open_to_read(dir, settings, key()?).map_err(|_| failure_of(dir, &error))
        }
        Err(error) => Err(failure_of(dir, &error)),
    }
}

/// Opening a directory closes its files to others. What could not be closed matters where the keys are in it.
fn keys_are_closed(dir: &Path) -> Result<(), Failure> {
    let open =
        [KEY, KEYRING].map(|name| dir.join(name)).into_iter().find(|key| files::is_open_to_others(key));
    open.map_or(Ok(()), |key| Err(Failure::new(1, Say::KeyOpen { file: key.display().to_string() })))
}

fn failure_of(dir: &Path, error: &ReplicaError) -> Failure {
    match error {
        ReplicaError::Store(StoreError::Locked) => {
            Failure::new(6, Say::InUse { dir: dir.display().to_string() })
        }
        ReplicaError::Store(StoreError::Io { .. }) => stop(dir, replica_failure(error)),
        error => replica_failure(error),
    }
}

/// The disk is full, or says that nobody may write: what is there can still be read.
fn takes_nothing(error: &ReplicaError) -> bool {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error {
        ReplicaError::Store(StoreError::Io { source, .. }) => {
            matches!(source.kind(), StorageFull | ReadOnlyFilesystem | PermissionDenied | QuotaExceeded)
        }
        ReplicaError::Store(StoreError::Poisoned) => true,
        _ => false,
    }
}

/// Locks a directory.
pub fn lock(dir: &Path) -> Result<Directory, Failure> {
    Directory::open(dir).map_err(|error| match error {
        StoreError::Locked => Failure::new(6, Say::InUse { dir: dir.display().to_string() }),
        error => store_failure(&error),
    })
}

/// Locks a directory in which a replica begins, and closes it to everybody else: who can read it can read the records.
///
/// A device key may be there from an attempt that was interrupted. One that others could have laid there would make them
/// the device.
pub fn begin_in(dir: &Path) -> Result<Directory, Failure> {
    let key = dir.join(KEY);
    if std::fs::symlink_metadata(&key).is_ok() && !files::is_own(&key) {
        return Err(Failure::new(1, Say::KeyOfOthers { file: key.display().to_string() }));
    }
    let directory = lock(dir)?;
    directory.keep_private().map_err(|e| store_failure(&e))?;
    Ok(directory)
}

/// Opens the replica of a locked directory.
pub fn open_in(directory: &Directory, settings: &Settings) -> Result<Replica, Failure> {
    let key = load_key_file(&directory.path(KEY)).map_err(|e| link_failure(&e))?;
    replica_in(directory, settings, key).map_err(|e| replica_failure(&e))
}

fn replica_in(directory: &Directory, settings: &Settings, key: DeviceKey) -> Result<Replica, ReplicaError> {
    let (index, was_damaged) = directory.index(own_program().as_deref())?;
    if was_damaged {
        tracing::warn!("the index was damaged; it is kept in damaged/ and computed again from the journal");
    }
    let replica = Replica::open(parts(directory, settings, key, index), now())?;
    with_edition(directory, replica)
}

/// Opens the replica of a directory on a disk that takes nothing: its index is computed in memory.
fn open_to_read(dir: &Path, settings: Settings, key: DeviceKey) -> Result<Opened, Failure> {
    let directory = Directory::open_to_read(dir).map_err(|e| store_failure(&e))?;
    let index = Box::new(MemoryIndex::default());
    let parts = parts(&directory, &settings, key, index);
    let replica = Replica::open_to_read(parts).map_err(|e| replica_failure(&e))?;
    let replica = with_edition(&directory, replica).map_err(|e| replica_failure(&e))?;
    Ok(Opened { directory, settings, replica })
}

fn parts(directory: &Directory, settings: &Settings, key: DeviceKey, index: Box<dyn Index>) -> Parts {
    Parts {
        disk: directory.disk(),
        index,
        key,
        home: settings.home(),
        edition: Edition { sha256: registry::shipped().sha256, divisions: divisions() },
        entropy: Box::new(|bytes| {
            let fresh: [u8; 32] = random().expect("the system gives random bytes");
            bytes.iter_mut().zip(fresh).for_each(|(byte, random)| *byte = random);
        }),
        bugs: BTreeSet::new(),
    }
}

/// Gives a replica the edition of the registry that its tree uses, if the directory has it.
fn with_edition(directory: &Directory, mut replica: Replica) -> Result<Replica, ReplicaError> {
    if let Some(wanted) = replica.missing_edition()
        && let Ok(packed) = std::fs::read(directory.path(REGISTRY))
    {
        take_edition(&mut replica, &packed, &wanted)?;
    }
    Ok(replica)
}
