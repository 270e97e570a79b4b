//! The review, held against numbers that were worked out by hand.

use super::*;
use crate::domain::{
    fingerprint::Key,
    sending::{DAY, Message, Recipient},
};

fn at(written: &str) -> Timestamp {
    Timestamp::parse(written).unwrap()
}

/// A message to these; who is external is written in capitals.
fn message(written: &str, to: &[&str]) -> Message {
    let key = Key::new([7; 32]);
    let to = to.iter().map(|who| Recipient {
        who: key.fingerprint([*who]),
        external: who.chars().all(char::is_uppercase),
    });
    Message { at: at(written), to: to.collect(), own: false }
}

fn history(messages: &[Message]) -> History {
    let mut history = History::default();
    messages.iter().for_each(|message| history.take(message));
    history
}

fn asked(since: &str, until: &str, zone: Tz) -> Asked {
    let since = at(since);
    Asked {
        since,
        known: since - DAY..at(until),
        zone,
        account: Account::Workspace,
        limits: Limits { messages: Some(2_000), ..Limits::default() },
        limited: false,
        numbers: 0,
        gone: 0,
    }
}

/// How many messages each day had.
fn by_day(review: &Review) -> Vec<(String, u64)> {
    review.days.iter().map(|(day, sums)| (day.to_string(), sums[Of::Messages])).collect()
}

#[test]
fn a_message_is_in_the_24_windows_that_end_within_a_day_after_it() {
    let history = history(&[message("2026-01-02T00:10:00Z", &["a"])]);
    let rolling = history.rolling(&(at("2026-01-01")..at("2026-01-05")));
    assert_eq!(rolling.first().unwrap().0, at("2026-01-02"));
    assert_eq!(rolling.last().unwrap().0, at("2026-01-05"));
    let with: Vec<_> = rolling.iter().filter(|(_, sums)| sums[Of::Messages] == 1).collect();
    assert_eq!(with.len(), 24);
    assert_eq!(with[0].0, at("2026-01-02T01:00:00Z"));
    assert_eq!(with[23].0, at("2026-01-03"));
}

#[test]
fn a_recipient_counts_once_in_a_window_as_long_as_one_message_is_in_it() {
    let history = history(&[
        message("2026-01-02T00:10:00Z", &["a", "B"]),
        message("2026-01-02T06:10:00Z", &["B", "C"]),
    ]);
    let rolling = history.rolling(&(at("2026-01-01")..at("2026-01-05")));
    let sums = |written: &str| {
        let (_, sums) = rolling.iter().find(|(end, _)| *end == at(written)).unwrap();
        Of::ALL.map(|of| sums[of])
    };
    assert_eq!(sums("2026-01-02T00:00:00Z"), [0, 0, 0, 0, 0]);
    assert_eq!(sums("2026-01-02T01:00:00Z"), [1, 2, 1, 2, 1]);
    assert_eq!(sums("2026-01-02T07:00:00Z"), [2, 4, 3, 3, 2]);
    assert_eq!(sums("2026-01-03T01:00:00Z"), [1, 2, 2, 2, 2]);
    assert_eq!(sums("2026-01-03T07:00:00Z"), [0, 0, 0, 0, 0]);
}

#[test]
fn days_are_those_of_the_zone_when_clocks_change_too() {
    // 23 hours on the 29th of March, 25 on the 25th of October.
    let paris = "Europe/Paris".parse().unwrap();
    let spring = history(&[
        message("2026-03-28T22:50:00Z", &["a"]),
        message("2026-03-28T23:00:00Z", &["a"]),
        message("2026-03-29T21:59:00Z", &["a"]),
        message("2026-03-29T22:00:00Z", &["a"]),
    ]);
    let asked_of = asked("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", paris);
    let expected = [("2026-03-28", 1), ("2026-03-29", 2), ("2026-03-30", 1)];
    let expected = expected.map(|(day, count)| (day.to_owned(), count));
    assert_eq!(by_day(&Review::of(&spring, &asked_of)), expected);
    let autumn = history(&[
        message("2026-10-24T22:00:00Z", &["a"]),
        message("2026-10-25T22:59:00Z", &["a"]),
        message("2026-10-25T23:00:00Z", &["a"]),
    ]);
    let asked_of = asked("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z", paris);
    let expected = [("2026-10-25", 2), ("2026-10-26", 1)];
    let expected = expected.map(|(day, count)| (day.to_owned(), count));
    assert_eq!(by_day(&Review::of(&autumn, &asked_of)), expected);
}

#[test]
fn a_day_begins_at_midnight_or_where_that_is_left_out_right_after_it() {
    let cases = [
        ("UTC", "2026-03-08", "2026-03-08T00:00:00Z"),
        ("Asia/Kolkata", "2026-03-08", "2026-03-07T18:30:00Z"),
        // There the clocks go from 00:00 to 01:00.
        ("America/Havana", "2026-03-08", "2026-03-08T05:00:00Z"),
        // There midnight comes twice: the first is meant.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
    ];
    for (zone, day, expected) in cases {
        let start = start_of(day.parse().unwrap(), zone.parse().unwrap());
        assert_eq!(start, at(expected), "{zone} {day}");
    }
}

