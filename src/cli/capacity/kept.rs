//! What was read of each mailbox, and the file in which it outlives the run.
//!
//! Invariant: the file is replaced as a whole, and only its owner can read it. Recipients are in it as fingerprints.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::seen::Seen;
use crate::{
    domain::{clock, fingerprint::Key, link::Address},
    engine::random::random,
};

/// See the file's head.
#[derive(Debug)]
pub(super) struct Kept {
    path: Option<PathBuf>,
    pub(super) key: Key,
    mailboxes: Mutex<BTreeMap<String, Seen>>,
    saved: Mutex<Instant>,
}

/// As the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    mailbox_exporter_capacity: u32,
    /// What recipients are told apart by, in base64: made anew for every file.
    key: String,
    mailboxes: BTreeMap<String, Seen>,
}

/// The same, to be written.
#[derive(Serialize)]
struct Written<'a> {
    mailbox_exporter_capacity: u32,
    key: String,
    mailboxes: &'a BTreeMap<String, Seen>,
}

impl Kept {
    /// What the file has; a new one is made at once, so that nobody reads for hours what cannot be kept.
    ///
    /// # Errors
    /// It cannot be read or written, or is another file than this command's.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let content = path.and_then(|path| read(path).transpose()).transpose()?;
        let (key, mailboxes) = content.unwrap_or_else(|| (Key::new(random()), BTreeMap::new()));
        let kept = Self {
            path: path.map(Path::to_owned),
            key,
            mailboxes: Mutex::new(mailboxes),
            saved: Mutex::new(clock::instant()),
        };
        kept.save()?;
        Ok(kept)
    }

    pub(super) fn with<T>(&self, mailbox: &Address, look: impl FnOnce(&mut Seen) -> T) -> T {
        let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        look(mailboxes.entry(mailbox.to_string()).or_default())
    }

    /// Writes the file now and then. That it could not is told at the end.
    pub(super) fn save_sometimes(&self) {
        let last = *self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= OFTEN {
            // A disk that is full now may not be at the end.
            let _ = self.save();
        }
    }

    /// # Errors
    /// The file could not be written; the one before stays as it was.
    pub(super) fn save(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let written = Written {
            mailbox_exporter_capacity: VERSION,
            key: STANDARD.encode(self.key.expose()),
            mailboxes: &mailboxes,
        };
        let content = serde_json::to_vec(&written).context("what was read is no JSON")?;
        replace(path, &content)
            .with_context(|| format!("--resume {}: it cannot be written", path.display()))?;
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = clock::instant();
        Ok(())
    }
}

/// None where there is no such file.
fn read(path: &Path) -> anyhow::Result<Option<(Key, BTreeMap<String, Seen>)>> {
    let shown = path.display();
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context(format!("--resume {shown}: it cannot be read")),
    };
    // The error may quote what is none of our business.
    let content: Option<Content> = serde_json::from_slice(&text).ok();
    let content = content.filter(|content| content.mailbox_exporter_capacity == VERSION);
    let key = |content: &Content| Key::from_bytes(&STANDARD.decode(&content.key).ok()?);
    match content.and_then(|content| Some((key(&content)?, content.mailboxes))) {
        Some(content) => Ok(Some(content)),
        None => bail!(
            "--resume {shown}: it is not what this version of `capacity` keeps; name a file that is not there yet"
        ),
    }
}

/// Whoever looks finds the old file or the new one, also after a crash.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&beside);
    }
    written
}

const VERSION: u32 = 1;

/// A crash loses so much at the most.
const OFTEN: Duration = Duration::from_secs(5);
