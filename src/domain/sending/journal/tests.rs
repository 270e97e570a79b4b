//! One case after the other; `any.rs` has whatever happens in whichever order.

use super::*;
use crate::domain::{fingerprint::Key, sending::Recipient};

mod any;

/// 2026-11-22T14:00:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_356_000);

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn hours(hours: u64) -> Duration {
    minutes(hours * 60)
}

/// Those with even numbers are external.
fn person(number: u32) -> Recipient {
    let who = Key::new([7; 32]).fingerprint([number.to_string().as_str()]);
    Recipient { who, external: number.is_multiple_of(2) }
}

fn message(at: Timestamp, to: impl IntoIterator<Item = u32>) -> Message {
    Message { at, to: to.into_iter().map(person).collect(), own: false }
}

fn folder(validity: u32, next: u32) -> Folder {
    Folder { validity: Some(validity), next: Some(next), messages: next - 1 }
}

/// Looks at all of a folder that holds these under the numbers from 1 on.
fn look(journal: &mut Journal, validity: u32, messages: &[Message], now: Timestamp) -> Next {
    let numbered: Vec<_> = (1..).zip(messages.iter().cloned()).collect();
    let folder = folder(validity, numbered.len() as u32 + 1);
    let next = journal.begin(&folder, now);
    if next != Next::Nothing {
        journal.take(numbered, folder.next.unwrap(), now);
        journal.finish(&folder, now);
    }
    next
}

fn sums(journal: &Journal, now: Timestamp) -> Option<[u64; 5]> {
    journal.sums(now).map(|sums| Of::ALL.map(|of| sums[of]))
}

fn history(journal: &Journal) -> Vec<(u64, u32, u32, u32)> {
    let hours = journal.hours().map(|(at, hour)| {
        let ago = NOW.since(at).as_secs() / 3600;
        (ago, hour.messages, hour.recipients, hour.external)
    });
    hours.collect()
}

#[test]
fn a_folder_is_looked_at_by_time_first_and_by_number_then() {
    let mut journal = Journal::default();
    let day = Next::Since(NOW - DAY);
    assert_eq!(journal.begin(&folder(1, 101), NOW), day);
    // Nothing was looked at.
    assert_eq!(journal.begin(&folder(1, 101), NOW), day);
    journal.take(Vec::new(), 51, NOW);
    assert_eq!(journal.begin(&folder(1, 101), NOW), Next::From(51));
    journal.take(Vec::new(), 101, NOW);
    assert!(!journal.is_complete());
    // All of it was looked at, though nobody said so.
    assert_eq!(journal.begin(&folder(1, 101), NOW), Next::Nothing);
    assert_eq!(journal.looked(), Some(NOW));

    let later = NOW + minutes(30);
    assert_eq!(journal.begin(&folder(1, 101), later), Next::Nothing);
    assert_eq!(journal.looked(), Some(later));
    assert_eq!(journal.begin(&folder(1, 102), later), Next::From(101));
    assert!(!journal.is_complete());
    journal.finish(&folder(1, 102), later);
    assert_eq!(journal.looked(), Some(later));
    assert_eq!(journal.begin(&folder(1, 102), later), Next::Nothing);

    assert_eq!(journal.begin(&folder(1, 102 + MOST_NEW), later), Next::From(102));
    assert_eq!(journal.begin(&folder(1, 103 + MOST_NEW), later), Next::Since(later - DAY));
}

#[test]
fn numbers_that_no_longer_hold_are_not_gone_on_from() {
    let known = {
        let mut journal = Journal::default();
        look(&mut journal, 1, &[message(NOW - hours(1), [1])], NOW);
        journal
    };
    let none = Folder { validity: None, next: Some(2), messages: 1 };
    let cases = [
        ("other numbers", folder(2, 2), NOW),
        ("none that last", none, NOW),
        ("fewer numbers than there were", folder(1, 1), NOW),
        ("a clock that was set back", folder(1, 2), NOW - hours(2)),
    ];
    for (case, folder, now) in cases {
        let mut journal = known.clone();
        assert_eq!(journal.begin(&folder, now), Next::Since(now - DAY), "{case}");
        assert_eq!(journal.sums(now), None, "{case}");
        assert_eq!(history(&journal), history(&known), "{case}");
        journal.finish(&folder, now);
        assert_eq!(sums(&journal, now), Some([0; 5]), "{case}");
    }
    let mut journal = known.clone();
    assert_eq!(journal.begin(&folder(1, 2), NOW - minutes(59)), Next::Nothing, "clocks waver");

    // Where there never are numbers that last, it is so every time.
    let mut journal = Journal::default();
    for _ in 0..3 {
        assert_eq!(journal.begin(&none, NOW), Next::Since(NOW - DAY));
        journal.take(vec![(1, message(NOW - hours(1), [1, 2]))], 2, NOW);
        journal.finish(&none, NOW);
        assert_eq!(sums(&journal, NOW), Some([1, 2, 1, 2, 1]));
        assert_eq!(history(&journal), [(1, 1, 2, 1)]);
    }
}

