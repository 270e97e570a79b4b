//! Ends a grant: <https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke>.

use serde_json::Value;
use url::Url;

use super::{form, refusal};
use crate::{
    domain::{outcome::Failure, reason::At, redact::Redactor, secret::Secret},
    wire::https::Https,
};

/// What became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Revoked {
    /// Google had ended it, or never knew it.
    Before,
    Now,
    /// It is of a kind that is not ended here: a service account's.
    Never,
}

/// Revokes the grant that the token belongs to, with all that its owner granted to the same project. Google says that it
/// may take time to be in force. Dropped half-way, the grant may be gone.
///
/// # Errors
/// What the endpoint said otherwise, or why it could not be asked.
pub(crate) async fn revoke(https: &Https, url: &Url, token: &Secret) -> Result<Revoked, Failure> {
    let request = form(url, [("token", token.expose())]);
    let mut redactor = Redactor::default();
    redactor.hide(token);
    read(&https.exchange(request).await?, &redactor)
}

fn read(answer: &http::Response<bytes::Bytes>, redactor: &Redactor) -> Result<Revoked, Failure> {
    let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
    let text = |key: &str| body.as_ref().and_then(|body| body.get(key)).and_then(Value::as_str);
    let empty = answer.body().trim_ascii().is_empty();
    let words = text("error_description").unwrap_or_default();
    match text("error") {
        Some("invalid_token") => Ok(Revoked::Before),
        Some("invalid_request") if words.contains("not revocable") => Ok(Revoked::Never),
        // A page of anybody's may be a 200, too.
        None if answer.status() == 200 && (empty || body.is_some()) => Ok(Revoked::Now),
        _ => Err(refusal(answer, body.as_ref(), At::Command, redactor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;

    #[test]
    fn what_google_answers_is_understood() {
        let cases = [
            (200, "{}", Ok(Revoked::Now)),
            (200, "", Ok(Revoked::Now)),
            (400, r#"{"error": "invalid_token"}"#, Ok(Revoked::Before)),
            (
                400,
                r#"{"error": "invalid_token", "error_description": "Token expired or revoked"}"#,
                Ok(Revoked::Before),
            ),
            (
                400,
                r#"{"error": "invalid_request", "error_description": "Token is not revocable."}"#,
                Ok(Revoked::Never),
            ),
            (400, r#"{"error": "invalid_request"}"#, Err(Reason::RequestInvalid)),
            (200, "<html>Welcome to the hotel</html>", Err(Reason::GarbledAnswer)),
            (302, "", Err(Reason::GarbledAnswer)),
            (404, "<html><title>Error 404</title></html>", Err(Reason::RequestInvalid)),
            (503, "", Err(Reason::GoogleOutage)),
        ];
        for (status, body, expected) in cases {
            let answer =
                http::Response::builder().status(status).body(body.to_owned().into()).unwrap();
            let read = read(&answer, &Redactor::default()).map_err(|failure| failure.reason);
            assert_eq!(read, expected, "{status} {body}");
        }
    }
}
