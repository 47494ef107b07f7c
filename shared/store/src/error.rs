//! What can go wrong with a disk, and whose fault it is.

/// A failure of the store. Each maps to one sentence and one action for the person.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the system refused an operation.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A write to the journal failed before: nothing is written any more until restart, since nobody can know what
    /// the disk kept.
    #[error("the journal failed earlier and takes nothing more until restart")]
    Poisoned,
    /// Another program has the data directory open.
    #[error("the data directory is in use")]
    Locked,
    /// A newer version wrote this.
    #[error("written by a newer version of the program ({0})")]
    TooNew(String),
    /// Bytes in the journal are not what was written there.
    #[error("damaged at {segment}, offset {offset}: {reason}")]
    Damaged {
        /// The segment's file name.
        segment: String,
        /// Where in the file.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The index engine failed. The index can be rebuilt.
    #[error("the index failed: {0}")]
    Index(String),
    /// Simulation only: the machine has crashed.
    #[error("crashed")]
    Crashed,
}

impl StoreError {
    /// An I/O failure while doing `what`.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}
