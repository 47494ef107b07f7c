//! A connection to the other side, and how it ends.
//!
//! quinn holds a close back while stream data waits for the congestion window, and once closed it reads no
//! acknowledgements, so the close of a busy connection never leaves and the other side waits for its idle
//! timeout. Therefore a connection with open streams resets them first and closes when the window is free.

use crate::error::{LinkError, Result};
use crate::frame::{FRAME_CAP, cut_sentence};
use crate::quic::{GOODBYE, KNOWN_WINDOW, PATIENCE, Purpose, STREAMS, link_error, stalled};
use crate::stream::FrameStream;
use quinn::VarInt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a close may wait for the window at most.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// After a stream was reset, how long to wait for the close and its sentence, which follow.
const REASON_LIMIT: Duration = Duration::from_secs(2);

/// A sending stream, shared between its writer and the close of its connection.
pub(crate) type SharedSend = Arc<Mutex<quinn::SendStream>>;

/// A connection to the other side. Clones are the same connection; it ends when the last one and all its
/// streams are dropped, or when either side closes it.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Link>);

#[derive(Debug)]
struct Link {
    quic: quinn::Connection,
    /// Streams that may have bytes under way.
    sending: Mutex<Vec<Weak<Mutex<quinn::SendStream>>>>,
    /// Whether a stream was given up with bytes under way.
    torn: AtomicBool,
}

impl Connection {
    pub(crate) fn new(quic: quinn::Connection) -> Self {
        Self(Arc::new(Link { quic, sending: Mutex::default(), torn: AtomicBool::new(false) }))
    }

    /// Opens a stream. The purpose travels with the first frame, so the opener must speak first.
    ///
    /// A refusal of this device by the hub's TLS arrives only after the handshake looks complete on this
    /// side, thus here or on the stream, as [`LinkError::Refused`].
    pub async fn open(&self, purpose: Purpose) -> Result<FrameStream> {
        let opening = timeout(PATIENCE, self.0.quic.open_bi()).await;
        let (send, receive) = opening.map_err(|_| stalled())?.map_err(|e| link_error(&e))?;
        Ok(FrameStream::new(self.clone(), send, receive, vec![purpose as u8], FRAME_CAP))
    }

    /// One request, one reply, on a stream of its own. [`LinkError::Stalled`] if nothing moves for 10 s.
    pub async fn request(&self, purpose: Purpose, frame: Vec<u8>) -> Result<Vec<u8>> {
        let mut stream = self.open(purpose).await?;
        let sent = stream.send_only(frame).await;
        match stream.receive_one().await {
            Ok(Some(reply)) => {
                // Reads the end too, so that the other side learns that its reply has arrived.
                let _ = stream.receive_one().await;
                Ok(reply)
            }
            Ok(None) => Err(sent.err().unwrap_or_else(|| LinkError::Cut("no reply".into()))),
            // The other side's reason tells more than the failed write that it caused.
            Err(why @ (LinkError::Refused { .. } | LinkError::Closed { .. })) => Err(why),
            Err(why) => Err(sent.err().unwrap_or(why)),
        }
    }

    /// Closes the connection, with a code and a sentence for the person at the other end. Frames still under
    /// way are lost: finish or close their streams first. Returns at once; with open streams the close leaves
    /// two round trips later.
    pub fn close(&self, code: u32, sentence: &str) {
        let streams = std::mem::take(&mut *locked(&self.0.sending));
        let open = streams
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|it| locked(it).reset(VarInt::from_u32(code)).is_ok());
        if open.count() > 0 {
            self.0.torn.store(true, Ordering::Relaxed);
        }
        self.0.close(code, cut_sentence(sentence));
    }

    /// Waits until the connection is over, and says why.
    pub async fn closed(&self) -> LinkError {
        link_error(&self.0.quic.closed().await)
    }

    /// Why the connection is over, if it is.
    pub fn close_reason(&self) -> Option<LinkError> {
        self.0.quic.close_reason().as_ref().map(link_error)
    }

    /// The other side's address now (it may move).
    pub fn remote(&self) -> SocketAddr {
        self.0.quic.remote_address()
    }

    /// The round trip as measured.
    pub fn round_trip(&self) -> Duration {
        self.0.quic.rtt()
    }

    /// Bytes on the wire so far, out and in, with everything that QUIC adds.
    pub fn wire_bytes(&self) -> (u64, u64) {
        let stats = self.0.quic.stats();
        (stats.udp_tx.bytes, stats.udp_rx.bytes)
    }

    /// The transport, for the status page.
    pub fn transport(&self) -> &'static str {
        "QUIC"
    }

    /// The other side reset a stream: why, if the close that follows says so in time.
    pub(crate) async fn reason(&self) -> Option<LinkError> {
        timeout(REASON_LIMIT, self.closed()).await.ok()
    }

    /// The next stream that the other side opens; None when the connection is over.
    pub(crate) async fn accept(&self) -> Option<(quinn::SendStream, quinn::RecvStream)> {
        self.0.quic.accept_bi().await.ok()
    }

    /// The other side is a known device: it may have more under way.
    pub(crate) fn widen(&self) {
        self.0.quic.set_receive_window(VarInt::from_u32(KNOWN_WINDOW));
        self.0.quic.set_max_concurrent_bi_streams(VarInt::from_u32(STREAMS));
    }

    /// Takes note of a sending stream, so that a close can reset it.
    pub(crate) fn share(&self, send: quinn::SendStream) -> SharedSend {
        let shared = Arc::new(Mutex::new(send));
        let mut sending = locked(&self.0.sending);
        sending.retain(|it| it.strong_count() > 0);
        sending.push(Arc::downgrade(&shared));
        shared
    }

    /// Gives a stream up with bytes under way.
    pub(crate) fn tear(&self, send: &SharedSend) {
        if locked(send).reset(VarInt::from_u32(GOODBYE)).is_ok() {
            self.0.torn.store(true, Ordering::Relaxed);
        }
    }

    /// How many datagrams have come: a number that moves as long as the other side is heard.
    pub(crate) fn heard(&self) -> u64 {
        self.0.quic.stats().udp_rx.datagrams
    }
}

/// Tells whether anything moves on the streams of a connection. Keep-alives do not count: they say that a machine is
/// there, not that its program is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Movement {
    received: u64,
    sent: u64,
    acknowledged: u64,
}

impl Movement {
    /// Whether a piece of a stream came since this was last so, or one was sent and something acknowledged: a large
    /// frame on a slow link moves piece by piece.
    pub fn moved(&mut self, connection: &Connection) -> bool {
        let stats = connection.0.quic.stats();
        let now = Self {
            received: stats.frame_rx.stream,
            sent: stats.frame_tx.stream,
            acknowledged: stats.frame_rx.acks,
        };
        let moved =
            now.received > self.received || now.sent > self.sent && now.acknowledged > self.acknowledged;
        if moved {
            *self = now;
        }
        moved
    }
}

impl Link {
    fn close(&self, code: u32, sentence: &str) {
        let (quic, code) = (self.quic.clone(), VarInt::from_u32(code));
        match Handle::try_current() {
            Ok(runtime) if self.torn.load(Ordering::Relaxed) && quic.close_reason().is_none() => {
                let sentence = sentence.to_owned();
                let wait = (quic.rtt() * 2 + Duration::from_millis(25)).min(CLOSE_LIMIT);
                runtime.spawn(async move {
                    let _ = timeout(wait, quic.closed()).await;
                    quic.close(code, sentence.as_bytes());
                });
            }
            _ => quic.close(code, sentence.as_bytes()),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close(GOODBYE, "");
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
