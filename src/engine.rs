//! The engine: what is due, one round at a time for each mailbox, and the last word on every link.
//!
//! Invariant: never two rounds at once on one mailbox, and never more than [`AT_ONCE`] in all.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{self, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{Check, capacity::Count, round_trip::Sent, session::Sitting},
    domain::{
        clock::{self, Clock},
        letter::Letter,
        link::{Address, LinkId},
        outcome::{Outcome, Verdict},
        reason::{Again, Reason},
    },
    source::Links,
    wire::{Wire, oauth::AccessToken},
};

pub mod beside;
mod buckets;
mod checks;
pub mod clients;
pub mod consents;
pub mod counts;
pub mod course;
pub mod errands;
mod finish;
mod handle;
pub mod hoard;
pub mod mailbox;
pub(crate) mod random;
pub mod report;
pub mod round;
#[cfg(test)]
pub(crate) mod sample;
mod schedule;
pub mod shared;
mod sittings;
mod spread;
pub mod state;
pub mod storage;
pub mod trips;

use clients::Refusals;
use consents::Consents;
use course::Transition;
use errands::Errands;
use handle::Order;
pub use handle::{Answer, Handle, Refused};
use round::Round;
use schedule::Schedule;
use sittings::Sittings;
use state::{Changed, CheckState, Generation, LinkState, Snapshot, State};
use storage::Storage;

/// The engine itself; [`Engine::run`] is its life.
#[derive(Debug)]
pub struct Engine {
    /// What probes are made with; a reload may put another in its place.
    wire: Arc<ArcSwap<Wire>>,
    clock: Clock,
    links: watch::Receiver<Links>,
    orders: mpsc::Receiver<Order>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    state: State,
    schedule: Schedule,
    storage: Storage,
    tokens: HashMap<LinkId, AccessToken>,
    refusals: Refusals,
    /// Links of which a letter is on its way, or is to be cleaned up.
    travelling: BTreeSet<LinkId>,
    /// The IMAP sessions that are kept.
    sittings: Sittings,
    /// What is being asked of clients' consent pages.
    consents: Consents,
    rounds: JoinSet<Task>,
    running: HashMap<task::Id, Running>,
    busy: HashSet<Address>,
    /// Orders for mailboxes that are busy.
    waiting: VecDeque<Order>,
    published: Instant,
    /// Whether anything has changed since.
    unpublished: bool,
    /// Who wants to know what happens to links. Never waited for.
    listener: Option<mpsc::UnboundedSender<Transition>>,
    stop: CancellationToken,
}

/// What a round or an errand leaves.
#[derive(Debug)]
struct Task {
    token: Option<AccessToken>,
    checking: Checking,
}

#[derive(Debug)]
enum Checking {
    Round(Box<Rounded>),
    /// What was found out about the token on the way, and the errand itself.
    Errand(Vec<(Check, Outcome)>, Box<Errands>),
}

/// The checks of a round, and what single ones of them left.
#[derive(Debug, Default)]
struct Rounded {
    outcomes: Vec<(Check, Outcome)>,
    sent: Option<(Letter, LinkId, Sent)>,
    sitting: Sitting,
    count: Option<Count>,
}

#[derive(Debug)]
struct Running {
    link: LinkId,
    mailbox: Address,
    client: Arc<str>,
    generation: Generation,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Running {
    fn of(link: &LinkState, answer: Option<oneshot::Sender<Answer>>) -> Self {
        let (generation, link) = (link.generation, &link.watched.link);
        Self {
            link: link.id.clone(),
            mailbox: link.mailbox.clone(),
            client: link.client.name.clone(),
            generation,
            answer,
        }
    }
}

impl Engine {
    pub fn new(
        wire: Arc<ArcSwap<Wire>>,
        clock: Clock,
        links: watch::Receiver<Links>,
        storage: Storage,
    ) -> (Handle, Self) {
        let (sender, orders) = mpsc::channel(64);
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let handle = Handle { snapshot: snapshot.clone(), orders: sender };
        let engine = Self {
            wire,
            clock,
            links,
            orders,
            snapshot,
            state: State::default(),
            schedule: Schedule::default(),
            storage,
            tokens: HashMap::new(),
            refusals: Refusals::default(),
            travelling: BTreeSet::new(),
            sittings: Sittings::default(),
            consents: Consents::default(),
            rounds: JoinSet::new(),
            running: HashMap::new(),
            busy: HashSet::new(),
            waiting: VecDeque::new(),
            published: clock::instant(),
            unpublished: false,
            listener: None,
            stop: CancellationToken::new(),
        };
        (handle, engine)
    }

