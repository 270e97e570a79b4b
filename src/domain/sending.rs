//! What a mailbox has sent, held against what Google lets it send.
//!
//! Google counts over a rolling day, "not a set time of day": https://support.google.com/a/answer/166852. A message that
//! was seen counts for its day, whatever becomes of it, since deleting it gives nothing back.

mod forecast;
mod journal;
mod limits;
pub mod review;

use std::{collections::BTreeMap, ops::Index, time::Duration};

use serde::{Deserialize, Serialize};

use super::{clock::Timestamp, fingerprint::Fingerprint, reason::Reason};

pub use journal::{Folder, Hour, Journal, Next};
pub use limits::Limits;

/// The window of Google's limits.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is counted, and limited.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    Messages,
    /// One for every message that somebody gets.
    Recipients,
    ExternalRecipients,
    /// Each counts once, however many messages it gets.
    UniqueRecipients,
    UniqueExternalRecipients,
}

impl Of {
    pub const ALL: [Self; 5] = [
        Self::Messages,
        Self::Recipients,
        Self::ExternalRecipients,
        Self::UniqueRecipients,
        Self::UniqueExternalRecipients,
    ];

    /// The value of the `of` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::ExternalRecipients => "external_recipients",
            Self::UniqueRecipients => "unique_recipients",
            Self::UniqueExternalRecipients => "unique_external_recipients",
        }
    }
}

/// A message as the folder of sent mail has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Message {
    /// When the server took it: IMAP's INTERNALDATE.
    pub at: Timestamp,
    /// Of To, Cc and Bcc, each address once.
    pub to: Vec<Recipient>,
    /// Whether it carries the mark of a round trip's letter, of whichever installation.
    pub own: bool,
}

/// Somebody who got a message: told from others, and not to be known again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Recipient {
    pub who: Fingerprint,
    /// Of a domain that is not the sender's.
    pub external: bool,
}

/// How much was sent, of each that is counted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sums([u64; Of::ALL.len()]);

impl Sums {
    /// Of these messages, but for test messages of ours, which are counted where they are sent.
    pub fn of<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let mut sums = Self::default();
        let mut unique = BTreeMap::new();
        for message in messages.into_iter().filter(|message| !message.own) {
            sums.0[Of::Messages as usize] += 1;
            sums.0[Of::Recipients as usize] += message.to.len() as u64;
            let external = message.to.iter().filter(|to| to.external).count();
            sums.0[Of::ExternalRecipients as usize] += external as u64;
            unique.extend(message.to.iter().map(|to| (to.who, to.external)));
        }
        sums.0[Of::UniqueRecipients as usize] = unique.len() as u64;
        let external = unique.values().filter(|external| **external).count();
        sums.0[Of::UniqueExternalRecipients as usize] = external as u64;
        sums
    }

    /// And these, of which nobody knows whether they are unique.
    fn add(&mut self, more: Hour) {
        self.0[Of::Messages as usize] += u64::from(more.messages);
        self.0[Of::Recipients as usize] += u64::from(more.recipients);
        self.0[Of::ExternalRecipients as usize] += u64::from(more.external);
    }
}

impl Index<Of> for Sums {
    type Output = u64;

    fn index(&self, of: Of) -> &u64 {
        &self.0[of as usize]
    }
}

/// Why what a mailbox sends cannot be counted, or not all of it. No failure of a link: mail works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Uncounted {
    /// No folder for sent mail is shown: its owner hides it from IMAP, or keeps none.
    FolderHidden,
    /// The folder ends before the day does: its owner limits how many messages IMAP shows.
    FolderLimited,
    /// IMAP refuses, which an outgoing link does not need.
    Refused(Reason),
}

impl Uncounted {
    /// The value of the `because` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::FolderHidden => "folder_hidden",
            Self::FolderLimited => "folder_limited",
            Self::Refused(reason) => reason.name(),
        }
    }

    /// What is the case, and what to do.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::FolderHidden => {
                "What this mailbox sends cannot be counted: IMAP shows no folder for sent mail. In Gmail: Settings, See all settings, Labels: tick \"Show in IMAP\" for Sent."
            }
            Self::FolderLimited => {
                "What this mailbox sends is counted too low: IMAP shows only its newest messages. In Gmail: Settings, See all settings, Forwarding and POP/IMAP, Folder size limits: \"Do not limit\"."
            }
            Self::Refused(reason) => reason.next_step(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fingerprint::Key;

    fn message(to: &[(&str, bool)]) -> Message {
        let key = Key::new([7; 32]);
        let person = |(name, external): &(&str, bool)| Recipient {
            who: key.fingerprint([*name]),
            external: *external,
        };
        Message { at: Timestamp::from_secs(1000), to: to.iter().map(person).collect(), own: false }
    }

    fn each(sums: Sums) -> Vec<(&'static str, u64)> {
        Of::ALL.map(|of| (of.name(), sums[of])).into_iter().collect()
    }

    #[test]
    fn recipients_count_for_every_message_and_unique_ones_once() {
        let sent = [
            message(&[("ann", true), ("bob", false)]),
            message(&[("ann", true), ("cid", true), ("bob", false)]),
            message(&[("bob", false)]),
            message(&[]),
            Message { own: true, ..message(&[("dan", true)]) },
        ];
        let expected = [
            ("messages", 4),
            ("recipients", 6),
            ("external_recipients", 3),
            ("unique_recipients", 3),
            ("unique_external_recipients", 2),
        ];
        assert_eq!(each(Sums::of(&sent)), expected);
        assert_eq!(Sums::of([]), Sums::default());
    }

    #[test]
    fn what_cannot_be_counted_says_what_to_do() {
        let refused = Uncounted::Refused(Reason::ImapDisabledUser);
        assert_eq!(refused.name(), Reason::ImapDisabledUser.name());
        assert_eq!(refused.meaning(), Reason::ImapDisabledUser.next_step());
        assert!(Uncounted::FolderHidden.meaning().contains("Show in IMAP"));
        assert!(Uncounted::FolderLimited.meaning().contains("Folder size limits"));
        assert_ne!(Uncounted::FolderHidden.name(), Uncounted::FolderLimited.name());
    }
}
