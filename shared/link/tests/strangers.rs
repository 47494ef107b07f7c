//! Strangers by the hundred: whatever they do at the hub's door, known devices come in and whoever was invited joins.

mod peers;

use huiliu_core::sync::keys::DeviceKey;
use huiliu_link::certificate::DEFAULT_VALIDITY;
use huiliu_link::enrol::{JoinRequest, Message, join, welcome};
use huiliu_link::{Connection, Dialer, LinkError, Purpose};
use peers::{Hub, LIMIT, NOW, device, half_open, hub};
use std::time::Duration;
use tokio::time::timeout;

/// What one line may have, see `listen`.
const STRANGERS: usize = 32;

/// A device that has joined comes in and is heard.
async fn a_session_works(hub: &mut Hub, seed: u8) {
    let (_dialer, _connection, mut stream, mut arrival) = hub.session(seed).await;
    assert_eq!(arrival.peer.as_ref().unwrap().device, device(seed));
    assert!(arrival.seat.is_none(), "a known device needs no place of a stranger");
    arrival.channel.send(b"welcome".to_vec()).await.unwrap();
    assert_eq!(stream.recv().await.unwrap().unwrap(), b"welcome");
}

/// Somebody with a ticket joins: the application knows the ticket, not the strangers before it.
async fn a_join_works(hub: &mut Hub) {
    let ticket = hub.ticket();
    let joining =
        tokio::spawn(async move { join(&ticket, &DeviceKey::from_seed([2; 32]), "余姚", NOW).await });
    loop {
        let mut arrival = hub.listener.accept().await.unwrap();
        let Ok(Some(request)) = arrival.channel.receive_one().await else { continue };
        let Ok(request) = JoinRequest::decode(&request) else { continue };
        arrival.seat.as_ref().unwrap().keep();
        let dates = (NOW, NOW + DEFAULT_VALIDITY);
        let reply = welcome(&hub.identity, &request, dates, 3302, "宁波市").unwrap();
        arrival.channel.reply(reply.encode().unwrap()).await.unwrap();
        break;
    }
    assert_eq!(joining.await.unwrap().unwrap().identity.device, device(2));
}

/// Connections of nobody that the hub knows, in order of coming.
async fn strangers(hub: &Hub, count: usize) -> (Dialer, Vec<Connection>) {
    let dialer = Dialer::new(hub.identity.device(), None).unwrap();
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(dialer.connect(&hub.addresses, LIMIT).await.unwrap());
    }
    (dialer, connections)
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_of_one_line_crowd_out_each_other_and_nobody_else() {
    let mut hub = hub(1);
    let (_dialer, connections) = strangers(&hub, 4 * STRANGERS).await;
    // The first of them give way, and are told that it is not their fault.
    for connection in &connections[..3 * STRANGERS] {
        let told = timeout(Duration::from_secs(60), connection.closed()).await.unwrap();
        assert!(matches!(told, LinkError::Closed { .. }), "{told}");
    }
    a_session_works(&mut hub, 3).await;
    a_join_works(&mut hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_invited_gives_way_to_nobody() {
    let mut hub = hub(1);
    let ticket = hub.ticket();
    let joining =
        tokio::spawn(async move { join(&ticket, &DeviceKey::from_seed([2; 32]), "余姚", NOW).await });
    let mut arrival = hub.listener.accept().await.unwrap();
    let request = JoinRequest::decode(&arrival.channel.receive_one().await.unwrap().unwrap()).unwrap();
    arrival.seat.as_ref().unwrap().keep();
    let (_dialer, connections) = strangers(&hub, 2 * STRANGERS).await;
    connections[0].closed().await;
    let reply = welcome(&hub.identity, &request, (NOW, NOW + DEFAULT_VALIDITY), 3302, "宁波市").unwrap();
    arrival.channel.reply(reply.encode().unwrap()).await.unwrap();
    joining.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_asks_one_thing_on_one_connection() {
    let mut hub = hub(1);
    let (_dialer, connections) = strangers(&hub, 1).await;
    let [first, second] = [1, 2].map(|n| {
        let connection = connections[0].clone();
        tokio::spawn(async move { connection.request(Purpose::Join, vec![n]).await })
    });
    let mut arrival = hub.listener.accept().await.unwrap();
    let asked = arrival.channel.receive_one().await.unwrap().unwrap();
    arrival.channel.reply(asked).await.unwrap();
    // The other stream cannot be opened as long as the connection lasts; had it been, its request would be here.
    let next = timeout(Duration::from_secs(2), hub.listener.accept()).await;
    assert!(next.is_err(), "a second request of a stranger arrived");
    arrival.connection.close(0, "");
    let answers = [first.await.unwrap(), second.await.unwrap()];
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_from_the_same_line_keep_nobody_out() {
    let mut hub = hub(1);
    let _flood = half_open(&hub, 600).await;
    for seed in 3..6 {
        a_session_works(&mut hub, seed).await;
    }
    a_join_works(&mut hub).await;
}
