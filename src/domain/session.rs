//! How IMAP sessions end, and when that is too early.

use std::time::Duration;

use super::{
    clock::Timestamp,
    outcome::{Evidence, Failure},
    reason::Reason,
};

/// What ended a session.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum How {
    /// The server said good-bye.
    Bye,
    /// We did.
    Closed,
    /// Nobody did: the connection broke, or what came was no IMAP.
    Dropped,
    /// Its access token was over: Google ends a session then, "usually 1 hour" after the sign-in.
    /// https://developers.google.com/workspace/gmail/imap/imap-smtp
    Expired,
}

impl How {
    pub const ALL: [Self; 4] = [Self::Bye, Self::Closed, Self::Dropped, Self::Expired];

    /// The value of the `ended` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bye => "bye",
            Self::Closed => "closed",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
        }
    }

    /// As this failure ended it, at that time, where its access token was good until `token_ends`.
    pub fn of(failure: &Failure, at: Timestamp, token_ends: Option<Timestamp>) -> Self {
        let said_bye =
            matches!(&failure.evidence, Some(Evidence::Reply(reply)) if reply.ends_session());
        let over = token_ends.is_some_and(|ends| at + AROUND >= ends);
        match failure.reason {
            Reason::ImapSessionExpired => Self::Expired,
            _ if over => Self::Expired,
            _ if said_bye => Self::Bye,
            _ => Self::Dropped,
        }
    }
}

/// A session that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub at: Timestamp,
    pub lasted: Duration,
    pub how: How,
    /// What ended it, in words; redacted.
    pub words: String,
}

impl Ended {
    /// Whether it ended so early that a client which waits for mail would sign in again and again.
    pub fn is_short(&self) -> bool {
        self.lasted < SHORT && matches!(self.how, How::Bye | How::Dropped)
    }
}

/// So long before its token's end a session ends by that.
const AROUND: Duration = Duration::from_secs(5 * 60);

/// A client that sees its sessions last less signs in hundreds of times a day.
pub const SHORT: Duration = Duration::from_secs(10 * 60);

/// One session may end by an accident; so many in a row do not.
pub const IN_A_ROW: u32 = 3;

/// How long to wait before the next session, after so many short ones in a row.
pub fn pause(short: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << short.min(9))
}

const FIRST_PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::{
        outcome::Reply,
        reason::{At, Protocol, Said},
        redact::Redactor,
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn what_ended_a_session_is_told_apart() {
        let bye = |text| {
            let (protocol, at) = (Protocol::Imap, At::Command);
            let said = Said { protocol, at, status: "BYE", code: "", key: "", text };
            Failure::said(Reply::new(&said, &Redactor::default()), at)
        };
        let how = |failure: &Failure, secs| How::of(failure, at(secs), Some(at(3600)));
        let lost = Failure::new(Reason::ConnectionLost);
        assert_eq!(how(&bye("Session expired, please login again."), 60), How::Expired);
        assert_eq!(how(&lost, 3400), How::Expired);
        assert_eq!(how(&bye("System Error"), 3299), How::Bye);
        assert_eq!(how(&lost, 3299), How::Dropped);
        assert_eq!(How::of(&lost, at(3600), None), How::Dropped);
    }

    #[test]
    fn a_session_is_short_unless_we_ended_it_or_its_token_did() {
        let ended = |minutes: u64, how| {
            let lasted = Duration::from_secs(minutes * 60);
            Ended { at: at(0), lasted, how, words: String::new() }.is_short()
        };
        assert!(ended(9, How::Bye) && ended(9, How::Dropped));
        assert!(!ended(10, How::Bye) && !ended(1, How::Closed) && !ended(1, How::Expired));
    }

    #[test]
    fn short_sessions_are_followed_by_ever_longer_pauses() {
        let seconds = [0, 1, 5, 8, 40].map(|short| pause(short).as_secs());
        assert_eq!(seconds, [2, 4, 64, 512, 1024]);
    }
}