#[test]
fn days_without_mail_count_and_the_running_day_does_not() {
    let messages = [
        // Before the first day.
        message("2025-12-31T12:00:00Z", &["a"]),
        message("2026-01-01T12:00:00Z", &["a"]),
        message("2026-01-01T13:00:00Z", &["a"]),
        message("2026-01-04T12:00:00Z", &["a"]),
        // The running day.
        message("2026-01-05T01:00:00Z", &["a"]),
    ];
    let asked = asked("2026-01-01", "2026-01-05T12:00:00Z", Tz::UTC);
    let review = Review::of(&history(&messages), &asked);
    assert_eq!(review.days.len(), 4);
    // Of 0, 0, 1, 2.
    assert_eq!(review.each[0].daily, Some(Daily { p50: 0, p95: 2, max: 2 }));
    // On the 1st at 13:00 the one of the 31st at 12:00 is a day old.
    assert_eq!(review.each[0].peak, 2);
    let known = at("2026-01-02T12:30:00Z")..asked.known.end;
    let review = Review::of(&history(&messages), &Asked { known, ..asked });
    let days: Vec<_> = by_day(&review).into_iter().map(|(day, _)| day).collect();
    assert_eq!(days, ["2026-01-03", "2026-01-04"], "half a day is no day");
    assert_eq!(review.rolling[0].0, at("2026-01-03T13:00:00Z"), "nor is half a window one");
}

#[test]
fn percentiles_are_of_days_that_were() {
    assert_eq!(Daily::of((1..=20).collect()), Some(Daily { p50: 10, p95: 19, max: 20 }));
    assert_eq!(Daily::of(vec![3, 1]), Some(Daily { p50: 1, p95: 3, max: 3 }));
    assert_eq!(Daily::of(vec![5]), Some(Daily { p50: 5, p95: 5, max: 5 }));
    assert_eq!(Daily::of(Vec::new()), None);
}

#[test]
fn the_peak_is_of_a_rolling_day_across_midnight() {
    let evening = (0..30).map(|_| message("2026-01-01T23:00:00Z", &["a"]));
    let morning = (0..20).map(|_| message("2026-01-02T01:30:00Z", &["a"]));
    let history = history(&evening.chain(morning).collect::<Vec<_>>());
    let review = Review::of(&history, &asked("2026-01-01", "2026-01-04", Tz::UTC));
    assert_eq!(review.each[0].daily.unwrap().max, 30);
    assert_eq!(review.each[0].peak, 50);
    assert_eq!(review.each[0].peak_at, Some(at("2026-01-02T02:00:00Z")));
    assert_eq!(review.nearest().unwrap().share(), Some(0.025));
}

#[test]
fn a_trend_is_the_line_that_most_weeks_agree_on() {
    let growing: Vec<u64> = (0..12).map(|week| 100 + 10 * week).collect();
    let trend = Trend::of(&growing).unwrap();
    assert!(trend.grows);
    assert!((trend.level - 210.0).abs() < 1e-9);
    // 10 a week, and a month has 365.25 / 12 / 7 weeks.
    assert!((trend.per_month() - 43.482).abs() < 0.001);
    // 290 are left, which are 29 weeks.
    assert_eq!(trend.meets(500), Some(Duration::from_secs(29 * 7 * 86_400)));
    // 1,050 are left: more than two years.
    assert_eq!(trend.meets(1_260), None);
    assert_eq!(trend.meets(1_250), Some(Duration::from_secs(104 * 7 * 86_400)));
    assert_eq!(trend.meets(210), Some(Duration::ZERO));

    let mut campaign = [100; 12];
    campaign[9] = 1_500;
    let trend = Trend::of(&campaign).unwrap();
    assert_eq!((trend.per_month(), trend.level, trend.grows), (0.0, 100.0, false));
    assert_eq!(trend.meets(500), None);

    // Four pairs more rise than fall: that happens.
    let trend = Trend::of(&[10, 12, 9, 11, 13]).unwrap();
    assert!(trend.per_month() > 0.0 && !trend.grows);
    assert_eq!(trend.meets(20), None);

    let shrinking = Trend::of(&[400, 300, 200, 100]).unwrap();
    assert!((shrinking.per_month() + 434.82).abs() < 0.01);
    assert_eq!(shrinking.meets(500), None);
    assert!(Trend::of(&[100, 200, 300, 400]).unwrap().grows);
    assert_eq!(Trend::of(&[100, 200, 300]), None, "too little history");
}

/// One day a week with so many messages, from the 1st of January on.
fn weeks(counts: impl IntoIterator<Item = u64>) -> History {
    let mut history = History::default();
    for (week, count) in (0..).zip(counts) {
        let at = at("2026-01-01T12:00:00Z") + 7 * week * DAY;
        (0..count).for_each(|_| history.take(&Message { at, to: Vec::new(), own: false }));
    }
    history
}

