//! IMAP.

use std::time::Duration;

use gmail_sim::{Arrival, At, Fault, Folder, ImapAccess, Language, Service, What};

use crate::support::{ADDRESS, CHALLENGE, CLIENT, Stage, sasl, until};

const MAIL: &str = "From: A <a@x.example>\r\nTo: sales@example.com\r\nSubject: An order\r\nMessage-ID: <1@x.example>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nHello\r\n";

/// Three messages, an hour, a day and ten days old; the oldest is read.
fn fill(stage: &Stage) {
    let ages = [(240, &["\\Seen"][..]), (24, &[]), (1, &[])];
    for (hours, flags) in ages {
        let received = stage.world.now() - Duration::from_secs(hours * 3600);
        stage.world.put(ADDRESS, Folder::Inbox, MAIL, received, flags);
    }
}

#[tokio::test]
async fn a_sign_in_shows_googles_capabilities_before_and_after() {
    let stage = Stage::set().await;
    let token = stage.access_token().await;
    let mut wire = stage.imap().await;
    let before = wire.imap("CAPABILITY").await;
    assert!(before.starts_with("* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER\r\nT1 OK Thats all she wrote! "), "{before}");
    assert!(wire.imap("ID (\"name\" \"probe\")").await.contains("* ID (\"name\" \"GImap\""));
    wire.send("T9 AUTHENTICATE XOAUTH2").await;
    assert_eq!(wire.line().await, "+ \r\n");
    wire.send(&sasl(ADDRESS, &token)).await;
    let answer = wire.imap_answer("T9").await;
    assert!(answer.starts_with("* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE"));
    assert!(answer.ends_with("\r\nT9 OK sales@example.com authenticated (Success)\r\n"));
    assert_eq!(stage.world.sessions(ADDRESS), 1);
    let bye = wire.imap("LOGOUT").await;
    assert_eq!(bye, "* BYE LOGOUT Requested\r\nT3 OK 73 good day (Success)\r\n");
    until("the seat is given back", || stage.world.sessions(ADDRESS) == 0).await;
    let asked = stage.asked();
    assert!(asked.ends_with(&["LOGOUT".to_owned(), "ended: logout".to_owned()]), "{asked:?}");
    assert!(asked.iter().all(|asked| !asked.contains(&token)), "{asked:?}");
}

