//! What stands in `\Sent`: in bulk, renumbered, deleted, hidden, cut off.

use std::time::{Duration, SystemTime};

use gmail_sim::{Folder, Language, LimitAt, Sent};

use crate::support::{ADDRESS, Stage};

const SENT: &str = "[Gmail]/Sent Mail";
/// Thu, 1 Jan 2026, 12:00 UTC.
const NOON: Duration = Duration::from_secs(1_767_268_800);

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOON
}

#[tokio::test]
async fn what_was_sent_before_has_its_times_recipients_and_fields() {
    let stage = Stage::set().await;
    let team = Sent::to(&["Team: a{n}@x.example, \"B, C\" <b@y.example>;"])
        .cc(&["=?UTF-8?Q?J=C3=BCrgen?= <j@x.example>"])
        .bcc(&["hidden@z.example"])
        .with_field("X-Mailbox-Exporter-Probe: 7")
        .times(2, Duration::from_secs(3600))
        .until(noon());
    assert_eq!(stage.world.put_sent(ADDRESS, &team), 1..3);
    let smtp = Sent::to(&["a@x.example"]).bcc(&["hidden@z.example"]).by_smtp().until(noon());
    assert_eq!(stage.world.put_sent(ADDRESS, &smtp), 3..4);
    let mut wire = stage.signed_in().await;
    wire.imap(&format!("EXAMINE \"{SENT}\"")).await;
    let field = "BODY.PEEK[HEADER.FIELDS (X-Mailbox-Exporter-Probe)]";
    let answer = wire.imap(&format!("UID FETCH 2:* (UID INTERNALDATE ENVELOPE {field})")).await;
    let me = "((NIL NIL \"sales\" \"example.com\"))";
    let label = "BODY[HEADER.FIELDS (X-MAILBOX-EXPORTER-PROBE)]";
    let expected = [
        format!("* 2 FETCH (UID 2 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" ENVELOPE (NIL \"Sent before\" {me} {me} {me} "),
        "((NIL NIL \"Team\" NIL)(NIL NIL \"a2\" \"x.example\")(\"B, C\" NIL \"b\" \"y.example\")(NIL NIL NIL NIL)) ".to_owned(),
        "((\"=?UTF-8?Q?J=C3=BCrgen?=\" NIL \"j\" \"x.example\")) ((NIL NIL \"hidden\" \"z.example\")) NIL NIL) ".to_owned(),
        format!("{label} {{31}}\r\nX-Mailbox-Exporter-Probe: 7\r\n\r\n)\r\n"),
        format!("* 3 FETCH (UID 3 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" ENVELOPE (NIL \"Sent before\" {me} {me} {me} "),
        format!("((NIL NIL \"a\" \"x.example\")) NIL NIL NIL NIL) {label} {{2}}\r\n\r\n)\r\n"),
        "T3 OK Success\r\n".to_owned(),
    ];
    assert_eq!(answer, expected.concat());
    let first = wire.imap("UID FETCH 1 (INTERNALDATE)").await;
    assert!(first.contains("01-Jan-2026 11:00:00 +0000"), "{first}");
    let last = wire.imap("UID FETCH 99:* (UID)").await;
    assert!(last.starts_with("* 3 FETCH (UID 3)\r\n"), "at least the last: {last}");
    let messages = stage.world.messages(ADDRESS, Folder::Sent);
    assert!(messages[2].recipients.contains(&"hidden@z.example".to_owned()));
    assert!(stage.world.messages(ADDRESS, Folder::Inbox).is_empty());
    assert_eq!(stage.world.messages(ADDRESS, Folder::All).len(), 3);
}

#[tokio::test]
async fn a_search_by_day_reckons_the_servers_days() {
    let stage = Stage::set().await;
    let hours = Sent::to(&["a@x.example"]).times(48, Duration::from_secs(3600)).until(noon());
    stage.world.put_sent(ADDRESS, &hours);
    let mut wire = stage.signed_in().await;
    wire.imap(&format!("EXAMINE \"{SENT}\"")).await;
    let mut found = Vec::new();
    for search in [
        "SINCE 1-Jan-2026",
        "BEFORE 31-Dec-2025",
        "ON 31-Dec-2025",
        "SINCE 31-Dec-2025 BEFORE 1-Jan-2026",
    ] {
        let answer = wire.imap(&format!("UID SEARCH RETURN (MIN MAX COUNT) {search}")).await;
        found.push(
            answer.lines().next().unwrap().split_once(" UID ").map_or("", |p| p.1).to_owned(),
        );
    }
    let day = "MIN 12 MAX 35 COUNT 24";
    assert_eq!(found, ["MIN 36 MAX 48 COUNT 13", "MIN 1 MAX 11 COUNT 11", day, day]);
}

#[tokio::test]
async fn a_renumbered_folder_counts_from_one_and_ends_who_has_it_open() {
    let stage = Stage::set().await;
    stage.world.put_sent(ADDRESS, &Sent::to(&["a{n}@x.example"]).times(5, Duration::ZERO));
    stage.world.delete(ADDRESS, Folder::Sent, |message| message.uid <= 2);
    let mut idle = stage.signed_in().await;
    idle.imap(&format!("EXAMINE \"{SENT}\"")).await;
    idle.send("I1 IDLE").await;
    idle.line().await;
    let mut open = stage.signed_in().await;
    open.imap(&format!("EXAMINE \"{SENT}\"")).await;
    let mut inbox = stage.signed_in().await;
    inbox.imap("EXAMINE INBOX").await;
    assert_eq!(stage.world.renumber(ADDRESS, Folder::Sent), 2);
    assert_eq!(idle.line().await, "* BYE System Error\r\n");
    assert_eq!(idle.line().await, "");
    assert_eq!(open.imap("NOOP").await, "* BYE System Error\r\n");
    let examined = inbox.imap(&format!("EXAMINE \"{SENT}\"")).await;
    for line in ["* 3 EXISTS", "[UIDVALIDITY 2]", "[UIDNEXT 4]"] {
        assert!(examined.contains(line), "{examined}");
    }
    let status = inbox.imap("STATUS INBOX (UIDVALIDITY)").await;
    assert!(status.contains("(UIDVALIDITY 1)"), "{status}");
    let first = inbox.imap("UID FETCH 1 (ENVELOPE)").await;
    assert!(first.contains("\"a3\""), "{first}");
    let copied = inbox.imap(&format!("UID COPY 1 \"{SENT}\"")).await;
    assert!(copied.contains("[COPYUID 2 1 1]"), "{copied}");
}

#[tokio::test]
async fn what_the_owner_deletes_is_in_the_bin_and_then_gone() {
    let stage = Stage::set().await;
    let five = Sent::to(&["a@x.example"]).times(5, Duration::from_secs(60)).until(noon());
    stage.world.put_sent(ADDRESS, &five);
    let mut wire = stage.signed_in().await;
    wire.imap(&format!("EXAMINE \"{SENT}\"")).await;
    let old = noon() - Duration::from_secs(150);
    assert_eq!(stage.world.delete(ADDRESS, Folder::Sent, |message| message.received < old), 2);
    let told = wire.imap("NOOP").await;
    assert_eq!(told, "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\nT3 OK Success\r\n");
    let count = |folder| stage.world.messages(ADDRESS, folder).len();
    assert_eq!([count(Folder::Sent), count(Folder::All), count(Folder::Trash)], [3, 3, 2]);
    assert_eq!(stage.world.delete(ADDRESS, Folder::Trash, |_| true), 2);
    assert_eq!([count(Folder::All), count(Folder::Trash)], [3, 0]);
    assert!(stage.world.touched(ADDRESS).is_empty(), "no client did that");
}

#[tokio::test]
async fn sent_may_be_hidden_or_have_any_name() {
    let stage = Stage::set().await;
    stage.world.put_sent(ADDRESS, &Sent::to(&["a@x.example"]));
    stage.world.set(ADDRESS, |account| account.language = Language::Japanese);
    let mut wire = stage.signed_in().await;
    let name = "[Gmail]/&kAFP4W4IMH8w4TD8MOs-";
    let listed = format!("* LIST (\\HasNoChildren \\Sent) \"/\" \"{name}\"\r\n");
    assert!(wire.imap("LIST \"\" \"*\"").await.contains(&listed));
    assert!(wire.imap(&format!("EXAMINE \"{name}\"")).await.contains("* 1 EXISTS"));
    stage.world.set(ADDRESS, |account| account.hidden_folders.push(Folder::Sent));
    assert!(!wire.imap("LIST \"\" \"*\"").await.contains("\\Sent"));
    let unknown = format!("Unknown Mailbox: {name} (now in authenticated state) (Failure)\r\n");
    let unknown = format!("T5 NO [NONEXISTENT] {unknown}");
    assert_eq!(wire.imap(&format!("EXAMINE \"{name}\"")).await, unknown);
}

#[tokio::test]
async fn a_folder_size_shows_the_newest_only() {
    let stage = Stage::set().await;
    stage.world.put_sent(ADDRESS, &Sent::to(&["a@x.example"]).times(2500, Duration::from_secs(1)));
    stage.world.set(ADDRESS, |account| account.imap_folder_size = Some(1000));
    let mut wire = stage.signed_in().await;
    let examined = wire.imap(&format!("EXAMINE \"{SENT}\"")).await;
    assert!(examined.contains("* 1000 EXISTS") && examined.contains("[UIDNEXT 2501]"));
    assert!(wire.imap("FETCH 1 (UID)").await.starts_with("* 1 FETCH (UID 1501)\r\n"));
    assert_eq!(wire.imap("UID FETCH 1:1500 (UID)").await, "T4 OK Success\r\n");
    let found = wire.imap("UID SEARCH RETURN (COUNT) ALL").await;
    assert!(found.contains(" COUNT 1000\r\n"), "{found}");
    let status = wire.imap(&format!("STATUS \"{SENT}\" (MESSAGES)")).await;
    assert!(status.contains("(MESSAGES 1000)"), "{status}");
    assert_eq!(stage.world.messages(ADDRESS, Folder::Sent).len(), 2500);
}

/// The replies to one message to so many recipients, up to the first that is no success.
async fn attempt(stage: &Stage, recipients: usize) -> Vec<String> {
    let mut wire = stage.submission().await;
    let mut commands = vec![format!("MAIL FROM:<{ADDRESS}>")];
    commands.extend((0..recipients).map(|number| format!("RCPT TO:<r{number}@elsewhere.example>")));
    commands.extend(["DATA".to_owned(), "Subject: x\r\n\r\n.".to_owned()]);
    let mut replies = Vec::new();
    for command in commands {
        let verb = command.split([' ', ':']).next().unwrap_or_default();
        let reply = wire.smtp(&command).await;
        replies.push(format!("{verb} {}", reply.split([' ', '-']).next().unwrap()));
        if !reply.starts_with(['2', '3']) {
            assert!(reply.contains("5.4.5 Daily user sending limit exceeded."), "{reply}");
            break;
        }
    }
    replies
}

#[tokio::test]
async fn daily_limits_are_said_where_the_account_says_and_clear_by_the_clock() {
    let stage = Stage::set().await;
    let limits = [
        (LimitAt::Mail, "MAIL 550"),
        (LimitAt::Rcpt, "RCPT 550"),
        (LimitAt::Data, "DATA 550"),
        (LimitAt::Message, "Subject 550"),
    ];
    stage.world.set(ADDRESS, |account| account.sends_per_day = Some(10));
    let hour = Duration::from_secs(3600);
    stage.world.put_sent(ADDRESS, &Sent::to(&["a@x.example"]).times(10, hour));
    for (at, expected) in limits {
        stage.world.set(ADDRESS, |account| account.sending_limit_at = at);
        assert_eq!(attempt(&stage, 1).await.last().unwrap(), expected);
    }
    // The oldest is nine hours old.
    stage.world.advance(Duration::from_secs(14 * 3600));
    assert_eq!(attempt(&stage, 1).await.last().unwrap(), "Subject 550");
    stage.world.advance(hour);
    assert_eq!(attempt(&stage, 1).await.last().unwrap(), "Subject 250");
    assert_eq!(attempt(&stage, 1).await.last().unwrap(), "Subject 550");
}

#[tokio::test]
async fn recipients_count_for_a_limit_of_their_own() {
    let stage = Stage::set().await;
    stage.world.set(ADDRESS, |account| {
        account.recipients_per_day = Some(5);
        account.sending_limit_at = LimitAt::Rcpt;
    });
    stage
        .world
        .put_sent(ADDRESS, &Sent::to(&["a@x.example"]).cc(&["b@x.example"]).bcc(&["c@x.example"]));
    assert_eq!(attempt(&stage, 3).await, ["MAIL 250", "RCPT 250", "RCPT 250", "RCPT 550"]);
    assert_eq!(attempt(&stage, 2).await.last().unwrap(), "Subject 250");
    assert_eq!(attempt(&stage, 1).await, ["MAIL 250", "RCPT 550"]);
    stage.world.set(ADDRESS, |account| account.sending_limit_at = LimitAt::Data);
    assert_eq!(attempt(&stage, 1).await.last().unwrap(), "DATA 550");
    stage.world.advance(Duration::from_secs(86_401));
    assert_eq!(attempt(&stage, 5).await.last().unwrap(), "Subject 250");
}
