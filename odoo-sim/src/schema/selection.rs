//! The words of selection fields.

use super::Schema;
use crate::version::Version;

/// The words that a field takes; nothing if it takes any.
pub(super) fn words(schema: &Schema, model: &str, field: &str) -> Option<Vec<&'static str>> {
    let version = schema.version;
    let mut words = match (model, field) {
        ("ir.mail_server", "smtp_authentication") => {
            let mut words = vec!["login", "certificate"];
            words.extend((version >= Version::V17).then_some("cli"));
            words.extend(vendors(schema));
            words
        }
        // 19 adds the strict ones [SRC].
        ("ir.mail_server", "smtp_encryption") => match version {
            Version::V19 => vec!["none", "starttls_strict", "starttls", "ssl_strict", "ssl"],
            _ => vec!["none", "starttls", "ssl"],
        },
        ("fetchmail.server", "server_type") => {
            let mut words = vec!["imap", "pop", "local"];
            words.extend(vendors(schema));
            words
        }
        ("fetchmail.server", "state") => vec!["draft", "done"],
        ("mail.mail", "state") => vec!["outgoing", "sent", "received", "exception", "cancel"],
        ("mail.mail", "failure_type") => {
            let mut words = vec!["unknown", "mail_email_invalid", "mail_email_missing"];
            words.extend(["mail_from_invalid", "mail_smtp", "mail_bl", "mail_optout", "mail_dup"]);
            words.extend((version >= Version::V17).then_some("mail_from_missing"));
            words.extend((version >= Version::V19).then_some("mail_spam"));
            words
        }
        ("ir.module.module", "state") => vec![
            "uninstallable",
            "uninstalled",
            "installed",
            "to upgrade",
            "to remove",
            "to install",
        ],
        ("ir.cron", "interval_type") => vec!["minutes", "hours", "days", "weeks", "months"],
        _ => return None,
    };
    words.sort_unstable();
    Some(words)
}

/// 15 has check boxes instead [SRC].
fn vendors(schema: &Schema) -> Vec<&'static str> {
    let mut words = Vec::new();
    if schema.version >= Version::V16 {
        words.extend(schema.has_module("google_gmail").then_some("gmail"));
        words.extend(schema.has_module("microsoft_outlook").then_some("outlook"));
    }
    words
}
