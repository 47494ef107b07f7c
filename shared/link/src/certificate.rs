//! The hub's certificate authority: one device key is the root of the tree.
//!
//! Certificates here prove one thing: which device key the hub admitted, and from when to when. Names in them
//! are for people who look at them with other tools. What a device may do stands in signed grants.

use crate::error::{LinkError, Result};
use crate::identity::{key_pair, random};
use huiliu_core::sync::keys::{DeviceId, DeviceKey, PublicKey, Suite};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber,
    date_time_ymd,
};
use rustls_pki_types::CertificateSigningRequestDer;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

/// How long a node's certificate is good unless the hub says otherwise: 90 days in seconds.
pub const DEFAULT_VALIDITY: i64 = 90 * 24 * 3600;
/// The last second that X.509 can write (9999-12-31T23:59:59Z).
const LAST_SECOND: i64 = 253_402_300_799;

/// Who is at the other end, as its certificate says. The chain and the possession of the key are checked; the
/// dates are not: a device that slept past its expiry may still renew, and the application decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerIdentity {
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub public_key: PublicKey,
    /// From when the hub admitted it, unix seconds.
    pub not_before: i64,
    /// Until when the hub admitted it, unix seconds.
    pub not_after: i64,
}

impl PeerIdentity {
    /// Reads a certificate; the signature on it is not looked at.
    pub fn read(certificate: &[u8]) -> Result<Self> {
        Self::of(&parse(certificate)?)
    }

    /// Reads a certificate and checks that `hub` signed it for a device (not as another authority).
    pub fn read_issued(certificate: &[u8], hub: &PublicKey) -> std::result::Result<Self, IssueFault> {
        let parsed = parse(certificate).map_err(|_| IssueFault::Unreadable)?;
        let identity = Self::of(&parsed).map_err(|_| IssueFault::Unreadable)?;
        let named = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        if parsed.is_ca() || named != Some(identity.device.to_string().as_str()) {
            return Err(IssueFault::Unreadable);
        }
        let signed = parsed.signature_algorithm.algorithm == OID_SIG_ED25519
            && hub.verify(parsed.tbs_certificate.as_ref(), &parsed.signature_value.data);
        if signed { Ok(identity) } else { Err(IssueFault::OtherAuthority) }
    }

    /// Whether the certificate's dates cover `now` (unix seconds).
    pub fn covers(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    fn of(certificate: &X509Certificate<'_>) -> Result<Self> {
        let public_key = public_key(certificate.public_key())?;
        let validity = certificate.validity();
        Ok(Self {
            device: public_key.device(),
            public_key,
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }
}

/// What is wrong with a certificate that should be a device's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IssueFault {
    /// Not X.509, not of our suite, or not made for a device.
    Unreadable,
    /// Another hub issued it, or nobody did.
    OtherAuthority,
}

fn parse(certificate: &[u8]) -> Result<X509Certificate<'_>> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(LinkError::BadFrame("not a certificate".into())),
    }
}

