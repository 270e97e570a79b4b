//! What becomes of a message after it was handed over.

use std::time::Duration;

use gmail_sim::{
    Arrival, At, Authentication, Bounce, Delivery, Fault, Folder, Service, Verdict, What, WhenFull,
};

use crate::support::{ADDRESS, CLIENT, Stage, until};

const SINK: &str = "sink@example.com";
const PROBE: &str = "From: Sales <sales@example.com>\r\nTo: sink@example.com\r\nSubject: Probe\r\nMessage-ID: <7@probe.example>\r\nX-Probe: 7\r\n\r\nHello\r\n";

async fn stage() -> Stage {
    let stage = Stage::set().await;
    stage.world.add_account(SINK, CLIENT);
    stage
}

fn texts(stage: &Stage, address: &str, folder: Folder) -> Vec<String> {
    let messages = stage.world.messages(address, folder);
    messages.iter().map(|message| String::from_utf8_lossy(&message.raw).into_owned()).collect()
}

fn counts(stage: &Stage, address: &str) -> [usize; 2] {
    [Folder::Inbox, Folder::Junk].map(|folder| stage.world.messages(address, folder).len())
}

#[tokio::test]
async fn each_of_the_next_messages_has_its_own_way() {
    let stage = stage().await;
    let minute = Duration::from_secs(60);
    for delivery in [
        Delivery::to(Arrival::Spam),
        Delivery::to(Arrival::Lost),
        Delivery::to(Arrival::Inbox).after(minute),
        Delivery::to(Arrival::Inbox).twice(minute),
    ] {
        stage.world.next_delivery("Sink@example.com", delivery);
    }
    let mut seen = Vec::new();
    for _ in 0..5 {
        assert!(stage.send(SINK, PROBE).await.0.starts_with("250 2.0.0 OK"));
        seen.push(counts(&stage, SINK));
    }
    assert_eq!(seen, [[0, 1], [0, 1], [0, 1], [1, 1], [2, 1]]);
    stage.world.advance(minute);
    assert_eq!(counts(&stage, SINK), [4, 1]);
    let inbox = stage.world.messages(SINK, Folder::Inbox);
    let mut ids: Vec<u64> = inbox.iter().map(|message| message.gmail_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "a message that came twice is two messages");
    assert!(inbox.windows(2).all(|pair| pair[0].received <= pair[1].received));
    assert_eq!(stage.world.messages(ADDRESS, Folder::Sent).len(), 5);

    stage.world.set(SINK, |account| (account.arrival_copies, account.arrival_delay) = (2, 60));
    stage.send(SINK, PROBE).await;
    assert_eq!(counts(&stage, SINK), [4, 1]);
    stage.world.advance(minute);
    assert_eq!(counts(&stage, SINK), [6, 1], "the account's own setting, for every message");
}

