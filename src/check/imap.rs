//! Can the inbox be read? Looks without touching: nothing is marked, nothing stays open.

use chrono_tz::Tz;

use super::{Probe, Timing, keys::keys};
use crate::{
    domain::outcome::{Failure, Readings},
    wire::imap::Session,
};

/// A session at the mailbox, signed in.
#[derive(Debug)]
pub struct Visit(pub(crate) Session);

/// The round's session; a new one, where it has none.
pub(super) async fn enter(probe: &mut Probe<'_>) -> Result<Session, Failure> {
    if let Some(Visit(session)) = probe.session.take() {
        return Ok(session);
    }
    let token = super::token_in_hand(probe)?;
    let dialogue = &mut *probe.dialogue;
    let mut session = Session::open(&probe.wire.dialer, &probe.link.imap, dialogue).await?;
    let entered = async {
        session.sign_in(&probe.link.mailbox, &token, dialogue).await?;
        session.introduce(dialogue).await
    }
    .await;
    match entered {
        Ok(()) => Ok(session),
        Err(failure) => {
            session.logout(dialogue).await;
            Err(failure)
        }
    }
}

/// Leaves the session to the round's next check, or ends it: after a failure nobody knows how it stands.
pub(super) async fn leave(
    session: Session,
    probe: &mut Probe<'_>,
    done: Result<Readings, Failure>,
) -> Result<Readings, Failure> {
    match probe.leave_open && done.is_ok() {
        true => *probe.session = Some(Visit(session)),
        false => session.logout(probe.dialogue).await,
    }
    done
}

pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let mut session = enter(probe).await?;
    let dialogue = &mut *probe.dialogue;
    let looked = async {
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
    leave(session, probe, looked).await
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
