//! Clients by which people can link, and one by which they cannot.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{NOW, link};
use crate::{
    check::consent::{Answer, Applicant, RedirectUri, Verdict},
    domain::{link::Direction, reason::Reason},
    engine::consents::Consent,
};

pub(super) fn consents() -> BTreeMap<Arc<str>, Arc<Consent>> {
    let configured = |uri: &str| RedirectUri { uri: uri.to_owned(), odoo: None };
    let of = |name: &str, uris: Vec<RedirectUri>, verdicts: Vec<Verdict>, secret| {
        let watched = link("x@example.com", "x@example.com", Direction::Both, name);
        let (client, google) = (watched.link.client.clone(), watched.link.google.clone());
        let at = NOW - Duration::from_secs(36_000);
        let answer = Answer { at, uris: verdicts, secret, rests: false };
        let consent = Consent {
            applicant: Applicant { client, google, uris },
            answer: Some(answer),
            next: Some(NOW + Duration::from_secs(50_400)),
        };
        (name.into(), Arc::new(consent))
    };
    let mismatch = "redirect_uri_mismatch: You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy.";
    let refused = |reason, words: &str| Verdict::Refused(reason, words.to_owned());
    BTreeMap::from([
        of(
            "odoo",
            vec![
                configured("https://odoo.example.com/google_gmail/confirm"),
                configured("https://new.example.com/google_gmail/confirm"),
                configured("https://odd.example.com/google_gmail/confirm"),
            ],
            vec![
                Verdict::Accepted,
                refused(Reason::RedirectUriMismatch, mismatch),
                Verdict::Unknown("HTTP status 200 where a redirect was expected".to_owned()),
            ],
            Verdict::Accepted,
        ),
        of(
            "odoo/shop",
            vec![RedirectUri::of_odoo("http://shop.example.com:8069")],
            vec![refused(Reason::RedirectUriPolicy, "it is http, not https")],
            Verdict::Accepted,
        ),
    ])
}
