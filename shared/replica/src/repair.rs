//! Repair: damaged runs written into the journal again from what the index remembers of them, or taken from a backup;
//! and what nobody has any more given up, so that what was written behind it is written again.

use crate::apply::stay_of;
use crate::error::ReplicaError;
use crate::inspect::{Inspected, Keys, covers, inspect};
use crate::repeats::{Contents, is_written_again};
use crate::replica::Replica;
use huiliu_core::sync::control::{self, Beginning, Grant, Note, reason};
use huiliu_core::sync::entry::entry_hash;
use huiliu_core::sync::feed::{Point, check_run, run_grant};
use huiliu_core::sync::{Admission, Entry, EntryKind, FeedId, Hash, Head, Run};
use huiliu_store::keys::Stay;
use huiliu_store::rows::{ChangeRow, ChangeState, ControlRow, LocalRow, MatchRow, RunRow, Waiting};
use huiliu_store::{Damage, Found, Journal, Position, Span, journal, keys};
use std::collections::{BTreeMap, BTreeSet};

/// What mending came to.
#[derive(Debug, Default)]
pub struct Mended {
    /// How many entries were written again from the index.
    pub repaired: u64,
    /// The first number of every run that is known to be lost here.
    pub left_out: Vec<(FeedId, u64)>,
    /// How many places were left out of which not even the number is known.
    pub unknown: usize,
    /// Runs lie elsewhere now: the index must be computed again.
    pub moved: bool,
}

const LOCAL_KINDS: [EntryKind; 4] =
    [EntryKind::QUARANTINED, EntryKind::DRAFT, EntryKind::IMPORT, EntryKind::NOTE];

impl Replica {
    /// Everything that is wrong with the journal.
    pub fn inspect(&self) -> Result<Inspected, ReplicaError> {
        let keys = Keys { own: Some(self.key.public()), hub: Some(self.home.clone()) };
        inspect(&self.journal, Some(&self.index), &keys)
    }

    /// Writes every damaged segment anew: runs that are intact, and in the place of damaged ones what the index
    /// remembers, byte for byte. What it does not is left out; then a new incarnation begins first, because nobody knows
    /// what had been written under the present one. `progress`: so many segments of so many.
    pub fn mend(&mut self, mut progress: impl FnMut(usize, usize), now: u64) -> Result<Mended, ReplicaError> {
        let found = self.inspect()?;
        let mut mended = Mended::default();
        let remembered = self.remembered(&found.lost)?;
        for (feed, row) in &found.lost {
            match remembered.get(&row.span.at) {
                Some(run) => mended.repaired += run.entries.len() as u64,
                None => mended.left_out.push((*feed, row.first)),
            }
        }
        let segments = found.damaged_segments();
        mended.unknown = found.unknown();
        mended.moved = mended.unknown > 0 || !mended.left_out.is_empty();
        if mended.moved {
            self.forget_verified()?;
            self.begin_again(Beginning::LostTail, now)?;
            self.flush()?;
        }
        // A repair before this one was killed before the index was forgotten.
        mended.moved |= found.astray > 0;
        for (at, segment) in segments.iter().enumerate() {
            mended.moved |= self.mend_segment(*segment, &found, &remembered)?;
            progress(at + 1, segments.len());
        }
        if !mended.moved {
            // All is as it was.
            for (key, _) in self.index.list::<u64>(&keys::all_damaged())? {
                self.index.remove([keys::all_damaged(), key].concat());
            }
            self.unread.take();
        }
        self.save_index()?;
        Ok(mended)
    }

    /// Whether runs lie elsewhere than before.
    fn mend_segment(
        &mut self,
        segment: u32,
        found: &Inspected,
        remembered: &BTreeMap<Position, Run>,
    ) -> Result<bool, ReplicaError> {
        let mut runs: BTreeMap<Position, Run> = BTreeMap::new();
        self.journal.inspect(|seen| match seen {
            Found::Run(run, Span { at, .. }) if at.segment == segment && !found.bad.contains(&at) => {
                runs.insert(at, run);
            }
            _ => {}
        })?;
        let here = remembered.iter().filter(|(at, _)| at.segment == segment);
        runs.extend(here.map(|(at, run)| (*at, run.clone())));
        let (before, runs): (Vec<Position>, Vec<Run>) = runs.into_iter().unzip();
        let after = self.journal.rewrite(segment, &runs)?;
        Ok(after.iter().map(|span| span.at).ne(before))
    }

