//! `verify`: every entry of the journal, its checksum, chain and signature. Names every damaged entry, never stops at
//! the first, and changes nothing.

use crate::Replica;
use crate::commands::request::{Answer, Context};
use crate::commands::words::aligned;
use crate::inspect::{Inspected, Keys, inspect};
use crate::service::home::Failure;
use huiliu_core::model::messages::{Say, damage};
use serde_json::{Value as Json, json};

/// Checks the journal of a replica that is open. Exit 7 if anything is damaged.
pub fn verify(replica: &Replica, context: &Context) -> Result<Answer, Failure> {
    let keys = Keys { own: Some(replica.key().public()), hub: Some(replica.home.clone()) };
    Ok(answer(&inspect(&replica.journal, Some(&replica.index), &keys)?, context))
}

/// The answer that an inspection gives.
pub fn answer(inspected: &Inspected, context: &Context) -> Answer {
    let Inspected { entries, feeds, damaged, holes, .. } = inspected;
    let list: Vec<Json> = damaged
        .iter()
        .map(|one| {
            json!({
                "segment": one.segment,
                "offset": one.offset,
                "feed": one.entry.map(|(feed, _)| feed.to_string()),
                "number": one.entry.map(|(_, number)| number),
                "reason": one.reason,
            })
        })
        .collect();
    let holes: Vec<Json> =
        holes.iter().map(|(feed, number)| json!({ "feed": feed.to_string(), "number": number })).collect();
    let ok = damaged.is_empty();
    let json = json!({
        "v": 1, "ok": ok, "entries": entries, "feeds": feeds, "damaged": list, "holes": holes,
    });
    if ok {
        let say = Say::VerifyGood { entries: *entries, feeds: *feeds };
        return Answer::good(json, say.text(context.lang()));
    }
    let lines = damaged.iter().map(|one| {
        let entry = one.entry.map_or(String::new(), |(feed, number)| format!("{feed} #{number}"));
        let why = context.lang().pick(damage(one.reason).unwrap_or(one.reason), one.reason);
        vec![one.segment.clone(), one.offset.to_string(), entry, why.to_owned()]
    });
    let lines: Vec<Vec<String>> = lines.collect();
    let said = Say::VerifyBad { count: damaged.len() }.text(context.lang());
    Answer { exit: 7, json, text: format!("{said}\n{}", aligned(&lines)), file: None }
}
