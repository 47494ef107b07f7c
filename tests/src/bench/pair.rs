//! Who is measured: a hub and a county node with a list of organizations, and a relay between them.

use crate::bench::asking::Asking;
use crate::bench::relay::Relay;
use crate::bench::usage::follow;
use crate::harness::lists::{TOWNS, list_csv};
use crate::harness::process::{City, Site, binary};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The county whose nodes are measured.
pub const COUNTY: &str = "330203";
/// How long nothing must pass on a line for it to be at rest.
pub const QUIET: Duration = Duration::from_millis(300);
/// How long each way of the line takes where round trips are counted.
pub const WAY: Duration = Duration::from_millis(25);

/// What cargo tells a program that it runs about the package it comes from.
const OWN_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// A hub that serves, and a county node.
pub struct Pair {
    /// The city.
    pub city: City,
    /// The county's node.
    pub node: Site,
    /// Its line to the hub.
    pub relay: Relay,
    /// Who asks their services.
    pub asking: Asking,
    /// How many organizations there are.
    pub records: u64,
}

impl Pair {
    /// Founds the city and lets the county join it; it has nothing yet.
    pub fn found() -> Self {
        let city = City::found();
        let relay = relay(&city);
        let node = Site::node(city.path("county"));
        let ticket = ticket(&city, &relay);
        node.good(&["join", &ticket, "--name", "county"]);
        Self { city, node, relay, asking: Asking::default(), records: 0 }
    }

    /// The county reads in a list of so many organizations, on its own; seconds.
    pub fn import(&mut self, records: u64) -> f64 {
        let rows = usize::try_from(records).expect("a list fits into memory");
        let list = self.city.file("list.csv", list_csv(COUNTY, 0..rows, &TOWNS).as_bytes());
        let begun = Instant::now();
        let (said, _, ended) = follow(self.node.start(&["import", &list, "--kind", "social_org"]));
        assert_eq!(said.code, 0, "the list was not read in: {} {}", said.out, said.err);
        self.records = records;
        (ended - begun).as_secs_f64()
    }

    /// The hub's process.
    pub fn hub_pid(&self) -> u32 {
        self.city.service.as_ref().expect("the hub serves").running.pid()
    }

    /// Runs `sync` on the county's node, which must become level.
    pub fn sync(&self) {
        self.node.sync();
    }

    /// Waits for the line to be at rest and forgets what passed.
    pub fn rest(&self) {
        self.relay.rest(QUIET);
        self.relay.take();
    }
}

/// A line to a city's hub.
pub fn relay(city: &City) -> Relay {
    Relay::before(city.address().parse().expect("the hub tells an address"))
}

/// A ticket for a node of the county behind a line.
pub fn ticket(city: &City, relay: &Relay) -> String {
    let address = relay.address.to_string();
    let invited = city.hub.good(&["invite", "--division", COUNTY, "--advertise", &address]);
    invited["ticket"].as_str().expect("a ticket").to_owned()
}

/// Builds the two programs that are measured, with the profile of this one, if cargo started it: what is measured is
/// what lies in the sources. Otherwise they must be there.
///
/// # Panics
/// If that fails.
pub fn build_programs() {
    let own = std::env::current_exe().expect("a program knows where it lies");
    let profile = own.parent().and_then(Path::file_name).unwrap_or_default();
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "huiliu-node", "-p", "huiliu-hub"]);
        if profile == "release" {
            build.arg("--release");
        }
        // What cargo tells a program of its own package would make build scripts run anew, and all that needs them.
        let told = |name: &str| OWN_PACKAGE.iter().any(|about| name.starts_with(about));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(told) {
                build.env_remove(name);
            }
        }
        let built = build.stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(built.is_ok_and(|status| status.success()), "the programs that are measured do not build");
    }
    for name in ["huiliu-hub", "huiliu-node"] {
        binary(name);
    }
}
