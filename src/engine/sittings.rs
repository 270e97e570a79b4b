//! The IMAP sessions that are kept: one for each mailbox that wants it, by one of its links, for as long as it lasts.
//!
//! Invariant: a mailbox has one such session at the most, whatever number of links ask for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{self, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    Engine, Running,
    report::Present,
    spread,
    state::{Generation, LinkState},
};
use crate::{
    check::{
        Check,
        session::{Kept, Sitting, sit},
    },
    domain::{
        clock::Timestamp,
        link::{Address, LinkId},
        outcome::{Failure, Outcome, Readings, Told, Traffic, Verdict},
        reason::Reason,
        session::{Ended, How, SHORT},
    },
    engine::mailbox::Spare,
};

/// All sessions that are kept.
#[derive(Debug)]
pub(super) struct Sittings {
    tasks: JoinSet<Option<Failure>>,
    seats: HashMap<Address, Seat>,
    ids: HashMap<task::Id, Address>,
    teller: mpsc::UnboundedSender<Heard>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

/// One of them.
#[derive(Debug)]
struct Seat {
    link: LinkId,
    generation: Generation,
    since: Timestamp,
    token_ends: Option<Timestamp>,
    stop: CancellationToken,
    /// Whether it has lasted long enough to say that sessions do.
    proven: bool,
}

/// What a session was told on its way, and what it moved.
#[derive(Debug)]
pub(super) struct Heard {
    mailbox: Address,
    told: Vec<Told>,
    traffic: Traffic,
}

/// What there is to do about sessions.
#[derive(Debug)]
pub(super) enum Stir {
    Ended(Result<(task::Id, Option<Failure>), JoinError>),
    Heard(Heard),
}

impl Default for Sittings {
    fn default() -> Self {
        let (teller, heard) = mpsc::unbounded_channel();
        let (tasks, seats, ids) = (JoinSet::new(), HashMap::new(), HashMap::new());
        Self { tasks, seats, ids, teller, heard }
    }
}

impl Sittings {
    /// Waits until one of them has something to say, or ended; for ever, while there is none.
    pub(super) async fn stir(&mut self) -> Stir {
        tokio::select! {
            biased;
            Some(heard) = self.heard.recv() => Stir::Heard(heard),
            Some(ended) = self.tasks.join_next_with_id() => Stir::Ended(ended),
            else => std::future::pending().await,
        }
    }

    /// Waits for all of them to say good-bye.
    pub(super) async fn close(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Until one has lasted long enough to prove that sessions do.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        let unproven = self.seats.values().filter(|seat| !seat.proven);
        unproven.map(|seat| seat.since + SHORT).min()
    }
}

impl Engine {
    /// What the `session` check of a round does; it is taken out where that is nothing.
    pub(super) fn take_seat(
        &mut self,
        id: &LinkId,
        checks: &mut Vec<Check>,
        asked: bool,
    ) -> Sitting {
        let nothing = Sitting::default();
        if !checks.contains(&Check::Session) || asked {
            return nothing;
        }
        let now = self.clock.now();
        let Some(link) = self.state.link(id).cloned() else { return nothing };
        let mailbox = &link.watched.link.mailbox;
        let settings = &link.watched.settings.session;
        let before =
            self.state.mailbox(mailbox).and_then(|mailbox| mailbox.sessions.as_ref()?.spare);
        let is_due = before.is_none_or(|before| {
            settings.timing.schedule.next(before.at).is_some_and(|next| next <= now)
        });
        let sitting = Sitting {
            keep: !self.sittings.seats.contains_key(mailbox),
            spare: if is_due { settings.spare_sessions } else { 0 },
            ..nothing
        };
        let is_ours = self.bearer(mailbox, Check::Session).as_ref() == Some(id);
        if is_ours && (sitting.keep || sitting.spare > 0) {
            return sitting;
        }
        checks.retain(|check| *check != Check::Session);
        self.schedule.pass_over(id, &[Check::Session], now);
        if !is_ours {
            self.state.forget(id, Check::Session);
        }
        Sitting::default()
    }

    /// Of the links of a mailbox, the one that runs this check for all of them: the first whose token works.
    pub(super) fn bearer(&self, mailbox: &Address, check: Check) -> Option<LinkId> {
        let wants = |link: &&Arc<LinkState>| {
            let watched = &link.watched;
            watched.link.mailbox == *mailbox && watched.runs(check)
        };
        let works = |link: &Arc<LinkState>| {
            let token = link.checks.get(Check::Token).and_then(Present::of);
            !matches!(token, Some(Present::Fail(_) | Present::Skip(_)))
        };
        let links = self.state.of_mailbox(mailbox).filter(wants);
        let (works, broken): (Vec<_>, Vec<_>) = links.partition(|link| works(link));
        let first = works.into_iter().chain(broken).next()?;
        Some(first.watched.link.id.clone())
    }

    /// Takes what the `session` check left. Gives whether its pass says anything yet.
    pub(super) fn seat(
        &mut self,
        running: &Running,
        sitting: Sitting,
        token_ends: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let Sitting { spare, kept, had, .. } = sitting;
        if let Some(had) = had {
            self.state.at_mailbox(&running.mailbox, |mailbox| {
                let sessions = mailbox.sessions.get_or_insert_default();
                sessions.spare = Some(Spare { at: now, asked: spare, had });
            });
        }
        if let Some(kept) = kept {
            self.keep(running, kept, token_ends, now);
        }
        let sessions = self.state.mailbox(&running.mailbox).and_then(|it| it.sessions.as_ref());
        sessions.is_none_or(|sessions| !sessions.are_short())
    }

