//! Sealing (promise 12): a person's fields under that person's key before they enter a document, that key under its
//! division's, division keys to devices. What is sealed names its suite, so that SM4 and SM2 can be added.
//!
//! Fields are sealed deterministically (AES-256-SIV, RFC 5297): equal values of one field of one record are equal bytes,
//! so that writing a value again changes nothing and equal concurrent values are no conflict.

use super::keys::{DeviceId, DeviceKey, PublicKey, Suite};
use crate::model::{Digest, DivisionCode, RecordId, Sensitivity, Value};
use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::Aead;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::montgomery::MontgomeryPoint;
use data_encoding::HEXLOWER;
use ring::{digest, hkdf, hmac};
use serde::{Deserialize, Serialize};
use std::fmt;

/// AES-256-SIV for fields and keys; X25519, HKDF-SHA-256 and XChaCha20-Poly1305 to devices.
const SUITE: u8 = 1;
/// A public key of X25519.
const POINT: usize = 32;

/// A symmetric key: of a person, of a division, of the city. Never printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:02x?})", self.id())
    }
}

/// What names a key without telling it.
pub type KeyId = [u8; 8];

impl Key {
    /// Its name.
    pub fn id(&self) -> KeyId {
        let hash = Digest::of(&[b"huiliu key id", &self.0]);
        hash.0[..8].try_into().expect("eight of 32 bytes")
    }

    /// The cipher for one purpose.
    fn siv(&self, purpose: &[u8]) -> Aes256Siv {
        let mut bytes = [0; 64];
        derive(&self.0, purpose, &mut bytes);
        Aes256Siv::new(&bytes.into())
    }
}

/// HKDF-SHA-256.
fn derive(secret: &[u8], purpose: &[u8], into: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, b"huiliu").extract(secret);
    let okm = key.expand(&[purpose], Length(into.len())).and_then(|okm| okm.fill(into));
    okm.expect("64 bytes are less than HKDF gives");
}

/// What counties compare instead of an identity number: the match key's name, a colon, and HMAC-SHA-256 of the number under
/// the key, 16 bytes; both in hexadecimal. Without the key nobody can go through all numbers. Only values of one key can
/// be compared.
pub fn match_of(key: &Key, number: &str) -> String {
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, &key.0);
    let tag = hmac::sign(&hmac_key, &[b"huiliu match ", number.as_bytes()].concat());
    format!("{}:{}", HEXLOWER.encode(&key.id()), HEXLOWER.encode(&tag.as_ref()[..16]))
}

/// The name of the key under which a match was made.
pub fn matched_under(text: &str) -> Option<KeyId> {
    HEXLOWER.decode(text.split_once(':')?.0.as_bytes()).ok()?.try_into().ok()
}

/// Seals the value of a field of a record under its person's key.
pub fn seal_value(key: &Key, record: &RecordId, field: &str, value: &Value) -> Value {
    let clear = postcard::to_allocvec(value).expect("values have a postcard form");
    let headers: [&[u8]; 2] = [&record.0, field.as_bytes()];
    let mut sealed = vec![SUITE];
    sealed.extend(key.siv(b"field").encrypt(headers, &clear).expect("a field is not gigabytes"));
    Value::Sealed(sealed)
}

/// The value of a sealed field; `None` if this is not its key, or it is not of this record and field.
pub fn open_value(key: &Key, record: &RecordId, field: &str, sealed: &[u8]) -> Option<Value> {
    let (suite, sealed) = sealed.split_first()?;
    let headers: [&[u8]; 2] = [&record.0, field.as_bytes()];
    let clear = key.siv(b"field").decrypt(headers, sealed).ok().filter(|_| *suite == SUITE)?;
    let value = postcard::from_bytes(&clear).ok()?;
    // A seal within a seal would be shown as one whose key is not here.
    (!matches!(value, Value::Sealed(_))).then_some(value)
}

/// The key of a division under which the keys of its people are wrapped: one for what its superiors read too, one for
/// what stays in the county.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DivisionKey {
    /// Whose.
    pub division: DivisionCode,
    /// For which fields.
    pub class: Sensitivity,
    /// The key.
    pub key: Key,
}

/// A person's key under a division's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Wrap {
    /// The record.
    pub record: RecordId,
    /// For which of its fields.
    pub class: Sensitivity,
    /// The division whose key it is under.
    pub division: DivisionCode,
    /// That key.
    pub under: KeyId,
    /// The sealed key.
    pub bytes: Vec<u8>,
}

/// A division's key, sealed to one device, carried by others that cannot open it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    /// The device that can.
    pub device: DeviceId,
    /// Whose key it is.
    pub division: DivisionCode,
    /// For which fields; open, which nothing is sealed for: it is a match key, which opens nothing.
    pub class: Sensitivity,
    /// The key's name.
    pub key: KeyId,
    /// The key, as [`seal_to`] seals it.
    pub bytes: Vec<u8>,
}

/// Wraps a person's key under its division's.
pub fn wrap(under: &DivisionKey, record: &RecordId, key: &Key) -> Wrap {
    let headers: [&[u8]; 1] = [&record.0];
    let bytes = under.key.siv(b"wrap").encrypt(headers, &key.0).expect("a key is short");
    Wrap { record: *record, class: under.class, division: under.division, under: under.key.id(), bytes }
}

/// The person's key; `None` if it is not under this key.
pub fn unwrap(under: &Key, wrap: &Wrap) -> Option<Key> {
    let headers: [&[u8]; 1] = [&wrap.record.0];
    let clear = under.siv(b"wrap").decrypt(headers, &wrap.bytes).ok()?;
    clear.try_into().ok().map(Key)
}

