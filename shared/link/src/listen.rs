//! The hub's end: accepts connections and hands over their streams, each as an [`Arrival`].
//!
//! Each handshake and each stream has a task of its own, so a slow peer delays nobody else. Until a device has shown its
//! certificate it is a stranger: strangers share a few places, a line of them fewer still, and each has one stream for
//! one request. Whatever they do, the places of known devices are not theirs to take.

use crate::certificate::{HubIdentity, PeerIdentity};
use crate::connection::Connection;
use crate::error::{LinkError, Result};
use crate::places::{Limits, Line, Place, Places, Seat};
use crate::quic::{
    GOODBYE, HANDSHAKE_LIMIT, NEEDS_CERTIFICATE, NO_STREAM, OVERSTAYED, PROVEN_LIMIT, Purpose,
    UNKNOWN_PURPOSE, hub_transport,
};
use crate::stream::FrameStream;
use crate::tls::server_config;
use rustls_pki_types::CertificateDer;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// Handshakes under way at most. Who finds no place is refused, and dials again.
const HANDSHAKES: Limits = Limits { each: 16, all: 256, youth: Duration::from_millis(300) };
/// From so many on, of its line or of all, a peer must first show that its address is its own.
const UNPROVEN: (usize, usize) = (4, 64);
/// Connections of strangers at most.
const STRANGERS: Limits = Limits { each: 32, all: 512, youth: Duration::ZERO };
/// Connections at most: all that strangers leave is the devices'.
const CONNECTIONS: usize = 4096;
/// Arrivals that wait for the application at most; their tasks wait with them.
const WAITING: usize = 64;
/// How long a stranger may stay: joining is one request and one reply.
const STRANGER_LIMIT: Duration = Duration::from_secs(60);
/// What a stranger is told that gives way to others, or finds no place.
const NO_PLACE: &str = "too many at once, try again";
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
    /// The place of a stranger, to keep it; known devices need none.
    pub seat: Option<Seat>,
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
    goodbye: watch::Sender<Option<String>>,
}

/// What a connection's task needs of its listener.
#[derive(Clone)]
struct Desk {
    handshakes: Places,
    strangers: Places,
    arrivals: mpsc::Sender<Arrival>,
    /// The sentence of the goodbye, once the listener shuts down; closed when the listener is dropped.
    goodbye: watch::Receiver<Option<String>>,
}

impl Listener {
    /// Listens on a UDP address, with the hub's certificate. Must be called inside a tokio runtime.
    ///
    /// [`LinkError::AddressInUse`] if another program has the address.
    pub fn bind(address: SocketAddr, hub: &HubIdentity) -> Result<Self> {
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(server_config(hub)?));
        config
            .transport_config(hub_transport())
            .max_incoming(HANDSHAKES.all)
            .incoming_buffer_size(64 << 10)
            .incoming_buffer_size_total(4 << 20);
        let endpoint = quinn::Endpoint::server(config, address).map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => LinkError::AddressInUse(address),
            _ => LinkError::Local(format!("cannot listen on {address}: {e}")),
        })?;
        let (sender, arrivals) = mpsc::channel(WAITING);
        let (goodbye, said) = watch::channel(None);
        let (handshakes, strangers) = (Places::new(HANDSHAKES), Places::new(STRANGERS));
        let desk = Desk { handshakes, strangers, arrivals: sender, goodbye: said };
        tokio::spawn(accept_all(endpoint.clone(), desk));
        Ok(Self { endpoint, arrivals, goodbye })
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

    /// Takes no more connections, says goodbye to all peers, and waits a moment until they have heard it.
    pub async fn shutdown(self, sentence: &str) {
        self.endpoint.set_server_config(None);
        self.goodbye.send_replace(Some(sentence.to_owned()));
        let _ = timeout(FAREWELL_LIMIT, self.endpoint.wait_idle()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Ends the accepting task, which holds the socket open; each connection's task sees `goodbye` close.
        self.endpoint.set_server_config(None);
    }
}

