//! IMAP sessions that are kept: had, counted by what ended them, had again gently, and given back.

use std::time::Duration;

use crate::support::{Exporter, World};

const A: &str = "a@example.com";
const SITS: &str = "mailbox_imap_session_started_timestamp_seconds{mailbox=\"a@example.com\"}";

fn ended(how: &str, times: usize) -> String {
    format!("mailbox_imap_sessions_total{{mailbox=\"{A}\",ended=\"{how}\"}} {times}\n")
}

/// A mailbox whose session is kept, and nothing else looked at by IMAP.
async fn keeping(session: &str) -> World {
    let mut world = World::start().await;
    world.mailbox(A);
    world.settings = format!(
        "checks:\n  imap: {{enabled: false}}\n  capacity: {{enabled: false}}\n  session: {{enabled: true{session}}}\n"
    );
    world
}

/// Waits until a session is kept and nothing else is open.
async fn seated(world: &World, exporter: &Exporter) {
    exporter.until(SITS).await;
    world.until(|_| world.sim.world().sessions(A) == 1).await;
}

#[tokio::test]
async fn a_session_is_kept_counted_by_what_ended_it_and_had_again() {
    let world = keeping("").await;
    let exporter = world.serve(&[]).await;
    seated(&world, &exporter).await;
    exporter.until("mailbox_check_success{link=\"a@example.com\",mailbox=\"a@example.com\",check=\"session\"} 1").await;

    world.sim.world().say_to_sessions(A, "* BYE Session expired, please login again.");
    exporter.until(&ended("expired", 1)).await;
    seated(&world, &exporter).await;
    let asked = world.asked_about(A);
    let signed_in = asked.iter().filter(|what| what.starts_with("AUTHENTICATE")).count();
    assert!(signed_in >= 2, "{asked:#?}");

    world.sim.world().drop_sessions(A);
    exporter.until(&ended("dropped", 1)).await;
    seated(&world, &exporter).await;
    world.sim.world().say_to_sessions(A, "* BYE System Error");
    exporter.until(&ended("bye", 1)).await;
    exporter.until("mailbox_imap_notices_total{mailbox=\"a@example.com\",notice=\"bye\"} 2").await;
    seated(&world, &exporter).await;
    let page = exporter.get("/links/a@example.com").await;
    assert!(page.contains("IMAP session kept"), "{page}");
    assert!(page.contains("bye") && page.contains("System Error"), "{page}");
    assert!(exporter.metrics().await.contains("mailbox_imap_session_duration_seconds{"));

    let (code, said) = exporter.stop().await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.sim.world().sessions(A), 0);
    let asked = world.asked_about(A);
    let left = asked.windows(3).any(|said| said == ["DONE", "LOGOUT", "ended: logout"]);
    assert!(left, "{asked:#?}");
}

#[tokio::test]
async fn sessions_that_end_within_minutes_again_and_again_are_a_failure_until_one_lasts() {
    let world = keeping("").await;
    let exporter = world.serve(&[]).await;
    for times in 1..=3 {
        seated(&world, &exporter).await;
        world.sim.world().drop_sessions(A);
        exporter.until(&ended("dropped", times)).await;
    }
    let failing = "mailbox_failing{link=\"a@example.com\",mailbox=\"a@example.com\",check=\"session\",reason=\"imap_session_short\",class=\"network\"} 1";
    exporter.until(failing).await;
    // That there is one again says nothing of how long it lasts.
    seated(&world, &exporter).await;
    assert!(exporter.metrics().await.contains(failing));
}

#[tokio::test]
async fn a_session_that_cannot_be_had_is_a_failure_and_is_not_asked_for_again_at_once() {
    let world = keeping("").await;
    world.sim.world().set(A, |account| account.imap_sessions = 0);
    let exporter = world.serve(&[]).await;
    exporter
        .until("check=\"session\",reason=\"imap_too_many_connections\",class=\"throttled\"} 1")
        .await;
    exporter.until("mailbox_imap_notices_total{mailbox=\"a@example.com\",notice=\"too_many_connections\"} 1").await;
    assert!(!exporter.metrics().await.contains(SITS));
    let page = exporter.metrics().await;
    let next = page.lines().find(|line| {
        line.starts_with("mailbox_check_next_run_timestamp_seconds{")
            && line.contains("check=\"session\"")
    });
    let seconds = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    let last = page.lines().find(|line| {
        line.starts_with("mailbox_check_last_run_timestamp_seconds{")
            && line.contains("check=\"session\"")
    });
    let pause = seconds(next.unwrap()) - seconds(last.unwrap());
    assert!(pause >= 3600.0, "{pause}");
}

