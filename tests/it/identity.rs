//! Whose account a link's token opens: what is certain fails, what is not is said.

use gmail_sim::{At, ClientState, Fault, ImapAccess, Service, What};

use crate::support::{CLIENT_ID, World};

const WITH_ADDRESS: &str = "https://mail.google.com/ openid email";

/// A world in which `mailbox` is watched with the token of `account`.
async fn held_by(mailbox: &str, account: &str, keys: &str) -> World {
    let mut world = World::start().await;
    let token = world.sim.world().add_account(account, CLIENT_ID);
    world.watch(mailbox, &token, keys);
    world
}

async fn verdict(world: &World, link: &str) -> String {
    world.check(&["--only", "identity"]).await.1.verdict(link, "identity")
}

#[tokio::test]
async fn a_link_to_its_own_account_passes_however_the_address_is_spelt() {
    for mailbox in ["john@gmail.com", "j.o.hn+shop@googlemail.com"] {
        let world = held_by(mailbox, "john@gmail.com", "").await;
        let (code, report) = world.check(&["--only", "identity"]).await;
        assert_eq!(report.verdict(mailbox, "identity"), "pass");
        assert_eq!(report.identity(mailbox), "same ok");
        assert_eq!((code, report.remark(mailbox).as_str()), (0, ""));
    }
}

#[tokio::test]
async fn a_token_of_another_account_fails_and_names_both() {
    let world = held_by("shop@gmail.com", "bob@gmail.com", "").await;
    let (_, report) = world.check(&["--only", "identity"]).await;
    assert_eq!(report.verdict("shop@gmail.com", "identity"), "fail: wrong_account");
    let said = report.reply("shop@gmail.com", "identity");
    assert!(said.contains("bob@gmail.com") && said.contains("shop@gmail.com"), "{said}");
}

#[tokio::test]
async fn an_address_that_may_be_an_alias_passes_with_a_remark_until_somebody_says_whose_it_is() {
    let world = held_by("sales@example.com", "admin@example.com", "").await;
    let (_, report) = world.check(&["--only", "identity"]).await;
    assert_eq!(report.verdict("sales@example.com", "identity"), "pass");
    assert_eq!(report.identity("sales@example.com"), "alias ok");
    assert!(report.remark("sales@example.com").contains("admin@example.com"));
    for (named, expected) in [("admin", "pass"), ("sales", "fail: wrong_account")] {
        let keys = format!(", checks: {{identity: {{account: {named}@example.com}}}}");
        let world = held_by("sales@example.com", "admin@example.com", &keys).await;
        assert_eq!(verdict(&world, "sales@example.com").await, expected);
    }
}

#[tokio::test]
async fn a_project_without_the_gmail_api_is_no_failure_and_its_link_is_named() {
    let mut world = World::start().await;
    world.mailbox("a@example.com").mailbox("told@example.com");
    world.sim.world().set("told@example.com", |account| account.scope = WITH_ADDRESS.to_owned());
    world.sim.world().set_client(CLIENT_ID, |client| client.gmail_api_enabled = false);
    let (code, report) = world.check(&[]).await;
    assert_eq!(code, 0);
    assert_eq!(report.identity("a@example.com"), "unknown gmail_api_off");
    assert!(report.remark("a@example.com").contains("overview?project=1234"), "{}", report.0);
    assert_eq!(report.identity("told@example.com"), "same gmail_api_off", "token information told");
    let said = String::from_utf8(world.run(&["check", "--only", "identity"]).await.stdout).unwrap();
    assert!(said.contains("a@example.com works.\n  To know:   Whose account"), "{said}");
}

#[tokio::test]
async fn token_information_alone_tells_another_account() {
    let world = held_by("shop@gmail.com", "bob@gmail.com", "").await;
    world.sim.world().set("bob@gmail.com", |account| account.scope = WITH_ADDRESS.to_owned());
    world.sim.world().set_client(CLIENT_ID, |client| client.gmail_api_enabled = false);
    assert_eq!(verdict(&world, "shop@gmail.com").await, "fail: wrong_account");
}

