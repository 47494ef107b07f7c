//! The link between a node and its hub: who they are to each other, and a way for frames to pass.
//!
//! This crate never sees a document, only frames (byte vectors); only this crate knows QUIC, TLS and
//! X.509. It reads no wall clock: whoever calls passes the time. It decides nothing about people or
//! records: it reports who is at the other end ([`PeerIdentity`], dates included) and the application says
//! yes or no.
//!
//! From the bottom up:
//! - [`error`]: what can go wrong, and whose fault it is.
//! - [`frame`]: length-framed messages over anything that reads and writes bytes.
//! - [`identity`] and [`certificate`]: the device key file; the hub's certificate authority.
//! - [`ticket`]: the one-time invitation that a person carries from the hub to a new node.
//! - `tls`, [`quic`], [`connection`], [`stream`]: the two verifiers, the transport settings, connections and
//!   how they end, their streams.
//! - `places`: how many guests the hub has at once, and who gives way.
//! - [`listen`] and [`dial`]: the hub's end and the node's end.
//! - [`mod@pump`]: runs one session stream between two queues. [`backoff`]: when to dial again.
//! - [`enrol`]: the messages with which a device joins and renews.

pub mod backoff;
pub mod certificate;
pub mod connection;
pub mod dial;
pub mod enrol;
pub mod error;
pub mod frame;
pub mod identity;
pub mod listen;
mod places;
pub mod pump;
pub mod quic;
pub mod stream;
pub mod ticket;
mod tls;

pub use backoff::Backoff;
pub use certificate::{HubIdentity, PeerIdentity};
pub use connection::{Connection, Movement};
pub use dial::Dialer;
pub use error::{LinkError, Result};
pub use listen::{Arrival, Listener};
pub use places::Seat;
pub use pump::{Pump, Pumped, pump};
pub use quic::Purpose;
pub use stream::{FrameReceiver, FrameSender, FrameStream};
pub use ticket::{Ticket, TicketError};
pub use tls::Credential;
