//! Can the inbox be read? Looks without touching: nothing is marked, nothing stays open.

use chrono_tz::Tz;
use serde::Deserialize;

use super::{Probe, Span, Timing};
use crate::{
    domain::{
        cron::Cron,
        outcome::{Failure, Readings},
    },
    wire::imap::Session,
};

pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let token = super::token_in_hand(probe)?;
    let dialogue = &mut *probe.dialogue;
    let mut session = Session::open(&probe.wire.dialer, &probe.link.imap, dialogue).await?;
    let looked = async {
        session.sign_in(&probe.link.mailbox, &token, dialogue).await?;
        session.introduce(dialogue).await?;
        let unseen_messages = session.unseen(dialogue).await?;
        let named = session.examine(dialogue).await?;
        let mut unseen = match unseen_messages {
            Some(1..=MOST_SEARCHED) => session.search_unseen(dialogue).await?,
            _ => named.into_iter().collect(),
        };
        unseen.truncate(MOST_FETCHED);
        let oldest_unseen = match unseen[..] {
            [] => None,
            _ => session.first_arrival(&unseen, dialogue).await?,
        };
        let storage = session.storage(dialogue).await?;
        Ok(Readings { unseen_messages, oldest_unseen, storage, ..Readings::default() })
    }
    .await;
    session.logout(dialogue).await;
    looked
}

/// A search answers with every number, so a larger backlog is counted but not searched; its age is then known only where
/// the server names the first unseen message by itself.
const MOST_SEARCHED: u64 = 1000;

/// The oldest is looked for among the first so many, which cost 60 bytes each.
const MOST_FETCHED: usize = 200;

/// The keys under `checks.imap`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub enabled: Option<bool>,
    pub schedule: Option<Cron>,
    pub timeout: Option<Span>,
}

impl Config {
    pub(super) fn over(self, base: &Self) -> Self {
        Self {
            enabled: self.enabled.or(base.enabled),
            schedule: self.schedule.or_else(|| base.schedule.clone()),
            timeout: self.timeout.or(base.timeout),
        }
    }

    pub(super) fn settle(self, zone: Tz) -> Timing {
        Timing::settle(self.enabled, self.schedule, self.timeout, SCHEDULE, zone)
    }
}

const SCHEDULE: &str = "10-59/15 * * * *";
