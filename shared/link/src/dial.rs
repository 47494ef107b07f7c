//! The node's end: finds the hub at one of its addresses and makes sure that it is the hub.

use crate::connection::Connection;
use crate::error::{Fault, LinkError, Result};
use crate::identity::random;
use crate::quic::{ALERT_NO_PROTOCOL, ALERT_VERSION, GOODBYE, link_error, node_transport, tls_alert};
use crate::tls::{Credential, PinnedHub, client_config};
use huiliu_core::sync::keys::DeviceId;
use quinn::ConnectionError;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// No search for the hub takes longer than this, whatever the caller allows.
pub const DIAL_LIMIT: Duration = Duration::from_secs(15);
/// An address that has not answered after this long gets company from the next one.
const STAGGER: Duration = Duration::from_secs(2);
/// A host name stands for at most this many addresses.
const RESOLVED: usize = 4;
/// A hub that has no room just now is asked again after once to four times this long: others crowd at its door, and
/// each attempt is a new chance.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);
/// TLS wants a name; the hub is known by its key.
const HUB_NAME: &str = "huiliu-hub";

/// Dials one hub, known by its key. Keep it: it remembers the TLS session for a cheaper next time.
pub struct Dialer {
    endpoint: quinn::Endpoint,
    pin: Arc<PinnedHub>,
}

impl Dialer {
    /// A dialer for the hub with this device key; without a credential it may only join.
    /// Must be called inside a tokio runtime.
    pub fn new(hub: DeviceId, credential: Option<&Credential>) -> Result<Self> {
        let pin = Arc::new(PinnedHub::new(hub));
        let tls = client_config(pin.clone(), credential)?;
        let mut config = quinn::ClientConfig::new(Arc::new(tls));
        config.transport_config(node_transport());
        // One socket for both families; where IPv6 is switched off, IPv4 alone.
        let mut endpoint = quinn::Endpoint::client((Ipv6Addr::UNSPECIFIED, 0).into())
            .or_else(|_| quinn::Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into()))
            .map_err(|e| LinkError::Local(format!("no UDP socket: {e}")))?;
        endpoint.set_default_client_config(config);
        Ok(Self { endpoint, pin })
    }

    /// Connects to the hub at the first of the addresses (`host:port`) where it answers.
    ///
    /// Addresses are tried in order; one that keeps silent for 2 s gets company from the next, one that is busy is
    /// tried again. Takes at most `limit`, and never more than 15 s. [`LinkError::Silent`] if nobody answers
    /// anywhere; if somebody answers and it is busy, or no, or not the hub, then that error, because it tells more
    /// than the silence of the others.
    pub async fn connect(&self, addresses: &[String], limit: Duration) -> Result<Connection> {
        let limit = limit.min(DIAL_LIMIT);
        let deadline = Instant::now() + limit;
        let stagger = STAGGER.min(limit / (addresses.len() as u32 + 1));
        let mut waiting = addresses.iter();
        let mut attempts = JoinSet::new();
        let mut worst: Option<LinkError> = None;
        let mut next = Instant::now();
        loop {
            let now_due = attempts.is_empty() || Instant::now() >= next;
            if let Some(address) = now_due.then(|| waiting.next()).flatten() {
                attempts.spawn(self.attempt(address, Duration::ZERO));
                next = Instant::now() + stagger;
            }
            if attempts.is_empty() {
                break;
            }
            tokio::select! {
                ended = timeout_at(deadline, attempts.join_next()) => match ended {
                    Err(_) => break,
                    Ok(Some(Ok((_, Ok(connection))))) => return Ok(connection),
                    Ok(Some(Ok((address, Err(error))))) => {
                        if error == LinkError::Busy {
                            attempts.spawn(self.attempt(&address, busy_pause()));
                        }
                        worst = Some(more_telling(worst, error));
                    }
                    Ok(_) => {}
                },
                () = sleep_until(next), if waiting.len() > 0 => {}
            }
        }
        let silent = LinkError::Silent { addresses: addresses.join(", "), seconds: limit.as_secs().max(1) };
        Err(worst.filter(|it| it.fault() == Fault::Refused || *it == LinkError::Busy).unwrap_or(silent))
    }

    /// One address, after a pause, by its name.
    fn attempt(
        &self,
        address: &str,
        pause: Duration,
    ) -> impl Future<Output = (String, Result<Connection>)> + use<> {
        let (endpoint, pin, address) = (self.endpoint.clone(), self.pin.clone(), address.to_owned());
        async move {
            sleep(pause).await;
            let outcome = attempt(endpoint, pin, &address).await;
            (address, outcome)
        }
    }

    /// Waits a moment until the closes of this dialer's connections have left the machine. For a program that
    /// is about to exit.
    pub async fn shutdown(self) {
        self.endpoint.close(quinn::VarInt::from_u32(GOODBYE), b"");
        let _ = tokio::time::timeout(FAREWELL_LIMIT, self.endpoint.wait_idle()).await;
    }
}

/// Spread, so that those who were refused together do not return together.
fn busy_pause() -> Duration {
    let byte = random::<1>().map_or(128, |[byte]| byte);
    BUSY_PAUSE + BUSY_PAUSE * 3 * u32::from(byte) / 255
}

fn more_telling(known: Option<LinkError>, new: LinkError) -> LinkError {
    match known {
        Some(known) if known.fault() == Fault::Refused => known,
        _ => new,
    }
}

/// One address, with all that its name stands for. Runs until somebody answers or the caller gives up.
async fn attempt(endpoint: quinn::Endpoint, pin: Arc<PinnedHub>, address: &str) -> Result<Connection> {
    let found = tokio::net::lookup_host(address).await;
    let found: Vec<SocketAddr> =
        found.map_err(|e| LinkError::Cut(format!("{address}: {e}")))?.take(RESOLVED).collect();
    let mut tries = JoinSet::new();
    for remote in found {
        let connecting = endpoint
            .connect(remote, HUB_NAME)
            .map_err(|e| LinkError::Cut(format!("{remote} cannot be dialled: {e}")));
        tries.spawn(async { Ok(connecting?.await) });
    }
    let mut worst = LinkError::Cut(format!("{address} stands for no address"));
    while let Some(ended) = tries.join_next().await {
        match ended {
            Ok(Ok(Ok(inner))) => return Ok(Connection::new(inner)),
            Ok(Ok(Err(error))) => worst = more_telling(Some(worst), handshake_error(&pin, &error)),
            Ok(Err(error)) => worst = more_telling(Some(worst), error),
            Err(_) => {}
        }
    }
    Err(worst)
}

/// On this side of a handshake, TLS fails over the version or over the hub's identity.
fn handshake_error(pin: &PinnedHub, error: &ConnectionError) -> LinkError {
    let ConnectionError::TransportError(local) = error else { return link_error(error) };
    match tls_alert(local.code) {
        Some(ALERT_VERSION | ALERT_NO_PROTOCOL) => LinkError::Version("no common protocol".into()),
        Some(_) => {
            tracing::warn!(error = %local, "the hub that answered is not the pinned one");
            pin.wrong_hub()
        }
        None => link_error(error),
    }
}
