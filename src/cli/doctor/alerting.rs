//! Whether anybody would hear of it: the running exporter, and whoever scrapes it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    said::counted,
    step::{Area, Step, said},
};
use crate::{
    app,
    web::status::Status,
    wire::{Wire, reach},
};

/// What came of asking the running exporter.
#[derive(Debug)]
pub(super) enum Asked {
    Told(Box<Status>),
    /// Why nothing was told, and what to do.
    Nothing {
        seen: String,
        next: &'static str,
    },
}

/// Asks it how it is.
pub(super) async fn ask(wire: &Wire, exporter: &Url, stop: CancellationToken) -> Asked {
    let nothing = |seen: String, next| Asked::Nothing { seen, next };
    let mut url = exporter.clone();
    url.set_query(None);
    match url.path_segments_mut() {
        Ok(mut path) => {
            path.pop_if_empty().extend(["api", "v1", "status"]);
        }
        Err(()) => return nothing("that is no address of a server".to_owned(), RUN),
    }
    match reach::read(wire, &url, PATIENCE, stop).await {
        Err(failure) => nothing(format!("it does not answer: {}", said(&failure)), RUN),
        Ok((200, page)) => match serde_json::from_slice(&page) {
            Ok(status) => Asked::Told(Box::new(status)),
            Err(_) => nothing("what answers there is no mailbox_exporter".to_owned(), RUN),
        },
        Ok((401 | 403, _)) => {
            nothing("it wants a password, which is not given here".to_owned(), LOOK)
        }
        Ok((404, _)) => {
            nothing("it has no /api/v1/status: it is older, or another program".to_owned(), RUN)
        }
        Ok((status, _)) => nothing(format!("it answers with HTTP status {status}"), RUN),
    }
}

/// Lines about the exporter, and about its scraper.
pub(super) fn steps(exporter: &Url, asked: &Asked) -> Vec<Step> {
    // A password in it is nobody's to read.
    let place = exporter.origin().ascii_serialization();
    let running = format!("the exporter at {place}");
    let status = match asked {
        Asked::Told(status) => status,
        Asked::Nothing { seen, next } => {
            return vec![Step::ok(Area::Alerting, running, &**seen).unknown(*next)];
        }
    };
    let Status { version, revision, links, .. } = &**status;
    let seen = format!("version {version} ({revision}), watches {}", counted(*links, "link"));
    let step = Step::ok(Area::Alerting, &*running, seen);
    let mut steps = vec![match () {
        () if !status.reload_successful => {
            Step { seen: format!("{}; it has not taken its configuration", step.seen), ..step }
                .wrong(RELOAD)
        }
        () if *version != app::BUILD.version || *revision != app::BUILD.revision => {
            let own = format!("this is {} ({})", app::BUILD.version, app::BUILD.revision);
            Step { seen: format!("{}; {own}", step.seen), ..step }.warning(RESTART)
        }
        () => step,
    }];
    let scrapes = counted(usize::try_from(status.scrapes).unwrap_or(usize::MAX), "scrape");
    let scraped = |seen: String| Step::ok(Area::Alerting, "Prometheus", seen);
    steps.push(match status.scraped_seconds_ago {
        Some(ago) if ago <= LATE.as_secs() => {
            scraped(format!("read the metrics {ago} s ago (so far {scrapes})"))
        }
        Some(ago) => {
            scraped(format!("read the metrics {} min ago, and not since", ago / 60)).wrong(SCRAPE)
        }
        None if status.up_seconds <= LATE.as_secs() => {
            let seen = format!(
                "has not read the metrics yet; the exporter runs since {} s",
                status.up_seconds
            );
            scraped(seen).unknown(WAIT)
        }
        None => {
            let minutes = status.up_seconds / 60;
            scraped(format!(
                "has never read the metrics in {minutes} min, so that no alert can be raised"
            ))
            .wrong(SCRAPE)
        }
    });
    steps
}

const PATIENCE: Duration = Duration::from_secs(5);

/// Nobody scrapes more rarely: Prometheus takes a series for gone after five minutes.
const LATE: Duration = Duration::from_secs(5 * 60);

const RUN: &str = "Start it (mailbox_exporter --config.file=..., or its service), or say with --exporter where it is reached.";

const LOOK: &str =
    "Look at its status page with the password, or ask an address that wants none: --exporter.";

const RELOAD: &str =
    "See what is wrong by mailbox_exporter check-config, mend it, and send the process SIGHUP.";

const RESTART: &str =
    "Restart the exporter, so that the version that was installed is the one that runs.";

const SCRAPE: &str = "Add the exporter to scrape_configs of Prometheus, and look at Status > Target health there: it says why a scrape fails.";

const WAIT: &str =
    "Ask again in five minutes; until then see Status > Target health in Prometheus.";

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        Status {
            version: app::BUILD.version.to_owned(),
            revision: app::BUILD.revision.to_owned(),
            links: 3,
            up_seconds: 7200,
            reload_successful: true,
            scraped_seconds_ago: Some(12),
            scrapes: 400,
        }
    }

    fn verdicts(status: Status) -> Vec<&'static str> {
        let exporter = Url::parse("http://me:hunter2@localhost:10048/").unwrap();
        let steps = steps(&exporter, &Asked::Told(Box::new(status)));
        assert!(!format!("{steps:?}").contains("hunter2"));
        steps.iter().map(|step| step.verdict.name()).collect()
    }

    #[test]
    fn whoever_does_not_scrape_raises_no_alert() {
        let ago = |scraped_seconds_ago, up_seconds| {
            verdicts(Status { scraped_seconds_ago, up_seconds, ..status() })
        };
        assert_eq!(ago(Some(12), 7200), ["ok", "ok"]);
        assert_eq!(ago(Some(301), 7200), ["ok", "wrong"]);
        assert_eq!(ago(None, 20), ["ok", "unknown"]);
        assert_eq!(ago(None, 301), ["ok", "wrong"]);
    }

    #[test]
    fn an_exporter_that_is_old_or_has_not_taken_its_configuration_is_told() {
        let old = Status { version: "0.0.9".to_owned(), ..status() };
        assert_eq!(verdicts(old), ["warning", "ok"]);
        let faulty = Status { reload_successful: false, ..status() };
        assert_eq!(verdicts(faulty), ["wrong", "ok"]);
    }
}
