//! Counting, against servers that play their part by a script: one script a session.

use std::sync::Arc;

use super::*;
use crate::{
    check::{session::Sitting, tests::watched},
    domain::{
        clock::{Clock, Timestamp},
        sending::{Of, Sums},
    },
    wire::{Wire, dial::Dialer, https::Https, imap::Session, script},
};

/// What is counted, and how, over the sessions of one run or of several.
struct Counter {
    count: Option<Count>,
    pace: Pace,
    internal: Vec<String>,
}

const NOW: &str = "2026-11-22T12:00:00Z";

impl Counter {
    fn new() -> Self {
        let (key, journal) = (Key::new([3; 32]), Journal::default());
        let count = Some(Count { key, journal, uncounted: None });
        Self { count, pace: Pace::default(), internal: Vec::new() }
    }

    /// One session, with all of which the script agrees, and what it says to nobody.
    async fn look(&mut self, said: &str) -> Result<(), Failure> {
        let (script, mut session) = Session::scripted("IMAP4rev1 SPECIAL-USE", said).await;
        let watched = watched("sales@example.com");
        let mut settings = (*watched.settings).clone();
        settings.capacity.internal_domains.clone_from(&self.internal);
        let dialer = Dialer::new(None).unwrap();
        let https = Arc::new(Https::new(&dialer));
        let clock = Clock::starting(Timestamp::parse(NOW).unwrap());
        let mut dialogue = script::dialogue();
        let mut probe = Probe {
            link: &watched.link,
            settings: &settings,
            wire: &Wire { dialer, https, clock },
            token: &mut None,
            dialogue: &mut dialogue,
            session: &mut None,
            leave_open: false,
            count: &mut self.count,
            sitting: &mut Sitting::default(),
            letter: None,
            sent: &mut None,
        };
        let looked = look::look(&mut session, &mut probe, &mut self.pace).await;
        drop(session);
        script.over().await;
        looked
    }

    /// A run has a pace of its own.
    fn next_run(&mut self) {
        self.pace = Pace::default();
    }

    fn journal(&self) -> &Journal {
        &self.count.as_ref().unwrap().journal
    }

    fn sums(&self) -> Option<[u64; 5]> {
        let sums: Sums = self.journal().sums(Timestamp::parse(NOW).unwrap())?;
        Some(Of::ALL.map(|of| sums[of]))
    }

    fn uncounted(&self) -> Option<Uncounted> {
        self.count.as_ref().unwrap().uncounted
    }
}

const LIST: &str = "C: A1 LIST (SPECIAL-USE) \"\" \"*\"\n\
    S: * LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Gesendet\"\n\
    S: * LIST (\\Junk) \"/\" Spam\nS: * LIST (\\Trash) \"/\" Papierkorb\nS: A1 OK Success\n";

/// The folder is opened, and has so many messages.
fn examine(messages: u32, next: u32) -> String {
    format!(
        "{LIST}C: A2 EXAMINE \"[Gmail]/Gesendet\"\nS: * OK [UIDVALIDITY 1] UIDs valid.\n\
         S: * {messages} EXISTS\nS: * OK [UIDNEXT {next}] Predicted next UID.\nS: A2 OK [READ-ONLY] (Success)\n"
    )
}

fn search(tag: u32, found: &str) -> String {
    format!("C: A{tag} UID SEARCH SINCE 21-Nov-2026\nS: * SEARCH {found}\nS: A{tag} OK Success\n")
}

const TODAY: &str = "22-Nov-2026 10:00:00 +0000";

fn fetch(tag: u32, named: &str, answer: &str) -> String {
    let items = "(UID INTERNALDATE ENVELOPE BODY.PEEK[HEADER.FIELDS (X-Mailbox-Exporter-Probe)])";
    format!("C: A{tag} UID FETCH {named} {items}\n{answer}")
}

fn dates(tag: u32, named: &str, answer: &str) -> String {
    format!("C: A{tag} UID FETCH {named} (UID INTERNALDATE)\n{answer}")
}

fn ok(tag: u32) -> String {
    format!("S: A{tag} OK Success\n")
}

/// A message to these.
fn told(uid: u32, to: &[&str]) -> String {
    let one = |address: &&str| {
        let (local, host) = address.split_once('@').unwrap();
        format!("(NIL NIL \"{local}\" \"{host}\")")
    };
    let to: String = to.iter().map(one).collect();
    format!(
        "S: * 1 FETCH (UID {uid} INTERNALDATE \"{TODAY}\" ENVELOPE (NIL NIL NIL NIL NIL ({to}) NIL NIL NIL NIL) BODY[HEADER.FIELDS (X-Mailbox-Exporter-Probe)] {{2}}\nS: \nS: )\n"
    )
}