#[test]
fn a_server_that_does_not_say_how_far_numbers_go_is_asked_from_where_it_ended() {
    let folder = Folder { validity: Some(1), next: None, messages: 1 };
    let mut journal = Journal::default();
    assert_eq!(journal.begin(&folder, NOW), Next::Since(NOW - DAY));
    journal.take(vec![(9, message(NOW, [1]))], 10, NOW);
    journal.finish(&folder, NOW);
    assert_eq!(journal.begin(&folder, NOW), Next::From(10));
    // `10:*` is answered with the last message, if none has such a number.
    journal.take(vec![(9, message(NOW, [1]))], 10, NOW);
    journal.finish(&folder, NOW);
    assert_eq!(sums(&journal, NOW), Some([1, 1, 0, 1, 0]));
}

#[test]
fn a_message_counts_once_for_its_day_and_not_a_moment_longer() {
    let at = NOW - hours(23);
    let mut journal = Journal::default();
    look(&mut journal, 1, &[message(at, [1, 2])], NOW);
    // It is deleted, and another one comes.
    let folder = Folder { validity: Some(1), next: Some(3), messages: 1 };
    journal.begin(&folder, NOW);
    let twice = message(NOW, [2, 4]);
    journal.take(vec![(2, twice.clone()), (2, twice), (3, message(NOW, [9]))], 3, NOW);
    journal.finish(&folder, NOW);
    assert_eq!(sums(&journal, NOW), Some([2, 4, 3, 3, 2]));
    let end = at + DAY;
    let moment = Duration::from_millis(1);
    assert_eq!(sums(&journal, end - moment), Some([2, 4, 3, 3, 2]));
    assert_eq!(sums(&journal, end), Some([1, 2, 2, 2, 2]));
    assert_eq!(journal.oldest(end - moment), Some(at));
    assert_eq!(journal.oldest(end), Some(NOW));
    // What came after the look is not lost: it is looked at next.
    assert_eq!(journal.begin(&self::folder(1, 4), end), Next::From(3));
}

#[test]
fn a_time_ahead_counts_from_when_it_was_seen() {
    let mut journal = Journal::default();
    let ahead = [message(NOW + minutes(5), [1]), message(NOW + hours(100_000), [2])];
    look(&mut journal, 1, &ahead, NOW);
    assert_eq!(sums(&journal, NOW), Some([2, 2, 1, 2, 1]));
    assert_eq!(history(&journal), [(0, 2, 2, 1)]);
    look(&mut journal, 1, &[], NOW + DAY);
    assert_eq!(sums(&journal, NOW + DAY), Some([0; 5]));
}

#[test]
fn there_are_no_sums_of_what_was_not_looked_at_to_its_end_or_not_for_a_day() {
    let mut journal = Journal::default();
    assert_eq!(journal.sums(NOW), None);
    let limits = Limits { messages: Some(1), ..Limits::default() };
    let messages = [message(NOW, [1]), message(NOW, [3])];
    journal.begin(&folder(1, 3), NOW);
    journal.take((1..).zip(messages).collect(), 3, NOW);
    assert_eq!((journal.sums(NOW), journal.meets(&limits, NOW)), (None, Vec::new()));
    journal.finish(&folder(1, 3), NOW);
    assert_eq!(sums(&journal, NOW), Some([2, 2, 0, 2, 0]));
    assert_eq!(journal.meets(&limits, NOW), [(Of::Messages, NOW)]);
    assert!(journal.sums(NOW + hours(23)).is_some());
    assert_eq!(journal.sums(NOW + hours(24)), None);
    assert_eq!(journal.meets(&limits, NOW + hours(24)), []);
}

#[test]
fn test_messages_of_ours_are_not_counted() {
    let mut journal = Journal::default();
    let own = Message { own: true, ..message(NOW - hours(1), [1, 2]) };
    look(&mut journal, 1, &[own.clone(), message(NOW - hours(1), [3]), own], NOW);
    assert_eq!(sums(&journal, NOW), Some([1, 1, 0, 1, 0]));
    assert_eq!(history(&journal), [(1, 1, 1, 0)]);
}

