//! What the engine makes of a round that has ended.

use std::sync::Arc;

use tokio::task::{self, JoinError};

use super::{Checking, Engine, Running, Task, clients::Learnt, spread, trips};
use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        link::LinkId,
        outcome::{Outcome, Verdict},
        reason::Reason,
    },
};

impl Engine {
    pub(super) fn finish(&mut self, ended: Result<(task::Id, Task), JoinError>) {
        let nothing = || Checking::Round(Vec::new(), None);
        let (task, Task { token, checking }) = match ended {
            Ok(ended) => ended,
            // A round catches the panics of its checks, so this would be one of its own.
            Err(error) => (error.id(), Task { token: None, checking: nothing() }),
        };
        let Some(running) = self.running.remove(&task) else { return };
        self.unpublished = true;
        self.busy.remove(&running.mailbox);
        let now = self.clock.now();
        let (outcomes, sent) = match checking {
            Checking::Round(outcomes, sent) => {
                if outcomes.is_empty() {
                    self.schedule.pass_over(&running.link, &Check::ALL, now);
                }
                (outcomes, sent)
            }
            Checking::Errand(outcomes, errands) => {
                self.take_errand(errands, now);
                (outcomes, None)
            }
        };
        let current = self.state.link(&running.link).map(|link| link.generation);
        let still_meant = current == Some(running.generation);
        if let Some(token) = token.filter(|_| still_meant) {
            self.tokens.insert(running.link.clone(), token);
        }
        // That a letter is on its way is no outcome yet.
        let is_out = |check: Check| check == Check::RoundTrip && sent.is_some();
        let mut outcomes: Vec<_> = outcomes
            .into_iter()
            .filter(|(check, _)| !is_out(*check))
            .map(|(check, outcome)| match still_meant {
                true => (check, self.of_client(&running, check, outcome)),
                false => (check, outcome),
            })
            .collect();
        self.state.explain(&running.link, running.generation, &mut outcomes);
        let outcomes: Vec<_> =
            outcomes.into_iter().map(|(check, outcome)| (check, Arc::new(outcome))).collect();
        for (check, outcome) in &outcomes {
            let reason = outcome.failure().map(|failure| failure.reason);
            self.state.vitals().panics += u64::from(reason == Some(Reason::InternalError));
            self.state.record(&running.link, running.generation, *check, outcome);
        }
        let held = self.state.link(&running.link).and_then(|link| trips::held(link, &[]));
        if held.is_none() {
            // It comes rarely, and its turn is not brought forward.
            self.state.excuse_no_more(&running.link, Check::RoundTrip);
        }
        // What was found of a link as it was before says nothing of when to probe it as it is now.
        let counted = if still_meant { &outcomes[..] } else { &[] };
        if !counted.is_empty() {
            let failures = counted.iter().filter_map(|(_, outcome)| outcome.failure());
            let failed: Vec<_> = failures.map(|failure| failure.reason).collect();
            self.state.judge(&running.link, &failed, now);
            self.tell();
        }
        let ended = counted
            .iter()
            .map(|(check, outcome)| (*check, outcome.failure().map(|failure| failure.reason)));
        let ended: Vec<_> = ended.chain(sent.iter().map(|_| (Check::RoundTrip, None))).collect();
        if token_passes(counted) {
            for check in self.left_out(&running.link) {
                self.schedule.catch_up(&running.link, check, now);
            }
        }
        if let Some((letter, by, sent)) = sent.filter(|_| still_meant) {
            self.set_out(&running.link, letter, by, sent);
        }
        let dropped = self.schedule.ran(&running.link, ended, now);
        self.state.vitals().runs_dropped += dropped;
        self.state.plan(&running.link, self.schedule.planned(&running.link));
        self.storage.note(&running.link);
        if let Some(answer) = running.answer {
            // Whoever asked sees the same on the pages.
            self.publish();
            let _ = answer.send(Ok(outcomes));
        }
    }

    /// What a probe says about its client is the client's: where another link has said it, this one is skipped.
    fn of_client(&mut self, running: &Running, check: Check, outcome: Outcome) -> Outcome {
        if matches!(outcome.verdict, Verdict::Skip { .. }) {
            return outcome;
        }
        let Some(link) = self.state.link(&running.link) else { return outcome };
        let because = outcome.failure().map(|failure| failure.reason);
        match (self.refusals.learn(link, check, &outcome), because) {
            (Learnt::Known, Some(because)) => {
                Outcome::without_probe(Verdict::Skip { because }, outcome.at)
            }
            (Learnt::Mended, _) => {
                self.hasten(running);
                outcome
            }
            (Learnt::Known | Learnt::Nothing, _) => outcome,
        }
    }

    /// The links that were skipped because of their client are probed soon.
    fn hasten(&mut self, running: &Running) {
        let ids: Vec<_> = self.state.links_of(&running.client, &running.link).collect();
        let (now, window) = (self.clock.now(), spread::window(ids.len()));
        for id in ids {
            self.schedule.hasten(&id, now + spread::phase(&id, window));
        }
    }

    /// Takes an outcome that no round brought.
    pub(super) fn conclude(&mut self, id: &LinkId, check: Check, outcome: Outcome, now: Timestamp) {
        let Some(generation) = self.state.link(id).map(|link| link.generation) else { return };
        let failed: Vec<_> = outcome.failure().map(|failure| failure.reason).into_iter().collect();
        self.state.record(id, generation, check, &Arc::new(outcome));
        self.state.judge(id, &failed, now);
        self.tell();
    }
}

fn token_passes(ended: &[(Check, Arc<Outcome>)]) -> bool {
    ended.iter().any(|(check, outcome)| {
        *check == Check::Token && matches!(outcome.verdict, Verdict::Pass(_))
    })
}
