//! The other end of the local interface: finding the service of a data directory and asking it.

use crate::commands::{Answer, Context, Request};
use crate::service::home::Failure;
use crate::service::local::{Door, FILE, Line, PATH};
use http_body_util::{BodyExt, Full};
use huiliu_core::model::messages::Say;
use huiliu_store::Directory;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;

/// A service answers a connection within this time or is none.
const KNOCK: Duration = Duration::from_secs(3);

/// Asks the service of a data directory. `None`: there is none, or only what a dead one left over.
///
/// `progress` is told rows done and rows in all.
pub async fn ask(
    dir: &Path,
    request: &Request,
    context: &Context,
    progress: &mut dyn FnMut(usize, usize),
) -> Option<Result<Answer, Failure>> {
    let door: Door = serde_json::from_slice(&std::fs::read(dir.join(FILE)).ok()?).ok()?;
    // A service holds its directory. Where nobody does, another program may by now listen where a dead one did.
    if !Directory::is_open(dir) {
        return None;
    }
    let stream = tokio::time::timeout(KNOCK, TcpStream::connect(door.address)).await.ok()?.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let body = postcard::to_allocvec(&(request, context)).expect("requests have a postcard form");
    let asked = hyper::Request::post(PATH)
        .header(hyper::header::HOST, door.address.to_string())
        .header(hyper::header::AUTHORIZATION, format!("Bearer {}", door.token))
        .body(Full::new(Bytes::from(body)))
        .expect("a request of known parts");
    match sender.send_request(asked).await {
        // Somebody else listens where a dead service once did.
        Ok(response) if response.status() != hyper::StatusCode::OK => None,
        Ok(response) => Some(read(response.into_body(), progress).await),
        Err(_) => Some(Err(died())),
    }
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
    mut body: hyper::body::Incoming,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Answer, Failure> {
    let mut lines = Lines::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| died())?;
        lines.push(frame.data_ref().map(|data| data.as_ref()).unwrap_or_default());
        while let Some(line) = lines.next() {
            match serde_json::from_slice(&line).map_err(|_| died())? {
                Line::Progress(done, total) => progress(done, total),
                Line::Answer(answer) => return Ok(*answer),
            }
        }
    }
    Err(died())
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
