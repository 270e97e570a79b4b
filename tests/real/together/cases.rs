//! What goes wrong, one of each class, and what is to be told of it.

use std::fs;

use gmail_sim::{At, ClientState, Fault, Service, What};

use super::fleet::{Fleet, address};
use super::prometheus::GRAFANA;
use super::told::Texts;

pub(super) struct Case {
    pub(super) class: &'static str,
    /// Whose mailbox it is, and the check that meets it.
    pub(super) link: &'static str,
    pub(super) check: &'static str,
    pub(super) breaks: fn(&mut Fleet, &str),
    pub(super) mends: fn(&mut Fleet, &str),
    /// In how many runs, before anybody is told.
    pub(super) runs: u32,
    pub(super) reason: &'static str,
    pub(super) alert: &'static str,
    pub(super) severity: &'static str,
    /// The labels beside those that every alert of a class has.
    pub(super) labels: &'static str,
    /// What its description says beside the reason's meaning and next step.
    pub(super) says: &'static str,
    /// The receivers.
    pub(super) told: &'static [&'static str],
}

impl Case {
    pub(super) fn labels(&self, fleet: &Fleet) -> Texts {
        let own = self.labels.split_whitespace().map(|name| {
            let value = match name {
                "client" => fleet.client_of(self.link).to_owned(),
                "direction" => "both".to_owned(),
                "link" => self.link.to_owned(),
                "mailbox" => address(self.link),
                "reason" => self.reason.to_owned(),
                "source" => "file".to_owned(),
                _ => panic!("no label {name}"),
            };
            (name.to_owned(), value)
        });
        let common = [
            ("alertname", self.alert),
            ("class", self.class),
            ("job", "mailbox_exporter"),
            ("severity", self.severity),
        ];
        own.chain(common.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
    }

    /// Does it tell what is the case, what to do, and where to look?
    pub(super) fn reads_well(&self, texts: &Texts, fleet: &Fleet) {
        let text = |name: &str| texts.get(name).map(String::as_str).unwrap_or_default();
        let (meaning, next_step) = documented(self.reason);
        let description = text("description");
        for part in [&meaning, &format!("Next step: {next_step}"), self.says] {
            assert!(
                description.contains(part),
                "{}: {part:?} is not in {description:?}",
                self.alert
            );
        }
        assert!(!text("summary").is_empty(), "{texts:?}");
        let runbook = format!("{}/docs/runbooks/{}.md", fleet.url(), self.alert);
        assert_eq!(text("runbook_url"), runbook);
        let board = match self.labels.contains("mailbox") {
            true => {
                format!("mailbox?var-job=mailbox_exporter&var-mailbox={}%40example.com", self.link)
            }
            false => "fleet?var-job=mailbox_exporter".to_owned(),
        };
        assert_eq!(text("dashboard_url"), format!("{GRAFANA}/d/mailbox-exporter-{board}"));
        let page = match self.labels.contains("link") {
            true => format!("{}/links/{}", fleet.url(), self.link),
            false => String::new(),
        };
        assert_eq!(text("status_url"), page, "{}", self.alert);
    }
}

/// What docs/reasons.md says of a reason: what is the case, and the next step.
fn documented(reason: &str) -> (String, String) {
    let page = fs::read_to_string("docs/reasons.md").expect("a file of ours");
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| `{reason}` | ")));
    let row = row.unwrap_or_else(|| panic!("{reason} is not in docs/reasons.md"));
    let mut cells = row.split(" | ").map(|cell| cell.replace("&lt;", "<"));
    (cells.next().expect("a meaning"), cells.next().expect("a next step"))
}

/// Google says this, or does it, to one mailbox.
fn fault(fleet: &mut Fleet, link: &str, service: Service, at: At, what: What) {
    let fault = Fault::new(service, at, what).of(&address(link));
    fleet.world.fault(fault).expect("it may strike there");
}

fn says(fleet: &mut Fleet, link: &str, key: &str) {
    fleet
        .world
        .fault(Fault::say(key).expect("a line of that name").of(&address(link)))
        .expect("it may strike there");
}

fn mends(fleet: &mut Fleet, link: &str) {
    fleet.world.clear_faults(&*address(link));
}

pub(super) const CASES: &[Case] = &[
    Case {
        class: "relink",
        link: "relink",
        check: "token",
        breaks: |fleet, link| fleet.world.revoke_all(&address(link)),
        mends: Fleet::link,
        runs: 1,
        reason: "grant_revoked_or_expired",
        alert: "MailboxNeedsRelink",
        severity: "critical",
        labels: LINK,
        says: "Link relink (direction both, client odoo, source file)",
        told: &["mailbox-owners", "pager"],
    },
    Case {
        class: "account",
        link: "account",
        check: "imap",
        breaks: |fleet, link| says(fleet, link, "imap.disabled_user"),
        mends,
        runs: 1,
        reason: "imap_disabled_user",
        alert: "MailboxAccountBlocked",
        severity: "critical",
        labels: LINK,
        says: "Failed runs: 1, the first at 20",
        told: &["mailbox-owners", "pager"],
    },
    Case {
        class: "policy",
        link: "policy",
        check: "token",
        breaks: |fleet, link| says(fleet, link, "token.admin_policy"),
        mends,
        runs: 1,
        reason: "admin_policy",
        alert: "MailboxBlockedByPolicy",
        severity: "critical",
        labels: LINK,
        says: "Link policy ",
        told: &["pager", "workspace-administrators"],
    },
    Case {
        class: "client",
        link: "shop-1",
        check: "token",
        breaks: |fleet, _| fleet.set_client("shop", ClientState::Deleted),
        mends: |fleet, _| fleet.set_client("shop", ClientState::Live),
        runs: 1,
        reason: "client_deleted",
        alert: "OauthClientRefused",
        severity: "critical",
        labels: "client reason",
        says: "Links of this client: 3. Failing since 20",
        told: &["cloud-project-owners", "pager"],
    },
    Case {
        class: "throttled",
        link: "throttled",
        check: "smtp",
        breaks: |fleet, link| says(fleet, link, "smtp.login_rate"),
        mends,
        runs: 2,
        reason: "login_rate_limited",
        alert: "MailboxThrottled",
        severity: "warning",
        labels: "client mailbox reason",
        says: "Failed runs: 2.",
        told: &["operations"],
    },
    Case {
        class: "quota",
        link: "quota",
        check: "smtp",
        breaks: |fleet, link| {
            fault(fleet, link, Service::Smtp, At::Rcpt, What::Say("smtp.daily_limit_user".into()))
        },
        mends,
        runs: 1,
        reason: "send_quota_user",
        alert: "MailboxQuotaExhausted",
        severity: "critical",
        labels: "client mailbox reason",
        says: "Sent in 24 hours: unknown.",
        told: &["mailbox-owners", "pager"],
    },
    Case {
        class: "delivery",
        link: "delivery",
        check: "smtp",
        breaks: |fleet, link| says(fleet, link, "smtp.rcpt_no_such_user"),
        mends,
        runs: 1,
        reason: "recipient_rejected",
        alert: "MailboxDeliveryFailing",
        severity: "warning",
        labels: LINK,
        says: "Link delivery ",
        told: &["mailbox-owners"],
    },
    Case {
        class: "network",
        link: "network",
        check: "smtp",
        breaks: |fleet, link| fault(fleet, link, Service::Smtp, At::Auth, What::Close),
        mends,
        runs: 2,
        reason: "connection_lost",
        alert: "GmailUnreachable",
        severity: "warning",
        labels: "",
        says: "1 of 15 links failed at least twice. Failing now: 1 by connection_lost: ",
        told: &["operations"],
    },
    Case {
        class: "google",
        link: "google",
        check: "imap",
        breaks: |fleet, link| says(fleet, link, "imap.unavailable"),
        mends,
        runs: 2,
        reason: "google_outage",
        alert: "GmailFailing",
        severity: "warning",
        labels: "",
        says: "Links: google.",
        told: &["operations"],
    },
    Case {
        class: "setup",
        link: "setup",
        check: "token",
        breaks: |fleet, link| fleet.add_carelessly(link, "odoo"),
        mends: |fleet, link| fleet.set_mode(link, 0o600),
        runs: 1,
        reason: "secret_unreadable",
        alert: "MailboxExporterMisconfigured",
        severity: "warning",
        labels: "client reason",
        says: "Links: setup.",
        told: &["operations"],
    },
    Case {
        class: "unknown",
        link: "unknown",
        check: "imap",
        breaks: |fleet, link| says(fleet, link, "imap.unknown_mailbox"),
        mends,
        runs: 2,
        reason: "unknown",
        alert: "MailboxFailureUnclassified",
        severity: "critical",
        labels: "client reason",
        says: "Links: unknown.",
        told: &["operations", "pager"],
    },
];

/// Of all links, and so of this host or of Google.
pub(super) const OUTAGE: Case = Case {
    class: "google",
    link: "all",
    check: "token",
    breaks: |_, _| {},
    mends,
    runs: 2,
    reason: "google_outage",
    alert: "GmailFailing",
    severity: "critical",
    labels: "",
    says: "13 of 14 links failed at least twice. Failing now: 13 by google_outage: ",
    told: &["operations", "pager"],
};

/// All links of a client.
pub(super) const REVOKED: Case = Case {
    class: "relink",
    link: "shop-1",
    check: "token",
    breaks: |_, _| {},
    mends,
    runs: 1,
    reason: "grant_revoked_or_expired",
    alert: "OauthClientLinksBroken",
    severity: "critical",
    labels: "client reason",
    says: "Links of this client: 3. Failing since 20",
    told: &["mailbox-owners", "pager"],
};

const LINK: &str = "client direction link mailbox reason source";
