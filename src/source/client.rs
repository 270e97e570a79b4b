//! OAuth clients and service accounts: the keys under `clients`, and the clients of one file with their watched secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Deserialize;

use super::{
    held::Held,
    reference::{Reference, Unreadable},
    secret::{self, looks_like},
    server,
};
use crate::{
    domain::{
        link::{Client, Grant, PublishingStatus},
        secret::Secret,
        service_account::ServiceAccount,
    },
    yaml::{At, Reading, given, missing},
};

/// The keys of one client: of an OAuth client, with its id and secret, or of a service account, with its key file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default, deserialize_with = "given")]
    pub client_id: Option<At<String>>,
    #[serde(default, deserialize_with = "given")]
    pub client_secret: Option<Reference>,
    #[serde(default, deserialize_with = "given")]
    pub service_account: Option<Reference>,
    /// `testing`, `production` or `internal`, as the project's consent screen has it.
    pub publishing_status: Option<At<String>>,
    /// What the application registered.
    pub redirect_uris: Option<Vec<At<String>>>,
}

/// The clients of one file, by name.
#[derive(Debug, Default)]
pub struct Clients {
    known: BTreeMap<Arc<str>, Watched>,
    /// Those that are wrong beyond use, which was said already.
    faulty: BTreeSet<Arc<str>>,
}

impl Clients {
    pub(crate) fn read(
        configs: BTreeMap<String, At<Config>>,
        unreadable: Unreadable,
        reading: &mut Reading,
    ) -> Self {
        let mut clients = Self::default();
        for (name, config) in configs {
            let name: Arc<str> = name.into();
            match Watched::read(name.clone(), &config, unreadable, reading) {
                Some(client) => {
                    clients.known.insert(name, client);
                }
                None => {
                    clients.faulty.insert(name);
                }
            }
        }
        clients
    }

    /// Whether the client of this name, or any where none is named, is wrong beyond use.
    pub(super) fn is_faulty(&self, name: Option<&str>) -> bool {
        name.map_or(!self.faulty.is_empty(), |name| self.faulty.contains(name))
    }

    /// Takes over the secrets that can no longer be read since the file was read before.
    pub(super) fn succeed(&mut self, mut before: Self) {
        for (name, client) in &mut self.known {
            if let Some(before) = before.known.remove(name) {
                client.secret.succeed(before.secret);
            }
        }
    }

