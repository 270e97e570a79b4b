//! How near is the mailbox to its sending limits? Counts what stands in the folder of sent mail, going on where the last
//! count ended.

mod look;

use chrono_tz::Tz;
use serde::Deserialize;

use super::{Probe, Timing, imap, keys::keys};
use crate::{
    domain::{
        fingerprint::Key,
        link::{Address, Direction, Link},
        outcome::{Failure, Readings},
        reason::Reason,
        sending::{Journal, Limits, Message, Recipient, Uncounted},
    },
    wire::imap::Listed,
};

use look::Pace;

/// What a count goes on from, and what it leaves.
#[derive(Clone, Debug)]
pub struct Count {
    /// What recipients are told apart by.
    pub key: Key,
    pub journal: Journal,
    /// Why there is no count, or not all of it.
    pub uncounted: Option<Uncounted>,
}

/// Dropped half-way, it leaves the journal at the end of a batch.
pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    counting(probe)?;
    let mut pace = Pace::default();
    loop {
        let mut session = match imap::enter(probe).await {
            Ok(session) => session,
            Err(failure) if needs_no_imap(probe, &failure) => {
                counting(probe)?.uncounted = Some(Uncounted::Refused(failure.reason));
                return Ok(Readings::default());
            }
            Err(failure) => return Err(failure),
        };
        let looked = look::look(&mut session, probe, &mut pace).await;
        if looked.is_err() && pace.goes_on() {
            session.logout(probe.dialogue).await;
            continue;
        }
        return imap::leave(session, probe, looked.map(|()| Readings::default())).await;
    }
}

fn counting<'p>(probe: &'p mut Probe<'_>) -> Result<&'p mut Count, Failure> {
    let nobody = || Failure::own(Reason::InternalError, "nobody said what to count by");
    probe.count.as_mut().ok_or_else(nobody)
}

/// Mail goes out all the same.
fn needs_no_imap(probe: &Probe<'_>, failure: &Failure) -> bool {
    let refused = [Reason::ImapDisabledDomain, Reason::ImapDisabledUser].contains(&failure.reason);
    refused && probe.link.direction == Direction::Outgoing
}

keys! {
    /// Other than Google documents for the kind of account.
    limits: Limits,
    /// Domains beside the mailbox's own whose recipients are not external.
    internal_domains: Vec<Domain>,
}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Settings {
        let timing = self.timing(SCHEDULE, zone);
        let domains = self.internal_domains.unwrap_or_default();
        let internal_domains = domains.into_iter().map(|domain| domain.0).collect();
        Settings { timing, limits: self.limits.unwrap_or_default(), internal_domains }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timing: Timing,
    /// Those that were given.
    pub limits: Limits,
    /// In lower case.
    pub internal_domains: Vec<String>,
}

impl Settings {
    /// What this mailbox may send within a day.
    pub fn limits(&self, link: &Link) -> Limits {
        self.limits.over(&Limits::of(link.account, &link.mailbox))
    }

    /// A message as it is counted, and its number: people are told apart by the key, and who is of another domain than the
    /// mailbox is external.
    pub(crate) fn message(&self, listed: Listed, mailbox: &Address, key: &Key) -> (u32, Message) {
        let Listed { uid, at, to, own } = listed;
        let is_internal = |domain: &str| {
            domain == domain_of(mailbox.as_str())
                || self.internal_domains.iter().any(|known| known == domain)
        };
        let recipient = |address: String| Recipient {
            who: key.fingerprint([address.as_str()]),
            external: !is_internal(domain_of(&address)),
        };
        (uid, Message { at, to: to.into_iter().map(recipient).collect(), own })
    }
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The part of an address behind the `@`.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain(String);

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        match Address::parse(&format!("a@{written}")) {
            Ok(_) => Ok(Self(written.to_lowercase())),
            Err(_) => Err(serde::de::Error::custom(format_args!(
                "{written:?} is no domain; write it as example.com"
            ))),
        }
    }
}

/// Together with the `imap` check, whose session it shares.
const SCHEDULE: &str = "10-59/30 * * * *";

#[cfg(test)]
mod tests;
