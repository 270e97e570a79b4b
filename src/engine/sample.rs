//! A hand-made state, for tests of what shows it: a link in each of the states that people meet.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use chrono_tz::Tz;
use tokio::sync::mpsc;

use super::{
    Handle, Refused,
    course::{Course, Trouble, Turn},
    mailbox::Noticed,
    state::{Buckets, CheckState, LinkState, MailboxState, Snapshot, Vitals},
    trips::{Refusal, Trips},
};
use crate::{
    check::{self, Check, Watched},
    domain::{
        clock::Timestamp,
        fingerprint::Key,
        identity::{Identity, Likeness},
        life::Tokens,
        link::{
            Account, Address, Client, Direction, Google, Grant, ImapServer, Link, LinkId, Security,
            SmtpServer,
        },
        outcome::{
            Evidence, Failure, Notice, Outcome, Phase, Readings, Reply, Storage, Traffic, Verdict,
        },
        reason::{At, Protocol, Reason, Said},
        redact::Redactor,
        secret::Secret,
        trip::{Arrival, Ended, Verdicts},
    },
};

mod consent;
pub(crate) mod odoo;
mod sending;

/// 2026-11-22T14:50:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_359_000);

/// A dozen links.
pub(crate) fn snapshot() -> Snapshot {
    let links = [
        travelled(held_by(
            fine(link("sales@example.com", "sales@example.com", Direction::Both, "odoo")),
            Some("sales@example.com"),
        )),
        dead_grant(link("billing@example.com", "billing@example.com", Direction::Both, "odoo")),
        held_by(
            too_many_sessions(link("support", "support@example.com", Direction::Both, "odoo")),
            Some("sales@example.com"),
        ),
        over_quota(link("noreply@example.com", "noreply@example.com", Direction::Outgoing, "odoo")),
        client_deleted(link("odoo/erp/outgoing/3", "info@example.org", Direction::Outgoing, "erp")),
        client_deleted(link("odoo/erp/incoming/7", "info@example.org", Direction::Incoming, "erp")),
        said(
            link("jobs@example.com", "jobs@example.com", Direction::Incoming, "odoo"),
            (Protocol::Imap, "NO", "WEBALERT", "Web login required. <https://mail.google.com/>"),
        ),
        never_run(link("new@example.com", "new@example.com", Direction::Both, "odoo")),
        own(
            link("shop@example.net", "shop@example.net", Direction::Both, "odoo"),
            Reason::DnsFailed,
            "failed to lookup address information: Temporary failure in name resolution",
        ),
        said(
            link("legal@example.com", "legal@example.com", Direction::Incoming, "odoo"),
            (Protocol::Imap, "NO", "", "Computer <b>says</b> \"no\"."),
        ),
        own(
            link("secret@example.com", "secret@example.com", Direction::Both, "odoo"),
            Reason::SecretUnreadable,
            "/run/secrets/secret-token: No such file or directory",
        ),
        held_by(
            fine(link("archive@example.com", "archive@example.com", Direction::Incoming, "odoo")),
            None,
        ),
    ];
    let mut phases = Buckets { sum: Duration::from_millis(310), ..Buckets::default() };
    phases.counts[4] = 3;
    phases.counts[11] = 1;
    let mailbox = |used, notices: &[(Notice, u64)]| {
        Arc::new(MailboxState {
            readings: Readings {
                unseen_messages: Some(7),
                oldest_unseen: Some(NOW - Duration::from_secs(90 * 60)),
                storage: Some(Storage { used, limit: 16_106_127_360 }),
                ..Readings::default()
            },
            notices: notices
                .iter()
                .map(|(notice, times)| (*notice, Noticed { times: *times, last: None }))
                .collect(),
            ..MailboxState::default()
        })
    };
    Snapshot {
        odoos: BTreeMap::from([("erp".into(), Arc::new(odoo::erp()))]),
        links: links.into_iter().map(|s| (s.watched.link.id.clone(), Arc::new(s))).collect(),
        mailboxes: BTreeMap::from([
            (address("sales@example.com"), sending::busy(&mailbox(3_221_225_472, &[]))),
            (address("archive@example.com"), mailbox(15_900_000_000, &[(Notice::Alert, 2)])),
            (
                address("support@example.com"),
                sending::seated(&mailbox(0, &[(Notice::TooManyConnections, 5)])),
            ),
            (address("noreply@example.com"), sending::exhausted()),
        ]),
        certificates: BTreeMap::from([
            ("imap.gmail.com:993".into(), NOW + Duration::from_secs(60 * 86_400)),
            ("smtp.gmail.com:587".into(), NOW + Duration::from_secs(61 * 86_400)),
        ]),
        phases: BTreeMap::from([((Check::Imap, Phase::Auth), phases)]),
        sources: BTreeMap::from([
            ("file".into(), Ok(())),
            ("erp".into(), Err("connection refused".to_owned())),
        ]),
        consents: consent::consents(),
        vitals: Vitals {
            probes_in_flight: 1,
            schedule_lag: Duration::from_millis(20),
            runs_dropped: 0,
            panics: 0,
            storage_up: Some(true),
        },
    }
}

