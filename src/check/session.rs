//! How long does an IMAP session last, and is there room for another? Opens one that the engine keeps, and spare ones for
//! a moment.

use chrono_tz::Tz;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    Probe, Timing,
    imap::{Visit, enter},
    keys::keys,
};
use crate::{
    domain::{
        outcome::{Failure, Readings, Told, Traffic},
        reason::Reason,
        redact::Redactor,
    },
    wire::{dialogue::Dialogue, imap::LONGEST},
};

/// What the check is to do, and what it leaves.
#[derive(Debug, Default)]
pub struct Sitting {
    /// Whether a session is wanted that is kept.
    pub keep: bool,
    /// How many more are opened for a moment.
    pub spare: usize,
    /// The session that is kept from now on.
    pub kept: Option<Kept>,
    /// How many spare ones could be had, where that is known.
    pub had: Option<usize>,
}

/// A session that is kept.
#[derive(Debug)]
pub struct Kept {
    visit: Visit,
    redactor: Redactor,
}

/// Opens what is wanted; whoever asks while nothing is, gets one session for a moment.
pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let Sitting { keep, spare, .. } = *probe.sitting;
    if keep && probe.sitting.kept.is_none() {
        let mut session = enter(probe).await?;
        // Only a session with a folder open hears of mail.
        if let Err(failure) = session.examine(probe.dialogue).await {
            session.logout(probe.dialogue).await;
            return Err(failure);
        }
        let redactor = probe.dialogue.redactor.clone();
        probe.sitting.kept = Some(Kept { visit: Visit(session), redactor });
    }
    let wanted = if keep { spare } else { spare.max(1) };
    let mut open = Vec::new();
    let mut refused = None;
    while open.len() < wanted && refused.is_none() {
        match enter(probe).await {
            Ok(session) => open.push(session),
            Err(failure) => refused = Some(failure),
        }
    }
    let had = open.len();
    for session in open {
        session.logout(probe.dialogue).await;
    }
    let is_full = |failure: &Failure| failure.reason == Reason::ImapTooManyConnections;
    match refused {
        // That there is less room than asked for is what was to be known. That there is none is a failure.
        Some(failure) if !(is_full(&failure) && (keep || had > 0)) => Err(failure),
        Some(_) | None => {
            probe.sitting.had = (spare > 0).then_some(had);
            Ok(Readings::default())
        }
    }
}

/// Keeps a session until it ends, or until `stop`; then we say good-bye, and give no failure. `tell` hears of notices and
/// bytes every few minutes.
pub async fn sit(
    kept: Kept,
    stop: CancellationToken,
    tell: impl Fn(Vec<Told>, Traffic),
) -> Option<Failure> {
    let Kept { visit: Visit(mut session), redactor } = kept;
    loop {
        let mut dialogue = Dialogue::new(LONGEST + ANSWER, stop.clone());
        dialogue.redactor.clone_from(&redactor);
        let sat = session.sit(&mut dialogue).await;
        if stop.is_cancelled() || sat.is_err() {
            session.logout(&mut dialogue).await;
            tell(dialogue.notices, dialogue.traffic);
            return sat.err().filter(|_| !stop.is_cancelled());
        }
        tell(dialogue.notices, dialogue.traffic);
    }
}

keys! {
    /// How many sessions are opened beside, for a moment, to see that there is room for as many.
    spare_sessions: Spare,
}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Settings {
        let timing = Timing { enabled: self.enabled == Some(true), ..self.timing(SCHEDULE, zone) };
        Settings { timing, spare_sessions: self.spare_sessions.map_or(0, |spare| spare.0) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timing: Timing,
    pub spare_sessions: usize,
}

/// How many sessions one may open for a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spare(usize);

impl<'de> Deserialize<'de> for Spare {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = usize::deserialize(deserializer)?;
        match written <= MOST {
            true => Ok(Self(written)),
            false => Err(serde::de::Error::custom(format_args!(
                "{written} spare sessions are too many: Google allows an account 15, all clients together; write 0 to {MOST}"
            ))),
        }
    }
}

/// Whoever reads the mailbox is to have some left meanwhile.
const MOST: usize = 10;

/// For the server to answer that we are done.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(30);

/// Of the spare sessions; the one that is kept is had again whenever it ended.
const SCHEDULE: &str = "20 */6 * * *";
