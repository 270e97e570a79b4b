//! What ends a grant, and what only holds it up.

use std::time::Duration;

use gmail_sim::ClientState;

use crate::support::{ADDRESS, CLIENT, Stage};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// `200`, or `400 invalid_grant`.
async fn answer(stage: &Stage, token: &str) -> String {
    let (status, body) = stage.refresh(token).await;
    format!("{status} {}", body["error"].as_str().unwrap_or_default()).trim_end().to_owned()
}

async fn said(stage: &Stage, token: &str, field: &str) -> String {
    let (_, body) = stage.refresh(token).await;
    body[field].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_changed_password_ends_grants_of_mail_and_no_others() {
    let stage = Stage::set().await;
    stage.world.set("name@example.com", |account| account.scope = "openid email".into());
    let name = stage.world.link("name@example.com", CLIENT);
    for address in [ADDRESS, "name@example.com"] {
        stage.world.change_password(address);
    }
    let words = said(&stage, &stage.refresh_token, "error_description").await;
    assert_eq!(words, "Token has been expired or revoked.");
    assert_eq!(answer(&stage, &name).await, "200");
    let again = stage.world.link(ADDRESS, CLIENT);
    assert_eq!(answer(&stage, &again).await, "200");
}

#[tokio::test]
async fn access_for_a_time_ends_with_it_and_is_told_where_the_client_is_told() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.time_based_access = Some(30 * DAY));
    let token = stage.world.link(ADDRESS, CLIENT);
    let (_, body) = stage.refresh(&token).await;
    assert!(body.get("refresh_token_expires_in").is_none(), "{body}");
    stage.world.set_client(CLIENT, |client| client.tells_end = true);
    stage.world.advance(Duration::from_secs(10 * DAY));
    let (_, body) = stage.refresh(&token).await;
    let left = body["refresh_token_expires_in"].as_u64().unwrap();
    assert!((20 * DAY - HOUR..=20 * DAY).contains(&left), "{body}");
    let (_, body) = stage.refresh(&stage.refresh_token).await;
    assert!(body.get("refresh_token_expires_in").is_none(), "given for good: {body}");
    stage.world.advance(Duration::from_secs(20 * DAY));
    assert_eq!(answer(&stage, &token).await, "400 invalid_grant");
    assert_eq!(answer(&stage, &stage.refresh_token).await, "200");
}

#[tokio::test]
async fn a_week_in_testing_comes_before_a_longer_access() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.time_based_access = Some(30 * DAY));
    stage.world.set_client(CLIENT, |client| {
        client.testing = true;
        client.tells_end = true;
    });
    let token = stage.world.link(ADDRESS, CLIENT);
    let (_, body) = stage.refresh(&token).await;
    let left = body["refresh_token_expires_in"].as_u64().unwrap();
    assert!((7 * DAY - HOUR..7 * DAY).contains(&left), "{body}");
}

#[tokio::test]
async fn session_control_wants_the_owner_again_until_the_mailbox_is_linked_again() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.session_control = Some(16 * HOUR));
    assert_eq!(answer(&stage, &stage.refresh_token).await, "200");
    stage.world.advance(Duration::from_secs(16 * HOUR));
    assert_eq!(said(&stage, &stage.refresh_token, "error").await, "invalid_grant");
    assert_eq!(said(&stage, &stage.refresh_token, "error_subtype").await, "invalid_rapt");
    let again = stage.world.link(ADDRESS, CLIENT);
    assert_eq!(answer(&stage, &again).await, "200");
    // The administrator exempts the app, and the grant is as good as ever.
    stage.world.set(ADDRESS, |account| account.session_control = None);
    assert_eq!(answer(&stage, &stage.refresh_token).await, "200");
}

#[tokio::test]
async fn a_client_that_is_restored_has_its_grants() {
    let stage = Stage::set().await;
    stage.world.set_client(CLIENT, |client| client.state = ClientState::Deleted);
    assert_eq!(answer(&stage, &stage.refresh_token).await, "401 deleted_client");
    stage.world.set_client(CLIENT, |client| client.state = ClientState::Live);
    assert_eq!(answer(&stage, &stage.refresh_token).await, "200");
}
