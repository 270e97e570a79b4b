//! What IMAP refuses with and ends with.

use super::{Line, text};
use crate::fault::{At, Service};

const fn row(
    key: &'static str,
    at: At,
    words: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    text(Service::Imap, key, at, words, reason, source)
}

#[rustfmt::skip]
pub(super) const LINES: &[Line] = &[
    row("imap.invalid_credentials", At::Auth, "{tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", "auth_rejected", "google/gmail-oauth2-tools#78").after_the_challenge(),
    row("imap.sasl_failed_old", At::Auth, "{tag} NO SASL authentication failed", "auth_rejected", "developers.google.com/workspace/gmail/imap/xoauth2-protocol, historic").after_the_challenge(),
    row("imap.too_many_connections", At::Auth, "{tag} NO [ALERT] Too many simultaneous connections. (Failure)", "imap_too_many_connections", "jstedfast/MailKit#377").after_the_challenge(),
    row("imap.lookup_failed", At::Auth, "{tag} NO Lookup failed {id}", "gmail_service_off", "jstedfast/MailKit#1786").after_the_challenge(),
    row("imap.disabled_domain", At::Auth, "{tag} NO [ALERT] IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)", "imap_disabled_domain", "id:68486615834"),
    row("imap.disabled_user", At::Auth, "{tag} NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)", "imap_disabled_user", "id:2405224462"),
    row("imap.web_login", At::Auth, "* NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbvSIMULATEDplt] Web login required.\r\n{tag} NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)", "web_login_required", "MailKit's fixture, pmengal/MailSystem.NET#17"),
    row("imap.app_password", At::Auth, "{tag} NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)", "password_mode", "LukeSmithxyz/mutt-wizard#831"),
    row("imap.invalid_sasl_no", At::Auth, "{tag} NO Invalid SASL argument. {id}", "sasl_malformed", "mscdex/node-imap#233"),
    row("imap.invalid_sasl_bad", At::Auth, "{tag} BAD Invalid SASL argument. {id}", "sasl_malformed", "mscdex/node-imap#233"),
    row("imap.session_expired", At::Command, "* BYE Session expired, please login again.", "imap_session_expired", "Flying-Toast/yugo#38"),
    row("imap.system_error_bye", At::Command, "* BYE System Error", "google_outage", "FlowCrypt/flowcrypt-android#183"),
    row("imap.overquota_bye", At::Command, "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.", "imap_bandwidth", "id:58253003567"),
    row("imap.overquota_no", At::Auth, "{tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", "imap_bandwidth", "crates.md 4.1"),
    row("imap.throttled", At::Noop, "{tag} OK Success [THROTTLED]", "imap_throttled", "jstedfast/MailKit#1396"),
    row("imap.unavailable_fetch", At::Fetch, "{tag} NO [UNAVAILABLE] UID FETCH Server error while fetching messages", "google_outage", "closeio/sync-engine crispin.py"),
    row("imap.unavailable", At::Auth, "{tag} NO [UNAVAILABLE] Temporary System Problem (Failure)", "google_outage", "seen only in third parties' tests"),
    row("imap.system_error_no", At::Command, "{tag} NO System Error (Failure)", "google_outage", "the form is known, no capture [U]"),
    row("imap.temporary_system_error", At::Command, "{tag} NO Temporary System Error (Failure)", "google_outage", "the form is known, no capture [U]"),
    row("imap.in_use", At::Command, "{tag} NO [INUSE] Mailbox in use (Failure)", "google_outage", "the form is known, no capture [U]"),
    row("imap.limit", At::Command, "{tag} NO [LIMIT] Limit exceeded (Failure)", "imap_too_many_connections", "[U]: treat as passing"),
    row("imap.bandwidth_bare", At::Command, "{tag} NO Account exceeded bandwidth limits. (Failure)", "imap_bandwidth", "the form is known, no capture [U]"),
    row("imap.lockdown", At::Auth, "{tag} NO Lockdown in sector 4 (Failure)", "imap_bandwidth", "support.google.com/mail/answer/43692, historic, form on the wire [U]"),
    row("imap.unknown_mailbox", At::Examine, "{tag} NO [NONEXISTENT] Unknown Mailbox: Nowhere (now in authenticated state) (Failure)", "unknown", "imapsync FAQ.Gmail.txt"),
    row("imap.excess_whitespace", At::Examine, "{tag} NO [CANNOT] Folder contains excess whitespace (Failure)", "unknown", "imapsync FAQ.Gmail.txt"),
];
