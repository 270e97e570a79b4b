//! The checks: what each asks, with what settings, and in which order they run.
//!
//! Invariant: a check does not know when it runs or who asks.

use std::{fmt, sync::Arc, time::Duration};

use chrono_tz::Tz;
use serde::Deserialize;

use crate::{
    domain::{
        cron::Cron,
        letter::Letter,
        link::{Direction, Link},
        outcome::{Failure, Readings},
        reason::Reason,
        secret::Secret,
    },
    wire::{Wire, dialogue::Dialogue, oauth::AccessToken},
    yaml::At,
};

pub mod capacity;
pub mod consent;
pub mod identity;
pub mod imap;
mod keys;
pub mod round_trip;
pub mod session;
pub mod smtp;
pub mod token;

/// A kind of examination.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Check {
    Token,
    Smtp,
    Imap,
    Capacity,
    Session,
    Identity,
    RoundTrip,
}

impl Check {
    /// In the order in which they run: what others need comes first.
    pub const ALL: [Self; 7] = [
        Self::Token,
        Self::Smtp,
        Self::Imap,
        Self::Capacity,
        Self::Session,
        Self::Identity,
        Self::RoundTrip,
    ];

    /// The value of the `check` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Capacity => "capacity",
            Self::Session => "session",
            Self::Identity => "identity",
            Self::RoundTrip => "round_trip",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    /// Whether the check says anything about a link of this direction.
    pub fn applies_to(self, direction: Direction) -> bool {
        match self {
            Self::Capacity | Self::Identity | Self::Session | Self::Token => true,
            Self::RoundTrip | Self::Smtp => direction != Direction::Incoming,
            Self::Imap => direction != Direction::Outgoing,
        }
    }

    /// Examines the link once. Dropped half-way, it leaves a session for the server to time out.
    ///
    /// # Errors
    /// The failure, with its reason.
    pub async fn run(self, probe: &mut Probe<'_>) -> Result<Readings, Failure> {
        match self {
            Self::Token => token::run(probe).await,
            Self::Smtp => smtp::run(probe).await,
            Self::Imap => imap::run(probe).await,
            Self::Capacity => capacity::run(probe).await,
            Self::Session => session::run(probe).await,
            Self::Identity => identity::run(probe).await,
            Self::RoundTrip => round_trip::run(probe).await,
        }
    }
}

impl Check {
    /// The check that talks to the same server before: its failure is the reason why this one is skipped.
    pub fn follows(self) -> Option<Self> {
        match self {
            Self::Capacity | Self::Session => Some(Self::Imap),
            Self::RoundTrip => Some(Self::Smtp),
            Self::Identity | Self::Imap | Self::Smtp | Self::Token => None,
        }
    }

    /// Whether it is run whenever somebody asks, and as soon as a link is new: what really sends is not.
    pub fn is_harmless(self) -> bool {
        self != Self::RoundTrip
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one run of a check is given.
#[derive(Debug)]
pub struct Probe<'a> {
    pub link: &'a Link,
    pub settings: &'a Settings,
    pub wire: &'a Wire,
    /// The access token in hand; the `token` check replaces it.
    pub token: &'a mut Option<AccessToken>,
    pub dialogue: &'a mut Dialogue,
    /// The round's one IMAP session, where a check has left it open.
    pub session: &'a mut Option<imap::Visit>,
    /// Whether another check of this round goes on with it.
    pub leave_open: bool,
    /// What the `capacity` check counts by, and what came of it.
    pub count: &'a mut Option<capacity::Count>,
    /// What the `session` check is to do, and what it leaves.
    pub sitting: &'a mut session::Sitting,
    /// What the `round_trip` check sends, and that it did.
    pub letter: Option<&'a Letter>,
    pub sent: &'a mut Option<round_trip::Sent>,
}

/// The access token that the round got first. Without it a check says nothing about its own server.
fn token_in_hand(probe: &Probe<'_>) -> Result<Secret, Failure> {
    let token = probe.token.as_ref().map(|token| token.secret.clone());
    token.ok_or_else(|| Failure::own(Reason::InternalError, "no access token in hand"))
}

/// The settings of all checks, as the configuration file writes them under `checks`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub token: token::Config,
    pub smtp: smtp::Config,
    pub imap: imap::Config,
    pub capacity: capacity::Config,
    pub session: session::Config,
    pub identity: identity::Config,
    pub round_trip: round_trip::Config,
    /// No check of a link but of a client, so that only the main file has it.
    pub consent: Option<At<consent::Config>>,
}

impl Config {
    /// This where it says something, else `base`.
    pub fn over(self, base: &Self) -> Self {
        Self {
            token: self.token.over(&base.token),
            smtp: self.smtp.over(&base.smtp),
            imap: self.imap.over(&base.imap),
            capacity: self.capacity.over(&base.capacity),
            session: self.session.over(&base.session),
            identity: self.identity.over(&base.identity),
            round_trip: self.round_trip.over(&base.round_trip),
            consent: None,
        }
    }

