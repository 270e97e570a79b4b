//! From a refresh token, or a service account's assertion, to an access token, at the token endpoint.
//!
//! Google documents the error codes, not their descriptions:
//! https://developers.google.com/identity/protocols/oauth2/web-server#offline

pub(crate) mod code;
pub(crate) mod revoke;

use std::{pin::Pin, sync::LazyLock, time::Duration};

use http::{
    HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, ExtraTokenFields,
    HttpRequest, HttpResponse, RefreshToken, RequestTokenError, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::https::Https;
use crate::domain::{
    clock::Timestamp,
    link::Client,
    outcome::{Failure, Reply},
    reason::{At, Protocol, Reason, Said},
    redact::Redactor,
    secret::Secret,
};

/// An access token in hand.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub secret: Secret,
    /// Absent where the endpoint did not say; then it serves one round only.
    pub expires: Option<Timestamp>,
}

impl AccessToken {
    /// Whether it is worth using at `now`: not in its last five minutes.
    pub fn serves(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| now + MARGIN < expires)
    }
}

/// A sign-in that begins now must not meet the token's end.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// What a grant gave.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) token: AccessToken,
    /// The granted scopes, where the endpoint names them.
    pub(crate) scopes: Option<Vec<String>>,
    /// When the refresh token itself ends, where the endpoint says so.
    pub(crate) refresh_token_expires: Option<Timestamp>,
}

/// Asks for an access token.
///
/// # Errors
/// What the endpoint said, or why it could not be asked.
pub(crate) async fn refresh(
    https: &Https,
    token_url: &Url,
    client: &Client,
    refresh_token: &Secret,
    redactor: &Redactor,
    now: Timestamp,
) -> Result<Granted, Failure> {
    let google = of_client(client).set_token_uri(TokenUrl::from_url(token_url.clone()));
    let refresh_token = RefreshToken::new(refresh_token.expose().to_owned());
    let asking = Asking { https, redactor, at: At::Command };
    let answer = google.exchange_refresh_token(&refresh_token).request_async(&asking).await;
    Ok(granted(&answer.map_err(failure)?, now))
}

fn of_client(client: &Client) -> Google<EndpointNotSet> {
    let google: Google<EndpointNotSet> = Google::new(ClientId::new(client.id.clone()));
    google
        .set_client_secret(ClientSecret::new(client.secret.expose().to_owned()))
        .set_auth_type(AuthType::RequestBody)
}

/// Neither `Parse` nor `Other` may be printed: they hold the answer with its tokens.
fn failure(error: RequestTokenError<Failure, BasicErrorResponse>) -> Failure {
    match error {
        RequestTokenError::Request(failure) => failure,
        _ => no_token(),
    }
}

/// Asks for an access token for a mailbox, by the assertion of the service account that acts for it. oauth2 does not know
/// this grant: https://datatracker.ietf.org/doc/html/rfc7523#section-2.1
///
/// # Errors
/// What the endpoint said, or why it could not be asked.
pub(crate) async fn assert(
    https: &Https,
    token_url: &Url,
    assertion: &Secret,
    redactor: &Redactor,
    now: Timestamp,
) -> Result<Granted, Failure> {
    let pairs = [("grant_type", JWT_BEARER), ("assertion", assertion.expose())];
    let request = form(token_url, pairs);
    let mut redactor = redactor.clone();
    redactor.hide(assertion);
    let asking = Asking { https, redactor: &redactor, at: At::Assertion };
    let answer = asking.call(request).await?;
    // The error may quote the answer with its token.
    let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_| no_token())?;
    Ok(granted(&answer, now))
}

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Offers a code that Google never gave. It looks at the client first, so that a word against the code says that id and
/// secret are good.
///
/// # Errors
/// What the endpoint said instead, or why it could not be asked.
pub(crate) async fn offer_bogus_code(
    https: &Https,
    token_url: &Url,
    client: &Client,
    redirect_uri: Option<&str>,
    redactor: &Redactor,
) -> Result<(), Failure> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", BOGUS_CODE),
        ("client_id", &client.id),
        ("client_secret", client.secret.expose()),
    ];
    let redirect_uri = redirect_uri.map(|uri| ("redirect_uri", uri));
    let request = form(token_url, pairs.into_iter().chain(redirect_uri));
    let asking = Asking { https, redactor, at: At::Command };
    match asking.call(request).await {
        Ok(_) => Err(Failure::own(Reason::GarbledAnswer, "200: a token for no code")),
        Err(failure) if failure.reason == Reason::GrantRevokedOrExpired => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Has the form of none that Google gives.
const BOGUS_CODE: &str = "is-the-secret-good";

/// A form as it is posted to one of Google's endpoints.
fn form<'a>(url: &Url, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HttpRequest {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    http::Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .expect("a URL that was parsed is a URI")
}

