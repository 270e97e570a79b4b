//! Whatever Google says ends in one reason: every line of the simulator's catalogue, said on the wire.

use gmail_sim::{
    At, Fault, Folder, Service, What,
    lines::{self, Line},
};
use mailbox_exporter::domain::reason::Reason;

use crate::support::World;

#[tokio::test]
async fn every_line_that_google_says_ends_in_its_reason() {
    let mut world = World::start().await;
    let mut alone = Vec::new();
    let mut together = Vec::new();
    for line in lines::all().filter(|line| check_of(line).is_some()) {
        match place(line.at) {
            Place::OfOneMailbox(at) => {
                let address = format!("{}@example.com", line.key.replace(['.', '_'], "-"));
                world.mailbox(&address);
                let fault = Fault::new(line.service, at, What::Say(line.key.into())).of(&address);
                world.sim.world().fault(fault).unwrap();
                // So that there is something to fetch.
                let unread = "Subject: unread\r\n\r\n";
                let now = world.sim.world().now();
                world.sim.world().put(&address, Folder::Inbox, unread, now, &[]);
                together.push((line, address));
            }
            Place::BeforeTheAddress => alone.push(line),
        }
    }
    let (_, report) = world.check(&[]).await;
    let mut wrong = Vec::new();
    for (line, address) in together {
        let check = check_of(line).unwrap();
        let verdict = match line.service {
            // Mail works without the Gmail API: what is wrong with it alone fails nothing, and is told all the same.
            Service::Api if report.verdict(&address, check) == "pass" => {
                format!("fail: {}", report.identity(&address).trim_start_matches("unknown "))
            }
            _ => report.verdict(&address, check),
        };
        wrong.extend(mismatch(line, &verdict, &report.reply(&address, check)));
    }
    for line in alone {
        let mut world = World::start().await;
        world.mailbox("a@example.com");
        world.sim.world().fault(Fault::say(line.key).unwrap()).unwrap();
        let check = check_of(line).unwrap();
        let (_, report) = world.check(&["--only", check]).await;
        let (verdict, reply) =
            (report.verdict("a@example.com", check), report.reply("a@example.com", check));
        wrong.extend(mismatch(line, &verdict, &reply));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn mismatch(line: &Line, verdict: &str, reply: &str) -> Option<String> {
    // Being slowed down is no failure yet; it is counted as a notice.
    let expected = match line.reason {
        "imap_throttled" => "pass".to_owned(),
        reason => format!("fail: {reason}"),
    };
    (verdict != expected).then(|| format!("{}: {verdict}, not {expected} ({reply})", line.key))
}

/// The check that meets the line; none for what no check of today asks.
fn check_of(line: &Line) -> Option<&'static str> {
    match line.service {
        Service::Token => Some("token"),
        Service::Smtp => Some("smtp"),
        Service::Imap => Some("imap"),
        Service::Api | Service::Tokeninfo => Some("identity"),
        Service::Authorization | Service::Control | Service::Revoke => None,
    }
}

enum Place {
    BeforeTheAddress,
    OfOneMailbox(At),
}

/// The dry run sends no message, so what Google says to one is said to its recipient.
fn place(at: At) -> Place {
    match at {
        At::Connect | At::Ehlo | At::Greeting | At::Handshake | At::Starttls => {
            Place::BeforeTheAddress
        }
        At::Data | At::Message => Place::OfOneMailbox(At::Rcpt),
        At::Command => Place::OfOneMailbox(At::Auth),
        At::Noop => Place::OfOneMailbox(At::Status),
        at => Place::OfOneMailbox(at),
    }
}

#[test]
fn every_reason_that_a_server_can_give_is_said_by_the_simulator() {
    let said: Vec<_> = lines::all().map(|line| line.reason).collect();
    let own = |reason: &&Reason| !OWN.contains(&reason.name());
    let unsaid: Vec<_> =
        Reason::ALL.iter().filter(own).filter(|reason| !said.contains(&reason.name())).collect();
    assert!(unsaid.is_empty(), "{unsaid:?}");
    let unknown: Vec<_> = said
        .iter()
        .filter(|name| !Reason::ALL.iter().any(|reason| reason.name() == **name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// What no server says: our own errors, and what follows from several answers.
const OWN: &[&str] = &[
    "connection_lost",
    "connection_refused",
    // Said on the authorization page or behind it, which no check asks yet.
    "consent_cancelled",
    // Said to whoever exchanges a code: tests/it/connect.rs.
    "consent_code_refused",
    "consent_not_asked",
    "consent_test_user",
    // Seen in the mailbox that a letter went to.
    "delivered_late",
    "delivered_to_spam",
    "message_lost",
    "redirect_uri_policy",
    "dns_failed",
    "garbled_answer",
    // Follows from how long several sessions lasted.
    "imap_session_short",
    // Follows from how long several tokens lived.
    "grant_expired_testing",
    "internal_error",
    "oauth_not_offered",
    "scope_missing",
    "secret_unreadable",
    "timeout",
    "tls_expired",
    "tls_failed",
    "tls_not_yet_valid",
    "tls_untrusted",
    "tls_wrong_name",
    "unreachable",
    "wrong_account",
];