fn address(address: &str) -> Address {
    Address::parse(address).unwrap()
}

pub(crate) fn link(id: &str, mailbox: &str, direction: Direction, client: &str) -> Watched {
    let url = |path: &str| format!("https://google.example/{path}").parse().unwrap();
    let link = Link {
        id: LinkId::parse(id).unwrap(),
        mailbox: address(mailbox),
        source: if id.contains('/') { "erp".into() } else { "file".into() },
        direction,
        account: Account::Workspace,
        client: Arc::new(Client {
            name: client.into(),
            id: "1234-abc.apps.googleusercontent.com".to_owned(),
            secret: Secret::new("GOCSPX-client-secret"),
            publishing_status: None,
            redirect_uris: Vec::new(),
        }),
        grant: Grant::RefreshToken(Secret::new("1//refresh-token")),
        linked_at: None,
        google: Arc::new(Google {
            token_url: url("token"),
            tokeninfo_url: url("tokeninfo"),
            authorization_url: url("auth"),
            gmail_api_url: url("gmail"),
            revoke_url: url("revoke"),
        }),
        smtp: Arc::new(SmtpServer {
            host: "smtp.gmail.com".to_owned(),
            port: 587,
            security: Security::Starttls,
        }),
        imap: Arc::new(ImapServer { host: "imap.gmail.com".to_owned(), port: 993 }),
    };
    let settings = Arc::new(check::Config::default().settle(Tz::UTC));
    Watched { link: Arc::new(link), settings }
}

/// A link with what Google told of its token.
fn held_by(mut state: LinkState, told: Option<&str>) -> LinkState {
    let mailbox = &state.watched.link.mailbox;
    let off =
        reply(Protocol::Api, "403", "accessNotConfigured", "Gmail API is off in project 1234");
    let told = told.map(address);
    let identity = Identity {
        account: told.as_ref().map_or(Likeness::Unknown, |told| Likeness::of(mailbox, told)),
        gmail_api: if told.is_some() { Ok(()) } else { Err(Failure::said(off, At::Command)) },
        address: told,
        subject: None,
    };
    if let Some(last) = &mut state.checks.of(Check::Identity).last {
        Arc::make_mut(last).identity = Some(Arc::new(identity));
    }
    state
}

/// A link whose last test message arrived, and one of which could not be removed.
fn travelled(mut state: LinkState) -> LinkState {
    state.trips = Trips {
        last: Some(Ended {
            at: NOW - Duration::from_secs(3600),
            arrival: Arrival::Inbox.name().to_owned(),
            delay: Some(3200),
            verdicts: Verdicts { spf: Some(true), dkim: Some(true), dmarc: Some(false) },
        }),
        counts: BTreeMap::from([(Arrival::Inbox, 41), (Arrival::Spam, 1)]),
        left: vec!["the server offers no MOVE".to_owned()],
        refused: Some(Refusal::Enough),
        ..Trips::default()
    }
    .into();
    state
}

