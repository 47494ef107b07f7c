//! Tables that others made are read by a child process of this program, with limits: what reads workbooks is code of
//! others, and a file may make it take any amount of memory or time. Then the child dies, and nobody else.

use crate::service::opening::own_program;
use crate::service::output::cause;
use crate::service::unix;
use crate::tables::{self, Table, TableFault, carried};
use huiliu_core::model::dictionary::kind;
use huiliu_core::model::{Kind, Trouble};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// The command of the child; the kind of the table follows it. The file comes on stdin, the table goes to stdout.
pub(super) const COMMAND: &str = "read-table";
/// The most memory and processor time for a table. A workbook of five million different texts, as many as a table may
/// have, takes a gigabyte and a few seconds.
const MOST_MEMORY: u64 = 3 << 29;
const MOST_SECONDS: u64 = 120;
/// The allocator of the programs reserves addresses in pieces of this size. By itself it takes a gigabyte at once, which
/// would be all that the child may have.
const RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "64MiB");

/// Reads a table of records of a kind, as [`tables::read`] does.
///
/// # Errors
/// One [`TableFault`] for the whole file, also where its reader died of it.
pub(crate) fn read(bytes: &[u8], kind: &'static Kind) -> Result<Table, TableFault> {
    match own_program() {
        Some(program) => read_apart(&program, bytes, kind),
        // Something else than our programs, such as a test of this crate, cannot be started for it.
        None => tables::read(bytes, kind),
    }
}

fn read_apart(program: &Path, bytes: &[u8], kind: &'static Kind) -> Result<Table, TableFault> {
    let mut command = Command::new(program);
    command.args([COMMAND, kind.name]).env(RESERVE.0, RESERVE.1);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| Trouble::NoReader { why: cause(&error) })?;
    if let Some(mut file) = child.stdin.take() {
        // A child that died takes no more; how it ended is seen below.
        let _ = file.write_all(bytes);
    }
    let mut said = Vec::new();
    let heard = child.stdout.take().map(|mut answer| answer.read_to_end(&mut said));
    let lived = child.wait().is_ok_and(|status| status.success());
    let whole = lived && matches!(heard, Some(Ok(_)));
    whole.then(|| carried::read(&said)).flatten().unwrap_or(Err(Trouble::Exhausting.into()))
}

/// What the child does: its exit code, if it lives to give one.
pub(super) fn child(name: &str) -> ExitCode {
    unix::limit(MOST_MEMORY, MOST_SECONDS);
    let mut bytes = Vec::new();
    let Some(kind) = kind(name) else { return ExitCode::FAILURE };
    if std::io::stdin().lock().read_to_end(&mut bytes).is_err() {
        return ExitCode::FAILURE;
    }
    let read = tables::read(&bytes, kind);
    drop(bytes);
    match carried::write(&read, &mut BufWriter::new(std::io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
