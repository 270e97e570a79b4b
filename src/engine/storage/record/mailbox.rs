//! What is kept of a mailbox. What it sent is kept apart, as a journal.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::reason;
use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        link::Address,
        outcome::{Notice, Readings, Traffic},
        session::{Ended, How},
    },
    engine::{
        mailbox::{Exhausted, Noticed, Sending, Sessions, Spare},
        state::MailboxState,
    },
};

/// A mailbox as it was left.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::engine) struct OfMailbox {
    pub(in crate::engine) mailbox: String,
    readings: Readings,
    notices: BTreeMap<String, u64>,
    /// When each notice came last, and in which words.
    #[serde(default)]
    told: BTreeMap<String, (Timestamp, String)>,
    /// Bytes down and up.
    #[serde(default)]
    traffic: (u64, u64),
    #[serde(default)]
    sessions: Option<OfSessions>,
    #[serde(default)]
    exhausted: Option<OfExhausted>,
}

/// Its sessions; the one that lasted ended with the process.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfSessions {
    counts: BTreeMap<String, u64>,
    short: u32,
    last: Option<OfEnded>,
    /// When, how many were asked for, and how many could be had.
    spare: Option<(Timestamp, usize, usize)>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfEnded {
    at: Timestamp,
    /// In milliseconds.
    lasted: u64,
    how: String,
    words: String,
}

/// That Google refuses to send more.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfExhausted {
    reason: String,
    since: Timestamp,
    last: Timestamp,
    check: String,
}

impl OfMailbox {
    pub(in crate::engine) fn new(mailbox: &Address, state: &MailboxState) -> Self {
        let notices = || state.notices.iter().map(|(notice, it)| (notice.name().to_owned(), it));
        let exhausted = state.sending.as_ref().and_then(|sending| sending.exhausted);
        Self {
            mailbox: mailbox.to_string(),
            readings: state.readings.clone(),
            notices: notices().map(|(name, it)| (name, it.times)).collect(),
            told: notices().filter_map(|(name, it)| Some((name, it.last.clone()?))).collect(),
            traffic: (state.traffic.down, state.traffic.up),
            sessions: state.sessions.as_deref().map(OfSessions::new),
            exhausted: exhausted.map(OfExhausted::new),
        }
    }

    pub(in crate::engine) fn restored(&self) -> MailboxState {
        let known = |notice: Notice| {
            let times = *self.notices.get(notice.name())?;
            Some((notice, Noticed { times, last: self.told.get(notice.name()).cloned() }))
        };
        let exhausted = self.exhausted.as_ref().and_then(OfExhausted::restored);
        let (down, up) = self.traffic;
        MailboxState {
            readings: self.readings.clone(),
            notices: Notice::ALL.into_iter().filter_map(known).collect(),
            traffic: Traffic { down, up },
            sessions: self.sessions.as_ref().map(|sessions| Box::new(sessions.restored())),
            sending: exhausted.map(|_| Box::new(Sending { exhausted, ..Sending::default() })),
        }
    }
}

impl OfSessions {
    fn new(sessions: &Sessions) -> Self {
        let counts = sessions.counts.iter().map(|(how, times)| (how.name().to_owned(), *times));
        Self {
            counts: counts.collect(),
            short: sessions.short,
            last: sessions.last.as_ref().map(|ended| OfEnded {
                at: ended.at,
                lasted: u64::try_from(ended.lasted.as_millis()).unwrap_or(u64::MAX),
                how: ended.how.name().to_owned(),
                words: ended.words.clone(),
            }),
            spare: sessions.spare.map(|spare| (spare.at, spare.asked, spare.had)),
        }
    }

    fn restored(&self) -> Sessions {
        let counts =
            How::ALL.into_iter().filter_map(|how| Some((how, *self.counts.get(how.name())?)));
        let last = self.last.as_ref().and_then(|ended| {
            let how = How::ALL.into_iter().find(|how| how.name() == ended.how)?;
            let lasted = Duration::from_millis(ended.lasted);
            Some(Ended { at: ended.at, lasted, how, words: ended.words.clone() })
        });
        Sessions {
            since: None,
            counts: counts.collect(),
            last,
            short: self.short,
            spare: self.spare.map(|(at, asked, had)| Spare { at, asked, had }),
        }
    }
}

impl OfExhausted {
    fn new(said: Exhausted) -> Self {
        let (reason, check) = (said.reason.name().to_owned(), said.check.name().to_owned());
        Self { reason, since: said.since, last: said.last, check }
    }

    fn restored(&self) -> Option<Exhausted> {
        let (reason, check) = (reason(&self.reason)?, Check::parse(&self.check)?);
        Some(Exhausted { reason, since: self.since, last: self.last, check })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::reason::Reason, engine::sample};

    #[test]
    fn sessions_and_what_google_refuses_come_back() {
        let snapshot = sample::snapshot();
        for (address, known) in &snapshot.mailboxes {
            let written = serde_json::to_string(&OfMailbox::new(address, known)).unwrap();
            let back = serde_json::from_str::<OfMailbox>(&written).unwrap().restored();
            let mut expected = MailboxState::clone(known);
            if let Some(sessions) = &mut expected.sessions {
                sessions.since = None;
            }
            // What was sent is kept apart.
            let exhausted = expected.sending.take().and_then(|sending| sending.exhausted);
            expected.sending =
                exhausted.map(|_| Box::new(Sending { exhausted, ..Sending::default() }));
            assert_eq!(back, expected, "{address}");
        }
        let exhausted = |it: &MailboxState| it.sending.as_ref()?.exhausted;
        let told: Vec<_> = snapshot.mailboxes.values().filter_map(|it| exhausted(it)).collect();
        assert_eq!(told.iter().map(|it| it.reason).collect::<Vec<_>>(), [Reason::SendQuotaUser]);
    }
}
