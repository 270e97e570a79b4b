//! Why a check failed: exactly one reason out of a closed table, and for each the class of people who have to act.
//!
//! `table.rs` holds the reasons, `rules.rs` leads from what a server said to one of them.

use std::fmt;

mod page;
mod rules;
mod table;

pub use page::reasons_page;
pub use rules::{At, Protocol, Said, classify};
pub use table::Reason;

/// Who has to act. One class is one alert and one runbook page.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// The mailbox's owner links again.
    Relink,
    /// The owner, at Google.
    Account,
    /// A Workspace administrator.
    Policy,
    /// Whoever owns the Google Cloud project.
    Client,
    /// Nobody: it passes.
    Throttled,
    /// The owner, or capacity planning.
    Quota,
    /// The owner: the message or its recipient is the trouble.
    Delivery,
    /// Whoever runs this host and its network.
    Network,
    /// Google.
    Google,
    /// Whoever runs the exporter.
    Setup,
    /// The makers of this program: no rule knows the reply.
    Unknown,
}

impl Class {
    pub const ALL: [Self; 11] = [
        Self::Relink,
        Self::Account,
        Self::Policy,
        Self::Client,
        Self::Throttled,
        Self::Quota,
        Self::Delivery,
        Self::Network,
        Self::Google,
        Self::Setup,
        Self::Unknown,
    ];

    /// The value of the `class` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relink => "relink",
            Self::Account => "account",
            Self::Policy => "policy",
            Self::Client => "client",
            Self::Throttled => "throttled",
            Self::Quota => "quota",
            Self::Delivery => "delivery",
            Self::Network => "network",
            Self::Google => "google",
            Self::Setup => "setup",
            Self::Unknown => "unknown",
        }
    }

    /// The alert that fires for it, and the page below `docs/runbooks` that leads from it to mended.
    pub fn alert(self) -> &'static str {
        match self {
            Self::Relink => "MailboxNeedsRelink",
            Self::Account => "MailboxAccountBlocked",
            Self::Policy => "MailboxBlockedByPolicy",
            Self::Client => "OauthClientRefused",
            Self::Throttled => "MailboxThrottled",
            Self::Quota => "MailboxQuotaExhausted",
            Self::Delivery => "MailboxDeliveryFailing",
            Self::Network => "GmailUnreachable",
            Self::Google => "GmailFailing",
            Self::Setup => "MailboxExporterMisconfigured",
            Self::Unknown => "MailboxFailureUnclassified",
        }
    }

    /// Who acts, in words.
    pub fn who(self) -> &'static str {
        match self {
            Self::Relink => "the mailbox's owner links again",
            Self::Account => "the mailbox's owner, in the Google account",
            Self::Policy => "a Workspace administrator",
            Self::Client => "the owner of the Google Cloud project",
            Self::Throttled => "nobody: it passes",
            Self::Quota => "the mailbox's owner, or whoever plans capacity",
            Self::Delivery => "the mailbox's owner",
            Self::Network => "whoever runs this host and its network",
            Self::Google => "Google",
            Self::Setup => "whoever runs the exporter",
            Self::Unknown => "the makers of mailbox_exporter",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When it makes sense to ask again after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Again {
    /// Of the moment: at once, within the probe's own deadline, and at the next run.
    Now,
    /// At the next run, as ever.
    OnSchedule,
    /// Asking sooner is rude, and would prolong the trouble.
    AfterPause,
    /// A person has to act first; asking sooner is useless.
    WhenMended,
}

impl Reason {
    /// Whether Google refuses the OAuth client itself, and so every link that shares it.
    pub fn refuses_client(self) -> bool {
        matches!(
            self,
            Self::ClientDeleted
                | Self::ClientDisabled
                | Self::ClientSecretInvalid
                | Self::ClientUnknown
        )
    }

    /// Whether it is what Google answered, not what kept us from an answer.
    pub fn is_googles_word(self) -> bool {
        !matches!(self.class(), Class::Google | Class::Network | Class::Throttled | Class::Setup)
            && self.again() != Again::Now
    }
}
