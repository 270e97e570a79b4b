//! The open IMAP sessions of a mailbox.
//!
//! Invariant: a session is counted from its sign-in until its seat is dropped, however it ends.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::sync::mpsc;

use super::World;
use crate::fault::{Mistake, What};

/// The sessions of one mailbox, by connection number.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<u64, Session>,
    peak: usize,
    refused: u64,
    sign_ins: u64,
}

#[derive(Debug)]
struct Session {
    idles: bool,
    teller: mpsc::UnboundedSender<Notice>,
}

/// How many IMAP sessions of a mailbox there are and were, without those of other clients
/// ([`World::occupy`]).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct SessionCount {
    /// In IDLE now.
    pub idling: usize,
    /// Open now.
    pub open: usize,
    /// The most that were open at once.
    pub peak: usize,
    /// Sign-ins that were refused because all seats were taken.
    pub refused: u64,
    /// Sign-ins that succeeded.
    pub sign_ins: u64,
}

/// What an open session is told.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// Something in the mailbox changed.
    Changed,
    /// Misbehave, whatever is going on.
    Misbehave(What),
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

impl Seat {
    /// Notes that the session is in IDLE, or no longer.
    pub(crate) fn idles(&self, idles: bool) {
        if let Some(resident) = self.world.state().residents.get_mut(&self.address)
            && let Some(session) = resident.sessions.open.get_mut(&self.connection)
        {
            session.idles = idles;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(resident) = self.world.state().residents.get_mut(&self.address) {
            resident.sessions.open.remove(&self.connection);
        }
    }
}

impl Sessions {
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// Tells every session of the mailbox.
    pub(crate) fn tell(&self, notice: &Notice) {
        for session in self.open.values() {
            // A session that is just ending no longer listens, which is fine.
            let _ = session.teller.send(notice.clone());
        }
    }

    pub(crate) fn sit(&mut self, world: &World, address: &str, connection: u64) -> Seat {
        let (teller, notices) = mpsc::unbounded_channel();
        self.open.insert(connection, Session { idles: false, teller });
        self.sign_ins += 1;
        self.peak = self.peak.max(self.open.len());
        Seat { address: address.to_owned(), connection, notices, world: world.clone() }
    }

    pub(crate) fn refuse(&mut self) {
        self.refused += 1;
    }

    fn counted(&self) -> SessionCount {
        let idling = self.open.values().filter(|session| session.idles).count();
        let Self { peak, refused, sign_ins, .. } = *self;
        SessionCount { idling, open: self.open.len(), peak, refused, sign_ins }
    }
}

impl World {
    /// How many IMAP sessions of this mailbox are open.
    pub fn sessions(&self, address: &str) -> usize {
        self.session_count(address).open
    }

    /// How many IMAP sessions of this mailbox there are and were.
    pub fn session_count(&self, address: &str) -> SessionCount {
        let state = self.state();
        let resident = state.residents.get(&address.to_lowercase());
        resident.map_or_else(SessionCount::default, |resident| resident.sessions.counted())
    }

    /// Counts anew from now on: the peak is what is open now, and nobody signed in yet.
    pub fn forget_sessions(&self, address: &str) {
        if let Some(resident) = self.state().residents.get_mut(&address.to_lowercase()) {
            let sessions = &mut resident.sessions;
            (sessions.peak, sessions.refused, sessions.sign_ins) = (sessions.open.len(), 0, 0);
        }
    }

    /// Other clients take so many of the mailbox's seats; see
    /// [`Account::imap_sessions_elsewhere`](super::Account::imap_sessions_elsewhere).
    pub fn occupy(&self, address: &str, seats: usize) {
        self.set(address, |account| account.imap_sessions_elsewhere = seats);
    }

    /// Says a line to every open IMAP session of this mailbox, unasked, at once. Sessions end after
    /// a `* BYE`.
    pub fn say_to_sessions(&self, address: &str, line: &str) {
        let line = format!("{}\r\n", line.trim_end()).into_bytes();
        self.tell(address, &Notice::Say(line));
    }

    /// Ends every open IMAP session of this mailbox without a word.
    pub fn drop_sessions(&self, address: &str) {
        self.tell(address, &Notice::Misbehave(What::Close));
    }

    /// Makes every open IMAP session of this mailbox misbehave at once, even while it idles: reset,
    /// stall, say raw bytes, and whatever else is done *instead of* something.
    ///
    /// # Errors
    /// It changes how an answer arrives, and nothing is answered here; or it is HTTP's; or the line
    /// is unknown.
    pub fn disturb_sessions(&self, address: &str, what: What) -> Result<(), Mistake> {
        what.check_unasked()?;
        self.tell(address, &Notice::Misbehave(what));
        Ok(())
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
