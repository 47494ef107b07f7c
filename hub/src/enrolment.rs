//! Enrolment: who may join with which ticket, and who may renew.

use crate::listen::{code_of, standing};
use huiliu_core::model::DivisionCode;
use huiliu_core::model::messages::Say;
use huiliu_core::sync::PublicKey;
use huiliu_link::certificate::DEFAULT_VALIDITY;
use huiliu_link::enrol::{self, JoinReply, JoinRequest, RenewReply, RenewRequest};
use huiliu_link::{HubIdentity, PeerIdentity, Seat};
use huiliu_replica::commands::words::{moment, tame};
use huiliu_replica::service::engine::Engine;
use huiliu_replica::service::time::now;
use huiliu_replica::standing::REFUSED;
use huiliu_replica::tickets::{IssuedTicket, TicketBook, TicketId};
use huiliu_replica::{Replica, ReplicaError};
use std::path::PathBuf;
use std::sync::Arc;

/// A device's clock may be behind the hub's by so many seconds without its certificate looking not yet valid.
const CLOCK_SLACK: i64 = 24 * 3600;

/// What enrolling needs.
#[derive(Clone)]
pub(crate) struct Enrolment {
    pub(crate) engine: Engine,
    /// The tickets, readable without the engine.
    pub(crate) tickets: TicketBook,
    pub(crate) identity: Arc<HubIdentity>,
    /// The data directory.
    pub(crate) root: PathBuf,
    pub(crate) name: String,
    pub(crate) division: DivisionCode,
}

impl Enrolment {
    /// Decides about a join. The same device with the same ticket gets the same answer again: a reply may get lost.
    /// Until the secret of a ticket has been shown, nothing is asked of anybody.
    pub(crate) async fn join(&self, request: &JoinRequest, seat: Option<&Seat>) -> JoinReply {
        let refused = |say: Say| JoinReply::Refused { code: REFUSED, sentence: say.both() };
        let (ticket, secret) = (request.ticket, request.secret.digest());
        if self.tickets.find(&ticket, &secret).is_none() {
            return refused(Say::TicketUnknown);
        }
        if let Some(seat) = seat {
            seat.keep();
        }
        let Ok(key) = request.key() else { return refused(Say::TicketDamaged) };
        let name = tame(&request.name);
        let admitted = self.engine.call_for_stranger(move |replica, now| {
            // As it is now: another device may have used it meanwhile.
            let issued = replica.tickets().find(&ticket, &secret).ok_or(Say::TicketUnknown)?;
            admit(replica, ticket, &issued, key, &name, now)
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
    ticket: TicketId,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use huiliu_core::sync::DeviceKey;
    use huiliu_link::certificate::signing_request;
    use huiliu_link::identity::load_key_file;
    use huiliu_link::ticket::Secret;
    use huiliu_replica::Role;
    use huiliu_replica::service::home;
    use huiliu_replica::service::serve::Running;
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::time::timeout;

    const TICKET: TicketId = *b"ticket 1";

    fn request(secret: u8) -> JoinRequest {
        JoinRequest {
            ticket: TICKET,
            secret: Secret([secret; 16]),
            request: signing_request(&DeviceKey::from_seed([3; 32])).unwrap(),
            name: "海曙区民政局".into(),
            now: 1_795_000_000,
        }
    }

    /// A hub that has issued a ticket, whose secret is all sevens.
    async fn hub(root: &std::path::Path) -> (Running, Enrolment) {
        let data = root.to_str().unwrap();
        let global = crate::Cli::parse_from(["huiliu-hub", "--data", data, "status"]).global;
        crate::init::init(&global, "3302", None, None).unwrap();
        let running = Running::start(home::open(root, Role::Hub).unwrap());
        let issued = running.engine.call(|replica, now| {
            let division = "330203".parse().unwrap();
            let expires = now / 1000 + 86_400;
            replica.issue_ticket(TICKET, Secret([7; 16]).digest(), division, expires, "经办人", now).unwrap();
            replica.tickets().clone()
        });
        let enrolment = Enrolment {
            tickets: issued.await.unwrap(),
            engine: running.engine.clone(),
            identity: Arc::new(HubIdentity::new(&load_key_file(&root.join(home::KEY)).unwrap()).unwrap()),
            root: root.to_owned(),
            name: running.settings.name.clone(),
            division: running.settings.division,
        };
        (running, enrolment)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_knows_no_secret_is_answered_without_the_engine() {
        let folder = tempfile::tempdir().unwrap();
        let (running, enrolment) = hub(&folder.path().join("hub")).await;
        let (release, held) = mpsc::channel::<()>();
        let engine = running.engine.clone();
        let busy = tokio::spawn(async move { engine.call(move |_, _| held.recv().is_err()).await });
        let (stranger, invited) = (request(8), request(7));
        let refused = timeout(Duration::from_secs(60), enrolment.join(&stranger, None)).await;
        let refused = refused.expect("the engine was asked");
        let JoinReply::Refused { sentence, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(sentence, Say::TicketUnknown.both());
        let mut admitted = Box::pin(enrolment.join(&invited, None));
        let early = tokio::select! { biased;
            reply = &mut admitted => Some(reply),
            () = std::future::ready(()) => None,
        };
        assert_eq!(early, None, "whoever was invited waits for the engine");
        drop(release);
        assert!(matches!(admitted.await, JoinReply::Welcome(_)));
        assert!(busy.await.unwrap().unwrap());
    }
}