#[tokio::test]
async fn a_refused_sign_in_is_a_challenge_an_empty_line_and_no() {
    let stage = Stage::set().await;
    let mut wire = stage.imap().await;
    wire.send(&format!("A1 AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, "ya29.no"))).await;
    assert_eq!(wire.line().await, format!("+ {CHALLENGE}\r\n"));
    wire.send("").await;
    let refused = "A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n";
    assert_eq!(wire.line().await, refused);
    let asked = stage.asked();
    assert!(
        asked.ends_with(&["AUTHENTICATE XOAUTH2 ***".into(), "(empty line)".into()]),
        "{asked:?}"
    );
    assert!(wire.imap("AUTHENTICATE XOAUTH2 eA==").await.contains("NO Invalid SASL argument. "));
}

#[tokio::test]
async fn each_state_of_an_account_has_its_own_refusal() {
    let stage = Stage::set().await;
    let token = stage.access_token().await;
    let mut answers = Vec::new();
    for state in 0..5 {
        stage.world.set(ADDRESS, |account| {
            account.gmail_enabled = state != 0;
            account.imap = match state {
                1 => ImapAccess::OffForDomain,
                2 => ImapAccess::OffForUser,
                _ => ImapAccess::On,
            };
            account.web_login_required = state == 3;
            account.imap_says = (state == 4).then(|| "imap.lockdown".to_owned());
        });
        let mut wire = stage.imap().await;
        wire.send(&format!("A1 AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, &token))).await;
        let mut first = wire.line().await;
        if first.starts_with('+') {
            wire.send("").await;
            first = wire.line().await;
        }
        if first.starts_with('*') {
            first.push_str(&wire.line().await);
        }
        answers.push(first);
    }
    assert!(answers[0].starts_with("A1 NO Lookup failed "));
    assert!(answers[1].starts_with("A1 NO [ALERT] IMAP access is disabled for your domain."));
    assert!(answers[2].starts_with("A1 NO [ALERT] Your account is not enabled for IMAP use."));
    assert!(answers[3].starts_with("* NO [WEBALERT https://accounts.google.com/signin/continue?"));
    assert!(answers[3].contains("\r\nA1 NO [ALERT] Please log in via your web browser: "));
    assert!(answers[4].starts_with("A1 NO Lockdown in sector 4"));
}

#[tokio::test]
async fn the_sixteenth_session_is_refused_and_a_place_is_given_back() {
    let stage = Stage::set().await;
    let mut open = Vec::new();
    for _ in 0..15 {
        open.push(stage.signed_in().await);
    }
    assert_eq!(stage.world.sessions(ADDRESS), 15);
    let token = stage.access_token().await;
    let mut wire = stage.imap().await;
    wire.send(&format!("A1 AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, &token))).await;
    assert_eq!(wire.line().await, format!("+ {CHALLENGE}\r\n"));
    wire.send("").await;
    let refused = "A1 NO [ALERT] Too many simultaneous connections. (Failure)\r\n";
    assert_eq!(wire.line().await, refused);
    open.pop();
    until("a place is free", || stage.world.sessions(ADDRESS) == 14).await;
    stage.signed_in().await;
    assert!(stage.asked().contains(&"ended: dropped".to_owned()));
}

#[tokio::test]
async fn examining_marks_nothing_and_selecting_does() {
    let stage = Stage::set().await;
    fill(&stage);
    let mut wire = stage.signed_in().await;
    let examined = wire.imap("EXAMINE INBOX").await;
    for line in ["* 3 EXISTS", "* OK [UIDVALIDITY 1] UIDs valid.", "* OK [UIDNEXT 4] Predicted"] {
        assert!(examined.contains(line), "{examined}");
    }
    assert!(examined.ends_with("OK [READ-ONLY] INBOX selected. (Success)\r\n"));
    assert_eq!(wire.imap("UID SEARCH UNSEEN").await.lines().next(), Some("* SEARCH 2 3"));
    let body = wire.imap("UID FETCH 3 (BODY[])").await;
    let size = MAIL.len();
    assert!(
        body.starts_with(&format!("* 3 FETCH (UID 3 BODY[] {{{size}}}\r\n{MAIL})\r\n")),
        "{body}"
    );
    let seen = || {
        let messages = stage.world.messages(ADDRESS, Folder::Inbox);
        messages.iter().filter(|message| message.flags.contains(&"\\Seen".into())).count()
    };
    assert_eq!(seen(), 1);
    assert!(wire.imap("STORE 3 +FLAGS (\\Seen)").await.contains("NO [READ-ONLY]"));

    assert!(wire.imap("SELECT INBOX").await.contains("[READ-WRITE]"));
    wire.imap("UID FETCH 2 (BODY.PEEK[])").await;
    assert_eq!(seen(), 1);
    assert!(wire.imap("UID FETCH 2 (BODY[])").await.contains("FLAGS (\\Seen)"));
    assert_eq!(seen(), 2);
    let stored = wire.imap("UID STORE 3 +FLAGS (\\Seen)").await;
    assert!(stored.starts_with("* 3 FETCH (UID 3 FLAGS (\\Seen))\r\n"), "{stored}");
    assert_eq!(seen(), 3);
}

#[tokio::test]
async fn searches_find_by_flag_date_uid_header_and_gmails_words() {
    let stage = Stage::set().await;
    fill(&stage);
    stage.world.put(
        ADDRESS,
        Folder::Inbox,
        "Subject: Other\r\nX-Probe: 7\r\n\r\n",
        stage.world.now(),
        &[],
    );
    let mut wire = stage.signed_in().await;
    wire.imap("EXAMINE INBOX").await;
    let cases = [
        ("ALL", "1 2 3 4"),
        ("UNSEEN", "2 3 4"),
        ("SEEN", "1"),
        ("UID 2:3", "2 3"),
        ("UID 9:*", "4"),
        ("HEADER X-Probe 7", "4"),
        ("SUBJECT \"an order\" UNSEEN", "2 3"),
        ("NOT SUBJECT order", "4"),
        ("OR UID 1 UID 4", "1 4"),
        ("SINCE 1-Jan-2020 BEFORE 2-Jan-2020", ""),
        ("X-GM-RAW \"newer_than:2d is:unread\"", "2 3 4"),
        ("X-GM-RAW \"older_than:5d\"", "1"),
        ("X-GM-RAW \"rfc822msgid:1@x.example newer_than:2h\"", "3"),
        ("CHARSET UTF-8 SUBJECT other", "4"),
    ];
    for (search, expected) in cases {
        let answer = wire.imap(&format!("UID SEARCH {search}")).await;
        let found = answer.lines().next().unwrap().trim_start_matches("* SEARCH").trim();
        assert_eq!(found, expected, "{search}");
    }
    let counted = wire.imap("UID SEARCH RETURN (COUNT) UNSEEN").await;
    assert!(counted.starts_with("* ESEARCH (TAG \"T17\") UID COUNT 3\r\n"), "{counted}");
    assert!(wire.imap("UID SEARCH SINCE yesterday").await.contains("BAD "));
    wire.send("L1 UID SEARCH SUBJECT {5}").await;
    assert_eq!(wire.line().await, "+ go ahead\r\n");
    wire.send("Other").await;
    assert!(wire.imap_answer("L1").await.starts_with("* SEARCH 4\r\n"));
}

#[tokio::test]
async fn fetch_tells_what_a_probe_wants_to_know() {
    let stage = Stage::set().await;
    let at = std::time::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    stage.world.put(ADDRESS, Folder::Inbox, MAIL, at, &[]);
    let mut wire = stage.signed_in().await;
    wire.imap("EXAMINE INBOX").await;
    let items = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE X-GM-LABELS BODY.PEEK[HEADER.FIELDS (SUBJECT)]";
    let answer = wire.imap(&format!("FETCH 1 ({items})")).await;
    let expected = "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"01-Jan-2026 00:00:00 +0000\" RFC822.SIZE 140 ENVELOPE (\"Thu, 1 Jan 2026 00:00:00 +0000\" \"An order\" ((\"A\" NIL \"a\" \"x.example\")) ((\"A\" NIL \"a\" \"x.example\")) ((\"A\" NIL \"a\" \"x.example\")) ((NIL NIL \"sales\" \"example.com\")) NIL NIL NIL \"<1@x.example>\") X-GM-LABELS () BODY[HEADER.FIELDS (SUBJECT)] {21}\r\nSubject: An order\r\n\r\n)\r\n";
    let size = format!("RFC822.SIZE {} ", MAIL.len());
    assert_eq!(answer.replace(&size, "RFC822.SIZE 140 "), format!("{expected}T3 OK Success\r\n"));
}

#[tokio::test]
async fn the_sent_folder_is_found_by_its_use_in_any_language() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| {
        account.language = Language::French;
        account.folder_names.insert(Folder::Junk, "[Google Mail]/Spam".to_owned());
        account.hidden_folders.push(Folder::Trash);
    });
    let mut wire = stage.signed_in().await;
    let list = wire.imap("LIST \"\" \"*\"").await;
    let sent = "* LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Messages envoy&AOk-s\"\r\n";
    assert!(list.contains(sent), "{list}");
    assert!(list.contains("* LIST (\\HasNoChildren \\Junk) \"/\" \"[Google Mail]/Spam\"\r\n"));
    assert!(!list.contains("\\Trash"));
    assert!(wire.imap("EXAMINE \"[Gmail]/Messages envoy&AOk-s\"").await.contains("* 0 EXISTS"));
    let unknown = wire.imap("EXAMINE \"[Gmail]/Sent Mail\"").await;
    assert_eq!(
        unknown,
        "T4 NO [NONEXISTENT] Unknown Mailbox: [Gmail]/Sent Mail (now in authenticated state) (Failure)\r\n"
    );
}

#[tokio::test]
async fn quota_and_status_tell_numbers() {
    let stage = Stage::set().await;
    fill(&stage);
    stage.world.set(ADDRESS, |account| {
        account.storage_used = 10 << 20;
        account.storage_limit = 20 << 20;
    });
    let mut wire = stage.signed_in().await;
    let quota = wire.imap("GETQUOTAROOT \"INBOX\"").await;
    let expected = "* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" (STORAGE 10240 20480)\r\n";
    assert!(quota.starts_with(expected), "{quota}");
    let status = wire.imap("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)").await;
    assert!(
        status.starts_with("* STATUS \"INBOX\" (MESSAGES 3 UNSEEN 2 UIDNEXT 4)\r\n"),
        "{status}"
    );
}

#[tokio::test]
async fn moved_and_expunged_messages_are_told_to_the_other_session() {
    let stage = Stage::set().await;
    fill(&stage);
    stage.world.set(ADDRESS, |account| account.auto_expunge = false);
    let (mut one, mut other) = (stage.signed_in().await, stage.signed_in().await);
    one.imap("SELECT INBOX").await;
    other.imap("EXAMINE INBOX").await;
    let moved = one.imap("UID MOVE 2 \"[Gmail]/Trash\"").await;
    assert!(moved.contains("* OK [COPYUID 1 2 1] (Success)\r\n* 2 EXPUNGE\r\n"), "{moved}");
    one.imap("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert!(one.imap("UID EXPUNGE 1,3").await.starts_with("* 1 EXPUNGE\r\n"));
    assert!(other.imap("NOOP").await.starts_with("* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n"));
    assert_eq!(stage.world.messages(ADDRESS, Folder::Inbox).len(), 1);
    assert_eq!(stage.world.messages(ADDRESS, Folder::Trash).len(), 1);
    assert!(one.imap("UNSELECT").await.ends_with("Returned to authenticated state. (Success)\r\n"));
}

#[tokio::test]
async fn idling_hears_of_new_mail_alerts_and_the_end_of_the_session() {
    let stage = Stage::set().await;
    let mut wire = stage.signed_in().await;
    wire.imap("EXAMINE INBOX").await;
    wire.send("I1 IDLE").await;
    assert_eq!(wire.line().await, "+ idling\r\n");
    stage.world.put(ADDRESS, Folder::Inbox, MAIL, stage.world.now(), &[]);
    assert_eq!(wire.line().await, "* 1 EXISTS\r\n");
    stage.world.say_to_sessions(ADDRESS, "* OK [ALERT] Something is up");
    assert_eq!(wire.line().await, "* OK [ALERT] Something is up\r\n");
    wire.send("DONE").await;
    assert_eq!(wire.line().await, "I1 OK IDLE terminated (Success)\r\n");
    wire.send("I2 IDLE").await;
    wire.line().await;
    stage.world.advance(Duration::from_secs(3600));
    assert_eq!(wire.line().await, "* BYE Session expired, please login again.\r\n");
    assert_eq!(wire.line().await, "");
    until("the session is gone", || stage.world.sessions(ADDRESS) == 0).await;
}

#[tokio::test]
async fn mail_may_arrive_late_in_spam_or_never() {
    let stage = Stage::set().await;
    for (name, arrival) in [("spam", Arrival::Spam), ("lost", Arrival::Lost)] {
        let address = format!("{name}@example.com");
        stage.world.add_account(&address, CLIENT);
        stage.world.set(&address, |account| account.arrival = arrival);
    }
    stage.world.set(ADDRESS, |account| account.arrival_delay = 300);
    let mut idle = stage.signed_in().await;
    idle.imap("EXAMINE INBOX").await;
    idle.send("I1 IDLE").await;
    idle.line().await;
    let mut wire = stage.submission().await;
    wire.smtp("MAIL FROM:<sales@example.com>").await;
    for name in ["sales", "spam", "lost"] {
        wire.smtp(&format!("RCPT TO:<{name}@example.com>")).await;
    }
    wire.smtp("DATA").await;
    wire.smtp("Subject: probe\r\n\r\n.").await;
    let count = |address: &str, folder| stage.world.messages(address, folder).len();
    assert_eq!(count("spam@example.com", Folder::Junk), 1);
    assert_eq!(count("spam@example.com", Folder::Inbox), 0);
    assert_eq!(count("lost@example.com", Folder::Inbox), 0);
    assert_eq!(count(ADDRESS, Folder::Inbox), 0);
    stage.world.advance(Duration::from_secs(301));
    assert_eq!(idle.line().await, "* 1 EXISTS\r\n");
    assert_eq!(count(ADDRESS, Folder::Inbox), 1);
}

#[tokio::test]
async fn untagged_lines_may_come_before_the_plus_and_tags_may_be_wrong() {
    let stage = Stage::set().await;
    let alert = What::Untagged(vec!["* OK [ALERT] Mind the gap".to_owned()]);
    let token = stage.access_token().await;
    stage.world.fault(Fault::new(Service::Imap, At::Challenge, alert)).unwrap();
    stage.world.fault(Fault::new(Service::Imap, At::Noop, What::WrongTag)).unwrap();
    let mut wire = stage.imap().await;
    wire.send("A1 AUTHENTICATE XOAUTH2").await;
    assert_eq!(wire.line().await, "* OK [ALERT] Mind the gap\r\n");
    assert_eq!(wire.line().await, "+ \r\n");
    wire.send(&sasl(ADDRESS, &token)).await;
    wire.imap_answer("A1").await;
    wire.send("A2 NOOP").await;
    assert_eq!(wire.line().await, "X999 OK Success\r\n");
}
