//! Asks a running service from here, as its page does: over the local interface, without starting a program for it.

use crate::harness::process::{Site, until};
use huiliu_replica::Role;
use huiliu_replica::commands::{Answer, Context, Listing, Request};
use huiliu_replica::service::{client, time};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

/// Somebody who asks services.
pub struct Asking {
    runtime: Runtime,
}

impl Default for Asking {
    fn default() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { runtime: runtime.expect("the system gives a runtime its sockets") }
    }
}

impl Asking {
    /// Asks, and gives back the answer.
    ///
    /// # Panics
    /// If no service answers or it says no.
    pub fn ask(&self, site: &Site, request: &Request) -> Json {
        let role = if site.program.ends_with("huiliu-hub") { Role::Hub } else { Role::Node };
        let context = Context {
            who: "经办人".into(),
            english: true,
            purpose: None,
            noted: None,
            now: time::now(),
            link: None,
        };
        let (name, mut quiet) = (site.data.display(), |_: usize, _: usize| {});
        let asked = client::ask(&site.data, role, request, &context, &mut quiet);
        match self.runtime.block_on(asked) {
            Some(Ok(Answer { exit: 0, json, .. })) => json,
            Some(Ok(answer)) => panic!("the service of {name} says: {}", answer.text),
            Some(Err(failure)) => panic!("the service of {name} gives no answer: {:?}", failure.say),
            None => panic!("no service runs in {name}"),
        }
    }

    /// `status`.
    pub fn status(&self, site: &Site) -> Json {
        self.ask(site, &Request::Status)
    }

    /// Sets one field of a record.
    pub fn set(&self, site: &Site, id: &str, field: &str, value: &str) {
        self.ask(site, &Request::RecordSet { id: id.into(), fields: vec![format!("{field}={value}")] });
    }

    /// One field of a record.
    pub fn field(&self, site: &Site, id: &str, field: &str) -> Json {
        let shown = self.ask(site, &Request::RecordShow { id: id.into(), history: false });
        shown["record"]["fields"][field].clone()
    }

    /// The ids of all organizations.
    pub fn organizations(&self, site: &Site) -> Vec<String> {
        let listing = Listing { kind: "social_org".into(), ..Listing::default() };
        let listed = self.ask(site, &Request::RecordList(listing));
        let ids = listed["records"].as_array().expect("a list of records").iter();
        ids.map(|record| record["id"].as_str().expect("records have ids").to_owned()).collect()
    }

    /// Waits until a node's service is connected and level with its hub.
    pub fn until_level(&self, node: &Site) {
        until("the link", || (self.status(node)["transport"] == "QUIC").then_some(()));
        self.ask(node, &Request::Sync);
    }
}
