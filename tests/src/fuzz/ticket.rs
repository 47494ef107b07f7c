//! Invitation tickets, as they are typed or scanned.

use super::mutate::{mutate, pick, rng_of};
use super::{Fate, Target};
use huiliu_core::sync::{DeviceId, Hash};
use huiliu_link::Ticket;
use huiliu_link::ticket::Secret;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX: &str = "HL1.";

/// Tickets of one hub.
pub struct Tickets {
    texts: Vec<Vec<u8>>,
}

impl Default for Tickets {
    fn default() -> Self {
        Self::new()
    }
}

/// Crockford's base32, the last bits zero.
fn base32(bytes: &[u8]) -> String {
    let bits = |at: usize| (0..5).fold(0, |value, bit| value << 1 | bit_of(bytes, at + bit));
    (0..bytes.len() * 8).step_by(5).map(|at| char::from(ALPHABET[bits(at)])).collect()
}

fn bit_of(bytes: &[u8], at: usize) -> usize {
    bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1))
}

fn from_base32(text: &[u8]) -> Vec<u8> {
    let value = |c: &u8| ALPHABET.iter().position(|known| known == c);
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for value in text.iter().filter_map(value) {
        (held, bits) = (held << 5 | value as u32, bits + 5);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

/// A ticket of this content, with a checksum that holds.
fn sealed(content: &[u8]) -> Vec<u8> {
    let checksum = Hash::of(&[content]);
    format!("{PREFIX}{}", base32(&[content, &checksum.0[..4]].concat())).into_bytes()
}

impl Tickets {
    /// One with a single address, one with many.
    pub fn new() -> Self {
        let addresses = ["192.0.2.7:4433", "[2001:db8::1]:4433", "hub.example:4433"];
        let ticket = |addresses: &[&str]| Ticket {
            hub: DeviceId([7; 32]),
            id: [1; 8],
            secret: Secret([2; 16]),
            division: 330_203,
            expires: 1_790_000_000,
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        };
        let tickets = [ticket(&addresses[..1]), ticket(&addresses)];
        let texts = tickets.map(|ticket| ticket.encode().expect("honest addresses").into_bytes());
        Self { texts: texts.to_vec() }
    }
}

impl Target for Tickets {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let mut text = pick(&mut rng, &self.texts).clone();
        if rng.u8(..4) > 0 {
            let mut content = from_base32(&text[PREFIX.len()..]);
            content.truncate(content.len() - 4);
            mutate(&mut content, &self.texts, &mut rng);
            text = sealed(&content);
        }
        if rng.u8(..3) == 0 {
            mutate(&mut text, &self.texts, &mut rng);
        }
        text
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        self.texts.clone()
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        let text = String::from_utf8_lossy(bytes);
        let ticket = match Ticket::parse(&text) {
            Ok(ticket) => ticket,
            Err(error) => return Ok(Fate::refused(error)),
        };
        let again = ticket.encode().map_err(|e| format!("a ticket that was read cannot be written: {e}"))?;
        if Ticket::parse(&again) != Ok(ticket) {
            return Err("a ticket does not read again as it was read".into());
        }
        let plain = text.strip_prefix(PREFIX).is_some_and(|body| body.bytes().all(|b| ALPHABET.contains(&b)));
        if plain && again != text {
            return Err("one ticket has two writings".into());
        }
        Ok(Fate::Accepted)
    }
}
