//! The catalogue: every line has a name of its own and a source, and can be said on the wire.

use std::collections::HashSet;

use gmail_sim::{
    At, Fault, Folder, Service,
    lines::{self, Line, Said},
};

use crate::support::{ADDRESS, CLIENT, Stage, Wire, sasl};

#[test]
fn every_line_has_a_name_of_its_own_a_source_and_a_meaning() {
    let mut keys = HashSet::new();
    for line in lines::all() {
        assert!(keys.insert(line.key), "{} twice", line.key);
        assert!(line.source.len() > 5, "{} needs a source", line.key);
        assert!(!line.reason.is_empty(), "{}", line.key);
        let service = serde_json::to_value(line.service).unwrap();
        assert!(line.key.starts_with(service.as_str().unwrap()), "{}", line.key);
    }
    assert!(keys.len() > 150, "{}", keys.len());
}

#[test]
fn json_is_json_and_smtp_lines_repeat_their_codes() {
    for line in lines::all() {
        match line.said {
            Said::Http { body, .. } if body.is_empty() || body.starts_with('<') => {}
            Said::Http { body, .. } => {
                let parsed = serde_json::from_str::<serde_json::Value>(body);
                assert_eq!(parsed.is_ok(), line.key != "token.truncated", "{}", line.key);
            }
            Said::Text { text, .. } if line.service == Service::Smtp => {
                let mut codes = text.split("\r\n").map(|line| &line[..3]);
                let first = codes.next().unwrap();
                assert!(codes.all(|code| code == first), "{}", line.key);
                let count = text.split("\r\n").count();
                let dashes = text.split("\r\n").filter(|line| &line[3..4] == "-").count();
                assert_eq!(dashes, count - 1, "{}", line.key);
                assert!(text.ends_with("{id} - gsmtp"), "{}", line.key);
            }
            Said::AuthError { .. } | Said::Redirect { .. } | Said::Text { .. } => {}
        }
    }
}

#[tokio::test]
async fn every_line_can_be_said_on_the_wire() {
    let stage = Stage::set().await;
    // Every sign-in of this test is meant.
    stage.world.set(ADDRESS, |account| account.sign_ins_per_ten_minutes = 10_000);
    let token = stage.access_token().await;
    for line in lines::all() {
        stage.world.fault(Fault::say(line.key).unwrap().times(1)).unwrap();
        let heard = match line.service {
            Service::Imap => imap(&stage, line, &token).await,
            Service::Smtp => smtp(&stage, line, &token).await,
            service => http(&stage, service).await,
        };
        let expected = match line.said {
            Said::AuthError { .. } => "authError=C".to_owned(),
            Said::Http { body, .. } => body.to_owned(),
            Said::Redirect { location } => format!("{location}\r\n"),
            Said::Text { text, .. } => {
                text.split("{id}").next().unwrap().trim_end().replace("{tag}", "X1")
            }
        };
        assert!(heard.contains(&expected), "{}: {expected:?} in {heard:?}", line.key);
        let status = match line.said {
            Said::AuthError { .. } | Said::Redirect { .. } => Some(302),
            Said::Http { status, .. } => Some(status),
            Said::Text { .. } => None,
        };
        if let Some(status) = status {
            assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {heard}", line.key);
        }
        assert!(stage.world.faults().is_empty(), "{} was not said", line.key);
    }
}

async fn http(stage: &Stage, service: Service) -> String {
    let at = stage.at();
    let url = match service {
        Service::Api => format!("{}/gmail/v1/users/me/profile", at.gmail_api_url),
        Service::Authorization => at.authorization_url.clone(),
        Service::Revoke => at.revoke_url.clone(),
        Service::Tokeninfo => at.tokeninfo_url.clone(),
        _ => at.token_url.clone(),
    };
    let get = matches!(service, Service::Api | Service::Authorization | Service::Tokeninfo);
    let head = format!("{} PATH HTTP/1.1\r\nHost: localhost\r\n", if get { "GET" } else { "POST" });
    stage.raw_https(&url, &head, "").await.unwrap()
}

