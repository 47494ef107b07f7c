//! Reading: the runs of the journal, and what is not as it was written.

use super::{
    Damage, Found, Journal, NEWER, NO_HEADER, Position, SEGMENT_MAGIC, Span, file_name, is_newer, path,
};
use crate::frame::{self, Placed};
use crate::{Disk, StoreError};
use huiliu_core::sync::{EntryKind, FeedId, Run};

impl Journal {
    /// Reads the run of a feed that begins with a number. Another one there is damage: whoever names the place was
    /// wrong, or what lay there has been moved since.
    pub fn read(&self, feed: &FeedId, first: u64, span: Span) -> Result<Run, StoreError> {
        let bytes = self.disk.read(&path(span.at.segment), span.at.offset, span.bytes as usize)?;
        let mut run = Run { feed: *feed, first, entries: Vec::new() };
        let mut damage = None;
        walk(&bytes, 0, |at, frame| {
            let wrong = match frame {
                Ok(frame) => {
                    let Placed { feed, number, entry } = frame.placed;
                    let is_next = feed == run.feed && number == first + run.entries.len() as u64;
                    run.entries.push(entry);
                    (!is_next).then_some("another entry lies there")
                }
                Err(reason) => Some(reason),
            };
            damage = damage.or(wrong.map(|reason| (at, reason)));
        });
        if run.entries.is_empty() {
            damage = damage.or(Some((0, "the entries are missing")));
        }
        match damage {
            None => Ok(run),
            Some((at, reason)) => {
                let segment = file_name(span.at.segment);
                Err(StoreError::Damaged { segment, offset: span.at.offset + at as u64, reason })
            }
        }
    }

    /// Walks through all of it whatever is damaged: a segment that cannot be read, or is a newer version's, is damage.
    pub fn inspect(&self, mut each: impl FnMut(Found)) -> Result<(), StoreError> {
        self.walk_through(Position::default(), true, &mut |found| {
            each(found);
            Ok(())
        })
    }

    /// Walks from a position to the end and shows every run and every damage. A run with a damaged entry inside is
    /// shown as damage only. Stops at the first error of `each`.
    pub fn scan<E: From<StoreError>>(
        &self,
        from: Position,
        mut each: impl FnMut(Found) -> Result<(), E>,
    ) -> Result<(), E> {
        self.walk_through(from, self.reads_only, &mut each)
    }

    fn walk_through<E: From<StoreError>>(
        &self,
        from: Position,
        lenient: bool,
        each: &mut dyn FnMut(Found) -> Result<(), E>,
    ) -> Result<(), E> {
        let there = segments(&*self.disk)?;
        for segment in from.segment.max(1)..=self.end.segment {
            let whole = |reason| {
                Found::Damaged(Damage { segment: file_name(segment), offset: 0, entry: None, reason })
            };
            if !there.contains(&segment) {
                each(whole("the segment is missing"))?;
                continue;
            }
            let mut bytes = match self.read_segment(segment) {
                Err(_) if lenient => {
                    each(whole("the segment cannot be read"))?;
                    continue;
                }
                read => read?,
            };
            if segment == self.end.segment {
                bytes.truncate(self.end.offset as usize);
            }
            let begin = if segment == from.segment { from.offset as usize } else { 0 };
            if begin < SEGMENT_MAGIC.len() && !bytes.starts_with(&SEGMENT_MAGIC) {
                if is_newer(&bytes) && !lenient {
                    return Err(StoreError::TooNew(format!("journal format {}", bytes[7])).into());
                }
                if is_newer(&bytes) {
                    each(whole(NEWER))?;
                } else if !bytes.is_empty() || segment < self.end.segment {
                    each(whole(NO_HEADER))?;
                }
            }
            let mut found = Vec::new();
            gather(segment, &bytes, begin.max(SEGMENT_MAGIC.len()), &mut found);
            found.into_iter().try_for_each(&mut *each)?;
        }
        Ok(())
    }
}

/// The numbers of the segments there are.
pub(super) fn segments(disk: &dyn Disk) -> Result<Vec<u32>, StoreError> {
    let names = disk.list("journal")?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect())
}

/// Shows every frame from `begin` on; after a damaged one goes on with the next that is intact.
pub(super) fn walk(
    bytes: &[u8],
    begin: usize,
    mut each: impl FnMut(usize, Result<frame::Frame, &'static str>),
) {
    let mut at = begin;
    while at < bytes.len() {
        match frame::read(&bytes[at..]) {
            Ok(frame) => {
                let next = at + frame.bytes;
                each(at, Ok(frame));
                at = next;
            }
            Err(reason) => {
                each(at, Err(reason));
                match frame::find_next(&bytes[at..]) {
                    Some(skip) => at += skip,
                    None => return,
                }
            }
        }
    }
}

const UNFINISHED: &str = "the run does not end with a signed point";

/// Puts frames together to runs.
fn gather(segment: u32, bytes: &[u8], begin: usize, found: &mut Vec<Found>) {
    let mut open: Option<(Run, usize)> = None;
    let damaged = |offset: usize, entry, reason| {
        Found::Damaged(Damage { segment: file_name(segment), offset: offset as u64, entry, reason })
    };
    walk(bytes, begin, |at, frame| {
        let frame = match frame {
            Ok(frame) => frame,
            Err(reason) => {
                let entry = open.take().map(|(run, _)| (run.feed, run.last() + 1));
                found.push(damaged(at, entry, reason));
                return;
            }
        };
        let Placed { feed, number, entry } = frame.placed;
        let continues = open.as_ref().is_some_and(|(run, _)| run.feed == feed && run.last() + 1 == number);
        if !continues && let Some((run, from)) = open.take() {
            found.push(damaged(from, Some((run.feed, run.first)), UNFINISHED));
        }
        if !continues && frame.flags & frame::BEGINS_RUN == 0 {
            // The rest of a run whose beginning is damaged: nothing proves it without what came before.
            found.push(damaged(at, Some((feed, number)), "an entry before it in its run is damaged"));
            return;
        }
        let ends = entry.kind == EntryKind::POINT;
        let (run, _) = open.get_or_insert_with(|| (Run { feed, first: number, entries: Vec::new() }, at));
        run.entries.push(entry);
        if ends && let Some((run, from)) = open.take() {
            let at_position = Position { segment, offset: from as u64 };
            found.push(Found::Run(run, Span { at: at_position, bytes: (at + frame.bytes - from) as u32 }));
        }
    });
    if let Some((run, from)) = open {
        found.push(damaged(from, Some((run.feed, run.first)), UNFINISHED));
    }
}