    fn keep(
        &mut self,
        running: &Running,
        kept: Kept,
        token_ends: Option<Timestamp>,
        now: Timestamp,
    ) {
        let stop = self.stop.child_token();
        let (mailbox, teller) = (running.mailbox.clone(), self.sittings.teller.clone());
        let tell = move |told, traffic| {
            // The engine ends after its sessions.
            let _ = teller.send(Heard { mailbox: mailbox.clone(), told, traffic });
        };
        let task = self.sittings.tasks.spawn(sit(kept, stop.clone(), tell));
        self.sittings.ids.insert(task.id(), running.mailbox.clone());
        let seat = Seat {
            link: running.link.clone(),
            generation: running.generation,
            since: now,
            token_ends,
            stop,
            proven: false,
        };
        self.sittings.seats.insert(running.mailbox.clone(), seat);
        self.state.at_mailbox(&running.mailbox, |mailbox| mailbox.sits(now));
    }

    /// Ends sessions of links that have gone or changed, and of checks that are off now. What came of spare sessions is
    /// forgotten where none are asked for any more.
    pub(super) fn clear_seats(&mut self) {
        for seat in self.sittings.seats.values() {
            let same = self.state.link(&seat.link).is_some_and(|link| {
                link.watched.runs(Check::Session) && link.generation == seat.generation
            });
            if !same {
                seat.stop.cancel();
            }
        }
        self.state.forget_spare_sessions(|watched| {
            watched.runs(Check::Session) && watched.settings.session.spare_sessions > 0
        });
    }

    pub(super) fn stirred(&mut self, stir: Stir) {
        let now = self.clock.now();
        match stir {
            Stir::Heard(Heard { mailbox, told, traffic }) => {
                self.state.at_mailbox(&mailbox, |known| known.hear(&told, traffic, now));
            }
            Stir::Ended(ended) => {
                let (task, failure) = match ended {
                    Ok(ended) => ended,
                    // The panic hook has logged where.
                    Err(error) => (error.id(), Some(Failure::new(Reason::InternalError))),
                };
                self.left(task, failure, now);
            }
        }
        self.unpublished = true;
    }

    fn left(&mut self, task: task::Id, failure: Option<Failure>, now: Timestamp) {
        let Some(mailbox) = self.sittings.ids.remove(&task) else { return };
        let Some(seat) = self.sittings.seats.remove(&mailbox) else { return };
        let how = match &failure {
            None => How::Closed,
            Some(failure) => How::of(failure, now, seat.token_ends),
        };
        let words = failure.as_ref().map_or_else(String::new, ToString::to_string);
        let ended = Ended { at: now, lasted: now.since(seat.since), how, words };
        tracing::debug!(%mailbox, lasted = ?ended.lasted, how = how.name(), "an IMAP session ended");
        let pause = self.state.at_mailbox(&mailbox, |mailbox| mailbox.sat(ended));
        let short = self.state.mailbox(&mailbox).and_then(|it| it.sessions.as_ref());
        if short.is_some_and(|sessions| sessions.are_short()) && how != How::Closed {
            let said = failure.and_then(|failure| failure.evidence);
            let failure = Failure { evidence: said, ..Failure::new(Reason::ImapSessionShort) };
            let outcome = Outcome::without_probe(Verdict::Fail(failure), now);
            self.conclude(&seat.link, Check::Session, outcome, now);
        }
        let bearer = self.bearer(&mailbox, Check::Session);
        if let (Some(pause), Some(link)) = (pause, bearer) {
            let at = now + pause + spread::phase(&link, self.jitter());
            self.schedule.bring(&link, Check::Session, at);
            self.state.plan(&link, self.schedule.planned(&link));
        }
    }

    /// A session that lasts says that sessions do.
    pub(super) fn prove_seats(&mut self) {
        let now = self.clock.now();
        let lasts = |seat: &Seat| !seat.proven && now.since(seat.since) >= SHORT;
        let proven: Vec<_> = self
            .sittings
            .seats
            .iter_mut()
            .filter(|(_, seat)| lasts(seat))
            .map(|(mailbox, seat)| {
                seat.proven = true;
                (mailbox.clone(), seat.link.clone())
            })
            .collect();
        for (mailbox, link) in proven {
            let was_short = self.state.at_mailbox(&mailbox, |mailbox| {
                let sessions = mailbox.sessions.get_or_insert_default();
                std::mem::take(&mut sessions.short) > 0
            });
            if was_short == Some(true) {
                let pass = Verdict::Pass(Readings::default());
                self.conclude(&link, Check::Session, Outcome::without_probe(pass, now), now);
            }
        }
    }

    /// Sessions that began together end together, and are not to begin together again.
    fn jitter(&self) -> Duration {
        spread::window(self.sittings.seats.len() + 1)
    }

    /// A session that could not be had is tried again soon, and ever more rarely.
    pub(super) fn seat_again(&mut self, id: &LinkId, reason: Reason, now: Timestamp) {
        let streak = self.schedule.streaks(id).get(&Check::Session).copied().unwrap_or_default();
        let pause = crate::domain::session::pause(streak.saturating_add(2));
        let pause = pause.max(super::schedule::pause(reason, streak));
        self.schedule.bring(id, Check::Session, now + pause + spread::phase(id, self.jitter()));
    }
}
