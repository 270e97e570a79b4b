//! One mailbox of a file: its keys, and the link that they make.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    Defaults, Ids,
    client::{self, Clients},
    held::Held,
    reference::{Reference, Unreadable},
    secret::Kind,
    server::{ImapConfig, SmtpConfig},
};
use crate::{
    check::{self, Settings},
    domain::{
        clock::Timestamp,
        link::{Account, Address, Direction, ImapServer, Link, LinkId, SmtpServer},
    },
    yaml::{At, Place, Reading, given, missing, nearest},
};

/// The keys of one mailbox.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The link's name; the address, if not given.
    pub id: Option<At<String>>,
    pub address: At<String>,
    /// May be left out where there is one client only.
    pub client: Option<At<String>>,
    /// Has to be there for an OAuth client, and must not for a service account.
    #[serde(default, deserialize_with = "given")]
    pub refresh_token: Option<Reference>,
    /// When the consent was given: a date, or a time as RFC 3339 has them.
    pub linked_at: Option<At<String>>,
    /// `workspace`, `workspace_trial`, `personal`, or `unknown`; sets the limits.
    pub account: Option<At<String>>,
    /// `both`, `incoming` or `outgoing`.
    pub direction: Option<At<String>>,
    pub smtp: Option<SmtpConfig>,
    pub imap: Option<ImapConfig>,
    pub checks: Option<check::Config>,
}

/// A mailbox's link, and all that is needed to see it change.
#[derive(Debug)]
pub struct Mailbox {
    place: Place,
    /// None where a service account acts for the mailbox.
    token: Option<Held>,
    watched: check::Watched,
}

impl Mailbox {
    /// None where its keys are wrong.
    pub(super) fn read(
        at: &At<Config>,
        scope: &mut Scope<'_>,
        unreadable: Unreadable,
        reading: &mut Reading,
    ) -> Option<Self> {
        let config = &at.value;
        let place = reading.place(config.id.as_ref().unwrap_or(&config.address));
        let mailbox = reading.understand(&config.address, Address::parse);
        let id = mailbox.as_ref().and_then(|mailbox| {
            let at = config.id.as_ref().unwrap_or(&config.address);
            reading.understand(at, |written| id(written, mailbox, scope.defaults.ids))
        });
        let direction = match &config.direction {
            Some(at) => reading.choose(at, "direction", &DIRECTIONS),
            None => Some(Direction::Both),
        };
        let account = match &config.account {
            Some(at) => reading.choose(at, "account", &ACCOUNTS),
            None => Some(Account::Unknown),
        };
        let linked_at = match &config.linked_at {
            Some(at) => Some(reading.understand(at, Timestamp::parse)),
            None => None,
        };
        let client = scope.client(config, reading);
        let smtp = config.smtp.as_ref().map(|keys| keys.over(&scope.defaults.smtp, reading));
        let imap = config.imap.as_ref().map(|keys| keys.over(&scope.defaults.imap, reading));
        let consent = config.checks.as_ref().and_then(|checks| checks.consent.as_ref());
        if let Some(at) = consent {
            reading.wrong(at, check::consent::NOT_OF_A_MAILBOX);
        }
        let settings = config
            .checks
            .clone()
            .map(|checks| checks.over(&scope.defaults.checks).settle(scope.defaults.time_zone));
        let token = config.refresh_token.as_ref();
        let token = match (client.map(client::Watched::is_service_account), token) {
            (Some(true), Some(token)) => {
                reading.wrong(token.at(), NEEDLESS_TOKEN);
                return None;
            }
            (Some(false), None) => {
                reading.wrong(at, missing("refresh_token"));
                return None;
            }
            (_, Some(token)) => Some(token.open(Kind::RefreshToken, unreadable, reading)),
            (_, None) => None,
        };
        let link = Link {
            id: id?,
            mailbox: mailbox?,
            source: scope.source.clone(),
            direction: direction?,
            account: account?,
            grant: client?.grant(token.as_ref()),
            linked_at: match linked_at {
                Some(written) => Some(written?),
                None => None,
            },
            client: client?.client().clone(),
            google: scope.defaults.google.clone(),
            smtp: scope.smtp.share(smtp),
            imap: scope.imap.share(imap),
        };
        let watched =
            check::Watched { link: Arc::new(link), settings: scope.settings.share(settings) };
        Some(Self { place, token, watched })
    }

    /// Takes over what was known of the mailbox before its file was read again, so far as it is the same.
    pub(super) fn succeed(&mut self, before: Self) {
        if let (Some(token), Some(before)) = (&mut self.token, before.token) {
            token.succeed(before);
        }
        if before.watched == self.watched {
            self.watched = before.watched;
        }
    }

    /// Makes a new link if one of its secrets changed.
    pub(super) fn poll(&mut self, own: &Clients, shared: &Clients) {
        if let Some(token) = &mut self.token {
            token.poll();
        }
        let link = &self.watched.link;
        let client = own.get(&link.client.name).or_else(|| shared.get(&link.client.name));
        let client = client.expect("a mailbox was read with its client, and clients stay");
        let grant = client.grant(self.token.as_ref());
        if grant != link.grant || !Arc::ptr_eq(client.client(), &link.client) {
            let client = client.client().clone();
            self.watched.link = Arc::new(Link { client, grant, ..Link::clone(link) });
        }
    }

