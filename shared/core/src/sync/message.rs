//! What two replicas say to each other. One message is one frame: a postcard form with a cap in bytes.

use super::feed::{FeedId, Incarnation};
use super::keys::{DeviceId, Hash};
use super::ledger::{Combined, Fingerprint, Sum};
use crate::model::{Channel, RecordId};
use serde::{Deserialize, Serialize};

/// The protocol versions this program speaks. The highest that both sides speak counts. The dialer tells its versions in
/// Hello; a listener tells a dialer of version 2 its own with [`Welcome::Speaks`].
pub const VERSIONS: (u16, u16) = (1, 2);
/// From this version on a side knows editions of the dictionary ([`super::feed::Point`]), and the messages
/// [`Message::Working`], [`Message::Withheld`] and [`Message::Further`]. What needs it is not sent to others.
pub const WITH_EDITIONS: u16 = 2;
/// A bit of [`Hello::features`]: the frontier did not fit; a listener asks for the rest with [`Welcome::Continue`].
pub const HAS_FURTHER: u64 = 1;
/// A list of feeds or numbers is told in parts of so many items: each stays well below the cap of small frames.
pub const MOST_LISTED: usize = 1_500;
/// The same for frontiers, whose items are small.
pub const MOST_IN_FRONTIER: usize = 8_000;

/// The largest frame of any kind.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;
/// The largest frame that is not a batch.
pub const MAX_SMALL_FRAME_BYTES: usize = 256 * 1024;

/// A feed's name for one session: five bytes of a hash over the session's salt and the feed. Two feeds that share a
/// tag by chance do so in one session only, and nobody can aim for it without knowing the salt.
pub type Tag = [u8; 5];

/// The tag of a feed under a session's salt.
pub fn tag(salt: &[u8; 8], feed: &FeedId) -> Tag {
    Hash::of(&[salt, &feed.bytes()]).0[..5].try_into().expect("5 of 32 bytes")
}

/// Where feeds stand, by tag.
pub type Frontier = Vec<(Tag, u64)>;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The dialer's first word, and again whenever it asks anew. Changes nothing at the listener.
    Hello(Hello),
    /// The listener's answer.
    Welcome(Welcome),
    /// Runs, as `wire` encodes them.
    Batch(Vec<u8>),
    /// What the receiver of a batch now holds durably.
    Ack(Ack),
    /// What the receiver will never take.
    Refused(Vec<Refused>),
    /// Wrapped person and division keys, sealed to the receiver. Carried as they are.
    Keys(Vec<u8>),
    /// Everything was sent and acknowledged; this is what the shared channels look like here.
    Done(Combined),
    /// Looking for the records that differ although the frontiers agree.
    Compare(Compare),
    /// The receiver works on what came, and is neither gone nor stuck: so many entries wait to be applied.
    Working(u64),
    /// What the sender holds and cannot send, each with its reason: these feeds end here for the receiver.
    Withheld(Vec<Refused>),
    /// A part of a frontier that does not fit one message: it belongs to the Hello or Welcome that follows.
    Further(Frontier),
}

/// Hello.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest and highest protocol version spoken.
    pub versions: (u16, u16),
    /// Feature bits: [`HAS_FURTHER`].
    pub features: u64,
    /// Who is calling.
    pub device: DeviceId,
    /// Its present incarnation.
    pub incarnation: Incarnation,
    /// Names feeds in this session.
    pub salt: [u8; 8],
    /// The shared channels as the dialer sees them.
    pub combined: Combined,
    /// Where the feeds of the shared channels stand; absent when nothing is expected to have changed.
    pub frontier: Option<Frontier>,
    /// The digest of the closed feeds that the frontier leaves out, if it leaves any out.
    pub folded: Option<[u8; 16]>,
    /// How many entries the listener is not known to hold.
    pub pending: u64,
}

