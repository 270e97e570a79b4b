//! Which redirect URIs Google refuses whatever is registered, in the words of a finding.

use crate::domain::redirect;

/// Why Google refuses it; none where nothing is known against it. The words hold no part of it but its host.
pub(super) fn refused(uri: &str) -> Option<String> {
    let broken = redirect::examine(uri).into_iter().find(|broken| broken.rule.is_googles())?;
    Some(broken.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_google_refuses_is_said_and_what_is_only_odd_is_not() {
        let cases = [
            ("https://odoo.example.com", None),
            ("https://odoo.example.com:8443", None),
            ("http://localhost:8069", None),
            ("http://127.0.0.1:8069", None),
            ("http://[::1]:8069", None),
            // Another way to write it is no offence.
            ("https://Odoo.Example.com:443", None),
            ("http://odoo.example.com", Some("it is http, not https")),
            ("http://10.0.0.7:8069", Some("10.0.0.7 is an IP address")),
            ("https://[2001:db8::7]", Some("[2001:db8::7] is an IP address")),
            ("http://odoo.lan", Some("odoo.lan is no public name")),
            ("https://bot:pass@odoo.example.com", Some("it holds a user name")),
            ("odoo.example.com", Some("it does not begin with https://")),
        ];
        for (base, why) in cases {
            let said = refused(&format!("{base}/google_gmail/confirm"));
            assert_eq!(said.as_deref(), why, "{base}");
        }
    }
}
