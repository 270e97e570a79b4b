//! What a mailbox sent, as the exporter counts it: held against what was put there, and against Python's idea of the same
//! folder. And what that costs, where the folder is huge.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, FixedOffset, Utc};
use mailbox_exporter::domain::clock::Clock;

use crate::support::{Dovecot, LIBRARY, MAIL, Watch, Watched, Witness, World, are_there};

const CAPACITY: &str = "capacity: {schedule: \"0 0 1 1 *\", timeout: 60s}";

const TURKISH: &str = include_str!("dovecot/turkish.conf");
const HUGE: &str = include_str!("dovecot/huge.conf");

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

#[test]
fn a_days_messages_are_counted_whatever_becomes_of_them() {
    if !are_there(&[(LIBRARY, "libfaketime")]) {
        return;
    }
    let Some(world) = World::shared() else { return };
    let now = the_time();
    let dovecot = &world.another("turkish", TURKISH, &clocks_were_put_back(now - 12 * HOUR));
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    let owner = Witness { world, user, token };

    let mut sent = two_days_of(now);
    owner.fill_sent(dovecot, &texts(&sent));
    // Not even Python and we see what was deleted before.
    for gone in [7, 3, 0] {
        expunge(dovecot, user, gone);
        sent.remove(gone);
    }
    let day = now - 24 * HOUR;
    assert_eq!(owner.count_sent(dovecot, day), sums(&sent, day));
    let mut exporter =
        Watch { world, address: user, imap: dovecot.imap(), checks: CAPACITY }.serve();
    exporter.until_holds("mailbox_sent_messages{window=\"24h\"}", |value| value.is_some());
    assert_eq!(counted(&exporter), sums(&sent, day));

    // What was seen counts when it is gone, and what was gone when it could be seen does not.
    for gone in [40, 20, 10, 2] {
        expunge(dovecot, user, gone);
    }
    let more: Vec<_> = (0..12).map(|number| Letter::new(now - number * MINUTE, number)).collect();
    owner.fill_sent(dovecot, &texts(&more));
    expunge(dovecot, user, sent.len() - 4);
    sent.extend(more.into_iter().skip(1));
    exporter.probe("capacity");
    assert_eq!(counted(&exporter), sums(&sent, day));

    exporter.later(Duration::from_secs(6 * 60 * 60));
    exporter.probe("capacity");
    assert_eq!(counted(&exporter), sums(&sent, day + 6 * HOUR));

    // The numbers no longer hold: what stands in the folder is all that is known.
    let folder = "Gönderilmiş Öğeler";
    dovecot.doveadm(&["mailbox", "delete", "-u", user, folder]);
    dovecot.doveadm(&["mailbox", "create", "-u", user, folder]);
    let again: Vec<_> = (0..5).map(|number| Letter::new(now - number * HOUR, number)).collect();
    owner.fill_sent(dovecot, &texts(&again));
    exporter.probe("capacity");
    assert_eq!(counted(&exporter), sums(&again, day + 6 * HOUR));
}

