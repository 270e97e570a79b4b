//! An Odoo whose mail servers are links: read again and again, by SQL or by its external API.
//!
//! Invariant: nothing is ever written to an Odoo, and one that cannot be read keeps its last links.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Defaults, held::Held};
use crate::{
    check::{self, Watched},
    domain::{
        clock::Timestamp,
        link::{Account, LinkId, PublishingStatus},
        secret::Secret,
    },
    wire::Wire,
};

pub mod api;
pub mod database;
pub mod finding;
pub mod keys;
pub mod sql;
pub mod version;

mod cause;
mod choice;
mod links;
mod rules;

use database::{Database, Queue, Row};
use finding::Finding;
pub use links::client_name;
#[cfg(test)]
pub(crate) use rules::tests::healthy;

/// What the configuration says of one Odoo.
#[derive(Debug)]
pub struct Settings {
    pub name: Arc<str>,
    pub way: Way,
    pub publishing_status: Option<PublishingStatus>,
    /// Those that are registered at Google; empty where nobody wrote them down.
    pub redirect_uris: Vec<Url>,
    pub account: Account,
    /// Its links' own, where they differ from everybody's.
    pub checks: Option<Arc<check::Settings>>,
}

/// How an Odoo is read. The secret that it takes is kept apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    Api { url: Url, database: Option<String>, login: Option<String> },
    Postgres,
}

/// One Odoo: what was seen of it last, and what is needed to look again.
#[derive(Debug)]
pub struct Source {
    settings: Arc<Settings>,
    /// The connection's URL, or the API's key.
    secret: Held,
    /// The same, for whoever looks.
    in_force: watch::Sender<Option<Secret>>,
    seen: Arc<ArcSwap<Seen>>,
}

/// An Odoo as it was seen last.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Whether the last look saw everything that links are made of, and if not, why; none before the first.
    pub up: Option<Result<(), String>>,
    pub database: Option<Arc<Database>>,
    pub queue: Option<Arc<Queue>>,
    pub findings: Vec<Finding>,
    /// All mail servers, those that are no links too.
    pub rows: BTreeMap<LinkId, Row>,
    /// Those that are in use and can be probed.
    pub links: Vec<Watched>,
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Option<Arc<Database>>, two: &Option<Arc<Database>>| match (one, two) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two) || one == two,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        // Rows and links follow from the database.
        same(&self.database, &other.database)
            && (&self.up, &self.queue, &self.findings) == (&other.up, &other.queue, &other.findings)
    }
}

impl Seen {
    /// Where a person links this row again.
    pub fn form(&self, link: &LinkId) -> Option<Url> {
        let database = self.database.as_ref()?;
        let base = Url::parse(self.base_url()?).ok()?;
        let web = ["http", "https"].contains(&base.scheme());
        web.then(|| Some(database.series.form(&base, *self.rows.get(link)?))).flatten()
    }

    /// Where it takes itself to be, as its database has it.
    pub fn base_url(&self) -> Option<&str> {
        let base = self.database.as_ref()?.parameters.get("web.base.url")?;
        Some(base).filter(|base| !base.is_empty()).map(String::as_str)
    }

    /// When Odoo's job last ran for each incoming server that it fetches from.
    pub fn fetches(&self) -> HashMap<Row, Timestamp> {
        let incoming = self.database.iter().flat_map(|database| &database.incoming);
        let used = incoming.filter(|server| server.confirmed);
        used.filter_map(|server| Some((Row::Incoming(server.id), server.fetched?))).collect()
    }
}

/// What one look at an Odoo brought.
#[derive(Clone, Debug)]
pub struct Look {
    pub database: Arc<Database>,
    /// None while its messages have not been looked through once.
    pub queue: Option<Arc<Queue>>,
}

/// Whoever looks at one Odoo: it keeps the connection, and what need not be asked again.
#[derive(Debug)]
enum Reader {
    Api(Box<api::Reader>),
    Postgres(Box<sql::Reader>),
}

impl Reader {
    fn new(way: &Way) -> Self {
        match way {
            Way::Api { .. } => Self::Api(Box::new(api::Reader::new())),
            Way::Postgres => Self::Postgres(Box::new(sql::Reader::new())),
        }
    }

    /// # Errors
    /// Why it cannot be read, in a sentence without a secret.
    async fn look(&mut self, way: &Way, secret: &Secret, wire: &Wire) -> Result<Look, String> {
        match (self, way) {
            (Self::Api(reader), Way::Api { url, database, login }) => {
                let endpoint = api::Endpoint {
                    url: url.clone(),
                    database: database.clone(),
                    login: login.clone(),
                    key: secret.clone(),
                };
                reader.look(&endpoint, wire).await
            }
            (Self::Postgres(reader), _) => reader.look(secret, wire).await,
            (Self::Api(_), Way::Postgres) => Err("this reader is the API's".to_owned()),
        }
    }
}

