//! Frames on streams: order, size, cuts, last words, many peers, bad peers.

mod peers;

use huiliu_link::pump::{Pumped, pump};
use huiliu_link::quic::{GOODBYE, NO_STREAM};
use huiliu_link::{Dialer, LinkError, Purpose};
use peers::{LIMIT, device, hub};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_closes_with_a_sentence_after_its_last_frame() {
    let mut hub = hub(1);
    let (_dialer, connection, mut stream, mut arrival) = hub.session(2).await;
    let last = vec![7; 300_000];
    arrival.channel.send(last.clone()).await.unwrap();
    let closing = tokio::spawn(arrival.channel.close(9, "设备已注销，请联系市级"));
    assert_eq!(stream.recv().await.unwrap().unwrap(), last);
    let refused = LinkError::Refused { code: 9, sentence: "设备已注销，请联系市级".into() };
    assert_eq!(stream.recv().await, Err(refused.clone()));
    closing.await.unwrap().unwrap();
    assert_eq!(connection.closed().await, refused, "the connection says the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_without_a_stream_carries_its_sentence_too() {
    let mut hub = hub(1);
    let (_dialer, connection, mut stream, arrival) = hub.session(2).await;
    arrival.connection.close(5, "换机");
    let refused = LinkError::Refused { code: 5, sentence: "换机".into() };
    assert_eq!(stream.recv().await, Err(refused.clone()));
    assert_eq!(stream.send(vec![1]).await, Err(refused.clone()));
    assert_eq!(connection.open(Purpose::Blob).await.unwrap_err(), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_connection_is_closed_with_its_sentence_at_once() {
    let mut hub = hub(1);
    let (_dialer, _connection, mut stream, arrival) = hub.session(2).await;
    let (connection, mut channel) = (arrival.connection, arrival.channel);
    let flooding = tokio::spawn(async move { while channel.send(vec![1; 1 << 20]).await.is_ok() {} });
    assert!(stream.recv().await.unwrap().is_some());
    connection.close(5, "设备已注销");
    let end = loop {
        match stream.recv().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(end, Err(LinkError::Refused { code: 5, sentence: "设备已注销".into() }));
    flooding.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_hub_that_shuts_down_says_goodbye() {
    let mut hub = hub(1);
    let (_dialer, _connection, mut stream, mut arrival) = hub.session(2).await;
    tokio::spawn(async move { while arrival.channel.send(vec![1; 1 << 20]).await.is_ok() {} });
    assert!(stream.recv().await.unwrap().is_some());
    let stopping = tokio::spawn(hub.listener.shutdown("维护"));
    let end = loop {
        match stream.recv().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(end, Err(LinkError::Closed { sentence: "维护".into() }));
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_shuts_down_says_goodbye() {
    let mut hub = hub(1);
    let (_dialer, _connection, mut stream, _arrival) = hub.session(2).await;
    hub.listener.shutdown("维护").await;
    assert_eq!(stream.recv().await, Err(LinkError::Closed { sentence: "维护".into() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn megabyte_frames_pass_both_ways_at_once() {
    let mut hub = hub(1);
    let (_dialer, _connection, stream, arrival) = hub.session(2).await;
    let frame = |n: u8| (0..1 << 20).map(|i| (i as u8).wrapping_mul(n)).collect::<Vec<u8>>();
    let mut ends = Vec::new();
    for side in [stream, arrival.channel] {
        let (mut sender, mut receiver) = side.split();
        ends.push(tokio::spawn(async move {
            let sending = async {
                for n in 0..10 {
                    sender.send(frame(n)).await.unwrap();
                }
                sender.finish().await.unwrap();
            };
            let receiving = async {
                for n in 0..10 {
                    assert!(receiver.recv().await.unwrap().unwrap() == frame(n));
                }
                assert_eq!(receiver.recv().await, Ok(None));
            };
            tokio::join!(sending, receiving);
        }));
    }
    for end in ends {
        end.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_beyond_the_cap_fails_at_the_sender_and_the_stream_lives_on() {
    let mut hub = hub(1);
    let (_dialer, _connection, mut stream, mut arrival) = hub.session(2).await;
    assert!(matches!(stream.send(vec![0; (4 << 20) + 1]).await, Err(LinkError::Local(_))));
    let whole = vec![3; 4 << 20];
    let sent = whole.clone();
    let sending = tokio::spawn(async move { stream.send(sent).await.map(|()| stream) });
    assert!(arrival.channel.recv().await.unwrap().unwrap() == whole);
    sending.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_in_the_middle_is_a_cut_and_not_a_frame() {
    let mut hub = hub(1);
    let (dialer, connection, mut stream, mut arrival) = hub.session(2).await;
    // A frame so large that it cannot have gone when its sender is dropped.
    let half = timeout(Duration::from_millis(5), stream.send(vec![1; 4 << 20])).await;
    let torn = half.is_err();
    drop((stream, connection));
    drop(dialer);
    let mut frames = 0;
    let end = loop {
        match arrival.channel.recv().await {
            Ok(Some(_)) => frames += 1,
            end => break end,
        }
    };
    assert!(end.is_err() || !torn, "{end:?}");
    assert!(frames <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pump_moves_frames_counts_them_and_tells_both_ends() {
    let mut hub = hub(1);
    let (_dialer, _connection, stream, arrival) = hub.session(2).await;
    let (to_hub, node_out) = mpsc::channel(4);
    let (node_in, mut at_node) = mpsc::channel(4);
    let (to_node, hub_out) = mpsc::channel(4);
    let (hub_in, mut at_hub) = mpsc::channel(4);
    let node = pump(stream, node_out, node_in);
    let hub_pump = pump(arrival.channel, hub_out, hub_in);
    assert_eq!(node.transport(), "QUIC");
    for n in 0..100u8 {
        to_hub.send(vec![n; 1000]).await.unwrap();
        assert_eq!(at_hub.recv().await, Some(Pumped::Frame(vec![n; 1000])));
        to_node.send(vec![n]).await.unwrap();
        assert_eq!(at_node.recv().await, Some(Pumped::Frame(vec![n])));
    }
    assert_eq!((node.counters().sent(), node.counters().received()), (100_400, 500));
    assert_eq!((hub_pump.counters().sent(), hub_pump.counters().received()), (500, 100_400));
    to_node.send(b"last".to_vec()).await.unwrap();
    hub_pump.close(3, "暂停").await.unwrap();
    assert_eq!(at_node.recv().await, Some(Pumped::Frame(b"last".to_vec())));
    let refused = Err(LinkError::Refused { code: 3, sentence: "暂停".into() });
    assert_eq!(at_node.recv().await, Some(Pumped::Ended(refused.clone())));
    assert_eq!(node.ended().await, refused);
    assert!(to_hub.send(vec![]).await.is_err(), "the outgoing end is told too");
    assert_eq!(at_hub.recv().await, Some(Pumped::Ended(Ok(()))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_told_as_that_on_both_sides_and_not_as_a_broken_line() {
    let mut hub = hub(1);
    let (_dialer, _connection, stream, arrival) = hub.session(2).await;
    let (to_hub, node_out) = mpsc::channel(4);
    let (node_in, mut at_node) = mpsc::channel(4);
    let (hub_in, mut at_hub) = mpsc::channel(4);
    let (_to_node, hub_out) = mpsc::channel(4);
    let _pumps = (pump(stream, node_out, node_in), pump(arrival.channel, hub_out, hub_in));
    to_hub.send(vec![1; 5_000_000]).await.unwrap();
    let ended = at_node.recv().await;
    assert!(matches!(ended, Some(Pumped::Ended(Err(LinkError::Local(_))))), "{ended:?}");
    let ended = at_hub.recv().await;
    assert!(matches!(ended, Some(Pumped::Ended(Err(LinkError::Refused { code: 132, .. })))), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pump_ends_well_when_both_have_said_everything() {
    let mut hub = hub(1);
    let (_dialer, _connection, stream, arrival) = hub.session(2).await;
    let (to_hub, node_out) = mpsc::channel(4);
    let (node_in, mut at_node) = mpsc::channel(4);
    let (hub_in, mut at_hub) = mpsc::channel(4);
    let (to_node, hub_out) = mpsc::channel(4);
    let node = pump(stream, node_out, node_in);
    let hub_pump = pump(arrival.channel, hub_out, hub_in);
    to_hub.send(vec![1; 2_000_000]).await.unwrap();
    drop(to_hub);
    assert_eq!(at_hub.recv().await, Some(Pumped::Frame(vec![1; 2_000_000])));
    assert_eq!(at_hub.recv().await, Some(Pumped::Ended(Ok(()))));
    assert_eq!(at_node.recv().await, Some(Pumped::Ended(Ok(()))));
    assert_eq!((node.ended().await, hub_pump.ended().await), (Ok(()), Ok(())));
    drop(to_node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_hangs_stalls_the_session_within_the_guard() {
    let mut hub = hub(1);
    let (_dialer, _connection, mut stream, _arrival_unread) = hub.session(2).await;
    let error = loop {
        if let Err(error) = stream.send(vec![0; 1 << 20]).await {
            break error;
        }
    };
    assert!(matches!(error, LinkError::Stalled { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_answer_stalls() {
    let mut hub = hub(1);
    let dialer = hub.dialer(2);
    let connection = dialer.connect(&hub.addresses, LIMIT).await.unwrap();
    let asking = tokio::spawn(async move { connection.request(Purpose::Blob, vec![1]).await });
    let _arrival = hub.listener.accept().await.unwrap();
    let error = timeout(Duration::from_secs(60), asking).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, LinkError::Stalled { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_nodes_at_once() {
    let mut hub = hub(1);
    let (addresses, dialers) =
        (hub.addresses.clone(), (10..60).map(|seed| hub.dialer(seed)).collect::<Vec<_>>());
    let nodes: Vec<_> = dialers
        .into_iter()
        .map(|dialer| {
            let addresses = addresses.clone();
            tokio::spawn(async move {
                let connection = dialer.connect(&addresses, LIMIT).await.unwrap();
                connection.request(Purpose::Blob, vec![8; 10_000]).await.unwrap()
            })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let mut arrival = hub.listener.accept().await.unwrap();
        seen.insert(arrival.peer.as_ref().unwrap().device);
        tokio::spawn(async move {
            let frame = arrival.channel.receive_one().await.unwrap().unwrap();
            arrival.channel.reply(frame).await.unwrap();
        });
    }
    for node in nodes {
        assert_eq!(node.await.unwrap(), vec![8; 10_000]);
    }
    assert_eq!(seen, (10..60).map(device).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_stream_blocks_nobody_and_is_closed() {
    let mut hub = hub(1);
    let strangers = Dialer::new(hub.identity.device(), None).unwrap();
    let mut idle = Vec::new();
    // As many as strangers of one line may be, with the one that follows.
    for _ in 0..31 {
        idle.push(strangers.connect(&hub.addresses, LIMIT).await.unwrap());
    }
    let opened_and_mute = strangers.connect(&hub.addresses, LIMIT).await.unwrap();
    let _mute = opened_and_mute.open(Purpose::Join).await.unwrap();
    let (_dialer, _connection, mut stream, mut arrival) = hub.session(2).await;
    // Had it stood in line behind the idle ones, they would all have been closed before it.
    assert!(idle.iter().any(|connection| connection.close_reason().is_none()));
    arrival.channel.send(b"still here".to_vec()).await.unwrap();
    assert_eq!(stream.recv().await.unwrap().unwrap(), b"still here");
    for connection in &idle {
        let reason = timeout(Duration::from_secs(60), connection.closed()).await.unwrap();
        assert!(matches!(reason, LinkError::Refused { code: NO_STREAM, .. }), "{reason}");
    }
    sleep(Duration::from_millis(200)).await;
    arrival.channel.send(b"and after".to_vec()).await.unwrap();
    assert_eq!(stream.recv().await.unwrap().unwrap(), b"and after");
    stream.close(GOODBYE, "").await.unwrap();
}
