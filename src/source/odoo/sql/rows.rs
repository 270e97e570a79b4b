//! The rows of one Odoo, as [`Database`] has them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    GRANTS,
    columns::{self, Columns},
    said,
};
use crate::{
    domain::secret::Secret,
    source::odoo::{
        database::{
            CLIENT_SECRET, Database, Incoming, Job, MODULES, Module, Outgoing, PARAMETERS, Schedule,
        },
        version::Series,
    },
    wire::postgres::{Parameter, Row, Transaction, Trouble},
};

/// The settings by key. The client's secret is one of them, so they are secrets all.
pub(super) type Settings = BTreeMap<String, Secret>;

/// What `gmail_monitor.config` shows.
pub(super) async fn settings(transaction: &Transaction<'_>) -> Result<Settings, String> {
    let keys = PARAMETERS.to_vec();
    let rows = transaction.rows(SETTINGS, &[Parameter::Words(&keys)]).await;
    let pair = |row: &Row| Ok((row.text("key")?, row.text("value")?));
    let mut settings = Settings::new();
    for row in rows.map_err(said(columns::SETTINGS))? {
        if let (Some(key), Some(value)) = pair(&row).map_err(said(columns::SETTINGS))? {
            settings.insert(key, Secret::new(value));
        }
    }
    Ok(settings)
}

/// All that makes a [`Database`] but what was read before.
pub(super) async fn database(
    transaction: &Transaction<'_>,
    columns: &Columns,
    settings: &Settings,
) -> Result<Database, String> {
    let mut unread = Vec::new();
    let modules = modules(transaction, columns).await?;
    let base = modules.get("base").and_then(|base| base.version.clone());
    let version = base.ok_or("this is no database of an Odoo: its module base is not installed")?;
    let series = Series::parse(&version)?;
    let mut from = Reading { transaction, columns, series, unread: &mut unread };
    let outgoing = from.rows(columns::OUTGOING, "ORDER BY \"id\"", outgoing).await?;
    let incoming = from.rows(columns::INCOMING, "ORDER BY \"id\"", incoming).await?;
    let jobs = jobs(&mut from).await?;
    let senders = from.rows(columns::DOMAINS, "ORDER BY \"id\"", default_sender).await?;
    // Read elsewhere, since they may be huge.
    for table in [columns::MAILS, columns::MESSAGES, columns::NOTIFICATIONS] {
        columns.select(table, series, from.unread)?;
    }
    let mut default_senders: Vec<String> = Vec::new();
    for sender in senders.into_iter().flatten() {
        if !default_senders.contains(&sender) {
            default_senders.push(sender);
        }
    }
    let servers = [columns::INCOMING, columns::OUTGOING];
    let any_has = |column| servers.iter().any(|table| columns.has(table, column));
    let (has_token_columns, from_environment) =
        (any_has(columns::TOKEN), any_has(columns::ENVIRONMENT));
    let shown = settings.iter().filter(|(key, _)| *key != CLIENT_SECRET);
    let parameters = shown.map(|(key, value)| (key.clone(), value.expose().to_owned()));
    Ok(Database {
        series,
        version,
        modules,
        parameters: parameters.collect(),
        client_secret: settings.get(CLIENT_SECRET).cloned(),
        outgoing: marked(outgoing),
        incoming: marked(incoming),
        jobs,
        default_senders,
        has_token_columns,
        from_environment,
        unread,
    })
}

/// Where rows are read from, and what of it may not be read.
struct Reading<'a> {
    transaction: &'a Transaction<'a>,
    columns: &'a Columns,
    series: Series,
    unread: &'a mut Vec<String>,
}

impl Reading<'_> {
    /// Nothing, where the table is not there or not to be read.
    async fn rows<T>(
        &mut self,
        table: &'static str,
        rest: &str,
        read: impl Fn(&Row) -> Result<T, Trouble>,
    ) -> Result<Vec<T>, String> {
        let list = self.columns.select(table, self.series, self.unread)?;
        let Some(list) = list else { return Ok(Vec::new()) };
        let sql = format!("SELECT {list} FROM {table} {rest}");
        let rows = self.transaction.rows(&sql, &[]).await.map_err(said(table))?;
        rows.iter().map(|row| read(row).map_err(said(table))).collect()
    }
}

async fn modules(
    transaction: &Transaction<'_>,
    columns: &Columns,
) -> Result<BTreeMap<String, Module>, String> {
    // The series comes out of it, and matters to none of its columns.
    let list = columns.select(columns::MODULES, Series::V19, &mut Vec::new())?;
    let list = list.ok_or("this is no database of an Odoo: it has no table ir_module_module")?;
    let sql = format!("SELECT {list} FROM {} WHERE \"name\" = ANY ($1)", columns::MODULES);
    let names = MODULES.to_vec();
    let of = said(columns::MODULES);
    let mut modules = BTreeMap::new();
    for row in transaction.rows(&sql, &[Parameter::Words(&names)]).await.map_err(&of)? {
        let state = row.text("state").map_err(&of)?.unwrap_or_default();
        let version = row.text("latest_version").map_err(&of)?;
        if let Some(name) = row.text("name").map_err(&of)? {
            modules.insert(name, Module { state, version });
        }
    }
    Ok(modules)
}

/// A row, and whether a column of its own says that it is Gmail's.
type Marked<T> = (T, bool);

