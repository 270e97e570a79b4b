//! Stories of one link, or of a client, a line each: what happens in which minute, and what is told of it.

use super::*;
use crate::{
    check::Check,
    domain::link::{Address, LinkId},
};

const DEAD: Reason = Reason::GrantRevokedOrExpired;
const SLOW: Reason = Reason::Timeout;

/// Of the moment, too.
const BUSY: Reason = Reason::ConnectionLost;

/// Google knows the OAuth client no more.
const REFUSED: Reason = Reason::ClientDeleted;

fn trouble(reason: Reason) -> Trouble {
    Trouble { check: Check::Token, reason, evidence: None }
}

fn broke(reason: Reason) -> Turn {
    Turn::Broke(trouble(reason))
}

fn changed(reason: Reason) -> Turn {
    Turn::ReasonChanged(trouble(reason))
}

fn resumed(reason: Reason, certain: Option<Reason>) -> Turn {
    Turn::Resumed { trouble: trouble(reason), certain }
}

fn at(minute: u64) -> Timestamp {
    Timestamp::from_secs(1_795_359_000) + Duration::from_secs(60 * minute)
}

fn link() -> Subject {
    Subject::Link(LinkId::parse("a").unwrap(), Address::parse("a@example.com").unwrap())
}

fn transition(minute: u64, turn: Turn) -> Transition {
    Transition { of: link(), at: at(minute), turn }
}

/// The link works again, after some trouble of its own.
const HEALED: Turn = Turn::Healed(DEAD);

/// `3 broke timeout`, a line for everything that is told.
fn say(told: &Told) -> String {
    let minute = told.at.since(at(0)).as_secs() / 60;
    let reason = told.event.trouble().map(|trouble| format!(" {}", trouble.reason));
    format!("{minute} {}{}", told.name(), reason.unwrap_or_default())
}

fn tell(story: Vec<(u64, Turn)>, until: u64) -> Vec<String> {
    tell_of(&link(), story, until)
}

fn tell_of(of: &Subject, story: Vec<(u64, Turn)>, until: u64) -> Vec<String> {
    let mut damping = Damping::default();
    let mut said = Vec::new();
    let mut story = story.into_iter().peekable();
    for minute in 0..=until {
        said.extend(damping.settle(at(minute)).iter().map(say));
        while let Some((_, turn)) = story.next_if(|(when, _)| *when == minute) {
            let transition = Transition { of: of.clone(), ..transition(minute, turn) };
            said.extend(damping.take(transition).as_ref().map(say));
        }
    }
    assert!(story.next().is_none(), "the story is told to its end");
    said
}

#[test]
fn every_story_is_told_as_it_should_be() {
    use Turn::{Gone, Persists, TokenChanged};
    type Case = (&'static str, Vec<(u64, Turn)>, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (
            "what needs a person is told at once, and once",
            vec![(0, broke(DEAD)), (15, Persists), (99, HEALED)],
            &["0 broke grant_revoked_or_expired", "99 healed"],
        ),
        ("what passes by itself is not told", vec![(0, broke(SLOW)), (15, HEALED)], &[]),
        (
            "but told when it stays",
            vec![(0, broke(SLOW)), (15, Persists), (30, HEALED)],
            &["15 broke timeout", "30 healed"],
        ),
        (
            "and a second run may fail otherwise",
            vec![(0, broke(SLOW)), (15, changed(BUSY)), (30, Persists)],
            &["15 broke connection_lost"],
        ),
        (
            "a reason that changes is told",
            vec![(0, broke(DEAD)), (9, changed(Reason::ScopeMissing)), (20, HEALED)],
            &["0 broke grant_revoked_or_expired", "9 reason_changed scope_missing", "20 healed"],
        ),
        (
            "a hiccup in the midst of another trouble is not",
            vec![(0, broke(DEAD)), (15, changed(SLOW)), (30, changed(DEAD)), (45, HEALED)],
            &["0 broke grant_revoked_or_expired", "45 healed"],
        ),
        (
            "unless it stays",
            vec![(0, broke(DEAD)), (15, changed(SLOW)), (30, Persists)],
            &["0 broke grant_revoked_or_expired", "30 reason_changed timeout"],
        ),
        (
            "a hiccup that turns out as something else is told as that",
            vec![(0, broke(SLOW)), (15, changed(DEAD))],
            &["15 broke grant_revoked_or_expired"],
        ),
        (
            "a new token is told whether the link works or not",
            vec![(0, TokenChanged), (5, broke(DEAD)), (9, TokenChanged), (9, HEALED)],
            &["0 token_changed", "5 broke grant_revoked_or_expired", "9 token_changed", "9 healed"],
        ),
        (
            "what an earlier process told broken is told healed, and no more",
            vec![(0, resumed(DEAD, Some(DEAD))), (5, Persists), (9, HEALED), (10, broke(DEAD))],
            &["9 healed", "10 broke grant_revoked_or_expired"],
        ),
        (
            "what it had not told is told when it stays",
            vec![(0, resumed(SLOW, None)), (15, Persists), (30, HEALED)],
            &["15 broke timeout", "30 healed"],
        ),
        ("and not told healed when not", vec![(0, resumed(SLOW, None)), (15, HEALED)], &[]),
        (
            "what it told of stands through a hiccup",
            vec![(0, resumed(SLOW, Some(DEAD))), (15, changed(DEAD)), (30, HEALED)],
            &["30 healed"],
        ),
        (
            "a refused client's trouble is not its link's",
            vec![(0, broke(REFUSED)), (15, Persists), (30, Turn::Healed(REFUSED))],
            &[],
        ),
        (
            "and hides none of the link's own, nor confirms one",
            vec![
                (0, broke(DEAD)),
                (5, changed(REFUSED)),
                (9, Turn::Healed(REFUSED)),
                (20, broke(REFUSED)),
                (25, changed(SLOW)),
                (30, Persists),
            ],
            &["0 broke grant_revoked_or_expired", "9 healed", "30 broke timeout"],
        ),
        (
            "who leaves broken is neither told nor remembered",
            vec![(0, broke(DEAD)), (5, Gone), (9, broke(DEAD))],
            &["0 broke grant_revoked_or_expired", "9 broke grant_revoked_or_expired"],
        ),
    ];
    for (what, story, expected) in cases {
        assert_eq!(tell(story, 120), expected, "{what}");
    }
}

