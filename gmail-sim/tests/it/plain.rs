//! IMAP servers that are not Gmail, and can do less.

use gmail_sim::{Change, Extension, Folder};

use crate::support::{ADDRESS, Stage};

const MAIL: &str = "Subject: Probe\r\nMessage-ID: <1@x.example>\r\n\r\nHello\r\n";

/// Three messages in the inbox of a server without these.
async fn stage(without: &[Extension]) -> Stage {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.without.extend(without));
    for _ in 0..3 {
        stage.world.put(ADDRESS, Folder::Inbox, MAIL, stage.world.now(), &[]);
    }
    stage
}

fn count(stage: &Stage, folder: Folder) -> usize {
    stage.world.messages(ADDRESS, folder).len()
}

#[tokio::test]
async fn what_a_server_is_without_it_neither_announces_nor_takes() {
    let cases = [
        (Extension::Gmail, "X-GM-EXT-1", "UID FETCH 1 (X-GM-LABELS)"),
        (Extension::Gmail, "XLIST", "XLIST \"\" \"*\""),
        (Extension::Gmail, "X-GM-EXT-1", "UID SEARCH X-GM-RAW \"is:unread\""),
        (Extension::Idle, "IDLE", "IDLE"),
        (Extension::Move, "MOVE", "UID MOVE 1 \"[Gmail]/Trash\""),
        (Extension::SpecialUse, "SPECIAL-USE", "LIST (SPECIAL-USE) \"\" \"*\""),
        (Extension::Uidplus, "UIDPLUS", "UID EXPUNGE 1"),
    ];
    for (extension, word, command) in cases {
        let stage = stage(&[extension]).await;
        let mut wire = stage.selected("INBOX").await;
        let can = wire.imap("CAPABILITY").await;
        let words: Vec<&str> = can.lines().next().unwrap().split(' ').collect();
        assert!(!words.contains(&word) && words.contains(&"CONDSTORE"), "{can}");
        let refused = wire.imap(command).await;
        assert!(refused.starts_with("T4 BAD "), "{command}: {refused}");
        assert!(stage.world.touched(ADDRESS).is_empty());
    }
}

#[tokio::test]
async fn without_gmail_a_message_lives_in_one_folder() {
    let stage = stage(&[Extension::Gmail]).await;
    assert_eq!(count(&stage, Folder::All), 0);
    let mut wire = stage.selected("INBOX").await;
    let listed = wire.imap("LIST \"\" \"*\"").await;
    assert!(listed.contains("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Mail\"\r\n"), "{listed}");
    assert!(!listed.contains("[Gmail]") && !listed.contains("\\All"), "{listed}");
    assert!(wire.imap("UID COPY 1 Trash").await.contains("OK [COPYUID 1 1 1] (Success)"));
    assert_eq!((count(&stage, Folder::Inbox), count(&stage, Folder::Trash)), (3, 1));
    wire.imap("UID MOVE 2 Trash").await;
    assert_eq!((count(&stage, Folder::Inbox), count(&stage, Folder::Trash)), (2, 2));
    wire.imap("UID STORE 3 +FLAGS (\\Deleted)").await;
    wire.imap("UID EXPUNGE 1:3").await;
    assert_eq!((count(&stage, Folder::Inbox), count(&stage, Folder::Trash)), (1, 2));
    let last = stage.world.touched(ADDRESS).pop().unwrap();
    assert_eq!((last.uid, last.change), (3, Change::Destroyed));
}

#[tokio::test]
async fn without_uidplus_an_expunge_takes_all_that_is_marked() {
    let stage = stage(&[Extension::Gmail, Extension::Uidplus, Extension::SpecialUse]).await;
    let mut wire = stage.selected("INBOX").await;
    let listed = wire.imap("LIST \"\" \"*\"").await;
    assert!(listed.contains("* LIST (\\HasNoChildren) \"/\" \"Spam\"\r\n"), "{listed}");
    wire.imap("UID STORE 1 +FLAGS (\\Deleted)").await;
    wire.imap("UID STORE 3 +FLAGS (\\Deleted)").await;
    let expunged = wire.imap("EXPUNGE").await;
    assert!(expunged.starts_with("* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n"), "{expunged}");
    assert_eq!(wire.imap("UID COPY 2 Trash").await, "T7 OK Success\r\n", "no COPYUID");
    assert_eq!(count(&stage, Folder::Inbox), 1);
}
