//! Which redirect URIs Google refuses whatever is registered:
//! <https://developers.google.com/identity/protocols/oauth2/web-server#uri-validation>.

use url::{Host, Url};

/// Why Google refuses it; none where nothing is known against it. The words hold no part of it but its host.
pub(super) fn refused(uri: &str) -> Option<String> {
    let Ok(url) = Url::parse(uri) else { return Some("it is no URL".to_owned()) };
    if !url.username().is_empty() || url.password().is_some() {
        return Some("it holds a user name".to_owned());
    }
    if url.fragment().is_some() || uri.contains('*') {
        return Some("it holds a # or a *".to_owned());
    }
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Some("it has no host".to_owned()),
    };
    match (url.scheme(), url.host()) {
        ("http" | "https", _) if is_here => None,
        (_, Some(Host::Ipv4(_) | Host::Ipv6(_))) => {
            Some(format!("{} is an IP address", url.host_str()?))
        }
        (_, Some(Host::Domain(name))) if !is_public(name) => {
            Some(format!("{name} is no public name"))
        }
        ("https", _) => None,
        (scheme, _) => Some(format!("it is {scheme}, not https")),
    }
}

/// Whether a name can end in a public suffix: it has more than one label, and the last one is not of those that are
/// kept for private use, tests and examples, or are used so.
fn is_public(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    !PRIVATE.contains(&last) && name != "googleusercontent.com" && !name.ends_with(GOOGLES)
}

/// RFC 2606, RFC 6761, RFC 6762 appendix G, and ICANN's `.internal`.
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

/// A host that Google lets nobody use here.
const GOOGLES: &str = ".googleusercontent.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_of_googles_refuses_what_breaks_it() {
        let fine = [
            "https://odoo.example.com",
            "https://odoo.example.com:8443",
            "http://localhost:8069",
            "https://localhost",
            "http://127.0.0.1:8069",
            "http://[::1]:8069",
        ];
        for base in fine {
            assert_eq!(refused(&format!("{base}/google_gmail/confirm")), None, "{base}");
        }
        let bad = [
            ("http://odoo.example.com", "it is http, not https"),
            ("ftp://odoo.example.com", "it is ftp, not https"),
            ("https://192.0.2.7", "192.0.2.7 is an IP address"),
            ("http://10.0.0.7:8069", "10.0.0.7 is an IP address"),
            ("https://[2001:db8::7]", "[2001:db8::7] is an IP address"),
            ("https://odoo", "odoo is no public name"),
            ("https://odoo.local", "odoo.local is no public name"),
            ("https://odoo.corp.lan", "odoo.corp.lan is no public name"),
            ("https://odoo.internal.", "odoo.internal. is no public name"),
            ("https://x.localhost", "x.localhost is no public name"),
            ("https://a.googleusercontent.com", "a.googleusercontent.com is no public name"),
            ("https://bot:pass@odoo.example.com", "it holds a user name"),
            ("https://odoo.example.com/#", "it holds a # or a *"),
            ("https://odoo.example.com/*", "it holds a # or a *"),
            ("odoo.example.com", "it is no URL"),
            ("", "it is no URL"),
        ];
        for (base, why) in bad {
            let said = refused(&format!("{base}/google_gmail/confirm"));
            assert_eq!(said.as_deref(), Some(why), "{base}");
        }
    }
}
