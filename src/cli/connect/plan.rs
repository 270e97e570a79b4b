//! What is to be linked, by which client, and where its token goes: found out before anybody is asked for a consent.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};

use super::{
    keep::{Over, Place},
    lines::Entry,
    redirect::{self, Redirect},
};
use crate::{
    app,
    check::Watched,
    cli::ConnectArgs,
    config::{self, Loaded},
    domain::{
        identity::same,
        link::{Account, Address, Client, Direction, Grant, Link, LinkId},
    },
    source::{Ids, Source, client, mailbox::Mailbox, secret::Origin},
    wire::Wire,
};

/// All that is decided beforehand.
#[derive(Debug)]
pub(super) struct Plan {
    /// The link as it will be, but for its grant.
    pub(super) watched: Watched,
    pub(super) redirect: Redirect,
    pub(super) after: After,
    pub(super) wire: Wire,
    /// All links of files, some of which a revocation would hit.
    pub(super) all: Vec<Watched>,
}

/// What is left to be done with the token.
#[derive(Debug)]
pub(super) enum After {
    /// These lines go into the configuration.
    Add(Entry),
    /// Nothing: the link has it.
    Nothing,
}

impl Plan {
    /// # Errors
    /// What is wrong, and what would be right.
    pub(super) fn make(file: &Path, args: &ConnectArgs) -> anyhow::Result<(Self, Place)> {
        let mut loaded = config::load_to_link(file)?;
        let wire = app::wire(&loaded)?;
        let all = loaded.sources.read_now().watched;
        let (watched, path, over, after) = match (&args.reconnect, &args.address) {
            (Some(id), _) => {
                let (watched, path) = again(&loaded, id)?;
                (watched, path, Over::It, After::Nothing)
            }
            (None, Some(address)) => new(file, args, &loaded, &all, address)?,
            (None, None) => bail!("say whose mailbox is to be linked: --address sales@example.com"),
        };
        let client = &watched.link.client;
        ensure!(
            !client.secret.expose().is_empty(),
            "the secret of the client {} cannot be read; `check-config` says why",
            client.name
        );
        let redirect = redirect::choose(client, args.port, args.paste)?;
        let place = Place::reserve(&path, over)?;
        Ok((Self { watched, redirect, after, wire, all }, place))
    }
}

/// The link of this id, and its token's file.
fn again(loaded: &Loaded, id: &str) -> anyhow::Result<(Watched, PathBuf)> {
    let mailbox = loaded.sources.iter().find_map(|source| {
        mailboxes(source).into_iter().find(|mailbox| mailbox.watched().link.id.as_str() == id)
    });
    let Some(mailbox) = mailbox else {
        let of_odoo = loaded.sources.iter().find_map(|source| match source {
            Source::Odoo(odoo) if id.starts_with(&format!("odoo/{}/", odoo.name())) => Some(odoo),
            _ => None,
        });
        match of_odoo {
            Some(odoo) => bail!(
                "{id} is a link of the Odoo {}, which keeps its token itself: link it again there, on the form of the mail server (the page of the link and `check {id}` lead to it)",
                odoo.name()
            ),
            None => bail!(
                "there is no link {id:?} in the configuration's files; for a new one say --client and --address"
            ),
        }
    };
    match mailbox.token().map(|token| token.origin()) {
        Some(Origin::File(path)) => Ok((mailbox.watched().clone(), path.clone())),
        Some(Origin::Env(name)) => bail!(
            "the token of {id} is in the environment variable {name}, which no program can change for another; make a new one with --client, --address and --output, and put it where the variable is set"
        ),
        None => bail!(
            "a service account acts for {id}, so there is no consent to renew; `check {id}` says what is wrong with it"
        ),
    }
}

fn mailboxes(source: &Source) -> Vec<&Mailbox> {
    match source {
        Source::Directory(directory) => directory.mailboxes().collect(),
        Source::File(file) => file.mailboxes().iter().collect(),
        Source::Odoo(_) => Vec::new(),
    }
}

