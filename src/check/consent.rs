//! Could a person link again today? Asks Google, without signing in, about an OAuth client and its redirect URIs.
//!
//! Invariant: accepted and refused is only what Google said so that it is understood, and what its written rules say of a
//! redirect URI; all else is unknown. It is no check of a link: what is linked works on.

use std::{sync::Arc, time::Duration};

use chrono_tz::Tz;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Span, Timing, token::MAIL_SCOPE};
use crate::{
    domain::{
        clock::Timestamp,
        cron::Cron,
        link::{Client, Google},
        outcome::{Failure, Phase},
        preflight::{Preflight, Refusal},
        reason::Reason,
        redact::Redactor,
        redirect::{self, Broken},
    },
    wire::{
        Wire,
        consent::{self, Told},
        dialogue::Dialogue,
        oauth,
    },
};

#[cfg(test)]
mod tests;

/// An OAuth client by which people link mailboxes, and where Google has to send them back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Applicant {
    pub client: Arc<Client>,
    pub google: Arc<Google>,
    /// Each once. Without one nothing can be asked.
    pub uris: Vec<RedirectUri>,
}

/// Where Google sends people back to, letter by letter.
#[derive(Clone, Debug, PartialEq)]
pub struct RedirectUri {
    pub uri: String,
    /// The base URL of the Odoo that has people sent there, as its database has it; none where only the configuration
    /// names it.
    pub odoo: Option<String>,
}

impl RedirectUri {
    /// Of an Odoo at this base URL.
    pub fn of_odoo(base: &str) -> Self {
        Self { uri: redirect::of_odoo(base), odoo: Some(base.to_owned()) }
    }

    /// As it may be shown: somebody may have written a password into it, which Google would refuse.
    pub fn shown(&self) -> String {
        shown(&self.uri)
    }

    /// What would be right for the Odoo, where it is one's.
    pub fn advice(&self) -> Option<String> {
        let base = Url::parse(self.odoo.as_deref()?).ok()?;
        Some(redirect::advice(&base))
    }

    /// The rules of Google's that it breaks, whatever is registered.
    pub fn broken(&self) -> Vec<Broken> {
        let broken = redirect::examine(&self.uri).into_iter();
        broken.filter(|broken| broken.rule.is_googles()).collect()
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub at: Timestamp,
    /// For every redirect URI of the applicant, in its order.
    pub uris: Vec<Verdict>,
    /// Whether Google takes the client's id and secret.
    pub secret: Verdict,
    /// Google has had enough of us: nothing is to be asked for a day.
    pub rests: bool,
}

impl Answer {
    /// Whether some of it was not understood, or not to be had.
    pub fn is_unknown(&self) -> bool {
        let mut verdicts = self.uris.iter().chain([&self.secret]);
        verdicts.any(|verdict| matches!(verdict, Verdict::Unknown(_)))
    }
}

/// What Google thinks of a redirect URI, or of id and secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Accepted,
    /// Why, and what it rests on, redacted.
    Refused(Reason, String),
    /// Why it is not known. It says nothing for or against the client.
    Unknown(String),
}

impl Verdict {
    pub fn refused(&self) -> Option<Reason> {
        match self {
            Self::Refused(reason, _) => Some(*reason),
            Self::Accepted | Self::Unknown(_) => None,
        }
    }
}

/// Asks about every redirect URI, one after the other, and about the secret; each wait is bounded by `timeout`, and ends by
/// `stop`.
pub async fn examine(
    applicant: &Applicant,
    wire: &Wire,
    timeout: Duration,
    stop: &CancellationToken,
) -> Answer {
    let at = wire.clock.now();
    let mut redactor = Redactor::default();
    redactor.hide(&applicant.client.secret);
    let mut asking = Asking { applicant, wire, timeout, stop, redactor, over: None, rests: false };
    let mut uris = Vec::new();
    for uri in &applicant.uris {
        if !uris.is_empty() && asking.over.is_none() {
            asking.pause().await;
        }
        uris.push(asking.uri(uri).await);
    }
    let secret = asking.secret().await;
    Answer { at, uris, secret, rests: asking.rests }
}

struct Asking<'a> {
    applicant: &'a Applicant,
    wire: &'a Wire,
    timeout: Duration,
    stop: &'a CancellationToken,
    redactor: Redactor,
    /// What all that is not asked any more comes to.
    over: Option<Verdict>,
    rests: bool,
}

