//! The engine's part in round trips: which letter a round takes along, the errands that look for letters, and what is
//! made of them.

use std::time::Duration;

use super::{Checking, Engine, Running, Task, random::random, round::Round, trips};
use crate::{
    check::{
        Check, Watched,
        round_trip::{
            Sent,
            errand::{Errand, Report, Sought},
        },
    },
    domain::{
        clock::Timestamp,
        fingerprint::Key,
        letter::{Installation, Letter, Mark},
        link::{Address, LinkId},
        outcome::{Failure, Outcome, Readings, Told, Traffic, Verdict},
        trip::{AT_LEAST, Trip},
    },
    engine::trips::{Refusal, Trips},
    wire::Wire,
};

/// An errand that is over.
#[derive(Debug)]
pub(super) struct Errands {
    pub(super) sought: Vec<Sought>,
    pub(super) report: Report,
    pub(super) done: Result<(), Failure>,
    pub(super) told: Vec<Told>,
    pub(super) traffic: Traffic,
}

impl Engine {
    /// What the `round_trip` check of a round sends, where that is among its checks; it is taken out where nothing is.
    pub(super) fn take_letter(
        &mut self,
        id: &LinkId,
        checks: &mut Vec<Check>,
    ) -> Option<(Letter, LinkId)> {
        if !checks.contains(&Check::RoundTrip) {
            return None;
        }
        let held = self.state.link(id).and_then(|link| trips::held(link, checks));
        let letter = match held {
            Some(because) => {
                let outcome = Outcome::without_probe(Verdict::Skip { because }, self.clock.now());
                self.conclude(id, Check::RoundTrip, outcome, self.clock.now());
                None
            }
            None => self.letter(id),
        };
        if letter.is_none() {
            checks.retain(|check| *check != Check::RoundTrip);
            self.schedule.pass_over(id, &[Check::RoundTrip], self.clock.now());
        }
        letter
    }

    /// The letter of a link's next round trip; none where none is to be sent, of which note is taken.
    fn letter(&mut self, id: &LinkId) -> Option<(Letter, LinkId)> {
        let now = self.clock.now();
        let to = self.destination(id, now);
        let link = self.state.link(id)?.watched.clone();
        let trips = self.state.trips(id)?;
        let (to, by) = match to {
            Ok(there) => there,
            Err(refusal) => {
                trips.refused = Some(refusal);
                return None;
            }
        };
        // One at a time: the last one is still looked for.
        if trips.out.is_some() {
            return None;
        }
        Some((letter(&link, &to, &self.installation(), now), by))
    }

    /// Where it goes, and the link by which it is found there.
    fn destination(&self, id: &LinkId, now: Timestamp) -> Result<(Address, LinkId), Refusal> {
        let snapshot = self.state.current();
        let state = snapshot.links.get(id).ok_or(Refusal::UnknownSink)?;
        let watched = &state.watched;
        let all = snapshot.links.values().map(|state| &state.watched);
        let sink = trips::sink(watched, all)?;
        let mailbox = &watched.link.mailbox;
        let siblings = snapshot.links.values().filter(|it| it.watched.link.mailbox == *mailbox);
        let sent: usize = siblings.map(|it| it.trips.sent_since(now - trips::DAY)).sum();
        match watched.settings.round_trip.a_day {
            Some(most) if sent >= most => Err(Refusal::Enough),
            _ => Ok((sink.link.mailbox.clone(), sink.link.id.clone())),
        }
    }

    pub(super) fn installation(&self) -> Installation {
        Installation::of(self.storage.key())
    }

    /// A letter is on its way.
    pub(super) fn set_out(&mut self, id: &LinkId, letter: Letter, by: LinkId, sent: Sent) {
        let Letter { mark, from, to, .. } = letter;
        let trip = Trip::new(mark, from, to, by, sent.at);
        if let Some(trips) = self.state.trips(id) {
            trips.set_out(Trip { unsure: sent.unsure, ..trip });
            self.travelling.insert(id.clone());
            self.storage.note(id);
        }
    }

    /// Letters that an earlier process has sent are looked for by this one.
    pub(super) fn resume_trips(&mut self) {
        let snapshot = self.state.current();
        let out = snapshot.links.iter().filter(|(_, state)| state.trips.travels());
        self.travelling = out.map(|(id, _)| id.clone()).collect();
    }

    /// Somebody may have set the clock back.
    fn reckon(&mut self, now: Timestamp) {
        let ahead = |trips: &Trips| trips.out.as_ref().is_some_and(|out| out.sent > now);
        for id in &self.travelling {
            if self.state.link(id).is_some_and(|link| ahead(&link.trips))
                && let Some(out) = self.state.trips(id).and_then(|trips| trips.out.as_mut())
            {
                out.reckon(now);
            }
        }
    }

