//! What goes wrong on demand.

use std::time::Duration;

use gmail_sim::{At, Certificate, Fault, Service, What};
use tokio::net::TcpStream;

use crate::support::{ADDRESS, CLIENT, Stage, Wire, sasl, until, until_async};

const POST: &str = "POST PATH HTTP/1.1\r\nHost: localhost\r\n";

#[tokio::test]
async fn a_fault_strikes_one_mailbox_so_many_times_and_no_other() {
    let stage = Stage::set().await;
    let other = stage.world.add_account("other@example.com", CLIENT);
    let fault = Fault::say("token.internal_failure").unwrap().of(ADDRESS).times(2);
    stage.world.fault(fault).unwrap();
    assert_eq!(stage.refresh(&other).await.0, 200);
    assert_eq!(stage.refresh(&stage.refresh_token).await.1["error"], "internal_failure");
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 400);
    assert_eq!(stage.refresh(&stage.refresh_token).await.0, 200);
    stage.world.fault(Fault::say("token.html_502").unwrap()).unwrap();
    assert_eq!(stage.refresh(&other).await.0, 502);
    stage.world.clear_faults(Service::Token);
    assert_eq!(stage.refresh(&other).await.0, 200);
}

#[tokio::test]
async fn a_fault_that_can_never_strike_is_refused_with_what_would_be_right() {
    let stage = Stage::set().await;
    let wrong = [
        (Fault::new(Service::Imap, At::Ehlo, What::Stall), "only to ["),
        (Fault::new(Service::Imap, At::Auth, What::Say("imap.nothing".into())), "GET /lines"),
        (Fault::new(Service::Imap, At::Auth, What::Say("smtp.syntax".into())), "not by Imap"),
        (Fault::new(Service::Smtp, At::Greeting, What::Stall).of(ADDRESS), "leave it out"),
        (Fault::new(Service::Smtp, At::Mail, What::Refuse), "at connect"),
        (Fault::new(Service::Smtp, At::Mail, What::Stall).times(0), "at least 1"),
    ];
    for (fault, right) in wrong {
        let mistake = stage.world.fault(fault).unwrap_err().to_string();
        assert!(mistake.contains(right), "{mistake}");
    }
    assert!(Fault::say("imap.nothing").is_err());
}

#[tokio::test]
async fn a_refusing_service_takes_connections_again_at_the_same_port() {
    let stage = Stage::set().await;
    let imap = stage.at().imap;
    stage.world.fault(Fault::new(Service::Imap, At::Connect, What::Refuse)).unwrap();
    let refused = TcpStream::connect(imap).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    stage.access_token().await;
    stage.world.clear_faults(Service::Imap);
    stage.signed_in().await;
}

#[tokio::test]
async fn certificates_may_be_wrong_in_three_ways() {
    let stage = Stage::set().await;
    let cases = [
        (Certificate::Expired, "Expired"),
        (Certificate::SelfSigned, "UnknownIssuer"),
        (Certificate::WrongName, "NotValidForName"),
    ];
    for (certificate, expected) in cases {
        let fault = Fault::new(Service::Imap, At::Handshake, What::BadCertificate(certificate));
        stage.world.fault(fault.times(1)).unwrap();
        let error = stage.tls_to(stage.at().imap).await.unwrap_err();
        assert!(format!("{error:?}").contains(expected), "{error:?}");
    }
    stage.tls_to(stage.at().imap).await.unwrap();
    until_async("the handshakes are noted", || async {
        stage.asked().iter().filter(|asked| asked.starts_with("ended: tls refused")).count() == 3
    })
    .await;
}

