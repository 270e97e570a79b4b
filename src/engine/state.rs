//! The last word on every link.
//!
//! Invariant: one task writes it (the engine); everybody else holds a [`Snapshot`], which never changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use url::Url;

use crate::{
    check::{Check, Watched},
    domain::{
        clock::Timestamp,
        life::{self, End, Tokens},
        link::{Address, Grant, Link, LinkId},
        outcome::{Failure, Outcome, Phase, Verdict},
        reason::Reason,
    },
    source::{Links, odoo},
};

pub use super::{
    buckets::Buckets,
    checks::{CheckState, Checks},
    mailbox::MailboxState,
};
use super::{
    consents::Consent,
    course::{Course, Subject, Transition, Turn},
    schedule::Left,
    storage::Storage,
    trips::{Travels, Trips},
};

mod takeover;

use takeover::taken_over;

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
    /// Every Odoo as it was seen last.
    pub odoos: BTreeMap<Arc<str>, Arc<odoo::Seen>>,
    /// The clients by which people link, by name.
    pub consents: BTreeMap<Arc<str>, Arc<Consent>>,
    pub vitals: Vitals,
}

impl Snapshot {
    /// Where a person links it again, where its application is known to have a form for that.
    pub fn form(&self, link: &Link) -> Option<Url> {
        self.odoos.get(&link.source)?.form(&link.id)
    }
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
    /// Whether what is learnt outlives the process; none where that was not asked for.
    pub storage_up: Option<bool>,
}

/// What is known of one link.
#[derive(Clone, Debug)]
pub struct LinkState {
    pub watched: Watched,
    pub generation: Generation,
    pub checks: Checks,
    pub course: Course,
    pub tokens: Tokens,
    pub trips: Travels,
}

impl LinkState {
    /// When the refresh token ends, so far as anything is known of that.
    pub fn ends(&self) -> Vec<End> {
        self.tokens
            .life(life::Consent::of(&self.watched.link))
            .map(|life| life.ends())
            .unwrap_or_default()
    }
}

/// The state itself, in the hands of the engine.
#[derive(Debug, Default)]
pub(super) struct State {
    current: Snapshot,
    generations: u64,
    /// What nobody was told of yet.
    transitions: Vec<Transition>,
}

/// A link that is new or has changed.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) watched: Watched,
    /// The plan of an earlier process, where the link is as it was then.
    pub(super) left: BTreeMap<Check, Left>,
    /// The client by which an earlier process knew it.
    pub(super) client: Option<String>,
}

