//! What is known of links, as JSON writes it: the API's answer and that of `check --format json` are one form.
//!
//! Invariant: a fact that is not known is absent.

mod client;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;
use url::Url;

use super::{
    shared,
    state::{CheckState, LinkState},
    trips::Refusal,
};
use crate::{
    check::{Check, Watched},
    domain::{
        identity::Identity,
        life::{Consent, End, Life},
        link::Address,
        outcome::{Failure, Outcome, Phase, Readings, Verdict},
        reason::Reason,
        sending::{Limits, Of, Sums, Uncounted},
    },
};

pub use client::{Clients, OfClient};

/// Any number of links.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub links: Vec<OfLink>,
}

/// One link and its checks.
#[derive(Clone, Debug, Serialize)]
pub struct OfLink {
    pub link: String,
    /// What the privacy setting makes of the address.
    pub mailbox: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<bool>,
    /// Where a person links it again: its form in Odoo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relink_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<OfIdentity>,
    pub checks: Vec<OfCheck>,
    /// The way of a letter that was sent just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<OfRoundTrip>,
    /// What the mailbox sent within a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<OfSent>,
    /// When the refresh token ends, by each thing that this follows from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refresh_token_ends: Vec<OfEnd>,
}

impl OfLink {
    /// What the state knows.
    pub fn of_state(state: &LinkState, mailbox: &str, relink: Option<Url>) -> Self {
        let link = &state.watched.link;
        let checks = state.checks.iter().map(|(check, state)| {
            let outcome = state.last.as_deref().filter(|_| state.skipped.is_none());
            OfCheck::new(check, Present::of(state), outcome, (&link.mailbox, mailbox))
        });
        Self {
            link: link.id.to_string(),
            mailbox: mailbox.to_owned(),
            up: up(state),
            relink_url: relink.map(String::from),
            identity: shared::identity(state).map(|it| OfIdentity::new(it, &link.mailbox, mailbox)),
            checks: checks.collect(),
            round_trip: None,
            sent: None,
            refresh_token_ends: state.ends().iter().map(OfEnd::new).collect(),
        }
    }

    /// What a probe found just now.
    pub fn of_probe(
        watched: &Watched,
        outcomes: &[(Check, Arc<Outcome>)],
        mailbox: &str,
        relink: Option<Url>,
    ) -> Self {
        let checks = outcomes.iter().map(|(check, outcome)| {
            let present = Some(Present::in_outcome(outcome));
            OfCheck::new(*check, present, Some(outcome), (&watched.link.mailbox, mailbox))
        });
        Self {
            link: watched.link.id.to_string(),
            mailbox: mailbox.to_owned(),
            relink_url: relink.map(String::from),
            up: all_pass(outcomes.iter().map(|(_, outcome)| Present::in_outcome(outcome))),
            identity: outcomes
                .iter()
                .find_map(|(_, outcome)| outcome.identity.as_deref())
                .map(|it| OfIdentity::new(it, &watched.link.mailbox, mailbox)),
            checks: checks.collect(),
            round_trip: None,
            sent: None,
            refresh_token_ends: ends(watched, outcomes).iter().map(OfEnd::new).collect(),
        }
    }
}

/// What a probe found of the end of the refresh token.
pub fn ends(watched: &Watched, outcomes: &[(Check, Arc<Outcome>)]) -> Vec<End> {
    let refreshed = outcomes.iter().find_map(|(check, outcome)| match &outcome.verdict {
        Verdict::Pass(readings) if *check == Check::Token => Some((outcome.at, readings)),
        _ => None,
    });
    refreshed.map_or_else(Vec::new, |(at, readings)| {
        Life::of_refresh(Consent::of(&watched.link), at, readings.refresh_token_expires).ends()
    })
}

#[derive(Clone, Debug, Serialize)]
pub struct OfEnd {
    /// `idle`, `reported` or `testing_mode`.
    pub basis: &'static str,
    pub at: String,
}