fn dated(uid: u32, at: &str) -> String {
    format!("S: * 1 FETCH (UID {uid} INTERNALDATE \"{at}\")\n")
}

const BROKEN: &str = "S: * 1 FETCH (UID 7 ENVELOPE oh (\n";

#[tokio::test]
async fn a_folder_is_counted_once_and_then_only_what_is_new() {
    let mut counter = Counter::new();
    counter.internal = vec!["example.net".into()];
    let first = [
        examine(90, 8),
        search(3, "5 6"),
        fetch(3 + 1, "5:6", ""),
        told(5, &["ann@example.org", "bob@example.com", "eve@mail.example.com"]),
        told(6, &["ann@example.org", "zoe@example.net"]),
        ok(4),
    ];
    counter.look(&first.concat()).await.unwrap();
    // A subdomain is another domain.
    assert_eq!(counter.sums(), Some([2, 5, 3, 4, 2]));
    assert_eq!(counter.uncounted(), None);
    counter.next_run();
    counter.look(&examine(90, 8)).await.unwrap();
    assert_eq!(counter.sums(), Some([2, 5, 3, 4, 2]));
    let new = [examine(92, 10), fetch(3, "8:9", ""), told(9, &["new@example.org"]), ok(3)];
    counter.next_run();
    counter.look(&new.concat()).await.unwrap();
    assert_eq!(counter.sums(), Some([3, 6, 4, 5, 3]));
}

#[tokio::test]
async fn a_folder_that_is_not_shown_is_no_failure_and_no_name_makes_one() {
    let named = "C: A1 LIST (SPECIAL-USE) \"\" \"*\"\nS: * LIST (\\Junk) \"/\" Spam\nS: A1 OK Success\n\
        C: A2 LIST \"\" \"*\"\nS: * LIST (\\HasNoChildren) \"/\" Sent\nS: A2 OK Success\n";
    let examine =
        |answer: &str| format!("{LIST}C: A2 EXAMINE \"[Gmail]/Gesendet\"\nS: A2 {answer}\n");
    let gone = examine("NO [NONEXISTENT] Unknown Mailbox: [Gmail]/Gesendet (Failure)");
    for script in [named, &gone, &examine("NO no such folder")] {
        let mut counter = Counter::new();
        counter.look(script).await.unwrap();
        assert_eq!(counter.uncounted(), Some(Uncounted::FolderHidden), "{script}");
        assert_eq!(counter.sums(), None);
    }
    let outage = examine("NO [UNAVAILABLE] Temporary System Error");
    assert_eq!(Counter::new().look(&outage).await.unwrap_err().reason, Reason::GoogleOutage);
}

#[tokio::test]
async fn a_folder_that_begins_within_the_day_at_one_of_gmails_sizes_is_limited() {
    let cases = [
        (1000, "22-Nov-2026 01:00:00 +0000", Some(Uncounted::FolderLimited)),
        (1000, "20-Nov-2026 01:00:00 +0000", None),
    ];
    for (messages, first, expected) in cases {
        let first = format!("S: * 1 FETCH (INTERNALDATE \"{first}\")\n");
        let script = [
            examine(messages, 7),
            format!("C: A3 FETCH 1 (INTERNALDATE)\n{first}"),
            ok(3),
            search(4, ""),
        ];
        let mut counter = Counter::new();
        counter.look(&script.concat()).await.unwrap();
        assert_eq!(counter.uncounted(), expected);
        assert!(counter.journal().is_complete());
    }
}

#[tokio::test]
async fn of_many_messages_those_of_the_last_day_are_asked_for() {
    let found: Vec<_> = (1..=150).map(|uid: u32| uid.to_string()).collect();
    let times: String = (1..=150)
        .map(|uid| dated(uid, if uid < 149 { "21-Nov-2026 11:59:00 +0000" } else { TODAY }))
        .collect();
    let script = [
        examine(150, 151),
        search(3, &found.join(" ")),
        dates(4, "1:150", &times),
        ok(4),
        fetch(5, "149:150", &told(149, &["a@b.example"])),
        told(150, &["c@d.example"]),
        ok(5),
    ];
    let mut counter = Counter::new();
    counter.look(&script.concat()).await.unwrap();
    assert_eq!(counter.sums(), Some([2; 5]));
}

