//! Whole directories of stopped replicas: a copy of one is a replica.

use std::path::Path;

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder is made");
    for entry in std::fs::read_dir(from).expect("a folder reads") {
        let (path, to) =
            entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry reads");
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("a file is copied");
        }
    }
}
