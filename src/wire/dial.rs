//! From a name to TCP to TLS, each step timed, each fault with its reason.

mod witness;

use std::{
    error::Error, fmt, future::Future, io, net::SocketAddr, path::Path, pin::Pin, sync::Arc, task,
    time::Duration,
};

use anyhow::Context as _;
use hyper_util::client::legacy::connect::{HttpConnector, dns::Name};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower_service::Service;

use super::{dialogue::Dialogue, socket::Socket};
use crate::domain::{
    clock::Timestamp,
    outcome::{Certificate, Evidence, Failure, Phase},
    reason::Reason,
};

pub use witness::Shown;
use witness::Witness;

/// Connects, and trusts the system's authorities and those of `google.ca_file`. One TLS configuration serves every
/// connection, so that sessions resume.
#[derive(Clone)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
    roots: Arc<RootCertStore>,
}

impl Dialer {
    /// # Errors
    /// Where the file holds no certificate, or nothing at all is trusted.
    pub fn new(ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = ca_file {
            add_file(&mut roots, path)
                .with_context(|| format!("google.ca_file {}", path.display()))?;
        }
        if roots.is_empty() {
            anyhow::bail!(
                "no certificate authority is trusted: install the package ca-certificates, or give google.ca_file"
            );
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), roots })
    }

    /// One that trusts the same, resumes no session, and keeps the certificate that a server shows.
    pub(super) fn witnessed(&self) -> Result<(Self, Arc<Witness>), Failure> {
        let (tls, witness) = witness::attend(&self.roots)
            .map_err(|error| Failure::own(Reason::InternalError, error))?;
        Ok((Self { tls: Arc::new(tls), roots: self.roots.clone() }, witness))
    }

    pub(super) fn tls_config(&self) -> ClientConfig {
        (*self.tls).clone()
    }

    /// A TCP connection to `host`, by whichever of its addresses answers first.
    pub(super) async fn tcp(
        &self,
        host: &str,
        port: u16,
        dialogue: &mut Dialogue,
    ) -> Result<TcpStream, Failure> {
        let addresses = dialogue.phase(Phase::Dns, addresses(host, port)).await?;
        let listed: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        dialogue.note(&format!("-- connect to {host}:{port} ({})", listed.join(", ")));
        let mut connector = connector(Known(addresses));
        let uri = http::Uri::builder().scheme("http").authority(format!("dial:{port}"));
        let uri = uri.path_and_query("/").build().expect("a host and a port make an URI");
        dialogue
            .phase(Phase::Connect, async {
                let connected = connector.call(uri).await;
                let connected = connected.map_err(|error| at(host, port, failure(&error)))?;
                Ok(connected.into_inner())
            })
            .await
    }

    /// Makes the socket TLS in place, and notes the certificate that the server shows.
    pub(super) async fn tls(
        &self,
        socket: &Socket,
        host: &str,
        port: u16,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        let endpoint: Arc<str> = format!("{host}:{port}").into();
        let done = dialogue
            .phase(Phase::Tls, async {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|error| Failure::own(Reason::TlsFailed, error))?;
                let tcp =
                    socket.take_plain().map_err(|error| Failure::own(Reason::TlsFailed, error))?;
                let connected = TlsConnector::from(self.tls.clone()).connect(name, tcp).await;
                connected.map_err(|error| at(host, port, failure(&error)))
            })
            .await;
        let tls = done?;
        dialogue.certificate = expiry(&tls).map(|expires| Certificate { endpoint, expires });
        dialogue.note(&format!("-- TLS {}", described(&tls)));
        socket.secured(tls);
        Ok(())
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> anyhow::Result<()> {
    let mut found = 0;
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
        found += 1;
    }
    anyhow::ensure!(found > 0, "holds no certificate in PEM form");
    Ok(())
}

fn described(tls: &TlsStream<TcpStream>) -> String {
    let session = tls.get_ref().1;
    let version = session.protocol_version().map(|version| format!("{version:?}"));
    let resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    format!("{}{}", version.unwrap_or_default(), if resumed { ", resumed" } else { "" })
}

