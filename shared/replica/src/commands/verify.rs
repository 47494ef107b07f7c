//! `verify`: every entry of the journal, its checksum, chain and signature. Names every damage, never stops at the
//! first, and changes nothing.

use crate::commands::request::{Answer, Context};
use crate::commands::words::aligned;
use crate::service::home::Failure;
use crate::{Replica, ReplicaError};
use huiliu_core::model::messages::Say;
use huiliu_core::sync::control::{self, Note};
use huiliu_core::sync::feed::{BadRun, check_run};
use huiliu_core::sync::{EntryKind, FeedId, Head, PublicKey, Run};
use huiliu_store::{Damage, Found, Position};
use serde_json::json;
use std::collections::BTreeMap;

/// Checks the journal. Exit 7 if anything is damaged.
pub fn verify(replica: &Replica, context: &Context) -> Result<Answer, Failure> {
    let (entries, feeds, damaged) = walk(replica)?;
    let list: Vec<_> = damaged
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
    let ok = damaged.is_empty();
    let json = json!({ "v": 1, "ok": ok, "entries": entries, "feeds": feeds, "damaged": list });
    if ok {
        return Ok(Answer::good(json, Say::VerifyGood { entries, feeds }.text(context.lang())));
    }
    let mut lines = vec![vec![Say::VerifyBad { count: damaged.len() }.text(context.lang())]];
    lines.extend(damaged.iter().map(|one| {
        let entry = one.entry.map_or(String::new(), |(feed, number)| format!("{feed} #{number}"));
        vec![one.segment.clone(), one.offset.to_string(), entry, one.reason.to_owned()]
    }));
    Ok(Answer { exit: 7, json, text: aligned(&lines), file: None })
}

fn walk(replica: &Replica) -> Result<(u64, usize, Vec<Damage>), ReplicaError> {
    // Where each feed stood at its points: a note that a feed was rewound goes back to one of them.
    let mut points: BTreeMap<FeedId, Vec<Head>> = BTreeMap::new();
    let (mut entries, mut damaged) = (0, Vec::new());
    replica.journal.scan::<ReplicaError>(Position::default(), |found| {
        match found {
            Found::Damaged(damage) => damaged.push(damage),
            Found::Run(run, span) => {
                entries += run.entries.len() as u64;
                let head = points.get(&run.feed).and_then(|heads| heads.last()).copied();
                let head = head.unwrap_or(Head::START);
                let (next, wrong) = check(replica, &head, &run);
                if let Some(reason) = wrong {
                    let segment = format!("{:08}.seg", span.at.segment);
                    let entry = Some((run.feed, run.first));
                    damaged.push(Damage { segment, offset: span.at.offset, entry, reason });
                }
                points.entry(run.feed).or_default().push(next);
                for (feed, after) in rewound(replica, &run) {
                    points.entry(feed).or_default().retain(|head| head.number <= after);
                }
            }
        }
        Ok(())
    })?;
    Ok((entries, points.len(), damaged))
}

/// The feeds that a run of the own notebook says to have been taken back, and to where. The branch that was given up
/// stays in the journal before it, the other one follows.
fn rewound(replica: &Replica, run: &Run) -> Vec<(FeedId, u64)> {
    if run.feed.channel.is_shared() || run.feed.device != replica.device() {
        return Vec::new();
    }
    let notes = run.entries.iter().filter(|entry| entry.kind == EntryKind::NOTE);
    let back = notes.filter_map(|entry| match control::decode(&entry.payload) {
        Some(Note::Rewound { feed, after }) => Some((feed, after)),
        _ => None,
    });
    back.collect()
}

fn check(replica: &Replica, head: &Head, run: &Run) -> (Head, Option<&'static str>) {
    let behind = Head { number: run.last(), ..*head };
    let Some(author) = author(replica, &run.feed) else {
        return (behind, Some("the author has no grant here"));
    };
    match check_run(&author, head, run) {
        Ok(next) => (next, None),
        Err(BadRun::Gap) => (behind, Some("entries before it are missing")),
        Err(BadRun::Shape) => (behind, Some("not a run that ends with a signed point")),
        Err(BadRun::Signature) => (behind, Some("chain or signature does not hold")),
    }
}

fn author(replica: &Replica, feed: &FeedId) -> Option<PublicKey> {
    if feed.device == replica.device() {
        return Some(replica.key().public());
    }
    if feed.device == replica.home.root.device() {
        return Some(replica.home.root.clone());
    }
    replica.authority().last_grant_of(&feed.device).map(|(_, grant)| grant.key.clone())
}
