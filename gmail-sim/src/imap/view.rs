//! The selected folder as one session sees it: sequence numbers, which only the session moves.

use std::fmt::Write;

use super::set::Set;
use crate::world::{Folder, Shelf};

/// A selected folder.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) folder: Folder,
    pub(super) read_only: bool,
    removals: u64,
    /// By sequence number less one; ascending.
    pub(super) uids: Vec<u32>,
    validity: u32,
    version: u64,
}

/// Which changes may be told after a command (RFC 3501 section 7.4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tell {
    /// Every change.
    All,
    /// New messages only, because the command may have used sequence numbers.
    New,
}

impl View {
    /// Opens a folder that shows so many messages.
    pub(super) fn of(folder: Folder, shelf: &Shelf, read_only: bool, most: Option<u32>) -> Self {
        Self {
            folder,
            read_only,
            removals: shelf.removals,
            uids: shelf.newest(most),
            validity: shelf.uid_validity,
            version: shelf.version,
        }
    }

    /// Are the numbers still the folder's?
    pub(super) fn is_valid(&self, shelf: &Shelf) -> bool {
        self.validity == shelf.uid_validity
    }

    /// The messages of a set, with their sequence numbers; costs as much as they are many.
    pub(super) fn chosen(&self, set: &Set, by_uid: bool) -> Vec<(usize, u32)> {
        let last_sequence = self.uids.len() as u32;
        let last = if by_uid { self.uids.last().copied().unwrap_or(0) } else { last_sequence };
        let mut chosen = Vec::new();
        for (from, to) in set.ranges(last) {
            let index = |number: u32| match by_uid {
                true => self.uids.partition_point(|&uid| uid < number),
                false => (number.max(1) - 1).min(last_sequence) as usize,
            };
            let (start, end) = (index(from), index(to.saturating_add(1)));
            chosen.extend((start..end).map(|index| (index + 1, self.uids[index])));
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    /// The untagged lines that bring the client up to date.
    pub(super) fn sync(&mut self, shelf: &Shelf, tell: Tell) -> String {
        let mut lines = String::new();
        if self.version == shelf.version {
            return lines;
        }
        let known = self.uids.last().copied().unwrap_or(0);
        if tell == Tell::All {
            if self.removals != shelf.removals {
                let gone = |uid: &u32| !shelf.messages.contains_key(uid);
                for (index, _) in self.uids.iter().enumerate().rev().filter(|(_, uid)| gone(uid)) {
                    // Writing to a String cannot fail.
                    let _ = write!(lines, "* {} EXPUNGE\r\n", index + 1);
                }
                self.uids.retain(|uid| !gone(uid));
            }
            self.removals = shelf.removals;
            self.version = shelf.version;
        }
        let before = self.uids.len();
        self.uids.extend(shelf.messages.range(known + 1..).map(|(uid, _)| *uid));
        if self.uids.len() > before {
            let _ = write!(lines, "* {} EXISTS\r\n", self.uids.len());
        }
        lines
    }
}
