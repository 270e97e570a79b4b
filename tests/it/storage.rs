//! What outlives the exporter, and what becomes of a place where nothing can be kept.

use std::{fs, time::Duration};

use mailbox_exporter::domain::clock;

use crate::support::{Exporter, World};

/// A mailbox that works and one whose grant is dead, examined at the start and then once a year.
async fn world() -> World {
    let mut world = World::start().await;
    world.mailbox("fine@example.com").mailbox("dead@example.com");
    world.sim.world().revoke_all("dead@example.com");
    world.settings = "checks: {token: {schedule: '@yearly'}, smtp: {schedule: '@yearly'}, imap: {schedule: '@yearly'}}\n".into();
    world
}

async fn serve(world: &World) -> Exporter {
    let path = world.path("storage");
    let exporter = world.serve(&["--storage.path", path.to_str().unwrap()]).await;
    let link =
        |address: &str| format!(r#"mailbox_link_up{{link="{address}",mailbox="{address}"}}"#);
    exporter.until(&format!("{} 1", link("fine@example.com"))).await;
    exporter.until(&format!("{} 0", link("dead@example.com"))).await;
    exporter
}

/// Of the links, without what an exporter counts of itself.
async fn known(exporter: &Exporter) -> Vec<String> {
    let page = exporter.metrics().await;
    let own = ["mailbox_exporter_", "mailbox_check_phase_duration", "mailbox_access_token_expiry"];
    page.lines()
        .filter(|line| line.starts_with("mailbox_") && !own.iter().any(|own| line.starts_with(own)))
        .map(str::to_owned)
        .collect()
}

fn assert_same(now: &[String], before: &[String]) {
    let of = |these: &[String], others: &[String]| -> Vec<_> {
        these.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    let (news, lost) = (of(now, before), of(before, now));
    assert!(news.is_empty() && lost.is_empty(), "{news:#?} instead of {lost:#?}");
}

fn asked(world: &World) -> Vec<String> {
    let asked = world.sim.world().asked().into_iter().map(|asked| asked.what);
    asked.filter(|what| !what.starts_with("ended: ")).collect()
}

/// Waits until the file, or what SQLite keeps beside it, holds these words.
pub(crate) async fn written(world: &World, words: &str) {
    let deadline = clock::instant() + Duration::from_secs(60);
    loop {
        let files = fs::read_dir(world.path("storage")).unwrap();
        let read = |entry: Result<fs::DirEntry, _>| fs::read(entry.unwrap().path()).unwrap();
        let bytes: Vec<_> = files.flat_map(read).collect();
        if bytes.windows(words.len()).any(|window| window == words.as_bytes()) {
            return;
        }
        assert!(clock::instant() < deadline, "{words} was not written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_restart_forgets_nothing_blanks_nothing_and_asks_nobody() {
    let world = world().await;
    let exporter = serve(&world).await;
    let before = known(&exporter).await;
    let count = r#"mailbox_checks_total{link="dead@example.com",mailbox="dead@example.com",check="token"} 1"#;
    assert!(before.iter().any(|line| line == count), "{before:#?}");
    assert!(before.iter().any(|line| line.starts_with("mailbox_failing{")), "{before:#?}");
    exporter.stop().await;
    for _ in 0..2 {
        world.sim.world().forget_asked();
        let exporter = serve(&world).await;
        assert_same(&known(&exporter).await, &before);
        let page = exporter.get("/links/dead@example.com").await;
        assert!(page.contains("Token has been expired or revoked"), "{page}");
        assert_eq!(asked(&world), Vec::<String>::new());
        let (code, said) = exporter.stop().await;
        assert_eq!(code, Some(0), "{said}");
    }
}

#[tokio::test]
async fn a_process_that_is_killed_loses_only_its_last_seconds() {
    let world = world().await;
    let exporter = serve(&world).await;
    written(&world, "grant_revoked_or_expired").await;
    exporter.get("/probe?link=fine@example.com&check=token").await;
    exporter.get("/probe?link=fine@example.com&check=token").await;
    written(&world, r#""runs":3"#).await;
    let before = known(&exporter).await;
    exporter.kill().await;
    world.sim.world().forget_asked();
    let exporter = serve(&world).await;
    assert_same(&known(&exporter).await, &before);
    assert_eq!(asked(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_link_whose_token_changed_meanwhile_is_probed_at_once() {
    let world = world().await;
    serve(&world).await.stop().await;
    let token = world.sim.world().link("dead@example.com", crate::support::CLIENT_ID);
    world.write("token-1", &token);
    let path = world.path("storage");
    let exporter = world.serve(&["--storage.path", path.to_str().unwrap()]).await;
    let up = r#"mailbox_link_up{link="dead@example.com",mailbox="dead@example.com"} 1"#;
    exporter.until(up).await;
    let page = exporter.metrics().await;
    let failed = r#"mailbox_check_failures_total{link="dead@example.com",mailbox="dead@example.com",check="token",reason="grant_revoked_or_expired"} 1"#;
    assert!(page.contains(failed), "what was counted is counted: {page}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_said_and_monitoring_goes_on() {
    let world = world().await;
    world.write("storage", "a file stands where the directory should be");
    let exporter = serve(&world).await;
    exporter.until("mailbox_exporter_storage_up 0").await;
    let (code, said) = exporter.stop().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the storage cannot be used and is left as it is"), "{said}");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_everything_begins_anew() {
    let world = world().await;
    serve(&world).await.stop().await;
    let file = world.path("storage").join("mailbox_exporter.sqlite");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2 + 1000]).unwrap();
    let exporter = serve(&world).await;
    exporter.until("mailbox_exporter_storage_up 1").await;
    let (_, said) = exporter.stop().await;
    assert!(said.contains("the storage is damaged: it was set aside"), "{said}");
    let names = fs::read_dir(world.path("storage")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the damaged one and a new one: {names:?}");
}

#[tokio::test]
async fn the_end_of_a_consent_in_testing_is_told_ahead() {
    let mut world = World::start().await;
    world.client = ", publishing_status: testing".into();
    let today = clock::Clock::System.now();
    let day = Duration::from_secs(86_400);
    world.mailbox_with("a@example.com", &format!(", linked_at: \"{}\"", today - day));
    let exporter = world.serve(&[]).await;
    let series = |name: &str, basis: &str| {
        format!(
            r#"mailbox_refresh_token_{name}{{link="a@example.com",mailbox="a@example.com"{basis}}} "#
        )
    };
    let basis = r#",basis="testing_mode""#;
    exporter.until(&format!("{}604800", series("lifetime_seconds", basis))).await;
    let ends = (today - day).as_secs_f64().floor() + 604_800.0;
    exporter.until(&format!("{}{ends}", series("expiry_timestamp_seconds", basis))).await;
    exporter.until(&series("expiry_timestamp_seconds", r#",basis="idle""#)).await;
    exporter.until(&series("first_seen_timestamp_seconds", "")).await;
    let page = exporter.get("/links/a@example.com").await;
    assert!(page.contains("at the latest, since the app is in Testing"), "{page}");
    let output = world.run(&["check"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Refresh token ends: "), "{said}");
}

#[tokio::test]
async fn without_a_path_nothing_is_written_and_nothing_is_said_of_it() {
    let world = world().await;
    let exporter = world.serve(&[]).await;
    exporter.until("mailbox_exporter_links 2").await;
    assert!(!exporter.metrics().await.contains("mailbox_exporter_storage_up"));
}
