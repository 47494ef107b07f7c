//! The node's side of the link: one long-lived connection to the hub, dialled again when it breaks.

use crate::service::engine::{Engine, OpenSession, SessionEvent};
use crate::service::home::{CERTIFICATE, Failure, HubSettings, REGISTRY, link_failure, take_edition};
use crate::service::time::now;
use huiliu_core::model::messages::Say;
use huiliu_core::sync::session::Closing;
use huiliu_core::sync::{DeviceKey, PublicKey};
use huiliu_link::{Backoff, Connection, Credential, Dialer, LinkError, PeerIdentity, Pumped, Purpose, enrol};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Silence is said within this time.
const PATIENCE: Duration = Duration::from_secs(15);
/// A session that is asked and says nothing for so long is taken for broken.
const STALL: Duration = Duration::from_secs(30);
/// What waits between the connection and the engine.
const INCOMING_FRAMES: usize = 64;

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
    pub trouble: Option<String>,
}

/// A handle to the dialer. It redials until the last handle is gone.
#[derive(Clone)]
pub struct Dialing {
    requests: mpsc::UnboundedSender<oneshot::Sender<SyncOutcome>>,
    state: Arc<Mutex<LinkState>>,
}

impl Dialing {
    /// Starts dialling. `always`: also when nobody asks.
    pub fn start(parts: DialParts, always: bool) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(LinkState::default()));
        let worker = Worker { parts, queue, waiting: Vec::new(), state: state.clone(), always };
        tokio::spawn(worker.run());
        Self { requests, state }
    }

    /// Becomes level with the hub, or says why not.
    pub async fn sync(&self) -> SyncOutcome {
        let (answer, answered) = oneshot::channel();
        let silent = || Failure::new(5, Say::HubSilent { pending: 0 });
        self.requests.send(answer).map_err(|_| silent())?;
        answered.await.unwrap_or_else(|_| Err(silent()))
    }

    /// What the link is doing.
    pub fn state(&self) -> LinkState {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

struct Worker {
    parts: DialParts,
    queue: mpsc::UnboundedReceiver<oneshot::Sender<SyncOutcome>>,
    waiting: Vec<oneshot::Sender<SyncOutcome>>,
    state: Arc<Mutex<LinkState>>,
    always: bool,
}

impl Worker {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            if !self.always && self.waiting.is_empty() && !self.wait_for_request().await {
                return;
            }
            let outcome = self.visit(&mut backoff).await;
            if let Err(failure) = &outcome {
                self.set_state(None, Some(failure.text(Default::default())));
            }
            self.answer(&outcome);
            if self.queue.is_closed() && self.queue.is_empty() {
                return;
            }
            let jitter = huiliu_link::identity::random::<1>().map_or(0.5, |byte| f64::from(byte[0]) / 255.0);
            let pause = tokio::time::sleep(backoff.next_delay(jitter));
            tokio::select! {
                () = pause => {}
                request = self.queue.recv() => match request {
                    Some(request) => self.waiting.push(request),
                    None => return,
                },
            }
        }
    }

    async fn wait_for_request(&mut self) -> bool {
        match self.queue.recv().await {
            Some(request) => {
                self.waiting.push(request);
                true
            }
            None => false,
        }
    }

    fn answer(&mut self, outcome: &SyncOutcome) {
        for request in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = request.send(outcome.clone());
        }
    }

    fn set_state(&self, transport: Option<&'static str>, trouble: Option<String>) {
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
            LinkState { transport, trouble };
    }

    /// One connection, as long as it lasts.
    async fn visit(&mut self, backoff: &mut Backoff) -> SyncOutcome {
        let dialer = self.dialer()?;
        let addresses = self.parts.hub.addresses.clone();
        let outcome = match self.unless_over(dialer.connect(&addresses, PATIENCE)).await? {
            Err(error) => Err(link_failure(&error)),
            Ok(connection) => {
                let visited = self.talk(&connection, backoff).await;
                connection.close(huiliu_link::quic::GOODBYE, "");
                visited
            }
        };
        dialer.shutdown().await;
        outcome
    }

    /// Waits for something, takes in what is asked meanwhile, and gives it up when the service ends.
    async fn unless_over<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                request = self.queue.recv() => match request {
                    Some(request) => self.waiting.push(request),
                    None => return Err(Failure::new(5, Say::HubSilent { pending: 0 })),
                },
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

    /// Renews the certificate at two thirds of its life, on the connection it opened.
    async fn renew_if_due(&self, connection: &Connection) -> Result<(), Failure> {
        let path = self.parts.directory.join(CERTIFICATE);
        let held = std::fs::read(&path).ok().and_then(|der| PeerIdentity::read(&der).ok());
        let seconds = (now() / 1000) as i64;
        let due =
            held.is_none_or(|held| seconds >= held.not_before + (held.not_after - held.not_before) * 2 / 3);
        if !due {
            return Ok(());
        }
        let (fresh, _) = enrol::renew(connection, &self.parts.hub_key, &self.parts.key, seconds)
            .await
            .map_err(|e| link_failure(&e))?;
        write_whole(&path, &fresh).map_err(|e| {
            Failure::new(1, Say::CannotWrite { file: path.display().to_string(), why: e.to_string() })
        })
    }

    /// Fetches the edition of the registry that the tree uses, once, if the program does not carry it.
    async fn fetch_edition(&self, connection: &Connection) -> Result<(), Failure> {
        let stopped = |_| Failure::new(1, Say::ServiceDied);
        let missing =
            self.parts.engine.call(|replica, _| replica.missing_edition()).await.map_err(stopped)?;
        let Some(wanted) = missing else { return Ok(()) };
        let packed =
            connection.request(Purpose::Blob, wanted.0.to_vec()).await.map_err(|e| link_failure(&e))?;
        let kept = packed.clone();
        let taken = self.parts.engine.call(move |replica, _| take_edition(replica, &packed, &wanted)).await;
        if taken.map_err(stopped)?? {
            let path = self.parts.directory.join(REGISTRY);
            write_whole(&path, &kept).map_err(|e| {
                Failure::new(1, Say::CannotWrite { file: path.display().to_string(), why: e.to_string() })
            })?;
        }
        Ok(())
    }

    async fn talk(&mut self, connection: &Connection, backoff: &mut Backoff) -> SyncOutcome {
        self.renew_if_due(connection).await?;
        let stream = connection.open(Purpose::Session).await.map_err(|e| link_failure(&e))?;
        let stopped = |_| Failure::new(1, Say::ServiceDied);
        let OpenSession { id, frames, mut events } = self.parts.engine.open(None).await.map_err(stopped)?;
        let (incoming, mut arrived) = mpsc::channel(INCOMING_FRAMES);
        let pump = huiliu_link::pump(stream, frames, incoming);
        self.set_state(Some(pump.transport()), None);
        let (mut refused, mut stall) = (None, Box::pin(tokio::time::sleep(STALL)));
        let outcome = loop {
            tokio::select! {
                arrival = arrived.recv() => match arrival {
                    Some(Pumped::Frame(frame)) => {
                        stall.as_mut().reset(tokio::time::Instant::now() + STALL);
                        self.parts.engine.frame(id, frame).map_err(stopped)?;
                    }
                    Some(Pumped::Ended(how)) => break ended(how),
                    None => break ended(Ok(())),
                },
                event = events.recv() => match event {
                    Some(SessionEvent::Level(verified)) => {
                        backoff.reset();
                        self.fetch_edition(connection).await?;
                        let outcome = level(verified, refused.take());
                        self.answer(&outcome);
                        if !self.always {
                            break outcome;
                        }
                    }
                    Some(SessionEvent::Refused(count, reason)) => refused = Some((count, reason)),
                    Some(SessionEvent::Closing(closing)) => break Err(closed(&closing)),
                    Some(SessionEvent::Failed) => break Err(Failure::new(1, Say::ReadOnly)),
                    None => break ended(Ok(())),
                },
                request = self.queue.recv() => match request {
                    Some(request) => {
                        self.waiting.push(request);
                        stall.as_mut().reset(tokio::time::Instant::now() + STALL);
                        self.parts.engine.ask(id).map_err(stopped)?;
                    }
                    None => break Ok(()),
                },
                () = &mut stall, if !self.waiting.is_empty() => break Err(Failure::new(5, Say::HubSilent { pending: 0 })),
            }
        };
        self.parts.engine.hang_up(id);
        // What was acknowledged must have left before the connection goes.
        let _ = pump.close(huiliu_link::quic::GOODBYE, "").await;
        outcome
    }
}

