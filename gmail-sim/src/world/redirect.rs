//! Where people may be sent back to: Google's rules for redirect URIs, and what a client registered.
//!
//! The rules: <https://developers.google.com/identity/protocols/oauth2/web-server#uri-validation>. That a query may be
//! no open redirect is not looked at; which addresses Google counts as such is not documented.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Client, ClientKind, line};
use crate::lines::Line;

/// May this client send people there?
pub(super) fn check(client: &Client, uri: &str) -> Result<(), &'static Line> {
    if uri.is_empty() {
        return Err(line("authorization.redirect_uri_missing"));
    }
    let parsed = match Url::parse(uri) {
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            return Err(line("authorization.redirect_uri_scheme"));
        }
        parsed => parsed.ok(),
    };
    let allowed = parsed.as_ref().is_some_and(|url| is_allowed(url, uri));
    let is_registered = match client.kind {
        // Any port, any path: <https://developers.google.com/identity/protocols/oauth2/native-app>
        ClientKind::Desktop => {
            parsed.as_ref().is_some_and(|url| url.scheme() == "http" && is_loopback(url))
        }
        ClientKind::Web => {
            client.redirect_uris.is_empty() || client.redirect_uris.iter().any(|known| known == uri)
        }
    };
    match (allowed, is_registered) {
        (true, true) => Ok(()),
        // The page that Google shows for an own scheme or the retired `urn:` is [U].
        (false, _) if parsed.is_some_and(|url| !url.has_host()) => {
            Err(line("authorization.redirect_uri_mismatch"))
        }
        (false, _) => Err(line("authorization.redirect_uri_policy")),
        (true, false) => Err(line("authorization.redirect_uri_mismatch")),
    }
}

/// Does it keep Google's rules?
fn is_allowed(url: &Url, uri: &str) -> bool {
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    let person = !url.username().is_empty() || url.password().is_some();
    let shortened = url.domain() == Some("goo.gl") && !url.path().contains("/google-callback");
    scheme
        && (is_loopback(url) || is_public(url))
        && !person
        && url.fragment().is_none()
        && !shortened
        && !has_traversal(uri)
        && has_good_letters(uri)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Google asks the public suffix list; these are the endings that people try and that it lacks.
fn is_public(url: &Url) -> bool {
    let Some(name) = url.domain() else { return false };
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let google = name == "googleusercontent.com" || name.ends_with(".googleusercontent.com");
    ending.is_some_and(|ending| !PRIVATE.contains(&ending)) && !google
}

const PRIVATE: &[&str] = &[
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
    "test",
];

fn has_traversal(uri: &str) -> bool {
    let plain = uri.to_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    plain.contains("/..") || plain.contains("\\..")
}

fn has_good_letters(uri: &str) -> bool {
    let printable = uri.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'*');
    let mut escapes = uri.split('%').skip(1);
    let escape = |rest: &str| rest.len() >= 2 && u8::from_str_radix(&rest[..2], 16).is_ok();
    let small = uri.to_lowercase();
    printable && escapes.all(escape) && !small.contains("%00") && !small.contains("%c0%80")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(client: &Client, uri: &str) -> &'static str {
        check(client, uri).err().map_or("fine", |line| line.key.rsplit_once("uri_").unwrap().1)
    }

    #[test]
    fn googles_rules_come_before_what_is_registered() {
        let client = Client::default();
        let fine = ["https://odoo.example.com/google_gmail/confirm", "https://a.example.com:8443/"];
        for uri in fine.into_iter().chain([
            "http://localhost:8069/x",
            "http://127.0.0.1",
            "http://[::1]:5/",
        ]) {
            assert_eq!(verdict(&client, uri), "fine", "{uri}");
        }
        let refused = [
            "http://odoo.example.com/",
            "https://192.0.2.1/",
            "https://odoo.local/",
            "https://odoo/",
            "https://me@odoo.example.com/",
            "https://odoo.example.com/#part",
            "https://odoo.example.com/a/../b",
            "https://odoo.example.com/a/%2E%2e/b",
            "https://odoo.example.com/*",
            "https://odoo.example.com/%zz",
            "https://odoo.example.com/%00",
            "https://x.googleusercontent.com/",
            "https://goo.gl/abc",
        ];
        for uri in refused {
            assert_eq!(verdict(&client, uri), "policy", "{uri}");
        }
        assert_eq!(verdict(&client, "odoo.example.com/confirm"), "scheme");
        assert_eq!(verdict(&client, ""), "missing");
    }

    #[test]
    fn a_web_client_needs_the_very_uri_and_a_desktop_client_the_loopback_address() {
        let uri = "https://odoo.example.com/google_gmail/confirm".to_owned();
        let web = Client { redirect_uris: vec![uri.clone()], ..Client::default() };
        assert_eq!(verdict(&web, &uri), "fine");
        for other in
            [format!("{uri}/"), uri.replace("odoo", "Odoo"), uri.replace(".com", ".com:443")]
        {
            assert_eq!(verdict(&web, &other), "mismatch", "{other}");
        }
        let desktop = Client { kind: ClientKind::Desktop, ..Client::default() };
        assert_eq!(verdict(&desktop, "http://127.0.0.1:40123/any"), "fine");
        assert_eq!(verdict(&desktop, &uri), "mismatch");
        assert_eq!(verdict(&desktop, "urn:ietf:wg:oauth:2.0:oob"), "mismatch");
    }
}
