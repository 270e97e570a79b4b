//! The life of a link's refresh tokens, and when it will end.
//!
//! Google's list of what ends it: https://developers.google.com/identity/protocols/oauth2#expiration
//!
//! Invariant: nothing here holds a token, or what could be made into one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    fingerprint::Fingerprint,
    link::{Link, PublishingStatus},
};

/// What is known of one refresh token of a link.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Token {
    pub fingerprint: Fingerprint,
    /// It may be older: nobody but Google knows when it was issued.
    pub first_seen: Timestamp,
    /// When Google last honoured it.
    pub last_good: Option<Timestamp>,
    pub reported: Option<Reported>,
    /// When Google first refused it for good.
    pub died: Option<Timestamp>,
}

/// What the token endpoint says of a refresh token's end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Reported {
    /// When it was first said.
    pub first: Timestamp,
    /// What was left of the token then, in milliseconds.
    pub left: u64,
    /// When the token ends, by what was said last.
    pub expires: Timestamp,
}

/// The refresh tokens that a link has had, and the one that it has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Tokens {
    /// In the order in which they were in use; the last one is or was the present one.
    known: Vec<Token>,
    /// Whether the last one is in use now.
    in_use: bool,
}

impl Tokens {
    /// Takes note of the token that the link has now; none where it cannot be read.
    pub fn see(&mut self, fingerprint: Option<Fingerprint>, now: Timestamp) {
        self.in_use = fingerprint.is_some();
        let Some(fingerprint) = fingerprint else { return };
        let known = self.known.iter().position(|token| token.fingerprint == fingerprint);
        let token = match known {
            Some(known) => self.known.remove(known),
            None => {
                Token { fingerprint, first_seen: now, last_good: None, reported: None, died: None }
            }
        };
        self.known.push(token);
        let surplus = self.known.len().saturating_sub(KEPT);
        self.known.drain(..surplus);
    }

    /// Those that Google would still honour, so far as anybody saw: not refused, and used or seen within the six months
    /// before the newest was.
    pub fn alive(&self) -> impl Iterator<Item = Fingerprint> {
        let used = |token: &Token| token.last_good.unwrap_or(token.first_seen);
        let latest = self.known.iter().map(used).max();
        let alive = move |token: &&Token| {
            token.died.is_none() && latest.is_some_and(|latest| latest.since(used(token)) < IDLE)
        };
        self.known.iter().filter(alive).map(|token| token.fingerprint)
    }

    /// The token in use.
    pub fn present(&self) -> Option<&Token> {
        self.known.last().filter(|_| self.in_use)
    }

    /// Google honoured the token at `at`, and may have said when it ends.
    pub fn honoured(&mut self, at: Timestamp, expires: Option<Timestamp>) {
        let Some(token) = self.known.last_mut().filter(|_| self.in_use) else { return };
        token.last_good = Some(at);
        token.died = None;
        if let Some(expires) = expires {
            let left = u64::try_from(expires.since(at).as_millis()).unwrap_or(u64::MAX);
            let first = Reported { first: at, left, expires };
            token.reported = Some(Reported { expires, ..token.reported.unwrap_or(first) });
        }
    }

    /// Google refused the token for good at `at`.
    pub fn refused(&mut self, at: Timestamp) {
        if let Some(token) = self.known.last_mut().filter(|_| self.in_use) {
            token.died.get_or_insert(at);
        }
    }
}

impl Tokens {
    /// What the end of the token in use follows from.
    pub fn life(&self, consent: Consent) -> Option<Life> {
        let token = self.present()?;
        let place = self.known.len() - 1;
        Some(Life {
            issued: Some(self.issued(place, consent.linked_at)),
            last_good: token.last_good,
            reported: token.reported,
            died: token.died,
            status: consent.status,
        })
    }

