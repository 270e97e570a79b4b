//! Many mailboxes at once.

use std::time::Duration;

use gmail_sim::{Folder, Sent};
use tokio::task::JoinSet;

use crate::support::{ADDRESS, CLIENT, Stage, sasl, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_mailboxes_and_three_hundred_sessions_live_side_by_side() {
    let stage = std::sync::Arc::new(Stage::set().await);
    let address = |number: usize| format!("m{number}@many.example");
    let tokens: Vec<String> =
        (0..2000).map(|number| stage.world.add_account(&address(number), CLIENT)).collect();
    let mut tasks = JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate().step_by(7).take(300) {
        let stage = std::sync::Arc::clone(&stage);
        tasks.spawn(async move {
            let (_, body) = stage.refresh(&token).await;
            let access = body["access_token"].as_str().unwrap().to_owned();
            let mut wire = stage.imap().await;
            let login = format!("AUTHENTICATE XOAUTH2 {}", sasl(&address(number), &access));
            assert!(wire.imap(&login).await.contains(" authenticated (Success)"));
            wire.imap("EXAMINE INBOX").await;
            wire
        });
    }
    let open: Vec<_> = tasks.join_all().await;
    let sessions = || (0..2000).map(|number| stage.world.sessions(&address(number))).sum::<usize>();
    assert_eq!((open.len(), sessions()), (286, 286));
    drop(open);
    until("every seat is given back", || sessions() == 0).await;
}

#[tokio::test]
async fn one_message_is_found_and_removed_among_two_hundred_thousand() {
    let stage = Stage::set().await;
    let now = stage.world.now();
    let raw = |id: &str| format!("Subject: Order\r\nMessage-ID: <{id}>\r\n\r\nHello\r\n");
    for number in 0..200_000 {
        let id = if number == 123_456 { "ours@probe.example" } else { "theirs@x.example" };
        stage.world.put(ADDRESS, Folder::Inbox, raw(id), now, &[]);
    }
    let mut wire = stage.selected("INBOX").await;
    let found = wire.imap("UID SEARCH HEADER Message-ID <ours@probe.example>").await;
    assert!(found.starts_with("* SEARCH 123457\r\n"), "{found}");
    wire.imap("UID MOVE 123457 \"[Gmail]/Trash\"").await;
    wire.imap("SELECT \"[Gmail]/Trash\"").await;
    wire.imap("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    wire.imap("UID EXPUNGE 1").await;
    for (folder, left) in [(Folder::Inbox, 199_999), (Folder::All, 199_999), (Folder::Trash, 0)] {
        assert_eq!(stage.world.messages(ADDRESS, folder).len(), left);
    }
    assert_eq!(stage.world.touched(ADDRESS).len(), 5, "added, twice removed, marked, destroyed");
}

#[tokio::test]
async fn half_a_million_sent_messages_cost_little_and_are_told_fast() {
    let stage = Stage::set().await;
    let sent = Sent::to(&["a@x.example", "B <b@y.example>"]).bcc(&["c@z.example"]);
    let half_a_million = sent.times(500_000, Duration::from_millis(500));
    assert_eq!(stage.world.put_sent(ADDRESS, &half_a_million), 1..500_001);
    let mut wire = stage.signed_in().await;
    let examined = wire.imap("EXAMINE \"[Gmail]/Sent Mail\"").await;
    assert!(examined.contains("* 500000 EXISTS"), "{examined}");
    let day = time::OffsetDateTime::from(stage.world.now() - Duration::from_secs(86_400)).date();
    let month = &day.month().to_string()[..3];
    let since = format!("UID SEARCH SINCE {}-{month}-{}", day.day(), day.year());
    let found = wire.imap(&since).await.lines().next().unwrap().split(' ').count() - 2;
    assert!((172_800..345_601).contains(&found), "{found}");
    let items = "(UID INTERNALDATE ENVELOPE BODY.PEEK[HEADER.FIELDS (X-Mailbox-Exporter-Probe)])";
    for first in [500_000, 490_001] {
        let told = wire.imap(&format!("UID FETCH {first}:* {items}")).await;
        assert_eq!(told.matches(" FETCH (UID ").count(), 500_001 - first);
    }
    // What comes and goes costs as much as it is.
    for number in 1..=300 {
        stage.world.put_sent(ADDRESS, &Sent::to(&["d@x.example"]));
        let told = wire.imap("NOOP").await;
        assert!(told.starts_with(&format!("* {} EXISTS\r\n", 500_000 + number)), "{told}");
    }
    assert_eq!(stage.world.delete(ADDRESS, Folder::Sent, |message| message.uid % 50 == 0), 10_006);
    assert_eq!(wire.imap("NOOP").await.matches(" EXPUNGE\r\n").count(), 10_006);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_sessions_hear_of_their_own_mail_and_end_together() {
    let stage = std::sync::Arc::new(Stage::set().await);
    let address = |number: usize| format!("m{number}@many.example");
    let many = as_many_sessions_as(1000);
    let mut tasks = JoinSet::new();
    for number in 0..many {
        let token = stage.world.add_account(&address(number), CLIENT);
        let stage = std::sync::Arc::clone(&stage);
        tasks.spawn(async move {
            let (_, body) = stage.refresh(&token).await;
            let access = body["access_token"].as_str().unwrap().to_owned();
            let mut wire = stage.imap().await;
            wire.imap(&format!("AUTHENTICATE XOAUTH2 {}", sasl(&address(number), &access))).await;
            wire.imap("EXAMINE INBOX").await;
            wire.send("I1 IDLE").await;
            assert_eq!(wire.line().await, "+ idling\r\n");
            (number, wire)
        });
    }
    let mut idle = tasks.join_all().await;
    for (number, wire) in &mut idle {
        stage.world.put(
            &address(*number),
            Folder::Inbox,
            "Subject: x\r\n\r\n",
            stage.world.now(),
            &[],
        );
        assert_eq!(wire.line().await, "* 1 EXISTS\r\n");
    }
    stage.world.advance(Duration::from_secs(3600));
    for (_, wire) in &mut idle {
        assert_eq!(wire.line().await, "* BYE Session expired, please login again.\r\n");
    }
    let open = || (0..many).map(|number| stage.world.sessions(&address(number))).sum::<usize>();
    until("every seat is given back", || open() == 0).await;
}

/// So many sessions, or as many as this process may have open files for: each takes two.
fn as_many_sessions_as(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|files| files.split_whitespace().next()?.parse::<usize>().ok());
    let room = soft.map_or(wanted, |soft| soft.saturating_sub(200) / 2);
    if room < wanted {
        eprintln!("only {room} sessions instead of {wanted}: raise ulimit -n");
    }
    wanted.min(room)
}
