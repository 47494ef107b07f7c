//! Real programs under strace: what they ask of the system, and their end at a call of one's choice.

use crate::harness::process::{Running, Said, Site, until};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that change files, and those that make changes last.
pub const CALLS: [&str; 13] = [
    "openat",
    "mkdir",
    "pwrite64",
    "write",
    "sync_file_range",
    "fdatasync",
    "fsync",
    "ftruncate",
    "rename",
    "unlink",
    "unlinkat",
    "rmdir",
    "linkat",
];

/// Whether programs can be traced here. Where they cannot, that is said, and only continuous integration takes it ill.
///
/// # Panics
/// If they cannot and `CI` is `true`.
pub fn can_trace() -> bool {
    let tried =
        Command::new("strace").args(["-D", "-f", "-o", "/dev/null", "true"]).stdin(Stdio::null()).output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "strace cannot be had: {why}");
    eprintln!("NOT TESTED: this test needs strace, which cannot be had here: {why}");
    false
}

/// A tracer's log.
pub struct Log(PathBuf);

impl Log {
    /// One to be written at a path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The site with its program traced: these calls, with these options.
    #[must_use]
    pub fn of(&self, site: &Site, calls: &[&str], options: &[String]) -> Site {
        let mut under: Vec<String> = ["strace", "-D"].map(str::to_owned).to_vec();
        under.extend(self.options(calls, options));
        Site { under, ..site.clone() }
    }

    /// Attaches to every thread of a program that runs already. The tracer ends with it.
    pub fn attach(&self, pid: &str, calls: &[&str], options: &[String]) {
        let mut command = Command::new("strace");
        command.args(self.options(calls, options)).args(["-p", pid]);
        let output = || Stdio::null();
        let mut tracer =
            command.stdin(output()).stdout(output()).stderr(output()).spawn().expect("strace starts");
        // It ends when what it traces has ended.
        std::thread::spawn(move || tracer.wait());
        until("the tracer at every thread", || {
            let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("a program that runs");
            let status =
                |thread: fs::DirEntry| fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            threads
                .filter_map(Result::ok)
                .all(|thread| !status(thread).contains("TracerPid:\t0\n"))
                .then_some(())
        });
    }

    fn options(&self, calls: &[&str], options: &[String]) -> Vec<String> {
        let log = self.0.to_str().expect("test directories have plain names").to_owned();
        let calls = format!("trace={}", calls.join(","));
        let fixed = ["-f", "-y", "-o", &log, "-e", &calls].map(str::to_owned);
        fixed.into_iter().chain(options.iter().cloned()).collect()
    }

    /// What has been written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.0).unwrap_or_default()).into_owned()
    }

    /// Waits for the end of a traced program, and for the tracer's word about it.
    pub fn finish(&self, running: Running) -> Said {
        let pid = running.pid();
        let said = running.finish();
        until("the end of the log", || {
            self.text()
                .lines()
                .any(|line| line.starts_with(&format!("{pid} ")) && line.contains(" +++ "))
                .then_some(())
        });
        said
    }
}

/// Options that kill a program when a thread of it makes a call at one of these paths for the `nth` time, before the
/// call does anything.
pub fn kill_at(call: &str, nth: usize, paths: &BTreeSet<String>) -> Vec<String> {
    let mut options =
        ["-q", "-e", &format!("inject={call}:signal=SIGKILL:when={nth}")].map(str::to_owned).to_vec();
    for path in paths {
        options.extend(["-P".to_owned(), path.clone()]);
    }
    options
}

/// Options by which a call fails with an I/O error when a thread makes it for the `nth` time, or, without a number, every
/// time.
pub fn fail_at(call: &str, nth: Option<usize>) -> Vec<String> {
    let when = nth.map_or(String::new(), |nth| format!(":when={nth}"));
    ["-e", &format!("inject={call}:error=EIO{when}")].map(str::to_owned).to_vec()
}

/// The paths below a folder that a log names, without sled's numbered files, whose names are others every time.
pub fn paths_below(folder: &Path, log: &Log) -> BTreeSet<String> {
    let folder = folder.to_str().expect("test directories have plain names");
    let text = log.text();
    let named = text.match_indices(folder).map(|(at, _)| {
        let rest = &text[at..];
        rest[..rest.find(['"', '>', '\n']).unwrap_or(rest.len())].trim_end_matches(" (deleted)").to_owned()
    });
    let own = |path: &String| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    named.filter(own).filter(|path| !path.contains("/index/snap.")).collect()
}