    /// Whether the token in use died as those of an app in Testing do: after 7 days, for the second time in a row, or
    /// for the first where the app is known to be in Testing. Each death must have been seen: the token still worked
    /// half a day before, and no longer half a day after.
    pub fn died_of_testing(&self, consent: Consent) -> bool {
        let needed = match consent.status {
            Some(PublishingStatus::Internal) => return false,
            Some(PublishingStatus::Testing) => 1,
            Some(PublishingStatus::Production) | None => 2,
        };
        let after_a_week = |place: usize| {
            let (token, issued) = (&self.known[place], self.issued(place, consent.linked_at));
            let worked = token.last_good.is_some_and(|at| at.since(issued) + SLACK >= TESTING);
            worked && token.died.is_some_and(|at| at.since(issued) <= TESTING + SLACK)
        };
        let mut last = (0..self.known.len()).rev().take(needed);
        self.in_use && self.known.len() >= needed && last.all(after_a_week)
    }

    /// The latest time at which a token can have been issued. What the configuration says is of one token only: of no
    /// later one, whose predecessor was in use after that.
    fn issued(&self, place: usize, linked_at: Option<Timestamp>) -> Timestamp {
        let seen = self.known[place].first_seen;
        let before = place.checked_sub(1).map(|place| &self.known[place]);
        let in_use = before.map(|before| before.last_good.unwrap_or(before.first_seen));
        match linked_at {
            Some(linked) if in_use.is_none_or(|in_use| in_use < linked) => linked.min(seen),
            _ => seen,
        }
    }
}

/// What the configuration tells of the consent behind a link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent {
    pub linked_at: Option<Timestamp>,
    pub status: Option<PublishingStatus>,
}

impl Consent {
    pub fn of(link: &Link) -> Self {
        Self { linked_at: link.linked_at, status: link.client.publishing_status }
    }
}

/// What the end of a token follows from, so far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Or first seen: it was not issued later.
    issued: Option<Timestamp>,
    last_good: Option<Timestamp>,
    reported: Option<Reported>,
    died: Option<Timestamp>,
    status: Option<PublishingStatus>,
}

impl Life {
    /// What one refresh at `at` tells, without a memory.
    pub fn of_refresh(consent: Consent, at: Timestamp, expires: Option<Timestamp>) -> Self {
        let mut tokens = Tokens::default();
        tokens.see(Some(Fingerprint::NONE), at);
        tokens.honoured(at, expires);
        let reported = tokens.present().and_then(|token| token.reported);
        Self {
            issued: consent.linked_at,
            last_good: Some(at),
            reported,
            died: None,
            status: consent.status,
        }
    }

    /// When the token ends, by each thing that it follows from. None of a token that is dead, and none that the token
    /// has outlived.
    pub fn ends(&self) -> Vec<End> {
        if self.died.is_some() {
            return Vec::new();
        }
        let reported = self.reported.map(|said| End {
            basis: Basis::Reported,
            at: said.expires,
            lifetime: Duration::from_millis(said.left),
        });
        let testing = self.status == Some(PublishingStatus::Testing);
        let testing = self.issued.filter(|_| testing).map(|issued| End {
            basis: Basis::TestingMode,
            at: issued + TESTING,
            lifetime: TESTING,
        });
        let idle =
            self.last_good.map(|used| End { basis: Basis::Idle, at: used + IDLE, lifetime: IDLE });
        let outlived = |end: &End| self.last_good.is_some_and(|good| good > end.at);
        [reported, testing, idle].into_iter().flatten().filter(|end| !outlived(end)).collect()
    }
}

/// When a token ends, and what that follows from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    pub basis: Basis,
    pub at: Timestamp,
    /// Of how long a time this is the end.
    pub lifetime: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis {
    /// Known: no sooner does Google drop it for want of use, since the exporter used it itself. It moves on with every
    /// refresh.
    Idle,
    /// Known: the token endpoint said so.
    Reported,
    /// Inferred: no later, if the app is in Testing as the configuration says, and no administrator trusts it.
    TestingMode,
}