#[tokio::test]
async fn spare_sessions_say_how_much_room_there_is_and_go_at_once() {
    let world = keeping(", spare_sessions: 3").await;
    // One is kept, so there is room for two more.
    world.sim.world().set(A, |account| account.imap_sessions = 3);
    let exporter = world.serve(&[]).await;
    exporter.until("mailbox_imap_spare_sessions{mailbox=\"a@example.com\"} 2").await;
    exporter.until("mailbox_imap_spare_sessions_asked{mailbox=\"a@example.com\"} 3").await;
    seated(&world, &exporter).await;
    let page = exporter.metrics().await;
    assert!(page.contains("check=\"session\"} 1"), "{page}");
    let refused =
        "mailbox_imap_notices_total{mailbox=\"a@example.com\",notice=\"too_many_connections\"} 1";
    assert!(page.contains(refused), "{page}");
    let asked = world.asked_about(A);
    let left = asked.iter().filter(|what| *what == "LOGOUT").count();
    // The one that was refused says good-bye, too.
    assert_eq!(left, 3, "{asked:#?}");

    // The next one that is kept asks for no spare ones: their time has not come.
    world.sim.world().drop_sessions(A);
    exporter.until(&ended("dropped", 1)).await;
    seated(&world, &exporter).await;
    let again = world.asked_about(A).iter().filter(|what| *what == "LOGOUT").count();
    assert_eq!(again, 3);
}

#[tokio::test]
async fn spare_sessions_that_nobody_asks_for_any_more_are_not_told() {
    let mut world = keeping(", spare_sessions: 1").await;
    let exporter = world.serve(&["--web.enable-lifecycle"]).await;
    exporter.until("mailbox_imap_spare_sessions{mailbox=\"a@example.com\"} 1").await;
    world.settings = world.settings.replace("spare_sessions: 1", "spare_sessions: 0");
    world.config();
    let (status, said) = exporter.post("/-/reload").await;
    assert_eq!(status, 200, "{said}");
    exporter.until_gone("mailbox_imap_spare_sessions").await;
}

#[tokio::test]
async fn two_links_of_a_mailbox_keep_one_session_and_it_goes_with_the_last() {
    let mut world = keeping("").await;
    let token = world.sim.world().link(A, super::support::CLIENT_ID);
    world.watch(A, &token, ", id: second, direction: outgoing");
    let exporter = world.serve(&[]).await;
    seated(&world, &exporter).await;
    exporter.until_count("mailbox_check_success{", "check=\"token\"} 1", 2).await;
    world.until(|_| world.sim.world().sessions(A) == 1).await;
    exporter.until_count("mailbox_check_success{", "check=\"session\"} 1", 1).await;

    // The link that keeps it goes: the other one takes over.
    world.forget(0);
    world.config();
    exporter.signal("HUP").await;
    exporter.until(&ended("closed", 1)).await;
    seated(&world, &exporter).await;
    exporter
        .until(
            "mailbox_check_success{link=\"second\",mailbox=\"a@example.com\",check=\"session\"} 1",
        )
        .await;
}

#[tokio::test]
async fn mail_that_arrives_ends_no_session_and_bytes_are_counted() {
    let world = keeping("").await;
    let exporter = world.serve(&[]).await;
    seated(&world, &exporter).await;
    let bytes = async |direction: &str| {
        let start =
            format!("mailbox_imap_bytes_total{{mailbox=\"{A}\",direction=\"{direction}\"}} ");
        let page = exporter.metrics().await;
        let series = page.lines().find_map(|line| line.strip_prefix(&start));
        series.map_or(0.0, |value| value.parse::<f64>().unwrap())
    };
    let (down, up) = (bytes("down").await, bytes("up").await);
    assert!(down > 300.0 && up > 100.0, "{down} {up}");
    for _ in 0..20 {
        world.sim.world().say_to_sessions(A, "* 1 EXISTS");
    }
    world.sim.world().advance(Duration::from_secs(60));
    world.sim.world().say_to_sessions(A, "* BYE System Error");
    exporter.until(&ended("bye", 1)).await;
    assert!(bytes("down").await >= down + 240.0);
    // One IDLE, whatever arrived meanwhile.
    let asked = world.asked_about(A);
    let idles = asked.iter().filter(|what| *what == "IDLE").count();
    assert!(idles <= 2, "{asked:#?}");
}

#[tokio::test]
async fn what_the_imap_check_has_met_is_no_second_failure_and_is_made_up_for_when_it_is_over() {
    let mut world = World::start().await;
    world.mailbox(A);
    world.settings = "checks: {session: {enabled: true}}\n".into();
    world.sim.world().set(A, |account| account.imap = gmail_sim::ImapAccess::OffForDomain);
    let exporter = world.serve(&[]).await;
    exporter.until("check=\"imap\",reason=\"imap_disabled_domain\",class=\"policy\"} 1").await;
    let page = exporter.metrics().await;
    let failing = page.lines().filter(|line| line.starts_with("mailbox_failing{"));
    assert_eq!(failing.count(), 1, "{page}");
    let told = exporter.get("/api/v1/links/a@example.com").await;
    assert!(
        told.contains(r#""check":"session","verdict":"skip","reason":"imap_disabled_domain""#),
        "{told}"
    );

    world.sim.world().set(A, |account| account.imap = gmail_sim::ImapAccess::On);
    let (code, _) = exporter.request("GET", &format!("/probe?link={A}&check=imap")).await;
    assert_eq!(code, 200);
    seated(&world, &exporter).await;
    exporter.until("mailbox_sent_messages{").await;
}
