//! A replica's data directory: `journal/`, `index/`, `witness`, `damaged/`, and the device key and settings beside.

use crate::cache::{Probed, SledIndex, probed_by};
use crate::disk::RealDisk;
use crate::{Disk, Index, StoreError, files};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// An open data directory; nobody else has it open while this lives.
pub struct Directory {
    root: PathBuf,
    /// None where there is nothing to lock: a directory that is only read, in which nobody ever wrote.
    _lock: Option<File>,
}

/// Makes the folder above know a file or folder durably.
fn sync_name(path: &Path) -> Result<(), StoreError> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(above).and_then(|above| above.sync_all());
    synced.map_err(|e| StoreError::io(format!("sync {}", above.display()), e))
}

impl Directory {
    /// Opens the directory, creating it for the owner alone if need be, and locks it. Its files are closed to everybody
    /// else: who can read them can read the records.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let missing: Vec<&Path> = root.ancestors().take_while(|path| !path.exists()).collect();
        files::make_folder(&root).map_err(|e| StoreError::io(format!("create {}", root.display()), e))?;
        missing.into_iter().try_for_each(sync_name)?;
        let path = root.join("lock");
        let lock = files::options().create(true).truncate(false).open(&path);
        let lock = lock.map_err(|e| StoreError::io(format!("open {}", path.display()), e))?;
        let lock = take(lock, &path)?;
        files::close_files(&root);
        Ok(Self { root, _lock: Some(lock) })
    }

    /// Opens the directory to read it, and locks it without writing anything, be it on a disk that takes nothing.
    pub fn open_to_read(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let path = root.join("lock");
        match File::open(&path) {
            Ok(lock) => take(lock, &path).map(|lock| Self { root, _lock: Some(lock) }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self { root, _lock: None }),
            Err(e) => Err(StoreError::io(format!("open {}", path.display()), e)),
        }
    }

    /// Whether some program has the directory open. Creates nothing.
    pub fn is_open(root: &Path) -> bool {
        let lock = File::open(root.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Makes the directory's name durable and closes it to everybody but its owner: one that was there before may stand
    /// open. Only a replica that begins does this; later it is the administrator's to say who else may read, such as a
    /// backup.
    pub fn keep_private(&self) -> Result<(), StoreError> {
        files::close_folder(&self.root)
            .map_err(|e| StoreError::io(format!("close {}", self.root.display()), e))?;
        // It may be there from a beginning that was killed before its name was durable.
        sync_name(&self.root)
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its files.
    pub fn disk(&self) -> Box<dyn Disk> {
        Box::new(RealDisk::new(&self.root))
    }

    /// Its index, looked at first by a child process of `program` (see [`crate::cache`]). One that is damaged is put
    /// aside into `damaged/`: it is a cache, and is computed again. Whether that was so.
    pub fn index(&self, program: Option<&Path>) -> Result<(Box<dyn Index>, bool), StoreError> {
        let folder = self.path("index");
        let opened = match probed_by(program, &folder) {
            Probed::Damaged => Err(StoreError::Index("its files are damaged".into())),
            Probed::Sound | Probed::Unknown => SledIndex::open(&folder),
        };
        match opened {
            Ok(index) => Ok((Box::new(index), false)),
            Err(StoreError::Index(_)) if folder.exists() => {
                self.put_aside("index")?;
                Ok((Box::new(SledIndex::open(&folder)?), true))
            }
            Err(error) => Err(error),
        }
    }

    /// Copies the files of the index to a folder of their own and opens the copy: to read what it says without changing
    /// it. `None` if there is none, or it does not open.
    pub fn index_copy(&self, program: Option<&Path>, to: &Path) -> Option<Box<dyn Index>> {
        files::make_folder(to).ok()?;
        for entry in fs::read_dir(self.path("index")).ok()? {
            let entry = entry.ok()?;
            if entry.metadata().ok()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).ok()?;
            }
        }
        match probed_by(program, to) {
            Probed::Damaged => None,
            Probed::Sound | Probed::Unknown => Some(Box::new(SledIndex::open(to).ok()?)),
        }
    }

    /// Forgets the index: it is computed again by whoever opens the replica next.
    pub fn forget_index(&self) -> Result<(), StoreError> {
        match fs::remove_dir_all(self.path("index")) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("remove index/", e)),
            _ => Ok(()),
        }
    }

    /// Moves something to `damaged/` under a free name.
    fn put_aside(&self, name: &str) -> Result<(), StoreError> {
        let damaged = self.path("damaged");
        files::make_folder(&damaged).map_err(|e| StoreError::io("create damaged/", e))?;
        let free = (1..).map(|n| damaged.join(format!("{name}-{n}"))).find(|path| !path.exists());
        let free = free.expect("some number is free");
        fs::rename(self.path(name), free).map_err(|e| StoreError::io(format!("put {name} aside"), e))
    }
}

/// Takes the lock for itself.
fn take(lock: File, path: &Path) -> Result<File, StoreError> {
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
        Err(TryLockError::Error(e)) => Err(StoreError::io(format!("lock {}", path.display()), e)),
    }
}
