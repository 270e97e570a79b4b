//! A database in which nothing is wrong, what is no fault in it, and each fault's exact findings.

use std::collections::BTreeSet;

use super::*;
use crate::source::odoo::{
    database::{Incoming, Module, Outgoing},
    finding::About,
    version::Series,
};

mod faults;

use faults::FAULTS;

/// A database in which nothing is wrong: one mailbox that sends and fetches.
pub(crate) fn healthy(series: Series) -> Database {
    let traits = series.traits();
    let module = |name: &&str| {
        let version = Some(traits.gmail_module.to_owned());
        ((*name).to_owned(), Module { state: "installed".to_owned(), version })
    };
    let parameters = [
        ("web.base.url", "https://odoo.example.com"),
        ("web.base.url.freeze", "True"),
        ("google_gmail_client_id", "1234-abc.apps.googleusercontent.com"),
    ];
    let job = |minutes: u64| Schedule {
        active: true,
        next: Some(NOW + Duration::from_secs(60)),
        interval: Duration::from_secs(60 * minutes),
    };
    let mut database = Database {
        series,
        version: format!("{series}.0.1.3"),
        modules: traits.modules.iter().map(module).collect(),
        parameters: parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        client_secret: Some(Secret::new("GOCSPX-secret")),
        outgoing: vec![outgoing(1)],
        incoming: vec![incoming(1)],
        jobs: [(Job::Fetch, job(5)), (Job::Queue, job(60))].into(),
        default_senders: Vec::new(),
        has_token_columns: true,
        from_environment: false,
        unread: Vec::new(),
    };
    match traits.default_from_parameter {
        true => {
            set(&mut database, "mail.default.from", "sales");
            set(&mut database, "mail.catchall.domain", "example.com");
        }
        false => database.default_senders.push("sales@example.com".to_owned()),
    }
    database
}

pub(in crate::source::odoo) fn with(
    mut database: Database,
    change: impl FnOnce(&mut Database),
) -> Database {
    change(&mut database);
    database
}

const NOW: Timestamp = Timestamp::from_secs(1_795_359_000);

fn set(database: &mut Database, key: &str, value: &str) {
    database.parameters.insert(key.to_owned(), value.to_owned());
}

fn outgoing(id: i64) -> Outgoing {
    Outgoing {
        id,
        name: "Sales".to_owned(),
        active: true,
        sequence: 10,
        from_filter: Some("sales@example.com".to_owned()),
        host: Some("smtp.gmail.com".to_owned()),
        port: Some(587),
        encryption: "starttls".to_owned(),
        authentication: "gmail".to_owned(),
        user: Some("Sales@example.com".to_owned()),
        token: Some(Secret::new("1//outgoing-secret")),
        owner: None,
    }
}

fn incoming(id: i64) -> Incoming {
    Incoming {
        id,
        name: "Sales".to_owned(),
        active: true,
        confirmed: true,
        host: Some("imap.gmail.com".to_owned()),
        port: Some(993),
        tls: true,
        kind: "gmail".to_owned(),
        user: Some("sales@example.com".to_owned()),
        token: Some(Secret::new("1//incoming-secret")),
        fetched: Some(NOW),
        error: None,
    }
}

/// As `outgoing/1 archived`, with the detail behind a colon.
fn said(database: &Database, configured: &[&str]) -> Vec<String> {
    let configured: Vec<Url> = configured.iter().map(|uri| uri.parse().unwrap()).collect();
    let line = |finding: Finding| {
        let row = finding.row.map(|row| format!("{row} ")).unwrap_or_default();
        let detail = finding.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("{row}{}{detail}", finding.what)
    };
    findings(database, &configured, NOW).into_iter().map(line).collect()
}

#[test]
fn a_healthy_database_gives_no_finding() {
    for series in Series::ALL {
        let none: [&str; 0] = [];
        assert_eq!(said(&healthy(series), &[]), none, "{series}");
        let uri = "https://odoo.example.com/google_gmail/confirm";
        assert_eq!(said(&healthy(series), &["http://localhost/x", uri]), none, "{series}");
    }
}

