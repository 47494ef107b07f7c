//! The cold join, both ways: a county's list to a hub that has none of it, and from the hub to a new device.

use super::durable::{Curve, Watch};
use super::pair::{self, Pair, QUIET};
use super::relay::Traffic;
use super::report::{Case, Target};
use super::usage::{Meter, Usage, follow};
use crate::harness::process::{Site, until};
use std::time::{Duration, Instant};

/// Between two looks at what is durable.
const LOOK: Duration = Duration::from_millis(1);
/// 30,000 records received durably at 20,000 a second, in less than 6 MB, the last tenth as fast as the first.
const SPEED: Target = Target::AtLeast(20_000.0);
const BYTES_PER_RECORD: Target = Target::Below(200.0);
const FLATNESS: Target = Target::AtLeast(0.8);
const PEERS: &str = "for 30,000: PouchDB 8.4 s and 8.9 MB, iroh-docs 5.8 s and 34 MB";
/// Who applies within the receiving step has applied what is durable; the answer of a status is a bound from above.
const APPLIED_BY_ASKING: &str = "applied: when a status that was asked once all was durable said so";
const APPLIED_BY_VERDICT: &str =
    "applied: no later than verified, which compares sums of what is applied; a join cannot be asked";

/// A command that becomes level.
struct Run {
    begun: Instant,
    ended: Instant,
    usage: Usage,
}

/// Node to hub: the county uploads what it has imported.
pub fn upload(pair: &Pair) -> Case {
    let mut case = Case::new("upload: node -> hub that has none", pair.records);
    pair.rest();
    let hub_device = device(&pair.asking.status(&pair.city.hub));
    let (hub, meter) = (&pair.city.hub, Meter::of(pair.hub_pid()));
    let (at_hub, at_node) = (Watch::begin(&hub.data, LOOK), Watch::begin(&pair.node.data, LOOK));
    let run = to_its_end(&pair.node, &["sync"]);
    // The node's verdict comes after all was durable, so that asking now disturbs nothing.
    let applied = until("the hub to have applied all", || {
        let records = pair.asking.status(hub)["records"]["social_org"].as_u64();
        (records == Some(pair.records)).then(Instant::now)
    });
    let curve = at_hub.end(&hub_device);
    let node_curve = at_node.end("");
    assert!(!pair.node.status()["verified_at"].is_null(), "the node does not call it verified");
    pair.relay.rest(QUIET);
    let traffic = pair.relay.take();
    fill(&mut case, &run, &curve, &traffic, pair.records);
    // The verdict is the node's: it has asked.
    let verified = node_curve.synced.iter().copied().find(|at| curve.last().is_some_and(|last| *at >= last));
    case.figure("applied_seconds_at_most", seconds(run.begun, applied));
    case.maybe("verified_seconds", verified.map(|at| seconds(run.begun, at)));
    usages(&mut case, run.usage, meter.read());
    case.note(APPLIED_BY_ASKING);
    case.note(PEERS);
    case
}

/// Hub to node: a new device of the county joins, with its own line.
pub fn join(pair: &Pair) -> Case {
    let mut case = Case::new("join: hub -> new node", pair.records);
    let relay = pair::relay(&pair.city);
    let node = Site::node(pair.city.path("second"));
    let ticket = pair::ticket(&pair.city, &relay);
    let meter = Meter::of(pair.hub_pid());
    let watch = Watch::begin(&node.data, LOOK);
    let run = to_its_end(&node, &["join", &ticket, "--name", "second"]);
    let status = node.status();
    let curve = watch.end(&device(&status));
    relay.rest(QUIET);
    let traffic = relay.take();
    assert_eq!(status["records"]["social_org"], pair.records, "the new device has not got all: {status}");
    assert!(!status["verified_at"].is_null(), "the new device does not call it verified");
    fill(&mut case, &run, &curve, &traffic, pair.records);
    case.maybe("verified_seconds", curve.verified().map(|at| seconds(run.begun, at)));
    usages(&mut case, run.usage, meter.read());
    case.note(APPLIED_BY_VERDICT);
    case.note(PEERS);
    case
}

fn to_its_end(site: &Site, arguments: &[&str]) -> Run {
    let begun = Instant::now();
    let (said, usage, ended) = follow(site.start(arguments));
    assert_eq!(said.code, 0, "{} did not go well: {} {}", arguments[0], said.out, said.err);
    Run { begun, ended, usage }
}

/// The device of a status.
pub(super) fn device(status: &serde_json::Value) -> String {
    status["replica"].as_str().expect("a status names its device").to_owned()
}

fn seconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}

fn fill(case: &mut Case, run: &Run, curve: &Curve, traffic: &Traffic, records: u64) {
    assert!(curve.came() >= records, "{} of {records} edits became durable", curve.came());
    let durable = curve.last().map(|at| seconds(run.begun, at));
    let since_first = traffic.first().zip(curve.last()).map(|(first, last)| seconds(first, last));
    let speed = |seconds: Option<f64>| seconds.map(|seconds| records as f64 / seconds);
    case.maybe("durable_seconds", durable);
    case.held("durable_records_per_second", speed(durable), SPEED);
    case.maybe("first_datagram_seconds", traffic.first().map(|at| seconds(run.begun, at)));
    case.maybe("per_second_from_first_datagram", speed(since_first));
    case.figure("command_seconds", seconds(run.begun, run.ended));
    let bytes = (traffic.up() + traffic.down()) as f64;
    case.figure("bytes_node_to_hub", traffic.up() as f64);
    case.figure("bytes_hub_to_node", traffic.down() as f64);
    case.held("bytes_per_record", Some(bytes / records as f64), BYTES_PER_RECORD);
    case.tenths = curve.tenths();
    let ratio = case.tenths.first().zip(case.tenths.last()).map(|(first, last)| last / first);
    case.held("last_tenth_to_first", ratio, FLATNESS);
}

/// What both sides used.
pub(super) fn usages(case: &mut Case, node: Usage, hub: Usage) {
    case.figure("node_cpu_seconds", node.cpu_seconds);
    case.figure("hub_cpu_seconds", hub.cpu_seconds);
    case.figure("node_peak_megabytes", node.peak_megabytes);
    case.figure("hub_peak_megabytes", hub.peak_megabytes);
}
