//! Who answers: keeps the certificate that a server shows, whether it is taken or not.
//!
//! Invariant: it decides nothing. Every verdict on a certificate is rustls' own.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::X509Certificate;

use crate::domain::{clock::Timestamp, redact::Redactor};

/// What a certificate says of itself. The words are whoever's answers, redacted and bounded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown {
    /// Whom it is for: the first of its names, or its subject.
    pub name: String,
    pub issuer: String,
    pub expires: Timestamp,
}

/// Stands by at a handshake.
#[derive(Debug)]
pub(in crate::wire) struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl Witness {
    /// The certificate that was shown last.
    pub(in crate::wire) fn shown(&self) -> Option<Shown> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, certificate) = x509_parser::parse_x509_certificate(seen.as_ref()?).ok()?;
        let redactor = Redactor::default();
        Some(Shown {
            name: redactor.clean(&name(&certificate)),
            issuer: redactor.clean(&certificate.issuer().to_string()),
            expires: Timestamp::from_secs(certificate.validity().not_after.timestamp()),
        })
    }
}

fn name(certificate: &X509Certificate<'_>) -> String {
    let names = certificate.subject_alternative_name().ok().flatten();
    let first = names.and_then(|names| {
        names.value.general_names.iter().find_map(|name| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
    });
    first.unwrap_or_else(|| certificate.subject().to_string())
}

/// A TLS configuration that trusts these authorities, and its witness. It remembers no session, so that every handshake
/// shows a certificate.
pub(super) fn attend(roots: &Arc<RootCertStore>) -> Result<(ClientConfig, Arc<Witness>), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
    let verifier = verifier.map_err(|error| error.to_string())?;
    let witness = Arc::new(Witness { verifier, seen: Mutex::new(None) });
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    Ok((tls, witness))
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaf.clone().into_owned());
        self.verifier.verify_server_cert(leaf, intermediates, name, stapled, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
