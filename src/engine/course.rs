//! The course of a link: how it stands as a whole, and every time that this changed.
//!
//! Invariant: a link that fails has one trouble, that of the first check in their order that fails; a check that is
//! skipped because of it adds none, and heals none.

use std::collections::{BTreeMap, VecDeque};

use super::{
    report::{Present, up},
    state::LinkState,
};
use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        link::{Address, LinkId},
        outcome::Failure,
        reason::Reason,
    },
};

/// Something happened to a link; for whoever listens.
#[derive(Clone, Debug)]
pub struct Transition {
    pub link: LinkId,
    pub mailbox: Address,
    pub at: Timestamp,
    pub turn: Turn,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The first check failed after all had passed, or the first that ever ran.
    Broke(Trouble),
    /// The link is not watched any more, or is another mailbox's now.
    Gone,
    /// Every check passes again.
    Healed,
    /// The second run in a row failed for one reason. That is no change, but whoever distrusts a single failure waits
    /// for it.
    Persists,
    ReasonChanged(Trouble),
    TokenChanged,
}

impl Turn {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Broke(_) => "broke",
            Self::Gone => "gone",
            Self::Healed => "healed",
            Self::Persists => "persists",
            Self::ReasonChanged(_) => "reason_changed",
            Self::TokenChanged => "token_changed",
        }
    }

    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Broke(trouble) | Self::ReasonChanged(trouble) => Some(trouble),
            Self::Gone | Self::Healed | Self::Persists | Self::TokenChanged => None,
        }
    }
}

/// Why a link does not work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    pub check: Check,
    pub reason: Reason,
    /// What it rests on, redacted.
    pub evidence: Option<String>,
}

impl Trouble {
    pub fn new(check: Check, failure: &Failure) -> Self {
        let evidence = failure.evidence.as_ref().map(ToString::to_string);
        Self { check, reason: failure.reason, evidence }
    }
}

/// What `mailbox_link_transitions_total` counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum To {
    Broke,
    Healed,
    TokenChanged,
}

impl To {
    pub const ALL: [Self; 3] = [Self::Broke, Self::Healed, Self::TokenChanged];

    /// The value of the `to` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broke => "broke",
            Self::Healed => "healed",
            Self::TokenChanged => "token_changed",
        }
    }
}

/// How a link stands, and how it came to that.
#[derive(Clone, Debug, Default)]
pub struct Course {
    pub trouble: Option<Trouble>,
    /// Failing runs in a row for the present reason.
    failing: u32,
    pub counts: BTreeMap<To, u64>,
    /// Newest first.
    pub history: VecDeque<(Timestamp, Turn)>,
}

impl Course {
    /// What is left of it when the link becomes another mailbox's.
    pub(super) fn counted(&self) -> Self {
        Self { counts: self.counts.clone(), ..Self::default() }
    }

    /// Looks at the link's checks after a round.
    pub(super) fn judge(link: &mut LinkState, round: Round, at: Timestamp) -> Option<Turn> {
        let found = link.checks.iter().find_map(|(check, state)| match Present::of(state) {
            Some(Present::Fail(failure)) => Some(Trouble::new(*check, failure)),
            _ => None,
        });
        let works = up(link) == Some(true);
        let course = &mut link.course;
        let before = course.trouble.as_ref().map(|trouble| trouble.reason);
        let turn = match (before, found) {
            (None, Some(trouble)) => Turn::Broke(trouble),
            (Some(before), Some(trouble)) if before != trouble.reason => {
                Turn::ReasonChanged(trouble)
            }
            (Some(_), Some(trouble)) => {
                course.trouble = Some(trouble);
                course.failing += u32::from(round == Round::Failed);
                return (round == Round::Failed && course.failing == 2).then_some(Turn::Persists);
            }
            (Some(_), None) if works => Turn::Healed,
            // Nothing fails, but what was skipped has not run yet.
            (Some(_) | None, None) => return None,
        };
        course.trouble = turn.trouble().cloned();
        course.failing = 1;
        course.note(at, turn.clone());
        Some(turn)
    }

    pub(super) fn note(&mut self, at: Timestamp, turn: Turn) {
        let to = match turn {
            Turn::Broke(_) => Some(To::Broke),
            Turn::Healed => Some(To::Healed),
            Turn::TokenChanged => Some(To::TokenChanged),
            Turn::Gone | Turn::Persists | Turn::ReasonChanged(_) => None,
        };
        if let Some(to) = to {
            *self.counts.entry(to).or_default() += 1;
        }
        self.history.push_front((at, turn));
        self.history.truncate(HISTORY);
    }
}

/// Whether a check failed in the round that ended, or those that ran have passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Round {
    Failed,
    Passed,
}

/// Changes of a link that are kept.
const HISTORY: usize = 20;