fn no_token() -> Failure {
    Failure::own(Reason::GarbledAnswer, "200: JSON, but no token response")
}

fn granted(answer: &Answer, now: Timestamp) -> Granted {
    let extra = answer.extra_fields();
    Granted {
        token: AccessToken {
            secret: Secret::new(answer.access_token().secret()),
            expires: answer.expires_in().map(|lifetime| now + lifetime),
        },
        scopes: answer
            .scopes()
            .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
        refresh_token_expires: extra
            .refresh_token_expires_in
            .map(|seconds| now + Duration::from_secs(seconds)),
    }
}

type Answer = StandardTokenResponse<Extra, BasicTokenType>;

type Google<TokenUri> = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    TokenUri,
>;

/// What Google adds to a token response: "only set when the user grants time-based access", and for apps in Testing.
/// https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
#[derive(Debug, Deserialize, Serialize)]
struct Extra {
    refresh_token_expires_in: Option<u64>,
}

impl ExtraTokenFields for Extra {}

/// The HTTP client as oauth2 wants it. oauth2 drops the status of what it cannot read, so refusals are read here.
struct Asking<'a> {
    https: &'a Https,
    redactor: &'a Redactor,
    at: At,
}

impl<'c> AsyncHttpClient<'c> for Asking<'_> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>> + Send + 'c>>;

    fn call(&'c self, mut request: HttpRequest) -> Self::Future {
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Box::pin(async move {
            let answer = self.https.exchange(request).await?;
            let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
            let refused = body.as_ref().is_some_and(|body| body.get("error").is_some());
            match body {
                Some(body) if answer.status().is_success() && !refused => {
                    let body = numbers(body).to_string();
                    Ok(answer.map(|_| body.into_bytes()))
                }
                body => Err(refusal(&answer, body.as_ref(), self.at, self.redactor)),
            }
        })
    }
}

/// Google's own libraries take lifetimes that come as strings, too.
fn numbers(mut body: Value) -> Value {
    for key in ["expires_in", "refresh_token_expires_in"] {
        let number =
            body.get(key).and_then(Value::as_str).and_then(|text| text.parse::<u64>().ok());
        if let Some(number) = number {
            body[key] = number.into();
        }
    }
    body
}

fn refusal(
    answer: &http::Response<bytes::Bytes>,
    body: Option<&Value>,
    at: At,
    redactor: &Redactor,
) -> Failure {
    let status = answer.status();
    if status.is_success() && body.is_none() {
        // It may be a token response that was cut off: nothing of it is kept.
        let words = format!("{}: {} bytes that are no JSON", status.as_u16(), answer.body().len());
        return Failure::own(Reason::GarbledAnswer, words);
    }
    let text = |key: &str| body.and_then(|body| body.get(key)).and_then(Value::as_str);
    let error = body.and_then(|body| body.get("error"));
    // Google's other APIs put an object there: {"error": {"code": 401, "message": "…", "status": "UNAUTHENTICATED"}}.
    let inner = |key: &str| error.and_then(|error| error.get(key)).and_then(Value::as_str);
    let words = match (text("error_description").or_else(|| inner("message")), status) {
        (Some(words), _) => words.to_owned(),
        (None, status) if status.is_redirection() => "redirected elsewhere".to_owned(),
        (None, _) if error.is_some() => String::new(),
        (None, _) => readable(&String::from_utf8_lossy(answer.body())),
    };
    let said = Said {
        protocol: Protocol::Token,
        at,
        status: status.as_str(),
        code: error.and_then(Value::as_str).or_else(|| inner("status")).unwrap_or_default(),
        key: text("error_subtype").unwrap_or_default(),
        text: words.trim_end_matches('.'),
    };
    Failure::said(Reply::new(&said, redactor), said.at)
}

