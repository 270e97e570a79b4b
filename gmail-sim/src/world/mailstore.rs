//! The folders of one mailbox and the messages in them.
//!
//! Invariant: under one UIDVALIDITY a folder's UIDs only grow, and a message's UID never changes
//! while it stays there.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
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
    /// Its flags, with their backslash; those of messages that came together are kept once.
    pub flags: Arc<Vec<String>>,
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
    pub(crate) flags: Arc<Vec<String>>,
}

/// One folder's messages.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) messages: BTreeMap<u32, Message>,
    last_uid: u32,
    /// Grows with every message that leaves, so that a session sees cheaply whether one did.
    pub(crate) removals: u64,
    pub(crate) uid_validity: u32,
    /// Grows with every change, so that a session sees cheaply whether it has to look.
    pub(crate) version: u64,
}

impl Default for Shelf {
    fn default() -> Self {
        let messages = BTreeMap::new();
        Self { messages, last_uid: 0, removals: 0, uid_validity: 1, version: 0 }
    }
}

impl Shelf {
    pub(crate) fn next_uid(&self) -> u32 {
        self.last_uid + 1
    }

    /// The message that a letter becomes, with the next UID.
    fn number(&mut self, letter: Letter) -> Message {
        self.last_uid += 1;
        self.version += 1;
        let Letter { gmail_id, raw, recipients, received, flags } = letter;
        Message { uid: self.last_uid, gmail_id, received, flags, raw, recipients }
    }

    fn add(&mut self, letter: Letter) -> u32 {
        let message = self.number(letter);
        let uid = message.uid;
        self.messages.insert(uid, message);
        uid
    }

    /// The numbers of the newest so many messages; of all where there is no limit.
    pub(crate) fn newest(&self, most: Option<u32>) -> Vec<u32> {
        let most = most.map_or(usize::MAX, |most| most as usize);
        let hidden = self.messages.len().saturating_sub(most);
        self.messages.keys().skip(hidden).copied().collect()
    }

    fn remove(&mut self, uid: u32) -> Option<Message> {
        self.removals += 1;
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

    /// Adds many messages to this folder and no other: the answer is their UIDs.
    pub(crate) fn add_all(&mut self, folder: Folder, letters: &[Letter]) -> Range<u32> {
        let shelf = self.shelves.entry(folder).or_default();
        let first = shelf.next_uid();
        let numbered = letters.iter().map(|letter| shelf.number(letter.clone()));
        let more: Vec<(u32, Message)> = numbered.map(|message| (message.uid, message)).collect();
        // Appending builds a tree without gaps, but looks at all of it.
        match more.len() > shelf.messages.len() {
            true => shelf.messages.append(&mut more.into_iter().collect()),
            false => shelf.messages.extend(more),
        }
        let uids = first..shelf.next_uid();
        for (uid, letter) in uids.clone().zip(letters) {
            // Gmail keeps a message in two folders at least.
            let room = || Vec::with_capacity(2);
            let places = self.places.entry(letter.gmail_id).or_insert_with(room);
            if places.is_empty() {
                self.bytes += letter.raw.len() as u64;
            }
            places.push((folder, uid));
        }
        uids
    }

    /// Gives every message of a folder another number, counted from one, under another UIDVALIDITY,
    /// which is the answer.
    pub(crate) fn renumber(&mut self, folder: Folder) -> u32 {
        let shelf = self.shelves.entry(folder).or_default();
        shelf.uid_validity += 1;
        shelf.version += 1;
        shelf.last_uid = 0;
        for (_, mut message) in std::mem::take(&mut shelf.messages) {
            shelf.last_uid += 1;
            let old = std::mem::replace(&mut message.uid, shelf.last_uid);
            let places = self.places.get_mut(&message.gmail_id).into_iter().flatten();
            places.filter(|place| **place == (folder, old)).for_each(|place| place.1 = message.uid);
            shelf.messages.insert(message.uid, message);
        }
        shelf.uid_validity
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
