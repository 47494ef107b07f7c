//! The device key file, and the key in the form that TLS and X.509 want.

use crate::error::{LinkError, Result};
use huiliu_core::sync::keys::DeviceKey;
use rcgen::{KeyPair, PKCS_ED25519};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::PrivatePkcs8KeyDer;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// PKCS#8 version 1 of an Ed25519 key (RFC 8410 section 7) up to the 32-byte seed, which follows.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Fresh random bytes of the system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| LinkError::Local("the system gives no random numbers".into()))?;
    Ok(bytes)
}

/// Makes a new device key and its file: 32 bytes, readable by its owner only, whole or not there at all.
///
/// An existing file is never overwritten: a device that loses its key is another device.
pub fn create_key_file(path: &Path) -> Result<DeviceKey> {
    let fault = |problem: String| LinkError::KeyFile { path: path.display().to_string(), problem };
    if path.try_exists().map_err(|e| fault(e.to_string()))? {
        return Err(fault("exists already and is not overwritten".into()));
    }
    let seed = random::<32>()?;
    write_new(path, &seed).map_err(|e| fault(format!("cannot be written: {e}")))?;
    Ok(DeviceKey::from_seed(seed))
}

/// Reads the device key from its file.
pub fn load_key_file(path: &Path) -> Result<DeviceKey> {
    let fault = |problem: String| LinkError::KeyFile { path: path.display().to_string(), problem };
    let file = File::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => fault("is missing".into()),
        _ => fault(format!("cannot be opened: {e}")),
    })?;
    let mut bytes = Vec::new();
    // One byte more than a key, so that a longer file is told apart.
    file.take(33).read_to_end(&mut bytes).map_err(|e| fault(format!("cannot be read: {e}")))?;
    let seed = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| fault("is damaged: a device key has exactly 32 bytes".into()))?;
    Ok(DeviceKey::from_seed(seed))
}

fn write_new(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = Path::new(&temporary);
    // Left behind by a crash before the rename, thus nobody's key yet.
    match fs::remove_file(temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(temporary)?;
    file.write_all(seed)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    sync_directory(path)
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The key as PKCS#8, as TLS wants it.
pub(crate) fn pkcs8(key: &DeviceKey) -> PrivatePkcs8KeyDer<'static> {
    [PKCS8_HEAD.as_slice(), key.seed()].concat().into()
}

/// The key as rcgen signs with it.
pub(crate) fn key_pair(key: &DeviceKey) -> Result<KeyPair> {
    KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8(key), &PKCS_ED25519)
        .map_err(|e| LinkError::Local(format!("the device key does not sign: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A directory of this test, gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let name = data_encoding::HEXLOWER.encode(&random::<8>().unwrap());
            let path = std::env::temp_dir().join(format!("huiliu-link-{name}"));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_key_file_comes_back_and_is_never_overwritten() {
        let scratch = Scratch::new();
        let path = scratch.0.join("device.key");
        fs::write(scratch.0.join("device.key.new"), b"left behind by a crash").unwrap();
        let made = create_key_file(&path).unwrap();
        assert_eq!(load_key_file(&path).unwrap().device(), made.device());
        assert!(matches!(create_key_file(&path), Err(LinkError::KeyFile { .. })));
        assert_eq!(load_key_file(&path).unwrap().device(), made.device());
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_or_damaged_key_file_is_said_so() {
        let scratch = Scratch::new();
        let path = scratch.0.join("device.key");
        assert!(load_key_file(&path).unwrap_err().to_string().contains("is missing"));
        for length in [0, 31, 33, 5000] {
            fs::write(&path, vec![1; length]).unwrap();
            assert!(load_key_file(&path).unwrap_err().to_string().contains("is damaged"), "{length}");
        }
        let nowhere = scratch.0.join("no/such/directory/device.key");
        assert!(create_key_file(&nowhere).unwrap_err().to_string().contains("cannot be written"));
    }

    #[test]
    fn x509_and_core_see_the_same_key() {
        let key = DeviceKey::from_seed([7; 32]);
        assert_eq!(key_pair(&key).unwrap().public_key_raw(), key.public().bytes);
    }
}
