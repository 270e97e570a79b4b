//! What is known of one mailbox, whichever link it was seen by.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    check::{Check, capacity::Count},
    domain::{
        clock::Timestamp,
        outcome::{Notice, Outcome, Readings, Told, Traffic, Verdict},
        reason::Reason,
        sending::{DAY, Journal, Limits, Of, Sums, Uncounted},
        session::{Ended, How, IN_A_ROW, pause},
    },
};

/// See the file's head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MailboxState {
    pub readings: Readings,
    pub notices: BTreeMap<Notice, Noticed>,
    /// Since the start.
    pub traffic: Traffic,
    /// Absent where none was kept or asked for: a fleet is not to pay for that.
    pub sessions: Option<Box<Sessions>>,
    /// Absent where nothing was counted and nothing refused.
    pub sending: Option<Box<Sending>>,
}

/// A notice that came at least once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noticed {
    pub times: u64,
    /// When it came last, and in which words; they are redacted.
    pub last: Option<(Timestamp, String)>,
}

/// The IMAP sessions that are kept, and the spare ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sessions {
    /// When the one that lasts began.
    pub since: Option<Timestamp>,
    pub last: Option<Ended>,
    pub counts: BTreeMap<How, u64>,
    /// How many in a row ended too early.
    pub short: u32,
    pub spare: Option<Spare>,
}

/// What came of opening spare sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spare {
    pub at: Timestamp,
    pub asked: usize,
    pub had: usize,
}

/// What the mailbox sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sending {
    pub journal: Journal,
    /// When all of the last day was counted last, and what it came to.
    pub counted: Option<(Timestamp, Sums)>,
    /// When limits will be met at the present pace.
    pub meets: Vec<(Of, Timestamp)>,
    /// Test messages of ours within that day. They are removed where they were sent, and count at Google.
    pub own: usize,
    pub uncounted: Option<Uncounted>,
    pub exhausted: Option<Exhausted>,
}

/// Google refused to send more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exhausted {
    pub reason: Reason,
    pub since: Timestamp,
    /// When it was said last, and to whom.
    pub last: Timestamp,
    pub check: Check,
}

impl MailboxState {
    /// Takes what a check of one of its links found.
    pub(super) fn learn(&mut self, check: Check, outcome: &Outcome) {
        self.hear(&outcome.notices, outcome.traffic, outcome.at);
        if check == Check::Imap {
            // What could not be read this time is not known any more.
            self.readings = match &outcome.verdict {
                Verdict::Pass(readings) => readings.clone(),
                Verdict::Fail(_) | Verdict::Skip { .. } => Readings::default(),
            };
        }
        match outcome.failure().map(|failure| failure.reason) {
            Some(reason) if is_exhaustion(reason) => {
                let sending = self.sending.get_or_insert_default();
                let since = sending.exhausted.map_or(outcome.at, |before| before.since);
                let last = outcome.at;
                sending.exhausted = Some(Exhausted { reason, since, last, check });
            }
            _ => self.recover(outcome.at, |said| {
                said.check == check && matches!(outcome.verdict, Verdict::Pass(_))
            }),
        }
    }

    /// Google's words hold for a day at the most, or until something shows that they no longer do.
    pub(super) fn recover(&mut self, now: Timestamp, shown: impl Fn(&Exhausted) -> bool) {
        if let Some(sending) = &mut self.sending
            && let Some(said) = &sending.exhausted
            && (now.since(said.last) >= DAY || shown(said))
        {
            sending.exhausted = None;
        }
    }

    /// Counts what a session was told beside its answers, and what it moved.
    pub(super) fn hear(&mut self, told: &[Told], traffic: Traffic, at: Timestamp) {
        for Told { notice, words } in told {
            let noticed = self.notices.entry(*notice).or_default();
            noticed.times += 1;
            noticed.last = Some((at, words.clone()));
        }
        self.traffic += traffic;
    }

