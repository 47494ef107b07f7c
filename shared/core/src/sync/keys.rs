//! Device keys, signatures and hashes, by suite, so that SM2 and SM3 can be added without a migration.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The algorithms of a signed or hashed thing; its number stands in every one of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Suite {
    /// Ed25519 signatures over SHA-256 hashes.
    Ed25519Sha256,
}

impl Suite {
    /// The number that stands in hashes and files. Numbers are never reused.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ed25519Sha256 => 1,
        }
    }
}

pub use crate::model::ids::Digest as Hash;

impl Hash {
    /// SHA-256 over the parts one after the other. The caller keeps parts unambiguous by fixed lengths or a tag.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }
}

/// A device's public key, with its suite.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct PublicKey {
    /// The algorithm.
    pub suite: Suite,
    /// The key as the suite writes it (Ed25519: 32 bytes).
    pub bytes: Vec<u8>,
}

/// A device: the hash of its public key and suite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub [u8; 32]);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hash(self.0).fmt(f)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Hash(self.0))
    }
}

impl PublicKey {
    /// The device this key belongs to.
    pub fn device(&self) -> DeviceId {
        DeviceId(Hash::of(&[b"huiliu device", &[self.suite.number()], &self.bytes]).0)
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.suite {
            Suite::Ed25519Sha256 => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
            }
        }
    }
}

/// A device's private key. Never printed, never sent.
pub struct DeviceKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl DeviceKey {
    /// The key of a 32-byte secret seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("every 32-byte seed is an Ed25519 key");
        Self { seed, pair }
    }

    /// The secret seed, to be kept in the key file only.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey { suite: Suite::Ed25519Sha256, bytes: self.pair.public_key().as_ref().to_vec() }
    }

    /// The device's name.
    pub fn device(&self) -> DeviceId {
        self.public().device()
    }

    /// Signs a message: 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({:?})", self.device())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let (haishu, yuyao) = (DeviceKey::from_seed([1; 32]), DeviceKey::from_seed([2; 32]));
        let signature = haishu.sign(b"entry");
        assert!(haishu.public().verify(b"entry", &signature));
        assert!(!haishu.public().verify(b"other", &signature));
        assert!(!yuyao.public().verify(b"entry", &signature));
        assert_ne!(haishu.device(), yuyao.device());
    }
}
