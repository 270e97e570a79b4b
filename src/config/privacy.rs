//! What may be told about people: the keys under `privacy`.

use serde::Deserialize;

use crate::{
    domain::secret::Secret,
    metrics::{MailboxLabel, Privacy},
    source::{Ids, Reference, Unreadable, secret::Kind},
    yaml::{At, Reading},
};

/// The keys under `privacy`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    mailbox_label: Option<At<String>>,
    /// Of the hash, so that addresses cannot be guessed from it.
    key: Option<Reference>,
}

impl Config {
    pub(super) fn settle(self, reading: &mut Reading) -> Privacy {
        let key = self.key.map(|key| key.open(Kind::Key, Unreadable::Refused, reading));
        let key = key.map(|held| held.value().cloned().unwrap_or_else(|_| Secret::new("")));
        let label = self.mailbox_label.and_then(|at| {
            reading.understand(&at, |written| match written {
                "address" => Ok(MailboxLabel::Address),
                "hash" => key.map(MailboxLabel::Hash).ok_or_else(|| KEYLESS.to_owned()),
                "id" => Ok(MailboxLabel::Id),
                _ => Err(format!("{written:?} is no label; write one of address, hash, id")),
            })
        });
        Privacy { mailbox_label: label.unwrap_or_default() }
    }
}

const KEYLESS: &str =
    "a hash needs a key, or addresses could be guessed from it; add key: {file: PATH}";

/// As the file writes it.
pub(super) fn label(privacy: &Privacy) -> &'static str {
    match privacy.mailbox_label {
        MailboxLabel::Address => "address",
        MailboxLabel::Hash(_) => "hash",
        MailboxLabel::Id => "id",
    }
}

/// A link's id is a label too, so it may not tell what the `mailbox` label hides.
pub(super) fn ids(privacy: &Privacy) -> Ids {
    match privacy.mailbox_label {
        MailboxLabel::Address => Ids::Free,
        MailboxLabel::Hash(_) | MailboxLabel::Id => Ids::WithoutAddress,
    }
}
