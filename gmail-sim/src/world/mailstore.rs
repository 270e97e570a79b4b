//! The folders of one mailbox and the messages in them.
//!
//! Invariant: a folder's UIDs only grow, and a message's UID never changes while it stays there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use super::labels::Keeping;

/// A folder by what it is for; its name depends on the account's language.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Folder {
    /// All mail.
    All,
    /// Drafts.
    Drafts,
    /// Starred.
    Flagged,
    /// Important.
    Important,
    /// The inbox.
    Inbox,
    /// Spam.
    Junk,
    /// What was sent.
    Sent,
    /// The bin.
    Trash,
}

impl Folder {
    /// Every folder, in the order of a LIST.
    pub const EVERY: [Self; 8] = [
        Self::Inbox,
        Self::All,
        Self::Drafts,
        Self::Flagged,
        Self::Important,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];
}

/// A message in a folder.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Its number in the folder.
    pub uid: u32,
    /// Its number in the account, the same in every folder.
    pub gmail_id: u64,
    /// When it came.
    #[serde(serialize_with = "super::asked::unix_seconds")]
    pub received: SystemTime,
    /// Its flags, with their backslash.
    pub flags: Vec<String>,
    /// Header and body, with CRLF line ends.
    #[serde(serialize_with = "lossy")]
    pub raw: Arc<[u8]>,
    /// SMTP's envelope recipients, where it came or went by SMTP.
    pub recipients: Arc<[String]>,
}

impl Message {
    pub(crate) fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|have| have.eq_ignore_ascii_case(flag))
    }
}

fn lossy<S: serde::Serializer>(raw: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(raw))
}

/// A message before it has a UID.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) gmail_id: u64,
    pub(crate) raw: Arc<[u8]>,
    pub(crate) recipients: Arc<[String]>,
    pub(crate) received: SystemTime,
    pub(crate) flags: Vec<String>,
}

/// One folder's messages.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) messages: BTreeMap<u32, Message>,
    last_uid: u32,
    /// Grows with every change, so that a session sees cheaply whether it has to look.
    pub(crate) version: u64,
}

impl Shelf {
    pub(crate) fn next_uid(&self) -> u32 {
        self.last_uid + 1
    }

    fn add(&mut self, letter: Letter) -> u32 {
        self.last_uid += 1;
        self.version += 1;
        let Letter { gmail_id, raw, recipients, received, flags } = letter;
        let uid = self.last_uid;
        self.messages.insert(uid, Message { uid, gmail_id, received, flags, raw, recipients });
        uid
    }

    fn remove(&mut self, uid: u32) -> Option<Message> {
        self.version += 1;
        self.messages.remove(&uid)
    }

    pub(crate) fn unseen(&self) -> usize {
        self.messages.values().filter(|message| !message.has_flag("\\Seen")).count()
    }
}

/// All folders of one mailbox, and the mail that is still on its way.
#[derive(Debug, Default)]
pub(crate) struct Mailstore {
    /// How much space all messages take; each counts once, whatever holds it.
    pub(crate) bytes: u64,
    coming: Vec<(SystemTime, Folder, Letter)>,
    /// Where each message stands, by its number in the account.
    places: HashMap<u64, Vec<(Folder, u32)>>,
    shelves: BTreeMap<Folder, Shelf>,
}

impl Mailstore {
    pub(crate) fn shelf(&mut self, folder: Folder) -> &mut Shelf {
        self.shelves.entry(folder).or_default()
    }

    /// Where a message stands.
    pub(crate) fn places(&self, gmail_id: u64) -> Vec<(Folder, u32)> {
        self.places.get(&gmail_id).cloned().unwrap_or_default()
    }

    /// Adds a message to this folder and no other.
    pub(crate) fn add(&mut self, folder: Folder, letter: Letter) -> u32 {
        let (id, size) = (letter.gmail_id, letter.raw.len() as u64);
        let uid = self.shelf(folder).add(letter);
        let places = self.places.entry(id).or_default();
        if places.is_empty() {
            self.bytes += size;
        }
        places.push((folder, uid));
        uid
    }

    /// Takes a message out of this folder and no other.
    pub(crate) fn take(&mut self, folder: Folder, uid: u32) -> Option<Message> {
        let message = self.shelf(folder).remove(uid)?;
        let places = self.places.entry(message.gmail_id).or_default();
        places.retain(|&place| place != (folder, uid));
        if places.is_empty() {
            self.places.remove(&message.gmail_id);
            self.bytes -= message.raw.len() as u64;
        }
        Some(message)
    }

    pub(crate) fn expect(&mut self, at: SystemTime, folder: Folder, letter: Letter) {
        self.coming.push((at, folder, letter));
    }

    /// Lets mail arrive whose time has come, in the order of its times.
    pub(crate) fn settle(&mut self, now: SystemTime, keeping: Keeping) {
        if self.coming.is_empty() {
            return;
        }
        let (due, coming) = std::mem::take(&mut self.coming).into_iter().partition(|c| c.0 <= now);
        self.coming = coming;
        let mut due: Vec<(SystemTime, Folder, Letter)> = due;
        due.sort_by_key(|due| due.0);
        for (at, folder, letter) in due {
            self.put(folder, Letter { received: at, ..letter }, keeping);
        }
    }

    /// When the next mail that is on its way arrives.
    pub(crate) fn next_arrival(&self) -> Option<SystemTime> {
        self.coming.iter().map(|coming| coming.0).min()
    }
}
