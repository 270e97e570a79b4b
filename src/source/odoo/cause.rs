//! THE table of causes: from the words that Odoo kept of a message's failure to what really happened.
//!
//! Odoo keeps an exception's text, in the language of whoever sent: what is of Python or of a mail server is English
//! everywhere, and Odoo's own sentences are found in English only. What no row knows is [`Cause::Other`].

use crate::source::odoo::database::Cause;

/// What happened, by the failure's text and, where that says nothing, by its type.
pub(super) fn cause(reason: &str, failure_type: &str) -> Cause {
    let reason = reason.to_lowercase();
    let told = RULES.iter().find(|rule| rule.words.iter().all(|words| reason.contains(words)));
    let typed = || TYPES.iter().find(|(name, _)| *name == failure_type).map(|(_, cause)| *cause);
    told.map(|rule| rule.cause).or_else(typed).unwrap_or(Cause::Other)
}

/// Whether a link's own trouble may be why. Odoo has no type for what failed before there was a connection, the token
/// first of all, and its text may be in any language.
pub(super) fn may_be_a_links(cause: Cause, failure_type: &str) -> bool {
    match cause {
        Cause::Network | Cause::Quota | Cause::Token => true,
        Cause::Other => failure_type.is_empty(),
        Cause::RecipientRefused | Cause::SenderRefused => false,
    }
}

/// The failure types that Odoo 15 to 19 have (`mail.mail.failure_type`), as labels.
pub(super) fn failure_type(name: Option<&str>) -> &'static str {
    let Some(name) = name else { return "" };
    FAILURE_TYPES.iter().find(|known| **known == name).copied().unwrap_or("other")
}

/// All of the words, in lower case, make the cause; the first row that fits wins.
struct Rule {
    words: &'static [&'static str],
    cause: Cause,
    /// Who says so, and when.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for who reads the table; a test asks for it")
    )]
    source: &'static str,
}

const fn rule(words: &'static [&'static str], cause: Cause, source: &'static str) -> Rule {
    Rule { words, cause, source }
}

const RULES: &[Rule] = &[
    rule(&["5.4.5"], Cause::Quota, "https://support.google.com/a/answer/3726730"),
    rule(&["daily user sending"], Cause::Quota, "https://support.google.com/a/answer/3726730"),
    rule(
        &["daily sending quota exceeded"],
        Cause::Quota,
        "https://support.google.com/a/answer/3726730",
    ),
    rule(&["daily smtp relay"], Cause::Quota, "https://support.google.com/a/answer/3726730"),
    rule(
        &["an error occurred when fetching the access token"],
        Cause::Token,
        "Odoo's google_gmail 15 to 19: the token endpoint said anything but yes",
    ),
    rule(
        &["please configure your gmail credentials"],
        Cause::Token,
        "Odoo's google_gmail: there is no OAuth client",
    ),
    rule(
        &["we could not authenticate you"],
        Cause::Token,
        "Odoo's google_gmail 19: Odoo's own relay gave no token",
    ),
    // Odoo does not look at the answer to AUTH, so it shows as the sender's refusal.
    rule(&["535", "5.7.8"], Cause::Token, "https://support.google.com/a/answer/3726730"),
    rule(&["530", "5.7.0"], Cause::Token, "https://support.google.com/a/answer/3726730"),
    rule(&["534", "5.7.9"], Cause::Token, "https://support.google.com/a/answer/3726730"),
    rule(&["534", "5.7.14"], Cause::Token, "https://support.google.com/a/answer/3726730"),
    rule(&["smtpsenderrefused: (535"], Cause::Token, "Python's smtplib, after AUTH was refused"),
    rule(&["smtpauthenticationerror"], Cause::Token, "Python's smtplib"),
    rule(
        &["please run connect() first"],
        Cause::Token,
        "https://github.com/odoo/odoo/issues/182777: the token ended between Odoo's look and its use",
    ),
    rule(&["smtpsenderrefused"], Cause::SenderRefused, "Python's smtplib"),
    rule(&["refused the sender address"], Cause::SenderRefused, "Odoo's base, 15 to 19"),
    rule(&["smtprecipientsrefused"], Cause::RecipientRefused, "Python's smtplib"),
    rule(
        &["without computed recipients"],
        Cause::RecipientRefused,
        "Odoo's mail: written before sending, left where there was nobody to send to",
    ),
    rule(&["connection refused"], Cause::Network, "ECONNREFUSED"),
    rule(&["connection reset"], Cause::Network, "ECONNRESET"),
    rule(&["no route to host"], Cause::Network, "EHOSTUNREACH"),
    rule(&["network is unreachable"], Cause::Network, "ENETUNREACH"),
    rule(&["timed out"], Cause::Network, "ETIMEDOUT, and Python's socket.timeout"),
    rule(&["timeouterror"], Cause::Network, "Python"),
    rule(&["name or service not known"], Cause::Network, "getaddrinfo(3), EAI_NONAME"),
    rule(&["temporary failure in name resolution"], Cause::Network, "getaddrinfo(3), EAI_AGAIN"),
    rule(&["no address associated with hostname"], Cause::Network, "getaddrinfo(3), EAI_NODATA"),
    rule(
        &["max retries exceeded"],
        Cause::Network,
        "Python's requests: the token endpoint is out of reach",
    ),
    rule(&["smtpserverdisconnected"], Cause::Network, "Python's smtplib"),
    rule(&["connection unexpectedly closed"], Cause::Network, "Python's smtplib"),
    rule(&["smtpconnecterror"], Cause::Network, "Python's smtplib"),
    rule(&["certificate verify failed"], Cause::Network, "Python's ssl"),
];

