//! Bytes changed by chance, the same for the same seed: bits, bytes, lengths, numbers in their variable-length writing,
//! and pieces of other items.

use fastrand::Rng;

/// Numbers at which counting goes wrong.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    63,
    64,
    127,
    128,
    255,
    256,
    1000,
    1001,
    65_535,
    1 << 31,
    u32::MAX as u64,
    1 << 32,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// No mutant is longer: what is larger is refused by its length alone, and that has its own file in the corpus.
const LONGEST: usize = 256 * 1024;

/// The chance of mutant `number` of `seed`.
pub fn rng_of(seed: u64, number: u64) -> Rng {
    Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03))
}

/// One of several.
pub fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// A number at which counting may go wrong, or one beside it.
pub fn number(rng: &mut Rng) -> u64 {
    match rng.u8(..8) {
        0..5 => *pick(rng, &NUMBERS),
        5 => pick(rng, &NUMBERS).wrapping_sub(1),
        6 => rng.u64(..300),
        _ => rng.u64(..),
    }
}

/// Changes bytes in one to four places; `others` are where pieces come from.
pub fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    for _ in 0..rng.usize(1..=4) {
        edit(bytes, others, rng);
    }
    bytes.truncate(LONGEST);
}

/// Changes bytes in one place.
pub fn edit(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.extend((0..rng.usize(1..8)).map(|_| rng.u8(..)));
        return;
    }
    let at = rng.usize(..bytes.len());
    // A short stretch from there, now and then a long one.
    let most = if rng.u8(..4) == 0 { bytes.len() - at } else { 16.min(bytes.len() - at) };
    let to = at + rng.usize(1..=most);
    match rng.u8(..10) {
        0 | 1 => bytes[at] ^= 1 << rng.u8(..8),
        2 => bytes[at] = number(rng) as u8,
        3 => drop(bytes.splice(at..at, (0..rng.usize(1..9)).map(|_| rng.u8(..)).collect::<Vec<_>>())),
        4 => drop(bytes.drain(at..to)),
        5 => bytes.truncate(at),
        6 => {
            let again = bytes[at..to].to_vec();
            drop(bytes.splice(at..at, again));
        }
        7 => {
            let piece = piece(others, rng);
            drop(bytes.splice(at..to, piece));
        }
        8 => {
            // A number as LEB128 or postcard writes it, in place of one that stands there.
            let length = bytes[at..].iter().take(9).take_while(|byte| **byte & 0x80 != 0).count() + 1;
            let end = (at + length).min(bytes.len());
            drop(bytes.splice(at..end, leb(number(rng))));
        }
        _ => {
            let value = (number(rng) as u32).to_le_bytes();
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
    }
}

/// A piece of another item.
fn piece(others: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    if others.is_empty() {
        return Vec::new();
    }
    let other = pick(rng, others);
    if other.is_empty() {
        return Vec::new();
    }
    let from = rng.usize(..other.len());
    other[from..from + rng.usize(..=(other.len() - from).min(64))].to_vec()
}

/// An unsigned number as LEB128, which is also postcard's writing.
pub fn leb(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A signed number as LEB128.
pub fn signed_leb(mut value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 && byte & 0x40 == 0 || value == -1 && byte & 0x40 != 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// An unsigned LEB128 number at the beginning, and what follows it.
pub fn take_leb(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
