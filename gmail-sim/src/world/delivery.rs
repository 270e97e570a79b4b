//! Mail goes from SMTP into folders; tests and presets put it there by hand.

use std::{sync::Arc, time::SystemTime};

use super::{Arrival, Folder, Letter, Message, Notice, World, line};
use crate::lines::Line;

/// The reach of a simulated world: what becomes of a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Recipient {
    /// Somewhere else: accepted and dropped.
    Elsewhere,
    /// A simulated mailbox.
    Here,
    /// Nobody of that name in a simulated domain.
    Nobody,
}

impl World {
    /// Puts a message into a folder, as if it had come at `received`: the answer is its UID. A
    /// mailbox that is not known yet is added.
    pub fn put(
        &self,
        address: &str,
        folder: Folder,
        raw: impl Into<Vec<u8>>,
        received: SystemTime,
        flags: &[&str],
    ) -> u32 {
        let letter = Letter {
            gmail_id: self.gmail_id(),
            raw: raw.into().into(),
            recipients: Arc::new([]),
            received,
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        };
        let mut state = self.state();
        let resident = state.resident(address);
        let uid = resident.store.put(folder, letter);
        resident.sessions.tell(&Notice::Changed);
        uid
    }

    /// The messages in a folder, by UID.
    pub fn messages(&self, address: &str, folder: Folder) -> Vec<Message> {
        let now = self.now();
        let mut state = self.state();
        let Some(resident) = state.residents.get_mut(&address.to_lowercase()) else {
            return Vec::new();
        };
        resident.store.settle(now);
        resident.store.shelf(folder).messages.values().cloned().collect()
    }

    pub(crate) fn recipient(&self, address: &str) -> Recipient {
        let address = address.to_lowercase();
        let state = self.state();
        if state.residents.contains_key(&address) {
            return Recipient::Here;
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if state.domains.contains(domain) { Recipient::Nobody } else { Recipient::Elsewhere }
    }

    /// May this mailbox send one more message today?
    pub(crate) fn may_send(&self, sender: &str) -> Result<(), &'static Line> {
        let now = self.now();
        let mut state = self.state();
        let Some(resident) = state.residents.get_mut(sender) else { return Ok(()) };
        let limit = u64::from(resident.account.daily_sends());
        if resident.sent.sum(now) < limit { Ok(()) } else { Err(line("smtp.daily_limit_user")) }
    }

    /// Counts a message as sent without sending it: a busy day, for tests and presets.
    pub fn count_as_sent(&self, sender: &str, messages: u32) {
        let now = self.now();
        self.state().resident(sender).sent.add(now, u64::from(messages));
    }

    /// Counts bytes as sent by IMAP: a busy day, for tests and presets.
    pub fn count_imap_bytes(&self, address: &str, bytes: u64) {
        let now = self.now();
        self.state().resident(address).imap_bytes.add(now, bytes);
    }

    /// Sends a message: a copy to the sender's `\Sent`, one to each simulated recipient.
    pub(crate) fn send(&self, sender: &str, recipients: &[String], raw: Vec<u8>) {
        let now = self.now();
        let letter = Letter {
            gmail_id: self.gmail_id(),
            raw: raw.into(),
            recipients: recipients.iter().cloned().collect(),
            received: now,
            flags: Vec::new(),
        };
        let mut state = self.state();
        if let Some(resident) = state.residents.get_mut(sender) {
            resident.sent.add(now, 1);
            let copy = Letter { flags: vec!["\\Seen".to_owned()], ..letter.clone() };
            resident.store.put(Folder::Sent, copy);
            resident.sessions.tell(&Notice::Changed);
        }
        for recipient in recipients {
            let Some(resident) = state.residents.get_mut(&recipient.to_lowercase()) else {
                continue;
            };
            let folder = match resident.account.arrival {
                Arrival::Inbox => Folder::Inbox,
                Arrival::Lost => continue,
                Arrival::Spam => Folder::Junk,
            };
            resident.store.expect(now + resident.account.delay(), folder, letter.clone());
            resident.store.settle(now);
            resident.sessions.tell(&Notice::Changed);
        }
    }

    /// When mail that is on its way to this mailbox arrives next.
    pub(crate) fn next_arrival(&self, address: &str) -> Option<SystemTime> {
        self.state().residents.get(address)?.store.next_arrival()
    }

    fn gmail_id(&self) -> u64 {
        1_592_225_494_819_146_101 + self.number()
    }
}
