//! Service accounts that act for mailboxes, instead of consents.

use std::time::Duration;

use gmail_sim::ServiceAccount;
use serde_json::Value;

use crate::support::{Report, World};

const WATCHER: &str = "watcher@mail-1234.iam.gserviceaccount.com";
const SALES: &str = "sales@example.com";

/// A mailbox that a service account acts for.
async fn world() -> World {
    let mut world = World::start().await;
    world.sim.world().set(SALES, |_| ());
    let key = world.sim.world().add_service_account(WATCHER);
    world.delegate(SALES, &key);
    world
}

async fn token(world: &World) -> (String, Report) {
    let (_, report) = world.check(&[]).await;
    (report.verdict(SALES, "token"), report)
}

#[tokio::test]
async fn a_mailbox_without_a_refresh_token_is_read_and_sends() {
    let mut world = world().await;
    world.mailbox("linked@example.com");
    let (code, report) = world.check(&[]).await;
    for link in [SALES, "linked@example.com"] {
        for check in ["token", "smtp", "imap"] {
            assert_eq!(report.verdict(link, check), "pass", "{link} {check}");
        }
    }
    assert_eq!(code, 0);
    let asked = world.asked_about(SALES);
    let grant = "POST /token grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(asked.iter().filter(|what| *what == grant).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_missing_delegation_is_the_administrators() {
    let world = world().await;
    let change = |account: &mut ServiceAccount| account.scopes.clear();
    world.sim.world().set_service_account(WATCHER, change);
    let (verdict, report) = token(&world).await;
    assert_eq!(verdict, "fail: dwd_not_authorized");
    assert_eq!(report.verdict(SALES, "imap"), "skip: dwd_not_authorized");
}

#[tokio::test]
async fn a_user_that_is_none_is_told() {
    let mut world = world().await;
    world.forget(0);
    let key = world.sim.world().add_service_account(WATCHER);
    world.delegate("nobody@example.com", &key);
    let (_, report) = world.check(&[]).await;
    assert_eq!(report.verdict("nobody@example.com", "token"), "fail: impersonated_user_unknown");
}

#[tokio::test]
async fn a_deleted_user_is_told_as_for_any_link() {
    let world = world().await;
    let says = "token.account_deleted_impersonated".to_owned();
    world.sim.world().set(SALES, |account| account.token_says = Some(says));
    assert_eq!(token(&world).await.0, "fail: account_deleted");
}

#[tokio::test]
async fn a_key_that_was_deleted_or_is_anothers_is_the_clients_fault() {
    let world = world().await;
    let mut file: Value =
        serde_json::from_str(&world.sim.world().add_service_account(WATCHER)).unwrap();
    file["private_key"] = include_str!("../keys/another.pem").into();
    world.write("key.json", &file.to_string());
    assert_eq!(token(&world).await.0, "fail: service_account_key_invalid");

    let good = world.sim.world().add_service_account(WATCHER);
    world.write("key.json", &good);
    assert_eq!(token(&world).await.0, "pass");
    let change = |account: &mut ServiceAccount| account.key_ids.clear();
    world.sim.world().set_service_account(WATCHER, change);
    let (verdict, report) = token(&world).await;
    assert_eq!(verdict, "fail: service_account_key_invalid");
    assert_eq!(report.reply(SALES, "token"), "400 invalid_grant: Invalid JWT Signature");
}

#[tokio::test]
async fn a_wrong_clock_is_the_hosts_fault() {
    let world = world().await;
    world.sim.world().advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!(token(&world).await.0, "fail: clock_wrong");
}

/// The refusal that a lying server makes of what it was sent shows neither the assertion nor the key.
#[tokio::test]
async fn what_is_echoed_is_hidden() {
    let world = world().await;
    let fault = gmail_sim::Fault::new(
        gmail_sim::Service::Token,
        gmail_sim::At::Answer,
        gmail_sim::What::EchoCredentials,
    );
    world.sim.world().fault(fault).unwrap();
    let (_, Report(report)) = world.check(&[]).await;
    let said = report.to_string();
    assert!(said.contains("****"), "{said}");
    // What every header begins with: {"alg":
    assert!(!said.contains("eyJhbGciOi") && !said.contains("PRIVATE KEY"), "{said}");
}

#[tokio::test]
async fn settings_are_printed_without_the_key() {
    let world = world().await;
    let output = world.run(&["check-config"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("service_account: \"****\"  # "), "{said}");
    assert!(!said.contains("refresh_token") && !said.contains("PRIVATE KEY"), "{said}");
}
