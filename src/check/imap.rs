//! Can the inbox be read? Looks without touching: nothing is marked, nothing stays open.

use chrono_tz::Tz;

use super::{Probe, Timing, keys::keys};
use crate::{
    domain::outcome::{Failure, Readings},
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

keys! {}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Timing {
        self.timing(SCHEDULE, zone)
    }
}

const SCHEDULE: &str = "10-59/15 * * * *";
