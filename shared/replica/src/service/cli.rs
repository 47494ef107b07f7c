//! The command line that both programs share: global options, the common commands, and how answers are printed.

use crate::commands::{Answer, Context, Request, imports};
use crate::service::home::{self, Failure};
use crate::service::{client, mend, opening, time};
use crate::{Role, commands};
use clap::{Args, Parser, Subcommand, ValueEnum};
use huiliu_core::model::messages::{Lang, Say};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The options of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The data directory
    #[arg(long, global = true, env = "HUILIU_DATA", value_name = "DIR", default_value = "huiliu-data")]
    pub data: PathBuf,
    /// One JSON object on stdout; talk and progress go to stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// The language of sentences
    #[arg(long, global = true, value_enum, default_value = "zh")]
    pub lang: Language,
    /// Who is acting (default: the system's user)
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub acting: Option<String>,
    /// Ask no questions
    #[arg(long, global = true)]
    pub yes: bool,
}

/// The language of sentences.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// 简体中文
    Zh,
    /// English
    En,
}

/// The commands of both programs.
#[derive(Subcommand, Clone, Debug)]
pub enum Common {
    /// What is here and how it stands
    Status,
    /// Check every entry of the journal
    Verify,
    /// Mend what is damaged; the service must be stopped
    Repair {
        /// Then fetch from the hub what is missing
        #[arg(long, conflicts_with = "from_backup")]
        from_hub: bool,
        /// Then take what is missing from a copy of the data directory
        #[arg(long, value_name = "DIR")]
        from_backup: Option<PathBuf>,
    },
    /// Compute the index again; the service must be stopped
    Rebuild,
    /// Look at an index: another program calls this before it opens it
    #[command(hide = true)]
    ProbeIndex {
        /// Its folder
        folder: PathBuf,
    },
    /// Records: list, show, new, set, delete
    #[command(subcommand)]
    Record(RecordCommand),
    /// Read a table (.csv, .xlsx)
    Import {
        /// The table
        file: PathBuf,
        /// The kind of its rows, such as social_org
        #[arg(long)]
        kind: String,
        /// Write nothing, only say what would come of it
        #[arg(long)]
        dry_run: bool,
        /// The owner of rows that name none
        #[arg(long)]
        division: Option<String>,
        /// Write the refused rows into this table
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Write the records of a kind as a table (.csv, .xlsx)
    Export {
        /// The kind, such as social_org
        kind: String,
        /// The table
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Only of this division and below
        #[arg(long)]
        division: Option<String>,
    },
    /// Write an empty table of a kind, with notes
    Template {
        /// The kind, such as social_org
        kind: String,
        /// The table
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Conflicts: list, show, resolve
    #[command(subcommand)]
    Conflict(ConflictCommand),
    /// What did not enter: list, show
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// The version
    Version,
}

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
        #[arg(long)]
        limit: Option<usize>,
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
        #[arg(long)]
        reason: String,
    },
}

/// `conflict`.
#[derive(Subcommand, Clone, Debug)]
pub enum ConflictCommand {
    /// List open conflicts
    List,
    /// Show the conflicts of a record
    Show {
        /// Its id
        record: String,
    },
    /// Settle the conflict in a field
    Resolve {
        /// The record's id
        record: String,
        /// The field
        field: String,
        /// Take the value of this number in the list
        #[arg(long, conflicts_with = "value", required_unless_present = "value")]
        take: Option<usize>,
        /// Write this value
        #[arg(long)]
        value: Option<String>,
    },
}

/// `quarantine`.
#[derive(Subcommand, Clone, Debug)]
pub enum QuarantineCommand {
    /// List what did not enter
    List,
    /// Show one thing
    Show {
        /// Its number in the list
        n: usize,
    },
}

