//! Frames of a link, and the messages in them.

use super::mutate::{mutate, pick, rng_of};
use super::{Fate, Target, honest};
use crate::harness::adversary::plain_batch;
use huiliu_core::sync::message::{Ack, Common, Compare, Hello, Message, Refused, Welcome, decode, encode};
use huiliu_core::sync::{Combined, Hash};
use huiliu_link::frame::{FRAME_CAP, FrameError, FrameReader, FrameWriter, Received};
use tokio::runtime::Runtime;

/// Last words: a code and a sentence.
type Farewell = (u32, String);

/// A stream as a peer sends it.
pub struct Frames {
    runtime: Runtime,
    messages: Vec<Vec<u8>>,
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

fn messages() -> Vec<Message> {
    let runs = honest::runs();
    let (feed, channel) = (runs[0].feed, runs[0].feed.channel);
    let combined = Combined { digest: [1; 16], sums: [2; 16] };
    let frontier = vec![([1, 2, 3, 4, 5], 300), ([6; 5], 0)];
    let hello = Hello {
        versions: (1, 1),
        features: 0,
        device: feed.device,
        incarnation: feed.incarnation,
        salt: [9; 8],
        combined,
        frontier: Some(frontier.clone()),
        folded: None,
        pending: 3,
    };
    let heads = vec![(channel, feed.incarnation, 16, Hash([4; 32]))];
    let record = runs[0].entries[0].envelope.as_ref().expect("an edit has one").record;
    let records = vec![(record, vec![Hash([1; 32]), Hash([2; 32])])];
    let common = Common { feed, asked: 4, same: 2, head: (8, Hash([3; 32])) };
    vec![
        Message::Hello(hello),
        Message::Welcome(Welcome::Same),
        Message::Welcome(Welcome::Send { frontier: frontier.clone(), heads }),
        Message::Welcome(Welcome::Busy(30)),
        Message::Ack(Ack { frontier, credit: 1 << 20 }),
        Message::Refused(vec![Refused { feed, number: 3, reason: 2 }]),
        Message::Keys(vec![7; 40]),
        Message::Done(combined),
        Message::Compare(Compare::Records(channel, vec![1, 2], records.clone())),
        Message::Compare(Compare::Answer(channel, vec![1, 2], records)),
        Message::Compare(Compare::Chains(vec![(feed, vec![(4, Hash([1; 32])), (8, Hash([2; 32]))])])),
        Message::Compare(Compare::Common(vec![common])),
    ]
}

impl Frames {
    /// One of every message.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime is made");
        let mut messages: Vec<Vec<u8>> = messages().iter().map(encode).collect();
        messages.push(plain_batch(&honest::runs()));
        Self { runtime, messages }
    }

    /// The stream of these frames, with last words or without.
    fn stream(&self, frames: &[Vec<u8>], farewell: Option<&Farewell>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes, Vec::new());
        self.runtime.block_on(async {
            for frame in frames {
                writer.write(frame, None).await.expect("memory takes every frame");
            }
            if let Some((code, sentence)) = farewell {
                writer.farewell(*code, sentence, None).await.expect("memory takes every frame");
            }
        });
        bytes
    }

    /// All that comes out of a stream, and how it ends.
    fn read(&self, bytes: &[u8]) -> (Vec<Vec<u8>>, Option<Farewell>, Option<FrameError>) {
        let (mut reader, mut frames) = (FrameReader::new(bytes, FRAME_CAP), Vec::new());
        loop {
            match self.runtime.block_on(reader.read(None)) {
                Ok(Received::Frame(frame)) => frames.push(frame),
                Ok(Received::Farewell { code, sentence }) => return (frames, Some((code, sentence)), None),
                Ok(Received::End) => return (frames, None, None),
                Err(error) => return (frames, None, Some(error)),
            }
        }
    }
}

impl Target for Frames {
    fn mutant(&self, seed: u64, number: u64) -> Vec<u8> {
        let mut rng = rng_of(seed, number);
        let mut frames: Vec<Vec<u8>> =
            (0..rng.usize(1..4)).map(|_| pick(&mut rng, &self.messages).clone()).collect();
        for frame in &mut frames {
            mutate(frame, &self.messages, &mut rng);
        }
        let farewell = (rng.u32(..), "设备已注销".to_owned());
        let mut bytes = self.stream(&frames, rng.bool().then_some(&farewell));
        // Half of them keep the lengths, so that the messages are what is wrong.
        if rng.bool() {
            mutate(&mut bytes, &self.messages, &mut rng);
        }
        bytes
    }

    fn honest(&self) -> Vec<Vec<u8>> {
        vec![self.stream(&self.messages, Some(&(3, "设备已注销".into())))]
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Fate, String> {
        let (frames, farewell, error) = self.read(bytes);
        if !bytes.starts_with(&self.stream(&frames, None)) {
            return Err("the frames that were read are not the ones in the stream".into());
        }
        if farewell.as_ref().is_some_and(|(_, words)| words.len() > huiliu_link::frame::SENTENCE_CAP) {
            return Err("the last words are longer than allowed".into());
        }
        let mut refused = error.map(Fate::refused);
        for frame in &frames {
            match decode(frame) {
                Ok(message) => {
                    let again = encode(&message);
                    // Numbers can be written longer than they need be, never shorter.
                    if again.len() > frame.len() || decode(&again) != Ok(message) {
                        return Err("a message does not read again as it was read".into());
                    }
                }
                Err(error) => refused = refused.or(Some(Fate::refused(error))),
            }
        }
        Ok(refused.unwrap_or(Fate::Accepted))
    }
}
