//! Which transitions are told: what may pass by itself only when it stays, a link that flaps only once.
//!
//! Invariant: nothing is told healed that was not told broken. It has no clock of its own: every call says what time it is.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use crate::{
    domain::{
        clock::Timestamp,
        link::{Address, LinkId},
        reason::{Again, Reason},
    },
    engine::course::{Transition, Trouble, Turn},
};

/// More changes than these within [`WINDOW`], and the link flaps.
pub const MOST: usize = 6;

pub const WINDOW: Duration = Duration::from_secs(60 * 60);

/// A link that flapped and has not changed for so long is told again as it is.
pub const STEADY: Duration = Duration::from_secs(30 * 60);

/// Something that is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    pub link: LinkId,
    pub mailbox: Address,
    pub at: Timestamp,
    pub event: Event,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    Broke(Trouble),
    /// It changes too often to be told of each time; the trouble it is in just now, if it is.
    Flapping(Option<Trouble>),
    Healed,
    ReasonChanged(Trouble),
    TokenChanged,
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Broke(_) => "broke",
            Self::Flapping(_) => "flapping",
            Self::Healed => "healed",
            Self::ReasonChanged(_) => "reason_changed",
            Self::TokenChanged => "token_changed",
        }
    }

    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Broke(trouble) | Self::ReasonChanged(trouble) => Some(trouble),
            Self::Flapping(trouble) => trouble.as_ref(),
            Self::Healed | Self::TokenChanged => None,
        }
    }
}

/// What was told of every link that ever changed.
#[derive(Debug, Default)]
pub struct Damping {
    links: HashMap<LinkId, Course>,
    flapping: BTreeSet<LinkId>,
}

#[derive(Debug)]
struct Course {
    mailbox: Address,
    present: Option<Trouble>,
    /// Whether a second run confirmed what may pass by itself.
    confirmed: bool,
    told: Option<Believed>,
    /// When it changed, within the window; the newest last.
    changes: VecDeque<Timestamp>,
}

/// What whoever is told believes of a link that they do not believe to work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Believed {
    Broken(Reason),
    Flapping,
}

impl Damping {
    /// What of this is to be told.
    pub fn take(&mut self, transition: Transition) -> Option<Told> {
        let Transition { link, mailbox, at, turn } = transition;
        if let Turn::Gone = turn {
            self.links.remove(&link);
            self.flapping.remove(&link);
            return None;
        }
        let course = self.links.entry(link.clone()).or_insert_with(|| Course::new(mailbox));
        let event = course.take(at, turn)?;
        if let Event::Flapping(_) = event {
            self.flapping.insert(link.clone());
        }
        Some(Told { link, mailbox: course.mailbox.clone(), at, event })
    }

    /// The links that flapped and have been steady since, as they are.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Told> {
        let links = &mut self.links;
        let mut told = Vec::new();
        self.flapping.retain(|id| {
            let Some(course) = links.get_mut(id) else { return false };
            if course.steady_at().is_some_and(|at| now < at) {
                return true;
            }
            let (link, mailbox) = (id.clone(), course.mailbox.clone());
            told.push(Told { link, mailbox, at: now, event: course.settle() });
            false
        });
        told
    }

    /// When to ask for those at the latest.
    pub fn wake(&self) -> Option<Timestamp> {
        let flapping = self.flapping.iter().filter_map(|id| self.links.get(id));
        flapping.filter_map(Course::steady_at).min()
    }
}

impl Course {
    fn new(mailbox: Address) -> Self {
        Self { mailbox, present: None, confirmed: false, told: None, changes: VecDeque::new() }
    }

    fn take(&mut self, at: Timestamp, turn: Turn) -> Option<Event> {
        match &turn {
            Turn::Persists => self.confirmed = true,
            _ => self.note(at),
        }
        match &turn {
            Turn::Broke(trouble) => {
                self.present = Some(trouble.clone());
                self.confirmed = false;
            }
            Turn::ReasonChanged(trouble) => {
                self.present = Some(trouble.clone());
                // The second failing run, if for another reason. But who was told of one reason hears of a passing
                // other one only when that stays.
                self.confirmed = self.told.is_none();
            }
            Turn::Healed => self.present = None,
            Turn::Gone | Turn::Persists | Turn::TokenChanged => {}
        }
        if self.told == Some(Believed::Flapping) {
            return None;
        }
        if self.changes.len() > MOST {
            self.told = Some(Believed::Flapping);
            return Some(Event::Flapping(self.present.clone()));
        }
        if let Turn::TokenChanged = turn {
            return Some(Event::TokenChanged);
        }
        match &self.present {
            None => self.told.take().map(|_| Event::Healed),
            Some(trouble) if !self.is_sure(trouble.reason) => None,
            Some(trouble) => match self.told.replace(Believed::Broken(trouble.reason)) {
                None => Some(Event::Broke(trouble.clone())),
                Some(told) if told == Believed::Broken(trouble.reason) => None,
                Some(_) => Some(Event::ReasonChanged(trouble.clone())),
            },
        }
    }

    fn is_sure(&self, reason: Reason) -> bool {
        self.confirmed || reason.again() != Again::Now
    }

    fn note(&mut self, at: Timestamp) {
        self.changes.push_back(at);
        // No more are needed to see that it flaps.
        let too_many = self.changes.len().saturating_sub(MOST + 1);
        self.changes.drain(..too_many);
        self.changes.retain(|change| at.since(*change) < WINDOW);
    }

    fn steady_at(&self) -> Option<Timestamp> {
        self.changes.back().map(|last| *last + STEADY)
    }

    fn settle(&mut self) -> Event {
        self.changes.clear();
        match &self.present {
            Some(trouble) => {
                self.told = Some(Believed::Broken(trouble.reason));
                Event::Broke(trouble.clone())
            }
            None => {
                self.told = None;
                Event::Healed
            }
        }
    }
}

#[cfg(test)]
mod tests;