/// Every check passes.
pub(crate) fn fine(watched: Watched) -> LinkState {
    let checks = watched.checks().map(|check| (check, passing(check))).collect();
    let mut tokens = Tokens::default();
    let fingerprint = Key::new([0; 32]).fingerprint([watched.link.id.as_str()]);
    tokens.see(Some(fingerprint), NOW - Duration::from_secs(3 * 86_400));
    let reported = watched.link.id.as_str() == "archive@example.com";
    let ends = NOW + Duration::from_secs(30 * 86_400);
    tokens.honoured(NOW - Duration::from_secs(220), reported.then_some(ends));
    LinkState { checks, tokens, ..never_run(watched) }
}

fn never_run(watched: Watched) -> LinkState {
    let next_run = Some(NOW + Duration::from_secs(40));
    let state = CheckState { next_run, ..CheckState::default() };
    let checks = watched.checks().map(|check| (check, state.clone())).collect();
    LinkState {
        watched,
        checks,
        generation: Default::default(),
        course: Default::default(),
        tokens: Default::default(),
        trips: Default::default(),
    }
}

fn dead_grant(watched: Watched) -> LinkState {
    let reply =
        reply(Protocol::Token, "400", "invalid_grant", "Token has been expired or revoked.");
    let failure = Failure::said(reply, At::SignIn);
    let trouble = Trouble::new(Check::Token, &failure);
    let mut course = Course::default();
    course.note(NOW - Duration::from_secs(3 * 86_400), Turn::TokenChanged);
    course.note(NOW - Duration::from_secs(2 * 3600 + 900), Turn::Broke(trouble));
    LinkState { course, ..blocked(watched, failure) }
}

fn client_deleted(watched: Watched) -> LinkState {
    let reply = reply(Protocol::Token, "401", "deleted_client", "The OAuth client was deleted.");
    blocked(watched, Failure::said(reply, At::SignIn))
}

fn own(watched: Watched, reason: Reason, error: &str) -> LinkState {
    blocked(watched, Failure::own(reason, error))
}

/// The token check fails, so the others are skipped.
fn blocked(watched: Watched, failure: Failure) -> LinkState {
    let mut state = fine(watched);
    for check in state.watched.checks() {
        match check {
            Check::Token => *state.checks.of(check) = failing(check, failure.clone()),
            _ => state.checks.of(check).skipped = Some(failure.reason),
        }
    }
    if failure.reason == Reason::GrantRevokedOrExpired {
        state.tokens.refused(NOW - Duration::from_secs(110));
    }
    state
}

fn too_many_sessions(watched: Watched) -> LinkState {
    said(watched, (Protocol::Imap, "NO", "ALERT", "Too many simultaneous connections. (Failure)"))
}

fn over_quota(watched: Watched) -> LinkState {
    said(watched, (Protocol::Smtp, "550", "5.4.5", "Daily user sending limit exceeded. - gsmtp"))
}

/// One mail server refuses.
fn said(watched: Watched, words: (Protocol, &str, &str, &str)) -> LinkState {
    let (protocol, status, code, text) = words;
    let check = if protocol == Protocol::Smtp { Check::Smtp } else { Check::Imap };
    let failure = Failure::said(reply(protocol, status, code, text), At::SignIn);
    let mut state = fine(watched);
    *state.checks.of(check) = failing(check, failure);
    state
}

fn reply(protocol: Protocol, status: &str, code: &str, text: &str) -> Reply {
    let said = Said { protocol, at: At::SignIn, status, code, key: "", text };
    Reply::new(&said, &Redactor::default())
}

fn passing(check: Check) -> CheckState {
    let ran = NOW - Duration::from_secs(220);
    let readings = Readings {
        access_token_expires: (check == Check::Token).then(|| ran + Duration::from_secs(3599)),
        ..Readings::default()
    };
    let last = outcome(check, ran, Verdict::Pass(readings), &[]);
    CheckState {
        since: Some(NOW - Duration::from_secs(3 * 86_400)),
        last_success: Some(ran),
        next_run: Some(NOW + Duration::from_secs(680)),
        runs: 288,
        history: (0..12).map(|_| last.clone()).collect(),
        last: Some(last),
        ..CheckState::default()
    }
}

