//! Length-framed messages over anything that reads and writes bytes.
//!
//! A message is a little-endian `u32` and a body. The lower 31 bits are the body's length; the top bit marks
//! a farewell, whose body is a `u32` code and a UTF-8 sentence: the last message of a stream that ends with a
//! reason. The farewell travels in the stream, so it arrives after all frames before it and on every
//! transport alike.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame, in bytes.
pub const FRAME_CAP: usize = 4 << 20;
/// The longest sentence of a farewell, in bytes; longer ones are cut.
pub const SENTENCE_CAP: usize = 1000;
/// What a frame costs besides its body, in bytes.
pub const FRAME_OVERHEAD: usize = 4;

const FAREWELL: u32 = 1 << 31;
/// Memory follows the bytes that came, not the length that was claimed: at first so many, then as many as are there.
const STEP: usize = 4 << 10;

/// What came off a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// A frame.
    Frame(Vec<u8>),
    /// The other side's last words.
    Farewell {
        /// Its code; 0 is a friendly goodbye.
        code: u32,
        /// Its sentence, for a person.
        sentence: String,
    },
    /// The stream ended between two messages, without a word.
    End,
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A length beyond the cap: the other side's fault when reading, ours when writing.
    #[error("a frame of {0} bytes is longer than allowed")]
    TooLong(u64),
    /// A farewell that has no code or no UTF-8.
    #[error("a farewell that cannot be read")]
    BadFarewell,
    /// The stream ended inside a message, or an earlier write was left unfinished.
    #[error("the stream ended inside a message")]
    Torn,
    /// Not one byte moved for as long as the caller was willing to wait.
    #[error("no byte moved")]
    Stalled,
    /// The stream itself failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads messages. [`FrameReader::read`] may be dropped at any point and called again: nothing is lost.
#[derive(Debug)]
pub struct FrameReader<R> {
    inner: R,
    cap: usize,
    head: [u8; 4],
    filled: usize,
    body: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads frames of at most `cap` bytes (never more than [`FRAME_CAP`]).
    pub fn new(inner: R, cap: usize) -> Self {
        Self { inner, cap: cap.min(FRAME_CAP), head: [0; 4], filled: 0, body: Vec::new() }
    }

    /// The next message. With `patience`, an error once no byte has come for that long.
    pub async fn read(&mut self, patience: Option<Duration>) -> Result<Received, FrameError> {
        while self.filled < self.head.len() {
            let got = within(patience, self.inner.read(&mut self.head[self.filled..])).await?;
            if got == 0 {
                return if self.filled == 0 { Ok(Received::End) } else { Err(FrameError::Torn) };
            }
            self.filled += got;
        }
        let word = u32::from_le_bytes(self.head);
        let (farewell, length) = (word & FAREWELL != 0, (word & !FAREWELL) as usize);
        let cap = if farewell { 4 + SENTENCE_CAP } else { self.cap };
        if length > cap {
            return Err(FrameError::TooLong(length as u64));
        }
        while self.body.len() < length {
            let rest = length - self.body.len();
            if self.body.capacity() == self.body.len() {
                self.body.reserve_exact(rest.min(self.body.len().max(STEP)));
            }
            let mut limited = (&mut self.inner).take(rest as u64);
            if within(patience, limited.read_buf(&mut self.body)).await? == 0 {
                return Err(FrameError::Torn);
            }
        }
        self.filled = 0;
        let body = std::mem::take(&mut self.body);
        if farewell { farewell_from(&body) } else { Ok(Received::Frame(body)) }
    }

    /// The stream underneath.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }
}

fn farewell_from(body: &[u8]) -> Result<Received, FrameError> {
    let (code, words) = body.split_first_chunk::<4>().ok_or(FrameError::BadFarewell)?;
    let sentence = std::str::from_utf8(words).map_err(|_| FrameError::BadFarewell)?;
    Ok(Received::Farewell { code: u32::from_le_bytes(*code), sentence: sentence.to_owned() })
}

