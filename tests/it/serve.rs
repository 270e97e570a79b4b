//! The exporter serving: scrapes, probes, reloads, and its end.

use std::time::Duration;

use gmail_sim::{At, Fault, Service, What};

use crate::support::{CLIENT_SECRET, World};

#[tokio::test]
async fn every_link_is_probed_soon_after_the_start() {
    let mut world = World::start().await;
    world.mailbox("fine@example.com").mailbox("dead@example.com");
    world.sim.world().revoke_all("dead@example.com");
    let exporter = world.serve(&[]).await;
    exporter
        .until(r#"mailbox_link_up{link="fine@example.com",mailbox="fine@example.com"} 1"#)
        .await;
    exporter
        .until(r#"mailbox_link_up{link="dead@example.com",mailbox="dead@example.com"} 0"#)
        .await;
    let page = exporter.metrics().await;
    let failing = r#"mailbox_failing{link="dead@example.com",mailbox="dead@example.com",check="token",reason="grant_revoked_or_expired",class="relink"} 1"#;
    assert!(page.contains(failing), "{page}");
    let skipped =
        r#"mailbox_check_success{link="dead@example.com",mailbox="dead@example.com",check="smtp"}"#;
    assert!(!page.contains(skipped), "a skipped check has neither success nor failure");
    let status = exporter.get("/").await;
    assert!(status.contains("grant_revoked_or_expired"), "{status}");
    assert!(status.contains("Link the mailbox again"), "{status}");
}

#[tokio::test]
async fn a_cached_token_that_is_refused_is_replaced_once_and_the_link_stays_up() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
    world.sim.world().expire_access_tokens("a@example.com");
    world.sim.world().forget_asked();
    let probed = exporter.get("/probe?link=a@example.com&check=imap").await;
    assert!(probed.contains("probe_success 1"), "{probed}");
    let asked = world.asked_about("a@example.com");
    assert_eq!(
        asked.iter().filter(|what| what.starts_with("POST /token ")).count(),
        1,
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_grant_that_died_is_met_by_any_check_and_blamed_on_the_token() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
    world.sim.world().revoke_all("a@example.com");
    exporter.get("/probe?link=a@example.com&check=smtp").await;
    exporter.until(r#"check="token",reason="grant_revoked_or_expired""#).await;
    let page = exporter.metrics().await;
    let smtp =
        page.lines().find(|line| line.starts_with("mailbox_failing") && line.contains("smtp"));
    assert_eq!(smtp, None, "one root cause, one failure");
}

#[tokio::test]
async fn a_new_token_in_the_file_is_noticed_and_probed_without_a_reload() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.sim.world().revoke_all("a@example.com");
    let exporter = world.serve(&[]).await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 0"#).await;
    let token = world.sim.world().link("a@example.com", crate::support::CLIENT_ID);
    world.write("token-0", &token);
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
}

#[tokio::test]
async fn a_reload_adds_and_removes_links_and_leaves_the_others_alone() {
    let mut world = World::start().await;
    world.mailbox("stays@example.com").mailbox("goes@example.com");
    let exporter = world.serve(&["--web.enable-lifecycle"]).await;
    let up = |link: &str| format!("mailbox_link_up{{link=\"{link}\",mailbox=\"{link}\"}} 1");
    exporter.until(&up("stays@example.com")).await;
    exporter.until(&up("goes@example.com")).await;
    world.sim.world().forget_asked();
    world.forget(1);
    world.mailbox("comes@example.com");
    world.config();
    let (status, said) = exporter.post("/-/reload").await;
    assert_eq!(status, 200, "{said}");
    exporter.until(&up("comes@example.com")).await;
    let page = exporter.metrics().await;
    assert!(!page.contains("goes@example.com"), "{page}");
    let count = r#"mailbox_checks_total{link="stays@example.com",mailbox="stays@example.com",check="imap"} 1"#;
    assert!(page.contains(count), "its counters stay: {page}");
    let mut asked = world.asked_about("stays@example.com");
    asked.retain(|what| !what.starts_with("ended: "));
    assert!(asked.is_empty(), "it is not asked again: {asked:?}");
}

#[tokio::test]
async fn a_faulty_file_changes_nothing_and_says_so() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let exporter = world.serve(&["--web.enable-lifecycle"]).await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
    world.settings = "checkz: {}\n".into();
    world.config();
    let (status, said) = exporter.post("/-/reload").await;
    assert_eq!(status, 500);
    assert!(said.contains("config.yaml:") && said.contains("checkz"), "{said}");
    let page = exporter.metrics().await;
    assert!(page.contains("mailbox_exporter_config_last_reload_successful 0"), "{page}");
    assert!(page.contains(r#"mailbox_link_up{link="a@example.com""#), "{page}");
    world.settings.clear();
    world.config();
    exporter.signal("HUP").await;
    exporter.until("mailbox_exporter_config_last_reload_successful 1").await;
}

#[tokio::test]
async fn it_stops_on_sigterm_with_every_session_logged_out() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let slow = Fault::new(Service::Imap, At::Examine, What::Delay(1000)).of("a@example.com");
    world.sim.world().fault(slow).unwrap();
    let exporter = world.serve(&[]).await;
    world.until(|asked| asked.iter().any(|what| what.contains("EXAMINE"))).await;
    let (code, said) = exporter.stop().await;
    assert_eq!(code, Some(0), "{said}");
    world.until(|asked| asked.iter().any(|what| what.contains("LOGOUT"))).await;
    assert!(!said.contains("did not end in time"), "{said}");
}

#[tokio::test]
async fn a_probe_that_is_asked_for_nonsense_is_refused_with_a_sentence() {
    let mut world = World::start().await;
    world.mailbox_with("a@example.com", ", direction: incoming");
    let exporter = world.serve(&[]).await;
    for (path, status) in [
        ("/probe?link=b@example.com", 404),
        ("/probe?link=a@example.com&check=pop", 400),
        ("/probe", 400),
        ("/nowhere", 404),
    ] {
        let (got, said) = exporter.request("GET", path).await;
        assert_eq!(got, status, "{path}: {said}");
        assert!(said.len() > 10, "{path}: {said}");
    }
    assert_eq!(
        exporter.request("POST", "/-/reload").await.0,
        403,
        "only with --web.enable-lifecycle"
    );
    assert_eq!(exporter.request("GET", "/-/healthy").await.0, 200);
    assert_eq!(exporter.request("GET", "/-/ready").await.0, 200);
}

#[tokio::test]
async fn no_secret_is_in_any_page_metric_or_log() {
    let mut world = World::start().await;
    world.mailbox("a@example.com").mailbox("liar@example.com");
    for service in [Service::Smtp, Service::Imap] {
        let lie = Fault::new(service, At::Auth, What::EchoCredentials).of("liar@example.com");
        world.sim.world().fault(lie).unwrap();
    }
    let exporter = world.serve(&["--log.level", "debug"]).await;
    exporter
        .until(r#"mailbox_link_up{link="liar@example.com",mailbox="liar@example.com"} 0"#)
        .await;
    exporter.until(r#"mailbox_link_up{link="a@example.com",mailbox="a@example.com"} 1"#).await;
    let mut said = String::new();
    for path in [
        "/",
        "/metrics",
        "/config",
        "/sd",
        "/api/v1/links",
        "/links/liar@example.com",
        "/links/a@example.com",
        "/api/v1/links/liar@example.com",
        "/probe?link=liar@example.com",
    ] {
        said += &exporter.get(path).await;
    }
    let mut secrets = vec![CLIENT_SECRET.to_owned(), "ya29.".to_owned(), "dXNlcj1".to_owned()];
    for address in ["a@example.com", "liar@example.com"] {
        secrets.extend(world.sim.world().refresh_tokens(address));
    }
    let (_, log) = exporter.stop().await;
    said += &log;
    assert!(said.contains("/links/liar@example.com"));
    for secret in secrets {
        assert!(!said.contains(&secret), "{secret} is in {said}");
    }
}

#[tokio::test]
async fn a_directory_of_files_is_watched_and_a_faulty_file_stops_nobody() {
    let mut world = World::start().await;
    world.mailbox("main@example.com");
    let token = world.sim.world().add_account("extra@example.com", crate::support::CLIENT_ID);
    world.write("extra-token", &token);
    std::fs::create_dir(world.path("more.d")).unwrap();
    world.settings = "sources: [{directory: more.d}]\n".into();
    let exporter = world.serve(&[]).await;
    exporter
        .until(r#"mailbox_link_up{link="main@example.com",mailbox="main@example.com"} 1"#)
        .await;
    world.write("more.d/faulty.yaml", "mailboxes: [{addres: x}]\n");
    exporter.until(r#"mailbox_exporter_source_up{source="more.d"} 0"#).await;
    world.write(
        "more.d/extra.yaml",
        "mailboxes: [{address: extra@example.com, refresh_token: {file: ../extra-token}}]\n",
    );
    exporter
        .until(r#"mailbox_link_up{link="extra@example.com",mailbox="extra@example.com"} 1"#)
        .await;
    std::fs::remove_file(world.path("more.d/extra.yaml")).unwrap();
    exporter.until_gone("extra@example.com").await;
    assert!(exporter.metrics().await.contains("main@example.com"));
    tokio::time::timeout(Duration::from_secs(30), exporter.stop()).await.unwrap();
}

#[tokio::test]
async fn a_refused_client_is_one_failure_and_one_link_asks_for_all() {
    let mut world = World::start().await;
    for number in 0..100 {
        world.mailbox(&format!("m{number}@example.com"));
    }
    let exporter = world.serve(&[]).await;
    exporter.until_count("mailbox_link_up{", "} 1", 100).await;
    let secret = "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ured";
    let client = crate::support::CLIENT_ID;
    world.sim.world().set_client(client, |client| client.secret = secret.into());
    world.sim.world().forget_asked();
    // A person asks; then the link's own schedule goes on asking for all.
    exporter.get("/probe?link=m7@example.com&check=token").await;
    let refused = r#"mailbox_client_failing{client="odoo",reason="client_secret_invalid"} 1"#;
    exporter.until(refused).await;
    let path = "/probe?link=m8@example.com&check=token";
    assert!(exporter.get(path).await.contains("probe_success 0"));
    let page = exporter.metrics().await;
    let failing: Vec<_> =
        page.lines().filter(|line| line.starts_with("mailbox_failing{")).collect();
    assert_eq!(failing.len(), 1, "{failing:?}");
    assert!(failing[0].contains("m7@example.com"), "{failing:?}");
    // The wrong secret is configured, so that every link has changed and is due.
    world.write("client-secret", "GOCSPX-another-wrong-one");
    world.sim.world().forget_asked();
    exporter.until_count("mailbox_link_up{", "} 0", 100).await;
    let page = exporter.metrics().await;
    assert!(page.contains(refused), "{page}");
    let asked = world.sim.world().asked();
    let asked = asked.iter().filter(|asked| asked.what.starts_with("POST /token")).count();
    assert!(asked < 50, "{asked} of 100 asked, though the first was refused");
    world.write("client-secret", secret);
    exporter.until_count("mailbox_link_up{", "} 1", 100).await;
    exporter.until_gone("mailbox_client_failing{").await;
}
