//! What the status page lists, and in which order.

use std::collections::BTreeMap;

use crate::{
    domain::{
        clock::Timestamp,
        link::LinkId,
        reason::{Class, Reason},
    },
    engine::{
        report::{Present, up},
        state::{LinkState, Snapshot},
    },
    metrics::Labels,
};

/// Every link once for each reason that it fails for, or once.
pub(super) fn lines(snapshot: &Snapshot) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (id, state) in &snapshot.links {
        let mut failing = BTreeMap::<Reason, Option<Timestamp>>::new();
        for check in state.checks.values() {
            let reason = match Present::of(check) {
                Some(Present::Fail(failure)) => Some(failure.reason),
                // Another link asks for all of the client's.
                Some(Present::Skip(because)) if because.refuses_client() => Some(because),
                _ => None,
            };
            if let Some(reason) = reason {
                let since = failing.entry(reason).or_insert(check.since);
                *since = (*since).min(check.since);
            }
        }
        let place = if up(state).is_some() { Place::Fine } else { Place::Waiting };
        if failing.is_empty() {
            lines.push(Line { place, since: None, id, state });
        }
        lines.extend(failing.into_iter().map(|(reason, since)| Line {
            place: Place::failing(reason, state),
            since,
            id,
            state,
        }));
    }
    lines
}

/// Whether every word of the filter is a part of something that the line shows.
pub(super) fn fits(line: &Line<'_>, labels: &Labels, words: &str) -> bool {
    let link = &line.state.watched.link;
    let reason = match line.place {
        Place::Failing { reason, .. } => [reason.name(), reason.class().name()],
        Place::Waiting | Place::Fine => ["", ""],
    };
    let shown = [
        line.id.as_str(),
        labels.of_mailbox(&link.mailbox),
        &link.source,
        &link.client.name,
        link.direction.name(),
        reason[0],
        reason[1],
    ];
    words.split_whitespace().all(|word| shown.iter().any(|text| text.to_lowercase().contains(word)))
}

/// A link, and the trouble or the rest for which it is listed. The order is the page's.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Place<'a> {
    Failing { class: u8, reason: Reason, client: Option<&'a str> },
    Waiting,
    Fine,
}

impl<'a> Place<'a> {
    fn failing(reason: Reason, state: &'a LinkState) -> Self {
        let client = &*state.watched.link.client.name;
        let client = (reason.class() == Class::Client).then_some(client);
        Self::Failing { class: severity(reason.class()), reason, client }
    }
}

/// What hits many comes first, then what waits for a person, then what passes by itself.
fn severity(class: Class) -> u8 {
    match class {
        Class::Client => 0,
        Class::Setup => 1,
        Class::Relink => 2,
        Class::Account => 3,
        Class::Policy => 4,
        Class::Unknown => 5,
        Class::Quota => 6,
        Class::Delivery => 7,
        Class::Network => 8,
        Class::Google => 9,
        Class::Throttled => 10,
    }
}

/// A line of the list, before it is written out.
pub(super) struct Line<'a> {
    pub(super) place: Place<'a>,
    pub(super) since: Option<Timestamp>,
    pub(super) id: &'a LinkId,
    pub(super) state: &'a LinkState,
}
