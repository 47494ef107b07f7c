//! Requests and answers, as they cross the local interface.

use crate::commands::{
    audit, conflicts, exports, find, imports, match_key, nodes, offers, quarantine, reading, records,
    reports, status, verify, words,
};
use crate::reads::Noted;
use crate::service::dial::LinkState;
use crate::service::home::Failure;
use crate::{Replica, ReplicaError};
use huiliu_core::model::messages::{Lang, Say};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// What a person asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// What is here and how it stands.
    Status,
    /// Check every entry of the journal.
    Verify,
    /// List records.
    RecordList(Listing),
    /// Show one record.
    RecordShow { id: String, history: bool },
    /// Make a record.
    RecordNew { kind: String, division: Option<String>, fields: Vec<String> },
    /// Change a record.
    RecordSet { id: String, fields: Vec<String> },
    /// Delete a record.
    RecordDelete { id: String, reason: String },
    /// Bring a deleted record back.
    RecordRestore { id: String },
    /// List what is offered to other owners.
    RecordOffers,
    /// Accept an offer.
    RecordAccept { id: String },
    /// List open conflicts.
    ConflictList,
    /// Show the conflicts of a record.
    ConflictShow { id: String },
    /// Settle a conflict with the value of a number, or with another.
    ConflictResolve { id: String, field: String, take: Option<usize>, value: Option<String> },
    /// List what did not enter.
    QuarantineList,
    /// Show one thing that did not enter.
    QuarantineShow { n: usize },
    /// Write a draft again, with these values instead of its own.
    QuarantineRetry { n: usize, fields: Vec<String> },
    /// List a draft no longer.
    QuarantineDrop { n: usize },
    /// Hub: end the wait for what will not come.
    QuarantineRefuse { which: String },
    /// Read a table; nothing is written when `dry_run`.
    Import { file: String, bytes: Vec<u8>, kind: String, dry_run: bool, division: Option<String> },
    /// Write the records of a kind as a table.
    Export { kind: String, file: String, division: Option<String> },
    /// Undo an import; nothing is written when `dry_run`.
    ImportUndo { id: String, dry_run: bool },
    /// Find records.
    Find { text: String },
    /// Make a report.
    Report(reports::Wanted),
    /// Write an empty table of a kind.
    Template { kind: String, file: String },
    /// List who read secret fields here, and what for; of one record.
    AuditReads { record: Option<String> },
    /// County: replace the key by which counties compare identity numbers.
    MatchKeyReplace,
    /// Become level with the hub.
    Sync,
    /// Say what a sync would send.
    SyncPlan,
    /// Hub: list nodes.
    NodeList,
    /// Hub: show one node.
    NodeShow { node: String },
    /// Hub: end a node's grants.
    NodeRevoke { node: String, reason: String },
    /// Hub: make a ticket.
    Invite { division: String, ttl_seconds: u64, addresses: Vec<String> },
}

impl Request {
    /// Whether nothing is written for it: it can be answered from what is applied so far.
    pub fn only_reads(&self, context: &Context) -> bool {
        // What is read for a purpose is noted.
        context.purpose.is_none()
            && matches!(
                self,
                Self::Status
                    | Self::RecordList(_)
                    | Self::RecordShow { .. }
                    | Self::ConflictList
                    | Self::ConflictShow { .. }
                    | Self::QuarantineList
                    | Self::QuarantineShow { .. }
                    | Self::Report(_)
                    | Self::AuditReads { .. }
                    | Self::SyncPlan
                    | Self::NodeList
                    | Self::NodeShow { .. }
            )
    }
}

/// What `record list` lists.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Listing {
    /// The kind.
    pub kind: String,
    /// Only of this division and below.
    pub division: Option<String>,
    /// Only where these fields hold these values.
    pub conditions: Vec<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// The deleted records instead of the living.
    pub deleted: bool,
    /// Only what is here more than once.
    pub duplicates: bool,
    /// Only what names a record that is not here.
    #[serde(default)]
    pub open: bool,
}

/// Who asks, when, and how the answer is to be written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Context {
    /// The person.
    pub who: String,
    /// The language of sentences.
    pub english: bool,
    /// What secret fields are read for; without it they are masked.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Set where the purpose is noted: the key to secret fields.
    #[serde(skip)]
    pub noted: Option<Noted>,
    /// The clock, milliseconds since 1970 UTC.
    pub now: u64,
    /// What the link is doing, if a service runs.
    #[serde(skip)]
    pub link: Option<LinkState>,
}

impl Context {
    /// The language of sentences.
    pub fn lang(&self) -> Lang {
        if self.english { Lang::En } else { Lang::Zh }
    }
}

/// What came of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The exit code.
    pub exit: u8,
    /// The object of `--json`.
    pub json: Json,
    /// What a person reads.
    pub text: String,
    /// The content of a file to be written.
    #[serde(with = "base64")]
    pub file: Option<Vec<u8>>,
}

/// Bytes in JSON.
mod base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| BASE64.encode(bytes)).serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| BASE64.decode(text.as_bytes()).map_err(D::Error::custom)).transpose()
    }
}

