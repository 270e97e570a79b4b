//! What becomes of folders by other hands than a client's: the owner's, in a browser, and Google's.

use super::{Folder, Message, Notice, World};

impl World {
    /// Deletes messages of a folder as the owner does in a browser: into the bin, and what is in
    /// the bin or in spam for good. The answer is how many. The closure must not call the world.
    pub fn delete(&self, address: &str, folder: Folder, which: impl Fn(&Message) -> bool) -> usize {
        let now = self.now();
        let mut state = self.state();
        let Some(resident) = state.residents.get_mut(&address.to_lowercase()) else { return 0 };
        resident.settle(now);
        let keeping = resident.account.keeping();
        let messages = resident.store.shelf(folder).messages.values();
        let chosen: Vec<u32> = messages.filter(|message| which(message)).map(|m| m.uid).collect();
        for &uid in &chosen {
            resident.store.throw_away(folder, uid, keeping);
        }
        resident.sessions.tell(&Notice::Changed);
        chosen.len()
    }

    /// Gives a folder another UIDVALIDITY, which is the answer, and its messages other numbers,
    /// counted from one. A session that has it open and does not leave it ends: RFC 3501 section
    /// 2.3.1.1 knows no other UIDVALIDITY while a folder is open. How Gmail does it is [U].
    pub fn renumber(&self, address: &str, folder: Folder) -> u32 {
        let now = self.now();
        let mut state = self.state();
        let resident = state.resident(address);
        resident.settle(now);
        let validity = resident.store.renumber(folder);
        resident.sessions.tell(&Notice::Changed);
        validity
    }
}