impl Basis {
    /// The value of the `basis` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Reported => "reported",
            Self::TestingMode => "testing_mode",
        }
    }

    /// How sure that is, after a date.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Idle => "not sooner, for want of use",
            Self::Reported => "as the token endpoint says",
            Self::TestingMode => "at the latest, since the app is in Testing",
        }
    }
}

/// "Issued a refresh token expiring in 7 days."
const TESTING: Duration = Duration::from_secs(7 * DAY);

/// How far from it a death may have been seen.
const SLACK: Duration = Duration::from_secs(DAY / 2);

/// "Has not been used for six months", which are never shorter.
const IDLE: Duration = Duration::from_secs(181 * DAY);

const DAY: u64 = 24 * 60 * 60;

/// Tokens of a link that are remembered: as many as Google keeps of one account and client.
const KEPT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fingerprint::Key;

    fn key(byte: u8) -> Key {
        Key::new([byte; 32])
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_token_keeps_the_time_when_it_was_first_seen_and_a_new_one_gets_its_own() {
        let mut tokens = Tokens::default();
        let (old, new) = (key(1).fingerprint(["old"]), key(1).fingerprint(["new"]));
        tokens.see(Some(old), at(10));
        tokens.see(None, at(15));
        assert_eq!(tokens.present(), None);
        tokens.see(Some(old), at(20));
        assert_eq!(tokens.present().unwrap().first_seen, at(10));
        tokens.see(Some(new), at(30));
        assert_eq!(tokens.present().unwrap().first_seen, at(30));
        tokens.see(Some(old), at(40));
        assert_eq!(tokens.present().unwrap().first_seen, at(10));
        for number in 0..2 * i64::try_from(KEPT).unwrap() {
            tokens.see(Some(key(1).fingerprint([&*number.to_string()])), at(50 + number));
        }
        assert_eq!(tokens.known.len(), KEPT);
    }

    #[test]
    fn tokens_are_alive_until_refused_or_long_unused() {
        let tokens = lived(&[(0.0, 10.0, None), (20.0, 30.0, Some(40.0)), (50.0, 100.0, None)]);
        assert_eq!(tokens.alive().count(), 2);
        let tokens = lived(&[(0.0, 10.0, None), (20.0, 200.0, None)]);
        let newest = tokens.known.last().unwrap().fingerprint;
        assert_eq!(tokens.alive().collect::<Vec<_>>(), [newest]);
    }

    fn days(days: f64) -> Timestamp {
        at((days * 86_400.0) as i64)
    }

    fn consent(status: Option<PublishingStatus>) -> Consent {
        Consent { linked_at: None, status }
    }

    const TESTED: Option<PublishingStatus> = Some(PublishingStatus::Testing);

    /// Tokens that were seen first, good last and refused first at these days.
    fn lived(lives: &[(f64, f64, Option<f64>)]) -> Tokens {
        let mut tokens = Tokens::default();
        for (number, (seen, good, died)) in lives.iter().enumerate() {
            tokens.see(Some(key(1).fingerprint([&*number.to_string()])), days(*seen));
            tokens.honoured(days(*good), None);
            if let Some(died) = died {
                tokens.refused(days(*died));
            }
        }
        tokens
    }

    fn ends(tokens: &Tokens, consent: Consent) -> Vec<(&'static str, Timestamp)> {
        let ends = tokens.life(consent).map(|life| life.ends()).unwrap_or_default();
        ends.iter().map(|end| (end.basis.name(), end.at)).collect()
    }

    #[test]
    fn an_end_is_told_with_what_it_follows_from() {
        let mut tokens = lived(&[(1.0, 2.0, None)]);
        let idle = ("idle", days(183.0));
        assert_eq!(ends(&tokens, consent(None)), [idle]);
        assert_eq!(ends(&tokens, consent(TESTED)), [("testing_mode", days(8.0)), idle]);
        let linked = Consent { linked_at: Some(days(-1.0)), status: TESTED };
        assert_eq!(ends(&tokens, linked), [("testing_mode", days(6.0)), idle]);
        tokens.honoured(days(3.0), Some(days(8.5)));
        tokens.honoured(days(4.0), None);
        let said = [("reported", days(8.5)), ("idle", days(185.0))];
        assert_eq!(ends(&tokens, consent(None)), said);
        let life = tokens.life(consent(None)).unwrap();
        assert_eq!(life.ends()[0].lifetime, Duration::from_secs(11 * DAY / 2));
        assert_eq!(ends(&Tokens::default(), consent(TESTED)), []);
    }

    #[test]
    fn of_the_dead_and_of_what_was_outlived_no_end_is_told() {
        assert_eq!(ends(&lived(&[(1.0, 2.0, Some(3.0))]), consent(TESTED)), []);
        // An administrator trusts the app, which ends the seven days.
        let trusted = lived(&[(1.0, 9.0, None)]);
        assert_eq!(ends(&trusted, consent(TESTED)), [("idle", days(190.0))]);
    }

    #[test]
    fn a_consent_that_was_written_down_is_not_taken_for_that_of_a_later_token() {
        let linked = Consent { linked_at: Some(days(1.0)), status: TESTED };
        let relinked = lived(&[(2.0, 7.0, Some(8.0)), (9.0, 9.5, None)]);
        assert_eq!(ends(&relinked, linked)[0], ("testing_mode", days(16.0)));
        let corrected = Consent { linked_at: Some(days(8.5)), ..linked };
        assert_eq!(ends(&relinked, corrected)[0], ("testing_mode", days(15.5)));
    }

    #[test]
    fn tokens_that_keep_dying_at_seven_days_tell_that_the_app_is_in_testing() {
        let week = |start: f64| (start, start + 6.99, Some(start + 7.01));
        let unknown = consent(None);
        let cases: &[(&str, Tokens, Consent, bool)] = &[
            ("twice", lived(&[week(0.0), week(8.0)]), unknown, true),
            (
                "twice after more",
                lived(&[(0.0, 3.0, Some(3.1)), week(4.0), week(12.0)]),
                unknown,
                true,
            ),
            ("once", lived(&[week(0.0)]), unknown, false),
            ("once, but known", lived(&[week(0.0)]), consent(TESTED), true),
            (
                "not in a row",
                lived(&[week(0.0), (8.0, 9.0, Some(9.1)), week(10.0)]),
                unknown,
                false,
            ),
            ("younger", lived(&[week(0.0), (8.0, 14.4, Some(14.6))]), unknown, false),
            ("older", lived(&[week(0.0), (8.0, 15.4, Some(15.6))]), unknown, false),
            ("nobody looked", lived(&[week(0.0), (8.0, 10.0, Some(15.0))]), unknown, false),
            ("alive", lived(&[week(0.0), (8.0, 15.0, None)]), unknown, false),
            (
                "internal",
                lived(&[week(0.0), week(8.0)]),
                consent(Some(PublishingStatus::Internal)),
                false,
            ),
            (
                "said to be published",
                lived(&[week(0.0), week(8.0)]),
                consent(Some(PublishingStatus::Production)),
                true,
            ),
        ];
        for (name, tokens, consent, expected) in cases {
            assert_eq!(tokens.died_of_testing(*consent), *expected, "{name}");
        }
    }

    #[test]
    fn of_a_token_that_lives_again_no_death_is_kept() {
        let mut tokens = Tokens::default();
        tokens.see(Some(key(1).fingerprint(["token"])), at(0));
        tokens.refused(at(10));
        tokens.refused(at(20));
        assert_eq!(tokens.present().unwrap().died, Some(at(10)));
        tokens.honoured(at(30), Some(at(130)));
        tokens.honoured(at(40), Some(at(131)));
        let token = tokens.present().unwrap();
        assert_eq!((token.died, token.last_good), (None, Some(at(40))));
        let reported = Reported { first: at(30), left: 100_000, expires: at(131) };
        assert_eq!(token.reported, Some(reported));
    }
}
