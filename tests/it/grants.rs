//! Every way in which Google ends a grant or holds it up, by the simulator's clock, and the reason that it ends in.

use std::time::Duration;

use gmail_sim::ClientState;

use crate::support::{CLIENT_ID, World};

const LINK: &str = "a@example.com";
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

async fn world() -> World {
    let mut world = World::start().await;
    world.mailbox(LINK);
    world
}

async fn token(world: &World) -> String {
    let (_, report) = world.check(&[]).await;
    report.verdict(LINK, "token")
}

/// The owner links once more, and the application has the new token.
async fn heals_when_linked_again(world: &World) {
    world.write("token-0", &world.sim.world().link(LINK, CLIENT_ID));
    assert_eq!(token(world).await, "pass");
}

fn advance(world: &World, seconds: u64) {
    world.sim.world().advance(Duration::from_secs(seconds));
}

#[tokio::test]
async fn a_changed_password_ends_it() {
    let world = world().await;
    assert_eq!(token(&world).await, "pass");
    world.sim.world().change_password(LINK);
    assert_eq!(token(&world).await, "fail: grant_revoked_or_expired");
    heals_when_linked_again(&world).await;
}

#[tokio::test]
async fn a_hundred_newer_links_push_it_out_and_it_alone() {
    let world = world().await;
    let google = world.sim.world();
    let newer: Vec<_> = (0..99).map(|_| google.link(LINK, CLIENT_ID)).collect();
    assert_eq!(token(&world).await, "pass");
    let newest = google.link(LINK, CLIENT_ID);
    assert_eq!(token(&world).await, "fail: grant_revoked_or_expired");
    for other in [&newer[0], &newest] {
        world.write("token-0", other);
        assert_eq!(token(&world).await, "pass");
    }
}

#[tokio::test]
async fn access_for_a_time_is_told_ahead_where_google_tells_it_and_ends() {
    let mut world = World::start().await;
    let google = world.sim.world();
    google.set(LINK, |account| account.time_based_access = Some(30 * DAY));
    google.set_client(CLIENT_ID, |client| client.tells_end = true);
    world.mailbox(LINK);
    let output = world.run(&["check"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("as the token endpoint says"), "{said}");
    advance(&world, 30 * DAY);
    assert_eq!(token(&world).await, "fail: grant_revoked_or_expired");
    heals_when_linked_again(&world).await;
}

#[tokio::test]
async fn session_control_is_the_administrators() {
    let world = world().await;
    world.sim.world().set(LINK, |account| account.session_control = Some(16 * HOUR));
    assert_eq!(token(&world).await, "pass");
    advance(&world, 16 * HOUR);
    let (_, report) = world.check(&[]).await;
    assert_eq!(report.verdict(LINK, "token"), "fail: session_control_reauth");
    assert_eq!(report.verdict(LINK, "imap"), "skip: session_control_reauth");
    heals_when_linked_again(&world).await;
}

#[tokio::test]
async fn six_months_without_use_end_it() {
    let world = world().await;
    advance(&world, 181 * DAY);
    assert_eq!(token(&world).await, "fail: grant_revoked_or_expired");
}

#[tokio::test]
async fn a_client_that_was_deleted_and_restored_needs_no_new_links() {
    let world = world().await;
    let set = |state| world.sim.world().set_client(CLIENT_ID, |client| client.state = state);
    set(ClientState::Deleted);
    assert_eq!(token(&world).await, "fail: client_deleted");
    set(ClientState::Live);
    assert_eq!(token(&world).await, "pass");
}
