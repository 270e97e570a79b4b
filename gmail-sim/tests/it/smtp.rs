//! SMTP submission.

use gmail_sim::{At, Fault, Folder, MAIL_SCOPE, Service, What};
use tokio::net::TcpStream;

use crate::support::{ADDRESS, CHALLENGE, CLIENT, Stage, Wire, sasl};

#[tokio::test]
async fn a_message_goes_from_starttls_to_the_recipients_inbox_and_the_senders_sent_folder() {
    let stage = Stage::set().await;
    stage.world.add_account("sink@example.com", CLIENT);
    let stream = TcpStream::connect(stage.at().smtp_starttls).await.unwrap();
    let mut wire = Wire::on(stream);
    assert!(wire.line().await.starts_with("220 smtp.gmail.com ESMTP "));
    let hello = wire.smtp("EHLO probe.example.com").await;
    let lines: Vec<&str> = hello.lines().collect();
    assert_eq!(
        lines,
        [
            "250-smtp.gmail.com at your service, [127.0.0.1]",
            "250-SIZE 35882577",
            "250-8BITMIME",
            "250-STARTTLS",
            "250-ENHANCEDSTATUSCODES",
            "250-PIPELINING",
            "250-CHUNKING",
            "250 SMTPUTF8",
        ]
    );
    assert!(wire.smtp("AUTH XOAUTH2 eA==").await.starts_with("530 5.7.0 Must issue a STARTTLS"));

    // The plain connection cannot be taken back out of the box: begin again for the rest.
    let mut stream = TcpStream::connect(stage.at().smtp_starttls).await.unwrap();
    read_reply(&mut stream).await;
    say(&mut stream, "EHLO probe.example.com\r\n").await;
    say(&mut stream, "STARTTLS\r\n").await;
    let mut wire = stage.upgrade(stream, "smtp.gmail.com").await.unwrap();
    let hello = wire.smtp("EHLO probe.example.com").await;
    assert!(hello.contains("AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH\r\n"));
    assert!(!hello.contains("STARTTLS"));
    let token = stage.access_token().await;
    let accepted = wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(ADDRESS, &token))).await;
    assert_eq!(accepted, "235 2.7.0 Accepted");
    assert_eq!(wire.smtp("MAIL FROM:<sales@example.com> SIZE=60").await, "250 2.1.0 OK");
    assert_eq!(wire.smtp("RCPT TO:<sink@example.com>").await, "250 2.1.5 OK");
    assert_eq!(wire.smtp("RCPT TO:<customer@elsewhere.example>").await, "250 2.1.5 OK");
    assert!(wire.smtp("DATA").await.starts_with("354 Go ahead"));
    let sent = wire.smtp("Subject: Hi\r\nFrom: sales@example.com\r\n\r\n..dot\r\n.").await;
    assert!(sent.starts_with("250 2.0.0 OK  1"), "{sent}");
    assert!(wire.smtp("QUIT").await.starts_with("221 2.0.0 closing connection"));
    assert_eq!(wire.line().await, "");

    for (address, folder) in [(ADDRESS, Folder::Sent), ("sink@example.com", Folder::Inbox)] {
        let messages = stage.world.messages(address, folder);
        assert_eq!(messages.len(), 1, "{address}");
        let text = String::from_utf8_lossy(&messages[0].raw);
        let sent = "Subject: Hi\r\nFrom: sales@example.com\r\n\r\n.dot\r\n";
        assert!(text.ends_with(sent), "{text}");
        assert_eq!(
            text == sent,
            folder == Folder::Sent,
            "what arrives has Google's fields: {text}"
        );
        assert_eq!(*messages[0].recipients, ["sink@example.com", "customer@elsewhere.example"]);
    }
    assert!(stage.asked().ends_with(&["QUIT".to_owned(), "ended: quit".to_owned()]));
}

async fn say(stream: &mut TcpStream, line: &str) -> String {
    tokio::io::AsyncWriteExt::write_all(stream, line.as_bytes()).await.unwrap();
    read_reply(stream).await
}

async fn read_reply(stream: &mut TcpStream) -> String {
    let mut reply = String::new();
    while !reply.lines().any(|line| line.as_bytes().get(3) == Some(&b' ')) || !reply.ends_with('\n')
    {
        let mut some = [0; 1024];
        let read = tokio::io::AsyncReadExt::read(stream, &mut some).await.unwrap();
        reply.push_str(&String::from_utf8_lossy(&some[..read]));
    }
    reply
}

#[tokio::test]
async fn a_refused_sign_in_is_a_challenge_an_empty_line_and_535() {
    let stage = Stage::set().await;
    let token = stage.access_token().await;
    stage.world.add_account("other@example.com", CLIENT);
    let cases =
        [(ADDRESS, "ya29.expired"), ("other@example.com", &token), ("who@example.com", &token)];
    for (user, token) in cases {
        let mut wire = stage.smtp().await;
        let challenge = wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(user, token))).await;
        assert_eq!(challenge, format!("334 {CHALLENGE}"));
        let refusal = wire.smtp("").await;
        let lines: Vec<&str> = refusal.lines().collect();
        assert_eq!(
            lines,
            [
                "535-5.7.8 Username and Password not accepted. For more information, go to",
                "535 5.7.8  https://support.google.com/mail/?p=BadCredentials",
            ]
        );
        assert!(wire.smtp("MAIL FROM:<a@b.example>").await.starts_with("530-5.7.0 Authentication"));
    }
    stage.world.set(ADDRESS, |account| account.scope = format!("openid {MAIL_SCOPE}gmail"));
    let token = stage.access_token().await;
    let mut wire = stage.smtp().await;
    assert!(
        wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(ADDRESS, &token))).await.starts_with("334 ")
    );
}

