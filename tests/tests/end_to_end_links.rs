//! `sync` over links that are bad: who asks gets the same answer each time, whatever else goes on.

use huiliu_link::identity::load_key_file;
use huiliu_link::{HubIdentity, Listener};
use huiliu_tests::harness::lists::{TOWNS, list_csv, uscc};
use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints, until};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn new_organization(site: &Site, n: usize) -> String {
    let name = format!("name=试验第{n}号协会");
    site.create(&[&name, "org_type=ST", &format!("uscc={}", uscc("330203", n))])
}

#[test]
fn saving_does_not_disturb_a_sync() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                n += 1;
                new_organization(if n % 4 == 0 { &city.hub } else { &haishu }, n);
            }
        });
        let codes: Vec<i32> = (0..12).map(|_| haishu.run(&["sync"]).code).collect();
        over.store(true, Ordering::Relaxed);
        assert_eq!(codes, [0; 12]);
    });
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_there_and_says_nothing_is_silence() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    new_organization(&haishu, 1);
    city.stop_hub();
    // The hub's machine answers, its program does not.
    let identity = HubIdentity::new(&load_key_file(&city.hub.data.join("device.key")).unwrap()).unwrap();
    let mut listener = Listener::bind(city.address().parse().unwrap(), &identity).unwrap();
    let mute = tokio::spawn(async move {
        let mut arrivals = Vec::new();
        while let Some(arrival) = listener.accept().await {
            arrivals.push(arrival);
        }
    });
    let node = haishu.clone();
    let said = tokio::task::spawn_blocking(move || node.run(&["sync"])).await.unwrap();
    assert!(said.json["pending"].as_u64().is_some_and(|pending| pending > 0), "{}", said.json);
    assert!(said.sentence(5).contains("待上报"));
    mute.abort();
}

#[test]
fn a_connection_that_has_gone_stale_is_replaced_for_whoever_asks() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    until("the link", || (haishu.status()["transport"] == "QUIC").then_some(()));
    // Killed, it says no goodbye: the node still believes in its connection.
    city.kill_hub();
    city.start_hub();
    new_organization(&haishu, 1);
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), 1);
    service.stop();
}

/// A line of so many bytes a second each way between one node and the hub; gives back its near end.
fn line(hub: &str, bytes_per_second: u32) -> String {
    let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let (near, far) = (bind(), bind());
    far.connect(hub.parse::<SocketAddr>().unwrap()).unwrap();
    let address = near.local_addr().unwrap().to_string();
    let takes = move |length: usize| Duration::from_secs(1) * length as u32 / bytes_per_second;
    let node = Arc::new(Mutex::new(None));
    let (near_end, far_end, caller) = (near.try_clone().unwrap(), far.try_clone().unwrap(), node.clone());
    // The threads end with the test's process.
    std::thread::spawn(move || {
        let mut datagram = [0; 65536];
        while let Ok((length, from)) = near.recv_from(&mut datagram) {
            *caller.lock().unwrap() = Some(from);
            std::thread::sleep(takes(length));
            // Whoever does not listen just now misses it, as on any line.
            let _ = far.send(&datagram[..length]);
        }
    });
    std::thread::spawn(move || {
        let mut datagram = [0; 65536];
        loop {
            let Ok(length) = far_end.recv(&mut datagram) else { continue };
            std::thread::sleep(takes(length));
            if let Some(node) = *node.lock().unwrap() {
                let _ = near_end.send_to(&datagram[..length], node);
            }
        }
    });
    address
}

#[test]
fn a_slow_line_is_no_silence() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("名录.csv", list_csv("330203", 0..3000, &TOWNS).as_bytes());
    haishu.good(&["import", &list, "--kind", "social_org"]);
    // 100 kbit a second, which is what a county's radio link may have left.
    let path = haishu.data.join("settings.json");
    let mut settings: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    settings["hub"]["addresses"] = serde_json::json!([line(city.address(), 12_500)]);
    std::fs::write(&path, settings.to_string()).unwrap();
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), 3000);
    assert_equal_fingerprints(&haishu, &city.hub);
}
