//! Two replicas becoming level: a state machine over messages, with no I/O, clock or randomness of its own.
//!
//! The caller's contract, in order:
//! 1. [`Session::dial`] or [`Session::listen`].
//! 2. [`Session::handle`] with each [`Input`] and the time; then [`Session::poll`] until it gives nothing more.
//! 3. A frame of [`Output::Send`] goes out in the order given. [`Output::Load`] is answered with [`Input::Loaded`],
//!    [`Output::Store`] with [`Input::Stored`] once the runs are durable, and [`Input::Grew`] once they are applied too
//!    if that is later, [`Output::Compare`] with [`Input::Compared`]; the answers may come later, one of each is under
//!    way at most. The ledger given to `handle` and `poll` is the replica's of that moment. What cannot be done yet is
//!    given back with [`Session::put_back`]; meanwhile a caller who waits is told [`working`].
//! 4. When the connection is gone, [`Session::next_batch_bytes`] is remembered for the next one with that peer.
//!
//! Both sides do the same but for who speaks first: tell what they hold, send what the other lacks, acknowledge what
//! has become durable. When nothing is left, the dialer says Done with the fingerprints of what both may see, the
//! listener answers with its own. Sides that are level stay connected, and each commit is pushed at once.

mod greeting;
mod pace;
#[cfg(test)]
mod tests;
mod turns;
mod withheld;

use super::feed::FeedId;
use super::keys::DeviceId;
use super::ledger::{Combined, Ledger};
use super::message::{
    Ack, Compare, Frontier, MAX_FRAME_BYTES, Message, Refused, Tag, VERSIONS, WITH_EDITIONS, decode, encode,
    tag,
};
use crate::model::Channel;
use pace::{CREDIT_BYTES, Pace};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use turns::Greeting;

pub use pace::START_BYTES;
pub use turns::{Closing, Input, Output, working};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Dialer,
    Listener,
}

/// A frontier has no more items than this: nobody holds so many feeds.
const MOST_FURTHER: usize = 500_000;

/// One session with one peer.
#[derive(Debug)]
pub struct Session {
    role: Role,
    me: DeviceId,
    peer: DeviceId,
    salt: [u8; 8],
    /// Dialer: what the last Hello said, until it is answered.
    hello: Greeting,
    /// The highest protocol version that both speak, as far as the peer has said.
    speaks: u16,
    /// Parts of the peer's frontier that came before the message they belong to.
    further: Frontier,
    /// Dialer: the peer takes the frontier in parts.
    in_parts: bool,
    /// Frontiers have been exchanged.
    open: bool,
    /// Dialer: the peer has folded other feeds, so all are named.
    unfolded: bool,
    /// What the peer holds durably, as far as it has said.
    peer_has: BTreeMap<FeedId, u64>,
    /// What has been sent in this session.
    sent: BTreeMap<FeedId, u64>,
    /// Feeds of which the peer left something with us, and that were offered again since.
    left: BTreeSet<FeedId>,
    /// Feeds the peer refuses, or of which the next run cannot be sent; nothing more of them is offered.
    refused: BTreeSet<FeedId>,
    /// Feeds that wait for the peer to say which version it speaks.
    unsure: BTreeSet<FeedId>,
    /// The batches under way, and how large the next may be.
    pace: Pace,
    loading: bool,
    /// Batches that came while one is being stored.
    arrived: VecDeque<Vec<u8>>,
    storing: bool,
    /// Dialer: the fingerprints last said. Listener: a Done waits for its answer.
    said: Option<Combined>,
    /// Dialer: a Done was said and its answer has not come. One at a time, so that an answer is about the last.
    unanswered: bool,
    owes_done: bool,
    asked: bool,
    level: bool,
    /// A comparison was begun; once in a session, what is left then is told as not verified.
    compared: bool,
    /// The digests differed when nothing was left to exchange; told once until both are level.
    differed: bool,
    tags: BTreeMap<Tag, FeedId>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session with the hub at `peer`; says Hello at once. `salt` is random. `acknowledged` is what the hub is known
    /// to hold, so that what is pending goes out with the first flight; `pending` counts those entries. `batch_bytes` is
    /// what the last session with this peer came to, or [`START_BYTES`].
    pub fn dial(
        peer: DeviceId,
        salt: [u8; 8],
        acknowledged: BTreeMap<FeedId, u64>,
        pending: u64,
        batch_bytes: usize,
        ledger: &Ledger,
    ) -> Self {
        let mut session = Self::new(Role::Dialer, ledger.device, peer, salt, batch_bytes);
        session.peer_has = acknowledged;
        session.hello(pending, ledger);
        session
    }

