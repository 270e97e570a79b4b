//! OAuth clients and service accounts: whether Google takes them, how long their tokens last, and their redirect URIs.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};

use super::{
    links::{Visits, concerns_client},
    network::Roads,
    said::counted,
    step::{Area, Mend, Step},
    walk::{Key, Known, Walk},
};
use crate::{
    check::consent::{self, Answer, Applicant, RedirectUri, Verdict},
    domain::{link::PublishingStatus, outcome::Failure, reason::Reason, redirect},
};

/// A client as it is asked about, and what Google said, where it could be asked.
#[derive(Debug)]
pub(super) struct Asked {
    applicant: Applicant,
    answer: Option<Answer>,
}

/// Asks Google, without signing in, about every client that people link by.
pub(super) async fn ask(walk: &Walk, roads: &Roads) -> BTreeMap<Key, Asked> {
    let asked = walk.clients.iter().filter(|(_, known)| !known.is_service_account);
    let asked = stream::iter(asked).map(|(key, known)| async move {
        let applicant = applicant(walk, known);
        let google = &applicant.google;
        let blocked = [&google.authorization_url, &google.token_url].map(|url| roads.blocked(url));
        let answer = match blocked.into_iter().flatten().next() {
            Some(_) => None,
            None => Some(consent::examine(&applicant, &walk.wire, PATIENCE, &walk.stop).await),
        };
        (key.clone(), Asked { applicant, answer })
    });
    asked.buffer_unordered(AT_ONCE).collect().await
}

/// With the redirect URIs that its Odoo sends, where it has one.
fn applicant(walk: &Walk, known: &Known) -> Applicant {
    let client = &known.client;
    let among = walk.links.applicants.values();
    let mut among = among.filter(|applicant| Key::of(&applicant.client) == Key::of(client));
    among.next().cloned().unwrap_or_else(|| Applicant {
        client: client.clone(),
        google: walk.loaded.sources.defaults().google.clone(),
        uris: (client.redirect_uris.iter())
            .map(|uri| RedirectUri { uri: uri.to_string(), odoo: None })
            .collect(),
    })
}

/// Lines about every client.
pub(super) fn steps(
    walk: &Walk,
    roads: &Roads,
    visits: &Visits,
    asked: &BTreeMap<Key, Asked>,
) -> Vec<Step> {
    let of = |(key, known): (&Key, &Known)| {
        let asked = asked.get(key);
        let mut steps = vec![itself(key, known, visits, asked)];
        steps.extend(publishing(known));
        let mut visited = visits.visited.iter().filter(|it| it.is_of(key));
        if let Some(failure) = visited.find_map(|visited| visited.api_trouble()) {
            let step = Step::failed(Area::Clients, subject(known), failure);
            steps.push(step.warning(failure.reason));
        }
        if let Some(Asked { applicant, answer }) = asked {
            for (at, uri) in applicant.uris.iter().enumerate() {
                let said = answer.as_ref().and_then(|answer| answer.uris.get(at));
                steps.push(redirection(roads, applicant, known, uri, said));
            }
        }
        steps
    };
    walk.clients.iter().flat_map(of).collect()
}

fn subject(known: &Known) -> String {
    format!("client {}", known.client.name)
}

/// Whether Google takes it.
fn itself(key: &Key, known: &Known, visits: &Visits, asked: Option<&Asked>) -> Step {
    let Known { client, used_by, account, is_service_account } = known;
    let subject = subject(known);
    if let Some(failure) = visits.refused.get(key) {
        return Step::failed(Area::Clients, subject, failure);
    }
    let answer = asked.and_then(|asked| asked.answer.as_ref());
    let verdicts = answer.iter().flat_map(|it| [&it.secret].into_iter().chain(&it.uris));
    let mut refusals = verdicts.filter_map(|verdict| match verdict {
        Verdict::Refused(reason, words) if concerns_client(*reason) => Some((*reason, words)),
        _ => None,
    });
    if let Some((reason, words)) = refusals.next() {
        return Step::failed(Area::Clients, subject, &Failure::own(reason, words));
    }
    let what = match account {
        Some(account) => format!("service account {}, key {}", account.email(), account.key_id()),
        None if *is_service_account => "service account".to_owned(),
        None => client.id.clone(),
    };
    let is_taken = answer.is_some_and(|answer| answer.secret == Verdict::Accepted)
        || visits.visited.iter().any(|visited| visited.is_of(key) && visited.has_token());
    let taken = if is_taken { ", Google takes it" } else { "" };
    if *used_by == 0 {
        let step = Step::ok(Area::Clients, subject, format!("{what}{taken}; no link uses it"));
        return step.warning(match is_service_account {
            true => UNUSED_ACCOUNT,
            false => UNUSED,
        });
    }
    Step::ok(
        Area::Clients,
        subject,
        format!("{what}{taken}; used by {}", counted(*used_by, "link")),
    )
}