fn public_key(spki: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey> {
    let bytes = spki.subject_public_key.data.to_vec();
    if spki.algorithm.algorithm != OID_SIG_ED25519 || bytes.len() != 32 {
        return Err(LinkError::BadFrame("a certificate whose key is not Ed25519".into()));
    }
    Ok(PublicKey { suite: Suite::Ed25519Sha256, bytes })
}

/// The hub as its nodes see it: its key, its authority's certificate and its server's certificate.
///
/// Both certificates follow from the key alone, so nothing but the key must be kept; nobody looks at their
/// dates, because nodes pin the key.
pub struct HubIdentity {
    key: DeviceKey,
    authority: Vec<u8>,
    server: Vec<u8>,
}

impl HubIdentity {
    /// The identity of the hub whose device key this is.
    pub fn new(key: &DeviceKey) -> Result<Self> {
        let pair = key_pair(key)?;
        let authority = made(authority_params(key).self_signed(&pair))?;
        let issuer = Issuer::new(authority_params(key), pair);
        let mut params = named(key.device(), 2);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(9999, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = made(params.signed_by(issuer.key(), &issuer))?;
        Ok(Self { key: DeviceKey::from_seed(*key.seed()), authority, server })
    }

    /// The hub's device: what tickets and nodes pin.
    pub fn device(&self) -> DeviceId {
        self.key.device()
    }

    /// The hub's public key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// The authority's self-signed certificate, DER.
    pub fn authority(&self) -> &[u8] {
        &self.authority
    }

    /// The server's certificate, DER.
    pub(crate) fn server(&self) -> &[u8] {
        &self.server
    }

    pub(crate) fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// Admits the device of a signing request, from `not_before` to `not_after` (unix seconds).
    ///
    /// The request must be signed with the key it names (proof of possession). Nothing else in it is copied:
    /// a request cannot ask for a name, a purpose or an authority. [`LinkError::BadFrame`] if it is unsound.
    pub fn issue(&self, request: &[u8], not_before: i64, not_after: i64) -> Result<Vec<u8>> {
        let (key, subject) = read_request(request)?;
        let mut serial = random::<16>()?;
        // Positive and not zero, as RFC 5280 section 4.1.2.2 wants it.
        serial[0] = serial[0] & 0x7f | 0x40;
        let mut params = named(key.device(), 0);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.not_before = date_time_ymd(1970, 1, 1) + seconds(not_before);
        params.not_after = date_time_ymd(1970, 1, 1) + seconds(not_after);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let issuer = Issuer::new(authority_params(&self.key), key_pair(&self.key)?);
        made(params.signed_by(&subject, &issuer))
    }
}

/// A device's signing request, DER: its key, and its name signed with that key.
pub fn signing_request(key: &DeviceKey) -> Result<Vec<u8>> {
    let pair: KeyPair = key_pair(key)?;
    let request = named(key.device(), 0).serialize_request(&pair);
    Ok(request.map_err(|e| LinkError::Local(format!("no signing request: {e}")))?.der().to_vec())
}

/// The device that signed a request, for the hub's books. [`LinkError::BadFrame`] if it is unsound.
pub fn requesting_device(request: &[u8]) -> Result<DeviceId> {
    Ok(requesting_key(request)?.device())
}

/// The public key of a signing request, whose possession the request proves.
pub fn requesting_key(request: &[u8]) -> Result<PublicKey> {
    Ok(read_request(request)?.0)
}

fn read_request(request: &[u8]) -> Result<(PublicKey, rcgen::PublicKey)> {
    let der = CertificateSigningRequestDer::from(request);
    let read = CertificateSigningRequestParams::from_der(&der)
        .map_err(|e| LinkError::BadFrame(format!("an unsound signing request: {e}")))?;
    let subject = read.public_key;
    if *PublicKeyData::algorithm(&subject) != rcgen::PKCS_ED25519 || subject.der_bytes().len() != 32 {
        return Err(LinkError::BadFrame("a signing request whose key is not Ed25519".into()));
    }
    let public = PublicKey { suite: Suite::Ed25519Sha256, bytes: subject.der_bytes().to_vec() };
    Ok((public, subject))
}

/// `serial` 1 and 2 are the hub's own two; 0 is replaced by a random one.
fn named(device: DeviceId, serial: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, device.to_string());
    params.serial_number = (serial > 0).then(|| SerialNumber::from_slice(&[serial]));
    params
}

fn authority_params(key: &DeviceKey) -> CertificateParams {
    let mut params = named(key.device(), 1);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(9999, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn made(certificate: std::result::Result<rcgen::Certificate, rcgen::Error>) -> Result<Vec<u8>> {
    let certificate = certificate.map_err(|e| LinkError::Local(format!("no certificate: {e}")))?;
    Ok(certificate.der().to_vec())
}

/// Unix seconds as X.509 can write them: a clock gone wild makes an odd date, not a panic.
fn seconds(unix: i64) -> Duration {
    Duration::from_secs(unix.clamp(0, LAST_SECOND).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(seed: u8) -> HubIdentity {
        HubIdentity::new(&DeviceKey::from_seed([seed; 32])).unwrap()
    }

    #[test]
    fn a_node_is_admitted_with_its_key_and_dates() {
        let (hub, node) = (hub(1), DeviceKey::from_seed([2; 32]));
        let request = signing_request(&node).unwrap();
        assert_eq!(requesting_device(&request), Ok(node.device()));
        let certificate = hub.issue(&request, 1_000, 1_000 + DEFAULT_VALIDITY).unwrap();
        let read = PeerIdentity::read_issued(&certificate, &hub.public_key()).unwrap();
        assert_eq!(read.device, node.device());
        assert_eq!(read.public_key, node.public());
        assert_eq!((read.not_before, read.not_after), (1_000, 1_000 + DEFAULT_VALIDITY));
        assert!(read.covers(1_000) && !read.covers(999) && !read.covers(1_001 + DEFAULT_VALIDITY));
        assert_ne!(certificate, hub.issue(&request, 1_000, 2_000).unwrap(), "serials differ");
    }

    #[test]
    fn only_this_hub_and_only_device_certificates_count() {
        let (hub, other, node) = (hub(1), hub(9), DeviceKey::from_seed([2; 32]));
        let foreign = other.issue(&signing_request(&node).unwrap(), 0, 10).unwrap();
        let read = |certificate: &[u8]| PeerIdentity::read_issued(certificate, &hub.public_key());
        assert_eq!(read(&foreign), Err(IssueFault::OtherAuthority));
        assert_eq!(read(hub.authority()), Err(IssueFault::Unreadable));
        assert_eq!(read(b"nonsense"), Err(IssueFault::Unreadable));
        let own = hub.issue(&signing_request(&node).unwrap(), 0, 10).unwrap();
        for at in 0..own.len() {
            let mut flipped = own.clone();
            flipped[at] ^= 1;
            // The outer header of the signature may be written in ways that mean the same; the device may not.
            if let Ok(identity) = read(&flipped) {
                assert_eq!(identity.device, node.device(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_request_needs_the_key_it_names() {
        let hub = hub(1);
        let request = signing_request(&DeviceKey::from_seed([2; 32])).unwrap();
        for at in 0..request.len() {
            let mut flipped = request.clone();
            flipped[at] ^= 1;
            match requesting_device(&flipped) {
                // The algorithm's outer header is not signed and may be written in other ways.
                Ok(device) => assert_eq!(device, DeviceKey::from_seed([2; 32]).device(), "byte {at}"),
                Err(error) => assert!(matches!(error, LinkError::BadFrame(_)), "byte {at}"),
            }
        }
        for cut in 0..request.len() {
            assert!(hub.issue(&request[..cut], 0, 1).is_err());
        }
    }

    #[test]
    fn the_hub_identity_follows_from_its_key() {
        assert_eq!(hub(1).authority(), hub(1).authority());
        assert_eq!(hub(1).server(), hub(1).server());
        let server = PeerIdentity::read_issued(hub(1).server(), &hub(1).public_key()).unwrap();
        assert_eq!(server.device, hub(1).device());
    }

    #[test]
    fn wild_clocks_make_odd_dates_and_no_panic() {
        let request = signing_request(&DeviceKey::from_seed([2; 32])).unwrap();
        let certificate = hub(1).issue(&request, i64::MIN, i64::MAX).unwrap();
        let read = PeerIdentity::read(&certificate).unwrap();
        assert_eq!((read.not_before, read.not_after), (0, LAST_SECOND));
    }
}
