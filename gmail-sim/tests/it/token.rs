//! The token endpoint and its neighbours.

use gmail_sim::ClientState;

use crate::support::{ADDRESS, CLIENT, SECRET, Stage};

const GET: &str = "GET PATH HTTP/1.1\r\nHost: localhost\r\n";
const POST: &str = "POST PATH HTTP/1.1\r\nHost: localhost\r\n";

#[tokio::test]
async fn a_live_grant_gets_an_access_token_that_token_information_knows() {
    let stage = Stage::set().await;
    let (status, body) = stage.refresh(&stage.refresh_token).await;
    assert_eq!(status, 200);
    assert_eq!((&body["expires_in"], &body["token_type"]), (&3599.into(), &"Bearer".into()));
    assert_eq!(body["scope"], "https://mail.google.com/");
    let token = body["access_token"].as_str().unwrap();
    assert!(token.starts_with("ya29.") && stage.refresh_token.starts_with("1//0"));

    let url = format!("{}?access_token={token}", stage.at().tokeninfo_url);
    let (status, body) = stage.https(&url, GET, "").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!((&body["aud"], &body["access_type"]), (&CLIENT.into(), &"offline".into()));
    assert!(body["exp"].is_string() && body["expires_in"].is_string(), "{body}");
    assert!(body.get("email").is_none(), "the mail scope does not tell the address");
}

#[tokio::test]
async fn answers_look_like_googles() {
    let stage = Stage::set().await;
    stage.world.revoke(&stage.refresh_token);
    let form = format!(
        "grant_type=refresh_token&client_id={CLIENT}&client_secret={SECRET}&refresh_token={}",
        stage.refresh_token.replace('/', "%2F")
    );
    let answer = stage.raw_https(&stage.at().token_url.clone(), POST, &form).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: application/json; charset=utf-8\r\n"), "{head}");
    assert!(head.contains("\r\nServer: scaffolding on HTTPServer2\r\n"), "{head}");
    let expected = "{\n  \"error\": \"invalid_grant\",\n  \"error_description\": \"Token has been expired or revoked.\"\n}";
    assert_eq!(body, expected);
}

#[tokio::test]
async fn each_way_to_be_refused_has_its_own_answer() {
    let stage = Stage::set().await;
    stage.world.add_client("other", "o");
    for (id, state) in [("deleted", ClientState::Deleted), ("disabled", ClientState::Disabled)] {
        stage.world.set_client(id, |client| client.state = state);
    }
    let good = &*stage.refresh_token;
    let cases = [
        (CLIENT, SECRET, "1//0never", 400, "invalid_grant", "Bad Request"),
        (CLIENT, "wrong", good, 401, "invalid_client", "The provided client secret is invalid."),
        ("nobody", "x", good, 401, "invalid_client", "The OAuth client was not found."),
        ("deleted", "x", good, 401, "deleted_client", "The OAuth client was deleted."),
        ("disabled", "x", good, 401, "disabled_client", "The OAuth client was disabled."),
        ("other", "o", good, 401, "unauthorized_client", "Unauthorized"),
        ("", "x", good, 400, "invalid_request", "Could not determine client ID from request."),
    ];
    for (id, secret, token, status, error, description) in cases {
        let (got, body) = stage.refresh_as(id, secret, token).await;
        assert_eq!((got, &body["error"]), (status, &error.into()), "{id} {body}");
        assert_eq!(body["error_description"], description);
    }
    stage.world.set(ADDRESS, |account| account.token_says = Some("token.invalid_rapt".into()));
    let (status, body) = stage.refresh(good).await;
    assert_eq!((status, &body["error_subtype"]), (400, &"invalid_rapt".into()));
}

#[tokio::test]
async fn a_bogus_code_tells_that_client_and_secret_are_fine() {
    let stage = Stage::set().await;
    let form = |secret: &str| {
        format!(
            "grant_type=authorization_code&code=bogus&client_id={CLIENT}&client_secret={secret}&redirect_uri=https%3A%2F%2Fodoo.example.com"
        )
    };
    let url = stage.at().token_url.clone();
    let (status, body) = stage.https(&url, POST, &form(SECRET)).await;
    assert_eq!(status, 400);
    assert!(body.contains("invalid_grant") && body.contains("Malformed auth code."), "{body}");
    assert_eq!(stage.https(&url, POST, &form("wrong")).await.0, 401);
}

#[tokio::test]
async fn the_profile_names_the_account_unless_the_api_is_off() {
    let stage = Stage::set().await;
    let token = stage.access_token().await;
    let url = format!("{}/gmail/v1/users/me/profile", stage.at().gmail_api_url);
    let with = |token: &str| format!("{GET}Authorization: Bearer {token}\r\n");
    let (status, body) = stage.https(&url, &with(&token), "").await;
    assert_eq!(status, 200);
    assert!(body.contains("\"emailAddress\": \"sales@example.com\""), "{body}");
    assert_eq!(stage.https(&url, &with("ya29.no"), "").await.0, 401);
    stage.world.set(ADDRESS, |account| account.gmail_enabled = false);
    let (status, body) = stage.https(&url, &with(&token), "").await;
    assert_eq!(status, 400);
    assert!(body.contains("Mail service not enabled"));
    stage.world.set_client(CLIENT, |client| client.gmail_api_enabled = false);
    let (status, body) = stage.https(&url, &with(&token), "").await;
    assert_eq!(status, 403);
    assert!(body.contains("SERVICE_DISABLED") && body.contains("projects/1234\""), "{body}");
}
