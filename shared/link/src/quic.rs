//! QUIC: the transport settings, the codes, what ends a connection, and the purpose of a stream.

use crate::error::LinkError;
use crate::frame::FRAME_CAP;
use quinn::congestion::BbrConfig;
use quinn::{ApplicationClose, ConnectionClose, ConnectionError, TransportErrorCode, VarInt};
use std::sync::Arc;
use std::time::Duration;

/// The code of a friendly goodbye: the other side gets [`LinkError::Closed`] and dials again later.
pub const GOODBYE: u32 = 0;
/// Codes of the link itself begin here; the application's own are 1 to 127.
pub const NO_STREAM: u32 = 128;
/// A stream of a purpose for which the hub must know the device, from a device without a certificate.
pub const NEEDS_CERTIFICATE: u32 = 129;
/// A stream that begins with a byte that is no purpose.
pub const UNKNOWN_PURPOSE: u32 = 130;
/// An anonymous connection that outlived the time that joining takes.
pub const OVERSTAYED: u32 = 131;
/// The other side has something to send that cannot be sent: its program is at fault, and nobody's network.
pub const CANNOT_SEND: u32 = 132;
/// A refusal by TLS carries this plus its alert (RFC 8446 section 6.2), such as 48 for an unknown authority.
pub const TLS_ALERT: u32 = 256;

/// Nothing moves for this long where something should: the progress guard.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// A handshake takes at most this long on the hub; the first stream must follow within it again.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// A handshake of a peer that has shown where it is: whoever was asked to is one of many.
pub(crate) const PROVEN_LIMIT: Duration = Duration::from_secs(3);
const IDLE_LIMIT_MILLISECONDS: u32 = 30_000;
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// What a known device may have open at once.
pub(crate) const STREAMS: u32 = 8;
/// What a peer may have open whose identity is not known yet: joining needs one.
const STRANGER_STREAMS: u32 = 1;
/// What one stream may have under way: a link of 100 Mbit/s at 300 ms.
const STREAM_WINDOW: u32 = FRAME_CAP as u32;
/// What all streams of a known device, or of the hub, may have under way.
pub(crate) const KNOWN_WINDOW: u32 = 2 * FRAME_CAP as u32;
/// The same for a peer whose identity is not known yet: a thousand of them cost 64 MB, not 8 GB.
const STRANGER_WINDOW: u32 = 64 << 10;

/// Why a stream was opened: its first byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// A session: frames both ways until one side closes.
    Session = 1,
    /// Joining with a ticket: one request, one reply. The only one open to a device without a certificate.
    Join = 2,
    /// Renewing a certificate: one request, one reply.
    Renew = 3,
    /// Fetching a stored piece: one request, one reply.
    Blob = 4,
}

impl Purpose {
    /// The purpose of a first byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::Session, Self::Join, Self::Renew, Self::Blob].into_iter().find(|it| *it as u8 == byte)
    }

    /// The longest frame the hub reads on such a stream, in bytes.
    pub(crate) fn request_cap(self) -> usize {
        match self {
            Self::Session | Self::Blob => FRAME_CAP,
            Self::Join | Self::Renew => 64 << 10,
        }
    }
}

pub(crate) fn stalled() -> LinkError {
    LinkError::Stalled { seconds: PATIENCE.as_secs() }
}

/// The node's transport settings: it keeps the connection alive and accepts no streams.
pub(crate) fn node_transport() -> Arc<quinn::TransportConfig> {
    let mut transport = transport();
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .receive_window(VarInt::from_u32(KNOWN_WINDOW));
    Arc::new(transport)
}

/// The hub's transport settings, which grow to [`KNOWN_WINDOW`] and [`STREAMS`] once the device is known.
pub(crate) fn hub_transport() -> Arc<quinn::TransportConfig> {
    let mut transport = transport();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STRANGER_STREAMS))
        .receive_window(VarInt::from_u32(STRANGER_WINDOW));
    Arc::new(transport)
}

fn transport() -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .send_window(u64::from(KNOWN_WINDOW))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(VarInt::from_u32(IDLE_LIMIT_MILLISECONDS).into()))
        // Its probes cost 5 to 11 KB on each connection, more than a quiet day's changes.
        .mtu_discovery_config(None)
        // Lossy county lines: 1 MB at 200 ms and 2 % loss took 2 s, against 11 s with Cubic.
        .congestion_controller_factory(Arc::new(BbrConfig::default()));
    transport
}

/// What ended a connection, in the words of this crate.
pub(crate) fn link_error(error: &ConnectionError) -> LinkError {
    match error {
        ConnectionError::ApplicationClosed(close) => application_close(close),
        ConnectionError::ConnectionClosed(close) => transport_close(close),
        ConnectionError::VersionMismatch => LinkError::Version("another version of QUIC".into()),
        ConnectionError::TransportError(e) => LinkError::BadFrame(e.to_string()),
        ConnectionError::Reset => LinkError::Cut("the other side has restarted".into()),
        ConnectionError::TimedOut => LinkError::Cut("nothing heard any more".into()),
        ConnectionError::LocallyClosed => LinkError::Closed { sentence: "closed on this side".into() },
        ConnectionError::CidsExhausted => LinkError::Local("too many connections".into()),
    }
}

fn application_close(close: &ApplicationClose) -> LinkError {
    let code = u32::try_from(close.error_code.into_inner()).unwrap_or(u32::MAX);
    last_words(code, String::from_utf8_lossy(&close.reason).into_owned())
}

/// A close by code and sentence: a goodbye or a refusal.
pub(crate) fn last_words(code: u32, sentence: String) -> LinkError {
    if code == GOODBYE { LinkError::Closed { sentence } } else { LinkError::Refused { code, sentence } }
}

/// TLS alert `protocol_version`: no common version of TLS.
pub(crate) const ALERT_VERSION: u8 = 70;
/// TLS alert `no_application_protocol`: the two sides' protocol names differ.
pub(crate) const ALERT_NO_PROTOCOL: u8 = 120;

/// The TLS alert inside a transport error, if it is one.
pub(crate) fn tls_alert(code: TransportErrorCode) -> Option<u8> {
    (0..=u8::MAX).find(|alert| code == TransportErrorCode::crypto(*alert))
}

fn transport_close(close: &ConnectionClose) -> LinkError {
    let words = String::from_utf8_lossy(&close.reason).into_owned();
    // Refused at once, or given up in the middle of the handshake because others came.
    let busy = [TransportErrorCode::CONNECTION_REFUSED, TransportErrorCode::APPLICATION_ERROR];
    if busy.contains(&close.error_code) {
        return LinkError::Busy;
    }
    match tls_alert(close.error_code) {
        Some(ALERT_VERSION | ALERT_NO_PROTOCOL) => LinkError::Version("no common protocol".into()),
        Some(alert) => LinkError::Refused { code: TLS_ALERT + u32::from(alert), sentence: words },
        None => LinkError::Cut(format!("{}: {words}", close.error_code)),
    }
}
