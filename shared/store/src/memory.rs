//! The in-memory twins of disk and index, for simulation: what was not synced can be lost, at any moment.

use crate::{Disk, Index, StoreError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// A disk in memory that outlives the replica on it. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, MemoryFile>,
    /// After so many more operations the machine crashes.
    operations_left: Option<u32>,
    crashed: bool,
    /// After so many more operations the disk takes nothing more.
    room_left: Option<u32>,
    /// How many operations were done; the simulator draws its crash points from it.
    operations: u64,
    /// A seeded bug for the test of the tests: sync does nothing.
    ignores_sync: bool,
}

#[derive(Clone, Default)]
struct MemoryFile {
    bytes: Vec<u8>,
    /// What would be there after a power cut.
    durable: Vec<u8>,
}

impl MemoryDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The machine will crash after `operations` more operations that change the disk.
    pub fn crash_after(&self, operations: u32) {
        self.state().operations_left = Some(operations);
    }

    /// The disk will be full after `operations` more operations that change it, until [`MemoryDisk::restart`].
    pub fn fill_after(&self, operations: u32) {
        self.state().room_left = Some(operations);
    }

    /// Whether the disk is full, or about to be.
    pub fn is_filling(&self) -> bool {
        self.state().room_left.is_some()
    }

    /// The files in which these bytes stand, one after the other.
    pub fn files_with(&self, bytes: &[u8]) -> Vec<String> {
        let state = self.state();
        let holds = |file: &MemoryFile| file.bytes.windows(bytes.len()).any(|part| part == bytes);
        state.files.iter().filter(|(_, file)| holds(file)).map(|(name, _)| name.clone()).collect()
    }

    /// Changes the bytes of a file behind its machine's back, as a bad sector does; nothing if there is no such file.
    pub fn damage(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        if let Some(file) = self.state().files.get_mut(name) {
            damage(&mut file.bytes);
            file.durable.clone_from(&file.bytes);
        }
    }

    /// Whether the machine has crashed: nothing works until [`MemoryDisk::restart`].
    pub fn is_crashed(&self) -> bool {
        self.state().crashed
    }

    /// How many operations have changed the disk so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Seeds the bug "acknowledged before fsync".
    pub fn ignore_sync(&self) {
        self.state().ignores_sync = true;
    }

    /// The machine starts again. Of what was not synced, each file keeps a beginning: `keep(unsynced)` says how many
    /// of the last `unsynced` bytes survive.
    pub fn restart(&self, mut keep: impl FnMut(usize) -> usize) {
        let mut state = self.state();
        state.crashed = false;
        state.operations_left = None;
        state.room_left = None;
        for file in state.files.values_mut() {
            let shared = file.bytes.iter().zip(&file.durable).take_while(|(a, b)| a == b).count();
            let unsynced = file.bytes.len() - shared;
            let kept = shared + keep(unsynced).min(unsynced);
            let mut bytes = file.bytes[..kept].to_vec();
            // A file overwritten in place keeps its old content behind what was written.
            if file.durable.len() > bytes.len() {
                bytes.extend_from_slice(&file.durable[bytes.len()..]);
            }
            file.durable.clone_from(&bytes);
            file.bytes = bytes;
        }
    }

    /// A copy of the disk as it is: an image of the machine.
    pub fn image(&self) -> Self {
        let state = self.state();
        let copy = State { files: state.files.clone(), ignores_sync: state.ignores_sync, ..State::default() };
        Self { state: Arc::new(Mutex::new(copy)) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let mut state = self.state();
        if state.operations_left == Some(0) {
            state.crashed = true;
        }
        if state.crashed {
            return Err(StoreError::Crashed);
        }
        if state.room_left == Some(0) {
            return Err(StoreError::io("write", std::io::ErrorKind::StorageFull.into()));
        }
        state.room_left = state.room_left.map(|left| left - 1);
        state.operations += 1;
        state.operations_left = state.operations_left.map(|left| left - 1);
        Ok(change(&mut state))
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let state = self.state();
        if state.crashed { Err(StoreError::Crashed) } else { Ok(look(&state)) }
    }
}

impl Disk for MemoryDisk {
    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let folder = format!("{folder}/");
        let names = |state: &State| {
            state.files.keys().filter_map(|name| name.strip_prefix(&folder).map(str::to_owned)).collect()
        };
        self.look(names)
    }

    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.look(|state| state.files.get(name).map(|file| file.bytes.len() as u64))
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        self.look(|state| {
            let bytes = state.files.get(name).map_or(&[][..], |file| &file.bytes);
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes[from..from.saturating_add(length).min(bytes.len())].to_vec()
        })
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.change(|state| {
            let file = state.files.entry(name.to_owned()).or_default();
            let (from, to) = (offset as usize, offset as usize + bytes.len());
            if file.bytes.len() < to {
                file.bytes.resize(to, 0);
            }
            file.bytes[from..to].copy_from_slice(bytes);
        })
    }

    fn sync(&mut self, name: &str) -> Result<(), StoreError> {
        self.change(|state| {
            if !state.ignores_sync
                && let Some(file) = state.files.get_mut(name)
            {
                file.durable.clone_from(&file.bytes);
            }
        })
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        self.change(|state| {
            if let Some(file) = state.files.get_mut(name) {
                file.bytes.truncate(length as usize);
                file.durable.clone_from(&file.bytes);
            }
        })
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.change(|state| {
            let file = MemoryFile { bytes: bytes.to_vec(), durable: bytes.to_vec() };
            state.files.insert(name.to_owned(), file);
        })
    }
}

/// An index in memory. It survives a crash as of some earlier commit, as a cache may.
#[derive(Clone, Default)]
pub struct MemoryIndex {
    state: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
    /// How many values were read.
    looks: Arc<AtomicU64>,
    /// The machine it is in: a commit is one of the operations between which that can crash.
    machine: Option<MemoryDisk>,
}

impl MemoryIndex {
    fn map(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A copy of the index as it is, in no machine.
    pub fn image(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.map().clone())), ..Self::default() }
    }

    /// The same index in the machine of a disk: its commits fail from the crash on.
    pub fn on(&self, machine: &MemoryDisk) -> Self {
        Self { machine: Some(machine.clone()), ..self.clone() }
    }

    /// How many values were read so far: what work costs, without a clock.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    fn operate(&self) -> Result<(), StoreError> {
        self.machine.as_ref().map_or(Ok(()), |machine| machine.change(|_| ()))
    }
}

impl MemoryIndex {
    /// Whether these bytes stand in a key or a value.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let within = |text: &[u8]| text.windows(bytes.len()).any(|part| part == bytes);
        self.map().iter().any(|(key, value)| within(key) || within(value))
    }
}

impl Index for MemoryIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(self.map().get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        for (key, value) in self.map().range(from.to_vec()..to.to_vec()) {
            self.looks.fetch_add(1, Ordering::Relaxed);
            if !each(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), StoreError> {
        self.operate()?;
        let mut map = self.map();
        for (key, value) in changes {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.operate()?;
        self.map().clear();
        Ok(())
    }
}
