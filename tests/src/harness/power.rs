//! Power loss: what real programs did to their files, as a tracer saw it, and what a disk may hold of it afterwards.
//!
//! A [`Recording`] lists every change of files and names below a folder, in order, and from when on it is sure to last:
//! bytes from the end of a sync of their file that began after them, names from that of their folder. After a sync that
//! failed no later one makes sure what it should have: only what is written again. An image as of a moment has all that
//! is sure; about the rest chance decides, down to sectors of 512 bytes.

use crate::harness::strace::Log;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;

/// What was done.
#[derive(Debug)]
enum Deed {
    Folder(String),
    Name(String, usize),
    Rename(String, String, usize),
    Remove(String),
    Write(usize, usize, Vec<u8>),
    Cut(usize, usize),
}

#[derive(Debug)]
struct Done {
    deed: Deed,
    at: usize,
    sure_from: usize,
    /// A sync of it has failed: the system takes it for clean.
    is_clean: bool,
}

/// Everything done to the files below a folder, which was empty at first.
pub struct Recording {
    root: String,
    done: Vec<Done>,
    /// Deeds and syncs so far.
    clock: usize,
    /// The moments at which something outside of the index changes or becomes sure.
    telling: Vec<usize>,
    names: BTreeMap<String, usize>,
    files: usize,
    /// Where the next `write` of a file goes.
    places: BTreeMap<usize, usize>,
    /// Calls that have begun, by thread, and when.
    begun: BTreeMap<String, (String, usize)>,
    read: BTreeMap<PathBuf, usize>,
}

/// What becomes of the deeds that are not sure.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Nothing,
    Everything,
    Until(usize),
    Chance,
}

impl Recording {
    /// Nothing recorded yet.
    pub fn below(root: &Path) -> Self {
        Self {
            root: root.to_str().expect("test directories have plain names").to_owned(),
            done: Vec::new(),
            clock: 0,
            telling: Vec::new(),
            names: BTreeMap::new(),
            files: 0,
            places: BTreeMap::new(),
            begun: BTreeMap::new(),
            read: BTreeMap::new(),
        }
    }

    /// What the tracer must be told.
    pub fn options() -> Vec<String> {
        ["-xx", "-s", "8000000"].map(str::to_owned).to_vec()
    }

    /// Takes in what a log has more by now. What was answered before this is sure at every moment from the returned on.
    pub fn follow(&mut self, name: &Path) -> usize {
        let text = Log::at(name).text();
        let from = self.read.get(name).copied().unwrap_or(0);
        let until = text.rfind('\n').map_or(from, |end| end + 1);
        for line in text[from..until].lines() {
            let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
            self.line(thread, call.trim_start());
        }
        self.read.insert(name.to_owned(), until);
        self.clock
    }

    /// A moment: now and then any, mostly one beside something that matters.
    pub fn moment(&self, rng: &mut fastrand::Rng) -> usize {
        if rng.u8(..8) == 0 {
            return rng.usize(..=self.clock);
        }
        self.telling[rng.usize(..self.telling.len())] + rng.usize(..2)
    }

    /// So many bytes of a file, named from the recorded folder, are sure at a moment.
    pub fn sure_bytes(&self, moment: usize, name: &str) -> usize {
        let name = format!("{}/{name}", self.root);
        let sure = self.done.iter().filter(|done| done.sure_from < moment);
        let ends = sure.filter_map(|done| match &done.deed {
            Deed::Write(file, offset, bytes) if self.names.get(&name) == Some(file) => {
                Some(offset + bytes.len())
            }
            _ => None,
        });
        ends.max().unwrap_or(0)
    }

