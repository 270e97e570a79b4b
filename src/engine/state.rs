//! The last word on every link.
//!
//! Invariant: one task writes it (the engine); everybody else holds a [`Snapshot`], which never changes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    check::{Check, Watched},
    domain::{
        clock::Timestamp,
        link::{Address, Grant, Link, LinkId},
        outcome::{Notice, Outcome, Phase, Readings, Verdict},
        reason::Reason,
    },
    source::Links,
};

use super::course::{Course, Transition, Turn};

/// Which version of a link an outcome is about. It moves on when the link changes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Generation(u64);

/// Everything that pages and scrapes show, as it was at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub links: BTreeMap<LinkId, Arc<LinkState>>,
    pub mailboxes: BTreeMap<Address, Arc<MailboxState>>,
    /// What servers showed last, by `host:port`.
    pub certificates: BTreeMap<Arc<str>, Timestamp>,
    /// How long phases took, over the fleet.
    pub phases: BTreeMap<(Check, Phase), Buckets>,
    /// Whether each source could be read last time, and if not, why.
    pub sources: BTreeMap<Arc<str>, Result<(), String>>,
    pub vitals: Vitals,
}

/// How the engine itself does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vitals {
    pub probes_in_flight: usize,
    /// How late the last round began.
    pub schedule_lag: Duration,
    /// Runs left out since the one before was not over yet.
    pub runs_dropped: u64,
    pub panics: u64,
}

/// What is known of one link.
#[derive(Clone, Debug)]
pub struct LinkState {
    pub watched: Watched,
    pub generation: Generation,
    pub checks: Checks,
    pub course: Course,
}

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
    /// When it runs next; absent while nothing is planned.
    pub next_run: Option<Timestamp>,
    /// Probes run, skips not counted.
    pub runs: u64,
    pub failures: BTreeMap<Reason, u64>,
    /// Failures and the passes that ended them, newest first.
    pub history: VecDeque<Arc<Outcome>>,
}

/// What is known of one mailbox, whichever link it was seen by.
#[derive(Clone, Debug, Default)]
pub struct MailboxState {
    pub readings: Readings,
    pub notices: BTreeMap<Notice, u64>,
}

/// A histogram's counts: one a bound, then the sum of all.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// Not cumulative; the last is for what is over every bound.
    pub counts: [u64; Self::BOUNDS.len() + 1],
    pub sum: Duration,
}

impl Buckets {
    /// Upper bounds in seconds.
    pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
}

/// The state itself, in the hands of the engine.
#[derive(Debug, Default)]
pub(super) struct State {
    current: Snapshot,
    generations: u64,
    /// What nobody was told of yet.
    transitions: Vec<Transition>,
}

