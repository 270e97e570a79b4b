//! TLS towards those who visit: our certificate, and whether they have to show one.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion, crypto,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

use super::rules::Stamps;
use crate::yaml::{At, Reading};

/// The keys under `tls_server_config`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Our certificate and those between it and its authority, in PEM.
    cert_file: Option<At<String>>,
    key_file: Option<At<String>>,
    /// Whether visitors show a certificate.
    client_auth_type: Option<At<String>>,
    /// The authorities of visitors' certificates, in PEM.
    client_ca_file: Option<At<String>>,
    min_version: Option<At<String>>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum ClientAuth {
    IfGiven,
    None,
    Required,
}

/// TLS as configured; what is wrong is noted.
pub(super) fn settle(
    at: At<Config>,
    http2: bool,
    stamps: &mut Stamps,
    reading: &mut Reading,
) -> Option<TlsAcceptor> {
    let Config { cert_file, key_file, client_auth_type, client_ca_file, min_version } = &at.value;
    let (Some(cert_file), Some(key_file)) = (cert_file, key_file) else {
        reading.wrong(&at, "TLS needs both cert_file and key_file");
        return None;
    };
    let chain = load(cert_file, stamps, reading, certificates);
    let key = load(key_file, stamps, reading, key);
    let versions = min_version.as_ref().map_or(Some(BOTH), |at| reading.understand(at, versions));
    let auth = client_auth_type.as_ref();
    let auth = auth.map_or(Some(ClientAuth::None), |at| reading.understand(at, client_auth));
    let roots = match client_ca_file {
        Some(at) => Some(load(at, stamps, reading, authorities)?),
        None => None,
    };
    let verifier = match (auth?, roots) {
        (ClientAuth::None, None) => WebPkiClientVerifier::no_client_auth(),
        (ClientAuth::None, Some(_)) => {
            reading.wrong(&at, "client_ca_file is of no use without client_auth_type");
            return None;
        }
        (_, None) => {
            reading.wrong(&at, "this client_auth_type needs client_ca_file");
            return None;
        }
        (auth, Some(roots)) => match verifier(roots, auth) {
            Ok(verifier) => verifier,
            Err(what) => {
                reading.wrong(&at, what);
                return None;
            }
        },
    };
    let (chain, key, versions) = (chain?, key?, versions?);
    match server(chain, key, versions, verifier, http2) {
        Ok(config) => Some(TlsAcceptor::from(Arc::new(config))),
        Err(error) => {
            reading.wrong(cert_file, format!("certificate and key cannot be used: {error}"));
            None
        }
    }
}

fn server(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    verifier: Arc<dyn ClientCertVerifier>,
    http2: bool,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(config)
}

fn verifier(roots: RootCertStore, auth: ClientAuth) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match auth {
        ClientAuth::IfGiven => builder.allow_unauthenticated(),
        ClientAuth::None | ClientAuth::Required => builder,
    };
    builder.build().map_err(|error| format!("client_ca_file cannot be used: {error}"))
}

/// What a file holds; the path is relative to the folder of the rules.
fn load<T>(
    at: &At<String>,
    stamps: &mut Stamps,
    reading: &mut Reading,
    read: fn(&Path) -> Result<T, String>,
) -> Option<T> {
    let path = reading.folder().join(&at.value);
    stamps.take(&path);
    reading.understand(at, |_| read(&path).map_err(|what| format!("{}: {what}", path.display())))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    if read.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(read) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| error.to_string())
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

/// As Go names them. https://pkg.go.dev/crypto/tls#ClientAuthType
fn client_auth(written: &str) -> Result<ClientAuth, String> {
    match written {
        "NoClientCert" => Ok(ClientAuth::None),
        "RequireAndVerifyClientCert" => Ok(ClientAuth::Required),
        "VerifyClientCertIfGiven" => Ok(ClientAuth::IfGiven),
        "RequestClientCert" | "RequireAnyClientCert" => Err(format!(
            "{written} lets any certificate in; write RequireAndVerifyClientCert or VerifyClientCertIfGiven"
        )),
        _ => Err(format!(
            "{written:?} is no client_auth_type; write one of NoClientCert, RequireAndVerifyClientCert, VerifyClientCertIfGiven"
        )),
    }
}

fn versions(written: &str) -> Result<&'static [&'static SupportedProtocolVersion], String> {
    match written {
        "TLS12" => Ok(BOTH),
        "TLS13" => Ok(NEWEST),
        "TLS10" | "TLS11" => Err(format!("{written} is no longer safe; write TLS12 or TLS13")),
        _ => Err(format!("{written:?} is no version of TLS; write TLS12 or TLS13")),
    }
}

const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
