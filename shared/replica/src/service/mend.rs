//! `verify`, `repair` and `rebuild` of a directory that no service holds: they open what others would not.

use crate::commands::verify::answer;
use crate::commands::{Answer, Context};
use crate::inspect::{Inspected, Keys, inspect};
use crate::repair::Mended;
use crate::service::cli::Global;
use crate::service::home::{self, Failure, KEY, Opened, Settings, other_role, store_failure};
use crate::service::opening::own_program;
use crate::service::output::Progress;
use crate::service::serve::sync_once;
use crate::service::time::now;
use crate::{Replica, Role};
use huiliu_core::model::messages::Say;
use huiliu_core::sync::FeedId;
use huiliu_link::identity::load_key_file;
use huiliu_store::disk::RealDisk;
use huiliu_store::{Damage, Directory, Journal, StoreError, Working};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where a repair takes what the directory itself does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Nowhere,
    Hub,
    Backup(PathBuf),
}

/// Checks a directory that nobody has open, and changes nothing in it. Settings and key that cannot be read are damage
/// too, and keep nobody from the rest.
pub(super) fn verify(dir: &Path, role: Role, context: &Context) -> Result<Answer, Failure> {
    let settings = match Settings::read(dir) {
        Ok(None) => return Err(Failure::new(4, Say::NoReplica { dir: dir.display().to_string() })),
        Ok(Some(settings)) if settings.role() != role => {
            return Err(other_role(role));
        }
        Ok(settings) => settings,
        Err(_) => None,
    };
    let directory = Directory::open_to_read(dir).map_err(|error| match error {
        StoreError::Locked => Failure::new(6, Say::InUse { dir: dir.display().to_string() }),
        error => store_failure(&error),
    })?;
    let (journal, _) = Journal::open_to_read(directory.disk()).map_err(|e| store_failure(&e))?;
    let key = load_key_file(&directory.path(KEY)).ok();
    let keys = Keys {
        own: key.as_ref().map(huiliu_core::sync::DeviceKey::public),
        hub: settings.as_ref().map(Settings::home),
    };
    let mut found = inspect(&journal, None, &keys)?;
    if !found.damaged.is_empty() {
        // The index names what the journal cannot. It is read from a copy: sled writes when it opens.
        found = with_index(&directory, &journal, &keys).unwrap_or(found);
    }
    let unreadable =
        |segment: &str, reason| Damage { segment: segment.into(), offset: 0, entry: None, reason };
    if settings.is_none() {
        found.damaged.push(unreadable("settings.json", "the settings cannot be read"));
    }
    if key.is_none() {
        found.damaged.push(unreadable(KEY, "the device key cannot be read"));
    }
    Ok(answer(&found, context))
}

fn with_index(directory: &Directory, journal: &Journal, keys: &Keys) -> Option<Inspected> {
    let copy = std::env::temp_dir().join(format!("huiliu-verify-{}", std::process::id()));
    // What is in it is as private as the records.
    DirBuilder::new().mode(0o700).create(&copy).ok()?;
    let index = directory.index_copy(own_program().as_deref(), &copy.join("index"));
    let inspected = index.and_then(|index| inspect(journal, Some(&Working::new(index)), keys).ok());
    let _ = std::fs::remove_dir_all(&copy);
    inspected
}

/// Forgets the index and computes it again.
pub(super) fn rebuild(dir: &Path, role: Role, context: &Context) -> Result<Answer, Failure> {
    check_role(dir, role)?;
    home::lock(dir)?.forget_index().map_err(|e| store_failure(&e))?;
    let Opened { replica, .. } = home::open(dir, role)?;
    let entries: u64 = replica.ledger().heads().map(|(_, head)| head.number).sum();
    let records = replica.counts()?;
    let json = json!({ "v": 1, "ok": true, "entries": entries, "records": records });
    Ok(Answer::good(json, Say::Rebuilt { entries }.text(context.lang())))
}

fn check_role(dir: &Path, role: Role) -> Result<(), Failure> {
    match Settings::read(dir)? {
        None => Err(Failure::new(4, Say::NoReplica { dir: dir.display().to_string() })),
        Some(settings) if settings.role() != role => Err(other_role(role)),
        Some(_) => Ok(()),
    }
}

/// What a repair came to.
#[derive(Default)]
struct Repair {
    mended: Mended,
    fetched: u64,
    kept: u64,
    holes: BTreeSet<(FeedId, u64)>,
}