#[test]
fn half_a_million_messages_cost_what_is_new() {
    if !are_there(&[(LIBRARY, "libfaketime")]) {
        return;
    }
    let Some(world) = World::shared() else { return };
    let dovecot = &world.another("huge", HUGE, "UTC");
    let user = &world.mailbox();
    let now = the_time();
    let young = |number: i64| now - MINUTE - number * 4 * MINUTE;
    let old = |number: i64| now - 25 * HOUR - number * 5 * MINUTE;
    let times = (0..STANDING - YOUNG).map(old).chain((0..YOUNG).map(young));
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    append(dovecot, user, 1, &times);

    let mut exporter =
        Watch { world, address: user, imap: dovecot.imap(), checks: CAPACITY }.serve();
    exporter.until("mailbox_sent_messages{window=\"24h\"}", YOUNG as f64);
    assert_eq!(counted(&exporter), [YOUNG as u64; 5]);
    let first = exporter.bytes();
    assert!(first < 400.0 * 1024.0, "{first}");
    let said = dovecot.commands();
    assert!(said.len() < 20 && said.iter().all(|line| !line.contains("SEARCH ALL")), "{said:#?}");

    let cost = |exporter: &Watched| {
        let (before, said) = (exporter.bytes(), dovecot.commands().len());
        exporter.probe("capacity");
        (exporter.bytes() - before, dovecot.commands().split_off(said))
    };
    let (bytes, said) = cost(&exporter);
    assert!(bytes < 4.0 * 1024.0, "{bytes}: {said:#?}");
    assert!(
        !said.iter().any(|line| line.contains("SEARCH") || line.contains("FETCH")),
        "{said:#?}"
    );

    append(dovecot, user, STANDING + 1, &[now; 10]);
    let (bytes, said) = cost(&exporter);
    assert_eq!(counted(&exporter)[0], YOUNG as u64 + 10);
    assert!(bytes < 10.0 * 1024.0, "{bytes}: {said:#?}");
    assert!(!said.iter().any(|line| line.contains("SEARCH")), "{said:#?}");

    // Another process goes on where that one stopped.
    exporter.restart();
    let said = dovecot.commands().len();
    exporter.until_holds("mailbox_check_success{check=\"capacity\"}", |value| value == Some(1.0));
    exporter.probe("capacity");
    let said = dovecot.commands().split_off(said);
    assert_eq!(counted(&exporter)[0], YOUNG as u64 + 10);
    assert!(!said.iter().any(|line| line.contains("SEARCH")), "{said:#?}");
}

const STANDING: i64 = 500_000;
const YOUNG: i64 = 300;

/// One message, by what is known of it before any server was asked.
struct Letter {
    at: i64,
    /// As IMAP writes the time, in some zone.
    date: String,
    head: String,
    /// In lower case, each once.
    to: Vec<String>,
}

impl Letter {
    fn new(at: i64, number: i64) -> Self {
        let zone =
            FixedOffset::east_opt(ZONES[number as usize % ZONES.len()] * 60).expect("a zone");
        let date = DateTime::from_timestamp(at, 0).expect("a time").with_timezone(&zone);
        let (head, to) = addressed(number);
        let date = date.format("%d-%b-%Y %H:%M:%S %z").to_string();
        Self { at, date, head, to: to.into_iter().collect() }
    }
}

fn the_time() -> i64 {
    Clock::System.now().as_millis() / 1000
}

/// In minutes.
const ZONES: [i32; 6] = [0, 330, -480, 840, -570, 60];

/// A message's address fields, and who gets it.
fn addressed(number: i64) -> (String, Vec<String>) {
    let own = |people: &[&str]| people.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let customer = format!("customer.{}@example.org", number % 50);
    match number % 8 {
        0 => (format!("To: Customer <{customer}>\n"), vec![customer]),
        1 => (
            "To: =?utf-8?B?QXnFn2U=?= <ayse@example.net>, Bob <BOB@Example.NET>\nCc: bob@example.net\n".into(),
            own(&["ayse@example.net", "bob@example.net"]),
        ),
        2 => (
            "To: Colleagues: ann@example.test, =?iso-8859-9?Q?G=FCl?= <gul@example.test>;,\n \
             outside@example.com\nBcc: ann@example.test\n"
                .into(),
            own(&["ann@example.test", "gul@example.test", "outside@example.com"]),
        ),
        3 => (
            format!("To: undisclosed-recipients:;\nBcc: boss@example.test, {customer}\n"),
            vec!["boss@example.test".into(), customer],
        ),
        4 => {
            let many: Vec<_> = (0..40).map(|each| format!("list.{each}@example.org")).collect();
            (format!("To: {}\n", many.join(",\n ")), many)
        }
        5 => (
            "To: \"odd, <name>\" <\"quoted local\"@example.org>\n".into(),
            own(&["quoted local@example.org"]),
        ),
        6 => (String::new(), Vec::new()),
        _ => (
            format!("Cc: {customer} (the boss), postmaster@sub.example.test\n"),
            vec![customer, "postmaster@sub.example.test".into()],
        ),
    }
}

