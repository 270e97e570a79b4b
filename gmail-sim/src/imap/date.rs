//! Dates as IMAP writes them; the server's zone is UTC (Gmail's is not documented).

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use time::{Date, Month, OffsetDateTime};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `17-Jul-1996 02:44:25 +0000`
pub(super) fn internal(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let month = MONTHS[usize::from(u8::from(at.month())) - 1];
    let (hour, minute, second) = at.to_hms();
    format!("{:02}-{month}-{} {hour:02}:{minute:02}:{second:02} +0000", at.day(), at.year())
}

/// A day, from its first moment up to the first of the next one: comparing moments is cheap.
pub(super) type Day = Range<SystemTime>;

/// `17-Jul-1996`
pub(super) fn parse(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let month = Month::try_from(u8::try_from(month + 1).ok()?).ok()?;
    let date =
        Date::from_calendar_date(year.parse().ok()?, month, day.trim().parse().ok()?).ok()?;
    let start = SystemTime::from(date.midnight().assume_utc());
    Some(start..start + Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(837_571_465);
        assert_eq!(internal(at), "17-Jul-1996 02:44:25 +0000");
        let day = parse("17-jul-1996").unwrap();
        assert_eq!(internal(day.start), "17-Jul-1996 00:00:00 +0000");
        assert_eq!(internal(day.end), "18-Jul-1996 00:00:00 +0000");
        assert!(day.contains(&at));
        assert_eq!(parse("31-Feb-2026"), None);
    }
}
