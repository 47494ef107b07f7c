//! The line between nodes and hub: a relay of datagrams that counts them, can hold each back for a while, and can be cut.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// The longest datagram there can be.
const LONGEST: usize = 65_536;
/// Of a full packet, such as data fills them, the least bytes: QUIC begins with 1,200 (RFC 9000 section 14).
const FULL: u64 = 1_100;

/// A datagram that passed.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// When it came to the relay.
    pub at: Instant,
    /// From a node to the hub.
    pub up: bool,
    /// Bytes of its payload.
    pub bytes: u64,
}

#[derive(Default)]
struct Line {
    passed: Mutex<Vec<Passed>>,
    delay_micros: AtomicU64,
    is_cut: AtomicBool,
}

/// A relay in front of a hub. Its threads end with the program.
pub struct Relay {
    /// Where nodes dial.
    pub address: SocketAddr,
    line: Arc<Line>,
}

/// What passed in some time.
#[derive(Clone, Debug, Default)]
pub struct Traffic(pub Vec<Passed>);

impl Relay {
    /// Puts a relay on loopback before a hub.
    pub fn before(hub: SocketAddr) -> Self {
        let near = bind();
        let address = near.local_addr().expect("a bound socket has an address");
        let line = Arc::new(Line::default());
        let (near_end, carried) = (near.try_clone().expect("a socket can be shared"), line.clone());
        std::thread::spawn(move || from_nodes(&near, &near_end, hub, &carried));
        Self { address, line }
    }

    /// Holds back every datagram for so long, in each direction.
    pub fn delay(&self, each_way: Duration) {
        let micros = u64::try_from(each_way.as_micros()).unwrap_or(u64::MAX);
        self.line.delay_micros.store(micros, Ordering::Relaxed);
    }

    /// Lets nothing pass, or everything again.
    pub fn cut(&self, cut: bool) {
        self.line.is_cut.store(cut, Ordering::Relaxed);
    }

    /// Takes what has passed since the last time.
    pub fn take(&self) -> Traffic {
        Traffic(std::mem::take(&mut *self.passed()))
    }

    /// Waits until nothing has passed for so long, at most a hundred times as long.
    pub fn rest(&self, quiet: Duration) {
        let begun = Instant::now();
        let mut seen = (self.passed().len(), Instant::now());
        while seen.1.elapsed() < quiet && begun.elapsed() < quiet * 100 {
            std::thread::sleep(quiet / 20);
            let now = self.passed().len();
            if now != seen.0 {
                seen = (now, Instant::now());
            }
        }
    }

    fn passed(&self) -> std::sync::MutexGuard<'_, Vec<Passed>> {
        self.line.passed.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Traffic {
    /// Bytes of payload from node to hub.
    pub fn up(&self) -> u64 {
        self.0.iter().filter(|one| one.up).map(|one| one.bytes).sum()
    }

    /// Bytes of payload from hub to node.
    pub fn down(&self) -> u64 {
        self.0.iter().filter(|one| !one.up).map(|one| one.bytes).sum()
    }

    /// When the first datagram came.
    pub fn first(&self) -> Option<Instant> {
        self.0.first().map(|one| one.at)
    }

    /// When the node first answered to something the hub had said: with that it may send what it wants.
    pub fn greeted(&self) -> Option<Instant> {
        self.0.iter().skip_while(|one| one.up).find(|one| one.up).map(|one| one.at)
    }

    /// When the first full packet in a direction came after the greeting: data.
    pub fn data(&self, up: bool) -> Option<Instant> {
        let greeted = self.greeted()?;
        let data = |one: &&Passed| one.up == up && one.bytes >= FULL && one.at >= greeted;
        self.0.iter().find(data).map(|one| one.at)
    }
}

impl Line {
    /// Notes a datagram; false if the line is cut.
    fn lets_pass(&self, up: bool, length: usize) -> bool {
        if self.is_cut.load(Ordering::Relaxed) {
            return false;
        }
        let one = Passed { at: Instant::now(), up, bytes: length as u64 };
        self.passed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(one);
        true
    }

    fn delay(&self) -> Duration {
        Duration::from_micros(self.delay_micros.load(Ordering::Relaxed))
    }
}

fn bind() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port")
}

/// Every caller gets a socket of its own towards the hub, as behind any router.
fn from_nodes(near: &UdpSocket, near_end: &UdpSocket, hub: SocketAddr, line: &Arc<Line>) {
    let mut callers: BTreeMap<SocketAddr, Way> = BTreeMap::new();
    let mut datagram = vec![0; LONGEST];
    // A port behind which nobody is yet is told as an error of the next call.
    loop {
        let Ok((length, from)) = near.recv_from(&mut datagram) else { continue };
        let way = callers.entry(from).or_insert_with(|| {
            let far = bind();
            far.connect(hub).expect("loopback can be reached");
            let back = near_end.try_clone().expect("a socket can be shared");
            let (far_end, carried) = (far.try_clone().expect("a socket can be shared"), line.clone());
            std::thread::spawn(move || from_hub(&far_end, back, from, &carried));
            Way::new(far, hub)
        });
        if line.lets_pass(true, length) {
            way.carry(&datagram[..length], line.delay());
        }
    }
}

fn from_hub(far: &UdpSocket, back: UdpSocket, node: SocketAddr, line: &Line) {
    let way = Way::new(back, node);
    let mut datagram = vec![0; LONGEST];
    loop {
        let Ok(length) = far.recv(&mut datagram) else { continue };
        if line.lets_pass(false, length) {
            way.carry(&datagram[..length], line.delay());
        }
    }
}

/// One direction of one caller.
struct Way {
    socket: UdpSocket,
    to: SocketAddr,
    held: mpsc::Sender<(Instant, Vec<u8>)>,
}

impl Way {
    fn new(socket: UdpSocket, to: SocketAddr) -> Self {
        let (held, due) = mpsc::channel::<(Instant, Vec<u8>)>();
        let out = socket.try_clone().expect("a socket can be shared");
        std::thread::spawn(move || {
            while let Ok((at, datagram)) = due.recv() {
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                deliver(&out, to, &datagram);
            }
        });
        Self { socket, to, held }
    }

    fn carry(&self, datagram: &[u8], delay: Duration) {
        if delay.is_zero() {
            return deliver(&self.socket, self.to, datagram);
        }
        // The other end lives as long as the program.
        let _ = self.held.send((Instant::now() + delay, datagram.to_vec()));
    }
}

/// Sends a datagram. Whoever does not listen just now misses it, as on any line.
fn deliver(socket: &UdpSocket, to: SocketAddr, datagram: &[u8]) {
    let _ = match socket.peer_addr() {
        Ok(_) => socket.send(datagram),
        Err(_) => socket.send_to(datagram, to),
    };
}
