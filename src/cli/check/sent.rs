//! What `check` counted of a mailbox's sent mail, for people and as JSON.

use crate::{
    check::{Watched, capacity::Count},
    domain::clock::Timestamp,
    engine::report::{OfCount, OfSent},
};

pub(super) fn told(count: &Count, watched: &Watched, now: Timestamp) -> OfSent {
    let limits = watched.settings.capacity.limits(&watched.link);
    OfSent::new(count.journal.sums(now).as_ref(), &limits, count.uncounted)
}

/// `12 of 2000 messages within 24 h, 30 of 10000 recipients, ...`
pub(super) fn line(sent: &OfSent) -> Option<String> {
    let count = |(name, OfCount { sent, limit }): (&&str, &OfCount)| {
        let name = name.replace('_', " ");
        match limit {
            Some(limit) => format!("{sent} of {limit} {name}"),
            None => format!("{sent} {name}"),
        }
    };
    let counts: Vec<_> = sent.counts.iter().map(count).collect();
    let counted = (!counts.is_empty()).then(|| format!("sent within 24 h: {}", counts.join(", ")));
    let told: Vec<_> = counted.into_iter().chain(sent.remark.map(str::to_owned)).collect();
    (!told.is_empty()).then(|| told.join(". "))
}
