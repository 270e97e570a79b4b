//! From an Odoo's rows to links: which rows are probed, and with what.
//!
//! Invariant: a copy's tokens are never used, and a row that Odoo does not use is not probed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Settings,
    database::{Database, Row},
    rules::{self, rows},
};
use crate::{
    check::Watched,
    domain::{
        link::{Address, Client, Direction, Grant, ImapServer, Link, LinkId, Security, SmtpServer},
        secret::Secret,
    },
    source::Defaults,
};

/// The links of its Gmail servers that are in use. Of those that were there before, the very same.
pub(super) fn links(
    settings: &Settings,
    defaults: &Defaults,
    database: &Database,
    before: &[Watched],
) -> Vec<Watched> {
    if rules::is_neutralised(database) || database.from_environment {
        return Vec::new();
    }
    let Some(client) = client(settings, database, before) else { return Vec::new() };
    let known: HashMap<&LinkId, &Watched> =
        before.iter().map(|watched| (&watched.link.id, watched)).collect();
    let make = Make { settings, defaults, client };
    let outgoing = database.outgoing.iter().filter_map(|row| {
        let used = row.is_gmail() && row.active;
        let server = SmtpServer {
            host: row.host.clone().filter(|host| !host.is_empty() && used)?,
            port: u16::try_from(row.port.unwrap_or(587)).ok()?,
            security: security(&row.encryption)?,
        };
        let link = make.link(Row::Outgoing(row.id), row.user.as_deref(), row.token.as_ref())?;
        let elsewhere = is_elsewhere(&server.host, &defaults.smtp.host, rows::SMTP);
        Some(if elsewhere { link } else { Link { smtp: Arc::new(server), ..link } })
    });
    let incoming = database.incoming.iter().filter_map(|row| {
        let used = row.is_gmail() && row.active && row.tls;
        let server = ImapServer {
            host: row.host.clone().filter(|host| !host.is_empty() && used)?,
            port: u16::try_from(row.port.unwrap_or(993)).ok()?,
        };
        let link = make.link(Row::Incoming(row.id), row.user.as_deref(), row.token.as_ref())?;
        let elsewhere = is_elsewhere(&server.host, &defaults.imap.host, rows::IMAP);
        Some(if elsewhere { link } else { Link { imap: Arc::new(server), ..link } })
    });
    let watch = settings.checks.as_ref().unwrap_or(&defaults.settings);
    outgoing
        .chain(incoming)
        .map(|link| match known.get(&link.id) {
            Some(known) if *known.link == link && *known.settings == **watch => (*known).clone(),
            _ => Watched { link: Arc::new(link), settings: watch.clone() },
        })
        .collect()
}

/// The ids of all servers.
pub(super) fn rows(source: &str, database: &Database) -> BTreeMap<LinkId, Row> {
    let outgoing = database.outgoing.iter().map(|row| Row::Outgoing(row.id));
    let incoming = database.incoming.iter().map(|row| Row::Incoming(row.id));
    outgoing.chain(incoming).map(|row| (row.link(source), row)).collect()
}

/// What the one OAuth client of an Odoo's links is called.
pub fn client_name(source: &str) -> String {
    format!("odoo/{source}")
}

/// The database's one OAuth client; none where Odoo S.A.'s relay stands in for it, and nothing can be refreshed here.
fn client(settings: &Settings, database: &Database, before: &[Watched]) -> Option<Arc<Client>> {
    let id = database.parameters.get("google_gmail_client_id").cloned().unwrap_or_default();
    let secret = database.client_secret.clone().unwrap_or_else(|| Secret::new(""));
    let missing = id.is_empty() || secret.expose().is_empty();
    if missing && database.series.traits().personal_and_iap {
        return None;
    }
    let client = Client {
        name: client_name(&settings.name).into(),
        id,
        secret,
        publishing_status: settings.publishing_status,
        redirect_uris: settings.redirect_uris.clone(),
    };
    let known = before.first().map(|watched| &watched.link.client);
    Some(known.filter(|known| ***known == client).cloned().unwrap_or_else(|| Arc::new(client)))
}

/// What the links of one Odoo have in common.
struct Make<'a> {
    settings: &'a Settings,
    defaults: &'a Defaults,
    client: Arc<Client>,
}

impl Make<'_> {
    /// With everybody's servers. None where the row was never linked, or names no mailbox.
    fn link(&self, row: Row, user: Option<&str>, token: Option<&Secret>) -> Option<Link> {
        let Self { settings, defaults, client } = self;
        let token = token.filter(|token| !token.expose().is_empty())?;
        let grant = match client.id.is_empty() || client.secret.expose().is_empty() {
            true => Grant::Unreadable(NO_CLIENT.to_owned()),
            false => Grant::RefreshToken(token.clone()),
        };
        Some(Link {
            id: row.link(&settings.name),
            mailbox: Address::parse(user?.trim()).ok()?,
            source: settings.name.clone(),
            direction: match row {
                Row::Incoming(_) => Direction::Incoming,
                Row::Outgoing(_) => Direction::Outgoing,
            },
            account: settings.account,
            client: client.clone(),
            grant,
            linked_at: None,
            google: defaults.google.clone(),
            smtp: defaults.smtp.clone(),
            imap: defaults.imap.clone(),
        })
    }
}

