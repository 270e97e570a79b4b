//! Many mailboxes at once.

use tokio::task::JoinSet;

use crate::support::{CLIENT, Stage, sasl, until};

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
