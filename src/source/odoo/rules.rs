//! What the rows say of themselves: findings that need nothing but what was read.
//!
//! Invariant: what could not be read is no reason for a finding, but for the one that says so. Modules, parameters and what
//! links are made of are always read: without them there is no [`Database`].

use std::time::Duration;

use url::Url;

use super::{
    database::{Database, Job, Queue, Row, Schedule},
    finding::{Finding, What},
};
use crate::domain::{clock::Timestamp, redirect::of_odoo, secret::Secret};

mod redirect;
pub(super) mod rows;
#[cfg(test)]
pub(super) mod tests;

/// All of them, the whole database's first. `configured` are the redirect URIs registered at Google, as far as somebody
/// said them.
pub(super) fn findings(database: &Database, configured: &[Url], now: Timestamp) -> Vec<Finding> {
    // Everything else that is odd about a neutralised copy follows from that.
    if is_neutralised(database) {
        return vec![Finding { row: None, what: What::Neutralised, detail: None }];
    }
    let mut found = Found { database, findings: Vec::new() };
    readable(&mut found);
    modules(&mut found);
    client(&mut found);
    base_url(&mut found, configured);
    default_from(&mut found);
    jobs(&mut found, now);
    rows::find(&mut found);
    found.findings.sort();
    found.findings
}

/// Whether it is a copy that Odoo or its host has neutralised, whose tokens are another database's. 15 has no such
/// thing of its own, but copies made by others look the same.
pub(super) fn is_neutralised(database: &Database) -> bool {
    let parameter = database.parameters.get("database.is_neutralized");
    let is_true = |value: &String| matches!(value.trim(), "True" | "true" | "1");
    parameter.is_some_and(is_true)
        || database.outgoing.iter().any(|row| row.name == "neutralization - disable emails")
}

/// Messages that a broken link has left behind. Whose link that was is recorded nowhere.
pub(super) fn stuck(queue: &Queue) -> Option<Finding> {
    let newest = queue.stuck.first()?;
    let count = match queue.stuck.len() {
        1 => "1 message".to_owned(),
        Queue::STUCK.. => format!("at least {} messages", Queue::STUCK),
        count => format!("{count} messages"),
    };
    let detail = Some(format!("{count}, the last one failed at {newest}"));
    Some(Finding { row: None, what: What::MailsStuck, detail })
}

/// What is found so far, and in what.
struct Found<'a> {
    database: &'a Database,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn of_database(&mut self, what: What, detail: impl Into<Option<String>>) {
        self.findings.push(Finding { row: None, what, detail: detail.into() });
    }

    fn of_row(&mut self, row: Row, what: What, detail: impl Into<Option<String>>) {
        self.findings.push(Finding { row: Some(row), what, detail: detail.into() });
    }

    fn has(&self, what: What) -> bool {
        self.findings.iter().any(|finding| finding.what == what)
    }

    /// Whether something was refused whose name, a table's or a model's, begins like this.
    fn is_unread(&self, name: &str) -> bool {
        let begins = |unread: &String| unread.replace('.', "_").starts_with(name);
        self.database.unread.iter().any(begins)
    }

    /// None where it has no value.
    fn parameter(&self, key: &str) -> Option<&str> {
        let value = self.database.parameters.get(key).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// Whether Odoo has an OAuth client of its own.
    fn has_client(&self) -> bool {
        let secret = self.database.client_secret.as_ref();
        self.parameter("google_gmail_client_id").is_some() && has_token(secret)
    }

    /// Whether a Gmail server that Odoo uses has a token.
    fn has_link(&self) -> bool {
        let outgoing = self.database.outgoing.iter().filter(|row| row.is_gmail() && row.active);
        let incoming = self.database.incoming.iter().filter(|row| row.is_gmail() && row.active);
        outgoing
            .map(|row| &row.token)
            .chain(incoming.map(|row| &row.token))
            .any(|token| has_token(token.as_ref()))
    }
}

fn has_token(token: Option<&Secret>) -> bool {
    token.is_some_and(|token| !token.expose().is_empty())
}

