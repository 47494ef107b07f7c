//! One replica: journal, index and ledger, and the sessions it has.

use crate::arrived::Arrived;
use crate::exchange::{Effect, SessionId};
use crate::keychain::Keychain;
use crate::matching::Matching;
use crate::open::{Edition, Entropy, Home};
use crate::people::People;
use crate::put_off::PutOff;
use crate::tickets::TicketBook;
use huiliu_core::documents::Gated;
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{Channel, DivisionCode, Hlc, RecordId};
use huiliu_core::sync::control::{self, Beginning, Note};
use huiliu_core::sync::entry::MAX_WHO_BYTES;
use huiliu_core::sync::person_keys::Kept;
use huiliu_core::sync::seal::KeyId;
use huiliu_core::sync::session::Session;
use huiliu_core::sync::{DeviceId, DeviceKey, Entry, EntryKind, FeedId, Hash, Incarnation, Ledger, Stamp};
use huiliu_store::keys::Stay;
use huiliu_store::{Journal, Position, Span, Working};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Whether a replica judges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A county bureau's or a township's.
    Node,
    /// The home hub of its tree.
    Hub,
}

/// An installation that holds records. Open it with [`Replica::open`].
pub struct Replica {
    pub(crate) key: DeviceKey,
    pub(crate) home: Home,
    pub(crate) journal: Journal,
    pub(crate) index: Working,
    pub(crate) ledger: Ledger,
    /// The number of each feed in the index.
    pub(crate) feeds: BTreeMap<FeedId, u32>,
    /// Everything before this position of the journal is in the index.
    pub(crate) applied: Position,
    /// What is held behind that position and registered.
    pub(crate) arrived: Arrived,
    /// What is applied has been judged before: the index is computed again from the journal.
    pub(crate) recomputes: bool,
    /// Who waits until that is applied.
    pub(crate) put_off: PutOff,
    /// The caller applies what comes, when nothing else is to be done.
    pub(crate) defers: bool,
    /// While it catches up, the index is committed when so many rows have changed.
    pub(crate) index_rows: usize,
    pub(crate) clock: Hlc,
    /// The last record id given out: milliseconds and 12 bits of a counter.
    pub(crate) minted: u64,
    /// The edition of the registry, as it was published.
    pub(crate) edition: Edition,
    /// The edition with the hub's amendments.
    pub(crate) divisions: Arc<Divisions>,
    /// A division record has changed since the amendments were last put in.
    pub(crate) tree_changed: bool,
    pub(crate) entropy: Entropy,
    /// Entries made here and not yet committed, by channel.
    pub(crate) staged: BTreeMap<Channel, Vec<Entry>>,
    /// Records with a staged edit: the next edit of one commits first.
    pub(crate) staged_records: BTreeSet<RecordId>,
    /// Records in which a change of our own was refused, or waits for one that may have been written again.
    pub(crate) unanswered: BTreeSet<Stay>,
    /// Stays in which a change of our own was refused as a repetition of what is not here: answered when both are level.
    pub(crate) unsure: BTreeSet<Stay>,
    /// Stays to be evaluated before anything is told of them; true: something in it was refused.
    pub(crate) stale: BTreeMap<Stay, bool>,
    /// Stays of which a change was judged since they were last looked at: what comes for them next is looked at with more.
    pub(crate) judged: BTreeSet<Stay>,
    /// Hub: records that may have to move, or of which something may have to be carried.
    pub(crate) unsettled: BTreeSet<RecordId>,
    /// Hub: channels and devices of which a feed has begun since the last look at them.
    pub(crate) crowded: BTreeSet<(Channel, DeviceId)>,
    /// Staged edits were forgotten since the last commit.
    pub(crate) interrupted: bool,
    /// Hub: something was written in a shared channel since this start.
    pub(crate) has_written: bool,
    /// Commits wait for a [`Replica::flush`] of their caller's, so that many share one fdatasync.
    pub(crate) grouping: bool,
    /// What the gate made of staged changes, and on which heads, so that applying them there need not ask again.
    pub(crate) gated: BTreeMap<Hash, (Vec<Hash>, Gated)>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// Sessions that may want something before anything comes for them: opened just now, or in the middle of speaking.
    pub(crate) unheard: BTreeSet<SessionId>,
    /// The size of batches that suits the link of each peer, as its last session found it.
    pub(crate) batch_sizes: BTreeMap<DeviceId, usize>,
    pub(crate) effects: VecDeque<Effect>,
    /// What the hub is known to hold durably.
    pub(crate) acknowledged: BTreeMap<FeedId, u64>,
    /// When a session last ended with equal fingerprints, milliseconds since 1970 UTC.
    pub(crate) verified_at: Option<u64>,
    /// What the hub said when it ended this device's grant.
    pub(crate) told_revoked: Option<String>,
    pub(crate) peers: BTreeMap<DeviceId, Peer>,
    /// What is in the quarantine: whether ours, feed, number and reason.
    pub(crate) quarantine: BTreeSet<(bool, FeedId, u64, u16)>,
    /// What cannot be sent to a peer, or by it: whether it is the peer that cannot, feed, first number, and why.
    pub(crate) withheld: BTreeMap<(DeviceId, bool, FeedId), (u64, u16)>,
    /// Runs that are here and do not continue their feed, by their first number.
    pub(crate) parked: BTreeMap<FeedId, BTreeMap<u64, Span>>,
    /// Damage that was met while something was read, and how many entries it costs; noted with the next commit.
    pub(crate) unread: RefCell<BTreeMap<Position, u64>>,
    /// The keys that are here.
    pub(crate) keychain: Keychain,
    /// People by name and number, once somebody has asked.
    pub(crate) people: RefCell<Option<People>>,
    /// Which match key counts.
    pub(crate) matching: Matching,
    /// Hub: the tickets it has issued.
    pub(crate) tickets: TicketBook,
    /// Sessions whose Hello has not gone out yet: keys follow it.
    pub(crate) greeting: BTreeSet<SessionId>,
    /// The keys handed to the hub in each session, until it is level.
    pub(crate) handed: BTreeMap<SessionId, Vec<Kept>>,
    /// Sessions in which keys were asked for, and the match key that was lacking.
    pub(crate) asked_keys: BTreeMap<SessionId, Option<KeyId>>,
    /// Seeded bugs, for the test of the tests; none in a program.
    pub(crate) bugs: BTreeSet<&'static str>,
}