    /// Computes runs again from the rows of their entries, by their place; those of which every entry is known, and of
    /// which the chain comes out as it was.
    fn remembered(&self, lost: &[(FeedId, RunRow)]) -> Result<BTreeMap<Position, Run>, ReplicaError> {
        let edits = self.edits_of(lost)?;
        let mut runs = BTreeMap::new();
        for (feed, row) in lost {
            let Some(no) = self.feeds.get(feed).copied() else { continue };
            let mut entries = Vec::new();
            for number in row.first..row.head.number {
                let known = match edits.get(&(*feed, number)) {
                    Some(entry) => Some(entry.clone()),
                    None => self.other_entry(no, number)?,
                };
                entries.extend(known);
            }
            let (grant, signature) = (row.head.grant, row.signature.clone());
            let point = Point { grant, signature, edition: row.edition };
            entries.push(Entry { kind: EntryKind::POINT, envelope: None, payload: control::encode(&point) });
            let run = Run { feed: *feed, first: row.first, entries };
            if run.last() == row.head.number && self.hash_after(no, &run)? == row.head.hash {
                runs.insert(row.span.at, run);
            }
        }
        Ok(runs)
    }

    fn hash_after(&self, no: u32, run: &Run) -> Result<Hash, ReplicaError> {
        let rows = self.index.list::<RunRow>(&keys::runs(no))?;
        let before = rows.iter().map(|(_, row)| row.head).rfind(|head| head.number < run.first);
        let mut hash = before.map_or(Hash::ZERO, |head| head.hash);
        for (number, entry) in (run.first..).zip(&run.entries) {
            hash = entry_hash(&run.feed, number, &hash, entry);
        }
        Ok(hash)
    }

    /// The edits that stand in these runs, from the records they changed.
    fn edits_of(&self, lost: &[(FeedId, RunRow)]) -> Result<BTreeMap<(FeedId, u64), Entry>, ReplicaError> {
        let stands_in = |change: &ChangeRow| {
            let within = |row: &RunRow| (row.first..=row.head.number).contains(&change.number);
            lost.iter().any(|(feed, row)| *feed == change.feed && within(row))
        };
        let mut stays: BTreeSet<Stay> = BTreeSet::new();
        if !lost.is_empty() {
            self.index.each(&keys::all_changes(), &[], |key, change: ChangeRow| {
                stays.extend(stay_of(key, &change.place().0).filter(|_| stands_in(&change)));
                true
            })?;
        }
        let mut edits = BTreeMap::new();
        for stay in stays {
            let mut rows = self.entry_rows(&stay)?;
            self.fill_raw(&stay, &mut rows)?;
            for row in rows.into_iter().filter(|row| !row.raw.is_empty() && stands_in(row)) {
                let entry = Entry { kind: EntryKind::EDIT, envelope: Some(row.envelope), payload: row.raw };
                edits.insert((row.feed, row.number), entry);
            }
        }
        Ok(edits)
    }

    /// An entry that is no edit, if the index holds it whole.
    fn other_entry(&self, no: u32, number: u64) -> Result<Option<Entry>, ReplicaError> {
        if let Some(row) = self.index.get::<ControlRow>(&keys::control(no, number))? {
            return Ok(Some(row.entry));
        }
        if let Some(row) = self.index.get::<MatchRow>(&keys::matching(no, number))? {
            return Ok(Some(row.entry));
        }
        for kind in LOCAL_KINDS {
            if let Some(row) = self.index.get::<LocalRow>(&keys::local(kind, no, number))? {
                return Ok(Some(row.entry));
            }
        }
        Ok(None)
    }

    /// Takes from another journal, a backup's, what continues the feeds here. Says how many entries came.
    pub fn take_from(&mut self, backup: &Journal) -> Result<u64, ReplicaError> {
        let mut taken = 0;
        loop {
            let mut fitting: Vec<Run> = Vec::new();
            let mut heads = BTreeMap::new();
            backup.inspect(|found| {
                let Found::Run(run, _) = found else { return };
                let head = heads.get(&run.feed).copied().unwrap_or(self.ledger.head(&run.feed));
                if let Some(next) = self.fits(&run, &head) {
                    heads.insert(run.feed, next);
                    fitting.push(run);
                }
            })?;
            if fitting.is_empty() {
                self.commit_granted()?;
                self.flush()?;
                return Ok(taken);
            }
            taken += fitting.iter().map(|run| run.entries.len() as u64).sum::<u64>();
            self.keep(fitting)?;
        }
    }

    /// Where a feed stands after a run of a backup, if that continues it and its author might write there.
    fn fits(&self, run: &Run, head: &Head) -> Option<Head> {
        if run.first != head.number + 1 {
            return None;
        }
        let grant = run_grant(run).ok()?;
        let may = run.feed.device == self.device()
            || matches!(self.authority().admit(&run.feed, &grant), Admission::Granted(_));
        let author = self.author_key(&run.feed).filter(|_| may)?;
        check_run(&author, head, run).ok()
    }

    /// Entries held of shared feeds, own ones of the present incarnation left out.
    pub fn held_of_others(&self) -> u64 {
        let held = self.ledger.heads().filter(|(feed, _)| feed.channel.is_shared());
        held.filter(|(feed, _)| !self.is_present_own(feed)).map(|(_, head)| head.number).sum()
    }

