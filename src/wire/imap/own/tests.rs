//! Folders, finding, removing and waiting, against a server that plays its part by a script.

use tokio::time::{Duration, Instant};

use super::*;
use crate::{
    domain::{clock, fingerprint::Key},
    wire::{
        imap::{Folders, Idled, Removed},
        script::{Script, dialogue},
    },
};

const GMAIL: &str = "IMAP4rev1 IDLE X-GM-EXT-1 UIDPLUS MOVE SPECIAL-USE";
const DOVECOT: &str = "IMAP4rev1 IDLE UIDPLUS SPECIAL-USE";

async fn session(capabilities: &str, script: &str) -> (Script, Session) {
    Session::scripted(capabilities, script).await
}

fn mark() -> Mark {
    Mark::new(&Installation::of(&Key::new([7; 32])), [0xab; 12])
}

const ID: &str = "<abababababababababababab@example.com>";

fn folder(name: &str) -> Folder {
    Folder::parsed(name).unwrap()
}

fn folders(junk: &str, trash: Option<&str>) -> Folders {
    let (junk, trash) = (Some(folder(junk)), trash.map(folder));
    Folders { inbox: Folder::inbox(), junk, sent: None, trash, all: None }
}

/// A header as a FETCH has it, behind the command's line.
fn header(tag: u32, uid: u32, header: &str) -> String {
    let header = header.replace('\n', "\r\n");
    let fields = format!("HEADER.FIELDS ({MARK} Message-ID)");
    let mut script = format!("C: A{tag} UID FETCH {uid} (UID BODY.PEEK[{fields}])\n");
    script += &format!("S: * 1 FETCH (UID {uid} BODY[{fields}] {{{}}}\n", header.len());
    for line in header.trim_end_matches("\r\n").split("\r\n") {
        script += &format!("S: {line}\n");
    }
    if header.ends_with("\r\n\r\n") {
        script += "S: \n";
    }
    script + &format!("S: )\nS: A{tag} OK done\n")
}

fn ours(tag: u32, uid: u32) -> String {
    header(tag, uid, &format!("Message-ID: {ID}\n{MARK}: {}\n\n", mark()))
}

fn select(tag: u32, name: &str, validity: u32) -> String {
    format!(
        "C: A{tag} SELECT \"{name}\"\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY {validity}] valid\n\
         S: * OK [UIDNEXT 12] next\nS: A{tag} OK [READ-WRITE] selected\n"
    )
}

fn gone(tag: u32, uid: u32) -> String {
    format!("C: A{tag} UID FETCH {uid} (UID FLAGS)\nS: A{tag} OK done\n")
}

fn erase(tag: u32, uid: u32) -> String {
    let next = tag + 1;
    format!(
        "C: A{tag} UID STORE {uid} +FLAGS.SILENT (\\Deleted)\nS: A{tag} OK done\n\
         C: A{next} UID EXPUNGE {uid}\nS: * 1 EXPUNGE\nS: A{next} OK done\n"
    )
}

/// Opens the inbox, makes certain of message 7 and removes it.
async fn removed(capabilities: &str, folders: &Folders, rest: &str) -> Removed {
    let script = format!("{}{}{rest}", select(1, "INBOX", 5), ours(2, 7));
    let (script, mut session) = session(capabilities, &script).await;
    let mut dialogue = dialogue();
    session.select(&folders.inbox, &mut dialogue).await.unwrap();
    let mark = mark();
    let wanted = Wanted::Letter(&mark, ID);
    let own = session.own(7, wanted, &mut dialogue).await.unwrap().unwrap();
    let removed = session.remove(&own, folders, &mut dialogue).await.unwrap();
    drop(session);
    script.over().await;
    removed
}

#[tokio::test]
async fn folders_are_known_by_their_use_whatever_they_are_called() {
    let script = "C: A1 LIST (SPECIAL-USE) \"\" \"*\"\n\
        S: * LIST (\\HasNoChildren \\Junk) \"/\" \"[Gmail]/Spam\"\n\
        S: * LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Gesendet\"\n\
        S: * LIST (\\All \\HasNoChildren) \"/\" {18}\n\
        S: [Gmail]/Alle & \"Ma\n\
        S: * LIST (\\HasNoChildren \\Trash) \"/\" \"[Gmail]/Papierkorb &APw-\"\n\
        S: A1 OK Success\n";
    let (script, mut session) = session(GMAIL, script).await;
    let found = session.folders(&mut dialogue()).await.unwrap();
    let expected = Folders {
        inbox: Folder::inbox(),
        junk: Some(folder("[Gmail]/Spam")),
        sent: Some(folder("[Gmail]/Gesendet")),
        trash: Some(folder("[Gmail]/Papierkorb &APw-")),
        all: Some(folder("[Gmail]/Alle & \"Ma")),
    };
    assert_eq!(found, expected);
    drop(session);
    script.over().await;
}