/// Around midnight everywhere, around the change of the clocks, and around the edges of the days that are counted.
fn two_days_of(now: i64) -> Vec<Letter> {
    let edges = [24 * HOUR, 18 * HOUR];
    let around = edges.iter().flat_map(|edge| [edge - 5 * MINUTE, edge + 5 * MINUTE]);
    let every = (0..230).map(|number| MINUTE + number * 13 * MINUTE);
    let safe = every.filter(|age| edges.iter().all(|edge| (age - edge).abs() > 5 * MINUTE));
    // The last is ahead of our clock.
    let ages = around.chain(safe).chain([-30 * MINUTE]);
    ages.enumerate().map(|(number, age)| Letter::new(now - age, number as i64)).collect()
}

fn texts(letters: &[Letter]) -> Vec<(String, String)> {
    let text = |letter: &Letter| {
        let text =
            format!("From: sales@example.test\n{}Subject: order\n\nThank you.\n", letter.head);
        (letter.date.clone(), text.replace('\n', "\r\n"))
    };
    letters.iter().map(text).collect()
}

/// What the five metrics are to say.
fn sums(letters: &[Letter], since: i64) -> [u64; 5] {
    let letters = || letters.iter().filter(|letter| letter.at > since);
    let everybody: Vec<_> = letters().flat_map(|letter| &letter.to).collect();
    let is_outside = |person: &&&String| !person.ends_with("@example.test");
    let outside: Vec<_> = everybody.iter().filter(is_outside).copied().collect();
    let once = |people: &[&String]| {
        let mut people = people.to_vec();
        people.sort_unstable();
        people.dedup();
        people.len()
    };
    [letters().count(), everybody.len(), outside.len(), once(&everybody), once(&outside)]
        .map(|count| count as u64)
}

fn counted(exporter: &Watched) -> [u64; 5] {
    let of = [
        "messages",
        "recipients",
        "external_recipients",
        "unique_recipients",
        "unique_external_recipients",
    ];
    of.map(|of| {
        let series = format!("mailbox_sent_{of}{{window=\"24h\"}}");
        exporter.value(&series).unwrap_or_else(|| panic!("no {series}")) as u64
    })
}

/// Removes the message at this place, as many are before it.
fn expunge(dovecot: &Dovecot, user: &str, place: usize) {
    let number = (place + 1).to_string();
    let folder = ["mailbox", "Gönderilmiş Öğeler"];
    dovecot.doveadm(&[&["expunge", "-u", user], &folder[..], &[&number]].concat());
}

/// A zone whose clocks were put back by an hour at that time.
fn clocks_were_put_back(at: i64) -> String {
    let before = DateTime::from_timestamp(at + 2 * HOUR, 0).expect("a time");
    // The days of the year, as the zone's rules count them, know no 29 February.
    let day = |at: DateTime<Utc>| {
        let leap = u32::from(at.date_naive().leap_year() && at.ordinal() > 59);
        at.ordinal() - leap
    };
    let began = day(before - chrono::Duration::days(90));
    format!("WIN-1SUM,J{began}/2,J{}/{}", day(before), before.format("%H:%M:%S"))
}

/// Writes messages to one customer each behind those that stand in the file of sent mail.
fn append(dovecot: &Dovecot, user: &str, first: i64, times: &[i64]) {
    let folder = dovecot.mail(user).join("mail");
    fs::create_dir_all(&folder).expect("a folder for mail");
    let file = folder.join("&kAFP4W4IMH8-");
    let mut text = String::new();
    for (uid, at) in (first..).zip(times) {
        let date = DateTime::from_timestamp(*at, 0).expect("a time");
        let date = date.format("%a %b %e %H:%M:%S %Y");
        let base = if uid == 1 { "X-IMAPbase: 1700000000 0000500000\n" } else { "" };
        writeln!(text, "From sales@example.test {date}\n{base}X-UID: {uid}\nTo: customer.{uid}@example.org\n\nThank you.\n")
            .expect("a string takes all");
    }
    let mut options = fs::OpenOptions::new();
    let mailbox = options.append(true).create(true).open(&file);
    mailbox.and_then(|mut file| file.write_all(text.as_bytes())).expect("a file of ours");
    dovecot.give(user);
}
