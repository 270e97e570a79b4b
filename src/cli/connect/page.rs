//! What the browser shows at the end of a consent: plain pages without scripts.
//!
//! Invariant: nothing of a request stands on a page, so neither code nor state does.

use std::sync::LazyLock;

use askama::Template;
use http::{HeaderValue, StatusCode, header};

use crate::{
    domain::{callback::Mistake, link::Address, reason::Reason},
    web::{self, Answer},
};

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    tone: Tone,
    title: String,
    lines: Vec<String>,
    next: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Tone {
    Bad,
    Good,
    Idle,
}

impl Page {
    fn new(status: StatusCode, tone: Tone, title: impl Into<String>) -> Self {
        Self { status, tone, title: title.into(), lines: Vec::new(), next: Vec::new() }
    }

    fn line(mut self, words: impl Into<String>) -> Self {
        self.lines.push(words.into());
        self
    }

    fn next(mut self, words: impl Into<String>) -> Self {
        self.next.push(words.into());
        self
    }

    /// Nobody has answered yet.
    pub(super) fn waiting() -> Self {
        Self::new(StatusCode::OK, Tone::Idle, "Waiting for Google's answer")
            .line("Google leads back here at the end of its pages.")
            .next("Open the address that the terminal shows, and agree there.")
    }

    /// What came is no answer to this attempt.
    pub(super) fn mistake(mistake: &Mistake) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Tone::Bad, "This is no answer to what was asked")
            .line(mistake.to_string())
            .next(
                "Nothing was done. The terminal still waits: go on with the address that it shows.",
            )
    }

    /// The answer came before.
    pub(super) fn again() -> Self {
        Self::new(StatusCode::CONFLICT, Tone::Idle, "This was answered already")
            .line("Every attempt takes one answer.")
            .next("The terminal says what came of it. You can close this window.")
    }

    pub(super) fn not_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, Tone::Idle, "There is nothing here")
            .next("Open the address that the terminal shows.")
    }

    /// Of another name: a page elsewhere tries to have itself taken for this one.
    pub(super) fn foreign() -> Self {
        let title = "This address is not of mailbox_exporter connect";
        Self::new(StatusCode::MISDIRECTED_REQUEST, Tone::Bad, title)
            .next("Open the address that the terminal shows.")
    }

    pub(super) fn wrong_method() -> Self {
        let title = "This can only be read";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Tone::Idle, title)
    }

    pub(super) fn linked(mailbox: &Address, remarks: &[String]) -> Self {
        let page = Self::new(StatusCode::OK, Tone::Good, format!("{mailbox} is linked"))
            .line("The right account agreed, and its token is where it belongs.");
        remarks
            .iter()
            .fold(page, |page, remark| page.line(remark))
            .next("You can close this window; the terminal says what is left to be done.")
    }

    /// It came to nothing, for this reason.
    pub(super) fn failed(title: impl Into<String>, reason: Reason) -> Self {
        Self::new(StatusCode::OK, Tone::Bad, title)
            .line(reason.meaning())
            .line("Nothing was written.")
            .next(reason.next_step())
            .next("Begin again in the terminal, which says more. You can close this window.")
    }

    /// It came to nothing, for a reason that is not Google's.
    pub(super) fn unkept(title: impl Into<String>, why: &str) -> Self {
        Self::new(StatusCode::OK, Tone::Bad, title)
            .line(why)
            .next("The terminal says what to do. You can close this window.")
    }

    /// As it goes to the browser. Nobody keeps it, frames it or is told where it was.
    pub(super) fn answer(&self) -> Answer {
        let shown = Shown {
            title: &self.title,
            lines: &self.lines,
            next: &self.next,
            tone: self.tone.name(),
            sign: self.tone.sign(),
            style: web::STYLE,
            version: env!("CARGO_PKG_VERSION"),
        };
        let body = shown.render().unwrap_or_else(|_| self.title.clone());
        let mut answer = web::html(self.status, body, &POLICY);
        web::seal(&mut answer);
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

impl Tone {
    fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Idle => "idle",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Bad => "✕",
            Self::Good => "✓",
            Self::Idle => "–",
        }
    }
}

#[derive(Template)]
#[template(path = "connected.html")]
struct Shown<'a> {
    title: &'a str,
    lines: &'a [String],
    next: &'a [String],
    tone: &'static str,
    sign: &'static str,
    style: &'static str,
    version: &'static str,
}

/// No form leads anywhere.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| web::policy("'none'"));

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_page_is_text_whatever_stands_in_it() {
        let answer = Page::new(StatusCode::OK, Tone::Good, "<b>").line("<script>").answer();
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(!body.contains("<script") && !body.contains("<b>"), "{body}");
    }
}
