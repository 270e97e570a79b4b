//! Sending, against a server that plays its part by a script.

use std::time::Duration;

use lettre::transport::smtp::{client::AsyncSmtpConnection, extension::ClientId};

use super::*;
use crate::wire::{
    script::{Script, dialogue},
    smtp::{LIMITS, Socket, names_size},
};

/// A session that is past its sign-in.
async fn session(script: &str, size: bool) -> (Script, Session) {
    let greeting = "S: 220 ready\nC: EHLO us\nS: 250-mail.example.com\nS: 250 SIZE 1000\n";
    let (script, tcp) = Script::play(&format!("{greeting}{script}")).await;
    let (socket, stream) = Socket::new(tcp, LIMITS).unwrap();
    let name = ClientId::Domain("us".into());
    let connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name).await;
    let connection = connection.unwrap();
    let server = connection.server_info().clone();
    socket.take_lines();
    (script, Session { connection, socket, server, size, midway: false })
}

async fn sent(script: &str, dialogue: &mut Dialogue) -> Result<(), Unsent> {
    let (script, mut session) = session(script, true).await;
    let address = |text| Address::parse(text).unwrap();
    let (from, to) = (address("a@example.com"), address("b@example.com"));
    let done = session.send(&from, &to, b"Subject: x\r\n\r\n.\r\n..x", dialogue).await;
    session.quit(dialogue).await;
    script.over().await;
    done
}

/// Up to the dot.
const BEGIN: &str = "C: MAIL FROM:<a@example.com> SIZE=20\nS: 250 2.1.0 OK\n\
    C: RCPT TO:<b@example.com>\nS: 250 2.1.5 OK\nC: DATA\nS: 354 Go ahead\n\
    C: Subject: x\nC: \nC: ..\nC: ...x\nC: .\n";
const QUIT: &str = "C: QUIT\nS: 221 bye\n";

#[tokio::test]
async fn a_message_is_sent_with_its_dots_and_none_of_it_is_in_the_transcript() {
    let mut dialogue = dialogue();
    let script = format!("{BEGIN}S: 250 2.0.0 OK 1685118025 q25 - gsmtp\n{QUIT}");
    sent(&script, &mut dialogue).await.unwrap();
    let transcript = dialogue.transcript().join("\n");
    assert!(transcript.contains("-- message of 20 bytes"), "{transcript}");
    assert!(!transcript.contains("Subject"), "{transcript}");
}

#[tokio::test]
async fn a_refusal_has_its_place_its_reason_and_a_reset() {
    let reset = format!("C: RSET\nS: 250 2.0.0 OK\n{QUIT}");
    let mail = "C: MAIL FROM:<a@example.com> SIZE=20\n";
    let rcpt = format!("{mail}S: 250 OK\nC: RCPT TO:<b@example.com>\n");
    let data = format!("{rcpt}S: 250 OK\nC: DATA\n");
    let limit = "S: 550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n\
                 S: 550 5.4.5  https://support.google.com/a/answer/166852 x1 - gsmtp\n";
    let many = "S: 452 4.5.3 Your message has too many recipients.\n";
    let unknown = "S: 550 5.1.1 The email account that you tried to reach does not exist.\n";
    let bad = "S: 554 5.7.1 Rejected\n";
    let closing = "S: 421 4.3.0 Temporary System Problem.  Try again later (10). x - gsmtp\nCUT";
    let dot = BEGIN;
    let cases = [
        (format!("{mail}{limit}{reset}"), Phase::Mail, Reason::SendQuotaUser),
        (format!("{mail}S: 553 5.7.1 No\n{reset}"), Phase::Mail, Reason::SenderRejected),
        (format!("{rcpt}{limit}{reset}"), Phase::Rcpt, Reason::SendQuotaUser),
        (format!("{rcpt}{many}{reset}"), Phase::Rcpt, Reason::TooManyRecipients),
        (format!("{rcpt}{unknown}{reset}"), Phase::Rcpt, Reason::RecipientRejected),
        (format!("{rcpt}{bad}{reset}"), Phase::Rcpt, Reason::RecipientRejected),
        (format!("{data}{limit}{reset}"), Phase::Data, Reason::SendQuotaUser),
        (format!("{data}S: 250 OK\n{QUIT}"), Phase::Data, Reason::GarbledAnswer),
        (format!("{dot}{limit}{QUIT}"), Phase::Data, Reason::SendQuotaUser),
        (format!("{dot}{many}{QUIT}"), Phase::Data, Reason::TooManyRecipients),
        (format!("{dot}{bad}{QUIT}"), Phase::Data, Reason::MessageRejected),
        (format!("{dot}{closing}"), Phase::Data, Reason::GoogleOutage),
        (format!("{rcpt}CUT"), Phase::Rcpt, Reason::ConnectionLost),
    ];
    for (script, phase, reason) in cases {
        match sent(&script, &mut dialogue()).await {
            Err(Unsent::Refused(failure)) => {
                assert_eq!((failure.phase, failure.reason), (Some(phase), reason), "{script}");
            }
            other => panic!("{other:?} of {script}"),
        }
    }
}

#[tokio::test]
async fn what_was_cut_after_the_dot_is_unknown_and_not_refused() {
    for end in ["CUT", "S: 250 OK\nS: 250 OK\nC: QUIT\nCUT", "S: 354 Go on\nC: QUIT\nCUT"] {
        let done = sent(&format!("{BEGIN}{end}"), &mut dialogue()).await;
        assert!(matches!(done, Err(Unsent::Unknown(_))), "{done:?} of {end}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_after_the_dot_leaves_it_unknown() {
    let mut dialogue = Dialogue::new(Duration::from_millis(500), Default::default());
    let done = sent(&format!("{BEGIN}C: QUIT\nCUT"), &mut dialogue).await;
    match done {
        Err(Unsent::Unknown(failure)) => assert_eq!(failure.reason, Reason::Timeout),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_word_is_said_into_a_message_that_is_half_written() {
    let (script, mut session) = session("", false).await;
    session.midway = true;
    session.quit(&mut dialogue()).await;
    script.over().await;
}

#[test]
fn size_is_offered_by_its_keyword() {
    assert!(names_size(["PIPELINING", "size 35882577"].into_iter()));
    assert!(names_size(["SIZE"].into_iter()));
    assert!(!names_size(["SIZES 1", "X SIZE"].into_iter()));
}