impl Answer {
    /// Success.
    pub fn good(json: Json, text: impl Into<String>) -> Self {
        Self { exit: 0, json, text: text.into(), file: None }
    }

    /// Success, told from what is applied so far: so many entries have come and wait for it.
    fn so_far(mut self, waiting: usize, lang: Lang) -> Self {
        let notice = Say::NotAllApplied { waiting }.text(lang);
        let _ = write!(self.text, "\n{notice}");
        let before = self.json["notice"].as_str().map(|before| format!("{before}{}", lang.pick("", " ")));
        self.json["waiting_to_apply"] = Json::from(waiting);
        self.json["notice"] = Json::from(before.unwrap_or_default() + &notice);
        self
    }

    /// A failure, as every command prints it.
    pub fn failed(failure: &Failure, lang: Lang) -> Self {
        let text = failure.text(lang);
        Self { exit: failure.exit, json: json!({ "v": 1, "error": text }), text, file: None }
    }
}

impl From<ReplicaError> for Failure {
    fn from(error: ReplicaError) -> Self {
        words::failure_of(&error)
    }
}

/// Does what a request asks, but for `Sync`, which needs a dialer and is the caller's. A service runs `Import` itself,
/// group by group, so that sessions go on meanwhile.
pub fn run(replica: &mut Replica, request: &Request, context: &Context) -> Answer {
    run_watched(replica, request, context, &mut |_, _| {})
}

/// As [`run`]; long work tells how much of how much is done.
pub fn run_watched(
    replica: &mut Replica,
    request: &Request,
    context: &Context,
    progress: &mut dyn FnMut(usize, usize),
) -> Answer {
    match try_run(replica, request, context, progress) {
        Ok(answer) if replica.is_behind() => answer.so_far(replica.waiting_to_apply(), context.lang()),
        Ok(answer) => answer,
        Err(failure) => {
            // A refused edit leaves nothing behind for the next commit.
            replica.abandon();
            Answer::failed(&failure, context.lang())
        }
    }
}

fn try_run(
    replica: &mut Replica,
    request: &Request,
    context: &Context,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Answer, Failure> {
    let noted = reading::note_reading(replica, request, context)?;
    let context = &Context { noted, ..context.clone() };
    match request {
        Request::Status => status::status(replica, context),
        Request::Verify => verify::verify(replica, context),
        Request::RecordList(listing) => records::list(replica, listing, context),
        Request::RecordShow { id, history } => records::show(replica, id, *history, context),
        Request::RecordNew { kind, division, fields } => {
            records::new(replica, kind, division.as_deref(), fields, context)
        }
        Request::RecordSet { id, fields } => records::set(replica, id, fields, context),
        Request::RecordDelete { id, reason } => records::delete(replica, id, reason, context),
        Request::RecordRestore { id } => records::restore(replica, id, context),
        Request::RecordOffers => offers::list(replica, context),
        Request::RecordAccept { id } => offers::accept(replica, id, context),
        Request::ConflictList => conflicts::list(replica, None, context),
        Request::ConflictShow { id } => conflicts::list(replica, Some(id), context),
        Request::ConflictResolve { id, field, take, value } => {
            conflicts::resolve(replica, id, field, *take, value.as_deref(), context)
        }
        Request::QuarantineList => quarantine::list(replica, None, context),
        Request::QuarantineShow { n } => quarantine::list(replica, Some(*n), context),
        Request::QuarantineRetry { n, fields } => quarantine::retry(replica, *n, fields, context),
        Request::QuarantineDrop { n } => quarantine::drop(replica, *n, context),
        Request::QuarantineRefuse { which } => quarantine::refuse(replica, which, context),
        Request::Import { file, bytes, kind, dry_run, division } => {
            let table = imports::Table::read(file, bytes, kind, context)?;
            let mut import = imports::Import::begin(replica, table, division.as_deref(), *dry_run, context)?;
            while import.step(replica, context)? {
                let (done, total) = import.progress();
                progress(done, total);
            }
            Ok(import.finish(context))
        }
        Request::Export { kind, file, division } => {
            exports::export(replica, kind, file, division.as_deref(), context)
        }
        Request::ImportUndo { id, dry_run } => imports::undo(replica, id, *dry_run, context, progress),
        Request::Find { text } => find::find(replica, text, context),
        Request::Report(wanted) => reports::report(replica, wanted, context),
        Request::Template { kind, file } => exports::template(kind, file, context),
        Request::AuditReads { record } => audit::reads(replica, record.as_deref(), context),
        Request::MatchKeyReplace => match_key::replace(replica, context),
        Request::Sync => Ok(Answer::good(json!({ "v": 1 }), "")),
        Request::SyncPlan => status::plan(replica, context),
        Request::NodeList => nodes::list(replica, context),
        Request::NodeShow { node } => nodes::show(replica, node, context),
        Request::NodeRevoke { node, reason } => nodes::revoke(replica, node, reason, context),
        Request::Invite { division, ttl_seconds, addresses } => {
            nodes::invite(replica, division, *ttl_seconds, addresses, context)
        }
    }
}