/// Of 15's rows, those that are Gmail's say so as those of later versions do.
fn marked<T: Server>(rows: Vec<Marked<T>>) -> Vec<T> {
    let server = |(mut server, own): Marked<T>| {
        if own {
            "gmail".clone_into(server.kind());
        }
        server
    };
    rows.into_iter().map(server).collect()
}

trait Server {
    fn kind(&mut self) -> &mut String;
}

impl Server for Incoming {
    fn kind(&mut self) -> &mut String {
        &mut self.kind
    }
}

impl Server for Outgoing {
    fn kind(&mut self) -> &mut String {
        &mut self.authentication
    }
}

fn outgoing(row: &Row) -> Result<Marked<Outgoing>, Trouble> {
    let server = Outgoing {
        id: row.number("id")?.unwrap_or_default(),
        name: row.text("name")?.unwrap_or_default(),
        active: row.flag("active")?,
        sequence: row.number("sequence")?.unwrap_or_default(),
        from_filter: row.text("from_filter")?,
        host: row.text("smtp_host")?,
        port: row.number("smtp_port")?,
        encryption: row.text("smtp_encryption")?.unwrap_or_default(),
        authentication: row.text("smtp_authentication")?.unwrap_or_default(),
        user: row.text("smtp_user")?,
        token: row.text(columns::TOKEN)?.map(Secret::new),
        owner: row.number("owner_user_id")?,
    };
    Ok((server, row.flag(columns::OWN_COLUMN)?))
}

fn incoming(row: &Row) -> Result<Marked<Incoming>, Trouble> {
    let since = row.time("error_date")?;
    let words = row.text("error_message")?.unwrap_or_default();
    let server = Incoming {
        id: row.number("id")?.unwrap_or_default(),
        name: row.text("name")?.unwrap_or_default(),
        active: row.flag("active")?,
        confirmed: row.text("state")?.as_deref() == Some("done"),
        host: row.text("server")?,
        port: row.number("port")?,
        tls: row.flag("is_ssl")?,
        kind: row.text("server_type")?.unwrap_or_default(),
        user: row.text("user")?,
        token: row.text(columns::TOKEN)?.map(Secret::new),
        fetched: row.time("date")?,
        error: since.map(|since| (since, words)),
    };
    Ok((server, row.flag(columns::OWN_COLUMN)?))
}

/// A whole address, or one that the domain's name completes.
fn default_sender(row: &Row) -> Result<Option<String>, Trouble> {
    let (domain, from) = (row.text("name")?, row.text("default_from")?);
    Ok(from.map(|from| match domain {
        Some(domain) if !from.contains('@') => format!("{from}@{domain}"),
        _ => from,
    }))
}

/// The two jobs, whatever a translation calls them.
async fn jobs(from: &mut Reading<'_>) -> Result<BTreeMap<Job, Schedule>, String> {
    let mail = from.series.traits().fetch_module;
    let is_job = format!(
        "WHERE \"model\" = 'ir.cron' AND (\"module\", \"name\") IN \
         (('{mail}', '{FETCH}'), ('mail', '{QUEUE}'))"
    );
    let named = |row: &Row| Ok((row.text("name")?, row.number("res_id")?));
    let names = from.rows(columns::NAMES, &is_job, named).await?;
    let job = |id: Option<i64>| {
        let of = names.iter().find(|(_, named)| named.is_some() && *named == id)?;
        Some(if of.0.as_deref() == Some(FETCH) { Job::Fetch } else { Job::Queue })
    };
    let ids: Vec<_> = names.iter().filter_map(|(_, id)| id.map(|id| id.to_string())).collect();
    // Without a name there is no job; what may not be read is to be known all the same.
    let ids = if ids.is_empty() { "NULL".to_owned() } else { ids.join(", ") };
    let schedule = |row: &Row| Ok((row.number("id")?, schedule(row)?));
    let rows = from.rows(columns::JOBS, &format!("WHERE \"id\" IN ({ids})"), schedule).await?;
    Ok(rows.into_iter().filter_map(|(id, schedule)| Some((job(id)?, schedule))).collect())
}

fn schedule(row: &Row) -> Result<Schedule, Trouble> {
    let number = row.number("interval_number")?.and_then(|number| u64::try_from(number).ok());
    let unit = match row.text("interval_type")?.as_deref() {
        Some("minutes") => 60,
        Some("hours") => 3600,
        Some("weeks") => 7 * 86_400,
        Some("months") => 30 * 86_400,
        _ => 86_400,
    };
    let interval = Duration::from_secs(number.unwrap_or(1).saturating_mul(unit));
    Ok(Schedule { active: row.flag("active")?, next: row.time("nextcall")?, interval })
}

const FETCH: &str = "ir_cron_mail_gateway_action";
const QUEUE: &str = "ir_cron_mail_scheduler_action";

const SETTINGS: &str = "SELECT \"key\"::text AS key, \"value\"::text AS value \
     FROM gmail_monitor.config WHERE \"key\" = ANY ($1)";

/// Of a database without the view.
pub(super) fn no_settings() -> String {
    format!("this database has no view gmail_monitor.config: run {GRANTS}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_shown_by_the_view_of_grants_sql() {
        let grants = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/odoo/grants.sql"));
        for key in PARAMETERS {
            assert!(grants.contains(&format!("'{key}'")), "{key}");
        }
    }
}
