//! The sessions of a replica: frames in, effects out. The caller moves frames and knows nothing of what is in them.
//!
//! The caller's contract: [`Replica::dial`] or [`Replica::listen`] opens a session under a number of the caller's,
//! [`Replica::frame`] hands in each frame, [`Replica::hang_up`] ends it; after any call on the replica, commits
//! included, [`Replica::poll`] until it gives nothing more.

use crate::error::ReplicaError;
use crate::fork::POINTS_EACH;
use crate::receive::{Came, Received};
use crate::replica::{Replica, Role};
use crate::serve_peer::Loaded;
use huiliu_core::sync::session::{Closing, Input, Output, START_BYTES, Session};
use huiliu_core::sync::{DeviceId, FeedId};
use huiliu_store::keys;
use huiliu_store::rows::WaitingRow;

/// A session, as the caller numbers it.
pub type SessionId = u64;

/// What the caller must do.
#[derive(Debug)]
pub enum Effect {
    /// Send a frame to the session's peer.
    Frame(SessionId, Vec<u8>),
    /// Both ends have said what they hold; whether it is the same.
    Level(SessionId, bool),
    /// The peer refuses entries for ever: feed, number, reason of each.
    Refused(SessionId, Vec<(FeedId, u64, u16)>),
    /// So many feeds end for the other side, because what follows in them cannot be sent; the first reason.
    Withheld(SessionId, usize, u16),
    /// The peer works on what came: so many entries wait there to be applied.
    PeerWorks(SessionId, u64),
    /// The session is over.
    Close(SessionId, Closing),
    /// More is held than before; handled inside, and of use to pages that wait for news.
    Grew,
}

impl Replica {
    /// Opens a session with the hub, for the caller that dialled it.
    pub fn dial(&mut self, id: SessionId) {
        let mut salt = [0; 8];
        (self.entropy)(&mut salt);
        let hub = self.home.root.device();
        let (held, pending, bytes) = (self.acknowledged.clone(), self.pending(), self.batch_bytes(&hub));
        self.sessions.insert(id, Session::dial(hub, salt, held, pending, bytes, &self.ledger));
        self.unheard.insert(id);
        self.greeting.insert(id);
    }

    /// The size of batches to which the last session with a peer came.
    fn batch_bytes(&self, peer: &DeviceId) -> usize {
        self.batch_sizes.get(peer).copied().unwrap_or(START_BYTES)
    }

    /// Opens a session with a caller whose certificate says who it is.
    pub fn listen(&mut self, id: SessionId, peer: DeviceId) {
        self.sessions.insert(id, Session::listen(peer, self.batch_bytes(&peer), &self.ledger));
        self.unheard.insert(id);
    }

    /// The connection of a session is gone.
    pub fn hang_up(&mut self, id: SessionId) {
        self.greeting.remove(&id);
        self.asked_keys.remove(&id);
        self.waits_no_more(id);
        self.keys_came_back(id);
        if let Some(session) = self.sessions.remove(&id) {
            self.batch_sizes.insert(session.peer(), session.next_batch_bytes());
        }
    }

    /// Asks the peer of a session whether both are level; [`Effect::Level`] will tell.
    pub fn ask(&mut self, id: SessionId, now: u64) -> Result<(), ReplicaError> {
        self.drive(id, Some(Input::Ask), now)
    }

    /// A frame came.
    pub fn frame(&mut self, id: SessionId, frame: Vec<u8>, now: u64) -> Result<(), ReplicaError> {
        if let Some(session) = self.sessions.get(&id) {
            self.peers.entry(session.peer()).or_default().last_seen = now;
        }
        self.drive(id, Some(Input::Frame(frame)), now)
    }