    /// A session with a caller whose certificate says it is `peer`. `batch_bytes` as for [`Session::dial`].
    pub fn listen(peer: DeviceId, batch_bytes: usize, ledger: &Ledger) -> Self {
        Self::new(Role::Listener, ledger.device, peer, [0; 8], batch_bytes)
    }

    fn new(role: Role, me: DeviceId, peer: DeviceId, salt: [u8; 8], batch_bytes: usize) -> Self {
        Self {
            role,
            me,
            peer,
            salt,
            hello: Greeting::default(),
            speaks: VERSIONS.0,
            further: Vec::new(),
            in_parts: false,
            open: false,
            unfolded: false,
            peer_has: BTreeMap::new(),
            sent: BTreeMap::new(),
            left: BTreeSet::new(),
            refused: BTreeSet::new(),
            unsure: BTreeSet::new(),
            pace: Pace::new(batch_bytes),
            loading: false,
            arrived: VecDeque::new(),
            storing: false,
            said: None,
            unanswered: false,
            owes_done: false,
            asked: false,
            level: false,
            compared: false,
            differed: false,
            tags: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The device at the other end.
    pub fn peer(&self) -> DeviceId {
        self.peer
    }

    /// Whether both sides last said the same.
    pub fn is_level(&self) -> bool {
        self.level
    }

    /// The size of batches with which the next session with this peer should begin; smaller if this one was cut.
    pub fn next_batch_bytes(&self) -> usize {
        self.pace.next()
    }

    /// Whether the peer is known to read runs that name an edition of the dictionary.
    pub fn knows_editions(&self) -> bool {
        self.speaks >= WITH_EDITIONS
    }

    /// The session's name for a feed.
    pub fn tag(&self, feed: &FeedId) -> Tag {
        tag(&self.salt, feed)
    }

    /// The feed of a tag, if it is held here.
    pub fn feed(&self, tag: &Tag) -> Option<FeedId> {
        self.tags.get(tag).copied()
    }

    /// Who decides what both may see: the dialer's grant.
    fn dialer(&self) -> DeviceId {
        match self.role {
            Role::Dialer => self.me,
            Role::Listener => self.peer,
        }
    }

    /// The next thing to do, if there is one.
    pub fn poll(&mut self, ledger: &Ledger) -> Option<Output> {
        if self.outputs.is_empty() {
            self.advance(ledger);
        }
        self.outputs.pop_front()
    }

    /// Something happened. `now` is milliseconds since whenever, and measures the link.
    pub fn handle(&mut self, input: Input, ledger: &Ledger, now: u64) {
        match input {
            Input::Frame(frame) => match decode(&frame) {
                Ok(message) => self.message(message, ledger, now),
                Err(_) => self.outputs.push_back(Output::Close(Closing::Nonsense)),
            },
            Input::Grew => self.level = false,
            Input::Ask => {
                self.asked = true;
                self.said = None;
            }
            Input::Withheld(withheld) => self.withhold(withheld),
            Input::Loaded { batch, read, heads } => self.loaded(batch, read, heads, now),
            Input::Stored { heads, refused } => self.stored(heads, refused, ledger),
            Input::Compared(reply) => match reply {
                Some(compare) => self.compare(compare),
                None => self.said = None,
            },
            Input::Say(compare) => self.compare(compare),
            Input::Anew(pending) if self.role == Role::Dialer => {
                self.said = None;
                self.hello(pending, ledger);
            }
            Input::Anew(_) => {}
        }
    }

    fn send(&mut self, message: Message) {
        self.outputs.push_back(Output::Send(encode(&message)));
    }

    /// Sends a step of a comparison, in as many parts as its lists need.
    fn compare(&mut self, compare: Compare) {
        compare.in_parts().into_iter().for_each(|part| self.send(Message::Compare(part)));
    }

    fn message(&mut self, message: Message, ledger: &Ledger, now: u64) {
        match (message, self.role) {
            (Message::Hello(hello), Role::Listener) => self.greeted(hello, ledger),
            (Message::Welcome(welcome), Role::Dialer) => self.welcomed(welcome, ledger),
            (Message::Batch(batch), _) if batch.len() <= MAX_FRAME_BYTES => {
                self.level = false;
                self.arrived.push_back(batch);
            }
            (Message::Ack(ack), _) => self.acknowledged(&ack, ledger, now),
            (Message::Refused(refused), _) => {
                self.refused.extend(refused.iter().map(|refused| refused.feed));
                self.outputs.push_back(Output::RefusedThere(refused));
            }
            (Message::Done(theirs), Role::Listener) => {
                self.owes_done = true;
                self.said = Some(theirs);
            }
            (Message::Done(theirs), Role::Dialer) => self.done(theirs, ledger),
            (Message::Compare(compare), _) => self.outputs.push_back(Output::Compare(compare)),
            (Message::Keys(sealed), _) => self.outputs.push_back(Output::Keys(sealed)),
            (Message::Working(waiting), _) => self.outputs.push_back(Output::PeerWorks(waiting)),
            (Message::Withheld(withheld), _) => self.outputs.push_back(Output::WithheldThere(withheld)),
            (Message::Further(part), _) if self.further.len() < MOST_FURTHER => self.further.extend(part),
            _ => self.outputs.push_back(Output::Close(Closing::Nonsense)),
        }
    }

    fn acknowledged(&mut self, ack: &Ack, ledger: &Ledger, now: u64) {
        self.learn_tags(ledger);
        let answered = self.pace.acknowledged(ack.credit, now);
        let known = ack.frontier.iter().filter_map(|(tag, number)| Some((*self.tags.get(tag)?, *number)));
        let held: Vec<(FeedId, u64)> = known.collect();
        for (feed, number) in &held {
            let has = self.peer_has.entry(*feed).or_default();
            *has = (*has).max(*number);
        }
        // What the receiver left with us came too early, or with something that did: it is offered once more.
        for (feed, number) in answered {
            if self.peer_has.get(&feed).is_some_and(|has| *has >= number) {
                self.left.remove(&feed);
            } else if self.left.insert(feed) {
                self.sent.remove(&feed);
            }
        }
        self.outputs.push_back(Output::Acknowledged(held));
    }

    fn loaded(&mut self, batch: Vec<u8>, read: usize, heads: Vec<(FeedId, u64)>, now: u64) {
        self.loading = false;
        if heads.is_empty() {
            return;
        }
        self.sent.extend(heads.iter().copied());
        self.pace.sent(batch.len(), read, heads, now);
        self.level = false;
        self.send(Message::Batch(batch));
    }

    fn stored(&mut self, heads: Vec<(FeedId, u64)>, refused: Vec<Refused>, ledger: &Ledger) {
        self.storing = false;
        self.learn_tags(ledger);
        for (feed, number) in &heads {
            let has = self.peer_has.entry(*feed).or_default();
            *has = (*has).max(*number);
        }
        // The peer holds what it has sent.
        self.outputs.push_back(Output::Acknowledged(heads.clone()));
        if !refused.is_empty() {
            self.send(Message::Refused(refused));
        }
        let frontier = heads.iter().map(|(feed, number)| (self.tag(feed), *number)).collect();
        let waiting: usize = self.arrived.iter().map(Vec::len).sum();
        let credit = CREDIT_BYTES.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX));
        self.send(Message::Ack(Ack { frontier, credit }));
    }

