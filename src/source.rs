//! Where links come from: the main file and directories, each watched, all of them together the latest set.
//!
//! Invariant: a broken link or an unreadable source never stops the others.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use chrono_tz::Tz;
use tokio::{
    sync::{Notify, watch},
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{self, Settings, Timing, Watched, consent::Applicant},
    domain::link::{Google, ImapServer, LinkId, SmtpServer},
    wire::Wire,
    yaml::Place,
};

mod applicants;
pub mod client;
pub mod directory;
pub mod file;
mod held;
pub mod listed;
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

use applicants::applicants;
use client::Clients;
use mailbox::Mailbox;

/// The latest set of links, of all sources together.
#[derive(Clone, Debug, Default)]
pub struct Links {
    pub watched: Vec<Watched>,
    /// What is wrong with each source at the moment, one thing a line.
    pub sources: BTreeMap<Arc<str>, Result<(), String>>,
    /// Every Odoo as it was seen last.
    pub odoos: BTreeMap<Arc<str>, Arc<odoo::Seen>>,
    /// The clients by which people link, by name.
    pub applicants: BTreeMap<Arc<str>, Applicant>,
    /// When their consent pages are looked at; none before anything was read.
    pub consent: Option<Timing>,
}

/// Ten thousand links are compared every time, so those that are the very same are not looked into.
impl PartialEq for Links {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Watched, two: &Watched| {
            (Arc::ptr_eq(&one.link, &two.link) && Arc::ptr_eq(&one.settings, &two.settings))
                || one == two
        };
        let same_odoo =
            |one: &Arc<odoo::Seen>, two: &Arc<odoo::Seen>| Arc::ptr_eq(one, two) || one == two;
        self.sources == other.sources
            && (&self.applicants, &self.consent) == (&other.applicants, &other.consent)
            && self.odoos.len() == other.odoos.len()
            && self.odoos.values().zip(other.odoos.values()).all(|(one, two)| same_odoo(one, two))
            && self.watched.len() == other.watched.len()
            && self.watched.iter().zip(&other.watched).all(|(one, two)| same(one, two))
    }
}

/// Where some of the links come from.
#[derive(Debug)]
pub enum Source {
    Directory(directory::Source),
    File(file::Source),
    Odoo(odoo::Source),
}

