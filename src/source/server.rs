//! Where servers are: the keys under `smtp` and `imap`, and URLs.

use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

use crate::{
    domain::link::{ImapServer, Security, SmtpServer},
    yaml::{At, Reading},
};

/// The keys under `smtp`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpConfig {
    pub host: Option<At<String>>,
    pub port: Option<At<String>>,
    /// `starttls` or `tls`; the port says which, if not given.
    pub security: Option<At<String>>,
}

impl SmtpConfig {
    /// This where it says something, else `base`. A port without a security has the one it is known for, and the other
    /// way round.
    pub fn over(&self, base: &SmtpServer, reading: &mut Reading) -> SmtpServer {
        let host = self.host.as_ref().and_then(|at| reading.understand(at, host));
        let own_port = self.port.as_ref().and_then(|at| reading.understand(at, port));
        let own_security =
            self.security.as_ref().and_then(|at| reading.choose(at, "security", &SECURITIES));
        let security = own_security.or(match own_port {
            Some(465) => Some(Security::Tls),
            Some(587 | 25) => Some(Security::Starttls),
            _ => None,
        });
        let port = own_port.or(match own_security {
            Some(Security::Starttls) => Some(587),
            Some(Security::Tls) => Some(465),
            None => None,
        });
        SmtpServer {
            host: host.unwrap_or_else(|| base.host.clone()),
            port: port.unwrap_or(base.port),
            security: security.unwrap_or(base.security),
        }
    }
}

/// As the file writes them.
pub const SECURITIES: [(&str, Security); 2] =
    [("starttls", Security::Starttls), ("tls", Security::Tls)];

/// The keys under `imap`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImapConfig {
    pub host: Option<At<String>>,
    pub port: Option<At<String>>,
}

impl ImapConfig {
    /// This where it says something, else `base`.
    pub fn over(&self, base: &ImapServer, reading: &mut Reading) -> ImapServer {
        let host = self.host.as_ref().and_then(|at| reading.understand(at, host));
        let port = self.port.as_ref().and_then(|at| reading.understand(at, port));
        ImapServer {
            host: host.unwrap_or_else(|| base.host.clone()),
            port: port.unwrap_or(base.port),
        }
    }
}

fn host(written: &str) -> Result<String, String> {
    let is_host = written.parse::<IpAddr>().is_ok()
        || (!written.is_empty() && matches!(Host::parse(written), Ok(Host::Domain(_))));
    if is_host {
        return Ok(written.to_ascii_lowercase());
    }
    Err(format!(
        "{written:?} is no host; write a name such as smtp.gmail.com, without port or scheme"
    ))
}

fn port(written: &str) -> Result<u16, String> {
    match written.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(format!("{written:?} is no port; write a number from 1 to 65535")),
    }
}

/// An `https://` address. Plain `http://` is for this very host only, since tokens go there.
///
/// # Errors
/// A sentence that says what would be right.
pub fn url(written: &str) -> Result<Url, String> {
    if written.contains('@') {
        return Err("a URL here holds no user and no password; leave out what stands before \"@\""
            .to_owned());
    }
    let url = Url::parse(written).map_err(|error| {
        format!("{written:?} is no URL ({error}); write it as https://host.example.com/path")
    })?;
    match (url.scheme(), is_loopback(&url)) {
        _ if url.fragment().is_some() => {
            Err(format!("{written:?} has a fragment; leave out what stands behind \"#\""))
        }
        ("https", _) | ("http", true) => Ok(url),
        _ => Err(format!(
            "{written:?} is not https; write https://… (http:// is for localhost only, since secrets go there)"
        )),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::tests::at;

    #[test]
    fn plain_http_is_for_this_host_only() {
        let good = [
            "https://oauth2.googleapis.com/token",
            "http://localhost:8080/token",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://odoo.localhost/",
        ];
        good.iter().for_each(|good| assert!(url(good).is_ok(), "{good}"));
        let bad = [
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example.com/",
            "ftp://example.com/",
            "https://",
            "https://user:hunter2@example.com/",
            "https://example.com/#here",
            "example.com",
            "data:,",
        ];
        for bad in bad {
            let error = url(bad).expect_err(bad);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn hosts_are_told_from_what_is_none() {
        for good in ["smtp.gmail.com", "LOCALHOST", "127.0.0.1", "::1"] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "smtp.gmail.com:587", "smtps://smtp.gmail.com", "[::1]", "a/b"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_and_a_security_that_is_missing_follow_from_the_other() {
        let base = SmtpServer { host: "base".into(), port: 2525, security: Security::Tls };
        let cases = [
            (None, None, 2525, Security::Tls),
            (Some("465"), None, 465, Security::Tls),
            (Some("587"), None, 587, Security::Starttls),
            (Some("1587"), None, 1587, Security::Tls),
            (None, Some("starttls"), 587, Security::Starttls),
            (None, Some("tls"), 465, Security::Tls),
            (Some("587"), Some("tls"), 587, Security::Tls),
        ];
        for (port, security, to_port, to_security) in cases {
            let keys = SmtpConfig { host: None, port: port.map(at), security: security.map(at) };
            let mut reading = Reading::new(std::path::Path::new("main.yaml").into());
            let server = keys.over(&base, &mut reading);
            assert_eq!(
                (server.port, server.security),
                (to_port, to_security),
                "{port:?} {security:?}"
            );
            reading.end(()).unwrap();
        }
    }
}
