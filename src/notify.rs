//! Tells of links that break, heal or get another token, and of refused clients: by a webhook, by a command ([docs](../docs/on_change.md)).
//!
//! Invariant: the engine never waits for this part, and this part's taking-in never for a receiver.

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    domain::{clock::Clock, link::LinkId},
    engine::{
        Handle,
        course::{Subject, Transition},
        report::discreet,
        state::Snapshot,
    },
    metrics::{Deliveries, Privacy, Tally},
    wire::Wire,
    yaml::{At, Reading},
};

pub mod command;
pub mod damping;
mod queue;
pub mod webhook;

use command::Command;
use damping::{Damping, Told};
use queue::Queue;
use webhook::Webhook;

/// The keys under `on_change`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    webhook: Option<webhook::Config>,
    /// The program and its arguments.
    command: Option<At<Vec<At<String>>>>,
}

impl Config {
    pub fn settle(self, reading: &mut Reading) -> Channels {
        Channels {
            webhook: self.webhook.and_then(|keys| keys.settle(reading)).map(Arc::new),
            command: self.command.and_then(|at| Command::settle(&at, reading)).map(Arc::new),
        }
    }
}

/// Who is told.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    pub webhook: Option<Arc<Webhook>>,
    pub command: Option<Arc<Command>>,
}

/// What the configuration in force says about this part.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub channels: Channels,
    pub privacy: Privacy,
}

/// The part itself; [`Notifier::run`] is its life.
#[derive(Debug)]
pub struct Notifier {
    pub transitions: mpsc::UnboundedReceiver<Transition>,
    pub engine: Handle,
    pub clock: Clock,
    pub wire: Arc<ArcSwap<Wire>>,
    /// A reload puts another in its place.
    pub applied: Arc<ArcSwap<Applied>>,
    pub external_url: Option<Url>,
    pub deliveries: Arc<Deliveries>,
}

impl Notifier {
    /// Tells until `stop`, and then for a few seconds what is not told yet.
    pub async fn run(mut self, stop: CancellationToken) {
        let (posts, runs) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
        let mut workers = JoinSet::new();
        workers.spawn(post_all(Worker::new(&self, &posts, &stop), self.wire.clone()));
        workers.spawn(run_all(Worker::new(&self, &runs, &stop)));
        let mut damping = Damping::default();
        let mut number = 0;
        loop {
            let now = self.clock.now();
            // Never long, so that a clock that jumps is noticed.
            let pause = damping.wake().map_or(LONGEST_PAUSE, |at| at.since(now).min(LONGEST_PAUSE));
            let told = tokio::select! {
                biased;
                Some(transition) = self.transitions.recv() => {
                    damping.take(transition).into_iter().collect()
                }
                Some(Err(error)) = workers.join_next() => resume_unwind(error.into_panic()),
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => damping.settle(self.clock.now()),
            };
            for told in told {
                number += 1;
                self.hand_out(&told, number, &posts, &runs);
            }
        }
        let all_told = async { while workers.join_next().await.is_some() {} };
        if timeout(LAST_WORDS, all_told).await.is_err() {
            let untold = posts.untold() + runs.untold();
            tracing::warn!(untold, "some notifications were not delivered before the end");
        }
    }

    fn hand_out(&self, told: &Told, number: u64, posts: &Queue, runs: &Queue) {
        let applied = self.applied.load();
        let Channels { webhook, command } = &applied.channels;
        if webhook.is_none() && command.is_none() {
            return;
        }
        let parcel = Arc::new(self.parcel(told, number, &applied.privacy));
        let channels = [
            (webhook.is_some(), posts, &self.deliveries.webhook),
            (command.is_some(), runs, &self.deliveries.command),
        ];
        for (_, queue, tally) in channels.into_iter().filter(|(wanted, ..)| *wanted) {
            if let Some(dropped) = queue.push(parcel.clone()) {
                tally.drop_one();
                let (client, link, event) = dropped.fields();
                tracing::warn!(client, link, event, "too much is to be told; this is not");
            }
        }
    }

