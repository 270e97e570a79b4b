//! Mail goes from SMTP into folders; tests and presets put it there by hand.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Arrival, Bounce, Delivery, Folder, Letter, Message, Notice, Resident, State, WhenFull, World,
    bounce::Returned,
    stamp::{self, Way},
};

/// The reach of a simulated world: what becomes of a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Recipient {
    /// Somewhere else: accepted and dropped.
    Elsewhere,
    /// A simulated mailbox without room, which says so with this line.
    Full(&'static str),
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
            flags: Arc::new(flags.iter().map(|&flag| flag.to_owned()).collect()),
        };
        let mut state = self.state();
        let resident = state.resident(address);
        let uid = resident.store.put(folder, letter, resident.account.keeping());
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
        resident.settle(now);
        resident.store.shelf(folder).messages.values().cloned().collect()
    }

    /// Says what becomes of the next message to this address, simulated or not; said twice, it is
    /// about the next two, in this order. RCPT takes the address meanwhile, even if there is nobody
    /// of that name. What happens to the messages after that, the [`Account`](super::Account) says.
    pub fn next_delivery(&self, address: &str, delivery: Delivery) {
        let queue = address.to_lowercase();
        self.state().deliveries.entry(queue).or_default().push_back(delivery);
    }

    pub(crate) fn recipient(&self, address: &str) -> Recipient {
        let address = address.to_lowercase();
        let state = self.state();
        if state.deliveries.contains_key(&address) {
            return Recipient::Elsewhere;
        }
        if let Some(resident) = state.residents.get(&address) {
            return match resident.account.when_full {
                WhenFull::Refused if resident.is_full(1) => {
                    Recipient::Full("smtp.rcpt_over_quota_permanent")
                }
                WhenFull::RefusedForNow if resident.is_full(1) => {
                    Recipient::Full("smtp.rcpt_over_quota")
                }
                _ => Recipient::Here,
            };
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if state.domains.contains(domain) { Recipient::Nobody } else { Recipient::Elsewhere }
    }

    /// Sends a message: a copy to the sender's `\Sent`, and to each recipient what is to become of
    /// it there. Google makes `From` an address of the sender's, and adds its fields to what arrives.
    pub(crate) fn send(&self, sender: &str, recipients: &[String], raw: Vec<u8>) {
        let sent = self.now();
        let mut state = self.state();
        let aliases = state.residents.get(sender).map(|r| r.account.aliases.clone());
        let raw = stamp::with_own_from(raw, sender, &aliases.unwrap_or_default());
        let all: Arc<[String]> = recipients.iter().cloned().collect();
        let letter = |raw: Vec<u8>, flags: &[&str]| Letter {
            gmail_id: self.gmail_id(),
            raw: raw.into(),
            recipients: Arc::clone(&all),
            received: sent,
            flags: Arc::new(flags.iter().map(|&flag| flag.to_owned()).collect()),
        };
        if let Some(resident) = state.residents.get_mut(sender) {
            resident.count_sent(sent, 1, recipients.len() as u64);
            let keeping = resident.account.keeping();
            resident.store.put(Folder::Sent, letter(raw.clone(), &["\\Seen"]), keeping);
            resident.sessions.tell(&Notice::Changed);
        }
        for recipient in recipients {
            let Delivery { apart, arrival, copies, delay } = state.becomes(recipient, raw.len());
            let at = sent + Duration::from_secs(delay);
            let folder = match arrival {
                Arrival::Bounced(why) => {
                    let number = self.number();
                    let original = &raw;
                    let returned = Returned { at, number, original, recipient, sender, sent, why };
                    let notice = Letter {
                        recipients: Arc::new([sender.to_owned()]),
                        ..letter(returned.message(), &[])
                    };
                    state.expect(sender, at, Folder::Inbox, notice);
                    continue;
                }
                Arrival::Inbox => Folder::Inbox,
                Arrival::Lost => continue,
                Arrival::Spam => Folder::Junk,
            };
            let Some(resident) = state.residents.get(&recipient.to_lowercase()) else { continue };
            let authentication = resident.account.authentication;
            for copy in 0..copies {
                let arrived = at + Duration::from_secs(apart) * copy;
                let number = self.number();
                let way = Way { arrived, authentication, number, recipient, sender, sent };
                state.expect(recipient, arrived, folder, letter(way.stamp(&raw), &[]));
            }
        }
        for address in recipients.iter().map(|recipient| &**recipient).chain([sender]) {
            if let Some(resident) = state.residents.get_mut(&address.to_lowercase()) {
                resident.settle(sent);
                resident.sessions.tell(&Notice::Changed);
            }
        }
    }

    /// When mail that is on its way to this mailbox arrives next.
    pub(crate) fn next_arrival(&self, address: &str) -> Option<SystemTime> {
        self.state().residents.get(address)?.store.next_arrival()
    }

    pub(super) fn gmail_id(&self) -> u64 {
        1_592_225_494_819_146_101 + self.number()
    }
}

impl State {
    /// What becomes of a message of this size to this recipient; what was queued is used up.
    fn becomes(&mut self, recipient: &str, size: usize) -> Delivery {
        let address = recipient.to_lowercase();
        if let Some(queue) = self.deliveries.get_mut(&address) {
            let next = queue.pop_front();
            if queue.is_empty() {
                self.deliveries.remove(&address);
            }
            if let Some(delivery) = next {
                return delivery;
            }
        }
        let Some(resident) = self.residents.get(&address) else { return Delivery::default() };
        let delivery = resident.account.delivery();
        match resident.is_full(size as u64) {
            true => Delivery { arrival: Arrival::Bounced(Bounce::OverQuota), ..delivery },
            false => delivery,
        }
    }

    fn expect(&mut self, address: &str, at: SystemTime, folder: Folder, letter: Letter) {
        if let Some(resident) = self.residents.get_mut(&address.to_lowercase()) {
            resident.store.expect(at, folder, letter);
        }
    }
}

impl Resident {
    /// Is there no room for so many bytes more?
    fn is_full(&self, more: u64) -> bool {
        self.account.storage_used + self.store.bytes + more > self.account.storage_limit
    }
}
