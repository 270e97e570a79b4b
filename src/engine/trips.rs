//! Round trips of links: what is on its way, how it ended, where a letter may go, and when to look for it.
//!
//! Invariant: no letter is sent to a mailbox that an application is known to read.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Deref,
    time::Duration,
};

use super::{
    report::Present,
    state::{LinkState, Snapshot},
};
use crate::{
    check::{Check, Watched, round_trip::errand::Sought},
    domain::{
        clock::Timestamp,
        letter::Mark,
        link::{Address, Direction, Grant, LinkId},
        outcome::{Evidence, Failure},
        reason::{Again, Reason},
        trip::{Arrival, Ended, Found, Trip},
    },
    source::odoo,
};

/// What is known of the round trips of one link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trips {
    /// The letter that is on its way.
    pub out: Option<Trip>,
    /// How the last one ended.
    pub last: Option<Ended>,
    pub counts: BTreeMap<Arrival, u64>,
    /// When letters were sent within the last day, the newest last.
    pub sent: VecDeque<Timestamp>,
    /// The one whose copy is still to be removed where it was sent.
    pub tidy: Option<Trip>,
    /// Messages of ours that could not be removed at the last look.
    pub left: Vec<String>,
    /// Why none is sent.
    pub refused: Option<Refusal>,
}

/// The round trips of a link, which most links have none of: a fleet is not to pay for that.
#[derive(Clone, Debug, Default)]
pub struct Travels(Option<Box<Trips>>);

impl Travels {
    /// From now on there is something to say.
    pub(super) fn of(&mut self) -> &mut Trips {
        self.0.get_or_insert_default()
    }

    /// The same of a link that has changed: why it sent nothing may hold no more.
    pub(super) fn changed(&self) -> Self {
        Trips { refused: None, ..Trips::clone(self) }.into()
    }
}

impl From<Trips> for Travels {
    fn from(trips: Trips) -> Self {
        Self((trips != Trips::NONE).then(|| Box::new(trips)))
    }
}

impl Deref for Travels {
    type Target = Trips;

    fn deref(&self) -> &Trips {
        static NONE: Trips = Trips::NONE;
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// Why a letter is not sent: no failure of the link.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Refusal {
    /// It would become a ticket or a lead there.
    ApplicationReads,
    /// The mailbox has sent as many as it may today.
    Enough,
    /// The mailbox that it should go to is not watched, so nobody would find it.
    UnknownSink,
}

impl Refusal {
    pub const ALL: [Self; 3] = [Self::ApplicationReads, Self::Enough, Self::UnknownSink];

    /// The value of the `because` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApplicationReads => "application_reads",
            Self::Enough => "enough_today",
            Self::UnknownSink => "unknown_sink",
        }
    }

    /// What is the case, and what to do.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::ApplicationReads => {
                "No test message is sent: an application reads the mailbox that it would go to, and would make a record of it. Name another one as checks.round_trip.to, which is watched, too, and which nobody reads."
            }
            Self::Enough => {
                "No further test message is sent today: this mailbox's links have sent four within 24 hours. A schedule of your own lifts that."
            }
            Self::UnknownSink => {
                "No test message is sent: the mailbox under checks.round_trip.to is not watched, or its secret cannot be read, so nobody would find it there. List it under mailboxes."
            }
        }
    }
}

/// The link by which the letters of this one are found: of the mailbox that they go to.
///
/// # Errors
/// Why none may be sent there.
pub fn sink<'a>(
    watched: &Watched,
    all: impl Iterator<Item = &'a Watched> + Clone,
) -> Result<&'a Watched, Refusal> {
    let link = &watched.link;
    let named = watched.settings.round_trip.to.as_ref();
    let to = named.unwrap_or(&link.mailbox);
    let there = all.filter(|other| other.link.mailbox == *to);
    // A mailbox that is named is said to be nobody's; Odoo is known to read those of its incoming servers.
    let reads = |other: &Watched| {
        let is_odoos = || *other.link.client.name == odoo::client_name(&other.link.source);
        other.link.direction != Direction::Outgoing && (named.is_none() || is_odoos())
    };
    if there.clone().any(reads) {
        return Err(Refusal::ApplicationReads);
    }
    let readable = |other: &&Watched| !matches!(other.link.grant, Grant::Unreadable(_));
    let mut usable: Vec<_> = there.filter(readable).collect();
    // One that is configured for reading names the right server.
    usable.sort_by_key(|other| other.link.direction == Direction::Outgoing);
    usable.first().copied().ok_or(Refusal::UnknownSink)
}

