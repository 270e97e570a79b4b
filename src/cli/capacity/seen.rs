//! What was read of one mailbox's folder of sent mail, and what is to be read next.
//!
//! Invariant: what is known is one stretch of time without gaps, and each message in it was taken once. It grows by a week:
//! first to the present, then into the past, for what is new says most.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Timestamp,
    sending::{self, Message, review::History},
};

/// See the file's head.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    /// Numbers hold as long as this stays.
    validity: Option<u32>,
    /// All that was sent within is in the history.
    known: Option<Range<Timestamp>>,
    history: History,
    /// Messages that were read and are outside of what is known, by number: servers find by days of their own.
    pending: BTreeMap<u32, Message>,
    /// The lowest and the highest number in the history, and how many there are.
    numbers: Option<(u32, u32)>,
    taken: u64,
    /// Messages that nobody could read.
    passed_over: u64,
    /// Whether there are as many messages as an owner can limit a folder to.
    full: bool,
    /// What was read in this run, so that it is not read again.
    #[serde(skip)]
    read: HashSet<u32>,
}

impl Seen {
    /// The folder as it is now. Where its numbers no longer hold, all begins anew.
    pub(super) fn open(&mut self, folder: &sending::Folder) {
        if self.validity != folder.validity {
            *self = Self { validity: folder.validity, ..Self::default() };
        }
        self.full = folder.may_be_limited();
    }

    /// What is to be read next, at most a week; none once all that is wanted is known.
    pub(super) fn next(&self, wanted: &Range<Timestamp>) -> Option<Range<Timestamp>> {
        let Some(known) = &self.known else {
            return Some(wanted.start.max(wanted.end - WEEK)..wanted.end);
        };
        if known.end < wanted.end {
            return Some(known.end..wanted.end.min(known.end + WEEK));
        }
        let older = wanted.start.max(known.start - WEEK)..known.start;
        (!older.is_empty()).then_some(older)
    }

    /// Of these numbers those that were not read yet.
    pub(super) fn unread(&self, mut uids: Vec<u32>) -> Vec<u32> {
        uids.retain(|uid| !self.read.contains(uid) && !self.pending.contains_key(uid));
        uids
    }

    /// Takes messages that were read, with their numbers.
    pub(super) fn take(&mut self, messages: impl IntoIterator<Item = (u32, Message)>) {
        for (uid, message) in messages {
            self.read.insert(uid);
            if !self.known.as_ref().is_some_and(|known| known.contains(&message.at)) {
                self.pending.insert(uid, message);
            }
        }
    }

    /// A message that nobody can read.
    pub(super) fn pass_over(&mut self, uid: u32) {
        self.read.insert(uid);
        self.passed_over += 1;
    }

    /// All that arrived within was read.
    pub(super) fn finish(&mut self, chunk: &Range<Timestamp>) {
        let known = match self.known.take() {
            Some(known) => known.start.min(chunk.start)..known.end.max(chunk.end),
            None => chunk.clone(),
        };
        for (uid, message) in std::mem::take(&mut self.pending) {
            if !known.contains(&message.at) {
                self.pending.insert(uid, message);
                continue;
            }
            self.history.take(&message);
            self.taken += 1;
            let (low, high) = self.numbers.unwrap_or((uid, uid));
            self.numbers = Some((low.min(uid), high.max(uid)));
        }
        self.known = Some(known);
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// What is known, and whether it begins where the folder was cut.
    pub(super) fn known(&self, wanted: Timestamp) -> Option<(Range<Timestamp>, bool)> {
        let known = self.known.clone()?;
        let begins = self.history.begins().filter(|begins| self.full && *begins > wanted);
        Some(match begins {
            Some(begins) => (known.start.max(begins)..known.end, true),
            None => (known, false),
        })
    }

    pub(super) fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// How many numbers the folder gave, and how many of these are gone.
    pub(super) fn gone(&self) -> (u64, u64) {
        let Some((low, high)) = self.numbers else { return (0, 0) };
        let numbers = u64::from(high - low) + 1;
        (numbers, numbers.saturating_sub(self.taken + self.passed_over))
    }
}

/// Cut to quarters of an hour, in which history is kept. What arrives in the running one is the next run's.
pub(super) fn whole(range: Range<Timestamp>) -> Range<Timestamp> {
    let cut = |at: Timestamp| Timestamp::from_millis(at.as_millis().div_euclid(QUARTER) * QUARTER);
    cut(range.start)..cut(range.end)
}

pub(super) const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// In milliseconds.
const QUARTER: i64 = 15 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sending::Of;

