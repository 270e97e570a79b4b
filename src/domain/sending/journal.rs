//! What was seen of one mailbox's folder of sent mail: the messages of the last day, and counts of the time before.
//!
//! Invariant: a message is taken in once, by its number, as long as the folder's numbers hold. When they no longer do, what
//! stands in the folder is counted again, and no hour of the history is counted twice.

mod kept;

use std::{collections::BTreeMap, mem, time::Duration};

use serde::{Deserialize, Serialize};

use super::{DAY, Limits, Message, Of, Sums, forecast};
use crate::domain::clock::Timestamp;

/// What a server says of the folder when it is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Folder {
    /// The numbers hold as long as this stays; absent where the server has no lasting ones.
    pub validity: Option<u32>,
    /// No message has this number or a higher one.
    pub next: Option<u32>,
    /// How many messages there are.
    pub messages: u32,
}

impl Folder {
    /// Whether there are as many messages as an owner of a mailbox can tell Gmail to show at most.
    pub fn may_be_limited(&self) -> bool {
        FOLDER_SIZES.contains(&self.messages)
    }

    /// Whether messages of the last day are not shown, for all that can be told: `first` is when the message with the
    /// lowest number arrived.
    pub fn is_limited(&self, first: Timestamp, now: Timestamp) -> bool {
        self.may_be_limited() && counts(first, now)
    }
}

/// What is to be looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Nothing has come since.
    Nothing,
    /// Messages with this number or a higher one.
    From(u32),
    /// Messages that arrived since then: the folder is new, or its numbers no longer hold, or too many have come.
    Since(Timestamp),
}

/// What was sent in one hour.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "(u32, u32, u32)", into = "(u32, u32, u32)")]
pub struct Hour {
    pub messages: u32,
    pub recipients: u32,
    pub external: u32,
}

/// See the file's head.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Journal {
    #[serde(rename = "v")]
    validity: Option<u32>,
    /// Every message with a lower number was taken in, or is too old to count; 0 before the first look.
    #[serde(rename = "n")]
    next: u32,
    /// When all that stood in the folder was last taken in; absent while it is not.
    #[serde(rename = "l")]
    looked: Option<Timestamp>,
    /// Those of the last day, as far as there is room.
    #[serde(rename = "m", with = "kept")]
    messages: Vec<Message>,
    /// By hours since the Unix epoch, those for which there was none.
    #[serde(rename = "o")]
    more: BTreeMap<u32, Hour>,
    /// While the folder is counted anew, what is found, by hours since the Unix epoch.
    #[serde(rename = "a")]
    anew: Option<BTreeMap<u32, Hour>>,
    /// By hours since the Unix epoch, those of the last days.
    #[serde(rename = "h")]
    hours: BTreeMap<u32, Hour>,
    /// By days since the Unix epoch, in UTC, those of the last months.
    #[serde(rename = "d")]
    days: BTreeMap<u32, Hour>,
}

impl Journal {
    /// What is to be looked at now. Where the numbers no longer hold, what is counted begins anew. Where there is nothing
    /// to be looked at, this is the look; after anything else, `finish` ends it, and there are no sums until then.
    pub fn begin(&mut self, folder: &Folder, now: Timestamp) -> Next {
        self.expire(now);
        let ahead = self.looked.is_some_and(|looked| looked.since(now) > AHEAD);
        let hold = folder.validity.is_some() && folder.validity == self.validity;
        let lost = folder.next.is_some_and(|next| next < self.next);
        if !hold || lost || ahead || self.next == 0 {
            let (hours, days) = (mem::take(&mut self.hours), mem::take(&mut self.days));
            let anew = Some(BTreeMap::new());
            *self = Self { validity: folder.validity, anew, hours, days, ..Self::default() };
            return Next::Since(now - DAY);
        }
        if folder.next == Some(self.next) {
            self.finish(folder, now);
            return Next::Nothing;
        }
        self.looked = None;
        match folder.next {
            Some(next) if next - self.next > MOST_NEW => Next::Since(now - DAY),
            _ => Next::From(self.next),
        }
    }