/// What a type alone says.
const TYPES: &[(&str, Cause)] = &[
    ("mail_email_invalid", Cause::RecipientRefused),
    ("mail_email_missing", Cause::RecipientRefused),
    ("mail_from_invalid", Cause::SenderRefused),
    ("mail_from_missing", Cause::SenderRefused),
    ("mail_smtp", Cause::Network),
];

const FAILURE_TYPES: &[&str] = &[
    "mail_bl",
    "mail_bounce",
    "mail_dup",
    "mail_email_invalid",
    "mail_email_missing",
    "mail_from_invalid",
    "mail_from_missing",
    "mail_optout",
    "mail_smtp",
    "mail_spam",
    "unknown",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told_from_what_odoo_kept() {
        // As real Odoos wrote them.
        let cases = [
            ("An error occurred when fetching the access token.", "", Cause::Token),
            (
                "Mail Delivery Failed\nMail delivery failed via SMTP server 'None'.\nSMTPSenderRefused: (535, b'5.7.8 Username and Password not accepted. For more information, go to\\n5.7.8  https://support.google.com/mail/?p=BadCredentials', 'u@example.com')",
                "unknown",
                Cause::Token,
            ),
            (
                "Mail Delivery Failed\nMail delivery failed via SMTP server 'None'.\nSMTPSenderRefused: (530, b'5.7.0 Authentication Required.', 'u@example.com')",
                "unknown",
                Cause::Token,
            ),
            (
                "SMTPDataError: (550, b'5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits')",
                "unknown",
                Cause::Quota,
            ),
            (
                "SMTPSenderRefused: (550, b'5.4.5 Daily user sending quota exceeded.', 'u@e.org')",
                "unknown",
                Cause::Quota,
            ),
            (
                "SMTPSenderRefused: (553, b'5.1.2 We cannot use this address', 'x')",
                "unknown",
                Cause::SenderRefused,
            ),
            (
                "SMTPRecipientsRefused: {'x@e.org': (550, b'5.1.1 The email account that you tried to reach does not exist')}",
                "unknown",
                Cause::RecipientRefused,
            ),
            (
                "Error without exception. Probably due to sending an email without computed recipients.",
                "",
                Cause::RecipientRefused,
            ),
            ("Could not connect\n[Errno 111] Connection refused", "", Cause::Network),
            ("[Errno -2] Name or service not known", "", Cause::Network),
            ("timed out", "", Cause::Network),
            ("SMTPServerDisconnected: please run connect() first", "", Cause::Token),
            ("Une erreur s'est produite lors de la récupération du jeton", "", Cause::Other),
            ("", "mail_email_missing", Cause::RecipientRefused),
            ("Absenderadresse fehlt", "mail_from_missing", Cause::SenderRefused),
            ("", "mail_smtp", Cause::Network),
            ("", "", Cause::Other),
        ];
        for (reason, failure_type, expected) in cases {
            assert_eq!(cause(reason, failure_type), expected, "{reason}");
        }
    }

    #[test]
    fn every_rule_is_in_lower_case_has_a_source_and_is_not_hidden_by_an_earlier_one() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(!rule.source.is_empty() && !rule.words.is_empty());
            let text = rule.words.join(" ");
            assert_eq!(text, text.to_lowercase());
            let first =
                RULES.iter().position(|rule| rule.words.iter().all(|word| text.contains(word)));
            assert_eq!(first, Some(index), "{text}");
        }
    }

    #[test]
    fn a_label_is_one_of_odoos_types_or_says_that_it_is_none() {
        assert_eq!(failure_type(None), "");
        assert_eq!(failure_type(Some("mail_smtp")), "mail_smtp");
        assert_eq!(failure_type(Some("someone@example.com")), "other");
    }
}