    fn parcel(&self, told: &Told, number: u64, privacy: &Privacy) -> Parcel {
        let Told { of, at, event } = told;
        let snapshot = self.engine.snapshot();
        let (client, link) = of.names();
        let mailbox = match of {
            Subject::Client(_) => None,
            Subject::Link(id, mailbox) => Some((mailbox, privacy.label(mailbox, id, &snapshot))),
        };
        let trouble = event.trouble();
        let reason = trouble.map(|trouble| trouble.reason);
        let evidence = trouble.and_then(|trouble| trouble.evidence.as_deref());
        let message = Message {
            version: VERSION,
            id: format!("{:x}-{number:x}", at.to_utc().timestamp_millis()),
            event: told.name(),
            client,
            links: client.map(|client| links_of(client, &snapshot)),
            link,
            mailbox: mailbox.as_ref().map(|(_, label)| &**label),
            at: at.to_string(),
            check: trouble.map(|trouble| trouble.check.name()),
            reason: reason.map(|reason| reason.name()),
            class: reason.map(|reason| reason.class().name()),
            who: reason.map(|reason| reason.class().who()),
            meaning: reason.map(|reason| reason.meaning()),
            next_step: reason.map(|reason| reason.next_step()),
            evidence: evidence.map(|words| match &mailbox {
                Some((mailbox, label)) => discreet(words, mailbox, label),
                None => words.to_owned(),
            }),
            // A client stands on the first page.
            url: self.external_url.as_ref().map(|base| match of {
                Subject::Client(_) => base.to_string(),
                Subject::Link(id, _) => id.page(base).into(),
            }),
            relink_url: match of {
                Subject::Client(_) => None,
                Subject::Link(id, _) => form(id, &snapshot),
            },
        };
        Parcel {
            body: serde_json::to_vec(&message).expect("text and numbers are JSON"),
            of: of.clone(),
            event: told.name(),
            reason: message.reason.unwrap_or_default(),
            class: message.class.unwrap_or_default(),
        }
    }
}

fn links_of(client: &str, snapshot: &Snapshot) -> usize {
    let links = snapshot.links.values();
    links.filter(|state| &*state.watched.link.client.name == client).count()
}

/// Where a person links it again, where its application is known to have a form for that.
fn form(id: &LinkId, snapshot: &Snapshot) -> Option<String> {
    let link = snapshot.links.get(id)?;
    snapshot.form(&link.watched.link).map(String::from)
}

/// What is sent, as JSON. A field that has nothing to say is absent.
#[derive(Debug, Serialize)]
struct Message<'a> {
    version: u32,
    /// The same in every attempt to tell the same.
    id: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    /// How many the client has.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<&'a str>,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relink_url: Option<String>,
}

/// Of the message's form. A new field leaves it as it is.
const VERSION: u32 = 1;

/// A message ready to be sent.
#[derive(Debug)]
struct Parcel {
    body: Vec<u8>,
    of: Subject,
    event: &'static str,
    /// Empty where there is none.
    reason: &'static str,
    class: &'static str,
}

impl Parcel {
    /// Client or link, and the event, for the log.
    fn fields(&self) -> (Option<&str>, Option<&str>, &'static str) {
        let (client, link) = self.of.names();
        (client, link, self.event)
    }
}

/// What both workers need.
struct Worker {
    queue: Arc<Queue>,
    applied: Arc<ArcSwap<Applied>>,
    deliveries: Arc<Deliveries>,
    stop: CancellationToken,
}

impl Worker {
    fn new(notifier: &Notifier, queue: &Arc<Queue>, stop: &CancellationToken) -> Self {
        Self {
            queue: queue.clone(),
            applied: notifier.applied.clone(),
            deliveries: notifier.deliveries.clone(),
            stop: stop.clone(),
        }
    }

    /// What is told next; none at the end, when nothing waits.
    async fn next(&self) -> Option<Arc<Parcel>> {
        tokio::select! {
            biased;
            parcel = self.queue.next() => Some(parcel),
            () = self.stop.cancelled() => None,
        }
    }
}

async fn post_all(worker: Worker, wire: Arc<ArcSwap<Wire>>) {
    while let Some(parcel) = worker.next().await {
        let webhook = worker.applied.load().channels.webhook.clone();
        if let Some(webhook) = webhook {
            let posted = webhook.post(&parcel, &wire, &worker.stop).await;
            note("webhook", &parcel, &posted, &worker.deliveries.webhook);
        }
    }
}

async fn run_all(worker: Worker) {
    while let Some(parcel) = worker.next().await {
        let command = worker.applied.load().channels.command.clone();
        if let Some(command) = command {
            let ran = command.run(&parcel).await;
            note("command", &parcel, &ran, &worker.deliveries.command);
        }
    }
}

fn note(by: &str, parcel: &Parcel, told: &Result<(), String>, tally: &Tally) {
    let (client, link, event) = parcel.fields();
    match told {
        Ok(()) => {
            tally.send_one();
            tracing::debug!(client, link, event, by, "told");
        }
        Err(error) => {
            tally.fail_one();
            tracing::warn!(client, link, event, by, error, "nobody could be told");
        }
    }
}

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// For what is not told yet when the exporter stops.
const LAST_WORDS: Duration = Duration::from_secs(3);
