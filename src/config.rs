//! The main configuration file: each part's keys together, read once, checked as a whole.
//!
//! Invariant: what is loaded is complete and consistent; nothing later finds a setting wrong.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono_tz::Tz;
use serde::Deserialize;

use crate::{
    check,
    metrics::Privacy,
    notify,
    source::{
        Defaults, Source, Sources, Unreadable,
        client::{self, Clients},
        file, listed, mailbox,
    },
    yaml::{self, At, Reading, nearest},
};

mod google;
mod masked;
mod privacy;

pub use crate::yaml::{Mistake, Mistakes};
pub use masked::masked;
pub(crate) use masked::scalar;

/// The keys of the main file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    clients: Option<BTreeMap<String, At<client::Config>>>,
    mailboxes: Option<Vec<At<mailbox::Config>>>,
    checks: Option<check::Config>,
    sources: Option<Vec<At<listed::Config>>>,
    /// Whose clocks schedules are read by: an IANA name; UTC, if not given.
    time_zone: Option<At<String>>,
    privacy: Option<privacy::Config>,
    google: Option<google::Config>,
    on_change: Option<notify::Config>,
}

/// A configuration as understood, every default filled in.
#[derive(Debug)]
pub struct Loaded {
    /// What holds for every link is in [`Sources::defaults`], Google's endpoints too.
    pub sources: Sources,
    /// Certificates in PEM that are trusted besides the system's. The file was there.
    pub ca_file: Option<PathBuf>,
    pub privacy: Privacy,
    /// Who is told of links that break and heal.
    pub on_change: notify::Channels,
}

/// Reads the main file and the secrets it names. It blocks.
///
/// # Errors
/// All that is wrong, or the first thing where nothing else can be understood because of it.
pub fn load(path: &Path) -> Result<Loaded, Mistakes> {
    read(path, Unreadable::Refused)
}

/// The same for who makes or ends a link: there may be no mailbox yet, and one may be without its token.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_to_link(path: &Path) -> Result<Loaded, Mistakes> {
    read(path, Unreadable::Tolerated)
}

fn read(path: &Path, tokens: Unreadable) -> Result<Loaded, Mistakes> {
    let path: Arc<Path> = path.into();
    let keys: Keys = yaml::read(&path).map_err(|mut mistake| {
        if !path.exists() {
            mistake.what += "; name one by --config.file, or begin with examples/minimal.yaml";
        }
        mistake
    })?;
    let mut reading = Reading::new(path);
    let time_zone = keys.time_zone.and_then(|at| reading.understand(&at, time_zone));
    let time_zone = time_zone.unwrap_or(Tz::UTC);
    let privacy = keys.privacy.unwrap_or_default().settle(&mut reading);
    let endpoints = keys.google.unwrap_or_default().settle(&mut reading);
    let on_change = keys.on_change.unwrap_or_default().settle(&mut reading);
    let mut checks = keys.checks.unwrap_or_default();
    let consent = checks.consent.take().map(|at| at.value).unwrap_or_default();
    let defaults = Defaults {
        google: endpoints.google,
        smtp: endpoints.smtp,
        imap: endpoints.imap,
        settings: Arc::new(checks.clone().settle(time_zone)),
        consent: consent.settle(time_zone),
        checks,
        time_zone,
        ids: privacy::ids(&privacy),
    };
    let clients =
        Clients::read(keys.clients.unwrap_or_default(), Unreadable::Refused, &mut reading);
    let mailboxes = keys.mailboxes.unwrap_or_default();
    let main = file::Source::main(&mailboxes, &clients, &defaults, tokens, &mut reading);
    let listed = listed::settle(keys.sources.unwrap_or_default(), &defaults, &mut reading);
    if mailboxes.is_empty() && listed.is_empty() && tokens == Unreadable::Refused {
        reading.wrong_altogether(
            "there is nothing to watch; list mailboxes: here, or a directory of them or an Odoo under sources:",
        );
    }
    let sources = std::iter::once(Source::File(main)).chain(listed).collect();
    let sources = Sources::new(clients, defaults, sources);
    reading.end(Loaded { sources, ca_file: endpoints.ca_file, privacy, on_change })
}

fn time_zone(written: &str) -> Result<Tz, String> {
    written.parse().map_err(|_| {
        let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let near = nearest(written, known).unwrap_or("Europe/Paris");
        format!("{written:?} is no time zone; write a name such as {near}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_file_is_told_where_to_begin() {
        let said = load(Path::new("nowhere.yaml")).unwrap_err().to_string();
        assert!(said.contains("no such file; name one by --config.file"), "{said}");
    }
}
