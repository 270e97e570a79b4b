//! Which transitions are told: what may pass by itself only when it stays, a link that flaps only once, and a refused
//! client's of no link.
//!
//! Invariant: nothing is told healed that was not told broken, by this process or the one before. It has no clock of its own: every call says what time it is.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use crate::{
    domain::{clock::Timestamp, reason::Reason},
    engine::course::{Subject, Transition, Trouble, Turn, is_certain},
};

/// More changes than these within [`WINDOW`], and the link flaps.
pub const MOST: usize = 6;

pub const WINDOW: Duration = Duration::from_secs(60 * 60);

/// What flapped and has not changed for so long is told again as it is.
pub const STEADY: Duration = Duration::from_secs(30 * 60);

/// Something that is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    pub of: Subject,
    pub at: Timestamp,
    pub event: Event,
}

impl Told {
    /// The event's name as it is sent.
    pub fn name(&self) -> &'static str {
        match (&self.of, &self.event) {
            (Subject::Client(_), Event::Broke(_)) => "client_broke",
            (Subject::Client(_), Event::Flapping(_)) => "client_flapping",
            (Subject::Client(_), Event::Healed) => "client_healed",
            (Subject::Client(_), Event::ReasonChanged(_)) => "client_reason_changed",
            (Subject::Link(..), Event::Broke(_)) => "broke",
            (Subject::Link(..), Event::Flapping(_)) => "flapping",
            (Subject::Link(..), Event::Healed) => "healed",
            (Subject::Link(..), Event::ReasonChanged(_)) => "reason_changed",
            (_, Event::TokenChanged) => "token_changed",
        }
    }
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
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Broke(trouble) | Self::ReasonChanged(trouble) => Some(trouble),
            Self::Flapping(trouble) => trouble.as_ref(),
            Self::Healed | Self::TokenChanged => None,
        }
    }
}

/// What was told of every link and client that ever changed.
#[derive(Debug, Default)]
pub struct Damping {
    courses: HashMap<Subject, Course>,
    flapping: BTreeSet<Subject>,
}

#[derive(Debug, Default)]
struct Course {
    present: Option<Trouble>,
    /// Whether that is told of its client.
    excused: bool,
    /// Whether a second run confirmed what may pass by itself.
    confirmed: bool,
    told: Option<Believed>,
    /// When it changed, within the window; the newest last.
    changes: VecDeque<Timestamp>,
}

/// What whoever is told believes of what they do not believe to work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Believed {
    Broken(Reason),
    Flapping,
}

impl Damping {
    /// What of this is to be told.
    pub fn take(&mut self, transition: Transition) -> Option<Told> {
        let Transition { of, at, turn } = transition;
        if let Turn::Gone = turn {
            self.courses.remove(&of);
            self.flapping.remove(&of);
            return None;
        }
        let event = self.courses.entry(of.clone()).or_default().take(&of, at, &turn)?;
        if let Event::Flapping(_) = event {
            self.flapping.insert(of.clone());
        }
        Some(Told { of, at, event })
    }

    /// What flapped and has been steady since, as it is.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Told> {
        let courses = &mut self.courses;
        let mut told = Vec::new();
        self.flapping.retain(|of| {
            let Some(course) = courses.get_mut(of) else { return false };
            if course.steady_at().is_none_or(|at| now < at) {
                return true;
            }
            told.push(Told { of: of.clone(), at: now, event: course.settle() });
            false
        });
        told
    }

    /// When to ask for those at the latest.
    pub fn wake(&self) -> Option<Timestamp> {
        let flapping = self.flapping.iter().filter_map(|of| self.courses.get(of));
        flapping.filter_map(Course::steady_at).min()
    }
}

impl Course {
    fn take(&mut self, of: &Subject, at: Timestamp, turn: &Turn) -> Option<Event> {
        let was_excused = self.excused;
        if let Some(trouble) = turn.trouble() {
            self.present = Some(trouble.clone());
            self.excused = of.is_excused(trouble.reason);
        }
        match turn {
            Turn::Broke(_) => self.confirmed = false,
            Turn::Healed(_) => (self.present, self.excused) = (None, false),
            Turn::Persists => self.confirmed = true,
            // The second failing run, if for another reason. But who was told of one reason hears of a passing other
            // one only when that stays.
            Turn::ReasonChanged(_) => self.confirmed = self.told.is_none() && !was_excused,
            Turn::Resumed { certain, .. } => {
                self.told = certain.map(Believed::Broken);
                return None;
            }
            Turn::Gone | Turn::TokenChanged => {}
        }
        let is_change = match turn {
            Turn::Broke(_) | Turn::ReasonChanged(_) => !self.excused,
            Turn::Healed(_) => !was_excused,
            Turn::TokenChanged => true,
            Turn::Gone | Turn::Persists | Turn::Resumed { .. } => false,
        };
        if is_change {
            self.note(at);
        }
        if self.told == Some(Believed::Flapping) {
            return None;
        }
        if self.changes.len() > MOST {
            self.told = Some(Believed::Flapping);
            return Some(Event::Flapping(self.present.clone().filter(|_| !self.excused)));
        }
        match turn {
            Turn::TokenChanged => Some(Event::TokenChanged),
            _ => self.tell(),
        }
    }

    /// What is beyond doubt, and not what was told.
    fn tell(&mut self) -> Option<Event> {
        match &self.present {
            None => self.told.take().map(|_| Event::Healed),
            Some(_) if self.excused => None,
            Some(trouble) if !is_certain(trouble.reason, self.confirmed) => None,
            Some(trouble) => match self.told.replace(Believed::Broken(trouble.reason)) {
                None => Some(Event::Broke(trouble.clone())),
                Some(told) if told == Believed::Broken(trouble.reason) => None,
                Some(_) => Some(Event::ReasonChanged(trouble.clone())),
            },
        }
    }

    fn note(&mut self, at: Timestamp) {
        self.changes.push_back(at);
        // No more are needed to see that it flaps.
        let too_many = self.changes.len().saturating_sub(MOST + 1);
        self.changes.drain(..too_many);
        self.changes.retain(|change| at.since(*change) < WINDOW);
    }

    /// None while nothing is told of it but of its client.
    fn steady_at(&self) -> Option<Timestamp> {
        self.changes.back().filter(|_| !self.excused).map(|last| *last + STEADY)
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
