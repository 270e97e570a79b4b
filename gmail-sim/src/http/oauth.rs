//! The endpoints: tokens, token information, revocation, the profile.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Answer, Request};
use crate::{
    lines::Line,
    world::{Access, Folder, ImapAccess, Issued, MAIL_SCOPE, World, asked::unix, line, project},
};

/// `POST /token`: codes, the refresh-token grant, and service accounts' assertions.
pub(super) fn token(world: &World, request: &Request) -> Answer {
    match grant(world, request) {
        Ok(issued) => Answer::json(200, &issued_json(world, &issued)),
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
        "authorization_code" => {
            let (code, verifier) = (field("code"), field("code_verifier"));
            world.exchange(&client_id, &code, &field("redirect_uri"), &verifier)
        }
        "refresh_token" => world.refresh(&client_id, &field("refresh_token")),
        _ => Err(line("token.unsupported_grant_type")),
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn issued_json(world: &World, issued: &Issued) -> Value {
    let mut body = json!({
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
    });
    if let Some(token) = &issued.refresh_token {
        body["refresh_token"] = token.clone().into();
    }
    if let Some(seconds) = issued.refresh_token_expires_in {
        body["refresh_token_expires_in"] = seconds.into();
    }
    body["scope"] = issued.scope.clone().into();
    body["token_type"] = "Bearer".into();
    if has_scope(&issued.scope, "openid") {
        body["id_token"] = identity(world, issued).into();
    }
    body
}

/// An identity token with the claims that Google documents and a signature that is none:
/// <https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload>
fn identity(world: &World, issued: &Issued) -> String {
    let now = unix(world.now()) as u64;
    let mut claims = json!({
        "iss": "https://accounts.google.com",
        "azp": issued.client_id,
        "aud": issued.client_id,
        "sub": subject(&issued.address),
    });
    if tells_address(&issued.scope) {
        claims["email"] = issued.address.clone().into();
        claims["email_verified"] = true.into();
    }
    if !issued.nonce.is_empty() {
        claims["nonce"] = issued.nonce.clone().into();
    }
    claims["iat"] = now.into();
    claims["exp"] = (now + 3600).into();
    let head = json!({ "alg": "RS256", "kid": "simulated", "typ": "JWT" });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(head.to_string()), part(claims.to_string()), part("none".to_owned()))
}

fn has_scope(scope: &str, wanted: &str) -> bool {
    scope.split(' ').any(|granted| granted == wanted)
}

fn tells_address(scope: &str) -> bool {
    has_scope(scope, "email") || has_scope(scope, "https://www.googleapis.com/auth/userinfo.email")
}

/// `GET /tokeninfo?access_token=`, or a POST with the token in the Authorization header, as google-auth-library-nodejs
/// asks: numbers and booleans as strings.
pub(super) fn tokeninfo(world: &World, request: &Request) -> Answer {
    let token = access_token(request);
    let Some(access) = world.access(&token) else {
        return Answer::line(line("tokeninfo.invalid_token"));
    };
    let (ends, now) = (unix(access.ends), unix(world.now()));
    let offline = access.is_offline();
    let mut body = json!({ "azp": access.client_id, "aud": access.client_id });
    let email = tells_address(&access.scope);
    if has_scope(&access.scope, "openid") || email {
        body["sub"] = subject(&access.address).into();
    }
    body["scope"] = access.scope.clone().into();
    body["exp"] = format!("{ends:.0}").into();
    body["expires_in"] = format!("{:.0}", (ends - now).max(0.0)).into();
    if email {
        body["email"] = access.address.into();
        body["email_verified"] = "true".into();
    }
    body["access_type"] = if offline { "offline" } else { "online" }.into();
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
        Ok(()) => Answer::json(200, &json!({})),
        Err(refusal) => Answer::line(refusal),
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