    /// Whether the message with this number was taken in, or was too old to count.
    pub fn knows(&self, uid: u32) -> bool {
        uid < self.next
    }

    /// Takes messages in, with their numbers; `below` is the lowest number that was not looked at. What was taken in before
    /// is left out, and so is what does not stand below: it is looked at next.
    pub fn take(&mut self, mut messages: Vec<(u32, Message)>, below: u32, now: Timestamp) {
        self.expire(now);
        messages.retain(|(uid, _)| (self.next..below).contains(uid));
        messages.sort_by_key(|(uid, _)| *uid);
        messages.dedup_by_key(|(uid, _)| *uid);
        let mut weight = self.messages.iter().map(weight).sum::<usize>();
        for (_, mut message) in messages {
            if message.own {
                continue;
            }
            // The server's clock may be ahead, and an imported message's time is whatever was written there.
            message.at = message.at.min(now);
            self.note(&message, now);
            if !counts(message.at, now) {
                continue;
            }
            weight += self::weight(&message);
            if weight <= MOST_KEPT {
                self.messages.push(message);
            } else {
                weight -= self::weight(&message);
                self.more.entry(hour(message.at)).or_default().add(Hour::of(&message));
            }
        }
        self.next = self.next.max(below);
    }

    /// All that stands in the folder was taken in.
    pub fn finish(&mut self, folder: &Folder, now: Timestamp) {
        self.expire(now);
        for (hour, found) in self.anew.take().unwrap_or_default() {
            let known = self.hours.entry(hour).or_default();
            let more = known.missing(found);
            known.add(more);
            self.days.entry(hour / 24).or_default().add(more);
        }
        self.next = self.next.max(folder.next.unwrap_or(0));
        self.looked = Some(now);
    }

    /// What was sent within the day before `now`, of what stood in the folder at the last look; none until all of it was
    /// looked at, and none if that is a day ago. It looks at every recipient: ask after a look, and keep the answer.
    ///
    /// Where more was sent than there is room for, unique recipients are at least these.
    pub fn sums(&self, now: Timestamp) -> Option<Sums> {
        self.known(now)?;
        let mut sums = Sums::of(self.messages.iter().filter(|message| counts(message.at, now)));
        for (_, more) in self.more.iter().filter(|(hour, _)| counts(last_of(**hour), now)) {
            sums.add(*more);
        }
        Some(sums)
    }

    /// When each limit is met at the pace of the last hours, where that is within a day; `now`, where it is already.
    pub fn meets(&self, limits: &Limits, now: Timestamp) -> Vec<(Of, Timestamp)> {
        if self.known(now).is_none() {
            return Vec::new();
        }
        let more = self.more.iter().map(|(hour, more)| (last_of(*hour), *more));
        forecast::meets(&self.messages, more, limits, now)
    }

    /// Whether all that stood in the folder was taken in.
    pub fn is_complete(&self) -> bool {
        self.looked.is_some()
    }

    /// When that was.
    pub fn looked(&self) -> Option<Timestamp> {
        self.looked
    }

    /// When the oldest message that still counts was sent.
    pub fn oldest(&self, now: Timestamp) -> Option<Timestamp> {
        let kept = self.messages.iter().map(|message| message.at);
        kept.chain(self.more.keys().map(|hour| start_of(*hour))).filter(|at| counts(*at, now)).min()
    }

