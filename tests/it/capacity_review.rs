//! `mailbox_exporter capacity`: what it reads, how it goes on, and what it says in each format.

use std::{
    os::unix::fs::PermissionsExt,
    process::Output,
    time::{Duration, SystemTime},
};

use gmail_sim::{At, Fault, Folder, Service, What, Whose};
use mailbox_exporter::domain::clock::Timestamp;
use serde_json::Value;

use crate::support::World;

const SALES: &str = "sales@example.com";

/// Puts a message into the folder of sent mail, so many hours ago.
fn sent(world: &World, mailbox: &str, hours: u64, to: &str, more: &str) {
    let at = ago(world, hours);
    let raw =
        format!("From: {mailbox}\r\nTo: {to}\r\n{more}Subject: An order\r\n\r\nThank you.\r\n");
    world.sim.world().put(mailbox, Folder::Sent, raw, at, &["\\Seen"]);
}

fn ago(world: &World, hours: u64) -> SystemTime {
    world.sim.world().now() - Duration::from_secs(hours * 60 * 60)
}

/// Twelve weeks, the oldest first: every day `daily` messages to somebody else each.
fn busy(world: &World, mailbox: &str, daily: u64) {
    for day in (0..84).rev() {
        for number in 0..daily {
            sent(world, mailbox, 24 * day + 2, &format!("c{number}@elsewhere.example"), "");
        }
    }
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{complaint}"))
}

/// What is known of one thing that is counted.
fn each<'a>(report: &'a Value, mailbox: &str, of: &str) -> &'a Value {
    let named = |list: &'a Value, key: &str, name: &str| {
        let found = list.as_array().unwrap().iter().find(|entry| entry[key] == name);
        found.unwrap_or_else(|| panic!("{name}: {list}"))
    };
    named(&named(&report["mailboxes"], "mailbox", mailbox)["each"], "of", of)
}

fn days_sum(report: &Value) -> u64 {
    let days = report["mailboxes"][0]["days"].as_array().unwrap();
    days.iter().map(|day| day["messages"].as_u64().unwrap()).sum()
}

fn fetches(world: &World) -> usize {
    world.asked_about(SALES).iter().filter(|what| what.contains("FETCH")).count()
}

/// The numbers that were asked about, as often as they were.
fn numbers(world: &World) -> Vec<u32> {
    let mut numbers = Vec::new();
    for what in world.asked_about(SALES) {
        let Some((_, rest)) = what.split_once("UID FETCH ") else { continue };
        for run in rest.split(' ').next().unwrap().split(',') {
            let (first, last) = run.split_once(':').unwrap_or((run, run));
            numbers.extend(first.parse::<u32>().unwrap()..=last.parse().unwrap());
        }
    }
    numbers.sort_unstable();
    numbers
}

fn sessions(world: &World) -> usize {
    world.asked_about(SALES).iter().filter(|what| what.starts_with("AUTH")).count()
}

#[tokio::test]
async fn what_was_sent_is_counted_once_for_all_links_and_nothing_is_touched() {
    let mut world = World::start().await;
    world.mailbox(SALES).mailbox_with(SALES, ", id: second, direction: outgoing");
    for day in [1, 2, 3] {
        sent(&world, SALES, 24 * day, "a@elsewhere.example, b@example.com", "");
        sent(&world, SALES, 24 * day, "a@elsewhere.example", "Bcc: c@elsewhere.example\r\n");
    }
    let mark = "X-Mailbox-Exporter-Probe: 0123456789abcdef/0123456789abcdef01234567\r\n";
    sent(&world, SALES, 30, "sink@example.com", mark);
    // Older than asked for.
    sent(&world, SALES, 24 * 20, "a@elsewhere.example", "");
    let output = world.run(&["capacity", "--format", "json", "--since", "7d"]).await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["mailboxes"].as_array().unwrap().len(), 1);
    assert_eq!(days_sum(&report), 6);
    assert_eq!(report["mailboxes"][0]["own_test_messages"], 1);
    let daily = &report["mailboxes"][0]["days"];
    assert_eq!(daily.as_array().unwrap().len(), 7, "the running day is left out");
    for (of, peak) in [
        ("messages", 2),
        ("recipients", 4),
        ("external_recipients", 3),
        ("unique_recipients", 3),
        ("unique_external_recipients", 2),
    ] {
        assert_eq!(each(&report, SALES, of)["peak_24h"], peak, "{of}: {report:#}");
    }
    assert_eq!(sessions(&world), 1);
    let touches = ["SELECT", "STORE", "EXPUNGE", "MOVE", "COPY", "APPEND"];
    for asked in world.asked_about(SALES) {
        assert!(!touches.iter().any(|word| asked.contains(word)), "{asked}");
    }
}

