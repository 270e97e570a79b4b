//! How the exporter itself is: what it is made of, whether its configuration is in force, and who scrapes it.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use crate::{domain::clock::Timestamp, metrics::Standing};

/// The answer of `/api/v1/status`; a fact that is not known is absent.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Status {
    pub version: String,
    pub revision: String,
    pub links: usize,
    /// Since when it answers.
    pub up_seconds: u64,
    /// Whether the last attempt to read the configuration succeeded.
    pub reload_successful: bool,
    /// How long ago Prometheus, or what speaks like it, read the metrics last; absent where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scraped_seconds_ago: Option<u64>,
    /// How often it did.
    pub scrapes: u64,
}

/// Visits of scrapers since the start.
#[derive(Debug)]
pub(super) struct Scrapes {
    since: Timestamp,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    count: u64,
    last: Option<Timestamp>,
}

impl Scrapes {
    pub(super) fn from(since: Timestamp) -> Self {
        Self { since, seen: Mutex::default() }
    }

    /// Somebody reads the metrics.
    pub(super) fn note(&self, headers: &HeaderMap, now: Timestamp) {
        if is_scraper(headers) {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.count += 1;
            seen.last = Some(now);
        }
    }

    pub(super) fn status(&self, standing: &Standing, links: usize, now: Timestamp) -> Status {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Status {
            version: standing.build.version.to_owned(),
            revision: standing.build.revision.to_owned(),
            links,
            up_seconds: now.since(self.since).as_secs(),
            reload_successful: standing.reload_successful,
            scraped_seconds_ago: seen.last.map(|last| now.since(last).as_secs()),
            scrapes: seen.count,
        }
    }
}

/// Whether it is Prometheus: by its name, or by the header that it and its kin send with every scrape. A person's browser
/// or curl is nobody who would raise an alert.
fn is_scraper(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("Prometheus/"))
        || headers.contains_key("x-prometheus-scrape-timeout-seconds")
}

#[cfg(test)]
mod tests {
    use super::super::tests::visit::{House, Plan};

    #[tokio::test]
    async fn the_status_tells_whether_prometheus_scrapes() {
        let house = House::new(Plan::default()).await;
        house.get("/metrics").await;
        house.ask("GET", "/metrics", &[("user-agent", "curl/8.0")]).await;
        let told = house.get("/api/v1/status").await.json();
        assert_eq!(told["version"], "0.1.0");
        assert_eq!(told["links"], 12);
        assert_eq!(told["reload_successful"], true);
        assert_eq!(told["scrapes"], 0, "a person is no scraper: {told}");
        assert!(told.get("scraped_seconds_ago").is_none(), "{told}");

        house.ask("GET", "/metrics", &[("user-agent", "Prometheus/3.5.0")]).await;
        house.ask("GET", "/metrics", &[("x-prometheus-scrape-timeout-seconds", "10")]).await;
        let told = house.get("/api/v1/status").await.json();
        assert_eq!(told["scrapes"], 2, "{told}");
        assert!(told["scraped_seconds_ago"].is_u64(), "{told}");
    }
}
