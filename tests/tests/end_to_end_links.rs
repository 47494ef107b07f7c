//! `sync` over links that are bad: who asks gets the same answer each time, whatever else goes on.

use huiliu_link::identity::load_key_file;
use huiliu_link::{HubIdentity, Listener};
use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Site, until};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn new_organization(site: &Site, n: usize) -> String {
    let name = format!("name=试验第{n}号协会");
    site.create(&[&name, "org_type=ST", &format!("uscc={}", uscc("330203", n))])
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, beside) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &beside);
        } else {
            std::fs::copy(&path, &beside).unwrap();
        }
    }
}

#[test]
fn what_the_hub_refuses_is_4_each_time() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    new_organization(&haishu, 1);
    haishu.sync();
    // A machine copied with its data writes on in the same feed: the hub holds the other's entries and takes no more.
    let copied = Site::node(city.path("copied"));
    copy(&haishu.data, &copied.data);
    new_organization(&haishu, 2);
    haishu.sync();
    new_organization(&copied, 3);
    new_organization(&copied, 4);
    let alone = copied.run(&["sync"]).sentence(4);
    assert!(alone.contains("分叉"), "{alone}");
    let service = copied.serve();
    for _ in 0..3 {
        assert_eq!(copied.run(&["sync"]).sentence(4), alone);
    }
    service.stop();
    assert_eq!(copied.run(&["sync"]).sentence(4), alone);
    haishu.sync();
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