/// How long its tokens last, as far as anybody wrote it down.
fn publishing(known: &Known) -> Option<Step> {
    let step = |seen: &str| Step::ok(Area::Clients, subject(known), seen);
    match known.client.publishing_status {
        _ if known.is_service_account => None,
        Some(PublishingStatus::Internal | PublishingStatus::Production) => None,
        Some(PublishingStatus::Testing) => Some(step(TESTING).warning(PUBLISH)),
        None => Some(step(NOT_TOLD).unknown(WRITE_DOWN)),
    }
}

fn redirection(
    roads: &Roads,
    Applicant { client, google, .. }: &Applicant,
    known: &Known,
    uri: &RedirectUri,
    said: Option<&Verdict>,
) -> Step {
    let shown = uri.shown();
    let line = format!("{}, redirect URI {shown}", subject(known));
    let refused = |reason: Reason, words: &str, next: String| {
        let step = Step::failed(Area::Clients, &*line, &Failure::own(reason, words));
        step.wrong(Mend { reason: Some(reason.name()), next })
    };
    let advice =
        || uri.advice().unwrap_or_else(|| Reason::RedirectUriPolicy.next_step().to_owned());
    if let (Some(broken), None | Some(Verdict::Unknown(_))) = (uri.broken().first(), said) {
        let next = format!("{} {}", broken.rule.says(), advice());
        return refused(Reason::RedirectUriPolicy, &broken.to_string(), next);
    }
    match said {
        None => {
            let because = [&google.authorization_url, &google.token_url];
            let because = because.into_iter().find_map(|url| roads.blocked(url));
            Step::skipped(
                Area::Clients,
                line,
                "its registration",
                because.unwrap_or("an interruption"),
            )
        }
        Some(Verdict::Accepted) => {
            let step =
                Step::ok(Area::Clients, line, "Google shows its sign-in page: it is registered");
            match redirect::examine(&uri.uri).first() {
                Some(broken) => step.warning(format!("{broken}. {}", broken.rule.says())),
                None => step,
            }
        }
        Some(Verdict::Refused(reason, _)) if concerns_client(*reason) => {
            Step::skipped(Area::Clients, line, "its registration", &subject(known))
        }
        Some(Verdict::Refused(Reason::RedirectUriMismatch, words)) => {
            let next = format!(
                "Add {shown}, letter by letter, to the client {} at https://console.cloud.google.com/auth/clients and wait some minutes.",
                client.id
            );
            refused(Reason::RedirectUriMismatch, words, next)
        }
        Some(Verdict::Refused(Reason::RedirectUriPolicy, words)) => {
            refused(Reason::RedirectUriPolicy, words, advice())
        }
        Some(Verdict::Refused(reason, words)) => {
            Step::failed(Area::Clients, line, &Failure::own(*reason, words))
        }
        Some(Verdict::Unknown(why)) => Step::ok(Area::Clients, line, &**why).unknown(COMPARE),
    }
}

/// For one question.
const PATIENCE: Duration = Duration::from_secs(15);

/// Clients at once: the page is made for people.
const AT_ONCE: usize = 2;

const TESTING: &str = "its app is in Testing, so that every refresh token dies after 7 days";

const NOT_TOLD: &str = "nobody wrote down its publishing status, which Google does not tell";

const UNUSED: &str = "Google deletes clients that nobody used for six months, and writes to the project's owners 30 days before. Take it out of the configuration if nobody needs it; if somebody does, https://console.cloud.google.com/auth/clients says when it was used last.";

const UNUSED_ACCOUNT: &str = "Take it out of the configuration if nobody needs it, and delete its key at https://console.cloud.google.com/iam-admin/serviceaccounts.";

const PUBLISH: &str = "Publish the app at https://console.cloud.google.com/auth/audience (Publish app), write publishing_status: production here, and then link every mailbox once more: tokens of before keep their seven days.";

const WRITE_DOWN: &str = "See https://console.cloud.google.com/auth/audience, and write it as publishing_status: testing, production or internal.";

const COMPARE: &str =
    "Compare the URI by hand with those at https://console.cloud.google.com/auth/clients.";
