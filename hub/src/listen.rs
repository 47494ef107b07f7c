//! Listening: every stream that arrives is a session, a join or a renewal.

use crate::enrolment::Enrolment;
use huiliu_core::model::messages::Say;
use huiliu_core::sync::{DeviceId, Hash};
use huiliu_link::enrol::{JoinReply, JoinRequest, Message, RenewRequest};
use huiliu_link::quic::GOODBYE;
use huiliu_link::{Arrival, HubIdentity, Listener, PeerIdentity, Pumped, Purpose};
use huiliu_replica::commands::words::closing;
use huiliu_replica::service::engine::{Engine, OpenSession, SessionEvent};
use huiliu_replica::service::home::{Failure, link_failure, packed_edition};
use huiliu_replica::service::output::write_file;
use huiliu_replica::service::serve::{Ending, Running};
use huiliu_replica::service::time::now;
use huiliu_replica::standing::{REFUSED, REVOKED};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Beside the journal: where the hub was last bound, for tickets made while it does not run.
const ADDRESSES: &str = "listen.json";
/// What waits between a connection and the engine: the next frame, while the one before it waits for room.
const INCOMING_FRAMES: usize = 1;
/// How often it is looked who may speak no more.
const REVIEW: Duration = Duration::from_secs(2);

/// Devices that may speak no more, and the sentence for each: made by one look for all sessions.
type Fallen = watch::Receiver<BTreeMap<DeviceId, String>>;

/// The hub's open end.
pub(crate) struct Listening {
    /// Where it is bound.
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listening {
    /// Binds and begins to accept.
    pub(crate) async fn start(running: &Running, address: SocketAddr) -> Result<Self, Failure> {
        let key = huiliu_link::identity::load_key_file(&running.root().join("device.key"));
        let key = key.map_err(|e| link_failure(&e))?;
        let identity = Arc::new(HubIdentity::new(&key).map_err(|e| link_failure(&e))?);
        let mut listener = Listener::bind(address, &identity).map_err(|e| link_failure(&e))?;
        let address = listener.local_addr().map_err(|e| link_failure(&e))?;
        remember(running.root(), &reachable(address))?;
        let tickets = running.engine.look(|replica| replica.tickets().clone()).await;
        let enrolment = Enrolment {
            engine: running.engine.clone(),
            tickets: tickets.map_err(|_| Failure::new(1, Say::EngineDied))?,
            identity,
            root: running.root().to_owned(),
            name: running.settings.name.clone(),
            division: running.settings.division,
        };
        let (fallen, falls) = watch::channel(BTreeMap::new());
        tokio::spawn(review(running.engine.clone(), fallen));
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    arrival = listener.accept() => match arrival {
                        Some(arrival) => drop(tokio::spawn(serve(enrolment.clone(), falls.clone(), arrival))),
                        None => return,
                    },
                    _ = stopped.wait_for(|stop| *stop) => break,
                }
            }
            listener.shutdown("").await;
        });
        Ok(Self { address, stop, task })
    }

    /// Says goodbye to everybody.
    pub(crate) async fn stop(self, ending: Ending) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout_at(ending.farewells(), self.task).await;
    }
}

/// The addresses under which a bound address can be reached: itself, or for 0.0.0.0 this machine's own.
fn reachable(bound: SocketAddr) -> Vec<String> {
    if !bound.ip().is_unspecified() {
        return vec![bound.to_string()];
    }
    // Which of its addresses the machine would use towards the outside; nothing is sent.
    let outside = UdpSocket::bind("0.0.0.0:0")
        .and_then(|socket| socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()))
        .map(|address| address.ip());
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let mut addresses: Vec<IpAddr> = outside.into_iter().filter(|ip| !ip.is_unspecified()).collect();
    addresses.push(loopback);
    addresses.dedup();
    addresses.into_iter().map(|ip| SocketAddr::new(ip, bound.port()).to_string()).collect()
}

fn remember(root: &Path, addresses: &[String]) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(addresses).expect("addresses have a JSON form");
    write_file(&root.join(ADDRESSES), &bytes)
}

