//! Reads an Odoo by SQL: read only, in short transactions that wait for nobody.
//!
//! A look asks for a stamp of the servers' rows, which costs next to nothing, and reads them in full where that changed
//! or a minute has passed. Every transaction is short and only reads; a table that somebody holds is left alone.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use super::{Look, database::Database};
use crate::{
    domain::{clock, secret::Secret},
    wire::{
        Wire,
        postgres::{Connection, Row, Scans, Transaction, Trouble},
    },
};

mod cause;
mod columns;
mod queue;
mod rows;
mod sent;

use columns::Columns;
use queue::Backlog;
use rows::Settings;

/// Keeps the connection to one Odoo, and what need not be asked again.
#[derive(Debug, Default)]
pub struct Reader {
    dsn: Option<Secret>,
    connection: Option<Connection>,
    known: Option<Known>,
    backlog: Backlog,
}

/// What was read in full, and what said then whether it holds.
#[derive(Debug)]
struct Known {
    stamp: Vec<Option<String>>,
    settings: Settings,
    columns: Columns,
    at: Instant,
    database: Arc<Database>,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks once. Dropped half-way, it leaves a connection that is closed, and a statement that the server ends within
    /// five seconds.
    ///
    /// # Errors
    /// Why the Odoo cannot be read, in a sentence without a secret.
    pub async fn look(&mut self, dsn: &Secret, wire: &Wire) -> Result<Look, String> {
        if self.dsn.as_ref() != Some(dsn) {
            *self = Self { dsn: Some(dsn.clone()), ..Self::default() };
        }
        let looked = timeout(LONGEST, self.whole(dsn, wire)).await;
        looked.unwrap_or_else(|_| Err("the database answers too slowly".to_owned()))
    }

    /// After an error the connection is gone: whatever it was, a new session has nothing of it.
    async fn whole(&mut self, dsn: &Secret, wire: &Wire) -> Result<Look, String> {
        let mut connection = self.begun(dsn, wire).await?;
        let database = self.database(&mut connection).await?;
        let columns = self.known.as_ref().map(|known| &known.columns);
        let columns = columns.expect("the database was read, and so its columns");
        let queue = self.backlog.look(&mut connection, columns, database.series).await?;
        self.connection = Some(connection);
        Ok(Look { database, queue })
    }

    /// The connection that is left from the look before, or a new one.
    async fn begun(&mut self, dsn: &Secret, wire: &Wire) -> Result<Connection, String> {
        if let Some(mut kept) = self.connection.take().filter(|kept| !kept.is_closed()) {
            // A server that was restarted meanwhile is found out here.
            let asked = async { kept.begin(Scans::Any).await?.end().await }.await;
            if asked.is_ok() {
                return Ok(kept);
            }
        }
        Connection::open(dsn, &wire.dialer).await.map_err(said("the database"))
    }

    async fn database(&mut self, connection: &mut Connection) -> Result<Arc<Database>, String> {
        let transaction = connection.begin(Scans::Any).await.map_err(said("the database"))?;
        let now = clock::instant();
        let due = |known: &Known| now.duration_since(known.at) >= FULL;
        if let Some(known) = self.known.as_ref().filter(|known| !due(known)) {
            let settings = rows::settings(&transaction).await?;
            let stamp = stamp(&transaction, &known.columns).await?;
            if (&stamp, &settings) == (&known.stamp, &known.settings) {
                transaction.end().await.map_err(said("the database"))?;
                return Ok(known.database.clone());
            }
        }
        let columns = Columns::read(&transaction).await?;
        if !columns.has_table(columns::OUTGOING) {
            return Err("this is no database of an Odoo: it has no table ir_mail_server".to_owned());
        }
        if !columns.has_table(columns::SETTINGS) {
            return Err(rows::no_settings());
        }
        columns.suffice()?;
        let settings = rows::settings(&transaction).await?;
        // Before the rows: what changes in between is seen by the next stamp.
        let stamp = stamp(&transaction, &columns).await?;
        let read = rows::database(&transaction, &columns, &settings).await?;
        transaction.end().await.map_err(said("the database"))?;
        let before = self.known.take().map(|known| known.database);
        let same = before.filter(|before| **before == read);
        let database = same.unwrap_or_else(|| Arc::new(read));
        let known = Known { stamp, settings, columns, at: now, database: database.clone() };
        self.known = Some(known);
        Ok(database)
    }
}

/// Changes whenever Odoo writes a server's row.
async fn stamp(
    transaction: &Transaction<'_>,
    columns: &Columns,
) -> Result<Vec<Option<String>>, String> {
    let mut stamp = Vec::new();
    for table in [columns::OUTGOING, columns::INCOMING] {
        if !columns.has_table(table) {
            stamp.push(None);
            continue;
        }
        let written = match columns.has(table, "write_date") {
            true => "max(\"write_date\"), sum(extract(epoch FROM \"write_date\"))",
            false => "NULL",
        };
        let sql = format!(
            "SELECT concat_ws(' ', count(*), sum(\"id\"), sum(\"id\"::numeric * \"id\"), {written}) AS stamp \
             FROM {table}"
        );
        let rows = transaction.rows(&sql, &[]).await.map_err(said(table))?;
        let of = |row: &Row| row.text("stamp");
        stamp.push(rows.first().map(of).transpose().map_err(said(table))?.flatten());
    }
    Ok(stamp)
}

/// A trouble that was met while this was read, as a sentence.
fn said(about: &str) -> impl Fn(Trouble) -> String {
    let about = columns::bare(about);
    move |trouble| match trouble {
        Trouble::Denied(_) => denied(about),
        Trouble::Locked => format!("{about} is locked, by an upgrade of Odoo most likely"),
        Trouble::Lost(words) | Trouble::Other(words) => words,
        Trouble::Slow => format!("{about} could not be read within five seconds"),
    }
}

fn denied(what: &str) -> String {
    format!("permission denied for {what}: run {GRANTS} again")
}

/// What gives the rights.
const GRANTS: &str = "deploy/odoo/grants.sql";

/// How long what no stamp shows goes unnoticed: jobs, modules, and rows that were not written by Odoo.
const FULL: Duration = Duration::from_secs(60);

/// Of one look as a whole.
const LONGEST: Duration = Duration::from_secs(15);