#[tokio::test]
async fn the_table_has_the_worst_first_in_100_columns_and_says_what_to_do() {
    let mut world = World::start().await;
    let long = "a-mailbox-with-quite-a-long-name.for-a-table@subsidiary.example.com";
    world.mailbox("calm@example.com").mailbox_with(SALES, ", account: workspace");
    world.mailbox(long).mailbox("dead@example.com");
    world.settings = "checks: {capacity: {limits: {messages: 10}}}\n".into();
    world.sim.world().revoke_all("dead@example.com");
    sent(&world, "calm@example.com", 30, "a@elsewhere.example", "");
    for _ in 0..9 {
        sent(&world, SALES, 30, "a@elsewhere.example", "");
    }
    let output = world.run(&["capacity", "--since", "2w"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), complaint.as_str()), (Some(1), ""), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("{words}:\n{said}"));
    let order = ["dead@example.com", SALES, "calm@example.com", long].map(place);
    assert!(order.is_sorted(), "{said}");
    for words in ["90%", "smtp-relay.gmail.com", "There is enough room", "grant_revoked_or_expired"]
    {
        place(words);
    }
}

#[tokio::test]
async fn a_sheet_has_a_line_a_mailbox_and_thing_and_quotes_what_needs_it() {
    let mut world = World::start().await;
    world.mailbox(SALES).mailbox("dead@example.com");
    world.sim.world().revoke_all("dead@example.com");
    sent(&world, SALES, 30, "a@elsewhere.example", "");
    let output = world.run(&["capacity", "--since", "7d", "--format", "csv"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let mut sheet = csv::Reader::from_reader(said.as_bytes());
    let rows: Vec<_> = sheet.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6, "{said}");
    assert_eq!((&rows[0][0], rows[0][15].contains(", ")), ("dead@example.com", true), "{said}");
    assert_eq!((&rows[1][0], &rows[1][1], &rows[1][8]), (SALES, "messages", "1"), "{said}");
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("dead@example.com: Stopped: "));
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn openmetrics_has_every_hour_in_families_and_the_label_that_privacy_makes() {
    let mut world = World::start().await;
    world.mailbox_with(SALES, ", id: one").mailbox_with("info@example.com", ", id: two");
    world.settings = "privacy: {mailbox_label: hash, key: {file: key}}\n".into();
    world.write("key", "a-key-that-is-long-enough-for-a-hash");
    sent(&world, SALES, 30, "a@elsewhere.example", "");
    let path = world.path("history.txt");
    let file = path.to_str().unwrap();
    let output = world
        .run(&["capacity", "--since", "3d", "--format", "openmetrics", "--output", file])
        .await;
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{complaint}");
    let said = std::fs::read_to_string(path).unwrap();
    assert!(said.ends_with("# EOF\n") && !said.contains("@example.com"), "{said}");
    let mut families: Vec<_> = said
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('{').next().unwrap())
        .collect();
    families.dedup();
    assert_eq!(families.len(), 6, "each family stands together: {families:?}");
    let series: Vec<_> =
        said.lines().filter(|line| line.starts_with("mailbox_sent_messages{")).collect();
    // Three whole days and what there is of this one, of two mailboxes.
    assert!((2 * 72..2 * 97).contains(&series.len()), "{}", series.len());
    let ones = series.iter().filter(|line| line.contains(",window=\"24h\"} 1 ")).count();
    assert_eq!(ones, 24, "{said}");
}

