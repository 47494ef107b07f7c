//! The one-time invitation that a person carries from the hub to a new node: on paper, as a QR code, by phone.
//!
//! The text is `HL1.` and upper-case Crockford base32, so that a QR code uses its alphanumeric mode and a scan
//! gun needs no keyboard layout. Reading forgives what people, scan guns and Chinese input methods do: lower
//! case, full-width letters, digits and stops, spaces, line breaks, hyphens, O for 0, I and L for 1.

use data_encoding::{Encoding, Specification};
use huiliu_core::sync::keys::{DeviceId, Hash};
use serde::{Deserialize, Serialize};
use std::fmt;

const VERSION: u8 = 1;
/// What the prefix is after normalisation (`HL1.` with L read as 1).
const PREFIX: &str = "H11.";
/// What the prefixes of other versions of a ticket look like after normalisation.
const FAMILY: &str = "H1";
const CHECKSUM: usize = 4;
/// A ticket names at most this many addresses: it must stay a small QR code.
pub const ADDRESS_LIMIT: usize = 8;
/// Texts longer than this are not tickets, whatever they begin with.
const TEXT_CAP: usize = 8192;

/// The secret of a ticket: whoever knows it may join once. Never printed except inside the ticket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(pub [u8; 16]);

impl Secret {
    /// What a hub keeps and compares instead of the secret itself.
    pub fn digest(&self) -> Hash {
        Hash::of(&[b"huiliu ticket secret", &self.0])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An invitation for one device of one division to join one hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// The hub: the hash of its device key. A node that joins accepts nobody else.
    pub hub: DeviceId,
    /// The ticket's name in the hub's books; not secret.
    pub id: [u8; 8],
    /// The proof that the bearer was invited.
    pub secret: Secret,
    /// The division the device will belong to, as the number of its code.
    pub division: u64,
    /// Until when the hub honours it, unix seconds.
    pub expires: u64,
    /// Where the hub listens: `host:port`, host names and IPv6 in brackets allowed.
    pub addresses: Vec<String>,
}

/// Why a text is not a ticket that can be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TicketError {
    /// Something else was pasted or scanned.
    #[error("this is not an invitation ticket")]
    NotATicket,
    /// The hub is newer than this program.
    #[error("this invitation needs a newer version of the program")]
    UnknownVersion,
    /// Mistyped or cut: ask for it again.
    #[error("this invitation is damaged or incomplete")]
    Damaged,
    /// An address that cannot stand in a ticket (the hub operator's fault).
    #[error("not an address of the form host:port: {0}")]
    Address(String),
}

impl Ticket {
    /// The ticket as text. Fails only over its addresses.
    pub fn encode(&self) -> Result<String, TicketError> {
        if self.addresses.is_empty() || self.addresses.len() > ADDRESS_LIMIT {
            return Err(TicketError::Address(format!("1 to {ADDRESS_LIMIT} addresses are needed")));
        }
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.hub.0);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.secret.0);
        bytes.extend_from_slice(&self.division.to_le_bytes());
        bytes.extend_from_slice(&self.expires.to_le_bytes());
        bytes.push(self.addresses.len() as u8);
        for address in &self.addresses {
            if !is_address(address) {
                return Err(TicketError::Address(address.clone()));
            }
            bytes.push(address.len() as u8);
            bytes.extend_from_slice(address.as_bytes());
        }
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        Ok(format!("HL1.{}", crockford().encode(&bytes)))
    }

    /// The ticket in a text, however it was typed, scanned or pasted.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        if text.len() > TEXT_CAP {
            return Err(TicketError::NotATicket);
        }
        let text: String = text.chars().filter_map(normal).collect();
        let Some(body) = text.strip_prefix(PREFIX) else {
            return Err(match text.split_once('.') {
                Some((head, _)) if is_other_version(head) => TicketError::UnknownVersion,
                _ => TicketError::NotATicket,
            });
        };
        let bytes = crockford().decode(body.as_bytes()).map_err(|_| TicketError::Damaged)?;
        let (content, found) = bytes.split_last_chunk::<CHECKSUM>().ok_or(TicketError::Damaged)?;
        if *found != checksum(content) {
            return Err(TicketError::Damaged);
        }
        // The checksum stands at the end in every version, so a sound ticket of another one is told apart.
        match content.split_first() {
            Some((&VERSION, content)) => Self::from_content(content).ok_or(TicketError::Damaged),
            Some(_) => Err(TicketError::UnknownVersion),
            None => Err(TicketError::Damaged),
        }
    }

    fn from_content(mut rest: &[u8]) -> Option<Self> {
        let hub = DeviceId(take(&mut rest)?);
        let id = take(&mut rest)?;
        let secret = Secret(take(&mut rest)?);
        let division = u64::from_le_bytes(take(&mut rest)?);
        let expires = u64::from_le_bytes(take(&mut rest)?);
        let [count] = take(&mut rest)?;
        let mut addresses = Vec::new();
        for _ in 0..count {
            let [length] = take(&mut rest)?;
            let (address, after) = rest.split_at_checked(length.into())?;
            rest = after;
            addresses.push(std::str::from_utf8(address).ok().filter(|it| is_address(it))?.to_owned());
        }
        let sound = rest.is_empty() && (1..=ADDRESS_LIMIT).contains(&addresses.len());
        sound.then_some(Self { hub, id, secret, division, expires, addresses })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*head)
}

/// Whether a text is `host:port` with a plain host: this crate resolves it, it does not judge it.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%');
    let bracketed = host.starts_with('[') && host.ends_with(']');
    text.len() <= 255
        && !host.is_empty()
        && host.chars().all(plain)
        && (bracketed || !host.contains([':', '[', ']']))
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_other_version(head: &str) -> bool {
    head.strip_prefix(FAMILY)
        .is_some_and(|number| (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()))
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let hash = Hash::of(&[content]).0;
    [hash[0], hash[1], hash[2], hash[3]]
}

/// One character as the alphabet writes it; None for what is only layout.
fn normal(c: char) -> Option<char> {
    // Full-width forms stand at a fixed distance from ASCII (Unicode block Halfwidth and Fullwidth Forms).
    let c = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '。' => '.',
        c => c,
    };
    match c.to_ascii_uppercase() {
        c if c.is_whitespace() || c.is_control() => None,
        '-' | '\u{2010}'..='\u{2015}' | '\u{200b}' | '\u{feff}' => None,
        'O' => Some('0'),
        'I' | 'L' => Some('1'),
        c => Some(c),
    }
}

/// Crockford's base32 (no I, L, O, U); trailing bits must be zero, so that each ticket has one writing.
fn crockford() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.encoding().expect("32 distinct ASCII symbols are an encoding")
}

#[cfg(test)]
#[path = "ticket_tests.rs"]
mod tests;
