//! A round: the checks of one link that are due together. They share one access token, and one root cause is one failure.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    check::{
        Check, Probe, Watched,
        capacity::Count,
        imap::Visit,
        round_trip::{
            Sent,
            errand::{self, Errand, Report},
        },
        session::Sitting,
    },
    domain::{
        clock::{self, Timestamp},
        letter::Letter,
        link::Grant,
        outcome::{Failure, Outcome, Told, Traffic, Verdict},
        reason::{Again, Reason},
    },
    wire::{
        Wire,
        dialogue::{Dialogue, Listener, Step},
        oauth::AccessToken,
    },
};

/// What happens in a round, for somebody who watches it.
#[derive(Debug)]
pub enum Progress {
    Began(Check),
    Did(Step),
    Ended(Check, Box<Outcome>),
}

/// One round of one link.
#[derive(Debug)]
pub struct Round {
    pub watched: Watched,
    pub wire: Wire,
    /// The access token in hand, and after the round the one that it leaves.
    pub token: Option<AccessToken>,
    /// The one IMAP session, between two checks.
    pub session: Option<Visit>,
    /// What the `capacity` check counts by, where that is due.
    pub count: Option<Count>,
    /// What the `session` check does, and what it left.
    pub sitting: Sitting,
    /// What the `round_trip` check sends, where that is due.
    pub letter: Option<Letter>,
    /// Whether it did.
    pub sent: Option<Sent>,
    /// What an errand's sessions were told, and what they moved.
    pub told: Vec<Told>,
    pub traffic: Traffic,
    pub stop: CancellationToken,
    pub progress: Option<mpsc::UnboundedSender<Progress>>,
}

impl Round {
    pub fn new(watched: Watched, wire: Wire, stop: CancellationToken) -> Self {
        Self {
            watched,
            wire,
            token: None,
            session: None,
            count: None,
            sitting: Sitting::default(),
            letter: None,
            sent: None,
            told: Vec::new(),
            traffic: Traffic::default(),
            stop,
            progress: None,
        }
    }

    /// Runs `due` in the checks' order, `token` first where it is due or no token is in hand. Dropped half-way, it
    /// leaves a session for the server to time out; by `stop` it says good-bye first.
    pub async fn run(&mut self, due: &[Check]) -> Vec<(Check, Outcome)> {
        let ended = self.run_all(due).await;
        if let Some(Visit(session)) = self.session.take() {
            session.logout(&mut Dialogue::new(Duration::ZERO, self.stop.clone())).await;
        }
        ended
    }

    async fn run_all(&mut self, due: &[Check]) -> Vec<(Check, Outcome)> {
        let mut ended = Vec::new();
        let mut fresh = false;
        if due.contains(&Check::Token) || !self.has_token() {
            fresh = true;
            if let Err(failure) = self.refresh(due, &mut ended).await {
                self.skip_all(due, &failure, &mut ended);
                return ended;
            }
        }
        for check in due.iter().copied().filter(|check| *check != Check::Token) {
            if let Some(before) = check.follows()
                && let Some(because) = failed(&ended, before)
            {
                let outcome = Outcome::without_probe(Verdict::Skip { because }, self.now());
                self.end(check, outcome, &mut ended);
                continue;
            }
            // A session that is kept lasts as long as its token.
            if check == Check::Session && self.sitting.keep && !fresh {
                fresh = true;
                if let Err(failure) = self.refresh(due, &mut ended).await {
                    self.skip_all(&due[position(due, check)..], &failure, &mut ended);
                    return ended;
                }
            }
            let mut outcome = self.probe(check, due).await;
            if refused_sign_in(&outcome) && !fresh && !self.stop.is_cancelled() {
                // A token that was good an hour ago says nothing: Google's word on a fresh one decides.
                fresh = true;
                if let Err(failure) = self.refresh(due, &mut ended).await {
                    self.skip_all(&due[position(due, check)..], &failure, &mut ended);
                    return ended;
                }
                outcome = self.probe(check, due).await;
            }
            self.end(check, outcome, &mut ended);
        }
        ended
    }

    /// Goes on an errand to the link's mailbox. Gives what else was found out about its token.
    ///
    /// # Errors
    /// Why it could not be done to its end; what was found before is in the report.
    pub async fn errand(
        &mut self,
        errand: &Errand,
        report: &mut Report,
    ) -> (Vec<(Check, Outcome)>, Result<(), Failure>) {
        let mut ended = Vec::new();
        let mut fresh = false;
        if !self.has_token() {
            fresh = true;
            if let Err(failure) = self.refresh(&[], &mut ended).await {
                return (ended, Err(failure));
            }
        }
        let mut done = self.visit(errand, report).await;
        let refused = |done: &Result<(), Failure>| {
            done.as_ref().is_err_and(|failure| failure.reason == Reason::AuthRejected)
        };
        if refused(&done) && !fresh && !self.stop.is_cancelled() {
            done = match self.refresh(&[], &mut ended).await {
                Ok(()) => self.visit(errand, report).await,
                Err(failure) => Err(failure),
            };
        }
        (ended, done)
    }

    async fn visit(&mut self, errand: &Errand, report: &mut Report) -> Result<(), Failure> {
        let allowed = self.watched.settings.timing(Check::RoundTrip).timeout + errand.wait;
        let mut dialogue = Dialogue::new(allowed, self.stop.clone());
        self.hide_secrets(&mut dialogue);
        let mut probe = self.given(&mut dialogue, false);
        let visited = errand::run(&mut probe, errand, report);
        let visited = AssertUnwindSafe(visited).catch_unwind().await;
        self.told.append(&mut dialogue.notices);
        self.traffic += dialogue.traffic;
        // The panic hook has logged where.
        visited.unwrap_or_else(|_| Err(Failure::new(Reason::InternalError)))
    }