/// Why no letter is worth being sent just now: what fails already says more. The checks that are run before it decide by
/// themselves.
pub(super) fn held(link: &LinkState, run: &[Check]) -> Option<Reason> {
    let before = [Check::Token, Check::Smtp].into_iter().filter(|check| !run.contains(check));
    before.into_iter().find_map(|check| match link.checks.get(check).and_then(Present::of)? {
        Present::Fail(failure) => Some(failure.reason),
        Present::Skip(because) => Some(because),
        Present::Pass(_) => None,
    })
}

/// What a finished look means for one letter.
#[derive(Debug)]
pub(super) enum Verdict {
    Arrived(Arrival, Found),
    Bounced(Failure),
    Lost(Failure),
}

impl Trips {
    const NONE: Self = Self {
        out: None,
        last: None,
        counts: BTreeMap::new(),
        sent: VecDeque::new(),
        tidy: None,
        left: Vec::new(),
        refused: None,
    };

    /// Whether the links of one mailbox have sent as many as they may.
    pub(super) fn sent_since(&self, day_ago: Timestamp) -> usize {
        self.sent.iter().filter(|at| **at > day_ago).count()
    }

    pub(super) fn set_out(&mut self, trip: Trip) {
        let day_ago = trip.sent - DAY;
        self.sent.retain(|at| *at > day_ago);
        self.sent.push_back(trip.sent);
        self.refused = None;
        self.out = Some(trip);
    }

    /// Whether somebody has to visit a mailbox because of it.
    pub(super) fn travels(&self) -> bool {
        self.out.is_some() || self.tidy.is_some()
    }

    /// Somebody was where the letter was sent, and cleaned up or could not.
    pub(super) fn tidied(&mut self, sought: &Sought, done: &Result<(), Failure>, now: Timestamp) {
        let is_it = |trip: &&mut Trip| sought.from_here && trip.mark == sought.trip.mark;
        let Some(trip) = self.tidy.as_mut().filter(is_it) else { return };
        match done {
            Err(failure) if now.since(trip.sent) < GIVEN_UP => trip.next = now + pause(failure),
            Ok(()) | Err(_) => self.tidy = None,
        }
    }

    /// Ends the trip. A failure, where it is one.
    pub(super) fn end(&mut self, verdict: Verdict, now: Timestamp) -> Option<Failure> {
        let trip = self.out.take()?;
        // Where it went to its own sender, one look cleaned up all of it.
        self.tidy = (trip.from != trip.to).then(|| Trip { next: now, ..trip.clone() });
        let (arrival, found, failure) = match verdict {
            Verdict::Arrived(arrival, found) => {
                let failure = unwelcome(&trip, &found, arrival);
                (arrival, Some(found), failure)
            }
            Verdict::Bounced(failure) | Verdict::Lost(failure) => {
                (Arrival::Lost, None, Some(failure))
            }
        };
        *self.counts.entry(arrival).or_default() += 1;
        let millis = |delay: Duration| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.last = Some(Ended {
            at: now,
            arrival: arrival.name().to_owned(),
            delay: found.as_ref().map(|found| millis(trip.delay(found))),
            verdicts: found.map(|found| found.verdicts).unwrap_or_default(),
        });
        failure
    }
}

/// The failure of a letter that did not arrive: that of sending, where nobody knew whether it was taken.
pub fn lost(trip: &Trip) -> Failure {
    match &trip.unsure {
        Some(unsure) => Failure {
            evidence: unsure.words.clone().map(Evidence::Kept),
            ..Failure::new(unsure.reason)
        },
        None => {
            let words = format!("sent {}, and neither in the inbox nor in spam since", trip.sent);
            Failure { evidence: Some(Evidence::Kept(words)), ..Failure::new(Reason::MessageLost) }
        }
    }
}

