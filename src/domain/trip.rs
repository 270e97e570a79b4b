//! Round trips: letters of our own on their way, from a link that sends one to the mailbox where it is looked for.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    letter::{Authentication, Mark, Verdict},
    link::{Address, LinkId},
    reason::Reason,
};

/// A letter that was sent and is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    pub mark: Mark,
    pub from: Address,
    pub to: Address,
    /// The link by which the mailbox that it went to is read.
    pub by: LinkId,
    pub sent: Timestamp,
    /// Set where the server did not say whether it took the letter.
    pub unsure: Option<Unsure>,
    pub looks: u32,
    /// When somebody last looked everywhere and did not find it.
    pub missed: Option<Timestamp>,
    /// When it is looked for next.
    pub next: Timestamp,
}

/// How sending ended, where the server did not say whether it took the letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsure {
    pub reason: Reason,
    pub words: Option<String>,
}

/// How long a message may be on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// What comes later than this is late.
    pub late: Duration,
    /// What has not come by then is lost.
    pub lost: Duration,
}

/// Where and when a letter was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub place: Place,
    /// By the receiving server's clock; by ours, where it does not tell.
    pub received: Timestamp,
    /// How long the servers had it, by their own clocks.
    pub transit: Option<Duration>,
    pub verdicts: Verdicts,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    Inbox,
    Spam,
}

/// What the receiving server thinks of the sender's domain; none where it does not tell.
/// https://www.rfc-editor.org/rfc/rfc8601
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Verdicts {
    pub spf: Option<bool>,
    pub dkim: Option<bool>,
    pub dmarc: Option<bool>,
}

impl From<Authentication> for Verdicts {
    fn from(told: Authentication) -> Self {
        let passes = |verdict: Option<Verdict>| verdict.map(|it| it == Verdict::Pass);
        Self { spf: passes(told.spf), dkim: passes(told.dkim), dmarc: passes(told.dmarc) }
    }
}

impl Verdicts {
    /// With the values of the `method` label.
    pub fn each(self) -> [(&'static str, Option<bool>); 3] {
        [("spf", self.spf), ("dkim", self.dkim), ("dmarc", self.dmarc)]
    }
}

/// What goes on with a sentence: `, spf passes, dkim does not pass`; nothing where the server does not tell.
impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (method, passes) in self.each() {
            match passes {
                Some(true) => write!(f, ", {method} passes")?,
                Some(false) => write!(f, ", {method} does not pass")?,
                None => {}
            }
        }
        Ok(())
    }
}

/// How a round trip ended.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Arrival {
    Inbox,
    Spam,
    Late,
    Lost,
}

impl Arrival {
    pub const ALL: [Self; 4] = [Self::Inbox, Self::Spam, Self::Late, Self::Lost];

    /// The value of the `outcome` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Spam => "spam",
            Self::Late => "late",
            Self::Lost => "lost",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arrival| arrival.name() == name)
    }

    /// Why that is a failure.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Inbox => None,
            Self::Spam => Some(Reason::DeliveredToSpam),
            Self::Late => Some(Reason::DeliveredLate),
            Self::Lost => Some(Reason::MessageLost),
        }
    }
}

/// A round trip that is over.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Ended {
    pub at: Timestamp,
    /// `inbox`, `spam`, `late` or `lost`.
    pub arrival: String,
    /// From sending to its arrival, in milliseconds; by two clocks.
    pub delay: Option<u64>,
    pub verdicts: Verdicts,
}

impl Trip {
    pub fn new(mark: Mark, from: Address, to: Address, by: LinkId, sent: Timestamp) -> Self {
        let next = sent + Duration::from_secs(LOOKS[0]);
        Self { mark, from, to, by, sent, unsure: None, looks: 0, missed: None, next }
    }

    /// With its angle brackets.
    pub fn message_id(&self) -> String {
        self.mark.message_id(&self.from)
    }

    /// How it ended, now that it was found.
    pub fn arrived(&self, found: &Found, patience: Patience) -> Arrival {
        match found.place {
            Place::Spam => Arrival::Spam,
            Place::Inbox if self.delay(found) > patience.late => Arrival::Late,
            Place::Inbox => Arrival::Inbox,
        }
    }

