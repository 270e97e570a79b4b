//! Does a real message arrive? Sends a small one; an [`errand`] to the mailbox that it went to finds it again.

use std::time::Duration;

use chrono_tz::Tz;
use serde::Deserialize;

use super::{Probe, Span, Timing, keys::keys, smtp::EhloName};
use crate::{
    domain::{
        clock::Timestamp,
        link::Address,
        outcome::{Failure, Readings},
        reason::Reason,
        trip::{Patience, Unsure},
    },
    wire::smtp::{Session, Unsent, message},
};

pub mod errand;

/// A letter that is on its way, as far as anybody knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub at: Timestamp,
    pub unsure: Option<Unsure>,
}

/// Sends the letter, once. That it passes says that the letter is on its way, and no more.
pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let token = super::token_in_hand(probe)?;
    let Some(letter) = probe.letter else {
        return Err(Failure::own(Reason::InternalError, "nobody said what to send"));
    };
    let message = message(letter)?;
    let dialogue = &mut *probe.dialogue;
    let ehlo_name = probe.settings.smtp.ehlo_name.as_ref().map(EhloName::as_str);
    let mut session =
        Session::open(&probe.wire.dialer, &probe.link.smtp, ehlo_name, dialogue).await?;
    let at = probe.wire.clock.now();
    let sent = match session.sign_in(&probe.link.mailbox, &token, dialogue).await {
        Ok(()) => session.send(&letter.from, &letter.to, &message, dialogue).await,
        Err(failure) => Err(Unsent::Refused(failure)),
    };
    session.quit(dialogue).await;
    let unsure = match sent {
        Ok(()) => None,
        Err(Unsent::Refused(failure)) => return Err(failure),
        // Sent once more, it might come twice. The mailbox knows.
        Err(Unsent::Unknown(failure)) => Some(Unsure {
            reason: failure.reason,
            words: failure.evidence.map(|evidence| evidence.to_string()),
        }),
    };
    *probe.sent = Some(Sent { at, unsure });
    Ok(Readings::default())
}

keys! {
    /// A mailbox that is watched, too, and that no application reads; the link's own, if not given.
    to: Address,
    late_after: Span,
    lost_after: Span,
    /// Whom to ask about the message; it stands in it.
    contact: Contact,
}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Settings {
        let late = self.late_after.map_or(LATE, |span| span.0);
        let lost = self.lost_after.map_or(LOST, |span| span.0);
        Settings {
            a_day: match self.schedule {
                Some(_) => None,
                None => Some(A_DAY),
            },
            timing: self.timing(SCHEDULE, zone),
            to: self.to,
            patience: Patience { late: late.min(lost), lost },
            contact: self.contact.map(|contact| contact.0),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timing: Timing,
    /// Where the message is sent; to the link's own mailbox, if not given.
    pub to: Option<Address>,
    pub patience: Patience,
    pub contact: Option<String>,
    /// Messages of one mailbox within 24 h at the most, whatever number of links it has; none where somebody chose the
    /// schedule.
    pub a_day: Option<usize>,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact(String);

impl<'de> Deserialize<'de> for Contact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        if written.is_empty() || written.len() > 200 || written.chars().any(char::is_control) {
            return Err(serde::de::Error::custom(
                "here stands no contact; write one line of up to 200 characters, as an address or a name",
            ));
        }
        Ok(Self(written))
    }
}

const SCHEDULE: &str = "17 */6 * * *";

const A_DAY: usize = 4;

const LATE: Duration = Duration::from_secs(5 * 60);

const LOST: Duration = Duration::from_secs(60 * 60);
