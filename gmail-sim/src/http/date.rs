//! The `Date` of an answer, as RFC 9110 section 5.6.7 writes it.

use std::time::SystemTime;

use time::OffsetDateTime;

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(super) fn http(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (day, month) = (at.weekday().to_string(), at.month().to_string());
    let (hour, minute, second) = at.to_hms();
    let (number, year) = (at.day(), at.year());
    format!(
        "{}, {number:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
        &day[..3],
        &month[..3]
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_written_as_the_standard_does() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(http(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
