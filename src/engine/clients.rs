//! Faults of an OAuth client: one failure of one client, however many links share it.
//!
//! Invariant: while a client is refused, one link asks for all of its links; and it is refused until Google has said
//! otherwise, whatever becomes of the links that ask.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    consents,
    course::{Subject, Transition, Trouble, Turn},
    report::{Present, discreet},
    state::{Changed, LinkState, Snapshot, State},
};
use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        link::{Link, LinkId},
        outcome::Outcome,
        reason::Reason,
    },
};

/// The clients that Google refuses.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    refused: HashMap<Arc<str>, Refusal>,
    /// The clients that Google has said something of since this process began.
    heard: HashSet<Arc<str>>,
    /// What nobody was told of yet.
    transitions: Vec<Transition>,
}

#[derive(Debug)]
struct Refusal {
    reason: Reason,
    /// The link that met it, and asks for the others; none when it is gone or has changed, and the next that is due asks.
    asker: Option<LinkId>,
    /// What was asked before says nothing against it.
    at: Timestamp,
}

/// What a probe says about its client.
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
        let refusal = self.refused.get(client)?;
        let asker = refusal.asker.as_ref()?;
        (asker != link).then_some(refusal.reason)
    }

    /// Takes what a probe found.
    pub(super) fn learn(&mut self, link: &LinkState, check: Check, outcome: &Outcome) -> Learnt {
        let watched = &link.watched;
        // Where nobody watches the token, its failure is each check's.
        if check != Check::Token && watched.runs(Check::Token) {
            return Learnt::Nothing;
        }
        match outcome.failure() {
            Some(failure) if failure.reason.refuses_client() => {
                let mut trouble = Trouble::new(check, failure);
                // It is read as the client's, which has no mailbox.
                let mailbox = &watched.link.mailbox;
                trouble.evidence = trouble.evidence.map(|words| discreet(&words, mailbox, "****"));
                self.refuse(&watched.link, trouble, outcome.at)
            }
            // Whatever else Google says to a link, it knows the client.
            failure if failure.is_none_or(|failure| failure.reason.is_googles_word()) => {
                self.honour(&watched.link, check, outcome.at)
            }
            _ => Learnt::Nothing,
        }
    }

    fn refuse(&mut self, link: &Link, trouble: Trouble, at: Timestamp) -> Learnt {
        let (client, reason) = (&link.client.name, trouble.reason);
        self.heard.insert(client.clone());
        if self.excuse(client, &link.id) == Some(reason) {
            return Learnt::Known;
        }
        let refusal = Refusal { reason, asker: Some(link.id.clone()), at };
        match self.refused.insert(client.clone(), refusal) {
            None => self.tell(client, at, Turn::Broke(trouble)),
            Some(before) if before.reason != reason => {
                self.tell(client, at, Turn::ReasonChanged(trouble));
            }
            Some(_) => {}
        }
        Learnt::Nothing
    }

    fn honour(&mut self, link: &Link, check: Check, at: Timestamp) -> Learnt {
        let client = &link.client.name;
        self.heard.insert(client.clone());
        let Some(refusal) = self.refused.get(client) else { return Learnt::Nothing };
        let says = match &refusal.asker {
            Some(asker) if *asker == link.id => true,
            // By another check it may have signed in with a token from before.
            asker => at >= refusal.at && (asker.is_none() || check == Check::Token),
        };
        let Some(refusal) = says.then(|| self.refused.remove(client)).flatten() else {
            return Learnt::Nothing;
        };
        self.tell(client, at, Turn::Healed(refusal.reason));
        Learnt::Mended
    }

    /// Takes over the latest set of links, some of which are new or have changed. Refusals whose asker is among those, or
    /// gone, wait for the next link that asks.
    pub(super) fn apply(&mut self, state: &State, changed: &[Changed], now: Timestamp) {
        let clients = state.links().filter_map(|id| state.link(id));
        let clients: HashSet<_> = clients.map(|link| &link.watched.link.client.name).collect();
        self.heard.retain(|client| clients.contains(client));
        let gone = self.refused.extract_if(|client, _| !clients.contains(client));
        let gone: Vec<_> = gone.map(|(client, _)| client).collect();
        for client in gone {
            self.tell(&client, now, Turn::Gone);
        }
        let is_changed: HashSet<_> =
            changed.iter().map(|changed| &changed.watched.link.id).collect();
        for refusal in self.refused.values_mut() {
            refusal
                .asker
                .take_if(|asker| is_changed.contains(asker) || state.link(asker).is_none());
        }
        for Changed { watched, left, client } in changed {
            if client.as_deref() == Some(&*watched.link.client.name)
                && let Some(link) = state.link(&watched.link.id)
            {
                // Its plan goes on where it is as it was, and then it goes on asking.
                let asker = (!left.is_empty()).then(|| watched.link.id.clone());
                self.resume(link, asker, now);
            }
        }
    }

    /// Remembers a client that an earlier process has met as refused, by the link that it met it with.
    fn resume(&mut self, link: &LinkState, asker: Option<LinkId>, at: Timestamp) {
        let client = &link.watched.link.client.name;
        let Some(trouble) = link.course.trouble.clone() else { return };
        let reason = trouble.reason;
        if !reason.refuses_client()
            || self.heard.contains(client)
            || self.refused.contains_key(client)
        {
            return;
        }
        self.refused.insert(client.clone(), Refusal { reason, asker, at });
        self.tell(client, at, Turn::Resumed { trouble, certain: Some(reason) });
    }

    fn tell(&mut self, client: &Arc<str>, at: Timestamp, turn: Turn) {
        self.transitions.push(Transition { of: Subject::Client(client.clone()), at, turn });
    }

    /// What happened to clients since somebody asked last.
    pub(super) fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }
}

