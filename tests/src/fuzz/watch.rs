//! What a mutant costs and what it breaks inside: panics that somebody caught, and resident memory.

use std::collections::BTreeMap;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::{Mutex, MutexGuard, Once};

/// Where panics came from, and how often.
static PANICS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
/// Where the last one came from.
static LAST: Mutex<String> = Mutex::new(String::new());
static LISTENING: Once = Once::new();

fn panics() -> MutexGuard<'static, BTreeMap<String, u64>> {
    PANICS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn last() -> MutexGuard<'static, String> {
    LAST.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Where the last panic of a library came from.
pub fn last_place() -> String {
    last().clone()
}

/// From now on the panics of libraries are counted instead of printed: they are what the gate catches. Ours are printed
/// as ever.
pub fn listen() {
    LISTENING.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| match place(panic) {
            Some(place) => {
                last().clone_from(&place);
                *panics().entry(place).or_default() += 1;
            }
            None => before(panic),
        }));
    });
}

/// Where in a library a panic came from, as its crate and line; `None` if it is our own code's.
fn place(panic: &PanicHookInfo<'_>) -> Option<String> {
    let location = panic.location()?;
    let file = location.file();
    let place = file.split_once("/registry/src/").and_then(|(_, file)| file.split_once('/'));
    // The standard library panics on behalf of who called it wrongly: an index, an unwrap.
    let place = place.map(|(_, file)| file).or_else(|| file.starts_with("/rustc/").then_some(file))?;
    Some(format!("{place}:{}", location.line()))
}

/// Takes what was counted since the last call.
pub fn take_panics() -> BTreeMap<String, u64> {
    std::mem::take(&mut *panics())
}

/// The most memory this process has held, and what it holds now, in kB; zeros where the system does not say.
pub fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let find = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    (find("VmHWM:").unwrap_or(0), find("VmRSS:").unwrap_or(0))
}