impl Source {
    fn new(settings: Settings, secret: Held) -> Self {
        let in_force = watch::Sender::new(secret.value().ok().cloned());
        Self { settings: Arc::new(settings), secret, in_force, seen: Arc::default() }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.settings.name
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn secret(&self) -> &Held {
        &self.secret
    }

    /// What was seen last.
    pub(super) fn seen(&self) -> Arc<Seen> {
        self.seen.load_full()
    }

    /// Looks whether the secret changed.
    pub(super) fn poll(&mut self) {
        self.secret.poll();
        let now = self.secret.value().ok();
        self.in_force.send_if_modified(|known| {
            let changed = known.as_ref() != now;
            if changed {
                *known = now.cloned();
            }
            changed
        });
    }

    /// What is wrong at the moment.
    pub(super) fn troubles(&self, seen: &Seen) -> impl Iterator<Item = String> {
        let unreadable = seen.up.clone().and_then(Result::err);
        self.secret.trouble().into_iter().chain(unreadable)
    }

    /// Takes over what was seen of the same Odoo before the configuration was read again.
    pub(super) fn succeed(&self, before: &Remembered, defaults: &Defaults) {
        let Remembered { settings, origin, seen } = before;
        let same = (&settings.name, &settings.way, origin)
            == (&self.settings.name, &self.settings.way, &self.secret.origin().to_string());
        if !same {
            return;
        }
        let before = seen.load();
        let mut seen = Seen { links: Vec::new(), ..Seen::clone(&before) };
        if let Some(database) = &seen.database {
            seen.links = links::links(&self.settings, defaults, database, &before.links);
        }
        self.seen.store(Arc::new(seen));
    }

    /// For the configuration that comes after this one.
    pub(super) fn remembered(&self) -> Remembered {
        let (settings, seen) = (self.settings.clone(), self.seen.clone());
        Remembered { settings, origin: self.secret.origin().to_string(), seen }
    }

    /// Whoever looks at it from now on.
    pub(super) fn watcher(&self) -> Watcher {
        Watcher {
            reader: Reader::new(&self.settings.way),
            settings: self.settings.clone(),
            secret: self.in_force.subscribe(),
            seen: self.seen.clone(),
        }
    }
}

/// What outlives a reload.
#[derive(Debug)]
pub struct Remembered {
    settings: Arc<Settings>,
    /// Of the secret: another one may be another database's.
    origin: String,
    seen: Arc<ArcSwap<Seen>>,
}

/// Looks at one Odoo.
#[derive(Debug)]
pub(super) struct Watcher {
    reader: Reader,
    settings: Arc<Settings>,
    secret: watch::Receiver<Option<Secret>>,
    seen: Arc<ArcSwap<Seen>>,
}

impl Watcher {
    /// Looks again and again, and says so when something changed.
    pub(super) async fn run(
        mut self,
        wire: Arc<ArcSwap<Wire>>,
        defaults: Arc<Defaults>,
        news: Arc<Notify>,
        stop: CancellationToken,
    ) {
        loop {
            let now = wire.load_full();
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look(&now, &defaults) => looked,
            };
            if looked.changed {
                news.notify_one();
            }
            let pause = match (looked.up, &self.settings.way) {
                (false, _) => AFTER_FAILURE,
                (true, Way::Api { .. }) => EVERY_BY_API,
                (true, Way::Postgres) => EVERY_BY_SQL,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = self.secret.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Looks once. What cannot be read leaves everything as it was seen last.
    pub(super) async fn look(&mut self, wire: &Wire, defaults: &Defaults) -> Looked {
        let secret = self.secret.borrow_and_update().clone();
        let look = match &secret {
            None => Err("its secret could not be read so far".to_owned()),
            Some(secret) => {
                let look = self.reader.look(&self.settings.way, secret, wire);
                // A bug of one reader must not stop the others.
                AssertUnwindSafe(look).catch_unwind().await.unwrap_or_else(|_| {
                    self.reader = Reader::new(&self.settings.way);
                    Err("its answer made the exporter panic: this is a bug, and the log says where"
                        .to_owned())
                })
            }
        };
        let before = self.seen.load_full();
        let seen = match look {
            Ok(look) => self.saw(look, &before, defaults, wire.clock.now()),
            Err(why) => Seen { up: Some(Err(why)), ..Seen::clone(&before) },
        };
        let looked = Looked { changed: seen != *before, up: seen.up == Some(Ok(())) };
        if looked.changed {
            self.seen.store(Arc::new(seen));
        }
        looked
    }

    fn saw(&self, look: Look, before: &Seen, defaults: &Defaults, now: Timestamp) -> Seen {
        let Look { database, queue } = look;
        let Settings { name, redirect_uris, .. } = &*self.settings;
        // Some jobs become overdue by the clock alone.
        let mut findings = rules::findings(&database, redirect_uris, now);
        findings.extend(queue.as_deref().and_then(rules::stuck));
        let is_same = before.database.as_ref().is_some_and(|same| Arc::ptr_eq(same, &database));
        let (rows, links) = match is_same {
            true => (before.rows.clone(), before.links.clone()),
            false => (
                links::rows(name, &database),
                links::links(&self.settings, defaults, &database, &before.links),
            ),
        };
        Seen { up: Some(Ok(())), findings, rows, links, database: Some(database), queue }
    }
}

/// How a look went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    changed: bool,
    up: bool,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api { url, .. } => url.fmt(f),
            Self::Postgres => f.write_str("PostgreSQL"),
        }
    }
}

/// A person who links again waits for the token to be probed: a look that finds nothing new is cheap.
const EVERY_BY_SQL: Duration = Duration::from_secs(15);

/// Every call is a transaction of Odoo's.
const EVERY_BY_API: Duration = Duration::from_secs(45);

/// Nobody's log is to fill with refusals.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
