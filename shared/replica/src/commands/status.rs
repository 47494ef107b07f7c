//! `status` and `sync plan`.

use crate::commands::match_key;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{self, aligned, json_time, moment};
use crate::matching::MatchKey;
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use crate::withheld::Withheld;
use crate::{Replica, Role};
use huiliu_core::model::dictionary::kinds;
use huiliu_core::model::messages::{Lang, Say};
use huiliu_core::sync::control::Beginning;
use huiliu_store::keys;
use huiliu_store::rows::RunRow;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

/// What is here and how it stands.
pub fn status(replica: &Replica, context: &Context) -> Result<Answer, Failure> {
    let (records, lang) = (replica.counts()?, context.lang());
    let conflicts: u32 = replica.conflicted()?.iter().map(|(_, fields)| fields).sum();
    let quarantined = replica.quarantined()?.len();
    let drafts = replica.drafts()?.len();
    let mended = replica.mended()?;
    let mut frontier = Map::new();
    for (feed, head) in replica.ledger().heads().filter(|(feed, _)| feed.channel.is_shared()) {
        let name = format!("{}/{}.{}", feed.channel, feed.device, feed.incarnation);
        frontier.insert(name, Json::from(head.number));
    }
    let mut fingerprints = Map::new();
    for channel in replica.shared_channels() {
        let fingerprint = replica.ledger().fingerprint(channel);
        let sum: String = fingerprint.sum.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        fingerprints.insert(channel.to_string(), Json::from(format!("{}{sum}", fingerprint.digest)));
    }
    let peers: Vec<Json> = replica
        .peers()
        .iter()
        .map(|(device, peer)| {
            json!({
                "device": device.to_string(),
                "name": replica.device_name(device),
                "last_seen": rfc3339(peer.last_seen),
                "pending": peer.pending,
                "verified_at": json_time(peer.verified_at),
            })
        })
        .collect();
    let withheld: Vec<Json> =
        replica.withheld().map(|one: Withheld| withheld_json(replica, &one, lang)).collect();
    let pending = replica.pending();
    let duplicates =
        kinds().iter().map(|kind| Ok(replica.duplicates(kind)?.len())).sum::<Result<usize, Failure>>()?;
    let revoked = replica.revoked().map(|(zh, en)| lang.pick(&zh, &en).to_owned());
    let verified_at = replica.verified_at();
    let link = context.link.clone().unwrap_or_default();
    let json = json!({
        "v": 1,
        "role": if replica.role() == Role::Hub { "hub" } else { "node" },
        "replica": replica.device().to_string(),
        "division": replica.division().to_string(),
        "incarnation": replica.incarnation().to_string(),
        "records": records,
        "pending": pending,
        "conflicts": conflicts,
        "quarantined": quarantined,
        "drafts": drafts,
        "mended": mended,
        "duplicates": duplicates,
        "revoked": revoked,
        "waiting": replica.waiting()?,
        "waiting_to_apply": replica.waiting_to_apply(),
        "match_key": match_key::word(replica),
        "withheld": withheld,
        "frontier": frontier,
        "fingerprint": fingerprints,
        "verified_at": json_time(verified_at),
        "transport": link.transport,
        "trouble": link.trouble.map(|say| say.text(lang)),
        "read_only": replica.is_read_only(),
        "notice": notice(replica, lang),
        "peers": peers,
    });
    let counts = [
        (Say::WordPending, pending),
        (Say::WordOpenConflicts, conflicts.into()),
        (Say::WordQuarantined, quarantined as u64),
        (Say::WordDrafts, drafts as u64),
        (Say::WordDuplicates, duplicates as u64),
    ];
    let mut text = status_text(replica, context, &counts)?;
    if duplicates > 0 {
        let _ = write!(text, "\n{}", Say::LookAtDuplicates.text(lang));
    }
    if !withheld.is_empty() {
        let _ = write!(text, "\n{}", Say::WithheldHere { count: withheld.len() }.text(lang));
    }
    let waiting = replica.waits()?.len();
    if waiting > 0 {
        let _ = write!(text, "\n{}", Say::WaitingHere { count: waiting }.text(lang));
    }
    if mended > 0 {
        let _ = write!(text, "\n{}", Say::MendedHere { times: mended }.text(lang));
    }
    if replica.match_key_state() == Some(MatchKey::Missing) {
        let _ = write!(text, "\n{}", Say::MatchKeyMissing.text(lang));
    }
    if let Some(revoked) = revoked {
        let _ = write!(text, "\n{revoked}");
    }
    Ok(Answer::good(json, text))
}

