//! Servers that lie, fail or vanish while messages are found and removed.

use gmail_sim::{At, Change, Fault, Folder, Service, What};

use crate::support::{ADDRESS, Stage, Wire};

/// Four messages in the inbox, numbered; marking them as deleted removes nothing yet.
async fn stage() -> (Stage, Wire) {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| account.auto_expunge = false);
    for number in 1..=4 {
        let raw = format!("Subject: {number}\r\nMessage-ID: <{number}@x.example>\r\n\r\n");
        stage.world.put(ADDRESS, Folder::Inbox, raw, stage.world.now(), &[]);
    }
    let wire = stage.selected("INBOX").await;
    (stage, wire)
}

fn once(stage: &Stage, at: At, what: What) {
    stage.world.fault(Fault::new(Service::Imap, at, what).of(ADDRESS).times(1)).unwrap();
}

fn uids(stage: &Stage, folder: Folder) -> Vec<u32> {
    stage.world.messages(ADDRESS, folder).iter().map(|message| message.uid).collect()
}

#[tokio::test]
async fn a_server_may_say_that_it_worked_and_do_nothing() {
    let (stage, mut wire) = stage().await;
    let cases = [
        (At::Store, "UID STORE 1 +FLAGS (\\Seen)"),
        (At::Copy, "UID COPY 1 \"[Gmail]/Trash\""),
        (At::Move, "UID MOVE 1 \"[Gmail]/Trash\""),
    ];
    for (at, command) in cases {
        once(&stage, at, What::Pretend);
        let answer = wire.imap(command).await;
        assert!(answer.starts_with('T') && answer.ends_with(" OK Success\r\n"), "{answer}");
    }
    assert!(stage.world.touched(ADDRESS).is_empty());
    wire.imap("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)").await;
    once(&stage, At::Expunge, What::Pretend);
    assert_eq!(wire.imap("UID EXPUNGE 1").await, "T7 OK Success\r\n");
    once(&stage, At::Close, What::Pretend);
    wire.imap("CLOSE").await;
    assert_eq!(uids(&stage, Folder::Inbox), [1, 2, 3, 4]);
    wire.imap("SELECT INBOX").await;
    wire.imap("CLOSE").await;
    assert_eq!(uids(&stage, Folder::Inbox), [3, 4], "the fault is over");
}

#[tokio::test]
async fn a_store_may_be_refused() {
    let (stage, mut wire) = stage().await;
    once(&stage, At::Store, What::Say("imap.in_use".to_owned()));
    let refused = wire.imap("UID STORE 1 +FLAGS (\\Deleted)").await;
    assert!(refused.ends_with("NO [INUSE] Mailbox in use (Failure)\r\n"), "{refused}");
    assert!(stage.world.touched(ADDRESS).is_empty());
}

#[tokio::test]
async fn a_search_may_name_messages_that_do_not_meet_it() {
    let (stage, mut wire) = stage().await;
    once(&stage, At::Search, What::AlsoFound(vec![4, 1, 99]));
    let search = "UID SEARCH HEADER Message-ID <2@x.example>";
    assert!(wire.imap(search).await.starts_with("* SEARCH 1 2 4 99\r\n"));
    assert!(wire.imap(search).await.starts_with("* SEARCH 2\r\n"));
}

#[tokio::test]
async fn a_change_may_fail_half_way() {
    let (stage, mut wire) = stage().await;
    once(&stage, At::Move, What::HalfWay);
    let failed = wire.imap("UID MOVE 1:3 \"[Gmail]/Trash\"").await;
    assert!(failed.ends_with("NO System Error (Failure)\r\n"), "{failed}");
    assert_eq!(uids(&stage, Folder::Inbox), [2, 3, 4]);
    assert_eq!(uids(&stage, Folder::Trash), [1, 2], "the second is copied, and still there");
    once(&stage, At::Move, What::HalfWay);
    wire.imap("UID MOVE 4 \"[Gmail]/Trash\"").await;
    assert_eq!(uids(&stage, Folder::Inbox), [2, 3, 4], "one message: copied only");
    assert_eq!(uids(&stage, Folder::Trash).len(), 3);
    wire.imap("UID STORE 2:3 +FLAGS.SILENT (\\Deleted)").await;
    once(&stage, At::Expunge, What::HalfWay);
    assert!(wire.imap("EXPUNGE").await.ends_with("NO System Error (Failure)\r\n"));
    assert_eq!(uids(&stage, Folder::Inbox), [3, 4]);
}

#[tokio::test]
async fn the_connection_may_be_lost_before_or_after_a_change() {
    for (what, left) in [(What::Close, 4), (What::Unanswered, 3)] {
        let (stage, mut wire) = stage().await;
        wire.imap("UID STORE 2 +FLAGS (\\Deleted)").await;
        once(&stage, At::Expunge, what.clone());
        assert_eq!(wire.imap("UID EXPUNGE 2").await, "");
        assert_eq!(uids(&stage, Folder::Inbox).len(), left, "{what:?}");
    }
    let (stage, mut wire) = stage().await;
    once(&stage, At::Move, What::CutMidLine);
    assert!(wire.imap("UID MOVE 1 \"[Gmail]/Trash\"").await.starts_with("* OK [COPYUID 1 1 1]"));
    assert_eq!(uids(&stage, Folder::Trash).len(), 1);
}

#[tokio::test]
async fn faults_about_changes_are_refused_elsewhere() {
    let (stage, _wire) = stage().await;
    for (at, what) in [
        (At::Fetch, What::Pretend),
        (At::Noop, What::HalfWay),
        (At::Fetch, What::AlsoFound(vec![1])),
    ] {
        assert!(stage.world.fault(Fault::new(Service::Imap, at, what)).is_err());
    }
}

#[tokio::test]
async fn whatever_a_client_changes_is_written_down_with_its_command() {
    let (stage, mut wire) = stage().await;
    let quiet = [
        "UID FETCH 1 (BODY.PEEK[HEADER])",
        "UID SEARCH HEADER Message-ID <2@x.example>",
        "UID STORE 1 -FLAGS (\\Seen)",
        "NOOP",
        "EXPUNGE",
    ];
    for command in quiet {
        wire.imap(command).await;
        assert!(stage.world.touched(ADDRESS).is_empty(), "{command}");
    }
    wire.imap("UID FETCH 1 (BODY[])").await;
    wire.imap("UID MOVE 2 \"[Gmail]/Trash\"").await;
    let told: Vec<String> = stage.world.touched(ADDRESS).iter().map(ToString::to_string).collect();
    let by = "by UID MOVE 2 \"[Gmail]/Trash\"";
    assert_eq!(
        told,
        [
            "Inbox 1 <1@x.example>: Flags([\"\\\\Seen\"]) by UID FETCH 1 (BODY[])".to_owned(),
            format!("Trash 1 <2@x.example>: Added {by}"),
            format!("All 2 <2@x.example>: Removed {by}"),
            format!("Inbox 2 <2@x.example>: Removed {by}"),
        ]
    );
    let touched = stage.world.touched(ADDRESS);
    assert_eq!(touched[1].change, Change::Added);
    let asked = stage.world.asked_about(ADDRESS);
    assert!(
        asked
            .iter()
            .any(|asked| asked.what == touched[1].by && asked.connection == touched[1].connection)
    );
}
