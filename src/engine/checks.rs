//! What is known of the checks of one link.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        outcome::{Outcome, Verdict},
        reason::Reason,
    },
};

/// What is known of the checks of one link, in their order. A map's node has room for eleven, whatever it holds, and there
/// is one for every link.
#[derive(Clone, Debug, Default)]
pub struct Checks([Option<Box<CheckState>>; Check::ALL.len()]);

impl Checks {
    pub fn get(&self, check: Check) -> Option<&CheckState> {
        self.0[check as usize].as_deref()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Check, &CheckState)> {
        Check::ALL.into_iter().filter_map(|check| Some((check, self.get(check)?)))
    }

    pub fn values(&self) -> impl Iterator<Item = &CheckState> {
        self.iter().map(|(_, state)| state)
    }

    /// What is known of this check; from now on something is.
    pub fn of(&mut self, check: Check) -> &mut CheckState {
        self.0[check as usize].get_or_insert_default()
    }
}

impl FromIterator<(Check, CheckState)> for Checks {
    fn from_iter<T: IntoIterator<Item = (Check, CheckState)>>(states: T) -> Self {
        let mut checks = Self::default();
        for (check, state) in states {
            checks.0[check as usize] = Some(Box::new(state));
        }
        checks
    }
}

/// What is known of one check of one link.
#[derive(Clone, Debug, Default)]
pub struct CheckState {
    /// The last outcome that was no skip, with its verdict.
    pub last: Option<Arc<Outcome>>,
    /// Set while the check is skipped because of another's failure.
    pub skipped: Option<Reason>,
    pub last_success: Option<Timestamp>,
    /// When the present verdict began.
    pub since: Option<Timestamp>,
    /// In how many runs in a row it failed for reasons of one class: an outage has many faces.
    pub failing: u32,
    /// When it runs next; absent while nothing is planned.
    pub next_run: Option<Timestamp>,
    /// Probes run, skips not counted.
    pub runs: u64,
    pub failures: BTreeMap<Reason, u64>,
    /// Failures and the passes that ended them, newest first.
    pub history: VecDeque<Arc<Outcome>>,
}

impl CheckState {
    pub(super) fn record(&mut self, outcome: &Arc<Outcome>) {
        let before = self.last.as_ref().map(|last| last.failure().map(|failure| failure.reason));
        let reason = match &outcome.verdict {
            Verdict::Skip { because } => {
                self.skipped = Some(*because);
                return;
            }
            Verdict::Pass(_) => {
                self.last_success = Some(outcome.at);
                None
            }
            Verdict::Fail(failure) => {
                *self.failures.entry(failure.reason).or_default() += 1;
                Some(failure.reason)
            }
        };
        self.skipped = None;
        self.runs += 1;
        self.last = Some(outcome.clone());
        if before != Some(reason) {
            self.since = Some(outcome.at);
        }
        let class = reason.map(Reason::class);
        if before.flatten().map(Reason::class) != class {
            self.failing = 0;
        }
        self.failing += u32::from(class.is_some());
        if reason.is_some() || before.flatten().is_some() {
            self.history.push_front(outcome.clone());
            self.history.truncate(HISTORY);
        }
    }
}

/// Failures, and the passes that ended them.
const HISTORY: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::{Failure, Readings};

    #[test]
    fn failing_runs_are_counted_for_one_class_and_from_one_pass_to_the_next() {
        let mut state = CheckState::default();
        let runs = [
            (Some(Reason::Timeout), 1, 10),
            (Some(Reason::Timeout), 2, 10),
            (Some(Reason::DnsFailed), 3, 30),
            (Some(Reason::GoogleOutage), 1, 40),
            (None, 0, 50),
            (None, 0, 50),
            (Some(Reason::DnsFailed), 1, 70),
        ];
        for (at, (failed, failing, since)) in (10..).step_by(10).zip(runs) {
            let verdict = match failed {
                Some(reason) => Verdict::Fail(Failure::new(reason)),
                None => Verdict::Pass(Readings::default()),
            };
            let at = Timestamp::from_secs(at);
            state.record(&Arc::new(Outcome::without_probe(verdict, at)));
            let since = Some(Timestamp::from_secs(since));
            assert_eq!((state.failing, state.since), (failing, since), "{at}");
        }
        let skip = Verdict::Skip { because: Reason::Timeout };
        let at = Timestamp::from_secs(80);
        state.record(&Arc::new(Outcome::without_probe(skip, at)));
        assert_eq!(state.failing, 1, "what is skipped is no run");
    }
}