impl OfEnd {
    fn new(end: &End) -> Self {
        Self { basis: end.basis.name(), at: end.at.to_string() }
    }
}

/// One check of a link. One that never ran has no verdict.
#[derive(Clone, Debug, Serialize)]
pub struct OfCheck {
    pub check: &'static str,
    /// `pass`, `fail` or `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub reason: Option<OfReason>,
    /// What the failure rests on: the server's words, redacted, or our own error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<OfPhase>,
}

impl OfCheck {
    fn new(
        check: Check,
        present: Option<Present<'_>>,
        outcome: Option<&Outcome>,
        (address, shown): (&Address, &str),
    ) -> Self {
        let phases = outcome.map_or(&[][..], |outcome| &outcome.phases);
        Self {
            check: check.name(),
            verdict: present.map(Present::name),
            reason: present.and_then(Present::reason).map(OfReason::new),
            reply: present.and_then(Present::reply).map(|reply| discreet(&reply, address, shown)),
            phases: phases.iter().map(OfPhase::new).collect(),
        }
    }
}

/// Whose account the token opens.
#[derive(Clone, Debug, Serialize)]
pub struct OfIdentity {
    /// `same`, `alias`, `other` or `unknown`.
    pub account: &'static str,
    /// `ok`, or the reason why the Gmail API does not tell.
    pub gmail_api: &'static str,
    /// The account's address, where that may be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What a person ought to know, though nothing fails by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

impl OfIdentity {
    fn new(identity: &Identity, mailbox: &Address, shown: &str) -> Self {
        let tell = |words: &str| discreet(words, mailbox, shown);
        Self {
            account: identity.account.name(),
            gmail_api: identity.gmail_api.as_ref().err().map_or("ok", |error| error.reason.name()),
            address: identity.address.as_ref().map(|address| tell(address.as_str())),
            remark: identity.remark(mailbox).map(|remark| tell(&remark)),
        }
    }
}

/// The way of a letter, or why there was none.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OfRoundTrip {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `application_reads`, `enough_today` or `unknown_sink`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<&'static str>,
    /// `inbox`, `spam`, `late` or `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<&'static str>,
    /// From sending to its arrival, by two clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<f64>,
    /// How long the servers had it, by their own clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spf: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dkim: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dmarc: Option<bool>,
    /// What could not be removed, where, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

impl OfRoundTrip {
    /// Nothing was sent.
    pub fn refused(refusal: Refusal) -> Self {
        let (refused, remark) = (Some(refusal.name()), Some(refusal.meaning()));
        Self { refused, remark, ..Self::default() }
    }
}

/// What a mailbox sent within a day, test messages of ours left out, and what it may send.
#[derive(Clone, Debug, Serialize)]
pub struct OfSent {
    /// By `messages`, `recipients`, ...
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<&'static str, OfCount>,
    /// Why it cannot be counted, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncounted: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct OfCount {
    pub sent: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl OfSent {
    pub fn new(sums: Option<&Sums>, limits: &Limits, uncounted: Option<Uncounted>) -> Self {
        let count = |(of, sums): (Of, &Sums)| {
            (of.name(), OfCount { sent: sums[of], limit: limits.get(of) })
        };
        Self {
            counts: Of::ALL.into_iter().filter_map(|of| Some((of, sums?))).map(count).collect(),
            uncounted: uncounted.map(Uncounted::name),
            remark: uncounted.map(Uncounted::meaning),
        }
    }
}

/// Why, and what to do about it.
#[derive(Clone, Debug, Serialize)]
pub struct OfReason {
    pub reason: &'static str,
    pub class: &'static str,
    pub meaning: &'static str,
    pub next_step: &'static str,
}

impl OfReason {
    fn new(reason: Reason) -> Self {
        Self {
            reason: reason.name(),
            class: reason.class().name(),
            meaning: reason.meaning(),
            next_step: reason.next_step(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct OfPhase {
    pub phase: &'static str,
    pub seconds: f64,
}

impl OfPhase {
    fn new((phase, took): &(Phase, Duration)) -> Self {
        Self { phase: phase.name(), seconds: took.as_secs_f64() }
    }
}

/// How a check stands now. A skip goes before what the last run found, which may no longer hold.
#[derive(Clone, Copy, Debug)]
pub enum Present<'a> {
    Fail(&'a Failure),
    Pass(&'a Readings),
    Skip(Reason),
}

impl<'a> Present<'a> {
    /// None where the check never ran.
    pub fn of(state: &'a CheckState) -> Option<Self> {
        match (state.skipped, &state.last) {
            (Some(because), _) => Some(Self::Skip(because)),
            (None, Some(outcome)) => Some(Self::in_outcome(outcome)),
            (None, None) => None,
        }
    }

    pub fn in_outcome(outcome: &'a Outcome) -> Self {
        match &outcome.verdict {
            Verdict::Pass(readings) => Self::Pass(readings),
            Verdict::Fail(failure) => Self::Fail(failure),
            Verdict::Skip { because } => Self::Skip(*because),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Fail(_) => "fail",
            Self::Pass(_) => "pass",
            Self::Skip(_) => "skip",
        }
    }

    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Fail(failure) => Some(failure.reason),
            Self::Pass(_) => None,
            Self::Skip(because) => Some(because),
        }
    }

    pub fn reply(self) -> Option<String> {
        match self {
            Self::Fail(failure) => failure.evidence.as_ref().map(ToString::to_string),
            Self::Pass(_) | Self::Skip(_) => None,
        }
    }
}

/// Words that a server said or was told, with what is to be shown in the address's place. Where that is not the address,
/// nobody else's is shown either.
pub fn discreet(words: &str, address: &Address, shown: &str) -> String {
    let address = address.as_str();
    if shown == address {
        return words.to_owned();
    }
    // Lower case changes no length here, since only ASCII letters are touched.
    let lower = words.to_ascii_lowercase();
    let mut told = String::with_capacity(words.len());
    let mut from = 0;
    for (at, found) in lower.match_indices(address) {
        told.push_str(&without_addresses(&words[from..at]));
        told.push_str(shown);
        from = at + found.len();
    }
    told.push_str(&without_addresses(&words[from..]));
    told
}

fn without_addresses(words: &str) -> String {
    let of_address = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
    let mut told = String::with_capacity(words.len());
    for piece in words.split_inclusive(|c| !of_address(c)) {
        let word = piece.trim_end_matches(|c| !of_address(c));
        match word.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() => {
                told.push_str("****@****");
                told.push_str(&piece[word.len()..]);
            }
            _ => told.push_str(piece),
        }
    }
    told
}

/// Whether every check that ran last passed; none where none ran. A skip is no pass: something failed before it.
pub fn up(state: &LinkState) -> Option<bool> {
    all_pass(state.checks.values().filter_map(Present::of))
}

fn all_pass<'a>(present: impl Iterator<Item = Present<'a>>) -> Option<bool> {
    present
        .map(|present| matches!(present, Present::Pass(_)))
        .fold(None, |all, pass| Some(all.unwrap_or(true) && pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_no_address_that_is_not_to_be_shown() {
        let sales = Address::parse("sales@example.com").unwrap();
        let words = "C: RCPT TO:<Sales@Example.com> é sales@example.com";
        assert_eq!(discreet(words, &sales, "9f"), "C: RCPT TO:<9f> é 9f");
        let others = "opens admin+x@example.com, not sales@example.com (@ 12:00)";
        assert_eq!(discreet(others, &sales, "9f"), "opens ****@****, not 9f (@ 12:00)");
        assert_eq!(discreet(words, &sales, "sales@example.com"), words);
    }
}
