//! THE table: a row a reason. What it means and the next step are read by the person on call.

use std::fmt;

use super::{Again, Class};

/// Makes the enum, its list and its columns out of the rows, so that a new reason is a new row.
macro_rules! reasons {
    ($($variant:ident $name:literal $class:ident $again:ident $meaning:literal $next_step:literal)+) => {
        /// Why a check failed.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Reason { $(#[doc = $meaning] $variant,)+ }

        impl Reason {
            /// Every reason, in the table's order: by class.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value of the `reason` label.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)+ }
            }

            pub fn again(self) -> Again {
                match self { $(Self::$variant => Again::$again,)+ }
            }

            /// What is the case, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// What to do, and where.
            pub fn next_step(self) -> &'static str {
                match self { $(Self::$variant => $next_step,)+ }
            }
        }
    };
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

reasons! {
    // relink
    GrantRevokedOrExpired "grant_revoked_or_expired" Relink WhenMended
        "Google no longer honours the consent: it was revoked, it expired, the password was changed, or newer links of this account pushed it out."
        "Link the mailbox again (Odoo: open the mail server, press the gear beside the green badge, or \"Connect your Gmail account\" where there is none). If it dies again after 7 days, the app is in Testing: publish it at https://console.cloud.google.com/auth/audience and link once more."
    GrantExpiredTesting "grant_expired_testing" Relink WhenMended
        "The consent died 7 days after it was given, as all do while the app's publishing status is Testing."
        "Publish the app at https://console.cloud.google.com/auth/audience, then link the mailbox again. In this order: what was linked in Testing dies after 7 days all the same."
    ClientMismatch "client_mismatch" Relink WhenMended
        "The refresh token was issued to another OAuth client than the one configured."
        "Put the OAuth client back with which the mailbox was linked, or link the mailbox again with the present one."
    ScopeMissing "scope_missing" Relink WhenMended
        "The consent does not include https://mail.google.com/, so neither SMTP nor IMAP can be used."
        "Link again and leave every box on Google's consent page ticked."
    WrongAccount "wrong_account" Relink WhenMended
        "The consent was given by another Google account than this mailbox, so what is sent or fetched is that account's, or refused."
        "Link again signed in as this very mailbox (a private browser window helps). Where the address is an alias of that account, name the account as checks.identity.account of this mailbox instead."
    ConsentCancelled "consent_cancelled" Relink WhenMended
        "Whoever was asked on Google's consent page did not agree, so there is no new link; what was linked before stays as it is."
        "Link again and press Allow (Continue) on Google's page; if it warns that the app is not verified, open \"Advanced\" there first."
    ConsentNotAsked "consent_not_asked" Relink WhenMended
        "Google did not show its consent page: it was opened inside another program, or without asking anybody to sign in."
        "Link again in an ordinary browser window, sign in there as this very mailbox and agree."
    ConsentCodeRefused "consent_code_refused" Relink WhenMended
        "Google did not take the code that its consent page gave: a code serves once, for a few minutes, and for the attempt that it was asked for."
        "Link again and go through Google's pages without a break; close older tabs of this before."
    AuthRejected "auth_rejected" Relink OnSchedule
        "Google issues a fresh token for this link but the mail server refuses it for this address: most often the consent was given by another account."
        "Check at https://myaccount.google.com/connections which account gave the consent, and link again signed in as this very mailbox."

    // account
    WebLoginRequired "web_login_required" Account WhenMended
        "Google holds the account until its owner signs in with a browser."
        "Sign in to the mailbox at https://mail.google.com/ in a browser and confirm what Google asks."
    ImapDisabledUser "imap_disabled_user" Account WhenMended
        "IMAP is switched off in the settings of this mailbox."
        "In Gmail: Settings, See all settings, Forwarding and POP/IMAP, Enable IMAP, Save Changes."
    AccountDeleted "account_deleted" Account WhenMended
        "The Google account was deleted."
        "Let an administrator restore the user at https://admin.google.com/ac/users (Recently deleted), or take the mailbox out of the configuration."
    AccountRestricted "account_restricted" Account WhenMended
        "Google has restricted or suspended the account."
        "Sign in to the account in a browser and follow what Google asks; a Workspace administrator can lift a suspension at https://admin.google.com/ac/users."
    AdvancedProtection "advanced_protection" Account WhenMended
        "The account is in Google's Advanced Protection Program, which keeps apps like this one out."
        "Use another account for sending, or leave the program at https://myaccount.google.com/advanced-protection."

    // policy
    AdminPolicy "admin_policy" Policy WhenMended
        "The organisation's administrator does not allow this app to use Gmail."
        "In https://admin.google.com: Security, Access and data control, API controls, Manage app access (older: Manage third-party app access): mark the OAuth client as Trusted."
    SessionControlReauth "session_control_reauth" Policy WhenMended
        "The organisation makes users sign in again after some hours (session control), and that time is over for this link."
        "In https://admin.google.com: Security, Access and data control, Google Cloud session control: tick \"Exempt Trusted apps\" and mark the OAuth client as Trusted; then link again."
    ImapDisabledDomain "imap_disabled_domain" Policy WhenMended
        "The administrator has switched IMAP off for the domain."
        "In https://admin.google.com: Apps, Google Workspace, Gmail, End User Access, POP and IMAP access: allow IMAP."
    GmailServiceOff "gmail_service_off" Policy WhenMended
        "Gmail is not switched on for this account."
        "In https://admin.google.com: Apps, Google Workspace, Gmail, Service status: on for this user; for a service account check the user that it acts for."
    DwdNotAuthorized "dwd_not_authorized" Policy WhenMended
        "The service account may not act for this user: domain-wide delegation is missing for its client id or scope."
        "In https://admin.google.com: Security, Access and data control, API controls, Manage Domain Wide Delegation: add the service account's numeric client id (\"client_id\" in its key file) with scope https://mail.google.com/; it can take a day to be in force."
    RelayDenied "relay_denied" Policy OnSchedule
        "Google refuses to send for this account: it is not registered for, or not allowed by, the domain's sending settings."
        "In https://admin.google.com: Apps, Google Workspace, Gmail, Routing: check the SMTP relay service and that the sender is an active user."

    // client
    ClientDeleted "client_deleted" Client WhenMended
        "The OAuth client was deleted, by hand or by Google after six months without use."
        "Restore it within 30 days at https://console.cloud.google.com/apis/credentials/deleted; later make a new client and link every mailbox again."
    ClientDisabled "client_disabled" Client WhenMended
        "Google has disabled the OAuth client."
        "Read Google's mail to the project's developer contacts, mend what it names and appeal; see https://console.cloud.google.com/auth/overview."
    ClientUnknown "client_unknown" Client WhenMended
        "Google knows no OAuth client with this id."
        "Compare the client id with https://console.cloud.google.com/auth/clients and correct it (Odoo: Settings, General Settings, \"Use a Gmail Server\" or \"Gmail Credentials\")."
    ClientSecretInvalid "client_secret_invalid" Client WhenMended
        "The OAuth client's secret is wrong, was replaced or is disabled."
        "Add a new secret at https://console.cloud.google.com/auth/clients, copy it at once (it is shown only then) and configure it here and in Odoo."
    ServiceAccountKeyInvalid "service_account_key_invalid" Client WhenMended
        "Google does not accept the service account's signature: its key or the account itself was deleted or disabled, or the key belongs to another account."
        "At https://console.cloud.google.com/iam-admin/serviceaccounts see that the account is enabled and lists the key's id; if not, make a new JSON key there and put it in the old one's place."
    RedirectUriMismatch "redirect_uri_mismatch" Client WhenMended
        "The redirect URI is not registered for the OAuth client, so that nobody can link a mailbox."
        "Add the exact URI (https://<your Odoo>/google_gmail/confirm) at https://console.cloud.google.com/auth/clients and wait some minutes."
    RedirectUriPolicy "redirect_uri_policy" Client WhenMended
        "The redirect URI breaks Google's rules (HTTPS, a public domain, no IP address), so that nobody can link a mailbox."
        "Give the application a public https address, set it as web.base.url, and register https://<that address>/google_gmail/confirm at https://console.cloud.google.com/auth/clients."
    OrgInternal "org_internal" Client WhenMended
        "The app is for users of its own organisation only, and this account is not one of them."
        "Use an account of the organisation, or set the user type to External at https://console.cloud.google.com/auth/audience."
    ConsentTestUser "consent_test_user" Client WhenMended
        "The app is in Testing and this account is not one of its test users."
        "Add the address under Test users at https://console.cloud.google.com/auth/audience, or publish the app there."

    GmailApiOff "gmail_api_off" Client WhenMended
        "The Gmail API is switched off in the OAuth client's Google Cloud project. SMTP and IMAP work without it, so no link fails by it; whose account a token opens is not known meanwhile."
        "To have that looked at, enable the API where Google's reply says, or at https://console.cloud.google.com/apis/library/gmail.googleapis.com for the project that the client id begins with; otherwise nothing."

    // throttled
    GoogleRateLimited "google_rate_limited" Throttled AfterPause
        "Google answers this host's requests for tokens, or about them, with a refusal: there were too many."
        "Nothing for now: probes pause by themselves. If it stays, find what else on this address refreshes tokens in a loop."
    LoginRateLimited "login_rate_limited" Throttled AfterPause
        "The mailbox sees too many sign-ins in a short time, from all clients together."
        "Nothing for now: probes pause by themselves. If it stays, find the client that signs in for every message."
    ImapTooManyConnections "imap_too_many_connections" Throttled AfterPause
        "The mailbox has reached its limit of simultaneous IMAP sessions (Google: 15, all clients together)."
        "Find the clients that keep sessions open (https://myaccount.google.com/device-activity) and close some; Odoo's fetching fails meanwhile too."
    ImapBandwidth "imap_bandwidth" Throttled AfterPause
        "The mailbox has used up its IMAP commands or bandwidth for now (Google: 2,500 MB down, 500 MB up a day)."
        "It clears within 1 to 24 hours. Find the client that downloads the whole mailbox again and again."
    ImapThrottled "imap_throttled" Throttled AfterPause
        "Google slows this mailbox's IMAP down, which precedes a bandwidth lock."
        "Reduce what other clients fetch from this mailbox."
    SenderRateLimited "sender_rate_limited" Throttled AfterPause
        "Google sees too much mail of one kind from this sender in a short time."
        "Send more slowly; probes pause by themselves."
    RecipientRateLimited "recipient_rate_limited" Throttled AfterPause
        "The recipient's mailbox gets mail too quickly."
        "Nothing for now; if it stays, look for a loop that mails this address."

    // quota
    SendQuotaUser "send_quota_user" Quota AfterPause
        "The mailbox has reached its daily sending limit; everything it sends is refused meanwhile."
        "It clears by itself within 24 hours. Send less through this mailbox or split the senders; re-send in Odoo what failed meanwhile."
    SendQuotaRelay "send_quota_relay" Quota AfterPause
        "The user has reached the daily limit of the SMTP relay."
        "It clears by itself within 24 hours; split the senders."
    SendQuotaCustomer "send_quota_customer" Quota AfterPause
        "The organisation has reached its limit of the SMTP relay."
        "It clears by itself; see https://support.google.com/a/answer/2956491 for the limits."
    StorageFull "storage_full" Quota OnSchedule
        "The mailbox's storage is full, so that it can receive nothing."
        "Free space or buy some: https://one.google.com/storage, or https://admin.google.com/ac/storage for an organisation."
    TooManyRecipients "too_many_recipients" Quota OnSchedule
        "A message had more recipients than Google takes at once (100 by SMTP)."
        "Split the recipients over several messages."

    // delivery
    MessageRejected "message_rejected" Delivery OnSchedule
        "Google refuses the message itself."
        "Read the reply: it names what is wrong with the content, the headers or the sender's reputation."
    RecipientRejected "recipient_rejected" Delivery OnSchedule
        "Google refuses the recipient."
        "Check that the address exists and takes mail; correct it where it is configured."
    SenderRejected "sender_rejected" Delivery OnSchedule
        "Google refuses the sender's address."
        "Use the mailbox's own address as sender, or add the other one at Gmail's Settings, Accounts, Send mail as."
    SenderUnauthenticated "sender_unauthenticated" Delivery OnSchedule
        "The sender's domain does not pass SPF, DKIM or DMARC."
        "Set up SPF, DKIM and DMARC for the domain: https://support.google.com/a/answer/33786."

    DeliveredToSpam "delivered_to_spam" Delivery OnSchedule
        "A test message of this mailbox arrived, but in the recipient's spam folder: other recipients' mail may land there, too."
        "Look at the verdicts on SPF, DKIM and DMARC on the link's page and mend what does not pass (https://support.google.com/a/answer/33786); mark the message as no spam at the recipient."
    DeliveredLate "delivered_late" Delivery OnSchedule
        "A test message of this mailbox was taken at once and arrived later than it should."
        "See whether Google delays mail (https://www.google.com/appsstatus/dashboard/) and whether an administrator's routing or quarantine holds it (https://admin.google.com: Apps, Google Workspace, Gmail); if it stays, trace the message in Email Log Search there."
    MessageLost "message_lost" Delivery OnSchedule
        "A test message of this mailbox was taken and never arrived, neither in the inbox nor in spam, and no bounce came back."
        "Look for filters of the recipient that delete or forward it, then for routing and quarantine rules (https://admin.google.com: Apps, Google Workspace, Gmail, and Email Log Search under Reporting)."

    // network
    DnsFailed "dns_failed" Network Now
        "The server's name cannot be resolved from this host."
        "Check this host's DNS (try: getent hosts imap.gmail.com) and the spelling of the host in the configuration."
    ConnectionRefused "connection_refused" Network Now
        "The server's address refuses connections on that port."
        "Check host and port in the configuration, and the firewall of this host (25, 465, 587 and 993 are often closed by hosters)."
    Unreachable "unreachable" Network Now
        "This host has no route to the server."
        "Check this host's network; where only IPv6 is broken, mend or disable it."
    ConnectionLost "connection_lost" Network Now
        "The connection ended in the middle of the dialogue."
        "Passing by itself mostly. If it stays, look at firewalls and proxies between this host and Google."
    Timeout "timeout" Network Now
        "The server did not answer in time."
        "Check that this host reaches the server (a firewall that drops packets looks like this); the phase says how far it came."
    GarbledAnswer "garbled_answer" Network OnSchedule
        "What answers does not speak the protocol: a proxy, a captive portal or another service stands there."
        "Check host, port and security in the configuration, and what this network puts between this host and Google."
    ImapSessionShort "imap_session_short" Network OnSchedule
        "IMAP sessions with this mailbox end within minutes, again and again, so that whatever waits for its mail signs in all the time."
        "See on the link's page how they ended. If nobody said good-bye, raise the idle timeout of firewalls and NAT between this host and Google to more than 10 minutes; if Google did, find what else signs in to this mailbox in a loop (https://myaccount.google.com/device-activity)."
    TlsUntrusted "tls_untrusted" Network OnSchedule
        "The server's certificate comes from an authority that this host does not trust."
        "If your network inspects TLS, give its CA as google.ca_file; otherwise somebody else answers in Google's place."
    TlsExpired "tls_expired" Network OnSchedule
        "The server's certificate has expired."
        "Check this host's clock first, then who runs the server that answers."
    TlsNotYetValid "tls_not_yet_valid" Network OnSchedule
        "The server's certificate is not valid yet."
        "This host's clock is most likely behind: check its time synchronisation."
    TlsWrongName "tls_wrong_name" Network OnSchedule
        "The server's certificate is for another name."
        "Check the host in the configuration, and that DNS leads to the right server."
    TlsFailed "tls_failed" Network OnSchedule
        "TLS could not be set up."
        "Check port and security in the configuration (465 and 993 are TLS from the start, 587 is STARTTLS), and proxies in between."

    // google
    GoogleOutage "google_outage" Google Now
        "Google has a problem of its own at the moment."
        "Wait; see https://www.google.com/appsstatus/dashboard/ for the state of Gmail."
    ImapSessionExpired "imap_session_expired" Google OnSchedule
        "Google ended the IMAP session since its token is over, as it does after about an hour."
        "Nothing: clients sign in again with a fresh token."

    // setup
    SecretUnreadable "secret_unreadable" Setup OnSchedule
        "A secret of this link cannot be read."
        "Check that the file exists, holds the token or key and is readable by the exporter alone (chmod 600)."
    RequestInvalid "request_invalid" Setup WhenMended
        "The token endpoint does not understand the request: the client id, the token or the endpoint's address is malformed."
        "Check client id and token_url in the configuration for cut-off or doubled text."
    ClockWrong "clock_wrong" Setup OnSchedule
        "This host's clock is wrong: Google does not take the time at which the service account signed."
        "Set this host's clock and keep it set (timedatectl set-ntp true)."
    ImpersonatedUserUnknown "impersonated_user_unknown" Setup WhenMended
        "Google knows no user with this address for whom the service account could act."
        "Correct the address in the configuration: it must be a user of the service account's Workspace domain, at its primary address (https://admin.google.com/ac/users), never @gmail.com; or take the mailbox out."
    PasswordMode "password_mode" Setup WhenMended
        "The server asks for an app password: something signs in without OAuth."
        "Set the mail server's authentication to Gmail OAuth, not to a user name and password."
    OauthNotOffered "oauth_not_offered" Setup OnSchedule
        "The mail server does not offer XOAUTH2."
        "Check host, port and security in the configuration: Gmail offers it on smtp.gmail.com 587 and 465 and imap.gmail.com 993."
    TlsRequired "tls_required" Setup OnSchedule
        "The server wants TLS before anything else, or offers none where STARTTLS is configured."
        "Set security to starttls for port 587 and to tls for port 465; if Google's own host offers no STARTTLS, something in between strips it."
    AuthRequired "auth_required" Setup OnSchedule
        "The server treats the session as not signed in."
        "Check host and port: this is what a relay without sign-in answers."
    EhloRefused "ehlo_refused" Setup OnSchedule
        "The server refuses the name with which this host introduces itself, or the burst it comes in."
        "Set checks.smtp.ehlo_name to this host's full public name."

    // unknown
    ProtocolError "protocol_error" Unknown OnSchedule
        "The server says that mailbox_exporter broke the protocol."
        "Report it with the reply shown here to the project's issue tracker."
    SaslMalformed "sasl_malformed" Unknown OnSchedule
        "The server could not read the sign-in string."
        "Check the address for odd characters, then report it with the reply shown here to the project's issue tracker."
    InternalError "internal_error" Unknown OnSchedule
        "The probe itself failed; that is a bug in mailbox_exporter."
        "Report it with the log line of this probe to the project's issue tracker."
    Unknown "unknown" Unknown OnSchedule
        "No rule knows this reply; it is kept, redacted, on the link's page and in the log."
        "Read the reply, act on it, and report it to the project's issue tracker, so that it gets a reason."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_rows_are_complete_sentences() {
        let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.meaning().ends_with('.'), "{reason}");
            assert!(reason.next_step().len() > 20, "{reason}");
        }
    }

    #[test]
    fn every_class_has_a_reason_and_rows_stand_by_class() {
        let classes: Vec<_> = Reason::ALL.iter().map(|reason| reason.class()).collect();
        assert!(classes.is_sorted());
        for class in Class::ALL {
            assert!(classes.contains(&class), "{class}");
        }
    }
}