    /// What was sent by the hour, the oldest first, without hours in which nothing was.
    pub fn hours(&self) -> impl Iterator<Item = (Timestamp, Hour)> + '_ {
        self.hours.iter().map(|(hour, sent)| (start_of(*hour), *sent))
    }

    /// The same by the day, in UTC.
    pub fn days(&self) -> impl Iterator<Item = (Timestamp, Hour)> + '_ {
        self.days.iter().map(|(day, sent)| (Timestamp::from_secs(i64::from(*day) * 86_400), *sent))
    }

    /// Writes a message that was never seen into the history; while the folder is counted anew, it may have been.
    fn note(&mut self, message: &Message, now: Timestamp) {
        let (hour, sent) = (hour(message.at), Hour::of(message));
        let recent = hour >= self::hour(now - HOURS_KEPT);
        match &mut self.anew {
            Some(anew) if recent => anew.entry(hour).or_default().add(sent),
            // Of an hour that is forgotten nobody knows whether it was counted.
            Some(_) => {}
            None => {
                if recent {
                    self.hours.entry(hour).or_default().add(sent);
                }
                if hour / 24 >= self::hour(now - DAYS_KEPT) / 24 {
                    self.days.entry(hour / 24).or_default().add(sent);
                }
            }
        }
    }

    /// The last look, if it says anything of the day before `now`.
    fn known(&self, now: Timestamp) -> Option<Timestamp> {
        self.looked.filter(|looked| counts(*looked, now))
    }

    /// Drops what is too old.
    fn expire(&mut self, now: Timestamp) {
        self.messages.retain(|message| counts(message.at, now));
        self.more.retain(|hour, _| counts(last_of(*hour), now));
        let (first_hour, first_day) = (hour(now - HOURS_KEPT), hour(now - DAYS_KEPT) / 24);
        if let Some(anew) = &mut self.anew {
            anew.retain(|hour, _| *hour >= first_hour);
        }
        self.hours.retain(|hour, _| *hour >= first_hour);
        self.days.retain(|day, _| *day >= first_day);
    }
}

impl Hour {
    pub(super) fn of(message: &Message) -> Self {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let external = message.to.iter().filter(|to| to.external).count();
        Self { messages: 1, recipients: count(message.to.len()), external: count(external) }
    }

    fn add(&mut self, more: Self) {
        self.messages = self.messages.saturating_add(more.messages);
        self.recipients = self.recipients.saturating_add(more.recipients);
        self.external = self.external.saturating_add(more.external);
    }

    /// What is to be added so that this is nowhere less than `found`.
    fn missing(self, found: Self) -> Self {
        Self {
            messages: found.messages.saturating_sub(self.messages),
            recipients: found.recipients.saturating_sub(self.recipients),
            external: found.external.saturating_sub(self.external),
        }
    }
}

impl From<(u32, u32, u32)> for Hour {
    fn from((messages, recipients, external): (u32, u32, u32)) -> Self {
        Self { messages, recipients, external }
    }
}

impl From<Hour> for (u32, u32, u32) {
    fn from(hour: Hour) -> Self {
        (hour.messages, hour.recipients, hour.external)
    }
}

/// Whether what was sent then is within the day before `now`. What is ahead of it is: clocks differ.
fn counts(at: Timestamp, now: Timestamp) -> bool {
    at > now - DAY
}

/// Hours since the Unix epoch; 0 for what is before it.
fn hour(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis() / HOUR).unwrap_or(0)
}

fn start_of(hour: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(hour) * HOUR)
}

/// The last moment of an hour.
fn last_of(hour: u32) -> Timestamp {
    Timestamp::from_millis((i64::from(hour) + 1) * HOUR - 1)
}

/// How much room a message takes, counted in recipients.
fn weight(message: &Message) -> usize {
    1 + message.to.len()
}

/// In milliseconds.
const HOUR: i64 = 60 * 60 * 1000;

/// How far our clock may have been set back since the last look; by more, nothing is sure, and the folder is counted anew.
const AHEAD: Duration = Duration::from_secs(60 * 60);

const HOURS_KEPT: Duration = Duration::from_secs(8 * 24 * 60 * 60);

const DAYS_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Where more numbers than these were given out since, the server is asked for what arrived within the day.
const MOST_NEW: u32 = 5_000;

/// How much is kept of a day, by weight: more than any account may send (2,000 messages to 10,000 recipients), but not all
/// that somebody may import into the folder.
const MOST_KEPT: usize = 20_000;

/// "Folder size limits" of Gmail's settings:
/// https://developers.google.com/workspace/gmail/api/reference/rest/v1/ImapSettings
const FOLDER_SIZES: [u32; 4] = [1_000, 2_000, 5_000, 10_000];

#[cfg(test)]
mod tests;