/// Whether a row names Google, and the configuration says that Google is to be reached elsewhere: by a proxy, or a
/// simulator in its place.
fn is_elsewhere(row: &str, configured: &str, googles: &[&str]) -> bool {
    let is_googles = |host: &str| googles.iter().any(|one| one.eq_ignore_ascii_case(host));
    is_googles(row) && !is_googles(configured)
}

/// None where a token would go in the clear, which is not probed.
fn security(encryption: &str) -> Option<Security> {
    match encryption {
        "starttls" | "starttls_strict" => Some(Security::Starttls),
        "ssl" | "ssl_strict" => Some(Security::Tls),
        _ => None,
    }
}

const NO_CLIENT: &str = "Odoo's settings hold no Gmail client id and secret (General Settings, Discuss, Custom Email Servers, Gmail Credentials)";

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::{
        check,
        domain::link::Account,
        source::{Ids, odoo::Way, odoo::rules::tests::healthy, odoo::version::Series},
    };

    fn made(database: &Database, smtp_host: &str) -> Vec<Watched> {
        made_after(database, smtp_host, &[])
    }

    fn made_after(database: &Database, smtp_host: &str, before: &[Watched]) -> Vec<Watched> {
        let settings = Settings {
            name: "erp".into(),
            way: Way::Postgres,
            publishing_status: None,
            redirect_uris: Vec::new(),
            account: Account::Workspace,
            checks: None,
        };
        let defaults = Defaults {
            google: check::tests::watched("a@example.com").link.google.clone(),
            smtp: Arc::new(SmtpServer {
                host: smtp_host.to_owned(),
                port: 2587,
                security: Security::Tls,
            }),
            imap: Arc::new(ImapServer { host: "imap.gmail.com".to_owned(), port: 993 }),
            checks: check::Config::default(),
            settings: Arc::new(check::Config::default().settle(Tz::UTC)),
            consent: check::consent::Config::default().settle(Tz::UTC),
            time_zone: Tz::UTC,
            ids: Ids::Free,
        };
        links(&settings, &defaults, database, before)
    }

    fn ids(links: &[Watched]) -> Vec<&str> {
        links.iter().map(|watched| watched.link.id.as_str()).collect()
    }

    #[test]
    fn what_odoo_uses_is_a_link_and_nothing_else_is() {
        type Change = fn(&mut Database);
        let cases: [(&str, Change, usize); 9] = [
            ("as it is", |_| {}, 2),
            ("archived", |it| it.outgoing[0].active = false, 1),
            ("never linked", |it| it.incoming[0].token = None, 1),
            ("in the clear", |it| it.outgoing[0].encryption = "none".to_owned(), 1),
            ("no address", |it| it.outgoing[0].user = Some("sales".to_owned()), 1),
            ("another kind", |it| it.incoming[0].kind = "imap".to_owned(), 1),
            (
                "a copy",
                |it| {
                    drop(
                        it.parameters
                            .insert("database.is_neutralized".to_owned(), "true".to_owned()),
                    )
                },
                0,
            ),
            ("from the environment", |it| it.from_environment = true, 0),
            ("by the relay", |it| it.client_secret = None, 0),
        ];
        for (what, change, expected) in cases {
            let mut database = healthy(Series::V19);
            change(&mut database);
            assert_eq!(made(&database, "smtp.gmail.com").len(), expected, "{what}");
        }
        let mut without_client = healthy(Series::V18);
        without_client.client_secret = None;
        let links = made(&without_client, "smtp.gmail.com");
        assert!(links.iter().all(|it| matches!(it.link.grant, Grant::Unreadable(_))));
    }

    #[test]
    fn a_row_says_where_its_server_is_unless_google_is_elsewhere() {
        let database = healthy(Series::V18);
        let servers = |links: &[Watched]| {
            let smtp = &links[0].link.smtp;
            (smtp.host.clone(), smtp.port, smtp.security)
        };
        let of_row = ("smtp.gmail.com".to_owned(), 587, Security::Starttls);
        assert_eq!(servers(&made(&database, "smtp.gmail.com")), of_row);
        let elsewhere = ("proxy.example".to_owned(), 2587, Security::Tls);
        assert_eq!(servers(&made(&database, "proxy.example")), elsewhere);
    }

    #[test]
    fn a_link_that_is_as_it_was_is_the_very_same() {
        let mut database = healthy(Series::V18);
        let before = made(&database, "smtp.gmail.com");
        assert_eq!(ids(&before), ["odoo/erp/outgoing/1", "odoo/erp/incoming/1"]);
        database.outgoing[0].token = Some(Secret::new("1//another"));
        database.outgoing[0].sequence = 99;
        let after = made_after(&database, "smtp.gmail.com", &before);
        assert_ne!(before[0].link, after[0].link);
        assert!(Arc::ptr_eq(&before[1].link, &after[1].link));
    }
}