fn expiry(tls: &TlsStream<TcpStream>) -> Option<Timestamp> {
    let leaf = tls.get_ref().1.peer_certificates()?.first()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).ok()?;
    Some(Timestamp::from_secs(certificate.validity().not_after.timestamp()))
}

/// A connector that tries the addresses of both families side by side (RFC 8305) and sends at once what is written.
pub(super) fn connector<R>(resolver: R) -> HttpConnector<R> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector
}

/// Leaves time to try again within a probe's thirty seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The addresses of a name, as the system's resolver has them.
pub(super) async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    resolve(host, port).await.map_err(|error| failure(&error))
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
    let unresolved = |error| Unresolved { host: host.to_owned(), error };
    let addresses: Vec<_> =
        tokio::net::lookup_host((host, port)).await.map_err(unresolved)?.collect();
    if addresses.is_empty() {
        return Err(unresolved(io::Error::other("no address")));
    }
    Ok(addresses)
}

/// A name that DNS does not know, or does not answer for.
#[derive(Debug)]
struct Unresolved {
    host: String,
    error: io::Error,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be resolved: {}", self.host, self.error)
    }
}

impl Error for Unresolved {}

/// The system's resolver, for the HTTP client.
#[derive(Clone, Debug)]
pub(super) struct System;

impl Service<Name> for System {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Self::Error>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { Ok(resolve(name.as_str(), 0).await?.into_iter()) })
    }
}

/// Addresses that were resolved before.
#[derive(Clone, Debug)]
struct Known(Vec<SocketAddr>);

impl Service<Name> for Known {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(self.0.clone().into_iter()))
    }
}

/// Our own errors by their type: the deepest one that is known names the reason.
pub(super) fn failure(error: &(dyn Error + 'static)) -> Failure {
    let mut causes = Vec::new();
    collect(error, &mut causes);
    let reason =
        causes.iter().rev().find_map(|cause| reason(*cause)).unwrap_or(Reason::ConnectionLost);
    let words = causes.last().map(ToString::to_string).unwrap_or_default();
    Failure::own(reason, words)
}

/// The failure with the place that it concerns.
pub(super) fn at(host: &str, port: u16, failure: Failure) -> Failure {
    let words = failure.evidence.map(|evidence| format!("{host}:{port}: {evidence}"));
    Failure { evidence: words.map(Evidence::Error), ..failure }
}

/// The error and everything below it. An `io::Error` hides what it wraps from `source`.
fn collect<'a>(error: &'a (dyn Error + 'static), causes: &mut Vec<&'a (dyn Error + 'static)>) {
    causes.push(error);
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => collect(inner, causes),
        None => {
            if let Some(source) = error.source() {
                collect(source, causes);
            }
        }
    }
}

fn reason(error: &(dyn Error + 'static)) -> Option<Reason> {
    if error.is::<Unresolved>() {
        return Some(Reason::DnsFailed);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls_reason(error));
    }
    let error = error.downcast_ref::<io::Error>()?;
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => Reason::ConnectionRefused,
        io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::PermissionDenied => Reason::Unreachable,
        io::ErrorKind::TimedOut => Reason::Timeout,
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Reason::ConnectionLost,
        io::ErrorKind::InvalidData => Reason::GarbledAnswer,
        _ => return None,
    })
}

fn tls_reason(error: &rustls::Error) -> Reason {
    let rustls::Error::InvalidCertificate(fault) = error else { return Reason::TlsFailed };
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::TlsExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Reason::TlsNotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Reason::TlsWrongName
        }
        // A name that is trusted on a signature that is not: it is not that authority's.
        CertificateError::BadSignature
        | CertificateError::UnknownIssuer
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Reason::TlsUntrusted
        }
        _ => Reason::TlsFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_known_cause_names_the_reason() {
        let wrapped = |error| io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrong = rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
        assert_eq!(failure(&wrapped(expired)).reason, Reason::TlsExpired);
        assert_eq!(failure(&wrapped(wrong)).reason, Reason::TlsWrongName);
        let refused = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(failure(&refused).reason, Reason::ConnectionRefused);
        assert_eq!(failure(&io::Error::other("odd")).reason, Reason::ConnectionLost);
    }
}
