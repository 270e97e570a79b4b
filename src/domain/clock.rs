//! What time it is: the only place that asks.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// # Errors
    /// A sentence, where it is neither a date nor a time as RFC 3339 writes them.
    pub fn parse(written: &str) -> Result<Self, String> {
        let day = || Some(written.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
        let time = DateTime::parse_from_rfc3339(written).ok().map(|time| time.to_utc());
        time.or_else(day).map(Self::from).ok_or_else(|| {
            format!("{written:?} is no time; write it as 2026-11-22 or 2026-11-22T14:47:21Z")
        })
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, as Prometheus wants them.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// As people and logs read it: `2026-11-22T14:47:21Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// Who is asked for the time: the system, or, in tests, tokio's clock, which can be paused.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// It was `at` when tokio's clock stood at `from`.
    Steered {
        at: Timestamp,
        from: Instant,
    },
    System,
}

impl Clock {
    /// A clock that starts at `at` and moves with tokio's.
    pub fn starting(at: Timestamp) -> Self {
        Self::Steered { at, from: instant() }
    }

    pub fn now(self) -> Timestamp {
        match self {
            Self::Steered { at, from } => at + from.elapsed(),
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Where the monotonic clock stands, for durations and deadlines.
pub fn instant() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    Instant::now()
}
