//! What a code is exchanged for.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gmail_sim::ClientState;
use serde_json::Value;

use crate::{
    browser::{Browser, MAIL, URI, field, wish},
    support::{ADDRESS, CLIENT, SECRET, Stage},
};

const POST: &str = "POST PATH HTTP/1.1\r\nHost: localhost\r\n";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Fields of a request that are other than usual.
type Fields<'a> = &'a [(&'a str, &'a str)];

async fn stage() -> Stage {
    let stage = Stage::set().await;
    stage.world.register_redirect(CLIENT, URI);
    stage
}

/// A code that the owner of the one mailbox agreed to.
fn code(stage: &Stage, more: Fields<'_>) -> String {
    let back = stage.world.agree(&wish(stage, more), ADDRESS, &[]).unwrap();
    field(&back, "code")
}

/// The answer to an exchange in which some fields are other than they should be.
async fn exchange(stage: &Stage, code: &str, more: Fields<'_>) -> (u16, Value) {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("redirect_uri", URI),
    ];
    let kept = usual.into_iter().filter(|usual| more.iter().all(|more| more.0 != usual.0));
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.chain(more.iter().copied()))
        .finish();
    let (status, body) = stage.https(&stage.at().token_url.clone(), POST, &body).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// `400 invalid_grant: Bad Request`
async fn refusal(stage: &Stage, code: &str, more: Fields<'_>) -> String {
    let (status, body) = exchange(stage, code, more).await;
    let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    format!("{status} {}: {}", word("error"), word("error_description"))
}

