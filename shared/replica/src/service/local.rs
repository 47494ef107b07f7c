//! The local interface: HTTP on loopback, with a token in a file that only the owner can read. Commands beside a
//! running service go through it and get the same answer as without one.

use crate::commands::imports::{Import, Table};
use crate::commands::{Answer, Context, Request, run};
use crate::service::connections::Seat;
use crate::service::dial::Dialing;
use crate::service::engine::{Engine, NoAnswer};
use crate::service::home::Failure;
use crate::service::time::now;
use crate::tables::read::LARGEST_FILE;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request as Asked, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use huiliu_core::model::messages::Say;
use huiliu_core::sync::Hash;
use huiliu_store::files;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, timeout};

pub(super) const FILE: &str = "local.json";
pub(super) const PATH: &str = "/local/command";
/// The largest request: the largest table, and what is asked of it.
const MAX_REQUEST_BYTES: usize = LARGEST_FILE + 1024 * 1024;
/// A request comes whole within this time: the largest takes a second or two.
const REQUEST_WITHIN: Duration = Duration::from_secs(60);
/// What only reads waits so long for what has come to be applied, and then shows what is, and says so.
const READS_WITHIN: Duration = Duration::from_secs(1);
/// Whoever waits for an answer is told so often that it is worked on. Silence then means that the service hangs.
const BEAT: Duration = Duration::from_secs(1);

/// How to reach the service of a data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Door {
    v: u32,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    pid: u32,
}

/// A line of the answer: that it is worked on, progress, and at last the answer itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Line {
    Working,
    Progress(usize, usize),
    Answer(Box<Answer>),
}

/// What the local interface needs.
#[derive(Clone)]
pub struct Local {
    /// The engine.
    pub engine: Engine,
    /// The dialer, on a node.
    pub dialing: Option<Dialing>,
    /// Where nodes reach it, on a hub that listens.
    pub listening: Option<SocketAddr>,
    token: String,
    /// Becomes true when the service ends: then nothing long goes on.
    stopping: watch::Receiver<bool>,
}

/// The service can be found while this lives.
pub struct Announced {
    path: PathBuf,
}