    /// Looks whether a secret changed.
    pub(super) fn poll(&mut self) {
        self.known.values_mut().for_each(Watched::poll);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Watched> {
        self.known.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Watched> {
        self.known.values()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(AsRef::as_ref)
    }

    pub(super) fn troubles(&self) -> impl Iterator<Item = String> {
        self.known.values().filter_map(|client| client.secret.trouble())
    }
}

/// A client and its secret. A client whose secret was never read has an empty one, and no link signs in by it.
#[derive(Debug)]
pub(crate) struct Watched {
    client: Arc<Client>,
    kind: Kind,
    secret: Held,
}

/// What the secret is.
#[derive(Debug)]
enum Kind {
    Oauth,
    /// None while its key file was never read.
    ServiceAccount(Option<Arc<ServiceAccount>>),
}

impl Watched {
    /// None where the keys are of no kind of client, or of both.
    fn read(
        name: Arc<str>,
        at: &At<Config>,
        unreadable: Unreadable,
        reading: &mut Reading,
    ) -> Option<Self> {
        if name.is_empty() || name.chars().any(char::is_control) {
            reading.wrong(at, "the name of this client is empty or not printable");
        }
        let config = &at.value;
        let status = config.publishing_status.as_ref();
        let publishing_status =
            status.and_then(|at| reading.choose(at, "publishing status", &PUBLISHING_STATUSES));
        let uris = config.redirect_uris.as_deref().unwrap_or_default();
        let redirect_uris =
            uris.iter().filter_map(|at| reading.understand(at, server::url)).collect();
        let (id, kind, secret) = match &config.service_account {
            Some(key) => {
                only_a_service_account(config, reading)?;
                let key = key.open(secret::Kind::ServiceAccount, unreadable, reading);
                (String::new(), Kind::ServiceAccount(None), key)
            }
            None => {
                let (id, secret) = oauth(at, reading)?;
                let id = reading.understand(id, client_id).unwrap_or_default();
                (id, Kind::Oauth, secret.open(secret::Kind::ClientSecret, unreadable, reading))
            }
        };
        let client = Client { name, id, secret: Secret::new(""), publishing_status, redirect_uris };
        let mut watched = Self { client: Arc::new(client), kind, secret };
        watched.take_over();
        Some(watched)
    }

    fn poll(&mut self) {
        self.secret.poll();
        self.take_over();
    }

    /// Makes a new client if the secret changed.
    fn take_over(&mut self) {
        let Ok(value) = self.secret.value() else { return };
        let client = &self.client;
        match &mut self.kind {
            Kind::Oauth if *value != client.secret => {
                self.client = Arc::new(Client { secret: value.clone(), ..Client::clone(client) });
            }
            Kind::Oauth => {}
            Kind::ServiceAccount(known) => {
                let account = ServiceAccount::parse(value.expose());
                let account = account.expect("a key file is read where it can be understood");
                if known.as_deref() != Some(&account) {
                    let id = account.client_id().to_owned();
                    self.client = Arc::new(Client { id, ..Client::clone(client) });
                    *known = Some(Arc::new(account));
                }
            }
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn secret(&self) -> &Held {
        &self.secret
    }

    /// How a mailbox of this client, with this refresh token if it has one, gets its access tokens.
    pub(super) fn grant(&self, refresh_token: Option<&Held>) -> Grant {
        let unreadable = |why: &str| Grant::Unreadable(why.to_owned());
        let (token, account) = match (self.secret.value(), &self.kind, refresh_token) {
            (Err(why), ..) => return unreadable(why),
            (_, Kind::Oauth, token) => (token, None),
            (_, Kind::ServiceAccount(account), _) => (None, account.as_ref()),
        };
        match (account, token.map(Held::value)) {
            (Some(account), _) => Grant::ServiceAccount(account.clone()),
            (None, Some(Ok(token))) => Grant::RefreshToken(token.clone()),
            (None, Some(Err(why))) => unreadable(why),
            (None, None) => unreadable("there is no refresh token"),
        }
    }

    pub(crate) fn is_service_account(&self) -> bool {
        matches!(self.kind, Kind::ServiceAccount(_))
    }
}

/// The two keys that an OAuth client needs.
fn oauth<'a>(at: &'a At<Config>, reading: &mut Reading) -> Option<(&'a At<String>, &'a Reference)> {
    match (&at.value.client_id, &at.value.client_secret) {
        (Some(id), Some(secret)) => return Some((id, secret)),
        (Some(_), None) => reading.wrong(at, missing("client_secret")),
        (None, Some(_)) => reading.wrong(at, missing("client_id")),
        (None, None) => reading.wrong(at, NEITHER),
    }
    None
}

fn only_a_service_account(config: &Config, reading: &mut Reading) -> Option<()> {
    let id = config.client_id.as_ref();
    let both = id.or(config.client_secret.as_ref().map(Reference::at));
    let uri = config.redirect_uris.as_deref().and_then(<[_]>::first);
    let page = config.publishing_status.as_ref().or(uri);
    match (both, page) {
        (Some(at), _) => reading.wrong(at, BOTH),
        (None, Some(at)) => reading.wrong(at, NO_PAGE),
        (None, None) => return Some(()),
    }
    None
}

const BOTH: &str = "a client is an OAuth client (client_id and client_secret) or a service account (service_account), and this one is both; make it two";

const NEITHER: &str = "this client has neither client_id and client_secret, as an OAuth client has, nor service_account, the key file of a service account; add the one or the other, as examples/full.yaml does";

const NO_PAGE: &str = "a service account has no consent page, hence neither publishing_status nor redirect_uris; leave this out";

/// As the file writes them.
pub(crate) const PUBLISHING_STATUSES: [(&str, PublishingStatus); 3] = [
    ("testing", PublishingStatus::Testing),
    ("production", PublishingStatus::Production),
    ("internal", PublishingStatus::Internal),
];

fn client_id(written: &str) -> Result<String, String> {
    if let Some((_, name)) = looks_like(written) {
        return Err(format!(
            "this looks like {name}, which never stands in this file; a client's id ends in .apps.googleusercontent.com"
        ));
    }
    if written.is_empty() || written.contains(|c: char| !c.is_ascii_graphic()) {
        return Err(format!(
            "{written:?} is no client's id; those end in .apps.googleusercontent.com"
        ));
    }
    Ok(written.to_owned())
}
