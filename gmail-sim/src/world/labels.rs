//! How messages change: as labels, which is Gmail's way, or as copies in folders, which is everybody
//! else's. All that a client changes goes through a [`Hand`], and is written down.
//!
//! Gmail's way: a message stands once in the account and carries labels, each of which is a folder;
//! all but spam and the bin is in All Mail. Expunging takes a label away
//! (<https://afterlogic.uservoice.com/forums/932335-webmail-pro/suggestions/40691152-provide-delete-and-archive-buttons-for-gmail-s-pec>);
//! in spam and in the bin it
//! deletes for good. [U]: that a copy into spam or the bin takes the other labels away as a move
//! does, that `\Sent` is a label like any other, and what expunging in All Mail does.

use std::{ops::Range, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    Change, Folder, Letter, Message, Resident, Shelf, Touched, World, mailstore::Mailstore,
};
use crate::header;

/// How a mailbox keeps its messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keeping {
    /// Each copy by itself.
    Folders,
    /// Gmail's way.
    Labels {
        /// Is marking as deleted enough?
        at_once: bool,
        /// What becomes of a message without a label.
        last: ExpungeBehavior,
    },
}

/// What becomes of a message that is expunged from its last label:
/// <https://developers.google.com/gmail/api/reference/rest/v1/ImapSettings>. All Mail is not taken
/// for a label here [U].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpungeBehavior {
    /// It stays in All Mail.
    Archive,
    /// It is gone for good.
    DeleteForever,
    /// It goes into the bin.
    Trash,
}

/// Folders that All Mail does not hold.
fn apart(folder: Folder) -> bool {
    matches!(folder, Folder::Junk | Folder::Trash)
}

fn also_in_all(folder: Folder, keeping: Keeping) -> bool {
    matches!(keeping, Keeping::Labels { .. }) && folder != Folder::All && !apart(folder)
}

impl Mailstore {
    /// Puts a message that is new to the account.
    pub(crate) fn put(&mut self, folder: Folder, letter: Letter, keeping: Keeping) -> u32 {
        if also_in_all(folder, keeping) {
            self.add(Folder::All, letter.clone());
        }
        self.add(folder, letter)
    }

    /// Puts messages that are new to the account: the answer is their UIDs.
    pub(crate) fn put_all(
        &mut self,
        folder: Folder,
        letters: &[Letter],
        keeping: Keeping,
    ) -> Range<u32> {
        if also_in_all(folder, keeping) {
            self.add_all(Folder::All, letters);
        }
        self.add_all(folder, letters)
    }

    /// Puts a message into the bin and takes it out of everything else; what is in the bin or in
    /// spam is gone for good.
    pub(crate) fn throw_away(&mut self, folder: Folder, uid: u32, keeping: Keeping) {
        let Some(message) = self.shelf(folder).messages.get(&uid).cloned() else { return };
        let places = match keeping {
            Keeping::Folders => vec![(folder, uid)],
            Keeping::Labels { .. } => self.places(message.gmail_id),
        };
        if !apart(folder) {
            let Message { gmail_id, raw, recipients, received, flags, .. } = message;
            self.add(Folder::Trash, Letter { gmail_id, raw, recipients, received, flags });
        }
        for (folder, uid) in places {
            self.take(folder, uid);
        }
    }
}

/// A client's hand in a mailbox, for one command.
#[derive(Debug)]
pub(crate) struct Hand<'a> {
    at: SystemTime,
    by: &'a str,
    connection: u64,
    keeping: Keeping,
    resident: &'a mut Resident,
}

impl World {
    /// Lends a hand in a mailbox to a command, after letting mail arrive.
    pub(crate) fn hand<T>(
        &self,
        address: &str,
        (connection, by): (u64, &str),
        act: impl FnOnce(&mut Hand<'_>) -> T,
    ) -> Option<T> {
        let at = self.now();
        let mut state = self.state();
        let resident = state.residents.get_mut(address)?;
        resident.settle(at);
        let keeping = resident.account.keeping();
        Some(act(&mut Hand { at, by, connection, keeping, resident }))
    }
}

impl Hand<'_> {
    pub(crate) fn shelf(&mut self, folder: Folder) -> &mut Shelf {
        self.resident.store.shelf(folder)
    }

    /// The folders that hold a message, besides this one.
    pub(crate) fn elsewhere(&self, gmail_id: u64, but: Folder) -> Vec<Folder> {
        let places = self.resident.store.places(gmail_id).into_iter().map(|(folder, _)| folder);
        let mut others: Vec<Folder> = places.filter(|&folder| folder != but).collect();
        others.sort();
        others.dedup();
        others
    }

    /// Changes a message's flags: the answer is the message as it is then, even if it is gone now.
    pub(crate) fn mark(
        &mut self,
        folder: Folder,
        uid: u32,
        change: impl FnOnce(&mut Message),
    ) -> Option<Message> {
        let message = self.shelf(folder).messages.get_mut(&uid)?;
        let before = Arc::clone(&message.flags);
        change(message);
        let message = message.clone();
        if message.flags == before {
            return Some(message);
        }
        self.write(folder, &message, Change::Flags(message.flags.to_vec()));
        if let Keeping::Labels { at_once, .. } = self.keeping {
            self.share_flags(folder, &message);
            if at_once && message.has_flag(DELETED) {
                self.expunge(folder, uid);
            }
        }
        Some(message)
    }

