//! Crontab's language on top of the `cron` crate: five fields, Sunday is 0 and 7, a time zone, and
//! instants in order where clocks go back.

use std::{fmt, str::FromStr, sync::Arc};

use chrono::{DateTime, Duration, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

use super::clock::Timestamp;

/// When something is due, as crontab(5) writes it.
#[derive(Clone)]
pub struct Cron {
    written: String,
    /// Two where both a day of the month and a weekday are named: crontab fires on either.
    schedules: Arc<[cron::Schedule]>,
    zone: Tz,
}

impl Cron {
    /// Reads five crontab fields or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(written: &str, zone: Tz) -> Result<Self, String> {
        let written = written.trim();
        let forms = to_crate_form(written)?;
        let schedules = forms.iter().map(|form| cron::Schedule::from_str(form));
        let schedules = schedules.collect::<Result<_, _>>().map_err(|error| {
            let what = error.to_string().lines().next().unwrap_or_default().to_owned();
            format!("{written:?} is no crontab schedule ({what}); five fields such as \"*/15 * * * *\" are")
        })?;
        let cron = Self { written: written.to_owned(), schedules, zone };
        match cron.next(Timestamp::from_secs(0)) {
            Some(_) => Ok(cron),
            None => Err(format!("{written:?} never comes: no year has such a day")),
        }
    }

    /// The same schedule by another zone's clocks.
    pub fn in_zone(mut self, zone: Tz) -> Self {
        self.zone = zone;
        self
    }

    /// The first time strictly after `after`; none where the schedule has run out.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.to_utc();
        self.schedules
            .iter()
            .filter_map(|schedule| self.next_of(schedule, after))
            .min()
            .map(Timestamp::from)
    }

    /// How long from the fire after `after` to the one behind it.
    pub fn gap(&self, after: Timestamp) -> Option<std::time::Duration> {
        let first = self.next(after)?;
        Some(self.next(first)?.since(first))
    }

    /// Where the clocks go back, the crate names the doubled hour's instants out of order, so all
    /// that are near are looked at.
    fn next_of(&self, schedule: &cron::Schedule, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let fires = |from: DateTime<Utc>| {
            schedule.after(&from.with_timezone(&self.zone)).map(|at| at.to_utc())
        };
        if self.offset(after - NEAR) == self.offset(after + NEAR) {
            return fires(after).next();
        }
        let near = fires(after - NEAR).take_while(|at| *at < after + NEAR);
        near.filter(|at| *at > after).min().or_else(|| fires(after + NEAR).next())
    }

    fn offset(&self, at: DateTime<Utc>) -> i32 {
        self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
    }
}

/// Validated where it is read, so that the error has its line; the zone is set later.
impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        Self::parse(&written, Tz::UTC).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written && self.zone == other.zone
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As it was written.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The crate wants seconds first, counts Sunday as 1, and wants both days to match where crontab
/// wants either.
fn to_crate_form(written: &str) -> Result<Vec<String>, String> {
    if written.starts_with('@') {
        return Ok(vec![written.to_owned()]);
    }
    let fields: Vec<&str> = written.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!(
            "a schedule has five fields (minute hour day month weekday), {written:?} has {}",
            fields.len()
        ));
    };
    let form = |day, weekday: &str| format!("0 {minute} {hour} {day} {month} {weekday}");
    let weekdays = weekdays(weekday)?;
    Ok(if day.starts_with('*') || weekday.starts_with('*') {
        vec![form(day, &weekdays)]
    } else {
        vec![form(day, "*"), form("*", &weekdays)]
    })
}

/// Names every weekday of the field, since names mean the same to crontab and to the crate.
fn weekdays(field: &str) -> Result<String, String> {
    if field == "*" {
        return Ok(field.to_owned());
    }
    let mut on = [false; 7];
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, 1),
            Some((range, step)) => match step.parse() {
                Ok(step @ 1..=6) => (range, step),
                _ => return Err(format!("{step:?} is no step of weekdays; write 1 to 6")),
            },
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((from, to)) => (weekday(from)?, weekday(to)?),
            None => (weekday(range)?, if step > 1 { 6 } else { weekday(range)? }),
        };
        let to = if to < from { to + 7 } else { to };
        (from..=to).step_by(step).for_each(|day| on[day % 7] = true);
    }
    let named: Vec<&str> =
        DAYS.into_iter().zip(on).filter_map(|(day, on)| on.then_some(day)).collect();
    Ok(named.join(","))
}

