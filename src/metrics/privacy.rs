//! What the `mailbox` label holds: the address, a keyed hash of it, or a link's id.

use std::{collections::HashMap, fmt::Write as _};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    domain::{
        link::{Address, LinkId},
        secret::Secret,
    },
    engine::state::Snapshot,
};

/// What may be told about people. It holds for metrics, pages and the API alike.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Privacy {
    pub mailbox_label: MailboxLabel,
}

/// What the `mailbox` label holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum MailboxLabel {
    /// The address, since the person on call needs it.
    #[default]
    Address,
    /// Keyed with the secret, so that nobody finds the address by hashing guesses.
    Hash(Secret),
    /// The id of the mailbox's first link, so that all links of one mailbox share a label.
    Id,
}

impl Privacy {
    /// The label of every mailbox of the snapshot.
    pub fn labels(&self, snapshot: &Snapshot) -> Labels {
        self.labels_of(snapshot.links.iter().map(|(id, state)| (&state.watched.link.mailbox, id)))
    }

    /// The same of links that nobody watches yet, in the order of their ids.
    pub fn labels_of<'a>(&self, links: impl Iterator<Item = (&'a Address, &'a LinkId)>) -> Labels {
        match &self.mailbox_label {
            MailboxLabel::Address => Labels::Addresses,
            MailboxLabel::Hash(key) => Labels::of(links, |mailbox, _| hash(key, mailbox)),
            MailboxLabel::Id => Labels::of(links, |_, id| id.to_string()),
        }
    }

    /// The label of one mailbox, by one of its links, where no page is rendered.
    pub fn label(&self, mailbox: &Address, link: &LinkId, snapshot: &Snapshot) -> String {
        match &self.mailbox_label {
            MailboxLabel::Address => mailbox.to_string(),
            MailboxLabel::Hash(key) => hash(key, mailbox),
            MailboxLabel::Id => {
                let mut links = snapshot.links.iter();
                let first = links.find(|(_, state)| state.watched.link.mailbox == *mailbox);
                first.map_or(link, |(id, _)| id).to_string()
            }
        }
    }
}

/// The label of every mailbox, for one rendering.
#[derive(Debug)]
pub enum Labels {
    Addresses,
    Others(HashMap<Address, String>),
}

impl Labels {
    fn of<'a>(
        links: impl Iterator<Item = (&'a Address, &'a LinkId)>,
        label: impl Fn(&Address, &LinkId) -> String,
    ) -> Self {
        let mut labels = HashMap::new();
        for (mailbox, id) in links {
            labels.entry(mailbox.clone()).or_insert_with(|| label(mailbox, id));
        }
        Self::Others(labels)
    }

    /// Empty for a mailbox that no link of the snapshot belongs to.
    pub fn of_mailbox<'a>(&'a self, mailbox: &'a Address) -> &'a str {
        match self {
            Self::Addresses => mailbox.as_str(),
            Self::Others(labels) => labels.get(mailbox).map_or("", String::as_str),
        }
    }
}

/// The first eight bytes of HMAC-SHA256, in hexadecimal.
fn hash(key: &Secret, mailbox: &Address) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(mailbox.as_str().as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_key_and_address_and_tells_neither() {
        let sales = Address::parse("sales@example.com").unwrap();
        // printf sales@example.com | openssl dgst -sha256 -hmac key
        assert_eq!(hash(&Secret::new("key"), &sales), "870c164af069a757");
        let other = Address::parse("info@example.com").unwrap();
        assert_ne!(hash(&Secret::new("key"), &sales), hash(&Secret::new("key"), &other));
        assert_ne!(hash(&Secret::new("key"), &sales), hash(&Secret::new("kez"), &sales));
    }
}
