//! Round trips: a letter is sent, found and removed, whatever the servers do, and nobody else's message is touched.

mod schedule;
mod trouble;

use std::time::Duration;

use gmail_sim::{
    Arrival, At, Authentication, Bounce, Delivery, Extension, Fault, Folder, Language, Service,
    Verdict, What, WhenFull,
};
use serde_json::Value;

use crate::support::{Report, World};

const SENDER: &str = "sales@example.com";
const SINK: &str = "sink@example.com";

/// A mailbox that sends to another, which is watched, too.
async fn world(keys: &str) -> World {
    let mut world = World::start().await;
    // What a broken exporter never finds is not waited for as long as by default.
    let keys = if keys.is_empty() { ", late_after: 20s" } else { keys };
    let keys = format!(", direction: outgoing, checks: {{round_trip: {{to: {SINK}{keys}}}}}");
    world.mailbox_with(SENDER, &keys).mailbox_with(SINK, ", direction: incoming");
    world
}

async fn send(world: &World) -> (i32, Report) {
    world.check(&["--send", SENDER]).await
}

fn way(report: &Report) -> &Value {
    &report.0["links"][0]["round_trip"]
}

fn left(report: &Report) -> Vec<&str> {
    let left = way(report)["left"].as_array();
    left.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// How many letters the sender has handed over, or tried to.
fn sends(world: &World) -> usize {
    world.asked_about(SENDER).iter().filter(|what| *what == "DATA").count()
}

/// The letters of ours that are anywhere, by folder.
fn letters(world: &World) -> Vec<String> {
    let everywhere = [SENDER, SINK].into_iter().flat_map(|it| Folder::EVERY.map(|f| (it, f)));
    let ours = everywhere.flat_map(|(address, folder)| {
        let messages = world.sim.world().messages(address, folder);
        let headers = messages.into_iter().map(|message| header(&message.raw));
        let ours = headers.filter(|header| header.contains("Subject: Test of this mailbox"));
        ours.map(move |_| format!("{folder:?} of {address}")).collect::<Vec<_>>()
    });
    ours.collect()
}

fn header(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    text.split("\r\n\r\n").next().unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_clean(world: &World, report: &Report) {
    assert_eq!(left(report), [""; 0]);
    assert_eq!(letters(world), [""; 0]);
}

#[tokio::test]
async fn a_letter_arrives_in_the_inbox_and_leaves_nothing_behind() {
    let world = world("").await;
    let (code, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{:#}", report.0);
    let way = way(&report);
    assert_eq!((&way["to"], &way["arrival"]), (&SINK.into(), &"inbox".into()));
    assert!(way["delay_seconds"].is_number() && way["transit_seconds"].is_number(), "{way}");
    assert_eq!(
        (&way["spf"], &way["dkim"], &way["dmarc"]),
        (&true.into(), &true.into(), &true.into())
    );
    assert_eq!((code, sends(&world)), (0, 1));
    assert_clean(&world, &report);
}

#[tokio::test]
async fn a_letter_in_spam_is_found_by_use_and_told_with_what_the_server_thinks_of_the_sender() {
    let world = world("").await;
    world.sim.world().set(SINK, |account| {
        account.language = Language::Japanese;
        account.authentication = Some(Authentication { dkim: Verdict::Fail, ..Default::default() });
    });
    world.sim.world().next_delivery(SINK, Delivery::to(Arrival::Spam));
    let (code, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "fail: delivered_to_spam");
    assert_eq!((&way(&report)["arrival"], &way(&report)["dkim"]), (&"spam".into(), &false.into()));
    assert_eq!(code, 1);
    assert_clean(&world, &report);
}

#[tokio::test]
async fn a_letter_that_takes_its_time_is_waited_for_with_idle_and_without() {
    for without in [None, Some(Extension::Idle)] {
        let world = world("").await;
        world.sim.world().set(SINK, |account| account.without.extend(without));
        let slow = Delivery::to(Arrival::Inbox).after(Duration::from_secs(3));
        world.sim.world().next_delivery(SINK, slow);
        let (_, report) = send(&world).await;
        assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{without:?}: {:#}", report.0);
        assert!(way(&report)["delay_seconds"].as_f64() > Some(1.5), "{}", way(&report));
        let asked = world.asked_about(SINK);
        let sign_ins = asked.iter().filter(|what| what.starts_with("AUTHENTICATE")).count();
        let idled = asked.iter().any(|what| what == "IDLE");
        assert_eq!((idled, sign_ins), (without.is_none(), 1 + usize::from(without.is_some())));
        assert_clean(&world, &report);
    }
}

#[tokio::test]
async fn what_comes_late_is_found_and_told_as_late() {
    let world = world(", late_after: 1s").await;
    let slow = Delivery::to(Arrival::Inbox).after(Duration::from_secs(4));
    world.sim.world().next_delivery(SINK, slow);
    let (_, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "fail: delivered_late");
    assert_eq!(way(&report)["arrival"], "late");
    assert_clean(&world, &report);
}

#[tokio::test]
async fn what_never_comes_is_late_at_first_and_lost_in_the_end() {
    for (keys, expected) in [
        (", late_after: 1s, lost_after: 2s", "message_lost"),
        (", late_after: 1s", "delivered_late"),
    ] {
        let world = world(keys).await;
        world.sim.world().next_delivery(SINK, Delivery::to(Arrival::Lost));
        let (code, report) = send(&world).await;
        let verdict = report.verdict(SENDER, "round_trip");
        assert_eq!((verdict, code), (format!("fail: {expected}"), 1), "{:#}", report.0);
        assert_eq!(way(&report)["delay_seconds"], Value::Null);
        let [left] = left(&report)[..] else { panic!("{}", way(&report)) };
        assert!(left.starts_with("in sink@example.com: should it still come, it stays"), "{left}");
        assert_eq!(letters(&world), [""; 0], "the copy in Sent is gone");
    }
}

#[tokio::test]
async fn a_letter_that_comes_twice_is_removed_twice() {
    let world = world("").await;
    let twice = Delivery::to(Arrival::Inbox).twice(Duration::ZERO);
    world.sim.world().next_delivery(SINK, twice);
    let (_, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "pass");
    assert_clean(&world, &report);
}

#[tokio::test]
async fn what_bounces_fails_with_the_bounces_reason_and_the_bounce_stays() {
    for (why, expected) in [
        (Bounce::NoSuchUser, "recipient_rejected"),
        (Bounce::OverQuota, "storage_full"),
        (Bounce::Refused, "message_rejected"),
    ] {
        let world = world("").await;
        world.sim.world().next_delivery(SINK, Delivery::to(Arrival::Bounced(why)));
        let (_, report) = send(&world).await;
        let verdict = report.verdict(SENDER, "round_trip");
        assert_eq!(verdict, format!("fail: {expected}"), "{why:?}: {:#}", report.0);
        assert_eq!(letters(&world), [""; 0]);
        let words = report.reply(SENDER, "round_trip");
        assert_eq!(words.matches(&words[4..9]).count(), 1, "each code once: {words}");
        let inbox = world.sim.world().messages(SENDER, Folder::Inbox);
        assert_eq!(inbox.len(), 1, "it is the user's");
    }
}

#[tokio::test]
async fn a_bounce_that_only_tells_of_a_delay_is_no_end() {
    let world = world(", late_after: 1s, lost_after: 2s").await;
    let delayed = Delivery::to(Arrival::Bounced(Bounce::OverQuotaForNow));
    world.sim.world().next_delivery(SINK, delayed);
    let (_, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "fail: message_lost");
}

#[tokio::test]
async fn a_full_mailbox_is_told_whether_it_bounces_or_refuses() {
    for when_full in [WhenFull::Bounces, WhenFull::Refused, WhenFull::RefusedForNow] {
        let world = world("").await;
        world.sim.world().set(SINK, |account| {
            account.storage_used = account.storage_limit;
            account.when_full = when_full;
        });
        let (_, report) = send(&world).await;
        let verdict = report.verdict(SENDER, "round_trip");
        assert_eq!(verdict, "fail: storage_full", "{when_full:?}: {:#}", report.0);
        assert_eq!(letters(&world), [""; 0]);
    }
}

#[tokio::test]
async fn a_cut_after_the_dot_is_decided_by_the_mailbox() {
    for (what, expected) in [(What::Unanswered, "pass"), (What::Close, "fail: connection_lost")] {
        let world = world(", late_after: 1s, lost_after: 2s").await;
        let cut = Fault::new(Service::Smtp, At::Message, what).of(SENDER).times(1);
        world.sim.world().fault(cut).unwrap();
        let (_, report) = send(&world).await;
        assert_eq!(report.verdict(SENDER, "round_trip"), expected, "{:#}", report.0);
        assert_eq!(sends(&world), 1, "sent again, it might come twice");
        assert_eq!(letters(&world), [""; 0]);
    }
}

#[tokio::test]
async fn a_refusal_has_its_reason_wherever_it_is_said() {
    for at in [At::Mail, At::Rcpt, At::Data, At::Message] {
        for (line, expected) in [
            ("smtp.daily_limit_user", "send_quota_user"),
            ("smtp.too_many_recipients", "too_many_recipients"),
        ] {
            let world = world("").await;
            let refusal = Fault::new(Service::Smtp, at, What::Say(line.into())).of(SENDER);
            world.sim.world().fault(refusal).unwrap();
            let (_, report) = world.check(&["--send", "--only", "round_trip", SENDER]).await;
            let verdict = report.verdict(SENDER, "round_trip");
            assert_eq!(verdict, format!("fail: {expected}"), "{at:?} {line}: {:#}", report.0);
            assert_eq!((way(&report), letters(&world)), (&Value::Null, Vec::new()));
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_where_it_would_harm_or_be_lost_or_nobody_asked() {
    let mut world = World::start().await;
    let nowhere = ", checks: {round_trip: {to: nobody@example.com}}, id: nowhere";
    world.mailbox(SENDER).mailbox_with("b@example.com", nowhere);
    let (code, report) = world.check(&["--send"]).await;
    assert_eq!(code, 0, "no failure of the link: {:#}", report.0);
    for (index, refused) in [(0, "application_reads"), (1, "unknown_sink")] {
        let way = &report.0["links"][index]["round_trip"];
        assert_eq!(way["refused"], refused, "{:#}", report.0);
        assert!(way["remark"].as_str().unwrap().starts_with("No test message is sent: "), "{way}");
    }
    let said = world.run(&["check", "--send", SENDER]).await;
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("  To know:   No test message is sent: an application reads"), "{said}");
    world.check(&[]).await;
    for (arguments, says) in [
        (&["check", "--only", "round_trip"][..], "with --send only"),
        (&["check", "--send", "--only", "imap"][..], "--only leaves out"),
    ] {
        let output = world.run(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(sends(&world), 0);
}

#[tokio::test]
async fn nothing_is_sent_while_the_link_fails_and_the_skip_says_why() {
    let world = world("").await;
    world.sim.world().fault(Fault::say("smtp.policy").unwrap().of(SENDER)).unwrap();
    let rejected = Fault::new(Service::Smtp, At::Rcpt, What::Say("smtp.policy".into()));
    world.sim.world().fault(rejected.of(SENDER)).unwrap();
    let (_, report) = send(&world).await;
    let failed = report.verdict(SENDER, "smtp");
    let skipped = failed.replace("fail", "skip");
    assert!(failed.starts_with("fail: "), "{failed}");
    assert_eq!((report.verdict(SENDER, "round_trip"), sends(&world)), (skipped, 0));
}

#[tokio::test]
async fn a_person_sees_the_way_with_its_times() {
    let world = world("").await;
    let output = world.run(&["check", "--send", SENDER]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    for words in [
        " · sent\n",
        "             sent 20",
        "Z to sink@example.com, taken after ",
        "             arrived in the inbox after ",
        "             spf pass, dkim pass, dmarc pass\n             removed\n",
        "sales@example.com works.\n",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    world.sim.world().next_delivery(SINK, Delivery::to(Arrival::Spam));
    let output = world.run(&["check", "--send", "--format", "nagios", SENDER]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let start = "MAILBOX CRITICAL - sales@example.com (round_trip): delivered_to_spam: ";
    assert!(said.starts_with(start), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_mailbox_that_sends_to_itself_is_cleaned_up_whole() {
    let mut world = World::start().await;
    // Its own application reads nothing, and the letter is found all the same.
    world.mailbox_with(SENDER, ", direction: outgoing");
    let slow = Delivery::to(Arrival::Inbox).after(Duration::from_secs(2));
    world.sim.world().next_delivery(SENDER, slow);
    let (_, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{:#}", report.0);
    assert_clean(&world, &report);
}
