//! The messages with which a device joins and renews, and the node's side of both.
//!
//! The hub's decision (is the ticket known, unused, in time; is the device revoked) is the application's: it
//! decodes the request, decides, and answers with [`welcome`], [`renewed`] or a refusal. A reply may get lost
//! after the hub has used up the ticket: answer the same device with the same ticket again.
//!
//! Each message is a version byte and postcard.

use crate::certificate::{HubIdentity, PeerIdentity, requesting_device, requesting_key, signing_request};
use crate::connection::Connection;
use crate::dial::{DIAL_LIMIT, Dialer};
use crate::error::{LinkError, Result};
use crate::quic::{GOODBYE, Purpose};
use crate::ticket::{Secret, Ticket};
use huiliu_core::sync::keys::{DeviceId, DeviceKey, PublicKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

const VERSION: u8 = 1;

/// A message of enrolment.
pub trait Message: Serialize + DeserializeOwned {
    /// The message as a frame.
    fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_extend(self, vec![VERSION]).map_err(|e| LinkError::Local(format!("no message: {e}")))
    }

    /// The message in a frame. [`LinkError::Version`] if the other program is newer.
    fn decode(frame: &[u8]) -> Result<Self> {
        match frame.split_first() {
            Some((&VERSION, body)) => match postcard::take_from_bytes(body) {
                Ok((message, [])) => Ok(message),
                _ => Err(LinkError::BadFrame("an enrolment message that cannot be read".into())),
            },
            Some((version, _)) => Err(LinkError::Version(format!("enrolment version {version}"))),
            None => Err(LinkError::BadFrame("an empty message".into())),
        }
    }
}

/// A device asks to join with a ticket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The ticket's id.
    pub ticket: [u8; 8],
    /// The ticket's secret.
    pub secret: Secret,
    /// The device's signing request, DER.
    pub request: Vec<u8>,
    /// How the device calls itself, for people.
    pub name: String,
    /// The device's clock, unix seconds, so that the hub can tell a person that it is wrong.
    pub now: i64,
}

/// The hub's answer to a device that wants to join.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum JoinReply {
    /// The device is admitted.
    Welcome(Welcome),
    /// The device is not admitted.
    Refused {
        /// The application's code.
        code: u32,
        /// One sentence and one action, for a person.
        sentence: String,
    },
}

/// What an admitted device receives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// The device's certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificate of the hub's authority, DER.
    pub authority: Vec<u8>,
    /// The hub's division, as the number of its code.
    pub division: u64,
    /// The hub's name, for people.
    pub hub_name: String,
    /// The hub's public key.
    pub hub_key: PublicKey,
}

/// A joined device asks for a new certificate; it shows the old one, in date or not, in TLS.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RenewRequest {
    /// The device's signing request, DER, by the same key.
    pub request: Vec<u8>,
    /// The device's clock, unix seconds.
    pub now: i64,
}

/// The hub's answer to a device that wants to renew.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RenewReply {
    /// The new certificate, DER.
    Renewed(Vec<u8>),
    /// The device gets none.
    Refused {
        /// The application's code.
        code: u32,
        /// One sentence and one action, for a person.
        sentence: String,
    },
}

impl Message for JoinRequest {}
impl Message for JoinReply {}
impl Message for RenewRequest {}
impl Message for RenewReply {}

impl JoinRequest {
    /// The device that asks; its possession of the key is checked here.
    pub fn device(&self) -> Result<DeviceId> {
        requesting_device(&self.request)
    }

    /// Its public key.
    pub fn key(&self) -> Result<PublicKey> {
        requesting_key(&self.request)
    }
}

/// A device that the hub admitted, checked against the pinned hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// What the hub sent, to be kept; [`crate::Credential`] is made from its certificate.
    pub welcome: Welcome,
    /// What the certificate says.
    pub identity: PeerIdentity,
}

/// Hub: admits the device of a request whose ticket the application has accepted (unix seconds).
pub fn welcome(
    hub: &HubIdentity,
    request: &JoinRequest,
    (not_before, not_after): (i64, i64),
    division: u64,
    hub_name: &str,
) -> Result<JoinReply> {
    Ok(JoinReply::Welcome(Welcome {
        certificate: hub.issue(&request.request, not_before, not_after)?,
        authority: hub.authority().to_vec(),
        division,
        hub_name: hub_name.to_owned(),
        hub_key: hub.public_key(),
    }))
}

/// Hub: a new certificate for the device that asks (unix seconds). [`LinkError::BadFrame`] if it asks for
/// another key than the one it proved in TLS.
pub fn renewed(
    hub: &HubIdentity,
    peer: &PeerIdentity,
    request: &RenewRequest,
    (not_before, not_after): (i64, i64),
) -> Result<RenewReply> {
    if requesting_device(&request.request)? != peer.device {
        return Err(LinkError::BadFrame("a renewal for another device".into()));
    }
    Ok(RenewReply::Renewed(hub.issue(&request.request, not_before, not_after)?))
}

