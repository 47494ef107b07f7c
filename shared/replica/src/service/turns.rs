//! The turns of the engine's thread. What waits together is done together and shares one fdatasync; nobody is answered
//! before it. What has come is applied in slices, when nobody waits for anything else, and whoever waits for all of it is
//! told meanwhile how much is left (`pulse`). What a stranger wants stands behind all that devices and people want.

use crate::open::INDEX_ROWS;
use crate::service::engine::SessionEvent;
use crate::service::pulse::Pulse;
use crate::service::time::now;
use crate::{Effect, Replica, ReplicaError, SessionId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// A piece of work for the engine.
pub(super) type Job = Box<dyn FnOnce(&mut State) + Send>;
/// An answer that waits until what it tells of is durable; it is told whether it is.
type Held = Box<dyn FnOnce(bool)>;

/// At most so many pieces of work share an fdatasync, and none is begun in a turn that has lasted so long: the first of
/// them must not wait long.
const GROUP_JOBS: usize = 64;
const TURN: Duration = Duration::from_millis(500);
/// So many entries are applied before whoever waits is looked after again.
const SLICE_ENTRIES: usize = 32;

/// The ends of a session towards its connection.
pub(super) struct Port {
    frames: mpsc::Sender<Vec<u8>>,
    events: mpsc::UnboundedSender<SessionEvent>,
    /// What came while the session was held up. It keeps its room, so that its sender waits in the end.
    later: VecDeque<Frame>,
}

/// A frame that came, and the room it takes.
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    pub(super) room: [OwnedSemaphorePermit; 2],
}

pub(super) struct State {
    pub(super) replica: Replica,
    pub(super) ports: BTreeMap<SessionId, Port>,
    pub(super) next: SessionId,
    pub(super) answers: Vec<Held>,
    /// What is done when all that came is applied, or from a moment on.
    when_level: VecDeque<(Option<Instant>, Job)>,
    /// Told whether something waits to be applied.
    behind: Arc<AtomicBool>,
    pulse: Pulse,
    /// Told to stop: nothing more is begun.
    pub(super) over: bool,
}

impl Port {
    pub(super) fn new(frames: mpsc::Sender<Vec<u8>>, events: mpsc::UnboundedSender<SessionEvent>) -> Self {
        Self { frames, events, later: VecDeque::new() }
    }
}

/// The thread, until it is told to stop or nobody is left to ask anything.
pub(super) fn run(
    mut state: State,
    mut queue: mpsc::UnboundedReceiver<Job>,
    mut strangers: mpsc::Receiver<Job>,
) {
    state.replica.group_commits();
    state.replica.apply_later(INDEX_ROWS);
    state.dispatch();
    while !state.over {
        let next = if state.is_at_rest() && strangers.is_empty() {
            queue.blocking_recv().ok_or(TryRecvError::Disconnected)
        } else {
            queue.try_recv()
        };
        let begun = Instant::now();
        state.pulse.begins();
        match next {
            Ok(job) => {
                job(&mut state);
                for job in (1..GROUP_JOBS).map_while(|_| queue.try_recv().ok()) {
                    state.let_go();
                    job(&mut state);
                    if begun.elapsed() >= TURN {
                        break;
                    }
                }
            }
            // What has come is applied when nobody wants anything else.
            Err(TryRecvError::Empty) => {
                let applied = state.replica.apply_some(SLICE_ENTRIES);
                state.applied(applied);
            }
            Err(TryRecvError::Disconnected) => break,
        }
        state.take_up(begun);
        if !state.over
            && !state.replica.is_behind()
            && let Ok(job) = strangers.try_recv()
        {
            state.let_go();
            job(&mut state);
        }
        let somebody_waits = !state.when_level.is_empty() || !strangers.is_empty();
        state.replica.take_no_batches(somebody_waits && state.replica.is_behind());
        state.answer();
        state.dispatch();
        state.rest();
    }
    if let Err(error) = state.replica.save_synced() {
        tracing::warn!(%error, "what the hub holds was not remembered");
    }
}

impl State {
    pub(super) fn new(replica: Replica, behind: Arc<AtomicBool>) -> Self {
        Self {
            replica,
            ports: BTreeMap::new(),
            next: 1,
            answers: Vec::new(),
            when_level: VecDeque::new(),
            behind,
            pulse: Pulse::start(),
            over: false,
        }
    }

    /// Whether nothing is left to be done but what comes.
    fn is_at_rest(&self) -> bool {
        !self.replica.is_behind() && self.when_level.is_empty() && self.resumable().is_none()
    }

    /// Does a piece of work once all that came is applied, or from a moment on.
    pub(super) fn when_level(&mut self, by: Option<Instant>, job: impl FnOnce(&mut Self) + Send + 'static) {
        let waits = by.is_none_or(|by| by > Instant::now());
        if waits && (self.replica.is_behind() || !self.when_level.is_empty()) {
            self.when_level.push_back((by, Box::new(job)));
        } else {
            job(self);
        }
    }