#[test]
fn a_trend_meets_its_limit_on_a_day() {
    let limits = Limits { messages: Some(300), ..Limits::default() };
    // Four weeks end on the 29th of January at midnight: 100, 140, 180, 220; two more weeks until 300.
    let asked_of = asked("2026-01-01", "2026-01-29", Tz::UTC);
    let asked_of = Asked { limits, ..asked_of };
    let growing = weeks([100, 140, 180, 220]);
    let review = Review::of(&growing, &asked_of);
    assert_eq!(review.each[0].meets, Some("2026-02-12".parse().unwrap()));
    assert_eq!(review.each[1].meets, None, "nothing limits it");
    let short =
        Asked { since: at("2026-01-02"), known: at("2026-01-01")..at("2026-01-29"), ..asked_of };
    assert_eq!(Review::of(&growing, &short).each[0].trend, None, "three weeks and six days");
}

#[test]
fn test_messages_of_ours_are_counted_apart() {
    let own = Message { own: true, ..message("2026-01-01T12:00:00Z", &["a"]) };
    let history = history(&[own, message("2026-01-01T12:00:00Z", &["a"])]);
    let review = Review::of(&history, &asked("2026-01-01", "2026-01-03", Tz::UTC));
    assert_eq!((review.own, review.each[0].peak, review.each[1].peak), (1, 1, 1));
}

#[test]
fn each_advice_follows_from_numbers() {
    use Advice::{
        Deleted, EnoughRoom, FolderLimited, ManyPerMessage, Relay, Split, TrialLimits, Unnamed,
        Workspace,
    };
    let base = asked("2026-01-01", "2026-01-03", Tz::UTC);
    let of = |account: Account, limit: u64| Asked {
        account,
        limits: Limits { messages: Some(limit), ..Limits::default() },
        ..base.clone()
    };
    let sent = |count: usize| {
        let message = message("2026-01-01T12:00:00Z", &["a"]);
        history(&vec![message; count])
    };
    let wide: Vec<_> = (0..81).map(|number| number.to_string()).collect();
    let wide: Vec<_> = wide.iter().map(String::as_str).collect();
    let to_many = |count| history(&[message("2026-01-01T12:00:00Z", &wide[..count])]);
    let cases = [
        (sent(79), of(Account::Workspace, 100), vec![EnoughRoom]),
        (sent(80), of(Account::Workspace, 100), vec![Relay, Split]),
        (sent(10_000), of(Account::Workspace, 10_000), vec![Split]),
        (sent(80), of(Account::Personal, 100), vec![Workspace]),
        (sent(80), of(Account::WorkspaceTrial, 100), vec![TrialLimits]),
        (sent(80), of(Account::Unknown, 100), vec![]),
        (sent(0), of(Account::Workspace, 100), vec![EnoughRoom]),
        (sent(1), Asked { limits: Limits::default(), ..base.clone() }, vec![]),
        (to_many(80), of(Account::Workspace, 100), vec![EnoughRoom]),
        (to_many(81), of(Account::Workspace, 100), vec![EnoughRoom, ManyPerMessage]),
        (to_many(0), of(Account::Workspace, 100), vec![EnoughRoom, Unnamed]),
        (
            sent(1),
            Asked { limited: true, ..of(Account::Workspace, 100) },
            vec![EnoughRoom, FolderLimited],
        ),
        (
            sent(1),
            Asked { numbers: 100, gone: 10, ..of(Account::Workspace, 100) },
            vec![EnoughRoom, Deleted],
        ),
        (
            sent(1),
            Asked { numbers: 101, gone: 10, ..of(Account::Workspace, 100) },
            vec![EnoughRoom],
        ),
    ];
    for (number, (history, asked, expected)) in cases.into_iter().enumerate() {
        assert_eq!(Review::of(&history, &asked).advice, expected, "case {number}");
    }
}

#[test]
fn a_limit_that_a_trend_meets_within_half_a_year_presses() {
    let asked_of = |limit: u64| Asked {
        limits: Limits { messages: Some(limit), ..Limits::default() },
        ..asked("2026-01-01", "2026-01-29", Tz::UTC)
    };
    let growing = weeks([100, 140, 180, 220]);
    // At 40 a week 26 weeks are 1,040 more: 182 days. A week more is too far.
    let advice = |limit| Review::of(&growing, &asked_of(limit)).advice;
    assert_eq!(advice(1_260), [Advice::Relay, Advice::Split, Advice::Unnamed]);
    assert_eq!(advice(1_300), [Advice::EnoughRoom, Advice::Unnamed]);
}

#[test]
fn every_advice_has_a_name_and_a_sentence_of_its_own() {
    let names: std::collections::BTreeSet<_> = Advice::ALL.map(Advice::name).into();
    let sentences: std::collections::BTreeSet<_> = Advice::ALL.map(Advice::sentence).into();
    assert_eq!((names.len(), sentences.len()), (Advice::ALL.len(), Advice::ALL.len()));
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
}
