//! The hub's `node list | show | revoke` and `invite`.

use crate::Replica;
use crate::commands::records::reason_of;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{aligned, division_of, json_time, listing, moment, place};
use crate::service::home::Failure;
use crate::service::time::rfc3339;
use huiliu_core::model::messages::{Lang, Say, Words};
use huiliu_core::sync::DeviceId;
use huiliu_link::identity::random;
use huiliu_link::ticket::{Secret, Ticket};
use serde_json::{Value as Json, json};

/// A device and everything `node list` says of it.
fn describe(replica: &Replica, device: &DeviceId, context: &Context) -> Json {
    let grant = replica.authority().last_grant_of(device).map(|(_, grant)| grant);
    let peer = replica.peers().get(device).copied();
    let revocation = replica.authority().revocation(device);
    let incarnation = replica.newest_incarnation_of(device);
    json!({
        "device": device.to_string(),
        "division": grant.map(|grant| grant.division.to_string()),
        "division_name": grant.and_then(|grant| replica.divisions().full_name(grant.division)),
        "name": grant.map(|grant| grant.name.clone()),
        "state": match (revocation, peer) {
            (Some(_), _) => "revoked",
            (None, Some(_)) => "active",
            (None, None) => "granted",
        },
        "reason": revocation.map(|revocation| revocation.reason.clone()),
        "incarnation": incarnation.map(|incarnation| incarnation.to_string()),
        "last_seen": json_time(peer.map(|peer| peer.last_seen)),
        "verified_at": json_time(peer.and_then(|peer| peer.verified_at)),
        "pending": peer.map_or(0, |peer| peer.pending),
        "connected": context.link.is_some() && replica.is_connected(device),
    })
}

/// Lists the devices that were ever granted, the hub's own left out.
pub fn list(replica: &Replica, context: &Context) -> Result<Answer, Failure> {
    let devices = replica.authority().devices().map(|(device, _)| *device);
    let devices: Vec<DeviceId> = devices.filter(|device| *device != replica.device()).collect();
    let nodes: Vec<Json> = devices.iter().map(|device| describe(replica, device, context)).collect();
    let lang = context.lang();
    let lines: Vec<Vec<String>> = devices
        .iter()
        .zip(&nodes)
        .map(|(device, node)| {
            let text = |key: &str| node[key].as_str().unwrap_or("-").to_owned();
            let short = text("device").chars().take(12).collect();
            let seen = replica.peers().get(device).map(|peer| moment(peer.last_seen));
            let seen = seen.unwrap_or_else(|| "-".to_owned());
            let place = format!("{} {}", text("division_name"), text("division"));
            vec![short, text("name"), place, state(node, lang), node["pending"].to_string(), seen]
        })
        .collect();
    let heads =
        [Say::HeadDevice, Say::HeadName, Say::WordUnit, Say::WordState, Say::WordPending, Say::HeadSeen];
    let text = if lines.is_empty() { Say::NoNodes.text(lang) } else { listing(&heads, lines, lang) };
    Ok(Answer::good(json!({ "v": 1, "nodes": nodes }), text))
}

/// Shows one device.
pub fn show(replica: &Replica, node: &str, context: &Context) -> Result<Answer, Failure> {
    let device = find(replica, node)?;
    let (json, lang) = (describe(replica, &device, context), context.lang());
    let text = |key: &str| json[key].as_str().unwrap_or("-").to_owned();
    let peer = replica.peers().get(&device);
    let time = |millis: Option<u64>| millis.map_or_else(|| "-".to_owned(), moment);
    let mut lines = vec![
        (Say::HeadDevice, text("device")),
        (Say::HeadName, text("name")),
        (Say::WordUnit, format!("{} {}", text("division_name"), text("division"))),
        (Say::WordState, state(&json, lang)),
        (Say::WordPending, json["pending"].to_string()),
        (Say::HeadSeen, time(peer.map(|peer| peer.last_seen))),
        (Say::HeadVerified, time(peer.and_then(|peer| peer.verified_at))),
        (Say::HeadIncarnation, text("incarnation")),
    ];
    if let Some(reason) = json["reason"].as_str() {
        lines.insert(4, (Say::HeadReason, reason.to_owned()));
    }
    let lines: Vec<Vec<String>> = lines.into_iter().map(|(head, text)| vec![head.text(lang), text]).collect();
    Ok(Answer::good(json!({ "v": 1, "node": json }), aligned(&lines)))
}

