//! `check --send`: sends one letter, follows it to its mailbox, removes it, and tells its way.
//!
//! Invariant: however a run ends, it has tried to remove what it sent; nobody else knows its letters.

use std::{collections::BTreeSet, time::Duration};

use tokio_util::sync::CancellationToken;

use super::rounded;
use crate::{
    check::{
        Check, Watched,
        round_trip::errand::{Errand, Report, Sought},
    },
    domain::{
        clock::Timestamp,
        letter::Installation,
        link::Address,
        outcome::{Failure, Outcome, Phase, Readings, Verdict},
        reason::Reason,
        trip::{Arrival, Found, Place, Trip},
    },
    engine::{errands, report::OfRoundTrip, round::Round, trips},
};

/// What came of trying to send.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) outcomes: Vec<(Check, Outcome)>,
    /// The way as JSON has it.
    pub(super) told: Option<OfRoundTrip>,
    /// The same for a person.
    pub(super) lines: Vec<String>,
}

/// Sends a letter and follows it, unless what was found before says that it could not go. It takes as long as the letter
/// may; the round's `stop` ends the wait, and cleans up all the same. Dropped half-way, it leaves the letter.
pub(super) async fn run(round: &mut Round, all: &[Watched], before: &[(Check, Outcome)]) -> Trial {
    let now = round.wire.clock.now();
    let needed = before.iter().filter(|(check, _)| matches!(check, Check::Smtp | Check::Token));
    if let Some(failure) = needed.filter_map(|(_, outcome)| outcome.failure()).next() {
        let skip = Verdict::Skip { because: failure.reason };
        let outcomes = vec![(Check::RoundTrip, Outcome::without_probe(skip, now))];
        return Trial { outcomes, ..Trial::default() };
    }
    let sink = match trips::sink(&round.watched, all.iter()) {
        Ok(sink) => sink.clone(),
        Err(refusal) => {
            return Trial {
                outcomes: Vec::new(),
                told: Some(OfRoundTrip::refused(refusal)),
                lines: vec![refusal.meaning().to_owned()],
            };
        }
    };
    if round.stop.is_cancelled() {
        return Trial::default();
    }
    // Nobody keeps the name of this run, so it removes its own before it ends.
    let installation = errands::passing_installation();
    let letter = errands::letter(&round.watched, &sink.link.mailbox, &installation, now);
    let (mark, from, to) = (letter.mark.clone(), letter.from.clone(), letter.to.clone());
    round.letter = Some(letter);
    let mut outcomes = round.run(&[Check::RoundTrip]).await;
    let Some(sent) = round.sent.take() else { return Trial { outcomes, ..Trial::default() } };
    let by = sink.link.id.clone();
    let trip = Trip { unsure: sent.unsure, ..Trip::new(mark, from, to, by, sent.at) };
    let mut journey = Journey::new(round, sink, installation, trip);
    journey.follow().await;
    journey.tidy().await;
    let (arrival, failure) = journey.verdict();
    let mut taken = Duration::ZERO;
    if let Some((_, outcome)) = outcomes.iter_mut().find(|(check, _)| *check == Check::RoundTrip) {
        let of_sending = outcome.phases.iter().filter(|(phase, _)| SENDING.contains(phase));
        taken = of_sending.map(|(_, took)| *took).sum();
        outcome.took = journey.now().since(journey.trip.sent);
        outcome.verdict = failure.map_or_else(|| Verdict::Pass(Readings::default()), Verdict::Fail);
    }
    let lines = journey.lines(taken);
    Trial { outcomes, told: Some(journey.told(arrival)), lines }
}

/// A letter that is followed.
struct Journey<'a> {
    sender: &'a mut Round,
    /// Of the link by which its mailbox is read, where that is another.
    there: Option<Round>,
    installation: Installation,
    trip: Trip,
    found: Option<Found>,
    bounced: Option<Failure>,
    /// Why its mailbox could not be looked through the last time.
    trouble: Option<Failure>,
    at_sink: Stand,
    at_sender: Stand,
}

/// How things are at one mailbox, by the last visit.
#[derive(Debug, Default)]
struct Stand {
    /// Whether the visit came to its end.
    done: bool,
    left: Vec<String>,
}

/// A mailbox that a letter has to do with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mailbox {
    Sender,
    Sink,
}

/// What a mailbox is visited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Visit {
    /// To find the letter, and to wait so long for it.
    Seek(Duration),
    /// To remove all that is ours.
    Tidy,
}

