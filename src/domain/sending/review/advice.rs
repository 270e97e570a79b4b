//! THE list of what is advised, each with the rule by which it follows from numbers.

use std::time::Duration;

use super::{Asked, Review};
use crate::domain::{link::Account, sending::Of};

/// What to do about a mailbox's limits, or what to know of its numbers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Advice {
    EnoughRoom,
    TrialLimits,
    Workspace,
    Relay,
    Split,
    ManyPerMessage,
    FolderLimited,
    Deleted,
    Unnamed,
}

impl Advice {
    pub const ALL: [Self; 9] = [
        Self::EnoughRoom,
        Self::TrialLimits,
        Self::Workspace,
        Self::Relay,
        Self::Split,
        Self::ManyPerMessage,
        Self::FolderLimited,
        Self::Deleted,
        Self::Unnamed,
    ];

    /// All that follow.
    pub(super) fn of(asked: &Asked, review: &Review) -> Vec<Self> {
        Self::ALL.into_iter().filter(|advice| advice.follows(asked, review)).collect()
    }

    fn follows(self, asked: &Asked, review: &Review) -> bool {
        let limited = review.nearest().is_some();
        let pressed = limited && is_pressed(asked, review);
        let peak = |of: Of| review.each[of as usize].peak;
        match self {
            Self::EnoughRoom => limited && !pressed,
            Self::TrialLimits => pressed && asked.account == Account::WorkspaceTrial,
            Self::Workspace => pressed && asked.account == Account::Personal,
            Self::Relay => {
                let fits = [Of::Messages, Of::UniqueRecipients].map(peak).into_iter().max();
                pressed && asked.account == Account::Workspace && fits < Some(RELAY)
            }
            Self::Split => pressed && asked.account == Account::Workspace,
            Self::ManyPerMessage => review.largest > MANY,
            Self::FolderLimited => asked.limited,
            Self::Deleted => asked.numbers > 0 && asked.gone * 10 >= asked.numbers,
            Self::Unnamed => review.nameless > 0,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::EnoughRoom => "enough_room",
            Self::TrialLimits => "trial_limits",
            Self::Workspace => "workspace",
            Self::Relay => "relay",
            Self::Split => "split_senders",
            Self::ManyPerMessage => "many_per_message",
            Self::FolderLimited => "folder_limited",
            Self::Deleted => "deleted",
            Self::Unnamed => "unnamed_recipients",
        }
    }

    /// For a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::EnoughRoom => {
                "There is enough room: the busiest day used less than four fifths of each limit, and no trend meets one within half a year."
            }
            Self::TrialLimits => {
                "These are the limits of a Workspace trial. Google raises them when the domain has paid 100 USD and 60 days have passed."
            }
            Self::Workspace => {
                "A personal account is too small for this: a Google Workspace account may send 2,000 messages a day instead of 500."
            }
            Self::Relay => {
                "Send by Google's SMTP relay service, smtp-relay.gmail.com: it takes 10,000 messages a day from each user."
            }
            Self::Split => {
                "Split this over more senders, for example invoices and newsletters: each mailbox has limits of its own."
            }
            Self::ManyPerMessage => {
                "A message went to more than 80 recipients: by SMTP Google takes 100 a message and refuses the rest, so send to fewer at a time."
            }
            Self::FolderLimited => {
                "The history is cut: the owner limits how many messages IMAP shows. In Gmail: Settings, See all settings, Forwarding and POP/IMAP, Folder size limits: \"Do not limit\"."
            }
            Self::Deleted => {
                "The numbers are too low: a tenth of the sent messages or more is deleted, and what was deleted did count."
            }
            Self::Unnamed => {
                "The recipients are too few: some messages name nobody, as when an application gives its recipients to SMTP alone."
            }
        }
    }
}

/// Whether a limit is near, or will be.
fn is_pressed(asked: &Asked, review: &Review) -> bool {
    let soon = (asked.known.end + SOON).to_utc().with_timezone(&asked.zone).date_naive();
    review.each.iter().any(|outlook| {
        outlook.share().is_some_and(|share| share >= NEAR)
            || outlook.meets.is_some_and(|meets| meets <= soon)
    })
}

/// Of a limit.
const NEAR: f64 = 0.8;

/// Half a year: to change how a company sends takes a while.
const SOON: Duration = Duration::from_secs(183 * 86_400);

/// Messages, and unique recipients, of a user a day: https://support.google.com/a/answer/2956491
const RELAY: u64 = 10_000;

/// Recipients of one message. Google takes 100 of them by SMTP: https://support.google.com/a/answer/166852
const MANY: u64 = 80;
