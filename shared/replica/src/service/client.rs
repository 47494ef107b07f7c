//! The other end of the local interface: finding the service of a data directory and asking it.

use crate::Role;
use crate::commands::{Answer, Context, Request};
use crate::service::home::{self, Failure, Settings};
use crate::service::local::{Door, FILE, Line, PATH};
use http_body_util::BodyExt;
use huiliu_core::model::messages::Say;
use huiliu_store::Directory;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// A service answers a connection within this time or is none.
const KNOCK: Duration = Duration::from_secs(3);

/// A service that works says so every second. One that says nothing and takes nothing for so long hangs: it is
/// suspended, or its disk is. Nobody waits for it for ever.
const SILENCE: Duration = Duration::from_secs(8);
/// A request is handed over in pieces of so many bytes, to see that it moves.
const PIECE: usize = 64 * 1024;

/// Asks the service of a data directory, which must have the role. `None`: there is none, or only what a dead one left
/// over.
///
/// `progress` is told rows done and rows in all.
pub async fn ask(
    dir: &Path,
    role: Role,
    request: &Request,
    context: &Context,
    progress: &mut dyn FnMut(usize, usize),
) -> Option<Result<Answer, Failure>> {
    let door: Door = serde_json::from_slice(&std::fs::read(dir.join(FILE)).ok()?).ok()?;
    // A service holds its directory. Where nobody does, another program may by now listen where a dead one did.
    if !Directory::is_open(dir) {
        return None;
    }
    match Settings::read(dir) {
        Ok(Some(settings)) if settings.role() != role => return Some(Err(home::other_role(role))),
        _ => {}
    }
    let stream = timeout(KNOCK, TcpStream::connect(door.address)).await.ok()?.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let body = postcard::to_allocvec(&(request, context)).expect("requests have a postcard form");
    let moved = Arc::new(Mutex::new(Instant::now()));
    let asked = hyper::Request::post(PATH)
        .header(hyper::header::HOST, door.address.to_string())
        .header(hyper::header::AUTHORIZATION, format!("Bearer {}", door.token))
        .body(Upload { rest: Bytes::from(body), moved: moved.clone() })
        .expect("a request of known parts");
    let answer = match patiently(sender.send_request(asked), &moved).await {
        None => Err(silent(dir)),
        Some(Ok(response)) if response.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Failure::new(1, Say::RequestTooLarge))
        }
        Some(Ok(response)) if response.status() == StatusCode::REQUEST_TIMEOUT => Err(silent(dir)),
        // Somebody else listens where a dead service once did.
        Some(Ok(response)) if response.status() != StatusCode::OK => return None,
        Some(Ok(response)) => read(dir, response.into_body(), progress).await,
        Some(Err(_)) => Err(died()),
    };
    Some(answer)
}

/// A request's bytes, which tell when the last of them was taken.
struct Upload {
    rest: Bytes,
    moved: Arc<Mutex<Instant>>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        *self.moved.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Instant::now();
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Waits for something as long as something moves; `None` if nothing has for too long.
async fn patiently<T>(work: impl Future<Output = T>, moved: &Mutex<Instant>) -> Option<T> {
    tokio::pin!(work);
    loop {
        let last = *moved.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match timeout_at(last + SILENCE, &mut work).await {
            Ok(done) => return Some(done),
            Err(_) if *moved.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) == last => return None,
            Err(_) => {}
        }
    }
}

fn silent(dir: &Path) -> Failure {
    Failure::new(6, Say::ServiceSilent { dir: dir.display().to_string() })
}

fn died() -> Failure {
    Failure::new(1, Say::ServiceDied)
}

/// Puts lines together from pieces. What was searched once is not searched again: an answer may be one line of 100 MB.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// So much of it holds no line end.
    searched: usize,
}

impl Lines {
    fn push(&mut self, piece: &[u8]) {
        self.text.extend_from_slice(piece);
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let found = self.text[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = found.map(|at| self.searched + at) else {
            self.searched = self.text.len();
            return None;
        };
        self.searched = 0;
        let rest = self.text.split_off(end + 1);
        Some(std::mem::replace(&mut self.text, rest))
    }
}

async fn read(
    dir: &Path,
    mut body: hyper::body::Incoming,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Answer, Failure> {
    let mut lines = Lines::default();
    loop {
        let Ok(frame) = timeout(SILENCE, body.frame()).await else { return Err(silent(dir)) };
        let Some(frame) = frame else { return Err(died()) };
        let frame = frame.map_err(|_| died())?;
        lines.push(frame.data_ref().map(|data| data.as_ref()).unwrap_or_default());
        while let Some(line) = lines.next() {
            match serde_json::from_slice(&line).map_err(|_| died())? {
                Line::Working => {}
                Line::Progress(done, total) => progress(done, total),
                Line::Answer(answer) => return Ok(*answer),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_wherever_they_were_cut() {
        let text = b"1\n\n{\"a\": [1, 2]}\nlast\nrest";
        for size in 1..text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.push(piece);
                found.extend(std::iter::from_fn(|| lines.next()));
            }
            assert_eq!(found, [&b"1\n"[..], b"\n", b"{\"a\": [1, 2]}\n", b"last\n"], "cut every {size}");
            assert_eq!(lines.text, b"rest");
        }
    }
}
