//! Inspecting a journal: every entry's checksum, chain and signature, against what the index remembers of it. Changes
//! nothing, and needs no replica: a journal that nobody can open is inspected too.

use crate::error::ReplicaError;
use crate::open::Home;
use huiliu_core::model::Scope;
use huiliu_core::sync::control::{self, Note};
use huiliu_core::sync::entry::entry_hash;
use huiliu_core::sync::feed::{BadRun, check_run};
use huiliu_core::sync::{Authority, EntryKind, FeedId, Hash, Head, PublicKey, Run};
use huiliu_store::journal::file_name;
use huiliu_store::rows::{FeedRow, RunRow};
use huiliu_store::{Damage, Found, Journal, Position, Span, Working, keys};
use std::collections::{BTreeMap, BTreeSet};

const GAP: &str = "entries before it are missing";
const NO_GRANT: &str = "the author has no grant here";

/// The keys that are known without any grant. Where the files that hold them are damaged, signatures of authors that
/// cannot be known are not checked: that is no damage of the journal.
pub struct Keys {
    /// This device's.
    pub own: Option<PublicKey>,
    /// The home hub's.
    pub hub: Option<Home>,
}

/// What an inspection found.
#[derive(Debug, Default)]
pub struct Inspected {
    /// How many entries are intact.
    pub entries: u64,
    /// How many feeds.
    pub feeds: usize,
    /// Every damaged entry, as far as it can be told.
    pub damaged: Vec<Damage>,
    /// The first missing number of what is known to be lost for good.
    pub holes: Vec<(FeedId, u64)>,
    /// Runs that the index remembers and the journal does not have.
    pub(crate) lost: Vec<(FeedId, RunRow)>,
    /// How many runs lie elsewhere than the index says.
    pub(crate) astray: usize,
    /// Bytes that are not what was written there, without what the index says of them.
    pub(crate) places: Vec<Damage>,
    /// Intact runs that do not follow what is here, or that nobody known has written.
    pub(crate) strays: Vec<Damage>,
    /// Where runs lie whose bytes are whole and whose chain or signature is not.
    pub(crate) bad: BTreeSet<Position>,
}

/// Inspects a journal, with the index beside it if there is one that can be trusted.
pub fn inspect(journal: &Journal, index: Option<&Working>, keys: &Keys) -> Result<Inspected, ReplicaError> {
    let mut walk = Walk::new(keys, index)?;
    journal.inspect(|found| match found {
        Found::Damaged(damage) => walk.found.places.push(damage),
        Found::Run(run, span) => walk.run(run, span),
    })?;
    walk.found.places.extend(journal.lost_end()?);
    Ok(walk.finish())
}

struct Walk<'a> {
    keys: &'a Keys,
    authority: Option<Authority>,
    /// What the index remembers: by feed, the runs by their last number.
    remembered: BTreeMap<FeedId, BTreeMap<u64, RunRow>>,
    /// Where the feeds stood at their points. Of a forked feed one number can have two.
    points: BTreeMap<(FeedId, u64), Vec<Head>>,
    /// Feeds whose author nobody knows.
    strange: BTreeSet<FeedId>,
    /// Where runs lie that are intact, and which.
    intact: BTreeMap<Position, (FeedId, u64)>,
    /// Runs that follow nothing yet: what fills a hole stands later in the journal than what lies behind it.
    early: BTreeMap<FeedId, BTreeMap<u64, (Run, Span)>>,
    /// Numbers after which the rest of a feed was given up.
    rewound: BTreeSet<(FeedId, u64)>,
    found: Inspected,
}