#[tokio::test]
async fn plain_text_or_garbage_may_come_where_tls_is_expected() {
    let stage = Stage::set().await;
    for what in [What::Garbage, What::SayRaw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())] {
        let fault = Fault::new(Service::Token, At::Handshake, what).times(1);
        stage.world.fault(fault).unwrap();
        let error = stage.raw_https(&stage.at().token_url.clone(), POST, "").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_may_end_at_once_or_with_a_reset_or_in_the_middle_of_a_line() {
    let stage = Stage::set().await;
    let fault = |at, what| Fault::new(Service::Smtp, at, what).times(1);
    stage.world.fault(fault(At::Greeting, What::Close)).unwrap();
    let mut wire = stage.tls_to(stage.at().smtp_tls).await.unwrap();
    assert_eq!(wire.line().await, "");
    stage.world.fault(fault(At::Ehlo, What::Reset)).unwrap();
    let mut wire = stage.tls_to(stage.at().smtp_tls).await.unwrap();
    wire.line().await;
    wire.send("EHLO a.example").await;
    assert_eq!(wire.rest().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    stage.world.fault(fault(At::Ehlo, What::CutMidLine)).unwrap();
    let mut wire = stage.tls_to(stage.at().smtp_tls).await.unwrap();
    wire.line().await;
    wire.send("EHLO a.example").await;
    let heard = String::from_utf8(wire.rest().await.unwrap()).unwrap();
    assert!(heard.ends_with("250-CHUNKING\r\n250 SM"), "{heard}");
}

#[tokio::test]
async fn an_answer_may_be_late_dripped_or_in_segments_and_is_still_whole() {
    let stage = Stage::set().await;
    for what in [What::Delay(5), What::Drip(1), What::Segments] {
        stage.world.fault(Fault::new(Service::Smtp, At::Ehlo, what).times(1)).unwrap();
        stage.smtp().await;
    }
    stage.world.fault(Fault::new(Service::Token, At::Answer, What::Segments).times(1)).unwrap();
    stage.access_token().await;
}

#[tokio::test]
async fn http_may_answer_with_something_else() {
    let stage = Stage::set().await;
    let url = stage.at().token_url.clone();
    let cases = [
        (What::Html, 502, "<!DOCTYPE html>"),
        (What::NotJson, 200, "It works!"),
        (What::HugeBody(100_000), 200, "{\"access_token\": \"aaa"),
        (What::Redirect("https://elsewhere.example/".into()), 302, ""),
        (What::SayRaw(b"HTTP/1.1 299 Odd\r\n\r\nodd".to_vec()), 299, "odd"),
    ];
    for (what, status, start) in cases {
        let huge = matches!(what, What::HugeBody(_));
        stage.world.fault(Fault::new(Service::Token, At::Answer, what).times(1)).unwrap();
        let (got, body) = stage.https(&url, POST, "").await;
        assert_eq!(got, status);
        assert!(body.starts_with(start), "{body}");
        assert!(!huge || body.len() > 100_000);
    }
}

#[tokio::test]
async fn a_lying_server_repeats_credentials_and_the_list_of_what_was_asked_does_not() {
    let stage = Stage::set().await;
    let token = stage.access_token().await;
    for service in [Service::Smtp, Service::Imap] {
        stage
            .world
            .fault(Fault::new(service, At::Auth, What::EchoCredentials).of(ADDRESS))
            .unwrap();
    }
    let fault = Fault::new(Service::Token, At::Answer, What::EchoCredentials);
    stage.world.fault(fault).unwrap();
    let mut wire = stage.smtp().await;
    assert!(wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(ADDRESS, &token))).await.contains(&token));
    let mut wire = stage.imap().await;
    let answer = wire.imap(&format!("AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, &token))).await;
    assert!(answer.starts_with("T1 NO ") && answer.contains(&sasl(ADDRESS, &token)));
    let (_, body) = stage.refresh(&stage.refresh_token).await;
    assert!(body.to_string().contains(&stage.refresh_token), "{body}");
    for asked in stage.asked() {
        assert!(!asked.contains(&token) && !asked.contains(&stage.refresh_token), "{asked}");
    }
}

#[tokio::test]
async fn endless_lines_huge_literals_and_silence_last_until_the_client_gives_up() {
    let stage = Stage::set().await;
    let mut wire = stage.signed_in().await;
    let fault = |at, what| Fault::new(Service::Imap, at, what).of(ADDRESS).times(1);
    stage.world.fault(fault(At::Noop, What::HugeLiteral(400_000_000))).unwrap();
    wire.send("A1 NOOP").await;
    assert_eq!(wire.line().await, "* 1 FETCH (UID 1 BODY[] {400000000}\r\n");

    stage.world.fault(Fault::new(Service::Smtp, At::Greeting, What::EndlessLine)).unwrap();
    let mut stream = stage.tls_to(stage.at().smtp_tls).await.unwrap();
    let read = tokio::time::timeout(Duration::from_millis(200), stream.line()).await;
    assert!(read.is_err(), "the line ended");
    drop(stream);

    let mut wire = stage.signed_in().await;
    stage.world.fault(fault(At::Command, What::Stall)).unwrap();
    wire.send("A1 NAMESPACE").await;
    until("it is silent", || stage.asked().contains(&"NAMESPACE".to_owned())).await;
    drop(wire);
    until_async("both are gone", || async {
        stage.asked().iter().filter(|asked| *asked == "ended: dropped").count() >= 2
    })
    .await;
}

#[tokio::test]
async fn sessions_can_be_dropped_from_outside() {
    let stage = Stage::set().await;
    let mut wire = stage.signed_in().await;
    stage.world.drop_sessions(ADDRESS);
    assert_eq!(wire.line().await, "");
    let mut wire = stage.signed_in().await;
    stage.world.say_to_sessions(ADDRESS, "* BYE System Error");
    assert_eq!(wire.line().await, "* BYE System Error\r\n");
    assert_eq!(wire.line().await, "");
}

#[tokio::test]
async fn everything_stops_with_the_simulator_even_if_somebody_keeps_the_world() {
    let stage = Stage::set().await;
    let (imap, world) = (stage.at().imap, stage.world.clone());
    let mut wire = Wire::on(TcpStream::connect(stage.at().smtp_starttls).await.unwrap());
    wire.line().await;
    stage.sim.stop().await;
    assert!(TcpStream::connect(imap).await.is_err());
    assert_eq!(wire.line().await, "");
    assert_eq!(world.addresses(), [ADDRESS]);
}
