//! Whom a report may name: addresses as the privacy setting shows them, or as hashes of one report.

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};

use crate::{
    cli::doctor::walk::Walk,
    domain::{
        fingerprint::Key,
        link::{Address, Grant},
        redact::Redactor,
    },
    engine::counts::passing_count,
    metrics::{Labels, MailboxLabel},
};

/// How addresses and secrets are kept back.
pub(super) struct People {
    shown: Shown,
    secrets: Redactor,
}

enum Shown {
    /// As they are.
    Openly,
    /// Those that are watched by their labels, any other not at all.
    Labelled(Labels, Vec<Address>),
    /// Each by a hash with a key that nobody keeps.
    Hashed(Key),
}

impl People {
    pub(super) fn of(walk: Option<&Walk>, anonymous: bool) -> Self {
        let links = walk.iter().flat_map(|walk| &walk.links.watched).map(|watched| &watched.link);
        let mut secrets = Redactor::default();
        for link in links.clone() {
            secrets.hide(&link.client.secret);
            match &link.grant {
                Grant::RefreshToken(token) => secrets.hide(token),
                Grant::ServiceAccount(account) => {
                    account.secrets().for_each(|line| secrets.hide(&line));
                }
                Grant::Unreadable(_) => {}
            }
        }
        let shown = match walk {
            _ if anonymous => Shown::Hashed(passing_count().key),
            // A faulty configuration may have wanted anything.
            None => Shown::Labelled(Labels::Others(Default::default()), Vec::new()),
            Some(walk) if walk.loaded.privacy.mailbox_label == MailboxLabel::Address => {
                Shown::Openly
            }
            Some(walk) => {
                let mut of: Vec<_> = links.map(|link| (&link.mailbox, &link.id)).collect();
                of.sort_by_key(|(_, id)| *id);
                let labels = walk.loaded.privacy.labels_of(of.iter().copied());
                let known = of.iter().map(|(mailbox, _)| (*mailbox).clone()).collect();
                Shown::Labelled(labels, known)
            }
        };
        Self { shown, secrets }
    }

    /// The text with neither what it must not name nor a secret.
    pub(super) fn discreet(&self, text: &str) -> String {
        let named = match &self.shown {
            Shown::Openly => Cow::Borrowed(text),
            Shown::Labelled(labels, known) => ADDRESS.replace_all(text, |found: &Captures<'_>| {
                if is_nobodys(&found[0]) {
                    return found[0].to_owned();
                }
                let address = Address::parse(&found[0]).ok().filter(|it| known.contains(it));
                address.map_or("(an address)".to_owned(), |it| labels.of_mailbox(&it).to_owned())
            }),
            Shown::Hashed(key) => ADDRESS.replace_all(text, |found: &Captures<'_>| {
                if is_nobodys(&found[0]) {
                    return found[0].to_owned();
                }
                let hash = String::from(key.fingerprint([&*found[0].to_ascii_lowercase()]));
                format!("mailbox-{hash}")
            }),
        };
        named.lines().map(|line| self.line(line) + "\n").collect()
    }

    /// What was indented stays so.
    fn line(&self, line: &str) -> String {
        let words = line.trim_start();
        let indent = &line[..line.len() - words.len()];
        format!("{indent}{}", self.secrets.clean(words))
    }
}

/// A service account is nobody's mailbox.
fn is_nobodys(address: &str) -> bool {
    address.ends_with(".gserviceaccount.com")
}

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*";
    Regex::new(pattern).expect("a test finds addresses by it")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let people =
            People { shown: Shown::Hashed(Key::new([7; 32])), secrets: Redactor::default() };
        let text = "links\n  wrong    Sales@example.com: MAIL FROM:<sales@example.com>\n    x@y.iam.gserviceaccount.com\n";
        let said = people.discreet(text);
        assert!(!said.to_lowercase().contains("sales"), "{said}");
        let hashes: Vec<_> = said.match_indices("mailbox-").collect();
        assert_eq!(hashes.len(), 2);
        let hash = |at: usize| &said[at..at + 24];
        assert_eq!(hash(hashes[0].0), hash(hashes[1].0), "one address is one hash");
        assert!(said.contains("\n    x@y.iam.gserviceaccount.com\n"), "{said}");
    }
}