    fn at(written: &str) -> Timestamp {
        Timestamp::parse(written).unwrap()
    }

    fn range(from: &str, until: &str) -> Range<Timestamp> {
        at(from)..at(until)
    }

    fn message(written: &str) -> Message {
        Message { at: at(written), to: Vec::new(), own: false }
    }

    fn count(seen: &Seen) -> u64 {
        seen.history().sums(&range("2020-01-01", "2030-01-01"))[Of::Messages]
    }

    #[test]
    fn it_goes_from_the_newest_week_into_the_past_and_later_first_to_the_present() {
        let mut seen = Seen::default();
        let wanted = range("2026-11-01", "2026-11-20");
        let mut chunks = Vec::new();
        while let Some(chunk) = seen.next(&wanted) {
            seen.finish(&chunk);
            chunks.push(chunk);
        }
        let expected = [
            range("2026-11-13", "2026-11-20"),
            range("2026-11-06", "2026-11-13"),
            range("2026-11-01", "2026-11-06"),
        ];
        assert_eq!(chunks, expected);
        let later = range("2026-10-30", "2026-11-28");
        let mut chunks = Vec::new();
        while let Some(chunk) = seen.next(&later) {
            seen.finish(&chunk);
            chunks.push(chunk);
        }
        let expected = [
            range("2026-11-20", "2026-11-27"),
            range("2026-11-27", "2026-11-28"),
            range("2026-10-30", "2026-11-01"),
        ];
        assert_eq!(chunks, expected);
    }

    #[test]
    fn a_message_that_two_searches_find_is_taken_once_also_after_an_interruption() {
        let newer = range("2026-11-13", "2026-11-20");
        let older = range("2026-11-06", "2026-11-13");
        let (new, old) = ((9, message("2026-11-13")), (8, message("2026-11-12T23:59:59Z")));
        let mut seen = Seen::default();
        seen.take([new.clone(), old.clone()]);
        seen.finish(&newer);
        assert_eq!(count(&seen), 1);
        assert_eq!(seen.unread(vec![7, 8, 9]), [7], "neither is asked for again");
        // What a file keeps.
        let mut seen: Seen = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
        assert_eq!(seen.unread(vec![7, 8, 9]), [7, 9], "that one is old news");
        seen.take([new, (7, message("2026-11-06"))]);
        seen.finish(&older);
        assert_eq!((count(&seen), seen.gone()), (3, (3, 0)));
        assert!(seen.pending.is_empty());
    }

    #[test]
    fn other_numbers_begin_anew() {
        let folder =
            |validity| sending::Folder { validity: Some(validity), next: None, messages: 1 };
        let mut seen = Seen::default();
        seen.open(&folder(1));
        seen.take([(1, message("2026-11-14"))]);
        seen.finish(&range("2026-11-13", "2026-11-20"));
        seen.open(&folder(1));
        assert_eq!(count(&seen), 1);
        seen.open(&folder(2));
        assert_eq!((count(&seen), seen.known(at("2026-11-13"))), (0, None));
    }

    #[test]
    fn what_is_gone_is_told_by_the_numbers() {
        let mut seen = Seen::default();
        seen.take([(11, message("2026-11-14")), (20, message("2026-11-15"))]);
        seen.pass_over(15);
        seen.finish(&range("2026-11-13", "2026-11-20"));
        assert_eq!(seen.gone(), (10, 7));
    }

    #[test]
    fn a_folder_that_its_owner_limits_is_known_from_its_first_message_on() {
        let known = range("2026-11-13", "2026-11-20");
        let seen = |messages| {
            let mut seen = Seen::default();
            seen.open(&sending::Folder { validity: None, next: None, messages });
            seen.take([(1, message("2026-11-14T10:20:00Z"))]);
            seen.finish(&known);
            seen.known(known.start).unwrap()
        };
        assert_eq!(seen(1000), (range("2026-11-14T10:15:00Z", "2026-11-20"), true));
        assert_eq!(seen(1001), (known.clone(), false));
    }
}
