//! The connections of the local interface. Whoever can reach loopback can open them, any user of the machine and any
//! page in a browser on it; so there are few at once, each is for one request, and each has only so much time. The
//! descriptors and the memory of the service stay with the engine and the link.

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tower::ServiceExt;

/// After a connection could not be taken, for want of descriptors, the next is tried so much later.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// The most that the headers of a request may take, in bytes.
const MOST_HEADERS: usize = 64 * 1024;

/// How many connections there may be, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// So many at once.
    pub(super) most: usize,
    /// The headers of a request come within this time.
    pub(super) headers: Duration,
    /// What is asked without the token is asked, answered and read within this time.
    pub(super) page: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { most: 64, headers: Duration::from_secs(10), page: Duration::from_secs(30) }
    }
}

/// What is known of a connection; its request carries it.
#[derive(Clone, Default)]
pub(super) struct Seat {
    asked: Arc<AtomicBool>,
    stays: Arc<AtomicBool>,
}

impl Seat {
    /// The request is the owner's: it may take as long as it takes.
    pub(super) fn stay(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }
}

/// The connections there are, the oldest first.
struct Seats {
    limits: Limits,
    taken: Vec<(Seat, AbortHandle)>,
    tasks: JoinSet<()>,
}

/// Serves until told to stop, and then until what is under way is answered.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let mut seats = Seats { limits, taken: Vec::new(), tasks: JoinSet::new() };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::select! {
                    () = seats.make_room() => {}
                    _ = stop.wait_for(|stop| *stop) => break,
                }
                seats.take(stream, router.clone(), stop.clone());
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of the local interface could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    while seats.tasks.join_next().await.is_some() {}
}

impl Seats {
    /// For one that has come: where all seats are taken, the oldest that has not asked anything yet has to go: an honest request comes at once.
    /// Where all have asked, the new one waits.
    async fn make_room(&mut self) {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.taken.retain(|(_, task)| !task.is_finished());
            if self.taken.len() < self.limits.most {
                return;
            }
            if let Some((_, task)) = self.taken.iter().find(|(seat, _)| !seat.asked.load(Ordering::Relaxed)) {
                task.abort();
            }
            self.tasks.join_next().await;
        }
    }

    fn take(&mut self, stream: TcpStream, router: Router, stop: watch::Receiver<bool>) {
        let seat = Seat::default();
        let task = self.tasks.spawn(answer(stream, router, seat.clone(), self.limits, stop));
        self.taken.push((seat, task));
    }
}

/// Answers the one request of a connection.
async fn answer(
    stream: TcpStream,
    router: Router,
    seat: Seat,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let carried = seat.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        carried.asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(carried.clone());
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.headers);
    http.keep_alive(false).max_buf_size(MOST_HEADERS);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let late = tokio::time::sleep(limits.page);
    tokio::pin!(connection, late);
    let mut is_last = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection of the local interface ended");
                }
                return;
            }
            () = late.as_mut(), if !late.is_elapsed() => if !seat.stays.load(Ordering::Relaxed) { return },
            _ = stop.wait_for(|stop| *stop), if !is_last => {
                // Nobody waits for a request that has not come.
                if !seat.asked.load(Ordering::Relaxed) {
                    return;
                }
                is_last = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, mpsc};

    const PATIENT: Duration = Duration::from_secs(600);
    const ASKED: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// A service that answers at `/` at once, and at `/long` when it is told to; what has come there it tells.
    async fn service(limits: Limits) -> (SocketAddr, Arc<Notify>, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (go, (came, comes)) = (Arc::new(Notify::new()), mpsc::channel(10));
        let long = {
            let go = go.clone();
            move || {
                let (go, came) = (go.clone(), came.clone());
                async move {
                    came.send(()).await.unwrap();
                    go.notified().await;
                    "long"
                }
            }
        };
        let router = Router::new().route("/", get(|| async { "short" })).route("/long", get(long));
        let (told, stop) = watch::channel(false);
        tokio::spawn(async move {
            serve(listener, router, limits, stop).await;
            drop(told);
        });
        (address, go, comes)
    }

    async fn answered(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn the_oldest_that_asks_nothing_makes_room_for_who_asks() {
        let (address, ..) = service(Limits { most: 4, headers: PATIENT, page: PATIENT }).await;
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut honest = TcpStream::connect(address).await.unwrap();
        honest.write_all(ASKED).await.unwrap();
        let said = answered(honest).await;
        assert!(said.starts_with("HTTP/1.1 200") && said.contains("connection: close"), "{said}");
        // The oldest was closed, the youngest was not.
        assert_eq!(silent[0].read(&mut [0]).await.unwrap_or(0), 0);
        silent[19].write_all(ASKED).await.unwrap();
        assert!(answered(silent.remove(19)).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn who_has_asked_keeps_the_place_and_the_next_waits() {
        let (address, go, mut came) = service(Limits { most: 1, headers: PATIENT, page: PATIENT }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        came.recv().await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(ASKED).await.unwrap();
        go.notify_one();
        assert!(answered(first).await.ends_with("long"));
        assert!(answered(second).await.ends_with("short"));
    }

    #[tokio::test]
    async fn who_feeds_a_byte_now_and_then_is_closed() {
        let short = Duration::from_millis(100);
        let (address, ..) = service(Limits { most: 4, headers: short, page: PATIENT }).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        // It is closed while it still writes; the test would go on for ever if it were not.
        while slow.write_all(b"G").await.is_ok() {
            tokio::time::sleep(short / 5).await;
        }
    }

    #[tokio::test]
    async fn an_answer_without_the_token_takes_no_longer_than_it_may() {
        let short = Duration::from_millis(100);
        let (address, _go, mut came) = service(Limits { most: 4, headers: PATIENT, page: short }).await;
        let mut asks = TcpStream::connect(address).await.unwrap();
        asks.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        came.recv().await.unwrap();
        assert_eq!(asks.read(&mut [0]).await.unwrap_or(0), 0, "nobody is told, and the place is free");
    }
}
