//! Tells by POST, signed, and again where the receiver could not take it.

use std::{fmt::Write as _, time::Duration};

use arc_swap::ArcSwap;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, StatusCode, header};
use serde::Deserialize;
use sha2::Sha256;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Parcel;
use crate::{
    check::Span,
    domain::{clock::Timestamp, secret::Secret},
    source::{Reference, Unreadable, secret::Kind, server},
    wire::Wire,
    yaml::{At, Reading},
};

/// The keys under `on_change.webhook`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: At<String>,
    /// Of the signature.
    secret: Reference,
    /// Of one attempt.
    timeout: Option<Span>,
}

impl Config {
    pub(super) fn settle(self, reading: &mut Reading) -> Option<Webhook> {
        let url = reading.understand(&self.url, server::url);
        let secret = self.secret.open(Kind::Key, Unreadable::Refused, reading);
        let origin = secret.origin().to_string();
        let secret = secret.value().ok().cloned();
        let timeout = self.timeout.map_or(TIMEOUT, |span| span.0);
        Some(Webhook { url: url?, secret: secret?, origin, timeout })
    }
}

/// A receiver.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: Url,
    secret: Secret,
    /// Where the secret is.
    pub origin: String,
    pub timeout: Duration,
}

impl Webhook {
    /// The URL for people's eyes: with many receivers, whoever knows the path may post.
    pub fn masked_url(&self) -> String {
        let origin = self.url.origin().ascii_serialization();
        let is_bare = self.url.path() == "/" && self.url.query().is_none();
        format!("{origin}/{}", if is_bare { "" } else { "****" })
    }

    /// Posts until the receiver takes it, refuses it for good, or there was no use in it; after `stop`, once at most.
    pub(super) async fn post(
        &self,
        parcel: &Parcel,
        wire: &ArcSwap<Wire>,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let missed = match self.attempt(parcel, &Wire::clone(&wire.load())).await {
                Ok(status) if status.is_success() => return Ok(()),
                Ok(status) if !is_passing(status) => {
                    return Err(format!("the receiver answered {status}"));
                }
                Ok(status) => format!("the receiver answered {status}"),
                Err(missed) => missed,
            };
            let Some(pause) = pauses.next() else { return Err(missed) };
            let (client, link, event) = parcel.fields();
            tracing::debug!(client, link, event, missed, ?pause, "the webhook is tried again");
            tokio::select! {
                () = stop.cancelled() => return Err(missed),
                () = sleep(pause) => {}
            }
        }
    }

    async fn attempt(&self, parcel: &Parcel, wire: &Wire) -> Result<StatusCode, String> {
        let now = wire.clock.now();
        let request = Request::post(self.url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "mailbox_exporter")
            .header(TIMESTAMP, seconds(now))
            .header(SIGNATURE, signature(&self.secret, now, &parcel.body))
            .body(parcel.body.clone())
            .map_err(|error| error.to_string())?;
        match timeout(self.timeout, wire.https.status(request)).await {
            Ok(answer) => answer.map_err(|failure| failure.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
    }
}

/// Whether the same may be taken later, by RFC 9110 (and RFC 6585 for 429, RFC 8470 for 425).
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status)
}

/// When the attempt was made, in Unix seconds.
pub const TIMESTAMP: &str = "mailbox-exporter-timestamp";

/// `v1=`, and HMAC-SHA256 by the secret over timestamp, full stop and body, in hexadecimal.
pub const SIGNATURE: &str = "mailbox-exporter-signature";

fn signature(secret: &Secret, at: Timestamp, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(seconds(at).as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold(String::from("v1="), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn seconds(at: Timestamp) -> String {
    at.to_utc().timestamp().to_string()
}

const TIMEOUT: Duration = Duration::from_secs(10);

/// Between the attempts: five of them, within ten minutes.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_secs(90),
    Duration::from_secs(420),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1795359000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let at = Timestamp::from_millis(1_795_359_000_999);
        assert_eq!(
            signature(&Secret::new("0123456789abcdef"), at, b"{}"),
            "v1=54516e542495fe20a01b36ec6e1a6133b67309c420943e78be64fb03fa0deb40"
        );
    }

    #[test]
    fn what_may_be_taken_later_is_told_from_what_is_refused() {
        for (status, passing) in
            [(500, true), (503, true), (429, true), (408, true), (400, false), (302, false)]
        {
            assert_eq!(is_passing(StatusCode::from_u16(status).unwrap()), passing, "{status}");
        }
    }

    #[test]
    fn a_url_whose_path_may_be_a_secret_is_not_shown() {
        let cases = [
            ("https://hooks.example.com/T0/hunter2?x=1", "https://hooks.example.com/****"),
            ("https://hooks.example.com:8443", "https://hooks.example.com:8443/"),
            ("http://localhost:9/?token=hunter2", "http://localhost:9/****"),
        ];
        for (url, shown) in cases {
            let webhook = Webhook {
                url: url.parse().unwrap(),
                secret: Secret::new("hunter2"),
                origin: String::new(),
                timeout: TIMEOUT,
            };
            assert_eq!(webhook.masked_url(), shown);
        }
    }
}