    /// Takes what was counted, as far as that came.
    pub(super) fn count(&mut self, count: Count, limits: &Limits, own: usize, now: Timestamp) {
        let sending = self.sending.get_or_insert_default();
        let Count { journal, uncounted, .. } = count;
        sending.counted = journal.sums(now).map(|sums| (now, sums));
        sending.meets = match sending.counted {
            Some(_) => journal.meets(limits, now),
            None => Vec::new(),
        };
        sending.journal = journal;
        sending.uncounted = uncounted;
        sending.own = own;
    }

    /// Takes what an earlier process has counted.
    pub(super) fn remember(&mut self, journal: Journal, now: Timestamp) {
        let sending = self.sending.get_or_insert_default();
        sending.counted = journal.sums(now).map(|sums| (now, sums));
        sending.journal = journal;
    }

    /// A session is kept from now on.
    pub(super) fn sits(&mut self, at: Timestamp) {
        self.sessions.get_or_insert_default().since = Some(at);
    }

    /// It is over. Gives how long to wait before the next.
    pub(super) fn sat(&mut self, ended: Ended) -> Duration {
        let sessions = self.sessions.get_or_insert_default();
        sessions.since = None;
        *sessions.counts.entry(ended.how).or_default() += 1;
        match ended.how {
            // That says nothing of how long it would have lasted.
            How::Closed => {}
            _ if ended.is_short() => sessions.short += 1,
            _ => sessions.short = 0,
        }
        sessions.last = Some(ended);
        pause(sessions.short)
    }
}

impl Sessions {
    /// Whether sessions end too early for anybody to work with.
    pub fn are_short(&self) -> bool {
        self.short >= IN_A_ROW
    }
}

fn is_exhaustion(reason: Reason) -> bool {
    matches!(reason, Reason::SendQuotaCustomer | Reason::SendQuotaRelay | Reason::SendQuotaUser)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Failure;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_secs(1_795_359_000 + hours * 3600)
    }

    fn fails(reason: Reason, hours: i64) -> Outcome {
        Outcome::without_probe(Verdict::Fail(Failure::new(reason)), at(hours))
    }

    fn passes(hours: i64) -> Outcome {
        Outcome::without_probe(Verdict::Pass(Readings::default()), at(hours))
    }

    #[test]
    fn a_mailbox_is_exhausted_until_what_said_so_passes_or_a_day_is_over() {
        let exhausted = |outcomes: &[(Check, Outcome)]| {
            let mut mailbox = MailboxState::default();
            outcomes.iter().for_each(|(check, outcome)| mailbox.learn(*check, outcome));
            mailbox.sending.and_then(|sending| sending.exhausted)
        };
        let quota = |hours| (Check::RoundTrip, fails(Reason::SendQuotaUser, hours));
        assert_eq!(exhausted(&[(Check::Smtp, fails(Reason::Timeout, 0))]), None);
        let since = exhausted(&[quota(0), quota(6), (Check::Smtp, passes(7))]).unwrap();
        assert_eq!((since.since, since.last), (at(0), at(6)));
        assert_eq!(exhausted(&[quota(0), (Check::RoundTrip, passes(6))]), None);
        assert_eq!(exhausted(&[quota(0), (Check::Smtp, passes(24))]), None);
    }

    #[test]
    fn sessions_are_short_when_three_in_a_row_were_and_the_next_comes_later() {
        let mut mailbox = MailboxState::default();
        let mut ends = |minutes: u64, how| {
            let lasted = Duration::from_secs(minutes * 60);
            let pause = mailbox.sat(Ended { at: at(0), lasted, how, words: String::new() });
            (mailbox.sessions.as_ref().unwrap().are_short(), pause.as_secs())
        };
        assert_eq!(ends(1, How::Dropped), (false, 4));
        assert_eq!(ends(1, How::Bye), (false, 8));
        assert_eq!(ends(1, How::Closed), (false, 8));
        assert_eq!(ends(1, How::Dropped), (true, 16));
        assert_eq!(ends(59, How::Expired), (false, 2));
    }
}
