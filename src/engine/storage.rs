//! What outlives the process: links and mailboxes as they were left, and the key of the tokens' fingerprints.
//!
//! Invariant: nobody waits for the disk but one thread, and what it cannot write stops no probe.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    consents::Consent,
    random::random,
    schedule::Schedule,
    state::{LinkState, MailboxState, State},
};
use crate::{
    check::{
        Check,
        consent::{Answer, Applicant},
    },
    domain::{
        clock::{self, Clock, Timestamp},
        fingerprint::Key,
        link::{Address, LinkId},
        sending::Journal,
    },
};

mod file;
mod record;

use file::{File, Row, Rows, Trouble};
pub(super) use record::{OfConsent, OfLink, OfMailbox};

/// What is remembered of links and mailboxes that are not watched, and what is to be written of those that are.
#[derive(Debug)]
pub struct Storage {
    key: Key,
    links: HashMap<LinkId, (Timestamp, OfLink)>,
    mailboxes: HashMap<Address, (Timestamp, OfMailbox)>,
    /// What mailboxes have sent: apart, since it is long and changes rarely.
    sendings: HashMap<Address, (Timestamp, Journal)>,
    /// What was said of clients, by their names.
    consents: HashMap<Arc<str>, (Timestamp, OfConsent)>,
    /// Links that have changed since they were written.
    changed: BTreeSet<LinkId>,
    /// Mailboxes whose sending was counted since.
    counted: BTreeSet<Address>,
    /// Clients of which something was said since.
    answered: BTreeSet<Arc<str>>,
    written: Instant,
    /// When everything was written last, changed or not, so that what is watched is not taken for gone.
    renewed: Option<Timestamp>,
    disk: Disk,
}

#[derive(Debug)]
enum Disk {
    /// None was asked for.
    None,
    /// It could not be used from the start.
    Refused,
    Written(Writer),
}

#[derive(Debug)]
struct Writer {
    batches: SyncSender<Batch>,
    thread: JoinHandle<()>,
    up: Arc<AtomicBool>,
}

/// What is to be written at once.
#[derive(Debug, Default)]
struct Batch {
    links: Vec<(LinkId, Arc<LinkState>, BTreeMap<Check, u32>)>,
    mailboxes: BTreeMap<Address, Arc<MailboxState>>,
    /// The same, of which what was sent is to be written.
    counted: Vec<(Address, Arc<MailboxState>)>,
    consents: Vec<(Arc<str>, Arc<Consent>)>,
    /// Whether all that is watched is among them, so that what is old is gone.
    forget: bool,
}

impl Storage {
    /// Remembers as long as the process lives.
    pub fn in_memory() -> Self {
        Self {
            key: Key::new(random()),
            links: HashMap::new(),
            mailboxes: HashMap::new(),
            sendings: HashMap::new(),
            consents: HashMap::new(),
            changed: BTreeSet::new(),
            counted: BTreeSet::new(),
            answered: BTreeSet::new(),
            written: clock::instant(),
            renewed: None,
            disk: Disk::None,
        }
    }