#[tokio::test]
async fn a_server_without_special_use_is_asked_plainly_and_names_mean_nothing() {
    let script = "C: A1 LIST \"\" \"*\"\n\
        S: * LIST (\\HasNoChildren) \".\" Spam\n\
        S: * LIST (\\Noselect \\Trash) \".\" Gone\n\
        S: * LIST (\\Spam) \".\" Unerw&APw-nscht\n\
        S: A1 OK done\n";
    let (_script, mut session) = session("IMAP4rev1", script).await;
    let found = session.folders(&mut dialogue()).await.unwrap();
    assert_eq!((found.junk, found.trash), (Some(folder("Unerw&APw-nscht")), None));
}

#[tokio::test]
async fn a_selection_that_is_refused_is_asked_for_plainly() {
    let script = "C: A1 LIST (SPECIAL-USE) \"\" \"*\"\nS: A1 BAD what\n\
        C: A2 LIST \"\" \"*\"\nS: * LIST (\\Trash) \"/\" Trash\nS: A2 OK done\n";
    let (_script, mut session) = session(DOVECOT, script).await;
    let found = session.folders(&mut dialogue()).await.unwrap();
    assert_eq!(found.trash, Some(folder("Trash")));
}

#[tokio::test]
async fn what_a_search_finds_is_ours_only_where_its_own_header_says_so() {
    let other = Mark::new(mark().installation(), [0xac; 12]);
    let stranger = Mark::new(&Installation::of(&Key::new([8; 32])), [0xab; 12]);
    let headers = [
        format!("{MARK}: {other}\n\n"),
        format!("{MARK}: {stranger}\n\n"),
        format!("{MARK}: {}x\n\n", mark()),
        format!("Message-ID: {ID}\n\n"),
    ];
    let mut script = format!(
        "{}C: A2 UID SEARCH SINCE 8-Nov-2026 HEADER Message-ID \"{ID}\"\n\
         S: * SEARCH 3 4 5 6 7 7\nS: A2 OK done\n",
        select(1, "INBOX", 5)
    );
    for (tag, (uid, text)) in (3..).zip((3..).zip(&headers)) {
        script += &header(tag, uid, text);
    }
    script += &ours(7, 7);
    // An answer about another message is none about this one.
    script += &ours(8, 8).replace("(UID 8 BODY[", "(UID 9 BODY[");
    let (script, mut session) = session(DOVECOT, &script).await;
    let mut dialogue = dialogue();
    session.select(&Folder::inbox(), &mut dialogue).await.unwrap();
    let mark = mark();
    let wanted = Wanted::Letter(&mark, ID);
    let since = Timestamp::parse("2026-11-09T23:00:00Z").unwrap();
    let found = session.find(wanted, since, &mut dialogue).await.unwrap();
    assert_eq!(found, [7, 6, 5, 4, 3]);
    for uid in 3..7 {
        assert_eq!(session.own(uid, wanted, &mut dialogue).await.unwrap(), None, "{uid}");
    }
    let own = session.own(7, wanted, &mut dialogue).await.unwrap().unwrap();
    assert_eq!((own.uid, own.mark()), (7, &mark));
    assert_eq!(session.own(8, wanted, &mut dialogue).await.unwrap(), None);
    drop(session);
    script.over().await;
}

#[tokio::test]
async fn two_texts_of_one_message_make_nothing_certain() {
    let second = ours(2, 7).replace("C: A2", "C: -").replace(ID, &ID.replace("ab@", "ac@"));
    let second: String = second.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let first = ours(2, 7).replace("S: A2 OK done\n", "");
    let (_script, mut session) =
        session(DOVECOT, &format!("{}{first}{second}", select(1, "INBOX", 5))).await;
    let mut dialogue = dialogue();
    session.select(&Folder::inbox(), &mut dialogue).await.unwrap();
    let own = session.own(7, Wanted::Installation(mark().installation()), &mut dialogue).await;
    assert_eq!(own.unwrap_err().reason, Reason::GarbledAnswer);
}

