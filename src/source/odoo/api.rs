//! Reads an Odoo by its external API: JSON-RPC (15 to 18), JSON-2 (19).
//!
//! Invariant: it asks for no secret but the client's and the refresh tokens of Gmail rows.

mod ask;
mod queue;
mod rows;
mod session;
mod standing;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::timeout;
use url::Url;

use ask::{Ask, Search};
use session::{Line, Session, late};
use standing::Standing;
use trouble::Trouble;

use super::{
    Look,
    database::{CLIENT_SECRET, Database, Incoming, Outgoing, PARAMETERS, Queue},
    version::Series,
};
use crate::{
    domain::{clock::Timestamp, secret::Secret},
    wire::Wire,
};

/// Where an Odoo is, and who asks it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    pub url: Url,
    /// JSON-2 can do without it where the host has one database.
    pub database: Option<String>,
    /// Whose key it is. JSON-2 knows that by itself.
    pub login: Option<String>,
    pub key: Secret,
}

/// Looks at one Odoo again and again, and remembers what need not be asked every time.
#[derive(Debug, Default)]
pub struct Reader {
    /// None at first, and after anything went wrong.
    known: Option<Known>,
    /// What was seen last, to say by the same `Arc` that nothing changed.
    database: Option<Arc<Database>>,
    queue: Seen,
    refused: Option<Refused>,
}

/// A key that was not taken. Odoo counts failed sign-ins by address, and after a few lets nobody in from there for a
/// while: behind a proxy, that may be everybody.
#[derive(Debug)]
struct Refused {
    endpoint: Endpoint,
    at: Timestamp,
    why: String,
}

/// What is asked once, and again after an error.
#[derive(Debug)]
struct Known {
    session: Session,
    standing: Standing,
    outgoing: BTreeSet<String>,
    /// Empty where the module with that model is not installed.
    incoming: BTreeSet<String>,
}

/// What is dear to ask.
#[derive(Debug, Default)]
struct Seen {
    asked: Option<Timestamp>,
    queue: Option<Arc<Queue>>,
    refused: bool,
    /// When what was sent was asked for in vain.
    uncounted: Option<Timestamp>,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks once. Dropped half-way, it leaves nothing behind.
    ///
    /// # Errors
    /// Why it cannot be read and what would be right, in a sentence without a secret.
    pub async fn look(&mut self, endpoint: &Endpoint, wire: &Wire) -> Result<Look, String> {
        let now = wire.clock.now();
        let same = |refused: &&Refused| {
            refused.endpoint == *endpoint && now.since(refused.at) < REFUSED_PAUSE
        };
        if let Some(refused) = self.refused.as_ref().filter(same) {
            return Err(refused.why.clone());
        }
        let line = Line { endpoint, wire };
        let known = self.known.take();
        let mut series = known.as_ref().map(|known| known.session.series);
        let read = timeout(PATIENCE, Known::read(known, line, &mut series)).await;
        let read = read.unwrap_or_else(|_| Err(late(PATIENCE)));
        let (known, mut database) = read.map_err(|trouble| {
            let why = trouble.sentence(endpoint, series);
            let refused = || Refused { endpoint: endpoint.clone(), at: now, why: why.clone() };
            self.refused = (trouble == Trouble::KeyRefused).then(refused);
            why
        })?;
        self.refused = None;
        self.queue.read(&known, line).await;
        if self.queue.refused {
            database.unread.push(queue::MODEL.to_owned());
        }
        let before = self.database.take().filter(|before| **before == database);
        let database = before.unwrap_or_else(|| Arc::new(database));
        self.database = Some(database.clone());
        self.known = Some(known);
        Ok(Look { database, queue: self.queue.queue.clone() })
    }
}

/// Another key, or another login, is tried at once.
const REFUSED_PAUSE: Duration = Duration::from_secs(10 * 60);

/// For everything but the queue.
const PATIENCE: Duration = Duration::from_secs(60);

/// How old what seldom changes or is dear may be.
const SELDOM: Duration = Duration::from_secs(5 * 60);

impl Known {
    async fn read(
        known: Option<Self>,
        line: Line<'_>,
        series: &mut Option<Series>,
    ) -> Result<(Self, Database), Trouble> {
        let now = line.wire.clock.now();
        let mut known = match known {
            Some(known) => known,
            None => Self::find_out(line, now, series).await?,
        };
        if now.since(known.standing.at) >= SELDOM {
            known.standing = Standing::read(&known.session, line, now).await?;
        }
        let database = known.database(line).await?;
        Ok((known, database))
    }

    async fn find_out(
        line: Line<'_>,
        now: Timestamp,
        series: &mut Option<Series>,
    ) -> Result<Self, Trouble> {
        let session = Session::open(line, series).await?;
        let standing = Standing::read(&session, line, now).await?;
        let outgoing = session.fields(line, OUTGOING).await?;
        let incoming = match standing.has(standing.series.traits().fetch_module) {
            true => session.fields(line, INCOMING).await?,
            false => BTreeSet::new(),
        };
        let known = Self { session, standing, outgoing, incoming };
        // Odoo leaves out what the user may not read, so that it looks like what is not there.
        let hidden = !known.outgoing.contains("smtp_user")
            || (known.standing.has("google_gmail") && !known.has_token_columns());
        if hidden && !known.session.is_administrator(line).await? {
            return Err(Trouble::NoRight);
        }
        Ok(known)
    }

