//! Times as people say them, with the exact one at hand.

use std::time::Duration;

use crate::domain::clock::Timestamp;

/// A moment, seen from now.
#[derive(Clone, Debug)]
pub(super) struct When {
    pub(super) at: String,
    pub(super) words: String,
}

impl When {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let words = if at > now {
            format!("in {}", span(at.since(now)))
        } else {
            format!("{} ago", span(now.since(at)))
        };
        Self { at: exact(at), words }
    }
}

/// `2026-11-22 14:50:00 UTC`
pub(super) fn exact(at: Timestamp) -> String {
    at.to_utc().format("%F %T UTC").to_string()
}

/// In the two largest units that matter.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) if minutes < 10 && seconds > minutes * 60 => {
            format!("{minutes} min {} s", seconds - minutes * 60)
        }
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) if days < 10 => format!("{days} d {hours} h"),
        (days, ..) => format!("{days} d"),
    }
}

/// How long a phase took.
pub(super) fn brief(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds < 0.0995 => format!("{:.1} ms", seconds * 1000.0),
        seconds if seconds < 0.9995 => format!("{:.0} ms", seconds * 1000.0),
        seconds => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_units_that_matter() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (110, "1 min 50 s"),
            (659, "10 min"),
            (3600, "1 h"),
            (8100, "2 h 15 min"),
            (86_400, "1 d"),
            (100_800, "1 d 4 h"),
            (1_000_000, "11 d"),
        ];
        for (seconds, words) in cases {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
        assert_eq!(brief(Duration::from_micros(1234)), "1.2 ms");
        assert_eq!(brief(Duration::from_millis(160)), "160 ms");
        assert_eq!(brief(Duration::from_millis(2340)), "2.34 s");
    }
}
