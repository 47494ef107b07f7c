//! Becoming level again: after edits on both sides while they were apart, and when nothing has changed.

use super::durable::{Curve, Watch};
use super::joins::{device, usages};
use super::pair::{Pair, QUIET, WAY};
use super::relay::Traffic;
use super::report::{Case, Target, median};
use super::usage::{Meter, Usage, follow};
use std::time::{Duration, Instant};

/// How many edits each side makes while apart.
const EDITS: usize = 300;
/// Both edit records of their own, so no fewer will do.
pub const FEWEST: u64 = 2 * EDITS as u64;
/// How often a visit without news is made on a line without and with delay.
const VISITS: (usize, usize) = (5, 3);
/// The same for a question on an open connection.
const QUESTIONS: (usize, usize) = (20, 10);
const LOOK: Duration = Duration::from_millis(1);
/// There and back.
const ROUND: f64 = 2.0 * WAY.as_millis() as f64 / 1000.0;

/// 600 edits in less than 100 KB, one round trip to data: what is above one is the machines' part.
const EDITS_BYTES: Target = Target::Below(100_000.0);
const ONE_ROUND_TRIP: Target = Target::Below(1.5);
/// On an open connection.
const QUESTION_BYTES: Target = Target::Below(400.0);

/// One `sync` of the county's node, seen from all sides.
struct Visit {
    begun: Instant,
    ended: Instant,
    traffic: Traffic,
    at_node: Curve,
    at_hub: Curve,
    node: Usage,
    hub: Usage,
}

impl Visit {
    fn seconds(&self) -> f64 {
        (self.ended - self.begun).as_secs_f64()
    }

    /// Round trips of the delayed line from a moment to another.
    fn rounds(from: Option<Instant>, to: Option<Instant>) -> Option<f64> {
        from.zip(to).map(|(from, to)| to.saturating_duration_since(from).as_secs_f64() / ROUND)
    }
}

/// Each side edits 300 records of its own while apart; then one sync.
pub fn edits(pair: &Pair) -> Case {
    let mut case = Case::new("edits: 300 on each side while apart, then one sync", pair.records);
    edit_apart(pair, "1");
    let visit = visit(pair);
    for (side, curve) in [("node", &visit.at_node), ("hub", &visit.at_hub)] {
        assert_eq!(curve.came(), EDITS as u64, "what the other had edited did not come to the {side}");
    }
    let since = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(visit.begun).as_secs_f64());
    case.figure("command_seconds", visit.seconds());
    case.maybe("first_datagram_seconds", since(visit.traffic.first()));
    case.maybe("durable_at_hub_seconds", since(visit.at_hub.last()));
    case.maybe("durable_at_node_seconds", since(visit.at_node.last()));
    case.figure("bytes_node_to_hub", visit.traffic.up() as f64);
    case.figure("bytes_hub_to_node", visit.traffic.down() as f64);
    case.held("bytes", Some((visit.traffic.up() + visit.traffic.down()) as f64), EDITS_BYTES);
    edit_apart(pair, "2");
    let slow = delayed(pair, || self::visit(pair));
    let greeted = slow.traffic.greeted();
    // A datagram is seen on its way in; it has then all of its own way before it.
    let came = |up| slow.traffic.data(up).map(|at| at + WAY);
    case.maybe("round_trips_of_handshake", Visit::rounds(slow.traffic.first(), greeted));
    case.maybe("round_trips_then_to_data_at_hub", Visit::rounds(greeted, came(true)));
    case.held("round_trips_then_to_data_at_node", Visit::rounds(greeted, came(false)), ONE_ROUND_TRIP);
    let took = |visit: &Visit, curve: &Curve| Visit::rounds(visit.traffic.greeted(), curve.last());
    let more = |slow: Option<f64>, plain: Option<f64>| slow.zip(plain).map(|(slow, plain)| slow - plain);
    case.maybe(
        "round_trips_then_to_all_at_hub",
        more(took(&slow, &slow.at_hub), took(&visit, &visit.at_hub)),
    );
    case.maybe(
        "round_trips_then_to_all_at_node",
        more(took(&slow, &slow.at_node), took(&visit, &visit.at_node)),
    );
    usages(&mut case, visit.node, visit.hub);
    case.note("round trips to all: how many more of 50 ms with a delay of 25 ms each way than without");
    case.note("peers for the edits: 0.37 s and 403 KB");
    case
}

/// Both sides edit while the line is cut; neither edits what the other does.
fn edit_apart(pair: &Pair, round: &str) {
    pair.relay.cut(true);
    let service = pair.node.serve();
    let ids = pair.asking.organizations(&pair.node);
    let step = ids.len() / (2 * EDITS);
    for (n, id) in ids.iter().step_by(step).take(2 * EDITS).enumerate() {
        let site = if n % 2 == 0 { &pair.node } else { &pair.city.hub };
        pair.asking.set(site, id, "staff_full", &format!("{round}{n:03}"));
    }
    service.stop();
    pair.relay.cut(false);
    pair.rest();
}