#[tokio::test]
async fn a_copy_tells_of_its_way_and_is_not_marked_as_seen() {
    let fields = "HEADER.FIELDS (Received Authentication-Results)";
    let script = format!(
        "{}{}C: A3 UID FETCH 7 (UID INTERNALDATE BODY.PEEK[{fields}]<0.{MOST}>)\n\
         S: * 1 FETCH (UID 7 INTERNALDATE \"10-Nov-2026 04:11:09 -0800\" BODY[{fields}]<0> {{15}}\n\
         S: Received: x; y\nS: )\nS: A3 OK done\n",
        select(1, "INBOX", 5),
        ours(2, 7)
    )
    .replace("{15}", "{16}");
    let (_script, mut session) = session(DOVECOT, &script).await;
    let mut dialogue = dialogue();
    session.select(&Folder::inbox(), &mut dialogue).await.unwrap();
    let wanted = mark().installation().clone();
    let own = session.own(7, Wanted::Installation(&wanted), &mut dialogue).await.unwrap().unwrap();
    let received = session.received(&own, &mut dialogue).await.unwrap().unwrap();
    assert_eq!(received.internal_date.unwrap().to_string(), "2026-11-10T12:11:09Z");
    assert_eq!(received.header, b"Received: x; y\r\n");
}

#[tokio::test]
async fn a_bounce_is_found_and_read_to_a_bound_and_is_never_ours() {
    let script = format!(
        "{}C: A2 UID SEARCH SINCE 8-Nov-2026 OR HEADER References \"{ID}\" TEXT \"{ID}\"\n\
         S: * SEARCH 8\nS: A2 OK done\n\
         C: A3 UID FETCH 8 (UID BODY.PEEK[]<0.{MOST}>)\n\
         S: * 2 FETCH (UID 8 BODY[]<0> {{14}}\nS: Subject: x\nS: \nS: )\nS: A3 OK done\n{}",
        select(1, "INBOX", 5),
        ours(4, 8)
    );
    let (_script, mut session) = session(DOVECOT, &script).await;
    let mut dialogue = dialogue();
    session.select(&Folder::inbox(), &mut dialogue).await.unwrap();
    let since = Timestamp::parse("2026-11-09T23:00:00Z").unwrap();
    let wanted = Wanted::Bounce(ID);
    assert_eq!(session.find(wanted, since, &mut dialogue).await.unwrap(), [8]);
    let text = session.beginning(8, &mut dialogue).await.unwrap().unwrap();
    assert_eq!(text, b"Subject: x\r\n\r\n");
    assert_eq!(session.own(8, wanted, &mut dialogue).await.unwrap(), None);
}

#[tokio::test]
async fn one_message_is_expunged_by_its_number() {
    let rest = format!("{}{}", erase(3, 7), gone(5, 7));
    assert_eq!(removed(DOVECOT, &folders("Junk", Some("Trash")), &rest).await, Removed::Gone);
}

#[tokio::test]
async fn without_uidplus_nothing_is_expunged() {
    let rest = "C: A3 UID STORE 7 +FLAGS.SILENT (\\Deleted)\nS: A3 OK done\n\
        C: A4 UID FETCH 7 (UID FLAGS)\nS: * 1 FETCH (UID 7 FLAGS (\\Deleted))\nS: A4 OK done\n";
    assert_eq!(removed("IMAP4rev1", &folders("Junk", None), rest).await, Removed::Marked);
}

#[tokio::test]
async fn what_the_server_only_says_it_expunged_is_not_gone() {
    let there =
        "C: A5 UID FETCH 7 (UID FLAGS)\nS: * 1 FETCH (UID 7 FLAGS (\\Deleted))\nS: A5 OK done\n";
    let rest = format!("{}{there}", erase(3, 7));
    assert_eq!(removed(DOVECOT, &folders("Junk", None), &rest).await, Removed::Marked);
}

#[tokio::test]
async fn at_google_a_message_goes_by_the_trash() {
    let folders = folders("[Gmail]/Spam", Some("[Gmail]/Papierkorb"));
    let moved = "C: A3 UID MOVE 7 \"[Gmail]/Papierkorb\"\n\
        S: * OK [COPYUID 9 7 31] (Success)\nS: * 1 EXPUNGE\nS: A3 OK (Success)\n";
    let search = format!(
        "C: A6 UID SEARCH SINCE 2-Jan-1970 HEADER Message-ID \"{ID}\"\nS: * SEARCH\nS: A6 OK done\n"
    );
    let rest = [
        moved,
        &gone(4, 7),
        &select(5, "[Gmail]/Papierkorb", 9),
        &search,
        &ours(7, 31),
        &erase(8, 31),
        &gone(10, 31),
    ];
    assert_eq!(removed(GMAIL, &folders, &rest.concat()).await, Removed::Gone);
    // What the server names in the trash may be another message.
    let other = header(7, 31, "Message-ID: <other@example.com>\n\n");
    let rest = [moved, &gone(4, 7), &select(5, "[Gmail]/Papierkorb", 9), &search, &other];
    let left = removed(GMAIL, &folders, &rest.concat()).await;
    assert_eq!(left, Removed::Stays("it is in the trash, and not found there".into()));
}

