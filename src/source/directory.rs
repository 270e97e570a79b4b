//! A directory of files with mailboxes: files may come, change and go while the program runs.
//!
//! Invariant: a faulty file keeps its last good links, and stops no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::{
    Defaults,
    client::{self, Clients},
    file,
    mailbox::{self, Mailbox},
    stamp::Seen,
};
use crate::yaml::{self, At, Mistakes, Reading};

/// The keys of a file in the directory.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    clients: Option<BTreeMap<String, At<client::Config>>>,
    mailboxes: Option<Vec<At<mailbox::Config>>>,
}

/// All files of one directory whose names end in `.yaml` or `.yml`, hidden ones left out.
#[derive(Debug)]
pub struct Source {
    name: Arc<str>,
    path: PathBuf,
    files: BTreeMap<OsString, Entry>,
    /// Why the directory could not be listed last time.
    trouble: Option<String>,
}

#[derive(Debug, Default)]
struct Entry {
    seen: Seen,
    good: Option<file::Source>,
    mistakes: Option<Mistakes>,
}

impl Source {
    /// Nothing is read before the first poll.
    pub(crate) fn new(name: Arc<str>, path: PathBuf) -> Self {
        Self { name, path, files: BTreeMap::new(), trouble: None }
    }

    /// Reads what changed. A directory that cannot be listed keeps its files.
    pub(super) fn poll(&mut self, shared: &Clients, defaults: &Defaults) {
        match list(&self.path) {
            Ok(names) => {
                self.files.retain(|name, _| names.contains(name));
                for name in names {
                    self.files.entry(name).or_default();
                }
                self.trouble = None;
            }
            Err(error) => {
                let path = self.path.display();
                self.trouble = Some(format!("the directory {path} cannot be listed: {error}"));
            }
        }
        for (file, entry) in &mut self.files {
            let file = self.path.join(file);
            if entry.seen.is_news(&file) {
                entry.read(&self.name, file.into(), shared, defaults);
            }
            if let Some(good) = &mut entry.good {
                good.poll(shared);
            }
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.good().flat_map(file::Source::mailboxes)
    }

    /// What is wrong in the directory at the moment.
    pub(super) fn troubles(&self) -> impl Iterator<Item = String> {
        let mistakes = self.files.values().filter_map(|entry| entry.mistakes.as_ref());
        let mistakes = mistakes.flat_map(Mistakes::iter).map(ToString::to_string);
        let secrets = self.good().flat_map(file::Source::troubles);
        self.trouble.iter().cloned().chain(mistakes).chain(secrets)
    }

    fn good(&self) -> impl Iterator<Item = &file::Source> {
        self.files.values().filter_map(|entry| entry.good.as_ref())
    }
}

impl Entry {
    fn read(&mut self, name: &Arc<str>, path: Arc<Path>, shared: &Clients, defaults: &Defaults) {
        let read = yaml::read(&path).map_err(Mistakes::from).and_then(|keys: Keys| {
            let mut reading = Reading::new(path);
            let clients = keys.clients.unwrap_or_default();
            let mailboxes = keys.mailboxes.unwrap_or_default();
            let source = file::Source::of_directory(
                name.clone(),
                clients,
                &mailboxes,
                shared,
                defaults,
                &mut reading,
            );
            reading.end(source)
        });
        match read {
            Ok(mut source) => {
                if let Some(before) = self.good.take() {
                    source.succeed(before);
                }
                (self.good, self.mistakes) = (Some(source), None);
            }
            Err(mistakes) => self.mistakes = Some(mistakes),
        }
    }
}

fn list(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    let is_ours = |name: &OsString| {
        let name = name.as_encoded_bytes();
        !name.starts_with(b".") && (name.ends_with(b".yaml") || name.ends_with(b".yml"))
    };
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
    names.filter(|name| name.as_ref().map_or(true, is_ours)).collect()
}
