//! The node's side of the link: one long-lived connection to the hub, dialled again when it breaks, and the people who
//! wait for a sync. What is said on a connection stands in `visit`.

use crate::service::engine::Engine;
use crate::service::home::{CERTIFICATE, Failure, HubSettings, link_failure};
use huiliu_core::model::messages::Say;
use huiliu_core::sync::{DeviceKey, PublicKey};
use huiliu_link::{Backoff, Connection, Credential, Dialer, Movement};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// When somebody waits and nothing at all moves for so long, the hub is called silent. Fifteen seconds are promised;
/// a connection that had gone stale, the goodbye and the end of the program take their part of them.
const PATIENCE: Duration = Duration::from_secs(11);
/// Somebody who waits is not told of a connection that breaks before it was tried so often.
const ATTEMPTS: u32 = 4;
/// The wait between two of these attempts.
const BREATH: Duration = Duration::from_millis(500);
/// How often it is looked whether something moves.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// How a sync ended.
pub type SyncOutcome = Result<(), Failure>;

/// Everything the dialer needs.
pub struct DialParts {
    /// The engine.
    pub engine: Engine,
    /// The device key.
    pub key: DeviceKey,
    /// The hub.
    pub hub: HubSettings,
    /// The hub's key.
    pub hub_key: PublicKey,
    /// The data directory: a renewed certificate is kept there.
    pub directory: PathBuf,
}

/// What the status page says of the link.
#[derive(Clone, Debug, Default)]
pub struct LinkState {
    /// The transport of the open connection.
    pub transport: Option<&'static str>,
    /// Why there is none.
    pub trouble: Option<Say>,
}

/// What the dialer is told.
enum Wish {
    Sync(oneshot::Sender<SyncOutcome>),
    Stop,
}

/// A handle to the dialer. It redials until it is told to stop or the last handle is gone.
#[derive(Clone)]
pub struct Dialing {
    wishes: mpsc::UnboundedSender<Wish>,
    state: Arc<Mutex<LinkState>>,
    hub_works_on: Arc<AtomicUsize>,
}

