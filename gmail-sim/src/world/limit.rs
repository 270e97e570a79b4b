//! Google's limits are rolling windows; this is one.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use super::{LimitAt, Resident, World, line};
use crate::lines::Line;

/// How much of a day's IMAP bandwidth is left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bandwidth {
    /// More than a tenth.
    Enough,
    /// Nothing.
    Exceeded,
    /// Less than a tenth.
    Low,
}

impl World {
    /// Counts bytes that IMAP is about to send.
    pub(crate) fn spend(&self, address: &str, bytes: u64) -> Bandwidth {
        let now = self.now();
        let mut state = self.state();
        let Some(resident) = state.residents.get_mut(address) else { return Bandwidth::Enough };
        resident.imap_bytes.add(now, bytes);
        let (spent, limit) = (resident.imap_bytes.sum(now), resident.account.imap_bytes_per_day);
        match spent {
            spent if spent > limit => Bandwidth::Exceeded,
            spent if spent > limit / 10 * 9 => Bandwidth::Low,
            _ => Bandwidth::Enough,
        }
    }
}

impl World {
    /// May this mailbox send one more message today, to so many recipients? Only where the account
    /// says that Google looks.
    pub(crate) fn may_send(
        &self,
        sender: &str,
        at: LimitAt,
        recipients: usize,
    ) -> Result<(), &'static Line> {
        let now = self.now();
        let mut state = self.state();
        let Some(resident) = state.residents.get_mut(sender) else { return Ok(()) };
        let account = &resident.account;
        let messages = resident.sent.sum(now) + 1;
        let recipients = resident.sent_recipients.sum(now) + recipients as u64;
        let fits = messages <= account.daily_sends() && recipients <= account.daily_recipients();
        match fits || at != account.sending_limit_at {
            true => Ok(()),
            false => Err(line("smtp.daily_limit_user")),
        }
    }

    /// Counts messages as sent, to one recipient each, without sending them: a busy day, for tests
    /// and presets.
    pub fn count_as_sent(&self, sender: &str, messages: u32) {
        let (now, messages) = (self.now(), u64::from(messages));
        self.state().resident(sender).count_sent(now, messages, messages);
    }

    /// Counts bytes as sent by IMAP: a busy day, for tests and presets.
    pub fn count_imap_bytes(&self, address: &str, bytes: u64) {
        let now = self.now();
        self.state().resident(address).imap_bytes.add(now, bytes);
    }
}

impl Resident {
    pub(super) fn count_sent(&mut self, at: SystemTime, messages: u64, recipients: u64) {
        self.sent.add(at, messages);
        self.sent_recipients.add(at, recipients);
    }
}

/// Amounts of the last so many seconds.
#[derive(Debug)]
pub(crate) struct Window {
    length: Duration,
    amounts: VecDeque<(SystemTime, u64)>,
    sum: u64,
}

impl Window {
    pub(crate) fn of(length: Duration) -> Self {
        Self { length, amounts: VecDeque::new(), sum: 0 }
    }

    /// What the window holds now.
    pub(crate) fn sum(&mut self, now: SystemTime) -> u64 {
        while let Some((at, amount)) = self.amounts.front() {
            if *at + self.length > now {
                break;
            }
            self.sum -= amount;
            self.amounts.pop_front();
        }
        self.sum
    }

    /// Amounts of the same second are kept as one, so that a busy session costs little. Time may
    /// be past already.
    pub(crate) fn add(&mut self, at: SystemTime, amount: u64) {
        self.sum += amount;
        let after = self.amounts.partition_point(|(earlier, _)| *earlier <= at);
        match after.checked_sub(1).and_then(|before| self.amounts.get_mut(before)) {
            Some((since, sum)) if at.duration_since(*since).is_ok_and(|d| d < GRAIN) => {
                *sum += amount
            }
            _ => self.amounts.insert(after, (at, amount)),
        }
    }
}

const GRAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_no_longer_counts() {
        let start = SystemTime::UNIX_EPOCH;
        let mut window = Window::of(Duration::from_secs(60));
        window.add(start, 3);
        window.add(start + Duration::from_secs(30), 4);
        assert_eq!(window.sum(start + Duration::from_secs(59)), 7);
        assert_eq!(window.sum(start + Duration::from_secs(60)), 4);
        assert_eq!(window.sum(start + Duration::from_secs(90)), 0);
    }

    #[test]
    fn what_is_counted_late_ends_at_its_own_time() {
        let start = SystemTime::UNIX_EPOCH;
        let mut window = Window::of(Duration::from_secs(60));
        window.add(start + Duration::from_secs(30), 4);
        window.add(start, 3);
        assert_eq!(window.sum(start + Duration::from_secs(60)), 4);
    }
}