    /// Reads what an earlier process has left in this directory, and goes on writing there. What cannot be used is
    /// said in the log and by [`Storage::up`], and is no reason not to begin.
    pub fn open(directory: &Path, clock: Clock) -> Self {
        let fresh = Self::in_memory();
        let path = file::path(directory);
        let shown = path.display();
        let mut opened = File::open(directory, &fresh.key);
        if let Err(Trouble::Damaged(why)) = &opened {
            match file::set_aside(&path, clock.now()) {
                Ok(aside) => {
                    tracing::error!(file = %shown, why, aside = %aside.display(), "the storage is damaged: it was set aside, and begins anew");
                    opened = File::open(directory, &fresh.key);
                }
                Err(error) => opened = Err(Trouble::Other(format!("{why}; {error}"))),
            }
        }
        let (file, kept) = match opened {
            Ok(opened) => opened,
            // Only a new file is written to before it is read, so there is nothing to remember.
            Err(trouble @ Trouble::Full(_)) => {
                tell_failing(&path, &trouble);
                let disk = Writer::start(directory.to_owned(), None, fresh.key.clone(), clock);
                return Self { disk, ..fresh };
            }
            Err(trouble) => {
                tracing::error!(file = %shown, why = %trouble, "the storage cannot be used and is left as it is: what is learnt is forgotten at the end");
                return Self { disk: Disk::Refused, ..fresh };
            }
        };
        let mut unread = 0;
        let mut parsed = |row: &Row| {
            let parsed = serde_json::from_str(&row.record).ok();
            unread += usize::from(parsed.is_none());
            parsed
        };
        let links = kept
            .links
            .iter()
            .filter_map(|row| Some((LinkId::parse(&row.name).ok()?, (row.seen, parsed(row)?))));
        let links: HashMap<_, _> = links.collect();
        let mailboxes = kept.mailboxes.iter().filter_map(|row| {
            let record = serde_json::from_str(&row.record).ok()?;
            Some((Address::parse(&row.name).ok()?, (row.seen, record)))
        });
        let mailboxes = mailboxes.collect();
        let sendings = kept.sendings.iter().filter_map(|row| {
            let journal = serde_json::from_str(&row.record).ok()?;
            Some((Address::parse(&row.name).ok()?, (row.seen, journal)))
        });
        let sendings = sendings.collect();
        let consents = kept.consents.iter().filter_map(|row| {
            let record = serde_json::from_str(&row.record).ok()?;
            Some((row.name.as_str().into(), (row.seen, record)))
        });
        let consents = consents.collect();
        if unread > 0 {
            tracing::warn!(file = %shown, unread, "some links in the storage cannot be read");
        }
        tracing::info!(file = %shown, links = links.len(), "remembers");
        let disk = Writer::start(directory.to_owned(), Some(file), kept.key.clone(), clock);
        Self { key: kept.key, links, mailboxes, sendings, consents, disk, ..fresh }
    }

    /// What tokens and links are told apart by.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether what is learnt outlives the process; none where that was not asked for.
    pub(super) fn up(&self) -> Option<bool> {
        match &self.disk {
            Disk::None => None,
            Disk::Refused => Some(false),
            Disk::Written(writer) => Some(writer.up.load(Ordering::Relaxed)),
        }
    }

    /// What is remembered of a link that is watched from now on.
    pub(super) fn recall(&mut self, link: &LinkId) -> Option<OfLink> {
        self.links.remove(link).map(|(_, kept)| kept)
    }

    /// What a mailbox has sent was counted.
    pub(super) fn note_sending(&mut self, mailbox: &Address) {
        if let Disk::Written(_) = self.disk {
            self.counted.insert(mailbox.clone());
        }
    }

    pub(super) fn recall_sending(&mut self, mailbox: &Address) -> Option<Journal> {
        self.sendings.remove(mailbox).map(|(_, journal)| journal)
    }

    /// Google has said something of a client.
    pub(super) fn note_consent(&mut self, client: &Arc<str>) {
        if let Disk::Written(_) = self.disk {
            self.answered.insert(client.clone());
        }
    }

    /// What was said of a client that is asked about from now on, if it is as it was then.
    pub(super) fn recall_consent(&mut self, client: &str, now: &Applicant) -> Option<Answer> {
        let (_, kept) = self.consents.remove(client)?;
        kept.restored(now, &self.key)
    }

    /// Remembers a client that is asked about no more.
    pub(super) fn keep_consent(&mut self, client: &Arc<str>, known: &Consent, now: Timestamp) {
        if let Some(answer) = &known.answer {
            let kept = OfConsent::new(&known.applicant, answer, &self.key);
            self.consents.insert(client.clone(), (now, kept));
        }
    }

    pub(super) fn recall_mailbox(&mut self, mailbox: &Address) -> Option<OfMailbox> {
        self.mailboxes.remove(mailbox).map(|(_, kept)| kept)
    }

    /// Remembers a link that is watched no more.
    pub(super) fn keep(&mut self, state: &LinkState, now: Timestamp) {
        let kept = OfLink::new(state, &BTreeMap::new(), &self.key);
        self.links.insert(state.watched.link.id.clone(), (now, kept));
    }

