//! What is shown of consent pages, how rarely anybody is asked, and what that leaves alone.

use gmail_sim::Fault;
use serde_json::{Value, json};

use super::{ASK, BOGUS, OTHER, URI};
use crate::support::{CLIENT_ID, CLIENT_SECRET, Exporter, World};

async fn world(links: usize) -> World {
    let mut world = World::start().await;
    for number in 0..links {
        world.mailbox(&format!("m{number}@example.com"));
    }
    world.sim.world().register_redirect(CLIENT_ID, URI);
    world.client = format!(", redirect_uris: [{URI}]");
    world
}

/// What stands of one client under `/api/v1/clients`.
async fn client(exporter: &Exporter, name: &str) -> Value {
    let told: Value = serde_json::from_str(&exporter.get("/api/v1/clients").await).unwrap();
    let clients = told["clients"].as_array().unwrap();
    clients.iter().find(|client| client["client"] == name).cloned().unwrap_or_default()
}

fn count(world: &World, what: &str) -> usize {
    world.sim.world().asked().iter().filter(|asked| asked.what == what).count()
}

fn success(client: &str, uri: &str) -> String {
    format!(r#"mailbox_consent_success{{client="{client}",redirect_uri="{uri}"}}"#)
}

#[tokio::test]
async fn a_client_of_fifty_links_is_asked_about_once() {
    let mut world = world(50).await;
    let exporter = world.serve(&["--web.enable-lifecycle"]).await;
    exporter.until(&format!("{} 1", success("odoo", URI))).await;
    exporter.until_count("mailbox_link_up{", " 1", 50).await;
    let before = client(&exporter, "odoo").await;
    assert_eq!(before["links"], 50);
    // A mailbox more, so that the reload is seen in what is watched.
    world.mailbox("m50@example.com");
    world.config();
    assert_eq!(exporter.post("/-/reload").await.0, 200);
    exporter.until_count("mailbox_link_up{", " 1", 51).await;
    let now = client(&exporter, "odoo").await;
    assert_eq!((&now["consent"], &now["links"]), (&before["consent"], &json!(51)));
    assert_eq!((count(&world, ASK), count(&world, BOGUS)), (1, 1));
    let asked = world.sim.world().asked();
    let pages: Vec<_> = asked.iter().filter(|asked| asked.what.contains("/signin/")).collect();
    assert!(pages.is_empty(), "a redirect was followed: {pages:?}");
    let page = exporter.metrics().await;
    assert!(!page.contains("mailbox_consent_failing{"), "{page}");
    assert!(!page.contains("mailbox_consent_unknown{"), "{page}");
}

#[tokio::test]
async fn a_redirect_uri_that_is_refused_breaks_no_link_and_is_said_with_the_next_step() {
    let mut world = world(1).await;
    world.client = format!(", redirect_uris: [{URI}, {OTHER}]");
    let exporter = world.serve(&[]).await;
    exporter.until(&format!("{} 0", success("odoo", OTHER))).await;
    let page = exporter.metrics().await;
    let failing = format!(
        r#"mailbox_consent_failing{{client="odoo",redirect_uri="{OTHER}",reason="redirect_uri_mismatch"}} 1"#
    );
    let series = [
        &*failing,
        &format!("{} 1", success("odoo", URI)),
        r#"mailbox_client_failing{client="odoo",reason="redirect_uri_mismatch"} 1"#,
        r#"mailbox_link_up{link="m0@example.com",mailbox="m0@example.com"} 1"#,
    ];
    for series in series {
        assert!(page.contains(series), "{series}:\n{page}");
    }
    assert!(!page.contains("mailbox_failing{"), "{page}");
    let told = client(&exporter, "odoo").await;
    assert_eq!(told["links"], 1, "{told}");
    assert_eq!(told["failing"][0]["reason"], "redirect_uri_mismatch", "{told}");
    let uris = &told["consent"]["redirect_uris"];
    assert_eq!((&uris[0]["verdict"], &uris[1]["verdict"]), (&json!("accepted"), &json!("refused")));
    assert_eq!(told["consent"]["secret"]["verdict"], "accepted", "{told}");
    let status = exporter.get("/").await;
    assert!(status.contains(OTHER) && status.contains("Links that exist work on."), "{status}");
    let (_, log) = exporter.stop().await;
    let line = format!("redirect_uri=\"{OTHER}\" reason=redirect_uri_mismatch");
    assert!(log.contains(&line), "{log}");
    for text in [&log, &page, &status, &told.to_string()] {
        assert!(!text.contains(CLIENT_SECRET), "{text}");
    }
}

#[tokio::test]
async fn a_restart_asks_nobody_and_a_change_asks_at_once() {
    let mut world = world(1).await;
    world.client = format!(", redirect_uris: [{URI}, {OTHER}]");
    let path = world.path("storage");
    let storage = ["--storage.path", path.to_str().unwrap()];
    let exporter = world.serve(&storage).await;
    exporter.until(&format!("{} 0", success("odoo", OTHER))).await;
    let before = client(&exporter, "odoo").await["consent"].clone();
    assert!(before["next_run"].is_string(), "{before}");
    exporter.stop().await;
    world.sim.world().forget_asked();
    let exporter = world.serve(&storage).await;
    exporter.until(&format!("{} 0", success("odoo", OTHER))).await;
    // The plan is the same, too, so that nothing is to come before it.
    assert_eq!(client(&exporter, "odoo").await["consent"], before);
    assert_eq!((count(&world, ASK), count(&world, BOGUS)), (0, 0));
    world.sim.world().register_redirect(CLIENT_ID, OTHER);
    world.client = format!(", redirect_uris: [{OTHER}]");
    world.config();
    exporter.signal("HUP").await;
    exporter.until(&format!("{} 1", success("odoo", OTHER))).await;
    exporter.until_gone("mailbox_client_failing{").await;
    exporter.until_gone(&success("odoo", URI)).await;
    assert_eq!((count(&world, ASK), count(&world, BOGUS)), (1, 1));
    let (_, log) = exporter.stop().await;
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn who_has_had_enough_is_left_alone_for_a_day_whatever_the_schedule() {
    let mut world = world(1).await;
    world.settings = "checks: {consent: {schedule: '* * * * *'}}\n".into();
    world.sim.world().fault(Fault::say("authorization.status_429").unwrap()).unwrap();
    let exporter = world.serve(&[]).await;
    exporter.until("mailbox_consent_unknown{client=\"odoo\"} 1").await;
    let page = exporter.metrics().await;
    let absent = [&*success("odoo", URI), "mailbox_consent_failing{", "mailbox_client_failing{"];
    for absent in absent {
        assert!(!page.contains(absent), "{absent}:\n{page}");
    }
    let consent = client(&exporter, "odoo").await["consent"].clone();
    let at = |key: &str| chrono::DateTime::parse_from_rfc3339(consent[key].as_str().unwrap());
    let pause = at("next_run").unwrap() - at("last_run").unwrap();
    assert!(pause >= chrono::TimeDelta::hours(22), "{consent}");
    assert_eq!((count(&world, ASK), count(&world, BOGUS)), (1, 0));
}

#[tokio::test]
async fn a_client_that_google_deleted_is_one_failure_and_is_asked_about_again_when_it_works() {
    let world = world(2).await;
    let state = |state| {
        world.sim.world().set_client(CLIENT_ID, |client| client.state = state);
    };
    state(gmail_sim::ClientState::Deleted);
    let exporter = world.serve(&[]).await;
    exporter.until(&format!("{} 0", success("odoo", URI))).await;
    exporter.until("mailbox_client_failing{").await;
    let page = exporter.metrics().await;
    let failing: Vec<_> =
        page.lines().filter(|line| line.starts_with("mailbox_client_failing{")).collect();
    assert_eq!(failing, [r#"mailbox_client_failing{client="odoo",reason="client_deleted"} 1"#]);
    state(gmail_sim::ClientState::Live);
    exporter.get("/probe?link=m0@example.com&check=token").await;
    exporter.get("/probe?link=m1@example.com&check=token").await;
    exporter.until(&format!("{} 1", success("odoo", URI))).await;
    exporter.until_gone("mailbox_consent_failing{").await;
}

#[tokio::test]
async fn where_it_is_switched_off_or_nothing_is_known_nobody_is_asked() {
    let mut world = world(1).await;
    let known = format!("mailbox_link_up{{link=\"{0}\",mailbox=\"{0}\"}} 1", "m0@example.com");
    for (client_keys, settings) in [
        (String::new(), ""),
        (format!(", redirect_uris: [{URI}]"), "checks: {consent: {enabled: false}}\n"),
    ] {
        world.client = client_keys;
        world.settings = settings.to_owned();
        let exporter = world.serve(&[]).await;
        exporter.until(&known).await;
        let told = client(&exporter, "odoo").await;
        assert_eq!(told["client_id"], CLIENT_ID, "{told}");
        // Nothing is planned, so nothing is to come.
        assert!(told["consent"]["next_run"].is_null(), "{told}");
        let (_, log) = exporter.stop().await;
        assert_eq!((count(&world, ASK), count(&world, BOGUS)), (0, 0), "{log}");
    }
}

#[tokio::test]
async fn an_odoos_own_redirect_uri_is_asked_about_and_what_would_be_right_is_said() {
    let mut world = world(1).await;
    let key = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2";
    let base_url = "http://shop.example.com:8069";
    let (odoo, token) = world.odoo("sales@example.com", base_url, key).await;
    world.write("api-key", key);
    world.settings = format!(
        "sources:\n  - odoo: {{name: shop, url: '{}', database: shop, login: bot, api_key: {{file: api-key}}}}\n",
        odoo.http_url(),
    );
    let exporter = world.serve(&[]).await;
    let sent = "http://shop.example.com:8069/google_gmail/confirm";
    exporter.until(&format!("{} 0", success("odoo/shop", sent))).await;
    let page = exporter.metrics().await;
    let failing = r#"mailbox_client_failing{client="odoo/shop",reason="redirect_uri_policy"} 1"#;
    assert!(page.contains(failing), "{page}");
    let right = "register https://shop.example.com/google_gmail/confirm, letter by letter";
    let told = client(&exporter, "odoo/shop").await;
    let uri = &told["consent"]["redirect_uris"][0];
    assert_eq!((&uri["redirect_uri"], &uri["from"]), (&json!(sent), &json!("odoo")), "{told}");
    assert_eq!(uri["breaks"], json!(["it is http, not https"]), "{told}");
    assert!(uri["advice"].as_str().unwrap().contains(right), "{told}");
    let status = exporter.get("/").await;
    assert!(status.contains(sent) && status.contains(right), "{status}");
    exporter.until(&format!("{} 1", success("odoo", URI))).await;
    assert_eq!((count(&world, ASK), count(&world, BOGUS)), (2, 2), "a client each");
    let (_, log) = exporter.stop().await;
    for secret in [key, &*token, CLIENT_SECRET] {
        assert!(!log.contains(secret) && !page.contains(secret), "{log}");
    }
    assert_eq!(odoo.writes(), []);
}