/// Runs `sync` and looks on.
fn visit(pair: &Pair) -> Visit {
    let hub_device = device(&pair.asking.status(&pair.city.hub));
    let own_device = device(&pair.node.status());
    let meter = Meter::of(pair.hub_pid());
    let (at_hub, at_node) = (Watch::begin(&pair.city.hub.data, LOOK), Watch::begin(&pair.node.data, LOOK));
    let begun = Instant::now();
    let (said, node, ended) = follow(pair.node.start(&["sync"]));
    assert_eq!(said.code, 0, "sync did not go well: {} {}", said.out, said.err);
    pair.relay.rest(QUIET);
    let (hub, traffic) = (meter.read(), pair.relay.take());
    let (at_node, at_hub) = (at_node.end(&own_device), at_hub.end(&hub_device));
    Visit { begun, ended, traffic, at_node, at_hub, node, hub }
}

/// Does something while the line holds everything back.
pub(super) fn delayed<T>(pair: &Pair, work: impl FnOnce() -> T) -> T {
    pair.relay.delay(WAY);
    let done = work();
    pair.relay.delay(Duration::ZERO);
    done
}

/// A new connection, and nothing has changed.
pub fn nothing_new(pair: &Pair) -> Case {
    let mut case = Case::new("nothing changed: a new connection", pair.records);
    // What a visit before has left over is not of this case.
    pair.sync();
    pair.rest();
    let visits: Vec<Visit> = (0..VISITS.0).map(|_| visit(pair)).collect();
    let slow: Vec<Visit> = delayed(pair, || (0..VISITS.1).map(|_| visit(pair)).collect());
    let middle = |visits: &[Visit], of: &dyn Fn(&Visit) -> Option<f64>| {
        median(&mut visits.iter().filter_map(of).collect::<Vec<_>>())
    };
    case.maybe("command_seconds", middle(&visits, &|visit| Some(visit.seconds())));
    let first = |visit: &Visit| Some((visit.traffic.first()? - visit.begun).as_secs_f64());
    case.maybe("first_datagram_seconds", middle(&visits, &first));
    case.maybe("bytes_node_to_hub", middle(&visits, &|visit| Some(visit.traffic.up() as f64)));
    case.maybe("bytes_hub_to_node", middle(&visits, &|visit| Some(visit.traffic.down() as f64)));
    let datagrams = |visit: &Visit| Some(visit.traffic.0.len() as f64);
    case.maybe("datagrams", middle(&visits, &datagrams));
    let verdict = |visit: &Visit| Visit::rounds(visit.traffic.first(), visit.at_node.synced.first().copied());
    case.maybe("round_trips_to_verdict", middle(&slow, &verdict));
    let whole = middle(&slow, &|visit| Some(visit.seconds()));
    let plain = middle(&visits, &|visit| Some(visit.seconds()));
    case.maybe("round_trips_of_command", whole.zip(plain).map(|(whole, plain)| (whole - plain) / ROUND));
    let used = |of: &dyn Fn(&Visit) -> Usage| Usage {
        cpu_seconds: visits.iter().map(|visit| of(visit).cpu_seconds).sum::<f64>() / VISITS.0 as f64,
        peak_megabytes: visits.iter().map(|visit| of(visit).peak_megabytes).fold(0.0, f64::max),
    };
    usages(&mut case, used(&|visit| visit.node), used(&|visit| visit.hub));
    case
}

/// An open connection between two services, and nothing has changed.
pub fn nothing_open(pair: &Pair) -> Case {
    let mut case = Case::new("nothing changed: an open connection", pair.records);
    let service = pair.node.serve();
    pair.asking.until_level(&pair.node);
    pair.rest();
    let (at_node, at_hub) = (Meter::of(service.running.pid()), Meter::of(pair.hub_pid()));
    let (mut plain, mut up, mut down) = questions(pair, QUESTIONS.0);
    let (node, hub) = (at_node.read(), at_hub.read());
    let (mut slow, ..) = delayed(pair, || questions(pair, QUESTIONS.1));
    service.stop();
    let (plain, slow) = (median(&mut plain), median(&mut slow));
    let (up, down) = (median(&mut up), median(&mut down));
    case.maybe("milliseconds", plain.map(|seconds| seconds * 1000.0));
    case.maybe("bytes_node_to_hub", up);
    case.maybe("bytes_hub_to_node", down);
    case.held("bytes", up.zip(down).map(|(up, down)| up + down), QUESTION_BYTES);
    case.maybe("round_trips", slow.zip(plain).map(|(slow, plain)| (slow - plain) / ROUND));
    usages(&mut case, node, hub);
    case.note("processor time is that of 20 questions");
    case
}

/// Asks so often through the node's service: seconds, and bytes each way.
fn questions(pair: &Pair, times: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (mut seconds, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        let begun = Instant::now();
        pair.asking.ask(&pair.node, &huiliu_replica::commands::Request::Sync);
        seconds.push(begun.elapsed().as_secs_f64());
        pair.relay.rest(QUIET);
        let traffic = pair.relay.take();
        up.push(traffic.up() as f64);
        down.push(traffic.down() as f64);
    }
    (seconds, up, down)
}