    pub(super) fn keep_mailbox(&mut self, mailbox: &Address, state: &MailboxState, now: Timestamp) {
        let kept = OfMailbox::new(mailbox, state);
        self.mailboxes.insert(mailbox.clone(), (now, kept));
        if let Some(sending) = &state.sending {
            self.sendings.insert(mailbox.clone(), (now, sending.journal.clone()));
        }
    }

    /// Something is known of the link that was not written yet.
    pub(super) fn note(&mut self, link: &LinkId) {
        if let Disk::Written(_) = self.disk {
            self.changed.insert(link.clone());
        }
    }

    /// Until something is to be written.
    pub(super) fn pause(&self) -> Option<Duration> {
        let waits = self.has_news() || self.up() == Some(false);
        let Disk::Written(_) = self.disk else { return None };
        waits.then(|| self.every().saturating_sub(self.written.elapsed()))
    }

    fn has_news(&self) -> bool {
        !self.changed.is_empty() || !self.answered.is_empty()
    }

    /// What is written is not more than this old; a disk that refused is asked more rarely.
    fn every(&self) -> Duration {
        if self.up() == Some(false) { TRY_AGAIN } else { EVERY }
    }

    /// Writes what has changed if it is time, and forgets what was not watched for long.
    pub(super) fn write(&mut self, state: &State, schedule: &Schedule, now: Timestamp) {
        // At the start the sources have not said yet what is still watched.
        let stale = now.since(*self.renewed.get_or_insert(now)) >= RENEWED;
        let failing = self.up() == Some(false);
        let waits = stale || failing || self.has_news();
        if !waits || self.written.elapsed() < self.every() {
            return;
        }
        if stale {
            let keep = now - FORGOTTEN;
            self.links.retain(|_, (seen, _)| *seen >= keep);
            self.mailboxes.retain(|_, (seen, _)| *seen >= keep);
            self.sendings.retain(|_, (seen, _)| *seen >= keep);
            self.consents.retain(|_, (seen, _)| *seen >= keep);
            self.renewed = Some(now);
        }
        let Disk::Written(writer) = &self.disk else { return };
        let mut batch = self.batch(state, schedule, stale || failing);
        batch.forget = stale;
        self.written = clock::instant();
        match writer.batches.try_send(batch) {
            Ok(()) => {
                self.changed.clear();
                self.counted.clear();
                self.answered.clear();
            }
            // The disk is slow: with the next one, then.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => writer.up.store(false, Ordering::Relaxed),
        }
    }

    fn batch(&self, state: &State, schedule: &Schedule, all: bool) -> Batch {
        let mut batch = Batch::default();
        let every = state.links().filter(|_| all);
        for id in self.changed.iter().chain(every) {
            let Some(link) = state.link(id) else { continue };
            let mailbox = &link.watched.link.mailbox;
            if let Some(known) = state.mailbox(mailbox) {
                batch.mailboxes.insert(mailbox.clone(), known.clone());
            }
            batch.links.push((id.clone(), link.clone(), schedule.streaks(id)));
        }
        let counted =
            self.counted.iter().filter(|_| !all).chain(batch.mailboxes.keys().filter(|_| all));
        let counted = counted.filter_map(|it| Some((it.clone(), state.mailbox(it)?.clone())));
        batch.counted = counted.filter(|(_, known)| known.sending.is_some()).collect();
        let consents = state.current().consents.iter();
        let consents = consents.filter(|(client, _)| all || self.answered.contains(*client));
        batch.consents = consents.map(|(client, known)| (client.clone(), known.clone())).collect();
        batch
    }

    /// Writes everything, and waits until that is done.
    pub(super) async fn close(mut self, state: &State, schedule: &Schedule) {
        let batch = self.batch(state, schedule, true);
        let Disk::Written(writer) = std::mem::replace(&mut self.disk, Disk::None) else { return };
        let closing = tokio::task::spawn_blocking(move || {
            // Where the thread has gone, the panic hook has said so.
            let _ = writer.batches.send(batch);
            drop(writer.batches);
            let _ = writer.thread.join();
        });
        // It cannot panic, and nobody cancels it.
        let _ = closing.await;
    }
}

