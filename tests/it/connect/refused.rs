//! What comes to nothing: each has its reason, and nothing is written.

use gmail_sim::{At, Fault, Service, What};

use super::{A, attempt::connect, names, world};
use crate::support::{CLIENT_ID, World};

/// Nothing but what was there before.
fn nothing_written(world: &World) {
    assert_eq!(names(world), ["ca.pem", "client-secret", "config.yaml"]);
}

#[tokio::test]
async fn who_cancels_is_told_so_by_page_and_terminal() {
    let world = world().await;
    let attempt = connect(&world, &["--address", A]).await;
    let back = world.sim.world().decline(&attempt.page, A).unwrap();
    let (_, _, page) = attempt.browser(&back).await;
    assert!(
        page.contains("a@example.com is not linked") && page.contains("did not agree"),
        "{page}"
    );
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.said.contains("consent_cancelled") && ended.said.contains("access_denied"));
    assert!(ended.said.contains("Next step: ") && ended.said.contains("Nothing was written"));
    nothing_written(&world);
}

#[tokio::test]
async fn another_account_is_refused_however_its_address_looks() {
    // Somebody else; a colleague, who looks like an alias; and one of whom Google tells nothing.
    for (account, api) in [("bob@gmail.com", true), ("bob@example.com", true), (A, false)] {
        let world = world().await;
        let mailbox = if account == A { "carol@example.com" } else { A };
        world.sim.world().add_account(account, CLIENT_ID);
        world.sim.world().add_account(mailbox, CLIENT_ID);
        world.sim.world().set_client(CLIENT_ID, |client| client.gmail_api_enabled = api);
        let attempt = connect(&world, &["--address", mailbox]).await;
        let (_, _, page) = attempt.browser(&attempt.agree(&world, account)).await;
        assert!(page.contains("by another Google account"), "{page}");
        let ended = attempt.ended().await;
        assert_eq!(ended.code, Some(1));
        assert!(ended.said.contains(": wrong_account\n"), "{}", ended.said);
        assert!(ended.said.contains("It was left alone"), "{}", ended.said);
        assert!(!api || ended.said.contains(account), "{}", ended.said);
        assert!(!ended.said.contains("1//0") && !ended.said.contains("ya29"), "{}", ended.said);
        nothing_written(&world);
        assert_eq!(world.sim.world().refresh_tokens(account).len(), if api { 2 } else { 3 });
    }
}

#[tokio::test]
async fn a_wrong_grant_is_revoked_where_somebody_says_so() {
    let world = world().await;
    world.sim.world().add_account("bob@example.com", CLIENT_ID);
    let attempt = connect(&world, &["--address", A, "--revoke-wrong"]).await;
    attempt.browser(&attempt.agree(&world, "bob@example.com")).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.said.contains("Revoked."), "{}", ended.said);
    assert!(world.sim.world().refresh_tokens("bob@example.com").is_empty());
    assert_eq!(world.sim.world().refresh_tokens(A).len(), 1, "the right one's are as they were");
    nothing_written(&world);
}

#[tokio::test]
async fn an_account_that_tells_nothing_is_known_by_its_sign_in() {
    let world = world().await;
    world.sim.world().set_client(CLIENT_ID, |client| client.gmail_api_enabled = false);
    let attempt = connect(&world, &["--address", A]).await;
    attempt.browser(&attempt.agree(&world, A)).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(world.asked_about(A).iter().any(|what| what.contains("AUTHENTICATE")), "it signed in");
}

#[tokio::test]
async fn whatever_the_token_endpoint_says_has_its_reason_and_its_next_step() {
    for (line, reason) in [
        ("token.scope_missing", "scope_missing"),
        ("token.bad_request", "consent_code_refused"),
        ("token.malformed_code", "consent_code_refused"),
        ("token.redirect_uri_mismatch", "redirect_uri_mismatch"),
        ("token.secret_invalid", "client_secret_invalid"),
        ("token.client_deleted", "client_deleted"),
        ("token.admin_policy", "admin_policy"),
        ("token.org_internal", "org_internal"),
        ("token.invalid_rapt", "session_control_reauth"),
        ("token.status_503", "google_outage"),
        ("token.html_sorry", "google_rate_limited"),
    ] {
        let world = world().await;
        world.sim.world().fault(Fault::say(line).unwrap()).unwrap();
        let attempt = connect(&world, &["--address", A]).await;
        let (_, _, page) = attempt.browser(&attempt.agree(&world, A)).await;
        assert!(page.contains("What to do next"), "{line}: {page}");
        let ended = attempt.ended().await;
        assert_eq!(ended.code, Some(1), "{line}");
        assert!(
            ended.said.contains(&format!("is not linked: {reason}\n")),
            "{line}: {}",
            ended.said
        );
        assert!(ended.said.contains("  Next step: "), "{line}: {}", ended.said);
        nothing_written(&world);
    }
}

#[tokio::test]
async fn a_server_that_echoes_what_it_was_sent_gives_nothing_away() {
    let world = world().await;
    let echo = Fault::new(Service::Token, At::Answer, What::EchoCredentials);
    world.sim.world().fault(echo).unwrap();
    let attempt = connect(&world, &["--address", A]).await;
    let back = attempt.agree(&world, A);
    let (_, _, page) = attempt.browser(&back).await;
    let ended = attempt.ended().await;
    let code = super::attempt::field(&back, "code");
    assert!(ended.said.contains("Bad credentials"), "{}", ended.said);
    for words in [&ended.said, &page] {
        assert!(!words.contains(&code) && !words.contains("GOCSPX-the"), "{words}");
    }
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_is_said_to_be_one() {
    let world = world().await;
    let attempt = connect(&world, &["--address", A]).await;
    // Somebody shortens the address: the account agreed before, so Google does not ask again.
    let url = attempt.page.replace("prompt=consent", "prompt=select_account");
    let back = world.sim.world().agree(&url, A, &[]).unwrap();
    attempt.browser(&back).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("without a refresh token"), "{}", ended.said);
    nothing_written(&world);
}

#[tokio::test]
async fn an_error_page_of_googles_that_is_pasted_has_its_reason() {
    let world = world().await;
    let mut attempt = connect(&world, &["--address", A, "--paste"]).await;
    // {"access_denied", 403}: nobody cancelled, for the page is shown before anybody can.
    let page =
        "https://accounts.google.com/signin/oauth/error/v2?authError=Cg1hY2Nlc3NfZGVuaWVkIJMD";
    attempt.paste(page).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.said.contains("is not linked: consent_test_user\n"), "{}", ended.said);
    nothing_written(&world);
}

#[tokio::test]
async fn a_grant_that_nothing_is_known_of_is_not_kept() {
    let world = world().await;
    world.sim.world().set_client(CLIENT_ID, |client| client.gmail_api_enabled = false);
    for service in [Service::Imap, Service::Smtp] {
        world.sim.world().fault(Fault::new(service, At::Connect, What::Refuse)).unwrap();
    }
    let attempt = connect(&world, &["--address", A]).await;
    attempt.browser(&attempt.agree(&world, A)).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.said.contains("is not linked: connection_refused\n"), "{}", ended.said);
    nothing_written(&world);
}
