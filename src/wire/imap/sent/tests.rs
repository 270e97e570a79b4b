//! The folder of sent mail, against a server that plays its part by a script.

use super::*;
use crate::{
    domain::{fingerprint::Key, letter::Installation, reason::Reason},
    wire::script::{Script, dialogue},
};

async fn session(script: &str) -> (Script, Session) {
    Session::scripted("IMAP4rev1", script).await
}

fn folder(name: &str) -> Folder {
    Folder::parsed(name).unwrap()
}

fn at(written: &str) -> Timestamp {
    Timestamp::parse(written).unwrap()
}

const ITEMS: &str =
    "(UID INTERNALDATE ENVELOPE BODY.PEEK[HEADER.FIELDS (X-Mailbox-Exporter-Probe)])";

const ARRIVED: &str = "INTERNALDATE \"22-Nov-2026 10:00:00 +0000\"";

const NO_MARK: &str = "BODY[HEADER.FIELDS (X-Mailbox-Exporter-Probe)] {2}\nS: \nS: ";

/// An envelope with these lists of To, Cc and Bcc.
fn envelope(to: &str, cc: &str, bcc: &str) -> String {
    let from = "((\"Sales\" NIL \"sales\" \"example.com\"))";
    format!(
        "ENVELOPE (\"Sun, 22 Nov 2026 10:00:00 +0000\" \"Offer for Ann\" {from} {from} {from} {to} {cc} {bcc} NIL \"<1@x>\")"
    )
}

/// A message to somebody, as it is told.
fn told(uid: u32, to: &str) -> String {
    let list = format!("((NIL NIL \"{to}\" \"example.org\"))");
    format!("S: * 1 FETCH (UID {uid} {ARRIVED} {} {NO_MARK})\n", envelope(&list, "NIL", "NIL"))
}

/// What comes of asking for these messages with this answer.
async fn listed(uids: &[u32], named: &str, answer: &str) -> Told {
    let script = format!("C: A1 UID FETCH {named} {ITEMS}\n{answer}S: A1 OK Success\n");
    let (script, mut session) = session(&script).await;
    let told = session.listed(uids, &mut dialogue()).await;
    drop(session);
    script.over().await;
    told
}

fn uids(told: &Told) -> Vec<u32> {
    told.messages.iter().map(|message| message.uid).collect()
}

#[tokio::test]
async fn a_folder_is_opened_for_reading_whatever_it_is_called() {
    let script = "C: A1 EXAMINE \"[Gmail]/&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-\"\n\
        S: * FLAGS (\\Seen)\nS: * OK [PERMANENTFLAGS ()] Flags permitted.\nS: * OK [UIDVALIDITY 7] UIDs valid.\n\
        S: * 31 EXISTS\nS: * 0 RECENT\nS: * OK [UIDNEXT 104] Predicted next UID.\nS: A1 OK [READ-ONLY] selected\n\
        C: A2 EXAMINE {15}\nS: + go ahead\nC: Objets envoyés\nS: * 2 EXISTS\nS: A2 OK [READ-ONLY] done\n\
        C: A3 EXAMINE \"Sent\"\nS: A3 NO [NONEXISTENT] Unknown Mailbox: Sent (Failure)\n";
    let (script, mut session) = session(script).await;
    let mut dialogue = dialogue();
    let russian = folder("[Gmail]/&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-");
    let found = session.examine_folder(&russian, &mut dialogue).await.unwrap();
    let expected = sending::Folder { validity: Some(7), next: Some(104), messages: 31 };
    assert_eq!(found, expected);
    let found = session.examine_folder(&folder("Objets envoyés"), &mut dialogue).await.unwrap();
    assert_eq!(found, sending::Folder { validity: None, next: None, messages: 2 });
    let failure = session.examine_folder(&folder("Sent"), &mut dialogue).await.unwrap_err();
    assert_eq!((failure.reason, failure.phase), (Reason::Unknown, Some(Phase::Examine)));
    drop(session);
    script.over().await;
}

#[tokio::test]
async fn days_are_asked_for_so_that_no_zone_loses_a_message() {
    let script = "C: A1 UID SEARCH SINCE 20-Nov-2026\nS: * SEARCH 9 4 4\nS: * SEARCH 12\nS: A1 OK done\n\
        C: A2 UID SEARCH SINCE 8-Nov-2026 BEFORE 12-Nov-2026\nS: * SEARCH\nS: A2 OK done\n\
        C: A3 UID SEARCH SINCE 20-Nov-2026\nS: A3 NO [UNAVAILABLE] Server error\n";
    let (script, mut session) = session(script).await;
    let mut dialogue = dialogue();
    // In a zone twelve hours behind it is still the 20th.
    let since = at("2026-11-21T11:59:00Z");
    assert_eq!(session.arrived(since, None, &mut dialogue).await.unwrap(), [4, 9, 12]);
    // In one fourteen hours ahead it is the 11th already, which is the last day to be searched.
    let (since, before) = (at("2026-11-08T12:00:00Z"), at("2026-11-10T10:00:00Z"));
    assert_eq!(session.arrived(since, Some(before), &mut dialogue).await.unwrap(), [0; 0]);
    let refused = session.arrived(at("2026-11-21T00:00:00Z"), None, &mut dialogue).await;
    assert_eq!(refused.unwrap_err().phase, Some(Phase::Search));
    drop(session);
    script.over().await;
}

