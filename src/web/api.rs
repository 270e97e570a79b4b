//! What programs ask for: metrics, probes, targets, and the links as JSON.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode, Uri, header};
use serde::Serialize;
use tokio::time::timeout;
use url::form_urlencoded;

use super::{Front, answer, answer::Answer};
use crate::{
    check::Check,
    domain::{clock, link::LinkId},
    engine::{
        Refused,
        report::{Clients, OfLink, OfSent, Report},
        state::{LinkState, Snapshot},
    },
    metrics::{self, Coding, Labels, Probed},
};

pub(super) async fn metrics(front: &Arc<Front>, headers: &HeaderMap) -> Answer {
    front.scrapes.note(headers, front.site.clock.now());
    let coding = answer::coding(headers);
    let work = move |front: &Front| {
        let applied = front.site.applied.load();
        let (standing, privacy) = (&applied.standing, &applied.privacy);
        let state = || front.site.engine.snapshot();
        let (first, last) = front.exposition.page(state, standing, privacy, coding);
        answer::exposition(first, last, coding)
    };
    front.aside(work).await
}

pub(super) async fn probe(front: &Front, query: &str, headers: &HeaderMap) -> Answer {
    if answer::is_foreign(headers) {
        return answer::text(StatusCode::FORBIDDEN, "Another site may not ask for a probe.\n");
    }
    let (link, checks) = match asked(query) {
        Ok(asked) => asked,
        Err(words) => return answer::text(StatusCode::BAD_REQUEST, words),
    };
    let Ok(id) = LinkId::parse(&link) else { return unknown(&link) };
    let began = clock::instant();
    let probe = front.site.engine.probe(id, checks);
    let outcomes = match timeout(time_allowed(headers), probe).await {
        Ok(Ok(outcomes)) => Some(outcomes),
        Ok(Err(Refused::UnknownLink)) => return unknown(&link),
        Ok(Err(Refused::CheckOff)) => {
            let words = format!(
                "The link {link} has no such check: it is switched off, or says nothing about a link of this direction.\n"
            );
            return answer::text(StatusCode::BAD_REQUEST, words);
        }
        Ok(Err(Refused::Stopping)) => {
            return answer::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "mailbox_exporter is stopping.\n",
            );
        }
        Err(_) => None,
    };
    let page = metrics::render_probe(&Probed { outcomes, took: began.elapsed() });
    answer::exposition(page.into(), Default::default(), Coding::Identity)
}

/// The link and the checks that a query names.
fn asked(query: &str) -> Result<(String, Vec<Check>), String> {
    let (mut link, mut checks) = (None, Vec::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "link" if link.is_none() => link = Some(value.into_owned()),
            "link" => return Err("One link is probed at a time.\n".to_owned()),
            "check" => match Check::parse(&value) {
                Some(check) if !check.is_harmless() => return Err(SENDS.to_owned()),
                Some(check) if checks.contains(&check) => {}
                Some(check) => checks.push(check),
                None => {
                    let harmless = Check::ALL.into_iter().filter(|check| check.is_harmless());
                    let known: Vec<_> = harmless.map(Check::name).collect();
                    let known = known.join(", ");
                    return Err(format!("There is no check {value:?}; the checks are {known}.\n"));
                }
            },
            _ => {
                return Err(format!(
                    "There is no parameter {name:?}: only a configured link can be probed, by /probe?link=<id>&check=<check>.\n"
                ));
            }
        }
    }
    let link = link.ok_or("Which link? /probe?link=<id>; /sd lists them.\n")?;
    Ok((link, checks))
}

const SENDS: &str = "A round trip really sends a message: it is made on schedule, and by mailbox_exporter check --send.\n";

/// A little less than the scraper waits, so that it gets the answer.
fn time_allowed(headers: &HeaderMap) -> Duration {
    let scrape = headers.get("x-prometheus-scrape-timeout-seconds");
    let seconds = scrape.and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let allowed = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    allowed.map_or(LONGEST, |allowed| {
        let margin = if allowed > MARGIN * 2 { MARGIN } else { Duration::ZERO };
        (allowed - margin).min(LONGEST)
    })
}