impl Drop for Announced {
    fn drop(&mut self) {
        // One that is left over counts as no service.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Local {
    /// An interface with a fresh token.
    pub fn new(
        engine: Engine,
        dialing: Option<Dialing>,
        listening: Option<SocketAddr>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let token = huiliu_link::identity::random::<32>().expect("the system gives random bytes");
        let token = token.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { engine, dialing, listening, token, stopping }
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        let known = from_fn_with_state(self.clone(), known);
        Router::new().route(PATH, post(command).layer(known)).with_state(self.clone())
    }

    /// Says where it is to be found.
    pub fn announce(&self, dir: &Path, address: SocketAddr) -> std::io::Result<Announced> {
        let door = Door { v: 1, address, token: self.token.clone(), pid: std::process::id() };
        let path = dir.join(FILE);
        files::replace(&path, &serde_json::to_vec(&door)?)?;
        Ok(Announced { path })
    }

    /// Does what a request asks, beside this service.
    async fn answer(&self, request: Request, mut context: Context, lines: &mpsc::Sender<Line>) -> Answer {
        context.link = Some(self.dialing.as_ref().map(Dialing::state).unwrap_or_default());
        let lang = context.lang();
        match request {
            Request::Sync => self.sync(&context, lines).await,
            Request::Import { file, bytes, kind, dry_run, division } => {
                let (reader, first) = (context.clone(), context.clone());
                // A large workbook takes seconds to read: not in the engine, where sessions and pages would wait.
                let read = move || Table::read(&file, &bytes, &kind, &reader);
                let table = match tokio::task::spawn_blocking(read).await {
                    Ok(Ok(table)) => table,
                    Ok(Err(failure)) => return Answer::failed(&failure, lang),
                    Err(_) => return unanswered(NoAnswer::Stopped, &context),
                };
                let begun = self.engine.call(move |replica, _| {
                    Import::begin(replica, table, division.as_deref(), dry_run, &first)
                });
                match begun.await {
                    Ok(Ok(import)) => self.import(import, context, lines).await,
                    Ok(Err(failure)) => Answer::failed(&failure, lang),
                    Err(error) => unanswered(error, &context),
                }
            }
            request => {
                let asked = context.clone();
                let by = request.only_reads(&context).then(|| Instant::now() + READS_WITHIN);
                let answer =
                    self.engine.call_within(by, move |replica, _| run(replica, &request, &asked)).await;
                answer.unwrap_or_else(|error| unanswered(error, &context))
            }
        }
    }

    /// Group by group, so that sessions and other commands go on meanwhile.
    async fn import(&self, mut import: Import, context: Context, lines: &mpsc::Sender<Line>) -> Answer {
        loop {
            let (done, total) = import.progress();
            if *self.stopping.borrow() {
                return import.stopped(&context);
            }
            // Whoever asked may have gone; the import goes on.
            let _ = lines.send(Line::Progress(done, total)).await;
            let asked = context.clone();
            let stepped = self.engine.call(move |replica, _| {
                let more = import.step(replica, &asked);
                if more.is_err() {
                    // A group that failed leaves nothing behind for the next commit.
                    replica.abandon();
                }
                (import, more)
            });
            match stepped.await {
                Err(error) => return unanswered(error, &context),
                Ok((_, Err(failure))) => return Answer::failed(&failure, context.lang()),
                Ok((done, Ok(false))) => return done.finish(&context),
                Ok((going, Ok(true))) => import = going,
            }
        }
    }

    async fn sync(&self, context: &Context, lines: &mpsc::Sender<Line>) -> Answer {
        // Whoever asked may read slowly, or have gone.
        let mut watch = |done, total| drop(lines.try_send(Line::Progress(done, total)));
        let outcome = match &self.dialing {
            Some(dialing) => dialing.sync_watched(&mut watch).await,
            None => Ok(()),
        };
        let pending = self.engine.look(|replica| replica.pending()).await.unwrap_or(0);
        sync_answer(outcome, pending, context)
    }
}

/// The answer to `sync`.
pub(super) fn sync_answer(outcome: Result<(), Failure>, pending: u64, context: &Context) -> Answer {
    match outcome {
        Ok(()) => Answer::good(
            json!({ "v": 1, "level": true, "pending": pending }),
            Say::Synced.text(context.lang()),
        ),
        Err(mut failure) => {
            if let Say::HubSilent { .. } = failure.say {
                failure.say = Say::HubSilent { pending };
            }
            let mut answer = Answer::failed(&failure, context.lang());
            answer.json["level"] = json!(false);
            answer.json["pending"] = json!(pending);
            answer
        }
    }
}

fn unanswered(error: NoAnswer, context: &Context) -> Answer {
    let say = match error {
        NoAnswer::Stopped => Say::ServiceDied,
        NoAnswer::NotSaved => Say::NotSaved,
    };
    Answer::failed(&Failure::new(1, say), context.lang())
}

/// Lets only those in who have the token. That is seen in the headers: nothing else of a request is read before.
async fn known(State(local): State<Local>, request: Asked, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let expected = format!("Bearer {}", local.token);
    // Comparing hashes does not tell by its time how much of the token was right.
    if Hash::of(&[given]) != Hash::of(&[expected.as_bytes()]) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(seat) = request.extensions().get::<Seat>() {
        seat.stay();
    }
    next.run(request).await
}

/// All of a request's bytes, within a time.
async fn whole(body: Body, within: Duration) -> Result<Bytes, StatusCode> {
    if body.size_hint().lower() > MAX_REQUEST_BYTES as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match timeout(within, to_bytes(body, MAX_REQUEST_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

async fn command(State(local): State<Local>, request: Asked) -> Response {
    let body = match whole(request.into_body(), REQUEST_WITHIN).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    let Ok((request, mut context)) = postcard::from_bytes::<(Request, Context)>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    context.now = now();
    let (lines, told) = mpsc::channel(64);
    let (body, answered) = mpsc::channel(64);
    tokio::spawn(carry(told, body, BEAT));
    tokio::spawn(async move {
        let answer = local.answer(request, context, &lines).await;
        let _ = lines.send(Line::Answer(Box::new(answer))).await;
    });
    Response::new(Body::new(Told(answered)))
}

/// The body of an answer: pieces as they come. (The channel of http-body-util can end before the last piece, where its
/// sender goes at the moment at which it is looked at.)
struct Told(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// Carries lines to whoever asked, and between them a sign of life at every beat, the first at once. Whoever asked may
/// have gone; then nobody carries.
async fn carry(mut lines: mpsc::Receiver<Line>, body: mpsc::Sender<Bytes>, beat: Duration) {
    let mut beat = tokio::time::interval(beat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let line = tokio::select! { biased;
            line = lines.recv() => match line {
                Some(line) => line,
                None => return,
            },
            _ = beat.tick() => Line::Working,
        };
        if body.send(encode(&line)).await.is_err() {
            return;
        }
    }
}

/// A line of JSON.
fn encode(line: &Line) -> Bytes {
    let mut text = serde_json::to_vec(line).expect("lines have a JSON form");
    text.push(b'\n');
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    /// A body that gives a piece and then no more.
    struct Stuck(Option<Bytes>);

    impl hyper::body::Body for Stuck {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.take().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece)))))
        }
    }

    #[tokio::test]
    async fn a_request_that_does_not_come_to_its_end_is_given_up() {
        let short = Duration::from_millis(20);
        let stuck = Body::new(Stuck(Some(Bytes::from_static(b"x"))));
        assert_eq!(whole(stuck, short).await, Err(StatusCode::REQUEST_TIMEOUT));
        let honest = Body::from("all of it");
        assert_eq!(whole(honest, short).await, Ok(Bytes::from_static(b"all of it")));
        let huge = Body::from(vec![0; MAX_REQUEST_BYTES + 1]);
        assert_eq!(whole(huge, Duration::MAX).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    /// Two threads: one carries an answer, the other reads it, over and over.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_answer_is_lost_wherever_the_carrier_ends() {
        for n in 0..20_000 {
            let (lines, told) = mpsc::channel(1);
            let (sender, body) = mpsc::channel(1);
            tokio::spawn(carry(told, sender, BEAT));
            tokio::spawn(async move { lines.send(Line::Progress(n, n)).await });
            let read = Told(body).collect().await.expect("a channel does not fail").to_bytes();
            assert!(read.ends_with(&encode(&Line::Progress(n, n))), "answer {n} was not carried to its end");
        }
    }

    /// A command beside a service prints what one without it prints, to the last digit of a rate.
    #[test]
    fn what_is_told_is_the_answer() {
        let rates: Vec<f64> = (1..1000).map(|base| 116.0 / f64::from(base)).collect();
        let answer = Answer::good(json!({ "rates": rates }), "");
        let line = encode(&Line::Answer(Box::new(answer.clone())));
        let Ok(Line::Answer(read)) = serde_json::from_slice(&line) else { panic!("a line of JSON") };
        assert_eq!(read.json, answer.json);
    }

    async fn line(body: &mut Told) -> Line {
        let frame = body.frame().await.expect("a line").expect("a channel does not fail");
        serde_json::from_slice(frame.data_ref().expect("bytes")).expect("a line of JSON")
    }

    #[tokio::test]
    async fn work_gives_signs_of_life_until_it_is_done() {
        let (lines, told) = mpsc::channel(1);
        let (sender, body) = mpsc::channel(1);
        let mut body = Told(body);
        tokio::spawn(carry(told, sender, Duration::from_millis(5)));
        // Nothing is done yet, however often it is looked.
        for _ in 0..3 {
            assert!(matches!(line(&mut body).await, Line::Working));
        }
        lines.send(Line::Progress(1, 2)).await.expect("somebody carries");
        let answer = Answer::good(json!({ "v": 1 }), "");
        lines.send(Line::Answer(Box::new(answer))).await.expect("somebody carries");
        drop(lines);
        let mut seen = Vec::new();
        while seen.last() != Some(&"answer") {
            seen.push(match line(&mut body).await {
                Line::Working => continue,
                Line::Progress(1, 2) => "progress",
                Line::Progress(..) => "other progress",
                Line::Answer(_) => "answer",
            });
        }
        assert_eq!(seen, ["progress", "answer"]);
        assert!(body.frame().await.is_none(), "nothing comes after the answer");
    }
}