/// The failure of a letter that arrived otherwise than it should.
pub fn unwelcome(trip: &Trip, found: &Found, arrival: Arrival) -> Option<Failure> {
    arrival.reason().map(|reason| Failure::own(reason, told(trip, found)))
}

/// The letter's way, in words.
fn told(trip: &Trip, found: &Found) -> String {
    format!("sent {}, received {}{}", trip.sent, found.received, found.verdicts)
}

/// An errand that is due: by which link, and what for.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) by: LinkId,
    pub(super) sought: Vec<Sought>,
    /// Whether to wait for what has not come yet.
    pub(super) first: bool,
}

/// The errand that is due at `now` at a mailbox that is free. All letters that have to do with that mailbox come along.
pub(super) fn due(
    snapshot: &Snapshot,
    travelling: &BTreeSet<LinkId>,
    now: Timestamp,
    free: impl Fn(&Address) -> bool,
) -> Option<Due> {
    let mut errands = errands(snapshot, travelling).into_iter();
    let (_, errand) = errands.find(|(mailbox, errand)| errand.at <= now && free(mailbox))?;
    let first = errand.sought.iter().any(|sought| sought.here && sought.trip.looks == 0);
    Some(Due { by: errand.by, sought: errand.sought, first })
}

/// When the next errand is due.
pub(super) fn wake(
    snapshot: &Snapshot,
    travelling: &BTreeSet<LinkId>,
    free: impl Fn(&Address) -> bool,
) -> Option<Timestamp> {
    let at = errands(snapshot, travelling);
    at.iter().filter(|(mailbox, _)| free(mailbox)).map(|(_, errand)| errand.at).min()
}

struct Errand {
    by: LinkId,
    at: Timestamp,
    sought: Vec<Sought>,
}

/// What there is to do at each mailbox.
fn errands(snapshot: &Snapshot, travelling: &BTreeSet<LinkId>) -> BTreeMap<Address, Errand> {
    let mut errands = BTreeMap::<Address, Errand>::new();
    for id in travelling {
        let Some(state) = snapshot.links.get(id) else { continue };
        let own = &state.watched;
        let mut add = |by: &Watched, trip: &Trip| {
            let mailbox = by.link.mailbox.clone();
            let (here, from_here) = (mailbox == trip.to, mailbox == trip.from);
            let errand = errands.entry(mailbox).or_insert_with(|| Errand {
                by: by.link.id.clone(),
                at: trip.next,
                sought: Vec::new(),
            });
            errand.at = errand.at.min(trip.next);
            errand.sought.push(Sought { link: id.clone(), trip: trip.clone(), here, from_here });
        };
        if let Some(trip) = &state.trips.tidy {
            add(own, trip);
        }
        let Some(trip) = &state.trips.out else { continue };
        let sink = snapshot.links.get(&trip.by).map(|state| &state.watched);
        let sink = sink.filter(|other| other.link.mailbox == trip.to);
        match sink {
            Some(sink) => add(sink, trip),
            // Nobody can look for it any more: the sender may still hear of it.
            None => add(own, trip),
        }
        // What bounces comes back to the sender.
        if trip.to != trip.from && sink.is_some() && trip.looks > 0 {
            add(own, trip);
        }
    }
    errands
}

/// How much sooner a mailbox that could not be visited is tried again than that.
pub(super) fn pause(failure: &Failure) -> Duration {
    match failure.reason.again() {
        Again::Now => Duration::from_secs(2 * 60),
        Again::OnSchedule => Duration::from_secs(10 * 60),
        Again::AfterPause | Again::WhenMended => Duration::from_secs(60 * 60),
    }
}

/// Marks of all letters that are on their way.
pub(super) fn marks(snapshot: &Snapshot, travelling: &BTreeSet<LinkId>) -> BTreeSet<Mark> {
    let out = travelling.iter().filter_map(|id| snapshot.links.get(id)?.trips.out.as_ref());
    out.map(|trip| trip.mark.clone()).collect()
}

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// After this a letter is given up, although nobody could look for it.
pub(super) const GIVEN_UP: Duration = DAY;

#[cfg(test)]
mod tests;