/// Writes messages. A write that fails or is dropped half-way leaves the stream torn: later ones fail.
#[derive(Debug)]
pub struct FrameWriter<W> {
    inner: W,
    prefix: Vec<u8>,
    torn: bool,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Writes `prefix` in front of the first message, and with it, so that it costs no datagram of its own.
    pub fn new(inner: W, prefix: Vec<u8>) -> Self {
        Self { inner, prefix, torn: false }
    }

    /// Writes a frame. With `patience`, an error once no byte has been accepted for that long.
    pub async fn write(&mut self, frame: &[u8], patience: Option<Duration>) -> Result<(), FrameError> {
        if frame.len() > FRAME_CAP {
            return Err(FrameError::TooLong(frame.len() as u64));
        }
        self.put(frame.len() as u32, frame, patience).await
    }

    /// Writes the last words; [`FrameWriter::end`] follows.
    pub async fn farewell(
        &mut self,
        code: u32,
        sentence: &str,
        patience: Option<Duration>,
    ) -> Result<(), FrameError> {
        let body = [&code.to_le_bytes(), cut_sentence(sentence).as_bytes()].concat();
        self.put(FAREWELL | body.len() as u32, &body, patience).await
    }

    /// Writes what is left and ends the stream in this direction.
    pub async fn end(&mut self, patience: Option<Duration>) -> Result<(), FrameError> {
        let prefix = std::mem::take(&mut self.prefix);
        self.put_bytes(&prefix, patience).await?;
        within(patience, self.inner.shutdown()).await
    }

    /// The stream underneath.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    async fn put(&mut self, word: u32, body: &[u8], patience: Option<Duration>) -> Result<(), FrameError> {
        let mut bytes = std::mem::take(&mut self.prefix);
        bytes.reserve_exact(FRAME_OVERHEAD + body.len());
        bytes.extend_from_slice(&word.to_le_bytes());
        bytes.extend_from_slice(body);
        self.put_bytes(&bytes, patience).await
    }

    async fn put_bytes(&mut self, mut bytes: &[u8], patience: Option<Duration>) -> Result<(), FrameError> {
        if std::mem::replace(&mut self.torn, true) {
            return Err(FrameError::Torn);
        }
        while !bytes.is_empty() {
            let accepted = within(patience, self.inner.write(bytes)).await?;
            if accepted == 0 {
                return Err(FrameError::Io(io::ErrorKind::WriteZero.into()));
            }
            bytes = &bytes[accepted..];
        }
        within(patience, self.inner.flush()).await?;
        self.torn = false;
        Ok(())
    }
}

/// At most [`SENTENCE_CAP`] bytes of a sentence, cut between two characters.
pub fn cut_sentence(sentence: &str) -> &str {
    &sentence[..sentence.floor_char_boundary(SENTENCE_CAP)]
}

