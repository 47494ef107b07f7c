//! The corpus: small files, one for each way in which something once broke, and an honest one to compare with. All of
//! it is made by [`write()`] from seeds and names that stand in this folder; nothing in it comes from anybody.

use super::specimens::Specimen;
use super::{TARGETS, naked, specimens, target};
use std::io;
use std::path::{Path, PathBuf};

/// Where the corpus of a target lies.
fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The files of a target's corpus, by name.
pub fn read(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder(target))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, std::fs::read(path)?));
    }
    files.sort();
    Ok(files)
}

/// Makes the corpus anew, for every target that has items of its own.
pub fn write() -> io::Result<()> {
    for name in TARGETS {
        let mut items: Vec<Specimen> = match name {
            "change" => [specimens::changes(), naked::broken()].concat(),
            "batch" => specimens::batches(),
            "point" => specimens::points(),
            _ => Vec::new(),
        };
        let honest = target(name).map(|target| target.honest()).unwrap_or_default();
        items.extend((0..).zip(honest).map(|(at, bytes)| (format!("honest-{at}"), bytes)));
        if items.is_empty() {
            continue;
        }
        let _ = std::fs::remove_dir_all(folder(name));
        std::fs::create_dir_all(folder(name))?;
        for (file, bytes) in items {
            std::fs::write(folder(name).join(file), bytes)?;
        }
    }
    Ok(())
}