#[test]
fn what_was_sent_while_nobody_looked_is_in_the_history() {
    let mut journal = Journal::default();
    let long_ago = NOW - hours(10 * 24);
    look(&mut journal, 1, &[message(long_ago, [1])], long_ago);
    let since = [
        message(long_ago, [1]),
        message(NOW - hours(9 * 24), [1, 2]),
        message(NOW - hours(3 * 24), [2]),
        message(NOW - hours(3 * 24) + minutes(10), [3]),
        message(NOW, [1]),
        message(NOW - hours(91 * 24), [4]),
    ];
    assert_eq!(look(&mut journal, 1, &since, NOW), Next::From(2));
    assert_eq!(sums(&journal, NOW), Some([1, 1, 0, 1, 0]));
    assert_eq!(history(&journal), [(72, 2, 2, 1), (0, 1, 1, 0)]);
    let days: Vec<_> = journal.days().map(|(at, day)| (at.to_string(), day.messages)).collect();
    let expected = [
        ("2026-11-12T00:00:00Z", 1),
        ("2026-11-13T00:00:00Z", 1),
        ("2026-11-19T00:00:00Z", 2),
        ("2026-11-22T00:00:00Z", 1),
    ];
    assert_eq!(days, expected.map(|(at, count)| (at.to_owned(), count)));
    journal.begin(&folder(1, 7), NOW + hours(90 * 24));
    assert_eq!(history(&journal), []);
    assert_eq!(journal.days().count(), 1);
}

#[test]
fn an_hour_is_not_counted_twice_when_the_numbers_change() {
    let mut journal = Journal::default();
    let (old, new) = (NOW - hours(25), NOW - minutes(30));
    let mut messages = vec![message(old, [1]), message(NOW - hours(24), [1, 2]), message(new, [3])];
    look(&mut journal, 1, &messages, NOW);
    let before = [(25, 1, 1, 0), (24, 1, 2, 1), (1, 1, 1, 0)];
    assert_eq!(history(&journal), before);
    // One was deleted, and two came.
    messages.remove(1);
    messages.extend([message(new + minutes(1), [4]), message(NOW, [5])]);
    assert_eq!(look(&mut journal, 2, &messages, NOW), Next::Since(NOW - DAY));
    let after = [(25, 1, 1, 0), (24, 1, 2, 1), (1, 2, 2, 1), (0, 1, 1, 0)];
    assert_eq!(history(&journal), after);
    assert_eq!(journal.days().map(|(_, day)| day.messages).sum::<u32>(), 5);
    // From then on, what comes is added.
    messages.push(message(new, [6]));
    look(&mut journal, 2, &messages, NOW);
    assert_eq!(history(&journal)[2], (1, 3, 3, 2));
}

#[test]
fn a_recount_that_was_interrupted_adds_nothing_until_it_is_over() {
    let mut journal = Journal::default();
    let messages: Vec<_> = (0..6).map(|number| message(NOW - hours(1), [number])).collect();
    look(&mut journal, 1, &messages, NOW);
    for validity in 2..4 {
        journal.begin(&folder(validity, 7), NOW);
        journal.take((1..4).zip(messages.clone()).collect(), 4, NOW);
        assert_eq!(history(&journal), [(1, 6, 6, 3)]);
    }
    assert_eq!(look(&mut journal, 3, &messages, NOW), Next::From(4));
    assert_eq!(history(&journal), [(1, 6, 6, 3)]);
    assert_eq!(sums(&journal, NOW), Some([6, 6, 3, 6, 3]));
}

