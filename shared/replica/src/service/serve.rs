//! Serving: a replica that runs until it is told to stop. The same for nodes and hubs, but for who speaks first.

use crate::commands::{Answer, Context};
use crate::service::dial::{DialParts, Dialing};
use crate::service::engine::Engine;
use crate::service::home::{self, Failure, Opened, Settings, link_failure};
use crate::service::local::{Announced, Local, sync_answer};
use huiliu_core::model::messages::Say;
use huiliu_store::Directory;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A running replica.
pub struct Running {
    /// The lock on the data directory.
    directory: Directory,
    /// The settings.
    pub settings: Settings,
    /// The engine.
    pub engine: Engine,
    /// The dialer, on a node.
    pub dialing: Option<Dialing>,
    thread: JoinHandle<()>,
}

/// A web server under way.
pub struct Web {
    /// Where it is bound.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    _announced: Announced,
}

impl Running {
    /// Starts the engine of an opened replica.
    pub fn start(opened: Opened) -> Self {
        let (engine, thread) = Engine::start(opened.replica);
        Self { directory: opened.directory, settings: opened.settings, engine, dialing: None, thread }
    }

    /// The data directory.
    pub fn root(&self) -> &Path {
        self.directory.root()
    }

    /// Begins to dial the hub. `always`: also when nobody asks.
    pub fn dial(&mut self, always: bool) -> Result<(), Failure> {
        let key = huiliu_link::identity::load_key_file(&self.directory.path(home::KEY));
        let parts = DialParts {
            engine: self.engine.clone(),
            key: key.map_err(|e| link_failure(&e))?,
            hub: self.settings.hub.clone(),
            hub_key: self.settings.hub_key(),
            directory: self.directory.root().to_owned(),
        };
        self.dialing = Some(Dialing::start(parts, always));
        Ok(())
    }

    /// Serves pages and the local interface on loopback.
    pub async fn serve_web(&self, address: SocketAddr) -> Result<Web, Failure> {
        let taken = |_| Failure::new(1, Say::AddressInUse { address: address.to_string() });
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let bound = listener.local_addr().map_err(taken)?;
        let local = Local::new(self.engine.clone(), self.dialing.clone());
        let announced = local.announce(self.root(), bound).map_err(|e| {
            Failure::new(1, Say::CannotWrite { file: "local.json".into(), why: e.to_string() })
        })?;
        let router = local.router().merge(huiliu_web::router(local));
        let router = router.layer(huiliu_web::guard(huiliu_web::loopback_hosts(bound)));
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let quit = async move { drop(stopped.wait_for(|stop| *stop).await) };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(quit).await {
                tracing::error!(%error, "the web server ended");
            }
        });
        Ok(Web { address: bound, stop, task, _announced: announced })
    }

    /// Ends the engine after what it is doing, and gives the directory free.
    pub async fn stop(self) {
        let Self { directory, engine, dialing, thread, .. } = self;
        drop(dialing);
        drop(engine);
        // The dialer and open requests hold handles for a moment longer.
        let ended = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(Duration::from_secs(8), ended).await.is_err() {
            tracing::warn!(
                "the engine was still at work when the time was over; what it called saved is saved"
            );
        }
        drop(directory);
    }
}

impl Web {
    /// Ends the server; requests under way get a moment.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(Duration::from_secs(2), self.task).await;
    }
}

/// The answer to `sync` without a service: one session until level.
pub async fn sync_once(opened: Opened, context: &Context) -> Answer {
    let mut running = Running::start(opened);
    let outcome = match running.dial(false) {
        Ok(()) => running.dialing.clone().expect("dialling was begun").sync().await,
        Err(failure) => Err(failure),
    };
    let pending = running.engine.call(|replica, _| replica.pending()).await.unwrap_or(0);
    running.stop().await;
    sync_answer(outcome, pending, context)
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Writes the ready file, by rename so that whoever waits for it reads all of it.
pub fn write_ready(path: &Path, listen: Option<SocketAddr>, web: SocketAddr) -> Result<(), Failure> {
    let ready = serde_json::json!({
        "v": 1,
        "listen": listen.map(|address| address.to_string()),
        "web": web.to_string(),
        "pid": std::process::id(),
    });
    let beside = path.with_extension("new");
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(ready.to_string().as_bytes()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|e| {
        Failure::new(1, Say::CannotWrite { file: path.display().to_string(), why: e.to_string() })
    })
}
