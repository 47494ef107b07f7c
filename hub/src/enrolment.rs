//! Enrolment: who may join with which ticket, and who may renew.

use crate::listen::{code_of, standing};
use huiliu_core::model::DivisionCode;
use huiliu_core::model::messages::Say;
use huiliu_core::sync::PublicKey;
use huiliu_link::certificate::DEFAULT_VALIDITY;
use huiliu_link::enrol::{self, JoinReply, JoinRequest, RenewReply, RenewRequest};
use huiliu_link::{HubIdentity, PeerIdentity};
use huiliu_replica::commands::words::{moment, tame};
use huiliu_replica::hub::IssuedTicket;
use huiliu_replica::service::engine::Engine;
use huiliu_replica::service::time::now;
use huiliu_replica::standing::REFUSED;
use huiliu_replica::{Replica, ReplicaError};
use std::path::PathBuf;
use std::sync::Arc;

/// A device's clock may be behind the hub's by so many seconds without its certificate looking not yet valid.
const CLOCK_SLACK: i64 = 24 * 3600;

/// What enrolling needs.
#[derive(Clone)]
pub(crate) struct Enrolment {
    pub(crate) engine: Engine,
    pub(crate) identity: Arc<HubIdentity>,
    /// The data directory.
    pub(crate) root: PathBuf,
    pub(crate) name: String,
    pub(crate) division: DivisionCode,
}

impl Enrolment {
    /// Decides about a join. The same device with the same ticket gets the same answer again: a reply may get lost.
    pub(crate) async fn join(&self, request: &JoinRequest) -> JoinReply {
        let refused = |say: Say| JoinReply::Refused { code: REFUSED, sentence: say.both() };
        let Ok(key) = request.key() else { return refused(Say::TicketDamaged) };
        let (ticket, digest, name) = (request.ticket, request.secret.digest(), tame(&request.name));
        let admitted = self.engine.call(move |replica, now| {
            let tickets = replica.tickets().map_err(|_| Say::Busy)?;
            let issued =
                tickets.get(&ticket).filter(|issued| issued.secret == digest).ok_or(Say::TicketUnknown)?;
            admit(replica, ticket, issued, key, &name, now)
        });
        match admitted.await {
            Ok(Ok(())) => {}
            Ok(Err(say)) => return refused(say),
            Err(_) => return refused(Say::Busy),
        }
        let welcome = enrol::welcome(&self.identity, request, validity(), self.division.number(), &self.name);
        welcome.unwrap_or_else(|_| refused(Say::TicketDamaged))
    }

    /// Decides about a renewal: whoever has a grant that has not ended, expired certificate or not.
    pub(crate) async fn renew(&self, peer: &PeerIdentity, request: &RenewRequest) -> RenewReply {
        let refused = |say: Say| RenewReply::Refused { code: code_of(&say), sentence: say.both() };
        if let Err(say) = standing(&self.engine, peer.device).await {
            return refused(say);
        }
        let renewed = enrol::renewed(&self.identity, peer, request, validity());
        renewed.unwrap_or_else(|_| refused(Say::CertificateExpired))
    }
}

fn validity() -> (i64, i64) {
    let seconds = (now() / 1000) as i64;
    (seconds - CLOCK_SLACK, seconds + DEFAULT_VALIDITY)
}

/// Uses a ticket up and grants the device; or says why not.
fn admit(
    replica: &mut Replica,
    ticket: [u8; 8],
    issued: &IssuedTicket,
    key: PublicKey,
    name: &str,
    now: u64,
) -> Result<(), Say> {
    let busy = |_: ReplicaError| Say::Busy;
    let device = key.device();
    let authority = replica.ledger().authority.as_ref();
    if let Some(revocation) = authority.and_then(|authority| authority.revocation(&device)) {
        return Err(Say::DeviceRevoked { reason: revocation.reason.clone() });
    }
    let is_granted = authority.is_some_and(|authority| authority.grant_of(&device).is_some());
    match &issued.used {
        Some((by, name, at)) if *by != device => {
            return Err(Say::TicketUsed { name: name.clone(), at: moment(*at) });
        }
        Some(_) if is_granted => return Ok(()),
        _ => {}
    }
    if issued.expires < now / 1000 {
        return Err(Say::TicketExpired);
    }
    let place = replica.divisions().full_name(issued.division).unwrap_or_else(|| issued.division.to_string());
    let name = if name.is_empty() { place } else { name.to_owned() };
    // First the ticket: a crash in between costs a new ticket, never a second device.
    replica.use_ticket(ticket, device, &name, now).map_err(busy)?;
    replica.grant(key, issued.division, &name, "huiliu", now).map_err(busy)
}