    fn line(&mut self, thread: &str, call: &str) {
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            let now = self.clock;
            // Bytes may reach the disk from the call's beginning on.
            let begins = begun.starts_with("write") || begun.starts_with("pwrite");
            if begins {
                self.call(begun, now);
            } else {
                self.begun.insert(thread.to_owned(), (begun.to_owned(), now));
            }
        } else if let Some((_, rest)) = call.split_once(" resumed>").filter(|_| call.starts_with("<... ")) {
            if let Some((begun, at)) = self.begun.remove(thread) {
                self.call(&format!("{begun}{rest}"), at);
            }
        } else {
            self.call(call, self.clock);
        }
    }

    fn call(&mut self, call: &str, begun: usize) {
        let Some((name, arguments)) = call.split_once('(') else { return };
        let has_failed = arguments.contains(" = -1 ");
        if has_failed && !matches!(name, "fsync" | "fdatasync") {
            return;
        }
        let strings = quoted(arguments);
        let text = |n: usize| strings.get(n).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        let fd = || arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let of_fd = || fd().and_then(|(path, _)| String::from_utf8(unescaped(path)).ok());
        match name {
            "openat" => {
                let made = arguments.contains("O_CREAT");
                if let Some(path) = text(0).filter(|path| self.is_ours(path)) {
                    self.opened(path, made, arguments.contains("O_TRUNC"));
                }
            }
            "mkdir" => text(0).into_iter().for_each(|path| self.push(&path.clone(), Deed::Folder(path))),
            "rename" => {
                if let (Some(from), Some(to)) = (text(0), text(1))
                    && let Some(file) = self.names.remove(&from)
                {
                    self.names.insert(to.clone(), file);
                    self.push(&to.clone(), Deed::Rename(from, to, file));
                }
            }
            "unlink" | "unlinkat" => {
                if let Some(path) = text(0).filter(|path| self.names.remove(path).is_some()) {
                    self.push(&path.clone(), Deed::Remove(path));
                }
            }
            "write" | "pwrite64" => {
                if let Some((path, file)) =
                    of_fd().and_then(|path| Some((path.clone(), *self.names.get(&path)?)))
                {
                    let bytes = strings.into_iter().next().unwrap_or_default();
                    let offset = after_string(arguments).nth(1).and_then(|offset| offset.parse().ok());
                    let place = self.places.entry(file).or_default();
                    let offset = if name == "write" { *place } else { offset.expect("an offset") };
                    *place = offset + bytes.len();
                    self.push(&path, Deed::Write(file, offset, bytes));
                }
            }
            "ftruncate" => {
                if let Some((path, file)) =
                    of_fd().and_then(|path| Some((path.clone(), *self.names.get(&path)?)))
                {
                    let length = fd().and_then(|(_, rest)| number_in(rest)).expect("a length");
                    self.push(&path, Deed::Cut(file, length));
                }
            }
            // Killed before it did anything.
            "fsync" | "fdatasync" if arguments.ends_with("= ?") => {}
            "fsync" | "fdatasync" if has_failed => {
                of_fd()
                    .into_iter()
                    .for_each(|path| self.unsure_of(&path).for_each(|done| done.is_clean = true));
            }
            "fsync" | "fdatasync" => of_fd().into_iter().for_each(|path| self.synced(&path, begun)),
            _ => {}
        }
    }

    fn is_ours(&self, path: &str) -> bool {
        path.strip_prefix(&self.root).is_some_and(|rest| rest.starts_with('/'))
    }

    fn opened(&mut self, path: String, makes: bool, empties: bool) {
        if let Some(file) = self.names.get(&path).copied() {
            self.places.insert(file, 0);
            if empties {
                self.push(&path, Deed::Cut(file, 0));
            }
        } else if makes {
            self.names.insert(path.clone(), self.files);
            self.push(&path.clone(), Deed::Name(path, self.files));
            self.files += 1;
        }
    }

    fn push(&mut self, path: &str, deed: Deed) {
        if self.is_ours(path) {
            self.done.push(Done { deed, at: self.clock, sure_from: usize::MAX, is_clean: false });
            self.tick(path);
        }
    }

    fn tick(&mut self, path: &str) {
        if !path.contains("/index/") {
            self.telling.push(self.clock);
        }
        self.clock += 1;
    }

    /// A sync that began at `begun` has ended.
    fn synced(&mut self, path: &str, begun: usize) {
        let clock = self.clock;
        let covered = self.unsure_of(path).filter(|done| done.at < begun && !done.is_clean);
        covered.for_each(|done| done.sure_from = clock);
        if self.is_ours(path) || path == self.root {
            self.tick(path);
        }
    }

    /// What a sync of a file or folder is to make sure.
    fn unsure_of<'a>(&'a mut self, path: &'a str) -> impl Iterator<Item = &'a mut Done> {
        let file = self.names.get(path).copied();
        let within = move |name: &str| name.rsplit_once('/').is_some_and(|(folder, _)| folder == path);
        let covers = move |deed: &Deed| match deed {
            Deed::Write(of, ..) | Deed::Cut(of, _) => file == Some(*of),
            Deed::Folder(name) | Deed::Name(name, _) | Deed::Remove(name) => within(name),
            Deed::Rename(from, to, _) => within(from) && within(to),
        };
        self.done.iter_mut().filter(move |done| done.sure_from == usize::MAX && covers(&done.deed))
    }

    /// Writes into `to`, in place of the recorded folder, what may be left after the power went at a moment. Says how
    /// chance decided.
    pub fn image(&self, moment: usize, rng: &mut fastrand::Rng, to: &Path) -> String {
        let mood = match rng.u8(..5) {
            0 => Mood::Nothing,
            1 => Mood::Everything,
            2 => Mood::Until(rng.usize(..=moment)),
            _ => Mood::Chance,
        };
        self.keep(moment, mood, rng, to)
    }

    /// Writes into `to` what is sure by now, and nothing else.
    pub fn what_is_sure(&self, to: &Path) -> String {
        self.keep(self.clock, Mood::Nothing, &mut fastrand::Rng::with_seed(0), to)
    }

    fn keep(&self, moment: usize, mood: Mood, rng: &mut fastrand::Rng, to: &Path) -> String {
        let (mut folders, mut names) = (BTreeSet::new(), BTreeMap::new());
        let mut contents = vec![Vec::new(); self.files];
        for done in self.done.iter().take_while(|done| done.at < moment) {
            let sure = done.sure_from < moment;
            let happens = sure
                || match mood {
                    Mood::Nothing => false,
                    Mood::Everything => true,
                    Mood::Until(end) => done.at < end,
                    Mood::Chance => rng.bool(),
                };
            // A write torn in the middle has some of its sectors on the disk.
            let torn = !sure && matches!(mood, Mood::Chance | Mood::Until(_)) && rng.bool();
            match &done.deed {
                Deed::Write(file, offset, bytes) if happens => {
                    write(&mut contents[*file], *offset, bytes, |_| !torn || rng.bool());
                }
                Deed::Cut(file, length) if happens => contents[*file].resize(*length, 0),
                Deed::Folder(path) if happens => drop(folders.insert(path.clone())),
                Deed::Name(path, file) if happens => drop(names.insert(path.clone(), *file)),
                Deed::Remove(path) if happens => drop(names.remove(path)),
                Deed::Rename(from, name, file) if happens => {
                    names.remove(from);
                    names.insert(name.clone(), *file);
                }
                _ => {}
            }
        }
        let index = rng.u8(..4);
        for folder in &folders {
            let path = to.join(folder[self.root.len() + 1..].trim_start_matches('/'));
            if path.parent().is_some_and(Path::exists) && !(index == 0 && folder.ends_with("/index")) {
                fs::create_dir(&path).expect("a folder is made");
            }
        }
        for (name, file) in &names {
            let path = to.join(&name[self.root.len() + 1..]);
            let mut bytes = std::mem::take(&mut contents[*file]);
            if index == 1 && name.contains("/index/") {
                for sector in bytes.chunks_mut(SECTOR) {
                    if rng.u8(..8) == 0 {
                        rng.fill(sector);
                    }
                }
            }
            if path.parent().is_some_and(Path::exists) {
                fs::write(&path, bytes).expect("a file is written");
                // A file has its mode from the call that makes it: there is no moment at which others can read it.
                let own = Permissions::from_mode(0o600);
                fs::set_permissions(&path, own).expect("a file is its owner's alone");
            }
        }
        let index =
            ["no index", "a torn index"].get(usize::from(index)).copied().unwrap_or("the index as it was");
        format!("moment {moment} of {}, {mood:?}, {index}", self.clock)
    }
}

/// Writes those sectors of some bytes that `reaches` lets through; what is skipped holds zeros if it was not there.
fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8], mut reaches: impl FnMut(usize) -> bool) {
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + SECTOR - (offset + at) % SECTOR).min(bytes.len());
        if reaches(offset + at) {
            if content.len() < offset + end {
                content.resize(offset + end, 0);
            }
            content[offset + at..offset + end].copy_from_slice(&bytes[at..end]);
        }
        at = end;
    }
}

/// The quoted strings of a call.
fn quoted(arguments: &str) -> Vec<Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(unescaped).collect()
}

/// The arguments behind the first string: `, 24, 2048) = 24` are an empty one, 24 and 2048.
fn after_string(arguments: &str) -> impl Iterator<Item = &str> {
    let rest = arguments.splitn(3, '"').nth(2).unwrap_or_default();
    rest.trim_start_matches(", ").split([',', ')']).map(str::trim)
}

fn number_in(text: &str) -> Option<usize> {
    let digits = text.trim_start_matches([',', ' ']);
    digits[..digits.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

fn unescaped(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()).collect()
}