    /// Does what can be done now: store what came, send what the peer lacks, or say Done.
    fn advance(&mut self, ledger: &Ledger) {
        if !self.storing
            && let Some(batch) = self.arrived.pop_front()
        {
            self.storing = true;
            self.outputs.push_back(Output::Store(batch));
            return;
        }
        // A dialer need not wait for the answer: what it has never sent goes out with its Hello.
        let may_send = self.open || self.role == Role::Dialer;
        if let Some(bytes) = self.pace.room()
            && may_send
            && !self.loading
        {
            let wants = self.wants(ledger);
            if !wants.is_empty() {
                self.loading = true;
                self.outputs.push_back(Output::Load { wants, bytes });
                return;
            }
        }
        let idle = !self.loading && !self.storing && self.pace.is_idle();
        // Sums are told when they are those of what is held.
        if self.open && idle && !ledger.behind {
            self.say_done(ledger);
        }
    }

    /// What the peer may see and lacks.
    fn wants(&self, ledger: &Ledger) -> Vec<(FeedId, u64, bool)> {
        let channels: BTreeSet<Channel> = ledger.channels_for(&self.dialer()).into_iter().collect();
        let lacking = ledger.heads().filter_map(|(feed, head)| {
            let has = self.peer_has.get(feed).copied();
            let after = has.unwrap_or(0).max(self.sent.get(feed).copied().unwrap_or(0));
            let ended = self.refused.contains(feed) || self.unsure.contains(feed);
            let wanted = head.number > after && channels.contains(&feed.channel) && !ended;
            // Before the answer to Hello, only what the hub is known to lack: our own.
            let sure = self.open || feed.device == self.me;
            (wanted && sure).then_some((*feed, after, self.open && has.is_some_and(|has| has > 0)))
        });
        lacking.collect()
    }