    fn now(&self) -> Timestamp {
        self.wire.clock.now()
    }

    fn has_token(&self) -> bool {
        let now = self.now();
        self.token.as_ref().is_some_and(|token| token.serves(now))
    }

    /// Gets a fresh access token. That is the `token` check, due or not, so its outcome counts.
    async fn refresh(
        &mut self,
        due: &[Check],
        ended: &mut Vec<(Check, Outcome)>,
    ) -> Result<(), Failure> {
        let outcome = self.probe(Check::Token, &[]).await;
        let result = match &outcome.verdict {
            Verdict::Fail(failure) => Err(failure.clone()),
            Verdict::Pass(_) | Verdict::Skip { .. } => Ok(()),
        };
        if due.contains(&Check::Token) || self.watched.runs(Check::Token) {
            self.end(Check::Token, outcome, ended);
        }
        result
    }

    /// Without a token nothing else can be asked. Where nobody watches the token, that is the failure of each check.
    fn skip_all(&self, due: &[Check], failure: &Failure, ended: &mut Vec<(Check, Outcome)>) {
        let watched = ended.iter().any(|(check, _)| *check == Check::Token);
        for check in due.iter().copied().filter(|check| *check != Check::Token) {
            let verdict = match watched {
                true => Verdict::Skip { because: failure.reason },
                false => Verdict::Fail(failure.clone()),
            };
            self.end(check, Outcome::without_probe(verdict, self.now()), ended);
        }
    }

    fn end(&self, check: Check, outcome: Outcome, ended: &mut Vec<(Check, Outcome)>) {
        self.tell(|| Progress::Ended(check, Box::new(outcome.clone())));
        ended.push((check, outcome));
    }

    /// Runs one check; what passes by itself is tried again within the probe's time.
    async fn probe(&mut self, check: Check, due: &[Check]) -> Outcome {
        // Both look at the mailbox by IMAP, and one sign-in is enough.
        let leave_open = check == Check::Imap && due.contains(&Check::Capacity);
        self.tell(|| Progress::Began(check));
        let at = self.now();
        let began = clock::instant();
        let allowed = self.watched.settings.timing(check).timeout;
        let mut dialogue = Dialogue::new(allowed, self.stop.clone());
        if let Some(watcher) = self.progress.clone() {
            dialogue = dialogue.telling(Listener(Arc::new(move |step| {
                // Nobody watches any more: that ends no probe.
                let _ = watcher.send(Progress::Did(step));
            })));
        }
        self.hide_secrets(&mut dialogue);
        let mut pauses = AGAIN.build();
        let result = loop {
            let mut probe = self.given(&mut dialogue, leave_open);
            let result = AssertUnwindSafe(check.run(&mut probe)).catch_unwind().await;
            // The panic hook has logged where.
            let result = result.unwrap_or_else(|_| Err(Failure::new(Reason::InternalError)));
            let again = |failure: &Failure| failure.reason.again() == Again::Now;
            let pause = match &result {
                Err(failure) if again(failure) && !self.stop.is_cancelled() => pauses.next(),
                _ => None,
            };
            match pause {
                Some(pause) if pause < dialogue.left() => dialogue.again(pause).await,
                _ => break result,
            }
        };
        Outcome {
            at,
            took: began.elapsed(),
            transcript: match result {
                Ok(_) => [].into(),
                Err(_) => dialogue.transcript(),
            },
            verdict: result.map_or_else(Verdict::Fail, Verdict::Pass),
            phases: dialogue.phases.into(),
            notices: dialogue.notices,
            traffic: dialogue.traffic,
            certificate: dialogue.certificate,
            identity: dialogue.identity.map(Arc::new),
        }
    }

    /// What one run of a check is given.
    fn given<'a>(&'a mut self, dialogue: &'a mut Dialogue, leave_open: bool) -> Probe<'a> {
        Probe {
            link: &self.watched.link,
            settings: &self.watched.settings,
            wire: &self.wire,
            token: &mut self.token,
            dialogue,
            session: &mut self.session,
            leave_open,
            count: &mut self.count,
            sitting: &mut self.sitting,
            letter: self.letter.as_ref(),
            sent: &mut self.sent,
        }
    }

    fn hide_secrets(&self, dialogue: &mut Dialogue) {
        let link = &self.watched.link;
        dialogue.redactor.hide(&link.client.secret);
        match &link.grant {
            Grant::RefreshToken(token) => dialogue.redactor.hide(token),
            Grant::ServiceAccount(account) => {
                account.secrets().for_each(|line| dialogue.redactor.hide(&line));
            }
            Grant::Unreadable(_) => {}
        }
        if let Some(token) = &self.token {
            dialogue.redactor.hide(&token.secret);
        }
    }

    fn tell(&self, progress: impl FnOnce() -> Progress) {
        if let Some(watcher) = &self.progress {
            // Nobody watches any more: that ends no round.
            let _ = watcher.send(progress());
        }
    }
}

/// Two more tries, after about one and three seconds.
const AGAIN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_factor(3.0)
    .with_max_times(2)
    .with_jitter();

/// Why a check of this round failed.
fn failed(ended: &[(Check, Outcome)], check: Check) -> Option<Reason> {
    let (_, outcome) = ended.iter().find(|(known, _)| *known == check)?;
    outcome.failure().map(|failure| failure.reason)
}

fn refused_sign_in(outcome: &Outcome) -> bool {
    matches!(&outcome.verdict, Verdict::Fail(failure) if failure.reason == Reason::AuthRejected)
}

fn position(due: &[Check], check: Check) -> usize {
    due.iter().position(|other| *other == check).unwrap_or(0)
}