async fn within<T>(
    patience: Option<Duration>,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, FrameError> {
    match patience {
        None => Ok(work.await?),
        Some(limit) => Ok(tokio::time::timeout(limit, work).await.map_err(|_| FrameError::Stalled)??),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wire(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes, vec![7]);
        for frame in frames {
            writer.write(frame, None).await.unwrap();
        }
        writer.farewell(3, "设备已注销", None).await.unwrap();
        writer.end(None).await.unwrap();
        bytes
    }

    async fn all(bytes: &[u8], cap: usize) -> (Vec<Received>, Option<FrameError>) {
        let (mut reader, mut seen) = (FrameReader::new(bytes, cap), Vec::new());
        loop {
            match reader.read(None).await {
                Ok(Received::End) => return (seen, None),
                Ok(message) => seen.push(message),
                Err(error) => return (seen, Some(error)),
            }
        }
    }

    #[tokio::test]
    async fn frames_come_back_in_order_with_the_last_words() {
        let bytes = wire(&[b"", b"one", &[9; 70_000]]).await;
        assert_eq!(bytes[0], 7, "the prefix goes first");
        let (seen, error) = all(&bytes[1..], FRAME_CAP).await;
        assert!(error.is_none());
        assert_eq!(seen[..3].len() + 1, seen.len());
        assert_eq!(seen[0], Received::Frame(vec![]));
        assert_eq!(seen[2], Received::Frame(vec![9; 70_000]));
        assert_eq!(seen[3], Received::Farewell { code: 3, sentence: "设备已注销".into() });
    }

    #[tokio::test]
    async fn a_cut_at_any_byte_is_an_end_or_torn_and_never_a_false_frame() {
        let bytes = &wire(&[b"first", b"", b"second"]).await[1..];
        let (whole, _) = all(bytes, FRAME_CAP).await;
        let mut clean_ends = 0;
        for cut in 0..bytes.len() {
            let (seen, error) = all(&bytes[..cut], FRAME_CAP).await;
            assert_eq!(seen, whole[..seen.len()]);
            match error {
                None => clean_ends += 1,
                Some(error) => assert!(matches!(error, FrameError::Torn), "{error}"),
            }
        }
        assert_eq!(clean_ends, 4, "only between two messages");
    }

    #[tokio::test]
    async fn a_length_beyond_the_cap_is_refused_before_memory_is_taken() {
        let claim = (FRAME_CAP as u32 + 1).to_le_bytes();
        assert!(matches!(all(&claim, FRAME_CAP).await.1, Some(FrameError::TooLong(_))));
        assert!(matches!(all(&101u32.to_le_bytes(), 100).await.1, Some(FrameError::TooLong(101))));
        assert!(matches!(all(&[255; 4], FRAME_CAP).await.1, Some(FrameError::TooLong(_))));
        assert!(matches!(all(&(FAREWELL | 3).to_le_bytes(), FRAME_CAP).await.1, Some(FrameError::Torn)));
        let mut writer = FrameWriter::new(Vec::new(), vec![]);
        let refused = writer.write(&vec![0; FRAME_CAP + 1], None).await;
        assert!(matches!(refused, Err(FrameError::TooLong(_))));
        writer.write(&[1], None).await.expect("nothing was written of the long one");

        let claims_much = [&(FRAME_CAP as u32).to_le_bytes()[..], &[0; 10]].concat();
        let mut reader = FrameReader::new(&claims_much[..], FRAME_CAP);
        assert!(reader.read(None).await.is_err());
        assert!(reader.body.capacity() <= STEP);
    }

    #[tokio::test]
    async fn a_dropped_read_loses_nothing() {
        let (mut near, far) = tokio::io::duplex(3);
        let bytes = wire(&[&[5; 1000], b"last"]).await[1..].to_vec();
        let sending = tokio::spawn(async move {
            for byte in bytes {
                near.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (mut reader, mut seen) = (FrameReader::new(far, FRAME_CAP), Vec::new());
        loop {
            tokio::select! { biased;
                message = reader.read(None) => match message.unwrap() {
                    Received::End => break,
                    message => seen.push(message),
                },
                () = tokio::task::yield_now() => {}
            }
        }
        sending.await.unwrap();
        assert_eq!(seen[0], Received::Frame(vec![5; 1000]));
        assert_eq!(seen[1], Received::Frame(b"last".to_vec()));
    }

    #[tokio::test]
    async fn a_stream_that_takes_nothing_stalls_and_is_torn_after() {
        let (near, _far) = tokio::io::duplex(8);
        let mut writer = FrameWriter::new(near, vec![]);
        let patience = Some(Duration::from_millis(20));
        assert!(matches!(writer.write(&[0; 100], patience).await, Err(FrameError::Stalled)));
        assert!(matches!(writer.write(b"more", patience).await, Err(FrameError::Torn)));
    }

    #[test]
    fn long_sentences_are_cut_between_characters() {
        let cut = cut_sentence(&"汇".repeat(500)).len();
        assert_eq!(cut, 999);
    }
}
