//! What a mailbox sent, by the quarter of an hour: enough for days in every time zone, and for rolling days.
//!
//! Invariant: who got a message is here as a fingerprint only.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    ops::Range,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::super::{DAY, Message, Of, Sums};
use crate::domain::{clock::Timestamp, fingerprint::Fingerprint};

/// See the file's head.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct History {
    /// By quarters of an hour since the Unix epoch, without those in which nothing was sent.
    slots: BTreeMap<u32, Slot>,
}

/// What was sent within a quarter of an hour.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    messages: u32,
    recipients: u32,
    external: u32,
    /// Test messages of ours, which are in no other number here.
    own: u32,
    /// Messages that name nobody who got them.
    nameless: u32,
    /// The most recipients of one message.
    largest: u32,
    inside: BTreeSet<Fingerprint>,
    outside: BTreeSet<Fingerprint>,
}

impl History {
    pub fn take(&mut self, message: &Message) {
        let Some(at) = quarter(message.at) else { return };
        let slot = self.slots.entry(at).or_default();
        if message.own {
            slot.own += 1;
            return;
        }
        let to = u32::try_from(message.to.len()).unwrap_or(u32::MAX);
        slot.messages += 1;
        slot.recipients = slot.recipients.saturating_add(to);
        slot.nameless += u32::from(to == 0);
        slot.largest = slot.largest.max(to);
        for recipient in &message.to {
            slot.external = slot.external.saturating_add(u32::from(recipient.external));
            let known = if recipient.external { &mut slot.outside } else { &mut slot.inside };
            known.insert(recipient.who);
        }
    }

    /// When the oldest message was sent, to the quarter of an hour.
    pub fn begins(&self) -> Option<Timestamp> {
        let (first, _) = self.slots.first_key_value()?;
        Some(Timestamp::from_secs(i64::from(*first) * QUARTER))
    }

    /// What was sent from one quarter of an hour to another.
    pub fn sums(&self, range: &Range<Timestamp>) -> Sums {
        let mut window = Window::default();
        self.within(range).for_each(|slot| window.add(slot));
        window.sums()
    }

    /// What was sent within the day before every full hour that has a whole day before it in the range.
    pub fn rolling(&self, range: &Range<Timestamp>) -> Vec<(Timestamp, Sums)> {
        let hour = |at: Timestamp| at.as_millis().div_euclid(HOUR.as_millis() as i64);
        let (Some(first), last) = (hour_from(range.start + DAY), hour(range.end)) else {
            return Vec::new();
        };
        let at = |hour: i64| Timestamp::from_secs(hour * HOUR.as_secs() as i64);
        let mut window = Window::default();
        self.within(&(at(first) - DAY..at(first) - HOUR)).for_each(|slot| window.add(slot));
        let mut rolling = Vec::new();
        for end in (first..=last).map(at) {
            self.within(&(end - HOUR..end)).for_each(|slot| window.add(slot));
            rolling.push((end, window.sums()));
            self.within(&(end - DAY..end - DAY + HOUR)).for_each(|slot| window.remove(slot));
        }
        rolling
    }

    /// Test messages of ours.
    pub fn own(&self, range: &Range<Timestamp>) -> u64 {
        self.within(range).map(|slot| u64::from(slot.own)).sum()
    }

    /// Messages that name nobody who got them.
    pub fn nameless(&self, range: &Range<Timestamp>) -> u64 {
        self.within(range).map(|slot| u64::from(slot.nameless)).sum()
    }

    /// The most recipients of one message.
    pub fn largest(&self, range: &Range<Timestamp>) -> u64 {
        self.within(range).map(|slot| u64::from(slot.largest)).max().unwrap_or(0)
    }

    fn within(&self, range: &Range<Timestamp>) -> impl Iterator<Item = &Slot> {
        let end = quarter(range.end).unwrap_or(0);
        let start = quarter(range.start).unwrap_or(0).min(end);
        self.slots.range(start..end).map(|(_, slot)| slot)
    }
}

/// The sums of slots that come and go.
#[derive(Default)]
struct Window {
    messages: u64,
    recipients: u64,
    external: u64,
    inside: HashMap<Fingerprint, u32>,
    outside: HashMap<Fingerprint, u32>,
}

impl Window {
    fn add(&mut self, slot: &Slot) {
        self.messages += u64::from(slot.messages);
        self.recipients += u64::from(slot.recipients);
        self.external += u64::from(slot.external);
        for (known, slot) in [(&mut self.inside, &slot.inside), (&mut self.outside, &slot.outside)]
        {
            slot.iter().for_each(|who| *known.entry(*who).or_default() += 1);
        }
    }

    fn remove(&mut self, slot: &Slot) {
        self.messages -= u64::from(slot.messages);
        self.recipients -= u64::from(slot.recipients);
        self.external -= u64::from(slot.external);
        for (known, slot) in [(&mut self.inside, &slot.inside), (&mut self.outside, &slot.outside)]
        {
            for who in slot {
                if let Entry::Occupied(mut entry) = known.entry(*who) {
                    *entry.get_mut() -= 1;
                    if *entry.get() == 0 {
                        entry.remove();
                    }
                }
            }
        }
    }

    fn sums(&self) -> Sums {
        let (inside, outside) = (self.inside.len() as u64, self.outside.len() as u64);
        Sums(Of::ALL.map(|of| match of {
            Of::Messages => self.messages,
            Of::Recipients => self.recipients,
            Of::ExternalRecipients => self.external,
            Of::UniqueRecipients => inside + outside,
            Of::UniqueExternalRecipients => outside,
        }))
    }
}

/// The first full hour that is not before `at`.
fn hour_from(at: Timestamp) -> Option<i64> {
    let hour = HOUR.as_millis() as i64;
    Some(at.as_millis().checked_add(hour - 1)?.div_euclid(hour))
}

/// None of a time before 1970.
fn quarter(at: Timestamp) -> Option<u32> {
    u32::try_from(at.as_millis().div_euclid(QUARTER * 1000)).ok()
}

const HOUR: Duration = Duration::from_secs(60 * 60);

/// In seconds. Every time zone is off by some of them, so a day begins with one.
const QUARTER: i64 = 15 * 60;
