//! The command line that both programs share: global options, the common commands, and how they are asked for.

use crate::commands::reports::Wanted;
use crate::commands::words::tame;
use crate::commands::{Answer, Context, Request, imports};
use crate::service::cli_record::RecordCommand;
use crate::service::home::{self, Failure};
use crate::service::output::{Progress, cause, check_place, write_file};
use crate::service::{client, mend, time, usage};
use crate::tables::TableFault;
use crate::tables::read::LARGEST_FILE;
use crate::{Role, commands};
use clap::{Args, Subcommand, ValueEnum};
use huiliu_core::model::Trouble;
use huiliu_core::model::messages::{Lang, Say};
use std::io::Read;
use std::path::{Path, PathBuf};

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
    #[arg(long = "as", global = true, value_name = "NAME", value_parser = usage::name)]
    pub acting: Option<String>,
    /// What secret fields are read for; noted. Without it they are masked
    #[arg(long, global = true, value_name = "TEXT", value_parser = usage::name)]
    pub purpose: Option<String>,
    /// Ask no questions
    #[arg(long, global = true)]
    pub yes: bool,
}

/// What is done to an import that was made.
#[derive(Subcommand, Clone, Debug)]
pub enum ImportCommand {
    /// Delete what an import made and change back what it changed, unless somebody has changed it since
    Undo {
        /// The import's id
        id: String,
        /// Write nothing, only say what would come of it
        #[arg(long)]
        dry_run: bool,
    },
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
    /// Records: list, show, new, set, delete, restore, offers, accept
    #[command(subcommand)]
    Record(RecordCommand),
    /// Read a table (.csv, .xlsx)
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Import {
        /// Undo an import
        #[command(subcommand)]
        undo: Option<ImportCommand>,
        /// The table
        #[arg(required = true)]
        file: Option<PathBuf>,
        /// The kind of its rows, such as social_org
        #[arg(long, required = true)]
        kind: Option<String>,
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
    /// Find records by a part of a name, a code, or pinyin initials
    Find {
        /// What to look for
        text: String,
    },
    /// Make a report: coverage, gaps, responsibility, findings
    Report {
        /// Its name
        name: String,
        /// Only of this division and below (default: this replica's)
        #[arg(long)]
        division: Option<String>,
        /// As of this day (default: today)
        #[arg(long, value_name = "DATE")]
        as_of: Option<String>,
        /// Write a workbook, with the rows behind each figure
        #[arg(short, long, value_name = "FILE.xlsx")]
        output: Option<PathBuf>,
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
    /// What did not enter: list, show, retry, drop, refuse
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Who has seen what: reads
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The version
    Version,
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

/// `audit`.
#[derive(Subcommand, Clone, Debug)]
pub enum AuditCommand {
    /// Who read secret fields on this machine, when and what for
    Reads {
        /// Only what showed this record, or may have shown it among others
        #[arg(long, value_name = "ID")]
        record: Option<String>,
    },
}

/// `quarantine`.
#[derive(Subcommand, Clone, Debug)]
pub enum QuarantineCommand {
    /// List what did not enter or counts nowhere
    List,
    /// Show one thing
    Show {
        /// Its number in the list
        n: usize,
    },
    /// Write a draft again, as it is or corrected
    Retry {
        /// Its number in the list
        n: usize,
        /// Other values: FIELD=VALUE
        fields: Vec<String>,
    },
    /// List a draft no longer
    Drop {
        /// Its number in the list
        n: usize,
    },
    /// At the hub: refuse what waits for something that will never come
    Refuse {
        /// Its code, or its number in the list
        which: String,
    },
}

impl Global {
    /// The language of sentences.
    pub fn lang(&self) -> Lang {
        if self.lang == Language::En { Lang::En } else { Lang::Zh }
    }

    /// Who asks and when.
    pub fn context(&self) -> Context {
        let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        let user = || user().ok().map(|user| tame(&user)).filter(|user| !user.is_empty());
        let who = self.acting.clone().or_else(user).unwrap_or_else(|| "huiliu".into());
        let (english, purpose) = (self.lang() == Lang::En, self.purpose.clone());
        Context { who, english, purpose, noted: None, now: time::now(), link: None }
    }
}

impl Common {
    /// The request, and the file its answer is to be written into.
    fn request(&self) -> Result<(Request, Option<PathBuf>), Failure> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(match self.clone() {
            Self::Status | Self::Version => (Request::Status, None),
            Self::Verify | Self::Repair { .. } | Self::Rebuild => (Request::Verify, None),
            Self::Record(record) => (record.request(), None),
            Self::Import { undo: Some(ImportCommand::Undo { id, dry_run }), .. } => {
                (Request::ImportUndo { id, dry_run }, None)
            }
            Self::Import { file, kind, dry_run, division, .. } => {
                let (file, kind) = (file.unwrap_or_default(), kind.unwrap_or_default());
                let bytes = read_table(&file)?;
                (Request::Import { file: name(&file), bytes, kind, dry_run, division }, None)
            }
            Self::Export { kind, output, division } => {
                (Request::Export { kind, file: name(&output), division }, Some(output))
            }
            Self::Find { text } => (Request::Find { text }, None),
            Self::Report { name: report, division, as_of, output } => {
                let file = output.as_deref().map(name);
                (Request::Report(Wanted { name: report, division, as_of, file }), output)
            }
            Self::Template { kind, output } => {
                (Request::Template { kind, file: name(&output) }, Some(output))
            }
            Self::Conflict(ConflictCommand::List) => (Request::ConflictList, None),
            Self::Conflict(ConflictCommand::Show { record }) => (Request::ConflictShow { id: record }, None),
            Self::Conflict(ConflictCommand::Resolve { record, field, take, value }) => {
                (Request::ConflictResolve { id: record, field, take, value }, None)
            }
            Self::Audit(AuditCommand::Reads { record }) => (Request::AuditReads { record }, None),
            Self::Quarantine(QuarantineCommand::List) => (Request::QuarantineList, None),
            Self::Quarantine(QuarantineCommand::Show { n }) => (Request::QuarantineShow { n }, None),
            Self::Quarantine(QuarantineCommand::Retry { n, fields }) => {
                (Request::QuarantineRetry { n, fields }, None)
            }
            Self::Quarantine(QuarantineCommand::Drop { n }) => (Request::QuarantineDrop { n }, None),
            Self::Quarantine(QuarantineCommand::Refuse { which }) => {
                (Request::QuarantineRefuse { which }, None)
            }
        })
    }

    /// Runs the command and gives back the exit code.
    pub async fn run(&self, global: &Global, role: Role) -> u8 {
        if matches!(self, Self::Version) {
            let version = env!("CARGO_PKG_VERSION");
            let text = format!("huiliu {version}");
            return global.print(&Answer::good(serde_json::json!({ "v": 1, "version": version }), text));
        }
        if let Some(answer) = self.mend(global, role).await {
            return global.print(&answer.unwrap_or_else(|failure| Answer::failed(&failure, global.lang())));
        }
        let (request, output) = match self.checked_request() {
            Ok(request) => request,
            Err(failure) => return global.fail(&failure),
        };
        let mut answer = ask(global, role, &request).await;
        if let (Some(output), Some(bytes)) = (&output, &answer.file)
            && let Err(failure) = write_file(output, bytes)
        {
            return global.fail(&failure);
        }
        if let Err(failure) = self.write_report(global, &answer, &request) {
            // What was imported is imported; that the report is missing is said beside it.
            let why = failure.text(global.lang());
            answer.text = format!("{}\n{why}", answer.text);
            answer.json["error"] = why.into();
            answer.exit = answer.exit.max(failure.exit);
        }
        global.print(&answer)
    }

    /// The request, once it is known that what it brings can be written.
    fn checked_request(&self) -> Result<(Request, Option<PathBuf>), Failure> {
        if let Self::Import { report: Some(report), .. } = self {
            check_place(report)?;
        }
        self.request()
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

    fn write_report(&self, global: &Global, answer: &Answer, request: &Request) -> Result<(), Failure> {
        match (self, request) {
            (Self::Import { report: Some(report), kind: Some(kind), .. }, Request::Import { bytes, .. })
                if matches!(answer.exit, 0 | 3) =>
            {
                let name = report.display().to_string();
                write_file(report, &imports::report_of(answer, bytes, kind, &name, global.lang())?)
            }
            _ => Ok(()),
        }
    }
}

/// The bytes of a table. One that is too large is refused here, so that it is with and without a service.
fn read_table(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |why: String| Failure::new(1, Say::CannotRead { file: file.display().to_string(), why });
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|file| file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|e| unreadable(cause(&e)))?;
    if bytes.len() > LARGEST_FILE {
        let fault = TableFault::from(Trouble::FileTooLarge { megabytes: LARGEST_FILE >> 20 });
        return Err(imports::cannot_read(&file.display().to_string(), &fault, usage::spoken()));
    }
    Ok(bytes)
}

/// Asks the service of the data directory, or opens the store itself when there is none.
pub async fn ask(global: &Global, role: Role, request: &Request) -> Answer {
    let context = global.context();
    let mut bar = Progress::new();
    let beside =
        client::ask(&global.data, role, request, &context, &mut |done, total| bar.show(done, total)).await;
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
    commands::request::run_watched(&mut replica, request, &context, &mut |done, total| bar.show(done, total))
}