    pub(super) fn start_errands(&mut self) {
        let now = self.clock.now();
        self.reckon(now);
        while self.rounds.len() < super::AT_ONCE && !self.travelling.is_empty() {
            let free = |mailbox: &_| !self.busy.contains(mailbox);
            let snapshot = self.state.current();
            let Some(due) = trips::due(snapshot, &self.travelling, now, free) else { return };
            let Some(link) = snapshot.links.get(&due.by) else { return };
            let errand = Errand {
                installation: self.installation(),
                sought: due.sought,
                on_their_way: trips::marks(snapshot, &self.travelling),
                wait: if due.first { WAIT } else { Duration::ZERO },
            };
            let (watched, wire) = (link.watched.clone(), Wire::clone(&self.wire.load()));
            let mut round = Round {
                token: self.tokens.remove(&due.by),
                ..Round::new(watched, wire, self.stop.clone())
            };
            let running = Running::of(link, None);
            // Its checks wait meanwhile.
            self.schedule.take(&due.by, now);
            self.busy.insert(running.mailbox.clone());
            let task = self.rounds.spawn(async move {
                let mut report = Report::default();
                let (ended, done) = round.errand(&errand, &mut report).await;
                let (told, traffic) = (std::mem::take(&mut round.told), round.traffic);
                let errands = Errands { sought: errand.sought, report, done, told, traffic };
                Task { token: round.token, checking: Checking::Errand(ended, Box::new(errands)) }
            });
            self.running.insert(task.id(), running);
            self.unpublished = true;
        }
    }

    /// Takes what an errand found.
    pub(super) fn take_errand(&mut self, by: &Running, errands: Errands, now: Timestamp) {
        let Errands { sought, report, done, told, traffic } = errands;
        self.state.at_mailbox(&by.mailbox, |mailbox| mailbox.hear(&told, traffic, now));
        if let Err(failure) = &done {
            let why = failure.to_string();
            tracing::debug!(why, "a mailbox could not be looked through for test messages");
        }
        for sought in sought {
            let id = &sought.link;
            let Some(link) = self.state.link(id) else { continue };
            let patience = link.watched.settings.round_trip.patience;
            let Some(trips) = self.state.trips(id) else { continue };
            trips.tidied(&sought, &done, now);
            let Some(trip) = trips.out.as_mut().filter(|out| out.mark == sought.trip.mark) else {
                self.rest_from_travel(id);
                continue;
            };
            let found = of(&report.found, &trip.mark);
            let bounced = of(&report.bounced, &trip.mark);
            trips.left = report.left.clone();
            if sought.here {
                match &done {
                    Err(failure) if !report.complete => trip.next = now + trips::pause(failure),
                    Ok(()) | Err(_) => {
                        trip.missed = Some(now);
                        trip.look_again(now, patience);
                    }
                }
            } else {
                // The other mailbox decides; here it is enough to have looked as often.
                trip.next = trip.next.max(now + AT_LEAST);
            }
            let trip = trip.clone();
            let given_up = now.since(trip.sent) > trips::GIVEN_UP;
            let verdict = match (found, bounced) {
                (Some(found), _) => {
                    Some(trips::Verdict::Arrived(trip.arrived(&found, patience), found))
                }
                (None, Some(failure)) => Some(trips::Verdict::Bounced(failure)),
                (None, None) if trip.is_lost(patience) => {
                    Some(trips::Verdict::Lost(trips::lost(&trip)))
                }
                (None, None) => None,
            };
            match verdict {
                Some(verdict) => self.end_trip(id, &trip, verdict, now),
                // What could not be known is not told.
                None if given_up => self.forget_trip(id),
                None => {}
            }
            self.storage.note(id);
        }
        self.unpublished = true;
    }

    fn forget_trip(&mut self, id: &LinkId) {
        if let Some(trips) = self.state.trips(id) {
            trips.out = None;
        }
        self.rest_from_travel(id);
    }

    /// Where a link's letter is neither on its way nor to be cleaned up, nobody need think of it.
    fn rest_from_travel(&mut self, id: &LinkId) {
        if self.state.link(id).is_none_or(|link| !link.trips.travels()) {
            self.travelling.remove(id);
        }
    }

    fn end_trip(&mut self, id: &LinkId, trip: &Trip, verdict: trips::Verdict, now: Timestamp) {
        let Some(failure) = self.state.trips(id).map(|trips: &mut Trips| trips.end(verdict, now))
        else {
            return;
        };
        self.rest_from_travel(id);
        let outcome = Outcome {
            took: now.since(trip.sent),
            ..Outcome::without_probe(
                failure.map_or_else(|| Verdict::Pass(Readings::default()), Verdict::Fail),
                now,
            )
        };
        self.conclude(id, Check::RoundTrip, outcome, now);
    }
}

fn of<T: Clone>(found: &[(Mark, T)], mark: &Mark) -> Option<T> {
    found.iter().find(|(known, _)| known == mark).map(|(_, it)| it.clone())
}

/// A new letter of this link to that mailbox.
pub fn letter(
    watched: &Watched,
    to: &Address,
    installation: &Installation,
    at: Timestamp,
) -> Letter {
    let contact = watched.settings.round_trip.contact.as_deref();
    let contact = contact.unwrap_or("whoever runs mailbox_exporter for this mailbox");
    let mark = Mark::new(installation, random());
    Letter::new(watched.link.mailbox.clone(), to.clone(), mark, at, contact)
}

/// An installation of its own, whose name nobody keeps.
pub fn passing_installation() -> Installation {
    Installation::of(&Key::new(random()))
}

/// How long the first look waits: most mail takes seconds.
const WAIT: Duration = Duration::from_secs(60);
