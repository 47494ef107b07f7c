//! Mending: a segment written anew from what is known of it, the original kept in `damaged/`.

use super::{Journal, Position, SEGMENT_MAGIC, Span, encode, file_name, path};
use crate::{Disk, StoreError};
use huiliu_core::sync::Run;

/// Copies bytes into `damaged/`, durably, under a free name that begins with this one. What lies there already is not
/// copied again: a machine that finds the same damage every day must not fill its disk with it.
pub fn set_aside(disk: &mut dyn Disk, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let names = disk.list("damaged")?;
    for known in names.iter().filter(|known| known.starts_with(&format!("{name}-"))) {
        let known = format!("damaged/{known}");
        if disk.length(&known)? == Some(bytes.len() as u64) && disk.read(&known, 0, bytes.len())? == bytes {
            return Ok(());
        }
    }
    let free = (1..).map(|n| format!("{name}-{n}")).find(|name| !names.contains(name));
    disk.replace(&format!("damaged/{}", free.expect("some number is free")), bytes)
}

impl Journal {
    /// Gives a segment this content, durably; the original is kept in `damaged/`. Every run then ends an append: all of
    /// it had been acknowledged. Says where the runs now lie.
    pub fn rewrite(&mut self, segment: u32, runs: &[Run]) -> Result<Vec<Span>, StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned);
        }
        let original = self.read_segment(segment)?;
        if !original.is_empty() {
            set_aside(&mut *self.disk, &file_name(segment), &original)?;
        }
        let mut bytes = SEGMENT_MAGIC.to_vec();
        let mut spans = Vec::with_capacity(runs.len());
        for run in runs {
            let offset = bytes.len();
            encode(&mut bytes, run, true);
            let at = Position { segment, offset: offset as u64 };
            spans.push(Span { at, bytes: (bytes.len() - offset) as u32 });
        }
        self.disk.replace(&path(segment), &bytes)?;
        if segment == self.end.segment {
            self.end.offset = bytes.len() as u64;
            self.durable = self.end;
            // The end is where it is now on purpose: nothing is lost.
            self.witness.see(&mut *self.disk, self.end)?;
        }
        Ok(spans)
    }
}