#[tokio::test]
async fn a_message_that_nobody_can_read_is_counted_by_its_time_and_stops_no_other() {
    let mut counter = Counter::new();
    let (five, six, eight) = (told(5, &["a@b.example"]), told(6, &[]), told(8, &["a@b.example"]));
    let six = six.replace("()", "NIL");
    let first = [examine(9, 9), search(3, "5 6 7 8"), fetch(4, "5:8", &five), six, BROKEN.into()];
    let failure = counter.look(&first.concat()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::GarbledAnswer);
    assert!(counter.pace.goes_on());
    let second = [examine(9, 9), fetch(3, "7", BROKEN)];
    counter.look(&second.concat()).await.unwrap_err();
    assert!(counter.pace.goes_on());
    assert_eq!(counter.sums(), None);
    let third =
        [examine(9, 9), dates(3, "7", &dated(7, TODAY)), ok(3), fetch(4, "8", &eight), ok(4)];
    counter.look(&third.concat()).await.unwrap();
    assert_eq!(counter.sums(), Some([4, 2, 2, 1, 1]));
}

#[tokio::test]
async fn a_message_of_which_not_even_the_time_can_be_read_is_passed_over() {
    let mut counter = Counter::new();
    let first = [examine(9, 9), search(3, "7 8"), fetch(4, "7:8", BROKEN)];
    counter.look(&first.concat()).await.unwrap_err();
    assert!(counter.pace.goes_on());
    counter.look(&[examine(9, 9), fetch(3, "7", BROKEN)].concat()).await.unwrap_err();
    assert!(counter.pace.goes_on());
    let time = "S: * 1 FETCH (UID 7 INTERNALDATE NIL)\n";
    counter.look(&[examine(9, 9), dates(3, "7", time)].concat()).await.unwrap_err();
    assert!(!counter.pace.goes_on(), "three sessions are enough for one run");
    counter.next_run();
    let rest = [examine(9, 9), fetch(3, "8", &told(8, &["a@b.example"])), ok(3)];
    counter.look(&rest.concat()).await.unwrap();
    assert_eq!(counter.sums(), Some([1; 5]));
}

#[tokio::test]
async fn what_the_server_cannot_fetch_stops_no_other_and_needs_no_other_session() {
    let refused = |tag: u32| format!("S: A{tag} NO Some messages could not be FETCHed (Failure)\n");
    let script = [
        examine(9, 9),
        search(3, "6 7 8"),
        fetch(4, "6:8", &told(6, &["a@b.example"])),
        refused(4),
        fetch(5, "7", &refused(5)),
        dates(6, "7", &dated(7, TODAY)),
        ok(6),
        fetch(7, "8", &told(8, &["a@b.example"])),
        ok(7),
    ];
    let mut counter = Counter::new();
    counter.look(&script.concat()).await.unwrap();
    assert_eq!(counter.sums(), Some([3, 2, 2, 1, 1]));
    // Where nothing can be fetched at all, that is Google's trouble.
    let outage = |tag: u32| format!("S: A{tag} NO [UNAVAILABLE] Server error\n");
    let script = [
        examine(9, 9),
        search(3, "7 8"),
        fetch(4, "7:8", &outage(4)),
        fetch(5, "7", &outage(5)),
        dates(6, "7", &outage(6)),
    ];
    let mut counter = Counter::new();
    let failure = counter.look(&script.concat()).await.unwrap_err();
    assert_eq!((failure.reason, counter.pace.goes_on()), (Reason::GoogleOutage, false));
}

#[tokio::test]
async fn a_run_takes_so_much_and_leaves_the_rest_to_the_next() {
    let mut counter = Counter::new();
    counter.look(&[examine(1, 2), search(3, "")].concat()).await.unwrap();
    counter.next_run();
    let mut script = examine(1, 4_000);
    for (tag, first) in (3..).zip((2..2002).step_by(100)) {
        script += &fetch(tag, &format!("{first}:{}", first + 99), &ok(tag));
    }
    counter.look(&script).await.unwrap();
    assert_eq!(counter.sums(), None);
    counter.next_run();
    let mut script = examine(1, 2_003);
    script += &fetch(3, "2002", &ok(3));
    counter.look(&script).await.unwrap();
    assert!(counter.sums().is_some());
}