    /// The next thing to do, if there is one.
    pub fn poll(&mut self, now: u64) -> Result<Option<Effect>, ReplicaError> {
        self.let_on();
        // What is ready goes out before more is made.
        while self.effects.is_empty()
            && let Some(id) = self.unheard.pop_first()
        {
            self.drive(id, None, now)?;
            self.let_on();
        }
        if !self.has_bug("acknowledged before stored") {
            self.flush()?;
        }
        let effect = self.effects.pop_front();
        if matches!(effect, Some(Effect::Grew)) {
            for id in self.sessions.keys().copied().collect::<Vec<_>>() {
                self.drive(id, Some(Input::Grew), now)?;
            }
        }
        Ok(effect)
    }

    /// Gives a session its input and does what it wants, up to the first frame: that goes out before the next one is made,
    /// which may take as long as the frame is under way.
    fn drive(&mut self, id: SessionId, input: Option<Input>, now: u64) -> Result<(), ReplicaError> {
        let Some(mut session) = self.sessions.remove(&id) else { return Ok(()) };
        let mut inputs: Vec<Input> = input.into_iter().collect();
        loop {
            for input in inputs.drain(..) {
                session.handle(input, &self.ledger, now);
            }
            match session.poll(&self.ledger) {
                None if self.greeting.remove(&id) => {
                    self.hand_unsent(id, &session)?;
                }
                None => break,
                Some(output) if self.puts_off(id, &output) => {
                    session.put_back(output);
                    break;
                }
                Some(output) => {
                    let sends = matches!(output, Output::Send(_));
                    inputs.extend(self.act(id, &mut session, output, now)?);
                    if sends {
                        self.unheard.insert(id);
                        break;
                    }
                    if self.is_held_up(id) {
                        break;
                    }
                }
            }
        }
        if !self.effects.iter().any(|effect| matches!(effect, Effect::Close(closed, _) if *closed == id)) {
            self.sessions.insert(id, session);
        } else {
            self.waits_no_more(id);
        }
        Ok(())
    }

