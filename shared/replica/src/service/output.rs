//! What a command leaves: its answer on stdout, its files, and the progress of long work on stderr.

use crate::commands::Answer;
use crate::commands::exports::format_of;
use crate::service::cli::Global;
use crate::service::home::Failure;
use crate::service::usage::spoken;
use huiliu_core::model::messages::Say;
use huiliu_store::files;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

impl Global {
    /// Prints an answer and gives back the exit code. An answer that cannot be written is no success: a full disk below
    /// a redirected stdout must not look like an empty list.
    pub fn print(&self, answer: &Answer) -> u8 {
        let mut out = std::io::stdout().lock();
        let written = match (self.json, answer.exit) {
            (true, _) => writeln!(out, "{}", answer.json).and_then(|()| out.flush()),
            (false, 0 | 3 | 7) => writeln!(out, "{}", answer.text).and_then(|()| out.flush()),
            (false, _) => writeln!(std::io::stderr(), "{}", answer.text),
        };
        match written {
            // A reader that has gone away is no failure of the command.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                let say = Say::OutputFailed { why: cause(&error) };
                // Where stderr fails too there is nobody left to tell.
                let _ = writeln!(std::io::stderr(), "{}", say.text(self.lang()));
                answer.exit.max(1)
            }
            _ => answer.exit,
        }
    }

    /// Prints a failure and gives back the exit code.
    pub fn fail(&self, failure: &Failure) -> u8 {
        self.print(&Answer::failed(failure, self.lang()))
    }
}

/// Writes a file for the person: whole, readable by nobody else, and never through a link.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    files::replace(path, bytes).map_err(|error| cannot_write(path, &error))
}

/// Whether a table can be written at a place, before anything is done whose outcome it is to hold.
pub fn check_place(path: &Path) -> Result<(), Failure> {
    format_of(&path.display().to_string())?;
    files::check(path).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    let file = path.display().to_string();
    match error.kind() {
        ErrorKind::NotFound => Failure::new(1, Say::NoFolder { file }),
        _ => Failure::new(1, Say::CannotWrite { file, why: cause(error) }),
    }
}

/// Why the system does not open, read or write something, in words where there are some.
pub(super) fn cause(error: &std::io::Error) -> String {
    let say = match error.kind() {
        ErrorKind::NotFound => Say::CauseMissing,
        ErrorKind::PermissionDenied => Say::CauseForbidden,
        ErrorKind::IsADirectory => Say::CauseFolder,
        ErrorKind::AlreadyExists => Say::CauseNoFile,
        ErrorKind::StorageFull => Say::CauseFull,
        _ => return error.to_string(),
    };
    say.text(spoken())
}

/// A progress bar on a terminal, a line for every tenth elsewhere; nothing for what is done at once.
pub struct Progress {
    bar: Option<ProgressBar>,
    tenth: usize,
    /// The tenth at which words were last said, and of how much.
    worded: Option<(usize, usize)>,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Nothing shown yet.
    pub fn new() -> Self {
        Self { bar: None, tenth: 0, worded: None }
    }

    /// So much of so much is done.
    pub fn show(&mut self, done: usize, total: usize) {
        if std::io::stderr().is_terminal() {
            self.bar("{bar:40} {pos}/{len} {per_sec} {eta}", total).set_position(done as u64);
        } else if total > 0 && done * 10 / total > self.tenth {
            self.tenth = done * 10 / total;
            let _ = writeln!(std::io::stderr(), "{done}/{total}");
        }
    }

    /// The same in words, for work of which the end may move away.
    pub fn say(&mut self, done: usize, total: usize, words: &str) {
        if std::io::stderr().is_terminal() {
            let bar = self.bar("{bar:40} {msg}", total);
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.set_message(words.to_owned());
            return;
        }
        let tenth = done * 10 / total.max(1);
        if self.worded.is_none_or(|(last, of)| last != tenth || total / 2 >= of) {
            self.worded = Some((tenth, total));
            let _ = writeln!(std::io::stderr(), "{words}");
        }
    }

    fn bar(&mut self, template: &str, total: usize) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
