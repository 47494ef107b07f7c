//! Names bound to who made them: Automerge actors and record ids.

use super::feed::Incarnation;
use super::keys::{DeviceId, Hash};
use crate::documents::Actor;
use crate::model::RecordId;

/// The Automerge actor of a branch of an incarnation of a device. No (actor, sequence number) is ever used twice.
pub fn actor(device: &DeviceId, incarnation: &Incarnation, branch: u32) -> Actor {
    let hash = Hash::of(&[b"huiliu actor", &device.0, &incarnation.0, &branch.to_be_bytes()]);
    hash.0[..16].try_into().expect("16 of 32 bytes")
}

/// A UUIDv7 whose last 62 bits are cut from a hash of (actor, time, first random bits), so that a receiver sees from
/// the creating envelope who made the record and nobody can take another's id.
///
/// `millis` counts since 1970 UTC (48 bits), of `random` the low 12 bits are used. Layout: RFC 9562, version 7.
pub fn record_id(actor: &Actor, millis: u64, random: u16) -> RecordId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6] = 0x70 | (random >> 8) as u8 & 0x0f;
    bytes[7] = random as u8;
    let hash = Hash::of(&[b"huiliu record", actor, &bytes[..8]]);
    bytes[8..].copy_from_slice(&hash.0[..8]);
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    RecordId(bytes)
}

/// Whether `id` was made by `actor`.
pub fn is_made_by(id: &RecordId, actor: &Actor) -> bool {
    let millis = id.0[..6].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let random = u16::from(id.0[6]) << 8 | u16::from(id.0[7]);
    record_id(actor, millis, random) == *id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_id_tells_its_maker() {
        let device = DeviceId([1; 32]);
        let haishu = actor(&device, &Incarnation([1; 8]), 0);
        let id = record_id(&haishu, 1_790_000_000_123, 0xfff);
        assert!(is_made_by(&id, &haishu));
        assert!(!is_made_by(&id, &actor(&device, &Incarnation([1; 8]), 1)));
        assert!(!is_made_by(&id, &actor(&device, &Incarnation([2; 8]), 0)));
        assert_eq!(id.to_string().as_bytes()[14], b'7');
        assert!(record_id(&haishu, 2, 0) > record_id(&haishu, 1, 0xfff), "ids sort by time");
    }
}
