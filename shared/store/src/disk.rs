//! The files of a replica, as few operations as the journal needs.

use crate::{StoreError, files};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Files by name, relative to the data directory. Nothing is durable before [`Disk::sync`] or [`Disk::replace`] has
/// returned.
pub trait Disk: Send {
    /// The names of the files in a folder, sorted; nothing if there is no such folder.
    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError>;
    /// The length of a file, if it exists.
    fn length(&self, name: &str) -> Result<Option<u64>, StoreError>;
    /// Up to `length` bytes from `offset`; fewer at the end of the file.
    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, StoreError>;
    /// Writes at `offset`, creating the file if need be.
    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;
    /// Makes all that was written to the file durable, its length and its name included.
    fn sync(&mut self, name: &str) -> Result<(), StoreError>;
    /// Cuts the file to `length` bytes, durably.
    fn truncate(&mut self, name: &str, length: u64) -> Result<(), StoreError>;
    /// Gives the file this content, durably: the old or the new is there at any time, never a mixture.
    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;
}

/// A folder of the file system.
pub struct RealDisk {
    root: PathBuf,
    open: BTreeMap<String, OpenFile>,
}

struct OpenFile {
    file: File,
    /// The folders above may not know the file durably yet: it is new, or the program that made it was killed before
    /// it could see to that.
    is_unsure: bool,
}

impl RealDisk {
    /// The disk below `root`, which must exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), open: BTreeMap::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn writable(&mut self, name: &str) -> Result<&mut OpenFile, StoreError> {
        if !self.open.contains_key(name) {
            let path = self.path(name);
            if let Some(folder) = path.parent() {
                files::make_folder(folder)
                    .map_err(|e| StoreError::io(format!("create {}", folder.display()), e))?;
            }
            let file = files::options().read(true).create(true).truncate(false).open(&path);
            let file = file.map_err(|e| StoreError::io(format!("open {}", path.display()), e))?;
            // One file is written at a time: the newest segment, the witness.
            self.open.retain(|held, _| !held.starts_with("journal/") || !name.starts_with("journal/"));
            self.open.insert(name.to_owned(), OpenFile { file, is_unsure: true });
        }
        Ok(self.open.get_mut(name).expect("opened above"))
    }

    /// Makes the names of a file and of the folders that lead to it durable.
    fn sync_names(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
        for folder in folders {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|e| StoreError::io(format!("sync {}", folder.display()), e))?;
        }
        Ok(())
    }
}

impl Disk for RealDisk {
    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::io(format!("list {}", path.display()), e)),
        };
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.path(name)) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io(format!("look at {name}"), e)),
        }
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let failed = |e| StoreError::io(format!("read {name}"), e);
        let opened;
        let file = match self.open.get(name) {
            Some(open) => &open.file,
            None => {
                opened = File::open(self.path(name)).map_err(failed)?;
                &opened
            }
        };
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let file = &self.writable(name)?.file;
        file.write_all_at(bytes, offset).map_err(|e| StoreError::io(format!("write {name}"), e))
    }

    fn sync(&mut self, name: &str) -> Result<(), StoreError> {
        let open = self.writable(name)?;
        open.file.sync_data().map_err(|e| StoreError::io(format!("sync {name}"), e))?;
        if open.is_unsure {
            self.sync_names(name)?;
            self.writable(name)?.is_unsure = false;
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        let file = &self.writable(name)?.file;
        let cut = file.set_len(length).and_then(|()| file.sync_all());
        cut.map_err(|e| StoreError::io(format!("cut {name}"), e))
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.open.remove(name);
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            files::make_folder(folder)
                .map_err(|e| StoreError::io(format!("create {}", folder.display()), e))?;
        }
        files::replace(&path, bytes).map_err(|e| StoreError::io(format!("replace {name}"), e))?;
        self.sync_names(name)
    }
}
