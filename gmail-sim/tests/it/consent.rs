//! What a person goes through who links a mailbox.

use gmail_sim::ClientKind;

use crate::{
    browser::{Browser, MAIL, URI, field, wish},
    support::{ADDRESS, CLIENT, Stage},
};

const SEND: &str = "https://www.googleapis.com/auth/gmail.send";

async fn stage() -> Stage {
    let stage = Stage::set().await;
    stage.world.add_account("b@example.com", "9-other");
    stage.world.set_client(CLIENT, |client| {
        client.name = "Odoo <shop>".to_owned();
        client.redirect_uris = vec![URI.to_owned()];
    });
    stage
}

#[tokio::test]
async fn who_agrees_is_sent_back_with_a_code_and_the_state() {
    let stage = stage().await;
    let mut browser = Browser::of(&stage);
    let accounts = browser.open(&wish(&stage, &[("login_hint", "B@example.com")])).await;
    let page = accounts.page();
    assert!(page.contains("<option value=\"b@example.com\" selected>"), "{page}");
    assert_eq!(page.matches(" selected>").count(), 1);
    assert!(page.contains("to continue to Odoo &lt;shop&gt;</p>"), "{page}");
    let consent = browser.choose(page, ADDRESS).await;
    let page = consent.page();
    assert!(page.contains("Odoo &lt;shop&gt; wants access"), "{page}");
    assert!(page.contains("<p id=\"who\">sales@example.com</p>"), "{page}");
    assert!(page.contains("permanently delete all your email"), "{page}");
    let back = browser.press(page, "continue", &[]).await;
    let back = back.elsewhere();
    assert!(back.starts_with(&format!("{URI}?state=")), "{back}");
    assert_eq!(field(back, "state"), r#"{"model": "ir.mail_server", "id": 1}"#);
    assert!(field(back, "code").starts_with("4/0"), "{back}");
    assert_eq!(field(back, "scope"), MAIL);
}

#[tokio::test]
async fn who_cancels_is_sent_back_without_a_code() {
    let stage = stage().await;
    let mut browser = Browser::of(&stage);
    let consent = browser.sign_in(&wish(&stage, &[]), ADDRESS).await;
    let back = browser.press(consent.page(), "cancel", &[]).await;
    assert_eq!(field(back.elsewhere(), "error"), "access_denied");
    assert_eq!(field(back.elsewhere(), "code"), "");
    assert_eq!(field(back.elsewhere(), "state"), r#"{"model": "ir.mail_server", "id": 1}"#);
}

#[tokio::test]
async fn a_scope_can_be_unticked_where_there_is_a_choice() {
    let stage = stage().await;
    let both = format!("{MAIL} {SEND} openid");
    let mut browser = Browser::of(&stage);
    let consent = browser.sign_in(&wish(&stage, &[("scope", &both)]), ADDRESS).await;
    let page = consent.page();
    assert!(page.contains("id=\"scope-mail\"") && page.contains("id=\"scope-gmail-send\""));
    let back = browser.press(page, "continue", &["scope-mail"]).await;
    assert_eq!(field(back.elsewhere(), "scope"), format!("{SEND} openid"));

    let consent = browser.open(&wish(&stage, &[])).await;
    assert!(!consent.page().contains("id=\"scope-mail\" name"), "one scope: {}", consent.page());
    stage.world.set_client(CLIENT, |client| client.asks_each_scope = true);
    let consent = browser.open(&wish(&stage, &[])).await;
    let back = browser.press(consent.page(), "continue", &["scope-mail"]).await;
    assert_eq!(field(back.elsewhere(), "error"), "access_denied", "nothing was left");
}

#[tokio::test]
async fn who_agreed_before_is_only_asked_again_on_demand() {
    let stage = stage().await;
    let mut browser = Browser::of(&stage);
    let first = browser.sign_in(&wish(&stage, &[]), ADDRESS).await;
    browser.press(first.page(), "continue", &[]).await;
    let again = browser.open(&wish(&stage, &[("prompt", "")])).await;
    assert_eq!(field(again.elsewhere(), "prompt"), "none");
    assert!(browser.open(&wish(&stage, &[])).await.page().contains("id=\"continue\""));
    let none = browser.open(&wish(&stage, &[("prompt", "none")])).await;
    assert!(field(none.elsewhere(), "code").starts_with("4/"));
    let more = browser.open(&wish(&stage, &[("prompt", ""), ("scope", SEND)])).await;
    assert!(more.page().contains("id=\"continue\""), "another scope");
    let other = browser.open(&wish(&stage, &[("login_hint", "b@example.com")])).await;
    assert!(other.page().contains("id=\"account\""), "another person");
    let chooser = browser.open(&wish(&stage, &[("prompt", "select_account")])).await;
    assert!(chooser.page().contains("id=\"account\""));
}

#[tokio::test]
async fn googles_page_says_why_somebody_cannot_go_on() {
    let stage = stage().await;
    let mut browser = Browser::of(&stage);
    let mut told = async |code: &str, words: &str| {
        let seen = browser.sign_in(&wish(&stage, &[("prompt", "select_account")]), ADDRESS).await;
        let page = seen.page();
        assert!(page.contains(&format!("<p id=\"error-code\">Error {code}</p>")), "{page}");
        assert!(page.contains(words), "{page}");
    };
    stage.world.set_client(CLIENT, |client| client.testing = true);
    let words = "Odoo &lt;shop&gt; has not completed the Google verification process. The app is currently being tested, and can only be accessed by developer-approved testers. If you think you should have access, contact the developer.";
    told("403: access_denied", words).await;
    stage.world.set_client(CLIENT, |client| client.internal_to = Some("example.org".to_owned()));
    told("403: org_internal", "Odoo &lt;shop&gt; is restricted to users within its organization.")
        .await;
    let says = |key: &str| stage.world.set(ADDRESS, |a| a.consent_says = Some(key.to_owned()));
    says("authorization.admin_policy");
    told("400: admin_policy_enforced", "the administrator for example.com for more").await;
    says("authorization.advanced_protection");
    told("400: policy_enforced", "Advanced Protection prevented your Google Account").await;
    let bad =
        browser.open(&wish(&stage, &[("redirect_uri", "https://elsewhere.example.com/")])).await;
    assert!(bad.page().contains("Error 400: redirect_uri_mismatch"), "{}", bad.page());
}

#[tokio::test]
async fn testers_and_people_of_the_organisation_get_through() {
    let stage = stage().await;
    stage.world.set_client(CLIENT, |client| {
        client.testing = true;
        client.testers.insert(ADDRESS.to_owned());
    });
    assert!(stage.world.agree(&wish(&stage, &[]), ADDRESS, &[]).is_ok());
    let other = stage.world.agree(&wish(&stage, &[]), "b@example.com", &[]);
    assert_eq!(other.unwrap_err().to_string(), "Error 403: access_denied");
    stage.world.set_client(CLIENT, |client| client.internal_to = Some("example.com".to_owned()));
    assert!(stage.world.agree(&wish(&stage, &[]), "b@example.com", &[]).is_ok());
}

#[tokio::test]
async fn an_app_that_google_did_not_verify_is_warned_of() {
    let stage = stage().await;
    stage.world.set_client(CLIENT, |client| client.verified = false);
    let mut browser = Browser::of(&stage);
    let warning = browser.sign_in(&wish(&stage, &[]), ADDRESS).await;
    let page = warning.page();
    assert!(page.contains("Google hasn\u{2019}t verified this app"), "{page}");
    assert!(
        page.contains(">Advanced</summary>") && page.contains(">Go to Odoo &lt;shop&gt; (unsafe)<")
    );
    let back = browser.follow(page, "back").await;
    assert_eq!(field(back.elsewhere(), "error"), "access_denied");
    let consent = browser.follow(page, "proceed").await;
    let back = browser.press(consent.page(), "continue", &[]).await;
    assert!(field(back.elsewhere(), "code").starts_with("4/"));
    let name_only = browser.open(&wish(&stage, &[("scope", "openid email")])).await;
    assert!(name_only.page().contains("id=\"continue\""), "no warning for a name and an address");
}

#[tokio::test]
async fn a_desktop_client_gets_its_code_at_its_own_port() {
    let stage = stage().await;
    stage.world.set_client(CLIENT, |client| client.kind = ClientKind::Desktop);
    let url = wish(&stage, &[("redirect_uri", "http://127.0.0.1:43210/back?a=1")]);
    let mut browser = Browser::of(&stage);
    let consent = browser.sign_in(&url, ADDRESS).await;
    let back = browser.press(consent.page(), "continue", &[]).await;
    assert!(back.elsewhere().starts_with("http://127.0.0.1:43210/back?a=1&state="), "{back:?}");
}

#[tokio::test]
async fn without_a_sign_in_nobody_gets_to_the_consent_page() {
    let stage = stage().await;
    let mut browser = Browser::of(&stage);
    let direct = wish(&stage, &[]).replace("/o/oauth2/v2/auth", "/signin/oauth/consent");
    assert!(browser.open(&direct).await.page().contains("id=\"account\""));
}
