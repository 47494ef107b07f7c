//! A folder as one file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Packs a folder with all below it.
///
/// # Errors
/// What the system says of a file.
pub fn pack(folder: &Path, into: &Path) -> io::Result<()> {
    let mut archive = ZipWriter::new(File::create(into)?);
    add(&mut archive, folder, "")?;
    archive.finish().map_err(io::Error::other).map(|_| ())
}

fn add(archive: &mut ZipWriter<File>, folder: &Path, prefix: &str) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add(archive, &entry.path(), &format!("{name}/"))?;
            continue;
        }
        archive
            .start_file(name, SimpleFileOptions::default().unix_permissions(0o600))
            .map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        File::open(entry.path())?.read_to_end(&mut bytes)?;
        archive.write_all(&bytes)?;
    }
    Ok(())
}

/// Unpacks what [`pack`] packed.
///
/// # Errors
/// What the system says of a file.
pub fn unpack(archive: &Path, into: &Path) -> io::Result<()> {
    ZipArchive::new(File::open(archive)?)
        .and_then(|mut archive| archive.extract(into))
        .map_err(io::Error::other)
}
