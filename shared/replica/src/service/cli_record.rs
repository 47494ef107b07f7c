//! `record` on the command line.

use crate::commands::{Listing, Request};
use crate::service::usage;
use clap::Subcommand;

/// `record`.
#[derive(Subcommand, Clone, Debug)]
pub enum RecordCommand {
    /// List the records of a kind
    List {
        /// The kind
        kind: String,
        /// Only of this division and below
        #[arg(long)]
        division: Option<String>,
        /// Only where a field holds a value
        #[arg(long = "where", value_name = "FIELD=VALUE")]
        conditions: Vec<String>,
        /// At most so many
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
        /// The deleted records, and why
        #[arg(long)]
        deleted: bool,
        /// Only what is here more than once
        #[arg(long, conflicts_with = "deleted")]
        duplicates: bool,
        /// Only records that name another which is not here yet
        #[arg(long)]
        open: bool,
    },
    /// Show one record
    Show {
        /// Its id
        id: String,
        /// With every change
        #[arg(long)]
        history: bool,
    },
    /// Make a record
    New {
        /// The kind
        kind: String,
        /// The owner, where the fields name none
        #[arg(long)]
        division: Option<String>,
        /// The fields
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// Change fields of a record; an empty value empties the field
    Set {
        /// Its id
        id: String,
        /// The fields
        #[arg(value_name = "FIELD=VALUE", required = true)]
        fields: Vec<String>,
    },
    /// Delete a record; its history stays
    Delete {
        /// Its id
        id: String,
        /// Why
        #[arg(long, value_parser = usage::reason)]
        reason: String,
    },
    /// Bring a deleted record back
    Restore {
        /// Its id
        id: String,
    },
    /// List records that are offered to another owner and wait to be accepted
    Offers,
    /// Accept an offer: the record moves to the owner that it names
    Accept {
        /// Its id
        id: String,
    },
}

impl RecordCommand {
    /// The request it stands for.
    pub(super) fn request(self) -> Request {
        match self {
            Self::List { kind, division, conditions, limit, deleted, duplicates, open } => {
                let limit = limit.map(|limit| limit as usize);
                Request::RecordList(Listing { kind, division, conditions, limit, deleted, duplicates, open })
            }
            Self::Show { id, history } => Request::RecordShow { id, history },
            Self::New { kind, division, fields } => Request::RecordNew { kind, division, fields },
            Self::Set { id, fields } => Request::RecordSet { id, fields },
            Self::Delete { id, reason } => Request::RecordDelete { id, reason },
            Self::Restore { id } => Request::RecordRestore { id },
            Self::Offers => Request::RecordOffers,
            Self::Accept { id } => Request::RecordAccept { id },
        }
    }
}
