//! What Google says of an access token: token information, and the Gmail API about the account that it opens.
//!
//! Invariant: the access token travels in the Authorization header, never in a URL.

use bytes::Bytes;
use http::{HeaderValue, Method, header::AUTHORIZATION};
use serde_json::Value;
use url::Url;

use super::{https::Https, oauth::readable};
use crate::domain::{
    link::Address,
    outcome::{Failure, Reply},
    reason::{At, Protocol, Reason, Said},
    redact::Redactor,
    secret::Secret,
};

/// Asks about one access token.
#[derive(Clone, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) https: &'a Https,
    pub(crate) token: &'a Secret,
    pub(crate) redactor: Redactor,
}

/// What token information tells. Which of it, depends on what was consented to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TokenInformation {
    /// The OAuth client that the token was issued to.
    pub(crate) client_id: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) address: Option<Address>,
    pub(crate) subject: Option<String>,
}

impl Asking<'_> {
    /// By POST with a header, as Google's own library asks; the documented query would put the token into logs.
    /// https://github.com/googleapis/google-auth-library-nodejs
    ///
    /// # Errors
    /// What Google said, or why it could not be asked.
    pub(crate) async fn token_information(&self, url: &Url) -> Result<TokenInformation, Failure> {
        let told = token_information(&self.exchange(Method::POST, url.as_str()).await?);
        match told.client_id.is_some() || told.scopes.is_some() {
            true => Ok(told),
            false => {
                Err(Failure::own(Reason::GarbledAnswer, "200: JSON, but no token information"))
            }
        }
    }

    /// The account's primary address.
    /// https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile
    ///
    /// # Errors
    /// What Google said, or why it could not be asked.
    pub(crate) async fn address(&self, api: &Url) -> Result<Address, Failure> {
        let profile = self.exchange(Method::GET, &below(api, "profile")).await?;
        let address = text(&profile, "emailAddress").and_then(|it| Address::parse(it).ok());
        address.ok_or_else(|| Failure::own(Reason::GarbledAnswer, "200: JSON, but no profile"))
    }

    /// Whether IMAP is switched on in the account's settings; none where the answer does not say.
    /// https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings/getImap
    ///
    /// # Errors
    /// What Google said, or why it could not be asked.
    pub(crate) async fn imap_setting(&self, api: &Url) -> Result<Option<bool>, Failure> {
        let settings = self.exchange(Method::GET, &below(api, "settings/imap")).await?;
        Ok(settings.get("enabled").and_then(Value::as_bool))
    }

    async fn exchange(&self, method: Method, url: &str) -> Result<Value, Failure> {
        let unfit = |_| Failure::own(Reason::InternalError, "the access token fits no header");
        let bearer = format!("Bearer {}", self.token.expose());
        let mut bearer = HeaderValue::try_from(bearer).map_err(unfit)?;
        bearer.set_sensitive(true);
        let request = http::Request::builder().method(method).uri(url);
        let request = request.header(AUTHORIZATION, bearer).body(Vec::new());
        let request = request.map_err(|error| Failure::own(Reason::InternalError, error))?;
        self.read(&self.https.exchange(request).await?)
    }

    fn read(&self, answer: &http::Response<Bytes>) -> Result<Value, Failure> {
        let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
        match body {
            Some(body) if answer.status().is_success() && body.get("error").is_none() => Ok(body),
            body => Err(self.refusal(answer, body.as_ref())),
        }
    }

    fn refusal(&self, answer: &http::Response<Bytes>, body: Option<&Value>) -> Failure {
        let status = answer.status();
        let top = |key: &str| body.and_then(|body| text(body, key));
        let error = body.and_then(|body| body.get("error"));
        let inner = |key: &str| error.and_then(|error| text(error, key));
        let first = |list: &str, key: &str| {
            let list = error.and_then(|error| error.get(list)).and_then(Value::as_array);
            list.into_iter().flatten().find_map(|entry| text(entry, key)).map(ToOwned::to_owned)
        };
        let words = top("error_description").or_else(|| inner("message")).map(ToOwned::to_owned);
        let words = words.unwrap_or_else(|| match body {
            Some(_) => String::new(),
            None if status.is_redirection() => "redirected elsewhere".to_owned(),
            None if status.is_success() => "no JSON".to_owned(),
            None => readable(&String::from_utf8_lossy(answer.body())),
        });
        let code = error.and_then(Value::as_str).map(ToOwned::to_owned);
        let code = code.or_else(|| first("errors", "reason"));
        let code = code.or_else(|| inner("status").map(ToOwned::to_owned)).unwrap_or_default();
        let said = Said {
            protocol: Protocol::Api,
            at: At::Command,
            status: status.as_str(),
            code: &code,
            key: &first("details", "reason").unwrap_or_default(),
            text: words.trim_end_matches('.'),
        };
        Failure::said(Reply::new(&said, &self.redactor), said.at)
    }
}

