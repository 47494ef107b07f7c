//! The oracle of findings: whoever sees a division finds the same in it.

use super::play::Play;
use super::schedule::REPLICAS;
use crate::harness::world::HUB;
use huiliu_replica::commands::reports::Wanted;
use huiliu_replica::commands::{Context, Request, run};
use std::collections::BTreeSet;

/// A rule and the records that it names.
type Found = BTreeSet<(String, Vec<String>)>;

impl Play {
    pub(super) fn check_findings(&mut self) {
        if !self.people {
            return;
        }
        for (_, division) in REPLICAS {
            let hub = self.found(HUB, division);
            for name in self.names.clone() {
                let own = self.world.machines[name].division.to_string();
                if name == HUB || !division.starts_with(&own) || self.world.revoked.contains(name) {
                    continue;
                }
                let found = self.found(name, division);
                if found != hub {
                    let (more, less) = (found.difference(&hub).next(), hub.difference(&found).next());
                    self.fail(format!("in {division} {name} finds {more:?}, the hub {less:?}"));
                }
            }
        }
    }

    fn found(&mut self, name: &'static str, division: &str) -> Found {
        let now = self.world.now;
        let Some(replica) = self.world.machines.get_mut(name).and_then(|it| it.replica.as_mut()) else {
            return Found::new();
        };
        let (as_of, file) = (Some("2021-06-30".to_owned()), None);
        let wanted = Wanted { name: "findings".into(), division: Some(division.into()), as_of, file };
        let context =
            Context { who: "审核".into(), english: false, purpose: None, noted: None, now, link: None };
        let report = run(replica, &Request::Report(wanted), &context).json;
        let rows = report["rows"].as_array().into_iter().flatten();
        // Who is told by name and month of birth is found by who can read them: keys may be under way.
        let told = rows.filter(|row| row["rule"] != "DOUBTFUL_PERSON").map(|row| {
            let records = row["records"].as_array().into_iter().flatten();
            let mut ids: Vec<String> = records.map(|record| record["id"].to_string()).collect();
            ids.sort();
            (row["rule"].to_string(), ids)
        });
        told.collect()
    }
}
