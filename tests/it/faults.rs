//! Servers that stall, cut, lie and break off: the right reason, no hang past the deadline, no panic, no secret.

use std::collections::BTreeMap;

use gmail_sim::{At, Certificate, Fault, Service, What};

use crate::support::{CLIENT_SECRET, World};

/// What goes wrong at one place, and what each check makes of it; the others pass or are skipped.
async fn verdict(service: Service, at: At, what: What) -> (String, String) {
    let mut world = World::start().await;
    if what == What::Stall {
        let timeout = "{timeout: 3s}";
        world.settings =
            format!("checks: {{token: {timeout}, smtp: {timeout}, imap: {timeout}}}\n");
    }
    world.mailbox("a@example.com");
    world.sim.world().fault(Fault::new(service, at, what)).unwrap();
    let (code, report) = world.check(&[]).await;
    let check = match service {
        Service::Token => "token",
        Service::Smtp => "smtp",
        _ => "imap",
    };
    let verdict = report.verdict("a@example.com", check);
    assert_eq!(code, i32::from(verdict != "pass"));
    (verdict, report.reply("a@example.com", check))
}

async fn expect(cases: &[(Service, At, What, &str)]) {
    let mut running = tokio::task::JoinSet::new();
    for (index, (service, at, what, _)) in cases.iter().cloned().enumerate() {
        running.spawn(async move { (index, verdict(service, at, what).await) });
    }
    let ended: BTreeMap<_, _> = running.join_all().await.into_iter().collect();
    let wrong: Vec<_> = cases
        .iter()
        .zip(ended.values())
        .filter(|((.., expected), (verdict, _))| verdict != expected)
        .map(|((service, at, what, expected), (verdict, reply))| {
            format!("{service:?} {at:?} {what:?}: {verdict} ({reply}), not {expected}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout_wherever_it_falls_silent() {
    let smtp = [
        At::Greeting,
        At::Ehlo,
        At::Starttls,
        At::Auth,
        At::Challenge,
        At::Mail,
        At::Rcpt,
        At::Rset,
    ];
    let imap = [At::Greeting, At::Capability, At::Auth, At::Id, At::Status, At::Examine, At::Quota];
    let timeout = |service| move |at| (service, at, What::Stall, "fail: timeout");
    let mut cases = vec![(Service::Token, At::Answer, What::Stall, "fail: timeout")];
    cases.push((Service::Token, At::Handshake, What::Stall, "fail: timeout"));
    cases.push((Service::Smtp, At::Handshake, What::Stall, "fail: timeout"));
    cases.push((Service::Imap, At::Handshake, What::Stall, "fail: timeout"));
    cases.extend(smtp.map(timeout(Service::Smtp)));
    cases.extend(imap.map(timeout(Service::Imap)));
    // A challenge comes only where the token is refused.
    cases.retain(|(_, at, ..)| *at != At::Challenge);
    expect(&cases).await;
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_lost_wherever_it_breaks() {
    let mut cases = Vec::new();
    for what in [What::Close, What::CutMidLine, What::Reset] {
        let lost = |service, at| (service, at, what.clone(), "fail: connection_lost");
        cases.push(lost(Service::Token, At::Answer));
        cases
            .extend([At::Greeting, At::Ehlo, At::Auth, At::Mail].map(|at| lost(Service::Smtp, at)));
        cases.extend(
            [At::Greeting, At::Auth, At::Status, At::Examine].map(|at| lost(Service::Imap, at)),
        );
    }
    expect(&cases).await;
}

#[tokio::test]
async fn what_is_no_protocol_is_told_as_such() {
    let garbled = "fail: garbled_answer";
    let mut cases = vec![
        (Service::Token, At::Answer, What::Html, "fail: google_outage"),
        (Service::Token, At::Answer, What::NotJson, garbled),
        (Service::Token, At::Answer, What::HugeBody(1 << 22), garbled),
        (Service::Token, At::Answer, What::Redirect("https://portal.example/".into()), garbled),
        (Service::Imap, At::Status, What::HugeLiteral(400_000_000), garbled),
        (Service::Imap, At::Status, What::WrongTag, garbled),
        (Service::Smtp, At::Starttls, What::InjectAfterStarttls, garbled),
    ];
    for what in [What::Garbage, What::EndlessLine] {
        let garbled = |service, at| (service, at, what.clone(), garbled);
        cases.extend(
            [At::Greeting, At::Ehlo, At::Auth, At::Mail].map(|at| garbled(Service::Smtp, at)),
        );
        cases.extend([At::Greeting, At::Auth, At::Examine].map(|at| garbled(Service::Imap, at)));
    }
    expect(&cases).await;
}

#[tokio::test]
async fn a_faulty_certificate_is_told_by_its_fault() {
    let mut cases = Vec::new();
    for service in [Service::Token, Service::Smtp, Service::Imap] {
        let bad = |certificate, expected| {
            (service, At::Handshake, What::BadCertificate(certificate), expected)
        };
        cases.push(bad(Certificate::Expired, "fail: tls_expired"));
        cases.push(bad(Certificate::SelfSigned, "fail: tls_untrusted"));
        cases.push(bad(Certificate::WrongName, "fail: tls_wrong_name"));
        if service != Service::Smtp {
            cases.push((service, At::Handshake, What::Garbage, "fail: tls_failed"));
        }
        cases.push((service, At::Connect, What::Refuse, "fail: connection_refused"));
    }
    expect(&cases).await;
}

#[tokio::test]
async fn what_the_server_does_not_offer_is_told_as_such() {
    expect(&[
        (Service::Smtp, At::Ehlo, What::NoStarttls, "fail: tls_required"),
        (Service::Smtp, At::Ehlo, What::NoXoauth2, "fail: oauth_not_offered"),
        (Service::Imap, At::Capability, What::NoXoauth2, "fail: oauth_not_offered"),
    ])
    .await;
}

#[tokio::test]
async fn another_service_on_the_port_is_told_as_such() {
    let say = |raw: &str| What::SayRaw(raw.as_bytes().to_vec());
    let garbled = "fail: garbled_answer";
    expect(&[
        (Service::Smtp, At::Greeting, say("SSH-2.0-OpenSSH_9.2\r\n"), garbled),
        (Service::Smtp, At::Greeting, say("HTTP/1.1 400 Bad Request\r\n\r\n"), garbled),
        (Service::Smtp, At::Mail, say("999 what\r\n"), garbled),
        (Service::Smtp, At::Mail, say("250 one\r\n250 two\r\n"), garbled),
        (Service::Imap, At::Greeting, say("SSH-2.0-OpenSSH_9.2\r\n"), garbled),
        (Service::Imap, At::Status, say("* STATUS INBOX (UNSEEN 99999999999999)\r\n"), garbled),
        // imap-proto panics on it.
        (Service::Imap, At::Status, say("* NO [ALERT]\u{2013}x\r\n"), garbled),
    ])
    .await;
}

#[tokio::test]
async fn odd_but_lawful_servers_pass() {
    let bare = What::SayRaw(b"250\r\n".to_vec());
    let alert = vec!["* OK [ALERT] Maintenance tonight".to_owned()];
    expect(&[
        (Service::Token, At::Answer, What::Segments, "pass"),
        (Service::Smtp, At::Ehlo, What::Segments, "pass"),
        (Service::Smtp, At::Auth, What::Delay(500), "pass"),
        (Service::Smtp, At::Rset, bare, "pass"),
        (Service::Imap, At::Auth, What::Segments, "pass"),
        (Service::Imap, At::Auth, What::Untagged(alert.clone()), "pass"),
        (Service::Imap, At::Challenge, What::Untagged(alert.clone()), "pass"),
        (Service::Imap, At::Examine, What::Untagged(alert), "pass"),
    ])
    .await;
}

#[tokio::test]
async fn a_server_that_echoes_our_secrets_is_not_quoted_with_them() {
    for (service, at) in
        [(Service::Token, At::Answer), (Service::Smtp, At::Auth), (Service::Imap, At::Auth)]
    {
        let mut world = World::start().await;
        world.mailbox("a@example.com");
        let refresh_token = world.sim.world().refresh_tokens("a@example.com").remove(0);
        world.sim.world().fault(Fault::new(service, at, What::EchoCredentials)).unwrap();
        for format in ["json", "text"] {
            let output = world.run(&["check", "--format", format, "--log.level", "debug"]).await;
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(said.to_lowercase().contains("fail"), "{service:?} {format}: {said}");
            for secret in [CLIENT_SECRET, &refresh_token, "ya29.", "dXNlcj1"] {
                assert!(!said.contains(secret), "{service:?} {format}: {said}");
            }
        }
    }
}
