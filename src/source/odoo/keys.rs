//! The keys under `odoo` of one of `sources`.

use serde::Deserialize;
use url::Url;

use super::{Settings, Source, Way, database::Row};
use crate::{
    check,
    domain::link::{Account, LinkId},
    source::{
        Defaults, Reference, Unreadable,
        client::PUBLISHING_STATUSES,
        mailbox::ACCOUNTS,
        secret::{Kind, looks_like},
        server,
    },
    yaml::{At, Reading, given, missing},
};

/// One Odoo: `database_url` for PostgreSQL, or `url` and `api_key` for its external API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its name in metrics, pages and the links' ids.
    pub name: At<String>,
    /// As libpq takes it: `postgresql://user:password@host/database`, or `host=… user=…`.
    #[serde(default, deserialize_with = "given")]
    pub database_url: Option<Reference>,
    pub url: Option<At<String>>,
    pub database: Option<At<String>>,
    pub login: Option<At<String>>,
    #[serde(default, deserialize_with = "given")]
    pub api_key: Option<Reference>,
    /// `testing`, `production` or `internal`, as the project's consent screen has it.
    pub publishing_status: Option<At<String>>,
    /// Those that are registered at Google.
    pub redirect_uris: Option<Vec<At<String>>>,
    /// Of all its mailboxes: `workspace`, `workspace_trial`, `personal`, or `unknown`.
    pub account: Option<At<String>>,
    pub checks: Option<check::Config>,
}

impl Config {
    /// None where the keys are wrong.
    pub(crate) fn settle(
        self,
        at: &At<()>,
        defaults: &Defaults,
        reading: &mut Reading,
    ) -> Option<Source> {
        let name = reading.understand(&self.name, name)?;
        let status = self.publishing_status.as_ref();
        let publishing_status =
            status.and_then(|at| reading.choose(at, "publishing status", &PUBLISHING_STATUSES));
        let uris = self.redirect_uris.as_deref().unwrap_or_default();
        let redirect_uris =
            uris.iter().filter_map(|at| reading.understand(at, server::url)).collect();
        let account = self.account.as_ref();
        let account = account.map(|at| reading.choose(at, "account", &ACCOUNTS));
        let consent = self.checks.as_ref().and_then(|checks| checks.consent.as_ref());
        if let Some(at) = consent {
            reading.wrong(at, check::consent::NOT_OF_A_MAILBOX);
        }
        let checks = self
            .checks
            .clone()
            .map(|checks| checks.over(&defaults.checks).settle(defaults.time_zone).into());
        let (way, secret) = self.way(at, reading)?;
        let settings = Settings {
            name: name.as_str().into(),
            way,
            publishing_status,
            redirect_uris,
            account: account.unwrap_or(Some(Account::Unknown))?,
            checks,
        };
        Some(Source::new(settings, secret))
    }

    fn way(&self, at: &At<()>, reading: &mut Reading) -> Option<(Way, crate::source::held::Held)> {
        let of_api = [&self.url, &self.database, &self.login];
        let of_api = of_api.into_iter().flatten().next();
        match (&self.database_url, &self.url, &self.api_key) {
            (Some(secret), None, None) if of_api.is_none() => {
                let secret = secret.open(Kind::DatabaseUrl, Unreadable::Refused, reading);
                Some((Way::Postgres, secret))
            }
            (Some(_), ..) => {
                reading.wrong(&self.name, BOTH);
                None
            }
            (None, Some(url), Some(key)) => {
                let url = reading.understand(url, base);
                let plain = |at: &Option<At<String>>, reading: &mut Reading| match at {
                    Some(at) => reading.understand(at, word).map(Some),
                    None => Some(None),
                };
                let (database, login) =
                    (plain(&self.database, reading), plain(&self.login, reading));
                let secret = key.open(Kind::ApiKey, Unreadable::Refused, reading);
                Some((Way::Api { url: url?, database: database?, login: login? }, secret))
            }
            (None, Some(_), None) => {
                reading.wrong(at, missing("api_key"));
                None
            }
            (None, None, _) => {
                reading.wrong(at, NEITHER);
                None
            }
        }
    }
}

/// A part of ids, so it is one itself, and leaves room for the rest.
fn name(written: &str) -> Result<LinkId, String> {
    let longest = Row::Incoming(i64::MIN);
    let whole = LinkId::parse(&format!("odoo/{written}/{longest}"));
    LinkId::parse(written).and_then(|name| whole.map(|_| name)).map_err(|_| {
        format!("{written:?} is no name of a source; write 1 to 160 characters without spaces")
    })
}

/// Where Odoo is, as `web.base.url` has it.
fn base(written: &str) -> Result<Url, String> {
    let url = server::url(written)?;
    match url.query() {
        Some(_) => Err(format!("{written:?} has a query; write the address of Odoo alone")),
        None => Ok(url),
    }
}

fn word(written: &str) -> Result<String, String> {
    if let Some((_, name)) = looks_like(written) {
        return Err(format!("this looks like {name}, which never stands in this file"));
    }
    match written.is_empty() || written.chars().any(char::is_control) {
        true => Err("a value is missing here".to_owned()),
        false => Ok(written.to_owned()),
    }
}

const BOTH: &str = "an Odoo is read by SQL (database_url) or by its API (url, database, login, api_key), and this one is to be by both; keep one of them";

const NEITHER: &str = "how is this Odoo read? Add database_url, for PostgreSQL, or url and api_key, for its external API, as examples/full.yaml does";
