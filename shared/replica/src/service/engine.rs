//! The engine's thread: it alone touches the replica. Everything else sends it work and gets answers. What it does first,
//! and what it puts off, stands in `turns`.

use crate::service::time::now;
use crate::service::turns::{Frame, Job, Port, State, run};
use crate::{Replica, SessionId};
use huiliu_core::sync::DeviceId;
use huiliu_core::sync::message::MAX_FRAME_BYTES;
use huiliu_core::sync::session::Closing;
use huiliu_store::Directory;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// At most so many pieces of work wait for strangers; more wait outside.
const STRANGERS_JOBS: usize = 4;
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

/// A handle to the engine. Clones are the same engine; it stops when the last is gone, or when it is told to.
#[derive(Clone)]
pub struct Engine {
    jobs: mpsc::UnboundedSender<Job>,
    /// Work for strangers, of which one piece is done when all that waited for others is.
    strangers: mpsc::Sender<Job>,
    /// Room for frames that wait.
    room: Arc<Semaphore>,
    /// Whether something is held and not applied.
    behind: Arc<AtomicBool>,
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
        let behind = Arc::new(AtomicBool::new(false));
        let told = behind.clone();
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
            // Dropped in turn, also by a panic: the replica, then the lock, and last the sign of life.
            let _alive = alive;
            let _directory = directory;
            run(State::new(replica, told), queue, last);
        });
        let thread = thread.expect("a thread can be started");
        let room = Arc::new(Semaphore::new(ALL_BYTES));
        (Self { jobs, strangers, room, behind }, EngineThread { thread, ended })
    }

    /// Does something with the replica, once all that has come is applied, and gives back what came of it.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Replica, u64) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        self.call_within(None, work).await
    }

    /// The same, but from a moment on it is done even if something is left to be applied.
    pub async fn call_within<T: Send + 'static>(
        &self,
        by: Option<Instant>,
        work: impl FnOnce(&mut Replica, u64) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (job, answered) = answering(|state| work(&mut state.replica, now()));
        self.jobs.send(Box::new(move |state| state.when_level(by, job))).map_err(|_| NoAnswer::Stopped)?;
        answered.await.map_err(|_| NoAnswer::Stopped)?
    }

    /// Whether something is held here that is not applied yet.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// The same for somebody whom nobody knows yet: it is done when nothing else waits, one such piece at a time, and
    /// only a few of them may wait at all.
    pub async fn call_for_stranger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Replica, u64) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (job, answered) = answering(|state| work(&mut state.replica, now()));
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
            state.ports.insert(id, Port::new(frames, events));
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
        let frame = Frame { bytes: frame, room: [own, shared] };
        self.engine.jobs.send(Box::new(move |state| state.arrives(id, frame))).map_err(|_| NoAnswer::Stopped)
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
