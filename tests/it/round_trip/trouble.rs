//! Cleaning up where servers lie, cannot, or break off, and where others' messages lie beside ours.

use std::{collections::BTreeSet, process::Stdio};

use gmail_sim::{
    Arrival, At, Delivery, ExpungeBehavior, Extension, Fault, Folder, Service, What, World as Sim,
};

use super::{SENDER, SINK, World, assert_clean, left, letters, send, world};

/// Messages that are none of ours, though some look like it. What is where, before and after, is the same.
struct Others(Vec<String>);

impl Others {
    fn put(world: &World) -> Self {
        let sim = world.sim.world();
        let mark = "X-Mailbox-Exporter-Probe: 0123456789abcdef/0123456789abcdef01234567\r\n";
        let texts = [
            format!("Message-ID: <plain@example.com>\r\nSubject: Offer\r\n\r\n{mark}"),
            // Of another exporter.
            format!("Message-ID: <0123456789abcdef01234567@example.com>\r\n{mark}\r\nHello"),
            // Somebody has marked it, and decides when it goes.
            "Message-ID: <marked@example.com>\r\nSubject: Marked\r\n\r\nHello".to_owned(),
        ];
        for address in [SENDER, SINK] {
            for folder in [Folder::Inbox, Folder::Junk, Folder::Sent, Folder::Trash] {
                for text in &texts {
                    let flags = if text.contains("Marked") { &["\\Deleted"][..] } else { &[] };
                    sim.put(address, folder, text.as_bytes(), sim.now(), flags);
                }
            }
        }
        Self(Self::now(&sim))
    }

    fn now(sim: &Sim) -> Vec<String> {
        let folders = [SENDER, SINK].into_iter().flat_map(|it| Folder::EVERY.map(|f| (it, f)));
        let others = folders.flat_map(|(address, folder)| {
            let messages = sim.messages(address, folder).into_iter();
            messages.filter_map(move |message| {
                let raw = String::from_utf8_lossy(&message.raw).into_owned();
                let is_other = !raw.contains("Subject: Test of this mailbox");
                let what = format!("{folder:?} of {address}: {} {:?}", message.uid, message.flags);
                is_other.then(|| format!("{what} {raw}"))
            })
        });
        others.collect()
    }

    /// Neither is anything of them different, nor was it ever.
    #[track_caller]
    fn assert_untouched(&self, world: &World) {
        let sim = world.sim.world();
        assert_eq!(Self::now(&sim), self.0);
        let foreign = |id: &str| self.0.iter().any(|text| text.contains(id));
        for touched in [SENDER, SINK].into_iter().flat_map(|address| sim.touched(address)) {
            let id = touched.message_id.as_deref().unwrap_or_default();
            assert!(!id.is_empty() && !foreign(id), "{touched}");
        }
    }
}

/// A server without Google's extensions, and without these.
fn make_plain(world: &World, address: &str, without: &[Extension]) {
    world.sim.world().set(address, |account| {
        account.without.insert(Extension::Gmail);
        account.without.extend(without);
    });
}

fn fault(world: &World, at: At, what: What) -> Fault {
    let fault = Fault::new(Service::Imap, at, what).of(SINK);
    world.sim.world().fault(fault.clone()).unwrap();
    fault
}