#[tokio::test]
async fn at_google_nothing_is_expunged_where_the_trash_is_hidden_or_the_move_refused() {
    let hidden = removed(GMAIL, &folders("[Gmail]/Spam", None), "").await;
    assert_eq!(hidden, Removed::Stays("no trash is shown over IMAP".into()));
    let refused = "C: A3 UID MOVE 7 \"T\"\nS: A3 NO [CANNOT] No such thing (Failure)\n";
    let left = removed(GMAIL, &folders("[Gmail]/Spam", Some("T")), refused).await;
    assert_eq!(left, Removed::Stays("NO [CANNOT] No such thing (Failure)".into()));
}

#[tokio::test]
async fn numbers_that_hold_no_more_are_not_used() {
    let script = format!(
        "{}{}{}{}",
        select(1, "INBOX", 5),
        ours(2, 7),
        select(3, "Junk", 1),
        select(4, "INBOX", 6)
    );
    let (script, mut session) = session(DOVECOT, &script).await;
    let mut dialogue = dialogue();
    let folders = folders("Junk", None);
    session.select(&folders.inbox, &mut dialogue).await.unwrap();
    let mark = mark();
    let own = session.own(7, Wanted::Letter(&mark, ID), &mut dialogue).await.unwrap().unwrap();
    session.select(&folder("Junk"), &mut dialogue).await.unwrap();
    let left = session.remove(&own, &folders, &mut dialogue).await.unwrap();
    let why = "the folder was made anew meanwhile (UIDVALIDITY)";
    assert_eq!(left, Removed::Stays(why.into()));
    drop(session);
    script.over().await;
}

async fn idled(capabilities: &str, rest: &str, wait: Duration) -> Result<Idled, Failure> {
    let script = format!("{}{rest}", select(1, "INBOX", 5));
    let (_script, mut session) = session(capabilities, &script).await;
    let mut dialogue = dialogue();
    session.select(&Folder::inbox(), &mut dialogue).await.unwrap();
    session.idle(clock::instant() + wait, &mut dialogue).await
}

const LONG: Duration = Duration::from_secs(50);

#[tokio::test]
async fn a_wait_ends_by_what_arrives_or_with_its_time() {
    let end = "C: DONE\nS: A2 OK IDLE terminated (Success)\n";
    let arrives = format!("C: A2 IDLE\nS: + idling\nS: * OK Still here\nS: * 4 EXISTS\n{end}");
    assert_eq!(idled(GMAIL, &arrives, LONG).await.unwrap(), Idled::Arrived);
    // Told before the server said that it listens.
    let early = format!("C: A2 IDLE\nS: * 4 EXISTS\nS: + idling\n{end}");
    assert_eq!(idled(GMAIL, &early, LONG).await.unwrap(), Idled::Arrived);
    let nothing = format!("C: A2 IDLE\nS: + idling\n{end}");
    assert_eq!(idled(GMAIL, &nothing, Duration::ZERO).await.unwrap(), Idled::Over);
}

#[tokio::test]
async fn without_idle_nothing_is_waited_for() {
    assert_eq!(idled("IMAP4rev1", "", LONG).await.unwrap(), Idled::NotOffered);
    let refused = "C: A2 IDLE\nS: A2 NO not now\n";
    assert_eq!(idled(GMAIL, refused, LONG).await.unwrap(), Idled::NotOffered);
}

#[tokio::test]
async fn a_session_that_ends_during_a_wait_is_a_failure_with_its_reason() {
    let bye = "C: A2 IDLE\nS: + idling\nS: * BYE Session expired, please login again.\nCUT";
    let failure = idled(GMAIL, bye, LONG).await.unwrap_err();
    assert_eq!((failure.reason, failure.phase), (Reason::ImapSessionExpired, Some(Phase::Idle)));
    let failure = idled(GMAIL, "C: A2 IDLE\nS: + idling\nCUT", LONG).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ConnectionLost);
}

#[tokio::test]
async fn what_arrived_during_a_search_is_not_waited_for() {
    let script = format!(
        "{}C: A2 UID SEARCH SINCE 8-Nov-2026 HEADER Message-ID \"{ID}\"\nS: * SEARCH\nS: * 4 EXISTS\nS: A2 OK done\n",
        select(1, "INBOX", 5)
    );
    let (_script, mut session) = session(GMAIL, &script).await;
    let mut dialogue = dialogue();
    session.select(&Folder::inbox(), &mut dialogue).await.unwrap();
    let since = Timestamp::parse("2026-11-09T23:00:00Z").unwrap();
    let mark = mark();
    let found = session.find(Wanted::Letter(&mark, ID), since, &mut dialogue).await.unwrap();
    assert!(found.is_empty());
    let until: Instant = clock::instant() + LONG;
    assert_eq!(session.idle(until, &mut dialogue).await.unwrap(), Idled::Arrived);
}
