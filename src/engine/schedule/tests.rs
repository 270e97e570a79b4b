//! When checks run, link by link and by the fleet.

use super::*;
use crate::check::tests::watched;

fn at(clock: &str) -> Timestamp {
    format!("2026-11-22T{clock}Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap().into()
}

#[test]
fn a_new_link_is_probed_at_once_and_then_as_its_schedules_say() {
    let watched = watched("a@example.com");
    let id = &watched.link.id;
    let mut schedule = Schedule::default();
    schedule.plan(&watched, at("08:00:01"));
    assert_eq!(schedule.due(at("08:00:00"), |_| true), None);
    let due = schedule.take(id, at("08:00:01")).unwrap();
    // A restart is no reason to send.
    let at_once = [Check::Token, Check::Smtp, Check::Imap, Check::Capacity, Check::Identity];
    assert_eq!(due.checks, at_once);
    schedule.ran(id, Check::ALL.map(|check| (check, None)), at("08:00:02"));
    let jitter = phase(id, SPREAD);
    let planned: Vec<_> = schedule.planned(id).map(|(_, next)| next).collect();
    for (next, minute) in planned.iter().zip(["00", "05", "10"]) {
        let since_hour = next.since(at("08:00:00") + jitter).as_secs();
        assert_eq!(since_hour % 900, minute.parse::<u64>().unwrap() * 60, "{next}");
        assert!(*next > at("08:00:02") && *next <= at("08:16:02"), "{next}");
    }
}

#[test]
fn a_link_that_runs_is_not_due_and_a_busy_mailbox_waits() {
    let watched = watched("a@example.com");
    let mut schedule = Schedule::default();
    schedule.plan(&watched, at("08:00:00"));
    assert_eq!(schedule.due(at("08:00:00"), |_| false), None);
    schedule.take(&watched.link.id, at("08:00:00")).unwrap();
    assert_eq!(schedule.due(at("09:00:00"), |_| true), None);
    // A change meanwhile does not make it run twice.
    schedule.plan(&watched, at("08:00:01"));
    assert_eq!(schedule.due(at("09:00:00"), |_| true), None);
    schedule.ran(&watched.link.id, [], at("08:00:02"));
    assert!(schedule.due(at("08:00:02"), |_| true).is_some());
}

#[test]
fn what_a_person_must_mend_is_asked_ever_more_rarely() {
    let watched = watched("a@example.com");
    let id = &watched.link.id;
    let mut schedule = Schedule::default();
    let mut now = at("08:00:00");
    schedule.plan(&watched, now);
    let mut fails = |failed, now: Timestamp| {
        schedule.take(id, now);
        schedule.ran(id, [(Check::Token, failed)], now);
        schedule.planned(id).next().unwrap().1
    };
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let next = fails(Some(Reason::GrantRevokedOrExpired), now);
        pauses.push(next.since(now).as_secs() / 1800);
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 12, 12]);
    assert!(fails(None, now).since(now) <= SPREAD);
}

#[test]
fn what_passes_by_itself_does_not_stand_for_a_day_where_a_check_is_daily() {
    let watched = watched("a@example.com");
    let id = &watched.link.id;
    let now = at("08:00:00");
    let mut schedule = Schedule::default();
    let mut hours = |failed| {
        schedule.plan(&watched, now);
        schedule.take(id, now);
        schedule.ran(id, [(Check::Identity, failed)], now);
        let next = schedule.planned(id).find(|(check, _)| *check == Check::Identity);
        next.unwrap().1.since(now).as_secs() / 3600
    };
    assert_eq!(hours(Some(Reason::Timeout)), 1);
    assert_eq!(hours(Some(Reason::GoogleRateLimited)), 1);
    assert_eq!(hours(Some(Reason::GarbledAnswer)), 1);
    assert_eq!(hours(Some(Reason::WrongAccount)), 20);
    assert_eq!(hours(None), 20);
}

#[test]
fn what_stays_is_asked_rarely_by_a_daily_check_too() {
    let watched = watched("a@example.com");
    let id = &watched.link.id;
    let mut now = at("05:00:00");
    let mut schedule = Schedule::default();
    schedule.plan(&watched, now);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        schedule.take(id, now);
        schedule.ran(id, [(Check::Identity, Some(Reason::Timeout))], now);
        let next = schedule.planned(id).find(|(check, _)| *check == Check::Identity);
        let next = next.unwrap().1;
        pauses.push(next.since(now).as_secs() / 3600);
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 8], "the last is the daily one");
}

#[test]
fn a_plan_of_an_earlier_process_goes_on_and_what_is_overdue_waits_its_turn() {
    let watched = watched("a@example.com");
    let id = &watched.link.id;
    let (now, first) = (at("08:00:00"), at("08:01:00"));
    let failed = Some((Reason::GrantRevokedOrExpired, 3));
    let years = Duration::from_secs(10 * 366 * 86_400);
    let left = BTreeMap::from([
        (Check::Token, Left { next: at("12:00:00"), failed }),
        (Check::Smtp, Left { next: at("07:00:00"), failed: None }),
        (Check::Imap, Left { next: now + years, failed: None }),
        (Check::Capacity, Left { next: at("12:00:00"), failed: None }),
        (Check::Identity, Left { next: at("12:00:00"), failed: None }),
    ]);
    let mut schedule = Schedule::default();
    schedule.resume(&watched, &left, first, now);
    let planned: BTreeMap<_, _> = schedule.planned(id).collect();
    assert_eq!(planned[&Check::Token], at("12:00:00"));
    assert_eq!(planned[&Check::Smtp], first);
    assert!(planned[&Check::Imap] < at("15:00:00"), "somebody had set the clock");
    let due = schedule.take(id, first).unwrap();
    assert_eq!((due.checks, due.planned), (vec![Check::Smtp], first));
    schedule.ran(id, [(Check::Token, Some(Reason::GrantRevokedOrExpired))], at("12:00:00"));
    assert_eq!(schedule.streaks(id), BTreeMap::from([(Check::Token, 4)]));
}

#[test]
fn runs_that_a_slow_probe_left_no_time_for_are_counted() {
    let watched = watched("a@example.com");
    let id = &watched.link.id;
    let mut schedule = Schedule::default();
    schedule.plan(&watched, at("08:00:00"));
    let due = schedule.take(id, at("08:00:00")).unwrap();
    let ended = due.checks.into_iter().map(|check| (check, None));
    assert_eq!(schedule.ran(id, ended, at("08:45:00")), 11);
}

#[test]
fn links_are_spread_evenly_and_always_the_same() {
    let mut tenths = [0; 10];
    for number in 0..10_000 {
        let id = LinkId::parse(&format!("user{number}@example.com")).unwrap();
        let share = phase(&id, SPREAD);
        assert_eq!(share, phase(&id, SPREAD));
        tenths[(share.as_secs() / 90) as usize] += 1;
    }
    assert!(tenths.iter().all(|links| (900..1100).contains(links)), "{tenths:?}");
}
