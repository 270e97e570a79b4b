//! The consent pages that are looked at: one for each OAuth client, however many links share it, and rarely.
//!
//! Invariant: one client is asked about at a time, and none sooner than its schedule says, unless it has changed, or
//! somebody wants to see that it is mended; a restart is no reason to ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::task::{JoinError, JoinSet};

use super::{Engine, spread, state::Snapshot};
use crate::{
    check::{
        Timing,
        consent::{Answer, Applicant, RedirectUri, Verdict, examine},
    },
    domain::{clock::Timestamp, reason::Reason},
    source::Links,
    wire::Wire,
};

/// What is known of one client's consent page.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    pub applicant: Applicant,
    /// The last word; none before the first, or since the client has changed.
    pub answer: Option<Answer>,
    /// None where there is nothing to ask about: no redirect URI is known.
    pub next: Option<Timestamp>,
}

impl Consent {
    /// What was said last of every redirect URI.
    pub fn verdicts(&self) -> impl Iterator<Item = (&RedirectUri, &Verdict)> {
        let said = self.answer.iter().flat_map(|answer| &answer.uris);
        self.applicant.uris.iter().zip(said)
    }

    /// The redirect URIs by which nobody can link, and why.
    pub fn refused(&self) -> impl Iterator<Item = (&RedirectUri, Reason, &str)> {
        self.verdicts().filter_map(|(uri, verdict)| match verdict {
            Verdict::Refused(reason, words) => Some((uri, *reason, words.as_str())),
            Verdict::Accepted | Verdict::Unknown(_) => None,
        })
    }

    /// Whether Google refuses the client itself, which its links' own token checks say, too, and sooner.
    fn refuses_client(&self) -> bool {
        let secret = self.answer.as_ref().and_then(|answer| answer.secret.refused());
        self.refused().map(|(_, reason, _)| reason).chain(secret).any(Reason::refuses_client)
    }
}

/// Why nobody can link by a client though its links work: what none of its links tells.
pub(super) fn refused(snapshot: &Snapshot) -> impl Iterator<Item = (&str, Reason)> {
    snapshot.consents.iter().flat_map(|(client, known)| {
        let reasons = known.refused().map(|(_, reason, _)| reason);
        reasons.filter(|reason| !reason.refuses_client()).map(move |reason| (&**client, reason))
    })
}

/// Who is being asked about, and when others are.
#[derive(Debug, Default)]
pub(super) struct Consents {
    tasks: JoinSet<Answer>,
    /// The one that is asked about now, as it was then.
    asked: Option<Applicant>,
    timing: Option<Timing>,
}

