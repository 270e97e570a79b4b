//! OAuth clients: the keys under `clients`, and the clients of one file with their watched secrets.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{
    held::Held,
    reference::{Reference, Unreadable},
    secret::{Kind, looks_like},
    server,
};
use crate::{
    domain::{
        link::{Client, PublishingStatus},
        secret::Secret,
    },
    yaml::{At, Reading},
};

/// The keys of one client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub client_id: At<String>,
    pub client_secret: Reference,
    /// `testing`, `production` or `internal`, as the project's consent screen has it.
    pub publishing_status: Option<At<String>>,
    /// What the application registered.
    pub redirect_uris: Option<Vec<At<String>>>,
}

/// The clients of one file, by name.
#[derive(Debug, Default)]
pub struct Clients(BTreeMap<Arc<str>, Watched>);

impl Clients {
    pub(crate) fn read(
        configs: BTreeMap<String, Config>,
        unreadable: Unreadable,
        reading: &mut Reading,
    ) -> Self {
        let read = |(name, config): (String, Config)| {
            let name: Arc<str> = name.into();
            (name.clone(), Watched::read(name, config, unreadable, reading))
        };
        Self(configs.into_iter().map(read).collect())
    }

    /// Takes over the secrets that can no longer be read since the file was read before.
    pub(super) fn succeed(&mut self, mut before: Self) {
        for (name, client) in &mut self.0 {
            if let Some(before) = before.0.remove(name) {
                client.secret.succeed(before.secret);
            }
        }
    }

    /// Looks whether a secret changed.
    pub(super) fn poll(&mut self) {
        self.0.values_mut().for_each(Watched::poll);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Watched> {
        self.0.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Watched> {
        self.0.values()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }

    pub(super) fn troubles(&self) -> impl Iterator<Item = String> {
        self.0.values().filter_map(|client| client.secret.trouble())
    }
}

/// A client and its secret. A client whose secret was never read has an empty one, and no link signs in by it.
#[derive(Debug)]
pub(crate) struct Watched {
    client: Arc<Client>,
    secret: Held,
}

impl Watched {
    fn read(name: Arc<str>, config: Config, unreadable: Unreadable, reading: &mut Reading) -> Self {
        if name.is_empty() || name.chars().any(char::is_control) {
            reading.wrong(&config.client_id, "the name of this client is empty or not printable");
        }
        let id = reading.understand(&config.client_id, client_id).unwrap_or_default();
        let status = config.publishing_status;
        let publishing_status =
            status.and_then(|at| reading.choose(&at, "publishing status", &PUBLISHING_STATUSES));
        let uris = config.redirect_uris.unwrap_or_default();
        let redirect_uris =
            uris.iter().filter_map(|at| reading.understand(at, server::url)).collect();
        let secret = config.client_secret.open(Kind::ClientSecret, unreadable, reading);
        let value = secret.value().cloned().unwrap_or_else(|_| Secret::new(""));
        let client = Client { name, id, secret: value, publishing_status, redirect_uris };
        Self { client: Arc::new(client), secret }
    }

    fn poll(&mut self) {
        self.secret.poll();
        if let Ok(secret) = self.secret.value()
            && *secret != self.client.secret
        {
            self.client =
                Arc::new(Client { secret: secret.clone(), ..Client::clone(&self.client) });
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn secret(&self) -> &Held {
        &self.secret
    }
}

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
