//! Named peers over real loopback QUIC.
#![allow(dead_code, reason = "each test file uses its part")]

use huiliu_core::sync::keys::DeviceKey;
use huiliu_link::certificate::signing_request;
use huiliu_link::ticket::Secret;
use huiliu_link::{Arrival, Connection, Credential, Dialer, HubIdentity, Listener, Ticket};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) const NOW: i64 = 1_795_000_000;
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

pub(crate) struct Hub {
    pub(crate) identity: HubIdentity,
    pub(crate) listener: Listener,
    pub(crate) addresses: Vec<String>,
}

pub(crate) fn hub(seed: u8) -> Hub {
    let identity = HubIdentity::new(&DeviceKey::from_seed([seed; 32])).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &identity).unwrap();
    let addresses = vec![listener.local_addr().unwrap().to_string()];
    Hub { identity, listener, addresses }
}

impl Hub {
    pub(crate) fn admit(&self, seed: u8, not_before: i64, not_after: i64) -> Credential {
        let key = DeviceKey::from_seed([seed; 32]);
        let request = signing_request(&key).unwrap();
        Credential::new(self.identity.issue(&request, not_before, not_after).unwrap(), &key)
    }

    pub(crate) fn dialer(&self, seed: u8) -> Dialer {
        let credential = self.admit(seed, NOW, NOW + 1000);
        Dialer::new(self.identity.device(), Some(&credential)).unwrap()
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket {
            hub: self.identity.device(),
            id: *b"ticket 1",
            secret: Secret([42; 16]),
            division: 330_203,
            expires: NOW.unsigned_abs() + 86_400,
            addresses: self.addresses.clone(),
        }
    }

    /// Connects a node, opens a session with one frame, and gives both ends.
    pub(crate) async fn session(
        &mut self,
        seed: u8,
    ) -> (Dialer, Connection, huiliu_link::FrameStream, Arrival) {
        let dialer = self.dialer(seed);
        let connection = dialer.connect(&self.addresses, LIMIT).await.unwrap();
        let mut stream = connection.open(huiliu_link::Purpose::Session).await.unwrap();
        stream.send(b"hello".to_vec()).await.unwrap();
        let mut arrival = self.listener.accept().await.unwrap();
        assert_eq!(arrival.channel.recv().await.unwrap().unwrap(), b"hello");
        (dialer, connection, stream, arrival)
    }
}

/// Begins so many handshakes with the hub that are never finished, and keeps them: they show that their address is their
/// own when they are asked to, and hear nothing else that the hub says. Returns when all are under way.
pub(crate) async fn half_open(hub: &Hub, count: usize) -> JoinSet<()> {
    let (front, back) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    back.connect(hub.listener.local_addr().unwrap()).await.unwrap();
    let address = front.local_addr().unwrap().to_string();
    let dialer = Dialer::new(hub.identity.device(), None).unwrap();
    let (mut flood, (tell, mut told)) = (JoinSet::new(), watch::channel(0));
    flood.spawn(async move {
        let (mut caller, mut up, mut down) = (None, vec![0; 65536], vec![0; 65536]);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut up) => {
                    caller = Some(from);
                    let _ = back.send(&up[..length]).await;
                    tell.send_modify(|sent| *sent += 1);
                }
                Ok(length) = back.recv(&mut down) => {
                    // A long header of the type Retry (RFC 9000, section 17.2.5).
                    let is_retry = down[0] & 0xf0 == 0xf0;
                    if let (true, Some(caller)) = (is_retry, caller) {
                        let _ = front.send_to(&down[..length], caller).await;
                    }
                }
            }
        }
    });
    let begin = async move {
        let addresses = [address];
        let begun = (0..count).map(|_| dialer.connect(&addresses, Duration::from_secs(15)));
        let mut begun: Vec<_> = begun.map(Box::pin).collect();
        std::future::poll_fn(|context| {
            begun.retain_mut(|one| one.as_mut().poll(context).is_pending());
            if begun.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    };
    flood.spawn(begin);
    // The first of each, and the second of those that were asked where they are: a hub lets
    // some dozens in without.
    let _ = told.wait_for(|sent| *sent >= 2 * count - 64).await;
    flood
}

pub(crate) fn silent() -> (std::net::UdpSocket, String) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

pub(crate) fn device(seed: u8) -> huiliu_core::sync::keys::DeviceId {
    DeviceKey::from_seed([seed; 32]).device()
}
