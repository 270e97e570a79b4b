//! When a limit is met, if sending goes on as in the last hours.
//!
//! What was sent leaves the window a day later, each at its time; what comes at the pace of the last hours does not leave it
//! within the day that is looked ahead.

use std::{collections::BTreeMap, time::Duration};

use super::{DAY, Hour, Limits, Message, Of};
use crate::domain::clock::Timestamp;

/// When each limit is met, where that is within a day; `now`, where it is already. `more` is what was sent up to a time and
/// of which no more is known.
pub(super) fn meets(
    messages: &[Message],
    more: impl IntoIterator<Item = (Timestamp, Hour)>,
    limits: &Limits,
    now: Timestamp,
) -> Vec<(Of, Timestamp)> {
    let sent = Sent::new(messages, more, now);
    let steady = sent.recent(Of::Messages, now) >= FEWEST;
    let meets = limits.each().filter_map(|(of, limit)| {
        let pace = if steady { sent.recent(of, now) } else { 0 };
        Some((of, meet(sent.each(of), pace, limit, now)?))
    });
    meets.collect()
}

/// What was sent within the window, by when it was: each moment of sending, and how much of it.
struct Sent {
    by: [Vec<(Timestamp, u64)>; Of::ALL.len()],
    /// Unique recipients count in the window from the first message that they got within it, and leave it with the last.
    first: [Vec<(Timestamp, u64)>; Of::ALL.len()],
}

impl Sent {
    fn new(
        messages: &[Message],
        more: impl IntoIterator<Item = (Timestamp, Hour)>,
        now: Timestamp,
    ) -> Self {
        let mut sent = Self { by: Default::default(), first: Default::default() };
        let mut unique = BTreeMap::new();
        let counts = |at: Timestamp| at > now - DAY;
        for message in messages.iter().filter(|message| !message.own && counts(message.at)) {
            sent.add(message.at, Hour::of(message));
            for to in &message.to {
                let (first, last, external) =
                    unique.entry(to.who).or_insert((message.at, message.at, to.external));
                (*first, *last) = ((*first).min(message.at), (*last).max(message.at));
                *external = to.external;
            }
        }
        for (at, hour) in more.into_iter().filter(|(at, _)| counts(*at)) {
            sent.add(at, hour);
        }
        for (first, last, external) in unique.into_values() {
            let mut add = |of: Of| {
                sent.first[of as usize].push((first, 1));
                sent.by[of as usize].push((last, 1));
            };
            add(Of::UniqueRecipients);
            if external {
                add(Of::UniqueExternalRecipients);
            }
        }
        for each in &mut sent.by {
            each.sort_unstable();
        }
        sent
    }

    fn add(&mut self, at: Timestamp, sent: Hour) {
        self.by[Of::Messages as usize].push((at, sent.messages.into()));
        self.by[Of::Recipients as usize].push((at, sent.recipients.into()));
        self.by[Of::ExternalRecipients as usize].push((at, sent.external.into()));
    }

    /// The oldest first.
    fn each(&self, of: Of) -> &[(Timestamp, u64)] {
        &self.by[of as usize]
    }

    /// How much was new within the last hours.
    fn recent(&self, of: Of, now: Timestamp) -> u64 {
        let new = match of {
            Of::Messages | Of::Recipients | Of::ExternalRecipients => &self.by,
            Of::UniqueRecipients | Of::UniqueExternalRecipients => &self.first,
        };
        let recent = new[of as usize].iter().filter(|(at, _)| *at > now - PACE);
        recent.map(|(_, count)| count).sum()
    }
}

/// When `limit` is met, if as much as `pace` comes within the time that a pace is taken from.
fn meet(sent: &[(Timestamp, u64)], pace: u64, limit: u64, now: Timestamp) -> Option<Timestamp> {
    let mut counted: u64 = sent.iter().map(|(_, count)| count).sum();
    if counted >= limit {
        return Some(now);
    }
    if pace == 0 {
        return None;
    }
    // Between two departures the sum only grows, so that it is highest right before one.
    let reached = |counted: u64| {
        let millis = u128::from(limit - counted) * PACE.as_millis();
        let wait = millis.div_ceil(u128::from(pace)).min(2 * DAY.as_millis());
        now + Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX))
    };
    for (at, count) in sent {
        if reached(counted) < *at + DAY {
            break;
        }
        counted -= count;
    }
    Some(reached(counted)).filter(|at| *at <= now + DAY)
}

