//! The engine's part in counting what mailboxes send: one link counts for all links of a mailbox.

use super::{Engine, Running, random::random};
use crate::{
    check::{Check, capacity::Count},
    domain::{
        clock::Timestamp,
        fingerprint::Key,
        link::{Address, LinkId},
        sending::{DAY, Journal},
    },
};

/// For a count that nobody keeps.
pub fn passing_count() -> Count {
    Count { key: Key::new(random()), journal: Journal::default(), uncounted: None }
}

impl Engine {
    /// What the `capacity` check of a round goes on from. It is taken out where another link counts for the mailbox, unless
    /// somebody asked for it here.
    pub(super) fn take_count(
        &mut self,
        id: &LinkId,
        checks: &mut Vec<Check>,
        asked: bool,
    ) -> Option<Count> {
        if !checks.contains(&Check::Capacity) {
            return None;
        }
        let mailbox = self.state.link(id)?.watched.link.mailbox.clone();
        if !asked && self.bearer(&mailbox, Check::Capacity).as_ref() != Some(id) {
            checks.retain(|check| *check != Check::Capacity);
            self.schedule.pass_over(id, &[Check::Capacity], self.clock.now());
            self.state.forget(id, Check::Capacity);
            return None;
        }
        Some(Count {
            key: self.storage.key().clone(),
            journal: self.journal(&mailbox),
            uncounted: None,
        })
    }

    fn journal(&self, mailbox: &Address) -> Journal {
        let known = self.state.mailbox(mailbox).and_then(|known| known.sending.as_ref());
        known.map(|sending| sending.journal.clone()).unwrap_or_default()
    }

    /// Takes what was counted.
    pub(super) fn counted(&mut self, running: &Running, count: Count, now: Timestamp) {
        let own = self.own_letters(&running.mailbox, now);
        let Some(link) = self.state.link(&running.link) else { return };
        let watched = link.watched.clone();
        let limits = watched.settings.capacity.limits(&watched.link);
        self.state.at_mailbox(&running.mailbox, |mailbox| mailbox.count(count, &limits, own, now));
        self.storage.note_sending(&running.mailbox);
    }

    /// How many test messages of ours a mailbox has sent within a day.
    pub(super) fn own_letters(&self, mailbox: &Address, now: Timestamp) -> usize {
        self.state.of_mailbox(mailbox).map(|link| link.trips.sent_since(now - DAY)).sum()
    }
}
