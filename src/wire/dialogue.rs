//! One probe's dialogue: its deadline, its timed phases, and what was seen on the way.
//!
//! Invariant: every wait on a server goes through [`Dialogue::phase`] or [`Dialogue::farewell`], and so has an end.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::{
    clock,
    identity::Identity,
    outcome::{Certificate, Failure, Phase, Told, Traffic},
    reason::Reason,
    redact::Redactor,
    secret::Secret,
};

/// What a probe may take, and what it leaves behind.
#[derive(Debug)]
pub struct Dialogue {
    deadline: Instant,
    allowed: Duration,
    stop: CancellationToken,
    listener: Option<Listener>,
    pub phases: Vec<(Phase, Duration)>,
    /// As it was said; it leaves by [`Self::transcript`] only.
    lines: Vec<Secret>,
    pub notices: Vec<Told>,
    pub traffic: Traffic,
    pub certificate: Option<Certificate>,
    pub identity: Option<Identity>,
    pub redactor: Redactor,
}

impl Dialogue {
    pub fn new(allowed: Duration, stop: CancellationToken) -> Self {
        Self {
            deadline: clock::instant() + allowed,
            allowed,
            stop,
            listener: None,
            phases: Vec::new(),
            lines: Vec::new(),
            notices: Vec::new(),
            traffic: Traffic::default(),
            certificate: None,
            identity: None,
            redactor: Redactor::default(),
        }
    }

    /// Tells every step as it is done.
    pub fn telling(mut self, listener: Listener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Runs one phase: timed, and ended by the deadline or by the exporter's stop.
    ///
    /// # Errors
    /// The failure of `work`, or a timeout, with this phase unless it names another.
    pub async fn phase<T>(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let began = clock::instant();
        let done = match self.bounded(work).await {
            Ok(done) => done,
            Err(cut) => Err(self.cut_at(phase, cut)),
        };
        self.passed(phase, began.elapsed());
        done.map_err(|failure| Failure { phase: failure.phase.or(Some(phase)), ..failure })
    }

    /// Ends `work` by the deadline or by the exporter's stop, whichever comes first.
    ///
    /// # Errors
    /// What ended it.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = T>) -> Result<T, Cut> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Cut::Stopped),
            done = tokio::time::timeout_at(self.deadline, work) => done.map_err(|_| Cut::Late),
        }
    }

    /// The failure of work that was ended in this phase.
    pub(super) fn cut_at(&self, phase: Phase, cut: Cut) -> Failure {
        let words = match cut {
            Cut::Late => format!("no end of {phase} within the probe's {:?}", self.allowed),
            Cut::Stopped => format!("the exporter stopped during {phase}"),
        };
        Failure { phase: Some(phase), ..Failure::own(Reason::Timeout, words) }
    }

    /// Notes a phase that was timed elsewhere.
    pub fn passed(&mut self, phase: Phase, took: Duration) {
        // A command that takes two exchanges, or comes twice, is one phase.
        match self.phases.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, before)) => *before += took,
            None => self.phases.push((phase, took)),
        }
        if let Some(Listener(tell)) = &self.listener {
            tell(Step::Passed(phase, took));
        }
    }

    /// Waits before another try, whose phases replace those of the last.
    pub async fn again(&mut self, pause: Duration) {
        self.note(&format!("-- once more, after {pause:.1?}"));
        self.phases.clear();
        if let Some(Listener(tell)) = &self.listener {
            tell(Step::Again);
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Says good-bye for at most two seconds, also past the deadline, since a session left open counts against the account.
    pub async fn farewell(&mut self, phase: Phase, work: impl Future<Output = ()>) {
        let began = clock::instant();
        if tokio::time::timeout(FAREWELL, work).await.is_ok() {
            self.passed(phase, began.elapsed());
        }
    }

    /// Time left; zero once it is over.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(clock::instant())
    }

    /// Keeps a line of the dialogue; at most as many as a person would read.
    pub fn note(&mut self, line: &str) {
        if self.lines.len() < TRANSCRIPT {
            self.lines.push(Secret::new(line));
        }
    }

    /// What was said so far, redacted. Nearly every probe passes, and then nobody asks.
    pub fn transcript(&self) -> Arc<[String]> {
        self.lines.iter().map(|line| self.redactor.clean(line.expose())).collect()
    }
}

/// What ended work that was not done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    Late,
    Stopped,
}

/// A step of a probe, for somebody who watches it.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// What passes by itself is tried once more.
    Again,
    Passed(Phase, Duration),
}

/// Who is told of a probe's steps.
#[derive(Clone)]
pub struct Listener(pub Arc<dyn Fn(Step) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

const FAREWELL: Duration = Duration::from_secs(2);

/// In lines.
const TRANSCRIPT: usize = 100;
