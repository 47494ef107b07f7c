//! Bad peers by the hundred at the door of a hub that runs: some hold connections and claim long frames, some try
//! secrets, some knock and never come in.

use huiliu_core::sync::DeviceKey;
use huiliu_link::Purpose;
use huiliu_link::certificate::signing_request;
use huiliu_link::enrol::{JoinRequest, Message};
use huiliu_link::ticket::Secret;
use quinn::{Connection, Endpoint};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;
use tokio::time::{interval, sleep, timeout};

/// Strangers come from so many addresses of this machine; what is honest comes from the first of them.
const LINES: usize = 17;
/// A stranger that was sent away comes again after this time.
const PAUSE: Duration = Duration::from_secs(1);
/// So many handshakes that are not finished are kept.
const HALF_OPEN: usize = 1500;

/// Accepts whoever answers: these peers know whom they dial.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// A stranger's QUIC endpoint at an address of this machine: no certificate, no manners.
///
/// # Panics
/// If there is no such address. Must be called inside a tokio runtime.
pub fn endpoint(from: Ipv4Addr) -> Endpoint {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 is known")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody));
    let mut tls = tls.with_no_client_auth();
    tls.alpn_protocols = vec![b"huiliu/1".to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).expect("settings for QUIC");
    let mut endpoint = Endpoint::client((from, 0).into()).expect("a socket of this machine");
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
    endpoint
}

/// What the peers of a crowd have done so far.
#[derive(Default)]
pub struct Deeds {
    /// Connections that were made and used to claim frames.
    pub held: AtomicUsize,
    /// Joins with a wrong secret that were answered.
    pub refused: AtomicUsize,
    /// Handshakes that were begun and will not be finished.
    pub half_open: AtomicUsize,
}

/// Bad peers at work, until they are dropped.
pub struct Crowd {
    /// What they have done.
    pub deeds: Arc<Deeds>,
    runtime: Option<Runtime>,
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Crowd {
    /// So many peers, of which one in four tries secrets and the others hold what they get; and so many handshakes each
    /// second that are never finished.
    ///
    /// # Panics
    /// If this machine gives no sockets.
    pub fn gather(hub: SocketAddr, peers: usize, half_open_per_second: u32) -> Self {
        let deeds = Arc::new(Deeds::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let inside = runtime.enter();
        let line = |n: usize| Ipv4Addr::new(127, 0, 0, 1 + n as u8);
        let endpoints: Vec<Endpoint> = (0..LINES).map(|n| endpoint(line(n))).collect();
        for n in 0..peers {
            let (endpoint, deeds) = (endpoints[n % LINES].clone(), deeds.clone());
            runtime.spawn(async move {
                loop {
                    let Ok(connection) = dial(&endpoint, hub).await else { continue };
                    if n % 4 == 0 {
                        try_a_secret(&connection, &deeds).await;
                    } else {
                        hold(&connection, &deeds).await;
                    }
                    sleep(PAUSE).await;
                }
            });
        }
        runtime.spawn(knock(hub, half_open_per_second, deeds.clone()));
        drop(inside);
        Self { deeds, runtime: Some(runtime) }
    }
}

async fn dial(endpoint: &Endpoint, hub: SocketAddr) -> Result<Connection, ()> {
    let connecting = endpoint.connect(hub, "huiliu-hub").map_err(drop)?;
    match timeout(Duration::from_secs(20), connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        _ => {
            sleep(PAUSE).await;
            Err(())
        }
    }
}

/// Opens as many streams as it gets, claims the longest request on each, and says no more.
async fn hold(connection: &Connection, deeds: &Deeds) {
    let claim = [&[Purpose::Join as u8][..], &(64_u32 << 10).to_le_bytes(), b"..."].concat();
    let mut streams = Vec::new();
    while let Ok(Ok((mut send, receive))) = timeout(Duration::from_millis(500), connection.open_bi()).await {
        if send.write_all(&claim).await.is_err() {
            break;
        }
        if streams.is_empty() {
            deeds.held.fetch_add(1, Ordering::Relaxed);
        }
        streams.push((send, receive));
    }
    connection.closed().await;
}

/// Asks to join with a secret that nobody has given out, on as many streams as it gets.
async fn try_a_secret(connection: &Connection, deeds: &Deeds) {
    let request = JoinRequest {
        ticket: [7; 8],
        secret: Secret([7; 16]),
        request: signing_request(&DeviceKey::from_seed([7; 32])).expect("a signing request"),
        name: "陌生人".into(),
        now: 1_795_000_000,
    };
    let request = request.encode().expect("a request");
    let frame = [&[Purpose::Join as u8][..], &(request.len() as u32).to_le_bytes(), &request].concat();
    while let Ok(Ok((mut send, mut receive))) = timeout(PAUSE, connection.open_bi()).await {
        let asked = send.write_all(&frame).await.is_ok() && send.finish().is_ok();
        if !asked || timeout(Duration::from_secs(20), receive.read_to_end(1 << 16)).await.is_err() {
            break;
        }
        deeds.refused.fetch_add(1, Ordering::Relaxed);
    }
    connection.close(0_u32.into(), b"");
}

/// The connection id that the sender of a long header has given itself (RFC 9000, section 17.2).
fn own_id(datagram: &[u8]) -> &[u8] {
    let at = 6 + usize::from(datagram[5]);
    &datagram[at + 1..][..usize::from(datagram[at])]
}

/// Begins handshakes that are never finished: whoever is asked to show that its address is its own does so, and then
/// neither says nor hears anything.
async fn knock(hub: SocketAddr, per_second: u32, deeds: Arc<Deeds>) {
    let bind = || UdpSocket::bind("127.0.0.1:0");
    let (front, back) = (bind().await.expect("a socket"), bind().await.expect("a socket"));
    back.connect(hub).await.expect("an address");
    let door = front.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut caller, mut up, mut down) = (None, vec![0; 65536], vec![0; 65536]);
        let mut said = BTreeMap::new();
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut up) => {
                    caller = Some(from);
                    let words = said.entry(own_id(&up).to_vec()).or_insert(0);
                    *words += 1;
                    if *words <= 2 {
                        let _ = back.send(&up[..length]).await;
                    }
                }
                Ok(length) = back.recv(&mut down) => {
                    // A long header of the type Retry (RFC 9000, section 17.2.5).
                    if let (0xf0, Some(caller)) = (down[0] & 0xf0, caller) {
                        let _ = front.send_to(&down[..length], caller).await;
                    }
                }
            }
        }
    });
    let endpoint = endpoint(Ipv4Addr::LOCALHOST);
    let mut tick = interval(Duration::from_secs(1) / per_second);
    let mut begun = VecDeque::new();
    loop {
        tick.tick().await;
        if let Ok(connecting) = endpoint.connect(door, "huiliu-hub") {
            begun.push_back(connecting);
            deeds.half_open.fetch_add(1, Ordering::Relaxed);
        }
        begun.drain(..begun.len().saturating_sub(HALF_OPEN));
    }
}
