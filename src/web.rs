//! The exporter over HTTP. Everything is answered from memory; no URL can name what is not configured.
//!
//! | URL | answers |
//! |---|---|
//! | `/` | every link, worst first, with reason and next step; `?q=` filters, `?page=` turns |
//! | `/links/<id>` | one link: its checks, phases, history, and what was said when it failed |
//! | `/metrics` | the exposition, or wherever `--web.telemetry-path` puts it |
//! | `/probe?link=<id>&check=imap` | probes now; without `check` everything, and it may be repeated |
//! | `/sd` | every link as a target of `/probe`, for Prometheus' `http_sd_configs` |
//! | `/api/v1/links`, `/api/v1/links/<id>` | what is known, in the form of `check --format json` |
//! | `/api/v1/status` | the exporter itself: version, reload, and when Prometheus was here last |
//! | `/api/v1/clients` | every client, what it fails by, and whether a person could link by it |
//! | `/docs/` | the manual that this binary carries: runbooks, reasons, setup |
//! | `/config` | the configuration in force, secrets as stars |
//! | `/-/healthy` | that the process answers |
//! | `/-/ready` | whether a configuration is in force |
//! | `POST /-/reload` | reads the configuration again, with `--web.enable-lifecycle` |

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderMap, Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    domain::clock::Clock,
    engine::Handle,
    metrics::{Exposition, Privacy, Standing},
};

mod answer;
mod api;
pub mod guard;
mod pages;
mod serve;
pub mod status;

pub(crate) use answer::{Answer, html, seal};
pub use guard::Guard;
pub(crate) use pages::{STYLE, policy};
pub use serve::serve;

use status::Scrapes;

/// What is shown, and who may see it.
#[derive(Debug)]
pub struct Site {
    pub engine: Handle,
    pub clock: Clock,
    pub settings: Settings,
    pub guard: Arc<Guard>,
    /// What the configuration in force says; a reload puts another in its place.
    pub applied: Arc<ArcSwap<Applied>>,
    pub reload: mpsc::Sender<Reload>,
}

/// What the command line says about the web.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Below the external URL's path; begins with a slash.
    pub telemetry_path: String,
    /// How people reach the exporter, where a proxy stands before it. Its path stands before every URL.
    pub external_url: Option<Url>,
    pub lifecycle: Lifecycle,
}

/// Whether a reload may be asked for by HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lifecycle {
    Disabled,
    Enabled,
}

/// What the configuration in force says about the exporter itself.
#[derive(Clone, Debug)]
pub struct Applied {
    pub standing: Standing,
    pub privacy: Privacy,
    /// The configuration for people's eyes, secrets as stars.
    pub masked: String,
}

/// Somebody asks for a reload, and where to say what came of it: the mistakes, in sentences.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// A site that is open to visitors.
#[derive(Debug)]
struct Front {
    site: Site,
    exposition: Exposition,
    scrapes: Scrapes,
    /// What stands before every path: empty, or a path that does not end in a slash.
    prefix: String,
    stop: CancellationToken,
}

impl Front {
    fn new(site: Site, stop: CancellationToken) -> Self {
        let path = site.settings.external_url.as_ref().map_or("", |url| url.path());
        let prefix = path.trim_end_matches('/').to_owned();
        let scrapes = Scrapes::from(site.clock.now());
        let exposition = Exposition::new(site.settings.external_url.clone());
        Self { site, exposition, scrapes, prefix, stop }
    }

    /// Answers a request, whatever it asks for. Its body is not read.
    async fn answer<B>(self: &Arc<Self>, request: &Request<B>) -> Answer {
        let (method, headers) = (request.method(), request.headers());
        let mut answer = match self.site.guard.admits(headers).await {
            false => answer::unauthorized(),
            true => self.route(request, method, headers).await,
        };
        seal(&mut answer);
        self.site.guard.dress(&mut answer);
        answer
    }

