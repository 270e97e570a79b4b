//! Would a message be accepted? Goes as far as the recipient and takes it back: nothing is sent.

use chrono_tz::Tz;
use serde::Deserialize;

use super::{Probe, Timing, keys::keys};
use crate::{
    domain::outcome::{Failure, Readings},
    wire::smtp::Session,
};

pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let token = super::token_in_hand(probe)?;
    let dialogue = &mut *probe.dialogue;
    let mailbox = &probe.link.mailbox;
    let ehlo_name = probe.settings.smtp.ehlo_name.as_ref().map(EhloName::as_str);
    let mut session =
        Session::open(&probe.wire.dialer, &probe.link.smtp, ehlo_name, dialogue).await?;
    let asked = async {
        session.sign_in(mailbox, &token, dialogue).await?;
        session.dry_run(mailbox, mailbox, dialogue).await
    }
    .await;
    session.quit(dialogue).await;
    asked.map(|()| Readings::default())
}

keys! {
    /// How this host introduces itself; its own name, where that is a full one, if not given.
    ehlo_name: EhloName,
}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Settings {
        Settings { timing: self.timing(SCHEDULE, zone), ehlo_name: self.ehlo_name }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timing: Timing,
    pub ehlo_name: Option<EhloName>,
}

/// A host's full name, or its address in brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct EhloName(String);

impl EhloName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for EhloName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        if written.is_empty() || written.len() > 255 || !written.chars().all(fits) {
            return Err(serde::de::Error::custom(format_args!(
                "{written:?} is no name of a host; write it as mail.example.com"
            )));
        }
        Ok(Self(written))
    }
}

const SCHEDULE: &str = "5-59/15 * * * *";