impl<'a> Walk<'a> {
    fn new(keys: &'a Keys, index: Option<&Working>) -> Result<Self, ReplicaError> {
        let mut remembered: BTreeMap<FeedId, BTreeMap<u64, RunRow>> = BTreeMap::new();
        for (no, feed) in
            index.map(|index| index.list::<FeedRow>(&keys::feeds())).transpose()?.unwrap_or_default()
        {
            let no = u32::from_be_bytes(no.as_slice().try_into().unwrap_or_default());
            let rows = index.map(|index| index.list::<RunRow>(&keys::runs(no))).transpose()?;
            let rows = rows.unwrap_or_default().into_iter().map(|(_, row)| (row.head.number, row));
            remembered.insert(feed.id, rows.collect());
        }
        let authority = keys.hub.as_ref().map(|home| Authority::new(home.root.clone(), home.hub));
        Ok(Self {
            keys,
            authority,
            remembered,
            points: BTreeMap::new(),
            strange: BTreeSet::new(),
            intact: BTreeMap::new(),
            early: BTreeMap::new(),
            rewound: BTreeSet::new(),
            found: Inspected::default(),
        })
    }

    fn run(&mut self, run: Run, span: Span) {
        self.intact.insert(span.at, (run.feed, run.first));
        self.found.entries += run.entries.len() as u64;
        for entry in &run.entries {
            if let Some(authority) = self.authority.as_mut().filter(|known| known.is_control(&run.feed)) {
                // Whose key it is does not depend on the grant's own hash.
                authority.learn(entry_hash(&run.feed, run.first, &Hash::ZERO, entry), entry);
            }
            if entry.kind == EntryKind::NOTE
                && let Some(Note::Rewound { feed, after }) = control::decode(&entry.payload)
            {
                self.rewound.insert((feed, after));
            }
        }
        let mut next = Some((run, span));
        while let Some((run, span)) = next {
            let (feed, last) = (run.feed, run.last());
            let goes_on = self.check(run, span);
            next = if goes_on {
                self.early.get_mut(&feed).and_then(|runs| runs.remove(&(last + 1)))
            } else {
                None
            };
        }
    }

    /// Whether a run continues its feed, so that what lies behind it can be checked too.
    fn check(&mut self, run: Run, span: Span) -> bool {
        let before = self.before(&run);
        if before.is_empty() {
            self.early.entry(run.feed).or_default().insert(run.first, (run, span));
            return false;
        }
        let Some(author) = self.author(&run.feed) else {
            let unknowable = self.keys.own.is_none() || self.keys.hub.is_none();
            if self.strange.insert(run.feed) && !unknowable {
                self.found.strays.push(damage(&run.feed, run.first, span, NO_GRANT));
            }
            return false;
        };
        let mut wrong = GAP;
        for head in before {
            match check_run(&author, &head, &run) {
                Ok(next) => {
                    self.points.entry((run.feed, run.last())).or_default().push(next);
                    return true;
                }
                Err(BadRun::Gap) => {}
                Err(BadRun::Shape) => wrong = "not a run that ends with a signed point",
                Err(BadRun::Signature) => wrong = "chain or signature does not hold",
            }
        }
        self.found.places.push(damage(&run.feed, run.first, span, wrong));
        self.found.bad.insert(span.at);
        self.intact.remove(&span.at);
        false
    }

    /// Where its feed may have stood before a run, as the journal or the index say.
    fn before(&self, run: &Run) -> Vec<Head> {
        if run.first == 1 {
            return vec![Head::START];
        }
        let number = run.first - 1;
        let known = self.points.get(&(run.feed, number)).cloned().unwrap_or_default();
        if run.feed.channel.scope == Scope::Local && self.early.contains_key(&run.feed) {
            // A notebook goes on behind a hole, and the index does not know the chain there either.
            return known;
        }
        let row = self.remembered.get(&run.feed).and_then(|rows| rows.get(&number));
        known.into_iter().chain(row.map(|row| row.head)).collect()
    }

    fn author(&self, feed: &FeedId) -> Option<PublicKey> {
        let hub = self.keys.hub.as_ref().map(|home| &home.root);
        let known =
            [self.keys.own.as_ref(), hub].into_iter().flatten().find(|key| key.device() == feed.device);
        let granted = || Some(self.authority.as_ref()?.last_grant_of(&feed.device)?.1.key.clone());
        known.cloned().or_else(granted)
    }

