//! A link that is new or has changed: what is known of it goes on, as far as it still holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{CheckState, Checks, Generation, LinkState};
use crate::{
    check::{Check, Watched},
    domain::{clock::Timestamp, life::Tokens, link::Grant},
    engine::{course::Course, schedule::Left, storage::Storage, trips::Travels},
};

/// A link that is new or has changed, with what is known of it by this process or by an earlier one.
pub(super) fn taken_over(
    watched: &Watched,
    before: Option<Arc<LinkState>>,
    generation: Generation,
    storage: &mut Storage,
    now: Timestamp,
) -> (LinkState, BTreeMap<Check, Left>, Option<String>) {
    let link = &watched.link;
    let (mut left, mut client) = (BTreeMap::new(), None);
    let mut course = Course::default();
    let (same, checks, tokens, trips) = match (before, storage.recall(&link.id)) {
        (Some(old), _) => {
            let same = old.watched.link.mailbox == link.mailbox;
            (same, old.checks.clone(), old.tokens.clone(), old.trips.changed())
        }
        (None, Some(kept)) => {
            if kept.is_of(watched, storage.key()) {
                left = kept.left();
            }
            let same = kept.mailbox == link.mailbox.as_str();
            course.counts = kept.turns();
            course.certain = kept.certain().filter(|_| same);
            let checks = kept.checks();
            client = Some(kept.client);
            let trips = Travels::from(kept.trips.restored());
            let trips = if left.is_empty() { trips.changed() } else { trips };
            (same, checks, kept.tokens, trips)
        }
        (None, None) => (false, Checks::default(), Tokens::default(), Travels::default()),
    };
    let mut tokens = if same { tokens } else { Tokens::default() };
    let secret = match &link.grant {
        Grant::RefreshToken(token) => Some(storage.key().of_secret(token)),
        Grant::ServiceAccount(_) | Grant::Unreadable(_) => None,
    };
    tokens.see(secret, now);
    let checks = carried_over(same, &checks, watched);
    let trips = if same { trips } else { Travels::default() };
    let state = LinkState { watched: watched.clone(), generation, checks, course, tokens, trips };
    (state, left, client)
}

/// What is known stays until the changed link was probed, which happens at once; the last word on another mailbox says
/// nothing, but what was counted is counted.
fn carried_over(same: bool, old: &Checks, new: &Watched) -> Checks {
    let carry = |(check, state): (Check, &CheckState)| {
        let counted = || CheckState {
            runs: state.runs,
            failures: state.failures.clone(),
            ..CheckState::default()
        };
        (check, if same { state.clone() } else { counted() })
    };
    let watched: BTreeSet<_> = new.checks().collect();
    old.iter().filter(|(check, _)| watched.contains(check)).map(carry).collect()
}