    fn has_token_columns(&self) -> bool {
        [&self.outgoing, &self.incoming].iter().any(|fields| fields.contains(rows::TOKEN))
    }

    async fn database(&self, line: Line<'_>) -> Result<Database, Trouble> {
        let Standing { series, version, modules, jobs, default_senders, unread, .. } =
            &self.standing;
        let outgoing = self.outgoing(line).await?;
        let incoming = self.incoming(line).await?;
        let mut parameters = self.parameters(line).await?;
        let client_secret = parameters.remove(CLIENT_SECRET).map(Secret::new);
        Ok(Database {
            series: *series,
            version: version.clone(),
            modules: modules.clone(),
            parameters,
            client_secret,
            outgoing,
            incoming,
            jobs: jobs.clone(),
            default_senders: default_senders.clone(),
            has_token_columns: self.has_token_columns(),
            // Odoo itself looks into the host's configuration file, so what it says is right.
            from_environment: false,
            unread: unread.clone(),
        })
    }

    async fn outgoing(&self, line: Line<'_>) -> Result<Vec<Outgoing>, Trouble> {
        let rows = self.servers(line, OUTGOING, &self.outgoing, rows::OUTGOING).await?;
        let mut servers: Vec<_> = rows.iter().filter_map(rows::outgoing).collect();
        let gmail = servers.iter().filter(|server| server.is_gmail()).map(|server| server.id);
        let tokens = self.tokens(line, OUTGOING, &self.outgoing, gmail.collect()).await?;
        for server in &mut servers {
            server.token = tokens.get(&server.id).cloned();
        }
        Ok(servers)
    }

    async fn incoming(&self, line: Line<'_>) -> Result<Vec<Incoming>, Trouble> {
        if self.incoming.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.servers(line, INCOMING, &self.incoming, rows::INCOMING).await?;
        let mut servers: Vec<_> = rows.iter().filter_map(rows::incoming).collect();
        let gmail = servers.iter().filter(|server| server.is_gmail()).map(|server| server.id);
        let tokens = self.tokens(line, INCOMING, &self.incoming, gmail.collect()).await?;
        for server in &mut servers {
            server.token = tokens.get(&server.id).cloned();
        }
        Ok(servers)
    }

    async fn servers(
        &self,
        line: Line<'_>,
        model: &str,
        there: &BTreeSet<String>,
        wanted: &[&'static str],
    ) -> Result<Vec<Value>, Trouble> {
        let search = Search::new(json!([]), &rows::among(wanted, there)).by("id");
        self.session.rows(line, model, Ask::SearchRead(search)).await
    }

    /// By id, not by kind: with OCA `mail_environment`, the kind is computed and cannot be searched.
    async fn tokens(
        &self,
        line: Line<'_>,
        model: &str,
        there: &BTreeSet<String>,
        ids: Vec<i64>,
    ) -> Result<BTreeMap<i64, Secret>, Trouble> {
        if ids.is_empty() || !there.contains(rows::TOKEN) {
            return Ok(BTreeMap::new());
        }
        let search = Search::new(json!([["id", "in", ids]]), &[rows::TOKEN]);
        let rows = self.session.rows(line, model, Ask::SearchRead(search)).await?;
        Ok(rows.iter().filter_map(rows::token).collect())
    }

    async fn parameters(&self, line: Line<'_>) -> Result<BTreeMap<String, String>, Trouble> {
        let search = Search::new(json!([["key", "in", PARAMETERS]]), &["key", "value"]);
        let rows = self.session.rows(line, "ir.config_parameter", Ask::SearchRead(search)).await?;
        Ok(rows.iter().filter_map(rows::parameter).collect())
    }
}

const OUTGOING: &str = "ir.mail_server";

const INCOMING: &str = "fetchmail.server";

impl Seen {
    /// What cannot be known of the queue is no reason to do without the servers.
    async fn read(&mut self, known: &Known, line: Line<'_>) {
        let now = line.wire.clock.now();
        let due = self.asked.is_none_or(|asked| now.since(asked) >= SELDOM);
        if !due || !known.standing.has("mail") {
            return;
        }
        self.asked = Some(now);
        let read = timeout(QUEUE_PATIENCE, queue::read(&known.session, line, now)).await;
        let Ok(Ok(mut queue)) = read else {
            (self.queue, self.refused) = (None, true);
            return;
        };
        queue.sent_at_least = self.sent(known, line, now).await;
        let before = self.queue.take().filter(|before| **before == queue);
        self.queue = Some(before.unwrap_or_else(|| Arc::new(queue)));
        self.refused = false;
    }

    /// No index helps to count them, so a refusal is remembered for longer.
    async fn sent(&mut self, known: &Known, line: Line<'_>, now: Timestamp) -> Option<u64> {
        if self.uncounted.is_some_and(|at| now.since(at) < UNCOUNTED) {
            return None;
        }
        let counted = timeout(COUNT_PATIENCE, queue::sent(&known.session, line, now)).await;
        let counted = counted.ok().and_then(Result::ok);
        self.uncounted = counted.is_none().then_some(now);
        counted
    }
}

const QUEUE_PATIENCE: Duration = Duration::from_secs(60);

const COUNT_PATIENCE: Duration = Duration::from_secs(15);

const UNCOUNTED: Duration = Duration::from_secs(60 * 60);