    /// Something is missing before a run: known to be lost for good, or not.
    fn hole(&mut self, feed: &FeedId, first: u64, span: Span) {
        let before = self.points.range((*feed, 0)..(*feed, first)).next_back();
        let after = before.map_or(0, |((_, number), _)| *number);
        if feed.channel.scope == Scope::Local || self.rewound.contains(&(*feed, after)) {
            self.found.holes.push((*feed, after + 1));
        } else {
            self.found.strays.push(damage(feed, first, span, GAP));
        }
    }

    fn finish(mut self) -> Inspected {
        self.found.feeds = self.points.keys().map(|(feed, _)| feed).collect::<BTreeSet<_>>().len();
        for (feed, runs) in std::mem::take(&mut self.early) {
            let mut told = None;
            if self.strange.contains(&feed) {
                continue;
            }
            for (first, (run, span)) in runs {
                // What follows something behind a hole is behind the same hole.
                if told.replace(run.last() + 1) != Some(first) {
                    self.hole(&feed, first, span);
                }
            }
        }
        let rows = std::mem::take(&mut self.remembered);
        let rows = rows.into_iter().flat_map(|(feed, rows)| rows.into_values().map(move |row| (feed, row)));
        let lies_there =
            |feed: FeedId, row: &RunRow| self.intact.get(&row.span.at) == Some(&(feed, row.first));
        let is_here = |feed: FeedId, row: &RunRow| {
            self.points.get(&(feed, row.head.number)).is_some_and(|heads| heads.contains(&row.head))
        };
        let elsewhere = rows.filter(|(feed, row)| !lies_there(*feed, row));
        let (astray, lost): (Vec<_>, Vec<_>) = elsewhere.partition(|(feed, row)| is_here(*feed, row));
        (self.found.astray, self.found.lost) = (astray.len(), lost);
        self.found.damaged = name_entries(&self.found.places, &self.found.lost, &self.found.strays);
        self.found
    }
}

fn damage(feed: &FeedId, number: u64, span: Span, reason: &'static str) -> Damage {
    let segment = file_name(span.at.segment);
    Damage { segment, offset: span.at.offset, entry: Some((*feed, number)), reason }
}

/// Whether a place lies in a run that the index remembers.
pub(crate) fn covers(row: &RunRow, place: &Damage) -> bool {
    let (from, to) = (row.span.at.offset, row.span.at.offset + u64::from(row.span.bytes));
    place.segment == file_name(row.span.at.segment) && (from..to).contains(&place.offset)
}

/// Every damaged entry: as the journal tells it, and each number of a run that the index remembers.
fn name_entries(places: &[Damage], lost: &[(FeedId, RunRow)], strays: &[Damage]) -> Vec<Damage> {
    // What the index can name is named by it.
    let nameless = |place: &&Damage| place.entry.is_some() || !lost.iter().any(|(_, row)| covers(row, place));
    let mut named: Vec<Damage> = places.iter().filter(nameless).chain(strays).cloned().collect();
    let told: BTreeSet<(FeedId, u64)> = named.iter().filter_map(|place| place.entry).collect();
    for (feed, row) in lost {
        let segment = file_name(row.span.at.segment);
        let offset = row.span.at.offset;
        let end = offset + u64::from(row.span.bytes);
        let mut near = places.iter().filter(|place| place.segment == segment && place.offset < end);
        let reason = near.next_back().map_or("the entry is missing", |place| place.reason);
        for number in (row.first..=row.head.number).filter(|number| !told.contains(&(*feed, *number))) {
            named.push(Damage { segment: segment.clone(), offset, entry: Some((*feed, number)), reason });
        }
    }
    named.sort_by(|a, b| {
        let number = |one: &Damage| one.entry.map(|(_, number)| number);
        (&a.segment, a.offset, number(a)).cmp(&(&b.segment, b.offset, number(b)))
    });
    named
}