/// Repairs a directory: from its own index, then from a backup or the hub.
pub(super) async fn repair(global: &Global, role: Role, from: Source) -> Result<Answer, Failure> {
    let (dir, context) = (&global.data, global.context());
    let backup = match &from {
        Source::Backup(backup) => Some(open_backup(backup)?),
        _ => None,
    };
    let mut opened = writable(home::open(dir, role)?)?;
    let mut bar = Progress::new();
    let mended = opened.replica.mend(|done, total| bar.show(done, total), now())?;
    drop(bar);
    let mut repair = Repair { mended, ..Repair::default() };
    if repair.mended.moved {
        drop(opened.replica);
        opened.directory.forget_index().map_err(|e| store_failure(&e))?;
        drop(opened.directory);
        opened = writable(home::open(dir, role)?)?;
    }
    if let Some(backup) = backup {
        repair.fetched = opened.replica.take_from(&backup)?;
    }
    let mut synced = None;
    if from == Source::Hub && role == Role::Node {
        let before = opened.replica.held_of_others();
        let answer = sync_once(opened, &context, &mut |_, _| {}).await;
        opened = writable(home::open(dir, role)?)?;
        repair.fetched = opened.replica.held_of_others().saturating_sub(before);
        synced = Some(answer);
    }
    repair.find_holes(&opened.replica);
    // The hub has given all it has: what is missing now, nobody has. A hub that was mended before has been given by its
    // nodes what they have; if one of them comes late all the same, what it brings counts beside what stands by then.
    let was_mended =
        role == Role::Hub && !repair.mended.moved && repair.mended.repaired + repair.fetched == 0;
    if was_mended || synced.as_ref().is_some_and(|answer| answer.exit == 0) {
        repair.kept = opened.replica.give_up_holes(now())?;
    }
    let left = opened.replica.inspect()?;
    Ok(repair.answer(&left, synced.filter(|answer| answer.exit != 0), &context))
}

fn writable(opened: Opened) -> Result<Opened, Failure> {
    if opened.replica.is_read_only() { Err(Failure::new(1, Say::OpenedToRead)) } else { Ok(opened) }
}

fn open_backup(dir: &Path) -> Result<Journal, Failure> {
    let no_backup = || Failure::new(1, Say::NoBackup { dir: dir.display().to_string() });
    if !dir.join("journal").is_dir() {
        return Err(no_backup());
    }
    let opened = Journal::open_to_read(Box::new(RealDisk::new(dir)));
    opened.map(|(journal, _)| journal).map_err(|_| no_backup())
}

impl Repair {
    fn find_holes(&mut self, replica: &Replica) {
        self.holes.extend(replica.holes());
        let not_back = |feed: &FeedId, first: u64| {
            !feed.channel.is_shared() || replica.ledger().head(feed).number < first
        };
        let left_out = self.mended.left_out.iter().filter(|(feed, first)| not_back(feed, *first));
        self.holes.extend(left_out.copied());
    }

    fn answer(self, left: &Inspected, unfinished: Option<Answer>, context: &Context) -> Answer {
        let Self { mended: Mended { repaired, moved, unknown, .. }, fetched, kept, holes } = self;
        // What lies behind a hole is no damage of its own.
        let damaged = left.damaged.len() - left.strays.len();
        let list: Vec<Json> = holes
            .iter()
            .map(|(feed, number)| json!({ "feed": feed.to_string(), "number": number }))
            .collect();
        let (exit, say) = match (&unfinished, damaged, holes.is_empty()) {
            (_, count @ 1.., _) => (7, Say::RepairLeft { count }),
            (Some(answer), ..) => {
                let why = answer.text.clone();
                (answer.exit, Say::RepairUnfinished { why_zh: why.clone(), why_en: why })
            }
            (None, 0, false) => (3, Say::RepairHoles { repaired, fetched, holes: holes.len(), kept }),
            _ if repaired + fetched == 0 && !moved => (0, Say::RepairNothing),
            _ if repaired + fetched == 0 && unknown > 0 => (3, Say::RepairUnread { places: unknown }),
            _ => (0, Say::RepairedAll { repaired, fetched }),
        };
        let text = say.text(context.lang());
        let mut json = json!({
            "v": 1, "ok": exit == 0, "repaired": repaired, "fetched": fetched, "holes": list, "kept": kept, "unread": unknown,
        });
        if !matches!(exit, 0 | 3) {
            json["error"] = Json::from(text.clone());
        }
        Answer { exit, json, text, file: None }
    }
}
