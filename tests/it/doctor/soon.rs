//! What works today and will not for long: warnings, which are nothing to mend yet.

use std::time::Duration;

use gmail_sim::Sent;

use super::{A, B, text};
use crate::support::{CLIENT_ID, World};

#[tokio::test]
async fn a_token_that_ends_soon_is_told_with_the_day() {
    let world = World::healthy().await;
    world.sim.world().set(A, |account| account.refresh_token_expires_in = Some(24 * 60 * 60));
    world.sim.world().set(B, |account| account.refresh_token_expires_in = Some(90 * 24 * 60 * 60));
    let told = world.doctor(&[]).await;
    let soon = told.said("links", "warning");
    assert!(soon.starts_with(A) && soon.contains("; refresh token ends 20"), "{:#?}", told.steps);
    assert!(told.said("links", "ok").contains("as the token endpoint says"), "{:#?}", told.steps);
    assert_eq!(told.code, 0);
}

#[tokio::test]
async fn a_mailbox_near_its_limit_is_told_before_and_after() {
    let mut world = World::healthy().await;
    world.settings = "checks: {capacity: {limits: {messages: 10}}}\n".into();
    for (messages, verdict, says) in [
        (8, "warning", "8 of 10 messages sent within 24 h (80 %)"),
        (2, "wrong", "10 of 10 messages sent within 24 h (100 %)"),
    ] {
        let sent = Sent::to(&["someone@example.org"]).times(messages, Duration::from_secs(60));
        world.sim.world().put_sent(A, &sent);
        let told = world.doctor(&[]).await;
        assert!(told.said("links", verdict).contains(says), "{:#?}", told.steps);
    }
}

#[tokio::test]
async fn an_api_that_is_off_is_told_once_for_a_client() {
    let world = World::healthy().await;
    world.sim.world().set_client(CLIENT_ID, |client| client.gmail_api_enabled = false);
    let told = world.doctor(&[]).await;
    let off: Vec<_> = told.of("warning").collect();
    assert_eq!(off.len(), 1, "{off:#?}");
    assert_eq!((text(off[0], "area"), text(off[0], "reason")), ("clients", "gmail_api_off"));
}

#[tokio::test]
async fn a_proxy_of_other_programs_is_named_without_its_password() {
    let mut world = World::healthy().await;
    let proxied = async |world: &World| {
        let mut doctor = world.exporter(&["doctor", "--exporter", "http://127.0.0.1:9"]);
        let output = doctor.env("HTTPS_PROXY", "http://me:hunter2@proxy:3128").output().await;
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(!said.contains("hunter2"), "{said}");
        said
    };
    let said = proxied(&world).await;
    assert!(said.contains("  ok       proxy: HTTPS_PROXY is set, but mailbox_exporter"), "{said}");
    world.mailbox_with("c@example.com", ", smtp: {host: nowhere.invalid, port: 587}");
    let said = proxied(&world).await;
    assert!(said.contains("  warning  proxy: HTTPS_PROXY is set"), "{said}");
}