/// The hours that a pace is taken from.
const PACE: Duration = Duration::from_secs(6 * 60 * 60);

/// With fewer messages than these within them there is none: what a person writes in a day comes in bursts.
const FEWEST: u64 = 10;

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::domain::{fingerprint::Key, sending::Recipient};

    /// 2026-11-22T14:00:00Z.
    const NOW: Timestamp = Timestamp::from_secs(1_795_356_000);

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn to(ago: u64, people: impl IntoIterator<Item = u32>) -> Message {
        let key = Key::new([7; 32]);
        let person = |number: u32| {
            let who = key.fingerprint([number.to_string().as_str()]);
            Recipient { who, external: number.is_multiple_of(2) }
        };
        let to = people.into_iter().map(person).collect();
        Message { at: NOW - minutes(ago), to, own: false }
    }

    /// So many messages, each that long after the one before, the last one so long ago, each to somebody else.
    fn steady(count: u32, apart: u64, last: u64) -> Vec<Message> {
        (0..count).map(|number| to(last + apart * u64::from(number), [number])).collect()
    }

    /// In how many minutes.
    fn forecast(messages: &[Message], limits: Limits) -> Vec<(&'static str, u64)> {
        let meets = meets(messages, [], &limits, NOW);
        meets.iter().map(|(of, at)| (of.name(), at.since(NOW).as_secs() / 60)).collect()
    }

    fn messages(limit: u64) -> Limits {
        Limits { messages: Some(limit), ..Limits::default() }
    }

    #[test]
    fn a_limit_is_met_when_the_pace_of_six_hours_reaches_it() {
        // 36 in the last six hours: one in ten minutes.
        let sent = steady(36, 10, 5);
        assert_eq!(forecast(&sent, messages(36)), [("messages", 0)]);
        assert_eq!(forecast(&sent, messages(35)), [("messages", 0)]);
        assert_eq!(forecast(&sent, messages(37)), [("messages", 10)]);
        assert_eq!(forecast(&sent, messages(100)), [("messages", 640)]);
        // After 18 hours what was sent first leaves as fast as more comes.
        assert_eq!(forecast(&sent, messages(144)), [("messages", 1080)]);
        assert_eq!(forecast(&sent, messages(146)), []);
        assert_eq!(forecast(&sent, Limits::default()), []);
    }

    #[test]
    fn what_leaves_meanwhile_makes_room() {
        // 200 messages that leave in an hour, and one in ten minutes since six hours ago.
        let mut sent: Vec<_> = (0..200).map(|number| to(23 * 60, [number])).collect();
        sent.extend(steady(36, 10, 5));
        assert_eq!(forecast(&sent, messages(241)), [("messages", 50)]);
        assert_eq!(forecast(&sent, messages(242)), []);
        // What has left counts for nothing.
        let mut sent = steady(36, 10, 5);
        sent.extend((0..200).map(|number| to(24 * 60, [number])));
        assert_eq!(forecast(&sent, messages(37)), [("messages", 10)]);
    }

    #[test]
    fn a_few_messages_are_no_pace() {
        assert_eq!(forecast(&steady(3, 1, 0), messages(4)), []);
        assert_eq!(forecast(&steady(9, 1, 0), messages(10)), []);
        assert_eq!(forecast(&steady(9, 1, 0), messages(9)), [("messages", 0)]);
        assert_eq!(forecast(&steady(10, 1, 0), messages(11)), [("messages", 36)]);
        // Nor are many of long ago.
        assert_eq!(forecast(&steady(100, 1, 6 * 60), messages(101)), []);
        let own = |message| Message { own: true, ..message };
        let own: Vec<_> = steady(100, 1, 0).into_iter().map(own).collect();
        assert_eq!(forecast(&own, messages(101)), []);
        assert_eq!(forecast(&[], messages(0)), [("messages", 0)]);
    }

    #[test]
    fn each_limit_has_its_own_time() {
        // Every ten minutes a message to the same three people, and to one who was never written to.
        let sent: Vec<_> = (0..36).map(|n| to(5 + u64::from(n) * 10, [1, 2, 4, 6 + n])).collect();
        let limits = Limits {
            messages: Some(42),
            recipients: Some(36 * 4 + 4),
            external_recipients: Some(1_000),
            unique_recipients: Some(48),
            unique_external_recipients: Some(20),
        };
        let expected = [
            ("messages", 60),
            ("recipients", 10),
            // 39 in six hours were new, though 144 were written to.
            ("unique_recipients", 83),
            ("unique_external_recipients", 0),
        ];
        assert_eq!(forecast(&sent, limits), expected);
    }

    #[test]
    fn who_is_written_to_again_is_not_new_and_leaves_later() {
        // Ten people, yesterday and now: nobody is new.
        let twice = |ago| (0..10).map(move |number| to(ago, [number]));
        let sent: Vec<_> = twice(23 * 60).chain(twice(0)).collect();
        let unique = |limit| Limits { unique_recipients: Some(limit), ..Limits::default() };
        assert_eq!(forecast(&sent, unique(11)), []);
        assert_eq!(forecast(&sent, unique(10)), [("unique_recipients", 0)]);
        // With ten new ones as well: they are the pace, and those of yesterday have not left after an hour.
        let new = (10..20).map(|number| to(0, [number]));
        let sent: Vec<_> = sent.into_iter().chain(new).collect();
        assert_eq!(forecast(&sent, unique(25)), [("unique_recipients", 180)]);
    }

    #[test]
    fn what_there_was_no_room_for_is_a_part_of_it() {
        let hour = Hour { messages: 60, recipients: 120, external: 30 };
        let limits = Limits { external_recipients: Some(35), ..messages(61) };
        let expected =
            [(Of::Messages, NOW + minutes(6)), (Of::ExternalRecipients, NOW + minutes(60))];
        assert_eq!(meets(&[], [(NOW - minutes(1), hour)], &limits, NOW), expected);
        assert_eq!(meets(&[], [(NOW - DAY, hour)], &limits, NOW), []);
    }

    proptest! {
        /// Against a walk through the day, minute by minute, and by the moments before something leaves.
        #[test]
        fn no_moment_is_missed_and_none_is_too_early(
            sent in vec((0..24 * 60_u64, 1..40_u64), 0..30),
            pace in 0..400_u64,
            limit in 0..900_u64,
        ) {
            let mut sent: Vec<_> =
                sent.into_iter().map(|(ago, count)| (NOW - minutes(ago), count)).collect();
            sent.sort_unstable();
            let is_met = |at: Timestamp| {
                let stays = sent.iter().filter(|(sent, _)| *sent > at - DAY);
                let stays = stays.map(|(_, count)| u128::from(*count)).sum::<u128>();
                let comes = at.since(NOW).as_millis() * u128::from(pace);
                (stays * PACE.as_millis() + comes) >= u128::from(limit) * PACE.as_millis()
            };
            let moment = Duration::from_millis(1);
            let leave = sent.iter().map(|(at, _)| *at + DAY - moment);
            let mut walk: Vec<_> =
                (0..=24 * 60).map(|ahead| NOW + minutes(ahead)).chain(leave).collect();
            walk.sort_unstable();
            let first = walk.into_iter().find(|at| is_met(*at));
            let met = meet(&sent, pace, limit, NOW);
            prop_assert_eq!(met.is_some(), first.is_some());
            if let Some(met) = met {
                prop_assert!(Some(met) <= first && is_met(met));
                prop_assert!(met == NOW || !is_met(met - moment));
            }
        }
    }
}