    /// Takes a message that is marked as deleted out of a folder.
    pub(crate) fn expunge(&mut self, folder: Folder, uid: u32) {
        let Some(message) = self.shelf(folder).messages.get(&uid).cloned() else { return };
        let Keeping::Labels { last, .. } = self.keeping else {
            self.remove(folder, uid);
            return;
        };
        let id = message.gmail_id;
        if apart(folder) {
            self.destroy(id);
            return;
        }
        let others = self.elsewhere(id, folder);
        let labelled = others.iter().any(|&other| other != Folder::All);
        if folder != Folder::All {
            self.remove(folder, uid);
        } else if let Some(kept) = self.shelf(folder).messages.get_mut(&uid) {
            Arc::make_mut(&mut kept.flags).retain(|flag| !flag.eq_ignore_ascii_case(DELETED));
        }
        match last {
            ExpungeBehavior::DeleteForever if !labelled => self.destroy(id),
            ExpungeBehavior::Trash if !labelled => self.banish(&message, Folder::Trash),
            _ => {}
        }
    }

    /// Copies or moves a message: the answer is its UID in the other folder.
    pub(crate) fn carry(&mut self, from: Folder, uid: u32, to: Folder, moves: bool) -> Option<u32> {
        let message = self.shelf(from).messages.get(&uid).cloned()?;
        if matches!(self.keeping, Keeping::Folders) {
            let new = self.copy(&message, to);
            if moves {
                self.remove(from, uid);
            }
            return Some(new);
        }
        if apart(to) {
            if from != to {
                self.banish(&message, to);
            }
            return self.place(message.gmail_id, to);
        }
        if apart(from) {
            self.remove(from, uid);
            self.label(&message, Folder::All);
        }
        let new = self.label(&message, to);
        if moves && from != to && from != Folder::All && !apart(from) {
            self.remove(from, uid);
        }
        Some(new)
    }

    /// Copies a message and leaves it where it is, whatever Gmail would do: half a move.
    pub(crate) fn strand(&mut self, from: Folder, uid: u32, to: Folder) {
        if let Some(message) = self.shelf(from).messages.get(&uid).cloned() {
            self.copy(&message, to);
        }
    }

    /// Takes a label away, as STORE -X-GM-LABELS does.
    pub(crate) fn unlabel(&mut self, gmail_id: u64, folder: Folder) {
        if let Some(uid) = self.place(gmail_id, folder)
            && folder != Folder::All
        {
            self.remove(folder, uid);
        }
    }

    /// The one place where Gmail keeps a message is a label that it has, or gets.
    fn label(&mut self, message: &Message, folder: Folder) -> u32 {
        self.place(message.gmail_id, folder).unwrap_or_else(|| self.copy(message, folder))
    }

    /// Into spam or the bin, and out of everything else.
    fn banish(&mut self, message: &Message, to: Folder) {
        self.label(message, to);
        for (folder, uid) in self.resident.store.places(message.gmail_id) {
            if folder != to {
                self.remove(folder, uid);
            }
        }
    }

    fn destroy(&mut self, gmail_id: u64) {
        for (folder, uid) in self.resident.store.places(gmail_id) {
            self.remove(folder, uid);
        }
    }

    fn place(&self, gmail_id: u64, wanted: Folder) -> Option<u32> {
        let places = self.resident.store.places(gmail_id);
        places.into_iter().find_map(|(folder, uid)| (folder == wanted).then_some(uid))
    }

    fn copy(&mut self, message: &Message, to: Folder) -> u32 {
        let mut letter = Letter {
            gmail_id: message.gmail_id,
            raw: Arc::clone(&message.raw),
            recipients: Arc::clone(&message.recipients),
            received: message.received,
            flags: Arc::clone(&message.flags),
        };
        if matches!(self.keeping, Keeping::Labels { .. }) {
            Arc::make_mut(&mut letter.flags).retain(|flag| !flag.eq_ignore_ascii_case(DELETED));
        }
        let uid = self.resident.store.add(to, letter);
        self.write(to, &Message { uid, ..message.clone() }, Change::Added);
        uid
    }

    fn remove(&mut self, folder: Folder, uid: u32) {
        let Some(message) = self.resident.store.take(folder, uid) else { return };
        let gone = self.resident.store.places(message.gmail_id).is_empty();
        let change = if gone { Change::Destroyed } else { Change::Removed };
        self.write(folder, &message, change);
    }

    /// Gmail's flags are the message's, not the folder's; only the mark for deletion is.
    fn share_flags(&mut self, from: Folder, message: &Message) {
        let deletes = |flag: &String| flag.eq_ignore_ascii_case(DELETED);
        for (folder, uid) in self.resident.store.places(message.gmail_id) {
            let Some(other) = self.shelf(folder).messages.get_mut(&uid) else { continue };
            if folder != from {
                let flags = Arc::make_mut(&mut other.flags);
                flags.retain(deletes);
                flags.extend(message.flags.iter().filter(|flag| !deletes(flag)).cloned());
            }
        }
    }

    fn write(&mut self, folder: Folder, message: &Message, change: Change) {
        self.resident.touched.push(Touched {
            at: self.at,
            by: self.by.to_owned(),
            change,
            connection: self.connection,
            folder,
            gmail_id: message.gmail_id,
            message_id: header::value(&message.raw, "Message-ID"),
            uid: message.uid,
        });
    }
}

const DELETED: &str = "\\Deleted";