impl Consents {
    /// Waits until an answer is there; for ever, while nothing is asked.
    pub(super) async fn ended(&mut self) -> Result<Answer, JoinError> {
        match self.tasks.join_next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Waits for what is being asked to break off.
    pub(super) async fn close(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Engine {
    /// Takes over the latest set of clients. Those that are as they were keep their time.
    pub(super) fn apply_consents(&mut self, links: &Links, now: Timestamp) {
        let timing = links.consent.clone().filter(|timing| timing.enabled);
        let none = BTreeMap::new();
        let applicants = if timing.is_some() { &links.applicants } else { &none };
        let same_timing = timing == self.consents.timing;
        self.consents.timing = timing;
        let mut before = std::mem::take(self.state.consents());
        let window = spread::window(applicants.len());
        for (name, applicant) in applicants {
            let known = before.remove(name);
            let same = known.as_ref().is_some_and(|known| known.applicant == *applicant);
            if let Some(known) = known.clone().filter(|_| same && same_timing) {
                self.state.consents().insert(name.clone(), known);
                continue;
            }
            let kept = known.as_ref().filter(|_| same).and_then(|known| known.answer.clone());
            let answer = kept.or_else(|| self.storage.recall_consent(name, applicant));
            // An Odoo's base URL may go to and fro with whoever signs in to it.
            if let Some(known) = known.as_ref().filter(|_| !same) {
                self.storage.keep_consent(name, known, now);
            }
            // A client that has changed is worth asking about at once, but not while Google has had enough.
            let rests = known.as_ref().and_then(|known| known.answer.as_ref());
            let rests = rests.filter(|answer| answer.rests);
            let soon = now + FIRST + spread::share(name, window);
            let next = match answer.as_ref().or(rests) {
                Some(answer) => self.after(name, answer, now).max(soon),
                None => soon,
            };
            let next = (!applicant.uris.is_empty()).then_some(next);
            let consent = Consent { applicant: applicant.clone(), answer, next };
            self.state.consents().insert(name.clone(), Arc::new(consent));
        }
        for (name, gone) in before {
            self.storage.keep_consent(&name, &gone, now);
        }
    }

    /// When to ask again after an answer.
    fn after(&self, name: &str, answer: &Answer, now: Timestamp) -> Timestamp {
        let Some(timing) = &self.consents.timing else { return now + NEVER };
        // An answer of the future is that of a clock that was wrong.
        let from = if answer.at > now { now } else { answer.at };
        let from = if answer.rests { from + REST } else { from };
        let gap = timing.schedule.gap(from).unwrap_or(SPREAD);
        let jitter = spread::share(name, gap.min(SPREAD));
        timing.schedule.next(from - jitter).map_or(now + NEVER, |at| at + jitter)
    }

    /// Until the next client is to be asked about.
    pub(super) fn wake_consents(&self) -> Option<Timestamp> {
        let all = self.state.current().consents.values();
        // The answer that is awaited makes room.
        all.filter_map(|known| known.next).min().filter(|_| self.consents.asked.is_none())
    }

    /// Asks about the client that has waited longest, if one is due and none is being asked about.
    pub(super) fn start_consents(&mut self) {
        let now = self.clock.now();
        let Some(timing) = self.consents.timing.clone() else { return };
        if self.consents.asked.is_some() {
            return;
        }
        let due = self.state.current().consents.values();
        let due = due.filter(|known| known.next.is_some_and(|next| next <= now));
        let Some(due) = due.min_by_key(|known| known.next) else { return };
        let applicant = due.applicant.clone();
        self.consents.asked = Some(applicant.clone());
        let (wire, stop) = (Wire::clone(&self.wire.load()), self.stop.clone());
        self.consents
            .tasks
            .spawn(async move { examine(&applicant, &wire, timing.timeout, &stop).await });
    }

    /// Takes an answer, unless the client has changed or gone meanwhile.
    pub(super) fn answered(&mut self, ended: Result<Answer, JoinError>) {
        let Some(applicant) = self.consents.asked.take() else { return };
        if self.stop.is_cancelled() {
            return;
        }
        let now = self.clock.now();
        let answer = ended.unwrap_or_else(|_| {
            // The panic hook has logged where.
            self.state.vitals().panics += 1;
            let unknown = || Verdict::Unknown(Reason::InternalError.meaning().to_owned());
            let uris = applicant.uris.iter().map(|_| unknown()).collect();
            Answer { at: now, uris, secret: unknown(), rests: false }
        });
        let name = applicant.client.name.clone();
        let next = self.after(&name, &answer, now);
        let Some(known) = self.state.consents().get_mut(&name) else { return };
        if known.applicant != applicant {
            return;
        }
        let new = Consent { applicant, answer: Some(answer), next: Some(next) };
        log(&name, known, &new);
        *known = Arc::new(new);
        self.storage.note_consent(&name);
        self.unpublished = true;
    }

    /// Google knows a client again: what its consent page said of it is worth asking once more.
    pub(super) fn ask_again(&mut self, client: &str, now: Timestamp) {
        let Some(known) = self.state.consents().get_mut(client) else { return };
        if known.refuses_client() && known.next.is_some() {
            Arc::make_mut(known).next = Some(now + FIRST);
        }
    }

    /// Somebody probes a link of this client by hand: where nobody could link by it, that may be mended by now.
    pub(super) fn look_again(&mut self, client: &str, now: Timestamp) {
        let Some(known) = self.state.consents().get_mut(client) else { return };
        let Some(answer) = known.answer.as_ref().filter(|answer| !answer.rests) else { return };
        let soon = now.max(answer.at + BY_HAND);
        if known.refused().next().is_some() && known.next.is_some_and(|next| next > soon) {
            Arc::make_mut(known).next = Some(soon);
        }
    }
}

/// One line for every redirect URI of which something else is said than before.
fn log(client: &str, before: &Consent, now: &Consent) {
    let refused = |known: &Consent| -> BTreeSet<(String, Reason)> {
        known.refused().map(|(uri, reason, _)| (uri.shown(), reason)).collect()
    };
    let (was, is) = (refused(before), refused(now));
    for (redirect_uri, reason) in is.difference(&was) {
        tracing::warn!(client, redirect_uri, %reason, "nobody can link by this redirect URI");
    }
    let accepted = now.verdicts().filter(|(_, verdict)| **verdict == Verdict::Accepted);
    for (uri, _) in accepted {
        let redirect_uri = uri.shown();
        if was.iter().any(|(known, _)| *known == redirect_uri) {
            tracing::info!(client, redirect_uri, "people can link by this redirect URI again");
        }
    }
}

/// A process that is started again and again must not get as far as this.
const FIRST: Duration = Duration::from_secs(3);

/// Google needs some minutes to take over a new redirect URI; whoever presses a button again and again asks no sooner.
const BY_HAND: Duration = Duration::from_secs(5 * 60);

/// Google has had enough of us.
const REST: Duration = Duration::from_secs(23 * 60 * 60);

/// Clients of one schedule are spread over its gap, but not over more than this.
const SPREAD: Duration = Duration::from_secs(15 * 60);

const NEVER: Duration = Duration::from_secs(366 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