fn failing(check: Check, failure: Failure) -> CheckState {
    let ran = NOW - Duration::from_secs(110);
    let transcript = match &failure.evidence {
        Some(Evidence::Reply(reply)) => vec![
            "-- connect to imap.gmail.com:993 (192.0.2.1)".to_owned(),
            "C: AUTHENTICATE XOAUTH2 ****".to_owned(),
            format!("S: {reply}"),
        ],
        _ => vec!["-- connect to imap.gmail.com:993".to_owned()],
    };
    let failure = Failure { phase: Some(Phase::Auth), ..failure };
    let reason = failure.reason;
    let last = outcome(check, ran, Verdict::Fail(failure), &transcript);
    let passed = passing(check);
    CheckState {
        since: Some(NOW - Duration::from_secs(2 * 3600 + 900)),
        failing: 4,
        last_success: Some(NOW - Duration::from_secs(3 * 3600)),
        next_run: Some(NOW + Duration::from_secs(4 * 3600)),
        failures: BTreeMap::from([(reason, 9)]),
        history: (0..4).map(|_| last.clone()).chain(passed.history).collect::<VecDeque<_>>(),
        last: Some(last),
        ..passed
    }
}

fn outcome(check: Check, at: Timestamp, verdict: Verdict, transcript: &[String]) -> Arc<Outcome> {
    let phases: &[Phase] = match check {
        Check::Token => &[Phase::Dns, Phase::Connect, Phase::Tls, Phase::Refresh],
        Check::Smtp => &[Phase::Dns, Phase::Connect, Phase::Ehlo, Phase::Starttls, Phase::Auth],
        Check::Imap => &[Phase::Dns, Phase::Connect, Phase::Tls, Phase::Greeting, Phase::Auth],
        Check::Capacity => &[Phase::List, Phase::Examine, Phase::Fetch],
        Check::Session => &[Phase::Dns, Phase::Connect, Phase::Tls, Phase::Greeting, Phase::Auth],
        Check::Identity => &[Phase::Tokeninfo, Phase::Profile, Phase::Settings],
        Check::RoundTrip => &[Phase::Auth, Phase::Mail, Phase::Rcpt, Phase::Data],
    };
    let phases = phases.iter().zip([2, 18, 35, 90, 160]);
    let phases: Vec<_> = phases.map(|(p, ms)| (*p, Duration::from_millis(ms))).collect();
    Arc::new(Outcome {
        verdict,
        at,
        took: phases.iter().map(|(_, took)| took).sum(),
        phases: phases.into(),
        notices: Vec::new(),
        traffic: Traffic::default(),
        certificate: None,
        identity: None,
        transcript: transcript.into(),
    })
}

/// A handle onto a state that never changes, and the engine behind it: every probe is answered with what the state
/// holds already.
pub(crate) fn engine(snapshot: Snapshot) -> (Handle, impl Future<Output = ()>) {
    let snapshot = Arc::new(snapshot);
    let (orders, mut ordered) = mpsc::channel::<super::Order>(8);
    let handle = Handle { snapshot: Arc::new(ArcSwap::new(snapshot.clone())), orders };
    let engine = async move {
        while let Some(order) = ordered.recv().await {
            let known = snapshot.links.get(&order.link).ok_or(Refused::UnknownLink);
            let answer = known.and_then(|link| {
                let all = order.checks.is_empty();
                let asked = |check: &Check| all || order.checks.contains(check);
                let asked = link.checks.iter().filter(|(check, _)| asked(check));
                let answers: Vec<_> =
                    asked.filter_map(|(check, state)| Some((check, answer(state)?))).collect();
                if answers.is_empty() { Err(Refused::CheckOff) } else { Ok(answers) }
            });
            let _ = order.answer.send(answer);
        }
    };
    (handle, engine)
}

fn answer(state: &CheckState) -> Option<Arc<Outcome>> {
    let last = state.last.as_ref()?;
    Some(match state.skipped {
        None => last.clone(),
        Some(because) => Arc::new(Outcome {
            verdict: Verdict::Skip { because },
            phases: Box::default(),
            ..Outcome::clone(last)
        }),
    })
}
