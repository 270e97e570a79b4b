//! Google's limits are rolling windows; this is one.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use super::World;

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

    /// Amounts of the same second are kept as one, so that a busy session costs little.
    pub(crate) fn add(&mut self, now: SystemTime, amount: u64) {
        self.sum += amount;
        match self.amounts.back_mut() {
            Some((at, sum)) if now.duration_since(*at).is_ok_and(|d| d < GRAIN) => *sum += amount,
            _ => self.amounts.push_back((now, amount)),
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
}
