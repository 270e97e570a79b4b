//! From when on: `90d`, `12w`, or a date.

use std::fmt;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use crate::domain::{clock::Timestamp, sending::review};

/// See the file's head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Since {
    Date(NaiveDate),
    Days(u16),
}

impl Since {
    /// # Errors
    /// A sentence that says what would be right.
    pub fn parse(written: &str) -> Result<Self, String> {
        let counted = |unit: char, days: u16| {
            let count: u16 = written.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(days).filter(|days| (1..=MOST).contains(days)).map(Self::Days)
        };
        let date = || written.parse().ok().map(Self::Date);
        counted('d', 1).or_else(|| counted('w', 7)).or_else(date).ok_or_else(|| RIGHT.to_owned())
    }

    /// The beginning of that day.
    pub(super) fn start(self, now: Timestamp, zone: Tz) -> Timestamp {
        let today = now.to_utc().with_timezone(&zone).date_naive();
        let day = match self {
            Self::Date(day) => day,
            Self::Days(days) => today - Days::new(days.into()),
        };
        review::start_of(day, zone)
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(day) => day.fmt(f),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

pub(super) const RIGHT: &str =
    "write it as 90d, 12w or 2026-08-24: one to 3650 days, or a date in the past";

/// In days: older than Gmail's habits of today.
const MOST: u16 = 3650;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_weeks_and_dates_are_told_from_what_is_none() {
        let cases = [
            ("90d", Some("90d")),
            ("12w", Some("84d")),
            ("2026-08-24", Some("2026-08-24")),
            ("0d", None),
            ("3651d", None),
            ("9999w", None),
            ("-3d", None),
            ("90", None),
            ("", None),
            ("yesterday", None),
        ];
        for (written, expected) in cases {
            let understood = Since::parse(written).ok().map(|since| since.to_string());
            assert_eq!(understood.as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn it_begins_with_a_day_of_the_zone() {
        let now = Timestamp::parse("2026-11-22T23:30:00Z").unwrap();
        let cases = [
            ("1d", "UTC", "2026-11-21T00:00:00Z"),
            // There it is the 23rd already.
            ("1d", "Asia/Kolkata", "2026-11-21T18:30:00Z"),
            // There clocks went back on the 25th of October.
            ("30d", "Europe/Paris", "2026-10-23T22:00:00Z"),
            ("2026-10-26", "Europe/Paris", "2026-10-25T23:00:00Z"),
        ];
        for (written, zone, expected) in cases {
            let start = Since::parse(written).unwrap().start(now, zone.parse().unwrap());
            assert_eq!(start.to_string(), expected, "{written} {zone}");
        }
    }
}
