//! Pages for people: calm, without scripts, and readable on whatever is at hand at night.

use std::sync::{Arc, LazyLock};

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{Front, answer, answer::Answer};
use crate::{
    domain::{
        clock::Timestamp,
        link::LinkId,
        reason::{Class, Reason},
    },
    engine::report::Present,
};

mod consent;
mod link;
mod mailbox;
mod manual;
mod odoo;
mod status;
mod trips;
mod when;

use when::When;

/// `GET /`
pub(super) async fn status(front: &Arc<Front>, query: &str) -> Answer {
    let asked = status::Asked::parse(query);
    front.aside(move |front| page(StatusCode::OK, &status::page(front, &asked))).await
}

/// `GET /links/<id>`
pub(super) async fn link(front: &Arc<Front>, id: &str) -> Answer {
    let id = id.to_owned();
    front
        .aside(move |front| match link::page(front, &id) {
            Some(found) => page(StatusCode::OK, &found),
            None => {
                let words = format!("No link is called {id:?}; / lists those that are watched.\n");
                answer::text(StatusCode::NOT_FOUND, words)
            }
        })
        .await
}

/// `GET /docs/<page>`
pub(super) fn manual(front: &Front, path: &str) -> Answer {
    match manual::page(front, path) {
        Some(found) => page(StatusCode::OK, &found),
        None => {
            let words = format!("The manual has no page {path:?}; /docs/ lists them.\n");
            answer::text(StatusCode::NOT_FOUND, words)
        }
    }
}

fn page(status: StatusCode, page: &impl Template) -> Answer {
    match page.render() {
        Ok(page) => answer::html(status, page, &POLICY),
        Err(error) => {
            let words = format!("This page could not be made ({error}): that is a bug.\n");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, words)
        }
    }
}

/// What every page has around it.
#[derive(Debug)]
struct Frame {
    prefix: String,
    telemetry_path: String,
    tone: Tone,
    now: String,
    version: &'static str,
}

impl Frame {
    fn new(front: &Front, tone: Tone, now: Timestamp) -> Self {
        Self {
            prefix: front.prefix.clone(),
            telemetry_path: front.site.settings.telemetry_path.clone(),
            tone,
            now: when::exact(now),
            version: front.site.applied.load().standing.build.version,
        }
    }

    fn style(&self) -> &'static str {
        STYLE
    }

    /// A dot in the verdict's colour, so that the browser's tab tells it too.
    fn icon(&self) -> String {
        let colour = match self.tone {
            Tone::Bad => "d93025",
            Tone::Good => "1e8e3e",
            Tone::Idle => "80868b",
            Tone::Warn => "f29900",
        };
        format!(
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23{colour}'/%3E%3C/svg%3E"
        )
    }
}

/// How bad something is: a colour and, for those who do not see it, a sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tone {
    Bad,
    Good,
    /// Nothing is known, or nothing was asked.
    Idle,
    /// It passes by itself.
    Warn,
}

impl Tone {
    fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Idle => "idle",
            Self::Warn => "warn",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Bad => "✕",
            Self::Good => "✓",
            Self::Idle => "–",
            Self::Warn => "!",
        }
    }

    fn of_reason(reason: Reason) -> Self {
        match reason.class() {
            Class::Throttled | Class::Google => Self::Warn,
            Class::Relink
            | Class::Account
            | Class::Policy
            | Class::Client
            | Class::Quota
            | Class::Delivery
            | Class::Network
            | Class::Setup
            | Class::Unknown => Self::Bad,
        }
    }

    fn of_check(present: Option<Present<'_>>) -> Self {
        match present {
            Some(Present::Fail(failure)) => Self::of_reason(failure.reason),
            Some(Present::Pass(_)) => Self::Good,
            Some(Present::Skip(_)) | None => Self::Idle,
        }
    }
}

/// A piece of a sentence: an address that can be followed, or words.
#[derive(Debug)]
struct Piece {
    text: &'static str,
    is_address: bool,
}

/// A sentence with its addresses told apart. One with a blank to be filled in is none.
fn pieces(sentence: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    while let Some(start) = rest.find("https://") {
        let end = rest[start..].find([' ', ')', '<']).map_or(rest.len(), |end| start + end);
        let is_address = !rest[end..].starts_with('<');
        let end = start + rest[start..end].trim_end_matches(['.', ',', ':', ';']).len();
        pieces.push(Piece { text: &rest[..start], is_address: false });
        pieces.push(Piece { text: &rest[start..end], is_address });
        rest = &rest[end..];
    }
    pieces.push(Piece { text: rest, is_address: false });
    pieces
}

/// A link's own page; its id may hold anything but white space, and slashes stay as they are.
fn href(prefix: &str, path: &str, id: &LinkId) -> String {
    format!("{prefix}{path}{}", utf8_percent_encode(id.as_str(), IN_PATH))
}

const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'/').remove(b'@').remove(b'_').remove(b'~');

/// Of every page, also of those that `connect` shows.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// Forms lead back here.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy("'self'"));

/// Only our own style, a picture in the page itself, and forms that lead to `forms`.
pub(crate) fn policy(forms: &str) -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("base64 is fit for a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_sentence_can_be_followed() {
        let sentence =
            "Read https://a.example/b?c=d; or (https://e.example/), not https://<yours>/f.";
        let pieces = pieces(sentence);
        let addresses: Vec<_> =
            pieces.iter().filter(|piece| piece.is_address).map(|piece| piece.text).collect();
        assert_eq!(addresses, ["https://a.example/b?c=d", "https://e.example/"]);
        assert_eq!(pieces.iter().map(|piece| piece.text).collect::<String>(), sentence);
    }

    #[test]
    fn every_address_among_the_reasons_is_one() {
        for reason in Reason::ALL {
            for piece in pieces(reason.next_step()).iter().filter(|piece| piece.is_address) {
                let url = url::Url::parse(piece.text).unwrap();
                assert!(url.host_str().is_some_and(|host| host.contains('.')), "{reason}: {url}");
            }
        }
    }
}