/// The command line. One that makes no sense ends the program with 2 and says why on stderr; under `--json` there is
/// an object on stdout as for every other failure.
pub fn parse<C: Parser>() -> C {
    C::try_parse().unwrap_or_else(|error| {
        if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
            let text = error.to_string();
            let why = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
            // A reader that has gone away is no other failure.
            let _ = writeln!(std::io::stdout(), "{}", serde_json::json!({ "v": 1, "error": why }));
        }
        error.exit()
    })
}

/// Runs a program: its log to stderr (`HUILIU_LOG` says how much), its arguments, its exit code.
pub fn program<C: Parser, F: Future<Output = u8>>(run: impl FnOnce(C) -> F) -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HUILIU_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    let cli = parse();
    opening::probe_with_this_program();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli));
            // A table that is still being read would hold up a program that was told to end.
            runtime.shutdown_background();
            ExitCode::from(code)
        }
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            ExitCode::FAILURE
        }
    }
}

impl Global {
    /// The language of sentences.
    pub fn lang(&self) -> Lang {
        if self.lang == Language::En { Lang::En } else { Lang::Zh }
    }

    /// Who asks and when.
    pub fn context(&self) -> Context {
        let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        let who = self.acting.clone().or_else(|| user().ok()).unwrap_or_else(|| "huiliu".into());
        Context { who, english: self.lang() == Lang::En, now: time::now(), link: None }
    }

    /// Prints an answer and gives back the exit code.
    pub fn print(&self, answer: &Answer) -> u8 {
        let mut out = std::io::stdout().lock();
        // A reader that has gone away is no failure of the command.
        let _ = match (self.json, answer.exit) {
            (true, _) => writeln!(out, "{}", answer.json),
            (false, 0 | 3 | 7) => writeln!(out, "{}", answer.text),
            (false, _) => writeln!(std::io::stderr(), "{}", answer.text),
        };
        answer.exit
    }

    /// Prints a failure and gives back the exit code.
    pub fn fail(&self, failure: &Failure) -> u8 {
        self.print(&Answer::failed(failure, self.lang()))
    }
}

impl Common {
    /// The request, and the file its answer is to be written into.
    fn request(&self) -> Result<(Request, Option<PathBuf>), Failure> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(match self.clone() {
            Self::Status | Self::Version => (Request::Status, None),
            Self::Verify | Self::Repair { .. } | Self::Rebuild | Self::ProbeIndex { .. } => {
                (Request::Verify, None)
            }
            Self::Record(record) => (record.request(), None),
            Self::Import { file, kind, dry_run, division, .. } => {
                let bytes = std::fs::read(&file).map_err(|e| {
                    Failure::new(1, Say::CannotRead { file: file.display().to_string(), why: e.to_string() })
                })?;
                (Request::Import { file: name(&file), bytes, kind, dry_run, division }, None)
            }
            Self::Export { kind, output, division } => {
                (Request::Export { kind, file: name(&output), division }, Some(output))
            }
            Self::Template { kind, output } => {
                (Request::Template { kind, file: name(&output) }, Some(output))
            }
            Self::Conflict(ConflictCommand::List) => (Request::ConflictList, None),
            Self::Conflict(ConflictCommand::Show { record }) => (Request::ConflictShow { id: record }, None),
            Self::Conflict(ConflictCommand::Resolve { record, field, take, value }) => {
                (Request::ConflictResolve { id: record, field, take, value }, None)
            }
            Self::Quarantine(QuarantineCommand::List) => (Request::QuarantineList, None),
            Self::Quarantine(QuarantineCommand::Show { n }) => (Request::QuarantineShow { n }, None),
        })
    }

    /// Runs the command and gives back the exit code.
    pub async fn run(&self, global: &Global, role: Role) -> u8 {
        if matches!(self, Self::Version) {
            let version = env!("CARGO_PKG_VERSION");
            let text = format!("huiliu {version}");
            return global.print(&Answer::good(serde_json::json!({ "v": 1, "version": version }), text));
        }
        if let Self::ProbeIndex { folder } = self {
            return huiliu_store::cache::probe(folder);
        }
        if let Some(answer) = self.mend(global, role).await {
            return global.print(&answer.unwrap_or_else(|failure| Answer::failed(&failure, global.lang())));
        }
        let (request, output) = match self.request() {
            Ok(request) => request,
            Err(failure) => return global.fail(&failure),
        };
        let answer = ask(global, role, request).await;
        let written = self.write_files(global, &answer, output.as_deref());
        match written {
            Err(failure) if answer.exit == 0 => global.fail(&failure),
            _ => global.print(&answer),
        }
    }

    /// What needs the directory for itself.
    async fn mend(&self, global: &Global, role: Role) -> Option<Result<Answer, Failure>> {
        match self {
            Self::Repair { from_hub, from_backup } => {
                let from = match (from_hub, from_backup) {
                    (_, Some(dir)) => mend::Source::Backup(dir.clone()),
                    (true, None) => mend::Source::Hub,
                    (false, None) => mend::Source::Nowhere,
                };
                Some(mend::repair(global, role, from).await)
            }
            Self::Rebuild => Some(mend::rebuild(&global.data, role, &global.context())),
            _ => None,
        }
    }

    fn write_files(&self, global: &Global, answer: &Answer, output: Option<&Path>) -> Result<(), Failure> {
        if let (Some(output), Some(bytes)) = (output, &answer.file) {
            write_file(output, bytes)?;
        }
        if let Self::Import { report: Some(report), kind, .. } = self
            && matches!(answer.exit, 0 | 3)
        {
            let name = report.display().to_string();
            write_file(report, &imports::report_of(answer, kind, &name, global.lang())?)?;
        }
        Ok(())
    }
}

