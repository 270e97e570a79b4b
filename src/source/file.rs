//! The mailboxes of one file, with the secrets they name watched. The file itself is read by who makes this.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Defaults,
    client::{self, Clients},
    mailbox::{self, Mailbox, Scope},
    reference::Unreadable,
};
use crate::yaml::{At, Reading};

/// One file's mailboxes.
#[derive(Debug)]
pub struct Source {
    name: Arc<str>,
    /// Those that the file brings along; none in the main file, whose clients are everybody's.
    clients: Clients,
    mailboxes: Vec<Mailbox>,
}

impl Source {
    /// The main file's.
    pub(crate) fn main(
        mailboxes: &[At<mailbox::Config>],
        shared: &Clients,
        defaults: &Defaults,
        unreadable: Unreadable,
        reading: &mut Reading,
    ) -> Self {
        let clients = Clients::default();
        let name = MAIN.into();
        let scope = Scope::new(&name, defaults, &clients, shared);
        let mailboxes = read(mailboxes, scope, unreadable, reading);
        Self { name, clients, mailboxes }
    }

    /// Those of a file in a directory, where a secret that cannot be read is a fault of its link only.
    pub(super) fn of_directory(
        name: Arc<str>,
        clients: BTreeMap<String, At<client::Config>>,
        mailboxes: &[At<mailbox::Config>],
        shared: &Clients,
        defaults: &Defaults,
        reading: &mut Reading,
    ) -> Self {
        let clients = Clients::read(clients, Unreadable::Tolerated, reading);
        let scope = Scope::new(&name, defaults, &clients, shared);
        let mailboxes = read(mailboxes, scope, Unreadable::Tolerated, reading);
        Self { name, clients, mailboxes }
    }

    /// Takes over what was known of the same mailboxes before the file was read again.
    pub(super) fn succeed(&mut self, before: Self) {
        self.clients.succeed(before.clients);
        let known = |mailbox: Mailbox| (mailbox.watched().link.id.clone(), mailbox);
        let mut before: HashMap<_, _> = before.mailboxes.into_iter().map(known).collect();
        for mailbox in &mut self.mailboxes {
            if let Some(before) = before.remove(&mailbox.watched().link.id) {
                mailbox.succeed(before);
            }
        }
    }

    /// Looks whether a secret changed, and makes new links where one did.
    pub(super) fn poll(&mut self, shared: &Clients) {
        self.clients.poll();
        for mailbox in &mut self.mailboxes {
            mailbox.poll(&self.clients, shared);
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn mailboxes(&self) -> &[Mailbox] {
        &self.mailboxes
    }

    /// What cannot be read at the moment.
    pub(super) fn troubles(&self) -> impl Iterator<Item = String> {
        let tokens = self.mailboxes.iter().filter_map(|mailbox| mailbox.token()?.trouble());
        self.clients.troubles().chain(tokens)
    }
}

/// The name of the main file as a source.
pub(crate) const MAIN: &str = "file";

fn read(
    configs: &[At<mailbox::Config>],
    mut scope: Scope<'_>,
    unreadable: Unreadable,
    reading: &mut Reading,
) -> Vec<Mailbox> {
    let (mut ids, mut grants) = (HashMap::new(), HashMap::new());
    let mut mailboxes = Vec::with_capacity(configs.len());
    for config in configs {
        let Some(mailbox) = Mailbox::read(config, &mut scope, unreadable, reading) else {
            continue;
        };
        let link = &mailbox.watched().link;
        let config = &config.value;
        let named = config.id.as_ref().unwrap_or(&config.address);
        let grant = (link.mailbox.clone(), link.direction.name(), link.client.name.clone());
        if let Some(first) = ids.insert(link.id.clone(), mailbox.place().clone()) {
            let again = format!("{} is the id of the link at {first}, too", link.id);
            let mend = match config.id {
                Some(_) => "give them different ids",
                None => "the address is the id where none is given, so add id: to one of them",
            };
            reading.wrong(named, format!("{again}; {mend}"));
        } else if let Some(first) = grants.insert(grant, mailbox.place().clone()) {
            let what = "the same mailbox, direction and client stand at";
            reading
                .wrong(named, format!("{what} {first}; keep one of them, or mend one's direction"));
        }
        mailboxes.push(mailbox);
    }
    mailboxes
}