#[tokio::test]
async fn everybody_of_an_envelope_counts_once_and_groups_are_nobody() {
    let to = "((\"Ann\" NIL \"Ann\" \"Example.ORG\")(NIL NIL \"team\" NIL)(NIL NIL \"bob\" \"example.org\")(NIL NIL NIL NIL) (NIL NIL \"ann\" \"example.org\"))";
    let cc = "((\"=?utf-8?B?w4Rubg==?=\" NIL {3}\nS: c\"d \"example.net\"))";
    let bcc = "((\"Zoë \\\"Z\\\"\" NIL \"ZOË\" \"example.net\")(NIL NIL \"\" \"\"))";
    let answer = format!("S: * 1 FETCH ({} UID 5 {NO_MARK} {ARRIVED})\n", envelope(to, cc, bcc));
    let told = listed(&[5], "5", &answer).await;
    told.ended.unwrap();
    let expected = Listed {
        uid: 5,
        at: at("2026-11-22T10:00:00Z"),
        to: ["ann@example.org", "bob@example.org", "c\"d@example.net", "zoë@example.net"]
            .map(str::to_owned)
            .into(),
        own: false,
    };
    assert_eq!(told.messages, [expected]);
}

#[tokio::test]
async fn a_letter_of_any_installation_is_known_by_its_mark() {
    let mark = Mark::new(&Installation::of(&Key::new([9; 32])), [1; 12]);
    let line = format!("X-Mailbox-Exporter-Probe: {mark}");
    let field = format!(
        "BODY[HEADER.FIELDS (\"X-MAILBOX-EXPORTER-PROBE\")] {{{}}}\nS: {line}\nS: \nS: ",
        line.len() + 4
    );
    let answer = told(5, "ann").replace(NO_MARK, &field) + &told(6, "bob");
    let told = listed(&[5, 6], "5:6", &answer).await;
    let own: Vec<_> = told.messages.iter().map(|message| message.own).collect();
    assert_eq!((uids(&told), own), (vec![5, 6], vec![true, false]));
}

#[tokio::test]
async fn answers_come_in_any_order_in_parts_twice_and_about_others() {
    let in_parts = told(7, "c").replace(&format!("{ARRIVED} "), "");
    let answer = [
        // Nobody asked about the flags, nor about 8 and what has no number.
        "S: * 1 FETCH (UID 9 FLAGS (\\Seen))\nS: * 3 FETCH (FLAGS (\\Seen))\nS: * 40 EXISTS\n",
        &told(9, "e"),
        &told(8, "nobody"),
        &told(5, "a"),
        &told(5, "another"),
        &in_parts,
        &format!("S: * 2 FETCH (UID 7 {ARRIVED} MODSEQ (12))\n"),
        // Of one nobody knows when it came, of another for whom it was.
        &told(11, "f").replace(&format!("{ARRIVED} "), ""),
        &format!("S: * 2 FETCH (UID 12 {ARRIVED} {NO_MARK})\n"),
    ]
    .concat();
    let told = listed(&[5, 6, 7, 9, 11, 12], "5:7,9,11:12", &answer).await;
    told.ended.as_ref().unwrap();
    let to: Vec<_> = told.messages.iter().map(|message| message.to.concat()).collect();
    assert_eq!(uids(&told), [5, 7, 9, 12]);
    assert_eq!(to, ["a@example.org", "c@example.org", "e@example.org", ""]);
}

#[tokio::test]
async fn a_message_to_two_thousand_people_fits() {
    let name = "=?UTF-8?B?w4RybmEgSMO2Z2zDvG5kLCBzYWxlcw==?=";
    let people: String = (0..2000)
        .map(|n| format!("(\"{name}\" NIL \"somebody.{n}\" \"customers.example.org\")"))
        .collect();
    let answer = told(5, "x").replace("((NIL NIL \"x\" \"example.org\"))", &format!("({people})"));
    assert!(answer.len() > 150_000);
    let told = listed(&[5], "5", &answer).await;
    assert_eq!(told.messages[0].to.len(), 2000);
}