async fn accept_all(endpoint: quinn::Endpoint, desk: Desk) {
    let mut goodbye = desk.goodbye.clone();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            _ = goodbye.wait_for(Option::is_some) => None,
        };
        let Some(incoming) = incoming else { return };
        if endpoint.open_connections() >= CONNECTIONS {
            incoming.refuse();
            continue;
        }
        let line = Line::of(incoming.remote_address().ip());
        let (of_line, of_all) = desk.handshakes.taken(&line);
        let is_crowded = of_line >= UNPROVEN.0 || of_all >= UNPROVEN.1;
        if is_crowded && incoming.may_retry() && !incoming.remote_address_validated() {
            // The peer comes again with a token that only its true address could receive.
            let _ = incoming.retry();
            continue;
        }
        match desk.handshakes.enter(line) {
            Some(place) => drop(tokio::spawn(serve(incoming, place, desk.clone()))),
            None => incoming.refuse(),
        }
    }
}

async fn serve(incoming: quinn::Incoming, mut place: Place, desk: Desk) {
    let remote = incoming.remote_address();
    let limit = if incoming.remote_address_validated() { PROVEN_LIMIT } else { HANDSHAKE_LIMIT };
    let Ok(connecting) = incoming.accept() else { return };
    let inner = tokio::select! {
        shaken = timeout(limit, connecting) => match shaken {
            Ok(Ok(inner)) => inner,
            Ok(Err(error)) => return tracing::info!(%remote, %error, "a handshake failed"),
            Err(_) => return tracing::info!(%remote, "a handshake took too long"),
        },
        () = place.lost() => return tracing::info!(%remote, "a handshake gave way to others"),
    };
    drop(place);
    let peer = identity(&inner);
    let connection = Connection::new(inner);
    let mut goodbye = desk.goodbye.clone();
    let served = async {
        match peer {
            Some(peer) => device(&connection, peer, desk.arrivals).await,
            None => stranger(&connection, &desk).await,
        }
    };
    tokio::select! {
        () = served => {}
        said = goodbye.wait_for(Option::is_some) => {
            let sentence = said.ok().and_then(|it| it.clone()).unwrap_or_default();
            connection.close(GOODBYE, &sentence);
        }
    }
}

/// The certificate that TLS verified; a resumed connection has that of its first handshake.
fn identity(connection: &quinn::Connection) -> Option<PeerIdentity> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    PeerIdentity::read(chain.first()?).ok()
}

/// A known device stays as long as it likes.
async fn device(connection: &Connection, peer: PeerIdentity, arrivals: mpsc::Sender<Arrival>) {
    connection.widen();
    let mut opened = first_stream(connection).await;
    while let Some((send, receive)) = opened {
        let meant = (Some(peer.clone()), None);
        tokio::spawn(hand_over(connection.clone(), meant, send, receive, arrivals.clone()));
        opened = connection.accept().await;
    }
}

/// A stranger has one stream, and leaves when it is told to, at the latest when its time is over.
async fn stranger(connection: &Connection, desk: &Desk) {
    let Some(mut place) = desk.strangers.enter(Line::of(connection.remote().ip())) else {
        return connection.close(GOODBYE, NO_PLACE);
    };
    let seat = place.seat();
    let one_stream = async {
        let Some((send, receive)) = first_stream(connection).await else { return };
        hand_over(connection.clone(), (None, Some(seat)), send, receive, desk.arrivals.clone()).await;
        connection.closed().await;
    };
    tokio::select! {
        over = timeout(STRANGER_LIMIT, one_stream) => if over.is_err() {
            connection.close(OVERSTAYED, "joining took too long");
        },
        () = place.lost() => connection.close(GOODBYE, NO_PLACE),
    }
}

async fn first_stream(connection: &Connection) -> Option<(quinn::SendStream, quinn::RecvStream)> {
    let first = timeout(HANDSHAKE_LIMIT, connection.accept()).await;
    first.unwrap_or_else(|_| {
        tracing::info!(remote = %connection.remote(), "a connection without a stream");
        connection.close(NO_STREAM, "no stream was opened");
        None
    })
}

async fn hand_over(
    connection: Connection,
    (peer, seat): (Option<PeerIdentity>, Option<Seat>),
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
    let _ = arrivals.send(Arrival { peer, remote, seat, purpose, channel, connection }).await;
}