/// The answer to Hello.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Welcome {
    /// Nothing differs.
    Same,
    /// Let us become level.
    Send {
        /// The listener's frontier in the shared channels, without the feeds that the Hello has folded.
        frontier: Frontier,
        /// What the listener holds of the dialer's own feeds: number and hash of the last point.
        heads: Vec<(Channel, Incarnation, u64, Hash)>,
    },
    /// Come back in so many seconds.
    Busy(u32),
    /// No version in common; these are spoken here.
    Upgrade(u16, u16),
    /// Other feeds are folded here: say Hello again with all of them.
    Unfold,
    /// The listener's highest version; its answer follows.
    Speaks(u16),
    /// Say Hello again, after the parts of the frontier that did not fit.
    Continue,
}

/// Acknowledgement: durable at the receiver.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ack {
    /// Where the feeds of the batch now stand.
    pub frontier: Frontier,
    /// How many bytes may be under way unacknowledged.
    pub credit: u32,
}

/// An entry that will never be taken, or cannot be sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// Its feed.
    pub feed: FeedId,
    /// Its number.
    pub number: u64,
    /// Why: see `control::reason`.
    pub reason: u16,
}

/// A record and the heads it has here.
pub type RecordHeads = (RecordId, Vec<Hash>);

/// The search for differing records, channels, then ranges of the id's hash, then records; and for the place where a
/// feed's branches part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Compare {
    /// The fingerprints of the shared channels.
    Channels(Vec<(Channel, Fingerprint)>),
    /// The sums of the 256 ranges of one channel, by the last byte of the id.
    Ranges(Channel, Vec<Sum>),
    /// The records of the ranges that differ, and a request for the same.
    Records(Channel, Vec<u8>, Vec<RecordHeads>),
    /// The answer to it.
    Answer(Channel, Vec<u8>, Vec<RecordHeads>),
    /// Feeds whose chains may be others there: some of their points here, number and hash, newest first.
    Chains(Vec<(FeedId, Vec<(u64, Hash)>)>),
    /// The answer to it.
    Common(Vec<Common>),
}

/// What two replicas have in common of a feed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Common {
    /// The feed.
    pub feed: FeedId,
    /// The newest point that was asked about.
    pub asked: u64,
    /// The newest of those asked about that is the same at the answerer, 0 if none is.
    pub same: u64,
    /// Where the feed ends at the answerer: number and hash.
    pub head: (u64, Hash),
}

/// A frame that is no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadFrame {
    /// Over the cap of its kind.
    #[error("the message is too large")]
    TooLarge,
    /// Does not parse.
    #[error("the message does not parse")]
    Malformed,
}

/// A message as a frame.
pub fn encode(message: &Message) -> Vec<u8> {
    postcard::to_allocvec(message).expect("messages have a postcard form")
}

/// A frame as a message.
pub fn decode(frame: &[u8]) -> Result<Message, BadFrame> {
    const BATCH: u8 = 2;
    let cap = if frame.first() == Some(&BATCH) { MAX_FRAME_BYTES } else { MAX_SMALL_FRAME_BYTES };
    if frame.len() > cap {
        return Err(BadFrame::TooLarge);
    }
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(message),
        _ => Err(BadFrame::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_without_news_is_small() {
        let combined = Combined { digest: [1; 16], sums: [2; 16] };
        let done = encode(&Message::Done(combined));
        assert_eq!(decode(&done).unwrap(), Message::Done(combined));
        assert!(done.len() <= 64);
        assert!(encode(&Message::Welcome(Welcome::Same)).len() <= 4);
    }

    #[test]
    fn the_first_byte_of_a_batch_is_the_one_the_cap_looks_for() {
        assert_eq!(encode(&Message::Batch(vec![]))[0], 2);
        let large = encode(&Message::Keys(vec![0; MAX_SMALL_FRAME_BYTES]));
        assert_eq!(decode(&large), Err(BadFrame::TooLarge));
        assert!(decode(&encode(&Message::Batch(vec![0; MAX_SMALL_FRAME_BYTES]))).is_ok());
    }

    #[test]
    fn trailing_bytes_are_not_overlooked() {
        let mut frame = encode(&Message::Welcome(Welcome::Same));
        frame.push(0);
        assert_eq!(decode(&frame), Err(BadFrame::Malformed));
        assert_eq!(decode(&[]), Err(BadFrame::Malformed));
    }
}