    /// The settings with every default filled in, and schedules read in `zone`.
    pub fn settle(self, zone: Tz) -> Settings {
        Settings {
            token: self.token.settle(zone),
            smtp: self.smtp.settle(zone),
            imap: self.imap.settle(zone),
            capacity: self.capacity.settle(zone),
            session: self.session.settle(zone),
            identity: self.identity.settle(zone),
            round_trip: self.round_trip.settle(zone),
        }
    }
}

/// The settings of all checks of a link. Links without settings of their own share one.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub token: Timing,
    pub smtp: smtp::Settings,
    pub imap: Timing,
    pub capacity: capacity::Settings,
    pub session: session::Settings,
    pub identity: identity::Settings,
    pub round_trip: round_trip::Settings,
}

impl Settings {
    pub fn timing(&self, check: Check) -> &Timing {
        match check {
            Check::Token => &self.token,
            Check::Smtp => &self.smtp.timing,
            Check::Imap => &self.imap,
            Check::Capacity => &self.capacity.timing,
            Check::Session => &self.session.timing,
            Check::Identity => &self.identity.timing,
            Check::RoundTrip => &self.round_trip.timing,
        }
    }
}

/// A link together with how it is checked: what sources hand out.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    pub link: Arc<Link>,
    pub settings: Arc<Settings>,
}

impl Watched {
    /// The checks that are switched on and say something about this link, in their order.
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        Check::ALL.into_iter().filter(|check| self.runs(*check))
    }

    /// Whether this check is among them.
    pub fn runs(&self, check: Check) -> bool {
        check.applies_to(self.link.direction) && self.settings.timing(check).enabled
    }
}

/// When a check runs and how long one probe may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    pub enabled: bool,
    pub schedule: Cron,
    pub timeout: Duration,
}

impl Timing {
    /// `default` is the schedule of a check that was given none.
    fn settle(
        enabled: Option<bool>,
        schedule: Option<Cron>,
        timeout: Option<Span>,
        default: &str,
        zone: Tz,
    ) -> Self {
        let schedule = schedule.unwrap_or_else(|| {
            Cron::parse(default, zone).expect("a test settles the default schedule of every check")
        });
        Self {
            enabled: enabled.unwrap_or(true),
            schedule: schedule.in_zone(zone),
            timeout: timeout.map_or(TIMEOUT, |span| span.0),
        }
    }
}

/// Of one probe, all phases and retries together.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A duration as people write it: `30s`, `5m`, `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let span: Option<jiff::SignedDuration> = written.parse().ok();
        match span.and_then(|span| Duration::try_from(span).ok()) {
            Some(span) if !span.is_zero() => Ok(Self(span)),
            _ => Err(serde::de::Error::custom(format_args!(
                "{written:?} is no duration; write it as \"30s\", \"5m\" or \"1h 30m\""
            ))),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use url::Url;

    use super::*;
    use crate::domain::{
        link::{Account, Address, Client, Google, Grant, ImapServer, LinkId, Security, SmtpServer},
        secret::Secret,
    };

    /// A link of this mailbox with every check at its default.
    pub(crate) fn watched(address: &str) -> Watched {
        let url = || Url::parse("https://localhost/").unwrap();
        let link = Link {
            id: LinkId::parse(address).unwrap(),
            mailbox: Address::parse(address).unwrap(),
            source: "file".into(),
            direction: Direction::Both,
            account: Account::Unknown,
            client: Arc::new(Client {
                name: "odoo".into(),
                id: "1234-abc.apps.googleusercontent.com".into(),
                secret: Secret::new("client-secret"),
                publishing_status: None,
                redirect_uris: Vec::new(),
            }),
            grant: Grant::RefreshToken(Secret::new("1//refresh-token")),
            linked_at: None,
            google: Arc::new(Google {
                token_url: url(),
                tokeninfo_url: url(),
                authorization_url: url(),
                gmail_api_url: url(),
                revoke_url: url(),
            }),
            smtp: Arc::new(SmtpServer {
                host: "smtp.gmail.com".into(),
                port: 587,
                security: Security::Starttls,
            }),
            imap: Arc::new(ImapServer { host: "imap.gmail.com".into(), port: 993 }),
        };
        let settings = Arc::new(Config::default().settle(Tz::UTC));
        Watched { link: Arc::new(link), settings }
    }

    #[test]
    fn every_check_has_a_schedule_when_nothing_is_configured() {
        let settings = Config::default().settle(Tz::UTC);
        let schedules = Check::ALL.map(|check| settings.timing(check).schedule.to_string());
        let expected = [
            "*/15 * * * *",
            "5-59/15 * * * *",
            "10-59/15 * * * *",
            "10-59/30 * * * *",
            "20 */6 * * *",
            "30 4 * * *",
            "17 */6 * * *",
        ];
        assert_eq!(schedules, expected);
    }

    #[test]
    fn a_check_that_says_nothing_of_a_direction_is_not_run_for_it() {
        assert!(!Check::Smtp.applies_to(Direction::Incoming));
        assert!(!Check::RoundTrip.applies_to(Direction::Incoming));
        assert!(!Check::Imap.applies_to(Direction::Outgoing));
        assert!(Check::ALL.into_iter().all(|check| check.applies_to(Direction::Both)));
    }
}
