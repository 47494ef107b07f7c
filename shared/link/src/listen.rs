//! The hub's end: accepts connections and hands over their streams, each as an [`Arrival`].
//!
//! Each handshake and each stream has a task of its own, so a slow peer delays nobody else.

use crate::certificate::{HubIdentity, PeerIdentity};
use crate::error::{LinkError, Result};
use crate::quic::{
    Connection, GOODBYE, HANDSHAKE_LIMIT, KNOWN_WINDOW, NEEDS_CERTIFICATE, NO_STREAM, OVERSTAYED, Purpose,
    UNKNOWN_PURPOSE, hub_transport,
};
use crate::stream::FrameStream;
use crate::tls::server_config;
use quinn::VarInt;
use rustls_pki_types::CertificateDer;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// Handshakes under way at most; more are refused, and the nodes dial again.
const HANDSHAKES: usize = 256;
/// From this many on, a peer must first show that its address is its own.
const HANDSHAKES_UNPROVEN: usize = 64;
/// Connections at most.
const CONNECTIONS: usize = 4096;
/// Arrivals that wait for the application at most; their tasks wait with them.
const WAITING: usize = 64;
/// How long a connection without a certificate may live: joining is one request and one reply.
const STRANGER_LIMIT: Duration = Duration::from_secs(60);
const FAREWELL_LIMIT: Duration = Duration::from_secs(3);

/// A stream that a peer opened.
#[derive(Debug)]
pub struct Arrival {
    /// Who opened it. None is a device without a certificate, and then the purpose is [`Purpose::Join`].
    /// The dates, a revocation and the right to speak are the application's to judge, at every arrival:
    /// a resumed connection shows the certificate of its first handshake.
    pub peer: Option<PeerIdentity>,
    /// From where.
    pub remote: SocketAddr,
    /// For what.
    pub purpose: Purpose,
    /// The stream; the purpose is already read.
    pub channel: FrameStream,
    /// The connection, to close it or to measure it.
    pub connection: Connection,
}

/// The hub's listening socket.
pub struct Listener {
    endpoint: quinn::Endpoint,
    arrivals: mpsc::Receiver<Arrival>,
}

impl Listener {
    /// Listens on a UDP address, with the hub's certificate. Must be called inside a tokio runtime.
    ///
    /// [`LinkError::AddressInUse`] if another program has the address.
    pub fn bind(address: SocketAddr, hub: &HubIdentity) -> Result<Self> {
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(server_config(hub)?));
        config
            .transport_config(hub_transport())
            .max_incoming(HANDSHAKES)
            .incoming_buffer_size(64 << 10)
            .incoming_buffer_size_total(4 << 20);
        let endpoint = quinn::Endpoint::server(config, address).map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => LinkError::AddressInUse(address),
            _ => LinkError::Local(format!("cannot listen on {address}: {e}")),
        })?;
        let (sender, arrivals) = mpsc::channel(WAITING);
        tokio::spawn(accept_all(endpoint.clone(), sender));
        Ok(Self { endpoint, arrivals })
    }

    /// The address in use, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.endpoint.local_addr().map_err(|e| LinkError::Local(format!("no local address: {e}")))
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.endpoint.open_connections()
    }

    /// The next stream that a peer opened; None after the end of the listener. May be dropped and called again.
    pub async fn accept(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// Says goodbye to all peers and waits a moment until they have heard it.
    pub async fn shutdown(self, sentence: &str) {
        self.endpoint.close(VarInt::from_u32(GOODBYE), crate::frame::cut_sentence(sentence).as_bytes());
        let _ = timeout(FAREWELL_LIMIT, self.endpoint.wait_idle()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Otherwise the tasks would hold the socket open for as long as a peer stays.
        self.endpoint.close(VarInt::from_u32(GOODBYE), b"");
    }
}

async fn accept_all(endpoint: quinn::Endpoint, arrivals: mpsc::Sender<Arrival>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    while let Some(incoming) = endpoint.accept().await {
        if endpoint.open_connections() >= CONNECTIONS {
            incoming.refuse();
            continue;
        }
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let under_way = HANDSHAKES - handshakes.available_permits();
        if under_way > HANDSHAKES_UNPROVEN && incoming.may_retry() && !incoming.remote_address_validated() {
            // The peer comes again with a token that only its true address could receive.
            let _ = incoming.retry();
            continue;
        }
        tokio::spawn(serve(incoming, permit, arrivals.clone()));
    }
}

async fn serve(incoming: quinn::Incoming, permit: OwnedSemaphorePermit, arrivals: mpsc::Sender<Arrival>) {
    let remote = incoming.remote_address();
    let Ok(connecting) = incoming.accept() else { return };
    let inner = match timeout(HANDSHAKE_LIMIT, connecting).await {
        Ok(Ok(inner)) => inner,
        Ok(Err(error)) => return tracing::info!(%remote, %error, "a handshake failed"),
        Err(_) => return tracing::info!(%remote, "a handshake took too long"),
    };
    drop(permit);
    let peer = identity(&inner);
    let connection = Connection { inner };
    if peer.is_some() {
        connection.inner.set_receive_window(VarInt::from_u32(KNOWN_WINDOW));
        return streams(&connection, peer, arrivals).await;
    }
    if timeout(STRANGER_LIMIT, streams(&connection, None, arrivals)).await.is_err() {
        connection.close(OVERSTAYED, "joining took too long");
    }
}

/// The certificate that TLS verified; a resumed connection has that of its first handshake.
fn identity(connection: &quinn::Connection) -> Option<PeerIdentity> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    PeerIdentity::read(chain.first()?).ok()
}

async fn streams(connection: &Connection, peer: Option<PeerIdentity>, arrivals: mpsc::Sender<Arrival>) {
    let first = timeout(HANDSHAKE_LIMIT, connection.inner.accept_bi()).await;
    let Ok(mut opened) = first else {
        tracing::info!(remote = %connection.remote(), "a connection without a stream");
        return connection.close(NO_STREAM, "no stream was opened");
    };
    while let Ok((send, receive)) = opened {
        tokio::spawn(hand_over(connection.clone(), peer.clone(), send, receive, arrivals.clone()));
        opened = connection.inner.accept_bi().await;
    }
}

async fn hand_over(
    connection: Connection,
    peer: Option<PeerIdentity>,
    send: quinn::SendStream,
    mut receive: quinn::RecvStream,
    arrivals: mpsc::Sender<Arrival>,
) {
    let mut byte = [0];
    let Ok(read) = timeout(HANDSHAKE_LIMIT, receive.read_exact(&mut byte)).await else {
        return connection.close(NO_STREAM, "a stream without a purpose");
    };
    if read.is_err() {
        return;
    }
    let Some(purpose) = Purpose::from_byte(byte[0]) else {
        return connection.close(UNKNOWN_PURPOSE, "a stream of an unknown purpose");
    };
    if peer.is_none() && purpose != Purpose::Join {
        return connection.close(NEEDS_CERTIFICATE, "this device has not joined");
    }
    let channel = FrameStream::new(connection.clone(), send, receive, vec![], purpose.request_cap());
    let remote = connection.remote();
    let _ = arrivals.send(Arrival { peer, remote, purpose, channel, connection }).await;
}
