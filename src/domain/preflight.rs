//! What the authorization endpoint's answer to somebody who is not signed in says of client and redirect URI.
//!
//! The answer is undocumented, a redirect whose address was captured many times. Invariant: accepted and refused is only
//! what looks as captured; anything else is unknown.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode_str;
use prost::Message;
use url::Url;

use super::{reason::Reason, redact::Redactor};

#[cfg(test)]
mod tests;

/// What Google thinks of a consent that somebody might give.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Preflight {
    /// It asks who is there: client and redirect URI are registered.
    Accepted,
    Refused(Refusal),
    /// Not understood, and why. It says nothing for or against the client.
    Unknown(String),
}

/// What Google's error page says. Its words are redacted and bounded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub reason: Reason,
    /// Google's code, such as `redirect_uri_mismatch`.
    pub error: String,
    /// In whatever language Google chose.
    pub message: String,
    /// The HTTP status on the page.
    pub status: Option<u16>,
    /// The redirect URI that is meant, where one is.
    pub redirect_uri: Option<String>,
}

/// Reads the answer to `asked`, the authorization URL with its query: its status and its `Location`.
pub fn read(asked: &Url, status: u16, location: Option<&str>, redactor: &Redactor) -> Preflight {
    let unknown = |why: &str| Preflight::Unknown(redactor.clean(why));
    if status != 302 {
        return unknown(&format!("HTTP status {status} where a redirect was expected"));
    }
    let Some(location) = location.filter(|location| location.len() <= LONGEST) else {
        return unknown("a redirect without an address, or with one that is far too long");
    };
    let Ok(to) = asked.join(location) else {
        return unknown("a redirect to an address that cannot be read");
    };
    if !is_googles(&to) && to.origin() != asked.origin() {
        return unknown(&format!(
            "a redirect to another server: {}",
            to.origin().ascii_serialization()
        ));
    }
    match to.path() {
        SIGN_IN if !is_about(&to, asked) => {
            unknown("a sign-in page for another client or redirect URI")
        }
        SIGN_IN => Preflight::Accepted,
        path if is_error_page(path) => match refusal(&to, redactor) {
            Ok(refusal) => Preflight::Refused(refusal),
            Err(why) => Preflight::Unknown(why),
        },
        path => unknown(&format!("a redirect to a page that is not known: {path}")),
    }
}

/// Whether it is a page of Google's sign-in.
pub(super) fn is_googles(url: &Url) -> bool {
    url.scheme() == "https" && url.host_str() == Some(HOST) && url.port().is_none()
}

pub(super) fn is_error_page(path: &str) -> bool {
    ERROR_PAGES.contains(&path)
}

/// What the address of the error page says.
///
/// # Errors
/// Why it is not understood.
pub(super) fn refusal(page: &Url, redactor: &Redactor) -> Result<Refusal, String> {
    let told = authorization_error(page)?;
    let redirect_uri = told.details.iter().find(|detail| detail.name == "redirect_uri");
    let is_about_uri = redirect_uri.is_some() || told.message.contains(ABOUT_URI);
    let reason = match reason(&told.error) {
        Some(Reason::RequestInvalid) if told.error == "invalid_request" && is_about_uri => {
            Reason::RedirectUriPolicy
        }
        Some(reason) => reason,
        None => {
            let said = format!("an error that is not known: {}: {}", told.error, told.message);
            return Err(redactor.clean(&said));
        }
    };
    Ok(Refusal {
        reason,
        message: redactor.clean(&told.message),
        status: u16::try_from(told.status).ok().filter(|status| (100..600).contains(status)),
        redirect_uri: redirect_uri.map(|detail| redactor.clean(&detail.value)),
        error: told.error,
    })
}

/// What an error code of the authorization endpoint means on Google's page; none where it is not known.
pub(super) fn reason(error: &str) -> Option<Reason> {
    CODES.iter().find(|(code, _)| *code == error).map(|(_, reason)| *reason)
}

/// Whether what a sign-in page names of the request, if it names it, is what was asked.
fn is_about(page: &Url, asked: &Url) -> bool {
    let of = |url: &Url, name: &str| {
        url.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned())
    };
    ["client_id", "redirect_uri"].iter().all(|name| {
        let named = of(page, name);
        named.is_none() || named == of(asked, name)
    })
}

fn authorization_error(page: &Url) -> Result<AuthError, String> {
    // By hand: a form would read a + of base64 as a space.
    let pairs = page.query().unwrap_or_default().split('&');
    let mut values = pairs.filter_map(|pair| pair.strip_prefix("authError="));
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err("an error page that does not say one error".to_owned());
    };
    let text = percent_decode_str(value).decode_utf8_lossy().replace('-', "+").replace('_', "/");
    let bytes = BASE64.decode(&*text).map_err(|_| "an error page whose error is no base64")?;
    let told = AuthError::decode(&*bytes)
        .map_err(|_| "an error page whose error is not built as it used to be")?;
    match told.error.as_str() {
        "" => Err("an error page whose error has no code".to_owned()),
        _ => Ok(told),
    }
}

/// The message behind `authError`. The other fields are for Google's page alone.
#[derive(Clone, PartialEq, Message)]
struct AuthError {
    #[prost(string, tag = "1")]
    error: String,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(uint64, tag = "4")]
    status: u64,
    #[prost(message, repeated, tag = "5")]
    details: Vec<Detail>,
}

/// A parameter of the request.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// With and without padding; the characters of its URL-safe kin are turned into its own first.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const HOST: &str = "accounts.google.com";

const SIGN_IN: &str = "/v3/signin/identifier";

const ERROR_PAGES: &[&str] = &["/signin/oauth/error", "/signin/oauth/error/v2"];

/// How Google complains of a URI that it cannot read at all, without giving it as a detail.
const ABOUT_URI: &str = "Invalid parameter value for redirect_uri";

/// <https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors>
const CODES: &[(&str, Reason)] = &[
    ("access_denied", Reason::ConsentTestUser),
    ("admin_policy_enforced", Reason::AdminPolicy),
    ("deleted_client", Reason::ClientDeleted),
    ("disabled_client", Reason::ClientDisabled),
    ("invalid_client", Reason::ClientUnknown),
    ("invalid_request", Reason::RequestInvalid),
    ("invalid_scope", Reason::RequestInvalid),
    ("org_internal", Reason::OrgInternal),
    ("policy_enforced", Reason::AdvancedProtection),
    ("rate_limit_exceeded", Reason::GoogleRateLimited),
    ("redirect_uri_mismatch", Reason::RedirectUriMismatch),
    ("server_error", Reason::GoogleOutage),
    ("temporarily_unavailable", Reason::GoogleOutage),
    ("unsupported_response_type", Reason::RequestInvalid),
];

/// Of a `Location`, in bytes. The captured ones have at most about 2,000.
const LONGEST: usize = 16 * 1024;
