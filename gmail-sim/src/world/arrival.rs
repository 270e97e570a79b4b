//! What becomes of a message on its way to a recipient.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What becomes of one message; see [`World::next_delivery`](super::World::next_delivery).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// How many seconds lie between two copies of it.
    pub apart: u64,
    /// Where it arrives, if it does.
    pub arrival: Arrival,
    /// How often it arrives.
    pub copies: u32,
    /// How many seconds it takes to arrive, or to come back.
    pub delay: u64,
}

/// Where a message arrives.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// It comes back to its sender.
    Bounced(Bounce),
    /// It stands in the inbox.
    Inbox,
    /// It vanishes.
    Lost,
    /// It stands in the spam folder.
    Spam,
}

/// Why a message comes back; the words are a line of the catalogue.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounce {
    /// 5.2.1: the account is disabled.
    Disabled,
    /// 5.1.1: there is no such account.
    NoSuchUser,
    /// 5.2.2: out of storage space.
    OverQuota,
    /// 4.2.2: out of storage space; only a delay so far, the message may still arrive.
    OverQuotaForNow,
    /// 5.7.1: a policy.
    Refused,
    /// 5.7.26: DMARC.
    Unauthenticated,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { apart: 0, arrival: Arrival::Inbox, copies: 1, delay: 0 }
    }
}

impl Delivery {
    /// It arrives at once.
    pub fn to(arrival: Arrival) -> Self {
        Self { arrival, ..Self::default() }
    }

    /// It takes so long to arrive, or to come back; whole seconds.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay.as_secs();
        self
    }

    /// It arrives twice, so long apart; whole seconds.
    #[must_use]
    pub fn twice(mut self, apart: Duration) -> Self {
        self.copies = 2;
        self.apart = apart.as_secs();
        self
    }
}

impl Bounce {
    /// The line that the recipient's server says.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Disabled => "smtp.rcpt_disabled",
            Self::NoSuchUser => "smtp.rcpt_no_such_user",
            Self::OverQuota => "smtp.rcpt_over_quota_permanent",
            Self::OverQuotaForNow => "smtp.rcpt_over_quota",
            Self::Refused => "smtp.policy",
            Self::Unauthenticated => "smtp.inbound_dmarc",
        }
    }
}