impl Writer {
    /// Without a file it begins as one that failed, and makes the file when it can.
    fn start(directory: PathBuf, file: Option<File>, key: Key, clock: Clock) -> Disk {
        let up = Arc::new(AtomicBool::new(file.is_some()));
        let (batches, received) = sync_channel(1);
        let told = up.clone();
        let run = move || write_all(&received, &directory, file, &key, clock, &told);
        match thread::Builder::new().name("storage".to_owned()).spawn(run) {
            Ok(thread) => Disk::Written(Self { batches, thread, up }),
            Err(error) => {
                tracing::error!(%error, "the storage cannot be written: no thread");
                Disk::Refused
            }
        }
    }
}

/// The life of the thread: writes batches until there can be none any more. One line when it fails, one when it works
/// again; whoever sends batches sends everything while it fails.
fn write_all(
    batches: &Receiver<Batch>,
    directory: &Path,
    mut open: Option<File>,
    key: &Key,
    clock: Clock,
    up: &AtomicBool,
) {
    let path = file::path(directory);
    while let Ok(batch) = batches.recv() {
        let now = clock.now();
        let rows = rows(&batch, key, now);
        let written = match open.take() {
            Some(file) => Ok(file),
            None => File::open(directory, key).map(|(file, _)| file),
        };
        let written = written.and_then(|mut file| {
            let forget = batch.forget.then(|| now - FORGOTTEN);
            let saved = file.save(&rows, forget);
            if !matches!(saved, Err(Trouble::Damaged(_))) {
                open = Some(file);
            }
            saved
        });
        match written {
            Ok(()) if up.swap(true, Ordering::Relaxed) => {}
            Ok(()) => tracing::info!(file = %path.display(), "the storage can be written again"),
            Err(trouble) => {
                if let Trouble::Damaged(_) = trouble {
                    // The next batch holds everything, and makes a new file.
                    let _ = file::set_aside(&path, now);
                }
                if up.swap(false, Ordering::Relaxed) {
                    tell_failing(&path, &trouble);
                }
            }
        }
    }
}

fn tell_failing(file: &Path, why: &Trouble) {
    tracing::error!(file = %file.display(), %why, "the storage cannot be written: what is learnt from now on is forgotten at the end");
}

fn rows(batch: &Batch, key: &Key, seen: Timestamp) -> Rows {
    let links = batch.links.iter().map(|(id, state, streaks)| {
        let record = serde_json::to_string(&OfLink::new(state, streaks, key));
        Row { name: id.to_string(), seen, record: record.expect("its keys are strings") }
    });
    let mailboxes = batch.mailboxes.iter().map(|(address, state)| {
        let record = serde_json::to_string(&OfMailbox::new(address, state));
        Row { name: address.to_string(), seen, record: record.expect("its keys are strings") }
    });
    let sendings = batch.counted.iter().filter_map(|(address, state)| {
        let record = serde_json::to_string(&state.sending.as_ref()?.journal);
        Some(Row { name: address.to_string(), seen, record: record.expect("its keys are strings") })
    });
    let consents = batch.consents.iter().filter_map(|(client, known)| {
        let kept = OfConsent::new(&known.applicant, known.answer.as_ref()?, key);
        let record = serde_json::to_string(&kept).expect("its keys are strings");
        Some(Row { name: client.to_string(), seen, record })
    });
    Rows {
        links: links.collect(),
        mailboxes: mailboxes.collect(),
        sendings: sendings.collect(),
        consents: consents.collect(),
    }
}

/// A process that is killed loses no more than this.
const EVERY: Duration = Duration::from_secs(2);

const TRY_AGAIN: Duration = Duration::from_secs(60);

/// How often all that is watched is marked as such.
const RENEWED: Duration = Duration::from_secs(60 * 60);

/// A link that nobody watched for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(90 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