/// Talks until the line must have been said, and returns what came last.
async fn smtp(stage: &Stage, line: &Line, token: &str) -> String {
    let starttls = line.at == At::Starttls;
    let mut wire = match starttls {
        true => {
            let address = stage.at().smtp_starttls;
            Wire::on(tokio::net::TcpStream::connect(address).await.unwrap())
        }
        false => stage.tls_to(stage.at().smtp_tls).await.unwrap(),
    };
    let greeting = wire.smtp_reply().await;
    let auth = format!("AUTH XOAUTH2 {}", sasl(ADDRESS, token));
    let steps = [
        (At::Command, "NOOP"),
        (At::Ehlo, "EHLO a.example"),
        (if starttls { At::Starttls } else { At::Auth }, if starttls { "STARTTLS" } else { &auth }),
        (At::Mail, "MAIL FROM:<sales@example.com>"),
        (At::Rcpt, "RCPT TO:<a@elsewhere.example>"),
        (At::Data, "DATA"),
        (At::Message, "Subject: x\r\n\r\n."),
    ];
    let mut heard = greeting;
    for (at, step) in steps.iter().take(if line.at == At::Greeting { 0 } else { 7 }) {
        heard = wire.smtp(step).await;
        if heard.starts_with("334 ") {
            heard = wire.smtp("").await;
        }
        if *at == line.at {
            break;
        }
    }
    heard
}

async fn imap(stage: &Stage, line: &Line, token: &str) -> String {
    let mut wire = stage.imap().await;
    let auth = format!("AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, token));
    let steps = [
        (At::Auth, &*auth),
        (if line.at == At::Command { At::Command } else { At::Noop }, "NOOP"),
        (At::Examine, "EXAMINE INBOX"),
        (At::Fetch, "UID FETCH 1:* (FLAGS)"),
    ];
    for (at, step) in steps {
        wire.send(&format!("X1 {step}")).await;
        let mut heard = wire.line().await;
        if heard.starts_with("+ ") {
            wire.send("").await;
            heard = wire.line().await;
        }
        while !heard.lines().any(|l| l.starts_with("X1 ") || l.starts_with("* BYE")) {
            let more = wire.line().await;
            assert!(!more.is_empty(), "{}: the connection ended after {heard:?}", line.key);
            heard.push_str(&more);
        }
        if at == line.at {
            return heard;
        }
    }
    String::new()
}

#[tokio::test]
async fn what_imap_says_can_be_parsed_by_somebody_elses_parser() {
    let stage = Stage::set().await;
    let mail = "From: A <a@x.example>\r\nTo: b@y.example\r\nSubject: x\r\n\r\nHello\r\n";
    for _ in 0..3 {
        stage.world.put(ADDRESS, Folder::Inbox, mail, stage.world.now(), &[]);
    }
    stage.world.add_account("other@example.com", CLIENT);
    let mut wire = stage.signed_in().await;
    let commands = [
        "CAPABILITY",
        "ID NIL",
        "LIST \"\" \"*\"",
        "SELECT INBOX",
        "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)",
        "GETQUOTAROOT INBOX",
        "UID SEARCH UNSEEN",
        "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[HEADER] BODYSTRUCTURE)",
        "UID FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS BODY[TEXT])",
        "UID STORE 1 +FLAGS (\\Deleted)",
        "UID MOVE 2 \"[Gmail]/Trash\"",
        "UID EXPUNGE 1",
        "EXAMINE Nowhere",
        "NOOP",
        "BOGUS",
        "LOGOUT",
    ];
    let mut said = "* OK Gimap ready for requests from 127.0.0.1 x\r\n+ idling\r\n".to_owned();
    for command in commands {
        said.push_str(&wire.imap(command).await);
    }
    for line in lines::all().filter(|line| line.service == Service::Imap) {
        if let Said::Text { text, .. } = line.said {
            said.push_str(&format!("{}\r\n", text.replace("{tag}", "A1").replace("{id}", "x")));
        }
    }
    let mut rest = said.as_bytes();
    while !rest.is_empty() {
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(300)]).into_owned();
        let (after, response) =
            imap_proto::Response::parse(rest).unwrap_or_else(|e| panic!("{e}: {shown}"));
        assert!(after.len() < rest.len(), "{response:?}");
        rest = after;
    }
}
