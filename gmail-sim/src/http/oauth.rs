//! The endpoints: tokens, token information, revocation, the door of the consent page, the profile.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{Answer, Request};
use crate::{
    lines::Line,
    world::{
        Access, ClientState, Folder, ImapAccess, Issued, MAIL_SCOPE, World, asked::unix, line,
        project,
    },
};

/// `POST /token`: the refresh-token grant, service accounts' assertions, and codes, of which none is ever good.
pub(super) fn token(world: &World, request: &Request) -> Answer {
    match grant(world, request) {
        Ok(issued) => Answer::json(200, &issued_json(&issued)),
        Err(refusal) => Answer::line(refusal),
    }
}

fn grant(world: &World, request: &Request) -> Result<Issued, &'static Line> {
    let field = |name: &str| request.field(name).unwrap_or_default();
    if field("grant_type") == JWT_BEARER {
        let at = format!("https://{}{}", request.header("host").unwrap_or_default(), request.path);
        return match &*field("assertion") {
            "" => Err(line("token.assertion_missing")),
            assertion => world.act(assertion, &at),
        };
    }
    let client_id = field("client_id");
    world.client_in_order(&client_id, &field("client_secret"))?;
    match &*field("grant_type") {
        "authorization_code" if field("redirect_uri").is_empty() => {
            Err(line("token.redirect_uri_missing"))
        }
        "authorization_code" => Err(line("token.malformed_code")),
        "refresh_token" => world.refresh(&client_id, &field("refresh_token")),
        _ => Err(line("token.unsupported_grant_type")),
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn issued_json(issued: &Issued) -> Value {
    let mut body = json!({
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
    });
    if let Some(seconds) = issued.refresh_token_expires_in {
        body["refresh_token_expires_in"] = seconds.into();
    }
    body["scope"] = issued.scope.clone().into();
    body["token_type"] = "Bearer".into();
    body
}

/// `GET /tokeninfo?access_token=`, or a POST with the token in the Authorization header, as google-auth-library-nodejs
/// asks: numbers and booleans as strings.
pub(super) fn tokeninfo(world: &World, request: &Request) -> Answer {
    let token = access_token(request);
    let Some(access) = world.access(&token) else {
        return Answer::line(line("tokeninfo.invalid_token"));
    };
    let (ends, now) = (unix(access.ends), unix(world.now()));
    let mut body = json!({ "azp": access.client_id, "aud": access.client_id });
    let has = |scope: &str| access.scope.split(' ').any(|granted| granted == scope);
    let email = has("email") || has("https://www.googleapis.com/auth/userinfo.email");
    if has("openid") || email {
        body["sub"] = subject(&access.address).into();
    }
    body["scope"] = access.scope.clone().into();
    body["exp"] = format!("{ends:.0}").into();
    body["expires_in"] = format!("{:.0}", (ends - now).max(0.0)).into();
    if email {
        body["email"] = access.address.into();
        body["email_verified"] = "true".into();
    }
    body["access_type"] = "offline".into();
    Answer::json(200, &body)
}

pub(super) fn access_token(request: &Request) -> String {
    let in_header = || bearer(request).map(ToOwned::to_owned);
    request.field("access_token").or_else(in_header).unwrap_or_default()
}

/// Google's id of an account: 21 digits, always the same.
fn subject(address: &str) -> String {
    let digits = |number: u64, byte: u8| (number * 31 + u64::from(byte)) % 1_000_000_000_000;
    format!("110169484{:012}", address.bytes().fold(7, digits))
}

/// `POST /revoke`: ends all that the owner granted to the token's project.
pub(super) fn revoke(world: &World, request: &Request) -> Answer {
    let token = request.field("token").unwrap_or_default();
    match world.revoke_project(&token) {
        Some(_) => Answer::json(200, &json!({})),
        None => Answer::line(line("revoke.invalid_token")),
    }
}

/// `GET /gmail/v1/users/me/profile` with a bearer token.
pub(super) fn profile(world: &World, request: &Request) -> Answer {
    let access = match admitted(world, request) {
        Ok(access) => access,
        Err(refusal) => return *refusal,
    };
    let count = |folder| world.messages(&access.address, folder).len();
    let total: usize = Folder::EVERY.into_iter().map(count).sum();
    let body = json!({
        "emailAddress": access.address,
        "messagesTotal": total,
        "threadsTotal": total,
        "historyId": "12345",
    });
    Answer::json(200, &body)
}

/// `GET /gmail/v1/users/me/settings/imap` with a bearer token. That an administrator's switch does not show here is [U].
pub(super) fn imap_settings(world: &World, request: &Request) -> Answer {
    let access = match admitted(world, request) {
        Ok(access) => access,
        Err(refusal) => return *refusal,
    };
    let off = world.account(&access.address).is_some_and(|it| it.imap == ImapAccess::OffForUser);
    let body = json!({
        "enabled": !off, "autoExpunge": true, "expungeBehavior": "archive", "maxFolderSize": 0
    });
    Answer::json(200, &body)
}

/// Whom the Gmail API lets in.
fn admitted(world: &World, request: &Request) -> Result<Access, Box<Answer>> {
    let refuse = |key| Err(Box::new(Answer::line(line(key))));
    let Some(access) = bearer(request).and_then(|token| world.access(token)) else {
        return refuse("api.unauthenticated");
    };
    if !world.client(&access.client_id).is_some_and(|client| client.gmail_api_enabled) {
        let mut answer = Answer::line(line("api.service_disabled"));
        let body =
            String::from_utf8_lossy(&answer.body).replace("1234", project(&access.client_id));
        answer.body = body.into();
        return Err(Box::new(answer));
    }
    if !access.scope.split(' ').any(|scope| PROFILE_SCOPES.contains(&scope)) {
        return refuse("api.scope_insufficient");
    }
    if !world.account(&access.address).is_some_and(|account| account.gmail_enabled) {
        return refuse("api.mail_not_enabled");
    }
    Ok(access)
}

/// <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile>
const PROFILE_SCOPES: &[&str] = &[
    MAIL_SCOPE,
    "https://www.googleapis.com/auth/gmail.modify",
    "https://www.googleapis.com/auth/gmail.compose",
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/gmail.metadata",
];

pub(super) fn bearer(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("Bearer ")
}

/// `GET /o/oauth2/v2/auth` without signing in: where Google would send the browser.
pub(super) fn authorization(world: &World, request: &Request) -> Answer {
    let query = url::form_urlencoded::parse(request.query.as_bytes());
    let query: Vec<(String, String)> = query.into_owned().collect();
    let field = |name: &str| query.iter().find(|pair| pair.0 == name).map(|pair| &*pair.1);
    let client_id = field("client_id").unwrap_or_default();
    let encoded: String = byte_serialize(client_id.as_bytes()).collect();
    match refusal(world, client_id, field("response_type"), field("redirect_uri")) {
        None => Answer::redirect(&format!(
            "https://accounts.google.com/v3/signin/identifier?opparams=%253F&dsh=S1&client_id={encoded}"
        )),
        Some((code, message, status)) => {
            let error = auth_error(code, message, status);
            Answer::redirect(&format!(
                "https://accounts.google.com/signin/oauth/error?authError={error}&flowName=GeneralOAuthFlow&client_id={encoded}&aes=AVQXgOsimulated"
            ))
        }
    }
}

type Rejection = (&'static str, &'static str, u64);

fn refusal(
    world: &World,
    client_id: &str,
    response_type: Option<&str>,
    redirect_uri: Option<&str>,
) -> Option<Rejection> {
    let Some(_) = response_type else {
        return Some(("invalid_request", "Required parameter is missing: response_type", 400));
    };
    let Some(client) = world.client(client_id) else {
        return Some(("invalid_client", "The OAuth client was not found.", 401));
    };
    match client.state {
        // That these two are told before a sign-in is not verified.
        ClientState::Deleted => Some(("deleted_client", "The OAuth client was deleted.", 401)),
        ClientState::Disabled => Some(("disabled_client", "The OAuth client was disabled.", 401)),
        ClientState::Live => {
            let Some(uri) = redirect_uri else {
                return Some(("invalid_request", "Missing required parameter: redirect_uri", 400));
            };
            let registered = client.redirect_uris.iter().any(|known| known == uri);
            let fine = client.redirect_uris.is_empty() || registered;
            (!fine).then_some(("redirect_uri_mismatch", MISMATCH, 400))
        }
    }
}

const MISMATCH: &str = "You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy.\n\nIf you're the app developer, register the redirect URI in the Google Cloud Console.";

/// `authError`: base64 of a protobuf; 1 is the code, 2 the message, 4 the status.
fn auth_error(code: &str, message: &str, status: u64) -> String {
    let mut bytes = Vec::new();
    for (tag, text) in [(0x0a, code), (0x12, message)] {
        bytes.push(tag);
        varint(&mut bytes, text.len() as u64);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.push(0x20);
    varint(&mut bytes, status);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_client_is_told_in_the_captured_bytes() {
        let captured = "Cg5pbnZhbGlkX2NsaWVudBIfVGhlIE9BdXRoIGNsaWVudCB3YXMgbm90IGZvdW5kLiCRAw";
        let ours = auth_error("invalid_client", "The OAuth client was not found.", 401);
        assert_eq!(ours, captured);
    }
}