impl Source {
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Directory(source) => source.name(),
            Self::File(source) => source.name(),
            Self::Odoo(source) => source.name(),
        }
    }

    /// Looks for what changed.
    fn poll(&mut self, clients: &Clients, defaults: &Defaults) {
        match self {
            Self::Directory(source) => source.poll(clients, defaults),
            Self::File(source) => source.poll(clients),
            Self::Odoo(source) => source.poll(),
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
    /// When clients are asked about.
    pub consent: Timing,
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

    /// Looks at everything once: at every file that is watched, and at every Odoo.
    pub async fn read_once(&mut self, wire: &Wire) -> Links {
        self.poll();
        let looks = self.odoos().map(|odoo| async {
            let mut watcher = odoo.watcher();
            watcher.look(wire, &self.defaults).await
        });
        futures_util::future::join_all(looks).await;
        self.links()
    }

    /// Looks at every file, and returns what holds now, with Odoos as they were seen last. It blocks, mostly for no longer
    /// than it takes to ask the state of every secret's file.
    pub fn read_now(&mut self) -> Links {
        self.poll();
        self.links()
    }

    fn poll(&mut self) {
        self.clients.poll();
        for source in &mut self.sources {
            source.poll(&self.clients, &self.defaults);
        }
    }

    fn links(&self) -> Links {
        let seen: Vec<_> = self.odoos().map(|odoo| (odoo, odoo.seen())).collect();
        let mut seen = seen.iter();
        let mut links = Links::default();
        let mut all: Vec<&Watched> = Vec::new();
        let mut claims = Claims { taken: HashMap::new(), shard: self.shard };
        for source in &self.sources {
            let mut troubles = Vec::new();
            let mut watched: Vec<(&Watched, Option<&Place>)> = Vec::new();
            match source {
                Source::Directory(directory) => {
                    troubles.extend(directory.troubles());
                    watched.extend(directory.mailboxes().map(Mailbox::claim));
                }
                Source::File(file) => {
                    troubles.extend(file.troubles());
                    troubles.extend(self.clients.troubles());
                    watched.extend(file.mailboxes().iter().map(Mailbox::claim));
                }
                Source::Odoo(_) => {
                    let Some((odoo, seen)) = seen.next() else { continue };
                    troubles.extend(odoo.troubles(seen));
                    watched.extend(seen.links.iter().map(|watched| (watched, None)));
                    links.odoos.insert(odoo.name().clone(), seen.clone());
                }
            }
            all.extend(watched.iter().map(|(watched, _)| watched));
            for (watched, place) in watched {
                claims.claim(source.name(), watched, place, &mut links.watched, &mut troubles);
            }
            links.sources.insert(source.name().clone(), state(troubles));
        }
        links.applicants = applicants(all.into_iter(), &links.odoos, self.shard);
        links.consent = Some(self.defaults.consent.clone());
        links
    }

    fn odoos(&self) -> impl Iterator<Item = &odoo::Source> {
        self.sources.iter().filter_map(|source| match source {
            Source::Odoo(odoo) => Some(odoo),
            Source::Directory(_) | Source::File(_) => None,
        })
    }

    /// What is to outlive a reload of the configuration.
    pub fn remembered(&self) -> Vec<odoo::Remembered> {
        self.odoos().map(odoo::Source::remembered).collect()
    }

    /// Takes over what was known before the configuration was read again.
    pub fn succeed(&mut self, before: &[odoo::Remembered]) {
        for odoo in self.odoos() {
            before.iter().for_each(|before| odoo.succeed(before, &self.defaults));
        }
    }

    /// Sends the links when they have changed, until it is stopped. Dropped half-way, it leaves a last look at the files
    /// to end by itself, whose result goes nowhere.
    pub async fn watch(
        mut self,
        wire: Arc<ArcSwap<Wire>>,
        links: watch::Sender<Links>,
        stop: CancellationToken,
    ) {
        let news = Arc::new(Notify::new());
        let mut watchers = JoinSet::new();
        let defaults = Arc::new(self.defaults.clone());
        for odoo in self.odoos() {
            let (wire, defaults) = (wire.clone(), defaults.clone());
            watchers.spawn(odoo.watcher().run(wire, defaults, news.clone(), stop.clone()));
        }
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = every.tick() => {}
                () = news.notified() => {}
            }
            let look = spawn_blocking(move || {
                let now = self.read_now();
                (self, now)
            });
            let now;
            tokio::select! {
                () = stop.cancelled() => break,
                looked = look => match looked {
                    Ok(looked) => (self, now) = looked,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => break,
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
        while watchers.join_next().await.is_some() {}
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

/// Who came first with an id, and which links are this process's.
struct Claims<'a> {
    taken: HashMap<LinkId, (&'a Arc<str>, Option<Place>)>,
    shard: Shard,
}

impl<'a> Claims<'a> {
    fn claim(
        &mut self,
        source: &'a Arc<str>,
        watched: &Watched,
        place: Option<&Place>,
        links: &mut Vec<Watched>,
        troubles: &mut Vec<String>,
    ) {
        let said = |source: &Arc<str>, place: Option<&Place>| {
            place.map_or_else(|| format!("the source {source}"), ToString::to_string)
        };
        let id = &watched.link.id;
        if let Some((first, first_place)) = self.taken.get(id) {
            let (place, first) = (said(source, place), said(first, first_place.as_ref()));
            troubles.push(format!("{place}: {id} is the id of the link at {first}, too, which came first; give this one another"));
            return;
        }
        self.taken.insert(id.clone(), (source, place.cloned()));
        if self.shard.keeps(&watched.link.mailbox) {
            links.push(watched.clone());
        }
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
