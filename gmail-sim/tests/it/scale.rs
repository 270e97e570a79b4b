//! Many mailboxes at once.

use gmail_sim::Folder;
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
