//! Named peers over real loopback QUIC.
#![allow(dead_code, reason = "each test file uses its part")]

use huiliu_core::sync::keys::DeviceKey;
use huiliu_link::certificate::signing_request;
use huiliu_link::ticket::Secret;
use huiliu_link::{Arrival, Connection, Credential, Dialer, HubIdentity, Listener, Ticket};
use std::time::Duration;

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

pub(crate) fn silent() -> (std::net::UdpSocket, String) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

pub(crate) fn device(seed: u8) -> huiliu_core::sync::keys::DeviceId {
    DeviceKey::from_seed([seed; 32]).device()
}
