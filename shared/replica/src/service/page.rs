//! What the status page shows, read from the engine.

use crate::commands::reports::coverage_view;
use crate::commands::status::notice;
use crate::service::local::Local;
use crate::service::time::now;
use crate::{Replica, Role};
use huiliu_core::model::messages::{Lang, Say};
use huiliu_web::{Notice, PeerState, PeerView, Provider, StatusView};

impl Provider for Local {
    async fn status(&self) -> Result<StatusView, String> {
        let link = self.dialing.as_ref().map(|dialing| dialing.state()).unwrap_or_default();
        let read = self.engine.look(view).await;
        let mut view = read.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let listening = self.listening.map(|address| address.to_string());
        view.transport = link.transport.map(str::to_owned).or(listening);
        Ok(view)
    }
}

fn view(replica: &mut Replica) -> Result<StatusView, crate::ReplicaError> {
    let coverage = coverage_view(replica, now())?;
    let is_hub = replica.role() == Role::Hub;
    let division = replica.division();
    let conflicts: u32 = replica.conflicted()?.iter().map(|(_, fields)| fields).sum();
    let mut notices = Vec::new();
    if replica.is_read_only() {
        notices.push(Notice::ReadOnly { why: Say::ReadOnly.text(Lang::Zh) });
    }
    if let Some((why, _)) = replica.revoked() {
        notices.push(Notice::Revoked { why });
    }
    if let Some(why) = notice(replica, Lang::Zh) {
        notices.push(Notice::NewIncarnation { incarnation: replica.incarnation().to_string(), why });
    }
    Ok(StatusView {
        title: replica.divisions().full_name(division).unwrap_or_default(),
        role: if is_hub { huiliu_web::Role::Hub } else { huiliu_web::Role::Node },
        division_name: replica.divisions().full_name(division).unwrap_or_default(),
        division_code: division.to_string(),
        records: replica.counts()?.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
        pending: replica.pending(),
        conflicts: u64::from(conflicts),
        quarantined: replica.quarantined()?.len() as u64,
        verified_at: replica.verified_at(),
        transport: None,
        notices,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        peers: if is_hub { peers(replica) } else { Vec::new() },
        coverage,
        as_of: now(),
    })
}

/// The devices of the tree, the hub's own left out.
fn peers(replica: &Replica) -> Vec<PeerView> {
    let devices = replica.authority().devices().filter(|(device, _)| **device != replica.device());
    devices
        .map(|(device, grant)| {
            let known = replica.peers().get(device).copied();
            PeerView {
                device: grant.name.clone(),
                division_name: replica.divisions().full_name(grant.division).unwrap_or_default(),
                division_code: grant.division.to_string(),
                state: match known {
                    _ if replica.authority().revocation(device).is_some() => PeerState::Revoked,
                    _ if replica.is_connected(device) => PeerState::Online,
                    Some(_) => PeerState::Offline,
                    None => PeerState::Invited,
                },
                last_seen: known.map(|peer| peer.last_seen),
                pending: known.map(|peer| peer.pending),
            }
        })
        .collect()
}
