//! Joining, renewing, and who is told what when it does not work.

mod peers;

use huiliu_core::sync::keys::DeviceKey;
use huiliu_link::certificate::DEFAULT_VALIDITY;
use huiliu_link::enrol::{
    JoinReply, JoinRequest, Message, RenewReply, RenewRequest, join, renew, renewed, welcome,
};
use huiliu_link::error::Fault;
use huiliu_link::quic::{NEEDS_CERTIFICATE, TLS_ALERT};
use huiliu_link::{Credential, Dialer, HubIdentity, LinkError, Listener, Purpose, Ticket};
use peers::{LIMIT, NOW, device, hub, silent};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_joins_with_a_ticket_and_its_certificate_opens_the_door() {
    let mut hub = hub(1);
    let ticket = Ticket::parse(&hub.ticket().encode().unwrap()).unwrap();
    let joining = tokio::spawn(async move {
        join(&ticket, &DeviceKey::from_seed([2; 32]), "鄞州区民政局", NOW).await
    });
    let mut arrival = hub.listener.accept().await.unwrap();
    assert_eq!((arrival.purpose, arrival.peer), (Purpose::Join, None));
    let request = JoinRequest::decode(&arrival.channel.receive_one().await.unwrap().unwrap()).unwrap();
    assert_eq!(request.ticket, hub.ticket().id);
    assert_eq!(request.secret.digest(), hub.ticket().secret.digest());
    assert_eq!((request.device().unwrap(), request.name.as_str()), (device(2), "鄞州区民政局"));
    let dates = (NOW, NOW + DEFAULT_VALIDITY);
    let reply = welcome(&hub.identity, &request, dates, 3302, "宁波市").unwrap();
    arrival.channel.reply(reply.encode().unwrap()).await.unwrap();

    let joined = joining.await.unwrap().unwrap();
    assert_eq!(joined.welcome.hub_name, "宁波市");
    assert_eq!((joined.identity.not_before, joined.identity.not_after), dates);
    let credential = Credential::new(joined.welcome.certificate, &DeviceKey::from_seed([2; 32]));
    let dialer = Dialer::new(hub.identity.device(), Some(&credential)).unwrap();
    let connection = dialer.connect(&hub.addresses, LIMIT).await.unwrap();
    let mut stream = connection.open(Purpose::Session).await.unwrap();
    stream.send(vec![1]).await.unwrap();
    let arrival = hub.listener.accept().await.unwrap();
    assert_eq!(arrival.peer.unwrap().device, device(2));
    assert_eq!(arrival.purpose, Purpose::Session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_ticket_is_refused_with_the_hubs_sentence() {
    let mut hub = hub(1);
    let ticket = hub.ticket();
    let joining = tokio::spawn(async move { join(&ticket, &DeviceKey::from_seed([2; 32]), "", NOW).await });
    let mut arrival = hub.listener.accept().await.unwrap();
    arrival.channel.receive_one().await.unwrap();
    let sentence = "邀请已被另一台电脑使用".to_owned();
    let reply = JoinReply::Refused { code: 7, sentence: sentence.clone() };
    arrival.channel.reply(reply.encode().unwrap()).await.unwrap();
    assert_eq!(joining.await.unwrap(), Err(LinkError::Refused { code: 7, sentence }));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_hub_at_the_address_is_not_trusted_and_not_called_silence() {
    let (hub, impostor) = (hub(1), hub(9));
    let ticket = Ticket { addresses: impostor.addresses.clone(), ..hub.ticket() };
    let error = join(&ticket, &DeviceKey::from_seed([2; 32]), "", NOW).await.unwrap_err();
    let LinkError::WrongHub { pinned, found } = &error else { panic!("{error}") };
    assert_eq!((*pinned, found), (device(1), &device(9).to_string()));
    assert_eq!(error.fault(), Fault::Refused);
    // With the true hub among the addresses, the impostor only costs time.
    let both = [impostor.addresses.clone(), hub.addresses.clone()].concat();
    hub.dialer(2).connect(&both, LIMIT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_silence_within_the_limit() {
    let hub = hub(1);
    let (_socket, silent) = silent();
    let closed_port = { std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string() };
    let addresses = vec![silent.clone(), closed_port, "no-such-host.invalid:1".into()];
    let error = hub.dialer(2).connect(&addresses, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, LinkError::Silent { .. }), "{error}");
    assert_eq!(error.fault(), Fault::Unreachable);

    let later = [vec![silent], hub.addresses.clone()].concat();
    hub.dialer(2).connect(&later, LIMIT).await.expect("the second address answers");
    let none = hub.dialer(2).connect(&[], LIMIT).await.unwrap_err();
    assert_eq!(none.fault(), Fault::Unreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_tree_is_refused() {
    let (hub, other) = (hub(1), hub(9));
    let foreign = other.admit(2, NOW, NOW + 1000);
    let dialer = Dialer::new(hub.identity.device(), Some(&foreign)).unwrap();
    let outcome = match dialer.connect(&hub.addresses, LIMIT).await {
        Ok(connection) => connection.request(Purpose::Blob, vec![1]).await.map(drop),
        Err(error) => Err(error),
    };
    let Err(LinkError::Refused { code, sentence }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(code, TLS_ALERT + 48, "unknown authority: {sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_certificate_may_only_join() {
    let hub = hub(1);
    let dialer = Dialer::new(hub.identity.device(), None).unwrap();
    let connection = dialer.connect(&hub.addresses, LIMIT).await.unwrap();
    let error = connection.request(Purpose::Session, vec![1]).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused { code: NEEDS_CERTIFICATE, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_device_is_reported_with_its_dates_and_may_renew() {
    let mut hub = hub(1);
    let expired = hub.admit(2, 1000, 2000);
    let dialer = Dialer::new(hub.identity.device(), Some(&expired)).unwrap();
    let connection = dialer.connect(&hub.addresses, LIMIT).await.unwrap();
    let hub_key = hub.identity.public_key();
    let renewing =
        tokio::spawn(async move { renew(&connection, &hub_key, &DeviceKey::from_seed([2; 32]), NOW).await });
    let mut arrival = hub.listener.accept().await.unwrap();
    let peer = arrival.peer.take().unwrap();
    assert_eq!((peer.device, peer.not_before, peer.not_after), (device(2), 1000, 2000));
    assert!(!peer.covers(NOW));
    let request = RenewRequest::decode(&arrival.channel.receive_one().await.unwrap().unwrap()).unwrap();
    let reply = renewed(&hub.identity, &peer, &request, (NOW, NOW + 10)).unwrap();
    assert!(matches!(reply, RenewReply::Renewed(_)));
    arrival.channel.reply(reply.encode().unwrap()).await.unwrap();
    let (_, identity) = renewing.await.unwrap().unwrap();
    assert!(identity.covers(NOW));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_connection_still_says_who_it_is() {
    let mut hub = hub(1);
    let dialer = hub.dialer(2);
    for visit in 0..4 {
        let connection = dialer.connect(&hub.addresses, LIMIT).await.unwrap();
        let asking = tokio::spawn(async move { connection.request(Purpose::Blob, vec![visit]).await });
        let mut arrival = hub.listener.accept().await.unwrap();
        assert_eq!(arrival.peer.as_ref().unwrap().device, device(2));
        let frame = arrival.channel.receive_one().await.unwrap().unwrap();
        arrival.channel.reply(frame).await.unwrap();
        assert_eq!(asking.await.unwrap(), Ok(vec![visit]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_said_so() {
    let hub = hub(1);
    let address = hub.listener.local_addr().unwrap();
    let again = Listener::bind(address, &HubIdentity::new(&DeviceKey::from_seed([1; 32])).unwrap());
    assert_eq!(again.err(), Some(LinkError::AddressInUse(address)));
}
