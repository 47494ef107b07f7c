//! What a process uses: processor time and memory, as Linux tells them in `/proc`.

use crate::harness::process::{Running, Said};
use std::fs;
use std::time::{Duration, Instant};

/// Linux counts processor time in hundredths of a second, whatever the machine.
const TICKS_PER_SECOND: f64 = 100.0;
/// Between two looks at a command under way.
const LOOK: Duration = Duration::from_millis(1);
/// Memory is looked at every so many looks: reading it takes longer.
const LOOKS: u32 = 5;
/// No command takes longer.
const LIMIT: Duration = Duration::from_secs(1800);

/// What was used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds of the processor, children included.
    pub cpu_seconds: f64,
    /// The most memory it held, in megabytes.
    pub peak_megabytes: f64,
}

/// A process that goes on, looked at from now.
pub struct Meter {
    pid: u32,
    cpu_before: f64,
}

impl Meter {
    /// Begins: its highest memory is counted from here on.
    pub fn of(pid: u32) -> Self {
        // 5 resets VmHWM (proc(5)); where it may not be written, the peak is that of the process's whole life.
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        Self { pid, cpu_before: cpu_seconds(pid).map_or(0.0, |(seconds, _)| seconds) }
    }

    /// What it has used since.
    ///
    /// # Panics
    /// If it has ended.
    pub fn read(&self) -> Usage {
        let (now, _) = cpu_seconds(self.pid).expect("a service lives as long as it is measured");
        Usage { cpu_seconds: now - self.cpu_before, peak_megabytes: peak_megabytes(self.pid).unwrap_or(0.0) }
    }
}

/// Follows a command to its end: what it said, what it used, and when it had ended.
///
/// # Panics
/// If it has not ended in half an hour.
pub fn follow(running: Running) -> (Said, Usage, Instant) {
    let (pid, begun) = (running.pid(), Instant::now());
    let mut usage = Usage::default();
    for look in 0.. {
        assert!(begun.elapsed() < LIMIT, "a command has not ended after {} s", LIMIT.as_secs());
        if look % LOOKS == 0 {
            usage.peak_megabytes = peak_megabytes(pid).unwrap_or(0.0).max(usage.peak_megabytes);
        }
        // An ended process that nobody has waited for yet still tells how much it worked.
        let Some((seconds, ended)) = cpu_seconds(pid) else { break };
        usage.cpu_seconds = seconds;
        if ended {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let ended = Instant::now();
    (running.finish(), usage, ended)
}

/// Processor time of a process and of its children that have ended, and whether it has ended itself (proc(5), stat).
fn cpu_seconds(pid: u32) -> Option<(f64, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, brackets too.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some((ticks as f64 / TICKS_PER_SECOND, matches!(fields.first(), Some(&"Z" | &"X"))))
}

fn peak_megabytes(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024.0)
}
