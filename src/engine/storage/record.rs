//! What is kept of a link and of a mailbox, as the file has it: one JSON object each, which sqlite3's `json_extract`
//! reads.
//!
//! Invariant: it holds no secret, and a server's words only as they were redacted.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    check::{Check, Watched},
    domain::{
        clock::Timestamp,
        fingerprint::{Fingerprint, Key},
        identity::{Identity, Likeness},
        life::Tokens,
        link::{Address, Grant},
        outcome::{Certificate, Evidence, Failure, Phase, Readings, Traffic, Verdict},
        reason::Reason,
    },
    engine::{
        course::To,
        schedule::Left,
        state::{CheckState, Checks, LinkState},
    },
};

mod consent;
mod mailbox;
mod trips;

pub(in crate::engine) use consent::OfConsent;
pub(in crate::engine) use mailbox::OfMailbox;
use trips::OfTrips;

/// A link as it was left.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::engine) struct OfLink {
    pub(in crate::engine) mailbox: String,
    /// Its name.
    pub(in crate::engine) client: String,
    /// Of all that it was configured with.
    made_of: Fingerprint,
    checks: BTreeMap<String, OfCheck>,
    pub(in crate::engine) tokens: Tokens,
    #[serde(default)]
    pub(in crate::engine) trips: OfTrips,
    /// How often it changed as a whole, by what to.
    turns: BTreeMap<String, u64>,
    /// The check and the reason of the trouble that is beyond doubt.
    certain: Option<(String, String)>,
}

impl OfLink {
    /// `streaks` says how often in a row its checks failed before, for one reason.
    pub(super) fn new(state: &LinkState, streaks: &BTreeMap<Check, u32>, key: &Key) -> Self {
        let of_check = |(check, state): (Check, &CheckState)| {
            let streak = streaks.get(&check).copied().unwrap_or_default();
            (check.name().to_owned(), OfCheck::new(state, streak))
        };
        let name = |(check, reason): (Check, Reason)| (check.name().into(), reason.name().into());
        Self {
            mailbox: state.watched.link.mailbox.to_string(),
            client: state.watched.link.client.name.to_string(),
            made_of: made_of(&state.watched, key),
            checks: state.checks.iter().map(of_check).collect(),
            tokens: state.tokens.clone(),
            trips: OfTrips::new(&state.trips),
            turns: state.course.counts.iter().map(|(to, n)| (to.name().to_owned(), *n)).collect(),
            certain: state.course.certain.map(name),
        }
    }

    /// Whether the link is configured as it was then, secrets included.
    pub(in crate::engine) fn is_of(&self, watched: &Watched, key: &Key) -> bool {
        self.made_of == made_of(watched, key)
    }

    pub(in crate::engine) fn checks(&self) -> Checks {
        let checks = self.checks.iter();
        checks.filter_map(|(name, known)| Some((Check::parse(name)?, known.restored()?))).collect()
    }

    pub(in crate::engine) fn turns(&self) -> BTreeMap<To, u64> {
        To::ALL.into_iter().filter_map(|to| Some((to, *self.turns.get(to.name())?))).collect()
    }

    pub(in crate::engine) fn certain(&self) -> Option<(Check, Reason)> {
        let (check, name) = self.certain.as_ref()?;
        Some((Check::parse(check)?, reason(name)?))
    }

    /// When its checks were to run next.
    pub(in crate::engine) fn left(&self) -> BTreeMap<Check, Left> {
        let left = |(name, known): (&String, &OfCheck)| {
            known.restored()?;
            let failed = known.last.as_ref().and_then(Outcome::reason);
            let failed = failed.map(|reason| (reason, known.streak));
            Some((Check::parse(name)?, Left { next: known.next_run?, failed }))
        };
        self.checks.iter().filter_map(left).collect()
    }
}