    /// Does one thing a session wants; its answer goes back into the session.
    fn act(
        &mut self,
        id: SessionId,
        session: &mut Session,
        output: Output,
        now: u64,
    ) -> Result<Vec<Input>, ReplicaError> {
        match output {
            Output::Send(frame) => self.effects.push_back(Effect::Frame(id, frame)),
            Output::Load { wants, bytes } => {
                let Loaded { batch, read, heads, withheld, runs } = self.load(session, &wants, bytes)?;
                self.hand_keys(id, session, &runs)?;
                return Ok(vec![Input::Withheld(withheld), Input::Loaded { batch, read, heads }]);
            }
            Output::Store(batch) => match self.receive(session, &batch, now)? {
                Came::Taken(Received { heads, refused, doubtful }) => {
                    // What the hub sends it holds.
                    self.acknowledge(session, &heads);
                    let mut inputs = vec![Input::Stored { heads, refused }];
                    if !doubtful.is_empty() {
                        inputs.push(Input::Say(self.chains(&doubtful, POINTS_EACH)?));
                    }
                    return Ok(inputs);
                }
                Came::Early => {
                    session.put_back(Output::Store(batch));
                    self.wait_for_all(id);
                }
                Came::Nonsense => self.effects.push_back(Effect::Close(id, Closing::Nonsense)),
            },
            Output::Keys(sealed) => {
                if !self.take_keys(id, session, &sealed)? {
                    self.effects.push_back(Effect::Close(id, Closing::Nonsense));
                }
            }
            Output::RefusedThere(refused) => {
                let (forked, rewound) = self.refused_there(&refused, session.peer(), now)?;
                let told = refused.iter().filter(|one| !forked.contains(&one.feed));
                let told: Vec<_> = told.map(|one| (one.feed, one.number, one.reason)).collect();
                if !told.is_empty() {
                    self.effects.push_back(Effect::Refused(id, told));
                }
                let mut inputs = Vec::new();
                if rewound {
                    inputs.push(Input::Anew(self.pending()));
                }
                if !forked.is_empty() {
                    inputs.push(Input::Say(self.chains(&forked, POINTS_EACH)?));
                }
                return Ok(inputs);
            }
            Output::Withheld(withheld) => self.hear_withheld(id, session.peer(), false, &withheld),
            Output::WithheldThere(withheld) => self.hear_withheld(id, session.peer(), true, &withheld),
            Output::PeerWorks(waiting) => self.effects.push_back(Effect::PeerWorks(id, waiting)),
            Output::SeenUnderOurName(feed, number, hash) => {
                let asked = self.seen_under_our_name(&feed, number, &hash, now)?;
                return Ok(asked.map(Input::Say).into_iter().collect());
            }
            Output::Holds { mut held, proved } => {
                if session.peer() == self.home.root.device() {
                    let me = self.device();
                    for (feed, number) in held.iter_mut().filter(|(feed, _)| !proved && feed.device == me) {
                        // Numbers alone do not say that they are ours: the branch there may be another.
                        *number = self.acknowledged.get(feed).copied().unwrap_or(0).min(*number);
                    }
                    // Of channels that are shared no longer the last word stands.
                    let channels = self.ledger.channels_for(&me);
                    self.acknowledged.retain(|feed, _| !channels.contains(&feed.channel));
                    self.acknowledged.extend(held);
                }
            }
            Output::Acknowledged(held) => self.acknowledge(session, &held),
            Output::Pending(pending) => {
                self.peers.entry(session.peer()).or_default().pending = pending;
            }
            Output::Level(verified) => {
                if verified {
                    self.nothing_withheld(session.peer());
                }
                // What waits may still count or be refused: then equal is not yet verified.
                if verified && !self.something_waits(&self.dialer_of(session))? {
                    self.verified(session.peer(), now);
                }
                if self.role() == Role::Node {
                    self.answer_unsure()?;
                    self.adopt_followed()?;
                    self.keys_arrived(id)?;
                    let hands = self.hand_unsent(id, session)?;
                    let asks = self.ask_for_keys(id, session)?;
                    // The next verdict comes after the hub has read what went out here, and after its answer.
                    if verified && (hands || asks) {
                        return Ok(vec![Input::Ask]);
                    }
                }
                self.effects.push_back(Effect::Level(id, verified));
            }
            Output::Compare(compare) => return self.compare(session, compare, now),
            Output::Differs => {
                let channels = self.ledger.channels_for(&self.device());
                let shared = self.feeds.keys().filter(|feed| channels.contains(&feed.channel)).copied();
                let chains = self.chains(&shared.collect(), 1)?;
                return Ok(vec![Input::Say(chains)]);
            }
            Output::Close(closing) => self.effects.push_back(Effect::Close(id, closing)),
        }
        Ok(Vec::new())
    }

    /// If the session's peer is the hub: it holds these feeds up to these numbers.
    fn acknowledge(&mut self, session: &Session, held: &[(FeedId, u64)]) {
        if session.peer() == self.home.root.device() {
            for (feed, number) in held {
                let known = self.acknowledged.entry(*feed).or_default();
                *known = (*known).max(*number);
            }
        }
    }

    fn verified(&mut self, peer: DeviceId, now: u64) {
        let known = self.peers.entry(peer).or_default();
        known.verified_at = Some(now);
        known.pending = 0;
        self.verified_at = Some(now);
    }

    /// Who dialled: a node its hub.
    pub(crate) fn dialer_of(&self, session: &Session) -> DeviceId {
        if session.peer() == self.home.root.device() { self.device() } else { session.peer() }
    }

    /// Whether an entry waits in a channel that `device` may see.
    fn something_waits(&self, device: &DeviceId) -> Result<bool, ReplicaError> {
        let mut waits = false;
        self.index.each(&keys::all_waiting(), &[], |_, row: WaitingRow| {
            waits = row.waiting.is_some() && self.ledger.may_read(device, row.feed.channel);
            !waits
        })?;
        Ok(waits)
    }
}
