//! The revocation endpoint.

use std::time::Duration;

use crate::{
    browser::{URI, wish},
    support::{ADDRESS, CLIENT, Stage},
};

const GET: &str = "GET PATH HTTP/1.1\r\nHost: localhost\r\n";
const POST: &str = "POST PATH HTTP/1.1\r\nHost: localhost\r\n";

async fn revoke(stage: &Stage, token: &str) -> (u16, String) {
    let body = format!("token={}", token.replace('/', "%2F"));
    stage.https(&stage.at().revoke_url.clone(), POST, &body).await
}

#[tokio::test]
async fn revoking_ends_every_grant_of_the_owner_to_the_project() {
    let stage = Stage::set().await;
    let sibling = "1234-other.apps.googleusercontent.com";
    stage.world.add_client(sibling, "s");
    stage.world.add_client("9-project", "n");
    let second = stage.world.link(ADDRESS, CLIENT);
    let of_sibling = stage.world.link(ADDRESS, sibling);
    let of_project = stage.world.link(ADDRESS, "9-project");
    let of_somebody = stage.world.add_account("b@example.com", CLIENT);
    let access = stage.access_token().await;
    assert_eq!(revoke(&stage, &access).await.0, 200);
    for (id, secret, token, status) in [
        (CLIENT, crate::support::SECRET, &stage.refresh_token, 400),
        (CLIENT, crate::support::SECRET, &second, 400),
        (sibling, "s", &of_sibling, 400),
        ("9-project", "n", &of_project, 200),
        (CLIENT, crate::support::SECRET, &of_somebody, 200),
    ] {
        let (got, body) = stage.refresh_as(id, secret, token).await;
        assert_eq!(got, status, "{id}: {body}");
        let words = "Token has been expired or revoked.";
        assert!(got == 200 || body["error_description"] == words, "{body}");
    }
    let url = format!("{}?access_token={access}", stage.at().tokeninfo_url);
    let (status, body) = stage.https(&url, GET, "").await;
    assert_eq!(status, 400);
    assert!(body.contains("Invalid Value"));
    for token in [&access, &stage.refresh_token, "1//0never"] {
        let (status, body) = revoke(&stage, token).await;
        assert_eq!(status, 400);
        assert!(body.contains("invalid_token"), "{body}");
    }
}

#[tokio::test]
async fn who_revoked_is_asked_again() {
    let stage = Stage::set().await;
    stage.world.register_redirect(CLIENT, URI);
    let known = || stage.world.agree(&wish(&stage, &[("prompt", "")]), ADDRESS, &[]).unwrap();
    assert!(known().contains("prompt=none"));
    revoke(&stage, &stage.refresh_token).await;
    assert!(known().contains("prompt=consent"));
}

#[tokio::test]
async fn revoking_may_take_its_time() {
    let stage = Stage::set().await;
    stage.world.set_client(CLIENT, |client| client.revocation_delay = 60);
    assert_eq!(revoke(&stage, &stage.refresh_token).await.0, 200);
    let access = stage.access_token().await;
    stage.world.advance(Duration::from_secs(60));
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 400);
    assert_eq!(revoke(&stage, &stage.refresh_token).await.0, 400);
    let url = format!("{}?access_token={access}", stage.at().tokeninfo_url);
    // Made while the revocation was under way, from a grant that was ending.
    assert_eq!(stage.https(&url, GET, "").await.0, 400);
}

#[tokio::test]
async fn revoking_is_not_done_by_looking() {
    let stage = Stage::set().await;
    let url = format!("{}?token={}", stage.at().revoke_url, stage.refresh_token);
    assert_eq!(stage.https(&url, GET, "").await.0, 404);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 200);
}
