//! What the engine makes of a round that has ended.

use std::sync::Arc;

use tokio::task::{self, JoinError};

use super::{
    Checking, Engine, Rounded, Running, Task, clients::Learnt, report::Present, spread, trips,
};
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
        let nothing = || Checking::Round(Box::default());
        let (task, Task { token, checking }) = match ended {
            Ok(ended) => ended,
            // A round catches the panics of its checks, so this would be one of its own.
            Err(error) => (error.id(), Task { token: None, checking: nothing() }),
        };
        let Some(running) = self.running.remove(&task) else { return };
        self.unpublished = true;
        self.busy.remove(&running.mailbox);
        let now = self.clock.now();
        let Rounded { outcomes, sent, sitting, count } = match checking {
            Checking::Round(round) => {
                if round.outcomes.is_empty() {
                    self.schedule.pass_over(&running.link, &Check::ALL, now);
                }
                *round
            }
            Checking::Errand(outcomes, errands) => {
                self.take_errand(&running, *errands, now);
                Rounded { outcomes, ..Rounded::default() }
            }
        };
        let current = self.state.link(&running.link).map(|link| link.generation);
        let still_meant = current == Some(running.generation);
        let token_ends = token.as_ref().and_then(|token| token.expires);
        // A session of a link that has changed meanwhile ends at once.
        let proves = self.seat(&running, sitting, token_ends, now);
        if let Some(count) = count.filter(|_| still_meant) {
            self.counted(&running, count, now);
        }
        if let Some(token) = token.filter(|_| still_meant) {
            self.tokens.insert(running.link.clone(), token);
        }
        // That a letter is on its way is no outcome yet, nor is a session that was had where they end too early.
        let is_open = |check: Check, outcome: &Outcome| match check {
            Check::RoundTrip => sent.is_some(),
            Check::Session => !proves && outcome.failure().is_none(),
            _ => false,
        };
        let (open, outcomes): (Vec<_>, Vec<_>) =
            outcomes.into_iter().partition(|(check, outcome)| is_open(*check, outcome));
        let mut outcomes: Vec<_> = outcomes
            .into_iter()
            .map(|(check, outcome)| match still_meant {
                true => {
                    let outcome = self.of_server(&running.link, check, outcome);
                    (check, self.of_client(&running, check, outcome))
                }
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
        let open = open.iter().filter(|_| still_meant).map(|(check, _)| (*check, None));
        let ended: Vec<_> = ended.chain(open).collect();
        let unseated = counted.iter().find(|(check, _)| *check == Check::Session);
        let unseated = unseated.and_then(|(_, outcome)| outcome.failure()).map(|it| it.reason);
        for check in self.left_out(&running.link) {
            let waited_for = check.follows().filter(|before| passes(counted, *before));
            if waited_for.is_some() && check.is_harmless() {
                self.schedule.bring(&running.link, check, now);
            } else if passes(counted, Check::Token) {
                self.schedule.catch_up(&running.link, check, now);
            }
        }
        if let Some((letter, by, sent)) = sent.filter(|_| still_meant) {
            self.set_out(&running.link, letter, by, sent);
        }
        let dropped = self.schedule.ran(&running.link, ended, now);
        self.state.vitals().runs_dropped += dropped;
        if let Some(reason) = unseated {
            self.seat_again(&running.link, reason, now);
        }
        self.state.plan(&running.link, self.schedule.planned(&running.link));
        self.storage.note(&running.link);
        if let Some(answer) = running.answer {
            // Whoever asked sees the same on the pages.
            self.publish();
            let _ = answer.send(Ok(outcomes));
        }
    }

    /// What another check of the link has met at the same server is that one's failure.
    fn of_server(&self, id: &LinkId, check: Check, outcome: Outcome) -> Outcome {
        let before = check.follows().and_then(|before| self.state.link(id)?.checks.get(before));
        match (before.and_then(Present::of), outcome.failure()) {
            (Some(Present::Fail(known)), Some(failure)) if known.reason == failure.reason => {
                let skip = Verdict::Skip { because: failure.reason };
                Outcome { verdict: skip, ..outcome }
            }
            _ => outcome,
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
        self.ask_again(&running.client, now);
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

fn passes(ended: &[(Check, Arc<Outcome>)], check: Check) -> bool {
    let passes = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Pass(_));
    ended.iter().any(|(known, outcome)| *known == check && passes(outcome))
}