fn readable(found: &mut Found<'_>) {
    let database = found.database;
    if !database.unread.is_empty() {
        found.of_database(What::PartlyUnreadable, database.unread.join(", "));
    }
    if super::version::Series::is_later(&database.version) {
        found.of_database(What::VersionUnknown, database.version.clone());
    }
    if database.from_environment {
        found.of_database(What::ServerEnvironment, None);
    }
}

fn modules(found: &mut Found<'_>) {
    let (database, series) = (found.database, found.database.series);
    // Fetching is a module of its own in 15, which many do not have.
    let fetches =
        database.incoming.iter().any(|row| row.is_gmail() || rows::fetches_at_google(row));
    let needed = |name: &&&str| **name != "fetchmail_gmail" || fetches;
    for name in series.traits().modules.iter().filter(needed) {
        let module = database.modules.get(*name);
        match module.map(|module| module.state.as_str()) {
            Some("installed") => {}
            Some(state @ ("to install" | "to upgrade" | "to remove")) => {
                found.of_database(What::ModulePending, format!("{name}: {state}"));
                continue;
            }
            _ => found.of_database(What::ModuleMissing, (*name).to_owned()),
        }
        let version = module.filter(|module| module.state == "installed");
        let version = version.and_then(|module| module.version.as_deref());
        let ships = series.traits().gmail_module;
        if let Some(version) = version.filter(|_| *name == "google_gmail")
            && numbers(version).zip(numbers(ships)).is_some_and(|(has, ships)| has < ships)
        {
            let detail = format!("{name} is {version}; Odoo {series} ships {ships}");
            found.of_database(What::ModuleOutdated, detail);
        }
    }
    if !database.has_token_columns && !found.has(What::ModuleMissing) {
        found.of_database(What::TokenColumnsMissing, None);
    }
}

/// `18.0.1.2`, `saas~18.2.1.2`.
fn numbers(version: &str) -> Option<Vec<u32>> {
    let version = version.strip_prefix("saas~").unwrap_or(version);
    version.split('.').map(|number| number.parse().ok()).collect()
}

/// 19 has a relay for those without a client; that is a matter of the rows.
fn client(found: &mut Found<'_>) {
    let series = found.database.series;
    let from_elsewhere = series.traits().personal_and_iap || found.database.from_environment;
    if !from_elsewhere && found.has_link() && !found.has_client() {
        found.of_database(What::ClientMissing, None);
    }
}

fn base_url(found: &mut Found<'_>, configured: &[Url]) {
    if found.parameter("web.base.url.freeze").is_none() {
        found.of_database(What::BaseUrlNotFrozen, None);
    }
    let Some(base) = found.parameter("web.base.url") else { return };
    let uri = of_odoo(base);
    if let Some(why) = redirect::refused(&uri) {
        found.of_database(What::BaseUrlRefused, why);
    } else if !configured.is_empty() && !configured.iter().any(|known| known.as_str() == uri) {
        found.of_database(What::BaseUrlMismatch, uri);
    }
}

fn default_from(found: &mut Found<'_>) {
    let is_dead = !found.database.series.traits().default_from_parameter;
    if let Some(from) = found.parameter("mail.default.from").filter(|_| is_dead) {
        let detail = format!("mail.default.from is {from}");
        found.of_database(What::DefaultFromDead, detail);
    }
}

fn jobs(found: &mut Found<'_>, now: Timestamp) {
    let database = found.database;
    let fetches =
        database.incoming.iter().any(|row| row.active && row.confirmed && row.kind != "local");
    for (job, schedule) in &database.jobs {
        let (inactive, overdue) = match job {
            Job::Fetch if !fetches => continue,
            Job::Fetch => (What::FetchJobInactive, What::FetchJobOverdue),
            Job::Queue => (What::QueueJobInactive, What::QueueJobOverdue),
        };
        match overdue_since(schedule, now) {
            _ if !schedule.active => found.of_database(inactive, None),
            Some(since) => found.of_database(overdue, format!("it should have run at {since}")),
            None => {}
        }
    }
}

/// Since when a job should have run, where that is too long ago for a busy worker or a restart to explain it.
fn overdue_since(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let patience = (schedule.interval * 3).max(QUARTER);
    schedule.next.filter(|next| now.since(*next) > patience)
}

const QUARTER: Duration = Duration::from_secs(15 * 60);