/// As blackbox_exporter keeps it.
const MARGIN: Duration = Duration::from_millis(500);

/// However long somebody would wait.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

fn unknown(link: &str) -> Answer {
    let words = format!("No link is called {link:?}; /sd lists those that are watched.\n");
    answer::text(StatusCode::NOT_FOUND, words)
}

/// https://prometheus.io/docs/prometheus/latest/http_sd/
pub(super) fn sd(front: &Front, uri: &Uri, headers: &HeaderMap) -> Answer {
    let Some((target, scheme)) = reached_at(front, uri, headers) else {
        let words = "Say at which address you reach this exporter, in the header Host.\n";
        return answer::text(StatusCode::BAD_REQUEST, words);
    };
    let snapshot = front.site.engine.snapshot();
    let labels = front.site.applied.load().privacy.labels(&snapshot);
    let path = format!("{}/probe", front.prefix);
    let groups = snapshot.links.iter().map(|(id, state)| Group {
        targets: [&target],
        labels: BTreeMap::from([
            ("__metrics_path__", &*path),
            ("__param_link", id.as_str()),
            ("__scheme__", scheme),
            ("link", id.as_str()),
            ("mailbox", labels.of_mailbox(&state.watched.link.mailbox)),
        ]),
    });
    answer::json(&groups.collect::<Vec<_>>())
}

#[derive(Serialize)]
struct Group<'a> {
    targets: [&'a str; 1],
    labels: BTreeMap<&'static str, &'a str>,
}

/// As the command line says, or else as the one who asks says.
fn reached_at(front: &Front, uri: &Uri, headers: &HeaderMap) -> Option<(String, &'static str)> {
    if let Some(url) = &front.site.settings.external_url {
        let host = url.host_str()?;
        let target = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        return Some((target, if url.scheme() == "https" { "https" } else { "http" }));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let target = uri.authority().map(|authority| authority.as_str()).or(host)?;
    let scheme = if front.site.guard.has_tls() { "https" } else { "http" };
    (!target.is_empty()).then(|| (target.to_owned(), scheme))
}

pub(super) async fn links(front: &Arc<Front>) -> Answer {
    let work = |front: &Front| {
        let snapshot = front.site.engine.snapshot();
        let labels = front.site.applied.load().privacy.labels(&snapshot);
        let links = snapshot.links.values().map(|state| told(&snapshot, &labels, state));
        answer::json(&Report { links: links.collect() })
    };
    front.aside(work).await
}

pub(super) fn clients(front: &Front) -> Answer {
    answer::json(&Clients::of(&front.site.engine.snapshot()))
}

pub(super) fn link(front: &Front, id: &str) -> Answer {
    let snapshot = front.site.engine.snapshot();
    let state = LinkId::parse(id).ok().and_then(|id| snapshot.links.get(&id));
    let Some(state) = state else { return unknown(id) };
    let labels = front.site.applied.load().privacy.labels(&snapshot);
    let link = told(&snapshot, &labels, state);
    answer::json(&Report { links: vec![link] })
}

/// How the exporter itself is, for `mailbox_exporter doctor`.
pub(super) fn status(front: &Front) -> Answer {
    let links = front.site.engine.snapshot().links.len();
    let applied = front.site.applied.load();
    answer::json(&front.scrapes.status(&applied.standing, links, front.site.clock.now()))
}

fn told(snapshot: &Snapshot, labels: &Labels, state: &LinkState) -> OfLink {
    let link = &state.watched.link;
    let sending = snapshot.mailboxes.get(&link.mailbox).and_then(|it| it.sending.as_ref());
    let sent = sending.map(|sending| {
        let limits = state.watched.settings.capacity.limits(link);
        OfSent::new(sending.counted.as_ref().map(|(_, sums)| sums), &limits, sending.uncounted)
    });
    let known = OfLink::of_state(state, labels.of_mailbox(&link.mailbox), snapshot.form(link));
    OfLink { sent, ..known }
}
