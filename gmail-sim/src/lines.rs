//! THE catalogue of what Google says: one row a reply, with its source and the reason that an
//! honest watcher concludes from it.
//!
//! Invariant: the simulator says nothing that looks like a refusal by Google and is not a row.

mod authorization;
mod http;
mod imap;
mod smtp;
mod smtp_message;
mod token;

use serde::Serialize;

use crate::fault::{At, Service};

/// One reply.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Line {
    /// Its name, e.g. `smtp.daily_limit_user`.
    pub key: &'static str,
    /// Who says it.
    pub service: Service,
    /// Where in the dialogue.
    pub at: At,
    /// What is said.
    pub said: Said,
    /// The reason that a watcher ought to conclude, by the exporter's names.
    pub reason: &'static str,
    /// Where the words come from. `[U]` marks words that nobody captured.
    pub source: &'static str,
}

/// The words of a line.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The authorization endpoint's 302 to its error page, or that page for somebody who is signed in.
    AuthError {
        /// The status that the page names.
        status: u16,
        /// Field 1 of `authError`.
        code: &'static str,
        /// Field 2. `{app}`, `{domain}`, `{response_type}`, `{scopes}` and `{uri}` are filled in.
        message: &'static str,
        /// Field 3, where there is one.
        documentation: Option<&'static str>,
    },
    /// An HTTP answer. A body that begins with `<` is HTML, every other one is JSON.
    Http {
        /// The status.
        status: u16,
        /// The body, to the byte.
        body: &'static str,
    },
    /// HTTP: 302 to this address.
    Redirect {
        /// The address; one that begins with `/` is of the host that was asked.
        location: &'static str,
    },
    /// Lines of SMTP or IMAP, joined by CRLF, without the last CRLF. `{id}` becomes a queue or
    /// connection id, `{tag}` the command's tag.
    Text {
        /// The lines.
        text: &'static str,
        /// Does the challenge come first, to which the client has to send an empty line?
        after_challenge: bool,
    },
}

impl Line {
    /// Does Google hang up after saying it?
    pub fn ends_session(&self) -> bool {
        match self.said {
            Said::Text { text, .. } => ends_session(self.service, text.as_bytes()),
            _ => false,
        }
    }

    /// The bytes on the wire of a mail protocol, with `tag` and `id` filled in.
    pub(crate) fn text(&self, tag: &str, id: &str) -> Vec<u8> {
        let text = match self.said {
            Said::AuthError { message, .. } => message,
            Said::Http { body, .. } => body,
            Said::Redirect { location } => location,
            Said::Text { text, .. } => text,
        };
        format!("{}\r\n", text.replace("{tag}", tag).replace("{id}", id)).into_bytes()
    }

    pub(crate) fn after_challenge(&self) -> bool {
        matches!(self.said, Said::Text { after_challenge: true, .. })
    }
}

/// Does the server hang up after this reply? SMTP does after 221 and 421, IMAP after BYE, which
/// comes first where it comes.
pub(crate) fn ends_session(service: Service, reply: &[u8]) -> bool {
    let says = |what: &[u8]| reply.windows(what.len()).any(|part| part == what);
    match service {
        Service::Imap => reply.starts_with(b"* BYE"),
        Service::Smtp => {
            let last = |line: &[u8]| line.starts_with(b"221") || line.starts_with(b"421");
            let lines = || reply.split(|&byte| byte == b'\n');
            lines().any(last) || says(b"goodbye.") || says(b"closing connection")
        }
        _ => false,
    }
}

/// Every line.
pub fn all() -> impl Iterator<Item = &'static Line> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The line of this name.
pub fn find(key: &str) -> Option<&'static Line> {
    all().find(|line| line.key == key)
}

const TABLES: &[&[Line]] = &[
    token::LINES,
    authorization::LINES,
    http::LINES,
    smtp::LINES,
    smtp_message::LINES,
    imap::LINES,
];

const fn http(
    service: Service,
    key: &'static str,
    status: u16,
    body: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    Line { key, service, at: At::Answer, said: Said::Http { status, body }, reason, source }
}

const fn text(
    service: Service,
    key: &'static str,
    at: At,
    text: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    Line { key, service, at, said: Said::Text { text, after_challenge: false }, reason, source }
}

impl Line {
    const fn after_the_challenge(self) -> Self {
        let Said::Text { text, .. } = self.said else { return self };
        Self { said: Said::Text { text, after_challenge: true }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_key_that_the_simulator_says_is_a_line() {
        let mut keys = Vec::new();
        collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut keys);
        assert!(keys.len() > 60, "{keys:?}");
        for key in keys {
            assert!(find(&key).is_some(), "{key}");
        }
    }

    /// Strings such as `"smtp.syntax"` in every file below.
    fn collect(folder: &Path, keys: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, keys);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let keyish = |text: &&str| {
                let mut parts = text.split('.');
                let service = parts.next().unwrap_or_default();
                let name = parts.next().unwrap_or_default();
                let plain = |byte: u8| byte.is_ascii_lowercase() || b"0123456789_".contains(&byte);
                ["api", "authorization", "imap", "revoke", "smtp", "token", "tokeninfo"]
                    .contains(&service)
                    && parts.next().is_none()
                    && !name.is_empty()
                    && name.bytes().all(plain)
            };
            keys.extend(text.split('"').filter(keyish).map(ToOwned::to_owned));
        }
    }
}
