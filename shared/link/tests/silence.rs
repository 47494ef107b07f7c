//! A network that falls silent in the middle of a session.

mod peers;

use huiliu_link::pump::{Pumped, pump};
use huiliu_link::{LinkError, Movement, Purpose};
use peers::{LIMIT, hub};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Passes datagrams between one node and the hub until it is cut.
async fn relay(hub: SocketAddr) -> (String, Arc<AtomicBool>) {
    slow_relay(hub, Duration::ZERO).await
}

/// The same; each datagram of the node takes so long.
async fn slow_relay(hub: SocketAddr, each: Duration) -> (String, Arc<AtomicBool>) {
    let (front, back) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    back.connect(hub).await.unwrap();
    let address = front.local_addr().unwrap().to_string();
    let cut = Arc::new(AtomicBool::new(false));
    let is_cut = cut.clone();
    tokio::spawn(async move {
        let (mut node, mut up, mut down) = (None, vec![0; 65536], vec![0; 65536]);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut up) => {
                    node = Some(from);
                    tokio::time::sleep(each).await;
                    if !is_cut.load(Ordering::Relaxed) { let _ = back.send(&up[..length]).await; }
                }
                Ok(length) = back.recv(&mut down) => match node {
                    Some(node) if !is_cut.load(Ordering::Relaxed) => {
                        let _ = front.send_to(&down[..length], node).await;
                    }
                    _ => {}
                },
            }
        }
    });
    (address, cut)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_no_longer_heard_stalls_before_the_transport_gives_up() {
    let mut hub = hub(1);
    let (address, cut) = relay(hub.listener.local_addr().unwrap()).await;
    let dialer = hub.dialer(2);
    let connection = dialer.connect(&[address], LIMIT).await.unwrap();
    let (to_hub, outgoing) = mpsc::channel(4);
    let (incoming, mut at_node) = mpsc::channel(4);
    let session = pump(connection.open(Purpose::Session).await.unwrap(), outgoing, incoming);
    to_hub.send(b"hello".to_vec()).await.unwrap();
    let mut arrival = hub.listener.accept().await.unwrap();
    assert_eq!(arrival.channel.recv().await.unwrap().unwrap(), b"hello");
    // Quiet is no fault: longer than the guard, with nothing under way.
    tokio::time::sleep(Duration::from_secs(12)).await;
    arrival.channel.send(b"good".to_vec()).await.unwrap();
    assert_eq!(at_node.recv().await, Some(Pumped::Frame(b"good".to_vec())));

    cut.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    to_hub.send(b"into the void".to_vec()).await.unwrap();
    let stalled = Err(LinkError::Stalled { seconds: 10 });
    assert_eq!(at_node.recv().await, Some(Pumped::Ended(stalled.clone())));
    assert_eq!(session.ended().await, stalled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_frame_on_a_slow_line_moves_and_a_quiet_connection_does_not() {
    let mut hub = hub(1);
    // 1200 bytes in 20 ms: half a megabit a second.
    let (address, _) = slow_relay(hub.listener.local_addr().unwrap(), Duration::from_millis(20)).await;
    let dialer = hub.dialer(2);
    let connection = dialer.connect(&[address], LIMIT).await.unwrap();
    let (to_hub, outgoing) = mpsc::channel(4);
    let (incoming, _at_node) = mpsc::channel(4);
    let _session = pump(connection.open(Purpose::Session).await.unwrap(), outgoing, incoming);
    let frame = vec![7; 400_000];
    to_hub.send(frame.clone()).await.unwrap();
    let mut arrival = hub.listener.accept().await.unwrap();
    let mut movement = Movement::default();
    let mut looks = 0;
    let arrived = loop {
        tokio::select! {
            frame = arrival.channel.recv() => break frame.unwrap().unwrap(),
            () = tokio::time::sleep(Duration::from_secs(2)) => {
                looks += 1;
                assert!(movement.moved(&connection), "look {looks}");
            }
        }
    };
    assert!(arrived == frame);
    assert!(looks > 0, "the line was too fast to see anything");
    // What is still on its way comes to rest; keep-alives go on and do not count.
    while movement.moved(&connection) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!movement.moved(&connection));
    arrival.channel.send(b"news".to_vec()).await.unwrap();
    while !movement.moved(&connection) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
