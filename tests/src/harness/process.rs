//! The real programs in real directories: a city of a hub and nodes on loopback, started, killed and asked.
//!
//! Every wait has a limit and is a poll of something that can be seen; no test sleeps to be in step and none asserts
//! how long a thing takes.

use serde_json::Value as Json;
use std::ffi::OsString;
use std::io::Read;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No command and no start may take longer; the two cores may be busy with other tests.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at something that is to happen.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until `done` gives something.
///
/// # Panics
/// If it has not within [`LIMIT`]; `what` says what was waited for.
pub fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(begun.elapsed() < LIMIT, "waited {} s for: {what}", LIMIT.as_secs());
        std::thread::sleep(LOOK);
    }
}

/// One of the two programs, as cargo built it beside this test or this program.
///
/// # Panics
/// If it was not built.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own program");
    let folder = own.parent().expect("programs lie in target/PROFILE, tests in target/PROFILE/deps");
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    let folder = if is_test { folder.parent().unwrap_or(folder) } else { folder };
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} is missing: build the programs first, with the profile of the tests \
         (cargo build --release -p huiliu-node -p huiliu-hub)",
        path.display()
    );
    path
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// The exit code; -1 if it was killed.
    pub code: i32,
    /// The object it printed; null if it was killed or printed text.
    pub json: Json,
    /// Everything on stdout.
    pub out: String,
    /// Everything on stderr.
    pub err: String,
}

impl Said {
    /// The answer of a command that must have gone well.
    #[track_caller]
    pub fn good(self) -> Json {
        self.with(0)
    }

    /// The answer of a command that must have ended with a code.
    #[track_caller]
    pub fn with(self, code: i32) -> Json {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self.json
    }

    /// The sentence of a command that must have failed with a code.
    #[track_caller]
    pub fn sentence(self, code: i32) -> String {
        let json = self.with(code);
        let sentence = json["error"].as_str().unwrap_or_else(|| panic!("no sentence: {json}"));
        assert!(sentence.chars().count() > 5, "no sentence: {sentence}");
        sentence.to_owned()
    }
}

/// A program under way.
pub struct Running {
    child: Child,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|e| panic!("{name}: {e}"));
        let out = child.stdout.take().map(collect);
        let err = child.stderr.take().map(collect);
        Self { child, out, err }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// SIGKILL: nothing more of it runs after this.
    pub fn kill(mut self) -> Said {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.finish()
    }

    /// SIGTERM, and what it then said.
    pub fn terminate(self) -> Said {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal was sent");
        self.finish()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Said {
        let status: ExitStatus =
            until("a program to end", || self.child.try_wait().expect("a child can be waited for"));
        let text = |thread: Option<JoinHandle<String>>| {
            thread.map(|it| it.join().expect("a reader ends")).unwrap_or_default()
        };
        let (out, err) = (text(self.out.take()), text(self.err.take()));
        let json = serde_json::from_str(&out).unwrap_or(Json::Null);
        Said { code: status.code().unwrap_or(-1), json, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let (true, Some(err)) = (std::thread::panicking(), self.err.take()) {
            // What a service saw helps to understand a test that fails.
            let (ended, err) = (ended.ok().flatten(), err.join().unwrap_or_default());
            eprintln!("program {} (ended before: {ended:?}) said:\n{err}", self.child.id());
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has told what it could.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// One replica: a program and its data directory.
#[derive(Clone, Debug)]
pub struct Site {
    /// The program.
    pub program: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// A program and its options that runs the program, such as a tracer; empty where nothing does.
    pub under: Vec<String>,
}

impl Site {
    /// A hub's directory.
    pub fn hub(data: impl Into<PathBuf>) -> Self {
        Self { program: binary("huiliu-hub"), data: data.into(), under: Vec::new() }
    }

    /// A node's directory.
    pub fn node(data: impl Into<PathBuf>) -> Self {
        Self { program: binary("huiliu-node"), data: data.into(), under: Vec::new() }
    }

    /// Starts a command with `--json`.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut all: Vec<OsString> = vec!["--data".into(), self.data.clone().into(), "--json".into()];
        all.extend(arguments.iter().map(OsString::from));
        Running::start(self.command(&all))
    }

    /// Runs a command with `--json`. Whatever its exit code, it must print one object and nothing else.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Said {
        let said = self.start(arguments).finish();
        let object = said.json.is_object() && said.json["v"] == 1 && said.out.trim_end().lines().count() == 1;
        assert!(object, "{arguments:?} ({}) printed: {:?}\n{}", said.code, said.out, said.err);
        said
    }

    /// Runs a command as a person types it, without `--json`.
    pub fn talk(&self, arguments: &[&str]) -> Said {
        let mut all: Vec<OsString> = vec!["--data".into(), self.data.clone().into()];
        all.extend(arguments.iter().map(OsString::from));
        Running::start(self.command(&all)).finish()
    }

    fn command(&self, arguments: &[OsString]) -> Command {
        let words = self.under.iter().map(OsString::from).chain([self.program.clone().into()]);
        let words: Vec<OsString> = words.collect();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(arguments)
            .env_remove("HUILIU_DATA")
            .env_remove("HUILIU_LOG")
            .env("USER", "经办人");
        command
    }

    /// Runs a command that must go well.
    #[track_caller]
    pub fn good(&self, arguments: &[&str]) -> Json {
        self.run(arguments).good()
    }

    /// Serves on loopback, at ports the system chooses.
    #[track_caller]
    pub fn serve(&self) -> Service {
        self.serve_at("127.0.0.1:0")
    }

    /// Serves; a hub listens at the address.
    #[track_caller]
    pub fn serve_at(&self, listen: &str) -> Service {
        let ready_file = self.data.with_extension("ready");
        let _ = std::fs::remove_file(&ready_file);
        let ready_name = ready_file.to_str().expect("test directories have plain names").to_owned();
        let mut arguments = vec!["serve", "--web", "127.0.0.1:0", "--ready-file", &ready_name];
        if self.program.ends_with("huiliu-hub") {
            arguments.extend(["--listen", listen]);
        }
        let mut running = self.start(&arguments);
        let ready = until("the ready file", || {
            if let Ok(bytes) = std::fs::read(&ready_file) {
                return Some(
                    serde_json::from_slice(&bytes).expect("the ready file is whole when it appears"),
                );
            }
            if running.has_ended() {
                return Some(Json::Null);
            }
            None
        });
        if ready.is_null() {
            let said = running.finish();
            panic!("serve ended with {}: {} {}", said.code, said.out, said.err);
        }
        Service { running, ready }
    }

    /// `status`.
    #[track_caller]
    pub fn status(&self) -> Json {
        self.good(&["status"])
    }

    /// The records of `record list social_org`.
    #[track_caller]
    pub fn organizations(&self) -> Vec<Json> {
        let listed = self.good(&["record", "list", "social_org"]);
        listed["records"].as_array().expect("a list").clone()
    }

    /// One field of a record; null where the record or the field is not there.
    #[track_caller]
    pub fn field(&self, id: &str, field: &str) -> Json {
        let said = self.run(&["record", "show", id]);
        match said.code {
            0 => said.json["record"]["fields"][field].clone(),
            _ => Json::Null,
        }
    }

    /// Makes an organization and gives back its id.
    #[track_caller]
    pub fn create(&self, fields: &[&str]) -> String {
        let made = self.good(&[&["record", "new", "social_org"], fields].concat());
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Syncs until level.
    #[track_caller]
    pub fn sync(&self) {
        self.good(&["sync"]);
    }

    /// The segments of the journal, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data.join("journal")).expect("a journal");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
        paths.sort();
        paths
    }
}

/// A program that serves.
pub struct Service {
    /// The program.
    pub running: Running,
    /// What the ready file said.
    pub ready: Json,
}

impl Service {
    /// Where a hub listens.
    pub fn listen(&self) -> &str {
        self.ready["listen"].as_str().expect("a hub says where it listens")
    }

    /// SIGTERM, which must end it with 0.
    #[track_caller]
    pub fn stop(self) {
        let said = self.running.terminate();
        assert_eq!(said.code, 0, "{}", said.err);
    }

    /// SIGKILL.
    pub fn kill(self) {
        self.running.kill();
    }
}

/// A city on this machine: the hub of 宁波市 and the nodes that join it.
pub struct City {
    /// Where everything lies.
    pub folder: tempfile::TempDir,
    /// The hub.
    pub hub: Site,
    /// Its service, while it runs.
    pub service: Option<Service>,
    address: String,
}

/// What a test found wrong can be looked at: its folder stays.
impl Drop for City {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("kept: {}", self.folder.path().display());
        }
    }
}

