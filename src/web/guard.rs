//! Who may come in: TLS, client certificates and passwords, by the exporter-toolkit's `--web.config.file`.
//! https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
//!
//! Invariant: rules that cannot be read never replace rules that could, and no rules at all only ever come from a file
//! that says so.

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use tokio::{sync::Semaphore, task, time::Instant};
use tokio_rustls::TlsAcceptor;

use super::answer::Answer;
use crate::{
    domain::{clock, secret::Secret},
    yaml::Mistakes,
};

mod rules;
mod tls;

use rules::{Rules, Stamps};

/// The rules in force, and whom they let in lately.
pub struct Guard {
    file: Option<PathBuf>,
    rules: ArcSwap<Rules>,
    looked: Mutex<Looked>,
    /// bcrypt is slow on purpose; strangers must not occupy the whole machine with it.
    gate: Semaphore,
    /// Who showed the right password, by its digest and its hash's, so that another hash is another visitor.
    admitted: Mutex<HashSet<[u8; 32]>>,
}

/// When the rules' files were last looked at, and what they looked like.
struct Looked {
    at: Instant,
    stamps: Stamps,
}

impl Guard {
    /// Lets everybody in, without TLS.
    pub fn open() -> Self {
        Self::new(None, Rules::default(), Stamps::default())
    }

    /// Reads the rules. It blocks.
    ///
    /// # Errors
    /// What is wrong with them, by file, line and column.
    pub fn read(file: &Path) -> Result<Self, Mistakes> {
        let (rules, stamps) = rules::read(file)?;
        Ok(Self::new(Some(file.to_owned()), rules, stamps))
    }

    fn new(file: Option<PathBuf>, rules: Rules, stamps: Stamps) -> Self {
        Self {
            file,
            rules: ArcSwap::from_pointee(rules),
            looked: Mutex::new(Looked { at: clock::instant(), stamps }),
            gate: Semaphore::new(AT_ONCE),
            admitted: Mutex::default(),
        }
    }

    /// Reads the rules again, for the connections to come. It blocks.
    ///
    /// # Errors
    /// What is wrong with them; those from before stay in force then.
    pub fn reload(&self) -> Result<(), Mistakes> {
        let Some(file) = &self.file else { return Ok(()) };
        let (rules, stamps) = rules::read(file)?;
        self.rules.store(Arc::new(rules));
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).stamps = stamps;
        Ok(())
    }

    /// TLS as the rules want it for a new connection. Renewed certificates are noticed here, since whoever renews them
    /// does not tell us.
    pub(super) async fn tls(self: &Arc<Self>) -> Option<TlsAcceptor> {
        if self.file.is_some() {
            let guard = self.clone();
            // A panic would be a bug in reading rules; those in force stay.
            let _ = task::spawn_blocking(move || guard.look()).await;
        }
        self.rules.load().tls.clone()
    }

    pub(super) fn has_tls(&self) -> bool {
        self.rules.load().tls.is_some()
    }

    fn look(&self) {
        let stamps = {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.at.elapsed() < LOOK {
                return;
            }
            looked.at = clock::instant();
            let stamps = looked.stamps.again();
            if stamps == looked.stamps {
                return;
            }
            // Whatever comes of reading them: the same faulty files are not read again.
            looked.stamps = stamps.clone();
            stamps
        };
        match self.reload() {
            Ok(()) => tracing::info!(files = stamps.count(), "the web configuration was reloaded"),
            Err(mistakes) => {
                tracing::warn!(%mistakes, "the web configuration changed and cannot be read; it stays as it was");
            }
        }
    }

    /// Whether the request may be answered.
    pub(super) async fn admits(&self, headers: &HeaderMap) -> bool {
        let rules = self.rules.load_full();
        let Some(costliest) = &rules.costliest else { return true };
        let Some((user, password)) = credentials(headers) else { return false };
        // An unknown user takes as long as a wrong password.
        let (hash, known) = match rules.users.get(&user) {
            Some(hash) => (hash, true),
            None => (costliest, false),
        };
        let visitor = digest(&[&user, password.expose(), hash.as_secret().expose()]);
        if known && self.admitted.lock().unwrap_or_else(PoisonError::into_inner).contains(&visitor)
        {
            return true;
        }
        let Ok(_permit) = self.gate.acquire().await else { return false };
        let hash = hash.clone();
        let verified = task::spawn_blocking(move || hash.is_of(&password));
        let admitted = verified.await.unwrap_or(false) && known;
        if admitted {
            let mut visitors = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
            if visitors.len() >= REMEMBERED {
                visitors.clear();
            }
            visitors.insert(visitor);
        }
        admitted
    }

    /// Adds the headers that the rules name, over our own.
    pub(super) fn dress(&self, answer: &mut Answer) {
        for (name, value) in &self.rules.load().headers {
            answer.headers_mut().insert(name, value.clone());
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("file", &self.file).finish_non_exhaustive()
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, Secret)> {
    let written = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = written.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

/// Each part after its length, so that no two lists of parts look alike.
/// https://github.com/prometheus/exporter-toolkit/security/advisories/GHSA-7rg2-cxvp-9p7p
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// Passwords examined at once.
const AT_ONCE: usize = 2;

/// Visitors who need not show their password's hash again.
const REMEMBERED: usize = 64;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