/// What is remembered of another replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Peer {
    /// When it last spoke, milliseconds since 1970 UTC.
    pub last_seen: u64,
    /// How many entries it said it had not sent.
    pub pending: u64,
    /// When both last said the same.
    pub verified_at: Option<u64>,
}

impl Replica {
    /// Its device.
    pub fn device(&self) -> DeviceId {
        self.ledger.device
    }

    /// Its present incarnation.
    pub fn incarnation(&self) -> Incarnation {
        self.ledger.incarnation
    }

    /// Whose it is.
    pub fn division(&self) -> DivisionCode {
        self.home.division
    }

    /// Whether it judges.
    pub fn role(&self) -> Role {
        if self.home.root.device() == self.device() { Role::Hub } else { Role::Node }
    }

    /// Its device key.
    pub fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// What it holds, as numbers.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The division registry it uses.
    pub fn divisions(&self) -> &Arc<Divisions> {
        &self.divisions
    }

    /// The notebook.
    pub(crate) fn notebook(&self) -> Channel {
        Channel::local(self.home.division)
    }

    /// A stamp for something `who` does now; time never runs backwards.
    pub(crate) fn stamp(&mut self, who: &str, now: u64) -> Stamp {
        self.clock = if self.has_bug("time runs backwards") { Hlc(now << 16) } else { self.clock.next(now) };
        let end = who.floor_char_boundary(MAX_WHO_BYTES);
        Stamp { who: who[..end].to_owned(), at: self.clock }
    }

    pub(crate) fn has_bug(&self, bug: &str) -> bool {
        self.bugs.contains(bug)
    }

    /// Why this incarnation began, if there is something to tell: that the end of the journal was lost, until all has
    /// been found equal since; that another machine has written under this one's name, as long as it lasts.
    pub fn notice(&self) -> Option<Beginning> {
        let notes = self.locals(EntryKind::NOTE).unwrap_or_default();
        let begun = notes.iter().rev().find_map(|entry| match control::decode(&entry.payload) {
            Some(Note::Began { incarnation, why }) if incarnation == self.incarnation() => {
                Some((why, entry.envelope.as_ref()?.stamp.at.millis()))
            }
            _ => None,
        });
        let untold = |at| self.verified_at.is_none_or(|verified| verified <= at);
        begun.and_then(|(why, at)| match why {
            Beginning::LostTail if untold(at) => Some(why),
            Beginning::SeenElsewhere => Some(why),
            _ => None,
        })
    }

    /// Whether it was opened to be read alone, on a disk that takes nothing.
    pub fn is_opened_to_read(&self) -> bool {
        self.journal.reads_only()
    }

    /// Whether a failed write has closed the journal until restart.
    pub fn is_read_only(&self) -> bool {
        self.journal.is_poisoned()
    }
}
