//! Serving: a replica that runs until it is told to stop. The same for nodes and hubs, but for who speaks first.

use crate::commands::{Answer, Context};
use crate::service::connections::{self, Limits};
use crate::service::dial::{DialParts, Dialing};
use crate::service::engine::{Engine, EngineThread};
use crate::service::home::{self, Failure, Opened, Settings, link_failure};
use crate::service::local::{Announced, Local, sync_answer};
use crate::service::output::write_file;
use huiliu_core::model::messages::Say;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// A running replica.
pub struct Running {
    /// The data directory; the engine's thread holds the lock on it.
    root: PathBuf,
    /// The settings.
    pub settings: Settings,
    /// The engine.
    pub engine: Engine,
    /// The dialer, on a node.
    pub dialing: Option<Dialing>,
    /// Where nodes reach it, on a hub that listens.
    pub listening: Option<SocketAddr>,
    thread: EngineThread,
}

/// A web server under way.
pub struct Web {
    /// Where it is bound.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    _announced: Announced,
}

/// The end of a service: one deadline for all its parts. A program that is told to stop has ten seconds.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    begun: Instant,
}

impl Ending {
    /// It has begun now.
    pub fn begin() -> Self {
        Self { begun: Instant::now() }
    }

    /// So long goodbyes may take, and answers that are under way.
    pub fn farewells(self) -> Instant {
        self.begun + Duration::from_secs(4)
    }

    /// When the program ends, whatever is still at work.
    pub fn last_moment(self) -> Instant {
        self.begun + Duration::from_secs(8)
    }
}

impl Running {
    /// Starts the engine of an opened replica.
    pub fn start(opened: Opened) -> Self {
        let Opened { directory, settings, replica } = opened;
        let root = directory.root().to_owned();
        let (engine, thread) = Engine::start(replica, directory);
        Self { root, settings, engine, dialing: None, listening: None, thread }
    }

    /// The data directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins to dial the hub. `always`: also when nobody asks.
    pub fn dial(&mut self, always: bool) -> Result<(), Failure> {
        let key = huiliu_link::identity::load_key_file(&self.root.join(home::KEY));
        let parts = DialParts {
            engine: self.engine.clone(),
            key: key.map_err(|e| link_failure(&e))?,
            hub: self.settings.hub.clone(),
            hub_key: self.settings.hub_key(),
            directory: self.root.clone(),
        };
        self.dialing = Some(Dialing::start(parts, always));
        Ok(())
    }

    /// Serves pages and the local interface on loopback.
    pub async fn serve_web(&self, address: SocketAddr) -> Result<Web, Failure> {
        let taken = |_| Failure::new(1, Say::AddressInUse { address: address.to_string() });
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let bound = listener.local_addr().map_err(taken)?;
        let (stop, stopped) = watch::channel(false);
        let local = Local::new(self.engine.clone(), self.dialing.clone(), self.listening, stopped.clone());
        let announced = local.announce(self.root(), bound).map_err(|e| {
            Failure::new(1, Say::CannotWrite { file: "local.json".into(), why: e.to_string() })
        })?;
        let router = local.router().merge(huiliu_web::router(local));
        let router = router.layer(huiliu_web::guard(huiliu_web::loopback_hosts(bound)));
        let task = tokio::spawn(connections::serve(listener, router, Limits::default(), stopped));
        Ok(Web { address: bound, stop, task, _announced: announced })
    }

    /// Waits until the program is told to stop; an error if the engine dies before: a service without one serves nobody.
    pub async fn until_told(&self) -> Result<(), Failure> {
        tokio::select! {
            () = told_to_stop() => Ok(()),
            () = self.thread.ended() => Err(Failure::new(1, Say::EngineDied)),
        }
    }

    /// Lets the dialer say goodbye; whoever waits for a sync is told that the service ends.
    pub fn hang_up(&self) {
        if let Some(dialing) = &self.dialing {
            dialing.stop();
        }
    }

    /// Ends the engine after what it is doing. Its thread gives the directory free with its last breath, be it after
    /// the last moment: then the end of the program does.
    pub async fn stop(self, ending: Ending) {
        self.hang_up();
        if let Some(dialing) = self.dialing {
            let _ = timeout_at(ending.farewells(), dialing.ended()).await;
        }
        self.engine.stop();
        if timeout_at(ending.last_moment(), self.thread.ended()).await.is_err() {
            tracing::warn!(
                "the engine was still at work when the time was over; what it called saved is saved"
            );
        } else if !self.thread.join() {
            tracing::error!("the engine died");
        }
    }
}

impl Web {
    /// Ends the server; requests under way get a moment.
    pub async fn stop(self, ending: Ending) {
        let _ = self.stop.send(true);
        let _ = timeout_at(ending.farewells(), self.task).await;
    }
}

/// The answer to `sync` without a service: one session until level. `watch` as for [`Dialing::sync_watched`].
pub async fn sync_once(
    opened: Opened,
    context: &Context,
    watch: &mut (dyn FnMut(usize, usize) + Send),
) -> Answer {
    let mut running = Running::start(opened);
    let outcome = match running.dial(false) {
        Ok(()) => running.dialing.clone().expect("dialling was begun").sync_watched(watch).await,
        Err(failure) => Err(failure),
    };
    let pending = running.engine.look(|replica| replica.pending()).await.unwrap_or(0);
    running.stop(Ending::begin()).await;
    sync_answer(outcome, pending, context)
}

/// Waits for SIGTERM or Ctrl-C, which from the call on do not end the program by themselves.
pub fn told_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [terminate, interrupt] = signals.map(|signal| async {
        match signal {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    });
    async {
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}

/// The page and the local interface are this machine's alone: who reaches them can read every record.
pub fn check_page(address: SocketAddr) -> Result<(), Failure> {
    let refused = || Failure::new(2, Say::WebNotLoopback { address: address.to_string() });
    if address.ip().is_loopback() { Ok(()) } else { Err(refused()) }
}

/// A ready file that is there as long as this is.
pub struct Ready {
    path: PathBuf,
}

impl Drop for Ready {
    fn drop(&mut self) {
        // Whoever reads it afterwards finds the process gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes the ready file, by rename so that whoever waits for it reads all of it.
pub fn write_ready(path: &Path, listen: Option<SocketAddr>, web: SocketAddr) -> Result<Ready, Failure> {
    let ready = serde_json::json!({
        "v": 1,
        "listen": listen.map(|address| address.to_string()),
        "web": web.to_string(),
        "pid": std::process::id(),
    });
    write_file(path, ready.to_string().as_bytes()).map(|()| Ready { path: path.to_owned() })
}