    fn say_done(&mut self, ledger: &Ledger) {
        match self.role {
            Role::Dialer => {
                if self.unanswered {
                    return;
                }
                let ours = ledger.combined_for(&self.me);
                if self.said != Some(ours) {
                    self.said = Some(ours);
                    self.unanswered = true;
                    self.send(Message::Done(ours));
                }
            }
            Role::Listener => {
                if self.owes_done {
                    self.owes_done = false;
                    let ours = ledger.combined_for(&self.peer);
                    self.send(Message::Done(ours));
                    self.set_level(self.said == Some(ours));
                }
            }
        }
    }

    /// Dialer: the listener's Done.
    fn done(&mut self, theirs: Combined, ledger: &Ledger) {
        self.unanswered = false;
        let ours = ledger.combined_for(&self.me);
        if theirs == ours && !ledger.behind {
            self.asked = false;
            self.outputs.push_back(Output::Holds { held: self.everything_shared(ledger), proved: true });
            return self.set_level(true);
        }
        if self.said != Some(ours) || ledger.behind {
            // Something was saved, or asked, after the Done that this answers: it is no verdict on what is here now.
            self.said = None;
            return;
        }
        if theirs.digest == ours.digest {
            if !std::mem::replace(&mut self.compared, true) {
                let channels = ledger.channels_for(&self.me);
                let prints =
                    channels.into_iter().map(|channel| (channel, ledger.fingerprint(channel))).collect();
                return self.compare(Compare::Channels(prints));
            }
        } else if self.asked {
            // On a connection that was level once, a full Hello tells what the short question did not.
            self.asked = false;
            return self.hello(0, ledger);
        } else if !std::mem::replace(&mut self.differed, true) {
            self.outputs.push_back(Output::Differs);
        }
        self.set_level(false);
    }

    fn set_level(&mut self, verified: bool) {
        self.level = verified;
        self.differed &= !verified;
        self.outputs.push_back(Output::Level(verified));
    }
}
