//! THE rules: from what a server said to a reason. The first rule that fits decides.
//!
//! Codes and keys decide; words only refine, since Google documents few of them. Where a row comes from stands in
//! `gmail-sim/src/lines/`, which says every one of these replies, each with its source.

use super::Reason::{self, *};

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// Google's HTTP services that tell of a token: token information and the Gmail API.
    Api,
    Imap,
    Smtp,
    /// The OAuth token endpoint.
    Token,
}

/// Where in the dialogue something was said, as far as it matters to its meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum At {
    /// In answer to a service account's assertion: there is no consent to renew, and no client secret.
    Assertion,
    /// In answer to a code that the consent page gave: there is no refresh token yet that could be dead.
    Code,
    /// Before, in, or right after signing in.
    SignIn,
    Sender,
    Recipient,
    Message,
    /// Anything else.
    Command,
}

/// What a server said, in the parts that rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub protocol: Protocol,
    pub at: At,
    /// The reply code (`535`), the status (`NO`, `BAD`, `BYE`), or the HTTP status (`400`).
    pub status: &'a str,
    /// The enhanced status code (`5.7.8`), the response code (`ALERT`), the OAuth `error`, or the API's `reason`.
    pub code: &'a str,
    /// Google's key (`BadCredentials` of `?p=BadCredentials`), the OAuth `error_subtype`, or that of `ErrorInfo`.
    pub key: &'a str,
    pub text: &'a str,
}

/// What a server said, as a reason. What no rule knows is [`Reason::Unknown`].
pub fn classify(said: &Said<'_>) -> Reason {
    let text = said.text.to_lowercase();
    let rules = match said.protocol {
        Protocol::Api => API,
        Protocol::Imap => IMAP,
        Protocol::Smtp => SMTP,
        Protocol::Token => TOKEN,
    };
    rules.iter().find(|rule| rule.fits(said, &text)).map_or(Unknown, |rule| rule.4)
}

/// Status (its beginning), code, key, words in lower case, and the reason. What is empty fits everything.
#[derive(Debug)]
struct Rule(&'static str, &'static str, &'static str, &'static str, Reason, Option<At>);

impl Rule {
    fn fits(&self, said: &Said<'_>, text: &str) -> bool {
        let Self(status, code, key, words, _, at) = *self;
        said.status.starts_with(status)
            && (code.is_empty() || code.eq_ignore_ascii_case(said.code))
            && (key.is_empty() || key.eq_ignore_ascii_case(said.key))
            && text.contains(words)
            && at.is_none_or(|at| at == said.at)
    }
}

const fn any(
    status: &'static str,
    code: &'static str,
    key: &'static str,
    words: &'static str,
    reason: Reason,
) -> Rule {
    Rule(status, code, key, words, reason, None)
}

const fn at(
    at: At,
    status: &'static str,
    code: &'static str,
    key: &'static str,
    words: &'static str,
    reason: Reason,
) -> Rule {
    Rule(status, code, key, words, reason, Some(at))
}

