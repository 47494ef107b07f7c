//! The engine of a service, within this process: what waits for it, and what its end means.

use huiliu_replica::Role;
use huiliu_replica::service::engine::{Engine, NoAnswer};
use huiliu_replica::service::home;
use huiliu_replica::service::serve::Running;
use huiliu_store::Directory;
use huiliu_tests::harness::process::{City, Site, until};
use std::sync::mpsc;

/// A hub's directory in which nobody works.
fn quiet_hub() -> (City, Site) {
    let mut city = City::found();
    city.stop_hub();
    let hub = city.hub.clone();
    (city, hub)
}

fn start(site: &Site) -> Running {
    Running::start(home::open(&site.data, Role::Hub).unwrap())
}

/// Gives the engine something to do that lasts until the sender is dropped.
async fn occupy(engine: &Engine) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let engine = engine.clone();
    tokio::spawn(async move {
        let work = move |_: &mut huiliu_replica::Replica, _| {
            begun.send(()).unwrap();
            // Ends with an error when the sender is dropped, which is what it waits for.
            let _ = held.recv();
        };
        let _ = engine.call(work).await;
    });
    begins.await.unwrap();
    release
}

/// What a future gives without waiting.
async fn at_once<T>(work: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    tokio::select! { biased;
        done = work => Some(done),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_cannot_fill_the_memory_nor_hold_up_another() {
    let (_city, hub) = quiet_hub();
    let running = start(&hub);
    let engine = &running.engine;
    let device = engine.call(|replica, _| replica.device()).await.unwrap();
    let (one, other) = (engine.open(Some(device)).await.unwrap(), engine.open(Some(device)).await.unwrap());
    let release = occupy(engine).await;
    let frame = || vec![0xff; 3 << 20];
    assert_eq!(at_once(&mut Box::pin(one.inlet.frame(frame()))).await, Some(Ok(())));
    let mut second = Box::pin(one.inlet.frame(frame()));
    assert_eq!(at_once(&mut second).await, None, "there is no room for a second one");
    assert!(one.inlet.is_busy() && !other.inlet.is_busy());
    assert_eq!(at_once(&mut Box::pin(other.inlet.frame(frame()))).await, Some(Ok(())));
    drop(release);
    assert_eq!(second.await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_directory_before_the_engines_last_write() {
    let (_city, hub) = quiet_hub();
    let running = start(&hub);
    let release = occupy(&running.engine).await;
    drop(running);
    assert!(Directory::is_open(&hub.data));
    assert!(hub.run(&["status"]).sentence(6).contains("正被"));
    drop(release);
    until("the engine to end", || (!Directory::is_open(&hub.data)).then_some(()));
    hub.status();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_engine_ends_its_service() {
    let (_city, hub) = quiet_hub();
    let running = start(&hub);
    let died = running.engine.call(|_, _| -> () { panic!("a fault that was seeded") }).await;
    assert_eq!(died, Err(NoAnswer::Stopped));
    let failure = running.until_told().await.unwrap_err();
    assert_eq!(failure.exit, 1);
    assert!(failure.text(Default::default()).contains("服务已停止"));
    assert!(!Directory::is_open(&hub.data), "the next service can begin");
    assert_eq!(hub.good(&["verify"])["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_want_stands_behind_all_else_and_few_of_them_may_wait() {
    let (_city, hub) = quiet_hub();
    let running = start(&hub);
    let engine = &running.engine;
    let release = occupy(engine).await;
    let (done, order) = mpsc::channel();
    let strangers = (0..20).map(|n| {
        let done = done.clone();
        Box::pin(engine.call_for_stranger(move |_, _| done.send(format!("stranger {n}")).unwrap()))
    });
    let mut strangers: Vec<_> = strangers.collect();
    for stranger in &mut strangers {
        assert_eq!(at_once(stranger).await, None);
    }
    let devices = (0..200).map(|n| {
        let done = done.clone();
        Box::pin(engine.call(move |_, _| done.send(format!("device {n}")).unwrap()))
    });
    let mut devices: Vec<_> = devices.collect();
    for device in &mut devices {
        assert_eq!(at_once(device).await, None);
    }
    drop(release);
    for device in devices {
        device.await.unwrap();
    }
    // Those who wait outside come in when they look again.
    for stranger in strangers {
        stranger.await.unwrap();
    }
    let order: Vec<String> = order.try_iter().collect();
    assert_eq!(order.len(), 220);
    // One in each round of work; those that had no room to wait came after everybody.
    let before_last = order.iter().position(|done| done == "device 199").unwrap();
    let early = order[..before_last].iter().filter(|done| done.starts_with("stranger")).count();
    assert!(early <= 4, "{order:?}");
    let first = order.iter().position(|done| done == "stranger 0").unwrap();
    assert!(first >= 50, "{order:?}");
}