/// Breaks and heals by turns, a change every `every` minutes.
fn flaps(reason: Reason, changes: u64, every: u64) -> Vec<(u64, Turn)> {
    let turn = |n: u64| if n.is_multiple_of(2) { broke(reason) } else { Turn::Healed(reason) };
    (0..changes).map(|n| (n * every, turn(n))).collect()
}

#[test]
fn a_link_that_flaps_is_told_once_and_again_when_it_is_steady() {
    let said = tell(flaps(DEAD, 20, 5), 300);
    let (seven, rest) = said.split_at(7);
    assert_eq!(seven[6], "30 flapping grant_revoked_or_expired");
    assert_eq!(rest, ["125 healed"], "30 minutes after the last change");

    let said = tell(flaps(DEAD, 21, 5), 300);
    assert_eq!(said[7..], ["130 broke grant_revoked_or_expired"]);
}

#[test]
fn hiccups_are_told_as_flapping_when_there_are_many() {
    assert_eq!(tell(flaps(SLOW, 8, 5), 300), ["30 flapping timeout", "65 healed"]);
}

#[test]
fn six_changes_in_an_hour_are_none_too_many_and_an_old_one_counts_no_more() {
    assert_eq!(tell(flaps(DEAD, 6, 5), 300).len(), 6);
    let slowly = tell(flaps(DEAD, 40, 10), 600);
    assert_eq!(slowly.len(), 40, "{slowly:?}");
}

#[test]
fn after_a_link_was_steady_it_is_told_of_as_any_other() {
    let mut story = flaps(DEAD, 8, 5);
    story.extend([(100, broke(DEAD)), (110, HEALED)]);
    let said = tell(story, 300);
    assert_eq!(said[7..], ["65 healed", "100 broke grant_revoked_or_expired", "110 healed"]);
}

#[test]
fn it_is_known_when_to_look_at_a_link_that_flaps() {
    let mut damping = Damping::default();
    for (minute, turn) in flaps(DEAD, 6, 1) {
        damping.take(transition(minute, turn));
        assert_eq!(damping.wake(), None);
    }
    damping.take(transition(6, broke(DEAD)));
    assert_eq!(damping.wake(), Some(at(36)));
    assert_eq!(damping.settle(at(35)), []);
    assert_eq!(damping.settle(at(36)).len(), 1);
    assert_eq!(damping.wake(), None);
}

#[test]
fn a_refused_client_is_told_as_a_link_is_under_names_of_its_own() {
    let client = Subject::Client("odoo".into());
    let other = Reason::ClientDisabled;
    let story = vec![(0, broke(REFUSED)), (5, changed(other)), (9, Turn::Healed(other))];
    let expected = ["0 client_broke client_deleted", "5 client_reason_changed client_disabled"];
    assert_eq!(tell_of(&client, story, 60), [&expected[..], &["9 client_healed"]].concat());
    let said = tell_of(&client, flaps(REFUSED, 20, 5), 300);
    assert_eq!(said[6..], ["30 client_flapping client_deleted", "125 client_healed"]);
    let story = vec![(0, resumed(REFUSED, Some(REFUSED))), (9, Turn::Healed(REFUSED))];
    assert_eq!(tell_of(&client, story, 60), ["9 client_healed"]);
}

#[test]
fn a_client_that_flaps_makes_no_link_flap_and_holds_up_one_that_does() {
    assert_eq!(tell(flaps(REFUSED, 20, 2), 300), Vec::<String>::new());
    let mut story = flaps(DEAD, 7, 5);
    story.extend([(40, changed(REFUSED)), (99, Turn::Healed(REFUSED))]);
    let said = tell(story, 300);
    assert_eq!(said[6..], ["30 flapping grant_revoked_or_expired", "100 healed"]);
}