#[tokio::test]
async fn a_session_that_ends_half_way_is_opened_again_and_nothing_is_read_twice() {
    let mut world = World::start().await;
    world.mailbox(SALES);
    busy(&world, SALES, 5);
    world.run(&["capacity", "--format", "json", "--since", "80d"]).await;
    let once = numbers(&world);
    // Of twelve weeks the oldest three days are not asked for, but servers find by days of their own.
    let (most, mut each) = (once.len(), once);
    each.dedup();
    assert_eq!(each.len(), most, "nothing is read twice");
    assert!((400..=420).contains(&most), "{most}");
    assert_eq!(sessions(&world), 1);
    let cut = || Fault::new(Service::Imap, At::Fetch, What::CutMidLine).of(SALES).times(2);
    world.sim.world().fault(cut()).unwrap();
    let output = world.run(&["capacity", "--format", "json", "--since", "80d"]).await;
    let first = report(&output);
    assert_eq!(output.status.code(), Some(0), "{first:#}");
    assert_eq!(days_sum(&first), 400);
    assert_eq!(sessions(&world), 1 + 3);
    // Beside what was in the two answers that broke off.
    assert!(numbers(&world).len() <= 2 * most + 200, "{}", numbers(&world).len());
}

#[tokio::test]
async fn a_message_that_breaks_answers_does_not_stop_the_others() {
    // Envelopes that cannot be read are counted by their time; where that cannot be read either, it is told.
    for (broken, counted) in [(2, 12), (3, 11)] {
        let mut world = World::start().await;
        world.mailbox(SALES);
        for day in 1..=12 {
            sent(&world, SALES, 24 * day + 1, "a@elsewhere.example", "");
        }
        let lies = Fault::new(Service::Imap, At::Fetch, What::Garbage).of(SALES).times(broken);
        world.sim.world().fault(lies).unwrap();
        let output = world.run(&["capacity", "--format", "json", "--since", "20d"]).await;
        let report = report(&output);
        assert_eq!(days_sum(&report), counted, "{report:#}");
        let unnamed = report["mailboxes"][0]["messages_without_recipients"].as_u64();
        assert_eq!(unnamed, Some(u64::from(broken == 2)), "{report:#}");
        let trouble = report["mailboxes"][0]["trouble"].as_str().unwrap_or_default();
        assert_eq!(trouble.starts_with("1 messages could not be read"), broken == 3, "{trouble}");
        assert_eq!(output.status.code(), Some(i32::from(broken == 3)));
    }
}

#[tokio::test]
async fn what_is_kept_goes_on_after_an_interruption() {
    let mut world = World::start().await;
    world.mailbox(SALES);
    busy(&world, SALES, 5);
    let path = world.path("kept.json");
    let arguments =
        ["capacity", "--format", "json", "--since", "80d", "--resume", path.to_str().unwrap()];
    // Each run gets through three batches.
    let three = ["capacity", "--max-bytes", "100kB"];
    let output = world.run(&[&three, &arguments[1..]].concat()).await;
    let first = report(&output);
    assert_eq!(output.status.code(), Some(1), "{first:#}");
    let trouble = first["mailboxes"][0]["trouble"].as_str().unwrap();
    assert!(trouble.contains("--max-bytes") && trouble.contains("--resume FILE"), "{trouble}");
    let known = days_sum(&first);
    assert!((1..400).contains(&known), "{known}");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(!kept.contains("elsewhere.example"), "recipients are kept as fingerprints");

    let before = fetches(&world);
    let whole = report(&world.run(&arguments).await);
    assert_eq!((days_sum(&whole), whole["mailboxes"][0]["complete"].as_bool()), (400, Some(true)));
    let second = fetches(&world) - before;
    // In one go it is the same.
    let at_once = report(&world.run(&arguments[..5]).await);
    for of in ["messages", "unique_recipients"] {
        assert_eq!(each(&whole, SALES, of), each(&at_once, SALES, of));
    }

    // What is new since, and nothing else.
    let before = fetches(&world);
    let again = report(&world.run(&arguments).await);
    assert_eq!(days_sum(&again), 400);
    assert!(fetches(&world) - before < second, "{second}");
}