/// HTTP status, `error`, `error_subtype`, words.
/// https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
#[rustfmt::skip]
const TOKEN: &[Rule] = &[
    at(At::Assertion, "", "invalid_client", "", "",             ServiceAccountKeyInvalid),
    at(At::Assertion, "", "unauthorized_client", "", "",        DwdNotAuthorized),
    at(At::Assertion, "", "access_denied", "", "account restricted", AccountRestricted),
    at(At::Assertion, "", "access_denied", "", "",              DwdNotAuthorized),
    any("", "deleted_client",          "", "",                  ClientDeleted),
    any("", "disabled_client",         "", "",                  ClientDisabled),
    any("", "invalid_client",          "", "not found",         ClientUnknown),
    any("", "invalid_client",          "", "",                  ClientSecretInvalid),
    any("", "unauthorized_client",     "", "retrieve access tokens using this method", DwdNotAuthorized),
    any("", "unauthorized_client",     "", "client or scope in request", DwdNotAuthorized),
    any("", "unauthorized_client",     "", "",                  ClientMismatch),
    any("", "admin_policy_enforced",   "", "",                  AdminPolicy),
    any("", "policy_enforced",         "", "",                  AdvancedProtection),
    any("", "org_internal",            "", "",                  OrgInternal),
    any("", "invalid_grant", "invalid_rapt", "",                SessionControlReauth),
    any("", "invalid_grant", "rapt_required", "",               SessionControlReauth),
    any("", "invalid_grant",           "", "reauth related error", SessionControlReauth),
    any("", "invalid_grant",           "", "account has been deleted", AccountDeleted),
    any("", "invalid_grant",           "", "short-lived token", ClockWrong),
    any("", "invalid_grant",           "", "invalid jwt signature", ServiceAccountKeyInvalid),
    any("", "invalid_grant",           "", "no valid verifier", ServiceAccountKeyInvalid),
    any("", "invalid_grant",           "", "account not found", ServiceAccountKeyInvalid),
    any("", "invalid_grant",           "", "robot is disabled", ServiceAccountKeyInvalid),
    any("", "invalid_grant",           "", "invalid jwt",       RequestInvalid),
    any("", "invalid_grant",           "", "not a valid email", ImpersonatedUserUnknown),
    any("", "invalid_grant",           "", "invalid email or user id", ImpersonatedUserUnknown),
    at(At::Assertion, "", "invalid_grant", "", "",              ServiceAccountKeyInvalid),
    at(At::Code, "", "invalid_grant",  "", "",                  ConsentCodeRefused),
    any("", "invalid_grant",           "", "",                  GrantRevokedOrExpired),
    any("", "access_denied",           "", "requested client not authorized", DwdNotAuthorized),
    any("", "access_denied",           "", "",                  AccountRestricted),
    any("", "invalid_account",         "", "",                  AccountRestricted),
    any("", "redirect_uri_mismatch",   "", "",                  RedirectUriMismatch),
    any("", "invalid_request",         "", "invalid impersonation", ImpersonatedUserUnknown),
    any("", "invalid_request",         "", "",                  RequestInvalid),
    any("", "unsupported_grant_type",  "", "",                  RequestInvalid),
    any("", "invalid_scope",           "", "",                  RequestInvalid),
    any("", "rate_limit_exceeded",     "", "",                  GoogleRateLimited),
    any("", "slow_down",               "", "",                  GoogleRateLimited),
    any("", "internal_failure",        "", "",                  GoogleOutage),
    any("", "server_error",            "", "",                  GoogleOutage),
    any("", "temporarily_unavailable", "", "",                  GoogleOutage),
    any("429", "", "", "",                                      GoogleRateLimited),
    any("503", "", "", "automated queries",                     GoogleRateLimited),
    any("5", "", "", "",                                        GoogleOutage),
    any("408", "", "", "",                                      GoogleOutage),
    // A 403 without an `error` is the endpoint's own rate limit, in HTML.
    any("403", "", "", "",                                      GoogleRateLimited),
    // Google's token endpoint never redirects; captive portals do.
    any("3", "", "", "",                                        GarbledAnswer),
    any("2", "", "", "",                                        GarbledAnswer),
    any("404", "", "", "",                                      RequestInvalid),
    any("405", "", "", "",                                      RequestInvalid),
    any("407", "", "", "",                                      GarbledAnswer),
];

/// HTTP status, `reason` (or `status`, or OAuth's `error`), `reason` of `ErrorInfo`, words.
/// https://developers.google.com/workspace/gmail/api/guides/handle-errors
#[rustfmt::skip]
const API: &[Rule] = &[
    any("", "accessNotConfigured", "", "",                      GmailApiOff),
    any("", "", "SERVICE_DISABLED", "",                         GmailApiOff),
    any("", "insufficientPermissions", "", "",                  ScopeMissing),
    any("", "", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "",          ScopeMissing),
    any("", "domainPolicy", "", "",                             AdminPolicy),
    any("", "rateLimitExceeded", "", "",                        GoogleRateLimited),
    any("", "userRateLimitExceeded", "", "",                    GoogleRateLimited),
    any("", "dailyLimitExceeded", "", "",                       GoogleRateLimited),
    any("", "", "RATE_LIMIT_EXCEEDED", "",                      GoogleRateLimited),
    any("", "RESOURCE_EXHAUSTED", "", "",                       GoogleRateLimited),
    any("400", "", "", "mail service not enabled",              GmailServiceOff),
    any("", "invalid_token", "", "",                            AuthRejected),
    any("400", "", "", "invalid value",                         AuthRejected),
    any("401", "", "", "",                                      AuthRejected),
    any("429", "", "", "",                                      GoogleRateLimited),
    any("", "", "", "automated queries",                        GoogleRateLimited),
    any("5", "", "", "",                                        GoogleOutage),
    any("408", "", "", "",                                      GoogleOutage),
    any("2", "", "", "",                                        GarbledAnswer),
    any("3", "", "", "",                                        GarbledAnswer),
    any("404", "", "", "",                                      GarbledAnswer),
    any("405", "", "", "",                                      GarbledAnswer),
    any("407", "", "", "",                                      GarbledAnswer),
];

