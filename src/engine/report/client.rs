//! What is known of clients, as JSON writes it.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::OfReason;

use crate::{
    check::consent::{Answer, RedirectUri, Verdict},
    domain::link::{Client, Grant},
    engine::{clients, consents::Consent, state::Snapshot},
    source::client::PUBLISHING_STATUSES,
};

/// All clients that links are made by, or are asked about.
#[derive(Clone, Debug, Serialize)]
pub struct Clients {
    pub clients: Vec<OfClient>,
}

/// One client, whatever number of links it has.
#[derive(Clone, Debug, Serialize)]
pub struct OfClient {
    pub client: String,
    /// `oauth` or `service_account`.
    pub kind: &'static str,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publishing_status: Option<&'static str>,
    pub links: usize,
    /// Why it fails as a whole.
    pub failing: Vec<OfReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<OfConsent>,
}

/// Whether a person could link by it.
#[derive(Clone, Debug, Serialize)]
pub struct OfConsent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run: Option<String>,
    /// Some of the last answer was not understood, or could not be had.
    pub unknown: bool,
    pub redirect_uris: Vec<OfRedirectUri>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<OfVerdict>,
}

#[derive(Clone, Debug, Serialize)]
pub struct OfRedirectUri {
    pub redirect_uri: String,
    /// `odoo` where an Odoo has people sent there, else `configuration`.
    pub from: &'static str,
    /// Google's rules that it breaks, whatever is registered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<String>,
    /// What would be right for the Odoo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    #[serde(flatten)]
    pub verdict: Option<OfVerdict>,
}

#[derive(Clone, Debug, Serialize)]
pub struct OfVerdict {
    /// `accepted`, `refused` or `unknown`.
    pub verdict: &'static str,
    #[serde(flatten)]
    pub reason: Option<OfReason>,
    /// What it rests on, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

impl Clients {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut known = BTreeMap::<&str, (&Arc<Client>, &'static str, usize)>::new();
        for consent in snapshot.consents.values() {
            let client = &consent.applicant.client;
            known.insert(&client.name, (client, "oauth", 0));
        }
        for state in snapshot.links.values() {
            let link = &state.watched.link;
            let kind = match link.grant {
                Grant::ServiceAccount(_) => "service_account",
                Grant::RefreshToken(_) | Grant::Unreadable(_) => "oauth",
            };
            known.entry(&link.client.name).or_insert((&link.client, kind, 0)).2 += 1;
        }
        let failing = clients::failing(snapshot);
        let clients = known.into_iter().map(|(name, (client, kind, links))| OfClient {
            client: name.to_owned(),
            kind,
            client_id: client.id.clone(),
            publishing_status: PUBLISHING_STATUSES
                .iter()
                .find(|(_, known)| Some(*known) == client.publishing_status)
                .map(|(word, _)| *word),
            links,
            failing: failing
                .iter()
                .filter(|(failing, _)| *failing == name)
                .map(|(_, reason)| OfReason::new(*reason))
                .collect(),
            consent: snapshot.consents.get(name).map(|known| OfConsent::new(known)),
        });
        Self { clients: clients.collect() }
    }
}

impl OfConsent {
    fn new(known: &Consent) -> Self {
        let answer = known.answer.as_ref();
        let mut said = answer.into_iter().flat_map(|answer| &answer.uris);
        let uris = known.applicant.uris.iter();
        Self {
            last_run: answer.map(|answer| answer.at.to_string()),
            next_run: known.next.map(|next| next.to_string()),
            unknown: answer.is_some_and(Answer::is_unknown),
            redirect_uris: uris.map(|uri| OfRedirectUri::new(uri, said.next())).collect(),
            secret: answer.map(|answer| OfVerdict::new(&answer.secret)),
        }
    }
}

impl OfRedirectUri {
    fn new(uri: &RedirectUri, verdict: Option<&Verdict>) -> Self {
        let refused = verdict.is_some_and(|verdict| verdict.refused().is_some());
        Self {
            redirect_uri: uri.shown(),
            from: if uri.odoo.is_some() { "odoo" } else { "configuration" },
            breaks: uri.broken().iter().map(ToString::to_string).collect(),
            advice: uri.advice().filter(|_| refused),
            verdict: verdict.map(OfVerdict::new),
        }
    }
}

impl OfVerdict {
    fn new(verdict: &Verdict) -> Self {
        let (verdict, reason, said) = match verdict {
            Verdict::Accepted => ("accepted", None, None),
            Verdict::Refused(reason, said) => ("refused", Some(*reason), Some(said)),
            Verdict::Unknown(why) => ("unknown", None, Some(why)),
        };
        Self { verdict, reason: reason.map(OfReason::new), said: said.cloned() }
    }
}