/// The state of a described device in words.
fn state(node: &Json, lang: Lang) -> String {
    match (node["state"].as_str(), node["connected"].as_bool()) {
        (Some("revoked"), _) => Words::StateRevoked.text(lang),
        (Some("granted"), _) => Words::StateInvited.text(lang),
        (_, Some(true)) => Words::StateOnline.text(lang),
        _ => Say::StateJoined.text(lang),
    }
}

/// Ends a device's grants.
pub fn revoke(replica: &mut Replica, node: &str, reason: &str, context: &Context) -> Result<Answer, Failure> {
    let device = find(replica, node)?;
    if device == replica.device() {
        return Err(Failure::new(2, Say::OwnDevice));
    }
    let name = replica.device_name(&device).unwrap_or_default();
    let reason = &reason_of(reason)?;
    replica.revoke(device, reason, &context.who, context.now)?;
    let json = json!({ "v": 1, "device": device.to_string(), "state": "revoked" });
    Ok(Answer::good(json, Say::Revoked { name }.text(context.lang())))
}

/// A device by the beginning of its id, its name, or its division, code or name, if that has one device only.
fn find(replica: &Replica, text: &str) -> Result<DeviceId, Failure> {
    let matches = |(device, grant): &(&DeviceId, &huiliu_core::sync::control::Grant)| {
        text.len() >= 6 && device.to_string().starts_with(text)
            || grant.name == text
            || grant.division.to_string() == text
            || [
                replica.divisions().full_name(grant.division).as_deref(),
                replica.divisions().name(grant.division),
            ]
            .contains(&Some(text))
    };
    let mut found = replica.authority().devices().filter(matches).map(|(device, _)| *device);
    match (found.next(), found.next()) {
        (Some(device), None) => Ok(device),
        _ => Err(Failure::new(1, Say::NoSuchNode { text: text.to_owned() })),
    }
}

/// Makes a one-time ticket for a division.
pub fn invite(
    replica: &mut Replica,
    division: &str,
    ttl_seconds: u64,
    addresses: &[String],
    context: &Context,
) -> Result<Answer, Failure> {
    let code = division_of(replica, division)?;
    if !replica.divisions().is_within(code, replica.division()) {
        return Err(Failure::new(2, Say::BadDivision { text: division.to_owned() }));
    }
    if addresses.is_empty() {
        return Err(Failure::new(2, Say::NoAddress));
    }
    let failed = |error: huiliu_link::LinkError| crate::service::home::link_failure(&error);
    let (id, secret) = (random().map_err(failed)?, Secret(random().map_err(failed)?));
    let expires = context.now / 1000 + ttl_seconds;
    let ticket = Ticket {
        hub: replica.device(),
        id,
        secret: secret.clone(),
        division: code.number(),
        expires,
        addresses: addresses.to_vec(),
    };
    let text = ticket.encode().map_err(|_| Failure::new(2, Say::NoAddress))?;
    replica.issue_ticket(id, secret.digest(), code, expires, &context.who, context.now)?;
    let until = rfc3339(expires * 1000);
    let (division, shown) = (place(replica, code), moment(expires * 1000));
    let said = Say::Invited { division, until: shown }.text(context.lang());
    let json = json!({ "v": 1, "ticket": text, "division": code.to_string(), "expires": until });
    Ok(Answer {
        exit: 0,
        json,
        text: format!("{said}\n{text}"),
        file: Some(format!("{text}\n").into_bytes()),
    })
}
