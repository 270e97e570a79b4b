//! Answers: what every one of them says in its head.

use bytes::{Buf as _, Bytes, buf::Chain};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::metrics::{self, Coding};

/// A body is two parts, so that the part of a scrape that is kept is never copied.
pub(crate) type Answer = Response<Full<Chain<Bytes, Bytes>>>;

pub(super) fn text(status: StatusCode, words: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain; charset=utf-8", words.into())
}

pub(crate) fn html(status: StatusCode, page: String, policy: &HeaderValue) -> Answer {
    let mut answer = answer(status, "text/html; charset=utf-8", page.into());
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    answer
}

pub(super) fn json(value: &impl Serialize) -> Answer {
    let written = serde_json::to_vec(value).expect("a report has no map with odd keys");
    answer(StatusCode::OK, "application/json", written.into())
}

pub(super) fn exposition(first: Bytes, last: Bytes, coding: Coding) -> Answer {
    let mut answer = answer(StatusCode::OK, metrics::CONTENT_TYPE, Bytes::new());
    *answer.body_mut() = Full::new(first.chain(last));
    let vary = HeaderValue::from_static("accept-encoding");
    answer.headers_mut().insert(header::VARY, vary);
    if coding == Coding::Gzip {
        let gzip = HeaderValue::from_static("gzip");
        answer.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
    answer
}

pub(super) fn wrong_method(allowed: &'static str, words: &str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("{words}\n"));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

pub(super) fn unauthorized() -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, "A user name and its password are needed.\n");
    let how = HeaderValue::from_static("Basic realm=\"mailbox_exporter\", charset=\"UTF-8\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    answer
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body.chain(Bytes::new())));
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}

/// What holds for every answer: nobody keeps, frames, guesses at or passes on anything.
pub(crate) fn seal(answer: &mut Answer) {
    for (name, value) in SEAL {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}

const SEAL: [(header::HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Whether a browser asks since another site made it, with our visitor's password. Following a link is all right.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let says = |name: &str, word: &str| headers.get(name).is_some_and(|value| value == word);
    let ours = says("sec-fetch-site", "same-origin") || says("sec-fetch-site", "none");
    headers.contains_key("sec-fetch-site") && !ours && !says("sec-fetch-mode", "navigate")
}

/// What the scraper takes: gzip unless it does not name it, or names it to refuse it.
pub(super) fn coding(headers: &HeaderMap) -> Coding {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let gzip = accepted.any(|each| {
        let mut parts = each.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |part: &str| {
            part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
        };
        named && !parts.any(refused)
    });
    if gzip { Coding::Gzip } else { Coding::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_asks_for_it() {
        let cases = [
            ("gzip", Coding::Gzip),
            ("deflate, GZIP;q=0.5", Coding::Gzip),
            ("gzip;q=0", Coding::Identity),
            ("gzip; q=0.000, identity", Coding::Identity),
            ("br, zstd", Coding::Identity),
            ("x-gzip", Coding::Identity),
            ("", Coding::Identity),
        ];
        for (accepted, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(coding(&headers), expected, "{accepted}");
        }
    }
}