/// Where the hub of a directory was last bound.
pub(crate) fn last_addresses(root: &Path) -> Vec<String> {
    let bytes = std::fs::read(root.join(ADDRESSES)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

async fn serve(enrolment: Enrolment, falls: Fallen, arrival: Arrival) {
    let Arrival { peer, seat, purpose, channel, connection, .. } = arrival;
    let mut channel = channel;
    match (purpose, peer) {
        (Purpose::Join, _) => {
            if let Ok(Some(request)) = channel.receive_one().await {
                let reply = match JoinRequest::decode(&request) {
                    Ok(request) => enrolment.join(&request, seat.as_ref()).await,
                    Err(error) => JoinReply::Refused { code: REFUSED, sentence: error.to_string() },
                };
                if let Ok(reply) = reply.encode() {
                    let _ = channel.reply(reply).await;
                }
            }
            // All is said, or nothing was, and others want the place.
            connection.close(GOODBYE, "");
        }
        (Purpose::Renew, Some(peer)) => {
            let Ok(Some(request)) = channel.receive_one().await else { return };
            let Ok(request) = RenewRequest::decode(&request) else { return };
            if let Ok(reply) = enrolment.renew(&peer, &request).await.encode() {
                let _ = channel.reply(reply).await;
            }
        }
        // The one blob there is: the edition of the registry that the tree uses, asked for by its SHA-256.
        (Purpose::Blob, Some(peer)) if standing(&enrolment.engine, peer.device).await.is_ok() => {
            let Ok(Some(wanted)) = channel.receive_one().await else { return };
            let wanted = wanted.try_into().map(Hash).unwrap_or_default();
            let packed = packed_edition(&enrolment.root, &wanted).unwrap_or_default();
            let _ = channel.reply(packed).await;
        }
        (Purpose::Session, Some(peer)) => match may_speak(&enrolment.engine, &peer).await {
            Ok(()) => session(&enrolment.engine, peer.device, falls, channel).await,
            Err(say) => {
                let _ = channel.close(code_of(&say), &say.both()).await;
            }
        },
        _ => connection.close(REFUSED, "not offered here"),
    }
}

/// The hub itself checks revocation, grant and expiry at every Hello; TLS may have resumed an older judgement.
async fn may_speak(engine: &Engine, peer: &PeerIdentity) -> Result<(), Say> {
    let device = peer.device;
    standing(engine, device).await?;
    if peer.covers((now() / 1000) as i64) { Ok(()) } else { Err(Say::CertificateExpired) }
}

/// The code with which a connection is closed for a reason.
pub(crate) fn code_of(say: &Say) -> u32 {
    if matches!(say, Say::DeviceRevoked { .. }) { REVOKED } else { REFUSED }
}

/// Whether a device has a grant that has not ended.
pub(crate) async fn standing(engine: &Engine, device: DeviceId) -> Result<(), Say> {
    let standing = engine.look(move |replica| {
        let authority = replica.ledger().authority.as_ref();
        let revoked =
            authority.and_then(|a| a.revocation(&device)).map(|revocation| revocation.reason.clone());
        (revoked, authority.is_some_and(|a| a.grant_of(&device).is_some()))
    });
    match standing.await {
        Ok((Some(reason), _)) => Err(Say::DeviceRevoked { reason }),
        Ok((None, false)) => Err(Say::DeviceUnknown),
        Ok((None, true)) => Ok(()),
        Err(_) => Err(Say::Busy),
    }
}

/// Looks again and again which devices have lost their grants, as long as there are sessions that want to know.
async fn review(engine: Engine, fallen: watch::Sender<BTreeMap<DeviceId, String>>) {
    let mut tick = tokio::time::interval(REVIEW);
    while !fallen.is_closed() {
        tick.tick().await;
        let looked = engine.look(|replica| {
            let authority = replica.ledger().authority.as_ref();
            let devices = authority.into_iter().flat_map(|authority| {
                let revoked = move |device: &DeviceId| Some(authority.revocation(device)?.reason.clone());
                authority.devices().filter_map(move |(device, _)| Some((*device, revoked(device)?)))
            });
            let told = |reason: String| Say::DeviceRevoked { reason }.both();
            devices.map(|(device, reason)| (device, told(reason))).collect::<BTreeMap<_, _>>()
        });
        let Ok(now) = looked.await else { return };
        fallen.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}

/// Waits until a device may speak no more, and gives the sentence for it.
async fn fall(falls: &mut Fallen, device: &DeviceId) -> Option<String> {
    falls.wait_for(|fallen| fallen.contains_key(device)).await.ok()?.get(device).cloned()
}

/// One session, as long as its connection lasts.
async fn session(engine: &Engine, device: DeviceId, mut falls: Fallen, channel: huiliu_link::FrameStream) {
    let Ok(OpenSession { id, frames, mut events, inlet }) = engine.open(Some(device)).await else { return };
    let (incoming, mut arrived) = mpsc::channel(INCOMING_FRAMES);
    let pump = huiliu_link::pump(channel, frames, incoming);
    let farewell = loop {
        tokio::select! {
            arrival = arrived.recv() => match arrival {
                Some(Pumped::Frame(frame)) => if inlet.frame(frame).await.is_err() { break None },
                _ => break None,
            },
            event = events.recv() => match event {
                Some(SessionEvent::Closing(why)) => {
                    break Some((REFUSED, closing(&why).both()));
                }
                Some(SessionEvent::Failed) => break Some((0, Say::Busy.both())),
                Some(_) => {}
                None => break None,
            },
            // A device that is revoked while it is connected is told so.
            sentence = fall(&mut falls, &device) => break sentence.map(|sentence| (REVOKED, sentence)),
        }
    };
    engine.hang_up(id);
    let (code, sentence) = farewell.unwrap_or_default();
    let _ = pump.close(code, &sentence).await;
}