#[tokio::test]
async fn without_an_initial_response_the_server_asks_for_it() {
    let stage = Stage::set().await;
    let token = stage.access_token().await;
    let mut wire = stage.smtp().await;
    assert_eq!(wire.smtp("AUTH XOAUTH2").await, "334");
    assert_eq!(wire.smtp(&sasl(ADDRESS, &token)).await, "235 2.7.0 Accepted");
    let asked = stage.asked();
    assert!(asked.ends_with(&["AUTH XOAUTH2".to_owned(), "***".to_owned()]), "{asked:?}");
    assert!(wire.smtp("AUTH XOAUTH2 eA==").await.starts_with("503 5.7.0 No identity changes"));
}

#[tokio::test]
async fn an_answer_to_the_challenge_that_is_not_empty_is_noted() {
    let stage = Stage::set().await;
    let mut wire = stage.smtp().await;
    wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(ADDRESS, "no"))).await;
    assert!(
        wire.smtp("QUIT").await.starts_with("535-5.7.8 "),
        "QUIT is base64, so it is swallowed"
    );
    wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(ADDRESS, "no"))).await;
    assert!(wire.smtp("*").await.starts_with("501 5.5.2 Cannot Decode response."));
    let noted = "the answer to the challenge is not an empty line";
    assert_eq!(stage.asked().iter().filter(|asked| *asked == noted).count(), 2);
    assert!(wire.smtp("AUTH XOAUTH2 ***").await.starts_with("501 5.5.2"));
}

#[tokio::test]
async fn recipients_are_known_unknown_elsewhere_or_too_many() {
    let stage = Stage::set().await;
    let mut wire = stage.submission().await;
    assert!(wire.smtp("RCPT TO:<a@b.example>").await.starts_with("503 5.5.1 MAIL first."));
    assert!(wire.smtp("MAIL FROM:sales").await.starts_with("555 5.5.2 Syntax error."));
    wire.smtp("MAIL FROM:<sales@example.com>").await;
    let nobody = wire.smtp("RCPT TO:<nobody@example.com>").await;
    assert!(nobody.starts_with("550-5.1.1 The email account") && nobody.contains("p=NoSuchUser"));
    assert!(wire.smtp("DATA").await.starts_with("503 5.5.1 RCPT first."));
    for number in 0..100 {
        let reply = wire.smtp(&format!("RCPT TO:<customer{number}@elsewhere.example>")).await;
        assert_eq!(reply, "250 2.1.5 OK");
    }
    let reply = wire.smtp("RCPT TO:<customer100@elsewhere.example>").await;
    assert!(reply.starts_with("452-4.5.3 Your message has too many recipients."), "{reply}");
    assert_eq!(wire.smtp("RSET").await, "250 2.1.5 Flushed");
    let reply = wire.smtp("MAIL FROM:<sales@example.com> SIZE=35882578").await;
    assert!(reply.starts_with("552-5.2.3 Your message exceeded"), "{reply}");
    assert!(stage.world.messages(ADDRESS, Folder::Sent).is_empty());
}

#[tokio::test]
async fn starttls_may_hide_be_followed_by_plain_text_or_be_missing() {
    let stage = Stage::set().await;
    let world = &stage.world;
    world.fault(Fault::new(Service::Smtp, At::Ehlo, What::NoStarttls).times(1)).unwrap();
    world.fault(Fault::new(Service::Smtp, At::Starttls, What::InjectAfterStarttls)).unwrap();
    let mut wire = Wire::on(TcpStream::connect(stage.at().smtp_starttls).await.unwrap());
    wire.line().await;
    assert!(!wire.smtp("EHLO a.example").await.contains("STARTTLS"));
    assert!(wire.smtp("EHLO a.example").await.contains("STARTTLS"));
    wire.send("STARTTLS").await;
    assert_eq!(wire.line().await, "220 2.0.0 Ready to start TLS\r\n");
    assert_eq!(wire.line().await, "250 2.1.0 OK injected - gsmtp\r\n");

    let mut wire = Wire::on(TcpStream::connect(stage.at().smtp_starttls).await.unwrap());
    wire.line().await;
    wire.smtp("EHLO a.example").await;
    wire.send_raw(b"STARTTLS\r\nEHLO b.example\r\n").await.unwrap();
    assert!(wire.smtp_reply().await.starts_with("454 4.5.0 SMTP protocol violation"));
}

#[tokio::test]
async fn xoauth2_may_not_be_offered() {
    let stage = Stage::set().await;
    stage.world.fault(Fault::new(Service::Smtp, At::Ehlo, What::NoXoauth2)).unwrap();
    let mut wire = stage.tls_to(stage.at().smtp_tls).await.unwrap();
    wire.line().await;
    let hello = wire.smtp("EHLO a.example").await;
    assert!(
        hello.contains("250-AUTH LOGIN PLAIN PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH\r\n"),
        "{hello}"
    );
}
