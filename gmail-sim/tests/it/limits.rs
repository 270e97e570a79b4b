//! Google's limits, by the simulator's clock.

use std::time::Duration;

use gmail_sim::{Folder, Kind};

use crate::support::{ADDRESS, CLIENT, Stage, sasl};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn the_daily_limit_is_said_at_data_and_clears_after_a_rolling_day() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.kind = Kind::Personal);
    stage.world.count_as_sent(ADDRESS, 499);
    let mut wire = stage.submission().await;
    let mut replies = Vec::new();
    for _ in 0..2 {
        wire.smtp("MAIL FROM:<sales@example.com>").await;
        wire.smtp("RCPT TO:<a@elsewhere.example>").await;
        let reply = wire.smtp("DATA").await;
        if reply.starts_with("354") {
            wire.smtp("Subject: x\r\n\r\n.").await;
        } else {
            wire.smtp("RSET").await;
        }
        replies.push(reply);
    }
    assert!(replies[0].starts_with("354 "));
    assert!(replies[1].starts_with("550-5.4.5 Daily user sending limit exceeded."), "{replies:?}");
    assert_eq!(stage.world.messages(ADDRESS, Folder::Sent).len(), 1);
    stage.world.advance(DAY);
    wire.smtp("MAIL FROM:<sales@example.com>").await;
    wire.smtp("RCPT TO:<a@elsewhere.example>").await;
    assert!(wire.smtp("DATA").await.starts_with("354 "));
}

#[tokio::test]
async fn too_many_smtp_sign_ins_are_refused_until_the_window_moved_on() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.sign_ins_per_ten_minutes = 1);
    stage.submission().await;
    let token = stage.access_token().await;
    let mut wire = stage.smtp().await;
    let sign_in = format!("AUTH XOAUTH2 {}", sasl(ADDRESS, &token));
    let refused = "454 4.7.0 Too many login attempts, please try again later.";
    assert_eq!(wire.smtp(&sign_in).await, refused);
    stage.world.advance(Duration::from_secs(601));
    assert_eq!(wire.smtp(&sign_in).await, "235 2.7.0 Accepted");
}

#[tokio::test]
async fn bandwidth_runs_low_and_then_out() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.imap_bytes_per_day = 1000);
    let mut wire = stage.signed_in().await;
    assert_eq!(wire.imap("NOOP").await, "T2 OK Success\r\n");
    stage.world.count_imap_bytes(ADDRESS, 950);
    assert_eq!(wire.imap("NOOP").await, "T3 OK Success [THROTTLED]\r\n");
    stage.world.count_imap_bytes(ADDRESS, 50);
    let bye = "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n";
    assert_eq!(wire.imap("NOOP").await, bye);
    stage.world.advance(DAY);
    stage.signed_in().await;
}

#[tokio::test]
async fn access_tokens_end_by_the_clock_or_by_hand_and_refreshing_goes_on() {
    let stage = Stage::set().await;
    let url = stage.at().tokeninfo_url.clone();
    let alive = async |token: &str| {
        let head = "GET PATH HTTP/1.1\r\nHost: localhost\r\n";
        stage.https(&format!("{url}?access_token={token}"), head, "").await.0 == 200
    };
    let first = stage.access_token().await;
    stage.world.advance(Duration::from_secs(3590));
    assert!(alive(&first).await);
    stage.world.advance(Duration::from_secs(10));
    assert!(!alive(&first).await);
    let second = stage.access_token().await;
    stage.world.expire_access_tokens(ADDRESS);
    assert!(!alive(&second).await);
    assert!(alive(&stage.access_token().await).await);
}

#[tokio::test]
async fn refresh_tokens_end_after_a_week_in_testing_six_idle_months_or_a_hundred_others() {
    let stage = Stage::set().await;
    stage.world.set_client("testing", |client| {
        client.testing = true;
        client.secret = "t".to_owned();
    });
    let tested = stage.world.link(ADDRESS, "testing");
    let status = async |client: &str, secret: &str, token: &str| {
        stage.refresh_as(client, secret, token).await.0
    };
    stage.world.advance(DAY * 6);
    assert_eq!(status("testing", "t", &tested).await, 200);
    stage.world.advance(DAY);
    assert_eq!(status("testing", "t", &tested).await, 400);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 200);
    stage.world.advance(DAY * 179);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 200);
    stage.world.advance(DAY * 181);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 400);
    let oldest = stage.world.link(ADDRESS, CLIENT);
    for _ in 0..99 {
        stage.world.link(ADDRESS, CLIENT);
    }
    stage.world.revoke(&stage.refresh_token);
    assert!(stage.world.refresh_tokens(ADDRESS).contains(&oldest));
    stage.world.link(ADDRESS, CLIENT);
    assert!(!stage.world.refresh_tokens(ADDRESS).contains(&oldest));
    assert_eq!(stage.world.refresh_tokens(ADDRESS).len(), 100);
}

#[tokio::test]
async fn what_an_account_says_about_its_refresh_token_is_passed_on() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| {
        account.refresh_token_expires_in = Some(604_799);
        account.access_token_life = 120;
    });
    let (_, body) = stage.refresh(&stage.refresh_token).await;
    assert_eq!(
        (&body["refresh_token_expires_in"], &body["expires_in"]),
        (&604_799.into(), &120.into())
    );
}
