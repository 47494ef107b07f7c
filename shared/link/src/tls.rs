//! The two verifiers and the TLS settings of both ends. TLS 1.3 and Ed25519 only; no dates, no names.

use crate::certificate::{HubIdentity, IssueFault, PeerIdentity};
use crate::error::{LinkError, Result};
use crate::identity::pkcs8;
use huiliu_core::sync::keys::{DeviceId, DeviceKey, PublicKey};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::ServerSessionMemoryCache;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::{Arc, Mutex, PoisonError};

/// The protocol and its version, as TLS negotiates it.
pub(crate) const ALPN: &[u8] = b"huiliu/1";
/// Sessions the hub remembers for resumption: several for each node of a large city.
const REMEMBERED_SESSIONS: usize = 4096;

type Outcome<T> = std::result::Result<T, rustls::Error>;

/// What a joined device shows its hub: its certificate and its key.
pub struct Credential {
    certificate: Vec<u8>,
    seed: DeviceKey,
}

impl Credential {
    /// The certificate (DER) that the hub issued for this key.
    pub fn new(certificate: Vec<u8>, key: &DeviceKey) -> Self {
        Self { certificate, seed: DeviceKey::from_seed(*key.seed()) }
    }
}

/// Checks on the hub that a device's certificate is of this tree, and that the device has its key.
#[derive(Debug)]
struct OwnDevices {
    hub: PublicKey,
}

impl ClientCertVerifier for OwnDevices {
    fn client_auth_mandatory(&self) -> bool {
        // A device that joins has no certificate yet.
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Outcome<ClientCertVerified> {
        match PeerIdentity::read_issued(end_entity, &self.hub) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(IssueFault::Unreadable) => Err(CertificateError::BadEncoding.into()),
            Err(IssueFault::OtherAuthority) => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        handshake_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Accepts one hub, by the hash of its key, and remembers who else answered.
#[derive(Debug)]
pub(crate) struct PinnedHub {
    pub(crate) hub: DeviceId,
    impostor: Mutex<Option<String>>,
}

impl PinnedHub {
    pub(crate) fn new(hub: DeviceId) -> Self {
        Self { hub, impostor: Mutex::new(None) }
    }

    /// Who answered instead of the hub, when a handshake failed over it.
    pub(crate) fn wrong_hub(&self) -> LinkError {
        let found = self.impostor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        LinkError::WrongHub { pinned: self.hub, found: found.unwrap_or_else(|| "no proof of its key".into()) }
    }

    fn remember(&self, found: String) {
        *self.impostor.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

impl ServerCertVerifier for PinnedHub {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Outcome<ServerCertVerified> {
        match PeerIdentity::read(end_entity) {
            Ok(found) if found.device == self.hub => Ok(ServerCertVerified::assertion()),
            Ok(found) => {
                self.remember(found.device.to_string());
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Err(_) => {
                self.remember("a certificate of another kind".into());
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        handshake_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

fn handshake_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Outcome<HandshakeSignatureValid> {
    if signed.scheme != SignatureScheme::ED25519 {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    let identity = PeerIdentity::read(certificate).map_err(|_| CertificateError::BadEncoding)?;
    if identity.public_key.verify(message, signed.signature()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// The hub's end of TLS.
pub(crate) fn server_config(hub: &HubIdentity) -> Result<QuicServerConfig> {
    let verifier = Arc::new(OwnDevices { hub: hub.public_key() });
    let chain = vec![CertificateDer::from(hub.server().to_vec())];
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(local)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, PrivateKeyDer::Pkcs8(pkcs8(hub.key())))
        .map_err(local)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Stateful and single-use: a ticket cannot be replayed, and it ends with the process.
    config.session_storage = ServerSessionMemoryCache::new(REMEMBERED_SESSIONS);
    config.send_tls13_tickets = 1;
    QuicServerConfig::try_from(config).map_err(local)
}

/// The node's end of TLS. Without a credential it is anonymous, and may only join.
pub(crate) fn client_config(
    pin: Arc<PinnedHub>,
    credential: Option<&Credential>,
) -> Result<QuicClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(local)?
        .dangerous()
        .with_custom_certificate_verifier(pin);
    let mut config = match credential {
        None => builder.with_no_client_auth(),
        Some(credential) => {
            let chain = vec![CertificateDer::from(credential.certificate.clone())];
            let key = PrivateKeyDer::Pkcs8(pkcs8(&credential.seed));
            builder.with_client_auth_cert(chain, key).map_err(local)?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    // The hub has one name, its key; no need to tell the network another.
    config.enable_sni = false;
    QuicClientConfig::try_from(config).map_err(local)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn local(error: impl std::fmt::Display) -> LinkError {
    LinkError::Local(format!("TLS cannot be set up: {error}"))
}
