//! What mailboxes send, as the serving exporter shows it: counted once, remembered, held against limits, refused.

use std::time::Duration;

use gmail_sim::{Folder, ImapAccess, Sent};
use mailbox_exporter::domain::clock::Clock;

use crate::support::World;

const A: &str = "a@example.com";

fn series(name: &str, labels: &str, value: u64) -> String {
    format!("mailbox_{name}{{mailbox=\"{A}\",{labels}}} {value}\n")
}

fn sent(of: &str, value: u64) -> String {
    series(&format!("sent_{of}"), "window=\"24h\"", value)
}

/// Messages of the last hours, each to one customer and one colleague.
fn send(world: &World, messages: u32) {
    let sent = Sent::to(&["c{n}@example.org", "boss@example.com"]);
    world.sim.world().put_sent(A, &sent.times(messages, Duration::from_secs(20)));
}

#[tokio::test]
async fn what_is_sent_is_counted_once_for_all_links_and_held_against_the_limits() {
    let mut world = World::start().await;
    let token = world.sim.world().add_account(A, super::support::CLIENT_ID);
    let other = world.sim.world().link(A, super::support::CLIENT_ID);
    world.watch(A, &token, ", direction: incoming, account: workspace");
    world.watch(A, &other, ", id: out, direction: outgoing, account: workspace");
    send(&world, 120);
    let exporter = world.serve(&[]).await;
    exporter.until(&sent("messages", 120)).await;
    let page = exporter.metrics().await;
    for line in [
        sent("recipients", 240),
        sent("external_recipients", 120),
        sent("unique_recipients", 121),
        sent("unique_external_recipients", 120),
        series("sent_own_messages", "window=\"24h\"", 0),
        series("sending_limit", "of=\"messages\"", 2000),
        series("sending_limit", "of=\"unique_external_recipients\"", 2000),
    ] {
        assert!(page.contains(&line), "{line}{page}");
    }
    // The other link runs none.
    exporter.until_count("mailbox_check_success{", "check=\"token\"} 1", 2).await;
    exporter.until_count("mailbox_check_success{", "check=\"capacity\"} 1", 1).await;
    // One sign-in by IMAP for both checks, and nothing opened for writing.
    let asked = world.asked_about(A);
    let count = |what: &str| asked.iter().filter(|asked| asked.starts_with(what)).count();
    assert_eq!((count("AUTHENTICATE"), count("SELECT"), count("EXAMINE")), (1, 0, 2), "{asked:#?}");
    assert!(world.sim.world().touched(A).is_empty());
    let told = exporter.get("/api/v1/links/out").await;
    assert!(told.contains(r#""messages":{"sent":120,"limit":2000}"#), "{told}");
    let page = exporter.get("/links/out").await;
    assert!(page.contains("120 of 2000"), "{page}");
}

#[tokio::test]
async fn a_count_outlives_a_restart_and_goes_on_where_it_was() {
    let mut world = World::start().await;
    world.mailbox(A);
    send(&world, 30);
    let storage = world.path("storage").display().to_string();
    let exporter = world.serve(&["--storage.path", &storage]).await;
    exporter.until(&sent("messages", 30)).await;
    assert_eq!(exporter.stop().await.0, Some(0));

    // What was seen counts for its day, also where its owner deletes it.
    world.sim.world().delete(A, Folder::Sent, |_| true);
    send(&world, 5);
    world.sim.world().forget_asked();
    let exporter = world.serve(&["--storage.path", &storage]).await;
    exporter.until(&sent("messages", 30)).await;
    let (status, body) = exporter.request("GET", &format!("/probe?link={A}&check=capacity")).await;
    assert_eq!(status, 200, "{body}");
    exporter.until(&sent("messages", 35)).await;
    let asked = world.asked_about(A);
    assert!(!asked.iter().any(|what| what.contains("SEARCH")), "{asked:#?}");
    let kept = std::fs::read(world.path("storage/mailbox_exporter.sqlite")).unwrap();
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("sendings") && !kept.contains("example.org"), "no recipient is kept");
}

#[tokio::test]
async fn near_its_limit_a_mailbox_is_named_with_the_time_when_it_is_met() {
    let mut world = World::start().await;
    world.mailbox_with(A, ", account: personal");
    send(&world, 420);
    let exporter = world.serve(&[]).await;
    exporter.until(&sent("messages", 420)).await;
    let page = exporter.metrics().await;
    let start = format!(
        "mailbox_sending_limit_expected_timestamp_seconds{{mailbox=\"{A}\",of=\"messages\"}} "
    );
    let at =
        page.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{page}"));
    let now = Clock::System.now().as_secs_f64();
    // 420 in the last six hours are 70 an hour; 80 more are allowed.
    let hours = (at.parse::<f64>().unwrap() - now) / 3600.0;
    assert!((0.9..1.3).contains(&hours), "{hours}");
    let status = exporter.get("/").await;
    assert!(
        status.contains("a@example.com has sent 420 of 500 messages within a day; at this pace"),
        "{status}"
    );
}

#[tokio::test]
async fn what_cannot_be_counted_is_told_and_fails_no_link_that_works() {
    let mut world = World::start().await;
    world.mailbox_with(A, ", direction: outgoing");
    world.mailbox_with("hidden@example.com", ", direction: outgoing");
    world.sim.world().set(A, |account| account.imap = ImapAccess::OffForDomain);
    world.sim.world().set("hidden@example.com", |account| {
        account.hidden_folders.push(Folder::Sent);
    });
    let exporter = world.serve(&[]).await;
    exporter.until(&series("sent_uncounted", "because=\"imap_disabled_domain\"", 1)).await;
    exporter
        .until("mailbox_sent_uncounted{mailbox=\"hidden@example.com\",because=\"folder_hidden\"} 1")
        .await;
    exporter.until("mailbox_link_up{link=\"a@example.com\",mailbox=\"a@example.com\"} 1").await;
    let page = exporter.metrics().await;
    assert!(!page.contains("mailbox_sent_messages{"), "{page}");
    let link = exporter.get("/links/hidden@example.com").await;
    assert!(link.contains("Show in IMAP"), "{link}");
}

#[tokio::test]
async fn a_mailbox_that_may_send_no_more_is_marked_until_that_is_over() {
    let mut world = World::start().await;
    world.mailbox(A);
    world.sim.world().set(A, |account| {
        account.sends_per_day = Some(10);
        account.sending_limit_at = gmail_sim::LimitAt::Rcpt;
    });
    send(&world, 10);
    let exporter = world.serve(&[]).await;
    exporter.until(&series("sending_exhausted", "reason=\"send_quota_user\"", 1)).await;
    exporter.until("reason=\"send_quota_user\",class=\"quota\"} 1").await;
    let status = exporter.get("/").await;
    assert!(status.contains("Google refuses to send more"), "{status}");

    world.sim.world().advance(Duration::from_secs(25 * 3600));
    let (code, _) = exporter.request("GET", &format!("/probe?link={A}&check=smtp")).await;
    assert_eq!(code, 200);
    exporter.until_gone("mailbox_sending_exhausted{").await;
}
