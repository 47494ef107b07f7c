//! The in-memory twins of disk and index, for simulation: what was not synced can be lost, at any moment.
//!
//! A file has what was written to it, which is also what any program reads, be it one started after the writer was
//! killed; and what is durable, which is all that a power cut leaves for sure.

use crate::{Disk, Index, StoreError};
use std::collections::BTreeMap;
use std::ops::Range;
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
    /// After so many more syncs one fails.
    syncs_left: Option<u32>,
    /// A sync has failed since the last start.
    has_failed: bool,
    /// How many operations were done; the simulator draws its crash points from it.
    operations: u64,
    /// A seeded bug for the test of the tests: sync does nothing.
    ignores_sync: bool,
}

#[derive(Clone, Default)]
struct MemoryFile {
    /// What was written, and is read.
    bytes: Vec<u8>,
    /// What would be there after a power cut.
    durable: Vec<u8>,
    /// What was written since the last sync: the next one writes these ranges to the disk and no others.
    dirty: Vec<Range<usize>>,
}

impl MemoryFile {
    /// A file of which everything is durable.
    fn synced(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), durable: bytes.to_vec(), dirty: Vec::new() }
    }

    fn sync(&mut self) {
        for range in std::mem::take(&mut self.dirty) {
            let range = range.start.min(self.bytes.len())..range.end.min(self.bytes.len());
            if self.durable.len() < range.end {
                self.durable.resize(range.end, 0);
            }
            self.durable[range.clone()].copy_from_slice(&self.bytes[range]);
        }
    }

    /// A power cut: of what was not synced a beginning survives, as long as `keep` says, and what survives is durable.
    fn lose_power(&mut self, keep: impl FnOnce(usize) -> usize) {
        let shared = self.bytes.iter().zip(&self.durable).take_while(|(a, b)| a == b).count();
        let unsynced = self.bytes.len() - shared;
        let kept = shared + keep(unsynced).min(unsynced);
        let mut bytes = self.bytes[..kept].to_vec();
        // A file overwritten in place keeps its old content behind what was written.
        if self.durable.len() > bytes.len() {
            bytes.extend_from_slice(&self.durable[bytes.len()..]);
        }
        *self = Self::synced(&bytes);
    }
}

impl State {
    fn start(&mut self) {
        (self.crashed, self.has_failed) = (false, false);
        (self.operations_left, self.room_left, self.syncs_left) = (None, None, None);
    }

    /// One more sync: whether it goes well. One that fails takes what it should have written for clean, as Linux does:
    /// no later sync writes it, unless it is written again.
    fn may_sync(&mut self, name: &str) -> Result<(), StoreError> {
        if self.syncs_left == Some(0) {
            (self.syncs_left, self.has_failed) = (None, true);
            if let Some(file) = self.files.get_mut(name) {
                file.dirty.clear();
            }
            return Err(StoreError::io("sync", std::io::Error::other("the disk failed")));
        }
        self.syncs_left = self.syncs_left.map(|left| left - 1);
        Ok(())
    }
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

    /// One sync will fail after `syncs` more, and leave nothing to be synced. Cutting and replacing a file sync it too.
    pub fn fail_sync_after(&self, syncs: u32) {
        self.state().syncs_left = Some(syncs);
    }

    /// Whether the disk is full or has failed since the machine or its program started, or is about to.
    pub fn is_failing(&self) -> bool {
        let state = self.state();
        state.room_left.is_some() || state.syncs_left.is_some() || state.has_failed
    }

    /// Whether the first bytes of a file, so many, are what a power cut would leave now.
    pub fn is_durable(&self, name: &str, bytes: u64) -> bool {
        let state = self.state();
        let file = state.files.get(name).map(|file| (file.bytes.get(..bytes as usize), &file.durable));
        file.is_some_and(|(written, durable)| written.is_some_and(|written| durable.starts_with(written)))
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

    /// The machine starts again after a power cut. Of what was not synced, each file keeps a beginning: `keep(unsynced)`
    /// says how many of the last `unsynced` bytes survive.
    pub fn restart(&self, mut keep: impl FnMut(usize) -> usize) {
        let mut state = self.state();
        state.start();
        state.files.values_mut().for_each(|file| file.lose_power(&mut keep));
    }

    /// The program was killed and starts again on a machine that went on: everything written can be read, and what was
    /// not synced is no more durable than before.
    pub fn revive(&self) {
        self.state().start();
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
            file.dirty.push(from.min(file.bytes.len())..to);
            if file.bytes.len() < to {
                file.bytes.resize(to, 0);
            }
            file.bytes[from..to].copy_from_slice(bytes);
        })
    }

    fn sync(&mut self, name: &str) -> Result<(), StoreError> {
        self.change(|state| {
            state.may_sync(name)?;
            if !state.ignores_sync
                && let Some(file) = state.files.get_mut(name)
            {
                file.sync();
            }
            Ok(())
        })?
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        self.change(|state| {
            if let Some(file) = state.files.get_mut(name) {
                file.bytes.truncate(length as usize);
            }
            state.may_sync(name)?;
            if let Some(file) = state.files.get_mut(name) {
                file.durable.truncate(length as usize);
                file.sync();
            }
            Ok(())
        })?
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.change(|state| {
            state.may_sync(&format!("{name}.new"))?;
            state.files.insert(name.to_owned(), MemoryFile::synced(bytes));
            Ok(())
        })?
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