/// A feed that ends for the other side.
fn withheld_json(replica: &Replica, withheld: &Withheld, lang: Lang) -> Json {
    let Withheld { peer, there, feed, number, reason } = withheld;
    json!({
        "peer": peer.to_string(),
        "name": replica.device_name(peer),
        "there": there,
        "channel": feed.channel.to_string(),
        "author": feed.device.to_string(),
        "number": number,
        "reason": words::reason(*reason, lang),
    })
}

/// What the person must know besides the figures: damage, a new incarnation, a disk that takes nothing.
pub fn notice(replica: &Replica, lang: Lang) -> Option<String> {
    let begun = match replica.notice() {
        Some(Beginning::LostTail) => Some(Say::NewIncarnationLost),
        Some(Beginning::SeenElsewhere) => Some(match replica.set_back_often() {
            Some(times) => Say::SetBackOften { times },
            None => Say::NewIncarnationSeen,
        }),
        _ => None,
    };
    let damaged = replica.damaged().ok().filter(|count| *count > 0).map(|count| Say::DamagedHere { count });
    let closed = replica.is_opened_to_read().then_some(Say::OpenedToRead);
    let told: Vec<String> =
        [damaged, begun, closed].into_iter().flatten().map(|say| say.text(lang)).collect();
    (!told.is_empty()).then(|| told.join(lang.pick("", " ")))
}

fn status_text(replica: &Replica, context: &Context, counts: &[(Say, u64)]) -> Result<String, Failure> {
    let lang = context.lang();
    let word = |zh: &str, en: &str| lang.pick(zh, en).to_owned();
    let place = replica.divisions().full_name(replica.division()).unwrap_or_default();
    let mut lines = vec![vec![Say::WordUnit.text(lang), format!("{place} {}", replica.division())]];
    for (name, count) in replica.counts()? {
        let kind = kinds().iter().find(|kind| kind.name == name);
        let label = kind.map_or(name, |kind| lang.pick(kind.label, kind.label_en));
        lines.push(vec![label.to_owned(), count.to_string()]);
    }
    lines.extend(counts.iter().map(|(say, count)| vec![say.text(lang), count.to_string()]));
    let never = word("从未", "never");
    lines.push(vec![Say::HeadVerified.text(lang), replica.verified_at().map_or(never, moment)]);
    if let Some(link) = context.link.as_ref().filter(|_| replica.role() == Role::Node) {
        let trouble = link.trouble.as_ref().map(|say| say.text(lang));
        let offline = trouble.unwrap_or_else(|| word("未连接", "not connected"));
        lines.push(vec![word("连接", "link"), link.transport.map_or(offline, str::to_owned)]);
    }
    let mut text = aligned(&lines);
    if let Some(notice) = notice(replica, lang) {
        let _ = write!(text, "\n{notice}");
    }
    if replica.is_read_only() && !replica.is_opened_to_read() {
        let _ = write!(text, "\n{}", Say::ReadOnly.text(lang));
    }
    Ok(text)
}

/// What a sync would send: entries and bytes by channel.
pub fn plan(replica: &Replica, context: &Context) -> Result<Answer, Failure> {
    let mut channels: Map<String, Json> = Map::new();
    let (mut entries, mut bytes) = (0, 0);
    for (feed, no) in replica.feeds.iter().filter(|(feed, _)| feed.channel.is_shared()) {
        let after = replica.acknowledged.get(feed).copied().unwrap_or(0);
        let mut here = 0;
        let counted = replica.index.each(&keys::runs(*no), &(after + 1).to_be_bytes(), |key, row: RunRow| {
            here += u64::from_be_bytes(key.try_into().unwrap_or_default()) - row.first;
            bytes += u64::from(row.span.bytes);
            true
        });
        counted.map_err(|e| crate::service::home::store_failure(&e))?;
        if here > 0 && replica.role() == Role::Node {
            entries += here;
            let known = channels.get(&feed.channel.to_string()).and_then(Json::as_u64).unwrap_or(0);
            channels.insert(feed.channel.to_string(), Json::from(known + here));
        }
    }
    let text = match context.lang() {
        Lang::Zh => format!("将上报 {entries} 条，约 {} KB（压缩前）。", bytes / 1024),
        Lang::En => format!("{entries} entries to send, some {} KB before compression", bytes / 1024),
    };
    Ok(Answer::good(json!({ "v": 1, "entries": entries, "bytes": bytes, "channels": channels }), text))
}