#[tokio::test]
async fn ctrl_c_keeps_what_was_read() {
    let mut world = World::start().await;
    world.mailbox(SALES);
    busy(&world, SALES, 2);
    let path = world.path("kept.json");
    let stall = Fault::new(Service::Imap, At::Search, What::Stall).of(SALES);
    let arguments =
        ["capacity", "--since", "30d", "--format", "json", "--resume", path.to_str().unwrap()];
    world.sim.world().fault(stall).unwrap();
    let mut child = world.exporter(&arguments);
    let child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = child.spawn().unwrap();
    world.until(|asked| asked.iter().any(|what| what.contains("SEARCH"))).await;
    let id = child.id().unwrap().to_string();
    let killed = std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("--resume goes on from there"), "{said}");
    world.sim.world().clear_faults(Whose::All);
    assert_eq!(days_sum(&report(&world.run(&arguments).await)), 60);
}

#[tokio::test]
async fn a_token_that_ends_is_replaced_and_a_folder_that_is_hidden_is_said() {
    let mut world = World::start().await;
    world.mailbox(SALES).mailbox("hidden@example.com");
    sent(&world, SALES, 30, "a@elsewhere.example", "");
    world.sim.world().set("hidden@example.com", |account| {
        account.hidden_folders.push(Folder::Sent);
    });
    let expired = Fault::say("imap.session_expired").unwrap().of(SALES).times(1);
    world.sim.world().fault(expired).unwrap();
    let output = world.run(&["capacity", "--format", "json", "--since", "7d"]).await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(each(&report, SALES, "messages")["peak_24h"], 1, "{report:#}");
    let hidden = report["mailboxes"][0]["trouble"].as_str().unwrap();
    assert!(hidden.contains("tick \"Show in IMAP\" for Sent"), "{report:#}");
}

#[tokio::test]
async fn mistakes_end_with_64_and_say_what_would_be_right() {
    let mut world = World::start().await;
    world.mailbox(SALES);
    let other = world.write("other.json", "{\"a\": 1}");
    let other = other.to_str().unwrap();
    let tomorrow = Timestamp::from_secs(
        i64::try_from(ago(&world, 0).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
            .unwrap()
            + 2 * 86_400,
    );
    let tomorrow = tomorrow.to_string()[..10].to_owned();
    let cases: [(&[&str], &str); 8] = [
        (&["capacity", "nobody"], "there are: sales@example.com"),
        (&["capacity", "--since", "yesterday"], "write it as 90d, 12w or 2026-08-24"),
        (&["capacity", "--since", &tomorrow], "is not in the past"),
        (&["capacity", "--max-bytes", "much"], "write it as 250MB"),
        (&["capacity", "--format", "xml"], "possible values"),
        (&["capacity", "--resume", other], "name a file that is not there yet"),
        (&["capacity", "--resume", "/nowhere/kept.json"], "/nowhere/kept.json: it cannot be"),
        (&["capacity", "--output", "/nowhere/out.csv"], "/nowhere/out.csv: it cannot be written"),
    ];
    for (arguments, says) in cases {
        let output = world.run(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(other).unwrap(), "{\"a\": 1}", "it is left alone");
    assert!(world.asked_about(SALES).is_empty());
}