#[tokio::test]
async fn a_bounce_stands_in_the_senders_inbox_after_its_delay() {
    let stage = stage().await;
    let cases = [
        ("nobody@example.com", Bounce::NoSuchUser, "failed", "5.1.1", "550-5.1.1 The email acc"),
        ("them@elsewhere.example", Bounce::OverQuota, "failed", "5.2.2", "552-5.2.2 The recip"),
        (SINK, Bounce::OverQuotaForNow, "delayed", "4.2.2", "452-4.2.2 The recip"),
        (SINK, Bounce::Refused, "failed", "5.7.1", "550-5.7.1 The user or domain"),
    ];
    for (index, (to, why, action, status, said)) in cases.into_iter().enumerate() {
        let late = Duration::from_secs(30);
        stage.world.next_delivery(to, Delivery::to(Arrival::Bounced(why)).after(late));
        assert!(stage.send(to, PROBE).await.0.starts_with("250 "));
        assert_eq!(counts(&stage, ADDRESS), [index, 0]);
        stage.world.advance(late);
        let text = texts(&stage, ADDRESS, Folder::Inbox).pop().unwrap();
        for part in [
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\r\n",
            "Content-Type: multipart/report; ",
            "report-type=delivery-status\r\n",
            "In-Reply-To: <7@probe.example>\r\n",
            "Auto-Submitted: auto-replied\r\n",
            "\r\nContent-Type: message/delivery-status\r\n",
            &format!(
                "\r\nFinal-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\n"
            ),
            &format!("\r\nDiagnostic-Code: smtp; {said}"),
            "\r\nMessage-ID: <7@probe.example>\r\nX-Probe: 7\r\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let failed = text.contains(&format!("\r\nX-Failed-Recipients: {to}\r\n"));
        assert_eq!(failed, action == "failed");
    }
    assert_eq!(counts(&stage, SINK), [0, 0]);
    let mut wire = stage.submission().await;
    wire.smtp("MAIL FROM:<sales@example.com>").await;
    let refused = wire.smtp("RCPT TO:<nobody@example.com>").await;
    assert!(refused.starts_with("550-5.1.1 "), "used up: {refused}");
}

#[tokio::test]
async fn a_full_mailbox_bounces_or_refuses_at_rcpt() {
    let stage = stage().await;
    stage.world.set(SINK, |account| account.storage_used = account.storage_limit);
    stage.send(SINK, PROBE).await;
    assert_eq!(counts(&stage, SINK), [0, 0]);
    let bounce = texts(&stage, ADDRESS, Folder::Inbox).pop().unwrap();
    assert!(bounce.contains("\r\nStatus: 5.2.2\r\n"), "{bounce}");
    let cases = [(WhenFull::Refused, "552-5.2.2 "), (WhenFull::RefusedForNow, "452-4.2.2 ")];
    for (when_full, expected) in cases {
        stage.world.set(SINK, |account| account.when_full = when_full);
        let mut wire = stage.submission().await;
        wire.smtp("MAIL FROM:<sales@example.com>").await;
        let refused = wire.smtp(&format!("RCPT TO:<{SINK}>")).await;
        assert!(refused.starts_with(expected) && refused.contains("out of storage"), "{refused}");
    }
    stage.world.set(SINK, |account| account.storage_used = 0);
    stage.send(SINK, PROBE).await;
    assert_eq!(counts(&stage, SINK), [1, 0]);
}

#[tokio::test]
async fn after_the_dot_the_connection_may_end_with_or_without_the_message() {
    let stage = stage().await;
    for (what, taken) in
        [(What::Close, 0), (What::Reset, 0), (What::Unanswered, 1), (What::CutMidLine, 2)]
    {
        stage.world.fault(Fault::new(Service::Smtp, At::Message, what.clone()).times(1)).unwrap();
        let (reply, mut wire) = stage.send(SINK, PROBE).await;
        assert!(!reply.contains('\n') && !reply.contains("gsmtp"), "{what:?}: {reply}");
        assert!(wire.rest().await.unwrap_or_default().is_empty());
        assert_eq!(counts(&stage, SINK), [taken, 0], "{what:?}");
        assert_eq!(stage.world.messages(ADDRESS, Folder::Sent).len(), taken);
    }
}

#[tokio::test]
async fn after_the_dot_the_answer_may_be_very_late_or_never_come() {
    let stage = stage().await;
    stage.world.set(ADDRESS, |account| account.access_token_life = 7200);
    for (what, taken) in [(What::Late(1200), 1), (What::Withheld, 2), (What::Stall, 2)] {
        stage.world.fault(Fault::new(Service::Smtp, At::Message, what.clone()).times(1)).unwrap();
        let mut wire = stage.submission().await;
        wire.smtp("MAIL FROM:<sales@example.com>").await;
        wire.smtp(&format!("RCPT TO:<{SINK}>")).await;
        wire.smtp("DATA").await;
        stage.world.forget_asked();
        wire.send(&format!("{PROBE}\r\n.")).await;
        let asked = || stage.asked().iter().any(|asked| asked.starts_with("message of"));
        until("the message is there", || asked() && counts(&stage, SINK) == [taken, 0]).await;
        if what == What::Late(1200) {
            // The fault waits by the simulator's clock, so that no test has to.
            stage.world.advance(Duration::from_secs(1199));
            let read = tokio::time::timeout(Duration::from_millis(100), wire.line()).await;
            assert!(read.is_err(), "a second too early: {read:?}");
            stage.world.advance(Duration::from_secs(1));
            assert!(wire.smtp_reply().await.starts_with("250 2.0.0 OK"));
        }
    }
}

#[tokio::test]
async fn a_sending_limit_may_be_said_at_every_point_of_a_submission() {
    let stage = stage().await;
    let lines = [
        ("smtp.daily_limit_user", "550-5.4.5 Daily user sending limit"),
        ("smtp.too_many_recipients", "452-4.5.3 Your message has too many"),
    ];
    for at in [At::Mail, At::Rcpt, At::Data, At::Message] {
        for (key, expected) in lines {
            let fault = Fault::new(Service::Smtp, at, What::Say(key.to_owned()));
            stage.world.fault(fault.of(ADDRESS).times(1)).unwrap();
            let mut wire = stage.submission().await;
            let commands = [
                (At::Mail, "MAIL FROM:<sales@example.com>".to_owned()),
                (At::Rcpt, format!("RCPT TO:<{SINK}>")),
                (At::Data, "DATA".to_owned()),
                (At::Message, format!("{PROBE}\r\n.")),
            ];
            for (here, command) in commands {
                let reply = wire.smtp(&command).await;
                assert_eq!(reply.starts_with(expected), here == at, "{at:?} {here:?}: {reply}");
                if here == at {
                    break;
                }
            }
        }
    }
    assert_eq!(counts(&stage, SINK), [0, 0]);
    assert!(stage.world.messages(ADDRESS, Folder::Sent).is_empty());
}

#[tokio::test]
async fn what_arrives_tells_its_way_and_its_authentication() {
    let stage = stage().await;
    let verdicts = [
        Some(Authentication::default()),
        Some(Authentication { dkim: Verdict::None, dmarc: Verdict::Fail, spf: Verdict::SoftFail }),
        None,
    ];
    for authentication in verdicts {
        stage.world.set(SINK, |account| account.authentication = authentication);
        stage.world.next_delivery(SINK, Delivery::default().after(Duration::from_secs(90)));
        stage.send(SINK, PROBE).await;
        stage.world.advance(Duration::from_secs(90));
    }
    let [good, bad, none] = texts(&stage, SINK, Folder::Inbox).try_into().unwrap();
    let start = "Delivered-To: sink@example.com\r\nReceived: by 2002:";
    for text in [&good, &bad, &none] {
        assert!(text.starts_with(start) && text.ends_with(&format!("{PROBE}\r\n")), "{text}");
        assert_eq!(text.matches("\r\nReceived: from ").count(), 2, "{text}");
        assert!(text.contains("by smtp.gmail.com with ESMTPSA id "));
    }
    for part in ["; \r\n", "dkim=pass header.i=@example.com", "spf=pass (", "dmarc=pass (p="] {
        let expected = part != "; \r\n";
        assert_eq!(good.contains(part), expected, "{part}: {good}");
    }
    let results =
        "Authentication-Results: mx.google.com;\r\n       dkim=none;\r\n       spf=softfail ";
    assert!(bad.contains(results) && bad.contains("dmarc=fail "), "{bad}");
    assert!(!none.contains("Authentication-Results") && !none.contains("Received-SPF"), "{none}");
    let sent = texts(&stage, ADDRESS, Folder::Sent);
    assert!(sent.iter().all(|text| *text == format!("{PROBE}\r\n")), "{sent:?}");
}

#[tokio::test]
async fn a_foreign_from_is_rewritten_and_an_alias_is_not() {
    let stage = stage().await;
    stage.world.set(ADDRESS, |account| account.aliases.push("info@example.com".to_owned()));
    for from in ["Info <info@example.com>", "Boss <boss@elsewhere.example>"] {
        stage.send(SINK, &format!("From: {from}\r\nSubject: x\r\n\r\n")).await;
    }
    for folder in [(ADDRESS, Folder::Sent), (SINK, Folder::Inbox)] {
        let [alias, foreign] = texts(&stage, folder.0, folder.1).try_into().unwrap();
        assert!(alias.contains("From: Info <info@example.com>\r\nSubject"), "{alias}");
        let rewritten = "From: Boss <sales@example.com>\r\nX-Google-Original-From: Boss <boss@elsewhere.example>\r\nSubject";
        assert!(foreign.contains(rewritten), "{foreign}");
    }
}
