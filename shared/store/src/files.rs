//! Files that their owner alone can read, and files that are whole: how every file of a data directory is made, and
//! every file that a command leaves to a person.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that its owner alone reads and writes, and a folder that its owner alone enters.
const FILE: u32 = 0o600;
const FOLDER: u32 = 0o700;
/// What the mode of a file lends to others.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// How a file is opened to be written: one that is made is its owner's alone, and a link is not followed.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    options.mode(FILE).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Makes a folder and those above it, for their owner alone.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(FOLDER);
    builder.create(path)
}

/// Gives a file this content: the old or the new is there at any time, never a mixture, and nobody but its owner can
/// read the new.
///
/// # Errors
/// Whatever the system says, and [`ErrorKind::AlreadyExists`] where something else than a file lies there: a link is
/// never written through, and a device is nobody's to replace.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (beside, mut file) = begin(path)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What a full disk has taken of it is of no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Whether [`replace`] can write a file there, found out before anything is done whose outcome it is to hold.
///
/// # Errors
/// As [`replace`].
pub fn check(path: &Path) -> io::Result<()> {
    begin(path).and_then(|(beside, _)| fs::remove_file(beside))
}

/// The new file beside the one to be replaced, and its path.
fn begin(path: &Path) -> io::Result<(PathBuf, File)> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => return Err(ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // Left behind by a crash, or laid there by somebody.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = options().create_new(true).open(&beside)?;
    Ok((beside, file))
}

/// Closes a folder to everybody but its owner.
#[cfg(unix)]
pub(crate) fn close_folder(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(FOLDER))
}

/// Closes every file below a folder to everybody but its owner, as far as the system lets it: earlier versions left it
/// to the mask of the process. Links are not followed.
#[cfg(unix)]
pub(crate) fn close_files(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            close_files(&entry.path());
        } else if meta.is_file() && meta.mode() & OTHERS != 0 {
            // Whoever opens what must be closed looks at it again: see `is_open_to_others`.
            let _ = fs::set_permissions(entry.path(), Permissions::from_mode(FILE));
        }
    }
}

/// Whether others than its owner can read or write a file. One that is not there is nobody's.
#[cfg(unix)]
pub fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.mode() & OTHERS != 0)
}

/// Whether a file was made by who runs this program, for nobody else.
#[cfg(unix)]
pub fn is_own(path: &Path) -> bool {
    let owner = rustix::process::geteuid().as_raw();
    let own = |meta: fs::Metadata| meta.is_file() && meta.uid() == owner && meta.mode() & OTHERS == 0;
    fs::symlink_metadata(path).is_ok_and(own)
}

#[cfg(not(unix))]
pub(crate) fn close_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn close_files(_: &Path) {}

#[cfg(not(unix))]
pub fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
pub fn is_own(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::Disk;
    use crate::disk::RealDisk;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_the_disk_makes_is_its_owners_alone_whatever_the_mask() {
        let folder = tempfile::tempdir().unwrap();
        rustix::process::umask(rustix::fs::Mode::empty());
        let mut disk = RealDisk::new(folder.path());
        disk.write("journal/00000001.seg", 0, b"written").unwrap();
        disk.replace("witness", b"replaced").unwrap();
        disk.replace("damaged/1", b"replaced").unwrap();
        for file in ["journal/00000001.seg", "witness", "damaged/1"] {
            assert_eq!(mode(&folder.path().join(file)), FILE, "{file}");
        }
        for made in ["journal", "damaged"] {
            assert_eq!(mode(&folder.path().join(made)), FOLDER, "{made}");
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("elsewhere"), b"untouched").unwrap();
        for name in ["list.csv", "new.csv.new", "journal.seg", "folder.csv"] {
            symlink(path("elsewhere"), path(name)).unwrap();
        }
        fs::create_dir(path("really.csv")).unwrap();
        for name in ["list.csv", "really.csv"] {
            assert_eq!(replace(&path(name), b"x").unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!(check(&path(name)).unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        assert!(RealDisk::new(folder.path()).write("journal.seg", 0, b"x").is_err());
        // Laid where the new file is made, a link is taken away.
        check(&path("new.csv")).unwrap();
        symlink(path("elsewhere"), path("new.csv.new")).unwrap();
        replace(&path("new.csv"), b"new").unwrap();
        replace(&path("new.csv"), b"newer").unwrap();
        assert_eq!((fs::read(path("new.csv")).unwrap(), mode(&path("new.csv"))), (b"newer".to_vec(), FILE));
        assert!(!path("new.csv.new").exists());
        assert_eq!(fs::read(path("elsewhere")).unwrap(), b"untouched");
    }

    #[test]
    fn what_stands_open_is_closed_but_nothing_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        make_folder(&path("data/index/blobs")).unwrap();
        let open = |name: &str| {
            fs::write(path(name), b"x").unwrap();
            fs::set_permissions(path(name), Permissions::from_mode(0o664)).unwrap();
        };
        ["data/keyring", "data/index/blobs/1", "elsewhere"].into_iter().for_each(open);
        symlink(path("elsewhere"), path("data/link")).unwrap();
        assert!(is_open_to_others(&path("data/keyring")) && !is_own(&path("data/keyring")));
        close_files(&path("data"));
        assert!(!is_open_to_others(&path("data/keyring")) && is_own(&path("data/keyring")));
        assert_eq!((mode(&path("data/index/blobs/1")), mode(&path("elsewhere"))), (FILE, 0o664));
    }
}
