//! The engine's thread: it alone touches the replica. Everything else sends it work and gets answers. What waits
//! together is done together and shares one fdatasync; nobody is answered before it. What a stranger wants stands behind
//! all that devices and people want.

use crate::open::INDEX_ROWS;
use crate::service::time::now;
use crate::{Effect, Replica, ReplicaError, SessionId};
use huiliu_core::sync::DeviceId;
use huiliu_core::sync::message::MAX_FRAME_BYTES;
use huiliu_core::sync::session::Closing;
use huiliu_store::Directory;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// A piece of work for the engine.
type Job = Box<dyn FnOnce(&mut State) + Send>;
/// An answer that waits until what it tells of is durable; it is told whether it is.
type Held = Box<dyn FnOnce(bool)>;

/// At most so many pieces of work share an fdatasync: the first of them must not wait long.
const GROUP_JOBS: usize = 64;
/// At most so many pieces of work wait for strangers; more wait outside.
const STRANGERS_JOBS: usize = 4;
/// So many entries are applied before whoever waits is looked after again.
const SLICE_ENTRIES: usize = 32;
/// So many bytes of frames may wait for the engine, of one session and of all: whoever sends more waits, and in the end
/// its device does, by the transport's own flow control.
const SESSION_BYTES: usize = MAX_FRAME_BYTES;
const ALL_BYTES: usize = 16 * MAX_FRAME_BYTES;
/// So many frames may wait for a connection; a session has far fewer batches under way.
const PORT_FRAMES: usize = 256;

/// What a session tells besides frames.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// Both ends have said what they hold; whether it is the same.
    Level(bool),
    /// The peer refuses entries: how many stretches, and the first reason.
    Refused(usize, u16),
    /// So many feeds end for the other side, since what follows in them cannot be sent; the first reason.
    Withheld(usize, u16),
    /// The peer works on what came: so many entries wait there.
    PeerWorks(u64),
    /// The session is over for a reason of the protocol.
    Closing(Closing),
    /// The engine cannot go on: the disk has failed.
    Failed,
}

/// The ends of a session towards its connection.
struct Port {
    frames: mpsc::Sender<Vec<u8>>,
    events: mpsc::UnboundedSender<SessionEvent>,
}

struct State {
    replica: Replica,
    ports: BTreeMap<SessionId, Port>,
    next: SessionId,
    answers: Vec<Held>,
    /// Told to stop: nothing more is begun.
    over: bool,
}

/// A handle to the engine. Clones are the same engine; it stops when the last is gone, or when it is told to.
#[derive(Clone)]
pub struct Engine {
    jobs: mpsc::UnboundedSender<Job>,
    /// Work for strangers, of which one piece is done when all that waited for others is.
    strangers: mpsc::Sender<Job>,
    /// Room for frames that wait.
    room: Arc<Semaphore>,
}

/// Why the engine gives no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It has stopped.
    #[error("the engine has stopped")]
    Stopped,
    /// The disk did not take what had been done: nothing of it is saved.
    #[error("the disk has failed")]
    NotSaved,
}

/// A session, from the side of its connection.
pub struct OpenSession {
    /// Its number.
    pub id: SessionId,
    /// Frames to be sent.
    pub frames: mpsc::Receiver<Vec<u8>>,
    /// What it tells.
    pub events: mpsc::UnboundedReceiver<SessionEvent>,
    /// Where the frames go that come in.
    pub inlet: Inlet,
}

/// The way of a session's frames into the engine.
#[derive(Clone)]
pub struct Inlet {
    engine: Engine,
    id: SessionId,
    room: Arc<Semaphore>,
}

/// The engine's thread, seen from outside.
pub struct EngineThread {
    thread: JoinHandle<()>,
    ended: watch::Receiver<()>,
}

impl EngineThread {
    /// Resolves when the thread has ended, by order or by a panic.
    pub fn ended(&self) -> impl Future<Output = ()> + use<> {
        let mut ended = self.ended.clone();
        async move { while ended.changed().await.is_ok() {} }
    }

    /// Whether it ended in order; call it once it has ended.
    pub fn join(self) -> bool {
        self.thread.join().is_ok()
    }
}

