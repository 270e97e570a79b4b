//! A fault or two of every kind, each with the exact findings that it gives.

use super::*;

/// In a healthy database of this series, what is changed, and the findings that follow.
pub(super) type Fault = (Series, fn(&mut Database), &'static [&'static str]);

pub(super) const FAULTS: &[Fault] = &[
    // Whether it can be watched at all
    (Series::V16, |it| set(it, "database.is_neutralized", "true"), &["neutralised"]),
    (
        Series::V18,
        |it| {
            let name = "neutralization - disable emails".into();
            it.outgoing[0].active = false;
            it.outgoing.push(Outgoing { name, authentication: "login".into(), ..outgoing(2) });
        },
        &["neutralised"],
    ),
    (
        Series::V18,
        |it| it.unread = vec!["ir_cron.nextcall".into(), "mail_mail".into()],
        &["partly_unreadable: ir_cron.nextcall, mail_mail"],
    ),
    (Series::V19, |it| it.version = "20.0.1.0".into(), &["version_unknown: 20.0.1.0"]),
    (
        Series::V18,
        |it| {
            it.has_token_columns = false;
            it.outgoing[0].token = None;
            it.incoming[0].token = None;
        },
        &["token_columns_missing"],
    ),
    (
        Series::V18,
        |it| {
            it.from_environment = true;
            it.parameters.remove("google_gmail_client_id");
            it.outgoing[0] = Outgoing {
                host: None,
                port: Some(465),
                user: None,
                token: None,
                from_filter: None,
                ..outgoing(1)
            };
            it.default_senders.clear();
            it.incoming[0] = Incoming { host: None, port: None, tls: false, ..incoming(1) };
            it.outgoing.push(Outgoing { authentication: "login".into(), ..outgoing(2) });
        },
        &["server_environment"],
    ),
    // The module
    (
        Series::V18,
        |it| it.modules.get_mut("google_gmail").unwrap().state = "uninstalled".into(),
        &["module_missing: google_gmail"],
    ),
    (
        Series::V18,
        |it| {
            it.modules.clear();
            it.has_token_columns = false;
            it.outgoing.clear();
            it.incoming.clear();
        },
        &["module_missing: google_gmail"],
    ),
    (
        Series::V15,
        |it| {
            it.modules.remove("fetchmail_gmail");
            it.incoming[0].kind = "imap".into();
        },
        &["module_missing: fetchmail_gmail", "incoming/1 password_authentication: imap.gmail.com"],
    ),
    (
        Series::V17,
        |it| {
            let module = it.modules.get_mut("google_gmail").unwrap();
            *module = Module { state: "to upgrade".into(), version: Some("16.0.1.2".into()) };
        },
        &["module_pending: google_gmail: to upgrade"],
    ),
    (
        Series::V18,
        |it| {
            it.modules.get_mut("google_gmail").unwrap().version = Some("18.0.1.1".into());
        },
        &["module_outdated: google_gmail is 18.0.1.1; Odoo 18 ships 18.0.1.2"],
    ),
    // The OAuth client, and linking
    (Series::V18, |it| it.client_secret = None, &["client_missing"]),
    (Series::V16, |it| set(it, "google_gmail_client_id", " "), &["client_missing"]),
    (
        Series::V18,
        |it| set(it, "web.base.url", "http://odoo.example.com"),
        &["base_url_refused: it is http, not https"],
    ),
    (Series::V18, |it| _ = it.parameters.remove("web.base.url.freeze"), &["base_url_not_frozen"]),
    // What is sent, and by whom
    (
        Series::V17,
        |it| set(it, "mail.default.from", "sales@example.com"),
        &["default_from_dead: mail.default.from is sales@example.com"],
    ),
    (
        Series::V18,
        |it| it.jobs.get_mut(&Job::Fetch).unwrap().active = false,
        &["fetch_job_inactive"],
    ),
    (
        Series::V18,
        |it| it.jobs.get_mut(&Job::Fetch).unwrap().next = Some(NOW - Duration::from_secs(901)),
        &["fetch_job_overdue: it should have run at 2026-11-22T14:34:59Z"],
    ),
    (
        Series::V18,
        |it| it.jobs.get_mut(&Job::Queue).unwrap().active = false,
        &["queue_job_inactive"],
    ),
    (
        Series::V18,
        |it| it.jobs.get_mut(&Job::Queue).unwrap().next = Some(NOW - Duration::from_secs(60 * 181)),
        &["queue_job_overdue: it should have run at 2026-11-22T11:49:00Z"],
    ),
    // A server's link
    (
        Series::V18,
        |it| {
            it.jobs.get_mut(&Job::Fetch).unwrap().active = false;
            it.outgoing[0] = Outgoing { active: false, user: None, ..outgoing(1) };
            it.incoming[0] = Incoming { active: false, confirmed: false, ..incoming(1) };
        },
        &["incoming/1 archived", "outgoing/1 archived"],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing[0].token = None;
            it.incoming[0].token = Some(Secret::new(""));
            it.incoming[0].confirmed = false;
        },
        &["incoming/1 never_linked", "outgoing/1 never_linked"],
    ),
    (
        Series::V19,
        |it| {
            it.client_secret = None;
            it.outgoing.push(Outgoing {
                from_filter: Some("shop@example.com".into()),
                token: None,
                ..outgoing(2)
            });
        },
        &["incoming/1 iap_managed", "outgoing/1 iap_managed", "outgoing/2 never_linked"],
    ),
    (
        Series::V18,
        |it| {
            let host = Some("SMTP.gmail.com".into());
            let server = Outgoing { authentication: "login".into(), host, ..outgoing(2) };
            it.outgoing.push(server);
            let host = Some("pop.gmail.com".into());
            it.incoming.push(Incoming { kind: "pop".into(), host, ..incoming(2) });
        },
        &[
            "incoming/2 password_authentication: pop.gmail.com",
            "outgoing/2 password_authentication: SMTP.gmail.com",
        ],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing[0].user = None;
            it.incoming[0].user = Some("sales".into());
        },
        &["incoming/1 username_missing: \"sales\"", "outgoing/1 username_missing"],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing[0].encryption = "none".into();
            it.incoming[0] = Incoming { tls: false, port: Some(143), ..incoming(1) };
        },
        &["incoming/1 encryption_wrong: no TLS", "outgoing/1 encryption_wrong: no TLS"],
    ),
    (
        Series::V15,
        |it| it.outgoing[0].encryption = "ssl".into(),
        &["outgoing/1 encryption_wrong: ssl at port 587"],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing[0].port = Some(465);
            it.incoming[0].port = Some(143);
        },
        &["incoming/1 port_wrong: port 143", "outgoing/1 port_wrong: starttls at port 465"],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing[0].port = Some(993);
            it.incoming[0].port = Some(995);
        },
        &["incoming/1 port_wrong: port 995", "outgoing/1 port_wrong: starttls at port 993"],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing[0].host = Some("imap.gmail.com".into());
            it.incoming[0].host = None;
        },
        &["incoming/1 host_wrong: it has none", "outgoing/1 host_wrong: imap.gmail.com"],
    ),
    (
        Series::V18,
        |it| {
            let host = || Some("mail.example.com".into());
            it.outgoing[0] = Outgoing { host: host(), port: Some(2525), ..outgoing(1) };
            it.incoming[0] = Incoming { host: host(), port: Some(143), ..incoming(1) };
        },
        &[
            "incoming/1 port_wrong: port 143",
            "incoming/1 host_wrong: mail.example.com",
            "outgoing/1 host_wrong: mail.example.com",
        ],
    ),
    // A server's part in sending
    (
        Series::V18,
        |it| {
            it.outgoing[0].from_filter = None;
            it.default_senders.push("shop@example.com".into());
        },
        &["outgoing/1 empty_from_filter: mail from shop@example.com"],
    ),
    (
        Series::V16,
        |it| {
            it.outgoing[0].from_filter = Some(String::new());
            it.parameters.remove("mail.default.from");
        },
        &["outgoing/1 empty_from_filter: anybody's mail: there is no default sender"],
    ),
    (
        Series::V16,
        |it| {
            let from_filter = Some("shop@example.com,hr@example.com".into());
            it.outgoing.push(Outgoing { from_filter, ..outgoing(2) });
        },
        &["outgoing/2 from_filter_list: shop@example.com,hr@example.com"],
    ),
    (
        Series::V18,
        |it| {
            it.outgoing.push(Outgoing { sequence: 5, ..outgoing(2) });
            // Not linked, which is the first thing to mend; and not of Gmail.
            it.outgoing.push(Outgoing { token: None, ..outgoing(3) });
            let host = Some("mx.example.com".into());
            it.outgoing.push(Outgoing { authentication: "login".into(), host, ..outgoing(4) });
        },
        &["outgoing/1 never_chosen", "outgoing/3 never_linked"],
    ),
    // A server's part in fetching
    (
        Series::V18,
        |it| {
            it.incoming[0].confirmed = false;
            it.jobs.get_mut(&Job::Fetch).unwrap().active = false;
        },
        &["incoming/1 not_confirmed"],
    ),
    (
        Series::V19,
        |it| {
            let words = "refused 1//0abcdefghijklmnop\nhere".into();
            it.incoming[0].error = Some((Timestamp::from_secs(1_795_300_000), words));
        },
        &["incoming/1 fetch_failing: since 2026-11-21T22:26:40Z: refused **** here"],
    ),
    (
        Series::V19,
        |it| {
            let error = Some((NOW - Duration::from_secs(3600 * 122), "refused".into()));
            it.incoming[0] = Incoming { confirmed: false, error, ..incoming(1) };
        },
        &["incoming/1 set_back_to_draft: since 2026-11-17T12:50:00Z: refused"],
    ),
];