impl State {
    /// What everybody else may hold.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(self.current.clone())
    }

    /// Takes over the latest set of links. Unchanged ones are not touched; gives those that are new or have changed.
    pub(super) fn apply(&mut self, links: &Links, now: Timestamp) -> Vec<Watched> {
        let mut changed = Vec::new();
        let mut kept = BTreeMap::new();
        for watched in &links.watched {
            let id = &watched.link.id;
            let before = self.current.links.remove(id);
            let state = match before {
                Some(state) if state.watched == *watched => state,
                before => {
                    self.generations += 1;
                    changed.push(watched.clone());
                    let course = before.as_deref().map(|old| self.continued(old, watched, now));
                    Arc::new(LinkState {
                        watched: watched.clone(),
                        generation: Generation(self.generations),
                        checks: before
                            .map_or_else(Checks::default, |old| carried_over(&old, watched)),
                        course: course.unwrap_or_default(),
                    })
                }
            };
            kept.insert(id.clone(), state);
        }
        for gone in std::mem::replace(&mut self.current.links, kept).into_values() {
            self.tell(&gone.watched.link, now, Turn::Gone);
        }
        self.current.sources = links.sources.clone();
        self.forget_what_is_gone();
        changed
    }

    /// The course of a link that has changed.
    fn continued(&mut self, old: &LinkState, new: &Watched, now: Timestamp) -> Course {
        let (before, after) = (&old.watched.link, &new.link);
        if before.mailbox != after.mailbox {
            self.tell(before, now, Turn::Gone);
            return old.course.counted();
        }
        let mut course = old.course.clone();
        if let (Grant::RefreshToken(had), Grant::RefreshToken(has)) = (&before.grant, &after.grant)
            && had != has
        {
            course.note(now, Turn::TokenChanged);
            self.tell(after, now, Turn::TokenChanged);
        }
        course
    }

    fn tell(&mut self, link: &Link, at: Timestamp, turn: Turn) {
        let (link, mailbox) = (link.id.clone(), link.mailbox.clone());
        self.transitions.push(Transition { link, mailbox, at, turn });
    }

    /// What happened to links since somebody asked last.
    pub(super) fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// Says how a link stands as a whole after a round, in which checks failed for these reasons.
    pub(super) fn judge(&mut self, id: &LinkId, failed: &[Reason], at: Timestamp) {
        let Some(link) = self.current.links.get_mut(id) else { return };
        let link = Arc::make_mut(link);
        if let Some(turn) = Course::judge(link, failed, at) {
            let link = link.watched.link.clone();
            self.tell(&link, at, turn);
        }
    }

    /// Mailboxes and endpoints that no link has any more.
    fn forget_what_is_gone(&mut self) {
        let links = || self.current.links.values().map(|state| &state.watched.link);
        let mailboxes: BTreeSet<_> = links().map(|link| link.mailbox.clone()).collect();
        let endpoints: BTreeSet<_> = links()
            .flat_map(|link| {
                let (smtp, imap) = (&link.smtp, &link.imap);
                [format!("{}:{}", smtp.host, smtp.port), format!("{}:{}", imap.host, imap.port)]
            })
            .collect();
        self.current.mailboxes.retain(|mailbox, _| mailboxes.contains(mailbox));
        self.current.certificates.retain(|endpoint, _| endpoints.contains(endpoint.as_ref()));
        for mailbox in mailboxes {
            self.current.mailboxes.entry(mailbox).or_default();
        }
    }

    pub(super) fn link(&self, id: &LinkId) -> Option<&Arc<LinkState>> {
        self.current.links.get(id)
    }

    /// The links of a client but one.
    pub(super) fn links_of(&self, client: &str, but: &LinkId) -> impl Iterator<Item = LinkId> {
        let links = self.current.links.iter();
        links
            .filter(move |(id, state)| *id != but && &*state.watched.link.client.name == client)
            .map(|(id, _)| id.clone())
    }

    /// Takes an outcome, unless the link has changed or gone meanwhile.
    pub(super) fn record(
        &mut self,
        id: &LinkId,
        generation: Generation,
        check: Check,
        outcome: &Arc<Outcome>,
    ) {
        let link = self.current.links.get_mut(id).filter(|link| link.generation == generation);
        let Some(link) = link.map(Arc::make_mut) else { return };
        let mailbox = link.watched.link.mailbox.clone();
        link.checks.of(check).record(outcome);
        if let Verdict::Skip { .. } = outcome.verdict {
            return;
        }
        for (phase, took) in &outcome.phases {
            self.current.phases.entry((check, *phase)).or_default().observe(*took);
        }
        if let Some(certificate) = &outcome.certificate {
            self.current.certificates.insert(certificate.endpoint.clone(), certificate.expires);
        }
        let mailbox = Arc::make_mut(self.current.mailboxes.entry(mailbox).or_default());
        for notice in &outcome.notices {
            *mailbox.notices.entry(*notice).or_default() += 1;
        }
        if check == Check::Imap {
            // What could not be read this time is not known any more.
            mailbox.readings = match &outcome.verdict {
                Verdict::Pass(readings) => readings.clone(),
                Verdict::Fail(_) | Verdict::Skip { .. } => Readings::default(),
            };
        }
    }

    pub(super) fn plan(&mut self, id: &LinkId, planned: impl Iterator<Item = (Check, Timestamp)>) {
        if let Some(link) = self.current.links.get_mut(id) {
            let link = Arc::make_mut(link);
            for (check, at) in planned {
                link.checks.of(check).next_run = Some(at);
            }
        }
    }

    pub(super) fn vitals(&mut self) -> &mut Vitals {
        &mut self.current.vitals
    }
}

/// What is known stays until the changed link was probed, which happens at once; the last word on another mailbox says
/// nothing, but what was counted is counted.
fn carried_over(old: &LinkState, new: &Watched) -> Checks {
    let same = old.watched.link.mailbox == new.link.mailbox;
    let carry = |(check, state): (Check, &CheckState)| {
        let counted = || CheckState {
            runs: state.runs,
            failures: state.failures.clone(),
            ..CheckState::default()
        };
        (check, if same { state.clone() } else { counted() })
    };
    let watched: BTreeSet<_> = new.checks().collect();
    old.checks.iter().filter(|(check, _)| watched.contains(check)).map(carry).collect()
}

impl CheckState {
    fn record(&mut self, outcome: &Arc<Outcome>) {
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
        if reason.is_some() || before.flatten().is_some() {
            self.history.push_front(outcome.clone());
            self.history.truncate(HISTORY);
        }
    }
}

/// Failures, and the passes that ended them.
const HISTORY: usize = 12;

impl Buckets {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = Self::BOUNDS.iter().position(|bound| seconds <= *bound);
        self.counts[bucket.unwrap_or(Self::BOUNDS.len())] += 1;
        self.sum += took;
    }
}