impl Engine {
    /// Starts the thread. It keeps the lock on the directory as long as it lives: nobody else may write there before
    /// its last write is done.
    pub fn start(replica: Replica, directory: Directory) -> (Self, EngineThread) {
        let (jobs, queue) = mpsc::unbounded_channel::<Job>();
        let (strangers, last) = mpsc::channel::<Job>(STRANGERS_JOBS);
        let (alive, ended) = watch::channel(());
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
            // Dropped in turn, also by a panic: the replica, then the lock, and last the sign of life.
            let _alive = alive;
            let _directory = directory;
            run(replica, queue, last);
        });
        let thread = thread.expect("a thread can be started");
        let room = Arc::new(Semaphore::new(ALL_BYTES));
        (Self { jobs, strangers, room }, EngineThread { thread, ended })
    }

    /// Does something with the replica, once all that has come is applied, and gives back what came of it.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Replica, u64) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        self.with(|state| work(state.level(), now())).await
    }

    /// The same for somebody whom nobody knows yet: it is done when nothing else waits, one such piece at a time, and
    /// only a few of them may wait at all.
    pub async fn call_for_stranger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Replica, u64) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (job, answered) = answering(|state| work(state.level(), now()));
        self.strangers.send(job).await.map_err(|_| NoAnswer::Stopped)?;
        // The thread sleeps on the other queue.
        self.jobs.send(Box::new(|_| {})).map_err(|_| NoAnswer::Stopped)?;
        answered.await.map_err(|_| NoAnswer::Stopped)?
    }

    /// Looks at the replica as it is, without waiting for what has come to be applied.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Replica) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        self.with(move |state| look(&mut state.replica)).await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (job, answered) = answering(work);
        self.jobs.send(job).map_err(|_| NoAnswer::Stopped)?;
        answered.await.map_err(|_| NoAnswer::Stopped)?
    }

    /// Opens a session: with the hub (`None`) or with a caller.
    pub async fn open(&self, peer: Option<DeviceId>) -> Result<OpenSession, NoAnswer> {
        let engine = self.clone();
        self.with(move |state| {
            let (frames, frames_out) = mpsc::channel(PORT_FRAMES);
            let (events, events_out) = mpsc::unbounded_channel();
            let id = state.next;
            state.next += 1;
            state.ports.insert(id, Port { frames, events });
            match peer {
                None => state.replica.dial(id),
                Some(peer) => state.replica.listen(id, peer),
            }
            if state.replica.is_read_only() {
                state.drop_session(id);
            }
            let inlet = Inlet { engine, id, room: Arc::new(Semaphore::new(SESSION_BYTES)) };
            OpenSession { id, frames: frames_out, events: events_out, inlet }
        })
        .await
    }

    /// Asks a session's peer whether both are level; returns when the question is on its way.
    pub async fn ask(&self, id: SessionId) -> Result<(), NoAnswer> {
        self.with(move |state| {
            let outcome = state.replica.ask(id, now());
            state.failed(id, outcome);
        })
        .await
    }

    /// The connection of a session is gone.
    pub fn hang_up(&self, id: SessionId) {
        let job: Job = Box::new(move |state| {
            state.ports.remove(&id);
            state.replica.hang_up(id);
            if let Err(error) = state.replica.save_synced() {
                tracing::warn!(%error, "what the hub holds was not remembered");
            }
        });
        // A stopped engine has no sessions.
        let _ = self.jobs.send(job);
    }

    /// Ends the engine after what it was given so far; later work is answered with [`NoAnswer::Stopped`].
    pub fn stop(&self) {
        // One that has stopped needs no telling.
        let _ = self.jobs.send(Box::new(|state| state.over = true));
    }
}

impl Inlet {
    /// Hands in a frame, once there is room for it.
    pub async fn frame(&self, frame: Vec<u8>) -> Result<(), NoAnswer> {
        let bytes = u32::try_from(frame.len().min(SESSION_BYTES)).unwrap_or(u32::MAX);
        let own = self.room.clone().acquire_many_owned(bytes).await.map_err(|_| NoAnswer::Stopped)?;
        let shared = self.engine.room.clone().acquire_many_owned(bytes).await;
        let (id, shared) = (self.id, shared.map_err(|_| NoAnswer::Stopped)?);
        let job: Job = Box::new(move |state| {
            let outcome = state.replica.frame(id, frame, now());
            state.failed(id, outcome);
            drop((own, shared));
        });
        self.engine.jobs.send(job).map_err(|_| NoAnswer::Stopped)
    }

    /// Whether a frame waits for the engine or is at work in it: then it is not the peer that is silent.
    pub fn is_busy(&self) -> bool {
        self.room.available_permits() < SESSION_BYTES
    }
}

/// A piece of work whose answer waits until what it did is durable.
fn answering<T: Send + 'static>(
    work: impl FnOnce(&mut State) -> T + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, NoAnswer>>) {
    let (answer, answered) = oneshot::channel();
    let job = move |state: &mut State| {
        let done = work(state);
        let held = move |saved| drop(answer.send(if saved { Ok(done) } else { Err(NoAnswer::NotSaved) }));
        state.answers.push(Box::new(held));
    };
    (Box::new(job), answered)
}

fn run(replica: Replica, mut queue: mpsc::UnboundedReceiver<Job>, mut strangers: mpsc::Receiver<Job>) {
    let mut state = State { replica, ports: BTreeMap::new(), next: 1, answers: Vec::new(), over: false };
    state.replica.group_commits();
    state.replica.apply_later(INDEX_ROWS);
    state.dispatch();
    while !state.over {
        // What has come is applied when nobody waits.
        let next = if state.replica.is_behind() || !strangers.is_empty() {
            queue.try_recv()
        } else {
            queue.blocking_recv().ok_or(TryRecvError::Disconnected)
        };
        match next {
            Ok(job) => {
                job(&mut state);
                for job in (1..GROUP_JOBS).map_while(|_| queue.try_recv().ok()) {
                    state.let_go();
                    job(&mut state);
                }
            }
            Err(TryRecvError::Empty) if strangers.is_empty() => {
                let applied = state.replica.apply_some(SLICE_ENTRIES);
                state.applied(applied);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
        }
        if !state.over
            && let Ok(job) = strangers.try_recv()
        {
            state.let_go();
            job(&mut state);
        }
        state.answer();
        state.dispatch();
    }
    if let Err(error) = state.replica.save_synced() {
        tracing::warn!(%error, "what the hub holds was not remembered");
    }
}

impl State {
    /// The replica, once all that has come is applied.
    fn level(&mut self) -> &mut Replica {
        let applied = self.replica.apply_arrived();
        self.applied(applied);
        &mut self.replica
    }

    fn failed(&mut self, id: SessionId, outcome: Result<(), ReplicaError>) {
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

    fn drop_session(&mut self, id: SessionId) {
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