impl State {
    /// What everybody else may hold.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(self.current.clone())
    }

    /// Takes over the latest set of links. Unchanged ones are not touched; gives those that are new or have changed.
    pub(super) fn apply(
        &mut self,
        links: &Links,
        storage: &mut Storage,
        now: Timestamp,
    ) -> Vec<Changed> {
        let mut changed = Vec::new();
        let mut kept = BTreeMap::new();
        for watched in &links.watched {
            let id = &watched.link.id;
            let before = self.current.links.remove(id);
            let state = match before {
                Some(state) if state.watched == *watched => state,
                before => {
                    self.generations += 1;
                    let course = before.as_deref().map(|old| self.continued(old, watched, now));
                    let generation = Generation(self.generations);
                    let (mut state, left, client) =
                        taken_over(watched, before, generation, storage, now);
                    match course {
                        Some(course) => state.course = course,
                        None => {
                            if let Some(turn) = Course::resume(&mut state, now) {
                                self.tell(&watched.link, now, turn);
                            }
                        }
                    }
                    changed.push(Changed { watched: watched.clone(), left, client });
                    Arc::new(state)
                }
            };
            kept.insert(id.clone(), state);
        }
        for gone in std::mem::replace(&mut self.current.links, kept).into_values() {
            storage.keep(&gone, now);
            self.tell(&gone.watched.link, now, Turn::Gone);
        }
        self.current.sources = links.sources.clone();
        self.current.odoos = links.odoos.clone();
        self.remember_certificates(&changed);
        self.forget_what_is_gone(storage, now);
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
        let of = Subject::Link(link.id.clone(), link.mailbox.clone());
        self.transitions.push(Transition { of, at, turn });
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

    /// What servers showed an earlier process.
    fn remember_certificates(&mut self, changed: &[Changed]) {
        let links = changed.iter().filter_map(|new| self.current.links.get(&new.watched.link.id));
        let checks = links.flat_map(|link| link.checks.values());
        let shown = checks.filter_map(|check| check.last.as_ref()?.certificate.as_ref());
        for certificate in shown {
            let endpoint = certificate.endpoint.clone();
            self.current.certificates.entry(endpoint).or_insert(certificate.expires);
        }
    }

    /// Mailboxes and endpoints that no link has any more.
    fn forget_what_is_gone(&mut self, storage: &mut Storage, now: Timestamp) {
        let links = || self.current.links.values().map(|state| &state.watched.link);
        let mailboxes: BTreeSet<_> = links().map(|link| link.mailbox.clone()).collect();
        let endpoints: BTreeSet<_> = links()
            .flat_map(|link| {
                let (smtp, imap) = (&link.smtp, &link.imap);
                [format!("{}:{}", smtp.host, smtp.port), format!("{}:{}", imap.host, imap.port)]
            })
            .collect();
        self.current.mailboxes.retain(|mailbox, known| {
            let stays = mailboxes.contains(mailbox);
            if !stays {
                storage.keep_mailbox(mailbox, known, now);
            }
            stays
        });
        self.current.certificates.retain(|endpoint, _| endpoints.contains(endpoint.as_ref()));
        for mailbox in mailboxes {
            let kept = storage.recall_mailbox(&mailbox);
            let journal = storage.recall_sending(&mailbox);
            let new = || {
                let mut known = kept.map(|kept| kept.restored()).unwrap_or_default();
                if let Some(journal) = journal {
                    known.remember(journal, now);
                }
                Arc::new(known)
            };
            self.current.mailboxes.entry(mailbox).or_insert_with(new);
        }
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &LinkId> {
        self.current.links.keys()
    }

    pub(super) fn mailbox(&self, mailbox: &Address) -> Option<&Arc<MailboxState>> {
        self.current.mailboxes.get(mailbox)
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

    /// What a round found, in the light of what is known of the link: a server says only that a grant is dead, its
    /// age may say why.
    pub(super) fn explain(
        &self,
        id: &LinkId,
        generation: Generation,
        outcomes: &mut [(Check, Outcome)],
    ) {
        let Some(link) = self.link(id).filter(|link| link.generation == generation) else { return };
        let deaths = outcomes.iter().filter_map(|(_, outcome)| {
            outcome.failure().filter(|failure| is_death(failure)).map(|_| outcome.at)
        });
        let Some(died) = deaths.min() else { return };
        let mut tokens = link.tokens.clone();
        tokens.refused(died);
        if !tokens.died_of_testing(life::Consent::of(&link.watched.link)) {
            return;
        }
        for (_, outcome) in outcomes {
            match &mut outcome.verdict {
                Verdict::Fail(Failure { reason, .. }) | Verdict::Skip { because: reason }
                    if *reason == Reason::GrantRevokedOrExpired =>
                {
                    *reason = Reason::GrantExpiredTesting;
                }
                Verdict::Fail(_) | Verdict::Pass(_) | Verdict::Skip { .. } => {}
            }
        }
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
        if check == Check::Token {
            match &outcome.verdict {
                Verdict::Pass(known) => {
                    link.tokens.honoured(outcome.at, known.refresh_token_expires);
                }
                Verdict::Fail(failure) if is_death(failure) => link.tokens.refused(outcome.at),
                Verdict::Fail(_) | Verdict::Skip { .. } => {}
            }
        }
        if let Verdict::Skip { .. } = outcome.verdict {
            return;
        }
        for (phase, took) in &outcome.phases {
            self.current.phases.entry((check, *phase)).or_default().observe(*took);
        }
        if let Some(certificate) = &outcome.certificate {
            self.current.certificates.insert(certificate.endpoint.clone(), certificate.expires);
        }
        let mailbox = self.current.mailboxes.entry(mailbox).or_default();
        Arc::make_mut(mailbox).learn(check, outcome);
    }

    /// Changes what is known of a mailbox that is watched.
    pub(super) fn at_mailbox<T>(
        &mut self,
        mailbox: &Address,
        change: impl FnOnce(&mut MailboxState) -> T,
    ) -> Option<T> {
        self.current.mailboxes.get_mut(mailbox).map(|known| change(Arc::make_mut(known)))
    }

    /// What came of spare sessions, of mailboxes none of whose links asks for any.
    pub(super) fn forget_spare_sessions(&mut self, asks: impl Fn(&Watched) -> bool) {
        let Snapshot { links, mailboxes, .. } = &mut self.current;
        let asking = links.values().map(|link| &link.watched).filter(|watched| asks(watched));
        let asking: BTreeSet<_> = asking.map(|watched| &watched.link.mailbox).collect();
        for (_, known) in mailboxes.iter_mut().filter(|(mailbox, _)| !asking.contains(mailbox)) {
            if known.sessions.as_ref().is_some_and(|sessions| sessions.spare.is_some())
                && let Some(sessions) = &mut Arc::make_mut(known).sessions
            {
                sessions.spare = None;
            }
        }
    }

    /// The links of a mailbox.
    pub(super) fn of_mailbox(&self, mailbox: &Address) -> impl Iterator<Item = &Arc<LinkState>> {
        let links = self.current.links.values();
        links.filter(move |link| link.watched.link.mailbox == *mailbox)
    }

    /// A check is run by another link of the mailbox: what this one found may no longer hold.
    pub(super) fn forget(&mut self, id: &LinkId, check: Check) {
        let Some(link) = self.current.links.get_mut(id) else { return };
        if link
            .checks
            .get(check)
            .is_some_and(|known| known.last.is_some() || known.skipped.is_some())
        {
            let known = Arc::make_mut(link).checks.of(check);
            let (runs, failures) = (known.runs, std::mem::take(&mut known.failures));
            *known =
                CheckState { runs, failures, next_run: known.next_run, ..CheckState::default() };
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

    /// What kept a check from being run is gone: its last outcome counts again until it is.
    pub(super) fn excuse_no_more(&mut self, id: &LinkId, check: Check) {
        let Some(link) = self.current.links.get_mut(id) else { return };
        if link.checks.get(check).is_some_and(|state| state.skipped.is_some()) {
            Arc::make_mut(link).checks.of(check).skipped = None;
        }
    }

    /// The round trips of a link.
    pub(super) fn trips(&mut self, id: &LinkId) -> Option<&mut Trips> {
        Some(Arc::make_mut(self.current.links.get_mut(id)?).trips.of())
    }

    /// What everybody else will hold.
    pub(super) fn current(&self) -> &Snapshot {
        &self.current
    }

    pub(super) fn consents(&mut self) -> &mut BTreeMap<Arc<str>, Arc<Consent>> {
        &mut self.current.consents
    }

    pub(super) fn vitals(&mut self) -> &mut Vitals {
        &mut self.current.vitals
    }
}

/// Whether Google no longer honours the refresh token, and never will again.
fn is_death(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::GrantExpiredTesting | Reason::GrantRevokedOrExpired)
}
