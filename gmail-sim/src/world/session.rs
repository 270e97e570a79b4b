//! The open IMAP sessions of a mailbox.
//!
//! Invariant: a session is counted from its sign-in until its seat is dropped, however it ends.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::World;

/// The sessions of one mailbox, by connection number.
#[derive(Debug, Default)]
pub(crate) struct Sessions(BTreeMap<u64, mpsc::UnboundedSender<Notice>>);

/// What an open session is told.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// Something in the mailbox changed.
    Changed,
    /// Hang up without a word.
    Drop,
    /// Say these bytes; hang up after a BYE.
    Say(Vec<u8>),
}

/// A session's place among those of its mailbox.
#[derive(Debug)]
pub(crate) struct Seat {
    address: String,
    connection: u64,
    pub(crate) notices: mpsc::UnboundedReceiver<Notice>,
    world: World,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(resident) = self.world.state().residents.get_mut(&self.address) {
            resident.sessions.0.remove(&self.connection);
        }
    }
}

impl Sessions {
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Tells every session of the mailbox.
    pub(crate) fn tell(&self, notice: &Notice) {
        for session in self.0.values() {
            // A session that is just ending no longer listens, which is fine.
            let _ = session.send(notice.clone());
        }
    }

    pub(crate) fn sit(&mut self, world: &World, address: &str, connection: u64) -> Seat {
        let (teller, notices) = mpsc::unbounded_channel();
        self.0.insert(connection, teller);
        Seat { address: address.to_owned(), connection, notices, world: world.clone() }
    }
}

impl World {
    /// How many IMAP sessions of this mailbox are open.
    pub fn sessions(&self, address: &str) -> usize {
        let state = self.state();
        state.residents.get(&address.to_lowercase()).map_or(0, |r| r.sessions.count())
    }

    /// Says a line to every open IMAP session of this mailbox, unasked, at once. Sessions end after
    /// a `* BYE`.
    pub fn say_to_sessions(&self, address: &str, line: &str) {
        let line = format!("{}\r\n", line.trim_end()).into_bytes();
        self.tell(address, &Notice::Say(line));
    }

    /// Ends every open IMAP session of this mailbox without a word.
    pub fn drop_sessions(&self, address: &str) {
        self.tell(address, &Notice::Drop);
    }

    pub(crate) fn tell_changed(&self, address: &str) {
        self.tell(address, &Notice::Changed);
    }

    fn tell(&self, address: &str, notice: &Notice) {
        let state = self.state();
        if let Some(resident) = state.residents.get(&address.to_lowercase()) {
            resident.sessions.tell(notice);
        }
    }
}
