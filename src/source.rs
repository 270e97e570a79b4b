//! Where links come from: the main file and directories, each watched, all of them together the latest set.
//!
//! Invariant: a broken link or an unreadable source never stops the others.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono_tz::Tz;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{self, Settings, Watched},
    domain::link::{Google, ImapServer, SmtpServer},
};

pub mod client;
pub mod directory;
pub mod file;
mod held;
pub mod mailbox;
pub mod odoo;
mod reference;
pub(crate) mod secret;
pub mod server;
mod shard;
mod stamp;

pub use reference::Reference;
pub(crate) use reference::Unreadable;
pub use shard::Shard;

use client::Clients;
use mailbox::Mailbox;

/// The latest set of links, of all sources together.
#[derive(Clone, Debug, Default)]
pub struct Links {
    pub watched: Vec<Watched>,
    /// What is wrong with each source at the moment, one thing a line.
    pub sources: BTreeMap<Arc<str>, Result<(), String>>,
}

/// Ten thousand links are compared every time, so those that are the very same are not looked into.
impl PartialEq for Links {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Watched, two: &Watched| {
            (Arc::ptr_eq(&one.link, &two.link) && Arc::ptr_eq(&one.settings, &two.settings))
                || one == two
        };
        self.sources == other.sources
            && self.watched.len() == other.watched.len()
            && self.watched.iter().zip(&other.watched).all(|(one, two)| same(one, two))
    }
}

/// Where some of the links come from.
#[derive(Debug)]
pub enum Source {
    Directory(directory::Source),
    File(file::Source),
}

impl Source {
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Directory(source) => source.name(),
            Self::File(source) => source.name(),
        }
    }

    /// Looks for what changed.
    fn poll(&mut self, clients: &Clients, defaults: &Defaults) {
        match self {
            Self::Directory(source) => source.poll(clients, defaults),
            Self::File(source) => source.poll(clients),
        }
    }

    fn mailboxes(&self) -> Box<dyn Iterator<Item = &Mailbox> + '_> {
        match self {
            Self::Directory(source) => Box::new(source.mailboxes()),
            Self::File(source) => Box::new(source.mailboxes().iter()),
        }
    }

    fn troubles(&self) -> Vec<String> {
        match self {
            Self::Directory(source) => source.troubles().collect(),
            Self::File(source) => source.troubles().collect(),
        }
    }
}

/// What holds for every link unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Defaults {
    pub google: Arc<Google>,
    pub smtp: Arc<SmtpServer>,
    pub imap: Arc<ImapServer>,
    /// As the main file writes them; a mailbox's own go over them.
    pub checks: check::Config,
    /// The same, settled.
    pub settings: Arc<Settings>,
    pub time_zone: Tz,
    pub ids: Ids,
}

/// What a link may be called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ids {
    /// Anything; by its address where nothing else is said.
    Free,
    /// Anything that does not tell its address.
    WithoutAddress,
}

/// All sources, in the order in which they claim ids: the main file, then the others as it names them.
#[derive(Debug)]
pub struct Sources {
    clients: Clients,
    defaults: Defaults,
    sources: Vec<Source>,
    shard: Shard,
}

impl Sources {
    pub(crate) fn new(clients: Clients, defaults: Defaults, sources: Vec<Source>) -> Self {
        Self { clients, defaults, sources, shard: Shard::default() }
    }

    /// Only the links of this shard, from now on.
    pub fn only(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Looks at every file that is watched, reads what changed, and returns what holds now. It blocks, mostly for no
    /// longer than it takes to ask the state of every secret's file.
    pub fn read_now(&mut self) -> Links {
        self.clients.poll();
        for source in &mut self.sources {
            source.poll(&self.clients, &self.defaults);
        }
        self.links()
    }

    fn links(&self) -> Links {
        let mut taken = HashMap::new();
        let mut links = Links::default();
        for source in &self.sources {
            let mut troubles = source.troubles();
            if matches!(source, Source::File(_)) {
                troubles.extend(self.clients.troubles());
            }
            for mailbox in source.mailboxes() {
                let link = &mailbox.watched().link;
                if let Some(first) = taken.get(&link.id) {
                    let (place, id) = (mailbox.place(), &link.id);
                    troubles.push(format!("{place}: {id} is the id of the link at {first}, too, which came first; give this one another"));
                    continue;
                }
                taken.insert(&link.id, mailbox.place());
                if self.shard.keeps(&link.id) {
                    links.watched.push(mailbox.watched().clone());
                }
            }
            links.sources.insert(source.name().clone(), state(troubles));
        }
        links
    }

    /// Sends the links when they have changed, until it is stopped. Dropped half-way, it leaves a last look at the files
    /// to end by itself, whose result goes nowhere.
    pub async fn watch(mut self, links: watch::Sender<Links>, stop: CancellationToken) {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            let look = spawn_blocking(move || {
                let now = self.read_now();
                (self, now)
            });
            let now;
            tokio::select! {
                () = stop.cancelled() => return,
                looked = look => match looked {
                    Ok(looked) => (self, now) = looked,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => return,
                },
            }
            links.send_if_modified(|known| {
                let changed = *known != now;
                if changed {
                    *known = now;
                }
                changed
            });
        }
    }

    pub fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.sources.iter()
    }
}

/// How long a changed file goes unnoticed at most.
const EVERY: Duration = Duration::from_secs(10);

/// The first few things that are wrong: a volume that is gone would name ten thousand.
fn state(mut troubles: Vec<String>) -> Result<(), String> {
    let more = troubles.len().saturating_sub(MOST);
    troubles.truncate(MOST);
    if more > 0 {
        troubles.push(format!("and {more} more"));
    }
    if troubles.is_empty() { Ok(()) } else { Err(troubles.join("\n")) }
}

const MOST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_with_ten_thousand_troubles_names_the_first() {
        assert_eq!(state(Vec::new()), Ok(()));
        let troubles = (0..10_000).map(|number| format!("trouble {number}")).collect();
        let said = state(troubles).unwrap_err();
        assert_eq!(said.lines().last(), Some("and 9980 more"));
        assert_eq!((said.lines().count(), said.lines().next()), (MOST + 1, Some("trouble 0")));
    }
}