    /// Lets somebody know what happens to links. Whoever it is takes it in at once, or memory fills.
    pub fn telling(self, listener: mpsc::UnboundedSender<Transition>) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Probes what is due until `stop`; then every session says good-bye, for a few seconds at most.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop.clone();
        self.apply();
        self.publish();
        loop {
            self.start_waiting();
            self.start_due();
            self.start_errands();
            self.prove_seats();
            self.start_consents();
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.links.changed() => match changed {
                    Ok(()) => self.apply(),
                    // Whoever found the links is gone: that happens only at the exporter's end.
                    Err(_) => break,
                },
                Some(order) = self.orders.recv() => self.waiting.push_back(order),
                Some(ended) = self.rounds.join_next_with_id() => self.finish(ended),
                stir = self.sittings.stir() => self.stirred(stir),
                ended = self.consents.ended() => self.answered(ended),
                () = tokio::time::sleep(pause) => {}
            }
            self.storage.write(&self.state, &self.schedule, self.clock.now());
            self.unpublished |= self.storage.up() != self.state.vitals().storage_up;
            if self.unpublished && self.published.elapsed() >= PUBLISH {
                self.publish();
            }
        }
        let all_ended = async {
            while self.rounds.join_next().await.is_some() {}
            self.sittings.close().await;
            self.consents.close().await;
        };
        if tokio::time::timeout(LAST_WORDS, all_ended).await.is_err() {
            tracing::warn!("some sessions did not end in time");
        }
        self.storage.close(&self.state, &self.schedule).await;
    }

    /// Until something is due or worth showing, and never long, so that a clock that jumps is noticed.
    fn pause(&self) -> Duration {
        let now = self.clock.now();
        let due = match self.rounds.len() < AT_ONCE {
            true => self.schedule.wake(|mailbox| !self.busy.contains(mailbox)),
            // The next round that ends makes room.
            false => None,
        };
        let free = |mailbox: &_| !self.busy.contains(mailbox);
        let errand = trips::wake(self.state.current(), &self.travelling, free);
        let due = due.into_iter().chain(errand).chain(self.sittings.wake());
        let due = due.chain(self.wake_consents()).min();
        let due = due.map_or(LONGEST_PAUSE, |at| at.since(now).min(LONGEST_PAUSE));
        let due = self.storage.pause().map_or(due, |pause| pause.min(due));
        match self.unpublished {
            true => due.min(PUBLISH.saturating_sub(self.published.elapsed())),
            false => due,
        }
    }

    fn apply(&mut self) {
        let links = self.links.borrow_and_update().clone();
        log_sources(&self.snapshot.load().sources, &links.sources);
        let now = self.clock.now();
        let changed = self.state.apply(&links, &mut self.storage, now);
        let window = spread::window(changed.len());
        self.refusals.apply(&self.state, &changed, now);
        for Changed { watched, left, .. } in &changed {
            let id = &watched.link.id;
            self.tokens.remove(id);
            self.schedule.resume(watched, left, now + spread::phase(id, window), now);
            self.storage.note(id);
            self.state.plan(id, self.schedule.planned(id));
        }
        self.schedule.retain(|id| self.state.link(id).is_some());
        self.tokens.retain(|id, _| self.state.link(id).is_some());
        self.resume_trips();
        self.clear_seats();
        self.apply_consents(&links, now);
        self.publish();
        self.tell();
    }

    /// One line when a link's or a client's verdict changes, none while it stays.
    fn tell(&mut self) {
        let clients = self.refusals.take_transitions();
        for transition in clients.into_iter().chain(self.state.take_transitions()) {
            transition.log();
            if let Some(listener) = &self.listener {
                // Who has left needs no telling.
                let _ = listener.send(transition);
            }
        }
    }

    fn publish(&mut self) {
        self.state.vitals().probes_in_flight = self.rounds.len();
        self.state.vitals().storage_up = self.storage.up();
        self.snapshot.store(self.state.snapshot());
        self.published = clock::instant();
        self.unpublished = false;
    }

    fn start_waiting(&mut self) {
        for _ in 0..self.waiting.len() {
            let Some(order) = self.waiting.pop_front() else { return };
            if order.answer.is_closed() {
                continue;
            }
            let Some(link) = self.state.link(&order.link) else {
                // Whoever asked may have left.
                let _ = order.answer.send(Err(Refused::UnknownLink));
                continue;
            };
            // Whoever asks by a link wants no mail sent.
            let on: Vec<_> = link.watched.checks().filter(|check| check.is_harmless()).collect();
            let checks: Vec<_> = match order.checks.is_empty() {
                true => on,
                false => on.into_iter().filter(|check| order.checks.contains(check)).collect(),
            };
            if checks.is_empty() {
                let _ = order.answer.send(Err(Refused::CheckOff));
            } else if self.busy.contains(&link.watched.link.mailbox) {
                self.waiting.push_back(order);
            } else {
                let now = self.clock.now();
                let client = link.watched.link.client.name.clone();
                self.look_again(&client, now);
                self.schedule.take(&order.link, now);
                self.start(&order.link, checks, Some(order.answer));
            }
        }
    }

    fn start_due(&mut self) {
        let now = self.clock.now();
        while self.rounds.len() < AT_ONCE {
            let Some(id) = self.schedule.due(now, |mailbox| !self.busy.contains(mailbox)) else {
                return;
            };
            let Some(due) = self.schedule.take(&id, now) else { return };
            self.unpublished = true;
            self.state.vitals().schedule_lag = now.since(due.planned);
            match self.held(&id, &due.checks) {
                Some(because) => self.skip(&id, &due.checks, because),
                None => self.start(&id, due.checks, None),
            }
        }
    }

    /// Why nothing need be asked now: another link asks for a client that is refused, or the grant is dead as far as
    /// anybody knows and its own check is not due.
    fn held(&self, id: &LinkId, due: &[Check]) -> Option<Reason> {
        let now = self.clock.now();
        let in_hand = self.tokens.get(id).is_some_and(|token| token.serves(now));
        let wants_token = due.contains(&Check::Token);
        if in_hand && !wants_token {
            return None;
        }
        let link = self.state.link(id)?;
        if let Some(reason) = self.refusals.excuse(&link.watched.link.client.name, id) {
            return Some(reason);
        }
        if wants_token {
            return None;
        }
        let token = link.checks.get(Check::Token)?;
        let reason = token.last.as_ref()?.failure()?.reason;
        matches!(reason.again(), Again::AfterPause | Again::WhenMended).then_some(reason)
    }

    fn skip(&mut self, id: &LinkId, checks: &[Check], because: Reason) {
        let now = self.clock.now();
        let Some(generation) = self.state.link(id).map(|link| link.generation) else { return };
        let outcome = Arc::new(Outcome::without_probe(Verdict::Skip { because }, now));
        for check in checks {
            self.state.record(id, generation, *check, &outcome);
        }
        self.schedule.pass_over(id, checks, now);
        self.rest(id);
    }

    /// Puts a link back of which nothing is run.
    fn rest(&mut self, id: &LinkId) {
        self.schedule.ran(id, [], self.clock.now());
        self.state.plan(id, self.schedule.planned(id));
        self.storage.note(id);
    }

    fn start(
        &mut self,
        id: &LinkId,
        mut checks: Vec<Check>,
        answer: Option<oneshot::Sender<Answer>>,
    ) {
        let (letter, by) = self.take_letter(id, &mut checks).unzip();
        let sitting = self.take_seat(id, &mut checks, answer.is_some());
        let count = self.take_count(id, &mut checks, answer.is_some());
        if checks.is_empty() {
            return self.rest(id);
        }
        let Some(link) = self.state.link(id) else { return };
        let (watched, wire) = (link.watched.clone(), Wire::clone(&self.wire.load()));
        let mut round = Round {
            token: self.tokens.remove(id),
            letter,
            sitting,
            count,
            ..Round::new(watched, wire, self.stop.clone())
        };
        let running = Running::of(link, answer);
        self.busy.insert(running.mailbox.clone());
        let task = self.rounds.spawn(async move {
            let outcomes = round.run(&checks).await;
            let sent = match (round.letter, by, round.sent) {
                (Some(letter), Some(by), Some(sent)) => Some((letter, by, sent)),
                _ => None,
            };
            let (sitting, count) = (round.sitting, round.count);
            let rounded = Rounded { outcomes, sent, sitting, count };
            Task { token: round.token, checking: Checking::Round(Box::new(rounded)) }
        });
        self.running.insert(task.id(), running);
    }

    /// Checks that are skipped because of another's failure.
    fn left_out(&self, id: &LinkId) -> Vec<Check> {
        let checks = self.state.link(id).map(|link| link.checks.iter());
        let left_out = |(check, state): (Check, &CheckState)| state.skipped.map(|_| check);
        checks.into_iter().flatten().filter_map(left_out).collect()
    }
}

/// One line when a source breaks, or breaks in another way, and one when it heals.
fn log_sources(before: &Troubles, now: &Troubles) {
    for (source, state) in now.iter().filter(|(source, state)| before.get(*source) != Some(*state))
    {
        match state {
            Err(trouble) => tracing::warn!(%source, trouble, "cannot be read as a whole"),
            Ok(()) if before.contains_key(source) => tracing::info!(%source, "can be read again"),
            Ok(()) => {}
        }
    }
}

type Troubles = BTreeMap<Arc<str>, Result<(), String>>;

/// Rounds at once, over all mailboxes.
const AT_ONCE: usize = 256;

/// How often others get a new snapshot at the most.
const PUBLISH: Duration = Duration::from_secs(1);

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// For sessions to log out in when the exporter stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