    /// A frame came for a session.
    pub(super) fn arrives(&mut self, id: SessionId, frame: Frame) {
        let held_up = self.replica.is_held_up(id);
        if let Some(port) = self.ports.get_mut(&id)
            && (held_up || !port.later.is_empty())
        {
            port.later.push_back(frame);
        } else {
            self.hand_in(id, frame);
        }
    }

    fn hand_in(&mut self, id: SessionId, frame: Frame) {
        let outcome = self.replica.frame(id, frame.bytes, now());
        self.failed(id, outcome);
        drop(frame.room);
    }

    /// A session that goes on, and has frames that came while it did not.
    fn resumable(&self) -> Option<SessionId> {
        let resumes = |id: SessionId, port: &Port| !port.later.is_empty() && !self.replica.is_held_up(id);
        self.ports.iter().find(|(id, port)| resumes(**id, port)).map(|(id, _)| *id)
    }

    /// Takes up what was put off, as far as it need not wait any more, until the turn has lasted long enough.
    fn take_up(&mut self, begun: Instant) {
        let late = |by: &Option<Instant>| by.is_some_and(|by| by <= Instant::now());
        if self.replica.is_behind() {
            // Whoever said until when they wait is answered from what is applied.
            while let Some(at) = self.when_level.iter().position(|(by, _)| late(by))
                && let Some((_, job)) = self.when_level.remove(at)
            {
                job(self);
            }
        }
        while !self.over
            && !self.replica.is_behind()
            && begun.elapsed() < TURN
            && let Some((_, job)) = self.when_level.pop_front()
        {
            job(self);
        }
        while begun.elapsed() < TURN
            && let Some(id) = self.resumable()
            && let Some(frame) = self.ports.get_mut(&id).and_then(|port| port.later.pop_front())
        {
            self.hand_in(id, frame);
        }
    }

    /// A turn has ended: says how much is left, and who waits for it.
    fn rest(&self) {
        self.behind.store(self.replica.is_behind(), Ordering::Relaxed);
        let ways = self.replica.waited_for().filter_map(|id| Some(self.ports.get(&id)?.frames.clone()));
        self.pulse.ends(self.replica.waiting_to_apply(), ways.collect());
    }

    pub(super) fn failed(&mut self, id: SessionId, outcome: Result<(), ReplicaError>) {
        if let Err(error) = outcome {
            tracing::error!(%error, "a session cannot go on");
            self.drop_session(id);
        }
    }

    fn applied(&mut self, outcome: Result<(), ReplicaError>) {
        if let Err(error) = outcome {
            tracing::error!(%error, "what has come cannot be applied");
            self.drop_sessions();
        }
    }

    pub(super) fn drop_session(&mut self, id: SessionId) {
        self.tell(id, SessionEvent::Failed);
        self.ports.remove(&id);
        self.replica.hang_up(id);
    }

    fn tell(&self, id: SessionId, event: SessionEvent) {
        if let Some(port) = self.ports.get(&id) {
            // A connection that no longer listens will hang up.
            let _ = port.events.send(event);
        }
    }

    /// Makes durable what was done, and lets the answers go.
    fn answer(&mut self) {
        let flushed = self.replica.flush();
        if let Err(error) = &flushed {
            tracing::error!(%error, "nothing is saved any more");
            self.drop_sessions();
        }
        self.answers.drain(..).for_each(|answer| answer(flushed.is_ok()));
    }

    /// Between two pieces of work: what waits for no fdatasync need not wait for those that come after it. A Hello is
    /// answered, with what its sender lacks, before the batches that came with it are stored, and both ends then work
    /// at the same time.
    fn let_go(&mut self) {
        if !self.replica.is_unsaved() {
            self.dispatch();
        }
    }

    fn drop_sessions(&mut self) {
        let ids: Vec<SessionId> = self.ports.keys().copied().collect();
        ids.into_iter().for_each(|id| self.drop_session(id));
    }

    /// Does what the replica wants done.
    fn dispatch(&mut self) {
        loop {
            match self.replica.poll(now()) {
                Ok(None) => return,
                Ok(Some(effect)) => self.effect(effect),
                Err(error) => {
                    tracing::error!(%error, "no session can go on");
                    self.drop_sessions();
                    return;
                }
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Frame(id, frame) => {
                let full = self.ports.get(&id).is_some_and(|port| port.frames.try_send(frame).is_err());
                if full {
                    self.ports.remove(&id);
                    self.replica.hang_up(id);
                }
            }
            Effect::Level(id, verified) => self.tell(id, SessionEvent::Level(verified)),
            Effect::Refused(id, list) => {
                let reason = list.first().map_or(0, |one| one.2);
                self.tell(id, SessionEvent::Refused(list.len(), reason));
            }
            Effect::Withheld(id, count, reason) => self.tell(id, SessionEvent::Withheld(count, reason)),
            Effect::PeerWorks(id, waiting) => self.tell(id, SessionEvent::PeerWorks(waiting)),
            Effect::Close(id, closing) => {
                self.tell(id, SessionEvent::Closing(closing));
                self.ports.remove(&id);
                self.replica.hang_up(id);
            }
            Effect::Grew => {}
        }
    }
}
