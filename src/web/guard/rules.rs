//! The rules as their file writes them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bcrypt::HashParts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

use super::tls;
use crate::{
    domain::secret::Secret,
    yaml::{self, At, Mistakes, Reading},
};

/// The rules as understood.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) users: HashMap<String, Hash>,
    /// The hash that takes the longest to examine; absent where nobody needs a password.
    pub(super) costliest: Option<Hash>,
    pub(super) headers: HeaderMap,
}

/// The keys of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    tls_server_config: Option<At<tls::Config>>,
    http_server_config: HttpKeys,
    /// Name and bcrypt hash, as `htpasswd -nBC 10 name` makes it.
    basic_auth_users: BTreeMap<String, At<String>>,
}

/// The keys under `http_server_config`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpKeys {
    /// Whether HTTP/2 is offered, which is so with TLS only; true, if not given.
    http2: Option<bool>,
    /// Added to every answer.
    headers: HttpHeaders,
}

/// The headers that the exporter-toolkit allows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpHeaders {
    #[serde(rename = "Content-Security-Policy")]
    content_security_policy: Option<At<String>>,
    #[serde(rename = "Strict-Transport-Security")]
    strict_transport_security: Option<At<String>>,
    #[serde(rename = "X-Content-Type-Options")]
    x_content_type_options: Option<At<String>>,
    #[serde(rename = "X-Frame-Options")]
    x_frame_options: Option<At<String>>,
    #[serde(rename = "X-XSS-Protection")]
    x_xss_protection: Option<At<String>>,
}

/// Reads the rules, and how the files look that they came from.
pub(super) fn read(file: &Path) -> Result<(Rules, Stamps), Mistakes> {
    let file: Arc<Path> = file.into();
    let mut stamps = Stamps::default();
    stamps.take(&file);
    // Unlike our own configuration, this one may say nothing.
    let keys = if says_nothing(&file) { Keys::default() } else { yaml::read(&file)? };
    let mut reading = Reading::new(file);
    let http2 = keys.http_server_config.http2.unwrap_or(true);
    let tls =
        keys.tls_server_config.and_then(|at| tls::settle(at, http2, &mut stamps, &mut reading));
    let headers = headers(keys.http_server_config.headers, &mut reading);
    let mut users = HashMap::new();
    for (name, at) in keys.basic_auth_users {
        if let Some(hash) = reading.understand(&at, Hash::parse) {
            users.insert(name, hash);
        }
    }
    let costliest = users.values().max_by_key(|hash| hash.cost).cloned();
    let rules = Rules { tls, users, costliest, headers };
    reading.end((rules, stamps))
}

fn says_nothing(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| {
        text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
    })
}

/// A password's bcrypt hash.
#[derive(Clone)]
pub(super) struct Hash {
    written: Secret,
    cost: u32,
}

impl Hash {
    fn parse(written: &str) -> Result<Self, String> {
        match written.parse::<HashParts>().map(|parts| parts.get_cost()) {
            Ok(cost) if cost <= COSTLIEST => Ok(Self { written: Secret::new(written), cost }),
            Ok(cost) => Err(format!(
                "a hash of cost {cost} takes too long to examine; make one of cost 10 to {COSTLIEST}"
            )),
            Err(_) => Err("this is no bcrypt hash; \"htpasswd -nBC 10 NAME\" makes one".to_owned()),
        }
    }

    pub(super) fn as_secret(&self) -> &Secret {
        &self.written
    }

    /// Whether the password is the right one. It is slow on purpose.
    pub(super) fn is_of(&self, password: &Secret) -> bool {
        bcrypt::verify(password.expose(), self.written.expose()).unwrap_or(false)
    }
}

/// Takes about a second; every step doubles it.
const COSTLIEST: u32 = 14;

fn headers(keys: HttpHeaders, reading: &mut Reading) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let given = [
        (http::header::CONTENT_SECURITY_POLICY, keys.content_security_policy),
        (http::header::STRICT_TRANSPORT_SECURITY, keys.strict_transport_security),
        (http::header::X_CONTENT_TYPE_OPTIONS, keys.x_content_type_options),
        (http::header::X_FRAME_OPTIONS, keys.x_frame_options),
        (http::header::X_XSS_PROTECTION, keys.x_xss_protection),
    ];
    for (name, at) in given {
        let value = at.and_then(|at| {
            reading.understand(&at, |written| {
                HeaderValue::from_str(written)
                    .map_err(|_| "a header cannot hold these characters".to_owned())
            })
        });
        if let Some(value) = value {
            let _ = headers.insert::<HeaderName>(name, value);
        }
    }
    headers
}

/// How files looked when they were read, so that a change is seen without being told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

type Stamp = (u64, u64, u64, i64, i64);

impl Stamps {
    pub(super) fn take(&mut self, file: &Path) {
        self.0.push((file.to_owned(), stamp(file)));
    }

    /// How the same files look now.
    pub(super) fn again(&self) -> Self {
        Self(self.0.iter().map(|(file, _)| (file.clone(), stamp(file))).collect())
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Links are followed, so one that was turned to another file shows (Kubernetes' `..data`).
fn stamp(file: &Path) -> Option<Stamp> {
    let seen = fs::metadata(file).ok()?;
    Some((seen.dev(), seen.ino(), seen.size(), seen.mtime(), seen.mtime_nsec()))
}
