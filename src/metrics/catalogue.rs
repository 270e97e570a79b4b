//! THE catalogue: name, kind, labels and help of every metric. `docs/metrics.md` is made of it.

use std::fmt::Write as _;

use super::{
    Family, Standing, consents,
    fill::{self, Probed, View},
    odoo, sending, sessions, trips,
};

/// What a metric is called, and what it tells.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// An entry, and how it gets its series.
pub(super) struct Metric<Fill> {
    pub(super) entry: Entry,
    pub(super) fill: Fill,
}

pub(super) type FromState = Metric<fn(&View<'_>, &mut Family<'_>)>;
pub(super) type FromStanding = Metric<fn(&Standing, &mut Family<'_>)>;
pub(super) type FromProbe = Metric<fn(&Probed, &mut Family<'_>)>;

/// Every metric on `/metrics` but those of the process.
pub fn scraped() -> impl Iterator<Item = Entry> {
    let state = STATE.iter().map(|metric| metric.entry);
    state.chain(EXPORTER.iter().map(|metric| metric.entry))
}

/// Every metric on `/probe`.
pub fn probed() -> impl Iterator<Item = Entry> {
    PROBE.iter().map(|metric| metric.entry)
}

/// `docs/metrics.md`.
pub fn metrics_page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## On `/metrics`\n\n");
    table(&mut page, scraped());
    page.push_str(
        "\nOf the process, where the exporter runs on Linux:\n\n| metric | |\n|---|---|\n",
    );
    for (name, help) in super::process_metrics() {
        let _ = writeln!(page, "| `{name}` | {help} |");
    }
    page.push_str("\nRules and dashboards that ship use all of them, but for these:\n\n");
    for (name, purpose) in ASIDE {
        let _ = writeln!(page, "- `{name}`: {purpose}");
    }
    page.push_str("\n## On `/probe`\n\n");
    page.push_str(PROBE_INTRODUCTION);
    table(&mut page, probed());
    page
}

fn table(page: &mut String, entries: impl Iterator<Item = Entry>) {
    page.push_str("| metric | kind | labels | |\n|---|---|---|---|\n");
    for Entry { name, kind, labels, help } in entries {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(page, "| `{name}` | {} | {} | {help} |", kind.name(), labels.join(", "));
    }
}

/// What no rule and no dashboard that ships uses, and what it is for.
pub const ASIDE: &[(&str, &str)] = &[(
    "mailbox_round_trip_in_flight",
    "for whoever waits for a test message: a verdict is still to come while it is 1.",
)];

const INTRODUCTION: &str = "\
# Metrics

*Made from `src/metrics/catalogue.rs` by `make docs`; change it there.*

- Probes run on the exporter's own schedule. A scrape reads from memory what they found last, and starts none.
- Times are Unix seconds, without time stamps on the samples: `time() - mailbox_check_last_success_timestamp_seconds`
  is how long ago a check last passed.
- What is not known is absent: it is never 0, and never the last value. A link that is gone leaves no series.
- `link` is the link's id, `mailbox` its address, or what `privacy.mailbox_label` makes of it.
- `reason` and `class` are the closed sets of [reasons.md](reasons.md).
";

const PROBE_INTRODUCTION: &str = "\
`/probe?link=<id>` runs the checks of a configured link at once; `&check=imap`, which may be repeated, names some of
them. What a probe finds counts like any other run, and stands on `/metrics` too.

";

const LINK: &[&str] = &["link", "mailbox"];
const SENT: &[&str] = &["mailbox", "window"];
const CHECK: &[&str] = &["link", "mailbox", "check"];
const FAILING: &[&str] = &["link", "mailbox", "check", "reason", "class"];

/// Of the links, and of the engine that examines them.
#[rustfmt::skip]
pub(super) const STATE: &[FromState] = &[
    gauge("mailbox_link_info", &["link", "mailbox", "source", "direction", "client", "account"], fill::link_info,
        "A watched link: where it was found, what the application does with it, its OAuth client, and the kind of Google account. Always 1."),
    gauge("mailbox_link_up", LINK, fill::link_up,
        "1 if every check of the link passed when it last ran on the exporter's own schedule, 0 if any did not. Absent until one ran."),
    gauge("mailbox_failing", FAILING, fill::failing,
        "1 while a check of the link fails; absent otherwise. The class says who has to act. Checks that are skipped because of another's failure are not listed, so one root cause is one series of a link; of an OAuth client that Google refuses only the link that asks is listed."),
    gauge("mailbox_failing_runs", FAILING, fill::failing_runs,
        "While a check of the link fails: in how many runs in a row it failed for reasons of this class. What may pass by itself is worth waking somebody from the second on."),
    gauge("mailbox_failing_since_timestamp_seconds", FAILING, fill::failing_since,
        "Since when a check of the link fails for this reason."),
    gauge("mailbox_reason_info", &["reason", "class", "who", "meaning", "next_step"], fill::reason_info,
        "A reason that a check can fail for, whether one does or not: who acts, what is the case, and what to do. Always 1."),
    gauge("mailbox_link_page_info", &["link", "mailbox", "page", "form"], fill::link_page,
        "Where people go: the link's page here (with --web.external-url), and the form in Odoo where it is linked again. What is not known is empty. Always 1."),
    gauge("mailbox_client_failing", &["client", "reason"], fill::client_failing,
        "1 while an OAuth client fails as a whole: Google refuses it, or all of its links (three or more) began to fail for one reason within minutes. One failure, however many links share it: while Google refuses a client, one link asks, stands in mailbox_failing and goes on asking, and the others are skipped because of it. Also 1 while nobody can link a mailbox by it, though its links may all work (redirect_uri_mismatch, redirect_uri_policy, org_internal), as Google said of its consent page when that was last asked for (checks.consent, once a day); mailbox_consent_failing names the redirect URI."),
    gauge("mailbox_consent_success", &["client", "redirect_uri"], consents::success,
        "1 if Google's consent page would let a person link by this client and redirect URI, 0 if it refuses them, as it was asked last without signing in (checks.consent, once a day for a client, by the exporter's own schedule). No link fails by it. Absent until it was asked, and while the answer is not understood. What Google says only to who is signed in (test users, policies of an organisation) is not known by it."),
    gauge("mailbox_consent_failing", &["client", "redirect_uri", "reason"], consents::failing,
        "1 while the consent page refuses the redirect URI, or the client itself; absent otherwise."),
    gauge("mailbox_consent_last_run_timestamp_seconds", &["client"], consents::last_run,
        "When the consent page of the client was last asked for."),
    gauge("mailbox_consent_unknown", &["client"], consents::unknown,
        "1 while the last answer about the client, its redirect URIs or its secret could not be had or was not understood, at least in part: Google does not document it. By itself no trouble of the client. Absent otherwise."),
    gauge("mailbox_check_success", CHECK, fill::check_success,
        "1 if the check passed when it last ran on the exporter's own schedule, 0 if it failed. Absent while it is skipped because of another check's failure, and until it ran."),
    gauge("mailbox_check_last_run_timestamp_seconds", CHECK, fill::last_run,
        "When the check last ran; skips do not count."),
    gauge("mailbox_check_last_success_timestamp_seconds", CHECK, fill::last_success,
        "When the check last passed. Absent if it never did."),
    gauge("mailbox_check_next_run_timestamp_seconds", CHECK, fill::next_run,
        "When the exporter's own schedule runs the check next. Far ahead after a failure where asking again is useless or rude."),
    gauge("mailbox_check_duration_seconds", CHECK, fill::check_duration,
        "How long the check's last run took, from name resolution to goodbye."),
    counter("mailbox_checks_total", CHECK, fill::checks,
        "Runs of the check, on the exporter's own schedule and on demand; skips do not count."),
    counter("mailbox_check_failures_total", &["link", "mailbox", "check", "reason"], fill::check_failures,
        "Runs of the check that failed, by reason. Only reasons that occurred have a series: increase() misses the first failure of each, mailbox_failing and mailbox_check_success do not."),
    counter("mailbox_link_transitions_total", &["link", "mailbox", "to"], fill::link_transitions,
        "How often the link broke (its first check failed after all had passed, or the first that ever ran), healed (all pass again), or got another refresh token. One line in the log each; a reason that changes meanwhile is none of these."),
    histogram("mailbox_check_phase_duration_seconds", &["check", "phase"], fill::phases,
        "How long the phases of probes took, over all links."),
    gauge("mailbox_access_token_expiry_timestamp_seconds", LINK, fill::access_token_expiry,
        "When the access token that the last token check got ends, as Google's token endpoint says. It is renewed by the exporter's own schedule; absent while the token check fails."),
    gauge("mailbox_identity_info", &["link", "mailbox", "account", "gmail_api"], fill::identity_info,
        "Whose account the link's token opens, as the identity check was told on the exporter's own schedule: account is same, alias (another address of the organisation, of which nobody can tell whether it is an alias), other (the check fails), or unknown; gmail_api is ok, or the reason why the Gmail API does not tell, by which no link fails. Always 1; absent while the check is skipped, or was told nothing."),
    gauge("mailbox_shared_account", &["link", "mailbox", "with"], fill::shared_account,
        "1 while the link's token opens the same account as the token of another mailbox: both send and fetch as one. with is one such mailbox, as the mailbox label shows it."),
    gauge("mailbox_refresh_tokens", &["mailbox", "client"], fill::refresh_tokens,
        "Refresh tokens of one account and client that the exporter has seen in use and that are not known to be dead. At 100, which may come sooner by tokens that it never saw, Google drops the oldest."),
    gauge("mailbox_refresh_token_first_seen_timestamp_seconds", LINK, fill::refresh_token_first_seen,
        "When the exporter first saw the link's refresh token, which may be older. Survives restarts with --storage.path."),
    gauge("mailbox_refresh_token_expiry_timestamp_seconds", &["link", "mailbox", "basis"], fill::refresh_token_expiry,
        "When the refresh token ends. Basis reported: as the token endpoint said. testing_mode, where publishing_status is testing: at the latest, 7 days after linked_at, or after the token was first seen. idle: not sooner for want of use, 181 days after the exporter's own last good refresh, so this moves on while it runs; what others use is not known. Absent without such a basis, once the token is dead, and when it has outlived the time."),
    gauge("mailbox_refresh_token_lifetime_seconds", &["link", "mailbox", "basis"], fill::refresh_token_lifetime,
        "The whole time of which mailbox_refresh_token_expiry_timestamp_seconds is the end. Basis reported: what was left when the endpoint first said so."),
    gauge("mailbox_imap_unseen_messages", &["mailbox"], fill::unseen_messages,
        "Unread messages in the inbox, as the imap check found on the exporter's own schedule. Absent while it fails, as is everything that it reads."),
    gauge("mailbox_imap_oldest_unseen_timestamp_seconds", &["mailbox"], fill::oldest_unseen,
        "When the oldest unread message in the inbox arrived. Absent if none is unread."),
    gauge("mailbox_storage_used_bytes", &["mailbox"], fill::storage_used,
        "Storage that the account uses, as IMAP reports it; Google counts Drive and Photos too."),
    gauge("mailbox_storage_limit_bytes", &["mailbox"], fill::storage_limit,
        "Storage that the account may use, as IMAP reports it."),
    counter("mailbox_imap_notices_total", &["mailbox", "notice"], fill::notices,
        "What the IMAP server let the exporter know beside its answers, in every session of ours: the link's page has the words."),
    counter("mailbox_imap_bytes_total", &["mailbox", "direction"], sessions::bytes,
        "Bytes that the exporter's own IMAP sessions moved, down or up, inside TLS. Google allows an account 2,500 MB down and 500 MB up a day, all clients together."),
    gauge("mailbox_imap_session_started_timestamp_seconds", &["mailbox"], sessions::started,
        "When the IMAP session began that the session check keeps open. Absent while there is none."),
    gauge("mailbox_imap_session_duration_seconds", &["mailbox"], sessions::duration,
        "How long the last session lasted that the session check kept, once it ended. Google ends one after about an hour, with its access token."),
    counter("mailbox_imap_sessions_total", &["mailbox", "ended"], sessions::ended,
        "Sessions that the session check kept, by what ended them: expired (with its access token, as is usual), bye (the server said why), dropped (nobody said anything), closed (by the exporter)."),
    gauge("mailbox_imap_spare_sessions", &["mailbox"], sessions::spare,
        "IMAP sessions that could be had for a moment beside all others, of those in mailbox_imap_spare_sessions_asked, on the exporter's own schedule. Google allows an account 15, all clients together."),
    gauge("mailbox_imap_spare_sessions_asked", &["mailbox"], sessions::spare_asked,
        "IMAP sessions that were asked for at that time: checks.session.spare_sessions."),
    gauge("mailbox_round_trip_delay_seconds", LINK, trips::delay,
        "How long the last test message of the link took from sending to its arrival, on the exporter's own schedule: from the exporter's clock to the receiving server's. Absent until one arrived, and when the last one did not."),
    counter("mailbox_round_trip_messages_total", &["link", "mailbox", "outcome"], trips::messages,
        "Test messages that were sent and judged: inbox, spam, late (in the inbox, after late_after), lost (bounced, or not there after lost_after). They count against the mailbox's sending limits. Only outcomes that occurred have a series."),
    gauge("mailbox_round_trip_authentication_pass", &["link", "mailbox", "method"], trips::authentication,
        "1 if the receiving server said that the last test message passed spf, dkim or dmarc, 0 if it did not pass. Absent where the server does not tell."),
    gauge("mailbox_round_trip_in_flight", LINK, trips::in_flight,
        "1 while a test message of the link is on its way and looked for, 0 otherwise."),
    gauge("mailbox_round_trip_refused", &["link", "mailbox", "because"], trips::refused,
        "1 while no test message is sent: application_reads (an application reads the mailbox that it would go to), unknown_sink (the mailbox under round_trip.to is not watched), enough_today (the mailbox has sent as many as it may within 24 h). No failure of the link; absent otherwise."),
    gauge("mailbox_round_trip_left_messages", LINK, trips::left,
        "Test messages that could not be removed at the last look; they carry the header X-Mailbox-Exporter-Probe."),
    gauge("mailbox_sent_messages", SENT, sending::messages,
        "Messages that the mailbox sent within the window, as its folder of sent mail shows them, test messages of the exporter left out; counted on the exporter's own schedule, once for all links. Deleted before they were seen, sent by a relay, or refused: not counted. Absent while they cannot be counted."),
    gauge("mailbox_sent_recipients", SENT, sending::recipients,
        "Recipients of those messages in To, Cc and Bcc, each message's own. Those that an SMTP client named in the envelope alone are not seen."),
    gauge("mailbox_sent_external_recipients", SENT, sending::external_recipients,
        "Of those, the ones outside the mailbox's domain and checks.capacity.internal_domains."),
    gauge("mailbox_sent_unique_recipients", SENT, sending::unique_recipients,
        "Addresses among those recipients, each counted once."),
    gauge("mailbox_sent_unique_external_recipients", SENT, sending::unique_external_recipients,
        "External addresses among those recipients, each counted once."),
    gauge("mailbox_sent_own_messages", SENT, sending::own_messages,
        "Test messages that the exporter sent by this mailbox within the window. Google counts them like any other."),
    gauge("mailbox_sending_limit", &["mailbox", "of"], sending::limit,
        "What Google lets the account send within a rolling day, by the kind of account (or checks.capacity.limits): messages, recipients, external_recipients, unique_recipients, unique_external_recipients. Where nobody said which kind it is, an address of gmail.com is taken for a personal one and any other for a Workspace's. What is not documented is absent."),
    gauge("mailbox_sending_limit_expected_timestamp_seconds", &["mailbox", "of"], sending::expected,
        "When the limit will be met at the pace of the last hours, what falls out of the window taken into account. Absent where that is not within a day."),
    gauge("mailbox_sending_exhausted", &["mailbox", "reason"], sending::exhausted,
        "1 from when any check met Google's refusal to send more (550 5.4.5) until that check passes again, a test message is taken, or a day has gone since. Absent otherwise."),
    gauge("mailbox_sent_uncounted", &["mailbox", "because"], sending::uncounted,
        "1 while what the mailbox sends cannot be counted, or not all of it: folder_hidden (IMAP shows no folder of sent mail), folder_limited (IMAP shows only its newest messages), or the reason why IMAP refuses an outgoing link. No failure of a link; absent otherwise."),
    gauge("mailbox_tls_certificate_expiry_timestamp_seconds", &["endpoint"], fill::certificate_expiry,
        "When the certificate ends that the server showed last."),
    gauge("mailbox_odoo_up", &["source"], odoo::up,
        "1 if the last look at this Odoo, on the exporter's own schedule, saw all that links are made of; 0 if not: its links stay as they were meanwhile, and the status page says why. Absent before the first look."),
    gauge("mailbox_odoo_info", &["source", "series", "version"], odoo::info,
        "The Odoo's series, by which its differences are known, and its version as the module base has it. Always 1."),
    gauge("mailbox_odoo_finding", &["source", "link", "finding"], odoo::finding,
        "1 for everything found beside Odoo's own screens (docs/odoo-findings.md says what each means and what to do); link is empty where it is about the whole database. Absent otherwise."),
    gauge("mailbox_odoo_queue_messages", &["source", "state", "failure_type"], odoo::queue_messages,
        "Messages that stand in Odoo's queue: outgoing, or exception, which Odoo never tries again. failure_type is Odoo's own, often empty or unknown. Absent until all messages were looked through once."),
    gauge("mailbox_odoo_queue_oldest_timestamp_seconds", &["source", "state"], odoo::queue_oldest,
        "When the oldest message in this state was made."),
    gauge("mailbox_odoo_failed_messages", &["source", "cause", "window"], odoo::failed_messages,
        "Messages that failed within the window and still stand in Odoo's queue, by what really happened, so far as the text that Odoo kept tells: token (none to be had, or not taken), quota, sender_refused, recipient_refused, network, other."),
    gauge("mailbox_odoo_sent_messages", &["source", "window"], odoo::sent_messages,
        "A lower bound of what Odoo sent within the window, by the traces that are left in its database: it deletes those of most messages that are no notification."),
    gauge("mailbox_exporter_source_up", &["source"], fill::source_up,
        "1 if the source of links could be read last time, 0 if not; its links stay as they were meanwhile."),
    gauge("mailbox_exporter_storage_up", &[], fill::storage_up,
        "1 if what is learnt is written to --storage.path, 0 if not: then it is forgotten when the exporter ends. Absent without --storage.path."),
    gauge("mailbox_exporter_links", &[], fill::links,
        "Links that are watched."),
    gauge("mailbox_exporter_schedule_lag_seconds", &[], fill::schedule_lag,
        "How late the last round of checks began."),
    counter("mailbox_exporter_runs_dropped_total", &[], fill::runs_dropped,
        "Scheduled runs that were left out since the one before was not over yet."),
    gauge("mailbox_exporter_probes_in_flight", &[], fill::probes_in_flight,
        "Probes that run at this moment."),
    counter("mailbox_exporter_panics_total", &[], fill::panics,
        "Probes that ended by a bug in the exporter."),
];

/// Of the exporter's making and configuration.
#[rustfmt::skip]
pub(super) const EXPORTER: &[FromStanding] = &[
    gauge("mailbox_exporter_build_info", &["version", "revision", "rustversion"], fill::build_info,
        "What the exporter was built from. Always 1."),
    gauge("mailbox_exporter_config_last_reload_successful", &[], fill::reload_successful,
        "1 if the configuration could be read last time, 0 if not; the one before stays in force then."),
    gauge("mailbox_exporter_config_last_reload_success_timestamp_seconds", &[], fill::reload_success,
        "When the configuration in force was read."),
    counter("mailbox_exporter_notifications_total", &["by"], fill::notifications,
        "Changes of links that the webhook or the command under on_change was told of."),
    counter("mailbox_exporter_notifications_failed_total", &["by"], fill::notifications_failed,
        "Changes that it could not be told of, after the last attempt. Notifications are sent only where on_change is configured; these counters are 0 otherwise."),
    counter("mailbox_exporter_notifications_dropped_total", &["by"], fill::notifications_dropped,
        "Changes that it was not told of since too many were waiting; the oldest are dropped."),
];

/// Of one probe on demand.
#[rustfmt::skip]
pub(super) const PROBE: &[FromProbe] = &[
    gauge("probe_success", &[], fill::probe_success,
        "1 if every check passed within the scrape's timeout."),
    gauge("probe_duration_seconds", &[], fill::probe_duration,
        "How long the probe took, the wait for an earlier one of the same mailbox included."),
    gauge("probe_check_success", &["check"], fill::probe_check_success,
        "1 if the check passed, 0 if it failed. Absent if it was skipped because of another check's failure."),
    gauge("probe_phase_duration_seconds", &["check", "phase"], fill::probe_phases,
        "How long each phase of the check took, in sum over its attempts."),
    gauge("probe_failing", &["check", "reason", "class"], fill::probe_failing,
        "1 for a check that failed: why, and the class of people who have to act."),
];

const fn gauge<F: Copy>(
    name: &'static str,
    labels: &'static [&'static str],
    fill: F,
    help: &'static str,
) -> Metric<F> {
    Metric { entry: Entry { name, kind: Kind::Gauge, labels, help }, fill }
}

const fn counter<F: Copy>(
    name: &'static str,
    labels: &'static [&'static str],
    fill: F,
    help: &'static str,
) -> Metric<F> {
    Metric { entry: Entry { name, kind: Kind::Counter, labels, help }, fill }
}

const fn histogram<F: Copy>(
    name: &'static str,
    labels: &'static [&'static str],
    fill: F,
    help: &'static str,
) -> Metric<F> {
    Metric { entry: Entry { name, kind: Kind::Histogram, labels, help }, fill }
}
