//! A stream of frames on a connection, in two halves that may live in two tasks.

use crate::connection::{Connection, SharedSend, locked};
use crate::error::{LinkError, Result};
use crate::frame::{FrameError, FrameReader, FrameWriter, Received};
use crate::quic::{PATIENCE, last_words, stalled};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;

/// A peer that acknowledges keep-alives and never reads is given up after this long.
const DELIVERY_LIMIT: Duration = Duration::from_secs(60);

/// A stream of frames both ways.
#[derive(Debug)]
pub struct FrameStream {
    sender: FrameSender,
    receiver: FrameReceiver,
}

impl FrameStream {
    pub(crate) fn new(
        connection: Connection,
        send: quinn::SendStream,
        receive: quinn::RecvStream,
        prefix: Vec<u8>,
        cap: usize,
    ) -> Self {
        let sender = FrameSender {
            writer: FrameWriter::new(Outlet(connection.share(send)), prefix),
            connection: connection.clone(),
            ended: false,
            delivered: false,
        };
        let receiver = FrameReceiver { connection, reader: FrameReader::new(receive, cap) };
        Self { sender, receiver }
    }

    /// The two halves.
    pub fn split(self) -> (FrameSender, FrameReceiver) {
        (self.sender, self.receiver)
    }

    /// The connection this stream runs on.
    pub fn connection(&self) -> &Connection {
        &self.sender.connection
    }

    /// Sends a frame, see [`FrameSender::send`].
    pub async fn send(&mut self, frame: Vec<u8>) -> Result<()> {
        self.sender.send(frame).await
    }

    /// Receives a frame, see [`FrameReceiver::recv`].
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>> {
        self.receiver.recv().await
    }

    /// Reads a request, or a reply, that must come now. [`LinkError::Stalled`] if nothing moves for 10 s.
    pub async fn receive_one(&mut self) -> Result<Option<Vec<u8>>> {
        self.receiver.next(Some(PATIENCE)).await
    }

    /// Sends the one reply to a request and waits until it has arrived.
    pub async fn reply(mut self, frame: Vec<u8>) -> Result<()> {
        self.sender.send(frame).await?;
        self.sender.finish().await
    }

    /// Ends the whole connection with a code and a sentence, see [`FrameSender::close`].
    pub async fn close(self, code: u32, sentence: &str) -> Result<()> {
        self.sender.close(code, sentence).await
    }

    /// Sends a frame and ends this direction, without waiting for it to arrive.
    pub(crate) async fn send_only(&mut self, frame: Vec<u8>) -> Result<()> {
        self.sender.send(frame).await?;
        self.sender.end().await
    }
}

/// The sending half.
#[derive(Debug)]
pub struct FrameSender {
    connection: Connection,
    writer: FrameWriter<Outlet>,
    ended: bool,
    delivered: bool,
}

impl FrameSender {
    /// Sends a frame: returns once the transport has taken it, [`LinkError::Stalled`] if it takes no byte for
    /// 10 s. Do not drop it half-way: the stream would be torn.
    pub async fn send(&mut self, frame: Vec<u8>) -> Result<()> {
        let written = self.writer.write(&frame, Some(PATIENCE)).await;
        self.judged(written).await
    }

    /// Ends this direction and waits until everything sent has arrived. The other direction goes on.
    pub async fn finish(mut self) -> Result<()> {
        self.end().await?;
        self.delivered().await
    }

    /// Last words: sends code and sentence after all frames, waits until they have arrived, and closes the
    /// connection. The other side's `recv` gives all frames first, then [`LinkError::Refused`], or
    /// [`LinkError::Closed`] for code 0. The connection is closed even if an error comes back.
    pub async fn close(mut self, code: u32, sentence: &str) -> Result<()> {
        let said = self.say_farewell(code, sentence).await;
        self.connection.close(code, sentence);
        said
    }

    /// The connection this stream runs on.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    async fn say_farewell(&mut self, code: u32, sentence: &str) -> Result<()> {
        let written = self.writer.farewell(code, sentence, Some(PATIENCE)).await;
        self.judged(written).await?;
        self.end().await?;
        match self.delivered().await {
            // Whoever hangs up on last words has read them, or no longer cares.
            Err(LinkError::Cut(_)) if self.connection.close_reason().is_none() => Ok(()),
            // Likewise who has read them and closed the connection first.
            Err(LinkError::Closed { .. }) => Ok(()),
            said => said,
        }
    }

    async fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let written = self.writer.end(Some(PATIENCE)).await;
        self.judged(written).await
    }

    /// Waits until the other side's transport has everything; gives up when it falls silent.
    async fn delivered(&mut self) -> Result<()> {
        let stopped = locked(&self.writer.get_mut().0).stopped();
        tokio::pin!(stopped);
        let (begun, mut heard) = (Instant::now(), self.connection.heard());
        loop {
            match tokio::time::timeout(PATIENCE, &mut stopped).await {
                Ok(Ok(None)) => {
                    self.delivered = true;
                    return Ok(());
                }
                Ok(Ok(Some(_))) => return Err(LinkError::Cut("the other side stopped reading".into())),
                Ok(Err(_)) => return Err(fault(&self.connection, FrameError::Torn).await),
                Err(_) => {
                    let now = self.connection.heard();
                    if now == heard || begun.elapsed() > DELIVERY_LIMIT {
                        return Err(stalled());
                    }
                    heard = now;
                }
            }
        }
    }

    async fn judged(&self, written: std::result::Result<(), FrameError>) -> Result<()> {
        match written {
            Ok(()) => Ok(()),
            Err(FrameError::TooLong(length)) => {
                Err(LinkError::Local(format!("a frame of {length} bytes is too long")))
            }
            Err(error) => Err(fault(&self.connection, error).await),
        }
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        // What was not delivered until now is given up; without effect on a stream that has arrived whole.
        if !self.delivered {
            self.connection.tear(&self.writer.get_mut().0);
        }
    }
}

/// The sending stream as its writer sees it.
#[derive(Debug)]
struct Outlet(SharedSend);

impl AsyncWrite for Outlet {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *locked(&self.0)).poll_write(cx, bytes).map_err(io::Error::from)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(locked(&self.0).finish().map_err(io::Error::other))
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct FrameReceiver {
    connection: Connection,
    reader: FrameReader<quinn::RecvStream>,
}

impl FrameReceiver {
    /// The next frame; None when the other side has finished. May be dropped at any point and called again.
    ///
    /// Waits as long as the connection lives: a quiet session is no fault. A close by the other side comes as
    /// [`LinkError::Refused`] or [`LinkError::Closed`], after the last frame.
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>> {
        self.next(None).await
    }

    async fn next(&mut self, patience: Option<Duration>) -> Result<Option<Vec<u8>>> {
        match self.reader.read(patience).await {
            Ok(Received::Frame(frame)) => Ok(Some(frame)),
            Ok(Received::End) => Ok(None),
            Ok(Received::Farewell { code, sentence }) => Err(last_words(code, sentence)),
            Err(error) => Err(fault(&self.connection, error).await),
        }
    }
}

/// What a failed read or write means: the connection knows best, if it is over or about to be.
async fn fault(connection: &Connection, error: FrameError) -> LinkError {
    match error {
        FrameError::Stalled => stalled(),
        FrameError::TooLong(_) | FrameError::BadFarewell => LinkError::BadFrame(error.to_string()),
        FrameError::Torn | FrameError::Io(_) => {
            connection.reason().await.unwrap_or_else(|| LinkError::Cut(error.to_string()))
        }
    }
}