    /// Nobody has what is missing in own feeds, or what own edits wait for: what was written behind it, which nobody else
    /// can have either, is written again in the present incarnation, and what follows a change that is lost stands
    /// without it or becomes a draft. Says how many edits there were.
    pub fn give_up_holes(&mut self, now: u64) -> Result<u64, ReplicaError> {
        self.commit_granted()?;
        let mut changes = self.waiting_own()?;
        let own: Vec<FeedId> =
            self.parked.keys().filter(|feed| feed.device == self.device()).copied().collect();
        let mut holes: BTreeMap<FeedId, u64> = BTreeMap::new();
        for feed in own {
            let after = self.ledger.head(&feed).number;
            let parked: Vec<(u64, Span)> = self.parked[&feed].clone().into_iter().collect();
            for (first, span) in parked {
                let Some(run) = self.read_run(&feed, first, span)? else { continue };
                for (number, entry) in (run.first..).zip(&run.entries) {
                    self.bring_back(&run, number, entry, now)?;
                }
            }
            self.note(&Note::Rewound { feed, after }, "huiliu", now);
            holes.insert(feed, after);
        }
        let mut gone = self.changes_after(&holes)?;
        for (stay, gone) in &gone {
            changes.entry(*stay).or_default().extend(gone);
        }
        for (stay, changes) in &changes {
            let gone = gone.remove(stay).unwrap_or_default();
            self.write_again(stay, changes, &gone, reason::FORKED, now, true)?;
        }
        self.commit_notebook_first()?;
        self.flush()?;
        Ok(changes.values().map(|changes| changes.len() as u64).sum())
    }
}

impl Replica {
    /// Own edits that wait for what they follow, by stay.
    fn waiting_own(&self) -> Result<BTreeMap<Stay, BTreeSet<Hash>>, ReplicaError> {
        let waits = |row: &ChangeRow| {
            let own = row.is_entry() && row.feed.device == self.device();
            own && row.state == ChangeState::Waiting(Waiting::Dependency)
        };
        let mut stays: BTreeSet<Stay> = BTreeSet::new();
        self.index.each(&keys::all_changes(), &[], |key, row: ChangeRow| {
            stays.extend(stay_of(key, &row.feed).filter(|_| waits(&row)));
            true
        })?;
        let mut waiting: BTreeMap<Stay, BTreeSet<Hash>> = BTreeMap::new();
        for stay in stays {
            let ever = self.change_rows_ever(&stay.record)?;
            let counted = Contents::of(&ever);
            let rows = self.entry_rows(&stay)?.into_iter();
            let open = rows.filter(|row| waits(row) && !counted.has(row) && !is_written_again(&ever, row));
            waiting.insert(stay, open.map(|row| row.hash).collect());
        }
        Ok(waiting)
    }

    /// Puts an edit from behind a hole into its record for a moment, to be written again. What a hub said there of
    /// others is said again at once.
    fn bring_back(&mut self, run: &Run, number: u64, entry: &Entry, now: u64) -> Result<(), ReplicaError> {
        let feed = &run.feed;
        let Some(envelope) = &entry.envelope else { return Ok(()) };
        let say_again = match entry.kind {
            EntryKind::EDIT => {
                self.apply_edit(feed, number, (envelope, run.edition()), &entry.payload)?;
                return self.evaluate_stale();
            }
            EntryKind::REFUSAL | EntryKind::FORK | EntryKind::REVOKE => true,
            // An older grant said again would take the place of a newer one.
            EntryKind::GRANT => control::decode::<Grant>(&entry.payload)
                .is_some_and(|grant| self.authority().last_grant_of(&grant.key.device()).is_none()),
            EntryKind::REGISTRY => self.authority().registry().is_none(),
            // Where records are follows from what is in them, and closing only shortens a Hello.
            _ => false,
        };
        if say_again {
            let stamp = self.stamp(&envelope.stamp.who, now);
            self.stage_entry(feed.channel, entry.kind, stamp, entry.payload.clone());
        }
        Ok(())
    }
}

impl Inspected {
    /// The segments to be written anew: those in which something is damaged, but for a newer version's.
    fn damaged_segments(&self) -> BTreeSet<u32> {
        let mended = self.places.iter().filter(|place| place.reason != journal::NEWER);
        let named = mended.filter_map(|place| place.segment.strip_suffix(".seg")?.parse().ok());
        named.chain(self.lost.iter().map(|(_, row)| row.span.at.segment)).collect()
    }

    /// How many places are damaged that the index does not know: nobody can say what stood there.
    fn unknown(&self) -> usize {
        let known = |place: &Damage| {
            let here = |row: &RunRow| {
                covers(row, place)
                    || place.offset == 0 && place.segment == journal::file_name(row.span.at.segment)
            };
            place.reason == journal::NO_HEADER || self.lost.iter().any(|(_, row)| here(row))
        };
        self.places.iter().filter(|place| place.reason != journal::NEWER && !known(place)).count()
    }
}