/// The clients that fail as a whole, and why: those that Google refuses, those whose links all began to fail for one
/// reason within minutes, which is one event and not many, and those by which nobody can link, though all links work.
pub fn failing(snapshot: &Snapshot) -> BTreeSet<(&str, Reason)> {
    let mut by_client = BTreeMap::<&str, Vec<&LinkState>>::new();
    for state in snapshot.links.values() {
        by_client.entry(&state.watched.link.client.name).or_default().push(state);
    }
    let failing = by_client.into_iter().flat_map(|(client, links)| {
        let refused = links.iter().flat_map(|link| failures(link));
        let refused = refused.map(|(reason, _)| reason).filter(|reason| reason.refuses_client());
        refused.chain(in_common(&links)).map(move |reason| (client, reason)).collect::<Vec<_>>()
    });
    failing.chain(consents::refused(snapshot)).collect()
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
        check::{Watched, tests::watched},
        domain::outcome::{Failure, Readings, Verdict},
        engine::{state::CheckState, storage::Storage},
        source::Links,
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
            trips: Default::default(),
        }
    }

    /// What a link's token probe, begun in this second, says of the client that all share.
    fn ask(refusals: &mut Refusals, address: &str, secs: i64, failed: Option<Reason>) -> Learnt {
        let verdict = match failed {
            Some(reason) => Verdict::Fail(Failure::new(reason)),
            None => Verdict::Pass(Readings::default()),
        };
        let link = LinkState { watched: watched(address), ..failing_since(DELETED, at(0)) };
        let outcome = Outcome::without_probe(verdict, at(secs));
        refusals.learn(&link, Check::Token, &outcome)
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn turns(refusals: &mut Refusals) -> Vec<String> {
        let said = |transition: Transition| {
            let reason = transition.turn.trouble().map(|trouble| format!(" {}", trouble.reason));
            format!("{}{}", transition.turn.name(), reason.unwrap_or_default())
        };
        refusals.take_transitions().into_iter().map(said).collect()
    }

    const DELETED: Reason = Reason::ClientDeleted;
    const DISABLED: Reason = Reason::ClientDisabled;

    #[test]
    fn one_link_asks_for_a_refused_client_until_google_knows_it_again() {
        let id = |address| watched(address).link.id.clone();
        let (a, b) = ("a@example.com", "b@example.com");
        let client = watched(a).link.client.name.clone();
        let mut refusals = Refusals::default();
        assert_eq!(ask(&mut refusals, a, 1, Some(DELETED)), Learnt::Nothing);
        assert_eq!(refusals.excuse(&client, &id(a)), None, "it asks itself");
        assert_eq!(refusals.excuse(&client, &id(b)), Some(DELETED));
        assert_eq!(refusals.excuse("other", &id(b)), None);
        assert_eq!(ask(&mut refusals, b, 2, Some(DELETED)), Learnt::Known);
        assert_eq!(ask(&mut refusals, a, 3, Some(Reason::Timeout)), Learnt::Nothing);
        assert_eq!(refusals.excuse(&client, &id(b)), Some(DELETED));
        assert_eq!(ask(&mut refusals, b, 0, None), Learnt::Nothing, "it was asked before");
        let dead = Some(Reason::GrantRevokedOrExpired);
        assert_eq!(ask(&mut refusals, a, 4, dead), Learnt::Mended);
        assert_eq!(refusals.excuse(&client, &id(b)), None);
        assert_eq!(turns(&mut refusals), ["broke client_deleted", "healed"]);
    }

    /// Of the client that all share.
    fn with_links(links: &[Watched]) -> (State, Vec<Changed>) {
        let mut state = State::default();
        let links = Links { watched: links.to_vec(), ..Links::default() };
        let changed = state.apply(&links, &mut Storage::in_memory(), at(0));
        (state, changed)
    }

    #[test]
    fn a_client_is_refused_once_whoever_asks_and_healed_once() {
        let (a, b) = ("a@example.com", "b@example.com");
        let mut refusals = Refusals::default();
        ask(&mut refusals, a, 1, Some(DELETED));
        let (state, changed) = with_links(&[watched(a), watched(b)]);
        refusals.apply(&state, &changed, at(2));
        assert_eq!(refusals.excuse("odoo", &watched(b).link.id), None, "the asker has changed");
        assert_eq!(ask(&mut refusals, b, 3, Some(DELETED)), Learnt::Nothing);
        assert_eq!(ask(&mut refusals, a, 3, Some(DELETED)), Learnt::Known);
        assert_eq!(ask(&mut refusals, b, 4, Some(DISABLED)), Learnt::Nothing);
        refusals.apply(&state, &changed, at(5));
        assert_eq!(ask(&mut refusals, a, 6, None), Learnt::Mended);
        assert_eq!(ask(&mut refusals, b, 6, None), Learnt::Nothing);
        let expected = ["broke client_deleted", "reason_changed client_disabled", "healed"];
        assert_eq!(turns(&mut refusals), expected);
        ask(&mut refusals, a, 7, Some(DELETED));
        refusals.apply(&with_links(&[]).0, &[], at(8));
        assert_eq!(turns(&mut refusals), ["broke client_deleted", "gone"]);
    }

    #[test]
    fn a_client_that_an_earlier_process_met_as_refused_is_no_news() {
        let mut refusals = Refusals::default();
        let (a, b) = (watched("a@example.com"), watched("b@example.com"));
        let mut left = failing_since(DELETED, at(0));
        left.course.trouble = Some(Trouble::new(Check::Token, &Failure::new(DELETED)));
        refusals.resume(&left, Some(a.link.id.clone()), at(10));
        assert_eq!(refusals.excuse("odoo", &b.link.id), Some(DELETED));
        assert_eq!(ask(&mut refusals, "a@example.com", 11, Some(DELETED)), Learnt::Nothing);
        assert_eq!(ask(&mut refusals, "a@example.com", 12, None), Learnt::Mended);
        refusals.resume(&left, None, at(13));
        let expected = ["resumed client_deleted", "healed"];
        assert_eq!(turns(&mut refusals), expected, "what Google said since counts more");
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