/// The words of an HTML page, for a person and for the rules.
pub(super) fn readable(page: &str) -> String {
    let words = MARKUP.replace_all(page, " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?is)<(style|script)\b.*?</(style|script)>|<[^>]*>";
    Regex::new(pattern).expect("a test compiles it")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Failure {
        refused_at(At::Command, status, body)
    }

    fn refused_at(at: At, status: u16, body: &str) -> Failure {
        let answer = http::Response::builder().status(status).body(body.to_owned().into()).unwrap();
        refusal(&answer, serde_json::from_str(body).ok().as_ref(), at, &Redactor::default())
    }

    #[test]
    fn a_service_account_is_never_told_to_link_again() {
        let cases = [
            (401, r#"{"error":"unauthorized_client"}"#, Reason::DwdNotAuthorized),
            (403, r#"{"error":"access_denied"}"#, Reason::DwdNotAuthorized),
            (
                403,
                r#"{"error":"access_denied","error_description":"Account restricted"}"#,
                Reason::AccountRestricted,
            ),
            (400, r#"{"error":"invalid_grant"}"#, Reason::ServiceAccountKeyInvalid),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Bad Request"}"#,
                Reason::ServiceAccountKeyInvalid,
            ),
            (401, r#"{"error":"invalid_client"}"#, Reason::ServiceAccountKeyInvalid),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Account has been deleted"}"#,
                Reason::AccountDeleted,
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#,
                Reason::SessionControlReauth,
            ),
            (503, "", Reason::GoogleOutage),
        ];
        for (status, body, reason) in cases {
            assert_eq!(refused_at(At::Assertion, status, body).reason, reason, "{status} {body}");
        }
    }

    #[test]
    fn refusals_are_read_whatever_form_they_have() {
        let cases = [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Bad Request"}"#,
                Reason::GrantRevokedOrExpired,
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#,
                Reason::SessionControlReauth,
            ),
            (
                401,
                r#"{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}"#,
                Reason::Unknown,
            ),
            (200, r#"{"error":"invalid_client"}"#, Reason::ClientSecretInvalid),
            (200, "<html>Sign in to the hotel's network</html>", Reason::GarbledAnswer),
            (302, "", Reason::GarbledAnswer),
            (403, "<html><title>Error 403</title></html>", Reason::GoogleRateLimited),
            (502, "<html><title>Error 502 (Server Error)!!1</title></html>", Reason::GoogleOutage),
            (
                503,
                "<p>your network may be sending automated queries</p>",
                Reason::GoogleRateLimited,
            ),
            (418, "", Reason::Unknown),
        ];
        for (status, body, reason) in cases {
            assert_eq!(refused(status, body).reason, reason, "{status} {body}");
        }
    }

    #[test]
    fn of_a_page_only_its_words_are_kept() {
        let page = "<html><style>b{}</style><b>We're\n sorry</b>…</html>";
        assert_eq!(readable(page), "We're sorry …");
    }

    #[test]
    fn of_a_token_response_that_was_cut_off_nothing_is_kept() {
        let failure = refused(200, r#"{"access_token":"opaque-secret"#);
        assert!(!format!("{failure:?}").contains("opaque"), "{failure:?}");
    }

    #[test]
    fn lifetimes_may_come_as_strings() {
        let body = serde_json::json!({"expires_in": "3599", "scope": "x"});
        assert_eq!(numbers(body)["expires_in"], 3599);
    }
}