impl City {
    /// The hub is founded and serves.
    #[track_caller]
    pub fn found() -> Self {
        Self::found_with(&["init", "--division", "3302"])
    }

    /// The hub is founded in this way and serves.
    #[track_caller]
    pub fn found_with(init: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let hub = Site::hub(folder.path().join("hub"));
        hub.good(init);
        let service = hub.serve();
        let address = service.listen().to_owned();
        Self { folder, hub, service: Some(service), address }
    }

    /// A path in the city's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The hub invites a division: the ticket.
    #[track_caller]
    pub fn invite(&self, division: &str) -> String {
        let invited = self.hub.good(&["invite", "--division", division]);
        invited["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// A node joins.
    #[track_caller]
    pub fn join(&self, name: &str, division: &str) -> Site {
        let ticket = self.invite(division);
        let node = Site::node(self.path(name));
        node.good(&["join", &ticket, "--name", name]);
        node
    }

    /// The hub goes down, in order.
    #[track_caller]
    pub fn stop_hub(&mut self) {
        self.service.take().expect("the hub serves").stop();
    }

    /// The hub is killed.
    pub fn kill_hub(&mut self) {
        self.service.take().expect("the hub serves").kill();
    }

    /// The hub comes up again where it was.
    #[track_caller]
    pub fn start_hub(&mut self) {
        self.service = Some(self.hub.serve_at(&self.address));
    }

    /// Where the hub listens, or did.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Writes a file and gives back its path.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("the test's folder can be written");
        path.to_str().expect("test directories have plain names").to_owned()
    }
}

/// Whether two sites list the same fingerprint for every channel that both list, and how many these are.
#[track_caller]
pub fn assert_equal_fingerprints(one: &Site, other: &Site) -> usize {
    let (ours, theirs) = (one.status(), other.status());
    let (ours, theirs) = (&ours["fingerprint"], &theirs["fingerprint"]);
    let channels = ours.as_object().expect("fingerprints by channel");
    let both: Vec<&String> = channels.keys().filter(|channel| !theirs[*channel].is_null()).collect();
    for channel in &both {
        assert!(
            ours[*channel].as_str().is_some_and(|print| print.len() == 128 || print.len() == 96),
            "{ours}"
        );
        assert_eq!(ours[*channel], theirs[*channel], "{channel}");
    }
    assert!(!both.is_empty(), "{ours}\n{theirs}");
    both.len()
}

/// A port of loopback at which nobody listens.
pub fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("bound").port()
}