#[tokio::test]
async fn a_code_is_good_for_one_refresh_token_of_the_account_that_agreed() {
    let stage = stage().await;
    stage.world.add_account("b@example.com", "9-other");
    let back = stage.world.agree(&wish(&stage, &[]), "B@example.com", &[]).unwrap();
    let code = field(&back, "code");
    let (status, body) = exchange(&stage, &code, &[]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["scope"], &body["token_type"]), (&MAIL.into(), &"Bearer".into()));
    assert!(body.get("refresh_token_expires_in").is_none() && body.get("id_token").is_none());
    let token = body["refresh_token"].as_str().unwrap();
    assert!(stage.world.refresh_tokens("b@example.com").contains(&token.to_owned()));
    let (status, again) = stage.refresh(token).await;
    assert_eq!((status, &again["scope"]), (200, &MAIL.into()));
    assert!(again.get("refresh_token").is_none(), "Google does not rotate it");
    assert_eq!(refusal(&stage, &code, &[]).await, "400 invalid_grant: Bad Request");
    assert_eq!(stage.refresh(token).await.0, 200, "a replayed code ends nothing");
    let asked = stage.asked();
    assert!(asked.contains(&"POST /token grant_type=authorization_code".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn who_asks_comes_before_what_is_asked() {
    let stage = stage().await;
    stage.world.set_client("1-gone", |client| client.state = ClientState::Deleted);
    let cases: [(&str, Fields<'_>, &str); 8] = [
        ("bogus", &[], "400 invalid_grant: Malformed auth code."),
        ("4/0never", &[], "400 invalid_grant: Bad Request"),
        ("", &[], "400 invalid_request: Missing required parameter: code"),
        ("bogus", &[("redirect_uri", "")], "400 invalid_request: Missing parameter: redirect_uri"),
        (
            "bogus",
            &[("client_secret", "x")],
            "401 invalid_client: The provided client secret is invalid.",
        ),
        ("bogus", &[("client_secret", "")], "400 invalid_request: client_secret is missing."),
        (
            "bogus",
            &[("client_id", "nobody")],
            "401 invalid_client: The OAuth client was not found.",
        ),
        ("bogus", &[("client_id", "1-gone")], "401 deleted_client: The OAuth client was deleted."),
    ];
    for (code, more, expected) in cases {
        assert_eq!(refusal(&stage, code, more).await, expected, "{code} {more:?}");
    }
}

#[tokio::test]
async fn a_code_is_for_one_client_and_one_place_and_ten_minutes() {
    let stage = stage().await;
    stage.world.add_client("9-other", "o");
    let good = code(&stage, &[]);
    let other = [("client_id", "9-other"), ("client_secret", "o")];
    assert_eq!(refusal(&stage, &good, &other).await, "400 invalid_grant: Bad Request");
    let place = [("redirect_uri", "https://odoo.example.com/")];
    assert_eq!(refusal(&stage, &good, &place).await, "400 redirect_uri_mismatch: Bad Request");
    stage.world.advance(Duration::from_secs(590));
    assert_eq!(exchange(&stage, &good, &[]).await.0, 200);
    let late = code(&stage, &[]);
    stage.world.advance(Duration::from_secs(600));
    assert_eq!(refusal(&stage, &late, &[]).await, "400 invalid_grant: Bad Request");
}

#[tokio::test]
async fn the_verifier_has_to_fit_the_challenge() {
    let stage = stage().await;
    let hashed = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let with = code(&stage, &hashed);
    assert_eq!(refusal(&stage, &with, &[]).await, "400 invalid_grant: Missing code verifier.");
    for wrong in ["wrong", CHALLENGE] {
        let said = refusal(&stage, &with, &[("code_verifier", wrong)]).await;
        assert_eq!(said, "400 invalid_grant: Invalid code verifier.");
    }
    assert_eq!(exchange(&stage, &with, &[("code_verifier", VERIFIER)]).await.0, 200);
    let plain = code(&stage, &[("code_challenge", VERIFIER)]);
    assert_eq!(exchange(&stage, &plain, &[("code_verifier", VERIFIER)]).await.0, 200);
    let without = code(&stage, &[]);
    let said = refusal(&stage, &without, &[("code_verifier", VERIFIER)]).await;
    assert_eq!(said, "400 invalid_grant: code_verifier or verifier is not needed.");
}

#[tokio::test]
async fn a_refresh_token_comes_once_unless_consent_is_asked_for_again() {
    let stage = stage().await;
    stage.world.revoke_all(ADDRESS);
    let comes = async |more: Fields<'_>| {
        let (status, body) = exchange(&stage, &code(&stage, more), &[]).await;
        assert_eq!(status, 200, "{body}");
        body.get("refresh_token").is_some()
    };
    assert!(!comes(&[("access_type", "")]).await, "online");
    stage.world.revoke_all(ADDRESS);
    assert!(comes(&[("prompt", "")]).await, "the first time");
    assert!(!comes(&[("prompt", "")]).await, "known already");
    assert!(comes(&[]).await, "prompt=consent");
    assert!(!comes(&[("access_type", "online")]).await, "online");
}

#[tokio::test]
async fn what_was_unticked_is_not_granted() {
    let stage = stage().await;
    let send = "https://www.googleapis.com/auth/gmail.send";
    let scope = format!("{send} {MAIL}");
    let url = wish(&stage, &[("scope", &scope), ("include_granted_scopes", "true")]);
    let back = stage.world.agree(&url, ADDRESS, &[MAIL]).unwrap();
    let (_, body) = exchange(&stage, &field(&back, "code"), &[]).await;
    assert_eq!(body["scope"], send);
    let (_, body) = stage.refresh(body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(body["scope"], send, "a refresh says so too");
}

#[tokio::test]
async fn only_the_exchange_says_when_the_refresh_token_ends() {
    let stage = stage().await;
    let mut browser = Browser::of(&stage);
    let consent = browser.sign_in(&wish(&stage, &[]), ADDRESS).await;
    let back = browser.press(consent.page(), "continue", &["ongoing-access"]).await;
    let (_, body) = exchange(&stage, &field(back.elsewhere(), "code"), &[]).await;
    assert_eq!(body["refresh_token_expires_in"], 15_551_999);
    stage.world.set_client(CLIENT, |client| {
        client.testing = true;
        client.testers.insert(ADDRESS.to_owned());
    });
    let (_, body) = exchange(&stage, &code(&stage, &[]), &[]).await;
    assert_eq!(body["refresh_token_expires_in"], 604_799);
    let token = body["refresh_token"].as_str().unwrap();
    let (_, refreshed) = stage.refresh(token).await;
    assert!(refreshed.get("refresh_token_expires_in").is_none(), "{refreshed}");
    let (_, name) = exchange(&stage, &code(&stage, &[("scope", "openid email")]), &[]).await;
    assert!(name.get("refresh_token_expires_in").is_none(), "a name does not end: {name}");
    stage.world.advance(Duration::from_secs(604_799));
    assert_eq!(stage.refresh(token).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn who_asks_for_openid_is_told_who_agreed() {
    let stage = stage().await;
    let code = code(&stage, &[("scope", "openid email"), ("nonce", "n1")]);
    let (_, body) = exchange(&stage, &code, &[]).await;
    let token = body["id_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["email"], &claims["aud"]), (&ADDRESS.into(), &CLIENT.into()));
    assert_eq!(
        (&claims["nonce"], &claims["iss"]),
        (&"n1".into(), &"https://accounts.google.com".into())
    );
}