/// What is no fault, one thing a case.
#[test]
fn what_may_be_so_gives_no_finding() {
    type Case = (&'static str, Series, fn(&mut Database));
    let cases: &[Case] = &[
        ("no mail servers", Series::V18, |it| {
            it.outgoing.clear();
            it.incoming.clear();
            it.jobs.get_mut(&Job::Fetch).unwrap().active = false;
        }),
        ("fetching is not installed", Series::V15, |it| {
            it.incoming.clear();
            it.jobs.remove(&Job::Fetch);
            it.modules.get_mut("fetchmail_gmail").unwrap().state = "uninstalled".into();
        }),
        ("a newer module", Series::V18, |it| {
            it.modules.get_mut("google_gmail").unwrap().version = Some("saas~18.2.1.2".into());
        }),
        ("a module whose version is odd", Series::V18, |it| {
            it.modules.get_mut("google_gmail").unwrap().version = Some("mine".into());
        }),
        ("a job that is late by a little", Series::V18, |it| {
            it.jobs.get_mut(&Job::Fetch).unwrap().next = Some(NOW - Duration::from_secs(60 * 15));
            it.jobs.get_mut(&Job::Queue).unwrap().next = Some(NOW - Duration::from_secs(60 * 180));
        }),
        ("a job that runs every minute and is late by some", Series::V18, |it| {
            let fetch = it.jobs.get_mut(&Job::Fetch).unwrap();
            fetch.interval = Duration::from_secs(60);
            fetch.next = Some(NOW - Duration::from_secs(60 * 14));
        }),
        ("a server that fetches nothing by itself", Series::V18, |it| {
            it.jobs.get_mut(&Job::Fetch).unwrap().active = false;
            it.incoming[0] = Incoming { kind: "local".into(), token: None, ..incoming(1) };
        }),
        ("the password is odoo.conf's own", Series::V18, |it| {
            it.outgoing.push(Outgoing { authentication: "cli".into(), ..outgoing(2) });
        }),
        ("no filter, and mail of nobody else", Series::V18, |it| {
            it.outgoing[0].from_filter = None;
        }),
        ("no filter, and another server for the default sender", Series::V18, |it| {
            it.outgoing.push(Outgoing { from_filter: None, ..outgoing(2) });
        }),
        ("no filter, but not Gmail", Series::V18, |it| {
            it.default_senders.clear();
            let relay = Outgoing { authentication: "login".into(), ..outgoing(2) };
            let host = Some("mx.example.com".into());
            it.outgoing.push(Outgoing { from_filter: None, host, sequence: 1, ..relay });
        }),
        ("a relay that knows its clients by their address", Series::V18, |it| {
            let host = Some("smtp-relay.gmail.com".into());
            let relay = Outgoing { authentication: "login".into(), host, ..outgoing(2) };
            it.outgoing.push(Outgoing {
                user: None,
                token: None,
                encryption: "none".into(),
                ..relay
            });
        }),
        ("a list", Series::V17, |it| {
            it.outgoing[0].from_filter = Some("sales@example.com, example.org".into());
        }),
        ("TLS from the first byte, which 15 lets pass", Series::V15, |it| {
            it.outgoing[0].encryption = "ssl".into();
            it.outgoing[0].port = Some(465);
        }),
        ("a personal server that waits for its owner", Series::V19, |it| {
            let waiting = Outgoing { active: false, token: None, ..outgoing(2) };
            it.outgoing.push(Outgoing { owner: Some(7), ..waiting });
        }),
        ("an archived password at Google", Series::V18, |it| {
            let kind = "pop".into();
            it.incoming.push(Incoming { active: false, kind, token: None, ..incoming(2) });
        }),
        ("a server of another kind that has never been confirmed", Series::V18, |it| {
            let host = Some("mx.example.com".into());
            let kind = "imap".into();
            let other = Incoming { host, kind, port: Some(143), tls: false, ..incoming(2) };
            it.incoming.push(Incoming { confirmed: false, token: None, ..other });
        }),
    ];
    for (case, series, change) in cases {
        let none: [&str; 0] = [];
        assert_eq!(said(&with(healthy(*series), change), &[]), none, "{case}");
    }
}

#[test]
fn each_fault_gives_its_finding_and_no_other() {
    for (series, change, expected) in FAULTS {
        assert_eq!(said(&with(healthy(*series), change), &[]), *expected);
    }
}

#[test]
fn every_finding_that_rests_on_rows_has_a_case() {
    let mut found: BTreeSet<What> = [What::BaseUrlMismatch].into();
    for (series, change, _) in FAULTS {
        let database = with(healthy(*series), change);
        found.extend(findings(&database, &[], NOW).iter().map(|finding| finding.what));
    }
    let of_rows = What::ALL.iter().copied().filter(|what| what.about() != About::Truth);
    assert_eq!(found, of_rows.collect());
}

#[test]
fn a_redirect_uri_is_compared_letter_by_letter_as_google_does() {
    let mismatch = ["base_url_mismatch: https://odoo.example.com/google_gmail/confirm".to_owned()];
    for configured in [
        "https://odoo.example.com/google_gmail/confirm/",
        "https://odoo.example.com/Google_gmail/confirm",
        "https://odoo.example.com:8443/google_gmail/confirm",
        "http://odoo.example.com/google_gmail/confirm",
        "https://www.odoo.example.com/google_gmail/confirm",
    ] {
        assert_eq!(said(&healthy(Series::V18), &[configured]), mismatch, "{configured}");
    }
    // What Google refuses anyway is not compared as well.
    let plain = with(healthy(Series::V18), |it| set(it, "web.base.url", "http://odoo.lan/"));
    let refused = said(&plain, &["https://odoo.example.com/google_gmail/confirm"]);
    assert_eq!(refused, ["base_url_refused: odoo.lan is no public name"]);
}

#[test]
fn what_could_not_be_read_is_no_fault() {
    type Case = (&'static str, Series, fn(&mut Database));
    let cases: &[Case] = &[
        ("ir_cron.active", Series::V18, |it| it.jobs.clear()),
        ("ir.cron", Series::V18, |it| it.jobs.clear()),
        ("ir_cron.nextcall", Series::V18, |it| {
            it.jobs.values_mut().for_each(|job| job.next = None);
        }),
        ("ir_mail_server.owner_user_id", Series::V19, |it| {
            it.default_senders.clear();
            it.outgoing.push(outgoing(2));
            it.outgoing.push(Outgoing { from_filter: None, ..outgoing(3) });
        }),
        ("mail_alias_domain.default_from", Series::V18, |it| {
            it.default_senders.clear();
            it.outgoing[0].from_filter = None;
        }),
        ("mail.alias.domain", Series::V18, |it| {
            it.default_senders.clear();
            it.outgoing[0].from_filter = None;
        }),
    ];
    for (unread, series, change) in cases {
        let mut database = with(healthy(*series), change);
        database.unread.push((*unread).to_owned());
        assert_eq!(said(&database, &[]), [format!("partly_unreadable: {unread}")]);
    }
}

#[test]
fn what_a_broken_link_left_behind_is_counted() {
    let detail = |count| {
        // The newest first.
        let failed = (0..count as u64).map(|ago| NOW - Duration::from_secs(ago));
        let queue = Queue { stuck: failed.collect(), ..Queue::default() };
        stuck(&queue).and_then(|finding| finding.detail)
    };
    let at = "the last one failed at 2026-11-22T14:50:00Z";
    assert_eq!(detail(0), None);
    assert_eq!(detail(1), Some(format!("1 message, {at}")));
    assert_eq!(detail(37), Some(format!("37 messages, {at}")));
    assert_eq!(detail(Queue::STUCK), Some(format!("at least 10000 messages, {at}")));
}

#[test]
fn no_finding_holds_a_secret() {
    for (series, change, _) in FAULTS {
        let mut database = with(healthy(*series), change);
        set(&mut database, "web.base.url", "https://bot:hunter2@odoo.lan");
        let printed = format!("{:?}", findings(&database, &[], NOW));
        for secret in ["hunter2", "outgoing-secret", "incoming-secret", "GOCSPX", "1//0"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
