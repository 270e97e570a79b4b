//! The course of a link: how it stands as a whole, and every time that this changed.
//!
//! A refused OAuth client has one, too (`clients.rs`).
//!
//! Invariant: a link that fails has one trouble, that of the first check in their order that fails; a check that is
//! skipped because of it adds none, and heals none.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tracing::field::display;

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
        reason::{Again, Reason},
    },
};

/// Something happened to a link, or to a client; for whoever listens.
#[derive(Clone, Debug)]
pub struct Transition {
    pub of: Subject,
    pub at: Timestamp,
    pub turn: Turn,
}

/// Whom a transition is about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// An OAuth client, by its name. It breaks when Google refuses it, and with it all of its links.
    Client(Arc<str>),
    Link(LinkId, Address),
}

impl Subject {
    /// The client's name, or else the link's id.
    pub fn names(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Client(name) => (Some(name), None),
            Self::Link(id, _) => (None, Some(id.as_str())),
        }
    }

    /// Whether this trouble is told of another: a refused client's is the client's, not its links'.
    pub fn is_excused(&self, reason: Reason) -> bool {
        matches!(self, Self::Link(..)) && reason.refuses_client()
    }
}

impl Transition {
    /// For the person on call: a line a change, and of a refused client's links none but the client's.
    pub(super) fn log(&self) {
        let Self { of, turn, .. } = self;
        if turn.reason().is_some_and(|reason| of.is_excused(reason)) {
            return;
        }
        let (client, link) = of.names();
        let (client, link) = (client.map(display), link.map(display));
        let fails = |Trouble { check, reason, evidence }: &Trouble, words| {
            let class = reason.class();
            let said = evidence.as_deref().unwrap_or_default();
            tracing::warn!(client, link, %check, %reason, %class, said, "{words}");
        };
        match turn {
            Turn::Broke(trouble) => fails(trouble, "fails"),
            Turn::Healed(_) => tracing::info!(client, link, "works again"),
            Turn::ReasonChanged(trouble) => fails(trouble, "fails for another reason"),
            Turn::TokenChanged => tracing::info!(client, link, "has another refresh token"),
            Turn::Gone | Turn::Persists | Turn::Resumed { .. } => {}
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The first check failed after all had passed, or the first that ever ran.
    Broke(Trouble),
    /// The link is not watched any more, or is another mailbox's now; the client has no links any more.
    Gone,
    /// Every check passes again, after they failed for this reason.
    Healed(Reason),
    /// The second run in a row failed for one reason. That is no change, but whoever distrusts a single failure waits
    /// for it.
    Persists,
    ReasonChanged(Trouble),
    /// An earlier process left it in this trouble, with this reason beyond doubt: no change, and nothing to be told of.
    Resumed {
        trouble: Trouble,
        certain: Option<Reason>,
    },
    TokenChanged,
}

impl Turn {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Broke(_) => "broke",
            Self::Gone => "gone",
            Self::Healed(_) => "healed",
            Self::Persists => "persists",
            Self::ReasonChanged(_) => "reason_changed",
            Self::Resumed { .. } => "resumed",
            Self::TokenChanged => "token_changed",
        }
    }

    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Broke(trouble) | Self::ReasonChanged(trouble) | Self::Resumed { trouble, .. } => {
                Some(trouble)
            }
            Self::Gone | Self::Healed(_) | Self::Persists | Self::TokenChanged => None,
        }
    }

    /// What it fails for, or did until now.
    fn reason(&self) -> Option<Reason> {
        match self {
            Self::Healed(reason) => Some(*reason),
            _ => self.trouble().map(|trouble| trouble.reason),
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

/// Whether a reason is beyond doubt: what may pass by itself only when a second run confirmed it.
pub fn is_certain(reason: Reason, confirmed: bool) -> bool {
    confirmed || reason.again() != Again::Now
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
    /// The last of the link's own troubles that was beyond doubt, until all is well: who listens knows of it.
    pub(super) certain: Option<(Check, Reason)>,
    pub counts: BTreeMap<To, u64>,
    /// Newest first.
    pub history: VecDeque<(Timestamp, Turn)>,
}

impl Course {
    /// What is left of it when the link becomes another mailbox's.
    pub(super) fn counted(&self) -> Self {
        Self { counts: self.counts.clone(), ..Self::default() }
    }

    /// The course of a link that an earlier process knew: what it was failing for then is no news.
    pub(super) fn resume(link: &mut LinkState, at: Timestamp) -> Option<Turn> {
        let Self { counts, certain, .. } = link.course.clone();
        let _ = Self::judge(link, &[], at);
        // Where nothing fails, what was skipped has not run yet, and the trouble is not over.
        let known = certain.map(|(check, reason)| Trouble { check, reason, evidence: None });
        let trouble = link.course.trouble.take().or(known);
        link.course =
            Self { trouble: trouble.clone(), failing: 1, certain, counts, ..Self::default() };
        let certain = certain.map(|(_, reason)| reason);
        Some(Turn::Resumed { trouble: trouble?, certain })
    }

    /// Looks at the link's checks after a round, in which checks failed for these reasons.
    pub(super) fn judge(link: &mut LinkState, failed: &[Reason], at: Timestamp) -> Option<Turn> {
        let found = link.checks.iter().find_map(|(check, state)| match Present::of(state) {
            Some(Present::Fail(failure)) => Some(Trouble::new(check, failure)),
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
                let again = failed.contains(&trouble.reason);
                course.trouble = Some(trouble);
                course.failing += u32::from(again);
                let persists = again && course.failing == 2;
                if persists {
                    course.trust(true);
                }
                return persists.then_some(Turn::Persists);
            }
            (Some(before), None) if works => Turn::Healed(before),
            // Nothing fails, but what was skipped has not run yet.
            (Some(_) | None, None) => return None,
        };
        course.trouble = turn.trouble().cloned();
        course.failing = 1;
        // Failing for another reason is failing again, unless the first failure was not the link's.
        let again = before.is_some_and(|before| !before.refuses_client());
        course.trust(again && course.certain.is_none());
        course.note(at, turn.clone());
        Some(turn)
    }

    fn trust(&mut self, confirmed: bool) {
        match &self.trouble {
            None => self.certain = None,
            Some(Trouble { check, reason, .. })
                if is_certain(*reason, confirmed) && !reason.refuses_client() =>
            {
                self.certain = Some((*check, *reason));
            }
            Some(_) => {}
        }
    }

    pub(super) fn note(&mut self, at: Timestamp, turn: Turn) {
        let to = match turn {
            Turn::Broke(_) => Some(To::Broke),
            Turn::Healed(_) => Some(To::Healed),
            Turn::TokenChanged => Some(To::TokenChanged),
            Turn::Gone | Turn::Persists | Turn::ReasonChanged(_) | Turn::Resumed { .. } => None,
        };
        if let Some(to) = to {
            *self.counts.entry(to).or_default() += 1;
        }
        self.history.push_front((at, turn));
        self.history.truncate(HISTORY);
    }
}

/// Changes of a link that are kept.
const HISTORY: usize = 20;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        domain::{
            link::Direction,
            outcome::{Outcome, Readings, Verdict},
        },
        engine::sample,
    };

    const DEAD: Reason = Reason::GrantRevokedOrExpired;

    /// What a round found, check by check: `+` passed, `!` the grant is dead, `?` a timeout, `x` the client is refused, `-` skipped, ` ` not run.
    fn round(link: &mut LinkState, found: &str) -> Option<Turn> {
        for (check, what) in Check::ALL.into_iter().zip(found.chars()) {
            let verdict = match what {
                '+' => Verdict::Pass(Readings::default()),
                '!' => Verdict::Fail(Failure::new(DEAD)),
                '?' => Verdict::Fail(Failure::new(Reason::Timeout)),
                'x' => Verdict::Fail(Failure::new(Reason::ClientDeleted)),
                _ => {
                    let skipped = (what == '-').then_some(DEAD);
                    let state = link.checks.of(check);
                    state.skipped = skipped.or(state.skipped);
                    continue;
                }
            };
            let state = link.checks.of(check);
            state.skipped = None;
            state.last = Some(Arc::new(Outcome::without_probe(verdict, sample::NOW)));
        }
        let failed = [('!', DEAD), ('?', Reason::Timeout), ('x', Reason::ClientDeleted)];
        let failed: Vec<_> =
            failed.into_iter().filter(|(what, _)| found.contains(*what)).map(|of| of.1).collect();
        Course::judge(link, &failed, sample::NOW)
    }

    #[test]
    fn a_link_turns_as_a_whole_and_once() {
        type Rounds = &'static [(&'static str, &'static str)];
        let stories: [(&str, Rounds); 6] = [
            (
                "one root cause is one turn",
                &[("+++", ""), ("!--", "broke token"), ("+++", "healed")],
            ),
            (
                "what was skipped has to run before it is healed",
                &[("!--", "broke token"), ("+  ", ""), (" + ", ""), ("  +", "healed")],
            ),
            (
                "the second failure in a row confirms it, the third says nothing",
                &[(" ? ", "broke smtp"), ("  +", ""), (" ? ", "persists"), (" ? ", "")],
            ),
            (
                "another check that fails besides is no turn, and no heal when it stays alone",
                &[
                    (" ? ", "broke smtp"),
                    ("  !", ""),
                    (" + ", "reason_changed imap"),
                    ("  +", "healed"),
                ],
            ),
            (
                "another reason confirms itself anew",
                &[("?  ", "broke token"), ("!--", "reason_changed token"), ("!--", "persists")],
            ),
            ("a link in good health says nothing", &[("+  ", ""), ("+++", ""), ("+++", "")]),
        ];
        for (what, rounds) in stories {
            let watched = sample::link("a", "a@example.com", Direction::Both, "odoo");
            let mut link = LinkState { checks: Default::default(), ..sample::fine(watched) };
            for (number, (found, expected)) in rounds.iter().enumerate() {
                let said = round(&mut link, found).map(|turn| {
                    let check = turn.trouble().map(|trouble| format!(" {}", trouble.check));
                    format!("{}{}", turn.name(), check.unwrap_or_default())
                });
                assert_eq!(said.unwrap_or_default(), *expected, "{what}: round {number}");
            }
        }
    }

    #[test]
    fn a_later_process_knows_what_was_beyond_doubt_and_what_was_not() {
        let cases: [(&[&str], &str); 9] = [
            (&["!--"], "resumed token, certain grant_revoked_or_expired"),
            (&["?--"], "resumed token"),
            (&["?--", "?--"], "resumed token, certain timeout"),
            (&["!--", "?--"], "resumed token, certain grant_revoked_or_expired"),
            (&["!--", "+  "], "resumed token, certain grant_revoked_or_expired"),
            (&["x--", "x--"], "resumed token"),
            (&["x--", "?--"], "resumed token"),
            (&["!--", "x--"], "resumed token, certain grant_revoked_or_expired"),
            (&["!--", "+++"], ""),
        ];
        for (rounds, expected) in cases {
            let watched = sample::link("a", "a@example.com", Direction::Both, "odoo");
            let mut link = LinkState { checks: Default::default(), ..sample::fine(watched) };
            for found in rounds {
                round(&mut link, found);
            }
            let certain = link.course.certain;
            link.course = Course { certain, ..Course::default() };
            let said = Course::resume(&mut link, sample::NOW).map(|turn| {
                let Turn::Resumed { trouble, certain } = turn else { panic!("{turn:?}") };
                let certain = certain.map(|reason| format!(", certain {reason}"));
                format!("resumed {}{}", trouble.check, certain.unwrap_or_default())
            });
            assert_eq!(said.unwrap_or_default(), expected, "{rounds:?}");
            assert!(link.course.history.is_empty() && link.course.counts.is_empty());
            let healed = round(&mut link, "+++").map(|turn| turn.name());
            assert_eq!(healed.is_some(), !expected.is_empty(), "{rounds:?}");
        }
    }

    #[test]
    fn turns_are_counted_and_kept_but_a_second_failure_is_none() {
        let watched = sample::link("a", "a@example.com", Direction::Both, "odoo");
        let mut link = LinkState { checks: Default::default(), ..sample::fine(watched) };
        for found in ["+++", "?--", "?--", "!--", "+++"] {
            round(&mut link, found);
        }
        let names: Vec<_> = link.course.history.iter().map(|(_, turn)| turn.name()).collect();
        assert_eq!(names, ["healed", "reason_changed", "broke"]);
        assert_eq!(link.course.counts, BTreeMap::from([(To::Broke, 1), (To::Healed, 1)]));
        for _ in 0..100 {
            link.course.note(sample::NOW, Turn::TokenChanged);
        }
        assert_eq!(link.course.history.len(), HISTORY);
    }
}