fn below(api: &Url, path: &str) -> String {
    format!("{}/gmail/v1/users/me/{path}", api.as_str().trim_end_matches('/'))
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// Numbers and booleans come as strings.
fn token_information(told: &Value) -> TokenInformation {
    let bounded = |words: &str| words.chars().take(LONGEST).collect::<String>();
    let verified = text(told, "email_verified") != Some("false");
    let email = text(told, "email").filter(|_| verified);
    TokenInformation {
        client_id: text(told, "aud").or_else(|| text(told, "azp")).map(bounded),
        scopes: text(told, "scope")
            .map(|scopes| scopes.split_whitespace().take(MOST_SCOPES).map(bounded).collect()),
        address: email.and_then(|email| Address::parse(email).ok()),
        subject: text(told, "sub").map(bounded),
    }
}

/// In characters: of a client id, a scope, a subject.
const LONGEST: usize = 200;

const MOST_SCOPES: usize = 50;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::dial::Dialer;

    fn refused(status: u16, body: &str) -> Failure {
        let https = Https::new(&Dialer::new(None).unwrap());
        let token = Secret::new("ya29.token-of-this-test");
        let asking = Asking { https: &https, token: &token, redactor: Redactor::default() };
        let answer = http::Response::builder().status(status).body(body.to_owned().into()).unwrap();
        asking.read(&answer).unwrap_err()
    }

    #[test]
    fn refusals_are_read_whatever_form_they_have() {
        let errors = |reason| json!({"error": {"errors": [{"reason": reason}], "message": "No."}});
        let details = |reason| json!({"error": {"status": "PERMISSION_DENIED", "details": [{"@type": "x"}, {"reason": reason}]}});
        let cases = [
            (403, errors("accessNotConfigured").to_string(), Reason::GmailApiOff),
            (403, details("SERVICE_DISABLED").to_string(), Reason::GmailApiOff),
            (403, errors("insufficientPermissions").to_string(), Reason::ScopeMissing),
            (403, details("ACCESS_TOKEN_SCOPE_INSUFFICIENT").to_string(), Reason::ScopeMissing),
            (403, errors("domainPolicy").to_string(), Reason::AdminPolicy),
            (403, errors("userRateLimitExceeded").to_string(), Reason::GoogleRateLimited),
            (403, errors("somethingNew").to_string(), Reason::Unknown),
            (401, json!({"error": {"code": 401}}).to_string(), Reason::AuthRejected),
            (400, json!({"error_description": "Invalid Value"}).to_string(), Reason::AuthRejected),
            (400, json!({"error": "invalid_token"}).to_string(), Reason::AuthRejected),
            (429, String::new(), Reason::GoogleRateLimited),
            (502, "<html><title>Error 502</title></html>".to_owned(), Reason::GoogleOutage),
            (200, "<html>Welcome to the hotel</html>".to_owned(), Reason::GarbledAnswer),
            (200, r#"{"access_token": "opaque"#.to_owned(), Reason::GarbledAnswer),
            (302, String::new(), Reason::GarbledAnswer),
            (418, String::new(), Reason::Unknown),
        ];
        for (status, body, reason) in cases {
            let failure = refused(status, &body);
            assert_eq!(failure.reason, reason, "{status} {body}");
            assert!(!failure.to_string().contains("opaque"), "{failure}");
        }
    }

    #[test]
    fn token_information_is_taken_as_far_as_it_goes() {
        let all = token_information(&json!({
            "aud": "1234-abc", "scope": "a  b", "sub": "42", "email": "Sales@Example.com", "email_verified": "true"
        }));
        assert_eq!(all.client_id.as_deref(), Some("1234-abc"));
        assert_eq!(all.scopes, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(all.address, Address::parse("sales@example.com").ok());
        assert_eq!(all.subject.as_deref(), Some("42"));
        let unverified =
            json!({"azp": "1234-abc", "email": "a@b.example", "email_verified": "false"});
        assert_eq!(token_information(&unverified).address, None);
        assert_eq!(token_information(&json!({"exp": 7})), TokenInformation::default());
    }

    #[test]
    fn paths_are_put_below_the_address_whatever_its_end() {
        for api in ["https://gmail.googleapis.com", "https://gmail.googleapis.com/"] {
            let url = below(&Url::parse(api).unwrap(), "profile");
            assert_eq!(url, "https://gmail.googleapis.com/gmail/v1/users/me/profile");
        }
    }
}