fn weekday(written: &str) -> Result<usize, String> {
    let number = match written.parse() {
        Ok(number) => Some(number).filter(|number| *number <= 7),
        Err(_) => DAYS.iter().position(|day| day.eq_ignore_ascii_case(written)),
    };
    number.ok_or_else(|| {
        format!("{written:?} is no weekday; write 0 to 7 (0 and 7 are Sunday) or sun to sat")
    })
}

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// No zone shifts its clocks by more than this.
const NEAR: Duration = Duration::hours(3);

#[cfg(test)]
mod tests {
    use chrono_tz::{Europe::Paris, UTC};

    use super::*;

    fn fires(written: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(written, zone).unwrap();
        let mut at = Timestamp::from(from.parse::<DateTime<Utc>>().unwrap());
        let mut next = || {
            at = cron.next(at).unwrap();
            at.to_utc().with_timezone(&zone).format("%a %m-%d %H:%M %Z").to_string()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn five_fields_mean_what_crontab_means() {
        let sunday = "2026-11-22T08:00:00Z";
        let expected = [
            ("*/20 * * * *", vec!["Sun 11-22 08:20 UTC", "Sun 11-22 08:40 UTC"]),
            ("5-59/15 * * * *", vec!["Sun 11-22 08:05 UTC", "Sun 11-22 08:20 UTC"]),
            ("0 9 * * 1", vec!["Mon 11-23 09:00 UTC"]),
            ("0 9 * * 0", vec!["Sun 11-22 09:00 UTC", "Sun 11-29 09:00 UTC"]),
            ("0 9 * * 7", vec!["Sun 11-22 09:00 UTC", "Sun 11-29 09:00 UTC"]),
            ("0 9 * * sat-mon", vec!["Sun 11-22 09:00 UTC", "Mon 11-23 09:00 UTC"]),
            ("0 9 * * 1-5/2", vec!["Mon 11-23 09:00 UTC", "Wed 11-25 09:00 UTC"]),
            (
                "0 9 1 * 1",
                vec!["Mon 11-23 09:00 UTC", "Mon 11-30 09:00 UTC", "Tue 12-01 09:00 UTC"],
            ),
            ("@daily", vec!["Mon 11-23 00:00 UTC"]),
        ];
        for (written, times) in expected {
            assert_eq!(fires(written, UTC, sunday, times.len()), times, "{written}");
        }
    }

    #[test]
    fn the_doubled_hour_is_in_order_and_the_missing_one_is_left_out() {
        assert_eq!(
            fires("*/30 2 * * *", Paris, "2026-10-24T23:30:00Z", 4),
            [
                "Sun 10-25 02:00 CEST",
                "Sun 10-25 02:30 CEST",
                "Sun 10-25 02:00 CET",
                "Sun 10-25 02:30 CET"
            ]
        );
        assert_eq!(fires("30 2 * * *", Paris, "2027-03-27T12:00:00Z", 1), ["Mon 03-29 02:30 CEST"]);
        assert_eq!(fires("0 0 1 * *", Paris, "2026-10-24T23:30:00Z", 1), ["Sun 11-01 00:00 CET"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_what_would_be_right() {
        let cases = [
            ("* * * *", "five fields"),
            ("0 * * * * *", "five fields"),
            ("0 0 30 2 *", "never comes"),
            ("0 9 * * 8", "0 to 7"),
            ("0 9 * * x", "sun to sat"),
            ("0 9 * * 1/0", "1 to 6"),
            ("61 * * * *", "five fields such as"),
            ("", "five fields"),
        ];
        for (written, says) in cases {
            let error = Cron::parse(written, UTC).unwrap_err();
            assert!(error.contains(says), "{written:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_a_schedule_or_an_error(written in "[0-9*/,a-z@ -]{0,24}") {
            if let Ok(cron) = Cron::parse(&written, Paris) {
                let now = Timestamp::from_secs(1_795_359_000);
                proptest::prop_assert!(cron.next(now).is_none_or(|next| next > now));
            }
        }
    }
}