    /// From the moment when it was sent until it was received. Two clocks: zero where theirs is behind.
    pub fn delay(&self, found: &Found) -> Duration {
        found.received.since(self.sent)
    }

    /// Whether it need not be looked for any more.
    pub fn is_lost(&self, patience: Patience) -> bool {
        self.missed.is_some_and(|missed| missed.since(self.sent) >= patience.lost)
    }

    /// Where somebody has set the clock back behind its sending, it counts as sent now: else nobody would look for it until
    /// the clock has caught up.
    pub fn reckon(&mut self, now: Timestamp) {
        if self.sent.since(now) > AT_LEAST {
            (self.sent, self.next, self.missed) = (now, now, None);
        }
    }

    /// Somebody looked, by the end of which it was not found, and plans the next look: soon at first, since most mail
    /// takes seconds, then ever more rarely, and at the end of patience for the last time.
    pub fn look_again(&mut self, now: Timestamp, patience: Patience) {
        self.looks += 1;
        let last = self.sent + patience.lost;
        let planned = LOOKS.iter().map(|seconds| self.sent + Duration::from_secs(*seconds));
        let next = planned.filter(|at| *at > now && *at < last).min().unwrap_or(last);
        self.next = next.max(now + AT_LEAST);
    }
}

/// Between two looks.
pub const AT_LEAST: Duration = Duration::from_secs(60);

/// In seconds after it was sent.
const LOOKS: [u64; 8] = [2, 90, 5 * 60, 10 * 60, 20 * 60, 30 * 60, 40 * 60, 50 * 60];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{fingerprint::Key, letter::Installation};

    const PATIENCE: Patience =
        Patience { late: Duration::from_secs(300), lost: Duration::from_secs(3600) };

    fn trip() -> Trip {
        let mark = Mark::new(&Installation::of(&Key::new([7; 32])), [1; 12]);
        let address = |text| Address::parse(text).unwrap();
        let (from, to) = (address("sales@example.com"), address("sink@example.com"));
        let by = LinkId::parse("sink").unwrap();
        Trip::new(mark, from, to, by, Timestamp::from_secs(1000))
    }

    #[test]
    fn an_arrival_is_judged_by_folder_and_time() {
        let cases = [
            (Place::Inbox, 1002, Arrival::Inbox),
            (Place::Inbox, 900, Arrival::Inbox),
            (Place::Inbox, 1300, Arrival::Inbox),
            (Place::Inbox, 1301, Arrival::Late),
            (Place::Spam, 1002, Arrival::Spam),
        ];
        for (place, received, expected) in cases {
            let received = Timestamp::from_secs(received);
            let found = Found { place, received, transit: None, verdicts: Verdicts::default() };
            assert_eq!(trip().arrived(&found, PATIENCE), expected);
        }
    }

    #[test]
    fn it_is_looked_for_ever_more_rarely_and_at_the_end_once_more() {
        let mut trip = trip();
        let mut looks = Vec::new();
        while !trip.is_lost(PATIENCE) {
            let at = trip.next;
            looks.push(at.since(trip.sent).as_secs());
            trip.missed = Some(at);
            trip.look_again(at, PATIENCE);
        }
        assert_eq!(looks, [2, 90, 300, 600, 1200, 1800, 2400, 3000, 3600]);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_look() {
        let mut trip = trip();
        let sent = trip.sent;
        trip.reckon(sent - Duration::from_secs(30));
        assert_eq!(trip.sent, sent);
        let back = sent - Duration::from_secs(900);
        trip.reckon(back);
        assert_eq!((trip.sent, trip.next), (back, back));
    }

    #[test]
    fn a_mailbox_that_could_not_be_read_says_nothing_of_what_is_lost() {
        let mut trip = trip();
        let late = trip.sent + Duration::from_secs(2 * 3600);
        trip.look_again(late, PATIENCE);
        assert!(!trip.is_lost(PATIENCE));
        assert_eq!(trip.next, late + AT_LEAST);
    }
}