impl<'a> Journey<'a> {
    fn new(sender: &'a mut Round, sink: Watched, installation: Installation, trip: Trip) -> Self {
        let there = (sink.link.id != sender.watched.link.id)
            .then(|| Round::new(sink, sender.wire.clone(), sender.stop.clone()));
        Self {
            sender,
            there,
            installation,
            trip,
            found: None,
            bounced: None,
            trouble: None,
            at_sink: Stand::default(),
            at_sender: Stand::default(),
        }
    }

    /// Looks for the letter until it is found, has come back, or is late. Somebody sits and waits, so the looks come closer
    /// to each other than on schedule.
    async fn follow(&mut self) {
        let patience = self.sender.watched.settings.round_trip.patience;
        let end = self.trip.sent + (patience.late + A_LITTLE).min(patience.lost);
        let mut wait = FIRST_WAIT;
        loop {
            let began = self.now();
            self.visit(Mailbox::Sink, Visit::Seek(wait.min(end.since(began)))).await;
            // What bounces comes back to the sender.
            if self.travels() && self.is_apart() {
                self.visit(Mailbox::Sender, Visit::Seek(Duration::ZERO)).await;
            }
            let over = began >= end || self.trip.missed.is_some_and(|missed| missed >= end);
            if !self.travels() || over || self.sender.stop.is_cancelled() {
                return;
            }
            // A server without IDLE has not let us wait.
            let next = (began + wait).min(end);
            tokio::select! {
                () = self.sender.stop.cancelled() => return,
                () = tokio::time::sleep(next.since(self.now())) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Removes what is left of it, also where Ctrl-C ended the wait.
    async fn tidy(&mut self) {
        let stopped = self.sender.stop.is_cancelled();
        for round in [Some(&mut *self.sender), self.there.as_mut()].into_iter().flatten() {
            round.stop = CancellationToken::new();
        }
        if stopped && self.travels() {
            self.visit(Mailbox::Sink, Visit::Seek(Duration::ZERO)).await;
        }
        // The copy of what went to oneself stays until the letter was found.
        let kept_copy = !self.is_apart() && self.found.is_none();
        if !self.at_sink.done || kept_copy {
            self.visit(Mailbox::Sink, Visit::Tidy).await;
        }
        if self.is_apart() && !self.at_sender.done {
            self.visit(Mailbox::Sender, Visit::Tidy).await;
        }
    }

    async fn visit(&mut self, mailbox: Mailbox, what: Visit) {
        let at_sink = mailbox == Mailbox::Sink;
        let (wait, seeks) = match what {
            Visit::Seek(wait) => (wait, true),
            Visit::Tidy => (Duration::ZERO, false),
        };
        let sought = Sought {
            link: self.sender.watched.link.id.clone(),
            trip: self.trip.clone(),
            here: at_sink && seeks,
            from_here: !at_sink || !self.is_apart(),
        };
        let errand = Errand {
            installation: self.installation.clone(),
            sought: vec![sought],
            on_their_way: match seeks {
                true => BTreeSet::from([self.trip.mark.clone()]),
                false => BTreeSet::new(),
            },
            wait,
        };
        let round = match &mut self.there {
            Some(there) if at_sink => there,
            _ => &mut *self.sender,
        };
        let mut report = Report::default();
        let (_, done) = round.errand(&errand, &mut report).await;
        self.take(mailbox, what, report, done);
    }

    fn take(&mut self, mailbox: Mailbox, what: Visit, report: Report, done: Result<(), Failure>) {
        let Report { found, bounced, mut left, complete } = report;
        self.found = self.found.take().or(found.into_iter().map(|(_, found)| found).next());
        self.bounced = self.bounced.take().or(bounced.into_iter().map(|(_, it)| it).next());
        if let (Err(failure), []) = (&done, &left[..]) {
            left.push(format!("nobody could look for it: {failure}"));
        }
        let stand = Stand { done: done.is_ok(), left };
        match mailbox {
            Mailbox::Sender => self.at_sender = stand,
            Mailbox::Sink => self.at_sink = stand,
        }
        if mailbox == Mailbox::Sink && what != Visit::Tidy {
            if complete {
                self.trip.missed = Some(self.now());
            }
            self.trouble = done.err();
        }
    }

    fn is_apart(&self) -> bool {
        self.trip.from != self.trip.to
    }

    fn travels(&self) -> bool {
        self.found.is_none() && self.bounced.is_none()
    }

    fn now(&self) -> Timestamp {
        self.sender.wire.clock.now()
    }

    /// What is known by now. That it has not come is known only by a look at everything that was late enough.
    fn verdict(&self) -> (Option<Arrival>, Option<Failure>) {
        let Trip { sent, to, .. } = &self.trip;
        let patience = self.sender.watched.settings.round_trip.patience;
        let missed = self.trip.missed.map_or(Duration::ZERO, |missed| missed.since(*sent));
        match (&self.found, &self.bounced) {
            (Some(found), _) => {
                let arrival = self.trip.arrived(found, patience);
                (Some(arrival), trips::unwelcome(&self.trip, found, arrival))
            }
            (None, Some(failure)) => (Some(Arrival::Lost), Some(failure.clone())),
            (None, None) if missed >= patience.lost => {
                (Some(Arrival::Lost), Some(trips::lost(&self.trip)))
            }
            // It may never have been sent.
            (None, None) if missed > patience.late && self.trip.unsure.is_some() => {
                (None, Some(trips::lost(&self.trip)))
            }
            (None, None) if missed > patience.late => {
                let after = rounded(missed);
                let words = format!("sent {sent}, and {after} later not there yet");
                (Some(Arrival::Late), Some(Failure::own(Reason::DeliveredLate, words)))
            }
            (None, None) => {
                let trouble = self.trouble.clone();
                let Failure { reason, phase, evidence } =
                    trouble.unwrap_or_else(|| Failure::new(Reason::Timeout));
                let because = evidence.map(|it| format!(": {it}")).unwrap_or_default();
                let words = format!("nobody could look for it in {to}{because}");
                (None, Some(Failure { phase, ..Failure::own(reason, words) }))
            }
        }
    }

    /// What could not be removed, where, and why.
    fn left(&self) -> Vec<String> {
        let stands = [(&self.trip.to, &self.at_sink), (&self.trip.from, &self.at_sender)];
        let at = |(mailbox, stand): (&Address, &Stand)| {
            stand.left.iter().map(|why| format!("in {mailbox}: {why}")).collect::<Vec<_>>()
        };
        let mut left: Vec<_> = stands.into_iter().flat_map(at).collect();
        if self.travels() {
            let (to, id) = (&self.trip.to, self.trip.message_id());
            left.push(format!("in {to}: should it still come, it stays there ({id})"));
        }
        left
    }

    fn told(&self, arrival: Option<Arrival>) -> OfRoundTrip {
        let found = self.found.as_ref();
        let verdicts = found.map(|found| found.verdicts).unwrap_or_default();
        OfRoundTrip {
            to: Some(self.trip.to.to_string()),
            arrival: arrival.map(Arrival::name),
            delay_seconds: found.map(|found| self.trip.delay(found).as_secs_f64()),
            transit_seconds: found.and_then(|found| Some(found.transit?.as_secs_f64())),
            spf: verdicts.spf,
            dkim: verdicts.dkim,
            dmarc: verdicts.dmarc,
            left: self.left(),
            ..OfRoundTrip::default()
        }
    }

    fn lines(&self, taken: Duration) -> Vec<String> {
        let Trip { sent, to, .. } = &self.trip;
        let mut lines = vec![format!("sent {sent} to {to}, taken after {}", rounded(taken))];
        if let Some(found) = &self.found {
            let place = match found.place {
                Place::Inbox => "the inbox",
                Place::Spam => "spam",
            };
            let after = rounded(self.trip.delay(found));
            let transit = found.transit.map(|it| format!(" ({} by their clocks)", rounded(it)));
            lines.push(format!("arrived in {place} after {after}{}", transit.unwrap_or_default()));
            let verdicts = found.verdicts.each().into_iter().filter_map(|(method, passes)| {
                Some(format!("{method} {}", if passes? { "pass" } else { "fail" }))
            });
            let verdicts: Vec<_> = verdicts.collect();
            lines.extend((!verdicts.is_empty()).then(|| verdicts.join(", ")));
        } else {
            let back = if self.bounced.is_some() { "it came back" } else { "not found" };
            lines.push(back.to_owned());
        }
        match &self.left()[..] {
            [] => lines.push("removed".to_owned()),
            left => lines.extend(left.iter().map(|why| format!("not removed {why}"))),
        }
        lines
    }
}

/// From signing in to the server's word on the letter.
const SENDING: [Phase; 4] = [Phase::Auth, Phase::Mail, Phase::Rcpt, Phase::Data];

/// Most mail takes seconds.
const FIRST_WAIT: Duration = Duration::from_secs(5);

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How much longer than until it is late somebody waits for it.
const A_LITTLE: Duration = Duration::from_secs(10);