#[tokio::test]
async fn only_ours_is_touched_whatever_the_server_can() {
    use Extension::{Idle, Move, SpecialUse, Uidplus};
    for without in [None, Some(&[][..]), Some(&[Move]), Some(&[Move, Idle])] {
        for arrival in [Arrival::Inbox, Arrival::Spam] {
            let world = world("").await;
            if let Some(without) = without {
                for address in [SENDER, SINK] {
                    make_plain(&world, address, without);
                }
            }
            let others = Others::put(&world);
            world.sim.world().next_delivery(SINK, Delivery::to(arrival));
            let (_, report) = send(&world).await;
            assert!(super::way(&report)["arrival"].is_string(), "{:#}", report.0);
            assert_clean(&world, &report);
            others.assert_untouched(&world);
        }
    }
    // Without uses, nobody knows which folder holds spam, or what was sent.
    let world = world("").await;
    make_plain(&world, SINK, &[SpecialUse, Uidplus]);
    let others = Others::put(&world);
    let (_, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{:#}", report.0);
    assert_eq!(left(&report), ["in sink@example.com: it is marked as deleted"]);
    assert_eq!(letters(&world), ["Inbox of sink@example.com"]);
    others.assert_untouched(&world);
}

#[tokio::test]
async fn however_google_is_set_to_expunge_nothing_of_ours_stays() {
    use ExpungeBehavior::{Archive, DeleteForever, Trash};
    for (at_once, behavior) in
        [(true, Archive), (false, Archive), (true, Trash), (false, DeleteForever)]
    {
        let world = world("").await;
        for address in [SENDER, SINK] {
            world.sim.world().set(address, |account| {
                (account.auto_expunge, account.expunge_behavior) = (at_once, behavior);
            });
        }
        let others = Others::put(&world);
        let (_, report) = send(&world).await;
        assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{at_once} {behavior:?}");
        assert_clean(&world, &report);
        others.assert_untouched(&world);
    }
}

#[tokio::test]
async fn a_search_that_names_others_messages_harms_none_of_them() {
    let world = world("").await;
    let others = Others::put(&world);
    for address in [SENDER, SINK] {
        let lie = What::AlsoFound((1..20).collect());
        let lie = Fault::new(Service::Imap, At::Search, lie).of(address);
        world.sim.world().fault(lie).unwrap();
    }
    let (_, report) = send(&world).await;
    assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{:#}", report.0);
    assert_clean(&world, &report);
    others.assert_untouched(&world);
}

#[tokio::test]
async fn what_could_not_be_removed_is_told_and_no_failure_of_the_delivery() {
    let marked = "it is marked as deleted";
    let cases = [
        (At::Expunge, What::Pretend, marked),
        (At::Expunge, What::HalfWay, marked),
        (At::Store, What::HalfWay, "NO System Error (Failure)"),
        (At::Move, What::Pretend, "the server says that it is moved, and shows it"),
        (At::Move, What::Say("imap.unavailable".into()), "NO "),
        (At::Move, What::Close, "connection_lost"),
    ];
    for (at, what, expected) in cases {
        let world = world("").await;
        if at != At::Move {
            make_plain(&world, SINK, &[]);
        }
        let others = Others::put(&world);
        fault(&world, at, what.clone());
        let (code, report) = send(&world).await;
        let verdict = report.verdict(SENDER, "round_trip");
        assert_eq!((&*verdict, code), ("pass", 0), "{at:?} {what:?}: {:#}", report.0);
        let [left] = left(&report)[..] else { panic!("{at:?} {what:?}: {:#}", report.0) };
        let start = format!("in {SINK}: {expected}");
        assert!(left.starts_with(&start), "{at:?} {what:?}: {left}, not {start}");
        let where_it_is = letters(&world).into_iter().collect::<BTreeSet<_>>();
        assert!(where_it_is.contains("Inbox of sink@example.com"), "{where_it_is:?}");
        others.assert_untouched(&world);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_while_cleaning_up_is_tried_once_more() {
    for at in [At::Move, At::Expunge, At::Store] {
        for what in [What::Close, What::Unanswered] {
            let world = world("").await;
            world.sim.world().set(SINK, |account| account.auto_expunge = false);
            let others = Others::put(&world);
            let cut = Fault::new(Service::Imap, at, what.clone()).of(SINK).times(1);
            world.sim.world().fault(cut).unwrap();
            let (_, report) = send(&world).await;
            assert_eq!(report.verdict(SENDER, "round_trip"), "pass", "{at:?} {what:?}");
            assert_clean(&world, &report);
            others.assert_untouched(&world);
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_read_says_nothing_of_the_letter() {
    let world = world(", late_after: 1s, lost_after: 2s").await;
    world.sim.world().set(SINK, |account| account.imap = gmail_sim::ImapAccess::OffForUser);
    let (code, report) = send(&world).await;
    let verdict = report.verdict(SENDER, "round_trip");
    assert_eq!((&*verdict, code), ("fail: imap_disabled_user", 1), "{:#}", report.0);
    assert_eq!(super::way(&report)["arrival"], serde_json::Value::Null);
    let words = report.reply(SENDER, "round_trip");
    assert!(words.starts_with("nobody could look for it in sink@example.com: "), "{words}");
}

#[tokio::test]
async fn whoever_presses_ctrl_c_leaves_no_letter_behind() {
    let world = world("").await;
    world.sim.world().next_delivery(SINK, Delivery::to(Arrival::Lost));
    let mut command = world.exporter(&["check", "--send", SENDER]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    world.until(|asked| asked.iter().any(|what| what == "IDLE")).await;
    assert!(letters(&world).contains(&"Sent of sales@example.com".to_owned()));
    let process = child.id().unwrap().to_string();
    tokio::process::Command::new("kill").args(["-s", "INT", &process]).status().await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(letters(&world), [""; 0]);
}
