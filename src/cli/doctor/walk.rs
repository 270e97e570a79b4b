//! What the doctor walks along: the configuration as understood, the links it chose, and their clients.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use crate::{
    check::Watched,
    cli::{DoctorArgs, check::choose, progress::ProgressBar},
    config::Loaded,
    domain::{
        link::{Client, Grant, Link},
        service_account::ServiceAccount,
    },
    source::Links,
    wire::Wire,
};

/// All that is looked at.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) file: PathBuf,
    pub(super) loaded: Loaded,
    pub(super) wire: Wire,
    pub(super) links: Links,
    /// The links that were asked about.
    pub(super) chosen: Vec<Watched>,
    /// Their clients, or all.
    pub(super) clients: BTreeMap<Key, Known>,
    pub(super) stop: CancellationToken,
    pub(super) bar: ProgressBar,
}

/// What a client is told apart by: two files may each have one of the same name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    name: Arc<str>,
    id: String,
}

impl Key {
    pub(super) fn of(client: &Client) -> Self {
        Self { name: client.name.clone(), id: client.id.clone() }
    }
}

/// A client, and who uses it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) client: Arc<Client>,
    /// Of all links, not only of those that were asked about.
    pub(super) used_by: usize,
    pub(super) account: Option<Arc<ServiceAccount>>,
    pub(super) is_service_account: bool,
}

impl Walk {
    /// # Errors
    /// What there is, where a link or a client is named that is not.
    pub(super) fn new(
        file: &Path,
        args: &DoctorArgs,
        (loaded, wire, links): (Loaded, Wire, Links),
        stop: CancellationToken,
        bar: ProgressBar,
    ) -> anyhow::Result<Self> {
        let mut clients = BTreeMap::new();
        for configured in loaded.sources.clients().iter() {
            let client = configured.client().clone();
            let is_service_account = configured.is_service_account();
            let known = Known { client, used_by: 0, account: None, is_service_account };
            clients.insert(Key::of(&known.client), known);
        }
        for watched in &links.watched {
            let link = &watched.link;
            let known = clients.entry(Key::of(&link.client)).or_insert_with(|| Known {
                client: link.client.clone(),
                used_by: 0,
                account: None,
                is_service_account: matches!(link.grant, Grant::ServiceAccount(_)),
            });
            known.used_by += 1;
            if let Grant::ServiceAccount(account) = &link.grant {
                known.account = Some(account.clone());
            }
        }
        for name in &args.clients {
            anyhow::ensure!(
                clients.keys().any(|key| *key.name == **name),
                "there is no client {name:?}; there are: {}",
                clients.keys().map(|key| &*key.name).collect::<Vec<_>>().join(", ")
            );
        }
        let named = |link: &Link| {
            args.clients.is_empty() || args.clients.iter().any(|name| **name == *link.client.name)
        };
        let mut chosen = choose(&links.watched, &args.links)?;
        chosen.retain(|watched| named(&watched.link));
        if !args.links.is_empty() || !args.clients.is_empty() {
            let used = |key: &Key| chosen.iter().any(|it| Key::of(&it.link.client) == *key);
            let asked = |key: &Key| args.clients.iter().any(|name| *key.name == **name);
            clients.retain(|key, _| used(key) || (args.links.is_empty() && asked(key)));
        }
        Ok(Self { file: file.to_owned(), loaded, wire, links, chosen, clients, stop, bar })
    }

    /// What a link's client is called in a line.
    pub(super) fn client(link: &Link) -> String {
        format!("client {}", link.client.name)
    }
}