/// Node: joins with a ticket. Accepts nobody but the ticket's hub, and no certificate but its own.
///
/// `now` is this device's clock, unix seconds. [`LinkError::Refused`] carries the hub's sentence. Where others crowd at
/// the hub's door and it sends this one away, it is asked again: the same request gets the same answer.
pub async fn join(ticket: &Ticket, key: &DeviceKey, name: &str, now: i64) -> Result<Joined> {
    let message = JoinRequest {
        ticket: ticket.id,
        secret: ticket.secret.clone(),
        request: signing_request(key)?,
        name: name.to_owned(),
        now,
    };
    let dialer = Dialer::new(ticket.hub, None)?;
    let deadline = Instant::now() + DIAL_LIMIT;
    let reply = loop {
        let connection = match dialer.connect(&ticket.addresses, DIAL_LIMIT).await {
            Ok(connection) => connection,
            Err(error) => break Err(error),
        };
        let reply = connection.request(Purpose::Join, message.encode()?).await;
        connection.close(GOODBYE, "");
        let sent_away = matches!(reply, Err(LinkError::Busy | LinkError::Closed { .. }));
        if !sent_away || Instant::now() >= deadline {
            break reply;
        }
    };
    dialer.shutdown().await;
    match JoinReply::decode(&reply?)? {
        JoinReply::Refused { code, sentence } => Err(LinkError::Refused { code, sentence }),
        JoinReply::Welcome(welcome) => checked(welcome, ticket.hub, key),
    }
}

fn checked(welcome: Welcome, hub: DeviceId, key: &DeviceKey) -> Result<Joined> {
    let authority = PeerIdentity::read(&welcome.authority)?;
    if welcome.hub_key.device() != hub || authority.device != hub {
        return Err(LinkError::BadFrame("a welcome in the name of another hub".into()));
    }
    let identity = own_certificate(&welcome.certificate, &welcome.hub_key, key)?;
    Ok(Joined { welcome, identity })
}

/// Node: asks for a new certificate on an open connection and returns it (DER) with what it says.
pub async fn renew(
    connection: &Connection,
    hub: &PublicKey,
    key: &DeviceKey,
    now: i64,
) -> Result<(Vec<u8>, PeerIdentity)> {
    let message = RenewRequest { request: signing_request(key)?, now };
    let reply = connection.request(Purpose::Renew, message.encode()?).await?;
    match RenewReply::decode(&reply)? {
        RenewReply::Refused { code, sentence } => Err(LinkError::Refused { code, sentence }),
        RenewReply::Renewed(certificate) => {
            let identity = own_certificate(&certificate, hub, key)?;
            Ok((certificate, identity))
        }
    }
}

fn own_certificate(certificate: &[u8], hub: &PublicKey, key: &DeviceKey) -> Result<PeerIdentity> {
    let identity = PeerIdentity::read_issued(certificate, hub).map_err(|fault| {
        LinkError::BadFrame(format!("the hub sent a certificate it did not issue: {fault:?}"))
    })?;
    if identity.device != key.device() {
        return Err(LinkError::BadFrame("the hub sent another device's certificate".into()));
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> JoinRequest {
        JoinRequest {
            ticket: [1; 8],
            secret: Secret([2; 16]),
            request: signing_request(&DeviceKey::from_seed([3; 32])).unwrap(),
            name: "鄞州区民政局".into(),
            now: 1_795_000_000,
        }
    }

    #[test]
    fn messages_come_back_and_damaged_ones_are_said_so() {
        let frame = request().encode().unwrap();
        assert_eq!(JoinRequest::decode(&frame).unwrap(), request());
        for cut in 0..frame.len() {
            assert!(matches!(JoinRequest::decode(&frame[..cut]), Err(LinkError::BadFrame(_))));
        }
        let longer = [frame.as_slice(), &[0]].concat();
        assert!(matches!(JoinRequest::decode(&longer), Err(LinkError::BadFrame(_))));
        let newer = [&[2], &frame[1..]].concat();
        assert!(matches!(JoinRequest::decode(&newer), Err(LinkError::Version(_))));
        assert!(!format!("{:?}", request()).contains("[2, 2"), "the secret is not printed");
    }

    #[test]
    fn a_welcome_of_another_hub_or_for_another_device_is_not_taken() {
        let (hub, key) =
            (HubIdentity::new(&DeviceKey::from_seed([1; 32])).unwrap(), DeviceKey::from_seed([3; 32]));
        let other = HubIdentity::new(&DeviceKey::from_seed([9; 32])).unwrap();
        let JoinReply::Welcome(sound) = welcome(&hub, &request(), (0, 10), 3302, "宁波市").unwrap() else {
            panic!("a welcome")
        };
        let joined = checked(sound.clone(), hub.device(), &key).unwrap();
        assert_eq!(joined.identity.device, key.device());
        let stranger = DeviceKey::from_seed([4; 32]);
        assert!(checked(sound.clone(), hub.device(), &stranger).is_err());
        assert!(checked(sound.clone(), other.device(), &key).is_err());
        let foreign = other.issue(&request().request, 0, 10).unwrap();
        assert!(checked(Welcome { certificate: foreign, ..sound.clone() }, hub.device(), &key).is_err());
        let mixed = Welcome { authority: other.authority().to_vec(), ..sound };
        assert!(checked(mixed, hub.device(), &key).is_err());
    }

    #[test]
    fn a_renewal_is_for_the_device_that_asks() {
        let hub = HubIdentity::new(&DeviceKey::from_seed([1; 32])).unwrap();
        let own = request();
        let peer = PeerIdentity::read(&hub.issue(&own.request, 0, 10).unwrap()).unwrap();
        let ask = |seed| RenewRequest {
            request: signing_request(&DeviceKey::from_seed([seed; 32])).unwrap(),
            now: 0,
        };
        assert!(matches!(renewed(&hub, &peer, &ask(3), (10, 20)), Ok(RenewReply::Renewed(_))));
        assert!(matches!(renewed(&hub, &peer, &ask(4), (10, 20)), Err(LinkError::BadFrame(_))));
    }
}