fn level(verified: bool, refused: Option<(usize, u16)>) -> SyncOutcome {
    match (refused, verified) {
        (Some((count, reason)), _) => {
            let why = crate::commands::words::reason(reason, Default::default());
            Err(Failure::new(4, Say::EntriesRefused { count, why }))
        }
        (None, true) => Ok(()),
        (None, false) => Err(Failure::new(1, Say::NotLevelYet)),
    }
}

/// The connection ended before both were level.
fn ended(how: Result<(), LinkError>) -> SyncOutcome {
    match how {
        Ok(()) => Err(Failure::new(5, Say::HubSilent { pending: 0 })),
        Err(error) => Err(link_failure(&error)),
    }
}

fn closed(closing: &Closing) -> Failure {
    match closing {
        Closing::Busy(_) => Failure::new(5, Say::Busy),
        Closing::Upgrade(low, high) => Failure::new(4, Say::TooNew { what: format!("{low}-{high}") }),
        Closing::Nonsense | Closing::Stranger => {
            Failure::new(4, Say::HubSaidNo { sentence: format!("{closing:?}") })
        }
    }
}

/// Writes a file so that the old or the new is there at any time.
fn write_whole(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes)?;
    std::fs::File::open(&beside)?.sync_all()?;
    std::fs::rename(&beside, path)
}