/// Seals bytes to a device; only its private key opens them. `random` is used once. `None` if the key is none.
///
/// The device's Ed25519 key serves as its X25519 key too (RFC 7748: both are points of one curve), so that whoever knows
/// a grant can write to its device.
pub fn seal_to(device: &PublicKey, random: [u8; 32], clear: &[u8]) -> Option<Vec<u8>> {
    let Suite::Ed25519Sha256 = device.suite;
    let point = CompressedEdwardsY::from_slice(&device.bytes).ok()?.decompress()?.to_montgomery();
    let ephemeral = MontgomeryPoint::mul_base_clamped(random);
    let cipher = cipher_between(&point.mul_clamped(random), &ephemeral, &point)?;
    // The key is used once, so the nonce need not be another each time.
    let sealed = cipher.encrypt(&[0; 24].into(), clear).ok()?;
    Some([&[SUITE][..], ephemeral.as_bytes(), &sealed].concat())
}

/// Opens what was sealed to this device.
pub fn open_with(key: &DeviceKey, sealed: &[u8]) -> Option<Vec<u8>> {
    let (suite, sealed) = sealed.split_first()?;
    let (ephemeral, sealed) = sealed.split_at_checked(POINT).filter(|_| *suite == SUITE)?;
    let ephemeral = MontgomeryPoint(ephemeral.try_into().ok()?);
    // As Ed25519 derives its scalar from the seed (RFC 8032, 5.1.5).
    let hashed = digest::digest(&digest::SHA512, key.seed());
    let secret: [u8; 32] = hashed.as_ref()[..32].try_into().ok()?;
    let point = MontgomeryPoint::mul_base_clamped(secret);
    cipher_between(&ephemeral.mul_clamped(secret), &ephemeral, &point)?.decrypt(&[0; 24].into(), sealed).ok()
}

/// The cipher of one message between an ephemeral key and a device; `None` if a point leads nowhere.
fn cipher_between(
    shared: &MontgomeryPoint,
    ephemeral: &MontgomeryPoint,
    device: &MontgomeryPoint,
) -> Option<XChaCha20Poly1305> {
    let secret = [shared.0, ephemeral.0, device.0].concat();
    let mut key = [0; 32];
    derive(&secret, b"to device", &mut key);
    (shared.0 != [0; POINT]).then(|| XChaCha20Poly1305::new(&key.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> Key {
        Key([seed; 32])
    }

    #[test]
    fn equal_values_are_equal_bytes_and_only_in_their_own_place() {
        let (zhang, li) = (RecordId([1; 16]), RecordId([2; 16]));
        let name = Value::of("测试甲");
        let sealed = seal_value(&key(1), &zhang, "name", &name);
        assert_eq!(sealed, seal_value(&key(1), &zhang, "name", &name));
        let Value::Sealed(bytes) = &sealed else { panic!("it is sealed") };
        assert_eq!(open_value(&key(1), &zhang, "name", bytes), Some(name));
        assert_eq!(open_value(&key(2), &zhang, "name", bytes), None);
        assert_eq!(open_value(&key(1), &li, "name", bytes), None, "it was put into another's record");
        assert_eq!(open_value(&key(1), &zhang, "phone", bytes), None, "it was put into another field");
        assert!(!bytes.windows(6).any(|part| part == "测试".as_bytes()));
        assert_eq!(open_value(&key(1), &zhang, "name", &[]), None);
    }

    #[test]
    fn a_persons_key_opens_under_its_divisions_alone() {
        let division = "330203".parse().unwrap();
        let under = DivisionKey { division, class: Sensitivity::Secret, key: key(3) };
        let record = RecordId([7; 16]);
        let wrapped = wrap(&under, &record, &key(4));
        assert_eq!(unwrap(&under.key, &wrapped), Some(key(4)));
        assert_eq!(unwrap(&key(5), &wrapped), None);
        assert_eq!(unwrap(&under.key, &Wrap { record: RecordId([8; 16]), ..wrapped }), None);
    }

    #[test]
    fn what_is_sealed_to_a_device_opens_there_alone() {
        let (haishu, yuyao) = (DeviceKey::from_seed([1; 32]), DeviceKey::from_seed([2; 32]));
        let sealed = seal_to(&haishu.public(), [9; 32], b"keys").unwrap();
        assert_eq!(open_with(&haishu, &sealed).as_deref(), Some(&b"keys"[..]));
        assert_eq!(open_with(&yuyao, &sealed), None);
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(open_with(&haishu, &other), None, "byte {at}");
        }
        assert_eq!(open_with(&haishu, &[SUITE]), None);
        let broken = PublicKey { suite: Suite::Ed25519Sha256, bytes: vec![2; 32] };
        assert_eq!(seal_to(&broken, [9; 32], b"keys"), None, "no point of the curve");
    }

    #[test]
    fn matches_of_one_key_are_compared_and_others_are_not() {
        let number = "330299198501010019";
        let (ours, theirs) = (match_of(&key(1), number), match_of(&key(2), number));
        assert_eq!(ours, match_of(&key(1), number));
        assert_ne!(ours.split_once(':').unwrap().1, theirs.split_once(':').unwrap().1);
        assert_eq!((ours.len(), matched_under(&ours)), (49, Some(key(1).id())));
        assert_eq!((matched_under("abc"), matched_under("zz:00")), (None, None));
    }
}