#[tokio::test]
async fn gmail_or_imap_that_is_switched_off_is_told_where_it_is_wanted() {
    let mut world = World::start().await;
    world.mailbox("off@example.com").mailbox("in@example.com");
    world.mailbox_with("out@example.com", ", direction: outgoing").mailbox("me@gmail.com");
    let sim = world.sim.world();
    sim.set("off@example.com", |account| account.gmail_enabled = false);
    for address in ["in@example.com", "out@example.com", "me@gmail.com"] {
        sim.set(address, |account| account.imap = ImapAccess::OffForUser);
    }
    let (_, report) = world.check(&["--only", "identity"]).await;
    assert_eq!(report.verdict("off@example.com", "identity"), "fail: gmail_service_off");
    assert_eq!(report.verdict("in@example.com", "identity"), "fail: imap_disabled_user");
    assert_eq!(report.verdict("out@example.com", "identity"), "pass");
    assert_eq!(
        report.verdict("me@gmail.com", "identity"),
        "pass",
        "personal accounts have no switch"
    );
}

#[tokio::test]
async fn one_question_each_is_asked_and_the_token_is_in_no_url() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.check(&["--only", "identity"]).await;
    let asked = world.asked_about("a@example.com");
    let asked: Vec<_> = asked.iter().filter(|what| what.contains(" /")).collect();
    let expected = [
        "POST /token grant_type=refresh_token",
        "POST /tokeninfo",
        "GET /gmail/v1/users/me/profile",
        "GET /gmail/v1/users/me/settings/imap",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn without_a_token_it_is_skipped_because_of_the_tokens_reason() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.sim.world().revoke_all("a@example.com");
    let (_, report) = world.check(&[]).await;
    assert_eq!(report.verdict("a@example.com", "identity"), "skip: grant_revoked_or_expired");
    assert_eq!(report.identity("a@example.com"), "");
}

#[tokio::test]
async fn an_api_that_hangs_costs_its_time_and_nothing_else() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.settings = "checks: {identity: {timeout: 1s}}\n".into();
    let stall = Fault::new(Service::Api, At::Answer, What::Stall);
    world.sim.world().fault(stall).unwrap();
    let (code, report) = world.check(&[]).await;
    assert_eq!((code, report.identity("a@example.com").as_str()), (0, "unknown timeout"));
}

#[tokio::test]
async fn links_that_all_hold_the_administrators_token_are_said_with_their_names() {
    let mut world = World::start().await;
    world.mailbox("admin@example.com").mailbox("alone@example.com");
    let token = world.sim.world().link("admin@example.com", CLIENT_ID);
    world.watch("sales@example.com", &token, "");
    let exporter = world.serve(&[]).await;
    let pair = |link: &str, with: &str| {
        format!("mailbox_shared_account{{link=\"{link}\",mailbox=\"{link}\",with=\"{with}\"}} 1")
    };
    exporter.until(&pair("sales@example.com", "admin@example.com")).await;
    exporter.until(&pair("admin@example.com", "sales@example.com")).await;
    let alias = "mailbox_identity_info{link=\"sales@example.com\",mailbox=\"sales@example.com\",account=\"alias\",gmail_api=\"ok\"} 1";
    exporter.until(alias).await;
    exporter.until("mailbox_identity_info{link=\"alone@example.com\",mailbox=\"alone@example.com\",account=\"same\"").await;
    assert!(!exporter.metrics().await.contains("mailbox_shared_account{link=\"alone"));
    let page = exporter.get("/").await;
    assert!(page.contains("admin@example.com and sales@example.com hold tokens of one"), "{page}");
    let page = exporter.get("/links/sales@example.com").await;
    assert!(page.contains("as does that of"), "{page}");
    let (_, log) = exporter.stop().await;
    assert!(!log.contains("ya29."), "{log}");
}

#[tokio::test]
async fn a_check_that_was_skipped_is_made_up_for_when_its_cause_is_gone() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let set = |state| world.sim.world().set_client(CLIENT_ID, |client| client.state = state);
    set(ClientState::Deleted);
    let exporter = world.serve(&[]).await;
    exporter.until("check=\"token\",reason=\"client_deleted\"").await;
    set(ClientState::Live);
    exporter.get("/probe?link=a@example.com&check=token").await;
    let passes = "mailbox_check_success{link=\"a@example.com\",mailbox=\"a@example.com\",check=\"identity\"} 1";
    exporter.until(passes).await;
}
