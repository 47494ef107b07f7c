//! A hub with a crowd at its door: whatever strangers do, its devices sync and whoever was invited joins, and it needs no
//! more memory than the machine was bought for.

use huiliu_tests::bench::usage::Meter;
use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, assert_equal_fingerprints, until};
use huiliu_tests::harness::strangers::Crowd;
use std::sync::atomic::Ordering;

/// Bad peers, unless `HUILIU_STRANGERS` says how many.
const STRANGERS: usize = 200;
/// Handshakes each second that are begun and never finished.
const HALF_OPEN: u32 = 150;
/// What a hub of a city may need with a thousand strangers, in megabytes.
const MEMORY: f64 = 300.0;

#[test]
fn a_crowd_of_strangers_keeps_no_device_out_and_costs_little_memory() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let meter = Meter::of(city.service.as_ref().unwrap().running.pid());
    let strangers = std::env::var("HUILIU_STRANGERS").ok().and_then(|number| number.parse().ok());
    let strangers = strangers.unwrap_or(STRANGERS);
    let crowd = Crowd::gather(city.address().parse().unwrap(), strangers, HALF_OPEN);
    let deeds = crowd.deeds.clone();
    // All of them have got as far as the hub lets anybody, more than once.
    until("the crowd to be there", || {
        let there = deeds.held.load(Ordering::Relaxed) >= strangers / 2
            && deeds.refused.load(Ordering::Relaxed) >= strangers / 4
            && deeds.half_open.load(Ordering::Relaxed) >= 600;
        there.then_some(())
    });
    for n in 1..=4 {
        let name = format!("name=试验第{n}号协会");
        haishu.create(&[&name, "org_type=ST", &format!("uscc={}", uscc("330203", n))]);
        haishu.sync();
        eprintln!("sync {n} of haishu is level, {}", told(&deeds, &meter));
    }
    let yuyao = city.join("yuyao", "330281");
    yuyao.sync();
    eprintln!("yuyao has joined, {}", told(&deeds, &meter));
    // It is told that yuyao is there.
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), 4);
    assert_equal_fingerprints(&haishu, &city.hub);
    assert!(meter.read().peak_megabytes < MEMORY, "{}", told(&deeds, &meter));
    drop(crowd);
    city.stop_hub();
    assert_eq!(city.hub.good(&["verify"])["ok"], true);
}

fn told(deeds: &huiliu_tests::harness::strangers::Deeds, meter: &Meter) -> String {
    let [held, refused, half_open] =
        [&deeds.held, &deeds.refused, &deeds.half_open].map(|deed| deed.load(Ordering::Relaxed));
    let usage = meter.read();
    format!(
        "after {held} connections held, {refused} joins refused and {half_open} handshakes half open \
         the hub had used {:.0} MB at most and {:.1} s of processor time",
        usage.peak_megabytes, usage.cpu_seconds
    )
}
