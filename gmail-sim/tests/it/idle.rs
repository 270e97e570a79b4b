//! Sessions in IDLE, and every way in which they end.

use std::{io::ErrorKind, time::Duration};

use gmail_sim::{At, Fault, Service, SessionCount, What};

use crate::support::{ADDRESS, Stage, Wire, sasl, until};

const HOUR: Duration = Duration::from_secs(3600);

async fn idling(stage: &Stage) -> Wire {
    let mut wire = stage.signed_in().await;
    wire.imap("EXAMINE INBOX").await;
    let open = stage.world.session_count(ADDRESS).idling;
    wire.send("I1 IDLE").await;
    assert_eq!(wire.line().await, "+ idling\r\n");
    until("it idles", || stage.world.session_count(ADDRESS).idling > open).await;
    wire
}

#[tokio::test]
async fn idle_sessions_end_when_their_own_access_token_does() {
    let stage = Stage::set().await;
    let mut old = idling(&stage).await;
    stage.world.advance(HOUR / 2);
    let mut young = idling(&stage).await;
    stage.world.advance(Duration::from_secs(1799));
    assert_eq!(old.line().await, "* BYE Session expired, please login again.\r\n");
    assert_eq!(old.line().await, "");
    young.send("DONE").await;
    assert_eq!(young.line().await, "I1 OK IDLE terminated (Success)\r\n");
    stage.world.advance(HOUR / 2);
    assert_eq!(young.line().await, "* BYE Session expired, please login again.\r\n");
}

#[tokio::test]
async fn idle_sessions_hear_whatever_is_said_and_end_after_a_bye_only() {
    let stage = Stage::set().await;
    let mut wire = idling(&stage).await;
    for said in [
        "* OK [ALERT] Mind the gap",
        "* NO [OVERQUOTA] Account exceeded command or bandwidth limits.",
        "* OK [THROTTLED]",
        "* NO [WEBALERT https://accounts.google.com/signin/continue?plt=x] Web login required.",
    ] {
        stage.world.say_to_sessions(ADDRESS, said);
        assert_eq!(wire.line().await, format!("{said}\r\n"));
    }
    stage.world.disturb_sessions(ADDRESS, What::SayRaw(b"* 3 EXI".to_vec())).unwrap();
    stage.world.say_to_sessions(ADDRESS, "STS");
    assert_eq!(wire.line().await, "* 3 EXISTS\r\n", "half a line is half a line");
    stage.world.say_to_sessions(ADDRESS, "* BYE Any words");
    assert_eq!((wire.line().await, wire.line().await), ("* BYE Any words\r\n".into(), "".into()));
}

#[tokio::test]
async fn idle_sessions_are_dropped_reset_cut_off_or_fall_silent() {
    let stage = Stage::set().await;
    let disturb = |what| stage.world.disturb_sessions(ADDRESS, what).unwrap();
    let mut wire = idling(&stage).await;
    stage.world.drop_sessions(ADDRESS);
    assert_eq!(wire.rest().await.unwrap(), b"");

    let mut wire = idling(&stage).await;
    disturb(What::Reset);
    assert_eq!(wire.rest().await.unwrap_err().kind(), ErrorKind::ConnectionReset);

    let mut wire = idling(&stage).await;
    disturb(What::SayRaw(b"* 1 EX".to_vec()));
    disturb(What::Close);
    assert_eq!(wire.rest().await.unwrap(), b"* 1 EX");

    let mut wire = idling(&stage).await;
    disturb(What::Say("imap.overquota_bye".to_owned()));
    assert!(wire.rest().await.unwrap().starts_with(b"* BYE [OVERQUOTA]"));

    let mut wire = idling(&stage).await;
    disturb(What::Stall);
    stage.world.say_to_sessions(ADDRESS, "* OK unheard");
    wire.send("DONE").await;
    stage.world.advance(HOUR * 2);
    assert_eq!(stage.world.sessions(ADDRESS), 1, "it holds its seat");
    drop(wire);
    until("it is gone with its client", || stage.world.sessions(ADDRESS) == 0).await;

    for what in [What::Html, What::Delay(1), What::Say("smtp.syntax".into()), What::Refuse] {
        assert!(stage.world.disturb_sessions(ADDRESS, what.clone()).is_err(), "{what:?}");
    }
}

#[tokio::test]
async fn done_may_be_answered_wrongly_late_or_never() {
    let stage = Stage::set().await;
    let done = |what| Fault::new(Service::Imap, At::Done, what).of(ADDRESS).times(1);
    let command = Fault::new(Service::Imap, At::Command, What::Close).of(ADDRESS);
    let mut wire = idling(&stage).await;
    stage.world.fault(command).unwrap();
    wire.send("DONE").await;
    assert_eq!(wire.line().await, "I1 OK IDLE terminated (Success)\r\n", "DONE is no command");
    stage.world.clear_faults(ADDRESS);

    let mut wire = idling(&stage).await;
    stage.world.fault(done(What::SayRaw(b"I1 BAD Not now\r\n".to_vec()))).unwrap();
    wire.send("DONE").await;
    assert_eq!(wire.line().await, "I1 BAD Not now\r\n");

    let mut wire = idling(&stage).await;
    stage.world.fault(done(What::Late(60))).unwrap();
    wire.send("DONE").await;
    until("it was heard", || stage.asked().iter().filter(|asked| *asked == "DONE").count() == 3)
        .await;
    stage.world.advance(Duration::from_secs(61));
    assert_eq!(wire.line().await, "I1 OK IDLE terminated (Success)\r\n");

    let mut wire = idling(&stage).await;
    stage.world.fault(done(What::Stall)).unwrap();
    wire.send("DONE").await;
    until("it was heard", || stage.asked().iter().filter(|asked| *asked == "DONE").count() == 4)
        .await;
    stage.world.say_to_sessions(ADDRESS, "* BYE unheard");
    stage.world.advance(HOUR);
    let nothing = tokio::time::timeout(Duration::from_millis(50), wire.line()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn seats_are_counted_over_all_clients() {
    let stage = Stage::set().await;
    stage.world.occupy(ADDRESS, 13);
    let (one, _other) = (stage.signed_in().await, idling(&stage).await);
    let token = stage.access_token().await;
    let mut wire = stage.imap().await;
    wire.send(&format!("A1 AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, &token))).await;
    wire.line().await;
    wire.send("").await;
    assert!(wire.line().await.starts_with("A1 NO [ALERT] Too many simultaneous connections."));
    let counted = |idling, open, peak, refused, sign_ins| SessionCount {
        idling,
        open,
        peak,
        refused,
        sign_ins,
    };
    assert_eq!(stage.world.session_count(ADDRESS), counted(1, 2, 2, 1, 2));
    drop(one);
    until("one is left", || stage.world.sessions(ADDRESS) == 1).await;
    assert_eq!(stage.world.session_count(ADDRESS), counted(1, 1, 2, 1, 2));
    stage.world.forget_sessions(ADDRESS);
    assert_eq!(stage.world.session_count(ADDRESS), counted(1, 1, 1, 0, 0));
    stage.world.occupy(ADDRESS, 0);
    stage.signed_in().await;
    assert_eq!(stage.world.session_count(ADDRESS).peak, 2);
}