fn new(
    file: &Path,
    args: &ConnectArgs,
    loaded: &Loaded,
    all: &[Watched],
    address: &Address,
) -> anyhow::Result<(Watched, PathBuf, Over, After)> {
    let client = the_client(loaded, args.client.as_deref())?.clone();
    let has_it = all.iter().find(|known| {
        let link = &known.link;
        same(&link.mailbox, address) && link.client.name == client.name
    });
    if let Some(known) = has_it {
        let id = &known.link.id;
        bail!(
            "{id} is a link of {address} by the client {} already; to give it a new token, say --reconnect {id}",
            client.name
        );
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    // An address may hold a slash.
    let name = format!("{}.token", address.as_str().replace('/', "_"));
    let path = args.output.clone().unwrap_or_else(|| folder.join(name));
    let over = if args.force { Over::It } else { Over::Nothing };
    let defaults = loaded.sources.defaults();
    let id = free_id(address, &client, defaults.ids, all)?;
    let entry = Entry {
        id: (id.as_str() != address.as_str()).then(|| id.clone()),
        mailbox: address.clone(),
        client: client.name.clone(),
        // Relative, it would start at the folder of whichever file it is put into.
        token: std::path::absolute(&path)?,
    };
    let link = Link {
        id,
        mailbox: address.clone(),
        source: "connect".into(),
        direction: Direction::Both,
        account: Account::Unknown,
        client,
        grant: Grant::Unreadable("nobody has agreed yet".to_owned()),
        linked_at: None,
        google: defaults.google.clone(),
        smtp: defaults.smtp.clone(),
        imap: defaults.imap.clone(),
    };
    let watched = Watched { link: Arc::new(link), settings: defaults.settings.clone() };
    Ok((watched, path, over, After::Add(entry)))
}

fn the_client<'a>(loaded: &'a Loaded, name: Option<&str>) -> anyhow::Result<&'a Arc<Client>> {
    let oauth = || loaded.sources.clients().iter().filter(|client| !client.is_service_account());
    let names: Vec<_> = oauth().map(|client| &*client.client().name).collect();
    let names = names.join(", ");
    let mut all = oauth();
    let found = match (name, all.next(), all.next()) {
        (Some(name), ..) => {
            let found = loaded.sources.clients().get(name);
            let found = found.with_context(|| {
                format!("there is no client {name:?} in the configuration; there are: {names}")
            })?;
            ensure!(
                !found.is_service_account(),
                "{name} is a service account, which needs no consent: a mailbox with `client: {name}` and no refresh_token is all"
            );
            found
        }
        (None, Some(only), None) => only,
        (None, None, _) => {
            bail!("there is no OAuth client in the configuration; describe one under clients:")
        }
        (None, Some(_), Some(_)) => bail!("by which client? Say --client with one of: {names}"),
    };
    Ok(client::Watched::client(found))
}

/// The address itself where it may be and nobody has it.
fn free_id(
    address: &Address,
    client: &Client,
    ids: Ids,
    all: &[Watched],
) -> anyhow::Result<LinkId> {
    let wanted = match ids {
        Ids::Free => address.as_str().to_owned(),
        Ids::WithoutAddress => format!("{}-1", client.name),
    };
    let of_client = (2..).map(|number| match ids {
        Ids::Free if number == 2 => format!("{address}/{}", client.name),
        Ids::Free => format!("{address}/{}-{number}", client.name),
        Ids::WithoutAddress => format!("{}-{number}", client.name),
    });
    let is_free = |id: &String| all.iter().all(|known| known.link.id.as_str() != id);
    let id = std::iter::once(wanted).chain(of_client).find(is_free).unwrap_or_default();
    // A client's name may hold spaces.
    LinkId::parse(&id.replace(char::is_whitespace, "_")).map_err(anyhow::Error::msg)
}
