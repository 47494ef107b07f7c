//! What the pages show, as plain data. Times are milliseconds since 1970 UTC and are shown in Beijing time.

/// The status page of a replica.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusView {
    /// What this installation is called: its device name, or the name of the hub's city.
    pub title: String,
    /// Node or hub.
    pub role: Role,
    /// The name of its division: 宁波市海曙区.
    pub division_name: String,
    /// The code of its division: 330203.
    pub division_code: String,
    /// How many living records there are, by the name of the kind; the label comes from the dictionary.
    pub records: Vec<(String, u64)>,
    /// Entries that the hub has not acknowledged; 0 on a hub.
    pub pending: u64,
    /// Fields with more than one value.
    pub conflicts: u64,
    /// What is kept in quarantine.
    pub quarantined: u64,
    /// When a session last ended with every fingerprint equal.
    pub verified_at: Option<u64>,
    /// How the other side is reached (`QUIC 10.1.2.3:7443`) or where the hub listens; `None` while there is no link.
    pub transport: Option<String>,
    /// What a person must know before anything else.
    pub notices: Vec<Notice>,
    /// The program's version.
    pub version: String,
    /// The hub's nodes; empty on a node.
    pub peers: Vec<PeerView>,
    /// Coverage of the division and of each right below it, by rules and as of a day.
    pub coverage: Option<CoverageView>,
    /// When the numbers were read.
    pub as_of: u64,
}

/// The table of coverage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoverageView {
    /// As of when, by which rules, and what the base is.
    pub note: String,
    /// The header.
    pub head: Vec<String>,
    /// The rows: the name of a division, then its figures as people read them.
    pub rows: Vec<Vec<String>>,
}

/// What a replica is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// At a county bureau or a township center.
    Node,
    /// Of a city or a province.
    Hub,
}

/// Something out of the ordinary. What it says beyond its heading is a sentence of the replica, in the page's language.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Nothing can be saved here now.
    ReadOnly {
        /// Why, and what to do.
        why: String,
    },
    /// The hub has ended this device's grant.
    Revoked {
        /// Why, and what to do.
        why: String,
    },
    /// The disk is nearly full.
    DiskLow {
        /// What is left.
        free_bytes: u64,
    },
    /// The data directory was restored, copied or rolled back, so a new incarnation was opened.
    NewIncarnation {
        /// Its name.
        incarnation: String,
        /// Why it was opened.
        why: String,
    },
}

impl Notice {
    /// Whether nothing can be saved until somebody has acted.
    pub(crate) fn stops_work(&self) -> bool {
        matches!(self, Self::ReadOnly { .. } | Self::Revoked { .. })
    }
}

/// One node as its hub sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerView {
    /// What the device is called.
    pub device: String,
    /// The name of its division.
    pub division_name: String,
    /// The code of its division.
    pub division_code: String,
    /// How it is.
    pub state: PeerState,
    /// When it was last heard, if ever.
    pub last_seen: Option<u64>,
    /// What it said it still had to send, if it has said so.
    pub pending: Option<u64>,
}

/// How a node is, seen from its hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerState {
    /// Granted, and never heard since.
    Invited,
    /// Connected now.
    Online,
    /// Not connected.
    Offline,
    /// Its grant has ended.
    Revoked,
}