impl RecordCommand {
    fn request(self) -> Request {
        match self {
            Self::List { kind, division, conditions, limit } => {
                Request::RecordList { kind, division, conditions, limit }
            }
            Self::Show { id, history } => Request::RecordShow { id, history },
            Self::New { kind, division, fields } => Request::RecordNew { kind, division, fields },
            Self::Set { id, fields } => Request::RecordSet { id, fields },
            Self::Delete { id, reason } => Request::RecordDelete { id, reason },
        }
    }
}

/// Writes a file for the person.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|e| {
        Failure::new(1, Say::CannotWrite { file: path.display().to_string(), why: e.to_string() })
    })
}

/// Asks the service of the data directory, or opens the store itself when there is none.
pub async fn ask(global: &Global, role: Role, request: Request) -> Answer {
    let context = global.context();
    let mut bar = Progress::new();
    let beside =
        client::ask(&global.data, &request, &context, &mut |done, total| bar.show(done, total)).await;
    if let Some(answer) = beside {
        return answer.unwrap_or_else(|failure| Answer::failed(&failure, global.lang()));
    }
    if matches!(request, Request::Verify) {
        let verified = mend::verify(&global.data, role, &context);
        return verified.unwrap_or_else(|failure| Answer::failed(&failure, global.lang()));
    }
    let opened = match home::open(&global.data, role) {
        Ok(opened) => opened,
        Err(failure) => return Answer::failed(&failure, global.lang()),
    };
    let mut replica = opened.replica;
    commands::request::run_watched(&mut replica, &request, &context, &mut |done, total| bar.show(done, total))
}

/// A progress bar on a terminal, a line for every tenth elsewhere; nothing for what is done at once.
pub struct Progress {
    bar: Option<ProgressBar>,
    tenth: usize,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Nothing shown yet.
    pub fn new() -> Self {
        Self { bar: None, tenth: 0 }
    }

    /// So much of so much is done.
    pub fn show(&mut self, done: usize, total: usize) {
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.enable_steady_tick(Duration::from_millis(200));
                bar
            });
            bar.set_position(done as u64);
        } else if total > 0 && done * 10 / total > self.tenth {
            self.tenth = done * 10 / total;
            let _ = writeln!(std::io::stderr(), "{done}/{total}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
