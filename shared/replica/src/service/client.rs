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

async fn read(
    mut body: hyper::body::Incoming,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Answer, Failure> {
    let mut text: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| died())?;
        text.extend_from_slice(frame.data_ref().map(|data| data.as_ref()).unwrap_or_default());
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            match serde_json::from_slice(&line).map_err(|_| died())? {
                Line::Progress(done, total) => progress(done, total),
                Line::Answer(answer) => return Ok(*answer),
            }
        }
    }
    Err(died())
}
