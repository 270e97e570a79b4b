//! Which messages clients changed, and by which command: so that a test can hold that nothing else
//! was touched.

use std::{fmt, time::SystemTime};

use serde::Serialize;

use super::{Folder, World};

/// One change of one message by IMAP.
#[derive(Clone, Debug, Serialize)]
pub struct Touched {
    /// When, by the simulator's clock; seconds since 1970 in JSON.
    #[serde(serialize_with = "super::asked::unix_seconds")]
    pub at: SystemTime,
    /// The command, as in [`Asked`](super::Asked).
    pub by: String,
    /// What became of it.
    pub change: Change,
    /// The connection's number, as in [`Asked`](super::Asked).
    pub connection: u64,
    /// In which folder.
    pub folder: Folder,
    /// The message's number in the account, the same in every folder.
    pub gmail_id: u64,
    /// The message's own `Message-ID`, if it has one.
    pub message_id: Option<String>,
    /// Its number in the folder.
    pub uid: u32,
}

/// What became of a message in a folder.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came into the folder.
    Added,
    /// It left the folder, and no other one holds it.
    Destroyed,
    /// It has these flags now, and had others before.
    Flags(Vec<String>),
    /// It left the folder; another one holds it.
    Removed,
}

impl fmt::Display for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.message_id.as_deref().unwrap_or("-");
        write!(f, "{:?} {} {id}: {:?} by {}", self.folder, self.uid, self.change, self.by)
    }
}

impl World {
    /// Every change that clients made to messages of this mailbox, in order.
    pub fn touched(&self, address: &str) -> Vec<Touched> {
        let state = self.state();
        let resident = state.residents.get(&address.to_lowercase());
        resident.map_or_else(Vec::new, |resident| resident.touched.clone())
    }
}
