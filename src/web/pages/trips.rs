//! A link's round trips, as facts on its page.

use std::time::Duration;

use super::when::{brief, exact};
use crate::engine::trips::Trips;

pub(super) fn facts(trips: &Trips) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(last) = &trips.last {
        let words = match (last.arrival.as_str(), last.delay) {
            ("lost", _) => "did not arrive".to_owned(),
            (arrival, Some(millis)) => {
                let place = if arrival == "spam" { "in spam" } else { "in the inbox" };
                format!("{place} after {}", brief(Duration::from_millis(millis)))
            }
            (arrival, None) => arrival.to_owned(),
        };
        let words = format!("{words}{} ({})", last.verdicts, exact(last.at));
        facts.push(("last test message", words));
    }
    if let Some(out) = &trips.out {
        let words = format!("since {}, looked for {} times", exact(out.sent), out.looks);
        facts.push(("a test message is on its way", words));
    }
    if let Some(refusal) = trips.refused {
        facts.push(("test messages", refusal.meaning().to_owned()));
    }
    if let Some(why) = trips.left.first() {
        let words = format!("{}; the first since {why}", trips.left.len());
        facts.push(("test messages that stay", words));
    }
    facts
}