/// Whatever a change of has the link probed at once.
fn made_of(watched: &Watched, key: &Key) -> Fingerprint {
    let (link, settings) = (&watched.link, &watched.settings);
    let secret = match &link.grant {
        Grant::RefreshToken(token) => token.expose(),
        Grant::ServiceAccount(account) => account.key_id(),
        Grant::Unreadable(_) => "",
    };
    let servers = format!("{:?} {:?} {}", link.smtp, link.imap, link.google.token_url);
    let checks = watched.checks().map(|check| format!("{check} {:?}", settings.timing(check)));
    let checks: Vec<_> = checks.collect();
    let helo = format!("{:?} {:?}", settings.smtp.ehlo_name, settings.round_trip.to);
    let client = &link.client;
    let values = [
        link.mailbox.as_str(),
        link.direction.name(),
        &client.id,
        client.secret.expose(),
        secret,
        &servers,
        &helo,
    ];
    key.fingerprint(values.into_iter().chain(checks.iter().map(String::as_str)))
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfCheck {
    last: Option<Outcome>,
    skipped: Option<String>,
    last_success: Option<Timestamp>,
    since: Option<Timestamp>,
    #[serde(default)]
    failing: u32,
    next_run: Option<Timestamp>,
    runs: u64,
    failures: BTreeMap<String, u64>,
    streak: u32,
    history: Vec<Outcome>,
}

impl OfCheck {
    fn new(state: &CheckState, streak: u32) -> Self {
        // Of the failures only the last has its dialogue kept.
        let last = state.last.as_deref();
        let shown = last.is_none_or(|last| last.failure().is_none());
        let past = state.history.iter().enumerate();
        let history = past.map(|(place, outcome)| Outcome::new(outcome, shown && place < 2));
        Self {
            last: last.map(|last| Outcome::new(last, true)),
            skipped: state.skipped.map(|reason| reason.name().to_owned()),
            last_success: state.last_success,
            since: state.since,
            failing: state.failing,
            next_run: state.next_run,
            runs: state.runs,
            failures: state.failures.iter().map(|(r, n)| (r.name().to_owned(), *n)).collect(),
            streak,
            history: history.collect(),
        }
    }

    /// None where its last outcome has a reason that there is no more.
    fn restored(&self) -> Option<CheckState> {
        let skipped = match &self.skipped {
            Some(name) => Some(reason(name)?),
            None => None,
        };
        let last = match &self.last {
            Some(last) => Some(Arc::new(last.restored()?)),
            None => None,
        };
        let failed = last.as_ref().is_some_and(|last| last.failure().is_some());
        let past = self.history.iter().filter_map(Outcome::restored).map(Arc::new);
        Some(CheckState {
            last,
            skipped,
            last_success: self.last_success,
            since: self.since,
            // What was kept before this was counted failed once at least.
            failing: self.failing.max(u32::from(failed)),
            next_run: None,
            runs: self.runs,
            failures: self.failures.iter().filter_map(|(r, n)| Some((reason(r)?, *n))).collect(),
            history: past.collect::<VecDeque<_>>(),
        })
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Outcome {
    at: Timestamp,
    /// In nanoseconds, as all that took time.
    took: u64,
    #[serde(flatten)]
    verdict: Found,
    phases: Vec<(String, u64)>,
    certificate: Option<(String, Timestamp)>,
    identity: Option<OfIdentity>,
    transcript: Vec<String>,
}

/// Whose account the token opened. `off` says why the Gmail API told nothing: a reason, and words.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfIdentity {
    address: Option<String>,
    subject: Option<String>,
    account: String,
    off: Option<(String, Option<String>)>,
}

impl OfIdentity {
    fn new(identity: &Identity) -> Self {
        let off = identity.gmail_api.as_ref().err();
        let words = |failure: &Failure| failure.evidence.as_ref().map(ToString::to_string);
        Self {
            address: identity.address.as_ref().map(ToString::to_string),
            subject: identity.subject.clone(),
            account: identity.account.name().to_owned(),
            off: off.map(|failure| (failure.reason.name().to_owned(), words(failure))),
        }
    }

    fn restored(&self) -> Option<Identity> {
        let address = self.address.as_deref().map(Address::parse).transpose().ok()?;
        let off = match &self.off {
            None => Ok(()),
            Some((name, words)) => Err(Failure {
                reason: reason(name)?,
                phase: None,
                evidence: words.clone().map(Evidence::Kept),
            }),
        };
        let account = [Likeness::Alias, Likeness::Other, Likeness::Same, Likeness::Unknown];
        let account = account.into_iter().find(|account| account.name() == self.account)?;
        Some(Identity { address, subject: self.subject.clone(), account, gmail_api: off })
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
enum Found {
    Fail { reason: String, phase: Option<String>, evidence: Option<String> },
    Pass { readings: Readings },
    Skip { because: String },
}

impl Outcome {
    fn new(outcome: &crate::domain::outcome::Outcome, with_transcript: bool) -> Self {
        let nanos = |took: Duration| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let phases = outcome.phases.iter().map(|(p, took)| (p.name().to_owned(), nanos(*took)));
        let certificate = outcome.certificate.as_ref();
        let transcript = if with_transcript { &*outcome.transcript } else { &[] };
        Self {
            at: outcome.at,
            took: nanos(outcome.took),
            verdict: match &outcome.verdict {
                Verdict::Fail(failure) => Found::Fail {
                    reason: failure.reason.name().to_owned(),
                    phase: failure.phase.map(|phase| phase.name().to_owned()),
                    evidence: failure.evidence.as_ref().map(ToString::to_string),
                },
                Verdict::Pass(readings) => Found::Pass { readings: readings.clone() },
                Verdict::Skip { because } => Found::Skip { because: because.name().to_owned() },
            },
            phases: phases.collect(),
            certificate: certificate.map(|shown| (shown.endpoint.to_string(), shown.expires)),
            identity: outcome.identity.as_deref().map(OfIdentity::new),
            transcript: transcript.to_vec(),
        }
    }

    fn reason(&self) -> Option<Reason> {
        match &self.verdict {
            Found::Fail { reason: name, .. } => reason(name),
            Found::Pass { .. } | Found::Skip { .. } => None,
        }
    }

    fn restored(&self) -> Option<crate::domain::outcome::Outcome> {
        let verdict = match &self.verdict {
            Found::Fail { reason: name, phase: at, evidence } => Verdict::Fail(Failure {
                reason: reason(name)?,
                phase: at.as_deref().and_then(phase),
                evidence: evidence.clone().map(Evidence::Kept),
            }),
            Found::Pass { readings } => Verdict::Pass(readings.clone()),
            Found::Skip { because } => Verdict::Skip { because: reason(because)? },
        };
        let phases = self.phases.iter();
        let phases = phases.filter_map(|(p, took)| Some((phase(p)?, Duration::from_nanos(*took))));
        let certificate = self.certificate.as_ref();
        Some(crate::domain::outcome::Outcome {
            verdict,
            at: self.at,
            took: Duration::from_nanos(self.took),
            phases: phases.collect(),
            notices: Vec::new(),
            traffic: Traffic::default(),
            certificate: certificate.map(|(endpoint, expires)| Certificate {
                endpoint: endpoint.as_str().into(),
                expires: *expires,
            }),
            identity: self.identity.as_ref().and_then(OfIdentity::restored).map(Arc::new),
            transcript: self.transcript.as_slice().into(),
        })
    }
}

fn reason(name: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.name() == name)
}

fn phase(name: &str) -> Option<Phase> {
    Phase::ALL.iter().copied().find(|phase| phase.name() == name)
}
