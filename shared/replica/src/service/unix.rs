//! What programs ask of Unix that the standard library does not: who may read what they make, and how much a child of
//! theirs may take.

/// From here on no file that this process makes can be read by anybody else, whatever makes it.
#[cfg(unix)]
pub(super) fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// This process may hold so much memory, in bytes, and use so many seconds of the processor; beyond either it dies, and
/// leaves no image of what it had read.
#[cfg(unix)]
pub(super) fn limit(memory: u64, seconds: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (resource, most) in [(Resource::As, memory), (Resource::Cpu, seconds), (Resource::Core, 0)] {
        // Where a system does not let it be limited, it is still a process of its own that dies.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(not(unix))]
pub(super) fn keep_files_private() {}

#[cfg(not(unix))]
pub(super) fn limit(_memory: u64, _seconds: u64) {}
