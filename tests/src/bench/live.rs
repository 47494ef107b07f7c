//! Live edits: both services are connected and level, a record is set on one side, and the other soon has it.

use super::durable::growth;
use super::joins::usages;
use super::pair::{Pair, QUIET};
use super::report::{Case, Target, median};
use super::usage::Meter;
use crate::harness::process::{Site, until};
use std::time::{Duration, Instant};

/// How many edits are made on each side.
const EDITS: usize = 30;
/// Between two looks at what is durable on the other side.
const LOOK: Duration = Duration::from_micros(200);
/// An edit that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(20);
/// Milliseconds from the command to the other side's disk.
const SOON: Target = Target::Below(15.0);

/// Edits on each side.
pub fn edits(pair: &Pair) -> Vec<Case> {
    let service = pair.node.serve();
    pair.asking.until_level(&pair.node);
    let ids = pair.asking.organizations(&pair.node);
    let (node, hub) = (&pair.node, &pair.city.hub);
    let node_pid = service.running.pid();
    let cases = vec![
        one_way(pair, "live edit: node -> hub", (node, hub), &ids[..EDITS], node_pid),
        one_way(pair, "live edit: hub -> node", (hub, node), &ids[EDITS..2 * EDITS], node_pid),
    ];
    service.stop();
    cases
}

fn one_way(
    pair: &Pair,
    name: &'static str,
    (from, to): (&Site, &Site),
    ids: &[String],
    node_pid: u32,
) -> Case {
    let mut case = Case::new(name, pair.records);
    pair.rest();
    let (at_node, at_hub) = (Meter::of(node_pid), Meter::of(pair.hub_pid()));
    let (mut saved, mut durable, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (n, id) in ids.iter().enumerate() {
        let value = format!("7{n:03}");
        let watch = growth(&to.data, LOOK, LIMIT);
        let begun = Instant::now();
        let millis = |at: Instant| at.saturating_duration_since(begun).as_secs_f64() * 1000.0;
        pair.asking.set(from, id, "staff_full", &value);
        saved.push(millis(Instant::now()));
        let there = watch.join().expect("looking does not fail");
        let there = there.unwrap_or_else(|| panic!("{name}: nothing came within {} s", LIMIT.as_secs()));
        durable.push(millis(there));
        until("the edit to be shown", || {
            let field = pair.asking.field(to, id, "staff_full");
            (field.to_string().trim_matches('"') == value).then_some(())
        });
        shown.push(millis(Instant::now()));
        pair.relay.rest(QUIET);
        let traffic = pair.relay.take();
        up.push(traffic.up() as f64);
        down.push(traffic.down() as f64);
    }
    let (node, hub) = (at_node.read(), at_hub.read());
    case.held("milliseconds_to_durable_there", median(&mut durable), SOON);
    case.maybe("milliseconds_slowest", durable.last().copied());
    case.maybe("milliseconds_to_saved_here", median(&mut saved));
    case.maybe("milliseconds_to_shown_there", median(&mut shown));
    case.maybe("bytes_node_to_hub", median(&mut up));
    case.maybe("bytes_hub_to_node", median(&mut down));
    usages(&mut case, node, hub);
    case.note("from the request to the other side's witness; shown: when a question asked then was answered");
    case.note("processor time is that of 30 edits and as many questions");
    case
}
