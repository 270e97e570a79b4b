//! The certificates: one authority, a good certificate, and three bad ones.

use std::{net::IpAddr, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use serde::{Deserialize, Serialize};

/// A certificate that a client must refuse.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// It ended in 2020.
    Expired,
    /// No authority signed it.
    SelfSigned,
    /// It is for `wrong.example`.
    WrongName,
}

/// The TLS configurations of one simulator.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) ca_pem: String,
    expired: Arc<ServerConfig>,
    good: Arc<ServerConfig>,
    self_signed: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
}

/// Why no certificates could be made.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The names that the good certificate is for, besides what the options add.
const NAMES: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "::1",
    "accounts.google.com",
    "gmail.googleapis.com",
    "imap.gmail.com",
    "oauth2.googleapis.com",
    "smtp.gmail.com",
    "www.googleapis.com",
];

impl Tls {
    pub(crate) fn new(more_names: &[String]) -> Result<Self, Error> {
        let authority = Authority::new()?;
        let mut names: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
        names.extend(more_names.iter().filter(|name| !NAMES.contains(&name.as_str())).cloned());
        let params = leaf(names)?;
        let mut expired = params.clone();
        expired.not_before = date_time_ymd(2019, 1, 1);
        expired.not_after = date_time_ymd(2020, 1, 1);
        let key = KeyPair::generate()?;
        let self_signed = params.self_signed(&key)?.der().clone();
        Ok(Self {
            expired: authority.sign(&expired)?,
            good: authority.sign(&params)?,
            self_signed: config(self_signed, &key)?,
            wrong_name: authority.sign(&leaf(vec!["wrong.example".to_owned()])?)?,
            ca_pem: authority.pem,
        })
    }

    pub(crate) fn good(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.good)
    }

    pub(crate) fn bad(&self, certificate: Certificate) -> Arc<ServerConfig> {
        Arc::clone(match certificate {
            Certificate::Expired => &self.expired,
            Certificate::SelfSigned => &self.self_signed,
            Certificate::WrongName => &self.wrong_name,
        })
    }
}

#[derive(Debug)]
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("gmail-sim authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2120, 1, 1);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    fn sign(&self, params: &CertificateParams) -> Result<Arc<ServerConfig>, Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        config(certificate.der().clone(), &key)
    }
}

fn leaf(names: Vec<String>) -> Result<CertificateParams, Error> {
    let is_address = |name: &String| name.parse::<IpAddr>().is_ok();
    let common = names.iter().find(|name| !is_address(name)).cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = name(&common);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn config(
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
) -> Result<Arc<ServerConfig>, Error> {
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    // Stateless tickets: thousands of clients resume without a cache here that forgets them.
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
