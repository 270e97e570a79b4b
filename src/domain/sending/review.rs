//! What a history of sending says: how busy the days are, how near the limits, where it leads, and what to do.
//!
//! Invariant: a day that is not wholly known is in no number.

mod advice;
mod history;
#[cfg(test)]
mod tests;
mod trend;

use std::{ops::Range, time::Duration};

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::{Limits, Of, Sums};
use crate::domain::{clock::Timestamp, link::Account};

pub use advice::Advice;
pub use history::History;
pub use trend::Trend;

/// What is reviewed, and held against what.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of which days.
    pub since: Timestamp,
    /// All that was sent within is in the history.
    pub known: Range<Timestamp>,
    /// Whose days.
    pub zone: Tz,
    pub account: Account,
    pub limits: Limits,
    /// Whether IMAP shows the newest messages only.
    pub limited: bool,
    /// How many numbers the folder gave to messages meanwhile, and how many of these are gone.
    pub numbers: u64,
    pub gone: u64,
}

/// See the file's head.
#[derive(Clone, Debug)]
pub struct Review {
    /// The whole days, the oldest first.
    pub days: Vec<(NaiveDate, Sums)>,
    /// What was sent within the day before each full hour, the oldest first.
    pub rolling: Vec<(Timestamp, Sums)>,
    /// In the order of [`Of::ALL`].
    pub each: [Outlook; Of::ALL.len()],
    /// Test messages of ours, which are in no other number.
    pub own: u64,
    /// Messages that name nobody who got them.
    pub nameless: u64,
    /// The most recipients of one message.
    pub largest: u64,
    pub advice: Vec<Advice>,
}

/// Of one thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    pub of: Of,
    /// What a day had; none where no whole day is known.
    pub daily: Option<Daily>,
    /// The most within a rolling day, which is what Google limits.
    pub peak: u64,
    /// When that day ended.
    pub peak_at: Option<Timestamp>,
    pub limit: Option<u64>,
    /// None where there is too little history.
    pub trend: Option<Trend>,
    /// The day on which the trend meets the limit.
    pub meets: Option<NaiveDate>,
}

/// What a day had: half of the days no more than this, 95 of 100 days no more than that, and the busiest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Daily {
    pub p50: u64,
    pub p95: u64,
    pub max: u64,
}

impl Outlook {
    /// Of the limit.
    pub fn share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some(self.peak as f64 / limit as f64)
    }
}

impl Review {
    pub fn of(history: &History, asked: &Asked) -> Self {
        let days = days(history, asked);
        let mut rolling = history.rolling(&asked.known);
        rolling.retain(|(end, _)| *end >= asked.since);
        let range = asked.known.start.max(asked.since)..asked.known.end;
        let mut review = Self {
            each: Of::ALL.map(|of| outlook(of, &days, &rolling, asked)),
            own: history.own(&range),
            nameless: history.nameless(&range),
            largest: history.largest(&range),
            days,
            rolling,
            advice: Vec::new(),
        };
        review.advice = Advice::of(asked, &review);
        review
    }

    /// What is nearest to its limit; none where no limit is known, or no whole day.
    pub fn nearest(&self) -> Option<&Outlook> {
        let limited = self.each.iter().filter(|outlook| outlook.peak_at.is_some());
        let mut limited = limited.filter_map(|outlook| Some((outlook.share()?, outlook)));
        let first = limited.next()?;
        // Of two that are as near, the first.
        Some(limited.fold(first, |best, other| if other.0 > best.0 { other } else { best }).1)
    }
}

/// When a day begins: at midnight, or where clocks leave that out, right after it.
pub fn start_of(day: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    let quarters = (0..=24 * 4).map(|quarter| midnight + chrono::TimeDelta::minutes(15 * quarter));
    let mut valid = quarters.filter_map(|local| zone.from_local_datetime(&local).earliest());
    valid.next().map_or_else(|| midnight.and_utc().into(), |start| start.to_utc().into())
}

fn days(history: &History, asked: &Asked) -> Vec<(NaiveDate, Sums)> {
    let from = asked.known.start.max(asked.since);
    let first = from.to_utc().with_timezone(&asked.zone).date_naive();
    let mut days = Vec::new();
    for day in first.iter_days() {
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        let range = start_of(day, asked.zone)..start_of(next, asked.zone);
        if range.end > asked.known.end || range.is_empty() {
            break;
        }
        if range.start >= from {
            days.push((day, history.sums(&range)));
        }
    }
    days
}

fn outlook(
    of: Of,
    days: &[(NaiveDate, Sums)],
    rolling: &[(Timestamp, Sums)],
    asked: &Asked,
) -> Outlook {
    // Of two days with as much, the first.
    let peak = rolling.iter().rev().max_by_key(|(_, sums)| sums[of]);
    let limit = asked.limits.get(of);
    let trend = Trend::of(&weekly_peaks(of, rolling));
    let meets = || {
        let (last, _) = rolling.last()?;
        let after: Duration = trend?.meets(limit?)?;
        Some((*last + after).to_utc().with_timezone(&asked.zone).date_naive())
    };
    Outlook {
        of,
        daily: Daily::of(days.iter().map(|(_, sums)| sums[of]).collect()),
        peak: peak.map_or(0, |(_, sums)| sums[of]),
        peak_at: peak.map(|(at, _)| *at),
        limit,
        trend,
        meets: meets(),
    }
}

/// Of whole weeks, reckoned back from the last hour, the oldest first.
fn weekly_peaks(of: Of, rolling: &[(Timestamp, Sums)]) -> Vec<u64> {
    let weeks = rolling.rchunks_exact(HOURS_OF_A_WEEK);
    let peak = |week: &[(Timestamp, Sums)]| week.iter().map(|(_, sums)| sums[of]).max();
    let mut peaks: Vec<_> = weeks.filter_map(peak).collect();
    peaks.reverse();
    peaks
}

impl Daily {
    /// By nearest rank: a number that some day really had.
    fn of(mut days: Vec<u64>) -> Option<Self> {
        days.sort_unstable();
        let rank = |percent: usize| days.get((days.len() * percent).div_ceil(100).max(1) - 1);
        Some(Self { p50: *rank(50)?, p95: *rank(95)?, max: *days.last()? })
    }
}

const HOURS_OF_A_WEEK: usize = 7 * 24;