impl Dialing {
    /// Starts dialling. `always`: also when nobody asks.
    pub fn start(parts: DialParts, always: bool) -> Self {
        let (wishes, queue) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(LinkState::default()));
        let hub_works_on = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            parts: Arc::new(parts),
            queue,
            waiting: Vec::new(),
            asked_at: Instant::now(),
            moved_at: Instant::now(),
            level_by: None,
            attempts: 0,
            backoff: Backoff::default(),
            state: state.clone(),
            hub_works_on: hub_works_on.clone(),
            always,
        };
        tokio::spawn(worker.run());
        Self { wishes, state, hub_works_on }
    }

    /// Becomes level with the hub, or says why not.
    pub async fn sync(&self) -> SyncOutcome {
        let (answer, answered) = oneshot::channel();
        let stopped = || Failure::new(1, Say::ServiceDied);
        self.wishes.send(Wish::Sync(answer)).map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// The same; `watch` is told again and again how many of the entries that waited at the hub to be applied are done,
    /// of how many.
    pub async fn sync_watched(&self, watch: &mut (dyn FnMut(usize, usize) + Send)) -> SyncOutcome {
        let (mut most, mut look) = (0, interval(LOOK));
        let sync = self.sync();
        tokio::pin!(sync);
        loop {
            tokio::select! {
                outcome = &mut sync => return outcome,
                _ = look.tick() => {
                    let waiting = self.hub_works_on.load(Ordering::Relaxed);
                    most = waiting.max(most);
                    if waiting > 0 {
                        watch(most - waiting, most);
                    }
                }
            }
        }
    }

    /// Says goodbye and dials no more.
    pub fn stop(&self) {
        // A dialer that has ended needs no telling.
        let _ = self.wishes.send(Wish::Stop);
    }

    /// Resolves when the dialer has ended.
    pub async fn ended(&self) {
        self.wishes.closed().await;
    }

    /// What the link is doing.
    pub fn state(&self) -> LinkState {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// How a visit to the hub ended.
pub(super) enum End {
    /// Both are level, and nobody wants the connection to stay.
    Level,
    /// The connection is no good any more; the next may be.
    Again,
    /// It failed.
    Failed(Failure),
    /// The dialer is told to stop.
    Over,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(super) struct Worker {
    pub(super) parts: Arc<DialParts>,
    queue: mpsc::UnboundedReceiver<Wish>,
    /// Who waits for a sync.
    pub(super) waiting: Vec<oneshot::Sender<SyncOutcome>>,
    /// When the first of them asked.
    pub(super) asked_at: Instant,
    /// When something last moved since then.
    pub(super) moved_at: Instant,
    /// Until when they are given time to become level, once both have said that they are not.
    pub(super) level_by: Option<Instant>,
    /// How often a connection has failed them.
    attempts: u32,
    pub(super) backoff: Backoff,
    state: Arc<Mutex<LinkState>>,
    /// How many entries the hub has said are left to be applied there.
    pub(super) hub_works_on: Arc<AtomicUsize>,
    pub(super) always: bool,
}

impl Worker {
    async fn run(mut self) {
        loop {
            if !self.always && self.waiting.is_empty() && !self.wish().await {
                return;
            }
            match self.visit().await {
                End::Over => return,
                End::Level => continue,
                End::Again | End::Failed(_) => {}
            }
            let jitter = huiliu_link::identity::random::<1>().map_or(0.5, |byte| f64::from(byte[0]) / 255.0);
            let pause = if self.waiting.is_empty() { self.backoff.next_delay(jitter) } else { BREATH };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                goes_on = self.wish() => if !goes_on { return },
            }
        }
    }

    /// Waits for the next wish and takes it in; false when the dialer is to stop.
    pub(super) async fn wish(&mut self) -> bool {
        match self.queue.recv().await {
            Some(Wish::Sync(answer)) => {
                if self.waiting.is_empty() {
                    self.asked_at = Instant::now();
                    self.moved_at = self.asked_at;
                    (self.level_by, self.attempts) = (None, 0);
                }
                self.waiting.push(answer);
                true
            }
            Some(Wish::Stop) | None => false,
        }
    }

    /// Whether somebody waits and nothing has moved for too long.
    pub(super) fn is_silent(&self) -> bool {
        !self.waiting.is_empty() && self.moved_at.elapsed() >= PATIENCE
    }

    pub(super) fn answer(&mut self, outcome: &SyncOutcome) {
        for request in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = request.send(outcome.clone());
        }
    }

    pub(super) fn set_state(&self, transport: Option<&'static str>, trouble: Option<Say>) {
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
            LinkState { transport, trouble };
    }

    /// One connection, as long as it lasts. Who waits is answered before the goodbyes.
    async fn visit(&mut self) -> End {
        let dialer = match self.dialer() {
            Ok(dialer) => dialer,
            Err(failure) => {
                self.failed(&failure);
                return End::Failed(failure);
            }
        };
        let addresses = self.parts.hub.addresses.clone();
        let end = match self.patiently(None, dialer.connect(&addresses, PATIENCE)).await {
            Err(end) => end,
            Ok(Err(error)) => End::Failed(link_failure(&error)),
            Ok(Ok(connection)) => {
                self.moved_at = Instant::now();
                let end = self.talk(&connection).await;
                self.hub_works_on.store(0, Ordering::Relaxed);
                connection.close(huiliu_link::quic::GOODBYE, "");
                end
            }
        };
        if let End::Failed(failure) = &end {
            self.note_standing(failure).await;
            self.failed(failure);
        }
        dialer.shutdown().await;
        end
    }

    /// That the hub has ended this device's grant is remembered: it will not say it to commands without a service.
    async fn note_standing(&self, failure: &Failure) {
        if let Say::HubRevoked { zh, en } = failure.say.clone() {
            let kept = move |replica: &mut crate::Replica, _| replica.remember_revoked(Some((&zh, &en)));
            if let Ok(Err(error)) = self.parts.engine.call(kept).await {
                tracing::warn!(%error, "that the grant has ended was not remembered");
            }
        }
    }

    /// A visit failed: who waits is told, unless another attempt may do better. Only silence is worth one; a no is a no.
    fn failed(&mut self, failure: &Failure) {
        self.set_state(None, Some(failure.say.clone()));
        self.attempts += 1;
        if failure.exit != 5 || self.is_silent() || self.attempts >= ATTEMPTS {
            self.answer(&Err(failure.clone()));
        }
    }

    /// Waits for something, takes in what is asked meanwhile, and gives it up when the dialer is told to stop or
    /// somebody has waited too long in silence.
    pub(super) async fn patiently<T>(
        &mut self,
        link: Option<&Connection>,
        work: impl Future<Output = T>,
    ) -> Result<T, End> {
        let (mut movement, mut look) = (Movement::default(), interval(LOOK));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                goes_on = self.wish() => if !goes_on { return Err(End::Over) },
                _ = look.tick() => {
                    if link.is_some_and(|link| movement.moved(link)) || self.parts.engine.is_behind() {
                        self.moved_at = Instant::now();
                    }
                    if self.is_silent() {
                        return Err(silent().into());
                    }
                }
            }
        }
    }

    fn dialer(&self) -> Result<Dialer, Failure> {
        let path = self.parts.directory.join(CERTIFICATE);
        let certificate = std::fs::read(&path).map_err(|e| {
            Failure::new(1, Say::CannotRead { file: path.display().to_string(), why: e.to_string() })
        })?;
        let credential = Credential::new(certificate, &self.parts.key);
        Dialer::new(self.parts.hub_key.device(), Some(&credential)).map_err(|e| link_failure(&e))
    }
}

/// Nothing is heard of the hub. The command puts in how much waits.
pub(super) fn silent() -> Failure {
    Failure::new(5, Say::HubSilent { pending: 0 })
}