#[test]
fn an_import_of_any_size_takes_no_more_room_than_there_is() {
    let mut journal = Journal::default();
    let (at, many) = (NOW - hours(2), 100_000);
    let imported: Vec<_> = (0..many).map(|_| message(at, [1, 2])).collect();
    look(&mut journal, 1, &imported, NOW);
    assert_eq!(journal.messages.iter().map(weight).sum::<usize>(), MOST_KEPT - MOST_KEPT % 3);
    assert_eq!(sums(&journal, NOW), Some([100_000, 200_000, 100_000, 2, 1]));
    assert_eq!(history(&journal), [(2, 100_000, 200_000, 100_000)]);
    assert!(serde_json::to_string(&journal).unwrap().len() < 600_000);
    // What there was no room for leaves at the end of its hour.
    assert_eq!(sums(&journal, at + DAY - minutes(1)).unwrap()[0], 100_000);
    let rest = many - MOST_KEPT as u64 / 3;
    let later = at + DAY + minutes(59);
    assert_eq!(journal.oldest(later), None);
    assert_eq!(journal.begin(&folder(1, 100_001), later), Next::Nothing);
    assert_eq!(sums(&journal, later).unwrap()[0], rest);
    assert_eq!(sums(&journal, later + minutes(1)), Some([0; 5]));
    // And there is room again, but not for a message to everybody.
    let everybody = message(later, 0..MOST_KEPT as u32);
    let next = folder(1, 100_004);
    journal.begin(&next, later);
    let new = [message(later, [1]), everybody, message(later, [3])];
    journal.take((100_001..).zip(new).collect(), 100_004, later);
    journal.finish(&next, later);
    assert_eq!(journal.messages.len(), 2);
    assert_eq!(sums(&journal, later + hours(1)), Some([3, 20_002, 10_000, 2, 0]));
    journal.begin(&next, later + hours(1));
    assert_eq!(journal.more.len(), 1);
}

#[test]
fn what_is_stored_is_compact_and_reads_as_it_was() {
    let mut journal = Journal::default();
    look(&mut journal, 1, &[message(NOW - hours(1), [1, 2]), message(NOW, [])], NOW);
    let json = serde_json::to_string(&journal).unwrap();
    let (one, two) = (String::from(person(1).who), String::from(person(2).who));
    let expected = format!(
        "{{\"v\":1,\"n\":3,\"l\":1795356000000,\"m\":[[1795352400000,\"{one}i{two}x\"],[1795356000000,\"\"]],\"o\":{{}},\
         \"a\":null,\"h\":{{\"498709\":[1,2,1],\"498710\":[1,0,0]}},\"d\":{{\"20779\":[2,2,1]}}}}"
    );
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<Journal>(&json).unwrap(), journal);
}

#[test]
fn what_an_older_version_stored_is_read_and_what_is_garbled_is_not() {
    let read = |json: &str| serde_json::from_str::<Journal>(json);
    assert_eq!(read("{}").unwrap(), Journal::default());
    assert_eq!(read(r#"{"messages":[{"at":1}],"later":true}"#).unwrap(), Journal::default());
    // Without what it needs to go on, it begins anew, and keeps the history.
    for json in
        [r#"{"v":1,"l":1795356000000,"h":{"498709":[1,2,1]}}"#, r#"{"n":3,"h":{"498709":[1,2,1]}}"#]
    {
        let mut journal = read(json).unwrap();
        assert_eq!(
            look(&mut journal, 1, &[message(NOW, [1]), message(NOW, [2])], NOW),
            Next::Since(NOW - DAY)
        );
        assert_eq!(sums(&journal, NOW), Some([2, 2, 1, 2, 1]));
        assert_eq!(history(&journal), [(1, 1, 2, 1), (0, 2, 2, 1)]);
    }
    let who = "0123456789abcdef";
    let garbled = [
        "".to_owned(),
        "[".to_owned(),
        r#"{"m":[[1]]}"#.to_owned(),
        format!(r#"{{"m":[[1,"{who}"]]}}"#),
        format!(r#"{{"m":[[1,"{who}y"]]}}"#),
        format!(r#"{{"m":[[1,"{who}x0"]]}}"#),
        format!(r#"{{"m":[[1,"{}x"]]}}"#, "g".repeat(16)),
        format!(r#"{{"m":[[1,"{}"]]}}"#, "ä".repeat(17)),
        r#"{"h":{"1":[1,2]}}"#.to_owned(),
        r#"{"n":-1}"#.to_owned(),
    ];
    for json in garbled {
        assert!(read(&json).is_err(), "{json}");
    }
}

#[test]
fn a_folder_of_a_round_size_that_begins_today_is_a_limited_one() {
    let cases = [
        (1_000, hours(1), true),
        (2_000, hours(1), true),
        (5_000, hours(23), true),
        (10_000, hours(1), true),
        (1_000, hours(24), false),
        (999, hours(1), false),
        (0, hours(1), false),
    ];
    for (messages, ago, limited) in cases {
        let folder = Folder { messages, ..folder(1, 20_000) };
        assert_eq!(folder.is_limited(NOW - ago, NOW), limited, "{messages}, {ago:?} ago");
    }
}
