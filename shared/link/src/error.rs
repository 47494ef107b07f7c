//! What can go wrong on the link, and whose fault it is.

use huiliu_core::sync::keys::DeviceId;
use std::net::SocketAddr;

/// The result of everything on the link.
pub type Result<T> = std::result::Result<T, LinkError>;

/// What went wrong. Each variant says whose fault it is; [`LinkError::fault`] sorts them for exit codes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody answered at any address: no network, a wrong address, or the hub is off.
    #[error("no answer from the hub at {addresses} within {seconds} s")]
    Silent {
        /// The addresses tried, separated by commas.
        addresses: String,
        /// How long it was tried, in seconds.
        seconds: u64,
    },
    /// The connection was there and broke: the network, or the other side's end.
    #[error("the connection broke: {0}")]
    Cut(String),
    /// The connection is there and nothing moves: the network, or the other side hangs.
    #[error("no progress for {seconds} s")]
    Stalled {
        /// How long nothing moved, in seconds.
        seconds: u64,
    },
    /// The other side said goodbye without a complaint (code 0), as at a restart. Dial again later.
    #[error("the other side closed the connection: {sentence}")]
    Closed {
        /// Its words, for a person.
        sentence: String,
    },
    /// The other side is there and has no room just now. Dial again later.
    #[error("the hub is busy")]
    Busy,
    /// The other side said no. What to do about it stands in its sentence.
    #[error("refused ({code}): {sentence}")]
    Refused {
        /// The application's code; 256 and above are TLS alerts, see [`crate::quic::TLS_ALERT`].
        code: u32,
        /// Its words, for a person.
        sentence: String,
    },
    /// Somebody else answered at the hub's address: a wrong address, a rebuilt hub, or an attack.
    #[error("the hub that answered is not the one of the invitation (expected {pinned}, found {found})")]
    WrongHub {
        /// The hub this device belongs to.
        pinned: DeviceId,
        /// Who answered, or a word on why its certificate could not be read.
        found: String,
    },
    /// The two programs speak different versions: one must be upgraded.
    #[error("the two sides speak different versions: {0}")]
    Version(String),
    /// The other side sent what cannot be read: its program is at fault, or an attacker.
    #[error("unreadable message from the other side: {0}")]
    BadFrame(String),
    /// Another program on this machine holds the address.
    #[error("the address {0} is already in use on this machine")]
    AddressInUse(SocketAddr),
    /// This device's key file is missing, damaged, or would be overwritten.
    #[error("device key file {path}: {problem}")]
    KeyFile {
        /// Where the file is, or should be.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// This machine or the caller is at fault: a socket that cannot be opened, a frame that is too long.
    #[error("{0}")]
    Local(String),
}

/// Where the fault lies, as a program needs it for its exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// No usable connection: work stays queued and the device dials again (exit code 5).
    Unreachable,
    /// The hub is there and the answer is no, or it is not our hub (exit code 4).
    Refused,
    /// This machine (exit code 1).
    Local,
}

impl LinkError {
    /// Whose turn it is: the network's, the hub's, or this machine's.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Silent { .. } | Self::Cut(_) | Self::Stalled { .. } | Self::Closed { .. } | Self::Busy => {
                Fault::Unreachable
            }
            Self::Refused { .. } | Self::WrongHub { .. } | Self::Version(_) | Self::BadFrame(_) => {
                Fault::Refused
            }
            Self::AddressInUse(_) | Self::KeyFile { .. } | Self::Local(_) => Fault::Local,
        }
    }
}