#[tokio::test]
async fn what_came_before_a_broken_answer_is_kept_as_far_as_nothing_is_missing() {
    let cases = [
        ("S: * 3 FETCH (UID 7 ENVELOPE (\"date\" NIL NIL) garbage\n", vec![5, 6]),
        // A panic of the parser.
        ("S: * 3 FETCH (UID 7 INTERNALDATE NIL)\n", vec![5, 6]),
        // What came in the same packet as too much is lost, too.
        ("S: * 3 FETCH (UID 7 ENVELOPE (\"date\" {90000}\n", vec![]),
    ];
    for (broken, kept) in cases {
        let answer = told(5, "a") + &told(6, "b") + broken;
        let told = listed(&[5, 6, 7, 8], "5:8", &answer).await;
        assert_eq!(uids(&told), kept, "{broken}");
        assert_eq!(told.ended.unwrap_err().reason, Reason::GarbledAnswer, "{broken}");
    }
    let broken = "S: * 3 FETCH (UID 7 INTERNALDATE NIL)\n";
    // Whether 6 is there cannot be told any more.
    let answer = told(5, "a") + "S: * 2 FETCH (UID 6 FLAGS ())\n" + &told(7, "c") + broken;
    assert_eq!(uids(&listed(&[5, 6, 7, 8], "5:8", &answer).await), [5]);
    let answer = told(7, "c") + &told(5, "a") + broken;
    assert_eq!(uids(&listed(&[5, 6, 7, 8], "5:8", &answer).await), [0; 0]);
}

#[tokio::test]
async fn too_much_in_one_answer_is_refused() {
    let name = "x".repeat(600 * 1024);
    let answer = told(5, "a") + &told(6, &name);
    let (script, mut session) = session(&format!("C: A1 UID FETCH 5:6 {ITEMS}\n{answer}CUT")).await;
    let told = session.listed(&[5, 6], &mut dialogue()).await;
    assert_eq!(uids(&told), [5]);
    let failure = told.ended.unwrap_err();
    assert_eq!(failure.to_string(), "garbled_answer (fetch): a line of more than 524288 bytes");
    drop((script, session));
}

#[tokio::test]
async fn times_alone_are_asked_for_without_anything_else() {
    let script = format!(
        "C: A1 UID FETCH 5:6,9 (UID INTERNALDATE)\nS: * 1 FETCH (UID 5 {ARRIVED})\nS: * 2 FETCH (UID 6)\nS: A1 OK done\n"
    );
    let (_script, mut session) = session(&script).await;
    let told = session.dated(&[5, 6, 9], &mut dialogue()).await;
    assert_eq!(uids(&told), [5]);
    assert_eq!(told.messages[0].at, at("2026-11-22T10:00:00Z"));
}

/// What nobody may read of the messages of these tests.
const PRIVATE: [&str; 4] = ["ann", "example.org", "Offer", "sales"];

#[tokio::test]
async fn nobody_is_named_in_a_transcript_or_an_error_however_the_session_ends() {
    let cut = told(5, "ann")
        + "S: * 2 FETCH (UID 6 ENVELOPE (\"date\" \"Offer for Ann\" ((\"Sales\" NIL \"sales\" \"example.com\nCUT";
    let literal = told(5, "ann") + "S: * 2 FETCH (UID 6 ENVELOPE (\"date\" {30}\nS: Offer\nCUT";
    let bye =
        told(5, "ann") + "S: * BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\nCUT";
    let refused = told(5, "ann")
        + "S: A1 NO [UNAVAILABLE] UID FETCH Server error\nC: A2 LOGOUT\n"
        + &told(6, "ann")
        + "S: A2 OK bye\n";
    // What still comes when nobody listens any more.
    let garbled = told(5, "ann")
        + "S: * 1 FETCH (UID 6 oh (\n"
        + &told(6, "ann")
        + "S: A1 OK done\n"
        + "C: A2 LOGOUT\n"
        + &told(6, "ann")
        + "S: A2 OK bye\n";
    for answer in [cut, literal, bye, refused, garbled] {
        let script = format!("C: A1 UID FETCH 5:6 {ITEMS}\n{answer}");
        let (_script, mut session) = session(&script).await;
        let mut dialogue = dialogue();
        let told = session.listed(&[5, 6], &mut dialogue).await;
        let failure = told.ended.unwrap_err();
        session.logout(&mut dialogue).await;
        let transcript = dialogue.transcript().join("\n");
        for words in [&transcript, &failure.to_string(), &format!("{failure:?}")] {
            let named: Vec<_> = PRIVATE.into_iter().filter(|name| words.contains(name)).collect();
            assert!(named.is_empty(), "{named:?} in {words}");
        }
        assert!(transcript.contains("lines, not shown"), "{transcript}");
    }
}

#[tokio::test]
async fn after_a_good_answer_the_transcript_goes_on() {
    let script = format!(
        "C: A1 UID FETCH 5 {ITEMS}\n{}S: A1 OK Success\nC: A2 EXAMINE \"Sent\"\nS: * 3 EXISTS\nS: A2 OK fine\n",
        told(5, "ann")
    );
    let (_script, mut session) = session(&script).await;
    let mut dialogue = dialogue();
    session.listed(&[5], &mut dialogue).await.ended.unwrap();
    session.examine_folder(&folder("Sent"), &mut dialogue).await.unwrap();
    let transcript = dialogue.transcript().join("\n");
    assert!(!transcript.contains("ann") && transcript.contains("S: * 3 EXISTS"), "{transcript}");
}