/// Reply code, enhanced code, Google's key, words.
/// https://support.google.com/a/answer/3726730
#[rustfmt::skip]
const SMTP: &[Rule] = &[
    // Sending limits first: Google says them with codes that mean other things elsewhere.
    any("550", "5.4.5", "", "relay",                            SendQuotaRelay),
    any("550", "5.4.5", "", "",                                 SendQuotaUser),
    any("", "", "", "limit exceeded for customer",              SendQuotaCustomer),
    any("550", "5.7.1", "", "email quota exceeded",             SendQuotaUser),
    any("452", "4.5.3", "", "",                                 TooManyRecipients),
    any("550", "5.5.3", "", "",                                 TooManyRecipients),

    // Signing in.
    any("534", "", "WebLoginRequired", "",                      WebLoginRequired),
    any("53", "", "", "log in with your web browser",           WebLoginRequired),
    any("53", "", "", "log in via your web browser",            WebLoginRequired),
    any("534", "5.7.14", "", "",                                WebLoginRequired),
    any("53", "", "InvalidSecondFactor", "",                    PasswordMode),
    any("53", "", "", "application-specific password",          PasswordMode),
    any("454", "4.7.0", "", "too many login attempts",          LoginRateLimited),
    any("454", "4.7.0", "", "",                                 GoogleOutage),
    any("454", "4.5.0", "", "",                                 ProtocolError),
    any("454", "5.5.1", "", "",                                 ProtocolError),
    any("535", "5.5.4", "", "",                                 SaslMalformed),
    any("535", "", "", "",                                      AuthRejected),
    any("534", "", "", "",                                      AuthRejected),
    at(At::SignIn, "501", "5.5.4", "", "",                      EhloRefused),
    at(At::SignIn, "501", "5.5.2", "", "",                      SaslMalformed),
    at(At::SignIn, "504", "", "", "",                           OauthNotOffered),
    any("530", "", "", "starttls",                              TlsRequired),
    any("530", "", "", "",                                      AuthRequired),
    any("554", "5.7.0", "", "too many unauthenticated",         AuthRequired),
    any("421", "4.7.0", "", "(ehlo)",                           EhloRefused),
    any("421", "4.7.0", "", "(helo)",                           EhloRefused),

    // Rates, senders and recipients. The recipient of the dry run is the mailbox itself.
    any("421", "", "UnsolicitedRateLimitError", "",             SenderRateLimited),
    any("", "4.7.28", "", "",                                   SenderRateLimited),
    any("", "", "", "unusual rate of",                          SenderRateLimited),
    any("550", "5.2.1", "", "at a rate",                        RecipientRateLimited),
    any("450", "4.2.1", "", "",                                 RecipientRateLimited),
    any("452", "4.2.2", "", "",                                 StorageFull),
    any("552", "5.2.2", "", "",                                 StorageFull),
    any("550", "5.1.1", "", "",                                 RecipientRejected),
    any("550", "5.2.1", "", "",                                 RecipientRejected),
    any("553", "5.1.2", "", "",                                 RecipientRejected),
    any("553", "5.1.3", "", "",                                 RecipientRejected),
    any("553", "5.1.7", "", "",                                 SenderRejected),
    any("553", "", "", "sender address rejected",               SenderRejected),
    any("550", "5.7.0", "", "mail relay denied",                RelayDenied),
    any("550", "5.7.0", "", "mail sending denied",              RelayDenied),
    any("550", "5.7.1", "", "invalid credentials for relay",    RelayDenied),
    any("550", "5.7.1", "NotAuthorizedError", "",               RelayDenied),
    any("550", "5.7.1", "", "is not authorized to send",        RelayDenied),
    any("421", "", "", "not in whitelist for rcpt domain",      RecipientRejected),
    any("421", "", "", "tls required for rcpt domain",          RecipientRejected),
    any("", "", "DmarcRejection", "",                           SenderUnauthenticated),
    any("", "4.7.23", "", "", SenderUnauthenticated), any("", "5.7.25", "", "", SenderUnauthenticated),
    any("", "4.7.26", "", "", SenderUnauthenticated), any("", "5.7.26", "", "", SenderUnauthenticated),
    any("", "4.7.27", "", "", SenderUnauthenticated), any("", "5.7.27", "", "", SenderUnauthenticated),
    any("", "4.7.29", "", "", SenderUnauthenticated), any("", "5.7.29", "", "", SenderUnauthenticated),
    any("", "4.7.30", "", "", SenderUnauthenticated), any("", "5.7.30", "", "", SenderUnauthenticated),
    any("", "4.7.32", "", "", SenderUnauthenticated), any("", "5.7.24", "", "", SenderUnauthenticated),
    any("", "5.7.28", "", "",                                   SenderRateLimited),

    // What is wrong with the message, wherever it is said.
    any("552", "5.2.3", "", "", MessageRejected), any("552", "5.3.4", "", "", MessageRejected),
    any("552", "5.7.0", "", "", MessageRejected), any("554", "5.4.6", "", "", MessageRejected),
    any("554", "5.6.0", "", "",                                 MessageRejected),
    any("550", "", "RfcMessageNonCompliant", "",                MessageRejected),
    any("550", "", "UnsolicitedMessageError", "",               MessageRejected),
    any("550", "5.7.1", "", "in from: header",                  MessageRejected),
    any("550", "5.7.1", "", "likely suspicious",                MessageRejected),
    any("550", "5.7.1", "", "prohibited the mail",              MessageRejected),

    // Google's own trouble, and sessions that it ends.
    any("451", "4.5.0", "", "",                                 ProtocolError),
    any("421", "", "", "",                                      GoogleOutage),
    any("451", "", "", "",                                      GoogleOutage),
    any("452", "", "", "",                                      GoogleOutage),

    // What is left by place.
    any("500", "", "", "", ProtocolError), any("501", "", "", "", ProtocolError),
    any("502", "", "", "", ProtocolError), any("503", "", "", "", ProtocolError),
    any("504", "", "", "", ProtocolError), any("523", "", "", "", ProtocolError),
    any("555", "", "", "", ProtocolError),
    at(At::Recipient, "55", "", "", "",                         RecipientRejected),
    at(At::Sender, "55", "", "", "",                            SenderRejected),
    at(At::Message, "55", "", "", "",                           MessageRejected),
];