impl Asking<'_> {
    async fn uri(&mut self, uri: &RedirectUri) -> Verdict {
        let broken = uri.broken();
        let by_rules = || broken.first().map(|it| it.to_string());
        let asked = match &self.over {
            Some(over) => over.clone(),
            // It holds a password, and is refused anyhow.
            None if uri.shown() != uri.uri => Verdict::Unknown("not asked".to_owned()),
            None => self.ask(uri).await,
        };
        match (asked, by_rules()) {
            // Google's own word counts more than our reading of its rules.
            (Verdict::Unknown(_), Some(why)) => Verdict::Refused(Reason::RedirectUriPolicy, why),
            (Verdict::Refused(Reason::RequestInvalid, words), Some(why)) => {
                Verdict::Refused(Reason::RedirectUriPolicy, format!("{why}; {words}"))
            }
            (Verdict::Refused(Reason::RequestInvalid, words), None) => Verdict::Unknown(words),
            (asked, _) => asked,
        }
    }

    async fn ask(&mut self, uri: &RedirectUri) -> Verdict {
        let Applicant { client, google, .. } = self.applicant;
        let mut dialogue = Dialogue::new(self.timeout, self.stop.clone());
        let (https, url) = (&self.wire.https, &google.authorization_url);
        let asked = consent::ask(https, url, &client.id, &uri.uri, MAIL_SCOPE, &self.redactor);
        match dialogue.phase(Phase::Authorization, asked).await {
            Ok(Told::Answer(Preflight::Accepted)) => Verdict::Accepted,
            Ok(Told::Answer(Preflight::Unknown(why))) => Verdict::Unknown(why),
            Ok(Told::Answer(Preflight::Refused(refusal))) => {
                let verdict = of_refusal(&refusal);
                if verdict.refused().is_some_and(Reason::refuses_client) {
                    self.over = Some(verdict.clone());
                }
                verdict
            }
            Ok(Told::TooMuch(why)) => {
                self.rests = true;
                self.give_up(why)
            }
            Err(failure) => self.give_up(failure.to_string()),
        }
    }

    /// Asks nothing any more, since `why`.
    fn give_up(&mut self, why: String) -> Verdict {
        let over = Verdict::Unknown(format!("not asked: {why}"));
        self.over = Some(over);
        Verdict::Unknown(why)
    }

    async fn secret(&mut self) -> Verdict {
        let Applicant { client, google, uris } = self.applicant;
        if client.secret.expose().is_empty() {
            return Verdict::Unknown("the secret could not be read so far".to_owned());
        }
        if self.rests {
            return Verdict::Unknown("not asked, since Google has had enough".to_owned());
        }
        // What Google refuses there says nothing of the secret, so one that it takes is best; without any it asks for one.
        let sound = uris.iter().find(|uri| uri.broken().is_empty());
        let uri = sound.or_else(|| uris.iter().find(|uri| uri.shown() == uri.uri));
        let uri = uri.map(|uri| uri.uri.as_str());
        let mut dialogue = Dialogue::new(self.timeout, self.stop.clone());
        let (https, url) = (&self.wire.https, &google.token_url);
        let asked = oauth::offer_bogus_code(https, url, client, uri, &self.redactor);
        match dialogue.phase(Phase::Exchange, asked).await {
            Ok(()) => Verdict::Accepted,
            Err(failure) if failure.reason.refuses_client() => {
                Verdict::Refused(failure.reason, words(&failure))
            }
            Err(failure) => {
                self.rests |= failure.reason == Reason::GoogleRateLimited;
                Verdict::Unknown(failure.to_string())
            }
        }
    }

    async fn pause(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// What Google's error page means here, where nobody signs in and all but the redirect URI is known to be right.
fn of_refusal(refusal: &Refusal) -> Verdict {
    let words = match refusal.message.as_str() {
        "" => refusal.error.clone(),
        message => format!("{}: {message}", refusal.error),
    };
    match refusal.reason {
        // The page names no parameter, and says so much only where the redirect URI breaks a rule.
        Reason::RequestInvalid if refusal.message.contains(POLICY) => {
            Verdict::Refused(Reason::RedirectUriPolicy, words)
        }
        // Whether anything but the URI is meant, is for its rules to say.
        Reason::RequestInvalid => Verdict::Refused(Reason::RequestInvalid, words),
        reason if reason.is_googles_word() => Verdict::Refused(reason, words),
        _ => Verdict::Unknown(words),
    }
}

fn words(failure: &Failure) -> String {
    failure.evidence.as_ref().map_or_else(String::new, ToString::to_string)
}

/// A URI without the user and the password that stand in it.
fn shown(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://****{}", &rest[at..]),
        None => uri.to_owned(),
    }
}

/// The keys under `checks.consent`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub enabled: Option<bool>,
    pub schedule: Option<Cron>,
    pub timeout: Option<Span>,
}

impl Config {
    /// The settings with every default filled in, and the schedule read in `zone`.
    pub fn settle(self, zone: Tz) -> Timing {
        Timing::settle(self.enabled, self.schedule, self.timeout, SCHEDULE, zone)
    }
}

/// Once a day: the endpoint is made for people.
const SCHEDULE: &str = "45 4 * * *";

/// Between two questions about one client.
const PAUSE: Duration = Duration::from_secs(1);

/// Of the words by which Google's page refuses a redirect URI that breaks a rule, asked for in English.
const POLICY: &str = "comply with Google's OAuth 2.0 policy";

/// What is said where a mailbox or an Odoo has this check for itself.
pub const NOT_OF_A_MAILBOX: &str = "consent is asked once for an OAuth client and all of its mailboxes, never for one of them; write it under checks: at the top of the main file";
