//! What a replica can refuse or fail at, and whose fault it is.

use huiliu_core::documents::{Unloadable, Verdict};
use huiliu_core::model::check::Problem;
use huiliu_core::model::{Channel, DivisionCode, RecordId};
use huiliu_store::StoreError;

/// A failure or a refusal. Each maps to one sentence and one exit code.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The disk or the data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored record does not load.
    #[error(transparent)]
    Unloadable(#[from] Unloadable),
    /// The replica has no grant yet.
    #[error("this replica has not joined a hub")]
    NotJoined,
    /// The replica's grant does not cover the channel.
    #[error("the grant of this replica does not cover {0}")]
    OutsideGrant(Channel),
    /// The edition of the division registry that the tree uses has not come yet.
    #[error("the division registry has not come yet")]
    RegistryMissing,
    /// The record is here already.
    #[error("the same record is here as {0}")]
    Duplicate(RecordId),
    /// No such record here.
    #[error("no record {0} here")]
    NoSuchRecord(RecordId),
    /// The kind is not in the dictionary of this version.
    #[error("no kind {0}")]
    NoSuchKind(String),
    /// The dictionary says no to the values.
    #[error("the values do not pass the dictionary")]
    Problems(Vec<Problem>),
    /// The gate says no to the change.
    #[error(transparent)]
    Gate(#[from] Verdict),
    /// The record has moved to where this replica does not see it.
    #[error("record {id} has moved to {to}")]
    HasMoved {
        /// The record.
        id: RecordId,
        /// Whose it is now.
        to: DivisionCode,
    },
    /// The edit would move the record out of the home hub's tree.
    #[error("the edit would move the record from {from} to {to}, outside this tree")]
    OwnerOutside {
        /// Who owns it.
        from: DivisionCode,
        /// Who would.
        to: DivisionCode,
    },
    /// The owner given is not the one the fields name.
    #[error("the fields name {named} as owner, not {given}")]
    OtherOwner {
        /// By the fields.
        named: DivisionCode,
        /// By the caller.
        given: DivisionCode,
    },
    /// Another machine has written under this one's name meanwhile: the edit was not saved and must be made again.
    #[error("not saved: this replica has just found out that it was restored or copied; do it again")]
    Interrupted,
    /// There is no open conflict in that field.
    #[error("no open conflict in {0}")]
    NoConflict(String),
}