/// Status, response code, nothing, words.
#[rustfmt::skip]
const IMAP: &[Rule] = &[
    // The words come first: Google says most of these behind a plain [ALERT].
    any("", "", "", "too many simultaneous connections",        ImapTooManyConnections),
    any("", "LIMIT", "", "",                                    ImapTooManyConnections),
    any("", "", "", "imap access is disabled for your domain",  ImapDisabledDomain),
    any("", "", "", "not enabled for imap use",                 ImapDisabledUser),
    any("", "WEBALERT", "", "",                                 WebLoginRequired),
    any("", "", "", "web login required",                       WebLoginRequired),
    any("", "", "", "log in via your web browser",              WebLoginRequired),
    any("", "", "", "application-specific password",            PasswordMode),
    any("", "", "", "account exceeded command or bandwidth",    ImapBandwidth),
    any("", "", "", "account exceeded bandwidth",               ImapBandwidth),
    any("", "", "", "lockdown in sector",                       ImapBandwidth),
    at(At::SignIn, "", "OVERQUOTA", "", "",                     ImapBandwidth),
    any("BYE", "OVERQUOTA", "", "",                             ImapBandwidth),
    any("", "OVERQUOTA", "", "",                                StorageFull),
    any("", "THROTTLED", "", "",                                ImapThrottled),
    any("", "", "", "[throttled]",                              ImapThrottled),
    any("", "", "", "session expired",                          ImapSessionExpired),
    any("", "", "", "accesstokenexpired",                       ImapSessionExpired),
    any("", "", "", "invalid sasl argument",                    SaslMalformed),
    any("NO", "", "", "lookup failed",                          GmailServiceOff),
    any("", "UNAVAILABLE", "", "",                              GoogleOutage),
    any("", "SERVERBUG", "", "",                                GoogleOutage),
    any("", "INUSE", "", "",                                    GoogleOutage),
    any("", "", "", "system error",                             GoogleOutage),
    any("", "", "", "temporary",                                GoogleOutage),
    any("", "", "", "server error",                             GoogleOutage),
    any("", "PRIVACYREQUIRED", "", "",                          TlsRequired),
    any("NO", "AUTHENTICATIONFAILED", "", "",                   AuthRejected),
    any("NO", "AUTHORIZATIONFAILED", "", "",                    AuthRejected),
    any("NO", "EXPIRED", "", "",                                AuthRejected),
    at(At::SignIn, "NO", "", "", "authentication failed",       AuthRejected),
    at(At::SignIn, "NO", "", "", "invalid credentials",         AuthRejected),
    any("BAD", "", "", "",                                      ProtocolError),
    any("BYE", "", "", "shutting down",                         GoogleOutage),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_stands_behind_one_that_catches_everything_it_would() {
        for rules in [API, TOKEN, SMTP, IMAP] {
            for (index, later) in rules.iter().enumerate() {
                let covered = |earlier: &&Rule| {
                    later.0.starts_with(earlier.0)
                        && (earlier.1.is_empty() || earlier.1 == later.1)
                        && (earlier.2.is_empty() || earlier.2 == later.2)
                        && later.3.contains(earlier.3)
                        && (earlier.5.is_none() || earlier.5 == later.5)
                };
                let earlier = rules[..index].iter().find(covered);
                assert!(earlier.is_none(), "{later:?} never decides: {earlier:?} comes first");
            }
        }
    }

    #[test]
    fn what_no_rule_knows_is_unknown_and_never_a_success() {
        let said = Said {
            protocol: Protocol::Imap,
            at: At::SignIn,
            status: "NO",
            code: "",
            key: "",
            text: "Computer says no.",
        };
        assert_eq!(classify(&said), Unknown);
    }
}
