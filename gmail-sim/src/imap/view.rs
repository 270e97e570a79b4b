//! The selected folder as one session sees it: sequence numbers, which only the session moves.

use std::fmt::Write;

use crate::world::{Folder, Shelf};

/// A selected folder.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) folder: Folder,
    pub(super) read_only: bool,
    /// By sequence number less one; ascending.
    pub(super) uids: Vec<u32>,
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
    pub(super) fn of(folder: Folder, shelf: &Shelf, read_only: bool) -> Self {
        let uids = shelf.messages.keys().copied().collect();
        Self { folder, read_only, uids, version: shelf.version }
    }

    /// The untagged lines that bring the client up to date.
    pub(super) fn sync(&mut self, shelf: &Shelf, tell: Tell) -> String {
        let mut lines = String::new();
        if self.version == shelf.version {
            return lines;
        }
        let known = self.uids.last().copied().unwrap_or(0);
        if tell == Tell::All {
            for index in (0..self.uids.len()).rev() {
                if !shelf.messages.contains_key(&self.uids[index]) {
                    self.uids.remove(index);
                    // Writing to a String cannot fail.
                    let _ = write!(lines, "* {} EXPUNGE\r\n", index + 1);
                }
            }
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