    async fn route<B>(
        self: &Arc<Self>,
        request: &Request<B>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Answer {
        let query = request.uri().query().unwrap_or_default();
        let path = request.uri().path();
        let Some(path) = path.strip_prefix(&self.prefix) else { return not_found(path) };
        if path == "/-/reload" {
            return match *method {
                Method::POST | Method::PUT => self.reload(headers).await,
                _ => answer::wrong_method("POST, PUT", "A reload is asked for by POST."),
            };
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return answer::wrong_method("GET, HEAD", "This can only be read, by GET.");
        }
        if path == self.site.settings.telemetry_path {
            return api::metrics(self, headers).await;
        }
        match path {
            "" | "/" => pages::status(self, query).await,
            "/probe" => api::probe(self, query, headers).await,
            "/sd" => api::sd(self, request.uri(), headers),
            "/api/v1/links" => api::links(self).await,
            "/api/v1/status" => api::status(self),
            "/api/v1/clients" => api::clients(self),
            "/config" => answer::text(StatusCode::OK, self.site.applied.load().masked.clone()),
            "/-/healthy" => answer::text(StatusCode::OK, "mailbox_exporter is healthy.\n"),
            "/-/ready" => self.ready(),
            _ => {
                if let Some(id) = path.strip_prefix("/links/") {
                    pages::link(self, &decoded(id)).await
                } else if let Some(page) = path.strip_prefix("/docs/") {
                    pages::manual(self, page)
                } else if let Some(id) = path.strip_prefix("/api/v1/links/") {
                    api::link(self, &decoded(id))
                } else {
                    not_found(path)
                }
            }
        }
    }

    fn ready(&self) -> Answer {
        let unready = |words: &'static str| answer::text(StatusCode::SERVICE_UNAVAILABLE, words);
        match self.site.applied.load().standing.reload_success {
            _ if self.stop.is_cancelled() => unready("mailbox_exporter is stopping.\n"),
            None => unready("No configuration is in force yet.\n"),
            Some(_) => answer::text(StatusCode::OK, "mailbox_exporter is ready.\n"),
        }
    }

    async fn reload(&self, headers: &HeaderMap) -> Answer {
        // No page of ours has a button for this, so a browser that asks was made to by another site.
        if headers.contains_key("sec-fetch-site") {
            return answer::text(StatusCode::FORBIDDEN, "A browser may not ask for a reload.\n");
        }
        if self.site.settings.lifecycle == Lifecycle::Disabled {
            let words = "Reloading by HTTP is not enabled: start mailbox_exporter with \
                         --web.enable-lifecycle, or send the process SIGHUP.\n";
            return answer::text(StatusCode::FORBIDDEN, words);
        }
        let (sender, reloaded) = oneshot::channel();
        let ordered = async {
            self.site.reload.send(sender).await.ok()?;
            reloaded.await.ok()
        };
        let unavailable =
            |words: &'static str| answer::text(StatusCode::SERVICE_UNAVAILABLE, words);
        match timeout(api::LONGEST, ordered).await {
            Ok(Some(Ok(()))) => answer::text(StatusCode::OK, "The configuration was reloaded.\n"),
            Ok(Some(Err(mistakes))) => {
                let words = format!("The configuration stays as it was:\n{mistakes}\n");
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
            Ok(None) => unavailable("mailbox_exporter is stopping.\n"),
            Err(_) => unavailable("The reload takes long; the log will say what came of it.\n"),
        }
    }

    /// Runs what takes long away from the tasks that talk.
    async fn aside(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Answer + Send + 'static,
    ) -> Answer {
        let front = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&front)).await;
        done.unwrap_or_else(|_| {
            let words = "This page could not be made: that is a bug in mailbox_exporter.\n";
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, words)
        })
    }
}

fn not_found(path: &str) -> Answer {
    answer::text(StatusCode::NOT_FOUND, format!("There is nothing at {path}.\n"))
}

/// A link's id as a path has it: with slashes as they are, and everything else as it came.
fn decoded(id: &str) -> String {
    percent_decode_str(id).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
