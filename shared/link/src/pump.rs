//! Runs one session stream between two queues, until either side ends it.

use crate::connection::Connection;
use crate::error::{Fault, LinkError, Result};
use crate::frame::FRAME_OVERHEAD;
use crate::quic::{CANNOT_SEND, GOODBYE, PATIENCE, stalled};
use crate::stream::{FrameReceiver, FrameSender, FrameStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval, timeout};

/// After a failed write, how long to wait for the other side's reason, which tells more.
const REASON_LIMIT: Duration = Duration::from_secs(1);

/// What the incoming queue receives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pumped {
    /// A frame of the other side.
    Frame(Vec<u8>),
    /// The last item: how the stream ended. `Ok` when both sides finished.
    Ended(Result<()>),
}

/// Bytes of frames moved so far, lengths included, the transport's own not.
#[derive(Default, Debug)]
pub struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    /// Bytes handed to the transport.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes received.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// A running session stream. Dropping it changes nothing; the queues and [`Pump::close`] end it.
#[derive(Debug)]
pub struct Pump {
    counters: Arc<Counters>,
    connection: Connection,
    closer: oneshot::Sender<(u32, String)>,
    ended: watch::Receiver<Option<Result<()>>>,
}

impl Pump {
    /// The byte counters, readable at any time.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// The transport, for the status page.
    pub fn transport(&self) -> &'static str {
        self.connection.transport()
    }

    /// The connection underneath.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Waits until the stream is over, and says why.
    pub async fn ended(&self) -> Result<()> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or(Ok(())),
            Err(_) => Err(LinkError::Local("the session's task was ended".into())),
        }
    }

    /// Sends what is queued, then the last words, waits until they have arrived, and closes the connection.
    /// Code 0 is a goodbye, any other a refusal.
    pub async fn close(self, code: u32, sentence: &str) -> Result<()> {
        let Self { closer, mut ended, .. } = self;
        // An error here means that the stream is over already, and then `ended` says how.
        let _ = closer.send((code, sentence.to_owned()));
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or(Ok(())),
            Err(_) => Err(LinkError::Local("the session's task was ended".into())),
        }
    }
}

/// Runs a session stream: frames from `outgoing` go out, frames that come in go to `incoming`.
///
/// Ends when `outgoing` is closed and the other side has finished too, when the other side finishes or closes,
/// when `incoming` is dropped, when nothing moves for 10 s with bytes under way, or by [`Pump::close`]. Both
/// ends are told: `incoming` gets [`Pumped::Ended`], and `outgoing` is closed.
pub fn pump(stream: FrameStream, outgoing: mpsc::Receiver<Vec<u8>>, incoming: mpsc::Sender<Pumped>) -> Pump {
    let connection = stream.connection().clone();
    let counters = Arc::new(Counters::default());
    let (closer, closing) = oneshot::channel();
    let (tell, ended) = watch::channel(None);
    let (count, link) = (counters.clone(), connection.clone());
    tokio::spawn(async move {
        let how = run(stream, outgoing, &incoming, closing, &count, &link).await;
        match &how {
            Err(LinkError::Stalled { .. }) => link.close(GOODBYE, "no progress"),
            Err(error) if error.fault() == Fault::Local => {
                tracing::error!(%error, "a frame cannot be sent: the session ends");
                link.close(
                    CANNOT_SEND,
                    "对方程序有误，无法发出数据\nthe other side's program is at fault and cannot send",
                );
            }
            _ => {}
        }
        tell.send_replace(Some(how.clone()));
        let _ = incoming.send(Pumped::Ended(how)).await;
    });
    Pump { counters, connection, closer, ended }
}

async fn run(
    stream: FrameStream,
    outgoing: mpsc::Receiver<Vec<u8>>,
    incoming: &mpsc::Sender<Pumped>,
    closing: oneshot::Receiver<(u32, String)>,
    counters: &Counters,
    connection: &Connection,
) -> Result<()> {
    let (sender, receiver) = stream.split();
    let reading = read_all(receiver, incoming, counters);
    let (over, reading_over) = oneshot::channel();
    let writing = write_all(sender, outgoing, closing, reading_over, counters);
    let guard = watch_progress(connection, counters);
    tokio::pin!(reading, writing, guard);
    tokio::select! {
        read = &mut reading => {
            // The other side has ended: end politely too, unless the link is gone anyway.
            let _ = over.send(());
            if read.is_ok() { timeout(PATIENCE, writing).await.unwrap_or_else(|_| Err(stalled()))?; }
            read
        }
        written = &mut writing => match written {
            Ok(Finished::Closed) => Ok(()),
            Ok(Finished::Sent) => tokio::select! {
                read = reading => read,
                stall = guard => Err(stall),
            },
            // The other side knows nothing of it.
            Err(error) if error.fault() == Fault::Local => Err(error),
            Err(error) => match timeout(REASON_LIMIT, reading).await {
                Ok(Err(reason)) => Err(reason),
                _ => Err(error),
            },
        },
        stall = &mut guard => Err(stall),
    }
}

/// How the writing side came to its end.
enum Finished {
    /// Everything was sent; the other side may still speak.
    Sent,
    /// Last words were said and the connection is closed.
    Closed,
}

async fn write_all(
    mut sender: FrameSender,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    mut closing: oneshot::Receiver<(u32, String)>,
    mut reading_over: oneshot::Receiver<()>,
    counters: &Counters,
) -> Result<Finished> {
    let mut closable = true;
    loop {
        let frame = tokio::select! { biased;
            words = &mut closing, if closable => match words {
                Ok((code, sentence)) => {
                    outgoing.close();
                    while let Ok(frame) = outgoing.try_recv() {
                        send(&mut sender, frame, counters).await?;
                    }
                    sender.close(code, &sentence).await?;
                    return Ok(Finished::Closed);
                }
                Err(_) => { closable = false; continue }
            },
            _ = &mut reading_over => None,
            frame = outgoing.recv() => frame,
        };
        let Some(frame) = frame else { break };
        send(&mut sender, frame, counters).await?;
    }
    sender.finish().await?;
    Ok(Finished::Sent)
}

async fn send(sender: &mut FrameSender, frame: Vec<u8>, counters: &Counters) -> Result<()> {
    let length = frame.len() + FRAME_OVERHEAD;
    sender.send(frame).await?;
    counters.sent.fetch_add(length as u64, Ordering::Relaxed);
    Ok(())
}

async fn read_all(
    mut receiver: FrameReceiver,
    incoming: &mpsc::Sender<Pumped>,
    counters: &Counters,
) -> Result<()> {
    while let Some(frame) = receiver.recv().await? {
        counters.received.fetch_add((frame.len() + FRAME_OVERHEAD) as u64, Ordering::Relaxed);
        if incoming.send(Pumped::Frame(frame)).await.is_err() {
            return Err(LinkError::Local("the session no longer listens".into()));
        }
    }
    Ok(())
}

/// Ends with an error when bytes are under way and the other side has not been heard for 10 s: sooner than the
/// transport itself gives up.
async fn watch_progress(connection: &Connection, counters: &Counters) -> LinkError {
    let mut tick = interval(Duration::from_secs(1));
    let (mut heard, mut sent_when_heard, mut since) = (connection.heard(), 0, None::<Instant>);
    loop {
        tick.tick().await;
        let now_heard = connection.heard();
        if now_heard != heard {
            (heard, sent_when_heard, since) = (now_heard, counters.sent(), None);
        } else if counters.sent() > sent_when_heard {
            let since = since.get_or_insert_with(Instant::now);
            if since.elapsed() >= PATIENCE {
                return stalled();
            }
        }
    }
}
