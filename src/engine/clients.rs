//! Faults of an OAuth client: one failure of one client, however many links share it.
//!
//! Invariant: while a client is refused, one link asks for all of its links.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    report::Present,
    state::{LinkState, Snapshot},
};
use crate::domain::{clock::Timestamp, link::LinkId, reason::Reason};

/// The clients that Google refuses.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<Arc<str>, Refusal>);

#[derive(Debug)]
struct Refusal {
    reason: Reason,
    /// The link that met it, and asks for the others.
    asker: LinkId,
}

/// What a token probe says about its client.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Learnt {
    /// Refused, as was known from another link.
    Known,
    /// Refused no more.
    Mended,
    /// About this link alone.
    Nothing,
}

impl Refusals {
    /// Why this link need not ask: another asks for it.
    pub(super) fn excuse(&self, client: &str, link: &LinkId) -> Option<Reason> {
        let refusal = self.0.get(client).filter(|refusal| refusal.asker != *link)?;
        Some(refusal.reason)
    }

    /// Takes the end of a token probe; `failed` is its reason, if it failed.
    pub(super) fn learn(
        &mut self,
        client: &Arc<str>,
        link: &LinkId,
        failed: Option<Reason>,
    ) -> Learnt {
        match failed.filter(|reason| reason.refuses_client()) {
            Some(reason) if self.excuse(client, link) == Some(reason) => Learnt::Known,
            Some(reason) => {
                self.0.insert(client.clone(), Refusal { reason, asker: link.clone() });
                Learnt::Nothing
            }
            // Whatever else Google says to a link, it knows the client.
            None if failed.is_none_or(|reason| reason.is_googles_word()) => {
                self.0.remove(client).map_or(Learnt::Nothing, |_| Learnt::Mended)
            }
            None => Learnt::Nothing,
        }
    }

    /// Forgets refusals whose asker is gone or has changed; the next link that is due asks anew.
    pub(super) fn retain(&mut self, keep: impl Fn(&LinkId) -> bool) {
        self.0.retain(|_, refusal| keep(&refusal.asker));
    }
}

/// The clients that fail as a whole, and why: those that Google refuses, and those whose links all began to fail for one
/// reason within minutes, which is one event and not many.
pub fn failing(snapshot: &Snapshot) -> BTreeSet<(&str, Reason)> {
    let mut by_client = BTreeMap::<&str, Vec<&LinkState>>::new();
    for state in snapshot.links.values() {
        by_client.entry(&state.watched.link.client.name).or_default().push(state);
    }
    by_client
        .into_iter()
        .flat_map(|(client, links)| {
            let refused = links.iter().flat_map(|link| failures(link));
            let refused =
                refused.map(|(reason, _)| reason).filter(|reason| reason.refuses_client());
            refused.chain(in_common(&links)).map(move |reason| (client, reason)).collect::<Vec<_>>()
        })
        .collect()
}

/// The one reason for which all of these links began to fail within minutes.
fn in_common(links: &[&LinkState]) -> Option<Reason> {
    let first: Vec<_> = links.iter().map_while(|link| failures(link).next()).collect();
    let (reason, _) = *first.first()?;
    let same = first.len() == links.len() && first.iter().all(|(other, _)| *other == reason);
    let began = || first.iter().map(|(_, since)| *since);
    let spread = began().max()?.since(began().min()?);
    (same && links.len() >= MANY && spread <= AT_ONCE).then_some(reason)
}

/// Why a link fails, and since when: what its token says first.
fn failures(link: &LinkState) -> impl Iterator<Item = (Reason, Timestamp)> {
    link.checks.values().filter_map(|check| match Present::of(check)? {
        Present::Fail(failure) => Some((failure.reason, check.since?)),
        Present::Pass(_) | Present::Skip(_) => None,
    })
}

/// Fewer links may well fail alike by chance.
const MANY: usize = 3;

/// Links are probed at different times; a round of all takes a quarter of an hour at the default schedules.
const AT_ONCE: Duration = Duration::from_secs(16 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::{Check, tests::watched},
        domain::outcome::{Failure, Outcome, Verdict},
        engine::state::CheckState,
    };

    fn failing_since(reason: Reason, since: Timestamp) -> LinkState {
        let outcome = Outcome::without_probe(Verdict::Fail(Failure::new(reason)), since);
        let token =
            CheckState { last: Some(outcome.into()), since: Some(since), ..CheckState::default() };
        let checks = [(Check::Token, token)].into_iter().collect();
        LinkState {
            watched: watched("a@example.com"),
            generation: Default::default(),
            checks,
            course: Default::default(),
            tokens: Default::default(),
        }
    }

    #[test]
    fn one_link_asks_for_a_refused_client_until_google_knows_it_again() {
        let id = |id| LinkId::parse(id).unwrap();
        let client: Arc<str> = "odoo".into();
        let mut refusals = Refusals::default();
        assert_eq!(refusals.learn(&client, &id("a"), Some(Reason::ClientDeleted)), Learnt::Nothing);
        assert_eq!(refusals.excuse("odoo", &id("a")), None, "it asks itself");
        assert_eq!(refusals.excuse("odoo", &id("b")), Some(Reason::ClientDeleted));
        assert_eq!(refusals.excuse("other", &id("b")), None);
        assert_eq!(refusals.learn(&client, &id("b"), Some(Reason::ClientDeleted)), Learnt::Known);
        assert_eq!(refusals.learn(&client, &id("a"), Some(Reason::Timeout)), Learnt::Nothing);
        assert_eq!(refusals.excuse("odoo", &id("b")), Some(Reason::ClientDeleted));
        let dead = Some(Reason::GrantRevokedOrExpired);
        assert_eq!(refusals.learn(&client, &id("a"), dead), Learnt::Mended);
        assert_eq!(refusals.excuse("odoo", &id("b")), None);
    }

    #[test]
    fn links_that_fail_alike_within_minutes_are_one_event_of_their_client() {
        let dead = Reason::GrantRevokedOrExpired;
        let cases = [
            (vec![(dead, 0), (dead, 60), (dead, 900)], Some(dead)),
            (vec![(dead, 0), (dead, 60), (dead, 3600)], None),
            (vec![(dead, 0), (dead, 60)], None),
            (vec![(dead, 0), (dead, 60), (Reason::ScopeMissing, 70)], None),
        ];
        for (links, expected) in cases {
            let states: Vec<_> = links
                .iter()
                .map(|(reason, at)| failing_since(*reason, Timestamp::from_secs(*at)))
                .collect();
            let states: Vec<_> = states.iter().collect();
            assert_eq!(in_common(&states), expected, "{links:?}");
        }
    }
}
