//! The report: all that was seen, to be attached to a ticket.
//!
//! Invariant: no secret gets into it, and no address that the privacy setting, or `--anonymous`, hides.

mod people;

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

use anyhow::Context;

use self::people::People;
use super::{Seen, links::Visits, network::Roads, said, walk::Walk};
use crate::{app::BUILD, config, domain::clock::Clock};

/// What was said until something failed, redacted.
#[derive(Debug)]
pub(super) struct Failed {
    title: String,
    transcript: Arc<[String]>,
}

/// Of every way and every check that failed.
pub(super) fn failed(roads: &Roads, visits: &Visits) -> Vec<Failed> {
    let roads = roads.0.iter().filter(|road| road.trouble.is_some()).map(|road| Failed {
        title: road.subject.clone(),
        transcript: road.reach.transcript.clone(),
    });
    let links = visits.visited.iter().flat_map(|visited| {
        let id = &visited.watched.link.id;
        let failed = visited.outcomes.iter().filter(|(_, outcome)| outcome.failure().is_some());
        failed.map(move |(check, outcome)| Failed {
            title: format!("{id}: {check}"),
            transcript: outcome.transcript.clone(),
        })
    });
    roads.chain(links).filter(|failed| !failed.transcript.is_empty()).collect()
}

/// The file that it is written to, opened before anything is looked at.
#[derive(Debug)]
pub(super) struct Report(fs::File);

impl Report {
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let open = || {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
            // One that was there before.
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            Ok::<_, io::Error>(file)
        };
        let file =
            open().with_context(|| format!("--report {}: it cannot be written", path.display()))?;
        Ok(Self(file))
    }

    /// # Errors
    /// Where it cannot be written after all.
    pub(super) fn write(
        mut self,
        seen: &Seen,
        walk: Option<&Walk>,
        anonymous: bool,
    ) -> io::Result<()> {
        let text = People::of(walk, anonymous).discreet(&text(seen, walk));
        self.0.write_all(text.as_bytes())?;
        self.0.sync_all()
    }
}

fn text(seen: &Seen, walk: Option<&Walk>) -> String {
    let now = Clock::System.now();
    let mut text = format!(
        "mailbox_exporter doctor, {now}\nversion {} ({}), Rust {}, {} {}\n",
        BUILD.version,
        BUILD.revision,
        BUILD.rust,
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    for (name, odoo) in walk.iter().flat_map(|walk| &walk.links.odoos) {
        if let Some(database) = &odoo.database {
            text += &format!("Odoo {name}: {}\n", database.version);
        }
    }
    text += &heading("What was seen");
    text += &said::text(&seen.steps);
    for failed in &seen.failed {
        text += &heading(&format!("What was said: {}", failed.title));
        failed.transcript.iter().for_each(|line| text += &format!("{line}\n"));
    }
    if let Some(walk) = walk {
        text += &heading("The configuration, secrets as stars");
        text += &config::masked(&walk.loaded);
    }
    text
}

fn heading(words: &str) -> String {
    format!("\n== {words} ==\n\n")
}