    /// Where it stands in its file.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn token(&self) -> Option<&Held> {
        self.token.as_ref()
    }

    /// The link, and where it stands.
    pub(super) fn claim(&self) -> (&check::Watched, Option<&Place>) {
        (&self.watched, Some(&self.place))
    }

    pub(crate) fn watched(&self) -> &check::Watched {
        &self.watched
    }
}

/// The id as `written`, which may be the address for want of one.
fn id(written: &str, mailbox: &Address, ids: Ids) -> Result<LinkId, String> {
    let is_address = written.eq_ignore_ascii_case(mailbox.as_str());
    let tells = written.to_ascii_lowercase().contains(mailbox.as_str());
    match LinkId::parse(if is_address { mailbox.as_str() } else { written }) {
        Ok(_) if tells && ids == Ids::WithoutAddress => Err(TELLING_ID.to_owned()),
        Err(_) if is_address => Err(LONG_ADDRESS.to_owned()),
        parsed => parsed,
    }
}

/// What the mailboxes of one file have in common.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    source: &'a Arc<str>,
    defaults: &'a Defaults,
    /// The clients of the same file, which come before those of the main file.
    own: &'a Clients,
    shared: &'a Clients,
    smtp: Pool<SmtpServer>,
    imap: Pool<ImapServer>,
    settings: Pool<Settings>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        source: &'a Arc<str>,
        defaults: &'a Defaults,
        own: &'a Clients,
        shared: &'a Clients,
    ) -> Self {
        let smtp = Pool(vec![defaults.smtp.clone()]);
        let imap = Pool(vec![defaults.imap.clone()]);
        let settings = Pool(vec![defaults.settings.clone()]);
        Self { source, defaults, own, shared, smtp, imap, settings }
    }

    fn client(&self, config: &Config, reading: &mut Reading) -> Option<&'a client::Watched> {
        let (own, shared) = (self.own, self.shared);
        let names = || own.names().chain(shared.names());
        let list = || names().collect::<Vec<_>>().join(", ");
        let named = config.client.as_ref().map(|at| at.value.as_str());
        if own.is_faulty(named) || shared.is_faulty(named) {
            return None;
        }
        if let Some(at) = &config.client {
            return reading.understand(at, |name| {
                own.get(name).or_else(|| shared.get(name)).ok_or_else(|| {
                    match (nearest(name, names()), names().next()) {
                        (Some(near), _) => {
                            format!("there is no client {name:?}; is {near:?} meant?")
                        }
                        (None, Some(_)) => {
                            format!("there is no client {name:?}; there are {}", list())
                        }
                        (None, None) => format!("there is no client {name:?}; {NO_CLIENT}"),
                    }
                })
            });
        }
        let nearer = if own.names().next().is_some() { own } else { shared };
        let mut clients = nearer.iter();
        match (clients.next(), clients.next()) {
            (Some(only), None) => return Some(only),
            (Some(_), Some(_)) => reading.wrong(
                &config.address,
                format!(
                    "which client is this mailbox linked by? Add client: with one of {}",
                    list()
                ),
            ),
            (None, _) => reading.wrong(&config.address, format!("there is no client; {NO_CLIENT}")),
        }
        None
    }
}

/// Values that many links have in common, so that they are kept once.
#[derive(Debug)]
struct Pool<T>(Vec<Arc<T>>);

impl<T: PartialEq> Pool<T> {
    /// The default, which is the first, if there is no value.
    fn share(&mut self, value: Option<T>) -> Arc<T> {
        let Some(value) = value else { return self.0[0].clone() };
        if let Some(known) = self.0.iter().rev().take(LOOK_BACK).find(|known| ***known == value) {
            return known.clone();
        }
        let new = Arc::new(value);
        self.0.push(new.clone());
        new
    }
}

/// Equal values mostly stand near each other; looking at all would take for ever where none are equal.
const LOOK_BACK: usize = 64;

const LONG_ADDRESS: &str =
    "this address is too long to name the link; add id: with a name of up to 200 characters";

const TELLING_ID: &str = "the link's id is a label and would tell the address, which privacy: hides; add id: with a name that does not hold it";

const NEEDLESS_TOKEN: &str = "the client of this mailbox is a service account, which acts for it without a refresh token; leave this out, or name an OAuth client";

const NO_CLIENT: &str = "describe it under clients, with client_id and client_secret";

/// As the file writes them.
const DIRECTIONS: [(&str, Direction); 3] = [
    ("both", Direction::Both),
    ("incoming", Direction::Incoming),
    ("outgoing", Direction::Outgoing),
];

/// As the file writes them.
pub(super) const ACCOUNTS: [(&str, Account); 4] = [
    ("workspace", Account::Workspace),
    ("workspace_trial", Account::WorkspaceTrial),
    ("personal", Account::Personal),
    ("unknown", Account::Unknown),
];
