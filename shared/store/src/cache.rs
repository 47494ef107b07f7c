//! The index in sled, in one tree so that a batch of changes is atomic. Never the only copy of anything: sled's flush
//! does not fsync on Linux.
//!
//! sled panics on damaged files, when it opens them, when it reads them, and in threads of its own. So a child process
//! opens them first ([`probe`]), and only what it came through alive is opened here. It also reads every key, unless the
//! files are as the last program left them that closed the index in order: then nothing but the disk itself can have
//! changed them since, and what sled has checksummed it refuses without panicking.

use crate::{Index, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The index in sled.
pub struct SledIndex {
    /// Taken on closing.
    db: Option<sled::Db>,
    folder: PathBuf,
}

/// sled's cache: a bound that holds because keys are in order of time.
const CACHE_BYTES: u64 = 48 * 1024 * 1024;
/// Where it is written how the files were when the index was closed in order.
const CLOSED: &str = "closed-in-order";
/// sled gives its lock free a moment after it is closed: so often it is tried again, and after so long each time.
const LOCK_TRIES: (u32, Duration) = (50, Duration::from_millis(100));

impl SledIndex {
    /// Opens the index in a folder, creating it if need be.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        // From here on the files are not as they were left, until they are closed in order again.
        let _ = fs::remove_file(folder.join(CLOSED));
        let mut tries = 0;
        let db = loop {
            match open(folder) {
                Err(error) if is_locked(&error) && tries < LOCK_TRIES.0 => {
                    tries += 1;
                    std::thread::sleep(LOCK_TRIES.1);
                }
                opened => break opened?,
            }
        };
        Ok(Self { db: Some(db), folder: folder.to_owned() })
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        self.db.as_ref().ok_or_else(|| StoreError::Index("closed".into()))
    }
}

impl Drop for SledIndex {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        let closed = catch_unwind(AssertUnwindSafe(|| {
            let flushed = db.flush().is_ok();
            drop(db);
            flushed
        }));
        if matches!(closed, Ok(true)) {
            // Without it the next start reads every key, that is all.
            let _ = fs::write(self.folder.join(CLOSED), state_of(&self.folder));
        }
    }
}

fn open(folder: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(1000))
        .mode(sled::Mode::HighThroughput);
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(opened) => opened.map_err(failed),
        Err(_) => Err(StoreError::Index("its files are damaged".into())),
    }
}

fn failed(error: sled::Error) -> StoreError {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error {
        sled::Error::Io(source)
            if matches!(
                source.kind(),
                StorageFull | ReadOnlyFilesystem | PermissionDenied | QuotaExceeded
            ) =>
        {
            StoreError::io("write the index", source)
        }
        error => StoreError::Index(error.to_string()),
    }
}

fn is_locked(error: &StoreError) -> bool {
    matches!(error, StoreError::Index(what) if what.contains("could not acquire lock"))
}

/// Names, lengths and times of the files in a folder.
fn state_of(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut lines: Vec<String> = entries
        .filter(|entry| entry.file_name() != CLOSED)
        .filter_map(|entry| {
            let meta = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some(format!("{name} {} {}.{:09}\n", meta.len(), meta.mtime(), meta.mtime_nsec()))
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn is_as_it_was_left(folder: &Path) -> bool {
    fs::read_to_string(folder.join(CLOSED)).is_ok_and(|left| left == state_of(folder))
}

/// What a child process says of the files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probed {
    /// They can be opened.
    Sound,
    /// They are damaged, or the child died of them.
    Damaged,
    /// Nobody knows: there is nothing to look at, or the child could not be started.
    Unknown,
}

/// The exit code of a probe that found damage without dying of it.
const FOUND_DAMAGE: u8 = 7;
/// The exit code of a probe that could not look: that is no word on the files.
const COULD_NOT_LOOK: u8 = 1;

/// Lets a child process look at the files: `program` is one of ours, whose command `probe-index FOLDER` calls
/// [`probe`].
pub fn probed_by(program: Option<&Path>, folder: &Path) -> Probed {
    let Some(program) = program.filter(|_| folder.exists()) else { return Probed::Unknown };
    let mut command = Command::new(program);
    command.arg("probe-index").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status().map(|status| status.code()) {
        Ok(Some(0)) => Probed::Sound,
        Ok(Some(code)) if code == i32::from(COULD_NOT_LOOK) => Probed::Unknown,
        Ok(_) => Probed::Damaged,
        Err(_) => Probed::Unknown,
    }
}

/// Looks at the files in the child process: the exit code, if it lives to give one.
pub fn probe(folder: &Path) -> u8 {
    let reads_all = !is_as_it_was_left(folder);
    let looked = open(folder).and_then(|db| {
        if reads_all {
            db.iter().try_for_each(|row| row.map(drop).map_err(failed))?;
        }
        Ok(())
    });
    match looked {
        Ok(()) => {
            if !reads_all {
                // What looking has changed was changed in order too.
                let _ = fs::write(folder.join(CLOSED), state_of(folder));
            }
            0
        }
        Err(StoreError::Index(what)) if !what.contains("could not acquire lock") => FOUND_DAMAGE,
        Err(_) => COULD_NOT_LOOK,
    }
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db()?.get(key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        for item in self.db()?.range(from..to) {
            let (key, value) = item.map_err(failed)?;
            if !each(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db()?.apply_batch(batch).map_err(failed)
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.db()?.clear().map_err(failed)
    }
}
